/* SPDX-License-Identifier: MIT */
#include "host.h"

/* ---- the order of things: a heap of processors by due ---- */

static void heap_put(Host *host, unsigned pos, Cpu *cpu)
{
	host->heap[pos] = cpu;
	cpu->heap_pos = pos;
}

static bool before(const Cpu *a, const Cpu *b)
{
	return a->due < b->due || (a->due == b->due && a->id < b->id);
}

static void heap_fix(Host *host, Cpu *cpu)
{
	unsigned pos = cpu->heap_pos;
	for (; pos > 0 && before(cpu, host->heap[(pos - 1) / 2]); pos = (pos - 1) / 2)
		heap_put(host, pos, host->heap[(pos - 1) / 2]);
	for (;;) {
		unsigned child = 2 * pos + 1;
		if (child >= host->n_cpus)
			break;
		if (child + 1 < host->n_cpus && before(host->heap[child + 1], host->heap[child]))
			child++;
		if (!before(host->heap[child], cpu))
			break;
		heap_put(host, pos, host->heap[child]);
		pos = child;
	}
	heap_put(host, pos, cpu);
}

static uint64_t next_irq(const Cpu *cpu)
{
	return MIN(MIN(cpu->tick_at, cpu->alarm_at), MIN(cpu->net_at, cpu->ipi_at));
}

void cpu_poke(Cpu *cpu)
{
	uint64_t due = next_irq(cpu);
	if (!cpu_is_idle(cpu))
		due = MIN(due, cpu->act_at);
	due = MAX(due, cpu->now);
	if (due != cpu->due) {
		cpu->due = due;
		heap_fix(cpu->host, cpu);
	}
}

void host_step(Host *host)
{
	Cpu *cpu = host->heap[0];
	cpu->now = MAX(cpu->now, cpu->due);
	const uint64_t irq = next_irq(cpu);
	if (cpu_is_idle(cpu) || irq <= cpu->act_at)
		irq_step(cpu, irq);
	else
		cpu->cur->act(cpu, cpu->cur);
	if (cpu->resched)
		cpu_schedule(cpu, cpu->cur->in_kernel ? PREV_PREEMPTED : PREV_RUNNABLE);
	cpu_poke(cpu);
}

/* ---- run queues ---- */

static void list_add(TaskList *list, Task *task)
{
	task->next = NULL;
	*(list->tail ? &list->tail->next : &list->head) = task;
	list->tail = task;
	list->n++;
}

static void list_remove(TaskList *list, Task *previous, Task *task)
{
	*(previous ? &previous->next : &list->head) = task->next;
	if (list->tail == task)
		list->tail = previous;
	list->n--;
}

static Task *list_pop(TaskList *list)
{
	Task *task = list->head;
	if (task)
		list_remove(list, NULL, task);
	return task;
}

static void enqueue(Cpu *cpu, Task *task, uint64_t now)
{
	task->state = TASK_READY;
	task->cpu = cpu->id;
	task->since = now;
	list_add(&cpu->queue, task);
}

static void migrate(Cpu *cpu, Task *task, Cpu *to)
{
	if (task->cpu == to->id)
		return;
	EMIT(cpu, sched_migrate_task, .comm = task->comm, .tid = task->tid, .prio = task->prio,
	     .orig_cpu = (int32_t)task->cpu, .dest_cpu = (int32_t)to->id);
	task->cpu = to->id;
}

/* Newly idle: takes over the first task that waits elsewhere and may move. */
static Task *pull(Cpu *cpu)
{
	Host *host = cpu->host;
	for (unsigned i = 1; i < host->n_cpus; i++) {
		Cpu *from = &host->cpus[(cpu->id + i) % host->n_cpus];
		for (Task *previous = NULL, *task = from->queue.head; task; previous = task, task = task->next) {
			if (task->pinned)
				continue;
			list_remove(&from->queue, previous, task);
			cpu_after(cpu, task->since);
			migrate(cpu, task, cpu);
			return task;
		}
	}
	return NULL;
}

/* ---- scheduling ---- */

void cpu_account(Cpu *cpu, Task *task)
{
	const uint64_t ran = cpu->now - task->accounted;
	task->accounted = cpu->now;
	task->vruntime += ran;
	EMIT(cpu, sched_stat_runtime, .comm = task->comm, .tid = task->tid, .runtime = ran, .vruntime = task->vruntime);
}

/* The tick stops for as long as nothing needs it. */
static void idle_enter(Cpu *cpu)
{
	Host *host = cpu->host;
	host->n_idle++;
	cpu->tick_at = cpu->now + 20000000 + host_below(host, 80000000);
	EMIT(cpu, timer_hrtimer_start, .hrtimer = cpu->tick_timer, .function = 0xffffffff81168260u,
	     .expires = (int64_t)cpu->tick_at, .softexpires = (int64_t)cpu->tick_at, .mode = 10);
	EMIT(cpu, power_cpu_idle, .state = host_chance(host, 70) ? 1 : 2, .cpu_id = cpu->id);
}

