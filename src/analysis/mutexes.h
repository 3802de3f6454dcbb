/* SPDX-License-Identifier: MIT */
/* analysis/mutexes.h: who waited for the mutexes of a user space trace, and who had them meanwhile. */
#ifndef STRATA_ANALYSIS_MUTEXES_H
#define STRATA_ANALYSIS_MUTEXES_H

#include "analysis/join.h"

/* A thread, and a mutex that it asked for. */
typedef struct {
	guint64 mutex;       /* address */
	guint32 thread;      /* index of USER_THREADS_TABLE, as the next one */
	guint32 holder;      /* who had it for most of the time waited; ANALYSIS_NO_THREAD: nobody was seen to */
	guint64 count;       /* how often it got it */
	guint64 waiting;     /* asked for, and not got when the trace ended */
	gint64 total_ns, max_ns;  /* time waited; that of what is still asked for until the trace's end */
	gint64 held_ns;      /* for how long it had it, as far as it gave it back */
	gint64 holder_ns;    /* of the time waited, while `holder` had it */
} AnalysisMutexWait;

/* TRUE: this thread's waits are wanted. */
typedef gboolean (*AnalysisMutexFunc)(gpointer user, guint32 thread);

/* AnalysisMutexWait of all that was got in the filter's range, or not got at its end, in no order; free it with g_array_unref(). */
GArray *analysis_mutex_waits(const AnalysisStoreTrace *t, const AnalysisFilter *f, AnalysisMutexFunc wanted, gpointer user);

#endif
