/* SPDX-License-Identifier: MIT */
/*
 * sums.c: time in each state.
 *
 * What was before a chunk stands at its begin; so what was before a time is that and the part of the chunk up to it, and a range is the difference of two.
 * A picture sweeps over the row: from one column's end to the next it reads on if that is in the same chunk, else it jumps.
 */
#include <string.h>

#include "history/walk.h"

typedef struct {
	const History *h;
	const HistoryRow *r;
	HistoryChunks chunks;
	HistoryCursor cursor;
	guint64 sums[HISTORY_STATES_MAX]; /* of all that is before the cursor */
} Sweep;

static void sweep_enter(Sweep *s, guint32 i)
{
	const HistoryChunk *chunk = history_cursor_enter(&s->cursor, s->h, s->r, &s->chunks, i);

	if (chunk)
		history_chunk_sums(chunk, s->sums);
	else if (i < s->chunks.n)
		memset(s->sums, 0, sizeof(s->sums));
	else
		history_row_sums(s->h, s->r, s->sums);
}

static void sweep_begin(Sweep *s, const History *h, const HistoryRow *r, gint64 time)
{
	s->h = h;
	s->r = r;
	s->chunks = history_row_chunks(h, r);
	sweep_enter(s, history_chunk_search(r, &s->chunks, 0, time));
}

/* On to `time`, which is not before the cursor. */
static void sweep_to(Sweep *s, gint64 time)
{
	guint32 i = s->cursor.i < s->chunks.n ? history_chunk_search(s->r, &s->chunks, s->cursor.i, time) : s->cursor.i;

	if (i != s->cursor.i)
		sweep_enter(s, i);
	while (s->cursor.p < s->cursor.end) {
		HistoryCode code;
		const guint8 *next = history_code_get(s->cursor.p, &code);
		gint64 end = (gint64)((guint64)s->cursor.time + code.ns);

		if (end > time)
			return;
		s->sums[code.state] += code.ns;
		s->cursor.time = end;
		s->cursor.p = next;
	}
}

/* The sums before `time`, to which the sweep has gone. */
static void sweep_get(const Sweep *s, gint64 time, guint n, guint64 *out)
{
	const HistoryCursor *c = &s->cursor;
	guint state = s->r->last_state;

	memcpy(out, s->sums, n * sizeof(*out));
	if (c->p < c->end) {
		HistoryCode code;

		history_code_get(c->p, &code);
		state = code.state;
	} else if (c->i < s->chunks.n)
		return;
	else
		time = MIN(time, s->r->last_end);
	if (time > c->time && state < n)
		out[state] += (guint64)time - (guint64)c->time;
}

/* n columns of a range are divided without losing a nanosecond, and without numbers of more than 64 bits. */
typedef struct {
	gint64 begin;
	guint64 whole, rest; /* of the range's length by its width */
	guint width;
} Columns;

static gint64 column_begin(const Columns *c, guint i)
{
	return (gint64)((guint64)c->begin + c->whole * i + c->rest * i / c->width);
}

void history_picture(const History *h, guint32 row, gint64 begin_ns, gint64 end_ns, guint width, gint64 *ns_out)
{
	const HistoryRow *r = history_row_get(h, row);
	guint n = history_n_states(h, history_row_kind(h, row));
	guint64 before[HISTORY_STATES_MAX], now[HISTORY_STATES_MAX];
	Sweep s;

	memset(ns_out, 0, (gsize)width * n * sizeof(*ns_out));
	if (!r || begin_ns >= end_ns || !width)
		return;
	const guint64 length = (guint64)end_ns - (guint64)begin_ns;
	const Columns columns = {begin_ns, length / width, length % width, width};
	sweep_begin(&s, h, r, begin_ns);
	sweep_to(&s, begin_ns);
	sweep_get(&s, begin_ns, n, before);
	for (guint i = 0; i < width; i++, ns_out += n) {
		gint64 end = column_begin(&columns, i + 1);

		sweep_to(&s, end);
		sweep_get(&s, end, n, now);
		for (guint j = 0; j < n; j++)
			ns_out[j] = (gint64)(now[j] - before[j]);
		memcpy(before, now, n * sizeof(*now));
	}
}

/* Of the whole row: what is before its last interval is known at its end. */
static void row_sums(const History *h, const HistoryRow *r, guint n, gint64 *ns_out)
{
	guint64 sums[HISTORY_STATES_MAX];

	history_row_sums(h, r, sums);
	if (r->last_state < n)
		sums[r->last_state] += (guint64)r->last_end - (guint64)r->last_begin;
	memcpy(ns_out, sums, n * sizeof(*ns_out));
}

void history_sums(const History *h, guint32 row, gint64 begin_ns, gint64 end_ns, gint64 *ns_out)
{
	const HistoryRow *r = history_row_get(h, row);

	if (r && begin_ns <= r->begin && end_ns >= r->last_end)
		row_sums(h, r, history_n_states(h, r->kind), ns_out);
	else
		history_picture(h, row, begin_ns, end_ns, 1, ns_out);
}