static void idle_leave(Cpu *cpu)
{
	cpu->host->n_idle--;
	EMIT(cpu, power_cpu_idle, .state = UINT32_MAX, .cpu_id = cpu->id);
	cpu->tick_at = cpu->now - cpu->now % 4000000 + 4000000 + cpu->id * 1000;
	EMIT(cpu, timer_hrtimer_cancel, .hrtimer = cpu->tick_timer);
	EMIT(cpu, timer_hrtimer_start, .hrtimer = cpu->tick_timer, .function = 0xffffffff81168260u,
	     .expires = (int64_t)cpu->tick_at, .softexpires = (int64_t)cpu->tick_at, .mode = 0);
}

static void switch_out(Cpu *cpu, Task *prev, int64_t prev_state)
{
	if (prev == &cpu->idle)
		return;
	if (prev->on_cpu_at != 0)
		prev->run_ns += cpu->now - prev->on_cpu_at;
	prev->left = cpu->act_at > cpu->now ? cpu->act_at - cpu->now : 0;
	if (prev_state == PREV_RUNNABLE || prev_state == PREV_PREEMPTED) {
		enqueue(cpu, prev, cpu->now);
		return;
	}
	prev->state = prev_state == PREV_ZOMBIE ? TASK_GONE : TASK_BLOCKED;
	prev->since = cpu->now;
}

static void switch_in(Cpu *cpu, Task *next)
{
	cpu->cur = next;
	cpu->act_at = cpu->now + next->left + 250;
	if (next == &cpu->idle) {
		idle_enter(cpu);
		return;
	}
	next->state = TASK_RUNNING;
	next->cpu = cpu->id;
	next->since = next->accounted = next->on_cpu_at = cpu->now;
	next->switched_in++;
}

void cpu_schedule(Cpu *cpu, int64_t prev_state)
{
	Task *prev = cpu->cur;
	const bool idle = cpu_is_idle(cpu);
	const bool goes_on = !idle && (prev_state == PREV_RUNNABLE || prev_state == PREV_PREEMPTED);
	cpu->resched = false;
	if (goes_on && cpu->queue.n == 0)
		return;
	if (!idle)
		cpu_account(cpu, prev);
	Task *next = list_pop(&cpu->queue);
	if (!next)
		next = pull(cpu);
	if (!next)
		next = &cpu->idle;
	if (next == prev)
		return;
	cpu_after(cpu, next->since);
	if (idle)
		idle_leave(cpu);
	EMIT(cpu, sched_switch, .prev_comm = prev->comm, .prev_tid = prev->tid, .prev_prio = prev->prio,
	     .prev_state = prev_state, .next_comm = next->comm, .next_tid = next->tid, .next_prio = next->prio);
	switch_out(cpu, prev, prev_state);
	switch_in(cpu, next);
}

void cpu_block(Cpu *cpu, int64_t prev_state, uint64_t left)
{
	Task *task = cpu->cur;
	cpu_schedule(cpu, prev_state);
	task->left = left;
}

/* ---- wakeups ---- */

static bool is_free(const Cpu *cpu)
{
	return cpu_is_idle(cpu) && cpu->queue.n == 0 && cpu->wakeups.n == 0;
}

/* Where it ran last, or where nothing runs, or where it is woken. */
static Cpu *choose_cpu(Cpu *cpu, const Task *task)
{
	Host *host = cpu->host;
	Cpu *last = &host->cpus[task->cpu];
	if (task->pinned || is_free(last))
		return last;
	for (unsigned i = 1; host->n_idle > 0 && i < host->n_cpus; i++) {
		Cpu *other = &host->cpus[(task->cpu + i) % host->n_cpus];
		if (is_free(other))
			return other;
	}
	return host_chance(host, 25) ? cpu : last;
}

void cpu_send_ipi(Cpu *cpu, Cpu *to)
{
	to->ipi_at = MIN(to->ipi_at, cpu->now + 500 + host_below(cpu->host, 600));
	cpu_poke(to);
}

static void preempt(Cpu *cpu, Cpu *to, const Task *task)
{
	if (!cpu_is_idle(to) && !host_chance(cpu->host, task->eager))
		return;
	if (to == cpu) {
		cpu->resched = true;
		return;
	}
	to->ipi_resched = true;
	cpu_send_ipi(cpu, to);
}

void cpu_wake(Cpu *cpu, Task *task)
{
	if (task->state != TASK_BLOCKED)
		return;
	cpu_after(cpu, task->since);
	EMIT(cpu, sched_waking, .comm = task->comm, .tid = task->tid, .prio = task->prio,
	     .target_cpu = (int32_t)task->cpu);
	Cpu *to = choose_cpu(cpu, task);
	migrate(cpu, task, to);
	if (to != cpu && cpu_is_idle(to)) {
		task->state = TASK_READY;
		task->since = cpu->now;
		list_add(&to->wakeups, task);
		cpu_send_ipi(cpu, to);
		return;
	}
	EMIT(cpu, sched_wakeup, .comm = task->comm, .tid = task->tid, .prio = task->prio,
	     .target_cpu = (int32_t)to->id);
	enqueue(to, task, cpu->now);
	preempt(cpu, to, task);
}

