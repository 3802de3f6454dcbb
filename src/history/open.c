/* SPDX-License-Identifier: MIT */
/* open.c: a history from its file: mapped, and nothing of it believed before it has been compared. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "history/file.h"
#include "history/hash.h"

/* ---- Checksums ----------------------------------------------------------------------------------------------------- */

#define THREADS_MAX       8
#define BLOCKS_PER_THREAD 16 /* fewer are not worth a thread */

typedef struct {
	const guint8 *area;
	const guint64 *hashes;
	guint64 size, n;
	guint64 next; /* the next block that nobody has taken */
	gboolean bad;
} Check;

static gpointer check_blocks(gpointer data)
{
	Check *c = data;

	for (;;) {
		guint64 i = __atomic_fetch_add(&c->next, 1, __ATOMIC_RELAXED), at = i * HISTORY_FILE_BLOCK;

		if (i >= c->n || __atomic_load_n(&c->bad, __ATOMIC_RELAXED))
			return NULL;
		if (history_hash(c->area + at, MIN(HISTORY_FILE_BLOCK, c->size - at)) != c->hashes[i])
			__atomic_store_n(&c->bad, TRUE, __ATOMIC_RELAXED);
	}
}

/* Memory gives more to two processors than to one. */
static gboolean all_blocks_right(Check *c)
{
	GThread *threads[THREADS_MAX];
	guint n = (guint)MIN(MIN(g_get_num_processors(), THREADS_MAX), c->n / BLOCKS_PER_THREAD);

	for (guint i = 1; i < n; i++)
		threads[i] = g_thread_try_new("checksums", check_blocks, c, NULL);
	check_blocks(c);
	for (guint i = 1; i < n; i++)
		if (threads[i])
			g_thread_join(threads[i]);
	return !c->bad;
}

static gboolean checksums_right(const guint8 *map, const HistoryFileHeader *header)
{
	guint64 at = history_file_blocks(header->image.used), n = history_file_n_blocks(header->image.used);
	Check c = {.area = map + HISTORY_FILE_AREA,
	           .hashes = (gconstpointer)(map + at),
	           .size = at - HISTORY_FILE_AREA,
	           .n = n};

	return history_hash(c.hashes, n * sizeof(guint64)) == header->blocks_hash && all_blocks_right(&c);
}

/* ---- What the header says ------------------------------------------------------------------------------------------- */

static const char *header_fault(const HistoryFileHeader *header, guint64 file_size, const char *fingerprint)
{
	guint64 expected[2];

	if (memcmp(header->magic, HISTORY_FILE_MAGIC, sizeof(header->magic)) != 0)
		return "it is no history";
	if (header->byte_order != HISTORY_FILE_ORDER || header->format != HISTORY_FORMAT)
		return "it is of another version of Strata";
	if (header->header_hash != history_hash(header, G_STRUCT_OFFSET(HistoryFileHeader, header_hash)))
		return "its header is damaged";
	history_file_fingerprint(fingerprint, expected);
	if (memcmp(header->fingerprint, expected, sizeof(expected)) != 0)
		return "it was made from something else";
	if (header->image.used < HISTORY_AREA_FIRST || header->image.used > HISTORY_AREA_MAX ||
	    header->file_size != file_size ||
	    history_file_blocks(header->image.used) + history_file_n_blocks(header->image.used) * sizeof(guint64) !=
	            file_size)
		return "its size is wrong";
	return NULL;
}

static gboolean table_believed(const History *h, const HistoryTableInfo *info)
{
	const HistoryRef *directory;
	guint64 bytes, in_chunk;

	if (!info->item_size || info->item_size > HISTORY_ITEM_MAX)
		return FALSE;
	in_chunk = (guint64)1 << history_table_shift(info->item_size);
	bytes = in_chunk * info->item_size;
	if (info->len > (guint64)info->n_chunks * in_chunk)
		return FALSE;
	if (info->n_chunks &&
	    !history_within(h, history_offset(info->directory), (guint64)info->n_chunks * sizeof(HistoryRef)))
		return FALSE;
	directory = history_at_ref(h, info->directory);
	for (guint32 i = 0; i < info->n_chunks; i++)
		if (!history_within(h, history_offset(directory[i]), bytes))
			return FALSE;
	return TRUE;
}

