/* SPDX-License-Identifier: MIT */
/* Processes of VMs without a trace, told apart by their page tables: what their vCPUs did for them. */
#include <string.h>

#include "analysis/commands.h"
#include "analysis/times.h"
#include "kvm/guests.h"

#define NOTHING_TEXT \
	"No event told whose page tables VMs had. docs/recording.md says which probe does: an event vcpu_enter_guest, or kvm_entry, with a field cr3."

/* Sums of one process, on one vCPU or on all. */
typedef struct {
	guint64 process;        /* item of "guest_processes": the first of it */
	guint vcpus;
	gint64 ns[KVM_GUEST_STATE_COUNT];
} Sum;

typedef struct {
	View *view;
	gboolean by_vcpu;
	guint time, machine, path, vm, vcpu, level, cr3, vcpus, share, first;
} Columns;

/* In the order in which they are shown; what stands for several states is their sum. */
static const struct {
	const char *name, *title;
	guint32 states;         /* bits */
} times[] = {
	{"running_ns", "RUNNING", 1u << KVM_GUEST_RUNNING},
	{"uncertain_ns", "UNCERTAIN", 1u << KVM_GUEST_UNCERTAIN},
	{"exit_ns", "EXITS", 1u << KVM_GUEST_EXIT},
	{"stolen_ns", "STOLEN", 1u << KVM_GUEST_PREEMPTED | 1u << KVM_GUEST_THROTTLED | 1u << KVM_GUEST_WAIT_CPU},
	{"blocked_ns", "BLOCKED", 1u << KVM_GUEST_BLOCKED},
	{"halted_ns", "HALTED", 1u << KVM_GUEST_HALTED},
	{"waiting_ns", "WAITING", 1u << KVM_GUEST_ELSEWHERE},
	{"unknown_ns", "UNKNOWN", 1u << KVM_GUEST_UNKNOWN},
};

typedef struct {
	const AnalysisStoreTrace *trace;
	const History *h;
	guint processes, vcpus, vms;
} Guests;

static gboolean find(Guests *g, const AnalysisStoreTrace *t)
{
	*g = (Guests){.trace = t, .h = t->history};
	return t->is_kernel && history_find_table(g->h, KVM_GUEST_PROCESSES_TABLE, sizeof(KvmGuestProcessItem), &g->processes) &&
	       history_find_table(g->h, KVM_VCPUS_TABLE, sizeof(KvmVcpuItem), &g->vcpus) && history_find_table(g->h, KVM_VMS_TABLE, sizeof(KvmVmItem), &g->vms);
}

static const KvmGuestProcessItem *process_at(const Guests *g, guint64 i)
{
	return history_table_get(g->h, g->processes, i);
}

static const KvmVcpuItem *vcpu_of(const Guests *g, const KvmGuestProcessItem *p)
{
	return history_table_get(g->h, g->vcpus, p->vcpu);
}

static gint32 pid_of(const Guests *g, const KvmGuestProcessItem *p)
{
	return ((const KvmVmItem *)history_table_get(g->h, g->vms, vcpu_of(g, p)->vm))->pid;
}

/* ---- Sums ------------------------------------------------------------------------------------------------------------ */

static char *key_of(const Guests *g, const KvmGuestProcessItem *p, gboolean by_vcpu)
{
	return g_strdup_printf("%u %u %" G_GUINT64_FORMAT " %" G_GINT64_FORMAT, vcpu_of(g, p)->vm, p->level, p->cr3, by_vcpu ? (gint64)p->vcpu : -1);
}

/* The index of each row's sum, and how many sums there are. */
static guint32 *number_sums(const Guests *g, const AnalysisFilter *f, gboolean by_vcpu, guint *n_out)
{
	g_autoptr(GHashTable) known = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
	guint64 n = history_table_len(g->h, g->processes);
	guint32 *numbers = g_new(guint32, n + 1);

	*n_out = 0;
	for (guint64 i = 0; i < n; i++) {
		const KvmGuestProcessItem *p = process_at(g, i);

		numbers[i] = G_MAXUINT32;
		if (!analysis_filter_thread(f, vcpu_of(g, p)->thread))
			continue;
		char *key = key_of(g, p, by_vcpu);
		guint number = GPOINTER_TO_UINT(g_hash_table_lookup(known, key));
		if (!number)
			number = ++*n_out;
		numbers[i] = number - 1;
		g_hash_table_insert(known, key, GUINT_TO_POINTER(number));
	}
	return numbers;
}

static Sum *sum_up(const Guests *g, const guint32 *numbers, guint n_sums, gint64 begin, gint64 end)
{
	Sum *sums = g_new0(Sum, n_sums + 1);
	gint64 ns[HISTORY_STATES_MAX];

	for (guint64 i = history_table_len(g->h, g->processes); i-- > 0;) {
		const KvmGuestProcessItem *p = process_at(g, i);

		if (numbers[i] == G_MAXUINT32)
			continue;
		Sum *s = &sums[numbers[i]];
		history_sums(g->h, p->row, begin, end, ns);
		for (guint k = 0; k < KVM_GUEST_STATE_COUNT; k++)
			s->ns[k] += ns[k];
		s->process = i;
		s->vcpus++;
	}
	return sums;
}

/* ---- Rows -------------------------------------------------------------------------------------------------------------- */

