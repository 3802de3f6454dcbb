/* SPDX-License-Identifier: MIT */
#include "ctf/stream.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

static gboolean fail(const char *path, const char *what, GError **error)
{
	g_set_error(error, ST_ERROR, ST_ERROR_IO, "%s: cannot %s: %s", path, what, g_strerror(errno));
	return FALSE;
}

/*
 * A page of zeros follows the file's own last page, since integers are loaded eight bytes at a time: anonymous memory is reserved
 * first, then the file is laid over its beginning.
 */
static gboolean map_padded(int fd, const char *path, CtfFile *file, GError **error)
{
	gsize page = (gsize)sysconf(_SC_PAGESIZE);
	file->map_len = ((file->size + page - 1) & ~(page - 1)) + page;
	void *room = mmap(NULL, file->map_len, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (room == MAP_FAILED)
		return fail(path, "reserve memory to map it", error);
	if (mmap(room, file->size, PROT_READ, MAP_PRIVATE | MAP_FIXED, fd, 0) == MAP_FAILED) {
		munmap(room, file->map_len);
		return fail(path, "map", error);
	}
	madvise(room, file->size, MADV_SEQUENTIAL);
	file->map = room;
	return TRUE;
}

gboolean ctf_file_map(const char *path, CtfFile *file_out, GError **error)
{
	struct stat st;
	*file_out = (CtfFile){0};
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return fail(path, "open", error);
	gboolean ok = fstat(fd, &st) == 0 || fail(path, "look at", error);
	if (ok && !S_ISREG(st.st_mode)) {
		g_set_error(error, ST_ERROR, ST_ERROR_IO, "%s: not a regular file", path);
		ok = FALSE;
	}
	if (ok) {
		file_out->size = (guint64)st.st_size;
		ok = !file_out->size || map_padded(fd, path, file_out, error);
	}
	close(fd);
	if (ok)
		file_out->path = g_strdup(path);
	return ok;
}

void ctf_file_unmap(CtfFile *file)
{
	if (file->map)
		munmap((void *)(guintptr)file->map, file->map_len);
	g_clear_pointer(&file->path, g_free);
	file->map = NULL;
}

void ctf_file_advise(const CtfFile *file, guint64 begin, guint64 end, int advice)
{
	guint64 page = (guint64)sysconf(_SC_PAGESIZE);
	begin &= ~(page - 1);
	if (end < file->size)
		end &= ~(page - 1);
	if (begin < end)
		madvise((void *)(guintptr)(file->map + begin), end - begin, advice);
}
