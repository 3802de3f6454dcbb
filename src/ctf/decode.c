/* SPDX-License-Identifier: MIT */
/*
 * The hot loop. Per event: header, timestamp, class, one bounds check, wanted fields, advance. One copy of the loop per kind of
 * header; all else comes from tables.
 */
#include "ctf/decode.h"

#include <string.h>

#include "ctf/bits.h"
#include "ctf/stream.h"

CtfChunk *ctf_chunk_new(gsize size, gboolean records)
{
	CtfChunk *c = g_new0(CtfChunk, 1);
	c->size = MAX(size, CTF_RECORD_MAX);
	c->max = (guint)(c->size / (records ? sizeof(CtfRecord) : sizeof(gint64)));
	c->data = records ? g_malloc(c->size) : NULL;
	c->times = g_new(gint64, c->max);
	return c;
}

void ctf_chunk_free(CtfChunk *chunk)
{
	if (!chunk)
		return;
	g_free(chunk->data);
	g_free(chunk->times);
	g_free(chunk);
}

void ctf_chunk_clear(CtfChunk *chunk)
{
	chunk->next = NULL;
	chunk->n = 0;
	chunk->used = 0;
	chunk->events = 0;
}

/* ---- Damage --------------------------------------------------------------------------------------------------- */

static __attribute__((cold)) void damaged(CtfDecoder *d, guint64 pos, const char *what)
{
	const CtfPacket *p = &g_array_index(d->stream->packets, CtfPacket, d->packet);
	const CtfFile *f = &g_array_index(d->stream->files, CtfFile, p->file);
	st_warn(d->plan->reader->warnings,
	        "%s: packet at byte %" G_GUINT64_FORMAT ": event at byte %" G_GUINT64_FORMAT
	        " of the file: %s; the rest of the packet (%" G_GUINT64_FORMAT " bytes) is skipped",
	        f->path, p->offset, p->offset + (pos >> 3), what, (d->end - MIN(pos, d->end)) >> 3);
	d->bad = TRUE;
	d->done = TRUE;
}

/* ---- Beginning of a packet ------------------------------------------------------------------------------------ */

static gboolean reread(CtfDecoder *d, const CtfFile *file, CtfPacket *p)
{
	g_autoptr(GError) error = NULL;
	CtfPacketInfo info;
	const CtfMetadata *m = d->stream->stream_class->metadata;
	if (!ctf_packet_read((CtfMetadata *)(guintptr)m, file, p->offset, d->slots, &info, NULL, &error) ||
	    info.stream_class != d->stream->stream_class) {
		st_warn(d->plan->reader->warnings, "%s; it is skipped",
		        error ? error->message : "a packet is not of the stream that the index says");
		return FALSE;
	}
	info.packet.content_bits = MIN(info.packet.content_bits, p->size_bits);
	*p = info.packet;
	return TRUE;
}

void ctf_decoder_start(CtfDecoder *d, CtfStream *stream, CtfStreamPlan *plan, guint packet, guint64 cycles, guint64 *slots)
{
	CtfPacket p = g_array_index(stream->packets, CtfPacket, packet);
	const CtfFile *file = &g_array_index(stream->files, CtfFile, p.file);
	const CtfClock *clock = stream->stream_class->clock;
	*d = (CtfDecoder){.stream = stream, .plan = plan, .packet = packet, .clock = clock, .slots = slots};
	d->begin_ns = plan->reader->begin_ns;
	d->end_ns = plan->reader->end_ns;
	d->base = file->map + p.offset;
	d->last_ns = G_MININT64;
	if (!reread(d, file, &p)) {
		d->bad = TRUE;
		d->done = TRUE;
		return;
	}
	d->pos = p.header_bits;
	d->end = p.content_bits;
	/* In CTF 2 a packet that doesn't say so begins at 0 (2 §6.1). */
	d->cycles = stream->stream_class->metadata->version == 2 ? 0 : cycles;
	if (p.has_begin)
		d->cycles = p.is_narrow ? ctf_rebuild(cycles, p.begin, p.begin_bits) : p.begin;
	d->end_cycles = p.has_end && !p.is_narrow ? p.end : G_MAXUINT64;
	d->plain_clock = clock && clock->freq == 1000000000;
	d->clock_base = clock ? ctf_clock_ns(clock, 0) : 0;
	d->done = d->pos >= d->end;
}

/* ---- Events --------------------------------------------------------------------------------------------------- */

static inline gint64 time_of(const CtfDecoder *d, guint64 cycles)
{
	if (G_LIKELY(d->plain_clock)) {
		gint64 ns;
		if (G_LIKELY(cycles <= G_MAXINT64 && !__builtin_add_overflow((gint64)cycles, d->clock_base, &ns)))
			return ns;
	}
	return d->clock ? ctf_clock_ns(d->clock, cycles) : 0;
}

static inline guint64 extract_int(guint64 word, const CtfExtract *e)
{
	return ((word >> e->shift & e->mask) ^ e->sign) - e->sign;
}

