/* SPDX-License-Identifier: MIT */
/*
 * Block requests, case by case: events are given to the models one by one, and what came of them is compared with what the case was made of. Threads 10 and 11 are
 * programs, 20 is a kernel thread; 10 has processor 0. Disk 254:0 is "vda".
 */
#include "kernel/block_private.h"
#include "kernel/flow.h"
#include "feed.h"

#include <string.h>

enum { END = 100000, A = 10, B = 11, KERNEL = 20 };
enum { VDA = 254 << 20, VDB = (254 << 20) + 16, VDA1 = (254 << 20) + 1, DM = 253 << 20 };
enum { WRITE = 1, DISCARD = 2, READ = 4, SYNC = 32, META = 64, FLUSH = 256, FUA = 512, PREFLUSH = 1024 };

#define MINUS_1 G_MAXUINT64

typedef struct {
	TraceFacts facts;
	Kernel *kernel;
	History *history;
	KernelSet *set;
	TraceModel kernel_model, models[KERNEL_PART_COUNT];
	gint64 now;
	const char *text;
} World;

static void feed_values(World *w, TraceEventId id, gint32 cpu, const guint64 *v, guint n)
{
	guint64 values[TRACE_FIELDS_MAX] = {0}, ctx[TRACE_CTX_COUNT] = {0};
	TraceEvent ev = {.time = w->now, .cpu = cpu, .id = (guint16)id, .present = (guint16)((1u << n) - 1), .v = values, .ctx = ctx,
			 .base = (const guint8 *)w->text, .syscall = -1};

	for (guint i = 0; i < n; i++)
		values[i] = v[i];
	feed_model(&w->kernel_model, &ev);
	feed_model(&w->models[KERNEL_PART_BLOCK], &ev);
}

