/* SPDX-License-Identifier: MIT */
#include "ctf/feed.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "ctf/stream.h"

#define CHUNK_BYTES_MAX (96u << 10)
#define CHUNK_BYTES_MIN (4u << 10)
#define CHUNKS_TOTAL    (1u << 20)  /* bytes of the chunks in use at once: about what a core's own cache holds */
#define UNITS_AHEAD     4           /* packets of a stream in work at once, with threads */
#define CHUNKS_AHEAD    3           /* chunks of a unit that wait to be fetched */
#define MAPPED_TOTAL    (64u << 20) /* bytes of packets that are mapped at once */
#define WINDOW_MAX      (2u << 20)  /* of one stream */
#define WINDOW_MIN      (64u << 10)
#define DROP_AGAIN      (4u << 20)  /* a fault on a page may map others before it, which were given back already */

typedef struct Unit {
	struct Unit *next;
	CtfDecoder decoder;
	guint64 *slots;
	guint packet;
	guint64 populated; /* bytes of the packet */
	gboolean started, busy;
	CtfChunk *first, *last;
	guint n_chunks;
} Unit;

typedef struct {
	CtfStream *stream;
	CtfStreamPlan *plan;
	Unit *head, *tail;
	guint n_units;
	guint next_packet;
	CtfChunk *current;     /* what the reader has */
	Unit *current_unit;    /* its unit: stays until the chunk comes back */
	guint64 dropped;       /* bytes of the current unit's packet whose pages were given back */
	guint64 cycles;        /* clock after the last unit */
	gint64 last_ns;
} Feed;

struct CtfFeed {
	const CtfReader *reader;
	Feed *feeds;
	guint n;
	GPtrArray *plans;
	gsize chunk_bytes;
	guint64 window;    /* bytes of a packet that are mapped and given back at a time */
	gboolean records;  /* somebody looks at them */
	CtfChunk *spare;
	guint64 events, bad_packets;
	guint n_workers;
	GThread **workers;
	GMutex lock;
	GCond work, done;
	gboolean stop;
};

/* ---- Mapped pages --------------------------------------------------------------------------------------------- */

static const CtfFile *packet_file(const Feed *f, guint packet, const CtfPacket **packet_out)
{
	*packet_out = &g_array_index(f->stream->packets, CtfPacket, packet);
	return &g_array_index(f->stream->files, CtfFile, (*packet_out)->file);
}

/* One call instead of a fault every sixteen pages. Older kernels refuse; nothing is lost. */
static void populate(const CtfFeed *feed, const Feed *f, Unit *u)
{
	const CtfPacket *p;
	const CtfFile *file = packet_file(f, u->packet, &p);
	guint64 at = u->started ? u->decoder.pos >> 3 : 0, size = p->size_bits / 8;
	if (u->populated >= size || at + feed->window / 2 < u->populated)
		return;
	guint64 upto = MIN(u->populated + feed->window, size);
#ifdef MADV_POPULATE_READ
	ctf_file_advise(file, p->offset + u->populated, p->offset + upto, MADV_POPULATE_READ);
#endif
	u->populated = upto;
}

/* Give back the pages of a packet from where that was done last to `upto` (bytes of the packet). */
static void drop(const CtfFeed *feed, Feed *f, guint packet, guint64 upto)
{
	const CtfPacket *p;
	const CtfFile *file = packet_file(f, packet, &p);
	if (upto < p->size_bits / 8 && upto - f->dropped < feed->window)
		return;
	guint64 begin = p->offset + f->dropped;
	ctf_file_advise(file, begin - MIN(begin, DROP_AGAIN), p->offset + upto, MADV_DONTNEED);
	f->dropped = upto;
}

/* ---- Chunks and units ------------------------------------------------------------------------------------------ */

static CtfChunk *take_spare(CtfFeed *feed)
{
	CtfChunk *c = feed->spare;
	if (c)
		feed->spare = c->next;
	else
		c = ctf_chunk_new(feed->chunk_bytes, feed->records);
	ctf_chunk_clear(c);
	return c;
}

static void give_back(CtfFeed *feed, CtfChunk *c)
{
	c->next = feed->spare;
	feed->spare = c;
}

static gboolean within_range(const CtfFeed *feed, const Feed *f, const CtfPacket *p)
{
	const CtfClock *clock = f->stream->stream_class->clock;
	if (!clock || !p->has_begin || !p->has_end || p->is_narrow)
		return TRUE;
	return ctf_clock_ns(clock, p->end) >= feed->reader->begin_ns && ctf_clock_ns(clock, p->begin) <= feed->reader->end_ns;
}

static Unit *add_unit(CtfFeed *feed, Feed *f)
{
	const GArray *packets = f->stream->packets;
	while (f->next_packet < packets->len &&
	       !within_range(feed, f, &g_array_index(packets, CtfPacket, f->next_packet)))
		f->next_packet++;
	if (f->next_packet >= packets->len)
		return NULL;
	Unit *u = g_new0(Unit, 1);
	u->packet = f->next_packet++;
	if (f->tail)
		f->tail->next = u;
	else
		f->head = u;
	f->tail = u;
	f->n_units++;
	return u;
}

