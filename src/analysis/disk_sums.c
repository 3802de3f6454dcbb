/* SPDX-License-Identifier: MIT */
/*
 * disk_sums.c: sums over disk requests.
 *
 * Requests count where they were completed. How many were in the driver at a time is drawn from when each was issued and completed, cut at the range's ends: a sweep over
 * those times, in order.
 */
#include "analysis/disk_sums.h"

#include "kernel/flow.h"

/* A change of how many requests of somebody are in the driver of a disk. */
typedef struct {
	gint64 time;
	gint64 who;
	guint32 disk, thread;
	gint32 more;
} Edge;

struct DiskSums {
	const AnalysisQuery *query;
	const AnalysisStoreTrace *trace;
	const AnalysisFilter *filter;
	const History *history;
	guint disks, requests, waits, threads;
	gboolean has_waits;
	gint64 begin_ns, end_ns;
	GPtrArray *sums;     /* DiskSum */
	GHashTable *by_key;
	GArray *edges;
};

static void sum_free(gpointer data)
{
	DiskSum *s = data;

	st_hist_clear(&s->queue);
	st_hist_clear(&s->driver.hist);
	g_free(s);
}

static guint key_hash(gconstpointer key)
{
	const DiskSum *s = key;

	return (guint)((((guint64)s->who * 31 + s->disk) * 0x9e3779b97f4a7c15ull + (guint64)s->step_ns * 0xc2b2ae3d27d4eb4full) >> 32);
}

static gboolean key_equal(gconstpointer a, gconstpointer b)
{
	const DiskSum *x = a, *y = b;

	return x->disk == y->disk && x->who == y->who && x->step_ns == y->step_ns;
}

DiskSums *disk_sums_new(const AnalysisQuery *q, const AnalysisStoreTrace *t, const AnalysisFilter *f)
{
	DiskSums s = {.query = q, .trace = t, .filter = f, .history = t->history};
	const History *h = t->history;

	if (!history_find_table(h, KERNEL_DISKS_TABLE, sizeof(KernelDiskItem), &s.disks) ||
	    !history_find_table(h, KERNEL_DISK_REQUESTS_TABLE, sizeof(KernelDiskRequest), &s.requests) ||
	    !history_find_table(h, KERNEL_THREADS_TABLE, sizeof(KernelThreadItem), &s.threads))
		return NULL;
	s.has_waits = history_find_table(h, KERNEL_DISK_WAITS_TABLE, sizeof(KernelDiskWait), &s.waits);
	s.begin_ns = analysis_filter_begin(f);
	s.end_ns = analysis_filter_end(f);
	s.sums = g_ptr_array_new_with_free_func(sum_free);
	s.by_key = g_hash_table_new(key_hash, key_equal);
	s.edges = g_array_new(FALSE, FALSE, sizeof(Edge));
	return g_memdup2(&s, sizeof(s));
}

void disk_sums_free(DiskSums *s)
{
	if (!s)
		return;
	g_hash_table_unref(s->by_key);
	g_ptr_array_unref(s->sums);
	g_array_unref(s->edges);
	g_free(s);
}

guint disk_sums_len(const DiskSums *s)
{
	return s->sums->len;
}

const DiskSum *disk_sums_get(const DiskSums *s, guint i)
{
	return g_ptr_array_index(s->sums, i);
}

/* ---- Names ------------------------------------------------------------------------------------------------------- */

const char *disk_sums_machine(const DiskSums *s)
{
	return s->trace->name;
}

const AnalysisStoreTrace *disk_sums_trace(const DiskSums *s)
{
	return s->trace;
}

const char *disk_sums_device(const DiskSums *s, guint32 disk)
{
	const KernelDiskItem *item = history_table_get(s->history, s->disks, disk);

	return item ? history_text_get(s->history, item->name) : "?";
}

static const KernelThreadItem *thread_of(const DiskSums *s, guint32 serial)
{
	const KernelThreadItem *item = history_table_get(s->history, s->threads, serial);

	return item && item->same_as != serial ? history_table_get(s->history, s->threads, item->same_as) : item;
}

/* The number of a thread's process; a kernel thread is one of its own. */
static gint64 who_is(const DiskSums *s, guint32 serial)
{
	const KernelThreadItem *t = thread_of(s, serial);

	if (!t)
		return DISK_UNKNOWN;
	return t->pid >= 0 ? t->pid : t->tid >= 0 ? t->tid : DISK_UNKNOWN;
}

