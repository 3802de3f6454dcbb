/* SPDX-License-Identifier: MIT */
/*
 * rows.c: kinds and rows, and the appending of intervals.
 *
 * The last interval of a row is in the row itself, because it may still grow. What comes after it sends it into the row's last chunk. Chunks grow from a few
 * intervals to a few hundred, so that a million short rows are small, and a long one is searched quickly. Each chunk begins with the sums of all before it: those
 * of a long row are at hand, those of a short one are found by reading its last chunk once more.
 */
#include <string.h>

#include "history/code.h"
#include "history/private.h"

#define ROWS_SHIFT          8 /* rows of a chunk of their table, as history_table_shift() has it for their size */
#define CHUNKS_WITHOUT_SUMS 4

/* ---- Kinds ------------------------------------------------------------------------------------------------------ */

static gboolean same_states(const History *h, guint kind, const char *const *states, guint n)
{
	if (history_n_states(h, kind) != n)
		return FALSE;
	for (guint i = 0; i < n; i++)
		if (strcmp(history_state_name(h, kind, i), states[i]) != 0)
			return FALSE;
	return TRUE;
}

guint history_kind(History *h, const char *name, const char *const *states, guint n)
{
	guint k = h->image.n_kinds;

	for (guint i = 0; i < k; i++)
		if (strcmp(history_kind_name(h, i), name) == 0 && same_states(h, i, states, n))
			return i;
	if (h->finished || k >= HISTORY_KINDS_MAX || n > HISTORY_STATES_MAX) {
		h->image.dropped++;
		return HISTORY_KINDS_MAX;
	}
	h->image.kinds[k].name = history_text(h, name, -1);
	for (guint i = 0; i < n; i++) {
		guint32 text = history_text_keep(h, states[i], strlen(states[i]));

		if (i == 0)
			h->image.kinds[k].states = text;
	}
	h->image.kinds[k].n = n;
	h->image.n_kinds++;
	return k;
}

gboolean history_find_kind(const History *h, const char *name, guint *kind_out)
{
	for (guint i = 0; i < h->image.n_kinds; i++)
		if (strcmp(history_kind_name(h, i), name) == 0) {
			*kind_out = i;
			return TRUE;
		}
	return FALSE;
}

const char *history_kind_name(const History *h, guint kind)
{
	return kind < h->image.n_kinds ? history_text_get(h, h->image.kinds[kind].name) : "";
}

guint history_n_states(const History *h, guint kind)
{
	return kind < h->image.n_kinds ? h->image.kinds[kind].n : 0;
}

const char *history_state_name(const History *h, guint kind, guint state)
{
	return state < history_n_states(h, kind) ? history_text_get(h, h->image.kinds[kind].states + state) : "";
}

/* ---- Rows --------------------------------------------------------------------------------------------------------- */

guint32 history_row(History *h, guint kind, const char *path, gint64 begin_ns)
{
	guint64 number = h->image.tables[HISTORY_ROWS].len;
	gint64 begin = CLAMP(begin_ns, h->image.begin, h->image.end);
	HistoryRow *r;

	if (h->finished || kind >= h->image.n_kinds || number >= HISTORY_ROWS_MAX) {
		h->image.dropped++;
		return HISTORY_NO_ROW;
	}
	r = history_item_add(h, HISTORY_ROWS);
	if (!r)
		return HISTORY_NO_ROW;
	*r = (HistoryRow){.begin = begin,
	                  .last_begin = begin,
	                  .last_end = begin,
	                  .last_state = HISTORY_NO_STATE,
	                  .kind = (guint8)kind,
	                  .n_states = (guint8)history_n_states(h, kind)};
	r->path = history_text_keep(h, path, strnlen(path, HISTORY_TEXT_MAX));
	h->n_open_rows++;
	return (guint32)number;
}

