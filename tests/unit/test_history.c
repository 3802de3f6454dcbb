/* SPDX-License-Identifier: MIT */
/* The state history against a scan of plain lists. */
#include <glib/gstdio.h>
#include <string.h>

#include "history/code.h"
#include "history_model.h"

static char *scratch; /* a directory of this run */

static char *scratch_file(const char *name)
{
	return g_build_filename(scratch, name, NULL);
}

static void test_random(void)
{
	g_autofree char *file = scratch_file("random");

	for (guint seed = 0; seed < 1500; seed++) {
		g_autoptr(GRand) rand = g_rand_new_with_seed(seed);
		ModelShape shape = model_random_shape(rand);
		shape.behind = seed % 2;
		g_autoptr(History) h = NULL, again = NULL;
		g_autoptr(Model) m = model_make(rand, &shape, &h);
		g_autoptr(GError) error = NULL;

		model_check(m, h, 3);
		if (seed % 3)
			continue;
		g_assert_true(history_save(h, file, "seed", &error));
		again = history_open(file, "seed", &error);
		g_assert_no_error(error);
		model_check(m, again, 3);
	}
}

/* One row of many chunks, and many rows of few: searches and pictures of both. */
static void test_large(void)
{
	static const ModelShape shapes[] = {
	        {.begin = 0, .end = 1000000000, .rows = 1, .appends = 60000, .step_max = 10000, .states_max = 25},
	        {.begin = 0, .end = 1000000000, .rows = 2, .appends = 60000, .step_max = 100, .states_max = 64},
	        {.begin = -5, .end = 1000000000, .rows = 6000, .appends = 60000, .step_max = 1000000, .states_max = 25},
	};

	for (guint i = 0; i < G_N_ELEMENTS(shapes); i++) {
		g_autoptr(GRand) rand = g_rand_new_with_seed(i);
		g_autoptr(History) h = NULL;
		g_autoptr(Model) m = model_make(rand, &shapes[i], &h);

		model_check(m, h, shapes[i].rows > 10 ? 1 : 20);
	}
}

static guint64 files_in(const char *directory)
{
	g_autoptr(GDir) dir = g_dir_open(directory, 0, NULL);
	guint n = 0;

	while (g_dir_read_name(dir))
		n++;
	return n;
}

/* Above the budget nothing changes but where it lies, and nothing is left of that. */
static void test_over_budget(void)
{
	g_autofree char *spill = scratch_file("spill"), *file = scratch_file("spilled");
	g_autoptr(GRand) rand = g_rand_new_with_seed(42);
	ModelShape shape = {.begin = 0,
	                    .end = G_MAXINT64,
	                    .rows = 50,
	                    .appends = 250000,
	                    .step_max = 1000000000000,
	                    .states_max = 25,
	                    .memory = 1,
	                    .directory = spill};
	g_autoptr(History) h = NULL, again = NULL;
	g_autoptr(GError) error = NULL;

	g_assert_cmpint(g_mkdir(spill, 0700), ==, 0);
	g_autoptr(Model) m = model_make(rand, &shape, &h);
	g_assert_cmpuint(files_in(spill), ==, 0);
	model_check(m, h, 1);
	g_assert_true(history_save(h, file, "x", &error));
	again = history_open(file, "x", &error);
	g_assert_no_error(error);
	model_check(m, again, 1);
}

/* What another thread appends is what was appended, also where the budget ends meanwhile. */
static void test_other_thread(void)
{
	g_autofree char *spill = scratch_file("behind");
	const ModelShape shapes[] = {
	        {.begin = 0, .end = 1000000000, .rows = 3, .appends = 200000, .step_max = 10000, .states_max = 64, .behind = TRUE},
	        {.begin = 0, .end = G_MAXINT64, .rows = 2000, .appends = 400000, .step_max = 1000000000000, .states_max = 25, .memory = 3 << 20, .directory = spill, .behind = TRUE},
	};

	g_assert_cmpint(g_mkdir(spill, 0700), ==, 0);
	for (guint i = 0; i < G_N_ELEMENTS(shapes); i++) {
		g_autoptr(GRand) rand = g_rand_new_with_seed(i);
		g_autoptr(History) h = NULL;
		g_autoptr(Model) m = model_make(rand, &shapes[i], &h);

		model_check(m, h, 1);
	}
}

