/* SPDX-License-Identifier: MIT */
/* kvm/private.h: what the files of this folder share; each section is one file's. */
#ifndef STRATA_KVM_PRIVATE_H
#define STRATA_KVM_PRIVATE_H

#include "kernel/set.h"
#include "kvm/kvm.h"

/* ---- exits.c: exits by reason ---------------------------------------------------------------------------------- */

#define KVM_SLOTS 0x110 /* codes below 0x100, and 0x400 to 0x40f: all that are in use but for a handful */

typedef struct {
	GPtrArray *all; /* KvmExit *, owned; becomes a result */
	KvmExit *slots[KVM_SLOTS];
	guint unnamed;
} KvmExitTable;

void kvm_exits_init(KvmExitTable *table);
void kvm_exits_clear(KvmExitTable *table);

/* Where a code is in tables of KVM_SLOTS; -1: nowhere. */
gint kvm_exits_slot(guint64 code);

/* The table's entry for a reason, made now if there is none. */
KvmExit *kvm_exits_get(KvmExitTable *table, KvmIsa isa, guint64 code);

/* Add all of another table's exits. */
void kvm_exits_merge(KvmExitTable *table, const KvmExitTable *other);

/* Most time first. */
void kvm_exits_sort(GPtrArray *exits);

/* ---- l2.c: which nested VM --------------------------------------------------------------------------------------- */

/* A control block (vmcb12) of a nested VM's vCPU, as kvm_nested_vmrun tells. */
typedef struct {
	guint64 gpa;
	guint64 pgd;      /* root of its nested page tables; 0: not known */
	KvmL2 *l2;        /* NULL: not known yet */
} KvmVmcb;

struct KvmVmState {
	GHashTable *sites; /* guint64 (code, low bits of the address) -> Site * */
	GHashTable *code;  /* guint64 (address) -> Code *: kernel code that was seen to run in a nested VM */
	GHashTable *pages; /* guint64 (address >> 12) -> Code *: the same of user code, by pages */
	guint *n_sites, *n_code; /* entries of these in all VMs */
	GPtrArray *l2s;    /* L2Place *: all that were ever made, by index */
	GPtrArray *vmcbs;  /* KvmVmcb * */
};

struct KvmVmState *kvm_vm_state_new(Kvm *kvm);
void kvm_vm_state_free(struct KvmVmState *s);

/* The control block at this address, `pgd` (0: not known) being the root of its page tables now; NULL: too many. */
KvmVmcb *kvm_l2_vmcb(KvmVm *vm, guint64 gpa, guint64 pgd);

/*
 * Which nested VM the instruction at `rip` belongs to, which has just exited for `reason` (or NULL) under the control block `vmcb` (or NULL); NULL: that
 * can't be told.
 */
KvmL2 *kvm_l2_identify(KvmVm *vm, KvmVmcb *vmcb, const KvmReason *reason, guint64 rip);

/* The code at `rip` is this nested VM's, as was found out by other means. */
void kvm_l2_learn(KvmVm *vm, guint64 rip, KvmL2 *l2);

/* Whose the code at `rip` was when it was learned: for user programs, which are anywhere in any VM, no more than a hint. NULL: nobody's alone. */
KvmL2 *kvm_l2_hint(const KvmVm *vm, guint64 rip);

/* All that are known, the first `max` of them; returns how many. */
guint kvm_l2_all(const KvmVm *vm, KvmL2 **out, guint max);

/* What an l2 turned out to be; NULL stays NULL. */
KvmL2 *kvm_l2_real(const KvmVm *vm, KvmL2 *l2);

/* The one to use where nothing tells more: the only one there is (made now if there is none); NULL: there are several. */
KvmL2 *kvm_l2_assume(KvmVm *vm);

/* Fill vm->l2s: those that turned out to be one become one. kvm_l2_real() still works; after kvm_l2_number() it doesn't. */
void kvm_l2_finish(KvmVm *vm);

/* What the one of an index turned out to be; NULL: there is none. Before kvm_l2_number(). */
KvmL2 *kvm_l2_numbered(const KvmVm *vm, guint index);
void kvm_l2_number(KvmVm *vm);

/* ---- nested.c: runs of level 2 ----------------------------------------------------------------------------------- */

