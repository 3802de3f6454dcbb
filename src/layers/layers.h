/* SPDX-License-Identifier: MIT */
/*
 * layers/layers.h: what guests' threads and processors really did, and who really ran on the physical processors.
 *
 * A guest believes that its processors always run. In truth each of them is a thread (a vCPU) of the machine below, and that one's processors may be vCPUs again. Here finished
 * histories are put on top of one another: wherever a guest's thread has its processor, the vCPU's own row, one level down, says whether that
 * processor ran. It is done from the lowest level up, each time with the result for the level below, so depth has no limit.
 *
 *     histories + Experiment --layers_new()--> for each machine with a layer below: a history with the same rows, of what really was
 *
 * Rows of kind "thread", "cpu" and "vcpu" are changed; all others are as they were, and have the same numbers. In a thread's row, time for which it had its processor may have become
 *
 *   exit    its vCPU had left the guest, and the exit was handled (detail: "L0 NPF": at which level, for which reason)
 *   steal   its vCPU had no processor, or its thread was blocked (detail: "L0 preempted by ffmpeg 4711")
 *   unknown what the vCPU did isn't known
 *
 * A processor that the guest left idle stays so while its vCPU is halted or halts; it is not idle while the vCPU has been woken and waits. Times are in each machine's own
 * clock, as in its own history. docs/analyses/layers.md tells the rules.
 */
#ifndef STRATA_LAYERS_LAYERS_H
#define STRATA_LAYERS_LAYERS_H

#include "experiment/experiment.h"
#include "kernel/flow.h"
#include "kvm/rows.h"

typedef struct Layers Layers;

/* Rows of kind "vcpu" of a guest that is a hypervisor have, besides KVM_STATES, these states (as threads' have, by level). */
typedef enum {
	LAYERS_VCPU_STEAL = KVM_STATE_COUNT,
	LAYERS_VCPU_EXIT = LAYERS_VCPU_STEAL + KERNEL_LEVELS,
	LAYERS_VCPU_STATE_COUNT = LAYERS_VCPU_EXIT + KERNEL_LEVELS,
} LayersVcpuState;

/* Rows that somebody will ask for; the others have no intervals. Rows of vCPUs on which something lies are always made. */
enum { LAYERS_THREAD_ROWS = 1 << 0, LAYERS_CPU_ROWS = 1 << 1, LAYERS_OTHER_ROWS = 1 << 2 };

typedef struct {
	guint rows;      /* LAYERS_*_ROWS; 0: all */
	guint threads;   /* 0 counts as 1; the result does not depend on it */
	guint64 memory;  /* bytes for all histories together; 0: history_default_memory() */
} LayersOptions;

/* `e` and its histories must outlive it. Errors: ST_ERROR_IO where neither memory nor disk could be had. */
Layers *layers_new(const Experiment *e, const LayersOptions *options, GError **error);
void layers_free(Layers *l); /* NULL is fine */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Layers, layers_free)

/* What a machine's rows really were; its own history if nothing is known to be below it. */
const History *layers_rows(const Layers *l, guint member);

/* ---- What vCPUs waited for --------------------------------------------------------------------------------------------------- */

/* For some time a vCPU wanted a processor and had none. */
typedef struct {
	gint64 begin_ns, end_ns; /* in the clock of the machine that runs it */
	guint8 state;            /* KVM_STATE_PREEMPTED, _WAIT_CPU or _THROTTLED */
	gboolean idle;           /* nothing had that processor: the vCPU was on its way to it, or not allowed to run */
	gint32 cpu;              /* which one; -1: not known */
	guint32 occupant;        /* the thread that had it; G_MAXUINT32: none, or not known */
} LayersWait;

/* All of them within [begin, end), of item `vcpu` of the member's table "vcpus", in order of time. If `found` returns FALSE that is the end. */
void layers_waits(const Layers *l, guint member, guint32 vcpu, gint64 begin_ns, gint64 end_ns, gboolean (*found)(gpointer user, const LayersWait *wait),
		  gpointer user);

