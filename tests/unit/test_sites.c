/* SPDX-License-Identifier: MIT */
/* What exits were for, case by case: one exit each, and the events of its handling, as Intel's and AMD's processors and KVM tell it. */
#include "kvm/private.h"
#include "kvm/sites.h"
#include "feed.h"

enum { END = 1000000000, VM = 10, VCPU = 11 };

#define KERNEL_CODE 0xffffffff81000000ull
#define NONE        TRACE_EVENT_COUNT

typedef struct {
	Kernel *kernel;
	Kvm *kvm;
	History *history;
	KernelSet *set;
	KvmSet *kvm_set;
	TraceFacts facts;
	TraceModel models[3];
	gint64 now;
} World;

static void feed(World *w, guint id, const guint64 *v, guint n)
{
	guint64 values[TRACE_FIELDS_MAX] = {0}, ctx[TRACE_CTX_COUNT] = {0};
	TraceEvent ev = {.time = w->now++, .id = (guint16)id, .present = (guint16)((1u << n) - 1), .v = values, .ctx = ctx, .base = (const guint8 *)""};

	for (guint i = 0; i < n; i++)
		values[i] = v[i];
	feed_models(w->models, G_N_ELEMENTS(w->models), &ev);
}

#define FEED(w, id, ...)                                                                                                       \
	do {                                                                                                                   \
		const guint64 values_[] = {__VA_ARGS__};                                                                       \
		feed(w, id, values_, G_N_ELEMENTS(values_));                                                                   \
	} while (0)

static void exit_event(World *w, guint isa, guint64 code, guint64 info1, guint64 info2, guint64 intr)
{
	FEED(w, TRACE_KVM_EXIT, code, KERNEL_CODE, isa, 0, info1, intr, info2);
}

static World *begin(gboolean has_mmio)
{
	World *w = g_new0(World, 1);

	w->facts.is_kernel = TRUE;
	for (guint i = 0; i < TRACE_EVENT_COUNT; i++)
		w->facts.declared[i] = i != TRACE_KVM_MMIO || has_mmio;
	w->kernel = kernel_new(&w->facts, 0, END);
	w->kvm = kvm_new(w->kernel, &w->facts);
	w->history = history_new(0, END, NULL);
	w->set = kernel_set_new(w->kernel, w->history, &w->facts);
	kvm_keep(w->kvm, w->set);
	w->kvm_set = kvm_set_new(w->kvm, w->set);
	w->models[0] = kernel_model(w->kernel);
	w->models[1] = kvm_model(w->kvm);
	w->models[2] = kvm_part_sites.model(w->kvm_set->parts[KVM_PART_SITES]);
	FEED(w, TRACE_STATEDUMP_PROCESS, VCPU, VM, 1);
	FEED(w, TRACE_SCHED_SWITCH, 0, 0, VCPU);
	FEED(w, TRACE_KVM_ENTRY, 0);
	return w;
}

static void finish(World *w)
{
	kernel_finish(w->kernel);
	kvm_finish(w->kvm);
	kvm_part_sites.finish(w->kvm_set->parts[KVM_PART_SITES]);
}

static void end(World *w)
{
	kvm_set_free(w->kvm_set);
	kernel_set_free(w->set);
	kvm_free(w->kvm);
	kernel_free(w->kernel);
	history_free(w->history);
	g_free(w);
}

static guint64 n_exits(World *w)
{
	guint table;

	g_assert_true(history_find_table(w->history, KVM_EXITS_TABLE, sizeof(KvmExitItem), &table));
	return history_table_len(w->history, table);
}

static const KvmExitItem *exit_at(World *w, guint64 i)
{
	guint table;

	g_assert_true(history_find_table(w->history, KVM_EXITS_TABLE, sizeof(KvmExitItem), &table));
	g_assert_cmpuint(history_table_len(w->history, table), >, i);
	return history_table_get(w->history, table, i);
}

static const KvmSiteItem *site_of(World *w, guint64 i)
{
	guint table;

	g_assert_true(history_find_table(w->history, KVM_EXIT_SITES_TABLE, sizeof(KvmSiteItem), &table));
	g_assert_cmpuint(history_table_len(w->history, table), >, exit_at(w, i)->site);
	return history_table_get(w->history, table, exit_at(w, i)->site);
}

/* ---- Cases ----------------------------------------------------------------------------------------------------------- */

typedef struct {
	const char *text;      /* what people are told */
	guint8 isa;
	guint64 code, info1, info2, intr;
	guint event;           /* the one that follows; NONE: none */
	guint64 v[3];
	KvmWhat kind;
	guint64 address;
	guint8 size;
} Case;

