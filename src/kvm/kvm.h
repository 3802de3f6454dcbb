/* SPDX-License-Identifier: MIT */
/*
 * kvm/kvm.h: a kernel as a hypervisor: its VMs, their vCPUs, what each vCPU was doing at every instant, its exits, and the VMs nested in them,
 * from this kernel's trace alone.
 *
 *     Kvm                     one hypervisor
 *      +- KvmVm               a process that runs vCPUs
 *          +- KvmVcpu         a thread of it that runs KVM
 *          |   +- KvmExit     its exits, by reason, of level 1
 *          |   +- KvmNested   what it ran for one VM nested in this one; exits of level 2, by reason
 *          +- KvmL2           a VM nested in this one
 *
 * A Kvm is a model (trace/trace.h) over a Kernel: give trace_run() kernel_model(), then kvm_model(); then kernel_finish(), then kvm_finish(). All times in ns.
 *
 * Levels are counted from the traced kernel: its own VMs' code runs at level 1, that of VMs in them at level 2. A processor knows no more than two: a VM inside a
 * level 2 VM is run by the level 1 hypervisor as another guest of its own, so what it does counts as level 2 here.
 *
 * A vCPU is identified by the thread that runs it. An id recorded with kvm_exit is believed; one recorded with kvm_entry (low half of a pointer on today's
 * kernels with LTTng's stock probe) only where exits of the same thread say the same; fields of kvm_nested_vmexit never.
 */
#ifndef STRATA_KVM_KVM_H
#define STRATA_KVM_KVM_H

#include <glib.h>

#include "base/hist.h"
#include "kernel/kernel.h"

/* ---- Hard maxima --------------------------------------------------------------------------------------------- */

#define KVM_CODES_MAX      64     /* exit codes that no table names, per vCPU; those beyond count as one */
#define KVM_VCPUS_MAX      8192   /* threads that are taken for vCPUs */
#define KVM_PREEMPTORS_MAX 1024   /* threads that a vCPU's matrix tells apart; those beyond count as one */
#define KVM_L2_MAX         256    /* VMs nested in one VM */
#define KVM_SITES_MAX      16384  /* addresses of their code that are remembered to tell those apart, in all VMs */
#define KVM_PAGES_MAX      16384  /* pages of their user programs, likewise, in each VM */
#define KVM_PENDING_MAX    256    /* runs of level 2 that wait to be told which VM they were of */

/* ---- vCPU states --------------------------------------------------------------------------------------------- */

/*
 * X(ID, NAME, DESCRIPTION). Exclusive; at every instant of the trace a vCPU is in one of them.
 *
 * `running` stands for guest-l1, guest-l2, exit and halt-poll where entries and exits were not recorded, `blocked` for halted and blocked.
 */
#define KVM_STATES(X) \
	X(UNKNOWN,   "unknown",   "before anything is known, and over lost events") \
	X(OFF,       "off",       "its thread did not exist yet, or has ended") \
	X(GUEST_L1,  "guest-l1",  "runs the VM's own code") \
	X(GUEST_L2,  "guest-l2",  "runs code of a VM nested in the VM") \
	X(EXIT,      "exit",      "in the hypervisor's kernel part, handling an exit") \
	X(EMULATION, "emulation", "in the hypervisor's user part (device emulation, and what else the thread does outside KVM_RUN)") \
	X(HALT_POLL, "halt-poll", "the VM halted it; the kernel spins for a moment in case work arrives") \
	X(RUNNING,   "running",   "has a processor; whether in the guest or not was not recorded") \
	X(HALTED,    "halted",    "the VM halted it; the thread sleeps until an interrupt is for it") \
	X(BLOCKED,   "blocked",   "sleeps for another reason: in emulation, on a page fault, a lock, ...") \
	X(PREEMPTED, "preempted", "ready to run, and another thread was given its processor") \
	X(THROTTLED, "throttled", "ready to run, and the processor was left idle: a CPU limit") \
	X(WAIT_CPU,  "wait-cpu",  "woken, and waiting for a processor")

typedef enum {
#define KVM_X(id, name, description) KVM_STATE_##id,
	KVM_STATES(KVM_X)
#undef KVM_X
	KVM_STATE_COUNT
} KvmState;

const char *kvm_state_name(KvmState state);
const char *kvm_state_description(KvmState state);

/* ---- Exit reasons -------------------------------------------------------------------------------------------- */

typedef enum { KVM_ISA_UNKNOWN = 0, KVM_ISA_VMX = 1, KVM_ISA_SVM = 2 } KvmIsa; /* kvm_exit's isa */

