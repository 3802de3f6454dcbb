/* SPDX-License-Identifier: MIT */
/* CTF 2 metadata -> field classes. Texts are written as ctf2_json.h says. */
#include <string.h>

#include "ctf/ctf.h"
#include "ctf2_json.h"

static CtfMetadata *parse_bytes(const char *text, gsize len, GError **error)
{
	g_autofree char *copy = ctf2_text(text, len);
	return ctf_metadata_parse("m", copy, len, error);
}

static CtfMetadata *parse(const char *text, GError **error)
{
	return parse_bytes(text, strlen(text), error);
}

static CtfMetadata *parse_good(const char *text)
{
	g_autoptr(GError) error = NULL;
	CtfMetadata *m = parse(text, &error);
	g_assert_no_error(error);
	g_assert_nonnull(m);
	g_assert_cmpuint(m->version, ==, 2);
	return m;
}

/* ---- Field classes as text ------------------------------------------------------------------------------------ */

static void dump(const CtfFc *fc, GString *s);

static void dump_ranges(const CtfRange *ranges, guint n, GString *s)
{
	for (guint i = 0; i < n; i++) {
		if (ranges[i].is_signed)
			g_string_append_printf(s, "[%" G_GINT64_FORMAT ",%" G_GINT64_FORMAT "]",
			                       (gint64)ranges[i].lower, (gint64)ranges[i].upper);
		else
			g_string_append_printf(s, "[%" G_GUINT64_FORMAT ",%" G_GUINT64_FORMAT "]", ranges[i].lower,
			                       ranges[i].upper);
	}
}

static void dump_number(const CtfFc *fc, GString *s)
{
	char letter = fc->type == CTF_FC_FLOAT ? 'f'
	              : fc->is_boolean         ? 'b'
	              : fc->is_bit_array       ? 'x'
	              : fc->is_signed          ? 's'
	                                       : 'u';
	g_string_append_c(s, letter);
	if (fc->type == CTF_FC_VARINT)
		g_string_append(s, "var");
	else
		g_string_append_printf(s, "%u%s%s", fc->size, fc->big_endian ? "be" : "le",
		                       fc->reverse_bits ? "r" : "");
	if (fc->base != 10)
		g_string_append_printf(s, "/%u", fc->base);
	if (fc->role)
		g_string_append_printf(s, ":%d", fc->role);
	if (fc->clock)
		g_string_append_printf(s, "@%s", fc->clock->name);
	if (fc->is_enum)
		g_string_append(s, " enum");
	for (guint i = 0; i < fc->n_mappings; i++) {
		g_string_append_printf(s, " %s", fc->mappings[i].label);
		dump_ranges(fc->mappings[i].ranges, fc->mappings[i].n_ranges, s);
	}
}

static void dump_members(const CtfFc *fc, GString *s)
{
	g_string_append_c(s, '{');
	for (guint i = 0; i < fc->n_members; i++) {
		const CtfMember *m = &fc->members[i];
		g_assert_cmpstr(m->name, ==, m->display);
		g_string_append_printf(s, "%s%s", i ? " " : "", m->name ? m->name : "");
		dump_ranges(m->ranges, m->n_ranges, s);
		g_string_append_c(s, '=');
		dump(m->fc, s);
	}
	g_string_append_c(s, '}');
}

/* What a length or selector refers to: a field class is known by its scope and its address's order, so by its dump. */
static void dump_reference(const CtfFc *fc, GString *s)
{
	if (!fc)
		return;
	g_assert_true(fc->is_referenced);
	g_string_append_printf(s, "<%d ", fc->scope);
	dump_number(fc, s);
	g_string_append_c(s, '>');
}

static void dump(const CtfFc *fc, GString *s)
{
	static const char *const names[] = {
	        [CTF_FC_STRING] = "string",    [CTF_FC_STATIC_TEXT] = "text",  [CTF_FC_DYNAMIC_TEXT] = "text",
	        [CTF_FC_STATIC_BLOB] = "blob", [CTF_FC_DYNAMIC_BLOB] = "blob", [CTF_FC_ARRAY] = "array",
	        [CTF_FC_SEQUENCE] = "seq",     [CTF_FC_STRUCT] = "struct",     [CTF_FC_VARIANT] = "variant",
	        [CTF_FC_OPTIONAL] = "opt",
	};
	static const char *const encodings[] = {"", "-16be", "-16le", "-32be", "-32le"};
	g_assert_cmpint(fc->slot, ==, -1);
	if (fc->align > 1)
		g_string_append_printf(s, "%u|", fc->align);
	if (fc->type <= CTF_FC_FLOAT) {
		dump_number(fc, s);
		return;
	}
	g_string_append_printf(s, "%s%s", names[fc->type], encodings[fc->encoding]);
	if (fc->type == CTF_FC_STATIC_TEXT || fc->type == CTF_FC_STATIC_BLOB || fc->type == CTF_FC_ARRAY)
		g_string_append_printf(s, "(%" G_GUINT64_FORMAT ")", fc->length);
	if (fc->role)
		g_string_append_printf(s, ":%d", fc->role);
	dump_reference(fc->length_fc, s);
	dump_reference(fc->selector_fc, s);
	dump_ranges(fc->ranges, fc->n_ranges, s);
	if (fc->element) {
		g_string_append_c(s, ' ');
		dump(fc->element, s);
	}
	if (fc->type == CTF_FC_STRUCT || fc->type == CTF_FC_VARIANT)
		dump_members(fc, s);
}

static void assert_dump(const CtfFc *fc, const char *expected)
{
	g_autoptr(GString) s = g_string_new(NULL);
	dump(fc, s);
	g_assert_cmpstr(s->str, ==, expected);
}

static CtfEventClass *event(const CtfMetadata *m, guint i)
{
	CtfEventClass *ec = g_ptr_array_index(m->events, i);
	g_assert_true(ctf_event_class_load(ec, NULL));
	return ec;
}

typedef struct {
	const char *members, *dump;
} Case;

static void check_cases(const Case *cases, gsize n)
{
	for (gsize i = 0; i < n; i++) {
		g_autofree char *text = g_strdup_printf(PREAMBLE STREAM EVENT("%s"), cases[i].members);
		g_autoptr(CtfMetadata) m = parse_good(text);
		assert_dump(event(m, 0)->payload, cases[i].dump);
	}
}

/* clang-format off: texts in columns of their own */

