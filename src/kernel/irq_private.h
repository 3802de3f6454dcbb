/* SPDX-License-Identifier: MIT */
/* kernel/irq_private.h: what the files about interrupts, timers and work queues share. */
#ifndef STRATA_KERNEL_IRQ_PRIVATE_H
#define STRATA_KERNEL_IRQ_PRIVATE_H

#include "kernel/addrmap.h"
#include "kernel/irq.h"

#define IRQ_VECTORS  11 /* pairs of events, from TRACE_VECTOR_LOCAL_TIMER_ENTRY on */
#define IRQ_SOFTIRQS 32 /* bits in the kernel's own mask */

/* ---- irq_lines.c: lines, their names, items and rows ----------------------------------------------------------- */

typedef struct {
	KernelIrqLine item;
	guint index;               /* in IrqLines.list; where its item goes */
	guint32 detail;            /* of the row's interval that is open */
	guint active;              /* handlers open on all processors */
	gboolean has_row;
	guint n_names, last_name;
	guint32 names[KERNEL_IRQ_NAMES_MAX];
} IrqLine;

typedef struct {
	KernelSet *set;
	guint table, kind;
	GPtrArray *list;           /* IrqLine *, in the order in which they were met */
	GHashTable *by_irq;        /* number -> IrqLine * */
	IrqLine *softirqs[IRQ_SOFTIRQS], *vectors[IRQ_VECTORS], *whole[KERNEL_IRQ_KIND_COUNT];
	IrqLine other;             /* beyond KERNEL_IRQ_LINES_MAX */
	guint lossy;               /* processors that are losing events now */
	GArray *holes;             /* StTimeRange: ranges of lost events until now */
} IrqLines;

void irq_lines_init(IrqLines *l, KernelSet *set);
void irq_lines_clear(IrqLines *l);
void irq_lines_finish(IrqLines *l, gint64 end_ns);

/* Never NULL. `number` of a LINE: irq; of a VECTOR: index of its pair of events; of a SOFTIRQ: vec. Others have one line for all of a kind. */
IrqLine *irq_line(IrqLines *l, KernelIrqKind kind, guint32 number);

/* The text of a device's name on a line, which becomes one of its names. */
guint32 irq_line_name(IrqLines *l, IrqLine *line, const char *name, guint len);

/* A handler of the line began; ended; or is open no longer, and nobody saw the end (`known_until`: it certainly was active until then). */
void irq_line_begin(IrqLines *l, IrqLine *line, gint64 time, guint32 detail);
void irq_line_end(IrqLines *l, IrqLine *line, gint64 time);
void irq_line_drop(IrqLines *l, IrqLine *line, gint64 time, gint64 known_until);

/* An end without a begin: until now nothing is known. */
void irq_line_strange(IrqLines *l, IrqLine *line, gint64 time);

void irq_lines_loss(IrqLines *l, gint64 time, TraceLossEdge edge);

/* ---- timer.c: timers that were started ------------------------------------------------------------------------- */

typedef struct {
	guint64 function;
	guint64 expires;
	gint64 start_ns;
	guint32 by;                /* who started it */
	gboolean armed;
} Timer;

typedef struct {
	KernelSet *set;
	KernelAddrMap started[2];  /* Timer; high resolution timers, timers of the wheel */
	gint64 first_ns;           /* of the first event that told the time in jiffies ... */
	guint64 first_jiffies;     /* ... and what it said */
	gboolean has_first;
	gint64 jiffy_ns;           /* 0: not known yet */
	GArray *waiting;           /* items that wait for it: see timer.c */
} Timers;

void timers_init(Timers *t, KernelSet *set);
void timers_clear(Timers *t);
void timers_forget(Timers *t); /* events were lost */

/* `wheel`: a timer that counts in jiffies. */
void timers_start(Timers *t, gboolean wheel, const TraceEvent *ev, guint32 by);
/* TRUE: it was waiting to expire. */
gboolean timers_cancel(Timers *t, gboolean wheel, const TraceEvent *ev);

/* It expires: what is known of it. FALSE: nothing; then *out is zeroed, but for its function. */
gboolean timers_expire(Timers *t, gboolean wheel, const TraceEvent *ev, Timer *out);

/* How late it is by the kernel's own measure: ns; of the wheel: jiffies. */
gint64 timers_lateness(gboolean wheel, const TraceEvent *ev, const Timer *timer);

/* The time a number of jiffies before begin_ns, or KERNEL_NO_TIME: then the item of that number gets it as raise_ns as soon as jiffies are known. */
gint64 timers_due(Timers *t, gint64 begin_ns, gint64 jiffies);
void timers_wait(Timers *t, guint table, guint64 item, gint64 jiffies);

#endif
