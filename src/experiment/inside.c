/* SPDX-License-Identifier: MIT */
/*
 * inside.c: when a VM's vCPUs were not in the guest.
 *
 * Of what is unknown nothing is said: there is no gap. Where entries and exits were not recorded, the guest may run whenever the vCPU's thread does.
 */
#include "experiment/private.h"

#include "kvm/rows.h"

#define LONGEST_MAX 8192 /* gaps with which offsets are looked for */

#define BIT(state) (1u << (state))

static const guint32 inside_vcpu[] = {
	[EXPERIMENT_TARGET_VM] = BIT(KVM_STATE_UNKNOWN) | BIT(KVM_STATE_RUNNING) | BIT(KVM_STATE_GUEST_L1),
	[EXPERIMENT_TARGET_ANY] = BIT(KVM_STATE_UNKNOWN) | BIT(KVM_STATE_RUNNING) | BIT(KVM_STATE_GUEST_L1) | BIT(KVM_STATE_GUEST_L2),
};
static const guint32 inside_nested = BIT(KVM_L2_STATE_UNKNOWN) | BIT(KVM_L2_STATE_GUEST);

/* ---- Gaps ----------------------------------------------------------------------------------------------------------- */

guint experiment_gap_behind(const GArray *gaps, guint i, gint64 t)
{
	const ExperimentGap *g = (const ExperimentGap *)(gconstpointer)gaps->data;
	guint step = 1, n = gaps->len;

	if (i >= n || g[i].end > t)
		return i;
	while (step < n - i && g[i + step].end <= t) {
		i += step;
		step *= 2;
	}
	guint high = i + MIN(step, n - i);
	while (high - i > 1) {
		guint middle = i + (high - i) / 2;

		if (g[middle].end <= t)
			i = middle;
		else
			high = middle;
	}
	return high;
}

/* ---- Tracks -------------------------------------------------------------------------------------------------------- */

static void track_free(gpointer data)
{
	ExperimentTrack *t = data;

	g_array_unref(t->gaps);
	g_array_unref(t->longest);
	g_free(t);
}

static ExperimentTrack *track_new(guint32 item, gint32 id)
{
	ExperimentTrack *t = g_new0(ExperimentTrack, 1);

	t->item = item;
	t->id = id;
	t->begin = G_MAXINT64;
	t->end = G_MININT64;
	t->gaps = g_array_new(FALSE, FALSE, sizeof(ExperimentGap));
	t->longest = g_array_new(FALSE, FALSE, sizeof(ExperimentGap));
	return t;
}

/* The least length (of those that begin a class) that no more than `max` of the gaps have. */
static gint64 length_of_longest(const GArray *gaps, guint max)
{
	guint count[EXPERIMENT_CLASSES] = {0}, k = EXPERIMENT_CLASSES;

	for (guint i = 0; i < gaps->len; i++) {
		const ExperimentGap *g = &g_array_index(gaps, ExperimentGap, i);

		count[experiment_length_class(g->end - g->begin)]++;
	}
	for (guint n = 0; k > 0 && n + count[k - 1] <= max; k--)
		n += count[k - 1];
	return k == EXPERIMENT_CLASSES ? G_MAXINT64 : k ? experiment_class_length(k) : 0;
}

/* No more than `max` stay: the longest; if too many are of about the same length, evenly spread ones. */
static void keep_longest(GArray *gaps, guint max)
{
	gint64 length = length_of_longest(gaps, max);
	guint kept = 0, longest = 0, n = gaps->len;

	for (guint i = 0; i < n; i++)
		longest += g_array_index(gaps, ExperimentGap, i).end - g_array_index(gaps, ExperimentGap, i).begin >= length;
	guint step = longest ? 1 : n / max + 1;
	for (guint i = 0; i < n; i++) {
		ExperimentGap g = g_array_index(gaps, ExperimentGap, i);

		if (longest ? g.end - g.begin >= length : i % step == 0)
			g_array_index(gaps, ExperimentGap, kept++) = g;
	}
	g_array_set_size(gaps, kept);
}

