/* SPDX-License-Identifier: MIT */
/* work.c: work queues: items queued by some thread or interrupt, executed by kworker threads. Part "work" of kernel/irq.h. */
#include <string.h>

#include "kernel/irq_private.h"

#define OPEN_MAX 65536 /* kworkers that execute something at a time */

typedef struct {
	gint64 time;
	guint32 by;
} Queued;

typedef struct {
	gint64 begin_ns, raise_ns, ran_ns;
	guint64 work, function;
	guint32 by, detail;
} Open;

typedef struct {
	KernelSet *set;
	guint table, lines;
	KernelIrqLine line;
	KernelAddrMap queued; /* address of the item -> Queued */
	KernelAddrMap open;   /* serial of the thread -> Open */
	KernelAddrMap names;  /* address of a function -> guint32, the text that tells it */
} Work;

/* How long it has had a processor until now. */
static gint64 ran(const KernelThread *t, gint64 now)
{
	return t->ns[KERNEL_RUNNING] + (t->state == KERNEL_RUNNING ? now - t->since : 0);
}

static void queue(Work *w, const TraceEvent *ev, const KernelThread *t)
{
	Queued *q = kernel_addrmap_put(&w->queued, ev->v[TRACE_WORK_QUEUE_WORK]);

	w->line.raised++;
	*q = (Queued){ev->time, t ? t->serial : G_MAXUINT32};
}

static void start(Work *w, const TraceEvent *ev, const KernelThread *t)
{
	guint64 work = ev->v[TRACE_WORK_START_WORK];
	const Queued *q = kernel_addrmap_get(&w->queued, work);
	Queued known = q ? *q : (Queued){KERNEL_NO_TIME, G_MAXUINT32};

	kernel_addrmap_remove(&w->queued, work);
	if (!t) {
		w->line.open_end++;
		return;
	}
	if (kernel_addrmap_get(&w->open, t->serial))
		w->line.open_end++;
	Open *o = kernel_addrmap_put(&w->open, t->serial);
	*o = (Open){
	        .begin_ns = ev->time, .raise_ns = known.time, .by = known.by, .work = work, .ran_ns = ran(t, ev->time)};
	if (trace_has(ev, TRACE_WORK_START_FUNCTION))
		o->function = ev->v[TRACE_WORK_START_FUNCTION];
}

static void end(Work *w, const TraceEvent *ev, const KernelThread *t)
{
	const Open *o = t ? kernel_addrmap_get(&w->open, t->serial) : NULL;

	if (!o || o->work != ev->v[TRACE_WORK_END_WORK]) {
		w->line.open_begin++;
		return;
	}
	KernelIrqItem *item = history_table_add(w->set->history, w->table);
	*item = (KernelIrqItem){.raise_ns = o->raise_ns,
	                        .begin_ns = o->begin_ns,
	                        .end_ns = ev->time,
	                        .self_ns = CLAMP(ran(t, ev->time) - o->ran_ns, 0, ev->time - o->begin_ns),
	                        .function = o->function,
	                        .object = o->work,
	                        .thread = t->serial,
	                        .by = o->by,
	                        .cpu = ev->cpu,
	                        .kind = KERNEL_IRQ_WORK};
	w->line.handled++;
	kernel_addrmap_remove(&w->open, t->serial);
}

static void work_event(gpointer self, const TraceEvent *ev)
{
	Work *w = self;
	const KernelThread *t = kernel_current(w->set->kernel, ev);

	if (ev->id == TRACE_WORK_QUEUE)
		queue(w, ev, t);
	else if (ev->id == TRACE_WORK_START)
		start(w, ev, t);
	else
		end(w, ev, t);
}

static void work_loss(gpointer self, gint32 cpu, gint64 time, TraceLossEdge edge)
{
	Work *w = self;

	(void)cpu;
	(void)time;
	(void)edge;
	w->line.open_end += w->open.used;
	kernel_addrmap_clear(&w->queued);
	kernel_addrmap_clear(&w->open);
}

