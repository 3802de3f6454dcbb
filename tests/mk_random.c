/* SPDX-License-Identifier: MIT */
/*
 * mk_random SEED DIR EXPECTED [CLOCK_SEED]: a random trace of CTF 1.8 in DIR, and what its events are, a JSON object a line, in EXPECTED.
 *
 * It has what the format allows and LTTng's tracers don't write: any header and context, fields of any size at any bit, byte
 * orders mixed, lengths and tags in any tree, clocks of any frequency. The same seed gives the same trace. Traces of the same
 * CLOCK_SEED have events with times of the same clock, so that readers may merge them.
 *
 * EXPECTED: {"time": ns, "name": .., "context": .., "event_context": .., "fields": ..}, as `strata events --format json` has them, but
 * texts have a character for each byte.
 */
#include <stdlib.h>
#include <string.h>

#include "randomfc.h"

typedef enum { HEADER_NONE, HEADER_PLAIN, HEADER_COMPACT, HEADER_LARGE } HeaderKind;

/* Which sizes of packets are there. */
typedef enum { SIZES_BOTH, SIZES_CONTENT, SIZES_PACKET, SIZES_NONE } Sizes;

typedef struct {
	guint64 id;
	char *name;
	Fc *specific, *payload; /* NULL: none */
	char *words;
} Event;

typedef struct {
	guint64 id;
	Fc *context, *header, *common; /* NULL: none */
	HeaderKind kind;
	Sizes sizes;
	guint begin_bits; /* 0: no time at the packet's begin */
	guint stamp_bits; /* 0: no time in the events' headers */
	Event *events;
	guint n_events;
	char *words;
} Class;

typedef struct {
	guint64 freq, offset;
	gint64 offset_s;
	gboolean absolute, has_uuid;
	guint8 uuid[16];
} Clock;

typedef struct {
	Chance chance;
	int byte_order;
	FcMaker *maker;
	gboolean has_uuid, has_clock, has_class_id, has_instance_id;
	guint8 uuid[16];
	Clock clock;
	Fc *header; /* NULL: none */
	char *header_words;
	Class *classes;
	guint n_classes;
	GString *expected;
} Trace;

/* A stream while it is written. */
typedef struct {
	Chance chance;
	guint64 now, stamped; /* clock values: of the stream; that a reader has */
	guint64 step_max;     /* so that no time is too large for 64 bits of nanoseconds */
	guint64 seq_num, discarded;
} Stream;

static void fill_uuid(Chance *c, guint8 uuid[16])
{
	for (guint i = 0; i < 16; i++)
		uuid[i] = (guint8)chance_bits(c);
}

static char *uuid_text(const guint8 u[16])
{
	GString *s = g_string_new(NULL);
	for (guint i = 0; i < 16; i++)
		g_string_append_printf(s, "%s%02x", i == 4 || i == 6 || i == 8 || i == 10 ? "-" : "", u[i]);
	return g_string_free(s, FALSE);
}

/* ---- Descriptions ----------------------------------------------------------------------------------------------- */

static void make_clock(Clock *k, Chance *c)
{
	static const guint64 freqs[] = {1000000000, 1000000000, 1000000000, 1000, 1, 2900000000u, 1000000007, 32768};
	static const gint64 seconds[] = {0, 0, 1700000000, 1, -5};
	k->freq = CHANCE_PICK(c, freqs);
	k->offset_s = CHANCE_PICK(c, seconds);
	k->offset = chance_percent(c, 50) ? 0 : chance_bits(c) % k->freq;
	k->absolute = chance_percent(c, 30);
	k->has_uuid = chance_percent(c, 50);
	fill_uuid(c, k->uuid);
}

static void maybe_fill(Trace *t, guint percent, guint most)
{
	if (chance_percent(&t->chance, percent))
		fc_fill(t->maker, chance_between(&t->chance, 1, most));
}

