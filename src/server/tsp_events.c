/* SPDX-License-Identifier: MIT */
/* tsp_events.c: the virtual table of all events. */
#include <string.h>

#include "base/format.h"
#include "base/time.h"
#include "server/events.h"
#include "server/tsp_table.h"

#define LINES_DEFAULT 200
#define SEARCH_S      20 /* seconds that a search may take */
#define PLACES        64 /* events that a search backwards looks at, at a time; doubled from step to step */
#define PLACES_MAX    (1u << 18)

typedef enum { COLUMN_NUMBER, COLUMN_TIME, COLUMN_MACHINE, COLUMN_CPU, COLUMN_NAME, COLUMN_TEXT, COLUMN_NS, COLUMN_COUNT } Column;

/* "Timestamp ns" is the name by which viewers tie the table to their charts. */
static const struct {
	const char *name, *description, *type;
} columns[COLUMN_COUNT] = {
	[COLUMN_NUMBER] = {"#", "The event's number, from 0 on", "NUMBER"},
	[COLUMN_TIME] = {"Timestamp", "When it happened, in the host's clock", "STRING"},
	[COLUMN_MACHINE] = {TSP_MACHINE_COLUMN, "Which machine recorded it", "STRING"},
	[COLUMN_CPU] = {TSP_CPU_COLUMN, "On which of its processors", "NUMBER"},
	[COLUMN_NAME] = {"Event type", "The event's name", "STRING"},
	[COLUMN_TEXT] = {"Contents", "Its fields, and its contexts in braces", "STRING"},
	[COLUMN_NS] = {"Timestamp ns", "When it happened, in ns from the clock's origin", "TIMESTAMP"},
};

static gboolean put_columns(TspCall *call, GError **error)
{
	st_json_begin_array(call->json);
	for (guint i = 0; i < COLUMN_COUNT; i++) {
		st_json_begin_object(call->json);
		st_json_member_int(call->json, "id", i);
		st_json_member_string(call->json, "name", columns[i].name);
		st_json_member_string(call->json, "description", columns[i].description);
		st_json_member_string(call->json, "type", columns[i].type);
		st_json_end(call->json);
	}
	st_json_end(call->json);
	return TRUE;
}

/* ---- Lines ------------------------------------------------------------------------------------------------------------------------- */

typedef struct {
	TspCall *call;
	guint wanted[COLUMN_COUNT]; /* columns, in the order asked for */
	guint n_wanted;
	TspFilter *filters[COLUMN_COUNT]; /* a search: all of them must match; NULL: not asked */
	gboolean searches;
	guint64 left;               /* lines that are still wanted */
	gint64 deadline;            /* monotonic, us */
	guint64 until;              /* a search looks at events before this one */
	guint64 found;              /* by a search; G_MAXUINT64: nothing */
	gboolean last;              /* the last that matches is wanted, not the first */
	gboolean timed_out;
	GString *text;
} Lines;

static const char *cell(Lines *l, const ServerEvent *e, Column column, char *room)
{
	switch (column) {
	case COLUMN_NUMBER:
		return st_format_uint(room, e->index);
	case COLUMN_TIME:
		return st_time_format(room, e->time);
	case COLUMN_MACHINE:
		return tsp_trace(l->call->store, e->trace)->name;
	case COLUMN_CPU:
		return e->stream->cpu >= 0 ? st_format_int(room, e->stream->cpu) : "";
	case COLUMN_NAME:
		return e->event->name;
	case COLUMN_NS:
		return st_format_int(room, e->time);
	default:
		g_string_truncate(l->text, 0);
		server_event_text(e, l->text);
		return l->text->str;
	}
}

/* The costly column comes last. */
static gboolean matches(Lines *l, const ServerEvent *e)
{
	static const Column order[] = {COLUMN_NAME, COLUMN_MACHINE, COLUMN_CPU, COLUMN_NUMBER, COLUMN_NS, COLUMN_TIME, COLUMN_TEXT};
	char room[ST_TIME_FORMAT_MAX];

	for (guint i = 0; i < COLUMN_COUNT; i++) {
		Column column = order[i];

		if (!l->filters[column])
			continue;
		TspFact fact = {columns[column].name, cell(l, e, column, room)};
		if (!tsp_filter_match(l->filters[column], &fact, 1))
			return FALSE;
	}
	return TRUE;
}