static const Case cases[] = {
	{"out 0x3f8 COM1, 1 byte", KVM_ISA_VMX, 30, 0x3f80000, 0, 0, NONE, {0}, KVM_WHAT_PORT_OUT, 0x3f8, 1},
	{"in 0xcfc PCI config: data, 4 bytes", KVM_ISA_VMX, 30, 0xcfc000b, 0, 0, NONE, {0}, KVM_WHAT_PORT_IN, 0xcfc, 4},
	{"in 0x71 RTC: data, 1 byte", KVM_ISA_SVM, 0x7b, 0x710011, 0, 0, NONE, {0}, KVM_WHAT_PORT_IN, 0x71, 1},
	{"out 0xcf8 PCI config: address, 4 bytes", KVM_ISA_SVM, 0x7b, 0xcf80040, 0, 0, NONE, {0}, KVM_WHAT_PORT_OUT, 0xcf8, 4},
	{"write MSR 0x6e0 TSC deadline", KVM_ISA_VMX, 32, 0, 0, 0, TRACE_KVM_MSR, {1, 0x6e0}, KVM_WHAT_MSR_WRITE, 0x6e0, 0},
	{"read MSR 0x832 x2APIC: LVT timer (LVTT)", KVM_ISA_SVM, 0x7c, 0, 0, 0, TRACE_KVM_MSR, {0, 0x832}, KVM_WHAT_MSR_READ, 0x832, 0},
	{"write MSR 0x830 x2APIC: ICR (send IPI)", KVM_ISA_SVM, 0x7c, 1, 0, 0, TRACE_KVM_MSR, {1, 0x830}, KVM_WHAT_MSR_WRITE, 0x830, 0},
	{"write MSR ?", KVM_ISA_SVM, 0x7c, 1, 0, 0, NONE, {0}, KVM_WHAT_MSR_WRITE, KVM_NO_ADDRESS, 0},
	{"write MSR ?", KVM_ISA_SVM, 0x7c, 1, 0, 0, TRACE_KVM_CPUID, {1}, KVM_WHAT_MSR_WRITE, KVM_NO_ADDRESS, 0},
	{"leaf 0x7 features", KVM_ISA_VMX, 10, 0, 0, 0, TRACE_KVM_CPUID, {7}, KVM_WHAT_CPUID, 7, 0},
	{"leaf 0x40000001 hypervisor", KVM_ISA_SVM, 0x72, 0, 0, 0, TRACE_KVM_CPUID, {0x40000001}, KVM_WHAT_CPUID, 0x40000001, 0},
	{"leaf ?", KVM_ISA_SVM, 0x72, 0, 0, 0, TRACE_KVM_CPUID, {0x5929c50}, KVM_WHAT_CPUID, KVM_NO_ADDRESS, 0}, /* half of a pointer */
	{"write 0xfee000b0 local APIC: EOI", KVM_ISA_VMX, 49, 0, 0, 0, TRACE_KVM_MMIO, {2, 0xfee000b0}, KVM_WHAT_MMIO_WRITE, 0xfee000b0, 0},
	{"read 0xfed000f0 HPET", KVM_ISA_SVM, 0x400, 0x100000004, 0xfed000f0, 0, TRACE_KVM_MMIO, {0, 0xfed000f0}, KVM_WHAT_MMIO_READ, 0xfed000f0, 0},
	{"write 0xfebf7000 PCI device", KVM_ISA_VMX, 49, 0, 0, 0, TRACE_KVM_FAST_MMIO, {0xfebf7000}, KVM_WHAT_MMIO_WRITE, 0xfebf7000, 0},
	{"memory", KVM_ISA_SVM, 0x400, 0x100000006, 0x1234000, 0, NONE, {0}, KVM_WHAT_MEMORY, KVM_NO_ADDRESS, 0},
	{"memory", KVM_ISA_VMX, 48, 0x182, 0, 0, NONE, {0}, KVM_WHAT_MEMORY, KVM_NO_ADDRESS, 0},
	{"write CR3", KVM_ISA_VMX, 28, 0x103, 0, 0, NONE, {0}, KVM_WHAT_CR_WRITE, 3, 0},
	{"read CR8", KVM_ISA_VMX, 28, 0x18, 0, 0, NONE, {0}, KVM_WHAT_CR_READ, 8, 0},
	{"write CR0", KVM_ISA_VMX, 28, 0x20, 0, 0, NONE, {0}, KVM_WHAT_CR_WRITE, 0, 0}, /* CLTS */
	{"read DR7", KVM_ISA_VMX, 29, 0x17, 0, 0, NONE, {0}, KVM_WHAT_DR_READ, 7, 0},
	{"", KVM_ISA_SVM, 0x14, 0, 0, 0, NONE, {0}, KVM_WHAT_NONE, KVM_NO_ADDRESS, 0},
	{"vector 0xec", KVM_ISA_VMX, 1, 0, 0, 0x800000ec, NONE, {0}, KVM_WHAT_VECTOR, 0xec, 0},
	{"", KVM_ISA_VMX, 1, 0, 0, 0xec, NONE, {0}, KVM_WHAT_NONE, KVM_NO_ADDRESS, 0},    /* not valid */
	{"", KVM_ISA_SVM, 0x60, 0, 0, 0x800000ec, NONE, {0}, KVM_WHAT_NONE, KVM_NO_ADDRESS, 0}, /* AMD's is another thing */
	{"exception 14 #PF page fault", KVM_ISA_VMX, 0, 0, 0, 0x80000b0e, NONE, {0}, KVM_WHAT_EXCEPTION, 14, 0},
	{"write APIC 0x300 ICR (send IPI)", KVM_ISA_VMX, 56, 0x300, 0, 0, NONE, {0}, KVM_WHAT_APIC_WRITE, 0x300, 0},
	{"read APIC 0x390 timer now (TMCCT)", KVM_ISA_VMX, 44, 0x0390, 0, 0, NONE, {0}, KVM_WHAT_APIC_READ, 0x390, 0},
	{"write APIC 0xb0 EOI", KVM_ISA_SVM, 0x402, 0x1000000b0, 0, 0, NONE, {0}, KVM_WHAT_APIC_WRITE, 0xb0, 0},
	{"end of vector 0x31", KVM_ISA_VMX, 45, 0x31, 0, 0, NONE, {0}, KVM_WHAT_EOI, 0x31, 0},
	{"hypercall 10 send IPI", KVM_ISA_VMX, 18, 0, 0, 0, TRACE_KVM_HYPERCALL, {10}, KVM_WHAT_HYPERCALL, 10, 0},
	{"", KVM_ISA_VMX, 12, 0, 0, 0, NONE, {0}, KVM_WHAT_NONE, KVM_NO_ADDRESS, 0},
};

