/* SPDX-License-Identifier: MIT */
/*
 * CTF 2 traces, written bit by bit as the specification says, and what is read from them. Metadata is written as ctf2_json.h says.
 */
#include <math.h>
#include <string.h>

#include <glib/gstdio.h>

#include "ctf/ctf.h"
#include "ctf2_json.h"
#include "ctfwriter.h"

/* clang-format off */

/* A usual stream class: sizes and begin in packet contexts; an id of 8 bits and a time of 16 in event headers. */
#define CONTEXT_MEMBERS \
	MEMBER("content", UINT(32, "little", ",'roles':['packet-content-length']")) "," \
	MEMBER("total", UINT(32, "little", ",'roles':['packet-total-length']")) "," \
	MEMBER("begin", UINT(64, "little", ",'roles':['default-clock-timestamp']"))
#define HEADER_MEMBERS \
	MEMBER("id", U8_ROLE("event-record-class-id")) "," \
	MEMBER("time", UINT(16, "little", ",'roles':['default-clock-timestamp']"))
#define USUAL_STREAM \
	"~{'type':'data-stream-class','default-clock-class-id':'c','packet-context-field-class':" STRUCT(CONTEXT_MEMBERS) \
	",'event-record-header-field-class':{'type':'structure','minimum-alignment':8,'member-classes':[" HEADER_MEMBERS "]}}\n"
#define USUAL(members) PREAMBLE CLOCK USUAL_STREAM EVENT(members)

/* clang-format on */

typedef struct {
	char *dir;
	CtfWriter *w;
} Trace;

static Trace *trace_new(const char *metadata)
{
	Trace *t = g_new0(Trace, 1);
	g_autofree char *text = ctf2_text(metadata, strlen(metadata) + 1);
	t->dir = g_dir_make_tmp("strata-ctf2-XXXXXX", NULL);
	g_assert_nonnull(t->dir);
	t->w = ctfw_new(G_LITTLE_ENDIAN);
	ctfw_save_metadata(t->dir, text);
	return t;
}

static void trace_free(Trace *t)
{
	g_autoptr(GDir) dir = g_dir_open(t->dir, 0, NULL);
	for (const char *name; (name = g_dir_read_name(dir));) {
		g_autofree char *path = g_build_filename(t->dir, name, NULL);
		g_unlink(path);
	}
	g_rmdir(t->dir);
	ctfw_free(t->w);
	g_free(t->dir);
	g_free(t);
}
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Trace, trace_free)

static void packet_begin(CtfWriter *w, guint64 begin)
{
	ctfw_packet_begin(w);
	ctfw_content_size(w, 32);
	ctfw_packet_size(w, 32);
	ctfw_uint(w, begin, 64);
}

static void event_begin(CtfWriter *w, guint8 id, guint16 time)
{
	ctfw_align(w, 8);
	ctfw_uint(w, id, 8);
	ctfw_uint(w, time, 16);
}

/* ---- What is read, as text ------------------------------------------------------------------------------------ */

static void put_field(GString *s, CtfCursor *c, const CtfFc *fc);

static void put_bytes(GString *s, CtfCursor *c, const CtfFc *fc)
{
	guint64 len;
	const guint8 *p = ctf_cursor_bytes(c, fc, &len);
	for (guint64 i = 0; i < len; i++)
		g_string_append_printf(s, "%02x", p[i]);
}

static void put_text(GString *s, CtfCursor *c, const CtfFc *fc)
{
	static const char *const codes[] = {"UTF-8", "UTF-16BE", "UTF-16LE", "UTF-32BE", "UTF-32LE"};
	guint64 len;
	const guint8 *p = ctf_cursor_bytes(c, fc, &len);
	g_autofree char *text = g_convert((const char *)p, (gssize)len, "UTF-8", codes[fc->encoding], NULL, NULL, NULL);
	g_string_append_printf(s, "\"%s\"", text ? text : "?");
}

static void put_int(GString *s, CtfCursor *c, const CtfFc *fc)
{
	guint64 value = ctf_cursor_int(c, fc);
	if (fc->is_boolean)
		g_string_append(s, value ? "true" : "false");
	else if (fc->is_bit_array)
		g_string_append_printf(s, "0x%" G_GINT64_MODIFIER "x", value);
	else if (fc->is_signed)
		g_string_append_printf(s, "%" G_GINT64_FORMAT, (gint64)value);
	else
		g_string_append_printf(s, "%" G_GUINT64_FORMAT, value);
}

static void put_elements(GString *s, CtfCursor *c, const CtfFc *fc)
{
	guint64 n = ctf_cursor_length(c, fc);
	g_string_append_c(s, '[');
	for (guint64 i = 0; i < n && !c->failed; i++) {
		g_string_append(s, i ? " " : "");
		put_field(s, c, fc->element);
	}
	g_string_append_c(s, ']');
}

static void put_members(GString *s, CtfCursor *c, const CtfFc *fc)
{
	ctf_cursor_align(c, fc->align);
	for (guint i = 0; i < fc->n_members && !c->failed; i++) {
		g_string_append_printf(s, "%s%s=", i ? " " : "", fc->members[i].name);
		put_field(s, c, fc->members[i].fc);
	}
}

static void put_field(GString *s, CtfCursor *c, const CtfFc *fc)
{
	const CtfMember *option;

	switch (fc->type) {
	case CTF_FC_INT:
	case CTF_FC_VARINT:
		put_int(s, c, fc);
		break;
	case CTF_FC_FLOAT:
		g_string_append_printf(s, "%.9g", ctf_cursor_float(c, fc));
		break;
	case CTF_FC_STRING:
	case CTF_FC_STATIC_TEXT:
	case CTF_FC_DYNAMIC_TEXT:
		put_text(s, c, fc);
		break;
	case CTF_FC_STATIC_BLOB:
	case CTF_FC_DYNAMIC_BLOB:
		put_bytes(s, c, fc);
		break;
	case CTF_FC_ARRAY:
	case CTF_FC_SEQUENCE:
		put_elements(s, c, fc);
		break;
	case CTF_FC_STRUCT:
		g_string_append_c(s, '{');
		put_members(s, c, fc);
		g_string_append_c(s, '}');
		break;
	case CTF_FC_VARIANT:
		option = ctf_cursor_option(c, fc);
		if (option)
			put_field(s, c, option->fc);
		break;
	case CTF_FC_OPTIONAL:
		if (ctf_cursor_present(c, fc))
			put_field(s, c, fc->element);
		else
			g_string_append_c(s, '-');
		break;
	}
}

