/* SPDX-License-Identifier: MIT */
/* analysis/critical_target.h: whose critical path is asked for. Private to analysis/. */
#ifndef STRATA_ANALYSIS_CRITICAL_TARGET_H
#define STRATA_ANALYSIS_CRITICAL_TARGET_H

#include "analysis/times.h"

typedef struct {
	const AnalysisStoreTrace *trace;
	guint32 serial;     /* the thread; of a process: its main thread */
	guint32 last;       /* of a process: the thread that ended last, which ends it; else the same thread */
	gint64 last_begin;  /* from when on that one is followed */
	gint64 begin, end;  /* in the trace's own clock */
	guint found;        /* threads, or processes, that fit: it is the busiest one */
	gboolean is_process;
} CriticalTarget;

/* query->threads, or if there are none query->processes, each "[MACHINE:]ID" or names. FALSE: nobody fits (ST_ERROR_USAGE). */
gboolean critical_target_find(const AnalysisStore *s, const AnalysisQuery *q, CriticalTarget *out, GError **error);

#endif
