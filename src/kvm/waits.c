/* SPDX-License-Identifier: MIT */
/*
 * waits.c: why vCPUs slept: evidence is collected while events flow, and weighed at the end, when all has been learned.
 *
 * A wait begins where the vCPU's thread leaves its processor to sleep. Until it is woken, the first interrupt that is signalled to it counts. What its waker was doing is known then: this part
 * comes behind those of the kernel. After that, the first vector that it takes itself counts, until it enters its guest. Who wakes a thread that is about to leave its processor does that before it
 * has left: what is signalled to a vCPU outside of its guest is kept, in case that it falls asleep.
 */
#include "kernel/flow.h"
#include "kernel/irq.h"
#include "kernel/syscalls.h"
#include "kernel/files.h"
#include "kvm/private.h"
#include "kvm/rows.h"
#include "kvm/waits_decide.h"

#include <string.h>

#define VHOST         "vhost-"
#define APIC_LVT_TIMER 0x320
#define APIC_ICR      0x300
#define APIC_TMICT    0x380 /* starts its timer */
#define MSR_LVT_TIMER 0x832
#define MSR_ICR       0x830
#define MSR_TMICT     0x838
#define MSR_DEADLINE  0x6e0 /* the same, by the time stamp counter */
#define SAID          1000 /* votes: the guest itself has said so */
#define FILES_CACHED  65536
#define APICS_CACHED  256

/* What a VM's own process, or its vhost workers, did last that an interrupt may tell its guest. */
typedef struct {
	KvmVectors vectors;
	guint32 apics[APICS_CACHED]; /* by number of its local APIC: KvmVcpuState.index plus one of the vCPU that had it last */
	guint8 io;          /* KvmWaitReason: DISK, NETWORK; UNKNOWN: nothing since the last interrupt that it signalled */
	gboolean armed;     /* its guest has started a local APIC's timer */
} Process;

/* Who signals an interrupt. */
typedef enum { FROM_VCPU, FROM_DEVICE, FROM_IRQ, FROM_ITSELF } From;

/* What was signalled to a vCPU, and who woke it, while it was not in its guest. */
typedef struct {
	guint16 vector;       /* KVM_NO_VECTOR: nothing yet */
	guint8 from;          /* From */
	guint8 io;            /* KvmWaitReason: what its process had dealt with, when it was woken */
	gboolean woken;       /* it was; the rest is about that */
	guint16 evidence;
	guint32 waker, waker_text;
} Cause;

/* A vCPU's wait that is going on. */
typedef struct {
	KvmWaitItem item;
	Cause cause;          /* of this wait, or, while it is awake, of one that may come */
	gboolean asleep, woken, ran;
	gboolean own_accept;  /* item.vector: its own thread accepted it */
	guint8 from, io;      /* of `cause`, once it is awake */
	guint8 state_reason;  /* KvmWaitReason: what its thread's own state said */
} Wait;

typedef struct {
	KvmSet *set;
	Kvm *kvm;
	guint table;
	guint files_table;      /* of the files that are known; HISTORY_TABLES_MAX: there is none */
	gboolean has_waking, has_accept, has_arming;
	gboolean has_hrtimer, has_timers; /* timers' functions; those or at least the local timer's interrupts */
	GPtrArray *waits;       /* Wait *, by KvmVcpuState.index */
	GHashTable *processes;  /* pid + 1 -> Process */
	GArray *blocks;         /* gint64 by processor: when a block request was last completed there */
	guint8 *files;          /* by file: 1 + KvmWaitReason; 0: not looked at yet */
	guint32 msi_thread;     /* serial of who signalled an MSI last, */
	guint8 msi_vector;      /* and what */
	guint32 timer_text;
	guint32 reason_texts[KVM_WAIT_COUNT];
} Waits;

const char *kvm_wait_name(KvmWaitReason reason)
{
	static const char *const names[] = {
#define KVM_W(id, name, meaning) [KVM_WAIT_##id] = (name),
		KVM_WAITS(KVM_W)
#undef KVM_W
	};

	return names[reason];
}

/* ---- Whose ------------------------------------------------------------------------------------------------------------- */

static Process *process_get(Waits *w, gint32 pid)
{
	Process *p = g_hash_table_lookup(w->processes, GINT_TO_POINTER(pid + 1));

	if (p || g_hash_table_size(w->processes) >= KVM_WAITS_PROCESSES_MAX)
		return p;
	p = g_new0(Process, 1);
	g_hash_table_insert(w->processes, GINT_TO_POINTER(pid + 1), p);
	return p;
}

