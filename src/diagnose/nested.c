/* SPDX-License-Identifier: MIT */
/*
 * nested.c: VMs nested in a VM, as the physical host alone sees them: their own hypervisor, in level 1, keeps them from running, or each of their exits costs many of level 1.
 *
 * The account of analysis/nested.h is made for windows of time, so that it is known when time was lost. Whom a nested VM lost its processor to is known if that was another nested VM; what else
 * level 1 ran only its own trace tells. With that trace the rule "preempted" says more, and this one says nothing of it.
 */
#include "analysis/nested.h"
#include "diagnose/private.h"

#define WINDOWS 64

/* One nested VM, over all vCPUs that run it. */
typedef struct {
	guint32 item;            /* of "l2s" */
	AnalysisNestedAccount sum;
	DiagnoseLoss *to_l2, *to_l1, *to_exits;
	gint64 ran[WINDOWS], lost[WINDOWS]; /* lost: to another nested VM */
} Nested;

typedef struct {
	Diagnose *d;
	const AnalysisStoreTrace *t;
	const AnalysisSteal *steal;
	guint32 vm;
	const KvmVmItem *item;
	guint l2s, l2_vcpus;
	gint64 begin, end, width;
	Nested *nested;
	guint n;
} Scan;

/* ---- Time -------------------------------------------------------------------------------------------------------------------- */

static Nested *nested_of(const Scan *s, guint32 l2)
{
	for (guint i = 0; i < s->n; i++)
		if (s->nested[i].item == l2)
			return &s->nested[i];
	return NULL;
}

static void add_window(const Scan *s, guint32 vcpu, guint window, gint64 begin, gint64 end, GArray *accounts)
{
	AnalysisNestedAccount l1 = {0};

	analysis_nested_account(s->t->history, s->steal, vcpu, begin, end, &l1, accounts);
	for (guint i = 0; i < accounts->len; i++) {
		const AnalysisNestedL2 *l = &g_array_index(accounts, AnalysisNestedL2, i);
		const gint64 *ns = l->account.ns;
		Nested *n = nested_of(s, ((const KvmL2VcpuItem *)history_table_get(s->t->history, s->l2_vcpus, l->item))->l2);

		if (!n)
			continue;
		analysis_nested_account_add(&n->sum, &l->account);
		diagnose_loss_add_part(n->to_l2, begin, end, ns[ANALYSIS_NESTED_OTHER_L2]);
		diagnose_loss_add_part(n->to_l1, begin, end, ns[ANALYSIS_NESTED_ELSE]);
		diagnose_loss_add_part(n->to_exits, begin, end, ns[ANALYSIS_NESTED_L0_L1]);
		n->ran[window] += ns[ANALYSIS_NESTED_OWN];
		n->lost[window] += ns[ANALYSIS_NESTED_OTHER_L2];
	}
}

/* What the nested VM's rows show of it: the longest times that its exits were being handled in. */
static void add_proof(const Scan *s, const Nested *n, guint32 row)
{
	HistoryWalk walk;
	HistoryInterval i;

	history_walk(&walk, s->t->history, row, s->begin, s->end);
	while (history_walk_next(&walk, &i)) {
		gint64 begin = MAX(i.begin_ns, s->begin), end = MIN(i.end_ns, s->end);

		if (i.state == KVM_L2_STATE_AWAY) {
			diagnose_loss_show(n->to_l2, begin, end, row, "away");
			diagnose_loss_show(n->to_l1, begin, end, row, "away");
		}
		if (i.state == KVM_L2_STATE_AWAY || i.state == KVM_L2_STATE_REFLECTED)
			diagnose_loss_show(n->to_exits, begin, end, row, i.state == KVM_L2_STATE_AWAY ? "away" : "reflected");
	}
}

static void add_vcpu(const Scan *s, guint32 vcpu)
{
	g_autoptr(GArray) accounts = g_array_new(FALSE, FALSE, sizeof(AnalysisNestedL2));

	for (guint w = 0; w < WINDOWS; w++) {
		gint64 begin = s->begin + w * s->width, end = MIN(begin + s->width, s->end);

		if (begin < end)
			add_window(s, vcpu, w, begin, end, accounts);
	}
	for (guint i = 0; i < accounts->len; i++) {
		const KvmL2VcpuItem *item = history_table_get(s->t->history, s->l2_vcpus, g_array_index(accounts, AnalysisNestedL2, i).item);
		const Nested *n = nested_of(s, item->l2);

		if (n)
			add_proof(s, n, item->row);
	}
}

