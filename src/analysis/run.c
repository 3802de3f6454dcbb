/* SPDX-License-Identifier: MIT */
/* From traces to machines: each is read once. */
#include <string.h>

#include "analysis/rows.h"

static void machine_free(gpointer data)
{
	AnalysisMachine *m = data;
	kvm_free(m->kvm);
	kernel_free(m->kernel);
	ctf_stats_clear(&m->stats);
	g_free(m->name);
	g_free(m);
}

void analysis_free(Analysis *a)
{
	if (!a)
		return;
	g_ptr_array_unref(a->machines);
	g_ptr_array_unref(a->others);
	g_ptr_array_unref(a->traces);
	g_free(a);
}

/* From the first event to the last; a trace without any has no time: an empty range. */
static gboolean range_of(const AnalysisMachine *m, const AnalysisOptions *o, gint64 *begin, gint64 *end, GError **error)
{
	gint64 first, last, from = m->store ? analysis_own_time(m->store, o->begin_ns) : o->begin_ns,
			    to = m->store ? analysis_own_time(m->store, o->end_ns) : o->end_ns;
	gboolean empty = !ctf_trace_span(m->trace, &first, &last);
	*begin = empty ? 0 : MAX(first, from);
	*end = empty ? 0 : MIN(last, to);
	if (*begin <= *end)
		return TRUE;
	if (o->store && o->store->experiment->members->len > 1) { /* it has nothing to say of that time; others do */
		*begin = *end = CLAMP(from, first, last);
		return TRUE;
	}
	g_set_error(error, ST_ERROR, ST_ERROR_USAGE, "%s: nothing of it is between --begin and --end", m->trace->path);
	return FALSE;
}

static void count_losses(AnalysisMachine *m)
{
	for (guint i = 0; i < m->trace->streams->len; i++) {
		const CtfStream *s = g_ptr_array_index(m->trace->streams, i);
		for (guint j = 0; j < s->losses->len; j++) {
			const CtfLoss *l = &g_array_index(s->losses, CtfLoss, j);
			if (l->end_ns < m->kernel->begin_ns || l->begin_ns > m->kernel->end_ns)
				continue;
			m->lost_events += l->events;
			m->lost_packets += l->packets;
		}
	}
}

static gboolean read_machine(AnalysisMachine *m, const AnalysisOptions *o, GError **error)
{
	gint64 begin, end;
	if (!range_of(m, o, &begin, &end, error))
		return FALSE;
	TraceOptions options = {.begin_ns = begin, .end_ns = end, .threads = o->threads, .warnings = o->warnings};
	m->kernel = kernel_new(&m->facts, begin, end);
	m->kvm = kvm_new(m->kernel, &m->facts);
	TraceModel models[] = {kernel_model(m->kernel), kvm_model(m->kvm)};
	if (!trace_run(m->trace, models, G_N_ELEMENTS(models), &options, &m->facts, &m->stats, error))
		return FALSE;
	kernel_finish(m->kernel);
	kvm_finish(m->kvm);
	count_losses(m);
	return TRUE;
}

static char *name_machine(const Analysis *a, const char *hostname)
{
	g_autofree const char **names = g_new0(const char *, a->machines->len + 1);
	for (guint i = 0; i < a->machines->len; i++)
		names[i] = ((const AnalysisMachine *)g_ptr_array_index(a->machines, i))->name;
	return analysis_unique_name(hostname, names, a->machines->len);
}

static const AnalysisStoreTrace *store_trace(const AnalysisStore *s, const CtfTrace *trace)
{
	for (guint i = 0; s && i < s->traces->len; i++) {
		const AnalysisStoreTrace *t = g_ptr_array_index(s->traces, i);

		if (t->trace == trace)
			return t;
	}
	return NULL;
}

static gboolean add_machine(Analysis *a, CtfTrace *trace, const TraceFacts *facts, const AnalysisOptions *o, GError **error)
{
	AnalysisMachine *m = g_new0(AnalysisMachine, 1);
	m->name = name_machine(a, facts->hostname);
	m->trace = trace;
	m->facts = *facts;
	m->level = -1;
	m->store = store_trace(o->store, trace);
	if (m->store)
		m->level = m->store->level;
	g_ptr_array_add(a->machines, m);
	return read_machine(m, o, error);
}

static void guess_levels(Analysis *a)
{
	g_autofree guint *depths = g_new0(guint, a->machines->len + 1);
	for (guint i = 0; i < a->machines->len; i++)
		depths[i] = analysis_depth(((const AnalysisMachine *)g_ptr_array_index(a->machines, i))->kvm);
	gint host = analysis_guess_host(depths, a->machines->len);
	if (host >= 0)
		((AnalysisMachine *)g_ptr_array_index(a->machines, host))->level = 0;
}

static void find_range(Analysis *a)
{
	a->begin_ns = G_MAXINT64;
	a->end_ns = G_MININT64;
	for (guint i = 0; i < a->machines->len; i++) {
		const AnalysisMachine *m = g_ptr_array_index(a->machines, i);
		gint64 begin = m->kernel->begin_ns, end = m->kernel->end_ns;

		a->begin_ns = MIN(a->begin_ns, m->store ? analysis_time(m->store, begin) : begin);
		a->end_ns = MAX(a->end_ns, m->store ? analysis_time(m->store, end) : end);
	}
	if (a->begin_ns > a->end_ns)
		a->begin_ns = a->end_ns = 0;
}

Analysis *analysis_run(GPtrArray *traces, const AnalysisOptions *options, GError **error)
{
	g_autoptr(Analysis) a = g_new0(Analysis, 1);
	a->machines = g_ptr_array_new_with_free_func(machine_free);
	a->others = g_ptr_array_new();
	a->traces = g_ptr_array_ref(traces);
	for (guint i = 0; i < traces->len; i++) {
		CtfTrace *trace = g_ptr_array_index(traces, i);
		TraceFacts facts;
		trace_facts(trace, &facts);
		if (!facts.is_kernel)
			g_ptr_array_add(a->others, trace);
		else if (!add_machine(a, trace, &facts, options, error))
			return NULL;
	}
	if (!options->store)
		guess_levels(a);
	find_range(a);
	return g_steal_pointer(&a);
}
