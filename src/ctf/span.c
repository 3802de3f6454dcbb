/* SPDX-License-Identifier: MIT */
/* When a trace's first and last events happened: packets alone don't tell, since LTTng's first ones begin when buffers are made. */
#include "ctf/decode.h"

#define SPAN_CHUNK (64u << 10)

typedef struct {
	CtfStream *stream;
	CtfStreamPlan *plan;
	CtfChunk *chunk;
	guint64 *slots;
} Span;

/* TRUE if the packet has events: the first one's time and, if it is asked for, the last one's. */
static gboolean look(Span *s, guint packet, gint64 *first_out, gint64 *last_out)
{
	CtfDecoder d;
	gboolean any = FALSE;
	ctf_decoder_start(&d, s->stream, s->plan, packet, 0, s->slots);
	do {
		ctf_chunk_clear(s->chunk);
		ctf_decoder_run(&d, s->chunk);
		if (s->chunk->n && !any)
			*first_out = s->chunk->times[0];
		if (s->chunk->n && last_out)
			*last_out = s->chunk->times[s->chunk->n - 1];
		any = any || s->chunk->n;
	} while (!d.done && (last_out || !any));
	return any;
}

static void span_stream(Span *s, gint64 *first, gint64 *last)
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
		Span s = {stream, ctf_stream_plan_new(stream->stream_class, &reader), chunk, slots};
		if (stream->stream_class->clock)
			span_stream(&s, first_ns_out, last_ns_out);
		ctf_stream_plan_free(s.plan);
	}
	ctf_chunk_free(chunk);
	return *first_ns_out <= *last_ns_out;
}
