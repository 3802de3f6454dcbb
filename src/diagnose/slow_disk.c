/* SPDX-License-Identifier: MIT */
/*
 * slow_disk.c: a disk is slow by itself: it takes long although it has little to do.
 *
 * A request is slow if the disk served fewer than one in `disk.ms` while it had this one, or fewer than one in `disk.times` its usual time for that kind: one that takes long because many others are served meanwhile
 * is not. Usual is the median of the quickest second. What a slow request took beyond that is lost. In a VM it may be the host's disk that is slow: then this is a symptom of what is found there. If the host's trace has no request for the VM for most of that
 * time, they were held back in between.
 */
#include <stdlib.h>

#include "base/format.h"
#include "diagnose/private.h"
#include "diagnose/spans.h"
#include "kernel/block.h"

#define BELOW_MOST 0.3 /* of the time lost, for which the host has requests for the VM: if it has more, it is its disk that takes long */

#define SECOND_MIN 8   /* requests that tell what is usual in a second */
#define SECOND_NS  G_GINT64_CONSTANT(1000000000)

/* What a request took, and when it was done. */
typedef struct {
	gint64 end, ns;
} Time;

typedef struct {
	GArray *ends;        /* gint64: when requests were completed, in order */
	GArray *busy, *lost; /* DiagnoseSpan */
	GArray *times[KERNEL_DISK_OP_COUNT]; /* Time */
	gint64 usual[KERNEL_DISK_OP_COUNT], least[KERNEL_DISK_OP_COUNT]; /* least: ns in which it serves a request, if it is not slow */
	GHashTable *victims; /* serial of who caused a request + 1 -> gint64 *: what slow ones cost it */
	guint64 slow;
} Disk;

typedef struct {
	Diagnose *d;
	const AnalysisStoreTrace *t;
	guint table;
	gint64 begin, end;
	Disk *disks;
	guint64 n;
} Scan;

static void disk_init(Disk *k)
{
	k->ends = g_array_new(FALSE, FALSE, sizeof(gint64));
	k->busy = g_array_new(FALSE, FALSE, sizeof(DiagnoseSpan));
	k->lost = g_array_new(FALSE, FALSE, sizeof(DiagnoseSpan));
	k->victims = g_hash_table_new_full(NULL, NULL, NULL, g_free);
	for (guint i = 0; i < KERNEL_DISK_OP_COUNT; i++)
		k->times[i] = g_array_new(FALSE, FALSE, sizeof(Time));
}

static void disk_clear(Disk *k)
{
	g_array_unref(k->ends);
	g_array_unref(k->busy);
	g_array_unref(k->lost);
	g_hash_table_unref(k->victims);
	for (guint i = 0; i < KERNEL_DISK_OP_COUNT; i++)
		g_array_unref(k->times[i]);
}

/* ---- Requests -------------------------------------------------------------------------------------------------------------- */

typedef void (*Visit)(const Scan *s, Disk *k, const KernelDiskRequest *r);

static void each_request(const Scan *s, Visit visit)
{
	for (guint64 i = 0; i < history_table_len(s->t->history, s->table); i++) {
		const KernelDiskRequest *r = history_table_get(s->t->history, s->table, i);

		if (r->end == KERNEL_DISK_COMPLETED && r->disk < s->n && r->issued_ns != KERNEL_NO_TIME && r->issued_ns >= s->begin && r->completed_ns < s->end)
			visit(s, &s->disks[r->disk], r);
	}
}

static void note(const Scan *s, Disk *k, const KernelDiskRequest *r)
{
	Time time = {r->completed_ns, r->completed_ns - r->issued_ns};

	(void)s;
	g_array_append_val(k->ends, r->completed_ns);
	g_array_append_val(k->times[r->op], time);
	diagnose_span_add(k->busy, r->issued_ns, r->completed_ns);
}

/* How many the disk completed from then on, until a request that it completed at `end`. */
static guint64 served(const Disk *k, gint64 begin, gint64 end)
{
	guint lo[2] = {0, 0};
	gint64 times[2] = {begin, end};

	for (guint i = 0; i < 2; i++)
		for (guint hi = k->ends->len; lo[i] < hi;) {
			guint mid = lo[i] + (hi - lo[i]) / 2;

			if (g_array_index(k->ends, gint64, mid) <= times[i])
				lo[i] = mid + 1;
			else
				hi = mid;
		}
	return MAX(lo[1] - lo[0], 1);
}

static void judge_request(const Scan *s, Disk *k, const KernelDiskRequest *r)
{
	gint64 ns = r->completed_ns - r->issued_ns, *cost;
	const KernelThreadItem *cause = kernel_find_thread(s->t->history, r->cause);

	if (cause && cause->is_kthread)
		return; /* writing back what nobody waits for */
	if (ns < k->least[r->op] || ns / (gint64)served(k, r->issued_ns, r->completed_ns) < k->least[r->op])
		return;
	k->slow++;
	diagnose_span_add(k->lost, r->issued_ns + k->usual[r->op], r->completed_ns);
	cost = g_hash_table_lookup(k->victims, GUINT_TO_POINTER(r->cause + 1));
	if (!cost) {
		cost = g_new0(gint64, 1);
		g_hash_table_insert(k->victims, GUINT_TO_POINTER(r->cause + 1), cost);
	}
	*cost += ns;
}

