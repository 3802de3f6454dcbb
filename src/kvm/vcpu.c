/* SPDX-License-Identifier: MIT */
/*
 * vcpu.c: one vCPU's state at every instant, from what the scheduler says of its thread and what KVM says of what the thread does.
 *
 * All time passes through account(): it goes to the vCPU's state, to the exit that is being handled, and to the current run of the guest. So states add
 * up to the time analysed, whatever the events.
 *
 * The order of events around an exit from level 2: kvm_exit, kvm_nested_vmexit, then, if level 1 is to handle it, kvm_nested_vmexit_inject (or
 * kvm_nested_intr_vmexit), then kvm_entry. What a level was is therefore only certain when the episode ends.
 */
#include "kvm/private.h"

#include <string.h>

/* Reasons by which a level 1 hypervisor asks for level 2. */
#define SVM_VMRUN    0x80
#define VMX_VMLAUNCH 20
#define VMX_VMRESUME 24

/*
 * Instructions by which it changes vCPUs. On Intel it makes another control block the current one. On AMD it saves its own registers before it first enters a vCPU that its processor was given,
 * besides saving the guest's at each exit.
 */
#define SVM_VMSAVE  0x83
#define VMX_VMPTRLD 21

/* ---- Time ------------------------------------------------------------------------------------------------------ */

static gboolean in_guest(KvmState state)
{
	return state == KVM_STATE_GUEST_L1 || state == KVM_STATE_GUEST_L2;
}

static void add_guest_ns(Kvm *kvm, gint32 cpu, gint64 ns)
{
	GArray *all = kvm->s->guest_ns;

	if (cpu < 0 || cpu >= KERNEL_CPU_MAX)
		return;
	if ((guint)cpu >= all->len)
		g_array_set_size(all, (guint)cpu + 1);
	g_array_index(all, gint64, cpu) += ns;
}

/* Time has passed in the state that the vCPU is in. */
static void account(KvmVcpu *v, gint64 time)
{
	struct KvmVcpuState *s = v->s;
	gint64 ns = time - s->since;

	if (ns <= 0)
		return;
	s->since = time;
	v->ns[s->state] += ns;
	kvm_row_pass(v, s->state, time);
	if (s->ep.open)
		s->ep.ns[s->state] += ns;
	if (s->state == KVM_STATE_BLOCKED && s->phase == KVM_PHASE_USER)
		v->blocked_user_ns += ns;
	if (!in_guest(s->state))
		return;
	s->run_ns += ns;
	add_guest_ns(s->kvm, s->cpu, ns);
	if (s->gap_open && s->serving && s->state == KVM_STATE_GUEST_L1)
		v->l1_handling_ns += ns;
}

/* Time that was counted as one state turns out to have been another. */
static void recount(KvmVcpu *v, KvmState from, KvmState to, gint64 ns)
{
	ns = kvm_row_recount(v, from, to, ns);
	v->ns[from] -= ns;
	v->ns[to] += ns;
}

/* ---- States ---------------------------------------------------------------------------------------------------- */

static gboolean halted(const struct KvmVcpuState *s)
{
	return s->ep.open && s->ep.known && !s->ep.reflected && !s->ep.to_user && s->ep.reason &&
	       s->ep.reason->klass == KVM_CLASS_HLT;
}

static KvmState running_state(const struct KvmVcpuState *s)
{
	switch (s->phase) {
	case KVM_PHASE_GUEST:
		return s->level == 2 ? KVM_STATE_GUEST_L2 : KVM_STATE_GUEST_L1;
	case KVM_PHASE_KERNEL:
		return halted(s) && !s->ep.slept && s->ep.level == 1 ? KVM_STATE_HALT_POLL : KVM_STATE_EXIT;
	case KVM_PHASE_USER:
		return KVM_STATE_EMULATION;
	case KVM_PHASE_RUN:
		return KVM_STATE_RUNNING;
	default:
		return s->kvm->has_exits ? KVM_STATE_UNKNOWN : KVM_STATE_RUNNING;
	}
}

