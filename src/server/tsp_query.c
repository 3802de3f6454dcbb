/* SPDX-License-Identifier: MIT */
/* tsp_query.c: what a request's parameters ask. Nothing in them is believed. */
#include <string.h>

#include "server/tsp.h"

static gboolean wrong(GError **error, const char *what)
{
	g_set_error_literal(error, ST_ERROR, ST_ERROR_USAGE, what);
	return FALSE;
}

static gboolean too_many(GError **error, const char *what, guint most)
{
	g_set_error(error, ST_ERROR, ST_ERROR_LIMIT, "%s: more than %u", what, most);
	return FALSE;
}

/* Whole numbers; some clients have computed theirs. */
static gboolean to_time(const json_t *value, gint64 *out)
{
	if (json_is_integer(value))
		*out = json_integer_value(value);
	else if (json_is_real(value) && json_real_value(value) > -9.2e18 && json_real_value(value) < 9.2e18)
		*out = (gint64)json_real_value(value);
	else
		return FALSE;
	return TRUE;
}

/* ---- Times ------------------------------------------------------------------------------------------------------------------ */

static gboolean parse_range(TspQuery *q, const json_t *range, GError **error)
{
	const json_t *n = json_object_get(range, "nbTimes");
	gint64 times = 0;

	if (!n)
		n = json_object_get(range, "nbSamples");
	if (!json_is_object(range) || !to_time(json_object_get(range, "start"), &q->begin_ns) || !to_time(json_object_get(range, "end"), &q->end_ns))
		return wrong(error, "requested_timerange takes {\"start\": ns, \"end\": ns}, and \"nbTimes\"");
	if (q->begin_ns > q->end_ns)
		return wrong(error, "requested_timerange begins after its end");
	if (n && (!to_time(n, &times) || times < 1))
		return wrong(error, "nbTimes takes a positive number");
	q->n_times = (guint)MIN(times, TSP_TIMES_MAX);
	q->has_range = TRUE;
	return TRUE;
}

static int by_time(const void *a, const void *b)
{
	gint64 x = *(const gint64 *)a, y = *(const gint64 *)b;

	return (x > y) - (x < y);
}

static gboolean parse_times(TspQuery *q, const json_t *times, GError **error)
{
	gsize n = json_array_size(times);

	if (!json_is_array(times) || !n)
		return json_is_array(times) || wrong(error, "requested_times takes a list of times");
	if (n > TSP_TIMES_MAX)
		return too_many(error, "requested_times", TSP_TIMES_MAX);
	q->times = g_new(gint64, n);
	for (gsize i = 0; i < n; i++)
		if (!to_time(json_array_get(times, i), &q->times[i]))
			return wrong(error, "requested_times takes a list of times");
	qsort(q->times, n, sizeof(*q->times), by_time);
	q->n_given = (guint)n;
	if (q->has_range)
		return TRUE;
	q->begin_ns = q->times[0];
	q->end_ns = q->times[n - 1];
	q->n_times = (guint)n;
	return TRUE;
}

gint64 tsp_query_time(const TspQuery *q, guint i)
{
	if (!q->has_range && q->times)
		return q->times[MIN(i, q->n_given - 1)];
	if (q->n_times < 2)
		return q->begin_ns;
	return server_step(q->begin_ns, q->end_ns, i, q->n_times - 1);
}

/* ---- Items ------------------------------------------------------------------------------------------------------------------- */

static gboolean parse_items(TspQuery *q, const json_t *items, GError **error)
{
	gsize n = json_array_size(items);
	gint64 id;

	if (!json_is_array(items))
		return wrong(error, "requested_items takes a list of ids");
	if (n > TSP_ITEMS_MAX)
		return too_many(error, "requested_items", TSP_ITEMS_MAX);
	q->has_items = TRUE;
	for (gsize i = 0; i < n; i++) {
		if (!to_time(json_array_get(items, i), &id))
			return wrong(error, "requested_items takes a list of ids");
		g_array_append_val(q->items, id);
	}
	/* Each once: an answer has no row twice. */
	g_array_sort(q->items, by_time);
	guint kept = 0;
	for (guint i = 0; i < q->items->len; i++)
		if (!kept || g_array_index(q->items, gint64, i) != g_array_index(q->items, gint64, kept - 1))
			g_array_index(q->items, gint64, kept++) = g_array_index(q->items, gint64, i);
	g_array_set_size(q->items, kept);
	return TRUE;
}

