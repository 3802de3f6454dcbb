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
 * A GraphWorld knows more. A wait that a packet ended, of which it is known who sent it, is replaced by what the sender did until then, on whatever machine; the packet's way stays the wait, but for the time that it lay in a host's queue, and that the host took to hand it over. A wait that a device's request
 * ended is replaced by what the machine below did for that request, if it is a guest's: the thread that serves the device, the request that this one made, and so on down to the real device.
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
	guint32 device;      /* GRAPH_NONE: `detail` tells; else the wait was for this one: for a disk of the machine's table "disks", for the network one of "net_interfaces"; of SYSCALL: text of the rows: why the vCPU exited */
	guint32 filler;      /* likewise: the thread whose process had most of it meanwhile, if that is another one's; GRAPH_NONE */
} GraphSegment;

/* A thread that somebody waited for. */
typedef struct {
	guint32 waiter;      /* the GraphStack of who waited; GRAPH_NO_STACK: nobody did, it is the one that was asked about */
	guint32 thread;      /* serial */
	guint machine;
} GraphStack;

/* A request to a disk, or a packet in an interface's queue. Times in the clock of the machine that made it. */
typedef struct {
	guint8 state;        /* KERNEL_TS_B_DISK or KERNEL_TS_B_NETWORK */
	guint64 item;        /* of that machine's table "disk_requests" */
	gint64 begin_ns, issued_ns, end_ns; /* `begin_ns`: it is known; then it was given to the driver; then done */
	guint32 device, filler; /* as a segment has them */
} GraphRequest;

/* Something that was done on another machine while one waited; between two of them it is the wait of the one who waits. */
typedef struct {
	const Graph *graph;
	guint machine;
	guint32 thread;      /* who does it */
	gint64 until_ns;     /* in that machine's clock */
	gboolean is_request; /* it is the wait for `request`; else what the thread itself does */
	GraphRequest request;
} GraphStep;

#define GRAPH_REQUESTS_MAX 3
#define GRAPH_STEPS_MAX    6

/* Who sent what ended a wait. */
typedef struct {
	const Graph *graph;
	guint machine;
	guint32 thread;      /* GRAPH_NONE: nobody did, as of an acknowledgement */
	gint64 sent_ns;      /* in that machine's clock */
	guint n_steps;       /* of the packet's way from there, as far as it is known */
	GraphStep steps[GRAPH_STEPS_MAX];
} GraphSender;

/* Several machines. */
typedef struct {
	/* FALSE: the wait of the thread that was woken then was not ended by a packet, or it isn't known who sent it. */
	gboolean (*sender)(gpointer user, guint machine, guint32 thread, gint64 woken_ns, GraphSender *out);
	/* A time of one machine's clock in another one's. */
	gint64 (*convert)(gpointer user, guint from, guint to, gint64 time);
	/* The requests that a thread's wait was for, one after the other; returns how many. 0: a request didn't end it, or it isn't known which. */
	guint (*requests)(gpointer user, guint machine, guint32 thread, const HistoryInterval *wait, GraphRequest out[GRAPH_REQUESTS_MAX]);
	/* What the machine below did for it, in order of time; returns how many steps that are. 0: it is no guest's, or nothing is known. */
	guint (*below)(gpointer user, guint machine, guint64 request, GraphStep steps[GRAPH_STEPS_MAX]);
	gpointer user;
} GraphWorld;

#define GRAPH_NONE       G_MAXUINT32
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
