/* SPDX-License-Identifier: MIT */
#include "ctf/metadata.h"

#include <glib/gstdio.h>
#include <string.h>
#include <unistd.h>

/* ---- Small metadata ------------------------------------------------------------------------------------------ */

#define TYPES                                                                                                          \
	"/* CTF 1.8 */\n"                                                                                              \
	"typealias integer { size = 8; } := u8;\n"                                                                     \
	"typealias integer { size = 16; } := u16;\n"                                                                   \
	"typealias integer { size = 32; } := u32;\n"                                                                   \
	"typealias integer { size = 64; } := unsigned long;\n"
#define TRACE           "trace { major = 1; minor = 8; byte_order = le; };\n"
#define FIELDS(members) TYPES TRACE "event { name = e; fields := struct { " members " }; };"

static CtfMetadata *parse(const char *text)
{
	g_autoptr(GError) error = NULL;
	CtfMetadata *m = ctf_metadata_parse("m", text, strlen(text), &error);
	g_assert_no_error(error);
	return m;
}

static CtfEventClass *event(CtfMetadata *m, guint i)
{
	g_assert_cmpuint(i, <, m->events->len);
	return g_ptr_array_index(m->events, i);
}

static CtfStreamClass *stream(CtfMetadata *m, guint i)
{
	g_assert_cmpuint(i, <, m->stream_classes->len);
	return g_ptr_array_index(m->stream_classes, i);
}

static CtfFc *payload(CtfMetadata *m)
{
	g_autoptr(GError) error = NULL;
	ctf_event_class_load(event(m, 0), &error);
	g_assert_no_error(error);
	return event(m, 0)->payload;
}

static CtfFc *field(CtfMetadata *m, const char *name)
{
	CtfFc *fc = ctf_fc_member(payload(m), name);
	g_assert_nonnull(fc);
	return fc;
}

/* The first error that this text gives when it is read and all its events are loaded. */
static char *first_error(const char *text, gsize len)
{
	g_autoptr(GError) error = NULL;
	g_autoptr(CtfMetadata) m = ctf_metadata_parse("m", text, len, &error);
	for (guint i = 0; m && !error && i < m->events->len; i++)
		g_assert_cmpint(ctf_event_class_load(event(m, i), &error), ==, error == NULL);
	return error ? g_strdup(error->message) : NULL;
}

/* ---- What LTTng writes --------------------------------------------------------------------------------------- */

static const char lttng[] =
        "/* CTF 1.8 */\n"
        "typealias integer { size = 8; align = 8; signed = false; } := uint8_t;\n"
        "typealias integer { size = 32; align = 8; signed = false; } := uint32_t;\n"
        "typealias integer { size = 64; align = 8; signed = false; } := uint64_t;\n"
        "typealias integer { size = 64; align = 8; signed = false; } := unsigned long;\n"
        "typealias integer { size = 5; align = 1; signed = false; } := uint5_t;\n"
        "trace {\n"
        "	major = 1; minor = 8;\n"
        "	uuid = \"2a6422d0-6cee-11e0-8c08-cb07d7b3a564\";\n"
        "	byte_order = be;\n"
        "	packet.header := struct {\n"
        "		uint32_t magic; uint8_t uuid[16]; uint32_t stream_id; uint64_t stream_instance_id;\n"
        "	};\n"
        "};\n"
        "env { hostname = \"host\"; domain = \"kernel\"; tracer_name = \"lttng-modules\"; tracer_major = 2; };\n"
        "clock {\n"
        "	name = \"monotonic\"; uuid = \"1842ca26-28d6-4a3a-b3e6-30b5ff2ae0d1\"; description = \"Monotonic "
        "Clock\";\n"
        "	freq = 1000000000; /* Frequency, in Hz */\n"
        "	offset = 1795400148144888063;\n"
        "};\n"
        "typealias integer { size = 27; align = 1; signed = false; map = clock.monotonic.value; } := uint27_clock_t;\n"
        "typealias integer { size = 64; align = 8; signed = false; map = clock.monotonic.value; } := uint64_clock_t;\n"
        "struct packet_context {\n"
        "	uint64_clock_t timestamp_begin; uint64_clock_t timestamp_end; uint64_t content_size; uint64_t "
        "packet_size;\n"
        "	uint64_t packet_seq_num; unsigned long events_discarded; uint32_t cpu_id;\n"
        "};\n"
        "struct event_header_compact {\n"
        "	enum : uint5_t { compact = 0 ... 30, extended = 31 } id;\n"
        "	variant <id> {\n"
        "		struct { uint27_clock_t timestamp; } compact;\n"
        "		struct { uint32_t id; uint64_clock_t timestamp; } extended;\n"
        "	} v;\n"
        "} align(8);\n"
        "event {\n"
        "	name = \"sched_switch\"; id = 7; stream_id = 0; loglevel = 13; model.emf.uri = "
        "\"http://example.org/e\";\n"
        "	fields := struct {\n"
        "		integer { size = 8; align = 8; signed = 1; encoding = UTF8; base = 10; } _prev_comm[16];\n"
        "		integer { size = 8; align = 8; signed = 0; encoding = none; base = 10; } __vtids_length;\n"
        "		integer { size = 32; align = 8; signed = 1; encoding = none; base = 10; } _vtids[ "
        "__vtids_length ];\n"
        "		string _name;\n"
        "	};\n"
        "};\n"
        "stream {\n"
        "	id = 0;\n"
        "	event.header := struct event_header_compact;\n"
        "	packet.context := struct packet_context;\n"
        "	event.context := struct { integer { size = 32; align = 8; signed = 1; base = 10; } _vtid; };\n"
        "};\n"
        "callsite { name = \"sched_switch\"; func = \"f\"; file = \"f.c\"; line = 3; };\n";

static void test_lttng_trace(void)
{
	g_autoptr(CtfMetadata) m = parse(lttng);
	const CtfFc *h = m->packet_header;

	g_assert_cmpuint(m->version, ==, 1);
	g_assert_true(m->has_uuid);
	g_assert_cmphex(m->uuid[0], ==, 0x2a);
	g_assert_cmphex(m->uuid[15], ==, 0x64);
	g_assert_true(m->big_endian);
	g_assert_cmpint(ctf_fc_member(h, "magic")->role, ==, CTF_ROLE_MAGIC);
	g_assert_true(ctf_fc_member(h, "magic")->big_endian);
	g_assert_cmpint(ctf_fc_member(h, "uuid")->role, ==, CTF_ROLE_UUID);
	g_assert_cmpuint(ctf_fc_member(h, "uuid")->length, ==, 16);
	g_assert_cmpint(ctf_fc_member(h, "stream_id")->role, ==, CTF_ROLE_STREAM_CLASS_ID);
	g_assert_cmpint(ctf_fc_member(h, "stream_instance_id")->role, ==, CTF_ROLE_STREAM_ID);
	g_assert_cmpstr(ctf_metadata_env_text(m, "domain"), ==, "kernel");
	g_assert_true(ctf_metadata_env(m, "tracer_major")->is_int);
	g_assert_cmpint(ctf_metadata_env(m, "tracer_major")->i, ==, 2);
	g_assert_null(ctf_metadata_env_text(m, "tracer_major"));
	g_assert_null(ctf_metadata_env(m, "nothing"));
}