/* One stay in level 2, from an entry to the next exit, and that exit's handling. */
typedef struct {
	KvmL2 *l2;            /* identified by the exit itself; NULL: not */
	KvmVmcb *vmcb;
	gint64 begin, end;    /* when it ran */
	gint64 guest_ns;
	gboolean from_l1;     /* entered by level 1's hypervisor, not resumed by this kernel */
	/* its exit */
	gboolean has_exit, whole, to_user, reflected;
	guint8 isa;
	guint64 code;
	const KvmReason *reason;
	guint64 rip;
	gint64 handled_ns;
	gint64 ns[KVM_STATE_COUNT];
	gint64 full_ns;       /* reflected: until the next entry into level 2; -1: not seen */
	guint exits;          /* reflected: exits until then, with this one */
	guint loads;          /* of these, instructions by which hypervisors change vCPUs */
} KvmRun;

/* How often level 1 exits between two runs of level 2 where it does not change vCPUs, learned from how seldom it ever does. */
typedef struct {
	guint least;          /* G_MAXUINT: not known yet */
	gboolean more;        /* it was more, too */
	guint right, wrong;   /* how often the VM was the same after so few, as was found by other means, and how often not */
} KvmPace;

/* The run is complete: count it, now or as soon as it is known whose it was. */
void kvm_nested_push(KvmVcpu *v, const KvmRun *run);

/* Level 1 can't have changed VMs before the i-th pending run. */
gboolean kvm_nested_continues(const struct KvmVcpuState *s, guint i);

/* After this run level 1 left its vCPU alone and came back to it, as far as is known. */
gboolean kvm_nested_away(const struct KvmVcpuState *s, const KvmRun *run);

/* Count what still waits. */
void kvm_nested_flush(KvmVcpu *v);

/* guess.c: whose pending runs [begin, end) most likely are, between one of `before` (NULL: not known) and one of `after`. To out[0..end - begin - 1]. */
void kvm_nested_guess(const KvmVcpu *v, guint begin, guint end, KvmL2 *before, KvmL2 *after, KvmL2 **out);

/* Entries of l2s that turned out to be the same become one; results get their order. */
void kvm_nested_finish(KvmVcpu *v);
void kvm_nested_free(gpointer nested);

/* ---- vcpu.c: one vCPU's state ------------------------------------------------------------------------------------ */

/* What its thread does, as KVM's own events tell; the scheduler says whether it does it at all. */
typedef enum {
	KVM_PHASE_UNKNOWN,
	KVM_PHASE_USER,   /* outside KVM_RUN */
	KVM_PHASE_RUN,    /* inside KVM_RUN; entries and exits are not recorded */
	KVM_PHASE_KERNEL, /* inside KVM_RUN, between an exit and an entry */
	KVM_PHASE_GUEST,
} KvmPhase;

/* The handling of an exit. */
typedef struct {
	gboolean open;
	gboolean known;      /* the reason is. It isn't if the scheduler came between the exit and kvm_exit */
	gboolean confirmed;  /* kvm_nested_vmexit followed */
	gboolean reflected;
	gboolean to_user;
	gboolean slept;      /* the thread has blocked since: halt-polling is over */
	guint8 isa;
	guint8 level;
	guint64 code;
	const KvmReason *reason;
	guint64 rip;
	guint64 info1, info2, intr_info; /* as kvm_exit has them; 0 where it doesn't */
	gboolean has_info;
	gint64 begin;
	gint64 ns[KVM_STATE_COUNT];
} KvmEpisode;

/* What an exit was for, as an event has told (sites.c). */
typedef struct {
	guint64 address;
	guint8 kind;         /* KvmWhat; NONE: nothing was told */
	guint8 size;
} KvmTold;