static void test_scalars(void)
{
	static const Case cases[] = {
		{"", "struct{}"},
		{MEMBER("a", U8), "struct{a=u8le}"},
		{MEMBER("a", "{'type':'fixed-length-signed-integer','length':64,'byte-order':'big-endian','alignment':32,"
		             "'preferred-display-base':16}"),
		 "32|struct{a=32|s64be/16}"},
		{MEMBER("a", "{'type':'fixed-length-unsigned-integer','length':3,'byte-order':'big-endian',"
		             "'bit-order':'first-to-last'}"),
		 "struct{a=u3ber}"},
		{MEMBER("a", "{'type':'fixed-length-unsigned-integer','length':3,'byte-order':'big-endian',"
		             "'bit-order':'last-to-first'}"),
		 "struct{a=u3be}"},
		{MEMBER("a", "{'type':'fixed-length-unsigned-integer','length':3,'byte-order':'little-endian',"
		             "'bit-order':'last-to-first'}"),
		 "struct{a=u3ler}"},
		{MEMBER("a", "{'type':'fixed-length-bit-array','length':64,'byte-order':'little-endian',"
		             "'bit-order':'first-to-last'}"),
		 "struct{a=x64le}"},
		{MEMBER("a", "{'type':'fixed-length-bit-map','length':16,'byte-order':'big-endian',"
		             "'flags':{'x':[[3,3]],'y':[[0,2],[4,4]]}}"),
		 "struct{a=x16be x[3,3] y[0,2][4,4]}"},
		{MEMBER("a", BOOL), "struct{a=b8le}"},
		{MEMBER("a", "{'type':'fixed-length-floating-point-number','length':32,'byte-order':'little-endian','alignment':8}") ","
		 MEMBER("b", "{'type':'fixed-length-floating-point-number','length':64,'byte-order':'big-endian'}"),
		 "8|struct{a=8|f32le b=f64be}"},
		{MEMBER("a", "{'type':'variable-length-unsigned-integer'}") ","
		 MEMBER("b", "{'type':'variable-length-signed-integer','preferred-display-base':2}"),
		 "8|struct{a=8|uvar b=8|svar/2}"},
		{MEMBER("a", "{'type':'variable-length-signed-integer',"
		             "'mappings':{'low':[[-9223372036854775808,-1]],'x':[[0,0],[5,9]]}}"),
		 "8|struct{a=8|svar enum low[-9223372036854775808,-1] x[0,0][5,9]}"},
		/* An empty set of mappings makes no enumeration; LTTng writes null for one. */
		{MEMBER("a", "{'type':'fixed-length-unsigned-integer','length':8,'byte-order':'little-endian','mappings':{}}") ","
		 MEMBER("b", "{'type':'fixed-length-unsigned-integer','length':8,'byte-order':'little-endian','mappings':null}"),
		 "struct{a=u8le b=u8le}"},
	};
	check_cases(cases, G_N_ELEMENTS(cases));
}

/* Bounds beyond the type's values are those of the type; a range of nothing but such values holds none. */
static void test_ranges(void)
{
	static const Case cases[] = {
		{MEMBER("a", "{'type':'variable-length-unsigned-integer','mappings':{'all':[[0,18446744073709551615]],"
		             "'neg':[[-5,-1]],'part':[[-5,3]],'zero':[[-0,-0]]}}"),
		 "8|struct{a=8|uvar enum all[0,18446744073709551615] neg[1,0] part[0,3] zero[0,0]}"},
		{MEMBER("a", "{'type':'variable-length-signed-integer','mappings':{"
		             "'max':[[9223372036854775807,18446744073709551615]],"
		             "'high':[[9223372036854775808,9223372036854775809]],"
		             "'low':[[-9223372036854775809,-9223372036854775807]],"
		             "'none':[[-18446744073709551615,-9223372036854775809]]}}"),
		 "8|struct{a=8|svar enum max[9223372036854775807,9223372036854775807] high[1,0] "
		 "low[-9223372036854775808,-9223372036854775807] none[1,0]}"},
	};
	check_cases(cases, G_N_ELEMENTS(cases));
}

static void test_texts_and_blobs(void)
{
	static const Case cases[] = {
		{MEMBER("a", STR) "," MEMBER("b", "{'type':'null-terminated-string','encoding':'utf-16le'}"),
		 "8|struct{a=8|string b=8|string-16le}"},
		{MEMBER("a", "{'type':'static-length-string','length':0,'encoding':'utf-32be'}"), "8|struct{a=8|text-32be(0)}"},
		{MEMBER("n", U8) ","
		 MEMBER("a", "{'type':'dynamic-length-string','length-field-location':" PATH("'n'") ",'encoding':'utf-8'}"),
		 "8|struct{n=u8le a=8|text<5 u8le>}"},
		{MEMBER("a", "{'type':'static-length-blob','length':16,'media-type':'image/tiff'}"), "8|struct{a=8|blob(16)}"},
		{MEMBER("n", "{'type':'variable-length-unsigned-integer'}") ","
		 MEMBER("a", "{'type':'dynamic-length-blob','length-field-location':" PATH("'n'") "}"),
		 "8|struct{n=8|uvar a=8|blob<5 uvar>}"},
	};
	check_cases(cases, G_N_ELEMENTS(cases));
}

static void test_compounds(void)
{
	static const Case cases[] = {
		{MEMBER("a", "{'type':'structure','minimum-alignment':64}"), "64|struct{a=64|struct{}}"},
		{MEMBER("a", "{'type':'static-length-array','length':3,'minimum-alignment':32,'element-field-class':" STR "}"),
		 "32|struct{a=32|array(3) 8|string}"},
		{MEMBER("n", U8) "," MEMBER("a", SEQ(PATH("'n'"), ARR("2", STR))),
		 "8|struct{n=u8le a=8|seq<5 u8le> 8|array(2) 8|string}"},
		/* Optionals and variants have no alignment of their own. */
		{MEMBER("n", BOOL) "," MEMBER("a", OPTIONAL(PATH("'n'"), STR)),
		 "struct{n=b8le a=opt<5 b8le> 8|string}"},
		{MEMBER("n", S8) "," MEMBER("a", OPTIONAL(PATH("'n'") ",'selector-field-ranges':[[-3,-1],[7,7]]", U8)),
		 "struct{n=s8le a=opt<5 s8le>[-3,-1][7,7] u8le}"},
		{MEMBER("n", U8) ","
		 MEMBER("a", VARIANT(PATH("'n'"), OPTION("[[1,2],[2,3]]", STR) ","
		                                  "{'name':'x','selector-field-ranges':[[0,0]],'field-class':" U8 "}")),
		 "struct{n=u8le a=variant<5 u8le>{[1,2][2,3]=8|string x[0,0]=u8le}}"},
	};
	check_cases(cases, G_N_ELEMENTS(cases));
}

