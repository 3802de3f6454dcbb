/* SPDX-License-Identifier: MIT */
#include "ctf/jsontext.h"

#include <string.h>

#include "ctf/metadata.h"

typedef struct {
	CtfMetadata *m;
	const char *p, *end;
	GArray *values;
	guint max, depth;
	GError **error;
} Parser;

static gboolean parse_value(Parser *k);

static gboolean fail(Parser *k, const char *what)
{
	if (k->p >= k->end)
		return ctf_metadata_error(k->m, k->end, k->error, "the JSON text ends too early: %s", what);
	return ctf_metadata_error(k->m, k->p, k->error, "%s", what);
}

static void skip_space(Parser *k)
{
	while (k->p < k->end && (*k->p == ' ' || *k->p == '\t' || *k->p == '\n' || *k->p == '\r'))
		k->p++;
}

static gboolean at_char(const Parser *k, char c)
{
	return k->p < k->end && *k->p == c;
}

/* Begin a value; its index, or -1 with an error. */
static gssize open_value(Parser *k, CtfJsonType type)
{
	if (k->values->len >= k->max) {
		fail(k, "too many JSON values");
		return -1;
	}
	CtfJson v = {.at = (guint32)(k->p - k->m->text), .type = (guint8)type};
	g_array_append_val(k->values, v);
	return (gssize)k->values->len - 1;
}

static CtfJson *value_at(Parser *k, gssize i)
{
	return &g_array_index(k->values, CtfJson, i);
}

static gboolean close_value(Parser *k, gssize i)
{
	CtfJson *v = value_at(k, i);
	v->len = (guint32)(k->p - k->m->text) - v->at;
	v->span = k->values->len - (guint32)i;
	return TRUE;
}

static gboolean parse_word(Parser *k, const char *word, CtfJsonType type)
{
	gsize len = strlen(word);
	if ((gsize)(k->end - k->p) < len || memcmp(k->p, word, len))
		return fail(k, "a JSON value must be here");
	gssize i = open_value(k, type);
	if (i < 0)
		return FALSE;
	k->p += len;
	return close_value(k, i);
}

static gboolean skip_digits(Parser *k)
{
	if (k->p >= k->end || !g_ascii_isdigit(*k->p))
		return fail(k, "a digit must be here");
	while (k->p < k->end && g_ascii_isdigit(*k->p))
		k->p++;
	return TRUE;
}

static gboolean parse_number(Parser *k)
{
	gssize i = open_value(k, CTF_JSON_INT);
	if (i < 0)
		return FALSE;
	if (at_char(k, '-'))
		k->p++;
	if (at_char(k, '0'))
		k->p++;
	else if (!skip_digits(k))
		return FALSE;
	if (k->p < k->end && g_ascii_isdigit(*k->p))
		return fail(k, "a number must not begin with 0");
	if (at_char(k, '.')) {
		value_at(k, i)->type = CTF_JSON_REAL;
		k->p++;
		if (!skip_digits(k))
			return FALSE;
	}
	if (at_char(k, 'e') || at_char(k, 'E')) {
		value_at(k, i)->type = CTF_JSON_REAL;
		k->p++;
		if (at_char(k, '+') || at_char(k, '-'))
			k->p++;
		if (!skip_digits(k))
			return FALSE;
	}
	return close_value(k, i);
}

/* The four digits after "\u"; -1: others. */
static gint32 hex4(const char *p, const char *end)
{
	gint32 c = 0;
	if (end - p < 4)
		return -1;
	for (guint i = 0; i < 4; i++) {
		if (!g_ascii_isxdigit(p[i]))
			return -1;
		c = c << 4 | g_ascii_xdigit_value(p[i]);
	}
	return c;
}

/* The escape at p, which begins with a backslash: its character, and its length; 0: no escape. */
static guint escape(const char *p, const char *end, gunichar *c_out)
{
	static const char letters[] = "\"\\/bfnrt", meanings[] = "\"\\/\b\f\n\r\t";
	if (end - p < 2)
		return 0;
	const char *letter = p[1] ? strchr(letters, p[1]) : NULL;
	if (letter) {
		*c_out = (guchar)meanings[letter - letters];
		return 2;
	}
	gint32 c = p[1] == 'u' ? hex4(p + 2, end) : -1;
	if (c < 0 || (c >= 0xdc00 && c < 0xe000))
		return 0;
	*c_out = (gunichar)c;
	if (c < 0xd800 || c >= 0xe000)
		return 6;
	/* Half of a surrogate pair: the other half must follow. */
	gint32 low = end - p >= 8 && p[6] == '\\' && p[7] == 'u' ? hex4(p + 8, end) : -1;
	if (low < 0xdc00 || low >= 0xe000)
		return 0;
	*c_out = 0x10000 + (((gunichar)c - 0xd800) << 10) + ((gunichar)low - 0xdc00);
	return 12;
}

static gboolean parse_string(Parser *k)
{
	gssize i = open_value(k, CTF_JSON_STRING);
	if (i < 0)
		return FALSE;
	const char *begin = ++k->p, *bad;
	while (k->p < k->end && *k->p != '"') {
		gunichar c;
		guint len = 1;
		if ((guchar)*k->p < 0x20)
			return fail(k, "a control character in a string must be escaped");
		if (*k->p == '\\') {
			value_at(k, i)->escaped = TRUE;
			len = escape(k->p, k->end, &c);
		}
		if (!len)
			return fail(k, "this is no escape of JSON");
		k->p += len;
	}
	if (k->p >= k->end)
		return fail(k, "the string has no end");
	if (!g_utf8_validate(begin, k->p - begin, &bad)) {
		k->p = bad;
		return fail(k, "this is not UTF-8");
	}
	k->p++;
	return close_value(k, i);
}