/* The item of "vcpus" that a member's thread is; and the member that such an item is a processor of. EXPERIMENT_NONE: none. */
guint32 layers_vcpu_of(const Layers *l, guint member, guint32 serial);
guint layers_guest_of(const Layers *l, guint member, guint32 vcpu);

/* "CPU 0/KVM 218 (VM b)", "ffmpeg 4711": a member's thread. The caller frees. */
char *layers_thread_name(const Layers *l, guint member, guint32 serial);

/* ---- What goes from one level to another -------------------------------------------------------------------------------- */

/* From a time on a row of one machine to a time on a row of another; each time is in its machine's own clock. */
typedef struct {
	const char *kind;        /* "interrupt", "disk-request", "disk-completion", "nested-exit", "nested-entry"; lives for ever */
	guint from, to;          /* members */
	guint32 from_row, to_row;
	gint64 from_ns, to_ns;
} LayersEdge;

/*
 * Edges between a guest and the machine below it: the interrupt that ended a vCPU's sleep and the handler in the guest; a guest's disk request, the one that the VM's process made
 * for it, and back. Kind by kind, in order of time. If `found` returns FALSE that is the end.
 */
void layers_edges(const Layers *l, guint member, gboolean (*found)(gpointer user, const LayersEdge *edge), gpointer user);

/* A guest's disk request, and the one that the machine below made for it: items of their tables "disk_requests" (kernel/block.h). */
typedef struct {
	guint64 above, below;
} LayersDiskPair;

/* All of a guest's that could be matched, in the order of its table: LayersDiskPair. The caller frees the array. */
GArray *layers_disk_pairs(const Layers *l, guint member);

/* The one of a guest's request; NULL: none is known. */
const LayersDiskPair *layers_disk_pair(const GArray *pairs, guint64 above);

/* ---- Who really ran -------------------------------------------------------------------------------------------------- */

/* K(ID, NAME, MEANING) */
/* clang-format off */
#define LAYERS_KINDS(K) \
	K(UNKNOWN,    "unknown",    "not known: before the first events, over lost events") \
	K(IDLE,       "idle",       "nothing had the processor") \
	K(THREAD,     "thread",     "a thread, in user space or in the kernel") \
	K(IRQ,        "irq",        "an interrupt's handler or a softirq") \
	K(HYPERVISOR, "hypervisor", "a vCPU's thread between exit and entry, or in its VM's user part") \
	K(GUEST,      "guest",      "a vCPU in a guest of which there is no trace, or it doesn't tell who ran")
/* clang-format on */

typedef enum {
#define LAYERS_K(id, name, meaning) LAYERS_##id,
	LAYERS_KINDS(LAYERS_K)
#undef LAYERS_K
	LAYERS_KIND_COUNT
} LayersKind;

const char *layers_kind_name(LayersKind kind);

/* For some time something ran on a physical processor, at whatever level. */
typedef struct {
	gint64 begin_ns, end_ns; /* in the clock of the machine that was asked */
	guint member;            /* whose it was: the machine at the highest level that is known */
	guint level;             /* of what ran: 0 for the physical machine's own; one more than the deepest member's for GUEST */
	LayersKind kind;
	gint32 cpu;              /* that member's processor */
	guint32 serial;          /* THREAD, HYPERVISOR: the member's thread; GUEST: the vCPU's thread below; G_MAXUINT32: not known */
	guint32 vcpu;            /* HYPERVISOR, GUEST: item of the member's table "vcpus"; EXPERIMENT_NONE */
} LayersRun;

/*
 * Everything that ran on a processor of a machine within [begin, end), in its clock, without gap or overlap. `found` is called in order of time; if it returns FALSE
 * that is the end.
 */
void layers_runs(const Layers *l, guint member, gint32 cpu, gint64 begin_ns, gint64 end_ns, gboolean (*found)(gpointer user, const LayersRun *run),
		 gpointer user);

#endif
