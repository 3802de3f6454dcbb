/* SPDX-License-Identifier: MIT */
/* exits_by.c: VM exits by what they were for, by the guest's mode or code; over time; and the longest ones. */
#include <string.h>

#include "analysis/calls.h"
#include "analysis/commands.h"
#include "kvm/sites.h"

typedef enum { BY_REASON, BY_WHAT, BY_MODE, BY_RIP, BY_VCPU, N_BY } By;

static const char *const by_names[N_BY] = {[BY_REASON] = "reason", [BY_WHAT] = "what", [BY_MODE] = "mode", [BY_RIP] = "rip", [BY_VCPU] = "vcpu"};

#define NOTHING_TEXT "No exit of a VM is in these traces. To record them: lttng enable-event -k 'kvm_*'"

/* ---- One trace's exits --------------------------------------------------------------------------------------------- */

typedef struct {
	const AnalysisStoreTrace *trace;
	const History *h;
	guint exits, sites, vcpus, vms;
} Exits;

static gboolean find(Exits *x, const AnalysisStoreTrace *t)
{
	x->trace = t;
	x->h = t->history;
	return t->is_kernel && history_find_table(x->h, KVM_EXITS_TABLE, sizeof(KvmExitItem), &x->exits) &&
	       history_find_table(x->h, KVM_EXIT_SITES_TABLE, sizeof(KvmSiteItem), &x->sites) &&
	       history_find_table(x->h, KVM_VCPUS_TABLE, sizeof(KvmVcpuItem), &x->vcpus) &&
	       history_find_table(x->h, KVM_VMS_TABLE, sizeof(KvmVmItem), &x->vms);
}

static const KvmSiteItem *site_at(const Exits *x, guint64 i)
{
	return history_table_get(x->h, x->sites, i);
}

static const KvmVcpuItem *vcpu_of(const Exits *x, const KvmSiteItem *site)
{
	return site->vcpu == KVM_NO_ROW ? NULL : history_table_get(x->h, x->vcpus, site->vcpu);
}

static gboolean is_halt(const KvmSiteItem *site)
{
	const KvmReason *reason = kvm_reason((KvmIsa)site->isa, site->code);

	return reason && reason->klass == KVM_CLASS_HLT;
}

/* ---- Classes of sites ---------------------------------------------------------------------------------------------- */

/* Sites that are one row. */
typedef struct {
	guint32 *of;       /* by site: its class */
	GArray *examples;  /* guint32, by class: one of its sites */
} Classes;

/* What makes a row. */
static char *class_key(const Exits *x, const KvmSiteItem *s, By by)
{
	const KvmVcpuItem *v = vcpu_of(x, s);
	gint64 vm = v ? (gint64)v->vm : -1, vcpu = v && (by == BY_MODE || by == BY_VCPU) ? (gint64)s->vcpu : -1;
	guint64 code = by == BY_MODE ? 0 : s->code, address = by == BY_WHAT ? s->address : 0;

	return g_strdup_printf("%" G_GINT64_FORMAT " %" G_GINT64_FORMAT " %u %u %" G_GUINT64_FORMAT " %u %u %" G_GUINT64_FORMAT, vm, vcpu, s->level,
			       by == BY_MODE ? 0 : s->isa, code, by == BY_WHAT ? s->kind : 0, by == BY_WHAT ? s->size : 0, address);
}

static void classify(Classes *c, const Exits *x, By by)
{
	g_autoptr(GHashTable) known = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
	guint64 n = history_table_len(x->h, x->sites);

	c->of = g_new(guint32, n + 1);
	c->examples = g_array_new(FALSE, FALSE, sizeof(guint32));
	for (guint32 i = 0; i < n; i++) {
		char *key = class_key(x, site_at(x, i), by);
		guint number = GPOINTER_TO_UINT(g_hash_table_lookup(known, key));

		if (!number) {
			g_array_append_val(c->examples, i);
			number = c->examples->len;
		}
		c->of[i] = number - 1;
		g_hash_table_insert(known, key, GUINT_TO_POINTER(number));
	}
}

static void classes_clear(Classes *c)
{
	g_free(c->of);
	g_array_unref(c->examples);
}

/* ---- Rows ---------------------------------------------------------------------------------------------------------- */

typedef struct {
	View *view;
	By by;
	guint time, machine, vm, vcpu, level, reason, kind, address, size, what, mode, rip, dist, on_cpu, to_user, untimed, share;
} Columns;

