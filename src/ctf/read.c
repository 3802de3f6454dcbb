/* SPDX-License-Identifier: MIT */
/*
 * All streams' events in order. A window is what every stream has decoded up to a common time: its keys (time since the window's
 * begin, stream) are merged in pairs, much cheaper than picking event by event. Events at the window's very end are picked one by one.
 */
#include <string.h>

#include "ctf/feed.h"
#include "ctf/merge.h"

typedef struct {
	CtfStream *stream;
	CtfChunk *chunk;
	guint at;             /* records of it already handed out */
	const guint8 *record; /* the next one */
	guint64 *counts;
} Lane;

typedef struct {
	const CtfReader *reader;
	CtfFeed *feed;
	Lane *lanes;
	guint n;
	guint *active;        /* lanes that have a chunk, in order */
	guint n_active;
	guint key_bits;       /* of a key: the lane */
	CtfMerge merge;
	gboolean stopped;
} Reading;

static void refill(Reading *r, guint i)
{
	Lane *lane = &r->lanes[i];
	lane->chunk = ctf_feed_next(r->feed, i);
	lane->at = 0;
	lane->record = lane->chunk ? lane->chunk->data : NULL;
}

static void refill_empty(Reading *r)
{
	guint n = 0;
	for (guint k = 0; k < r->n_active; k++) {
		guint i = r->active[k];
		if (r->lanes[i].at == r->lanes[i].chunk->n)
			refill(r, i);
		if (r->lanes[i].chunk)
			r->active[n++] = i;
	}
	r->n_active = n;
}

static inline gboolean hand_out(Reading *r, Lane *lane)
{
	const CtfRecord *record = (const CtfRecord *)(gconstpointer)lane->record;
	lane->record += sizeof(CtfRecord) + record->n * sizeof(guint64);
	lane->at++;
	if (lane->counts)
		lane->counts[record->event]++;
	return !r->reader->event || r->reader->event(lane->stream, lane->chunk->base, record, r->reader->user);
}

/* The latest time up to which (exclusive) every stream is decoded, and the earliest event there is. */
static void window(const Reading *r, gint64 *begin_out, gint64 *limit_out)
{
	gint64 begin = G_MAXINT64, limit = G_MAXINT64;
	for (guint k = 0; k < r->n_active; k++) {
		const Lane *lane = &r->lanes[r->active[k]];
		begin = MIN(begin, lane->chunk->times[lane->at]);
		limit = MIN(limit, lane->chunk->times[lane->chunk->n - 1]);
	}
	/* Keys have room for so much time only. */
	guint64 longest = 1ull << (62 - r->key_bits);
	if ((guint64)limit - (guint64)begin > longest)
		limit = (gint64)((guint64)begin + longest);
	*begin_out = begin;
	*limit_out = limit;
}

/* Records of a lane before `limit`. */
static guint count_before(const Lane *lane, gint64 limit)
{
	guint low = lane->at, high = lane->chunk->n;
	while (low < high) {
		guint mid = low + (high - low) / 2;
		if (lane->chunk->times[mid] < limit)
			low = mid + 1;
		else
			high = mid;
	}
	return low - lane->at;
}

static gsize total_before(const Reading *r, gint64 limit)
{
	gsize n = 0;
	for (guint k = 0; k < r->n_active; k++)
		n += count_before(&r->lanes[r->active[k]], limit);
	return n;
}

static void hand_out_keys(Reading *r, const guint64 *keys, gsize n)
{
	guint64 mask = (1ull << r->key_bits) - 1;
	for (gsize i = 0; i < n && !r->stopped; i++)
		r->stopped = !hand_out(r, &r->lanes[keys[i] & mask]);
}

/* Nobody looks at the records: they are only counted off. */
static void pass_over(Reading *r, gint64 limit)
{
	for (guint k = 0; k < r->n_active; k++) {
		Lane *lane = &r->lanes[r->active[k]];
		lane->at += count_before(lane, limit);
	}
}

