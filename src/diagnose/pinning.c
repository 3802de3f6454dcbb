/* SPDX-License-Identifier: MIT */
/*
 * pinning.c: a vCPU waits for the one processor that it is tied to while another one is idle.
 *
 * Affinity is not recorded: a vCPU that waited often, and always for the same processor, is taken to be tied to it. A scheduler that is slow to move a thread shows more than one.
 */
#include "analysis/idle.h"
#include "diagnose/private.h"

#define WAITS_MIN 50 /* of a vCPU, to tell that it always is the same processor */

typedef struct {
	Diagnose *d;
	const AnalysisStoreTrace *t;
	AnalysisIdle *idle;   /* NULL: nobody needed it yet */
	DiagnoseLoss *loss;   /* of the VM */
	guint64 cpus;         /* bits: processors that its vCPUs are tied to, up to 63 */
	/* of one vCPU */
	guint32 row;
	guint64 waits, seen;  /* seen: bits of processors that it waited for */
	gint64 wait_ns, vain_ns;
} Scan;

static gboolean is_one(guint64 bits)
{
	return bits && !(bits & (bits - 1));
}

/* Most have waited for several processors: of those nothing more is asked. */
static gboolean look(gpointer user, const LayersWait *w)
{
	Scan *s = user;

	if (w->state == KVM_STATE_THROTTLED || w->cpu < 0)
		return TRUE;
	s->waits++;
	s->seen |= 1ull << MIN(w->cpu, 63);
	return is_one(s->seen);
}

static gboolean measure(gpointer user, const LayersWait *w)
{
	Scan *s = user;

	if (w->state == KVM_STATE_THROTTLED || w->cpu < 0)
		return TRUE;
	s->wait_ns += w->end_ns - w->begin_ns;
	s->vain_ns += analysis_idle_ns(s->idle, w->cpu, w->begin_ns, w->end_ns);
	return TRUE;
}

static gboolean lose(gpointer user, const LayersWait *w)
{
	Scan *s = user;
	gint64 vain = w->state == KVM_STATE_THROTTLED || w->cpu < 0 || w->idle ? 0 : analysis_idle_ns(s->idle, w->cpu, w->begin_ns, w->end_ns);

	if (vain <= 0)
		return TRUE;
	diagnose_loss_add_part(s->loss, w->begin_ns, w->end_ns, vain);
	diagnose_loss_show(s->loss, w->begin_ns, w->end_ns, s->row, kvm_state_name((KvmState)w->state));
	return TRUE;
}

static gboolean is_in_vain(Scan *s, guint32 vcpu, gint64 begin, gint64 end)
{
	if (!s->idle)
		s->idle = analysis_idle_new(s->t->history, begin, end);
	layers_waits(s->d->layers, s->t->member, vcpu, begin, end, measure, s);
	return (double)s->vain_ns >= s->d->thresholds[DIAGNOSE_PINNING_IDLE] * (double)s->wait_ns;
}

static void add_vcpu(Scan *s, guint32 vcpu, guint32 row)
{
	gint64 begin = diagnose_begin(s->d, s->t), end = diagnose_end(s->d, s->t);

	s->row = row;
	s->waits = s->seen = 0;
	s->wait_ns = s->vain_ns = 0;
	layers_waits(s->d->layers, s->t->member, vcpu, begin, end, look, s);
	if (s->waits < WAITS_MIN || !is_one(s->seen) || !is_in_vain(s, vcpu, begin, end))
		return;
	s->cpus |= s->seen;
	layers_waits(s->d->layers, s->t->member, vcpu, begin, end, lose, s);
}

static void add_finding(const Scan *s, guint32 vm, gint64 demand)
{
	DiagnoseFinding *f = diagnose_finding_new(s->d, "pinning", s->loss, demand);
	g_autofree char *cpus = diagnose_processors(s->cpus), *name = g_strdup_printf("affinity to processor %s", cpus);

	diagnose_suffers_vm(s->d, f, s->t, vm);
	f->title = g_strdup_printf("%s waits for processor %s of %s, to which it is tied, while others are idle", f->sufferer.name, cpus, s->t->name);
	f->advice = g_strdup("Let its vCPU threads run on more processors, or spread those that are tied to the same one (taskset, virsh vcpupin, cpuset).");
	f->confidence = MIN(f->confidence, 0.8); /* affinity is inferred */
	diagnose_who(&f->culprit, "affinity", name, s->t->name, -1, -1);
	diagnose_add(s->d, f);
}

static void judge(Scan *s, guint32 vm, const KvmVmItem *item, guint vcpus)
{
	g_autoptr(DiagnoseLoss) loss = diagnose_loss_new(s->t);
	gint64 demand = 0;

	s->loss = loss;
	s->cpus = 0;
	for (guint32 i = 0; i < item->n_vcpus; i++) {
		guint32 row = ((const KvmVcpuItem *)history_table_get(s->t->history, vcpus, item->first_vcpu + i))->row;

		demand += diagnose_wanted_ns(s->t, row, diagnose_begin(s->d, s->t), diagnose_end(s->d, s->t));
		add_vcpu(s, item->first_vcpu + i, row);
	}
	if (diagnose_matters(s->d, loss, demand, DIAGNOSE_PINNING_SHARE))
		add_finding(s, vm, demand);
}

void diagnose_rule_pinning(Diagnose *d, const AnalysisStoreTrace *t)
{
	guint vms, vcpus;

	if (!history_find_table(t->history, KVM_VMS_TABLE, sizeof(KvmVmItem), &vms) || !history_table_len(t->history, vms) ||
	    !history_find_table(t->history, KVM_VCPUS_TABLE, sizeof(KvmVcpuItem), &vcpus))
		return;
	Scan s = {.d = d, .t = t};
	for (guint64 v = 0; v < history_table_len(t->history, vms); v++)
		judge(&s, (guint32)v, history_table_get(t->history, vms, v), vcpus);
	analysis_idle_free(s.idle);
}
