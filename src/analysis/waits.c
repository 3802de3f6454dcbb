/* SPDX-License-Identifier: MIT */
/* Waits: why vCPUs were asleep, as far as the host can tell. */
#include <string.h>

#include "analysis/commands.h"
#include "analysis/times.h"
#include "kvm/waits.h"

typedef struct {
	const AnalysisQuery *query;
	const AnalysisStoreTrace *trace;
	const AnalysisFilter *filter;
	guint waits, vcpus, vms;   /* tables */
} Scan;

static gboolean scan_open(Scan *s, const AnalysisQuery *q, const AnalysisStoreTrace *t, const AnalysisFilter *f)
{
	const History *h = t->history;

	*s = (Scan){.query = q, .trace = t, .filter = f};
	return f && history_find_table(h, KVM_WAITS_TABLE, sizeof(KvmWaitItem), &s->waits) &&
	       history_find_table(h, KVM_VCPUS_TABLE, sizeof(KvmVcpuItem), &s->vcpus) && history_find_table(h, KVM_VMS_TABLE, sizeof(KvmVmItem), &s->vms);
}

static const KvmVcpuItem *vcpu_of(const Scan *s, guint64 vcpu)
{
	return history_table_get(s->trace->history, s->vcpus, vcpu);
}

static gint32 pid_of(const Scan *s, const KvmVcpuItem *vcpu)
{
	return ((const KvmVmItem *)history_table_get(s->trace->history, s->vms, vcpu->vm))->pid;
}

static gboolean is_wanted(const Scan *s, const KvmWaitItem *item)
{
	return analysis_in_range(s->filter, item->woken_ns) && analysis_filter_thread(s->filter, vcpu_of(s, item->vcpu)->thread);
}

/* ---- The table ------------------------------------------------------------------------------------------------------------ */

/* What a group knows besides its distribution. */
typedef struct {
	gint64 delay_ns, confidence;
	guint64 delays;
} More;

/* Sums of all reasons of a vCPU, by step. */
typedef struct {
	AnalysisGroups *groups, *totals;
	GHashTable *more; /* AnalysisGroup of `groups` -> More */
} Sums;

static guint64 reason_key(const KvmWaitItem *item)
{
	return (guint64)item->reason | (item->halted ? 0 : 0x80);
}

static void add_item(const Sums *sums, const KvmWaitItem *item)
{
	gint64 ns = item->woken_ns - item->begin_ns;

	analysis_groups_add(sums->groups, item->vcpu, reason_key(item), item->woken_ns, ns, 0, FALSE);
	analysis_groups_add(sums->totals, item->vcpu, 0, item->woken_ns, ns, 0, FALSE);
	const AnalysisGroup *g =
		analysis_groups_find(sums->groups, item->vcpu, reason_key(item), analysis_groups_step(sums->groups, item->woken_ns));
	if (!g)
		return;
	More *more = g_hash_table_lookup(sums->more, g);
	if (!more) {
		more = g_new0(More, 1);
		g_hash_table_insert(sums->more, (gpointer)g, more);
	}
	more->confidence += item->confidence;
	if (item->enter_ns == G_MININT64)
		return;
	more->delay_ns += item->enter_ns - item->woken_ns;
	more->delays++;
}

enum { MACHINE, VM, VCPU, REASON, STATE, SHARE, DIST };

static View *make_table(const AnalysisQuery *q, guint *dist)
{
	View *v = view_new(q->form == ANALYSIS_SERIES ? "waits-series" : "waits", "Why vCPUs were asleep");

	analysis_add_time_column(v, q);
	view_add_column(v, "machine", "MACHINE", VIEW_TEXT);
	view_add_column(v, "vm", "VM", VIEW_ID);
	view_add_column(v, "vcpu", "VCPU", VIEW_ID);
	view_add_column(v, "reason", "WAITED FOR", VIEW_TEXT);
	view_add_column(v, "state", "STATE", VIEW_TEXT);
	view_add_column(v, "share", "SHARE", VIEW_RATIO);
	*dist = analysis_add_dist_columns(v, q);
	view_add_column(v, "delay_ns", "UNTIL IT RAN", VIEW_NS);
	view_add_column(v, "confidence", "CONFIDENCE", VIEW_RATIO);
	view_set_empty_text(v, "No vCPU was seen to sleep.");
	return v;
}

