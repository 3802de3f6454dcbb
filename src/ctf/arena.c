/* SPDX-License-Identifier: MIT */
#include "ctf/arena.h"

#include <string.h>

#define BLOCK_SIZE (64u << 10)

typedef struct Block {
	struct Block *next;
	gsize used, size;
	guint64 data[];
} Block;

struct CtfArena {
	Block *blocks;
};

CtfArena *ctf_arena_new(void)
{
	return g_new0(CtfArena, 1);
}

void ctf_arena_free(CtfArena *a)
{
	if (!a)
		return;
	while (a->blocks) {
		Block *next = a->blocks->next;
		g_free(a->blocks);
		a->blocks = next;
	}
	g_free(a);
}

static Block *add_block(CtfArena *a, gsize size)
{
	Block *b = g_malloc0(sizeof(Block) + size);
	b->size = size;
	b->next = a->blocks;
	a->blocks = b;
	return b;
}

void *ctf_arena_alloc(CtfArena *a, gsize size)
{
	size = (size + 7) & ~(gsize)7;
	Block *b = a->blocks;
	if (!b || b->size - b->used < size)
		b = add_block(a, MAX(size, BLOCK_SIZE));
	void *p = (char *)b->data + b->used;
	b->used += size;
	return p;
}

void *ctf_arena_memdup(CtfArena *a, const void *p, gsize size)
{
	void *copy = ctf_arena_alloc(a, size);
	if (size)
		memcpy(copy, p, size);
	return copy;
}

char *ctf_arena_strndup(CtfArena *a, const char *s, gsize n)
{
	char *copy = ctf_arena_alloc(a, n + 1);
	memcpy(copy, s, n);
	return copy;
}