void cpu_finish_wakeups(Cpu *cpu)
{
	for (Task *task; (task = list_pop(&cpu->wakeups));) {
		cpu_after(cpu, task->since);
		EMIT(cpu, sched_wakeup, .comm = task->comm, .tid = task->tid, .prio = task->prio,
		     .target_cpu = (int32_t)cpu->id);
		enqueue(cpu, task, cpu->now);
	}
}

void task_more(Cpu *cpu, Task *task)
{
	if (task->state == TASK_BLOCKED)
		cpu_wake(cpu, task);
	else
		task->more_at = cpu->now;
}

void cpu_wake_new(Cpu *cpu, Task *task)
{
	Cpu *to = choose_cpu(cpu, task);
	EMIT(cpu, sched_wakeup_new, .comm = task->comm, .tid = task->tid, .prio = task->prio,
	     .target_cpu = (int32_t)to->id);
	enqueue(to, task, cpu->now);
	preempt(cpu, to, task);
}

/* ---- the whole ---- */

void cpu_begin_with(Cpu *cpu, Task *task, uint64_t left)
{
	task->state = TASK_RUNNING;
	task->cpu = cpu->id;
	task->since = task->accounted = cpu->now;
	cpu->cur = task;
	cpu->host->n_idle--;
	cpu->tick_at = cpu->now + 1000000 + cpu->id * 1000;
	cpu->act_at = cpu->now + left;
}

void task_init(Host *host, Task *task, const char *comm, int32_t tid, int32_t pid, void (*act)(Cpu *, Task *))
{
	*task = (Task){
	        .tid = tid, .pid = pid, .prio = 20, .act = act, .call = -1, .timer_cpu = -1, .eager = 30, .ppid = 1};
	g_strlcpy(task->comm, comm, sizeof task->comm);
	task->timer = 0xff11000100000000u + (uint64_t)(uint32_t)tid * 0x1c0;
	task->cpu = host_below(host, host->n_cpus);
	task->vruntime = 41000000000u + host_below(host, 1000000000);
}

static void cpu_init(Host *host, unsigned id, uint64_t seed)
{
	Cpu *cpu = &host->cpus[id];
	g_autofree char *comm = g_strdup_printf("swapper/%u", id);
	*cpu = (Cpu){.host = host, .id = id, .now = host->start, .ipi_at = NEVER, .alarm_at = NEVER, .act_at = NEVER};
	task_init(host, &cpu->idle, comm, 0, 0, NULL);
	cpu->idle.since = 0;
	cpu->cur = &cpu->idle;
	cpu->tick_timer = 0xff110002a6c235c0u + id * 0x100000u;
	cpu->tick_at = host->start + 1000000 + host_below(host, 50000000);
	cpu->net_at = host->start + host_about(host, 2000000);
	cpu->alarms = g_array_new(FALSE, FALSE, sizeof(Alarm));
	cpu->due = NEVER;
	host->heap[id] = cpu;
	cpu->heap_pos = id;
	out_open(&cpu->out, id, seed, host->counts);
}

Host *host_new(const HostOptions *options)
{
	Host *host = g_new0(Host, 1);
	host->n_cpus = options->n_cpus;
	host->n_idle = options->n_cpus;
	host->fixed_probe = options->fixed_probe;
	host->rng = options->seed * 0x9e3779b97f4a7c15u ^ 0x2545f4914f6cdd1du;
	if (host->rng == 0)
		host->rng = 1;
	host->start = 55500000000u;
	host->next_tid = 1;
	host->tasks = g_ptr_array_new();
	host->cpus = g_new0(Cpu, host->n_cpus);
	host->heap = g_new0(Cpu *, host->n_cpus);
	for (unsigned id = 0; id < host->n_cpus; id++)
		cpu_init(host, id, options->seed);
	work_init(host);
	vms_init(host, MAX(2, host->n_cpus / 2), options->nested);
	vms_begin(host);
	work_begin(host);
	for (unsigned id = 0; id < host->n_cpus; id++)
		cpu_poke(&host->cpus[id]);
	return host;
}

uint64_t host_events(const Host *host)
{
	uint64_t n = 0;
	for (unsigned id = 0; id < host->n_cpus; id++)
		n += host->cpus[id].out.stats.events;
	return n;
}

void host_close(Host *host)
{
	for (unsigned id = 0; id < host->n_cpus; id++)
		out_close(&host->cpus[id].out);
}

void host_free(Host *host)
{
	for (unsigned id = 0; id < host->n_cpus; id++)
		g_array_unref(host->cpus[id].alarms);
	vms_free(host);
	work_free(host);
	g_ptr_array_unref(host->tasks);
	g_free(host->heap);
	g_free(host->cpus);
	g_free(host);
}