static gint by_ns(gconstpointer a, gconstpointer b)
{
	gint64 x = ((const Time *)a)->ns, y = ((const Time *)b)->ns;

	return (x > y) - (x < y);
}

static gint64 median(Time *all, guint n)
{
	qsort(all, n, sizeof(Time), by_ns);
	return all[n / 2].ns;
}

/* The median of the quickest second that has enough of them; of too few, of all. They are in the order in which they were done. */
static gint64 usual_of(GArray *all)
{
	gint64 least = G_MAXINT64;
	Time *times = (Time *)(gpointer)all->data;

	for (guint first = 0, i = 0; i < all->len; i++) {
		gboolean is_last = i + 1 == all->len || times[i + 1].end / SECOND_NS != times[i].end / SECOND_NS;

		if (is_last && i + 1 - first >= SECOND_MIN)
			least = MIN(least, median(&times[first], i + 1 - first));
		if (is_last)
			first = i + 1;
	}
	return !all->len ? 0 : least < G_MAXINT64 ? least : median(times, all->len);
}

/* Of a disk that is always slow no more than what one may take. */
static void find_usual(const Scan *s, Disk *k)
{
	const double *bar = s->d->thresholds;

	for (guint op = 0; op < KERNEL_DISK_OP_COUNT; op++) {
		double usual = (double)usual_of(k->times[op]), most = bar[DIAGNOSE_DISK_MS] * 1e6;

		k->usual[op] = (gint64)MIN(usual, most);
		k->least[op] = (gint64)MIN(most, MAX(usual * bar[DIAGNOSE_DISK_TIMES], bar[DIAGNOSE_DISK_LEAST_MS] * 1e6));
	}
}

/* ---- Findings ------------------------------------------------------------------------------------------------------------------ */

/* Who waited most for slow requests. */
static const KernelThreadItem *victim_of(const Scan *s, const Disk *k)
{
	GHashTableIter iter;
	gpointer key, value, most = NULL;
	gint64 most_ns = 0;

	g_hash_table_iter_init(&iter, k->victims);
	while (g_hash_table_iter_next(&iter, &key, &value)) {
		gint64 ns = *(gint64 *)value;

		if (ns > most_ns || (ns == most_ns && GPOINTER_TO_UINT(key) < GPOINTER_TO_UINT(most))) {
			most = key;
			most_ns = ns;
		}
	}
	return most ? kernel_find_thread(s->t->history, GPOINTER_TO_UINT(most) - 1) : NULL;
}

static void set_sufferer(const Scan *s, DiagnoseFinding *f, const KernelThreadItem *item)
{
	guint32 vm = item ? diagnose_vm_of_pid(s->t, item->pid) : EXPERIMENT_NONE;
	g_autofree char *name = vm == EXPERIMENT_NONE ? g_strdup(item ? history_text_get(s->t->history, item->name) : s->t->name) :
							diagnose_vm_name(s->d, s->t, vm);

	diagnose_who(&f->sufferer, vm != EXPERIMENT_NONE ? "vm" : item ? "process" : "machine", name, s->t->name, item ? item->pid : -1, -1);
	f->victim = diagnose_member_of_pid(s->d, s->t, item ? item->pid : -1);
}

/* ---- Held back ----------------------------------------------------------------------------------------------------------------- */

/* Spans of the host's requests for a VM; the caller frees. NULL: it has recorded none. */
static GArray *requests_for(const AnalysisStoreTrace *host, gint32 vm_pid)
{
	GArray *spans;
	guint table;

	if (!history_find_table(host->history, KERNEL_DISK_REQUESTS_TABLE, sizeof(KernelDiskRequest), &table) || !history_table_len(host->history, table))
		return NULL;
	spans = g_array_new(FALSE, FALSE, sizeof(DiagnoseSpan));
	for (guint64 i = 0; i < history_table_len(host->history, table); i++) {
		const KernelDiskRequest *r = history_table_get(host->history, table, i);
		const KernelThreadItem *cause = r->end == KERNEL_DISK_COMPLETED && r->issued_ns != KERNEL_NO_TIME ? kernel_find_thread(host->history, r->cause) : NULL;

		/* Its journal works for it, too. */
		if (cause && (cause->pid == vm_pid || cause->is_kthread))
			diagnose_span_add(spans, kernel_disk_request_begin(r), r->completed_ns);
	}
	diagnose_spans_merge(spans);
	return spans;
}

