/* SPDX-License-Identifier: MIT */
/* What was taken from each vCPU, by whom, and what its guest can't see of it. */
#include <string.h>

#include "analysis/commands.h"
#include "analysis/idle.h"
#include "analysis/steal_sums.h"
#include "analysis/times.h"

static const char *const by_names[STEAL_BY_COUNT] = {
	[STEAL_BY_PAIR] = "all", [STEAL_BY_VCPU] = "vcpu", [STEAL_BY_VM] = "vm", [STEAL_BY_CULPRIT] = "culprit", [STEAL_BY_KIND] = "kind"};

enum { MACHINE, NAME, VM, VCPU, VCPU_TID, KIND, CULPRIT, TID, PID, DEMAND, STEAL, SHARE, PREEMPTED, WAITED, THROTTLED, WOKEN, IN_VAIN, INTERRUPTS, HIDDEN, EXIT, EMULATION,
       BLOCKED, GUEST, HALTED, UNKNOWN, DIST };

typedef struct {
	View *view;
	const AnalysisQuery *query;
	StealBy by;
	guint first; /* column */
	const AnalysisStoreTrace *trace;
	const AnalysisSteal *steal;
	gboolean some[DIST]; /* columns of which some row is not 0 */
} Table;

static gboolean parse_by(const char *text, StealBy *by, GError **error)
{
	*by = STEAL_BY_ALL;
	if (!text)
		return TRUE;
	for (guint i = STEAL_BY_PAIR; i < STEAL_BY_COUNT; i++)
		if (strcmp(text, by_names[i]) == 0) {
			*by = (StealBy)i;
			return TRUE;
		}
	g_set_error(error, ST_ERROR, ST_ERROR_USAGE, "--by takes vcpu, vm, culprit, kind or all; got \"%s\"", text);
	return FALSE;
}

/* ---- Columns ---------------------------------------------------------------------------------------------------------- */

static const struct {
	const char *name, *title;
	ViewUnit unit;
	gboolean in_text;
} columns[DIST] = {
	[MACHINE] = {"machine", "MACHINE", VIEW_TEXT, TRUE},
	[NAME] = {"name", "NAME", VIEW_TEXT, TRUE},
	[VM] = {"vm_pid", "VM", VIEW_ID, FALSE},
	[VCPU] = {"vcpu", "VCPU", VIEW_ID, FALSE},
	[VCPU_TID] = {"tid", "TID", VIEW_ID, FALSE},
	[KIND] = {"by_kind", "KIND", VIEW_TEXT, TRUE},
	[CULPRIT] = {"by", "BY", VIEW_TEXT, FALSE},
	[TID] = {"by_tid", "BY TID", VIEW_ID, FALSE},
	[PID] = {"by_pid", "BY PID", VIEW_ID, FALSE},
	[DEMAND] = {"demand_ns", "WANTED", VIEW_NS, TRUE},
	[STEAL] = {"steal_ns", "STEAL", VIEW_NS, TRUE},
	[SHARE] = {"steal_share", "SHARE", VIEW_RATIO, TRUE},
	[PREEMPTED] = {"preempted_ns", "PREEMPTED", VIEW_NS, TRUE},
	[WAITED] = {"wait_cpu_ns", "WAITED", VIEW_NS, TRUE},
	[THROTTLED] = {"throttled_ns", "THROTTLED", VIEW_NS, TRUE},
	[WOKEN] = {"woken_ns", "WOKEN", VIEW_NS, FALSE},
	[IN_VAIN] = {"in_vain_ns", "IN VAIN", VIEW_NS, TRUE},
	[INTERRUPTS] = {"interrupts_ns", "IRQS", VIEW_NS, TRUE},
	[HIDDEN] = {"hidden_ns", "HIDDEN", VIEW_NS, TRUE},
	[EXIT] = {"exit_ns", "EXITS", VIEW_NS, FALSE},
	[EMULATION] = {"emulation_ns", "EMULATION", VIEW_NS, FALSE},
	[BLOCKED] = {"blocked_ns", "BLOCKED", VIEW_NS, FALSE},
	[GUEST] = {"guest_ns", "GUEST", VIEW_NS, FALSE},
	[HALTED] = {"halted_ns", "HALTED", VIEW_NS, FALSE},
	[UNKNOWN] = {"unknown_ns", "UNKNOWN", VIEW_NS, FALSE},
};

