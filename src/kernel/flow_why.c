/* SPDX-License-Identifier: MIT */
/* flow_why.c: why a thread was blocked: what the other parts know, and else what its state and its waker tell. */
#include "kernel/flow_private.h"

enum { TASK_UNINTERRUPTIBLE = 2, TASK_STOPPED = 4, TASK_TRACED = 8, TASK_PARKED = 0x40, TASK_IDLE = 0x80 };
enum { SOFTIRQ_TIMER = 1, SOFTIRQ_NET_TX = 2, SOFTIRQ_NET_RX = 3, SOFTIRQ_BLOCK = 4, SOFTIRQ_IRQ_POLL = 5, SOFTIRQ_HRTIMER = 8 };

static KernelWaitReason by_softirq(gint32 vec)
{
	switch (vec) {
	case SOFTIRQ_TIMER:
	case SOFTIRQ_HRTIMER:
		return KERNEL_WAIT_FOR_TIMER;
	case SOFTIRQ_NET_TX:
	case SOFTIRQ_NET_RX:
		return KERNEL_WAIT_FOR_NETWORK;
	case SOFTIRQ_BLOCK:
	case SOFTIRQ_IRQ_POLL:
		return KERNEL_WAIT_FOR_DISK;
	default:
		return KERNEL_WAIT_FOR_UNKNOWN;
	}
}

/* A kernel thread: one that sleeps so that signals could wake it, or so that it doesn't count as load, is without work. */
static KernelWaitReason of_kthread(const KernelBlocked *b)
{
	return (b->prev_state & TASK_UNINTERRUPTIBLE) ? KERNEL_WAIT_FOR_KERNEL : KERNEL_WAIT_FOR_IDLE;
}

static KernelWaitReason guess(const KernelBlocked *b)
{
	if (b->prev_state & (TASK_STOPPED | TASK_TRACED))
		return KERNEL_WAIT_FOR_SIGNAL;
	if (b->in_fault)
		return KERNEL_WAIT_FOR_FAULT;
	if (b->prev_state & (TASK_PARKED | TASK_IDLE))
		return KERNEL_WAIT_FOR_IDLE;
	if (b->thread->is_kthread == 1)
		return of_kthread(b);
	if (b->in_timer)
		return KERNEL_WAIT_FOR_TIMER;
	if (b->from == KERNEL_FROM_SOFTIRQ)
		return by_softirq(b->number);
	/* Nothing in user space makes a thread sleep so that no signal can wake it. */
	if (b->from == KERNEL_FROM_THREAD && (b->prev_state & TASK_UNINTERRUPTIBLE))
		return KERNEL_WAIT_FOR_KERNEL;
	return KERNEL_WAIT_FOR_UNKNOWN;
}

void flow_why(Flow *f, FlowThread *t, const KernelBlocked *by, gint64 time)
{
	KernelBlocked b = by ? *by : (KernelBlocked){.number = -1, .cpu = -1, .waker_syscall = -1};

	t->blocked_for = KERNEL_TS_UNKNOWN;
	/* It may have been woken and have slept again. */
	if (flow_thread_lost(f, t) < time)
		return;
	b.thread = t->kt;
	b.since = t->since;
	b.until = time;
	b.prev_state = t->prev_state;
	b.syscall = t->mode == FLOW_MODE_SYSCALL ? t->syscall : -1;
	b.args_present = b.syscall >= 0 ? t->args_present : 0;
	for (guint i = 0; i < FLOW_ARGS; i++)
		b.args[i] = (b.args_present >> i) & 1 ? t->args[i] : 0;
	b.in_fault = t->fault != FLOW_NO_FAULT;
	KernelWhy why = kernel_set_why(f->set, &b);
	if (!why.weight || why.reason >= KERNEL_WAIT_COUNT)
		why = (KernelWhy){.reason = (guint8)guess(&b)};
	t->state = (guint8)KERNEL_TS_BLOCKED_FOR(why.reason);
	t->detail = why.detail;
	t->blocked_for = t->state;
}
