/* SPDX-License-Identifier: MIT */
/* finish.c: open states are closed; vCPUs get their numbers, VMs their threads, tables their order. */
#include "kvm/private.h"

#include <stdio.h>
#include <string.h>

#define VCPU_IDS_MAX 65536 /* more than any KVM allows; greater numbers are no ids */

typedef struct {
	const KvmVm *vm;
	KvmRole role;
} Role;

/* ---- vCPU ids ---------------------------------------------------------------------------------------------------- */

static gboolean taken(const KvmVm *vm, const KvmVcpu *self, gint32 id)
{
	for (guint i = 0; i < vm->vcpus->len; i++) {
		const KvmVcpu *v = g_ptr_array_index(vm->vcpus, i);

		if (v != self && v->id == id)
			return TRUE;
	}
	return FALSE;
}

static gboolean try_id(KvmVcpu *v, gint32 id, KvmIdSource source)
{
	if (id < 0 || id >= VCPU_IDS_MAX || taken(v->vm, v, id))
		return FALSE;
	v->id = id;
	v->id_source = source;
	return TRUE;
}

/*
 * The id that exits say, then the thread's name. One that only entries say is from a kernel whose exits don't have it; there the
 * tracer reads it right.
 */
static void choose_id(KvmVcpu *v)
{
	const struct KvmVcpuState *s = v->s;

	if (try_id(v, s->exit_id, KVM_ID_EXIT) || try_id(v, kvm_id_by_name(v->thread->name), KVM_ID_NAME))
		return;
	if (v->exits_seen > 0 && s->exit_id == -1)
		try_id(v, s->entry_id, KVM_ID_ENTRY);
}

static gint compare_tids(gconstpointer a, gconstpointer b)
{
	const KvmVcpu *x = *(KvmVcpu *const *)a, *y = *(KvmVcpu *const *)b;

	if (x->thread->tid != y->thread->tid)
		return x->thread->tid < y->thread->tid ? -1 : 1;
	return (x->thread->begin_ns > y->thread->begin_ns) - (x->thread->begin_ns < y->thread->begin_ns);
}

static gint compare_ids(gconstpointer a, gconstpointer b)
{
	return (*(KvmVcpu *const *)a)->id - (*(KvmVcpu *const *)b)->id;
}

static void number_vcpus(KvmVm *vm)
{
	gint32 next = 0;

	g_ptr_array_sort(vm->vcpus, compare_tids);
	for (guint i = 0; i < vm->vcpus->len; i++)
		choose_id(g_ptr_array_index(vm->vcpus, i));
	for (guint i = 0; i < vm->vcpus->len; i++) {
		KvmVcpu *v = g_ptr_array_index(vm->vcpus, i);

		while (v->id < 0 && !try_id(v, next, KVM_ID_ORDER))
			next++;
	}
	g_ptr_array_sort(vm->vcpus, compare_ids);
}

/* ---- Threads of VMs ------------------------------------------------------------------------------------------------ */

/* A kernel thread that works for one process has its number in its name: vhost-PID, kvm-pit/PID. -1: no such name. */
static gint32 served_process(const char *name)
{
	int pid = -1;

	if (sscanf(name, "vhost-%d", &pid) == 1 || sscanf(name, "kvm-pit/%d", &pid) == 1)
		return pid;
	return -1;
}

static KvmRole role_of(const KvmVm *vm, const KernelThread *t)
{
	if (t->vcpu)
		return KVM_ROLE_VCPU;
	if (g_str_has_prefix(t->name, "vhost-"))
		return KVM_ROLE_VHOST;
	if (t->pid != vm->pid)
		return KVM_ROLE_OTHER;
	if (t->tid == t->pid)
		return KVM_ROLE_MAIN;
	if (g_str_has_prefix(t->name, "IO "))
		return KVM_ROLE_IO;
	if (g_str_has_prefix(t->name, "worker") || g_str_has_prefix(t->name, "iou-wrk"))
		return KVM_ROLE_WORKER;
	return KVM_ROLE_OTHER;
}

static void add_thread(Kvm *kvm, KernelThread *t)
{
	gint32 pid = served_process(t->name);
	KvmVm *vm = g_hash_table_lookup(kvm->s->by_pid, GINT_TO_POINTER(pid >= 0 ? pid : t->pid));
	KvmVcpu *v = t->vcpu;

	if (v)
		vm = v->vm;
	if (!vm || kernel_is_idle(t))
		return;
	KvmThread thread = {t, role_of(vm, t)};
	g_array_append_val(vm->threads, thread);
	Role *role = g_new(Role, 1);
	*role = (Role){vm, thread.role};
	g_hash_table_insert(kvm->s->roles, t, role);
}

