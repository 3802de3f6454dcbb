/* SPDX-License-Identifier: MIT */
/*
 * requests_causes.c: what the time of requests was: the states of the threads that served them.
 *
 * Causes go further than a thread's states: where it waited for another thread, that one's states count instead, and so on. add_piece() is all that is asked of a thread,
 * what it was from one time to another: who can tell that better (a critical path through all levels) is to be asked there.
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

enum { NO_THREAD = 0xff, BEFORE = 1 << 8, AFTER = 1 << 9, WAITING = 1 << 10, OTHER = 1 << 11 };

#define DEPTH_MAX 16 /* threads that wait for threads that wait for threads */

struct RequestCauses {
	GHashTable *times; /* RequestCause, a set of them */
};

static guint cause_hash(gconstpointer key)
{
	const RequestCause *c = key;

	return (guint)c->state * 2654435761u ^ c->detail;
}

static gboolean cause_equal(gconstpointer a, gconstpointer b)
{
	const RequestCause *x = a, *y = b;

	return x->state == y->state && x->detail == y->detail;
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

static void add_time(GHashTable *times, guint64 state, guint32 detail, gint64 ns)
{
	RequestCause key = {.state = state, .detail = detail};
	RequestCause *known = g_hash_table_lookup(times, &key);

	if (!known) {
		known = g_memdup2(&key, sizeof(key));
		g_hash_table_add(times, known);
	}
	known->ns += ns;
}

/* Who woke a thread that waits for a processor, or which call it is in user space after, is no cause. */
static guint32 detail_of(const HistoryInterval *i)
{
	return i->state == KERNEL_TS_WAIT_CPU || i->state == KERNEL_TS_USER || i->state == KERNEL_TS_RUNNING || i->state == KERNEL_TS_UNKNOWN ? 0 : i->detail;
}

typedef struct {
	GHashTable *times;
	guint64 part;
	gint64 ns; /* all of it */
} Stolen;

static void add_stolen(gpointer user, KernelThreadState state, guint32 detail, gint64 ns)
{
	Stolen *stolen = user;

	add_time(stolen->times, stolen->part | WAITING | state, detail, ns);
	stolen->ns += ns;
}

/* A thread in a part of a request's time: the one that served it, or one for which that waited. */
typedef struct {
	RequestCauses *causes;
	const RequestScan *scan;
	guint64 part;
	guint depth;
} Follow;

static void follow(const Follow *f, guint32 serial, gint64 begin_ns, gint64 end_ns);

/* What it waited for another thread it waited for whatever that one did meanwhile. FALSE: there is none. */
static gboolean follow_waker(const Follow *f, guint32 serial, const HistoryInterval *i, gint64 begin_ns, gint64 end_ns)
{
	guint32 waker = f->depth < DEPTH_MAX && !(f->part & (BEFORE | AFTER)) ? request_waker(f->scan, serial, i) : G_MAXUINT32;
	Follow next = {f->causes, f->scan, f->part | OTHER, f->depth + 1};

	if (waker == G_MAXUINT32 || row_of(f->scan, waker) == KERNEL_NO_ROW)
		return FALSE;
	follow(&next, waker, begin_ns, end_ns);
	return TRUE;
}

/* An interval of the thread's row; returns how much of it is within the range. */
static gint64 add_interval(const Follow *f, guint32 serial, const HistoryInterval *i, gint64 begin_ns, gint64 end_ns)
{
	gint64 begin = MAX(i->begin_ns, begin_ns), end = MIN(i->end_ns, end_ns);
	Stolen stolen = {f->causes->times, f->part, 0};

	if (end <= begin)
		return 0;
	if (follow_waker(f, serial, i, begin, end))
		return end - begin;
	request_waits_stolen(f->scan, serial, i, begin, end, add_stolen, &stolen);
	if (end - begin > stolen.ns)
		add_time(f->causes->times, f->part | i->state, detail_of(i), end - begin - stolen.ns);
	return end - begin;
}

static void follow(const Follow *f, guint32 serial, gint64 begin_ns, gint64 end_ns)
{
	guint32 row = row_of(f->scan, serial);
	gint64 rest = end_ns - begin_ns;
	HistoryInterval i;
	HistoryWalk walk;

	if (row != KERNEL_NO_ROW) {
		history_walk(&walk, f->scan->trace->rows, row, begin_ns, end_ns);
		while (history_walk_next(&walk, &i))
			rest -= add_interval(f, serial, &i, begin_ns, end_ns);
	}
	if (rest > 0)
		add_time(f->causes->times, f->part | NO_THREAD, 0, rest);
}

static void add_piece(RequestCauses *c, const RequestScan *s, const RequestPiece *p)
{
	const Follow f = {c, s, (p->before ? BEFORE : 0) | (p->after ? AFTER : 0), 0};

	follow(&f, p->serial, p->begin_ns, p->end_ns);
}

void request_causes_add(RequestCauses *c, const RequestScan *s, const Request *r)
{
	RequestPiece pieces[REQUEST_PIECES_MAX];
	guint n = request_pieces(s, r, TRUE, pieces);

	for (guint i = 0; i < n; i++)
		add_piece(c, s, &pieces[i]);
}

static gint in_order(gconstpointer a, gconstpointer b)
{
	const RequestCause *x = a, *y = b;

	return x->state != y->state ? (x->state > y->state) - (x->state < y->state) : (x->detail > y->detail) - (x->detail < y->detail);
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

static char *state_name(const RequestScan *s, guint state)
{
	guint kind;

	if (state >= KERNEL_TS_BLOCKED && state <= KERNEL_TS_B_IDLE)
		return g_strdup(state == KERNEL_TS_BLOCKED ? "blocked" : kernel_wait_name((KernelWaitReason)(state - KERNEL_TS_BLOCKED)));
	if (state >= KERNEL_TS_STEAL0 && state <= KERNEL_TS_STEAL2)
		return g_strdup_printf("steal by L%u", state - KERNEL_TS_STEAL0);
	if (state >= KERNEL_TS_EXIT0 && state <= KERNEL_TS_EXIT2)
		return g_strdup_printf("exits to L%u", state - KERNEL_TS_EXIT0);
	if (state == NO_THREAD || !history_find_kind(s->trace->history, KERNEL_THREAD_ROW_KIND, &kind))
		return g_strdup("unknown");
	return g_strdup(history_state_name(s->trace->history, kind, state));
}

char *request_cause_name(const RequestScan *s, RequestSide side, guint64 state)
{
	g_autofree char *name = state_name(s, state & 0xff);
	const char *waiting = state & WAITING ? ", of the processor waited for" : "";

	if (side == REQUEST_VM || side == REQUEST_VM_CLIENT)
		return g_strdup(state & BEFORE ? "the host's queue to the VM" : side == REQUEST_VM ? "in the VM" : "out of the VM");
	if (state & BEFORE)
		return g_strdup_printf("%s: %s%s", side == REQUEST_CLIENT ? "connecting" : "not yet read", name, waiting);
	if (state & AFTER)
		return g_strdup_printf("until the stream's end: %s%s", name, waiting);
	return g_strconcat(state & OTHER ? "for another thread: " : "", name, waiting, NULL);
}

const char *request_cause_detail(const RequestScan *s, guint32 detail)
{
	return history_text_get(s->trace->rows, detail);
}
