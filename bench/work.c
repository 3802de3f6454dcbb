/* SPDX-License-Identifier: MIT */
#include "host.h"

/* ---- tasks that compute and call the system, by chance ---- */

typedef enum {
	CALL_READ,
	CALL_WRITE,
	CALL_OPENAT,
	CALL_CLOSE,
	CALL_MMAP,
	CALL_NEWFSTATAT,
	CALL_SENDTO,
	CALL_FUTEX,
	CALL_EPOLL_WAIT,
	CALL_NANOSLEEP,
	N_CALLS
} Call;

typedef struct {
	const char *comm;
	uint32_t mean_ns;         /* of computing between calls */
	uint16_t weight[N_CALLS]; /* per mille */
} Profile;

static const Profile profiles[] = {
        {"nginx", 9000, {140, 160, 60, 60, 30, 50, 200, 40, 260, 0}},
        {"postgres", 16000, {330, 140, 30, 30, 40, 20, 80, 170, 160, 0}},
        {"redis-server", 7000, {240, 240, 0, 0, 20, 0, 180, 20, 300, 0}},
        {"mysqld", 14000, {220, 160, 20, 20, 40, 10, 80, 350, 80, 20}},
};
static const Profile batch_profile = {"cc1plus", 90000, {250, 150, 100, 100, 250, 150, 0, 0, 0, 0}};
static const Profile session_profile = {"Client manage", 15000, {100, 100, 0, 0, 0, 0, 0, 0, 0, 800}};

struct Work {
	unsigned n_servers, n_batch, n_makes;
	Task session, rcu;
	Task *servers, *batch, *makes, *children, *kworkers;
};

enum { AT_USER, AT_RETURN };

static const char *const files[] = {"/etc/ld.so.cache",
                                    "/lib/x86_64-linux-gnu/libc.so.6",
                                    "/var/lib/mysql/ibdata1",
                                    "/proc/self/stat",
                                    "/usr/include/x86_64-linux-gnu/bits/types.h",
                                    "/dev/shm/ccQ4z1.s",
                                    "/var/www/html/index.html",
                                    "/dev/null"};

static void call_enter(Cpu *cpu, Call call)
{
	Host *host = cpu->host;
	const char *file = files[host_below(host, G_N_ELEMENTS(files))];
	switch (call) {
	case CALL_READ:
		EMIT(cpu, syscall_entry_read, .fd = 7, .count = 8192);
		break;
	case CALL_WRITE:
		EMIT(cpu, syscall_entry_write, .fd = 8, .buf = 0x55d0c0de0000u, .count = 512);
		break;
	case CALL_OPENAT:
		EMIT(cpu, syscall_entry_openat, .dfd = -100, .filename = file, .flags = 524288, .mode = 0);
		break;
	case CALL_CLOSE:
		EMIT(cpu, syscall_entry_close, .fd = 9);
		break;
	case CALL_MMAP:
		EMIT(cpu, syscall_entry_mmap, .addr = 0, .len = 135168, .prot = 3, .flags = 34, .fd = -1, .offset = 0);
		break;
	case CALL_NEWFSTATAT:
		EMIT(cpu, syscall_entry_newfstatat, .dfd = -100, .filename = file, .flag = 0);
		break;
	case CALL_SENDTO:
		EMIT(cpu, syscall_entry_sendto, .fd = 11, .buff = 0x55d0c0de4000u, .len = 1448, .flags = 0x4000,
		     .addr = 0, .addr_len = 0);
		break;
	case CALL_FUTEX:
		EMIT(cpu, syscall_entry_futex, .uaddr = 0x7f5530000000u, .op = 128, .val = 0, .utime = 0x7ffd5000,
		     .uaddr2 = 0, .val3 = 0);
		break;
	case CALL_EPOLL_WAIT:
		EMIT(cpu, syscall_entry_epoll_wait, .epfd = 5, .maxevents = 512, .timeout = 10);
		break;
	case CALL_NANOSLEEP:
		EMIT(cpu, syscall_entry_clock_nanosleep, .which_clock = 1, .flags = 0, .rqtp = 0x7ffd6000);
		break;
	case N_CALLS:
		break;
	}
}

