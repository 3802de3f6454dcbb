/* SPDX-License-Identifier: MIT */
/*
 * A simulated KVM host, simple but coherent: tasks run on processors, block, are woken (mostly from other processors),
 * preempted and migrated; virtual processors enter and leave their guests; timers, disks and the network interrupt.
 * Whatever it does, it records through ctfout.h, as the kernel would.
 *
 * Time: each processor has its own (Cpu.now, the time of its last event). host_step() always advances the processor
 * whose next action is earliest, so that processors are never far apart; what one does to another (a wakeup) takes
 * effect later than its cause and never before what the other has recorded already. Every source of chance is one
 * seeded generator: the same options give the same bytes.
 *
 * host.c     processors, the scheduler, wakeups, the order of things
 * irq.c      interrupts, timers, softirqs
 * vcpu.c     virtual processors, QEMU's main threads, vhost workers
 * work.c     everything else that runs, and the statedump
 */
#pragma once

#include "ctfout.h"

#define NEVER UINT64_MAX

typedef struct Cpu Cpu;
typedef struct Host Host;
typedef struct Task Task;
typedef struct Vcpu Vcpu;
typedef struct Vm Vm;

/* Bits of sched_switch's prev_state as Linux 6.1 reports them. */
enum {
	PREV_RUNNABLE = 0,
	PREV_INTERRUPTIBLE = 1,
	PREV_UNINTERRUPTIBLE = 2,
	PREV_ZOMBIE = 0x20,
	PREV_IDLE = 0x80, /* a kernel thread's idle sleep */
	PREV_PREEMPTED = 0x100,
};

typedef enum { TASK_BLOCKED, TASK_READY, TASK_RUNNING, TASK_GONE } TaskState;

struct Task {
	int32_t tid, pid, ppid, prio;
	char comm[16];
	/* What it does next, when it has the processor and Cpu.act_at has come. */
	void (*act)(Cpu *cpu, Task *task);
	void *data;   /* of act */
	unsigned pc;  /* where in its program it is: for act */
	int32_t call; /* the system call it is in, or -1: for act */
	TaskState state;
	uint32_t cpu; /* where it runs, waits to run, or last ran */
	bool pinned;  /* never leaves that processor */
	bool is_kthread;
	bool in_kernel;        /* where preemption would find it */
	unsigned eager;        /* per cent of its wakeups that preempt what runs */
	uint64_t since;        /* of state */
	uint64_t left;         /* time on the processor until act */
	uint64_t more_at;      /* when somebody gave it more to do while it was not blocked; 0: nobody */
	uint64_t disk_done_at; /* when its request completed and it has not been told yet; 0: never */
	int32_t timer_cpu;     /* whose queue holds its timer, or -1 */
	uint64_t timer;        /* the timer's address */
	uint64_t accounted;    /* until when runtime has been reported */
	uint64_t vruntime;
	uint64_t on_cpu_at;           /* 0: since before the trace */
	uint64_t run_ns, switched_in; /* truth */
	Task *next;                   /* in a run queue or list of wakeups */
};

typedef struct {
	Task *head, *tail;
	unsigned n;
} TaskList;

typedef enum { ALARM_SLEEP, ALARM_GUEST, ALARM_DISK } AlarmKind;

typedef struct {
	uint64_t at;
	AlarmKind kind;
	Task *task;
	uint64_t sector;
} Alarm;

struct Cpu {
	Host *host;
	uint32_t id;
	uint64_t now; /* of its last event */
	uint64_t due; /* of its next action: the least of the _at below */
	unsigned heap_pos;
	Task *cur;
	Task idle;
	TaskList queue;   /* ready, woken */
	TaskList wakeups; /* woken by another processor, which sent an interrupt for it */
	bool resched;
	uint64_t act_at, tick_at, alarm_at, net_at, ipi_at;
	bool ipi_resched;
	GArray *alarms;
	unsigned softirqs;   /* raised */
	Alarm completed;     /* for the block softirq */
	uint64_t tick_timer; /* address */
	Out out;
};

/* Exit reasons that occur, for counting by index. */
enum { EXIT_N_REASONS = 11 };
extern const uint32_t vcpu_exit_reasons[EXIT_N_REASONS];

struct Vcpu {
	Task task;
	Vm *vm;
	uint32_t id;
	uint32_t token;   /* what the stock probe writes as its id into kvm_x86_entry */
	unsigned level;   /* 1, or 2 in a nested guest */
	bool nests;       /* runs a nested guest */
	unsigned l1_step; /* of the nested hypervisor's work between two runs of its guest */
	bool halted;
	uint8_t vector, in_service; /* interrupts: pending, injected */
	uint64_t vector_at;
	uint64_t guest_left;
	uint64_t entered_at;                                     /* 0: not in guest, or since before the trace */
	uint64_t entries, exits[2][EXIT_N_REASONS], guest_ns[2]; /* truth */
	uint64_t reflected, handled;                             /* truth: exits of level 2 */
	bool in_guest_at_begin;
};

struct Vm {
	unsigned index;
	unsigned n_vcpus;
	Vcpu *vcpus;
	Task main, vhost;
	bool in_flight; /* a request to a disk */
	char tap[16];
};

