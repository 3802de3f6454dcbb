/* SPDX-License-Identifier: MIT */
/* Spans: how long pieces of work took, and what the kernel's trace says of the time in them. */
#include "analysis/commands.h"
#include "analysis/join.h"

typedef struct {
	const AnalysisQuery *query;
	const AnalysisStoreTrace *trace;
	const AnalysisFilter *filter, *kernel_filter;
	const AnalysisJoin *join;
	guint table;
	guint64 n;
} Part;

typedef void (*SpanFunc)(const Part *p, const UserSpan *span, gpointer user);

/* All spans that the query wants: finished ones that ended in its range. */
static void each_span(const Part *p, SpanFunc function, gpointer user)
{
	for (guint64 i = 0; i < p->n; i++) {
		const UserSpan *span = history_table_get(p->trace->history, p->table, i);

		if (span->finished && analysis_in_range(p->filter, span->end_ns) &&
		    analysis_join_wanted(p->join, p->query, p->kernel_filter, span->thread))
			function(p, span, user);
	}
}

typedef void (*PartFunc)(const Part *p, gpointer user);

static void each_trace(const AnalysisStore *s, const AnalysisQuery *q, PartFunc function, gpointer user)
{
	for (guint i = 0; i < s->traces->len; i++) {
		const AnalysisStoreTrace *t = g_ptr_array_index(s->traces, i);
		g_autoptr(AnalysisFilter) f = analysis_filter_new(q, t);
		g_autoptr(AnalysisJoin) j = f ? analysis_join_new(s, t) : NULL;
		g_autoptr(AnalysisFilter) kernel = j && j->kernel ? analysis_filter_new(q, j->kernel) : NULL;
		Part part = {q, t, f, kernel, j, 0, 0};

		if (!j || !history_find_table(t->history, USER_SPANS_TABLE, sizeof(UserSpan), &part.table))
			continue;
		part.n = history_table_len(t->history, part.table);
		function(&part, user);
	}
}

static const char *text_of(const Part *p, guint32 text)
{
	return history_text_get(p->trace->history, text);
}

/* ---- The table: by name --------------------------------------------------------------------------------------------------- */

enum { MACHINE, NAME, PLACE, FIRST_COUNT };

static void add_span(const Part *p, const UserSpan *span, gpointer groups)
{
	/* Functions are told apart by what they are. */
	analysis_groups_add(groups, span->name, span->is_function ? span->key + 1 : 0, span->end_ns, span->end_ns - span->begin_ns, 0, FALSE);
}

/* What had no partner, in the whole trace. */
static void set_alone(const Part *p, View *v, guint first, guint32 name)
{
	guint table;

	if (!history_find_table(p->trace->history, USER_SPAN_SUMS_TABLE, sizeof(UserSpanSum), &table))
		return;
	for (guint64 i = 0; i < history_table_len(p->trace->history, table); i++) {
		const UserSpanSum *sum = history_table_get(p->trace->history, table, i);

		if (sum->name != name)
			continue;
		view_set_uint(v, first, sum->begun - sum->finished - sum->lost - sum->unfollowed);
		view_set_uint(v, first + 1, sum->ends_alone);
		view_set_uint(v, first + 2, sum->lost);
	}
}

typedef struct {
	View *view;
	guint first; /* column */
	guint dist;
	guint alone;
} Table;

static void add_groups(const Part *p, gpointer user)
{
	const Table *table = user;
	g_autoptr(AnalysisGroups) groups = analysis_groups_new(p->query, p->filter);

	each_span(p, add_span, groups);
	for (guint i = 0; i < analysis_groups_len(groups); i++) {
		const AnalysisGroup *g = analysis_groups_get(groups, i);

		view_begin_row(table->view);
		if (p->query->form == ANALYSIS_SERIES)
			analysis_set_time(table->view, 0, p->trace, g->step_ns);
		view_set_text(table->view, table->first + MACHINE, p->trace->name);
		view_set_text(table->view, table->first + NAME, text_of(p, (guint32)g->key[0]));
		if (g->key[1])
			view_set_text(table->view, table->first + PLACE, text_of(p, (guint32)g->key[1] - 1));
		analysis_set_dist(table->view, table->dist, p->query, g);
		if (p->query->form != ANALYSIS_SERIES)
			set_alone(p, table->view, table->alone, (guint32)g->key[0]);
	}
}

