/* SPDX-License-Identifier: MIT */
/*
 * block_why.c: threads that waited for a disk.
 *
 * A request's completion wakes who waits for it, right then, on the same processor: so a wakeup with a completion just before it, and no other thread in between, is told by
 * whose the request was. Who waits for a kernel thread (a journal, a writeback worker) waits for the disk, if that thread did in the meantime.
 */
#include "kernel/block_private.h"

#define DONE_KEPT   16        /* completions of a processor that are looked back at */
#define THREADS_MAX (1u << 22) /* threads whose last completion is remembered */
#define LOOK_BACK   256       /* requests looked back at for those of a kernel thread */
#define TEXTS_MAX   65536

enum { SOFTIRQ_BLOCK = 4, SOFTIRQ_POLL = 5, VECTOR_TIMER_FIRST = 0xec, VECTOR_TIMER_LAST = 0xef };

/* prev_state of a sleep that signals can't end: for the disk, mostly. */
#define UNINTERRUPTIBLE 2

typedef struct {
	BlockDone done[DONE_KEPT];
	guint n;             /* that there ever were */
} CpuDone;

/* The last request of a thread that was done. */
typedef struct {
	gint64 time;         /* 0 with request 0: none */
	guint64 request;
	guint32 disk;
	gboolean is_set;
} ThreadDone;

struct BlockWaits {
	KernelSet *set;
	BlockDisks *disks;
	guint requests, table;
	GArray *cpus;        /* CpuDone */
	GArray *threads;     /* ThreadDone, by serial */
	GHashTable *texts;   /* disk and kernel thread -> text */
};

BlockWaits *block_waits_new(KernelSet *set, BlockDisks *disks, guint requests)
{
	BlockWaits *w = g_new0(BlockWaits, 1);

	w->set = set;
	w->disks = disks;
	w->requests = requests;
	w->table = history_table(set->history, KERNEL_DISK_WAITS_TABLE, sizeof(KernelDiskWait));
	w->cpus = g_array_new(FALSE, TRUE, sizeof(CpuDone));
	w->threads = g_array_new(FALSE, TRUE, sizeof(ThreadDone));
	w->texts = g_hash_table_new_full(g_int64_hash, g_int64_equal, g_free, NULL);
	return w;
}

void block_waits_free(BlockWaits *w)
{
	g_array_unref(w->cpus);
	g_array_unref(w->threads);
	g_hash_table_unref(w->texts);
	g_free(w);
}

/* ---- Completions ------------------------------------------------------------------------------------------------- */

static void remember_thread(BlockWaits *w, guint32 serial, const BlockDone *done)
{
	if (serial >= THREADS_MAX)
		return;
	if (serial >= w->threads->len)
		g_array_set_size(w->threads, serial + 1);
	g_array_index(w->threads, ThreadDone, serial) =
		(ThreadDone){.time = done->time, .request = done->request, .disk = done->disk, .is_set = TRUE};
}

void block_waits_done(BlockWaits *w, gint32 cpu, const BlockDone *done)
{
	const KernelCpu *kernel_processor = kernel_cpu(w->set->kernel, cpu);

	for (guint i = 0; i < done->n_submitters; i++)
		remember_thread(w, done->submitters[i], done);
	if (!kernel_processor || cpu < 0 || cpu >= KERNEL_CPU_MAX)
		return;
	if ((guint)cpu >= w->cpus->len)
		g_array_set_size(w->cpus, (guint)cpu + 1);
	CpuDone *c = &g_array_index(w->cpus, CpuDone, cpu);
	BlockDone *d = &c->done[c->n++ % DONE_KEPT];
	*d = *done;
	d->switches = kernel_processor->switches;
}

/* ---- Why --------------------------------------------------------------------------------------------------------- */

static gboolean submitted(const BlockDone *d, guint32 serial)
{
	for (guint i = 0; i < d->n_submitters; i++)
		if (d->submitters[i] == serial)
			return TRUE;
	return FALSE;
}

/* The last completion where the wakeup came from, since no other thread got the processor there; one of the thread's own if there is any. */
static const BlockDone *done_here(const BlockWaits *w, const KernelBlocked *b, gboolean *is_own)
{
	const KernelCpu *cpu = kernel_cpu(w->set->kernel, b->cpu);
	const BlockDone *last = NULL;

	*is_own = FALSE;
	if (!cpu || (guint)b->cpu >= w->cpus->len)
		return NULL;
	const CpuDone *c = &g_array_index(w->cpus, CpuDone, b->cpu);
	for (guint i = 0; i < MIN(c->n, DONE_KEPT); i++) {
		const BlockDone *d = &c->done[(c->n - 1 - i) % DONE_KEPT];

		if (d->switches != cpu->switches || d->time < b->since || d->time > b->until)
			break;
		if (submitted(d, b->thread->serial)) {
			*is_own = TRUE;
			return d;
		}
		if (!last)
			last = d;
	}
	return last;
}

static gboolean is_kthread(const KernelThread *t)
{
	return t && t->is_kthread == 1;
}

/* It came from an interrupt that could have been the disk's. */
static gboolean from_interrupt(const KernelBlocked *b)
{
	if (b->from == KERNEL_FROM_SOFTIRQ)
		return b->number == SOFTIRQ_BLOCK || b->number == SOFTIRQ_POLL;
	if (b->from == KERNEL_FROM_VECTOR)
		return b->number < VECTOR_TIMER_FIRST || b->number > VECTOR_TIMER_LAST;
	return b->from == KERNEL_FROM_IRQ || b->from == KERNEL_FROM_UNKNOWN;
}

