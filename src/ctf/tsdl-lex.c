/* SPDX-License-Identifier: MIT */
#include "ctf/tsdl.h"

#include <stdarg.h>
#include <string.h>

/* ---- Errors -------------------------------------------------------------------------------------------------- */

gboolean ctf_tsdl_error(Tsdl *p, const char *at, const char *format, ...)
{
	if (p->error)
		return FALSE;
	va_list args;
	va_start(args, format);
	g_autofree char *what = g_strdup_vprintf(format, args);
	va_end(args);
	return ctf_metadata_error(p->m, at, &p->error, "%s", what);
}

gboolean ctf_tsdl_expected(Tsdl *p, const char *what)
{
	const TsdlToken *t = &p->tok;
	gsize len = MIN((gsize)(t->end - t->at), 40);
	if (t->kind == TSDL_BAD)
		return FALSE;
	if (t->kind == TSDL_END)
		return ctf_tsdl_error(p, t->at, "expected %s, found the end", what);
	g_autofree char *found = g_utf8_make_valid(t->at, (gssize)len);
	return ctf_tsdl_error(p, t->at, "expected %s, found \"%s\"", what, found);
}

/* ---- Names --------------------------------------------------------------------------------------------------- */

#define TEXT(word, text) text,
static const char *const words[TSDL_W_COUNT] = {NULL, TSDL_WORDS(TEXT)};
#undef TEXT

/* Keyed by a seed of this run, so that no text can be made that has all its names collide. */
static guint64 hash_text(guint64 seed, const char *s, gsize len)
{
	guint64 h = seed ^ len;
	while (len >= 8) {
		guint64 v;
		memcpy(&v, s, 8);
		h = (h ^ v) * G_GUINT64_CONSTANT(0x9E3779B97F4A7C15);
		h ^= h >> 29;
		s += 8;
		len -= 8;
	}
	guint64 v = 0;
	memcpy(&v, s, len);
	h = ((h ^ v) + seed) * G_GUINT64_CONSTANT(0xBF58476D1CE4E5B9);
	return h ^ h >> 32;
}

static TsdlName **find_slot(Tsdl *p, guint64 hash, const char *s, gsize len)
{
	for (guint i = (guint)hash & p->names_mask;; i = (i + 1) & p->names_mask) {
		TsdlName *n = p->names[i];
		if (!n || (n->hash == hash && n->len == len && memcmp(n->text, s, len) == 0))
			return &p->names[i];
	}
}

static void grow_names(Tsdl *p)
{
	TsdlName **old = p->names;
	guint n_old = old ? p->names_mask + 1 : 0;
	p->names_mask = old ? 2 * n_old - 1 : 2047;
	p->names = g_new0(TsdlName *, p->names_mask + 1);
	for (guint i = 0; i < n_old; i++) {
		if (old[i])
			*find_slot(p, old[i]->hash, old[i]->text, old[i]->len) = old[i];
	}
	g_free(old);
}

gboolean ctf_tsdl_count(Tsdl *p, const char *at, guint n)
{
	if (n > TSDL_OBJECTS_MAX - p->objects)
		return ctf_tsdl_error(p, at, "more than %u names, types and fields", TSDL_OBJECTS_MAX);
	p->objects += n;
	return TRUE;
}

TsdlName *ctf_tsdl_intern(Tsdl *p, const char *s, gsize len)
{
	guint64 hash = hash_text(p->seed, s, len);
	TsdlName **slot = find_slot(p, hash, s, len);
	if (*slot)
		return *slot;
	if (!ctf_tsdl_count(p, p->tok.at, 1))
		return NULL;
	if (p->n_names >= p->names_mask / 2) {
		grow_names(p);
		slot = find_slot(p, hash, s, len);
	}
	TsdlName *name = ctf_arena_alloc(p->m->arena, sizeof(TsdlName) + len + 1);
	name->hash = hash;
	name->len = (guint32)len;
	memcpy(name->text, s, len);
	*slot = name;
	p->n_names++;
	return name;
}

void ctf_tsdl_names_init(Tsdl *p)
{
	p->seed = (guint64)g_random_int() << 32 | g_random_int();
	grow_names(p);
	for (guint w = TSDL_W_NONE + 1; w < TSDL_W_COUNT; w++)
		ctf_tsdl_intern(p, words[w], strlen(words[w]))->word = w;
}

