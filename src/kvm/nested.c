/* SPDX-License-Identifier: MIT */
/*
 * nested.c: runs of level 2, counted for the nested VM that they belong to.
 *
 * Many runs don't tell whose they are; they wait until one does. To change vCPUs, the level 1 hypervisor has to execute certain instructions, which exit. Where it does not do so more
 * often than it ever does between two runs, it goes on with the same VM: such runs are one VM's for sure. Where these instructions don't exit (AMD's processors can execute them for a guest),
 * or tell nothing, the same is concluded from how often it exits at all, for it has most to do where it changes VMs. Whose the others are is guessed (guess.c).
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

/* ---- Where level 1 may have changed VMs -------------------------------------------------------------------------- */

static void pace_learn(KvmPace *p, guint n)
{
	p->more |= p->least != G_MAXUINT && n != p->least;
	p->least = MIN(p->least, n);
}

static void pace_judge(KvmPace *p, gboolean same)
{
	if (same)
		p->right++;
	else
		p->wrong++;
}

#define PACE_TRUST 16 /* so many times it must have been right for each time it was wrong */

static gboolean pace_holds(const KvmPace *p)
{
	return p->least != G_MAXUINT && p->wrong <= p->right / PACE_TRUST;
}

/* Exits, or instructions that change vCPUs, before this pending run, since the run before. */
static guint exits_before(const struct KvmVcpuState *s, guint i)
{
	if (i == 0)
		return s->last_exits;
	const KvmRun *before = &g_array_index(s->pending, KvmRun, i - 1);
	return before->reflected ? before->exits : 0;
}

static guint loads_before(const struct KvmVcpuState *s, guint i)
{
	if (i == 0)
		return s->last_loads;
	const KvmRun *before = &g_array_index(s->pending, KvmRun, i - 1);
	return before->reflected ? before->loads : 0;
}

/* They tell, if there are sometimes more and sometimes fewer of them. */
static gboolean loads_tell(const struct KvmVcpuState *s)
{
	return s->loads_pace.more && pace_holds(&s->loads_pace);
}

/* The VM can't have changed before this pending run. */
gboolean kvm_nested_continues(const struct KvmVcpuState *s, guint i)
{
	guint exits = exits_before(s, i);

	if (exits == 0)
		return TRUE;
	if (loads_tell(s))
		return loads_before(s, i) <= s->loads_pace.least;
	return exits <= s->exits_pace.least && pace_holds(&s->exits_pace);
}

gboolean kvm_nested_away(const struct KvmVcpuState *s, const KvmRun *run)
{
	return run->reflected && loads_tell(s) && run->loads > s->loads_pace.least;
}

/* Both of these runs' VMs are known, and nothing is pending between them: what can be learned from that. */
static void judge(struct KvmVcpuState *s, gboolean same)
{
	guint exits = exits_before(s, 0);

	if (exits && loads_before(s, 0) <= s->loads_pace.least)
		pace_judge(&s->loads_pace, same);
	if (exits && exits <= s->exits_pace.least)
		pace_judge(&s->exits_pace, same);
	if (!kvm_nested_continues(s, 0))
		*(same ? &s->stayed : &s->changed) += 1;
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

static void settle_likely(KvmVcpu *v, guint begin, guint end, KvmL2 *before, KvmL2 *after)
{
	KvmL2 *likely[KVM_PENDING_MAX + 1];

	if (begin >= end)
		return;
	kvm_nested_guess(v, begin, end, before, after, likely);
	for (guint i = begin; i < end; i++)
		count(v, &g_array_index(v->s->pending, KvmRun, i), likely[i - begin]);
}

/* Now it is known whose the last pending run is. */
static void settle(KvmVcpu *v, KvmL2 *l2)
{
	struct KvmVcpuState *s = v->s;
	KvmL2 *before = kvm_l2_real(v->vm, s->last_l2);
	guint n = s->pending->len, last = n - 1, first = 0;

	while (last > 0 && kvm_nested_continues(s, last))
		last--;
	while (before && first < last && kvm_nested_continues(s, first))
		first++;
	if (before && n == 1)
		judge(s, before == l2);
	settle_sure(v, 0, first, before);
	settle_likely(v, first, last, before, l2);
	settle_sure(v, last, n, l2);
	const KvmRun *run = &g_array_index(s->pending, KvmRun, n - 1);
	s->last_exits = run->reflected ? run->exits : 0;
	s->last_loads = run->reflected ? run->loads : 0;
	s->last_l2 = l2;
	g_array_set_size(s->pending, 0);
}

void kvm_nested_push(KvmVcpu *v, const KvmRun *run)
{
	struct KvmVcpuState *s = v->s;
	KvmL2 *l2 = kvm_l2_real(v->vm, run->l2);

	if (!l2 && run->vmcb)
		l2 = kvm_l2_real(v->vm, run->vmcb->l2);
	if (run->full_ns >= 0) {
		pace_learn(&s->exits_pace, run->exits);
		pace_learn(&s->loads_pace, run->loads);
	}
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
