/* SPDX-License-Identifier: MIT */
/*
 * texts.c: texts in the area, known by a number; those that are met again and again are found again through a hash table that is never kept. And what is
 * known of the whole, which is a pair of them.
 */
#include <string.h>

#include "history/hash.h"
#include "history/private.h"

#define BLOCK_BYTES 4096u /* of short texts */
#define SLOTS_FIRST 256u

typedef struct {
	guint32 hash;
	guint32 number; /* 0: free */
} Slot;

/* Open addressing, linear probing, at most half full. */
struct HistoryInterner {
	Slot *slots;
	guint32 mask, n;
};

void history_interner_free(HistoryInterner *in)
{
	if (!in)
		return;
	g_free(in->slots);
	g_free(in);
}

static HistoryInterner *interner_new(void)
{
	HistoryInterner *in = g_new0(HistoryInterner, 1);

	in->slots = g_new0(Slot, SLOTS_FIRST);
	in->mask = SLOTS_FIRST - 1;
	return in;
}

static Slot *free_slot(Slot *slots, guint32 mask, guint32 hash)
{
	guint32 i = hash & mask;

	while (slots[i].number)
		i = (i + 1) & mask;
	return &slots[i];
}

static void interner_grow(HistoryInterner *in)
{
	guint32 mask = in->mask * 2 + 1;
	Slot *slots = g_new0(Slot, (gsize)mask + 1);

	for (gsize i = 0; i <= in->mask; i++)
		if (in->slots[i].number)
			*free_slot(slots, mask, in->slots[i].hash) = in->slots[i];
	g_free(in->slots);
	in->slots = slots;
	in->mask = mask;
}

static guint32 interner_find(const History *h, guint32 hash, const char *text, gsize len)
{
	const HistoryInterner *in = h->interner;

	for (guint32 i = hash & in->mask; in->slots[i].number; i = (i + 1) & in->mask) {
		const char *known;
		gsize known_len;

		if (in->slots[i].hash == hash && history_text_find(h, in->slots[i].number, &known, &known_len) &&
		    known_len == len && memcmp(known, text, len) == 0)
			return in->slots[i].number;
	}
	return 0;
}

/* Room for a text and its terminator. 0: none. */
static guint64 text_room(History *h, gsize size)
{
	if (size > h->text_left) {
		gsize block = MAX(size, BLOCK_BYTES);
		guint64 at = history_area_alloc(&h->area, block, 8);

		if (!at || block > BLOCK_BYTES)
			return at;
		h->text_next = h->area.base + at;
		h->text_left = block;
	}
	h->text_next += size;
	h->text_left -= size;
	return (guint64)(h->text_next - size - h->area.base);
}

guint32 history_text_keep(History *h, const char *text, gsize len)
{
	guint64 number = h->image.tables[HISTORY_TEXTS].len, at;
	HistoryTextInfo *info;

	if (h->finished || number >= HISTORY_TEXTS_MAX || !(at = text_room(h, len + 1)) ||
	    !(info = history_item_add(h, HISTORY_TEXTS))) {
		h->image.dropped++;
		return 0;
	}
	memcpy(h->area.base + at, text, len);
	h->area.base[at + len] = 0;
	info->place = at << HISTORY_TEXT_BITS | len;
	return (guint32)number;
}

/* Not in the middle of a character. */
static gsize cut(const char *text, gsize len, gsize max)
{
	if (len <= max)
		return len;
	for (len = max; len > max - 3 && ((guint8)text[len] & 0xc0) == 0x80; len--)
		;
	return len;
}

guint32 history_text(History *h, const char *text, gssize len)
{
	gsize n = text ? cut(text, len < 0 ? strlen(text) : strnlen(text, (gsize)len), HISTORY_TEXT_MAX) : 0;
	guint32 hash, number;

	if (!n)
		return 0;
	if (h->finished) {
		h->image.dropped++;
		return 0;
	}
	if (!h->interner)
		h->interner = interner_new();
	hash = (guint32)history_hash(text, n);
	number = interner_find(h, hash, text, n);
	if (number || !(number = history_text_keep(h, text, n)))
		return number;
	if (++h->interner->n * 2 > h->interner->mask)
		interner_grow(h->interner);
	*free_slot(h->interner->slots, h->interner->mask, hash) = (Slot){hash, number};
	return number;
}

gboolean history_text_find(const History *h, guint32 number, const char **text_out, gsize *len_out)
{
	const HistoryTextInfo *info = history_item(h, HISTORY_TEXTS, number);
	guint64 at;

	if (!info)
		return FALSE;
	at = info->place >> HISTORY_TEXT_BITS;
	*len_out = info->place & HISTORY_META_BYTES_MAX;
	*text_out = (const char *)h->area.base + at;
	return history_within(h, at, *len_out + 1) && !(*text_out)[*len_out];
}

const char *history_text_get(const History *h, guint32 text)
{
	const char *found;
	gsize len;

	return history_text_find(h, text, &found, &len) ? found : "";
}

/* ---- What is known of the whole ---------------------------------------------------------------------------------- */

static HistoryMetaItem *meta_find(const History *h, const char *key)
{
	HistoryMetaItem *item;

	for (guint64 i = 0; (item = history_item(h, HISTORY_META, i)); i++)
		if (strcmp(history_text_get(h, item->key), key) == 0)
			return item;
	return NULL;
}

void history_set_meta(History *h, const char *key, const char *value)
{
	HistoryMetaItem *item = meta_find(h, key);
	guint32 text;

	if (h->finished || (!item && h->image.tables[HISTORY_META].len >= HISTORY_META_MAX)) {
		h->image.dropped++;
		return;
	}
	text = history_text_keep(h, value, cut(value, strlen(value), HISTORY_META_BYTES_MAX));
	if (item)
		item->value = text;
	else if ((item = history_item_add(h, HISTORY_META)))
		*item = (HistoryMetaItem){history_text(h, key, -1), text};
}

const char *history_meta(const History *h, const char *key)
{
	const HistoryMetaItem *item = meta_find(h, key);

	return item ? history_text_get(h, item->value) : NULL;
}