static KvmState blocked_state(const struct KvmVcpuState *s)
{
	if (s->phase == KVM_PHASE_UNKNOWN && s->kvm->has_exits)
		return KVM_STATE_UNKNOWN;
	return halted(s) ? KVM_STATE_HALTED : KVM_STATE_BLOCKED;
}

/* TRUE where lost events may have said something of it. */
static gboolean uncertain(const KvmVcpu *v)
{
	const struct KvmState_ *ks = v->s->kvm->s;

	if (v->s->lost || ks->lossy_all)
		return TRUE;
	if (ks->lossy == 0)
		return FALSE;
	const KernelCpu *c = kernel_cpu(v->s->kvm->kernel, v->thread->cpu);
	return v->thread->state != KERNEL_RUNNING || !c || c->lossy;
}

static KvmState state_now(const KvmVcpu *v)
{
	const struct KvmVcpuState *s = v->s;

	if (uncertain(v))
		return KVM_STATE_UNKNOWN;
	if (!s->kvm->has_switch)
		return running_state(s);
	switch ((KernelState)v->thread->state) {
	case KERNEL_RUNNING:
		return running_state(s);
	case KERNEL_PREEMPTED:
		return s->throttled ? KVM_STATE_THROTTLED : KVM_STATE_PREEMPTED;
	case KERNEL_WAIT_CPU:
		return s->throttled && s->queued ? KVM_STATE_THROTTLED : KVM_STATE_WAIT_CPU;
	case KERNEL_BLOCKED:
		return blocked_state(s);
	case KERNEL_ENDED:
		return KVM_STATE_OFF;
	default:
		return KVM_STATE_UNKNOWN;
	}
}

static gboolean waits(KvmState state)
{
	return state == KVM_STATE_PREEMPTED || state == KVM_STATE_THROTTLED || state == KVM_STATE_WAIT_CPU;
}

void kvm_vcpu_update(KvmVcpu *v, gint64 time)
{
	struct KvmVcpuState *s = v->s;

	account(v, time);
	KvmState state = state_now(v);
	gint32 cpu = waits(state) ? v->thread->cpu : -1;
	if (cpu >= 0 || s->wait_cpu >= 0)
		kvm_wait_for(v, cpu, time);
	s->state = state;
	if (!s->ep.open && s->phase != KVM_PHASE_GUEST && state != KVM_STATE_WAIT_CPU && state != KVM_STATE_THROTTLED &&
	    state != KVM_STATE_BLOCKED)
		kvm_row_settle(v, time);
	if (v->thread->state == KERNEL_RUNNING)
		s->cpu = v->thread->cpu;
}

/* ---- Levels ---------------------------------------------------------------------------------------------------- */

/* The run that has just ended, and its exit, were of the other level than thought. */
static void relevel(KvmVcpu *v, guint8 level)
{
	struct KvmVcpuState *s = v->s;
	gint64 ns = MIN(s->run_ns, v->ns[level == 2 ? KVM_STATE_GUEST_L1 : KVM_STATE_GUEST_L2]);

	if (level == 2)
		recount(v, KVM_STATE_GUEST_L1, KVM_STATE_GUEST_L2, ns);
	else
		recount(v, KVM_STATE_GUEST_L2, KVM_STATE_GUEST_L1, ns);
	s->ep.level = s->level = level;
	s->entering = FALSE;
}

static gboolean asks_for_level2(KvmIsa isa, guint64 code)
{
	return isa == KVM_ISA_SVM ? code == SVM_VMRUN
				  : isa == KVM_ISA_VMX && (code == VMX_VMLAUNCH || code == VMX_VMRESUME);
}

static gboolean loads_vcpu(const KvmEpisode *ep)
{
	return ep->isa == KVM_ISA_SVM ? ep->code == SVM_VMSAVE : ep->isa == KVM_ISA_VMX && ep->code == VMX_VMPTRLD;
}

/* Nothing that is recorded tells levels apart but the exits' own reasons. */
static gboolean guessing(const Kvm *kvm)
{
	return kvm->s->vmexits == 0 && kvm->s->reflections == 0;
}

/* Every hypervisor wants to see these. */
static gboolean always_reflected(const KvmReason *reason)
{
	return reason->klass == KVM_CLASS_CPUID || reason->klass == KVM_CLASS_HLT || reason->klass == KVM_CLASS_IO ||
	       reason->klass == KVM_CLASS_HYPERCALL;
}