static void hide(View *v, const char *name)
{
	guint column;

	if (view_find_column(v, name, &column))
		view_hide_from_text(v, column);
}

static View *table_new(const AnalysisStore *store, const AnalysisQuery *q, guint *first)
{
	static const char *const hidden[] = {"total_ns", "min_ns", "mean_ns", "p50_ns", "p90_ns"};
	gboolean series = q->form == ANALYSIS_SERIES;
	View *v = view_new(series ? "steal-series" : "steal", series ? "Time taken from vCPUs, over time" : "Time taken from vCPUs");

	analysis_add_time_column(v, q);
	*first = series;
	for (guint c = 0; c < DIST; c++) {
		guint column = view_add_column(v, columns[c].name, columns[c].title, columns[c].unit);

		if (!columns[c].in_text || (c == MACHINE && store->traces->len == 1))
			view_hide_from_text(v, column);
		if (c == NAME)
			view_set_tree_column(v, column);
	}
	analysis_add_dist_columns(v, q);
	for (guint i = 0; i < G_N_ELEMENTS(hidden); i++)
		hide(v, hidden[i]);
	view_set_empty_text(v, "No vCPU was seen.");
	return v;
}

/* Columns that tell people nothing. */
static void hide_columns(const Table *t)
{
	static const guint8 rare[] = {THROTTLED, IN_VAIN};

	for (guint i = 0; i < G_N_ELEMENTS(rare); i++)
		if (!t->some[rare[i]])
			view_hide_from_text(t->view, t->first + rare[i]);
	if (t->by == STEAL_BY_VCPU || t->by == STEAL_BY_VM)
		view_hide_from_text(t->view, t->first + KIND);
	if (t->by == STEAL_BY_CULPRIT || t->by == STEAL_BY_KIND) {
		view_hide_from_text(t->view, t->first + DEMAND);
		view_hide_from_text(t->view, t->first + HIDDEN);
	}
	if (t->by == STEAL_BY_KIND)
		view_hide_from_text(t->view, t->first + KIND);
}

/* ---- Rows --------------------------------------------------------------------------------------------------------------- */

static void set_ns(Table *t, guint column, gint64 ns)
{
	view_set_int(t->view, t->first + column, ns);
	t->some[column] |= ns != 0;
}

static const KernelThreadItem *thread_of(const Table *t, guint32 serial)
{
	static const KernelThreadItem unknown = {.tid = -1, .pid = -1};
	const History *h = t->trace->history;
	guint table;

	if (!history_find_table(h, KERNEL_THREADS_TABLE, sizeof(KernelThreadItem), &table) || serial >= history_table_len(h, table))
		return &unknown;
	const KernelThreadItem *thread = history_table_get(h, table, serial);
	return thread->same_as < history_table_len(h, table) ? history_table_get(h, table, thread->same_as) : thread;
}

static void set_id(const Table *t, guint column, gint32 id)
{
	if (id >= 0)
		view_set_int(t->view, t->first + column, id);
}

static void set_victim(const Table *t, const StealSum *sum)
{
	if (sum->victim == STEAL_EVERYBODY)
		return;
	const KvmVcpuItem *v = t->by == STEAL_BY_VM ? NULL : analysis_steal_vcpu(t->steal, sum->victim);
	const KvmVmItem *vm = analysis_steal_vm(t->steal, v ? v->vm : sum->victim);

	set_id(t, VM, vm->pid);
	if (v)
		set_id(t, VCPU, v->id);
	if (v)
		set_id(t, VCPU_TID, thread_of(t, v->thread)->tid);
	if (sum->is_total && v)
		view_set_textf(t->view, t->first + NAME, "VM %d vCPU %d", vm->pid, v->id);
	else if (sum->is_total)
		view_set_textf(t->view, t->first + NAME, "VM %d %s", vm->pid, history_text_get(t->trace->history, vm->name));
}