/* ---- Characters ---------------------------------------------------------------------------------------------- */

enum { IS_SPACE = 1, IS_LETTER = 2, IS_DIGIT = 4, IS_SKIM_STOP = 8 };

#define LETTER(c) [c] = IS_LETTER, [(c) - 'a' + 'A'] = IS_LETTER

static const guint8 kinds[256] = {
        [' '] = IS_SPACE,      ['\t'] = IS_SPACE,    ['\n'] = IS_SPACE,    ['\r'] = IS_SPACE,     ['\v'] = IS_SPACE,
        ['\f'] = IS_SPACE,     ['_'] = IS_LETTER,    LETTER('a'),          LETTER('b'),           LETTER('c'),
        LETTER('d'),           LETTER('e'),          LETTER('f'),          LETTER('g'),           LETTER('h'),
        LETTER('i'),           LETTER('j'),          LETTER('k'),          LETTER('l'),           LETTER('m'),
        LETTER('n'),           LETTER('o'),          LETTER('p'),          LETTER('q'),           LETTER('r'),
        LETTER('s'),           LETTER('t'),          LETTER('u'),          LETTER('v'),           LETTER('w'),
        LETTER('x'),           LETTER('y'),          LETTER('z'),          ['0'] = IS_DIGIT,      ['1'] = IS_DIGIT,
        ['2'] = IS_DIGIT,      ['3'] = IS_DIGIT,     ['4'] = IS_DIGIT,     ['5'] = IS_DIGIT,      ['6'] = IS_DIGIT,
        ['7'] = IS_DIGIT,      ['8'] = IS_DIGIT,     ['9'] = IS_DIGIT,     ['\0'] = IS_SKIM_STOP, ['"'] = IS_SKIM_STOP,
        ['\''] = IS_SKIM_STOP, ['/'] = IS_SKIM_STOP, ['.'] = IS_SKIM_STOP, ['-'] = IS_SKIM_STOP,  ['{'] = IS_SKIM_STOP,
        ['}'] = IS_SKIM_STOP,  [';'] = IS_SKIM_STOP,
};

static guint8 kind_of(char c)
{
	return kinds[(guchar)c];
}

/* After the comment that begins at `s`; NULL with an error if it has no end. */
static const char *skip_comment(Tsdl *p, const char *s)
{
	gboolean line = s[1] == '/';
	const char *end = line ? memchr(s, '\n', (gsize)(p->end - s)) : memmem(s + 2, (gsize)(p->end - s) - 2, "*/", 2);
	if (end)
		return end + (line ? 1 : 2);
	if (line)
		return p->end;
	ctf_tsdl_error(p, s, "this comment has no end");
	return NULL;
}

static gboolean at_comment(const Tsdl *p, const char *s)
{
	return p->end - s >= 2 && s[0] == '/' && (s[1] == '/' || s[1] == '*');
}

/* To the next token's first character. FALSE: a comment without end. */
static gboolean skip_space(Tsdl *p)
{
	for (;;) {
		while (p->pos < p->end && kind_of(*p->pos) & IS_SPACE)
			p->pos++;
		if (!at_comment(p, p->pos))
			return TRUE;
		const char *after = skip_comment(p, p->pos);
		if (!after)
			return FALSE;
		p->pos = after;
	}
}

/* The closing quote of the string or character that opens at `s`; NULL with an error if there is none. */
static const char *find_quote(Tsdl *p, const char *s)
{
	for (const char *q = s + 1; q < p->end; q++) {
		if (*q == *s)
			return q;
		if (*q == '\\')
			q++;
	}
	ctf_tsdl_error(p, s, "this %c has no closing one", *s);
	return NULL;
}

/* ---- Literals ------------------------------------------------------------------------------------------------ */

static guint read_radix(const char **s, const char *end, guint radix, guint max_digits)
{
	guint v = 0;
	for (guint i = 0; i < max_digits && *s < end; i++, (*s)++) {
		int digit = g_ascii_xdigit_value(**s);
		if (digit < 0 || digit >= (int)radix)
			break;
		v = v * radix + (guint)digit;
	}
	return v;
}