/*
 * What an exit that was taken for one from level 2 really was, now that all that comes with it has been seen.
 *
 * kvm_nested_vmexit, where recorded, follows every exit from level 2. Where no nested event is: VM instructions are those of level 1's
 * hypervisor, which must have been given the exit before.
 */
static void settle_level(KvmVcpu *v)
{
	struct KvmVcpuState *s = v->s;
	KvmEpisode *ep = &s->ep;

	if (!ep->known || ep->level != 2 || ep->confirmed || ep->reflected)
		return;
	if (s->kvm->s->vmexits > 0) {
		relevel(v, 1);
	} else if (guessing(s->kvm) && ep->reason && ep->reason->klass == KVM_CLASS_NESTED) {
		relevel(v, 1);
		s->gap_open = s->gap.reflected = s->gap_held;
		s->gap_held = FALSE;
	} else if (guessing(s->kvm) && ep->reason && always_reflected(ep->reason)) {
		ep->reflected = TRUE;
		s->level = 1;
	}
	if (ep->level == 1)
		s->entering = asks_for_level2(ep->isa, ep->code);
}

/* ---- The handling of exits -------------------------------------------------------------------------------------- */

static void open_episode(KvmVcpu *v, gint64 time)
{
	KvmEpisode *ep = &v->s->ep;

	memset(ep, 0, sizeof(*ep));
	ep->open = TRUE;
	ep->begin = time;
	ep->level = v->s->level;
}

static void count_exit(KvmVcpu *v, gint64 time, gboolean whole)
{
	struct KvmVcpuState *s = v->s;
	const KvmEpisode *ep = &s->ep;
	KvmExit *e = kvm_exits_get(&s->exits, ep->isa, ep->code);

	e->count++;
	e->to_user += (guint)ep->to_user;
	for (guint i = 0; i < KVM_STATE_COUNT; i++)
		e->ns[i] += ep->ns[i];
	if (whole && s->kvm->durations)
		st_hist_add(&e->hist, time - ep->begin);
	s->gap.exits += (guint)s->gap_open;
	s->gap.loads += (guint)(s->gap_open && loads_vcpu(ep));
}

/* The run of level 2 that is going on, or has just ended. */
static KvmRun current_run(const struct KvmVcpuState *s, gint64 end)
{
	return (KvmRun){.vmcb = s->vmcb, .begin = s->entered, .end = end, .guest_ns = s->run_ns, .from_l1 = s->from_l1,
			.full_ns = -1};
}

static void end_gap(KvmVcpu *v, gint64 time, gboolean whole)
{
	struct KvmVcpuState *s = v->s;

	if (!s->gap_open && !s->gap_held)
		return;
	s->gap_open = s->gap_held = FALSE;
	if (whole && s->gap.reflected)
		s->gap.full_ns = time - s->gap_begin;
	kvm_nested_push(v, &s->gap);
}

static gboolean is_halt(const KvmReason *reason)
{
	return reason && reason->klass == KVM_CLASS_HLT;
}

static void count_nested_exit(KvmVcpu *v, gint64 time, gboolean whole)
{
	struct KvmVcpuState *s = v->s;
	const KvmEpisode *ep = &s->ep;
	KvmRun run = current_run(s, ep->begin);

	run.has_exit = TRUE;
	run.whole = whole;
	run.to_user = ep->to_user;
	run.reflected = ep->reflected;
	run.isa = ep->isa;
	run.code = ep->code;
	run.reason = ep->reason;
	run.rip = ep->rip;
	run.handled_ns = time - ep->begin;
	run.exits = 1;
	memcpy(run.ns, ep->ns, sizeof(run.ns));
	run.l2 = kvm_l2_identify(v->vm, s->vmcb, ep->reason, ep->rip);
	end_gap(v, time, FALSE);
	s->gap = run;
	s->gap_begin = ep->begin;
	s->gap_open = run.reflected;
	s->serving = !is_halt(run.reason);
	s->gap_held = !run.reflected && guessing(s->kvm);
	if (run.reflected)
		s->l2_end = ep->begin;
	else if (!s->gap_held)
		kvm_nested_push(v, &run);
}