static void test_lttng_clock(void)
{
	g_autoptr(CtfMetadata) m = parse(lttng);
	const CtfClock *clock = g_ptr_array_index(m->clocks, 0);

	g_assert_cmpstr(clock->name, ==, "monotonic");
	g_assert_cmpstr(clock->id, ==, "monotonic");
	g_assert_cmpstr(clock->description, ==, "Monotonic Clock");
	g_assert_true(clock->has_uuid);
	g_assert_cmpuint(clock->freq, ==, 1000000000);
	g_assert_cmpuint(clock->precision, ==, 1);
	g_assert_cmpuint(clock->offset_cycles, ==, 1795400148144888063);
	g_assert_cmpint(clock->offset_s, ==, 0);
	g_assert_true(clock->absolute);
}

static void test_lttng_stream(void)
{
	g_autoptr(CtfMetadata) m = parse(lttng);
	const CtfStreamClass *sc = ctf_metadata_stream_class(m, 0);
	const CtfFc *pc = sc->packet_context, *eh = sc->event_header;
	static const struct {
		const char *name;
		CtfRole role;
	} roles[] = {{"timestamp_begin", CTF_ROLE_PACKET_BEGIN},
	             {"timestamp_end", CTF_ROLE_PACKET_END},
	             {"content_size", CTF_ROLE_CONTENT_SIZE},
	             {"packet_size", CTF_ROLE_PACKET_SIZE},
	             {"packet_seq_num", CTF_ROLE_PACKET_SEQ_NUM},
	             {"events_discarded", CTF_ROLE_EVENTS_DISCARDED},
	             {"cpu_id", CTF_ROLE_CPU_ID}};

	for (guint i = 0; i < G_N_ELEMENTS(roles); i++)
		g_assert_cmpint(ctf_fc_member(pc, roles[i].name)->role, ==, roles[i].role);
	g_assert_true(sc->clock == g_ptr_array_index(m->clocks, 0));
	g_assert_cmpint(ctf_fc_member(sc->common_context, "vtid")->scope, ==, CTF_SCOPE_COMMON_CONTEXT);

	const CtfFc *id = ctf_fc_member(eh, "id"), *v = ctf_fc_member(eh, "v");
	g_assert_cmpuint(eh->align, ==, 8);
	g_assert_true(id->is_enum && id->is_referenced);
	g_assert_cmpint(id->role, ==, CTF_ROLE_EVENT_CLASS_ID);
	g_assert_cmpuint(id->align, ==, 1);
	g_assert_true(v->type == CTF_FC_VARIANT && v->selector_fc == id);
	g_assert_cmpuint(v->align, ==, 1);
	g_assert_true(ctf_ranges_hold(v->members[0].ranges, v->members[0].n_ranges, 30));
	g_assert_false(ctf_ranges_hold(v->members[0].ranges, v->members[0].n_ranges, 31));
	g_assert_true(ctf_ranges_hold(v->members[1].ranges, v->members[1].n_ranges, 31));
	g_assert_cmpint(ctf_fc_member(v->members[0].fc, "timestamp")->role, ==, CTF_ROLE_TIMESTAMP);
	g_assert_cmpint(ctf_fc_member(v->members[1].fc, "id")->role, ==, CTF_ROLE_EVENT_CLASS_ID);
	g_assert_cmpint(ctf_fc_member(v->members[1].fc, "timestamp")->role, ==, CTF_ROLE_TIMESTAMP);
	g_assert_cmpuint(v->members[0].fc->align, ==, 1);
	g_assert_cmpuint(v->members[1].fc->align, ==, 8);
}

static void test_lttng_event(void)
{
	g_autoptr(CtfMetadata) m = parse(lttng);
	CtfEventClass *ec = ctf_stream_class_event(stream(m, 0), 7);

	g_assert_null(ctf_stream_class_event(stream(m, 0), 8));
	g_assert_cmpstr(ec->name, ==, "sched_switch");
	g_assert_true(ec->has_log_level);
	g_assert_cmpint(ec->log_level, ==, 13);
	g_assert_cmpstr(ec->emf_uri, ==, "http://example.org/e");
	g_assert_null(ec->payload);
	g_assert_cmpint(field(m, "prev_comm")->type, ==, CTF_FC_STATIC_TEXT);
	g_assert_cmpuint(field(m, "prev_comm")->length, ==, 16);
	g_assert_cmpuint(field(m, "prev_comm")->align, ==, 8);
	g_assert_cmpint(field(m, "vtids")->type, ==, CTF_FC_SEQUENCE);
	g_assert_true(field(m, "vtids")->length_fc == field(m, "_vtids_length"));
	g_assert_true(field(m, "_vtids_length")->is_referenced);
	g_assert_true(field(m, "vtids")->element->is_signed && field(m, "vtids")->element->big_endian);
	g_assert_cmpint(field(m, "name")->type, ==, CTF_FC_STRING);
	g_assert_cmpstr(payload(m)->members[1].name, ==, "__vtids_length");
	g_assert_cmpstr(payload(m)->members[1].display, ==, "_vtids_length");
	g_assert_null(ec->spec_context);
}

/* ---- Types --------------------------------------------------------------------------------------------------- */

static void test_integers(void)
{
	static const struct {
		const char *attributes;
		guint size, align, base;
		gboolean is_signed, big_endian;
	} cases[] = {
	        {"size = 8;", 8, 8, 10, FALSE, FALSE},
	        {"size = 12;", 12, 1, 10, FALSE, FALSE},
	        {"size = 0x10; align = 0b100000;", 16, 32, 10, FALSE, FALSE},
	        {"size = 010; align = 1; signed = true;", 8, 1, 10, TRUE, FALSE},
	        {"size = 64; signed = TRUE; base = 0x10;", 64, 8, 16, TRUE, FALSE},
	        {"size = 64; signed = 1; base = hex;", 64, 8, 16, TRUE, FALSE},
	        {"size = 64; signed = false; base = \"octal\";", 64, 8, 8, FALSE, FALSE},
	        {"size = 64; signed = FALSE; base = b;", 64, 8, 2, FALSE, FALSE},
	        {"size = 64; signed = 0; base = u;", 64, 8, 10, FALSE, FALSE},
	        {"size = 32; byte_order = be;", 32, 8, 10, FALSE, TRUE},
	        {"size = 32; byte_order = network;", 32, 8, 10, FALSE, TRUE},
	        {"size = 32; byte_order = native;", 32, 8, 10, FALSE, FALSE},
	        {"size = 32; encoding = ASCII; user.tag = 3; other = \"x\";", 32, 8, 10, FALSE, FALSE},
	        {"size = 1ULL;", 1, 1, 10, FALSE, FALSE},
	};
	for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
		g_autofree char *text = g_strdup_printf(FIELDS("integer { %s } x;"), cases[i].attributes);
		g_autoptr(CtfMetadata) m = parse(text);
		const CtfFc *x = field(m, "x");
		g_assert_cmpint(x->type, ==, CTF_FC_INT);
		g_assert_cmpuint(x->size, ==, cases[i].size);
		g_assert_cmpuint(x->align, ==, cases[i].align);
		g_assert_cmpuint(x->base, ==, cases[i].base);
		g_assert_cmpint(x->is_signed, ==, cases[i].is_signed);
		g_assert_cmpint(x->big_endian, ==, cases[i].big_endian);
		g_assert_cmpint(x->slot, ==, -1);
		g_assert_cmpint(x->scope, ==, CTF_SCOPE_PAYLOAD);
	}
}

