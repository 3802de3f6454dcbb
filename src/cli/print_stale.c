/* SPDX-License-Identifier: MIT */
#include "cli/print_stale.h"

/* Messages that babeltrace2's iterators hand over at once. */
#define BATCH 15

struct CliStaleObject {
	CliStaleText plain[CLI_STALE_PLAIN];
	GHashTable *others; /* guint64 * -> CliStaleText *; NULL: none */
};

/* The objects of an event class, or of a stream's packets: those not in use are on a stack. */
typedef struct {
	GPtrArray *all; /* CliStaleObject * */
	GPtrArray *stack;
} Pool;

typedef enum {
	STREAM_BEGIN,
	DISCARDED_EVENTS,
	DISCARDED_PACKETS,
	PACKET_BEGIN,
	EVENT,
	PACKET_END,
	STREAM_END,
	DONE
} Kind;

typedef struct {
	Kind kind;
	gint64 ns;              /* UNKNOWN_TIME: that of the message before it, of whatever stream */
	Pool *pool;             /* EVENT: of its class; PACKET_END: of the stream's packets */
	CliStaleObject *object; /* what goes back to the pool with the message */
} Message;

#define UNKNOWN_TIME G_MININT64

/* A stream's messages that are read ahead. */
typedef struct {
	const CtfStream *stream;
	Pool *pools; /* by event class index */
	Pool packets;
	CliStaleObject *packet_object; /* of the packet that is being read */
	CliStaleObject *shown;         /* of the packet whose events are being printed */
	guint begun;                   /* packets whose begin was handed over */
	Message messages[BATCH];
	guint at, n;
	Kind next; /* kind of the next message to be read, as far as it is known without looking */
	guint packet;
	gboolean waits; /* it is among CliStale.waiting */
} Lane;

struct CliStale {
	CliStalePacketFunc empty_packet;
	gpointer user;
	CtfScout *scout;
	Lane *lanes;
	guint n_lanes;
	guint **lane_of; /* by trace index and stream index */
	guint n_traces;
	Pool **pools; /* by trace index and event class index */
	guint *n_pools;
	guint *waiting; /* lanes whose first message is no event */
	guint n_waiting;
	gint empty; /* the lane that has to be read again; -1: none */
	gint64 last_ns;
	Message batch[BATCH]; /* printed, but not given back yet */
	guint n_batch;
};

/* ---- Objects --------------------------------------------------------------------------------------------------- */

CliStaleText *cli_stale_text(CliStaleObject *object, guint64 key)
{
	if (G_LIKELY(key < CLI_STALE_PLAIN))
		return &object->plain[key];
	if (!object->others)
		object->others = g_hash_table_new_full(g_int64_hash, g_int64_equal, g_free, g_free);
	CliStaleText *text = g_hash_table_lookup(object->others, &key);
	if (!text) {
		text = g_new0(CliStaleText, 1);
		g_hash_table_insert(object->others, g_memdup2(&key, sizeof(key)), text);
	}
	return text;
}

static void object_free(gpointer data)
{
	CliStaleObject *object = data;
	g_clear_pointer(&object->others, g_hash_table_unref);
	g_free(object);
}

static CliStaleObject *take_object(Pool *pool)
{
	if (!pool->all) {
		pool->all = g_ptr_array_new_with_free_func(object_free);
		pool->stack = g_ptr_array_new();
	}
	if (pool->stack->len)
		return g_ptr_array_remove_index(pool->stack, pool->stack->len - 1);
	CliStaleObject *object = g_new0(CliStaleObject, 1);
	g_ptr_array_add(pool->all, object);
	return object;
}

static void pool_clear(Pool *pool)
{
	g_clear_pointer(&pool->all, g_ptr_array_unref);
	g_clear_pointer(&pool->stack, g_ptr_array_unref);
}

/* ---- Messages of a stream -------------------------------------------------------------------------------------- */

static const CtfPacket *packet_at(const Lane *lane, guint i)
{
	return &g_array_index(lane->stream->packets, CtfPacket, i);
}

static gint64 time_of(const Lane *lane, gboolean known, guint64 cycles)
{
	const CtfClock *clock = lane->stream->stream_class->clock;
	return known && clock ? ctf_clock_ns(clock, cycles) : UNKNOWN_TIME;
}

static gboolean discards_events(const Lane *lane, gint64 *ns_out)
{
	const CtfPacket *p = packet_at(lane, lane->packet), *before = lane->packet ? p - 1 : NULL;
	gboolean timed = p->has_begin && p->has_end;
	*ns_out = time_of(lane, timed, before ? before->end : p->begin);
	return p->has_discarded && p->discarded != (before ? before->discarded : 0);
}

