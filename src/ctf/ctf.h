/* SPDX-License-Identifier: MIT */
/*
 * ctf/ctf.h: traces in the Common Trace Format, versions 1.8 and 2.
 *
 * Two front ends (TSDL, JSON) turn metadata into the same description: clocks, data stream classes, event classes and
 * trees of field classes. One decoder walks packets by that description. Nothing here knows of Linux.
 *
 *     metadata --> CtfMetadata (field classes) --> programs --> CtfRecord (time, class, wanted fields)
 *
 * Life cycle: ctf_trace_open() gives a CtfTrace that owns its metadata, streams and mapped files; everything reached
 * from it lives as long as it. Reading (ctf_read()) does not change the trace except for caches behind locks, so that one
 * trace may be read many times, by several threads.
 *
 * Specifications: CTF 1.8.3 (diamon.org/ctf/v1.8.3), CTF2-SPEC-2.0; section numbers name the first as "1.8 §", the
 * second as "2 §".
 */
#ifndef STRATA_CTF_CTF_H
#define STRATA_CTF_CTF_H

#include <glib.h>

#include "base/error.h"

/* ---- Hard maxima: what a trace can make grow ----------------------------------------------------------------- */

#define CTF_METADATA_MAX       (64u << 20)   /* bytes of metadata text */
#define CTF_DEPTH_MAX          64            /* nested field classes */
#define CTF_FIELDS_MAX         4096          /* members of a structure, options of a variant */
#define CTF_EVENT_CLASSES_MAX  60000         /* event classes of a trace */
#define CTF_STREAM_CLASSES_MAX 256
#define CTF_PACKET_BITS_MAX    (1ull << 32)  /* bits of a packet: positions in it are 32 bit numbers */
#define CTF_SLOTS_MAX          1024          /* lengths and selectors that an event class may keep for later fields */
#define CTF_ELEMENTS_MAX       (1u << 20)    /* elements of an array whose elements take no space */

/* ---- Field classes ------------------------------------------------------------------------------------------- */

typedef enum {
	CTF_FC_INT,          /* 1 to 64 bits: integers, booleans, bit arrays, enumerations */
	CTF_FC_VARINT,       /* LEB128 (2): at most 64 bits of value */
	CTF_FC_FLOAT,        /* IEEE 754: 32 or 64 bits */
	CTF_FC_STRING,       /* null-terminated */
	CTF_FC_STATIC_TEXT,  /* `length` bytes of text (1.8: an array of text integers); it ends at the first null */
	CTF_FC_DYNAMIC_TEXT, /* as many bytes of text as `length_fc` says */
	CTF_FC_STATIC_BLOB,  /* `length` bytes */
	CTF_FC_DYNAMIC_BLOB, /* as many bytes as `length_fc` says */
	CTF_FC_ARRAY,        /* `length` elements */
	CTF_FC_SEQUENCE,     /* as many elements as `length_fc` says */
	CTF_FC_STRUCT,
	CTF_FC_VARIANT,      /* the first of the members whose ranges hold the value of `selector_fc` */
	CTF_FC_OPTIONAL,     /* `element`, if the value of `selector_fc` is in `ranges` (no ranges: if it is not 0) */
} CtfFcType;

/* Which of the trees around an event a field class is in, in the order in which a packet has them. */
typedef enum {
	CTF_SCOPE_PACKET_HEADER,
	CTF_SCOPE_PACKET_CONTEXT,
	CTF_SCOPE_EVENT_HEADER,
	CTF_SCOPE_COMMON_CONTEXT,   /* the stream's event context */
	CTF_SCOPE_SPECIFIC_CONTEXT, /* the event's own context */
	CTF_SCOPE_PAYLOAD,
	CTF_SCOPE_COUNT
} CtfScope;

