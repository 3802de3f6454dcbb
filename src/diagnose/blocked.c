/* SPDX-License-Identifier: MIT */
/*
 * blocked.c: a VM's vCPUs sleep in their hypervisor although their guest did not halt them: for a device's emulation that waits itself, a lock, a page.
 *
 * Only what comes after a vCPU first ran guest code counts: before that it waits to be started.
 */
#include "diagnose/private.h"
#include "kvm/waits.h"

typedef struct {
	DiagnoseLoss *loss;
	gint64 by_reason[KVM_WAIT_COUNT];
	guint32 waker_text; /* of the longest one */
	gint64 longest_ns;
} Sleeper;

typedef struct {
	Diagnose *d;
	const AnalysisStoreTrace *t;
	guint vms, vcpus;
	gint64 begin, end;
	gint64 *started;    /* by vCPU: when it first ran guest code; G_MAXINT64: never */
	Sleeper *sleepers;  /* by VM */
} Scan;

static gint64 first_run(const Scan *s, guint32 row)
{
	HistoryWalk walk;
	HistoryInterval i;

	history_walk(&walk, s->t->history, row, s->t->begin_ns, s->end);
	while (history_walk_next(&walk, &i))
		if (i.state == KVM_STATE_GUEST_L1)
			return i.begin_ns;
	return G_MAXINT64;
}

/* What another vCPU ends, or nothing that is known, may be a vCPU that its guest has stopped, and starts again. */
static gboolean counts(const KvmWaitItem *w)
{
	return !w->halted && !(w->evidence & KVM_WAIT_BY_VCPU) && w->reason != KVM_WAIT_UNKNOWN && w->reason != KVM_WAIT_IPI && w->reason != KVM_WAIT_TIMER;
}

static void add_wait(const Scan *s, const KvmWaitItem *w)
{
	const KvmVcpuItem *vcpu = history_table_get(s->t->history, s->vcpus, w->vcpu);
	Sleeper *sleeper = &s->sleepers[vcpu->vm];

	if (!counts(w) || w->begin_ns < MAX(s->begin, s->started[w->vcpu]) || w->woken_ns >= s->end)
		return;
	diagnose_loss_add_in_row(sleeper->loss, w->begin_ns, w->woken_ns, vcpu->row);
	sleeper->by_reason[w->reason] += w->woken_ns - w->begin_ns;
	if (w->woken_ns - w->begin_ns > sleeper->longest_ns) {
		sleeper->longest_ns = w->woken_ns - w->begin_ns;
		sleeper->waker_text = w->waker_text;
	}
}

static void add_finding(const Scan *s, guint32 vm, const Sleeper *sleeper, gint64 demand)
{
	DiagnoseFinding *f = diagnose_finding_new(s->d, "vmm-blocked", sleeper->loss, demand);
	const char *waker = history_text_get(s->t->history, sleeper->waker_text);
	guint most = 0;

	for (guint i = 1; i < KVM_WAIT_COUNT; i++)
		if (sleeper->by_reason[i] > sleeper->by_reason[most])
			most = i;
	const char *reason = kvm_wait_name((KvmWaitReason)most);
	diagnose_suffers_vm(s->d, f, s->t, vm);
	f->title = g_strdup_printf("vCPUs of %s sleep in their hypervisor although they have not halted, most of it for: %s%s%s", f->sufferer.name, reason, *waker ? "; the longest until woken by " : "",
				   waker);
	f->advice = g_strdup("Its devices are emulated by the vCPUs' own threads, or wait for the hypervisor's lock: use I/O threads (iothread), vhost, asynchronous I/O; keep its memory from being swapped.");
	diagnose_who(&f->culprit, "hypervisor", *waker ? waker : reason, s->t->name, f->sufferer.pid, -1);
	diagnose_add(s->d, f);
}

static void judge(const Scan *s, guint32 vm)
{
	const KvmVmItem *item = history_table_get(s->t->history, s->vms, vm);
	gint64 demand = 0;

	for (guint32 v = item->first_vcpu; v < item->first_vcpu + item->n_vcpus; v++)
		if (s->started[v] < s->end)
			demand += diagnose_wanted_ns(s->t, ((const KvmVcpuItem *)history_table_get(s->t->history, s->vcpus, v))->row, MAX(s->begin, s->started[v]), s->end);
	if (diagnose_matters(s->d, s->sleepers[vm].loss, demand, DIAGNOSE_BLOCKED_SHARE))
		add_finding(s, vm, &s->sleepers[vm], demand);
}

static void scan(const Scan *s, guint waits)
{
	guint64 n_vms = history_table_len(s->t->history, s->vms), n_vcpus = history_table_len(s->t->history, s->vcpus);

	for (guint64 i = 0; i < n_vms; i++)
		s->sleepers[i].loss = diagnose_loss_new(s->t);
	for (guint64 i = 0; i < n_vcpus; i++)
		s->started[i] = first_run(s, ((const KvmVcpuItem *)history_table_get(s->t->history, s->vcpus, i))->row);
	for (guint64 i = 0; i < history_table_len(s->t->history, waits); i++) {
		const KvmWaitItem *w = history_table_get(s->t->history, waits, i);

		if (w->vcpu < n_vcpus && ((const KvmVcpuItem *)history_table_get(s->t->history, s->vcpus, w->vcpu))->vm < n_vms)
			add_wait(s, w);
	}
	for (guint64 i = 0; i < n_vms; i++) {
		judge(s, (guint32)i);
		diagnose_loss_free(s->sleepers[i].loss);
	}
}

void diagnose_rule_blocked(Diagnose *d, const AnalysisStoreTrace *t)
{
	Scan s = {.d = d, .t = t, .begin = diagnose_begin(d, t), .end = diagnose_end(d, t)};
	guint waits;

	if (!history_find_table(t->history, KVM_WAITS_TABLE, sizeof(KvmWaitItem), &waits) || !history_find_table(t->history, KVM_VMS_TABLE, sizeof(KvmVmItem), &s.vms) ||
	    !history_find_table(t->history, KVM_VCPUS_TABLE, sizeof(KvmVcpuItem), &s.vcpus))
		return;
	g_autofree gint64 *started = g_new(gint64, history_table_len(t->history, s.vcpus) + 1);
	g_autofree Sleeper *sleepers = g_new0(Sleeper, history_table_len(t->history, s.vms) + 1);
	s.started = started;
	s.sleepers = sleepers;
	scan(&s, waits);
}
