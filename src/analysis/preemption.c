/* SPDX-License-Identifier: MIT */
/* Who preempted whom: per vCPU the threads that had the processor it waited for. */
#include "analysis/rows.h"

enum { PATH, VM, VCPU, BY, BY_TID, BY_PID, BY_NAME, BY_KIND, COUNT, PREEMPTED, WAITED, TOTAL };

static void add_columns(View *v)
{
	view_add_column(v, "path", "VCPU", VIEW_TEXT);
	view_add_column(v, "vm_pid", "VM", VIEW_ID);
	view_add_column(v, "vcpu", "ID", VIEW_ID);
	view_add_column(v, "by", "BY", VIEW_TEXT);
	view_add_column(v, "by_tid", "TID", VIEW_ID);
	view_add_column(v, "by_pid", "PID", VIEW_ID);
	view_add_column(v, "by_name", "NAME", VIEW_TEXT);
	view_add_column(v, "by_kind", "KIND", VIEW_TEXT);
	view_add_column(v, "count", "COUNT", VIEW_COUNT);
	view_add_column(v, "preempted_ns", "PREEMPTED", VIEW_NS);
	view_add_column(v, "wait_cpu_ns", "WOKEN, WAITING", VIEW_NS);
	view_add_column(v, "total_ns", "TOTAL", VIEW_NS);
}

/* The culprit as seen from the vCPU that waited. */
static const char *kind(const AnalysisMachine *m, const KvmVcpu *v, const KernelThread *t)
{
	KvmRole role;
	if (!t)
		return "";
	if (kernel_is_idle(t))
		return "idle";
	const KvmVm *vm = kvm_thread_vm(m->kvm, t, &role);
	if (vm)
		return vm == v->vm ? (role == KVM_ROLE_VCPU ? "same-vm-vcpu" : "same-vm") :
		                     (role == KVM_ROLE_VCPU ? "other-vm-vcpu" : "other-vm");
	return t->is_kthread == 1 ? "kernel" : "process";
}

static void add_row(View *v, const AnalysisMachine *m, const KvmVcpu *vcpu, const KvmPreemptor *p)
{
	g_autofree char *path = analysis_vcpu_path(m, vcpu);
	g_autofree char *label = analysis_thread_label(m, p->thread);
	view_begin_row(v);
	view_set_text(v, PATH, path);
	view_set_int(v, VM, vcpu->vm->pid);
	view_set_int(v, VCPU, vcpu->id);
	view_set_text(v, BY, label);
	if (p->thread) {
		view_set_int(v, BY_TID, p->thread->tid);
		if (p->thread->pid >= 0)
			view_set_int(v, BY_PID, p->thread->pid);
		view_set_text(v, BY_NAME, p->thread->name);
	}
	view_set_text(v, BY_KIND, kind(m, vcpu, p->thread));
	view_set_uint(v, COUNT, p->count);
	view_set_int(v, PREEMPTED, p->preempted_ns);
	view_set_int(v, WAITED, p->wait_ns);
	view_set_int(v, TOTAL, p->preempted_ns + p->wait_ns);
}

View *analysis_preemption(const Analysis *a)
{
	View *v = view_new("preemption", "Who had the processor that a vCPU waited for");
	add_columns(v);
	for (guint i = 0; i < a->machines->len; i++) {
		const AnalysisMachine *m = g_ptr_array_index(a->machines, i);
		for (guint j = 0; j < m->kvm->vms->len; j++) {
			const KvmVm *vm = g_ptr_array_index(m->kvm->vms, j);
			for (guint k = 0; k < vm->vcpus->len; k++) {
				const KvmVcpu *vcpu = g_ptr_array_index(vm->vcpus, k);
				for (guint l = 0; l < vcpu->preemptors->len; l++)
					add_row(v, m, vcpu, g_ptr_array_index(vcpu->preemptors, l));
			}
		}
	}
	view_sort(v, TOTAL, TRUE);
	return v;
}
