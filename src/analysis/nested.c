/* SPDX-License-Identifier: MIT */
/*
 * nested.c: a vCPU's row, its thread's and those of the nested VMs that it runs, put beside one another. In each piece that is cut so, everything does one thing, and the piece is of one part of each
 * account.
 */
#include "analysis/nested.h"

#include <string.h>

#include "analysis/overlay.h"

enum { ROW_VCPU, ROW_THREAD, ROW_L2S };

typedef struct {
	const History *h;
	GArray *l2s;             /* AnalysisNestedL2 */
	AnalysisNestedAccount *l1;
	AnalysisOverlay overlay;
	guint32 rows_of[2];      /* the vCPU's, its thread's */
	guint level;             /* of the guest that ran last */
	guint current;           /* which of l2s that was, if it is level 2; G_MAXUINT: not known */
	gboolean in_l1;          /* level 1 ran in the piece before */
	gboolean serving;        /* level 1 serves an exit of level 2 */
	gint64 begin_ns;
	GArray *usual_ns;        /* by nested VM: for how long its exits are usually served */
	GHashTable *by_user;     /* texts of reasons -> TRUE if a hypervisor's user part serves them, or may; as pointers, plus 1 */
} Nested;

/* ---- What was before ---------------------------------------------------------------------------------------------- */

static gboolean is_waiting_for_l1(guint state)
{
	return state == KVM_L2_STATE_REFLECTED || state == KVM_L2_STATE_AWAY;
}

/* Which level ran last before the range. */
static guint level_before(const History *h, guint32 row, gint64 time)
{
	HistoryInterval i;

	while (time > history_begin(h) && history_at(h, row, time - 1, &i)) {
		if (i.state == KVM_STATE_GUEST_L1 || i.state == KVM_STATE_GUEST_L2)
			return i.state == KVM_STATE_GUEST_L2 ? 2 : 1;
		time = i.begin_ns;
	}
	return 1;
}

/* The nested VM that ran last before the range, and whether level 1 serves its exit still. */
static void find_last(Nested *n, const guint32 *rows, guint count)
{
	gint64 ns[HISTORY_STATES_MAX] = {0}, last = G_MININT64;
	HistoryInterval i;

	for (guint k = 0; k < count; k++) {
		if (n->begin_ns <= history_row_begin(n->h, rows[k]) || !history_at(n->h, rows[k], n->begin_ns - 1, &i))
			continue;
		gint64 ran = i.state == KVM_L2_STATE_GUEST ? n->begin_ns : i.begin_ns;
		if (ran <= last || (i.state != KVM_L2_STATE_GUEST && ran <= history_row_begin(n->h, rows[k])))
			continue;
		last = ran;
		n->current = k;
		n->serving = is_waiting_for_l1(i.state);
	}
	if (!n->serving)
		return;
	history_sums(n->h, n->rows_of[ROW_VCPU], last, n->begin_ns, ns);
	n->serving = ns[KVM_STATE_HALTED] + ns[KVM_STATE_HALT_POLL] == 0;
}

/* ---- One piece ------------------------------------------------------------------------------------------------------ */

static const HistoryInterval *l2_at(const Nested *n, guint k)
{
	return analysis_overlay_at(&n->overlay, ROW_L2S + k);
}

static gboolean interrupted(const Nested *n, guint vcpu_state)
{
	guint state = analysis_overlay_at(&n->overlay, ROW_THREAD)->state;

	if (state != KERNEL_TS_IRQ && state != KERNEL_TS_SOFTIRQ)
		return FALSE;
	return vcpu_state == KVM_STATE_GUEST_L1 || vcpu_state == KVM_STATE_GUEST_L2 || vcpu_state == KVM_STATE_EXIT ||
	       vcpu_state == KVM_STATE_EMULATION || vcpu_state == KVM_STATE_RUNNING;
}

/* Who ran last, and whom level 1 serves, as of this piece. */
static void advance(Nested *n, guint vcpu_state)
{
	guint ran = n->current;

	if (vcpu_state == KVM_STATE_GUEST_L1)
		n->level = 1;
	if (vcpu_state == KVM_STATE_GUEST_L2) {
		n->level = 2;
		n->current = G_MAXUINT;
	}
	for (guint k = 0; k < n->l2s->len; k++) {
		const HistoryInterval *i = l2_at(n, k);

		if (i->state == KVM_L2_STATE_GUEST)
			n->current = k;
		else if (k == ran && i->begin_ns == n->overlay.begin_ns)
			n->serving = is_waiting_for_l1(i->state);
	}
	if (vcpu_state == KVM_STATE_HALTED || vcpu_state == KVM_STATE_HALT_POLL)
		n->serving = FALSE;
}

