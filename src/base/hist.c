/* SPDX-License-Identifier: MIT */
/* hist.c: row 0 holds 0..63 one by one, row r the values that have 6 + r bits, in 64 buckets. */
#include "base/hist.h"

#include <math.h>
#include <string.h>

#define SUB (1u << ST_HIST_SUB_BITS)

static guint row_of(guint64 value)
{
	guint bits = value ? 64u - (guint)__builtin_clzll(value) : 0;

	return bits > ST_HIST_SUB_BITS ? bits - ST_HIST_SUB_BITS : 0;
}

static guint sub_of(guint64 value, guint row)
{
	return (guint)(row ? (value >> (row - 1)) - SUB : value);
}

/* The value in the middle of a bucket. */
static gint64 bucket_value(guint row, guint sub)
{
	if (row == 0)
		return sub;
	return (gint64)((((guint64)sub + SUB) << (row - 1)) + ((1ull << (row - 1)) - 1) / 2);
}

void st_hist_add(StHist *h, gint64 value)
{
	value = MAX(value, 0);
	guint row = row_of((guint64)value);
	if (!h->rows[row])
		h->rows[row] = g_new0(guint64, SUB);
	h->rows[row][sub_of((guint64)value, row)]++;
	h->min = h->count ? MIN(h->min, value) : value;
	h->max = MAX(h->max, value);
	h->total = value > G_MAXINT64 - h->total ? G_MAXINT64 : h->total + value;
	h->count++;
}

void st_hist_merge(StHist *h, const StHist *other)
{
	if (!other->count)
		return;
	for (guint row = 0; row < ST_HIST_ROWS; row++) {
		if (!other->rows[row])
			continue;
		if (!h->rows[row])
			h->rows[row] = g_new0(guint64, SUB);
		for (guint i = 0; i < SUB; i++)
			h->rows[row][i] += other->rows[row][i];
	}
	h->min = h->count ? MIN(h->min, other->min) : other->min;
	h->max = MAX(h->max, other->max);
	h->total = other->total > G_MAXINT64 - h->total ? G_MAXINT64 : h->total + other->total;
	h->count += other->count;
}

/* The middle of the bucket that the value of that rank, counted from 1, is in. */
static gint64 value_of_rank(const StHist *h, guint64 rank)
{
	guint64 seen = 0;

	for (guint row = 0; row < ST_HIST_ROWS; row++)
		for (guint i = 0; h->rows[row] && i < SUB; i++) {
			seen += h->rows[row][i];
			if (seen >= rank)
				return bucket_value(row, i);
		}
	return h->max;
}

gint64 st_hist_percentile(const StHist *h, double p)
{
	if (!h->count || p <= 0)
		return h->min;
	if (p >= 100)
		return h->max;
	guint64 rank = (guint64)ceil(p * (double)h->count / 100);
	return CLAMP(value_of_rank(h, MAX(rank, 1)), h->min, h->max);
}

double st_hist_mean(const StHist *h)
{
	return h->count ? (double)h->total / (double)h->count : 0;
}

void st_hist_octaves(const StHist *h, guint64 counts_out[ST_HIST_OCTAVES])
{
	memset(counts_out, 0, ST_HIST_OCTAVES * sizeof(*counts_out));
	for (guint row = 0; row < ST_HIST_ROWS; row++)
		for (guint i = 0; h->rows[row] && i < SUB; i++)
			counts_out[row ? row + ST_HIST_SUB_BITS : 64 - (i ? (guint)__builtin_clzll(i) : 64)] += h->rows[row][i];
}

void st_hist_clear(StHist *h)
{
	for (guint row = 0; row < ST_HIST_ROWS; row++)
		g_free(h->rows[row]);
	memset(h, 0, sizeof(*h));
}