static gboolean discards_packets(const Lane *lane, gint64 *ns_out)
{
	if (!lane->packet)
		return FALSE;
	const CtfPacket *p = packet_at(lane, lane->packet), *before = p - 1;
	*ns_out = time_of(lane, p->has_begin && p->has_end, before->end);
	return p->has_seq_num && p->seq_num - before->seq_num > 1;
}

static Message begin_packet(Lane *lane)
{
	const CtfPacket *p = packet_at(lane, lane->packet);
	Message m = {.kind = DISCARDED_EVENTS};
	if (!lane->packet_object)
		lane->packet_object = take_object(&lane->packets);
	switch (lane->next) {
	case DISCARDED_EVENTS:
		lane->next = DISCARDED_PACKETS;
		if (discards_events(lane, &m.ns))
			return m;
		/* fall through */
	case DISCARDED_PACKETS:
		lane->next = PACKET_BEGIN;
		m.kind = DISCARDED_PACKETS;
		if (discards_packets(lane, &m.ns))
			return m;
		/* fall through */
	default:
		lane->next = EVENT;
		return (Message){.kind = PACKET_BEGIN,
		                 .ns = time_of(lane, p->has_begin, p->begin),
		                 .object = lane->packet_object};
	}
}

static Message end_packet(Lane *lane)
{
	const CtfPacket *p = packet_at(lane, lane->packet++);
	lane->next = lane->packet < lane->stream->packets->len ? DISCARDED_EVENTS : STREAM_END;
	Message m = {.kind = PACKET_END,
	             .ns = time_of(lane, p->has_end, p->end),
	             .pool = &lane->packets,
	             .object = lane->packet_object};
	lane->packet_object = NULL;
	return m;
}

static Message next_message(CliStale *stale, guint i)
{
	Lane *lane = &stale->lanes[i];
	Kind kind = lane->next;
	if (kind == STREAM_BEGIN || kind == STREAM_END) {
		lane->next = kind == STREAM_BEGIN ? DISCARDED_EVENTS : DONE;
		return (Message){.kind = kind, .ns = UNKNOWN_TIME};
	}
	if (kind != EVENT)
		return begin_packet(lane);
	const CtfRecord *record = ctf_scout_peek(stale->scout, i);
	if (!record || record->packet != lane->packet)
		return end_packet(lane);
	gint64 ns = lane->stream->stream_class->clock ? record->time : UNKNOWN_TIME;
	Message m = {.kind = EVENT, .ns = ns, .pool = &lane->pools[record->event]};
	m.object = take_object(m.pool);
	ctf_scout_pass(stale->scout, i);
	return m;
}

/* ---- The merging of messages ----------------------------------------------------------------------------------- */

/* Note whether the lane's first message is one that no reader of events will ask for. */
static void look(CliStale *stale, guint i)
{
	Lane *lane = &stale->lanes[i];
	gboolean waits = lane->at < lane->n && lane->messages[lane->at].kind != EVENT;
	if (waits == lane->waits)
		return;
	lane->waits = waits;
	if (waits) {
		stale->waiting[stale->n_waiting++] = i;
		return;
	}
	guint k = 0;
	while (stale->waiting[k] != i)
		k++;
	stale->waiting[k] = stale->waiting[--stale->n_waiting];
}

static void read_ahead(CliStale *stale, guint i)
{
	Lane *lane = &stale->lanes[i];
	lane->at = lane->n = 0;
	while (lane->n < BATCH && lane->next != DONE)
		lane->messages[lane->n++] = next_message(stale, i);
	look(stale, i);
}

static void give_back_batch(CliStale *stale)
{
	for (guint i = 0; i < stale->n_batch; i++)
		if (stale->batch[i].pool)
			g_ptr_array_add(stale->batch[i].pool->stack, stale->batch[i].object);
	stale->n_batch = 0;
}

static gint64 time_in_turn(const CliStale *stale, const Message *m)
{
	return m->ns == UNKNOWN_TIME ? stale->last_ns : m->ns;
}

static void show_packet(CliStale *stale, Lane *lane, CliStaleObject *object)
{
	const CtfPacket *p = packet_at(lane, lane->begun);
	lane->shown = object;
	if (p->content_bits == p->header_bits)
		stale->empty_packet(lane->stream, lane->begun, object, stale->user);
	lane->begun++;
}

static const Message *hand_over(CliStale *stale, guint i)
{
	Lane *lane = &stale->lanes[i];
	const Message *m = &lane->messages[lane->at++];
	stale->last_ns = time_in_turn(stale, m);
	stale->batch[stale->n_batch++] = *m;
	if (m->kind == PACKET_BEGIN)
		show_packet(stale, lane, m->object);
	if (stale->n_batch == BATCH)
		give_back_batch(stale);
	if (lane->at == lane->n)
		stale->empty = (gint)i;
	look(stale, i);
	return &lane->messages[lane->at - 1];
}

