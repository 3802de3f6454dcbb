/* SPDX-License-Identifier: MIT */
/* What user space traces say: events by thread, memory, mutexes; the events themselves. */
#include "analysis/commands.h"
#include "analysis/mutexes.h"

/* What is looked at together: a user space trace, and its kernel's filter. */
typedef struct {
	const AnalysisQuery *query;
	const AnalysisStoreTrace *trace;
	const AnalysisFilter *filter, *kernel_filter;
	const AnalysisJoin *join;
	View *view;
} Part;

typedef void (*PartFunc)(const Part *p);

static void each_trace(const AnalysisStore *s, const AnalysisQuery *q, View *v, PartFunc function)
{
	for (guint i = 0; i < s->traces->len; i++) {
		const AnalysisStoreTrace *t = g_ptr_array_index(s->traces, i);
		g_autoptr(AnalysisFilter) f = t->is_kernel ? NULL : analysis_filter_new(q, t);
		g_autoptr(AnalysisJoin) j = f ? analysis_join_new(s, t) : NULL;
		g_autoptr(AnalysisFilter) kernel = j && j->kernel ? analysis_filter_new(q, j->kernel) : NULL;
		const Part part = {q, t, f, kernel, j, v};

		if (j)
			function(&part);
	}
}

/* Numbers that fit several threads of the kernel's trace fit none. */
static void note_ambiguous(const Part *p)
{
	guint n = 0;

	for (guint64 i = 0; i < p->join->n; i++)
		n += p->join->serials[i] == ANALYSIS_AMBIGUOUS;
	if (n)
		view_add_note(p->view, "%s: %u threads have numbers that several threads of the kernel's trace had: record the contexts vpid and pid_ns in both.",
			      p->trace->name, n);
}

static void note_facts(const Part *p)
{
	analysis_join_notes(p->join, p->view);
}

static gboolean wanted(const Part *p, guint32 thread)
{
	return analysis_join_wanted(p->join, p->query, p->kernel_filter, thread);
}

static gboolean is_wanted(const Part *p, const UserEvent *e)
{
	return analysis_in_range(p->filter, e->time_ns) && analysis_filter_cpu(p->filter, e->cpu) &&
	       analysis_any_match(p->query->events, history_text_get(p->trace->history, e->name), -1) && wanted(p, e->thread);
}

/* The table of that name; FALSE: it is empty. */
static gboolean find(const Part *p, const char *name, gsize size, guint *table_out, guint64 *n_out)
{
	if (!history_find_table(p->trace->history, name, size, table_out))
		return FALSE;
	*n_out = history_table_len(p->trace->history, *table_out);
	return *n_out > 0;
}

/* ---- Who: columns that all have ----------------------------------------------------------------------------------------- */

enum { MACHINE, TID, PID, NAME, WHO_COUNT };

static void add_who(View *v)
{
	view_add_column(v, "machine", "MACHINE", VIEW_TEXT);
	view_add_column(v, "tid", "TID", VIEW_ID);
	view_add_column(v, "pid", "PID", VIEW_ID);
	view_add_column(v, "thread", "THREAD", VIEW_TEXT);
}

static void set_who(const Part *p, guint first, guint32 thread)
{
	view_set_text(p->view, first + MACHINE, p->trace->name);
	gint32 tid = analysis_join_tid(p->join, thread), pid = analysis_join_pid(p->join, thread);

	if (tid >= 0)
		view_set_int(p->view, first + TID, tid);
	if (pid >= 0)
		view_set_int(p->view, first + PID, pid);
	view_set_text(p->view, first + NAME, analysis_join_name(p->join, thread));
}

/* ---- The table: events by thread and name, memory, mutexes ------------------------------------------------------------- */

enum { KIND = WHO_COUNT, WHAT, COUNT, RATE, TOTAL, MEAN, MAX_, HELD, WAITING, HOLDER, HOLDER_NS, BYTES, LIVE, PEAK, FIRST, LAST };

