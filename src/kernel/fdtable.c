/* SPDX-License-Identifier: MIT */
/* fdtable.c: chunks with counts of references. */
#include "kernel/fdtable.h"

#include "kernel/files.h"

#include <string.h>

FdTable *fd_table_new(guint64 *bytes, guint64 bytes_max)
{
	FdTable *t = g_new0(FdTable, 1);

	t->refs = 1;
	t->bytes = bytes;
	t->bytes_max = bytes_max;
	return t;
}

FdTable *fd_table_ref(FdTable *t)
{
	t->refs++;
	return t;
}

static void chunk_unref(const FdTable *t, FdChunk *c)
{
	if (!c || --c->refs)
		return;
	*t->bytes -= sizeof(*c);
	g_free(c);
}

void fd_table_unref(FdTable *t)
{
	if (!t || --t->refs)
		return;
	for (guint i = 0; i < t->n_chunks; i++)
		chunk_unref(t, t->chunks[i]);
	*t->bytes -= t->n_chunks * sizeof(*t->chunks);
	g_free(t->chunks);
	g_free(t);
}

/* FALSE: beyond the limit. */
static gboolean take(const FdTable *t, gsize bytes)
{
	if (*t->bytes + bytes > t->bytes_max)
		return FALSE;
	*t->bytes += bytes;
	return TRUE;
}

FdTable *fd_table_copy(const FdTable *t)
{
	FdTable *copy = fd_table_new(t->bytes, t->bytes_max);

	if (!t->n_chunks || !take(t, t->n_chunks * sizeof(*t->chunks)))
		return copy;
	copy->chunks = g_memdup2(t->chunks, t->n_chunks * sizeof(*t->chunks));
	copy->n_chunks = t->n_chunks;
	for (guint i = 0; i < copy->n_chunks; i++)
		if (copy->chunks[i])
			copy->chunks[i]->refs++;
	return copy;
}

const FdSlot *fd_table_get(const FdTable *t, gint64 fd)
{
	guint64 chunk = (guint64)fd >> FD_CHUNK_BITS;

	if (chunk >= t->n_chunks || !t->chunks[chunk])
		return NULL;
	return &t->chunks[chunk]->slots[fd & (FD_CHUNK - 1)];
}

static gboolean grow(FdTable *t, guint n)
{
	if (n <= t->n_chunks)
		return TRUE;
	n = MAX(n, t->n_chunks * 2);
	if (!take(t, (n - t->n_chunks) * sizeof(*t->chunks)))
		return FALSE;
	t->chunks = g_renew(FdChunk *, t->chunks, n);
	memset(t->chunks + t->n_chunks, 0, (n - t->n_chunks) * sizeof(*t->chunks));
	t->n_chunks = n;
	return TRUE;
}

/* A chunk that is this table's alone. */
static FdChunk *own_chunk(FdTable *t, guint i)
{
	FdChunk *old = t->chunks[i];

	if (old && old->refs == 1)
		return old;
	if (!take(t, sizeof(*old)))
		return NULL;
	FdChunk *c = old ? g_memdup2(old, sizeof(*old)) : g_new0(FdChunk, 1);
	c->refs = 1;
	if (old)
		old->refs--;
	return t->chunks[i] = c;
}

FdSlot *fd_table_put(FdTable *t, gint64 fd)
{
	if (fd < 0 || fd >= KERNEL_FD_MAX || !grow(t, (guint)(fd >> FD_CHUNK_BITS) + 1))
		return NULL;
	FdChunk *c = own_chunk(t, (guint)(fd >> FD_CHUNK_BITS));
	return c ? &c->slots[fd & (FD_CHUNK - 1)] : NULL;
}

void fd_table_each(FdTable *t, guint64 first, guint64 last, void (*visit)(FdSlot *slot, gpointer user), gpointer user)
{
	for (guint64 fd = first; fd <= last && fd >> FD_CHUNK_BITS < t->n_chunks; fd++) {
		const FdChunk *c = t->chunks[fd >> FD_CHUNK_BITS];

		if (!c)
			fd |= FD_CHUNK - 1;
		else if (c->slots[fd & (FD_CHUNK - 1)].file) {
			FdSlot *slot = fd_table_put(t, (gint64)fd);

			if (slot)
				visit(slot, user);
		}
	}
}

gboolean fd_table_is_empty(const FdTable *t)
{
	for (guint i = 0; i < t->n_chunks; i++)
		for (guint j = 0; t->chunks[i] && j < FD_CHUNK; j++)
			if (t->chunks[i]->slots[j].file)
				return FALSE;
	return TRUE;
}