/* ---- Field locations ------------------------------------------------------------------------------------------ */

static void test_relative_locations(void)
{
	static const Case cases[] = {
		/* into a structure that came before */
		{MEMBER("s", STRUCT(MEMBER("n", U8))) "," MEMBER("a", SEQ(PATH("'s','n'"), U8)),
		 "struct{s=struct{n=u8le} a=seq<5 u8le> u8le}"},
		/* to the parent, and to the parent's parent */
		{MEMBER("n", U8) "," MEMBER("s", STRUCT(MEMBER("t", STRUCT(MEMBER("a", SEQ(PATH("null,null,'n'"), U8)))))),
		 "struct{n=u8le s=struct{t=struct{a=seq<5 u8le> u8le}}}"},
		/* up, down again, and up from there */
		{MEMBER("s", STRUCT(MEMBER("n", U8) "," MEMBER("t", STRUCT(MEMBER("x", S8))))) ","
		 MEMBER("a", SEQ(PATH("'s','t',null,'n'"), U8)),
		 "struct{s=struct{n=u8le t=struct{x=s8le}} a=seq<5 u8le> u8le}"},
		/* the element being decoded: the parent of a structure in an array is the one around the array */
		{MEMBER("n", S8) "," MEMBER("a", ARR("43", STRUCT(MEMBER("n", U8) "," MEMBER("b", SEQ(PATH("'n'"), U8))))),
		 "struct{n=s8le a=array(43) struct{n=u8le b=seq<5 u8le> u8le}}"},
		{MEMBER("n", U8) "," MEMBER("a", ARR("43", STRUCT(MEMBER("b", SEQ(PATH("null,'n'"), U8))))),
		 "struct{n=u8le a=array(43) struct{b=seq<5 u8le> u8le}}"},
		/* names of things being decoded: an array's element, a variant's option */
		{MEMBER("a", ARR("2", ARR("3", STRUCT(MEMBER("n", U8) "," MEMBER("b", SEQ(PAYLOAD_PATH("'a','n'"), U8)))))),
		 "struct{a=array(2) array(3) struct{n=u8le b=seq<5 u8le> u8le}}"},
		{MEMBER("k", S8) ","
		 MEMBER("v", VARIANT(PATH("'k'"),
		                     OPTION("[[0,0]]", STR) ","
		                     OPTION("[[1,4]]", STRUCT(MEMBER("n", U8) "," MEMBER("a", SEQ(PAYLOAD_PATH("'v','n'"), U8)))))),
		 "struct{k=s8le v=variant<5 s8le>{[0,0]=8|string [1,4]=struct{n=u8le a=seq<5 u8le> u8le}}}"},
		/* an optional and the variant in it share a selector */
		{MEMBER("k", U8) ","
		 MEMBER("o", OPTIONAL(PATH("'k'") ",'selector-field-ranges':[[1,255]]",
		                      VARIANT(PATH("'k'"), OPTION("[[1,1]]", STR) "," OPTION("[[2,2]]", U8)))),
		 "struct{k=u8le o=opt<5 u8le>[1,255] variant<5 u8le>{[1,1]=8|string [2,2]=u8le}}"},
		/* through an optional */
		{MEMBER("k", BOOL) ","
		 MEMBER("o", OPTIONAL(PATH("'k'"), STRUCT(MEMBER("n", U8)))) ","
		 MEMBER("a", SEQ(PATH("'o','n'"), U8)),
		 "struct{k=b8le o=opt<5 b8le> struct{n=u8le} a=seq<5 u8le> u8le}"},
	};
	check_cases(cases, G_N_ELEMENTS(cases));
}

static void test_origins(void)
{
	static const char *const origins[] = {
		"packet-header", "packet-context", "event-record-header", "event-record-common-context",
		"event-record-specific-context", "event-record-payload",
	};
	for (guint i = 0; i < G_N_ELEMENTS(origins); i++) {
		g_autofree char *text = g_strdup_printf(
			PREAMBLE
			"~{'type':'trace-class','packet-header-field-class':" STRUCT(MEMBER("n", U8)) "}"
			"~{'type':'data-stream-class','packet-context-field-class':" STRUCT(MEMBER("n", U8))
			",'event-record-header-field-class':" STRUCT(MEMBER("n", U8))
			",'event-record-common-context-field-class':" STRUCT(MEMBER("n", U8)) "}"
			"~{'type':'event-record-class','specific-context-field-class':" STRUCT(MEMBER("n", U8))
			",'payload-field-class':"
			STRUCT(MEMBER("n", U8) "," MEMBER("a", SEQ("{'origin':'%s','path':['n']}", U8))) "}", origins[i]);
		g_autofree char *expected = g_strdup_printf("struct{n=u8le a=seq<%u u8le> u8le}", i);
		g_autoptr(CtfMetadata) m = parse_good(text);
		assert_dump(event(m, 0)->payload, expected);
	}
}

/* A field that may be one of several, of which a packet has one: they share a slot (2 §6.4.2, examples 90 and 91). */
static void test_locations_through_variants(void)
{
	g_autoptr(CtfMetadata) m = parse_good(
		PREAMBLE STREAM EVENT(
			MEMBER("k", U8) ","
			MEMBER("v", VARIANT(PATH("'k'"),
				OPTION("[[0,0]]", STRUCT(MEMBER("n", U8) "," MEMBER("t", STR))) ","
				OPTION("[[1,1]]", STRUCT(MEMBER("t", STR) ","
					MEMBER("n", "{'type':'fixed-length-unsigned-integer','length':24,'byte-order':'big-endian'}"))) ","
				OPTION("[[2,2]]", STRUCT(MEMBER("n", "{'type':'variable-length-unsigned-integer'}") ","
					MEMBER("b", "{'type':'dynamic-length-blob','length-field-location':" PAYLOAD_PATH("'v','n'") "}")))))
			"," MEMBER("a", SEQ(PAYLOAD_PATH("'v','n'"), STR))));
	const CtfFc *payload = event(m, 0)->payload, *v = payload->members[1].fc;
	CtfFc *n[3];
	for (guint i = 0; i < 3; i++) {
		n[i] = ctf_fc_member(v->members[i].fc, "n");
		g_assert_true(n[i]->is_referenced);
	}
	/* Inside the third option only its own field is meant. */
	g_assert_true(v->members[2].fc->members[1].fc->length_fc == n[2]);
	g_assert_true(payload->members[2].fc->length_fc == n[0]);
	g_assert_null(n[0]->slot_fc);
	g_assert_true(n[1]->slot_fc == n[0]);
	g_assert_true(n[2]->slot_fc == n[0]);
}

