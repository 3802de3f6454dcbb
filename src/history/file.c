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

static void set_cannot_create(GError **error, const char *directory)
{
	g_set_error(error, ST_ERROR, ST_ERROR_IO, "%s: cannot create a file: %s", directory, g_strerror(errno));
}

int history_file_named(const char *directory, char **name_out)
{
	for (;;) {
		g_autofree char *name = g_build_filename(directory, HISTORY_TEMPORARY "XXXXXX", NULL);
		int fd = g_mkstemp_full(name, O_RDWR | O_CLOEXEC, 0600);
		struct stat st;

		if (fd < 0)
			return -1;
		/* Between its creation and the lock somebody may have taken it for a dead one's. */
		if (flock(fd, LOCK_EX | LOCK_NB) == 0 && fstat(fd, &st) == 0 && st.st_nlink) {
			*name_out = g_steal_pointer(&name);
			return fd;
		}
		g_unlink(name);
		close(fd);
	}
}

/* What a file without a name is known by, if it is to get one. */
static void proc_path(int fd, char *out, gsize size)
{
	g_snprintf(out, size, "/proc/self/fd/%d", fd);
}

int history_file_new(const char *directory, char **name_out, GError **error)
{
	int fd = open(directory, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	char path[32];

	proc_path(fd, path, sizeof(path));
	if (fd >= 0 && access(path, F_OK) == 0 && flock(fd, LOCK_EX | LOCK_NB) == 0)
		return fd;
	if (fd >= 0)
		close(fd);
	fd = history_file_named(directory, name_out);
	if (fd < 0)
		set_cannot_create(error, directory);
	return fd;
}

/* linkat() doesn't replace what is there, so that a file without a name gets two, the first for an instant. */
static gboolean publish_unnamed(int fd, const char *path)
{
	g_autofree char *directory = g_path_get_dirname(path), *name = NULL;
	char source[32];
	int status;

	proc_path(fd, source, sizeof(source));
	do {
		g_free(name);
		name = g_strdup_printf("%s/" HISTORY_TEMPORARY "%08x%08x", directory, g_random_int(), g_random_int());
		status = linkat(AT_FDCWD, source, AT_FDCWD, name, AT_SYMLINK_FOLLOW);
	} while (status && errno == EEXIST);
	if (status == 0 && g_rename(name, path) == 0)
		return TRUE;
	if (status == 0)
		g_unlink(name);
	return FALSE;
}

gboolean history_file_publish(int fd, const char *name, const char *path)
{
	return name ? g_rename(name, path) == 0 : publish_unnamed(fd, path);
}

int history_file_unnamed(const char *directory, GError **error)
{
	g_autofree char *name = NULL;
	int fd = history_file_new(directory, &name, error), flags = FS_NOCOW_FL;

	if (fd < 0)
		return -1;
	if (name)
		g_unlink(name);
	/* Where file systems copy on write, allocated blocks would be no promise. Others don't know the flag, and need none. */
	if (ioctl(fd, FS_IOC_SETFLAGS, &flags))
		errno = 0;
	return fd;
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