static void add_what_columns(View *v, Columns *c)
{
	c->kind = view_add_column(v, "kind", "KIND", VIEW_TEXT);
	view_hide_from_text(v, c->kind);
	c->address = view_add_column(v, "address", "ADDRESS", VIEW_TEXT);
	view_hide_from_text(v, c->address);
	c->size = view_add_column(v, "size", "SIZE", VIEW_BYTES);
	view_hide_from_text(v, c->size);
	c->what = view_add_column(v, "what", "FOR", VIEW_TEXT);
}

static void add_columns(Columns *c, const AnalysisStore *s, const AnalysisQuery *q)
{
	View *v = c->view;

	c->time = analysis_add_time_column(v, q);
	c->machine = analysis_add_machine_column(v, s);
	c->vm = view_add_column(v, "vm_pid", "VM", VIEW_ID);
	if (c->by == BY_MODE || c->by == BY_VCPU)
		c->vcpu = view_add_column(v, "vcpu", "VCPU", VIEW_ID);
	c->level = view_add_column(v, "level", "LEVEL", VIEW_ID);
	if (c->by != BY_MODE)
		c->reason = view_add_column(v, "reason", "REASON", VIEW_TEXT);
	if (c->by == BY_WHAT)
		add_what_columns(v, c);
	if (c->by == BY_MODE || c->by == BY_RIP)
		c->mode = view_add_column(v, "mode", "MODE", VIEW_TEXT);
	if (c->by == BY_RIP)
		c->rip = view_add_column(v, "rip", "RIP", VIEW_TEXT);
	c->dist = analysis_add_dist_columns(v, q);
	view_hide_from_text(v, c->dist + 2); /* min */
	view_hide_from_text(v, c->dist + 5); /* p90 */
	c->on_cpu = view_add_column(v, "on_cpu_ns", "ON CPU", VIEW_NS);
	c->to_user = view_add_column(v, "to_user", "TO USER", VIEW_COUNT);
	c->untimed = view_add_column(v, "untimed", "UNTIMED", VIEW_COUNT);
	if (c->by == BY_MODE)
		c->share = view_add_column(v, "share", "SHARE", VIEW_RATIO);
}

/* Whole ones with their times; of torn ones it is only known that there were so many. */
typedef struct {
	AnalysisGroups *whole, *torn;
} Sums;

static guint64 second_key(By by, const KvmExitItem *e)
{
	return by == BY_MODE ? kvm_mode(e->rip) : by == BY_RIP ? e->rip : 0;
}

static void collect(const Exits *x, const Classes *c, By by, const AnalysisFilter *f, const Sums *sums)
{
	guint64 n;
	const KvmExitItem *run;

	for (guint64 i = 0; (run = history_table_run(x->h, x->exits, i, &n)); i += n)
		for (guint64 k = 0; k < n; k++) {
			const KvmExitItem *e = &run[k];

			if (!analysis_in_range(f, e->end_ns))
				continue;
			guint32 class = c->of[e->site];
			if (e->torn)
				analysis_groups_add(sums->torn, class, second_key(by, e), e->end_ns, 0, (gint64)e->cpu_ns, e->to_user);
			else
				analysis_groups_add(sums->whole, class, second_key(by, e), e->end_ns, (gint64)e->ns, (gint64)e->cpu_ns, e->to_user);
		}
}

static void set_site(const Columns *c, const Exits *x, const KvmSiteItem *site, guint64 second)
{
	const KvmVcpuItem *vcpu = vcpu_of(x, site);
	g_autofree char *reason = kvm_site_reason(site), *what = kvm_what_text(site);
	View *v = c->view;

	if (vcpu)
		view_set_int(v, c->vm, ((const KvmVmItem *)history_table_get(x->h, x->vms, vcpu->vm))->pid);
	if (vcpu && (c->by == BY_MODE || c->by == BY_VCPU))
		view_set_int(v, c->vcpu, vcpu->id);
	view_set_uint(v, c->level, site->level);
	if (c->by != BY_MODE)
		view_set_text(v, c->reason, reason);
	if (c->by == BY_WHAT) {
		view_set_text(v, c->kind, kvm_what_kind(site->kind));
		view_set_text(v, c->what, what);
		if (site->size)
			view_set_uint(v, c->size, site->size);
		if (site->address != KVM_NO_ADDRESS)
			view_set_textf(v, c->address, "0x%" G_GINT64_MODIFIER "x", site->address);
	}
	if (c->by == BY_MODE)
		view_set_text(v, c->mode, kvm_mode_name((KvmMode)second));
	if (c->by == BY_RIP) {
		view_set_text(v, c->mode, kvm_mode_name(kvm_mode(second)));
		view_set_textf(v, c->rip, "0x%" G_GINT64_MODIFIER "x", second);
	}
}

static const AnalysisGroup *other(const AnalysisGroups *groups, const AnalysisGroup *g)
{
	return analysis_groups_find(groups, g->key[0], g->key[1], g->step_ns);
}

