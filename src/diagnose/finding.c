/* SPDX-License-Identifier: MIT */
/* finding.c: the life of findings. */
#include "diagnose/loss.h"

#define SECOND_NS     G_GINT64_CONSTANT(1000000000)
#define WHILE_SECONDS 3

static void who_clear(DiagnoseWho *who)
{
	g_free(who->name);
	g_free(who->machine);
}

void diagnose_who(DiagnoseWho *who, const char *kind, const char *name, const char *machine, gint32 pid, gint32 tid)
{
	who_clear(who);
	*who = (DiagnoseWho){kind, g_strdup(name), g_strdup(machine), pid, tid};
}

static void folded_clear(gpointer folded)
{
	g_free(((DiagnoseFolded *)folded)->title);
	g_free(((DiagnoseFolded *)folded)->family);
}

/* Of several processors that it wanted each counts. */
static void weigh(const Diagnose *d, DiagnoseFinding *f, const DiagnoseLoss *loss, gint64 demand_ns)
{
	double range = (double)MAX(diagnose_end(d, loss->trace) - diagnose_begin(d, loss->trace), 1);

	f->of_time = (double)loss->ns / range;
	f->of_second = diagnose_loss_peak(loss, SECOND_NS) / MAX((double)demand_ns / range, 1);
	f->of_while = diagnose_loss_peak(loss, WHILE_SECONDS * SECOND_NS) / MAX((double)demand_ns / range, 1);
}

DiagnoseFinding *diagnose_finding_new(const Diagnose *d, const char *id, const DiagnoseLoss *loss, gint64 demand_ns)
{
	DiagnoseFinding *f = g_new0(DiagnoseFinding, 1);

	f->cause = diagnose_cause_of(id);
	f->member = loss->trace->member;
	f->victim = f->offender = EXPERIMENT_NONE;
	f->folded = g_array_new(FALSE, FALSE, sizeof(DiagnoseFolded));
	g_array_set_clear_func(f->folded, folded_clear);
	f->level = loss->trace->level;
	f->lost_ns = loss->ns;
	f->share = demand_ns > 0 ? MIN((double)loss->ns / (double)demand_ns, 1) : 0;
	weigh(d, f, loss, demand_ns);
	f->ranges = diagnose_loss_ranges(loss);
	f->evidence = diagnose_loss_evidence(loss);
	/* Where events were lost, so may have been what speaks against it. */
	f->confidence = loss->trace->lost_events || loss->trace->lost_packets ? 0.7 : 0.95;
	diagnose_who(&f->sufferer, "", "", "", -1, -1);
	diagnose_who(&f->culprit, "", "", "", -1, -1);
	return f;
}

void diagnose_finding_free(gpointer finding)
{
	DiagnoseFinding *f = finding;

	g_free(f->title);
	g_free(f->advice);
	who_clear(&f->sufferer);
	who_clear(&f->culprit);
	g_array_unref(f->ranges);
	g_array_unref(f->evidence);
	g_array_unref(f->folded);
	g_free(f);
}

void diagnose_add(Diagnose *d, DiagnoseFinding *f)
{
	g_ptr_array_add(d->findings, f);
}

gboolean diagnose_matters_while(const Diagnose *d, const DiagnoseLoss *loss, gint64 demand_ns, DiagnoseThreshold share)
{
	return (double)loss->ns >= d->thresholds[DIAGNOSE_LOST_MS] * 1e6 && (double)loss->ns >= d->thresholds[share] * (double)demand_ns;
}

gboolean diagnose_matters(const Diagnose *d, const DiagnoseLoss *loss, gint64 demand_ns, DiagnoseThreshold share)
{
	gint64 range = diagnose_end(d, loss->trace) - diagnose_begin(d, loss->trace);

	return (double)loss->ns >= d->thresholds[DIAGNOSE_LOST_TIME] * (double)range && diagnose_matters_while(d, loss, demand_ns, share);
}

char *diagnose_processors(guint64 cpus)
{
	GString *s = g_string_new(NULL);

	for (guint i = 0; i < 64; i++)
		if ((cpus >> i) & 1)
			g_string_append_printf(s, "%s%u", s->len ? ", " : "", i);
	return g_string_free(s, FALSE);
}

