/* SPDX-License-Identifier: MIT */
/*
 * history/walk.h: a place between two intervals of a row, from which to go on in time: within a chunk, or behind all of them, where the row's last interval is.
 */
#ifndef STRATA_HISTORY_WALK_H
#define STRATA_HISTORY_WALK_H

#include "history/code.h"
#include "history/private.h"

typedef struct {
	const guint8 *p, *end; /* what is still to be read of the chunk */
	gint64 time;           /* where the next interval begins */
	guint32 i;             /* the chunk; HistoryChunks.n: at the row's last interval; beyond: at the end */
} HistoryCursor;

/*
 * The chunk whose range `time` is in, looked for from chunk `from` on, which begins before it: near ones are found at once, all in O(log n). If the
 * row's last interval is meant: n.
 */
guint32 history_chunk_search(const HistoryRow *r, const HistoryChunks *c, guint32 from, gint64 time);

/* To the begin of chunk i, or of the row's last interval. The chunk, if it is one; what can't be believed has no intervals. */
const HistoryChunk *history_cursor_enter(HistoryCursor *c, const History *h, const HistoryRow *r,
                                         const HistoryChunks *chunks, guint32 i);

/* Within the chunk: the next interval that ends after `time`, without going beyond it. FALSE: there is none left in this chunk. */
static inline gboolean history_cursor_peek(HistoryCursor *c, gint64 time, HistoryCode *out)
{
	while (c->p < c->end) {
		const guint8 *next = history_code_get(c->p, out);
		gint64 end = (gint64)((guint64)c->time + out->ns);

		if (end > time)
			return TRUE;
		c->p = next;
		c->time = end;
	}
	return FALSE;
}

#endif
