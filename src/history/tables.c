/* SPDX-License-Identifier: MIT */
/*
 * tables.c: items of a fixed size in chunks of HISTORY_CHUNK_BYTES, a power of two of them in each; and the edges, which are one of our own tables.
 */
#include <string.h>

#include "history/private.h"

#define CHUNK_BYTES (16u << 10)
#define CACHE_LINE  64

guint32 history_table_shift(guint32 item_size)
{
	guint32 shift = 0;

	while (((guint64)item_size << (shift + 1)) <= CHUNK_BYTES)
		shift++;
	return shift;
}

static void table_init(History *h, guint t, guint32 name, guint32 size)
{
	h->image.tables[t] = (HistoryTableInfo){.name = name, .item_size = size};
	h->tails[t] = (HistoryTail){.size = size, .shift = history_table_shift(size)};
}

void history_tables_init(History *h)
{
	table_init(h, HISTORY_ROWS, 0, sizeof(HistoryRow));
	table_init(h, HISTORY_TEXTS, 0, sizeof(HistoryTextInfo));
	table_init(h, HISTORY_EDGES, 0, sizeof(HistoryEdge));
	table_init(h, HISTORY_META, 0, sizeof(HistoryMetaItem));
	h->image.n_tables = HISTORY_OWN_TABLES;
}

/* Room for one more chunk in the table's directory. */
static gboolean directory_grow(History *h, HistoryTableInfo *info)
{
	guint32 room = history_dir_room(info->n_chunks);

	if (info->n_chunks && info->n_chunks < room)
		return TRUE;
	HistoryRef dir = history_dir_new(&h->area, info->n_chunks ? room * 2 : room, sizeof(HistoryRef));
	if (!dir)
		return FALSE;
	memcpy(history_at_ref(h, dir), history_at_ref(h, info->directory), info->n_chunks * sizeof(HistoryRef));
	info->directory = dir;
	return TRUE;
}

static gboolean add_chunk(History *h, guint t)
{
	HistoryTableInfo *info = &h->image.tables[t];
	HistoryTail *tail = &h->tails[t];
	guint64 at;

	if (h->finished || t >= h->image.n_tables || !directory_grow(h, info))
		return FALSE;
	at = history_area_alloc(&h->area, (guint64)tail->size << tail->shift, CACHE_LINE);
	if (!at)
		return FALSE;
	((HistoryRef *)history_at_ref(h, info->directory))[info->n_chunks++] = (HistoryRef)(at >> HISTORY_REF_SHIFT);
	tail->next = h->area.base + at;
	tail->left = 1u << tail->shift;
	return TRUE;
}

gpointer history_item_add(History *h, guint t)
{
	HistoryTail *tail = &h->tails[t];
	guint8 *item = tail->next;

	if (G_UNLIKELY(!tail->left)) {
		if (!add_chunk(h, t)) {
			h->image.dropped++;
			return NULL;
		}
		item = tail->next;
	}
	tail->next += tail->size;
	tail->left--;
	h->image.tables[t].len++;
	return item;
}

static gpointer dummy_of(History *h)
{
	return memset(h->dummy, 0, sizeof(h->dummy));
}

guint history_table(History *h, const char *name, gsize item_size)
{
	guint known, t = h->image.n_tables;

	if (history_find_table(h, name, item_size, &known))
		return known;
	if (h->finished || t >= HISTORY_TABLES_ALL || !item_size || item_size > HISTORY_ITEM_MAX) {
		h->image.dropped++;
		return HISTORY_TABLES_MAX;
	}
	table_init(h, t, history_text(h, name, -1), (guint32)item_size);
	h->image.n_tables++;
	return t - HISTORY_OWN_TABLES;
}

gboolean history_find_table(const History *h, const char *name, gsize item_size, guint *table_out)
{
	for (guint t = HISTORY_OWN_TABLES; t < h->image.n_tables; t++) {
		const HistoryTableInfo *info = &h->image.tables[t];

		if (info->item_size == item_size && strcmp(history_text_get(h, info->name), name) == 0) {
			*table_out = t - HISTORY_OWN_TABLES;
			return TRUE;
		}
	}
	return FALSE;
}

/* Of a history that is not whole, items are still counted: whoever adds them has their numbers in his books. */
static gpointer add_nowhere(History *h, guint t)
{
	if (t < h->image.n_tables && !h->finished)
		h->image.tables[t].len++;
	return dummy_of(h);
}

gpointer history_table_add(History *h, guint table)
{
	gpointer item;

	if (G_UNLIKELY(table >= HISTORY_TABLES_MAX)) {
		h->image.dropped++;
		return dummy_of(h);
	}
	item = history_item_add(h, table + HISTORY_OWN_TABLES);
	return G_LIKELY(item) ? item : add_nowhere(h, table + HISTORY_OWN_TABLES);
}

guint64 history_table_len(const History *h, guint table)
{
	return table < HISTORY_TABLES_MAX ? h->image.tables[table + HISTORY_OWN_TABLES].len : 0;
}

gpointer history_table_item(History *h, guint table, guint64 i)
{
	gpointer item = table < HISTORY_TABLES_MAX ? history_item(h, table + HISTORY_OWN_TABLES, i) : NULL;

	return G_LIKELY(item) ? item : dummy_of(h);
}

static const gint64 no_item[HISTORY_ITEM_MAX / sizeof(gint64)];

gconstpointer history_table_get(const History *h, guint table, guint64 i)
{
	gconstpointer item = table < HISTORY_TABLES_MAX ? history_item(h, table + HISTORY_OWN_TABLES, i) : NULL;

	return G_LIKELY(item) ? item : no_item;
}

gconstpointer history_table_run(const History *h, guint table, guint64 i, guint64 *n_out)
{
	guint64 len = history_table_len(h, table), chunk;
	gconstpointer items;

	*n_out = 0;
	if (i >= len)
		return NULL;
	chunk = (guint64)1 << h->tails[table + HISTORY_OWN_TABLES].shift;
	items = history_item(h, table + HISTORY_OWN_TABLES, i);
	*n_out = items ? MIN(len - i, chunk - (i & (chunk - 1))) : 1;
	return items ? items : no_item;
}

/* ---- Edges ----------------------------------------------------------------------------------------------------- */

void history_edge(History *h, guint32 kind, guint32 from_row, gint64 from_ns, guint32 to_row, gint64 to_ns)
{
	HistoryEdge *e = history_item_add(h, HISTORY_EDGES);

	if (e)
		*e = (HistoryEdge){from_ns, to_ns, kind, from_row, to_row};
}

guint64 history_n_edges(const History *h)
{
	return h->image.tables[HISTORY_EDGES].len;
}

void history_edge_get(const History *h, guint64 i, HistoryEdge *out)
{
	const HistoryEdge *e = history_item(h, HISTORY_EDGES, i);

	*out = e ? *e : (HistoryEdge){0};
}
