/* SPDX-License-Identifier: MIT */
/* analysis/overlay.h: several rows of a history at once, cut wherever one of them changes. Private to analysis/. */
#ifndef STRATA_ANALYSIS_OVERLAY_H
#define STRATA_ANALYSIS_OVERLAY_H

#include "history/history.h"

#define ANALYSIS_NO_STATE G_MAXUINT8 /* the row does not reach there */

typedef struct {
	gint64 begin_ns, end_ns; /* of the piece: what was asked for is cut into pieces without gap or overlap */
	/* private */
	gint64 last_ns;
	guint n;
	struct AnalysisOverlayRow *rows;
} AnalysisOverlay;

/* Rows `rows` of a history within [begin, end); HISTORY_NO_ROW is a row that reaches nowhere. To be cleared. */
void analysis_overlay_init(AnalysisOverlay *o, const History *h, const guint32 *rows, guint n, gint64 begin_ns, gint64 end_ns);
void analysis_overlay_clear(AnalysisOverlay *o);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(AnalysisOverlay, analysis_overlay_clear)

/* The next piece; FALSE: there is none. */
gboolean analysis_overlay_next(AnalysisOverlay *o);

/* What the i-th row was doing in the piece: its whole interval; its state is ANALYSIS_NO_STATE where it has none. Valid until the next piece. */
const HistoryInterval *analysis_overlay_at(const AnalysisOverlay *o, guint i);

#endif
