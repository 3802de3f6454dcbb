/* SPDX-License-Identifier: MIT */
/* VMs in VMs: the time of vCPUs and of the nested VMs that they run, by level, and which level kept nested VMs from running. */
#include <string.h>

#include "analysis/commands.h"
#include "analysis/nested.h"
#include "analysis/times.h"

enum { MACHINE, NAME, VM, VCPU, L2, LEVEL, TIME, WANTED, PARTS, STARVED_L0 = PARTS + ANALYSIS_NESTED_COUNT, STARVED_L1, SHARE, BY, EXITS, REFLECTED, AWAY, MULTIPLICATION, COLUMNS };

static const char *const part_names[] = {
#define ANALYSIS_P(id, name, level, of_l1, of_l2) (name),
	ANALYSIS_NESTED_PARTS(ANALYSIS_P)
#undef ANALYSIS_P
};

/* For people. */
static const char *const part_titles[ANALYSIS_NESTED_COUNT] = {
	[ANALYSIS_NESTED_OWN] = "OWN",     [ANALYSIS_NESTED_L2] = "NESTED",          [ANALYSIS_NESTED_OTHER_L2] = "OTHER L2",
	[ANALYSIS_NESTED_SERVING] = "SERVED", [ANALYSIS_NESTED_ELSE] = "L1 ELSE",       [ANALYSIS_NESTED_L0_L1] = "L0/L1",
	[ANALYSIS_NESTED_L0_L2] = "L0/L2",   [ANALYSIS_NESTED_IRQ] = "IRQS",           [ANALYSIS_NESTED_TAKEN] = "L0 TOOK",
	[ANALYSIS_NESTED_BLOCKED] = "BLOCKED",   [ANALYSIS_NESTED_L1_IDLE] = "L1 IDLE",    [ANALYSIS_NESTED_HALTED] = "HALTED",
	[ANALYSIS_NESTED_UNKNOWN] = "UNKNOWN",
};

/* A vCPU, or all of a VM's, with what it runs. */
typedef struct {
	guint32 victim;  /* item of "vcpus" or "vms" */
	AnalysisNestedAccount account;
	GArray *l2s;     /* AnalysisNestedL2; `item` is that of "l2-vcpus" or "l2s" */
} Sum;

typedef struct {
	View *view;
	const AnalysisQuery *query;
	gboolean by_vm;
	guint first; /* column */
	const AnalysisStoreTrace *trace;
	const AnalysisFilter *filter;
	const AnalysisSteal *steal;
	gint64 begin_ns, end_ns;
	gboolean some[COLUMNS];
} Table;

/* ---- Columns ---------------------------------------------------------------------------------------------------------- */

static guint add_column(const Table *t, const char *name, const char *title, ViewUnit unit, gboolean in_text)
{
	guint column = view_add_column(t->view, name, title, unit);

	if (!in_text)
		view_hide_from_text(t->view, column);
	return column;
}

static void make_view(Table *t, const AnalysisStore *store)
{
	gboolean series = t->query->form == ANALYSIS_SERIES;

	t->view = view_new(series ? "nested-series" : "nested", series ? "Nested VMs, over time" : "Nested VMs");
	analysis_add_time_column(t->view, t->query);
	t->first = add_column(t, "machine", "MACHINE", VIEW_TEXT, store->traces->len > 1);
	view_set_tree_column(t->view, add_column(t, "name", "NAME", VIEW_TEXT, TRUE));
	add_column(t, "vm_pid", "VM", VIEW_ID, FALSE);
	add_column(t, "vcpu", "VCPU", VIEW_ID, FALSE);
	add_column(t, "l2", "L2", VIEW_ID, FALSE);
	add_column(t, "level", "LEVEL", VIEW_TEXT, FALSE);
	add_column(t, "life_ns", "TIME", VIEW_NS, FALSE);
	add_column(t, "wanted_ns", "WANTED", VIEW_NS, TRUE);
	for (guint p = 0; p < ANALYSIS_NESTED_COUNT; p++)
		add_column(t, part_names[p], part_titles[p], VIEW_NS, p <= ANALYSIS_NESTED_TAKEN && p != ANALYSIS_NESTED_IRQ);
	add_column(t, "starved_l0_ns", "BY L0", VIEW_NS, FALSE);
	add_column(t, "starved_l1_ns", "BY L1", VIEW_NS, FALSE);
	add_column(t, "starved_share", "STARVED", VIEW_RATIO, TRUE);
	add_column(t, "starved_by", "MOSTLY BY", VIEW_TEXT, TRUE);
	add_column(t, "exits", "EXITS", VIEW_COUNT, FALSE);
	add_column(t, "reflected", "TO L1", VIEW_COUNT, FALSE);
	add_column(t, "away", "AWAY", VIEW_COUNT, FALSE);
	add_column(t, "multiplication", "EXITS/EXIT", VIEW_NUMBER, TRUE);
	view_set_empty_text(t->view, "No VM ran nested VMs, as far as these traces tell.");
}

