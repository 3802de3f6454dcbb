/* SPDX-License-Identifier: MIT */
/* clock.c: times of a trace as everybody is told them. */
#include "analysis/store.h"

gint64 analysis_time(const AnalysisStoreTrace *t, gint64 time)
{
	return !t->experiment || t->member == EXPERIMENT_NONE ? time : experiment_to_root(t->experiment, t->member, time);
}

gint64 analysis_own_time(const AnalysisStoreTrace *t, gint64 time)
{
	return !t->experiment || t->member == EXPERIMENT_NONE ? time : experiment_from_root(t->experiment, t->member, time);
}

void analysis_set_time(View *v, guint column, const AnalysisStoreTrace *t, gint64 time)
{
	view_set_int(v, column, analysis_time(t, time));
}