/* What follows a backslash, as in C. *s is moved on behind it. */
static char read_escape(const char **s, const char *end)
{
	static const char codes[] = "abefnrtv", values[] = "\a\b\033\f\n\r\t\v";
	char c = **s;
	if (c >= '0' && c <= '7')
		return (char)read_radix(s, end, 8, 3);
	(*s)++;
	if (c == 'x')
		return (char)read_radix(s, end, 16, 2);
	const char *code = c ? strchr(codes, c) : NULL;
	return code ? values[code - codes] : c;
}

/* The text between two quotes, in a new buffer. */
static char *unescape(const char *s, const char *end, gsize *len_out)
{
	char *out = g_malloc((gsize)(end - s) + 1);
	gsize n = 0;
	while (s < end) {
		char c = *s++;
		if (c == '\\' && s < end)
			c = read_escape(&s, end);
		out[n++] = c;
	}
	out[n] = '\0';
	*len_out = n;
	return out;
}

static gboolean lex_text(Tsdl *p)
{
	TsdlToken *t = &p->tok;
	const char *open = p->pos, *close = find_quote(p, open);
	if (!close)
		return FALSE;
	gsize len = (gsize)(close - open) - 1;
	if (memchr(open, '\\', len + 1)) {
		g_autofree char *text = unescape(open + 1, close, &len);
		if (memchr(text, '\0', len))
			return ctf_tsdl_error(p, open, "a null character in a string");
		t->name = ctf_tsdl_intern(p, text, len);
	} else {
		if (memchr(open, '\0', len + 1))
			return ctf_tsdl_error(p, open, "a null character in a string");
		t->name = ctf_tsdl_intern(p, open + 1, len);
	}
	t->kind = TSDL_TEXT;
	p->pos = close + 1;
	return t->name != NULL;
}

static gboolean lex_character(Tsdl *p)
{
	const char *open = p->pos, *close = find_quote(p, open);
	if (!close)
		return FALSE;
	gsize len;
	g_autofree char *text = unescape(open + 1, close, &len);
	if (len != 1)
		return ctf_tsdl_error(p, open, "a character constant must have one character");
	p->tok.kind = TSDL_NUMBER;
	p->tok.value = (guint64)(gint64)(gint8)text[0];
	p->pos = close + 1;
	return TRUE;
}

static guint number_base(const char **s)
{
	if ((*s)[0] != '0')
		return 10;
	char c = g_ascii_tolower((*s)[1]);
	if (c != 'x' && c != 'b')
		return 8;
	*s += 2;
	return c == 'x' ? 16 : 2;
}

static gboolean lex_number(Tsdl *p)
{
	const char *start = p->pos, *s = start;
	guint64 v = 0;
	guint base = number_base(&s);
	const char *digits = s;
	for (int digit; (digit = g_ascii_xdigit_value(*s)) >= 0 && digit < (int)base; s++) {
		if (__builtin_mul_overflow(v, base, &v) || __builtin_add_overflow(v, (guint64)digit, &v))
			return ctf_tsdl_error(p, start, "a number of more than 64 bits");
	}
	gboolean has_digits = s > digits;
	while (g_ascii_tolower(*s) == 'u' || g_ascii_tolower(*s) == 'l')
		s++;
	if (!has_digits || kind_of(*s) & (IS_LETTER | IS_DIGIT))
		return ctf_tsdl_error(p, start, "not a number");
	p->tok.kind = TSDL_NUMBER;
	p->tok.value = v;
	p->pos = s;
	return TRUE;
}

static gboolean lex_name(Tsdl *p)
{
	const char *s = p->pos + 1;
	while (kind_of(*s) & (IS_LETTER | IS_DIGIT))
		s++;
	TsdlName *name = ctf_tsdl_intern(p, p->pos, (gsize)(s - p->pos));
	if (!name)
		return FALSE;
	p->tok.kind = TSDL_NAME;
	p->tok.name = name;
	p->tok.word = name->word;
	p->pos = s;
	return TRUE;
}