/* Every member of the payload is wanted too, so that programs read what the cursor reads. */
static void subscribe(const CtfEventClass *ec, CtfSubscription *sub, gpointer user)
{
	for (guint i = 0; ec->payload && i < ec->payload->n_members && sub->n_wants < CTF_WANTS_MAX; i++)
		sub->wants[sub->n_wants++] = (CtfWant){CTF_SCOPE_PAYLOAD, ec->payload->members[i].name};
}

static void check_wanted(const CtfRecord *record, guint i, CtfCursor c, const CtfFc *fc)
{
	guint64 len, value;
	double d;

	if (i >= record->n || fc->type > CTF_FC_DYNAMIC_BLOB)
		return;
	g_assert_true(record->present & 1u << i);
	if (fc->type <= CTF_FC_VARINT) {
		g_assert_cmphex(record->v[i], ==, ctf_cursor_int(&c, fc));
	} else if (fc->type == CTF_FC_FLOAT) {
		d = ctf_cursor_float(&c, fc);
		memcpy(&value, &d, 8);
		g_assert_cmphex(record->v[i], ==, value);
	} else {
		const guint8 *p = ctf_cursor_bytes(&c, fc, &len);
		g_assert_cmpuint(CTF_TEXT_POS(record->v[i]), ==, p - c.base);
		g_assert_cmpuint(CTF_TEXT_LEN(record->v[i]), ==, len);
	}
}

static void put_payload(GString *s, CtfCursor *c, const CtfFc *payload, const CtfRecord *record)
{
	ctf_cursor_align(c, payload->align);
	for (guint i = 0; i < payload->n_members && !c->failed; i++) {
		check_wanted(record, i, *c, payload->members[i].fc);
		g_string_append_printf(s, " %s=", payload->members[i].name);
		put_field(s, c, payload->members[i].fc);
	}
}

static gboolean put_event(const CtfStream *stream, const guint8 *base, const CtfRecord *record, gpointer user)
{
	GString *s = user;
	const CtfEventClass *ec = g_ptr_array_index(stream->trace->metadata->events, record->event);
	const CtfFc *contexts[] = {stream->stream_class->common_context, ec->spec_context};
	g_autofree guint64 *slots = g_new0(guint64, CTF_SLOTS_MAX);
	CtfCursor c;

	ctf_cursor_event(&c, stream, base, record, slots);
	g_string_append_printf(s, "%" G_GINT64_FORMAT " %s", record->time, ec->name);
	for (guint i = 0; i < G_N_ELEMENTS(contexts); i++)
		if (contexts[i]) {
			g_string_append(s, " (");
			put_members(s, &c, contexts[i]);
			g_string_append_c(s, ')');
		}
	if (ec->payload)
		put_payload(s, &c, ec->payload, record);
	g_string_append_c(s, '\n');
	g_assert_false(c.failed);
	return TRUE;
}

static void put_losses(GString *s, const CtfTrace *trace)
{
	for (guint i = 0; i < trace->streams->len; i++) {
		const CtfStream *stream = g_ptr_array_index(trace->streams, i);
		for (guint j = 0; j < stream->losses->len; j++) {
			const CtfLoss *loss = &g_array_index(stream->losses, CtfLoss, j);
			g_string_append_printf(s, "lost %" G_GUINT64_FORMAT " events, %" G_GUINT64_FORMAT " packets\n", loss->events,
			                       loss->packets);
		}
	}
}

/* Events, losses, warnings (without what precedes their last colon, which is the file's name). */
static char *read_text(const char *dir)
{
	g_autoptr(StWarnings) warnings = st_warnings_new();
	g_autoptr(GError) error = NULL;
	g_autoptr(CtfTrace) trace = ctf_trace_open(dir, warnings, &error);
	g_autoptr(GString) s = g_string_new(NULL);
	CtfStats stats = {0};
	CtfReader reader = {.subscribe = subscribe, .event = put_event, .user = s, .begin_ns = G_MININT64,
	                    .end_ns = G_MAXINT64, .threads = 1, .warnings = warnings};
	g_assert_no_error(error);
	g_assert_true(ctf_read(&trace, 1, &reader, &stats, &error));
	ctf_stats_clear(&stats);
	put_losses(s, trace);
	for (guint i = 0; i < st_warnings_count(warnings); i++)
		g_string_append_printf(s, "warning%s\n", strrchr(st_warnings_get(warnings, i), ':'));
	return g_string_free(g_steal_pointer(&s), FALSE);
}

static void check(Trace *t, const char *expected)
{
	ctfw_save(t->w, t->dir, "stream");
	g_autofree char *text = read_text(t->dir);
	g_assert_cmpstr(text, ==, expected);
}

/* clang-format off */

/* ---- Scalars -------------------------------------------------------------------------------------------------- */

static void test_fixed_integers(void)
{
	g_autoptr(Trace) t = trace_new(USUAL(
		MEMBER("a", UINT(3, "little", "")) "," MEMBER("b", BITS("signed-integer", 9, "little")) ","
		MEMBER("c", BITS("signed-integer", 64, "little")) "," MEMBER("d", UINT(4, "big", ",'alignment':8")) ","
		MEMBER("e", UINT(64, "big", "")) "," MEMBER("f", BITS("signed-integer", 37, "big")) ","
		MEMBER("g", UINT(64, "big", ",'alignment':64")) "," MEMBER("h", UINT(1, "little", ""))));
	packet_begin(t->w, 1000);
	for (guint i = 0; i < 2; i++) {
		event_begin(t->w, 0, (guint16)(1001 + i));
		ctfw_align(t->w, 64); /* the payload is aligned as the most aligned of its members */
		ctfw_uint(t->w, 5 + i, 3);
		ctfw_sint(t->w, -256 + (gint)i, 9);
		ctfw_sint(t->w, i ? G_MAXINT64 : G_MININT64, 64);
		ctfw_align(t->w, 8);
		ctfw_uint_as(t->w, 9 + i, 4, G_BIG_ENDIAN);
		ctfw_uint_as(t->w, G_MAXUINT64 - i, 64, G_BIG_ENDIAN);
		ctfw_uint_as(t->w, (guint64)-1 - i, 37, G_BIG_ENDIAN);
		ctfw_align(t->w, 64);
		ctfw_uint_as(t->w, 0x0102030405060708 + i, 64, G_BIG_ENDIAN);
		ctfw_uint(t->w, i, 1);
	}
	ctfw_packet_end(t->w, 0);
	check(t,
	      "1001 e a=5 b=-256 c=-9223372036854775808 d=9 e=18446744073709551615 f=-1 g=72623859790382856 h=0\n"
	      "1002 e a=6 b=-255 c=9223372036854775807 d=10 e=18446744073709551614 f=-2 g=72623859790382857 h=1\n");
}