const KvmVm *kvm_thread_vm(const Kvm *kvm, const KernelThread *t, KvmRole *role_out)
{
	const Role *role = t ? g_hash_table_lookup(kvm->s->roles, t) : NULL;

	if (role && role_out)
		*role_out = role->role;
	return role ? role->vm : NULL;
}

/* ---- Order ----------------------------------------------------------------------------------------------------------- */

static gint compare_preemptors(gconstpointer a, gconstpointer b)
{
	const KvmPreemptor *x = *(KvmPreemptor *const *)a, *y = *(KvmPreemptor *const *)b;
	gint64 xs = x->preempted_ns + x->wait_ns, ys = y->preempted_ns + y->wait_ns;

	if (xs != ys)
		return xs > ys ? -1 : 1;
	return (x->thread ? x->thread->tid : -1) - (y->thread ? y->thread->tid : -1);
}

static gint compare_vms(gconstpointer a, gconstpointer b)
{
	const KvmVm *x = *(KvmVm *const *)a, *y = *(KvmVm *const *)b;
	const KvmVcpu *xv = x->vcpus->pdata[0], *yv = y->vcpus->pdata[0];

	if (x->pid != y->pid)
		return x->pid < y->pid ? -1 : 1;
	return (xv->thread->tid > yv->thread->tid) - (xv->thread->tid < yv->thread->tid);
}

/* The process's name; a vCPU thread's, if that is all that is known of the process, says nothing. */
static void name_vm(Kvm *kvm, KvmVm *vm)
{
	const KernelProcess *p = kernel_process(kvm->kernel, vm->pid);

	if (p && kvm_id_by_name(p->name) < 0)
		memcpy(vm->name, p->name, sizeof(vm->name));
}

static void finish_vcpu(KvmVcpu *v, gint64 end_ns)
{
	kvm_vcpu_close(v, end_ns);
	kvm_rehome(v);
}

/* Threads that are named like vCPUs, and did nothing in all the time. */
static void attach_silent(Kvm *kvm)
{
	const GPtrArray *threads = kvm->kernel->threads;

	for (guint i = 0; i < threads->len; i++) {
		KernelThread *t = g_ptr_array_index(threads, i);

		if (!t->vcpu && kvm_id_by_name(t->name) >= 0)
			kvm_attach(kvm, t, kvm->kernel->end_ns);
	}
}

static void finish_guest_ns(Kvm *kvm)
{
	const GArray *known = kvm->s->guest_ns;
	guint n = kvm->kernel->cpus->len;

	kvm->cpu_guest_ns = g_new0(gint64, MAX(n, 1));
	for (guint i = 0; i < n && i < known->len; i++)
		kvm->cpu_guest_ns[i] = g_array_index(known, gint64, i);
}

void kvm_finish(Kvm *kvm)
{
	const GPtrArray *vcpus = kvm->s->vcpus;

	if (kvm->s->vmexits == 0)
		kvm->has_nested = FALSE;
	attach_silent(kvm);
	for (guint i = 0; i < vcpus->len; i++)
		finish_vcpu(g_ptr_array_index(vcpus, i), kvm->kernel->end_ns);
	for (guint i = 0; i < kvm->kernel->threads->len; i++)
		add_thread(kvm, g_ptr_array_index(kvm->kernel->threads, i));
	for (guint i = 0; i < kvm->vms->len; i++) {
		KvmVm *vm = g_ptr_array_index(kvm->vms, i);

		kvm_l2_finish(vm);
		number_vcpus(vm);
		name_vm(kvm, vm);
	}
	for (guint i = 0; i < vcpus->len; i++) {
		KvmVcpu *v = g_ptr_array_index(vcpus, i);

		kvm_nested_finish(v);
		kvm_exits_sort(v->exits);
		g_ptr_array_sort(v->preemptors, compare_preemptors);
	}
	g_ptr_array_sort(kvm->vms, compare_vms);
	kvm_rows_finish(kvm);
	/* Numbers of l2s serve to find what they turned out to be until here. */
	for (guint i = 0; i < kvm->vms->len; i++)
		kvm_l2_number(g_ptr_array_index(kvm->vms, i));
	finish_guest_ns(kvm);
}