#define FEED(w, at, id, cpu, ...)                                                                                              \
	do {                                                                                                                   \
		const guint64 values_[] = {__VA_ARGS__};                                                                       \
		(w)->now = (at);                                                                                               \
		feed_values(w, TRACE_##id, cpu, values_, G_N_ELEMENTS(values_));                                               \
	} while (0)

#define BIO(w, at, dev, sector, nr, rwbs)       FEED(w, at, BLOCK_BIO_QUEUE, 0, dev, sector, nr, rwbs)
#define GETRQ(w, at, dev, sector, nr, rwbs)     FEED(w, at, BLOCK_GETRQ, 0, dev, sector, nr, rwbs)
#define BACK(w, at, dev, sector, nr, rwbs)      FEED(w, at, BLOCK_BIO_BACKMERGE, 0, dev, sector, nr, rwbs)
#define FRONT(w, at, dev, sector, nr, rwbs)     FEED(w, at, BLOCK_BIO_FRONTMERGE, 0, dev, sector, nr, rwbs)
#define MERGE(w, at, dev, sector, nr, rwbs)     FEED(w, at, BLOCK_RQ_MERGE, 0, dev, sector, nr, rwbs)
#define INSERT(w, at, dev, sector, nr, rwbs)    FEED(w, at, BLOCK_RQ_INSERT, 0, dev, sector, nr, rwbs)
#define ISSUE(w, at, dev, sector, nr, rwbs)     FEED(w, at, BLOCK_RQ_ISSUE, 0, dev, sector, nr, rwbs, (nr) * 512)
#define REQUEUE(w, at, dev, sector, nr, rwbs)   FEED(w, at, BLOCK_RQ_REQUEUE, 0, dev, sector, nr, rwbs)
#define COMPLETE(w, at, dev, sector, nr, rwbs)  FEED(w, at, BLOCK_RQ_COMPLETE, 0, dev, sector, nr, rwbs, 0)
#define SWITCH(w, at, prev, state, next)        FEED(w, at, SCHED_SWITCH, 0, prev, state, next)

/* A world in which one kind of events is not recorded. */
static World *begin_with(gint missing)
{
	World *w = g_new0(World, 1);

	w->facts.is_kernel = TRUE;
	for (guint i = 0; i < TRACE_EVENT_COUNT; i++)
		w->facts.declared[i] = (gint)i != missing;
	w->kernel = kernel_new(&w->facts, 0, END);
	w->history = history_new(0, END, NULL);
	w->set = kernel_set_new(w->kernel, w->history, &w->facts);
	w->kernel_model = kernel_model(w->kernel);
	kernel_set_models(w->set, w->models);
	w->text = "vda";
	FEED(w, 0, STATEDUMP_PROCESS, 1, A, A, 1);
	FEED(w, 0, STATEDUMP_PROCESS, 1, B, B, 1);
	FEED(w, 0, STATEDUMP_PROCESS, 1, KERNEL, KERNEL, 2);
	kernel_thread(w->kernel, KERNEL)->is_kthread = 1;
	kernel_thread(w->kernel, A)->is_kthread = kernel_thread(w->kernel, B)->is_kthread = 0;
	FEED(w, 0, STATEDUMP_BLOCK, 0, VDA, CTF_TEXT(0, 3));
	SWITCH(w, 1, 0, 0, A);
	return w;
}

static World *begin(void)
{
	return begin_with(-1);
}

static guint32 serial(const World *w, gint32 tid)
{
	return kernel_thread(w->kernel, tid)->serial;
}

static guint64 len(const World *w, const char *table, gsize size)
{
	guint number;

	g_assert_true(history_find_table(w->history, table, size, &number));
	return history_table_len(w->history, number);
}

static const KernelDiskRequest *request(const World *w, guint64 i)
{
	guint number;

	g_assert_true(history_find_table(w->history, KERNEL_DISK_REQUESTS_TABLE, sizeof(KernelDiskRequest), &number));
	const KernelDiskRequest *r = history_table_get(w->history, number, i);
	g_assert_nonnull(r);
	return r;
}

static guint64 n_requests(const World *w)
{
	return len(w, KERNEL_DISK_REQUESTS_TABLE, sizeof(KernelDiskRequest));
}

static const KernelDiskItem *disk(const World *w, guint32 i)
{
	guint number;

	g_assert_true(history_find_table(w->history, KERNEL_DISKS_TABLE, sizeof(KernelDiskItem), &number));
	return history_table_get(w->history, number, i);
}

static void finish(World *w)
{
	kernel_finish(w->kernel);
	kernel_set_finish(w->set);
	g_assert_true(history_finish(w->history, NULL));
}

static void end(World *w)
{
	kernel_set_free(w->set);
	history_free(w->history);
	kernel_free(w->kernel);
	g_free(w);
}

/* The time a disk's row is in a state; all of them have to add up. */
static gint64 time_in(const World *w, guint32 row, guint state)
{
	gint64 ns[KERNEL_DISK_STATE_COUNT], sum = 0;

	history_sums(w->history, row, 0, END, ns);
	for (guint i = 0; i < KERNEL_DISK_STATE_COUNT; i++)
		sum += ns[i];
	g_assert_cmpint(sum, ==, END);
	return ns[state];
}

static KernelWhy why(World *w, gint32 tid, gint64 since, gint64 until, KernelFrom from, gint32 waker, gint64 prev_state, gint32 syscall)
{
	const KernelBlocked b = {.thread = kernel_thread(w->kernel, tid), .since = since, .until = until, .prev_state = prev_state,
				 .syscall = syscall, .from = from, .number = 4, .cpu = 0, .waker = waker ? kernel_thread(w->kernel, waker) : NULL,
				 .waker_syscall = -1};
	KernelWhy answer = {0};

	kernel_part_block.why(w->set->parts[KERNEL_PART_BLOCK], &b, &answer);
	return answer;
}

/* ---- Through the queue --------------------------------------------------------------------------------------------- */

static void test_whole_way(void)
{
	World *w = begin();

	BIO(w, 100, VDA, 8, 16, WRITE | SYNC);
	GETRQ(w, 110, VDA, 8, 16, WRITE | SYNC);
	INSERT(w, 120, VDA, 8, 16, WRITE | SYNC);
	ISSUE(w, 130, VDA, 8, 16, WRITE | SYNC);
	SWITCH(w, 140, A, 2, 0);
	COMPLETE(w, 180, VDA, 8, 16, WRITE | SYNC);
	finish(w);
	g_assert_cmpuint(n_requests(w), ==, 1);
	const KernelDiskRequest *r = request(w, 0);
	g_assert_cmpint(r->queued_ns, ==, 100);
	g_assert_cmpint(r->inserted_ns, ==, 120);
	g_assert_cmpint(r->issued_ns, ==, 130);
	g_assert_cmpint(r->completed_ns, ==, 180);
	g_assert_cmpint(r->done_ns, ==, 180);
	g_assert_cmpuint(r->sector, ==, 8);
	g_assert_cmpuint(r->nr_sectors, ==, 16);
	g_assert_cmpuint(r->bytes, ==, 8192);
	g_assert_cmpuint(r->op, ==, KERNEL_DISK_OP_WRITE);
	g_assert_cmpuint(r->flags, ==, KERNEL_DISK_SYNC);
	g_assert_cmpuint(r->thread, ==, serial(w, A));
	g_assert_cmpuint(r->cause, ==, serial(w, A));
	g_assert_cmpuint(r->via, ==, KERNEL_DISK_VIA_OWN);
	g_assert_cmpuint(r->end, ==, KERNEL_DISK_COMPLETED);
	g_assert_cmpstr(history_row_path(w->history, disk(w, 0)->row), ==, "disk/vda");
	g_assert_cmpint(time_in(w, disk(w, 0)->row, KERNEL_DISK_1), ==, 50);
	g_assert_cmpint(time_in(w, disk(w, 0)->row, KERNEL_DISK_IDLE), ==, END - 50);
	end(w);
}

static void test_merges(void)
{
	World *w = begin();

	BIO(w, 100, VDA, 100, 8, WRITE);
	GETRQ(w, 101, VDA, 100, 8, WRITE);
	BIO(w, 102, VDA, 108, 8, WRITE);
	BACK(w, 103, VDA, 108, 8, WRITE);
	BIO(w, 104, VDA, 92, 8, WRITE);
	FRONT(w, 105, VDA, 92, 8, WRITE);
	BIO(w, 90, VDA, 116, 4, WRITE);
	GETRQ(w, 106, VDA, 116, 4, WRITE);
	MERGE(w, 107, VDA, 116, 4, WRITE);
	ISSUE(w, 110, VDA, 92, 28, WRITE);
	COMPLETE(w, 150, VDA, 92, 28, WRITE);
	finish(w);
	g_assert_cmpuint(n_requests(w), ==, 1);
	const KernelDiskRequest *r = request(w, 0);
	g_assert_cmpuint(r->merges, ==, 3);
	g_assert_cmpuint(r->sector, ==, 92);
	g_assert_cmpuint(r->bytes, ==, 28 * 512);
	g_assert_cmpint(r->queued_ns, ==, 90);
	g_assert_cmpint(r->inserted_ns, ==, KERNEL_NO_TIME);
	end(w);
}

/* Linux before 5.11 does not tell that requests were merged into others. */
static void test_merges_not_traced(void)
{
	World *w = begin();

	BIO(w, 100, VDA, 100, 8, READ);
	BIO(w, 101, VDA, 108, 8, READ);
	BIO(w, 102, VDA, 116, 8, READ);
	ISSUE(w, 110, VDA, 100, 16, READ);
	finish(w);
	g_assert_cmpuint(n_requests(w), ==, 2);
	g_assert_cmpuint(request(w, 0)->sector, ==, 100);
	g_assert_cmpuint(request(w, 0)->merges, ==, 1);
	g_assert_cmpuint(request(w, 0)->end, ==, KERNEL_DISK_OPEN);
	g_assert_cmpuint(request(w, 1)->sector, ==, 116);
	g_assert_cmpint(request(w, 1)->issued_ns, ==, KERNEL_NO_TIME);
	g_assert_cmpint(time_in(w, disk(w, 0)->row, KERNEL_DISK_1), ==, END - 110);
	end(w);
}

static void test_partial_completion(void)
{
	World *w = begin();

	BIO(w, 100, VDA, 8, 16, READ);
	ISSUE(w, 110, VDA, 8, 16, READ);
	COMPLETE(w, 120, VDA, 8, 4, READ);
	COMPLETE(w, 130, VDA, 12, 12, READ);
	finish(w);
	g_assert_cmpuint(n_requests(w), ==, 1);
	g_assert_cmpint(request(w, 0)->completed_ns, ==, 130);
	g_assert_cmpuint(request(w, 0)->sector, ==, 8);
	g_assert_cmpuint(request(w, 0)->bytes, ==, 8192);
	g_assert_cmpuint(disk(w, 0)->unmatched, ==, 0);
	g_assert_cmpint(time_in(w, disk(w, 0)->row, KERNEL_DISK_1), ==, 20);
	end(w);
}

static void test_requeue(void)
{
	World *w = begin();

	BIO(w, 100, VDA, 8, 16, READ);
	ISSUE(w, 110, VDA, 8, 16, READ);
	REQUEUE(w, 115, VDA, 8, 16, READ);
	ISSUE(w, 140, VDA, 8, 16, READ);
	COMPLETE(w, 150, VDA, 8, 16, READ);
	finish(w);
	g_assert_cmpuint(n_requests(w), ==, 1);
	g_assert_cmpuint(request(w, 0)->requeues, ==, 1);
	g_assert_cmpint(request(w, 0)->issued_ns, ==, 140);
	g_assert_cmpint(time_in(w, disk(w, 0)->row, KERNEL_DISK_1), ==, 15);
	end(w);
}

/* Two readers of one sector: completions come in the order in which requests were issued. */
static void test_same_sector_twice(void)
{
	World *w = begin();

	ISSUE(w, 110, VDA, 8, 16, READ);
	ISSUE(w, 120, VDA, 8, 16, READ);
	ISSUE(w, 125, VDB, 8, 16, READ);
	ISSUE(w, 126, VDA, 8, 16, WRITE);
	COMPLETE(w, 130, VDA, 8, 16, READ);
	COMPLETE(w, 150, VDA, 8, 16, READ);
	finish(w);
	g_assert_cmpuint(n_requests(w), ==, 4);
	g_assert_cmpint(request(w, 0)->issued_ns, ==, 110);
	g_assert_cmpint(request(w, 0)->completed_ns, ==, 130);
	g_assert_cmpint(request(w, 0)->queued_ns, ==, KERNEL_NO_TIME);
	g_assert_cmpint(request(w, 1)->issued_ns, ==, 120);
	g_assert_cmpint(request(w, 1)->completed_ns, ==, 150);
	g_assert_cmpuint(request(w, 2)->end, ==, KERNEL_DISK_OPEN);
	g_assert_cmpstr(history_text_get(w->history, disk(w, 1)->name), ==, "254:16");
	g_assert_cmpint(time_in(w, disk(w, 0)->row, KERNEL_DISK_2), ==, 6 + 20);
	g_assert_cmpint(time_in(w, disk(w, 0)->row, KERNEL_DISK_4), ==, 4);
	end(w);
}

static void test_split(void)
{
	World *w = begin();

	BIO(w, 100, VDA, 0, 4096, WRITE);
	FEED(w, 105, BLOCK_SPLIT, 0, VDA, 0, 2560, WRITE);
	GETRQ(w, 110, VDA, 0, 2560, WRITE);
	GETRQ(w, 111, VDA, 2560, 1536, WRITE);
	ISSUE(w, 120, VDA, 0, 2560, WRITE);
	ISSUE(w, 121, VDA, 2560, 1536, WRITE);
	COMPLETE(w, 130, VDA, 0, 2560, WRITE);
	COMPLETE(w, 140, VDA, 2560, 1536, WRITE);
	finish(w);
	g_assert_cmpuint(n_requests(w), ==, 2);
	g_assert_cmpint(request(w, 1)->queued_ns, ==, 100);
	g_assert_cmpuint(request(w, 1)->nr_sectors, ==, 1536);
	g_assert_cmpuint(request(w, 1)->thread, ==, serial(w, A));
	end(w);
}

/* ---- Flushes ------------------------------------------------------------------------------------------------------- */

/* An empty write that asks for a flush becomes the flush command; both ends are told, and there is one request. */
static void test_flush(void)
{
	World *w = begin();

	BIO(w, 100, VDA, 0, 0, WRITE | SYNC | PREFLUSH);
	GETRQ(w, 101, VDA, 0, 0, WRITE | SYNC | PREFLUSH);
	SWITCH(w, 110, A, 2, KERNEL);
	ISSUE(w, 120, VDA, 0, 0, FLUSH | PREFLUSH);
	SWITCH(w, 130, KERNEL, 1, 0);
	COMPLETE(w, 200, VDA, MINUS_1, 0, FLUSH | PREFLUSH);
	COMPLETE(w, 201, VDA, 0, 0, WRITE | SYNC);
	KernelWhy answer = why(w, A, 110, 202, KERNEL_FROM_IRQ, 0, 2, TRACE_SYS_FSYNC);
	g_assert_cmpuint(answer.reason, ==, KERNEL_WAIT_FOR_DISK);
	g_assert_cmpuint(answer.weight, ==, 90);
	g_assert_cmpstr(history_text_get(w->history, answer.detail), ==, "vda");
	finish(w);
	g_assert_cmpuint(n_requests(w), ==, 1);
	const KernelDiskRequest *r = request(w, 0);
	g_assert_cmpuint(r->op, ==, KERNEL_DISK_OP_FLUSH);
	g_assert_cmpuint(r->thread, ==, serial(w, A));
	g_assert_cmpint(r->queued_ns, ==, 100);
	g_assert_cmpint(r->issued_ns, ==, 120);
	g_assert_cmpint(r->completed_ns, ==, 200);
	g_assert_cmpuint(r->merges, ==, 1);
	g_assert_cmpuint(disk(w, 0)->unmatched, ==, 0);
	g_assert_cmpuint(len(w, KERNEL_DISK_WAITS_TABLE, sizeof(KernelDiskWait)), ==, 1);
	end(w);
}

/* A flush, the data, a flush; the submitter is told after the last. */
static void test_flush_around_write(void)
{
	World *w = begin();

	BIO(w, 100, VDA, 64, 8, WRITE | SYNC | FUA | PREFLUSH);
	GETRQ(w, 101, VDA, 64, 8, WRITE | SYNC | FUA | PREFLUSH);
	ISSUE(w, 110, VDA, 0, 0, FLUSH | PREFLUSH);
	COMPLETE(w, 120, VDA, MINUS_1, 0, FLUSH | PREFLUSH);
	ISSUE(w, 130, VDA, 64, 8, WRITE | SYNC);
	COMPLETE(w, 140, VDA, 64, 8, WRITE | SYNC);
	g_assert_cmpuint(why(w, A, 102, 141, KERNEL_FROM_IRQ, 0, 2, -1).weight, ==, 0);
	ISSUE(w, 150, VDA, 0, 0, FLUSH | PREFLUSH);
	COMPLETE(w, 160, VDA, MINUS_1, 0, FLUSH | PREFLUSH);
	COMPLETE(w, 161, VDA, 72, 0, WRITE | SYNC);
	g_assert_cmpuint(why(w, A, 102, 162, KERNEL_FROM_IRQ, 0, 2, -1).weight, ==, 90);
	finish(w);
	g_assert_cmpuint(n_requests(w), ==, 3);
	g_assert_cmpuint(request(w, 0)->op, ==, KERNEL_DISK_OP_FLUSH);
	g_assert_cmpuint(request(w, 0)->cause, ==, serial(w, A));
	g_assert_cmpint(request(w, 1)->completed_ns, ==, 140);
	g_assert_cmpint(request(w, 1)->done_ns, ==, 161);
	g_assert_cmpuint(request(w, 1)->bytes, ==, 4096);
	g_assert_cmpint(request(w, 2)->queued_ns, ==, 140);
	end(w);
}

/* ---- Devices on top of others --------------------------------------------------------------------------------------- */

static void test_partition(void)
{
	World *w = begin();

	FEED(w, 99, BLOCK_BIO_REMAP, 0, VDA, 2056, 16, WRITE, VDA1, 8);
	BIO(w, 100, VDA, 2056, 16, WRITE);
	ISSUE(w, 110, VDA, 2056, 16, WRITE);
	COMPLETE(w, 120, VDA, 2056, 16, WRITE);
	ISSUE(w, 130, VDA, 2056, 16, WRITE);
	COMPLETE(w, 140, VDA, 2056, 16, WRITE);
	finish(w);
	g_assert_cmpuint(len(w, KERNEL_DISKS_TABLE, sizeof(KernelDiskItem)), ==, 1);
	g_assert_cmpuint(request(w, 0)->origin, ==, VDA1);
	g_assert_cmpuint(request(w, 1)->origin, ==, KERNEL_NO_DEV);
	end(w);
}

/* The device below has a request, the one above another; both are of the thread that began. */
static void test_stacked(void)
{
	World *w = begin();

	BIO(w, 100, DM, 8, 16, READ);
	SWITCH(w, 105, A, 2, KERNEL);
	FEED(w, 110, BLOCK_BIO_REMAP, 0, VDA, 508, 16, READ, DM, 8);
	BIO(w, 111, VDA, 508, 16, READ);
	ISSUE(w, 120, VDA, 508, 16, READ);
	COMPLETE(w, 150, VDA, 508, 16, READ);
	FEED(w, 160, BLOCK_BIO_COMPLETE, 0, DM, 8, 16, READ, 0);
	g_assert_cmpuint(why(w, A, 105, 161, KERNEL_FROM_THREAD, KERNEL, 2, -1).weight, ==, 90);
	finish(w);
	g_assert_cmpuint(n_requests(w), ==, 2);
	g_assert_cmpuint(request(w, 0)->thread, ==, serial(w, A));
	g_assert_cmpuint(request(w, 0)->origin, ==, DM);
	g_assert_cmpuint(request(w, 1)->thread, ==, serial(w, A));
	g_assert_cmpint(request(w, 1)->issued_ns, ==, 100);
	g_assert_cmpint(request(w, 1)->completed_ns, ==, 160);
	g_assert_cmpuint(disk(w, request(w, 1)->disk)->stacked, ==, 1);
	g_assert_cmpuint(disk(w, request(w, 0)->disk)->stacked, ==, 0);
	end(w);
}

/* ---- What is missing ------------------------------------------------------------------------------------------------ */

static void test_began_before_trace(void)
{
	World *w = begin();

	COMPLETE(w, 130, VDA, 8, 16, READ);
	finish(w);
	g_assert_cmpuint(n_requests(w), ==, 0);
	g_assert_cmpuint(disk(w, 0)->unmatched, ==, 1);
	g_assert_cmpint(time_in(w, disk(w, 0)->row, KERNEL_DISK_UNKNOWN), ==, 130);
	end(w);
}

static void test_lost_events(void)
{
	World *w = begin();
	TraceModel *m = &w->models[KERNEL_PART_BLOCK];

	ISSUE(w, 110, VDA, 8, 16, READ);
	m->loss(m->self, 1, 120, TRACE_LOSS_BEGIN);
	m->loss(m->self, 0, 125, TRACE_LOSS_BEGIN);
	m->loss(m->self, 1, 130, TRACE_LOSS_END);
	m->loss(m->self, 0, 140, TRACE_LOSS_END);
	ISSUE(w, 150, VDA, 64, 8, READ);
	COMPLETE(w, 160, VDA, 64, 8, READ);
	COMPLETE(w, 170, VDA, 8, 16, READ);
	finish(w);
	g_assert_cmpuint(n_requests(w), ==, 2);
	g_assert_cmpuint(request(w, 0)->end, ==, KERNEL_DISK_LOST);
	g_assert_cmpint(request(w, 0)->completed_ns, ==, KERNEL_NO_TIME);
	g_assert_cmpuint(request(w, 1)->end, ==, KERNEL_DISK_COMPLETED);
	g_assert_cmpuint(disk(w, 0)->unmatched, ==, 1);
	g_assert_cmpint(time_in(w, disk(w, 0)->row, KERNEL_DISK_UNKNOWN), ==, 30);
	g_assert_cmpint(time_in(w, disk(w, 0)->row, KERNEL_DISK_1), ==, 10 + 10);
	end(w);
}

/* Completions are not traced: requests don't pile up without limit, and the disk does not seem busier and busier. */
static void test_limit(void)
{
	World *w = begin();

	for (guint i = 0; i < KERNEL_DISK_REQUESTS_OPEN + 100; i++)
		ISSUE(w, 100 + (i >> 10), VDA, 8 * (guint64)i, 8, READ);
	g_assert_cmpuint(n_requests(w), ==, 100);
	g_assert_cmpuint(request(w, 0)->end, ==, KERNEL_DISK_LOST);
	finish(w);
	g_assert_cmpuint(n_requests(w), ==, KERNEL_DISK_REQUESTS_OPEN + 100);
	end(w);
}

/* ---- Whose it is, and who waits ------------------------------------------------------------------------------------- */

/* What a kernel thread writes back is of who wrote into it. */
static void test_dirty_buffer(void)
{
	World *w = begin();

	FEED(w, 90, BLOCK_DIRTY_BUFFER, 0, VDA, 5, 4096);
	SWITCH(w, 95, A, 1, KERNEL);
	BIO(w, 100, VDA, 40, 8, WRITE);
	ISSUE(w, 110, VDA, 40, 8, WRITE);
	COMPLETE(w, 120, VDA, 40, 8, WRITE);
	BIO(w, 130, VDA, 80, 8, WRITE);
	ISSUE(w, 140, VDA, 80, 8, WRITE);
	COMPLETE(w, 150, VDA, 80, 8, WRITE);
	finish(w);
	g_assert_cmpuint(request(w, 0)->thread, ==, serial(w, KERNEL));
	g_assert_cmpuint(request(w, 0)->cause, ==, serial(w, A));
	g_assert_cmpuint(request(w, 0)->via, ==, KERNEL_DISK_VIA_DIRTY);
	g_assert_cmpuint(request(w, 1)->cause, ==, serial(w, KERNEL));
	g_assert_cmpuint(request(w, 1)->via, ==, KERNEL_DISK_VIA_KERNEL);
	end(w);
}

/* Who waits for a journal's thread waits for the disk; and what that wrote meanwhile was for him. */
static void test_through(void)
{
	World *w = begin();

	SWITCH(w, 95, A, 2, KERNEL);
	BIO(w, 100, VDA, 40, 8, WRITE);
	ISSUE(w, 110, VDA, 40, 8, WRITE);
	SWITCH(w, 115, KERNEL, 2, 0);
	COMPLETE(w, 120, VDA, 40, 8, WRITE);
	SWITCH(w, 125, 0, 0, KERNEL);
	KernelWhy answer = why(w, A, 95, 130, KERNEL_FROM_THREAD, KERNEL, 2, TRACE_SYS_FSYNC);
	g_assert_cmpuint(answer.reason, ==, KERNEL_WAIT_FOR_DISK);
	g_assert_cmpuint(answer.weight, ==, 75);
	g_assert_true(g_str_has_prefix(history_text_get(w->history, answer.detail), "vda through "));
	g_assert_cmpuint(why(w, B, 121, 131, KERNEL_FROM_THREAD, KERNEL, 2, TRACE_SYS_FSYNC).weight, ==, 0);
	finish(w);
	g_assert_cmpuint(request(w, 0)->thread, ==, serial(w, KERNEL));
	g_assert_cmpuint(request(w, 0)->cause, ==, serial(w, A));
	g_assert_cmpuint(request(w, 0)->via, ==, KERNEL_DISK_VIA_WAITED);
	end(w);
}

/* A page that somebody else reads; but nobody waits for a disk because another thread's request was done before he was switched away. */
static void test_others(void)
{
	World *w = begin();

	ISSUE(w, 100, VDA, 40, 8, READ);
	COMPLETE(w, 120, VDA, 40, 8, READ);
	g_assert_cmpuint(why(w, B, 50, 121, KERNEL_FROM_IRQ, 0, 2, -1).weight, ==, 80);
	g_assert_cmpuint(why(w, B, 50, 121, KERNEL_FROM_IRQ, 0, 1, -1).weight, ==, 0);
	g_assert_cmpuint(why(w, B, 50, 121, KERNEL_FROM_IRQ, 0, 1, TRACE_SYS_IO_GETEVENTS).weight, ==, 80);
	g_assert_cmpuint(why(w, B, 50, 121, KERNEL_FROM_THREAD, A, 2, -1).weight, ==, 0);
	g_assert_cmpuint(why(w, B, 120 + 1, 130, KERNEL_FROM_IRQ, 0, 2, -1).weight, ==, 0);
	SWITCH(w, 125, A, 0, KERNEL);
	g_assert_cmpuint(why(w, B, 50, 126, KERNEL_FROM_IRQ, 0, 2, -1).weight, ==, 0);
	end(w);
}

/* What ftrace writes as letters is what LTTng writes as bits. */
static void test_letters(void)
{
	static const struct {
		const char *letters;
		guint64 bits;
	} cases[] = {{"R", READ},
		     {"RA", READ | 8},
		     {"WS", WRITE | SYNC},
		     {"WSM", WRITE | SYNC | META},
		     {"FWFSM", PREFLUSH | WRITE | FUA | SYNC | META},
		     {"FWS", PREFLUSH | WRITE | SYNC},
		     {"WFS", WRITE | FUA | SYNC},
		     {"FF", FLUSH | PREFLUSH},
		     {"F", FLUSH},
		     {"DS", DISCARD | SYNC},
		     {"DE", DISCARD | 128},
		     {"N", 0},
		     {"", 0}};

	for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
		BlockOp a = block_op_from_text(cases[i].letters, (guint)strlen(cases[i].letters)), b = block_op_from_bits(cases[i].bits);

		g_test_message("%s", cases[i].letters);
		g_assert_cmpuint(a.op, ==, b.op);
		g_assert_cmpuint(a.flags, ==, b.flags);
	}
}

