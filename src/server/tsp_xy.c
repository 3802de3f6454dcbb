/* SPDX-License-Identifier: MIT */
/*
 * tsp_xy.c: lines over time: events, shares of time in some states, and what analyses tell step by step.
 *
 * A point stands for the time from it to the next one.
 */
#include <string.h>

#include "kernel/flow.h"
#include "kvm/rows.h"
#include "server/events.h"
#include "server/tsp.h"
#include "server/tsp_table.h"

#define POINTS_MAX     4096
#define STEPS_MAX      300   /* of what analyses tell: each step costs as much as an answer */
#define POINTS_DEFAULT 500
#define SERIES_MAX     200   /* lines of an answer */

static guint points_of(const TspQuery *q, guint most)
{
	return CLAMP(q->n_times ? q->n_times : POINTS_DEFAULT, 2, most);
}

/* The begin of the i-th of n steps. */
static gint64 step_time(const TspQuery *q, guint i, guint n)
{
	return server_step(q->begin_ns, q->end_ns, i, n - 1);
}

/* ---- The shape of answers ------------------------------------------------------------------------------------------------------------ */

/* No exponents and few digits: one of the clients drops whole answers for less. */
static void put_value(StJson *json, double value)
{
	double rounded = value < 1e12 ? (double)(gint64)(value * 1000 + 0.5) / 1000 : (double)(gint64)value;

	if (rounded == (double)(gint64)rounded)
		st_json_int(json, (gint64)rounded);
	else
		st_json_double(json, rounded);
}

static void put_axis(StJson *json, const char *key, const char *label, const char *unit, const char *type)
{
	st_json_key(json, key);
	st_json_begin_object(json);
	st_json_member_string(json, "label", label);
	st_json_member_string(json, "unit", unit);
	st_json_member_string(json, "dataType", type);
	st_json_end(json);
}

static void put_series(StJson *json, const TspQuery *q, gint32 id, const char *name, guint number, const double *values, guint n, const char *unit)
{
	st_json_begin_object(json);
	st_json_member_int(json, "seriesId", id);
	st_json_member_string(json, "seriesName", name);
	st_json_key(json, "xValues");
	st_json_begin_array(json);
	for (guint i = 0; i < n; i++)
		st_json_int(json, step_time(q, i, n));
	st_json_end(json);
	st_json_key(json, "yValues");
	st_json_begin_array(json);
	for (guint i = 0; i < n; i++)
		put_value(json, values[i]);
	st_json_end(json);
	put_axis(json, "xValuesDescription", "Time", "ns", "TIMESTAMP");
	put_axis(json, "yValuesDescription", name, unit, "NUMBER");
	st_json_key(json, "style");
	st_json_begin_object(json);
	st_json_key(json, "values");
	st_json_begin_object(json);
	st_json_member_string(json, "series-type", "line");
	st_json_member_string(json, "series-style", "solid");
	st_json_member_string(json, "color", tsp_series_color(number));
	st_json_member_double(json, "width", 1);
	st_json_end(json);
	st_json_end(json);
	st_json_end(json);
}

static void begin_series(TspCall *call)
{
	st_json_begin_object(call->json);
	st_json_member_string(call->json, "title", call->output->name);
	st_json_key(call->json, "series");
	st_json_begin_array(call->json);
}

static gboolean end_series(TspCall *call)
{
	st_json_end(call->json);
	st_json_end(call->json);
	return TRUE;
}

static const char *const headers[] = {"Name", "STRING", NULL};

static void put_entry(StJson *json, gint32 id, gint32 parent, const char *label, gboolean has_data, gboolean is_default)
{
	tsp_begin_entry(json, id, parent);
	st_json_string(json, label);
	st_json_end(json);
	st_json_member_bool(json, "hasData", has_data);
	st_json_member_bool(json, "isDefault", is_default);
	st_json_end(json);
}

/* ---- Events --------------------------------------------------------------------------------------------------------------------------- */

