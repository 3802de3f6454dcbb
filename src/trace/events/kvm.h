/* SPDX-License-Identifier: MIT */
/* trace/events/kvm.h: the hypervisor; see trace/events.h for what the columns mean. */
#ifndef STRATA_TRACE_EVENTS_KVM_H
#define STRATA_TRACE_EVENTS_KVM_H

/* clang-format off */
#define TRACE_EVENTS_KVM(E, F) \
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
