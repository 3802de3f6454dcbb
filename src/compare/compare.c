/* SPDX-License-Identifier: MIT */
/* compare.c: what is in both, judged. */
#include "compare/compare.h"

#include <math.h>
#include <string.h>

#include "base/format.h"
#include "compare/private.h"

/* Below that, in both, nobody need look. Of what has a count, so many must be there in one of both (in both, for how long they took). */
static const struct {
	double least;  /* of the whole, in the kind's unit */
	double count;
} matters[] = {
	[COMPARE_PER_SECOND] = {0.5, 20}, [COMPARE_PER_GUEST_SECOND] = {0.5, 20}, [COMPARE_SHARE] = {0.005, 0}, [COMPARE_DURATION] = {1000, 20},
	[COMPARE_RATIO] = {0.01, 0},      [COMPARE_BYTES] = {1000, 0},
};
#define FINDING_LEAST 0.02 /* of the time, lost in one of both */

/* What people care for first. */
static const char *const order[] = {COMPARE_FINDINGS, "requests", "disks", "vcpus", "waits", "exits", "threads", "network", "processors"};

typedef struct {
	const CompareSeries *a, *b; /* one may be NULL: it was not there */
	double before, after;
	CompareTest test;
	double p;                   /* corrected */
	guint rank;
	gboolean is_significant;
} Pair;

/* ---- Pairs ---------------------------------------------------------------------------------------------------------------- */

static const CompareSeries *any_of(const Pair *p)
{
	return p->a ? p->a : p->b;
}

static double whole_of(const CompareSeries *s)
{
	return s && !isnan(s->whole) ? s->whole : 0;
}

/* Is it enough for anybody to care? */
static gboolean is_worth(const Pair *p)
{
	CompareKind kind = any_of(p)->kind;
	double count_a = p->a ? p->a->count : 0, count_b = p->b ? p->b->count : 0;
	gboolean is_finding = strcmp(any_of(p)->family, COMPARE_FINDINGS) == 0;

	if (MAX(p->before, p->after) < (is_finding ? FINDING_LEAST : matters[kind].least))
		return FALSE;
	if (kind == COMPARE_DURATION)
		return MIN(count_a, count_b) >= matters[kind].count;
	if (is_finding)
		return count_a + count_b > 0;
	return !matters[kind].count || MAX(count_a, count_b) >= matters[kind].count || MAX(count_a, count_b) <= 0;
}

static gboolean test_pair(Pair *p, guint n_a, guint n_b)
{
	g_autofree double *zeros = g_new0(double, (gsize)MAX(n_a, n_b) + 1);

	return compare_test(p->a ? p->a->values : zeros, p->a ? p->a->n : n_a, p->b ? p->b->values : zeros, p->b ? p->b->n : n_b, &p->test);
}

typedef struct {
	const CompareSide *sides[2];
	GHashTable *names[2];    /* machine -> its name in both */
	GHashTable *machines[2]; /* name in both -> machine */
	guint slices;
	GArray *pairs;
} Work;

static void add_pair(Work *w, const CompareSeries *a, const CompareSeries *b)
{
	Pair p = {a, b, whole_of(a), whole_of(b), .p = 1};
	const char *machine = any_of(&p)->machine;

	if (!is_worth(&p))
		return;
	if (!test_pair(&p, compare_slices_of(w->sides[0], g_hash_table_lookup(w->machines[0], machine), w->slices),
		       compare_slices_of(w->sides[1], g_hash_table_lookup(w->machines[1], machine), w->slices)))
		return;
	while (p.rank < G_N_ELEMENTS(order) && strcmp(order[p.rank], any_of(&p)->family) != 0)
		p.rank++;
	g_array_append_val(w->pairs, p);
}

static void pair_up(Work *w, GHashTable *a, GHashTable *b)
{
	GHashTableIter iter;
	gpointer key, series;

	g_hash_table_iter_init(&iter, a);
	while (g_hash_table_iter_next(&iter, &key, &series))
		add_pair(w, series, g_hash_table_lookup(b, key));
	g_hash_table_iter_init(&iter, b);
	while (g_hash_table_iter_next(&iter, &key, &series))
		if (!g_hash_table_contains(a, key))
			add_pair(w, NULL, series);
}

/* ---- Judging -------------------------------------------------------------------------------------------------------------- */

static double change_of(const Pair *p)
{
	double most = MAX(fabs(p->before), fabs(p->after));

	return most > 0 ? fabs(p->after - p->before) / most : 0;
}