static void add_gap(GArray *gaps, gint64 begin, gint64 end, guint max)
{
	ExperimentGap g = {begin + EXPERIMENT_WOBBLE_NS, end - EXPERIMENT_WOBBLE_NS};

	if (end - begin <= 2 * EXPERIMENT_WOBBLE_NS)
		return;
	g_array_append_val(gaps, g);
	if (gaps->len >= max)
		keep_longest(gaps, max / 2);
}

static void finish_track(ExperimentTrack *t)
{
	g_array_append_vals(t->longest, t->gaps->data, t->gaps->len);
	if (t->longest->len > LONGEST_MAX)
		keep_longest(t->longest, LONGEST_MAX);
}

/* A row's intervals outside of the states of `inside` become gaps. */
static void add_row(ExperimentTrack *t, GArray *gaps, const History *h, guint32 row, guint32 inside, guint max)
{
	HistoryWalk w;
	HistoryInterval v;
	gint64 since = G_MININT64; /* of the open gap */

	history_walk(&w, h, row, G_MININT64, G_MAXINT64);
	while (history_walk_next(&w, &v)) {
		gboolean is_inside = v.state < 32 && (inside >> v.state) & 1;

		if (v.state != 0) { /* unknown, in both kinds of rows */
			t->begin = MIN(t->begin, v.begin_ns);
			t->end = MAX(t->end, v.end_ns);
		}
		if (!is_inside && since == G_MININT64)
			since = v.begin_ns;
		if (is_inside && since != G_MININT64) {
			add_gap(gaps, since, v.begin_ns, max);
			since = G_MININT64;
		}
	}
	if (since != G_MININT64)
		add_gap(gaps, since, history_row_end(h, row), max);
}

/* ---- Nested VMs: gaps that all rows have ------------------------------------------------------------------------------- */

/* Both sorted; what is in both. Outside [begin, end) of its row each says nothing against: a gap before and behind. */
static GArray *common_gaps(const GArray *a, const GArray *b)
{
	GArray *both = g_array_new(FALSE, FALSE, sizeof(ExperimentGap));

	for (guint i = 0, k = 0; i < a->len && k < b->len;) {
		const ExperimentGap *x = &g_array_index(a, ExperimentGap, i), *y = &g_array_index(b, ExperimentGap, k);
		ExperimentGap g = {MAX(x->begin, y->begin), MIN(x->end, y->end)};

		if (g.begin < g.end)
			g_array_append_val(both, g);
		if (x->end < y->end)
			i++;
		else
			k++;
	}
	return both;
}

/* Gaps of a nested VM's row; before it was first seen there and after the last time it did not run there. */
static GArray *nested_gaps(ExperimentTrack *t, const History *h, guint32 row, gboolean outside, guint max)
{
	GArray *gaps = g_array_new(FALSE, FALSE, sizeof(ExperimentGap));

	if (outside)
		add_gap(gaps, history_begin(h), history_row_begin(h, row), max);
	add_row(t, gaps, h, row, inside_nested, max);
	if (outside)
		add_gap(gaps, history_row_end(h, row), history_end(h), max);
	return gaps;
}

/* One track for all of its vCPUs: which of the VM's vCPUs runs which is for the VM to say. */
static ExperimentTrack *nested_track(const History *h, const KvmL2Item *l2, guint table, guint max)
{
	ExperimentTrack *t = track_new(EXPERIMENT_NONE, 0);

	for (guint32 i = 0; i < l2->n_vcpus; i++) {
		const KvmL2VcpuItem *v = history_table_get(h, table, l2->first_vcpu + i);
		g_autoptr(GArray) more = nested_gaps(t, h, v->row, l2->n_vcpus > 1, max);
		GArray *all = i ? common_gaps(t->gaps, more) : g_array_ref(more);

		g_array_unref(t->gaps);
		t->gaps = all;
	}
	finish_track(t);
	return t;
}