/* A field whose value the format needs; any byte order where that may be. */
static Fc *add(Trace *t, const char *name, FcMeaning meaning, guint size)
{
	static const guint aligns[] = {1, 8, 8, 8, 32, 64};
	Fc *fc = fc_add(t->maker, name, meaning, size, CHANCE_PICK(&t->chance, aligns));
	if (size % 8 == 0 && fc->align % 8 == 0 && chance_percent(&t->chance, 10))
		fc->order = t->byte_order == G_BIG_ENDIAN ? G_LITTLE_ENDIAN : G_BIG_ENDIAN;
	maybe_fill(t, 4, 2);
	return fc;
}

static void add_uuid(Trace *t, Fc *header)
{
	Fc *uuid = fc_new(t->maker, FC_ARRAY);
	uuid->length = 16;
	uuid->meaning = FCM_UUID;
	uuid->element = fc_new_int(t->maker, FCM_NONE, 8, 8);
	fc_member(header, "uuid", uuid);
}

static void make_packet_header(Trace *t)
{
	static const guint id_sizes[] = {8, 32, 32, 64, 5, 17};
	Chance *c = &t->chance;
	if (t->n_classes == 1 && chance_percent(c, 15))
		return;
	t->header = fc_begin(t->maker, FC_ROOT_PACKET_HEADER);
	if (chance_percent(c, 90))
		fc_add(t->maker, "magic", FCM_MAGIC, 32, 8);
	if (t->has_uuid && chance_percent(c, 80))
		add_uuid(t, t->header);
	t->has_class_id = t->n_classes > 1 || chance_percent(c, 50);
	if (t->has_class_id)
		add(t, "stream_id", FCM_STREAM_ID, CHANCE_PICK(c, id_sizes));
	t->has_instance_id = chance_percent(c, 60);
	if (t->has_instance_id)
		add(t, "stream_instance_id", FCM_INSTANCE_ID, CHANCE_PICK(c, id_sizes));
	maybe_fill(t, 20, 3);
	fc_end(t->maker);
	t->header_words = fc_words(t->maker, t->header);
}

static guint any_stamp_size(Chance *c)
{
	static const guint sizes[] = {64, 64, 64, 32, 27, 48, 13, 63};
	return CHANCE_PICK(c, sizes);
}

static void add_times(Trace *t, Class *k)
{
	Chance *c = &t->chance;
	guint size = any_stamp_size(c);
	k->begin_bits = size;
	add(t, "timestamp_begin", FCM_BEGIN, size)->clock = TRUE;
	if (chance_percent(c, 90))
		add(t, "timestamp_end", FCM_END, size)->clock = TRUE;
}

static void add_sizes(Trace *t, Class *k)
{
	static const guint sizes[] = {32, 32, 64, 24, 37};
	Chance *c = &t->chance;
	k->sizes = chance_percent(c, 85) ? SIZES_BOTH : (Sizes)chance_below(c, 4);
	if (k->sizes == SIZES_BOTH || k->sizes == SIZES_CONTENT)
		add(t, "content_size", FCM_CONTENT_SIZE, CHANCE_PICK(c, sizes));
	if (k->sizes == SIZES_BOTH || k->sizes == SIZES_PACKET)
		add(t, "packet_size", FCM_PACKET_SIZE, CHANCE_PICK(c, sizes));
}

static void make_packet_context(Trace *t, Class *k)
{
	static const guint sizes[] = {8, 16, 32, 64, 64};
	Chance *c = &t->chance;
	k->sizes = SIZES_NONE;
	fc_forget(t->maker, FC_ROOT_PACKET_CONTEXT);
	if (chance_percent(c, 8))
		return;
	k->context = fc_begin(t->maker, FC_ROOT_PACKET_CONTEXT);
	gboolean sizes_first = chance_percent(c, 50);
	if (sizes_first)
		add_sizes(t, k);
	if (t->has_clock && chance_percent(c, 80))
		add_times(t, k);
	if (!sizes_first)
		add_sizes(t, k);
	if (chance_percent(c, 60))
		add(t, "events_discarded", FCM_DISCARDED, CHANCE_PICK(c, sizes));
	if (chance_percent(c, 60))
		add(t, "packet_seq_num", FCM_SEQ_NUM, CHANCE_PICK(c, sizes));
	if (chance_percent(c, 60))
		add(t, "cpu_id", FCM_CPU, CHANCE_PICK(c, sizes));
	maybe_fill(t, 40, 4);
	fc_end(t->maker);
}