/* The exit that was being handled has been, or what became of it isn't known (`whole` FALSE). */
static void close_episode(KvmVcpu *v, gint64 time, gboolean whole)
{
	struct KvmVcpuState *s = v->s;

	if (!s->ep.open)
		return;
	settle_level(v);
	if (s->ep.known && s->ep.level == 1)
		count_exit(v, time, whole);
	else if (s->ep.known)
		count_nested_exit(v, time, whole);
	if (s->ep.known && s->kvm->s->on_exit)
		s->kvm->s->on_exit(s->kvm->s->on_exit_user, v, time, whole);
	s->ep.open = FALSE;
}

/* A run of the guest of which the exit was not seen: that it ran all the time is not known. */
static void discard_run(KvmVcpu *v)
{
	struct KvmVcpuState *s = v->s;

	KvmState guest = s->level == 2 ? KVM_STATE_GUEST_L2 : KVM_STATE_GUEST_L1;
	gint64 ns = MIN(s->run_ns, v->ns[guest]);

	recount(v, guest, KVM_STATE_UNKNOWN, ns);
	add_guest_ns(s->kvm, s->cpu, -ns);
	s->run_ns = 0;
}

/* ---- KVM's events ------------------------------------------------------------------------------------------------ */

void kvm_vcpu_entry(KvmVcpu *v, gint64 time)
{
	struct KvmVcpuState *s = v->s;

	account(v, time);
	v->entries++;
	s->lost = FALSE;
	if (s->phase == KVM_PHASE_GUEST)
		discard_run(v);
	close_episode(v, time, s->phase == KVM_PHASE_KERNEL || s->phase == KVM_PHASE_USER);
	kvm_row_settle(v, time);
	s->from_l1 = s->entering;
	if (s->entering) {
		end_gap(v, time, TRUE);
		s->level = 2;
		s->entering = FALSE;
		s->l2_begin = time;
		s->l2_end = G_MAXINT64;
	}
	s->phase = KVM_PHASE_GUEST;
	s->entered = time;
	s->run_ns = 0;
	kvm_row_enter(v, time);
	kvm_vcpu_update(v, time);
}

/* Only the time on the processor, in the kernel: nothing else happened since the exit. */
static gboolean undisturbed(const KvmEpisode *ep)
{
	for (guint i = 0; i < KVM_STATE_COUNT; i++)
		if (i != KVM_STATE_EXIT && ep->ns[i])
			return FALSE;
	return !ep->to_user;
}

/*
 * An exit, and no entry since the exit before: that one was handled on the fast path, which enters the guest again without an event. When it did isn't recorded, but it
 * takes a microsecond at most, so the time between is the guest's.
 */
static void reenter(KvmVcpu *v)
{
	struct KvmVcpuState *s = v->s;
	gint64 ns = s->ep.ns[KVM_STATE_EXIT];
	gboolean fast = undisturbed(&s->ep);

	v->reentries++;
	if (fast)
		s->ep.ns[KVM_STATE_EXIT] = 0;
	close_episode(v, s->since, FALSE);
	kvm_row_settle(v, s->since - (fast ? ns : 0));
	s->run_ns = 0;
	s->from_l1 = FALSE;
	s->entered = s->since - ns;
	if (!fast)
		return;
	s->run_ns = ns;
	recount(v, KVM_STATE_EXIT, s->level == 2 ? KVM_STATE_GUEST_L2 : KVM_STATE_GUEST_L1, ns);
	add_guest_ns(s->kvm, s->cpu, ns);
}