static void call_return(Cpu *cpu, Call call)
{
	static const int32_t ready[3] = {11, 14, 19};
	const uint32_t n = host_below(cpu->host, 4);
	switch (call) {
	case CALL_READ:
		EMIT(cpu, syscall_exit_read, .ret = 8192, .buf = 0x55d0c0df0000u);
		break;
	case CALL_WRITE:
		EMIT(cpu, syscall_exit_write, .ret = 512);
		break;
	case CALL_OPENAT:
		EMIT(cpu, syscall_exit_openat, .ret = 9);
		break;
	case CALL_CLOSE:
		EMIT(cpu, syscall_exit_close, .ret = 0);
		break;
	case CALL_MMAP:
		EMIT(cpu, syscall_exit_mmap, .ret = 0x7f5540000000u);
		break;
	case CALL_NEWFSTATAT:
		EMIT(cpu, syscall_exit_newfstatat, .ret = 0, .statbuf = 0x7ffd7000);
		break;
	case CALL_SENDTO:
		EMIT(cpu, syscall_exit_sendto, .ret = 1448);
		break;
	case CALL_FUTEX:
		EMIT(cpu, syscall_exit_futex, .ret = 0, .uaddr = 0x7f5530000000u, .uaddr2 = 0);
		break;
	case CALL_EPOLL_WAIT:
		EMIT(cpu, syscall_exit_epoll_wait, .ret = n, .fds = {ready, n});
		break;
	case CALL_NANOSLEEP:
		EMIT(cpu, syscall_exit_clock_nanosleep, .ret = 0, .rmtp = 0);
		break;
	case N_CALLS:
		break;
	}
}

static void call_sleep(Cpu *cpu, Task *task, uint64_t ns)
{
	timer_start(cpu, task, ALARM_SLEEP, ns);
	cpu_block(cpu, PREV_INTERRUPTIBLE, 500);
}

/* Half of the calls on a futex wake somebody who waits on it. */
static void call_futex(Cpu *cpu, Task *task)
{
	struct Work *work = cpu->host->work;
	if (host_chance(cpu->host, 50)) {
		call_sleep(cpu, task, 300000 + host_about(cpu->host, 4000000));
		return;
	}
	const unsigned first = host_below(cpu->host, work->n_servers);
	for (unsigned i = 0; i < work->n_servers; i++) {
		Task *other = &work->servers[(first + i) % work->n_servers];
		if (other->state != TASK_BLOCKED || other->call != CALL_FUTEX)
			continue;
		cpu_wake(cpu, other);
		return;
	}
}

static void call_do(Cpu *cpu, Task *task, Call call)
{
	Host *host = cpu->host;
	if (call == CALL_SENDTO) {
		net_send(cpu, "eth0");
	} else if (call == CALL_READ && host_chance(host, 12)) {
		const unsigned disk = host_below(host, 2);
		disk_issue(cpu, task, disk, false, 40000 + host_about(host, 100000));
		cpu_block(cpu, PREV_UNINTERRUPTIBLE, 900);
	} else if (call == CALL_FUTEX) {
		call_futex(cpu, task);
	} else if (call == CALL_EPOLL_WAIT && host_chance(host, 70)) {
		call_sleep(cpu, task, 200000 + host_about(host, 3000000));
	} else if (call == CALL_NANOSLEEP) {
		call_sleep(cpu, task, 1000000 + host_about(host, 9000000));
	}
}

static Call choose_call(Host *host, const Profile *profile)
{
	unsigned dice = host_below(host, 1000), call = 0;
	for (; dice >= profile->weight[call]; call++)
		dice -= profile->weight[call];
	return (Call)call;
}

