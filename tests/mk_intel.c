/* SPDX-License-Identifier: MIT */
/*
 * mk_intel OUTDIR: writes a small trace of an Intel KVM host with a nested guest into an empty or new directory, and prints
 * as JSON what is in it, so that tests can compare exactly. It follows the order in which KVM's code records (Linux 6.1): an interrupt's exit comes
 * before its handler; kvm_exit, kvm_nested_vmexit, kvm_nested_vmexit_inject, kvm_entry; the nested guest is entered by the
 * entry after an exit for VMLAUNCH or VMRESUME.
 *
 *	CPU 0	vCPU 0 (tid 1003) of VM 1000, which runs a nested guest with one vCPU; a task that preempts it
 *	CPU 1	vCPU 1 (tid 1004) of VM 1000, and QEMU's main thread (1000)
 *	CPU 2	the vCPU (tid 2003) of VM 2000, and a task (3000) with which it shares the processor
 *
 * In what it prints, counts are of events, and times are in ns and from an event to another: guest_ns and exits by level (L1,
 * L2); blocked_ns until woken, wait_cpu_ns from then until running, preempted_ns out of the processor though runnable;
 * l2_handling_ns and l2_handling_exits from the reflection of an exit to the entry of the nested guest, l2_handled such spans.
 *
 * The trace begins with vCPU 1 of VM 1000 in its guest, and ends with the nested guest running, vCPU 1 halted, and the
 * vCPU of VM 2000 preempted.
 */
#include <stdio.h>
#include <string.h>

#include "hosttrace.h"

enum { N_CPUS = 3, ROUNDS = 60 };

/* Basic exit reasons of VMX. */
enum {
	EXTERNAL_INTERRUPT = 1,
	CPUID = 10,
	HLT = 12,
	VMLAUNCH = 20,
	VMPTRLD = 21,
	VMREAD = 23,
	VMRESUME = 24,
	VMWRITE = 25,
	IO_INSTRUCTION = 30,
	MSR_WRITE = 32,
	PAUSE_INSTRUCTION = 40,
	EPT_VIOLATION = 48,
	EPT_MISCONFIG = 49,
	PREEMPTION_TIMER = 52,
	MAX_REASON = 64,
};

enum { ISA_VMX = 1, USER_IO = 2, USER_MMIO = 6, VECTOR_TIMER = 236, VECTOR_DEVICE = 41 };
enum { BLOCKED = 1, RUNNABLE = 0, N_PROCESSES = 3 };

static struct {
	gboolean no_nested_events, old_names, perf_names, no_context, fixed_probe, cr3;
} options;

typedef struct {
	HtTask task;
	guint id;
	guint64 token; /* what the stock probe writes for an id */
	HtCpu *cpu;
	guint level;
	/* When it entered its guest, left the processor, was woken; when an exit of the nested guest was reflected. 0: not. */
	guint64 entered_at, out_at, woken_at, reflected_at;
	bool out_runnable;
	/* The truth. Times are from one event of the trace to another. */
	bool in_guest_at_begin;
	guint64 entries, switched_in, guest_ns[2], exits[2][MAX_REASON], reflected[MAX_REASON], handled[MAX_REASON];
	guint64 blocked_ns, wait_cpu_ns, preempted_ns;
	guint64 l2_handling_ns, l2_handling_exits, l2_handled;
	/* --cr3, by level: the process that is current, its last run, and the time of runs that ended with the same process, and with another. */
	guint process[2], run_process[2];
	guint64 run_ns[2], running_ns[2][N_PROCESSES], uncertain_ns[2][N_PROCESSES];
} Vcpu;

