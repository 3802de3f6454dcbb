/* SPDX-License-Identifier: MIT */
/* kernel/flow_private.h: what the files of the flow share; each section is one file's. */
#ifndef STRATA_KERNEL_FLOW_PRIVATE_H
#define STRATA_KERNEL_FLOW_PRIVATE_H

#include "kernel/flow.h"

#define FLOW_DEPTH_MAX 16    /* handlers nested in one another on a processor; with more, none of them is known */
#define FLOW_HELD_MAX  65536 /* intervals held back for a thread that may turn out to be an idle one */
#define FLOW_LINES_MAX 1024  /* interrupt lines whose text is kept at hand */
#define FLOW_ARGS      6     /* as KernelBlocked.args */
#define FLOW_NO_SERIAL G_MAXUINT32

typedef struct FlowThread FlowThread;

/* Where a thread is when no handler interrupts it. */
typedef enum {
	FLOW_MODE_UNKNOWN,
	FLOW_MODE_USER,    /* or a kernel thread's own code */
	FLOW_MODE_SYSCALL,
} FlowMode;

/* In an exception, as far as an event tells: it has begun, and nothing shows that it has ended. */
typedef enum { FLOW_NO_FAULT, FLOW_FAULT_USER, FLOW_FAULT_KERNEL } FlowFault;

/* A handler that runs on a processor. */
typedef struct {
	guint8 from;        /* KERNEL_FROM_IRQ, _VECTOR or _SOFTIRQ */
	gint32 number;
	guint32 text;
} FlowContext;

typedef struct {
	KernelCpu *cpu;
	KernelThread *kt;   /* who has the processor; NULL: not known */
	FlowThread *ft;     /* the same; NULL: an idle thread, or not known */
	guint32 row;
	guint32 occupant_row;
	guint32 occupant;   /* serial of who has it, since the end of that row's last interval */
	guint8 occupied;    /* KERNEL_OCCUPANT_*, likewise */
	guint8 state;       /* KernelCpuStateId, since the end of the row's last interval */
	guint8 depth;
	gboolean fresh;     /* no handler was seen to begin or end since nothing was known */
	gboolean mixed;     /* since the end of the row's last interval it did several things, nobody knows how long each */
	gboolean switched, lossy, lost; /* as in KernelCpu */
	gint64 unknown_since;
	guint32 detail;
	FlowContext stack[FLOW_DEPTH_MAX];
	FlowThread *waiting; /* threads that wait for this processor */
} FlowCpu;

/* An interval of a thread that has no row yet. */
typedef struct {
	gint64 end_ns;
	guint32 detail;
	guint8 state;
} FlowHeld;

struct FlowThread {
	KernelThread *kt;
	guint32 serial;
	guint32 row;           /* KERNEL_NO_ROW: nothing is known of it yet, or only what may be an idle thread's */
	guint8 state;          /* KernelThreadState, since the end of the row's last interval */
	guint8 mode;           /* FlowMode */
	guint8 fault;          /* FlowFault */
	guint8 from;           /* KernelFrom, of its last wakeup */
	guint8 blocked_for;    /* KernelThreadState: what it was blocked for when it was woken last */
	gboolean certain;      /* no idle thread */
	gboolean known;        /* its state has been known once */
	gboolean in_guest, kvm_run;
	gboolean queued;       /* ready to run, and in its processor's queue for sure */
	gboolean unsure;       /* it left its processor while events of some processor were being lost */
	guint32 detail;
	guint32 guest;         /* text; while in_guest */
	gint64 known_ns;       /* when that was first */
	gint64 since;          /* of a state without a processor: when it began */
	guint losses;          /* how many losses had begun by then */
	gint32 syscall;        /* while mode is FLOW_MODE_SYSCALL; -1: not known which */
	guint16 args_present;
	guint64 args[FLOW_ARGS];
	gint64 prev_state;
	gint32 softirq;        /* it was switched away from within this softirq; -1: none */
	guint32 softirq_text;
	gint32 prio;
	/* its last wakeup */
	gint64 woken_ns;
	guint32 waker, waker_row, waker_text;
	gint32 number;
	guint64 wakeups;
	/* waiting for a processor */
	FlowCpu *on;           /* has it */
	FlowCpu *wait;         /* waits for it, with next and prev */
	FlowThread *next, *prev;
	guint8 wait_state;     /* when it isn't throttled, with wait_detail */
	guint32 wait_detail;
	gint64 busy_since;     /* while throttled: when its processor was given to another thread; G_MAXINT64: it is idle */
	guint32 busy_text;     /* that thread */
	/* its name as a text */
	guint32 text;
	gint32 text_tid;
	char text_name[KERNEL_NAME_LEN];
	GArray *held;          /* FlowHeld */
};

/* What an event says of handlers. */
typedef struct {
	guint8 from;           /* KERNEL_FROM_UNKNOWN: nothing */
	gboolean is_exit;
	guint32 text;          /* of vectors */
} FlowHandler;

