/* SPDX-License-Identifier: MIT */
/* kvm/names_io.h: what is where in a PC, as data: N(FIRST, LAST, NAME), the first that fits counts. */
#ifndef STRATA_KVM_NAMES_IO_H
#define STRATA_KVM_NAMES_IO_H

/* clang-format off */
#define KVM_PORTS(N) \
	N(0x0000, 0x000f, "DMA controller") \
	N(0x0020, 0x0021, "PIC 1") \
	N(0x0040, 0x0043, "PIT (timer)") \
	N(0x0060, 0x0060, "keyboard: data") \
	N(0x0061, 0x0061, "PIT gate, speaker") \
	N(0x0064, 0x0064, "keyboard: command") \
	N(0x0070, 0x0070, "RTC: index") \
	N(0x0071, 0x0071, "RTC: data") \
	N(0x0080, 0x0080, "POST code, delay") \
	N(0x0081, 0x008f, "DMA pages") \
	N(0x0092, 0x0092, "fast A20") \
	N(0x00a0, 0x00a1, "PIC 2") \
	N(0x00b2, 0x00b3, "SMI command") \
	N(0x00c0, 0x00df, "DMA controller 2") \
	N(0x00ed, 0x00ed, "delay") \
	N(0x00f0, 0x00ff, "coprocessor") \
	N(0x0170, 0x0177, "IDE 2") \
	N(0x01ce, 0x01d0, "Bochs VBE") \
	N(0x01f0, 0x01f7, "IDE 1") \
	N(0x0278, 0x027f, "LPT2") \
	N(0x02e8, 0x02ef, "COM4") \
	N(0x02f8, 0x02ff, "COM2") \
	N(0x0376, 0x0376, "IDE 2: control") \
	N(0x0378, 0x037f, "LPT1") \
	N(0x03b0, 0x03df, "VGA") \
	N(0x03e8, 0x03ef, "COM3") \
	N(0x03f0, 0x03f5, "floppy disk") \
	N(0x03f6, 0x03f6, "IDE 1: control") \
	N(0x03f7, 0x03f7, "floppy disk") \
	N(0x03f8, 0x03ff, "COM1") \
	N(0x0402, 0x0402, "firmware debug console") \
	N(0x04d0, 0x04d1, "PIC trigger mode") \
	N(0x0501, 0x0501, "debug exit") \
	N(0x0510, 0x051b, "fw_cfg") \
	N(0x0600, 0x0603, "ACPI PM1 event (q35)") \
	N(0x0604, 0x0605, "ACPI PM1 control (q35)") \
	N(0x0608, 0x060b, "ACPI PM timer (q35)") \
	N(0x0620, 0x062f, "ACPI GPE 0 (q35)") \
	N(0x0cd8, 0x0ce3, "ACPI CPU hotplug") \
	N(0x0cf8, 0x0cfb, "PCI config: address") \
	N(0x0cfc, 0x0cff, "PCI config: data") \
	N(0x0a00, 0x0a17, "ACPI memory hotplug") \
	N(0x0ae0, 0x0aef, "ACPI PCI hotplug") \
	N(0x0af0, 0x0aff, "ACPI CPU hotplug") \
	N(0x0afe0, 0x0afe3, "ACPI GPE 0") \
	N(0x0b000, 0x0b003, "ACPI PM1 event") \
	N(0x0b004, 0x0b007, "ACPI PM1 control") \
	N(0x0b008, 0x0b00b, "ACPI PM timer") \
	N(0x05658, 0x05659, "VMware backdoor")

