/* SPDX-License-Identifier: MIT */
/* diagnose.c: all rules, one after the other; what they found, in order. */
#include <string.h>

#include "diagnose/private.h"

static const struct {
	const char *name, *meaning;
	double value;
} thresholds[] = {
#define DIAGNOSE_T(id, name, value, meaning) {name, meaning, value},
	DIAGNOSE_THRESHOLDS(DIAGNOSE_T)
#undef DIAGNOSE_T
};

static void (*const rules[])(Diagnose *d, const AnalysisStoreTrace *t) = {
#define DIAGNOSE_R(name) diagnose_rule_##name,
	DIAGNOSE_RULES(DIAGNOSE_R)
#undef DIAGNOSE_R
};

const char *diagnose_threshold_name(DiagnoseThreshold t)
{
	return thresholds[t].name;
}

const char *diagnose_threshold_meaning(DiagnoseThreshold t)
{
	return thresholds[t].meaning;
}

double diagnose_threshold_default(DiagnoseThreshold t)
{
	return thresholds[t].value;
}

/* "NAME=VALUE" */
static gboolean set_threshold(Diagnose *d, const char *text, GError **error)
{
	const char *equal = strchr(text, '=');
	char *end;

	for (guint i = 0; equal && i < DIAGNOSE_THRESHOLD_COUNT; i++) {
		if (strncmp(text, thresholds[i].name, (gsize)(equal - text)) != 0 || thresholds[i].name[equal - text])
			continue;
		double value = g_ascii_strtod(equal + 1, &end);
		if (end == equal + 1 || *end || !(value >= 0))
			break;
		d->thresholds[i] = value;
		return TRUE;
	}
	g_set_error(error, ST_ERROR, ST_ERROR_USAGE, "--threshold: \"%s\" is not NAME=NUMBER with a name that --explain lists", text);
	return FALSE;
}

/* What costs its sufferer the greatest part of its time comes first. */
double diagnose_weight(const DiagnoseFinding *f)
{
	return (double)f->lost_ns * f->share * f->cause->weight / 100;
}

static gint most_first(gconstpointer a, gconstpointer b)
{
	const DiagnoseFinding *x = *(const DiagnoseFinding *const *)a, *y = *(const DiagnoseFinding *const *)b;
	double p = diagnose_weight(x), q = diagnose_weight(y);

	return p != q ? (p < q) - (p > q) : strcmp(x->title, y->title);
}

gint64 diagnose_begin(const Diagnose *d, const AnalysisStoreTrace *t)
{
	return MAX(analysis_own_time(t, d->begin_ns), t->begin_ns);
}

gint64 diagnose_end(const Diagnose *d, const AnalysisStoreTrace *t)
{
	return MIN(analysis_own_time(t, d->end_ns), t->end_ns);
}

static void apply_rules(Diagnose *d)
{
	for (guint i = 0; i < G_N_ELEMENTS(rules); i++)
		for (guint k = 0; k < d->store->traces->len; k++) {
			const AnalysisStoreTrace *t = g_ptr_array_index(d->store->traces, k);

			if (t->is_kernel)
				rules[i](d, t);
		}
}

static void part_notes(Diagnose *d)
{
	for (guint i = 0; i < d->findings->len;)
		if (diagnose_is_heavy(d, g_ptr_array_index(d->findings, i)))
			i++;
		else
			g_ptr_array_add(d->notes, g_ptr_array_steal_index(d->findings, i));
}

Diagnose *diagnose_new(const AnalysisStore *s, const DiagnoseOptions *options, GError **error)
{
	g_autoptr(Diagnose) d = g_new0(Diagnose, 1);

	d->store = s;
	d->findings = g_ptr_array_new_with_free_func(diagnose_finding_free);
	d->notes = g_ptr_array_new_with_free_func(diagnose_finding_free);
	for (guint i = 0; i < DIAGNOSE_THRESHOLD_COUNT; i++)
		d->thresholds[i] = thresholds[i].value;
	d->begin_ns = MAX(options->begin_ns, s->begin_ns);
	d->end_ns = MIN(options->end_ns, s->end_ns);
	for (const char *const *t = options->thresholds; t && *t; t++)
		if (!set_threshold(d, *t, error))
			return NULL;
	d->own_layers = s->layers ? NULL : layers_new(s->experiment, NULL, error);
	d->layers = s->layers ? s->layers : d->own_layers;
	if (!d->layers)
		return NULL;
	apply_rules(d);
	diagnose_fold(d);
	g_ptr_array_sort(d->findings, most_first);
	part_notes(d);
	return g_steal_pointer(&d);
}

void diagnose_free(Diagnose *d)
{
	if (!d)
		return;
	g_ptr_array_unref(d->findings);
	g_ptr_array_unref(d->notes);
	layers_free(d->own_layers);
	g_clear_pointer(&d->occupants, g_hash_table_unref);
	g_free(d);
}