static void hide_columns(const Table *t)
{
	for (guint c = TIME; c < COLUMNS; c++)
		if (!t->some[c] && c < STARVED_L0)
			view_hide_from_text(t->view, t->first + c);
}

/* ---- Rows --------------------------------------------------------------------------------------------------------------- */

static void set_ns(Table *t, guint column, gint64 ns)
{
	view_set_int(t->view, t->first + column, ns);
	t->some[column] |= ns != 0;
}

/* Whether a part is one of this level's accounts. */
static gboolean has_part(guint part, gboolean nested)
{
	static const struct {
		const char *of_l1, *of_l2;
	} means[] = {
#define ANALYSIS_P(id, name, level, of_l1, of_l2) {of_l1, of_l2},
		ANALYSIS_NESTED_PARTS(ANALYSIS_P)
#undef ANALYSIS_P
	};

	return nested ? means[part].of_l2 != NULL : means[part].of_l1 != NULL;
}

static const char *starved_by(const AnalysisNestedAccount *a)
{
	gint64 l0 = analysis_nested_starved_l0_ns(a), others = a->ns[ANALYSIS_NESTED_OTHER_L2], something = a->ns[ANALYSIS_NESTED_ELSE];

	if (!l0 && !others && !something)
		return NULL;
	if (l0 > others + something)
		return "L0";
	return others > something ? "L1: other L2" : "L1: itself";
}

static void set_account(Table *t, const AnalysisNestedAccount *a, gboolean nested)
{
	gint64 wanted = analysis_nested_wanted_ns(a);

	set_ns(t, TIME, a->range_ns);
	set_ns(t, WANTED, wanted);
	for (guint p = 0; p < ANALYSIS_NESTED_COUNT; p++)
		if (has_part(p, nested))
			set_ns(t, PARTS + p, a->ns[p]);
	view_set_int(t->view, t->first + STARVED_L0, analysis_nested_starved_l0_ns(a));
	if (!nested)
		return;
	view_set_int(t->view, t->first + STARVED_L1, analysis_nested_starved_l1_ns(a));
	if (wanted > 0)
		view_set_double(t->view, t->first + SHARE,
				(double)(analysis_nested_starved_l0_ns(a) + analysis_nested_starved_l1_ns(a)) / (double)wanted);
	view_set_text(t->view, t->first + BY, starved_by(a));
	view_set_uint(t->view, t->first + EXITS, a->exits);
	view_set_uint(t->view, t->first + REFLECTED, a->reflected);
	view_set_uint(t->view, t->first + AWAY, a->away);
	if (a->reflected > a->halts)
		view_set_double(t->view, t->first + MULTIPLICATION, 1 + (double)a->l1_exits / (double)(a->reflected - a->halts));
}

