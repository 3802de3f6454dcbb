/* SPDX-License-Identifier: MIT */
/*
 * A writer of CTF 1.8 traces as the kernel tracer of LTTng 2.13 lays them out: one stream of fixed-size packets a
 * processor, packetized metadata, and optionally LTTng's packet indexes.
 *
 * Memory: one packet a stream. Events are those of events.def; OUT_EMIT() writes one:
 *
 *	OUT_EMIT(out, ts, vpid, vtid, kvm_x86_inj_virq, .irq = 236);
 *
 * Timestamps are in nanoseconds (1 GHz clock) and must not decrease within a stream. All numbers are little-endian, as
 * is the machine that this program runs on.
 */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

G_STATIC_ASSERT(G_BYTE_ORDER == G_LITTLE_ENDIAN);

/* No event of events.def is larger than this, its header and context included. */
#define OUT_MAX_EVENT 512
/* The packet header and packet context, at most. */
#define OUT_MAX_HEADER 96

/* How the trace looks; the same for all of its streams. */
typedef struct {
	const char *dir;
	uint64_t packet_size; /* bytes */
	uint8_t uuid[16];
	bool compact;    /* 5+27 bit event headers instead of 16+32 */
	bool natural;    /* integers aligned to their size instead of to bytes */
	bool no_context; /* events without vpid and vtid */
	bool discard;    /* lose some events, and count them */
	bool index;      /* write index/ */
} OutFormat;

extern OutFormat out_format;

/* What is known of the streams' past, for the summary. */
typedef struct {
	uint64_t events, discarded, packets;
	uint64_t first_ts, last_ts;
} OutStats;

typedef struct {
	uint8_t *buf;
	uint64_t off; /* bytes of the open packet in use; 0: no packet is open */
	uint64_t begin_ts, last_ts;
	uint64_t file_off;
	uint64_t to_drop;  /* events still to be lost */
	uint64_t reported; /* discarded events that some packet has told of */
	uint64_t rng;
	uint32_t cpu;
	int fd;
	FILE *idx;
	OutStats stats;
	uint64_t *counts; /* events written, by id, over all streams */
} Out;

typedef struct {
	const void *data;
	uint32_t n;
} OutSpan;

/* An event's fields, under the event's name: struct out_sched_switch and so on. */
#define U8(n)        uint8_t n;
#define U16(n)       uint16_t n;
#define U32(n)       uint32_t n;
#define U64(n)       uint64_t n;
#define X32(n)       uint32_t n;
#define X64(n)       uint64_t n;
#define O32(n)       uint32_t n;
#define I32(n)       int32_t n;
#define I32_AS(n, s) int32_t n;
#define I64(n)       int64_t n;
#define BEX32(n)     uint32_t n;
#define COMM(n)      const char *n;
#define STR(n)       const char *n;
#define INSN(n)      const uint8_t *n;
#define SEQX8(n)     OutSpan n;
#define SEQI32(n)    OutSpan n;
#define NET(n)       OutSpan n;
#define POLLFDS(n)   OutSpan n;
#define EPOLLFDS(n)  OutSpan n;
#define EVENT(name, fields)                                                                                            \
	struct out_##name {                                                                                            \
		char unused_;                                                                                          \
		fields                                                                                                 \
	};
#include "events.def"
#undef EVENT

#define EVENT(name, fields) OUT_##name,
enum {
#include "events.def"
	OUT_N_EVENTS
};
#undef EVENT

/* Each event's payload alignment in bytes in the natural layout; 1 in the other. */
extern uint8_t out_align[OUT_N_EVENTS];

/* Makes the directory, or empties it of another trace's streams. Like all of this, ends the program with a message if
 * that fails. Fills out_align from out_format. */
void out_begin(void);
/* Writes the metadata file. */
void out_metadata(const char *hostname, uint64_t clock_offset);

void out_open(Out *out, uint32_t cpu, uint64_t seed, uint64_t *counts);
/* Closes the open packet (`ts`: when the next one begins) and, with out_format.discard, now and then begins to lose events. */
void out_packet_end(Out *out, uint64_t ts);
void out_packet_begin(Out *out, uint64_t ts);
/* Writes what is left, and an empty packet where lost events have not been told of yet. */
void out_close(Out *out);

/* The name of an event. */
const char *out_event_name(unsigned id);

static inline void out_pad(Out *out, unsigned align)
{
	if (!G_UNLIKELY(out_format.natural))
		return;
	const uint64_t off = (out->off + align - 1) & ~(uint64_t)(align - 1);
	memset(out->buf + out->off, 0, off - out->off);
	out->off = off;
}

static inline void out_put(Out *out, const void *value, unsigned size)
{
	out_pad(out, size);
	memcpy(out->buf + out->off, value, size);
	out->off += size;
}

static inline void out_u8(Out *out, uint8_t v)
{
	out->buf[out->off++] = v;
}

static inline void out_u16(Out *out, uint16_t v)
{
	out_put(out, &v, sizeof v);
}