/* One row: `whole` or `torn` may be NULL. */
static void set_row(const Columns *c, const Exits *x, const Classes *classes, const AnalysisQuery *q, const AnalysisGroup *whole, const AnalysisGroup *torn)
{
	static const AnalysisGroup none;
	const AnalysisGroup *g = whole ? whole : torn;
	View *v = c->view;

	view_begin_row(v);
	if (q->form == ANALYSIS_SERIES)
		analysis_set_time(v, c->time, x->trace, g->step_ns);
	view_set_text(v, c->machine, x->trace->name);
	set_site(c, x, site_at(x, g_array_index(classes->examples, guint32, (guint)g->key[0])), g->key[1]);
	analysis_set_dist(v, c->dist, q, whole ? whole : &none);
	view_set_int(v, c->on_cpu, (whole ? whole->amount : 0) + (torn ? torn->amount : 0));
	view_set_uint(v, c->to_user, (whole ? whole->errors : 0) + (torn ? torn->errors : 0));
	view_set_uint(v, c->untimed, torn ? torn->count : 0);
}

static guint64 key_total(const AnalysisGroups *groups, const AnalysisGroup *g)
{
	guint64 n = 0;

	for (guint mode = KVM_MODE_UNKNOWN; mode <= KVM_MODE_KERNEL; mode++) {
		const AnalysisGroup *m = analysis_groups_find(groups, g->key[0], mode, g->step_ns);

		n += m ? m->count : 0;
	}
	return n;
}

/* Of the vCPU's exits at that level. */
static void set_share(const Columns *c, const Sums *sums, const AnalysisGroup *whole, const AnalysisGroup *torn)
{
	const AnalysisGroup *g = whole ? whole : torn;
	guint64 all = key_total(sums->whole, g) + key_total(sums->torn, g);

	if (c->by == BY_MODE && all)
		view_set_double(c->view, c->share, (double)((whole ? whole->count : 0) + (torn ? torn->count : 0)) / (double)all);
}

static void add_rows(const Columns *c, const Exits *x, const Classes *classes, const AnalysisQuery *q, const Sums *sums)
{
	for (guint i = 0; i < analysis_groups_len(sums->whole); i++) {
		const AnalysisGroup *g = analysis_groups_get(sums->whole, i);

		set_row(c, x, classes, q, g, other(sums->torn, g));
		set_share(c, sums, g, other(sums->torn, g));
	}
	for (guint i = 0; i < analysis_groups_len(sums->torn); i++) {
		const AnalysisGroup *g = analysis_groups_get(sums->torn, i);

		if (other(sums->whole, g))
			continue;
		set_row(c, x, classes, q, NULL, g);
		set_share(c, sums, NULL, g);
	}
}

static void add_trace(const Columns *c, const AnalysisQuery *q, const AnalysisStoreTrace *t)
{
	g_autoptr(AnalysisFilter) f = analysis_filter_new(q, t);
	Exits x;
	Classes classes;

	if (!f || !find(&x, t))
		return;
	g_autoptr(AnalysisGroups) whole = analysis_groups_new(q, f), torn = analysis_groups_new(q, f);
	const Sums sums = {whole, torn};
	classify(&classes, &x, c->by);
	collect(&x, &classes, c->by, f, &sums);
	add_rows(c, &x, &classes, q, &sums);
	classes_clear(&classes);
	guint64 dropped = analysis_groups_dropped(whole) + analysis_groups_dropped(torn);
	if (dropped)
		view_add_note(c->view, "%s: %" G_GUINT64_FORMAT " exits are left out: there are too many rows.", t->name, dropped);
}

static View *table(const AnalysisStore *s, const AnalysisQuery *q, By by)
{
	Columns c = {.view = view_new("exits-by", "Exits"), .by = by};

	add_columns(&c, s, q);
	for (guint i = 0; i < s->traces->len; i++)
		add_trace(&c, q, g_ptr_array_index(s->traces, i));
	view_set_empty_text(c.view, NOTHING_TEXT);
	view_sort(c.view, by == BY_MODE ? c.vcpu : c.dist, by != BY_MODE);
	view_sort(c.view, by == BY_MODE ? c.vm : c.on_cpu, by != BY_MODE);
	if (q->form == ANALYSIS_SERIES)
		view_sort(c.view, c.time, FALSE);
	return c.view;
}

/* ---- The longest ones ---------------------------------------------------------------------------------------------- */

enum { LOG_MACHINE, LOG_TIME, LOG_VM, LOG_VCPU, LOG_LEVEL, LOG_REASON, LOG_WHAT, LOG_MODE, LOG_RIP, LOG_DURATION, LOG_ON_CPU, LOG_TO_USER };