typedef enum {
	KVM_CLASS_OTHER,
	KVM_CLASS_HLT,        /* the guest has nothing to do */
	KVM_CLASS_INTERRUPT,  /* a host interrupt, NMI, SMI */
	KVM_CLASS_WINDOW,     /* the guest can take an interrupt now */
	KVM_CLASS_EXCEPTION,
	KVM_CLASS_IO,         /* port I/O */
	KVM_CLASS_MEMORY,     /* nested page fault, MMIO */
	KVM_CLASS_MSR,
	KVM_CLASS_CPUID,
	KVM_CLASS_REGISTER,   /* control and debug registers, descriptor tables */
	KVM_CLASS_APIC,
	KVM_CLASS_TIMER,      /* preemption timer */
	KVM_CLASS_NESTED,     /* the guest is a hypervisor: VM instructions */
	KVM_CLASS_HYPERCALL,
	KVM_CLASS_PAUSE,      /* spinning */
	KVM_CLASS_INSTRUCTION,/* others that the hypervisor intercepts */
	KVM_CLASS_FAILURE,    /* shutdown, failed entry, machine check */
	KVM_CLASS_COUNT
} KvmClass;

const char *kvm_class_name(KvmClass c);

/* A reason in the tables: kvm_reasons(). */
typedef struct {
	guint64 code;
	const char *name;     /* as the kernel's uapi headers name it, without prefix: "HLT", "EPT_VIOLATION", "NPF" */
	guint8 klass;         /* KvmClass */
	gboolean instruction; /* caused by the instruction at guest_rip itself, not by what happened meanwhile */
} KvmReason;

/* All reasons of an instruction set, by code; and the one of a code (flags removed); NULL: none. */
const KvmReason *kvm_reasons(KvmIsa isa, gsize *n_out);
const KvmReason *kvm_reason(KvmIsa isa, guint64 code);

/* A code without the flags that kernels add to it (Intel: 0xffff; AMD: the low 32 bits, -1 and software codes included). */
guint64 kvm_reason_code(KvmIsa isa, guint64 raw);

/* ---- Exits --------------------------------------------------------------------------------------------------- */

/*
 * Exits of one reason, of one vCPU and level. An exit's handling begins with kvm_exit (or, where the scheduler came between, when the vCPU lost its processor) and
 * ends with the next kvm_entry of the same vCPU, into whatever level. Exits whose handling was not seen whole (the trace's end, lost events)
 * are counted, and their time is in `ns`, but not in `hist`. Without Kvm.durations `hist` and `full` stay empty.
 */
typedef struct {
	guint8 isa;
	guint64 code;            /* flags removed */
	char name[24];           /* of the table, or the number in hexadecimal; "(other)" beyond KVM_CODES_MAX */
	const KvmReason *reason; /* NULL: not in the table */
	guint64 count;
	guint64 to_user;         /* of these: the user part was needed */
	StHist hist;             /* handling time: count, total, mean, percentiles, max */
	gint64 ns[KVM_STATE_COUNT]; /* handling time by the vCPU's state: exit, emulation, halt-poll: on the processor; preempted, blocked, ... */
	/* level 2 only */
	guint64 reflected;       /* given to the level 1 hypervisor; the others were handled by this kernel alone */
	StHist full;             /* reflected: from the exit to the next entry into level 2 on this vCPU, level 1's work and waits included */
	guint64 full_exits;      /* exits of any level in those times, the reflected one included; divide by full's count: exit multiplication */
} KvmExit;

/* Handling time that the vCPU had a processor for, and that it slept for. */
gint64 kvm_exit_on_cpu(const KvmExit *e);
gint64 kvm_exit_blocked(const KvmExit *e);

/* ---- Nested VMs ---------------------------------------------------------------------------------------------- */

/* How a nested VM was told apart from others in the same VM. */
typedef enum {
	KVM_L2_ASSUMED, /* it wasn't: something runs at level 2, and that is all that is known */
	KVM_L2_KERNEL,  /* by where its kernel's code is: the same instruction exits at another address in another VM (KASLR) */
	KVM_L2_VMCB,    /* by the control block's address, which kvm_nested_vmrun recorded */
} KvmL2Evidence;

typedef struct KvmL2 {
	guint index;            /* in vm->l2s */
	KvmL2Evidence evidence;
	guint vcpus;            /* how many vCPUs it has at least */
	gboolean vcpus_exact;   /* each of them was seen: control blocks were recorded */
	gint64 first_ns, last_ns; /* when it was first and last seen to run */
	gint64 guest_ns;        /* time its code ran, all vCPUs */
	guint64 runs;           /* times it was entered from level 1 */
	gboolean is_hypervisor; /* it executes VM instructions itself: VMs inside it count as it, see above */
} KvmL2;

/* One vCPU of the traced kernel's VM running one nested VM. */
typedef struct {
	KvmL2 *l2;              /* NULL: level 2 code of which the VM isn't known */
	gint64 guest_ns;
	guint64 runs;
	GPtrArray *exits;       /* KvmExit *, most time first */
} KvmNested;

/* ---- vCPUs --------------------------------------------------------------------------------------------------- */