gboolean tsp_query_has_item(const TspQuery *q, gint64 id)
{
	return q->items->len && bsearch(&id, q->items->data, q->items->len, sizeof(gint64), by_time);
}

/* ---- Filters ------------------------------------------------------------------------------------------------------------------ */

static void keyed_clear(gpointer keyed)
{
	tsp_filter_free(((TspKeyedFilter *)keyed)->filter);
}

static gboolean add_filter(TspQuery *q, gint64 key, const json_t *text, GError **error)
{
	TspKeyedFilter keyed = {.key = (guint)key};

	if (!json_is_string(text))
		return wrong(error, "filter_expressions_map takes lists of texts");
	if (q->filters->len == TSP_FILTERS_MAX)
		return too_many(error, "filter_expressions_map", TSP_FILTERS_MAX);
	if (!*json_string_value(text))
		return TRUE;
	keyed.filter = tsp_filter_new(json_string_value(text), error);
	if (!keyed.filter)
		return FALSE;
	g_array_append_val(q->filters, keyed);
	g_autofree char *lower = g_ascii_strdown(json_string_value(text), -1);
	q->by_duration |= strstr(lower, "duration") != NULL;
	return TRUE;
}

static gboolean parse_filters(TspQuery *q, const json_t *filters, GError **error)
{
	const char *strategy = json_string_value(json_object_get(filters, "strategy")), *key;
	json_t *map = json_object_get(filters, "filter_expressions_map"), *list;

	if (!json_is_object(filters) || (map && !json_is_object(map)))
		return wrong(error, "filter_query_parameters takes {\"filter_expressions_map\": {..}, \"strategy\": \"SAMPLED\" or \"DEEP\"}");
	q->deep = strategy && strcmp(strategy, "DEEP") == 0;
	json_object_foreach(map, key, list) {
		gint64 number;

		if (!g_ascii_string_to_signed(key, 10, 1, 15, &number, NULL) || !json_is_array(list))
			return wrong(error, "filter_expressions_map takes lists of texts by 1, 2, 4 or 8");
		for (gsize i = 0; i < json_array_size(list); i++)
			if (!add_filter(q, number, json_array_get(list, i), error))
				return FALSE;
	}
	return TRUE;
}

guint tsp_query_tags(const TspQuery *q, const TspFact *facts, guint n)
{
	guint tags = 0;

	for (guint i = 0; i < q->filters->len; i++) {
		const TspKeyedFilter *k = &g_array_index(q->filters, TspKeyedFilter, i);
		gboolean matches = tsp_filter_match(k->filter, facts, n);

		tags |= k->key & (matches ? TSP_BOUND | TSP_HIGHLIGHTED : TSP_DIMMED | TSP_EXCLUDED);
	}
	return tags;
}

/* ---- All of it ----------------------------------------------------------------------------------------------------------------- */

static gboolean parse(TspQuery *q, const json_t *parameters, GError **error)
{
	const json_t *range = json_object_get(parameters, "requested_timerange"), *times = json_object_get(parameters, "requested_times");
	const json_t *items = json_object_get(parameters, "requested_items"), *filters = json_object_get(parameters, "filter_query_parameters");

	q->is_filtered = json_is_true(json_object_get(parameters, "isFiltered"));
	return (!range || parse_range(q, range, error)) && (!times || parse_times(q, times, error)) && (!items || parse_items(q, items, error)) &&
	       (!filters || json_is_null(filters) || parse_filters(q, filters, error));
}

TspQuery *tsp_query_new(const ServerRequest *request, GError **error)
{
	const json_t *parameters = json_object_get(server_body(request), "parameters");
	g_autoptr(TspQuery) q = g_new0(TspQuery, 1);

	q->references = 1;
	q->items = g_array_new(FALSE, FALSE, sizeof(gint64));
	q->filters = g_array_new(FALSE, FALSE, sizeof(TspKeyedFilter));
	g_array_set_clear_func(q->filters, keyed_clear);
	q->parameters = parameters;
	if (parameters && !json_is_object(parameters)) {
		wrong(error, "\"parameters\" takes an object");
		return NULL;
	}
	return !parameters || parse(q, parameters, error) ? g_steal_pointer(&q) : NULL;
}

TspQuery *tsp_query_ref(TspQuery *q)
{
	g_atomic_int_inc(&q->references);
	return q;
}

void tsp_query_unref(TspQuery *q)
{
	if (!q || !g_atomic_int_dec_and_test(&q->references))
		return;
	g_free(q->times);
	g_array_unref(q->items);
	g_array_unref(q->filters);
	g_free(q);
}