static gboolean put_line(gpointer user, const ServerEvent *e)
{
	Lines *l = user;
	StJson *json = l->call->json;
	char room[ST_TIME_FORMAT_MAX];

	st_json_begin_object(json);
	st_json_member_uint(json, "index", e->index);
	st_json_key(json, "cells");
	st_json_begin_array(json);
	for (guint i = 0; i < l->n_wanted; i++) {
		st_json_begin_object(json);
		st_json_member_string(json, "content", cell(l, e, (Column)l->wanted[i], room));
		st_json_end(json);
	}
	st_json_end(json);
	if (l->searches && matches(l, e))
		st_json_member_int(json, "tags", TSP_HIGHLIGHTED);
	st_json_end(json);
	return --l->left > 0;
}

/* ---- Searching ------------------------------------------------------------------------------------------------------------------------ */

static gboolean look(gpointer user, const ServerEvent *e)
{
	Lines *l = user;

	if (e->index >= l->until)
		return FALSE;
	if (matches(l, e))
		l->found = e->index;
	if (!(e->index & 1023) && g_get_monotonic_time() > l->deadline)
		l->timed_out = TRUE;
	return !l->timed_out && (l->last || l->found == G_MAXUINT64);
}

static gboolean search_next(Lines *l, const ServerEvents *events, guint64 from, GError **error)
{
	l->until = G_MAXUINT64;
	return server_events_read(events, from, look, l, error);
}

/* Stretch by stretch, each read forwards; the last match of a stretch is the nearest. */
static gboolean search_previous(Lines *l, const ServerEvents *events, guint64 from, GError **error)
{
	guint64 end = MIN(from, server_events_count(events) - 1) + 1, stretch = PLACES;

	l->last = TRUE;
	while (end && l->found == G_MAXUINT64 && !l->timed_out) {
		guint64 begin = end > stretch ? end - stretch : 0;

		l->until = end;
		if (!server_events_read(events, begin, look, l, error))
			return FALSE;
		end = begin;
		stretch = MIN(stretch * 4, PLACES_MAX);
	}
	return TRUE;
}

/* ---- What is asked ------------------------------------------------------------------------------------------------------------------------ */

static gboolean parse_columns(Lines *l, const json_t *ids, GError **error)
{
	for (gsize i = 0; i < json_array_size(ids) && l->n_wanted < COLUMN_COUNT; i++) {
		gint64 id = json_integer_value(json_array_get(ids, i));

		if (!json_is_integer(json_array_get(ids, i)) || id < 0 || id >= COLUMN_COUNT) {
			g_set_error_literal(error, ST_ERROR, ST_ERROR_USAGE, "requested_table_column_ids takes ids of columns");
			return FALSE;
		}
		l->wanted[l->n_wanted++] = (guint)id;
	}
	for (guint i = 0; !l->n_wanted && i < COLUMN_COUNT; i++)
		l->wanted[i] = i;
	l->n_wanted = l->n_wanted ? l->n_wanted : COLUMN_COUNT;
	return TRUE;
}

static gboolean parse_search(Lines *l, const json_t *expressions, GError **error)
{
	const char *key;
	json_t *value;

	json_object_foreach((json_t *)(gsize)expressions, key, value) {
		gint64 column;

		if (!g_ascii_string_to_signed(key, 10, 0, COLUMN_COUNT - 1, &column, NULL) || !json_is_string(value)) {
			g_set_error_literal(error, ST_ERROR, ST_ERROR_USAGE, "table_search_expressions takes regular expressions by ids of columns");
			return FALSE;
		}
		if (!*json_string_value(value))
			continue;
		tsp_filter_free(l->filters[column]);
		l->filters[column] = tsp_filter_pattern(json_string_value(value), error);
		if (!l->filters[column])
			return FALSE;
		l->searches = TRUE;
	}
	return TRUE;
}

