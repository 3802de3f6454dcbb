/* SPDX-License-Identifier: MIT */
/* The main job: what is wrong, what runs in what, where the time of every level went, and what could not be known. */
#include <string.h>

#include "analysis/commands.h"
#include "analysis/rows.h"
#include "base/format.h"
#include "base/time.h"
#include "diagnose/private.h"

#define TOP_EXITS      3
#define TOP_PREEMPTORS 10
#define TOP_THREADS    10
#define TOP_WAITS      12

/* ---- JSON ------------------------------------------------------------------------------------------------------ */

static void json_machine(StJson *j, const char *name, gint level, const char *parent, gint32 vm_pid, const char *device, const char *trace)
{
	st_json_begin_inline_object(j);
	st_json_member_string(j, "name", name);
	if (level >= 0)
		st_json_member_int(j, "level", level);
	else
		st_json_member_null(j, "level");
	st_json_member_string(j, "parent", parent);
	if (vm_pid >= 0)
		st_json_member_int(j, "vm_pid", vm_pid);
	else
		st_json_member_null(j, "vm_pid");
	st_json_member_string(j, "virtual_by", device);
	st_json_member_string(j, "trace", trace);
	st_json_end(j);
}

/* The trace of a VM, if it has one. */
const ExperimentMember *diagnose_guest_of(const Diagnose *d, const AnalysisMachine *m, gint32 pid)
{
	for (guint i = 0; i < d->store->experiment->members->len; i++) {
		const ExperimentMember *e = experiment_member(d->store->experiment, i);

		if (e->parent == m->store->member && e->vm_pid == pid && e->l2 == EXPERIMENT_NONE)
			return e;
	}
	return NULL;
}

static const ExperimentMember *member_of(const Diagnose *d, const AnalysisMachine *m)
{
	return experiment_member(d->store->experiment, m->store->member);
}

/* The machine that it is a VM of; NULL: none, or not known. */
const char *diagnose_parent_of(const Diagnose *d, const AnalysisMachine *m)
{
	guint parent = member_of(d, m)->parent;

	return parent == EXPERIMENT_NONE ? NULL : experiment_member(d->store->experiment, parent)->name;
}

const char *diagnose_orphan_by(const Diagnose *d, const AnalysisMachine *m)
{
	return diagnose_parent_of(d, m) ? NULL : analysis_virtual_by(m->store);
}

static void json_traced(StJson *j, const Diagnose *d, const AnalysisMachine *m)
{
	json_machine(j, m->name, m->level, diagnose_parent_of(d, m), member_of(d, m)->vm_pid, analysis_virtual_by(m->store), m->trace->path);
}

/* VMs without a trace of their own, and those nested in them. */
static void json_untraced(StJson *j, const Diagnose *d, const AnalysisMachine *m)
{
	for (guint k = 0; k < m->kvm->vms->len; k++) {
		const KvmVm *vm = g_ptr_array_index(m->kvm->vms, k);
		g_autofree char *vm_path = analysis_vm_path(m, vm);

		if (diagnose_guest_of(d, m, vm->pid))
			continue;
		json_machine(j, vm_path, m->level >= 0 ? m->level + 1 : -1, m->name, vm->pid, NULL, NULL);
		for (guint l = 0; l < vm->l2s->len; l++) {
			g_autofree char *path = analysis_l2_path(m, vm, g_ptr_array_index(vm->l2s, l));

			json_machine(j, path, m->level >= 0 ? m->level + 2 : -1, vm_path, -1, NULL, NULL);
		}
	}
}

static void json_machines(StJson *j, const Analysis *a, const Diagnose *d)
{
	st_json_key(j, "machines");
	st_json_begin_array(j);
	for (guint i = 0; i < a->machines->len; i++)
		json_traced(j, d, g_ptr_array_index(a->machines, i));
	for (guint i = 0; i < a->machines->len; i++)
		json_untraced(j, d, g_ptr_array_index(a->machines, i));
	st_json_end(j);
}

/* Why vCPUs slept; of one machine, or of all. Never fails: it is no series. */
static View *waits_of(const Diagnose *d, const char *machine)
{
	const char *machines[] = {machine, NULL};
	AnalysisQuery q = {.begin_ns = d->begin_ns, .end_ns = d->end_ns, .machines = machine ? machines : NULL};

	return analysis_waits(d->store, &q, NULL);
}

static void json_rows(StJson *j, const char *key, View *view)
{
	st_json_key(j, key);
	view_json_rows(view, j);
	view_free(view);
}