static void test_floats_and_strings(void)
{
	g_autoptr(CtfMetadata) m =
	        parse(FIELDS("floating_point { exp_dig = 8; mant_dig = 24; byte_order = be; } f;"
	                     "floating_point { exp_dig = 11; mant_dig = 53; align = 64; } d;"
	                     "string s; string { encoding = UTF8; } t; string { encoding = ASCII; } u;"));

	g_assert_cmpint(field(m, "f")->type, ==, CTF_FC_FLOAT);
	g_assert_cmpuint(field(m, "f")->size, ==, 32);
	g_assert_cmpuint(field(m, "f")->align, ==, 8);
	g_assert_true(field(m, "f")->big_endian);
	g_assert_cmpuint(field(m, "d")->size, ==, 64);
	g_assert_cmpuint(field(m, "d")->align, ==, 64);
	g_assert_false(field(m, "d")->big_endian);
	g_assert_cmpint(field(m, "s")->type, ==, CTF_FC_STRING);
	g_assert_cmpuint(field(m, "t")->align, ==, 8);
	g_assert_cmpint(field(m, "u")->encoding, ==, CTF_TEXT_UTF8);
	g_assert_cmpuint(payload(m)->align, ==, 64);
}

static void test_enumerations(void)
{
	g_autoptr(CtfMetadata) m =
	        parse(FIELDS("enum : u8 { a, b = 5, c, \"a b\" = 0x10 ... 0x1f, d, b = 9, f = 'x', } e;"
	                     "enum : integer { size = 8; signed = true; } { low = -128 ... -1, zero, top = 'A' } s;"));
	const CtfFc *e = field(m, "e"), *s = field(m, "s");

	g_assert_true(e->is_enum && !e->is_signed);
	g_assert_cmpuint(e->n_mappings, ==, 6);
	g_assert_cmpstr(e->mappings[0].label, ==, "a");
	g_assert_cmpuint(e->mappings[0].ranges[0].lower, ==, 0);
	g_assert_cmpuint(e->mappings[1].n_ranges, ==, 2);
	g_assert_cmpuint(e->mappings[1].ranges[1].upper, ==, 9);
	g_assert_cmpuint(e->mappings[2].ranges[0].lower, ==, 6);
	g_assert_cmpstr(e->mappings[3].label, ==, "a b");
	g_assert_cmpuint(e->mappings[3].ranges[0].upper, ==, 0x1f);
	g_assert_cmpuint(e->mappings[4].ranges[0].lower, ==, 0x20);
	g_assert_true(ctf_ranges_hold(s->mappings[0].ranges, 1, (guint64)-128));
	g_assert_false(ctf_ranges_hold(s->mappings[0].ranges, 1, 0));
	g_assert_true(ctf_ranges_hold(s->mappings[1].ranges, 1, 0));
	g_assert_cmpuint(s->mappings[2].ranges[0].lower, ==, 65);
}

static void test_arrays(void)
{
	g_autoptr(CtfMetadata) m =
	        parse(FIELDS("u16 a[2][3], b, c[0]; u8 n; u32 s[n]; struct { u8 len; u8 d[len]; } t[n][2];"
	                     "integer { size = 8; encoding = UTF8; } x[n], y[4];"
	                     "integer { size = 8; align = 1; encoding = UTF8; } z[4];"));
	const CtfFc *a = field(m, "a"), *t = field(m, "t");

	g_assert_cmpuint(a->length, ==, 2);
	g_assert_cmpuint(a->element->length, ==, 3);
	g_assert_cmpuint(a->element->element->size, ==, 16);
	g_assert_cmpint(field(m, "b")->type, ==, CTF_FC_INT);
	g_assert_cmpuint(field(m, "c")->length, ==, 0);
	g_assert_true(field(m, "s")->length_fc == field(m, "n"));
	g_assert_true(t->type == CTF_FC_SEQUENCE && t->element->type == CTF_FC_ARRAY);
	g_assert_true(ctf_fc_member(t->element->element, "d")->length_fc == ctf_fc_member(t->element->element, "len"));
	g_assert_cmpint(field(m, "x")->type, ==, CTF_FC_DYNAMIC_TEXT);
	g_assert_true(field(m, "x")->length_fc == field(m, "n"));
	g_assert_cmpint(field(m, "y")->type, ==, CTF_FC_STATIC_TEXT);
	g_assert_cmpint(field(m, "z")->type, ==, CTF_FC_ARRAY);
}

static void test_struct_alignment(void)
{
	g_autoptr(CtfMetadata) m = parse(FIELDS("struct { integer { size = 3; } x; } a; struct { } align(16) b;"
	                                        "struct { struct { integer { size = 8; align = 32; } x; } y[2]; } c;"
	                                        "struct s { u8 x; } align(64); struct s d; struct s align(128) e;"));

	g_assert_cmpuint(field(m, "a")->align, ==, 1);
	g_assert_cmpuint(field(m, "b")->align, ==, 16);
	g_assert_cmpuint(field(m, "c")->align, ==, 32);
	g_assert_cmpuint(field(m, "d")->align, ==, 64);
	g_assert_cmpuint(field(m, "e")->align, ==, 128);
	g_assert_cmpuint(payload(m)->align, ==, 128);
	g_assert_cmpuint(payload(m)->n_members, ==, 5);
}

