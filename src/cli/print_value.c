/* SPDX-License-Identifier: MIT */
#include <math.h>

#include "cli/print_plan.h"

/* ---- Strings --------------------------------------------------------------------------------------------------- */

/* How a byte is written inside of double quotes: 0 as it is, 'x' as a number, else behind a backslash as this letter. */
static const char text_escapes[256] = {
        [0x00] = '0', [0x01] = 'x',  [0x02] = 'x', [0x03] = 'x', [0x04] = 'x', [0x05] = 'x', [0x06] = 'x',
        [0x07] = 'a', [0x08] = 'b',  [0x09] = 't', [0x0a] = 'n', [0x0b] = 'v', [0x0c] = 'f', [0x0d] = 'r',
        [0x0e] = 'x', [0x0f] = 'x',  [0x10] = 'x', [0x11] = 'x', [0x12] = 'x', [0x13] = 'x', [0x14] = 'x',
        [0x15] = 'x', [0x16] = 'x',  [0x17] = 'x', [0x18] = 'x', [0x19] = 'x', [0x1a] = 'x', [0x1b] = 'e',
        [0x1c] = 'x', [0x1d] = 'x',  [0x1e] = 'x', [0x1f] = 'x', [0x7f] = 'x', ['"'] = '"',  ['\''] = '\'',
        ['?'] = '?',  ['\\'] = '\\',
};

/* The same for JSON, where bytes of other than ASCII are looked at too. */
static char json_escape(guint8 byte)
{
	switch (byte) {
	case '"':
	case '\\':
		return (char)byte;
	case '\b':
		return 'b';
	case '\t':
		return 't';
	case '\n':
		return 'n';
	case '\f':
		return 'f';
	case '\r':
		return 'r';
	default:
		return byte < 0x20 || byte >= 0x7f ? 'x' : 0;
	}
}

#define ESCAPED_MAX 6 /* bytes that one byte becomes */

static char *put_text_bytes(char *p, const guint8 *s, gsize len)
{
	for (gsize i = 0; i < len; i++) {
		char escape = text_escapes[s[i]];
		if (G_LIKELY(!escape)) {
			*p++ = (char)s[i];
			continue;
		}
		*p++ = '\\';
		*p++ = escape;
		if (escape == 'x') {
			*p++ = "0123456789abcdef"[s[i] >> 4];
			*p++ = "0123456789abcdef"[s[i] & 0xf];
		}
	}
	return p;
}

/* A character of other than ASCII, or a control: as it is, as \u00XX, or U+FFFD if it is not UTF-8. *used: its bytes. */
static char *put_json_char(char *p, const guint8 *s, gsize len, gsize *used)
{
	*used = 1;
	if (*s < 0x20 || *s == 0x7f) {
		memcpy(p, "\\u00", 4);
		memcpy(p + 4, cli_hex_pairs + 2 * (gsize)*s, 2);
		return p + 6;
	}
	gunichar c = g_utf8_get_char_validated((const char *)s, (gssize)len);
	if (c == (gunichar)-1 || c == (gunichar)-2) {
		memcpy(p, "\xef\xbf\xbd", 3);
		return p + 3;
	}
	*used = (gsize)g_unichar_to_utf8(c, p);
	return p + *used;
}

static char *put_json_bytes(char *p, const guint8 *s, gsize len)
{
	for (gsize i = 0, used = 1; i < len; i += used) {
		char escape = json_escape(s[i]);
		used = 1;
		if (!escape) {
			*p++ = (char)s[i];
		} else if (escape == 'x') {
			p = put_json_char(p, s + i, len - i, &used);
		} else {
			*p++ = '\\';
			*p++ = escape;
		}
	}
	return p;
}

void cli_append_quoted(GString *s, const char *text, gboolean json)
{
	gsize len = strlen(text);
	g_autofree char *quoted = g_malloc(ESCAPED_MAX * len + 1);
	char *end = json ? put_json_bytes(quoted, (const guint8 *)text, len)
	                 : put_text_bytes(quoted, (const guint8 *)text, len);
	g_string_append_c(s, '"');
	g_string_append_len(s, quoted, end - quoted);
	g_string_append_c(s, '"');
}

/* ---- Room ------------------------------------------------------------------------------------------------------ */

static inline char *reserve(CliRun *run, char *p, gsize n)
{
	if (G_LIKELY((gsize)(run->out->limit - p) >= n))
		return p;
	run->out->p = p;
	cli_out_flush(run->out);
	return run->out->p;
}

#define PIECE 4096

