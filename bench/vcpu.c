/* SPDX-License-Identifier: MIT */
#include "host.h"

/* AMD SVM's exit codes. */
enum {
	SVM_INTR = 0x60,
	SVM_VINTR = 0x64,
	SVM_CPUID = 0x72,
	SVM_PAUSE = 0x77,
	SVM_HLT = 0x78,
	SVM_IOIO = 0x7b,
	SVM_MSR = 0x7c,
	SVM_VMRUN = 0x80,
	SVM_VMLOAD = 0x82,
	SVM_VMSAVE = 0x83,
	SVM_NPF = 0x400,
};

const uint32_t vcpu_exit_reasons[EXIT_N_REASONS] = {SVM_INTR, SVM_VINTR, SVM_CPUID,  SVM_PAUSE,  SVM_HLT, SVM_IOIO,
                                                    SVM_MSR,  SVM_VMRUN, SVM_VMLOAD, SVM_VMSAVE, SVM_NPF};

enum { MSR_TSC_DEADLINE = 0x6e0, MSR_X2APIC_EOI = 0x80b, MSR_X2APIC_ICR = 0x830, MSR_SYSCFG = 0x1d9 };
enum { VECTOR_DEVICE = 42, VECTOR_GUEST_TIMER = 236, VECTOR_GUEST_CALL = 251, VECTOR_GUEST_RESCHEDULE = 253 };
enum { KVM_RUN = 0xae80, KVM_EXIT_IO = 2, ISA_SVM = 2 };

/* Where a virtual processor's thread is. */
enum { AT_ENTRY, AT_GUEST, AT_USER, AT_LOCK, AT_RUN };

/* Steps of a nested hypervisor between two runs of its guest: from L1_RUNS, or from L1_IDLE when its guest halted, in
 * which case it halts as well. L1_NOT_BEGUN: its guest has not run yet. */
enum { L1_RUNS = 0, L1_NOT_BEGUN = 5, L1_IDLE = 10 };

/* ---- entries and exits ---- */

bool vcpu_in_guest(const Task *task)
{
	return task->act == vcpu_act && task->pc == AT_GUEST;
}

static unsigned reason_index(uint32_t reason)
{
	unsigned i = 0;
	while (vcpu_exit_reasons[i] != reason)
		i++;
	return i;
}

static uint64_t guest_rip(Vcpu *vcpu, uint32_t reason)
{
	if (vcpu->level == 2)
		return 0xffffffff81a00000u + reason * 64;
	return reason == SVM_VMRUN || reason == SVM_VMLOAD || reason == SVM_VMSAVE ? 0xffffffffc0610000u + reason * 16
	                                                                           : 0xffffffff81060000u + reason * 64;
}

static void left_guest(Cpu *cpu, Vcpu *vcpu, uint32_t reason)
{
	vcpu->exits[vcpu->level - 1][reason_index(reason)]++;
	if (vcpu->entered_at != 0)
		vcpu->guest_ns[vcpu->level - 1] += cpu->now - vcpu->entered_at;
	else if (vcpu->entries == 0)
		vcpu->in_guest_at_begin = true;
	vcpu->entered_at = 0;
}

static void exit_guest(Cpu *cpu, Vcpu *vcpu, uint32_t reason, uint64_t info1, uint64_t info2)
{
	EMIT(cpu, kvm_x86_exit, .exit_reason = reason, .guest_rip = guest_rip(vcpu, reason), .isa = ISA_SVM,
	     .info1 = info1, .info2 = info2, .intr_info = vcpu->in_service, .error_code = 0, .vcpu_id = vcpu->id);
	left_guest(cpu, vcpu, reason);
	vcpu->task.pc = AT_ENTRY;
}

static void inject(Cpu *cpu, Vcpu *vcpu)
{
	if (vcpu->vector == 0 || vcpu->level == 2)
		return;
	cpu_after(cpu, vcpu->vector_at);
	EMIT(cpu, kvm_x86_inj_virq, .irq = vcpu->vector);
	vcpu->in_service = vcpu->vector;
	vcpu->vector = 0;
}

static void enter_guest(Cpu *cpu, Vcpu *vcpu)
{
	inject(cpu, vcpu);
	cpu_spend(cpu, 200);
	EMIT(cpu, kvm_x86_entry, .vcpu_id = cpu->host->fixed_probe ? vcpu->id : vcpu->token);
	vcpu->entries++;
	vcpu->entered_at = cpu->now;
	vcpu->task.pc = AT_GUEST;
	cpu->act_at = cpu->now + vcpu->guest_left;
}