/* The VM whose process a thread belongs to, or for which it works; -1: none. */
static gint32 vm_pid_of(const Waits *w, const KernelThread *t)
{
	if (!t)
		return -1;
	if (t->vcpu)
		return ((const KvmVcpu *)t->vcpu)->vm->pid;
	if (t->pid >= 0 && g_hash_table_contains(w->kvm->s->by_pid, GINT_TO_POINTER(t->pid)))
		return t->pid;
	if (memcmp(t->name, VHOST, strlen(VHOST)) == 0) {
		gint64 pid = g_ascii_strtoll(t->name + strlen(VHOST), NULL, 10);

		if (pid > 0 && pid < KERNEL_TID_MAX && g_hash_table_contains(w->kvm->s->by_pid, GINT_TO_POINTER(pid)))
			return (gint32)pid;
	}
	return -1;
}

static gboolean is_vhost(const KernelThread *t)
{
	return memcmp(t->name, VHOST, strlen(VHOST)) == 0;
}

static Wait *wait_of(Waits *w, const KvmVcpu *v)
{
	guint i = v->s->index;

	if (i >= w->waits->len)
		g_ptr_array_set_size(w->waits, (gint)i + 1);
	Wait **place = (Wait **)&w->waits->pdata[i];
	if (!*place) {
		*place = g_new0(Wait, 1);
		(*place)->cause = (Cause){.vector = KVM_NO_VECTOR, .waker = G_MAXUINT32};
	}
	return *place;
}

static const Process *process_of(const Waits *w, const KvmVcpu *v)
{
	return v->vm->pid >= 0 ? g_hash_table_lookup(w->processes, GINT_TO_POINTER(v->vm->pid + 1)) : NULL;
}

static void decide(const Waits *w, const KvmVcpu *v, KvmWaitItem *item, guint8 io, guint8 state_reason)
{
	const Process *p = process_of(w, v);
	const KvmWaitFacts facts = {.vectors = p ? &p->vectors : NULL, .io = io, .state_reason = state_reason, .has_accept = w->has_accept};

	kvm_wait_decide(item, &facts);
}

/* ---- Learning ------------------------------------------------------------------------------------------------------------- */

static void learn(Waits *w, gint32 pid, guint64 vector, KvmWaitReason reason, guint weight)
{
	Process *p = pid >= 0 && reason != KVM_WAIT_UNKNOWN ? process_get(w, pid) : NULL;

	if (p)
		kvm_vectors_vote(&p->vectors, (guint)(vector & 0xff), reason, weight);
}

/* The vector that a device signals, by the thread that does it on the device's behalf. */
static void learn_device(Waits *w, const KernelThread *t, guint64 vector)
{
	gint32 pid = vm_pid_of(w, t);
	Process *p = pid >= 0 ? process_get(w, pid) : NULL;

	if (!p || t->vcpu)
		return;
	if (is_vhost(t)) {
		kvm_vectors_vote(&p->vectors, (guint)(vector & 0xff), KVM_WAIT_NETWORK, 1);
		return;
	}
	if (p->io != KVM_WAIT_UNKNOWN)
		kvm_vectors_vote(&p->vectors, (guint)(vector & 0xff), (KvmWaitReason)p->io, 1);
	p->io = KVM_WAIT_UNKNOWN;
}

/* What a guest says itself: its timer's vector, those that it sends to its other processors; that it has started its timer. */
static void on_register(Waits *w, const TraceEvent *ev, gboolean is_write, guint64 reg, guint64 value, gboolean is_msr)
{
	const KernelThread *t = is_write ? kernel_current(w->kvm->kernel, ev) : NULL;

	if (!t || !t->vcpu)
		return;
	gint32 pid = ((const KvmVcpu *)t->vcpu)->vm->pid;
	if (reg == (is_msr ? MSR_LVT_TIMER : APIC_LVT_TIMER) && (value & 0xff) >= 16)
		learn(w, pid, value, KVM_WAIT_TIMER, SAID);
	else if (reg == (is_msr ? MSR_ICR : APIC_ICR) && (value & 0x700) == 0 && (value & 0xff) >= 16) /* delivery mode: fixed */
		learn(w, pid, value, KVM_WAIT_IPI, SAID);
	else if ((is_msr ? reg == MSR_DEADLINE || reg == MSR_TMICT : reg == APIC_TMICT) && value) {
		Process *p = pid >= 0 ? process_get(w, pid) : NULL;

		if (p)
			p->armed = TRUE;
	}
}