void kvm_vcpu_exit(KvmVcpu *v, gint64 time, KvmIsa isa, guint64 raw_reason, guint64 rip)
{
	struct KvmVcpuState *s = v->s;
	KvmEpisode *ep = &s->ep;

	account(v, time);
	kvm_row_leave(v, time);
	v->exits_seen++;
	if (s->phase == KVM_PHASE_KERNEL && ep->open && ep->known)
		reenter(v);
	if (s->phase == KVM_PHASE_UNKNOWN || s->phase == KVM_PHASE_USER)
		s->run_ns = 0;
	if (!ep->open || s->phase == KVM_PHASE_USER) {
		close_episode(v, time, FALSE);
		kvm_row_settle(v, time - s->run_ns);
		open_episode(v, time);
	}
	s->lost = FALSE;
	s->phase = KVM_PHASE_KERNEL;
	ep->known = TRUE;
	ep->isa = (guint8)isa;
	ep->code = kvm_reason_code(isa, raw_reason);
	ep->reason = kvm_reason(isa, ep->code);
	ep->rip = rip;
	kvm_row_reason(v);
	s->entering = s->level == 1 && asks_for_level2(isa, ep->code);
	if (s->level == 1 && is_halt(ep->reason))
		s->serving = FALSE; /* with nothing to do it serves nobody */
	if (s->entering)
		s->vmcb = NULL;
	kvm_vcpu_update(v, time);
}

void kvm_vcpu_reflect(KvmVcpu *v, gint64 time)
{
	struct KvmVcpuState *s = v->s;

	account(v, time);
	/* Level 1 asked for level 2 and is refused, or interrupted before: its guest did not run. */
	if (s->ep.open && s->ep.known && s->ep.level == 1 && !s->entering)
		relevel(v, 2);
	if (s->ep.open && s->ep.level == 2)
		s->ep.reflected = TRUE;
	s->entering = FALSE;
	s->level = 1;
	kvm_vcpu_update(v, time);
}

void kvm_vcpu_confirm(KvmVcpu *v)
{
	struct KvmVcpuState *s = v->s;

	if (!s->ep.open || !s->ep.known)
		return;
	if (s->ep.level == 1)
		relevel(v, 2);
	s->ep.confirmed = TRUE;
}

void kvm_vcpu_vmrun(KvmVcpu *v, guint64 vmcb, guint64 pgd)
{
	/* Control blocks are pages. */
	v->s->vmcb = vmcb && (vmcb & 0xfff) == 0 ? kvm_l2_vmcb(v->vm, vmcb, pgd) : NULL;
	v->s->entering = TRUE;
}

void kvm_vcpu_to_user(KvmVcpu *v, gint64 time)
{
	struct KvmVcpuState *s = v->s;

	account(v, time);
	kvm_row_leave(v, time);
	s->lost = FALSE;
	if (s->phase == KVM_PHASE_GUEST)
		discard_run(v);
	s->phase = KVM_PHASE_USER;
	if (s->ep.open)
		s->ep.to_user = TRUE;
	kvm_vcpu_update(v, time);
}

void kvm_vcpu_to_kernel(KvmVcpu *v, gint64 time)
{
	struct KvmVcpuState *s = v->s;

	account(v, time);
	s->lost = FALSE;
	if (s->phase != KVM_PHASE_GUEST)
		s->phase = s->kvm->has_exits ? KVM_PHASE_KERNEL : KVM_PHASE_RUN;
	kvm_vcpu_update(v, time);
}

/* ---- The scheduler's ----------------------------------------------------------------------------------------------- */

void kvm_vcpu_switched(KvmVcpu *v, gint64 time)
{
	struct KvmVcpuState *s = v->s;

	account(v, time);
	s->lost = s->throttled = s->woken = s->queued = FALSE;
	if (v->thread->state == KERNEL_RUNNING)
		kvm_row_woken(v);
	if (v->thread->state != KERNEL_RUNNING && s->phase == KVM_PHASE_GUEST) {
		/* The guest was left before; that kvm_exit comes only now is the kernel's way on AMD. */
		open_episode(v, time);
		s->phase = KVM_PHASE_KERNEL;
	}
	if (v->thread->state == KERNEL_BLOCKED)
		s->ep.slept = TRUE;
	if (v->thread->state == KERNEL_ENDED) {
		close_episode(v, time, FALSE);
		end_gap(v, time, FALSE);
	}
	kvm_vcpu_update(v, time);
}

/* ---- Ends ---------------------------------------------------------------------------------------------------------- */