/* ---- Findings ---------------------------------------------------------------------------------------------------------------------- */

/* The trace of a nested VM, without its hypervisor's; EXPERIMENT_NONE: there is none. */
static guint member_of(const Scan *s, guint32 l2)
{
	for (guint i = 0; i < s->d->store->experiment->members->len; i++) {
		const ExperimentMember *m = experiment_member(s->d->store->experiment, i);

		if (m->parent == s->t->member && m->l2 == l2)
			return i;
	}
	return EXPERIMENT_NONE;
}

/* "VM n"; "nested VM 0 of VM 183". The caller frees. */
static char *name_of(const Scan *s, guint32 l2)
{
	guint member = member_of(s, l2);
	g_autofree char *vm = diagnose_vm_name(s->d, s->t, s->vm);

	if (member != EXPERIMENT_NONE)
		return g_strdup_printf("VM %s", experiment_member(s->d->store->experiment, member)->name);
	return g_strdup_printf("nested VM %u of %s", ((const KvmL2Item *)history_table_get(s->t->history, s->l2s, l2))->index, vm);
}

static DiagnoseFinding *finding_new(const Scan *s, const char *id, const Nested *n, const DiagnoseLoss *loss)
{
	DiagnoseFinding *f = diagnose_finding_new(s->d, id, loss, analysis_nested_wanted_ns(&n->sum));
	g_autofree char *name = name_of(s, n->item);

	f->victim = member_of(s, n->item);
	diagnose_who(&f->sufferer, "vm", name, s->t->name, s->item->pid, -1);
	return f;
}

static void add_to_l1(const Scan *s, const Nested *n)
{
	DiagnoseFinding *f = finding_new(s, "preempted-in-guest", n, n->to_l1);
	g_autofree char *vm = diagnose_vm_name(s->d, s->t, s->vm);

	f->level = s->t->level + 1;
	f->title = g_strdup_printf("%s wants to run, but %s, in which it runs, does something else with its processor", f->sufferer.name, vm);
	f->advice = g_strdup_printf("It is another process of %s, or its hypervisor there. A trace of %s tells which: lttng enable-event -k sched_switch,sched_waking in it.", vm, vm);
	diagnose_who(&f->culprit, "machine", vm, s->t->name, s->item->pid, -1);
	diagnose_add(s->d, f);
}

static void add_to_l2(const Scan *s, const Nested *n, const Nested *by)
{
	DiagnoseFinding *f = finding_new(s, "preempted-by-vm", n, n->to_l2);
	g_autofree char *vm = diagnose_vm_name(s->d, s->t, s->vm), *other = name_of(s, by->item);

	f->level = s->t->level + 1;
	f->title = g_strdup_printf("%s loses its processor to %s, within %s", f->sufferer.name, other, vm);
	f->advice = g_strdup_printf("Give the two nested VMs processors of their own in %s, or more weight to the one that matters; or give %s more vCPUs.", vm, vm);
	f->offender = member_of(s, by->item);
	diagnose_who(&f->culprit, "vm", other, s->t->name, s->item->pid, -1);
	diagnose_add(s->d, f);
}

/* How much more it ran in windows in which `who` lost time than in others, in processors. */
static double rise(const Scan *s, const Nested *n, const Nested *who)
{
	gint64 mean = diagnose_loss_ns(who->to_l2) / WINDOWS, ran[2] = {0};
	guint windows[2] = {0};

	for (guint w = 0; w < WINDOWS; w++) {
		gboolean loses = who->lost[w] > mean;

		ran[loses] += n->ran[w];
		windows[loses]++;
	}
	return (double)ran[1] / ((double)windows[1] * (double)s->width + 1) - (double)ran[0] / ((double)windows[0] * (double)s->width + 1);
}

/* Of several nested VMs the one that came in addition when this one lost time; NULL: it is that one itself. */
static const Nested *disturber(const Scan *s, const Nested *n)
{
	const Nested *most = n;

	for (guint i = 0; i < s->n; i++)
		if (rise(s, &s->nested[i], n) > rise(s, most, n))
			most = &s->nested[i];
	return most == n ? NULL : most;
}

