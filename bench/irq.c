/* SPDX-License-Identifier: MIT */
#include "host.h"

enum { SOFTIRQ_TIMER = 1, SOFTIRQ_NET_RX = 3, SOFTIRQ_BLOCK = 4, SOFTIRQ_SCHED = 7, SOFTIRQ_RCU = 9 };
enum { VECTOR_LOCAL_TIMER = 236, VECTOR_CALL_FUNCTION_SINGLE = 251, VECTOR_RESCHEDULE = 253 };
enum { VECTOR_GUEST_TIMER = 236 };

#define TICK_NS 4000000u
/* What has run this long gives way to what waits, at the next tick. */
#define SLICE_NS 3000000u

static const uint64_t timer_functions[] = {
        [ALARM_SLEEP] = 0xffffffff81154b60u, /* hrtimer_wakeup */
        [ALARM_GUEST] = 0xffffffffc0498eb0u, /* apic_timer_fn */
};
#define TICK_FUNCTION 0xffffffff81168260u /* tick_sched_timer */

/* ---- alarms: what a processor's timers and disks will do ---- */

static void alarms_changed(Cpu *cpu)
{
	uint64_t at = NEVER;
	for (unsigned i = 0; i < cpu->alarms->len; i++)
		at = MIN(at, g_array_index(cpu->alarms, Alarm, i).at);
	cpu->alarm_at = at;
	cpu_poke(cpu);
}

void alarm_set(Cpu *cpu, Task *task, AlarmKind kind, uint64_t at, uint64_t sector)
{
	const Alarm alarm = {at, kind, task, sector};
	g_array_append_val(cpu->alarms, alarm);
	if (kind != ALARM_DISK)
		task->timer_cpu = (int32_t)cpu->id;
	cpu->alarm_at = MIN(cpu->alarm_at, at);
	cpu_poke(cpu);
}

static void alarm_cancel(Cpu *cpu, Task *task)
{
	if (task->timer_cpu < 0)
		return;
	Cpu *holder = &cpu->host->cpus[task->timer_cpu];
	for (unsigned i = 0; i < holder->alarms->len; i++) {
		const Alarm *alarm = &g_array_index(holder->alarms, Alarm, i);
		if (alarm->task == task && alarm->kind != ALARM_DISK) {
			g_array_remove_index_fast(holder->alarms, i);
			break;
		}
	}
	task->timer_cpu = -1;
	alarms_changed(holder);
}

void timer_start(Cpu *cpu, Task *task, AlarmKind kind, uint64_t ns)
{
	const uint64_t at = cpu->now + ns;
	EMIT(cpu, timer_hrtimer_start, .hrtimer = task->timer, .function = timer_functions[kind],
	     .expires = (int64_t)at, .softexpires = (int64_t)at, .mode = kind == ALARM_GUEST ? 8 : 0);
	alarm_set(cpu, task, kind, at, 0);
}

void timer_cancel(Cpu *cpu, Task *task)
{
	if (task->timer_cpu < 0)
		return;
	EMIT(cpu, timer_hrtimer_cancel, .hrtimer = task->timer);
	alarm_cancel(cpu, task);
}

static Alarm take_alarm(Cpu *cpu)
{
	for (unsigned i = 0;; i++) {
		const Alarm alarm = g_array_index(cpu->alarms, Alarm, i);
		if (alarm.at != cpu->alarm_at)
			continue;
		g_array_remove_index_fast(cpu->alarms, i);
		if (alarm.kind != ALARM_DISK)
			alarm.task->timer_cpu = -1;
		alarms_changed(cpu);
		return alarm;
	}
}

/* ---- devices ---- */

static const struct {
	const char *name;
	uint32_t dev;
	bool in_softirq; /* completes there */
} disks[] = {{"nvme0q1", 0x10300000, false}, {"ahci[0000:00:1f", 0x00800000, true}};

/* A synchronous write, or a read that goes ahead: the request's sector says which, so that its completion agrees. */
static uint32_t rwbs_of(uint64_t sector)
{
	return sector & 4 ? 33 : 12;
}

void disk_issue(Cpu *cpu, Task *task, unsigned disk, bool is_write, uint64_t latency)
{
	Host *host = cpu->host;
	const uint64_t sector = (host_random(host) >> 40) * 8 + (is_write ? 4 : 0) + disk;
	EMIT(cpu, block_rq_issue, .dev = disks[disk].dev, .sector = sector, .nr_sector = 8, .bytes = 4096,
	     .tid = task->tid, .rwbs = rwbs_of(sector), .comm = task->comm);
	Cpu *to = &host->cpus[(task->tid + (int32_t)disk) % (int32_t)host->n_cpus];
	alarm_set(to, task, ALARM_DISK, MAX(cpu->now, to->now) + latency, sector);
}