static void begin_row(const Part *p, guint32 thread, const char *kind, const char *what, guint64 count)
{
	view_begin_row(p->view);
	set_who(p, 0, thread);
	view_set_text(p->view, KIND, kind);
	view_set_text(p->view, WHAT, what);
	view_set_uint(p->view, COUNT, count);
}

static void set_times(const Part *p, guint64 count, gint64 first, gint64 last)
{
	gint64 range = analysis_filter_end(p->filter) - analysis_filter_begin(p->filter);

	if (range > 0)
		view_set_double(p->view, RATE, (double)count * 1e9 / (double)range);
	view_set_int(p->view, FIRST, first);
	view_set_int(p->view, LAST, last);
}

/* By thread and name, in the range asked for. */
static void add_events(const Part *p)
{
	g_autoptr(AnalysisGroups) groups = analysis_groups_new(p->query, p->filter);
	guint table;
	guint64 n;

	if (!find(p, USER_EVENTS_TABLE, sizeof(UserEvent), &table, &n))
		return;
	for (guint64 i = 0; i < n; i++) {
		const UserEvent *e = history_table_get(p->trace->history, table, i);

		if (is_wanted(p, e))
			analysis_groups_add(groups, e->thread, e->name, e->time_ns, e->time_ns - analysis_filter_begin(p->filter), 0, FALSE);
	}
	for (guint i = 0; i < analysis_groups_len(groups); i++) {
		const AnalysisGroup *g = analysis_groups_get(groups, i);
		gint64 begin = analysis_filter_begin(p->filter);

		begin_row(p, (guint32)g->key[0], "event", history_text_get(p->trace->history, (guint32)g->key[1]), g->count);
		set_times(p, g->count, begin + g->min_ns, begin + g->max_ns);
	}
	if (analysis_groups_dropped(groups))
		view_add_note(p->view, "%s: %" G_GUINT64_FORMAT " events of further threads and names than the %u that a table has are not in here.",
			      p->trace->name, analysis_groups_dropped(groups), ANALYSIS_GROUPS_MAX);
}

static void add_memory(const Part *p)
{
	gboolean uncertain = FALSE;
	guint table;
	guint64 n;

	if (!find(p, USER_MEMORY_TABLE, sizeof(UserMemory), &table, &n))
		return;
	for (guint64 i = 0; i < n; i++) {
		const UserMemory *m = history_table_get(p->trace->history, table, i);
		const UserThread *t = analysis_join_thread(p->join, m->thread);

		if (!wanted(p, m->thread))
			continue;
		g_autofree char *what = g_strdup_printf("malloc of process %d: %" G_GUINT64_FORMAT " frees, %" G_GUINT64_FORMAT " of what is older",
							t->vpid, m->frees, m->unknown_frees);
		begin_row(p, m->thread, "memory", what, m->allocations);
		set_times(p, m->allocations, m->first_ns, m->last_ns);
		view_set_int(p->view, BYTES, m->allocated);
		view_set_int(p->view, LIVE, m->live);
		view_set_int(p->view, PEAK, m->peak);
		uncertain |= m->uncertain != 0;
	}
	if (uncertain)
		view_add_note(p->view, "%s: events were lost, so what was allocated, freed and is live is only about right.", p->trace->name);
}

static gboolean wanted_thread(gpointer part, guint32 thread)
{
	return wanted(part, thread);
}

static void set_holder(const Part *p, const AnalysisMutexWait *m)
{
	gint32 tid = analysis_join_tid(p->join, m->holder);

	view_set_textf(p->view, HOLDER, "%s%s%d", analysis_join_name(p->join, m->holder), *analysis_join_name(p->join, m->holder) ? " " : "", tid);
	view_set_int(p->view, HOLDER_NS, m->holder_ns);
}