static void test_cases(void)
{
	World *w = begin(TRUE);

	for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
		const Case *c = &cases[i];

		exit_event(w, c->isa, c->code, c->info1, c->info2, c->intr);
		if (c->event != NONE)
			feed(w, c->event, c->v, 3);
		FEED(w, TRACE_KVM_ENTRY, 0);
	}
	finish(w);
	g_assert_cmpuint(n_exits(w), ==, G_N_ELEMENTS(cases));
	for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
		const KvmSiteItem *site = site_of(w, i);
		g_autofree char *text = kvm_what_text(site);

		g_test_message("case %u: %s", i, cases[i].text);
		g_assert_cmpstr(text, ==, cases[i].text);
		g_assert_cmpuint(site->kind, ==, cases[i].kind);
		g_assert_cmphex(site->address, ==, cases[i].address);
		g_assert_cmpuint(site->size, ==, cases[i].size);
		g_assert_cmpuint(site->code, ==, cases[i].code);
		g_assert_cmpuint(site->vcpu, ==, 0);
		g_assert_cmpuint(site->level, ==, 1);
		g_assert_cmpint((gint64)exit_at(w, i)->ns, ==, cases[i].event == NONE ? 1 : 2);
		g_assert_false(exit_at(w, i)->torn);
	}
	end(w);
}

/* The guest's own instruction comes first; what a device's emulation does then isn't it. */
static void test_first_counts(void)
{
	World *w = begin(TRUE);

	exit_event(w, KVM_ISA_VMX, 49, 0, 0, 0);
	FEED(w, TRACE_KVM_MMIO, 0, 0xfebf7000);
	FEED(w, TRACE_KVM_USERSPACE_EXIT, 0);
	FEED(w, TRACE_KVM_MMIO, 1, 0xfebf7004);
	FEED(w, TRACE_KVM_ENTRY, 0);
	finish(w);
	g_assert_cmphex(site_of(w, 0)->address, ==, 0xfebf7000);
	g_assert_true(exit_at(w, 0)->to_user);
	end(w);
}

