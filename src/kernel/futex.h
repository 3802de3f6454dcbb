/* SPDX-License-Identifier: MIT */
/*
 * kernel/futex.h: who waited for a futex, and who woke it. A part of the set (kernel/set.h); it hears of system calls from the part syscalls.
 *
 * The waker of a wait is seen, not guessed, where wakeups were recorded: the thread that was in a waking futex operation when the waiter was woken. Without wakeups
 * it is the last one that woke somebody at the address in the same process. That the waker is the one that held the lock is an inference: true of mutexes, whose
 * unlocker wakes the next; of a condition variable it is the one that signalled.
 *
 * A futex is a process and an address. One that is shared between processes has an address in each of them, and so is a futex of each.
 */
#ifndef STRATA_KERNEL_FUTEX_H
#define STRATA_KERNEL_FUTEX_H

#include "kernel/syscalls.h"

#define KERNEL_FUTEXES_TABLE     "futexes"
#define KERNEL_FUTEX_WAITS_TABLE "futex_waits"

/* Limits: waits for futexes beyond them are not kept apart (they are those of futex 0, address 0); waits are told without who woke. */
#define KERNEL_FUTEXES_MAX        (1u << 20)
#define KERNEL_FUTEX_DETAILS_MAX  (1u << 16)

/* An item of "futexes". Number 0 stands for all beyond the limit. */
typedef struct {
	guint64 address;
	gint32 pid;            /* -1: not known; then the thread's number is in tid */
	gint32 tid;
	guint8 is_pi, is_shared;
} KernelFutexItem;

typedef enum {
	KERNEL_FUTEX_WOKEN,
	KERNEL_FUTEX_TIMEOUT,
	KERNEL_FUTEX_AGAIN,    /* the value was not the expected one any more: it did not wait */
	KERNEL_FUTEX_SIGNAL,
	KERNEL_FUTEX_FAILED,
	KERNEL_FUTEX_OPEN,     /* still waiting at the end of the recording, or its end is not known: no latency */
	KERNEL_FUTEX_RESULT_COUNT
} KernelFutexResult;

const char *kernel_futex_result_name(guint result);

enum {
	KERNEL_FUTEX_PI = 1 << 0,        /* a lock with priority inheritance: its waker held it, surely */
	KERNEL_FUTEX_REQUEUED = 1 << 1,  /* woken at another address than it waited at (a condition variable's mutex) */
	KERNEL_FUTEX_SEEN = 1 << 2,      /* the wakeup was seen; else the waker is inferred from the address */
	KERNEL_FUTEX_SLEPT = 1 << 3,     /* a wakeup of the waiter was seen: it did sleep */
	KERNEL_FUTEX_BY_EXIT = 1 << 4,   /* it waited for a thread to end (pthread_join), and that woke it */
};

/* An item of "futex_waits", in order of ends. */
typedef struct {
	gint64 begin_ns, end_ns;
	gint64 woken_ns;       /* when it was woken; 0: not seen */
	guint64 woken_at;      /* the address of the waking operation; 0: not known */
	guint32 futex;
	guint32 thread;        /* serial of the waiter */
	guint32 waker;         /* serial; G_MAXUINT32: not known, or woken by no thread */
	gint16 cpu;            /* at its end */
	guint8 result;         /* KernelFutexResult */
	guint8 flags;
} KernelFutexWaitItem;

/* ---- For the part syscalls ------------------------------------------------------------------------------------------ */

struct KernelFutexes;

void kernel_futex_entry(struct KernelFutexes *f, KernelThread *t, const KernelCall *call);

/* `complete`: else its end is not known. */
void kernel_futex_exit(struct KernelFutexes *f, KernelThread *t, const KernelCall *call, gint64 ret, gint64 time, gboolean complete);

/* Readable: "wait", "wake", "lock-pi"; the operation of a futex call without its flags. */
const char *kernel_futex_op_name(guint64 op);

#endif
