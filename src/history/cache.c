/* SPDX-License-Identifier: MIT */
/* cache.c: the directory of caches, and how it does not grow without end. */
#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "history/file.h"

char *history_cache_dir(GError **error)
{
	g_autofree char *path = g_build_filename(g_get_user_cache_dir(), "strata", NULL);

	if (g_mkdir_with_parents(path, 0700)) {
		g_set_error(error, ST_ERROR, ST_ERROR_IO, "%s: cannot be made: %s", path, g_strerror(errno));
		return NULL;
	}
	return g_steal_pointer(&path);
}

gboolean history_cache_is(const char *directory)
{
	g_autofree char *cache = g_build_filename(g_get_user_cache_dir(), "strata", NULL);
	struct stat a, b;

	return stat(directory, &a) == 0 && stat(cache, &b) == 0 && a.st_dev == b.st_dev && a.st_ino == b.st_ino;
}

guint64 history_cache_limit(const char *directory)
{
	struct statvfs fs;

	if (statvfs(directory, &fs))
		return HISTORY_CACHE_MAX;
	return MIN(HISTORY_CACHE_MAX, (guint64)fs.f_blocks / 10 * fs.f_frsize);
}

typedef struct {
	char *path;
	guint64 size;
	struct timespec used;
} Kept;

static void kept_clear(gpointer data)
{
	g_free(((Kept *)data)->path);
}

static gint older(gconstpointer a, gconstpointer b)
{
	const struct timespec *x = &((const Kept *)a)->used, *y = &((const Kept *)b)->used;

	if (x->tv_sec != y->tv_sec)
		return x->tv_sec < y->tv_sec ? -1 : 1;
	return (x->tv_nsec > y->tv_nsec) - (x->tv_nsec < y->tv_nsec);
}

/* A temporary file is locked while its maker lives. */
static void look_at_temporary(int fd, const char *path)
{
	if (flock(fd, LOCK_EX | LOCK_NB) == 0)
		g_unlink(path);
}

static void look_at(GArray *all, const char *directory, const char *name)
{
	g_autofree char *path = g_build_filename(directory, name, NULL);
	char magic[sizeof(((HistoryFileHeader *)NULL)->magic)];
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	struct stat st;

	if (fd < 0)
		return;
	if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode)) {
		if (g_str_has_prefix(name, HISTORY_TEMPORARY))
			look_at_temporary(fd, path);
		else if (g_str_has_suffix(name, HISTORY_CACHE_OTHER) ||
			 (pread(fd, magic, sizeof(magic), 0) == sizeof(magic) && memcmp(magic, HISTORY_FILE_MAGIC, sizeof(magic)) == 0)) {
			Kept kept = {g_steal_pointer(&path), (guint64)st.st_blocks * 512, st.st_atim};

			g_array_append_val(all, kept);
		}
	}
	close(fd);
}

void history_cache_trim(const char *directory, guint64 limit)
{
	g_autoptr(GDir) dir = g_dir_open(directory, 0, NULL);
	g_autoptr(GArray) all = g_array_new(FALSE, FALSE, sizeof(Kept));
	guint64 total = 0;
	const char *name;

	g_array_set_clear_func(all, kept_clear);
	while (dir && (name = g_dir_read_name(dir)))
		look_at(all, directory, name);
	g_array_sort(all, older);
	for (guint i = 0; i < all->len; i++)
		total += g_array_index(all, Kept, i).size;
	for (guint i = 0; i < all->len && total > limit; i++) {
		const Kept *k = &g_array_index(all, Kept, i);

		if (g_unlink(k->path) == 0)
			total -= k->size;
	}
}