/* What isn't a little-endian integer. `at`: the fields' first byte. */
static guint64 extract(const guint8 *base, guint64 at, const CtfExtract *e)
{
	guint64 byte = at + e->byte;
	const guint8 *null;
	if (e->kind == CTF_EXTRACT_BE)
		return extract_int(GUINT64_SWAP_LE_BE(ctf_load64(base + byte)), e);
	null = e->kind == CTF_EXTRACT_TEXT && e->len ? memchr(base + byte, 0, e->len) : NULL;
	return CTF_TEXT(byte, null ? (guint64)(null - base) - byte : e->len);
}

static inline CtfRecord *begin_record(const CtfDecoder *d, CtfChunk *chunk, const CtfClassPlan *cp, gint64 ns, guint64 pos,
                                      guint64 header)
{
	CtfRecord *r = (CtfRecord *)(gpointer)(chunk->data + chunk->used);
	r->time = ns;
	r->pos = (guint32)(G_LIKELY(header < CTF_HEADER_LONG) ? pos : pos - header);
	r->event = cp->event;
	r->tag = cp->tag;
	r->packet = d->packet;
	r->n = cp->n;
	r->header = (guint8)MIN(header, CTF_HEADER_LONG);
	return r;
}

static inline void end_record(CtfChunk *chunk, const CtfRecord *r, gint64 ns)
{
	chunk->times[chunk->n++] = ns;
	chunk->used += sizeof(CtfRecord) + r->n * sizeof(guint64);
}

/* Keep the values of a header that was read by a fast loop. */
static gboolean keep_header(const CtfDecoder *d, guint64 begin)
{
	guint64 v[CTF_OUT_HEADER_COUNT];
	CtfExec x = {.base = d->base, .pos = begin, .end = d->end, .slots = d->slots, .v = v};
	return ctf_program_run(d->plan->header, &x);
}

/* An event of any shape. FALSE: damaged. */
static gboolean run_program(CtfDecoder *d, CtfChunk *chunk, const CtfClassPlan *cp, gint64 ns, guint64 *pos, guint64 header)
{
	guint64 unused[CTF_WANTS_MAX];
	gboolean wanted = !cp->skip && ns >= d->begin_ns && ns <= d->end_ns;
	CtfRecord *r = wanted && chunk->data ? begin_record(d, chunk, cp, ns, *pos, header) : NULL;
	CtfExec x = {.base = d->base, .pos = *pos, .end = d->end, .slots = d->slots, .v = r ? r->v : unused};
	if (r)
		memset(r->v, 0, cp->n * sizeof(guint64));
	if (G_UNLIKELY(cp->reads_header) && !keep_header(d, *pos - header))
		return FALSE;
	if (!ctf_program_run(cp->program, &x))
		return FALSE;
	*pos = x.pos;
	if (r) {
		r->present = x.present & ((1u << CTF_WANTS_MAX) - 1);
		end_record(chunk, r, ns);
	} else if (wanted) {
		chunk->times[chunk->n++] = ns;
	}
	return TRUE;
}

static inline void take_fixed(CtfDecoder *d, CtfChunk *chunk, const CtfClassPlan *cp, gint64 ns, guint64 pos, guint64 header,
                              gboolean records)
{
	if (cp->skip || ns < d->begin_ns || ns > d->end_ns)
		return;
	if (!records) {
		chunk->times[chunk->n++] = ns;
		return;
	}
	CtfRecord *r = begin_record(d, chunk, cp, ns, pos, header);
	r->present = cp->present & ((1u << CTF_WANTS_MAX) - 1);
	const guint8 *fields = d->base + (pos >> 3);
	const CtfExtract *e = cp->extracts, *plain_end = e + cp->n_plain, *end = e + cp->n_extracts;
	for (guint i = 0; i < cp->n_absent; i++)
		r->v[cp->absent[i]] = 0;
	for (; e < plain_end; e++)
		r->v[e->out] = extract_int(ctf_load64(fields + e->byte), e);
	for (; e < end; e++)
		r->v[e->out] = extract(d->base, pos >> 3, e);
	end_record(chunk, r, ns);
}

/* An event header: its id and the clock after it; moves *pos behind it. FALSE: the packet ends within it. */
static inline gboolean read_header(CtfDecoder *d, CtfHeaderKind kind, guint64 *pos, guint64 *cycles, guint64 *id)
{
	if (kind == CTF_HEADER_GENERIC) {
		guint64 v[CTF_OUT_HEADER_COUNT] = {0};
		CtfExec x = {.base = d->base, .pos = *pos, .end = d->end, .slots = d->slots, .v = v};
		if (d->plan->header && !ctf_program_run(d->plan->header, &x))
			return FALSE;
		*pos = x.pos;
		*id = v[CTF_OUT_ID];
		if (x.present & (1u << CTF_OUT_TIME))
			*cycles = ctf_rebuild(*cycles, v[CTF_OUT_TIME], (guint)v[CTF_OUT_TIME_SIZE]);
		return TRUE;
	}
	guint id_bits = kind == CTF_HEADER_LARGE ? 16 : 5, time_bits = kind == CTF_HEADER_LARGE ? 32 : 27;
	guint64 escape = (1ull << id_bits) - 1;
	const guint8 *p = d->base + (*pos >> 3);
	if (id_bits + time_bits > d->end - *pos)
		return FALSE;
	guint64 word = ctf_load64(p);
	*id = word & escape;
	if (G_LIKELY(*id != escape)) {
		*cycles = ctf_rebuild(*cycles, (word >> id_bits) & ((1ull << time_bits) - 1), time_bits);
		*pos += id_bits + time_bits;
		return TRUE;
	}
	guint id_bytes = (id_bits + 7) / 8;
	if ((id_bytes + 12) * 8 > d->end - *pos)
		return FALSE;
	*id = (guint32)ctf_load64(p + id_bytes);
	*cycles = ctf_load64(p + id_bytes + 4);
	*pos += (id_bytes + 12) * 8;
	return TRUE;
}

