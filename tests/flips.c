/* SPDX-License-Identifier: MIT */
/*
 * flips TRACE ROUNDS [SEED]: damage a copy of a trace, a few bytes of one file at a time, and read it.
 *
 * The law: it neither crashes nor hangs, and whenever events are lost, an error or a warning says so. More events than before
 * can't always be noticed: a packet whose size of content was raised has its padding read as events, and a zero may be an
 * event. The bytes are put back after each round.
 */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <glib/gstdio.h>

#include "ctf/ctf.h"

#define SECONDS_PER_ROUND 20
#define BYTES_MAX         4

typedef struct {
	guint64 events;  /* handed out */
	guint said;      /* errors and warnings */
	char *damage;    /* what was changed */
} Outcome;

typedef struct {
	GPtrArray *files;
	GRand *rand;
	const char *dir;
} Bench;

static gboolean count_event(const CtfStream *stream, const guint8 *base, const CtfRecord *record, gpointer user)
{
	static guint64 slots[CTF_SLOTS_MAX];
	const CtfEventClass *ec = g_ptr_array_index(stream->trace->metadata->events, record->event);
	CtfCursor c;
	ctf_cursor_event(&c, stream, base, record, slots);
	const CtfFc *trees[] = {stream->stream_class->common_context, ec->spec_context, ec->payload};
	for (guint i = 0; i < G_N_ELEMENTS(trees); i++)
		if (trees[i])
			ctf_cursor_skip(&c, trees[i]);
	g_assert_false(c.failed); /* what was framed can be walked */
	(*(guint64 *)user)++;
	return TRUE;
}

static Outcome read_trace(const char *dir)
{
	Outcome o = {0};
	g_autoptr(StWarnings) warnings = st_warnings_new();
	g_autoptr(GError) error = NULL;
	g_autoptr(GPtrArray) traces = ctf_traces_open(&dir, 1, warnings, &error);
	CtfReader reader = {.event = count_event, .user = &o.events, .begin_ns = G_MININT64, .end_ns = G_MAXINT64,
	                    .threads = 1, .warnings = warnings};
	CtfStats stats = {0};
	if (traces)
		ctf_read((CtfTrace *const *)traces->pdata, traces->len, &reader, &stats, NULL);
	for (guint i = 0; traces && i < traces->len; i++) {
		CtfTrace *t = g_ptr_array_index(traces, i);
		for (guint j = 0; j < t->streams->len; j++)
			o.said += ((CtfStream *)g_ptr_array_index(t->streams, j))->losses->len;
	}
	o.said += st_warnings_count(warnings) + (error != NULL);
	return o;
}

static void copy_dir(const char *from, const char *to, GPtrArray *files)
{
	g_autoptr(GDir) dir = g_dir_open(from, 0, NULL);
	g_assert_nonnull(dir);
	g_mkdir_with_parents(to, 0755);
	for (const char *name; (name = g_dir_read_name(dir));) {
		g_autofree char *source = g_build_filename(from, name, NULL);
		g_autofree char *target = g_build_filename(to, name, NULL);
		g_autofree char *data = NULL;
		gsize len;
		if (g_file_test(source, G_FILE_TEST_IS_DIR)) {
			copy_dir(source, target, files);
			continue;
		}
		g_assert_true(g_file_get_contents(source, &data, &len, NULL));
		g_assert_true(g_file_set_contents(target, data, (gssize)len, NULL));
		if (len)
			g_ptr_array_add(files, g_steal_pointer(&target));
	}
}

/* Half of the damage goes to where the sizes are: the first bytes of packets and the metadata. */
static off_t pick_place(Bench *b, off_t size)
{
	double r = g_rand_double(b->rand);
	if (g_rand_boolean(b->rand))
		r *= r * r;
	off_t at = (off_t)(r * (double)size);
	if (g_rand_int_range(b->rand, 0, 4) == 0)
		at = (at & ~(off_t)4095) + g_rand_int_range(b->rand, 0, 100);
	return MIN(at, size - 1);
}

