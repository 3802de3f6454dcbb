/* SPDX-License-Identifier: MIT */
/* head.c: what a report begins with besides its findings: the summary, who runs in whom, and the time of every level. */
#include <string.h>

#include "analysis/rows.h"
#include "base/format.h"
#include "diagnose/private.h"

#define ALSO_MAX     2 /* findings that the second line names */
#define MACHINES_MAX 6 /* machines that the third line names */

/* ---- Summary -------------------------------------------------------------------------------------------------------------- */

static G_GNUC_PRINTF(2, 3) void add_line(GPtrArray *lines, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	g_ptr_array_add(lines, g_strdup_vprintf(format, args));
	va_end(args);
}

static void say_first(const Diagnose *d, GPtrArray *lines)
{
	char lost[ST_FORMAT_MAX];

	if (!d->findings->len) {
		add_line(lines, "Nothing of weight was found: nobody lost %g %% of the time for which he wanted to run, or %g %% of some second.",
			      d->thresholds[DIAGNOSE_HEAVY_SHARE] * 100, d->thresholds[DIAGNOSE_HEAVY_SECOND] * 100);
		return;
	}
	const DiagnoseFinding *f = g_ptr_array_index(d->findings, 0);
	add_line(lines, "%s: %s, %.1f %% of %s.", f->title, st_format_duration(lost, f->lost_ns), f->share * 100, f->cause->share_of);
}

static void say_others(const Diagnose *d, GPtrArray *lines)
{
	g_autoptr(GString) text = g_string_new(NULL);
	char lost[ST_FORMAT_MAX];
	guint i = 1;

	for (; i < d->findings->len && i <= ALSO_MAX; i++) {
		const DiagnoseFinding *f = g_ptr_array_index(d->findings, i);

		g_string_append_printf(text, "%s%s: %s by %s (%s)", i > 1 ? "; " : "Also ", f->sufferer.name, f->cause->id, f->culprit.name,
				       st_format_duration(lost, f->lost_ns));
	}
	if (d->findings->len > i)
		g_string_append_printf(text, "; and %u more", d->findings->len - i);
	if (text->len)
		add_line(lines, "%s.", text->str);
}

static void say_machines(const Analysis *a, GPtrArray *lines)
{
	g_autoptr(GString) names = g_string_new(NULL);
	char length[ST_FORMAT_MAX], events[ST_FORMAT_MAX];
	guint64 n = 0;

	for (guint i = 0; i < a->machines->len; i++) {
		const AnalysisMachine *m = g_ptr_array_index(a->machines, i);

		n += m->stats.events;
		if (i >= MACHINES_MAX)
			continue;
		g_string_append_printf(names, "%s%s", i ? ", " : "", m->name);
		if (m->level >= 0)
			g_string_append_printf(names, " (L%d)", m->level);
	}
	if (a->machines->len > MACHINES_MAX)
		g_string_append(names, ", ...");
	add_line(lines, "Looked at %u machine%s for %s: %s; %s events.", a->machines->len, a->machines->len == 1 ? "" : "s",
		      st_format_duration(length, a->end_ns - a->begin_ns), names->str, st_format_count(events, n));
}

/* All vCPUs of machines that are nobody's VM: those on top of others are in their time. */
static void say_time(const Diagnose *d, const Analysis *a, GPtrArray *lines)
{
	gint64 ns[KVM_STATE_COUNT] = {0}, all = 0, other;

	for (guint i = 0; i < a->machines->len; i++) {
		const AnalysisMachine *m = g_ptr_array_index(a->machines, i);

		for (guint v = 0; v < m->kvm->vms->len && !diagnose_parent_of(d, m); v++)
			for (guint s = 0; s < KVM_STATE_COUNT; s++)
				ns[s] += analysis_vm_ns(g_ptr_array_index(m->kvm->vms, v), (KvmState)s);
	}
	for (guint s = 0; s < KVM_STATE_COUNT; s++)
		all += ns[s];
	if (!all)
		return;
	gint64 own = ns[KVM_STATE_GUEST_L1] + ns[KVM_STATE_GUEST_L2] + ns[KVM_STATE_RUNNING], exits = ns[KVM_STATE_EXIT] + ns[KVM_STATE_EMULATION],
	       stolen = ns[KVM_STATE_PREEMPTED] + ns[KVM_STATE_WAIT_CPU] + ns[KVM_STATE_THROTTLED], idle = ns[KVM_STATE_HALTED] + ns[KVM_STATE_HALT_POLL];
	char text[5][ST_FORMAT_MAX];
	other = all - own - exits - stolen - idle;
	add_line(lines, "Virtual processors: %s in guests' code, %s for their exits, %s ready but without a processor, %s halted, %s otherwise.",
		      st_format_percent(text[0], (double)own / (double)all), st_format_percent(text[1], (double)exits / (double)all),
		      st_format_percent(text[2], (double)stolen / (double)all), st_format_percent(text[3], (double)idle / (double)all),
		      st_format_percent(text[4], (double)other / (double)all));
}

