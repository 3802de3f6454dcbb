/* SPDX-License-Identifier: MIT */
/*
 * loss.c: when models can't trust what they see.
 *
 * A tracer loses events when its packet is full and no other is free: at packets' borders. Between two packets that is known from their times alone. At a packet's
 * end it is where less than a large event would have had room, up to the packet's end (small events may still have been recorded after a large one was lost).
 */
#include "trace/private.h"

#define LARGE_EVENT (4096 * 8) /* bits */

/* Where a range begins or ends. */
typedef struct {
	gint64 time;
	gint32 cpu;
	gint32 tail;    /* >= 0: the end of what was lost at the end of one of that stream's packets */
	TraceLossEdge edge;
} Edge;

/* A stream that lost events at the end of packets. */
typedef struct {
	guint64 *from;  /* by packet: bits from its begin; G_MAXUINT64: nothing was lost at its end */
	gint64 last;    /* the last event's time */
	gboolean begun;
} Tail;

struct TraceLosses {
	TraceLossFunc report;
	gpointer user;
	GArray *edges;     /* Edge, in order of time */
	guint next;
	guint n_streams;
	Tail **tails;      /* by stream; NULL: none */
	gboolean *watched; /* by stream: it has a tail */
	GHashTable *depth; /* processor -> how many of its streams are within a range */
};

/* ---- Finding ranges -------------------------------------------------------------------------------------------- */

static void add_range(GArray *edges, gint32 cpu, gint64 begin, gint64 end)
{
	Edge edge = {begin, cpu, -1, TRACE_LOSS_BEGIN};

	g_array_append_val(edges, edge);
	edge.time = MAX(begin, end);
	edge.edge = TRACE_LOSS_END;
	g_array_append_val(edges, edge);
}

static Tail *tail_of(TraceLosses *l, const CtfStream *stream)
{
	Tail **tail = &l->tails[stream->index];

	if (*tail)
		return *tail;
	*tail = g_new0(Tail, 1);
	l->watched[stream->index] = TRUE;
	(*tail)->last = G_MININT64;
	(*tail)->from = g_new(guint64, stream->packets->len);
	for (guint i = 0; i < stream->packets->len; i++)
		(*tail)->from[i] = G_MAXUINT64;
	return *tail;
}

/* The packet that ends at that time; NULL: none. */
static const CtfPacket *packet_ending(const CtfStream *stream, gint64 end_ns)
{
	const GArray *packets = stream->packets;
	guint low = 0, high = packets->len;

	while (low < high) {
		guint middle = low + (high - low) / 2;
		const CtfPacket *p = &g_array_index(packets, CtfPacket, middle);

		if (!p->has_end || !p->has_begin)
			return NULL;
		gint64 end = ctf_clock_ns(stream->stream_class->clock, p->end);
		if (end == end_ns)
			return p;
		if (end < end_ns)
			low = middle + 1;
		else
			high = middle;
	}
	return NULL;
}

/* Events that a packet counts as lost: before its begin, or at its end. */
static void add_borders(TraceLosses *l, const CtfStream *stream, const CtfLoss *loss, const CtfPacket *p)
{
	gint64 begin = ctf_clock_ns(stream->stream_class->clock, p->begin);
	Edge end = {loss->end_ns, stream->cpu, (gint32)stream->index, TRACE_LOSS_END};
	guint i = (guint)(p - &g_array_index(stream->packets, CtfPacket, 0));

	if (begin > loss->begin_ns)
		add_range(l->edges, stream->cpu, loss->begin_ns, begin);
	tail_of(l, stream)->from[i] = p->content_bits > LARGE_EVENT ? p->content_bits - LARGE_EVENT : 0;
	g_array_append_val(l->edges, end);
}

static void add_loss(TraceLosses *l, const CtfStream *stream, const CtfLoss *loss)
{
	const CtfPacket *p = loss->packets || !stream->stream_class->clock ? NULL : packet_ending(stream, loss->end_ns);

	if (p)
		add_borders(l, stream, loss, p);
	else
		add_range(l->edges, stream->cpu, loss->begin_ns, loss->end_ns);
}