/* Ids: 1 is all of them, 2 + i those of trace i. */
static gboolean put_event_tree(TspCall *call, GError **error)
{
	tsp_begin_tree(call->json, headers);
	put_entry(call->json, 1, -1, "All events", TRUE, TRUE);
	for (guint i = 0; i < call->store->traces->len; i++) {
		g_autofree char *label = tsp_machine_label(tsp_trace(call->store, i));

		put_entry(call->json, 2 + (gint32)i, 1, label, TRUE, FALSE);
	}
	return tsp_end_tree(call->json, -1);
}

static void put_event_series(TspCall *call, guint trace, const char *name)
{
	const ServerEvents *events = server_events(call->experiment);
	guint n = points_of(call->query, POINTS_MAX);
	g_autofree double *values = g_new(double, n);

	for (guint i = 0; i < n; i++) {
		gint64 from = step_time(call->query, i, n), to = from + MAX((call->query->end_ns - call->query->begin_ns) / (n - 1), 1);

		values[i] = (double)(server_events_before(events, trace, to) - server_events_before(events, trace, from));
	}
	put_series(call->json, call->query, trace == G_MAXUINT ? 1 : 2 + (gint32)trace, name, trace == G_MAXUINT ? 0 : trace + 1, values, n, "events");
}

static gboolean put_event_xy(TspCall *call, GError **error)
{
	begin_series(call);
	if (tsp_query_has_item(call->query, 1))
		put_event_series(call, G_MAXUINT, "All events");
	for (guint i = 0; i < call->store->traces->len; i++)
		if (tsp_query_has_item(call->query, 2 + (gint64)i))
			put_event_series(call, i, tsp_trace(call->store, i)->name);
	return end_series(call);
}

const TspProvider tsp_histogram_provider = {.tree = put_event_tree, .xy = put_event_xy, .style = tsp_put_styles};

gboolean tsp_has_events(const ServerExperiment *e)
{
	return server_events(e) != NULL;
}

/* ---- Shares of states -------------------------------------------------------------------------------------------------------------------- */

static gboolean put_share_tree(TspCall *call, GError **error)
{
	g_autoptr(GArray) entries = tsp_tree_new(call->store, call->output->kinds);

	tsp_begin_tree(call->json, headers);
	for (guint i = 0; i < entries->len; i++) {
		const TspEntry *e = &g_array_index(entries, TspEntry, i);

		put_entry(call->json, e->id, e->parent, e->label, e->row != HISTORY_NO_ROW, e->row != HISTORY_NO_ROW && entries->len < 64);
	}
	return tsp_end_tree(call->json, -1);
}

/* The share of the time of each step in one of the states that the output names. */
static void put_share(TspCall *call, gint32 id, const AnalysisStoreTrace *t, guint32 row, guint number)
{
	const char *const *states = call->output->detail;
	const History *h = t->rows;
	guint n = points_of(call->query, POINTS_MAX), kind = history_row_kind(h, row), n_states = history_n_states(h, kind);
	g_autofree gint64 *ns = g_new(gint64, (gsize)n * n_states);
	g_autofree double *values = g_new0(double, n);
	g_autofree char *name = g_strdup_printf("%s/%s", t->name, history_row_path(h, row));
	gint64 begin = analysis_own_time(t, call->query->begin_ns), end = analysis_own_time(t, call->query->end_ns), length = MAX((end - begin) / n, 1);

	if (end > begin)
		history_picture(h, row, begin, end, n, ns);
	for (guint s = 0; end > begin && s < n_states; s++)
		if (g_strv_contains(states, history_state_name(h, kind, s)))
			for (guint i = 0; i < n; i++)
				values[i] += (double)ns[(gsize)i * n_states + s] / (double)length * 100;
	for (guint i = 0; i < n; i++)
		values[i] = MIN(values[i], 100);
	put_series(call->json, call->query, id, name, number, values, n, "%");
}

static gboolean put_share_xy(TspCall *call, GError **error)
{
	const GArray *items = call->query->items;
	guint32 row;
	guint trace, n = 0;

	begin_series(call);
	for (guint i = 0; i < items->len && n < SERIES_MAX; i++) {
		gint64 id = g_array_index(items, gint64, i);

		if (tsp_row_of(call->store, id, &trace, &row))
			put_share(call, (gint32)id, tsp_trace(call->store, trace), row, n++);
	}
	return end_series(call);
}

const TspProvider tsp_share_provider = {.tree = put_share_tree, .xy = put_share_xy, .style = tsp_put_styles, .keeps = TRUE};