/* What a field means to the format itself (2: roles; 1.8: by the member's name). */
typedef enum {
	CTF_ROLE_NONE,
	CTF_ROLE_MAGIC,
	CTF_ROLE_UUID,
	CTF_ROLE_STREAM_CLASS_ID,
	CTF_ROLE_STREAM_ID,         /* 1.8: stream_instance_id */
	CTF_ROLE_TIMESTAMP,         /* the event's time: in 1.8 any integer of an event header that is mapped to a clock */
	CTF_ROLE_PACKET_BEGIN,
	CTF_ROLE_PACKET_END,
	CTF_ROLE_CONTENT_SIZE,      /* bits */
	CTF_ROLE_PACKET_SIZE,       /* bits */
	CTF_ROLE_PACKET_SEQ_NUM,
	CTF_ROLE_EVENTS_DISCARDED,
	CTF_ROLE_EVENT_CLASS_ID,
	CTF_ROLE_CPU_ID,            /* LTTng's, in packet contexts; not the format's own */
} CtfRole;

/* A closed range. Signed values are kept as their two's complement. */
typedef struct {
	guint64 lower, upper;
	gboolean is_signed; /* compare as gint64 */
} CtfRange;

/* A label of an enumeration, with its ranges. */
typedef struct {
	const char *label;
	CtfRange *ranges;
	guint n_ranges;
} CtfMapping;

typedef struct CtfFc CtfFc;
typedef struct CtfClock CtfClock;
typedef struct CtfMetadata CtfMetadata;
typedef struct CtfStreamClass CtfStreamClass;
typedef struct CtfEventClass CtfEventClass;

/* A member of a structure or an option of a variant. */
typedef struct {
	const char *name;     /* as metadata writes it; NULL: an option without a name (2) */
	const char *display;  /* as people see it: in 1.8 without metadata's leading underscore */
	CtfFc *fc;
	CtfRange *ranges;     /* variants: the selector's values for this option */
	guint n_ranges;
} CtfMember;

typedef enum { CTF_TEXT_UTF8, CTF_TEXT_UTF16BE, CTF_TEXT_UTF16LE, CTF_TEXT_UTF32BE, CTF_TEXT_UTF32LE } CtfTextEncoding;

/*
 * A field class. Every node has one place: front ends build an alias's tree anew each time it is used, so that
 * `length_fc`, `selector_fc` and `slot` belong to one field only. Nodes live in their CtfMetadata's arena.
 */
struct CtfFc {
	CtfFcType type;
	guint8 scope;           /* CtfScope of the tree it is in */
	guint align;            /* bits, a power of two, at least 1; of structures, arrays: at least their members' or element's */
	gboolean is_referenced; /* some length_fc or selector_fc is this one; set by front ends */
	gint slot;              /* >= 0: where its value is kept for later lengths and selectors; set by program.c */
	CtfFc *slot_fc;         /* 2: not NULL: it shares that one's slot, since one location stands for either (in a variant's options) */

	/* CTF_FC_INT, CTF_FC_VARINT, CTF_FC_FLOAT */
	guint size;             /* bits; 0: CTF_FC_VARINT */
	gboolean big_endian;
	gboolean reverse_bits;  /* 2: the bit order is not the byte order's natural one */
	gboolean is_signed;
	gboolean is_boolean;    /* 2 */
	gboolean is_bit_array;  /* 2: no number, only bits; its mappings, if any, name ranges of bits */
	gboolean is_enum;       /* may be true without mappings */
	guint base;             /* preferred for display: 2, 8, 10, 16 */
	CtfRole role;
	CtfClock *clock;        /* not NULL: its value is a time, or the low bits of one */
	CtfMapping *mappings;
	guint n_mappings;

	/* CTF_FC_STRING, CTF_FC_STATIC_TEXT, CTF_FC_DYNAMIC_TEXT */
	CtfTextEncoding encoding;

	/* arrays, texts, blobs */
	guint64 length;
	CtfFc *length_fc;
	CtfFc *element;         /* CTF_FC_OPTIONAL too */

	guint first_slot, n_slots; /* CTF_FC_VARIANT, CTF_FC_OPTIONAL: those given to fields below; set by program.c */

	/* CTF_FC_STRUCT, CTF_FC_VARIANT, CTF_FC_OPTIONAL */
	CtfMember *members;
	guint n_members;
	CtfFc *selector_fc;
	CtfRange *ranges;       /* CTF_FC_OPTIONAL */
	guint n_ranges;
};

