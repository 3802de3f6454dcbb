/* SPDX-License-Identifier: MIT */
/* loss.c: lost time: how much, when, and the worst of it. */
#include "diagnose/loss.h"

#define BINS 2048 /* of the trace's time */

static gint64 bin_begin(const DiagnoseLoss *l, guint bin)
{
	return l->begin + (gint64)bin * l->width;
}

DiagnoseLoss *diagnose_loss_new(const AnalysisStoreTrace *t)
{
	DiagnoseLoss *l = g_new0(DiagnoseLoss, 1);

	l->trace = t;
	l->begin = t->begin_ns;
	l->width = MAX((t->end_ns - t->begin_ns) / BINS + 1, 1);
	l->worst = g_array_new(FALSE, FALSE, sizeof(DiagnoseWorst));
	return l;
}

void diagnose_loss_free(DiagnoseLoss *l)
{
	if (!l)
		return;
	g_free(l->bins);
	g_array_unref(l->worst);
	g_free(l);
}

gint64 diagnose_loss_ns(const DiagnoseLoss *l)
{
	return l->ns;
}

/* Few are kept: the shortest of them makes room. */
static void keep_worst(DiagnoseLoss *l, const DiagnoseWorst *w)
{
	guint shortest = 0;

	if (l->worst->len < DIAGNOSE_EVIDENCE_MAX) {
		g_array_append_val(l->worst, *w);
		return;
	}
	for (guint i = 1; i < l->worst->len; i++) {
		const DiagnoseWorst *a = &g_array_index(l->worst, DiagnoseWorst, i), *b = &g_array_index(l->worst, DiagnoseWorst, shortest);

		if (a->end - a->begin < b->end - b->begin)
			shortest = i;
	}
	DiagnoseWorst *out = &g_array_index(l->worst, DiagnoseWorst, shortest);
	if (w->end - w->begin > out->end - out->begin)
		*out = *w;
}

/* `share` of each instant. */
static void add_to_bins(DiagnoseLoss *l, gint64 begin_ns, gint64 end_ns, double share)
{
	if (!l->bins) /* most who could lose time don't */
		l->bins = g_new0(gint64, BINS);
	for (gint64 at = MAX(begin_ns, l->begin); at < end_ns;) {
		guint bin = (guint)MIN((at - l->begin) / l->width, BINS - 1);
		gint64 until = bin == BINS - 1 ? end_ns : MIN(end_ns, bin_begin(l, bin + 1));

		l->bins[bin] += (gint64)((double)(until - at) * share);
		at = until;
	}
}

void diagnose_loss_add_part(DiagnoseLoss *l, gint64 begin_ns, gint64 end_ns, gint64 ns)
{
	if (ns <= 0 || end_ns <= begin_ns)
		return;
	l->ns += ns;
	add_to_bins(l, begin_ns, end_ns, (double)ns / (double)(end_ns - begin_ns));
}

void diagnose_loss_show(DiagnoseLoss *l, gint64 begin_ns, gint64 end_ns, guint32 row, const char *state)
{
	DiagnoseWorst w = {begin_ns, end_ns, row, state};

	if (begin_ns < end_ns)
		keep_worst(l, &w);
}

void diagnose_loss_add(DiagnoseLoss *l, gint64 begin_ns, gint64 end_ns, guint32 row, const char *state)
{
	diagnose_loss_add_part(l, begin_ns, end_ns, end_ns - begin_ns);
	diagnose_loss_show(l, begin_ns, end_ns, row, state);
}

void diagnose_loss_show_in_row(DiagnoseLoss *l, gint64 begin_ns, gint64 end_ns, guint32 row)
{
	const History *h = l->trace->history;
	HistoryInterval at;

	if (row == HISTORY_NO_ROW || !history_at(h, row, begin_ns + (end_ns - begin_ns) / 2, &at))
		return;
	diagnose_loss_show(l, MAX(at.begin_ns, begin_ns), MIN(at.end_ns, end_ns), row, history_state_name(h, history_row_kind(h, row), at.state));
}