static void test_named_types(void)
{
	g_autoptr(CtfMetadata) m =
	        parse(TYPES TRACE
	              "struct s { u8 a; }; variant v { u8 x; u16 y; }; enum t : u8 { x, y = 7 };\n"
	              "typedef u8 bytes[4], byte; typealias struct s := s_t; typealias u8 [2] := pair;\n"
	              "typealias u8 := const char *; typealias u8 := int;\n"
	              "event { name = e; typedef u32 local; struct s { u16 b; };\n"
	              "  fields := struct {\n"
	              "    typedef u16 byte; struct s a; s_t b; bytes c; pair d; byte e; local f; unsigned long g;\n"
	              "    const char *h; enum { p, q } i; enum t tag; variant v <tag> v; const u16 w;\n"
	              "  };\n"
	              "};");

	g_assert_cmpuint(ctf_fc_member(field(m, "a"), "b")->size, ==, 16);
	g_assert_cmpuint(ctf_fc_member(field(m, "b"), "a")->size, ==, 8);
	g_assert_cmpuint(field(m, "c")->length, ==, 4);
	g_assert_cmpuint(field(m, "d")->length, ==, 2);
	g_assert_cmpuint(field(m, "e")->size, ==, 16);
	g_assert_cmpuint(field(m, "f")->size, ==, 32);
	g_assert_cmpuint(field(m, "g")->size, ==, 64);
	g_assert_cmpuint(field(m, "h")->size, ==, 8);
	g_assert_cmpuint(field(m, "h")->base, ==, 16);
	g_assert_cmpuint(field(m, "i")->n_mappings, ==, 2);
	g_assert_cmpuint(field(m, "v")->members[1].ranges[0].lower, ==, 7);
	g_assert_cmpuint(field(m, "w")->size, ==, 16);
}

/* Names of an event's block are its own: another event may use them again. */
static void test_scopes_end(void)
{
	g_autoptr(CtfMetadata) m =
	        parse(TYPES TRACE "stream { event.header := struct { u8 id; }; };\n"
	                          "event { name = a; id = 1; typedef u16 t; fields := struct { t x; }; };\n"
	                          "event { name = b; id = 2; typedef u32 t; fields := struct { t x; }; };\n"
	                          "event { name = c; id = 3; fields := struct { t x; }; };\n"
	                          "event { name = d; id = 4; fields := struct { u8 x; }; };\n");
	g_autoptr(GError) error = NULL;

	for (guint i = 0; i < 2; i++) {
		g_assert_true(ctf_event_class_load(event(m, i), NULL));
		g_assert_cmpuint(event(m, i)->payload->members[0].fc->size, ==, i ? 32 : 16);
	}
	g_assert_false(ctf_event_class_load(event(m, 2), &error));
	g_assert_error(error, ST_ERROR, ST_ERROR_METADATA);
	g_assert_false(ctf_event_class_load(event(m, 2), NULL));
	g_assert_true(ctf_event_class_load(event(m, 3), NULL));
}

/* ---- References ---------------------------------------------------------------------------------------------- */

static void test_variants(void)
{
	g_autoptr(CtfMetadata) m = parse(FIELDS("enum : u8 { _one = 1, _many = 2 ... 9, _many = 20, none = 30 } _tag;"
	                                        "struct { enum : u8 { x = 3 } k; } s;"
	                                        "variant <_tag> { u8 _one; struct { } _many; string _never; } v;"
	                                        "variant <s.k> { u32 x; } w;"));
	const CtfFc *v = field(m, "v");

	g_assert_true(v->selector_fc == field(m, "tag"));
	g_assert_cmpstr(v->members[0].display, ==, "one");
	g_assert_cmpuint(v->members[0].n_ranges, ==, 1);
	g_assert_cmpuint(v->members[1].n_ranges, ==, 2);
	g_assert_true(ctf_ranges_hold(v->members[1].ranges, 2, 20));
	g_assert_cmpuint(v->members[2].n_ranges, ==, 0);
	g_assert_true(field(m, "w")->selector_fc == ctf_fc_member(field(m, "s"), "k"));
}

static void test_many_names(void)
{
	g_autoptr(GString) labels = g_string_new(NULL), options = g_string_new(NULL);
	for (guint i = 0; i < 300; i++) {
		g_string_append_printf(labels, "l%u,", i);
		g_string_append_printf(options, "u8 l%u;", 299 - i);
	}
	g_autofree char *text =
	        g_strdup_printf(FIELDS("enum : u16 { %s } t; variant <t> { %s } v; struct { %s } s; u8 a[s.l77];"),
	                        labels->str, options->str, options->str);
	g_autoptr(CtfMetadata) m = parse(text);
	const CtfFc *v = field(m, "v");

	for (guint i = 0; i < 300; i++)
		g_assert_cmpuint(v->members[i].ranges[0].lower, ==, 299 - i);
	g_assert_true(field(m, "a")->length_fc == ctf_fc_member(field(m, "s"), "l77"));
}

static void test_innermost_name_counts(void)
{
	g_autoptr(CtfMetadata) m = parse(
	        FIELDS("u8 n; u8 k; struct { u8 n; struct { u8 a[n]; u8 b[k]; u8 c[event.fields.n]; u8 n; } t; } s;"));
	const CtfFc *s = field(m, "s"), *t = ctf_fc_member(s, "t");

	g_assert_true(ctf_fc_member(t, "a")->length_fc == ctf_fc_member(s, "n"));
	g_assert_true(ctf_fc_member(t, "b")->length_fc == field(m, "k"));
	g_assert_true(ctf_fc_member(t, "c")->length_fc == field(m, "n"));
	g_assert_false(ctf_fc_member(t, "n")->is_referenced);
}

static void test_absolute_paths(void)
{
	g_autoptr(CtfMetadata) m = parse(
	        TYPES
	        "trace { major = 1; minor = 8; byte_order = le; packet.header := struct { u32 magic; u8 h; }; };\n"
	        "stream {\n"
	        "  packet.context := struct { u8 pc[trace.packet.header.h]; struct { u8 x; } p; };\n"
	        "  event.header := struct { u8 id; u8 eh; };\n"
	        "  event.context := struct { u8 cc; u8 unused; };\n"
	        "};\n"
	        "event { name = e; id = 0;\n"
	        "  context := struct { u8 sc[stream.event.context.cc]; u8 n; };\n"
	        "  fields := struct {\n"
	        "    u8 a[trace.packet.header.h]; u8 b[stream.packet.context.p.x]; u8 c[stream /* x */ . "
	        "event.header.eh];\n"
	        "    u8 d[stream.event.context.cc]; u8 e[event.context.n]; u8 f; u8 g[event.fields.f];\n"
	        "  };\n"
	        "};");
	const CtfStreamClass *sc = stream(m, 0);

	/* Before anything is loaded: headers are decoded before an event is known. */
	g_assert_true(ctf_fc_member(m->packet_header, "h")->is_referenced);
	g_assert_true(ctf_fc_member(sc->event_header, "eh")->is_referenced);
	g_assert_true(ctf_fc_member(sc->common_context, "cc")->is_referenced);
	g_assert_false(ctf_fc_member(sc->common_context, "unused")->is_referenced);
	g_assert_true(field(m, "a")->length_fc == ctf_fc_member(m->packet_header, "h"));
	g_assert_true(field(m, "b")->length_fc == ctf_fc_member(ctf_fc_member(sc->packet_context, "p"), "x"));
	g_assert_true(field(m, "c")->length_fc == ctf_fc_member(sc->event_header, "eh"));
	g_assert_true(field(m, "d")->length_fc == ctf_fc_member(sc->common_context, "cc"));
	g_assert_true(field(m, "e")->length_fc == ctf_fc_member(event(m, 0)->spec_context, "n"));
	g_assert_true(field(m, "g")->length_fc == field(m, "f"));
	g_assert_true(ctf_fc_member(event(m, 0)->spec_context, "sc")->length_fc ==
	              ctf_fc_member(sc->common_context, "cc"));
}

