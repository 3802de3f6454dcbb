/* SPDX-License-Identifier: MIT */
/* model.c: what each event says about threads and processors. */
#include "kernel/private.h"

#include <string.h>

static void set_name(KernelThread *t, const TraceEvent *ev, guint field)
{
	guint len;

	if (!t || !trace_has(ev, field))
		return;
	const char *text = trace_text(ev, field, &len);
	kernel_thread_name(t, text, len);
}

static gint64 value(const TraceEvent *ev, guint field, gint64 otherwise)
{
	return trace_has(ev, field) ? (gint64)ev->v[field] : otherwise;
}

/* ---- sched_switch -------------------------------------------------------------------------------------------- */

/* A number that is on a processor after its thread has ended is another thread's. */
static KernelThread *alive(Kernel *k, KernelThread *t)
{
	if (!t || t->state != KERNEL_ENDED)
		return t;
	gint32 tid = t->tid;
	kernel_thread_remove(k, t);
	return kernel_thread_get(k, tid);
}

/* The switch's thread of that number on this processor; NULL: no valid number. */
static KernelThread *switch_thread(Kernel *k, KernelCpu *c, gint64 tid)
{
	return tid == 0 ? c->idle : alive(k, kernel_thread_get(k, tid));
}

/* Somebody else ran than was known: switches are missing. What the known one does is not known any more. */
static void lose_current(Kernel *k, KernelCpu *c, gint64 time)
{
	k->switches_missed++;
	kernel_thread_state(c->current, KERNEL_UNKNOWN, time);
	kernel_cpu_state(c, KERNEL_CPU_UNKNOWN, time);
	c->current = NULL;
}

/* Whoever it was that nobody knew was nobody: the idle thread. */
static void bind_idle(Kernel *k, KernelCpu *c)
{
	KernelThread *t = c->current;

	kernel_thread_state(c->idle, KERNEL_RUNNING, t->since);
	kernel_thread_forget(k, t, c->idle);
	c->current = c->idle;
}

/*
 * Who has run until now, and since when. All of a processor's events since it was first recorded, or since its last loss, are there, so that before
 * the first switch it was the switch's prev all the time.
 */
static KernelThread *switch_from(Kernel *k, KernelCpu *c, gint64 tid, gint64 time)
{
	if (c->current && c->current->tid < 0 && tid > 0 && tid < KERNEL_TID_MAX)
		c->current = kernel_thread_bind(k, c->current, (gint32)tid);
	else if (c->current && c->current->tid < 0 && tid == 0 && !c->current->vcpu && !c->current->pins)
		bind_idle(k, c);
	if (c->current && c->current->tid != tid)
		lose_current(k, c, time);
	KernelThread *t = switch_thread(k, c, tid);
	if (!t || c->current)
		return t;
	gint64 since = !c->lossy && (c->lost || !c->switched) ? MAX(c->since, k->first_ns) : time;
	kernel_thread_state(t, KERNEL_RUNNING, since);
	kernel_cpu_state(c, kernel_is_idle(t) ? KERNEL_CPU_IDLE : KERNEL_CPU_BUSY, since);
	return t;
}

static void leave(Kernel *k, KernelThread *t, gint64 prev_state, gint64 time)
{
	KernelState state = kernel_is_idle(t) ? KERNEL_PREEMPTED : kernel_prev_state(prev_state, k->old_states);

	if (state == KERNEL_PREEMPTED)
		t->preemptions++;
	kernel_thread_state(t, state, time);
	if (state == KERNEL_ENDED)
		t->end_ns = time;
}

/* Where nobody tells when a thread's number is free again: as soon as it has ended, and has left its processor. */
static void reap(Kernel *k, KernelCpu *c)
{
	KernelThread *t = c->previous;

	c->previous = NULL;
	if (!k->has_free && t && t->state == KERNEL_ENDED && kernel_thread(k, t->tid) == t)
		kernel_thread_remove(k, t);
}

static void on_switch(Kernel *k, const TraceEvent *ev)
{
	KernelCpu *c = kernel_cpu_get(k, ev->cpu);

	k->switches++;
	if (!c)
		return;
	c->seen = TRUE;
	reap(k, c);
	KernelThread *prev = switch_from(k, c, value(ev, TRACE_SCHED_SWITCH_PREV_TID, -1), ev->time);
	KernelThread *next = switch_thread(k, c, value(ev, TRACE_SCHED_SWITCH_NEXT_TID, -1));
	if (prev && prev != c->idle) {
		set_name(prev, ev, TRACE_SCHED_SWITCH_PREV_COMM);
		kernel_learn_contexts(prev, ev); /* recorded before the switch took place */
	}
	if (prev)
		leave(k, prev, value(ev, TRACE_SCHED_SWITCH_PREV_STATE, 0), ev->time);
	/* A name that changes does so while its thread runs: then the switch away from it tells. */
	if (next && next != c->idle && !next->name[0])
		set_name(next, ev, TRACE_SCHED_SWITCH_NEXT_COMM);
	if (next) {
		kernel_thread_state(next, KERNEL_RUNNING, ev->time);
		next->switches++;
		next->cpu = c->id;
	}
	kernel_cpu_state(c, !next ? KERNEL_CPU_UNKNOWN : next == c->idle ? KERNEL_CPU_IDLE : KERNEL_CPU_BUSY, ev->time);
	c->previous = prev;
	c->current = next;
	c->switched = TRUE;
	c->lost = FALSE;
	c->switches++;
}