/* Back to the guest, unless another task is to run first. */
static void reenter(Cpu *cpu, Vcpu *vcpu, uint32_t mean)
{
	vcpu->guest_left = host_about(cpu->host, mean);
	cpu->act_at = cpu->now + 300;
	if (!cpu->resched)
		enter_guest(cpu, vcpu);
}

static void emulate(Cpu *cpu, Vcpu *vcpu, uint32_t reason, uint8_t len)
{
	static const uint8_t insn[15] = {0x0f, 0x30, 0x66, 0x90, 0xc3, 0xcc, 0xcc, 0xcc, 0xcc, 0x48, 0xc1, 0xe2, 0x20};
	cpu_spend(cpu, 400);
	EMIT(cpu, kvm_x86_emulate_insn, .rip = guest_rip(vcpu, reason), .csbase = 0, .len = len, .insn = insn,
	     .flags = 9, .failed = 0);
}

/* ---- interrupts for guests ---- */

void vcpu_deliver(Cpu *cpu, Vcpu *vcpu, uint8_t vector)
{
	Task *task = &vcpu->task;
	vcpu->vector = vector;
	vcpu->vector_at = cpu->now;
	if (task->state == TASK_BLOCKED && vcpu->halted)
		cpu_wake(cpu, task);
	else if (task->state == TASK_RUNNING && task->pc == AT_GUEST && task->cpu != cpu->id)
		cpu_send_ipi(cpu, &cpu->host->cpus[task->cpu]);
}

static void accept_irq(Cpu *cpu, const Vcpu *vcpu, uint8_t vector)
{
	EMIT(cpu, kvm_x86_apic_accept_irq, .apicid = vcpu->id, .dm = 0, .tm = 0, .vec = vector, .coalesced = 0);
}

/* A device's message: from QEMU or vhost. */
static void send_msi(Cpu *cpu, Vm *vm)
{
	Vcpu *vcpu = &vm->vcpus[host_below(cpu->host, vm->n_vcpus)];
	EMIT(cpu, kvm_msi_set_irq, .address = 0xfee00000u + vcpu->id * 4096, .data = VECTOR_DEVICE);
	accept_irq(cpu, vcpu, VECTOR_DEVICE);
	vcpu_deliver(cpu, vcpu, VECTOR_DEVICE);
}

/* ---- nested ---- */

static void nested_vmexit(Cpu *cpu, Vcpu *vcpu, uint32_t reason)
{
	/* The stock probe's arguments are out of date: what it records on this kernel are pointers and leftovers. */
	if (cpu->host->fixed_probe)
		EMIT(cpu, kvm_x86_nested_vmexit, .rip = guest_rip(vcpu, reason), .exit_code = reason, .exit_info1 = 0,
		     .exit_info2 = 0, .exit_int_info = 0, .exit_int_info_err = 0, .isa = ISA_SVM);
	else
		EMIT(cpu, kvm_x86_nested_vmexit, .rip = 0xff11000100000000u + vcpu->token, .exit_code = ISA_SVM,
		     .exit_info1 = 2305843009209997029u + vcpu->entries, .exit_info2 = 4194303, .exit_int_info = 0,
		     .exit_int_info_err = vcpu->token, .isa = 5159760);
}

/* The exit goes to the hypervisor in the guest. */
static void reflect(Cpu *cpu, Vcpu *vcpu, uint32_t reason)
{
	EMIT(cpu, kvm_x86_nested_vmexit_inject, .exit_code = reason, .exit_info1 = 0, .exit_info2 = 0,
	     .exit_int_info = 0, .exit_int_info_err = 0, .isa = ISA_SVM);
	vcpu->reflected++;
	vcpu->level = 1;
	vcpu->l1_step = reason == SVM_HLT ? L1_IDLE : L1_RUNS;
}

