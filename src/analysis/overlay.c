/* SPDX-License-Identifier: MIT */
/* overlay.c: several rows at once. */
#include "analysis/overlay.h"

struct AnalysisOverlayRow {
	HistoryWalk walk;
	HistoryInterval next; /* of the walk: it may not have begun yet */
	HistoryInterval now;
	gboolean has_next;
};

void analysis_overlay_init(AnalysisOverlay *o, const History *h, const guint32 *rows, guint n, gint64 begin_ns, gint64 end_ns)
{
	*o = (AnalysisOverlay){.begin_ns = begin_ns, .end_ns = begin_ns, .last_ns = MAX(begin_ns, end_ns), .n = n};
	o->rows = g_new0(struct AnalysisOverlayRow, MAX(n, 1));
	for (guint i = 0; i < n; i++) {
		struct AnalysisOverlayRow *r = &o->rows[i];

		if (rows[i] == HISTORY_NO_ROW)
			continue;
		history_walk(&r->walk, h, rows[i], begin_ns, end_ns);
		r->has_next = history_walk_next(&r->walk, &r->next);
	}
}

void analysis_overlay_clear(AnalysisOverlay *o)
{
	g_clear_pointer(&o->rows, g_free);
	o->n = 0;
}

/* What the row does from `time` on. Returns until when at most. */
static gint64 update(struct AnalysisOverlayRow *r, gint64 time)
{
	while (r->has_next && r->next.end_ns <= time)
		r->has_next = history_walk_next(&r->walk, &r->next);
	if (r->has_next && r->next.begin_ns <= time) {
		r->now = r->next;
		return r->next.end_ns;
	}
	r->now = (HistoryInterval){.begin_ns = time, .end_ns = r->has_next ? r->next.begin_ns : G_MAXINT64, .state = ANALYSIS_NO_STATE};
	return r->now.end_ns;
}

gboolean analysis_overlay_next(AnalysisOverlay *o)
{
	gint64 end = o->last_ns;

	if (o->end_ns >= o->last_ns)
		return FALSE;
	o->begin_ns = o->end_ns;
	for (guint i = 0; i < o->n; i++)
		end = MIN(end, update(&o->rows[i], o->begin_ns));
	o->end_ns = end;
	return TRUE;
}

const HistoryInterval *analysis_overlay_at(const AnalysisOverlay *o, guint i)
{
	return &o->rows[i].now;
}