char *disk_sums_who(const DiskSums *s, const DiskSum *sum)
{
	guint64 n = history_table_len(s->history, s->threads);

	if (sum->who == DISK_UNKNOWN)
		return g_strdup("?");
	for (guint64 i = 0; i < n; i++) { /* a process's name is its main thread's */
		const KernelThreadItem *t = history_table_get(s->history, s->threads, i);

		if (t->tid == sum->who && t->pid == sum->who && t->same_as == i)
			return analysis_thread_name(s->trace, (guint32)i);
	}
	const KernelThreadItem *t = thread_of(s, sum->thread);
	return g_strdup_printf("%s %" G_GINT64_FORMAT, t ? history_text_get(s->history, t->name) : "?", sum->who);
}

/* ---- Sums -------------------------------------------------------------------------------------------------------- */

static gint64 step_of(const DiskSums *s, gint64 time)
{
	if (s->query->form != ANALYSIS_SERIES)
		return s->begin_ns;
	return s->begin_ns + (time - s->begin_ns) / s->query->every_ns * s->query->every_ns;
}

static gint64 step_end(const DiskSums *s, gint64 step)
{
	gint64 every = s->query->every_ns;

	return s->query->form == ANALYSIS_SERIES && s->end_ns - step > every ? step + every : s->end_ns;
}

/* Time within it of which it is not known what the disk did. */
static gint64 unknown_ns(const DiskSums *s, guint32 disk, gint64 begin, gint64 end)
{
	const KernelDiskItem *item = history_table_get(s->history, s->disks, disk);
	gint64 ns[KERNEL_DISK_STATE_COUNT] = {0};

	if (item)
		history_sums(s->history, item->row, begin, end, ns);
	return ns[KERNEL_DISK_UNKNOWN];
}

/* NULL: there are too many. */
static DiskSum *sum_of(DiskSums *s, guint32 disk, gint64 who, guint32 thread, gint64 time)
{
	DiskSum key = {.disk = disk, .who = who, .step_ns = step_of(s, time)};
	DiskSum *sum = g_hash_table_lookup(s->by_key, &key);

	if (sum || s->sums->len >= ANALYSIS_GROUPS_MAX)
		return sum;
	sum = g_memdup2(&key, sizeof(key));
	sum->thread = thread;
	sum->length_ns = step_end(s, key.step_ns) - key.step_ns;
	sum->unknown_ns = unknown_ns(s, disk, key.step_ns, key.step_ns + sum->length_ns);
	g_ptr_array_add(s->sums, sum);
	g_hash_table_add(s->by_key, sum);
	return sum;
}

static void add_driver_time(AnalysisGroup *g, gint64 ns, gint64 end_ns)
{
	if (!g->count || ns < g->min_ns)
		g->min_ns = ns;
	if (!g->count || ns > g->max_ns) {
		g->max_ns = ns;
		g->worst_ns = end_ns;
	}
	g->count++;
	g->total_ns += ns;
	st_hist_add(&g->hist, ns);
}

static void add_request(DiskSum *sum, const KernelDiskRequest *r)
{
	if (!sum)
		return;
	sum->requests++;
	sum->ops[r->op]++;
	sum->bytes[r->op] += r->bytes;
	sum->merges += r->merges;
	sum->requeues += r->requeues;
	sum->errors += r->error != 0;
	if (r->queued_ns != KERNEL_NO_TIME && r->issued_ns != KERNEL_NO_TIME)
		st_hist_add(&sum->queue, r->issued_ns - r->queued_ns);
	if (r->issued_ns != KERNEL_NO_TIME)
		add_driver_time(&sum->driver, r->completed_ns - r->issued_ns, r->completed_ns);
}

static void add_edges(DiskSums *s, const KernelDiskRequest *r, gint64 who)
{
	gint64 end = r->end == KERNEL_DISK_OPEN ? s->end_ns : r->completed_ns;
	const Edge first = {.time = MAX(r->issued_ns, s->begin_ns), .who = who, .disk = r->disk, .thread = r->cause, .more = 1};
	const Edge last = {.time = MIN(end, s->end_ns), .who = who, .disk = r->disk, .thread = r->cause, .more = -1};

	if (r->end == KERNEL_DISK_LOST || r->issued_ns == KERNEL_NO_TIME || last.time <= first.time)
		return;
	g_array_append_val(s->edges, first);
	g_array_append_val(s->edges, last);
}