static void judge(GArray *pairs)
{
	g_autofree double *p = g_new(double, (gsize)pairs->len + 1);

	for (guint i = 0; i < pairs->len; i++)
		p[i] = g_array_index(pairs, Pair, i).test.p;
	compare_correct(p, pairs->len);
	for (guint i = 0; i < pairs->len; i++) {
		Pair *pair = &g_array_index(pairs, Pair, i);

		pair->p = p[i];
		/* The test and the whole must agree on what is more. */
		pair->is_significant = p[i] < COMPARE_P && fabs(pair->test.delta) >= COMPARE_DELTA && change_of(pair) >= COMPARE_CHANGE &&
				       (pair->test.delta > 0) == (pair->after > pair->before);
	}
}

/* Of findings: what was lost, by the weight of the cause; of all others: how much they changed. */
static double weight_of(const Pair *p)
{
	if (strcmp(any_of(p)->family, COMPARE_FINDINGS) != 0)
		return change_of(p);
	return MAX(p->before, p->after) * MAX(p->a ? p->a->count : 0, p->b ? p->b->count : 0);
}

static gint by_weight(gconstpointer a, gconstpointer b)
{
	const Pair *x = a, *y = b;

	if (x->is_significant != y->is_significant)
		return x->is_significant ? -1 : 1;
	if (x->rank != y->rank)
		return x->rank < y->rank ? -1 : 1;
	double off = weight_of(y) - weight_of(x);
	return off > 0 ? 1 : off < 0 ? -1 : strcmp(any_of(x)->key, any_of(y)->key);
}

/* ---- The table ------------------------------------------------------------------------------------------------------------ */

enum { WHAT, MACHINE, NAME, MEASURE, BEFORE, AFTER, CHANGE, BEFORE_VALUE, AFTER_VALUE, UNIT, P, DELTA, SIGNIFICANT };

static const char *const units[] = {
	[COMPARE_PER_SECOND] = "hz",  [COMPARE_PER_GUEST_SECOND] = "hz", [COMPARE_SHARE] = "ratio",
	[COMPARE_DURATION] = "ns",    [COMPARE_RATIO] = "ratio",         [COMPARE_BYTES] = "bytes_per_s",
};

static void set_value(View *v, guint column, CompareKind kind, const CompareSeries *s, double value)
{
	char text[ST_FORMAT_MAX];

	if (!s)
		return;
	switch (kind) {
	case COMPARE_PER_SECOND:
	case COMPARE_PER_GUEST_SECOND:
		st_format_rate(text, value);
		break;
	case COMPARE_SHARE:
	case COMPARE_RATIO:
		st_format_percent(text, value);
		break;
	case COMPARE_DURATION:
		st_format_duration(text, (gint64)value);
		break;
	case COMPARE_BYTES:
		st_format_bytes(text, (guint64)MAX(value, 0));
		g_strlcat(text, "/s", sizeof(text));
		break;
	}
	view_set_text(v, column, text);
	view_set_double(v, column + (BEFORE_VALUE - BEFORE), value);
}

/* "x 2.41", "new", "gone". */
static void set_change(View *v, const Pair *p)
{
	if (p->before <= 0 || p->after <= 0)
		view_set_text(v, CHANGE, p->before <= 0 ? "new" : "gone");
	else
		view_set_textf(v, CHANGE, "x %.2f", p->after / p->before);
}

static void add_row(View *v, const Pair *p)
{
	const CompareSeries *s = any_of(p);

	view_begin_row(v);
	view_set_text(v, WHAT, s->family);
	view_set_text(v, MACHINE, s->machine);
	view_set_text(v, NAME, s->name);
	view_set_text(v, MEASURE, s->measure);
	set_value(v, BEFORE, s->kind, p->a, p->before);
	set_value(v, AFTER, s->kind, p->b, p->after);
	set_change(v, p);
	view_set_text(v, UNIT, units[s->kind]);
	view_set_double(v, P, p->p);
	view_set_double(v, DELTA, p->test.delta);
	view_set_bool(v, SIGNIFICANT, p->is_significant);
}

static View *new_view(gboolean all)
{
	View *v = view_new("diff", "What changed");

	view_add_column(v, "what", "WHAT", VIEW_TEXT);
	view_add_column(v, "machine", "MACHINE", VIEW_TEXT);
	view_add_column(v, "name", "NAME", VIEW_TEXT);
	view_add_column(v, "measure", "MEASURE", VIEW_TEXT);
	view_add_column(v, "before", "BEFORE", VIEW_TEXT);
	view_add_column(v, "after", "AFTER", VIEW_TEXT);
	view_add_column(v, "change", "CHANGE", VIEW_TEXT);
	view_add_column(v, "before_value", "BEFORE VALUE", VIEW_NUMBER);
	view_add_column(v, "after_value", "AFTER VALUE", VIEW_NUMBER);
	view_add_column(v, "unit", "UNIT", VIEW_TEXT);
	view_add_column(v, "p", "P", VIEW_NUMBER);
	view_add_column(v, "delta", "DELTA", VIEW_NUMBER);
	view_add_column(v, "significant", "SIGNIFICANT", VIEW_BOOL);
	for (guint c = BEFORE; c <= CHANGE; c++)
		view_set_align(v, c, VIEW_ALIGN_RIGHT);
	for (guint c = BEFORE_VALUE; c <= UNIT; c++)
		view_hide_from_text(v, c);
	if (!all)
		view_hide_from_text(v, SIGNIFICANT);
	view_set_empty_text(v, "Nothing changed significantly.");
	return v;
}