static void add_row(View *v, const Scan *s, const Sums *sums, guint dist, const AnalysisGroup *g)
{
	const AnalysisGroup *total = analysis_groups_find(sums->totals, g->key[0], 0, g->step_ns);
	const KvmVcpuItem *vcpu = vcpu_of(s, g->key[0]);
	const More *more = g_hash_table_lookup(sums->more, g);
	guint first = s->query->form == ANALYSIS_SERIES, delay;

	view_begin_row(v);
	if (first)
		analysis_set_time(v, 0, s->trace, g->step_ns);
	view_set_text(v, first + MACHINE, s->trace->name);
	view_set_int(v, first + VM, pid_of(s, vcpu));
	view_set_int(v, first + VCPU, vcpu->id);
	view_set_text(v, first + REASON, kvm_wait_name((KvmWaitReason)(g->key[1] & 0x7f)));
	view_set_text(v, first + STATE, g->key[1] & 0x80 ? "blocked" : "halted");
	if (total && total->total_ns)
		view_set_double(v, first + SHARE, (double)g->total_ns / (double)total->total_ns);
	analysis_set_dist(v, dist, s->query, g);
	if (!more || !view_find_column(v, "delay_ns", &delay))
		return;
	if (more->delays)
		view_set_int(v, delay, more->delay_ns / (gint64)more->delays);
	view_set_double(v, delay + 1, (double)more->confidence / 100 / (double)MAX(g->count, 1));
}

static void add_trace(View *v, const Scan *s, guint dist)
{
	g_autoptr(AnalysisGroups) groups = analysis_groups_new(s->query, s->filter), totals = analysis_groups_new(s->query, s->filter);
	g_autoptr(GHashTable) more = g_hash_table_new_full(NULL, NULL, NULL, g_free);
	Sums sums = {groups, totals, more};

	for (guint64 i = 0; i < history_table_len(s->trace->history, s->waits); i++) {
		const KvmWaitItem *item = history_table_get(s->trace->history, s->waits, i);

		if (is_wanted(s, item))
			add_item(&sums, item);
	}
	for (guint i = 0; i < analysis_groups_len(groups); i++)
		add_row(v, s, &sums, dist, analysis_groups_get(groups, i));
}

/* ---- The longest ------------------------------------------------------------------------------------------------------------ */

enum { LOG_TIME, LOG_MACHINE, LOG_VM, LOG_VCPU, LOG_NS, LOG_DELAY, LOG_REASON, LOG_STATE, LOG_CONFIDENCE, LOG_BY, LOG_VECTOR, LOG_EVIDENCE };

typedef struct {
	Scan scan;
	const KvmWaitItem *item;
} Kept;

static gint longer(gconstpointer a, gconstpointer b)
{
	const KvmWaitItem *x = ((const Kept *)a)->item, *y = ((const Kept *)b)->item;
	gint64 p = x->woken_ns - x->begin_ns, q = y->woken_ns - y->begin_ns;

	return p != q ? (p < q) - (p > q) : (x->begin_ns > y->begin_ns) - (x->begin_ns < y->begin_ns);
}

static void keep(GArray *kept, const Scan *s)
{
	const guint limit = s->query->limit;

	for (guint64 i = 0; i < history_table_len(s->trace->history, s->waits); i++) {
		Kept k = {*s, history_table_get(s->trace->history, s->waits, i)};

		if (!is_wanted(s, k.item))
			continue;
		g_array_append_val(kept, k);
		if (limit && limit < G_MAXUINT / 4 && kept->len >= 2 * limit + 1024) {
			g_array_sort(kept, longer);
			g_array_set_size(kept, limit);
		}
	}
}

static char *evidence_text(guint evidence)
{
	static const struct {
		guint bit;
		const char *text;
	} all[] = {{KVM_WAIT_BY_TIMER, "woken by a timer"},      {KVM_WAIT_BY_VCPU, "woken by a vCPU"},   {KVM_WAIT_BY_VHOST, "woken by vhost"},
		   {KVM_WAIT_BY_PROCESS, "woken by its process"}, {KVM_WAIT_BY_IRQ, "woken by an interrupt"}, {KVM_WAIT_BY_OTHER, "woken by another thread"},
		   {KVM_WAIT_SIGNALLED, "signalled"},             {KVM_WAIT_INJECTED, "injected"},         {KVM_WAIT_LEARNED, "vector learned"},
		   {KVM_WAIT_IO_SEEN, "I/O seen before"},         {KVM_WAIT_STATE, "the thread's state"},
		   {KVM_WAIT_UNSURE, "interrupts not recorded"}};
	GString *s = g_string_new(NULL);

	for (guint i = 0; i < G_N_ELEMENTS(all); i++)
		if (evidence & all[i].bit)
			g_string_append_printf(s, "%s%s", s->len ? ", " : "", all[i].text);
	return g_string_free(s, FALSE);
}