static gboolean any_lost(const AnalysisStore *s)
{
	gboolean any = FALSE;

	for (guint i = 0; i < s->traces->len; i++) {
		const AnalysisStoreTrace *t = g_ptr_array_index(s->traces, i);

		any |= t->lost_events || t->lost_packets;
	}
	return any;
}

/* ---- Definitions that found nothing ------------------------------------------------------------------------------------------ */

/* A definition's sums over all traces, and its texts. */
typedef struct {
	UserSpanSum sum;
	const char *name, *begin, *end, *field;
} Rule;

static void add_rules(const AnalysisStoreTrace *t, GArray *rules)
{
	const History *h = t->history;
	guint table;

	if (!history_find_table(h, USER_SPAN_SUMS_TABLE, sizeof(UserSpanSum), &table))
		return;
	guint n = (guint)history_table_len(h, table);
	if (rules->len < n)
		g_array_set_size(rules, n);
	for (guint i = 0; i < n; i++) {
		const UserSpanSum *sum = history_table_get(h, table, i);
		Rule *rule = &g_array_index(rules, Rule, i);

		rule->name = history_text_get(h, sum->name);
		rule->begin = history_text_get(h, sum->begin);
		rule->end = history_text_get(h, sum->end);
		rule->field = history_text_get(h, sum->field);
		rule->sum.begun += sum->begun;
		rule->sum.finished += sum->finished;
		rule->sum.ends_alone += sum->ends_alone;
		rule->sum.lost += sum->lost;
		rule->sum.unfollowed += sum->unfollowed;
		rule->sum.without_field += sum->without_field;
	}
}

static const char *events(guint64 n)
{
	return n == 1 ? "event" : "events";
}

#define N G_GUINT64_FORMAT

/* What is missing of it; and if nothing is there to be seen of it, in any trace: why not? */
static void note_rule(View *v, const Rule *r)
{
	guint64 begun = r->sum.begun, ended = r->sum.ends_alone, without = r->sum.without_field;

	if (r->sum.unfollowed)
		view_add_note(v, "span \"%s\": %" N " more were begun than are followed at a time (%u), and are not in here.", r->name,
			      r->sum.unfollowed, USER_OPEN_MAX);
	if (r->sum.finished)
		return;
	if (!begun && !ended && without)
		view_add_note(v, "span \"%s\": none of the %" N " events that could begin or end it has a field or context \"%s\".", r->name,
			      without, r->field);
	else if (!begun && !ended)
		view_add_note(v, "span \"%s\": no event is called \"%s\" or \"%s\"; strata info and strata events tell which there are.", r->name,
			      r->begin, r->end);
	else if (!ended)
		view_add_note(v, "span \"%s\": %" N " %s began one, none ended it: no event is called \"%s\"%s%s.", r->name, begun,
			      events(begun), r->end, *r->field ? " and has a field " : "", r->field);
	else if (!begun)
		view_add_note(v, "span \"%s\": %" N " %s ended one, none began it: no event is called \"%s\"%s%s.", r->name, ended,
			      events(ended), r->begin, *r->field ? " and has a field " : "", r->field);
	else if (r->sum.lost)
		view_add_note(v, "span \"%s\": %" N " %s began one, but events were lost before any ended.", r->name, begun, events(begun));
	else if (*r->field)
		view_add_note(v, "span \"%s\": %" N " %s began one and %" N " ended one, but never both with the same \"%s\".", r->name,
			      begun, events(begun), ended, r->field);
	else
		view_add_note(v, "span \"%s\": %" N " %s began one and %" N " ended one, but never both on one thread, the begin first.",
			      r->name, begun, events(begun), ended);
}