static gboolean parse_member(Parser *k)
{
	skip_space(k);
	if (!at_char(k, '"'))
		return fail(k, "a property's name must be here");
	if (!parse_string(k))
		return FALSE;
	skip_space(k);
	if (!at_char(k, ':'))
		return fail(k, "':' must follow a property's name");
	k->p++;
	return parse_value(k);
}

static gboolean parse_children(Parser *k, gssize i, char last, gboolean (*parse_child)(Parser *k))
{
	k->p++;
	skip_space(k);
	if (!at_char(k, last)) {
		for (;;) {
			if (!parse_child(k))
				return FALSE;
			value_at(k, i)->n++;
			skip_space(k);
			if (!at_char(k, ','))
				break;
			k->p++;
		}
		if (!at_char(k, last))
			return fail(k, last == ']' ? "',' or ']' must be here" : "',' or '}' must be here");
	}
	k->p++;
	return close_value(k, i);
}

static gboolean parse_container(Parser *k, gboolean object)
{
	if (k->depth >= CTF_JSON_DEPTH_MAX)
		return fail(k, "JSON values are nested too deep");
	gssize i = open_value(k, object ? CTF_JSON_OBJECT : CTF_JSON_ARRAY);
	if (i < 0)
		return FALSE;
	k->depth++;
	gboolean ok = object ? parse_children(k, i, '}', parse_member) : parse_children(k, i, ']', parse_value);
	k->depth--;
	return ok;
}

static gboolean parse_value(Parser *k)
{
	skip_space(k);
	switch (k->p < k->end ? *k->p : 0) {
	case '{':
		return parse_container(k, TRUE);
	case '[':
		return parse_container(k, FALSE);
	case '"':
		return parse_string(k);
	case 't':
		return parse_word(k, "true", CTF_JSON_TRUE);
	case 'f':
		return parse_word(k, "false", CTF_JSON_FALSE);
	case 'n':
		return parse_word(k, "null", CTF_JSON_NULL);
	case '-':
		return parse_number(k);
	default:
		if (k->p < k->end && g_ascii_isdigit(*k->p))
			return parse_number(k);
		return fail(k, "a JSON value must be here");
	}
}

gboolean ctf_json_parse_text(CtfMetadata *m, gsize begin, gsize end, GArray *values, guint max, GError **error)
{
	Parser k = {.m = m, .p = m->text + begin, .end = m->text + end, .values = values, .max = max, .error = error};
	g_array_set_size(values, 0);
	if (!parse_value(&k))
		return FALSE;
	skip_space(&k);
	return k.p == k.end || fail(&k, "nothing more must be here: the JSON text has ended");
}

/* ---- Values --------------------------------------------------------------------------------------------------- */

void ctf_json_string(const CtfMetadata *m, const CtfJson *v, GString *out)
{
	const char *p = m->text + v->at + 1, *end = p + v->len - 2;
	g_string_truncate(out, 0);
	if (!v->escaped) {
		g_string_append_len(out, p, end - p);
		return;
	}
	while (p < end) {
		gunichar c;
		guint len = *p == '\\' ? escape(p, end, &c) : 0;
		if (len)
			g_string_append_unichar(out, c);
		else
			g_string_append_c(out, *p);
		p += MAX(len, 1);
	}
}

gboolean ctf_json_is(const CtfMetadata *m, const CtfJson *v, const char *text)
{
	gsize len = strlen(text);
	if (v->type != CTF_JSON_STRING)
		return FALSE;
	if (!v->escaped)
		return v->len == len + 2 && !memcmp(m->text + v->at + 1, text, len);
	/* No escape stands for less than a sixth of its length. */
	if (v->len - 2 > len * 6)
		return FALSE;
	g_autoptr(GString) s = g_string_new(NULL);
	ctf_json_string(m, v, s);
	return s->len == len && !memcmp(s->str, text, len);
}

const CtfJson *ctf_json_get(const CtfMetadata *m, const CtfJson *v, const char *name)
{
	const CtfJson *found = NULL, *key = v + 1;
	if (v->type != CTF_JSON_OBJECT)
		return NULL;
	for (guint i = 0; i < v->n; i++, key = ctf_json_next(key + 1))
		if (ctf_json_is(m, key, name))
			found = key + 1;
	return found && found->type != CTF_JSON_NULL ? found : NULL;
}

gboolean ctf_json_int(const CtfMetadata *m, const CtfJson *v, gboolean *negative_out, guint64 *magnitude_out)
{
	const char *p = m->text + v->at, *end = p + v->len;
	guint64 n = 0;
	if (v->type != CTF_JSON_INT)
		return FALSE;
	*negative_out = *p == '-';
	for (p += *negative_out; p < end; p++) {
		guint digit = (guint)(*p - '0');
		if (n > (G_MAXUINT64 - digit) / 10)
			return FALSE;
		n = n * 10 + digit;
	}
	*magnitude_out = n;
	return TRUE;
}
