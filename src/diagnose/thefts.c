/* SPDX-License-Identifier: MIT */
/*
 * thefts.c: interrupts of the host take time from a VM's vCPUs, which don't notice it: their guest thinks that it runs.
 *
 * Lost is the time of handlers and softirqs that ran while a vCPU's thread had the processor and wanted to run. Whether they worked for the VM itself (its own packets) or for
 * others can't be told from them; so they count as its own cost.
 */
#include <string.h>

#include "analysis/steal.h"
#include "diagnose/private.h"

typedef struct {
	Diagnose *d;
	const AnalysisStoreTrace *t;
	const AnalysisSteal *steal;
	DiagnoseLoss *loss;
	GHashTable *by;      /* text + 1 -> gint64 *: what a handler took */
	guint32 row;         /* of the vCPU's thread */
} Scan;

static void add_theft(gpointer user, const AnalysisTheft *theft)
{
	Scan *s = user;
	gpointer key = GUINT_TO_POINTER(theft->by.id + 1);
	gint64 *sum = g_hash_table_lookup(s->by, key);

	if (!sum) {
		sum = g_new0(gint64, 1);
		g_hash_table_insert(s->by, key, sum);
	}
	*sum += theft->end_ns - theft->begin_ns;
	diagnose_loss_add(s->loss, theft->begin_ns, theft->end_ns, s->row, theft->softirq ? "softirq" : "irq");
}

/* The handler that took most; "": there is none. */
static const char *greatest(const Scan *s, gint64 *ns_out)
{
	GHashTableIter iter;
	gpointer key, value;
	guint32 most = 0;

	*ns_out = 0;
	g_hash_table_iter_init(&iter, s->by);
	while (g_hash_table_iter_next(&iter, &key, &value)) {
		guint32 text = GPOINTER_TO_UINT(key) - 1;

		if (*(gint64 *)value > *ns_out || (*(gint64 *)value == *ns_out && text < most)) {
			most = text;
			*ns_out = *(gint64 *)value;
		}
	}
	return history_text_get(s->t->history, most);
}

static void add_finding(const Scan *s, guint32 vm, gint64 demand)
{
	DiagnoseFinding *f = diagnose_finding_new(s->d, "interrupted-vcpus", s->loss, demand);
	gint64 ns;
	const char *most = greatest(s, &ns);

	diagnose_suffers_vm(s->d, f, s->t, vm);
	f->title = g_strdup_printf("%s loses time to interrupts of %s on its processors, most of it (%.0f %%) to %s", f->sufferer.name, s->t->name,
				   (double)ns * 100 / (double)MAX(diagnose_loss_ns(s->loss), 1), *most ? most : "?");
	f->advice = g_strdup("Keep interrupts of devices that it doesn't use off its processors (smp_affinity, irqbalance); spread its own (multiqueue), or have them done elsewhere (RPS).");
	diagnose_who(&f->culprit, "interrupt", most, s->t->name, -1, -1);
	diagnose_add(s->d, f);
}

static void judge(Scan *s, guint32 vm)
{
	const KvmVmItem *item = analysis_steal_vm(s->steal, vm);
	g_autoptr(DiagnoseLoss) loss = diagnose_loss_new(s->t);
	g_autoptr(GHashTable) by = g_hash_table_new_full(NULL, NULL, NULL, g_free);
	gint64 begin = diagnose_begin(s->d, s->t), end = diagnose_end(s->d, s->t), demand = 0, taken = 0;

	s->loss = loss;
	s->by = by;
	for (guint32 v = item->first_vcpu; v < item->first_vcpu + item->n_vcpus; v++) {
		AnalysisStealAccount account = {0};

		analysis_steal_account(s->steal, v, begin, end, &account);
		demand += analysis_steal_demand_ns(&account);
		taken += account.irq_ns + account.softirq_ns;
	}
	if ((double)taken < s->d->thresholds[DIAGNOSE_THEFT_SHARE] * (double)demand)
		return;
	for (guint32 v = item->first_vcpu; v < item->first_vcpu + item->n_vcpus; v++) {
		s->row = analysis_steal_thread_row(s->steal, v);
		analysis_steal_interrupts(s->steal, v, begin, end, add_theft, s);
	}
	if (diagnose_matters(s->d, loss, demand, DIAGNOSE_THEFT_SHARE))
		add_finding(s, vm, demand);
}

void diagnose_rule_thefts(Diagnose *d, const AnalysisStoreTrace *t)
{
	g_autoptr(AnalysisSteal) steal = analysis_steal_new(t->history);
	Scan s = {.d = d, .t = t, .steal = steal};
	guint vms;

	if (!steal || diagnose_begin(d, t) >= diagnose_end(d, t) || !history_find_table(t->history, KVM_VMS_TABLE, sizeof(KvmVmItem), &vms))
		return;
	for (guint64 v = 0; v < history_table_len(t->history, vms); v++)
		judge(&s, (guint32)v);
}