/* The bytes of examples 93 and 94 of the specification, each field by each of its four orders. */
static void test_bit_orders(void)
{
	g_autoptr(Trace) t = trace_new(USUAL(
		MEMBER("a", UINT(3, "big", ",'bit-order':'first-to-last'")) "," MEMBER("b", UINT(9, "big", "")) ","
		MEMBER("c", UINT(14, "big", ",'bit-order':'first-to-last'")) "," MEMBER("d", UINT(6, "big", ",'bit-order':'last-to-first'")) ","
		MEMBER("e", UINT(5, "little", ",'bit-order':'last-to-first'")) "," MEMBER("f", UINT(8, "little", "")) ","
		MEMBER("g", "{'type':'fixed-length-signed-integer','length':19,'byte-order':'little-endian','bit-order':'last-to-first'}") ","
		MEMBER("h", "{'type':'fixed-length-floating-point-number','length':32,'byte-order':'little-endian','bit-order':'last-to-first'}")));
	packet_begin(t->w, 0);
	event_begin(t->w, 0, 0);
	ctfw_uint_reversed(t->w, 6, 3, G_BIG_ENDIAN);
	ctfw_uint_as(t->w, 300, 9, G_BIG_ENDIAN);
	ctfw_uint_reversed(t->w, 0x1234, 14, G_BIG_ENDIAN);
	ctfw_uint_as(t->w, 33, 6, G_BIG_ENDIAN);
	ctfw_uint_reversed(t->w, 19, 5, G_LITTLE_ENDIAN);
	ctfw_uint(t->w, 0xa5, 8);
	ctfw_uint_reversed(t->w, (guint64)-70000, 19, G_LITTLE_ENDIAN);
	ctfw_uint_reversed(t->w, 0x40490fdb, 32, G_LITTLE_ENDIAN);
	/* By hand: 6 from its lowest bit on is 011, then 300 from its highest, 100101100. */
	g_assert_cmphex(ctfw_data(t->w)->data[19], ==, 0x72);
	g_assert_cmphex(ctfw_data(t->w)->data[20] >> 4, ==, 0xc);
	ctfw_packet_end(t->w, 0);
	check(t, "0 e a=6 b=300 c=4660 d=33 e=19 f=165 g=-70000 h=3.14159274\n");
}

static void test_booleans_and_bits(void)
{
	g_autoptr(Trace) t = trace_new(USUAL(
		MEMBER("a", BOOL) "," MEMBER("b", BITS("boolean", 1, "little")) "," MEMBER("c", BITS("boolean", 16, "little")) ","
		MEMBER("d", BITS("bit-array", 12, "little")) ","
		MEMBER("e", "{'type':'fixed-length-bit-map','length':16,'byte-order':'big-endian','alignment':8,'flags':{'x':[[3,3]]}}") ","
		/* Example 57: an integer as its single bits. */
		MEMBER("f", "{'type':'static-length-array','length':8,'minimum-alignment':32,'element-field-class':"
		            BITS("boolean", 1, "little") "}")));
	packet_begin(t->w, 0);
	event_begin(t->w, 0, 1);
	ctfw_align(t->w, 32);
	ctfw_uint(t->w, 0x10, 8);
	ctfw_uint(t->w, 0, 1);
	ctfw_uint(t->w, 0x8000, 16);
	ctfw_uint(t->w, 0xabc, 12);
	ctfw_align(t->w, 8);
	ctfw_uint_as(t->w, 0x1ff0, 16, G_BIG_ENDIAN);
	ctfw_align(t->w, 32);
	ctfw_uint(t->w, 0x96, 8);
	ctfw_packet_end(t->w, 0);
	check(t, "1 e a=true b=false c=true d=0xabc e=0x1ff0 f=[false true true false true false false true]\n");
}

static void test_floats(void)
{
	g_autoptr(Trace) t = trace_new(USUAL(
		MEMBER("a", BITS("floating-point-number", 32, "little")) "," MEMBER("b", BITS("floating-point-number", 64, "little")) ","
		MEMBER("c", BITS("floating-point-number", 32, "big")) "," MEMBER("d", UINT(3, "big", "")) ","
		MEMBER("e", BITS("floating-point-number", 64, "big"))));
	double d = -1e300;
	float f = 0.1f;
	guint64 d_bits;
	guint32 f_bits;
	memcpy(&d_bits, &d, 8);
	memcpy(&f_bits, &f, 4);
	packet_begin(t->w, 0);
	event_begin(t->w, 0, 1);
	ctfw_float(t->w, -1.5f);
	ctfw_double(t->w, G_PI);
	ctfw_uint_as(t->w, f_bits, 32, G_BIG_ENDIAN);
	ctfw_uint_as(t->w, 7, 3, G_BIG_ENDIAN);
	ctfw_uint_as(t->w, d_bits, 64, G_BIG_ENDIAN);
	ctfw_packet_end(t->w, 0);
	check(t, "1 e a=-1.5 b=3.14159265 c=0.100000001 d=7 e=-1e+300\n");
}

