/* SPDX-License-Identifier: MIT */
/* Threads: where their time went, and how long they waited for a processor. */
#include "analysis/commands.h"
#include "analysis/times.h"

typedef struct {
	View *view;
	guint first, times; /* columns */
	AnalysisThreads threads;
	AnalysisGroups *latencies;
	GHashTable *processes;
	AnalysisTimes total;
} Table;

enum { MACHINE, TID, PID, NAME, PROCESS };

static guint64 by_serial(const KernelThreadItem *item, guint64 serial)
{
	return serial;
}

static void set_name(const Table *t, const KernelThreadItem *item)
{
	const History *h = t->threads.trace->history;
	const char *process = item->pid >= 0 ? g_hash_table_lookup(t->processes, GINT_TO_POINTER(item->pid)) : NULL;

	view_set_text(t->view, t->first + MACHINE, t->threads.trace->name);
	if (item->tid >= 0)
		view_set_int(t->view, t->first + TID, item->tid);
	if (item->pid >= 0)
		view_set_int(t->view, t->first + PID, item->pid);
	view_set_text(t->view, t->first + NAME, *history_text_get(h, item->name) ? history_text_get(h, item->name) : NULL);
	view_set_text(t->view, t->first + PROCESS, process);
}

/* In a series a thread that neither had nor wanted a processor has no row. */
static void add_thread(Table *t, guint64 serial, gint64 begin_ns, gint64 end_ns)
{
	const KernelThreadItem *item = analysis_threads_get(&t->threads, serial);
	gboolean series = t->threads.query->form == ANALYSIS_SERIES;
	AnalysisTimes times = {0};
	gint64 step = series ? begin_ns : 0;

	if (!item || !analysis_threads_life(&t->threads, item, &begin_ns, &end_ns))
		return;
	analysis_times_add(&times, &t->threads, item, begin_ns, end_ns);
	if (series && !analysis_times_active(&times))
		return;
	analysis_times_merge(&t->total, &times);
	view_begin_row(t->view);
	if (series)
		analysis_set_time(t->view, 0, t->threads.trace, step);
	set_name(t, item);
	analysis_times_set(t->view, t->times, t->threads.query, &times, analysis_groups_find(t->latencies, serial, 0, step));
}

static void add_trace(Table *t)
{
	gint64 begin_ns, end_ns = analysis_filter_begin(t->threads.filter);

	while (analysis_next_step(&t->threads, &begin_ns, &end_ns))
		for (guint64 i = 0; i < t->threads.n; i++)
			add_thread(t, i, begin_ns, end_ns);
}

static View *make_table(const AnalysisStore *s, const AnalysisQuery *q)
{
	gboolean series = q->form == ANALYSIS_SERIES;
	Table t = {.view = view_new(series ? "threads-series" : "threads", series ? "Threads, over time" : "Threads")};

	analysis_add_time_column(t.view, q);
	t.first = view_add_column(t.view, "machine", "MACHINE", VIEW_TEXT);
	view_add_column(t.view, "tid", "TID", VIEW_ID);
	view_hide_from_text(t.view, view_add_column(t.view, "pid", "PID", VIEW_ID));
	view_add_column(t.view, "name", "NAME", VIEW_TEXT);
	view_hide_from_text(t.view, view_add_column(t.view, "process", "PROCESS", VIEW_TEXT));
	t.times = analysis_times_columns(t.view, q);
	for (guint i = 0; i < s->traces->len; i++) {
		const AnalysisStoreTrace *trace = g_ptr_array_index(s->traces, i);
		g_autoptr(AnalysisFilter) f = analysis_filter_new(q, trace);

		if (!analysis_threads_open(&t.threads, q, trace, f))
			continue;
		g_autoptr(AnalysisGroups) latencies = analysis_latencies(&t.threads, by_serial);
		g_autoptr(GHashTable) processes = analysis_process_names(trace);
		t.latencies = latencies;
		t.processes = processes;
		add_trace(&t);
	}
	analysis_times_end(t.view, t.times, &t.total);
	view_sort(t.view, t.times, TRUE);
	if (series)
		view_sort(t.view, 0, FALSE);
	return t.view;
}

View *analysis_threads(const AnalysisStore *s, const AnalysisQuery *q, GError **error)
{
	if (!analysis_check_steps(s, q, error))
		return NULL;
	View *v = q->form == ANALYSIS_LOG ? analysis_latency_log(s, q) : make_table(s, q);

	view_set_empty_text(v, q->form == ANALYSIS_LOG ? "No thread was woken." : "No thread was seen.");
	return v;
}