static void run_nested(Cpu *cpu, Vcpu *vcpu)
{
	exit_guest(cpu, vcpu, SVM_VMRUN, 0, 0);
	emulate(cpu, vcpu, SVM_VMRUN, 3);
	if (cpu->host->fixed_probe)
		EMIT(cpu, kvm_x86_nested_vmrun, .rip = guest_rip(vcpu, SVM_VMRUN), .vmcb = 0x10a4c000,
		     .nested_rip = 0xffffffff81a00000u, .int_ctl = 0x01000000, .event_inj = 0, .npt = 1);
	EMIT(cpu, kvm_x86_nested_intercepts, .cr_read = 16, .cr_write = 16, .exceptions = 393282,
	     .intercept = cpu->host->fixed_probe ? 0xbd4c8027u : 0xff110001bd4c8027u);
	vcpu->level = 2;
	reenter(cpu, vcpu, vcpu->vector != 0 ? 600 : 25000);
}

/* An exit of the nested guest: some that the host handles by itself, most for the hypervisor in the guest. */
static void nested_guest_exit(Cpu *cpu, Vcpu *vcpu)
{
	if (vcpu->vector != 0) {
		vcpu_interrupted(cpu, vcpu, cpu->now);
		return;
	}
	static const struct {
		uint32_t reason;
		uint8_t percent, reflected; /* per cent of those */
	} kinds[] = {{SVM_MSR, 45, 100}, {SVM_CPUID, 15, 100}, {SVM_NPF, 25, 40}, {SVM_HLT, 15, 100}};
	Host *host = cpu->host;
	unsigned dice = host_below(host, 100), i = 0;
	for (; dice >= kinds[i].percent; i++)
		dice -= kinds[i].percent;
	exit_guest(cpu, vcpu, kinds[i].reason, kinds[i].reason == SVM_MSR, 0);
	nested_vmexit(cpu, vcpu, kinds[i].reason);
	if (host_chance(host, kinds[i].reflected)) {
		reflect(cpu, vcpu, kinds[i].reason);
	} else {
		EMIT(cpu, kvm_x86_page_fault, .fault_address = host_random(host) >> 28 << 12, .error_code = 14);
		cpu_spend(cpu, host_about(host, 1500));
		vcpu->handled++;
	}
	reenter(cpu, vcpu, 3000);
}

/* What the hypervisor in the guest does before it runs its guest again. */
static void nested_hypervisor(Cpu *cpu, Vcpu *vcpu)
{
	static const uint32_t steps[] = {SVM_VMSAVE, SVM_VMLOAD, SVM_MSR, SVM_VMLOAD};
	const unsigned step = vcpu->l1_step++ % L1_IDLE;
	if (step >= G_N_ELEMENTS(steps)) {
		run_nested(cpu, vcpu);
		return;
	}
	exit_guest(cpu, vcpu, steps[step], 0, 0);
	if (steps[step] == SVM_MSR)
		EMIT(cpu, kvm_x86_msr, .write = 0, .ecx = MSR_SYSCFG, .data = 0, .exception = 0);
	emulate(cpu, vcpu, steps[step], 3);
	reenter(cpu, vcpu, 3000);
}

/* ---- exits ---- */

static void on_msr_timer(Cpu *cpu, Vcpu *vcpu)
{
	const uint64_t ns = 50000 + host_about(cpu->host, 2000000);
	timer_cancel(cpu, &vcpu->task);
	timer_start(cpu, &vcpu->task, ALARM_GUEST, ns);
	EMIT(cpu, kvm_x86_msr, .write = 1, .ecx = MSR_TSC_DEADLINE, .data = (cpu->now + ns) * 2, .exception = 0);
}

static void on_msr_ipi(Cpu *cpu, Vcpu *vcpu)
{
	Vm *vm = vcpu->vm;
	const uint8_t vector = host_chance(cpu->host, 60) ? VECTOR_GUEST_RESCHEDULE : VECTOR_GUEST_CALL;
	Vcpu *to = &vm->vcpus[(vcpu->id + 1 + host_below(cpu->host, vm->n_vcpus - 1)) % vm->n_vcpus];
	EMIT(cpu, kvm_x86_apic_ipi, .icr_low = vector, .dest_id = to->id);
	accept_irq(cpu, to, vector);
	vcpu_deliver(cpu, to, vector);
	EMIT(cpu, kvm_x86_msr, .write = 1, .ecx = MSR_X2APIC_ICR, .data = (uint64_t)to->id << 32 | vector,
	     .exception = 0);
}