/* ---- Metadata ------------------------------------------------------------------------------------------------ */

struct CtfClock {
	const char *name;        /* 2: its id, if it has no name */
	const char *id;          /* 2: what stream classes refer to; 1.8: its name */
	const char *description; /* may be NULL */
	gboolean has_uuid;
	guint8 uuid[16];
	guint64 freq;            /* Hz, not 0 */
	guint64 precision;       /* cycles */
	gint64 offset_s;         /* from the origin: seconds ... */
	guint64 offset_cycles;   /* ... and cycles, which may be more than a second */
	gboolean absolute;       /* the origin is the Unix epoch, or shared by all clocks that say so */
};

/* A value of the environment. */
typedef struct {
	const char *name;
	gboolean is_int;
	gint64 i;
	const char *s;
} CtfEnv;

/*
 * An event class. Its fields are compiled when they are first needed: call ctf_event_class_load() before
 * looking at `spec_context` and `payload`.
 */
struct CtfEventClass {
	guint64 id;
	guint index;              /* dense over the whole trace: the key of tables about event classes */
	const char *name;         /* "" if it has none */
	CtfStreamClass *stream_class;
	gboolean has_log_level;
	gint64 log_level;
	const char *emf_uri;      /* may be NULL */
	CtfFc *spec_context;      /* NULL: none */
	CtfFc *payload;           /* NULL: none */
	/* private to metadata.c and the front ends */
	gint loaded;              /* atomic: 0 not yet, 1 done, -1 failed */
	GError *load_error;
	gconstpointer body;       /* TSDL: where its body begins, how long it is */
	gsize body_len;
	/* private to plan.c, set when its first event is met */
	gboolean compiled;
	gboolean needs_packet;    /* some length or selector, of its header too, names a field of the packet's header or context ... */
	gboolean needs_header;    /* ... or of the event's header */
};

struct CtfStreamClass {
	guint64 id;
	guint index;
	const char *name;         /* may be NULL */
	CtfMetadata *metadata;
	CtfFc *packet_context;    /* NULL: none; so are the next two */
	CtfFc *event_header;
	CtfFc *common_context;
	CtfClock *clock;          /* of the events' times; NULL: they have none */
	GPtrArray *event_classes; /* CtfEventClass *, in the metadata's order */
	GHashTable *by_id;        /* guint64 * -> CtfEventClass * */
};

struct CtfMetadata {
	guint version;             /* 1 or 2 */
	gboolean has_uuid;
	guint8 uuid[16];
	const char *uid;           /* 2: the trace class's uid; may be NULL */
	const char *trace_name;    /* 2: may be NULL */
	gboolean big_endian;       /* 1.8: native byte order */
	CtfFc *packet_header;      /* NULL: none */
	GPtrArray *clocks;         /* CtfClock * */
	GPtrArray *env;            /* CtfEnv *, in the metadata's order */
	GPtrArray *stream_classes; /* CtfStreamClass * */
	GPtrArray *events;         /* CtfEventClass *, by index */
	char *path;                /* of the file, for messages */
	char *text;                /* the whole metadata without packet headers, null-terminated */
	gsize text_len;
	/* private */
	struct CtfArena *arena;
	gpointer lines;            /* where lines of the text begin; NULL: no error has asked for one yet */
	guint shared_slots;        /* of packet headers and contexts, event headers, common contexts */
	GRecMutex lock;            /* held while an event class is being loaded or compiled */
	gboolean (*load)(CtfMetadata *m, CtfEventClass *ec, GError **error); /* the front end's; NULL: nothing is lazy */
	gpointer front_end;        /* the front end's own state, and how to free it */
	void (*front_end_free)(gpointer front_end);
};

/*
 * Read the metadata of a trace directory (its file `metadata`): plain or packetized TSDL in either byte order, or a CTF 2
 * JSON text sequence. Errors: ST_ERROR_IO, ST_ERROR_METADATA ("file:line:column: what"). The caller owns the result.
 */
CtfMetadata *ctf_metadata_open(const char *dir, GError **error);

