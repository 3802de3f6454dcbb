/* SPDX-License-Identifier: MIT */
/* file.c: files in the making. */
#include "history/file.h"

#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <linux/fs.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "history/hash.h"

void history_file_fingerprint(const char *fingerprint, guint64 *out)
{
	XXH128_hash_t hash = XXH3_128bits(fingerprint, strlen(fingerprint));

	out[0] = hash.low64;
	out[1] = hash.high64;
}

static int create(const char *directory, char **name_out, GError **error)
{
	g_autofree char *name = g_build_filename(directory, HISTORY_TEMPORARY "XXXXXX", NULL);
	int fd = g_mkstemp_full(name, O_RDWR | O_CLOEXEC, 0600);

	if (fd < 0)
		g_set_error(error, ST_ERROR, ST_ERROR_IO, "%s: cannot create a file: %s", directory, g_strerror(errno));
	else
		*name_out = g_steal_pointer(&name);
	return fd;
}

int history_file_unnamed(const char *directory, GError **error)
{
	g_autofree char *name = NULL;
	int fd = create(directory, &name, error), flags = FS_NOCOW_FL;

	if (fd < 0)
		return -1;
	g_unlink(name);
	/* Where file systems copy on write, allocated blocks would be no promise. Others don't know the flag, and need none. */
	if (ioctl(fd, FS_IOC_SETFLAGS, &flags))
		errno = 0;
	return fd;
}

int history_file_temporary(const char *path, char **name_out, GError **error)
{
	g_autofree char *directory = g_path_get_dirname(path);

	for (;;) {
		struct stat st;
		int fd = create(directory, name_out, error);

		/* Between its creation and the lock somebody may have taken it for a dead one's. */
		if (fd < 0 || (flock(fd, LOCK_EX | LOCK_NB) == 0 && fstat(fd, &st) == 0 && st.st_nlink))
			return fd;
		g_unlink(*name_out);
		g_clear_pointer(name_out, g_free);
		close(fd);
	}
}

/* The limit of file sizes comes as a deadly signal, unless one looks before. */
static gboolean too_large(guint64 end)
{
	struct rlimit limit;

	return end > G_MAXINT64 ||
	       (getrlimit(RLIMIT_FSIZE, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY && end > limit.rlim_cur);
}

int history_file_allocate(int fd, guint64 offset, guint64 size)
{
	int error;

	if (too_large(offset + size))
		return EFBIG;
	do
		error = posix_fallocate(fd, (off_t)offset, (off_t)size);
	while (error == EINTR);
	return error;
}

gboolean history_file_write(int fd, gconstpointer data, guint64 size, guint64 offset)
{
	const guint8 *p = data;

	if (too_large(offset + size)) {
		errno = EFBIG;
		return FALSE;
	}
	while (size) {
		gssize n = pwrite(fd, p, MIN(size, G_MAXINT32), (off_t)offset);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0) {
			errno = n ? errno : ENOSPC;
			return FALSE;
		}
		p += n;
		size -= (guint64)n;
		offset += (guint64)n;
	}
	return TRUE;
}