/* ---- Aliases -------------------------------------------------------------------------------------------------- */

static void test_aliases(void)
{
	g_autoptr(CtfMetadata) m = parse_good(
		PREAMBLE STREAM ALIAS("u8", U8) ALIAS("byte", "'u8'")
		ALIAS("counted", STRUCT(MEMBER("n", "'byte'") "," MEMBER("a", SEQ(PATH("'n'"), "'byte'"))))
		EVENT(MEMBER("x", "'counted'") "," MEMBER("y", ARR("2", "'counted'"))));
	const CtfFc *payload = event(m, 0)->payload;
	assert_dump(payload, "struct{x=struct{n=u8le a=seq<5 u8le> u8le} y=array(2) struct{n=u8le a=seq<5 u8le> u8le}}");
	const CtfFc *x = payload->members[0].fc, *y = payload->members[1].fc->element;
	g_assert_true(x != y);
	g_assert_true(x->members[1].fc->length_fc == x->members[0].fc);
	g_assert_true(y->members[1].fc->length_fc == y->members[0].fc);
}

/* Field classes that aliases multiply are bounded, and mappings are made once. */
static void test_aliases_are_bounded(void)
{
	g_autoptr(GString) text = g_string_new(PREAMBLE STREAM ALIAS("a0", U8));
	g_autoptr(GError) error = NULL;
	for (guint i = 1; i < 60; i++)
		g_string_append_printf(text, ALIAS("a%u", STRUCT(MEMBER("x", "'a%u'") "," MEMBER("y", "'a%u'"))), i,
		                       i - 1, i - 1);
	g_string_append(text, EVENT(MEMBER("f", "'a59'")));
	g_autoptr(CtfMetadata) m = parse(text->str, &error);
	g_assert_null(m);
	g_assert_error(error, ST_ERROR, ST_ERROR_METADATA);
	g_assert_nonnull(strstr(error->message, "too many field classes"));
}

/* ---- Everything but field classes ----------------------------------------------------------------------------- */

static void test_trace_class(void)
{
	g_autoptr(CtfMetadata) m = parse_good(
		"~{'type':'preamble','version':2,'uuid':[229,62,10,184,80,161,79,10,183,16,181,240,187,169,196,0],"
		"'attributes':{'x':null},'extensions':{'none':{}}}"
		"~{'type':'trace-class','namespace':'lttng.org,2009','name':'','uid':'u1','environment':{"
		"'hostname':'h\\u00e9\\n','major':-9223372036854775808,'domain':'kernel'},'packet-header-field-class':"
		STRUCT(MEMBER("magic", "{'type':'fixed-length-unsigned-integer','length':32,'byte-order':'little-endian',"
		                       "'roles':['packet-magic-number']}") ","
		       MEMBER("uuid", "{'type':'static-length-blob','length':16,'roles':['metadata-stream-uuid']}") ","
		       MEMBER("c", U8_ROLE("data-stream-class-id")) ","
		       MEMBER("i", U8_ROLE("data-stream-id"))) "}" STREAM);
	g_assert_true(m->has_uuid);
	g_assert_cmpuint(m->uuid[0], ==, 229);
	g_assert_cmpuint(m->uuid[15], ==, 0);
	g_assert_cmpstr(m->trace_name, ==, "");
	g_assert_cmpstr(m->uid, ==, "u1");
	g_assert_cmpstr(ctf_metadata_env_text(m, "hostname"), ==, "h\u00e9\n");
	g_assert_cmpint(ctf_metadata_env(m, "major")->i, ==, G_MININT64);
	g_assert_cmpstr(((const CtfEnv *)g_ptr_array_index(m->env, 2))->name, ==, "domain");
	g_autofree char *expected = g_strdup_printf("8|struct{magic=u32le:%d uuid=8|blob(16):%d c=u8le:%d i=u8le:%d}",
	                                            CTF_ROLE_MAGIC, CTF_ROLE_UUID, CTF_ROLE_STREAM_CLASS_ID, CTF_ROLE_STREAM_ID);
	assert_dump(m->packet_header, expected);
}

static void test_clocks(void)
{
	g_autoptr(CtfMetadata) m = parse_good(
		PREAMBLE CLOCK
		"~{'type':'clock-class','id':'d','name':'monotonic','uid':'9a6b3f40-0123-4567-89ab-cdef01234567',"
		"'description':'text','frequency':32768,'precision':7,'accuracy':9,'origin':'unix-epoch',"
		"'offset-from-origin':{'seconds':-18003,'cycles':119}}"
		"~{'type':'clock-class','id':'o','frequency':1,'origin':{'name':'my','uid':'42'}}");
	const CtfClock *c = g_ptr_array_index(m->clocks, 0), *d = g_ptr_array_index(m->clocks, 1);
	const CtfClock *o = g_ptr_array_index(m->clocks, 2);
	g_assert_cmpstr(c->name, ==, "c");
	g_assert_false(c->absolute || c->has_uuid || o->absolute);
	g_assert_cmpuint(c->offset_cycles, ==, 0);
	g_assert_cmpstr(d->name, ==, "monotonic");
	g_assert_cmpstr(d->id, ==, "d");
	g_assert_cmpstr(d->description, ==, "text");
	g_assert_true(d->absolute && d->has_uuid);
	g_assert_cmpuint(d->uuid[15], ==, 0x67);
	g_assert_cmpuint(d->freq, ==, 32768);
	g_assert_cmpuint(d->precision, ==, 7);
	g_assert_cmpint(d->offset_s, ==, -18003);
	g_assert_cmpuint(d->offset_cycles, ==, 119);
}

