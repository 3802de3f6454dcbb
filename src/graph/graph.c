/* SPDX-License-Identifier: MIT */
/* graph.c: paths through wakeups. */
#include <stdlib.h>

#include "graph/graph.h"
#include "kvm/rows.h"
#include "kvm/waits.h"

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
	guint32 *vcpu_rows;    /* by thread: the row of the vCPU that it is; KVM_NO_ROW. NULL: there are no VMs */
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
	if (x->woken_ns != y->woken_ns)
		return (x->woken_ns > y->woken_ns) - (x->woken_ns < y->woken_ns);
	return (x->waker > y->waker) - (x->waker < y->waker); /* known ones first */
}

static guint64 len_of(const Graph *g, const char *name, gsize size, guint *table)
{
	return history_find_table(g->history, name, size, table) ? history_table_len(g->history, *table) : 0;
}

static void add_wake(Graph *g, gint64 woken_ns, guint32 thread, guint32 waker)
{
	if (thread != G_MAXUINT32)
		g->wakes[g->n_wakes++] = (Wake){woken_ns, thread, waker};
}

/* What is known of vCPUs: which threads they are, and who woke them, also through an interrupt on another processor. */
static void read_vcpus(Graph *g, guint64 n_waits, guint waits)
{
	guint table;
	guint64 n = len_of(g, KVM_VCPUS_TABLE, sizeof(KvmVcpuItem), &table);

	if (!n)
		return;
	g->vcpu_rows = g_new(guint32, g->n_threads + 1);
	for (guint64 t = 0; t <= g->n_threads; t++)
		g->vcpu_rows[t] = KVM_NO_ROW;
	for (guint64 i = 0; i < n; i++) {
		const KvmVcpuItem *v = history_table_get(g->history, table, i);

		if (real_thread(g, v->thread) != G_MAXUINT32)
			g->vcpu_rows[real_thread(g, v->thread)] = v->row;
	}
	for (guint64 i = 0; i < n_waits; i++) {
		const KvmWaitItem *w = history_table_get(g->history, waits, i);

		if (w->waker != G_MAXUINT32 && w->vcpu < n)
			add_wake(g, w->woken_ns, real_thread(g, ((const KvmVcpuItem *)history_table_get(g->history, table, w->vcpu))->thread), real_thread(g, w->waker));
	}
}