/* The last character of a piece must not be cut in two. */
static gsize json_piece(const guint8 *s, gsize n)
{
	gsize back = 0;
	while (back < 3 && back < n - 1 && (s[n - back] & 0xc0) == 0x80)
		back++;
	return (s[n - back] & 0xc0) == 0x80 ? n : n - back;
}

/* `units`: decoded already. */
static char *put_string(CliRun *run, char *p, const guint8 *s, gsize len, gsize tail)
{
	p = reserve(run, p, ESCAPED_MAX * MIN(len, PIECE) + 2 + tail);
	*p++ = '"';
	while (len) {
		gsize n = MIN(len, PIECE);
		if (run->json && n < len)
			n = json_piece(s, n);
		p = reserve(run, p, ESCAPED_MAX * n + 1 + tail);
		p = run->json ? put_json_bytes(p, s, n) : put_text_bytes(p, s, n);
		s += n;
		len -= n;
	}
	*p++ = '"';
	return p;
}

/* Text of other encodings than UTF-8 is shown as UTF-8; what can't be converted, as nothing. */
static char *put_converted(CliRun *run, char *p, const CtfFc *fc, const guint8 *s, gsize len, gsize tail)
{
	static const char *const charsets[] = {
	        [CTF_TEXT_UTF8] = "UTF-8",       [CTF_TEXT_UTF16BE] = "UTF-16BE", [CTF_TEXT_UTF16LE] = "UTF-16LE",
	        [CTF_TEXT_UTF32BE] = "UTF-32BE", [CTF_TEXT_UTF32LE] = "UTF-32LE",
	};
	gsize n = 0;
	g_autofree char *utf8 =
	        g_convert((const char *)s, (gssize)len, "UTF-8", charsets[fc->encoding], NULL, &n, NULL);
	return put_string(run, p, (const guint8 *)(utf8 ? utf8 : ""), utf8 ? n : 0, tail);
}

static guint64 stale_key(const CliRun *run, const CliOp *op)
{
	if (G_LIKELY(!op->many && op->leaf < CLI_STALE_PLAIN))
		return op->leaf;
	return ((run->path * 31 + op->leaf) << 8) | CLI_STALE_PLAIN;
}

/* An empty text becomes what its field held before. */
static inline void exchange(CliRun *run, const CliOp *op, const guint8 **s, guint64 *len)
{
	CliStaleText *text = cli_stale_text(run->stale, stale_key(run, op));
	if (*len) {
		text->s = *s;
		text->len = *len;
	} else {
		*s = text->s;
		*len = text->len;
	}
}

static char *put_text(CliRun *run, const CliOp *op, char *p, gsize tail)
{
	guint64 len;
	const guint8 *s = ctf_cursor_bytes(&run->cursor, op->fc, &len);
	if (run->stale)
		exchange(run, op, &s, &len);
	if (G_UNLIKELY(op->fc->encoding != CTF_TEXT_UTF8))
		return put_converted(run, p, op->fc, s, len, tail);
	if (!op->fast)
		return put_string(run, p, s, len, tail);
	*p++ = '"';
	p = run->json ? put_json_bytes(p, s, len) : put_text_bytes(p, s, len);
	*p++ = '"';
	return p;
}

static char *put_blob(CliRun *run, const CliOp *op, char *p, gsize tail)
{
	guint64 len;
	const guint8 *s = ctf_cursor_bytes(&run->cursor, op->fc, &len);
	p = reserve(run, p, 4 + tail);
	*p++ = '"';
	for (guint64 i = 0; i < len; i++) {
		p = reserve(run, p, 3 + tail);
		memcpy(p, cli_hex_pairs + 2 * (gsize)s[i], 2);
		p += 2;
	}
	*p++ = '"';
	return p;
}

/* ---- Numbers --------------------------------------------------------------------------------------------------- */

static char *put_octal(char *p, guint64 v)
{
	guint digits = v ? (66 - (guint)__builtin_clzll(v)) / 3 : 1;
	*p++ = '0';
	for (guint i = digits; i-- > 0; v >>= 3)
		p[i] = (char)('0' + (v & 7));
	return p + digits;
}

static char *put_binary(char *p, guint64 v, guint size)
{
	*p++ = '0';
	*p++ = 'b';
	for (guint i = size; i-- > 0; v >>= 1)
		p[i] = (char)('0' + (v & 1));
	return p + size;
}