void diagnose_loss_add_in_row(DiagnoseLoss *l, gint64 begin_ns, gint64 end_ns, guint32 row)
{
	diagnose_loss_add_part(l, begin_ns, end_ns, end_ns - begin_ns);
	diagnose_loss_show_in_row(l, begin_ns, end_ns, row);
}

double diagnose_loss_peak(const DiagnoseLoss *l, gint64 ns)
{
	guint n = (guint)((ns + l->width - 1) / l->width);
	gint64 sum = 0, most = 0;

	for (guint i = 0; l->bins && i < BINS; i++) {
		sum += l->bins[i] - (i >= n ? l->bins[i - n] : 0);
		most = MAX(most, sum);
	}
	return (double)most / ((double)n * (double)l->width);
}

/* ---- When -------------------------------------------------------------------------------------------------------------- */

/* Merge the two ranges with the least time between them. */
static void join_nearest(GArray *ranges)
{
	guint nearest = 1;

	for (guint i = 2; i < ranges->len; i++) {
		const DiagnoseRange *r = (const DiagnoseRange *)(gpointer)ranges->data;

		if (r[i].begin_ns - r[i - 1].end_ns < r[nearest].begin_ns - r[nearest - 1].end_ns)
			nearest = i;
	}
	g_array_index(ranges, DiagnoseRange, nearest - 1).end_ns = g_array_index(ranges, DiagnoseRange, nearest).end_ns;
	g_array_remove_index(ranges, nearest);
}

/* Between parts of the trace that lost more than half of its mean: what is quiet for less than this many of its 2048th parts belongs to them. */
#define QUIET 24

GArray *diagnose_loss_ranges(const DiagnoseLoss *l)
{
	GArray *ranges = g_array_new(FALSE, FALSE, sizeof(DiagnoseRange));
	gint64 mean = l->ns / BINS;
	guint last = 0;

	for (guint i = 0; l->bins && i < BINS; i++) {
		if (!l->bins[i] || l->bins[i] < mean / 2) /* what is lost steadily varies a little from part to part */
			continue;
		gint64 end = MIN(bin_begin(l, i + 1), l->trace->end_ns);
		if (ranges->len && i - last <= QUIET) {
			g_array_index(ranges, DiagnoseRange, ranges->len - 1).end_ns = end;
		} else {
			DiagnoseRange r = {bin_begin(l, i), end};
			g_array_append_val(ranges, r);
		}
		last = i;
	}
	while (ranges->len > DIAGNOSE_RANGES_MAX)
		join_nearest(ranges);
	for (guint i = 0; i < ranges->len; i++) {
		DiagnoseRange *r = &g_array_index(ranges, DiagnoseRange, i);

		r->begin_ns = analysis_time(l->trace, r->begin_ns);
		r->end_ns = analysis_time(l->trace, r->end_ns);
	}
	return ranges;
}

static gint longest_first(gconstpointer a, gconstpointer b)
{
	const DiagnoseWorst *x = a, *y = b;
	gint64 p = x->end - x->begin, q = y->end - y->begin;

	return p != q ? (p < q) - (p > q) : (x->begin > y->begin) - (x->begin < y->begin);
}

static void evidence_clear(gpointer evidence)
{
	g_free(((DiagnoseEvidence *)evidence)->row);
}

GArray *diagnose_loss_evidence(const DiagnoseLoss *l)
{
	GArray *all = g_array_new(FALSE, FALSE, sizeof(DiagnoseEvidence));

	g_array_set_clear_func(all, evidence_clear);
	g_array_sort(l->worst, longest_first);
	for (guint i = 0; i < l->worst->len; i++) {
		const DiagnoseWorst *w = &g_array_index(l->worst, DiagnoseWorst, i);
		DiagnoseEvidence e = {g_strdup_printf("%s/%s", l->trace->name, history_row_path(l->trace->history, w->row)),
				      analysis_time(l->trace, w->begin), analysis_time(l->trace, w->end), w->state};

		g_array_append_val(all, e);
	}
	return all;
}