/* ---- All ------------------------------------------------------------------------------------------------------------------ */

static void map_machines(Work *w, View *v)
{
	for (guint side = 0; side < 2; side++) {
		w->names[side] = g_hash_table_new(g_str_hash, g_str_equal);
		w->machines[side] = g_hash_table_new(g_str_hash, g_str_equal);
	}
	const AnalysisStore *a = w->sides[0]->store, *b = w->sides[1]->store;
	for (guint i = 0; i < a->traces->len; i++) {
		const AnalysisStoreTrace *t = g_ptr_array_index(a->traces, i);
		const char *other = t->is_kernel ? compare_machine(a, b, t->name) : NULL;

		if (t->is_kernel && !other)
			view_add_note(v, "The machine %s is in the first recording only.", t->name);
		if (!other)
			continue;
		g_hash_table_insert(w->names[0], t->name, t->name);
		g_hash_table_insert(w->machines[0], t->name, t->name);
		g_hash_table_insert(w->names[1], (gpointer)(guintptr)other, t->name);
		g_hash_table_insert(w->machines[1], t->name, (gpointer)(guintptr)other);
	}
	for (guint i = 0; i < b->traces->len; i++) {
		const AnalysisStoreTrace *t = g_ptr_array_index(b->traces, i);

		if (t->is_kernel && !g_hash_table_contains(w->names[1], t->name))
			view_add_note(v, "The machine %s is in the second recording only.", t->name);
	}
}

static guint fill(Work *w, View *v, const CompareOptions *o)
{
	guint significant = 0;

	judge(w->pairs);
	g_array_sort(w->pairs, by_weight);
	for (guint i = 0; i < w->pairs->len; i++) {
		const Pair *p = &g_array_index(w->pairs, Pair, i);

		significant += p->is_significant;
		if (p->is_significant || o->all)
			add_row(v, p);
	}
	return significant;
}

static gboolean compare(Work *w, View *v, const CompareOptions *o, guint *significant_out, GError **error)
{
	guint64 dropped[2] = {0, 0};
	char length[2][ST_FORMAT_MAX];
	g_autoptr(GHashTable) a = compare_measure(w->sides[0], w->slices, w->names[0], &dropped[0], error);
	g_autoptr(GHashTable) b = a ? compare_measure(w->sides[1], w->slices, w->names[1], &dropped[1], error) : NULL;

	if (!b)
		return FALSE;
	pair_up(w, a, b);
	*significant_out = fill(w, v, o);
	view_add_note(v, "%u of %u comparisons of %s with %s, in %u slices each, are significant (p < %g after correction for their number).", *significant_out,
		      w->pairs->len, st_format_duration(length[0], w->sides[0]->end_ns - w->sides[0]->begin_ns),
		      st_format_duration(length[1], w->sides[1]->end_ns - w->sides[1]->begin_ns), w->slices, COMPARE_P);
	if (dropped[0] || dropped[1])
		view_add_note(v, "%" G_GUINT64_FORMAT " values were too many, and were not compared.", dropped[0] + dropped[1]);
	return TRUE;
}

View *compare_view(const CompareSide *before, const CompareSide *after, const CompareOptions *options, guint *significant_out, GError **error)
{
	g_autoptr(View) v = new_view(options->all);
	g_autoptr(GArray) pairs = g_array_new(FALSE, FALSE, sizeof(Pair));
	Work w = {.sides = {before, after}, .slices = options->slices ? options->slices : COMPARE_SLICES, .pairs = pairs};

	for (guint side = 0; side < 2; side++)
		if (w.sides[side]->begin_ns >= w.sides[side]->end_ns) {
			g_set_error(error, ST_ERROR, ST_ERROR_USAGE, "there is nothing in the range of the %s recording", side ? "second" : "first");
			return NULL;
		}
	map_machines(&w, v);
	gboolean done = compare(&w, v, options, significant_out, error);
	for (guint side = 0; side < 2; side++) {
		g_hash_table_unref(w.names[side]);
		g_hash_table_unref(w.machines[side]);
	}
	return done ? g_steal_pointer(&v) : NULL;
}
