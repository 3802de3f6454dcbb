/* SPDX-License-Identifier: MIT */
/*
 * vCPU states, levels and nested VMs, case by case: events are given to the models one by one, and what came of them is compared with what the case was made of.
 * One VM: process 10, its vCPU thread 11 on CPU 0; thread 12 is somebody else's. Times count from 0.
 */
#include "kvm/kvm.h"
#include "kvm/rows.h"
#include "feed.h"

enum { END = 100000, VM = 10, VCPU = 11, OTHER = 12 };
enum { HLT = 0x78, INTR = 0x60, MSR = 0x7c, CPUID = 0x72, VMRUN = 0x80, VMLOAD = 0x82, VMSAVE = 0x83, NPF = 0x400 };
enum { RUNNABLE = 0, BLOCKED = 1 };

#define KERNEL_CODE 0xffffffff81000000ull

typedef struct {
	Kernel *kernel;
	Kvm *kvm;
	History *history;
	KernelSet *set;
	TraceModel models[2];
	gint64 now;
	char name[16];
} World;

static void feed_values(World *w, TraceEventId id, gint32 cpu, const guint64 *v, guint n)
{
	guint64 values[TRACE_FIELDS_MAX] = {0}, ctx[TRACE_CTX_COUNT] = {0};
	TraceEvent ev = {.time = w->now, .cpu = cpu, .id = (guint16)id, .present = (guint16)((1u << n) - 1), .v = values, .ctx = ctx,
			 .base = (const guint8 *)w->name, .syscall = TRACE_SYS_IOCTL};

	for (guint i = 0; i < n; i++)
		values[i] = v[i];
	feed_models(w->models, G_N_ELEMENTS(w->models), &ev);
}

