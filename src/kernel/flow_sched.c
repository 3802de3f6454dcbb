/* SPDX-License-Identifier: MIT */
/* flow_sched.c: threads get processors, lose them, wait for them. The Kernel's model has seen each event first. */
#include "kernel/flow_private.h"
#include "kernel/irq.h"

static gint64 value(const TraceEvent *ev, guint field, gint64 otherwise)
{
	return trace_has(ev, field) ? (gint64)ev->v[field] : otherwise;
}

static gint32 prio_of(const TraceEvent *ev, guint field, gint32 otherwise)
{
	return (gint32)CLAMP(value(ev, field, otherwise), G_MININT32, G_MAXINT32);
}

/* ---- Waiting for a processor ------------------------------------------------------------------------------------- */

/*
 * A throttled thread whose processor was given to another one: if it goes idle again, the thread has been throttled all the time, because it would have
 * run if it had been allowed to. Else nobody knows for how long it still was.
 */
static void end_throttling(Flow *f, FlowThread *t, gint64 time)
{
	if (t->state != KERNEL_TS_THROTTLED)
		return;
	if (t->busy_since < time)
		flow_thread_state(f, t, KERNEL_TS_PREEMPTED, t->busy_text, t->busy_since);
	t->busy_since = G_MAXINT64;
}

static void leave_list(FlowThread *t)
{
	if (t->prev)
		t->prev->next = t->next;
	else
		t->wait->waiting = t->next;
	if (t->next)
		t->next->prev = t->prev;
	t->wait = NULL;
	t->next = t->prev = NULL;
}

void flow_sched_unwait(Flow *f, FlowThread *t, gint64 time)
{
	if (!t->wait)
		return;
	end_throttling(f, t, time);
	leave_list(t);
}

static void wait_for(Flow *f, FlowThread *t, gint32 cpu)
{
	FlowCpu *c = flow_cpu_get(f, cpu);

	if (c == t->wait)
		return;
	if (t->wait)
		leave_list(t);
	if (!c)
		return;
	t->wait = c;
	t->next = c->waiting;
	if (t->next)
		t->next->prev = t;
	c->waiting = t;
}

/*
 * The processor was given to nothing while threads are in its queue: they aren't allowed to run. A thread that is on its way into the queue, or waits for a processor
 * that has been idle for longer, is about to get it.
 */
static void update_waiter(Flow *f, FlowThread *t, FlowCpu *c, gint64 time)
{
	if (kernel_is_idle(c->kt)) {
		if (t->state != KERNEL_TS_THROTTLED)
			flow_thread_state(f, t, KERNEL_TS_THROTTLED, 0, time);
		t->busy_since = G_MAXINT64;
	} else if (t->state == KERNEL_TS_THROTTLED && t->busy_since == G_MAXINT64) {
		t->busy_since = time;
		t->busy_text = flow_thread_text(f, c->ft);
	}
}

static void update_waiting(Flow *f, FlowCpu *c, gint64 time)
{
	for (FlowThread *t = c->waiting, *next; t; t = next) {
		next = t->next;
		if (t->kt->state == KERNEL_ENDED)
			flow_sched_unwait(f, t, t->kt->end_ns);
		else if (t->queued && f->can_throttle && c->kt)
			update_waiter(f, t, c, time);
	}
}

/* It is ready to run, and waits in that state. */
static void ready(Flow *f, FlowThread *t, KernelThreadState state, guint32 detail, gint64 time)
{
	flow_thread_off(f, t, state, detail, time);
	t->wait_state = (guint8)state;
	t->wait_detail = detail;
}

/* ---- Getting one --------------------------------------------------------------------------------------------------- */

static void add_latency(Flow *f, const FlowThread *t, const FlowCpu *c, gint64 time)
{
	KernelLatencyItem *item = history_table_add(f->history, f->latencies);

	*item = (KernelLatencyItem){.thread = t->serial, .cpu = c->cpu->id, .woken_ns = t->woken_ns, .run_ns = time, .waker = t->waker,
				    .waker_text = t->waker_text, .number = t->number, .prio = t->prio, .from = t->from};
}

