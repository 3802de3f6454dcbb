/* SPDX-License-Identifier: MIT */
/* graph.c: paths through wakeups. */
#include <stdlib.h>

#include "graph/graph.h"

/* A wakeup: who ended a thread's wait. */
typedef struct {
	gint64 woken_ns;
	guint32 thread;
	guint32 waker; /* G_MAXUINT32: an interrupt, or not known */
} Wake;

struct Graph {
	const History *history, *rows;
	guint threads;
	guint64 n_threads;
	Wake *wakes;           /* by thread, then time */
	guint64 n_wakes;
	guint64 *first;        /* by thread: its first wake; n_threads + 1 numbers */
};

/* ---- Wakeups ---------------------------------------------------------------------------------------------------------- */

static guint32 real_thread(const Graph *g, guint32 serial)
{
	if (serial >= g->n_threads)
		return G_MAXUINT32;
	guint32 same_as = ((const KernelThreadItem *)history_table_get(g->history, g->threads, serial))->same_as;
	return same_as < g->n_threads ? same_as : serial;
}

static const KernelThreadItem *item_of(const Graph *g, guint32 serial)
{
	return history_table_get(g->history, g->threads, serial);
}

static int by_thread(const void *a, const void *b)
{
	const Wake *x = a, *y = b;

	if (x->thread != y->thread)
		return (x->thread > y->thread) - (x->thread < y->thread);
	return (x->woken_ns > y->woken_ns) - (x->woken_ns < y->woken_ns);
}

static void read_wakes(Graph *g)
{
	guint table;

	if (!history_find_table(g->history, KERNEL_LATENCIES_TABLE, sizeof(KernelLatencyItem), &table))
		return;
	g->wakes = g_new(Wake, history_table_len(g->history, table) + 1);
	for (guint64 i = 0; i < history_table_len(g->history, table); i++) {
		const KernelLatencyItem *l = history_table_get(g->history, table, i);
		guint32 thread = real_thread(g, l->thread);

		if (thread != G_MAXUINT32)
			g->wakes[g->n_wakes++] = (Wake){l->woken_ns, thread, l->from == KERNEL_FROM_THREAD ? real_thread(g, l->waker) : G_MAXUINT32};
	}
	qsort(g->wakes, g->n_wakes, sizeof(Wake), by_thread);
}

static void index_wakes(Graph *g)
{
	guint64 at = 0;

	g->first = g_new(guint64, g->n_threads + 1);
	for (guint64 t = 0; t <= g->n_threads; t++) {
		while (at < g->n_wakes && g->wakes[at].thread < t)
			at++;
		g->first[t] = at;
	}
}

Graph *graph_new(const History *history, const History *rows)
{
	Graph *g = g_new0(Graph, 1);

	g->history = history;
	g->rows = rows;
	if (!history_find_table(history, KERNEL_THREADS_TABLE, sizeof(KernelThreadItem), &g->threads)) {
		g_free(g);
		return NULL;
	}
	g->n_threads = history_table_len(history, g->threads);
	read_wakes(g);
	index_wakes(g);
	return g;
}

void graph_free(Graph *g)
{
	if (!g)
		return;
	g_free(g->wakes);
	g_free(g->first);
	g_free(g);
}