/* ---- Blocks -------------------------------------------------------------------------------------------------- */

static void test_clocks(void)
{
	g_autoptr(CtfMetadata) m = parse(
	        TYPES TRACE
	        "clock { name = a; freq = 1000; precision = 100; offset_s = -5; offset = -1500; absolute = true; };\n"
	        "clock { name = \"b\"; offset_s = 7; offset = 2000000000; };\n"
	        "typealias integer { size = 32; map = clock.a.value; } := ta;\n"
	        "typealias integer { size = 32; map = clock.b.value; } := tb;\n"
	        "stream { packet.context := struct { ta timestamp_begin; u32 timestamp_end; };\n"
	        "  event.header := struct { u8 id; tb first; ta second; }; };\n");
	const CtfClock *a = g_ptr_array_index(m->clocks, 0), *b = g_ptr_array_index(m->clocks, 1);
	const CtfStreamClass *sc = stream(m, 0);

	g_assert_cmpint(a->offset_s, ==, -7);
	g_assert_cmpuint(a->offset_cycles, ==, 500);
	g_assert_cmpuint(a->precision, ==, 100);
	g_assert_true(a->absolute && !b->absolute);
	g_assert_cmpint(b->offset_s, ==, 7);
	g_assert_cmpuint(b->offset_cycles, ==, 2000000000);
	g_assert_true(sc->clock == b);
	g_assert_cmpint(ctf_fc_member(sc->event_header, "first")->role, ==, CTF_ROLE_TIMESTAMP);
	g_assert_cmpint(ctf_fc_member(sc->event_header, "second")->role, ==, CTF_ROLE_NONE);
	g_assert_cmpint(ctf_fc_member(sc->packet_context, "timestamp_begin")->role, ==, CTF_ROLE_NONE);
	g_assert_cmpint(ctf_fc_member(sc->packet_context, "timestamp_end")->role, ==, CTF_ROLE_PACKET_END);
}

static void test_environment(void)
{
	g_autoptr(CtfMetadata) m =
	        parse("trace { byte_order = le; }; env { a = -3; b = \"x\\ty\\x41\\101\\\"\"; c = word; a = 4; };"
	              "env { d = \"\"; };");

	g_assert_cmpuint(m->env->len, ==, 4);
	g_assert_cmpint(ctf_metadata_env(m, "a")->i, ==, 4);
	g_assert_cmpstr(ctf_metadata_env_text(m, "b"), ==, "x\tyAA\"");
	g_assert_cmpstr(ctf_metadata_env_text(m, "c"), ==, "word");
	g_assert_cmpstr(ctf_metadata_env_text(m, "d"), ==, "");
}

static void test_several_streams(void)
{
	g_autoptr(CtfMetadata) m = parse(
	        TYPES "trace { byte_order = le; packet.header := struct { u32 stream_id; }; };\n"
	              "event { name = late; id = 1; stream_id = 9; }; event { name = other; id = 1; stream_id = 4; };\n"
	              "stream { id = 4; event.header := struct { u8 id; }; }; stream { id = 9; event.header := struct "
	              "{ u8 id; }; };\n"
	              "event { name = a.b; id = 2; stream_id = 9; };");

	g_assert_cmpuint(m->stream_classes->len, ==, 2);
	g_assert_cmpstr(ctf_stream_class_event(ctf_metadata_stream_class(m, 9), 1)->name, ==, "late");
	g_assert_cmpstr(ctf_stream_class_event(ctf_metadata_stream_class(m, 4), 1)->name, ==, "other");
	g_assert_cmpstr(event(m, 2)->name, ==, "a.b");
	g_assert_cmpuint(event(m, 2)->index, ==, 2);
	g_assert_null(ctf_metadata_stream_class(m, 5));
	g_assert_null(payload(m));
}

static void test_what_is_implied(void)
{
	g_autoptr(CtfMetadata) m = parse(FIELDS("u8 x;"));

	g_assert_cmpuint(stream(m, 0)->id, ==, 0);
	g_assert_cmpuint(event(m, 0)->id, ==, 0);
	g_assert_null(stream(m, 0)->clock);
	g_assert_null(m->packet_header);
	g_assert_false(m->has_uuid);
}

static void test_unknown_is_ignored(void)
{
	g_autoptr(CtfMetadata) m =
	        parse(TYPES "trace { major = 1; byte_order = le; other = 3; a.b := struct { u8 x; }; };;\n"
	                    "stream { id = 0; extra = \"s\"; }; clock { name = c; extra.y = 5; };\n"
	                    "event { name = e; extra := u8; more = -7; fields := struct { }; }; // end");

	g_assert_cmpuint(payload(m)->n_members, ==, 0);
}

/* ---- Packets of metadata ------------------------------------------------------------------------------------- */

static void put_u32(GByteArray *out, guint32 v, gboolean big_endian)
{
	guint32 raw = big_endian ? GUINT32_TO_BE(v) : GUINT32_TO_LE(v);
	g_byte_array_append(out, (const guint8 *)&raw, 4);
}

static void put_packet(GByteArray *out, const char *text, gsize len, gsize padding, gboolean big_endian)
{
	static const guint8 uuid[16], schemes[5] = {0, 0, 0, 1, 8}, zeros[64];
	put_u32(out, 0x75D11D57, big_endian);
	g_byte_array_append(out, uuid, 16);
	put_u32(out, 0, big_endian);
	put_u32(out, (guint32)(37 + len) * 8, big_endian);
	put_u32(out, (guint32)(37 + len + padding) * 8, big_endian);
	g_byte_array_append(out, schemes, 5);
	g_byte_array_append(out, (const guint8 *)text, (guint)len);
	g_byte_array_append(out, zeros, (guint)padding);
}

static GByteArray *packetize(gboolean big_endian)
{
	GByteArray *out = g_byte_array_new();
	put_packet(out, lttng, 100, 0, big_endian);
	put_packet(out, lttng + 100, 333, 11, big_endian);
	put_packet(out, lttng + 433, strlen(lttng) - 433, 64, big_endian);
	return out;
}