static void count_unchecked(gpointer user, const AnalysisStoreTrace *machine, const DiagnoseCause *cause, const char *command)
{
	g_hash_table_add(user, (gpointer)(guintptr)cause);
}

/* Nothing in a VM's own trace tells what its host does to it; the names of those that are VMs of nobody here, with commas. */
static char *orphans(const Diagnose *d, const Analysis *a)
{
	g_autoptr(GString) names = g_string_new(NULL);

	for (guint i = 0; i < a->machines->len; i++) {
		const AnalysisMachine *m = g_ptr_array_index(a->machines, i);

		if (diagnose_orphan_by(d, m) && !m->kvm->vms->len)
			g_string_append_printf(names, "%s%s", names->len ? ", " : "", m->name);
	}
	return g_string_free(g_steal_pointer(&names), FALSE);
}

static void say_doubt(const Diagnose *d, const Analysis *a, GPtrArray *lines)
{
	g_autoptr(GHashTable) unchecked = g_hash_table_new(NULL, NULL);
	guint64 lost = 0, packets = 0;
	char count[ST_FORMAT_MAX];

	diagnose_unchecked(d, count_unchecked, unchecked);
	for (guint i = 0; i < a->machines->len; i++) {
		const AnalysisMachine *m = g_ptr_array_index(a->machines, i);

		lost += m->lost_events;
		packets += m->lost_packets;
	}
	g_autofree char *causes = g_hash_table_size(unchecked) ? g_strdup_printf("%u of %u causes could not be looked for, in some machine: events are missing (below)",
										 g_hash_table_size(unchecked), diagnose_n_causes()) :
								 g_strdup("all causes could be looked for");
	g_autofree char *vms = orphans(d, a);
	g_autofree char *host = *vms ? g_strdup_printf(" What the host of %s does to it can't be seen from within: record that too.", vms) : g_strdup("");
	add_line(lines, "%s event%s lost%s; %s.%s", lost ? st_format_count(count, lost) : "No", lost > 1 ? "s were" : " was", packets ? ", and whole packets" : "",
		      causes, host);
}

GPtrArray *diagnose_summary(const Diagnose *d, const Analysis *a)
{
	GPtrArray *lines = g_ptr_array_new_with_free_func(g_free);

	say_first(d, lines);
	say_others(d, lines);
	say_machines(a, lines);
	say_time(d, a, lines);
	say_doubt(d, a, lines);
	return lines;
}

void diagnose_say_summary(const Diagnose *d, const Analysis *a, ViewDoc *doc)
{
	g_autoptr(GPtrArray) lines = diagnose_summary(d, a);

	view_doc_part(doc, "Summary");
	for (guint i = 0; i < lines->len; i++)
		view_doc_line(doc, "%s", (const char *)g_ptr_array_index(lines, i));
}

/* ---- Who runs in whom ----------------------------------------------------------------------------------------------------- */

typedef struct {
	const Diagnose *d;
	const Analysis *a;
	View *view;
} Tree;

static const char *plural(guint64 n)
{
	return n == 1 ? "" : "s";
}

static const AnalysisMachine *machine_of(const Tree *t, const ExperimentMember *member)
{
	for (guint i = 0; member && i < t->a->machines->len; i++) {
		const AnalysisMachine *m = g_ptr_array_index(t->a->machines, i);

		if (experiment_member(t->d->store->experiment, m->store->member) == member)
			return m;
	}
	return NULL;
}

static void append_thread_ids(GString *s, const KvmVm *vm)
{
	for (guint i = 0; i < vm->vcpus->len; i++) {
		const KvmVcpu *v = g_ptr_array_index(vm->vcpus, i);
		g_string_append_printf(s, "%s%d", i ? ", " : "", v->thread->tid);
	}
}