static gboolean image_believed(const History *h)
{
	static const guint32 own[HISTORY_OWN_TABLES] = {
	        [HISTORY_ROWS] = sizeof(HistoryRow),
	        [HISTORY_TEXTS] = sizeof(HistoryTextInfo),
	        [HISTORY_EDGES] = sizeof(HistoryEdge),
	        [HISTORY_META] = sizeof(HistoryMetaItem),
	};
	const HistoryImage *image = &h->image;

	if (image->begin > image->end || image->n_kinds > HISTORY_KINDS_MAX || image->n_tables < HISTORY_OWN_TABLES ||
	    image->n_tables > HISTORY_TABLES_ALL || image->tables[HISTORY_ROWS].len > HISTORY_ROWS_MAX)
		return FALSE;
	for (guint i = 0; i < image->n_kinds; i++)
		if (image->kinds[i].n > HISTORY_STATES_MAX)
			return FALSE;
	for (guint t = 0; t < image->n_tables; t++)
		if (!table_believed(h, &image->tables[t]) ||
		    (t < HISTORY_OWN_TABLES && image->tables[t].item_size != own[t]))
			return FALSE;
	return TRUE;
}

/* ---- Opening ------------------------------------------------------------------------------------------------------ */

static History *history_mapped(gpointer map, gsize size, const HistoryFileHeader *header)
{
	History *h = g_new0(History, 1);

	h->area = (HistoryArea){.base = (guint8 *)map + HISTORY_FILE_AREA,
	                        .used = header->image.used,
	                        .fd = -1,
	                        .map = map,
	                        .map_size = size};
	h->finished = TRUE;
	memcpy(&h->image, &header->image, sizeof(h->image));
	return h;
}

static const char *map_fault(int fd, const HistoryFileHeader *header, History **out)
{
	gsize size = header->file_size;
	gpointer map = mmap(NULL, size, PROT_READ, MAP_SHARED, fd, 0);
	g_autoptr(History) h = NULL;

	if (map == MAP_FAILED)
		return g_strerror(errno);
	h = history_mapped(map, size, header);
	if (!checksums_right(map, header) || !image_believed(h))
		return "it is damaged";
	for (guint t = 0; t < h->image.n_tables; t++) {
		guint32 item_size = h->image.tables[t].item_size;

		h->tails[t] = (HistoryTail){.size = item_size, .shift = history_table_shift(item_size)};
	}
	*out = g_steal_pointer(&h);
	return NULL;
}

static const char *file_fault(int fd, const char *fingerprint, History **out)
{
	g_autofree HistoryFileHeader *header = g_new0(HistoryFileHeader, 1);
	struct stat st;
	const char *fault;

	if (fstat(fd, &st) || !S_ISREG(st.st_mode) || pread(fd, header, sizeof(*header), 0) != sizeof(*header))
		return "it is no history";
	fault = header_fault(header, (guint64)st.st_size, fingerprint);
	return fault ? fault : map_fault(fd, header, out);
}

History *history_open(const char *path, const char *fingerprint, GError **error)
{
	static const struct timespec used_now[] = {{.tv_nsec = UTIME_NOW}, {.tv_nsec = UTIME_OMIT}};
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	const char *fault;
	History *h = NULL;

	if (fd < 0) {
		if (errno != ENOENT)
			g_set_error(error, ST_ERROR, ST_ERROR_IO, "%s: cannot open: %s", path, g_strerror(errno));
		return NULL;
	}
	fault = file_fault(fd, fingerprint, &h);
	if (fault)
		g_set_error(error, ST_ERROR, ST_ERROR_DATA, "%s: not used: %s", path, fault);
	else if (futimens(fd, used_now))
		errno = 0; /* somebody else's, or nothing may be written: then it is what is removed first */
	close(fd);
	return h;
}