static void set_culprit(const Table *t, AnalysisCulprit by)
{
	const char *kind = by.kind == ANALYSIS_BY_COUNT ? "others" : analysis_culprit_kind_name(by.kind);
	g_autofree char *name = by.kind == ANALYSIS_BY_COUNT ? g_strdup_printf("%u others", by.id) : t->by == STEAL_BY_KIND ? NULL : analysis_culprit_name(t->steal, by);

	view_set_text(t->view, t->first + NAME, name && *name ? name : kind);
	view_set_text(t->view, t->first + KIND, kind);
	if (by.kind != ANALYSIS_BY_COUNT)
		view_set_text(t->view, t->first + CULPRIT, name && *name ? name : NULL);
	if (!analysis_culprit_is_thread(by.kind) || t->by == STEAL_BY_KIND)
		return;
	set_id(t, TID, thread_of(t, by.id)->tid);
	set_id(t, PID, thread_of(t, by.id)->pid);
}

static void set_account(Table *t, const AnalysisStealAccount *a)
{
	set_ns(t, HIDDEN, analysis_steal_hidden_ns(a));
	set_ns(t, EXIT, a->ns[KVM_STATE_EXIT]);
	set_ns(t, EMULATION, a->ns[KVM_STATE_EMULATION]);
	set_ns(t, BLOCKED, a->ns[KVM_STATE_BLOCKED]);
	set_ns(t, GUEST, a->ns[KVM_STATE_GUEST_L1] + a->ns[KVM_STATE_GUEST_L2] + a->ns[KVM_STATE_RUNNING]);
	set_ns(t, HALTED, a->ns[KVM_STATE_HALTED] + a->ns[KVM_STATE_HALT_POLL]);
	set_ns(t, UNKNOWN, a->ns[KVM_STATE_UNKNOWN] + a->ns[KVM_STATE_OFF]);
}

static void set_times(Table *t, const StealSum *sum, gint64 demand)
{
	gint64 steal = steal_sum_ns(sum);

	set_ns(t, STEAL, steal);
	if (demand > 0)
		view_set_double(t->view, t->first + SHARE, (double)steal / (double)demand);
	set_ns(t, PREEMPTED, sum->wait_ns[KVM_STATE_PREEMPTED]);
	set_ns(t, WAITED, sum->wait_ns[KVM_STATE_WAIT_CPU]);
	set_ns(t, THROTTLED, sum->wait_ns[KVM_STATE_THROTTLED]);
	set_ns(t, WOKEN, sum->woken_ns);
	set_ns(t, IN_VAIN, sum->in_vain_ns);
	set_ns(t, INTERRUPTS, sum->interrupts_ns);
}

static gint add_row(Table *t, const StealSum *sum, gint64 demand, gint parent)
{
	static const AnalysisGroup none = {0};
	gint row = view_begin_row(t->view);

	if (t->query->form == ANALYSIS_SERIES)
		analysis_set_time(t->view, 0, t->trace, sum->step_ns);
	view_set_text(t->view, t->first + MACHINE, t->trace->name);
	set_victim(t, sum);
	if (sum->is_total)
		set_account(t, &sum->account);
	else
		set_culprit(t, sum->by);
	if (sum->is_total)
		set_ns(t, DEMAND, demand);
	set_times(t, sum, demand);
	analysis_set_dist(t->view, t->first + DIST, t->query, sum->group ? sum->group : &none);
	view_row_parent(t->view, parent);
	return row;
}

/* Those who took hardly anything from it, in one row. */
typedef struct {
	StealSum sum;
	guint n;
} Others;

