/* SPDX-License-Identifier: MIT */
#include "base/json.h"

#include <errno.h>
#include <math.h>
#include <string.h>

#include "base/error.h"
#include "base/format.h"

/* Text is handed to a file in pieces of at least this size. */
#define FLUSH_BYTES (64 * 1024)

#define REPLACEMENT "\xef\xbf\xbd"

typedef struct {
	char closer;     /* of this object or array; 0: the top level */
	gboolean lines;  /* its members stand each on a line */
	gboolean filled; /* it has a member */
} Frame;

struct StJson {
	GString *out; /* with a file: what is not yet written to it */
	FILE *file;   /* NULL: `out` is the caller's */
	GError *error;
	gboolean after_key;
	guint depth;
	Frame frames[ST_JSON_DEPTH_MAX + 1];
};

static StJson *json_new(GString *out, FILE *file, StJsonFlags flags)
{
	StJson *json = g_new0(StJson, 1);
	json->out = out;
	json->file = file;
	json->frames[0].lines = (flags & ST_JSON_INDENT) != 0;
	return json;
}

StJson *st_json_new_file(FILE *file, StJsonFlags flags)
{
	return json_new(g_string_sized_new(FLUSH_BYTES + 4096), file, flags);
}

StJson *st_json_new_string(GString *string, StJsonFlags flags)
{
	return json_new(string, NULL, flags);
}

void st_json_free(StJson *json)
{
	if (!json)
		return;
	if (json->file)
		g_string_free(json->out, TRUE);
	g_clear_error(&json->error);
	g_free(json);
}

static void write_out(StJson *json)
{
	if (!json->error && fwrite(json->out->str, 1, json->out->len, json->file) != json->out->len)
		g_set_error(&json->error, ST_ERROR, ST_ERROR_IO, "cannot write JSON: %s", g_strerror(errno));
	g_string_truncate(json->out, 0);
}

gboolean st_json_finish(StJson *json, GError **error)
{
	g_return_val_if_fail(json->error || (json->depth == 0 && !json->after_key), FALSE);
	if (json->frames[0].filled)
		g_string_append_c(json->out, '\n');
	if (json->file) {
		write_out(json);
		if (!json->error && fflush(json->file))
			g_set_error(&json->error, ST_ERROR, ST_ERROR_IO, "cannot write JSON: %s", g_strerror(errno));
	}
	if (!json->error)
		return TRUE;
	g_propagate_error(error, g_steal_pointer(&json->error));
	return FALSE;
}

static void new_line(StJson *json)
{
	g_string_append_c(json->out, '\n');
	for (guint i = 0; i < json->depth; i++)
		g_string_append_len(json->out, "  ", 2);
}

/* What stands before a member or an element. */
static void separate(StJson *json)
{
	Frame *frame = &json->frames[json->depth];
	if (json->depth == 0) {
		if (frame->filled)
			g_string_append_c(json->out, '\n');
	} else {
		if (frame->filled)
			g_string_append_c(json->out, ',');
		if (frame->lines)
			new_line(json);
		else if (frame->filled && json->frames[0].lines)
			g_string_append_c(json->out, ' ');
	}
	frame->filled = TRUE;
}

/* Everything that is a value begins with this; FALSE: it is not to be written. */
static gboolean begin_value(StJson *json)
{
	if (json->error)
		return FALSE;
	g_return_val_if_fail(json->after_key || json->frames[json->depth].closer != '}', FALSE);
	if (json->file && json->out->len >= FLUSH_BYTES)
		write_out(json);
	if (json->after_key)
		json->after_key = FALSE;
	else
		separate(json);
	return TRUE;
}

static void begin(StJson *json, char opener, char closer, gboolean lines)
{
	if (!begin_value(json))
		return;
	if (json->depth == ST_JSON_DEPTH_MAX) {
		g_set_error(&json->error, ST_ERROR, ST_ERROR_LIMIT, "cannot write JSON: more than %d levels deep",
		            ST_JSON_DEPTH_MAX);
		return;
	}
	g_string_append_c(json->out, opener);
	gboolean outer_lines = json->frames[json->depth].lines;
	json->frames[++json->depth] = (Frame){.closer = closer, .lines = outer_lines && lines};
}

void st_json_begin_object(StJson *json)
{
	begin(json, '{', '}', TRUE);
}

void st_json_begin_array(StJson *json)
{
	begin(json, '[', ']', TRUE);
}