/* What is the same for both levels. */
static AnalysisNestedPart part_of_host(const Nested *n, guint vcpu_state)
{
	if (interrupted(n, vcpu_state))
		return ANALYSIS_NESTED_IRQ;
	if (analysis_steal_is_wait(vcpu_state))
		return ANALYSIS_NESTED_TAKEN;
	switch (vcpu_state) {
	case KVM_STATE_EXIT:
	case KVM_STATE_EMULATION:
		return n->level == 2 ? ANALYSIS_NESTED_L0_L2 : ANALYSIS_NESTED_L0_L1;
	case KVM_STATE_BLOCKED:
		return ANALYSIS_NESTED_BLOCKED;
	case KVM_STATE_HALTED:
	case KVM_STATE_HALT_POLL:
		return ANALYSIS_NESTED_HALTED;
	default:
		return ANALYSIS_NESTED_UNKNOWN;
	}
}

static AnalysisNestedPart part_of_l1(const Nested *n, guint vcpu_state)
{
	if (interrupted(n, vcpu_state))
		return ANALYSIS_NESTED_IRQ;
	if (vcpu_state == KVM_STATE_GUEST_L2)
		return ANALYSIS_NESTED_L2;
	if (vcpu_state == KVM_STATE_GUEST_L1)
		return n->serving ? ANALYSIS_NESTED_SERVING : ANALYSIS_NESTED_OWN;
	return vcpu_state == KVM_STATE_RUNNING ? ANALYSIS_NESTED_OWN : part_of_host(n, vcpu_state);
}

static gboolean find_by_user(const char *reason)
{
	for (KvmIsa isa = KVM_ISA_VMX; isa <= KVM_ISA_SVM; isa++) {
		gsize count;
		const KvmReason *all = kvm_reasons(isa, &count);

		for (gsize i = 0; i < count; i++)
			if (strcmp(all[i].name, reason) == 0)
				return all[i].klass == KVM_CLASS_IO || all[i].klass == KVM_CLASS_MEMORY || all[i].klass == KVM_CLASS_HYPERCALL ||
				       all[i].klass == KVM_CLASS_OTHER || all[i].klass == KVM_CLASS_FAILURE;
	}
	return TRUE;
}

/* Exits for this reason may be served by a hypervisor's user part, which is another reason to leave the vCPU alone for a while. */
static gboolean by_user(const Nested *n, guint32 reason)
{
	gpointer key = GUINT_TO_POINTER(reason), known = g_hash_table_lookup(n->by_user, key);

	if (!known) {
		known = GUINT_TO_POINTER(find_by_user(history_text_get(n->h, reason)) + 1u);
		g_hash_table_insert(n->by_user, key, known);
	}
	return GPOINTER_TO_UINT(known) == 2;
}

/* What happens is for another nested VM: it ran last, and its exit is handled by the host or served by level 1. */
static gboolean is_for_another(const Nested *n, guint k)
{
	return n->current != k && (n->level == 2 || n->serving);
}

/* After its exit level 1 left it alone, for what its hypervisor's kernel part serves by itself; so long after the exit it does something else. */
static gboolean does_else(const Nested *n, guint k, const HistoryInterval *i)
{
	return i->state == KVM_L2_STATE_AWAY && !by_user(n, i->detail) && n->overlay.begin_ns >= i->begin_ns + g_array_index(n->usual_ns, gint64, k);
}

/* Its exit was given to level 1, and it hasn't been entered again. */
static AnalysisNestedPart part_while_away(const Nested *n, guint k, const HistoryInterval *i, guint vcpu_state)
{
	if (interrupted(n, vcpu_state))
		return ANALYSIS_NESTED_IRQ;
	switch (vcpu_state) {
	case KVM_STATE_GUEST_L2:
		return ANALYSIS_NESTED_OTHER_L2;
	case KVM_STATE_GUEST_L1:
	case KVM_STATE_EXIT:
	case KVM_STATE_EMULATION:
		if (is_for_another(n, k))
			return ANALYSIS_NESTED_OTHER_L2;
		if (does_else(n, k, i))
			return ANALYSIS_NESTED_ELSE;
		return vcpu_state == KVM_STATE_GUEST_L1 ? ANALYSIS_NESTED_SERVING : part_of_host(n, vcpu_state);
	case KVM_STATE_HALTED:
	case KVM_STATE_HALT_POLL:
		return ANALYSIS_NESTED_L1_IDLE;
	default:
		return part_of_host(n, vcpu_state);
	}
}