/* Without completions nobody knows whether a disk is busy. */
static void test_not_recorded(void)
{
	World *w = begin_with(TRACE_BLOCK_RQ_COMPLETE);

	ISSUE(w, 110, VDA, 8, 16, READ);
	finish(w);
	g_assert_cmpint(time_in(w, disk(w, 0)->row, KERNEL_DISK_UNKNOWN), ==, END);
	end(w);
}

/* ---- Anything ------------------------------------------------------------------------------------------------------- */

static guint64 any_value(GRand *rand, guint field)
{
	static const guint64 devices[] = {VDA, VDB, DM, VDA1, 0}, flags[] = {WRITE, READ, WRITE | PREFLUSH, FLUSH | PREFLUSH, WRITE | FUA, DISCARD, 0};

	if (g_rand_int_range(rand, 0, 100) == 0)
		return ((guint64)g_rand_int(rand) << 32) | g_rand_int(rand);
	switch (field) {
	case 0:
	case 4:
		return devices[g_rand_int_range(rand, 0, G_N_ELEMENTS(devices))];
	case 2:
		return (guint64)g_rand_int_range(rand, 0, 4) * 8;
	case 3:
		return flags[g_rand_int_range(rand, 0, G_N_ELEMENTS(flags))];
	default:
		return g_rand_int_range(rand, 0, 20) == 0 ? MINUS_1 : (guint64)g_rand_int_range(rand, 0, 8) * 8;
	}
}

