/* SPDX-License-Identifier: MIT */
/* The time of each VM's vCPUs, by the level that it was spent at and what that level did. */
#include "analysis/rows.h"

enum { PATH, VM, NAME, LEVEL, PART, TIME, SHARE };

/* X(ID, level above the traced machine, what, its role in charts) */
#define PARTS(X)                                                                                                       \
	X(NESTED, 2, "code of nested VMs", WORK)                                                                             \
	X(OWN, 1, "its own code", WORK)                                                                                      \
	X(HYPERVISOR, 1, "serving exits of nested VMs, and what it ran meanwhile", OVERHEAD)                                              \
	X(KERNEL_L1, 0, "kernel, for its exits", OVERHEAD)                                                                       \
	X(KERNEL_L2, 0, "kernel, for exits of nested VMs", OVERHEAD)                                                             \
	X(POLL, 0, "kernel, polling while it is halted", IDLE)                                                               \
	X(USER, 0, "the VM's process: device emulation", OVERHEAD)                                                               \
	X(ON_CPU, 0, "on a processor; where was not recorded", WORK)                                                         \
	X(STOLEN, 0, "ready, but without a processor", LOST)                                                                 \
	X(BLOCKED, 0, "asleep for another reason than being halted", WAIT)                                                   \
	X(ASLEEP, -1, "asleep: halted or for another reason was not recorded", IDLE)                                         \
	X(HALTED, 1, "halted: nothing to do", IDLE)                                                                          \
	X(OFF, -1, "did not exist", UNKNOWN)                                                                                    \
	X(UNKNOWN, -1, "not known", UNKNOWN)

typedef enum {
#define X(id, level, what, role) PART_##id,
	PARTS(X)
#undef X
	PART_COUNT
} Part;

static const struct {
	gint level; /* -1: none's */
	const char *what;
	ViewRole role;
} parts[] = {
#define X(id, level, what, role) [PART_##id] = {level, what, VIEW_ROLE_##role},
	PARTS(X)
#undef X
};

/* Time in the kernel for exits of level 2; the rest of it is for level 1. */
static gint64 nested_exit_ns(const KvmVcpu *v)
{
	gint64 ns = 0;
	for (guint i = 0; i < v->nested->len; i++) {
		const KvmNested *n = g_ptr_array_index(v->nested, i);
		for (guint j = 0; j < n->exits->len; j++)
			ns += ((const KvmExit *)g_ptr_array_index(n->exits, j))->ns[KVM_STATE_EXIT];
	}
	return MIN(ns, v->ns[KVM_STATE_EXIT]);
}

static void add_times(const AnalysisMachine *m, const KvmVcpu *v, gint64 *ns)
{
	gint64 for_nested = nested_exit_ns(v), serving = MIN(v->l1_handling_ns, v->ns[KVM_STATE_GUEST_L1]);
	ns[PART_NESTED] += v->ns[KVM_STATE_GUEST_L2];
	ns[PART_OWN] += v->ns[KVM_STATE_GUEST_L1] - serving;
	ns[PART_HYPERVISOR] += serving;
	ns[PART_KERNEL_L1] += v->ns[KVM_STATE_EXIT] - for_nested;
	ns[PART_KERNEL_L2] += for_nested;
	ns[PART_POLL] += v->ns[KVM_STATE_HALT_POLL];
	ns[PART_USER] += v->ns[KVM_STATE_EMULATION];
	ns[PART_ON_CPU] += v->ns[KVM_STATE_RUNNING];
	ns[PART_STOLEN] += v->ns[KVM_STATE_PREEMPTED] + v->ns[KVM_STATE_THROTTLED] + v->ns[KVM_STATE_WAIT_CPU];
	ns[m->kvm->has_exits ? PART_BLOCKED : PART_ASLEEP] += v->ns[KVM_STATE_BLOCKED];
	ns[PART_HALTED] += v->ns[KVM_STATE_HALTED];
	ns[PART_OFF] += v->ns[KVM_STATE_OFF];
	ns[PART_UNKNOWN] += v->ns[KVM_STATE_UNKNOWN];
}

/* "VM db", if it has a trace; else "VM 183". The caller frees. */
static char *name_of(const AnalysisMachine *m, const KvmVm *vm)
{
	const Experiment *e = m->store ? m->store->experiment : NULL;

	for (guint i = 0; e && i < e->members->len; i++) {
		const ExperimentMember *guest = experiment_member(e, i);

		if (guest->parent == m->store->member && guest->vm_pid == vm->pid && guest->l2 == EXPERIMENT_NONE)
			return g_strdup_printf("VM %s", guest->name);
	}
	return g_strdup_printf("VM %d", vm->pid);
}

static void add_vm(View *view, const AnalysisMachine *m, const KvmVm *vm)
{
	g_autofree char *path = analysis_vm_path(m, vm), *name = name_of(m, vm);
	gint64 ns[PART_COUNT] = {0};
	double all = (double)(m->kernel->end_ns - m->kernel->begin_ns) * vm->vcpus->len;
	for (guint i = 0; i < vm->vcpus->len; i++)
		add_times(m, g_ptr_array_index(vm->vcpus, i), ns);
	for (guint p = 0; p < PART_COUNT; p++) {
		if (!ns[p])
			continue;
		view_begin_row(view);
		view_set_text(view, PATH, path);
		view_set_int(view, VM, vm->pid);
		view_set_text(view, NAME, name);
		view_set_row_role(view, parts[p].role);
		if (parts[p].level >= 0)
			analysis_set_level(view, LEVEL, m, (guint)parts[p].level);
		view_set_text(view, PART, parts[p].what);
		view_set_int(view, TIME, ns[p]);
		if (all > 0)
			view_set_double(view, SHARE, (double)ns[p] / all);
	}
}

View *analysis_levels(const Analysis *a)
{
	View *v = view_new("levels", "Where the time of every level went");
	view_add_column(v, "path", "PATH", VIEW_TEXT);
	view_add_column(v, "vm_pid", "VM", VIEW_ID);
	view_add_column(v, "name", "NAME", VIEW_TEXT);
	view_add_column(v, "level", "LEVEL", VIEW_TEXT);
	view_add_column(v, "part", "WHAT", VIEW_TEXT);
	view_add_column(v, "time_ns", "TIME", VIEW_NS);
	view_add_column(v, "share", "SHARE", VIEW_RATIO);
	view_chart_rows(v, NAME, PART, SHARE);
	for (guint i = 0; i < a->machines->len; i++) {
		const AnalysisMachine *m = g_ptr_array_index(a->machines, i);
		for (guint j = 0; j < m->kvm->vms->len; j++)
			add_vm(v, m, g_ptr_array_index(m->kvm->vms, j));
	}
	return v;
}