/* An IPv4 header and a TCP header, with the type bytes that LTTng puts before each. */
static OutSpan packet(Cpu *cpu, uint8_t bytes[42], bool sent)
{
	static const uint8_t model[42] = {1, 0x45, 0,  0x05, 0xdc, 0x70, 0x42, 0x40, 0,    64,   6,    0xb2, 0x5d, 10,
	                                  0, 2,    15, 10,   0,    2,    2,    1,    0x1b, 0x58, 0xc3, 0x32, 0,    0,
	                                  0, 0,    0,  0,    0,    0,    0x50, 0x18, 0xfa, 0x76, 0x18, 0x4b, 0,    0};
	memcpy(bytes, model, sizeof model);
	const uint32_t seq = (uint32_t)(host_random(cpu->host) >> 32);
	bytes[16] = sent ? 15 : 2;
	bytes[20] = sent ? 2 : 15;
	for (unsigned i = 0; i < 4; i++)
		bytes[26 + i] = (uint8_t)(seq >> (24 - 8 * i));
	return (OutSpan){bytes, 42};
}

void net_send(Cpu *cpu, const char *dev)
{
	uint8_t bytes[42];
	const OutSpan header = packet(cpu, bytes, true);
	const uint64_t skb = 0xff11000100800000u + host_below(cpu->host, 4096) * 256;
	EMIT(cpu, net_dev_queue, .skbaddr = skb, .len = 1514, .name = dev, .network_header = header);
	EMIT(cpu, net_dev_xmit, .skbaddr = skb, .rc = 0, .len = 1514, .name = dev);
}

void net_receive(Cpu *cpu, const char *dev)
{
	uint8_t bytes[42];
	const OutSpan header = packet(cpu, bytes, false);
	const uint64_t skb = 0xff11000103200000u + host_below(cpu->host, 4096) * 256;
	EMIT(cpu, net_if_receive_skb, .skbaddr = skb, .len = 1500, .name = dev, .network_header = header);
}

/* ---- softirqs ---- */

static void softirq_raise(Cpu *cpu, unsigned vec)
{
	EMIT(cpu, irq_softirq_raise, .vec = vec);
	cpu->softirqs |= 1u << vec;
}

static void disk_complete(Cpu *cpu, const Alarm *alarm)
{
	const unsigned disk = (unsigned)(alarm->sector % 4);
	EMIT(cpu, block_rq_complete, .dev = disks[disk].dev, .sector = alarm->sector, .nr_sector = 8, .error = 0,
	     .rwbs = rwbs_of(alarm->sector));
	alarm->task->disk_done_at = cpu->now;
	task_more(cpu, alarm->task);
}

static void net_rx(Cpu *cpu)
{
	Host *host = cpu->host;
	for (unsigned n = 1 + host_below(host, 3); n > 0; n--)
		net_receive(cpu, "eth0");
	Task *waiter = host_chance(host, 50) ? work_net_waiter(host) : NULL;
	if (waiter)
		cpu_wake(cpu, waiter);
	else
		task_more(cpu, &host->vms[host_below(host, host->n_vms)].vhost);
}

static void softirq(Cpu *cpu, unsigned vec)
{
	EMIT(cpu, irq_softirq_entry, .vec = vec);
	cpu_spend(cpu, 200);
	if (vec == SOFTIRQ_NET_RX)
		net_rx(cpu);
	else if (vec == SOFTIRQ_RCU && host_chance(cpu->host, 15))
		cpu_wake(cpu, work_rcu(cpu->host));
	else if (vec == SOFTIRQ_TIMER && host_chance(cpu->host, 20))
		cpu_wake(cpu, work_kworker(cpu->host, cpu->id));
	else if (vec == SOFTIRQ_BLOCK)
		disk_complete(cpu, &cpu->completed);
	EMIT(cpu, irq_softirq_exit, .vec = vec);
}

static void softirqs(Cpu *cpu)
{
	while (cpu->softirqs != 0) {
		const unsigned vec = (unsigned)__builtin_ctz(cpu->softirqs);
		cpu->softirqs &= ~(1u << vec);
		softirq(cpu, vec);
	}
}

/* ---- interrupts ---- */

static void tick(Cpu *cpu)
{
	Host *host = cpu->host;
	EMIT(cpu, x86_irq_vectors_local_timer_entry, .vector = VECTOR_LOCAL_TIMER);
	EMIT(cpu, timer_hrtimer_expire_entry, .hrtimer = cpu->tick_timer, .now = (int64_t)cpu->now,
	     .function = TICK_FUNCTION);
	if (host_chance(host, 40))
		softirq_raise(cpu, SOFTIRQ_TIMER);
	if (host_chance(host, 60))
		softirq_raise(cpu, SOFTIRQ_RCU);
	if (!cpu_is_idle(cpu)) {
		cpu_account(cpu, cpu->cur);
		softirq_raise(cpu, SOFTIRQ_SCHED);
		if (cpu->queue.n > 0 && cpu->now - cpu->cur->on_cpu_at > SLICE_NS)
			cpu->resched = true;
	}
	EMIT(cpu, timer_hrtimer_expire_exit, .hrtimer = cpu->tick_timer);
	cpu->tick_at = cpu->now - cpu->now % TICK_NS + TICK_NS * (cpu_is_idle(cpu) ? 10 : 1) + cpu->id * 1000;
	EMIT(cpu, timer_hrtimer_start, .hrtimer = cpu->tick_timer, .function = TICK_FUNCTION,
	     .expires = (int64_t)cpu->tick_at, .softexpires = (int64_t)cpu->tick_at, .mode = 0);
	EMIT(cpu, x86_irq_vectors_local_timer_exit, .vector = VECTOR_LOCAL_TIMER);
}

