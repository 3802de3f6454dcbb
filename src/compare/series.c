/* SPDX-License-Identifier: MIT */
/* series.c: tables, asked slice by slice and for the whole range. */
#include <math.h>
#include <string.h>

#include "analysis/registry.h"
#include "compare/private.h"

#define UNKNOWN_COLUMN G_MAXUINT

typedef struct {
	const CompareSide *side;
	guint slices;
	gint64 step_ns;
	GHashTable *names;    /* machine -> its name in both */
	GHashTable *all;      /* key -> CompareSeries */
	GHashTable *guest;    /* "machine/vm" -> double[slices + 1]: seconds in the guest; the last one is the whole */
	guint64 dropped;
} Work;

/* A family's table, and where its columns are. */
typedef struct {
	const CompareFamily *family;
	View *view;
	gboolean is_whole;
	guint machine, time, only, count;
	gboolean only_unknown;
	guint keys[COMPARE_KEYS_MAX], measures[COMPARE_MEASURES_MAX];
} Table;

static void series_free(gpointer data)
{
	CompareSeries *s = data;

	g_free(s->key);
	g_free(s->machine);
	g_free(s->name);
	g_free(s->values);
	g_free(s);
}

/* ---- Slices ---------------------------------------------------------------------------------------------------------------- */

/* From when to when there is something of the machine, in the root's clock. */
static gboolean span_of(const CompareSide *side, const char *machine, gint64 *begin, gint64 *end)
{
	for (guint i = 0; i < side->store->traces->len; i++) {
		const AnalysisStoreTrace *t = g_ptr_array_index(side->store->traces, i);

		if (!t->is_kernel || strcmp(t->name, machine) != 0)
			continue;
		*begin = MAX(side->begin_ns, analysis_time(t, t->begin_ns));
		*end = MIN(side->end_ns, analysis_time(t, t->end_ns));
		return *begin < *end;
	}
	return FALSE;
}

static gint64 step_of(const CompareSide *side, guint slices)
{
	return MAX((side->end_ns - side->begin_ns) / slices, 1);
}

guint compare_slices_of(const CompareSide *side, const char *machine, guint slices)
{
	gint64 begin, end;

	return span_of(side, machine, &begin, &end) ? (guint)MIN((end - begin) / step_of(side, slices), slices) : 0;
}

/* The slice that a row of a series is of; G_MAXUINT: a part of one at the end. */
static guint slice_of(const Work *w, const char *machine, double time)
{
	gint64 begin, end;

	if (!span_of(w->side, machine, &begin, &end))
		return G_MAXUINT;
	double slice = round((time - (double)begin) / (double)w->step_ns);
	return slice >= 0 && slice < compare_slices_of(w->side, machine, w->slices) ? (guint)slice : G_MAXUINT;
}

/* ---- Names ----------------------------------------------------------------------------------------------------------------- */

/* What stands before a column's number. */
static const struct {
	const char *column, *text;
} marks[] = {{"port", ":"}, {"vcpu", "vCPU "}, {"level", "L"}, {"cpu", "CPU "}};

static char *number_name(const char *column, double number)
{
	guint i = 0;

	while (i < G_N_ELEMENTS(marks) && strcmp(marks[i].column, column) != 0)
		i++;
	return g_strdup_printf("%s%.15g", i < G_N_ELEMENTS(marks) ? marks[i].text : "", number);
}

/* One part of a thing's name; NULL: the row has none. The caller frees. */
static char *part_of(const Work *w, const Table *t, guint row, guint key, const char *machine)
{
	const char *text = view_get_text(t->view, row, t->keys[key]), *column = t->family->keys[key];
	double number;

	if (text)
		return g_str_equal(column, "name") || g_str_equal(column, "process") ? compare_thread_name(text) : g_strdup(text);
	if (!view_get_number(t->view, row, t->keys[key], &number))
		return NULL;
	return g_str_equal(column, "vm_pid") || g_str_equal(column, "vm") ? compare_vm_name(w->side->store, machine, (gint32)number) : number_name(column, number);
}

/* A thread that is called as its process is said once. The caller frees. */
static char *name_of(const Work *w, const Table *t, guint row, const char *machine)
{
	g_autoptr(GString) name = g_string_new(NULL);
	g_autofree char *last = NULL;

	for (guint k = 0; k < COMPARE_KEYS_MAX && t->family->keys[k]; k++) {
		char *part = part_of(w, t, row, k, machine);

		if (part && g_strcmp0(part, last) != 0)
			g_string_append_printf(name, "%s%s", name->len ? " " : "", part);
		g_free(last);
		last = part;
	}
	return g_string_free(g_steal_pointer(&name), FALSE);
}

