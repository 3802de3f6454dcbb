/* SPDX-License-Identifier: MIT */
/*
 * nested.c: runs of level 2, counted for the nested VM that they belong to.
 *
 * Many runs don't tell whose they are; they wait until one does. The level 1 hypervisor has most to do between two runs where it changes VMs, which shows
 * in how often it exits. Where it exits as seldom as it ever does between runs, it goes on with the same VM: such runs are one VM's for sure. Of what is left, runs
 * between two of the same VM are that VM's, and between two VMs it changed where it exited most.
 */
#include "kvm/private.h"

#include <string.h>

typedef struct {
	KvmNested pub; /* first: results point at it */
	KvmExitTable table;
} Nested;

void kvm_nested_free(gpointer nested)
{
	Nested *n = nested;

	kvm_exits_clear(&n->table);
	g_free(n);
}

static Nested *nested_get(KvmVcpu *v, KvmL2 *l2)
{
	for (guint i = 0; i < v->nested->len; i++) {
		Nested *n = g_ptr_array_index(v->nested, i);

		if (n->pub.l2 == l2)
			return n;
	}
	Nested *n = g_new0(Nested, 1);
	n->pub.l2 = l2;
	kvm_exits_init(&n->table);
	n->pub.exits = n->table.all;
	g_ptr_array_add(v->nested, n);
	return n;
}

static void count_exit(Nested *n, const KvmRun *run, gboolean durations)
{
	KvmExit *e = kvm_exits_get(&n->table, run->isa, run->code);

	e->count++;
	e->to_user += (guint)run->to_user;
	e->reflected += (guint)run->reflected;
	for (guint i = 0; i < KVM_STATE_COUNT; i++)
		e->ns[i] += run->ns[i];
	if (run->whole && durations)
		st_hist_add(&e->hist, run->handled_ns);
	if (run->full_ns < 0)
		return;
	if (durations)
		st_hist_add(&e->full, run->full_ns);
	e->full_exits += run->exits;
}

static void count(KvmVcpu *v, const KvmRun *run, KvmL2 *l2)
{
	Nested *n = nested_get(v, l2);

	n->pub.guest_ns += run->guest_ns;
	n->pub.runs += (guint)run->from_l1;
	if (run->has_exit)
		count_exit(n, run, v->s->kvm->durations);
	if (!l2)
		return;
	kvm_row_l2(v, run, l2);
	l2->guest_ns += run->guest_ns;
	l2->runs += (guint)run->from_l1;
	l2->first_ns = MIN(l2->first_ns, run->begin);
	l2->last_ns = MAX(l2->last_ns, run->end);
	l2->is_hypervisor |= run->reflected && run->reason && run->reason->klass == KVM_CLASS_NESTED;
}

/* How many vCPUs of this VM, at the least, run the nested VM at the time of a run: so many vCPUs it has. */
static void count_vcpus(const KvmVcpu *v, const KvmRun *run, KvmL2 *l2)
{
	guint n = 1;

	for (guint i = 0; i < v->vm->vcpus->len; i++) {
		const KvmVcpu *other = g_ptr_array_index(v->vm->vcpus, i);
		const struct KvmVcpuState *o = other->s;

		if (other != v && kvm_l2_real(v->vm, o->last_l2) == l2 && o->l2_begin < run->end && o->l2_end > run->begin)
			n++;
	}
	l2->vcpus = MAX(l2->vcpus, n);
}

/* How often level 1 exited before this pending run, since the run before. */
static guint exits_before(const struct KvmVcpuState *s, guint i)
{
	if (i == 0)
		return s->last_exits;
	const KvmRun *before = &g_array_index(s->pending, KvmRun, i - 1);
	return before->reflected ? before->exits : 0;
}

/* The VM can't have changed before this pending run. */
static gboolean continues(const struct KvmVcpuState *s, guint i)
{
	guint exits = exits_before(s, i);

	return exits == 0 || (exits <= s->least_exits && !s->least_fails);
}

