/* SPDX-License-Identifier: MIT */
/*
 * kernel/fdtable.h: tables of descriptors, as fork copies them: what two tables have in common they share until one of them is written to.
 */
#ifndef STRATA_KERNEL_FDTABLE_H
#define STRATA_KERNEL_FDTABLE_H

#include <glib.h>

#define FD_CHUNK_BITS 6
#define FD_CHUNK      (1u << FD_CHUNK_BITS)

/* What a descriptor stands for. All zero: not known. */
typedef struct {
	guint32 file;           /* number of the file, plus one; 0: not known, or closed */
	guint32 cloexec : 1;
	guint32 is_closed : 1;  /* its closing was seen, and no opening since */
	guint32 losses : 30;    /* how many losses of events there had been when it was set */
} FdSlot;

typedef struct {
	guint refs;
	FdSlot slots[FD_CHUNK];
} FdChunk;

typedef struct {
	guint refs;
	guint64 address;        /* of the kernel's own, as state dumps tell it; 0: not told */
	FdChunk **chunks;
	guint n_chunks;
	guint64 *bytes;         /* what all tables take; owned by who made them */
	guint64 bytes_max;
} FdTable;

FdTable *fd_table_new(guint64 *bytes, guint64 bytes_max);
FdTable *fd_table_ref(FdTable *t);
void fd_table_unref(FdTable *t); /* NULL is fine */

/* One of its own, with the same descriptors. */
FdTable *fd_table_copy(const FdTable *t);

/* NULL: no such number, or nothing near it was ever set. */
const FdSlot *fd_table_get(const FdTable *t, gint64 fd);

/* To write to; NULL: no valid number (KERNEL_FD_MAX), or a limit. */
FdSlot *fd_table_put(FdTable *t, gint64 fd);

/* For each slot that stands for a file, from `first` to `last`; the slot may be changed. */
void fd_table_each(FdTable *t, guint64 first, guint64 last, void (*visit)(FdSlot *slot, gpointer user), gpointer user);

/* TRUE if no descriptor of it is known. */
gboolean fd_table_is_empty(const FdTable *t);

#endif
