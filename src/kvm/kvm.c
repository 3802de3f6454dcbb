/* SPDX-License-Identifier: MIT */
/* kvm.c: the life of a Kvm; which threads are vCPUs, and whose. */
#include "kvm/private.h"

#include <string.h>

/* ---- VMs --------------------------------------------------------------------------------------------------------- */

static void vm_free(gpointer data)
{
	KvmVm *vm = data;

	g_ptr_array_unref(vm->vcpus);
	g_array_unref(vm->threads);
	g_ptr_array_unref(vm->l2s);
	kvm_vm_state_free(vm->s);
	g_free(vm);
}

/* The VM of a process; one whose number isn't known is nobody else's. */
static KvmVm *vm_get(Kvm *kvm, gint32 pid)
{
	KvmVm *vm = pid >= 0 ? g_hash_table_lookup(kvm->s->by_pid, GINT_TO_POINTER(pid)) : NULL;

	if (vm)
		return vm;
	vm = g_new0(KvmVm, 1);
	vm->pid = pid;
	vm->vcpus = g_ptr_array_new();
	vm->threads = g_array_new(FALSE, FALSE, sizeof(KvmThread));
	vm->l2s = g_ptr_array_new();
	vm->s = kvm_vm_state_new(kvm);
	g_ptr_array_add(kvm->vms, vm);
	if (pid >= 0)
		g_hash_table_insert(kvm->s->by_pid, GINT_TO_POINTER(pid), vm);
	return vm;
}

/* What was found of VMs nested in a vCPU's old VM goes to the new one, if nothing is known of such there; else it is forgotten. */
static void move_l2s(KvmVcpu *v, KvmVm *to)
{
	struct KvmVcpuState *s = v->s;
	struct KvmVmState *theirs = to->s;

	if (v->vm->vcpus->len == 1 && !theirs->l2s->len && !theirs->vmcbs->len) {
		to->s = v->vm->s;
		v->vm->s = theirs;
		return;
	}

	kvm_nested_flush(v);
	s->runs_since = s->since;
	for (guint i = 0; i < v->nested->len; i++)
		((KvmNested *)g_ptr_array_index(v->nested, i))->l2 = NULL;
	s->last_l2 = s->gap.l2 = NULL;
	s->vmcb = s->gap.vmcb = NULL;
}

void kvm_rehome(KvmVcpu *v)
{
	Kvm *kvm = v->s->kvm;
	KvmVm *old = v->vm;
	gint32 pid = v->thread->pid;

	if (pid < 0 || pid == old->pid)
		return;
	if (old->pid < 0 && !g_hash_table_contains(kvm->s->by_pid, GINT_TO_POINTER(pid))) {
		old->pid = pid;
		g_hash_table_insert(kvm->s->by_pid, GINT_TO_POINTER(pid), old);
		return;
	}
	KvmVm *new = vm_get(kvm, pid);
	move_l2s(v, new);
	g_ptr_array_remove(old->vcpus, v);
	v->vm = new;
	g_ptr_array_add(new->vcpus, v);
	if (old->vcpus->len)
		return;
	if (old->pid >= 0)
		g_hash_table_remove(kvm->s->by_pid, GINT_TO_POINTER(old->pid));
	g_ptr_array_remove(kvm->vms, old);
}

KvmVcpu *kvm_attach(Kvm *kvm, KernelThread *t, gint64 time)
{
	if (t->vcpu || kvm->s->vcpus->len >= KVM_VCPUS_MAX)
		return t->vcpu;
	KvmVcpu *v = kvm_vcpu_new(kvm, t, time);
	v->vm = vm_get(kvm, t->pid);
	g_ptr_array_add(v->vm->vcpus, v);
	v->s->index = kvm->s->vcpus->len;
	g_ptr_array_add(kvm->s->vcpus, v);
	t->vcpu = v;
	kvm_vcpu_update(v, time);
	return v;
}

/* Names that hypervisors give to threads that run a vCPU: QEMU (and libvirt), Firecracker, crosvm, kvmtool. */
static const struct {
	const char *before, *after;
} vcpu_names[] = {{"CPU ", "/KVM"}, {"fc_vcpu ", ""}, {"crosvm_vcpu", ""}, {"kvm-vcpu-", ""}};

gint32 kvm_id_by_name(const char *name)
{
	for (guint i = 0; i < G_N_ELEMENTS(vcpu_names); i++) {
		char *end = NULL;

		if (name[0] != vcpu_names[i].before[0] || !g_str_has_prefix(name, vcpu_names[i].before))
			continue;
		const char *digits = name + strlen(vcpu_names[i].before);
		gint64 id = g_ascii_isdigit(*digits) ? g_ascii_strtoll(digits, &end, 10) : -1;
		if (id >= 0 && id <= G_MAXINT32 && strcmp(end, vcpu_names[i].after) == 0)
			return (gint32)id;
	}
	return -1;
}

/* ---- Kvm ----------------------------------------------------------------------------------------------------------- */

static void list_free(gpointer list)
{
	if (list)
		g_ptr_array_unref(list);
}

static struct KvmState_ *state_new(const TraceFacts *facts)
{
	struct KvmState_ *s = g_new0(struct KvmState_, 1);

	s->vcpus = g_ptr_array_new_with_free_func(kvm_vcpu_free);
	s->by_pid = g_hash_table_new(NULL, NULL);
	s->waiters = g_ptr_array_new_with_free_func(list_free);
	s->running = g_ptr_array_new();
	s->guest_ns = g_array_new(FALSE, TRUE, sizeof(gint64));
	s->thread_texts = g_array_new(FALSE, TRUE, sizeof(guint32));
	s->roles = g_hash_table_new_full(NULL, NULL, NULL, g_free);
	/* A thread that moved to another processor unseen would look like one that isn't allowed to run. */
	s->has_queued = facts->declared[TRACE_SCHED_WAKEUP] && facts->declared[TRACE_SCHED_WAKING];
	s->can_throttle = facts->declared[TRACE_SCHED_MIGRATE];
	return s;
}

Kvm *kvm_new(Kernel *kernel, const TraceFacts *facts)
{
	Kvm *kvm = g_new0(Kvm, 1);
	const gboolean *has = facts->declared;

	kvm->kernel = kernel;
	kvm->facts = *facts;
	kvm->has_exits = has[TRACE_KVM_ENTRY] && has[TRACE_KVM_EXIT];
	kvm->has_ioctl = facts->declared_syscalls[TRACE_SYS_IOCTL];
	kvm->has_nested = has[TRACE_KVM_NESTED_VMEXIT] && has[TRACE_KVM_NESTED_VMEXIT_INJECT];
	kvm->has_switch = has[TRACE_SCHED_SWITCH];
	kvm->durations = TRUE;
	kvm->vms = g_ptr_array_new_with_free_func(vm_free);
	kvm->s = state_new(facts);
	return kvm;
}

void kvm_free(Kvm *kvm)
{
	if (!kvm)
		return;
	g_ptr_array_unref(kvm->s->vcpus);
	g_hash_table_unref(kvm->s->by_pid);
	g_ptr_array_unref(kvm->s->waiters);
	g_ptr_array_unref(kvm->s->running);
	g_array_unref(kvm->s->guest_ns);
	g_array_unref(kvm->s->thread_texts);
	g_hash_table_unref(kvm->s->roles);
	g_free(kvm->s);
	g_ptr_array_unref(kvm->vms);
	g_free(kvm->cpu_guest_ns);
	g_free(kvm);
}