static void worker_act(Cpu *cpu, Task *task)
{
	Host *host = cpu->host;
	const Profile *profile = task->data;
	if (task->pc == AT_RETURN) {
		timer_cancel(cpu, task);
		call_return(cpu, (Call)task->call);
		task->pc = AT_USER;
		task->call = -1;
		task->in_kernel = false;
		cpu->act_at = cpu->now + host_about(host, profile->mean_ns);
		return;
	}
	const Call call = choose_call(host, profile);
	task->pc = AT_RETURN;
	task->call = (int32_t)call;
	task->in_kernel = true;
	call_enter(cpu, call);
	cpu->act_at = cpu->now + host_about(host, 1200);
	call_do(cpu, task, call);
}

/* ---- tasks that start others ---- */

enum { CHILD_NEW, CHILD_EXEC, CHILD_WORK, CHILD_LAST = CHILD_WORK + 8 };
enum { MAKE_FORK, MAKE_WAIT, MAKE_WAITED };

static unsigned make_index(const Host *host, const Task *make)
{
	return (unsigned)(make - host->work->makes);
}

static void child_exec(Cpu *cpu, Task *task)
{
	g_strlcpy(task->comm, "cc1", sizeof task->comm);
	EMIT(cpu, sched_process_exec, .filename = "/usr/bin/cc1", .tid = task->tid, .old_tid = task->tid);
	EMIT(cpu, syscall_exit_execve, .ret = 0);
}

static void child_exit(Cpu *cpu, Task *task)
{
	Host *host = cpu->host;
	Task *make = task->data;
	EMIT(cpu, syscall_entry_exit_group, .error_code = 0);
	EMIT(cpu, sched_process_exit, .comm = task->comm, .tid = task->tid, .prio = task->prio);
	if (make->pc == MAKE_WAITED)
		cpu_wake(cpu, make);
	cpu_schedule(cpu, PREV_ZOMBIE);
	host->exited++;
	host->exited_run_ns += task->run_ns;
}

static void child_act(Cpu *cpu, Task *task)
{
	const unsigned step = task->pc++;
	cpu->act_at = cpu->now + host_about(cpu->host, 400000);
	if (step == CHILD_NEW) {
		EMIT(cpu, syscall_exit_clone, .ret = 0);
		EMIT(cpu, syscall_entry_execve, .filename = "/usr/bin/cc1", .argv = 0x5581d000, .envp = 0x5581e000);
	} else if (step == CHILD_EXEC) {
		child_exec(cpu, task);
	} else if (step == CHILD_LAST) {
		child_exit(cpu, task);
	} else {
		const Call call = choose_call(cpu->host, &batch_profile);
		call_enter(cpu, call);
		cpu_spend(cpu, 700);
		call_return(cpu, call);
	}
}

static void make_fork(Cpu *cpu, Task *task)
{
	Host *host = cpu->host;
	Task *child = &host->work->children[make_index(host, task)];
	const int32_t tid = host->next_tid++;
	EMIT(cpu, syscall_entry_clone, .flags = 0x1200011, .newsp = 0, .parent_tid = 0, .child_tid = 0x7f55a0);
	task_init(host, child, task->comm, tid, tid, child_act);
	child->ppid = task->tid;
	child->data = task;
	child->cpu = cpu->id;
	EMIT(cpu, sched_process_fork, .parent_comm = task->comm, .parent_tid = task->tid, .parent_pid = task->pid,
	     .parent_ns_inum = 0xeffffffcu, .child_comm = child->comm, .child_tid = tid, .vtids = {&tid, 1},
	     .child_pid = tid, .child_ns_inum = 0xeffffffcu);
	cpu_wake_new(cpu, child);
	EMIT(cpu, syscall_exit_clone, .ret = tid);
}

static void make_wait(Cpu *cpu, Task *task)
{
	const Task *child = &cpu->host->work->children[make_index(cpu->host, task)];
	EMIT(cpu, syscall_entry_wait4, .upid = -1, .options = 0);
	EMIT(cpu, sched_process_wait, .comm = task->comm, .tid = 0, .prio = task->prio);
	if (child->state != TASK_GONE)
		cpu_block(cpu, PREV_INTERRUPTIBLE, 800);
}

