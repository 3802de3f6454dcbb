/* SPDX-License-Identifier: MIT */
/* worst.c: the greatest of many, in a heap whose root is the least of those kept. */
#include "analysis/calls.h"

struct AnalysisWorst {
	GArray *heap;
	guint limit;
};

AnalysisWorst *analysis_worst_new(guint limit)
{
	AnalysisWorst *w = g_new0(AnalysisWorst, 1);

	w->heap = g_array_new(FALSE, FALSE, sizeof(AnalysisWorstItem));
	w->limit = limit;
	return w;
}

void analysis_worst_free(AnalysisWorst *w)
{
	if (!w)
		return;
	g_array_unref(w->heap);
	g_free(w);
}

/* Greatest first; of equal ones the one that came first. */
static gint compare(gconstpointer a, gconstpointer b)
{
	const AnalysisWorstItem *x = a, *y = b;

	if (x->ns != y->ns)
		return x->ns > y->ns ? -1 : 1;
	return x->item < y->item ? -1 : x->item > y->item;
}

static void sink(AnalysisWorstItem *v, guint n, guint i)
{
	for (guint child; (child = 2 * i + 1) < n; i = child) {
		AnalysisWorstItem t = v[i];

		if (child + 1 < n && compare(&v[child + 1], &v[child]) > 0)
			child++;
		if (compare(&v[child], &v[i]) <= 0)
			return;
		v[i] = v[child];
		v[child] = t;
	}
}

void analysis_worst_add(AnalysisWorst *w, gint64 ns, guint64 item)
{
	AnalysisWorstItem x = {ns, item}, *v = (AnalysisWorstItem *)(gpointer)w->heap->data;

	if (!w->limit || w->heap->len < w->limit) {
		g_array_append_val(w->heap, x);
		if (w->heap->len == w->limit)
			for (guint i = w->limit / 2 + 1; i-- > 0;)
				sink((AnalysisWorstItem *)(gpointer)w->heap->data, w->limit, i);
	} else if (compare(&x, &v[0]) < 0) {
		v[0] = x;
		sink(v, w->limit, 0);
	}
}

const AnalysisWorstItem *analysis_worst_sorted(AnalysisWorst *w, guint *n_out)
{
	g_array_sort(w->heap, compare);
	*n_out = w->heap->len;
	return (const AnalysisWorstItem *)(gpointer)w->heap->data;
}