void history_row_rename(History *h, guint32 row, const char *path)
{
	HistoryRow *r = row < h->n_open_rows ? history_item(h, HISTORY_ROWS, row) : NULL;

	if (r)
		r->path = history_text_keep(h, path, strnlen(path, HISTORY_TEXT_MAX));
	else
		h->image.dropped++;
}

guint32 history_n_rows(const History *h)
{
	return (guint32)h->image.tables[HISTORY_ROWS].len;
}

const char *history_row_path(const History *h, guint32 row)
{
	const HistoryRow *r = history_row_get(h, row);

	return r ? history_text_get(h, r->path) : "";
}

guint history_row_kind(const History *h, guint32 row)
{
	const HistoryRow *r = history_row_get(h, row);

	return r ? r->kind : HISTORY_KINDS_MAX;
}

gint64 history_row_begin(const History *h, guint32 row)
{
	const HistoryRow *r = history_row_get(h, row);

	return r ? r->begin : h->image.begin;
}

gint64 history_row_end(const History *h, guint32 row)
{
	const HistoryRow *r = history_row_get(h, row);

	return r ? r->last_end : h->image.begin;
}

guint64 history_row_intervals(const History *h, guint32 row)
{
	const HistoryRow *r = history_row_get(h, row);

	return r ? (guint64)r->n + (r->last_state != HISTORY_NO_STATE) : 0;
}

/* ---- Chunks ------------------------------------------------------------------------------------------------------- */

HistoryChunks history_row_chunks(const History *h, const HistoryRow *r)
{
	guint64 room = history_dir_room(r->n_chunks);
	const gint64 *begins;

	if (r->n_chunks <= 1)
		return (HistoryChunks){&r->begin, &r->directory, r->n_chunks};
	if (!history_within(h, history_offset(r->directory), room * (sizeof(gint64) + sizeof(HistoryRef))))
		return (HistoryChunks){0};
	begins = history_at_ref(h, r->directory);
	return (HistoryChunks){begins, (const HistoryRef *)(begins + room), r->n_chunks};
}

static gsize sums_size(const HistoryChunk *chunk)
{
	return (gsize)__builtin_popcountll(chunk->states) * sizeof(guint64);
}

const HistoryChunk *history_chunk_get(const History *h, const HistoryRow *r, const HistoryChunks *c, guint32 i,
                                      const guint8 **begin_out, const guint8 **end_out)
{
	guint64 offset = history_offset(c->refs[i]), bytes;
	const HistoryChunk *chunk = history_at_ref(h, c->refs[i]);

	if (!history_within(h, offset, sizeof(*chunk)))
		return NULL;
	bytes = i + 1 == c->n ? r->at - offset : chunk->bytes;
	if (bytes < sizeof(*chunk) + sums_size(chunk) || bytes > HISTORY_CHUNK_MAX || !history_within(h, offset, bytes))
		return NULL;
	*begin_out = (const guint8 *)chunk->sums + sums_size(chunk);
	*end_out = (const guint8 *)chunk + bytes;
	return chunk;
}

void history_chunk_sums(const HistoryChunk *chunk, guint64 *sums)
{
	const guint64 *next = chunk->sums;

	memset(sums, 0, HISTORY_STATES_MAX * sizeof(*sums));
	for (guint64 states = chunk->states; states; states &= states - 1)
		sums[__builtin_ctzll(states)] = *next++;
}

guint64 history_row_sums(const History *h, const HistoryRow *r, guint64 *sums)
{
	HistoryChunks c = history_row_chunks(h, r);
	const HistoryChunk *chunk = NULL;
	const guint8 *p, *end;
	guint64 states;

	memset(sums, 0, HISTORY_STATES_MAX * sizeof(*sums));
	if (c.n)
		chunk = history_chunk_get(h, r, &c, c.n - 1, &p, &end);
	if (!chunk)
		return 0;
	history_chunk_sums(chunk, sums);
	states = chunk->states;
	while (p < end) {
		HistoryCode code;

		p = history_code_get(p, &code);
		sums[code.state] += code.ns;
		states |= (guint64)1 << code.state;
	}
	return states;
}