/* While it is being made, whoever asks is told of all that was appended. */
static void test_asked_meanwhile(void)
{
	static const char *const states[] = {"a", "b"};
	g_autoptr(History) h = history_new(0, G_MAXINT64, &(HistoryOptions){.behind = TRUE});
	guint kind = history_kind(h, "k", states, 2);
	guint32 row = history_row(h, kind, "r", 0);

	for (gint64 i = 1; i <= 50000; i++) {
		history_append(h, row, i, (guint)(i & 1), 0);
		if (i % 777)
			continue;
		g_assert_cmpint(history_row_end(h, row), ==, i);
		g_assert_cmpuint(history_row_intervals(h, row), ==, (guint64)i);
	}
}

static void test_pointers_stay(void)
{
	g_autoptr(History) h = history_new(0, 1000, &(HistoryOptions){.memory = 1, .directory = scratch});
	guint t = history_table(h, "numbers", sizeof(guint64));
	guint64 *first = history_table_add(h, t);
	const char *text = history_text_get(h, history_text(h, "text", -1));
	g_autoptr(GError) error = NULL;

	*first = 1;
	for (guint64 i = 1; i < 1000000; i++)
		*(guint64 *)history_table_add(h, t) = i;
	*first = 4711;
	g_assert_true(history_finish(h, &error));
	g_assert_true(history_table_get(h, t, 0) == first);
	g_assert_cmpuint(*(const guint64 *)history_table_get(h, t, 0), ==, 4711);
	g_assert_cmpuint(*(const guint64 *)history_table_get(h, t, 999999), ==, 999999);
	g_assert_cmpstr(text, ==, "text");
}

static void test_limits(void)
{
	static const char *const states[] = {"one", "two"};
	static const char *many[HISTORY_STATES_MAX + 1];
	g_autoptr(History) h = history_new(0, 1000, NULL);
	guint64 n = 0;
	char name[16];
	HistoryInterval i;

	for (guint k = 0; k < HISTORY_KINDS_MAX; k++) {
		g_snprintf(name, sizeof(name), "%u", k);
		g_assert_cmpuint(history_kind(h, name, states, 2), ==, k);
	}
	for (guint k = 0; k < G_N_ELEMENTS(many); k++)
		many[k] = "x";
	g_assert_cmpuint(history_dropped(h), ==, n);
	guint no_kind = history_kind(h, "too many", states, 2);
	g_assert_cmpuint(history_kind(h, "states", many, G_N_ELEMENTS(many)), ==, no_kind);
	g_assert_cmpuint(history_dropped(h), ==, n += 2);
	guint32 no_row = history_row(h, no_kind, "row", 0);
	history_append(h, no_row, 10, 0, 0);
	history_row_rename(h, no_row, "other");
	g_assert_cmpuint(history_dropped(h), ==, n += 3);
	g_assert_cmpuint(history_n_rows(h), ==, 0);
	g_assert_cmpstr(history_row_path(h, no_row), ==, "");
	g_assert_false(history_at(h, no_row, 5, &i));

	guint32 row = history_row(h, 0, "row", -50);
	history_append(h, row, 10, 2, 0); /* there are two states */
	g_assert_cmpuint(history_dropped(h), ==, ++n);
	g_assert_cmpint(history_row_begin(h, row), ==, 0);
	for (guint t = 0; t < HISTORY_TABLES_MAX; t++) {
		g_snprintf(name, sizeof(name), "%u", t);
		g_assert_cmpuint(history_table(h, name, 8), ==, t);
	}
	guint no_table = history_table(h, "too many", 8);
	*(guint64 *)history_table_add(h, no_table) = 5;
	g_assert_cmpuint(*(guint64 *)history_table_add(h, no_table), ==, 0);
	g_assert_cmpuint(history_table_len(h, no_table), ==, 0);
	g_assert_cmpuint(history_dropped(h), ==, n += 3);
	history_table(h, "item", HISTORY_ITEM_MAX + 1);
	history_table(h, "nothing", 0);
	g_assert_cmpuint(history_dropped(h), ==, n += 2);
	g_assert_true(history_finish(h, NULL));
}