static void test_variable_length_integers(void)
{
	static const guint64 unsigned_values[] = {0, 127, 128, 1876916, G_MAXINT64, G_MAXUINT64};
	static const gint64 signed_values[] = {0, 63, -64, -220236, G_MAXINT64, G_MININT64};
	static const guint8 example_98[] = {0xb4, 0xc7, 0x72}, example_99[] = {0xb4, 0xc7, 0x72};
	g_autoptr(Trace) t = trace_new(USUAL(MEMBER("bit", UINT(1, "little", "")) "," MEMBER("u", UVAR) "," MEMBER("s", SVAR)));
	g_autoptr(GString) expected = g_string_new(NULL);
	packet_begin(t->w, 0);
	for (guint i = 0; i < G_N_ELEMENTS(unsigned_values); i++) {
		event_begin(t->w, 0, (guint16)i);
		ctfw_uint(t->w, 1, 1);
		ctfw_align(t->w, 8);
		ctfw_uleb128(t->w, unsigned_values[i]);
		ctfw_sleb128(t->w, signed_values[i]);
		g_string_append_printf(expected, "%u e bit=1 u=%" G_GUINT64_FORMAT " s=%" G_GINT64_FORMAT "\n", i, unsigned_values[i],
		                       signed_values[i]);
	}
	event_begin(t->w, 0, 9);
	ctfw_uint(t->w, 1, 1);
	ctfw_bytes(t->w, example_98, 3);
	ctfw_bytes(t->w, example_99, 3);
	g_string_append(expected, "9 e bit=1 u=1876916 s=-220236\n");
	ctfw_packet_end(t->w, 0);
	check(t, expected->str);
}

/* ---- Texts, BLOBs --------------------------------------------------------------------------------------------- */

static void put_code_units(CtfWriter *w, const char *text, const char *code, gboolean with_null)
{
	gsize len;
	g_autofree char *units = g_convert(text, (gssize)strlen(text) + with_null, code, "UTF-8", NULL, &len, NULL);
	ctfw_bytes(w, units, len);
}

static void test_texts(void)
{
	static const char *const codes[] = {"UTF-16BE", "UTF-16LE", "UTF-32BE", "UTF-32LE"};
	g_autoptr(Trace) t = trace_new(USUAL(
		MEMBER("a", STR) ","
		MEMBER("b", "{'type':'null-terminated-string','encoding':'utf-16be'}") ","
		MEMBER("c", "{'type':'null-terminated-string','encoding':'utf-16le'}") ","
		MEMBER("d", "{'type':'null-terminated-string','encoding':'utf-32be'}") ","
		MEMBER("e", "{'type':'null-terminated-string','encoding':'utf-32le'}") ","
		MEMBER("f", "{'type':'static-length-string','length':8}") ","
		MEMBER("g", "{'type':'static-length-string','length':6,'encoding':'utf-16le'}") ","
		MEMBER("h", "{'type':'static-length-string','length':0}") ","
		MEMBER("n", U8) ","
		MEMBER("i", "{'type':'dynamic-length-string','length-field-location':" PATH("'n'") "}") ","
		MEMBER("j", "{'type':'dynamic-length-string','encoding':'utf-32be','length-field-location':" PATH("'n'") "}")));
	packet_begin(t->w, 0);
	event_begin(t->w, 0, 1);
	ctfw_string(t->w, "caf\u00e9");
	/* The null bytes within code units do not end a text, nor do those of two neighbours. */
	for (guint i = 0; i < G_N_ELEMENTS(codes); i++)
		put_code_units(t->w, "a\u0100\u4e00\U0001f600", codes[i], TRUE);
	ctfw_bytes(t->w, "ab\0garb!", 8);
	put_code_units(t->w, "a\u0100b", "UTF-16LE", FALSE);
	ctfw_uint(t->w, 8, 8);
	ctfw_bytes(t->w, "12345678", 8);
	put_code_units(t->w, "z\u00e9", "UTF-32BE", FALSE);
	ctfw_packet_end(t->w, 0);
	check(t, "1 e a=\"caf\u00e9\" b=\"a\u0100\u4e00\U0001f600\" c=\"a\u0100\u4e00\U0001f600\" d=\"a\u0100\u4e00\U0001f600\" "
	         "e=\"a\u0100\u4e00\U0001f600\" f=\"ab\" g=\"a\u0100b\" h=\"\" n=8 i=\"12345678\" j=\"z\u00e9\"\n");
}

static void test_blobs(void)
{
	g_autoptr(Trace) t = trace_new(USUAL(
		MEMBER("bit", UINT(1, "little", "")) "," MEMBER("a", "{'type':'static-length-blob','length':5}") "," MEMBER("n", UVAR) ","
		MEMBER("b", "{'type':'dynamic-length-blob','media-type':'image/png','length-field-location':" PATH("'n'") "}")));
	packet_begin(t->w, 0);
	for (guint i = 0; i < 2; i++) {
		event_begin(t->w, 0, (guint16)i);
		ctfw_uint(t->w, 1, 1);
		ctfw_bytes(t->w, "\1\0\2\0\3", 5);
		ctfw_uleb128(t->w, i * 200);
		for (guint j = 0; j < i * 200; j++)
			ctfw_uint(t->w, 0xee, 8);
	}
	ctfw_packet_end(t->w, 0);
	g_autofree char *many = g_strnfill(400, 'e');
	g_autofree char *expected = g_strdup_printf("0 e bit=1 a=0100020003 n=0 b=\n1 e bit=1 a=0100020003 n=200 b=%s\n", many);
	check(t, expected);
}

/* ---- Compounds ------------------------------------------------------------------------------------------------ */

static void test_arrays(void)
{
	g_autoptr(Trace) t = trace_new(USUAL(
		MEMBER("n", U8) "," MEMBER("a", ARR("2", ARR("3", UINT(4, "little", "")))) "," MEMBER("b", SEQ(PATH("'n'"), STR)) ","
		MEMBER("c", SEQ(PATH("'n'"), STRUCT(MEMBER("n", UVAR) "," MEMBER("d", SEQ(PATH("'n'"), UINT(16, "big", ",'alignment':16")))))) ","
		MEMBER("e", SEQ(PATH("'n'"), STRUCT("")))));
	packet_begin(t->w, 0);
	for (guint i = 0; i < 3; i += 2) {
		event_begin(t->w, 0, (guint16)i);
		ctfw_align(t->w, 16);
		ctfw_uint(t->w, i, 8);
		for (guint j = 0; j < 6; j++)
			ctfw_uint(t->w, j + i, 4);
		ctfw_align(t->w, 8);
		for (guint j = 0; j < i; j++)
			ctfw_string(t->w, j ? "two" : "");
		ctfw_align(t->w, 16);
		for (guint j = 0; j < i; j++) {
			ctfw_align(t->w, 16);
			ctfw_uleb128(t->w, j + 1);
			ctfw_align(t->w, 16);
			for (guint k = 0; k <= j; k++)
				ctfw_uint_as(t->w, 0x100 + k, 16, G_BIG_ENDIAN);
		}
	}
	ctfw_packet_end(t->w, 0);
	check(t, "0 e n=0 a=[[0 1 2] [3 4 5]] b=[] c=[] e=[]\n"
	         "2 e n=2 a=[[2 3 4] [5 6 7]] b=[\"\" \"two\"] c=[{n=1 d=[256]} {n=2 d=[256 257]}] e=[{} {}]\n");
}

