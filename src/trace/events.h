/* SPDX-License-Identifier: MIT */
/*
 * trace/events.h: the table of canonical events, whatever tracer and version wrote them.
 *
 * E(ID, SYSTEM, NAMES): an event. NAMES, separated by spaces, are what LTTng and ftrace call it; perf's name is "SYSTEM:" and any
 * of them. LTTng before 2.8 called its x86 KVM events kvm_*, since then kvm_x86_*.
 *
 * F(ID, FIELD, INDEX, NAMES): a field of it, the first of NAMES that the event class has. "a?b" is a, but only where there is a b too. Fields count from 0
 * without holes; those that most readers want come first, because a reader that wants INDEX pays for all below it.
 */
#ifndef STRATA_TRACE_EVENTS_H
#define STRATA_TRACE_EVENTS_H

/* clang-format off */
#define TRACE_EVENTS(E, F) \
	E(SCHED_SWITCH, "sched", "sched_switch") \
	F(SCHED_SWITCH, PREV_TID,   0, "prev_tid prev_pid") \
	F(SCHED_SWITCH, PREV_STATE, 1, "prev_state") \
	F(SCHED_SWITCH, NEXT_TID,   2, "next_tid next_pid") \
	F(SCHED_SWITCH, PREV_COMM,  3, "prev_comm") \
	F(SCHED_SWITCH, NEXT_COMM,  4, "next_comm") \
	E(SCHED_WAKING, "sched", "sched_waking") \
	F(SCHED_WAKING, TID,        0, "tid pid") \
	F(SCHED_WAKING, TARGET_CPU, 1, "target_cpu") \
	F(SCHED_WAKING, COMM,       2, "comm") \
	E(SCHED_WAKEUP, "sched", "sched_wakeup") \
	F(SCHED_WAKEUP, TID,        0, "tid pid") \
	F(SCHED_WAKEUP, TARGET_CPU, 1, "target_cpu") \
	F(SCHED_WAKEUP, COMM,       2, "comm") \
	E(SCHED_WAKEUP_NEW, "sched", "sched_wakeup_new") \
	F(SCHED_WAKEUP_NEW, TID,        0, "tid pid") \
	F(SCHED_WAKEUP_NEW, TARGET_CPU, 1, "target_cpu") \
	F(SCHED_WAKEUP_NEW, COMM,       2, "comm") \
	E(SCHED_MIGRATE, "sched", "sched_migrate_task") \
	F(SCHED_MIGRATE, TID,      0, "tid pid") \
	F(SCHED_MIGRATE, DEST_CPU, 1, "dest_cpu") \
	E(PROCESS_FORK, "sched", "sched_process_fork") \
	F(PROCESS_FORK, CHILD_TID,  0, "child_tid child_pid") \
	F(PROCESS_FORK, CHILD_PID,  1, "child_pid?child_tid") \
	F(PROCESS_FORK, PARENT_TID, 2, "parent_tid parent_pid") \
	F(PROCESS_FORK, PARENT_PID, 3, "parent_pid?parent_tid") \
	F(PROCESS_FORK, CHILD_COMM, 4, "child_comm") \
	E(PROCESS_EXEC, "sched", "sched_process_exec") \
	F(PROCESS_EXEC, TID,      0, "tid pid") \
	F(PROCESS_EXEC, OLD_TID,  1, "old_tid old_pid") \
	F(PROCESS_EXEC, FILENAME, 2, "filename") \
	E(PROCESS_EXIT, "sched", "sched_process_exit") \
	F(PROCESS_EXIT, TID,  0, "tid pid") \
	E(PROCESS_FREE, "sched", "sched_process_free") \
	F(PROCESS_FREE, TID,  0, "tid pid") \
	E(STATEDUMP_PROCESS, "lttng", "lttng_statedump_process_state") \
	F(STATEDUMP_PROCESS, TID,    0, "tid") \
	F(STATEDUMP_PROCESS, PID,    1, "pid") \
	F(STATEDUMP_PROCESS, PPID,   2, "ppid") \
	F(STATEDUMP_PROCESS, NAME,   3, "name") \
	F(STATEDUMP_PROCESS, TYPE,   4, "type") \
	F(STATEDUMP_PROCESS, STATUS, 5, "status") \
	F(STATEDUMP_PROCESS, CPU,    6, "cpu") \
	E(IOCTL_ENTRY, "syscalls", "syscall_entry_ioctl compat_syscall_entry_ioctl sys_ioctl compat_sys_ioctl sys_enter_ioctl") \
	F(IOCTL_ENTRY, CMD, 0, "cmd") \
	E(IOCTL_EXIT, "syscalls", "syscall_exit_ioctl compat_syscall_exit_ioctl exit_syscall sys_exit_ioctl") \
	F(IOCTL_EXIT, RET, 0, "ret") \
	E(KVM_ENTRY, "kvm", "kvm_x86_entry kvm_entry") \
	F(KVM_ENTRY, VCPU_ID, 0, "vcpu_id") \
	E(KVM_EXIT, "kvm", "kvm_x86_exit kvm_exit") \
	F(KVM_EXIT, REASON,  0, "exit_reason") \
	F(KVM_EXIT, RIP,     1, "guest_rip") \
	F(KVM_EXIT, ISA,     2, "isa") \
	F(KVM_EXIT, VCPU_ID, 3, "vcpu_id") \
	F(KVM_EXIT, INFO1,   4, "info1") \
	F(KVM_EXIT, INFO2,   5, "info2") \
	E(KVM_USERSPACE_EXIT, "kvm", "kvm_userspace_exit") \
	F(KVM_USERSPACE_EXIT, REASON, 0, "reason") \
	E(KVM_NESTED_VMRUN, "kvm", "kvm_x86_nested_vmrun kvm_nested_vmrun kvm_x86_nested_vmenter kvm_nested_vmenter") \
	F(KVM_NESTED_VMRUN, VMCB,    0, "vmcb") \
	F(KVM_NESTED_VMRUN, TDP_PGD, 1, "guest_tdp_pgd") \
	E(KVM_NESTED_VMEXIT, "kvm", "kvm_x86_nested_vmexit kvm_nested_vmexit") \
	E(KVM_NESTED_VMEXIT_INJECT, "kvm", "kvm_x86_nested_vmexit_inject kvm_nested_vmexit_inject") \
	E(KVM_NESTED_INTR_VMEXIT, "kvm", "kvm_x86_nested_intr_vmexit kvm_nested_intr_vmexit") \
	E(KVM_MMIO, "kvm", "kvm_mmio") \
	E(KVM_FPU, "kvm", "kvm_fpu")
/* clang-format on */

#endif
