/* SPDX-License-Identifier: MIT */
/* history.c: a history's life. */
#include "history/history.h"

#include <unistd.h>

#include "history/private.h"

History *history_new(gint64 begin_ns, gint64 end_ns, const HistoryOptions *options)
{
	History *h = g_new0(History, 1);
	guint64 length = (guint64)MAX(end_ns, begin_ns) - (guint64)begin_ns;

	h->image.begin = begin_ns;
	h->image.end = (gint64)((guint64)begin_ns + MIN(length, (guint64)G_MAXINT64));
	history_area_init(&h->area, options ? options->memory : 0, options ? options->directory : NULL);
	history_tables_init(h);
	history_text_keep(h, "", 0);
	if (options && options->behind)
		history_behind_begin(h);
	return h;
}

void history_free(History *h)
{
	if (!h)
		return;
	history_behind_end(h);
	history_area_clear(&h->area);
	history_interner_free(h->interner);
	g_free(h);
}

gint64 history_begin(const History *h)
{
	return h->image.begin;
}

gint64 history_end(const History *h)
{
	return h->image.end;
}

guint64 history_dropped(const History *h)
{
	if (h->behind)
		history_behind_wait((History *)h);
	return h->image.dropped + h->rows_dropped;
}

gboolean history_finish(History *h, GError **error)
{
	history_behind_end(h);
	h->image.dropped += h->rows_dropped;
	h->rows_dropped = 0;
	h->finished = TRUE;
	h->n_open_rows = 0;
	for (guint t = 0; t < HISTORY_TABLES_ALL; t++)
		h->tails[t].left = 0;
	g_clear_pointer(&h->interner, history_interner_free);
	h->image.used = h->area.used;
	if (!h->area.failure)
		return TRUE;
	g_set_error(error, ST_ERROR, ST_ERROR_IO,
	            "the history is not whole, %" G_GUINT64_FORMAT " states and items are missing: %s",
	            h->image.dropped, h->area.failure);
	return FALSE;
}