static void note_rules(const AnalysisStore *s, View *v)
{
	g_autoptr(GArray) rules = g_array_new(FALSE, TRUE, sizeof(Rule));

	for (guint i = 0; i < s->traces->len; i++)
		add_rules(g_ptr_array_index(s->traces, i), rules);
	for (guint i = 0; i < rules->len; i++)
		note_rule(v, &g_array_index(rules, Rule, i));
}

/* ---- The table -------------------------------------------------------------------------------------------------------------- */

static View *make_table(const AnalysisStore *s, const AnalysisQuery *q)
{
	gboolean series = q->form == ANALYSIS_SERIES;
	View *v = view_new(series ? "spans-series" : "spans", series ? "Spans, over time" : "Spans");
	Table table = {.view = v};

	analysis_add_time_column(v, q);
	table.first = view_add_column(v, "machine", "MACHINE", VIEW_TEXT);
	view_add_column(v, "span", "SPAN", VIEW_TEXT);
	view_add_column(v, "function", "FUNCTION", VIEW_TEXT);
	table.dist = analysis_add_dist_columns(v, q);
	if (!series) {
		table.alone = view_add_column(v, "unfinished", "UNFINISHED", VIEW_COUNT);
		view_add_column(v, "ends_alone", "ENDS ALONE", VIEW_COUNT);
		view_add_column(v, "lost", "LOST", VIEW_COUNT);
	}
	if (!series && !any_lost(s))
		view_hide_from_text(v, table.alone + 2);
	each_trace(s, q, add_groups, &table);
	view_sort(v, table.dist + 1, TRUE);
	if (series)
		view_sort(v, 0, FALSE);
	return v;
}

/* ---- The longest ------------------------------------------------------------------------------------------------------------- */

/* C(NAME, TITLE, STATES): the kernel's states of a span's thread, as columns; of "blocked", states with a detail of their own are told apart. */
/* clang-format off */
#define STATE_COLUMNS(C) \
	C(cpu_ns,       "ON CPU",     T(RUNNING) | T(USER) | T(SYSCALL)) \
	C(guest_ns,     "GUEST",      T(GUEST)) \
	C(irq_ns,       "INTERRUPTED", T(IRQ) | T(SOFTIRQ)) \
	C(lower_ns,     "LEVELS BELOW", T(STEAL0) | T(STEAL1) | T(STEAL2) | T(EXIT0) | T(EXIT1) | T(EXIT2)) \
	C(runnable_ns,  "RUNNABLE",   T(PREEMPTED) | T(YIELDED) | T(WAIT_CPU) | T(THROTTLED)) \
	C(disk_ns,      "DISK",       T(B_DISK)) \
	C(network_ns,   "NETWORK",    T(B_NETWORK) | T(B_SOCKET)) \
	C(lock_ns,      "LOCKS",      T(B_FUTEX) | T(B_KERNEL)) \
	C(timer_ns,     "TIMER",      T(B_TIMER)) \
	C(other_ns,     "OTHER WAITS", T(BLOCKED) | T(B_PIPE) | T(B_CHILD) | T(B_POLL) | T(B_EVENT) | T(B_FAULT) | T(B_SIGNAL) | T(B_IDLE)) \
	C(state_unknown_ns, "UNKNOWN", T(UNKNOWN))
/* clang-format on */

#define T(state) (1u << KERNEL_TS_##state)

static const struct {
	const char *name, *title;
	guint32 states;
} state_columns[] = {
#define C(name, title, states) {#name, title, states},
	STATE_COLUMNS(C)
#undef C
};

G_STATIC_ASSERT(KERNEL_TS_COUNT <= 32);

enum { LOG_TIME, LOG_MACHINE, LOG_SPAN, LOG_KEY, LOG_TID, LOG_THREAD, LOG_NS, LOG_STATES };

typedef struct {
	const UserSpan *span;
	Part part;
} Kept;

static gint longer(gconstpointer a, gconstpointer b)
{
	const Kept *x = a, *y = b;
	gint64 p = x->span->end_ns - x->span->begin_ns, q = y->span->end_ns - y->span->begin_ns;

	return p != q ? (p < q) - (p > q) : (x->span->begin_ns > y->span->begin_ns) - (x->span->begin_ns < y->span->begin_ns);
}

