/* SPDX-License-Identifier: MIT */
/*
 * kernel/addrmap.h: what is known of kernel objects (timers, work items, packets' buffers), by their addresses or other numbers.
 *
 * Values have a fixed size and are zeroed when they are made. The number of keys has a limit: when it is reached all of them are forgotten, because there is
 * no telling which will never be heard of again. A pointer to a value is good until the next put or remove.
 */
#ifndef STRATA_KERNEL_ADDRMAP_H
#define STRATA_KERNEL_ADDRMAP_H

#include <glib.h>

typedef struct {
	gsize size;     /* bytes of a value */
	guint max;      /* keys */
	guint bits;     /* places: 1 << bits; 0: none yet */
	guint used;
	guint64 *keys;
	guint8 *values;
	guint64 forgotten; /* how many values were dropped at the limit */
} KernelAddrMap;

void kernel_addrmap_init(KernelAddrMap *m, gsize value_size, guint max_keys);
void kernel_addrmap_clear(KernelAddrMap *m);   /* forget all; it may be used again, or left alone: nothing is allocated any more */
gpointer kernel_addrmap_get(const KernelAddrMap *m, guint64 key);              /* NULL: there is none */
gpointer kernel_addrmap_put(KernelAddrMap *m, guint64 key);                    /* the one there is, or a new one; never NULL */
void kernel_addrmap_remove(KernelAddrMap *m, guint64 key);

#endif
