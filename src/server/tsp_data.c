/* SPDX-License-Identifier: MIT */
/* tsp_data.c: data trees: every analysis's table, of the whole or of the range that is selected; and how many events there are of which name. */
#include <string.h>

#include "base/format.h"
#include "server/tsp_table.h"

#define ROWS_MAX 5000 /* of a table */

/* ---- Tables as JSON ------------------------------------------------------------------------------------------------------------------ */

static gboolean write_text(const AnalysisStore *store, const AnalysisQuestion *question, const AnalysisQuery *query, FILE *out, GError **error)
{
	if (question->write)
		return question->write(store, query, VIEW_FORMAT_JSON, out, error);
	g_autoptr(View) view = question->make(store, query, error);
	if (!view)
		return FALSE;
	view_limit(view, query->form == ANALYSIS_SERIES ? 0 : ROWS_MAX);
	return view_render(view, VIEW_FORMAT_JSON, out, error);
}

json_t *tsp_table_json(const AnalysisStore *store, const char *name, const AnalysisQuery *query, GError **error)
{
	const AnalysisQuestion *question = analysis_find_question(name);
	char *text = NULL;
	size_t len = 0;
	FILE *out = question ? open_memstream(&text, &len) : NULL;
	gboolean done = out && write_text(store, question, query, out, error);
	json_error_t failure;

	if (out)
		fclose(out);
	json_t *table = done ? json_loadb(text, len, 0, &failure) : NULL;
	free(text);
	if (!table && !*error)
		g_set_error(error, ST_ERROR, ST_ERROR_IO, "the table %s could not be made", name);
	return table;
}

char *tsp_cell_text(const json_t *cell)
{
	char number[ST_FORMAT_MAX];

	if (json_is_string(cell))
		return g_strdup(json_string_value(cell));
	if (json_is_integer(cell))
		return g_strdup(st_format_int(number, json_integer_value(cell)));
	if (json_is_boolean(cell))
		return g_strdup(json_is_true(cell) ? "yes" : "no");
	return json_is_real(cell) ? g_strdup_printf("%.6g", json_real_value(cell)) : g_strdup("");
}

/* ---- What is asked about ---------------------------------------------------------------------------------------------------------------- */

/* A click in a chart selects a time that has no length: then nothing is selected, and the answer is about all. */
static void find_range(const TspQuery *t, gint64 *begin, gint64 *end)
{
	gboolean given = (t->has_range || t->n_given > 1) && t->begin_ns < t->end_ns;

	*begin = given ? t->begin_ns : G_MININT64;
	*end = given ? t->end_ns : G_MAXINT64;
}

/* ---- Data trees ------------------------------------------------------------------------------------------------------------------------ */

/* Viewers show cells as they come, whatever a column's type: so lengths of time and shares are sent as people read them, and are texts. */
static const struct {
	const char *unit, *type;
} units[] = {
	{"text", "STRING"}, {"bool", "STRING"}, {"time_ns", "TIMESTAMP"}, {"ns", "STRING"}, {"ratio", "STRING"}, {"bytes", "BINARY_NUMBER"},
};

static const char *type_of(const char *unit)
{
	for (guint i = 0; i < G_N_ELEMENTS(units); i++)
		if (strcmp(units[i].unit, unit) == 0)
			return units[i].type;
	return "NUMBER";
}

static const char *text_of(const json_t *column, const char *member)
{
	return json_string_value(json_object_get(column, member));
}

/* Viewers sort by a column's name: where an earlier one has the title already, it is the one that CSV has. */
static void put_headers(StJson *json, const json_t *columns)
{
	g_autoptr(GHashTable) known = g_hash_table_new(g_str_hash, g_str_equal);

	st_json_key(json, "headers");
	st_json_begin_array(json);
	for (gsize i = 0; i < json_array_size(columns); i++) {
		const json_t *c = json_array_get(columns, i);
		const char *name = text_of(c, "name"), *title = text_of(c, "title");

		tsp_put_header(json, g_hash_table_add(known, (gpointer)(gsize)title) ? title : name, name, type_of(text_of(c, "unit")));
	}
	st_json_end(json);
}