/* ---- The VM's own I/O --------------------------------------------------------------------------------------------------------- */

/* What reading or writing a file means for the VM. */
static KvmWaitReason io_of_file(Waits *w, guint32 file)
{
	if (file >= FILES_CACHED || w->files_table == HISTORY_TABLES_MAX || file >= history_table_len(w->set->history, w->files_table))
		return KVM_WAIT_UNKNOWN;
	if (!w->files[file]) {
		const KernelFileItem *item = history_table_get(w->set->history, w->files_table, file);
		const char *name = history_text_get(w->set->history, item->name);
		KvmWaitReason reason = strstr(name, "/net/tun") || kernel_file_is_socket(item->kind) ? KVM_WAIT_NETWORK :
				       item->kind == KERNEL_FILE_FILE || g_str_has_prefix(name, "/dev/") ? KVM_WAIT_DISK : KVM_WAIT_UNKNOWN;

		w->files[file] = (guint8)(reason + 1);
	}
	return (KvmWaitReason)(w->files[file] - 1);
}

static void on_syscall(Waits *w, const TraceEvent *ev)
{
	const KernelThread *t = kernel_current(w->kvm->kernel, ev);

	if (!t || t->pid < 0 || !g_hash_table_contains(w->kvm->s->by_pid, GINT_TO_POINTER(t->pid)))
		return;
	KvmWaitReason io = KVM_WAIT_DISK;
	if (ev->syscall != TRACE_SYS_IO_SUBMIT && ev->syscall != TRACE_SYS_IO_GETEVENTS && ev->syscall != TRACE_SYS_IO_URING_ENTER) {
		const KernelCall *call = kernel_syscalls_current(w->set->kernel_set, t);

		io = call ? io_of_file(w, call->file) : KVM_WAIT_UNKNOWN;
	}
	Process *p = io != KVM_WAIT_UNKNOWN ? process_get(w, t->pid) : NULL;
	if (p)
		p->io = (guint8)io;
}

static void on_block(Waits *w, const TraceEvent *ev)
{
	if (ev->cpu < 0 || ev->cpu >= KERNEL_CPU_MAX)
		return;
	if ((guint)ev->cpu >= w->blocks->len)
		g_array_set_size(w->blocks, (guint)ev->cpu + 1);
	g_array_index(w->blocks, gint64, ev->cpu) = ev->time;
}

/* A handler that has completed a block request wakes a thread of the VM's process: that request was the VM's. */
static void note_completion(Waits *w, const KernelThread *t, const TraceEvent *ev)
{
	KernelIrqContext irq;

	if (t->vcpu || t->pid < 0 || !g_hash_table_contains(w->kvm->s->by_pid, GINT_TO_POINTER(t->pid)))
		return;
	gint64 completed = ev->cpu >= 0 && (guint)ev->cpu < w->blocks->len ? g_array_index(w->blocks, gint64, ev->cpu) : 0;
	if (!completed || !kernel_irq_context(w->set->kernel_set, ev->cpu, 0, &irq) || completed < irq.begin_ns)
		return;
	Process *p = process_get(w, t->pid);
	if (p)
		p->io = KVM_WAIT_DISK;
}

/* ---- A wait's life -------------------------------------------------------------------------------------------------------------- */

static void clear_cause(Wait *wait)
{
	wait->cause = (Cause){.vector = KVM_NO_VECTOR, .waker = G_MAXUINT32};
}

/* What this wait shows of its vector. */
static void learn_wait(Waits *w, gint32 pid, const Wait *wait)
{
	const guint evidence = wait->item.evidence;
	const gboolean signalled = (evidence & KVM_WAIT_SIGNALLED) != 0, injected = (evidence & KVM_WAIT_INJECTED) != 0;

	if ((evidence & KVM_WAIT_BY_TIMER) && (injected || (signalled && wait->from == FROM_IRQ)))
		learn(w, pid, wait->item.vector, KVM_WAIT_TIMER, 1);
	else if ((evidence & KVM_WAIT_BY_VCPU) && signalled && wait->from == FROM_VCPU)
		learn(w, pid, wait->item.vector, KVM_WAIT_IPI, 1);
	if (w->has_timers || !wait->own_accept)
		return;
	/* Of all that comes to it, a vCPU accepts on its own only what its local timer's expiry has left for it. */
	const Process *p = pid >= 0 ? process_get(w, pid) : NULL;
	if (p && (p->armed || !w->has_arming))
		learn(w, pid, wait->item.vector, KVM_WAIT_TIMER, 1);
}

