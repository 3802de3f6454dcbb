/* SPDX-License-Identifier: MIT */
/*
 * block_open.c: requests that are not done yet, found by where they start or end.
 *
 * Chains of a hash table, for either, in order of age; a request's links are inside it. A search gives up after BLOCK_STEPS: so many of the same sectors are
 * nothing that a kernel does.
 */
#include "kernel/block_private.h"

#define BUCKETS (1u << 14)

typedef struct {
	guint32 first, last;
} Chain;

struct BlockOpens {
	BlockOpen *opens;    /* 0 is not used */
	guint32 n, allocated;
	guint32 free;        /* chained by links[BLOCK_BY_AGE].next */
	Chain age;
	Chain chains[2][BUCKETS];
};

BlockOpens *block_opens_new(void)
{
	BlockOpens *o = g_new0(BlockOpens, 1);

	o->n = 1;
	return o;
}

void block_opens_free(BlockOpens *o)
{
	g_free(o->opens);
	g_free(o);
}

static inline Chain *chain_of(BlockOpens *o, guint by, guint32 disk, guint64 sector)
{
	guint64 hash = (sector ^ ((guint64)disk << 48)) * 0x9e3779b97f4a7c15ull;

	return &o->chains[by][hash >> 50];
}

static void chain_append(BlockOpens *o, Chain *chain, guint by, guint32 id)
{
	o->opens[id].links[by].previous = chain->last;
	o->opens[id].links[by].next = 0;
	if (chain->last)
		o->opens[chain->last].links[by].next = id;
	else
		chain->first = id;
	chain->last = id;
}

static void chain_remove(BlockOpens *o, Chain *chain, guint by, guint32 id)
{
	guint32 previous = o->opens[id].links[by].previous, next = o->opens[id].links[by].next;

	if (previous)
		o->opens[previous].links[by].next = next;
	else
		chain->first = next;
	if (next)
		o->opens[next].links[by].previous = previous;
	else
		chain->last = previous;
}

static void link_sectors(BlockOpens *o, guint32 id)
{
	const BlockOpen *b = &o->opens[id];

	chain_append(o, chain_of(o, BLOCK_BY_START, b->r.disk, b->start), BLOCK_BY_START, id);
	chain_append(o, chain_of(o, BLOCK_BY_END, b->r.disk, b->end), BLOCK_BY_END, id);
}

static void unlink_sectors(BlockOpens *o, guint32 id)
{
	const BlockOpen *b = &o->opens[id];

	chain_remove(o, chain_of(o, BLOCK_BY_START, b->r.disk, b->start), BLOCK_BY_START, id);
	chain_remove(o, chain_of(o, BLOCK_BY_END, b->r.disk, b->end), BLOCK_BY_END, id);
}

static guint32 take_free(BlockOpens *o)
{
	guint32 id = o->free;

	if (id) {
		o->free = o->opens[id].links[BLOCK_BY_AGE].next;
		return id;
	}
	if (o->n > KERNEL_DISK_REQUESTS_OPEN)
		return 0;
	if (o->n >= o->allocated) {
		o->allocated = MAX(64, o->allocated * 2);
		o->opens = g_renew(BlockOpen, o->opens, o->allocated);
	}
	return o->n++;
}

guint32 block_open_add(BlockOpens *o, const BlockOpen *init)
{
	guint32 id = take_free(o);

	if (!id)
		return 0;
	o->opens[id] = *init;
	link_sectors(o, id);
	chain_append(o, &o->age, BLOCK_BY_AGE, id);
	return id;
}

void block_open_remove(BlockOpens *o, guint32 id)
{
	unlink_sectors(o, id);
	chain_remove(o, &o->age, BLOCK_BY_AGE, id);
	o->opens[id].state = 0;
	o->opens[id].links[BLOCK_BY_AGE].next = o->free;
	o->free = id;
}

BlockOpen *block_open_get(BlockOpens *o, guint32 id)
{
	return &o->opens[id];
}

void block_open_move(BlockOpens *o, guint32 id, guint64 start, guint64 end)
{
	BlockOpen *b = &o->opens[id];

	if (b->start == start && b->end == end)
		return;
	unlink_sectors(o, id);
	b->start = start;
	b->end = end;
	link_sectors(o, id);
}

guint32 block_opens_oldest(const BlockOpens *o)
{
	return o->age.first;
}

static inline gboolean fits(const BlockOpen *b, const BlockQuery *q)
{
	return (b->state & q->states) && (q->by == BLOCK_BY_START ? b->start : b->end) == q->sector && b->r.disk == q->disk &&
	       b->r.op == q->op;
}

guint32 block_open_find(const BlockOpens *o, const BlockQuery *q)
{
	const Chain *chain = chain_of((BlockOpens *)o, q->by, q->disk, q->sector);
	guint32 id = q->newest ? chain->last : chain->first, found = 0;

	for (guint steps = 0; id && steps < BLOCK_STEPS; steps++) {
		const BlockOpen *b = &o->opens[id];

		if (fits(b, q)) {
			if (q->thread == G_MAXUINT32 || b->r.thread == q->thread)
				return id;
			if (!found)
				found = id;
		}
		id = q->newest ? b->links[q->by].previous : b->links[q->by].next;
	}
	return found;
}