static void add_stream(TraceLosses *l, const CtfTrace *trace, const CtfStream *stream)
{
	const CtfPacket *first = stream->packets->len ? &g_array_index(stream->packets, CtfPacket, 0) : NULL;

	/* Before its first packet a stream wasn't recorded, which is the same to a model. */
	if (first && first->has_begin && stream->stream_class->clock) {
		gint64 begin = ctf_clock_ns(stream->stream_class->clock, first->begin);

		if (begin > trace->begin_ns)
			add_range(l->edges, stream->cpu, trace->begin_ns, begin);
	}
	for (guint i = 0; i < stream->losses->len; i++)
		add_loss(l, stream, &g_array_index(stream->losses, CtfLoss, i));
}

static gint compare(gconstpointer a, gconstpointer b)
{
	const Edge *x = a, *y = b;

	return x->time < y->time ? -1 : x->time > y->time;
}

TraceLosses *trace_losses_new(const CtfTrace *trace, TraceLossFunc report, gpointer user)
{
	TraceLosses *l = g_new0(TraceLosses, 1);

	l->report = report;
	l->user = user;
	l->edges = g_array_new(FALSE, FALSE, sizeof(Edge));
	l->n_streams = trace->streams->len;
	l->tails = g_new0(Tail *, MAX(l->n_streams, 1));
	l->watched = g_new0(gboolean, MAX(l->n_streams, 1));
	l->depth = g_hash_table_new(NULL, NULL);
	for (guint i = 0; i < l->n_streams; i++)
		add_stream(l, trace, g_ptr_array_index(trace->streams, i));
	g_array_sort(l->edges, compare); /* stable: a range's begin stays before its end */
	return l;
}

void trace_losses_free(TraceLosses *l)
{
	for (guint i = 0; i < l->n_streams; i++) {
		if (l->tails[i])
			g_free(l->tails[i]->from);
		g_free(l->tails[i]);
	}
	g_free(l->tails);
	g_free(l->watched);
	g_array_unref(l->edges);
	g_hash_table_unref(l->depth);
	g_free(l);
}

/* ---- Telling ----------------------------------------------------------------------------------------------------- */

/* A processor may have several streams; models are told where the first range begins and the last one ends. */
static void tell(TraceLosses *l, gint32 cpu, gint64 time, TraceLossEdge edge)
{
	guint depth = GPOINTER_TO_UINT(g_hash_table_lookup(l->depth, GINT_TO_POINTER(cpu)));
	guint now = edge == TRACE_LOSS_BEGIN ? depth + 1 : MAX(depth, 1) - 1;

	g_hash_table_insert(l->depth, GINT_TO_POINTER(cpu), GUINT_TO_POINTER(now));
	if ((depth == 0) != (now == 0))
		l->report(l->user, cpu, time, edge);
}

/* No event was in the last part of the packet: it began after the one before. */
static void begin_late(TraceLosses *l, Tail *tail, const Edge *end)
{
	if (!tail->begun)
		tell(l, end->cpu, MIN(tail->last, end->time), TRACE_LOSS_BEGIN);
	tail->begun = FALSE;
}

gint64 trace_losses_next(const TraceLosses *l)
{
	return l->next < l->edges->len ? g_array_index(l->edges, Edge, l->next).time : G_MAXINT64;
}

void trace_losses_pass(TraceLosses *l, gint64 time)
{
	while (l->next < l->edges->len) {
		const Edge *e = &g_array_index(l->edges, Edge, l->next);

		if (e->time > time)
			break;
		if (e->tail >= 0)
			begin_late(l, l->tails[e->tail], e);
		tell(l, e->cpu, e->time, e->edge);
		l->next++;
	}
}

const gboolean *trace_losses_watched(const TraceLosses *l)
{
	return l->watched;
}

void trace_losses_event(TraceLosses *l, const CtfStream *stream, const CtfRecord *r)
{
	Tail *tail = l->tails[stream->index];

	tail->last = r->time;
	if (tail->begun || r->packet >= stream->packets->len || r->pos < tail->from[r->packet])
		return;
	tail->begun = TRUE;
	tell(l, stream->cpu, r->time, TRACE_LOSS_BEGIN);
}