static void test_stream_class(void)
{
	g_autoptr(CtfMetadata) m = parse_good(
		PREAMBLE CLOCK
		"~{'type':'data-stream-class','id':18446744073709551615,'name':'s','default-clock-class-id':'c',"
		"'packet-context-field-class':"
		STRUCT(MEMBER("b", U8_ROLE("default-clock-timestamp")) ","
		       MEMBER("e", U8_ROLE("packet-end-default-clock-timestamp")) ","
		       MEMBER("c", U8_ROLE("packet-content-length")) ","
		       MEMBER("t", U8_ROLE("packet-total-length")) ","
		       MEMBER("q", U8_ROLE("packet-sequence-number")) ","
		       MEMBER("d", U8_ROLE("discarded-event-record-counter-snapshot")) ","
		       MEMBER("cpu_id", U8) ","
		       MEMBER("two", U8_ROLE("packet-content-length','packet-total-length")) ","
		       MEMBER("other", U8_ROLE("event-record-class-id")))
		",'event-record-header-field-class':"
		STRUCT(MEMBER("id", U8_ROLE("event-record-class-id")) ","
		       MEMBER("t", "{'type':'variable-length-unsigned-integer','roles':['default-clock-timestamp']}")) "}"
		"~{'type':'event-record-class','data-stream-class-id':18446744073709551615,'id':7,'name':'e','attributes':{"
		"'lttng.org,2009':{'emf-uri':'http://x','log-level':'debug:line'}},'payload-field-class':"
		STRUCT(MEMBER("t", U8_ROLE("default-clock-timestamp"))) "}"
		"~{'type':'event-record-class','data-stream-class-id':18446744073709551615,"
		"'attributes':{'lttng.org,2009':{'log-level':13}}}");
	const CtfStreamClass *sc = ctf_metadata_stream_class(m, G_MAXUINT64);
	g_assert_cmpstr(sc->name, ==, "s");
	g_assert_cmpstr(sc->clock->id, ==, "c");
	g_autofree char *context = g_strdup_printf(
		"struct{b=u8le:%d@c e=u8le:%d@c c=u8le:%d t=u8le:%d q=u8le:%d d=u8le:%d cpu_id=u8le:%d two=u8le:%d other=u8le}",
		CTF_ROLE_PACKET_BEGIN, CTF_ROLE_PACKET_END, CTF_ROLE_CONTENT_SIZE, CTF_ROLE_PACKET_SIZE, CTF_ROLE_PACKET_SEQ_NUM,
		CTF_ROLE_EVENTS_DISCARDED, CTF_ROLE_CPU_ID, CTF_ROLE_PACKET_SIZE);
	assert_dump(sc->packet_context, context);
	g_autofree char *header = g_strdup_printf("8|struct{id=u8le:%d t=8|uvar:%d@c}", CTF_ROLE_EVENT_CLASS_ID, CTF_ROLE_TIMESTAMP);
	assert_dump(sc->event_header, header);
	assert_dump(event(m, 0)->payload, "struct{t=u8le}");
	g_assert_cmpstr(event(m, 0)->emf_uri, ==, "http://x");
	g_assert_true(event(m, 0)->has_log_level);
	g_assert_cmpint(event(m, 0)->log_level, ==, 13);
	g_assert_true(ctf_stream_class_event(sc, 7) == event(m, 0));
	g_assert_cmpstr(event(m, 1)->name, ==, "");
	g_assert_null(event(m, 1)->payload);
	g_assert_false(event(m, 1)->has_log_level);
}

/* No line feeds, several separators, escaped and unordered properties, unknown properties, repeated ones: the last holds. */
static void test_sequence(void)
{
	g_autoptr(CtfMetadata) m = parse_good(
		"\n ~~\n~{'v\\u0065rsion':2,'type':'preamble'}~ \n~{'type':'data-stream-class','id':1,"
		"'id':3,'more':[[],{},1.5e-3,true,false,null,'\\ud83d\\ude00']}\n\n~\n");
	g_assert_nonnull(ctf_metadata_stream_class(m, 3));
	g_assert_cmpuint(m->stream_classes->len, ==, 1);
}

/* ---- Errors --------------------------------------------------------------------------------------------------- */

/* A text with ^ at the place that the message must name. */
typedef struct {
	const char *text, *message;
} Bad;

/* "m:LINE:COLUMN: message", for the ^ that is taken out of the text. */
static char *expected_error(char *text, const char *message)
{
	char *mark = strchr(text, '^');
	g_assert_nonnull(mark);
	memmove(mark, mark + 1, strlen(mark));
	guint line = 1;
	const char *line_start = text;
	for (const char *p = text; p < mark; p++)
		if (*p == '\n') {
			line++;
			line_start = p + 1;
		}
	return g_strdup_printf("m:%u:%u: %s", line, (guint)(mark - line_start) + 1, message);
}

static void check_bad(const Bad *cases, gsize n)
{
	for (gsize i = 0; i < n; i++) {
		g_autofree char *text = g_strdup(cases[i].text), *expected = expected_error(text, cases[i].message);
		g_autoptr(GError) error = NULL;
		g_autoptr(CtfMetadata) m = parse(text, &error);
		g_assert_null(m);
		g_assert_error(error, ST_ERROR, ST_ERROR_METADATA);
		if (!g_str_has_prefix(error->message, expected))
			g_error("case %u: \"%s\" gave \"%s\", not \"%s\"", (guint)i, text, error->message, expected);
	}
}

static void test_bad_json(void)
{
	static const Bad cases[] = {
	        {"^{'type':'preamble','version':2}", "CTF 2 metadata must begin with a record separator"},
	        {"^~ \n~", "CTF 2 metadata must have a preamble"},
	        {"~{'type':'preamble'\n,'version':2^", "the JSON text ends too early"},
	        {"~{'type':'preamble','version':0^2}", "a number must not begin with 0"},
	        {"~{'type':'preamble','version':2.^}", "a digit must be here"},
	        {"~{'type':'preamble','version':-^}", "a digit must be here"},
	        {"~{'type':'preamble','version':2e^}", "a digit must be here"},
	        {"~{'type':'preamble','version':0^x2}", "',' or '}' must be here"},
	        {"~{'type':'preamble','version':2,^}", "a property's name must be here"},
	        {"~{'type':'preamble' ^'version':2}", "',' or '}' must be here"},
	        {"~{'type'^}", "':' must follow a property's name"},
	        {"~[1 ^2]", "',' or ']' must be here"},
	        {"~[1,^]", "a JSON value must be here"},
	        {"~{'a^\nb':1}", "a control character in a string must be escaped"},
	        {"~['^\\q']", "this is no escape of JSON"},
	        {"~['^\\ud800']", "this is no escape of JSON"},
	        {"~['^\\ud800\\u0041']", "this is no escape of JSON"},
	        {"~['^\\udc00']", "this is no escape of JSON"},
	        {"~['^\\u12g4']", "this is no escape of JSON"},
	        {"~['a^\xff']", "this is not UTF-8"},
	        {"~['a^", "the JSON text ends too early: the string has no end"},
	        {"~^nul", "a JSON value must be here"},
	        {"~^/* c */{}", "a JSON value must be here"},
	        {"~{} ^{}", "nothing more must be here"},
	        {"~^7", "an object with a property \"type\" must be here"},
	};
	check_bad(cases, G_N_ELEMENTS(cases));
}