static void end_wait(Waits *w, const KvmVcpu *v, Wait *wait, gint64 enter_ns)
{
	if (!wait->asleep || !wait->ran)
		return;
	wait->asleep = FALSE;
	wait->item.enter_ns = enter_ns;
	wait->item.vcpu = v->s->index;
	learn_wait(w, v->vm->pid, wait);
	/* What is unknown by now may have been learned by the end: finish() decides. What only now is known is kept in its place. */
	KvmWaitItem *kept = history_table_add(w->set->history, w->table);
	*kept = wait->item;
	kept->reason = wait->io;
	kept->confidence = wait->state_reason;
}

static void fall_asleep(Waits *w, KvmVcpu *v, gint64 time)
{
	Wait *wait = wait_of(w, v);

	end_wait(w, v, wait, G_MININT64);
	*wait = (Wait){.cause = wait->cause, .asleep = TRUE};
	wait->item.begin_ns = time;
	wait->item.vector = KVM_NO_VECTOR;
	wait->item.waker = G_MAXUINT32;
	wait->item.halted = v->s->state == KVM_STATE_HALTED;
}

static KvmWaitReason of_thread_state(KernelThreadState state)
{
	switch (state) {
	case KERNEL_TS_B_DISK:
		return KVM_WAIT_DISK;
	case KERNEL_TS_B_FAULT:
		return KVM_WAIT_FAULT;
	case KERNEL_TS_B_KERNEL:
		return KVM_WAIT_KERNEL;
	case KERNEL_TS_B_NETWORK:
		return KVM_WAIT_NETWORK;
	case KERNEL_TS_B_FUTEX:
	case KERNEL_TS_B_PIPE:
	case KERNEL_TS_B_SOCKET:
	case KERNEL_TS_B_POLL:
	case KERNEL_TS_B_EVENT:
		return KVM_WAIT_PROCESS;
	case KERNEL_TS_B_TIMER:
		return KVM_WAIT_TIMER;
	default:
		return KVM_WAIT_UNKNOWN;
	}
}

static guint evidence_of_irq(const Waits *w, const KernelIrqContext *irq, gboolean is_waking)
{
	switch (irq->kind) {
	case KERNEL_IRQ_HRTIMER:
	case KERNEL_IRQ_TIMER:
		return KVM_WAIT_BY_TIMER;
	case KERNEL_IRQ_VECTOR:
		if (irq->is_local_timer && !w->has_hrtimer)
			return KVM_WAIT_BY_TIMER;
		return is_waking ? KVM_WAIT_BY_IRQ : 0; /* sched_wakeup's may be but another processor's call to do it there */
	default:
		return KVM_WAIT_BY_IRQ;
	}
}

/* In what context a wakeup was issued. */
static guint evidence_of(Waits *w, const KvmVcpu *v, const KernelThread *by, const TraceEvent *ev)
{
	const gboolean is_waking = ev->id == TRACE_SCHED_WAKING;
	const guint unsure = w->has_timers ? 0 : KVM_WAIT_UNSURE;
	KernelIrqContext irq;

	if (kernel_irq_context(w->set->kernel_set, ev->cpu, 0, &irq))
		return evidence_of_irq(w, &irq, is_waking);
	if (!is_waking || !by || by == v->thread || kernel_is_idle(by))
		return unsure; /* sched_wakeup is told on the processor of who is woken */
	if (by->vcpu)
		return unsure | (((const KvmVcpu *)by->vcpu)->vm == v->vm ? KVM_WAIT_BY_VCPU : KVM_WAIT_BY_OTHER);
	if (v->vm->pid >= 0 && vm_pid_of(w, by) == v->vm->pid)
		return unsure | (is_vhost(by) ? KVM_WAIT_BY_VHOST : KVM_WAIT_BY_PROCESS);
	return unsure | KVM_WAIT_BY_OTHER;
}

