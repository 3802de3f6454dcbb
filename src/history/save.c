/* SPDX-License-Identifier: MIT */
/* save.c: a history into its file. */
#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "history/file.h"
#include "history/hash.h"

#define PIECE ((guint64)16 << 20)

/*
 * What has been written is mapped where it is in memory, which is given back before the file's cache needs as much again. Whoever reads there meanwhile finds
 * the same before and after. Where it doesn't succeed, all stays as it is.
 */
static void give_back(const History *h, int fd, guint64 at, guint64 size)
{
	gpointer where = h->area.base + at;

	if (mmap(where, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_FIXED, fd, (off_t)(HISTORY_FILE_AREA + at)) ==
	            where &&
	    at + size <= h->area.spilled)
		fallocate(h->area.fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, (off_t)at, (off_t)size);
}

static gboolean write_blocks(const History *h, int fd, guint64 *hashes)
{
	guint64 size = history_file_blocks(h->area.used) - HISTORY_FILE_AREA;

	for (guint64 at = 0, i = 0; at < size; at += HISTORY_FILE_BLOCK, i++) {
		guint64 n = MIN(HISTORY_FILE_BLOCK, size - at), done = at + n;

		hashes[i] = history_hash(h->area.base + at, n);
		if (!history_file_write(fd, h->area.base + at, n, HISTORY_FILE_AREA + at))
			return FALSE;
		if (done % PIECE == 0)
			give_back(h, fd, done - PIECE, PIECE);
	}
	return TRUE;
}

/* The header comes last: with it the file is one. */
static gboolean write_file(const History *h, int fd, const char *fingerprint)
{
	guint64 n = history_file_n_blocks(h->area.used), at = history_file_blocks(h->area.used),
	        size = n * sizeof(guint64);
	g_autofree guint64 *hashes = g_new(guint64, n);
	g_autofree HistoryFileHeader *header = g_new0(HistoryFileHeader, 1);

	if (!write_blocks(h, fd, hashes) || !history_file_write(fd, hashes, size, at))
		return FALSE;
	memcpy(header->magic, HISTORY_FILE_MAGIC, sizeof(header->magic));
	header->byte_order = HISTORY_FILE_ORDER;
	header->format = HISTORY_FORMAT;
	history_file_fingerprint(fingerprint, header->fingerprint);
	header->file_size = at + size;
	header->blocks_hash = history_hash(hashes, size);
	memcpy(&header->image, &h->image, sizeof(h->image));
	header->header_hash = history_hash(header, G_STRUCT_OFFSET(HistoryFileHeader, header_hash));
	return history_file_write(fd, header, sizeof(*header), 0);
}

static gboolean may_keep(const History *h, const char *path, guint64 limit, GError **error)
{
	if (!h->finished || h->area.failure) {
		g_set_error(error, ST_ERROR, ST_ERROR_IO, "%s: not written: the history is not whole", path);
		return FALSE;
	}
	if (h->area.used > limit) {
		g_set_error(error, ST_ERROR, ST_ERROR_LIMIT,
		            "%s: not kept: it has more than the %" G_GUINT64_FORMAT " MiB that may be kept", path,
		            limit >> 20);
		return FALSE;
	}
	return TRUE;
}

gboolean history_save(const History *h, const char *path, const char *fingerprint, GError **error)
{
	g_autofree char *directory = g_path_get_dirname(path), *name = NULL;
	gboolean in_cache = history_cache_is(directory), ok;
	guint64 limit = in_cache ? history_cache_limit(directory) : G_MAXUINT64;
	int fd, failure = 0;

	if (!may_keep(h, path, limit, error) || (fd = history_file_new(directory, &name, error)) < 0)
		return FALSE;
	ok = write_file(h, fd, fingerprint) && history_file_publish(fd, name, path);
	if (!ok) {
		failure = errno;
		if (name)
			g_unlink(name);
	}
	/* Some file systems tell only now; whoever opens it will notice. */
	close(fd);
	if (!ok)
		g_set_error(error, ST_ERROR, ST_ERROR_IO, "%s: cannot write: %s", path, g_strerror(failure));
	else if (in_cache)
		history_cache_trim(directory, limit);
	return ok;
}

gboolean history_cache_write(const char *path, gconstpointer data, gsize len, GError **error)
{
	g_autofree char *directory = g_path_get_dirname(path), *name = NULL;
	int fd = history_file_new(directory, &name, error), failure;

	if (fd < 0)
		return FALSE;
	gboolean ok = history_file_write(fd, data, len, 0) && history_file_publish(fd, name, path);
	failure = errno;
	if (!ok && name)
		g_unlink(name);
	close(fd);
	if (!ok)
		g_set_error(error, ST_ERROR, ST_ERROR_IO, "%s: cannot write: %s", path, g_strerror(failure));
	return ok;
}
