/* SPDX-License-Identifier: MIT */
/*
 * timer.c: timers that were started, and what jiffies are worth.
 *
 * The kernel cancels a timer just before it runs its function, so that what a cancelled one was started for is kept until it is started again.
 */
#include "base/time.h"
#include "kernel/irq_private.h"

#define WAITING_MAX 65536 /* items that wait for jiffies to be known */
#define MEASURE     100 /* jiffies that must have passed for their length to be told: an idle guest may be some behind */

typedef struct {
	guint table;
	guint64 item;
	gint64 jiffies;
} Waiting;

void timers_init(Timers *t, KernelSet *set)
{
	t->set = set;
	for (guint i = 0; i < G_N_ELEMENTS(t->started); i++)
		kernel_addrmap_init(&t->started[i], sizeof(Timer), KERNEL_TIMERS_MAX);
	t->waiting = g_array_new(FALSE, FALSE, sizeof(Waiting));
}

void timers_forget(Timers *t)
{
	for (guint i = 0; i < G_N_ELEMENTS(t->started); i++)
		kernel_addrmap_clear(&t->started[i]);
}

void timers_clear(Timers *t)
{
	timers_forget(t);
	g_array_unref(t->waiting);
}

static void settle(Timers *t)
{
	History *h = t->set->history;

	for (guint i = 0; i < t->waiting->len; i++) {
		const Waiting *w = &g_array_index(t->waiting, Waiting, i);
		KernelIrqItem *item = history_table_item(h, w->table, w->item);

		item->raise_ns = timers_due(t, item->begin_ns, w->jiffies);
	}
	g_array_set_size(t->waiting, 0);
}

/* The kernel counts jiffies up at a steady rate: which of those that kernels are built with? */
static void learn_jiffies(Timers *t, gint64 time, guint64 jiffies)
{
	static const gint rates[] = {100, 250, 300, 1000};

	if (t->jiffy_ns)
		return;
	if (!t->has_first || jiffies < t->first_jiffies || time < t->first_ns) {
		t->has_first = TRUE;
		t->first_ns = time;
		t->first_jiffies = jiffies;
		return;
	}
	if (jiffies - t->first_jiffies < MEASURE)
		return;
	double ns = (double)(time - t->first_ns) / (double)(jiffies - t->first_jiffies);
	gint best = rates[0];
	for (guint i = 1; i < G_N_ELEMENTS(rates); i++)
		if (ABS(ns * rates[i] / 1e9 - 1) < ABS(ns * best / 1e9 - 1))
			best = rates[i];
	t->jiffy_ns = ST_NS_PER_S / best;
	settle(t);
}

void timers_start(Timers *t, gboolean wheel, const TraceEvent *ev, guint32 by)
{
	Timer *timer = kernel_addrmap_put(&t->started[wheel], ev->v[TRACE_HRTIMER_START_TIMER]);

	*timer = (Timer){ev->v[TRACE_HRTIMER_START_FUNCTION], ev->v[TRACE_HRTIMER_START_EXPIRES], ev->time, by, TRUE};
	if (wheel && trace_has(ev, TRACE_TIMER_START_NOW))
		learn_jiffies(t, ev->time, ev->v[TRACE_TIMER_START_NOW]);
}

gboolean timers_cancel(Timers *t, gboolean wheel, const TraceEvent *ev)
{
	Timer *timer = kernel_addrmap_get(&t->started[wheel], ev->v[TRACE_HRTIMER_CANCEL_TIMER]);
	gboolean was_armed = timer && timer->armed;

	if (timer)
		timer->armed = FALSE;
	return was_armed;
}

gboolean timers_expire(Timers *t, gboolean wheel, const TraceEvent *ev, Timer *out)
{
	guint64 address = ev->v[TRACE_HRTIMER_EXPIRE_ENTRY_TIMER];
	const Timer *timer = kernel_addrmap_get(&t->started[wheel], address);

	if (wheel && trace_has(ev, TRACE_TIMER_EXPIRE_ENTRY_NOW))
		learn_jiffies(t, ev->time, ev->v[TRACE_TIMER_EXPIRE_ENTRY_NOW]);
	*out = timer ? *timer : (Timer){.by = G_MAXUINT32};
	if (trace_has(ev, TRACE_HRTIMER_EXPIRE_ENTRY_FUNCTION))
		out->function = ev->v[TRACE_HRTIMER_EXPIRE_ENTRY_FUNCTION];
	if (timer)
		kernel_addrmap_remove(&t->started[wheel], address);
	return timer != NULL;
}

gint64 timers_lateness(gboolean wheel, const TraceEvent *ev, const Timer *timer)
{
	guint64 now = ev->v[TRACE_HRTIMER_EXPIRE_ENTRY_NOW];
	gint64 late = (gint64)(now - timer->expires);

	/* Old 32-bit counts of jiffies wrap, and nothing read is trusted: what is no lateness is none. */
	return late < 0 || (wheel && late > G_MAXINT32) ? 0 : late;
}

gint64 timers_due(Timers *t, gint64 begin_ns, gint64 jiffies)
{
	return t->jiffy_ns ? begin_ns - jiffies * t->jiffy_ns : KERNEL_NO_TIME;
}

void timers_wait(Timers *t, guint table, guint64 item, gint64 jiffies)
{
	Waiting w = {table, item, jiffies};

	if (t->waiting->len < WAITING_MAX)
		g_array_append_val(t->waiting, w);
}