/* What people are told in the vCPU's row: final but for what is learned later. */
static guint32 row_text(Waits *w, const KvmVcpu *v, const Wait *wait)
{
	const History *h = w->set->history;
	KvmWaitItem item = wait->item;
	const char *who = history_text_get(h, item.waker_text);

	decide(w, v, &item, wait->io, wait->state_reason);
	if (item.reason != KVM_WAIT_TIMER && *who) {
		char text[128];

		g_snprintf(text, sizeof(text), "%s: %s", kvm_wait_name((KvmWaitReason)item.reason), who);
		return history_text(w->set->history, text, -1);
	}
	if (!w->reason_texts[item.reason])
		w->reason_texts[item.reason] = history_text(w->set->history, kvm_wait_name((KvmWaitReason)item.reason), -1);
	return w->reason_texts[item.reason];
}

/* Who wakes it, and what for. */
static void note_cause(Waits *w, const KvmVcpu *v, Cause *cause, const TraceEvent *ev)
{
	const KernelThread *by = kernel_current(w->kvm->kernel, ev);
	const Process *p = process_of(w, v);
	const guint threads = KVM_WAIT_BY_VCPU | KVM_WAIT_BY_VHOST | KVM_WAIT_BY_PROCESS | KVM_WAIT_BY_OTHER;

	cause->woken = TRUE;
	cause->evidence = (guint16)evidence_of(w, v, by, ev);
	cause->io = p ? p->io : KVM_WAIT_UNKNOWN;
	cause->waker = (cause->evidence & threads) ? by->serial : G_MAXUINT32;
	cause->waker_text = cause->evidence & KVM_WAIT_BY_TIMER ? w->timer_text : cause->evidence & threads ? kvm_row_thread(w->kvm, by) : 0;
}

static void wake(Waits *w, KvmVcpu *v, Wait *wait, const TraceEvent *ev)
{
	Cause *cause = &wait->cause;

	/* Whoever issued it before the thread was gone is known: this is only what became of that. */
	if (!cause->woken || ev->id == TRACE_SCHED_WAKING) {
		note_cause(w, v, cause, ev);
		if (!cause->waker_text && (ev->id == TRACE_SCHED_WAKING || cause->evidence & KVM_WAIT_BY_IRQ))
			cause->waker_text = kernel_flow_waker(w->set->kernel_set, v->thread);
	}
	wait->woken = TRUE;
	wait->item.woken_ns = ev->time;
	wait->item.vector = cause->vector;
	wait->item.evidence = (guint16)(cause->evidence | (cause->vector != KVM_NO_VECTOR ? KVM_WAIT_SIGNALLED : 0));
	wait->item.waker = cause->waker;
	wait->item.waker_text = cause->waker_text;
	wait->from = cause->from;
	wait->io = cause->io;
	wait->state_reason = (guint8)of_thread_state(kernel_flow_blocked_for(w->set->kernel_set, v->thread));
	v->s->wait_text = row_text(w, v, wait);
}

/* In its guest, or on its way there, it needs nobody to wake it. */
static gboolean may_sleep(const KvmVcpu *v)
{
	return v->s->phase != KVM_PHASE_GUEST;
}

static void on_wake(Waits *w, const TraceEvent *ev)
{
	gint64 tid = trace_has(ev, TRACE_SCHED_WAKEUP_TID) ? (gint64)ev->v[TRACE_SCHED_WAKEUP_TID] : -1;
	KernelThread *t = tid > 0 && tid < KERNEL_TID_MAX ? kernel_thread(w->kvm->kernel, (gint32)tid) : NULL;

	if (!t)
		return;
	if (!t->vcpu) {
		note_completion(w, t, ev);
		return;
	}
	Wait *wait = wait_of(w, t->vcpu);
	if (wait->asleep && !wait->ran) {
		if (!wait->woken)
			wake(w, t->vcpu, wait, ev);
	} else if (ev->id == TRACE_SCHED_WAKING && may_sleep(t->vcpu)) {
		note_cause(w, t->vcpu, &wait->cause, ev);
	}
}

static void on_switch(Waits *w, const TraceEvent *ev)
{
	const KernelCpu *c = kernel_cpu(w->kvm->kernel, ev->cpu);

	if (!c)
		return;
	if (c->current && c->current->vcpu) {
		Wait *wait = wait_of(w, c->current->vcpu);

		if (wait->asleep && wait->woken && !wait->ran) {
			wait->ran = TRUE;
			wait->item.run_ns = ev->time;
			clear_cause(wait);
		}
	}
	if (c->previous && c->previous->vcpu && c->previous->state == KERNEL_BLOCKED)
		fall_asleep(w, c->previous->vcpu, ev->time);
}