/* The host in whose trace most of the lost time has no request for this machine; NULL: it has, or it isn't known. */
static const AnalysisStoreTrace *held_back_by(const Scan *s, const Disk *k)
{
	const ExperimentMember *m = experiment_member(s->d->store->experiment, s->t->member);
	const AnalysisStoreTrace *host = m->parent == EXPERIMENT_NONE ? NULL : diagnose_trace_of(s->d, m->parent);
	g_autoptr(GArray) spans = host ? requests_for(host, m->vm_pid) : NULL;
	gint64 within = 0;

	for (guint i = 0; spans && i < k->lost->len; i++) {
		const DiagnoseSpan *l = &g_array_index(k->lost, DiagnoseSpan, i);

		within += diagnose_spans_within(spans, analysis_own_time(host, analysis_time(s->t, l->begin)), analysis_own_time(host, analysis_time(s->t, l->end)));
	}
	return spans && (double)within < BELOW_MOST * (double)diagnose_spans_sum(k->lost) ? host : NULL;
}

static void add_held_back(const Scan *s, const Disk *k, const KernelDiskItem *disk, const DiagnoseLoss *loss, const AnalysisStoreTrace *host)
{
	DiagnoseFinding *f = diagnose_finding_new(s->d, "disk-held-back", loss, diagnose_spans_sum(k->busy));
	g_autofree char *name = g_strdup_printf("what is between %s's disk %s and %s", s->t->name, history_text_get(s->t->history, disk->name), host->name);

	set_sufferer(s, f, victim_of(s, k));
	f->level = host->level;
	f->title = g_strdup_printf("Requests of %s to its disk %s are held back on %s, whose own disks have nothing to do for them meanwhile: %" G_GUINT64_FORMAT " of %u requests", s->t->name,
				   history_text_get(s->t->history, disk->name), host->name, k->slow, k->ends->len);
	f->advice = g_strdup("See whether it is limited there (throttling of the hypervisor's drive: iops, bps; io.max of its group), and whether its I/O threads get a processor.");
	diagnose_who(&f->culprit, "limit", name, host->name, -1, -1);
	diagnose_add(s->d, f);
}

static void add_finding(const Scan *s, const Disk *k, const KernelDiskItem *disk, const DiagnoseLoss *loss)
{
	DiagnoseFinding *f = diagnose_finding_new(s->d, "slow-disk", loss, diagnose_spans_sum(k->busy));
	g_autofree char *name = g_strdup_printf("disk %s", history_text_get(s->t->history, disk->name));
	char lost[ST_FORMAT_MAX];

	set_sufferer(s, f, victim_of(s, k));
	f->title = g_strdup_printf("The %s of %s is slow, also with little to do, and %s waits for it: %" G_GUINT64_FORMAT " requests of %u took %s too long on average", name, s->t->name,
				   f->sufferer.name, k->slow, k->ends->len, st_format_duration(lost, f->lost_ns / (gint64)MAX(k->slow, 1)));
	f->advice = g_strdup(s->t->level > 0 ? "It is a VM's: see what its host's disk does, and limits that are set for it there (throttling, io.max)." :
					       "See whether it is limited (throttling, io.max), shared with other machines, or failing; if this machine is a VM, record its host.");
	diagnose_who(&f->culprit, "disk", name, s->t->name, -1, -1);
	diagnose_add(s->d, f);
}

static void judge(const Scan *s, Disk *k, const KernelDiskItem *disk)
{
	g_autoptr(DiagnoseLoss) loss = diagnose_loss_new(s->t);

	diagnose_spans_merge(k->busy);
	diagnose_spans_merge(k->lost);
	for (guint i = 0; i < k->lost->len; i++) {
		const DiagnoseSpan *l = &g_array_index(k->lost, DiagnoseSpan, i);

		diagnose_loss_add_in_row(loss, l->begin, l->end, disk->row);
	}
	if (!diagnose_matters(s->d, loss, s->end - s->begin, DIAGNOSE_DISK_SHARE))
		return;
	const AnalysisStoreTrace *host = held_back_by(s, k);
	if (host)
		add_held_back(s, k, disk, loss, host);
	else
		add_finding(s, k, disk, loss);
}

static void scan(Scan *s, guint disks)
{
	s->disks = g_new0(Disk, s->n + 1);
	for (guint64 i = 0; i < s->n; i++)
		disk_init(&s->disks[i]);
	each_request(s, note);
	for (guint64 i = 0; i < s->n; i++)
		find_usual(s, &s->disks[i]);
	each_request(s, judge_request);
	for (guint64 i = 0; i < s->n; i++) {
		judge(s, &s->disks[i], history_table_get(s->t->history, disks, i));
		disk_clear(&s->disks[i]);
	}
	g_free(s->disks);
}

void diagnose_rule_slow_disk(Diagnose *d, const AnalysisStoreTrace *t)
{
	Scan s = {.d = d, .t = t, .begin = diagnose_begin(d, t), .end = diagnose_end(d, t)};
	guint disks;

	if (!history_find_table(t->history, KERNEL_DISKS_TABLE, sizeof(KernelDiskItem), &disks) ||
	    !history_find_table(t->history, KERNEL_DISK_REQUESTS_TABLE, sizeof(KernelDiskRequest), &s.table))
		return;
	s.n = MIN(history_table_len(t->history, disks), KERNEL_DISKS_MAX);
	scan(&s, disks);
}
