/* SPDX-License-Identifier: MIT */
#include "ctf/tsdl.h"

#include <stdarg.h>
#include <string.h>

/* ---- Values and paths ---------------------------------------------------------------------------------------- */

gboolean ctf_tsdl_path(Tsdl *p, TsdlValue *v)
{
	v->kind = TSDL_VALUE_PATH;
	v->at = p->tok.at;
	v->n = 0;
	do {
		if (p->tok.kind != TSDL_NAME)
			return ctf_tsdl_expected(p, "a name");
		if (v->n == TSDL_PATH_MAX)
			return ctf_tsdl_error(p, v->at, "a path of more than %d names", TSDL_PATH_MAX);
		v->names[v->n++] = p->tok.name;
		ctf_tsdl_next(p);
	} while (ctf_tsdl_accept(p, '.') || ctf_tsdl_accept(p, TSDL_ARROW));
	return p->tok.kind != TSDL_BAD;
}

static gboolean read_number(Tsdl *p, TsdlValue *v)
{
	gboolean minus = FALSE;
	while (p->tok.kind == '-' || p->tok.kind == '+') {
		minus ^= p->tok.kind == '-';
		ctf_tsdl_next(p);
	}
	if (p->tok.kind != TSDL_NUMBER)
		return ctf_tsdl_expected(p, "a number");
	guint64 i = p->tok.value;
	v->kind = TSDL_VALUE_INT;
	v->is_negative = minus && i != 0;
	if (v->is_negative && i > (guint64)1 << 63)
		return ctf_tsdl_error(p, v->at, "a number of more than 64 bits");
	v->i = v->is_negative ? 0 - i : i;
	ctf_tsdl_next(p);
	return TRUE;
}

gboolean ctf_tsdl_value(Tsdl *p, TsdlValue *v)
{
	v->at = p->tok.at;
	if (p->tok.kind == TSDL_NAME)
		return ctf_tsdl_path(p, v);
	if (p->tok.kind != TSDL_TEXT)
		return read_number(p, v);
	v->kind = TSDL_VALUE_TEXT;
	v->n = 1;
	v->names[0] = p->tok.name;
	ctf_tsdl_next(p);
	return TRUE;
}

gboolean ctf_tsdl_assigned(Tsdl *p, TsdlValue *v)
{
	return ctf_tsdl_expect(p, '=', "=") && ctf_tsdl_value(p, v) && ctf_tsdl_expect(p, ';', "a ;");
}

gboolean ctf_tsdl_path_is(const TsdlValue *v, ...)
{
	va_list args;
	va_start(args, v);
	guint i = 0;
	int word = va_arg(args, int);
	for (; word != TSDL_W_NONE && i < v->n && v->names[i]->word == (guint32)word; i++)
		word = va_arg(args, int);
	va_end(args);
	return word == TSDL_W_NONE && i == v->n;
}

gboolean ctf_tsdl_value_u64(Tsdl *p, const TsdlValue *v, guint64 *out)
{
	if (v->kind != TSDL_VALUE_INT || v->is_negative)
		return ctf_tsdl_error(p, v->at, "expected a number, not negative");
	*out = v->i;
	return TRUE;
}

gboolean ctf_tsdl_value_i64(Tsdl *p, const TsdlValue *v, gint64 *out)
{
	if (v->kind != TSDL_VALUE_INT || (!v->is_negative && v->i > G_MAXINT64))
		return ctf_tsdl_error(p, v->at, "expected a signed number of 64 bits");
	*out = (gint64)v->i;
	return TRUE;
}

gboolean ctf_tsdl_value_text(Tsdl *p, const TsdlValue *v, const char **out)
{
	if (v->kind == TSDL_VALUE_INT)
		return ctf_tsdl_error(p, v->at, "expected a string");
	if (v->n == 1) {
		*out = v->names[0]->text;
		return TRUE;
	}
	g_autoptr(GString) text = g_string_new(NULL);
	for (guint i = 0; i < v->n; i++)
		g_string_append_printf(text, "%s%s", i ? "." : "", v->names[i]->text);
	TsdlName *name = ctf_tsdl_intern(p, text->str, text->len);
	*out = name ? name->text : NULL;
	return name != NULL;
}

/* A value that is one word out of a table. -1 with an error: it is none of them. */
typedef struct {
	const char *word;
	int value;
} Choice;

static int find_choice(const Choice *choices, guint n, const TsdlValue *v)
{
	if (v->kind != TSDL_VALUE_INT && v->n == 1) {
		for (guint i = 0; i < n; i++) {
			if (strcmp(choices[i].word, v->names[0]->text) == 0)
				return choices[i].value;
		}
	}
	return -1;
}

