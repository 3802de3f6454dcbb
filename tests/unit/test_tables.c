/* SPDX-License-Identifier: MIT */
/* Tables: canonical events and their dialects, exit reasons against the kernel's headers, prev_state. */
#include "kvm/kvm.h"
#include "trace/private.h"

#include <string.h>

#if __has_include(<asm/svm.h>) && __has_include(<asm/vmx.h>)
#include <asm/svm.h>
#include <asm/vmx.h>

/* What svm.h takes from a header of the kernel's own. */
enum {
	DE_VECTOR, DB_VECTOR, BP_VECTOR = 3, OF_VECTOR, BR_VECTOR, UD_VECTOR, NM_VECTOR, DF_VECTOR, TS_VECTOR = 10, NP_VECTOR,
	SS_VECTOR, GP_VECTOR, PF_VECTOR, MF_VECTOR = 16, AC_VECTOR, MC_VECTOR, XM_VECTOR,
};
#endif

/* ---- Events ------------------------------------------------------------------------------------------------- */

static const struct {
	const char *name;
	gint id;
} dialects[] = {
	{"kvm_x86_entry", TRACE_KVM_ENTRY},
	{"kvm_entry", TRACE_KVM_ENTRY},
	{"kvm:kvm_entry", TRACE_KVM_ENTRY},
	{"kvm_x86_nested_vmexit", TRACE_KVM_NESTED_VMEXIT},
	{"kvm_x86_nested_vmexit_inject", TRACE_KVM_NESTED_VMEXIT_INJECT},
	{"kvm:kvm_nested_vmenter", TRACE_KVM_NESTED_VMRUN},
	{"sched_switch", TRACE_SCHED_SWITCH},
	{"sched:sched_switch", TRACE_SCHED_SWITCH},
	{"syscalls:sys_enter_ioctl", TRACE_SYSCALL_ENTRY},
	{"syscall_entry_ioctl", TRACE_SYSCALL_ENTRY},
	{"kvm:sched_switch", -1},
	{"sched_switc", -1},
	{"sched_switch2", -1},
	{"sched_switch sched_switch", -1},
	{"", -1},
	{":", -1},
	{"kvm:", -1},
};

static void test_dialects(void)
{
	for (guint i = 0; i < G_N_ELEMENTS(dialects); i++)
		g_assert_cmpint(trace_event_by_name(dialects[i].name), ==, dialects[i].id);
}

/* Fields count from 0 without holes, and every event's own name finds it. */
static void test_events(void)
{
	for (guint id = 0; id < TRACE_EVENT_COUNT; id++) {
		guint n = trace_event_n_fields((TraceEventId)id);

		g_assert_cmpint(trace_event_by_name(trace_event_name((TraceEventId)id)), ==, id);
		g_assert_nonnull(trace_event_system((TraceEventId)id));
		for (guint f = 0; f < TRACE_FIELDS_MAX; f++)
			g_assert_true((trace_field_names((TraceEventId)id, f) != NULL) == (f < n));
	}
}

/* ---- Exit reasons ------------------------------------------------------------------------------------------- */

static void check_table(KvmIsa isa)
{
	gsize n;
	const KvmReason *table = kvm_reasons(isa, &n);

	g_assert_cmpuint(n, >, 60);
	for (gsize i = 0; i < n; i++) {
		g_assert_true(i == 0 || table[i - 1].code < table[i].code);
		g_assert_true(kvm_reason(isa, table[i].code) == &table[i]);
		g_assert_cmpuint(table[i].klass, <, KVM_CLASS_COUNT);
		g_assert_nonnull(kvm_class_name((KvmClass)table[i].klass));
	}
}

