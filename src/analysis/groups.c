/* SPDX-License-Identifier: MIT */
/* groups.c: durations by key, and over time. */
#include "analysis/query.h"

#include <string.h>

struct AnalysisGroups {
	gint64 begin_ns;
	gint64 every_ns; /* 0: no series */
	GPtrArray *groups;
	guint32 *slots; /* open addressing: number of the group plus one; 0: free */
	guint mask;
	guint64 dropped;
};

static void group_free(gpointer data)
{
	AnalysisGroup *g = data;

	st_hist_clear(&g->hist);
	g_free(g);
}

AnalysisGroups *analysis_groups_new(const AnalysisQuery *q, const AnalysisFilter *f)
{
	AnalysisGroups *g = g_new0(AnalysisGroups, 1);

	g->begin_ns = analysis_filter_begin(f);
	g->every_ns = q->form == ANALYSIS_SERIES ? MAX(q->every_ns, 1) : 0;
	g->groups = g_ptr_array_new_with_free_func(group_free);
	g->mask = 63;
	g->slots = g_new0(guint32, g->mask + 1);
	return g;
}

void analysis_groups_free(AnalysisGroups *g)
{
	if (!g)
		return;
	g_ptr_array_unref(g->groups);
	g_free(g->slots);
	g_free(g);
}

/* ---- Finding ----------------------------------------------------------------------------------------------------- */

static guint hash(guint64 key0, guint64 key1, gint64 step)
{
	guint64 h = (key0 * 0x9e3779b97f4a7c15u) ^ (key1 * 0xc2b2ae3d27d4eb4fu) ^ ((guint64)step * 0x165667b19e3779f9u);

	h ^= h >> 32;
	h *= 0x9e3779b97f4a7c15u;
	return (guint)(h >> 32);
}

static guint32 *find_slot(const AnalysisGroups *g, guint64 key0, guint64 key1, gint64 step)
{
	guint i = hash(key0, key1, step) & g->mask;

	for (; g->slots[i]; i = (i + 1) & g->mask) {
		const AnalysisGroup *at = g_ptr_array_index(g->groups, g->slots[i] - 1);

		if (at->key[0] == key0 && at->key[1] == key1 && at->step_ns == step)
			break;
	}
	return &g->slots[i];
}

static void grow(AnalysisGroups *g)
{
	g_free(g->slots);
	g->mask = g->mask * 2 + 1;
	g->slots = g_new0(guint32, (gsize)g->mask + 1);
	for (guint i = 0; i < g->groups->len; i++) {
		const AnalysisGroup *at = g_ptr_array_index(g->groups, i);

		*find_slot(g, at->key[0], at->key[1], at->step_ns) = i + 1;
	}
}

static AnalysisGroup *get_group(AnalysisGroups *g, guint64 key0, guint64 key1, gint64 step)
{
	guint32 *slot = find_slot(g, key0, key1, step);

	if (*slot)
		return g_ptr_array_index(g->groups, *slot - 1);
	if (g->groups->len >= ANALYSIS_GROUPS_MAX)
		return NULL;
	AnalysisGroup *made = g_new0(AnalysisGroup, 1);
	made->key[0] = key0;
	made->key[1] = key1;
	made->step_ns = step;
	g_ptr_array_add(g->groups, made);
	*slot = g->groups->len;
	if (g->groups->len > g->mask / 2)
		grow(g);
	return made;
}

/* ---- Adding ------------------------------------------------------------------------------------------------------ */

gint64 analysis_groups_step(const AnalysisGroups *g, gint64 time)
{
	return g->every_ns ? g->begin_ns + (time - g->begin_ns) / g->every_ns * g->every_ns : 0;
}