static gboolean lex_punctuation(Tsdl *p)
{
	const char *s = p->pos;
	gsize left = (gsize)(p->end - s);
	TsdlToken *t = &p->tok;
	if (left >= 3 && memcmp(s, "...", 3) == 0) {
		t->kind = TSDL_ELLIPSIS;
		p->pos += 3;
	} else if (left >= 2 && memcmp(s, ":=", 2) == 0) {
		t->kind = TSDL_TYPE_ASSIGN;
		p->pos += 2;
	} else if (left >= 2 && memcmp(s, "->", 2) == 0) {
		t->kind = TSDL_ARROW;
		p->pos += 2;
	} else if (*s && strchr("[](){}<>*+-:;.=,", *s)) {
		t->kind = *s;
		p->pos++;
	} else {
		return ctf_tsdl_error(p, s, "a character (0x%02x) that has no place here", (guchar)*s);
	}
	return TRUE;
}

static gboolean lex(Tsdl *p)
{
	if (!skip_space(p))
		return FALSE;
	const char *s = p->pos;
	p->tok = (TsdlToken){.kind = TSDL_END, .at = s, .end = s};
	if (s >= p->end)
		return TRUE;
	if (*s == '"' || (*s == 'L' && s[1] == '"')) {
		p->pos += *s == 'L';
		return lex_text(p);
	}
	if (*s == '\'' || (*s == 'L' && s[1] == '\'')) {
		p->pos += *s == 'L';
		return lex_character(p);
	}
	if (kind_of(*s) & IS_LETTER)
		return lex_name(p);
	return kind_of(*s) & IS_DIGIT ? lex_number(p) : lex_punctuation(p);
}

/* ---- The current token --------------------------------------------------------------------------------------- */

void ctf_tsdl_next(Tsdl *p)
{
	if (p->tok.kind == TSDL_BAD)
		return;
	if (!lex(p))
		p->tok.kind = TSDL_BAD;
	p->tok.end = p->pos;
}

void ctf_tsdl_seek(Tsdl *p, const char *at, const char *end)
{
	p->pos = at;
	p->end = end;
	p->tok = (TsdlToken){.kind = TSDL_END, .at = at, .end = at};
	ctf_tsdl_next(p);
}

gboolean ctf_tsdl_accept(Tsdl *p, int kind)
{
	if (p->tok.kind != kind)
		return FALSE;
	ctf_tsdl_next(p);
	return TRUE;
}

gboolean ctf_tsdl_accept_word(Tsdl *p, TsdlWord word)
{
	return p->tok.word == word && ctf_tsdl_accept(p, TSDL_NAME);
}

gboolean ctf_tsdl_expect(Tsdl *p, int kind, const char *what)
{
	return ctf_tsdl_accept(p, kind) || ctf_tsdl_expected(p, what);
}

/* ---- Skimming ------------------------------------------------------------------------------------------------ */

/* TRUE if the path that goes on at `dot` may begin with trace or stream. A comment before the dot could hide that. */
static gboolean dot_is_shared(const char *begin, const char *dot)
{
	while (dot > begin && kind_of(dot[-1]) & IS_SPACE)
		dot--;
	const char *start = dot;
	while (start > begin && kind_of(start[-1]) & (IS_LETTER | IS_DIGIT))
		start--;
	gsize len = (gsize)(dot - start);
	if (len == 0)
		return dot > begin && dot[-1] == '/';
	return (len == 5 && memcmp(start, "trace", 5) == 0) || (len == 6 && memcmp(start, "stream", 6) == 0);
}

gboolean ctf_tsdl_skim(Tsdl *p, gboolean *shared_out)
{
	const char *begin = p->tok.at, *s = begin;
	if (p->tok.kind == TSDL_BAD)
		return FALSE;
	for (gsize depth = 0;; s++) {
		while (s < p->end && !(kind_of(*s) & IS_SKIM_STOP))
			s++;
		if (s >= p->end || (*s == '}' && depth == 0))
			return ctf_tsdl_error(p, begin, "this declaration has no end: expected a ;");
		if (*s == ';' && depth == 0)
			break;
		depth += (*s == '{') - (*s == '}');
		if ((*s == '.' || (*s == '-' && s[1] == '>')) && dot_is_shared(begin, s))
			*shared_out = TRUE;
		if (*s == '"' || *s == '\'') {
			if (!(s = find_quote(p, s)))
				return FALSE;
		} else if (at_comment(p, s)) {
			if (!(s = skip_comment(p, s)))
				return FALSE;
			s--;
		}
	}
	ctf_tsdl_seek(p, s + 1, p->end);
	return TRUE;
}
