/* SPDX-License-Identifier: MIT */
/* Who runs in whom, and where each level's time went. */
#include "analysis/rows.h"

enum { PATH, NAME, LEVEL, PID, VCPUS, THREADS, GUEST, NESTED, HYPERVISOR, USER, IDLE, BLOCKED, STOLEN, EXITS, EVIDENCE };

static void add_columns(View *v)
{
	view_add_column(v, "path", "PATH", VIEW_TEXT);
	view_add_column(v, "name", "NAME", VIEW_TEXT);
	view_add_column(v, "level", "LEVEL", VIEW_ID);
	view_add_column(v, "pid", "PID", VIEW_ID);
	view_add_column(v, "vcpus", "VCPUS", VIEW_COUNT);
	view_add_column(v, "threads", "THREADS", VIEW_COUNT);
	view_add_column(v, "guest_ns", "GUEST", VIEW_NS);
	view_add_column(v, "nested_ns", "NESTED", VIEW_NS);
	view_add_column(v, "hypervisor_ns", "HYPERVISOR", VIEW_NS);
	view_add_column(v, "emulation_ns", "EMULATION", VIEW_NS);
	view_add_column(v, "halted_ns", "HALTED", VIEW_NS);
	view_add_column(v, "blocked_ns", "BLOCKED", VIEW_NS);
	view_add_column(v, "stolen_ns", "STOLEN", VIEW_NS);
	view_add_column(v, "exits", "EXITS", VIEW_COUNT);
	view_add_column(v, "told_by", "TOLD BY", VIEW_TEXT);
	view_set_tree_column(v, PATH);
}

static gint add_machine(View *v, const AnalysisMachine *m)
{
	gint row = view_begin_row(v);
	view_set_text(v, PATH, m->name);
	view_set_text(v, NAME, m->facts.kernel_release ? m->facts.kernel_release : "");
	if (m->level >= 0)
		view_set_int(v, LEVEL, m->level);
	return row;
}

static guint64 exits_of(const KvmVm *vm)
{
	guint64 n = 0;
	for (guint i = 0; i < vm->vcpus->len; i++)
		n += ((const KvmVcpu *)g_ptr_array_index(vm->vcpus, i))->exits_seen;
	return n;
}

static const char *vm_evidence(const KvmVm *vm)
{
	const KvmVcpu *first = vm->vcpus->len ? g_ptr_array_index(vm->vcpus, 0) : NULL;
	return first && first->exits_seen ? "exits" : "thread names, KVM_RUN";
}

static gint add_vm(View *v, const AnalysisMachine *m, const KvmVm *vm, gint parent)
{
	g_autofree char *path = analysis_vm_path(m, vm);
	gint64 nested = analysis_vm_ns(vm, KVM_STATE_GUEST_L2);
	gint row = view_begin_row(v);
	view_row_parent(v, parent);
	view_set_text(v, PATH, path);
	view_set_text(v, NAME, vm->name);
	if (m->level >= 0)
		view_set_int(v, LEVEL, m->level + 1);
	view_set_int(v, PID, vm->pid);
	view_set_uint(v, VCPUS, vm->vcpus->len);
	view_set_uint(v, THREADS, vm->threads->len);
	if (m->kvm->has_exits) {
		view_set_int(v, GUEST, analysis_vm_ns(vm, KVM_STATE_GUEST_L1) + nested);
		view_set_int(v, NESTED, nested);
		view_set_int(v, HYPERVISOR, analysis_vm_ns(vm, KVM_STATE_EXIT) + analysis_vm_ns(vm, KVM_STATE_HALT_POLL));
		view_set_int(v, IDLE, analysis_vm_ns(vm, KVM_STATE_HALTED));
		view_set_uint(v, EXITS, exits_of(vm));
	}
	if (m->kvm->has_exits || m->kvm->has_ioctl)
		view_set_int(v, USER, analysis_vm_ns(vm, KVM_STATE_EMULATION));
	view_set_int(v, BLOCKED, analysis_vm_ns(vm, KVM_STATE_BLOCKED));
	view_set_int(v, STOLEN, analysis_vm_ns(vm, KVM_STATE_PREEMPTED) + analysis_vm_ns(vm, KVM_STATE_WAIT_CPU) +
	                                analysis_vm_ns(vm, KVM_STATE_THROTTLED));
	view_set_text(v, EVIDENCE, vm_evidence(vm));
	return row;
}

static const char *const l2_evidence[] = {
	[KVM_L2_ASSUMED] = "VMs in it are not told apart",
	[KVM_L2_KERNEL] = "its kernel's addresses",
	[KVM_L2_VMCB] = "its control block",
};

static guint64 l2_exits(const KvmVm *vm, const KvmL2 *l2)
{
	guint64 n = 0;
	for (guint i = 0; i < vm->vcpus->len; i++) {
		const KvmVcpu *vcpu = g_ptr_array_index(vm->vcpus, i);
		for (guint j = 0; j < vcpu->nested->len; j++) {
			const KvmNested *nested = g_ptr_array_index(vcpu->nested, j);
			for (guint k = 0; nested->l2 == l2 && k < nested->exits->len; k++)
				n += ((const KvmExit *)g_ptr_array_index(nested->exits, k))->count;
		}
	}
	return n;
}

static void add_l2(View *v, const AnalysisMachine *m, const KvmVm *vm, const KvmL2 *l2, gint parent)
{
	g_autofree char *path = analysis_l2_path(m, vm, l2);
	view_begin_row(v);
	view_row_parent(v, parent);
	view_set_text(v, PATH, path);
	view_set_text(v, NAME, l2->is_hypervisor ? "nested VM, itself a hypervisor" : "nested VM");
	if (m->level >= 0)
		view_set_int(v, LEVEL, m->level + 2);
	view_set_uint(v, VCPUS, l2->vcpus);
	view_set_int(v, GUEST, l2->guest_ns);
	view_set_uint(v, EXITS, l2_exits(vm, l2));
	view_set_text(v, EVIDENCE, l2_evidence[l2->evidence]);
}

View *analysis_vms(const Analysis *a)
{
	View *v = view_new("vms", "VMs");
	add_columns(v);
	for (guint i = 0; i < a->machines->len; i++) {
		const AnalysisMachine *m = g_ptr_array_index(a->machines, i);
		gint machine_row = add_machine(v, m);
		for (guint j = 0; j < m->kvm->vms->len; j++) {
			const KvmVm *vm = g_ptr_array_index(m->kvm->vms, j);
			gint vm_row = add_vm(v, m, vm, machine_row);
			for (guint k = 0; k < vm->l2s->len; k++)
				add_l2(v, m, vm, g_ptr_array_index(vm->l2s, k), vm_row);
		}
	}
	return v;
}
