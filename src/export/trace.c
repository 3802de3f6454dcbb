/* SPDX-License-Identifier: MIT */
/* trace.c: packets of a Perfetto trace. Numbers of fields are those of protos/perfetto/trace/ in Perfetto's sources. */
#include "export/trace.h"

#include <errno.h>

#include "export/proto.h"

#define BUFFER_SIZE (1u << 18)
#define SEQUENCE    1 /* all packets are of one sequence */
#define OWN_TRACKS  (1ull << 62) /* numbers of tracks that nobody else has numbers for */

enum { TRACE_PACKET = 1 };
enum { PACKET_TIMESTAMP = 8, PACKET_SEQUENCE = 10, PACKET_TRACK_EVENT = 11, PACKET_INTERNED = 12, PACKET_FLAGS = 13, PACKET_TRACK = 60 };
enum { FLAG_CLEARED = 1, FLAG_NEEDS_STATE = 2 };
enum { TRACK_UUID = 1, TRACK_NAME = 2, TRACK_PARENT = 5, TRACK_COUNTER = 8, TRACK_ORDERING = 11, TRACK_RANK = 12, TRACK_MERGING = 15 };
enum { ORDERING_EXPLICIT = 3, MERGING_NONE = 2 };
enum { COUNTER_UNIT = 3, COUNTER_UNIT_COUNT = 2 };
enum {
	EVENT_CATEGORY_IID = 3,
	EVENT_NOTE = 4,
	EVENT_TYPE = 9,
	EVENT_NAME_IID = 10,
	EVENT_TRACK = 11,
	EVENT_CATEGORY = 22,
	EVENT_NAME = 23,
	EVENT_VALUE = 30,
	EVENT_FLOW = 47,
	EVENT_FLOW_END = 48,
};
enum { TYPE_BEGIN = 1, TYPE_END = 2, TYPE_INSTANT = 3, TYPE_COUNTER = 4 };
enum { INTERNED_CATEGORY = 1, INTERNED_NAME = 2, INTERNED_IID = 1, INTERNED_TEXT = 2 };
enum { NOTE_TEXT = 6, NOTE_NAME = 10 };

struct ExportTrace {
	FILE *out;
	GString *buf, *packet, *inner, *room;
	GHashTable *names, *categories; /* text -> its number */
	guint64 own_tracks, flows;
	ExportSummary sum;
	gboolean started, failed;
};

ExportTrace *export_trace_new(FILE *out)
{
	ExportTrace *t = g_new0(ExportTrace, 1);

	t->out = out;
	t->buf = g_string_sized_new(BUFFER_SIZE + 4096);
	t->packet = g_string_new(NULL);
	t->inner = g_string_new(NULL);
	t->room = g_string_new(NULL);
	t->names = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
	t->categories = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
	return t;
}

void export_trace_free(ExportTrace *t)
{
	if (!t)
		return;
	g_string_free(t->buf, TRUE);
	g_string_free(t->packet, TRUE);
	g_string_free(t->inner, TRUE);
	g_string_free(t->room, TRUE);
	g_hash_table_unref(t->names);
	g_hash_table_unref(t->categories);
	g_free(t);
}

ExportSummary *export_trace_summary(ExportTrace *t)
{
	return &t->sum;
}

gboolean export_trace_flush(ExportTrace *t)
{
	if (!t->failed && fwrite(t->buf->str, 1, t->buf->len, t->out) != t->buf->len)
		t->failed = TRUE;
	t->sum.bytes += t->buf->len;
	g_string_truncate(t->buf, 0);
	return !t->failed;
}

/* ---- Packets -------------------------------------------------------------------------------------------------------------- */

/* The packet is in t->packet: the rest of it, and out with it. */
static void put_packet(ExportTrace *t)
{
	proto_uint(t->packet, PACKET_SEQUENCE, SEQUENCE);
	proto_uint(t->packet, PACKET_FLAGS, t->started ? FLAG_NEEDS_STATE : FLAG_CLEARED | FLAG_NEEDS_STATE);
	t->started = TRUE;
	proto_message(t->buf, TRACE_PACKET, t->packet);
	g_string_truncate(t->packet, 0);
	if (t->buf->len >= BUFFER_SIZE)
		export_trace_flush(t);
}

/* The number of a text, which goes into the packet when it is new. 0: there are too many. */
static guint64 intern(ExportTrace *t, GHashTable *known, guint field, const char *text)
{
	guint64 iid = GPOINTER_TO_SIZE(g_hash_table_lookup(known, text));

	if (iid || g_hash_table_size(known) >= EXPORT_NAMES_MAX)
		return iid;
	iid = g_hash_table_size(known) + 1;
	g_hash_table_insert(known, g_strdup(text), GSIZE_TO_POINTER(iid));
	g_autoptr(GString) entry = g_string_new(NULL), data = g_string_new(NULL);
	proto_uint(entry, INTERNED_IID, iid);
	proto_text(entry, INTERNED_TEXT, text);
	proto_message(data, field, entry);
	proto_message(t->packet, PACKET_INTERNED, data);
	return iid;
}