/* Rows of analysis_unchecked() of the causes that can't be looked for. */
static void add_unchecked(gpointer user, const AnalysisStoreTrace *machine, const DiagnoseCause *cause, const char *command)
{
	View *v = user;

	view_begin_row(v);
	view_set_text(v, 0, machine->name);
	view_set_text(v, 1, cause->id);
	view_set_textf(v, 2, "whether %s", cause->what);
	view_set_text(v, 3, command);
}

static View *unchecked_of(const Analysis *a, const Diagnose *d)
{
	View *v = analysis_unchecked(a);

	diagnose_unchecked(d, add_unchecked, v);
	return v;
}

static void json_summary(StJson *j, const Analysis *a, const Diagnose *d)
{
	g_autoptr(GPtrArray) lines = diagnose_summary(d, a);

	st_json_key(j, "summary");
	st_json_begin_array(j);
	for (guint i = 0; i < lines->len; i++)
		st_json_string(j, g_ptr_array_index(lines, i));
	st_json_end(j);
}

static gboolean report_json(const Analysis *a, const Diagnose *d, FILE *out, GError **error)
{
	g_autoptr(StJson) j = st_json_new_file(out, ST_JSON_INDENT);
	st_json_begin_object(j);
	st_json_member_string(j, "schema", "strata/report/1");
	st_json_member_int(j, "begin_ns", a->begin_ns);
	st_json_member_int(j, "end_ns", a->end_ns);
	json_summary(j, a, d);
	json_machines(j, a, d);
	diagnose_json(d, j);
	json_rows(j, "unchecked", unchecked_of(a, d));
	json_rows(j, "lost_events", analysis_losses(a));
	json_rows(j, "vms", analysis_vms(a));
	json_rows(j, "levels", analysis_levels(a));
	json_rows(j, "vcpus", analysis_vcpus(a));
	json_rows(j, "exits", analysis_exits(a));
	json_rows(j, "preemption", analysis_preemption(a));
	json_rows(j, "waits", waits_of(d, NULL));
	json_rows(j, "cpus", analysis_report_cpus(a));
	json_rows(j, "threads", analysis_report_threads(a));
	st_json_end(j);
	return st_json_finish(j, error);
}

/* ---- Text: a machine's head ------------------------------------------------------------------------------------ */

static const char *or_unknown(const char *s)
{
	return s && *s ? s : "unknown";
}

guint diagnose_cpu_count(const Kernel *k)
{
	guint n = 0;
	for (guint i = 0; i < k->cpus->len; i++)
		n += g_ptr_array_index(k->cpus, i) != NULL;
	return n;
}

/* "VM 183 of host", as far as it is known. The caller frees. */
char *diagnose_place_of(const Diagnose *d, const AnalysisMachine *m)
{
	const char *parent = diagnose_parent_of(d, m), *device = diagnose_orphan_by(d, m);
	const ExperimentMember *e = member_of(d, m);

	if (device && !m->kvm->vms->len)
		return g_strdup_printf("a VM, by its device %s; no trace of its host is given", device);
	if (device && m->level == 0)
		return g_strdup_printf("the traced host; a VM itself, by its device %s", device);
	if (m->level < 0)
		return g_strdup("its own level is not known from these traces");
	if (m->level == 0 || !parent)
		return g_strdup(m->level == 0 ? "the traced host" : "a guest");
	return g_strdup_printf("%sVM %d of %s", e->l2 == EXPERIMENT_NONE ? "" : "nested in ", e->vm_pid, parent);
}

static void say_machine(ViewDoc *doc, const Diagnose *d, const AnalysisMachine *m)
{
	char begin[ST_TIME_FORMAT_MAX], end[ST_TIME_FORMAT_MAX], length[ST_FORMAT_MAX], events[ST_FORMAT_MAX], lost[ST_FORMAT_MAX];
	g_autofree char *heading = g_strdup_printf("Machine %s", m->name);
	g_autofree char *place = diagnose_place_of(d, m);
	view_doc_part(doc, heading);
	view_doc_pair(doc, "Trace", "%s", m->trace->path);
	if (m->level > 0)
		view_doc_pair(doc, "Level", "L%d, %s", m->level, place);
	view_doc_pair(doc, "Kernel", "%s, recorded by %s", or_unknown(m->facts.kernel_release), or_unknown(m->facts.tracer));
	view_doc_pair(doc, "Time", "%s to %s (%s)", st_time_format_date(begin, m->kernel->begin_ns),
	              st_time_format(end, m->kernel->end_ns), st_format_duration(length, m->kernel->end_ns - m->kernel->begin_ns));
	view_doc_pair(doc, "Processors", "%u", diagnose_cpu_count(m->kernel));
	view_doc_pair(doc, "Events", "%s, %s lost%s", st_format_count(events, m->stats.events),
	              m->lost_events ? st_format_count(lost, m->lost_events) : "none", m->lost_packets ? ", and whole packets" : "");
}