/* The same from memory; `path` only names it in messages. `data` is copied. */
CtfMetadata *ctf_metadata_parse(const char *path, const void *data, gsize len, GError **error);
void ctf_metadata_free(CtfMetadata *m); /* NULL is fine */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(CtfMetadata, ctf_metadata_free)

/* Compile an event class's fields unless that was done before. Thread-safe. */
gboolean ctf_event_class_load(CtfEventClass *ec, GError **error);

CtfStreamClass *ctf_metadata_stream_class(const CtfMetadata *m, guint64 id);  /* NULL: none */
CtfEventClass *ctf_stream_class_event(const CtfStreamClass *sc, guint64 id);  /* NULL: none */
const CtfEnv *ctf_metadata_env(const CtfMetadata *m, const char *name);       /* NULL: none */
const char *ctf_metadata_env_text(const CtfMetadata *m, const char *name);    /* NULL: none, or no text */

/* The member of that name (display or metadata name) of a structure; NULL: none, or `fc` is NULL or no structure. */
CtfFc *ctf_fc_member(const CtfFc *fc, const char *name);

/* TRUE if a value is in one of the ranges. */
gboolean ctf_ranges_hold(const CtfRange *ranges, guint n, guint64 value);

/* Nanoseconds from the clock's origin at a clock value; saturates. */
gint64 ctf_clock_ns(const CtfClock *clock, guint64 cycles);

/* ---- Traces, streams, packets -------------------------------------------------------------------------------- */

typedef struct CtfTrace CtfTrace;
typedef struct CtfStream CtfStream;

/* A packet as its header and context tell, without decoding events. */
typedef struct {
	guint32 file;          /* index into the stream's files */
	gint32 cpu;            /* -1: not said */
	guint64 offset;        /* bytes from the file's start */
	guint64 size_bits;     /* whole packet, padding included */
	guint64 content_bits;  /* header and events */
	guint64 header_bits;   /* where the first event begins */
	guint64 begin, end;    /* clock values (cycles) */
	guint64 seq_num;
	guint64 discarded;     /* the counter at its end */
	gboolean has_begin : 1, has_end : 1, has_seq_num : 1, has_discarded : 1;
	gboolean is_narrow : 1; /* the packet has only the low bits of `begin` or `end`: what is above them is counted on from packet to packet */
	guint8 begin_bits;      /* as the packet has them, at most 64 */
	guint8 end_bits;
} CtfPacket;

/* A file of a stream (a rotated trace has one per chunk), mapped. */
typedef struct {
	char *path;
	const guint8 *map;     /* NULL: an empty file */
	guint64 size;          /* bytes; 8 more may be read from the map */
	gsize map_len;
} CtfFile;

/* Events or packets lost, and between which times (ns, as ctf_clock_ns()). */
typedef struct {
	guint64 events;        /* discarded events; 0: not known */
	guint64 packets;       /* lost packets; 0: none */
	gint64 begin_ns, end_ns;
} CtfLoss;

struct CtfStream {
	CtfTrace *trace;
	CtfStreamClass *stream_class;
	guint index;           /* in trace->streams */
	gboolean has_id;
	guint64 id;            /* stream instance id */
	gint32 cpu;            /* -1: not said */
	GArray *files;         /* CtfFile */
	GArray *packets;       /* CtfPacket, in order of time; damaged ones are not in it */
	GArray *losses;        /* CtfLoss, in order of time */
};

struct CtfTrace {
	char *path;              /* its directory; of a rotated trace: of the first chunk */
	GPtrArray *chunk_paths;  /* char *: all its directories */
	CtfMetadata *metadata;   /* of the newest chunk, which knows the most classes */
	GPtrArray *streams;      /* CtfStream *, in order of their files' names */
	gint64 begin_ns, end_ns; /* by packets; G_MAXINT64 and G_MININT64 if none has a time */
	guint64 bytes;           /* of all its stream files */
	guint64 bad_packets;     /* packets (or rests of files) that make no sense; each is a warning too */
	guint index;             /* among those that ctf_traces_open() gave */
};