gboolean ctf_tsdl_value_bool(Tsdl *p, const TsdlValue *v, gboolean *out)
{
	static const Choice choices[] = {{"true", 1}, {"TRUE", 1}, {"false", 0}, {"FALSE", 0}};
	int found = v->kind == TSDL_VALUE_INT ? v->i != 0 : find_choice(choices, G_N_ELEMENTS(choices), v);
	if (found < 0)
		return ctf_tsdl_error(p, v->at, "expected true or false");
	*out = found;
	return TRUE;
}

gboolean ctf_tsdl_value_order(Tsdl *p, const TsdlValue *v, TsdlOrder *out)
{
	static const Choice choices[] = {{"native", TSDL_ORDER_NATIVE},
	                                 {"le", TSDL_ORDER_LITTLE},
	                                 {"be", TSDL_ORDER_BIG},
	                                 {"network", TSDL_ORDER_BIG}};
	int found = find_choice(choices, G_N_ELEMENTS(choices), v);
	if (found < 0)
		return ctf_tsdl_error(p, v->at, "expected a byte order: le, be, network or native");
	*out = (TsdlOrder)found;
	return TRUE;
}

gboolean ctf_tsdl_value_uuid(Tsdl *p, const TsdlValue *v, guint8 uuid[16])
{
	if (v->kind != TSDL_VALUE_TEXT || !ctf_uuid_parse(v->names[0]->text, v->names[0]->len, uuid))
		return ctf_tsdl_error(p, v->at, "expected a UUID in quotes");
	return TRUE;
}

/* ---- Attributes ---------------------------------------------------------------------------------------------- */

static gboolean value_align(Tsdl *p, const TsdlValue *v, guint *out)
{
	guint64 n = 0;
	if (!ctf_tsdl_value_u64(p, v, &n))
		return FALSE;
	if (n == 0 || n > TSDL_ALIGN_MAX || n & (n - 1))
		return ctf_tsdl_error(p, v->at, "an alignment must be a power of two, at most %u bits", TSDL_ALIGN_MAX);
	*out = (guint)n;
	return TRUE;
}

static gboolean value_size(Tsdl *p, const TsdlValue *v, guint *out)
{
	guint64 n = 0;
	if (!ctf_tsdl_value_u64(p, v, &n))
		return FALSE;
	if (n < 1 || n > 64)
		return ctf_tsdl_error(p, v->at, "a size must be from 1 to 64 bits");
	*out = (guint)n;
	return TRUE;
}

static gboolean value_base(Tsdl *p, const TsdlValue *v, guint *out)
{
	static const Choice choices[] = {{"decimal", 10},     {"dec", 10}, {"d", 10}, {"i", 10},     {"u", 10},
	                                 {"hexadecimal", 16}, {"hex", 16}, {"x", 16}, {"X", 16},     {"p", 16},
	                                 {"octal", 8},        {"oct", 8},  {"o", 8},  {"binary", 2}, {"b", 2}};
	int base = v->kind == TSDL_VALUE_INT ? (int)MIN(v->i, 99) : find_choice(choices, G_N_ELEMENTS(choices), v);
	if (base != 2 && base != 8 && base != 10 && base != 16)
		return ctf_tsdl_error(p, v->at, "expected a base: 2, 8, 10, 16, or its name");
	*out = (guint)base;
	return TRUE;
}

static gboolean value_encoding(Tsdl *p, const TsdlValue *v, gboolean *is_text_out)
{
	static const Choice choices[] = {{"none", 0},  {"NONE", 0},  {"UTF8", 1},  {"utf8", 1},
	                                 {"utf-8", 1}, {"UTF-8", 1}, {"ASCII", 1}, {"ascii", 1}};
	int found = find_choice(choices, G_N_ELEMENTS(choices), v);
	if (found < 0)
		return ctf_tsdl_error(p, v->at, "expected an encoding: none, UTF8 or ASCII");
	*is_text_out = found;
	return TRUE;
}

/* clock.NAME.value */
static gboolean value_map(Tsdl *p, const TsdlValue *v, TsdlName **out)
{
	if (v->kind != TSDL_VALUE_PATH || v->n != 3 || v->names[0]->word != TSDL_W_CLOCK ||
	    v->names[2]->word != TSDL_W_VALUE)
		return ctf_tsdl_error(p, v->at, "expected clock.NAME.value");
	*out = v->names[1];
	return TRUE;
}