static HtCpu cpus[N_CPUS];
static const HtTask idle[N_CPUS] = {{0, 0, "swapper/0"}, {0, 0, "swapper/1"}, {0, 0, "swapper/2"}};
static const HtTask session = {301, 300, "Client manage"};
static const HtTask noise = {3001, 3001, "cc1plus"}, stress = {3000, 3000, "stress"};
static const HtTask main_a = {1000, 1000, "qemu-system-x86"}, main_b = {2000, 2000, "qemu-system-x86"};
static Vcpu a0 = {.task = {1003, 1000, "CPU 0/KVM"}, .id = 0, .token = 0x92340000, .cpu = &cpus[0], .level = 1};
static Vcpu a1 = {.task = {1004, 1000, "CPU 1/KVM"}, .id = 1, .token = 0x92348000, .cpu = &cpus[1], .level = 1};
static Vcpu b0 = {.task = {2003, 2000, "CPU 0/KVM"}, .id = 0, .token = 0x8f110000, .cpu = &cpus[2], .level = 1};
static Vcpu *const vcpus[] = {&a0, &a1, &b0};

/* ---- Scheduling ---- */

static Vcpu *vcpu_of(const HtTask *task)
{
	for (guint i = 0; i < G_N_ELEMENTS(vcpus); i++)
		if (task == &vcpus[i]->task)
			return vcpus[i];
	return NULL;
}

static void left_cpu(Vcpu *v, guint64 now, bool runnable)
{
	v->out_at = now;
	v->out_runnable = runnable;
	v->woken_at = 0;
}

static void got_cpu(Vcpu *v, guint64 now)
{
	v->switched_in++;
	if (v->out_at != 0 && v->out_runnable)
		v->preempted_ns += now - v->out_at;
	if (v->woken_at != 0)
		v->wait_cpu_ns += now - v->woken_at;
	v->out_at = v->woken_at = 0;
}

/* Linux 4.4 has another mark than 6.1 for those who were preempted inside of the kernel; and runs idle tasks as 0. */
static gint64 state_of(bool runnable, const HtTask *task)
{
	const bool in_kernel = runnable && task->tid != 0 && options.old_names;
	return in_kernel ? 0x800 : runnable ? RUNNABLE : BLOCKED;
}

static void switch_to(HtCpu *cpu, const HtTask *next, bool runnable)
{
	const HtTask *prev = cpu->cur;
	Vcpu *out = vcpu_of(prev), *in = vcpu_of(next);
	HT_EMIT(cpu, HT_SWITCH, HT_S(prev->comm), HT_U(prev->tid), HT_U(state_of(runnable, prev)), HT_S(next->comm),
	        HT_U(next->tid));
	if (out)
		left_cpu(out, cpu->now, runnable);
	if (in)
		got_cpu(in, cpu->now);
	cpu->cur = next;
}

/* On `cpu`, what runs there wakes a task of processor `target`. */
static void wake(HtCpu *cpu, const HtTask *task, guint target)
{
	Vcpu *v = vcpu_of(task);
	HT_EMIT(cpu, HT_WAKING, HT_S(task->comm), HT_U(task->tid), HT_U(target));
	if (v && v->out_at != 0 && !options.old_names) {
		v->woken_at = cpu->now;
		v->blocked_ns += cpu->now - v->out_at;
	}
	HT_EMIT(cpu, HT_WAKEUP, HT_S(task->comm), HT_U(task->tid), HT_U(target));
	if (v && v->out_at != 0 && options.old_names) {
		v->woken_at = cpu->now;
		v->blocked_ns += cpu->now - v->out_at;
	}
}

static void timer_interrupt(HtCpu *cpu, const HtTask *wakes)
{
	const guint64 timer = 0xff11000100000000u + cpu->id * 0x1000;
	HT_EMIT(cpu, HT_TIMER_ENTRY, HT_U(0));
	HT_EMIT(cpu, HT_HRTIMER_ENTRY, HT_U(timer), HT_U(cpu->now));
	if (wakes)
		wake(cpu, wakes, cpu->id);
	HT_EMIT(cpu, HT_HRTIMER_EXIT, HT_U(timer));
	HT_EMIT(cpu, HT_TIMER_EXIT, HT_U(0));
}

/* ---- Entries and exits ---- */

static bool garbage(void)
{
	return !options.fixed_probe && !options.old_names && !options.perf_names;
}