static Fc *stamp(Trace *t, guint size, guint align)
{
	Fc *fc = fc_new_int(t->maker, FCM_TIME, size, align);
	fc->clock = TRUE;
	return fc;
}

/* LTTng's: a short id and time, or an escape and long ones. */
static void fill_lttng_header(Trace *t, Class *k)
{
	gboolean compact = k->kind == HEADER_COMPACT, natural = chance_percent(&t->chance, 30);
	guint id_bits = compact ? 5 : 16, time_bits = compact ? 27 : 32;
	guint64 escape = (1u << id_bits) - 1;
	Fc *id = fc_new(t->maker, FC_ENUM), *v = fc_new(t->maker, FC_VARIANT);
	Fc *shorter = fc_new(t->maker, FC_STRUCT), *longer = fc_new(t->maker, FC_STRUCT);
	id->meaning = FCM_SHORT_ID;
	id->size = id_bits;
	id->align = compact ? 1 : natural ? 16 : 8;
	fc_map(id, compact ? "compact" : "_short", 0, escape - 1);
	fc_map(id, "extended", escape, escape);
	v->ref = id;
	v->path = g_strdup("id");
	fc_member(v, compact ? "compact" : "_short", shorter);
	fc_member(v, "extended", longer);
	fc_member(shorter, "timestamp", stamp(t, time_bits, compact ? 1 : natural ? 32 : 8));
	fc_member(longer, "id", fc_new_int(t->maker, FCM_ID, 32, natural ? 32 : 8));
	fc_member(longer, "timestamp", stamp(t, 64, natural ? 64 : 8));
	fc_member(k->header, "id", id);
	fc_member(k->header, "v", v);
	k->header->align = 8;
	k->stamp_bits = time_bits;
}

static void fill_plain_header(Trace *t, Class *k)
{
	static const guint aligns[] = {1, 1, 8, 8, 32, 64};
	static const guint id_sizes[] = {7, 8, 16, 32, 64};
	Chance *c = &t->chance;
	k->header->align = CHANCE_PICK(c, aligns);
	maybe_fill(t, 10, 2);
	if (k->n_events > 1 || chance_percent(c, 70))
		add(t, "id", FCM_ID, CHANCE_PICK(c, id_sizes));
	if (t->has_clock && chance_percent(c, 90)) {
		k->stamp_bits = any_stamp_size(c);
		add(t, chance_percent(c, 70) ? "timestamp" : "the_time", FCM_TIME, k->stamp_bits)->clock = TRUE;
	}
	maybe_fill(t, 15, 3);
}

static void make_event_header(Trace *t, Class *k)
{
	guint kind = chance_below(&t->chance, 100);
	k->kind = kind < 8 && k->n_events == 1 ? HEADER_NONE : HEADER_PLAIN;
	if (t->has_clock && kind >= 60)
		k->kind = kind < 80 ? HEADER_COMPACT : HEADER_LARGE;
	if (k->kind == HEADER_NONE)
		return;
	k->header = fc_begin(t->maker, FC_ROOT_EVENT_HEADER);
	if (k->kind == HEADER_PLAIN)
		fill_plain_header(t, k);
	else
		fill_lttng_header(t, k);
	fc_end(t->maker);
}

static Fc *make_tree(Trace *t, FcRoot root, guint percent, guint most)
{
	fc_forget(t->maker, root);
	if (!chance_percent(&t->chance, percent))
		return NULL;
	Fc *fc = fc_begin(t->maker, root);
	/* Something has to be in each event. */
	if (root == FC_ROOT_PAYLOAD)
		fc_add(t->maker, "first", FCM_NONE, chance_percent(&t->chance, 50) ? 1 : 8, 1);
	fc_fill(t->maker, chance_below(&t->chance, most + 1));
	fc_end(t->maker);
	return fc;
}

static void put_part(Trace *t, GString *words, const char *what, const Fc *fc)
{
	if (!fc)
		return;
	g_autofree char *text = fc_words(t->maker, fc);
	g_string_append_printf(words, "\t%s := %s;\n", what, text);
}