static void unit_free(CtfFeed *feed, Unit *u)
{
	while (u->first) {
		CtfChunk *next = u->first->next;
		give_back(feed, u->first);
		u->first = next;
	}
	g_free(u->slots);
	g_free(u);
}

static gboolean finished(const Unit *u)
{
	return u->started && u->decoder.done && !u->busy;
}

/* A packet that doesn't say all of when it begins needs the clock of the one before. */
static gboolean can_work(const Feed *f, const Unit *u, guint ahead)
{
	if (u->busy || finished(u) || u->n_chunks >= ahead)
		return FALSE;
	return u->started || u == f->head || ctf_packet_is_placed(&g_array_index(f->stream->packets, CtfPacket, u->packet));
}

/* Decode one chunk of a unit. Called with the lock held, which is left meanwhile. */
static void work(CtfFeed *feed, Feed *f, Unit *u)
{
	CtfChunk *c = take_spare(feed);
	guint64 cycles = f->cycles;
	u->busy = TRUE;
	g_mutex_unlock(&feed->lock);
	populate(feed, f, u);
	if (!u->started) {
		u->slots = g_new0(guint64, CTF_SLOTS_MAX);
		ctf_decoder_start(&u->decoder, f->stream, f->plan, u->packet, cycles, u->slots);
	}
	ctf_decoder_run(&u->decoder, c);
	g_mutex_lock(&feed->lock);
	u->started = TRUE;
	u->busy = FALSE;
	feed->events += c->events;
	if (!c->n) {
		give_back(feed, c);
		return;
	}
	if (u->last)
		u->last->next = c;
	else
		u->first = c;
	u->last = c;
	u->n_chunks++;
}

/* ---- Other threads --------------------------------------------------------------------------------------------- */

static gboolean work_on_any(CtfFeed *feed, guint ahead, guint units)
{
	for (guint i = 0; i < feed->n; i++) {
		Feed *f = &feed->feeds[i];
		guint k = 0;
		for (Unit *u = f->head; k < units; u = u->next, k++) {
			if (!u && !(u = add_unit(feed, f)))
				break;
			if (!can_work(f, u, ahead))
				continue;
			work(feed, f, u);
			return TRUE;
		}
	}
	return FALSE;
}

static gpointer worker(gpointer data)
{
	CtfFeed *feed = data;
	g_mutex_lock(&feed->lock);
	while (!feed->stop) {
		/* What the reader will ask for first, then what it will ask for later. */
		gboolean worked = work_on_any(feed, 1, 1) || work_on_any(feed, CHUNKS_AHEAD, 1) ||
		                  work_on_any(feed, CHUNKS_AHEAD, UNITS_AHEAD);
		if (worked)
			g_cond_signal(&feed->done);
		else if (!feed->stop)
			g_cond_wait(&feed->work, &feed->lock);
	}
	g_mutex_unlock(&feed->lock);
	return NULL;
}

/* ---- The reader's side ------------------------------------------------------------------------------------------ */

static CtfStreamPlan *plan_for(CtfFeed *feed, CtfStreamClass *sc)
{
	for (guint i = 0; i < feed->plans->len; i++) {
		CtfStreamPlan *plan = g_ptr_array_index(feed->plans, i);
		if (plan->stream_class == sc)
			return plan;
	}
	CtfStreamPlan *plan = ctf_stream_plan_new(sc, feed->reader);
	g_ptr_array_add(feed->plans, plan);
	return plan;
}

/* What decides between events of equal time, as in babeltrace2: UUID, stream class, stream id. */
static int by_rank(const void *pa, const void *pb)
{
	const CtfStream *a = ((const Feed *)pa)->stream, *b = ((const Feed *)pb)->stream;
	const CtfMetadata *ma = a->trace->metadata, *mb = b->trace->metadata;
	if (ma->has_uuid != mb->has_uuid)
		return ma->has_uuid ? -1 : 1;
	int by_uuid = ma->has_uuid ? memcmp(ma->uuid, mb->uuid, sizeof(ma->uuid)) : 0;
	if (by_uuid)
		return by_uuid;
	if (a->trace != b->trace)
		return a->trace->index < b->trace->index ? -1 : 1;
	if (a->stream_class->id != b->stream_class->id)
		return a->stream_class->id < b->stream_class->id ? -1 : 1;
	if (a->id != b->id)
		return a->id < b->id ? -1 : 1;
	return a->index < b->index ? -1 : a->index > b->index;
}