static gsize merge_window(Reading *r, gint64 begin, gint64 limit)
{
	gsize n = total_before(r, limit);
	if (!n)
		return 0;
	ctf_merge_begin(&r->merge, n, r->n_active);
	for (guint k = 0; k < r->n_active; k++) {
		guint i = r->active[k];
		const Lane *lane = &r->lanes[i];
		const gint64 *times = lane->chunk->times + lane->at;
		guint count = count_before(lane, limit);
		guint64 *keys = ctf_merge_run(&r->merge);
		for (guint j = 0; j < count; j++)
			keys[j] = (((guint64)times[j] - (guint64)begin + 1) << r->key_bits) | i;
		ctf_merge_run_done(&r->merge, count);
	}
	const guint64 *keys = ctf_merge_keys(&r->merge);
	if (r->reader->event || r->reader->count_classes)
		hand_out_keys(r, keys, n);
	else
		pass_over(r, limit);
	return n;
}

/* The earliest events of the first stream that has one: streams further down wait until it has no more of that time. */
static void step(Reading *r)
{
	Lane *best = &r->lanes[r->active[0]];
	for (guint k = 1; k < r->n_active; k++) {
		Lane *lane = &r->lanes[r->active[k]];
		if (lane->chunk->times[lane->at] < best->chunk->times[best->at])
			best = lane;
	}
	gint64 time = best->chunk->times[best->at];
	while (!r->stopped && best->at < best->chunk->n && best->chunk->times[best->at] == time) {
		if (!best->record || (!r->reader->event && !r->reader->count_classes))
			best->at++;
		else
			r->stopped = !hand_out(r, best);
	}
}

/* With a single stream there is nothing to order. */
static void drain(Reading *r, Lane *lane)
{
	if (!r->reader->event && !r->reader->count_classes)
		lane->at = lane->chunk->n;
	while (!r->stopped && lane->at < lane->chunk->n)
		r->stopped = !hand_out(r, lane);
}

static void run(Reading *r)
{
	refill_empty(r);
	while (r->n_active && !r->stopped) {
		gint64 begin, limit;
		window(r, &begin, &limit);
		if (r->n_active == 1)
			drain(r, &r->lanes[r->active[0]]);
		else if (!merge_window(r, begin, limit))
			step(r);
		if (!r->stopped)
			refill_empty(r);
	}
}

static void count_classes(Reading *r, CtfTrace *const *traces, gsize n, CtfStats *stats)
{
	stats->by_class = g_ptr_array_new_with_free_func(g_free);
	for (gsize i = 0; i < n; i++)
		g_ptr_array_add(stats->by_class, g_new0(guint64, traces[i]->metadata->events->len + 1));
	for (guint i = 0; i < r->n; i++)
		for (gsize j = 0; j < n; j++)
			if (r->lanes[i].stream->trace == traces[j])
				r->lanes[i].counts = g_ptr_array_index(stats->by_class, j);
}

gboolean ctf_read(CtfTrace *const *traces, gsize n, const CtfReader *reader, CtfStats *stats, GError **error)
{
	Reading r = {.reader = reader, .feed = ctf_feed_new(traces, n, reader)};
	*stats = (CtfStats){0};
	r.n = ctf_feed_streams(r.feed);
	r.lanes = g_new0(Lane, MAX(r.n, 1));
	r.active = g_new0(guint, MAX(r.n, 1));
	ctf_merge_init(&r.merge);
	for (guint i = 0; i < r.n; i++)
		r.lanes[i].stream = ctf_feed_stream(r.feed, i);
	while ((1u << r.key_bits) < r.n)
		r.key_bits++;
	if (reader->count_classes)
		count_classes(&r, traces, n, stats);
	for (guint i = 0; i < r.n; i++) {
		refill(&r, i);
		if (r.lanes[i].chunk)
			r.active[r.n_active++] = i;
	}
	run(&r);
	ctf_feed_stats(r.feed, stats);
	ctf_merge_finish(&r.merge);
	ctf_feed_free(r.feed);
	g_free(r.lanes);
	g_free(r.active);
	return TRUE;
}

void ctf_stats_clear(CtfStats *stats)
{
	g_clear_pointer(&stats->by_class, g_ptr_array_unref);
}
