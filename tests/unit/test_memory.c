/* SPDX-License-Identifier: MIT */
/* Page faults and memory, case by case. Threads 10 and 11 are those of process 10; 10 has processor 0. */
#include "kernel/flow.h"
#include "kernel/memory.h"
#include "feed.h"

enum { END = 100000, A = 10, B = 11 };

typedef struct {
	TraceFacts facts;
	Kernel *kernel;
	History *history;
	KernelSet *set;
	TraceModel kernel_model, model;
	gint64 now;
	gint16 syscall;
} World;

static void feed_values(World *w, TraceEventId id, gint32 cpu, const guint64 *v, guint n)
{
	guint64 values[TRACE_FIELDS_MAX] = {0}, ctx[TRACE_CTX_COUNT] = {0};
	TraceEvent ev = {.time = w->now, .cpu = cpu, .id = (guint16)id, .present = (guint16)((1u << n) - 1), .v = values, .ctx = ctx,
			 .base = (const guint8 *)"", .syscall = w->syscall};

	for (guint i = 0; i < n; i++)
		values[i] = v[i];
	feed_model(&w->kernel_model, &ev);
	feed_model(&w->model, &ev);
}

#define FEED(w, at, id, cpu, ...)                                                                                              \
	do {                                                                                                                   \
		const guint64 values_[] = {__VA_ARGS__};                                                                       \
		(w)->now = (at);                                                                                               \
		feed_values(w, TRACE_##id, cpu, values_, G_N_ELEMENTS(values_));                                               \
	} while (0)

#define CALL(w, at, name, ...)                                                                                                 \
	do {                                                                                                                   \
		(w)->syscall = TRACE_SYS_##name;                                                                               \
		FEED(w, at, SYSCALL_ENTRY, 0, __VA_ARGS__);                                                                    \
	} while (0)
#define RETURN(w, at, ret)            FEED(w, at, SYSCALL_EXIT, 0, (guint64)(ret))
#define SWITCH(w, at, prev, state, next) FEED(w, at, SCHED_SWITCH, 0, prev, state, next)

static World *begin(void)
{
	World *w = g_new0(World, 1);
	TraceModel models[KERNEL_PART_COUNT];

	w->facts.is_kernel = TRUE;
	for (guint i = 0; i < TRACE_EVENT_COUNT; i++)
		w->facts.declared[i] = TRUE;
	w->syscall = -1;
	w->kernel = kernel_new(&w->facts, 0, END);
	w->history = history_new(0, END, NULL);
	w->set = kernel_set_new(w->kernel, w->history, &w->facts);
	w->kernel_model = kernel_model(w->kernel);
	kernel_set_models(w->set, models);
	w->model = models[KERNEL_PART_MEMORY];
	FEED(w, 0, STATEDUMP_PROCESS, 1, A, A, 1);
	FEED(w, 0, STATEDUMP_PROCESS, 1, B, A, 1);
	SWITCH(w, 1, 0, 0, A);
	return w;
}

static void end(World *w)
{
	kernel_set_free(w->set);
	history_free(w->history);
	kernel_free(w->kernel);
	g_free(w);
}

static guint32 serial(const World *w, gint32 tid)
{
	return kernel_thread(w->kernel, tid)->serial;
}

static gconstpointer item(const World *w, const char *table, gsize size, guint64 i, guint64 n)
{
	guint number;

	g_assert_true(history_find_table(w->history, table, size, &number));
	g_assert_cmpuint(history_table_len(w->history, number), ==, n);
	return history_table_get(w->history, number, i);
}

#define FAULT_ITEM(w, i, n)  ((const KernelFaultItem *)item(w, KERNEL_FAULTS_TABLE, sizeof(KernelFaultItem), i, n))
#define WAIT_ITEM(w, i, n)   ((const KernelFaultWait *)item(w, KERNEL_FAULT_WAITS_TABLE, sizeof(KernelFaultWait), i, n))
#define MEMORY_ITEM(w, i, n) ((const KernelMemoryItem *)item(w, KERNEL_MEMORY_TABLE, sizeof(KernelMemoryItem), i, n))

static guint why(World *w, gint32 tid, gint64 since, gint64 until, gboolean in_fault, gint32 syscall)
{
	const KernelBlocked b = {.thread = kernel_thread(w->kernel, tid), .since = since, .until = until, .prev_state = 2, .syscall = syscall,
				 .in_fault = in_fault, .cpu = 0, .waker_syscall = -1};
	KernelWhy answer = {0};

	kernel_part_memory.why(w->set->parts[KERNEL_PART_MEMORY], &b, &answer);
	g_assert_true(!answer.weight || answer.reason == KERNEL_WAIT_FOR_FAULT);
	return answer.weight;
}

static void test_faults(void)
{
	World *w = begin();

	FEED(w, 100, FAULT_USER, 0, 0x7000, 0x401000, KERNEL_FAULT_USER | KERNEL_FAULT_WRITE);
	FEED(w, 200, FAULT_KERNEL, 0, 0x8000, 0xffffffff81000000, 0);
	FEED(w, 300, FAULT_USER, 3, 0x9000);
	const KernelFaultItem *f = FAULT_ITEM(w, 0, 3);
	g_assert_cmpint(f->time_ns, ==, 100);
	g_assert_cmpuint(f->address, ==, 0x7000);
	g_assert_cmpuint(f->ip, ==, 0x401000);
	g_assert_cmpuint(f->error, ==, KERNEL_FAULT_USER | KERNEL_FAULT_WRITE);
	g_assert_cmpuint(f->in_kernel, ==, 0);
	g_assert_cmpuint(f->thread, ==, serial(w, A));
	g_assert_cmpuint(FAULT_ITEM(w, 1, 3)->in_kernel, ==, 1);
	g_assert_cmpuint(FAULT_ITEM(w, 2, 3)->ip, ==, 0);
	end(w);
}

/* The last fault from user space is the one; what sleeps in a system call, or has had no fault, is no fault's sleep. */
static void test_sleep(void)
{
	World *w = begin();

	FEED(w, 100, FAULT_USER, 0, 0x7000, 0x401000, KERNEL_FAULT_USER);
	FEED(w, 200, FAULT_USER, 0, 0x8000, 0x401000, KERNEL_FAULT_USER);
	FEED(w, 210, FAULT_KERNEL, 0, 0x8000, 0x401000, 0);
	SWITCH(w, 220, A, 2, 0);
	g_assert_cmpuint(why(w, B, 220, 300, TRUE, -1), ==, 0);
	g_assert_cmpuint(why(w, A, 220, 300, FALSE, -1), ==, 0);
	g_assert_cmpuint(why(w, A, 220, 300, TRUE, TRACE_SYS_READ), ==, 0);
	g_assert_cmpuint(why(w, A, 220, 300, TRUE, -1), ==, 50);
	const KernelFaultWait *wait = WAIT_ITEM(w, 0, 1);
	g_assert_cmpuint(wait->fault, ==, 1);
	g_assert_cmpint(wait->begin_ns, ==, 220);
	g_assert_cmpint(wait->end_ns, ==, 300);
	g_assert_cmpuint(wait->thread, ==, serial(w, A));
	w->model.loss(w->model.self, 0, 400, TRACE_LOSS_BEGIN);
	g_assert_cmpuint(why(w, A, 410, 500, TRUE, -1), ==, 0);
	end(w);
}

static void test_pages(void)
{
	World *w = begin();

	FEED(w, 100, PAGE_ALLOC, 0, 2, 0xea0000, 700);
	FEED(w, 110, PAGE_ALLOC, 0, 0, 0, G_MAXUINT64);
	SWITCH(w, 120, A, 1, B);
	FEED(w, 130, PAGE_FREE, 0, 2, 0xea0000, 700);
	FEED(w, 140, PAGE_FREE, 0, 0, 0xea0000, 700);
	const KernelMemoryItem *got = MEMORY_ITEM(w, 0, 3), *freed = MEMORY_ITEM(w, 1, 3), *unknown = MEMORY_ITEM(w, 2, 3);
	g_assert_cmpuint(got->bytes, ==, 16384);
	g_assert_cmpuint(got->order, ==, 2);
	g_assert_cmpuint(got->kind, ==, KERNEL_MEMORY_PAGES);
	g_assert_cmpuint(freed->kind, ==, KERNEL_MEMORY_PAGES_FREE);
	g_assert_cmpuint(freed->thread, ==, serial(w, B));
	g_assert_cmpuint(freed->owner, ==, serial(w, A));
	g_assert_cmpuint(unknown->owner, ==, G_MAXUINT32);
	g_assert_cmpuint(unknown->bytes, ==, 4096);
	end(w);
}

static void test_objects(void)
{
	World *w = begin();

	FEED(w, 100, KMALLOC, 0, 0xf00, 60, 64);
	FEED(w, 110, CACHE_ALLOC, 0, 0xf40, 100, 128);
	FEED(w, 120, KFREE, 0, 0xf00);
	FEED(w, 130, CACHE_FREE, 0, 0xf40);
	FEED(w, 140, KFREE, 0, 0);
	FEED(w, 150, KFREE, 0, 0xf00);
	g_assert_cmpuint(MEMORY_ITEM(w, 0, 5)->bytes, ==, 64);
	g_assert_cmpuint(MEMORY_ITEM(w, 2, 5)->bytes, ==, 64);
	g_assert_cmpuint(MEMORY_ITEM(w, 3, 5)->bytes, ==, 128);
	g_assert_cmpuint(MEMORY_ITEM(w, 3, 5)->owner, ==, serial(w, A));
	g_assert_cmpuint(MEMORY_ITEM(w, 4, 5)->bytes, ==, 0);
	end(w);
}

static void test_mappings(void)
{
	World *w = begin();

	CALL(w, 100, MMAP, 0, 8192, 3, 34, G_MAXUINT64, 0);
	RETURN(w, 101, 0x7f0000000000);
	CALL(w, 110, MMAP, 0, 4096, 3, 34, G_MAXUINT64, 0);
	RETURN(w, 111, -12);
	CALL(w, 120, MUNMAP, 0x7f0000000000, 8192);
	RETURN(w, 121, 0);
	CALL(w, 130, MREMAP, 0x7f0000000000, 8192, 4096);
	RETURN(w, 131, 0x7f0000000000);
	CALL(w, 140, BRK, 0);
	RETURN(w, 141, 0x1000000);
	CALL(w, 150, BRK, 0x1021000);
	RETURN(w, 151, 0x1021000);
	SWITCH(w, 155, A, 1, B);
	CALL(w, 160, BRK, 0x1020000);
	RETURN(w, 161, 0x1020000);
	CALL(w, 170, BRK, 0); /* after an exec */
	RETURN(w, 171, 0x555500000000);
	const struct {
		guint kind;
		guint64 bytes;
	} wanted[] = {{KERNEL_MEMORY_MAP, 8192},   {KERNEL_MEMORY_UNMAP, 8192},      {KERNEL_MEMORY_UNMAP, 4096},
		      {KERNEL_MEMORY_HEAP, 0x21000}, {KERNEL_MEMORY_HEAP_FREE, 0x1000}};
	for (guint i = 0; i < G_N_ELEMENTS(wanted); i++) {
		g_assert_cmpuint(MEMORY_ITEM(w, i, G_N_ELEMENTS(wanted))->kind, ==, wanted[i].kind);
		g_assert_cmpuint(MEMORY_ITEM(w, i, G_N_ELEMENTS(wanted))->bytes, ==, wanted[i].bytes);
	}
	end(w);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/memory/faults are kept as they were told", test_faults);
	g_test_add_func("/memory/who sleeps outside of system calls sleeps in his last fault", test_sleep);
	g_test_add_func("/memory/pages know who had got them", test_pages);
	g_test_add_func("/memory/objects know how big they were", test_objects);
	g_test_add_func("/memory/mappings and heaps", test_mappings);
	return g_test_run();
}
