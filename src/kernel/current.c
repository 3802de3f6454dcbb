/* SPDX-License-Identifier: MIT */
/*
 * current.c: who is current on a processor.
 *
 * sched_switch says so. Before a processor's first one, whoever is current there stays so until it: a thread object without a number, which gets it
 * then. Where sched_switch was not recorded, or events were lost, contexts must do.
 */
#include "kernel/private.h"

/* A context's value as a thread number; -1: not there, or none. */
static gint32 ctx_tid(const TraceEvent *ev, TraceCtx ctx)
{
	if (!trace_has_ctx(ev, ctx) || ev->ctx[ctx] >= KERNEL_TID_MAX)
		return -1;
	return (gint32)ev->ctx[ctx];
}

/* Contexts say who it is in numbers that hold everywhere. */
static gboolean learn_global(KernelThread *t, const TraceEvent *ev)
{
	gint32 tid = ctx_tid(ev, TRACE_CTX_TID), pid = ctx_tid(ev, TRACE_CTX_PID);

	if (tid < 0)
		return TRUE;
	if (t->tid >= 0 && t->tid != tid)
		return FALSE;
	if (t->pid < 0)
		t->pid = pid;
	return TRUE;
}

gboolean kernel_learn_contexts(KernelThread *t, const TraceEvent *ev)
{
	gint32 vtid = ctx_tid(ev, TRACE_CTX_VTID);

	if (!learn_global(t, ev))
		return FALSE;
	if (vtid < 0 || vtid == t->vtid)
		return TRUE;
	if (t->vtid >= 0)
		return FALSE;
	t->vtid = vtid;
	t->vpid = ctx_tid(ev, TRACE_CTX_VPID);
	if (t->pid < 0 && t->tid == vtid)
		t->pid = t->vpid; /* the same number in its own namespace: it is the outermost one, almost surely */
	return TRUE;
}

/* The thread that contexts alone name; NULL: they don't, or not safely. */
static KernelThread *by_contexts(Kernel *k, const TraceEvent *ev)
{
	gint32 tid = ctx_tid(ev, TRACE_CTX_TID), vtid = ctx_tid(ev, TRACE_CTX_VTID);
	KernelThread *t = NULL;

	if (tid > 0 || (vtid > 0 && !k->has_switch))
		t = kernel_thread_get(k, tid > 0 ? tid : vtid);
	else if (vtid > 0)
		t = kernel_thread(k, vtid);
	/* A number that a switch has not confirmed may be another thread's, in another namespace. */
	if (t && tid < 0 && k->has_switch && t->vtid != vtid)
		return NULL;
	return t && kernel_learn_contexts(t, ev) ? t : NULL;
}

/* An event of the thread proves that it has the processor, which events that were lost had made uncertain. */
static KernelThread *adopt(KernelCpu *c, KernelThread *t, gint64 time)
{
	if (!t || c->lossy || c->current)
		return t;
	kernel_thread_state(t, KERNEL_RUNNING, time);
	kernel_cpu_state(c, kernel_is_idle(t) ? KERNEL_CPU_IDLE : KERNEL_CPU_BUSY, time);
	t->cpu = c->id;
	c->lost = FALSE;
	return c->current = t;
}

/* Whoever has been on this processor since it was first recorded. */
static KernelThread *first_current(Kernel *k, KernelCpu *c, const TraceEvent *ev)
{
	gint32 tid = ctx_tid(ev, TRACE_CTX_TID), vtid = ctx_tid(ev, TRACE_CTX_VTID);
	KernelThread *t;

	if (tid == 0 || (tid < 0 && vtid == 0))
		t = c->idle;
	else if (tid > 0)
		t = kernel_thread_get(k, tid);
	else
		t = kernel_thread_new(k, -1);
	gint64 since = MAX(c->since, k->first_ns);
	kernel_thread_state(t, KERNEL_RUNNING, since);
	kernel_cpu_state(c, kernel_is_idle(t) ? KERNEL_CPU_IDLE : KERNEL_CPU_BUSY, since);
	t->cpu = c->id;
	kernel_learn_contexts(t, ev);
	return c->current = t;
}

static KernelThread *find_current(Kernel *k, const TraceEvent *ev)
{
	KernelCpu *c = kernel_cpu_get(k, ev->cpu);

	if (k->first_ns == G_MININT64)
		k->first_ns = ev->time;
	if (!c || !k->has_switch)
		return by_contexts(k, ev);
	c->seen = TRUE;
	if (!c->current && !c->switched && !c->lossy && !c->lost)
		return first_current(k, c, ev);
	/* A switch's contexts are those of whom it was away from. */
	if (c->current && (!ev->ctx_present || ev->id == TRACE_SCHED_SWITCH || kernel_learn_contexts(c->current, ev)))
		return c->current;
	return adopt(c, by_contexts(k, ev), ev->time);
}

KernelThread *kernel_current(Kernel *k, const TraceEvent *ev)
{
	if (ev->number && ev->number == k->asked)
		return k->answer;
	k->answer = find_current(k, ev);
	k->asked = ev->number;
	return k->answer;
}
