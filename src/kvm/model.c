/* SPDX-License-Identifier: MIT */
/* model.c: what each event says about vCPUs. The kernel's model has seen it first. */
#include "kvm/private.h"

/* ioctl's number of "run the vCPU until something has to be done outside", and where ioctl has it. */
#define KVM_RUN   0xae80u
#define IOCTL_CMD 1

static gint64 value(const TraceEvent *ev, guint field, gint64 otherwise)
{
	return trace_has(ev, field) ? (gint64)ev->v[field] : otherwise;
}

/* ---- The scheduler ------------------------------------------------------------------------------------------------- */

/* A thread's vCPU; a thread that is named like one is one. */
static KvmVcpu *vcpu_of(Kvm *kvm, KernelThread *t, gint64 time)
{
	if (!t)
		return NULL;
	if (!t->vcpu && kvm_id_by_name(t->name) >= 0)
		kvm_attach(kvm, t, time);
	return t->vcpu;
}

static KvmVcpu **running_on(Kvm *kvm, gint32 cpu)
{
	GPtrArray *all = kvm->s->running;

	if ((guint)cpu >= all->len)
		g_ptr_array_set_size(all, cpu + 1);
	return (KvmVcpu **)&all->pdata[cpu];
}

/*
 * Those that wait in this processor's queue may now be kept from it by something else; if it was given to nothing, they aren't allowed to run. (One that waits for a
 * processor that has been idle for longer is about to get it: an idle processor pulls threads, and one that was woken for it takes its time.)
 */
static void update_waiters(Kvm *kvm, const KernelCpu *c, gint64 time)
{
	GPtrArray *list = (guint)c->id < kvm->s->waiters->len ? g_ptr_array_index(kvm->s->waiters, c->id) : NULL;
	gboolean idle = kvm->s->can_throttle && c->current && kernel_is_idle(c->current);

	for (guint i = list ? list->len : 0; i-- > 0;) {
		KvmVcpu *v = g_ptr_array_index(list, i);

		v->s->throttled = idle && (v->s->queued || v->thread->state == KERNEL_PREEMPTED);
		kvm_vcpu_update(v, time);
	}
}

static void on_switch(Kvm *kvm, const TraceEvent *ev)
{
	const KernelCpu *c = kernel_cpu(kvm->kernel, ev->cpu);

	if (!c)
		return;
	kvm_wait_charge(kvm, c->id, c->previous, ev->time);
	KvmVcpu *prev = vcpu_of(kvm, c->previous, ev->time), *next = vcpu_of(kvm, c->current, ev->time);
	KvmVcpu **running = running_on(kvm, c->id);
	if (*running && *running != prev && *running != next)
		kvm_vcpu_switched(*running, ev->time); /* it was taken off unseen */
	if (prev) {
		kvm_rehome(prev);
		kvm_vcpu_switched(prev, ev->time);
		if (prev->thread->state == KERNEL_PREEMPTED)
			kvm_wait_preempted(prev, c->current);
	}
	if (next)
		kvm_vcpu_switched(next, ev->time);
	*running = next;
	update_waiters(kvm, c, ev->time);
}

/* A wakeup or a migration. */
static void on_wake(Kvm *kvm, const TraceEvent *ev)
{
	gint64 tid = value(ev, TRACE_SCHED_WAKEUP_TID, -1);
	KernelThread *t = tid > 0 && tid < KERNEL_TID_MAX ? kernel_thread(kvm->kernel, (gint32)tid) : NULL;
	KvmVcpu *v = t ? t->vcpu : NULL;

	if (!v)
		return;
	if (t->state == KERNEL_WAIT_CPU)
		v->s->lost = FALSE;
	if (ev->id == TRACE_SCHED_WAKING) {
		v->s->woken |= kvm->s->has_queued && t->state == KERNEL_WAIT_CPU && v->s->state != KVM_STATE_WAIT_CPU && !v->s->queued;
	} else if (ev->id == TRACE_SCHED_MIGRATE) {
		v->s->throttled = FALSE;
	} else {
		v->s->woken = FALSE;
		v->s->queued = TRUE;
	}
	kvm_vcpu_update(v, ev->time);
}

/* ---- KVM ----------------------------------------------------------------------------------------------------------- */

/* The vCPU of which the event speaks; NULL: the thread isn't known, or can't be one. */
static KvmVcpu *current_vcpu(Kvm *kvm, const TraceEvent *ev)
{
	KernelThread *t = kernel_current(kvm->kernel, ev);

	if (!t || kernel_is_idle(t))
		return NULL;
	return t->vcpu ? t->vcpu : kvm_attach(kvm, t, ev->time);
}