/* Page tables of a process: with a PCID, and now and then those of user mode. */
static guint64 cr3_of(Vcpu *v, guint level, guint process)
{
	return ((guint64)level << 32 | (guint64)(process + 1) << 20) | ht_chance(v->cpu, 7) | (ht_chance(v->cpu, 2) ? 0x1000 : 0);
}

/* The run that ended last turns out to have been of one process or not. */
static void settle_run(Vcpu *v, guint level)
{
	if (v->run_process[level] == v->process[level])
		v->running_ns[level][v->process[level]] += v->run_ns[level];
	else
		v->uncertain_ns[level][v->run_process[level]] += v->run_ns[level];
	v->run_ns[level] = 0;
}

static void tell_cr3(Vcpu *v)
{
	const guint level = v->level - 1;

	if (!options.cr3)
		return;
	if (ht_chance(v->cpu, 4) == 0)
		v->process[level] = (guint)ht_chance(v->cpu, N_PROCESSES);
	settle_run(v, level);
	v->run_process[level] = v->process[level];
	HT_EMIT(v->cpu, HT_ENTER_GUEST, HT_U(v->id), HT_U(cr3_of(v, v->level, v->process[level])));
}

static void enter(Vcpu *v)
{
	tell_cr3(v);
	HT_EMIT(v->cpu, HT_ENTRY, HT_U(garbage() ? v->token : v->id));
	v->entries++;
	v->entered_at = v->cpu->now;
	if (v->level == 2 && v->reflected_at != 0) {
		v->l2_handling_ns += v->cpu->now - v->reflected_at;
		v->l2_handled++;
		v->reflected_at = 0;
	}
}

/* The guest runs for about `ns`, until an exit for `reason`. */
static void leave(Vcpu *v, guint reason, guint64 ns)
{
	HtCpu *cpu = v->cpu;
	cpu->now += ns / 2 + ht_chance(cpu, ns);
	HT_EMIT(cpu, HT_EXIT, HT_U(reason), HT_U(0xffffffff81000000u + v->level * 0x100000 + reason * 16), HT_U(0),
	        HT_U(reason == EXTERNAL_INTERRUPT ? 0x80000000u | VECTOR_TIMER : 0), HT_U(v->id));
	v->exits[v->level - 1][reason]++;
	if (v->reflected_at != 0)
		v->l2_handling_exits++;
	if (v->entered_at != 0) {
		v->guest_ns[v->level - 1] += cpu->now - v->entered_at;
		v->run_ns[v->level - 1] = cpu->now - v->entered_at;
	}
	else if (v->entries == 0)
		v->in_guest_at_begin = true;
	v->entered_at = 0;
}

static void nested_vmexit(Vcpu *v, guint reason)
{
	if (options.no_nested_events)
		return;
	if (garbage())
		HT_EMIT(v->cpu, HT_NESTED_VMEXIT, HT_U(0xff11000100000000u + v->token), HT_U(ISA_VMX),
		        HT_U(2305843009209997029u), HT_U(v->token), HT_U(5159760));
	else
		HT_EMIT(v->cpu, HT_NESTED_VMEXIT, HT_U(0xffffffff81200000u), HT_U(reason), HT_U(0),
		        HT_U(options.perf_names ? v->id : 0), HT_U(ISA_VMX));
}

static void reflect(Vcpu *v, guint reason)
{
	if (!options.no_nested_events)
		HT_EMIT(v->cpu, HT_NESTED_INJECT, HT_U(reason), HT_U(0));
	v->reflected[reason]++;
	v->reflected_at = v->cpu->now;
	v->level = 1;
}

/* ---- What a guest without a nested one does ---- */

static void simple_exit(Vcpu *v, guint reason)
{
	leave(v, reason, 9000);
	if (reason == MSR_WRITE)
		HT_EMIT(v->cpu, HT_MSR, HT_U(1), HT_U(0x6e0));
	v->cpu->now += 700;
	enter(v);
}

