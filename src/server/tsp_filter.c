/* SPDX-License-Identifier: MIT */
/* tsp_filter.c: expressions of viewers' search boxes. */
#include <string.h>

#include "server/tsp.h"

#define TEXT_MAX  1000 /* bytes of an expression */
#define DEPTH_MAX 32   /* parentheses and negations in each other */

typedef enum { NODE_TEXT, NODE_COMPARE, NODE_CONTAINS, NODE_MATCHES, NODE_PRESENT, NODE_NOT, NODE_AND, NODE_OR } NodeType;
typedef enum { IS_EQUAL, IS_DIFFERENT, IS_AT_MOST, IS_AT_LEAST, IS_LESS, IS_GREATER } Comparison;

struct TspFilter {
	NodeType type;
	Comparison comparison;
	char *key, *value; /* `value` lower case where it is looked for in a text */
	GRegex *regex;
	TspFilter *a, *b;
};

typedef struct {
	const char *p;
	guint depth;
	GError **error;
} Parser;

static TspFilter *parse_or(Parser *p);

void tsp_filter_free(TspFilter *f)
{
	if (!f)
		return;
	tsp_filter_free(f->a);
	tsp_filter_free(f->b);
	if (f->regex)
		g_regex_unref(f->regex);
	g_free(f->key);
	g_free(f->value);
	g_free(f);
}

G_DEFINE_AUTOPTR_CLEANUP_FUNC(TspFilter, tsp_filter_free)

/* ---- Words ------------------------------------------------------------------------------------------------------------------ */

static void skip_blanks(Parser *p)
{
	p->p += strspn(p->p, " \t\r\n");
}

static gboolean take(Parser *p, const char *token)
{
	skip_blanks(p);
	if (!g_str_has_prefix(p->p, token))
		return FALSE;
	p->p += strlen(token);
	return TRUE;
}

static gboolean ends_word(const char *c)
{
	return !*c || strchr(" \t\r\n()\"=<>", *c) || *c == '!' || g_str_has_prefix(c, "&&") || g_str_has_prefix(c, "||");
}

/* A word, or what stands in quotes; NULL: there is none. */
static char *take_word(Parser *p)
{
	skip_blanks(p);
	const char *begin = p->p;
	if (*begin == '"') {
		const char *end = strchr(begin + 1, '"');

		if (!end)
			return NULL;
		p->p = end + 1;
		return g_strndup(begin + 1, (gsize)(end - begin - 1));
	}
	while (!ends_word(p->p))
		p->p++;
	return p->p == begin ? NULL : g_strndup(begin, (gsize)(p->p - begin));
}

static gboolean take_name(Parser *p, const char *name)
{
	skip_blanks(p);
	gsize len = strlen(name);
	if (g_ascii_strncasecmp(p->p, name, len) != 0 || !ends_word(p->p + len))
		return FALSE;
	p->p += len;
	return TRUE;
}

static TspFilter *fail(Parser *p, const char *what)
{
	if (p->error && !*p->error)
		g_set_error(p->error, ST_ERROR, ST_ERROR_USAGE, "the filter is not understood: %s, before \"%s\"", what, p->p);
	return NULL;
}

/* ---- Grammar ------------------------------------------------------------------------------------------------------------------ */

static TspFilter *node_new(NodeType type)
{
	TspFilter *f = g_new0(TspFilter, 1);

	f->type = type;
	return f;
}

#define MATCH_LIMIT "(*LIMIT_MATCH=10000)" /* none may think for long */

/* What is no regular expression is looked for as it stands. */
static void set_pattern(TspFilter *f)
{
	g_autofree char *limited = g_strconcat(MATCH_LIMIT, f->value, NULL);

	f->regex = g_regex_new(limited, G_REGEX_CASELESS | G_REGEX_OPTIMIZE, 0, NULL);
	if (f->regex)
		return;
	char *lower = g_utf8_casefold(f->value, -1);
	g_free(f->value);
	f->value = lower;
}

/* Behind a key. */
static TspFilter *parse_comparison(Parser *p, char *key)
{
	static const char *const signs[] = {[IS_EQUAL] = "==", [IS_DIFFERENT] = "!=", [IS_AT_MOST] = "<=", [IS_AT_LEAST] = ">=", [IS_LESS] = "<", [IS_GREATER] = ">"};
	g_autoptr(TspFilter) f = node_new(NODE_TEXT);

	f->key = key;
	if (take_name(p, "present")) {
		f->type = NODE_PRESENT;
		return g_steal_pointer(&f);
	}
	if (take_name(p, "contains"))
		f->type = NODE_CONTAINS;
	else if (take_name(p, "matches"))
		f->type = NODE_MATCHES;
	for (guint i = 0; i < G_N_ELEMENTS(signs) && f->type == NODE_TEXT; i++)
		if (take(p, signs[i])) {
			f->type = NODE_COMPARE;
			f->comparison = (Comparison)i;
		}
	if (f->type == NODE_TEXT) {
		f->value = g_steal_pointer(&f->key);
		set_pattern(f);
		return g_steal_pointer(&f);
	}
	f->value = take_word(p);
	if (!f->value)
		return fail(p, "a value is missing");
	if (f->type == NODE_MATCHES)
		set_pattern(f);
	if (f->type == NODE_CONTAINS) {
		char *lower = g_utf8_casefold(f->value, -1);

		g_free(f->value);
		f->value = lower;
	}
	return g_steal_pointer(&f);
}

