/* SPDX-License-Identifier: MIT */
/*
 * Files of histories that somebody made up: a good one, overwritten in places that the input says, whose checksums are then set right, so that nothing but the
 * checks of what it says stands between it and the questions that are put to it. Input: pieces of 12 bytes: place 3, length 1, value 8.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "history/file.h"
#include "history/hash.h"

#define FINGERPRINT "fuzz"
#define PIECE       12

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void fill(History *h)
{
	static const char *const states[] = {"a", "b", "c"};
	guint kind = history_kind(h, "kind", states, 3), t = history_table(h, "table", 40);
	guint32 rows[3];

	for (guint i = 0; i < 3; i++)
		rows[i] = history_row(h, kind, "row", 0);
	for (gint64 i = 1; i < 1500; i++) {
		history_append(h, rows[i % 200 ? 0 : 1], i * i, (guint)i % 3, (guint32)i % 1000);
		if (i % 8 == 0)
			*(gint64 *)history_table_add(h, t) = i;
	}
	history_edge(h, history_text(h, "wakeup", -1), rows[0], 1, rows[1], 2);
	history_set_meta(h, "key", "value");
}

/* The good one: its bytes. */
static guint8 *good(gsize *size_out)
{
	g_autoptr(History) h = history_new(0, 10000000, NULL);
	g_autofree char *path = g_build_filename(g_get_tmp_dir(), "strata-fuzz-XXXXXX", NULL);
	int fd = g_mkstemp(path);
	char *bytes = NULL;

	fill(h);
	if (fd < 0 || !history_finish(h, NULL) || !history_save(h, path, FINGERPRINT, NULL) ||
	    !g_file_get_contents(path, &bytes, size_out, NULL))
		abort();
	close(fd);
	unlink(path);
	return (guint8 *)bytes;
}

static void overwrite(guint8 *file, gsize size, const guint8 *data, gsize n)
{
	for (; n >= PIECE; data += PIECE, n -= PIECE) {
		gsize at = ((gsize)data[0] | (gsize)data[1] << 8 | (gsize)data[2] << 16) % size;

		memcpy(file + at, data + 4, MIN(size - at, 1u + (data[3] & 7)));
	}
}

/* As if it had been written by us; of the offsets nothing is changed. */
static void set_right(guint8 *file, gsize size)
{
	HistoryFileHeader *header = (HistoryFileHeader *)(gpointer)file;
	guint64 used = header->image.used, at = history_file_blocks(used), n = history_file_n_blocks(used);
	guint64 *hashes;

	memcpy(header->magic, HISTORY_FILE_MAGIC, sizeof(header->magic));
	header->byte_order = HISTORY_FILE_ORDER;
	header->format = HISTORY_FORMAT;
	header->file_size = size;
	history_file_fingerprint(FINGERPRINT, header->fingerprint);
	if (used < HISTORY_AREA_MAX && at + n * sizeof(*hashes) == size) {
		hashes = (gpointer)(file + at);
		for (guint64 i = 0; i < n; i++) {
			guint64 from = i * HISTORY_FILE_BLOCK;

			hashes[i] = history_hash(file + HISTORY_FILE_AREA + from,
			                         MIN(HISTORY_FILE_BLOCK, at - HISTORY_FILE_AREA - from));
		}
		header->blocks_hash = history_hash(hashes, n * sizeof(*hashes));
	}
	header->header_hash = history_hash(header, G_STRUCT_OFFSET(HistoryFileHeader, header_hash));
}

static void ask_row(const History *h, guint32 row)
{
	enum { WIDTH = 7, STEPS = 10000 };
	gint64 picture[WIDTH * HISTORY_STATES_MAX];
	HistoryInterval i;
	HistoryPlace place;
	HistoryWalk w;
	guint steps = 0;

	history_at(h, row, history_row_begin(h, row) + strlen(history_row_path(h, row)) % 5, &i);
	history_at(h, row, 1000, &i);
	history_place(&place, h, row);
	for (gint64 time = 0; time < STEPS; time += STEPS / WIDTH)
		history_place_at(&place, time % 3 ? time : history_row_begin(h, row) + time, &i);
	history_sums(h, row, 100, history_row_end(h, row), picture);
	history_picture(h, row, G_MININT64, G_MAXINT64, WIDTH, picture);
	history_picture(h, row, 0, 1000000, WIDTH, picture);
	history_walk(&w, h, row, 500, G_MAXINT64);
	while (steps++ < STEPS && history_walk_next(&w, &i))
		history_text_get(h, i.detail);
}

static void ask(const History *h)
{
	guint64 n, sum = 0;
	guint t, kind;
	HistoryEdge e;

	for (guint32 row = 0; row < MIN(history_n_rows(h), 20); row++)
		ask_row(h, row);
	ask_row(h, history_n_rows(h) - 1);
	for (guint k = 0; k < HISTORY_KINDS_MAX; k++)
		for (guint s = 0; s < history_n_states(h, k); s++)
			sum += strlen(history_state_name(h, k, s)) + strlen(history_kind_name(h, k));
	if (history_find_table(h, "table", 40, &t)) {
		const guint8 *items = history_table_run(h, t, history_table_len(h, t) / 2, &n);

		for (guint64 i = 0; i < n * 40; i++)
			sum += items[i];
		sum += *(const guint8 *)history_table_get(h, t, history_table_len(h, t) - 1);
	}
	history_find_kind(h, "none", &kind);
	history_edge_get(h, 0, &e);
	history_edge_get(h, history_n_edges(h) - 1, &e);
	for (guint32 i = 0; i < 100; i++)
		sum += strlen(history_text_get(h, i));
	history_meta(h, sum ? "none" : "key");
}

static void open_and_ask(const guint8 *file, gsize size)
{
	int fd = memfd_create("history", MFD_CLOEXEC);
	g_autofree char *path = g_strdup_printf("/proc/self/fd/%d", fd);
	g_autoptr(GError) error = NULL;

	if (fd < 0 || !history_file_write(fd, file, size, 0))
		abort();
	g_autoptr(History) h = history_open(path, FINGERPRINT, &error);
	close(fd);
	if (!h != !!error)
		abort();
	if (h)
		ask(h);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static guint8 *known;
	static gsize known_size;

	if (!known)
		known = good(&known_size);
	g_autofree guint8 *file = g_memdup2(known, known_size);
	overwrite(file, known_size, data, size);
	set_right(file, known_size);
	open_and_ask(file, known_size);
	/* As it comes: whatever it is, it isn't one. */
	open_and_ask(data, size);
	return 0;
}