void st_json_begin_inline_object(StJson *json)
{
	begin(json, '{', '}', FALSE);
}

void st_json_begin_inline_array(StJson *json)
{
	begin(json, '[', ']', FALSE);
}

void st_json_end(StJson *json)
{
	if (json->error)
		return;
	g_return_if_fail(json->depth > 0 && !json->after_key);
	const Frame *frame = &json->frames[json->depth--];
	if (frame->lines && frame->filled)
		new_line(json);
	g_string_append_c(json->out, frame->closer);
}

static void append_escaped(GString *out, guchar c)
{
	static const char short_form[] = {
	        ['\b'] = 'b', ['\t'] = 't', ['\n'] = 'n', ['\f'] = 'f', ['\r'] = 'r', ['"'] = '"', ['\\'] = '\\'};
	if (c < sizeof short_form && short_form[c]) {
		const char text[] = {'\\', short_form[c]};
		g_string_append_len(out, text, sizeof text);
	} else {
		g_string_append_printf(out, "\\u%04x", c);
	}
}

/* Valid UTF-8 without zeros. */
static void append_valid(GString *out, const char *text, gsize length)
{
	gsize clean = 0; /* where the run of bytes that stand for themselves begins */
	for (gsize i = 0; i < length; i++) {
		guchar c = (guchar)text[i];
		if (c >= 0x20 && c != '"' && c != '\\')
			continue;
		g_string_append_len(out, text + clean, (gssize)(i - clean));
		append_escaped(out, c);
		clean = i + 1;
	}
	g_string_append_len(out, text + clean, (gssize)(length - clean));
}

static void append_quoted(GString *out, const char *text, gsize length)
{
	g_string_append_c(out, '"');
	while (length > 0) {
		const char *end = text;
		g_utf8_validate_len(text, length, &end);
		gsize valid = (gsize)(end - text);
		append_valid(out, text, valid);
		if (valid == length)
			break;
		g_string_append(out, *end ? REPLACEMENT : "\\u0000");
		text = end + 1;
		length -= valid + 1;
	}
	g_string_append_c(out, '"');
}

void st_json_key(StJson *json, const char *key)
{
	if (json->error)
		return;
	g_return_if_fail(!json->after_key && json->frames[json->depth].closer == '}');
	separate(json);
	append_quoted(json->out, key, strlen(key));
	g_string_append_c(json->out, ':');
	if (json->frames[0].lines)
		g_string_append_c(json->out, ' ');
	json->after_key = TRUE;
}

void st_json_string_len(StJson *json, const char *text, gsize length)
{
	if (begin_value(json))
		append_quoted(json->out, text, length);
}

void st_json_string(StJson *json, const char *text)
{
	if (text)
		st_json_string_len(json, text, strlen(text));
	else
		st_json_null(json);
}

static void literal(StJson *json, const char *text)
{
	if (begin_value(json))
		g_string_append(json->out, text);
}

void st_json_int(StJson *json, gint64 value)
{
	char buf[ST_FORMAT_MAX];
	literal(json, st_format_int(buf, value));
}

void st_json_uint(StJson *json, guint64 value)
{
	char buf[ST_FORMAT_MAX];
	literal(json, st_format_uint(buf, value));
}

void st_json_double(StJson *json, double value)
{
	char buf[ST_FORMAT_MAX];
	literal(json, isfinite(value) ? st_format_double(buf, value) : "null");
}

void st_json_bool(StJson *json, gboolean value)
{
	literal(json, value ? "true" : "false");
}

void st_json_null(StJson *json)
{
	literal(json, "null");
}

void st_json_member_string(StJson *json, const char *key, const char *text)
{
	st_json_key(json, key);
	st_json_string(json, text);
}

void st_json_member_int(StJson *json, const char *key, gint64 value)
{
	st_json_key(json, key);
	st_json_int(json, value);
}

void st_json_member_uint(StJson *json, const char *key, guint64 value)
{
	st_json_key(json, key);
	st_json_uint(json, value);
}

void st_json_member_double(StJson *json, const char *key, double value)
{
	st_json_key(json, key);
	st_json_double(json, value);
}

void st_json_member_bool(StJson *json, const char *key, gboolean value)
{
	st_json_key(json, key);
	st_json_bool(json, value);
}

void st_json_member_null(StJson *json, const char *key)
{
	st_json_key(json, key);
	st_json_null(json);
}