static AnalysisNestedPart part_of_l2(const Nested *n, guint k, const HistoryInterval *i, guint vcpu_state)
{
	switch (i->state) {
	case KVM_L2_STATE_GUEST:
		return interrupted(n, vcpu_state) ? ANALYSIS_NESTED_IRQ : ANALYSIS_NESTED_OWN;
	case KVM_L2_STATE_EXIT:
		return part_of_host(n, vcpu_state);
	case KVM_L2_STATE_REFLECTED:
	case KVM_L2_STATE_AWAY:
		return part_while_away(n, k, i, vcpu_state);
	case KVM_L2_STATE_HALTED:
		return ANALYSIS_NESTED_HALTED;
	default:
		return ANALYSIS_NESTED_UNKNOWN;
	}
}

/* Level 1 has just exited, and what it does is for this nested VM, as far as that isn't for another one that ran later. */
static gboolean exits_for(const Nested *n, guint k, const HistoryInterval *i, guint vcpu_state)
{
	return n->in_l1 && vcpu_state != KVM_STATE_GUEST_L1 && vcpu_state != KVM_STATE_GUEST_L2 && n->current == k && is_waiting_for_l1(i->state);
}

static void count_exit(Nested *n, AnalysisNestedAccount *a, const HistoryInterval *i)
{
	if (i->begin_ns < n->begin_ns || i->begin_ns != n->overlay.begin_ns || i->state == KVM_L2_STATE_GUEST || i->state == KVM_L2_STATE_UNKNOWN)
		return;
	a->exits++;
	a->reflected += i->state != KVM_L2_STATE_EXIT;
	a->away += i->state == KVM_L2_STATE_AWAY;
	a->halts += i->state == KVM_L2_STATE_HALTED;
}

static void add(AnalysisNestedAccount *a, AnalysisNestedPart part, gint64 ns)
{
	a->ns[part] += ns;
	a->range_ns += ns;
}

/* Where within the piece level 1 begins to do something else; its end: nowhere. */
static gint64 first_else(const Nested *n)
{
	gint64 first = n->overlay.end_ns;

	for (guint k = 0; k < n->l2s->len; k++) {
		const HistoryInterval *i = l2_at(n, k);
		gint64 at = i->begin_ns + g_array_index(n->usual_ns, gint64, k);

		if (i->state == KVM_L2_STATE_AWAY && at > n->overlay.begin_ns)
			first = MIN(first, at);
	}
	return first;
}

static void add_piece(Nested *n, gint64 ns)
{
	guint state = analysis_overlay_at(&n->overlay, ROW_VCPU)->state;

	if (state == ANALYSIS_NO_STATE)
		return;
	advance(n, state);
	add(n->l1, part_of_l1(n, state), ns);
	for (guint k = 0; k < n->l2s->len; k++) {
		AnalysisNestedAccount *a = &g_array_index(n->l2s, AnalysisNestedL2, k).account;
		const HistoryInterval *i = l2_at(n, k);

		if (i->state == ANALYSIS_NO_STATE)
			continue;
		count_exit(n, a, i);
		a->l1_exits += exits_for(n, k, i, state);
		add(a, part_of_l2(n, k, i, state), ns);
	}
	n->in_l1 = state == KVM_STATE_GUEST_L1;
}

/* The piece, cut again where what level 1 does in it counts as something else. */
static void add_pieces(Nested *n)
{
	gint64 end = n->overlay.end_ns;

	while (n->overlay.begin_ns < end) {
		gint64 cut = first_else(n);

		add_piece(n, cut - n->overlay.begin_ns);
		n->overlay.begin_ns = cut;
	}
}

/* ---- All ------------------------------------------------------------------------------------------------------------ */

