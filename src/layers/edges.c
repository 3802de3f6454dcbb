/* SPDX-License-Identifier: MIT */
/*
 * edges.c: what goes from one level to another: interrupts into guests, guests' disk requests into the machine below and back, exits of nested VMs to the hypervisor that serves them and back.
 *
 * What was sent is not marked, so it is matched by order and time: an interrupt that ended a vCPU's sleep with the first handler that its guest ran after it was entered; disks.c matches requests. One without
 * a match is no edge.
 */
#include <stdlib.h>

#include "kernel/block.h"
#include "kernel/irq.h"
#include "kvm/waits.h"
#include "layers/private.h"

/* Something that began on a processor, or on behalf of a process. */
typedef struct {
	gint64 begin, end;
	guint64 key;  /* processor; process */
	guint32 row;
} Begun;

typedef struct {
	const Layers *layers;
	guint parent, guest;
	const ExperimentMember *g;
	const History *below, *above;
	gboolean (*found)(gpointer user, const LayersEdge *edge);
	gpointer user;
	gboolean stopped;
} Pair;

static int by_key(const void *a, const void *b)
{
	const Begun *x = a, *y = b;

	if (x->key != y->key)
		return (x->key > y->key) - (x->key < y->key);
	return (x->begin > y->begin) - (x->begin < y->begin);
}

static void sort(GArray *all)
{
	if (all->len)
		qsort(all->data, all->len, sizeof(Begun), by_key);
}

