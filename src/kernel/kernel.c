/* SPDX-License-Identifier: MIT */
/* kernel.c: the life of a Kernel, its threads and its processors. */
#include "kernel/private.h"

#include <stdio.h>
#include <string.h>

/* ---- Kernel -------------------------------------------------------------------------------------------------- */

/* TRUE for Linux before 4.14, whose prev_state is another. */
static gboolean is_old(const char *release)
{
	int major, minor;

	if (!release || sscanf(release, "%d.%d", &major, &minor) != 2)
		return FALSE;
	return major < 4 || (major == 4 && minor < 14);
}

Kernel *kernel_new(const TraceFacts *facts, gint64 begin_ns, gint64 end_ns)
{
	Kernel *k = g_new0(Kernel, 1);

	k->begin_ns = begin_ns;
	k->end_ns = MAX(begin_ns, end_ns);
	k->first_ns = G_MININT64;
	k->has_switch = facts->declared[TRACE_SCHED_SWITCH];
	k->has_free = facts->declared[TRACE_PROCESS_FREE];
	k->old_states = is_old(facts->kernel_release);
	k->cpus = g_ptr_array_new_with_free_func(g_free);
	k->threads = g_ptr_array_new_with_free_func(g_free);
	k->processes = g_ptr_array_new();
	k->tids = kernel_tids_new();
	return k;
}

static void process_free(gpointer data)
{
	KernelProcess *p = data;

	g_ptr_array_unref(p->threads);
	g_free(p);
}

void kernel_free(Kernel *k)
{
	if (!k)
		return;
	g_ptr_array_set_free_func(k->processes, process_free);
	g_ptr_array_unref(k->processes);
	g_ptr_array_unref(k->threads);
	g_ptr_array_unref(k->cpus);
	kernel_tids_free(k->tids);
	g_free(k);
}

KernelState kernel_prev_state(gint64 prev_state, gboolean old)
{
	if ((prev_state & 0xff) == 0)
		return prev_state == 0x200 && old ? KERNEL_BLOCKED : KERNEL_PREEMPTED;
	if (old && prev_state >= 0x400)
		return KERNEL_PREEMPTED;
	if (prev_state & (0x10 | 0x20 | (old ? 0x40 : 0)))
		return KERNEL_ENDED;
	return KERNEL_BLOCKED;
}

/* ---- Threads ------------------------------------------------------------------------------------------------- */

KernelThread *kernel_thread_new(Kernel *k, gint32 tid)
{
	KernelThread *t = g_new0(KernelThread, 1);

	t->tid = tid;
	t->pid = t->ppid = t->vtid = t->vpid = t->cpu = -1;
	t->is_kthread = -1;
	t->begin_ns = t->since = k->begin_ns;
	t->end_ns = k->end_ns;
	t->index = k->threads->len;
	t->serial = k->n_serials++;
	g_ptr_array_add(k->threads, t);
	return t;
}

KernelThread *kernel_thread(const Kernel *k, gint32 tid)
{
	return kernel_tids_get(k->tids, tid);
}

KernelThread *kernel_thread_get(Kernel *k, gint64 tid)
{
	if (tid <= 0 || tid >= KERNEL_TID_MAX)
		return NULL;
	KernelThread *t = kernel_tids_get(k->tids, (gint32)tid);
	if (t || k->n_live >= KERNEL_LIVE_MAX)
		return t;
	t = kernel_thread_new(k, (gint32)tid);
	if (tid == KERNEL_KTHREADD)
		t->is_kthread = TRUE;
	kernel_tids_set(k->tids, (gint32)tid, t);
	k->n_live++;
	return t;
}

/* What is known of `from` and not of `to`. */
static void copy_identity(KernelThread *to, const KernelThread *from)
{
	if (to->pid < 0)
		to->pid = from->pid;
	if (to->ppid < 0)
		to->ppid = from->ppid;
	if (to->is_kthread < 0)
		to->is_kthread = from->is_kthread;
	if (!to->name[0])
		memcpy(to->name, from->name, sizeof(to->name));
}

