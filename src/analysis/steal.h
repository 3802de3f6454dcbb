/* SPDX-License-Identifier: MIT */
/*
 * analysis/steal.h: time that was taken from vCPUs: how much, by whom, and what their guests can't see of it. From the host's history alone.
 *
 *     AnalysisSteal *s = analysis_steal_new(history);
 *     analysis_steal_account(s, vcpu, begin, end, &account);    where the vCPU's time went; adds up exactly
 *     analysis_steal_waits(s, vcpu, begin, end, found, user);   each wait for a processor, and who had it meanwhile
 *
 * A vCPU is its item of the table "vcpus" (kvm/rows.h). Times are of the history's own clock.
 */
#ifndef STRATA_ANALYSIS_STEAL_H
#define STRATA_ANALYSIS_STEAL_H

#include "history/history.h"
#include "kernel/flow.h"
#include "kvm/rows.h"

typedef struct AnalysisSteal AnalysisSteal;

/* NULL: this kernel had no vCPU. The history must outlive it. */
AnalysisSteal *analysis_steal_new(const History *h);
void analysis_steal_free(AnalysisSteal *s); /* NULL is fine */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(AnalysisSteal, analysis_steal_free)

guint32 analysis_steal_n_vcpus(const AnalysisSteal *s);
const KvmVcpuItem *analysis_steal_vcpu(const AnalysisSteal *s, guint32 vcpu);
guint32 analysis_steal_thread_row(const AnalysisSteal *s, guint32 vcpu); /* its thread's; HISTORY_NO_ROW: none */
const KvmVmItem *analysis_steal_vm(const AnalysisSteal *s, guint32 vm);

/* ---- The account -------------------------------------------------------------------------------------------------- */

/*
 * Where a vCPU's time went. Times by KvmState are without the interrupts of the host that were handled while its thread had the processor; those of halt-poll are with them, as then
 * it wanted none. KVM_STATE_WAIT_CPU is the time in a processor's queue, for which the host's kernel counts run delay; woken_ns is the time before that, until the processor has been told.
 */
typedef struct {
	gint64 range_ns;                /* what was asked for, as far as the vCPU's row reaches */
	gint64 ns[KVM_STATE_COUNT];
	gint64 irq_ns, softirq_ns, woken_ns; /* with all of `ns`: range_ns, exactly */
} AnalysisStealAccount;

void analysis_steal_account(const AnalysisSteal *s, guint32 vcpu, gint64 begin_ns, gint64 end_ns, AnalysisStealAccount *out);
void analysis_steal_account_add(AnalysisStealAccount *to, const AnalysisStealAccount *from);

/* What the guest's own kernel would count as steal: ready to run, and no processor. */
gint64 analysis_steal_ns(const AnalysisStealAccount *a);

/*
 * What the guest can't see, and takes for its own time or for idleness: exits handled, devices emulated, the host's interrupts, sleep in the host on behalf of the guest (page faults, I/O), and
 * the way to a processor's queue.
 */
gint64 analysis_steal_hidden_ns(const AnalysisStealAccount *a);

/* For how long it wanted to run: all that is known but the time for which it was halted or about to halt. */
gint64 analysis_steal_demand_ns(const AnalysisStealAccount *a);

/* TRUE for states in which it waits for a processor. */
gboolean analysis_steal_is_wait(guint state);

/* ---- Who it was ---------------------------------------------------------------------------------------------------- */

/* K(ID, NAME, MEANING): kinds of culprits, as seen from the vCPU. */
/* clang-format off */
#define ANALYSIS_CULPRITS(K) \
	K(UNKNOWN,    "unknown",       "not known: no switch was seen there, or events were lost") \
	K(VCPU_SAME,  "same-vm-vcpu",  "another vCPU of its own VM") \
	K(VCPU_OTHER, "other-vm-vcpu", "a vCPU of another VM") \
	K(VM_SAME,    "same-vm",       "another thread of its own VM: device emulation, vhost") \
	K(VM_OTHER,   "other-vm",      "another thread of another VM") \
	K(PROCESS,    "process",       "a process of the host") \
	K(KERNEL,     "kernel",        "a thread of the host's kernel") \
	K(INTERRUPT,  "interrupt",     "an interrupt's handler or a softirq") \
	K(LIMIT,      "limit",         "nobody: it was not allowed to run, having used up its quota") \
	K(IDLE,       "idle",          "nobody: the processor was idle, and about to get to it")
/* clang-format on */

typedef enum {
#define ANALYSIS_K(id, name, meaning) ANALYSIS_BY_##id,
	ANALYSIS_CULPRITS(ANALYSIS_K)
#undef ANALYSIS_K
	ANALYSIS_BY_COUNT
} AnalysisCulpritKind;

const char *analysis_culprit_kind_name(AnalysisCulpritKind kind);

typedef struct {
	AnalysisCulpritKind kind;
	guint32 id; /* threads: serial; INTERRUPT: text; LIMIT: serial of the thread that was limited; else 0 */
} AnalysisCulprit;

static inline gboolean analysis_culprit_is_thread(AnalysisCulpritKind kind)
{
	return kind >= ANALYSIS_BY_VCPU_SAME && kind <= ANALYSIS_BY_KERNEL;
}

/* What it is called: "vCPU 0 of VM 198", "ffmpeg 4711"; NULL: it has no name. The caller frees. */
char *analysis_culprit_name(const AnalysisSteal *s, AnalysisCulprit by);

/* A thread as seen from a VM (its item of "vms"). */
AnalysisCulprit analysis_culprit_of(const AnalysisSteal *s, guint32 vm, guint32 thread);

/* ---- Waits ---------------------------------------------------------------------------------------------------------- */

/* A part of a wait, in which one and the same had the processor. */
typedef struct {
	gint64 begin_ns, end_ns;
	guint8 state;        /* KvmState */
	gboolean woken;      /* not in the processor's queue yet: no steal */
	gint32 cpu;          /* for which it waited; -1: not known */
	AnalysisCulprit by;
} AnalysisWaitPart;

/* From when a vCPU was ready to run without a processor until it got one: parts without gap or overlap. */
typedef struct {
	gint64 begin_ns, end_ns;
	gboolean whole;      /* it began and ended within the trace, where nothing was lost */
	guint n_parts;
	const AnalysisWaitPart *parts;
} AnalysisWait;

/* Calls `found` for each wait that touches [begin, end), whole, in order of time. The wait is valid during the call. */
void analysis_steal_waits(const AnalysisSteal *s, guint32 vcpu, gint64 begin_ns, gint64 end_ns, void (*found)(gpointer user, const AnalysisWait *wait),
			  gpointer user);

/* An interrupt's handler that ran while the vCPU's thread had the processor and the vCPU did not halt. */
typedef struct {
	gint64 begin_ns, end_ns;
	guint8 state;        /* KvmState of the vCPU */
	gboolean softirq;
	AnalysisCulprit by;
} AnalysisTheft;

/* Calls `found` for each handler's part within [begin, end), cut at its ends and where the vCPU's state changed. */
void analysis_steal_interrupts(const AnalysisSteal *s, guint32 vcpu, gint64 begin_ns, gint64 end_ns,
			       void (*found)(gpointer user, const AnalysisTheft *theft), gpointer user);

#endif
