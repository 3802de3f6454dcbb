/* SPDX-License-Identifier: MIT */
/* block_disk.c: block devices: their names, and how many requests their drivers have. */
#include "kernel/block_private.h"

#define MINOR_BITS   20
#define NAMES_MAX    (4 * KERNEL_DISKS_MAX) /* names of devices and partitions */

struct BlockDisks {
	History *history;
	guint kind, table;
	GHashTable *numbers; /* dev -> number + 1 */
	GHashTable *names;   /* dev -> text */
	GArray *disks;       /* BlockDisk */
	guint32 last_dev, last_number;
	gboolean is_told, is_lost, had_loss;
};

BlockDisks *block_disks_new(History *h, gboolean is_told)
{
	static const char *const states[KERNEL_DISK_STATE_COUNT] = {
#define KERNEL_S(id, name) [KERNEL_DISK_##id] = (name),
		KERNEL_DISK_STATES(KERNEL_S)
#undef KERNEL_S
	};
	BlockDisks *d = g_new0(BlockDisks, 1);

	d->history = h;
	d->is_told = is_told;
	d->kind = history_kind(h, "disk", states, KERNEL_DISK_STATE_COUNT);
	d->table = history_table(h, KERNEL_DISKS_TABLE, sizeof(KernelDiskItem));
	d->numbers = g_hash_table_new(NULL, NULL);
	d->names = g_hash_table_new(NULL, NULL);
	d->disks = g_array_new(FALSE, TRUE, sizeof(BlockDisk));
	d->last_dev = d->last_number = KERNEL_NO_DEV;
	return d;
}

void block_disks_free(BlockDisks *d)
{
	g_hash_table_unref(d->numbers);
	g_hash_table_unref(d->names);
	g_array_unref(d->disks);
	g_free(d);
}

/* ---- Names ------------------------------------------------------------------------------------------------------- */

static guint32 name_of(BlockDisks *d, guint32 dev)
{
	guint32 name = GPOINTER_TO_UINT(g_hash_table_lookup(d->names, GUINT_TO_POINTER(dev)));
	char text[32];

	if (name)
		return name;
	g_snprintf(text, sizeof(text), "%u:%u", dev >> MINOR_BITS, dev & ((1u << MINOR_BITS) - 1));
	return history_text(d->history, text, -1);
}

static void name_disk(BlockDisks *d, BlockDisk *disk)
{
	disk->name = name_of(d, disk->dev);
	g_autofree char *path = g_strconcat("disk/", history_text_get(d->history, disk->name), NULL);
	history_row_rename(d->history, disk->row, path);
}

void block_disk_name(BlockDisks *d, guint32 dev, const char *name, guint len)
{
	guint number = GPOINTER_TO_UINT(g_hash_table_lookup(d->numbers, GUINT_TO_POINTER(dev)));

	if (!len || g_hash_table_size(d->names) >= NAMES_MAX)
		return;
	g_hash_table_insert(d->names, GUINT_TO_POINTER(dev), GUINT_TO_POINTER(history_text(d->history, name, (gssize)len)));
	if (number)
		name_disk(d, block_disk_get(d, number - 1));
}

/* ---- Disks ------------------------------------------------------------------------------------------------------- */

static guint32 add_disk(BlockDisks *d, guint32 dev)
{
	guint32 number = d->disks->len;

	if (number >= KERNEL_DISKS_MAX)
		return KERNEL_NO_DEV;
	BlockDisk disk = {.dev = dev, .last_flush = KERNEL_NO_REQUEST, .knowledge = d->had_loss ? BLOCK_IN_DOUBT : BLOCK_UNSEEN};
	disk.row = history_row(d->history, d->kind, "disk/?", history_begin(d->history));
	name_disk(d, &disk);
	g_array_append_val(d->disks, disk);
	history_table_add(d->history, d->table);
	g_hash_table_insert(d->numbers, GUINT_TO_POINTER(dev), GUINT_TO_POINTER(number + 1));
	return number;
}

guint32 block_disk_number(BlockDisks *d, guint32 dev)
{
	if (G_LIKELY(dev == d->last_dev && d->last_number != KERNEL_NO_DEV))
		return d->last_number;
	guint number = GPOINTER_TO_UINT(g_hash_table_lookup(d->numbers, GUINT_TO_POINTER(dev)));
	d->last_dev = dev;
	return d->last_number = number ? number - 1 : add_disk(d, dev);
}

gboolean block_disk_known(const BlockDisks *d, guint32 dev, guint32 *number_out)
{
	guint number = GPOINTER_TO_UINT(g_hash_table_lookup(d->numbers, GUINT_TO_POINTER(dev)));

	*number_out = number - 1;
	return number != 0;
}

BlockDisk *block_disk_get(BlockDisks *d, guint32 number)
{
	return &g_array_index(d->disks, BlockDisk, number);
}

/* ---- States ------------------------------------------------------------------------------------------------------ */

static KernelDiskState state_of(guint in_flight)
{
	if (in_flight <= 4)
		return KERNEL_DISK_IDLE + MIN(in_flight, 3);
	return MIN(KERNEL_DISK_4 + g_bit_storage((in_flight - 1) >> 2), KERNEL_DISK_MORE);
}

static KernelDiskState state_now(const BlockDisks *d, const BlockDisk *disk)
{
	if (!d->is_told || d->is_lost || disk->knowledge == BLOCK_IN_DOUBT)
		return KERNEL_DISK_UNKNOWN;
	return state_of(disk->in_flight);
}

void block_disk_more(BlockDisks *d, BlockDisk *disk, gint64 time, gint more)
{
	guint before = state_now(d, disk);

	disk->knowledge = BLOCK_KNOWN;
	disk->in_flight = (guint)MAX((gint)disk->in_flight + more, 0);
	if (state_now(d, disk) != before)
		history_append(d->history, disk->row, time, before, 0);
}

void block_disk_unmatched(BlockDisks *d, BlockDisk *disk, gint64 time)
{
	if (disk->knowledge == BLOCK_UNSEEN)
		disk->knowledge = BLOCK_IN_DOUBT;
	disk->unmatched++;
	block_disk_more(d, disk, time, 0);
}

void block_disks_loss(BlockDisks *d, gint64 time, gboolean is_lost)
{
	for (guint i = 0; i < d->disks->len; i++) {
		BlockDisk *disk = block_disk_get(d, i);

		history_append(d->history, disk->row, time, state_now(d, disk), 0);
		disk->in_flight = 0;
		disk->knowledge = BLOCK_IN_DOUBT;
		disk->n_sequenced = 0;
		disk->last_flush = KERNEL_NO_REQUEST;
	}
	d->is_lost = is_lost;
	d->had_loss = TRUE;
}

void block_disks_finish(BlockDisks *d)
{
	for (guint i = 0; i < d->disks->len; i++) {
		const BlockDisk *disk = block_disk_get(d, i);
		KernelDiskItem *item = history_table_item(d->history, d->table, i);

		history_append(d->history, disk->row, history_end(d->history), state_now(d, disk), 0);
		*item = (KernelDiskItem){.name = disk->name, .dev = disk->dev, .row = disk->row, .stacked = disk->stacked,
					 .unmatched = disk->unmatched};
	}
}
