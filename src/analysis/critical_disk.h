/* SPDX-License-Identifier: MIT */
/* analysis/critical_disk.h: the disk requests that waits were for, what the machines below did for those, and who else filled the disk. */
#ifndef STRATA_ANALYSIS_CRITICAL_DISK_H
#define STRATA_ANALYSIS_CRITICAL_DISK_H

#include "analysis/query.h"
#include "graph/graph.h"

/* One machine's; what is asked for is looked up when it is first asked for. */
typedef struct CriticalDisk CriticalDisk;

/* The store must outlive it. `alone`: nothing is asked of the machine below. */
CriticalDisk *critical_disk_new(const AnalysisStore *s, const AnalysisStoreTrace *t, gboolean alone);
void critical_disk_free(CriticalDisk *d); /* NULL is fine */

/* The requests that a wait for a disk was for, which ended then, as GraphWorld wants them. */
guint critical_disk_of_wait(CriticalDisk *d, guint32 thread, gint64 end_ns, GraphRequest out[GRAPH_REQUESTS_MAX]);

/* Likewise those of the thread's process of which the last was done from begin_ns to end_ns. */
guint critical_disk_done(CriticalDisk *d, guint32 thread, gint64 begin_ns, gint64 end_ns, GraphRequest out[GRAPH_REQUESTS_MAX]);

/* What the machine below did for a request, as GraphWorld wants it; of the steps `graph` and `machine` are the caller's to fill. `below` is that machine's. */
guint critical_disk_below(CriticalDisk *d, CriticalDisk *below, guint64 request, GraphStep steps[GRAPH_STEPS_MAX]);

/*
 * How a guest is told by the machine below that something is done for it: at done_ns, in that machine's clock, `owner` has it. Until end_ns; at most CRITICAL_DISK_BACK steps.
 */
#define CRITICAL_DISK_BACK 2
guint critical_disk_way_back(CriticalDisk *d, const CriticalDisk *below, guint32 owner, gint64 done_ns, gint64 end_ns, GraphStep *steps);

#endif