/* What it was doing before the loss, it may not be doing any more. */
static void forget_mode(FlowThread *t)
{
	t->mode = FLOW_MODE_UNKNOWN;
	t->fault = FLOW_NO_FAULT;
	t->kvm_run = t->in_guest = FALSE;
	t->softirq = -1;
}

void flow_sched_run(Flow *f, FlowThread *t, const FlowCpu *c, gint64 time)
{
	gboolean lost = t->known && flow_thread_lost(f, t) < time;

	if (lost)
		forget_mode(t);
	else if (t->wait_state == KERNEL_TS_WAIT_CPU) {
		add_latency(f, t, c, time);
		if (t->waker_row != KERNEL_NO_ROW)
			history_edge(f->history, f->wakeup_edge, t->waker_row, t->woken_ns, flow_thread_row(f, t), time);
	}
	if (t->state == KERNEL_TS_BLOCKED)
		flow_why(f, t, NULL, time); /* nobody was seen to wake it */
	flow_sched_unwait(f, t, time);
	t->wait_state = KERNEL_TS_UNKNOWN;
	if (t->fault == FLOW_FAULT_KERNEL)
		t->fault = FLOW_NO_FAULT;
	flow_thread_state(f, t, KERNEL_TS_RUNNING, 0, time);
	t->since = time;
	t->on = (FlowCpu *)c;
	flow_thread_text(f, t); /* a thread's name changes while it runs, and is told when it stops to; or by exec */
}

/* ---- Switches ------------------------------------------------------------------------------------------------------ */

/*
 * It could have gone on running. Linux tells the thread that called schedule() (0) from the one that was preempted in the kernel; but one that
 * is preempted on its way to user space, or into a guest, calls schedule() as well.
 */
static gboolean has_yielded(const FlowThread *t)
{
	gboolean in_kernel = (t->mode == FLOW_MODE_SYSCALL && !t->kvm_run) || t->kt->is_kthread == 1;

	return t->prev_state == 0 && in_kernel;
}

static void lose_processor(Flow *f, FlowThread *t, FlowCpu *c, KernelThread *next, gint64 time)
{
	FlowThread *by = next ? flow_thread(f, next) : NULL;
	guint32 text = by ? flow_thread_text(f, by) : 0;

	t->in_guest = FALSE;
	switch (kernel_prev_state(t->prev_state, f->kernel->old_states)) {
	case KERNEL_PREEMPTED:
		ready(f, t, has_yielded(t) ? KERNEL_TS_YIELDED : KERNEL_TS_PREEMPTED, text, time);
		t->queued = TRUE;
		wait_for(f, t, c->cpu->id);
		break;
	case KERNEL_BLOCKED:
		flow_thread_off(f, t, KERNEL_TS_BLOCKED, 0, time);
		break;
	default:
		flow_thread_off(f, t, KERNEL_TS_UNKNOWN, 0, time); /* it has ended */
		break;
	}
}

/* A softirq that its thread is switched away from can go on with it only where softirqs can be preempted; another handler can't be running any more. */
static void put_away_handlers(FlowCpu *c)
{
	if (c->depth == 1 && c->ft && c->stack[0].from == KERNEL_FROM_SOFTIRQ) {
		c->ft->softirq = c->stack[0].number;
		c->ft->softirq_text = c->stack[0].text;
		c->depth = 0;
	}
	flow_cpu_unwind(c);
}

static void take_up_handlers(FlowCpu *c)
{
	FlowThread *t = c->ft;

	if (!t || t->softirq < 0)
		return;
	c->stack[c->depth++] = (FlowContext){KERNEL_FROM_SOFTIRQ, t->softirq, t->softirq_text};
	t->softirq = -1;
}

/* Make the processor's thread the one that the switch says has been running. */
static void correct_previous(Flow *f, FlowCpu *c, gint64 time)
{
	KernelThread *prev = c->cpu->previous;

	if (c->ft && c->kt == prev && c->state == KERNEL_CS_UNKNOWN) {
		c->state = KERNEL_CS_RUNNING; /* perhaps it had been nobody */
		c->detail = flow_thread_text(f, c->ft);
	}
	if (c->kt == prev)
		return;
	gint64 since = !c->lossy && (c->lost || !c->switched) ? MAX(c->unknown_since, f->kernel->first_ns) : time;
	if (c->kt) {
		flow_cpu_forget(f, c, time);
		since = time;
	}
	if (prev)
		flow_cpu_attach(f, c, prev, since);
}