/* Only these header kinds can do without a payload. */
static void make_event(Trace *t, const Class *k, guint number, Event *e)
{
	static const char *const names[] = {"event", "provider:event", "an event", "\\\"quoted\\\"", "same"};
	Chance *c = &t->chance;
	gboolean is_large = k->kind == HEADER_COMPACT || k->kind == HEADER_LARGE;
	e->id = number;
	if (number && chance_percent(c, 30))
		e->id = number * (k->kind == HEADER_COMPACT ? 13 : k->kind == HEADER_LARGE ? 30000 : 20);
	const char *name = CHANCE_PICK(c, names);
	e->name = strcmp(name, "same") ? g_strdup_printf("%s%u", name, number) : g_strdup(name);
	e->specific = make_tree(t, FC_ROOT_SPECIFIC, 25, 4);
	e->payload = make_tree(t, FC_ROOT_PAYLOAD, is_large ? 90 : 100, 7);
	g_autoptr(GString) words = g_string_new("event {\n");
	g_string_append_printf(words, "\tname = \"%s\";\n", e->name);
	if (k->n_events > 1 || chance_percent(c, 50))
		g_string_append_printf(words, "\tid = %" G_GUINT64_FORMAT ";\n", e->id);
	if (t->n_classes > 1 || (t->has_class_id && chance_percent(c, 80)))
		g_string_append_printf(words, "\tstream_id = %" G_GUINT64_FORMAT ";\n", k->id);
	if (chance_percent(c, 20))
		g_string_append_printf(words, "\tloglevel = %u;\n", chance_below(c, 15));
	put_part(t, words, "context", e->specific);
	put_part(t, words, "fields", e->payload);
	g_string_append(words, "};\n");
	e->words = g_string_free(g_steal_pointer(&words), FALSE);
}

static void make_class(Trace *t, Class *k, guint number)
{
	Chance *c = &t->chance;
	k->id = number && chance_percent(c, 50) ? number * 9 : number;
	k->n_events = chance_percent(c, 30) ? 1 : chance_between(c, 1, 5);
	k->events = g_new0(Event, k->n_events);
	make_packet_context(t, k);
	make_event_header(t, k);
	k->common = make_tree(t, FC_ROOT_COMMON, 40, 4);
	g_autoptr(GString) words = g_string_new("stream {\n");
	if (t->n_classes > 1 || (t->has_class_id && chance_percent(c, 80)))
		g_string_append_printf(words, "\tid = %" G_GUINT64_FORMAT ";\n", k->id);
	put_part(t, words, "packet.context", k->context);
	put_part(t, words, "event.header", k->header);
	put_part(t, words, "event.context", k->common);
	g_string_append(words, "};\n");
	k->words = g_string_free(g_steal_pointer(&words), FALSE);
	for (guint i = 0; i < k->n_events; i++)
		make_event(t, k, i, &k->events[i]);
}

/* ---- Metadata --------------------------------------------------------------------------------------------------- */

static void put_clock(Trace *t, GString *out)
{
	const Clock *k = &t->clock;
	g_autofree char *uuid = uuid_text(k->uuid);
	if (!t->has_clock)
		return;
	g_string_append_printf(out, "clock {\n\tname = the_clock;\n\tdescription = \"any \\\"clock\\\"\";\n\tfreq = %" G_GUINT64_FORMAT ";\n", k->freq);
	if (k->has_uuid)
		g_string_append_printf(out, "\tuuid = \"%s\";\n", uuid);
	if (k->offset_s)
		g_string_append_printf(out, "\toffset_s = %" G_GINT64_FORMAT ";\n", k->offset_s);
	if (k->offset)
		g_string_append_printf(out, "\toffset = %" G_GUINT64_FORMAT ";\n", k->offset);
	g_string_append_printf(out, "\tprecision = 10;\n\tabsolute = %s;\n};\n", k->absolute ? "TRUE" : "FALSE");
}

