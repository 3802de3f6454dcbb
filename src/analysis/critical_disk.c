/* SPDX-License-Identifier: MIT */
/*
 * critical_disk.c: waits for disks, from level to level.
 *
 * A guest's request is the machine below's: the thread that serves the device gets it, makes one of its own, and tells the guest when that is done, of which a processor must take the interrupt. Who told it, and which processor,
 * is known if that was asleep and was woken for it; else it is taken to be whoever made the request, until he has nothing more to do, and the guest's only processor.
 */
#include "analysis/critical_disk.h"

#include "kernel/block.h"
#include "kvm/waits.h"

#define LOOK_BACK  1024 /* requests of a disk that may have been there together with one */
#define OTHERS_MAX 16   /* processes that are told apart among them */

/* A thread waited for a request. */
typedef struct {
	gint64 end_ns;
	guint64 item;
	guint32 thread;
} Wait;

/* A request that was done, by disk or by process. */
typedef struct {
	gint64 begin_ns, end_ns;
	guint64 item;
	guint32 disk;
	gint32 pid;        /* of whose it was; -1: the kernel's own, or not known */
	guint32 thread;    /* of that process, the same for all of its requests */
} Done;

/* A sleeping processor of the guest was woken, in the clock of the machine below. */
typedef struct {
	gint64 woken_ns;
	guint32 waker, vcpu; /* threads: who told it, and the processor's */
	gboolean is_disk;  /* for a disk, as far as could be told */
} Told;

struct CriticalDisk {
	const AnalysisStore *store;
	const AnalysisStoreTrace *trace;
	gboolean alone;
	guint requests;    /* table; G_MAXUINT: there is none */
	GArray *waits;     /* Wait, by thread and time */
	GArray *by_disk;   /* Done, by disk and begin */
	GArray *by_pid;    /* Done, by process and end */
	GArray *pairs;     /* LayersDiskPair */
	GArray *told;      /* Told, by time */
};

CriticalDisk *critical_disk_new(const AnalysisStore *s, const AnalysisStoreTrace *t, gboolean alone)
{
	CriticalDisk *d = g_new0(CriticalDisk, 1);

	d->store = s;
	d->trace = t;
	d->alone = alone || !s->layers || t->member == EXPERIMENT_NONE;
	if (!history_find_table(t->history, KERNEL_DISK_REQUESTS_TABLE, sizeof(KernelDiskRequest), &d->requests))
		d->requests = G_MAXUINT;
	return d;
}

static void drop(GArray *a)
{
	if (a)
		g_array_unref(a);
}

void critical_disk_free(CriticalDisk *d)
{
	if (!d)
		return;
	drop(d->waits);
	drop(d->by_disk);
	drop(d->by_pid);
	drop(d->pairs);
	drop(d->told);
	g_free(d);
}

static guint32 serial_of(const CriticalDisk *d, guint32 serial)
{
	const KernelThreadItem *item = kernel_find_thread(d->trace->history, serial);

	return item ? item->same_as : GRAPH_NONE;
}

/* ---- Requests ------------------------------------------------------------------------------------------------------------ */

static const KernelDiskRequest *request_of(const CriticalDisk *d, guint64 item)
{
	return item < history_table_len(d->trace->history, d->requests) ? history_table_get(d->trace->history, d->requests, item) : NULL;
}

static gint by_disk(gconstpointer a, gconstpointer b)
{
	const Done *x = a, *y = b;

	if (x->disk != y->disk)
		return x->disk < y->disk ? -1 : 1;
	return (x->begin_ns > y->begin_ns) - (x->begin_ns < y->begin_ns);
}

static gint by_pid(gconstpointer a, gconstpointer b)
{
	const Done *x = a, *y = b;

	if (x->pid != y->pid)
		return x->pid < y->pid ? -1 : 1;
	return (x->end_ns > y->end_ns) - (x->end_ns < y->end_ns);
}

