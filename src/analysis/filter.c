/* SPDX-License-Identifier: MIT */
/* filter.c: which part of a trace a query is about. */
#include "analysis/times.h"
#include "kernel/containers.h"
#include "kernel/flow.h"

#include <string.h>

struct AnalysisFilter {
	const AnalysisQuery *query;
	const AnalysisStoreTrace *trace;
	gint64 begin_ns, end_ns;
	guint8 *threads; /* by serial: TRUE if it is wanted; NULL: all are, those that aren't known too */
	guint64 n_threads;
};

gboolean analysis_any_match(const char *const *patterns, const char *text, gint64 number)
{
	for (const char *const *p = patterns; p && *p; p++) {
		char *end;
		gint64 wanted = g_ascii_strtoll(*p, &end, 10);

		if (end != *p && !*end ? wanted == number : g_pattern_match_simple(*p, text))
			return TRUE;
	}
	return !patterns;
}

/* ---- Threads --------------------------------------------------------------------------------------------------- */

static gboolean wanted(const AnalysisFilter *f, const KernelThreadItem *item, guint32 container, GHashTable *processes)
{
	const AnalysisQuery *q = f->query;
	const char *process = g_hash_table_lookup(processes, GINT_TO_POINTER(item->pid));

	return analysis_any_match(q->threads, history_text_get(f->trace->history, item->name), item->tid) &&
	       analysis_any_match(q->processes, process ? process : "", item->pid) &&
	       kernel_container_matches(f->trace->history, container, q->containers, analysis_any_match);
}

static void choose_threads(AnalysisFilter *f)
{
	const AnalysisStoreTrace *t = f->trace;
	guint table;

	if (!f->query->threads && !f->query->processes && !f->query->containers)
		return;
	if (history_find_table(t->history, KERNEL_THREADS_TABLE, sizeof(KernelThreadItem), &table))
		f->n_threads = history_table_len(t->history, table);
	f->threads = g_new0(guint8, f->n_threads + 1);
	if (!f->n_threads)
		return;
	g_autoptr(GHashTable) processes = analysis_process_names(t);
	for (guint64 i = 0; i < f->n_threads; i++) {
		const KernelThreadItem *item = history_table_get(t->history, table, i);

		if (item->same_as < f->n_threads)
			item = history_table_get(t->history, table, item->same_as);
		guint32 container = kernel_container_of(t->history, item->same_as < f->n_threads ? item->same_as : (guint32)i);
		f->threads[i] = (guint8)wanted(f, item, container, processes);
	}
}

/* ---- The filter ------------------------------------------------------------------------------------------------- */

AnalysisFilter *analysis_filter_new(const AnalysisQuery *q, const AnalysisStoreTrace *t)
{
	char level[16];

	g_snprintf(level, sizeof(level), "%d", t->level);
	if (!analysis_any_match(q->machines, t->name, -1) || !analysis_any_match(q->levels, level, t->level))
		return NULL;
	AnalysisFilter *f = g_new0(AnalysisFilter, 1);
	f->query = q;
	f->trace = t;
	gint64 begin = analysis_own_time(t, q->begin_ns), end = analysis_own_time(t, q->end_ns);
	/* The trace's last event is within it. */
	f->begin_ns = MAX(begin, t->begin_ns);
	f->end_ns = end < t->end_ns ? end + 1 : t->end_ns == G_MAXINT64 ? t->end_ns : t->end_ns + 1;
	f->end_ns = MAX(f->end_ns, f->begin_ns);
	choose_threads(f);
	return f;
}

void analysis_filter_free(AnalysisFilter *f)
{
	if (!f)
		return;
	g_free(f->threads);
	g_free(f);
}

gint64 analysis_filter_begin(const AnalysisFilter *f)
{
	return f->begin_ns;
}

gint64 analysis_filter_end(const AnalysisFilter *f)
{
	return f->end_ns;
}

gboolean analysis_filter_thread(const AnalysisFilter *f, guint32 serial)
{
	return !f->threads || (serial < f->n_threads && f->threads[serial]);
}

gboolean analysis_filter_cpu(const AnalysisFilter *f, gint32 cpu)
{
	char text[16];

	if (!f->query->cpus)
		return TRUE;
	g_snprintf(text, sizeof(text), "%d", cpu);
	return analysis_any_match(f->query->cpus, text, cpu);
}

char *analysis_thread_name(const AnalysisStoreTrace *t, guint32 serial)
{
	guint table;

	if (!history_find_table(t->history, KERNEL_THREADS_TABLE, sizeof(KernelThreadItem), &table) ||
	    serial >= history_table_len(t->history, table))
		return g_strdup("?");
	const KernelThreadItem *item = history_table_get(t->history, table, serial);
	if (item->same_as < history_table_len(t->history, table))
		item = history_table_get(t->history, table, item->same_as);
	const char *name = history_text_get(t->history, item->name);
	return g_strdup_printf("%s %d", *name ? name : "?", item->tid);
}
