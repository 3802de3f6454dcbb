/* SPDX-License-Identifier: MIT */
/*
 * kernel/reclaim.h: threads that had to look for free memory themselves, because the kernel had none left for them, or their control group was at its limit. A part of the set (kernel/set.h).
 */
#ifndef STRATA_KERNEL_RECLAIM_H
#define STRATA_KERNEL_RECLAIM_H

#include "kernel/set.h"

#define KERNEL_RECLAIM_THREADS_MAX 65536 /* that do so at a time; when there are more all are forgotten */

/* The table "reclaims", in the order of their ends. What had begun before the trace, or where events were lost, is not in it. */
typedef struct {
	gint64 begin_ns, end_ns;
	guint32 thread;   /* serial */
	guint32 in_group; /* 1: for its control group's limit; 0: for the machine's memory */
} KernelReclaimItem;

#define KERNEL_RECLAIMS_TABLE "reclaims"

#endif