/* A finished history does not change. */
static void test_finished(void)
{
	static const char *const states[] = {"one"};
	g_autoptr(History) h = history_new(0, 1000, NULL);
	guint kind = history_kind(h, "kind", states, 1), t = history_table(h, "t", 8);
	guint32 row = history_row(h, kind, "row", 0);

	history_append(h, row, 10, 0, 0);
	history_table_add(h, t);
	g_assert_true(history_finish(h, NULL));
	history_append(h, row, 20, 0, 0);
	history_row(h, kind, "row", 0);
	history_row_rename(h, row, "other");
	history_table_add(h, t);
	history_edge(h, 0, 0, 0, 0, 0);
	history_set_meta(h, "key", "value");
	g_assert_cmpuint(history_text(h, "text", -1), ==, 0);
	history_kind(h, "other", states, 1);
	history_table(h, "other", 8);
	g_assert_cmpuint(history_dropped(h), ==, 9);
	g_assert_cmpint(history_row_end(h, row), ==, 10);
	g_assert_cmpuint(history_n_rows(h), ==, 1);
	g_assert_cmpuint(history_table_len(h, t), ==, 1);
	g_assert_cmpuint(history_n_edges(h), ==, 0);
	g_assert_null(history_meta(h, "key"));
}

static void test_texts(void)
{
	g_autoptr(History) h = history_new(0, 1000, NULL);
	g_autofree char *longest = g_strnfill(70000, 'x'), *cut = g_strnfill(65535, 'x'), *page = g_strnfill(5000, 'y');

	g_assert_cmpuint(history_text(h, "", -1), ==, 0);
	g_assert_cmpuint(history_text(h, "abc", 0), ==, 0);
	g_assert_cmpuint(history_text(h, "abc", 2), ==, history_text(h, "ab", -1));
	g_assert_cmpuint(history_text(h, "ab\0c", 4), ==, history_text(h, "ab", -1));
	g_assert_cmpuint(history_text(h, longest, -1), ==, history_text(h, cut, -1));
	g_assert_cmpstr(history_text_get(h, history_text(h, longest, -1)), ==, cut);
	g_assert_cmpstr(history_text_get(h, history_text(h, page, -1)), ==, page);
	/* Characters stay whole. */
	memcpy(longest + 65534, "\xe2\x82\xac", 3);
	cut[65534] = 0;
	g_assert_cmpstr(history_text_get(h, history_text(h, longest, -1)), ==, cut);
	for (guint i = 0; i < 100000; i++) {
		char text[16];

		g_snprintf(text, sizeof(text), "%u", i);
		guint32 number = history_text(h, text, -1);
		g_assert_cmpstr(history_text_get(h, number), ==, text);
		g_assert_cmpuint(history_text(h, text, -1), ==, number);
	}
	g_assert_cmpuint(history_dropped(h), ==, 0);
}

/* Every length of duration and detail, and its neighbours. */
static void test_code(void)
{
	guint8 bytes[HISTORY_CODE_MAX];
	HistoryCode code;

	for (guint i = 0; i < 64; i++)
		for (guint j = 0; j < 32; j++)
			for (gint k = -1; k <= 1; k++) {
				guint64 ns = ((guint64)1 << i) + (guint64)k;
				guint32 detail = (1u << j) + (guint32)k;
				const guint8 *end = history_code_put(bytes, ns, i, detail);

				g_assert_cmpint(end - bytes, >=, 2);
				g_assert_cmpint(end - bytes, <=, (gssize)sizeof(bytes));
				g_assert_true(history_code_get(bytes, &code) == end);
				g_assert_cmpuint(code.ns, ==, ns);
				g_assert_cmpuint(code.detail, ==, detail);
				g_assert_cmpuint(code.state, ==, i);
			}
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	scratch = g_dir_make_tmp("strata-test-XXXXXX", NULL);
	g_test_add_func("/history/answers-are-those-of-a-scan", test_random);
	g_test_add_func("/history/answers-are-those-of-a-scan-of-large-ones", test_large);
	g_test_add_func("/history/over-the-memory-budget-nothing-changes", test_over_budget);
	g_test_add_func("/history/what-another-thread-appends-is-what-was-appended", test_other_thread);
	g_test_add_func("/history/who-asks-meanwhile-is-told-of-all", test_asked_meanwhile);
	g_test_add_func("/history/pointers-stay", test_pointers_stay);
	g_test_add_func("/history/limits-drop-and-count", test_limits);
	g_test_add_func("/history/finished-is-finished", test_finished);
	g_test_add_func("/history/texts-are-kept-once", test_texts);
	g_test_add_func("/history/code-is-exact", test_code);
	int status = g_test_run();
	g_autofree char *remove = g_strdup_printf("rm -rf %s", scratch);
	g_spawn_command_line_sync(remove, NULL, NULL, NULL, NULL);
	g_free(scratch);
	return status;
}