/* Who ended the thread's wait at that time; G_MAXUINT32: no thread. */
static guint32 waker_at(const Graph *g, guint32 thread, gint64 time)
{
	guint64 lo = g->first[thread], hi = g->first[thread + 1];

	while (lo < hi) {
		guint64 mid = lo + (hi - lo) / 2;

		if (g->wakes[mid].woken_ns < time)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo < g->first[thread + 1] && g->wakes[lo].woken_ns == time ? g->wakes[lo].waker : G_MAXUINT32;
}

/* ---- Paths -------------------------------------------------------------------------------------------------------------- */

typedef struct {
	const Graph *graph;  /* of the machine where it is now */
	guint machine;
	const GraphWorld *world; /* NULL: there is only one machine */
	GArray *segments;
	GArray *stacks;      /* NULL: nobody asks */
	GHashTable *known;   /* GraphStack -> its place in `stacks`, and one */
	gint64 at;           /* until when it is told, in the machine's clock */
} Path;

static guint stack_hash(gconstpointer data)
{
	const GraphStack *s = data;

	return (s->waiter * 31 + s->thread) * 31 + s->machine;
}

static gboolean stack_equal(gconstpointer a, gconstpointer b)
{
	const GraphStack *x = a, *y = b;

	return x->waiter == y->waiter && x->thread == y->thread && x->machine == y->machine;
}

/* The thread, with who waited for it. */
static guint32 stack_of(Path *p, guint32 waiter, guint32 thread)
{
	GraphStack stack = {waiter, thread, p->machine};

	if (!p->stacks)
		return GRAPH_NO_STACK;
	guint known = GPOINTER_TO_UINT(g_hash_table_lookup(p->known, &stack));
	if (known)
		return known - 1;
	if (p->stacks->len >= GRAPH_STACKS_MAX)
		return waiter;
	g_array_append_val(p->stacks, stack);
	g_hash_table_insert(p->known, g_memdup2(&stack, sizeof(stack)), GUINT_TO_POINTER(p->stacks->len));
	return p->stacks->len - 1;
}

static void add(Path *p, guint32 thread, const HistoryInterval *i, gint64 end, guint depth, guint32 stack)
{
	GraphSegment *last = p->segments->len ? &g_array_index(p->segments, GraphSegment, p->segments->len - 1) : NULL;
	GraphSegment s = {p->at, end, thread, i->detail, i->state, (guint8)depth, stack, p->machine};

	if (end <= p->at)
		return;
	p->at = end;
	if (last && ((last->thread == thread && last->state == s.state && last->detail == s.detail && last->depth == s.depth && last->stack == s.stack &&
		      last->machine == s.machine) ||
		     (p->segments->len >= GRAPH_SEGMENTS_MAX && last->machine == s.machine)))
		last->end_ns = end;
	else
		g_array_append_val(p->segments, s);
}

static gboolean is_blocked(guint state)
{
	return state >= KERNEL_TS_BLOCKED && state <= KERNEL_TS_B_IDLE;
}

static void follow(Path *p, guint32 thread, gint64 end, guint depth, guint32 stack);

/* What the waker did takes the place of the wait, from when the waker is known to have lived. */
static void resolve(Path *p, guint32 thread, guint32 waker, const HistoryInterval *i, guint depth, guint32 stack)
{
	const KernelThreadItem *item = item_of(p->graph, waker);

	if (item->row == KERNEL_NO_ROW)
		return;
	add(p, thread, i, MIN(MAX(history_row_begin(p->graph->rows, item->row), p->at), i->end_ns), depth, stack);
	follow(p, waker, i->end_ns, depth + 1, stack_of(p, stack, waker));
}

/* What the sender of a packet did until it sent it takes the place of the wait; the packet's way is what is left of it. */
static void resolve_packet(Path *p, guint32 thread, const HistoryInterval *i, guint depth, guint32 stack)
{
	const GraphWorld *w = p->world;
	const Path here = *p;
	GraphSender s;

	if (!w || !w->sender(w->user, p->machine, thread, i->end_ns, &s))
		return;
	const KernelThreadItem *item = item_of(s.graph, s.thread);
	gint64 sent = w->convert(w->user, s.machine, p->machine, s.sent_ns);
	if (item->row == KERNEL_NO_ROW || sent <= p->at || sent > i->end_ns)
		return;
	gint64 born = w->convert(w->user, s.machine, p->machine, history_row_begin(s.graph->rows, item->row));
	add(p, thread, i, MIN(MAX(born, p->at), sent), depth, stack);
	p->at = w->convert(w->user, p->machine, s.machine, p->at);
	p->graph = s.graph;
	p->machine = s.machine;
	follow(p, s.thread, s.sent_ns, depth + 1, stack_of(p, stack, s.thread));
	p->graph = here.graph;
	p->machine = here.machine;
	p->at = CLAMP(w->convert(w->user, s.machine, p->machine, p->at), here.at, i->end_ns);
}

/* One thread's time from where the path has come to until `end`. */
static void follow(Path *p, guint32 thread, gint64 end, guint depth, guint32 stack)
{
	const KernelThreadItem *item = item_of(p->graph, thread);
	HistoryWalk walk;
	HistoryInterval i;

	history_walk(&walk, p->graph->rows, item->row, p->at, end);
	while (p->at < end && history_walk_next(&walk, &i)) {
		guint32 waker = G_MAXUINT32;

		if (i.end_ns <= p->at)
			continue;
		/* A wait that goes on beyond the end was not over yet. */
		gboolean over = is_blocked(i.state) && i.end_ns <= end && depth < GRAPH_DEPTH_MAX && p->segments->len < GRAPH_SEGMENTS_MAX;
		if (over)
			waker = waker_at(p->graph, thread, i.end_ns);
		if (waker != G_MAXUINT32 && waker != thread)
			resolve(p, thread, waker, &i, depth, stack);
		else if (over && waker == G_MAXUINT32)
			resolve_packet(p, thread, &i, depth, stack);
		add(p, thread, &i, MIN(i.end_ns, end), depth, stack);
	}
}

void graph_append(const Graph *g, const GraphWorld *world, guint machine, guint32 thread, gint64 begin_ns, gint64 end_ns, GArray *segments, GArray *stacks)
{
	g_autoptr(GHashTable) known = stacks ? g_hash_table_new_full(stack_hash, stack_equal, g_free, NULL) : NULL;
	Path p = {g, machine, world, segments, stacks, known, begin_ns};

	thread = real_thread(g, thread);
	if (thread == G_MAXUINT32 || item_of(g, thread)->row == KERNEL_NO_ROW)
		return;
	guint32 row = item_of(g, thread)->row;
	p.at = MAX(begin_ns, history_row_begin(g->rows, row));
	follow(&p, thread, MIN(end_ns, history_row_end(g->rows, row)), 0, stack_of(&p, GRAPH_NO_STACK, thread));
}

GArray *graph_path(const Graph *g, guint32 thread, gint64 begin_ns, gint64 end_ns)
{
	GArray *segments = g_array_new(FALSE, FALSE, sizeof(GraphSegment));

	graph_append(g, NULL, 0, thread, begin_ns, end_ns, segments, NULL);
	return segments;
}