static CompareSeries *series_of(Work *w, const char *family, const CompareMeasure *m, const char *machine, const char *name)
{
	const char *shared = g_hash_table_lookup(w->names, machine);
	g_autofree char *key = shared ? g_strdup_printf("%s\n%s\n%s\n%s", family, shared, name, m->title) : NULL;
	CompareSeries *known = key ? g_hash_table_lookup(w->all, key) : NULL;

	if (known || !key)
		return known;
	if (g_hash_table_size(w->all) >= COMPARE_THINGS_MAX) {
		w->dropped++;
		return NULL;
	}
	known = g_new0(CompareSeries, 1);
	*known = (CompareSeries){.key = g_steal_pointer(&key), .machine = g_strdup(shared), .name = g_strdup(name), .family = family, .measure = m->title, .kind = m->kind,
				 .n = compare_slices_of(w->side, machine, w->slices), .whole = NAN};
	known->values = g_new0(double, (gsize)w->slices + 1);
	/* What isn't there is nothing; but how long nothing takes is not known. */
	for (guint i = 0; i < known->n && m->kind == COMPARE_DURATION; i++)
		known->values[i] = NAN;
	g_hash_table_insert(w->all, known->key, known);
	return known;
}

/* ---- Values ---------------------------------------------------------------------------------------------------------------- */

/* Seconds in which a VM's guest ran, in a slice or (slice == w->slices) in all; 0: not known. */
static double guest_seconds(const Work *w, const char *machine, const char *name, guint slice)
{
	GHashTableIter iter;
	gpointer key, seconds;

	g_hash_table_iter_init(&iter, w->guest);
	while (g_hash_table_iter_next(&iter, &key, &seconds)) {
		gsize len = strlen(machine);
		const char *vm = (const char *)key + len + 1;

		if (strncmp(key, machine, len) == 0 && ((const char *)key)[len] == '/' && g_str_has_prefix(name, vm) && (name[strlen(vm)] == ' ' || !name[strlen(vm)]))
			return ((const double *)seconds)[slice];
	}
	return 0;
}

/* The value in the kind's unit, of a length of time; NaN: not known. */
static double value_of(const Work *w, const CompareMeasure *m, double number, double seconds, const char *machine, const char *name, guint slice)
{
	double guest;

	switch (m->kind) {
	case COMPARE_PER_SECOND:
	case COMPARE_BYTES:
		return number / seconds;
	case COMPARE_PER_GUEST_SECOND:
		guest = guest_seconds(w, machine, name, slice);
		return guest > 0 ? number / guest : NAN;
	case COMPARE_SHARE:
		return number / 1e9 / seconds;
	case COMPARE_DURATION:
	case COMPARE_RATIO:
		break;
	}
	return number;
}

static gboolean adds_up(CompareKind kind)
{
	return kind != COMPARE_DURATION && kind != COMPARE_RATIO;
}

static void put_value(double *at, CompareKind kind, double value)
{
	if (!adds_up(kind) || isnan(*at))
		*at = value;
	else
		*at += value;
}

static void add_value(Work *w, const Table *t, guint row, guint measure, const char *machine, const char *name, guint slice)
{
	const CompareMeasure *m = &t->family->measures[measure];
	double number, count = 0, seconds = (double)w->step_ns / 1e9;
	gint64 begin, end;

	if (t->measures[measure] == UNKNOWN_COLUMN || !view_get_number(t->view, row, t->measures[measure], &number))
		return;
	CompareSeries *s = series_of(w, t->family->name, m, machine, name);
	if (!s)
		return;
	if (!t->is_whole) {
		put_value(&s->values[slice], m->kind, value_of(w, m, number, seconds, machine, name, slice));
		return;
	}
	if (span_of(w->side, machine, &begin, &end))
		seconds = (double)(end - begin) / 1e9;
	put_value(&s->whole, m->kind, value_of(w, m, number, seconds, machine, name, w->slices));
	if (t->count != UNKNOWN_COLUMN && view_get_number(t->view, row, t->count, &count))
		s->count += count;
}

