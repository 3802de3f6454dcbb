/* SPDX-License-Identifier: MIT */
/*
 * history/history.h: what things were doing, from when to when; and what happened to them.
 *
 * A History belongs to one trace. It holds
 *
 *   rows    a row is a thing (a thread, a processor, a disk): at every time of its life it is in exactly one state. Its intervals follow one another without gap
 *           or overlap. Over them stand running sums, so that the time in each state between any two times is exact and costs a search.
 *   edges   from a time on one row to a time on another: a wakeup, a packet.
 *   tables  of items of a fixed size (a C structure): system calls, disk requests, threads. An item keeps its number and its address.
 *   texts   each kept once, known by a number; 0 is "".
 *
 * All of it is only ever appended to, in O(1), and lies in one area of memory that is addressed by offsets: what is in memory is what is in the
 * file. Above a budget the oldest part of it is moved into a file of the cache directory, where the kernel pages it; nobody notices.
 * history_save() writes it beside a fingerprint of what it was made from, history_open() checks it and maps it again.
 *
 * Times are ns from the clock's origin. One thread of execution while it is being made; any number once it is finished.
 */
#ifndef STRATA_HISTORY_HISTORY_H
#define STRATA_HISTORY_HISTORY_H

#include <glib.h>

#include "base/error.h"

typedef struct History History;

/* Limits. What would go beyond them is dropped and counted: history_dropped(). */
#define HISTORY_STATES_MAX 64         /* states of a kind of rows */
#define HISTORY_KINDS_MAX  64         /* kinds of rows */
#define HISTORY_TABLES_MAX 64
#define HISTORY_ROWS_MAX   (1u << 26)
#define HISTORY_INTERVALS_MAX G_MAXUINT32 /* of a row */
#define HISTORY_ITEM_MAX   1024       /* bytes of a table's item */
#define HISTORY_TEXTS_MAX  (1u << 28)
#define HISTORY_META_MAX   4096       /* keys */
#define HISTORY_FINGERPRINT_FILES_MAX (1u << 20)
#define HISTORY_CACHE_MAX  (10ull << 30) /* bytes in the cache directory; or a tenth of the file system, if that is less */

#define HISTORY_NO_ROW G_MAXUINT32 /* what history_row() returns beyond a limit; it may be given to any function */

guint64 history_default_memory(void); /* a quarter of the machine's */

typedef struct {
	guint64 memory;        /* bytes to hold in memory while it is made; 0: history_default_memory() */
	const char *directory; /* where the rest goes; NULL: history_cache_dir() */
	gboolean behind;       /* another thread may write rows, some time behind what is appended; nobody notices */
} HistoryOptions;

/* A history of [begin, end]. `options` may be NULL. */
History *history_new(gint64 begin_ns, gint64 end_ns, const HistoryOptions *options);
void history_free(History *h); /* NULL is fine */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(History, history_free)

gint64 history_begin(const History *h);
gint64 history_end(const History *h);

/* How many appends were dropped at a limit or because neither memory nor disk could be had (then history_finish() fails). */
guint64 history_dropped(const History *h);

/* ---- Texts --------------------------------------------------------------------------------------------------- */

/* The number of a text; `len` < 0: null-terminated. Texts over 65535 bytes are cut. */
guint32 history_text(History *h, const char *text, gssize len);
const char *history_text_get(const History *h, guint32 text); /* "" for no valid number */

/* What is known of the whole: "hostname", ... Keys and values are copied. */
void history_set_meta(History *h, const char *key, const char *value);
const char *history_meta(const History *h, const char *key); /* NULL: not set */

/* ---- Rows: making ------------------------------------------------------------------------------------------------ */

/*
 * A kind of rows and the names of its states; `states` has `n` names, which are copied. Returns its number. A kind of the same name and states is the same kind.
 */
guint history_kind(History *h, const char *name, const char *const *states, guint n);

/*
 * A row; returns its number, from 0 on. `path` is its name within the machine ("cpu/0", "thread/1234 qemu-system-x86"). It begins at `begin_ns`, clamped to the
 * history's range.
 */
guint32 history_row(History *h, guint kind, const char *path, gint64 begin_ns);

/* Another name for it: who it is may become known late. */
void history_row_rename(History *h, guint32 row, const char *path);

/*
 * From where its last interval ended until `end_ns` it was in `state`. `detail` is a text (which system call, which disk), 0: none. An interval without
 * length is no interval. The same state and detail as before prolong the last interval.
 */
void history_append(History *h, guint32 row, gint64 end_ns, guint state, guint32 detail);

/* Something went from one row to another. `kind` is a text ("wakeup", "packet"). */
void history_edge(History *h, guint32 kind, guint32 from_row, gint64 from_ns, guint32 to_row, gint64 to_ns);

/* ---- Rows: asking ---------------------------------------------------------------------------------------------- */

typedef struct {
	gint64 begin_ns, end_ns;
	guint32 detail;
	guint8 state;
} HistoryInterval;