/* Rows of the nested VMs on a vCPU, and places for their accounts. */
static void find_l2s(const History *h, guint32 vcpu, GArray *rows, GArray *l2s)
{
	guint table;

	g_array_set_size(l2s, 0);
	if (!history_find_table(h, KVM_L2_VCPUS_TABLE, sizeof(KvmL2VcpuItem), &table))
		return;
	for (guint64 i = 0; i < history_table_len(h, table); i++) {
		const KvmL2VcpuItem *item = history_table_get(h, table, i);
		AnalysisNestedL2 l2 = {.item = (guint32)i};

		if (item->vcpu != vcpu || item->row == KVM_NO_ROW)
			continue;
		g_array_append_val(rows, item->row);
		g_array_append_val(l2s, l2);
	}
}

#define USUAL_TIMES 2 /* the mean: exits for interrupts take longer than others */

/* For how long a nested VM's exits are usually served, over all of its life: from an exit that level 1 did not leave its vCPU alone after to the next entry. */
static void find_usual(Nested *n, const guint32 *rows)
{
	for (guint k = 0; k < n->l2s->len; k++) {
		gint64 ns[HISTORY_STATES_MAX] = {0}, exits = (gint64)(history_row_intervals(n->h, rows[k]) / 2);

		history_sums(n->h, rows[k], history_begin(n->h), history_end(n->h), ns);
		gint64 usual = exits ? USUAL_TIMES * (ns[KVM_L2_STATE_REFLECTED] / exits) : 0;
		g_array_append_val(n->usual_ns, usual);
	}
}

void analysis_nested_account(const History *h, const AnalysisSteal *s, guint32 vcpu, gint64 begin_ns, gint64 end_ns, AnalysisNestedAccount *out,
			     GArray *l2s_out)
{
	g_autoptr(GArray) rows = g_array_new(FALSE, FALSE, sizeof(guint32));
	guint32 first[2] = {analysis_steal_vcpu(s, vcpu)->row, analysis_steal_thread_row(s, vcpu)};
	Nested n = {.h = h, .l2s = l2s_out, .l1 = out, .rows_of = {first[0], first[1]}, .current = G_MAXUINT, .begin_ns = begin_ns};

	*out = (AnalysisNestedAccount){0};
	g_array_append_vals(rows, first, 2);
	find_l2s(h, vcpu, rows, l2s_out);
	if (first[ROW_VCPU] == KVM_NO_ROW || begin_ns >= end_ns)
		return;
	const guint32 *all = (const guint32 *)(gpointer)rows->data;
	HistoryInterval before;
	n.in_l1 = begin_ns > history_begin(h) && history_at(h, first[ROW_VCPU], begin_ns - 1, &before) && before.state == KVM_STATE_GUEST_L1;
	n.level = level_before(h, first[ROW_VCPU], begin_ns);
	find_last(&n, all + ROW_L2S, l2s_out->len);
	g_autoptr(GArray) usual = g_array_new(FALSE, FALSE, sizeof(gint64));
	n.usual_ns = usual;
	find_usual(&n, all + ROW_L2S);
	n.by_user = g_hash_table_new(NULL, NULL);
	analysis_overlay_init(&n.overlay, h, all, rows->len, begin_ns, end_ns);
	while (analysis_overlay_next(&n.overlay))
		add_pieces(&n);
	analysis_overlay_clear(&n.overlay);
	g_hash_table_unref(n.by_user);
}

void analysis_nested_account_add(AnalysisNestedAccount *to, const AnalysisNestedAccount *from)
{
	for (guint p = 0; p < ANALYSIS_NESTED_COUNT; p++)
		to->ns[p] += from->ns[p];
	to->range_ns += from->range_ns;
	to->exits += from->exits;
	to->reflected += from->reflected;
	to->away += from->away;
	to->halts += from->halts;
	to->l1_exits += from->l1_exits;
}

gint64 analysis_nested_wanted_ns(const AnalysisNestedAccount *a)
{
	return a->range_ns - a->ns[ANALYSIS_NESTED_HALTED] - a->ns[ANALYSIS_NESTED_UNKNOWN];
}

gint64 analysis_nested_starved_l0_ns(const AnalysisNestedAccount *a)
{
	return a->ns[ANALYSIS_NESTED_TAKEN] + a->ns[ANALYSIS_NESTED_IRQ] + a->ns[ANALYSIS_NESTED_BLOCKED];
}

gint64 analysis_nested_starved_l1_ns(const AnalysisNestedAccount *a)
{
	return a->ns[ANALYSIS_NESTED_OTHER_L2] + a->ns[ANALYSIS_NESTED_ELSE];
}
