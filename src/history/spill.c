/* SPDX-License-Identifier: MIT */
/*
 * spill.c: what is over the memory budget goes to a file without a name, mapped at the very addresses where it was.
 *
 * The file's blocks are allocated before anything is mapped, so that a full disk is an error here, and never a signal later.
 */
#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "history/file.h"
#include "history/private.h"

#define PIECE ((guint64)64 << 20)

static gboolean fail(HistoryArea *area, const char *what, int error)
{
	area->failure = g_strdup_printf("%s: %s: %s", area->directory, what, g_strerror(error));
	return FALSE;
}

static gboolean open_file(HistoryArea *area)
{
	g_autoptr(GError) error = NULL;

	if (!area->directory)
		area->directory = history_cache_dir(&error);
	if (area->directory)
		area->fd = history_file_unnamed(area->directory, &error);
	if (area->fd < 0)
		area->failure = g_strdup(error->message);
	return area->fd >= 0;
}

/* Move [spilled, to). */
static gboolean move(HistoryArea *area, guint64 to)
{
	guint8 *from = area->base + area->spilled;
	guint64 size = to - area->spilled;
	int error = history_file_allocate(area->fd, area->spilled, size);

	if (error)
		return fail(
		        area,
		        "no room for what is over the memory budget (more memory, or another XDG_CACHE_HOME, would do)",
		        error);
	if (!history_file_write(area->fd, from, size, area->spilled))
		return fail(area, "cannot write", errno);
	if (mmap(from, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, area->fd, (off_t)area->spilled) ==
	    MAP_FAILED)
		return fail(area, "cannot map", errno);
	area->spilled = to;
	/* Of what moved earlier, what was touched since is mapped again: that it stays in memory is up to the kernel. */
	madvise(area->base, area->spilled, MADV_DONTNEED);
	return TRUE;
}

/* Only whole pieces that are full move: in pieces of a size that the budget has several of. */
gboolean history_area_spill(HistoryArea *area, guint64 needed)
{
	guint64 piece = PIECE, page = (guint64)sysconf(_SC_PAGESIZE);

	while (piece > area->budget / 4 && piece > page)
		piece /= 2;
	if (area->fd < 0 && !open_file(area))
		return FALSE;
	while (needed - area->spilled > area->budget && area->spilled + piece <= area->committed)
		if (!move(area, area->spilled + piece))
			return FALSE;
	return TRUE;
}
