/* SPDX-License-Identifier: MIT */
/*
 * kernel/flow.h: what every thread and every processor was doing, at every time. A part of the set (kernel/set.h), its last one.
 *
 * A processor has a stack of contexts: a thread, in user space or in a system call; softirqs in it; interrupts in those. Time is charged to the topmost one
 * only. A thread that has the processor is in the state of the context on top of the stack; one that has none is preempted, waits for a processor, or
 * is blocked, for a reason that is known when it has been woken. What is not known is "unknown", or, of a thread that is known to have a processor, "running".
 *
 * It writes rows of kind "thread" (path "thread/TID NAME") and "cpu" (path "cpu/N"), edges "wakeup", and the tables below. docs/analyses/threads.md tells the rules.
 */
#ifndef STRATA_KERNEL_FLOW_H
#define STRATA_KERNEL_FLOW_H

#include "kernel/set.h"

/*
 * S(ID, NAME, WAIT): states of a thread. NAME is what outputs call it; every reason to be blocked is a state of its own, so that sums over
 * any range tell them apart: NAME "blocked", with WAIT the reason.
 */
/* clang-format off */
#define KERNEL_THREAD_STATES(S) \
	S(UNKNOWN,   "unknown",   NULL) \
	S(RUNNING,   "running",   NULL)  /* has a processor; in user space or in the kernel */ \
	S(USER,      "user",      NULL)  /* runs in user space; a kernel thread: its own code */ \
	S(SYSCALL,   "syscall",   NULL)  /* detail: which */ \
	S(IRQ,       "irq",       NULL)  /* has the processor, but an interrupt's handler runs; detail: which */ \
	S(SOFTIRQ,   "softirq",   NULL)  /* detail: which */ \
	S(GUEST,     "guest",     NULL)  /* a vCPU's thread, between VM entry and exit */ \
	S(PREEMPTED, "preempted", NULL)  /* detail: by whom */ \
	S(YIELDED,   "yielded",   NULL)  /* gave the processor away, but could have gone on */ \
	S(WAIT_CPU,  "wait-cpu",  NULL)  /* woken, waits for a processor; detail: who woke it, from where */ \
	S(THROTTLED, "throttled", NULL)  /* could run, but its group has used up its quota */ \
	S(BLOCKED,   "blocked",   "unknown") \
	S(B_DISK,    "blocked",   "disk") \
	S(B_NETWORK, "blocked",   "network") \
	S(B_TIMER,   "blocked",   "timer") \
	S(B_FUTEX,   "blocked",   "futex") \
	S(B_PIPE,    "blocked",   "pipe") \
	S(B_SOCKET,  "blocked",   "socket") \
	S(B_CHILD,   "blocked",   "child") \
	S(B_POLL,    "blocked",   "poll") \
	S(B_EVENT,   "blocked",   "event") \
	S(B_FAULT,   "blocked",   "fault") \
	S(B_KERNEL,  "blocked",   "kernel") \
	S(B_SIGNAL,  "blocked",   "signal") \
	S(B_IDLE,    "blocked",   "idle") \
	/* Only where layers below were taken into account (layers/layers.h): it had a processor, but that did not run it. By the level at which that was decided, the last one standing for all above too. */ \
	S(STEAL0,    "steal",     NULL)  /* detail: level, how, and by whom: "L0 preempted by ffmpeg 4711" */ \
	S(STEAL1,    "steal",     NULL) \
	S(STEAL2,    "steal",     NULL) \
	S(EXIT0,     "exit",      NULL)  /* detail: level at which it was handled, and the reason: "L0 NPF" */ \
	S(EXIT1,     "exit",      NULL) \
	S(EXIT2,     "exit",      NULL)
#define KERNEL_CPU_STATES(S) \
	S(UNKNOWN,    "unknown") \
	S(IDLE,       "idle") \
	S(RUNNING,    "running")    /* some thread's, in user space or in the kernel; detail: the thread */ \
	S(USER,       "user")       /* detail: the thread, as in the next two */ \
	S(SYSCALL,    "syscall") \
	S(KTHREAD,    "kthread")    /* a kernel thread's own code */ \
	S(IRQ,        "irq")        /* detail: which line or vector */ \
	S(SOFTIRQ,    "softirq")    /* detail: which */ \
	S(GUEST,      "guest")      /* detail: VM and vCPU */ \
	S(HYPERVISOR, "hypervisor") /* in KVM_RUN, but not in the guest */ \
	/* as above, of a guest's processor */ \
	S(STEAL0,     "steal")      /* detail: level, how, and by whom */ \
	S(STEAL1,     "steal") \
	S(STEAL2,     "steal") \
	S(EXIT0,      "exit")       /* detail: level at which it was handled, and the reason */ \
	S(EXIT1,      "exit") \
	S(EXIT2,      "exit")
/* clang-format on */

typedef enum {
#define KERNEL_S(id, name, wait) KERNEL_TS_##id,
	KERNEL_THREAD_STATES(KERNEL_S)
#undef KERNEL_S
	KERNEL_TS_COUNT
} KernelThreadState;