/* Room for one more chunk in the row's directory: the caller adds it at once, as with the first directory the row is not readable without. */
static gboolean directory_grow(History *h, HistoryRow *r)
{
	const guint32 entry = sizeof(gint64) + sizeof(HistoryRef);
	HistoryChunks old = history_row_chunks(h, r);
	guint32 room = history_dir_room(r->n_chunks), more = r->n_chunks > 1 ? room * 2 : room;
	HistoryRef dir;
	gint64 *begins;

	if (r->n_chunks == 0 || (r->n_chunks > 1 && r->n_chunks < room))
		return TRUE;
	dir = history_dir_new(&h->area, more, entry);
	if (!dir)
		return FALSE;
	begins = history_at_ref(h, dir);
	memcpy(begins, old.begins, old.n * sizeof(gint64));
	memcpy(begins + more, old.refs, old.n * sizeof(HistoryRef));
	if (r->n_chunks > 1)
		history_dir_give_back(&h->area, r->directory, room, entry);
	r->directory = dir;
	return TRUE;
}

static void directory_add(History *h, HistoryRow *r, HistoryRef chunk)
{
	if (r->n_chunks++ == 0)
		r->directory = chunk;
	else {
		HistoryChunks c = history_row_chunks(h, r);

		((gint64 *)c.begins)[c.n - 1] = r->last_begin;
		((HistoryRef *)c.refs)[c.n - 1] = chunk;
	}
}

static void close_chunk(const History *h, const HistoryRow *r)
{
	HistoryChunks c = history_row_chunks(h, r);

	if (c.n)
		((HistoryChunk *)history_at_ref(h, c.refs[c.n - 1]))->bytes = r->at - history_offset(c.refs[c.n - 1]);
}

/* The sums so far, and the states that there were. */
static guint64 sums_now(const History *h, const HistoryRow *r, guint64 *sums)
{
	guint64 states = 0;

	if (!r->sums)
		return history_row_sums(h, r, sums);
	memcpy(sums, history_at_ref(h, r->sums), r->n_states * sizeof(*sums));
	for (guint i = 0; i < r->n_states; i++)
		states |= (guint64)(sums[i] != 0) << i;
	return states;
}

/* A row that has become long keeps its sums at hand; they are not worth their room in a short one. Without room it goes on as a short one. */
static void keep_sums(History *h, HistoryRow *r, const guint64 *sums)
{
	gsize size = r->n_states * sizeof(*sums);
	guint64 at;

	if (r->sums || r->n_chunks < CHUNKS_WITHOUT_SUMS)
		return;
	at = history_area_alloc(&h->area, size, 1u << HISTORY_REF_SHIFT);
	if (!at)
		return;
	memcpy(h->area.base + at, sums, size);
	r->sums = (HistoryRef)(at >> HISTORY_REF_SHIFT);
}

static HistoryRef new_chunk(History *h, guint64 states, const guint64 *sums, guint64 size)
{
	HistoryRef ref = (HistoryRef)(history_area_alloc(&h->area, size, 1u << HISTORY_REF_SHIFT) >> HISTORY_REF_SHIFT);
	HistoryChunk *chunk = history_at_ref(h, ref);
	guint64 *next = chunk->sums;

	if (!ref)
		return 0;
	chunk->states = states;
	for (; states; states &= states - 1)
		*next++ = sums[__builtin_ctzll(states)];
	return ref;
}

/* Close the row's last chunk and begin another one. */
static gboolean add_chunk(History *h, HistoryRow *r)
{
	guint64 sums[HISTORY_STATES_MAX], states = sums_now(h, r, sums);
	guint64 room = HISTORY_CHUNK_FIRST << MIN(r->n_chunks, HISTORY_CHUNK_DOUBLINGS);
	guint64 head = sizeof(HistoryChunk) + (guint)__builtin_popcountll(states) * sizeof(guint64);
	HistoryRef chunk =
	        r->n < HISTORY_INTERVALS_MAX - HISTORY_CHUNK_MAX ? new_chunk(h, states, sums, head + room) : 0;

	if (!chunk)
		return FALSE;
	close_chunk(h, r);
	if (!directory_grow(h, r))
		return FALSE;
	directory_add(h, r, chunk);
	keep_sums(h, r, sums);
	r->at = history_offset(chunk) + head;
	r->left = (guint16)room;
	return TRUE;
}