/* AMD's fast path tells of the MSR before its exit is recorded. It belongs to that exit alone. */
static void test_msr_before_exit(void)
{
	World *w = begin(TRUE);

	FEED(w, TRACE_KVM_MSR, 1, 0x6e0);
	exit_event(w, KVM_ISA_SVM, 0x7c, 1, 0, 0);
	FEED(w, TRACE_KVM_ENTRY, 0);
	exit_event(w, KVM_ISA_SVM, 0x7c, 1, 0, 0);
	FEED(w, TRACE_KVM_ENTRY, 0);
	FEED(w, TRACE_KVM_MSR, 1, 0x6e0);
	exit_event(w, KVM_ISA_SVM, 0x60, 0, 0, 0);
	FEED(w, TRACE_KVM_ENTRY, 0);
	exit_event(w, KVM_ISA_SVM, 0x7c, 1, 0, 0);
	FEED(w, TRACE_KVM_ENTRY, 0);
	finish(w);
	g_assert_cmphex(site_of(w, 0)->address, ==, 0x6e0);
	g_assert_cmphex(site_of(w, 1)->address, ==, KVM_NO_ADDRESS);
	g_assert_cmpuint(site_of(w, 2)->kind, ==, KVM_WHAT_NONE);
	g_assert_cmphex(site_of(w, 3)->address, ==, KVM_NO_ADDRESS);
	end(w);
}

/* Where kvm_mmio was not recorded, AMD's own address tells of devices. */
static void test_without_mmio(void)
{
	World *w = begin(FALSE);

	exit_event(w, KVM_ISA_SVM, 0x400, 0x10000000e, 0xfebf7000, 0);
	FEED(w, TRACE_KVM_ENTRY, 0);
	exit_event(w, KVM_ISA_SVM, 0x400, 0x100000004, 0xfee00020, 0);
	FEED(w, TRACE_KVM_ENTRY, 0);
	exit_event(w, KVM_ISA_SVM, 0x400, 0x100000006, 0x1234000, 0);
	FEED(w, TRACE_KVM_ENTRY, 0);
	finish(w);
	g_assert_cmphex(site_of(w, 0)->address, ==, 0xfebf7000);
	g_assert_cmpuint(site_of(w, 0)->kind, ==, KVM_WHAT_MMIO_WRITE);
	g_assert_cmphex(site_of(w, 1)->address, ==, 0xfee00020);
	g_assert_cmpuint(site_of(w, 1)->kind, ==, KVM_WHAT_MMIO_READ);
	g_assert_cmpuint(site_of(w, 2)->kind, ==, KVM_WHAT_MEMORY);
	end(w);
}

/* However many addresses a guest touches, sites stay few and no exit is missing. */
static void test_limit(void)
{
	const guint n = KVM_EXIT_SITES_MAX + 1000;
	World *w = begin(TRUE);
	guint64 others = 0;
	guint table;

	for (guint i = 0; i < n; i++) {
		exit_event(w, KVM_ISA_VMX, 32, 0, 0, 0);
		FEED(w, TRACE_KVM_MSR, 1, 0x10000 + i);
		FEED(w, TRACE_KVM_ENTRY, 0);
	}
	finish(w);
	g_assert_cmpuint(n_exits(w), ==, n);
	g_assert_true(history_find_table(w->history, KVM_EXIT_SITES_TABLE, sizeof(KvmSiteItem), &table));
	g_assert_cmpuint(history_table_len(w->history, table), ==, KVM_EXIT_SITES_MAX + 1);
	for (guint i = 0; i < n; i++) {
		const KvmSiteItem *site = site_of(w, i);

		others += site->kind == KVM_WHAT_OTHER;
		g_assert_true(site->kind == KVM_WHAT_OTHER || site->address == 0x10000 + i);
	}
	g_assert_cmpuint(others, ==, 1000);
	end(w);
}

/* An exit of which the entry was not seen has no duration. */
static void test_torn(void)
{
	World *w = begin(TRUE);

	exit_event(w, KVM_ISA_VMX, 12, 0, 0, 0);
	finish(w);
	g_assert_cmpuint(n_exits(w), ==, 1);
	g_assert_true(exit_at(w, 0)->torn);
	g_assert_cmpint(kvm_mode(exit_at(w, 0)->rip), ==, KVM_MODE_KERNEL);
	g_assert_cmpint(kvm_mode(0x7f0000001000), ==, KVM_MODE_USER);
	g_assert_cmpint(kvm_mode(0), ==, KVM_MODE_UNKNOWN);
	end(w);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/sites/cases", test_cases);
	g_test_add_func("/sites/first-counts", test_first_counts);
	g_test_add_func("/sites/msr-before-exit", test_msr_before_exit);
	g_test_add_func("/sites/without-mmio", test_without_mmio);
	g_test_add_func("/sites/limit", test_limit);
	g_test_add_func("/sites/torn", test_torn);
	return g_test_run();
}
