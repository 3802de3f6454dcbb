/* SPDX-License-Identifier: MIT */
/*
 * disks.c: several share a disk, and one of them makes the others' requests slow.
 *
 * Requests belong to whoever caused them: a VM, or a program (of one family, as those that a script starts one after the other). What a request should take is what those of the same owner and kind took while nobody else had any on
 * that disk. What it took beyond that, while others had requests there, is lost; the time that all such excesses cover together is the owner's loss.
 */
#include <string.h>

#include "base/format.h"
#include "diagnose/family.h"
#include "diagnose/spans.h"
#include "kernel/block.h"

#define OWNERS_MAX 128 /* of a disk; all further ones are taken for one */
#define ALONE_MIN 8 /* requests that tell what one should take; with fewer, the quickest tenth of all do */

/* Somebody with requests on a disk. */
typedef struct {
	char *name;
	const char *kind;
	gint32 pid;
	gboolean is_kernel;
	GArray *busy;           /* DiagnoseSpan, merged: it had requests */
	GArray *usual[KERNEL_DISK_OP_COUNT]; /* gint64: how long requests took while it was alone; then of all */
	gint64 base[KERNEL_DISK_OP_COUNT];
	gint64 time;            /* of its requests in the driver: how much of the disk it had */
	guint64 bytes;
	GArray *excess;         /* DiagnoseSpan */
} Owner;

typedef struct {
	Diagnose *d;
	const AnalysisStoreTrace *t;
	guint table;
	guint64 *next;          /* by request: the next one of its disk plus one; 0: the last */
	GArray *requests;       /* DiskRequest: the disk's */
	GPtrArray *owners;      /* Owner * */
	GHashTable *by_key;     /* key_of() -> Owner * */
	const DiagnoseFamilies *families;
	gint64 begin, end;
} Scan;

/* A request, and whose it is. */
typedef struct {
	Owner *owner;
	const KernelDiskRequest *r;
	gint64 begin;
} DiskRequest;

static void owner_free(gpointer data)
{
	Owner *o = data;

	g_free(o->name);
	g_array_unref(o->busy);
	g_array_unref(o->excess);
	for (guint i = 0; i < KERNEL_DISK_OP_COUNT; i++)
		g_array_unref(o->usual[i]);
	g_free(o);
}

/* ---- Whose --------------------------------------------------------------------------------------------------------------- */

static Owner *owner_new(Scan *s, const char *kind, char *name, gint32 pid)
{
	Owner *o = g_new0(Owner, 1);

	o->kind = kind;
	o->name = name;
	o->pid = pid;
	o->is_kernel = !strcmp(kind, "kernel");
	o->busy = g_array_new(FALSE, FALSE, sizeof(DiagnoseSpan));
	o->excess = g_array_new(FALSE, FALSE, sizeof(DiagnoseSpan));
	for (guint i = 0; i < KERNEL_DISK_OP_COUNT; i++)
		o->usual[i] = g_array_new(FALSE, FALSE, sizeof(gint64));
	g_ptr_array_add(s->owners, o);
	return o;
}

static Owner *owner_of_thread(Scan *s, const KernelThreadItem *item)
{
	guint32 vm = diagnose_vm_of_pid(s->t, item->pid);

	if (vm != EXPERIMENT_NONE)
		return owner_new(s, "vm", diagnose_vm_name(s->d, s->t, vm), item->pid);
	if (item->is_kthread)
		return owner_new(s, "kernel", g_strdup("the kernel's own threads"), -1);
	return owner_new(s, "process", g_strdup(history_text_get(s->t->history, item->name)), item->pid);
}

/* The caller frees. */
static char *key_of(const Scan *s, guint32 serial, const KernelThreadItem *item)
{
	if (item->is_kthread)
		return g_strdup("kernel");
	if (diagnose_vm_of_pid(s->t, item->pid) != EXPERIMENT_NONE)
		return g_strdup_printf("vm %d", item->pid);
	return g_strdup_printf("%" G_GUINT64_FORMAT " %s", diagnose_family_of(s->families, serial), history_text_get(s->t->history, item->name));
}

static Owner *owner_of(Scan *s, guint32 serial)
{
	const KernelThreadItem *item = kernel_find_thread(s->t->history, serial);

	if (!item)
		return NULL;
	g_autofree char *key = key_of(s, serial, item);
	Owner *o = g_hash_table_lookup(s->by_key, key);
	if (!o) {
		o = s->owners->len < OWNERS_MAX ? owner_of_thread(s, item) : s->owners->len == OWNERS_MAX ? owner_new(s, "process", g_strdup("other processes"), -1) :
										    g_ptr_array_index(s->owners, OWNERS_MAX);
		g_hash_table_insert(s->by_key, g_steal_pointer(&key), o);
	}
	if (o->pid != item->pid)
		o->pid = -1;
	return o;
}

