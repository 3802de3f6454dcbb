/* SPDX-License-Identifier: MIT */
/* Exits by VM, vCPU, level and reason. */
#include "analysis/rows.h"

enum {
	PATH, VM, VCPU, LEVEL, L2, REASON, CLASS, COUNT, RATE, TOTAL, MEAN, P50, P99, MAXIMUM, ON_CPU, PREEMPTED, BLOCKED, TO_USER,
	REFLECTED, DIRECT, FULL_MEAN, FULL_P99, MULTIPLICATION
};

static void add_columns(View *v)
{
	view_add_column(v, "path", "PATH", VIEW_TEXT);
	view_add_column(v, "vm_pid", "VM", VIEW_ID);
	view_add_column(v, "vcpu", "VCPU", VIEW_ID);
	view_add_column(v, "level", "LEVEL", VIEW_ID);
	view_add_column(v, "l2", "L2", VIEW_ID);
	view_add_column(v, "reason", "REASON", VIEW_TEXT);
	view_add_column(v, "class", "CLASS", VIEW_TEXT);
	view_add_column(v, "count", "COUNT", VIEW_COUNT);
	view_add_column(v, "rate_hz", "RATE", VIEW_HZ);
	view_add_column(v, "total_ns", "TOTAL", VIEW_NS);
	view_add_column(v, "mean_ns", "MEAN", VIEW_NS);
	view_add_column(v, "p50_ns", "P50", VIEW_NS);
	view_add_column(v, "p99_ns", "P99", VIEW_NS);
	view_add_column(v, "max_ns", "MAX", VIEW_NS);
	view_add_column(v, "on_cpu_ns", "ON CPU", VIEW_NS);
	view_add_column(v, "preempted_ns", "PREEMPTED", VIEW_NS);
	view_add_column(v, "blocked_ns", "BLOCKED", VIEW_NS);
	view_add_column(v, "to_user", "TO USER", VIEW_COUNT);
	view_add_column(v, "reflected", "REFLECTED", VIEW_COUNT);
	view_add_column(v, "handled_by_l0", "BY L0", VIEW_COUNT);
	view_add_column(v, "full_mean_ns", "FULL MEAN", VIEW_NS);
	view_add_column(v, "full_p99_ns", "FULL P99", VIEW_NS);
	view_add_column(v, "multiplication", "EXITS PER EXIT", VIEW_NUMBER);
}

static void set_times(View *v, const KvmExit *e)
{
	view_set_int(v, TOTAL, analysis_exit_ns(e));
	view_set_int(v, ON_CPU, kvm_exit_on_cpu(e));
	view_set_int(v, PREEMPTED, e->ns[KVM_STATE_PREEMPTED] + e->ns[KVM_STATE_WAIT_CPU] + e->ns[KVM_STATE_THROTTLED]);
	view_set_int(v, BLOCKED, kvm_exit_blocked(e));
	if (!e->hist.count)
		return;
	view_set_int(v, MEAN, (gint64)st_hist_mean(&e->hist));
	view_set_int(v, P50, st_hist_percentile(&e->hist, 50));
	view_set_int(v, P99, st_hist_percentile(&e->hist, 99));
	view_set_int(v, MAXIMUM, e->hist.max);
}

static void set_nested(View *v, const KvmExit *e)
{
	view_set_uint(v, REFLECTED, e->reflected);
	view_set_uint(v, DIRECT, e->count - e->reflected);
	if (!e->full.count)
		return;
	view_set_int(v, FULL_MEAN, (gint64)st_hist_mean(&e->full));
	view_set_int(v, FULL_P99, st_hist_percentile(&e->full, 99));
	view_set_double(v, MULTIPLICATION, (double)e->full_exits / (double)e->full.count);
}

static void add_exit(View *v, const AnalysisMachine *m, const KvmVcpu *vcpu, const KvmExit *e, const KvmNested *nested)
{
	g_autofree char *path = analysis_vcpu_path(m, vcpu);
	double seconds = (double)(m->kernel->end_ns - m->kernel->begin_ns) / 1e9;
	view_begin_row(v);
	view_set_text(v, PATH, path);
	view_set_int(v, VM, vcpu->vm->pid);
	view_set_int(v, VCPU, vcpu->id);
	view_set_int(v, LEVEL, nested ? 2 : 1);
	if (nested && nested->l2)
		view_set_uint(v, L2, nested->l2->index);
	view_set_text(v, REASON, e->name);
	view_set_text(v, CLASS, kvm_class_name(e->reason ? (KvmClass)e->reason->klass : KVM_CLASS_OTHER));
	view_set_uint(v, COUNT, e->count);
	if (seconds > 0)
		view_set_double(v, RATE, (double)e->count / seconds);
	set_times(v, e);
	view_set_uint(v, TO_USER, e->to_user);
	if (nested)
		set_nested(v, e);
}

static void add_vcpu(View *v, const AnalysisMachine *m, const KvmVcpu *vcpu)
{
	for (guint i = 0; i < vcpu->exits->len; i++)
		add_exit(v, m, vcpu, g_ptr_array_index(vcpu->exits, i), NULL);
	for (guint i = 0; i < vcpu->nested->len; i++) {
		const KvmNested *nested = g_ptr_array_index(vcpu->nested, i);
		for (guint j = 0; j < nested->exits->len; j++)
			add_exit(v, m, vcpu, g_ptr_array_index(nested->exits, j), nested);
	}
}

View *analysis_exits(const Analysis *a)
{
	View *v = view_new("exits", "Exits");
	add_columns(v);
	for (guint i = 0; i < a->machines->len; i++) {
		const AnalysisMachine *m = g_ptr_array_index(a->machines, i);
		for (guint j = 0; j < m->kvm->vms->len; j++) {
			const KvmVm *vm = g_ptr_array_index(m->kvm->vms, j);
			for (guint k = 0; k < vm->vcpus->len; k++)
				add_vcpu(v, m, g_ptr_array_index(vm->vcpus, k));
		}
	}
	view_sort(v, TOTAL, TRUE);
	return v;
}