/* x2APIC's (0x800 on) are KVM_APIC_REGISTERS. */
#define KVM_MSRS(N) \
	N(0x00000010, 0x00000010, "TSC") \
	N(0x00000017, 0x00000017, "platform id") \
	N(0x0000001b, 0x0000001b, "APIC base") \
	N(0x0000003a, 0x0000003a, "feature control") \
	N(0x0000003b, 0x0000003b, "TSC adjust") \
	N(0x00000048, 0x00000048, "SPEC_CTRL") \
	N(0x00000049, 0x00000049, "PRED_CMD") \
	N(0x00000079, 0x00000079, "microcode update") \
	N(0x0000008b, 0x0000008b, "microcode version") \
	N(0x000000c1, 0x000000c8, "PMU counter") \
	N(0x000000ce, 0x000000ce, "platform info") \
	N(0x000000e1, 0x000000e1, "UMWAIT control") \
	N(0x000000e7, 0x000000e8, "MPERF, APERF") \
	N(0x000000fe, 0x000000fe, "MTRR capabilities") \
	N(0x0000010a, 0x0000010a, "architecture capabilities") \
	N(0x0000010b, 0x0000010b, "FLUSH_CMD") \
	N(0x00000140, 0x00000140, "misc features") \
	N(0x00000174, 0x00000176, "SYSENTER") \
	N(0x00000179, 0x0000017a, "machine check") \
	N(0x00000186, 0x0000018d, "PMU event select") \
	N(0x00000198, 0x0000019c, "clock and temperature") \
	N(0x000001a0, 0x000001a0, "misc enable") \
	N(0x000001c4, 0x000001c5, "XFD") \
	N(0x000001d9, 0x000001d9, "debug control") \
	N(0x000001db, 0x000001de, "last branch") \
	N(0x00000200, 0x0000020f, "MTRR") \
	N(0x00000250, 0x0000026f, "MTRR") \
	N(0x00000277, 0x00000277, "PAT") \
	N(0x000002ff, 0x000002ff, "MTRR type") \
	N(0x00000309, 0x0000030b, "PMU fixed counter") \
	N(0x00000345, 0x00000345, "PMU capabilities") \
	N(0x0000038d, 0x00000390, "PMU control") \
	N(0x00000400, 0x0000047f, "machine check bank") \
	N(0x00000480, 0x00000493, "VMX capabilities") \
	N(0x000004c1, 0x000004c8, "PMU counter") \
	N(0x000006a0, 0x000006a8, "CET") \
	N(0x000006e0, 0x000006e0, "TSC deadline") \
	N(0x00000da0, 0x00000da0, "XSS") \
	N(0x00000011, 0x00000012, "KVM clock (old)") \
	N(0x40000000, 0x40000000, "Hyper-V: guest OS id") \
	N(0x40000001, 0x40000001, "Hyper-V: hypercall page") \
	N(0x40000002, 0x40000002, "Hyper-V: VP index") \
	N(0x40000010, 0x40000010, "Hyper-V: VP runtime") \
	N(0x40000020, 0x40000020, "Hyper-V: time reference") \
	N(0x40000021, 0x40000021, "Hyper-V: reference TSC") \
	N(0x40000070, 0x40000070, "Hyper-V: EOI") \
	N(0x40000071, 0x40000071, "Hyper-V: ICR") \
	N(0x40000072, 0x40000072, "Hyper-V: TPR") \
	N(0x40000073, 0x40000073, "Hyper-V: VP assist page") \
	N(0x40000080, 0x40000084, "Hyper-V: SynIC") \
	N(0x40000090, 0x4000009f, "Hyper-V: SINT") \
	N(0x400000b0, 0x400000b7, "Hyper-V: synthetic timer") \
	N(0x400000f0, 0x400000f0, "Hyper-V: guest idle") \
	N(0x40000100, 0x40000105, "Hyper-V: crash") \
	N(0x40000000, 0x400001ff, "Hyper-V") \
	N(0x4b564d00, 0x4b564d00, "KVM wall clock") \
	N(0x4b564d01, 0x4b564d01, "KVM clock") \
	N(0x4b564d02, 0x4b564d02, "KVM async page fault") \
	N(0x4b564d03, 0x4b564d03, "KVM steal time") \
	N(0x4b564d04, 0x4b564d04, "KVM PV EOI") \
	N(0x4b564d05, 0x4b564d05, "KVM poll control") \
	N(0x4b564d06, 0x4b564d07, "KVM async page fault") \
	N(0x4b564d08, 0x4b564d08, "KVM migration control") \
	N(0xc0000080, 0xc0000080, "EFER") \
	N(0xc0000081, 0xc0000084, "SYSCALL") \
	N(0xc0000100, 0xc0000100, "FS base") \
	N(0xc0000101, 0xc0000101, "GS base") \
	N(0xc0000102, 0xc0000102, "kernel GS base") \
	N(0xc0000103, 0xc0000103, "TSC_AUX") \
	N(0xc0000104, 0xc0000104, "TSC ratio") \
	N(0xc0000200, 0xc000020f, "PMU") \
	N(0xc0000300, 0xc0000302, "PMU control") \
	N(0xc0002000, 0xc00023ff, "machine check bank") \
	N(0xc0010000, 0xc0010007, "PMU") \
	N(0xc0010010, 0xc0010010, "SYSCFG") \
	N(0xc0010015, 0xc0010015, "HWCR") \
	N(0xc001001f, 0xc001001f, "northbridge config") \
	N(0xc0010055, 0xc0010055, "interrupt pending") \
	N(0xc0010061, 0xc0010071, "P-states") \
	N(0xc0010114, 0xc0010114, "VM control") \
	N(0xc0010117, 0xc0010117, "VM host save area") \
	N(0xc001011f, 0xc001011f, "virtual SPEC_CTRL") \
	N(0xc0010130, 0xc0010131, "SEV") \
	N(0xc0010140, 0xc0010141, "OSVW") \
	N(0xc0010200, 0xc001020b, "PMU") \
	N(0xc0011020, 0xc001102f, "processor config")