struct KvmVcpuState {
	struct Kvm *kvm;
	KvmPhase phase;
	guint8 level;        /* where the next entry goes, or the current run is */
	gboolean entering;   /* level 1 has asked for level 2 */
	gboolean lost;       /* nothing was seen of it since events were lost */
	KvmState state;
	gint64 since;
	gint32 cpu;          /* where it ran last */
	KvmEpisode ep;
	gint64 entered;      /* when the guest was last entered */
	gint64 run_ns;       /* time in the guest since */
	gboolean from_l1;
	/* nested */
	gboolean gap_open;   /* `gap` waits for the next entry into level 2 ... */
	gboolean serving;    /* ... and level 1 has not come to rest since */
	gboolean gap_held;   /* `gap` is a run whose exit may turn out to have been reflected */
	KvmRun gap;
	gint64 gap_begin;
	KvmVmcb *vmcb;
	GArray *pending;     /* KvmRun */
	KvmL2 *last_l2;      /* of the last run whose VM is known */
	guint last_exits, last_loads; /* between that run and the next */
	KvmPace exits_pace, loads_pace;
	guint stayed, changed; /* how often the VM was the same, or another, where it could have changed */
	gint64 l2_begin, l2_end;
	/* who ran instead: wait.c */
	gint32 wait_cpu;     /* -1: waits for none */
	gint64 wait_charged;
	gboolean woken;      /* it is not in a processor's queue yet ... */
	gboolean queued;     /* since it was woken it was told to be in one */
	gboolean wait_woken; /* ... and was not since the last change of these */
	gboolean throttled;  /* the processor in whose queue it is was given to nothing */
	GHashTable *matrix;  /* KernelThread * -> KvmPreemptor * */
	KvmPreemptor *others;
	KvmExitTable exits;
	gint32 exit_id, entry_id; /* -1: none, -2: contradictions */
	/* sites.c */
	KvmTold told;        /* of the exit that is being handled */
	KvmTold early;       /* of the next one */
	/* guests.c: the guest's page tables, as they were told last */
	guint64 cr3;
	gint64 cr3_told;
	gboolean cr3_known;
	guint8 cr3_level;
	/* rows.c */
	guint index;         /* in kvm->s->vcpus */
	guint32 row, awaited_row;
	GArray *pieces;      /* KvmPiece, in order: not in the row yet; NULL: nothing is kept */
	gint64 written;      /* until when the row is written */
	gint64 runs_since;   /* runs of level 2 before that are nobody's */
	guint32 preempted_by; /* text */
	guint32 wait_text;    /* why it slept, which waits.c has found out; 0: nothing is known */
	guint32 guest_text;  /* "VM 183 vCPU 0", of these: */
	gint32 guest_pid, guest_id;
};

KvmVcpu *kvm_vcpu_new(Kvm *kvm, KernelThread *t, gint64 time);
void kvm_vcpu_free(gpointer vcpu);

/* Bring its state up to date with what its thread and its phase are now. */
void kvm_vcpu_update(KvmVcpu *v, gint64 time);

void kvm_vcpu_entry(KvmVcpu *v, gint64 time);
void kvm_vcpu_exit(KvmVcpu *v, gint64 time, KvmIsa isa, guint64 raw_reason, guint64 rip);
void kvm_vcpu_reflect(KvmVcpu *v, gint64 time);  /* the guest of level 2 is left for level 1 */
void kvm_vcpu_confirm(KvmVcpu *v);               /* the last exit was one from level 2 */
void kvm_vcpu_vmrun(KvmVcpu *v, guint64 vmcb, guint64 pgd);
void kvm_vcpu_to_user(KvmVcpu *v, gint64 time);
void kvm_vcpu_to_kernel(KvmVcpu *v, gint64 time);
void kvm_vcpu_switched(KvmVcpu *v, gint64 time); /* its thread got or lost a processor */
void kvm_vcpu_forget(KvmVcpu *v, gint64 time);   /* events were lost */
void kvm_vcpu_close(KvmVcpu *v, gint64 time);    /* the trace ends */

/* ---- wait.c: who runs instead ------------------------------------------------------------------------------------ */

/* The vCPU waits for this processor from now on; -1: for none. */
void kvm_wait_for(KvmVcpu *v, gint32 cpu, gint64 time);

/* `ran` has had the processor until now. */
void kvm_wait_charge(Kvm *kvm, gint32 cpu, KernelThread *ran, gint64 time);

/* The processor was taken from the vCPU and given to `next`. */
void kvm_wait_preempted(KvmVcpu *v, KernelThread *next);

/* ---- rows.c: rows of the history; all of these do nothing where none is kept --------------------------------------- */

/* A piece of a vCPU's time, from where the one before ended. */
typedef struct {
	gint64 end;
	guint32 detail;
	guint8 state;
	guint8 in_episode;
} KvmPiece;