void flow_sched_switch(Flow *f, const TraceEvent *ev)
{
	FlowCpu *c = flow_cpu_get(f, ev->cpu);

	if (!c)
		return;
	KernelThread *next = c->cpu->current;
	correct_previous(f, c, ev->time);
	put_away_handlers(c);
	flow_cpu_update(f, c, ev->time);
	FlowThread *t = flow_cpu_detach(c);
	if (t) {
		t->prev_state = value(ev, TRACE_SCHED_SWITCH_PREV_STATE, 0);
		t->prio = prio_of(ev, TRACE_SCHED_SWITCH_PREV_PRIO, t->prio);
		lose_processor(f, t, c, next, ev->time);
	}
	c->switched = TRUE;
	c->lost = FALSE;
	if (next && next->flow)
		((FlowThread *)next->flow)->prio = prio_of(ev, TRACE_SCHED_SWITCH_NEXT_PRIO, ((FlowThread *)next->flow)->prio);
	flow_cpu_attach(f, c, next, ev->time);
	take_up_handlers(c);
	flow_cpu_update(f, c, ev->time);
	if (c->waiting)
		update_waiting(f, c, ev->time);
}

/* ---- Wakeups ------------------------------------------------------------------------------------------------------- */

/* A timer has expired, and its function runs. */
static gboolean is_in_timer(const Flow *f, const FlowCpu *c)
{
	KernelIrqContext top;

	return kernel_irq_context(f->set, c->cpu->id, 0, &top) && (top.kind == KERNEL_IRQ_HRTIMER || top.kind == KERNEL_IRQ_TIMER);
}

/* From where the wakeup is issued, and by whom. */
static KernelBlocked source_of(const Flow *f, const FlowCpu *c)
{
	KernelBlocked b = {.number = -1, .cpu = -1, .waker_syscall = -1};

	if (!c)
		return b;
	const FlowThread *t = c->ft;
	b.cpu = c->cpu->id;
	b.waker = t ? t->kt : NULL;
	b.in_timer = is_in_timer(f, c);
	if (c->depth) {
		b.from = (KernelFrom)c->stack[c->depth - 1].from;
		b.number = c->stack[c->depth - 1].number;
	} else if (t) {
		b.from = KERNEL_FROM_THREAD;
		b.waker_syscall = t->mode == FLOW_MODE_SYSCALL ? t->syscall : -1;
	}
	return b;
}

static guint32 source_text(Flow *f, const FlowCpu *c, const KernelBlocked *b)
{
	if (!c || (!c->depth && !c->ft))
		return 0;
	if (b->in_timer)
		return f->timer_text;
	return c->depth ? c->stack[c->depth - 1].text : flow_thread_text(f, c->ft);
}

/* It was woken, or made: who did it, and when. */
static void note_waker(Flow *f, FlowThread *t, FlowCpu *c, const KernelBlocked *b, gint64 time)
{
	t->woken_ns = time;
	t->from = (guint8)b->from;
	t->number = b->number;
	t->waker = b->waker ? b->waker->serial : FLOW_NO_SERIAL;
	t->waker_text = source_text(f, c, b);
	t->waker_row = KERNEL_NO_ROW;
	if (c && c->depth)
		t->waker_row = c->row;
	else if (c && c->ft && flow_thread_certain(c->ft))
		t->waker_row = flow_thread_row(f, c->ft);
}

/* The first of the events that tell of a wakeup. */
static void woken(Flow *f, FlowThread *t, FlowCpu *c, const TraceEvent *ev)
{
	KernelBlocked b = source_of(f, c);

	if (flow_thread_lost(f, t) < ev->time)
		forget_mode(t);
	if (t->state == KERNEL_TS_BLOCKED)
		flow_why(f, t, &b, ev->time);
	note_waker(f, t, c, &b, ev->time);
	t->wakeups++;
	ready(f, t, KERNEL_TS_WAIT_CPU, t->waker_text, ev->time);
	t->queued = FALSE;
}

