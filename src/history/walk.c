/* SPDX-License-Identifier: MIT */
/* walk.c: the intervals of a row from any time on. */
#include "history/walk.h"

guint32 history_chunk_search(const HistoryRow *r, const HistoryChunks *c, guint32 from, gint64 time)
{
	guint32 step = 1, low = from, high;

	if (time >= r->last_begin || c->n == 0)
		return c->n;
	while (step < c->n - low && c->begins[low + step] <= time) {
		low += step;
		step *= 2;
	}
	high = low + MIN(step, c->n - low); /* it begins later, or there is none */
	while (high - low > 1) {
		guint32 middle = low + (high - low) / 2;

		if (c->begins[middle] <= time)
			low = middle;
		else
			high = middle;
	}
	return low;
}

const HistoryChunk *history_cursor_enter(HistoryCursor *c, const History *h, const HistoryRow *r,
                                         const HistoryChunks *chunks, guint32 i)
{
	const HistoryChunk *chunk = NULL;

	*c = (HistoryCursor){.i = i, .time = i < chunks->n ? chunks->begins[i] : r->last_begin};
	if (i < chunks->n)
		chunk = history_chunk_get(h, r, chunks, i, &c->p, &c->end);
	return chunk;
}

/* To the interval that `time` is in, or the first one if it is before that. FALSE: it is behind the last one. */
static gboolean seek(HistoryCursor *c, const History *h, const HistoryRow *r, gint64 time)
{
	HistoryChunks chunks = history_row_chunks(h, r);
	HistoryCode code;

	if (r->last_state == HISTORY_NO_STATE || time >= r->last_end)
		return FALSE;
	history_cursor_enter(c, h, r, &chunks, history_chunk_search(r, &chunks, 0, time));
	history_cursor_peek(c, time, &code);
	return TRUE;
}

/* The next interval, in the chunks behind this one. */
static __attribute__((noinline)) gboolean next_chunk(HistoryCursor *c, const History *h, const HistoryRow *r, HistoryInterval *out);

/* The next interval, chunk after chunk. */
static inline gboolean next(HistoryCursor *c, const History *h, const HistoryRow *r, HistoryInterval *out)
{
	HistoryCode code;

	if (G_UNLIKELY(c->p >= c->end))
		return next_chunk(c, h, r, out);
	c->p = history_code_get(c->p, &code);
	*out = (HistoryInterval){c->time, (gint64)((guint64)c->time + code.ns), code.detail, (guint8)code.state};
	c->time = out->end_ns;
	return TRUE;
}

static gboolean next_chunk(HistoryCursor *c, const History *h, const HistoryRow *r, HistoryInterval *out)
{
	while (c->p >= c->end) {
		HistoryChunks chunks = history_row_chunks(h, r);

		if (c->i > chunks.n)
			return FALSE;
		if (c->i == chunks.n) {
			c->i++;
			c->time = r->last_end;
			*out = (HistoryInterval){r->last_begin, r->last_end, r->last_detail, r->last_state};
			return TRUE;
		}
		history_cursor_enter(c, h, r, &chunks, c->i + 1);
	}
	return next(c, h, r, out);
}

gboolean history_at(const History *h, guint32 row, gint64 time, HistoryInterval *out)
{
	const HistoryRow *r = history_row_get(h, row);
	HistoryCursor c;

	return r && time >= r->begin && seek(&c, h, r, time) && next(&c, h, r, out);
}

/* A place's private part. */
typedef struct {
	HistoryCursor cursor;  /* before the interval that was asked for last */
	const HistoryRow *row; /* NULL: there is none; rows never move */
} Place;

static Place *place_of(HistoryPlace *p)
{
	G_STATIC_ASSERT(sizeof(Place) <= sizeof(p->private));
	return (Place *)p->private;
}

void history_place(HistoryPlace *p, const History *h, guint32 row)
{
	*p = (HistoryPlace){.history = h};
	*place_of(p) = (Place){.cursor = {.time = G_MAXINT64}, .row = history_row_get(h, row)};
}

/* FALSE: it is behind the cursor's chunk, or before the cursor. */
static gboolean is_near(const Place *place, const History *h, gint64 time)
{
	HistoryChunks chunks = history_row_chunks(h, place->row);

	return time >= place->cursor.time && history_chunk_search(place->row, &chunks, place->cursor.i, time) == place->cursor.i;
}

gboolean history_place_at(HistoryPlace *p, gint64 time, HistoryInterval *out)
{
	Place *place = place_of(p);
	const HistoryRow *r = place->row;
	HistoryCode code;

	if (!r || time < r->begin || time >= r->last_end)
		return FALSE;
	if (is_near(place, p->history, time))
		history_cursor_peek(&place->cursor, time, &code);
	else if (!seek(&place->cursor, p->history, r, time))
		return FALSE;
	HistoryCursor reads = place->cursor;
	return next(&reads, p->history, r, out);
}

/* A walk's private part; zeroes with a time that nothing is before: there is no row. */
typedef struct {
	HistoryCursor cursor;
	const HistoryRow *row; /* rows never move */
} Walk;

static Walk *private_of(HistoryWalk *w)
{
	G_STATIC_ASSERT(sizeof(Walk) <= sizeof(w->private));
	return (Walk *)w->private;
}

void history_walk(HistoryWalk *w, const History *h, guint32 row, gint64 begin_ns, gint64 end_ns)
{
	const HistoryRow *r = history_row_get(h, row);
	Walk *walk = private_of(w);

	*w = (HistoryWalk){h, row, end_ns, {0}};
	if (r && begin_ns < end_ns && seek(&walk->cursor, h, r, begin_ns))
		walk->row = r;
	else
		walk->cursor = (HistoryCursor){.time = G_MAXINT64};
}

gboolean history_walk_next(HistoryWalk *w, HistoryInterval *out)
{
	Walk *walk = private_of(w);

	if (G_UNLIKELY(w->history->behind))
		history_behind_wait((History *)w->history);
	return walk->cursor.time < w->end_ns && next(&walk->cursor, w->history, walk->row, out);
}
