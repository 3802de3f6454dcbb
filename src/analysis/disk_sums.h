/* SPDX-License-Identifier: MIT */
/* analysis/disk_sums.h: sums over disk requests (kernel/block.h), by device, by process and by step of time. */
#ifndef STRATA_ANALYSIS_DISK_SUMS_H
#define STRATA_ANALYSIS_DISK_SUMS_H

#include "analysis/query.h"
#include "kernel/block.h"

#define DISK_ALL     (-1) /* who: everybody */
#define DISK_UNKNOWN (-2)

typedef struct {
	guint32 disk;
	gint64 who;          /* process number, or DISK_ALL, DISK_UNKNOWN */
	gint64 step_ns;
	guint32 thread;      /* some thread of it */
	guint64 requests, ops[KERNEL_DISK_OP_COUNT], bytes[KERNEL_DISK_OP_COUNT]; /* that were completed */
	guint64 merges, requeues, errors, sequential;
	AnalysisGroup driver; /* time in the driver */
	StHist queue;         /* time in the queue */
	gint64 length_ns;     /* of the step or range, and of that the time of which nothing is known */
	gint64 unknown_ns;
	gint64 busy_ns;       /* some request was in the driver */
	double in_flight_ns;  /* requests times their time in the driver, within the step or range */
	guint in_flight_max;
	gint64 blocked_ns;    /* of threads, for the disk, within the step or range */
} DiskSum;

typedef struct DiskSums DiskSums;

/* NULL: the trace has none. Query, trace and filter must outlive it. */
DiskSums *disk_sums_new(const AnalysisQuery *q, const AnalysisStoreTrace *t, const AnalysisFilter *f);
void disk_sums_free(DiskSums *s); /* NULL is fine */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(DiskSums, disk_sums_free)

/* Make the sums. Without a series there are sums for processes as well. */
void disk_sums_add(DiskSums *s);
guint disk_sums_len(const DiskSums *s);
const DiskSum *disk_sums_get(const DiskSums *s, guint i);

const char *disk_sums_machine(const DiskSums *s);
const AnalysisStoreTrace *disk_sums_trace(const DiskSums *s);
const char *disk_sums_device(const DiskSums *s, guint32 disk);
char *disk_sums_who(const DiskSums *s, const DiskSum *sum); /* the caller frees */

/* Requests that are in no sum, and completions without one, in the whole trace. */
void disk_sums_doubts(const DiskSums *s, guint64 *open_out, guint64 *lost_out, guint64 *unmatched_out);

/* The requests in the range that took longest, completed or still open: KernelDiskRequest *. `limit` 0: all of them. */
GPtrArray *disk_sums_slowest(const DiskSums *s, guint limit);

/* ---- A request ------------------------------------------------------------------------------------------------------ */

/* From when it was first seen until its submitter was told of its end; of one that is open, until the trace's end. */
gint64 disk_request_total(const KernelDiskRequest *r, gint64 end_ns);

/* "sync,meta"; the caller frees. */
char *disk_request_flags(const KernelDiskRequest *r);

#endif