/*
 * Find the traces at and below `paths` (a trace is a directory with a file `metadata`), open them, and join the chunks of a
 * rotated trace (same uuid). Result: CtfTrace *, in order of the arguments and, below one, of the path; free with g_ptr_array_unref(). A
 * directory that can't be read is a warning if others can be. Errors: ST_ERROR_NOT_A_TRACE if nothing is there, else the
 * last trace's own.
 */
GPtrArray *ctf_traces_open(const char *const *paths, gsize n, StWarnings *warnings, GError **error);

/* The trace in one directory. Damaged packets and files become warnings. */
CtfTrace *ctf_trace_open(const char *dir, StWarnings *warnings, GError **error);
void ctf_trace_free(CtfTrace *trace); /* NULL is fine */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(CtfTrace, ctf_trace_free)

/* ---- Reading ------------------------------------------------------------------------------------------------- */

/*
 * A field that a reader wants of an event class. With scope CTF_SCOPE_COUNT it is looked for in the payload, then the
 * event's own context, the common context, the packet context.
 */
typedef struct {
	CtfScope scope;
	const char *name; /* display name; '.' goes into structures, as in "network_header.saddr"; "": a value that is never there */
} CtfWant;

#define CTF_WANTS_MAX   24
#define CTF_HEADER_LONG 255

/* The field that is meant; NULL: a loaded event class has none like it outside the packet context. */
const CtfFc *ctf_event_class_field(const CtfEventClass *ec, const CtfWant *want);

/*
 * A decoded event. `v` has a value per wanted field, in that order; `present` a bit for each that was there.
 * Integers: the value, sign-extended. Floats: the bits of a double. Texts, strings, blobs: CTF_TEXT_POS() and CTF_TEXT_LEN(),
 * bytes of the packet (without what follows the first null of a text). Packet context fields are not in `v` but in CtfPacket.
 */
typedef struct {
	gint64 time;      /* ns from the clock's origin, never less than that of the stream's event before */
	guint32 pos;      /* bits from the packet's begin to the end of the event's header (to its begin, if it is long) */
	guint16 event;    /* CtfEventClass.index */
	guint8 tag;       /* as the subscription said */
	guint8 header;    /* bits of the event's header; CTF_HEADER_LONG: that many or more */
	guint32 packet;   /* index into the stream's packets */
	guint32 present : CTF_WANTS_MAX;
	guint32 n : 32 - CTF_WANTS_MAX; /* number of values */
	guint64 v[];
} CtfRecord;

#define CTF_TEXT(pos, len)  (((guint64)(pos) << 32) | (guint32)(len))
#define CTF_TEXT_POS(value) ((guint32)((value) >> 32))
#define CTF_TEXT_LEN(value) ((guint32)(value))

/* What a reader wants of an event class. */
typedef struct {
	gboolean skip;    /* frame this class's events, but don't hand them out */
	guint8 tag;
	guint16 n_wants;
	CtfWant wants[CTF_WANTS_MAX];
} CtfSubscription;

/*
 * A reader.
 *
 * `subscribe` is asked once per event class, when its first event is met (from any thread, under the metadata's lock; the class
 * is loaded). NULL: every class, no fields.
 *
 * `event` is called for every event that is wanted, on the calling thread, in order of time; of events of equal time, in the order of their
 * traces' UUIDs, stream classes' ids, streams' ids (as babeltrace2's muxer has it). FALSE stops the
 * reading (which is no error). NULL: only frame and order. The record is valid during the call, `base` (the packet's first byte) too.
 */
typedef struct {
	void (*subscribe)(const CtfEventClass *ec, CtfSubscription *sub, gpointer user);
	gboolean (*event)(const CtfStream *stream, const guint8 *base, const CtfRecord *record, gpointer user);
	gpointer user;
	gint64 begin_ns, end_ns; /* only events within [begin, end]; G_MININT64, G_MAXINT64: all */
	guint threads;           /* 1: only the caller's. The result does not depend on it */
	gboolean count_classes;  /* fill CtfStats.by_class, skipped classes included */
	StWarnings *warnings;
} CtfReader;