/* ---- What analyses tell step by step -------------------------------------------------------------------------------------------------------- */

/* One of the things that rows are about: the texts of the key columns. */
static char *key_of(const json_t *row, const TspSeries *s)
{
	GString *key = g_string_new(NULL);

	for (const char *const *column = s->keys; *column; column++) {
		g_autofree char *text = tsp_cell_text(json_object_get(row, *column));

		if (*text)
			g_string_append_printf(key, "%s%s", key->len ? " " : "", text);
	}
	return g_string_free(key, FALSE);
}

static gboolean counts(const json_t *row, const TspSeries *s)
{
	return !s->only_without || json_is_null(json_object_get(row, s->only_without));
}

static void free_names(gpointer names)
{
	g_ptr_array_unref(names);
}

static gpointer make_names(gpointer user, gsize *bytes_out, GError **error)
{
	TspCall *call = user;
	const TspSeries *s = call->output->detail;
	AnalysisQuery q = {.begin_ns = G_MININT64, .end_ns = G_MAXINT64, .form = ANALYSIS_TABLE, .by = s->by};
	json_t *table = tsp_table_json(call->store, s->question, &q, error);
	g_autoptr(GHashTable) known = g_hash_table_new(g_str_hash, g_str_equal);
	GPtrArray *names = table ? g_ptr_array_new_with_free_func(g_free) : NULL;

	for (gsize i = 0; table && i < json_array_size(json_object_get(table, "rows")) && names->len < TSP_ENTRIES_MAX; i++) {
		const json_t *row = json_array_get(json_object_get(table, "rows"), i);
		char *key = counts(row, s) ? key_of(row, s) : NULL;

		if (key && g_hash_table_add(known, key)) {
			g_ptr_array_add(names, key);
			*bytes_out += strlen(key) + 2 * sizeof(gpointer);
		} else
			g_free(key);
	}
	json_decref(table);
	return names;
}

/* All things of the whole experiment, by name: their numbers are their ids. The caller gives it back. */
static ServerKept *things(TspCall *call, GError **error)
{
	g_autofree char *key = g_strdup_printf("things\n%s", call->output->id);

	return server_keep_get(server_experiment_keep(call->experiment), key, make_names, free_names, call, error);
}

static gboolean put_series_tree(TspCall *call, GError **error)
{
	g_autoptr(ServerKept) kept = things(call, error);
	const GPtrArray *names = kept ? server_kept_value(kept) : NULL;

	if (!names)
		return FALSE;
	tsp_begin_tree(call->json, headers);
	for (guint i = 0; i < names->len; i++)
		put_entry(call->json, (gint32)i + 1, -1, names->pdata[i], TRUE, i < 8);
	return tsp_end_tree(call->json, -1);
}

static double value_of(const json_t *row, const TspSeries *s, double step_ns)
{
	double sum = 0;

	for (const char *const *column = s->values; *column; column++)
		sum += json_number_value(json_object_get(row, *column));
	switch (s->scale) {
	case TSP_PER_SECOND:
		return sum / step_ns * 1e9;
	case TSP_PERCENT:
	case TSP_PERCENT_ENDED:
		return sum / step_ns * 100;
	default:
		return sum;
	}
}

static void spread_back(gpointer name, gpointer data, gpointer user)
{
	double *values = data;

	for (guint i = GPOINTER_TO_UINT(user); i-- > 0;) {
		if (i && values[i] > 100)
			values[i - 1] += values[i] - 100;
		values[i] = MIN(values[i], 100);
	}
}