static void add_exits(const Scan *s, const Nested *n, double multiplication)
{
	DiagnoseFinding *f = finding_new(s, "nested-exits", n, n->to_exits);
	g_autofree char *vm = diagnose_vm_name(s->d, s->t, s->vm);

	f->title = g_strdup_printf("Each exit of %s that %s serves costs %.0f exits of %s itself", f->sufferer.name, vm, multiplication, vm);
	f->advice = g_strdup("Let the processor help: shadow VMCS (kvm_intel enable_shadow_vmcs), virtual VMLOAD and VMSAVE, an enlightened VMCS; and let the nested VM exit less (virtio, fewer timers, "
			     "no emulated devices).");
	diagnose_who(&f->culprit, "vm", vm, s->t->name, s->item->pid, -1);
	diagnose_add(s->d, f);
}

static void judge(const Scan *s, const Nested *n)
{
	gint64 wanted = analysis_nested_wanted_ns(&n->sum);
	guint64 served = n->sum.reflected - n->sum.halts;
	double multiplication = served ? 1 + (double)n->sum.l1_exits / (double)served : 0;
	gboolean l1_is_traced = diagnose_member_of_vm(s->d, s->t, s->vm) != EXPERIMENT_NONE;
	const Nested *by = disturber(s, n);

	if (!l1_is_traced && diagnose_matters(s->d, n->to_l1, wanted, DIAGNOSE_LOST_SHARE))
		add_to_l1(s, n);
	if (!l1_is_traced && by && diagnose_matters(s->d, n->to_l2, wanted, DIAGNOSE_LOST_SHARE))
		add_to_l2(s, n, by);
	if (multiplication >= s->d->thresholds[DIAGNOSE_NESTED_EXITS] && diagnose_matters(s->d, n->to_exits, wanted, DIAGNOSE_NESTED_SHARE))
		add_exits(s, n, multiplication);
}

/* ---- All -------------------------------------------------------------------------------------------------------------------------- */

static void scan(Scan *s)
{
	s->n = s->item->n_l2s;
	s->nested = g_new0(Nested, s->n);
	for (guint i = 0; i < s->n; i++) {
		Nested *n = &s->nested[i];

		n->item = s->item->first_l2 + i;
		n->to_l2 = diagnose_loss_new(s->t);
		n->to_l1 = diagnose_loss_new(s->t);
		n->to_exits = diagnose_loss_new(s->t);
	}
	for (guint32 i = 0; i < s->item->n_vcpus; i++)
		add_vcpu(s, s->item->first_vcpu + i);
	for (guint i = 0; i < s->n; i++)
		judge(s, &s->nested[i]);
	for (guint i = 0; i < s->n; i++) {
		diagnose_loss_free(s->nested[i].to_l2);
		diagnose_loss_free(s->nested[i].to_l1);
		diagnose_loss_free(s->nested[i].to_exits);
	}
	g_free(s->nested);
}

void diagnose_rule_nested(Diagnose *d, const AnalysisStoreTrace *t)
{
	g_autoptr(AnalysisSteal) steal = NULL;
	Scan s = {.d = d, .t = t, .begin = diagnose_begin(d, t), .end = diagnose_end(d, t)};
	guint vms;

	if (s.end <= s.begin || !history_find_table(t->history, KVM_L2S_TABLE, sizeof(KvmL2Item), &s.l2s) || !history_table_len(t->history, s.l2s) ||
	    !history_find_table(t->history, KVM_L2_VCPUS_TABLE, sizeof(KvmL2VcpuItem), &s.l2_vcpus) ||
	    !history_find_table(t->history, KVM_VMS_TABLE, sizeof(KvmVmItem), &vms))
		return;
	steal = analysis_steal_new(t->history);
	s.steal = steal;
	s.width = (s.end - s.begin) / WINDOWS + 1;
	for (guint64 v = 0; steal && v < history_table_len(t->history, vms); v++) {
		s.vm = (guint32)v;
		s.item = history_table_get(t->history, vms, v);
		if (s.item->n_l2s)
			scan(&s);
	}
}