/* ---- Requests -------------------------------------------------------------------------------------------------------------- */

static void find_requests(Scan *s, guint64 first)
{
	for (guint64 i = first; i; i = s->next[i - 1]) {
		const KernelDiskRequest *r = history_table_get(s->t->history, s->table, i - 1);
		DiskRequest found = {.r = r, .begin = kernel_disk_request_begin(r)};

		if (r->end != KERNEL_DISK_COMPLETED || found.begin == KERNEL_NO_TIME || r->completed_ns < s->begin || found.begin >= s->end)
			continue;
		found.owner = owner_of(s, r->cause);
		if (found.owner)
			g_array_append_val(s->requests, found);
	}
}

typedef void (*Visit)(const Scan *s, Owner *o, const KernelDiskRequest *r, gint64 begin);

static void each_request(const Scan *s, Visit visit)
{
	for (guint i = 0; i < s->requests->len; i++) {
		const DiskRequest *r = &g_array_index(s->requests, DiskRequest, i);

		visit(s, r->owner, r->r, r->begin);
	}
}

static void note_busy(const Scan *s, Owner *o, const KernelDiskRequest *r, gint64 begin)
{
	diagnose_span_add(o->busy, begin, r->completed_ns);
	o->time += r->completed_ns - (r->issued_ns != KERNEL_NO_TIME ? r->issued_ns : begin);
	o->bytes += r->bytes;
}

/* The time of others' requests within [begin, end): 0 if it had the disk to itself. Kernel threads work for those that write. */
static gint64 others_within(const Scan *s, const Owner *o, gint64 begin, gint64 end)
{
	gint64 sum = 0;

	for (guint i = 0; i < s->owners->len; i++) {
		const Owner *other = g_ptr_array_index(s->owners, i);

		if (other != o && !other->is_kernel)
			sum += diagnose_spans_within(other->busy, begin, end);
	}
	return sum;
}

static void note_alone(const Scan *s, Owner *o, const KernelDiskRequest *r, gint64 begin)
{
	gint64 ns = r->completed_ns - begin;

	if (!others_within(s, o, begin, r->completed_ns))
		g_array_append_val(o->usual[r->op], ns);
}

static void note_all(const Scan *s, Owner *o, const KernelDiskRequest *r, gint64 begin)
{
	gint64 ns = r->completed_ns - begin;

	if (o->base[r->op] < 0)
		g_array_append_val(o->usual[r->op], ns);
}

static gint by_value(gconstpointer a, gconstpointer b)
{
	gint64 x = *(const gint64 *)a, y = *(const gint64 *)b;

	return (x > y) - (x < y);
}

static gint64 quantile(GArray *all, double q)
{
	g_array_sort(all, by_value);
	return all->len ? g_array_index(all, gint64, (guint)(q * (all->len - 1))) : 0;
}

static void find_usual(const Scan *s)
{
	each_request(s, note_alone);
	for (guint i = 0; i < s->owners->len; i++)
		for (guint op = 0; op < KERNEL_DISK_OP_COUNT; op++) {
			Owner *o = g_ptr_array_index(s->owners, i);

			o->base[op] = o->usual[op]->len >= ALONE_MIN ? quantile(o->usual[op], 0.5) : -1;
			g_array_set_size(o->usual[op], 0);
		}
	each_request(s, note_all);
	for (guint i = 0; i < s->owners->len; i++)
		for (guint op = 0; op < KERNEL_DISK_OP_COUNT; op++) {
			Owner *o = g_ptr_array_index(s->owners, i);

			if (o->base[op] < 0)
				o->base[op] = quantile(o->usual[op], 0.1);
		}
}

static void note_excess(const Scan *s, Owner *o, const KernelDiskRequest *r, gint64 begin)
{
	gint64 from = begin + o->base[r->op];

	if (from < r->completed_ns && others_within(s, o, begin, r->completed_ns))
		diagnose_span_add(o->excess, MAX(from, s->begin), MIN(r->completed_ns, s->end));
}

/* ---- Findings ----------------------------------------------------------------------------------------------------------------- */

/* Who else had most requests while it lost time. */
static const Owner *culprit_of(const Scan *s, const Owner *o)
{
	const Owner *most = NULL;
	gint64 most_ns = 0;

	for (guint i = 0; i < s->owners->len; i++) {
		const Owner *other = g_ptr_array_index(s->owners, i);
		gint64 ns = 0;

		for (guint k = 0; other != o && !other->is_kernel && k < o->excess->len; k++) {
			const DiagnoseSpan *e = &g_array_index(o->excess, DiagnoseSpan, k);

			ns += diagnose_spans_within(other->busy, e->begin, e->end);
		}
		if (ns > most_ns) {
			most = other;
			most_ns = ns;
		}
	}
	return most;
}

