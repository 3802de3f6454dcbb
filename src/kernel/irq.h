/* SPDX-License-Identifier: MIT */
/*
 * kernel/irq.h: interrupts, and what else runs outside of threads' own doing: three parts of the set (kernel/set.h).
 *
 *   irq    handlers of interrupt lines, of vectors without a line (local timer, IPIs), of softirqs, and functions of timers
 *   work   work items, executed by kworker threads
 *   power  frequency and idle states of processors
 *
 * Handlers of a processor are a stack: what begins last ends first. Over them stands the table "irq_handlers"; rows of kind "irq" tell when a line was being handled
 * on any processor ("irq/24 virtio2-req.0", "vector/local_timer", "softirq/net_rx"; detail: the handler, of lines that several devices share).
 *
 * What began before the trace, or was open at its end or where events were lost, is no item: its times aren't known. It is counted in the table "irq_lines". What can't be
 * (a handler that is open while its processor switches threads or enters the same line again) has lost its exit, and counts so too. Softirqs may be
 * preempted where the kernel is a real-time one: they go with their thread.
 */
#ifndef STRATA_KERNEL_IRQ_H
#define STRATA_KERNEL_IRQ_H

#include "kernel/set.h"

#define KERNEL_IRQ_DEPTH      32         /* handlers open on a processor at a time; more are not known */
#define KERNEL_IRQ_LINES_MAX  4096       /* lines with a row and an item in "irq_lines" */
#define KERNEL_IRQ_NAMES_MAX  16         /* devices known by name on one line */
#define KERNEL_IRQ_AWAY_MAX   4096       /* preempted softirqs */
#define KERNEL_IRQ_HOLES_MAX  65536      /* ranges of lost events kept apart */
#define KERNEL_TIMERS_MAX     (1u << 18) /* timers known at a time */
#define KERNEL_WORKS_MAX      (1u << 18) /* work items queued at a time */

/* K(ID, NAME, MEANING): kinds of handlers. */
/* clang-format off */
#define KERNEL_IRQ_KINDS(K) \
	K(LINE,    "irq",     "a device's handler on an interrupt line") \
	K(VECTOR,  "vector",  "a vector without a line: the local timer, another processor's call") \
	K(SOFTIRQ, "softirq", "deferred work of interrupts") \
	K(HRTIMER, "hrtimer", "the function of a high resolution timer") \
	K(TIMER,   "timer",   "the function of a timer that counts in jiffies") \
	K(WORK,    "work",    "an item of a work queue, executed by a kworker thread")
#define KERNEL_SOFTIRQS(S) \
	S("hi") S("timer") S("net_tx") S("net_rx") S("block") S("irq_poll") S("tasklet") S("sched") S("hrtimer") S("rcu")
/* clang-format on */

typedef enum {
#define KERNEL_K(id, name, meaning) KERNEL_IRQ_##id,
	KERNEL_IRQ_KINDS(KERNEL_K)
#undef KERNEL_K
	KERNEL_IRQ_KIND_COUNT
} KernelIrqKind;

#define KERNEL_SOFTIRQ_NET_TX 2
#define KERNEL_SOFTIRQ_NET_RX 3

const char *kernel_irq_kind_name(KernelIrqKind kind);
const char *kernel_softirq_name(guint32 vec); /* NULL: there is none of that number */

/* States of rows of kind "irq". */
typedef enum {
	KERNEL_IRQ_ROW_UNKNOWN, /* events were lost */
	KERNEL_IRQ_ROW_INACTIVE,
	KERNEL_IRQ_ROW_ACTIVE,
	KERNEL_IRQ_ROW_STATE_COUNT
} KernelIrqRowState;

#define KERNEL_IRQ_ROW_KIND "irq"

#define KERNEL_NO_TIME G_MININT64

/*
 * The table "irq_handlers": one run of a handler, in the order of their ends.
 *
 * raise_ns is when it was asked for: a softirq's raise on that processor (the first of several); a work item's queueing; when a timer was due. KERNEL_NO_TIME where that isn't known, and for
 * lines and vectors, whose hardware nobody saw. A timer's is begin_ns less what the kernel itself measured: `now` of its expiry, which is the time of the timer's own
 * clock at the interrupt, less `expires` (the clocks of different timers can't be compared with one another or with the trace's, but these two can). A
 * high resolution timer that fired early within its slack was due when it began. Jiffies are lengthened to ns by what the trace shows of them.
 */
