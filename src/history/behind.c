/* SPDX-License-Identifier: MIT */
/*
 * behind.c: appending to rows is left to another thread, which follows some batches behind.
 *
 * To append is a good part of all the work of a pass, and nobody waits for its outcome: whoever reads rows while they are being made waits until the other thread has
 * nothing left to do. Rows are made, named and read by the first thread, their intervals written by the second; both take memory from the area, which has a
 * lock for that. Only what is spilled must not be written to meanwhile: before that comes to pass, the first thread ends the second, and appends itself from then on.
 */
#include "history/private.h"

#define BATCHES      8u
#define BUDGET_SHARE 4 /* of the memory that a history may have, the batches may need so much: one in four */

struct HistoryBehind {
	History *history;
	GThread *thread; /* NULL: there was no full batch yet */
	GMutex lock;
	GCond work, room;
	guint64 sent, done; /* batches; of those, what is not done is the thread's */
	gboolean stop;
	HistoryBatch ring[BATCHES];
};

static HistoryBatch *batch_of(HistoryBehind *b, guint64 number)
{
	return &b->ring[number % BATCHES];
}

static gpointer follow(gpointer data)
{
	HistoryBehind *b = data;

	g_mutex_lock(&b->history->area.lock);
	b->history->area.follower = g_thread_self();
	g_mutex_unlock(&b->history->area.lock);
	g_mutex_lock(&b->lock);
	for (;;) {
		while (b->done == b->sent && !b->stop)
			g_cond_wait(&b->work, &b->lock);
		if (b->done == b->sent)
			break;
		HistoryBatch *batch = batch_of(b, b->done);
		g_mutex_unlock(&b->lock);
		history_append_batch(b->history, batch);
		g_mutex_lock(&b->lock);
		b->done++;
		g_cond_signal(&b->room);
	}
	g_mutex_unlock(&b->lock);
	return NULL;
}

static void begin_batch(History *h)
{
	h->batch = batch_of(h->behind, h->behind->sent);
	h->batch->n = 0;
}

void history_behind_begin(History *h)
{
	HistoryBehind *b;

	if (h->area.budget / BUDGET_SHARE < sizeof(*b))
		return;
	b = h->behind = g_new0(HistoryBehind, 1);
	b->history = h;
	g_mutex_init(&b->lock);
	g_cond_init(&b->work);
	g_cond_init(&b->room);
	begin_batch(h);
}

static HistoryRef rows_now(const History *h)
{
	return h->image.tables[HISTORY_ROWS].directory;
}

/* The area is shared as long as there is the thread. */
static gboolean start(HistoryBehind *b)
{
	HistoryArea *area = &b->history->area;

	if (b->thread)
		return TRUE;
	g_mutex_init(&area->lock);
	area->shared = TRUE;
	b->thread = g_thread_try_new("rows", follow, b, NULL);
	area->shared = b->thread != NULL;
	return area->shared;
}

void history_behind_send(History *h)
{
	HistoryBehind *b = h->behind;

	if (!start(b) || __atomic_load_n(&h->area.over, __ATOMIC_RELAXED)) {
		history_behind_end(h);
		return;
	}
	h->batch->rows = rows_now(h);
	g_mutex_lock(&b->lock);
	b->sent++;
	g_cond_signal(&b->work);
	while (b->sent - b->done == BATCHES)
		g_cond_wait(&b->room, &b->lock);
	g_mutex_unlock(&b->lock);
	begin_batch(h);
}

/* What was not sent yet is little: it is not worth waiting for the other thread once more. */
static void append_rest(History *h)
{
	h->batch->rows = rows_now(h);
	h->area.both_append = TRUE;
	history_append_batch(h, h->batch);
	h->area.both_append = FALSE;
	h->batch->n = 0;
}

void history_behind_wait(History *h)
{
	HistoryBehind *b = h->behind;

	g_mutex_lock(&b->lock);
	while (b->done != b->sent)
		g_cond_wait(&b->room, &b->lock);
	g_mutex_unlock(&b->lock);
	append_rest(h);
}

void history_behind_end(History *h)
{
	HistoryBehind *b = h->behind;

	if (!b)
		return;
	g_mutex_lock(&b->lock);
	b->stop = TRUE;
	g_cond_signal(&b->work);
	g_mutex_unlock(&b->lock);
	if (b->thread)
		g_thread_join(b->thread);
	h->area.shared = FALSE;
	h->behind = NULL;
	append_rest(h);
	h->batch = NULL;
	g_mutex_clear(&b->lock);
	g_cond_clear(&b->work);
	g_cond_clear(&b->room);
	if (b->thread)
		g_mutex_clear(&h->area.lock);
	g_free(b);
}