/* A thread that ran on a processor while a vCPU waited for that processor. */
typedef struct {
	KernelThread *thread;   /* NULL: not known, or beyond KVM_PREEMPTORS_MAX */
	guint64 count;          /* times it was given the processor that was taken from the vCPU */
	gint64 preempted_ns;    /* time it ran there while the vCPU was preempted ... */
	gint64 wait_ns;         /* ... or had been woken */
} KvmPreemptor;

typedef enum { KVM_ID_NONE, KVM_ID_ORDER, KVM_ID_ENTRY, KVM_ID_NAME, KVM_ID_EXIT } KvmIdSource;

typedef struct KvmVcpu {
	struct KvmVm *vm;
	KernelThread *thread;
	gint32 id;               /* unique in its VM */
	KvmIdSource id_source;   /* where the id is from: the thread's order, kvm_entry, the name "CPU n/KVM", kvm_exit */
	gint64 ns[KVM_STATE_COUNT]; /* adds up to the duration analysed, exactly */
	gint64 blocked_user_ns;  /* of the time in state blocked: in the user part, by device emulation */
	guint64 entries, exits_seen; /* events */
	guint64 reentries;       /* exits without an entry between: handled on the fast path, or the entry wasn't recorded */
	GPtrArray *exits;        /* KvmExit *, level 1, most time first */
	GPtrArray *nested;       /* KvmNested *, most time first */
	gint64 l1_handling_ns;   /* guest-l1 from a reflected exit that is no halt to the next entry of level 2, or until level 1 halts: serving the exit, and
	                          * what else level 1 chose to run meanwhile */
	GPtrArray *preemptors;   /* KvmPreemptor *, most time first */
	struct KvmVcpuState *s;  /* private */
} KvmVcpu;

/* ---- VMs and hypervisors ------------------------------------------------------------------------------------- */

typedef enum { KVM_ROLE_VCPU, KVM_ROLE_MAIN, KVM_ROLE_IO, KVM_ROLE_VHOST, KVM_ROLE_WORKER, KVM_ROLE_OTHER } KvmRole;
const char *kvm_role_name(KvmRole role);

/* A thread of a VM. */
typedef struct {
	KernelThread *thread;
	KvmRole role;
} KvmThread;

typedef struct KvmVm {
	gint32 pid;              /* -1: not known; then it has one vCPU, and other such VMs may be the same */
	char name[KERNEL_NAME_LEN]; /* of the process; "" if not known */
	GPtrArray *vcpus;        /* KvmVcpu *, by id */
	GArray *threads;         /* KvmThread, vCPUs included: those of the process, and vhost-PID kernel threads; by tid */
	GPtrArray *l2s;          /* KvmL2 *, in the order in which they were first seen */
	struct KvmVmState *s;    /* private */
} KvmVm;

typedef struct Kvm {
	Kernel *kernel;
	TraceFacts facts;
	KvmIsa isa;              /* of the exits; KVM_ISA_UNKNOWN: none was seen, or events don't say */
	gboolean has_exits;      /* entries and exits were recorded (the x86 probe was there) */
	gboolean has_ioctl;      /* ioctl was recorded, so the user part's time is exact */
	gboolean has_nested;     /* nested events were recorded, so levels are exact (after kvm_finish(): and there were some) */
	gboolean has_switch;     /* sched_switch was recorded; without it nothing is known of waits */
	gboolean durations;      /* exits get their distributions; TRUE unless cleared before the first event by who wants a history only */
	GPtrArray *vms;          /* KvmVm *, by pid; filled by kvm_finish() */
	guint64 unattributed;    /* entries and exits of which the thread is not known: the tables don't have them */
	gint64 *cpu_guest_ns;    /* per processor id, kernel->cpus->len entries: time in any guest; filled by kvm_finish() */
	/* private */
	struct KvmState_ *s;
} Kvm;

/* A hypervisor on `kernel`, which must outlive it. */
Kvm *kvm_new(Kernel *kernel, const TraceFacts *facts);
void kvm_free(Kvm *kvm); /* NULL is fine */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Kvm, kvm_free)

/* The model that feeds it: to be given to trace_run() after kernel_model(). */
TraceModel kvm_model(Kvm *kvm);

/* Close all open states at the kernel's end_ns and put the results in order. To be called once, after kernel_finish(). */
void kvm_finish(Kvm *kvm);

/* A thread's role in a VM; NULL: none. For naming preemptors: vCPU of this VM or another, its I/O, ... */
const KvmVm *kvm_thread_vm(const Kvm *kvm, const KernelThread *t, KvmRole *role_out);

/* ---- What could not be known --------------------------------------------------------------------------------- */

/* Something the trace can't tell, for want of events. */
typedef struct {
	const char *id;          /* stable: "no-exits", "no-ioctl", "no-sched", "no-nested", "no-statedump", ... */
	const char *lost;        /* what could not be known */
	const char *command;     /* what records it: an lttng enable-event line */
} KvmGap;

/* KvmGap, for this trace; the caller frees the array. Empty if nothing is missing, or if no VM was seen and none could have been missed. */
GArray *kvm_gaps(const Kvm *kvm);

#endif