/* ---- Targets -------------------------------------------------------------------------------------------------------- */

static void target_free(gpointer data)
{
	ExperimentTarget *t = data;

	g_ptr_array_unref(t->tracks);
	g_free(t);
}

static ExperimentTarget *target_new(ExperimentTargetKind kind, guint member, const History *h, guint32 vm, const KvmVmItem *item)
{
	ExperimentTarget *t = g_new0(ExperimentTarget, 1);

	t->kind = kind;
	t->member = member;
	t->vm = vm;
	t->l2 = EXPERIMENT_NONE;
	t->pid = item->pid;
	t->begin = history_begin(h);
	t->end = history_end(h);
	t->tracks = g_ptr_array_new_with_free_func(track_free);
	return t;
}

static void add_vm(GPtrArray *targets, ExperimentTargetKind kind, guint member, const History *h, guint32 vm, const KvmVmItem *item, guint max)
{
	guint table;

	if (!history_find_table(h, KVM_VCPUS_TABLE, sizeof(KvmVcpuItem), &table))
		return;
	ExperimentTarget *t = target_new(kind, member, h, vm, item);
	for (guint32 i = 0; i < item->n_vcpus; i++) {
		const KvmVcpuItem *v = history_table_get(h, table, item->first_vcpu + i);
		ExperimentTrack *track = track_new(item->first_vcpu + i, v->id);

		add_row(track, track->gaps, h, v->row, inside_vcpu[kind], max);
		finish_track(track);
		g_ptr_array_add(t->tracks, track);
	}
	g_ptr_array_add(targets, t);
}

static void add_nested(GPtrArray *targets, guint member, const History *h, guint32 vm, const KvmVmItem *item, guint max)
{
	guint l2s, vcpus;

	if (!history_find_table(h, KVM_L2S_TABLE, sizeof(KvmL2Item), &l2s) ||
	    !history_find_table(h, KVM_L2_VCPUS_TABLE, sizeof(KvmL2VcpuItem), &vcpus))
		return;
	for (guint32 i = 0; i < item->n_l2s; i++) {
		const KvmL2Item *l2 = history_table_get(h, l2s, item->first_l2 + i);
		ExperimentTarget *t = target_new(EXPERIMENT_TARGET_NESTED, member, h, vm, item);

		t->l2 = item->first_l2 + i;
		g_ptr_array_add(t->tracks, nested_track(h, l2, vcpus, max));
		g_ptr_array_add(targets, t);
	}
}

/* How many gaps a vCPU may have. */
static guint share_of_gaps(const History *h)
{
	guint64 n = 1;
	guint table;

	if (history_find_table(h, KVM_VCPUS_TABLE, sizeof(KvmVcpuItem), &table))
		n += history_table_len(h, table);
	if (history_find_table(h, KVM_L2_VCPUS_TABLE, sizeof(KvmL2VcpuItem), &table))
		n += history_table_len(h, table);
	return (guint)MAX(EXPERIMENT_GAPS_MAX / n, 64);
}

GPtrArray *experiment_targets(guint member, const History *h, gboolean any)
{
	GPtrArray *targets = g_ptr_array_new_with_free_func(target_free);
	guint vms;

	if (!experiment_is_span(history_begin(h), history_end(h)) || !history_find_table(h, KVM_VMS_TABLE, sizeof(KvmVmItem), &vms))
		return targets;
	guint max = share_of_gaps(h);
	for (guint32 i = 0; i < history_table_len(h, vms); i++) {
		const KvmVmItem *item = history_table_get(h, vms, i);

		if (any && item->n_l2s)
			add_vm(targets, EXPERIMENT_TARGET_ANY, member, h, i, item, max);
		if (any)
			continue;
		add_vm(targets, EXPERIMENT_TARGET_VM, member, h, i, item, max);
		add_nested(targets, member, h, i, item, max);
	}
	return targets;
}