CtfFeed *ctf_feed_new(CtfTrace *const *traces, gsize n, const CtfReader *reader)
{
	CtfFeed *feed = g_new0(CtfFeed, 1);
	guint streams = 0;
	for (gsize i = 0; i < n; i++)
		streams += traces[i]->streams->len;
	feed->reader = reader;
	feed->records = reader->event || reader->count_classes;
	feed->plans = g_ptr_array_new_with_free_func((GDestroyNotify)ctf_stream_plan_free);
	feed->feeds = g_new0(Feed, MAX(streams, 1));
	feed->chunk_bytes = CLAMP(CHUNKS_TOTAL / MAX(streams, 1), CHUNK_BYTES_MIN, CHUNK_BYTES_MAX);
	feed->window = CLAMP(MAPPED_TOTAL / MAX(streams, 1), WINDOW_MIN, WINDOW_MAX);
	for (gsize i = 0; i < n; i++)
		for (guint j = 0; j < traces[i]->streams->len; j++)
			feed->feeds[feed->n++].stream = g_ptr_array_index(traces[i]->streams, j);
	qsort(feed->feeds, feed->n, sizeof(Feed), by_rank);
	for (guint i = 0; i < feed->n; i++) {
		feed->feeds[i].plan = plan_for(feed, feed->feeds[i].stream->stream_class);
		feed->feeds[i].last_ns = G_MININT64;
	}
	g_mutex_init(&feed->lock);
	g_cond_init(&feed->work);
	g_cond_init(&feed->done);
	feed->n_workers = reader->threads > 1 ? reader->threads - 1 : 0;
	feed->workers = g_new0(GThread *, MAX(feed->n_workers, 1));
	for (guint i = 0; i < feed->n_workers; i++)
		feed->workers[i] = g_thread_new("decode", worker, feed);
	return feed;
}

static void join_workers(CtfFeed *feed)
{
	g_mutex_lock(&feed->lock);
	feed->stop = TRUE;
	g_cond_broadcast(&feed->work);
	g_mutex_unlock(&feed->lock);
	for (guint i = 0; i < feed->n_workers; i++)
		g_thread_join(feed->workers[i]);
}

void ctf_feed_free(CtfFeed *feed)
{
	join_workers(feed);
	for (guint i = 0; i < feed->n; i++) {
		Feed *f = &feed->feeds[i];
		if (f->current)
			give_back(feed, f->current);
		while (f->head) {
			Unit *next = f->head->next;
			unit_free(feed, f->head);
			f->head = next;
		}
	}
	while (feed->spare) {
		CtfChunk *next = feed->spare->next;
		ctf_chunk_free(feed->spare);
		feed->spare = next;
	}
	g_ptr_array_unref(feed->plans);
	g_free(feed->feeds);
	g_free(feed->workers);
	g_mutex_clear(&feed->lock);
	g_cond_clear(&feed->work);
	g_cond_clear(&feed->done);
	g_free(feed);
}

guint ctf_feed_streams(const CtfFeed *feed)
{
	return feed->n;
}

CtfStream *ctf_feed_stream(const CtfFeed *feed, guint i)
{
	return feed->feeds[i].stream;
}

static void retire_head(CtfFeed *feed, Feed *f)
{
	Unit *u = f->head;
	const CtfPacket *p = &g_array_index(f->stream->packets, CtfPacket, u->packet);
	drop(feed, f, u->packet, p->size_bits / 8);
	f->dropped = 0;
	f->cycles = u->decoder.cycles;
	feed->bad_packets += u->decoder.bad;
	f->head = u->next;
	if (!f->head)
		f->tail = NULL;
	f->n_units--;
	unit_free(feed, u);
}

static void return_current(CtfFeed *feed, Feed *f)
{
	if (!f->current)
		return;
	drop(feed, f, f->head->packet, f->current->end_pos >> 3);
	give_back(feed, f->current);
	f->current = NULL;
	if (feed->n_workers)
		g_cond_signal(&feed->work);
}

/* A stream's packets follow each other in time; where their times do not, later ones are held as events are within a packet. */
static void hold(Feed *f, CtfChunk *c)
{
	gsize used = 0;
	for (guint i = 0; i < c->n && c->times[i] < f->last_ns; i++) {
		if (!c->data) {
			c->times[i] = f->last_ns;
			continue;
		}
		CtfRecord *r = (CtfRecord *)(gpointer)(c->data + used);
		r->time = c->times[i] = f->last_ns;
		used += sizeof(CtfRecord) + r->n * sizeof(guint64);
	}
	f->last_ns = c->times[c->n - 1];
}

CtfChunk *ctf_feed_next(CtfFeed *feed, guint i)
{
	Feed *f = &feed->feeds[i];
	g_mutex_lock(&feed->lock);
	return_current(feed, f);
	for (;;) {
		Unit *u = f->head ? f->head : add_unit(feed, f);
		if (!u)
			break;
		if (u->first) {
			f->current = u->first;
			u->first = u->first->next;
			if (!u->first)
				u->last = NULL;
			u->n_chunks--;
			break;
		}
		if (finished(u))
			retire_head(feed, f);
		else if (u->busy)
			g_cond_wait(&feed->done, &feed->lock);
		else
			work(feed, f, u);
	}
	g_mutex_unlock(&feed->lock);
	if (f->current)
		hold(f, f->current);
	return f->current;
}

void ctf_feed_stats(const CtfFeed *feed, CtfStats *stats)
{
	stats->events = feed->events;
	stats->bad_packets = feed->bad_packets;
}
