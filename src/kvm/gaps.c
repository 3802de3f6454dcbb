/* SPDX-License-Identifier: MIT */
/* gaps.c: what a trace can't tell for want of events, and how to record those. */
#include "kvm/private.h"

static void add(GArray *gaps, gboolean missing, const char *id, const char *lost, const char *command)
{
	KvmGap gap = {id, lost, command};

	if (missing)
		g_array_append_val(gaps, gap);
}

static gboolean any_nested(const Kvm *kvm)
{
	for (guint i = 0; i < kvm->vms->len; i++)
		if (((const KvmVm *)g_ptr_array_index(kvm->vms, i))->l2s->len)
			return TRUE;
	return FALSE;
}

static gboolean any_pid_unknown(const Kvm *kvm)
{
	for (guint i = 0; i < kvm->vms->len; i++)
		if (((const KvmVm *)g_ptr_array_index(kvm->vms, i))->pid < 0)
			return TRUE;
	return FALSE;
}

GArray *kvm_gaps(const Kvm *kvm)
{
	GArray *gaps = g_array_new(FALSE, FALSE, sizeof(KvmGap));
	const gboolean *has = kvm->facts.declared;

	if (!kvm->vms->len)
		return gaps;
	add(gaps, !kvm->has_switch, "no-sched", "when vCPUs had a processor, and who had it instead",
	    "lttng enable-event -k sched_switch,sched_waking,sched_wakeup,sched_wakeup_new,sched_migrate_task");
	add(gaps, kvm->has_switch && !has[TRACE_SCHED_WAKING] && !has[TRACE_SCHED_WAKEUP], "no-wakeup",
	    "how long woken vCPUs waited for a processor (counted as blocked or halted)",
	    "lttng enable-event -k sched_waking,sched_wakeup,sched_wakeup_new");
	add(gaps, kvm->has_switch && !kvm->s->can_throttle, "no-migrate",
	    "whether a vCPU that could run was kept from it by a CPU limit (counted as preempted)",
	    "lttng enable-event -k sched_migrate_task");
	add(gaps, !kvm->has_exits, "no-exits",
	    "time in the guest and in the hypervisor, exits and their reasons, halts, nested VMs (LTTng builds the probe for these only against the "
	    "kernel's full sources)",
	    "lttng enable-event -k 'kvm_x86_*'");
	add(gaps, kvm->has_exits && any_nested(kvm) && !kvm->has_nested, "no-nested",
	    "which exits of nested VMs were given to their own hypervisor (guessed from exit reasons)",
	    "lttng enable-event -k 'kvm_x86_nested_*'");
	add(gaps, !kvm->has_ioctl && !has[TRACE_KVM_USERSPACE_EXIT], "no-user",
	    "time in the hypervisor's user part (counted as its kernel part)",
	    "lttng enable-event -k kvm_userspace_exit; lttng enable-event -k --syscall ioctl");
	add(gaps, !kvm->has_ioctl && has[TRACE_KVM_USERSPACE_EXIT], "no-ioctl",
	    "where exactly the hypervisor's user part ends (until the next entry is counted as it)",
	    "lttng enable-event -k --syscall ioctl");
	add(gaps, any_pid_unknown(kvm), "no-process", "which process some vCPUs belong to",
	    "lttng enable-event -k 'lttng_statedump_*'; lttng add-context -k -t vpid -t vtid");
	add(gaps, kvm->unattributed > 0, "unattributed",
	    "whose some entries and exits are, near lost events (they are counted for no vCPU)",
	    "lttng add-context -k -t vpid -t vtid");
	return gaps;
}