static void add_l2(const Tree *t, const AnalysisMachine *m, const KvmL2 *l2, gint parent)
{
	char guest[ST_FORMAT_MAX];

	view_begin_row(t->view);
	view_row_parent(t->view, parent);
	view_set_textf(t->view, 0, "nested VM %u", l2->index);
	analysis_set_level(t->view, 1, m, 2);
	view_set_textf(t->view, 2, "%s%u vCPU%s", l2->vcpus_exact ? "" : "at least ", l2->vcpus, plural(l2->vcpus));
	view_set_textf(t->view, 3, "its code ran %s%s", st_format_duration(guest, l2->guest_ns),
		       l2->is_hypervisor              ? "; it runs VMs itself, which count as it" :
		       l2->evidence == KVM_L2_ASSUMED ? "; all nested VMs together: nothing told them apart" :
							"");
}

static void add_vms(const Tree *t, const AnalysisMachine *m, gint parent);

static void add_vm(const Tree *t, const AnalysisMachine *m, const KvmVm *vm, gint parent)
{
	g_autoptr(GString) tids = g_string_new(NULL);
	guint others = vm->threads->len > vm->vcpus->len ? vm->threads->len - vm->vcpus->len : 0;
	const ExperimentMember *guest = diagnose_guest_of(t->d, m, vm->pid);
	const AnalysisMachine *inner = machine_of(t, guest);
	gint row = view_begin_row(t->view);

	append_thread_ids(tids, vm);
	view_row_parent(t->view, parent);
	view_set_textf(t->view, 0, "%s, pid %d", *vm->name ? vm->name : "unknown", vm->pid);
	analysis_set_level(t->view, 1, m, 1);
	view_set_textf(t->view, 2, "%u vCPU%s", vm->vcpus->len, plural(vm->vcpus->len));
	view_set_textf(t->view, 3, "vCPU thread%s %s; %u other thread%s%s%s", plural(vm->vcpus->len), tids->str, others, plural(others), guest ? "; machine " : "",
		       guest ? guest->name : "");
	/* Its own trace knows its VMs better. */
	if (inner && inner->kvm->vms->len) {
		add_vms(t, inner, row);
		return;
	}
	for (guint i = 0; i < vm->l2s->len; i++)
		add_l2(t, m, g_ptr_array_index(vm->l2s, i), row);
}

static void add_vms(const Tree *t, const AnalysisMachine *m, gint parent)
{
	for (guint i = 0; i < m->kvm->vms->len; i++)
		add_vm(t, m, g_ptr_array_index(m->kvm->vms, i), parent);
}

static void add_machine(const Tree *t, const AnalysisMachine *m)
{
	g_autofree char *place = diagnose_place_of(t->d, m);
	guint cpus = diagnose_cpu_count(m->kernel);
	gint row = view_begin_row(t->view);

	view_set_text(t->view, 0, m->name);
	if (m->level >= 0)
		analysis_set_level(t->view, 1, m, 0);
	view_set_textf(t->view, 2, "%u CPU%s", cpus, plural(cpus));
	view_set_text(t->view, 3, place);
	add_vms(t, m, row);
}

void diagnose_say_topology(const Diagnose *d, const Analysis *a, ViewDoc *doc)
{
	View *v = view_new("topology", "Who runs in whom");
	Tree t = {d, a, v};

	view_add_column(v, "name", "WHO", VIEW_TEXT);
	view_add_column(v, "level", "LEVEL", VIEW_TEXT);
	view_add_column(v, "vcpus", "PROCESSORS", VIEW_TEXT);
	view_add_column(v, "detail", "DETAIL", VIEW_TEXT);
	view_set_tree_column(v, 0);
	for (guint i = 0; i < a->machines->len; i++) {
		const AnalysisMachine *m = g_ptr_array_index(a->machines, i);

		if (!diagnose_parent_of(d, m))
			add_machine(&t, m);
	}
	view_set_empty_text(v, "No machine was found.");
	view_doc_part(doc, "Who runs in whom");
	view_doc_table(doc, v);
}

/* ---- Levels --------------------------------------------------------------------------------------------------------------- */

void diagnose_say_levels(const Analysis *a, ViewDoc *doc)
{
	View *v = analysis_levels(a);

	if (!view_row_count(v)) {
		view_free(v);
		return;
	}
	view_doc_part(doc, "Where the time of every level went");
	view_hide_from_text(v, 0);
	view_hide_from_text(v, 1);
	view_add_note(v, "SHARE is of the VM's virtual processors' whole time.");
	view_doc_table(doc, v);
}
