/* SPDX-License-Identifier: MIT */
/*
 * ctf/bits.h: integers at any bit of a packet. Private to ctf/.
 *
 * The caller has checked that pos + size lies within the packet; up to 8 bytes after it are read and must be mapped
 * (CtfFile.map grants that).
 *
 * 1.8 §4.1.5, 2 §6.3.1: little-endian fields fill bytes from the least significant bit, big-endian ones from the most
 * significant.
 */
#ifndef STRATA_CTF_BITS_H
#define STRATA_CTF_BITS_H

#include <string.h>

#include "ctf/ctf.h"

static inline guint64 ctf_load64(const guint8 *p)
{
	guint64 v;
	memcpy(&v, p, 8);
	return GUINT64_FROM_LE(v);
}

static inline guint64 ctf_round_up(guint64 pos, guint64 align)
{
	return (pos + align - 1) & ~(align - 1);
}

static inline guint64 ctf_sign_extend(guint64 v, guint size)
{
	return (guint64)((gint64)(v << (64 - size)) >> (64 - size));
}

/* A timestamp of `size` bits is the low end of the clock: one that is less than the last one's has wrapped once (1.8 §8). */
static inline guint64 ctf_rebuild(guint64 cycles, guint64 low, guint size)
{
	guint64 mask = size >= 64 ? G_MAXUINT64 : (1ull << size) - 1;
	guint64 high = cycles & ~mask;
	if (size < 64 && low < (cycles & mask))
		high += mask + 1;
	return high | low;
}

static inline guint64 ctf_bits_le(const guint8 *base, guint64 pos, guint size)
{
	const guint8 *p = base + (pos >> 3);
	guint shift = pos & 7;
	guint64 v = ctf_load64(p) >> shift;
	if (shift + size > 64)
		v |= (guint64)p[8] << (64 - shift);
	return size == 64 ? v : v & ((1ull << size) - 1);
}

static inline guint64 ctf_bits_be(const guint8 *base, guint64 pos, guint size)
{
	const guint8 *p = base + (pos >> 3);
	guint shift = pos & 7;
	guint64 v = GUINT64_SWAP_LE_BE(ctf_load64(p)) << shift;
	if (shift + size > 64)
		v |= (guint64)p[8] >> (8 - shift);
	return v >> (64 - size);
}

/* Any integer field class, zero-extended. */
guint64 ctf_bits_reversed(const guint8 *base, guint64 pos, guint size, gboolean big_endian);

static inline guint64 ctf_bits(const guint8 *base, guint64 pos, const CtfFc *fc)
{
	if (G_UNLIKELY(fc->reverse_bits))
		return ctf_bits_reversed(base, pos, fc->size, fc->big_endian);
	return fc->big_endian ? ctf_bits_be(base, pos, fc->size) : ctf_bits_le(base, pos, fc->size);
}

/*
 * A LEB128 number of at most 10 bytes (2 §6.3.7) that ends before `end` (bits); *pos is at its first byte and is moved
 * behind it. FALSE: it doesn't end, or has more than 64 bits.
 */
gboolean ctf_leb128(const guint8 *base, guint64 *pos, guint64 end, gboolean is_signed, guint64 *value_out);

#endif