/* What the thread did until `time`, before it was known to be a vCPU's; `ns` by KernelState. May take back some of v->ns. */
void kvm_row_import(KvmVcpu *v, const gint64 *ns, gint64 time);

/* It was in that state, until `end`. */
void kvm_row_pass(KvmVcpu *v, KvmState state, gint64 end);

/* The last `ns` in state `from` were `to`. Returns how much of it could be changed: all but what has waited for too long. */
gint64 kvm_row_recount(KvmVcpu *v, KvmState from, KvmState to, gint64 ns);

/* The reason of the exit that is being handled has become known. */
void kvm_row_reason(KvmVcpu *v);

/* It has a processor again: who had woken it. */
void kvm_row_woken(KvmVcpu *v);

/* It has waited for s->wait_cpu, in or on the way to its queue (s->wait_woken), until now. */
void kvm_row_awaited(const KvmVcpu *v, gint64 time);

/* Nothing before that time changes any more. */
void kvm_row_settle(KvmVcpu *v, gint64 until);

/* The guest is entered, or left: what the processor does is told. */
void kvm_row_enter(KvmVcpu *v, gint64 time);
void kvm_row_leave(const KvmVcpu *v, gint64 time);

/* A run of level 2 was of this VM, as far as is known. */
void kvm_row_l2(const KvmVcpu *v, const KvmRun *run, const KvmL2 *l2);

/* The text that names a thread; 0: none. */
guint32 kvm_row_thread(Kvm *kvm, const KernelThread *t);

/* Rows get their names, tables their items. Before kvm_l2_number(). */
void kvm_rows_finish(Kvm *kvm);

/* ---- kvm.c --------------------------------------------------------------------------------------------------------- */

struct KvmState_ {
	GPtrArray *vcpus;     /* KvmVcpu *, all */
	GHashTable *by_pid;   /* pid -> KvmVm * */
	GPtrArray *waiters;   /* by processor: GPtrArray * of KvmVcpu *, or NULL */
	GPtrArray *running;   /* by processor: the vCPU that was known to run there, or NULL */
	GArray *guest_ns;     /* by processor: gint64 */
	guint lossy;          /* processors within lost events */
	gboolean lossy_all;   /* a stream without a processor lost events */
	gboolean can_throttle;
	gboolean has_queued;  /* it is told when a thread that was woken has come into a queue */
	guint n_sites, n_code;
	guint64 vmexits;      /* kvm_nested_vmexit events */
	guint64 reflections;  /* kvm_nested_vmexit_inject and kvm_nested_intr_vmexit events */
	gboolean finished;
	/* Called when the handling of an exit (v->s->ep, of a known reason) ends; `whole` FALSE: its end was not seen. For one part: sites.c. */
	void (*on_exit)(gpointer user, KvmVcpu *v, gint64 time, gboolean whole);
	gpointer on_exit_user;
	/* Called when an event tells the guest's CR3 as it is about to be entered. For one part: guests.c. */
	void (*on_cr3)(gpointer user, KvmVcpu *v, gint64 time, guint64 cr3);
	gpointer on_cr3_user;
	/* rows.c */
	KernelSet *set;       /* NULL: nothing is kept ... */
	History *history;     /* ... the same */
	guint kind, l2_kind, awaited_kind, runs, vm_table, vcpu_table, thread_table, l2_table, l2_vcpu_table;
	guint32 reason_texts[KVM_ISA_SVM + 1][KVM_SLOTS];
	guint unnamed_texts;
	GArray *thread_texts; /* guint32 by KernelThread.serial; 0: not made yet */
	GHashTable *roles;    /* KernelThread * -> Role; after kvm_finish() */
};

/* The thread's vCPU, made now if it has none. NULL: there are too many. */
KvmVcpu *kvm_attach(Kvm *kvm, KernelThread *t, gint64 time);

/* Its VM may have become known since. */
void kvm_rehome(KvmVcpu *v);

/* The number in a vCPU thread's name ("CPU 1/KVM"); -1: it isn't named like one. */
gint32 kvm_id_by_name(const char *name);

/* ---- model.c ------------------------------------------------------------------------------------------------------- */

void kvm_event(gpointer kvm, const TraceEvent *ev);
void kvm_loss(gpointer kvm, gint32 cpu, gint64 time, TraceLossEdge edge);

#endif
