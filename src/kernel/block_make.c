/* SPDX-License-Identifier: MIT */
/* block_make.c: requests come into being, and become items of the history; on whose behalf they are made. */
#include "kernel/block_private.h"

#define DIRTY_BITS 14

/* ---- On whose behalf --------------------------------------------------------------------------------------------- */

static BlockDirty *dirty_slot(Block *b, guint32 dev, guint64 sector)
{
	if (!b->dirty)
		b->dirty = g_new0(BlockDirty, 1u << DIRTY_BITS);
	return &b->dirty[((sector ^ ((guint64)dev << 40)) * 0x9e3779b97f4a7c15ull) >> (64 - DIRTY_BITS)];
}

void block_dirtied(Block *b, guint32 dev, guint64 sector, guint32 thread)
{
	*dirty_slot(b, dev, sector) = (BlockDirty){.dev = dev, .sector = sector, .thread = thread};
}

/* Who wrote last into the buffer that is there; G_MAXUINT32: not known. */
static guint32 who_dirtied(Block *b, guint32 dev, guint64 sector)
{
	const BlockDirty *d = dirty_slot(b, dev, sector);

	return d->dev == dev && d->sector == sector ? d->thread : G_MAXUINT32;
}

void block_remapped(Block *b, gint32 cpu, const BlockRemap *remap)
{
	if (cpu < 0 || cpu >= KERNEL_CPU_MAX)
		return;
	if ((guint)cpu >= b->remaps->len)
		g_array_set_size(b->remaps, (guint)cpu + 1);
	g_array_index(b->remaps, BlockRemap, cpu) = *remap;
}

/* How this came to its device; NULL: directly. */
static const BlockRemap *remap_of(const Block *b, const BlockSaid *s, BlockRemap *copy)
{
	if (s->cpu < 0 || (guint)s->cpu >= b->remaps->len)
		return NULL;
	BlockRemap *r = &g_array_index(b->remaps, BlockRemap, s->cpu);
	if (r->dev != s->dev || r->sector != s->sector)
		return NULL;
	*copy = *r;
	r->dev = 0; /* it was for this one */
	return copy;
}

static void find_cause(Block *b, const BlockSaid *s, const BlockRemap *remap, KernelDiskRequest *r)
{
	guint32 dirtier;

	r->thread = r->cause = s->serial;
	r->via = s->thread && s->thread->is_kthread == 1 ? KERNEL_DISK_VIA_KERNEL : KERNEL_DISK_VIA_OWN;
	if (remap && remap->is_known) {
		r->thread = remap->thread;
		r->cause = remap->cause;
		r->via = remap->via;
	}
	if (r->via != KERNEL_DISK_VIA_KERNEL || s->op.op != KERNEL_DISK_OP_WRITE)
		return;
	dirtier = remap ? who_dirtied(b, remap->old_dev, remap->old_sector) : who_dirtied(b, s->dev, s->sector);
	if (dirtier == G_MAXUINT32)
		return;
	r->cause = dirtier;
	r->via = KERNEL_DISK_VIA_DIRTY;
}

/* ---- Begin ------------------------------------------------------------------------------------------------------- */

void block_sequence(Block *b, guint32 id)
{
	BlockOpen *open = block_open_get(b->opens, id);
	BlockDisk *disk = block_disk_get(b->disks, open->r.disk);

	if (open->sequenced || disk->n_sequenced >= BLOCK_SEQUENCED_MAX)
		return;
	open->sequenced = TRUE;
	disk->sequenced[disk->n_sequenced++] = id;
}

guint32 block_begin(Block *b, const BlockSaid *s, BlockState state)
{
	BlockRemap copy;
	const BlockRemap *remap = remap_of(b, s, &copy);
	BlockOpen open = {.start = s->sector,
			  .end = s->sector + s->nr,
			  .item = KERNEL_NO_REQUEST,
			  .state = (guint8)state,
			  .r = {.queued_ns = s->time, .inserted_ns = KERNEL_NO_TIME, .issued_ns = KERNEL_NO_TIME,
				.completed_ns = KERNEL_NO_TIME, .done_ns = KERNEL_NO_TIME, .sector = s->sector, .nr_sectors = s->nr,
				.disk = s->disk, .origin = remap ? remap->old_dev : KERNEL_NO_DEV, .flags = s->op.flags, .op = s->op.op}};

	find_cause(b, s, remap, &open.r);
	guint32 id = block_open_add(b->opens, &open);
	if (!id) {
		block_end(b, block_opens_oldest(b->opens), s->time, KERNEL_DISK_LOST);
		id = block_open_add(b->opens, &open);
	}
	if (s->op.op == KERNEL_DISK_OP_WRITE && (s->op.flags & KERNEL_DISK_PREFLUSH))
		block_sequence(b, id);
	return id;
}

void block_in_driver(Block *b, BlockOpen *open, gint64 time, gboolean is_in)
{
	block_disk_more(b->disks, block_disk_get(b->disks, open->r.disk), time, is_in ? 1 : -1);
}

/* ---- End ----------------------------------------------------------------------------------------------------------- */

static void forget_sequenced(Block *b, guint32 id)
{
	BlockDisk *disk = block_disk_get(b->disks, block_open_get(b->opens, id)->r.disk);
	guint kept = 0;

	for (guint i = 0; i < disk->n_sequenced; i++)
		if (disk->sequenced[i] != id)
			disk->sequenced[kept++] = disk->sequenced[i];
	disk->n_sequenced = kept;
}

void block_forget(Block *b, guint32 id)
{
	if (block_open_get(b->opens, id)->sequenced)
		forget_sequenced(b, id);
	block_open_remove(b->opens, id);
}

guint64 block_item(Block *b, const BlockOpen *open, KernelDiskEnd end)
{
	History *h = b->set->history;
	guint64 number = history_table_len(h, b->requests);
	KernelDiskRequest *item = history_table_add(h, b->requests);

	*item = open->r;
	item->end = (guint8)end;
	if (open->r.issued_ns != KERNEL_NO_TIME)
		return number;
	item->nr_sectors = (guint32)MIN(open->end - open->start, G_MAXUINT32);
	item->bytes = (guint64)item->nr_sectors * BLOCK_SECTOR;
	if (item->op == KERNEL_DISK_OP_WRITE && item->nr_sectors == 0)
		item->op = KERNEL_DISK_OP_FLUSH;
	return number;
}

guint64 block_end(Block *b, guint32 id, gint64 time, KernelDiskEnd end)
{
	BlockOpen *open = block_open_get(b->opens, id);
	guint64 item = open->item;
	gboolean is_in_driver = open->state == BLOCK_ISSUED ||
				(open->state == BLOCK_BIO && block_disk_get(b->disks, open->r.disk)->stacked);

	if (is_in_driver && end != KERNEL_DISK_OPEN)
		block_in_driver(b, open, time, FALSE);
	if (open->state != BLOCK_AFTER)
		item = block_item(b, open, end);
	block_forget(b, id);
	return item;
}