static void timer(Cpu *cpu, const Alarm *alarm)
{
	EMIT(cpu, x86_irq_vectors_local_timer_entry, .vector = VECTOR_LOCAL_TIMER);
	EMIT(cpu, timer_hrtimer_expire_entry, .hrtimer = alarm->task->timer, .now = (int64_t)cpu->now,
	     .function = timer_functions[alarm->kind]);
	if (alarm->kind == ALARM_GUEST)
		vcpu_deliver(cpu, (Vcpu *)alarm->task, VECTOR_GUEST_TIMER);
	else
		cpu_wake(cpu, alarm->task);
	EMIT(cpu, timer_hrtimer_expire_exit, .hrtimer = alarm->task->timer);
	EMIT(cpu, x86_irq_vectors_local_timer_exit, .vector = VECTOR_LOCAL_TIMER);
}

static void disk(Cpu *cpu, const Alarm *alarm)
{
	const unsigned which = (unsigned)(alarm->sector % 4);
	EMIT(cpu, irq_handler_entry, .irq = 28 + (int32_t)which, .name = disks[which].name);
	if (disks[which].in_softirq) {
		cpu->completed = *alarm;
		softirq_raise(cpu, SOFTIRQ_BLOCK);
	} else {
		disk_complete(cpu, alarm);
	}
	EMIT(cpu, irq_handler_exit, .irq = 28 + (int32_t)which, .ret = 1);
}

static void net(Cpu *cpu)
{
	cpu->net_at = cpu->now + host_about(cpu->host, 2500000);
	EMIT(cpu, irq_handler_entry, .irq = 40 + (int32_t)(cpu->id % 16), .name = "eth0-rx-0");
	softirq_raise(cpu, SOFTIRQ_NET_RX);
	EMIT(cpu, irq_handler_exit, .irq = 40 + (int32_t)(cpu->id % 16), .ret = 1);
}

static void ipi(Cpu *cpu)
{
	const bool resched = cpu->ipi_resched;
	cpu->ipi_at = NEVER;
	cpu->ipi_resched = false;
	if (cpu->wakeups.n == 0) {
		EMIT(cpu, x86_irq_vectors_reschedule_entry, .vector = VECTOR_RESCHEDULE);
		EMIT(cpu, x86_irq_vectors_reschedule_exit, .vector = VECTOR_RESCHEDULE);
	} else {
		EMIT(cpu, x86_irq_vectors_call_function_single_entry, .vector = VECTOR_CALL_FUNCTION_SINGLE);
		cpu_finish_wakeups(cpu);
		EMIT(cpu, x86_irq_vectors_call_function_single_exit, .vector = VECTOR_CALL_FUNCTION_SINGLE);
	}
	if (resched || cpu_is_idle(cpu))
		cpu->resched = true;
}

static void dispatch(Cpu *cpu, uint64_t at)
{
	if (cpu->ipi_at == at) {
		ipi(cpu);
	} else if (cpu->alarm_at == at) {
		const Alarm alarm = take_alarm(cpu);
		if (alarm.kind == ALARM_DISK)
			disk(cpu, &alarm);
		else
			timer(cpu, &alarm);
	} else if (cpu->tick_at == at) {
		tick(cpu);
	} else {
		net(cpu);
	}
}

/* What idles looks around after an interrupt, and goes back to sleep if there is nothing. */
static void idle_again(Cpu *cpu)
{
	if (cpu->resched)
		return;
	EMIT(cpu, power_cpu_idle, .state = UINT32_MAX, .cpu_id = cpu->id);
	EMIT(cpu, power_cpu_idle, .state = 1, .cpu_id = cpu->id);
}

void irq_step(Cpu *cpu, uint64_t at)
{
	const uint64_t begin = cpu->now;
	Task *task = cpu->cur;
	dispatch(cpu, at);
	softirqs(cpu);
	if (cpu_is_idle(cpu)) {
		idle_again(cpu);
		return;
	}
	if (vcpu_in_guest(task))
		vcpu_interrupted(cpu, (Vcpu *)task, begin);
	else
		cpu->act_at = MAX(cpu->act_at, begin) + (cpu->now - begin);
}