/* An id is what all events of the thread say; if they don't agree it is none. */
static void note_id(gint32 *id, const TraceEvent *ev, guint field)
{
	gint64 said = value(ev, field, -1);

	if (said < 0 || said > G_MAXINT32)
		said = -2;
	if (*id == -1 && trace_has(ev, field))
		*id = (gint32)said;
	else if (*id >= 0 && *id != said)
		*id = -2;
}

static void on_vm_exit(Kvm *kvm, KvmVcpu *v, const TraceEvent *ev)
{
	gint64 isa = value(ev, TRACE_KVM_EXIT_ISA, KVM_ISA_UNKNOWN);

	if (isa != KVM_ISA_VMX && isa != KVM_ISA_SVM)
		isa = kvm->isa;
	kvm->isa = (KvmIsa)isa;
	note_id(&v->s->exit_id, ev, TRACE_KVM_EXIT_VCPU_ID);
	kvm_vcpu_exit(v, ev->time, (KvmIsa)isa, (guint64)value(ev, TRACE_KVM_EXIT_REASON, 0),
		      (guint64)value(ev, TRACE_KVM_EXIT_RIP, 0));
	v->s->ep.has_info = trace_has(ev, TRACE_KVM_EXIT_INFO1);
	v->s->ep.info1 = (guint64)value(ev, TRACE_KVM_EXIT_INFO1, 0);
	v->s->ep.info2 = (guint64)value(ev, TRACE_KVM_EXIT_INFO2, 0);
	v->s->ep.intr_info = (guint64)value(ev, TRACE_KVM_EXIT_INTR_INFO, 0);
}

static void on_ioctl(Kvm *kvm, const TraceEvent *ev)
{
	KernelThread *t = kernel_current(kvm->kernel, ev);
	gboolean run = ev->id == TRACE_SYSCALL_ENTRY && (guint32)value(ev, IOCTL_CMD, 0) == KVM_RUN;

	/* One without the other would never let a vCPU out of the kernel again, or out of its process. */
	if (!kvm->has_ioctl || !t || kernel_is_idle(t) || (!run && !t->vcpu))
		return;
	KvmVcpu *v = kvm_attach(kvm, t, ev->time);
	if (v && run)
		kvm_vcpu_to_kernel(v, ev->time);
	else if (v && ev->id == TRACE_SYSCALL_EXIT)
		kvm_vcpu_to_user(v, ev->time);
}

/* The guest is about to be entered with these page tables, if the event tells. */
static void note_cr3(Kvm *kvm, KvmVcpu *v, const TraceEvent *ev, guint field)
{
	if (trace_has(ev, field) && kvm->s->on_cr3)
		kvm->s->on_cr3(kvm->s->on_cr3_user, v, ev->time, ev->v[field]);
}

static void on_kvm(Kvm *kvm, const TraceEvent *ev)
{
	KvmVcpu *v = current_vcpu(kvm, ev);

	if (!v) {
		kvm->unattributed += ev->id == TRACE_KVM_ENTRY || ev->id == TRACE_KVM_EXIT;
		return;
	}
	switch ((TraceEventId)ev->id) {
	case TRACE_KVM_ENTRY:
		note_id(&v->s->entry_id, ev, TRACE_KVM_ENTRY_VCPU_ID);
		note_cr3(kvm, v, ev, TRACE_KVM_ENTRY_CR3);
		kvm_vcpu_entry(v, ev->time);
		break;
	case TRACE_KVM_EXIT:
		on_vm_exit(kvm, v, ev);
		break;
	case TRACE_KVM_ENTER_GUEST:
		note_cr3(kvm, v, ev, TRACE_KVM_ENTER_GUEST_CR3);
		break;
	case TRACE_KVM_NESTED_VMRUN:
		kvm_vcpu_vmrun(v, (guint64)value(ev, TRACE_KVM_NESTED_VMRUN_VMCB, 0),
			       (guint64)value(ev, TRACE_KVM_NESTED_VMRUN_TDP_PGD, 0));
		break;
	case TRACE_KVM_NESTED_VMEXIT:
		kvm->s->vmexits++;
		kvm_vcpu_confirm(v);
		break;
	case TRACE_KVM_NESTED_VMEXIT_INJECT:
	case TRACE_KVM_NESTED_INTR_VMEXIT:
		kvm->s->reflections++;
		kvm_vcpu_reflect(v, ev->time);
		break;
	case TRACE_KVM_USERSPACE_EXIT:
		kvm_vcpu_to_user(v, ev->time);
		break;
	default:
		break; /* that it is a vCPU is all that it says */
	}
}