static void add_mutexes(const Part *p)
{
	g_autoptr(GArray) waits = analysis_mutex_waits(p->trace, p->filter, wanted_thread, (gpointer)p);

	for (guint i = 0; i < waits->len; i++) {
		const AnalysisMutexWait *m = &g_array_index(waits, AnalysisMutexWait, i);
		g_autofree char *what = g_strdup_printf("mutex 0x%" G_GINT64_MODIFIER "x: waits", m->mutex);

		begin_row(p, m->thread, "mutex", what, m->count);
		view_set_int(p->view, TOTAL, m->total_ns);
		view_set_int(p->view, MEAN, (gint64)((double)m->total_ns / (double)(m->count + m->waiting)));
		view_set_int(p->view, MAX_, m->max_ns);
		view_set_int(p->view, HELD, m->held_ns);
		view_set_uint(p->view, WAITING, m->waiting);
		if (m->holder != ANALYSIS_NO_THREAD)
			set_holder(p, m);
		if (m->waiting)
			view_add_note(p->view, "%s: %s %d still waited for mutex 0x%" G_GINT64_MODIFIER "x when the trace ended.", p->trace->name,
				      analysis_join_name(p->join, m->thread), analysis_join_tid(p->join, m->thread), m->mutex);
	}
}

/* What no row has. */
static void hide(View *v, guint first, guint last)
{
	for (guint c = first; c <= last; c++)
		view_hide_from_text(v, c);
}

static View *make_table(const AnalysisStore *s, const AnalysisQuery *q)
{
	View *v = view_new("user", "User space");

	add_who(v);
	view_add_column(v, "kind", "KIND", VIEW_TEXT);
	view_add_column(v, "what", "WHAT", VIEW_TEXT);
	view_add_column(v, "count", "COUNT", VIEW_COUNT);
	view_add_column(v, "rate", "RATE", VIEW_HZ);
	view_add_column(v, "wait_ns", "WAITED", VIEW_NS);
	view_add_column(v, "mean_ns", "MEAN", VIEW_NS);
	view_add_column(v, "max_ns", "MAX", VIEW_NS);
	view_add_column(v, "held_ns", "HELD", VIEW_NS);
	view_add_column(v, "waiting", "WAITING", VIEW_COUNT);
	view_add_column(v, "holder", "HELD BY", VIEW_TEXT);
	view_add_column(v, "holder_ns", "BY IT", VIEW_NS);
	view_add_column(v, "allocated_bytes", "ALLOCATED", VIEW_BYTES);
	view_add_column(v, "live_bytes", "LIVE", VIEW_BYTES);
	view_add_column(v, "peak_bytes", "PEAK", VIEW_BYTES);
	view_add_column(v, "first_ns", "FIRST", VIEW_TIME_NS);
	view_add_column(v, "last_ns", "LAST", VIEW_TIME_NS);
	view_hide_from_text(v, MEAN);
	view_hide_from_text(v, WAITING);
	view_hide_from_text(v, FIRST);
	view_hide_from_text(v, LAST);
	each_trace(s, q, v, add_events);
	guint n = view_row_count(v);
	if (!q->events)
		each_trace(s, q, v, add_memory);
	if (view_row_count(v) == n)
		hide(v, BYTES, PEAK);
	n = view_row_count(v);
	if (!q->events)
		each_trace(s, q, v, add_mutexes);
	if (view_row_count(v) == n)
		hide(v, TOTAL, HOLDER_NS);
	each_trace(s, q, v, note_ambiguous);
	each_trace(s, q, v, note_facts);
	view_sort(v, COUNT, TRUE);
	view_sort(v, KIND, FALSE);
	return v;
}

/* ---- Over time ------------------------------------------------------------------------------------------------------------ */

static void add_steps(const Part *p)
{
	g_autoptr(AnalysisGroups) groups = analysis_groups_new(p->query, p->filter);
	guint table;
	guint64 n;

	if (!find(p, USER_EVENTS_TABLE, sizeof(UserEvent), &table, &n))
		return;
	for (guint64 i = 0; i < n; i++) {
		const UserEvent *e = history_table_get(p->trace->history, table, i);

		if (is_wanted(p, e))
			analysis_groups_add(groups, e->name, 0, e->time_ns, 0, 0, FALSE);
	}
	for (guint i = 0; i < analysis_groups_len(groups); i++) {
		const AnalysisGroup *g = analysis_groups_get(groups, i);

		view_begin_row(p->view);
		analysis_set_time(p->view, 0, p->trace, g->step_ns);
		view_set_text(p->view, 1, p->trace->name);
		view_set_text(p->view, 2, history_text_get(p->trace->history, (guint32)g->key[0]));
		view_set_uint(p->view, 3, g->count);
	}
}