/* In units by which viewers sort, which are those of one word. */
static char *duration_text(gint64 ns)
{
	char text[ST_FORMAT_MAX];

	if (ns < G_GINT64_CONSTANT(1000000000))
		return g_strdup(st_format_duration(text, ns));
	gint64 ms = ns / 1000000 + (ns % 1000000 >= 500000);
	return g_strdup_printf("%" G_GINT64_FORMAT ".%03d s", ms / 1000, (int)(ms % 1000));
}

static char *cell_text(const json_t *cell, const char *unit)
{
	if (json_is_integer(cell) && strcmp(unit, "ns") == 0)
		return duration_text(json_integer_value(cell));
	if (json_is_number(cell) && strcmp(unit, "ratio") == 0)
		return g_strdup_printf("%.2f %%", json_number_value(cell) * 100);
	return tsp_cell_text(cell);
}

static void put_row(StJson *json, gint32 id, const json_t *row, const json_t *columns)
{
	tsp_begin_entry(json, id, -1);
	for (gsize i = 0; i < json_array_size(columns); i++) {
		const json_t *c = json_array_get(columns, i);
		g_autofree char *text = cell_text(json_object_get(row, text_of(c, "name")), text_of(c, "unit"));

		st_json_string(json, text);
	}
	st_json_end(json);
	st_json_member_bool(json, "hasData", TRUE);
	st_json_end(json);
}

/* Viewers take an empty answer for an analysis that lacked its events. */
static void put_nothing_selected(StJson *json, const json_t *columns)
{
	tsp_begin_entry(json, 1, -1);
	for (gsize i = 0; i < json_array_size(columns); i++)
		st_json_string(json, i ? "" : "nothing in the selection");
	st_json_end(json);
	st_json_member_bool(json, "hasData", FALSE);
	st_json_end(json);
}

/* Not every answer is a table: that of clocks has pairs of machines, with columns that speak for themselves. */
static json_t *columns_of(const json_t *table, const json_t *rows)
{
	json_t *given = json_object_get(table, "columns"), *made, *value;
	const char *name;

	if (given)
		return json_incref(given);
	made = json_array();
	json_object_foreach((json_t *)(gsize)json_array_get(rows, 0), name, value)
		json_array_append_new(made, json_pack("{ssssss}", "name", name, "title", name, "unit", json_is_number(value) ? "number" : "text"));
	return made;
}

static gboolean put_table(TspCall *call, GError **error)
{
	const AnalysisQuestion *question = call->output->detail;
	AnalysisQuery q = {0};

	find_range(call->query, &q.begin_ns, &q.end_ns);
	json_t *table = tsp_table_json(call->store, question->name, &q, error);
	const json_t *rows = json_object_get(table, "rows");

	if (!table)
		return FALSE;
	if (!rows)
		rows = json_object_get(table, "pairs");
	json_t *columns = columns_of(table, rows);
	st_json_begin_object(call->json);
	put_headers(call->json, columns);
	st_json_key(call->json, "entries");
	st_json_begin_array(call->json);
	for (gsize i = 0; i < MIN(json_array_size(rows), ROWS_MAX); i++)
		put_row(call->json, (gint32)i + 1, json_array_get(rows, i), columns);
	if (!json_array_size(rows) && call->query->is_filtered)
		put_nothing_selected(call->json, columns);
	st_json_end(call->json);
	st_json_end(call->json);
	json_decref(columns);
	json_decref(table);
	return TRUE;
}

const TspProvider tsp_data_provider = {.tree = put_table, .style = tsp_put_styles, .keeps = TRUE};

/* ---- Events by name ---------------------------------------------------------------------------------------------------------------------- */

