/* SPDX-License-Identifier: MIT */
/*
 * Why vCPUs slept, case by case: events are given to the models one by one. One VM: process 10, which has a main loop (thread 10) and two vCPUs (threads 11 and 12, on processors 0 and 1, local APICs 0
 * and 1); its vhost worker is thread 20. Thread 30 is somebody else's. Others run on processor 2. Numbers of vectors are what no kernel would choose.
 */
#include "kvm/rows.h"
#include "kvm/set.h"
#include "kvm/waits.h"
#include "feed.h"

#include <string.h>

enum { END = 100000, MAIN = 10, VCPU0 = 11, VCPU1 = 12, VHOST = 20, OTHER = 30 };
enum { HLT = 0x78, MSR = 0x7c, ASLEEP = 1 };
enum { TIMER_VECTOR = 77, DISK_VECTOR = 99, NET_VECTOR = 111, CALL_VECTOR = 123 };
enum { MSR_DEADLINE = 0x6e0, MSR_LVT_TIMER = 0x832, MSR_ICR = 0x830 };

/* Addresses of MSIs for the local APICs 0 and 1. */
#define MSI   0xfee00000u
#define MSI_1 0xfee01000u

typedef struct {
	Kernel *kernel;
	Kvm *kvm;
	History *history;
	KernelSet *set;
	KvmSet *kvm_set;
	TraceFacts facts;
	TraceModel models[2 + KERNEL_PART_COUNT + KVM_PART_COUNT];
	gint64 now;
	gint16 syscall;
	const char *name;
} World;

/* What this trace doesn't declare, it doesn't have. */
static void feed_values(World *w, TraceEventId id, gint32 cpu, const guint64 *v, guint n)
{
	guint64 values[TRACE_FIELDS_MAX] = {0}, ctx[TRACE_CTX_COUNT] = {0};
	TraceEvent ev = {.time = w->now, .cpu = cpu, .id = (guint16)id, .present = (guint16)((1u << n) - 1), .v = values, .ctx = ctx,
			 .base = (const guint8 *)w->name, .syscall = w->syscall};

	if (!w->facts.declared[id])
		return;
	memcpy(values, v, n * sizeof(*v));
	feed_models(w->models, G_N_ELEMENTS(w->models), &ev);
}

