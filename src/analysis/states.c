/* SPDX-License-Identifier: MIT */
/*
 * The intervals of rows. There may be many millions of them, so that they are written as they are found: no view is built.
 */
#include <errno.h>
#include <string.h>

#include "analysis/commands.h"
#include "analysis/states.h"
#include "base/format.h"
#include "base/time.h"

#define BUFFER_SIZE (1u << 18)

typedef struct {
	ViewFormat format;
	FILE *out;
	GString *buf;
	gboolean any;        /* something was written */
	gboolean failed;
} States;

/* ---- Output ------------------------------------------------------------------------------------------------------ */

static void flush(States *s)
{
	if (!s->failed && fwrite(s->buf->str, 1, s->buf->len, s->out) != s->buf->len)
		s->failed = TRUE;
	g_string_truncate(s->buf, 0);
}

static void put_int(GString *buf, gint64 value)
{
	char digits[ST_FORMAT_MAX];

	g_string_append(buf, st_format_int(digits, value));
}

/* Nothing in it has to be escaped or quoted. */
static gboolean is_plain(const char *text)
{
	for (const guchar *c = (const guchar *)text; *c; c++)
		if (*c < ' ' || *c > '~' || *c == '"' || *c == '\\' || *c == ',')
			return FALSE;
	return TRUE;
}

static void put_json(GString *buf, const char *text)
{
	if (is_plain(text)) {
		g_string_append_c(buf, '"');
		g_string_append(buf, text);
		g_string_append_c(buf, '"');
		return;
	}
	g_autoptr(GString) quoted = g_string_new(NULL);
	g_autoptr(StJson) json = st_json_new_string(quoted, ST_JSON_COMPACT);
	st_json_string(json, text);
	st_json_finish(json, NULL);
	g_string_append_len(buf, quoted->str, (gssize)quoted->len - 1); /* without its newline */
}

static void put_csv(GString *buf, const char *text)
{
	if (is_plain(text) || !strpbrk(text, ",\"\r\n")) {
		g_string_append(buf, text);
		return;
	}
	g_string_append_c(buf, '"');
	for (; *text; text++) {
		if (*text == '"')
			g_string_append_c(buf, '"');
		g_string_append_c(buf, *text);
	}
	g_string_append_c(buf, '"');
}

/* For a terminal: nothing can send commands to it. */
static void put_text(GString *buf, const char *text)
{
	if (is_plain(text)) {
		g_string_append(buf, text);
		return;
	}
	g_autofree char *valid = g_utf8_make_valid(text, -1);
	for (const char *c = valid; *c; c = g_utf8_next_char(c))
		g_string_append_unichar(buf, g_unichar_isprint(g_utf8_get_char(c)) ? g_utf8_get_char(c) : 0xfffd);
}

/* ---- Begin and end --------------------------------------------------------------------------------------------------- */

static void put_columns(StJson *json)
{
	static const char *const columns[][3] = {{"row", "text", "ROW"}, {"begin_ns", "time_ns", "BEGIN"}, {"end_ns", "time_ns", "END"},
						 {"state", "text", "STATE"}, {"detail", "text", "DETAIL"}};

	st_json_key(json, "columns");
	st_json_begin_array(json);
	for (guint c = 0; c < G_N_ELEMENTS(columns); c++) {
		st_json_begin_inline_object(json);
		st_json_member_string(json, "name", columns[c][0]);
		st_json_member_string(json, "unit", columns[c][1]);
		st_json_member_string(json, "title", columns[c][2]);
		st_json_end(json);
	}
	st_json_end(json);
}

/* An object whose last member is the array of rows, left open. */
static void begin_json(States *s)
{
	g_autoptr(GString) head = g_string_new(NULL);
	g_autoptr(StJson) json = st_json_new_string(head, ST_JSON_INDENT);

	st_json_begin_object(json);
	st_json_member_string(json, "schema", "strata/states/1");
	put_columns(json);
	st_json_key(json, "rows");
	st_json_begin_array(json);
	st_json_end(json);
	st_json_end(json);
	st_json_finish(json, NULL);
	g_string_append_len(s->buf, head->str, strrchr(head->str, '[') + 1 - head->str);
}

static void begin(States *s)
{
	if (s->format == VIEW_FORMAT_JSON)
		begin_json(s);
	else if (s->format == VIEW_FORMAT_CSV)
		g_string_append(s->buf, "row,begin_ns,end_ns,state,detail\n");
}