static void put_env(Trace *t, GString *out)
{
	static const char *const values[] = {"hostname = \"host\"", "hostname = \"a \\\"host\\\"\"", "domain = \"test\"", "procname = \"a program\"",
	                                     "vpid = 17", "negative = -5", "large = 0xFFFFFFFF", "octal = 0777"};
	g_string_append(out, "env {\n");
	for (guint i = 0; i < G_N_ELEMENTS(values); i++)
		if (chance_percent(&t->chance, 30))
			g_string_append_printf(out, "\t%s;\n", values[i++]);
	g_string_append(out, "};\n");
}

static void put_trace(Trace *t, GString *out)
{
	g_autofree char *uuid = uuid_text(t->uuid);
	g_string_append(out, "trace {\n\tmajor = 1;\n\tminor = 8;\n");
	if (t->has_uuid)
		g_string_append_printf(out, "\tuuid = \"%s\";\n", uuid);
	g_string_append_printf(out, "\tbyte_order = %s;\n", t->byte_order == G_BIG_ENDIAN ? "be" : "le");
	if (t->header)
		g_string_append_printf(out, "\tpacket.header := %s;\n", t->header_words);
	g_string_append(out, "};\n");
}

/* Aliases may be mapped to no clock, so that they can stand before it. */
static char *metadata(Trace *t)
{
	g_autofree char *aliases = fc_aliases(t->maker);
	g_autoptr(GString) out = g_string_new("/* CTF 1.8 */\n");
	gboolean clock_first = chance_percent(&t->chance, 50);
	g_string_append(out, aliases);
	if (clock_first)
		put_clock(t, out);
	put_trace(t, out);
	if (chance_percent(&t->chance, 70))
		put_env(t, out);
	if (!clock_first)
		put_clock(t, out);
	for (guint i = 0; i < t->n_classes; i++)
		g_string_append(out, t->classes[i].words);
	for (guint i = 0; i < t->n_classes; i++)
		for (guint j = 0; j < t->classes[i].n_events; j++)
			g_string_append(out, t->classes[i].events[j].words);
	return g_string_free(g_steal_pointer(&out), FALSE);
}

static void save_metadata(Trace *t, const char *dir)
{
	g_autofree char *text = metadata(t);
	CtfwMetadataFormat format = {.byte_order = t->byte_order, .packet_size = chance_percent(&t->chance, 50) ? 4096 : 300, .major = 1, .minor = 8};
	memcpy(format.uuid, t->uuid, sizeof format.uuid);
	if (chance_percent(&t->chance, 30))
		ctfw_save_metadata_packets(dir, text, &format);
	else
		ctfw_save_metadata(dir, text);
}

/* ---- Events ----------------------------------------------------------------------------------------------------- */

/* Times go on by less than what a reader of so many bits can tell. */
static void advance(Stream *s, guint bits)
{
	static const guint64 steps[] = {0, 0, 1, 7, 1000, 100000, 1u << 26, 1u << 30};
	guint64 step = CHANCE_PICK(&s->chance, steps), most = bits >= 64 ? G_MAXUINT32 : (1ull << bits) - 1;
	guint64 room = s->stamped + most > s->now ? s->stamped + most - s->now : 0;
	s->now += MIN(MIN(step, s->step_max), room);
	s->stamped = s->now;
}

static gint64 ns_of(const Clock *k, guint64 cycles)
{
	guint64 all = k->offset + cycles;
	return k->offset_s * 1000000000 + (gint64)(all / k->freq * 1000000000 + all % k->freq * 1000000000 / k->freq);
}

static void choose_header(const Class *k, const Event *e, Stream *s, FcPen *pen)
{
	guint64 escape = k->kind == HEADER_COMPACT ? 31 : 65535;
	guint bits = k->stamp_bits;
	gboolean is_long = e->id >= escape || chance_percent(&s->chance, 10);
	if (k->kind != HEADER_PLAIN && is_long)
		bits = 64;
	if (k->stamp_bits)
		advance(s, bits);
	pen->values[FCM_TIME] = s->now;
	pen->values[FCM_ID] = e->id;
	pen->values[FCM_SHORT_ID] = is_long ? escape : e->id;
}

static void write_part(FcPen *pen, Fc *fc, const char *name)
{
	if (!fc)
		return;
	if (name)
		g_string_append_printf(pen->json, ",\"%s\":", name);
	fc_write(pen, fc);
}