static void keep(const Part *p, const UserSpan *span, gpointer all)
{
	Kept kept = {span, *p};

	g_array_append_val((GArray *)all, kept);
}

/* The states of its thread within it; of a span that ends on another thread they would be half the truth. */
static void set_states(View *v, const Kept *kept)
{
	const AnalysisJoin *j = kept->part.join;
	const KernelThreadItem *item = analysis_join_kernel(j, kept->span->thread);
	gint64 sums[HISTORY_STATES_MAX];

	if (!item || item->row == KERNEL_NO_ROW || kept->span->end_thread != kept->span->thread)
		return;
	history_sums(j->kernel->rows, item->row, kept->span->begin_ns, kept->span->end_ns, sums);
	for (guint c = 0; c < G_N_ELEMENTS(state_columns); c++) {
		gint64 ns = 0;

		for (guint state = 0; state < KERNEL_TS_COUNT; state++)
			ns += (state_columns[c].states >> state) & 1 ? sums[state] : 0;
		view_set_int(v, LOG_STATES + c, ns);
	}
}

static void add_kept(View *v, const Kept *kept)
{
	const Part *p = &kept->part;
	const UserSpan *span = kept->span;

	view_begin_row(v);
	analysis_set_time(v, LOG_TIME, p->trace, span->begin_ns);
	view_set_text(v, LOG_MACHINE, p->trace->name);
	view_set_text(v, LOG_SPAN, text_of(p, span->name));
	if (span->key)
		view_set_text(v, LOG_KEY, text_of(p, span->key));
	if (analysis_join_tid(p->join, span->thread) >= 0)
		view_set_int(v, LOG_TID, analysis_join_tid(p->join, span->thread));
	view_set_text(v, LOG_THREAD, analysis_join_name(p->join, span->thread));
	view_set_int(v, LOG_NS, span->end_ns - span->begin_ns);
	set_states(v, kept);
}

/* Sorted here and cut, a trace at a time: the view sorts what is left of all. */
static void add_log(const Part *p, gpointer view)
{
	g_autoptr(GArray) all = g_array_new(FALSE, FALSE, sizeof(Kept));

	each_span(p, keep, all);
	g_array_sort(all, longer);
	for (guint i = 0; i < all->len && (!p->query->limit || i < p->query->limit); i++)
		add_kept(view, &g_array_index(all, Kept, i));
}

static View *make_log(const AnalysisStore *s, const AnalysisQuery *q)
{
	View *v = view_new("spans-log", "The longest spans");

	view_add_column(v, "time_ns", "BEGIN", VIEW_TIME_NS);
	view_add_column(v, "machine", "MACHINE", VIEW_TEXT);
	view_add_column(v, "span", "SPAN", VIEW_TEXT);
	view_add_column(v, "key", "KEY", VIEW_TEXT);
	view_add_column(v, "tid", "TID", VIEW_ID);
	view_add_column(v, "thread", "THREAD", VIEW_TEXT);
	view_add_column(v, "duration_ns", "TOOK", VIEW_NS);
	for (guint c = 0; c < G_N_ELEMENTS(state_columns); c++)
		view_add_column(v, state_columns[c].name, state_columns[c].title, VIEW_NS);
	view_hide_from_text(v, LOG_STATES + 1); /* rarely a vCPU traces */
	each_trace(s, q, add_log, v);
	view_sort(v, LOG_NS, TRUE);
	return v;
}

static void add_notes(const Part *p, gpointer view)
{
	analysis_join_notes(p->join, view);
}

View *analysis_spans(const AnalysisStore *s, const AnalysisQuery *q, GError **error)
{
	View *v = q->form == ANALYSIS_LOG ? make_log(s, q) : make_table(s, q);

	note_rules(s, v);
	each_trace(s, q, add_notes, v);
	view_set_empty_text(v, "No span. Name one by the events that begin and end it, for instance --span 'sync=syscall_entry_f*sync..syscall_exit_f*sync'.");
	return v;
}
