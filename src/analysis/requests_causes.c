/* SPDX-License-Identifier: MIT */
/*
 * requests_causes.c: what the time of requests was: the states of the threads that served them.
 *
 * Causes go further than a thread's states: they are its critical path (graph/graph.h), on whatever machine that leads. Only of a server's thread before it has read the request they are its own states: what it waits
 * for then is something else.
 */
#include <string.h>

#include "analysis/requests.h"
#include "kernel/flow.h"

/* ---- Who served it ------------------------------------------------------------------------------------------------ */

static guint add(RequestPiece *out, guint n, guint32 serial, gint64 begin_ns, gint64 end_ns)
{
	if (end_ns <= begin_ns)
		return n;
	out[n] = (RequestPiece){.serial = serial, .begin_ns = begin_ns, .end_ns = end_ns};
	return n + 1;
}

guint request_pieces(const RequestScan *s, const Request *r, gboolean whole, RequestPiece out[REQUEST_PIECES_MAX])
{
	guint32 last = r->answerer != G_MAXUINT32 ? r->answerer : r->asker;
	const KernelThreadItem *answerer = requests_thread(s, last);
	gint64 turn = CLAMP(answerer ? MAX(r->turn_ns, answerer->begin_ns) : r->turn_ns, r->begin_ns, r->end_ns);
	guint n = 0;

	if (whole && request_first(r) < r->begin_ns) {
		n = add(out, n, r->asker, request_first(r), r->begin_ns);
		out[0].before = TRUE;
	}
	if (r->asker == last) {
		n = add(out, n, last, r->begin_ns, r->end_ns);
	} else {
		n = add(out, n, r->asker, r->begin_ns, turn);
		n = add(out, n, last, turn, r->end_ns);
	}
	if (whole && request_last(r) > r->end_ns) {
		n = add(out, n, last, r->end_ns, request_last(r));
		out[n - 1].after = TRUE;
	}
	return n;
}

/* ---- Sums of states ------------------------------------------------------------------------------------------------- */

static guint32 row_of(const RequestScan *s, guint32 serial)
{
	const KernelThreadItem *item = requests_thread(s, serial);

	return item ? item->row : KERNEL_NO_ROW;
}

gboolean request_add_states(const RequestScan *s, const Request *r, gint64 *ns)
{
	RequestPiece pieces[REQUEST_PIECES_MAX];
	gint64 sums[HISTORY_STATES_MAX];
	guint n = request_pieces(s, r, FALSE, pieces);
	gboolean found = FALSE;

	for (guint i = 0; i < n; i++) {
		guint32 row = row_of(s, pieces[i].serial);
		gint64 rest = pieces[i].end_ns - pieces[i].begin_ns;

		found |= row != KERNEL_NO_ROW;
		if (row != KERNEL_NO_ROW)
			history_sums(s->trace->rows, row, pieces[i].begin_ns, pieces[i].end_ns, sums);
		for (guint state = 0; row != KERNEL_NO_ROW && state < KERNEL_TS_COUNT; state++) {
			ns[state] += sums[state];
			rest -= sums[state];
		}
		ns[KERNEL_TS_UNKNOWN] += rest;
	}
	return found || !n;
}

#define T(state) (1ull << KERNEL_TS_##state)

G_STATIC_ASSERT(KERNEL_TS_COUNT <= 64);