#define OTHERS_BELOW 100 /* a part of all that was taken */

static gint64 taken(const StealSum *sum)
{
	return steal_sum_ns(sum) + sum->woken_ns + sum->interrupts_ns;
}

static gboolean is_other(const Table *t, const StealSum *sum, const StealSum *total)
{
	return t->by == STEAL_BY_ALL && taken(sum) < taken(total) / OTHERS_BELOW;
}

static void add_other(Others *others, const StealSum *sum)
{
	others->n++;
	for (guint i = 0; i < KVM_STATE_COUNT; i++)
		others->sum.wait_ns[i] += sum->wait_ns[i];
	others->sum.woken_ns += sum->woken_ns;
	others->sum.in_vain_ns += sum->in_vain_ns;
	others->sum.interrupts_ns += sum->interrupts_ns;
}

static void end_others(Table *t, Others *others, const StealSum *total, gint parent)
{
	if (!others->n)
		return;
	others->sum.victim = total->victim;
	others->sum.step_ns = total->step_ns;
	others->sum.by = (AnalysisCulprit){ANALYSIS_BY_COUNT, others->n};
	add_row(t, &others->sum, analysis_steal_demand_ns(&total->account), parent);
	*others = (Others){0};
}

/* Totals come before their culprits, and victims one after the other. */
static void add_rows(Table *t, const StealSums *sums)
{
	gboolean totals = t->by != STEAL_BY_CULPRIT && t->by != STEAL_BY_KIND;
	const StealSum *total = NULL;
	Others others = {0};
	gint parent = -1;

	for (guint i = 0; i < steal_sums_len(sums); i++) {
		const StealSum *sum = steal_sums_get(sums, i);

		if (sum->is_total) {
			end_others(t, &others, total, parent);
			total = sum;
			parent = totals ? add_row(t, sum, analysis_steal_demand_ns(&sum->account), -1) : -1;
		} else if (total && is_other(t, sum, total)) {
			add_other(&others, sum);
		} else if (total && taken(sum)) {
			add_row(t, sum, analysis_steal_demand_ns(&total->account), parent);
		}
	}
	end_others(t, &others, total, parent);
	if (steal_sums_dropped(sums))
		view_add_note(t->view, "There were too many different culprits and steps: %" G_GUINT64_FORMAT " times one was not counted. Take a part of the time.",
			      steal_sums_dropped(sums));
}

static void add_trace(Table *t, const AnalysisFilter *f)
{
	g_autoptr(AnalysisSteal) steal = analysis_steal_new(t->trace->history);

	if (!steal)
		return;
	t->steal = steal;
	g_autoptr(StealSums) sums = steal_sums_new(t->query, f, steal, t->trace->history, t->by);
	add_rows(t, sums);
}

static View *table(const AnalysisStore *store, const AnalysisQuery *q, StealBy by)
{
	Table t = {.query = q, .by = by};

	t.view = table_new(store, q, &t.first);
	for (guint i = 0; i < store->traces->len; i++) {
		t.trace = g_ptr_array_index(store->traces, i);
		g_autoptr(AnalysisFilter) f = t.trace->is_kernel ? analysis_filter_new(q, t.trace) : NULL;

		if (f)
			add_trace(&t, f);
	}
	hide_columns(&t);
	if (q->form == ANALYSIS_TABLE) {
		view_sort(t.view, t.first + INTERRUPTS, TRUE);
		view_sort(t.view, t.first + STEAL, TRUE);
	} else {
		view_sort(t.view, 0, FALSE);
	}
	view_add_note(t.view, "Steal is what the guest's kernel can count as such: its vCPU was in a processor's queue (preempted, throttled, or it waited there after a wakeup). "
			      "Hidden is what the guest takes for its own time or for idleness: exits, device emulation, the host's interrupts, sleep in the host, the way to a queue. "
			      "In vain: another processor was idle meanwhile.");
	return t.view;
}

