/* SPDX-License-Identifier: MIT */
/* Groups of durations, filters, and the histograms made of them. */
#include "analysis/query.h"

#include <string.h>

static AnalysisStoreTrace trace = {.name = (char *)"a", .begin_ns = 1000, .end_ns = 9000};

static AnalysisFilter *filter_of(const AnalysisQuery *q)
{
	if (!trace.history)
		trace.history = history_new(trace.begin_ns, trace.end_ns, NULL);
	return analysis_filter_new(q, &trace);
}

static void test_a_range_has_both_its_ends(void)
{
	const AnalysisQuery all = {.begin_ns = G_MININT64, .end_ns = G_MAXINT64}, some = {.begin_ns = 2000, .end_ns = 3000};
	g_autoptr(AnalysisFilter) whole = filter_of(&all), part = filter_of(&some);

	g_assert_true(analysis_in_range(whole, 1000) && analysis_in_range(whole, 9000));
	g_assert_false(analysis_in_range(whole, 999) || analysis_in_range(whole, 9001));
	g_assert_true(analysis_in_range(part, 2000) && analysis_in_range(part, 3000));
	g_assert_false(analysis_in_range(part, 1999) || analysis_in_range(part, 3001));
}

static void test_patterns_are_numbers_or_globs(void)
{
	const char *const numbers[] = {"12", NULL}, *const globs[] = {"mysql*", "7", NULL};

	g_assert_true(analysis_any_match(NULL, "x", 1));
	g_assert_true(analysis_any_match(numbers, "x", 12));
	g_assert_false(analysis_any_match(numbers, "12", 13));
	g_assert_true(analysis_any_match(globs, "mysqld", 1) && analysis_any_match(globs, "x", 7));
	g_assert_false(analysis_any_match(globs, "amysqld", 1));
}

static void test_other_machines_are_not_asked(void)
{
	const char *const b[] = {"b*", NULL};
	const AnalysisQuery q = {.begin_ns = G_MININT64, .end_ns = G_MAXINT64, .machines = b};

	g_assert_null(filter_of(&q));
}

/* Against sums made by hand, with more groups than the first table has room for. */
static void test_groups_add_up(void)
{
	const AnalysisQuery q = {.begin_ns = G_MININT64, .end_ns = G_MAXINT64};
	g_autoptr(AnalysisFilter) f = filter_of(&q);
	g_autoptr(AnalysisGroups) g = analysis_groups_new(&q, f);
	gint64 total[500] = {0}, most[500] = {0};
	guint64 count[500] = {0};

	for (guint i = 0; i < 100000; i++) {
		guint key = (guint)g_test_rand_int_range(0, 500);
		gint64 ns = g_test_rand_int_range(0, 1000000);

		analysis_groups_add(g, key, 7, 2000, ns, 1, ns & 1);
		total[key] += ns;
		count[key]++;
		most[key] = MAX(most[key], ns);
	}
	g_assert_cmpuint(analysis_groups_len(g), ==, 500);
	for (guint i = 0; i < 500; i++) {
		const AnalysisGroup *at = analysis_groups_get(g, i);

		g_assert_cmpint(at->total_ns, ==, total[at->key[0]]);
		g_assert_cmpuint(at->count, ==, count[at->key[0]]);
		g_assert_cmpint(at->max_ns, ==, most[at->key[0]]);
		g_assert_cmpint(at->amount, ==, (gint64)count[at->key[0]]);
	}
}

static void test_steps_begin_with_the_range(void)
{
	const AnalysisQuery q = {.begin_ns = 1500, .end_ns = G_MAXINT64, .form = ANALYSIS_SERIES, .every_ns = 1000};
	g_autoptr(AnalysisFilter) f = filter_of(&q);
	g_autoptr(AnalysisGroups) g = analysis_groups_new(&q, f);

	analysis_groups_add(g, 1, 0, 1500, 5, 0, FALSE);
	analysis_groups_add(g, 1, 0, 2499, 5, 0, FALSE);
	analysis_groups_add(g, 1, 0, 2500, 5, 0, FALSE);
	g_assert_cmpuint(analysis_groups_len(g), ==, 2);
	g_assert_cmpint(analysis_groups_get(g, 0)->step_ns, ==, 1500);
	g_assert_cmpuint(analysis_groups_get(g, 0)->count, ==, 2);
	g_assert_cmpint(analysis_groups_get(g, 1)->step_ns, ==, 2500);
}

static void test_octaves_count_every_value_once(void)
{
	static const gint64 values[] = {0, 1, 2, 3, 4, 63, 64, 65, 127, 128, 1 << 20, G_MAXINT64};
	StHist h = {0};
	guint64 counts[ST_HIST_OCTAVES], wanted[ST_HIST_OCTAVES] = {0};

	for (guint i = 0; i < G_N_ELEMENTS(values); i++) {
		guint octave = 0;

		while (octave < 63 && values[i] >= (gint64)1 << octave)
			octave++;
		wanted[octave]++;
		st_hist_add(&h, values[i]);
	}
	st_hist_octaves(&h, counts);
	g_assert_cmpmem(counts, sizeof(counts), wanted, sizeof(wanted));
	st_hist_clear(&h);
}

static void test_a_histogram_is_drawn_and_written(void)
{
	const AnalysisQuery q = {.begin_ns = G_MININT64, .end_ns = G_MAXINT64, .histogram = TRUE};
	g_autoptr(AnalysisFilter) f = filter_of(&q);
	g_autoptr(AnalysisGroups) g = analysis_groups_new(&q, f);
	g_autoptr(View) v = view_new("x", "X");
	char *text = NULL;
	size_t len;

	for (guint i = 0; i < 5; i++)
		analysis_groups_add(g, 0, 0, 2000, i < 4 ? 1500 : 5000, 0, FALSE);
	view_add_column(v, "name", "NAME", VIEW_TEXT);
	guint first = analysis_add_dist_columns(v, &q);
	view_begin_row(v);
	view_set_text(v, 0, "read");
	analysis_set_dist(v, first, &q, analysis_groups_get(g, 0));
	for (guint format = VIEW_FORMAT_TEXT; format <= VIEW_FORMAT_CSV; format++) {
		static const char *const wanted[] = {"1.02 us .. 2.05 us            4", "\"histogram\": [[1024, 2048, 4], [2048, 4096, 0], [4096, 8192, 1]]",
						     ",1024-2048:4 2048-4096:0 4096-8192:1"};
		FILE *out = open_memstream(&text, &len);

		g_assert_true(view_render(v, (ViewFormat)format, out, NULL));
		fclose(out);
		if (!strstr(text, wanted[format]))
			g_error("no \"%s\" in:\n%s", wanted[format], text);
		free(text);
	}
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/groups/a-range-has-both-its-ends", test_a_range_has_both_its_ends);
	g_test_add_func("/groups/patterns-are-numbers-or-globs", test_patterns_are_numbers_or_globs);
	g_test_add_func("/groups/other-machines-are-not-asked", test_other_machines_are_not_asked);
	g_test_add_func("/groups/groups-add-up", test_groups_add_up);
	g_test_add_func("/groups/steps-begin-with-the-range", test_steps_begin_with_the_range);
	g_test_add_func("/groups/octaves-count-every-value-once", test_octaves_count_every_value_once);
	g_test_add_func("/groups/a-histogram-is-drawn-and-written", test_a_histogram_is_drawn_and_written);
	int status = g_test_run();
	history_free(trace.history);
	return status;
}