/* Columns: every state is in one of them. */
static const struct {
	const char *name, *title, *word;
	guint64 states;
} columns[] = {
	{"user_ns", "USER", "user", T(USER) | T(RUNNING) | T(GUEST)},
	{"syscall_ns", "SYSCALL", "syscall", T(SYSCALL)},
	{"irq_ns", "INTERRUPTED", "interrupts", T(IRQ) | T(SOFTIRQ)},
	{"preempted_ns", "PREEMPTED", "preempted", T(PREEMPTED) | T(YIELDED)},
	{"wait_cpu_ns", "WAIT CPU", "wait-cpu", T(WAIT_CPU)},
	{"throttled_ns", "THROTTLED", "throttled", T(THROTTLED)},
	{"disk_ns", "DISK", "disk", T(B_DISK) | T(B_FAULT)},
	{"network_ns", "NETWORK", "network", T(B_NETWORK)},
	{"socket_ns", "SOCKET", "socket", T(B_SOCKET) | T(B_PIPE)},
	{"lock_ns", "LOCKS", "locks", T(B_FUTEX) | T(B_KERNEL)},
	{"timer_ns", "TIMER", "timer", T(B_TIMER)},
	{"poll_ns", "POLL", "poll", T(B_POLL) | T(B_EVENT)},
	{"other_ns", "OTHER WAITS", "other waits", T(BLOCKED) | T(B_CHILD) | T(B_SIGNAL) | T(B_IDLE)},
	{"steal_ns", "STEAL", "steal", T(STEAL0) | T(STEAL1) | T(STEAL2)},
	{"exit_ns", "EXITS", "exits", T(EXIT0) | T(EXIT1) | T(EXIT2)},
	{"unknown_ns", "UNKNOWN", "unknown", T(UNKNOWN)},
};

static gint64 column_ns(guint column, const gint64 *ns)
{
	gint64 sum = 0;

	for (guint state = 0; state < KERNEL_TS_COUNT; state++)
		sum += (columns[column].states >> state) & 1 ? ns[state] : 0;
	return sum;
}

guint request_add_state_columns(View *v)
{
	guint first = 0;

	for (guint c = 0; c < G_N_ELEMENTS(columns); c++) {
		guint column = view_add_column(v, columns[c].name, columns[c].title, VIEW_NS);

		first = c ? first : column;
		view_hide_from_text(v, column);
	}
	return first;
}

void request_set_states(View *v, guint first, const gint64 *ns)
{
	for (guint c = 0; c < G_N_ELEMENTS(columns); c++)
		view_set_int(v, first + c, column_ns(c, ns));
}

const char *request_mostly(const gint64 *ns, double *share_out)
{
	gint64 most = 0, total = 0;
	guint at = 0;

	for (guint c = 0; c < G_N_ELEMENTS(columns); c++) {
		gint64 sum = column_ns(c, ns);

		total += sum;
		if (sum > most) {
			most = sum;
			at = c;
		}
	}
	*share_out = total ? (double)most / (double)total : 0;
	return most ? columns[at].word : NULL;
}

/* ---- Causes --------------------------------------------------------------------------------------------------------- */

enum { NO_THREAD = 0xff, BEFORE = 1 << 8, AFTER = 1 << 9, WAITING = 1 << 10, OTHER = 1 << 11, AWAY = 1 << 12 };

struct RequestCauses {
	GHashTable *times; /* RequestCause, a set of them */
};

static gint compare(guint64 a, guint64 b)
{
	return (a > b) - (a < b);
}

gint request_cause_compare(const RequestCause *a, const RequestCause *b)
{
	if (a->state != b->state)
		return compare(a->state, b->state);
	if (a->machine != b->machine)
		return compare(a->machine, b->machine);
	if (a->detail != b->detail)
		return compare(a->detail, b->detail);
	return a->device != b->device ? compare(a->device, b->device) : compare(a->filler, b->filler);
}

static guint cause_hash(gconstpointer key)
{
	const RequestCause *c = key;

	return (guint)c->state * 2654435761u ^ c->machine * 40503u ^ c->detail ^ c->device * 31u ^ c->filler * 2246822519u;
}

static gboolean cause_equal(gconstpointer a, gconstpointer b)
{
	return request_cause_compare(a, b) == 0;
}

RequestCauses *request_causes_new(void)
{
	RequestCauses *c = g_new0(RequestCauses, 1);

	c->times = g_hash_table_new_full(cause_hash, cause_equal, g_free, NULL);
	return c;
}

void request_causes_free(RequestCauses *c)
{
	if (!c)
		return;
	g_hash_table_unref(c->times);
	g_free(c);
}