static void test_bad_fragments(void)
{
	static const Bad cases[] = {
	        {"~{'type':^'data-stream-class'}", "the first fragment, and only the first, must be a preamble"},
	        {PREAMBLE "~{'type':^'preamble','version':2}",
		 "the first fragment, and only the first, must be a preamble"},
	        {"~^{'type':'preamble'}", "this object must have a property \"version\""},
	        {"~{'type':'preamble','version':^3}", "Strata reads version 2 of such metadata only"},
	        {"~{'type':'preamble','version':^'2'}", "a version must be an integer"},
	        {"~{'type':'preamble','version':2,'uuid':^[1]}", "a UUID must have 16 bytes"},
	        {"~{'type':'preamble','version':2,'uuid':[0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,^256]}",
		 "a byte of a UUID must be less than 256"},
	        {"~{'type':'preamble','version':2,'extensions':{^'my.tracer':{'piano':null}}}",
		 "this needs an extension of the format that Strata doesn't know: \"piano\", of \"my.tracer\""},
	        {PREAMBLE "~{'type':'data-stream-class','extensions':{^'a':{'b':1}}}", "this needs an extension"},
	        {PREAMBLE "~{'type':^'packet'}", "this is no type of a fragment"},
	        {PREAMBLE STREAM "~^{'type':'trace-class'}", "there may be one trace class only"},
	        {PREAMBLE "~{'type':'trace-class'}~^{'type':'trace-class'}", "there may be one trace class only"},
	        {PREAMBLE "~{'type':'trace-class','environment':{'a':^[]}}",
		 "a value of the environment must be a string"},
	        {PREAMBLE "~{'type':'trace-class','environment':{'a':^9223372036854775808}}",
		 "a value of the environment must fit"},
	        {PREAMBLE "~{'type':'trace-class','name':^'a\\u0000b'}", "name must not hold a null character"},
	        {PREAMBLE "~{'type':'trace-class','packet-header-field-class':^" U8 "}", "this must be a structure"},
	        {PREAMBLE "~^{'type':'clock-class','id':'c'}", "this object must have a property \"frequency\""},
	        {PREAMBLE "~{'type':'clock-class','id':'c','frequency':^0}", "a frequency must not be 0"},
	        {PREAMBLE "~{'type':'clock-class','id':'c','frequency':^-1}", "a frequency must not be negative"},
	        {PREAMBLE "~{'type':'clock-class','id':'c','frequency':^18446744073709551616}",
		 "a frequency must not be negative, nor larger"},
	        {PREAMBLE "~{'type':'clock-class','id':'c','frequency':1,'origin':^'unix'}", "an origin is"},
	        {PREAMBLE CLOCK "~{'type':'clock-class','id':^'c','frequency':1}",
		 "there is a clock class \"c\" already"},
	        {PREAMBLE "~{'type':'data-stream-class','default-clock-class-id':^'c'}",
		 "no clock class \"c\" comes before this"},
	        {PREAMBLE STREAM "~^{'type':'data-stream-class'}", "there is a data stream class 0 already"},
	        {PREAMBLE "~^{'type':'event-record-class'}", "no data stream class 0 comes before this"},
	        {PREAMBLE STREAM "~{'type':'event-record-class','data-stream-class-id':^1}",
		 "no data stream class 1 comes before this"},
	        {PREAMBLE STREAM EVENT("") "~{'type':'event-record-class','id':^0}",
		 "there is an event record class 0 already"},
	        {PREAMBLE ALIAS("a", U8) "~{'type':'field-class-alias','name':^'a','field-class':" U8 "}",
		 "there is a field class alias \"a\" already"},
	        {PREAMBLE ALIAS("a", "^'b'"), "no such field class alias comes before this"},
	        {PREAMBLE STREAM ALIAS("a", STRUCT(MEMBER("x", "^'a'"))) EVENT(MEMBER("f", "'a'")),
		 "no field class alias \"a\" comes before this"},
	};
	check_bad(cases, G_N_ELEMENTS(cases));
}

#define BAD_EVENT(members) PREAMBLE STREAM EVENT(members)
#define BAD_MEMBER(class)  BAD_EVENT(MEMBER("a", class))