static void test_packets(void)
{
	for (guint big = 0; big < 2; big++) {
		g_autoptr(GByteArray) bytes = packetize(big);
		g_autoptr(GError) error = NULL;
		g_autoptr(CtfMetadata) m = ctf_metadata_parse("m", bytes->data, bytes->len, &error);
		g_assert_no_error(error);
		g_assert_cmpstr(m->text, ==, lttng);
		g_assert_cmpuint(m->text_len, ==, strlen(lttng));
		g_assert_cmpuint(payload(m)->n_members, ==, 4);
	}
}

static void test_damaged_packets(void)
{
	static const struct {
		guint at;
		guint8 value;
		const char *message;
	} cases[] = {
	        {137, 0, "m: metadata packet at byte 137: wrong magic number"},
	        {24, 1, "m: metadata packet at byte 0: impossible content or packet size"},
	        {27, 255, "m: metadata packet at byte 0: impossible content or packet size"},
	        {137 + 31, 255, NULL},
	        {32, 1, "m: metadata packet at byte 0: compressed, which is not supported"},
	        {33, 1, "m: metadata packet at byte 0: encrypted, which is not supported"},
	        {34, 1, "m: metadata packet at byte 0: has a checksum of an unknown scheme"},
	        {35, 3, "m: metadata packet at byte 0: of an unknown version of CTF (1.8 and 2.0 are known)"},
	};
	for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
		g_autoptr(GByteArray) bytes = packetize(FALSE);
		bytes->data[cases[i].at] = cases[i].value;
		g_autofree char *message = first_error((const char *)bytes->data, bytes->len);
		if (cases[i].message)
			g_assert_cmpstr(message, ==, cases[i].message);
	}
	g_autoptr(GByteArray) bytes = packetize(FALSE);
	g_autofree char *in_header = first_error((const char *)bytes->data, 140);
	g_autofree char *in_content = first_error((const char *)bytes->data, 200);
	g_assert_cmpstr(in_header, ==, "m: metadata packet at byte 137: the file ends within its header");
	g_assert_cmpstr(in_content, ==, "m: metadata packet at byte 137: the file ends within its content");
}

static void test_files(void)
{
	g_autofree char *dir = g_dir_make_tmp("strata-XXXXXX", NULL);
	g_autofree char *path = g_build_filename(dir, "metadata", NULL);
	g_autoptr(GError) missing = NULL, folder = NULL;

	g_assert_null(ctf_metadata_open(dir, &missing));
	g_assert_error(missing, ST_ERROR, ST_ERROR_IO);
	g_assert_nonnull(strstr(missing->message, path));
	g_assert_true(g_file_set_contents(path, lttng, -1, NULL));
	g_autoptr(CtfMetadata) m = ctf_metadata_open(dir, NULL);
	g_assert_cmpstr(m->path, ==, path);
	g_unlink(path);
	g_mkdir(path, 0700);
	g_assert_null(ctf_metadata_open(dir, &folder));
	g_assert_error(folder, ST_ERROR, ST_ERROR_IO);
	g_rmdir(path);
	g_rmdir(dir);
}

/* ---- Errors -------------------------------------------------------------------------------------------------- */