/* ---- Text: where the time went --------------------------------------------------------------------------------- */

static const char *describe_state(const AnalysisMachine *m, KvmState state)
{
	if (state == KVM_STATE_BLOCKED && !m->kvm->has_exits)
		return "sleeps; whether the VM halted it or it waits for something else was not recorded";
	return kvm_state_description(state);
}

static const ViewRole state_roles[KVM_STATE_COUNT] = {
	[KVM_STATE_UNKNOWN] = VIEW_ROLE_UNKNOWN,     [KVM_STATE_OFF] = VIEW_ROLE_UNKNOWN,         [KVM_STATE_GUEST_L1] = VIEW_ROLE_WORK,
	[KVM_STATE_GUEST_L2] = VIEW_ROLE_WORK,       [KVM_STATE_EXIT] = VIEW_ROLE_OVERHEAD,       [KVM_STATE_EMULATION] = VIEW_ROLE_OVERHEAD,
	[KVM_STATE_RUNNING] = VIEW_ROLE_WORK,        [KVM_STATE_HALT_POLL] = VIEW_ROLE_IDLE,      [KVM_STATE_HALTED] = VIEW_ROLE_IDLE,
	[KVM_STATE_BLOCKED] = VIEW_ROLE_WAIT,        [KVM_STATE_PREEMPTED] = VIEW_ROLE_LOST,      [KVM_STATE_WAIT_CPU] = VIEW_ROLE_LOST,
	[KVM_STATE_THROTTLED] = VIEW_ROLE_LOST,
};

/* Only states that occur have a column: a share of the time, which is what a person compares. */
static void say_times(ViewDoc *doc, const AnalysisMachine *m)
{
	View *t = view_new("time", "Where the time of every vCPU went");
	gint64 duration = MAX(m->kernel->end_ns - m->kernel->begin_ns, 1);
	gint64 total[KVM_STATE_COUNT] = {0};
	guint column[KVM_STATE_COUNT] = {0};
	for (guint s = 0; s < KVM_STATE_COUNT; s++)
		for (guint i = 0; i < m->kvm->vms->len; i++)
			total[s] += analysis_vm_ns(g_ptr_array_index(m->kvm->vms, i), (KvmState)s);
	view_add_column(t, "vm", "VM", VIEW_ID);
	view_add_column(t, "vcpu", "VCPU", VIEW_ID);
	for (guint s = 0; s < KVM_STATE_COUNT; s++) {
		g_autofree char *title = g_ascii_strup(kvm_state_name((KvmState)s), -1);
		if (total[s])
			column[s] = view_add_column(t, kvm_state_name((KvmState)s), title, VIEW_RATIO);
		if (total[s])
			view_set_role(t, column[s], state_roles[s]);
	}
	for (guint i = 0; i < m->kvm->vms->len; i++) {
		const KvmVm *vm = g_ptr_array_index(m->kvm->vms, i);
		for (guint k = 0; k < vm->vcpus->len; k++) {
			const KvmVcpu *v = g_ptr_array_index(vm->vcpus, k);
			view_begin_row(t);
			view_set_int(t, 0, vm->pid);
			view_set_int(t, 1, v->id);
			for (guint s = 0; s < KVM_STATE_COUNT; s++)
				if (column[s])
					view_set_double(t, column[s], (double)v->ns[s] / (double)duration);
		}
	}
	view_doc_heading(doc, "Where the time of every vCPU went");
	view_doc_table(doc, t);
	for (guint s = 0; s < KVM_STATE_COUNT; s++)
		if (total[s])
			view_doc_pair(doc, kvm_state_name((KvmState)s), "%s", describe_state(m, (KvmState)s));
}