KernelThread *kernel_thread_bind(Kernel *k, KernelThread *t, gint32 tid)
{
	KernelThread *known = kernel_tids_get(k->tids, tid);

	/* Something was already built on the other one, which only damage can bring about: leave both as they are. */
	if (known && (known->vcpu || known->pins))
		return known;
	t->tid = tid;
	if (known) {
		copy_identity(t, known);
		kernel_thread_forget(k, known, t);
	} else {
		k->n_live++;
	}
	if (t->pid < 0 && t->vtid == tid)
		t->pid = t->vpid;
	kernel_tids_set(k->tids, tid, t);
	return t;
}

void kernel_thread_state(KernelThread *t, KernelState state, gint64 time)
{
	if (time > t->since) {
		t->ns[t->state] += time - t->since;
		t->since = time;
	}
	t->state = (guint8)state;
}

void kernel_thread_name(KernelThread *t, const char *name, guint len)
{
	len = MIN(len, KERNEL_NAME_LEN - 1);
	if (len == 0 || (memcmp(t->name, name, len) == 0 && t->name[len] == '\0'))
		return;
	memset(t->name, 0, sizeof(t->name));
	memcpy(t->name, name, len);
}

/* Damaged events may have put it on any processors. */
static void leave_cpus(Kernel *k, const KernelThread *t)
{
	for (guint i = 0; i < k->cpus->len; i++) {
		KernelCpu *c = g_ptr_array_index(k->cpus, i);

		if (c && c->current == t)
			c->current = NULL;
		if (c && c->previous == t)
			c->previous = NULL;
	}
}

void kernel_thread_forget(Kernel *k, KernelThread *t, KernelThread *same_as)
{
	KernelThread *last = g_ptr_array_index(k->threads, k->threads->len - 1);

	if (k->on_forget)
		k->on_forget(k->on_forget_user, t, same_as);
	leave_cpus(k, t);
	last->index = t->index;
	g_ptr_array_remove_index_fast(k->threads, t->index);
}

/* Keep an ended thread's sums only. */
static void fold(Kernel *k, KernelThread *t)
{
	for (guint i = 0; i < KERNEL_STATE_COUNT; i++)
		k->ended.ns[i] += t->ns[i];
	k->ended.switches += t->switches;
	k->ended.preemptions += t->preemptions;
	k->n_ended++;
	kernel_thread_forget(k, t, NULL);
}

void kernel_thread_remove(Kernel *k, KernelThread *t)
{
	kernel_tids_set(k->tids, t->tid, NULL);
	k->n_live--;
	if (k->dead_kept < KERNEL_DEAD_MAX)
		k->dead_kept++;
	else if (!t->vcpu && !t->pins)
		fold(k, t);
}

void kernel_pin(KernelThread *t)
{
	t->pins++;
}

/* ---- Processors ---------------------------------------------------------------------------------------------- */

KernelCpu *kernel_cpu(const Kernel *k, gint32 cpu)
{
	return cpu >= 0 && (guint)cpu < k->cpus->len ? g_ptr_array_index(k->cpus, cpu) : NULL;
}

static KernelThread *new_idle_thread(Kernel *k, gint32 cpu)
{
	KernelThread *t = kernel_thread_new(k, 0);

	g_snprintf(t->name, sizeof(t->name), "swapper/%d", cpu);
	t->pid = t->ppid = 0;
	t->is_kthread = TRUE;
	t->cpu = cpu;
	return t;
}

KernelCpu *kernel_cpu_get(Kernel *k, gint32 cpu)
{
	KernelCpu *c = kernel_cpu(k, cpu);

	if (c || cpu < 0 || cpu >= KERNEL_CPU_MAX)
		return c;
	if ((guint)cpu >= k->cpus->len)
		g_ptr_array_set_size(k->cpus, cpu + 1);
	c = g_new0(KernelCpu, 1);
	c->id = cpu;
	c->since = k->begin_ns;
	c->idle = new_idle_thread(k, cpu);
	g_ptr_array_index(k->cpus, cpu) = c;
	return c;
}

void kernel_cpu_state(KernelCpu *c, KernelCpuState state, gint64 time)
{
	if (time > c->since) {
		c->ns[c->state] += time - c->since;
		c->since = time;
	}
	c->state = (guint8)state;
}