/* Texts and the errors that they give, from the part that is wrong. */
static const struct {
	const char *text, *message;
} errors[] = {
        {"", "m:1:1: expected a trace block, found none"},
        {"\n  stuff;", "m:2:3: expected a declaration or a block, found \"stuff\""},
        {"trace { major = 2; };", "m:1:17: only version 1.8 of this format is known"},
        {"trace { minor = 7; };", "m:1:17: only version 1.8 of this format is known"},
        {"trace { major = 1; };", "m:1:7: the trace block has no byte_order"},
        {"trace { byte_order = native; };", "m:1:22: the trace's own byte order must be le, be or network"},
        {"trace { byte_order = middle; };", "m:1:22: expected a byte order: le, be, network or native"},
        {"trace { uuid = \"2a6422d0\"; };", "m:1:16: expected a UUID in quotes"},
        {"trace { uuid = \"2a6422d0-6cee-11e0-8c08-cb07d7b3a56g\"; };", "m:1:16: expected a UUID in quotes"},
        {TRACE TRACE, "m:2:7: a second trace block"},
        {"trace { byte_order = le; }", "m:1:27: expected a ;, found the end"},
        {"trace { byte_order = le }", "m:1:25: expected a ;, found \"}\""},
        {"trace { byte_order le; };", "m:1:20: expected =, found \"le\""},
        {"trace { byte_order = ; };", "m:1:22: expected a number, found \";\""},
        {"trace { 3 = 4; };", "m:1:9: expected a name, found \"3\""},
        {"trace {", "m:1:8: expected a name, found the end"},
        {"trace { packet.header = 3; };", "m:1:23: expected :=, found \"=\""},
        {"trace { byte_order = le; packet.header := struct { }; packet.header := struct { }; };",
         "m:1:55: this type is given twice"},
        {"trace { byte_order = le; packet.header := string; };",
         "m:1:43: headers, contexts and fields must be structures"},
        {"trace @ { };", "m:1:7: a character (0x40) that has no place here"},
        {"trace { a = \"b };", "m:1:13: this \" has no closing one"},
        {"trace { a = \"\\0\"; };", "m:1:13: a null character in a string"},
        {"trace { a = 'bc'; };", "m:1:13: a character constant must have one character"},
        {"/* trace", "m:1:1: this comment has no end"},
        {"trace { a = 0x; };", "m:1:13: not a number"},
        {"trace { a = 12monkeys; };", "m:1:13: not a number"},
        {"trace { a = 08; };", "m:1:13: not a number"},
        {"trace { a = 18446744073709551616; };", "m:1:13: a number of more than 64 bits"},
        {"trace { a = -9223372036854775809; };", "m:1:13: a number of more than 64 bits"},
        {"clock { freq = 5; };", "m:1:7: a clock without a name"},
        {"clock { name = c; freq = 0; };", "m:1:26: a clock's frequency can't be 0"},
        {"clock { name = 3; };", "m:1:16: expected a clock's name"},
        {"clock { name = c; }; clock { name = c; };", "m:1:28: two clocks are named \"c\""},
        {"clock { name = c; freq = -5; };", "m:1:26: expected a number, not negative"},
        {"clock { name = c; offset_s = 0xffffffffffffffff; };", "m:1:30: expected a signed number of 64 bits"},
        {"clock { name = c; absolute = maybe; };", "m:1:30: expected true or false"},
        {"clock { name = c; freq = 1; offset_s = -9223372036854775807; offset = -2; };",
         "m:1:7: a clock's offset of more than 64 bits"},
        {"clock { name = c; description = 4; };", "m:1:33: expected a string"},
        {TRACE "stream { id = 1; }; stream { id = 1; };", "m: two stream classes with id 1"},
        {TRACE "stream { id = 1; }; stream { id = 2; };",
         "m:2:28: a second stream, but the packet header has no stream_id to tell them apart"},
        {TRACE "event { id = 1; stream_id = 5; };", "m:2:7: event of stream 5, which is not declared"},
        {TRACE "event { id = 1; }; event { id = 2; };",
         "m:2:26: a second event, but the event header has no id to tell them apart"},
        {TYPES TRACE
         "stream { event.header := struct { u8 id; }; }; event { name = a; id = 1; }; event { name = b; id = 1; };",
         "m: events \"a\" and \"b\" of stream class 0 have the same id, 1"},
        {TRACE "event { fields := struct { };", "m:2:30: expected a name, found the end"},
        {TRACE "event { fields := struct { } };", "m:2:16: this declaration has no end: expected a ;"},
        {"typealias u8 := u9;", "m:1:11: no type is named \"u8\" here"},
        {"typealias integer { size = 8; } = u8;", "m:1:33: expected :=, found \"=\""},
        {"typealias integer { size = 8; } := struct;", "m:1:36: expected a type, found \"struct\""},
        {"typealias string := a; typealias string := a;", "m:1:44: type a is declared twice"},
        {"typealias integer { } := a;", "m:1:11: this integer has no size"},
        {"typealias integer { size = 65; } := a;", "m:1:28: a size must be from 1 to 64 bits"},
        {"typealias integer { size = 0; } := a;", "m:1:28: a size must be from 1 to 64 bits"},
        {"typealias integer { size = 8; align = 3; } := a;",
         "m:1:39: an alignment must be a power of two, at most 1048576 bits"},
        {"typealias integer { size = 8; base = 7; } := a;", "m:1:38: expected a base: 2, 8, 10, 16, or its name"},
        {"typealias integer { size = 8; encoding = x; } := a;", "m:1:42: expected an encoding: none, UTF8 or ASCII"},
        {"typealias integer { size = 8; map = clock.a; } := a;", "m:1:37: expected clock.NAME.value"},
        {"typealias floating_point { exp_dig = 5; mant_dig = 11; } := a;",
         "m:1:11: a floating point number must have exp_dig 8 and mant_dig 24, or 11 and 53"},
        {"struct a { string b; }; struct a { };", "m:1:25: struct a is declared twice"},
        {"struct a b;", "m:1:1: no struct is named \"a\" here"},
        {"struct { string b; } c;", "m:1:22: a field outside of any structure"},
        {"struct a { string b; string b; };", "m:1:1: two members named \"b\""},
        {"struct a { string b };", "m:1:21: expected a ;, found \"}\""},
        {"struct a { string *b; };", "m:1:19: only types with names can have pointers"},
        {"enum a { x };", "m:1:1: an enumeration without an integer type, and no type is named \"int\" here"},
        {"typealias string := s; enum a : s { x };", "m:1:24: an enumeration's type must be an integer"},
        {TYPES "enum a : u8 { x = -1 };", "m:6:19: expected a number, not negative"},
        {TYPES "enum a : u8 { x = 3 ... 2 };", "m:6:17: a range that ends before it begins"},
        {TYPES "enum a : u8 { x = 0xffffffffffffffff, y };", "m:6:41: a value of more than 64 bits"},
        {TYPES "enum a : u8 { x = y };", "m:6:19: expected a number, found \"y\""},
        {TYPES "enum a : u8 { x y };", "m:6:17: expected a , or }, found \"y\""},
        {FIELDS("u8 a[n]; u8 n;"), "m:7:43: no such field before this one (\"n\")"},
        {FIELDS("u8 a[stream.event.context.n];"), "m:7:43: no such field before this one (\"n\")"},
        {FIELDS("u8 a[event.fields.a];"), "m:7:43: a length must be an unsigned integer"},
        {FIELDS("integer { size = 8; signed = true; } n; u8 a[n];"), "m:7:83: a length must be an unsigned integer"},
        {FIELDS("u8 a[-1];"), "m:7:43: expected a number, not negative"},
        {FIELDS("u8 a[\"x\"];"), "m:7:43: expected a length, found \"\"x\"\""},
        {FIELDS("u8 a[3;"), "m:7:44: expected a ], found \";\""},
        {FIELDS("u8 n; variant <n> { u8 a; } v;"), "m:7:53: a variant's tag must be an enumeration"},
        {FIELDS("variant { u8 a; } v;"), "m:7:38: this variant has no tag"},
        {FIELDS("variant none <a> v;"), "m:7:38: no variant is named \"none\" here"},
        {FIELDS("integer { size = 8; map = clock.x.value; } a;"), "m:7:38: no clock is named \"x\""},
        {FIELDS("struct { u8 x } a;"), "m:7:52: expected a ;, found \"}\""},
        {TYPES "trace { byte_order = le; packet.header := struct { u8 a; u32 magic; }; };",
         "m:6:43: member \"magic\" must be the first and have 32 bits"},
        {TYPES "trace { byte_order = le; packet.header := struct { u8 uuid[15]; }; };",
         "m:6:43: member \"uuid\" must be an array of 16 bytes"},
        {TRACE "stream { packet.context := struct { string packet_size; }; };",
         "m:2:28: member \"packet_size\" must be an unsigned integer"},
};

static void test_errors(void)
{
	for (guint i = 0; i < G_N_ELEMENTS(errors); i++) {
		g_autofree char *message = first_error(errors[i].text, strlen(errors[i].text));
		g_assert_cmpstr(message, ==, errors[i].message);
	}
}

/* Every beginning of a sound text, and every one with a byte of it damaged, must be read without harm. */
static void test_damage(void)
{
	gsize n = strlen(lttng);
	for (gsize i = 0; i < n; i += 3) {
		g_autofree char *cut = g_memdup2(lttng, i ? i : 1), *changed = g_memdup2(lttng, n);
		g_free(first_error(cut, i));
		changed[i] ^= (char)(1 + i % 127);
		g_free(first_error(changed, n));
	}
}

/* ---- Limits -------------------------------------------------------------------------------------------------- */

static char *repeat(const char *before, const char *unit, guint n, const char *after)
{
	GString *s = g_string_new(before);
	for (guint i = 0; i < n; i++)
		g_string_append(s, unit);
	g_string_append(s, after);
	return g_string_free(s, FALSE);
}

static void expect_limit(char *text, const char *part)
{
	g_autofree char *message = first_error(text, strlen(text));
	g_free(text);
	g_assert_nonnull(message);
	if (!strstr(message, part))
		g_error("expected \"%s\" in \"%s\"", part, message);
}

static void test_nesting_is_bounded(void)
{
	expect_limit(repeat(TYPES TRACE "event { fields := ", "struct { ", 5000, ""), "has no end");
	expect_limit(repeat("struct a { ", "struct { ", 5000, ""), "types nested more than 64 deep");
	expect_limit(repeat("", "enum : ", 5000, ""), "types nested more than 64 deep");
	expect_limit(repeat(TYPES "typedef u8 x", "[2]", 5000, ";"), "types nested more than 64 deep");
	expect_limit(repeat("trace { a", ".a", 5000, " = 3; };"), "a path of more than 67 names");
	expect_limit(repeat("typealias string := int", " int", 5000, ";"),
	             "a type's name of more than 1000 characters");
}

