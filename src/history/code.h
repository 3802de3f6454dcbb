/* SPDX-License-Identifier: MIT */
/*
 * history/code.h: an interval as bytes.
 *
 *     16 bits   state 6, length of the detail 2, length of the duration 3, lowest 5 bits of the duration
 *     detail    0, 1, 2 or 4 bytes
 *     duration  the other bits: 0 to 6, or 8 bytes
 *
 * All lengths are in the first two bytes, so that the next interval is found while this one is still being read. Little-endian; read and written in whole words, up to
 * HISTORY_CODE_MAX bytes behind the beginning.
 */
#ifndef STRATA_HISTORY_CODE_H
#define STRATA_HISTORY_CODE_H

#include <glib.h>
#include <string.h>

#define HISTORY_CODE_MAX 16

#define HISTORY_CODE_LOW_BITS 5

/* The end of what was written. In two words whose places depend on nothing, so that many are under way at once. */
static inline guint8 *history_code_put(guint8 *p, guint64 ns, guint state, guint32 detail)
{
	guint64 high = ns >> HISTORY_CODE_LOW_BITS, words[2];
	guint detail_code = (guint)(detail > 0) + (guint)(detail > 0xff) + (guint)(detail > 0xffff);
	guint detail_bytes = (1u << detail_code) >> 1;
	guint code = MIN((guint)(70 - __builtin_clzll(high << 1 | 1)) / 8, 7);
	guint head = state | detail_code << 6 | code << 8 | (guint)(ns & 31) << 11;

	words[0] = GUINT64_TO_LE(head | (guint64)detail << 16 | high << (16 + 8 * detail_bytes));
	words[1] = GUINT64_TO_LE(high >> (48 - 8 * detail_bytes));
	memcpy(p, words, sizeof(words));
	return p + 2 + detail_bytes + code + (code == 7);
}

typedef struct {
	guint64 ns;
	guint32 detail;
	guint state;
} HistoryCode;

/* The end of what was read. */
static inline const guint8 *history_code_get(const guint8 *p, HistoryCode *out)
{
	static const guint32 detail_mask[] = {0, 0xff, 0xffff, G_MAXUINT32};
	guint16 head;
	guint32 detail;
	guint64 high;
	guint detail_code, code, bytes;

	memcpy(&head, p, sizeof(head));
	head = GUINT16_FROM_LE(head);
	detail_code = head >> 6 & 3;
	code = head >> 8 & 7;
	bytes = code + (code == 7);
	p += sizeof(head);
	memcpy(&detail, p, sizeof(detail));
	p += (1u << detail_code) >> 1;
	memcpy(&high, p, sizeof(high));
	high = GUINT64_FROM_LE(high);
	if (bytes < 8)
		high &= ((guint64)1 << bytes * 8) - 1;
	out->ns = high << HISTORY_CODE_LOW_BITS | head >> 11;
	out->detail = GUINT32_FROM_LE(detail) & detail_mask[detail_code];
	out->state = head & 63;
	return p + bytes;
}

#endif
