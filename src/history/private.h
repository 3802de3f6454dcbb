/* SPDX-License-Identifier: MIT */
/*
 * history/private.h: how a History lies in memory and in its file.
 *
 *     area:  one reserved range of addresses, filled from its beginning, never moved. What lies in it refers to the rest by offset only, so a dump of it
 *            is the same history at any address.
 *     image: a structure of fixed size that says where the tables begin. Everything else is found from there.
 *
 * Rows, texts, edges and what is known of the whole are tables too, of our own. A row (one cache line) has its last interval in it, which may still
 * grow; those before are coded in chunks (code.h), found through the row's directory.
 */
#ifndef STRATA_HISTORY_PRIVATE_H
#define STRATA_HISTORY_PRIVATE_H

#include "history/history.h"

/* ---- What is kept in the file. A change here is a new HISTORY_FORMAT (file.h) ------------------------------------- */

/* A place in the area, in units of 16 bytes, so that 32 bits reach as far as an area can. 0: nowhere. */
typedef guint32 HistoryRef;

#define HISTORY_REF_SHIFT  4
#define HISTORY_AREA_MAX   (1ull << (32 + HISTORY_REF_SHIFT))
#define HISTORY_AREA_FIRST 64 /* the first offset in use; 0 is nowhere */
#define HISTORY_SLACK      64 /* bytes behind the area's end that may be read, as coded numbers are loaded whole */

typedef struct {
	guint64 len;
	guint32 name; /* text */
	guint32 item_size;
	HistoryRef directory; /* a HistoryRef for each chunk; room for history_dir_room(n_chunks) */
	guint32 n_chunks;
} HistoryTableInfo;

typedef struct {
	guint32 name;   /* text */
	guint32 states; /* the first state's name; those of the others follow */
	guint32 n;
} HistoryKindInfo;

enum { HISTORY_ROWS, HISTORY_TEXTS, HISTORY_EDGES, HISTORY_META, HISTORY_OWN_TABLES };

#define HISTORY_TABLES_ALL (HISTORY_OWN_TABLES + HISTORY_TABLES_MAX)

typedef struct {
	gint64 begin, end;
	guint64 used; /* bytes of the area */
	guint64 dropped;
	guint32 n_kinds, n_tables; /* tables: with our own */
	HistoryKindInfo kinds[HISTORY_KINDS_MAX];
	HistoryTableInfo tables[HISTORY_TABLES_ALL];
} HistoryImage;

#define HISTORY_NO_STATE 0xff

/* What appending needs lies in one cache line. */
typedef struct {
	gint64 last_begin, last_end; /* the last interval; last_end alone: where the row begins */
	guint64 at;                  /* offset where the next coded interval goes, within the last chunk */
	guint32 last_detail;
	guint16 left;      /* bytes from there to the chunk's end */
	guint8 last_state; /* HISTORY_NO_STATE: there is no interval yet */
	guint8 n_states;
	HistoryRef directory; /* one chunk: the chunk itself; more: see HistoryChunk */
	guint32 n_chunks;
	HistoryRef sums; /* while it is made, of a row with several chunks: the time in each state, n_states numbers */
	guint32 n;       /* coded intervals: all but the last */
	guint32 path;    /* text */
	guint8 kind;
	gint64 begin;
} HistoryRow;
G_STATIC_ASSERT(sizeof(HistoryRow) == 64);

/*
 * Before the coded intervals of a chunk: the time in each state from the row's begin to the chunk's. `sums` has a number for each bit of `states`.
 * A row's directory has the begins of all chunks, then (at history_dir_room()) their HistoryRefs.
 */
typedef struct {
	guint64 states;
	guint64 bytes; /* from here to the end of the coded intervals; of the last chunk only the row knows it */
	guint64 sums[];
} HistoryChunk;

typedef struct {
	guint64 place; /* offset << HISTORY_TEXT_BITS | bytes without the terminator */
} HistoryTextInfo;

/* Bytes of coded intervals: of a row's first chunk, doubled so often at most in those behind it. */
#define HISTORY_CHUNK_FIRST     48u
#define HISTORY_CHUNK_DOUBLINGS 5u
#define HISTORY_CHUNK_MAX                                                                                              \
	(sizeof(HistoryChunk) + HISTORY_STATES_MAX * sizeof(guint64) + (HISTORY_CHUNK_FIRST << HISTORY_CHUNK_DOUBLINGS))