/* Each structure has the one before twice: as many fields as no memory has. */
static void test_trees_are_bounded(void)
{
	g_autoptr(GString) s = g_string_new(TYPES "struct s0 { u8 x; };\n");
	for (guint i = 0; i < 60; i++)
		g_string_append_printf(s, "struct s%u { struct s%u a; struct s%u b; };\n", i + 1, i, i);
	expect_limit(g_strdup(s->str), "a type with more than 65536 fields in it");

	g_autoptr(GString) deep = g_string_new(TYPES "struct s0 { u8 x; };\n");
	for (guint i = 0; i < 70; i++)
		g_string_append_printf(deep, "struct s%u { struct s%u a; };\n", i + 1, i);
	expect_limit(g_strdup(deep->str), "types nested more than 64 deep");
}

static void test_members_are_bounded(void)
{
	g_autoptr(GString) s = g_string_new(TYPES "struct s {\n");
	for (guint i = 0; i <= CTF_FIELDS_MAX; i++)
		g_string_append_printf(s, "u8 f%u;\n", i);
	g_string_append(s, "};");
	expect_limit(g_strdup(s->str), "more than 4096 members");

	g_autoptr(GString) env = g_string_new("env {\n");
	for (guint i = 0; i <= CTF_FIELDS_MAX; i++)
		g_string_append_printf(env, "e%u = 1;\n", i);
	expect_limit(g_strdup(env->str), "an environment of more than 4096 values");
	expect_limit(repeat("", "event { };", CTF_EVENT_CLASSES_MAX + 1, ""), "more than 60000 events");
	expect_limit(repeat("", "stream { };", CTF_STREAM_CLASSES_MAX + 1, ""), "more than 256 streams");
}

/* Many uses of a big type: each alone is within its limit, together they are not. */
static void test_objects_are_bounded(void)
{
	g_autoptr(GString) s = g_string_new(TYPES TRACE "struct s0 { u8 x; };\n");
	for (guint i = 0; i < 14; i++)
		g_string_append_printf(s, "struct s%u { struct s%u a; struct s%u b; };\n", i + 1, i, i);
	g_string_append(s, "stream { event.header := struct { u16 id; }; };\n");
	for (guint i = 0; i < 100; i++)
		g_string_append_printf(s, "event { id = %u; fields := struct { struct s14 x; }; };\n", i);
	expect_limit(g_strdup(s->str), "more than 2097152 names, types and fields");
}

static void test_too_much_text(void)
{
	g_autoptr(GError) error = NULL;
	g_autofree char *text = g_malloc0(CTF_METADATA_MAX + 1);

	g_assert_null(ctf_metadata_parse("m", text, CTF_METADATA_MAX + 1, &error));
	g_assert_error(error, ST_ERROR, ST_ERROR_LIMIT);
}

/* ---- More traces, where there are any ------------------------------------------------------------------------ */

static void load_all(CtfMetadata *m)
{
	for (guint i = 0; i < m->events->len; i++) {
		g_autoptr(GError) error = NULL;
		ctf_event_class_load(event(m, i), &error);
		g_assert_no_error(error);
	}
}

static guint walk(const char *dir)
{
	g_autofree char *path = g_build_filename(dir, "metadata", NULL);
	g_autoptr(GDir) entries = g_dir_open(dir, 0, NULL);
	guint n = 0;
	if (g_file_test(path, G_FILE_TEST_IS_REGULAR)) {
		g_autoptr(GError) error = NULL;
		g_autoptr(CtfMetadata) m = ctf_metadata_open(dir, &error);
		g_assert_no_error(error);
		load_all(m);
		n++;
	}
	for (const char *name; entries && (name = g_dir_read_name(entries));) {
		g_autofree char *below = g_build_filename(dir, name, NULL);
		if (g_file_test(below, G_FILE_TEST_IS_DIR))
			n += walk(below);
	}
	return n;
}

static void test_real_traces(void)
{
	static const char *const variables[] = {"STRATA_SAMPLES", "STRATA_TRACES"};
	guint n = 0;
	for (guint i = 0; i < G_N_ELEMENTS(variables); i++) {
		const char *dir = g_getenv(variables[i]);
		n += dir ? walk(dir) : 0;
	}
	if (n == 0)
		g_test_skip("no traces in $STRATA_SAMPLES or $STRATA_TRACES");
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/tsdl/lttng-trace", test_lttng_trace);
	g_test_add_func("/tsdl/lttng-clock", test_lttng_clock);
	g_test_add_func("/tsdl/lttng-stream", test_lttng_stream);
	g_test_add_func("/tsdl/lttng-event", test_lttng_event);
	g_test_add_func("/tsdl/integers", test_integers);
	g_test_add_func("/tsdl/floats-and-strings", test_floats_and_strings);
	g_test_add_func("/tsdl/enumerations", test_enumerations);
	g_test_add_func("/tsdl/arrays", test_arrays);
	g_test_add_func("/tsdl/struct-alignment", test_struct_alignment);
	g_test_add_func("/tsdl/named-types", test_named_types);
	g_test_add_func("/tsdl/scopes-end", test_scopes_end);
	g_test_add_func("/tsdl/variants", test_variants);
	g_test_add_func("/tsdl/many-names", test_many_names);
	g_test_add_func("/tsdl/innermost-name-counts", test_innermost_name_counts);
	g_test_add_func("/tsdl/absolute-paths", test_absolute_paths);
	g_test_add_func("/tsdl/clocks", test_clocks);
	g_test_add_func("/tsdl/environment", test_environment);
	g_test_add_func("/tsdl/several-streams", test_several_streams);
	g_test_add_func("/tsdl/what-is-implied", test_what_is_implied);
	g_test_add_func("/tsdl/unknown-is-ignored", test_unknown_is_ignored);
	g_test_add_func("/tsdl/packets", test_packets);
	g_test_add_func("/tsdl/damaged-packets", test_damaged_packets);
	g_test_add_func("/tsdl/files", test_files);
	g_test_add_func("/tsdl/errors", test_errors);
	g_test_add_func("/tsdl/damage", test_damage);
	g_test_add_func("/tsdl/nesting-is-bounded", test_nesting_is_bounded);
	g_test_add_func("/tsdl/trees-are-bounded", test_trees_are_bounded);
	g_test_add_func("/tsdl/members-are-bounded", test_members_are_bounded);
	g_test_add_func("/tsdl/objects-are-bounded", test_objects_are_bounded);
	g_test_add_func("/tsdl/too-much-text", test_too_much_text);
	g_test_add_func("/tsdl/real-traces", test_real_traces);
	return g_test_run();
}