void analysis_groups_add(AnalysisGroups *g, guint64 key0, guint64 key1, gint64 end_ns, gint64 ns, gint64 amount, gboolean is_error)
{
	AnalysisGroup *at = get_group(g, key0, key1, analysis_groups_step(g, end_ns));

	if (!at) {
		g->dropped++;
		return;
	}
	if (!at->count || ns > at->max_ns) {
		at->max_ns = ns;
		at->worst_ns = end_ns;
	}
	at->min_ns = at->count ? MIN(at->min_ns, ns) : ns;
	at->count++;
	at->errors += is_error != FALSE;
	at->total_ns += ns;
	at->amount += amount;
	st_hist_add(&at->hist, ns);
}

const AnalysisGroup *analysis_groups_find(const AnalysisGroups *g, guint64 key0, guint64 key1, gint64 step)
{
	guint32 slot = *find_slot(g, key0, key1, step);

	return slot ? g_ptr_array_index(g->groups, slot - 1) : NULL;
}

guint analysis_groups_len(const AnalysisGroups *g)
{
	return g->groups->len;
}

const AnalysisGroup *analysis_groups_get(const AnalysisGroups *g, guint i)
{
	return g_ptr_array_index(g->groups, i);
}

guint64 analysis_groups_dropped(const AnalysisGroups *g)
{
	return g->dropped;
}

/* ---- Columns ----------------------------------------------------------------------------------------------------- */

enum { COUNT, TOTAL, MIN_, MEAN, P50, P90, P99, MAX_, BINS };

guint analysis_add_time_column(View *v, const AnalysisQuery *q)
{
	return q->form == ANALYSIS_SERIES ? view_add_column(v, "time_ns", "TIME", VIEW_TIME_NS) : G_MAXUINT;
}

guint analysis_add_machine_column(View *v, const AnalysisStore *s)
{
	guint column = view_add_column(v, "machine", "MACHINE", VIEW_TEXT);

	if (s->traces->len < 2)
		view_hide_from_text(v, column);
	return column;
}

guint analysis_add_dist_columns(View *v, const AnalysisQuery *q)
{
	guint first = view_add_column(v, "count", "COUNT", VIEW_COUNT);

	view_add_column(v, "total_ns", "TOTAL", VIEW_NS);
	view_add_column(v, "min_ns", "MIN", VIEW_NS);
	view_add_column(v, "mean_ns", "MEAN", VIEW_NS);
	view_add_column(v, "p50_ns", "P50", VIEW_NS);
	view_add_column(v, "p90_ns", "P90", VIEW_NS);
	view_add_column(v, "p99_ns", "P99", VIEW_NS);
	view_add_column(v, "max_ns", "MAX", VIEW_NS);
	if (q->histogram)
		view_add_column(v, "histogram", "HISTOGRAM", VIEW_BINS);
	return first;
}

void analysis_set_bins(View *v, guint column, const StHist *hist)
{
	guint64 counts[ST_HIST_OCTAVES];
	ViewBin bins[ST_HIST_OCTAVES];
	guint first = 0, last = ST_HIST_OCTAVES;

	st_hist_octaves(hist, counts);
	while (first < last && !counts[first])
		first++;
	while (last > first && !counts[last - 1])
		last--;
	for (guint i = first; i < last; i++)
		bins[i - first] = (ViewBin){i ? (gint64)1 << (i - 1) : 0, i < 63 ? (gint64)1 << i : G_MAXINT64, counts[i]};
	view_set_bins(v, column, bins, last - first);
}

void analysis_set_dist(View *v, guint first, const AnalysisQuery *q, const AnalysisGroup *g)
{
	view_set_uint(v, first + COUNT, g->count);
	view_set_int(v, first + TOTAL, g->total_ns);
	if (!g->count)
		return;
	view_set_int(v, first + MIN_, g->min_ns);
	view_set_int(v, first + MEAN, (gint64)((double)g->total_ns / (double)g->count));
	view_set_int(v, first + P50, st_hist_percentile(&g->hist, 50));
	view_set_int(v, first + P90, st_hist_percentile(&g->hist, 90));
	view_set_int(v, first + P99, st_hist_percentile(&g->hist, 99));
	view_set_int(v, first + MAX_, g->max_ns);
	if (q->histogram)
		analysis_set_bins(v, first + BINS, &g->hist);
}
