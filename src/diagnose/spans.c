/* SPDX-License-Identifier: MIT */
/* spans.c: the time that intervals cover together. */
#include "diagnose/spans.h"

static gint by_begin(gconstpointer a, gconstpointer b)
{
	const DiagnoseSpan *x = a, *y = b;

	return (x->begin > y->begin) - (x->begin < y->begin);
}

void diagnose_spans_merge(GArray *spans)
{
	guint n = 0;

	g_array_sort(spans, by_begin);
	for (guint i = 0; i < spans->len; i++) {
		DiagnoseSpan s = g_array_index(spans, DiagnoseSpan, i), *last = n ? &g_array_index(spans, DiagnoseSpan, n - 1) : NULL;

		if (last && s.begin <= last->end)
			last->end = MAX(last->end, s.end);
		else
			g_array_index(spans, DiagnoseSpan, n++) = s;
	}
	g_array_set_size(spans, n);
}

gint64 diagnose_spans_within(const GArray *spans, gint64 begin, gint64 end)
{
	guint lo = 0, hi = spans->len;
	gint64 sum = 0;

	while (lo < hi) {
		guint mid = lo + (hi - lo) / 2;

		if (g_array_index(spans, DiagnoseSpan, mid).end <= begin)
			lo = mid + 1;
		else
			hi = mid;
	}
	for (; lo < spans->len; lo++) {
		const DiagnoseSpan *s = &g_array_index(spans, DiagnoseSpan, lo);

		if (s->begin >= end)
			break;
		sum += MIN(s->end, end) - MAX(s->begin, begin);
	}
	return sum;
}

gint64 diagnose_spans_sum(const GArray *spans)
{
	return diagnose_spans_within(spans, G_MININT64, G_MAXINT64);
}
