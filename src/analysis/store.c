/* SPDX-License-Identifier: MIT */
/* store.c: traces become histories. */
#include "analysis/store.h"

#include <string.h>

#include "kvm/kvm.h"
#include "kvm/rows.h"

static void trace_free(gpointer data)
{
	AnalysisStoreTrace *t = data;

	history_free(t->history);
	g_free(t->name);
	g_free(t);
}

void analysis_store_free(AnalysisStore *s)
{
	if (!s)
		return;
	g_ptr_array_unref(s->traces);
	g_free(s);
}

static gboolean read_kernel(AnalysisStoreTrace *t, TraceFacts *facts, const AnalysisStoreOptions *o, GError **error)
{
	TraceOptions options = {.begin_ns = G_MININT64, .end_ns = G_MAXINT64, .threads = MAX(o->threads, 1), .warnings = o->warnings};
	HistoryOptions memory = {.memory = o->memory};
	TraceModel models[2 + KERNEL_PART_COUNT];

	if (!ctf_trace_span(t->trace, &t->begin_ns, &t->end_ns))
		t->begin_ns = t->end_ns = 0;
	g_autoptr(Kernel) kernel = kernel_new(facts, t->begin_ns, t->end_ns);
	g_autoptr(Kvm) kvm = kvm_new(kernel, facts);
	t->history = history_new(t->begin_ns, t->end_ns, &memory);
	g_autoptr(KernelSet) set = kernel_set_new(kernel, t->history, facts);
	kvm_keep(kvm, set);
	models[0] = kernel_model(kernel);
	models[1] = kvm_model(kvm);
	kernel_set_models(set, models + 2);
	if (!trace_run(t->trace, models, G_N_ELEMENTS(models), &options, facts, NULL, error))
		return FALSE;
	kernel_finish(kernel);
	kvm_finish(kvm);
	kernel_set_finish(set);
	return history_finish(t->history, error);
}

static char *unique_name(const AnalysisStore *s, const char *hostname)
{
	const char *base = hostname && *hostname ? hostname : "host";
	g_autofree char *name = g_strdup(base);

	for (guint n = 2, i = 0; i < s->traces->len; i++) {
		const AnalysisStoreTrace *t = g_ptr_array_index(s->traces, i);

		if (t->name && strcmp(t->name, name) == 0) {
			g_free(name);
			name = g_strdup_printf("%s-%u", base, n++);
			i = (guint)-1;
		}
	}
	return g_steal_pointer(&name);
}

AnalysisStore *analysis_store_open(GPtrArray *traces, const AnalysisStoreOptions *options, GError **error)
{
	g_autoptr(AnalysisStore) s = g_new0(AnalysisStore, 1);

	s->traces = g_ptr_array_new_with_free_func(trace_free);
	s->begin_ns = G_MAXINT64;
	s->end_ns = G_MININT64;
	for (guint i = 0; i < traces->len; i++) {
		TraceFacts facts;

		trace_facts(g_ptr_array_index(traces, i), &facts);
		if (!facts.is_kernel)
			continue;
		AnalysisStoreTrace *t = g_new0(AnalysisStoreTrace, 1);
		t->trace = g_ptr_array_index(traces, i);
		t->name = unique_name(s, facts.hostname);
		t->is_kernel = facts.is_kernel;
		t->level = -1;
		g_ptr_array_add(s->traces, t);
		if (!read_kernel(t, &facts, options, error))
			return NULL;
		s->begin_ns = MIN(s->begin_ns, t->begin_ns);
		s->end_ns = MAX(s->end_ns, t->end_ns);
	}
	return g_steal_pointer(&s);
}
