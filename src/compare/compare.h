/* SPDX-License-Identifier: MIT */
/*
 * compare/compare.h: two recordings, good and bad, before and after: what changed, told from noise.
 *
 * Each recording is cut into as many equal slices. Whatever the tables know of a slice (requests, exits, waits, vCPUs, threads, disks, processors, interfaces) is a number for each slice; two
 * recordings are two samples of such numbers. A change is significant if
 *
 *   - a rank-sum test of the samples says so (Mann and Whitney, with ties; what slices have in common with their neighbours makes them count for less), after
 *     correction for the number of comparisons (Benjamini and Hochberg), at COMPARE_P;
 *   - it is large: of two slices, one of each recording, the one is greater in most cases (Cliff's delta), and the whole changed by COMPARE_CHANGE;
 *   - it matters: the thing is not too small or too rare to be worth a look.
 *
 * docs/analyses/diff.md tells the rules, and what they cannot tell.
 */
#ifndef STRATA_COMPARE_COMPARE_H
#define STRATA_COMPARE_COMPARE_H

#include "diagnose/diagnose.h"

#define COMPARE_SLICES     20   /* unless told otherwise */
#define COMPARE_SLICES_MIN 8    /* fewer can't be significant */
#define COMPARE_SLICES_MAX 1000
#define COMPARE_THINGS_MAX (1u << 18) /* measures of a recording; others are left out */

#define COMPARE_P      0.05 /* share of those called significant that may be so by chance */
#define COMPARE_DELTA  0.5  /* Cliff's delta, at least */
#define COMPARE_CHANGE 0.1  /* of the whole, at least */

/* A recording, or a part of it. */
typedef struct {
	const AnalysisStore *store;
	const Diagnose *diagnose;  /* of the same range */
	gint64 begin_ns, end_ns;   /* within the store's */
} CompareSide;

typedef struct {
	guint slices;              /* 0: COMPARE_SLICES */
	gboolean all;              /* what did not change too */
} CompareOptions;

/*
 * One row for each thing and measure; those that changed most first. *significant_out: how many of them changed. Errors: those of the analyses that are asked; ST_ERROR_USAGE for a
 * range with nothing in it.
 */
View *compare_view(const CompareSide *before, const CompareSide *after, const CompareOptions *options, guint *significant_out, GError **error);

#endif