static void set_path(const Columns *c, const Guests *g, const KvmGuestProcessItem *p)
{
	const char *kind = p->level == 2 ? "l2-process" : "process";
	g_autofree char *cr3 = p->cr3 == KVM_OTHER_PROCESSES ? g_strdup("other") : g_strdup_printf("0x%" G_GINT64_MODIFIER "x", p->cr3);
	g_autofree char *vcpu = c->by_vcpu ? g_strdup_printf("/vcpu/%d", vcpu_of(g, p)->id) : g_strdup("");

	view_set_textf(c->view, c->path, "%s/vm/%d/%s/%s%s", g->trace->name, pid_of(g, p), kind, cr3, vcpu);
	view_set_text(c->view, c->cr3, cr3);
}

static gint64 of_states(const Sum *s, guint32 states)
{
	gint64 ns = 0;

	for (guint k = 0; k < KVM_GUEST_STATE_COUNT; k++)
		ns += states >> k & 1 ? s->ns[k] : 0;
	return ns;
}

static gint64 run_ns(const Sum *s)
{
	return s->ns[KVM_GUEST_RUNNING] + s->ns[KVM_GUEST_UNCERTAIN];
}

static void set_row(const Columns *c, const Guests *g, const AnalysisQuery *q, const Sum *s, gint64 begin, gint64 all_ns)
{
	const KvmGuestProcessItem *p = process_at(g, s->process);
	View *v = c->view;

	view_begin_row(v);
	if (q->form == ANALYSIS_SERIES)
		analysis_set_time(v, c->time, g->trace, begin);
	view_set_text(v, c->machine, g->trace->name);
	set_path(c, g, p);
	view_set_int(v, c->vm, pid_of(g, p));
	if (c->by_vcpu)
		view_set_int(v, c->vcpu, vcpu_of(g, p)->id);
	else
		view_set_uint(v, c->vcpus, s->vcpus);
	view_set_uint(v, c->level, p->level);
	for (guint i = 0; i < G_N_ELEMENTS(times); i++)
		view_set_int(v, c->first + i, of_states(s, times[i].states));
	if (all_ns)
		view_set_double(v, c->share, (double)run_ns(s) / (double)all_ns);
}

static void add_step(const Columns *c, const Guests *g, const AnalysisQuery *q, const guint32 *numbers, guint n, gint64 begin, gint64 end)
{
	g_autofree Sum *sums = sum_up(g, numbers, n, begin, end);
	gint64 all = 0;

	for (guint i = 0; i < n; i++)
		all += run_ns(&sums[i]);
	for (guint i = 0; i < n; i++)
		if (of_states(&sums[i], G_MAXUINT32))
			set_row(c, g, q, &sums[i], begin, all);
}

static void add_trace(const Columns *c, const AnalysisQuery *q, const AnalysisStoreTrace *t)
{
	g_autoptr(AnalysisFilter) f = analysis_filter_new(q, t);
	Guests g;
	guint n;

	if (!f || !find(&g, t))
		return;
	g_autofree guint32 *numbers = number_sums(&g, f, c->by_vcpu, &n);
	gint64 end = MIN(analysis_filter_end(f), history_end(g.h)), step = q->form == ANALYSIS_SERIES ? MAX(q->every_ns, 1) : G_MAXINT64;
	for (gint64 at = analysis_filter_begin(f); n && at < end; at += MIN(step, end - at))
		add_step(c, &g, q, numbers, n, at, step < end - at ? at + step : end);
}

/* ---- The command --------------------------------------------------------------------------------------------------------- */

static void add_columns(Columns *c, const AnalysisQuery *q)
{
	View *v = c->view;

	c->time = analysis_add_time_column(v, q);
	c->machine = view_add_column(v, "machine", "MACHINE", VIEW_TEXT);
	view_hide_from_text(v, c->machine);
	c->path = view_add_column(v, "path", "PATH", VIEW_TEXT);
	c->vm = view_add_column(v, "vm_pid", "VM", VIEW_ID);
	c->level = view_add_column(v, "level", "LEVEL", VIEW_ID);
	c->cr3 = view_add_column(v, "cr3", "CR3", VIEW_TEXT);
	view_hide_from_text(v, c->vm);
	view_hide_from_text(v, c->level);
	view_hide_from_text(v, c->cr3);
	if (c->by_vcpu) {
		c->vcpu = view_add_column(v, "vcpu", "VCPU", VIEW_ID);
		view_hide_from_text(v, c->vcpu);
	} else {
		c->vcpus = view_add_column(v, "vcpus", "VCPUS", VIEW_COUNT);
	}
	for (guint i = 0; i < G_N_ELEMENTS(times); i++) {
		guint column = view_add_column(v, times[i].name, times[i].title, VIEW_NS);

		c->first = i ? c->first : column;
	}
	c->share = view_add_column(v, "share", "SHARE", VIEW_RATIO);
}

View *analysis_guests(const AnalysisStore *s, const AnalysisQuery *q, GError **error)
{
	Columns c = {.by_vcpu = q->by && strcmp(q->by, "vcpu") == 0};

	if (q->by && !c.by_vcpu && strcmp(q->by, "process") != 0) {
		g_set_error(error, ST_ERROR, ST_ERROR_USAGE, "--by takes process or vcpu; got \"%s\"", q->by);
		return NULL;
	}
	if (!analysis_check_steps(s, q, error))
		return NULL;
	c.view = view_new("guests", "Processes of VMs");
	add_columns(&c, q);
	for (guint i = 0; i < s->traces->len; i++)
		add_trace(&c, q, g_ptr_array_index(s->traces, i));
	view_set_empty_text(c.view, NOTHING_TEXT);
	view_sort(c.view, c.first, TRUE);
	if (q->form == ANALYSIS_SERIES)
		view_sort(c.view, c.time, FALSE);
	return c.view;
}