static TraceModel work_model(gpointer self)
{
	static const TraceNeed needs[] = {
	        {TRACE_WORK_QUEUE, 0x1, KERNEL_ALL_CTX, 0},
	        {TRACE_WORK_START, 0x3, KERNEL_ALL_CTX, 0},
	        {TRACE_WORK_END, 0x1, KERNEL_ALL_CTX, 0},
	};

	return (TraceModel){
	        .needs = needs, .n_needs = G_N_ELEMENTS(needs), .event = work_event, .loss = work_loss, .self = self};
}

static gpointer work_create(KernelSet *set)
{
	Work *w = g_new0(Work, 1);

	w->set = set;
	w->table = history_table(set->history, KERNEL_IRQ_TABLE, sizeof(KernelIrqItem));
	w->lines = history_table(set->history, KERNEL_IRQ_LINES_TABLE, sizeof(KernelIrqLine));
	w->line = (KernelIrqLine){.kind = KERNEL_IRQ_WORK, .row = G_MAXUINT32};
	kernel_addrmap_init(&w->queued, sizeof(Queued), KERNEL_WORKS_MAX);
	kernel_addrmap_init(&w->open, sizeof(Open), OPEN_MAX);
	kernel_addrmap_init(&w->names, sizeof(guint32), KERNEL_WORKS_MAX);
	return w;
}

static void work_finish(gpointer self)
{
	Work *w = self;

	w->line.open_end += w->open.used;
	if (w->line.raised || w->line.handled || w->line.open_begin || w->line.open_end)
		*(KernelIrqLine *)history_table_add(w->set->history, w->lines) = w->line;
}

static void work_free(gpointer self)
{
	Work *w = self;

	kernel_addrmap_clear(&w->queued);
	kernel_addrmap_clear(&w->open);
	kernel_addrmap_clear(&w->names);
	g_free(w);
}

/* ---- Why a thread was blocked ---------------------------------------------------------------------------------- */

static gboolean is_kworker(const KernelThread *t)
{
	return g_str_has_prefix(t->name, "kworker/");
}

/* Kernel threads that do nothing but wait for work and do it. */
static gboolean is_servant(const KernelThread *t)
{
	static const char *const names[] = {"ksoftirqd/", "migration/", "irq/",       "cpuhp/",       "kthreadd",
	                                    "kauditd",    "kdevtmpfs",  "oom_reaper", "idle_inject/", "watchdog/",
	                                    "stopper/",   "kswapd",     "kcompactd"};

	if (t->pid >= 0 && t->pid != t->tid)
		return FALSE;
	for (guint i = 0; i < G_N_ELEMENTS(names); i++)
		if (t->is_kthread != 0 && g_str_has_prefix(t->name, names[i]))
			return TRUE;
	return FALSE;
}

/* The text for what a work item did. */
static guint32 function_text(Work *w, guint64 function)
{
	guint32 *text = kernel_addrmap_put(&w->names, function);

	if (!*text) {
		g_autofree char *name = g_strdup_printf("work 0x%" G_GINT64_MODIFIER "x", function);
		*text = history_text(w->set->history, name, -1);
	}
	return *text;
}

static void work_why(gpointer self, const KernelBlocked *b, KernelWhy *why)
{
	Work *w = self;
	const gboolean uninterruptible = b->prev_state == 2;
	const Open *own = kernel_addrmap_get(&w->open, b->thread->serial);

	if (!own && !uninterruptible && (is_kworker(b->thread) || is_servant(b->thread))) {
		*why = (KernelWhy){.reason = KERNEL_WAIT_FOR_IDLE, .weight = 65};
		return;
	}
	const Open *theirs =
	        b->waker && b->from == KERNEL_FROM_THREAD ? kernel_addrmap_get(&w->open, b->waker->serial) : NULL;
	if (!theirs)
		return;
	if (theirs->by == b->thread->serial)
		*why = (KernelWhy){
		        .reason = KERNEL_WAIT_FOR_KERNEL, .weight = 60, .detail = function_text(w, theirs->function)};
	else if (uninterruptible)
		*why = (KernelWhy){
		        .reason = KERNEL_WAIT_FOR_KERNEL, .weight = 40, .detail = function_text(w, theirs->function)};
}

const KernelPart kernel_part_work = {
        .create = work_create, .model = work_model, .finish = work_finish, .free = work_free, .why = work_why};