static void add_finding(const Scan *s, const Owner *o, const Owner *culprit, const KernelDiskItem *disk, const DiagnoseLoss *loss)
{
	DiagnoseFinding *f = diagnose_finding_new(s->d, "disk-contention", loss, diagnose_spans_sum(o->busy));
	const char *name = history_text_get(s->t->history, disk->name);
	char theirs[ST_FORMAT_MAX], own[ST_FORMAT_MAX];

	f->title = g_strdup_printf("%s waits longer for the disk %s of %s, which %s keeps busy", o->name, name, s->t->name, culprit->name);
	f->advice = g_strdup_printf("Limit what %s may do there (I/O throttling, io.max), or give it another disk: it moved %s, %s moved %s.", culprit->name,
				    st_format_bytes(theirs, (gint64)culprit->bytes), o->name, st_format_bytes(own, (gint64)o->bytes));
	f->victim = diagnose_member_of_pid(s->d, s->t, o->pid);
	f->offender = diagnose_member_of_pid(s->d, s->t, culprit->pid);
	diagnose_who(&f->sufferer, o->kind, o->name, s->t->name, o->pid, -1);
	diagnose_who(&f->culprit, culprit->kind, culprit->name, s->t->name, culprit->pid, -1);
	diagnose_add(s->d, f);
}

/* Whoever has more of the disk is the one who disturbs; he loses too, but to himself. */
static void judge(const Scan *s, const Owner *o, const KernelDiskItem *disk)
{
	const Owner *culprit = o->is_kernel ? NULL : culprit_of(s, o);
	g_autoptr(DiagnoseLoss) loss = diagnose_loss_new(s->t);

	if (!culprit || culprit->time <= o->time)
		return;
	for (guint i = 0; i < o->excess->len; i++) {
		const DiagnoseSpan *e = &g_array_index(o->excess, DiagnoseSpan, i);

		diagnose_loss_add_in_row(loss, e->begin, e->end, disk->row);
	}
	if (diagnose_matters(s->d, loss, s->end - s->begin, DIAGNOSE_LOST_SHARE))
		add_finding(s, o, culprit, disk, loss);
}

static void scan_disk(Scan *s, const KernelDiskItem *disk, guint64 first)
{
	g_autoptr(GArray) requests = g_array_new(FALSE, FALSE, sizeof(DiskRequest));
	g_autoptr(GPtrArray) owners = g_ptr_array_new_with_free_func(owner_free);
	g_autoptr(GHashTable) by_key = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);

	s->requests = requests;
	s->owners = owners;
	s->by_key = by_key;
	find_requests(s, first);
	each_request(s, note_busy);
	for (guint i = 0; i < owners->len; i++)
		diagnose_spans_merge(((Owner *)g_ptr_array_index(owners, i))->busy);
	if (owners->len < 2)
		return;
	find_usual(s);
	each_request(s, note_excess);
	for (guint i = 0; i < owners->len; i++)
		diagnose_spans_merge(((Owner *)g_ptr_array_index(owners, i))->excess);
	for (guint i = 0; i < owners->len; i++)
		judge(s, g_ptr_array_index(owners, i), disk);
}

/* By disk: its first request plus one. */
static guint64 *chain_requests(Scan *s, guint64 n_disks)
{
	guint64 *first = g_new0(guint64, n_disks + 1), n = history_table_len(s->t->history, s->table);

	s->next = g_new0(guint64, n + 1);
	for (guint64 i = n; i-- > 0;) {
		guint32 disk = ((const KernelDiskRequest *)history_table_get(s->t->history, s->table, i))->disk;

		if (disk >= n_disks)
			continue;
		s->next[i] = first[disk];
		first[disk] = i + 1;
	}
	return first;
}

void diagnose_rule_disks(Diagnose *d, const AnalysisStoreTrace *t)
{
	Scan s = {.d = d, .t = t, .begin = diagnose_begin(d, t), .end = diagnose_end(d, t)};
	guint disks;

	if (!history_find_table(t->history, KERNEL_DISKS_TABLE, sizeof(KernelDiskItem), &disks) ||
	    !history_find_table(t->history, KERNEL_DISK_REQUESTS_TABLE, sizeof(KernelDiskRequest), &s.table))
		return;
	guint64 n = history_table_len(t->history, disks);
	g_autofree guint64 *first = chain_requests(&s, n);
	g_autoptr(DiagnoseFamilies) families = diagnose_families_new(t);
	s.families = families;
	for (guint64 k = 0; k < n; k++)
		scan_disk(&s, history_table_get(t->history, disks, k), first[k]);
	g_free(s.next);
}