static TspFilter *parse_unary(Parser *p)
{
	if (p->depth == DEPTH_MAX)
		return fail(p, "too many parentheses");
	p->depth++;
	g_autoptr(TspFilter) f = NULL;
	skip_blanks(p);
	if (*p->p == '!' && p->p[1] != '=') {
		p->p++;
		f = node_new(NODE_NOT);
		f->a = parse_unary(p);
		if (!f->a)
			return NULL;
	} else if (take(p, "(")) {
		f = parse_or(p);
		if (f && !take(p, ")"))
			return fail(p, "\")\" is missing");
	} else {
		char *word = take_word(p);
		f = word ? parse_comparison(p, word) : fail(p, "a word is missing");
	}
	p->depth--;
	return g_steal_pointer(&f);
}

static TspFilter *parse_chain(Parser *p, TspFilter *(*next)(Parser *), const char *token, NodeType type)
{
	g_autoptr(TspFilter) f = next(p);

	while (f && take(p, token)) {
		TspFilter *both = node_new(type);

		both->a = g_steal_pointer(&f);
		both->b = next(p);
		f = both;
		if (!both->b)
			return NULL;
	}
	return g_steal_pointer(&f);
}

static TspFilter *parse_and(Parser *p)
{
	return parse_chain(p, parse_unary, "&&", NODE_AND);
}

static TspFilter *parse_or(Parser *p)
{
	return parse_chain(p, parse_and, "||", NODE_OR);
}

TspFilter *tsp_filter_new(const char *text, GError **error)
{
	GError *own = NULL;
	Parser p = {.p = text, .error = &own};

	if (strlen(text) > TEXT_MAX) {
		g_set_error(error, ST_ERROR, ST_ERROR_USAGE, "a filter may have %d bytes", TEXT_MAX);
		return NULL;
	}
	g_autoptr(TspFilter) f = parse_or(&p);
	skip_blanks(&p);
	if (f && *p.p) {
		/* Several words without an operator are one text. */
		g_autoptr(TspFilter) whole = node_new(NODE_TEXT);
		if (!strpbrk(text, "()\"=<>!&|")) {
			whole->value = g_strdup(text);
			g_strstrip(whole->value);
			set_pattern(whole);
			return g_steal_pointer(&whole);
		}
		fail(&p, "an operator is missing");
		tsp_filter_free(g_steal_pointer(&f));
	}
	if (own)
		g_propagate_error(error, own);
	return g_steal_pointer(&f);
}

TspFilter *tsp_filter_pattern(const char *regex, GError **error)
{
	if (strlen(regex) > TEXT_MAX) {
		g_set_error(error, ST_ERROR, ST_ERROR_USAGE, "a filter may have %d bytes", TEXT_MAX);
		return NULL;
	}
	g_autofree char *limited = g_strconcat(MATCH_LIMIT, regex, NULL), *escaped = g_regex_escape_string(regex, -1);
	TspFilter *f = node_new(NODE_TEXT);

	f->regex = g_regex_new(limited, G_REGEX_OPTIMIZE, 0, NULL);
	if (!f->regex)
		f->regex = g_regex_new(escaped, G_REGEX_OPTIMIZE, 0, NULL);
	return f;
}

/* ---- Matching -------------------------------------------------------------------------------------------------------------------- */

static gboolean holds(const char *text, const char *folded)
{
	g_autofree char *lower = g_utf8_casefold(text, -1);

	return strstr(lower, folded) != NULL;
}

static gboolean fits_pattern(const TspFilter *f, const char *text)
{
	return f->regex ? g_regex_match(f->regex, text, 0, NULL) : holds(text, f->value);
}

static gboolean compare(const TspFilter *f, const char *text)
{
	char *end_a, *end_b;
	double a = g_ascii_strtod(text, &end_a), b = g_ascii_strtod(f->value, &end_b);
	gboolean numbers = end_a != text && !*end_a && end_b != f->value && !*end_b;
	int order = numbers ? (a > b) - (a < b) : g_ascii_strcasecmp(text, f->value);

	switch (f->comparison) {
	case IS_EQUAL:
		return order == 0;
	case IS_DIFFERENT:
		return order != 0;
	case IS_AT_MOST:
		return order <= 0;
	case IS_AT_LEAST:
		return order >= 0;
	case IS_LESS:
		return order < 0;
	default:
		return order > 0;
	}
}

static gboolean fits_value(const TspFilter *f, const char *value)
{
	if (f->type == NODE_PRESENT)
		return *value != '\0';
	if (f->type == NODE_CONTAINS)
		return holds(value, f->value);
	return f->type == NODE_COMPARE ? compare(f, value) : fits_pattern(f, value);
}

/* With "!=" a key that isn't there is different too. */
static gboolean match_facts(const TspFilter *f, const TspFact *facts, guint n)
{
	gboolean known = FALSE;

	for (guint i = 0; i < n; i++) {
		if (f->key && g_ascii_strcasecmp(f->key, facts[i].key) != 0)
			continue;
		known = TRUE;
		if (fits_value(f, facts[i].value))
			return TRUE;
	}
	return !known && f->type == NODE_COMPARE && f->comparison == IS_DIFFERENT;
}

gboolean tsp_filter_match(const TspFilter *f, const TspFact *facts, guint n)
{
	switch (f->type) {
	case NODE_NOT:
		return !tsp_filter_match(f->a, facts, n);
	case NODE_AND:
		return tsp_filter_match(f->a, facts, n) && tsp_filter_match(f->b, facts, n);
	case NODE_OR:
		return tsp_filter_match(f->a, facts, n) || tsp_filter_match(f->b, facts, n);
	default:
		return match_facts(f, facts, n);
	}
}