/* ---- Interrupts -------------------------------------------------------------------------------------------------------------------- */

/* The first one that is signalled to it before it is woken; or, if none was, the first that it takes itself once it runs. */
static void signal_vcpu(Waits *w, KvmVcpu *v, guint64 vector, From from)
{
	Wait *wait = wait_of(w, v);

	if (from != FROM_ITSELF) {
		if (wait->cause.vector != KVM_NO_VECTOR || !may_sleep(v))
			return;
		wait->cause.vector = (guint16)(vector & 0xff);
		wait->cause.from = (guint8)from;
	} else if (wait->asleep && wait->ran && wait->item.vector == KVM_NO_VECTOR) {
		wait->item.vector = (guint16)(vector & 0xff);
		wait->item.evidence |= KVM_WAIT_INJECTED;
	}
}

static gboolean has_apic(const KvmVm *vm, const KvmVcpu *v, guint64 apic)
{
	gint32 id = v->s->exit_id >= 0 ? v->s->exit_id : kvm_id_by_name(v->thread->name);

	return v->vm == vm && (id >= 0 ? (guint64)id == apic : vm->vcpus->len == 1);
}

static KvmVcpu *vcpu_of_apic(Waits *w, gint32 pid, guint64 apic)
{
	const KvmVm *vm = pid >= 0 ? g_hash_table_lookup(w->kvm->s->by_pid, GINT_TO_POINTER(pid)) : NULL;
	Process *p = vm ? process_get(w, pid) : NULL;
	guint32 *cached = p && apic < APICS_CACHED ? &p->apics[apic] : NULL;

	if (cached && *cached) {
		KvmVcpu *v = g_ptr_array_index(w->kvm->s->vcpus, *cached - 1);

		if (has_apic(vm, v, apic))
			return v;
	}
	for (guint i = 0; vm && i < vm->vcpus->len; i++) {
		KvmVcpu *v = g_ptr_array_index(vm->vcpus, i);

		if (!has_apic(vm, v, apic))
			continue;
		if (cached)
			*cached = v->s->index + 1;
		return v;
	}
	return NULL;
}

static void on_signal(Waits *w, const TraceEvent *ev, const KernelThread *t, guint64 apic, guint64 vector, gboolean is_msi)
{
	KvmVcpu *v = vcpu_of_apic(w, vm_pid_of(w, t), apic);

	if (!v)
		return;
	if (kernel_irq_is_in(w->set->kernel_set, ev->cpu))
		signal_vcpu(w, v, vector, FROM_IRQ);
	else if (v->thread == t && !is_msi)
		signal_vcpu(w, v, vector, FROM_ITSELF);
	else
		signal_vcpu(w, v, vector, t->vcpu && !is_msi ? FROM_VCPU : FROM_DEVICE);
}

static void on_accept(Waits *w, const TraceEvent *ev, const KernelThread *t)
{
	const guint64 vector = trace_has(ev, TRACE_KVM_ACCEPT_IRQ_VECTOR) ? ev->v[TRACE_KVM_ACCEPT_IRQ_VECTOR] : 0;
	const guint64 apic = trace_has(ev, TRACE_KVM_ACCEPT_IRQ_APIC_ID) ? ev->v[TRACE_KVM_ACCEPT_IRQ_APIC_ID] : 0;
	const gboolean is_msi = w->msi_thread == t->serial && w->msi_vector == (vector & 0xff);
	Wait *wait = t->vcpu ? wait_of(w, t->vcpu) : NULL;
	const gboolean open = wait && wait->asleep && wait->ran && wait->item.vector == KVM_NO_VECTOR;

	w->msi_thread = G_MAXUINT32;
	on_signal(w, ev, t, apic, vector, is_msi);
	if (open && wait->item.vector != KVM_NO_VECTOR)
		wait->own_accept = TRUE;
}