static gint begin_row(const Table *t, guint level, gint parent)
{
	gint row = view_begin_row(t->view);

	if (t->query->form == ANALYSIS_SERIES)
		analysis_set_time(t->view, 0, t->trace, t->begin_ns);
	view_set_text(t->view, t->first + MACHINE, t->trace->name);
	if (t->trace->level >= 0)
		view_set_textf(t->view, t->first + LEVEL, "L%u", (guint)t->trace->level + level);
	view_row_parent(t->view, parent);
	return row;
}

/* Which nested VM an item is of: its number K. */
static guint32 l2_index(const Table *t, guint32 item)
{
	const History *h = t->trace->history;
	guint table;

	if (!t->by_vm && history_find_table(h, KVM_L2_VCPUS_TABLE, sizeof(KvmL2VcpuItem), &table))
		item = ((const KvmL2VcpuItem *)history_table_get(h, table, item))->l2;
	return history_find_table(h, KVM_L2S_TABLE, sizeof(KvmL2Item), &table) ? ((const KvmL2Item *)history_table_get(h, table, item))->index : 0;
}

static void add_rows(Table *t, const Sum *sum)
{
	const KvmVcpuItem *v = t->by_vm ? NULL : analysis_steal_vcpu(t->steal, sum->victim);
	gint32 pid = analysis_steal_vm(t->steal, v ? v->vm : sum->victim)->pid;
	gint parent = begin_row(t, 1, -1);

	view_set_int(t->view, t->first + VM, pid);
	if (v)
		view_set_int(t->view, t->first + VCPU, v->id);
	if (v)
		view_set_textf(t->view, t->first + NAME, "VM %d vCPU %d", pid, v->id);
	else
		view_set_textf(t->view, t->first + NAME, "VM %d", pid);
	set_account(t, &sum->account, FALSE);
	for (guint i = 0; i < sum->l2s->len; i++) {
		const AnalysisNestedL2 *l2 = &g_array_index(sum->l2s, AnalysisNestedL2, i);
		guint32 index = l2_index(t, l2->item);

		if (!l2->account.range_ns)
			continue;
		begin_row(t, 2, parent);
		view_set_int(t->view, t->first + VM, pid);
		if (v)
			view_set_int(t->view, t->first + VCPU, v->id);
		view_set_uint(t->view, t->first + L2, index);
		view_set_textf(t->view, t->first + NAME, "nested VM %u", index);
		set_account(t, &l2->account, TRUE);
	}
}

/* ---- vCPUs and VMs ------------------------------------------------------------------------------------------------------ */

/* Does the VM run others? */
static gboolean has_l2s(const Table *t, guint32 vcpu)
{
	return analysis_steal_vm(t->steal, analysis_steal_vcpu(t->steal, vcpu)->vm)->n_l2s > 0;
}

/* What vCPUs do for a nested VM is one row of the VM's. */
static void merge_l2s(const Table *t, Sum *sum, const GArray *l2s)
{
	guint table;

	if (!history_find_table(t->trace->history, KVM_L2_VCPUS_TABLE, sizeof(KvmL2VcpuItem), &table))
		return;
	for (guint i = 0; i < l2s->len; i++) {
		AnalysisNestedL2 l2 = g_array_index(l2s, AnalysisNestedL2, i);
		guint k = 0;

		l2.item = ((const KvmL2VcpuItem *)history_table_get(t->trace->history, table, l2.item))->l2;
		while (k < sum->l2s->len && g_array_index(sum->l2s, AnalysisNestedL2, k).item != l2.item)
			k++;
		if (k == sum->l2s->len)
			g_array_append_val(sum->l2s, l2);
		else
			analysis_nested_account_add(&g_array_index(sum->l2s, AnalysisNestedL2, k).account, &l2.account);
	}
}

static gboolean is_wanted(const Table *t, guint32 vcpu)
{
	return has_l2s(t, vcpu) && analysis_filter_thread(t->filter, analysis_steal_vcpu(t->steal, vcpu)->thread);
}

static void add_vcpu(Table *t, guint32 vcpu)
{
	Sum sum = {.victim = vcpu, .l2s = g_array_new(FALSE, FALSE, sizeof(AnalysisNestedL2))};

	analysis_nested_account(t->trace->history, t->steal, vcpu, t->begin_ns, t->end_ns, &sum.account, sum.l2s);
	add_rows(t, &sum);
	g_array_unref(sum.l2s);
}

