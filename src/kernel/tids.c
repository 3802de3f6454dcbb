/* SPDX-License-Identifier: MIT */
/* tids.c: living threads by number. */
#include "kernel/private.h"

#define PAGE_BITS 10
#define PAGE_SIZE (1 << PAGE_BITS)
#define PAGES     (KERNEL_TID_MAX >> PAGE_BITS)

struct KernelTids {
	KernelThread **pages[PAGES];
};

KernelTids *kernel_tids_new(void)
{
	return g_new0(KernelTids, 1);
}

void kernel_tids_free(KernelTids *tids)
{
	if (!tids)
		return;
	for (guint i = 0; i < PAGES; i++)
		g_free(tids->pages[i]);
	g_free(tids);
}

KernelThread *kernel_tids_get(const KernelTids *tids, gint32 tid)
{
	if (tid < 0 || tid >= KERNEL_TID_MAX)
		return NULL;
	KernelThread **page = tids->pages[tid >> PAGE_BITS];
	return page ? page[tid & (PAGE_SIZE - 1)] : NULL;
}

void kernel_tids_set(KernelTids *tids, gint32 tid, KernelThread *t)
{
	if (tid < 0 || tid >= KERNEL_TID_MAX)
		return;
	KernelThread ***page = &tids->pages[tid >> PAGE_BITS];
	if (!*page)
		*page = g_new0(KernelThread *, PAGE_SIZE);
	(*page)[tid & (PAGE_SIZE - 1)] = t;
}