/* Processes' main threads: pid -> serial and one. */
static GHashTable *main_threads(const History *h)
{
	GHashTable *all = g_hash_table_new(NULL, NULL);
	guint table;

	if (!history_find_table(h, KERNEL_THREADS_TABLE, sizeof(KernelThreadItem), &table))
		return all;
	for (guint64 i = 0; i < history_table_len(h, table); i++) {
		const KernelThreadItem *item = history_table_get(h, table, i);

		if (item->tid == item->pid && item->same_as == i)
			g_hash_table_insert(all, GINT_TO_POINTER(item->pid), GUINT_TO_POINTER(i + 1));
	}
	return all;
}

/* One thread stands for all of its process: the main one, or any if that isn't known. */
static guint32 thread_for(GHashTable *known, const KernelThreadItem *item)
{
	guint32 thread = GPOINTER_TO_UINT(g_hash_table_lookup(known, GINT_TO_POINTER(item->pid)));

	if (thread)
		return thread - 1;
	g_hash_table_insert(known, GINT_TO_POINTER(item->pid), GUINT_TO_POINTER(item->same_as + 1));
	return item->same_as;
}

static void read_requests(CriticalDisk *d)
{
	const History *h = d->trace->history;
	g_autoptr(GHashTable) known = main_threads(h);

	d->by_disk = g_array_new(FALSE, FALSE, sizeof(Done));
	d->by_pid = g_array_new(FALSE, FALSE, sizeof(Done));
	for (guint64 i = 0; d->requests != G_MAXUINT && i < history_table_len(h, d->requests); i++) {
		const KernelDiskRequest *r = history_table_get(h, d->requests, i);
		const KernelThreadItem *cause = kernel_find_thread(h, r->cause);
		Done done = {kernel_disk_request_begin(r), r->completed_ns, i, r->disk, -1, GRAPH_NONE};

		if (!kernel_disk_request_is_whole(r))
			continue;
		if (cause && !cause->is_kthread) {
			done.pid = cause->pid;
			done.thread = thread_for(known, cause);
		}
		g_array_append_val(d->by_disk, done);
		g_array_append_val(d->by_pid, done);
	}
	g_array_sort(d->by_disk, by_disk);
	g_array_sort(d->by_pid, by_pid);
}