static void add_log_columns(View *v, const AnalysisStore *s)
{
	analysis_add_machine_column(v, s);
	view_add_column(v, "time_ns", "EXIT", VIEW_TIME_NS);
	view_add_column(v, "vm_pid", "VM", VIEW_ID);
	view_add_column(v, "vcpu", "VCPU", VIEW_ID);
	view_add_column(v, "level", "LEVEL", VIEW_ID);
	view_add_column(v, "reason", "REASON", VIEW_TEXT);
	view_add_column(v, "what", "FOR", VIEW_TEXT);
	view_add_column(v, "mode", "MODE", VIEW_TEXT);
	view_add_column(v, "rip", "RIP", VIEW_TEXT);
	view_add_column(v, "duration_ns", "DURATION", VIEW_NS);
	view_add_column(v, "on_cpu_ns", "ON CPU", VIEW_NS);
	view_add_column(v, "to_user", "TO USER", VIEW_BOOL);
}

static void set_log_row(View *v, const Exits *x, const KvmExitItem *e)
{
	const KvmSiteItem *site = site_at(x, e->site);
	const KvmVcpuItem *vcpu = vcpu_of(x, site);
	g_autofree char *reason = kvm_site_reason(site), *what = kvm_what_text(site);

	view_begin_row(v);
	view_set_text(v, LOG_MACHINE, x->trace->name);
	analysis_set_time(v, LOG_TIME, x->trace, e->end_ns - (gint64)e->ns);
	if (vcpu) {
		view_set_int(v, LOG_VM, ((const KvmVmItem *)history_table_get(x->h, x->vms, vcpu->vm))->pid);
		view_set_int(v, LOG_VCPU, vcpu->id);
	}
	view_set_uint(v, LOG_LEVEL, site->level);
	view_set_text(v, LOG_REASON, reason);
	view_set_text(v, LOG_WHAT, what);
	view_set_text(v, LOG_MODE, kvm_mode_name(kvm_mode(e->rip)));
	view_set_textf(v, LOG_RIP, "0x%" G_GINT64_MODIFIER "x", (guint64)e->rip);
	view_set_int(v, LOG_DURATION, (gint64)e->ns);
	view_set_int(v, LOG_ON_CPU, (gint64)e->cpu_ns);
	view_set_bool(v, LOG_TO_USER, e->to_user);
}

static void log_trace(View *v, const AnalysisQuery *q, const AnalysisStoreTrace *t)
{
	g_autoptr(AnalysisFilter) f = analysis_filter_new(q, t);
	g_autoptr(AnalysisWorst) worst = analysis_worst_new(q->limit);
	guint64 n;
	guint n_worst;
	Exits x;
	const KvmExitItem *run;

	if (!f || !find(&x, t))
		return;
	for (guint64 i = 0; (run = history_table_run(x.h, x.exits, i, &n)); i += n)
		for (guint64 k = 0; k < n; k++)
			if (!run[k].torn && analysis_in_range(f, run[k].end_ns) && !is_halt(site_at(&x, run[k].site)))
				analysis_worst_add(worst, (gint64)run[k].ns, i + k);
	const AnalysisWorstItem *sorted = analysis_worst_sorted(worst, &n_worst);
	for (guint i = 0; i < n_worst; i++)
		set_log_row(v, &x, history_table_get(x.h, x.exits, sorted[i].item));
}

static View *log_view(const AnalysisStore *s, const AnalysisQuery *q)
{
	View *v = view_new("exits-log", "The longest exits");

	add_log_columns(v, s);
	for (guint i = 0; i < s->traces->len; i++)
		log_trace(v, q, g_ptr_array_index(s->traces, i));
	view_set_empty_text(v, NOTHING_TEXT);
	view_add_note(v, "Exits because the guest had nothing to do (HLT) are left out.");
	view_sort(v, LOG_DURATION, TRUE);
	return v;
}

/* ---- The command --------------------------------------------------------------------------------------------------- */

static gboolean parse_by(const char *name, By *by_out, GError **error)
{
	for (*by_out = 0; *by_out < N_BY; (*by_out)++)
		if (strcmp(name, by_names[*by_out]) == 0)
			return TRUE;
	g_set_error(error, ST_ERROR, ST_ERROR_USAGE, "--by takes reason, what, mode, rip or vcpu; got \"%s\"", name);
	return FALSE;
}

View *analysis_exits_by(const AnalysisStore *s, const AnalysisQuery *q, GError **error)
{
	By by = BY_REASON;

	if (q->by && !parse_by(q->by, &by, error))
		return NULL;
	return q->form == ANALYSIS_LOG ? log_view(s, q) : table(s, q, by);
}