static void write_event(const Trace *t, const Class *k, Stream *s, FcPen *pen)
{
	const Event *e = &k->events[chance_below(&s->chance, k->n_events)];
	g_autoptr(GString) aside = g_string_new(NULL);
	GString *json = pen->json;
	choose_header(k, e, s, pen);
	pen->json = aside;
	write_part(pen, k->header, NULL);
	pen->json = json;
	g_string_append(json, "{");
	if (k->stamp_bits || k->begin_bits)
		g_string_append_printf(json, "\"time\":%" G_GINT64_FORMAT ",", ns_of(&t->clock, s->stamped));
	g_autofree char *name = g_strcompress(e->name);
	g_string_append(json, "\"name\":");
	fc_json_text(json, name, strlen(name));
	write_part(pen, k->common, "context");
	write_part(pen, e->specific, "event_context");
	write_part(pen, e->payload, "fields");
	g_string_append(json, "}\n");
}

/* ---- Packets ---------------------------------------------------------------------------------------------------- */

typedef struct {
	guint64 content, total; /* bits */
	guint64 end;            /* clock value */
} Extent;

/* A packet whose extent is known, or is to be found: all else depends on the stream only. */
static void write_packet(const Trace *t, const Class *k, Stream *s, FcPen *pen, const Extent *extent)
{
	g_autoptr(GString) aside = g_string_new(NULL);
	GString *json = pen->json;
	guint n = chance_percent(&s->chance, 15) ? 0 : chance_between(&s->chance, 1, 12);
	ctfw_packet_begin(pen->out);
	if (k->begin_bits)
		advance(s, k->begin_bits);
	s->discarded += chance_percent(&s->chance, 15) ? chance_between(&s->chance, 1, 9) : 0;
	pen->values[FCM_BEGIN] = s->now;
	pen->values[FCM_END] = extent->end;
	pen->values[FCM_CONTENT_SIZE] = extent->content;
	pen->values[FCM_PACKET_SIZE] = extent->total;
	pen->values[FCM_DISCARDED] = s->discarded;
	pen->values[FCM_SEQ_NUM] = s->seq_num;
	s->seq_num += chance_percent(&s->chance, 10) ? 3 : 1;
	pen->json = aside;
	write_part(pen, t->header, NULL);
	write_part(pen, k->context, NULL);
	pen->json = json;
	for (guint i = 0; i < n; i++)
		write_event(t, k, s, pen);
	/* Of a wide clock, some time goes on until the packet's end. */
	if (k->begin_bits >= 63)
		s->now += chance_below(&s->chance, 3);
}

static FcPen pen_of(const Trace *t, const Class *k, const Stream *s, guint64 number, CtfWriter *out, GString *json)
{
	FcPen pen = {.out = out, .chance = {s->chance.state ^ 0x5555}, .json = json};
	memcpy(pen.uuid, t->uuid, sizeof pen.uuid);
	pen.values[FCM_MAGIC] = 0xC1FC1FC1u;
	pen.values[FCM_STREAM_ID] = k->id;
	pen.values[FCM_INSTANCE_ID] = number;
	pen.values[FCM_CPU] = number;
	return pen;
}

/* The packet aside, to learn how large it is. */
static Extent measure(const Trace *t, const Class *k, const Stream *s, guint64 number)
{
	static const guint paddings[] = {0, 0, 1, 8, 64, 500};
	g_autoptr(CtfWriter) out = ctfw_new(t->byte_order);
	g_autoptr(GString) json = g_string_new(NULL);
	Stream copy = *s;
	FcPen pen = pen_of(t, k, s, number, out, json);
	write_packet(t, k, &copy, &pen, &(Extent){0, 0, 0});
	Extent extent = {.content = ctfw_packet_position(out), .end = copy.now};
	extent.total = (extent.content + 7) / 8 * 8;
	if (k->sizes == SIZES_BOTH)
		extent.total += 8 * CHANCE_PICK(&copy.chance, paddings);
	return extent;
}