/* Bits 12 to 19 of the address are whom it is for: a local APIC, or, by bit 2, a set of them. */
static void on_msi(Waits *w, const TraceEvent *ev, const KernelThread *t, guint64 address, guint64 vector)
{
	guint64 apic = (address >> 12) & 0xff;

	learn_device(w, t, vector);
	w->msi_thread = t->serial;
	w->msi_vector = (guint8)(vector & 0xff);
	if (w->has_accept)
		return;
	if (!(address & 4))
		on_signal(w, ev, t, apic, vector, TRUE);
	else if (apic && !(apic & (apic - 1)))
		on_signal(w, ev, t, (guint)__builtin_ctz((guint)apic), vector, TRUE);
}

static guint64 field(const TraceEvent *ev, guint i)
{
	return trace_has(ev, i) ? ev->v[i] : 0;
}

static void on_interrupt(Waits *w, const TraceEvent *ev)
{
	KernelThread *t = kernel_current(w->kvm->kernel, ev);

	if (!t)
		return;
	switch ((TraceEventId)ev->id) {
	case TRACE_KVM_INJ_VIRQ:
		if (t->vcpu)
			signal_vcpu(w, t->vcpu, field(ev, TRACE_KVM_INJ_VIRQ_VECTOR), FROM_ITSELF);
		break;
	case TRACE_KVM_ACCEPT_IRQ:
		on_accept(w, ev, t);
		break;
	case TRACE_KVM_MSI_SET_IRQ:
		on_msi(w, ev, t, field(ev, TRACE_KVM_MSI_SET_IRQ_ADDRESS), field(ev, TRACE_KVM_MSI_SET_IRQ_DATA));
		break;
	case TRACE_KVM_IOAPIC_SET_IRQ:
		learn_device(w, t, field(ev, TRACE_KVM_IOAPIC_SET_IRQ_ENTRY));
		break;
	case TRACE_KVM_APIC_IPI:
		on_register(w, ev, TRUE, APIC_ICR, field(ev, TRACE_KVM_APIC_IPI_ICR_LOW), FALSE);
		break;
	case TRACE_KVM_MSR:
		on_register(w, ev, field(ev, TRACE_KVM_MSR_WRITE) == 1, field(ev, TRACE_KVM_MSR_ECX), field(ev, TRACE_KVM_MSR_DATA), TRUE);
		break;
	default:
		on_register(w, ev, field(ev, TRACE_KVM_APIC_RW) == 1, field(ev, TRACE_KVM_APIC_REG), field(ev, TRACE_KVM_APIC_VAL), FALSE);
		break;
	}
}

/* ---- Events -------------------------------------------------------------------------------------------------------------------------- */

static void on_entry(Waits *w, const TraceEvent *ev)
{
	const KernelThread *t = kernel_current(w->kvm->kernel, ev);

	if (!t || !t->vcpu)
		return;
	Wait *wait = wait_of(w, t->vcpu);
	end_wait(w, t->vcpu, wait, ev->time);
	clear_cause(wait);
}

static void waits_event(gpointer self, const TraceEvent *ev)
{
	Waits *w = self;

	switch ((TraceEventId)ev->id) {
	case TRACE_SCHED_SWITCH:
		on_switch(w, ev);
		break;
	case TRACE_SCHED_WAKING:
	case TRACE_SCHED_WAKEUP:
		on_wake(w, ev);
		break;
	case TRACE_KVM_ENTRY:
		on_entry(w, ev);
		break;
	case TRACE_BLOCK_RQ_COMPLETE:
		on_block(w, ev);
		break;
	case TRACE_SYSCALL_ENTRY:
		on_syscall(w, ev);
		break;
	default:
		on_interrupt(w, ev);
		break;
	}
}

/* Where events were lost, so may have been who woke them, and another sleep. */
static void waits_loss(gpointer self, gint32 cpu, gint64 time, TraceLossEdge edge)
{
	Waits *w = self;

	for (guint i = 0; i < w->waits->len; i++) {
		Wait *wait = g_ptr_array_index(w->waits, i);

		if (!wait)
			continue;
		wait->asleep = FALSE;
		clear_cause(wait);
	}
}