/* The first reason's state; the others follow in the order of KERNEL_WAITS. */
#define KERNEL_TS_BLOCKED_FOR(reason) ((KernelThreadState)(KERNEL_TS_BLOCKED + (reason)))

typedef enum {
#define KERNEL_S(id, name) KERNEL_CS_##id,
	KERNEL_CPU_STATES(KERNEL_S)
#undef KERNEL_S
	KERNEL_CS_COUNT
} KernelCpuStateId;

#define KERNEL_LEVELS 3 /* that STEAL and EXIT tell apart */

#define KERNEL_NO_ROW G_MAXUINT32

#define KERNEL_THREAD_ROW_KIND "thread"
#define KERNEL_CPU_ROW_KIND    "cpu"

/* The table "threads": one item for each KernelThread.serial. */
typedef struct {
	gint32 tid;             /* -1: never known; 0: the idle thread of processor `cpu` */
	gint32 pid, ppid;       /* -1: not known */
	gint32 vtid, vpid;      /* -1: not known */
	gint32 cpu;             /* where it was last */
	guint32 name;           /* text; the last one */
	guint32 row;            /* of its states; KERNEL_NO_ROW: none */
	guint32 same_as;        /* serial of the thread that it turned out to be; else its own */
	guint8 is_kthread, born, ended, vcpu;
	gint64 begin_ns, end_ns;
	guint64 switches, preemptions, wakeups;
	gint32 prio;            /* as the tracer has it; KERNEL_NO_PRIO: not known */
} KernelThreadItem;

#define KERNEL_THREADS_TABLE "threads"
#define KERNEL_NO_PRIO G_MININT32

/* The table "sched_latencies": a thread that had been woken got a processor. */
typedef struct {
	guint32 thread;         /* serial */
	gint32 cpu;             /* that it got */
	gint64 woken_ns, run_ns;
	guint32 waker;          /* serial of who was current where it was woken; G_MAXUINT32: not known, or an idle thread */
	guint32 waker_text;     /* text: who woke it, as the state wait-cpu has it */
	gint32 number;          /* as KernelBlocked has it */
	gint32 prio;            /* KERNEL_NO_PRIO: not known */
	guint8 from;            /* KernelFrom */
} KernelLatencyItem;

#define KERNEL_LATENCIES_TABLE "sched_latencies"

/* The table "cpus": one item for each processor that was seen, by number. */
typedef struct {
	guint64 switches;
	gint32 cpu;
	guint32 row;            /* of its states */
} KernelCpuItem;

#define KERNEL_CPUS_TABLE "cpus"

/*
 * Rows of kind ".occupant" (a kind whose name begins with a dot is not for people), path "cpu/N/occupant": which thread had a processor. Here the interval's detail is
 * no text: it is KernelThread.serial, see KernelThreadItem.same_as.
 */
#define KERNEL_OCCUPANT_ROW_KIND ".occupant"

enum { KERNEL_OCCUPANT_UNKNOWN, KERNEL_OCCUPANT_IDLE, KERNEL_OCCUPANT_THREAD, KERNEL_OCCUPANT_STATE_COUNT };

/* The text that is the kind of edges from who woke a thread (a processor's row if an interrupt did) to the thread, when it got a processor. */
#define KERNEL_WAKEUP_EDGE "wakeup"

/* ---- For the hypervisor's model (kvm/), while events flow --------------------------------------------------------- */

/*
 * The thread enters, or leaves, its guest on this processor. `detail` is a text of the history for the processor's row ("VM 183 vCPU 0"). Leaving what was not
 * entered does nothing; being switched away, interrupted or out of its system call is leaving, too, and need not be told.
 */
void kernel_flow_guest_enter(KernelSet *set, gint32 cpu, KernelThread *thread, gint64 time, guint32 detail);
void kernel_flow_guest_leave(KernelSet *set, gint32 cpu, KernelThread *thread, gint64 time);

/* What the thread was blocked for, once it has been woken; UNKNOWN: it was not blocked before, or it runs again. */
KernelThreadState kernel_flow_blocked_for(KernelSet *set, const KernelThread *thread);

/* The text that says who woke the thread last, and from where ("timer", "vhost-183 195"); 0: not known. */
guint32 kernel_flow_waker(KernelSet *set, const KernelThread *thread);

/* ---- For parts that come after it, while events flow ---------------------------------------------------------------- */

/* What the processor does now. */
KernelCpuStateId kernel_flow_cpu_state(KernelSet *set, gint32 cpu);

/* ---- A finished history ------------------------------------------------------------------------------------------------ */

/* The thread that a serial turned out to be; NULL: there is none of that number. */
const KernelThreadItem *kernel_find_thread(const History *h, guint32 serial);

/* The row of a processor; KERNEL_NO_ROW: it has none. */
guint32 kernel_find_cpu_row(const History *h, gint32 cpu);

#endif