static inline char *put_number(char *p, const CliOp *op, CliOpKind kind, guint64 v)
{
	switch (kind) {
	case CLI_OP_SIGNED:
		return cli_put_i64(p, (gint64)v);
	case CLI_OP_HEX:
		*p++ = '0';
		*p++ = 'x';
		return cli_put_hex(p, v & op->mask);
	case CLI_OP_OCT:
		return put_octal(p, v & op->mask);
	case CLI_OP_BIN:
		return put_binary(p, v, op->size);
	case CLI_OP_BOOL:
		return cli_put_literal(p, v ? "true\0          " : "false\0         ", v ? 4 : 5);
	default:
		return cli_put_u64(p, v);
	}
}

static char *put_float(CliRun *run, const CliOp *op, char *p)
{
	char text[G_ASCII_DTOSTR_BUF_SIZE];
	double v = ctf_cursor_float(&run->cursor, op->fc);
	if (run->json && !isfinite(v))
		return cli_put_literal(p, "null\0          ", 4);
	g_ascii_formatd(text, sizeof(text), run->json ? "%.17g" : "%g", v);
	gsize len = strlen(text);
	memcpy(p, text, len);
	return p + len;
}

/* ---- Enumerations ---------------------------------------------------------------------------------------------- */

#define CACHED 64

struct CliEnum {
	const CtfFc *fc;
	CliOp number;
	gboolean json;
	struct {
		char *text; /* NULL: nothing there */
		gsize len;
		guint64 value;
	} cache[CACHED];
};

CliEnum *cli_enum_new(const CliOp *number, gboolean json)
{
	CliEnum *e = g_new0(CliEnum, 1);
	e->fc = number->fc;
	e->number = *number;
	e->json = json;
	return e;
}

void cli_enum_free(gpointer data)
{
	CliEnum *e = data;
	for (guint i = 0; i < CACHED; i++)
		g_free(e->cache[i].text);
	g_free(e);
}

/* TRUE if a mapping before this one has its label: babeltrace2 makes one mapping of them. */
static gboolean is_repeated(const CtfFc *fc, guint i)
{
	for (guint j = 0; j < i; j++)
		if (!strcmp(fc->mappings[j].label, fc->mappings[i].label))
			return TRUE;
	return FALSE;
}

static gboolean label_holds(const CtfFc *fc, guint i, guint64 value)
{
	for (guint j = i; j < fc->n_mappings; j++)
		if ((j == i || !strcmp(fc->mappings[j].label, fc->mappings[i].label)) &&
		    ctf_ranges_hold(fc->mappings[j].ranges, fc->mappings[j].n_ranges, value))
			return TRUE;
	return FALSE;
}

static guint append_labels(const CliEnum *e, GString *s, guint64 value)
{
	guint n = 0;
	for (guint i = 0; i < e->fc->n_mappings; i++) {
		if (!label_holds(e->fc, i, value) || is_repeated(e->fc, i))
			continue;
		g_string_append(s, n++ ? (e->json ? "," : ", ") : "");
		cli_append_quoted(s, e->fc->mappings[i].label, e->json);
	}
	return n;
}

static void append_enum(const CliEnum *e, GString *s, guint64 value)
{
	char number[CLI_NUMBER_MAX + CLI_OUT_SLACK];
	*put_number(number, &e->number, e->number.kind, value) = '\0';
	g_string_append(s, e->json ? "{\"value\":" : "( ");
	if (e->json)
		g_string_append_printf(s, "%s,\"labels\":[", number);
	if (!append_labels(e, s, value) && !e->json)
		g_string_append(s, "<unknown>");
	if (e->json)
		g_string_append(s, "]}");
	else
		g_string_append_printf(s, " : container = %s )", number);
}

static char *put_enum(CliRun *run, CliEnum *e, char *p, guint64 value, gsize tail)
{
	guint slot = (guint)(value ^ (value >> 6)) % CACHED;
	if (G_UNLIKELY(!e->cache[slot].text || e->cache[slot].value != value)) {
		g_autoptr(GString) s = g_string_new(NULL);
		append_enum(e, s, value);
		g_free(e->cache[slot].text);
		e->cache[slot].value = value;
		e->cache[slot].len = s->len;
		e->cache[slot].text = g_malloc0(s->len + CLI_LITERAL_PAD);
		memcpy(e->cache[slot].text, s->str, s->len);
	}
	const char *text = e->cache[slot].text;
	gsize len = e->cache[slot].len;
	if (G_LIKELY(len + tail <= CLI_OUT_SIZE))
		return cli_put_literal(reserve(run, p, len + tail), text, len);
	run->out->p = p;
	cli_out_bytes(run->out, text, len);
	return reserve(run, run->out->p, tail);
}