static __attribute__((cold)) const CtfClassPlan *make_plan(CtfDecoder *d, guint64 id, guint64 at)
{
	g_autoptr(GError) error = NULL;
	const CtfClassPlan *cp = ctf_stream_plan_make(d->plan, id, &error);
	if (!cp)
		damaged(d, at, error->message);
	return cp;
}

/* The order of a stream's events is that of its packets; a clock that goes back is held. */
static inline gint64 hold(CtfDecoder *d, gint64 ns)
{
	if (G_LIKELY(ns >= d->last_ns))
		d->last_ns = ns;
	else
		d->went_back = TRUE;
	return d->last_ns;
}

/* Bytes that were read as events may still not be what was written: times that contradict the packet tell. */
static __attribute__((cold)) void doubt(CtfDecoder *d)
{
	const CtfPacket *p = &g_array_index(d->stream->packets, CtfPacket, d->packet);
	const CtfFile *f = &g_array_index(d->stream->files, CtfFile, p->file);
	st_warn(d->plan->reader->warnings, "%s: packet at byte %" G_GUINT64_FORMAT ": %s: some of its events may be damaged", f->path,
	        p->offset, d->went_back ? "its events' times go back" : "its events go on after its end");
	d->bad = TRUE;
}

static inline gboolean has_room(const CtfChunk *chunk, gboolean records)
{
	return records ? chunk->used + CTF_RECORD_MAX <= chunk->size : chunk->n < chunk->max;
}

static inline __attribute__((always_inline)) void run_loop(CtfDecoder *d, CtfChunk *chunk, CtfHeaderKind kind,
                                                            gboolean records)
{
	guint64 pos = d->pos, cycles = d->cycles, events = 0;
	const guint64 end = d->end;

	while (pos < end && has_room(chunk, records)) {
		guint64 start = kind == CTF_HEADER_GENERIC ? pos : (pos + 7) & ~7ull, at = start, id = 0;
		if (G_UNLIKELY(start >= end))
			break;
		if (G_UNLIKELY(!read_header(d, kind, &at, &cycles, &id))) {
			damaged(d, start, "the packet ends within its header");
			break;
		}
		guint32 fixed_bits = CTF_NOT_FIXED;
		const CtfClassPlan *cp = ctf_stream_plan_get(d->plan, id, &fixed_bits);
		if (G_UNLIKELY(!cp)) {
			cp = make_plan(d, id, start);
			if (!cp)
				break;
			fixed_bits = cp->fixed_bits;
		}
		gint64 ns = hold(d, time_of(d, cycles));
		if (G_LIKELY(fixed_bits <= end - at)) {
			take_fixed(d, chunk, cp, ns, at, at - start, records);
			at += fixed_bits;
		} else if (fixed_bits != CTF_NOT_FIXED || !run_program(d, chunk, cp, ns, &at, at - start)) {
			damaged(d, start, "its fields do not fit in the packet");
			break;
		}
		if (G_UNLIKELY(at == pos)) {
			damaged(d, start, "its class takes no space at all");
			break;
		}
		pos = at;
		events++;
	}
	d->pos = pos;
	d->cycles = cycles;
	if (!d->done && (kind == CTF_HEADER_GENERIC ? pos : (pos + 7) & ~7ull) >= end) {
		d->done = TRUE;
		if (d->went_back || cycles > d->end_cycles)
			doubt(d);
	}
	chunk->events += events;
	chunk->end_pos = pos;
}

void ctf_decoder_run(CtfDecoder *d, CtfChunk *chunk)
{
	chunk->base = d->base;
	if (d->done)
		return;
	gboolean records = chunk->data != NULL;
	if (d->plan->kind == CTF_HEADER_COMPACT && records)
		run_loop(d, chunk, CTF_HEADER_COMPACT, TRUE);
	else if (d->plan->kind == CTF_HEADER_LARGE && records)
		run_loop(d, chunk, CTF_HEADER_LARGE, TRUE);
	else if (d->plan->kind == CTF_HEADER_COMPACT)
		run_loop(d, chunk, CTF_HEADER_COMPACT, FALSE);
	else if (d->plan->kind == CTF_HEADER_LARGE)
		run_loop(d, chunk, CTF_HEADER_LARGE, FALSE);
	else
		run_loop(d, chunk, CTF_HEADER_GENERIC, records);
}