typedef struct {
	KernelSet *set;
	Kernel *kernel;
	History *history;
	guint thread_kind, cpu_kind, occupant_kind;
	guint threads, latencies, processors; /* tables */
	guint32 wakeup_edge;
	gboolean can_throttle;     /* an idle processor that pulls threads would be seen */
	gboolean all_syscalls;     /* what is in no system call is in user space */
	FlowHandler handlers[TRACE_EVENT_COUNT];
	GPtrArray *cpus;           /* FlowCpu *, by number */
	GArray *losses;            /* gint64: when each began */
	guint lossy;               /* how many processors lose events now */
	guint32 timer_text;
	guint32 syscall_texts[TRACE_SYSCALLS_MAX];
	guint32 line_texts[FLOW_LINES_MAX];
	char (*line_names)[KERNEL_NAME_LEN]; /* what line_texts are made of */
	guint32 softirq_texts[32];
} Flow;

/* It is no idle thread, for sure. */
static inline gboolean flow_thread_certain(const FlowThread *t)
{
	return t->certain || t->kt->tid > 0 || t->kt->vtid > 0;
}

/* ---- flow_thread.c: rows and items of threads -------------------------------------------------------------------- */

/* What is kept of a thread, made now if there is nothing yet. NULL for an idle thread. */
FlowThread *flow_thread(Flow *f, KernelThread *kt);

/* From `time` on it is in this state. */
void flow_thread_state(Flow *f, FlowThread *t, KernelThreadState state, guint32 detail, gint64 time);

/* The same, of a thread that has no processor from now on. */
void flow_thread_off(Flow *f, FlowThread *t, KernelThreadState state, guint32 detail, gint64 time);

/* Since when nothing is known of a thread without a processor, because events were lost; G_MAXINT64: it is known. */
gint64 flow_thread_lost(const Flow *f, const FlowThread *t);

/* "mysqld 1234" as a text, `text` of the thread; it is made anew if the name has changed. */
guint32 flow_thread_text(Flow *f, FlowThread *t);

/* The thread's row, made now. */
guint32 flow_thread_row(Flow *f, FlowThread *t);

/* Close its row, write its item, free it. `same_as`: who it turned out to be; NULL: it is itself. */
void flow_thread_close(Flow *f, KernelThread *kt, const KernelThread *same_as);

/* At the end: give all rows their names. */
void flow_thread_names(Flow *f);

/* ---- flow_cpu.c: processors and their handlers ------------------------------------------------------------------ */

/* The processor of an event, its current thread being brought up to date with what the Kernel knows. NULL: no valid number. */
FlowCpu *flow_cpu(Flow *f, const TraceEvent *ev);
FlowCpu *flow_cpu_get(Flow *f, gint32 cpu);

/* What the processor and its thread do may have changed at `time`. */
void flow_cpu_update(Flow *f, FlowCpu *c, gint64 time);

/* The thread, of which nobody knew where it was, turns out to have been in this mode since the last change. */
void flow_cpu_was_in(Flow *f, FlowCpu *c, FlowMode mode, gint32 syscall);

/* A handler begins or ends. */
void flow_cpu_handler(Flow *f, FlowCpu *c, const FlowHandler *handler, const TraceEvent *ev);

/* No handler can be running any more: their ends are missing. To be followed by an update. */
void flow_cpu_unwind(FlowCpu *c);

/* The thread has the processor from `time` on; NULL: who has it isn't known. Nobody has had it before. */
void flow_cpu_attach(Flow *f, FlowCpu *c, KernelThread *kt, gint64 time);

/* Nobody has it from now on, which flow_thread_off() is to tell its thread. Returns that; NULL: an idle thread, or none. */
FlowThread *flow_cpu_detach(FlowCpu *c);

/* Who has had it until `time`, is written to its row. */
void flow_cpu_close_occupant(Flow *f, FlowCpu *c, gint64 time);

/* It is not known any more who has it. */
void flow_cpu_forget(Flow *f, FlowCpu *c, gint64 time);

/* ---- flow_sched.c: switches, wakeups, waiting ------------------------------------------------------------------- */

void flow_sched_switch(Flow *f, const TraceEvent *ev);
void flow_sched_wake(Flow *f, const TraceEvent *ev);
void flow_sched_migrate(Flow *f, const TraceEvent *ev);
void flow_sched_fork(Flow *f, const TraceEvent *ev);

/* It gets a processor at `time`: what it waited for is over. */
void flow_sched_run(Flow *f, FlowThread *t, const FlowCpu *c, gint64 time);

/* It waits for that processor no more: until `time` it did. */
void flow_sched_unwait(Flow *f, FlowThread *t, gint64 time);

void flow_sched_exec(Flow *f, const TraceEvent *ev);
void flow_sched_statedump(Flow *f, const TraceEvent *ev);

/* ---- flow_why.c: why a thread was blocked ----------------------------------------------------------------------- */

/*
 * A thread that is blocked is so no more from `time` on: its state becomes the one of the reason. `by`: who woke it (`from` and all that follows it); NULL: not known.
 */
void flow_why(Flow *f, FlowThread *t, const KernelBlocked *by, gint64 time);

#endif