static void add_time(RequestCauses *c, const RequestCause *key, gint64 ns)
{
	RequestCause *known = g_hash_table_lookup(c->times, key);

	if (!known) {
		known = g_memdup2(key, sizeof(*key));
		known->ns = 0;
		g_hash_table_add(c->times, known);
	}
	known->ns += ns;
}

/* Who woke a thread that waits for a processor, or which call it is in user space after, is no cause. */
static guint32 detail_of(guint state, guint32 detail)
{
	return state == KERNEL_TS_WAIT_CPU || state == KERNEL_TS_USER || state == KERNEL_TS_RUNNING || state == KERNEL_TS_UNKNOWN ? 0 : detail;
}

typedef struct {
	RequestCauses *causes;
	RequestCause cause; /* but for state and detail */
	guint64 part;
	gint64 ns;          /* all of it */
} Stolen;

static void add_stolen(gpointer user, KernelThreadState state, guint32 detail, gint64 ns)
{
	Stolen *stolen = user;

	stolen->cause.state = stolen->part | WAITING | state;
	stolen->cause.detail = detail;
	add_time(stolen->causes, &stolen->cause, ns);
	stolen->ns += ns;
}

/* One piece of a path, of `ns` as long as the machine counts on which the request was seen. */
static void add_segment(RequestCauses *c, const RequestScan *s, const GraphSegment *g, guint64 part, gint64 ns)
{
	RequestCause cause = {part | g->state, g->machine, detail_of(g->state, request_machines_detail(s->machines, g)), g->device, g->filler, 0};
	Stolen stolen = {c, cause, part, 0};

	if (g->state == KERNEL_TS_PREEMPTED || g->state == KERNEL_TS_WAIT_CPU)
		request_waits_stolen(s->machines, g->machine, g->thread, g->begin_ns, g->end_ns, add_stolen, &stolen);
	if (ns > stolen.ns)
		add_time(c, &cause, ns - stolen.ns);
}

/* What no thread is known for. */
static void add_unknown(RequestCauses *c, const RequestScan *s, guint64 part, gint64 ns)
{
	const RequestCause cause = {part | NO_THREAD, critical_world_index(request_machines_world(s->machines), s->trace), 0, GRAPH_NONE, GRAPH_NONE, 0};

	if (ns > 0)
		add_time(c, &cause, ns);
}

static void add_path(RequestCauses *c, const RequestScan *s, const RequestPiece *p, guint64 part)
{
	const CriticalWorld *world = request_machines_world(s->machines);
	const GraphWorld all = critical_world_of(world);
	guint own = critical_world_index(world, s->trace);
	const Graph *graph = critical_world_graph(world, own);
	g_autoptr(GArray) segments = g_array_new(FALSE, FALSE, sizeof(GraphSegment));
	gint64 at = p->begin_ns, known = 0;

	if (graph)
		graph_append(graph, &all, own, p->serial, p->begin_ns, p->end_ns, segments, NULL);
	for (guint i = 0; i < segments->len; i++) {
		const GraphSegment *g = &g_array_index(segments, GraphSegment, i);
		gint64 begin = i ? at : MAX(g->begin_ns, at), end = CLAMP(critical_world_convert(world, g->machine, s->trace, g->end_ns), begin, p->end_ns);

		add_segment(c, s, g, part | (g->machine != own ? AWAY : g->depth ? OTHER : 0), end - begin);
		known += end - begin;
		at = end;
	}
	add_unknown(c, s, part, p->end_ns - p->begin_ns - known);
}