static void feed_any(World *w, GRand *rand)
{
	const TraceModel *m = &w->models[KERNEL_PART_BLOCK];
	const TraceNeed *need = &m->needs[g_rand_int_range(rand, 0, (gint)m->n_needs)];
	guint64 v[6];
	gint dice = g_rand_int_range(rand, 0, 400);

	w->now += g_rand_int_range(rand, 0, 3);
	for (guint i = 0; i < G_N_ELEMENTS(v); i++)
		v[i] = any_value(rand, i);
	if (dice == 0)
		m->loss(m->self, 0, w->now, g_rand_boolean(rand) ? TRACE_LOSS_BEGIN : TRACE_LOSS_END);
	else if (dice < 20)
		why(w, dice & 1 ? A : KERNEL, w->now - 20, w->now, g_rand_boolean(rand) ? KERNEL_FROM_IRQ : KERNEL_FROM_THREAD, dice & 2 ? KERNEL : 0, 2,
		    TRACE_SYS_FSYNC);
	else if (need->event == TRACE_STATEDUMP_BLOCK)
		FEED(w, w->now, STATEDUMP_BLOCK, 0, v[0], CTF_TEXT(0, 3));
	else
		feed_values(w, need->event, g_rand_int_range(rand, -1, 3), v, (guint)g_rand_int_range(rand, 2, 7));
}