/* ---- The longest -------------------------------------------------------------------------------------------------------- */

enum { LOG_TIME, LOG_MACHINE, LOG_VCPU, LOG_VM, LOG_ID, LOG_STATE, LOG_CPU, LOG_NS, LOG_BY, LOG_KIND, LOG_BY_NS, LOG_OTHERS, LOG_VAIN };

typedef struct {
	gint64 begin_ns, end_ns, by_ns, in_vain_ns;
	const AnalysisStoreTrace *trace;
	guint32 vcpu, others;
	gint32 cpu;
	AnalysisCulprit by;
	guint8 state;
} Kept;

typedef struct {
	const AnalysisStoreTrace *trace;
	const AnalysisFilter *filter;
	const AnalysisSteal *steal;
	const AnalysisIdle *idle;
	GArray *kept; /* Kept */
	guint limit;
	guint32 vcpu;
} Log;

static gint longer(gconstpointer a, gconstpointer b)
{
	const Kept *x = a, *y = b;
	gint64 p = x->end_ns - x->begin_ns, q = y->end_ns - y->begin_ns;

	if (p != q)
		return p < q ? 1 : -1;
	return x->begin_ns != y->begin_ns ? (x->begin_ns > y->begin_ns) - (x->begin_ns < y->begin_ns) : (x->vcpu > y->vcpu) - (x->vcpu < y->vcpu);
}

/* Its time in a wait, and whether it was met there before its i-th part. */
static gint64 time_of(const AnalysisWait *w, guint i, gboolean *again)
{
	gint64 ns = 0;

	*again = FALSE;
	for (guint j = 0; j < w->n_parts; j++) {
		const AnalysisWaitPart *p = &w->parts[j];

		if (p->by.kind != w->parts[i].by.kind || p->by.id != w->parts[i].by.id)
			continue;
		*again |= j < i;
		ns += p->end_ns - p->begin_ns;
	}
	return ns;
}

#define PARTS_MAX 64 /* of a wait that are looked at for who had most of it */

static void keep(gpointer user, const AnalysisWait *w)
{
	Log *l = user;
	Kept k = {.begin_ns = w->begin_ns, .end_ns = w->end_ns, .trace = l->trace, .vcpu = l->vcpu, .cpu = w->parts[0].cpu, .state = w->parts[0].state};

	if (!w->whole || !analysis_in_range(l->filter, w->end_ns))
		return;
	for (guint i = 0; i < w->n_parts; i++) {
		const AnalysisWaitPart *p = &w->parts[i];
		gboolean again = TRUE;
		gint64 ns = i < PARTS_MAX ? time_of(w, i, &again) : 0;

		k.others += !again;
		k.in_vain_ns += p->by.kind == ANALYSIS_BY_LIMIT ? 0 : analysis_idle_ns(l->idle, p->cpu, p->begin_ns, p->end_ns);
		if (ns <= k.by_ns)
			continue;
		k.by_ns = ns;
		k.by = p->by;
	}
	k.others -= k.others > 0;
	g_array_append_val(l->kept, k);
	if (l->limit && l->limit < G_MAXUINT / 4 && l->kept->len >= 2 * l->limit + 1024) {
		g_array_sort(l->kept, longer);
		g_array_set_size(l->kept, l->limit);
	}
}