static void make_waited(Cpu *cpu, Task *task)
{
	const Task *child = &cpu->host->work->children[make_index(cpu->host, task)];
	cpu_after(cpu, child->since);
	EMIT(cpu, sched_process_free, .comm = child->comm, .tid = child->tid, .prio = child->prio);
	EMIT(cpu, syscall_exit_wait4, .ret = child->tid, .stat_addr = 0x7ffd8000, .ru = 0);
}

static void make_act(Cpu *cpu, Task *task)
{
	const unsigned step = task->pc;
	task->pc = (step + 1) % 3;
	cpu->act_at = cpu->now + host_about(cpu->host, 30000);
	if (step == MAKE_FORK)
		make_fork(cpu, task);
	else if (step == MAKE_WAIT)
		make_wait(cpu, task);
	else
		make_waited(cpu, task);
}

/* ---- kernel threads ---- */

static void kthread_act(Cpu *cpu, Task *task)
{
	cpu_spend(cpu, 300);
	cpu_block(cpu, PREV_IDLE, host_about(cpu->host, 4000));
}

static void kthread_init(Host *host, Task *task, const char *comm)
{
	const int32_t tid = host->next_tid++;
	task_init(host, task, comm, tid, tid, kthread_act);
	task->ppid = 2;
	task->is_kthread = true;
	task->eager = 70;
	task->left = 2000;
	g_ptr_array_add(host->tasks, task);
}

Task *work_net_waiter(Host *host)
{
	struct Work *work = host->work;
	const unsigned first = host_below(host, work->n_servers);
	for (unsigned i = 0; i < work->n_servers; i++) {
		Task *task = &work->servers[(first + i) % work->n_servers];
		if (task->state == TASK_BLOCKED && task->call == CALL_EPOLL_WAIT)
			return task;
	}
	return NULL;
}

Task *work_rcu(Host *host)
{
	return &host->work->rcu;
}

Task *work_kworker(Host *host, uint32_t cpu)
{
	return &host->work->kworkers[cpu];
}

/* ---- the state at the start ---- */

static void statedump_task(Cpu *cpu, const Task *task)
{
	const bool runs = task->state == TASK_RUNNING;
	EMIT(cpu, lttng_statedump_process_state, .tid = task->tid, .pid = task->pid, .ppid = task->ppid,
	     .name = task->comm, .type = task->is_kthread, .mode = 5, .submode = 0, .status = runs ? 6 : 5,
	     .cpu = task->cpu,
	     .file_table_address = task->is_kthread ? 0xffffffff82b6fa80u : 0xff11000100000000u + task->pid * 0xc0u);
	EMIT(cpu, lttng_statedump_process_pid_ns, .tid = task->tid, .vtid = task->tid, .vpid = task->pid,
	     .vppid = task->ppid, .ns_level = 0, .ns_inum = 0xeffffffcu);
	if (task->is_kthread || task->tid != task->pid)
		return;
	EMIT(cpu, lttng_statedump_file_descriptor, .file_table_address = 0xff11000100000000u + task->pid * 0xc0u,
	     .fd = 0, .flags = 02, .fmode = 0xe0003, .filename = "/dev/null");
	if (g_str_has_prefix(task->comm, "qemu"))
		EMIT(cpu, lttng_statedump_file_descriptor,
		     .file_table_address = 0xff11000100000000u + task->pid * 0xc0u, .fd = 10, .flags = 02,
		     .fmode = 0xe0003, .filename = "/dev/kvm");
}