/* An event at a time. */
#define FEED(w, at, id, cpu, ...)                                                                                              \
	do {                                                                                                                   \
		const guint64 values_[] = {__VA_ARGS__};                                                                       \
		(w)->now = (at);                                                                                               \
		feed_values(w, TRACE_##id, cpu, values_, G_N_ELEMENTS(values_));                                               \
	} while (0)

#define SWITCH(w, at, cpu, prev, state, next) FEED(w, at, SCHED_SWITCH, cpu, prev, state, next)
#define WAKING(w, at, tid)                    FEED(w, at, SCHED_WAKING, 1, tid, 0)
#define ENTRY(w, at)                          FEED(w, at, KVM_ENTRY, 0, 0xdead)
#define EXIT(w, at, reason)                   FEED(w, at, KVM_EXIT, 0, reason, 0x1000, KVM_ISA_SVM, 0)
#define EXIT_AT(w, at, reason, rip)           FEED(w, at, KVM_EXIT, 0, reason, rip, KVM_ISA_SVM, 0)
#define CONFIRM(w, at)                        FEED(w, at, KVM_NESTED_VMEXIT, 0, 0)
#define INJECT(w, at)                         FEED(w, at, KVM_NESTED_VMEXIT_INJECT, 0, 0)

/* A world in which the VM's threads are known and its vCPU has the processor since time 0. */
static World *begin(void)
{
	World *w = g_new0(World, 1);
	TraceFacts facts = {.is_kernel = TRUE};

	for (guint i = 0; i < TRACE_EVENT_COUNT; i++)
		facts.declared[i] = TRUE;
	for (guint i = 0; i < TRACE_SYSCALL_COUNT; i++)
		facts.declared_syscalls[i] = TRUE;
	w->kernel = kernel_new(&facts, 0, END);
	w->kvm = kvm_new(w->kernel, &facts);
	w->history = history_new(0, END, NULL);
	w->set = kernel_set_new(w->kernel, w->history, &facts);
	kvm_keep(w->kvm, w->set);
	w->models[0] = kernel_model(w->kernel);
	w->models[1] = kvm_model(w->kvm);
	FEED(w, 0, STATEDUMP_PROCESS, 1, VM, VM, 1);
	FEED(w, 0, STATEDUMP_PROCESS, 1, VCPU, VM, 1);
	FEED(w, 0, STATEDUMP_PROCESS, 1, OTHER, OTHER, 1);
	SWITCH(w, 0, 0, 0, RUNNABLE, VCPU);
	return w;
}

/* The vCPU's row says the same as its sums, and rows of nested VMs the same as theirs. */
static void check_rows(World *w, const KvmVcpu *v)
{
	History *h = w->history;
	gint64 ns[HISTORY_STATES_MAX];
	guint table;

	g_assert_true(history_find_table(h, KVM_VCPUS_TABLE, sizeof(KvmVcpuItem), &table));
	g_assert_cmpuint(history_table_len(h, table), ==, 1);
	const KvmVcpuItem *item = history_table_get(h, table, 0);
	g_assert_cmpstr(history_row_path(h, item->row), ==, "vm/10/vcpu/0");
	history_sums(h, item->row, 0, END, ns);
	for (guint i = 0; i < KVM_STATE_COUNT; i++)
		g_assert_cmpint(ns[i], ==, v->ns[i]);
	g_assert_true(history_find_table(h, KVM_L2_VCPUS_TABLE, sizeof(KvmL2VcpuItem), &table));
	gint64 nested = 0, wanted = 0;
	for (guint i = 0; i < history_table_len(h, table); i++) {
		const KvmL2VcpuItem *l2 = history_table_get(h, table, i);

		g_assert_cmpuint(l2->vcpu, ==, 0);
		history_sums(h, l2->row, 0, END, ns);
		nested += ns[KVM_L2_STATE_GUEST];
	}
	for (guint i = 0; i < v->nested->len; i++) {
		const KvmNested *n = g_ptr_array_index(v->nested, i);

		wanted += n->l2 ? n->guest_ns : 0;
	}
	g_assert_cmpint(nested, ==, wanted);
}

/* The VM's only vCPU, its states being checked to add up. */
static KvmVcpu *finish(World *w)
{
	gint64 sum = 0;

	kernel_finish(w->kernel);
	kvm_finish(w->kvm);
	g_assert_cmpuint(w->kvm->vms->len, ==, 1);
	KvmVm *vm = g_ptr_array_index(w->kvm->vms, 0);
	g_assert_cmpint(vm->pid, ==, VM);
	g_assert_cmpuint(vm->vcpus->len, ==, 1);
	KvmVcpu *v = g_ptr_array_index(vm->vcpus, 0);
	for (guint i = 0; i < KVM_STATE_COUNT; i++)
		sum += v->ns[i];
	g_assert_cmpint(sum, ==, END);
	check_rows(w, v);
	return v;
}

static void end(World *w)
{
	kernel_set_free(w->set);
	kvm_free(w->kvm);
	kernel_free(w->kernel);
	history_free(w->history);
	g_free(w);
}

static const KvmExit *find_exit(const GPtrArray *exits, guint64 code)
{
	for (guint i = 0; i < exits->len; i++) {
		const KvmExit *e = g_ptr_array_index(exits, i);

		if (e->code == code)
			return e;
	}
	g_assert_not_reached();
}

#define STATE(v, state, time) g_assert_cmpint((v)->ns[KVM_STATE_##state], ==, time)

/* ---- One level ------------------------------------------------------------------------------------------------ */

static void test_halt(void)
{
	World *w = begin();

	ENTRY(w, 100);
	EXIT(w, 1100, HLT);
	SWITCH(w, 1150, 0, VCPU, BLOCKED, 0);
	WAKING(w, 3150, VCPU);
	SWITCH(w, 3200, 0, 0, RUNNABLE, VCPU);
	ENTRY(w, 3230);
	EXIT(w, 4230, CPUID);
	ENTRY(w, 4330);
	EXIT(w, END, CPUID);
	const KvmVcpu *v = finish(w);
	STATE(v, UNKNOWN, 100);
	STATE(v, GUEST_L1, 1000 + 1000 + END - 4330);
	STATE(v, HALT_POLL, 50);
	STATE(v, HALTED, 2000);
	STATE(v, WAIT_CPU, 50);
	STATE(v, EXIT, 30 + 100);
	const KvmExit *hlt = find_exit(v->exits, HLT);
	g_assert_cmpuint(hlt->count, ==, 1);
	g_assert_cmpint(hlt->hist.total, ==, 3230 - 1100);
	g_assert_cmpint(kvm_exit_blocked(hlt), ==, 2000);
	g_assert_cmpint(v->id, ==, 0);
	g_assert_cmpint(v->id_source, ==, KVM_ID_EXIT);
	end(w);
}

/* On AMD kvm_exit is recorded only after the thread may have been preempted. */
static void test_preempted_before_exit(void)
{
	World *w = begin();

	ENTRY(w, 1000);
	SWITCH(w, 2000, 0, VCPU, 0x100, OTHER);
	SWITCH(w, 5000, 0, OTHER, BLOCKED, VCPU);
	EXIT(w, 5100, INTR);
	ENTRY(w, 5200);
	const KvmVcpu *v = finish(w);
	STATE(v, GUEST_L1, 1000 + END - 5200);
	STATE(v, PREEMPTED, 3000);
	STATE(v, EXIT, 200);
	g_assert_cmpint(find_exit(v->exits, INTR)->hist.total, ==, 3200);
	g_assert_cmpuint(v->preemptors->len, ==, 1);
	const KvmPreemptor *p = g_ptr_array_index(v->preemptors, 0);
	g_assert_cmpint(p->thread->tid, ==, OTHER);
	g_assert_cmpuint(p->count, ==, 1);
	g_assert_cmpint(p->preempted_ns, ==, 3000);
	end(w);
}

/* A processor that is given to nothing though the vCPU could run: a CPU limit. One that was idle when the vCPU moved there is not. */
static void test_throttled(void)
{
	World *w = begin();

	ENTRY(w, 1000);
	EXIT(w, 2000, INTR);
	SWITCH(w, 2000, 0, VCPU, 0x100, 0);
	FEED(w, 4000, SCHED_MIGRATE, 0, VCPU, 1);
	SWITCH(w, 5000, 1, 0, RUNNABLE, VCPU);
	const KvmVcpu *v = finish(w);
	STATE(v, THROTTLED, 2000);
	STATE(v, PREEMPTED, 1000);
	end(w);
}

/* The same of one that was woken: in the queue it is throttled if its processor goes idle. On the way there that says nothing. */
static void test_throttled_after_wakeup(void)
{
	World *w = begin();

	ENTRY(w, 1000);
	EXIT(w, 2000, HLT);
	SWITCH(w, 3000, 0, VCPU, BLOCKED, OTHER);
	WAKING(w, 4000, VCPU);
	SWITCH(w, 4100, 0, OTHER, BLOCKED, 0); /* not in the queue yet */
	FEED(w, 4200, SCHED_WAKEUP, 0, VCPU, 0);
	SWITCH(w, 5000, 0, 0, RUNNABLE, OTHER);
	SWITCH(w, 6000, 0, OTHER, BLOCKED, 0);
	SWITCH(w, 9000, 0, 0, RUNNABLE, VCPU);
	const KvmVcpu *v = finish(w);
	STATE(v, WAIT_CPU, 2000);
	STATE(v, THROTTLED, 3000);
	end(w);
}

static void test_user(void)
{
	World *w = begin();

	ENTRY(w, 1000);
	EXIT(w, 2000, NPF);
	FEED(w, 2100, KVM_USERSPACE_EXIT, 0, 6);
	FEED(w, 2150, SYSCALL_EXIT, 0, 0);
	SWITCH(w, 2300, 0, VCPU, BLOCKED, OTHER);
	WAKING(w, 3300, VCPU);
	SWITCH(w, 3400, 0, OTHER, RUNNABLE, VCPU);
	FEED(w, 3500, SYSCALL_ENTRY, 0, 12, 0xae80);
	ENTRY(w, 3550);
	const KvmVcpu *v = finish(w);
	STATE(v, EXIT, 100 + 50);
	STATE(v, EMULATION, 200 + 100);
	STATE(v, BLOCKED, 1000);
	STATE(v, WAIT_CPU, 100);
	g_assert_cmpint(v->blocked_user_ns, ==, 1000);
	g_assert_cmpuint(find_exit(v->exits, NPF)->to_user, ==, 1);
	end(w);
}

/* No entry between two exits: the first was handled on the fast path. */
static void test_fast_path(void)
{
	World *w = begin();

	ENTRY(w, 1000);
	EXIT(w, 2000, MSR);
	EXIT(w, 3000, MSR);
	ENTRY(w, 3100);
	EXIT(w, 4000, MSR);
	const KvmVcpu *v = finish(w);
	STATE(v, GUEST_L1, 1000 + 1000 + 900);
	STATE(v, EXIT, 100 + END - 4000);
	g_assert_cmpuint(v->reentries, ==, 1);
	g_assert_cmpuint(find_exit(v->exits, MSR)->count, ==, 3);
	g_assert_cmpuint(find_exit(v->exits, MSR)->hist.count, ==, 1);
	end(w);
}

static void lose(World *w, gint64 at, gint32 cpu, TraceLossEdge edge)
{
	for (guint m = 0; m < 2; m++)
		w->models[m].loss(w->models[m].self, cpu, at, edge);
}

/* What was lost here may have been of a vCPU that is here, and of none that runs elsewhere. */
static void test_loss(void)
{
	World *w = begin();

	ENTRY(w, 1000);
	lose(w, 2000, 1, TRACE_LOSS_BEGIN);
	lose(w, 3000, 1, TRACE_LOSS_END);
	EXIT(w, 4000, MSR);
	lose(w, 5000, 0, TRACE_LOSS_BEGIN);
	lose(w, 6000, 0, TRACE_LOSS_END);
	SWITCH(w, 7000, 0, VCPU, BLOCKED, 0);
	SWITCH(w, 8000, 0, 0, RUNNABLE, VCPU);
	ENTRY(w, 9000);
	const KvmVcpu *v = finish(w);
	STATE(v, GUEST_L1, 3000 + END - 9000);
	STATE(v, EXIT, 1000);
	STATE(v, UNKNOWN, 1000 + 4000);
	end(w);
}

/* ---- Two levels ------------------------------------------------------------------------------------------------- */

/* From one exit of level 2 to its next entry: 6 exits, 600 ns; `more` exits on top where level 1 does something else as well. */
static gint64 reflect(World *w, gint64 at, guint reason, guint64 rip, guint more)
{
	EXIT_AT(w, at, reason, rip);
	CONFIRM(w, at + 5);
	INJECT(w, at + 10);
	for (guint i = 0; i < 4 + more; i++) {
		ENTRY(w, at + 50);
		EXIT(w, at + 100, VMSAVE);
		at += 100;
	}
	ENTRY(w, at + 50);
	EXIT(w, at + 100, VMRUN);
	ENTRY(w, at + 150);
	return at + 150;
}

static gint64 enter_level2(World *w)
{
	ENTRY(w, 1000);
	EXIT(w, 1100, VMRUN);
	ENTRY(w, 1200);
	return 1200;
}

static const KvmNested *only_nested(const KvmVcpu *v)
{
	g_assert_cmpuint(v->nested->len, ==, 1);
	return g_ptr_array_index(v->nested, 0);
}

static void test_reflected_and_not(void)
{
	World *w = begin();
	gint64 at = enter_level2(w);

	EXIT(w, at + 1000, NPF); /* handled by level 0 */
	CONFIRM(w, at + 1005);
	ENTRY(w, at + 1100);
	at = reflect(w, at + 2100, CPUID, 0x1000, 0);
	EXIT(w, at + 500, HLT);
	CONFIRM(w, at + 505);
	const KvmVcpu *v = finish(w);
	STATE(v, GUEST_L2, 1000 + 1000 + 500);
	const KvmNested *n = only_nested(v);
	g_assert_cmpint(n->guest_ns, ==, 2500);
	g_assert_cmpuint(n->runs, ==, 2);
	g_assert_cmpuint(find_exit(n->exits, NPF)->reflected, ==, 0);
	const KvmExit *cpuid = find_exit(n->exits, CPUID);
	g_assert_cmpuint(cpuid->reflected, ==, 1);
	g_assert_cmpuint(cpuid->full_exits, ==, 6);
	g_assert_cmpint(cpuid->full.total, ==, 550);
	g_assert_cmpint(cpuid->hist.total, ==, 50);
	end(w);
}

/* Level 1 asks for level 2 and is refused: its guest does not run. */
static void test_refused(void)
{
	World *w = begin();

	enter_level2(w);
	CONFIRM(w, 1300); /* only so that levels are known to be told */
	EXIT(w, 1400, CPUID);
	CONFIRM(w, 1405);
	INJECT(w, 1410);
	ENTRY(w, 1500);
	EXIT(w, 2500, VMRUN);
	INJECT(w, 2550);
	ENTRY(w, 2600);
	EXIT(w, 3600, CPUID);
	const KvmVcpu *v = finish(w);
	STATE(v, GUEST_L2, 200);
	STATE(v, GUEST_L1, 100 + 1000 + 1000);
	end(w);
}

/* The trace begins within level 2, which nothing says before the first exit. */
static void test_begins_in_level2(void)
{
	World *w = begin();

	ENTRY(w, 1000);
	EXIT(w, 3000, NPF);
	CONFIRM(w, 3005);
	ENTRY(w, 3100);
	EXIT(w, 4100, CPUID);
	const KvmVcpu *v = finish(w);
	STATE(v, GUEST_L2, 2000);
	STATE(v, GUEST_L1, 1000); /* no kvm_nested_vmexit after it, where the trace has such: it was level 1 after all */
	end(w);
}

static KvmVm *the_vm(const World *w)
{
	return g_ptr_array_index(w->kvm->vms, 0);
}

/* Two kernels, 4 MiB apart; runs that don't tell whose they are stand between. */
static void test_two_kernels(void)
{
	const guint64 one = KERNEL_CODE + 0x123456, two = one + 0x400000, user = 0x5555000;
	World *w = begin();
	gint64 at = enter_level2(w);

	for (guint i = 0; i < 3; i++) {
		at = reflect(w, at + 100, MSR, one, 0);
		at = reflect(w, at + 100, HLT, one + 0x777, 0);
		at = reflect(w, at + 1000, INTR, user, 5);
		at = reflect(w, at + 10, INTR, user, 0);
		at = reflect(w, at + 10, MSR, two, 0);
		at = reflect(w, at + 10, HLT, two + 0x777, 3);
	}
	finish(w);
	KvmVm *vm = the_vm(w);
	g_assert_cmpuint(vm->l2s->len, ==, 2);
	const KvmL2 *a = g_ptr_array_index(vm->l2s, 0), *b = g_ptr_array_index(vm->l2s, 1);
	g_assert_cmpint(a->evidence, ==, KVM_L2_KERNEL);
	g_assert_cmpint(a->guest_ns, >=, 3 * 1200);
	g_assert_cmpint(a->guest_ns, <=, 3 * 1200 + 1000);
	g_assert_cmpint(b->guest_ns, >=, 3 * 30);
	end(w);
}

/* As reflect(), with `saves` VMSAVE among `exits` exits of level 1. */
static gint64 reflect_saving(World *w, gint64 at, guint reason, guint64 rip, guint saves, guint exits)
{
	EXIT_AT(w, at, reason, rip);
	CONFIRM(w, at + 5);
	INJECT(w, at + 10);
	for (guint i = 0; i < exits; i++) {
		ENTRY(w, at + 50);
		EXIT(w, at + 100, i < saves ? VMSAVE : VMLOAD);
		at += 100;
	}
	ENTRY(w, at + 50);
	EXIT(w, at + 100, VMRUN);
	ENTRY(w, at + 150);
	return at + 150;
}

/*
 * Where level 1 saves its own registers as well as the guest's it has changed vCPUs, however often it exits besides. What such changes do otherwise is learned: here it was always another VM, so
 * a run that doesn't tell between two of one VM is the other's.
 */
static void test_saves_tell_changes(void)
{
	const guint64 one = KERNEL_CODE + 0x123456, two = one + 0x400000, user = 0x5555000;
	World *w = begin();
	gint64 at = enter_level2(w);

	for (guint i = 0; i < 20; i++) {
		at = reflect_saving(w, at + 10, MSR, one, 1, 3);
		at = reflect_saving(w, at + 10, HLT, one + 0x777, 2, 4);
		at = reflect_saving(w, at + 10, MSR, two, 1, 3);
		at = reflect_saving(w, at + 10, HLT, two + 0x777, 2, 4);
	}
	at = reflect_saving(w, at + 10, MSR, one, 1, 9);
	at = reflect_saving(w, at + 500, INTR, user, 2, 4);          /* the same, for all its exits */
	at = reflect_saving(w, at + 3000, INTR, user + 0x100000, 2, 4); /* the other one */
	reflect_saving(w, at + 10, MSR, one, 1, 3);
	finish(w);
	KvmVm *vm = the_vm(w);
	g_assert_cmpuint(vm->l2s->len, ==, 2);
	const KvmL2 *a = g_ptr_array_index(vm->l2s, 0), *b = g_ptr_array_index(vm->l2s, 1);
	g_assert_cmpint(a->guest_ns, ==, 20 * 20 + 10 + 500 + 10 + (END - w->now));
	g_assert_cmpint(b->guest_ns, ==, 20 * 20 + 3000);
	end(w);
}

/* One pair of addresses that are alike may be chance. */
static void test_one_pair_is_chance(void)
{
	World *w = begin();
	gint64 at = enter_level2(w);

	at = reflect(w, at + 100, MSR, KERNEL_CODE + 0x123456, 0);
	at = reflect(w, at + 100, MSR, KERNEL_CODE + 0x523456, 0);
	reflect(w, at + 100, CPUID, KERNEL_CODE + 0x1234, 0);
	finish(w);
	g_assert_cmpuint(the_vm(w)->l2s->len, ==, 1);
	end(w);
}

/* Control blocks tell vCPUs of nested VMs apart, and the code that runs under them which are of one VM. */
static void test_control_blocks(void)
{
	const guint64 code[] = {KERNEL_CODE, KERNEL_CODE, KERNEL_CODE + 0x12345};
	World *w = begin();

	ENTRY(w, 1000);
	gint64 at = 1000;
	for (guint i = 0; i < 9; i++) {
		EXIT(w, at + 10, VMRUN);
		FEED(w, at + 20, KVM_NESTED_VMRUN, 0, 0x1000 * (1 + i % 3));
		ENTRY(w, at + 30);
		EXIT_AT(w, at + 130 + 10 * (i % 3), MSR, code[i % 3]);
		CONFIRM(w, at + 155);
		INJECT(w, at + 160);
		ENTRY(w, at + 170);
		at += 200;
	}
	finish(w);
	KvmVm *vm = the_vm(w);
	g_assert_cmpuint(vm->l2s->len, ==, 2);
	const KvmL2 *a = g_ptr_array_index(vm->l2s, 0), *b = g_ptr_array_index(vm->l2s, 1);
	g_assert_cmpint(a->evidence, ==, KVM_L2_VMCB);
	g_assert_cmpuint(a->vcpus, ==, 2);
	g_assert_cmpuint(b->vcpus, ==, 1);
	g_assert_cmpint(a->guest_ns, ==, 3 * (100 + 110));
	g_assert_cmpint(b->guest_ns, ==, 3 * 120);
	end(w);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/kvm/halt", test_halt);
	g_test_add_func("/kvm/preempted-before-exit", test_preempted_before_exit);
	g_test_add_func("/kvm/throttled", test_throttled);
	g_test_add_func("/kvm/throttled-after-wakeup", test_throttled_after_wakeup);
	g_test_add_func("/kvm/user", test_user);
	g_test_add_func("/kvm/fast-path", test_fast_path);
	g_test_add_func("/kvm/loss", test_loss);
	g_test_add_func("/kvm/nested/reflected-and-not", test_reflected_and_not);
	g_test_add_func("/kvm/nested/refused", test_refused);
	g_test_add_func("/kvm/nested/begins-in-level2", test_begins_in_level2);
	g_test_add_func("/kvm/nested/two-kernels", test_two_kernels);
	g_test_add_func("/kvm/nested/saves-tell-changes", test_saves_tell_changes);
	g_test_add_func("/kvm/nested/one-pair-is-chance", test_one_pair_is_chance);
	g_test_add_func("/kvm/nested/control-blocks", test_control_blocks);
	return g_test_run();
}