static void no_fields(const CtfEventClass *ec, CtfSubscription *sub, gpointer user)
{
	sub->n_wants = 0;
}

static void put_count(StJson *json, gint32 id, gint32 parent, const char *name, guint64 count, guint64 all)
{
	char number[ST_FORMAT_MAX];

	tsp_begin_entry(json, id, parent);
	st_json_string(json, name);
	st_json_string(json, st_format_uint(number, count));
	g_snprintf(number, sizeof(number), "%.2f", all ? 100.0 * (double)count / (double)all : 0);
	st_json_string(json, number);
	st_json_end(json);
	st_json_member_bool(json, "hasData", TRUE);
	st_json_end(json);
}

typedef struct {
	const char *name;
	guint64 count;
} Named;

static gint by_count(gconstpointer a, gconstpointer b)
{
	const Named *x = a, *y = b;

	return x->count != y->count ? (x->count < y->count ? 1 : -1) : strcmp(x->name, y->name);
}

/* Classes of the same name, of several stream classes, count as one. */
static GArray *by_name(const CtfTrace *trace, const guint64 *counts, guint64 *all)
{
	g_autoptr(GHashTable) names = g_hash_table_new(g_str_hash, g_str_equal);
	GArray *list = g_array_new(FALSE, FALSE, sizeof(Named));

	for (guint i = 0; i < trace->metadata->events->len; i++) {
		const char *name = ((const CtfEventClass *)trace->metadata->events->pdata[i])->name;
		gpointer known = g_hash_table_lookup(names, name);

		*all += counts[i];
		if (!counts[i])
			continue;
		if (known) {
			g_array_index(list, Named, GPOINTER_TO_UINT(known) - 1).count += counts[i];
			continue;
		}
		Named named = {name, counts[i]};
		g_array_append_val(list, named);
		g_hash_table_insert(names, (gpointer)(gsize)name, GUINT_TO_POINTER(list->len));
	}
	g_array_sort(list, by_count);
	return list;
}

/* Ids: machine by machine, each with its event classes behind it. */
static gboolean put_trace_counts(TspCall *call, guint index, gint32 *id, GError **error)
{
	const AnalysisStoreTrace *t = tsp_trace(call->store, index);
	gint64 begin, end;

	find_range(call->query, &begin, &end);
	begin = begin == G_MININT64 ? begin : analysis_own_time(t, begin);
	end = end == G_MAXINT64 ? end : analysis_own_time(t, end);
	CtfReader reader = {.subscribe = no_fields, .begin_ns = begin, .end_ns = end, .threads = 1, .count_classes = TRUE};
	CtfTrace *trace = t->trace;
	CtfStats stats = {0};
	guint64 all = 0;

	if (!ctf_read(&trace, 1, &reader, &stats, error))
		return FALSE;
	g_autoptr(GArray) list = by_name(trace, g_ptr_array_index(stats.by_class, 0), &all);
	g_autofree char *label = tsp_machine_label(t);
	gint32 machine = (*id)++;

	put_count(call->json, machine, -1, label, all, all);
	for (guint i = 0; i < list->len; i++)
		put_count(call->json, (*id)++, machine, g_array_index(list, Named, i).name, g_array_index(list, Named, i).count, all);
	ctf_stats_clear(&stats);
	return TRUE;
}

static gboolean put_statistics(TspCall *call, GError **error)
{
	static const char *const headers[] = {"Event", "STRING", "Events", "NUMBER", "%", "NUMBER", NULL};
	gint32 id = 1;

	tsp_begin_tree(call->json, headers);
	for (guint i = 0; i < call->store->traces->len; i++)
		if (!put_trace_counts(call, i, &id, error))
			return FALSE;
	return tsp_end_tree(call->json, -1);
}

const TspProvider tsp_statistics_provider = {.tree = put_statistics, .style = tsp_put_styles, .keeps = TRUE};