/* A text that comes often is told once, and then by its number. */
static void put_text(ExportTrace *t, GHashTable *known, guint interned, guint by_number, guint by_text, const char *text)
{
	guint64 iid = intern(t, known, interned, text);

	if (iid)
		proto_uint(t->inner, by_number, iid);
	else
		proto_text(t->inner, by_text, text);
}

static void put_name(ExportTrace *t, const char *name)
{
	put_text(t, t->names, INTERNED_NAME, EVENT_NAME_IID, EVENT_NAME, name);
}

static void put_category(ExportTrace *t, const char *category)
{
	put_text(t, t->categories, INTERNED_CATEGORY, EVENT_CATEGORY_IID, EVENT_CATEGORY, category);
}

static void put_notes(ExportTrace *t, const ExportNote *notes)
{
	for (; notes && notes->name; notes++) {
		g_string_truncate(t->room, 0);
		proto_text(t->room, NOTE_NAME, notes->name);
		proto_text(t->room, NOTE_TEXT, notes->text);
		proto_message(t->inner, EVENT_NOTE, t->room);
	}
}

static void begin_event(ExportTrace *t, guint type, guint64 track)
{
	g_string_truncate(t->inner, 0);
	proto_uint(t->inner, EVENT_TYPE, type);
	proto_uint(t->inner, EVENT_TRACK, track);
}

static void put_event(ExportTrace *t, gint64 time)
{
	proto_uint(t->packet, PACKET_TIMESTAMP, (guint64)MAX(time, 0));
	proto_message(t->packet, PACKET_TRACK_EVENT, t->inner);
	put_packet(t);
}

/* ---- Tracks --------------------------------------------------------------------------------------------------------------- */

void export_track(ExportTrace *t, guint64 track, guint64 parent, ExportTrackKind kind, const char *name, guint rank)
{
	g_string_truncate(t->inner, 0);
	proto_uint(t->inner, TRACK_UUID, track);
	proto_text(t->inner, TRACK_NAME, name);
	if (parent)
		proto_uint(t->inner, TRACK_PARENT, parent);
	if (kind == EXPORT_COUNTER) {
		g_string_truncate(t->room, 0);
		proto_uint(t->room, COUNTER_UNIT, COUNTER_UNIT_COUNT);
		proto_message(t->inner, TRACK_COUNTER, t->room);
	}
	proto_uint(t->inner, TRACK_ORDERING, ORDERING_EXPLICIT);
	proto_uint(t->inner, TRACK_RANK, rank);
	/* Two of one name are two: a thread's number and name may come again. */
	proto_uint(t->inner, TRACK_MERGING, MERGING_NONE);
	proto_message(t->packet, PACKET_TRACK, t->inner);
	put_packet(t);
	t->sum.tracks += kind != EXPORT_GROUP;
}

guint64 export_track_new(ExportTrace *t, guint64 parent, ExportTrackKind kind, const char *name, guint rank)
{
	guint64 track = OWN_TRACKS + ++t->own_tracks;

	export_track(t, track, parent, kind, name, rank);
	return track;
}

/* ---- Events --------------------------------------------------------------------------------------------------------------- */

void export_begin(ExportTrace *t, guint64 track, gint64 time, const char *category, const char *name, const ExportNote *notes)
{
	begin_event(t, TYPE_BEGIN, track);
	put_category(t, category);
	put_name(t, name);
	put_notes(t, notes);
	put_event(t, time);
}

void export_end(ExportTrace *t, guint64 track, gint64 time)
{
	begin_event(t, TYPE_END, track);
	put_event(t, time);
}

void export_count(ExportTrace *t, guint64 track, gint64 time, gint64 value)
{
	begin_event(t, TYPE_COUNTER, track);
	proto_uint(t->inner, EVENT_VALUE, (guint64)value);
	put_event(t, time);
	t->sum.counts++;
}

void export_instant(ExportTrace *t, guint64 track, gint64 time, const char *category, const char *name, const ExportNote *notes)
{
	begin_event(t, TYPE_INSTANT, track);
	put_category(t, category);
	put_name(t, name);
	put_notes(t, notes);
	put_event(t, time);
}

static void put_flow_end(ExportTrace *t, const char *name, guint64 track, gint64 time, guint field)
{
	begin_event(t, TYPE_INSTANT, track);
	put_category(t, "edge");
	put_name(t, name);
	proto_fixed64(t->inner, field, t->flows);
	put_event(t, time);
}

void export_flow(ExportTrace *t, const char *name, guint64 from, gint64 from_ns, guint64 to, gint64 to_ns)
{
	t->flows++;
	put_flow_end(t, name, from, from_ns, EVENT_FLOW);
	put_flow_end(t, name, to, to_ns, EVENT_FLOW_END);
	t->sum.edges++;
}