/* ---- Appending ------------------------------------------------------------------------------------------------------ */

static G_GNUC_NO_INLINE void drop(History *h)
{
	h->rows_dropped++;
}

/* What may be appended to, without what history_item() has to ask for every table. */
static HistoryRow *open_row(const History *h, HistoryRef rows, guint32 row)
{
	const HistoryRef *directory = history_at_ref(h, rows);

	return (HistoryRow *)history_at_ref(h, directory[row >> ROWS_SHIFT]) + (row & ((1u << ROWS_SHIFT) - 1));
}

/* The last interval goes into the chunk, in which there is room, and another one is the last. */
static inline void append_next(History *h, HistoryRow *r, gint64 end_ns, guint state, guint32 detail)
{
	guint8 *p = h->area.base + r->at;
	guint64 ns = (guint64)r->last_end - (guint64)r->last_begin;
	gsize n = (gsize)(history_code_put(p, ns, r->last_state, r->last_detail) - p);

	if (r->sums)
		((guint64 *)history_at_ref(h, r->sums))[r->last_state] += ns;
	r->at += n;
	r->left = (guint16)(r->left - n);
	r->n++;
	r->last_begin = r->last_end;
	r->last_end = end_ns;
	r->last_state = (guint8)state;
	r->last_detail = detail;
}

/* There is no chunk with room: it needs another one, or it is the row's first interval. */
static G_GNUC_NO_INLINE void append_slowly(History *h, HistoryRow *r, gint64 end_ns, guint state, guint32 detail)
{
	if (r->last_state == HISTORY_NO_STATE) {
		r->last_end = end_ns;
		r->last_state = (guint8)state;
		r->last_detail = detail;
	} else if (add_chunk(h, r))
		append_next(h, r, end_ns, state, detail);
	else
		drop(h);
}

static inline void append(History *h, HistoryRow *r, gint64 end_ns, guint state, guint32 detail)
{
	end_ns = MIN(end_ns, h->image.end);
	if (end_ns <= r->last_end)
		return;
	if (r->last_state == state && r->last_detail == detail)
		r->last_end = end_ns;
	else if (G_UNLIKELY(state >= r->n_states))
		drop(h);
	else if (G_UNLIKELY(r->left < HISTORY_CODE_MAX))
		append_slowly(h, r, end_ns, state, detail);
	else
		append_next(h, r, end_ns, state, detail);
}

void history_append_batch(History *h, const HistoryBatch *batch)
{
	for (guint i = 0; i < batch->n; i++) {
		const HistoryAppend *a = &batch->all[i];

		append(h, open_row(h, batch->rows, a->place / HISTORY_STATES_MAX), a->end_ns, a->place % HISTORY_STATES_MAX, a->detail);
	}
}

static void append_behind(History *h, guint32 row, gint64 end_ns, guint state, guint32 detail)
{
	h->batch->all[h->batch->n++] = (HistoryAppend){end_ns, row * HISTORY_STATES_MAX + state, detail};
	if (G_UNLIKELY(h->batch->n == HISTORY_BATCH))
		history_behind_send(h);
}

void history_append(History *h, guint32 row, gint64 end_ns, guint state, guint32 detail)
{
	if (G_UNLIKELY(row >= h->n_open_rows || state >= HISTORY_STATES_MAX))
		h->image.dropped++;
	else if (h->behind)
		append_behind(h, row, end_ns, state, detail);
	else
		append(h, open_row(h, h->image.tables[HISTORY_ROWS].directory, row), end_ns, state, detail);
}