/* Of the pending runs from `begin` to `end`, the first that is of the new VM. */
static guint split(const struct KvmVcpuState *s, guint begin, guint end)
{
	guint at = begin;

	for (guint i = begin; i <= end; i++)
		if (exits_before(s, i) > exits_before(s, at))
			at = i;
	return at;
}

/* Pending runs [begin, end) are of this VM, and for sure: so is the code that they ran. */
static void settle_sure(KvmVcpu *v, guint begin, guint end, KvmL2 *l2)
{
	for (guint i = begin; i < end; i++) {
		const KvmRun *run = &g_array_index(v->s->pending, KvmRun, i);

		if (l2 && run->has_exit)
			kvm_l2_learn(v->vm, run->rip, l2);
		count(v, run, l2);
	}
}

static void settle_likely(KvmVcpu *v, guint begin, guint end, KvmL2 *l2)
{
	for (guint i = begin; i < end; i++)
		count(v, &g_array_index(v->s->pending, KvmRun, i), l2);
}

/* Now it is known whose the last pending run is. */
static void settle(KvmVcpu *v, KvmL2 *l2)
{
	struct KvmVcpuState *s = v->s;
	KvmL2 *before = kvm_l2_real(v->vm, s->last_l2);
	guint n = s->pending->len, last = n - 1, first = 0;

	while (last > 0 && continues(s, last))
		last--;
	while (before && first < last && continues(s, first))
		first++;
	if (before && before != l2 && last == 0 && continues(s, 0))
		s->least_fails = exits_before(s, 0) > 0;
	guint change = !before ? first : before == l2 ? last : split(s, first, last);
	settle_sure(v, 0, first, before);
	settle_likely(v, first, change, before);
	settle_likely(v, change, last, l2);
	settle_sure(v, last, n, l2);
	const KvmRun *run = &g_array_index(s->pending, KvmRun, n - 1);
	s->last_exits = run->reflected ? run->exits : 0;
	s->last_l2 = l2;
	g_array_set_size(s->pending, 0);
}

void kvm_nested_push(KvmVcpu *v, const KvmRun *run)
{
	struct KvmVcpuState *s = v->s;
	KvmL2 *l2 = kvm_l2_real(v->vm, run->l2);

	if (!l2 && run->vmcb)
		l2 = kvm_l2_real(v->vm, run->vmcb->l2);
	if (run->full_ns >= 0 && (!s->least_exits || run->exits < s->least_exits))
		s->least_exits = run->exits;
	g_array_append_val(s->pending, *run);
	if (l2) {
		count_vcpus(v, run, l2);
		settle(v, l2);
	} else if (s->pending->len >= KVM_PENDING_MAX) {
		kvm_nested_flush(v);
	}
}

void kvm_nested_flush(KvmVcpu *v)
{
	KvmL2 *last = kvm_l2_real(v->vm, v->s->last_l2);

	if (v->s->pending->len)
		settle(v, last ? last : kvm_l2_assume(v->vm));
}

static gint compare(gconstpointer a, gconstpointer b)
{
	const KvmNested *x = *(KvmNested *const *)a, *y = *(KvmNested *const *)b;

	if (x->guest_ns != y->guest_ns)
		return x->guest_ns > y->guest_ns ? -1 : 1;
	return (x->l2 ? (gint)x->l2->index : -1) - (y->l2 ? (gint)y->l2->index : -1);
}

void kvm_nested_finish(KvmVcpu *v)
{
	for (guint i = 0; i < v->nested->len; i++) {
		Nested *n = g_ptr_array_index(v->nested, i);
		KvmL2 *real = kvm_l2_real(v->vm, n->pub.l2);

		if (real == n->pub.l2)
			continue;
		Nested *to = nested_get(v, real);
		to->pub.guest_ns += n->pub.guest_ns;
		to->pub.runs += n->pub.runs;
		kvm_exits_merge(&to->table, &n->table);
		g_ptr_array_remove_index(v->nested, i--);
	}
	g_ptr_array_sort(v->nested, compare);
	for (guint i = 0; i < v->nested->len; i++)
		kvm_exits_sort(((KvmNested *)g_ptr_array_index(v->nested, i))->exits);
}