typedef struct {
	gint64 raise_ns, begin_ns, end_ns;
	gint64 self_ns;     /* less what ran nested in it or interrupted it; of work: while its thread had the processor */
	guint64 function;   /* HRTIMER, TIMER, WORK: address of the function; 0: not told */
	guint64 object;     /* address of the timer or work item */
	guint32 thread;     /* serial of the thread that was interrupted; in KERNEL_IRQ_OWN_THREAD and WORK of the one that executed it */
	guint32 number;     /* LINE: irq; VECTOR: vector; SOFTIRQ: vec */
	guint32 name;       /* text; 0: none is known */
	guint32 by;         /* WORK: serial of the thread that queued it; HRTIMER, TIMER: that started it. G_MAXUINT32: not known */
	gint32 cpu;
	guint8 kind;        /* KernelIrqKind */
	guint8 depth;       /* how many handlers it was nested in */
	guint8 own_thread;  /* a softirq that ksoftirqd ran: it interrupted nobody */
	guint8 error;       /* LINE: the handler said that it wasn't its device (IRQ_NONE) */
} KernelIrqItem;

#define KERNEL_IRQ_TABLE "irq_handlers"

/* The table "irq_lines": what was heard of each line, vector, softirq; and of all timers and work items of a kind together (number 0). */
typedef struct {
	guint32 number;
	guint32 name;       /* text: all its devices' names, separated by commas */
	guint32 row;        /* KERNEL_NO_ROW of flow.h: none */
	guint8 kind;
	guint64 handled;    /* items in "irq_handlers" */
	guint64 raised;     /* SOFTIRQ: raises; WORK: queued; HRTIMER, TIMER: started */
	guint64 cancelled;  /* HRTIMER, TIMER: cancelled before they expired */
	guint64 open_begin; /* exits without an entry: it began before the trace, or within a loss */
	guint64 open_end;   /* entries without an exit: open at the end, at a loss, or the exit is missing */
} KernelIrqLine;

#define KERNEL_IRQ_LINES_TABLE "irq_lines"

/*
 * Rows of a processor's power states: kinds "cpu-frequency" ("cpu/N/frequency"; state "running", detail "2400 MHz") and "cpu-idle" ("cpu/N/idle"; states "running" and
 * "idle-0".., the number being the driver's: the greater, the deeper). "unknown" before the first event and after losses.
 */
#define KERNEL_FREQUENCY_ROW_KIND "cpu-frequency"
#define KERNEL_IDLE_ROW_KIND      "cpu-idle"
#define KERNEL_IDLE_STATES        16 /* deeper ones count as the last; Linux has 10 */
#define KERNEL_FREQUENCIES_MAX    4096 /* different ones; all others are not told apart */

enum { KERNEL_FREQUENCY_UNKNOWN, KERNEL_FREQUENCY_KNOWN, KERNEL_FREQUENCY_STATE_COUNT };
enum { KERNEL_IDLE_UNKNOWN, KERNEL_IDLE_RUNNING, KERNEL_IDLE_FIRST, KERNEL_IDLE_STATE_COUNT = KERNEL_IDLE_FIRST + KERNEL_IDLE_STATES };

/* ---- While events flow, for parts that come after it ---------------------------------------------------------- */

typedef struct {
	KernelIrqKind kind;
	guint32 number;
	gint64 begin_ns;
	guint64 function, object;
	guint32 by;
	gint64 by_ns;     /* when `by` started the timer */
	gboolean is_local_timer; /* VECTOR: it is the local timer's */
} KernelIrqContext;

/* The handler that runs on a processor, innermost first: i = 0, 1, ... FALSE: no more. */
gboolean kernel_irq_context(const KernelSet *set, gint32 cpu, guint i, KernelIrqContext *out);

/* TRUE if some handler runs there. */
gboolean kernel_irq_is_in(const KernelSet *set, gint32 cpu);

#endif