static void on_msr_eoi(Cpu *cpu, Vcpu *vcpu)
{
	EMIT(cpu, kvm_x86_eoi, .apicid = vcpu->id, .vector = vcpu->in_service);
	vcpu->in_service = 0;
	EMIT(cpu, kvm_x86_msr, .write = 1, .ecx = MSR_X2APIC_EOI, .data = 0, .exception = 0);
}

static void on_msr(Cpu *cpu, Vcpu *vcpu)
{
	const unsigned dice = host_below(cpu->host, 100);
	exit_guest(cpu, vcpu, SVM_MSR, dice < 80, 0);
	if (vcpu->in_service != 0)
		on_msr_eoi(cpu, vcpu);
	else if (dice < 50)
		on_msr_timer(cpu, vcpu);
	else if (dice < 80)
		on_msr_ipi(cpu, vcpu);
	else
		EMIT(cpu, kvm_x86_msr, .write = 0, .ecx = MSR_SYSCFG, .data = 0, .exception = 0);
	emulate(cpu, vcpu, SVM_MSR, 2);
	reenter(cpu, vcpu, 16000);
}

static void on_cpuid(Cpu *cpu, Vcpu *vcpu)
{
	exit_guest(cpu, vcpu, SVM_CPUID, 0, 0);
	EMIT(cpu, kvm_x86_cpuid, .function = 1, .rax = 0, .rbx = 0x60fb1, .rcx = 0x10800, .rdx = 0x80a02001);
	emulate(cpu, vcpu, SVM_CPUID, 2);
	reenter(cpu, vcpu, 14000);
}

static void on_page(Cpu *cpu, Vcpu *vcpu)
{
	const uint64_t gpa = host_random(cpu->host) >> 28 << 12;
	exit_guest(cpu, vcpu, SVM_NPF, 0x10000000eu, gpa);
	EMIT(cpu, kvm_x86_page_fault, .fault_address = gpa, .error_code = 14);
	cpu_spend(cpu, host_about(cpu->host, 1200));
	reenter(cpu, vcpu, 16000);
}

/* The guest notifies a device: an eventfd of QEMU's main thread (a disk) or of vhost (the network). */
static void on_kick(Cpu *cpu, Vcpu *vcpu)
{
	static const uint8_t value[2] = {0, 0};
	Vm *vm = vcpu->vm;
	const bool is_net = host_chance(cpu->host, 40);
	const uint64_t gpa = 0xfebf7000u + (is_net ? 0x1000 : 0);
	exit_guest(cpu, vcpu, SVM_NPF, 0x10000000eu, gpa);
	EMIT(cpu, kvm_x86_page_fault, .fault_address = gpa, .error_code = 14);
	emulate(cpu, vcpu, SVM_NPF, 3);
	EMIT(cpu, kvm_mmio, .type = 2, .len = 2, .gpa = gpa, .val = {value, 2});
	task_more(cpu, is_net ? &vm->vhost : &vm->main);
	reenter(cpu, vcpu, 14000);
}

/* Port I/O, which QEMU emulates. */
static void on_port(Cpu *cpu, Vcpu *vcpu)
{
	const unsigned rw = host_below(cpu->host, 2);
	exit_guest(cpu, vcpu, SVM_IOIO, 0x03f80000u | rw, 0);
	EMIT(cpu, kvm_x86_pio, .rw = rw, .port = 0x3f8, .size = 1, .count = 1);
	EMIT(cpu, kvm_fpu, .load = 0);
	EMIT(cpu, kvm_userspace_exit, .reason = KVM_EXIT_IO, .errno_ = 0);
	EMIT(cpu, syscall_exit_ioctl, .ret = 0, .arg = 0);
	vcpu->task.pc = AT_USER;
	cpu->act_at = cpu->now + host_about(cpu->host, 5000);
}

static void on_vintr(Cpu *cpu, Vcpu *vcpu)
{
	exit_guest(cpu, vcpu, SVM_VINTR, 0, 0);
	EMIT(cpu, kvm_x86_inj_virq, .irq = VECTOR_GUEST_TIMER);
	vcpu->in_service = VECTOR_GUEST_TIMER;
	reenter(cpu, vcpu, 12000);
}

static void on_pause(Cpu *cpu, Vcpu *vcpu)
{
	exit_guest(cpu, vcpu, SVM_PAUSE, 0, 0);
	cpu_spend(cpu, 500);
	reenter(cpu, vcpu, 9000);
}

