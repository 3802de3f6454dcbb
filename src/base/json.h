/* SPDX-License-Identifier: MIT */
/*
 * base/json.h: a JSON writer that builds no tree.
 *
 * Calls come in the order of the text. Inside an object each value follows its st_json_key(), or is written together with it by a
 * st_json_member_*(). Values at the top level stand one to a line, so that a writer without indentation writes JSON lines.
 *
 * The text is valid JSON (RFC 8259) in UTF-8 whatever the strings hold, the same in every locale. What goes wrong with the output is kept,
 * everything after it is ignored, and st_json_finish() tells it: no call in between needs a check.
 *
 * A writer belongs to one thread.
 */
#ifndef STRATA_BASE_JSON_H
#define STRATA_BASE_JSON_H

#include <stdio.h>

#include <glib.h>

/* How deep objects and arrays may nest. Deeper is ST_ERROR_LIMIT. */
#define ST_JSON_DEPTH_MAX 128

typedef enum {
	ST_JSON_COMPACT = 0,
	ST_JSON_INDENT =
	        1 << 0, /* each member and element on its own line, but for what is between begin_inline and its end */
} StJsonFlags;

typedef struct StJson StJson;

/* Write to `file`, or append to `string`; both stay the caller's and must outlive the writer. */
StJson *st_json_new_file(FILE *file, StJsonFlags flags);
StJson *st_json_new_string(GString *string, StJsonFlags flags);

/*
 * End the text with a newline and flush it. Every object and array must have been ended. FALSE: the text is not all there
 * (ST_ERROR_IO, ST_ERROR_LIMIT).
 */
gboolean st_json_finish(StJson *json, GError **error);

/* NULL is fine. Without st_json_finish() what has not been written yet is lost. */
void st_json_free(StJson *json);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(StJson, st_json_free)

void st_json_begin_object(StJson *json);
void st_json_begin_array(StJson *json);
/* The same, all on one line. */
void st_json_begin_inline_object(StJson *json);
void st_json_begin_inline_array(StJson *json);
/* End the innermost object or array. */
void st_json_end(StJson *json);

void st_json_key(StJson *json, const char *key);

/* NULL becomes null. A byte that is not part of valid UTF-8 becomes U+FFFD. */
void st_json_string(StJson *json, const char *text);
/* `length` bytes, zeros allowed. */
void st_json_string_len(StJson *json, const char *text, gsize length);
void st_json_int(StJson *json, gint64 value);
void st_json_uint(StJson *json, guint64 value);
/* The shortest decimal that reads back as the same value. What JSON has no number for (NaN, infinities) becomes null. */
void st_json_double(StJson *json, double value);
void st_json_bool(StJson *json, gboolean value);
void st_json_null(StJson *json);

/* A key and its value. */
void st_json_member_string(StJson *json, const char *key, const char *text);
void st_json_member_int(StJson *json, const char *key, gint64 value);
void st_json_member_uint(StJson *json, const char *key, guint64 value);
void st_json_member_double(StJson *json, const char *key, double value);
void st_json_member_bool(StJson *json, const char *key, gboolean value);
void st_json_member_null(StJson *json, const char *key);

#endif