/* Without both sizes, a packet's content has to fill its bytes. FALSE: this one wouldn't. */
static gboolean append_packet(Trace *t, const Class *k, Stream *s, guint64 number, CtfWriter *out)
{
	Extent extent = measure(t, k, s, number);
	if (!extent.total || (k->sizes != SIZES_BOTH && extent.content != extent.total)) {
		chance_bits(&s->chance);
		return FALSE;
	}
	FcPen pen = pen_of(t, k, s, number, out, t->expected);
	write_packet(t, k, s, &pen, &extent);
	ctfw_packet_end(out, extent.total);
	return TRUE;
}

/* At most months after the clock's origin. */
static guint64 first_time(const Trace *t, const Class *k, Chance *c)
{
	guint bits = k->begin_bits ? k->begin_bits : k->stamp_bits;
	return chance_bits(c) & ((1ull << MIN(bits, 62)) - 1) & ((t->clock.freq << 24) - 1);
}

/* A stream, in one file or in two. */
static void write_stream(Trace *t, const Class *k, guint64 number, const char *dir)
{
	Stream s = {.chance = {chance_bits(&t->chance)}};
	/* Readers begin at 0. */
	s.now = first_time(t, k, &s.chance);
	s.step_max = t->clock.freq << 12;
	s.discarded = chance_below(&s.chance, 3);
	guint n = k->sizes == SIZES_NONE ? 1 : chance_between(&s.chance, 0, 5);
	gboolean two = t->has_instance_id && k->begin_bits == 64 && n > 1 && chance_percent(&s.chance, 25);
	for (guint file = 0; file <= (guint)two; file++) {
		g_autoptr(CtfWriter) out = ctfw_new(t->byte_order);
		g_autofree char *name = g_strdup_printf("stream_%" G_GUINT64_FORMAT "_%c", number, 'a' + file);
		for (guint i = 0, tries = 0; i < (two ? n / 2 : n) && tries < 60; tries++)
			i += append_packet(t, k, &s, number, out);
		ctfw_save(out, dir, name);
	}
}

static void make_trace(Trace *t, const char *clock_seed)
{
	Chance *c = &t->chance;
	t->byte_order = chance_percent(c, 40) ? G_BIG_ENDIAN : G_LITTLE_ENDIAN;
	t->maker = fc_maker_new(c, t->byte_order);
	t->has_uuid = chance_percent(c, 80);
	fill_uuid(c, t->uuid);
	t->has_clock = clock_seed || chance_percent(c, 85);
	Chance other = {clock_seed ? g_ascii_strtoull(clock_seed, NULL, 10) : chance_bits(c)};
	make_clock(&t->clock, &other);
	t->n_classes = chance_percent(c, 60) ? 1 : chance_between(c, 2, 3);
	t->classes = g_new0(Class, t->n_classes);
	make_packet_header(t);
	for (guint i = 0; i < t->n_classes; i++)
		make_class(t, &t->classes[i], i);
}

static void free_trace(Trace *t)
{
	for (guint i = 0; i < t->n_classes; i++) {
		Class *k = &t->classes[i];
		for (guint j = 0; j < k->n_events; j++) {
			g_free(k->events[j].name);
			g_free(k->events[j].words);
		}
		g_free(k->events);
		g_free(k->words);
	}
	g_free(t->classes);
	g_free(t->header_words);
	fc_maker_free(t->maker);
	g_string_free(t->expected, TRUE);
}

int main(int argc, char **argv)
{
	g_autoptr(GError) error = NULL;
	if (argc < 4 || argc > 5) {
		g_printerr("usage: mk_random SEED DIR EXPECTED [CLOCK_SEED]\n");
		return 2;
	}
	Trace t = {.chance = {g_ascii_strtoull(argv[1], NULL, 10)}, .expected = g_string_new(NULL)};
	make_trace(&t, argv[4]);
	guint n = chance_between(&t.chance, 1, 4);
	for (guint i = 0; i < n; i++)
		write_stream(&t, &t.classes[i % t.n_classes], i, argv[2]);
	save_metadata(&t, argv[2]);
	gboolean ok = g_file_set_contents(argv[3], t.expected->str, (gssize)t.expected->len, &error);
	if (!ok)
		g_printerr("mk_random: %s\n", error->message);
	free_trace(&t);
	return ok ? 0 : 1;
}