static void test_bad_field_classes(void)
{
	static const Bad cases[] = {
	        {BAD_MEMBER("{'type':^'integer'}"), "this is no type of a field class"},
	        {BAD_MEMBER("^7"), "a field class must be an object"},
	        {BAD_MEMBER("^'u8'"), "no field class alias \"u8\" comes before this"},
	        {BAD_EVENT("^{'name':'a'}"), "this object must have a property \"field-class\""},
	        {BAD_EVENT("^{'field-class':" U8 "}"), "this object must have a property \"name\""},
	        {BAD_EVENT(MEMBER("a", U8) ",^" MEMBER("a", U8)), "there is a field \"a\" already"},
	        {BAD_MEMBER("^{'type':'fixed-length-unsigned-integer','byte-order':'little-endian'}"),
		 "this object must have a property \"length\""},
	        {BAD_MEMBER("{'type':'fixed-length-unsigned-integer','length':^0,'byte-order':'little-endian'}"),
		 "Strata reads bit arrays of 1 to 64 bits only"},
	        {BAD_MEMBER("{'type':'fixed-length-bit-array','length':^65,'byte-order':'little-endian'}"),
		 "Strata reads bit arrays of 1 to 64 bits only"},
	        {BAD_MEMBER("{'type':'fixed-length-floating-point-number','length':^128,'byte-order':'little-endian'}"),
		 "Strata reads floating point numbers of 32 and of 64 bits only"},
	        {BAD_MEMBER("^{'type':'fixed-length-boolean','length':8}"),
		 "this object must have a property \"byte-order\""},
	        {BAD_MEMBER("{'type':'fixed-length-boolean','length':8,'byte-order':^'le'}"), "a byte order is"},
	        {BAD_MEMBER("{'type':'fixed-length-boolean','length':8,'byte-order':'big-endian','bit-order':^1}"),
		 "a bit order is"},
	        {BAD_MEMBER("{'type':'fixed-length-boolean','length':8,'byte-order':'big-endian','alignment':^3}"),
		 "an alignment must be a power of two"},
	        {BAD_MEMBER("{'type':'structure','minimum-alignment':^4294967296}"),
		 "an alignment must be a power of two"},
	        {BAD_MEMBER("{'type':'variable-length-signed-integer','preferred-display-base':^3}"), "a base is"},
	        {BAD_MEMBER("{'type':'variable-length-signed-integer','mappings':{'x':^[]}}"),
		 "an integer range set must not be empty"},
	        {BAD_MEMBER("{'type':'variable-length-signed-integer','mappings':{'x':[^[1]]}}"),
		 "an integer range is"},
	        {BAD_MEMBER("{'type':'variable-length-signed-integer','mappings':{'x':[^[2,1]]}}"),
		 "an integer range's upper"},
	        {BAD_MEMBER("{'type':'variable-length-signed-integer','mappings':{'x':[[0,0],^[1,-2]]}}"),
		 "an integer range's upper"},
	        {BAD_MEMBER("{'type':'variable-length-signed-integer','mappings':{'x':[^[-1,-2]]}}"),
		 "an integer range's upper"},
	        {BAD_MEMBER("{'type':'variable-length-signed-integer','mappings':{'x':[^[0,1.0]]}}"),
		 "an integer range is"},
	        {BAD_MEMBER("{'type':'fixed-length-bit-map','length':8,'byte-order':'big-endian','flags':^{}}"),
		 "a bit map must have"},
	        {BAD_MEMBER("{'type':'null-terminated-string','encoding':^'latin1'}"), "an encoding is"},
	        {BAD_MEMBER("^{'type':'static-length-string'}"), "this object must have a property \"length\""},
	        {BAD_MEMBER("^{'type':'static-length-array','length':1}"),
		 "this object must have a property \"element-field-class\""},
	        {BAD_MEMBER("{'type':'structure','member-classes':^{}}"), "member classes must be an array"},
	        {BAD_MEMBER("{'type':'structure','extensions':{^'x':{'y':0}}}"), "this needs an extension"},
	        {BAD_EVENT("{'name':'a','field-class':" U8 ",'extensions':{^'x':{'y':0}}}"), "this needs an extension"},
	};
	check_bad(cases, G_N_ELEMENTS(cases));
}

/* A sequence with this length, after an integer "n". */
#define BAD_LENGTH(location) BAD_EVENT(MEMBER("n", U8) "," MEMBER("a", SEQ(location, U8)))

static void test_bad_locations(void)
{
	static const Bad cases[] = {
		{BAD_EVENT(MEMBER("a", SEQ(PATH("^'n'"), U8))), "no field \"n\" comes before this one there"},
		{BAD_EVENT(MEMBER("a", SEQ(PATH("^'n'"), U8)) "," MEMBER("n", U8)), "no field \"n\" comes before this one there"},
		{BAD_LENGTH("^7"), "a field location must be an object"},
		{BAD_LENGTH("^{}"), "this object must have a property \"path\""},
		{BAD_LENGTH("{'path':^[]}"), "a path must not be empty"},
		{BAD_LENGTH(PATH("^0")), "an element of a path must be a string"},
		{BAD_LENGTH(PATH("^null,'n'")), "no structure is around the one that this null leaves"},
		{BAD_LENGTH(PATH("'n',^'m'")), "no field \"m\" comes before this one there"},
		{BAD_LENGTH("{'origin':^'here','path':['n']}"), "this is no origin of a field location"},
		{BAD_LENGTH("{'origin':^'event-record-specific-context','path':['n']}"),
		 "there is no event-record-specific-context before this field"},
		{BAD_EVENT(MEMBER("n", U8) "," MEMBER("s", STRUCT(MEMBER("a", SEQ("^" PATH("null"), U8))))),
		 "this must name an integer or a boolean"},
		{BAD_EVENT(MEMBER("n", STR) "," MEMBER("a", SEQ("^" PATH("'n'"), U8))), "this must name an integer or a boolean"},
		{BAD_EVENT(MEMBER("n", S8) "," MEMBER("a", SEQ("^" PATH("'n'"), U8))), "a length must be an unsigned integer"},
		{BAD_EVENT(MEMBER("n", BOOL) "," MEMBER("a", SEQ("^" PATH("'n'"), U8))), "a length must be an unsigned integer"},
		{BAD_EVENT(MEMBER("n", BOOL) "," MEMBER("a", VARIANT("^" PATH("'n'"), OPTION("[[0,0]]", U8)))),
		 "a variant's selector must be an integer"},
		/* an array that is not being decoded */
		{BAD_EVENT(MEMBER("b", ARR("2", STRUCT(MEMBER("n", U8)))) "," MEMBER("a", SEQ(PATH("^'b','n'"), U8))),
		 "no field \"b\" comes before this one there"},
		/* a variant as its own selector */
		{BAD_EVENT(MEMBER("a", VARIANT(PATH("^'a'"), OPTION("[[0,0]]", U8)))), "no field \"a\" comes before this one there"},
		{BAD_EVENT(MEMBER("n", U8) ","
		           MEMBER("a", "{'type':'variant','selector-field-location':" PATH("'n'") ",'options':^[]}")),
		 "a variant must have an option"},
		{BAD_EVENT(MEMBER("n", U8) ","
		           MEMBER("a", "{'type':'variant','selector-field-location':" PATH("'n'") ",'options':^["
		                       OPTION("[[0,5]]", U8) "," OPTION("[[9,9]]", U8) "," OPTION("[[3,3]]", U8) "]}")),
		 "options 0 and 2 of the variant share a value of the selector"},
		{BAD_EVENT(MEMBER("n", U8) "," MEMBER("a", "^" OPTIONAL(PATH("'n'"), U8))),
		 "this object must have a property \"selector-field-ranges\""},
		{BAD_EVENT(MEMBER("n", U8) ","
		           MEMBER("v", VARIANT(PATH("'n'"), OPTION("[[0,0]]", U8) "," OPTION("[[1,1]]", S8))) ","
		           MEMBER("a", SEQ("^" PATH("'v'"), U8))),
		 "this names fields of different types"},
	};
	check_bad(cases, G_N_ELEMENTS(cases));
}