#define HISTORY_TEXT_BITS      24
#define HISTORY_TEXT_MAX       65535
#define HISTORY_META_BYTES_MAX ((1u << HISTORY_TEXT_BITS) - 1)

typedef struct {
	guint32 key, value; /* texts */
} HistoryMetaItem;

/* ---- In memory ----------------------------------------------------------------------------------------------------- */

/* The area. [0, committed) may be touched; of it [0, spilled) lies in the file `fd`. */
typedef struct {
	guint8 *base;
	guint64 used, committed, spilled;
	guint64 reserved, budget;
	char *directory;          /* of the file; NULL: not asked for yet, history_cache_dir() */
	int fd;                   /* -1: none */
	char *failure;            /* why it cannot grow any more; NULL: it can */
	HistoryRef free_dirs[32]; /* directories that were outgrown, by the logarithm of their size */
	gpointer map;             /* what is to be unmapped */
	gsize map_size;
	/* behind.c */
	gboolean shared;          /* another thread takes memory too: */
	gpointer follower;        /* this one, which can't spill */
	gboolean both_append;     /* so does the first one, which can't end the other now */
	gboolean over;            /* somebody who can't spill would have had to */
	GMutex lock;              /* for all that changes while it is shared */
} HistoryArea;

/* The end of a table, where items are added. */
typedef struct {
	guint8 *next;
	guint32 left; /* items in the last chunk */
	guint32 size;
	guint32 shift; /* items of a chunk, as a power of two */
} HistoryTail;

/* Something to be appended: `row` << 6 | `state`, of which there are not more. */
typedef struct {
	gint64 end_ns;
	guint32 place, detail;
} HistoryAppend;

#define HISTORY_BATCH 4096u

G_STATIC_ASSERT((guint64)HISTORY_ROWS_MAX * HISTORY_STATES_MAX == (guint64)1 << 32);

typedef struct {
	HistoryRef rows; /* the directory of the rows' table when it was sent */
	guint n;
	HistoryAppend all[HISTORY_BATCH];
} HistoryBatch;

typedef struct HistoryInterner HistoryInterner;
typedef struct HistoryBehind HistoryBehind;

struct History {
	HistoryArea area;
	HistoryBehind *behind;  /* NULL: what is appended is appended at once */
	HistoryBatch *batch;    /* of it: the one that is being filled */
	guint64 rows_dropped;   /* image.dropped of whoever appends to rows */
	guint32 n_open_rows; /* rows that may be appended to: none of a finished history */
	gboolean finished;
	HistoryTail tails[HISTORY_TABLES_ALL];
	HistoryImage image;
	HistoryInterner *interner;
	guint8 *text_next; /* room for further texts */
	gsize text_left;
	gint64 dummy[HISTORY_ITEM_MAX / sizeof(gint64)]; /* where items beyond a limit go */
};

/* ---- area.c, spill.c ----------------------------------------------------------------------------------------------- */

static inline History *history_of_area(HistoryArea *area)
{
	return (History *)(gpointer)((guint8 *)area - G_STRUCT_OFFSET(History, area));
}

/* Reserve addresses for `area`. FALSE: there are none, and every history_area_alloc() will fail. */
gboolean history_area_init(HistoryArea *area, guint64 budget, const char *directory);
void history_area_clear(HistoryArea *area);

/* So that at least `needed` bytes may be touched. FALSE: failed, now and from now on. */
gboolean history_area_commit(HistoryArea *area, guint64 needed);

/* Move the oldest part to the file, until `needed` bytes fit into the budget. */
gboolean history_area_spill(HistoryArea *area, guint64 needed);

/* history_area_alloc(), of an area that is shared. */
guint64 history_area_alloc_shared(HistoryArea *area, guint64 size, guint64 align);

/* `size` zeroed bytes, `align` a power of two. 0: failed. */
static inline guint64 history_area_alloc(HistoryArea *area, guint64 size, guint64 align)
{
	guint64 at = (area->used + align - 1) & ~(align - 1);

	if (area->shared)
		return history_area_alloc_shared(area, size, align);
	if (G_UNLIKELY(at + size + HISTORY_SLACK > area->committed) && !history_area_commit(area, at + size))
		return 0;
	area->used = at + size;
	return at;
}