/* From which event on; FALSE: failed. */
static gboolean parse_index(const TspCall *call, const ServerEvents *events, guint64 *index, GError **error)
{
	const json_t *value = json_object_get(call->query->parameters, "requested_table_index");

	*index = 0;
	if (value && (!json_is_integer(value) || json_integer_value(value) < 0)) {
		g_set_error_literal(error, ST_ERROR, ST_ERROR_USAGE, "requested_table_index takes a number from 0 on");
		return FALSE;
	}
	if (value)
		*index = (guint64)json_integer_value(value);
	else if (call->query->n_given)
		return server_events_find(events, call->query->times[0], index, error);
	return TRUE;
}

static gboolean parse_count(const TspCall *call, guint64 *count, GError **error)
{
	const json_t *value = json_object_get(call->query->parameters, "requested_table_count");

	*count = LINES_DEFAULT;
	if (value && (!json_is_integer(value) || json_integer_value(value) < 0)) {
		g_set_error_literal(error, ST_ERROR, ST_ERROR_USAGE, "requested_table_count takes a number of lines");
		return FALSE;
	}
	if (value)
		*count = MIN((guint64)json_integer_value(value), TSP_LINES_MAX);
	return TRUE;
}

/* With a direction, the place is that of the first event that matches from there on; G_MAXUINT64: none does. */
static gboolean go_to_match(Lines *l, const ServerEvents *events, guint64 *index, GError **error)
{
	const char *direction = json_string_value(json_object_get(l->call->query->parameters, "table_search_direction"));

	if (!direction || !l->searches || !server_events_count(events))
		return TRUE;
	l->found = G_MAXUINT64;
	l->deadline = g_get_monotonic_time() + SEARCH_S * G_USEC_PER_SEC;
	gboolean back = strcmp(direction, "PREVIOUS") == 0;
	gboolean done = back ? search_previous(l, events, *index, error) : search_next(l, events, *index, error);
	if (done && l->timed_out && l->found == G_MAXUINT64) {
		g_set_error(error, ST_ERROR, ST_ERROR_LIMIT, "nothing was found within %d seconds", SEARCH_S);
		return FALSE;
	}
	*index = l->found;
	return done;
}

static gboolean put_all(Lines *l, const ServerEvents *events, guint64 index, GError **error)
{
	StJson *json = l->call->json;

	st_json_begin_object(json);
	st_json_member_uint(json, "size", server_events_count(events));
	st_json_member_uint(json, "lowIndex", index == G_MAXUINT64 ? 0 : index);
	st_json_key(json, "columnIds");
	st_json_begin_array(json);
	for (guint i = 0; i < l->n_wanted; i++)
		st_json_int(json, l->wanted[i]);
	st_json_end(json);
	st_json_key(json, "lines");
	st_json_begin_array(json);
	gboolean done = index == G_MAXUINT64 || !l->left || server_events_read(events, index, put_line, l, error);
	st_json_end(json);
	st_json_end(json);
	return done;
}

static gboolean put_lines(TspCall *call, GError **error)
{
	const ServerEvents *events = server_events(call->experiment);
	const json_t *p = call->query->parameters;
	g_autoptr(GString) text = g_string_new(NULL);
	Lines l = {.call = call, .text = text};
	guint64 index = 0;

	gboolean done = parse_columns(&l, json_object_get(p, "requested_table_column_ids"), error) && parse_search(&l, json_object_get(p, "table_search_expressions"), error) &&
			parse_count(call, &l.left, error) && parse_index(call, events, &index, error) && go_to_match(&l, events, &index, error) && put_all(&l, events, index, error);
	for (guint i = 0; i < COLUMN_COUNT; i++)
		tsp_filter_free(l.filters[i]);
	return done;
}

const TspProvider tsp_events_provider = {.columns = put_columns, .lines = put_lines, .style = tsp_put_styles};
