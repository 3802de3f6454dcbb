/* SPDX-License-Identifier: MIT */
/*
 * base/hist.h: a histogram of durations from 0 to 2^63, for percentiles over any number of values in little memory.
 *
 * Buckets are as wide as 1/64 of the power of two that they are in, so a percentile is within 0.8 % of the true one; count, total, least
 * and greatest are exact. The first values' buckets are noted in the histogram itself, as most histograms of many have few values; with more of them a power of two
 * takes memory (512 bytes) once a value has fallen into it.
 *
 * A zeroed StHist is empty and ready. st_hist_clear() frees what it holds.
 */
#ifndef STRATA_BASE_HIST_H
#define STRATA_BASE_HIST_H

#include <glib.h>

#define ST_HIST_SUB_BITS 6
#define ST_HIST_ROWS     (64 - ST_HIST_SUB_BITS)
#define ST_HIST_FEW      24

typedef struct {
	guint64 count;
	gint64 total, min, max; /* 0 while empty; total saturates */
	guint64 **rows;         /* ST_HIST_ROWS of them, NULL where there is nothing; NULL: the values are few */
	guint16 few[ST_HIST_FEW]; /* then: the bucket of each, row << ST_HIST_SUB_BITS | place */
} StHist;

/* Negative values count as 0. */
void st_hist_add(StHist *h, gint64 value);

/* Add all of another's values. */
void st_hist_merge(StHist *h, const StHist *other);

/* The value that `p` of 100 are not greater than; 0 while empty. p <= 0 gives the least, p >= 100 the greatest. */
gint64 st_hist_percentile(const StHist *h, double p);

/* total / count; 0 while empty. */
double st_hist_mean(const StHist *h);

/*
 * How many values are in each power of two: counts_out[0] those of 0, counts_out[i] those in [2^(i-1), 2^i). Exact.
 */
#define ST_HIST_OCTAVES 64
void st_hist_octaves(const StHist *h, guint64 counts_out[ST_HIST_OCTAVES]);

void st_hist_clear(StHist *h);

#endif
