/* SPDX-License-Identifier: MIT */
/*
 * analysis/times.h: where the time of threads went, added up: what `strata threads` and `strata processes` have in common.
 */
#ifndef STRATA_ANALYSIS_TIMES_H
#define STRATA_ANALYSIS_TIMES_H

#include "analysis/query.h"
#include "kernel/flow.h"

typedef struct {
	gint64 ns[KERNEL_TS_COUNT];
	guint64 threads, switches, preemptions, wakeups;
} AnalysisTimes;

/* One trace's tables of threads and of scheduling latencies, as far as the query wants them. */
typedef struct {
	const AnalysisQuery *query;
	const AnalysisStoreTrace *trace;
	const AnalysisFilter *filter;
	guint table;
	guint64 n;
} AnalysisThreads;

/* FALSE: the trace has no threads. */
gboolean analysis_threads_open(AnalysisThreads *t, const AnalysisQuery *q, const AnalysisStoreTrace *trace, const AnalysisFilter *f);

/* The thread of that serial if it has states, and is wanted; NULL: not. */
const KernelThreadItem *analysis_threads_get(const AnalysisThreads *t, guint64 serial);

/* The part of [begin, end) in which it lived. FALSE: it didn't. */
gboolean analysis_threads_life(const AnalysisThreads *t, const KernelThreadItem *item, gint64 *begin_ns, gint64 *end_ns);

/* Its states within [begin, end), and how often it was switched to, preempted and woken, are added. */
void analysis_times_add(AnalysisTimes *times, const AnalysisThreads *t, const KernelThreadItem *item, gint64 begin_ns, gint64 end_ns);

/* Has it had a processor, or wanted one? */
gboolean analysis_times_active(const AnalysisTimes *times);

/* A key to group threads by. */
typedef guint64 (*AnalysisThreadKey)(const KernelThreadItem *item, guint64 serial);

/* Scheduling latencies: from the wakeup of a thread until it had a processor. */
AnalysisGroups *analysis_latencies(const AnalysisThreads *t, AnalysisThreadKey key);

/* The longest of them, one by one. */
View *analysis_latency_log(const AnalysisStore *s, const AnalysisQuery *q);

/* Columns of all these; returns the first one's number, that of the time on processors. `latencies` may be NULL: there were none. */
guint analysis_times_columns(View *v, const AnalysisQuery *q);
void analysis_times_set(View *v, guint first, const AnalysisQuery *q, const AnalysisTimes *times, const AnalysisGroup *latencies);

/* Columns that tell people nothing are hidden from them. `total`: of all rows, its states only. */
void analysis_times_end(View *v, guint first, const AnalysisTimes *total);
void analysis_times_merge(AnalysisTimes *total, const AnalysisTimes *times);

/* A process's name by its number, as a table: its main thread's name, else any thread's. Values are those of the history. */
GHashTable *analysis_process_names(const AnalysisStoreTrace *t);

/* A series has no more steps than these. */
#define ANALYSIS_STEPS_MAX 1000000

/* FALSE: it would have (ST_ERROR_USAGE). */
gboolean analysis_check_steps(const AnalysisStore *s, const AnalysisQuery *q, GError **error);

/* The steps of a series, or the whole range as one step: FALSE after the last. Before the first: *begin == *end == the range's begin. */
gboolean analysis_next_step(const AnalysisThreads *t, gint64 *begin_ns, gint64 *end_ns);

#endif
