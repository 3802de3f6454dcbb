/* SPDX-License-Identifier: MIT */
/*
 * Interrupts, timers, work items and power states, case by case: events are given to the parts one by one, and what came of them is compared with what the case was made
 * of. Two processors, times from 0 to 10000; thread 11 has processor 0, thread 20 is a kworker, thread 21 is ksoftirqd/0. Addresses are small numbers.
 */
#include "kernel/flow.h"
#include "kernel/irq.h"
#include "feed.h"

#include <string.h>

enum { END = 10000 };
enum { RUNNABLE = 0, ASLEEP = 1 };
enum { BLOCK = 4, NET_RX = 3, TASKLET = 6 };

#define LEFT_IDLE 0xffffffffu

typedef struct {
	Kernel *kernel;
	History *history;
	KernelSet *set;
	TraceModel models[1 + KERNEL_PART_COUNT];
	TraceFacts facts;
	gint64 now;
	const char *name;
} World;

/* Texts are all the world's `name`. */
static void feed_values(World *w, TraceEventId id, gint32 cpu, const guint64 *v, guint n)
{
	guint64 values[TRACE_FIELDS_MAX] = {0}, ctx[TRACE_CTX_COUNT] = {0};
	TraceEvent ev = {.time = w->now, .cpu = cpu, .id = (guint16)id, .present = (guint16)((1u << n) - 1), .v = values, .ctx = ctx,
			 .base = (const guint8 *)w->name, .syscall = -1};

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

#define SWITCH(w, at, cpu, prev, state, next)  FEED(w, at, SCHED_SWITCH, cpu, prev, (guint64)(state), next)
#define SOFTIRQ(w, at, cpu, vec)               FEED(w, at, SOFTIRQ_ENTRY, cpu, vec)
#define SOFTIRQ_END(w, at, cpu, vec)           FEED(w, at, SOFTIRQ_EXIT, cpu, vec)
#define RAISE(w, at, cpu, vec)                 FEED(w, at, SOFTIRQ_RAISE, cpu, vec)
#define HRTIMER(w, at, cpu, timer, now)        FEED(w, at, HRTIMER_EXPIRE_ENTRY, cpu, timer, 0x77, now)
#define HRTIMER_END(w, at, cpu, timer)         FEED(w, at, HRTIMER_EXPIRE_EXIT, cpu, timer)

static void irq(World *w, gint64 at, gint32 cpu, guint64 number, const char *device)
{
	w->name = device;
	FEED(w, at, IRQ_ENTRY, cpu, number, CTF_TEXT(0, strlen(device)));
	w->name = "";
}

static void irq_end(World *w, gint64 at, gint32 cpu, guint64 number, guint64 ret)
{
	FEED(w, at, IRQ_EXIT, cpu, number, ret);
}

static void loss(World *w, gint64 at, gint32 cpu, TraceLossEdge edge)
{
	for (guint m = 0; m < G_N_ELEMENTS(w->models); m++)
		if (w->models[m].loss)
			w->models[m].loss(w->models[m].self, cpu, at, edge);
}

static void thread(World *w, guint64 tid, const char *name)
{
	w->name = name;
	FEED(w, 0, STATEDUMP_PROCESS, 1, tid, tid, 1, CTF_TEXT(0, strlen(name)), 0);
	w->name = "";
}

static World *begin(void)
{
	World *w = g_new0(World, 1);

	w->name = "";
	w->facts.is_kernel = TRUE;
	for (guint i = 0; i < TRACE_EVENT_COUNT; i++)
		w->facts.declared[i] = TRUE;
	w->kernel = kernel_new(&w->facts, 0, END);
	w->history = history_new(0, END, NULL);
	w->set = kernel_set_new(w->kernel, w->history, &w->facts);
	w->models[0] = kernel_model(w->kernel);
	kernel_set_models(w->set, w->models + 1);
	thread(w, 11, "eleven");
	thread(w, 20, "kworker/0:1");
	thread(w, 21, "ksoftirqd/0");
	SWITCH(w, 0, 0, 0, RUNNABLE, 11);
	SWITCH(w, 0, 1, 12, ASLEEP, 0);
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

/* ---- What came of it, as texts ------------------------------------------------------------------------------------- */

static gint32 tid_of(const World *w, guint32 serial)
{
	guint table;

	g_assert_true(history_find_table(w->history, KERNEL_THREADS_TABLE, sizeof(KernelThreadItem), &table));
	return serial == G_MAXUINT32 ? -1 : ((const KernelThreadItem *)history_table_get(w->history, table, serial))->tid;
}

static void add_item(const World *w, GString *s, const KernelIrqItem *it)
{
	const char *name = history_text_get(w->history, it->name);

	g_string_append_printf(s, "%s%s", s->len ? "; " : "", kernel_irq_kind_name(it->kind));
	if (it->kind <= KERNEL_IRQ_SOFTIRQ)
		g_string_append_printf(s, " %s", *name ? name : "?");
	g_string_append_printf(s, " %" G_GINT64_FORMAT "-%" G_GINT64_FORMAT " self %" G_GINT64_FORMAT, it->begin_ns, it->end_ns, it->self_ns);
	if (it->raise_ns != KERNEL_NO_TIME)
		g_string_append_printf(s, " since %" G_GINT64_FORMAT, it->raise_ns);
	g_string_append_printf(s, " on %d", tid_of(w, it->thread));
	if (it->by != G_MAXUINT32)
		g_string_append_printf(s, " by %d", tid_of(w, it->by));
	if (it->depth)
		g_string_append_printf(s, " depth %u", it->depth);
	g_string_append_printf(s, "%s%s", it->own_thread ? " own" : "", it->error ? " not mine" : "");
}

static void expect(const World *w, const char *wanted)
{
	g_autoptr(GString) got = g_string_new(NULL);
	guint table;

	g_assert_true(history_find_table(w->history, KERNEL_IRQ_TABLE, sizeof(KernelIrqItem), &table));
	for (guint64 i = 0; i < history_table_len(w->history, table); i++)
		add_item(w, got, history_table_get(w->history, table, i));
	g_assert_cmpstr(got->str, ==, wanted);
}

static const KernelIrqLine *line_of(const World *w, KernelIrqKind kind, guint32 number)
{
	guint table;

	g_assert_true(history_find_table(w->history, KERNEL_IRQ_LINES_TABLE, sizeof(KernelIrqLine), &table));
	for (guint64 i = 0; i < history_table_len(w->history, table); i++) {
		const KernelIrqLine *l = history_table_get(w->history, table, i);

		if (l->kind == kind && l->number == number)
			return l;
	}
	g_error("there is no such line");
}

static void expect_line(const World *w, KernelIrqKind kind, guint32 number, guint64 handled, guint64 raised, guint64 open_begin, guint64 open_end)
{
	const KernelIrqLine *l = line_of(w, kind, number);

	g_assert_cmpuint(l->handled, ==, handled);
	g_assert_cmpuint(l->raised, ==, raised);
	g_assert_cmpuint(l->open_begin, ==, open_begin);
	g_assert_cmpuint(l->open_end, ==, open_end);
}

/* "inactive 0 active 100 inactive 150 10000": each state with its begin, and the row's end. */
static void expect_row(const World *w, const char *path, const char *wanted)
{
	g_autoptr(GString) s = g_string_new(NULL);
	HistoryWalk walk;
	HistoryInterval i;
	guint32 row = 0;

	while (row < history_n_rows(w->history) && !g_str_equal(history_row_path(w->history, row), path))
		row++;
	g_assert_cmpuint(row, <, history_n_rows(w->history));
	history_walk(&walk, w->history, row, G_MININT64, G_MAXINT64);
	while (history_walk_next(&walk, &i)) {
		const char *detail = history_text_get(w->history, i.detail);

		g_string_append_printf(s, "%s%s%s%s %" G_GINT64_FORMAT " ", history_state_name(w->history, history_row_kind(w->history, row), i.state),
				       *detail ? "(" : "", detail, *detail ? ")" : "", i.begin_ns);
	}
	g_string_append_printf(s, "%" G_GINT64_FORMAT, history_row_end(w->history, row));
	g_assert_cmpstr(s->str, ==, wanted);
}

/* ---- Interrupts and softirqs --------------------------------------------------------------------------------------- */

/* Each is charged what is not another's. */
static void test_handlers_are_a_stack(void)
{
	World *w = begin();

	RAISE(w, 90, 0, NET_RX);
	SOFTIRQ(w, 100, 0, NET_RX);
	irq(w, 120, 0, 24, "disk");
	FEED(w, 130, VECTOR_LOCAL_TIMER_ENTRY, 0, 236);
	FEED(w, 140, VECTOR_LOCAL_TIMER_EXIT, 0, 236);
	irq_end(w, 170, 0, 24, 1);
	SOFTIRQ_END(w, 200, 0, NET_RX);
	finish(w);
	expect(w, "vector local_timer 130-140 self 10 on 11 depth 2; irq disk 120-170 self 40 on 11 depth 1; softirq net_rx 100-200 self 50 since 90 on 11");
	expect_row(w, "irq/24 disk", "inactive 0 active(disk) 120 inactive 170 10000");
	expect_line(w, KERNEL_IRQ_SOFTIRQ, NET_RX, 1, 1, 0, 0);
	end(w);
}

static void test_processors_have_a_stack_each(void)
{
	World *w = begin();

	irq(w, 100, 0, 24, "disk");
	irq(w, 110, 1, 24, "disk");
	irq_end(w, 150, 0, 24, 1);
	irq_end(w, 170, 1, 24, 1);
	finish(w);
	expect(w, "irq disk 100-150 self 50 on 11; irq disk 110-170 self 60 on 0");
	expect_row(w, "irq/24 disk", "inactive 0 active(disk) 100 inactive 170 10000");
	end(w);
}

static void test_devices_share_a_line(void)
{
	World *w = begin();

	irq(w, 100, 0, 11, "uhci");
	irq_end(w, 110, 0, 11, 0);
	irq(w, 110, 0, 11, "ehci");
	irq_end(w, 130, 0, 11, 1);
	finish(w);
	expect(w, "irq uhci 100-110 self 10 on 11 not mine; irq ehci 110-130 self 20 on 11");
	g_assert_cmpstr(history_text_get(w->history, line_of(w, KERNEL_IRQ_LINE, 11)->name), ==, "uhci,ehci");
	end(w);
}

/* What has no begin or no end has no length, and is counted apart. */
static void test_what_is_not_whole_is_no_run(void)
{
	World *w = begin();

	irq_end(w, 50, 0, 24, 1);
	irq(w, 100, 0, 24, "disk");
	irq(w, 200, 0, 24, "disk");
	irq_end(w, 250, 0, 24, 1);
	irq(w, 300, 0, 25, "net");
	SWITCH(w, 400, 0, 11, RUNNABLE, 0);
	irq(w, 500, 0, 25, "net");
	finish(w);
	expect(w, "irq disk 200-250 self 50 on 11");
	expect_line(w, KERNEL_IRQ_LINE, 24, 1, 0, 1, 1);
	expect_line(w, KERNEL_IRQ_LINE, 25, 0, 0, 0, 2);
	end(w);
}

static void test_losses_end_what_is_open(void)
{
	World *w = begin();

	RAISE(w, 80, 0, BLOCK);
	irq(w, 100, 0, 24, "disk");
	irq(w, 105, 1, 25, "net");
	loss(w, 120, 0, TRACE_LOSS_BEGIN);
	loss(w, 180, 0, TRACE_LOSS_END);
	irq_end(w, 190, 0, 24, 1);
	irq_end(w, 195, 1, 25, 1);
	SOFTIRQ(w, 200, 0, BLOCK);
	SOFTIRQ_END(w, 210, 0, BLOCK);
	finish(w);
	expect(w, "irq net 105-195 self 90 on 0; softirq block 200-210 self 10 on -1");
	expect_line(w, KERNEL_IRQ_LINE, 24, 0, 0, 1, 1);
	end(w);
}

/* The first of several raises counts; what is raised while the round runs is the next round's. */
static void test_softirqs_wait_since_the_first_raise(void)
{
	World *w = begin();

	RAISE(w, 100, 0, NET_RX);
	RAISE(w, 120, 0, NET_RX);
	RAISE(w, 130, 0, TASKLET);
	RAISE(w, 140, 1, TASKLET);
	SOFTIRQ(w, 150, 0, NET_RX);
	RAISE(w, 155, 0, NET_RX);
	SOFTIRQ_END(w, 160, 0, NET_RX);
	SOFTIRQ(w, 160, 0, TASKLET);
	SOFTIRQ_END(w, 170, 0, TASKLET);
	SOFTIRQ(w, 180, 0, NET_RX);
	SOFTIRQ_END(w, 190, 0, NET_RX);
	SOFTIRQ(w, 300, 0, NET_RX);
	SOFTIRQ_END(w, 310, 0, NET_RX);
	finish(w);
	expect(w, "softirq net_rx 150-160 self 10 since 100 on 11; softirq tasklet 160-170 self 10 since 130 on 11; "
		  "softirq net_rx 180-190 self 10 since 155 on 11; softirq net_rx 300-310 self 10 on 11");
	expect_line(w, KERNEL_IRQ_SOFTIRQ, NET_RX, 3, 3, 0, 0);
	end(w);
}

static void test_ksoftirqd_interrupts_nobody(void)
{
	World *w = begin();

	SWITCH(w, 100, 0, 11, RUNNABLE, 21);
	SOFTIRQ(w, 110, 0, NET_RX);
	SOFTIRQ_END(w, 120, 0, NET_RX);
	finish(w);
	expect(w, "softirq net_rx 110-120 self 10 on 21 own");
	end(w);
}

/* On a real-time kernel a softirq is preempted with its thread: its time stands still meanwhile. */
static void test_softirqs_go_with_their_thread(void)
{
	World *w = begin();

	SOFTIRQ(w, 100, 0, BLOCK);
	SWITCH(w, 120, 0, 11, RUNNABLE, 20);
	SWITCH(w, 220, 0, 20, ASLEEP, 11);
	SOFTIRQ_END(w, 230, 0, BLOCK);
	finish(w);
	expect(w, "softirq block 100-230 self 30 on 11");
	end(w);
}

static void test_numbers_that_no_softirq_has(void)
{
	World *w = begin();

	RAISE(w, 100, 0, 1u << 20);
	SOFTIRQ(w, 110, 0, G_MAXUINT64);
	SOFTIRQ_END(w, 120, 0, G_MAXUINT64);
	for (guint i = 0; i < 2 * KERNEL_IRQ_DEPTH; i++)
		irq(w, 200 + i, 0, 100 + i, "deep");
	finish(w);
	expect(w, "");
	end(w);
}

/* ---- Timers ---------------------------------------------------------------------------------------------------------- */

/* Timers have their own clock: how late one was is told by that, in the trace's clock it was due so long before it began. */
static void test_timers_are_due_by_their_own_clock(void)
{
	World *w = begin();

	FEED(w, 100, HRTIMER_START, 0, 5, 0x77, 1000000);
	FEED(w, 110, HRTIMER_START, 0, 6, 0x77, 2000000);
	FEED(w, 120, HRTIMER_START, 0, 7, 0x77, 3000000);
	FEED(w, 130, HRTIMER_CANCEL, 0, 7);
	FEED(w, 130, HRTIMER_CANCEL, 0, 99);
	HRTIMER(w, 200, 0, 5, 1000040);
	HRTIMER_END(w, 230, 0, 5);
	HRTIMER(w, 300, 0, 6, 1999990);
	HRTIMER_END(w, 310, 0, 6);
	HRTIMER(w, 400, 0, 8, 5);
	HRTIMER_END(w, 410, 0, 8);
	finish(w);
	expect(w, "hrtimer 200-230 self 30 since 160 on 11 by 11; hrtimer 300-310 self 10 since 300 on 11 by 11; hrtimer 400-410 self 10 on 11");
	expect_line(w, KERNEL_IRQ_HRTIMER, 0, 3, 3, 0, 0);
	g_assert_cmpuint(line_of(w, KERNEL_IRQ_HRTIMER, 0)->cancelled, ==, 1);
	end(w);
}

/* ---- Work items ------------------------------------------------------------------------------------------------------ */

static void test_work_is_what_its_thread_ran(void)
{
	World *w = begin();

	FEED(w, 100, WORK_QUEUE, 0, 0x500, 0x77, 0);
	SWITCH(w, 150, 0, 11, RUNNABLE, 20);
	FEED(w, 160, WORK_START, 0, 0x500, 0x77);
	SWITCH(w, 200, 0, 20, ASLEEP, 11);
	SWITCH(w, 300, 0, 11, RUNNABLE, 20);
	FEED(w, 350, WORK_END, 0, 0x500);
	FEED(w, 400, WORK_START, 0, 0x600, 0x77);
	FEED(w, 450, WORK_END, 0, 0x600);
	FEED(w, 500, WORK_END, 0, 0x700);
	FEED(w, 600, WORK_START, 0, 0x800, 0x77);
	finish(w);
	expect(w, "work 160-350 self 90 since 100 on 20 by 11; work 400-450 self 50 on 20");
	expect_line(w, KERNEL_IRQ_WORK, 0, 2, 1, 1, 1);
	end(w);
}

/* ---- Power ----------------------------------------------------------------------------------------------------------- */

static void test_power_states_are_rows(void)
{
	World *w = begin();

	FEED(w, 100, CPU_IDLE, 0, 2, 0);
	FEED(w, 200, CPU_IDLE, 0, LEFT_IDLE, 0);
	FEED(w, 300, CPU_IDLE, 0, 99, 0);
	FEED(w, 150, CPU_FREQUENCY, 0, 2400000, 1);
	FEED(w, 250, CPU_FREQUENCY, 0, 800400, 1);
	loss(w, 400, 1, TRACE_LOSS_BEGIN);
	loss(w, 500, 1, TRACE_LOSS_END);
	FEED(w, 600, CPU_FREQUENCY, 0, 800000, 1);
	finish(w);
	expect_row(w, "cpu/0/idle", "unknown 0 idle-2 100 running 200 idle-15 300 10000");
	expect_row(w, "cpu/1/frequency", "unknown 0 running(2400 MHz) 150 running(800 MHz) 250 unknown 400 running(800 MHz) 600 10000");
	end(w);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/irq/handlers-are-a-stack", test_handlers_are_a_stack);
	g_test_add_func("/irq/processors-have-a-stack-each", test_processors_have_a_stack_each);
	g_test_add_func("/irq/devices-share-a-line", test_devices_share_a_line);
	g_test_add_func("/irq/what-is-not-whole-is-no-run", test_what_is_not_whole_is_no_run);
	g_test_add_func("/irq/losses-end-what-is-open", test_losses_end_what_is_open);
	g_test_add_func("/irq/softirqs-wait-since-the-first-raise", test_softirqs_wait_since_the_first_raise);
	g_test_add_func("/irq/ksoftirqd-interrupts-nobody", test_ksoftirqd_interrupts_nobody);
	g_test_add_func("/irq/softirqs-go-with-their-thread", test_softirqs_go_with_their_thread);
	g_test_add_func("/irq/numbers-that-no-softirq-has", test_numbers_that_no_softirq_has);
	g_test_add_func("/irq/timers-are-due-by-their-own-clock", test_timers_are_due_by_their_own_clock);
	g_test_add_func("/irq/work-is-what-its-thread-ran", test_work_is_what_its_thread_ran);
	g_test_add_func("/irq/power-states-are-rows", test_power_states_are_rows);
	return g_test_run();
}
