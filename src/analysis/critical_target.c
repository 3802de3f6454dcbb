/* SPDX-License-Identifier: MIT */
#include "analysis/critical_target.h"

#include <string.h>

/* Time that a thread was on a processor, as it saw that itself. */
static gint64 cpu_ns(const AnalysisThreads *t, const KernelThreadItem *item, gint64 begin, gint64 end)
{
	gint64 ns[HISTORY_STATES_MAX], sum = 0;

	history_sums(t->trace->history, item->row, begin, end, ns);
	for (guint s = KERNEL_TS_RUNNING; s <= KERNEL_TS_GUEST; s++)
		sum += ns[s];
	return sum;
}

/* ---- Threads --------------------------------------------------------------------------------------------------------------- */

typedef struct {
	CriticalTarget *best;
	gint64 best_ns;
} Search;

/* Of threads of one number (it was used again) the busiest is meant. */
static void consider_thread(Search *s, const AnalysisThreads *t, guint32 serial)
{
	const KernelThreadItem *item = analysis_threads_get(t, serial);
	gint64 begin = analysis_filter_begin(t->filter), end = analysis_filter_end(t->filter);

	if (!item || !analysis_threads_life(t, item, &begin, &end))
		return;
	gint64 ns = cpu_ns(t, item, begin, end);
	guint found = s->best->found + 1;
	if (found == 1 || ns > s->best_ns) {
		end = MIN(end, t->trace->end_ns);
		*s->best = (CriticalTarget){.trace = t->trace, .serial = serial, .last = serial, .last_begin = end, .begin = begin, .end = end};
		s->best_ns = ns;
	}
	s->best->found = found;
}

static void consider_threads(Search *s, const AnalysisThreads *t)
{
	for (guint64 serial = 0; serial < t->n; serial++)
		consider_thread(s, t, (guint32)serial);
}

/* ---- Processes ------------------------------------------------------------------------------------------------------------- */

/* A process as its threads tell. */
typedef struct {
	guint32 main, last;
	gint64 begin, end, last_begin, ns;
	gboolean has_main;  /* its main thread is known; else `main` is the first one */
} Process;

static void add_thread(Process *p, const AnalysisThreads *t, guint32 serial, const KernelThreadItem *item, gint64 begin, gint64 end)
{
	gboolean is_main = item->tid == item->pid;

	p->ns += cpu_ns(t, item, begin, end);
	if (!p->end || (is_main && !p->has_main) || (is_main == p->has_main && begin < p->begin))
		p->main = serial;
	p->has_main |= is_main;
	/* Of those that end together the main thread is waited for. */
	if (!p->end || end > p->end || (end == p->end && is_main)) {
		p->last = serial;
		p->last_begin = begin;
	}
	p->begin = p->end ? MIN(p->begin, begin) : begin;
	p->end = MAX(p->end, end);
}

static GHashTable *find_processes(const AnalysisThreads *t)
{
	GHashTable *all = g_hash_table_new_full(NULL, NULL, NULL, g_free);

	for (guint64 serial = 0; serial < t->n; serial++) {
		const KernelThreadItem *item = analysis_threads_get(t, serial);
		gint64 begin = analysis_filter_begin(t->filter), end = analysis_filter_end(t->filter);

		if (!item || item->pid <= 0 || !analysis_threads_life(t, item, &begin, &end))
			continue;
		Process *p = g_hash_table_lookup(all, GINT_TO_POINTER(item->pid));
		if (!p) {
			p = g_new0(Process, 1);
			g_hash_table_insert(all, GINT_TO_POINTER(item->pid), p);
		}
		add_thread(p, t, (guint32)serial, item, begin, MIN(end, t->trace->end_ns));
	}
	return all;
}

static void consider_processes(Search *s, const AnalysisThreads *t)
{
	g_autoptr(GHashTable) all = find_processes(t);
	GHashTableIter iter;
	gpointer value;

	g_hash_table_iter_init(&iter, all);
	while (g_hash_table_iter_next(&iter, NULL, &value)) {
		const Process *p = value;
		guint found = s->best->found + 1;

		if (found == 1 || p->ns > s->best_ns || (p->ns == s->best_ns && p->main < s->best->serial)) {
			*s->best = (CriticalTarget){.trace = t->trace, .serial = p->main, .last = p->last, .last_begin = p->main == p->last ? p->end : p->last_begin,
						    .begin = p->begin, .end = p->end, .is_process = TRUE};
			s->best_ns = p->ns;
		}
		s->best->found = found;
	}
}

/* ---- Either ---------------------------------------------------------------------------------------------------------------- */

/* "MACHINE:ID" is a machine, and a thread or process. `lists` has room for both. */
static void split_machine(AnalysisQuery *own, const char *const **ids, const char *lists[4], char **room)
{
	const char *colon = strchr((*ids)[0], ':');

	if (!colon || (*ids)[1] || own->machines)
		return;
	*room = g_strndup((*ids)[0], (gsize)(colon - (*ids)[0]));
	lists[0] = *room;
	lists[2] = colon + 1;
	own->machines = lists;
	*ids = lists + 2;
}

gboolean critical_target_find(const AnalysisStore *s, const AnalysisQuery *q, CriticalTarget *out, GError **error)
{
	const char *lists[4] = {NULL, NULL, NULL, NULL};
	g_autofree char *room = NULL;
	AnalysisQuery own = *q;
	Search search = {out, 0};

	*out = (CriticalTarget){0};
	if (!q->threads && !q->processes) {
		g_set_error(error, ST_ERROR, ST_ERROR_USAGE, "whose path? Give --thread=[MACHINE:]TID or --process=[MACHINE:]PID, or a name");
		return FALSE;
	}
	split_machine(&own, q->threads ? &own.threads : &own.processes, lists, &room);
	for (guint i = 0; i < s->traces->len; i++) {
		const AnalysisStoreTrace *trace = g_ptr_array_index(s->traces, i);
		g_autoptr(AnalysisFilter) f = trace->is_kernel ? analysis_filter_new(&own, trace) : NULL;
		AnalysisThreads t;

		if (f && analysis_threads_open(&t, &own, trace, f))
			(q->threads ? consider_threads : consider_processes)(&search, &t);
	}
	if (out->found)
		return TRUE;
	g_set_error(error, ST_ERROR, ST_ERROR_USAGE, "--%s: no %s of that name or number lived then; \"strata %s\" lists them", q->threads ? "thread" : "process",
		    q->threads ? "thread" : "process", q->threads ? "threads" : "processes");
	return FALSE;
}