/* The waiting lane whose message is due before an event of this time and lane; -1: none is. */
static gint due_before(const CliStale *stale, gint64 ns, guint event_lane)
{
	gint best = -1;
	gint64 best_ns = 0;
	for (guint k = 0; k < stale->n_waiting; k++) {
		guint i = stale->waiting[k];
		const Lane *lane = &stale->lanes[i];
		gint64 t = time_in_turn(stale, &lane->messages[lane->at]);
		gboolean due = i == event_lane || t < ns || (t == ns && i < event_lane);
		if (due && (best < 0 || t < best_ns || (t == best_ns && (gint)i < best))) {
			best = (gint)i;
			best_ns = t;
		}
	}
	return best;
}

CliStaleObject *cli_stale_next(CliStale *stale, const CtfStream *stream, const CtfRecord *record)
{
	guint event_lane = stale->lane_of[stream->trace->index][stream->index];
	gboolean timed = stream->stream_class->clock != NULL;
	for (;;) {
		if (stale->empty >= 0) {
			read_ahead(stale, (guint)stale->empty);
			stale->empty = -1;
		}
		gint i = stale->n_waiting ? due_before(stale, timed ? record->time : stale->last_ns, event_lane) : -1;
		if (i >= 0)
			hand_over(stale, (guint)i);
		else
			break;
	}
	Lane *lane = &stale->lanes[event_lane];
	return lane->at < lane->n ? hand_over(stale, event_lane)->object : NULL;
}

CliStaleObject *cli_stale_packet(const CliStale *stale, const CtfStream *stream)
{
	return stale->lanes[stale->lane_of[stream->trace->index][stream->index]].shown;
}

/* ---- Life ------------------------------------------------------------------------------------------------------ */

static void open_trace(CliStale *stale, const CtfTrace *trace)
{
	stale->lane_of[trace->index] = g_new0(guint, trace->streams->len + 1);
	stale->n_pools[trace->index] = trace->metadata->events->len;
	stale->pools[trace->index] = g_new0(Pool, trace->metadata->events->len + 1);
}

static void open_lane(CliStale *stale, guint i)
{
	Lane *lane = &stale->lanes[i];
	lane->stream = ctf_scout_stream(stale->scout, i);
	const CtfTrace *trace = lane->stream->trace;
	stale->lane_of[trace->index][lane->stream->index] = i;
	lane->pools = stale->pools[trace->index];
	lane->next = lane->stream->packets->len ? STREAM_BEGIN : DONE;
}

CliStale *cli_stale_new(GPtrArray *traces, CliStalePacketFunc empty_packet, gpointer user)
{
	CliStale *stale = g_new0(CliStale, 1);
	stale->empty_packet = empty_packet;
	stale->user = user;
	stale->scout = ctf_scout_new((CtfTrace *const *)traces->pdata, traces->len);
	stale->n_lanes = ctf_scout_streams(stale->scout);
	stale->lanes = g_new0(Lane, stale->n_lanes + 1);
	stale->waiting = g_new0(guint, stale->n_lanes + 1);
	stale->empty = -1;
	stale->last_ns = G_MININT64;
	for (guint i = 0; i < traces->len; i++)
		stale->n_traces = MAX(stale->n_traces, ((CtfTrace *)traces->pdata[i])->index + 1);
	stale->lane_of = g_new0(guint *, stale->n_traces + 1);
	stale->pools = g_new0(Pool *, stale->n_traces + 1);
	stale->n_pools = g_new0(guint, stale->n_traces + 1);
	for (guint i = 0; i < traces->len; i++)
		open_trace(stale, traces->pdata[i]);
	for (guint i = 0; i < stale->n_lanes; i++)
		open_lane(stale, i);
	for (guint i = 0; i < stale->n_lanes; i++)
		read_ahead(stale, i);
	return stale;
}

void cli_stale_free(CliStale *stale)
{
	if (!stale)
		return;
	for (guint t = 0; t < stale->n_traces; t++) {
		for (guint i = 0; i < stale->n_pools[t]; i++)
			pool_clear(&stale->pools[t][i]);
		g_free(stale->pools[t]);
		g_free(stale->lane_of[t]);
	}
	for (guint i = 0; i < stale->n_lanes; i++)
		pool_clear(&stale->lanes[i].packets);
	ctf_scout_free(stale->scout);
	g_free(stale->lanes);
	g_free(stale->waiting);
	g_free(stale->lane_of);
	g_free(stale->pools);
	g_free(stale->n_pools);
	g_free(stale);
}
