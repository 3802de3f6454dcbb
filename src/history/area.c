/* SPDX-License-Identifier: MIT */
/*
 * area.c: the memory of a history: a range of addresses that is reserved once and committed as it fills, so that nothing ever moves.
 */
#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "history/private.h"

#define RESERVE_MIN ((guint64)16 << 20)
#define BUDGET_MIN  ((guint64)1 << 20)
#define STEP        ((guint64)256 << 10) /* well below what a core's own cache holds */

guint64 history_default_memory(void)
{
	long pages = sysconf(_SC_PHYS_PAGES), size = sysconf(_SC_PAGESIZE);

	return pages > 0 && size > 0 ? (guint64)pages * (guint64)size / 4 : (guint64)1 << 30;
}

/* As many addresses as there are. */
static gboolean reserve(HistoryArea *area)
{
	for (guint64 size = HISTORY_AREA_MAX; size >= RESERVE_MIN; size /= 2) {
		guint8 *p = mmap(NULL, size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

		if (p == MAP_FAILED)
			continue;
		area->map = area->base = p;
		area->map_size = size;
		area->reserved = size;
		return TRUE;
	}
	area->failure = g_strdup("no address space is left");
	return FALSE;
}

gboolean history_area_init(HistoryArea *area, guint64 budget, const char *directory)
{
	*area = (HistoryArea){.used = HISTORY_AREA_FIRST, .fd = -1, .directory = g_strdup(directory)};
	area->budget = budget ? MAX(budget, BUDGET_MIN) : history_default_memory();
	return reserve(area);
}

/* ---- The area -------------------------------------------------------------------------------------------------------- */

void history_area_clear(HistoryArea *area)
{
	if (area->map)
		munmap(area->map, area->map_size);
	if (area->fd >= 0)
		close(area->fd);
	g_free(area->directory);
	g_free(area->failure);
}

/* Up to where to commit, so that there is what is needed. */
static guint64 commit_end(const HistoryArea *area, guint64 needed)
{
	return (needed + HISTORY_SLACK + STEP - 1) & ~(STEP - 1);
}

/*
 * Pages come a step at a time, small ones, in one call instead of a fault each. (Huge ones the kernel takes from where memory was not in use for long, which in a VM often
 * means that its host has to find it first; of larger steps the first pages have left the cache when they are written. Both were measured to be slower.)
 */
static void populate(guint8 *from, gsize size)
{
#ifdef MADV_POPULATE_WRITE
	madvise(from, size, MADV_POPULATE_WRITE); /* an older kernel refuses: nothing is lost */
#endif
}

gboolean history_area_commit(HistoryArea *area, guint64 needed)
{
	guint64 to = commit_end(area, needed);
	guint8 *from = area->base + area->committed;

	if (area->failure)
		return FALSE;
	if (to > area->reserved) {
		area->failure =
		        g_strdup_printf("its limit of %" G_GUINT64_FORMAT " GiB is reached", area->reserved >> 30);
		return FALSE;
	}
	if (to - area->spilled > area->budget) {
		if (area->shared)
			__atomic_store_n(&area->over, TRUE, __ATOMIC_RELAXED);
		else if (!history_area_spill(area, to))
			return FALSE;
	}
	if (mprotect(from, to - area->committed, PROT_READ | PROT_WRITE)) {
		area->failure = g_strdup_printf("no memory: %s", g_strerror(errno));
		return FALSE;
	}
	populate(from, to - area->committed);
	area->committed = to;
	return TRUE;
}

/* To spill something nobody else may write. The one who owns the area can see to that; the other one goes beyond the budget for the time of some batches. */
static gboolean must_spill(const HistoryArea *area, guint64 needed)
{
	return commit_end(area, needed) - area->spilled > area->budget && !area->both_append && area->follower != g_thread_self();
}

guint64 history_area_alloc_shared(HistoryArea *area, guint64 size, guint64 align)
{
	guint64 at, result = 0;

	g_mutex_lock(&area->lock);
	at = (area->used + align - 1) & ~(align - 1);
	if (G_UNLIKELY(at + size + HISTORY_SLACK > area->committed) && must_spill(area, at + size)) {
		g_mutex_unlock(&area->lock);
		history_behind_end(history_of_area(area));
		return history_area_alloc(area, size, align);
	}
	if (G_LIKELY(at + size + HISTORY_SLACK <= area->committed) || history_area_commit(area, at + size)) {
		__atomic_store_n(&area->used, at + size, __ATOMIC_RELAXED);
		result = at;
	}
	g_mutex_unlock(&area->lock);
	return result;
}

static guint size_class(guint32 room)
{
	return (guint)(31 - __builtin_clz(room));
}

HistoryRef history_dir_new(HistoryArea *area, guint32 room, guint32 entry)
{
	HistoryRef *first = entry == sizeof(HistoryRef) ? NULL : &area->free_dirs[size_class(room)];
	HistoryRef ref;

	if (first && *first) {
		ref = *first;
		memcpy(first, area->base + history_offset(ref), sizeof(*first));
		return ref;
	}
	return (HistoryRef)(history_area_alloc(area, (guint64)room * entry, 1u << HISTORY_REF_SHIFT) >>
	                    HISTORY_REF_SHIFT);
}

void history_dir_give_back(HistoryArea *area, HistoryRef dir, guint32 room, guint32 entry)
{
	HistoryRef *first = &area->free_dirs[size_class(room)];

	if (entry == sizeof(HistoryRef))
		return;
	memcpy(area->base + history_offset(dir), first, sizeof(*first));
	*first = dir;
}
