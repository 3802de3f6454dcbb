/* SPDX-License-Identifier: MIT */
/* Histories in files: whole or not at all, whatever happens to them. */
#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <signal.h>
#include <string.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "history/file.h"
#include "history_model.h"

/* AddressSanitizer needs more addresses than a limit leaves. */
#if defined(__SANITIZE_ADDRESS__)
#define SANITIZED 1
#elif defined(__has_feature)
#define SANITIZED __has_feature(address_sanitizer)
#else
#define SANITIZED 0
#endif

static char *scratch; /* a directory of this run; the cache is in it */

static char *scratch_file(const char *name)
{
	return g_build_filename(scratch, name, NULL);
}

/* One with something of everything, of a few chunks. */
static Model *some_history(guint32 seed, History **h)
{
	static const ModelShape shape = {
	        .begin = -100, .end = 1000000, .rows = 6, .appends = 3000, .step_max = 1000, .states_max = 12};
	GRand *rand = g_rand_new_with_seed(seed);

	return model_make(rand, &shape, h);
}

static void some_history_free(Model *m)
{
	g_rand_free(m->rand);
	model_free(m);
}

static void assert_refused(const char *path, const char *fingerprint, gint code)
{
	g_autoptr(GError) error = NULL;
	g_autoptr(History) h = history_open(path, fingerprint, &error);

	g_assert_null(h);
	g_assert_error(error, ST_ERROR, code);
	g_assert_nonnull(strstr(error->message, path));
}

static void test_stale(void)
{
	g_autofree char *file = scratch_file("stale");
	g_autoptr(History) h = NULL, none = NULL;
	g_autoptr(GError) error = NULL;
	Model *m = some_history(1, &h);
	struct stat st;

	none = history_open(file, "x", &error);
	g_assert_no_error(error);
	g_assert_null(none);
	g_assert_true(history_save(h, file, "x", &error));
	g_assert_cmpint(stat(file, &st), ==, 0);
	g_assert_cmpint(st.st_mode & 07777, ==, 0600);
	assert_refused(file, "y", ST_ERROR_DATA);
	assert_refused(file, "", ST_ERROR_DATA);
	assert_refused(scratch, "x", ST_ERROR_DATA);
	none = history_open(file, "x", &error);
	model_check(m, none, 1);
	some_history_free(m);
}

static void write_file(const char *path, const char *data, gsize size)
{
	g_assert_true(g_file_set_contents(path, data, (gssize)size, NULL));
}

static void test_truncated(void)
{
	g_autofree char *file = scratch_file("truncated"), *data = NULL;
	g_autoptr(History) h = NULL;
	Model *m = some_history(2, &h);
	gsize size;

	g_assert_true(history_save(h, file, "x", NULL));
	g_assert_true(g_file_get_contents(file, &data, &size, NULL));
	for (gsize n = 0; n < size; n += n < 64 || n > size - 64 ? 1 : 997) {
		write_file(file, data, n);
		assert_refused(file, "x", ST_ERROR_DATA);
	}
	g_autofree char *longer = g_malloc0(size + 4096);
	memcpy(longer, data, size);
	write_file(file, longer, size + 1);
	assert_refused(file, "x", ST_ERROR_DATA);
	write_file(file, longer, size + 4096);
	assert_refused(file, "x", ST_ERROR_DATA);
	some_history_free(m);
}

/* A flipped bit is noticed, or it is between the header and the area, where there is nothing. */
static void test_flipped(void)
{
	g_autofree char *file = scratch_file("flipped"), *data = NULL;
	g_autoptr(History) h = NULL;
	Model *m = some_history(3, &h);
	gsize size;
	guint opened = 0;

	g_assert_true(history_save(h, file, "x", NULL));
	g_assert_true(g_file_get_contents(file, &data, &size, NULL));
	int fd = open(file, O_RDWR | O_CLOEXEC);
	for (guint i = 0; i < 6000; i++) {
		gsize at = i < 2 * sizeof(HistoryFileHeader) ? i / 2 : (gsize)g_rand_int_range(m->rand, 0, (gint)size);
		guint8 flipped = (guint8)data[at] ^ (guint8)(1u << g_rand_int_range(m->rand, 0, 8));

		g_assert_cmpint(pwrite(fd, &flipped, 1, (off_t)at), ==, 1);
		g_autoptr(GError) error = NULL;
		g_autoptr(History) again = history_open(file, "x", &error);
		if (again) {
			g_assert_cmpuint(at, >=, sizeof(HistoryFileHeader));
			g_assert_cmpuint(at, <, HISTORY_FILE_AREA);
			if (opened++ % 50 == 0)
				model_check(m, again, 1);
		} else
			g_assert_error(error, ST_ERROR, ST_ERROR_DATA);
		g_assert_cmpint(pwrite(fd, data + at, 1, (off_t)at), ==, 1);
	}
	close(fd);
	some_history_free(m);
}