static void read_wakes(Graph *g)
{
	guint latencies, waits;
	guint64 n = len_of(g, KERNEL_LATENCIES_TABLE, sizeof(KernelLatencyItem), &latencies), n_waits = len_of(g, KVM_WAITS_TABLE, sizeof(KvmWaitItem), &waits);

	g->wakes = g_new(Wake, n + n_waits + 1);
	for (guint64 i = 0; i < n; i++) {
		const KernelLatencyItem *l = history_table_get(g->history, latencies, i);

		add_wake(g, l->woken_ns, real_thread(g, l->thread), l->from == KERNEL_FROM_THREAD ? real_thread(g, l->waker) : G_MAXUINT32);
	}
	read_vcpus(g, n_waits, waits);
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
	g_free(g->vcpu_rows);
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

/* A wait; `device`: for what, if that is known better than the thread's own row has it. */
typedef struct {
	guint8 state;
	guint32 detail, device, filler;
} Wait;

/* Who is looked at: a thread, how far it is from the one that was asked about, and through whom. */
typedef struct Who {
	guint32 thread, stack;
	guint depth;
	guint machine;
	const struct Who *waiter; /* who waits for it; NULL: nobody */
	const Wait *wait;         /* and how that one's own wait is told */
} Who;

static gboolean is_same(const GraphSegment *a, const GraphSegment *b)
{
	return a->thread == b->thread && a->state == b->state && a->detail == b->detail && a->depth == b->depth && a->stack == b->stack && a->machine == b->machine &&
	       a->device == b->device && a->filler == b->filler;
}

static gboolean is_full(const Path *p)
{
	return p->segments->len >= GRAPH_SEGMENTS_MAX;
}

static void add_segment(Path *p, const GraphSegment *s)
{
	GraphSegment *last = p->segments->len ? &g_array_index(p->segments, GraphSegment, p->segments->len - 1) : NULL;

	if (s->end_ns <= p->at)
		return;
	p->at = s->end_ns;
	if (last && (is_same(last, s) || (is_full(p) && last->machine == s->machine)))
		last->end_ns = s->end_ns;
	else
		g_array_append_vals(p->segments, s, 1);
}

/* What a vCPU that was halted waited for, as its own row has it; 0: not known. */
static guint32 halted_for(const Graph *g, guint32 thread, const HistoryInterval *wait)
{
	guint32 row = g->vcpu_rows ? g->vcpu_rows[thread] : KVM_NO_ROW;
	HistoryInterval i;

	return row != KVM_NO_ROW && history_at(g->rows, row, wait->end_ns - 1, &i) && i.state == KVM_STATE_HALTED ? i.detail : 0;
}

static Wait wait_of(const Graph *g, guint32 thread, const HistoryInterval *i, guint32 device)
{
	if (device != GRAPH_NONE)
		return (Wait){KERNEL_TS_B_DISK, 0, device, GRAPH_NONE};
	return (Wait){i->state, i->state == KERNEL_TS_BLOCKED && !i->detail ? halted_for(g, thread, i) : i->detail, GRAPH_NONE, GRAPH_NONE};
}

static void add_wait(Path *p, const Who *w, const Wait *wait, gint64 end)
{
	const GraphSegment s = {p->at, end, w->thread, wait->detail, wait->state, (guint8)w->depth, w->stack, p->machine, wait->device, wait->filler};

	add_segment(p, &s);
}

/* */
static void add_for(Path *p, const Who *w, const HistoryInterval *i, gint64 end, guint32 device)
{
	const Wait wait = wait_of(p->graph, w->thread, i, device);
	gboolean was_idle = i->state == KERNEL_TS_B_IDLE && w->waiter && w->waiter->machine == p->machine;

	add_wait(p, was_idle ? w->waiter : w, was_idle ? w->wait : &wait, end);
}

static void add(Path *p, const Who *w, const HistoryInterval *i, gint64 end)
{
	add_for(p, w, i, end, GRAPH_NONE);
}

static gboolean is_blocked(guint state)
{
	return state >= KERNEL_TS_BLOCKED && state <= KERNEL_TS_B_IDLE;
}

static void follow(Path *p, const Who *w, gint64 end);

/* Somebody else, for whom `w` waits; on the machine where the path is. */
static Who waited_for(Path *p, const Who *w, const Wait *wait, guint32 thread)
{
	return (Who){thread, stack_of(p, w->stack, thread), w->depth + 1, p->machine, w, wait};
}

/* What the waker did takes the place of the wait, from when the waker is known to have lived. */
static void resolve(Path *p, const Who *w, guint32 waker, const HistoryInterval *i)
{
	const KernelThreadItem *item = item_of(p->graph, waker);
	const Wait wait = wait_of(p->graph, w->thread, i, GRAPH_NONE);

	if (item->row == KERNEL_NO_ROW)
		return;
	add(p, w, i, MIN(MAX(history_row_begin(p->graph->rows, item->row), p->at), i->end_ns));
	const Who next = waited_for(p, w, &wait, waker);
	follow(p, &next, i->end_ns);
}

/* ---- From machine to machine -------------------------------------------------------------------------------------------- */

static void go_to(Path *p, const Graph *graph, guint machine)
{
	if (machine != p->machine)
		p->at = p->world->convert(p->world->user, p->machine, machine, p->at);
	p->graph = graph;
	p->machine = machine;
}

/* Back to where the path was, and on from where it has come to, but at most until `end`. */
static void come_back(Path *p, const Path *here, gint64 end)
{
	go_to(p, here->graph, here->machine);
	p->at = CLAMP(p->at, here->at, end);
}

static void follow_request(Path *p, const Who *w, const GraphRequest *r, gint64 end);

static gboolean lives_at(const Graph *g, guint32 thread, gint64 time)
{
	guint32 row = thread < g->n_threads ? item_of(g, thread)->row : KERNEL_NO_ROW;

	return row != KERNEL_NO_ROW && history_row_begin(g->rows, row) <= time;
}

/* A part of what was done elsewhere, until `end` at the latest. */
static void take_step(Path *p, const Who *w, const Wait *wait, const GraphStep *step, gint64 end)
{
	go_to(p, step->graph, step->machine);
	const Who next = waited_for(p, w, wait, step->thread);
	if (step->is_request)
		follow_request(p, &next, &step->request, MIN(step->until_ns, end));
	else if (lives_at(p->graph, step->thread, p->at))
		follow(p, &next, MIN(step->until_ns, end));
}

/* One after the other, until `end` at the latest; what is between them is the wait. */
static void take_steps(Path *p, const Who *w, const Wait *wait, const GraphStep *steps, guint n, gint64 end)
{
	const GraphWorld *world = p->world;

	for (guint i = 0; i < n && p->at < end; i++) {
		if (steps[i].is_request)
			add_wait(p, w, wait, MIN(world->convert(world->user, steps[i].machine, p->machine, steps[i].request.begin_ns), end));
		const Path here = *p;
		take_step(p, w, wait, &steps[i], world->convert(world->user, here.machine, steps[i].machine, end));
		come_back(p, &here, end);
	}
}

/* What a thread of another machine did until it sent a packet. */
static void follow_sender(Path *p, const Who *w, const Wait *wait, const GraphSender *s, gint64 sent, gint64 end)
{
	const GraphWorld *world = p->world;

	add_wait(p, w, wait, MIN(world->convert(world->user, s->machine, p->machine, history_row_begin(s->graph->rows, item_of(s->graph, s->thread)->row)), sent));
	const Path here = *p;
	go_to(p, s->graph, s->machine);
	const Who next = waited_for(p, w, wait, s->thread);
	follow(p, &next, s->sent_ns);
	come_back(p, &here, end);
}

/* It takes the place of the wait; the packet's way is what is left of it. */
static void resolve_packet(Path *p, const Who *w, const HistoryInterval *i)
{
	const GraphWorld *world = p->world;
	const Wait wait = wait_of(p->graph, w->thread, i, GRAPH_NONE);
	GraphSender s;

	if (!world || !world->sender(world->user, p->machine, w->thread, i->end_ns, &s))
		return;
	gboolean has_row = s.thread != GRAPH_NONE && item_of(s.graph, s.thread)->row != KERNEL_NO_ROW;
	gint64 sent = world->convert(world->user, s.machine, p->machine, s.sent_ns);
	if (sent > i->end_ns)
		return;
	if (has_row && sent > p->at)
		follow_sender(p, w, &wait, &s, sent, i->end_ns);
	take_steps(p, w, &wait, s.steps, s.n_steps, i->end_ns);
}

/* Whatever the machines below did for a request from when the driver had it; what they don't explain is a wait for the device. */
static void follow_request(Path *p, const Who *w, const GraphRequest *r, gint64 end)
{
	gboolean is_disk = r->state == KERNEL_TS_B_DISK && w->depth < GRAPH_DEPTH_MAX && !is_full(p);
	Wait wait = {r->state, 0, r->device, GRAPH_NONE};
	GraphStep steps[GRAPH_STEPS_MAX] = {0};
	guint n = is_disk ? p->world->below(p->world->user, p->machine, r->item, steps) : 0;

	if (n)
		add_wait(p, w, &wait, MIN(r->issued_ns, end));
	take_steps(p, w, &wait, steps, n, end);
	if (!n)
		wait.filler = r->filler;
	add_wait(p, w, &wait, MIN(r->end_ns, end));
}

/* A wait that requests ended was one for each from when there was one; returns for which device. */
static guint32 resolve_requests(Path *p, const Who *w, const HistoryInterval *i)
{
	GraphRequest requests[GRAPH_REQUESTS_MAX];
	guint n = p->world ? p->world->requests(p->world->user, p->machine, w->thread, i, requests) : 0;

	for (guint k = 0; k < n; k++) {
		add_for(p, w, i, MIN(requests[k].begin_ns, i->end_ns), i->state == KERNEL_TS_B_DISK ? requests[k].device : GRAPH_NONE);
		follow_request(p, w, &requests[k], i->end_ns);
	}
	return n ? requests[n - 1].device : GRAPH_NONE;
}

/* ---- A thread's time ---------------------------------------------------------------------------------------------------- */

/* A wait that was over at its end is replaced by what it was for, as far as that is known; returns the device that it was for. */
static guint32 resolve_wait(Path *p, const Who *w, const HistoryInterval *i)
{
	guint32 waker = waker_at(p->graph, w->thread, i->end_ns), device = GRAPH_NONE;

	/* A thread of the kernel may only have told that the disk is done. */
	if (waker == G_MAXUINT32 || i->state == KERNEL_TS_B_DISK)
		device = resolve_requests(p, w, i);
	if (waker == G_MAXUINT32)
		resolve_packet(p, w, i);
	else if (waker != w->thread)
		resolve(p, w, waker, i);
	return device;
}

/* Of the system call in which a vCPU's thread runs its guest: exits, and what for. */
static void add_exits(Path *p, const Who *w, gint64 end)
{
	guint32 row = p->graph->vcpu_rows[w->thread];
	HistoryWalk walk;
	HistoryInterval i;

	if (row == KVM_NO_ROW)
		return;
	history_walk(&walk, p->graph->rows, row, p->at, end);
	while (p->at < end && history_walk_next(&walk, &i)) {
		const Wait exit = {KERNEL_TS_SYSCALL, 0, i.detail, GRAPH_NONE};

		if (i.state != KVM_STATE_EXIT || !i.detail || i.begin_ns > p->at)
			return;
		add_wait(p, w, &exit, MIN(i.end_ns, end));
	}
}

/* One thread's time from where the path has come to until `end`. That a thread of the kernel had nothing to do explains nothing: it is its waiter's wait. */
static void follow(Path *p, const Who *w, gint64 end)
{
	HistoryWalk walk;
	HistoryInterval i;

	history_walk(&walk, p->graph->rows, item_of(p->graph, w->thread)->row, p->at, end);
	while (p->at < end && history_walk_next(&walk, &i)) {
		guint32 device = GRAPH_NONE;

		if (i.end_ns <= p->at)
			continue;
		/* A wait that goes on beyond the end was not over yet. */
		if (is_blocked(i.state) && i.end_ns <= end && w->depth < GRAPH_DEPTH_MAX && !is_full(p))
			device = resolve_wait(p, w, &i);
		if (i.state == KERNEL_TS_SYSCALL && p->graph->vcpu_rows)
			add_exits(p, w, MIN(i.end_ns, end));
		add_for(p, w, &i, MIN(i.end_ns, end), device);
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
	const Who who = {thread, stack_of(&p, GRAPH_NO_STACK, thread), 0, machine, NULL, NULL};
	follow(&p, &who, MIN(end_ns, history_row_end(g->rows, row)));
}

GArray *graph_path(const Graph *g, guint32 thread, gint64 begin_ns, gint64 end_ns)
{
	GArray *segments = g_array_new(FALSE, FALSE, sizeof(GraphSegment));

	graph_append(g, NULL, 0, thread, begin_ns, end_ns, segments, NULL);
	return segments;
}