static void say_cpus(ViewDoc *doc, const AnalysisMachine *m)
{
	View *t = view_new("processors", "Processors");
	double duration = (double)MAX(m->kernel->end_ns - m->kernel->begin_ns, 1);
	gboolean guests = m->kvm->has_exits && m->kvm->vms->len;
	view_add_column(t, "cpu", "CPU", VIEW_ID);
	view_add_column(t, "idle", "IDLE", VIEW_RATIO);
	view_add_column(t, "busy", "BUSY", VIEW_RATIO);
	if (guests)
		view_add_column(t, "guest", "OF IT IN GUESTS", VIEW_RATIO);
	for (guint i = 0; i < m->kernel->cpus->len; i++) {
		const KernelCpu *cpu = g_ptr_array_index(m->kernel->cpus, i);
		if (!cpu)
			continue;
		view_begin_row(t);
		view_set_int(t, 0, cpu->id);
		view_set_double(t, 1, (double)cpu->ns[KERNEL_CPU_IDLE] / duration);
		view_set_double(t, 2, (double)cpu->ns[KERNEL_CPU_BUSY] / duration);
		if (guests)
			view_set_double(t, 3, (double)m->kvm->cpu_guest_ns[i] / duration);
	}
	view_doc_heading(doc, "Processors");
	view_doc_table(doc, t);
}

/* ---- Text: exits ------------------------------------------------------------------------------------------------ */

/* All vCPUs of a VM together; level 2's reasons apart from level 1's. */
typedef struct {
	const KvmVm *vm;
	guint level;
	const char *name;
	guint64 count, reflected, full, full_exits;
	gint64 total, on_cpu;
	StHist hist;
} ExitSum;

static ExitSum *sum_for(GArray *sums, const KvmVm *vm, guint level, const char *name)
{
	for (guint i = 0; i < sums->len; i++) {
		ExitSum *s = &g_array_index(sums, ExitSum, i);
		if (s->vm == vm && s->level == level && !strcmp(s->name, name))
			return s;
	}
	ExitSum new = {.vm = vm, .level = level, .name = name};
	g_array_append_val(sums, new);
	return &g_array_index(sums, ExitSum, sums->len - 1);
}

static void add_exits(GArray *sums, const KvmVm *vm, guint level, const GPtrArray *exits)
{
	for (guint i = 0; i < exits->len; i++) {
		const KvmExit *e = g_ptr_array_index(exits, i);
		ExitSum *s = sum_for(sums, vm, level, e->name);
		s->count += e->count;
		s->total += analysis_exit_ns(e);
		s->on_cpu += kvm_exit_on_cpu(e);
		s->reflected += e->reflected;
		s->full += e->full.count;
		s->full_exits += e->full_exits;
		st_hist_merge(&s->hist, &e->hist);
	}
}

/* By the processor time that they cost: what a halted vCPU sleeps is no cost. */
static gint by_cost(gconstpointer pa, gconstpointer pb)
{
	const ExitSum *a = pa, *b = pb;
	return a->on_cpu != b->on_cpu ? (a->on_cpu > b->on_cpu ? -1 : 1) : strcmp(a->name, b->name);
}

static void clear_sum(gpointer data)
{
	st_hist_clear(&((ExitSum *)data)->hist);
}

static GArray *sum_exits(const KvmVm *vm)
{
	GArray *sums = g_array_new(FALSE, TRUE, sizeof(ExitSum));
	g_array_set_clear_func(sums, clear_sum);
	for (guint i = 0; i < vm->vcpus->len; i++) {
		const KvmVcpu *v = g_ptr_array_index(vm->vcpus, i);
		add_exits(sums, vm, 1, v->exits);
		for (guint k = 0; k < v->nested->len; k++)
			add_exits(sums, vm, 2, ((const KvmNested *)g_ptr_array_index(v->nested, k))->exits);
	}
	g_array_sort(sums, by_cost);
	return sums;
}

static void add_exit_row(View *t, const AnalysisMachine *m, const ExitSum *s)
{
	double seconds = (double)MAX(m->kernel->end_ns - m->kernel->begin_ns, 1) / 1e9;
	view_begin_row(t);
	view_set_int(t, 0, s->vm->pid);
	analysis_set_level(t, 1, m, s->level);
	view_set_text(t, 2, s->name);
	view_set_uint(t, 3, s->count);
	view_set_double(t, 4, (double)s->count / seconds);
	view_set_int(t, 5, s->on_cpu);
	if (s->hist.count) {
		view_set_int(t, 6, st_hist_percentile(&s->hist, 50));
		view_set_int(t, 7, st_hist_percentile(&s->hist, 99));
	}
	if (s->level == 2)
		view_set_uint(t, 8, s->reflected);
	if (s->full)
		view_set_double(t, 9, (double)s->full_exits / (double)s->full);
}