/* ---- Several processes ---------------------------------------------------------------------------------------------- */

static void save_and_open(const char *file, guint rounds)
{
	g_autoptr(History) h = NULL;
	Model *m = some_history(5, &h);

	for (guint i = 0; i < rounds; i++) {
		g_autoptr(History) again = NULL;
		g_autoptr(GError) error = NULL;

		g_assert_true(history_save(h, file, "x", &error));
		again = history_open(file, "x", &error);
		g_assert_no_error(error);
		model_check(m, again, 0);
	}
	some_history_free(m);
}

static void wait_for(pid_t pid, int signal)
{
	int status;

	g_assert_cmpint(waitpid(pid, &status, 0), ==, pid);
	if (signal)
		g_assert_true(WIFSIGNALED(status) && WTERMSIG(status) == signal);
	else
		g_assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

static void test_two_at_once(void)
{
	g_autoptr(GError) error = NULL;
	g_autofree char *cache = history_cache_dir(&error), *file = g_build_filename(cache, "two", NULL);
	pid_t pids[3];

	for (guint i = 0; i < G_N_ELEMENTS(pids); i++) {
		pids[i] = fork();
		if (pids[i] == 0) {
			save_and_open(file, 60);
			_exit(0);
		}
	}
	for (guint i = 0; i < G_N_ELEMENTS(pids); i++)
		wait_for(pids[i], 0);
}

static guint files_in(const char *directory, const char *prefix)
{
	g_autoptr(GDir) dir = g_dir_open(directory, 0, NULL);
	const char *name;
	guint n = 0;

	while ((name = g_dir_read_name(dir)))
		n += g_str_has_prefix(name, prefix);
	return n;
}

/* Whoever is killed leaves the old file, or the new one, or a half one under another name, which goes away later. */
static void test_killed(void)
{
	g_autoptr(GError) error = NULL;
	g_autofree char *cache = history_cache_dir(&error), *file = g_build_filename(cache, "killed", NULL);
	g_autoptr(History) h = NULL, again = NULL;
	Model *m = some_history(6, &h);
	char *name;

	for (guint i = 0; i < 40; i++) {
		pid_t pid = fork();

		if (pid == 0)
			for (;;)
				history_save(h, file, "x", NULL);
		g_usleep(500 + 250 * i);
		kill(pid, SIGKILL);
		wait_for(pid, SIGKILL);
		g_clear_pointer(&again, history_free);
		again = history_open(file, "x", &error);
		g_assert_no_error(error);
		if (again)
			model_check(m, again, 0);
	}
	/* But for an instant it has no name at all, where there are such files. */
	int unnamed = open(cache, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	if (unnamed >= 0)
		g_assert_cmpuint(files_in(cache, HISTORY_TEMPORARY), <=, 3);
	pid_t pid = fork();
	if (pid == 0) { /* it dies in the middle of it */
		history_file_named(cache, &name);
		_exit(0);
	}
	wait_for(pid, 0);
	int living = history_file_named(cache, &name);
	g_assert_cmpuint(files_in(cache, HISTORY_TEMPORARY), >=, 2);
	g_assert_true(history_save(h, file, "x", NULL));
	g_assert_cmpuint(files_in(cache, HISTORY_TEMPORARY), ==, 1);
	if (unnamed >= 0)
		close(unnamed);
	close(living);
	g_unlink(name);
	g_free(name);
	some_history_free(m);
}

/* ---- Full disks ----------------------------------------------------------------------------------------------------- */

static void fill(History *h, guint64 bytes)
{
	guint t = history_table(h, "bytes", 1024);

	for (guint64 i = 0; i < bytes; i += 1024)
		memset(history_table_add(h, t), 0xaa, 1024);
}

static void no_room_for_file(const char *file)
{
	g_autoptr(History) h = NULL;
	g_autoptr(GError) error = NULL;
	const struct rlimit limit = {20000, 20000};

	some_history(7, &h);
	g_assert_cmpint(setrlimit(RLIMIT_FSIZE, &limit), ==, 0);
	g_assert_false(history_save(h, file, "x", &error));
	g_assert_error(error, ST_ERROR, ST_ERROR_IO);
	g_assert_nonnull(strstr(error->message, g_strerror(EFBIG)));
}

static void no_room_for_spill(const char *file)
{
	g_autoptr(History) h = history_new(0, 1000, &(HistoryOptions){.memory = 1 << 20, .directory = scratch});
	g_autoptr(GError) error = NULL;
	const struct rlimit limit = {3 << 20, 3 << 20};

	g_assert_cmpint(setrlimit(RLIMIT_FSIZE, &limit), ==, 0);
	fill(h, 10 << 20);
	g_assert_cmpuint(history_dropped(h), >, 0);
	/* Whoever counts along is not misled: items that were not kept have numbers, and are zero. */
	g_assert_cmpuint(history_table_len(h, 0), ==, 10 << 10);
	for (guint64 i = 0, n; i < 10 << 10; i += n) {
		const guint8 *items = history_table_run(h, 0, i, &n);

		g_assert_cmpuint(n, >, 0);
		g_assert_cmpuint(items[0], ==, i < (10 << 10) - history_dropped(h) ? 0xaa : 0);
	}
	g_assert_false(history_finish(h, &error));
	g_assert_error(error, ST_ERROR, ST_ERROR_IO);
	g_assert_nonnull(strstr(error->message, scratch));
	g_clear_error(&error);
	g_assert_false(history_save(h, file, "x", &error));
	g_assert_error(error, ST_ERROR, ST_ERROR_IO);
	g_assert_cmpuint(*(const guint8 *)history_table_get(h, 0, 1000), ==, 0xaa);
}

#if !SANITIZED
static void no_memory(const char *file)
{
	const struct rlimit limit = {600 << 20, 600 << 20};
	g_autoptr(GError) error = NULL;

	(void)file;
	g_assert_cmpint(setrlimit(RLIMIT_AS, &limit), ==, 0);
	g_autoptr(History) h = history_new(0, 1000, &(HistoryOptions){.memory = 1 << 30, .directory = scratch});
	fill(h, 700 << 20);
	g_assert_false(history_finish(h, &error));
	g_assert_error(error, ST_ERROR, ST_ERROR_IO);
}
#endif

static void no_directory(const char *file)
{
	g_autoptr(History) h = history_new(0, 1000, &(HistoryOptions){.memory = 1, .directory = file});
	g_autoptr(GError) error = NULL;

	fill(h, 10 << 20);
	g_assert_false(history_finish(h, &error));
	g_assert_error(error, ST_ERROR, ST_ERROR_IO);
	g_assert_nonnull(strstr(error->message, file));
}

/* A limit once set stays, so each of them has a process of its own. */
static void test_no_room(void)
{
	static void (*const cases[])(const char *file) = {
		no_room_for_file,
		no_room_for_spill,
		no_directory,
#if !SANITIZED
		no_memory,
#endif
	};
	g_autofree char *file = scratch_file("no-room");

	for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
		pid_t pid = fork();

		if (pid == 0) {
			cases[i](file);
			_exit(0);
		}
		wait_for(pid, 0);
		g_assert_false(g_file_test(file, G_FILE_TEST_EXISTS));
	}
	g_assert_cmpuint(files_in(scratch, HISTORY_TEMPORARY), ==, 0);
}

/* ---- The directory of caches ------------------------------------------------------------------------------------------ */

static void test_trim(void)
{
	g_autofree char *dir = scratch_file("trim"), *other = g_build_filename(dir, "other", NULL);
	g_autoptr(History) h = NULL, used = NULL;
	Model *m = some_history(8, &h);
	struct stat st;
	char *paths[5];

	g_assert_cmpint(g_mkdir(dir, 0700), ==, 0);
	write_file(other, "no history", 10);
	for (guint i = 0; i < G_N_ELEMENTS(paths); i++) {
		g_autofree char *name = g_strdup_printf("history %u", i);

		paths[i] = g_build_filename(dir, name, NULL);
		g_assert_true(history_save(h, paths[i], "x", NULL));
		const struct timespec times[] = {{.tv_sec = 1000 + i}, {.tv_sec = 5000 - i}};
		g_assert_cmpint(utimensat(AT_FDCWD, paths[i], times, 0), ==, 0);
	}
	/* The first one was used last, as it is asked for now. */
	used = history_open(paths[0], "x", NULL);
	g_assert_nonnull(used);
	g_assert_cmpint(stat(paths[0], &st), ==, 0);
	history_cache_trim(dir, (guint64)st.st_blocks * 512 * 5);
	g_assert_cmpuint(files_in(dir, ""), ==, 6);
	history_cache_trim(dir, (guint64)st.st_blocks * 512 * 2);
	g_assert_cmpuint(files_in(dir, ""), ==, 3);
	g_assert_true(g_file_test(other, G_FILE_TEST_EXISTS));
	g_assert_true(g_file_test(paths[0], G_FILE_TEST_EXISTS));
	g_assert_true(g_file_test(paths[4], G_FILE_TEST_EXISTS));
	history_cache_trim(dir, 0);
	g_assert_cmpuint(files_in(dir, ""), ==, 1);
	model_check(m, used, 1); /* who has it open does not mind */
	for (guint i = 0; i < G_N_ELEMENTS(paths); i++)
		g_free(paths[i]);
	some_history_free(m);
}

static void test_cache_dir(void)
{
	g_autoptr(GError) error = NULL;
	g_autofree char *dir = history_cache_dir(&error),
	                *expected = g_build_filename(scratch, "cache", "strata", NULL);
	struct stat st;

	g_assert_no_error(error);
	g_assert_cmpstr(dir, ==, expected);
	g_assert_cmpint(stat(dir, &st), ==, 0);
	g_assert_cmpint(st.st_mode & 07777, ==, 0700);
	g_assert_true(history_cache_is(dir));
	g_assert_false(history_cache_is(scratch));
	g_assert_cmpuint(history_cache_limit(dir), <=, HISTORY_CACHE_MAX);
	g_assert_cmpuint(history_cache_limit(dir), >, 0);
}

/* ---- Fingerprints ------------------------------------------------------------------------------------------------------ */

static char *fingerprint(const char *a, const char *b, const char *analysis)
{
	const char *dirs[] = {a, b};
	g_autoptr(GError) error = NULL;
	char *name = history_fingerprint(dirs, b ? 2 : 1, analysis, &error);

	g_assert_no_error(error);
	g_assert_cmpuint(strlen(name), ==, 32);
	return name;
}

static void assert_changed(char **last, const char *a, const char *b, const char *analysis)
{
	char *now = fingerprint(a, b, analysis);

	g_assert_cmpstr(*last, !=, now);
	g_free(*last);
	*last = now;
}

static void test_fingerprint(void)
{
	g_autofree char *a = scratch_file("trace a"), *b = scratch_file("trace b"),
	                *index = g_build_filename(a, "index", NULL);
	g_autofree char *stream = g_build_filename(a, "stream_0", NULL),
	                *metadata = g_build_filename(a, "metadata", NULL);
	g_autofree char *inner = g_build_filename(index, "stream_0.idx", NULL), *last = NULL, *same = NULL,
	                *a_slash = NULL;
	const char *missing[] = {stream};
	const struct timespec old[] = {{.tv_sec = 1}, {.tv_sec = 1}};
	g_autoptr(GError) error = NULL;

	g_assert_cmpint(g_mkdir_with_parents(index, 0700) | g_mkdir(b, 0700), ==, 0);
	write_file(stream, "1234", 4);
	write_file(metadata, "meta", 4);
	write_file(inner, "idx", 3);
	last = fingerprint(a, NULL, "1");
	same = fingerprint(a, NULL, "1");
	g_assert_cmpstr(last, ==, same);
	g_free(same);
	a_slash = g_strconcat(a, "//./", NULL);
	same = fingerprint(a_slash, NULL, "1");
	g_assert_cmpstr(last, ==, same);
	assert_changed(&last, a, NULL, "2");
	assert_changed(&last, a, b, "2");
	assert_changed(&last, b, a, "2");
	assert_changed(&last, b, NULL, "2");
	assert_changed(&last, a, NULL, "2");
	g_assert_cmpint(truncate(stream, 5), ==, 0);
	assert_changed(&last, a, NULL, "2");
	g_assert_cmpint(utimensat(AT_FDCWD, stream, old, 0), ==, 0);
	assert_changed(&last, a, NULL, "2");
	g_assert_cmpint(truncate(inner, 0), ==, 0);
	assert_changed(&last, a, NULL, "2");
	g_assert_cmpint(g_rename(stream, inner), ==, 0);
	assert_changed(&last, a, NULL, "2");
	g_assert_null(history_fingerprint(missing, 1, "2", &error));
	g_assert_error(error, ST_ERROR, ST_ERROR_IO);
}

int main(int argc, char **argv)
{
	scratch = g_dir_make_tmp("strata-test-XXXXXX", NULL);
	g_autofree char *cache = scratch_file("cache");
	g_setenv("XDG_CACHE_HOME", cache, TRUE);
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/history-cache/directory-is-private", test_cache_dir);
	g_test_add_func("/history-cache/stale-is-refused", test_stale);
	g_test_add_func("/history-cache/truncated-is-refused", test_truncated);
	g_test_add_func("/history-cache/flipped-bits-are-refused", test_flipped);
	g_test_add_func("/history-cache/two-at-once-do-no-harm", test_two_at_once);
	g_test_add_func("/history-cache/killed-leaves-no-half-file", test_killed);
	g_test_add_func("/history-cache/no-room-is-an-error", test_no_room);
	g_test_add_func("/history-cache/least-recently-used-goes-first", test_trim);
	g_test_add_func("/history-cache/fingerprint-changes-with-everything", test_fingerprint);
	int status = g_test_run();
	g_autofree char *remove = g_strdup_printf("rm -rf %s", scratch);
	g_spawn_command_line_sync(remove, NULL, NULL, NULL, NULL);
	g_free(scratch);
	return status;
}