static void test_optionals(void)
{
	static const gint8 selectors[] = {0, 1, -3, 7, -128};
	g_autoptr(Trace) t = trace_new(USUAL(
		MEMBER("x", BITS("boolean", 3, "little")) "," MEMBER("u", UINT(5, "little", "")) "," MEMBER("s", S8) ","
		MEMBER("a", OPTIONAL(PATH("'x'"), U8)) ","
		MEMBER("b", OPTIONAL(PATH("'u'") ",'selector-field-ranges':[[1,2],[7,31]]", STR)) ","
		MEMBER("c", OPTIONAL(PATH("'s'") ",'selector-field-ranges':[[-128,-100],[-3,0]]", STRUCT(MEMBER("y", UINT(16, "little", ",'alignment':16")))))));
	packet_begin(t->w, 0);
	for (guint i = 0; i < G_N_ELEMENTS(selectors); i++) {
		event_begin(t->w, 0, (guint16)i);
		ctfw_uint(t->w, i & 6, 3);
		ctfw_uint(t->w, (guint8)selectors[i] & 31, 5);
		ctfw_sint(t->w, selectors[i], 8);
		if (i & 6)
			ctfw_uint(t->w, 0x55, 8);
		if (i == 1 || i == 2 || i == 3)
			ctfw_string(t->w, "s");
		if (i == 0 || i == 2 || i == 4) {
			ctfw_align(t->w, 16);
			ctfw_uint(t->w, 1000 + i, 16);
		}
	}
	ctfw_packet_end(t->w, 0);
	check(t, "0 e x=false u=0 s=0 a=- b=- c={y=1000}\n"
	         "1 e x=false u=1 s=1 a=- b=\"s\" c=-\n"
	         "2 e x=true u=29 s=-3 a=85 b=\"s\" c={y=1002}\n"
	         "3 e x=true u=7 s=7 a=85 b=\"s\" c=-\n"
	         "4 e x=true u=0 s=-128 a=85 b=- c={y=1004}\n");
}

/* Example 63: an optional and the variant in it share a selector; and a variant with a signed one. */
static void test_variants(void)
{
	g_autoptr(Trace) t = trace_new(USUAL(
		MEMBER("k", U8) "," MEMBER("s", SVAR) ","
		MEMBER("o", OPTIONAL(PATH("'k'") ",'selector-field-ranges':[[1,255]]",
		                     VARIANT(PATH("'k'"), OPTION("[[1,1]]", STR) "," OPTION("[[2,2]]", SVAR)))) ","
		MEMBER("v", VARIANT(PATH("'s'"), OPTION("[[-9223372036854775808,-2]]", U8) "," OPTION("[[-1,-1],[5,9]]", STRUCT(MEMBER("x", STR))) ","
		                                 OPTION("[[0,4],[10,9223372036854775807]]", UINT(16, "big", ""))))));
	static const gint64 signed_values[] = {-2, -1, G_MAXINT64};
	packet_begin(t->w, 0);
	for (guint i = 0; i < 3; i++) {
		event_begin(t->w, 0, (guint16)i);
		ctfw_uint(t->w, i, 8);
		ctfw_sleb128(t->w, signed_values[i]);
		if (i == 1)
			ctfw_string(t->w, "one");
		if (i == 2)
			ctfw_sleb128(t->w, -300);
		if (i == 0)
			ctfw_uint(t->w, 200, 8);
		if (i == 1)
			ctfw_string(t->w, "x");
		if (i == 2)
			ctfw_uint_as(t->w, 40000, 16, G_BIG_ENDIAN);
	}
	ctfw_packet_end(t->w, 0);
	check(t, "0 e k=0 s=-2 o=- v=200\n1 e k=1 s=-1 o=\"one\" v={x=\"x\"}\n2 e k=2 s=9223372036854775807 o=-300 v=40000\n");
}

/* Example 91: the length is a member of whichever structure the variant is. */
static void test_lengths_in_variants(void)
{
	g_autoptr(Trace) t = trace_new(USUAL(
		MEMBER("k", U8) ","
		MEMBER("v", VARIANT(PATH("'k'"),
			OPTION("[[0,0]]", STRUCT(MEMBER("n", U8) "," MEMBER("t", STR))) ","
			OPTION("[[1,1]]", STRUCT(MEMBER("t", STR) "," MEMBER("n", UINT(24, "big", "")))) ","
			OPTION("[[2,2]]", STRUCT(MEMBER("n", UVAR) ","
				MEMBER("b", "{'type':'dynamic-length-blob','length-field-location':" PAYLOAD_PATH("'v','n'") "}"))))) ","
		MEMBER("a", SEQ(PAYLOAD_PATH("'v','n'"), U8))));
	packet_begin(t->w, 0);
	for (guint i = 0; i < 3; i++) {
		event_begin(t->w, 0, (guint16)i);
		ctfw_uint(t->w, i, 8);
		if (i == 0) {
			ctfw_uint(t->w, 3, 8);
			ctfw_string(t->w, "t");
		} else if (i == 1) {
			ctfw_string(t->w, "t");
			ctfw_uint_as(t->w, 1, 24, G_BIG_ENDIAN);
		} else {
			ctfw_uleb128(t->w, 2);
			ctfw_bytes(t->w, "\xab\xcd", 2);
		}
		for (guint j = 0; j < (i == 0 ? 3 : i); j++)
			ctfw_uint(t->w, j, 8);
	}
	ctfw_packet_end(t->w, 0);
	check(t, "0 e k=0 v={n=3 t=\"t\"} a=[0 1 2]\n1 e k=1 v={t=\"t\" n=1} a=[0]\n2 e k=2 v={n=2 b=abcd} a=[0 1]\n");
}

/* ---- Field locations ------------------------------------------------------------------------------------------ */

