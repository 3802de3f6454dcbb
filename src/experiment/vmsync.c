/* SPDX-License-Identifier: MIT */
/* vmsync.c: hypercalls that guest and host both recorded, by which their clocks are compared, and which tell whose VM the guest is. */
#include "kvm/vmsync.h"

#include "experiment/private.h"
#include "kvm/rows.h"

/* A hypercall on one side. */
typedef struct {
	guint64 uid, count;
	gint64 time;
	guint32 thread;
	guint8 kind;
} Call;

static gint by_name(gconstpointer a, gconstpointer b)
{
	const Call *x = a, *y = b;

	if (x->uid != y->uid)
		return x->uid < y->uid ? -1 : 1;
	if (x->count != y->count)
		return x->count < y->count ? -1 : 1;
	return x->kind != y->kind ? (x->kind < y->kind ? -1 : 1) : x->time < y->time ? -1 : x->time > y->time;
}

/* Those of two kinds, by name. The kind is told as the guest's. */
static GArray *calls_of(const History *h, KvmVmsyncKind there, KvmVmsyncKind back)
{
	GArray *calls = g_array_new(FALSE, FALSE, sizeof(Call));
	guint table;

	if (!experiment_is_span(history_begin(h), history_end(h)) || !history_find_table(h, KVM_VMSYNC_TABLE, sizeof(KvmVmsyncItem), &table))
		return calls;
	for (guint64 i = 0; i < history_table_len(h, table); i++) {
		const KvmVmsyncItem *item = history_table_get(h, table, i);
		Call c = {item->uid, item->count, item->time_ns, item->thread, item->kind == there ? KVM_VMSYNC_GH_GUEST : KVM_VMSYNC_HG_GUEST};

		if (item->kind == there || item->kind == back)
			g_array_append_val(calls, c);
	}
	g_array_sort(calls, by_name);
	return calls;
}

static gboolean same_name(const Call *a, const Call *b)
{
	return a->uid == b->uid && a->count == b->count && a->kind == b->kind;
}

/* The vCPU that a thread is; EXPERIMENT_NONE: none. */
static guint32 vcpu_of(const History *host, guint32 thread)
{
	guint table;

	if (thread == G_MAXUINT32 || !history_find_table(host, KVM_VCPUS_TABLE, sizeof(KvmVcpuItem), &table))
		return EXPERIMENT_NONE;
	for (guint32 i = 0; i < history_table_len(host, table); i++)
		if (((const KvmVcpuItem *)history_table_get(host, table, i))->thread == thread)
			return i;
	return EXPERIMENT_NONE;
}

/* Calls of both; `thread_out`: one that made such a call, on the host. */
static GArray *match(const History *guest, const History *host, guint32 *thread_out)
{
	g_autoptr(GArray) mine = calls_of(guest, KVM_VMSYNC_GH_GUEST, KVM_VMSYNC_HG_GUEST), theirs = calls_of(host, KVM_VMSYNC_GH_HOST, KVM_VMSYNC_HG_HOST);
	GArray *passed = g_array_new(FALSE, FALSE, sizeof(ExperimentPassed));

	for (guint i = 0, k = 0; i < mine->len && k < theirs->len;) {
		const Call *a = &g_array_index(mine, Call, i), *b = &g_array_index(theirs, Call, k);

		if (same_name(a, b)) {
			ExperimentPassed p = {a->time, b->time, EXPERIMENT_WOBBLE_NS, a->kind == KVM_VMSYNC_GH_GUEST};

			g_array_append_val(passed, p);
			*thread_out = b->thread;
		}
		gint order = same_name(a, b) ? 0 : by_name(a, b);
		i += order <= 0;
		k += order >= 0;
	}
	return passed;
}

static void place(Experiment *e, guint guest, guint host, guint32 vcpu, const ExperimentClock *clock)
{
	ExperimentMember *m = g_ptr_array_index(e->members, guest);
	const History *h = experiment_member(e, host)->history;
	ExperimentClock c = *clock;
	guint vms, vcpus;

	if (!history_find_table(h, KVM_VCPUS_TABLE, sizeof(KvmVcpuItem), &vcpus) || !history_find_table(h, KVM_VMS_TABLE, sizeof(KvmVmItem), &vms))
		return;
	m->parent = m->clock_of = host;
	m->vm = ((const KvmVcpuItem *)history_table_get(h, vcpus, vcpu))->vm;
	m->vm_pid = ((const KvmVmItem *)history_table_get(h, vms, m->vm))->pid;
	m->methods |= 1u << EXPERIMENT_BY_VMSYNC;
	m->constraints = c.constraints;
	m->contradictions = c.contradictions;
	c.from_ns = G_MININT64;
	g_array_append_val(m->clocks, c);
	g_clear_pointer(&m->problem, g_free);
}

/* How many of the hypercalls contradict the clock that was found otherwise. */
static void check(ExperimentMember *m, const GArray *passed)
{
	experiment_clocks_finish(m);
	for (guint i = 0; i < passed->len; i++) {
		const ExperimentPassed *p = &g_array_index(passed, ExperimentPassed, i);
		gint64 late = p->b - experiment_up(m, p->a);
		ExperimentClock *c = &g_array_index(m->clocks, ExperimentClock, 0);

		while (c + 1 < &g_array_index(m->clocks, ExperimentClock, m->clocks->len) && c[1].from_ns <= p->a)
			c++;
		gboolean contradicts = (p->to_b ? late : -late) < -c->bound_ns;
		c->constraints++;
		c->contradictions += contradicts;
		m->constraints++;
		m->contradictions += contradicts;
	}
	if (passed->len)
		m->methods |= 1u << EXPERIMENT_BY_VMSYNC;
}

static void compare(Experiment *e, guint guest, guint host, const ExperimentTold *told)
{
	ExperimentMember *m = g_ptr_array_index(e->members, guest);
	const History *h = experiment_member(e, host)->history;
	guint32 thread = G_MAXUINT32;
	g_autoptr(GArray) passed = match(m->history, h, &thread);
	ExperimentClock clock;

	if (m->parent == host && m->clocks->len) {
		check(m, passed);
		return;
	}
	guint32 vcpu = vcpu_of(h, thread);
	if (m->parent == EXPERIMENT_NONE && told->member != EXPERIMENT_NONE && vcpu != EXPERIMENT_NONE &&
	    experiment_line_between(passed, history_begin(m->history), history_end(m->history), EXPERIMENT_PASSED_MIN, &clock))
		place(e, guest, host, vcpu, &clock);
}

void experiment_use_vmsync(Experiment *e, const ExperimentTold *told)
{
	guint table;

	for (guint g = 0; g < e->members->len; g++) {
		if (!history_find_table(experiment_member(e, g)->history, KVM_VMSYNC_TABLE, sizeof(KvmVmsyncItem), &table))
			continue;
		for (guint h = 0; h < e->members->len; h++)
			if (h != g)
				compare(e, g, h, &told[g]);
	}
}