static void log_row(View *v, const Kept *k)
{
	const Scan *s = &k->scan;
	const KvmVcpuItem *vcpu = vcpu_of(s, k->item->vcpu);
	const char *by = history_text_get(s->trace->history, k->item->waker_text);
	g_autofree char *evidence = evidence_text(k->item->evidence);

	view_begin_row(v);
	analysis_set_time(v, LOG_TIME, s->trace, k->item->begin_ns);
	view_set_text(v, LOG_MACHINE, s->trace->name);
	view_set_int(v, LOG_VM, pid_of(s, vcpu));
	view_set_int(v, LOG_VCPU, vcpu->id);
	view_set_int(v, LOG_NS, k->item->woken_ns - k->item->begin_ns);
	if (k->item->enter_ns != G_MININT64)
		view_set_int(v, LOG_DELAY, k->item->enter_ns - k->item->woken_ns);
	view_set_text(v, LOG_REASON, kvm_wait_name((KvmWaitReason)k->item->reason));
	view_set_text(v, LOG_STATE, k->item->halted ? "halted" : "blocked");
	view_set_double(v, LOG_CONFIDENCE, (double)k->item->confidence / 100);
	view_set_text(v, LOG_BY, *by ? by : NULL);
	if (k->item->vector != KVM_NO_VECTOR)
		view_set_int(v, LOG_VECTOR, k->item->vector);
	view_set_text(v, LOG_EVIDENCE, *evidence ? evidence : NULL);
}

static View *make_log(GArray *kept, const AnalysisQuery *q)
{
	static const struct {
		const char *name, *title;
		ViewUnit unit;
	} columns[] = {{"time_ns", "BEGIN", VIEW_TIME_NS}, {"machine", "MACHINE", VIEW_TEXT},       {"vm", "VM", VIEW_ID},
		       {"vcpu", "VCPU", VIEW_ID},          {"duration_ns", "SLEPT", VIEW_NS},       {"delay_ns", "UNTIL IT RAN", VIEW_NS},
		       {"reason", "WAITED FOR", VIEW_TEXT}, {"state", "STATE", VIEW_TEXT},          {"confidence", "CONFIDENCE", VIEW_RATIO},
		       {"by", "WOKEN BY", VIEW_TEXT},      {"vector", "VECTOR", VIEW_ID},           {"evidence", "EVIDENCE", VIEW_TEXT}};
	View *v = view_new("waits-log", "The longest times for which vCPUs were asleep");

	for (guint i = 0; i < G_N_ELEMENTS(columns); i++)
		view_add_column(v, columns[i].name, columns[i].title, columns[i].unit);
	g_array_sort(kept, longer);
	for (guint i = 0; i < kept->len && (!q->limit || i < q->limit); i++)
		log_row(v, &g_array_index(kept, Kept, i));
	view_sort(v, LOG_NS, TRUE);
	view_set_empty_text(v, "No vCPU was seen to sleep.");
	return v;
}

/* ---- All ---------------------------------------------------------------------------------------------------------------------- */

static void filter_free(gpointer f)
{
	analysis_filter_free(f);
}

View *analysis_waits(const AnalysisStore *store, const AnalysisQuery *q, GError **error)
{
	g_autoptr(GPtrArray) filters = g_ptr_array_new_with_free_func(filter_free);
	g_autoptr(GArray) kept = q->form == ANALYSIS_LOG ? g_array_new(FALSE, FALSE, sizeof(Kept)) : NULL;
	guint dist = 0;

	if (!analysis_check_steps(store, q, error))
		return NULL;
	View *v = kept ? NULL : make_table(q, &dist);
	for (guint i = 0; i < store->traces->len; i++) {
		const AnalysisStoreTrace *t = g_ptr_array_index(store->traces, i);
		AnalysisFilter *f = t->is_kernel ? analysis_filter_new(q, t) : NULL;
		Scan s;

		g_ptr_array_add(filters, f);
		if (!scan_open(&s, q, t, f))
			continue;
		if (kept)
			keep(kept, &s);
		else
			add_trace(v, &s, dist);
	}
	if (kept)
		return make_log(kept, q);
	guint total;
	if (q->form == ANALYSIS_SERIES)
		view_sort(v, 0, FALSE);
	else if (view_find_column(v, "total_ns", &total))
		view_sort(v, total, TRUE);
	return v;
}