/* How many of a sorted array stand before the key, or are it. */
static guint count_until(const GArray *all, const Done *key, GCompareFunc compare)
{
	guint lo = 0, hi = all->len;

	while (lo < hi) {
		guint mid = lo + (hi - lo) / 2;

		if (compare(&g_array_index(all, Done, mid), key) <= 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

/* ---- Who fills a disk -------------------------------------------------------------------------------------------------------- */

typedef struct {
	gint32 pid;
	guint32 thread;
	gint64 ns;         /* of all of its requests together */
} Share;

static void add_share(Share shares[OTHERS_MAX], guint *n, const Done *done, gint64 ns)
{
	guint i = 0;

	while (i < *n && shares[i].pid != done->pid)
		i++;
	if (i == OTHERS_MAX)
		return;
	if (i == *n)
		shares[(*n)++] = (Share){done->pid, done->thread, 0};
	shares[i].ns += ns;
}

/* Of the processes whose requests were there while this one was: the one with most, if that is another one, and it was for at least half of the time. */
static guint32 filler_of(CriticalDisk *d, const KernelDiskRequest *r, guint64 item)
{
	const KernelThreadItem *cause = kernel_find_thread(d->trace->history, r->cause);
	const Done key = {.disk = r->disk, .begin_ns = r->completed_ns};
	gint64 begin = kernel_disk_request_begin(r);
	Share shares[OTHERS_MAX];
	const Share *most = NULL;
	guint n = 0;

	if (!d->by_disk)
		read_requests(d);
	guint at = count_until(d->by_disk, &key, by_disk);
	for (guint looked = 0; at-- > 0 && looked < LOOK_BACK; looked++) {
		const Done *done = &g_array_index(d->by_disk, Done, at);

		if (done->disk != r->disk)
			break;
		if (done->item != item && done->pid >= 0 && done->end_ns > begin)
			add_share(shares, &n, done, MIN(done->end_ns, r->completed_ns) - MAX(done->begin_ns, begin));
	}
	for (guint i = 0; i < n; i++)
		if (!most || shares[i].ns > most->ns)
			most = &shares[i];
	return most && most->ns >= (r->completed_ns - begin) / 2 && !(cause && cause->pid == most->pid) ? most->thread : GRAPH_NONE;
}

static gboolean describe(CriticalDisk *d, guint64 item, GraphRequest *out)
{
	const KernelDiskRequest *r = d->requests != G_MAXUINT ? request_of(d, item) : NULL;

	if (!(r && kernel_disk_request_is_whole(r)))
		return FALSE;
	*out = (GraphRequest){KERNEL_TS_B_DISK, item, kernel_disk_request_begin(r), r->issued_ns, r->completed_ns, r->disk, filler_of(d, r, item)};
	return TRUE;
}

/* The last flush command of a disk that was done from begin_ns to end_ns. */
static gboolean flush_within(CriticalDisk *d, guint32 disk, gint64 begin_ns, gint64 end_ns, GraphRequest *out)
{
	const Done key = {.disk = disk, .begin_ns = end_ns};
	guint at = count_until(d->by_disk, &key, by_disk);

	for (guint looked = 0; at-- > 0 && looked < LOOK_BACK; looked++) {
		const Done *done = &g_array_index(d->by_disk, Done, at);
		const KernelDiskRequest *r = history_table_get(d->trace->history, d->requests, done->item);

		if (done->disk != disk)
			break;
		if (r->op == KERNEL_DISK_OP_FLUSH && done->end_ns >= begin_ns && done->end_ns <= end_ns)
			return describe(d, done->item, out);
	}
	return FALSE;
}

/* A request with the flush commands that had to be done before and after it. */
static guint with_flushes(CriticalDisk *d, guint64 item, GraphRequest out[GRAPH_REQUESTS_MAX])
{
	GraphRequest request;
	guint n = 0;

	if (!describe(d, item, &request))
		return 0;
	const KernelDiskRequest *r = history_table_get(d->trace->history, d->requests, item);
	if (r->flags & KERNEL_DISK_PREFLUSH && flush_within(d, r->disk, request.begin_ns, request.issued_ns, &out[n]))
		n++;
	out[n++] = request;
	if (r->done_ns > r->completed_ns && flush_within(d, r->disk, r->completed_ns, r->done_ns, &out[n]))
		n++;
	return n;
}

/* ---- Waits ------------------------------------------------------------------------------------------------------------------- */

static gint by_thread(gconstpointer a, gconstpointer b)
{
	const Wait *x = a, *y = b;

	if (x->thread != y->thread)
		return x->thread < y->thread ? -1 : 1;
	return (x->end_ns > y->end_ns) - (x->end_ns < y->end_ns);
}

static void read_waits(CriticalDisk *d)
{
	const History *h = d->trace->history;
	guint table;

	d->waits = g_array_new(FALSE, FALSE, sizeof(Wait));
	if (!history_find_table(h, KERNEL_DISK_WAITS_TABLE, sizeof(KernelDiskWait), &table))
		return;
	for (guint64 i = 0; i < history_table_len(h, table); i++) {
		const KernelDiskWait *w = history_table_get(h, table, i);
		const KernelThreadItem *item = kernel_find_thread(h, w->thread);

		if (item && w->request != KERNEL_NO_REQUEST && w->kind != KERNEL_DISK_WAIT_THROUGH)
			g_array_append_val(d->waits, ((Wait){w->end_ns, w->request, item->same_as}));
	}
	g_array_sort(d->waits, by_thread);
}

guint critical_disk_of_wait(CriticalDisk *d, guint32 thread, gint64 end_ns, GraphRequest out[GRAPH_REQUESTS_MAX])
{
	const Wait key = {.thread = thread, .end_ns = end_ns};
	guint at;

	if (!d->waits)
		read_waits(d);
	return g_array_binary_search(d->waits, &key, by_thread, &at) ? with_flushes(d, g_array_index(d->waits, Wait, at).item, out) : 0;
}

guint critical_disk_done(CriticalDisk *d, guint32 thread, gint64 begin_ns, gint64 end_ns, GraphRequest out[GRAPH_REQUESTS_MAX])
{
	const KernelThreadItem *item = kernel_find_thread(d->trace->history, thread);
	const Done key = {.pid = item ? item->pid : -1, .end_ns = end_ns};

	if (key.pid < 0)
		return 0;
	if (!d->by_pid)
		read_requests(d);
	guint n = count_until(d->by_pid, &key, by_pid);
	const Done *last = n ? &g_array_index(d->by_pid, Done, n - 1) : NULL;
	return last && last->pid == key.pid && last->end_ns >= begin_ns ? with_flushes(d, last->item, out) : 0;
}

/* ---- The machine below --------------------------------------------------------------------------------------------------------- */

static gint by_time(gconstpointer a, gconstpointer b)
{
	const Told *x = a, *y = b;

	return (x->woken_ns > y->woken_ns) - (x->woken_ns < y->woken_ns);
}

/* The threads of a VM, vhost's too: serials, a set of them. */
static GHashTable *vm_threads(const History *h, guint32 vm)
{
	GHashTable *all = g_hash_table_new(NULL, NULL);
	guint table;

	if (!history_find_table(h, KVM_VM_THREADS_TABLE, sizeof(KvmVmThreadItem), &table))
		return all;
	for (guint64 i = 0; i < history_table_len(h, table); i++) {
		const KvmVmThreadItem *t = history_table_get(h, table, i);

		if (t->vm == vm)
			g_hash_table_add(all, GUINT_TO_POINTER(t->thread));
	}
	return all;
}

/* Processors of the guest that were woken by a thread of its own VM's. */
static void read_told(CriticalDisk *d, const CriticalDisk *below)
{
	const ExperimentMember *g = experiment_member(d->store->experiment, d->trace->member);
	const History *h = below->trace->history;
	g_autoptr(GHashTable) threads = vm_threads(h, g->vm);
	guint table, vcpus;

	d->told = g_array_new(FALSE, FALSE, sizeof(Told));
	if (!history_find_table(h, KVM_WAITS_TABLE, sizeof(KvmWaitItem), &table) || !history_find_table(h, KVM_VCPUS_TABLE, sizeof(KvmVcpuItem), &vcpus))
		return;
	for (guint64 i = 0; i < history_table_len(h, table); i++) {
		const KvmWaitItem *w = history_table_get(h, table, i);
		const KernelThreadItem *waker = kernel_find_thread(h, w->waker);
		Told told = {w->woken_ns, waker ? waker->same_as : GRAPH_NONE, GRAPH_NONE, w->reason == KVM_WAIT_DISK};

		if (!waker || !g_hash_table_contains(threads, GUINT_TO_POINTER(waker->same_as)) ||
		    layers_guest_of(d->store->layers, below->trace->member, w->vcpu) != d->trace->member)
			continue;
		told.vcpu = serial_of(below, ((const KvmVcpuItem *)history_table_get(h, vcpus, w->vcpu))->thread);
		g_array_append_val(d->told, told);
	}
	g_array_sort(d->told, by_time);
}

/* The first time that the guest was told something from begin_ns to end_ns; NULL: never. */
static const Told *told_within(const CriticalDisk *d, gint64 begin_ns, gint64 end_ns, gboolean disks_only)
{
	guint lo = 0, hi = d->told->len;

	while (lo < hi) {
		guint mid = lo + (hi - lo) / 2;

		if (g_array_index(d->told, Told, mid).woken_ns < begin_ns)
			lo = mid + 1;
		else
			hi = mid;
	}
	for (; lo < d->told->len && g_array_index(d->told, Told, lo).woken_ns <= end_ns; lo++)
		if (!disks_only || g_array_index(d->told, Told, lo).is_disk)
			return &g_array_index(d->told, Told, lo);
	return NULL;
}

/* Until when, but at most `end_ns`, a thread that was told at `time` that its request is done has something to do. */
static gint64 end_of_work(const CriticalDisk *d, guint32 thread, gint64 time, gint64 end_ns)
{
	const KernelThreadItem *item = kernel_find_thread(d->trace->history, thread);
	gboolean ran = FALSE;
	HistoryWalk walk;
	HistoryInterval i;

	if (!item || item->row == KERNEL_NO_ROW)
		return time;
	history_walk(&walk, d->trace->history, item->row, time, end_ns);
	while (history_walk_next(&walk, &i)) {
		if (ran && i.state >= KERNEL_TS_BLOCKED && i.state <= KERNEL_TS_B_IDLE)
			return i.begin_ns;
		ran |= i.state == KERNEL_TS_RUNNING || i.state == KERNEL_TS_USER || i.state == KERNEL_TS_SYSCALL;
	}
	return ran ? end_ns : time;
}

/* The thread of the guest's processor, if it has but one. */
static guint32 only_vcpu(const CriticalDisk *d, const CriticalDisk *below)
{
	const ExperimentMember *g = experiment_member(d->store->experiment, d->trace->member);
	const History *h = below->trace->history;
	guint32 vcpu = g->vcpus->len == 1 ? g_array_index(g->vcpus, guint32, 0) : EXPERIMENT_NONE;
	guint table;

	if (!history_find_table(h, KVM_VCPUS_TABLE, sizeof(KvmVcpuItem), &table) || vcpu >= history_table_len(h, table))
		return GRAPH_NONE;
	return serial_of(below, ((const KvmVcpuItem *)history_table_get(h, table, vcpu))->thread);
}

/* Until the guest has taken the interrupt. */
static guint step_of_vcpu(guint32 thread, gint64 end_ns, GraphStep *step)
{
	if (thread == GRAPH_NONE)
		return 0;
	*step = (GraphStep){.thread = thread, .until_ns = end_ns};
	return 1;
}

guint critical_disk_way_back(CriticalDisk *d, const CriticalDisk *below, guint32 owner, gint64 done_ns, gint64 end_ns, GraphStep *steps)
{
	if (!d->told)
		read_told(d, below);
	const Told *told = told_within(d, done_ns, end_ns, FALSE);
	steps[0] = told ? (GraphStep){.thread = told->waker, .until_ns = told->woken_ns} :
			  (GraphStep){.thread = owner, .until_ns = end_of_work(below, owner, done_ns, end_ns)};
	return 1 + step_of_vcpu(told ? told->vcpu : only_vcpu(d, below), end_ns, &steps[1]);
}

/* The way there, the request below, and the way back. */
static guint steps_of_pair(CriticalDisk *d, CriticalDisk *below, guint64 item, gint64 end_ns, GraphStep *steps)
{
	const KernelDiskRequest *r = request_of(below, item);
	GraphRequest requests[GRAPH_REQUESTS_MAX];
	guint made = r ? with_flushes(below, item, requests) : 0, n = 0;

	if (!made)
		return 0;
	guint32 maker = serial_of(below, r->thread), owner = serial_of(below, r->cause);
	if (owner == GRAPH_NONE)
		owner = maker;
	if (owner == GRAPH_NONE)
		return 0;
	if (maker != GRAPH_NONE)
		steps[n++] = (GraphStep){.thread = maker, .until_ns = requests[0].begin_ns};
	for (guint i = 0; i < made; i++)
		steps[n++] = (GraphStep){.thread = owner, .until_ns = requests[i].end_ns, .is_request = TRUE, .request = requests[i]};
	return n + critical_disk_way_back(d, below, owner, requests[made - 1].end_ns, end_ns, &steps[n]);
}

guint critical_disk_below(CriticalDisk *d, CriticalDisk *below, guint64 request, GraphStep steps[GRAPH_STEPS_MAX])
{
	const KernelDiskRequest *r = d->requests != G_MAXUINT ? request_of(d, request) : NULL;

	if (d->alone || !(r && kernel_disk_request_is_whole(r)) || below->requests == G_MAXUINT)
		return 0;
	const ExperimentMember *g = experiment_member(d->store->experiment, d->trace->member);
	gint64 begin = experiment_up(g, r->issued_ns), end = experiment_up(g, r->completed_ns);
	if (!d->pairs)
		d->pairs = layers_disk_pairs(d->store->layers, d->trace->member);
	if (!d->told)
		read_told(d, below);
	const LayersDiskPair *pair = layers_disk_pair(d->pairs, request);
	if (pair)
		return steps_of_pair(d, below, pair->below, end, steps);
	/* What was read from memory of the machine below, or was written into it, made no request. */
	const Told *told = told_within(d, begin, end, TRUE);
	if (!told)
		return 0;
	steps[0] = (GraphStep){.thread = told->waker, .until_ns = told->woken_ns};
	return 1 + step_of_vcpu(told->vcpu, end, &steps[1]);
}