/* The first of that key that begins at `time` or later; NULL: none. */
static const Begun *first_from(const GArray *all, guint64 key, gint64 time)
{
	guint lo = 0, hi = all->len;

	while (lo < hi) {
		guint mid = lo + (hi - lo) / 2;
		const Begun *b = &g_array_index(all, Begun, mid);

		if (b->key < key || (b->key == key && b->begin < time))
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo < all->len && g_array_index(all, Begun, lo).key == key ? &g_array_index(all, Begun, lo) : NULL;
}

/* An edge between the two; times in the clock of whose row it is. */
static void emit(Pair *p, const char *kind, gboolean up, guint32 from_row, gint64 from_ns, guint32 to_row, gint64 to_ns)
{
	LayersEdge e = {.kind = kind, .from = up ? p->parent : p->guest, .to = up ? p->guest : p->parent, .from_row = from_row, .from_ns = from_ns,
			.to_row = to_row, .to_ns = to_ns};

	if (!p->stopped && from_row != HISTORY_NO_ROW && to_row != HISTORY_NO_ROW)
		p->stopped = !p->found(p->user, &e);
}

/* ---- Interrupts -------------------------------------------------------------------------------------------------------------- */

static GArray *handlers(const Pair *p)
{
	const LayersPieces *pieces = p->layers->machines[p->guest].pieces;
	GArray *all = g_array_new(FALSE, FALSE, sizeof(Begun));
	guint table;

	if (!history_find_table(p->above, KERNEL_IRQ_TABLE, sizeof(KernelIrqItem), &table))
		return all;
	for (guint64 i = 0; i < history_table_len(p->above, table); i++) {
		const KernelIrqItem *item = history_table_get(p->above, table, i);
		Begun b = {item->begin_ns, item->end_ns, (guint64)(guint32)item->cpu, HISTORY_NO_ROW};

		if ((item->kind != KERNEL_IRQ_LINE && item->kind != KERNEL_IRQ_VECTOR) || item->cpu < 0 || (guint)item->cpu >= pieces->n_cpus)
			continue;
		b.row = pieces->cpus[item->cpu];
		g_array_append_val(all, b);
	}
	sort(all);
	return all;
}

/* Until when the first handler must have begun: before the vCPU leaves its guest. */
static gint64 end_of_stay(const Pair *p, guint32 row, gint64 enter_ns)
{
	HistoryInterval at;

	return history_at(p->below, row, enter_ns, &at) ? at.end_ns : enter_ns;
}

static void interrupts(Pair *p)
{
	const LayersMachine *m = &p->layers->machines[p->parent];
	g_autoptr(GArray) all = handlers(p);
	guint waits, vcpus;

	if (!history_find_table(p->below, KVM_WAITS_TABLE, sizeof(KvmWaitItem), &waits) ||
	    !history_find_table(p->below, KVM_VCPUS_TABLE, sizeof(KvmVcpuItem), &vcpus))
		return;
	for (guint64 i = 0; i < history_table_len(p->below, waits) && !p->stopped; i++) {
		const KvmWaitItem *w = history_table_get(p->below, waits, i);

		if (w->enter_ns == G_MININT64 || w->vcpu >= m->n_vcpus || m->guests[w->vcpu] != p->guest)
			continue;
		guint32 row = ((const KvmVcpuItem *)history_table_get(p->below, vcpus, w->vcpu))->row;
		const Begun *b = first_from(all, (guint64)m->guest_cpus[w->vcpu], experiment_down(p->g, w->enter_ns) - p->g->bound_ns);
		if (b && experiment_up(p->g, b->begin) <= end_of_stay(p, row, w->enter_ns) + p->g->bound_ns)
			emit(p, "interrupt", TRUE, row, w->enter_ns, b->row, b->begin);
	}
}

/* ---- Disks ------------------------------------------------------------------------------------------------------------------------ */

static guint32 disk_row(const History *h, guint32 disk)
{
	guint table;

	return history_find_table(h, KERNEL_DISKS_TABLE, sizeof(KernelDiskItem), &table) && disk < history_table_len(h, table) ?
		       ((const KernelDiskItem *)history_table_get(h, table, disk))->row : HISTORY_NO_ROW;
}

/* A request's way down, and back up. */
static void disks(Pair *p)
{
	g_autoptr(GArray) pairs = layers_disk_pairs(p->layers, p->guest);
	guint above, below;

	if (!history_find_table(p->above, KERNEL_DISK_REQUESTS_TABLE, sizeof(KernelDiskRequest), &above) ||
	    !history_find_table(p->below, KERNEL_DISK_REQUESTS_TABLE, sizeof(KernelDiskRequest), &below))
		return;
	for (guint i = 0; i < pairs->len && !p->stopped; i++) {
		const LayersDiskPair *pair = &g_array_index(pairs, LayersDiskPair, i);
		const KernelDiskRequest *r = history_table_get(p->above, above, pair->above), *b = history_table_get(p->below, below, pair->below);

		emit(p, "disk-request", FALSE, disk_row(p->above, r->disk), r->issued_ns, disk_row(p->below, b->disk), kernel_disk_request_begin(b));
		emit(p, "disk-completion", TRUE, disk_row(p->below, b->disk), b->completed_ns, disk_row(p->above, r->disk), r->completed_ns);
	}
}

/* ---- Nested VMs -------------------------------------------------------------------------------------------------------------------- */

/* A guest's processor as its vCPU's row below has it, from where it was looked at last. */
typedef struct {
	HistoryWalk walk;
	HistoryInterval at;
	gboolean have;
	guint32 row;          /* HISTORY_NO_ROW: it has none */
	gint64 left;          /* when nested code stopped running last; G_MININT64: it didn't yet, or that has its edge */
} Stay;

static Stay *stays_new(const Pair *p, guint n)
{
	Stay *all = g_new0(Stay, n + 1);
	guint table;

	for (guint c = 0; c < n; c++) {
		guint32 item = c < p->g->vcpus->len ? g_array_index(p->g->vcpus, guint32, c) : EXPERIMENT_NONE;

		all[c].row = HISTORY_NO_ROW;
		all[c].left = G_MININT64;
		if (!history_find_table(p->below, KVM_VCPUS_TABLE, sizeof(KvmVcpuItem), &table) || item >= history_table_len(p->below, table))
			continue;
		all[c].row = ((const KvmVcpuItem *)history_table_get(p->below, table, item))->row;
		history_walk(&all[c].walk, p->below, all[c].row, G_MININT64, G_MAXINT64);
		all[c].have = history_walk_next(&all[c].walk, &all[c].at);
	}
	return all;
}

/* The hypervisor, itself a guest, was told of an exit at `time`: the level below saw it before. */
static void nested_exit(Pair *p, Stay *s, guint32 row, gint64 time)
{
	gint64 until = experiment_up(p->g, time) + p->g->bound_ns;

	for (; s->have && s->at.end_ns <= until; s->have = history_walk_next(&s->walk, &s->at))
		if (s->at.state == KVM_STATE_GUEST_L2)
			s->left = s->at.end_ns;
	if (s->left != G_MININT64)
		emit(p, "nested-exit", TRUE, s->row, s->left, row, time);
	s->left = G_MININT64;
}

/* It entered its guest at `time`, until `end`: the level below does so in its place. */
static void nested_entry(Pair *p, Stay *s, guint32 row, gint64 time, gint64 end)
{
	gint64 from = experiment_up(p->g, time) - p->g->bound_ns, until = experiment_up(p->g, end) + p->g->bound_ns;

	while (s->have && s->at.end_ns <= until && !(s->at.state == KVM_STATE_GUEST_L2 && s->at.begin_ns >= from))
		s->have = history_walk_next(&s->walk, &s->at);
	if (s->have && s->at.state == KVM_STATE_GUEST_L2 && s->at.begin_ns >= from && s->at.begin_ns <= until)
		emit(p, "nested-entry", FALSE, row, time, s->row, s->at.begin_ns);
}

static gint32 cpu_at(const LayersPieces *pieces, guint32 serial, gint64 time)
{
	guint64 i = layers_pieces_find(pieces, serial, time);

	return i < layers_pieces_end(pieces, serial) && pieces->all[i].begin <= time ? pieces->all[i].cpu : -1;
}

static void nested_vcpu(Pair *p, const KvmVcpuItem *vcpu)
{
	const LayersPieces *pieces = p->layers->machines[p->guest].pieces;
	g_autofree Stay *stays = stays_new(p, pieces->n_cpus);
	guint32 serial = layers_real_thread(p->above, vcpu->thread);
	gboolean inside = FALSE;
	HistoryWalk walk;
	HistoryInterval i;

	history_walk(&walk, p->above, vcpu->row, G_MININT64, G_MAXINT64);
	while (!p->stopped && history_walk_next(&walk, &i)) {
		gboolean enters = i.state == KVM_STATE_GUEST_L1, leaves = inside && i.state == KVM_STATE_EXIT;
		gint32 cpu = enters || leaves ? cpu_at(pieces, serial, i.begin_ns) : -1;

		inside = enters;
		if (cpu < 0 || (guint)cpu >= pieces->n_cpus || stays[cpu].row == HISTORY_NO_ROW)
			continue;
		if (enters)
			nested_entry(p, &stays[cpu], vcpu->row, i.begin_ns, i.end_ns);
		else
			nested_exit(p, &stays[cpu], vcpu->row, i.begin_ns);
	}
}

static void nested(Pair *p)
{
	guint table;

	if (!history_find_table(p->above, KVM_VCPUS_TABLE, sizeof(KvmVcpuItem), &table))
		return;
	for (guint64 i = 0; i < history_table_len(p->above, table) && !p->stopped; i++)
		nested_vcpu(p, history_table_get(p->above, table, i));
}

/* ---- All --------------------------------------------------------------------------------------------------------------------------- */

void layers_edges(const Layers *l, guint member, gboolean (*found)(gpointer user, const LayersEdge *edge), gpointer user)
{
	const ExperimentMember *g = experiment_member(l->experiment, member);
	Pair p = {.layers = l, .parent = g->parent, .guest = member, .g = g, .found = found, .user = user};

	if (g->parent == EXPERIMENT_NONE || g->l2 != EXPERIMENT_NONE || !g->clocks->len)
		return;
	p.below = experiment_member(l->experiment, g->parent)->history;
	p.above = g->history;
	interrupts(&p);
	disks(&p);
	nested(&p);
}
