/* SPDX-License-Identifier: MIT */
/* kernel/private.h: what the files of this folder share. */
#ifndef STRATA_KERNEL_PRIVATE_H
#define STRATA_KERNEL_PRIVATE_H

#include "kernel/kernel.h"

/* ---- tids.c: living threads by number, in two levels of tables so that a lookup is two loads ------------------ */

typedef struct KernelTids KernelTids;

KernelTids *kernel_tids_new(void);
void kernel_tids_free(KernelTids *tids);
KernelThread *kernel_tids_get(const KernelTids *tids, gint32 tid); /* NULL: none, or no valid number */
void kernel_tids_set(KernelTids *tids, gint32 tid, KernelThread *t);

#define KERNEL_KTHREADD 2 /* the number of the thread whose children all other kernel threads are */

/* ---- kernel.c: threads and processors ------------------------------------------------------------------------- */

/* The living thread of that number, made now if there is none. NULL: no valid number. `tid` 0 is not for here: see KernelCpu.idle. */
KernelThread *kernel_thread_get(Kernel *k, gint64 tid);

/* A thread whose number may be unknown (-1); it is not in the table yet. */
KernelThread *kernel_thread_new(Kernel *k, gint32 tid);

/* Give a thread of unknown number its number. Returns what the number stands for from now on. */
KernelThread *kernel_thread_bind(Kernel *k, KernelThread *t, gint32 tid);

/* The thread is no more: its number may be used again. */
void kernel_thread_remove(Kernel *k, KernelThread *t);

/* Take it out of the results and free it. It must be nowhere else. `same_as`: as Kernel.on_forget has it. */
void kernel_thread_forget(Kernel *k, KernelThread *t, KernelThread *same_as);

/* From `time` on it is in that state. */
void kernel_thread_state(KernelThread *t, KernelState state, gint64 time);

void kernel_thread_name(KernelThread *t, const char *name, guint len);

/* The processor, made now if there is none. NULL: no valid number. */
KernelCpu *kernel_cpu_get(Kernel *k, gint32 cpu);

void kernel_cpu_state(KernelCpu *c, KernelCpuState state, gint64 time);

/* ---- current.c ------------------------------------------------------------------------------------------------ */

/* Learn from the contexts recorded with an event of this thread. FALSE: they are another thread's. */
gboolean kernel_learn_contexts(KernelThread *t, const TraceEvent *ev);

/* ---- model.c -------------------------------------------------------------------------------------------------- */

void kernel_event(gpointer kernel, const TraceEvent *ev);
void kernel_loss(gpointer kernel, gint32 cpu, gint64 time, TraceLossEdge edge);

#endif