/* `{ name = value; ... }`. What `set` does not know is ignored, as other readers do. */
static gboolean read_attributes(Tsdl *p, TsdlType *t,
                                gboolean (*set)(Tsdl *p, TsdlType *t, TsdlWord word, const TsdlValue *v))
{
	if (!ctf_tsdl_expect(p, '{', "a {"))
		return FALSE;
	while (!ctf_tsdl_accept(p, '}')) {
		TsdlValue left, v;
		if (!ctf_tsdl_path(p, &left) || !ctf_tsdl_assigned(p, &v))
			return FALSE;
		if (left.n == 1 && !set(p, t, left.names[0]->word, &v))
			return FALSE;
	}
	return TRUE;
}

static gboolean set_integer(Tsdl *p, TsdlType *t, TsdlWord word, const TsdlValue *v)
{
	switch (word) {
	case TSDL_W_SIZE:
		return value_size(p, v, &t->fc.size);
	case TSDL_W_ALIGN:
		return value_align(p, v, &t->fc.align);
	case TSDL_W_SIGNED:
		return ctf_tsdl_value_bool(p, v, &t->fc.is_signed);
	case TSDL_W_BASE:
		return value_base(p, v, &t->fc.base);
	case TSDL_W_BYTE_ORDER:
		return ctf_tsdl_value_order(p, v, &t->order);
	case TSDL_W_ENCODING:
		return value_encoding(p, v, &t->is_text);
	case TSDL_W_MAP:
		return value_map(p, v, &t->clock);
	default:
		return TRUE;
	}
}

TsdlType *ctf_tsdl_integer(Tsdl *p)
{
	TsdlType *t = ctf_tsdl_type_new(p, CTF_FC_INT, p->tok.at);
	if (!t)
		return NULL;
	t->fc.align = 0;
	ctf_tsdl_next(p);
	if (!read_attributes(p, t, set_integer))
		return NULL;
	if (!t->fc.size) {
		ctf_tsdl_error(p, t->at, "this integer has no size");
		return NULL;
	}
	if (!t->fc.align)
		t->fc.align = t->fc.size % 8 ? 1 : 8;
	return t;
}

/* Digits of the mantissa count its sign bit. They are kept in fc.length and fc.base until both are known. */
static gboolean set_floating_point(Tsdl *p, TsdlType *t, TsdlWord word, const TsdlValue *v)
{
	switch (word) {
	case TSDL_W_EXP_DIG:
		return value_size(p, v, &t->fc.base);
	case TSDL_W_MANT_DIG:
		return value_size(p, v, &t->fc.size);
	case TSDL_W_ALIGN:
		return value_align(p, v, &t->fc.align);
	case TSDL_W_BYTE_ORDER:
		return ctf_tsdl_value_order(p, v, &t->order);
	default:
		return TRUE;
	}
}

TsdlType *ctf_tsdl_floating_point(Tsdl *p)
{
	TsdlType *t = ctf_tsdl_type_new(p, CTF_FC_FLOAT, p->tok.at);
	if (!t)
		return NULL;
	t->fc.align = 0;
	t->fc.base = 0;
	ctf_tsdl_next(p);
	if (!read_attributes(p, t, set_floating_point))
		return NULL;
	if (!(t->fc.base == 8 && t->fc.size == 24) && !(t->fc.base == 11 && t->fc.size == 53)) {
		ctf_tsdl_error(p, t->at, "a floating point number must have exp_dig 8 and mant_dig 24, or 11 and 53");
		return NULL;
	}
	t->fc.size += t->fc.base;
	t->fc.base = 10;
	if (!t->fc.align)
		t->fc.align = 8;
	return t;
}

static gboolean set_string(Tsdl *p, TsdlType *t, TsdlWord word, const TsdlValue *v)
{
	gboolean is_text;
	return word != TSDL_W_ENCODING || value_encoding(p, v, &is_text);
}

TsdlType *ctf_tsdl_string(Tsdl *p)
{
	const char *at = p->tok.at;
	ctf_tsdl_next(p);
	if (p->tok.kind != '{' && p->plain_string)
		return p->plain_string;
	TsdlType *t = ctf_tsdl_type_new(p, CTF_FC_STRING, at);
	if (!t)
		return NULL;
	t->fc.align = 8;
	if (p->tok.kind != '{')
		return p->plain_string = t;
	return read_attributes(p, t, set_string) ? t : NULL;
}

gboolean ctf_tsdl_align(Tsdl *p, guint *align_out)
{
	TsdlValue v;
	ctf_tsdl_next(p);
	return ctf_tsdl_expect(p, '(', "a (") && ctf_tsdl_value(p, &v) && ctf_tsdl_expect(p, ')', "a )") &&
	       value_align(p, &v, align_out);
}