static inline void out_u32(Out *out, uint32_t v)
{
	out_put(out, &v, sizeof v);
}

static inline void out_u64(Out *out, uint64_t v)
{
	out_put(out, &v, sizeof v);
}

static inline void out_bytes(Out *out, const void *data, size_t n)
{
	memcpy(out->buf + out->off, data, n);
	out->off += n;
}

static inline void out_string(Out *out, const char *s)
{
	out_bytes(out, s, strlen(s) + 1);
}

static inline void out_seq_i32(Out *out, OutSpan span)
{
	out_u8(out, (uint8_t)span.n);
	out_pad(out, 4);
	out_bytes(out, span.data, span.n * sizeof(int32_t));
}

static inline void out_seq_x8(Out *out, OutSpan span)
{
	out_u32(out, span.n);
	out_bytes(out, span.data, span.n);
}

/* Sets of descriptors: ready for reading, each of them. */
void out_pollfds(Out *out, OutSpan fds);
void out_epollfds(Out *out, OutSpan fds);

/* The header and the context. False: the event is lost. */
static inline bool out_event(Out *out, unsigned id, uint64_t ts, int32_t vpid, int32_t vtid)
{
	if (G_UNLIKELY(out->off + OUT_MAX_EVENT > out_format.packet_size))
		out_packet_end(out, ts);
	if (G_UNLIKELY(out->to_drop != 0)) {
		out->to_drop--;
		out->stats.discarded++;
		return false;
	}
	if (G_UNLIKELY(out->off == 0))
		out_packet_begin(out, ts);
	const unsigned bits = out_format.compact ? 27 : 32;
	const unsigned extended = out_format.compact ? 31 : 65535;
	const bool full = id >= extended || (ts - out->last_ts) >> bits;
	if (out_format.compact) {
		if (full) {
			out_pad(out, 4);
			out_u8(out, (uint8_t)extended);
		} else {
			out_u32(out, (uint32_t)ts << 5 | id);
		}
	} else {
		out_u16(out, (uint16_t)(full ? extended : id));
		if (!full)
			out_u32(out, (uint32_t)ts);
	}
	if (full) {
		out_pad(out, 8); /* a structure is aligned to its largest member */
		out_u32(out, id);
		out_u64(out, ts);
	}
	if (!out_format.no_context) {
		out_u32(out, (uint32_t)vpid);
		out_u32(out, (uint32_t)vtid);
	}
	out_pad(out, out_align[id]);
	out->last_ts = ts;
	out->stats.events++;
	out->counts[id]++;
	return true;
}

#undef U8
#undef U16
#undef U32
#undef U64
#undef X32
#undef X64
#undef O32
#undef I32
#undef I32_AS
#undef I64
#undef BEX32
#undef COMM
#undef STR
#undef INSN
#undef SEQX8
#undef SEQI32
#undef NET
#undef POLLFDS
#undef EPOLLFDS

#define U8(n)        out_u8(out, e->n);
#define U16(n)       out_u16(out, e->n);
#define U32(n)       out_u32(out, e->n);
#define U64(n)       out_u64(out, e->n);
#define X32(n)       out_u32(out, e->n);
#define X64(n)       out_u64(out, e->n);
#define O32(n)       out_u32(out, e->n);
#define I32(n)       out_u32(out, (uint32_t)e->n);
#define I32_AS(n, s) out_u32(out, (uint32_t)e->n);
#define I64(n)       out_u64(out, (uint64_t)e->n);
#define BEX32(n)     out_u32(out, GUINT32_TO_BE(e->n));
#define COMM(n)      out_bytes(out, e->n, 16);
#define STR(n)       out_string(out, e->n);
#define INSN(n)      out_bytes(out, e->n, 15);
#define SEQX8(n)     out_seq_x8(out, e->n);
#define SEQI32(n)    out_seq_i32(out, e->n);
#define NET(f)       out_bytes(out, e->f.data, e->f.n);
#define POLLFDS(n)   out_pollfds(out, e->n);
#define EPOLLFDS(n)  out_epollfds(out, e->n);
#define EVENT(name, fields)                                                                                            \
	static inline void out_put_##name(Out *out, uint64_t ts, int32_t vpid, int32_t vtid,                           \
	                                  const struct out_##name *e)                                                  \
	{                                                                                                              \
		(void)e;                                                                                               \
		if (!out_event(out, OUT_##name, ts, vpid, vtid))                                                       \
			return;                                                                                        \
		fields                                                                                                 \
	}
#include "events.def"

#undef U8
#undef U16
#undef U32
#undef U64
#undef X32
#undef X64
#undef O32
#undef I32
#undef I32_AS
#undef I64
#undef BEX32
#undef COMM
#undef STR
#undef INSN
#undef SEQX8
#undef SEQI32
#undef NET
#undef POLLFDS
#undef EPOLLFDS
#undef EVENT

#define OUT_EMIT(out, ts, vpid, vtid, name, ...)                                                                       \
	out_put_##name((out), (ts), (vpid), (vtid), &(const struct out_##name){__VA_ARGS__})