void kvm_event(gpointer self, const TraceEvent *ev)
{
	Kvm *kvm = self;

	switch ((TraceEventId)ev->id) {
	case TRACE_SCHED_SWITCH:
		on_switch(kvm, ev);
		break;
	case TRACE_SCHED_WAKING:
	case TRACE_SCHED_WAKEUP:
	case TRACE_SCHED_WAKEUP_NEW:
	case TRACE_SCHED_MIGRATE:
		on_wake(kvm, ev);
		break;
	case TRACE_SYSCALL_ENTRY:
	case TRACE_SYSCALL_EXIT:
		if (ev->syscall == TRACE_SYS_IOCTL || ev->syscall < 0)
			on_ioctl(kvm, ev);
		break;
	default:
		on_kvm(kvm, ev);
		break;
	}
}

/* ---- Lost events ----------------------------------------------------------------------------------------------------- */

/* Any vCPU may have been the subject of what was lost, but those that are seen to run elsewhere. */
void kvm_loss(gpointer self, gint32 cpu, gint64 time, TraceLossEdge edge)
{
	Kvm *kvm = self;

	time = CLAMP(time, kvm->kernel->begin_ns, kvm->kernel->end_ns);
	if (cpu < 0)
		kvm->s->lossy_all = TRUE;
	else
		kvm->s->lossy += edge == TRACE_LOSS_BEGIN ? 1 : -1;
	for (guint i = 0; i < kvm->s->vcpus->len; i++)
		kvm_vcpu_forget(g_ptr_array_index(kvm->s->vcpus, i), time);
	if (cpu < 0)
		kvm->s->lossy_all = edge == TRACE_LOSS_BEGIN;
}

/* ---- The model ------------------------------------------------------------------------------------------------------- */

#define ALL_CTX \
	(TRACE_BIT(TRACE_CTX_TID) | TRACE_BIT(TRACE_CTX_PID) | TRACE_BIT(TRACE_CTX_VTID) | TRACE_BIT(TRACE_CTX_VPID))
#define SCHED_NEEDS \
	{TRACE_SCHED_SWITCH, 0, 0}, {TRACE_SCHED_WAKING, 0x1, 0}, {TRACE_SCHED_WAKEUP, 0x1, 0}, \
		{TRACE_SCHED_WAKEUP_NEW, 0x1, 0}, {TRACE_SCHED_MIGRATE, 0x1, 0}
#define USER_NEEDS \
	{TRACE_SYSCALL_ENTRY, 0x2, ALL_CTX, TRACE_ONLY(TRACE_SYS_IOCTL)}, \
		{TRACE_SYSCALL_EXIT, 0, ALL_CTX, TRACE_ONLY(TRACE_SYS_IOCTL)}, {TRACE_KVM_USERSPACE_EXIT, 0, ALL_CTX}

/* `fields` of kvm_exit. */
#define EXIT_NEEDS(fields) \
	{TRACE_KVM_ENTRY, 0x3, ALL_CTX}, {TRACE_KVM_ENTER_GUEST, 0x1, ALL_CTX}, {TRACE_KVM_EXIT, fields, ALL_CTX}, \
		{TRACE_KVM_NESTED_VMRUN, 0x3, ALL_CTX}, {TRACE_KVM_NESTED_VMEXIT, 0, ALL_CTX}, \
		{TRACE_KVM_NESTED_VMEXIT_INJECT, 0, ALL_CTX}, {TRACE_KVM_NESTED_INTR_VMEXIT, 0, ALL_CTX}

TraceModel kvm_model(Kvm *kvm)
{
	static const TraceNeed full[] = {SCHED_NEEDS, USER_NEEDS, EXIT_NEEDS(0x3f)};
	static const TraceNeed with_address[] = {SCHED_NEEDS, USER_NEEDS, EXIT_NEEDS(0x7f)};
	static const TraceNeed without_exits[] = {
		SCHED_NEEDS,
		USER_NEEDS,
		{TRACE_KVM_ENTER_GUEST, 0x1, ALL_CTX},
		{TRACE_KVM_MMIO, 0, ALL_CTX},
		{TRACE_KVM_FPU, 0, ALL_CTX},
	};
	TraceModel m = {.event = kvm_event, .loss = kvm_loss, .self = kvm};

	/* Devices' addresses: kvm_mmio tells them, too. */
	m.needs = !kvm->has_exits ? without_exits : kvm->facts.declared[TRACE_KVM_MMIO] ? full : with_address;
	m.n_needs = kvm->has_exits ? G_N_ELEMENTS(full) : G_N_ELEMENTS(without_exits);
	return m;
}