static gboolean end(States *s, GError **error)
{
	if (s->format == VIEW_FORMAT_JSON)
		g_string_append(s->buf, s->any ? "\n  ]\n}\n" : "]\n}\n");
	else if (s->format == VIEW_FORMAT_TEXT && !s->any)
		g_string_append(s->buf, "No row fits.\n");
	flush(s);
	if (!s->failed && fflush(s->out) == 0)
		return TRUE;
	g_set_error(error, ST_ERROR, ST_ERROR_IO, "cannot write the output: %s", g_strerror(errno));
	return FALSE;
}

/* ---- Intervals --------------------------------------------------------------------------------------------------------- */

static void put_json_row(GString *buf, gboolean first, const char *path, const AnalysisStatesInterval *i)
{
	g_string_append(buf, first ? "\n    {\"row\": " : ",\n    {\"row\": ");
	g_string_append(buf, path);
	g_string_append(buf, ", \"begin_ns\": ");
	put_int(buf, i->begin_ns);
	g_string_append(buf, ", \"end_ns\": ");
	put_int(buf, i->end_ns);
	g_string_append(buf, ", \"state\": ");
	put_json(buf, i->name);
	g_string_append(buf, ", \"detail\": ");
	if (*i->detail)
		put_json(buf, i->detail);
	else
		g_string_append(buf, "null");
	g_string_append_c(buf, '}');
}

static void put_csv_row(GString *buf, const char *path, const AnalysisStatesInterval *i)
{
	g_string_append(buf, path);
	g_string_append_c(buf, ',');
	put_int(buf, i->begin_ns);
	g_string_append_c(buf, ',');
	put_int(buf, i->end_ns);
	g_string_append_c(buf, ',');
	put_csv(buf, i->name);
	g_string_append_c(buf, ',');
	put_csv(buf, i->detail);
	g_string_append_c(buf, '\n');
}

static void put_text_row(GString *buf, const AnalysisStatesInterval *i)
{
	char time[ST_TIME_FORMAT_MAX], duration[ST_FORMAT_MAX];

	g_string_append_printf(buf, "  %s  %10s  %-*s", st_time_format(time, i->begin_ns), st_format_duration(duration, i->end_ns - i->begin_ns),
			       *i->detail ? 11 : 0, i->name);
	if (*i->detail) {
		g_string_append(buf, " ");
		put_text(buf, i->detail);
	}
	g_string_append_c(buf, '\n');
}

static void put_path(const States *s, GString *buf, const char *path)
{
	if (s->format == VIEW_FORMAT_JSON)
		put_json(buf, path);
	else if (s->format == VIEW_FORMAT_CSV)
		put_csv(buf, path);
	else
		put_text(buf, path);
}

static void put_interval(States *s, const char *path, const AnalysisStatesInterval *i)
{
	if (s->format == VIEW_FORMAT_JSON)
		put_json_row(s->buf, !s->any, path, i);
	else if (s->format == VIEW_FORMAT_CSV)
		put_csv_row(s->buf, path, i);
	else
		put_text_row(s->buf, i);
	s->any = TRUE;
	if (s->buf->len >= BUFFER_SIZE)
		flush(s);
}

static gboolean put_row(gpointer user, const AnalysisStatesRow *row)
{
	States *s = user;
	g_autoptr(GString) path = g_string_new(NULL), room = g_string_new(NULL);
	gboolean heading = s->format == VIEW_FORMAT_TEXT;
	AnalysisStatesWalk walk;
	AnalysisStatesInterval i;

	put_path(s, path, row->path);
	analysis_states_walk(&walk, row, room);
	while (!s->failed && analysis_states_next(&walk, &i)) {
		if (heading)
			g_string_append_printf(s->buf, "%s%s\n", s->any ? "\n" : "", path->str);
		heading = FALSE;
		put_interval(s, path->str, &i);
	}
	return !s->failed;
}

gboolean analysis_states(const AnalysisStore *store, const AnalysisQuery *q, ViewFormat format, FILE *out, GError **error)
{
	g_autoptr(GString) buf = g_string_sized_new(BUFFER_SIZE + 4096);
	States s = {.format = format, .out = out, .buf = buf};

	if (format == VIEW_FORMAT_HTML || format == VIEW_FORMAT_FOLDED) {
		g_set_error_literal(error, ST_ERROR, ST_ERROR_USAGE, "states are text, json or csv; strata export --to perfetto makes a picture of them");
		return FALSE;
	}
	begin(&s);
	analysis_states_each(store, q, put_row, &s);
	return end(&s, error);
}