/* The thread's own states. */
static void add_states(RequestCauses *c, const RequestScan *s, const RequestPiece *p, guint64 part)
{
	guint32 row = row_of(s, p->serial);
	guint own = critical_world_index(request_machines_world(s->machines), s->trace);
	gint64 rest = p->end_ns - p->begin_ns;
	HistoryInterval i;
	HistoryWalk walk;

	if (row != KERNEL_NO_ROW) {
		history_walk(&walk, s->trace->rows, row, p->begin_ns, p->end_ns);
		while (history_walk_next(&walk, &i)) {
			const GraphSegment g = {MAX(i.begin_ns, p->begin_ns), MIN(i.end_ns, p->end_ns), p->serial, i.detail, i.state, 0, GRAPH_NO_STACK, own,
						GRAPH_NONE, GRAPH_NONE};

			if (g.end_ns <= g.begin_ns)
				continue;
			add_segment(c, s, &g, part, g.end_ns - g.begin_ns);
			rest -= g.end_ns - g.begin_ns;
		}
	}
	add_unknown(c, s, part, rest);
}

static void add_piece(RequestCauses *c, const RequestScan *s, const RequestPiece *p, RequestSide side)
{
	guint64 part = p->before ? BEFORE : p->after ? AFTER : 0;

	if (p->before && side != REQUEST_CLIENT)
		add_states(c, s, p, part);
	else
		add_path(c, s, p, part);
}

void request_causes_add(RequestCauses *c, const RequestScan *s, const Request *r)
{
	RequestPiece pieces[REQUEST_PIECES_MAX];
	guint n = request_pieces(s, r, TRUE, pieces);

	for (guint i = 0; i < n; i++)
		add_piece(c, s, &pieces[i], r->side);
}

static gint in_order(gconstpointer a, gconstpointer b)
{
	return request_cause_compare(a, b);
}

GArray *request_causes_list(const RequestCauses *c)
{
	GArray *list = g_array_new(FALSE, FALSE, sizeof(RequestCause));
	GHashTableIter at;
	gpointer cause;

	g_hash_table_iter_init(&at, c->times);
	while (g_hash_table_iter_next(&at, &cause, NULL))
		g_array_append_vals(list, cause, 1);
	g_array_sort(list, in_order);
	return list;
}

static char *state_name(const AnalysisStoreTrace *t, guint state)
{
	guint kind;

	if (state >= KERNEL_TS_BLOCKED && state <= KERNEL_TS_B_IDLE)
		return g_strdup(state == KERNEL_TS_BLOCKED ? "blocked" : kernel_wait_name((KernelWaitReason)(state - KERNEL_TS_BLOCKED)));
	if (state >= KERNEL_TS_STEAL0 && state <= KERNEL_TS_STEAL2)
		return g_strdup_printf("steal by L%u", state - KERNEL_TS_STEAL0);
	if (state >= KERNEL_TS_EXIT0 && state <= KERNEL_TS_EXIT2)
		return g_strdup_printf("exits to L%u", state - KERNEL_TS_EXIT0);
	if (state == NO_THREAD || !history_find_kind(t->history, KERNEL_THREAD_ROW_KIND, &kind))
		return g_strdup("unknown");
	return g_strdup(history_state_name(t->history, kind, state));
}

char *request_cause_name(const RequestScan *s, RequestSide side, const RequestCause *c)
{
	const AnalysisStoreTrace *t = critical_world_trace(request_machines_world(s->machines), c->machine);
	g_autofree char *name = state_name(t, c->state & 0xff);
	const char *waiting = c->state & WAITING ? ", of the processor waited for" : "";

	if (side == REQUEST_VM || side == REQUEST_VM_CLIENT)
		return g_strdup(c->state & BEFORE ? "the host's queue to the VM" : side == REQUEST_VM ? "in the VM" : "out of the VM");
	const char *part = !(c->state & BEFORE) ? c->state & AFTER ? "until the stream's end: " : "" : side == REQUEST_CLIENT ? "connecting: " : "not yet read: ";
	const char *whose = c->state & AWAY ? t->name : c->state & OTHER ? "for another thread" : NULL;

	return g_strconcat(part, whose ? whose : "", whose ? ": " : "", name, waiting, NULL);
}

char *request_cause_detail(const RequestScan *s, const RequestCause *c)
{
	const GraphSegment g = {.state = (guint8)c->state, .detail = c->detail, .machine = c->machine, .device = c->device, .filler = c->filler};

	return request_machines_text(s->machines, &g);
}