/* Nothing to do in the guest: until its timer, a device, or another of its processors. */
static void on_halt(Cpu *cpu, Vcpu *vcpu)
{
	exit_guest(cpu, vcpu, SVM_HLT, 0, 0);
	vcpu->guest_left = host_about(cpu->host, 15000);
	cpu->act_at = cpu->now + 300;
	if (vcpu->vector != 0)
		return;
	if (vcpu->task.timer_cpu < 0)
		timer_start(cpu, &vcpu->task, ALARM_GUEST, 20000 + host_about(cpu->host, 500000));
	cpu_spend(cpu, host_about(cpu->host, 1000));
	vcpu->halted = true;
	cpu_block(cpu, PREV_INTERRUPTIBLE, 400);
}

static void guest_exit(Cpu *cpu, Vcpu *vcpu)
{
	static const struct {
		void (*act)(Cpu *, Vcpu *);
		unsigned per_mille;
	} kinds[] = {{on_msr, 440},  {on_page, 130}, {on_halt, 120}, {on_cpuid, 90},
	             {on_vintr, 60}, {on_kick, 70},  {on_port, 40},  {on_pause, 50}};
	unsigned dice = host_below(cpu->host, 1000), i = 0;
	for (; dice >= kinds[i].per_mille; i++)
		dice -= kinds[i].per_mille;
	if (vcpu->level == 2) {
		nested_guest_exit(cpu, vcpu);
	} else if (vcpu->l1_step == L1_IDLE + 1) {
		vcpu->l1_step++;
		on_halt(cpu, vcpu);
	} else if (vcpu->nests && (vcpu->l1_step != L1_NOT_BEGUN || dice < 300)) {
		nested_hypervisor(cpu, vcpu);
	} else {
		kinds[i].act(cpu, vcpu);
	}
}

void vcpu_interrupted(Cpu *cpu, Vcpu *vcpu, uint64_t ran_until)
{
	vcpu->guest_left = cpu->act_at > ran_until ? cpu->act_at - ran_until : 500;
	const unsigned level = vcpu->level;
	exit_guest(cpu, vcpu, SVM_INTR, 0, 0);
	if (level == 2)
		nested_vmexit(cpu, vcpu, SVM_INTR);
	if (vcpu->vector != 0) {
		cpu_after(cpu, vcpu->vector_at);
		if (vcpu->vector == VECTOR_GUEST_TIMER)
			accept_irq(cpu, vcpu, vcpu->vector);
	}
	if (level == 2 && vcpu->vector != 0) {
		EMIT(cpu, kvm_x86_nested_intr_vmexit, .rip = guest_rip(vcpu, SVM_INTR));
		reflect(cpu, vcpu, SVM_INTR);
	} else if (level == 2) {
		vcpu->handled++;
	}
	cpu->act_at = cpu->now + 300;
}

/* ---- threads ---- */

static void run_ioctl(Cpu *cpu, Vcpu *vcpu)
{
	EMIT(cpu, syscall_entry_ioctl, .fd = 20 + vcpu->id, .cmd = KVM_RUN, .arg = 0);
	EMIT(cpu, kvm_fpu, .load = 1);
	reenter(cpu, vcpu, 14000);
}

static void futex(Cpu *cpu, uint64_t uaddr, int32_t op, uint32_t val)
{
	EMIT(cpu, syscall_entry_futex, .uaddr = uaddr, .op = op, .val = val, .utime = 0, .uaddr2 = 0, .val3 = 0);
}

static uint64_t lock_address(const Vm *vm)
{
	return 0x5590f0000000u + vm->index * 0x100000u;
}

/* QEMU has emulated a device: it may need its main thread, or the lock which that holds. */
static void user(Cpu *cpu, Vcpu *vcpu)
{
	Vm *vm = vcpu->vm;
	const unsigned dice = host_below(cpu->host, 100);
	vcpu->task.pc = AT_RUN;
	cpu->act_at = cpu->now + 600;
	if (dice < 25 && vm->main.state != TASK_BLOCKED) {
		vcpu->task.pc = AT_LOCK;
		futex(cpu, lock_address(vm), 128, 2);
		cpu_block(cpu, PREV_INTERRUPTIBLE, 600);
	} else if (dice < 60) {
		EMIT(cpu, syscall_entry_write, .fd = 12, .buf = 0x7ffd1000, .count = 8);
		task_more(cpu, &vm->main);
		EMIT(cpu, syscall_exit_write, .ret = 8);
	}
}

