/* SPDX-License-Identifier: MIT */
#include "ctf/bits.h"

/*
 * The bit order is not the byte order's natural one: the same bits, the first of them at the other end of the value (2 §6.4.3).
 * Rare, so bit by bit.
 */
guint64 ctf_bits_reversed(const guint8 *base, guint64 pos, guint size, gboolean big_endian)
{
	guint64 v = 0;
	for (guint i = 0; i < size; i++) {
		guint64 at = pos + i;
		guint shift = big_endian ? 7 - (at & 7) : at & 7;
		guint64 bit = (base[at >> 3] >> shift) & 1;
		v |= bit << (big_endian ? i : size - 1 - i);
	}
	return v;
}

gboolean ctf_leb128(const guint8 *base, guint64 *pos, guint64 end, gboolean is_signed, guint64 *value_out)
{
	guint64 value = 0;
	for (guint shift = 0; shift < 70; shift += 7) {
		if (*pos + 8 > end)
			return FALSE;
		guint8 byte = base[*pos >> 3];
		*pos += 8;
		/* The tenth byte has one bit of the number; of a signed one the rest repeats it. */
		if (shift == 63 && (byte & 0x7e) && !(is_signed && (byte & 0x7f) == 0x7f))
			return FALSE;
		if (shift == 63 && is_signed && (byte & 0x7f) == 1)
			return FALSE;
		value |= (guint64)(byte & 0x7f) << shift;
		if (byte & 0x80)
			continue;
		if (is_signed && shift + 7 < 64)
			value = ctf_sign_extend(value, shift + 7);
		*value_out = value;
		return TRUE;
	}
	return FALSE;
}