static void interrupted(Vcpu *v, bool inject)
{
	leave(v, EXTERNAL_INTERRUPT, 12000);
	timer_interrupt(v->cpu, NULL);
	if (inject)
		HT_EMIT(v->cpu, HT_INJ_VIRQ, HT_U(VECTOR_TIMER));
	enter(v);
}

/* Another task has the processor for a while. */
static void preempted(Vcpu *v, const HtTask *by, guint64 ns)
{
	leave(v, EXTERNAL_INTERRUPT, 8000);
	timer_interrupt(v->cpu, by);
	switch_to(v->cpu, by, true);
	v->cpu->now += ns;
	switch_to(v->cpu, &v->task, false);
	enter(v);
}

static void to_user_space(Vcpu *v, guint64 reason, guint64 ns)
{
	HtCpu *cpu = v->cpu;
	HT_EMIT(cpu, HT_USERSPACE_EXIT, HT_U(reason));
	HT_EMIT(cpu, HT_IOCTL_EXIT, HT_U(0));
	cpu->now += ns;
	HT_EMIT(cpu, HT_IOCTL_ENTRY, HT_U(20 + v->id));
}

static void port_io(Vcpu *v)
{
	leave(v, IO_INSTRUCTION, 15000);
	to_user_space(v, USER_IO, 6000);
	enter(v);
}

/* Halts: up to where its processor idles. */
static void halt(Vcpu *v)
{
	leave(v, HLT, 11000);
	v->cpu->now += 1500;
	switch_to(v->cpu, &idle[v->cpu->id], false);
}

static void unhalt(Vcpu *v, guint64 vector)
{
	v->cpu->now += 2500;
	switch_to(v->cpu, &v->task, true);
	HT_EMIT(v->cpu, HT_INJ_VIRQ, HT_U(vector));
	enter(v);
}

static void halt_until_timer(Vcpu *v, guint64 ns)
{
	halt(v);
	v->cpu->now += ns;
	timer_interrupt(v->cpu, &v->task);
	unhalt(v, VECTOR_TIMER);
}

/* ---- The nested guest ---- */

/* The hypervisor in the guest, entered with an exit of its guest, does what it has to and runs its guest again. */
static void handle_in_l1(Vcpu *v, guint reason, guint step)
{
	enter(v);
	for (guint i = 0; i < 1 + step % 3; i++)
		simple_exit(v, VMREAD);
	if (reason == HLT)
		halt_until_timer(v, 150000);
	for (guint i = 0; i < step % 2; i++)
		simple_exit(v, VMWRITE);
	if (step % 5 == 3)
		simple_exit(v, MSR_WRITE);
	leave(v, VMRESUME, 4000);
}

static void enter_l2(Vcpu *v)
{
	if (!options.no_nested_events)
		HT_EMIT(v->cpu, HT_NESTED_VMENTER, HT_U(0xffffffff81101800u), HT_U(0x10a4c000),
		        HT_U(0xffffffff81200000u));
	v->level = 2;
	enter(v);
}

static void l2_reflected(Vcpu *v, guint reason, guint step)
{
	leave(v, reason, 20000);
	nested_vmexit(v, reason);
	reflect(v, reason);
	handle_in_l1(v, reason, step);
	enter_l2(v);
}

/* L0 handles it, and the nested guest goes on. */
static void l2_handled(Vcpu *v, guint reason, bool in_user_space)
{
	leave(v, reason, 16000);
	nested_vmexit(v, reason);
	v->handled[reason]++;
	if (reason == EXTERNAL_INTERRUPT)
		timer_interrupt(v->cpu, NULL);
	if (in_user_space)
		to_user_space(v, USER_MMIO, 9000);
	v->cpu->now += 900;
	enter(v);
}

/* An interrupt of the host makes one for the hypervisor in the guest pending, which takes it out of its guest. */
static void l2_interrupted_for_l1(Vcpu *v, guint step)
{
	leave(v, EXTERNAL_INTERRUPT, 14000);
	nested_vmexit(v, EXTERNAL_INTERRUPT);
	timer_interrupt(v->cpu, NULL);
	reflect(v, EXTERNAL_INTERRUPT);
	HT_EMIT(v->cpu, HT_INJ_VIRQ, HT_U(VECTOR_TIMER));
	handle_in_l1(v, EXTERNAL_INTERRUPT, step);
	enter_l2(v);
}