void vcpu_act(Cpu *cpu, Task *task)
{
	Vcpu *vcpu = (Vcpu *)task;
	switch (task->pc) {
	case AT_ENTRY:
		vcpu->halted = false;
		enter_guest(cpu, vcpu);
		break;
	case AT_GUEST:
		guest_exit(cpu, vcpu);
		break;
	case AT_USER:
		user(cpu, vcpu);
		break;
	case AT_LOCK:
		EMIT(cpu, syscall_exit_futex, .ret = 0, .uaddr = lock_address(vcpu->vm), .uaddr2 = 0);
		task->pc = AT_RUN;
		cpu->act_at = cpu->now + 500;
		break;
	case AT_RUN:
		run_ioctl(cpu, vcpu);
		break;
	}
}

/* ---- QEMU's main thread, vhost ---- */

enum { MAIN_POLL, MAIN_POLLED };

/* Those who wait for the lock that the main thread held. */
static void unlock(Cpu *cpu, Vm *vm)
{
	for (unsigned i = 0; i < vm->n_vcpus; i++) {
		Task *task = &vm->vcpus[i].task;
		if (task->pc != AT_LOCK || task->state != TASK_BLOCKED)
			continue;
		futex(cpu, lock_address(vm), 129, 1);
		cpu_wake(cpu, task);
		EMIT(cpu, syscall_exit_futex, .ret = 1, .uaddr = lock_address(vm), .uaddr2 = 0);
	}
}

static const int32_t main_fds[10] = {4, 6, 7, 8, 12, 13, 15, 26, 29, 30};

static void main_poll(Cpu *cpu, Vm *vm)
{
	Task *task = &vm->main;
	unlock(cpu, vm);
	EMIT(cpu, syscall_entry_ppoll, .tsp = 0x7ffd2000, .sigmask = 0, .sigsetsize = 8, .nfds = 10,
	     .fds = {main_fds, 10});
	task->pc = MAIN_POLLED;
	cpu->act_at = cpu->now + 500;
	if (task->more_at != 0)
		return;
	timer_start(cpu, task, ALARM_SLEEP, 1000000 + host_about(cpu->host, 8000000));
	cpu_block(cpu, PREV_INTERRUPTIBLE, 700);
}

static void main_read(Cpu *cpu, uint32_t fd)
{
	EMIT(cpu, syscall_entry_read, .fd = fd, .count = 512);
	EMIT(cpu, syscall_exit_read, .ret = 8, .buf = 0x7ffd3000);
	cpu_spend(cpu, host_about(cpu->host, 2500));
}

static void main_request(Cpu *cpu, Vm *vm)
{
	EMIT(cpu, syscall_entry_io_submit, .ctx_id = 0x7fcc00000000u, .nr = 1, .iocbpp = 0x7ffd4000);
	const bool is_write = host_chance(cpu->host, 60);
	disk_issue(cpu, &vm->main, vm->index % 2, is_write, 30000 + host_about(cpu->host, 120000));
	EMIT(cpu, syscall_exit_io_submit, .ret = 1);
	vm->in_flight = true;
}

static void main_complete(Cpu *cpu, Vm *vm)
{
	cpu_after(cpu, vm->main.disk_done_at);
	vm->main.disk_done_at = 0;
	vm->in_flight = false;
	EMIT(cpu, syscall_entry_write, .fd = 29, .buf = 0x559080000000u, .count = 8);
	send_msi(cpu, vm);
	EMIT(cpu, syscall_exit_write, .ret = 8);
}

static void main_act(Cpu *cpu, Task *task)
{
	Vm *vm = task->data;
	if (task->pc == MAIN_POLL) {
		main_poll(cpu, vm);
		return;
	}
	if (task->more_at != 0)
		cpu_after(cpu, task->more_at);
	task->more_at = 0;
	timer_cancel(cpu, task);
	EMIT(cpu, syscall_exit_ppoll, .ret = 1, .nfds = 10, .fds = {main_fds + 9, 1});
	cpu_spend(cpu, 800);
	main_read(cpu, 30);
	if (task->disk_done_at != 0)
		main_complete(cpu, vm);
	else if (!vm->in_flight)
		main_request(cpu, vm);
	task->pc = MAIN_POLL;
	cpu->act_at = cpu->now + host_about(cpu->host, 4000);
}