static View *make_series(const AnalysisStore *s, const AnalysisQuery *q)
{
	View *v = view_new("user-series", "User space, over time");

	analysis_add_time_column(v, q);
	view_add_column(v, "machine", "MACHINE", VIEW_TEXT);
	view_add_column(v, "what", "WHAT", VIEW_TEXT);
	view_add_column(v, "count", "COUNT", VIEW_COUNT);
	each_trace(s, q, v, add_steps);
	view_sort(v, 0, FALSE);
	return v;
}

/* ---- The events ------------------------------------------------------------------------------------------------------------- */

enum { LOG_TIME, LOG_WHO, LOG_CPU = LOG_WHO + WHO_COUNT, LOG_NAME, LOG_MESSAGE, LOG_STATE };

/* What the kernel's trace says that the thread was doing then. */
static void set_state(const Part *p, guint32 thread, gint64 time)
{
	const KernelThreadItem *item = analysis_join_kernel(p->join, thread);
	HistoryInterval at;

	if (!item || item->row == KERNEL_NO_ROW || !history_at(p->join->kernel->rows, item->row, time, &at))
		return;
	const History *h = p->join->kernel->rows;
	const char *detail = history_text_get(h, at.detail);
	view_set_textf(p->view, LOG_STATE, "%s%s%s", history_state_name(h, history_row_kind(h, item->row), at.state), *detail ? " " : "",
		       detail);
}

static void add_log(const Part *p)
{
	guint table;
	guint64 n;

	if (!find(p, USER_EVENTS_TABLE, sizeof(UserEvent), &table, &n))
		return;
	/* The first ones of each trace: they are sorted afterwards. */
	guint before = view_row_count(p->view);
	for (guint64 i = 0; i < n && (!p->query->limit || view_row_count(p->view) - before < p->query->limit); i++) {
		const UserEvent *e = history_table_get(p->trace->history, table, i);

		if (!is_wanted(p, e))
			continue;
		view_begin_row(p->view);
		analysis_set_time(p->view, LOG_TIME, p->trace, e->time_ns);
		set_who(p, LOG_WHO, e->thread);
		if (e->cpu >= 0)
			view_set_int(p->view, LOG_CPU, e->cpu);
		view_set_text(p->view, LOG_NAME, history_text_get(p->trace->history, e->name));
		if (e->message)
			view_set_text(p->view, LOG_MESSAGE, history_text_get(p->trace->history, e->message));
		set_state(p, e->thread, e->time_ns);
	}
}

static View *make_log(const AnalysisStore *s, const AnalysisQuery *q)
{
	View *v = view_new("user-log", "Events of user space");

	view_add_column(v, "time_ns", "TIME", VIEW_TIME_NS);
	add_who(v);
	view_add_column(v, "cpu", "CPU", VIEW_ID);
	view_add_column(v, "event", "EVENT", VIEW_TEXT);
	view_add_column(v, "message", "MESSAGE", VIEW_TEXT);
	view_add_column(v, "state", "KERNEL STATE", VIEW_TEXT);
	each_trace(s, q, v, add_log);
	view_sort(v, LOG_TIME, FALSE);
	return v;
}

static gboolean has_user_trace(const AnalysisStore *s)
{
	for (guint i = 0; i < s->traces->len; i++)
		if (!((const AnalysisStoreTrace *)g_ptr_array_index(s->traces, i))->is_kernel)
			return TRUE;
	return FALSE;
}

View *analysis_user(const AnalysisStore *s, const AnalysisQuery *q, GError **error)
{
	View *v = q->form == ANALYSIS_LOG ? make_log(s, q) : q->form == ANALYSIS_SERIES ? make_series(s, q) : make_table(s, q);

	if (!has_user_trace(s))
		view_set_empty_text(v, "There is no user space trace among these. Record one: lttng enable-event --userspace 'PROVIDER:*', "
				       "lttng add-context --userspace --type=vtid --type=vpid --type=procname");
	return v;
}