static TraceModel waits_model(gpointer self)
{
#define ALL KERNEL_ALL_CTX
#define IO(name) {TRACE_SYSCALL_ENTRY, 0, ALL, TRACE_ONLY(TRACE_SYS_##name)}
	static const TraceNeed needs[] = {
		{TRACE_SCHED_SWITCH, 0, 0, 0}, {TRACE_SCHED_WAKING, 0x1, 0, 0}, {TRACE_SCHED_WAKEUP, 0x1, 0, 0},
		{TRACE_KVM_ENTRY, 0, ALL, 0}, {TRACE_KVM_INJ_VIRQ, 0x1, ALL, 0}, {TRACE_KVM_ACCEPT_IRQ, 0x3, ALL, 0},
		{TRACE_KVM_MSI_SET_IRQ, 0x3, ALL, 0}, {TRACE_KVM_IOAPIC_SET_IRQ, 0x1, ALL, 0}, {TRACE_KVM_APIC_IPI, 0x1, ALL, 0},
		{TRACE_KVM_MSR, 0x7, ALL, 0}, {TRACE_KVM_APIC, 0x7, ALL, 0}, {TRACE_BLOCK_RQ_COMPLETE, 0, 0, 0},
		IO(READ), IO(READV), IO(PREAD), IO(PREADV), IO(PREADV2), IO(WRITEV), IO(PWRITE), IO(PWRITEV), IO(PWRITEV2), IO(FSYNC),
		IO(FDATASYNC), IO(IO_SUBMIT), IO(IO_GETEVENTS), IO(IO_URING_ENTER), IO(RECVMSG),
	};
#undef IO
#undef ALL

	return (TraceModel){.needs = needs, .n_needs = G_N_ELEMENTS(needs), .event = waits_event, .loss = waits_loss, .self = self};
}

/* ---- The part -------------------------------------------------------------------------------------------------------------------------- */

static gpointer waits_create(KvmSet *set)
{
	Waits *w = g_new0(Waits, 1);

	w->set = set;
	w->kvm = set->kvm;
	w->table = history_table(set->history, KVM_WAITS_TABLE, sizeof(KvmWaitItem));
	w->has_waking = set->facts->declared[TRACE_SCHED_WAKING];
	w->has_accept = set->facts->declared[TRACE_KVM_ACCEPT_IRQ];
	w->has_arming = set->facts->declared[TRACE_KVM_MSR] || set->facts->declared[TRACE_KVM_APIC];
	w->has_hrtimer = set->facts->declared[TRACE_HRTIMER_EXPIRE_ENTRY];
	w->has_timers = w->has_hrtimer || set->facts->declared[TRACE_VECTOR_LOCAL_TIMER_ENTRY];
	if (!history_find_table(set->history, KERNEL_FILES_TABLE, sizeof(KernelFileItem), &w->files_table))
		w->files_table = HISTORY_TABLES_MAX;
	w->msi_thread = G_MAXUINT32;
	w->waits = g_ptr_array_new_with_free_func(g_free);
	w->processes = g_hash_table_new_full(NULL, NULL, NULL, g_free);
	w->blocks = g_array_new(FALSE, TRUE, sizeof(gint64));
	w->files = g_new0(guint8, FILES_CACHED);
	w->timer_text = history_text(set->history, "timer", -1);
	return w;
}

/* The items of "vcpus", by KvmVcpuState.index: they are written VM by VM. */
static guint32 *vcpu_items(const Waits *w)
{
	guint32 *items = g_new(guint32, w->kvm->s->vcpus->len + 1), n = 0;

	for (guint i = 0; i < w->kvm->vms->len; i++) {
		const KvmVm *vm = g_ptr_array_index(w->kvm->vms, i);

		for (guint k = 0; k < vm->vcpus->len; k++)
			items[((const KvmVcpu *)g_ptr_array_index(vm->vcpus, k))->s->index] = n++;
	}
	return items;
}

static void waits_finish(gpointer self)
{
	Waits *w = self;
	g_autofree guint32 *items = vcpu_items(w);
	guint64 n = history_table_len(w->set->history, w->table);

	for (guint64 i = 0; i < n; i++) {
		KvmWaitItem *item = history_table_item(w->set->history, w->table, i);
		const KvmVcpu *v = g_ptr_array_index(w->kvm->s->vcpus, item->vcpu);

		decide(w, v, item, item->reason, item->confidence);
		item->vcpu = items[item->vcpu];
	}
}

static void waits_free(gpointer self)
{
	Waits *w = self;

	g_ptr_array_unref(w->waits);
	g_hash_table_unref(w->processes);
	g_array_unref(w->blocks);
	g_free(w->files);
	g_free(w);
}

const KvmPart kvm_part_waits = {.create = waits_create, .model = waits_model, .finish = waits_finish, .free = waits_free};
