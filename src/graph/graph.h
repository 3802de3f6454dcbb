/* SPDX-License-Identifier: MIT */
/*
 * graph/graph.h: the chain of work and waits that made a thread's time as long as it was.
 *
 *     a machine's history --graph_new()--> Graph --graph_path(thread, begin, end)--> segments that cover [begin, end] exactly
 *
 * A thread's own time is its path as long as it is not blocked. While it was blocked, what its waker did until the wakeup is what it waited for: the waker's time takes its
 * place, and where the waker was blocked in that time, its waker's, and so on. What no thread ended (an interrupt: a timer, a disk, the network) stays a wait for its reason. This
 * is the algorithm of Giraldeau and Dagenais (Wait analysis of distributed systems using kernel tracing, 2016), walked forward; docs/analyses/critical-path.md tells where it differs.
 *
 * A wait that a packet ended, of which it is known who sent it, is replaced by what the sender did until then, on whatever machine: a GraphWorld knows. The packet's way stays the wait.
 *
 * Times are those of each machine's own clock.
 */
#ifndef STRATA_GRAPH_GRAPH_H
#define STRATA_GRAPH_GRAPH_H

#include "history/history.h"
#include "kernel/flow.h"

#define GRAPH_DEPTH_MAX    128        /* wakers of wakers; below, a wait stays one */
#define GRAPH_SEGMENTS_MAX (1u << 24) /* of a path; what comes behind is one wait */

typedef struct Graph Graph;

/* A piece of a path. */
typedef struct {
	gint64 begin_ns, end_ns;
	guint32 thread;      /* serial: who did it */
	guint32 detail;      /* text of the graph's rows */
	guint8 state;        /* KernelThreadState */
	guint8 depth;        /* how many wakers away from the thread that was asked about */
	guint32 stack;       /* of graph_append(): who waited for it */
	guint machine;       /* whose thread and clock it is: as the world counts them; 0 without one */
} GraphSegment;

/* A thread that somebody waited for. */
typedef struct {
	guint32 waiter;      /* the GraphStack of who waited; GRAPH_NO_STACK: nobody did, it is the one that was asked about */
	guint32 thread;      /* serial */
	guint machine;
} GraphStack;

/* Who sent what ended a wait. */
typedef struct {
	const Graph *graph;
	guint machine;
	guint32 thread;
	gint64 sent_ns;      /* in that machine's clock */
} GraphSender;

/* Several machines. */
typedef struct {
	/* FALSE: the wait of the thread that was woken then was not ended by a packet, or it isn't known who sent it. */
	gboolean (*sender)(gpointer user, guint machine, guint32 thread, gint64 woken_ns, GraphSender *out);
	/* A time of one machine's clock in another one's. */
	gint64 (*convert)(gpointer user, guint from, guint to, gint64 time);
	gpointer user;
} GraphWorld;

#define GRAPH_NO_STACK   G_MAXUINT32
#define GRAPH_STACKS_MAX (1u << 20) /* more are told as their waiters' */

/*
 * `history` has the tables, `rows` (the same, or of the same row numbers) what threads did: layers/layers.h makes one that knows of the levels below. Both must outlive the
 * graph. NULL: the history has no threads.
 */
Graph *graph_new(const History *history, const History *rows);
void graph_free(Graph *g); /* NULL is fine */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Graph, graph_free)

/*
 * The path of a thread: GraphSegment, in order, without gap or overlap, from begin to end, both cut to the thread's life; those of one thread, state and detail that follow each other are one. The caller frees
 * the array. Empty: the thread has no row, or did not live then.
 */
GArray *graph_path(const Graph *g, guint32 thread, gint64 begin_ns, gint64 end_ns);

/*
 * The same, behind other segments. `stacks` (of GraphStack; may be NULL) gets the chains of waiters, each once in a path. `world` may be NULL; `machine` is the graph's. A segment of another machine than
 * the one before it begins where that ended, give or take what a time loses when it is converted.
 */
void graph_append(const Graph *g, const GraphWorld *world, guint machine, guint32 thread, gint64 begin_ns, gint64 end_ns, GArray *segments, GArray *stacks);

#endif