/* ---- Wakeups and migrations ---------------------------------------------------------------------------------- */

/* The three wakeup events have the same fields. */
static void on_wake(Kernel *k, const TraceEvent *ev)
{
	KernelThread *t = kernel_thread_get(k, value(ev, TRACE_SCHED_WAKEUP_TID, -1));

	if (!t)
		return;
	if (!t->name[0])
		set_name(t, ev, TRACE_SCHED_WAKEUP_COMM);
	if (t->state != KERNEL_BLOCKED && t->state != KERNEL_WAIT_CPU && t->state != KERNEL_UNKNOWN)
		return; /* it had not gone to sleep yet */
	kernel_thread_state(t, KERNEL_WAIT_CPU, ev->time);
	t->cpu = (gint32)value(ev, TRACE_SCHED_WAKEUP_TARGET_CPU, t->cpu);
}

static void on_migrate(Kernel *k, const TraceEvent *ev)
{
	KernelThread *t = kernel_thread_get(k, value(ev, TRACE_SCHED_MIGRATE_TID, -1));

	if (t && t->state != KERNEL_RUNNING)
		t->cpu = (gint32)value(ev, TRACE_SCHED_MIGRATE_DEST_CPU, t->cpu);
}

/* ---- Lives --------------------------------------------------------------------------------------------------- */

static void end_thread(Kernel *k, KernelThread *t, gint64 time)
{
	if (t->state != KERNEL_ENDED) {
		kernel_thread_state(t, KERNEL_ENDED, time);
		t->end_ns = time;
	}
	kernel_thread_remove(k, t);
}

static void on_fork(Kernel *k, const TraceEvent *ev)
{
	gint64 tid = value(ev, TRACE_PROCESS_FORK_CHILD_TID, -1);
	KernelThread *old = tid > 0 && tid < KERNEL_TID_MAX ? kernel_thread(k, (gint32)tid) : NULL;
	KernelThread *parent = kernel_thread_get(k, value(ev, TRACE_PROCESS_FORK_PARENT_TID, -1));

	if (old)
		end_thread(k, old, ev->time);
	KernelThread *t = kernel_thread_get(k, tid);
	if (!t)
		return;
	t->begin_ns = t->since = ev->time;
	t->born = TRUE;
	t->state = KERNEL_WAIT_CPU;
	t->pid = (gint32)value(ev, TRACE_PROCESS_FORK_CHILD_PID, -1);
	t->cpu = ev->cpu;
	set_name(t, ev, TRACE_PROCESS_FORK_CHILD_COMM);
	if (parent && trace_has(ev, TRACE_PROCESS_FORK_PARENT_PID))
		parent->pid = (gint32)ev->v[TRACE_PROCESS_FORK_PARENT_PID];
	if (!parent)
		return;
	t->ppid = t->pid >= 0 && t->pid == parent->pid ? parent->ppid : parent->pid;
	t->is_kthread = parent->is_kthread;
}

/* The name that exec gives: the file's, without directories. comm itself is not in the event. */
static void name_by_file(KernelThread *t, const TraceEvent *ev)
{
	guint len;

	if (!trace_has(ev, TRACE_PROCESS_EXEC_FILENAME))
		return;
	const char *path = trace_text(ev, TRACE_PROCESS_EXEC_FILENAME, &len);
	const char *slash = len ? memrchr(path, '/', len) : NULL;
	const char *name = slash ? slash + 1 : path;
	kernel_thread_name(t, name, len - (guint)(name - path));
}

/* A thread that calls exec takes its process's number, and the others of the process end. */
static void on_exec(Kernel *k, const TraceEvent *ev)
{
	gint64 tid = value(ev, TRACE_PROCESS_EXEC_TID, -1), old_tid = value(ev, TRACE_PROCESS_EXEC_OLD_TID, tid);
	KernelThread *t = kernel_thread_get(k, old_tid);

	if (!t || tid <= 0 || tid >= KERNEL_TID_MAX)
		return;
	if (tid != old_tid) {
		KernelThread *leader = kernel_thread(k, (gint32)tid);

		if (leader && leader != t)
			end_thread(k, leader, ev->time);
		kernel_tids_set(k->tids, t->tid, NULL);
		t->tid = (gint32)tid;
		t->vtid = -1;
		kernel_tids_set(k->tids, t->tid, t);
	}
	t->pid = t->tid;
	t->is_kthread = FALSE;
	name_by_file(t, ev);
}

