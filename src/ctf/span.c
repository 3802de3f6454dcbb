/* SPDX-License-Identifier: MIT */
/* When a trace's first and last events happened: packets alone don't tell, since LTTng's first ones begin when buffers are made. */
#include "ctf/decode.h"
#include "ctf/stream.h"

#define SPAN_CHUNK (64u << 10)

typedef struct {
	CtfStream *stream;
	CtfStreamPlan *plan;
	CtfChunk *chunk;
	guint64 *slots;
	guint64 cycles; /* the clock after the packet that was looked at last */
} Span;

/* TRUE if the packet has events: the first one's time and, if it is asked for, the last one's. */
static gboolean look(Span *s, guint packet, gint64 *first_out, gint64 *last_out)
{
	CtfDecoder d;
	gboolean any = FALSE;
	ctf_decoder_start(&d, s->stream, s->plan, packet, s->cycles, s->slots);
	do {
		ctf_chunk_clear(s->chunk);
		ctf_decoder_run(&d, s->chunk);
		if (s->chunk->n && !any)
			*first_out = s->chunk->times[0];
		if (s->chunk->n && last_out)
			*last_out = s->chunk->times[s->chunk->n - 1];
		any = any || s->chunk->n;
	} while (!d.done && (last_out || !any));
	s->cycles = d.cycles;
	return any;
}

static gboolean all_placed(const CtfStream *stream)
{
	for (guint i = 0; i < stream->packets->len; i++)
		if (!ctf_packet_is_placed(&g_array_index(stream->packets, CtfPacket, i)))
			return FALSE;
	return TRUE;
}

/* Each packet needs the clock of the one before. */
static void span_all(Span *s, gint64 *first, gint64 *last)
{
	gint64 begin, end;
	for (guint i = 0; i < s->stream->packets->len; i++) {
		if (!look(s, i, &begin, &end))
			continue;
		*first = MIN(*first, begin);
		*last = MAX(*last, end);
	}
}

/* The first packet that has events, and the last one. */
static void span_ends(Span *s, gint64 *first, gint64 *last)
{
	gint64 begin, end;
	guint n = s->stream->packets->len;
	for (guint i = 0; i < n; i++) {
		if (!look(s, i, &begin, NULL))
			continue;
		*first = MIN(*first, begin);
		break;
	}
	for (guint i = n; i-- > 0;) {
		if (!look(s, i, &begin, &end))
			continue;
		*last = MAX(*last, end);
		break;
	}
}

gboolean ctf_trace_span(CtfTrace *trace, gint64 *first_ns_out, gint64 *last_ns_out)
{
	CtfReader reader = {.begin_ns = G_MININT64, .end_ns = G_MAXINT64, .threads = 1};
	g_autofree guint64 *slots = g_new0(guint64, CTF_SLOTS_MAX);
	CtfChunk *chunk = ctf_chunk_new(SPAN_CHUNK, FALSE);
	*first_ns_out = G_MAXINT64;
	*last_ns_out = G_MININT64;
	for (guint i = 0; i < trace->streams->len; i++) {
		CtfStream *stream = g_ptr_array_index(trace->streams, i);
		Span s = {stream, ctf_stream_plan_new(stream->stream_class, &reader), chunk, slots, 0};
		if (stream->stream_class->clock)
			(all_placed(stream) ? span_ends : span_all)(&s, first_ns_out, last_ns_out);
		ctf_stream_plan_free(s.plan);
	}
	ctf_chunk_free(chunk);
	return *first_ns_out <= *last_ns_out;
}
