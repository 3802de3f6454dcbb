/* SPDX-License-Identifier: MIT */
/* diagnose/spans.h: intervals that overlap, and the time that they cover together. */
#ifndef STRATA_DIAGNOSE_SPANS_H
#define STRATA_DIAGNOSE_SPANS_H

#include <glib.h>

#define DIAGNOSE_SPANS_MAX (1u << 24) /* of one array; more are not added */

typedef struct {
	gint64 begin, end;
} DiagnoseSpan;

static inline void diagnose_span_add(GArray *spans, gint64 begin, gint64 end)
{
	DiagnoseSpan s = {begin, end};

	if (begin < end && spans->len < DIAGNOSE_SPANS_MAX)
		g_array_append_val(spans, s);
}

/* In order, those that touch being made one. */
void diagnose_spans_merge(GArray *spans);

/* What they cover, within [begin, end) and in all; of merged ones. */
gint64 diagnose_spans_within(const GArray *spans, gint64 begin, gint64 end);
gint64 diagnose_spans_sum(const GArray *spans);

#endif