static void on_free(Kernel *k, const TraceEvent *ev)
{
	gint64 tid = value(ev, TRACE_PROCESS_FREE_TID, -1);
	KernelThread *t = tid > 0 && tid < KERNEL_TID_MAX ? kernel_thread(k, (gint32)tid) : NULL;

	if (t && t->state != KERNEL_RUNNING)
		end_thread(k, t, ev->time);
}

/* lttng_statedump_process_state.type tells kernel threads by that they have no memory of their own; vhost's borrow that of their VM. */
/* lttng_statedump_process_state.status: what is waiting. It tells nothing of a thread whose switches or wakeups were seen. */
#define STATUS_WAIT 5
#define TYPE_KERNEL_THREAD 1

static void on_statedump(Kernel *k, const TraceEvent *ev)
{
	KernelThread *t = kernel_thread_get(k, value(ev, TRACE_STATEDUMP_PROCESS_TID, -1));

	if (!t)
		return;
	t->pid = (gint32)value(ev, TRACE_STATEDUMP_PROCESS_PID, t->pid);
	t->ppid = (gint32)value(ev, TRACE_STATEDUMP_PROCESS_PPID, t->ppid);
	if (trace_has(ev, TRACE_STATEDUMP_PROCESS_TYPE))
		t->is_kthread = ev->v[TRACE_STATEDUMP_PROCESS_TYPE] == TYPE_KERNEL_THREAD || t->ppid == KERNEL_KTHREADD;
	if (!t->name[0])
		set_name(t, ev, TRACE_STATEDUMP_PROCESS_NAME);
	if (t->state == KERNEL_UNKNOWN && value(ev, TRACE_STATEDUMP_PROCESS_STATUS, 0) == STATUS_WAIT)
		kernel_thread_state(t, KERNEL_BLOCKED, ev->time);
}

/* ---- The model ----------------------------------------------------------------------------------------------- */

void kernel_event(gpointer kernel, const TraceEvent *ev)
{
	Kernel *k = kernel;

	if (G_UNLIKELY(k->first_ns == G_MININT64))
		k->first_ns = ev->time;
	switch ((TraceEventId)ev->id) {
	case TRACE_SCHED_SWITCH:
		on_switch(k, ev);
		break;
	case TRACE_SCHED_WAKING:
	case TRACE_SCHED_WAKEUP:
	case TRACE_SCHED_WAKEUP_NEW:
		on_wake(k, ev);
		break;
	case TRACE_SCHED_MIGRATE:
		on_migrate(k, ev);
		break;
	case TRACE_PROCESS_FORK:
		on_fork(k, ev);
		break;
	case TRACE_PROCESS_EXEC:
		on_exec(k, ev);
		break;
	case TRACE_PROCESS_FREE:
		on_free(k, ev);
		break;
	case TRACE_STATEDUMP_PROCESS:
		on_statedump(k, ev);
		break;
	default:
		break;
	}
}

/* What was known of a processor doesn't hold over lost events, and has to be seen again after them. */
void kernel_loss(gpointer kernel, gint32 cpu, gint64 time, TraceLossEdge edge)
{
	Kernel *k = kernel;
	KernelCpu *c = kernel_cpu_get(k, cpu);

	if (!c)
		return;
	time = CLAMP(time, k->begin_ns, k->end_ns);
	if (c->current)
		kernel_thread_state(c->current, KERNEL_UNKNOWN, time);
	kernel_cpu_state(c, KERNEL_CPU_UNKNOWN, time);
	c->current = NULL;
	c->lossy = edge == TRACE_LOSS_BEGIN;
	c->lost = edge == TRACE_LOSS_END && c->seen; /* before its first event nothing was known that could be wrong now */
}

#define ALL_CTX \
	(TRACE_BIT(TRACE_CTX_TID) | TRACE_BIT(TRACE_CTX_PID) | TRACE_BIT(TRACE_CTX_VTID) | TRACE_BIT(TRACE_CTX_VPID))

TraceModel kernel_model(Kernel *k)
{
	static const TraceNeed needs[] = {
		{TRACE_SCHED_SWITCH, 0x1f, ALL_CTX}, {TRACE_SCHED_WAKING, 0x7, 0},   {TRACE_SCHED_WAKEUP, 0x7, 0},
		{TRACE_SCHED_WAKEUP_NEW, 0x7, 0},    {TRACE_SCHED_MIGRATE, 0x3, 0},  {TRACE_PROCESS_FORK, 0x1f, 0},
		{TRACE_PROCESS_EXEC, 0x7, 0},        {TRACE_PROCESS_FREE, 0x1, 0},   {TRACE_STATEDUMP_PROCESS, 0x3f, 0},
	};

	return (TraceModel){.needs = needs, .n_needs = G_N_ELEMENTS(needs), .event = kernel_event, .loss = kernel_loss,
			    .self = k};
}