static void test_reasons(void)
{
	check_table(KVM_ISA_VMX);
	check_table(KVM_ISA_SVM);
	g_assert_null(kvm_reason(KVM_ISA_VMX, 35));
	g_assert_null(kvm_reason(KVM_ISA_VMX, G_MAXUINT64));
	g_assert_null(kvm_reason(KVM_ISA_SVM, 0x406));
	g_assert_null(kvm_reason(KVM_ISA_UNKNOWN, 1));
	g_assert_cmpstr(kvm_reason(KVM_ISA_VMX, kvm_reason_code(KVM_ISA_VMX, 0x80000021))->name, ==, "INVALID_STATE");
	g_assert_cmpstr(kvm_reason(KVM_ISA_SVM, kvm_reason_code(KVM_ISA_SVM, (guint64)-1))->name, ==, "ERR");
}

typedef struct {
	guint64 code;
	const char *name;
} HeaderReason;

static G_GNUC_UNUSED void check_header(KvmIsa isa, const HeaderReason *reasons, gsize n)
{
	for (gsize i = 0; i < n; i++) {
		const KvmReason *r = kvm_reason(isa, (guint32)reasons[i].code);
		const char *name = reasons[i].name;

		if (reasons[i].code >= 0x80000000 && !r)
			continue; /* SVM's software codes, which no exit event has */
		g_assert_nonnull(r);
		if (isa == KVM_ISA_VMX)
			g_assert_cmpstr(r->name, ==, name);
		else if (g_str_has_suffix(name, " excp"))
			g_assert_cmpuint(r->klass, ==, KVM_CLASS_EXCEPTION);
	}
}

static void test_headers(void)
{
#if defined(SVM_EXIT_REASONS) && defined(VMX_EXIT_REASONS)
	static const HeaderReason svm[] = {SVM_EXIT_REASONS};
	static const HeaderReason vmx[] = {VMX_EXIT_REASONS};

	check_header(KVM_ISA_SVM, svm, G_N_ELEMENTS(svm));
	check_header(KVM_ISA_VMX, vmx, G_N_ELEMENTS(vmx));
#else
	g_test_skip("no kernel headers for x86");
#endif
}

/* ---- States ------------------------------------------------------------------------------------------------- */

static const struct {
	gint64 prev_state;
	gboolean old;
	KernelState state;
} prev_states[] = {
	{0, FALSE, KERNEL_PREEMPTED},     {0x100, FALSE, KERNEL_PREEMPTED}, {1, FALSE, KERNEL_BLOCKED},
	{2, FALSE, KERNEL_BLOCKED},       {4, FALSE, KERNEL_BLOCKED},       {8, FALSE, KERNEL_BLOCKED},
	{0x10, FALSE, KERNEL_ENDED},      {0x20, FALSE, KERNEL_ENDED},      {0x40, FALSE, KERNEL_BLOCKED},
	{0x80, FALSE, KERNEL_BLOCKED},    {0x40, TRUE, KERNEL_ENDED},       {0x82, TRUE, KERNEL_BLOCKED},
	{0x401, TRUE, KERNEL_PREEMPTED},  {0x400, TRUE, KERNEL_PREEMPTED},  {0x1000, TRUE, KERNEL_PREEMPTED},
	{0x200, TRUE, KERNEL_BLOCKED},
};

static void test_prev_states(void)
{
	for (guint i = 0; i < G_N_ELEMENTS(prev_states); i++)
		g_assert_cmpint(kernel_prev_state(prev_states[i].prev_state, prev_states[i].old), ==, prev_states[i].state);
}

static void test_state_names(void)
{
	for (guint a = 0; a < KVM_STATE_COUNT; a++) {
		g_assert_nonnull(kvm_state_description((KvmState)a));
		for (guint b = 0; b < a; b++)
			g_assert_cmpstr(kvm_state_name((KvmState)a), !=, kvm_state_name((KvmState)b));
	}
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/tables/dialects", test_dialects);
	g_test_add_func("/tables/events", test_events);
	g_test_add_func("/tables/reasons", test_reasons);
	g_test_add_func("/tables/headers", test_headers);
	g_test_add_func("/tables/prev-states", test_prev_states);
	g_test_add_func("/tables/state-names", test_state_names);
	return g_test_run();
}