char *diagnose_process_name(const AnalysisStoreTrace *t, gint32 pid)
{
	guint table;

	if (history_find_table(t->history, KERNEL_THREADS_TABLE, sizeof(KernelThreadItem), &table))
		for (guint64 i = 0; i < history_table_len(t->history, table); i++) {
			const KernelThreadItem *item = history_table_get(t->history, table, i);

			if (item->tid == pid && item->pid == pid && item->same_as == i)
				return g_strdup(history_text_get(t->history, item->name));
		}
	return g_strdup_printf("process %d", pid);
}

guint32 diagnose_vm_of_pid(const AnalysisStoreTrace *t, gint32 pid)
{
	guint table;

	if (pid >= 0 && history_find_table(t->history, KVM_VMS_TABLE, sizeof(KvmVmItem), &table))
		for (guint64 i = 0; i < history_table_len(t->history, table); i++)
			if (((const KvmVmItem *)history_table_get(t->history, table, i))->pid == pid)
				return (guint32)i;
	return EXPERIMENT_NONE;
}

gint32 diagnose_vhost_pid(const char *name)
{
	gint64 pid = g_str_has_prefix(name, "vhost-") ? g_ascii_strtoll(name + 6, NULL, 10) : -1;

	return pid > 0 && pid < KERNEL_TID_MAX ? (gint32)pid : -1;
}

guint diagnose_member_of_vm(const Diagnose *d, const AnalysisStoreTrace *host, guint32 vm)
{
	const Experiment *e = d->store->experiment;

	for (guint i = 0; i < e->members->len; i++) {
		const ExperimentMember *m = experiment_member(e, i);

		if (m->parent == host->member && m->vm == vm && m->l2 == EXPERIMENT_NONE)
			return i;
	}
	return EXPERIMENT_NONE;
}

guint diagnose_member_of_pid(const Diagnose *d, const AnalysisStoreTrace *t, gint32 pid)
{
	guint32 vm = diagnose_vm_of_pid(t, pid);

	return vm == EXPERIMENT_NONE ? t->member : diagnose_member_of_vm(d, t, vm);
}

char *diagnose_vm_name(const Diagnose *d, const AnalysisStoreTrace *host, guint32 vm)
{
	guint member = diagnose_member_of_vm(d, host, vm), table;

	if (member != EXPERIMENT_NONE)
		return g_strdup_printf("VM %s", experiment_member(d->store->experiment, member)->name);
	if (!history_find_table(host->history, KVM_VMS_TABLE, sizeof(KvmVmItem), &table))
		return g_strdup("VM");
	return g_strdup_printf("VM %d", ((const KvmVmItem *)history_table_get(host->history, table, vm))->pid);
}

void diagnose_suffers_vm(const Diagnose *d, DiagnoseFinding *f, const AnalysisStoreTrace *host, guint32 vm)
{
	g_autofree char *name = diagnose_vm_name(d, host, vm);
	guint table;
	gint32 pid = history_find_table(host->history, KVM_VMS_TABLE, sizeof(KvmVmItem), &table) ?
			     ((const KvmVmItem *)history_table_get(host->history, table, vm))->pid : -1;

	diagnose_who(&f->sufferer, "vm", name, host->name, pid, -1);
	f->victim = diagnose_member_of_vm(d, host, vm);
}

gint64 diagnose_run_ns(const AnalysisStoreTrace *t, guint32 row, gint64 begin_ns, gint64 end_ns)
{
	gint64 ns[HISTORY_STATES_MAX] = {0}, ran = 0;

	history_sums(t->history, row, begin_ns, end_ns, ns);
	for (guint s = KERNEL_TS_RUNNING; s <= KERNEL_TS_GUEST; s++)
		ran += ns[s];
	return ran;
}

gint64 diagnose_wanted_ns(const AnalysisStoreTrace *host, guint32 row, gint64 begin_ns, gint64 end_ns)
{
	gint64 ns[HISTORY_STATES_MAX], sum = 0;

	history_sums(host->history, row, begin_ns, end_ns, ns);
	for (guint i = 0; i < KVM_STATE_COUNT; i++)
		if (i != KVM_STATE_HALTED && i != KVM_STATE_OFF && i != KVM_STATE_UNKNOWN)
			sum += ns[i];
	return sum;
}
