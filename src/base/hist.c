/* SPDX-License-Identifier: MIT */
/* hist.c: row 0 holds 0..63 one by one, row r the values that have 6 + r bits, in 64 buckets. */
#include "base/hist.h"

#include <math.h>
#include <stdlib.h>
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

static void count_in(StHist *h, guint row, guint sub, guint64 n)
{
	if (!h->rows[row])
		h->rows[row] = g_new0(guint64, SUB);
	h->rows[row][sub] += n;
}

/* They are many now: from the list to rows. */
static void spread(StHist *h)
{
	if (h->rows)
		return;
	h->rows = g_new0(guint64 *, ST_HIST_ROWS);
	for (guint i = 0; i < h->count; i++)
		count_in(h, h->few[i] >> ST_HIST_SUB_BITS, h->few[i] & (SUB - 1), 1);
}

void st_hist_add(StHist *h, gint64 value)
{
	value = MAX(value, 0);
	guint row = row_of((guint64)value), sub = sub_of((guint64)value, row);
	if (h->count == ST_HIST_FEW)
		spread(h);
	if (h->rows)
		count_in(h, row, sub, 1);
	else
		h->few[h->count] = (guint16)(row << ST_HIST_SUB_BITS | sub);
	h->min = h->count ? MIN(h->min, value) : value;
	h->max = MAX(h->max, value);
	h->total = value > G_MAXINT64 - h->total ? G_MAXINT64 : h->total + value;
	h->count++;
}

static void merge_rows(StHist *h, const StHist *other)
{
	for (guint row = 0; row < ST_HIST_ROWS; row++)
		for (guint sub = 0; other->rows[row] && sub < SUB; sub++)
			if (other->rows[row][sub])
				count_in(h, row, sub, other->rows[row][sub]);
}

static void merge_few(StHist *h, const StHist *other)
{
	for (guint i = 0; i < other->count; i++)
		if (h->rows)
			count_in(h, other->few[i] >> ST_HIST_SUB_BITS, other->few[i] & (SUB - 1), 1);
		else
			h->few[h->count + i] = other->few[i];
}

void st_hist_merge(StHist *h, const StHist *other)
{
	if (!other->count)
		return;
	if (other->rows || h->count + other->count > ST_HIST_FEW)
		spread(h);
	if (other->rows)
		merge_rows(h, other);
	else
		merge_few(h, other);
	h->min = h->count ? MIN(h->min, other->min) : other->min;
	h->max = MAX(h->max, other->max);
	h->total = other->total > G_MAXINT64 - h->total ? G_MAXINT64 : h->total + other->total;
	h->count += other->count;
}

static gint compare_buckets(gconstpointer a, gconstpointer b)
{
	return *(const guint16 *)a - *(const guint16 *)b;
}

static guint16 few_of_rank(const StHist *h, guint64 rank)
{
	guint16 sorted[ST_HIST_FEW];

	memcpy(sorted, h->few, sizeof(sorted));
	qsort(sorted, h->count, sizeof(*sorted), compare_buckets);
	return sorted[rank - 1];
}

/* The middle of the bucket that the value of that rank, from 1 to the count, is in. */
static gint64 value_of_rank(const StHist *h, guint64 rank)
{
	guint64 seen = 0;

	if (!h->rows) {
		guint bucket = few_of_rank(h, rank);

		return bucket_value(bucket >> ST_HIST_SUB_BITS, bucket & (SUB - 1));
	}
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
	return CLAMP(value_of_rank(h, CLAMP(rank, 1, h->count)), h->min, h->max);
}

double st_hist_mean(const StHist *h)
{
	return h->count ? (double)h->total / (double)h->count : 0;
}

static guint octave_of(guint row, guint sub)
{
	return row ? row + ST_HIST_SUB_BITS : 64 - (sub ? (guint)__builtin_clzll(sub) : 64);
}

void st_hist_octaves(const StHist *h, guint64 counts_out[ST_HIST_OCTAVES])
{
	memset(counts_out, 0, ST_HIST_OCTAVES * sizeof(*counts_out));
	for (guint row = 0; h->rows && row < ST_HIST_ROWS; row++)
		for (guint i = 0; h->rows[row] && i < SUB; i++)
			counts_out[octave_of(row, i)] += h->rows[row][i];
	for (guint i = 0; !h->rows && i < h->count; i++)
		counts_out[octave_of(h->few[i] >> ST_HIST_SUB_BITS, h->few[i] & (SUB - 1))]++;
}

void st_hist_clear(StHist *h)
{
	for (guint row = 0; h->rows && row < ST_HIST_ROWS; row++)
		g_free(h->rows[row]);
	g_free(h->rows);
	memset(h, 0, sizeof(*h));
}
