/* SPDX-License-Identifier: MIT */
/* names.c: tables of states, roles, and exit reasons. */
#include "kvm/private.h"

#include "kvm/reasons.h"

static const struct {
	const char *name, *description;
} states[KVM_STATE_COUNT] = {
#define KVM_X(id, nam, text) [KVM_STATE_##id] = {nam, text},
	KVM_STATES(KVM_X)
#undef KVM_X
};

const char *kvm_state_name(KvmState state)
{
	return states[state].name;
}

const char *kvm_state_description(KvmState state)
{
	return states[state].description;
}

const char *kvm_class_name(KvmClass c)
{
	static const char *const names[KVM_CLASS_COUNT] = {
		[KVM_CLASS_OTHER] = "other",         [KVM_CLASS_HLT] = "halt",
		[KVM_CLASS_INTERRUPT] = "interrupt", [KVM_CLASS_WINDOW] = "interrupt-window",
		[KVM_CLASS_EXCEPTION] = "exception", [KVM_CLASS_IO] = "port-io",
		[KVM_CLASS_MEMORY] = "memory",       [KVM_CLASS_MSR] = "msr",
		[KVM_CLASS_CPUID] = "cpuid",         [KVM_CLASS_REGISTER] = "register",
		[KVM_CLASS_APIC] = "apic",           [KVM_CLASS_TIMER] = "timer",
		[KVM_CLASS_NESTED] = "nested",       [KVM_CLASS_HYPERCALL] = "hypercall",
		[KVM_CLASS_PAUSE] = "pause",         [KVM_CLASS_INSTRUCTION] = "instruction",
		[KVM_CLASS_FAILURE] = "failure",
	};

	return names[c];
}

const char *kvm_role_name(KvmRole role)
{
	static const char *const names[] = {
		[KVM_ROLE_VCPU] = "vcpu",   [KVM_ROLE_MAIN] = "main",     [KVM_ROLE_IO] = "io",
		[KVM_ROLE_VHOST] = "vhost", [KVM_ROLE_WORKER] = "worker", [KVM_ROLE_OTHER] = "other",
	};

	return names[role];
}

/* ---- Exit reasons -------------------------------------------------------------------------------------------- */

#define KVM_R(code, name, klass, instruction) {(code), #name, KVM_CLASS_##klass, (instruction)},
static const KvmReason vmx[] = {KVM_REASONS_VMX(KVM_R)};
static const KvmReason svm[] = {KVM_REASONS_SVM(KVM_R)};
#undef KVM_R

const KvmReason *kvm_reasons(KvmIsa isa, gsize *n_out)
{
	*n_out = isa == KVM_ISA_VMX ? G_N_ELEMENTS(vmx) : isa == KVM_ISA_SVM ? G_N_ELEMENTS(svm) : 0;
	return isa == KVM_ISA_VMX ? vmx : isa == KVM_ISA_SVM ? svm : NULL;
}

/* Codes of both tables are below this, but for SVM's last two. */
#define LOW_CODES 0x408

static const KvmReason *low[KVM_ISA_SVM + 1][LOW_CODES];

static void fill_low(KvmIsa isa)
{
	gsize n;
	const KvmReason *table = kvm_reasons(isa, &n);

	for (gsize i = 0; i < n; i++)
		if (table[i].code < LOW_CODES)
			low[isa][table[i].code] = &table[i];
}

static void fill_low_once(void)
{
	static gsize once;

	if (g_once_init_enter(&once)) {
		fill_low(KVM_ISA_VMX);
		fill_low(KVM_ISA_SVM);
		g_once_init_leave(&once, 1);
	}
}

const KvmReason *kvm_reason(KvmIsa isa, guint64 code)
{
	gsize n;

	fill_low_once();
	if (code < LOW_CODES)
		return isa <= KVM_ISA_SVM ? low[isa][code] : NULL;
	const KvmReason *table = kvm_reasons(isa, &n);
	for (gsize i = n; i-- > 0 && table[i].code >= LOW_CODES;)
		if (table[i].code == code)
			return &table[i];
	return NULL;
}

guint64 kvm_reason_code(KvmIsa isa, guint64 raw)
{
	return isa == KVM_ISA_VMX ? raw & 0xffff : (guint32)raw;
}