static void check_request(const KernelDiskRequest *r)
{
	g_assert_cmpuint(r->op, <, KERNEL_DISK_OP_COUNT);
	g_assert_cmpuint(r->via, <, KERNEL_DISK_VIA_COUNT);
	g_assert_true((r->end == KERNEL_DISK_COMPLETED) == (r->completed_ns != KERNEL_NO_TIME));
	if (r->end == KERNEL_DISK_COMPLETED)
		g_assert_true(r->issued_ns <= r->completed_ns && r->completed_ns <= r->done_ns);
	if (r->issued_ns != KERNEL_NO_TIME && r->queued_ns != KERNEL_NO_TIME)
		g_assert_cmpint(r->queued_ns, <=, r->issued_ns);
}

static void test_anything(void)
{
	for (guint seed = 0; seed < 200; seed++) {
		World *w = begin();
		GRand *rand = g_rand_new_with_seed(seed);

		w->now = 10;
		for (guint i = 0; i < 4000; i++)
			feed_any(w, rand);
		g_assert_cmpint(w->now, <, END);
		finish(w);
		for (guint64 i = 0; i < n_requests(w); i++)
			check_request(request(w, i));
		for (guint i = 0; i < len(w, KERNEL_DISKS_TABLE, sizeof(KernelDiskItem)); i++)
			time_in(w, disk(w, i)->row, KERNEL_DISK_IDLE);
		g_rand_free(rand);
		end(w);
	}
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/block/the whole way of a request", test_whole_way);
	g_test_add_func("/block/bios and requests are merged", test_merges);
	g_test_add_func("/block/merges that were not traced", test_merges_not_traced);
	g_test_add_func("/block/completion in parts", test_partial_completion);
	g_test_add_func("/block/requeued", test_requeue);
	g_test_add_func("/block/same sector twice", test_same_sector_twice);
	g_test_add_func("/block/a bio is split", test_split);
	g_test_add_func("/block/an empty write is its flush command", test_flush);
	g_test_add_func("/block/flushes around a write", test_flush_around_write);
	g_test_add_func("/block/partitions are no disks", test_partition);
	g_test_add_func("/block/a stacked device has rows of its own", test_stacked);
	g_test_add_func("/block/requests from before the trace don't count", test_began_before_trace);
	g_test_add_func("/block/nothing is known over lost events", test_lost_events);
	g_test_add_func("/block/open requests are bounded", test_limit);
	g_test_add_func("/block/written back for who dirtied it", test_dirty_buffer);
	g_test_add_func("/block/who waits for a journal waits for the disk", test_through);
	g_test_add_func("/block/waiting for others' requests", test_others);
	g_test_add_func("/block/letters say what bits say", test_letters);
	g_test_add_func("/block/what is not recorded is not known", test_not_recorded);
	g_test_add_func("/block/whatever events say, states add up and times are in order", test_anything);
	return g_test_run();
}