static void say_exits(ViewDoc *doc, const AnalysisMachine *m)
{
	View *t = view_new("top-exits", "The exits that cost most");
	static const struct {
		const char *name, *title;
		ViewUnit unit;
	} columns[] = {{"vm", "VM", VIEW_ID}, {"level", "FROM", VIEW_TEXT}, {"reason", "REASON", VIEW_TEXT},
	               {"count", "COUNT", VIEW_COUNT}, {"rate", "RATE", VIEW_HZ}, {"on_cpu", "ON CPU", VIEW_NS},
	               {"p50", "P50", VIEW_NS}, {"p99", "P99", VIEW_NS}, {"reflected", "REFLECTED", VIEW_COUNT},
	               {"multiplication", "EXITS PER EXIT", VIEW_NUMBER}};
	for (guint i = 0; i < G_N_ELEMENTS(columns); i++)
		view_add_column(t, columns[i].name, columns[i].title, columns[i].unit);
	for (guint i = 0; i < m->kvm->vms->len; i++) {
		g_autoptr(GArray) sums = sum_exits(g_ptr_array_index(m->kvm->vms, i));
		guint by_level[3] = {0};
		for (guint k = 0; k < sums->len; k++) {
			const ExitSum *s = &g_array_index(sums, ExitSum, k);
			if (by_level[s->level]++ < TOP_EXITS)
				add_exit_row(t, m, s);
		}
	}
	view_add_note(t, "ON CPU is processor time from exit to entry, P50 and P99 are whole handling times, waits included. REFLECTED: given to the "
	                 "VM's own hypervisor; EXITS PER EXIT: how many it took there until the nested VM ran on.");
	view_doc_heading(doc, "The exits that cost most");
	view_doc_table(doc, t);
	view_doc_paragraph(doc, "All of them, by vCPU:");
	view_doc_command(doc, "strata exits %s", m->trace->path);
}

/* ---- Text: preemption, threads ---------------------------------------------------------------------------------- */

/* A view of one machine only. */
static View *view_of(const Analysis *a, const AnalysisMachine *m, View *(*make)(const Analysis *))
{
	gpointer only[] = {(gpointer)(guintptr)m};
	GPtrArray machines = {only, 1};
	Analysis one = *a;
	one.machines = &machines;
	return make(&one);
}

static void say_preemption(ViewDoc *doc, const Analysis *a, const AnalysisMachine *m)
{
	View *v = view_of(a, m, analysis_preemption);
	view_doc_heading(doc, "Who had the processor that a vCPU waited for");
	view_set_empty_text(v, "No vCPU waited for a processor.");
	for (guint hidden = 4; hidden <= 6; hidden++)
		view_hide_from_text(v, hidden);
	view_limit(v, TOP_PREEMPTORS);
	view_doc_table(doc, v);
}

static void say_threads(ViewDoc *doc, const Analysis *a, const AnalysisMachine *m)
{
	View *v = view_of(a, m, analysis_report_threads);
	view_doc_heading(doc, "Threads with most processor time");
	view_limit(v, TOP_THREADS);
	view_hide_from_text(v, 0);
	view_doc_table(doc, v);
}

/* ---- Text: what is missing --------------------------------------------------------------------------------------- */

static void say_losses(ViewDoc *doc, const Analysis *a)
{
	View *v = analysis_losses(a);
	view_doc_part(doc, "Lost events");
	if (!view_row_count(v)) {
		view_free(v);
		view_doc_paragraph(doc, "None, in no trace.");
		return;
	}
	view_doc_paragraph(doc, "The tracer could not keep up, or buffers were overwritten. What happened in these times is not known, and counted as unknown above. "
	                        "Larger or more sub-buffers (lttng enable-channel --subbuf-size --num-subbuf) keep more.");
	view_doc_table(doc, v);
}

static void say_gaps(ViewDoc *doc, const AnalysisMachine *m)
{
	g_autoptr(GArray) gaps = kvm_gaps(m->kvm);
	if (!gaps->len)
		return;
	view_doc_heading(doc, "What could not be known, and what would have told");
	for (guint i = 0; i < gaps->len; i++) {
		const KvmGap *gap = &g_array_index(gaps, KvmGap, i);
		view_doc_item(doc, "%s", gap->lost);
		view_doc_command(doc, "%s", gap->command);
	}
}