static void statedump(Cpu *cpu)
{
	const Host *host = cpu->host;
	EMIT(cpu, lttng_statedump_start, .unused_ = 0);
	for (unsigned i = 0; i < host->tasks->len; i++)
		statedump_task(cpu, host->tasks->pdata[i]);
	EMIT(cpu, lttng_statedump_interrupt, .irq = 28, .name = "PCI-MSI", .action = "nvme0q1", .tid = 0);
	EMIT(cpu, lttng_statedump_interrupt, .irq = 29, .name = "PCI-MSI", .action = "ahci[0000:00:1f", .tid = 0);
	EMIT(cpu, lttng_statedump_network_interface, .name = "lo", .address_ipv4 = 0x7f000001);
	EMIT(cpu, lttng_statedump_network_interface, .name = "eth0", .address_ipv4 = 0x0a00020f);
	EMIT(cpu, lttng_statedump_block_device, .dev = 0x10300000, .diskname = "nvme0n1");
	EMIT(cpu, lttng_statedump_block_device, .dev = 0x00800000, .diskname = "sda");
	for (unsigned id = 0; id < host->n_cpus; id++)
		EMIT(cpu, lttng_statedump_cpu_topology, .architecture = "x86", .cpu_id = (uint16_t)id,
		     .vendor = "AuthenticAMD", .family = 25, .model = 17, .model_name = "AMD EPYC (simulated)",
		     .physical_id = 0, .core_id = (uint16_t)id, .cores = (uint16_t)host->n_cpus);
	EMIT(cpu, lttng_statedump_end, .unused_ = 0);
}

static void session_act(Cpu *cpu, Task *task)
{
	statedump(cpu);
	task->act = worker_act;
	cpu->act_at = cpu->now + 20000;
}

/* ---- all of it ---- */

static void process_init(Host *host, Task *task, const Profile *profile, void (*act)(Cpu *, Task *))
{
	const int32_t pid = host->next_tid++;
	task_init(host, task, profile->comm, pid, pid, act);
	task->data = (void *)profile;
	g_ptr_array_add(host->tasks, task);
}

void work_init(Host *host)
{
	static const Profile make = {.comm = "make"};
	struct Work *work = host->work = g_new0(struct Work, 1);
	host->next_tid = 3;
	kthread_init(host, &work->rcu, "rcu_preempt");
	work->kworkers = g_new0(Task, host->n_cpus);
	for (unsigned id = 0; id < host->n_cpus; id++) {
		g_autofree char *comm = g_strdup_printf("kworker/%u:1", id);
		kthread_init(host, &work->kworkers[id], comm);
		work->kworkers[id].cpu = id;
		work->kworkers[id].pinned = true;
	}
	host->next_tid = 300;
	process_init(host, &work->session, &session_profile, session_act);
	work->n_servers = 4 + host->n_cpus;
	work->servers = g_new0(Task, work->n_servers);
	for (unsigned i = 0; i < work->n_servers; i++)
		process_init(host, &work->servers[i], &profiles[i % G_N_ELEMENTS(profiles)], worker_act);
	work->n_batch = host->n_cpus / 4;
	work->batch = g_new0(Task, work->n_batch);
	for (unsigned i = 0; i < work->n_batch; i++)
		process_init(host, &work->batch[i], &batch_profile, worker_act);
	work->n_makes = 1 + host->n_cpus / 8;
	work->makes = g_new0(Task, work->n_makes);
	work->children = g_new0(Task, work->n_makes);
	for (unsigned i = 0; i < work->n_makes; i++)
		process_init(host, &work->makes[i], &make, make_act);
}

/* Ready soon, one after the other, by a timer each. */
static void begin_with_timer(Host *host, Task *task)
{
	alarm_set(&host->cpus[task->cpu], task, ALARM_SLEEP, host->start + 50000 + host_below(host, 2000000), 0);
}

void work_begin(Host *host)
{
	struct Work *work = host->work;
	Cpu *first = &host->cpus[0];
	for (unsigned i = 0; i < work->n_servers; i++)
		begin_with_timer(host, &work->servers[i]);
	for (unsigned i = 0; i < work->n_batch; i++)
		begin_with_timer(host, &work->batch[i]);
	for (unsigned i = 0; i < work->n_makes; i++)
		begin_with_timer(host, &work->makes[i]);
	cpu_begin_with(first, &work->session, 1000);
}

void work_free(Host *host)
{
	struct Work *work = host->work;
	g_free(work->servers);
	g_free(work->batch);
	g_free(work->makes);
	g_free(work->children);
	g_free(work->kworkers);
	g_free(work);
}
