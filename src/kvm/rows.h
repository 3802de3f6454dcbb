/* SPDX-License-Identifier: MIT */
/*
 * kvm/rows.h: what is kept of a hypervisor in the history (history/history.h): rows and tables.
 *
 * Rows of kind "vcpu", path "vm/PID/vcpu/ID", have the states of KVM_STATES; time in each of them is that of KvmVcpu.ns, exactly. Details:
 *   exit, emulation       the exit's reason ("EPT_VIOLATION"); none before the first exit is known
 *   preempted             the thread that was given the processor ("ffmpeg 4711")
 *   halted, blocked       what it waited for, and who woke it ("timer", "network: vhost-183 195"), as far as was known then: see kvm/waits.h
 *
 * Rows of kind "l2-vcpu", path "vm/PID/l2/K/vcpu/ID", are a nested VM K as the vCPU ID of its host VM runs it, from when it was first seen there until the last time.
 * Their states are those of KVM_L2_STATES.
 *
 * Rows of kind ".awaited" (not for people), path "vm/PID/vcpu/ID/awaited", tell which processor a vCPU waits for while it is preempted, throttled or in wait-cpu: the interval's
 * detail is no text, but the processor's number. One that has been woken is at first on the way to that processor's queue (state "woken"): an interrupt tells the processor, or wakes it from
 * idleness. Its kernel begins to count its delay, which a guest is told as steal, only in the queue (state "queued").
 *
 * What a vCPU's thread did before it was known to be one is told where it is unambiguous; else it is unknown. Not unambiguous is a thread that was switched more
 * than once without a name that hypervisors give to vCPUs, and without an event of KVM.
 */
#ifndef STRATA_KVM_ROWS_H
#define STRATA_KVM_ROWS_H

#include "kernel/set.h"
#include "kvm/kvm.h"

/* X(ID, NAME, DESCRIPTION): states of a nested VM's row. */
#define KVM_L2_STATES(X) \
	X(UNKNOWN,   "unknown",  "what it did is not known: events were lost, or its exit was not seen") \
	X(GUEST,     "guest-l2", "its code runs") \
	X(EXIT,      "exit",     "an exit that this kernel handles alone (detail: reason), until it is entered again") \
	X(REFLECTED, "reflected", "an exit that its own hypervisor in level 1 was given (detail: reason), until it is entered again: that one's work, waits and other VMs") \
	X(HALTED,    "halted",   "it had nothing to do") \
	X(AWAY,      "away",     "as reflected, and level 1 did something else before it came back (detail: reason): another thread ran there, or its hypervisor's user part")

typedef enum {
#define KVM_X(id, name, description) KVM_L2_STATE_##id,
	KVM_L2_STATES(KVM_X)
#undef KVM_X
	KVM_L2_STATE_COUNT
} KvmL2State;

enum { KVM_AWAITED_NONE, KVM_AWAITED_WOKEN, KVM_AWAITED_QUEUED, KVM_AWAITED_STATE_COUNT };

#define KVM_ROW_KIND    "vcpu"
#define KVM_AWAITED_ROW_KIND ".awaited"
#define KVM_L2_ROW_KIND "l2-vcpu"
#define KVM_NO_ROW      G_MAXUINT32

/* The table "vms", by pid. */
typedef struct {
	gint32 pid;           /* -1: not known */
	guint32 name;         /* text: the process's name */
	guint32 first_vcpu, n_vcpus; /* items of "vcpus" */
	guint32 first_l2, n_l2s;     /* items of "l2s" */
} KvmVmItem;

/* The table "vcpus". */
typedef struct {
	guint32 vm;           /* item of "vms" */
	gint32 id;
	guint32 thread;       /* KernelThread.serial */
	guint32 row;
	guint8 id_source;     /* KvmIdSource */
	guint64 entries, exits;
	guint32 awaited;      /* row; KVM_NO_ROW: none */
} KvmVcpuItem;

/* The table "vm-threads": the threads of VMs, those of their vCPUs included. */
typedef struct {
	guint32 thread;       /* KernelThread.serial */
	guint32 vm;           /* item of "vms" */
	guint8 role;          /* KvmRole */
} KvmVmThreadItem;

/* The table "l2s": VMs nested in VMs. */
typedef struct {
	guint32 vm;           /* item of "vms": in which it runs */
	guint32 index;        /* K of its path */
	guint8 evidence;      /* KvmL2Evidence */
	guint8 is_hypervisor, vcpus_exact;
	guint32 vcpus;        /* at least so many */
	guint32 first_vcpu, n_vcpus; /* items of "l2-vcpus" */
	gint64 first_ns, last_ns, guest_ns;
	guint64 runs;
} KvmL2Item;

/* The table "l2-vcpus": a nested VM as one vCPU of its host VM runs it. */
typedef struct {
	guint32 l2;           /* item of "l2s" */
	guint32 vcpu;         /* item of "vcpus": the one that runs it */
	guint32 row;
} KvmL2VcpuItem;

#define KVM_VMS_TABLE      "vms"
#define KVM_VCPUS_TABLE    "vcpus"
#define KVM_VM_THREADS_TABLE "vm-threads"
#define KVM_L2S_TABLE      "l2s"
#define KVM_L2_VCPUS_TABLE "l2-vcpus"

/* Keep all of it in the set's history. Before the first event. */
void kvm_keep(Kvm *kvm, KernelSet *set);

#endif