static void add_one(DiskSums *s, const KernelDiskRequest *r)
{
	gboolean is_table = s->query->form == ANALYSIS_TABLE;
	gint64 who = who_is(s, r->cause);

	if (r->op >= KERNEL_DISK_OP_COUNT || !analysis_filter_thread(s->filter, r->cause))
		return;
	add_edges(s, r, DISK_ALL);
	if (is_table)
		add_edges(s, r, who);
	if (r->end != KERNEL_DISK_COMPLETED || !analysis_in_range(s->filter, r->completed_ns))
		return;
	add_request(sum_of(s, r->disk, DISK_ALL, r->cause, r->completed_ns), r);
	if (is_table)
		add_request(sum_of(s, r->disk, who, r->cause, r->completed_ns), r);
}

/* ---- In the driver -------------------------------------------------------------------------------------------------- */

/* By disk and who, then time; ends before begins. */
static gint compare_edges(gconstpointer a, gconstpointer b)
{
	const Edge *x = a, *y = b;

	if (x->disk != y->disk)
		return x->disk < y->disk ? -1 : 1;
	if (x->who != y->who)
		return x->who < y->who ? -1 : 1;
	if (x->time != y->time)
		return x->time < y->time ? -1 : 1;
	return x->more - y->more;
}

/* So many were in the driver from begin to end. */
static void add_piece(DiskSums *s, const Edge *edge, gint64 begin, gint64 end, guint n)
{
	while (n && begin < end) {
		DiskSum *sum = sum_of(s, edge->disk, edge->who, edge->thread, begin);
		gint64 until = MIN(step_end(s, step_of(s, begin)), end);

		if (!sum)
			return;
		sum->busy_ns += until - begin;
		sum->in_flight_ns += (double)n * (double)(until - begin);
		sum->in_flight_max = MAX(sum->in_flight_max, n);
		begin = until;
	}
}

static void sweep(DiskSums *s)
{
	guint n = 0;

	g_array_sort(s->edges, compare_edges);
	for (guint i = 0; i < s->edges->len; i++) {
		const Edge *e = &g_array_index(s->edges, Edge, i), *before = i ? e - 1 : NULL;

		if (before && before->disk == e->disk && before->who == e->who)
			add_piece(s, e, before->time, e->time, n);
		else
			n = 0;
		n += (guint)e->more;
	}
}

/* ---- One after the other ------------------------------------------------------------------------------------------- */

static gint compare_issued(gconstpointer a, gconstpointer b)
{
	const KernelDiskRequest *x = *(const KernelDiskRequest *const *)a, *y = *(const KernelDiskRequest *const *)b;

	if (x->disk != y->disk)
		return x->disk < y->disk ? -1 : 1;
	return (x->issued_ns > y->issued_ns) - (x->issued_ns < y->issued_ns);
}

static void count_sequential(DiskSums *s, const KernelDiskRequest *r)
{
	DiskSum *sums[] = {sum_of(s, r->disk, DISK_ALL, r->cause, r->completed_ns),
			   s->query->form == ANALYSIS_TABLE ? sum_of(s, r->disk, who_is(s, r->cause), r->cause, r->completed_ns) : NULL};

	for (guint i = 0; i < G_N_ELEMENTS(sums); i++)
		if (sums[i])
			sums[i]->sequential++;
}

/* Reads that begin where the disk's read before them ended; writes likewise. */
static void find_sequential(DiskSums *s, GPtrArray *issued)
{
	guint64 next[KERNEL_DISK_OP_COUNT];
	guint32 disk = KERNEL_NO_DEV;

	g_ptr_array_sort(issued, compare_issued);
	for (guint i = 0; i < issued->len; i++) {
		const KernelDiskRequest *r = g_ptr_array_index(issued, i);

		for (guint op = 0; op < KERNEL_DISK_OP_COUNT && r->disk != disk; op++)
			next[op] = G_MAXUINT64;
		disk = r->disk;
		if (r->sector == next[r->op] && analysis_in_range(s->filter, r->completed_ns))
			count_sequential(s, r);
		next[r->op] = r->sector + r->nr_sectors;
	}
}

/* ---- Blocked -------------------------------------------------------------------------------------------------------- */

static void add_blocked(DiskSums *s, guint32 disk, gint64 who, guint32 thread, gint64 begin, gint64 end)
{
	while (begin < end) {
		DiskSum *sum = sum_of(s, disk, who, thread, begin);
		gint64 until = MIN(step_end(s, step_of(s, begin)), end);

		if (!sum)
			return;
		sum->blocked_ns += until - begin;
		begin = until;
	}
}