/* Of physical addresses. Where a local APIC is, KVM_APIC_REGISTERS tells more. */
#define KVM_MMIO_RANGES(N) \
	N(0x000a0000, 0x000bffff, "VGA") \
	N(0xfec00000, 0xfec00fff, "IOAPIC") \
	N(0xfed00000, 0xfed003ff, "HPET") \
	N(0xfed1c000, 0xfed1ffff, "chipset (RCBA)") \
	N(0xfed40000, 0xfed44fff, "TPM") \
	N(0xfed90000, 0xfed90fff, "IOMMU") \
	N(0xfee00000, 0xfeefffff, "local APIC") \
	N(0xc0000000, 0xfebfffff, "PCI device")

/* Offsets in a local APIC's page. */
#define KVM_APIC_REGISTERS(N) \
	N(0x020, 0x02f, "ID") \
	N(0x030, 0x03f, "version") \
	N(0x080, 0x08f, "TPR") \
	N(0x090, 0x09f, "APR") \
	N(0x0a0, 0x0af, "PPR") \
	N(0x0b0, 0x0bf, "EOI") \
	N(0x0c0, 0x0cf, "remote read") \
	N(0x0d0, 0x0df, "LDR") \
	N(0x0e0, 0x0ef, "DFR") \
	N(0x0f0, 0x0ff, "SVR") \
	N(0x100, 0x17f, "ISR") \
	N(0x180, 0x1ff, "TMR") \
	N(0x200, 0x27f, "IRR") \
	N(0x280, 0x28f, "ESR") \
	N(0x2f0, 0x2ff, "LVT CMCI") \
	N(0x300, 0x30f, "ICR (send IPI)") \
	N(0x310, 0x31f, "ICR high") \
	N(0x320, 0x32f, "LVT timer (LVTT)") \
	N(0x330, 0x33f, "LVT thermal") \
	N(0x340, 0x34f, "LVT PMU") \
	N(0x350, 0x35f, "LVT LINT0") \
	N(0x360, 0x36f, "LVT LINT1") \
	N(0x370, 0x37f, "LVT error") \
	N(0x380, 0x38f, "timer count (TMICT)") \
	N(0x390, 0x39f, "timer now (TMCCT)") \
	N(0x3e0, 0x3ef, "timer divisor") \
	N(0x3f0, 0x3ff, "self IPI")

#define KVM_LEAVES(N) \
	N(0x00000000, 0x00000000, "vendor") \
	N(0x00000001, 0x00000001, "features") \
	N(0x00000002, 0x00000002, "caches") \
	N(0x00000004, 0x00000004, "caches") \
	N(0x00000006, 0x00000006, "power") \
	N(0x00000007, 0x00000007, "features") \
	N(0x0000000a, 0x0000000a, "PMU") \
	N(0x0000000b, 0x0000000b, "topology") \
	N(0x0000000d, 0x0000000d, "XSAVE") \
	N(0x00000015, 0x00000016, "clocks") \
	N(0x0000001f, 0x0000001f, "topology") \
	N(0x40000000, 0x4fffffff, "hypervisor") \
	N(0x80000000, 0x8fffffff, "extended features")

/* Linux's, of KVM. */
#define KVM_HYPERCALLS(N) \
	N(1, 1, "VAPIC poll") \
	N(5, 5, "kick CPU") \
	N(9, 9, "clock pairing") \
	N(10, 10, "send IPI") \
	N(11, 11, "yield") \
	N(12, 12, "map GPA range")

#define KVM_EXCEPTIONS(N) \
	N(0, 0, "#DE divide error") \
	N(1, 1, "#DB debug") \
	N(2, 2, "NMI") \
	N(3, 3, "#BP breakpoint") \
	N(6, 6, "#UD invalid opcode") \
	N(7, 7, "#NM no coprocessor") \
	N(8, 8, "#DF double fault") \
	N(13, 13, "#GP protection") \
	N(14, 14, "#PF page fault") \
	N(17, 17, "#AC alignment") \
	N(18, 18, "#MC machine check")
/* clang-format on */

#endif