/* ---- Tables ---------------------------------------------------------------------------------------------------------------- */

static guint column_of(const View *v, const char *name)
{
	guint column;

	return name && view_find_column(v, name, &column) ? column : UNKNOWN_COLUMN;
}

static View *ask(const Work *w, const CompareFamily *f, gboolean is_whole, GError **error)
{
	AnalysisQuery q = {.begin_ns = w->side->begin_ns, .end_ns = w->side->end_ns, .by = f->by, .form = is_whole ? ANALYSIS_TABLE : ANALYSIS_SERIES,
			   .every_ns = is_whole ? 0 : w->step_ns};

	return analysis_find_question(f->question)->make(w->side->store, &q, error);
}

static Table table_of(const CompareFamily *f, View *v, gboolean is_whole)
{
	Table t = {.family = f, .view = v, .is_whole = is_whole, .machine = column_of(v, "machine"), .time = column_of(v, "time_ns"), .count = column_of(v, f->count),
		   .only_unknown = f->only && *f->only == '!'};

	t.only = f->only ? column_of(v, f->only + t.only_unknown) : UNKNOWN_COLUMN;
	for (guint k = 0; k < COMPARE_KEYS_MAX; k++)
		t.keys[k] = column_of(v, f->keys[k]);
	for (guint m = 0; m < COMPARE_MEASURES_MAX; m++)
		t.measures[m] = column_of(v, f->measures[m].column);
	return t;
}

static gboolean is_wanted(const Table *t, guint row)
{
	double number;

	if (t->only == UNKNOWN_COLUMN)
		return TRUE;
	gboolean known = view_get_text(t->view, row, t->only) || view_get_number(t->view, row, t->only, &number);
	return known != t->only_unknown;
}

static void add_row(Work *w, const Table *t, guint row)
{
	const char *machine = view_get_text(t->view, row, t->machine);
	guint slice = w->slices;
	double time;

	if (!machine || !is_wanted(t, row))
		return;
	if (!t->is_whole) {
		if (!view_get_number(t->view, row, t->time, &time))
			return;
		slice = slice_of(w, machine, time);
		if (slice == G_MAXUINT)
			return;
	}
	g_autofree char *name = name_of(w, t, row, machine);
	for (guint m = 0; m < COMPARE_MEASURES_MAX && t->family->measures[m].column; m++)
		add_value(w, t, row, m, machine, name, slice);
}

static gboolean add_table(Work *w, const CompareFamily *f, gboolean is_whole, void (*add)(Work *w, const Table *t, guint row), GError **error)
{
	g_autoptr(View) v = ask(w, f, is_whole, error);

	if (!v)
		return FALSE;
	Table t = table_of(f, v, is_whole);
	for (guint row = 0; row < view_row_count(v); row++)
		add(w, &t, row);
	return TRUE;
}

/* How long each VM's guest ran: that is what its exits are compared by. */
static void add_guest(Work *w, const Table *t, guint row)
{
	const char *machine = view_get_text(t->view, row, t->machine);
	double time, pid, ns;
	guint slice = w->slices;

	if (!machine || !view_get_number(t->view, row, t->keys[0], &pid) || !view_get_number(t->view, row, t->only, &ns))
		return;
	if (!t->is_whole)
		slice = view_get_number(t->view, row, t->time, &time) ? slice_of(w, machine, time) : G_MAXUINT;
	if (slice == G_MAXUINT)
		return;
	g_autofree char *vm = compare_vm_name(w->side->store, machine, (gint32)pid), *key = g_strdup_printf("%s/%s", machine, vm);
	double *seconds = g_hash_table_lookup(w->guest, key);
	if (!seconds) {
		seconds = g_new0(double, (gsize)w->slices + 1);
		g_hash_table_insert(w->guest, g_steal_pointer(&key), seconds);
	}
	seconds[slice] += ns / 1e9;
}

static const CompareFamily *family_of(const char *name)
{
	const CompareFamily *f = compare_families;

	while (strcmp(f->name, name) != 0)
		f++;
	return f;
}

/* ---- Findings -------------------------------------------------------------------------------------------------------------- */

static const CompareMeasure lost = {"lost_ns", "time lost", COMPARE_SHARE};

