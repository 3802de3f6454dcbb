/* SPDX-License-Identifier: MIT */
/* vCPUs, and their time in each state. */
#include "analysis/rows.h"

enum { PATH, VM, VCPU, TID, ID_FROM, ENTRIES, EXITS, FIRST_STATE };

static const char *const id_sources[] = {
	[KVM_ID_NONE] = "",
	[KVM_ID_ORDER] = "order of threads",
	[KVM_ID_ENTRY] = "kvm_entry",
	[KVM_ID_NAME] = "thread name",
	[KVM_ID_EXIT] = "kvm_exit",
};

/* "guest-l1" -> "guest_l1_ns": a column's name must be good as a variable's in programs that read it. */
static char *column_name(KvmState state)
{
	char *name = g_strconcat(kvm_state_name(state), "_ns", NULL);
	return g_strdelimit(name, "-", '_');
}

static void add_columns(View *v)
{
	view_add_column(v, "path", "PATH", VIEW_TEXT);
	view_add_column(v, "vm_pid", "VM", VIEW_ID);
	view_add_column(v, "vcpu", "VCPU", VIEW_ID);
	view_add_column(v, "tid", "TID", VIEW_ID);
	view_add_column(v, "id_from", "ID FROM", VIEW_TEXT);
	view_add_column(v, "entries", "ENTRIES", VIEW_COUNT);
	view_add_column(v, "exits", "EXITS", VIEW_COUNT);
	for (guint s = 0; s < KVM_STATE_COUNT; s++) {
		g_autofree char *name = column_name((KvmState)s);
		g_autofree char *title = g_ascii_strup(kvm_state_name((KvmState)s), -1);
		view_add_column(v, name, title, VIEW_NS);
	}
}

static void add_vcpu(View *v, const AnalysisMachine *m, const KvmVcpu *vcpu)
{
	g_autofree char *path = analysis_vcpu_path(m, vcpu);
	view_begin_row(v);
	view_set_text(v, PATH, path);
	view_set_int(v, VM, vcpu->vm->pid);
	view_set_int(v, VCPU, vcpu->id);
	view_set_int(v, TID, vcpu->thread->tid);
	view_set_text(v, ID_FROM, id_sources[vcpu->id_source]);
	if (m->kvm->has_exits) {
		view_set_uint(v, ENTRIES, vcpu->entries);
		view_set_uint(v, EXITS, vcpu->exits_seen);
	}
	for (guint s = 0; s < KVM_STATE_COUNT; s++)
		view_set_int(v, FIRST_STATE + s, vcpu->ns[s]);
}

/* A person needs no column of zeros; programs get every state. */
static void hide_idle_states(View *v, const gint64 *total)
{
	for (guint s = 0; s < KVM_STATE_COUNT; s++)
		if (!total[s])
			view_hide_from_text(v, FIRST_STATE + s);
}

View *analysis_vcpus(const Analysis *a)
{
	View *v = view_new("vcpus", "vCPUs");
	gint64 total[KVM_STATE_COUNT] = {0};
	add_columns(v);
	for (guint i = 0; i < a->machines->len; i++) {
		const AnalysisMachine *m = g_ptr_array_index(a->machines, i);
		for (guint j = 0; j < m->kvm->vms->len; j++) {
			const KvmVm *vm = g_ptr_array_index(m->kvm->vms, j);
			for (guint s = 0; s < KVM_STATE_COUNT; s++)
				total[s] += analysis_vm_ns(vm, (KvmState)s);
			for (guint k = 0; k < vm->vcpus->len; k++)
				add_vcpu(v, m, g_ptr_array_index(vm->vcpus, k));
		}
	}
	hide_idle_states(v, total);
	return v;
}