static void add_vm(Table *t, guint32 first)
{
	Sum sum = {.victim = analysis_steal_vcpu(t->steal, first)->vm, .l2s = g_array_new(FALSE, FALSE, sizeof(AnalysisNestedL2))};
	GArray *l2s = g_array_new(FALSE, FALSE, sizeof(AnalysisNestedL2));

	for (guint32 i = first; i < analysis_steal_n_vcpus(t->steal) && analysis_steal_vcpu(t->steal, i)->vm == sum.victim; i++) {
		AnalysisNestedAccount account;

		if (!is_wanted(t, i))
			continue;
		analysis_nested_account(t->trace->history, t->steal, i, t->begin_ns, t->end_ns, &account, l2s);
		analysis_nested_account_add(&sum.account, &account);
		merge_l2s(t, &sum, l2s);
	}
	if (sum.account.range_ns)
		add_rows(t, &sum);
	g_array_unref(sum.l2s);
	g_array_unref(l2s);
}

static void add_step(Table *t)
{
	guint32 last = G_MAXUINT32;

	for (guint32 i = 0; i < analysis_steal_n_vcpus(t->steal); i++) {
		guint32 vm = analysis_steal_vcpu(t->steal, i)->vm;

		if (t->by_vm && vm != last && has_l2s(t, i))
			add_vm(t, i);
		else if (!t->by_vm && is_wanted(t, i))
			add_vcpu(t, i);
		last = vm;
	}
}

static void add_trace(Table *t)
{
	g_autoptr(AnalysisSteal) steal = analysis_steal_new(t->trace->history);
	gint64 end = MIN(analysis_filter_end(t->filter), history_end(t->trace->history));
	gint64 step = t->query->form == ANALYSIS_SERIES ? MAX(t->query->every_ns, 1) : G_MAXINT64;

	if (!steal)
		return;
	t->steal = steal;
	for (t->begin_ns = analysis_filter_begin(t->filter); t->begin_ns < end; t->begin_ns = t->end_ns) {
		t->end_ns = step < end - t->begin_ns ? t->begin_ns + step : end;
		add_step(t);
	}
}

/* ---- The command -------------------------------------------------------------------------------------------------------- */

static gboolean parse_by(const char *by, gboolean *by_vm, GError **error)
{
	*by_vm = by && strcmp(by, "vm") == 0;
	if (!by || *by_vm || strcmp(by, "vcpu") == 0)
		return TRUE;
	g_set_error(error, ST_ERROR, ST_ERROR_USAGE, "--by takes vcpu or vm; got \"%s\"", by);
	return FALSE;
}

View *analysis_nested(const AnalysisStore *s, const AnalysisQuery *q, GError **error)
{
	Table t = {.query = q};

	if (!parse_by(q->by, &t.by_vm, error) || !analysis_check_steps(s, q, error))
		return NULL;
	make_view(&t, s);
	for (guint i = 0; i < s->traces->len; i++) {
		t.trace = g_ptr_array_index(s->traces, i);
		g_autoptr(AnalysisFilter) f = t.trace->is_kernel ? analysis_filter_new(q, t.trace) : NULL;

		t.filter = f;
		if (f)
			add_trace(&t);
	}
	hide_columns(&t);
	if (q->form == ANALYSIS_SERIES)
		view_sort(t.view, 0, FALSE);
	if (view_row_count(t.view))
		view_add_note(t.view, "Own: its own code. Served: L1 served exits of nested VMs. L0/L1, L0/L2: L0 handled exits of L1, of L2. Starved: wanted to run, but L0 (interrupts, a processor taken from L1's vCPU, sleep in the host) or L1 (another nested VM, or something else before it came back "
				      "to this one) did not let it. That a nested VM was woken while it was halted, only L1's own trace tells.");
	return t.view;
}