static void vhost_act(Cpu *cpu, Task *task)
{
	Vm *vm = task->data;
	if (task->more_at != 0)
		cpu_after(cpu, task->more_at);
	task->more_at = 0;
	if (host_chance(cpu->host, 50))
		net_send(cpu, vm->tap);
	else
		net_receive(cpu, vm->tap);
	cpu_spend(cpu, host_about(cpu->host, 2000));
	send_msi(cpu, vm);
	cpu->act_at = cpu->now + host_about(cpu->host, 3000);
	if (task->more_at == 0)
		cpu_block(cpu, PREV_INTERRUPTIBLE, host_about(cpu->host, 1500));
}

/* ---- the VMs ---- */

static void vcpu_init(Host *host, Vm *vm, unsigned id)
{
	Vcpu *vcpu = &vm->vcpus[id];
	g_autofree char *comm = g_strdup_printf("CPU %u/KVM", id);
	*vcpu = (Vcpu){.vm = vm, .id = id, .level = 1, .halted = true, .l1_step = L1_NOT_BEGUN};
	task_init(host, &vcpu->task, comm, host->next_tid++, vm->main.tid, vcpu_act);
	vcpu->token = 93494352u + vm->index * 0x40000u + id * 0x4000u;
	vcpu->guest_left = host_about(host, 20000);
	g_ptr_array_add(host->tasks, &vcpu->task);
}

static void vm_init(Host *host, unsigned index)
{
	Vm *vm = &host->vms[index];
	*vm = (Vm){.index = index, .n_vcpus = 2 + (index % 3 == 1)};
	const int32_t pid = host->next_tid++;
	task_init(host, &vm->main, "qemu-system-x86", pid, pid, main_act);
	vm->main.pc = MAIN_POLLED;
	vm->main.data = vm;
	vm->main.eager = 60;
	g_ptr_array_add(host->tasks, &vm->main);
	vm->vcpus = g_new0(Vcpu, vm->n_vcpus);
	for (unsigned id = 0; id < vm->n_vcpus; id++)
		vcpu_init(host, vm, id);
	g_autofree char *comm = g_strdup_printf("vhost-%d", pid);
	const int32_t tid = host->next_tid++;
	task_init(host, &vm->vhost, comm, tid, tid, vhost_act);
	vm->vhost.ppid = 2;
	vm->vhost.is_kthread = true;
	vm->vhost.data = vm;
	vm->vhost.eager = 60;
	g_snprintf(vm->tap, sizeof vm->tap, "vnet%u", index);
	g_ptr_array_add(host->tasks, &vm->vhost);
}

void vms_init(Host *host, unsigned n_vms, bool nested)
{
	host->n_vms = n_vms;
	host->vms = g_new0(Vm, n_vms);
	for (unsigned i = 0; i < n_vms; i++)
		vm_init(host, i);
	host->vms[0].vcpus[0].nests = nested;
}

static void begin_in_guest(Cpu *cpu, Vcpu *vcpu)
{
	vcpu->task.pc = AT_GUEST;
	vcpu->halted = false;
	cpu_begin_with(cpu, &vcpu->task, host_about(cpu->host, 20000));
}

/* At the start: a virtual processor in its guest on each processor but the first, as many as there are; the rest
 * halted, and woken soon. */
void vms_begin(Host *host)
{
	unsigned free_cpu = 1;
	for (unsigned i = 0; i < host->n_vms; i++) {
		Vm *vm = &host->vms[i];
		for (unsigned id = 0; id < vm->n_vcpus; id++) {
			Vcpu *vcpu = &vm->vcpus[id];
			if (id == 0 && free_cpu < host->n_cpus)
				begin_in_guest(&host->cpus[free_cpu++], vcpu);
			else
				alarm_set(&host->cpus[vcpu->task.cpu], &vcpu->task, ALARM_GUEST,
				          host->start + host_about(host, 1000000), 0);
		}
		alarm_set(&host->cpus[vm->main.cpu], &vm->main, ALARM_SLEEP, host->start + host_about(host, 3000000),
		          0);
	}
}

void vms_free(Host *host)
{
	for (unsigned i = 0; i < host->n_vms; i++)
		g_free(host->vms[i].vcpus);
	g_free(host->vms);
}