static void l2_preempted(Vcpu *v)
{
	leave(v, EXTERNAL_INTERRUPT, 10000);
	nested_vmexit(v, EXTERNAL_INTERRUPT);
	v->handled[EXTERNAL_INTERRUPT]++;
	timer_interrupt(v->cpu, &noise);
	switch_to(v->cpu, &noise, true);
	v->cpu->now += 180000;
	switch_to(v->cpu, &v->task, false);
	enter(v);
}

static void launch(Vcpu *v)
{
	simple_exit(v, VMPTRLD);
	simple_exit(v, VMWRITE);
	leave(v, VMLAUNCH, 4000);
	enter_l2(v);
}

static void nested_round(Vcpu *v, guint round)
{
	static const guint reasons[] = {CPUID, MSR_WRITE, EPT_VIOLATION, IO_INSTRUCTION, HLT};
	l2_reflected(v, reasons[round % G_N_ELEMENTS(reasons)], round);
	if (round % 2 == 0)
		l2_handled(v, EPT_VIOLATION, round % 8 == 6);
	if (round % 3 == 1)
		l2_handled(v, PREEMPTION_TIMER, false);
	if (round % 4 == 2)
		l2_handled(v, EXTERNAL_INTERRUPT, false);
	if (round % 7 == 3)
		l2_interrupted_for_l1(v, round);
	if (round % 11 == 5)
		l2_preempted(v);
}

/* ---- The three processors ---- */

static void statedump_task(HtCpu *cpu, const HtTask *task, gint32 ppid, guint target)
{
	HT_EMIT(cpu, HT_STATEDUMP_PROCESS, HT_U(task->tid), HT_U(task->pid), HT_U(ppid), HT_S(task->comm), HT_U(0),
	        HT_U(target));
}

static void statedump(HtCpu *cpu)
{
	static const HtTask session_main = {300, 300, "lttng-sessiond"};
	HT_EMIT(cpu, HT_STATEDUMP_START, HT_U(0));
	statedump_task(cpu, &session_main, 1, 0);
	statedump_task(cpu, &session, 1, 0);
	statedump_task(cpu, &main_a, 1, 1);
	statedump_task(cpu, &a0.task, 1, 0);
	statedump_task(cpu, &a1.task, 1, 1);
	statedump_task(cpu, &main_b, 1, 2);
	statedump_task(cpu, &b0.task, 1, 2);
	statedump_task(cpu, &stress, 1, 2);
	statedump_task(cpu, &noise, 1, 0);
	HT_EMIT(cpu, HT_STATEDUMP_END, HT_U(0));
}

static void plain_round(Vcpu *v, guint round)
{
	simple_exit(v, MSR_WRITE);
	simple_exit(v, round % 3 == 0 ? EPT_MISCONFIG : EPT_VIOLATION);
	if (round % 4 == 0)
		interrupted(v, round % 8 == 0);
	if (round % 5 == 2)
		port_io(v);
	if (round % 6 == 1)
		simple_exit(v, CPUID);
}

/* vCPU 0 of VM 1000 wakes vCPU 1, which has halted. */
static void kick(Vcpu *from, Vcpu *to)
{
	HtCpu *cpu = from->cpu;
	cpu->now = MAX(cpu->now, to->cpu->now + 20000);
	leave(from, MSR_WRITE, 5000);
	if (from->level == 2) {
		nested_vmexit(from, MSR_WRITE);
		from->handled[MSR_WRITE]++;
	}
	wake(cpu, &to->task, to->cpu->id);
	HT_EMIT(cpu, HT_MSR, HT_U(1), HT_U(0x830));
	enter(from);
	to->cpu->now = cpu->now;
}

