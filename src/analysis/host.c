/* SPDX-License-Identifier: MIT */
/* Processors and threads of each machine. */
#include "analysis/rows.h"

enum { CPU_MACHINE, CPU_ID, CPU_BUSY, CPU_GUEST, CPU_IDLE, CPU_UNKNOWN, CPU_SWITCHES };

static void add_cpu(View *v, const AnalysisMachine *m, const KernelCpu *cpu)
{
	view_begin_row(v);
	view_set_text(v, CPU_MACHINE, m->name);
	view_set_int(v, CPU_ID, cpu->id);
	view_set_int(v, CPU_BUSY, cpu->ns[KERNEL_CPU_BUSY]);
	if (m->kvm->has_exits)
		view_set_int(v, CPU_GUEST, m->kvm->cpu_guest_ns[cpu->id]);
	view_set_int(v, CPU_IDLE, cpu->ns[KERNEL_CPU_IDLE]);
	view_set_int(v, CPU_UNKNOWN, cpu->ns[KERNEL_CPU_UNKNOWN]);
	view_set_uint(v, CPU_SWITCHES, cpu->switches);
}

View *analysis_report_cpus(const Analysis *a)
{
	View *v = view_new("cpus", "Processors");
	view_add_column(v, "machine", "MACHINE", VIEW_TEXT);
	view_add_column(v, "cpu", "CPU", VIEW_ID);
	view_add_column(v, "busy_ns", "BUSY", VIEW_NS);
	view_add_column(v, "guest_ns", "IN GUESTS", VIEW_NS);
	view_add_column(v, "idle_ns", "IDLE", VIEW_NS);
	view_add_column(v, "unknown_ns", "UNKNOWN", VIEW_NS);
	view_add_column(v, "switches", "SWITCHES", VIEW_COUNT);
	for (guint i = 0; i < a->machines->len; i++) {
		const AnalysisMachine *m = g_ptr_array_index(a->machines, i);
		for (guint j = 0; j < m->kernel->cpus->len; j++)
			if (g_ptr_array_index(m->kernel->cpus, j))
				add_cpu(v, m, g_ptr_array_index(m->kernel->cpus, j));
	}
	return v;
}

enum { TH_MACHINE, TH_TID, TH_PID, TH_NAME, TH_PROCESS, TH_CPU, TH_PREEMPTED, TH_WAIT, TH_BLOCKED, TH_UNKNOWN, TH_SWITCHES };

static void add_thread(View *v, const AnalysisMachine *m, const KernelThread *t)
{
	const KernelProcess *process = t->pid >= 0 ? kernel_process(m->kernel, t->pid) : NULL;
	view_begin_row(v);
	view_set_text(v, TH_MACHINE, m->name);
	view_set_int(v, TH_TID, t->tid);
	if (t->pid >= 0)
		view_set_int(v, TH_PID, t->pid);
	view_set_text(v, TH_NAME, t->name);
	view_set_text(v, TH_PROCESS, process ? process->name : "");
	view_set_int(v, TH_CPU, t->ns[KERNEL_RUNNING]);
	view_set_int(v, TH_PREEMPTED, t->ns[KERNEL_PREEMPTED]);
	view_set_int(v, TH_WAIT, t->ns[KERNEL_WAIT_CPU]);
	view_set_int(v, TH_BLOCKED, t->ns[KERNEL_BLOCKED]);
	view_set_int(v, TH_UNKNOWN, t->ns[KERNEL_UNKNOWN]);
	view_set_uint(v, TH_SWITCHES, t->switches);
}

View *analysis_report_threads(const Analysis *a)
{
	View *v = view_new("threads", "Threads");
	view_add_column(v, "machine", "MACHINE", VIEW_TEXT);
	view_add_column(v, "tid", "TID", VIEW_ID);
	view_add_column(v, "pid", "PID", VIEW_ID);
	view_add_column(v, "name", "NAME", VIEW_TEXT);
	view_add_column(v, "process", "PROCESS", VIEW_TEXT);
	view_add_column(v, "cpu_ns", "ON CPU", VIEW_NS);
	view_add_column(v, "preempted_ns", "PREEMPTED", VIEW_NS);
	view_add_column(v, "wait_cpu_ns", "WOKEN, WAITING", VIEW_NS);
	view_add_column(v, "blocked_ns", "BLOCKED", VIEW_NS);
	view_add_column(v, "unknown_ns", "UNKNOWN", VIEW_NS);
	view_add_column(v, "switches", "SWITCHES", VIEW_COUNT);
	for (guint i = 0; i < a->machines->len; i++) {
		const AnalysisMachine *m = g_ptr_array_index(a->machines, i);
		for (guint j = 0; j < m->kernel->threads->len; j++) {
			const KernelThread *t = g_ptr_array_index(m->kernel->threads, j);
			if (!kernel_is_idle(t) && t->tid > 0)
				add_thread(v, m, t);
		}
	}
	view_sort(v, TH_CPU, TRUE);
	return v;
}