void flow_sched_wake(Flow *f, const TraceEvent *ev)
{
	gint64 tid = value(ev, TRACE_SCHED_WAKEUP_TID, -1);
	KernelThread *kt = tid > 0 && tid < KERNEL_TID_MAX ? kernel_thread(f->kernel, (gint32)tid) : NULL;

	if (!kt || kt->state != KERNEL_WAIT_CPU)
		return; /* it had not gone to sleep yet */
	FlowThread *t = flow_thread(f, kt);
	FlowCpu *c = flow_cpu(f, ev); /* who is current there becomes known, and may be the thread itself */
	if (!t || t->on)
		return;
	if (t->wait_state != KERNEL_TS_WAIT_CPU || flow_thread_lost(f, t) < ev->time)
		woken(f, t, c, ev);
	else if (ev->id == TRACE_SCHED_WAKEUP_NEW)
		t->woken_ns = ev->time; /* since it was forked it has been made ready */
	t->prio = prio_of(ev, TRACE_SCHED_WAKEUP_PRIO, t->prio);
	if (ev->id != TRACE_SCHED_WAKING)
		t->queued = TRUE;
	wait_for(f, t, kt->cpu);
}

void flow_sched_migrate(Flow *f, const TraceEvent *ev)
{
	gint64 tid = value(ev, TRACE_SCHED_MIGRATE_TID, -1);
	KernelThread *kt = tid > 0 && tid < KERNEL_TID_MAX ? kernel_thread(f->kernel, (gint32)tid) : NULL;
	FlowThread *t = kt ? kt->flow : NULL;

	if (!t || !t->wait)
		return;
	if (t->state == KERNEL_TS_THROTTLED) {
		end_throttling(f, t, ev->time);
		flow_thread_state(f, t, t->wait_state, t->wait_detail, ev->time);
	}
	wait_for(f, t, kt->cpu);
}

/* A child is in the system call of its parent, which returns in both; it runs for the first time when it is woken. */
void flow_sched_fork(Flow *f, const TraceEvent *ev)
{
	gint64 tid = value(ev, TRACE_PROCESS_FORK_CHILD_TID, -1);
	KernelThread *kt = tid > 0 && tid < KERNEL_TID_MAX ? kernel_thread(f->kernel, (gint32)tid) : NULL;

	if (!kt || !kt->born || kt->begin_ns != ev->time)
		return;
	FlowThread *t = flow_thread(f, kt);
	FlowCpu *c = flow_cpu(f, ev);
	KernelBlocked b = source_of(f, c);
	if (t->on || t->known)
		return; /* damage */
	if (c && c->ft && c->ft != t) {
		t->mode = c->ft->mode;
		t->syscall = c->ft->syscall;
		t->prio = c->ft->prio;
	}
	note_waker(f, t, c, &b, ev->time);
	ready(f, t, KERNEL_TS_WAIT_CPU, t->waker_text, ev->time);
	wait_for(f, t, kt->cpu);
}

void flow_sched_exec(Flow *f, const TraceEvent *ev)
{
	FlowCpu *c = flow_cpu(f, ev);

	if (!c || !c->ft)
		return;
	flow_thread_text(f, c->ft);
	flow_cpu_update(f, c, ev->time);
}

/* What was asleep when recording began, and has not been seen since. */
void flow_sched_statedump(Flow *f, const TraceEvent *ev)
{
	gint64 tid = value(ev, TRACE_STATEDUMP_PROCESS_TID, -1);
	KernelThread *kt = tid > 0 && tid < KERNEL_TID_MAX ? kernel_thread(f->kernel, (gint32)tid) : NULL;
	FlowThread *t = kt && kt->state == KERNEL_BLOCKED ? flow_thread(f, kt) : NULL;

	if (t && !t->known)
		flow_thread_off(f, t, KERNEL_TS_BLOCKED, 0, ev->time);
}