static View *log_new(const AnalysisStore *store)
{
	View *v = view_new("steal-log", "The longest waits of vCPUs for a processor");

	view_add_column(v, "time_ns", "BEGIN", VIEW_TIME_NS);
	analysis_add_machine_column(v, store);
	view_add_column(v, "name", "VCPU", VIEW_TEXT);
	view_add_column(v, "vm_pid", "VM", VIEW_ID);
	view_add_column(v, "vcpu", "ID", VIEW_ID);
	view_add_column(v, "state", "HOW", VIEW_TEXT);
	view_add_column(v, "cpu", "CPU", VIEW_ID);
	view_add_column(v, "duration_ns", "WAITED", VIEW_NS);
	view_add_column(v, "by", "MOSTLY FOR", VIEW_TEXT);
	view_add_column(v, "by_kind", "KIND", VIEW_TEXT);
	view_add_column(v, "by_ns", "OF IT", VIEW_NS);
	view_add_column(v, "others", "OTHERS", VIEW_COUNT);
	view_add_column(v, "in_vain_ns", "IN VAIN", VIEW_NS);
	view_hide_from_text(v, LOG_VM);
	view_hide_from_text(v, LOG_ID);
	view_set_empty_text(v, "No vCPU waited for a processor.");
	return v;
}

static void add_log_row(View *v, const AnalysisSteal *s, const Kept *k)
{
	const KvmVcpuItem *vcpu = analysis_steal_vcpu(s, k->vcpu);
	gint32 pid = analysis_steal_vm(s, vcpu->vm)->pid;

	view_begin_row(v);
	analysis_set_time(v, LOG_TIME, k->trace, k->begin_ns);
	view_set_text(v, LOG_MACHINE, k->trace->name);
	view_set_textf(v, LOG_VCPU, "VM %d vCPU %d", pid, vcpu->id);
	view_set_int(v, LOG_VM, pid);
	view_set_int(v, LOG_ID, vcpu->id);
	view_set_text(v, LOG_STATE, kvm_state_name((KvmState)k->state));
	if (k->cpu >= 0)
		view_set_int(v, LOG_CPU, k->cpu);
	view_set_int(v, LOG_NS, k->end_ns - k->begin_ns);
	g_autofree char *name = analysis_culprit_name(s, k->by);
	view_set_text(v, LOG_BY, name && *name ? name : NULL);
	view_set_text(v, LOG_KIND, analysis_culprit_kind_name(k->by.kind));
	view_set_int(v, LOG_BY_NS, k->by_ns);
	view_set_uint(v, LOG_OTHERS, k->others);
	view_set_int(v, LOG_VAIN, k->in_vain_ns);
}

static View *log_view(const AnalysisStore *store, const AnalysisQuery *q)
{
	View *v = log_new(store);

	for (guint i = 0; i < store->traces->len; i++) {
		const AnalysisStoreTrace *t = g_ptr_array_index(store->traces, i);
		g_autoptr(AnalysisFilter) f = t->is_kernel ? analysis_filter_new(q, t) : NULL;
		g_autoptr(AnalysisSteal) s = f ? analysis_steal_new(t->history) : NULL;

		if (!s)
			continue;
		/* Waits are whole: they may have begun earlier. */
		g_autoptr(AnalysisIdle) idle = analysis_idle_new(t->history, history_begin(t->history), analysis_filter_end(f));
		g_autoptr(GArray) kept = g_array_new(FALSE, FALSE, sizeof(Kept));
		Log l = {.trace = t, .filter = f, .steal = s, .idle = idle, .kept = kept, .limit = q->limit};
		for (l.vcpu = 0; l.vcpu < analysis_steal_n_vcpus(s); l.vcpu++)
			if (analysis_filter_thread(f, analysis_steal_vcpu(s, l.vcpu)->thread))
				analysis_steal_waits(s, l.vcpu, analysis_filter_begin(f), analysis_filter_end(f), keep, &l);
		g_array_sort(kept, longer);
		for (guint n = 0; n < kept->len && (!q->limit || n < q->limit); n++)
			add_log_row(v, s, &g_array_index(kept, Kept, n));
	}
	view_sort(v, LOG_NS, TRUE);
	return v;
}

View *analysis_steal(const AnalysisStore *s, const AnalysisQuery *q, GError **error)
{
	StealBy by;

	if (!parse_by(q->by, &by, error) || !analysis_check_steps(s, q, error))
		return NULL;
	return q->form == ANALYSIS_LOG ? log_view(s, q) : table(s, q, by);
}
