/* SPDX-License-Identifier: MIT */
/*
 * history/file.h: the file of a history, and files on the way to be one.
 *
 *     0                      HistoryFileHeader
 *     HISTORY_FILE_AREA      the area, from its offset 0 to its end and HISTORY_SLACK zeroes
 *     history_file_blocks()  a checksum for each HISTORY_FILE_BLOCK bytes of that
 *
 * Everything is in the byte order of the machine: a cache is not carried around. A file is what it was only if all checksums are right; they are compared when it is
 * opened, all of them. Besides, no offset in it is followed without being compared with the area's size, so that a file somebody made up can give wrong
 * answers, but no crash.
 */
#ifndef STRATA_HISTORY_FILE_H
#define STRATA_HISTORY_FILE_H

#include "history/private.h"

#define HISTORY_FORMAT     1u
#define HISTORY_FILE_MAGIC "strata\0H"
#define HISTORY_FILE_ORDER 0x01020304u
#define HISTORY_FILE_AREA  4096u
#define HISTORY_FILE_BLOCK ((guint64)1 << 20)
#define HISTORY_TEMPORARY  ".strata-" /* how the names of temporary files begin */

typedef struct {
	char magic[8];
	guint32 byte_order, format;
	guint64 fingerprint[2]; /* a hash of its text */
	guint64 file_size;
	guint64 blocks_hash; /* of the checksums */
	HistoryImage image;
	guint64 header_hash; /* of all this before it */
} HistoryFileHeader;
G_STATIC_ASSERT(sizeof(HistoryFileHeader) <= HISTORY_FILE_AREA);

/* Where the area's checksums begin, and how many there are; `used` <= HISTORY_AREA_MAX. */
static inline guint64 history_file_blocks(guint64 used)
{
	return HISTORY_FILE_AREA + ((used + HISTORY_SLACK + 7) & ~(guint64)7);
}

static inline guint64 history_file_n_blocks(guint64 used)
{
	return (history_file_blocks(used) - HISTORY_FILE_AREA + HISTORY_FILE_BLOCK - 1) / HISTORY_FILE_BLOCK;
}

void history_file_fingerprint(const char *fingerprint, guint64 *out);

/* A file in a directory that is gone when it is closed. -1: failed. */
int history_file_unnamed(const char *directory, GError **error);

/*
 * A file that will be published in that directory, mode 0600: without a name where the system knows such files, so that nothing is left of it if its maker dies; else
 * with one, which is put into *name_out. It is locked for as long as it is open, so that history_cache_trim() can tell one whose maker is dead. -1: failed.
 */
int history_file_new(const char *directory, char **name_out, GError **error);

/* The second kind. -1: failed, errno. */
int history_file_named(const char *directory, char **name_out);

/* Give it its name, in place of what had that before. FALSE: errno. */
gboolean history_file_publish(int fd, const char *name, const char *path);

/* Have the blocks of a range allocated. Returns an errno; 0: done. */
int history_file_allocate(int fd, guint64 offset, guint64 size);

/* All of it. FALSE: errno says why. */
gboolean history_file_write(int fd, gconstpointer data, guint64 size, guint64 offset);

/* ---- cache.c -------------------------------------------------------------------------------------------------------- */

/* How much may be in a cache directory: HISTORY_CACHE_MAX or a tenth of its file system. */
guint64 history_cache_limit(const char *directory);

/* TRUE: it is history_cache_dir(). */
gboolean history_cache_is(const char *directory);

/*
 * Remove histories from a directory, the one whose last use is the longest ago first, until those that are left have `limit` bytes or less; and
 * what a dead process left half-made. Everything else stays.
 */
void history_cache_trim(const char *directory, guint64 limit);

#endif
