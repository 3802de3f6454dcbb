/* SPDX-License-Identifier: MIT */
/*
 * kernel/counters.h: hardware counters (contexts perf:cpu:* and perf:thread:*) by thread, processor and what the processor did. A part of the set (kernel/set.h) that
 * comes after flow.
 *
 * A counter is read with each event; what it has counted since the last time is what was done in between. That belongs to the thread and the
 * state that the processor was in since then, if no event in between went unread. Over lost events, over a counter that could not be read (0) and over one that
 * was set back, nothing is counted.
 */
#ifndef STRATA_KERNEL_COUNTERS_H
#define STRATA_KERNEL_COUNTERS_H

#include "kernel/flow.h"

#define KERNEL_COUNTER_WINDOWS 4096               /* sums are kept for so many parts of the trace ... */
#define KERNEL_COUNTER_WINDOW_MIN_NS 1000000      /* ... of this length at least: a range asked for is exact but for one of these at each end */

/* The table "counters": which there are. */
typedef struct {
	guint32 name;         /* text: "cycles" */
	guint8 of_thread;     /* it counts while its thread runs, wherever; else all that its processor does */
	guint8 bits;
	guint64 resets;       /* how often it was set back, or could not be read */
} KernelCounterItem;

#define KERNEL_COUNTERS_TABLE "counters"

/* The table "counter_sums": what was counted in one window of time on a processor, for a thread, in a state. */
typedef struct {
	gint64 end_ns;        /* when it was read last */
	gint64 ns;            /* how long it was, in sum: from one reading to the next */
	guint32 thread;       /* serial; G_MAXUINT32: not known, or several */
	gint32 cpu;
	guint8 state;         /* KernelCpuStateId; unknown: not known, or several */
	guint8 present;       /* a bit for each counter that was read */
	guint64 v[TRACE_COUNTERS_MAX]; /* by item of "counters" */
} KernelCounterSum;

#define KERNEL_COUNTER_SUMS_TABLE "counter_sums"

#endif