/* Requests to a device are handled by QEMU's main thread, on the processor of the vCPU that has halted until then. */
static void device_round(Vcpu *v)
{
	HtCpu *cpu = v->cpu;
	halt(v);
	cpu->now += 60000;
	timer_interrupt(cpu, &main_a);
	switch_to(cpu, &main_a, true);
	cpu->now += 12000;
	wake(cpu, &v->task, cpu->id);
	cpu->now += 3000;
	switch_to(cpu, &v->task, false);
	HT_EMIT(cpu, HT_INJ_VIRQ, HT_U(VECTOR_DEVICE));
	enter(v);
}

static void round_of_a(guint round)
{
	plain_round(&a1, round);
	if (round % 3 == 0)
		device_round(&a1);
	if (round >= 10)
		nested_round(&a0, round);
	else
		plain_round(&a0, round);
	if (round == 9)
		launch(&a0);
	halt(&a1);
	if (round == ROUNDS - 1)
		return;
	if (round % 5 == 4) {
		kick(&a0, &a1);
		unhalt(&a1, 253);
	} else {
		a1.cpu->now += 90000;
		timer_interrupt(a1.cpu, &a1.task);
		unhalt(&a1, VECTOR_TIMER);
	}
}

static void round_of_b(guint round)
{
	plain_round(&b0, round);
	simple_exit(&b0, PAUSE_INSTRUCTION);
	if (round % 2 == 1)
		preempted(&b0, &stress, 250000);
	if (round % 3 == 2)
		halt_until_timer(&b0, 120000);
	if (round == ROUNDS - 1) {
		leave(&b0, EXTERNAL_INTERRUPT, 8000);
		timer_interrupt(b0.cpu, &stress);
		switch_to(b0.cpu, &stress, true);
	}
}

static void begin(void)
{
	const guint64 start = 7000000000u;
	ht_cpu_init(&cpus[0], 0, start, &session);
	ht_cpu_init(&cpus[1], 1, start + 3000, &a1.task);
	ht_cpu_init(&cpus[2], 2, start + 5000, &idle[2]);
	statedump(&cpus[0]);
	cpus[0].now += 30000;
	switch_to(&cpus[0], &a0.task, false);
	enter(&a0);
	timer_interrupt(&cpus[2], &b0.task);
	unhalt(&b0, VECTOR_TIMER);
}

/* ---- The truth ---- */

static void print_reasons(const guint64 n[MAX_REASON])
{
	const char *separator = "";
	printf("{");
	for (guint reason = 0; reason < MAX_REASON; reason++) {
		if (n[reason] == 0)
			continue;
		printf("%s\"%u\": %" G_GUINT64_FORMAT, separator, reason, n[reason]);
		separator = ", ";
	}
	printf("}");
}

static void print_number(const char *name, guint64 n)
{
	printf("     \"%s\": %" G_GUINT64_FORMAT ",\n", name, n);
}

static void print_processes(const Vcpu *v)
{
	const char *separator = "";

	printf("     \"processes\": [");
	for (guint level = 0; options.cr3 && level < 2; level++)
		for (guint p = 0; p < N_PROCESSES; p++) {
			printf("%s[%u, %" G_GUINT64_FORMAT ", %" G_GUINT64_FORMAT ", %" G_GUINT64_FORMAT "]", separator, level + 1,
			       (guint64)(level + 1) << 32 | (guint64)(p + 1) << 20, v->running_ns[level][p], v->uncertain_ns[level][p]);
			separator = ", ";
		}
	printf("],\n");
}

