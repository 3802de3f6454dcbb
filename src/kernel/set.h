/* SPDX-License-Identifier: MIT */
/*
 * kernel/set.h: everything that is kept of one kernel's trace, in one pass.
 *
 *     Kernel (kernel.h)  who is current where; threads' scheduler states
 *       part, part, ...  each a subject: files, disks, interrupts; writes rows and tables of the History
 *       flow             what every thread and processor was doing, and why threads were blocked: asks the other parts
 *
 * Parts are models (trace/trace.h) that come after the Kernel, in the order of KERNEL_PARTS: one may ask those before it. A new part is a file of its own
 * and a line there.
 */
#ifndef STRATA_KERNEL_SET_H
#define STRATA_KERNEL_SET_H

#include "history/history.h"
#include "kernel/kernel.h"

/* clang-format off */
#define KERNEL_PARTS(P) \
	P(SYSCALLS, syscalls) \
	P(FILES, files) \
	P(REQUESTS, requests) \
	P(FUTEX, futex) \
	P(IRQ, irq) \
	P(WORK, work) \
	P(POWER, power) \
	P(NET, net) \
	P(BLOCK, block) \
	P(MEMORY, memory) \
	P(RECLAIM, reclaim) \
	P(CONTAINERS, containers) \
	P(FLOW, flow) \
	P(COUNTERS, counters)
/* clang-format on */

typedef enum {
#define KERNEL_P(id, name) KERNEL_PART_##id,
	KERNEL_PARTS(KERNEL_P)
#undef KERNEL_P
	KERNEL_PART_COUNT
} KernelPartId;

typedef struct KernelSet {
	Kernel *kernel;
	History *history;
	const TraceFacts *facts;
	gpointer parts[KERNEL_PART_COUNT];
} KernelSet;

/* ---- Why a thread was blocked ------------------------------------------------------------------------------------ */

/* W(ID, NAME, MEANING): what a blocked thread waited for. */
/* clang-format off */
#define KERNEL_WAITS(W) \
	W(UNKNOWN, "unknown",  "not known") \
	W(DISK,    "disk",     "a block device's request") \
	W(NETWORK, "network",  "another machine, or another socket through the network stack") \
	W(TIMER,   "timer",    "time: it sleeps, or a timeout ran out") \
	W(FUTEX,   "futex",    "a futex: a lock or condition in user space") \
	W(PIPE,    "pipe",     "the other end of a pipe or FIFO") \
	W(SOCKET,  "socket",   "the other end of a Unix socket") \
	W(CHILD,   "child",    "a child process to end, stop or exec") \
	W(POLL,    "poll",     "any of several descriptors") \
	W(EVENT,   "event",    "an eventfd, signalfd, inotify or the like") \
	W(FAULT,   "fault",    "a page fault to be served") \
	W(KERNEL,  "kernel",   "a lock, work queue or other thread in the kernel") \
	W(SIGNAL,  "signal",   "a signal; stopped or traced") \
	W(IDLE,    "idle",     "a kernel thread without work")
/* clang-format on */

typedef enum {
#define KERNEL_W(id, name, meaning) KERNEL_WAIT_FOR_##id,
	KERNEL_WAITS(KERNEL_W)
#undef KERNEL_W
	KERNEL_WAIT_COUNT
} KernelWaitReason;

const char *kernel_wait_name(KernelWaitReason reason);

/* From what a wakeup was issued. */
typedef enum {
	KERNEL_FROM_UNKNOWN,
	KERNEL_FROM_THREAD,  /* its own code, or a system call */
	KERNEL_FROM_IRQ,     /* an interrupt's handler: number = irq */
	KERNEL_FROM_VECTOR,  /* the handler of a vector without a line (local timer, IPI): number = vector */
	KERNEL_FROM_SOFTIRQ, /* number = vec */
} KernelFrom;

/* A thread that has been woken: how it went to sleep, and who woke it. */
typedef struct {
	KernelThread *thread;
	gint64 since, until;       /* blocked from, and until woken */
	gint64 prev_state;         /* how it left the processor: 1 interruptible, 2 uninterruptible, ... */
	gint32 syscall;            /* TraceSyscall in which it was then; -1: none, or not known */
	guint16 args_present;      /* its arguments, as those of TRACE_SYSCALL_ENTRY */
	guint64 args[6];
	gboolean in_fault;         /* it was in a page fault */
	KernelFrom from;
	gint32 number;
	KernelThread *waker;       /* who was current where the wakeup was issued; NULL: not known, or the idle thread */
	gint32 cpu;                /* where it was issued */
	gint32 waker_syscall;      /* of FROM_THREAD: in which system call the waker was; -1: none */
	gboolean in_timer;         /* it was issued by a timer that had expired */
} KernelBlocked;

/* An answer to why. Of several answers the one of the greatest weight counts. */
typedef struct {
	guint8 reason;             /* KernelWaitReason */
	guint8 weight;             /* 0: no answer; 10: it could be; 50: very likely, from how it went to sleep; 90: it was seen */
	guint32 detail;            /* text of the history: "vda", "10.0.0.1:80", "0x7f31c0 held by mysqld 1234" */
} KernelWhy;

/* Contexts that a model needs of events of which it asks kernel_current(). */
#define KERNEL_ALL_CTX \
	(TRACE_BIT(TRACE_CTX_TID) | TRACE_BIT(TRACE_CTX_PID) | TRACE_BIT(TRACE_CTX_VTID) | TRACE_BIT(TRACE_CTX_VPID))

/* ---- Parts --------------------------------------------------------------------------------------------------------- */

typedef struct {
	gpointer (*create)(KernelSet *set);
	TraceModel (*model)(gpointer part);
	void (*finish)(gpointer part);                                        /* after the last event and kernel_finish() */
	void (*free)(gpointer part);
	void (*why)(gpointer part, const KernelBlocked *b, KernelWhy *why);   /* may be NULL: it never knows. `why` comes with weight 0 */
} KernelPart;

#define KERNEL_P(id, name) extern const KernelPart kernel_part_##name;
KERNEL_PARTS(KERNEL_P)
#undef KERNEL_P

extern const KernelPart *const kernel_parts[KERNEL_PART_COUNT];

/* All parts over a kernel; `kernel`, `history` and `facts` must outlive it. */
KernelSet *kernel_set_new(Kernel *kernel, History *history, const TraceFacts *facts);
void kernel_set_free(KernelSet *set); /* NULL is fine */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(KernelSet, kernel_set_free)

/* Fills models[0..KERNEL_PART_COUNT - 1]; to be given to trace_run() behind kernel_model(). */
void kernel_set_models(KernelSet *set, TraceModel *models);

/* After kernel_finish(). */
void kernel_set_finish(KernelSet *set);

/* Ask all parts why; the best answer, or reason UNKNOWN with weight 0. */
KernelWhy kernel_set_why(KernelSet *set, const KernelBlocked *b);

#endif
