/* SPDX-License-Identifier: MIT */
/* clock.c: times of a trace as everybody is told them. */
#include "analysis/store.h"

const AnalysisStoreTrace *analysis_store_member(const AnalysisStore *s, guint member)
{
	for (guint i = 0; i < s->traces->len; i++) {
		const AnalysisStoreTrace *t = g_ptr_array_index(s->traces, i);

		if (t->is_kernel && t->member == member)
			return t;
	}
	return NULL;
}

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