#define BAD_HEADER(class) PREAMBLE "~{'type':'trace-class','packet-header-field-class':" STRUCT(MEMBER("m", class)) "}"
#define BAD_EVENT_HEADER(class)                                                                                        \
	PREAMBLE "~{'type':'data-stream-class','event-record-header-field-class':" STRUCT(MEMBER("m", class)) "}"
#define U8_MARKED_ROLE(role)                                                                                           \
	"{'type':'fixed-length-unsigned-integer','length':8,'byte-order':'little-endian','roles':^['" role "']}"

static void test_bad_roles(void)
{
	static const Bad cases[] = {
	        {BAD_HEADER(U8_MARKED_ROLE("packet-magic-number")), "a packet's magic number has 32 bits"},
	        {BAD_HEADER(U8_MARKED_ROLE("metadata-stream-uuid")), "a metadata stream's UUID, and nothing else, is"},
	        {BAD_HEADER("{'type':'static-length-blob','length':15,'roles':^['metadata-stream-uuid']}"),
		 "a UUID has 16 bytes"},
	        {BAD_HEADER("{'type':'static-length-blob','length':16,'roles':^['data-stream-id']}"),
		 "a metadata stream's UUID, and nothing else, is"},
	        {BAD_EVENT_HEADER(U8_MARKED_ROLE("default-clock-timestamp")), "a timestamp needs a default clock"},
	        {BAD_EVENT_HEADER("{'type':'variable-length-signed-integer','roles':^['event-record-class-id']}"),
		 "only an unsigned integer can have a role"},
	};
	check_bad(cases, G_N_ELEMENTS(cases));
}

/* ---- Too much of everything ----------------------------------------------------------------------------------- */

static void assert_bad_text(const char *text, const char *what)
{
	g_autoptr(GError) error = NULL;
	g_autoptr(CtfMetadata) m = parse(text, &error);
	g_assert_null(m);
	g_assert_nonnull(strstr(error->message, what));
}

static void append_repeated(GString *s, const char *text, guint n)
{
	for (guint i = 0; i < n; i++)
		g_string_append(s, text);
}

static void test_limits(void)
{
	g_autoptr(GString) s = g_string_new(PREAMBLE "~");
	append_repeated(s, "[", 1000000);
	assert_bad_text(s->str, "JSON values are nested too deep");

	g_string_assign(s, PREAMBLE STREAM "~{'type':'event-record-class','payload-field-class':");
	append_repeated(s, "{'type':'structure','member-classes':[{'name':'a','field-class':", 70);
	g_string_append(s, U8);
	append_repeated(s, "}]}", 70);
	g_string_append(s, "}");
	assert_bad_text(s->str, "field classes are nested more than 64 deep");

	g_string_assign(s, PREAMBLE STREAM
	                "~{'type':'event-record-class','payload-field-class':{'type':'structure','member-classes':[0");
	append_repeated(s, ",0", CTF_FIELDS_MAX);
	g_string_append(s, "]}}");
	assert_bad_text(s->str, "more than 4096 fields");
}

/* Few bytes that ask for much work: each use of an alias looks at all of it. */
static void test_work_is_bounded(void)
{
	g_autoptr(GString) s = g_string_new(PREAMBLE "~{'type':'field-class-alias','name':'a','field-class':{'type':'structure'");
	for (guint i = 0; i < 200000; i++)
		g_string_append_printf(s, ",'x%u':0", i);
	g_string_append(s, "}}\n" STREAM "~{'type':'event-record-class','payload-field-class':{'type':'structure','member-classes':[");
	for (guint i = 0; i < 2000; i++)
		g_string_append_printf(s, "%s{'name':'m%u','field-class':'a'}", i ? "," : "", i);
	g_string_append(s, "]}}");
	assert_bad_text(s->str, "take too much work");
}

/* Good metadata with any one byte changed: an error or not, but nothing worse. */
static void test_damage(void)
{
	static const char others[] = {'\0', '"', '{', ']', '9', '\x1e', '\\', '\xff'};
	g_autofree char *text = g_strdup(
		PREAMBLE CLOCK ALIAS("u8", U8) STREAM "~{'type':'event-record-class','id':1,'payload-field-class':"
		STRUCT(MEMBER("n", "'u8'") ","
		       MEMBER("a", SEQ(PATH("'n'"), VARIANT(PATH("'n'"), OPTION("[[0,1]]", STR) "," OPTION("[[2,3]]", "'u8'"))))) "}");
	gsize len = strlen(text);
	for (gsize i = 0; i < len; i++) {
		char own = text[i];
		for (guint j = 0; j < G_N_ELEMENTS(others); j++) {
			text[i] = others[j];
			g_autoptr(GError) error = NULL;
			g_autoptr(CtfMetadata) m = parse_bytes(text, len, &error);
			g_assert_true(!m == !!error);
		}
		text[i] = own;
	}
}

/* clang-format on */

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/json-metadata/scalars", test_scalars);
	g_test_add_func("/json-metadata/ranges", test_ranges);
	g_test_add_func("/json-metadata/texts-and-blobs", test_texts_and_blobs);
	g_test_add_func("/json-metadata/compounds", test_compounds);
	g_test_add_func("/json-metadata/relative-locations", test_relative_locations);
	g_test_add_func("/json-metadata/origins", test_origins);
	g_test_add_func("/json-metadata/locations-through-variants", test_locations_through_variants);
	g_test_add_func("/json-metadata/aliases", test_aliases);
	g_test_add_func("/json-metadata/aliases-are-bounded", test_aliases_are_bounded);
	g_test_add_func("/json-metadata/trace-class", test_trace_class);
	g_test_add_func("/json-metadata/clocks", test_clocks);
	g_test_add_func("/json-metadata/stream-class", test_stream_class);
	g_test_add_func("/json-metadata/sequence", test_sequence);
	g_test_add_func("/json-metadata/bad-json", test_bad_json);
	g_test_add_func("/json-metadata/bad-fragments", test_bad_fragments);
	g_test_add_func("/json-metadata/bad-field-classes", test_bad_field_classes);
	g_test_add_func("/json-metadata/bad-locations", test_bad_locations);
	g_test_add_func("/json-metadata/bad-roles", test_bad_roles);
	g_test_add_func("/json-metadata/limits", test_limits);
	g_test_add_func("/json-metadata/work-is-bounded", test_work_is_bounded);
	g_test_add_func("/json-metadata/damage", test_damage);
	return g_test_run();
}
