/* SPDX-License-Identifier: MIT */
/*
 * kernel/kernel.h: one Linux kernel, as its trace tells: threads, processes, and processors with who ran on them.
 *
 * A Kernel is a model (trace/trace.h): give kernel_model() to trace_run(), before any model that builds on it, then call
 * kernel_finish(). While events flow, other models ask it who is current on a processor; afterwards its fields are the result.
 *
 * Where knowledge comes from, best first: sched_switch, wakeups, fork, exec, exit, free; statedump; contexts recorded with events. Contexts only help
 * where the others are silent (which process a thread belongs to; a trace without sched_switch), because vtid and vpid
 * are numbers of the thread's own pid namespace.
 *
 * Memory: a KernelThread for each of KERNEL_LIVE_MAX threads that live, and of KERNEL_DEAD_MAX that have ended; what ends beyond is added up in
 * `kernel->ended`. All times in ns. One thread of execution; nothing here is locked.
 */
#ifndef STRATA_KERNEL_KERNEL_H
#define STRATA_KERNEL_KERNEL_H

#include <glib.h>

#include "trace/trace.h"

#define KERNEL_TID_MAX  (1 << 22) /* Linux's own limit (PID_MAX_LIMIT); greater numbers are damage and ignored */
#define KERNEL_CPU_MAX  8192      /* Linux's own limit (NR_CPUS) */
#define KERNEL_DEAD_MAX 65536
#define KERNEL_LIVE_MAX (1 << 19) /* threads at a time; more are ignored */
#define KERNEL_NAME_LEN 16        /* TASK_COMM_LEN, with its null */

/* What a thread is doing, as the scheduler sees it. */
typedef enum {
	KERNEL_UNKNOWN,
	KERNEL_RUNNING,   /* has a processor */
	KERNEL_PREEMPTED, /* ready to run, and something else was given its processor (yielding counts: it could have gone on) */
	KERNEL_WAIT_CPU,  /* woken (or just created) and waiting for a processor */
	KERNEL_BLOCKED,   /* waits for something; nothing has woken it yet */
	KERNEL_ENDED,
	KERNEL_STATE_COUNT
} KernelState;

/*
 * prev_state of sched_switch as a KernelState: PREEMPTED, BLOCKED or ENDED.
 *
 * Linux 4.14 and later export 0 (yielded: it called schedule() while ready to run), 0x100 (preempted), 1 and 2 (asleep), 4 and 8
 * (stopped, traced), 0x10 and 0x20 (dead, zombie), 0x40 (parked), 0x80 (idle kernel thread). Older kernels exported the raw state, with a bit
 * above 0x200 when preempted, and 0x40 for dead. The two agree on all that matters here but 0x40, which `old` decides.
 */
KernelState kernel_prev_state(gint64 prev_state, gboolean old);

/*
 * A thread, one incarnation of its tid: a tid that is used again gets a new KernelThread.
 */
typedef struct KernelThread {
	gint32 tid;             /* -1: not known yet (it has been on a processor since before the first sched_switch there) */
	gint32 pid;             /* its process (tgid); -1: not known */
	gint32 ppid;            /* parent process; -1: not known */
	gint8 is_kthread;       /* -1: not known */
	guint8 state;           /* KernelState, now */
	char name[KERNEL_NAME_LEN]; /* the last one known; "" if none. Idle threads: "swapper/N" */
	gint32 cpu;             /* where it runs, or waits to run, or ran last; -1: not known */
	gint64 begin_ns;        /* when it was created, or the trace's begin */
	gint64 end_ns;          /* when it ended, or the trace's end */
	gboolean born;          /* its creation is in the trace */
	gint64 since;           /* when `state` began */
	gint64 ns[KERNEL_STATE_COUNT]; /* time in each state, from begin_ns to end_ns; exact only after kernel_finish() */
	guint64 switches;       /* times it got a processor */
	guint64 preemptions;    /* times it lost it while ready to run */
	gint32 vtid, vpid;      /* contexts that were recorded with it; -1: none */
	gpointer vcpu;          /* of the hypervisor's model (kvm/kvm.h); NULL: none. It keeps the thread from being folded */
	guint pins;             /* others that point here; not 0: never folded into kernel->ended */
	guint32 serial;         /* its number among all that there ever were, from 0 on */
	gpointer flow;          /* of kernel/flow.h */
	guint index;            /* private: in kernel->threads while events flow */
} KernelThread;