static Outcome damaged_round(Bench *b)
{
	const char *path = g_ptr_array_index(b->files, (guint)g_rand_int_range(b->rand, 0, (gint32)b->files->len));
	int fd = open(path, O_RDWR);
	struct stat st;
	g_assert_true(fd >= 0 && fstat(fd, &st) == 0);
	gint n = g_rand_int_range(b->rand, 1, BYTES_MAX + 1);
	off_t at[BYTES_MAX];
	guint8 old[BYTES_MAX];
	g_autoptr(GString) damage = g_string_new(path);
	for (gint i = 0; i < n; i++) {
		at[i] = pick_place(b, st.st_size);
		g_assert_cmpint(pread(fd, &old[i], 1, at[i]), ==, 1);
		guint8 byte = old[i] ^ (guint8)g_rand_int_range(b->rand, 1, 256);
		g_assert_cmpint(pwrite(fd, &byte, 1, at[i]), ==, 1);
		g_string_append_printf(damage, " @%" G_GINT64_FORMAT ": %02x for %02x", (gint64)at[i], byte, old[i]);
	}
	alarm(SECONDS_PER_ROUND);
	Outcome o = read_trace(b->dir);
	alarm(0);
	while (n--)
		g_assert_cmpint(pwrite(fd, &old[n], 1, at[n]), ==, 1);
	close(fd);
	o.damage = g_string_free(g_steal_pointer(&damage), FALSE);
	return o;
}

static void remove_tree(const char *path)
{
	g_autoptr(GDir) dir = g_dir_open(path, 0, NULL);
	for (const char *name; dir && (name = g_dir_read_name(dir));) {
		g_autofree char *sub = g_build_filename(path, name, NULL);
		if (g_file_test(sub, G_FILE_TEST_IS_DIR))
			remove_tree(sub);
		else
			g_unlink(sub);
	}
	g_rmdir(path);
}

int main(int argc, char **argv)
{
	if (argc < 3)
		return fprintf(stderr, "usage: flips TRACE ROUNDS [SEED]\n"), 2;
	guint rounds = (guint)g_ascii_strtoull(argv[2], NULL, 10);
	guint32 seed = argc > 3 ? (guint32)g_ascii_strtoull(argv[3], NULL, 10) : 1;
	g_autoptr(GError) error = NULL;
	g_autofree char *dir = g_dir_make_tmp("strata-flips-XXXXXX", &error);
	g_assert_no_error(error);
	g_autoptr(GPtrArray) files = g_ptr_array_new_with_free_func(g_free);
	copy_dir(argv[1], dir, files);
	Bench b = {files, g_rand_new_with_seed(seed), dir};
	Outcome whole = read_trace(dir);
	guint silent = 0, noticed = 0, same = 0, more = 0;
	g_assert_cmpuint(whole.events, >, 0);

	for (guint i = 0; i < rounds; i++) {
		Outcome o = damaged_round(&b);
		if (o.events == whole.events)
			same++;
		else if (o.said > whole.said)
			noticed++;
		else if (o.events > whole.events)
			more++;
		else
			silent++, printf("# round %u, %s: %" G_GUINT64_FORMAT " events instead of %" G_GUINT64_FORMAT ", and no word of it\n", i,
			                 o.damage, o.events, whole.events);
		g_free(o.damage);
	}
	Outcome after = read_trace(dir);
	printf("# %u rounds: %u lost something and said so, %u changed no number of events, %u gave more, %u lost something in silence\n",
	       rounds, noticed, same, more, silent);
	printf("1..2\n%s 1 - damage that costs events is never silent\n", silent ? "not ok" : "ok");
	printf("%s 2 - the undamaged trace reads as before\n", after.events == whole.events ? "ok" : "not ok");
	remove_tree(dir);
	g_rand_free(b.rand);
	return silent || after.events != whole.events;
}