static CompareSeries *series_of_finding(Work *w, const DiagnoseFinding *f)
{
	g_autofree char *culprit = compare_thread_name(f->culprit.name), *sufferer = compare_thread_name(f->sufferer.name);
	g_autofree char *name = g_strdup_printf("%s: %s, by %s", f->cause->id, sufferer, culprit);
	const char *machine = *f->culprit.machine ? f->culprit.machine : f->sufferer.machine;

	return series_of(w, COMPARE_FINDINGS, &lost, machine, name);
}

static void add_finding(Work *w, const DiagnoseFinding *f, guint slice)
{
	CompareSeries *s = series_of_finding(w, f);
	double length = (double)(slice < w->slices ? w->step_ns : w->side->end_ns - w->side->begin_ns);

	if (s)
		put_value(slice < w->slices ? &s->values[slice] : &s->whole, COMPARE_SHARE, (double)f->lost_ns / length);
}

/*
 * What was lost to each cause, however little it was: that nothing is below a threshold and something above it is no change. Whether somebody came in addition can't be told from a slice: there it is a machine
 * with more to do than it can, and so it is in the whole.
 */
static gboolean add_findings(Work *w, gint64 begin_ns, gint64 end_ns, guint slice, GError **error)
{
	static const char *const thresholds[] = {"lost.share=0", "lost.ms=0", "lost.time=0", "kernel.share=0", "waking.share=0", "heavy.share=0", "heavy.time=0", "heavy.own=0", "newcomer.rise=1e9", NULL};
	DiagnoseOptions o = {.begin_ns = begin_ns, .end_ns = end_ns, .thresholds = thresholds};
	g_autoptr(Diagnose) d = diagnose_new(w->side->store, &o, error);

	for (guint i = 0; d && i < d->findings->len; i++)
		add_finding(w, g_ptr_array_index(d->findings, i), slice);
	return d != NULL;
}

/* Of a machine to which a process came it is compared how much more it had to do than it could. */
static void mark_saturated(Work *w, const DiagnoseFinding *f)
{
	g_autofree char *prefix = g_strdup_printf("cpu-saturated: %s, by ", f->sufferer.name);
	GHashTableIter iter;
	gpointer value;

	g_hash_table_iter_init(&iter, w->all);
	while (g_hash_table_iter_next(&iter, NULL, &value)) {
		CompareSeries *s = value;

		if (!strcmp(s->family, COMPARE_FINDINGS) && g_str_has_prefix(s->name, prefix))
			s->count = f->cause->weight;
	}
}

/* Those that are findings by the usual thresholds are marked: of the others nobody has to be told. */
static void mark_findings(Work *w)
{
	for (guint i = 0; i < w->side->diagnose->findings->len; i++) {
		const DiagnoseFinding *f = g_ptr_array_index(w->side->diagnose->findings, i);
		CompareSeries *s = series_of_finding(w, f);

		if (s)
			s->count = f->cause->weight;
		if (!strcmp(f->cause->id, "preempted-by-process"))
			mark_saturated(w, f);
	}
}

static gboolean measure_findings(Work *w, GError **error)
{
	for (guint k = 0; k < w->slices; k++) {
		gint64 begin = w->side->begin_ns + (gint64)k * w->step_ns;

		if (!add_findings(w, begin, begin + w->step_ns - 1, k, error))
			return FALSE;
	}
	if (!add_findings(w, w->side->begin_ns, w->side->end_ns, w->slices, error))
		return FALSE;
	mark_findings(w);
	return TRUE;
}

/* ---- All --------------------------------------------------------------------------------------------------------------------- */

static gboolean measure_all(Work *w, GError **error)
{
	const CompareFamily *vcpus = family_of("vcpus");

	for (guint whole = 0; whole <= 1; whole++)
		if (!add_table(w, vcpus, whole, add_guest, error))
			return FALSE;
	for (const CompareFamily *f = compare_families; f->name; f++)
		for (guint whole = 0; whole <= 1; whole++)
			if (!add_table(w, f, whole, add_row, error))
				return FALSE;
	return measure_findings(w, error);
}

GHashTable *compare_measure(const CompareSide *side, guint slices, GHashTable *names, guint64 *dropped, GError **error)
{
	g_autoptr(GHashTable) all = g_hash_table_new_full(g_str_hash, g_str_equal, NULL, series_free);
	g_autoptr(GHashTable) guest = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
	Work w = {side, slices, step_of(side, slices), names, all, guest, 0};

	if (!measure_all(&w, error))
		return NULL;
	*dropped = w.dropped;
	return g_steal_pointer(&all);
}
