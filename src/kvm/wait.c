/* SPDX-License-Identifier: MIT */
/*
 * wait.c: who had the processor while a vCPU waited for it.
 *
 * Every processor has a list of the vCPUs that wait for it. At each of its switches, the thread that ran until then is charged to each of them.
 */
#include "kvm/private.h"

static KvmPreemptor *preemptor_new(KernelThread *t)
{
	KvmPreemptor *p = g_new0(KvmPreemptor, 1);

	p->thread = t;
	if (t)
		kernel_pin(t);
	return p;
}

static KvmPreemptor *preemptor(KvmVcpu *v, KernelThread *t)
{
	struct KvmVcpuState *s = v->s;
	KvmPreemptor *p = g_hash_table_lookup(s->matrix, t);

	if (p)
		return p;
	if (t && g_hash_table_size(s->matrix) >= KVM_PREEMPTORS_MAX)
		return preemptor(v, NULL);
	p = preemptor_new(t);
	g_hash_table_insert(s->matrix, t, p);
	g_ptr_array_add(v->preemptors, p);
	return p;
}

static void charge(KvmVcpu *v, KernelThread *ran, gint64 time)
{
	struct KvmVcpuState *s = v->s;
	gint64 ns = time - s->wait_charged;

	if (ns <= 0)
		return;
	s->wait_charged = time;
	KvmPreemptor *p = preemptor(v, ran);
	if (s->state == KVM_STATE_WAIT_CPU)
		p->wait_ns += ns;
	else
		p->preempted_ns += ns;
}

static GPtrArray *waiters(Kvm *kvm, gint32 cpu)
{
	GPtrArray *all = kvm->s->waiters;

	if ((guint)cpu >= all->len)
		g_ptr_array_set_size(all, cpu + 1);
	if (!g_ptr_array_index(all, cpu))
		g_ptr_array_index(all, cpu) = g_ptr_array_new();
	return g_ptr_array_index(all, cpu);
}

void kvm_wait_charge(Kvm *kvm, gint32 cpu, KernelThread *ran, gint64 time)
{
	if (cpu < 0 || (guint)cpu >= kvm->s->waiters->len)
		return;
	GPtrArray *list = g_ptr_array_index(kvm->s->waiters, cpu);
	for (guint i = 0; list && i < list->len; i++)
		charge(g_ptr_array_index(list, i), ran, time);
}

void kvm_wait_for(KvmVcpu *v, gint32 cpu, gint64 time)
{
	struct KvmVcpuState *s = v->s;

	if (cpu >= KERNEL_CPU_MAX)
		cpu = -1;
	if (s->wait_cpu >= 0) {
		const KernelCpu *c = kernel_cpu(s->kvm->kernel, s->wait_cpu);

		charge(v, c ? c->current : NULL, time);
	}
	if (cpu == s->wait_cpu && s->woken == s->wait_woken)
		return;
	kvm_row_awaited(v, time);
	s->wait_woken = s->woken;
	if (cpu == s->wait_cpu)
		return;
	if (s->wait_cpu >= 0)
		g_ptr_array_remove_fast(waiters(s->kvm, s->wait_cpu), v);
	if (cpu >= 0)
		g_ptr_array_add(waiters(s->kvm, cpu), v);
	s->wait_cpu = cpu;
	s->wait_charged = time;
}

void kvm_wait_preempted(KvmVcpu *v, KernelThread *next)
{
	preemptor(v, next)->count++;
	v->s->preempted_by = kvm_row_thread(v->s->kvm, next);
}
