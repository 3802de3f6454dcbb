/* SPDX-License-Identifier: MIT */
/* A stream's packets in order, and what was lost between them. */
#include "ctf/stream.h"

#include "ctf/bits.h"

static gint by_begin(gconstpointer pa, gconstpointer pb)
{
	const CtfPacket *a = pa, *b = pb;
	if (a->begin != b->begin)
		return a->begin < b->begin ? -1 : 1;
	if (a->file != b->file)
		return a->file < b->file ? -1 : 1;
	return a->offset < b->offset ? -1 : a->offset > b->offset;
}

#define COPIES_MAX 64 /* packets that begin at the same time and are compared */

static gboolean is_copy(const CtfPacket *a, const CtfPacket *b)
{
	return a->file != b->file && a->end == b->end && a->size_bits == b->size_bits && a->content_bits == b->content_bits &&
	       a->has_seq_num == b->has_seq_num && a->seq_num == b->seq_num;
}

static gboolean has_copy(const GArray *packets, guint kept, const CtfPacket *p)
{
	guint from = kept > COPIES_MAX ? kept - COPIES_MAX : 0;
	for (guint i = kept; i-- > from;) {
		const CtfPacket *q = &g_array_index(packets, CtfPacket, i);
		if (q->begin != p->begin)
			return FALSE;
		if (is_copy(p, q))
			return TRUE;
	}
	return FALSE;
}

/* Snapshots of one session overlap: what several files hold is one packet. */
static void drop_copies(GArray *packets)
{
	guint kept = 0;
	for (guint i = 0; i < packets->len; i++) {
		CtfPacket p = g_array_index(packets, CtfPacket, i);
		if (!has_copy(packets, kept, &p))
			g_array_index(packets, CtfPacket, kept++) = p;
	}
	g_array_set_size(packets, kept);
}

/* Packets of one file that have no times, or only the low bits of them, stay as they are. */
static void sort_packets(CtfStream *stream)
{
	for (guint i = 0; i < stream->packets->len; i++)
		if (!ctf_packet_is_placed(&g_array_index(stream->packets, CtfPacket, i)))
			return;
	g_array_sort(stream->packets, by_begin);
	if (stream->files->len > 1)
		drop_copies(stream->packets);
}

/*
 * Of times that have only low bits, the rest is counted on from the packet before. What the clock went on meanwhile by more than that, only
 * the events know; decode.c goes by them.
 */
static void widen(GArray *packets)
{
	guint64 last = 0;
	for (guint i = 0; i < packets->len; i++) {
		CtfPacket *p = &g_array_index(packets, CtfPacket, i);
		if (p->has_begin && p->is_narrow)
			p->begin = ctf_rebuild(last, p->begin, p->begin_bits);
		last = p->has_begin ? p->begin : last;
		if (p->has_end && p->is_narrow)
			p->end = ctf_rebuild(last, p->end, p->end_bits);
		last = p->has_end ? p->end : last;
	}
}

static gint64 ns(const CtfStream *stream, gboolean known, guint64 cycles, gint64 otherwise)
{
	return known && stream->stream_class->clock ? ctf_clock_ns(stream->stream_class->clock, cycles) : otherwise;
}

static guint64 counted(guint64 before, guint64 after, guint bits)
{
	guint64 mask = bits >= 64 ? G_MAXUINT64 : (1ull << bits) - 1;
	guint64 n = (after - before) & mask;
	/* A counter that went back by a little was reset (a session cleared, a file put together): it did not wrap. */
	return n > mask / 2 ? 0 : n;
}

static void add_loss(CtfStream *stream, guint64 events, guint64 packets, gint64 begin_ns, gint64 end_ns)
{
	CtfLoss loss = {events, packets, begin_ns, end_ns};
	if (events || packets)
		g_array_append_val(stream->losses, loss);
}

static void find_losses(CtfStream *stream, guint discarded_bits)
{
	const CtfPacket *before = NULL;
	for (guint i = 0; i < stream->packets->len; i++) {
		const CtfPacket *p = &g_array_index(stream->packets, CtfPacket, i);
		gint64 begin = ns(stream, p->has_begin, p->begin, G_MININT64);
		gint64 end = ns(stream, p->has_end, p->end, G_MAXINT64);
		gint64 since = before ? ns(stream, before->has_end, before->end, begin) : begin;
		if (before && p->has_seq_num && before->has_seq_num && p->seq_num > before->seq_num + 1)
			add_loss(stream, 0, p->seq_num - before->seq_num - 1, since, begin);
		if (p->has_discarded)
			add_loss(stream, counted(before && before->has_discarded ? before->discarded : 0, p->discarded, discarded_bits), 0,
			         since, end);
		before = p;
	}
}

void ctf_stream_finish(CtfStream *stream, guint discarded_bits)
{
	sort_packets(stream);
	widen(stream->packets);
	find_losses(stream, discarded_bits);
	for (guint i = 0; i < stream->packets->len; i++) {
		const CtfPacket *p = &g_array_index(stream->packets, CtfPacket, i);
		CtfTrace *t = stream->trace;
		if (p->has_begin && stream->stream_class->clock)
			t->begin_ns = MIN(t->begin_ns, ctf_clock_ns(stream->stream_class->clock, p->begin));
		if (p->has_end && stream->stream_class->clock)
			t->end_ns = MAX(t->end_ns, ctf_clock_ns(stream->stream_class->clock, p->end));
	}
}