static void print_vcpu(Vcpu *v)
{
	settle_run(v, 0);
	settle_run(v, 1);
	printf("\n    {\"vm_pid\": %d, \"vcpu_id\": %u, \"tid\": %d, \"nested\": %s,\n", v->task.pid, v->id,
	       v->task.tid, v->l2_handled != 0 ? "true" : "false");
	print_number("entries", v->entries);
	print_number("switched_in", v->switched_in);
	print_number("blocked_ns", v->blocked_ns);
	print_number("wait_cpu_ns", v->wait_cpu_ns);
	print_number("preempted_ns", v->preempted_ns);
	print_number("l2_handling_ns", v->l2_handling_ns);
	print_number("l2_handling_exits", v->l2_handling_exits);
	print_number("l2_handled", v->l2_handled);
	print_processes(v);
	printf("     \"in_guest_at_begin\": %s, \"in_guest_at_end\": %s, \"level_at_end\": %u,\n",
	       v->in_guest_at_begin ? "true" : "false", v->entered_at != 0 ? "true" : "false", v->level);
	printf("     \"guest_ns\": [%" G_GUINT64_FORMAT ", %" G_GUINT64_FORMAT "],\n     \"exits\": [", v->guest_ns[0],
	       v->guest_ns[1]);
	print_reasons(v->exits[0]);
	printf(", ");
	print_reasons(v->exits[1]);
	printf("],\n     \"reflected\": ");
	print_reasons(v->reflected);
	printf(",\n     \"handled_by_l0\": ");
	print_reasons(v->handled);
	printf("}");
}

static void print_truth(void)
{
	const char *separator = "";
	guint64 total = 0;
	printf("{\n  \"by_name\": {");
	for (guint event = 0; event < HT_N_EVENTS; event++) {
		if (ht_count(event) == 0)
			continue;
		printf("%s\"%s\": %" G_GUINT64_FORMAT, separator, ht_name(event), ht_count(event));
		separator = ",\n    ";
		total += ht_count(event);
	}
	printf("},\n  \"events\": %" G_GUINT64_FORMAT ",\n  \"vcpus\": [", total);
	for (guint i = 0; i < G_N_ELEMENTS(vcpus); i++) {
		printf("%s", i == 0 ? "" : ",");
		print_vcpu(vcpus[i]);
	}
	printf("\n  ]\n}\n");
}

static const char *parse(int argc, char **argv)
{
	static char **rest;
	const GOptionEntry entries[] = {
	        {"no-nested-events", 0, 0, G_OPTION_ARG_NONE, &options.no_nested_events, "Without kvm_nested_*", NULL},
	        {"old-names", 0, 0, G_OPTION_ARG_NONE, &options.old_names, "As LTTng 2.7 on Linux 4.4 writes it", NULL},
	        {"perf-names", 0, 0, G_OPTION_ARG_NONE, &options.perf_names, "As perf data convert writes it", NULL},
	        {"no-context", 0, 0, G_OPTION_ARG_NONE, &options.no_context, "Without vpid and vtid", NULL},
	        {"fixed-probe", 0, 0, G_OPTION_ARG_NONE, &options.fixed_probe, "Without the stock probe's garbage",
	         NULL},
	        {"cr3", 0, 0, G_OPTION_ARG_NONE, &options.cr3, "With a probe that tells the guest's page tables", NULL},
	        {G_OPTION_REMAINING, 0, 0, G_OPTION_ARG_FILENAME_ARRAY, &rest, NULL, "OUTDIR"},
	        {NULL},
	};
	g_autoptr(GOptionContext) context = g_option_context_new(NULL);
	g_autoptr(GError) error = NULL;
	g_option_context_add_main_entries(context, entries, NULL);
	if (!g_option_context_parse(context, &argc, &argv, &error) || !rest || rest[1] ||
	    (options.old_names && options.perf_names)) {
		fprintf(stderr, "mk_intel: %s\n", error ? error->message : "one OUTDIR, and one kind of names");
		return NULL;
	}
	return rest[0];
}

int main(int argc, char **argv)
{
	const char *dir = parse(argc, argv);
	if (!dir)
		return 2;
	ht_init(options.perf_names ? HT_PERF : options.old_names ? HT_LTTNG_OLD : HT_LTTNG, !options.no_context);
	begin();
	for (guint round = 0; round < ROUNDS; round++) {
		round_of_a(round);
		round_of_b(round);
	}
	for (guint i = 0; i < N_CPUS; i++)
		ht_cpu_close(&cpus[i], dir);
	ht_write_metadata(dir);
	print_truth();
	return 0;
}
