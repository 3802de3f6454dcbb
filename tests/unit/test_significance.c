/* SPDX-License-Identifier: MIT */
/* What is called a change: seldom by chance, mostly where there is one. */
#include <math.h>

#include "compare/private.h"

#define SLICES 20
#define ROUNDS 4000

static double normal(GRand *rand)
{
	return sqrt(-2 * log(1 - g_rand_double(rand))) * cos(2 * G_PI * g_rand_double(rand));
}

/* Values that are like their neighbours by `r`, around `mean`. */
static void fill(GRand *rand, double *values, double mean, double r)
{
	double last = normal(rand);

	for (guint i = 0; i < SLICES; i++) {
		last = r * last + sqrt(1 - r * r) * normal(rand);
		values[i] = mean + last;
	}
}

/* How often p < 0.01. */
static double rate(double shift, double r)
{
	g_autoptr(GRand) rand = g_rand_new_with_seed(1);
	double a[SLICES], b[SLICES];
	guint found = 0;

	for (guint i = 0; i < ROUNDS; i++) {
		CompareTest t;

		fill(rand, a, 0, r);
		fill(rand, b, shift, r);
		g_assert_true(compare_test(a, SLICES, b, SLICES, &t));
		found += t.p < 0.01;
	}
	return (double)found / ROUNDS;
}

static void test_chance(void)
{
	g_assert_cmpfloat(rate(0, 0), <, 0.012);
	/* Neighbours that are alike are no more samples: without regard to that one in seven would be found at 0.5. */
	g_assert_cmpfloat(rate(0, 0.3), <, 0.02);
	g_assert_cmpfloat(rate(0, 0.5), <, 0.05);
}

static void test_power(void)
{
	g_assert_cmpfloat(rate(2, 0), >, 0.97);
	g_assert_cmpfloat(rate(3, 0.3), >, 0.95);
}

static void test_known(void)
{
	static const double a[] = {1, 2, 3, 4, 5, 6, 7, 8}, b[] = {11, 12, 13, 14, 15, 16, 17, 18}, same[] = {3, 3, 3, 3, 3, 3};
	CompareTest t, back;

	g_assert_true(compare_test(a, 8, b, 8, &t));
	g_assert_true(compare_test(b, 8, a, 8, &back));
	g_assert_cmpfloat(t.delta, ==, 1);
	g_assert_cmpfloat(back.delta, ==, -1);
	g_assert_cmpfloat(t.p, ==, back.p);
	/* Equal samples, and samples of equal values, tell of no change. */
	g_assert_true(compare_test(a, 8, a, 8, &t));
	g_assert_cmpfloat(t.p, >, 0.9);
	g_assert_cmpfloat(t.delta, ==, 0);
	g_assert_true(compare_test(same, 6, same, 6, &t));
	g_assert_cmpfloat(t.p, ==, 1);
}

static void test_missing(void)
{
	static const double few[] = {1, NAN, NAN, 2, 3, 4}, b[] = {11, NAN, 13, 14, 15, 16};
	CompareTest t;

	g_assert_false(compare_test(few, 6, b, 6, &t));
	g_assert_true(compare_test(b, 6, b, 6, &t));
	g_assert_cmpuint(t.n_a, ==, 5);
}

static void test_correction(void)
{
	double p[] = {0.01, 0.04, 0.03, 0.005}; /* known from the literature's examples: p n / rank, never above the next one */

	compare_correct(p, G_N_ELEMENTS(p));
	g_assert_cmpfloat_with_epsilon(p[0], 0.02, 1e-12);
	g_assert_cmpfloat_with_epsilon(p[1], 0.04, 1e-12);
	g_assert_cmpfloat_with_epsilon(p[2], 0.04, 1e-12);
	g_assert_cmpfloat_with_epsilon(p[3], 0.02, 1e-12);
}

static void test_names(void)
{
	static const char *const names[][2] = {{"kworker/0:1H", "kworker"}, {"vhost-183", "vhost"}, {"CPU 0/KVM", "CPU 0/KVM"}, {"iou-wrk-167", "iou-wrk"}, {"a-b", "a-b"}, {"-7", "-7"}};

	for (guint i = 0; i < G_N_ELEMENTS(names); i++) {
		g_autofree char *name = compare_thread_name(names[i][0]);

		g_assert_cmpstr(name, ==, names[i][1]);
	}
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/significance/chance", test_chance);
	g_test_add_func("/significance/power", test_power);
	g_test_add_func("/significance/known", test_known);
	g_test_add_func("/significance/missing", test_missing);
	g_test_add_func("/significance/correction", test_correction);
	g_test_add_func("/significance/names", test_names);
	return g_test_run();
}