/* A process, as known at the end. */
typedef struct {
	gint32 pid;
	gint32 ppid;            /* -1: not known */
	char name[KERNEL_NAME_LEN]; /* the main thread's, or if that isn't known any thread's */
	GPtrArray *threads;     /* KernelThread *, by tid, then begin */
	gint64 cpu_ns;
} KernelProcess;

/* What a processor was doing. */
typedef enum {
	KERNEL_CPU_UNKNOWN, /* before the first switch is known, or over lost events */
	KERNEL_CPU_IDLE,
	KERNEL_CPU_BUSY,
	KERNEL_CPU_STATE_COUNT
} KernelCpuState;

typedef struct {
	gint32 id;
	gboolean seen;          /* some event that speaks of its current thread was recorded on it */
	KernelThread *current;  /* NULL: not known */
	KernelThread *previous; /* during a sched_switch: who ran until it; NULL: not known */
	gboolean switched;      /* some sched_switch was seen here */
	gboolean lossy;         /* within a range of lost events */
	gboolean lost;          /* after such a range, and before a sched_switch */
	guint8 state;           /* KernelCpuState, now */
	gint64 since;
	gint64 ns[KERNEL_CPU_STATE_COUNT]; /* add up to the trace's duration */
	guint64 switches;
	KernelThread *idle;     /* its idle thread (tid 0) */
} KernelCpu;

typedef struct Kernel {
	gint64 begin_ns, end_ns;     /* what the analysis covers */
	gint64 first_ns;             /* its first event's time: nothing is known from before it */
	gboolean has_switch;         /* sched_switch was recorded */
	gboolean old_states;         /* a kernel before 4.14 */
	GPtrArray *cpus;             /* KernelCpu *, by id; NULL where none was seen */
	GPtrArray *threads;          /* KernelThread *, living and ended, idle threads too, by tid, then begin (after kernel_finish()) */
	KernelThread ended;          /* sum of the ended threads that are no longer in `threads` (ns, switches) */
	guint64 n_ended;
	guint64 switches;            /* number of sched_switch events */
	guint64 switches_missed;     /* switches whose prev thread was not the one known to run: events are missing */
	GPtrArray *processes;        /* KernelProcess *, by pid; filled by kernel_finish() */
	guint32 n_serials;           /* numbers given to threads so far */
	/* Called before a thread object is freed while events flow; `same_as` is the thread that it turned out to be, NULL if it was folded into `ended`. */
	void (*on_forget)(gpointer user, KernelThread *t, KernelThread *same_as);
	gpointer on_forget_user;
	/* private */
	struct KernelTids *tids;
	gint64 now;
	guint dead_kept;
	guint n_live;
	gboolean has_free;           /* it is told when a thread's number is free again */
	guint64 asked;               /* TraceEvent.number of which kernel_current() was asked last ... */
	KernelThread *answer;        /* ... and what it said: most events are asked about by several parts */
} Kernel;

/* A kernel that will be analysed over [begin, end], usually ctf_trace_span(). */
Kernel *kernel_new(const TraceFacts *facts, gint64 begin_ns, gint64 end_ns);
void kernel_free(Kernel *k); /* NULL is fine */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Kernel, kernel_free)

/* The model that feeds it; it refers to `k`. */
TraceModel kernel_model(Kernel *k);

/* Close all open states at end_ns and fill `processes`. To be called once. */
void kernel_finish(Kernel *k);

/* ---- While events flow (for models that come after it), and later --------------------------------------------- */

/*
 * The thread that an event speaks of: the one that is current on its processor. If no switch has been seen there yet it is a thread whose tid may only
 * become known later (the same object then gets it). Of sched_switch it is the thread that was given the processor. NULL: not known.
 */
KernelThread *kernel_current(Kernel *k, const TraceEvent *ev);

/* The living thread of that number; NULL: none is known. */
KernelThread *kernel_thread(const Kernel *k, gint32 tid);

/* The processor; NULL: nothing was seen of it, or no such number. */
KernelCpu *kernel_cpu(const Kernel *k, gint32 cpu);

/* After kernel_finish(): the process of that number; NULL: none. Its threads may be of several incarnations. */
const KernelProcess *kernel_process(const Kernel *k, gint32 pid);

/* Keep a thread from being folded into kernel->ended. */
void kernel_pin(KernelThread *t);

/* TRUE for the thread that runs when nothing else wants to (tid 0). */
static inline gboolean kernel_is_idle(const KernelThread *t)
{
	return t->tid == 0;
}

/* Time it had a processor. */
static inline gint64 kernel_cpu_time(const KernelThread *t)
{
	return t->ns[KERNEL_RUNNING];
}

#endif
