/* SPDX-License-Identifier: MIT */
/* Processes: where the time of their threads went. */
#include "analysis/commands.h"
#include "analysis/times.h"

typedef struct {
	View *view;
	guint first, times; /* columns */
	AnalysisThreads threads;
	AnalysisGroups *latencies;
	GHashTable *names;
	GHashTable *sums;   /* pid -> AnalysisTimes * */
	GArray *pids;       /* gint32, as they were met */
	AnalysisTimes total;
} Table;

enum { MACHINE, PID, NAME, THREADS };

/* Threads whose process isn't known are one row. */
static guint64 by_process(const KernelThreadItem *item, guint64 serial)
{
	return (guint32)item->pid;
}

static void add_thread(Table *t, const KernelThreadItem *item, gint64 begin_ns, gint64 end_ns)
{
	AnalysisTimes *times = g_hash_table_lookup(t->sums, GINT_TO_POINTER(item->pid));

	if (!times) {
		times = g_new0(AnalysisTimes, 1);
		g_hash_table_insert(t->sums, GINT_TO_POINTER(item->pid), times);
		g_array_append_val(t->pids, item->pid);
	}
	analysis_times_add(times, &t->threads, item, begin_ns, end_ns);
}

static void add_row(Table *t, gint32 pid, gint64 step)
{
	const AnalysisTimes *times = g_hash_table_lookup(t->sums, GINT_TO_POINTER(pid));
	gboolean series = t->threads.query->form == ANALYSIS_SERIES;

	if (series && !analysis_times_active(times))
		return;
	analysis_times_merge(&t->total, times);
	view_begin_row(t->view);
	if (series)
		analysis_set_time(t->view, 0, t->threads.trace, step);
	view_set_text(t->view, t->first + MACHINE, t->threads.trace->name);
	if (pid >= 0) {
		view_set_int(t->view, t->first + PID, pid);
		view_set_text(t->view, t->first + NAME, g_hash_table_lookup(t->names, GINT_TO_POINTER(pid)));
	}
	view_set_uint(t->view, t->first + THREADS, times->threads);
	analysis_times_set(t->view, t->times, t->threads.query, times,
			   analysis_groups_find(t->latencies, (guint32)pid, 0, series ? step : 0));
}

static void add_step(Table *t, gint64 begin_ns, gint64 end_ns)
{
	g_autoptr(GHashTable) sums = g_hash_table_new_full(NULL, NULL, NULL, g_free);
	g_autoptr(GArray) pids = g_array_new(FALSE, FALSE, sizeof(gint32));

	t->sums = sums;
	t->pids = pids;
	for (guint64 i = 0; i < t->threads.n; i++) {
		const KernelThreadItem *item = analysis_threads_get(&t->threads, i);
		gint64 from = begin_ns, to = end_ns;

		if (item && analysis_threads_life(&t->threads, item, &from, &to))
			add_thread(t, item, from, to);
	}
	for (guint i = 0; i < pids->len; i++)
		add_row(t, g_array_index(pids, gint32, i), begin_ns);
}

View *analysis_processes(const AnalysisStore *s, const AnalysisQuery *q, GError **error)
{
	gboolean series = q->form == ANALYSIS_SERIES;

	if (!analysis_check_steps(s, q, error))
		return NULL;
	Table t = {.view = view_new(series ? "processes-series" : "processes", series ? "Processes, over time" : "Processes")};

	analysis_add_time_column(t.view, q);
	t.first = view_add_column(t.view, "machine", "MACHINE", VIEW_TEXT);
	view_add_column(t.view, "pid", "PID", VIEW_ID);
	view_add_column(t.view, "name", "NAME", VIEW_TEXT);
	view_hide_from_text(t.view, view_add_column(t.view, "threads", "THREADS", VIEW_COUNT));
	t.times = analysis_times_columns(t.view, q);
	for (guint i = 0; i < s->traces->len; i++) {
		const AnalysisStoreTrace *trace = g_ptr_array_index(s->traces, i);
		g_autoptr(AnalysisFilter) f = analysis_filter_new(q, trace);

		if (!analysis_threads_open(&t.threads, q, trace, f))
			continue;
		g_autoptr(AnalysisGroups) latencies = analysis_latencies(&t.threads, by_process);
		g_autoptr(GHashTable) names = analysis_process_names(trace);
		gint64 begin_ns, end_ns = analysis_filter_begin(f);
		t.latencies = latencies;
		t.names = names;
		while (analysis_next_step(&t.threads, &begin_ns, &end_ns))
			add_step(&t, begin_ns, end_ns);
	}
	analysis_times_end(t.view, t.times, &t.total);
	view_sort(t.view, t.times, TRUE);
	if (series)
		view_sort(t.view, 0, FALSE);
	view_set_empty_text(t.view, "No thread was seen.");
	return t.view;
}