/* Nothing that was going on is known to go on. */
static void drop(KvmVcpu *v, gint64 time)
{
	struct KvmVcpuState *s = v->s;

	account(v, time);
	if (s->phase == KVM_PHASE_GUEST && s->level == 2) {
		KvmRun run = current_run(s, time);

		kvm_nested_push(v, &run);
	}
	close_episode(v, time, FALSE);
	end_gap(v, time, FALSE);
	s->phase = KVM_PHASE_UNKNOWN;
	s->level = 1;
	s->entering = FALSE;
	s->vmcb = NULL;
	s->run_ns = 0;
	s->l2_end = MIN(s->l2_end, time);
	kvm_row_settle(v, time);
}

void kvm_vcpu_forget(KvmVcpu *v, gint64 time)
{
	const KernelCpu *c = kernel_cpu(v->s->kvm->kernel, v->thread->cpu);

	/* One that runs elsewhere is not touched by what was lost here. */
	if (!v->s->kvm->s->lossy_all && v->s->state != KVM_STATE_UNKNOWN && v->thread->state == KERNEL_RUNNING && c &&
	    !c->lossy && !c->lost)
		return;
	drop(v, time);
	v->s->lost = TRUE;
	v->s->woken = FALSE;
	kvm_vcpu_update(v, time);
}

void kvm_vcpu_close(KvmVcpu *v, gint64 time)
{
	drop(v, time);
	kvm_nested_flush(v);
	if (v->s->wait_cpu >= 0)
		kvm_wait_for(v, -1, time);
}

/* ---- Life ---------------------------------------------------------------------------------------------------------- */

/* What the thread did before it was known to be a vCPU's. */
static void import(KvmVcpu *v, gint64 time)
{
	const KernelThread *t = v->thread;
	gboolean known = t->born || !v->s->kvm->has_exits;
	gint64 ns[KERNEL_STATE_COUNT];

	memcpy(ns, t->ns, sizeof(ns));
	ns[t->state] += MAX(time - t->since, 0);
	v->ns[KVM_STATE_OFF] += t->begin_ns - v->s->kvm->kernel->begin_ns + ns[KERNEL_ENDED];
	v->ns[KVM_STATE_UNKNOWN] += ns[KERNEL_UNKNOWN];
	v->ns[KVM_STATE_PREEMPTED] += ns[KERNEL_PREEMPTED];
	v->ns[KVM_STATE_WAIT_CPU] += ns[KERNEL_WAIT_CPU];
	v->ns[known ? KVM_STATE_BLOCKED : KVM_STATE_UNKNOWN] += ns[KERNEL_BLOCKED];
	v->ns[t->born ? KVM_STATE_EMULATION : known ? KVM_STATE_RUNNING : KVM_STATE_UNKNOWN] += ns[KERNEL_RUNNING];
	kvm_row_import(v, ns, time);
}

KvmVcpu *kvm_vcpu_new(Kvm *kvm, KernelThread *t, gint64 time)
{
	KvmVcpu *v = g_new0(KvmVcpu, 1);
	struct KvmVcpuState *s = v->s = g_new0(struct KvmVcpuState, 1);

	v->thread = t;
	v->id = -1;
	v->preemptors = g_ptr_array_new_with_free_func(g_free);
	v->nested = g_ptr_array_new_with_free_func(kvm_nested_free);
	kvm_exits_init(&s->exits);
	v->exits = s->exits.all;
	s->kvm = kvm;
	s->level = 1;
	s->phase = t->born ? KVM_PHASE_USER : KVM_PHASE_UNKNOWN;
	s->since = time;
	s->cpu = t->cpu;
	s->wait_cpu = s->exit_id = s->entry_id = -1;
	s->exits_pace.least = s->loads_pace.least = G_MAXUINT;
	s->pending = g_array_new(FALSE, FALSE, sizeof(KvmRun));
	s->matrix = g_hash_table_new(NULL, NULL);
	import(v, time);
	return v;
}

void kvm_vcpu_free(gpointer vcpu)
{
	KvmVcpu *v = vcpu;

	g_ptr_array_unref(v->preemptors);
	g_ptr_array_unref(v->nested);
	kvm_exits_clear(&v->s->exits);
	g_array_unref(v->s->pending);
	if (v->s->pieces)
		g_array_unref(v->s->pieces);
	g_hash_table_unref(v->s->matrix);
	g_free(v->s);
	g_free(v);
}
