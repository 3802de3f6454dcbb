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

/* "vdc, which fio 204 keeps busy": what a segment waited for. The caller frees. */
char *critical_disk_text(const AnalysisStoreTrace *t, const GraphSegment *s);

#endif
