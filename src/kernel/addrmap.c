/* SPDX-License-Identifier: MIT */
/* addrmap.c: open addressing, linear probing, removal by moving back what follows. */
#include "kernel/addrmap.h"

#include <string.h>

#define FIRST_BITS 6
#define EMPTY      G_MAXUINT64

void kernel_addrmap_init(KernelAddrMap *m, gsize value_size, guint max_keys)
{
	*m = (KernelAddrMap){.size = value_size, .max = max_keys};
}

void kernel_addrmap_clear(KernelAddrMap *m)
{
	g_clear_pointer(&m->keys, g_free);
	g_clear_pointer(&m->values, g_free);
	m->bits = m->used = 0;
}

static guint64 stored(guint64 key)
{
	return key == EMPTY ? EMPTY - 1 : key;
}

static gsize home(const KernelAddrMap *m, guint64 key)
{
	return (gsize)((key * G_GUINT64_CONSTANT(0x9e3779b97f4a7c15)) >> (64 - m->bits));
}

/* Where the key is, or the empty place where it would be. */
static gsize place(const KernelAddrMap *m, guint64 key)
{
	gsize mask = ((gsize)1 << m->bits) - 1, i = home(m, key);

	while (m->keys[i] != EMPTY && m->keys[i] != key)
		i = (i + 1) & mask;
	return i;
}

gpointer kernel_addrmap_get(const KernelAddrMap *m, guint64 key)
{
	if (!m->used)
		return NULL;
	key = stored(key);
	gsize i = place(m, key);
	return m->keys[i] == key ? m->values + i * m->size : NULL;
}

static void allocate(KernelAddrMap *m, guint bits)
{
	gsize n = (gsize)1 << bits;

	m->bits = bits;
	m->used = 0;
	m->keys = g_malloc(n * sizeof(*m->keys));
	memset(m->keys, 0xff, n * sizeof(*m->keys));
	m->values = g_malloc(n * m->size);
}

static void grow(KernelAddrMap *m)
{
	KernelAddrMap old = *m;

	allocate(m, old.bits + 1);
	for (gsize i = 0; i < (gsize)1 << old.bits; i++) {
		if (old.keys[i] == EMPTY)
			continue;
		gsize to = place(m, old.keys[i]);
		m->keys[to] = old.keys[i];
		memcpy(m->values + to * m->size, old.values + i * m->size, m->size);
		m->used++;
	}
	g_free(old.keys);
	g_free(old.values);
}

gpointer kernel_addrmap_put(KernelAddrMap *m, guint64 key)
{
	key = stored(key);
	if (!m->bits)
		allocate(m, FIRST_BITS);
	gsize i = place(m, key);
	if (m->keys[i] == key)
		return m->values + i * m->size;
	if (m->used >= m->max) {
		m->forgotten += m->used;
		kernel_addrmap_clear(m);
		allocate(m, FIRST_BITS);
	} else if (m->used + 1 > ((guint)1 << m->bits) / 4 * 3) {
		grow(m);
	}
	i = place(m, key);
	m->keys[i] = key;
	m->used++;
	return memset(m->values + i * m->size, 0, m->size);
}

void kernel_addrmap_remove(KernelAddrMap *m, guint64 key)
{
	if (!m->used)
		return;
	gsize mask = ((gsize)1 << m->bits) - 1, hole = place(m, stored(key));

	if (m->keys[hole] == EMPTY)
		return;
	for (gsize i = (hole + 1) & mask; m->keys[i] != EMPTY; i = (i + 1) & mask) {
		/* What may stand at the hole, as its home isn't behind that, goes there. */
		if (((i - home(m, m->keys[i])) & mask) < ((i - hole) & mask))
			continue;
		m->keys[hole] = m->keys[i];
		memcpy(m->values + hole * m->size, m->values + i * m->size, m->size);
		hole = i;
	}
	m->keys[hole] = EMPTY;
	m->used--;
}