guint32 history_n_rows(const History *h);
const char *history_row_path(const History *h, guint32 row);
guint history_row_kind(const History *h, guint32 row);
gint64 history_row_begin(const History *h, guint32 row);
gint64 history_row_end(const History *h, guint32 row); /* of its last interval */
guint64 history_row_intervals(const History *h, guint32 row);

/* FALSE: there is none of that name. */
gboolean history_find_kind(const History *h, const char *name, guint *kind_out);
const char *history_kind_name(const History *h, guint kind);
guint history_n_states(const History *h, guint kind);
const char *history_state_name(const History *h, guint kind, guint state);

/* The interval at a time; of two that meet there the later one. FALSE: the row does not reach there. */
gboolean history_at(const History *h, guint32 row, gint64 time, HistoryInterval *out);

/*
 * A place in a row, to ask for many times of it that mostly go up: each is looked for from the last one on. The history is finished, and outlives it.
 */
typedef struct {
	const History *history;
	guint64 private[5];
} HistoryPlace;

void history_place(HistoryPlace *p, const History *h, guint32 row);
gboolean history_place_at(HistoryPlace *p, gint64 time, HistoryInterval *out); /* as history_at() */

/* The time in each state within [begin, end): `ns_out` has history_n_states() places, which are set. Exact; O(log n). */
void history_sums(const History *h, guint32 row, gint64 begin_ns, gint64 end_ns, gint64 *ns_out);

/*
 * The same for `width` columns of equal length between begin and end: `ns_out` has width * n_states places, column by column. Column i is
 * [begin + i * (end - begin) / width, begin + (i + 1) * (end - begin) / width).
 */
void history_picture(const History *h, guint32 row, gint64 begin_ns, gint64 end_ns, guint width, gint64 *ns_out);

/* A walk over the intervals that touch [begin, end), whole (not cut at the range's ends). */
typedef struct {
	const History *history;
	guint32 row;
	gint64 end_ns;
	guint64 private[8];
} HistoryWalk;

void history_walk(HistoryWalk *w, const History *h, guint32 row, gint64 begin_ns, gint64 end_ns);
gboolean history_walk_next(HistoryWalk *w, HistoryInterval *out);

typedef struct {
	gint64 from_ns, to_ns;
	guint32 kind, from_row, to_row;
} HistoryEdge;

/* All edges, in the order in which they were appended. */
guint64 history_n_edges(const History *h);
void history_edge_get(const History *h, guint64 i, HistoryEdge *out);

/* ---- Tables ---------------------------------------------------------------------------------------------------- */

/* A table of items of `item_size` bytes, all zero at first. Returns its number. A table of the same name is the same table. */
guint history_table(History *h, const char *name, gsize item_size);

/* The table of that name and item size, to ask. FALSE: there is none. */
gboolean history_find_table(const History *h, const char *name, gsize item_size, guint *table_out);

/*
 * Append an item. It is zeroed; what is written to it stays. Never NULL: beyond a limit it is one that nobody will see; where neither memory nor disk was to
 * be had it has a number nevertheless.
 */
gpointer history_table_add(History *h, guint table);

guint64 history_table_len(const History *h, guint table);
/* An item; where there is none, one of zeroes. */
gpointer history_table_item(History *h, guint table, guint64 i);            /* while it is being made */
gconstpointer history_table_get(const History *h, guint table, guint64 i);

/* Items i, i + 1, ... that lie behind one another in memory; NULL: there is no item i. */
gconstpointer history_table_run(const History *h, guint table, guint64 i, guint64 *n_out);

/* ---- Keeping --------------------------------------------------------------------------------------------------- */

/* Close what is open: nothing is appended any more. FALSE: memory or disk ran out, and it is not whole (ST_ERROR_IO). */
gboolean history_finish(History *h, GError **error);

/* Names of other files in the cache directory end so: they may be deleted like histories, oldest first, when there are too many. */
#define HISTORY_CACHE_OTHER ".experiment"

/* Such a file: written beside `path`, then renamed, as history_save() does. Errors: ST_ERROR_IO. */
gboolean history_cache_write(const char *path, gconstpointer data, gsize len, GError **error);

/* Where caches are: $XDG_CACHE_HOME/strata, made (0700) if need be. NULL: it can't be. Free it. */
char *history_cache_dir(GError **error);

/*
 * What a history is made from, as a name for it: the paths of `dirs` and for each file in them its name, size and times, the contents of files called "metadata",
 * and `analysis` (what was done with it, in which version). The caller frees.
 */
char *history_fingerprint(const char *const *dirs, gsize n, const char *analysis, GError **error);

/*
 * Keep a finished history in a file: written beside it, then renamed, so that nobody ever sees half of one, and two who do it at once do no harm.
 * Errors: ST_ERROR_IO.
 */
gboolean history_save(const History *h, const char *path, const char *fingerprint, GError **error);

/*
 * The history in a file, if that is whole and has this fingerprint. NULL without an error: there is no file. NULL with one (ST_ERROR_DATA): it is
 * damaged, or something else's; the caller makes a new one.
 */
History *history_open(const char *path, const char *fingerprint, GError **error);

#endif
