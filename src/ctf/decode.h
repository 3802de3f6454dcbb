/* SPDX-License-Identifier: MIT */
/*
 * ctf/decode.h: packets to records, a chunk at a time. Private to ctf/.
 */
#ifndef STRATA_CTF_DECODE_H
#define STRATA_CTF_DECODE_H

#include "ctf/plan.h"

#define CTF_RECORD_MAX (sizeof(CtfRecord) + CTF_WANTS_MAX * sizeof(guint64))

/* Records of one packet, or of a part of one; or, for a reader that doesn't look at records, only their times. */
typedef struct CtfChunk {
	struct CtfChunk *next;
	const guint8 *base;  /* the packet's first byte */
	guint64 end_pos;     /* bits of the packet read when the chunk was full */
	guint n, max;        /* events; how many times[] has room for */
	gsize used, size;    /* bytes of data */
	guint64 events;      /* framed, the skipped ones included */
	gint64 *times;
	guint8 *data;        /* n CtfRecords, one after the other; NULL: only times */
} CtfChunk;

/* `size`: bytes for records, or for times where no records are kept. */
CtfChunk *ctf_chunk_new(gsize size, gboolean records);
void ctf_chunk_free(CtfChunk *chunk);
void ctf_chunk_clear(CtfChunk *chunk);

/* Decoding of one packet; may stop at any event and go on later. */
typedef struct {
	CtfStream *stream;
	CtfStreamPlan *plan;
	guint packet;            /* index */
	const guint8 *base;
	guint64 pos, end;        /* bits */
	guint64 cycles;
	guint64 end_cycles;      /* what the packet says is its end; G_MAXUINT64: it doesn't */
	gboolean went_back;      /* its clock did */
	gint64 last_ns;
	gint64 begin_ns, end_ns; /* of the reader */
	const CtfClock *clock;
	gboolean plain_clock;    /* it counts nanoseconds: then time = cycles + clock_base */
	gint64 clock_base;
	guint64 *slots;
	gboolean done;
	gboolean bad;            /* some of its events are lost; a warning was given */
} CtfDecoder;

/*
 * Begin with a packet: reads its header again. `cycles`: the clock before it, for packets that don't say when they begin. Damage
 * makes a warning and a decoder that is done.
 */
void ctf_decoder_start(CtfDecoder *d, CtfStream *stream, CtfStreamPlan *plan, guint packet, guint64 cycles, guint64 *slots);

/* Decode until the chunk is full or the packet at its end (d->done). */
void ctf_decoder_run(CtfDecoder *d, CtfChunk *chunk);

#endif