/* Values of each name, step by step. */
static GHashTable *read_series(TspCall *call, guint n, gint64 every, GError **error)
{
	const TspSeries *s = call->output->detail;
	AnalysisQuery q = {.begin_ns = call->query->begin_ns, .end_ns = call->query->end_ns, .form = ANALYSIS_SERIES, .by = s->by, .every_ns = every};
	json_t *table = tsp_table_json(call->store, s->question, &q, error);
	GHashTable *all = table ? g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free) : NULL;
	const json_t *rows = json_object_get(table, "rows");

	for (gsize i = 0; i < json_array_size(rows); i++) {
		const json_t *row = json_array_get(rows, i);
		gint64 time = json_integer_value(json_object_get(row, "time_ns")), step = (time - call->query->begin_ns + every / 2) / every;

		if (!counts(row, s) || step < 0 || step >= n)
			continue;
		char *key = key_of(row, s);
		double *values = g_hash_table_lookup(all, key);
		if (values)
			g_free(key);
		else
			g_hash_table_insert(all, key, values = g_new0(double, n));
		values[step] += value_of(row, s, (double)every);
	}
	if (all && s->scale == TSP_PERCENT_ENDED)
		g_hash_table_foreach(all, spread_back, GUINT_TO_POINTER(n));
	json_decref(table);
	return all;
}

static gboolean put_series_xy(TspCall *call, GError **error)
{
	const TspSeries *s = call->output->detail;
	guint n = points_of(call->query, STEPS_MAX), shown = 0;
	gint64 every = MAX((call->query->end_ns - call->query->begin_ns) / (n - 1), 1);
	g_autoptr(ServerKept) kept = things(call, error);
	const GPtrArray *names = kept ? server_kept_value(kept) : NULL;
	g_autoptr(GHashTable) all = names && call->query->items->len ? read_series(call, n, every, error) : NULL;
	g_autofree double *nothing = g_new0(double, n);

	if (!names || (!all && call->query->items->len))
		return FALSE;
	begin_series(call);
	for (guint i = 0; i < names->len && shown < SERIES_MAX; i++) {
		const double *values = all ? g_hash_table_lookup(all, names->pdata[i]) : NULL;

		if (tsp_query_has_item(call->query, (gint64)i + 1))
			put_series(call->json, call->query, (gint32)i + 1, names->pdata[i], shown++, values ? values : nothing, n, s->unit);
	}
	return end_series(call);
}

const TspProvider tsp_series_provider = {.tree = put_series_tree, .xy = put_series_xy, .style = tsp_put_styles, .keeps = TRUE};

/* ---- How long how many took -------------------------------------------------------------------------------------------------------------------- */

typedef struct {
	gint64 begin, end;
} Bin;

/* One of the things that were asked for. */
typedef struct {
	guint number;      /* its id is one more */
	GPtrArray *bins;   /* json_t: the histograms of its rows, not its own */
} Density;

static void density_clear(gpointer density)
{
	g_ptr_array_unref(((Density *)density)->bins);
}

static Density *density_of(GArray *all, guint number)
{
	for (guint i = 0; i < all->len; i++)
		if (g_array_index(all, Density, i).number == number)
			return &g_array_index(all, Density, i);
	Density new = {number, g_ptr_array_new()};
	g_array_append_val(all, new);
	return &g_array_index(all, Density, all->len - 1);
}

static Bin bin_of(const json_t *bin)
{
	return (Bin){json_integer_value(json_array_get(bin, 0)), json_integer_value(json_array_get(bin, 1))};
}

static gint by_begin(gconstpointer a, gconstpointer b)
{
	const Bin *x = a, *y = b;

	return x->begin != y->begin ? (x->begin > y->begin) - (x->begin < y->begin) : (x->end > y->end) - (x->end < y->end);
}

/* Every bin that any of them has, in order, each once. */
static GArray *all_bins(const GArray *densities)
{
	GArray *bins = g_array_new(FALSE, FALSE, sizeof(Bin));

	for (guint i = 0; i < densities->len; i++) {
		const GPtrArray *given = g_array_index(densities, Density, i).bins;

		for (guint j = 0; j < given->len; j++)
			for (gsize k = 0; k < json_array_size(given->pdata[j]); k++) {
				Bin bin = bin_of(json_array_get(given->pdata[j], k));
				g_array_append_val(bins, bin);
			}
	}
	g_array_sort(bins, by_begin);
	guint kept = 0;
	for (guint i = 0; i < bins->len; i++)
		if (!kept || by_begin(&g_array_index(bins, Bin, i), &g_array_index(bins, Bin, kept - 1)))
			g_array_index(bins, Bin, kept++) = g_array_index(bins, Bin, i);
	g_array_set_size(bins, kept);
	return bins;
}