static void add_waits(DiskSums *s)
{
	guint64 n = s->has_waits ? history_table_len(s->history, s->waits) : 0;

	for (guint64 i = 0; i < n; i++) {
		const KernelDiskWait *w = history_table_get(s->history, s->waits, i);
		gint64 begin = MAX(w->begin_ns, s->begin_ns), end = MIN(w->end_ns, s->end_ns);

		if (begin >= end || !analysis_filter_thread(s->filter, w->thread))
			continue;
		add_blocked(s, w->disk, DISK_ALL, w->thread, begin, end);
		if (s->query->form == ANALYSIS_TABLE)
			add_blocked(s, w->disk, who_is(s, w->thread), w->thread, begin, end);
	}
}

void disk_sums_add(DiskSums *s)
{
	guint64 n = history_table_len(s->history, s->requests);
	g_autoptr(GPtrArray) issued = g_ptr_array_new();

	for (guint64 i = 0; i < n; i++) {
		const KernelDiskRequest *r = history_table_get(s->history, s->requests, i);

		add_one(s, r);
		if (r->end == KERNEL_DISK_COMPLETED && r->issued_ns != KERNEL_NO_TIME && r->op <= KERNEL_DISK_OP_WRITE &&
		    analysis_filter_thread(s->filter, r->cause))
			g_ptr_array_add(issued, (gpointer)r);
	}
	sweep(s);
	find_sequential(s, issued);
	add_waits(s);
}

/* ---- The rest ------------------------------------------------------------------------------------------------------ */

void disk_sums_doubts(const DiskSums *s, guint64 *open_out, guint64 *lost_out, guint64 *unmatched_out)
{
	guint64 n = history_table_len(s->history, s->requests);

	*open_out = *lost_out = *unmatched_out = 0;
	for (guint64 i = 0; i < n; i++) {
		const KernelDiskRequest *r = history_table_get(s->history, s->requests, i);

		*open_out += r->end == KERNEL_DISK_OPEN;
		*lost_out += r->end == KERNEL_DISK_LOST;
	}
	for (guint64 i = 0; i < history_table_len(s->history, s->disks); i++)
		*unmatched_out += ((const KernelDiskItem *)history_table_get(s->history, s->disks, i))->unmatched;
}

gint64 disk_request_total(const KernelDiskRequest *r, gint64 end_ns)
{
	gint64 begin = kernel_disk_request_begin(r), end = r->end == KERNEL_DISK_COMPLETED ? r->done_ns : end_ns;

	return begin != KERNEL_NO_TIME && end > begin ? end - begin : 0;
}

char *disk_request_flags(const KernelDiskRequest *r)
{
	static const struct {
		guint16 flag;
		const char *name;
	} flags[] = {{KERNEL_DISK_SYNC, ",sync"}, {KERNEL_DISK_META, ",meta"},         {KERNEL_DISK_AHEAD, ",ahead"},
		     {KERNEL_DISK_FUA, ",fua"},   {KERNEL_DISK_PREFLUSH, ",preflush"}, {KERNEL_DISK_SECURE, ",secure"}};
	GString *text = g_string_new(NULL);

	for (guint i = 0; i < G_N_ELEMENTS(flags); i++)
		if (r->flags & flags[i].flag)
			g_string_append(text, flags[i].name + (text->len ? 0 : 1));
	return g_string_free(text, FALSE);
}

static gint compare_total(gconstpointer a, gconstpointer b, gpointer user)
{
	gint64 end = *(const gint64 *)user;
	gint64 x = disk_request_total(*(const KernelDiskRequest *const *)a, end), y = disk_request_total(*(const KernelDiskRequest *const *)b, end);

	return (y > x) - (y < x);
}

GPtrArray *disk_sums_slowest(const DiskSums *s, guint limit)
{
	guint64 n = history_table_len(s->history, s->requests);
	gint64 end = s->trace->end_ns;
	GPtrArray *found = g_ptr_array_new();

	for (guint64 i = 0; i < n; i++) {
		const KernelDiskRequest *r = history_table_get(s->history, s->requests, i);
		gint64 ended = r->end == KERNEL_DISK_COMPLETED ? r->completed_ns : end;

		if (r->end != KERNEL_DISK_LOST && analysis_in_range(s->filter, ended) && analysis_filter_thread(s->filter, r->cause))
			g_ptr_array_add(found, (gpointer)r);
	}
	g_ptr_array_sort_with_data(found, compare_total, &end);
	if (limit && found->len > limit)
		g_ptr_array_set_size(found, (gint)limit);
	return found;
}
