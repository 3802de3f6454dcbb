/* SPDX-License-Identifier: MIT */
/* significance.c: is one sample greater than another, or is it chance? */
#include <math.h>

#include "compare/private.h"

#define VALUES_MIN 5 /* of each side */

/* More than that is no noise, but a course: the recording was not the same all the time. */
#define CORRELATION_MAX 0.5

typedef struct {
	double value;
	gboolean is_b;
} Ranked;

static gint by_value(gconstpointer a, gconstpointer b)
{
	const Ranked *x = a, *y = b;

	return (x->value > y->value) - (x->value < y->value);
}

static guint collect(GArray *all, const double *values, guint n, gboolean is_b)
{
	guint taken = 0;

	for (guint i = 0; i < n; i++) {
		Ranked r = {values[i], is_b};

		if (isnan(values[i]))
			continue;
		g_array_append_val(all, r);
		taken++;
	}
	return taken;
}

/* The sum of b's ranks, from 1 on, ties sharing theirs; *ties: the sum of t^3 - t over groups of t equal ones. */
static double rank_sum(const GArray *all, double *ties)
{
	double sum = 0;

	*ties = 0;
	for (guint i = 0, end; i < all->len; i = end) {
		double first = g_array_index(all, Ranked, i).value;

		for (end = i + 1; end < all->len && g_array_index(all, Ranked, end).value <= first;)
			end++;
		double t = end - i, rank = (double)i + (t + 1) / 2;
		*ties += t * t * t - t;
		for (guint k = i; k < end; k++)
			sum += g_array_index(all, Ranked, k).is_b ? rank : 0;
	}
	return sum;
}

/* How alike neighbours are: the correlation of each value with the next one, 0 where it is none or below. */
static double autocorrelation(const double *values, guint n)
{
	double mean = 0, variance = 0, both = 0, last = NAN;
	guint known = 0;

	for (guint i = 0; i < n; i++)
		if (!isnan(values[i])) {
			mean += values[i];
			known++;
		}
	if (known < 3)
		return 0;
	mean /= known;
	for (guint i = 0; i < n; i++) {
		if (isnan(values[i]))
			continue;
		double off = values[i] - mean;
		variance += off * off;
		both += isnan(last) ? 0 : off * last;
		last = off;
	}
	return variance > 0 ? CLAMP(both / variance, 0, CORRELATION_MAX) : 0;
}

gboolean compare_test(const double *a, guint n_a, const double *b, guint n_b, CompareTest *out)
{
	g_autoptr(GArray) all = g_array_new(FALSE, FALSE, sizeof(Ranked));
	double ties;

	*out = (CompareTest){.p = 1};
	out->n_a = collect(all, a, n_a, FALSE);
	out->n_b = collect(all, b, n_b, TRUE);
	if (out->n_a < VALUES_MIN || out->n_b < VALUES_MIN)
		return FALSE;
	g_array_sort(all, by_value);
	double x = out->n_a, y = out->n_b, n = x + y;
	double u = rank_sum(all, &ties) - y * (y + 1) / 2;
	double variance = x * y / 12 * (n + 1 - ties / (n * (n - 1)));
	out->delta = (2 * u - x * y) / (x * y);
	if (variance <= 0)
		return TRUE;
	/* Slices that are like their neighbours are so many fewer (a first-order process has n (1 - r) / (1 + r) of its own). */
	double r = MAX(autocorrelation(a, n_a), autocorrelation(b, n_b));
	double z = MAX(fabs(u - x * y / 2) - 0.5, 0) / sqrt(variance * (1 + r) / (1 - r));
	out->p = erfc(z / G_SQRT2);
	return TRUE;
}

static gint by_p(gconstpointer a, gconstpointer b)
{
	const double *x = *(const double *const *)a, *y = *(const double *const *)b;

	return (*x > *y) - (*x < *y);
}

void compare_correct(double *p, guint n)
{
	g_autofree double **order = g_new(double *, (gsize)n + 1);
	double least = 1;

	for (guint i = 0; i < n; i++)
		order[i] = &p[i];
	qsort(order, n, sizeof(*order), by_p);
	for (guint i = n; i-- > 0;) {
		least = MIN(least, *order[i] * n / (i + 1));
		*order[i] = least;
	}
}