static gint64 *counts_of(const Density *d, const GArray *bins)
{
	gint64 *counts = g_new0(gint64, bins->len + 1);

	for (guint i = 0; i < d->bins->len; i++)
		for (gsize k = 0; k < json_array_size(d->bins->pdata[i]); k++) {
			const json_t *given = json_array_get(d->bins->pdata[i], k);
			Bin bin = bin_of(given), *at = bsearch(&bin, bins->data, bins->len, sizeof(bin), by_begin);

			counts[at - (Bin *)(gpointer)bins->data] += json_integer_value(json_array_get(given, 2));
		}
	return counts;
}

static void put_counts(StJson *json, const GArray *bins, const gint64 *counts)
{
	st_json_key(json, "xRanges");
	st_json_begin_array(json);
	for (guint i = 0; i < bins->len; i++) {
		st_json_begin_object(json);
		st_json_member_int(json, "start", g_array_index(bins, Bin, i).begin);
		st_json_member_int(json, "end", g_array_index(bins, Bin, i).end);
		st_json_end(json);
	}
	st_json_end(json);
	st_json_key(json, "yValues");
	st_json_begin_array(json);
	for (guint i = 0; i < bins->len; i++)
		st_json_int(json, counts[i]);
	st_json_end(json);
}

static void put_density(StJson *json, const Density *d, const GArray *bins, const char *name, guint number)
{
	g_autofree gint64 *counts = counts_of(d, bins);

	st_json_begin_object(json);
	st_json_member_int(json, "seriesId", (gint64)d->number + 1);
	st_json_member_string(json, "seriesName", name);
	put_counts(json, bins, counts);
	put_axis(json, "xValuesDescription", "Duration", "ns", "DURATION");
	put_axis(json, "yValuesDescription", "Count", "", "NUMBER");
	st_json_key(json, "style");
	st_json_begin_object(json);
	st_json_key(json, "values");
	st_json_begin_object(json);
	st_json_member_string(json, "series-type", "bar");
	st_json_member_string(json, "color", tsp_series_color(number));
	st_json_end(json);
	st_json_end(json);
	st_json_end(json);
}

/* What was asked for of the table's rows, of which several may be of one thing. */
static GArray *read_densities(TspCall *call, const GPtrArray *names, const json_t *rows)
{
	const TspSeries *s = call->output->detail;
	GArray *all = g_array_new(FALSE, FALSE, sizeof(Density));

	g_array_set_clear_func(all, density_clear);
	for (gsize i = 0; i < json_array_size(rows) && all->len < SERIES_MAX; i++) {
		const json_t *row = json_array_get(rows, i);
		g_autofree char *key = counts(row, s) ? key_of(row, s) : NULL;
		guint number;

		if (key && g_ptr_array_find_with_equal_func((GPtrArray *)(gsize)names, key, g_str_equal, &number) && tsp_query_has_item(call->query, (gint64)number + 1))
			g_ptr_array_add(density_of(all, number)->bins, json_object_get(row, "histogram"));
	}
	return all;
}

/* Viewers put the ranges of the first series below the bars of all: so all have the same. */
static gboolean put_density_xy(TspCall *call, GError **error)
{
	const TspSeries *s = call->output->detail;
	const TspQuery *t = call->query;
	AnalysisQuery q = {.begin_ns = t->has_range ? t->begin_ns : G_MININT64, .end_ns = t->has_range ? t->end_ns : G_MAXINT64, .by = s->by, .histogram = TRUE};
	g_autoptr(ServerKept) kept = things(call, error);
	const GPtrArray *names = kept ? server_kept_value(kept) : NULL;
	json_t *table = names ? tsp_table_json(call->store, s->question, &q, error) : NULL;

	if (!table)
		return FALSE;
	g_autoptr(GArray) densities = read_densities(call, names, json_object_get(table, "rows"));
	g_autoptr(GArray) bins = all_bins(densities);
	begin_series(call);
	for (guint i = 0; i < densities->len; i++) {
		const Density *d = &g_array_index(densities, Density, i);

		put_density(call->json, d, bins, names->pdata[d->number], i);
	}
	json_decref(table);
	return end_series(call);
}

const TspProvider tsp_density_provider = {.tree = put_series_tree, .xy = put_density_xy, .style = tsp_put_styles, .keeps = TRUE};
