/* SPDX-License-Identifier: MIT */
/*
 * polling.c: a host spins for a while for each VM that halts, in case that work comes (halt_poll_ns). That makes the VM quicker, and costs the host processor time that looks like the VM's.
 */
#include "diagnose/private.h"

static void add_vcpu(const Diagnose *d, const AnalysisStoreTrace *t, guint32 row, DiagnoseLoss *loss)
{
	HistoryWalk walk;
	HistoryInterval i;

	history_walk(&walk, t->history, row, diagnose_begin(d, t), diagnose_end(d, t));
	while (history_walk_next(&walk, &i))
		if (i.state == KVM_STATE_HALT_POLL)
			diagnose_loss_add(loss, MAX(i.begin_ns, diagnose_begin(d, t)), MIN(i.end_ns, diagnose_end(d, t)), row, kvm_state_name(KVM_STATE_HALT_POLL));
}

/* Time of a vCPU that is known, and what of it was polling. */
static gint64 polled_ns(const Diagnose *d, const AnalysisStoreTrace *t, guint32 row, gint64 *all)
{
	gint64 ns[HISTORY_STATES_MAX] = {0};

	history_sums(t->history, row, diagnose_begin(d, t), diagnose_end(d, t), ns);
	for (guint i = 0; i < KVM_STATE_COUNT; i++)
		if (i != KVM_STATE_OFF && i != KVM_STATE_UNKNOWN)
			*all += ns[i];
	return ns[KVM_STATE_HALT_POLL];
}

static void add_finding(Diagnose *d, const AnalysisStoreTrace *t, guint32 vm, const DiagnoseLoss *loss, gint64 all)
{
	DiagnoseFinding *f = diagnose_finding_new(d, "halt-polling", loss, all);

	diagnose_suffers_vm(d, f, t, vm);
	f->title = g_strdup_printf("%s spins on %s's behalf while it is halted: %.1f processors' worth", t->name, f->sufferer.name, f->of_time);
	f->advice = g_strdup("If others need these processors, lower halt_poll_ns (of kvm, or of the VM); else it only costs power. A guest that polls by itself (haltpoll) doesn't need it.");
	diagnose_who(&f->culprit, "kernel", "halt polling", t->name, -1, -1);
	diagnose_add(d, f);
}

static void judge(Diagnose *d, const AnalysisStoreTrace *t, guint32 vm, const KvmVmItem *item, guint vcpus)
{
	g_autoptr(DiagnoseLoss) loss = diagnose_loss_new(t);
	gint64 all = 0, polled = 0;

	for (guint32 v = item->first_vcpu; v < item->first_vcpu + item->n_vcpus; v++)
		polled += polled_ns(d, t, ((const KvmVcpuItem *)history_table_get(t->history, vcpus, v))->row, &all);
	if (!polled || (double)polled < d->thresholds[DIAGNOSE_POLL_SHARE] * (double)all)
		return;
	for (guint32 v = item->first_vcpu; v < item->first_vcpu + item->n_vcpus; v++)
		add_vcpu(d, t, ((const KvmVcpuItem *)history_table_get(t->history, vcpus, v))->row, loss);
	if (diagnose_matters(d, loss, all, DIAGNOSE_POLL_SHARE))
		add_finding(d, t, vm, loss, all);
}

void diagnose_rule_polling(Diagnose *d, const AnalysisStoreTrace *t)
{
	guint vms, vcpus;

	if (!history_find_table(t->history, KVM_VMS_TABLE, sizeof(KvmVmItem), &vms) ||
	    !history_find_table(t->history, KVM_VCPUS_TABLE, sizeof(KvmVcpuItem), &vcpus))
		return;
	for (guint64 v = 0; v < history_table_len(t->history, vms); v++)
		judge(d, t, (guint32)v, history_table_get(t->history, vms, v), vcpus);
}
