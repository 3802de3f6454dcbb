/* SPDX-License-Identifier: MIT */
/* trace/events/kvm.h: the hypervisor; see trace/events.h for what the columns mean. */
#ifndef STRATA_TRACE_EVENTS_KVM_H
#define STRATA_TRACE_EVENTS_KVM_H

/* clang-format off */
#define TRACE_EVENTS_KVM(E, F) \
	E(KVM_ENTRY, "kvm", "kvm_x86_entry kvm_entry") \
	F(KVM_ENTRY, VCPU_ID, 0, "vcpu_id") \
	F(KVM_ENTRY, CR3,     1, "cr3 guest_cr3") \
	E(KVM_ENTER_GUEST, "probe", "addons_vcpu_enter_guest vcpu_enter_guest kvm_vcpu_enter_guest") \
	F(KVM_ENTER_GUEST, CR3, 0, "cr3tmp cr3 guest_cr3") \
	E(KVM_EXIT, "kvm", "kvm_x86_exit kvm_exit") \
	F(KVM_EXIT, REASON,  0, "exit_reason") \
	F(KVM_EXIT, RIP,     1, "guest_rip") \
	F(KVM_EXIT, ISA,     2, "isa") \
	F(KVM_EXIT, VCPU_ID, 3, "vcpu_id") \
	F(KVM_EXIT, INFO1,   4, "info1") \
	F(KVM_EXIT, INTR_INFO, 5, "intr_info") \
	F(KVM_EXIT, INFO2,   6, "info2") \
	E(KVM_USERSPACE_EXIT, "kvm", "kvm_userspace_exit") \
	F(KVM_USERSPACE_EXIT, REASON, 0, "reason") \
	E(KVM_NESTED_VMRUN, "kvm", "kvm_x86_nested_vmrun kvm_nested_vmrun kvm_x86_nested_vmenter kvm_nested_vmenter") \
	F(KVM_NESTED_VMRUN, VMCB,    0, "vmcb") \
	F(KVM_NESTED_VMRUN, TDP_PGD, 1, "guest_tdp_pgd") \
	E(KVM_NESTED_VMEXIT, "kvm", "kvm_x86_nested_vmexit kvm_nested_vmexit") \
	E(KVM_NESTED_VMEXIT_INJECT, "kvm", "kvm_x86_nested_vmexit_inject kvm_nested_vmexit_inject") \
	E(KVM_NESTED_INTR_VMEXIT, "kvm", "kvm_x86_nested_intr_vmexit kvm_nested_intr_vmexit") \
	E(KVM_INJ_VIRQ, "kvm", "kvm_x86_inj_virq kvm_inj_virq") \
	F(KVM_INJ_VIRQ, VECTOR, 0, "irq vec") \
	E(KVM_ACCEPT_IRQ, "kvm", "kvm_x86_apic_accept_irq kvm_apic_accept_irq") \
	F(KVM_ACCEPT_IRQ, APIC_ID, 0, "apicid") \
	F(KVM_ACCEPT_IRQ, VECTOR,  1, "vec") \
	E(KVM_MSI_SET_IRQ, "kvm", "kvm_msi_set_irq") \
	F(KVM_MSI_SET_IRQ, ADDRESS, 0, "address") \
	F(KVM_MSI_SET_IRQ, DATA,    1, "data") \
	E(KVM_IOAPIC_SET_IRQ, "kvm", "kvm_ioapic_set_irq") \
	F(KVM_IOAPIC_SET_IRQ, ENTRY, 0, "e") \
	E(KVM_APIC_IPI, "kvm", "kvm_x86_apic_ipi kvm_apic_ipi") \
	F(KVM_APIC_IPI, ICR_LOW, 0, "icr_low") \
	E(KVM_MSR, "kvm", "kvm_x86_msr kvm_msr") \
	F(KVM_MSR, WRITE, 0, "write") \
	F(KVM_MSR, ECX,   1, "ecx") \
	F(KVM_MSR, DATA,  2, "data") \
	E(KVM_APIC, "kvm", "kvm_x86_apic kvm_apic") \
	F(KVM_APIC, RW,  0, "rw") \
	F(KVM_APIC, REG, 1, "reg") \
	F(KVM_APIC, VAL, 2, "val") \
	E(KVM_MMIO, "kvm", "kvm_mmio") \
	F(KVM_MMIO, TYPE, 0, "type") \
	F(KVM_MMIO, GPA,  1, "gpa") \
	E(KVM_FAST_MMIO, "kvm", "kvm_x86_fast_mmio kvm_fast_mmio") \
	F(KVM_FAST_MMIO, GPA, 0, "gpa fault_ipa") \
	E(KVM_PIO, "kvm", "kvm_x86_pio kvm_pio") \
	F(KVM_PIO, OUT,  0, "rw") \
	F(KVM_PIO, PORT, 1, "port") \
	F(KVM_PIO, SIZE, 2, "size") \
	E(KVM_CPUID, "kvm", "kvm_x86_cpuid kvm_cpuid") \
	F(KVM_CPUID, LEAF, 0, "function") \
	E(KVM_HYPERCALL, "kvm", "kvm_x86_hypercall kvm_hypercall") \
	F(KVM_HYPERCALL, NUMBER, 0, "nr") \
	E(KVM_HV_HYPERCALL, "kvm", "kvm_x86_hv_hypercall kvm_hv_hypercall") \
	F(KVM_HV_HYPERCALL, NUMBER, 0, "code") \
	E(KVM_WRITE_TSC_OFFSET, "kvm", "kvm_x86_write_tsc_offset kvm_write_tsc_offset") \
	F(KVM_WRITE_TSC_OFFSET, VCPU, 0, "vcpu_id") \
	F(KVM_WRITE_TSC_OFFSET, NEXT, 1, "next_tsc_offset") \
	E(KVM_FPU, "kvm", "kvm_fpu")
/* clang-format on */

#endif