/* Causes of one machine that can't be looked for, by what would have recorded what they need. */
typedef struct {
	ViewDoc *doc;
	const char *machine;
	GPtrArray *commands, *causes; /* char *, GString * */
} Unchecked;

static void collect_unchecked(gpointer user, const AnalysisStoreTrace *machine, const DiagnoseCause *cause, const char *command)
{
	Unchecked *u = user;
	guint i = 0;

	if (strcmp(machine->name, u->machine) != 0)
		return;
	while (i < u->commands->len && strcmp(g_ptr_array_index(u->commands, i), command) != 0)
		i++;
	if (i == u->commands->len) {
		g_ptr_array_add(u->commands, g_strdup(command));
		g_ptr_array_add(u->causes, g_string_new(NULL));
	}
	GString *causes = g_ptr_array_index(u->causes, i);
	g_string_append_printf(causes, "%s%s", causes->len ? ", " : "", cause->id);
}

static void string_free(gpointer s)
{
	g_string_free(s, TRUE);
}

static void say_unchecked(ViewDoc *doc, const Diagnose *d, const AnalysisMachine *m)
{
	g_autoptr(GPtrArray) commands = g_ptr_array_new_with_free_func(g_free), causes = g_ptr_array_new_with_free_func(string_free);
	Unchecked u = {doc, m->name, commands, causes};

	diagnose_unchecked(d, collect_unchecked, &u);
	if (!commands->len)
		return;
	view_doc_heading(doc, "Causes that could not be looked for, and what would have told");
	for (guint i = 0; i < commands->len; i++) {
		view_doc_item(doc, "%s", ((GString *)g_ptr_array_index(causes, i))->str);
		view_doc_command(doc, "%s", (char *)g_ptr_array_index(commands, i));
	}
}

/* In one line what matters: how often, how long, how long until it ran again. */
static void say_waits(ViewDoc *doc, const Diagnose *d, const AnalysisMachine *m)
{
	static const char *const hidden[] = {"machine", "min_ns", "mean_ns", "p90_ns", "confidence"};
	View *v = waits_of(d, m->name);
	guint column;

	for (guint i = 0; i < G_N_ELEMENTS(hidden); i++)
		if (view_find_column(v, hidden[i], &column))
			view_hide_from_text(v, column);
	view_doc_heading(doc, "What vCPUs waited for while they were asleep");
	view_limit(v, TOP_WAITS);
	view_doc_table(doc, v);
}

static void say_one(ViewDoc *doc, const Analysis *a, const Diagnose *d, const AnalysisMachine *m)
{
	say_machine(doc, d, m);
	if (m->kvm->vms->len) {
		say_times(doc, m);
		if (m->kvm->has_exits)
			say_exits(doc, m);
		say_preemption(doc, a, m);
		say_waits(doc, d, m);
	} else {
		view_doc_paragraph(doc, "No VM was seen in this trace: it tells of one kernel only.");
	}
	say_cpus(doc, m);
	say_threads(doc, a, m);
	say_gaps(doc, m);
	say_unchecked(doc, d, m);
}

static gboolean report_doc(const Analysis *a, const Diagnose *d, ViewFormat format, FILE *out, GError **error)
{
	g_autoptr(ViewDoc) doc = view_doc_new();

	diagnose_say_summary(d, a, doc);
	diagnose_say(d, doc);
	diagnose_say_topology(d, a, doc);
	diagnose_say_levels(a, doc);
	for (guint i = 0; i < a->machines->len; i++)
		say_one(doc, a, d, g_ptr_array_index(a->machines, i));
	say_losses(doc, a);
	for (guint i = 0; i < a->others->len; i++) {
		const CtfTrace *t = g_ptr_array_index(a->others, i);
		if (i == 0)
			view_doc_part(doc, "Other traces");
		view_doc_item(doc, "%s is no kernel's trace; strata info and strata events read it.", t->path);
	}
	return view_doc_render(doc, format, "Strata report", out, error);
}

gboolean diagnose_report(const Analysis *a, const Diagnose *d, ViewFormat format, FILE *out, GError **error)
{
	if (format == VIEW_FORMAT_JSON)
		return report_json(a, d, out, error);
	if (view_is_for_people(format))
		return report_doc(a, d, format, out, error);
	g_set_error(error, ST_ERROR, ST_ERROR_USAGE,
	            "the report is text, json or html, since it is many tables: strata vms, vcpus, exits --format csv have them one by one");
	return FALSE;
}
