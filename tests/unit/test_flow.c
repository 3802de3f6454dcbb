/* SPDX-License-Identifier: MIT */
/*
 * What threads and processors did, case by case: events are given to the models one by one, and the rows that come of them are compared with what the case was made
 * of. Two processors, times from 0 to 1000; threads 11, 12 and 13 are in user space, 20 is the kernel's. A thread is seen to be in user space by its first system call.
 */
#include "kernel/flow.h"
#include "feed.h"

#include <string.h>

enum { END = 1000 };
enum { RUNNABLE = 0, PREEMPTED = 0x100, ASLEEP = 1, UNINTERRUPTIBLE = 2, STOPPED = 4, DEAD = 0x20, IDLE_KTHREAD = 0x80 };
enum { KVM_RUN = 0xae80, LOCAL_TIMER = 236, NET_RX = 3, SCHED = 7 };

typedef struct {
	Kernel *kernel;
	History *history;
	KernelSet *set;
	TraceModel models[1 + KERNEL_PART_COUNT];
	TraceFacts facts;
	gint64 now;
	gint16 syscall;
	const char *name; /* of an interrupt line */
} World;

static void feed_values(World *w, TraceEventId id, gint32 cpu, const guint64 *v, guint n)
{
	guint64 values[TRACE_FIELDS_MAX] = {0}, ctx[TRACE_CTX_COUNT] = {0};
	TraceEvent ev = {.time = w->now, .cpu = cpu, .id = (guint16)id, .present = (guint16)((1u << n) - 1), .v = values, .ctx = ctx,
			 .base = (const guint8 *)w->name, .syscall = w->syscall};

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
#define WAKING(w, at, cpu, tid, target)       FEED(w, at, SCHED_WAKING, cpu, tid, target)
#define WAKEUP(w, at, cpu, tid, target)       FEED(w, at, SCHED_WAKEUP, cpu, tid, target)
#define VECTOR(w, at, cpu)                    FEED(w, at, VECTOR_LOCAL_TIMER_ENTRY, cpu, LOCAL_TIMER)
#define VECTOR_END(w, at, cpu)                FEED(w, at, VECTOR_LOCAL_TIMER_EXIT, cpu, LOCAL_TIMER)
#define SOFTIRQ(w, at, cpu, vec)              FEED(w, at, SOFTIRQ_ENTRY, cpu, vec)
#define SOFTIRQ_END(w, at, cpu, vec)          FEED(w, at, SOFTIRQ_EXIT, cpu, vec)
#define FORK(w, at, cpu, child, parent)       FEED(w, at, PROCESS_FORK, cpu, child, child, parent, parent)

static void enter(World *w, gint64 at, gint32 cpu, TraceSyscall syscall)
{
	w->syscall = (gint16)syscall;
	FEED(w, at, SYSCALL_ENTRY, cpu, 5, syscall == TRACE_SYS_IOCTL ? KVM_RUN : 0);
}

static void leave(World *w, gint64 at, gint32 cpu, TraceSyscall syscall)
{
	w->syscall = (gint16)syscall;
	FEED(w, at, SYSCALL_EXIT, cpu, 0);
}

static void loss(World *w, gint64 at, gint32 cpu, TraceLossEdge edge)
{
	for (guint m = 0; m < G_N_ELEMENTS(w->models); m++)
		if (w->models[m].loss)
			w->models[m].loss(w->models[m].self, cpu, at, edge);
}

/* A world in which nothing has happened. */
static World *begin_with(gboolean all_syscalls)
{
	World *w = g_new0(World, 1);

	w->name = "";
	w->facts.is_kernel = TRUE;
	for (guint i = 0; i < TRACE_EVENT_COUNT; i++)
		w->facts.declared[i] = TRUE;
	for (guint i = 0; i < TRACE_SYSCALL_COUNT; i++)
		w->facts.declared_syscalls[i] = all_syscalls || i == TRACE_SYS_IOCTL;
	w->kernel = kernel_new(&w->facts, 0, END);
	w->history = history_new(0, END, NULL);
	w->set = kernel_set_new(w->kernel, w->history, &w->facts);
	w->models[0] = kernel_model(w->kernel);
	kernel_set_models(w->set, w->models + 1);
	return w;
}

/* Threads are known, and thread 11 is in user space on processor 0 since 0. */
static World *begin(void)
{
	World *w = begin_with(TRUE);

	for (guint64 tid = 11; tid <= 13; tid++)
		FEED(w, 0, STATEDUMP_PROCESS, 1, tid, 10, 1);
	w->name = "kworker";
	FEED(w, 0, STATEDUMP_PROCESS, 1, 20, 20, 2, 7, 1);
	w->name = "";
	SWITCH(w, 0, 0, 0, RUNNABLE, 11);
	SWITCH(w, 0, 1, 12, ASLEEP, 0);
	leave(w, 0, 0, TRACE_SYS_GETDENTS);
	return w;
}

static void finish(World *w)
{
	kernel_finish(w->kernel);
	kernel_set_finish(w->set);
}

static void end(World *w)
{
	kernel_set_free(w->set);
	history_free(w->history);
	kernel_free(w->kernel);
	g_free(w);
}

/* ---- Rows as texts --------------------------------------------------------------------------------------------- */

static const char *wait_of(guint state)
{
	static const char *const waits[] = {
#define KERNEL_S(id, name, wait) [KERNEL_TS_##id] = (wait),
		KERNEL_THREAD_STATES(KERNEL_S)
#undef KERNEL_S
	};

	return waits[state];
}

static guint32 find_row(const World *w, const char *path)
{
	for (guint32 r = 0; r < history_n_rows(w->history); r++)
		if (g_str_equal(history_row_path(w->history, r), path))
			return r;
	g_error("there is no row %s", path);
}

/* "unknown 0 user 100 syscall(read) 200 ... 1000": each state with its begin, and the row's end. */
static char *row_text(const World *w, guint32 row, gboolean is_thread)
{
	GString *s = g_string_new(NULL);
	HistoryWalk walk;
	HistoryInterval i;

	history_walk(&walk, w->history, row, G_MININT64, G_MAXINT64);
	while (history_walk_next(&walk, &i)) {
		const char *detail = history_text_get(w->history, i.detail);
		const char *wait = is_thread ? wait_of(i.state) : NULL;

		g_string_append(s, history_state_name(w->history, history_row_kind(w->history, row), i.state));
		if (wait || *detail)
			g_string_append_printf(s, "(%s%s%s)", wait ? wait : "", wait && *detail ? " " : "", detail);
		g_string_append_printf(s, " %" G_GINT64_FORMAT " ", i.begin_ns);
	}
	g_string_append_printf(s, "%" G_GINT64_FORMAT, history_row_end(w->history, row));
	return g_string_free(s, FALSE);
}

static void expect(const World *w, const char *path, const char *wanted)
{
	g_autofree char *got = row_text(w, find_row(w, path), g_str_has_prefix(path, "thread/"));

	g_assert_cmpstr(got, ==, wanted);
}

static const KernelThreadItem *thread_item(const World *w, guint32 serial)
{
	guint table;

	g_assert_true(history_find_table(w->history, KERNEL_THREADS_TABLE, sizeof(KernelThreadItem), &table));
	return history_table_get(w->history, table, serial);
}

static guint n_latencies(const World *w)
{
	guint table;

	g_assert_true(history_find_table(w->history, KERNEL_LATENCIES_TABLE, sizeof(KernelLatencyItem), &table));
	return (guint)history_table_len(w->history, table);
}

static const KernelLatencyItem *latency(const World *w, guint i)
{
	guint table;

	g_assert_true(history_find_table(w->history, KERNEL_LATENCIES_TABLE, sizeof(KernelLatencyItem), &table));
	return history_table_get(w->history, table, i);
}

/* ---- Threads --------------------------------------------------------------------------------------------------- */

static void test_syscall_over_switch(void)
{
	World *w = begin();

	enter(w, 100, 0, TRACE_SYS_GETDENTS);
	SWITCH(w, 150, 0, 11, ASLEEP, 12);
	leave(w, 160, 0, TRACE_SYS_GETDENTS);
	enter(w, 170, 0, TRACE_SYS_KILL);
	WAKING(w, 200, 0, 11, 1);
	WAKEUP(w, 210, 0, 11, 1);
	SWITCH(w, 300, 1, 0, RUNNABLE, 11);
	leave(w, 350, 1, TRACE_SYS_GETDENTS);
	finish(w);
	expect(w, "thread/11", "user 0 syscall(getdents) 100 blocked(unknown) 150 wait-cpu(12) 200 syscall(getdents) 300 user 350 1000");
	expect(w, "cpu/1", "idle 0 syscall(11) 300 user(11) 350 1000");
	g_assert_cmpuint(n_latencies(w), ==, 1);
	const KernelLatencyItem *l = latency(w, 0);
	g_assert_cmpint(l->woken_ns, ==, 200);
	g_assert_cmpint(l->run_ns, ==, 300);
	g_assert_cmpint(l->from, ==, KERNEL_FROM_THREAD);
	g_assert_cmpint(l->cpu, ==, 1);
	g_assert_cmpint(thread_item(w, l->waker)->tid, ==, 12);
	g_assert_cmpint(thread_item(w, l->thread)->tid, ==, 11);
	g_assert_cmpuint(thread_item(w, l->thread)->wakeups, ==, 1);
	g_assert_cmpuint(history_n_edges(w->history), ==, 1);
	HistoryEdge e;
	history_edge_get(w->history, 0, &e);
	g_assert_cmpstr(history_row_path(w->history, e.from_row), ==, "thread/12");
	g_assert_cmpstr(history_row_path(w->history, e.to_row), ==, "thread/11");
	g_assert_cmpint(e.from_ns, ==, 200);
	g_assert_cmpint(e.to_ns, ==, 300);
	end(w);
}

/* A wakeup of a thread that has not gone to sleep is none. */
static void test_wakeup_before_sleep(void)
{
	World *w = begin();

	WAKING(w, 100, 1, 11, 0);
	SWITCH(w, 200, 0, 11, ASLEEP, 0);
	SWITCH(w, 400, 0, 0, RUNNABLE, 11);
	finish(w);
	expect(w, "thread/11", "user 0 blocked(unknown) 200 user 400 1000");
	g_assert_cmpuint(n_latencies(w), ==, 0);
	end(w);
}

/* 0 is told of who is preempted on the way to user space, too: only in the kernel it means that the thread called schedule() of its own will. */
static void test_preempted_and_yielded(void)
{
	World *w = begin();

	SWITCH(w, 100, 0, 11, RUNNABLE, 12);
	SWITCH(w, 200, 0, 12, RUNNABLE, 11);
	enter(w, 250, 0, TRACE_SYS_SCHED_YIELD);
	SWITCH(w, 300, 0, 11, RUNNABLE, 12);
	SWITCH(w, 400, 0, 12, RUNNABLE, 11);
	SWITCH(w, 500, 0, 11, PREEMPTED, 12);
	SWITCH(w, 600, 0, 12, RUNNABLE, 11);
	enter(w, 650, 0, TRACE_SYS_IOCTL);
	SWITCH(w, 700, 0, 11, RUNNABLE, 12);
	finish(w);
	expect(w, "thread/11", "user 0 preempted(12) 100 user 200 syscall(sched_yield) 250 yielded(12) 300 syscall(sched_yield) 400 preempted(12) 500 "
			       "syscall(sched_yield) 600 syscall(ioctl) 650 preempted(12) 700 1000");
	end(w);
}

static void test_kernel_thread(void)
{
	World *w = begin();

	SWITCH(w, 100, 0, 11, PREEMPTED, 20);
	SWITCH(w, 200, 0, 20, IDLE_KTHREAD, 11);
	WAKING(w, 300, 0, 20, 0);
	WAKEUP(w, 300, 0, 20, 0);
	SWITCH(w, 310, 0, 11, PREEMPTED, 20);
	SWITCH(w, 400, 0, 20, UNINTERRUPTIBLE, 0);
	finish(w);
	expect(w, "thread/20 kworker", "unknown 0 user 100 blocked(idle) 200 wait-cpu(11) 300 user 310 blocked(kernel) 400 1000");
	expect(w, "cpu/0", "user(11) 0 kthread(kworker 20) 100 user(11) 200 kthread(kworker 20) 310 idle 400 1000");
	end(w);
}

static void test_fork(void)
{
	World *w = begin();

	enter(w, 100, 0, TRACE_SYS_CLONE);
	FORK(w, 150, 0, 30, 11);
	FEED(w, 160, SCHED_WAKEUP_NEW, 0, 30, 1);
	leave(w, 170, 0, TRACE_SYS_CLONE);
	SWITCH(w, 200, 1, 0, RUNNABLE, 30);
	leave(w, 220, 1, TRACE_SYS_CLONE);
	SWITCH(w, 300, 1, 30, DEAD, 0);
	FEED(w, 400, PROCESS_FREE, 0, 30);
	FORK(w, 500, 0, 30, 11);
	finish(w);
	expect(w, "thread/30", "wait-cpu(11) 150 syscall(clone) 200 user 220 300");
	expect(w, "thread/30#2", "wait-cpu(11) 500 1000");
	g_assert_cmpuint(n_latencies(w), ==, 1);
	g_assert_cmpint(latency(w, 0)->woken_ns, ==, 160);
	end(w);
}

/* Who is on a processor when recording begins. */
static void test_first_thread(void)
{
	World *w = begin_with(TRUE);

	VECTOR(w, 100, 0);
	VECTOR_END(w, 150, 0);
	SWITCH(w, 300, 0, 11, RUNNABLE, 12);
	VECTOR(w, 100, 1);
	VECTOR_END(w, 150, 1);
	SWITCH(w, 300, 1, 0, RUNNABLE, 13);
	finish(w);
	expect(w, "thread/11", "unknown 0 irq(vector local_timer) 100 running 150 preempted(12) 300 1000");
	expect(w, "cpu/1", "unknown 0 irq(vector local_timer) 100 idle 150 running(13) 300 1000");
	for (guint32 r = 0; r < history_n_rows(w->history); r++)
		g_assert_cmpstr(history_row_path(w->history, r), !=, "thread/?");
	end(w);
}

/* Without all system calls, what is in none of those that are recorded is not known to be in user space. */
static void test_some_syscalls(void)
{
	World *w = begin_with(FALSE);

	SWITCH(w, 0, 0, 0, RUNNABLE, 11);
	enter(w, 100, 0, TRACE_SYS_IOCTL);
	leave(w, 200, 0, TRACE_SYS_IOCTL);
	finish(w);
	expect(w, "thread/11", "running 0 syscall(ioctl) 100 running 200 1000");
	end(w);
}

/* A page fault in user space shows where the thread is; and it may block there. */
static void test_fault(void)
{
	World *w = begin();

	FEED(w, 100, FAULT_USER, 0, 0x1000, 0x2000, 4);
	SWITCH(w, 200, 0, 11, UNINTERRUPTIBLE, 12);
	FEED(w, 250, FAULT_USER, 0, 0x1000, 0x2000, 4);
	SWITCH(w, 300, 0, 12, RUNNABLE, 11);
	finish(w);
	expect(w, "thread/11", "user 0 blocked(fault) 200 user 300 1000");
	expect(w, "cpu/0", "user(11) 0 user(12) 200 user(11) 300 1000");
	end(w);
}

static void test_guest(void)
{
	World *w = begin();

	enter(w, 100, 0, TRACE_SYS_IOCTL);
	KernelThread *t = kernel_thread(w->kernel, 11);
	guint32 detail = history_text(w->history, "VM 10 vCPU 0", -1);
	kernel_flow_guest_enter(w->set, 0, t, 200, detail);
	kernel_flow_guest_leave(w->set, 0, t, 300);
	kernel_flow_guest_enter(w->set, 0, t, 400, detail);
	VECTOR(w, 500, 0);
	VECTOR_END(w, 550, 0);
	kernel_flow_guest_leave(w->set, 0, t, 600);
	leave(w, 700, 0, TRACE_SYS_IOCTL);
	kernel_flow_guest_leave(w->set, 1, t, 800);
	finish(w);
	expect(w, "thread/11", "user 0 syscall(ioctl) 100 guest 200 syscall(ioctl) 300 guest 400 irq(vector local_timer) 500 syscall(ioctl) 550 user 700 1000");
	expect(w, "cpu/0", "user(11) 0 hypervisor(11) 100 guest(VM 10 vCPU 0) 200 hypervisor(11) 300 guest(VM 10 vCPU 0) 400 irq(vector local_timer) 500 "
			   "hypervisor(11) 550 user(11) 700 1000");
	end(w);
}

/* ---- Handlers --------------------------------------------------------------------------------------------------- */

static void test_nested_handlers(void)
{
	World *w = begin();

	SOFTIRQ(w, 100, 0, NET_RX);
	w->name = "virtio0";
	FEED(w, 200, IRQ_ENTRY, 0, 24, 7);
	FEED(w, 250, IRQ_EXIT, 0, 24);
	SOFTIRQ_END(w, 300, 0, NET_RX);
	VECTOR(w, 400, 1);
	WAKING(w, 410, 1, 12, 1);
	VECTOR_END(w, 420, 1);
	SWITCH(w, 500, 1, 0, RUNNABLE, 12);
	finish(w);
	expect(w, "thread/11", "user 0 softirq(softirq net_rx) 100 irq(irq 24 virtio0) 200 softirq(softirq net_rx) 250 user 300 1000");
	expect(w, "cpu/0", "user(11) 0 softirq(softirq net_rx) 100 irq(irq 24 virtio0) 200 softirq(softirq net_rx) 250 user(11) 300 1000");
	expect(w, "thread/12", "blocked(unknown) 0 wait-cpu(vector local_timer) 410 running 500 1000");
	HistoryEdge e;
	history_edge_get(w->history, 0, &e);
	g_assert_cmpstr(history_row_path(w->history, e.from_row), ==, "cpu/1");
	end(w);
}

static void test_open_at_begin(void)
{
	World *w = begin_with(TRUE);

	SOFTIRQ_END(w, 100, 0, NET_RX);
	SWITCH(w, 200, 0, 11, RUNNABLE, 0);
	VECTOR(w, 900, 0);
	finish(w);
	expect(w, "cpu/0", "softirq(softirq net_rx) 0 running(11) 100 idle 200 irq(vector local_timer) 900 1000");
	end(w);
}

/* Ends that are missing: since when a handler didn't run any more is not known. */
static void test_missing_ends(void)
{
	World *w = begin();

	VECTOR(w, 100, 0);
	SWITCH(w, 200, 0, 11, PREEMPTED, 12);
	VECTOR(w, 300, 0);
	SOFTIRQ(w, 400, 0, SCHED);
	VECTOR(w, 450, 0);
	SOFTIRQ_END(w, 500, 0, SCHED);
	VECTOR_END(w, 600, 0);
	SOFTIRQ(w, 700, 0, SCHED);
	enter(w, 800, 0, TRACE_SYS_GETDENTS);
	finish(w);
	expect(w, "cpu/0", "user(11) 0 running(11) 100 running(12) 200 softirq(softirq sched) 400 running(12) 450 syscall(12) 800 1000");
	end(w);
}

/* ---- The scheduler ---------------------------------------------------------------------------------------------- */

/* A thread waits in the queue of a processor that is given to nothing. */
static void test_throttled(void)
{
	World *w = begin();

	SWITCH(w, 100, 0, 11, RUNNABLE, 0);
	SWITCH(w, 200, 0, 0, RUNNABLE, 20);
	SWITCH(w, 300, 0, 20, IDLE_KTHREAD, 0);
	SWITCH(w, 400, 0, 0, RUNNABLE, 20);
	SWITCH(w, 500, 0, 20, IDLE_KTHREAD, 11);
	SWITCH(w, 600, 0, 11, RUNNABLE, 20);
	FEED(w, 700, SCHED_MIGRATE, 0, 11, 1);
	SWITCH(w, 800, 0, 20, IDLE_KTHREAD, 0);
	SWITCH(w, 900, 1, 0, RUNNABLE, 11);
	finish(w);
	expect(w, "thread/11", "user 0 throttled 100 preempted(kworker 20) 400 user 500 preempted(kworker 20) 600 user 900 1000");
	end(w);
}

/* One that is on its way into the queue, or that waits for a processor which has been idle, is about to get it. */
static void test_not_throttled(void)
{
	World *w = begin();

	WAKING(w, 100, 0, 12, 0);
	SWITCH(w, 150, 0, 11, ASLEEP, 0);
	WAKEUP(w, 200, 0, 12, 0);
	SWITCH(w, 300, 0, 0, RUNNABLE, 12);
	finish(w);
	expect(w, "thread/12", "blocked(unknown) 0 wait-cpu(11) 100 running 300 1000");
	end(w);
}

static void test_stopped(void)
{
	World *w = begin();

	SWITCH(w, 100, 0, 11, STOPPED, 0);
	finish(w);
	expect(w, "thread/11", "user 0 blocked(signal) 100 1000");
	end(w);
}

/* ---- Lost events ------------------------------------------------------------------------------------------------- */

/* Threads that have no processor may have got the one whose events were lost. */
static void test_loss(void)
{
	World *w = begin();

	enter(w, 50, 0, TRACE_SYS_GETDENTS);
	SWITCH(w, 100, 0, 11, ASLEEP, 12);
	loss(w, 200, 1, TRACE_LOSS_BEGIN);
	loss(w, 300, 1, TRACE_LOSS_END);
	SWITCH(w, 400, 1, 13, RUNNABLE, 0);
	WAKEUP(w, 500, 0, 11, 1);
	SWITCH(w, 600, 1, 0, RUNNABLE, 11);
	leave(w, 700, 1, TRACE_SYS_GETDENTS);
	finish(w);
	expect(w, "thread/11", "user 0 syscall(getdents) 50 blocked(unknown) 100 unknown 200 wait-cpu(12) 500 syscall(getdents) 600 user 700 1000");
	expect(w, "thread/12", "blocked(unknown) 0 running 100 1000");
	expect(w, "cpu/1", "idle 0 unknown 200 running(13) 300 idle 400 syscall(11) 600 user(11) 700 1000");
	end(w);
}

/* A switch tells that another thread was running than was known. */
static void test_missed_switch(void)
{
	World *w = begin();

	SWITCH(w, 100, 0, 13, ASLEEP, 0);
	finish(w);
	expect(w, "thread/11", "user 0 unknown 100 1000");
	expect(w, "thread/13", "unknown 0 blocked(unknown) 100 1000");
	end(w);
}

/* ---- Laws -------------------------------------------------------------------------------------------------------- */

enum { CPUS = 4, TIDS = 8 };

static guint64 random_state(GRand *r)
{
	static const guint64 states[] = {RUNNABLE, PREEMPTED, ASLEEP, UNINTERRUPTIBLE, IDLE_KTHREAD, DEAD};

	return states[g_rand_int_range(r, 0, G_N_ELEMENTS(states))];
}

/* Of events that fit one another: who ran is who was switched to, and nobody runs twice. `current` of a processor is -1 before its first switch. */
static void sane_switch(World *w, GRand *r, gint64 *current)
{
	gint32 cpu = g_rand_int_range(r, 0, CPUS);
	gint64 next = g_rand_int_range(r, 0, TIDS);
	guint64 state = random_state(r);

	for (guint i = 0; i < CPUS; i++)
		if (current[i] == next && next)
			return;
	if (current[cpu] < 0)
		current[cpu] = 0;
	if (current[cpu] == next)
		return;
	SWITCH(w, w->now, cpu, (guint64)current[cpu], state == DEAD ? ASLEEP : state, (guint64)next);
	current[cpu] = next;
}

static guint n_fields(TraceEventId id)
{
	switch (id) {
	case TRACE_STATEDUMP_PROCESS:
	case TRACE_PROCESS_FORK:
		return 4;
	case TRACE_SCHED_WAKING:
	case TRACE_SCHED_WAKEUP:
	case TRACE_SCHED_WAKEUP_NEW:
	case TRACE_SCHED_MIGRATE:
		return 2;
	default:
		return 1;
	}
}

static void random_event(World *w, GRand *r, gint64 *current)
{
	static const TraceEventId ids[] = {
		TRACE_SCHED_WAKING, TRACE_SCHED_WAKEUP, TRACE_SCHED_MIGRATE, TRACE_STATEDUMP_PROCESS, TRACE_SYSCALL_ENTRY, TRACE_SYSCALL_EXIT,
		TRACE_FAULT_USER, TRACE_FAULT_KERNEL, TRACE_IRQ_ENTRY, TRACE_IRQ_EXIT, TRACE_SOFTIRQ_ENTRY, TRACE_SOFTIRQ_EXIT,
		TRACE_VECTOR_LOCAL_TIMER_ENTRY, TRACE_VECTOR_LOCAL_TIMER_EXIT, TRACE_SCHED_WAKEUP_NEW, TRACE_PROCESS_FORK, TRACE_PROCESS_EXEC, TRACE_PROCESS_FREE};
	TraceEventId id = ids[g_rand_int_range(r, 0, current ? 14 : G_N_ELEMENTS(ids))];
	guint64 v[4];

	if (current && g_rand_int_range(r, 0, 3) == 0) {
		sane_switch(w, r, current);
		return;
	}
	for (guint i = 0; i < 4; i++)
		v[i] = (guint64)g_rand_int_range(r, 0, TIDS);
	for (guint i = 0; current && i < CPUS; i++)
		if (current[i] == (gint64)v[0] && id <= TRACE_STATEDUMP_PROCESS && n_fields(id) > 1)
			return; /* who runs is not woken */
	w->syscall = (gint16)v[2];
	if (!current && g_rand_int_range(r, 0, 3) == 0)
		SWITCH(w, w->now, (gint32)v[3] % CPUS, v[0], random_state(r), v[1]);
	else
		feed_values(w, id, (gint32)v[3] % CPUS, v, n_fields(id));
}

static void check_row(const World *w, guint32 row, gint64 begin_ns, gint64 end_ns)
{
	HistoryWalk walk;
	HistoryInterval i;
	gint64 at = begin_ns;

	history_walk(&walk, w->history, row, G_MININT64, G_MAXINT64);
	while (history_walk_next(&walk, &i)) {
		g_assert_cmpint(i.begin_ns, ==, at);
		g_assert_cmpint(i.end_ns, >, at);
		at = i.end_ns;
	}
	g_assert_cmpint(at, ==, end_ns);
}

static gint64 time_on_cpu(const World *w, guint32 row)
{
	gint64 ns[KERNEL_TS_COUNT], sum = 0;

	history_sums(w->history, row, 0, END, ns);
	for (guint s = KERNEL_TS_RUNNING; s <= KERNEL_TS_GUEST; s++)
		sum += ns[s];
	return sum;
}

/* Whatever the events: states follow one another without gap from a thread's begin to its end, and from the trace's begin to its end on processors. */
static void check_laws(const World *w)
{
	guint table;

	g_assert_true(history_find_table(w->history, KERNEL_THREADS_TABLE, sizeof(KernelThreadItem), &table));
	g_assert_cmpuint(history_table_len(w->history, table), ==, w->kernel->n_serials);
	g_autoptr(GHashTable) paths = g_hash_table_new(g_str_hash, g_str_equal);
	for (guint32 i = 0; i < w->kernel->n_serials; i++) {
		const KernelThreadItem *item = thread_item(w, i);

		g_assert_true((item->row == KERNEL_NO_ROW) == (item->tid == 0 || item->same_as != i) || item->same_as != i);
		if (item->row == KERNEL_NO_ROW)
			continue;
		g_assert_true(g_hash_table_add(paths, (gpointer)history_row_path(w->history, item->row)));
		if (item->same_as == i)
			check_row(w, item->row, MIN(item->begin_ns, END), item->end_ns);
	}
	for (guint32 r = 0; r < history_n_rows(w->history); r++)
		if (g_str_equal(history_kind_name(w->history, history_row_kind(w->history, r)), KERNEL_CPU_ROW_KIND))
			check_row(w, r, 0, END);
}

static void random_world(World *w, GRand *r, gint64 *current)
{
	w->name = "some name"; /* as long as any number that is taken for its length */
	while ((w->now += g_rand_int_range(r, 0, 12)) < END) {
		if (g_rand_int_range(r, 0, 60) == 0) {
			gint32 cpu = g_rand_int_range(r, 0, CPUS);

			loss(w, w->now, cpu, TRACE_LOSS_BEGIN);
			loss(w, w->now = MIN(w->now + g_rand_int_range(r, 0, 12), END), cpu, TRACE_LOSS_END);
		}
		random_event(w, r, current);
	}
	finish(w);
	check_laws(w);
}

/* Events that may contradict one another in any way. */
static void test_damage(void)
{
	for (guint32 seed = 1; seed <= 300; seed++) {
		g_autoptr(GRand) r = g_rand_new_with_seed(seed);
		World *w = begin_with(seed % 2);

		random_world(w, r, NULL);
		end(w);
	}
}

/* Where they don't, a thread has a processor for as long as the Kernel says. */
static void test_time_on_processors(void)
{
	for (guint32 seed = 1; seed <= 300; seed++) {
		g_autoptr(GRand) r = g_rand_new_with_seed(seed);
		World *w = begin_with(seed % 2);
		gint64 current[CPUS] = {-1, -1, -1, -1};

		random_world(w, r, current);
		g_assert_cmpuint(w->kernel->switches_missed, ==, 0);
		for (guint i = 0; i < w->kernel->threads->len; i++) {
			const KernelThread *t = g_ptr_array_index(w->kernel->threads, i);
			const KernelThreadItem *item = thread_item(w, t->serial);

			if (item->row != KERNEL_NO_ROW)
				g_assert_cmpint(time_on_cpu(w, item->row), ==, t->ns[KERNEL_RUNNING]);
		}
		end(w);
	}
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/flow/syscall-over-switch", test_syscall_over_switch);
	g_test_add_func("/flow/wakeup-before-sleep", test_wakeup_before_sleep);
	g_test_add_func("/flow/preempted-and-yielded", test_preempted_and_yielded);
	g_test_add_func("/flow/kernel-thread", test_kernel_thread);
	g_test_add_func("/flow/fork", test_fork);
	g_test_add_func("/flow/first-thread", test_first_thread);
	g_test_add_func("/flow/some-syscalls", test_some_syscalls);
	g_test_add_func("/flow/fault", test_fault);
	g_test_add_func("/flow/guest", test_guest);
	g_test_add_func("/flow/nested-handlers", test_nested_handlers);
	g_test_add_func("/flow/open-at-begin", test_open_at_begin);
	g_test_add_func("/flow/missing-ends", test_missing_ends);
	g_test_add_func("/flow/throttled", test_throttled);
	g_test_add_func("/flow/not-throttled", test_not_throttled);
	g_test_add_func("/flow/stopped", test_stopped);
	g_test_add_func("/flow/loss", test_loss);
	g_test_add_func("/flow/missed-switch", test_missed_switch);
	g_test_add_func("/flow/damage", test_damage);
	g_test_add_func("/flow/time-on-processors", test_time_on_processors);
	return g_test_run();
}
