/* SPDX-License-Identifier: MIT */
/* The histogram of durations against sorted values. */
#include "base/hist.h"

#include <math.h>
#include <stdlib.h>

static gint compare(gconstpointer a, gconstpointer b)
{
	gint64 x = *(const gint64 *)a, y = *(const gint64 *)b;

	return (x > y) - (x < y);
}

static void check_percentile(const StHist *h, const gint64 *sorted, guint n, double p)
{
	guint rank = (guint)ceil(p / 100.0 * n);
	gint64 exact = sorted[MAX(rank, 1) - 1], got = st_hist_percentile(h, p);

	g_assert_cmpint(ABS(got - exact), <=, exact / 120 + 1);
}

static void test_percentiles(void)
{
	enum { N = 20000 };
	g_autofree gint64 *values = g_new(gint64, N);
	g_autoptr(GRand) rand = g_rand_new_with_seed(1);
	StHist h = {0};
	gint64 total = 0;

	for (guint i = 0; i < N; i++) {
		values[i] = (gint64)g_rand_int(rand) >> g_rand_int_range(rand, 0, 32);
		total += values[i];
		st_hist_add(&h, values[i]);
	}
	qsort(values, N, sizeof(*values), compare);
	g_assert_cmpuint(h.count, ==, N);
	g_assert_cmpint(h.total, ==, total);
	g_assert_cmpint(st_hist_percentile(&h, 0), ==, values[0]);
	g_assert_cmpint(st_hist_percentile(&h, 100), ==, values[N - 1]);
	for (double p = 0.5; p < 100; p += 0.5)
		check_percentile(&h, values, N, p);
	st_hist_clear(&h);
}

/* Whether values are few enough to be listed makes no difference to what is said of them, nor how they came together. */
static void test_few_are_as_many(void)
{
	g_autoptr(GRand) rand = g_rand_new_with_seed(2);

	for (guint n = 1; n < 3 * ST_HIST_FEW; n++) {
		StHist one = {0}, parts[2] = {0};
		guint64 octaves[ST_HIST_OCTAVES], merged[ST_HIST_OCTAVES];
		g_autofree gint64 *values = g_new(gint64, n);

		for (guint i = 0; i < n; i++) {
			values[i] = (gint64)g_rand_int(rand) >> g_rand_int_range(rand, 0, 32);
			st_hist_add(&one, values[i]);
			st_hist_add(&parts[g_rand_boolean(rand)], values[i]);
		}
		st_hist_merge(&parts[0], &parts[1]);
		qsort(values, n, sizeof(*values), compare);
		for (double p = 2.5; p < 100; p += 2.5) {
			check_percentile(&one, values, n, p);
			g_assert_cmpint(st_hist_percentile(&one, p), ==, st_hist_percentile(&parts[0], p));
		}
		st_hist_octaves(&one, octaves);
		st_hist_octaves(&parts[0], merged);
		g_assert_cmpmem(octaves, sizeof(octaves), merged, sizeof(merged));
		st_hist_clear(&one);
		st_hist_clear(&parts[0]);
		st_hist_clear(&parts[1]);
	}
}

static void test_extremes(void)
{
	StHist h = {0}, other = {0};

	g_assert_cmpint(st_hist_percentile(&h, 50), ==, 0);
	st_hist_add(&h, -5);
	st_hist_add(&h, G_MAXINT64);
	st_hist_add(&h, G_MAXINT64);
	g_assert_cmpint(h.min, ==, 0);
	g_assert_cmpint(h.max, ==, G_MAXINT64);
	g_assert_cmpint(h.total, ==, G_MAXINT64);
	st_hist_add(&other, 7);
	st_hist_merge(&other, &h);
	g_assert_cmpuint(other.count, ==, 4);
	g_assert_cmpint(st_hist_percentile(&other, 50), ==, 7);
	st_hist_clear(&h);
	st_hist_clear(&other);
	g_assert_cmpuint(h.count, ==, 0);
}

/* The nearest rank, where 7 / 100.0 * 100 is a little more than 7. */
static void test_ranks(void)
{
	StHist h = {0};

	for (gint64 i = 1; i <= 50; i++)
		st_hist_add(&h, i);
	for (gint64 p = 2; p <= 100; p += 2)
		g_assert_cmpint(st_hist_percentile(&h, (double)p), ==, p / 2);
	for (gint64 i = 51; i <= 100; i++)
		st_hist_add(&h, 1000);
	for (gint64 p = 1; p <= 50; p++)
		g_assert_cmpint(st_hist_percentile(&h, (double)p), ==, p);
	st_hist_clear(&h);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/hist/percentiles", test_percentiles);
	g_test_add_func("/hist/few-are-as-many", test_few_are_as_many);
	g_test_add_func("/hist/extremes", test_extremes);
	g_test_add_func("/hist/ranks", test_ranks);
	return g_test_run();
}