/* What a reading went through. */
typedef struct {
	guint64 events;         /* framed, those of skipped classes included */
	guint64 bad_packets;    /* packets of which some events were lost to damage */
	GPtrArray *by_class;    /* with count_classes: per trace a guint64 array by event class index; else NULL */
} CtfStats;

/* Read traces, merged. FALSE only where nothing at all can be read: damage is a warning and counted in `stats`. */
gboolean ctf_read(CtfTrace *const *traces, gsize n, const CtfReader *reader, CtfStats *stats, GError **error);
void ctf_stats_clear(CtfStats *stats);

/*
 * Every stream's events apart, in the stream's order: for who must know, while events are read merged, what comes next in one of the streams.
 * Streams are numbered in the order that decides between events of equal time.
 */
typedef struct CtfScout CtfScout;

/* `traces` must outlive it. No damage is told: ctf_read() does that. */
CtfScout *ctf_scout_new(CtfTrace *const *traces, gsize n);
void ctf_scout_free(CtfScout *scout); /* NULL is fine */

guint ctf_scout_streams(const CtfScout *scout);
const CtfStream *ctf_scout_stream(const CtfScout *scout, guint i);

/* The next event of a stream, without values; NULL: there is none. The record is valid until the next call for that stream. */
const CtfRecord *ctf_scout_peek(CtfScout *scout, guint i);
void ctf_scout_pass(CtfScout *scout, guint i); /* go behind what ctf_scout_peek() gave */

/*
 * When the first and the last event of a trace happened (ns), by decoding the beginning and end of each stream. FALSE: no event has a time.
 */
gboolean ctf_trace_span(CtfTrace *trace, gint64 *first_ns_out, gint64 *last_ns_out);

/* ---- Walking one record's fields ----------------------------------------------------------------------------- */

/*
 * A cursor over the fields of one event (or of a packet's header and context), for printers and converters: the caller walks the
 * tree of field classes and has the cursor read scalar after scalar. All bounds are checked: after the first overrun
 * `failed` stays set and every read gives zeros.
 */
typedef struct {
	const guint8 *base;     /* the packet's first byte */
	guint64 pos, end;       /* bits */
	gboolean failed;
	guint64 *slots;         /* CTF_SLOTS_MAX values kept for lengths and selectors */
} CtfCursor;

/* A cursor at a record's first context. `slots`: CTF_SLOTS_MAX entries, the caller's, which live as long as the cursor. */
void ctf_cursor_event(CtfCursor *c, const CtfStream *stream, const guint8 *base, const CtfRecord *record, guint64 *slots);

/* A cursor at the header of a record's event; there may be none, or padding before it. */
void ctf_cursor_header(CtfCursor *c, const CtfStream *stream, const guint8 *base, const CtfRecord *record, guint64 *slots);

/* A cursor at a packet's first byte, for its header and context. */
void ctf_cursor_packet(CtfCursor *c, const CtfStream *stream, const guint8 *base, const CtfPacket *packet, guint64 *slots);

void ctf_cursor_align(CtfCursor *c, guint bits);                         /* to a multiple, counted from the packet's begin */
guint64 ctf_cursor_int(CtfCursor *c, const CtfFc *fc);                   /* CTF_FC_INT, CTF_FC_VARINT: aligns, reads, sign-extends, keeps its slot */
double ctf_cursor_float(CtfCursor *c, const CtfFc *fc);
const guint8 *ctf_cursor_bytes(CtfCursor *c, const CtfFc *fc, guint64 *len_out); /* strings, texts, blobs; length without terminator */
guint64 ctf_cursor_length(CtfCursor *c, const CtfFc *fc);                /* CTF_FC_ARRAY, CTF_FC_SEQUENCE: aligns; number of elements */
const CtfMember *ctf_cursor_option(CtfCursor *c, const CtfFc *fc);       /* CTF_FC_VARIANT: the chosen member; NULL (and failed): none fits */
gboolean ctf_cursor_present(CtfCursor *c, const CtfFc *fc);              /* CTF_FC_OPTIONAL */
void ctf_cursor_skip(CtfCursor *c, const CtfFc *fc);                     /* any field class, whole */

#endif