#define ORIGIN(origin) "{'origin':'" origin "','path':['n']}"

static void test_origins(void)
{
	g_autoptr(Trace) t = trace_new(
		PREAMBLE CLOCK
		"~{'type':'trace-class','packet-header-field-class':" STRUCT(MEMBER("n", UVAR)) "}"
		"~{'type':'data-stream-class','default-clock-class-id':'c','packet-context-field-class':" STRUCT(CONTEXT_MEMBERS "," MEMBER("n", U8))
		",'event-record-header-field-class':" STRUCT(HEADER_MEMBERS "," MEMBER("n", U8))
		",'event-record-common-context-field-class':" STRUCT(MEMBER("n", U8) "," MEMBER("x", SEQ(ORIGIN("event-record-header"), U8))) "}"
		"~{'type':'event-record-class','name':'e','specific-context-field-class':"
		STRUCT(MEMBER("n", U8) "," MEMBER("y", SEQ(ORIGIN("event-record-common-context"), U8)))
		",'payload-field-class':"
		STRUCT(MEMBER("n", U8) "," MEMBER("a", SEQ(ORIGIN("packet-header"), U8)) "," MEMBER("b", SEQ(ORIGIN("packet-context"), U8)) ","
		       MEMBER("c", SEQ(ORIGIN("event-record-header"), U8)) "," MEMBER("d", SEQ(ORIGIN("event-record-common-context"), U8)) ","
		       MEMBER("e", SEQ(ORIGIN("event-record-specific-context"), U8)) "," MEMBER("f", SEQ(ORIGIN("event-record-payload"), U8))) "}");
	for (guint p = 0; p < 2; p++) {
		guint8 n[] = {1 + (guint8)p, 2, 3, 4, 5, 1};
		ctfw_packet_begin(t->w);
		ctfw_uleb128(t->w, n[0]);
		ctfw_content_size(t->w, 32);
		ctfw_packet_size(t->w, 32);
		ctfw_uint(t->w, p, 64);
		ctfw_uint(t->w, n[1], 8);
		for (guint i = 0; i < 2; i++) {
			n[2] = (guint8)(i * 3);
			event_begin(t->w, 0, (guint16)(p * 2 + i));
			ctfw_uint(t->w, n[2], 8);
			ctfw_uint(t->w, n[3], 8);
			for (guint j = 0; j < n[2]; j++)
				ctfw_uint(t->w, 7, 8);
			ctfw_uint(t->w, n[4], 8);
			for (guint j = 0; j < n[3]; j++)
				ctfw_uint(t->w, 8, 8);
			ctfw_uint(t->w, n[5], 8);
			for (guint k = 0; k < 6; k++)
				for (guint j = 0; j < n[k]; j++)
					ctfw_uint(t->w, k, 8);
		}
		ctfw_packet_end(t->w, 0);
	}
	check(t, "0 e (n=4 x=[]) (n=5 y=[8 8 8 8]) n=1 a=[0] b=[1 1] c=[] d=[3 3 3 3] e=[4 4 4 4 4] f=[5]\n"
	         "1 e (n=4 x=[7 7 7]) (n=5 y=[8 8 8 8]) n=1 a=[0] b=[1 1] c=[2 2 2] d=[3 3 3 3] e=[4 4 4 4 4] f=[5]\n"
	         "2 e (n=4 x=[]) (n=5 y=[8 8 8 8]) n=1 a=[0 0] b=[1 1] c=[] d=[3 3 3 3] e=[4 4 4 4 4] f=[5]\n"
	         "3 e (n=4 x=[7 7 7]) (n=5 y=[8 8 8 8]) n=1 a=[0 0] b=[1 1] c=[2 2 2] d=[3 3 3 3] e=[4 4 4 4 4] f=[5]\n");
}

/* LTTng's compact header, of which the payload names fields. */
static void test_fields_of_compact_header(void)
{
	g_autoptr(Trace) t = trace_new(
		PREAMBLE CLOCK
		"~{'type':'data-stream-class','default-clock-class-id':'c','packet-context-field-class':" STRUCT(CONTEXT_MEMBERS)
		",'event-record-header-field-class':{'type':'structure','minimum-alignment':8,'member-classes':["
		MEMBER("id", UINT(5, "little", ",'roles':['event-record-class-id']")) ","
		MEMBER("v", VARIANT(PATH("'id'"),
			OPTION("[[0,30]]", STRUCT(MEMBER("t", UINT(27, "little", ",'roles':['default-clock-timestamp']")))) ","
			OPTION("[[31,31]]", STRUCT(MEMBER("id", UINT(32, "little", ",'alignment':8,'roles':['event-record-class-id']")) ","
				MEMBER("t", UINT(64, "little", ",'alignment':8,'roles':['default-clock-timestamp']")))))) "]}}"
		"~{'type':'event-record-class','id':2,'name':'e','payload-field-class':"
		STRUCT(MEMBER("a", SEQ("{'origin':'event-record-header','path':['id']}", U8)) ","
		       MEMBER("b", OPTIONAL("{'origin':'event-record-header','path':['v','id']},'selector-field-ranges':[[2,2]]", U8))) "}"
		"~{'type':'event-record-class','id':1,'name':'other'}");
	packet_begin(t->w, 0);
	for (guint i = 0; i < 3; i++) {
		ctfw_align(t->w, 8);
		ctfw_uint(t->w, i == 1 ? 31 : 2, 5);
		if (i == 1) {
			ctfw_align(t->w, 8);
			ctfw_uint(t->w, 2, 32);
			ctfw_uint(t->w, 1, 64);
		} else {
			ctfw_uint(t->w, i, 27);
		}
		for (guint j = 0; j < (i == 1 ? 31 : 2); j++)
			ctfw_uint(t->w, 7, 8);
		if (i == 1)
			ctfw_uint(t->w, 9, 8);
		ctfw_align(t->w, 8);
		ctfw_uint(t->w, 1, 5);
		ctfw_uint(t->w, i, 27);
	}
	ctfw_packet_end(t->w, 0);
	check(t, "0 e a=[7 7] b=-\n0 other\n"
	         "1 e a=[7 7 7 7 7 7 7 7 7 7 7 7 7 7 7 7 7 7 7 7 7 7 7 7 7 7 7 7 7 7 7] b=9\n1 other\n2 e a=[7 7] b=-\n2 other\n");
}