struct Host {
	unsigned n_cpus, n_vms, n_tasks;
	Cpu *cpus;
	Cpu **heap;
	Vm *vms;
	GPtrArray *tasks; /* all of them, for the statedump and the truth */
	struct Work *work;
	unsigned n_idle;
	int32_t next_tid;
	bool fixed_probe;
	uint64_t rng;
	uint64_t start;
	uint64_t counts[OUT_N_EVENTS];
	uint64_t exited, exited_run_ns; /* truth: of tasks that are no more */
};

typedef struct {
	unsigned n_cpus;
	uint64_t seed;
	bool nested, fixed_probe;
} HostOptions;

Host *host_new(const HostOptions *options);
/* One action on one processor; the number of events written so far. */
void host_step(Host *host);
uint64_t host_events(const Host *host);
/* Writes out the streams. */
void host_close(Host *host);
void host_free(Host *host);

/* ---- for the parts of the simulation ---- */

static inline uint64_t host_random(Host *host)
{
	uint64_t x = host->rng;
	x ^= x << 13;
	x ^= x >> 7;
	x ^= x << 17;
	return host->rng = x;
}

/* A number in [0, n). C leaves the order in which arguments are evaluated open, so: one number of chance a call. */
static inline uint32_t host_below(Host *host, uint32_t n)
{
	return (uint32_t)(((host_random(host) >> 32) * n) >> 32);
}

/* A time around `mean`: half of it to one and a half. */
static inline uint64_t host_about(Host *host, uint32_t mean)
{
	return mean / 2 + host_below(host, mean);
}

static inline bool host_chance(Host *host, unsigned percent)
{
	return host_below(host, 100) < percent;
}

/* Records an event on a processor, in the context of what runs there, a little later than the one before. */
#define EMIT(c, name, ...)                                                                                             \
	do {                                                                                                           \
		(c)->now += 90 + (host_random((c)->host) >> 56);                                                       \
		OUT_EMIT(&(c)->out, (c)->now, (c)->cur->pid, (c)->cur->tid, name, __VA_ARGS__);                        \
	} while (0)

static inline void cpu_spend(Cpu *cpu, uint64_t ns)
{
	cpu->now += ns;
}

/* This processor is about to use what another did at `at`: not before. */
static inline void cpu_after(Cpu *cpu, uint64_t at)
{
	if (cpu->now <= at)
		cpu->now = at + 1;
}

static inline bool cpu_is_idle(const Cpu *cpu)
{
	return cpu->cur == &cpu->idle;
}

/* At the start of the trace: a task that has been running, and acts `left` ns from now. */
void cpu_begin_with(Cpu *cpu, Task *task, uint64_t left);
/* What happens next on this processor may have changed. */
void cpu_poke(Cpu *cpu);
/* Has the current task give up the processor (PREV_*), or be preempted. */
void cpu_schedule(Cpu *cpu, int64_t prev_state);
/* The current task blocks, and does its next thing `left` ns after it runs again. */
void cpu_block(Cpu *cpu, int64_t prev_state, uint64_t left);
/* Wakes a task if it is blocked. */
void cpu_wake(Cpu *cpu, Task *task);
/* Makes a task that has just been forked on this processor ready. */
void cpu_wake_new(Cpu *cpu, Task *task);
/* Interrupts another processor a moment from now. */
void cpu_send_ipi(Cpu *cpu, Cpu *to);
/* The end of the interrupt that another processor sent for its wakeups. */
void cpu_finish_wakeups(Cpu *cpu);
void cpu_account(Cpu *cpu, Task *task);
/* Gives a task something to do: wakes it, or has it find it before it blocks. */
void task_more(Cpu *cpu, Task *task);
/* Blocked, on some processor. */
void task_init(Host *host, Task *task, const char *comm, int32_t tid, int32_t pid, void (*act)(Cpu *, Task *));

/* irq.c */
void irq_step(Cpu *cpu, uint64_t at);
void alarm_set(Cpu *cpu, Task *task, AlarmKind kind, uint64_t at, uint64_t sector);
/* Arms, with its event, a timer of the task. */
void timer_start(Cpu *cpu, Task *task, AlarmKind kind, uint64_t ns);
/* Drops, with its event, the task's timer if it has not expired, whichever processor holds it. */
void timer_cancel(Cpu *cpu, Task *task);
void disk_issue(Cpu *cpu, Task *task, unsigned disk, bool is_write, uint64_t latency);
void net_send(Cpu *cpu, const char *dev);
void net_receive(Cpu *cpu, const char *dev);

/* vcpu.c */
void vms_init(Host *host, unsigned n_vms, bool nested);
void vms_begin(Host *host);
void vms_free(Host *host);
void vcpu_act(Cpu *cpu, Task *task);
/* An interrupt took a virtual processor out of its guest, at `ran_until`. */
void vcpu_interrupted(Cpu *cpu, Vcpu *vcpu, uint64_t ran_until);
bool vcpu_in_guest(const Task *task);
/* Makes an interrupt pending on a virtual processor and has it noticed. */
void vcpu_deliver(Cpu *cpu, Vcpu *vcpu, uint8_t vector);

/* work.c */
void work_init(Host *host);
void work_begin(Host *host);
void work_free(Host *host);
/* What softirqs wake: a task that waits for the network (NULL: none does), RCU's thread, a processor's worker. */
Task *work_net_waiter(Host *host);
Task *work_rcu(Host *host);
Task *work_kworker(Host *host, uint32_t cpu);