/* A directory with room for `room` entries (a power of two) of `entry` bytes; what is in it is not defined. 0: failed. */
HistoryRef history_dir_new(HistoryArea *area, guint32 room, guint32 entry);
void history_dir_give_back(HistoryArea *area, HistoryRef dir, guint32 room, guint32 entry);

/* The room of a directory of n entries. */
static inline guint32 history_dir_room(guint32 n)
{
	return n <= 4 ? 4 : n > 1u << 31 ? G_MAXUINT32 : 1u << (32 - __builtin_clz(n - 1));
}

static inline guint64 history_offset(HistoryRef ref)
{
	return (guint64)ref << HISTORY_REF_SHIFT;
}

static inline gpointer history_at_ref(const History *h, HistoryRef ref)
{
	return h->area.base + history_offset(ref);
}

/* Whether a file's claim about a place can be true. */
static inline gboolean history_within(const History *h, guint64 offset, guint64 size)
{
	guint64 used = __atomic_load_n(&h->area.used, __ATOMIC_RELAXED);

	return offset >= HISTORY_AREA_FIRST && offset <= used && size <= used - offset;
}

/* ---- tables.c ------------------------------------------------------------------------------------------------------- */

void history_tables_init(History *h);
guint32 history_table_shift(guint32 item_size);

/* The same as the public ones, but for all tables: `t` < HISTORY_TABLES_ALL. history_item() is NULL if there is no such item. */
gpointer history_item_add(History *h, guint t);

static inline gpointer history_item(const History *h, guint t, guint64 i)
{
	const HistoryTableInfo *info = &h->image.tables[t];
	const HistoryTail *tail = &h->tails[t];
	const HistoryRef *directory;

	if (G_UNLIKELY(i >= info->len || i >> tail->shift >= info->n_chunks))
		return NULL;
	directory = history_at_ref(h, info->directory);
	return (guint8 *)history_at_ref(h, directory[i >> tail->shift]) + (i & ((1u << tail->shift) - 1)) * tail->size;
}

/* ---- texts.c -------------------------------------------------------------------------------------------------------- */

/* A further text, even if it is known already. 0, the empty one, if it fails. */
guint32 history_text_keep(History *h, const char *text, gsize len);

/* A text that is looked for later. FALSE: `number` is none. */
gboolean history_text_find(const History *h, guint32 number, const char **text_out, gsize *len_out);
void history_interner_free(HistoryInterner *in); /* NULL is fine */

/* ---- behind.c ------------------------------------------------------------------------------------------------------- */

/* From now on another thread appends, if that is worth it. */
void history_behind_begin(History *h);

/* The batch is full: have it appended, and begin another one; or end it (`behind` is NULL then). */
void history_behind_send(History *h);

/* Until all that was appended so far is there to be read. */
void history_behind_wait(History *h);

/* The same, and from now on nobody else appends. */
void history_behind_end(History *h);

/* ---- rows.c --------------------------------------------------------------------------------------------------------- */

void history_append_batch(History *h, const HistoryBatch *batch);

/* NULL: there is no such row. */
static inline const HistoryRow *history_row_get(const History *h, guint32 row)
{
	if (G_UNLIKELY(h->behind))
		history_behind_wait((History *)h);
	return history_item(h, HISTORY_ROWS, row);
}

/* The chunks of a row, as far as they are to be believed: of a damaged row there are none. */
typedef struct {
	const gint64 *begins;
	const HistoryRef *refs;
	guint32 n;
} HistoryChunks;

HistoryChunks history_row_chunks(const History *h, const HistoryRow *r);

/* A chunk and where its coded intervals begin and end; NULL: it is not to be believed. */
const HistoryChunk *history_chunk_get(const History *h, const HistoryRow *r, const HistoryChunks *c, guint32 i,
                                      const guint8 **begin_out, const guint8 **end_out);

/* Set the HISTORY_STATES_MAX sums to those before a chunk. */
void history_chunk_sums(const HistoryChunk *chunk, guint64 *sums);

/* The same before the row's last interval; returns the states that there were, a bit for each. */
guint64 history_row_sums(const History *h, const HistoryRow *r, guint64 *sums);

#endif