/* A length that is not there counts as 0, whatever it was in the event before. */
static void test_missing_length(void)
{
	g_autoptr(Trace) t = trace_new(USUAL(
		MEMBER("k", BOOL) "," MEMBER("o", OPTIONAL(PATH("'k'"), STRUCT(MEMBER("n", U8)))) "," MEMBER("a", SEQ(PATH("'o','n'"), U8))));
	packet_begin(t->w, 0);
	for (guint i = 0; i < 4; i++) {
		event_begin(t->w, 0, (guint16)i);
		ctfw_uint(t->w, i & 1, 8);
		if (i & 1) {
			ctfw_uint(t->w, i, 8);
			for (guint j = 0; j < i; j++)
				ctfw_uint(t->w, j, 8);
		}
	}
	ctfw_packet_end(t->w, 0);
	check(t, "0 e k=false o=- a=[]\n1 e k=true o={n=1} a=[0]\n2 e k=false o=- a=[]\n3 e k=true o={n=3} a=[0 1 2]\n");
}

/* A location that leaves structures with nulls, seen from the elements of an array: each time the nearest one. */
static void test_parents(void)
{
	g_autoptr(Trace) t = trace_new(USUAL(
		MEMBER("n", U8) ","
		MEMBER("a", ARR("2", STRUCT(MEMBER("m", U8) ","
			MEMBER("s", STRUCT(MEMBER("x", SEQ(PATH("null,'m'"), U8)) "," MEMBER("y", SEQ(PATH("null,null,'n'"), U8)))))))));
	packet_begin(t->w, 0);
	event_begin(t->w, 0, 1);
	ctfw_uint(t->w, 1, 8);
	for (guint i = 0; i < 2; i++) {
		ctfw_uint(t->w, i, 8);
		for (guint j = 0; j < i; j++)
			ctfw_uint(t->w, 9, 8);
		ctfw_uint(t->w, 4, 8);
	}
	ctfw_packet_end(t->w, 0);
	check(t, "1 e n=1 a=[{m=0 s={x=[] y=[4]}} {m=1 s={x=[9] y=[4]}}]\n");
}

/* ---- Packets and streams -------------------------------------------------------------------------------------- */

#define UUID_PREAMBLE "~{'type':'preamble','version':2,'uuid':[1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,255]}\n"

static const guint8 uuid[16] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 255};

/* Roles in an optional and in a variant of a header; two stream classes; partial times that wrap; an offset. */
static void test_headers(void)
{
	g_autoptr(Trace) t = trace_new(
		UUID_PREAMBLE
		"~{'type':'clock-class','id':'c','frequency':1000000000,'offset-from-origin':{'seconds':-1,'cycles':5}}"
		"~{'type':'trace-class','packet-header-field-class':"
		STRUCT(MEMBER("magic", UINT(32, "little", ",'roles':['packet-magic-number']")) ","
		       MEMBER("uuid", "{'type':'static-length-blob','length':16,'roles':['metadata-stream-uuid']}") ","
		       MEMBER("has", BOOL) "," MEMBER("o", OPTIONAL(PATH("'has'"), U8_ROLE("data-stream-class-id")))) "}"
		ALIAS("context", STRUCT(CONTEXT_MEMBERS))
		"~{'type':'data-stream-class','id':0,'default-clock-class-id':'c','packet-context-field-class':'context',"
		"'event-record-header-field-class':" STRUCT(MEMBER("t", U8_ROLE("default-clock-timestamp"))) "}"
		"~{'type':'data-stream-class','id':7,'default-clock-class-id':'c','packet-context-field-class':'context',"
		"'event-record-header-field-class':"
		STRUCT(MEMBER("id", U8_ROLE("event-record-class-id")) ","
		       MEMBER("v", VARIANT(PATH("'id'"),
		           OPTION("[[0,254]]", UINT(8, "little", ",'roles':['default-clock-timestamp']")) ","
		           OPTION("[[255,255]]", STRUCT(MEMBER("id", UINT(32, "little", ",'roles':['event-record-class-id']")) ","
		                                        MEMBER("t", UINT(64, "little", ",'roles':['default-clock-timestamp']"))))))) "}"
		"~{'type':'event-record-class','name':'zero'}"
		"~{'type':'event-record-class','data-stream-class-id':7,'id':3,'name':'three'}"
		"~{'type':'event-record-class','data-stream-class-id':7,'id':70000,'name':'many'}");
	for (guint file = 0; file < 2; file++) {
		g_autoptr(CtfWriter) w = ctfw_new(G_LITTLE_ENDIAN);
		ctfw_packet_begin(w);
		ctfw_magic(w);
		ctfw_bytes(w, uuid, 16);
		ctfw_uint(w, file, 8);
		if (file)
			ctfw_uint(w, 7, 8);
		ctfw_content_size(w, 32);
		ctfw_packet_size(w, 32);
		ctfw_uint(w, 1000 + file, 64);
		if (!file) {
			ctfw_uint(w, 1001 & 0xff, 8);
			ctfw_uint(w, 1024 & 0xff, 8); /* the low bits are less than before: wrapped */
		} else {
			ctfw_uint(w, 3, 8);
			ctfw_uint(w, 1002 & 0xff, 8);
			ctfw_uint(w, 255, 8);
			ctfw_uint(w, 70000, 32);
			ctfw_uint(w, 0x123456789a, 64);
			ctfw_uint(w, 3, 8);
			ctfw_uint(w, 0, 8);
		}
		ctfw_packet_end(w, file ? 800 : 0);
		ctfw_save(w, t->dir, file ? "b" : "a");
	}
	g_autofree char *text = read_text(t->dir);
	g_assert_cmpstr(text, ==, "-999998994 zero\n-999998993 three\n-999998971 zero\n77187493535 many\n77187493637 three\n");
}