static gboolean waits_for_any_io(const KernelBlocked *b)
{
	return b->syscall == TRACE_SYS_IO_GETEVENTS || b->syscall == TRACE_SYS_IO_URING_ENTER;
}

static gboolean is_sync(const KernelBlocked *b)
{
	switch (b->syscall) {
	case TRACE_SYS_FSYNC:
	case TRACE_SYS_FDATASYNC:
	case TRACE_SYS_SYNC:
	case TRACE_SYS_SYNCFS:
	case TRACE_SYS_SYNC_FILE_RANGE:
	case TRACE_SYS_MSYNC:
		return TRUE;
	default:
		return FALSE;
	}
}

/* A thread's own request that was done while another one slept. */
static const ThreadDone *done_meanwhile(const BlockWaits *w, const KernelThread *t, const KernelBlocked *b)
{
	if (t->serial >= w->threads->len)
		return NULL;
	const ThreadDone *d = &g_array_index(w->threads, ThreadDone, t->serial);
	return d->is_set && d->time >= b->since && d->time <= b->until ? d : NULL;
}

/* "vda through jbd2/vda-8". */
static guint32 through_text(BlockWaits *w, guint32 disk, const KernelThread *waker)
{
	gint64 key = (gint64)(((guint64)disk << 32) | waker->serial);
	guint text = GPOINTER_TO_UINT(g_hash_table_lookup(w->texts, &key));
	const char *name = history_text_get(w->set->history, block_disk_get(w->disks, disk)->name);

	if (text)
		return text;
	if (g_hash_table_size(w->texts) >= TEXTS_MAX)
		return block_disk_get(w->disks, disk)->name;
	g_autofree char *words = g_strdup_printf("%s through %s", name, waker->name);
	text = history_text(w->set->history, words, -1);
	g_hash_table_insert(w->texts, g_memdup2(&key, sizeof(key)), GUINT_TO_POINTER(text));
	return text;
}

/* What a kernel thread did while somebody waited for it, it did for him, unless it is known otherwise. */
static void give_cause(BlockWaits *w, const KernelBlocked *b)
{
	History *h = w->set->history;
	guint64 n = history_table_len(h, w->requests);

	for (guint i = 0; i < LOOK_BACK && n-- > 0; i++) {
		KernelDiskRequest *r = history_table_item(h, w->requests, n);

		if (r->completed_ns < b->since)
			return;
		if (r->thread != b->waker->serial || r->via != KERNEL_DISK_VIA_KERNEL)
			continue;
		r->via = KERNEL_DISK_VIA_WAITED;
		r->cause = b->thread->serial;
	}
}

static void answer(BlockWaits *w, const KernelBlocked *b, KernelWhy *why, guint weight, guint32 disk, guint64 request, KernelDiskWaitKind kind)
{
	KernelDiskWait *item = history_table_add(w->set->history, w->table);
	gboolean is_through = kind == KERNEL_DISK_WAIT_THROUGH;

	*item = (KernelDiskWait){.begin_ns = b->since, .end_ns = b->until, .request = request, .thread = b->thread->serial,
				 .waker = b->waker ? b->waker->serial : G_MAXUINT32, .disk = disk, .kind = kind};
	*why = (KernelWhy){.reason = KERNEL_WAIT_FOR_DISK, .weight = (guint8)weight,
			   .detail = is_through ? through_text(w, disk, b->waker) : block_disk_get(w->disks, disk)->name};
}

/* Woken by a completion right there. */
static gboolean why_done_here(BlockWaits *w, const KernelBlocked *b, KernelWhy *why)
{
	gboolean is_own, uninterruptible = (b->prev_state & UNINTERRUPTIBLE) != 0;
	const BlockDone *d = done_here(w, b, &is_own);

	if (!d)
		return FALSE;
	if (is_own && (from_interrupt(b) || is_kthread(b->waker)))
		answer(w, b, why, 90, d->disk, d->request, KERNEL_DISK_WAIT_OWN);
	else if (is_own && uninterruptible)
		answer(w, b, why, 70, d->disk, d->request, KERNEL_DISK_WAIT_OWN);
	else if (from_interrupt(b) && (uninterruptible || waits_for_any_io(b)))
		answer(w, b, why, 80, d->disk, d->request, KERNEL_DISK_WAIT_OTHERS);
	return why->weight != 0;
}

/* Woken by a kernel thread that had to wait for the disk, or that ends requests on behalf of their submitters. */
static void why_through(BlockWaits *w, const KernelBlocked *b, KernelWhy *why)
{
	const ThreadDone *own, *theirs;

	if (!is_sync(b) && !waits_for_any_io(b) && !(b->prev_state & UNINTERRUPTIBLE))
		return;
	if (b->from != KERNEL_FROM_THREAD || !is_kthread(b->waker) || b->waker == b->thread)
		return;
	own = done_meanwhile(w, b->thread, b);
	theirs = done_meanwhile(w, b->waker, b);
	if (!own && !theirs)
		return;
	if (own)
		answer(w, b, why, 75, own->disk, own->request, KERNEL_DISK_WAIT_THROUGH);
	else
		answer(w, b, why, 75, theirs->disk, theirs->request, KERNEL_DISK_WAIT_THROUGH);
	if (theirs)
		give_cause(w, b);
}

void block_waits_why(BlockWaits *w, const KernelBlocked *b, KernelWhy *why)
{
	/* A kernel thread that can be interrupted waits for work. */
	if (is_kthread(b->thread) && !(b->prev_state & UNINTERRUPTIBLE))
		return;
	if (!why_done_here(w, b, why))
		why_through(w, b, why);
}