/* ---- What has other fields in it ------------------------------------------------------------------------------- */

static char *put_array(CliRun *run, const CliOp *op, char *p, gsize tail)
{
	const CliPlan *element = op->subs;
	gsize room = 32 + element->room + tail; /* ", [18446744073709551615] = " */
	guint64 path = run->path, n = ctf_cursor_length(&run->cursor, op->fc);
	for (guint64 i = 0; i < n && !run->cursor.failed; i++) {
		p = reserve(run, p, room);
		if (i)
			*p++ = ',';
		if (!run->json)
			*p++ = ' ';
		if (!run->json && op->names) {
			*p++ = '[';
			p = cli_put_u64(p, i);
			p = cli_put_literal(p, "] = \0          ", 4);
		}
		run->path = path * 1000003 + i + 1;
		p = cli_run_plan(run, element, p, tail);
	}
	run->path = path;
	return reserve(run, p, tail);
}

static char *put_variant(CliRun *run, const CliOp *op, char *p, gsize tail)
{
	const CtfMember *option = ctf_cursor_option(&run->cursor, op->fc);
	if (!option)
		return p;
	const CliPlan *plan = &op->subs[option - op->fc->members];
	return cli_run_plan(run, plan, reserve(run, p, plan->room + tail), tail);
}

static char *put_optional(CliRun *run, const CliOp *op, char *p, gsize tail)
{
	const CliPlan *plan = op->subs;
	p = reserve(run, p, plan->room + 16 + tail);
	if (!ctf_cursor_present(&run->cursor, op->fc))
		return cli_put_literal(p, run->json ? "null\0          " : "<none>\0        ", run->json ? 4 : 6);
	if (run->json)
		return cli_run_plan(run, plan, p, tail);
	*p++ = '{';
	*p++ = ' ';
	p = cli_run_plan(run, plan, p, tail + 2);
	*p++ = ' ';
	*p++ = '}';
	return p;
}

/* ---- The loop -------------------------------------------------------------------------------------------------- */

/* Little-endian integers lie in one load. FALSE: the packet ends before. */
static inline gboolean read_fast(CtfCursor *c, const CliOp *op, guint64 *value_out)
{
	guint64 pos = (c->pos + op->align_mask) & ~(guint64)op->align_mask, v;
	if (G_UNLIKELY(pos + op->size > c->end)) {
		c->failed = TRUE;
		return FALSE;
	}
	memcpy(&v, c->base + (pos >> 3), 8);
	v = (GUINT64_FROM_LE(v) >> (pos & 7)) << op->shift;
	*value_out = op->is_signed ? (guint64)((gint64)v >> op->shift) : v >> op->shift;
	c->pos = pos + op->size;
	if (op->slot >= 0)
		c->slots[op->slot] = *value_out;
	return TRUE;
}

static char *put_other(CliRun *run, const CliOp *op, char *p, gsize tail)
{
	switch ((CliOpKind)op->kind) {
	case CLI_OP_SKIP:
		ctf_cursor_skip(&run->cursor, op->fc);
		return p;
	case CLI_OP_FLOAT:
		return put_float(run, op, p);
	case CLI_OP_TEXT:
		return put_text(run, op, p, tail);
	case CLI_OP_BLOB:
		return put_blob(run, op, p, tail);
	case CLI_OP_ARRAY:
		return put_array(run, op, p, tail);
	case CLI_OP_VARIANT:
		return put_variant(run, op, p, tail);
	case CLI_OP_OPTIONAL:
		return put_optional(run, op, p, tail);
	default:
		return p;
	}
}

char *cli_run_plan(CliRun *run, const CliPlan *plan, char *p, gsize tail)
{
	gsize rest = plan->room + tail;
	for (const CliOp *op = plan->ops;; op++) {
		guint64 v = 0;
		p = cli_put_literal(p, op->literal, op->literal_len);
		if (op->kind == CLI_OP_END)
			return p;
		if (op->size) {
			if (G_LIKELY(op->fast)) {
				if (!read_fast(&run->cursor, op, &v))
					return p;
			} else {
				ctf_cursor_align(&run->cursor, op->align_mask + 1);
				v = ctf_cursor_int(&run->cursor, op->fc);
			}
			if (op->kind == CLI_OP_ENUM)
				p = put_enum(run, op->labels, p, v, rest);
			else
				p = put_number(p, op, op->kind, v);
		} else {
			ctf_cursor_align(&run->cursor, op->align_mask + 1);
			p = put_other(run, op, p, rest);
		}
		if (G_UNLIKELY(run->cursor.failed))
			return p;
	}
}
