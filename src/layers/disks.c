/* SPDX-License-Identifier: MIT */
/*
 * disks.c: which request the machine below made for a guest's.
 *
 * Nothing marks them, so they are matched by order, time and size: the first of the same operation and as many bytes that the VM's process caused while the guest's driver had its own, that is no other's yet;
 * if none has that size, the first of the operation. One that began before the guest's or ended after it is none.
 */
#include <stdlib.h>

#include "kernel/block.h"
#include "layers/private.h"

#define LOOK_AHEAD 1024 /* requests that one is compared with */

/* A request below that the VM's process caused. */
typedef struct {
	gint64 begin, end;
	guint64 item, bytes;
	guint op;
	gboolean taken;
} Lower;

static int by_op(const void *a, const void *b)
{
	const Lower *x = a, *y = b;

	if (x->op != y->op)
		return (x->op > y->op) - (x->op < y->op);
	return (x->begin > y->begin) - (x->begin < y->begin);
}

static GArray *requests_below(const History *h, gint32 vm_pid)
{
	GArray *all = g_array_new(FALSE, FALSE, sizeof(Lower));
	guint requests;

	if (!history_find_table(h, KERNEL_DISK_REQUESTS_TABLE, sizeof(KernelDiskRequest), &requests))
		return all;
	for (guint64 i = 0; i < history_table_len(h, requests); i++) {
		const KernelDiskRequest *r = history_table_get(h, requests, i);
		const KernelThreadItem *cause = kernel_find_thread(h, r->cause);
		Lower below = {kernel_disk_request_begin(r), r->completed_ns, i, r->bytes, r->op, FALSE};

		if (kernel_disk_request_is_whole(r) && cause && cause->pid == vm_pid)
			g_array_append_val(all, below);
	}
	if (all->len)
		qsort(all->data, all->len, sizeof(Lower), by_op);
	return all;
}

/* The first of that operation that begins at `time` or later. */
static guint first_from(const GArray *all, guint op, gint64 time)
{
	const Lower key = {.op = op, .begin = time};
	guint lo = 0, hi = all->len;

	while (lo < hi) {
		guint mid = lo + (hi - lo) / 2;

		if (by_op(&g_array_index(all, Lower, mid), &key) < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

static Lower *match(const GArray *below, const ExperimentMember *g, const KernelDiskRequest *r)
{
	gint64 until = experiment_up(g, r->completed_ns) + g->bound_ns;
	guint from = first_from(below, r->op, experiment_up(g, r->issued_ns) - g->bound_ns);
	Lower *first = NULL;

	for (guint i = from; i < below->len && i - from < LOOK_AHEAD; i++) {
		Lower *b = &g_array_index(below, Lower, i);

		if (b->op != r->op || b->begin > until)
			break;
		if (b->taken || b->end > until)
			continue;
		if (b->bytes == r->bytes)
			return b;
		if (!first)
			first = b;
	}
	return first;
}

static gint by_issue(gconstpointer a, gconstpointer b, gpointer user)
{
	const KernelDiskRequest *const *all = user, *x = all[*(const guint64 *)a], *y = all[*(const guint64 *)b];

	return (x->issued_ns > y->issued_ns) - (x->issued_ns < y->issued_ns);
}

/* The guest's whole requests, in the order in which its driver got them: theirs is the first choice. */
static GArray *requests_above(const History *h, guint table)
{
	GArray *all = g_array_new(FALSE, FALSE, sizeof(guint64));
	guint64 n = history_table_len(h, table);
	g_autofree const KernelDiskRequest **requests = g_new(const KernelDiskRequest *, n + 1);

	for (guint64 i = 0; i < n; i++) {
		requests[i] = history_table_get(h, table, i);
		if (kernel_disk_request_is_whole(requests[i]))
			g_array_append_val(all, i);
	}
	g_array_sort_with_data(all, by_issue, requests);
	return all;
}

static gint by_above(gconstpointer a, gconstpointer b)
{
	const LayersDiskPair *x = a, *y = b;

	return (x->above > y->above) - (x->above < y->above);
}

GArray *layers_disk_pairs(const Layers *l, guint member)
{
	const ExperimentMember *g = experiment_member(l->experiment, member);
	GArray *pairs = g_array_new(FALSE, FALSE, sizeof(LayersDiskPair));
	guint table;

	if (g->parent == EXPERIMENT_NONE || g->l2 != EXPERIMENT_NONE || !g->clocks->len ||
	    !history_find_table(g->history, KERNEL_DISK_REQUESTS_TABLE, sizeof(KernelDiskRequest), &table))
		return pairs;
	g_autoptr(GArray) below = requests_below(experiment_member(l->experiment, g->parent)->history, g->vm_pid), above = requests_above(g->history, table);
	for (guint i = 0; i < above->len; i++) {
		guint64 item = g_array_index(above, guint64, i);
		Lower *b = match(below, g, history_table_get(g->history, table, item));
		LayersDiskPair pair = {item, b ? b->item : 0};

		if (!b)
			continue;
		b->taken = TRUE;
		g_array_append_val(pairs, pair);
	}
	g_array_sort(pairs, by_above);
	return pairs;
}

const LayersDiskPair *layers_disk_pair(const GArray *pairs, guint64 above)
{
	const LayersDiskPair key = {.above = above};
	guint at;

	return g_array_binary_search((GArray *)(guintptr)pairs, &key, by_above, &at) ? &g_array_index(pairs, LayersDiskPair, at) : NULL;
}