/* An event at a time. */
#define FEED(w, at, id, cpu, ...)                                                \
	do {                                                                     \
		const guint64 values_[] = {__VA_ARGS__};                         \
		(w)->now = (at);                                                 \
		feed_values(w, TRACE_##id, cpu, values_, G_N_ELEMENTS(values_)); \
	} while (0)

#define SWITCH(w, at, cpu, prev, state, next) FEED(w, at, SCHED_SWITCH, cpu, prev, (guint64)(state), next)
#define WAKING(w, at, cpu, tid)               FEED(w, at, SCHED_WAKING, cpu, tid, 0)
#define WAKEUP(w, at, cpu, tid)               FEED(w, at, SCHED_WAKEUP, cpu, tid, 0)
#define ACCEPT(w, at, cpu, apic, vector)      FEED(w, at, KVM_ACCEPT_IRQ, cpu, apic, vector)
#define INJECT(w, at, cpu, vector)            FEED(w, at, KVM_INJ_VIRQ, cpu, vector)
#define SEND_MSI(w, at, cpu, to, vector)      FEED(w, at, KVM_MSI_SET_IRQ, cpu, to, vector)
#define WRITE_MSR(w, at, cpu, reg, value)     FEED(w, at, KVM_MSR, cpu, 1, reg, value)

static void name_thread(World *w, const char *name, guint64 tid, guint64 pid)
{
	w->name = name;
	FEED(w, 0, STATEDUMP_PROCESS, 2, tid, pid, 1, CTF_TEXT(0, strlen(name)), tid == VHOST);
	w->name = "";
}

static void run(World *w, gint64 at, guint vcpu)
{
	FEED(w, at, KVM_ENTRY, (gint32)vcpu, vcpu);
}

/* A world in which the VM's threads are known and both vCPUs run; events of `without` were not recorded. */
static World *begin(const TraceEventId *without, gsize n)
{
	World *w = g_new0(World, 1);

	w->name = "";
	w->facts.is_kernel = TRUE;
	for (guint i = 0; i < TRACE_EVENT_COUNT; i++)
		w->facts.declared[i] = TRUE;
	for (gsize i = 0; i < n; i++)
		w->facts.declared[without[i]] = FALSE;
	for (guint i = 0; i < TRACE_SYSCALL_COUNT; i++)
		w->facts.declared_syscalls[i] = TRUE;
	w->kernel = kernel_new(&w->facts, 0, END);
	w->kvm = kvm_new(w->kernel, &w->facts);
	w->history = history_new(0, END, NULL);
	w->set = kernel_set_new(w->kernel, w->history, &w->facts);
	kvm_keep(w->kvm, w->set);
	w->kvm_set = kvm_set_new(w->kvm, w->set);
	w->models[0] = kernel_model(w->kernel);
	w->models[1] = kvm_model(w->kvm);
	kernel_set_models(w->set, w->models + 2);
	kvm_set_models(w->kvm_set, w->models + 2 + KERNEL_PART_COUNT);
	name_thread(w, "qemu", MAIN, MAIN);
	name_thread(w, "CPU 0/KVM", VCPU0, MAIN);
	name_thread(w, "CPU 1/KVM", VCPU1, MAIN);
	name_thread(w, "vhost-10", VHOST, VHOST);
	name_thread(w, "make", OTHER, OTHER);
	SWITCH(w, 0, 0, 0, 0, VCPU0);
	SWITCH(w, 0, 1, 0, 0, VCPU1);
	SWITCH(w, 0, 2, 0, 0, OTHER);
	run(w, 1, 0);
	run(w, 1, 1);
	return w;
}

static World *begin_with_all(void)
{
	return begin(NULL, 0);
}

/* Its guest halts a vCPU, which falls asleep 10 later. */
static void exit_for(World *w, gint64 at, guint vcpu, guint64 reason)
{
	FEED(w, at, KVM_EXIT, (gint32)vcpu, reason, 0x1000, KVM_ISA_SVM, vcpu);
}

static void sleep_at(World *w, gint64 at, guint vcpu)
{
	SWITCH(w, at, (gint32)vcpu, VCPU0 + vcpu, ASLEEP, 0);
}

static void halt(World *w, gint64 at, guint vcpu)
{
	exit_for(w, at, vcpu, HLT);
	sleep_at(w, at + 10, vcpu);
}

/* It gets its processor, takes a vector of its own (0: none), and enters its guest. */
static void resume(World *w, gint64 at, guint vcpu, guint vector)
{
	SWITCH(w, at, (gint32)vcpu, 0, 0, VCPU0 + vcpu);
	if (vector)
		INJECT(w, at + 1, (gint32)vcpu, vector);
	run(w, at + 2, vcpu);
}

/* Processor 2 is given to a thread. */
static void turn_to(World *w, gint64 at, guint64 from, guint64 to)
{
	SWITCH(w, at, 2, from, 0, to);
}

static void timer_begin(World *w, gint64 at, gint32 cpu)
{
	FEED(w, at, VECTOR_LOCAL_TIMER_ENTRY, cpu, 236);
	FEED(w, at, HRTIMER_EXPIRE_ENTRY, cpu, 0x5000, 0x6000, (guint64)at);
}

static void timer_end(World *w, gint64 at, gint32 cpu)
{
	FEED(w, at, HRTIMER_EXPIRE_EXIT, cpu, 0x5000);
	FEED(w, at, VECTOR_LOCAL_TIMER_EXIT, cpu, 236);
}

/* The main loop submits a request to a disk. */
static void submit(World *w, gint64 at)
{
	w->syscall = TRACE_SYS_IO_SUBMIT;
	FEED(w, at, SYSCALL_ENTRY, 2, 1, 1);
	FEED(w, at + 1, SYSCALL_EXIT, 2, 1);
	w->syscall = 0;
}

static guint table_of(const World *w)
{
	guint table;

	g_assert_true(history_find_table(w->history, KVM_WAITS_TABLE, sizeof(KvmWaitItem), &table));
	return table;
}

static void finish(World *w)
{
	kernel_finish(w->kernel);
	kvm_finish(w->kvm);
	kernel_set_finish(w->set);
	kvm_set_finish(w->kvm_set);
}

static const KvmWaitItem *wait_at(const World *w, guint64 i)
{
	g_assert_cmpuint(i, <, history_table_len(w->history, table_of(w)));
	return history_table_get(w->history, table_of(w), i);
}

/* The wait number `i` was for this, from this evidence (other than that it had to be learned). */
static void expect(const World *w, guint64 i, KvmWaitReason reason, guint evidence)
{
	const KvmWaitItem *item = wait_at(w, i);

	g_assert_cmpstr(kvm_wait_name((KvmWaitReason)item->reason), ==, kvm_wait_name(reason));
	g_assert_cmphex(item->evidence & ~(guint)KVM_WAIT_LEARNED, ==, evidence);
	g_assert_true((reason == KVM_WAIT_UNKNOWN) == (item->confidence == 0));
}

static void end(World *w, guint64 n_waits)
{
	g_assert_cmpuint(history_table_len(w->history, table_of(w)), ==, n_waits);
	kvm_set_free(w->kvm_set);
	kernel_set_free(w->set);
	history_free(w->history);
	kvm_free(w->kvm);
	kernel_free(w->kernel);
	g_free(w);
}

/* ---- Wakers ------------------------------------------------------------------------------------------------------ */

static void test_timer(void)
{
	World *w = begin_with_all();

	halt(w, 100, 0);
	timer_begin(w, 200, 0);
	WAKING(w, 201, 0, VCPU0);
	timer_end(w, 202, 0);
	resume(w, 210, 0, TIMER_VECTOR);
	finish(w);
	expect(w, 0, KVM_WAIT_TIMER, KVM_WAIT_BY_TIMER | KVM_WAIT_INJECTED);
	const KvmWaitItem *item = wait_at(w, 0);
	g_assert_cmpint(item->begin_ns, ==, 110);
	g_assert_cmpint(item->woken_ns, ==, 201);
	g_assert_cmpint(item->run_ns, ==, 210);
	g_assert_cmpint(item->enter_ns, ==, 212);
	g_assert_cmpuint(item->vector, ==, TIMER_VECTOR);
	g_assert_cmpuint(item->waker, ==, G_MAXUINT32);
	g_assert_true(item->halted);
	end(w, 1);
}

static void test_vhost(void)
{
	World *w = begin_with_all();

	halt(w, 100, 0);
	turn_to(w, 150, OTHER, VHOST);
	SEND_MSI(w, 200, 2, MSI, NET_VECTOR);
	ACCEPT(w, 201, 2, 0, NET_VECTOR);
	WAKING(w, 202, 2, VCPU0);
	resume(w, 210, 0, NET_VECTOR);
	finish(w);
	expect(w, 0, KVM_WAIT_NETWORK, KVM_WAIT_BY_VHOST | KVM_WAIT_SIGNALLED);
	g_assert_cmpstr(history_text_get(w->history, wait_at(w, 0)->waker_text), ==, "vhost-10 20");
	end(w, 1);
}

/* The vCPU on processor 1 calls the one on processor 0. */
static void call(World *w, gint64 at, guint vector)
{
	exit_for(w, at, 1, MSR);
	FEED(w, at + 1, KVM_APIC_IPI, 1, vector, 0);
	ACCEPT(w, at + 2, 1, 0, vector);
}

static void test_ipi(void)
{
	World *w = begin_with_all();

	halt(w, 100, 0);
	call(w, 200, CALL_VECTOR);
	WAKING(w, 203, 1, VCPU0);
	run(w, 205, 1);
	resume(w, 210, 0, CALL_VECTOR);
	finish(w);
	expect(w, 0, KVM_WAIT_IPI, KVM_WAIT_BY_VCPU | KVM_WAIT_SIGNALLED);
	end(w, 1);
}

/* The main loop signals an interrupt for the disk whose request it had. */
static void complete(World *w, gint64 at, guint64 address, guint vector)
{
	submit(w, at - 10);
	SEND_MSI(w, at, 2, address, vector);
	ACCEPT(w, at + 1, 2, address >> 12 & 0xff, vector);
}

static void test_disk(void)
{
	World *w = begin_with_all();

	turn_to(w, 50, OTHER, MAIN);
	halt(w, 100, 0);
	complete(w, 200, MSI, DISK_VECTOR);
	WAKING(w, 202, 2, VCPU0);
	resume(w, 210, 0, DISK_VECTOR);
	finish(w);
	expect(w, 0, KVM_WAIT_DISK, KVM_WAIT_BY_PROCESS | KVM_WAIT_SIGNALLED);
	end(w, 1);
}

/* What woke it on its way to sleep is what it waited for; that a processor was called to do it isn't. */
static void test_woken_while_falling_asleep(void)
{
	World *w = begin_with_all();

	exit_for(w, 100, 0, HLT);
	call(w, 102, CALL_VECTOR);
	WAKING(w, 105, 1, VCPU0);
	sleep_at(w, 110, 0);
	FEED(w, 120, VECTOR_CALL_FUNCTION_SINGLE_ENTRY, 0, 251);
	WAKEUP(w, 121, 0, VCPU0);
	FEED(w, 122, VECTOR_CALL_FUNCTION_SINGLE_EXIT, 0, 251);
	resume(w, 130, 0, CALL_VECTOR);
	finish(w);
	expect(w, 0, KVM_WAIT_IPI, KVM_WAIT_BY_VCPU | KVM_WAIT_SIGNALLED);
	g_assert_cmpint(wait_at(w, 0)->woken_ns, ==, 121);
	g_assert_cmpstr(history_text_get(w->history, wait_at(w, 0)->waker_text), ==, "CPU 1/KVM 12");
	end(w, 1);
}

/* What was signalled while it was in its guest, or before it entered that, is no reason for a later sleep. */
static void test_earlier_signals_are_forgotten(void)
{
	World *w = begin_with_all();

	call(w, 50, CALL_VECTOR);
	run(w, 60, 1);
	exit_for(w, 70, 0, HLT);
	call(w, 71, CALL_VECTOR);
	WAKING(w, 74, 1, VCPU0);
	run(w, 75, 1);
	run(w, 80, 0);
	halt(w, 100, 0);
	timer_begin(w, 200, 0);
	WAKING(w, 201, 0, VCPU0);
	timer_end(w, 202, 0);
	resume(w, 210, 0, TIMER_VECTOR);
	finish(w);
	expect(w, 0, KVM_WAIT_TIMER, KVM_WAIT_BY_TIMER | KVM_WAIT_INJECTED);
	end(w, 1);
}

/* ---- Vectors ----------------------------------------------------------------------------------------------------- */

/* Nothing is known of what the process did; what the vector stands for shows later, and counts for the earlier wait. */
static void test_learned_later(void)
{
	World *w = begin_with_all();

	turn_to(w, 50, OTHER, MAIN);
	halt(w, 100, 0);
	SEND_MSI(w, 200, 2, MSI, DISK_VECTOR);
	ACCEPT(w, 201, 2, 0, DISK_VECTOR);
	WAKING(w, 202, 2, VCPU0);
	resume(w, 210, 0, DISK_VECTOR);
	complete(w, 300, MSI, DISK_VECTOR);
	finish(w);
	expect(w, 0, KVM_WAIT_DISK, KVM_WAIT_BY_PROCESS | KVM_WAIT_SIGNALLED);
	g_assert_true(wait_at(w, 0)->evidence & KVM_WAIT_LEARNED);
	end(w, 1);
}

/* The majority says what a vector stands for, and its share how sure that is. */
static void test_majority(void)
{
	World *w = begin_with_all();

	turn_to(w, 50, OTHER, MAIN);
	for (gint64 at = 100; at < 400; at += 100)
		complete(w, at, MSI, DISK_VECTOR);
	turn_to(w, 450, MAIN, VHOST);
	SEND_MSI(w, 500, 2, MSI, DISK_VECTOR);
	turn_to(w, 550, VHOST, MAIN);
	halt(w, 600, 0);
	SEND_MSI(w, 700, 2, MSI, DISK_VECTOR);
	ACCEPT(w, 701, 2, 0, DISK_VECTOR);
	WAKING(w, 702, 2, VCPU0);
	resume(w, 710, 0, DISK_VECTOR);
	finish(w);
	expect(w, 0, KVM_WAIT_DISK, KVM_WAIT_BY_PROCESS | KVM_WAIT_SIGNALLED);
	g_assert_cmpuint(wait_at(w, 0)->confidence, ==, 75);
	end(w, 1);
}

/* An interrupt of a device that nothing was seen of is that, and no disk's. */
static void test_device(void)
{
	World *w = begin_with_all();

	turn_to(w, 50, OTHER, MAIN);
	halt(w, 100, 0);
	SEND_MSI(w, 200, 2, MSI, 55);
	ACCEPT(w, 201, 2, 0, 55);
	WAKING(w, 202, 2, VCPU0);
	resume(w, 210, 0, 55);
	finish(w);
	expect(w, 0, KVM_WAIT_DEVICE, KVM_WAIT_BY_PROCESS | KVM_WAIT_SIGNALLED);
	end(w, 1);
}

/* An interrupt that comes when the timer has already woken it does not make its vector the timer's. */
static void test_late_signals_teach_nothing(void)
{
	World *w = begin_with_all();

	turn_to(w, 50, OTHER, MAIN);
	for (gint64 at = 1000; at < 5000; at += 1000) {
		halt(w, at, 0);
		timer_begin(w, at + 200, 0);
		WAKING(w, at + 201, 0, VCPU0);
		timer_end(w, at + 202, 0);
		SEND_MSI(w, at + 203, 2, MSI, 55);
		ACCEPT(w, at + 204, 2, 0, 55);
		resume(w, at + 210, 0, 0);
	}
	halt(w, 5000, 0);
	SEND_MSI(w, 5200, 2, MSI, 55);
	ACCEPT(w, 5201, 2, 0, 55);
	WAKING(w, 5202, 2, VCPU0);
	resume(w, 5210, 0, 55);
	finish(w);
	expect(w, 3, KVM_WAIT_TIMER, KVM_WAIT_BY_TIMER);
	expect(w, 4, KVM_WAIT_DEVICE, KVM_WAIT_BY_PROCESS | KVM_WAIT_SIGNALLED);
	end(w, 5);
}

/* ---- Traces that lack events --------------------------------------------------------------------------------------- */

/* Posted interrupts: the kernel neither accepts nor injects them. Wakers remain, and MSIs. */
static void test_posted(void)
{
	static const TraceEventId without[] = {TRACE_KVM_ACCEPT_IRQ, TRACE_KVM_INJ_VIRQ};
	World *w = begin(without, G_N_ELEMENTS(without));

	turn_to(w, 50, OTHER, MAIN);
	halt(w, 100, 0);
	timer_begin(w, 200, 0);
	WAKING(w, 201, 0, VCPU0);
	timer_end(w, 202, 0);
	resume(w, 210, 0, TIMER_VECTOR);
	halt(w, 300, 1);
	complete(w, 400, MSI_1, DISK_VECTOR);
	WAKING(w, 402, 2, VCPU1);
	resume(w, 410, 1, DISK_VECTOR);
	halt(w, 500, 0);
	call(w, 600, CALL_VECTOR);
	WAKING(w, 603, 1, VCPU0);
	run(w, 605, 1);
	resume(w, 610, 0, CALL_VECTOR);
	finish(w);
	expect(w, 0, KVM_WAIT_TIMER, KVM_WAIT_BY_TIMER);
	expect(w, 1, KVM_WAIT_DISK, KVM_WAIT_BY_PROCESS | KVM_WAIT_SIGNALLED);
	expect(w, 2, KVM_WAIT_IPI, KVM_WAIT_BY_VCPU);
	end(w, 3);
}

/* The local timer's interrupt is enough, where timers' functions were not recorded. */
static void test_without_functions_of_timers(void)
{
	static const TraceEventId without[] = {TRACE_HRTIMER_EXPIRE_ENTRY, TRACE_HRTIMER_EXPIRE_EXIT};
	World *w = begin(without, G_N_ELEMENTS(without));

	halt(w, 100, 0);
	timer_begin(w, 200, 0);
	WAKING(w, 201, 0, VCPU0);
	timer_end(w, 202, 0);
	resume(w, 210, 0, TIMER_VECTOR);
	finish(w);
	expect(w, 0, KVM_WAIT_TIMER, KVM_WAIT_BY_TIMER | KVM_WAIT_INJECTED);
	end(w, 1);
}

static const TraceEventId interrupts[] = {TRACE_HRTIMER_EXPIRE_ENTRY, TRACE_HRTIMER_EXPIRE_EXIT, TRACE_VECTOR_LOCAL_TIMER_ENTRY, TRACE_VECTOR_LOCAL_TIMER_EXIT};

/* Whoever was interrupted by the timer did not wake it. What the vCPU accepts itself is its timer's, once its guest has started one. */
static void test_without_interrupts(void)
{
	World *w = begin(interrupts, G_N_ELEMENTS(interrupts));

	turn_to(w, 50, OTHER, MAIN);
	submit(w, 60);
	exit_for(w, 80, 0, MSR);
	WRITE_MSR(w, 81, 0, MSR_DEADLINE, 123456);
	run(w, 82, 0);
	halt(w, 100, 0);
	WAKING(w, 201, 2, VCPU0);
	SWITCH(w, 210, 0, 0, 0, VCPU0);
	ACCEPT(w, 211, 0, 0, TIMER_VECTOR);
	INJECT(w, 212, 0, TIMER_VECTOR);
	run(w, 213, 0);
	finish(w);
	expect(w, 0, KVM_WAIT_TIMER, KVM_WAIT_BY_PROCESS | KVM_WAIT_INJECTED | KVM_WAIT_UNSURE);
	end(w, 1);
}

/* Then, with nothing that tells it, the reason is unknown: not the timer, not what the one who was interrupted had been doing. */
static void test_without_evidence(void)
{
	World *w = begin(interrupts, G_N_ELEMENTS(interrupts));

	turn_to(w, 50, OTHER, MAIN);
	submit(w, 60);
	halt(w, 100, 0);
	WAKING(w, 201, 2, VCPU0);
	resume(w, 210, 0, TIMER_VECTOR);
	halt(w, 300, 0);
	WAKING(w, 401, 1, VCPU0);
	resume(w, 410, 0, 0);
	finish(w);
	expect(w, 0, KVM_WAIT_UNKNOWN, KVM_WAIT_BY_PROCESS | KVM_WAIT_INJECTED | KVM_WAIT_UNSURE);
	expect(w, 1, KVM_WAIT_UNKNOWN, KVM_WAIT_BY_VCPU | KVM_WAIT_UNSURE);
	end(w, 2);
}

/* Without sched_waking, nobody knows who did it; the guest's own writes say what its vectors are. */
static void test_without_waking(void)
{
	static const TraceEventId without[] = {TRACE_SCHED_WAKING};
	World *w = begin(without, G_N_ELEMENTS(without));

	exit_for(w, 50, 0, MSR);
	WRITE_MSR(w, 51, 0, MSR_LVT_TIMER, 0x40000 | TIMER_VECTOR);
	WRITE_MSR(w, 52, 0, MSR_ICR, CALL_VECTOR);
	run(w, 53, 0);
	halt(w, 100, 0);
	WAKEUP(w, 201, 2, VCPU0);
	resume(w, 210, 0, TIMER_VECTOR);
	halt(w, 300, 0);
	WAKEUP(w, 401, 2, VCPU0);
	resume(w, 410, 0, CALL_VECTOR);
	halt(w, 500, 0);
	WAKEUP(w, 601, 2, VCPU0);
	resume(w, 610, 0, 55);
	finish(w);
	expect(w, 0, KVM_WAIT_TIMER, KVM_WAIT_INJECTED);
	expect(w, 1, KVM_WAIT_IPI, KVM_WAIT_INJECTED);
	expect(w, 2, KVM_WAIT_UNKNOWN, KVM_WAIT_INJECTED);
	end(w, 3);
}

/* A stranger's wakeup without an interrupt is unknown. Over lost events nothing is told. */
static void test_unknown_and_lost(void)
{
	World *w = begin_with_all();

	halt(w, 100, 0);
	WAKING(w, 201, 2, VCPU0);
	resume(w, 210, 0, 0);
	halt(w, 300, 0);
	for (guint m = 0; m < G_N_ELEMENTS(w->models); m++)
		if (w->models[m].loss) {
			w->models[m].loss(w->models[m].self, 2, 350, TRACE_LOSS_BEGIN);
			w->models[m].loss(w->models[m].self, 2, 360, TRACE_LOSS_END);
		}
	WAKING(w, 401, 2, VCPU0);
	resume(w, 410, 0, 0);
	finish(w);
	expect(w, 0, KVM_WAIT_UNKNOWN, KVM_WAIT_BY_OTHER);
	end(w, 1);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/waits/a timer's handler wakes: timer", test_timer);
	g_test_add_func("/waits/vhost wakes: network", test_vhost);
	g_test_add_func("/waits/another vCPU calls: ipi", test_ipi);
	g_test_add_func("/waits/the main loop signals after a request to a disk: disk", test_disk);
	g_test_add_func("/waits/who wakes it while it falls asleep counts", test_woken_while_falling_asleep);
	g_test_add_func("/waits/earlier signals are forgotten", test_earlier_signals_are_forgotten);
	g_test_add_func("/waits/vectors learned later count for earlier waits", test_learned_later);
	g_test_add_func("/waits/the majority says what a vector is", test_majority);
	g_test_add_func("/waits/a vector that nothing is known of is a device's", test_device);
	g_test_add_func("/waits/what comes after the wakeup teaches nothing", test_late_signals_teach_nothing);
	g_test_add_func("/waits/posted interrupts", test_posted);
	g_test_add_func("/waits/the local timer's interrupt is enough", test_without_functions_of_timers);
	g_test_add_func("/waits/without interrupts, who was interrupted is no waker", test_without_interrupts);
	g_test_add_func("/waits/without evidence it is unknown", test_without_evidence);
	g_test_add_func("/waits/without wakers, the guest's writes tell", test_without_waking);
	g_test_add_func("/waits/strangers and lost events", test_unknown_and_lost);
	return g_test_run();
}