/* Times of seven bits a byte; a packet that doesn't say when it begins begins at 0; no ids where there is one class only. */
static void test_variable_length_times(void)
{
	g_autoptr(Trace) t = trace_new(
		PREAMBLE CLOCK
		"~{'type':'data-stream-class','default-clock-class-id':'c','packet-context-field-class':"
		STRUCT(MEMBER("size", UINT(32, "little", ",'roles':['packet-content-length']")))
		",'event-record-header-field-class':"
		STRUCT(MEMBER("t", "{'type':'variable-length-unsigned-integer','roles':['default-clock-timestamp']}")) "}"
		"~{'type':'event-record-class','name':'e'}");
	static const guint16 times[] = {5, 4, 0x3fff, 1, 0x3fff};
	for (guint p = 0; p < 2; p++) {
		ctfw_packet_begin(t->w);
		ctfw_content_size(t->w, 32);
		for (guint i = 0; i < G_N_ELEMENTS(times); i++)
			ctfw_uleb128(t->w, times[i]);
		ctfw_packet_end(t->w, 0);
	}
	g_autofree char *one = g_strdup_printf("%d e\n%d e\n%d e\n%d e\n%d e\n", 5, 0x80 | 4, 0x3fff, 0x4001, 0x7fff);
	/* The second packet's times are less than the first's last: they are held at it. */
	g_autofree char *expected = g_strdup_printf("%s%d e\n%d e\n%d e\n%d e\n%d e\n", one, 0x7fff, 0x7fff, 0x7fff, 0x7fff, 0x7fff);
	ctfw_save(t->w, t->dir, "stream");
	g_autofree char *text = read_text(t->dir);
	g_assert_true(g_str_has_prefix(text, expected));
}

static void test_losses(void)
{
	g_autoptr(Trace) t = trace_new(
		PREAMBLE CLOCK
		"~{'type':'data-stream-class','default-clock-class-id':'c','packet-context-field-class':"
		STRUCT(CONTEXT_MEMBERS "," MEMBER("end", UINT(64, "little", ",'roles':['packet-end-default-clock-timestamp']")) ","
		       MEMBER("lost", UINT(16, "little", ",'roles':['discarded-event-record-counter-snapshot']")) ","
		       MEMBER("seq", "{'type':'variable-length-unsigned-integer','roles':['packet-sequence-number']}"))
		",'event-record-header-field-class':" STRUCT(HEADER_MEMBERS) "}" EVENT(""));
	static const guint16 lost[] = {0, 3, 3, 10}, seq[] = {0, 1, 5, 6};
	for (guint i = 0; i < 4; i++) {
		packet_begin(t->w, i * 10);
		ctfw_uint(t->w, i * 10 + 9, 64);
		ctfw_uint(t->w, lost[i], 16);
		ctfw_uleb128(t->w, seq[i]);
		event_begin(t->w, 0, (guint16)(i * 10 + 1));
		ctfw_packet_end(t->w, 1024);
	}
	check(t, "1 e\n11 e\n21 e\n31 e\nlost 3 events, 0 packets\nlost 0 events, 3 packets\nlost 7 events, 0 packets\n");
}

/* ---- Damage --------------------------------------------------------------------------------------------------- */

/* What contradicts the metadata costs the rest of its packet, and a warning says so. */
static void test_damage(void)
{
	g_autoptr(Trace) t = trace_new(USUAL(MEMBER("k", U8) "," MEMBER("v", VARIANT(PATH("'k'"), OPTION("[[0,5]]", STR)))));
	for (guint i = 0; i < 3; i++) {
		packet_begin(t->w, i);
		event_begin(t->w, 0, (guint16)(2 * i));
		ctfw_uint(t->w, i, 8);
		ctfw_string(t->w, "x");
		event_begin(t->w, 0, (guint16)(2 * i + 1));
		ctfw_uint(t->w, i == 1 ? 6 : 1, 8);
		ctfw_string(t->w, "y");
		ctfw_packet_end(t->w, 0);
	}
	ctfw_save(t->w, t->dir, "stream");
	g_autofree char *text = read_text(t->dir);
	g_assert_true(g_str_has_prefix(text, "0 e k=0 v=\"x\"\n1 e k=1 v=\"y\"\n2 e k=1 v=\"x\"\n4 e k=2 v=\"x\"\n5 e k=1 v=\"y\"\nwarning"));
}

static void test_other_uuid(void)
{
	g_autoptr(Trace) t = trace_new(
		UUID_PREAMBLE CLOCK
		"~{'type':'trace-class','packet-header-field-class':"
		STRUCT(MEMBER("uuid", "{'type':'static-length-blob','length':16,'roles':['metadata-stream-uuid']}")) "}" USUAL_STREAM EVENT(""));
	for (guint i = 0; i < 2; i++) {
		ctfw_packet_begin(t->w);
		ctfw_bytes(t->w, uuid, 15);
		ctfw_uint(t->w, i ? 255 : 0, 8);
		ctfw_content_size(t->w, 32);
		ctfw_packet_size(t->w, 32);
		ctfw_uint(t->w, i, 64);
		event_begin(t->w, 0, (guint16)i);
		ctfw_packet_end(t->w, 0);
	}
	ctfw_save(t->w, t->dir, "stream");
	g_autofree char *text = read_text(t->dir);
	g_assert_nonnull(strstr(text, "its UUID is not the metadata's"));
}

/* clang-format on */

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/ctf2/fixed-integers", test_fixed_integers);
	g_test_add_func("/ctf2/bit-orders", test_bit_orders);
	g_test_add_func("/ctf2/booleans-and-bits", test_booleans_and_bits);
	g_test_add_func("/ctf2/floats", test_floats);
	g_test_add_func("/ctf2/variable-length-integers", test_variable_length_integers);
	g_test_add_func("/ctf2/texts", test_texts);
	g_test_add_func("/ctf2/blobs", test_blobs);
	g_test_add_func("/ctf2/arrays", test_arrays);
	g_test_add_func("/ctf2/optionals", test_optionals);
	g_test_add_func("/ctf2/variants", test_variants);
	g_test_add_func("/ctf2/lengths-in-variants", test_lengths_in_variants);
	g_test_add_func("/ctf2/origins", test_origins);
	g_test_add_func("/ctf2/fields-of-compact-header", test_fields_of_compact_header);
	g_test_add_func("/ctf2/missing-length", test_missing_length);
	g_test_add_func("/ctf2/parents", test_parents);
	g_test_add_func("/ctf2/headers", test_headers);
	g_test_add_func("/ctf2/variable-length-times", test_variable_length_times);
	g_test_add_func("/ctf2/losses", test_losses);
	g_test_add_func("/ctf2/damage", test_damage);
	g_test_add_func("/ctf2/other-uuid", test_other_uuid);
	return g_test_run();
}
