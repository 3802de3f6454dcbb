/* SPDX-License-Identifier: MIT */
/* analysis/idle.h: when processors were idle that somebody who waited for another one could have had. Private to analysis/. */
#ifndef STRATA_ANALYSIS_IDLE_H
#define STRATA_ANALYSIS_IDLE_H

#include "history/history.h"

typedef struct AnalysisIdle AnalysisIdle;

/* Of all processors of a history, within [begin, end). */
AnalysisIdle *analysis_idle_new(const History *h, gint64 begin_ns, gint64 end_ns);
void analysis_idle_free(AnalysisIdle *idle); /* NULL is fine */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(AnalysisIdle, analysis_idle_free)

/* For how long within [begin, end) some processor other than `cpu` was idle. */
gint64 analysis_idle_ns(const AnalysisIdle *idle, gint32 cpu, gint64 begin_ns, gint64 end_ns);

#endif
