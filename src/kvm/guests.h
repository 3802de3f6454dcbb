/* SPDX-License-Identifier: MIT */
/*
 * kvm/guests.h: processes of guests that have no trace, told apart by their page tables. A part of KvmSet (kvm/set.h).
 *
 * Where some event tells the guest's CR3 at each entry (docs/recording.md has the names), it is known whose page tables a vCPU had then; and, as the hypervisor doesn't change them,
 * when it left the guest before. Between an entry and the next exit the guest may have switched, which nothing tells: if the page tables were the same at both ends, the time is
 * taken for that process's; if not, it is the former's, as `uncertain`.
 *
 * Of CR3 the address of the page tables counts, without the PCID and without bit 12, by which Linux's two sets of tables of one process (page table isolation) differ. All threads of a process
 * have the same one. A kernel thread and an idle processor go on with those of whom they found there.
 *
 * Rows of kind "guest-process", path "vm/PID/process/CR3/vcpu/ID" (of a nested VM's: "vm/PID/l2-process/CR3/vcpu/ID"), from when a process was first seen on that vCPU until it was last. Their states are
 * those of KVM_GUEST_STATES; at each time at most one process's row of a vCPU is not `elsewhere`.
 */
#ifndef STRATA_KVM_GUESTS_H
#define STRATA_KVM_GUESTS_H

#include "kvm/rows.h"
#include "kvm/set.h"

#define KVM_CR3_MASK           G_GUINT64_CONSTANT(0x000fffffffffe000)
#define KVM_GUEST_PROCESSES_MAX 16384 /* rows; processes beyond are one, of address KVM_OTHER_PROCESSES, for each vCPU */
#define KVM_OTHER_PROCESSES    G_MAXUINT64

/* X(ID, NAME, DESCRIPTION) */
#define KVM_GUEST_STATES(X) \
	X(UNKNOWN,   "unknown",   "what its vCPU did is not known") \
	X(ELSEWHERE, "elsewhere", "its vCPU had other page tables") \
	X(RUNNING,   "running",   "its vCPU ran guest code with its page tables") \
	X(UNCERTAIN, "uncertain", "its vCPU ran guest code, at first with its page tables, and at the end with others") \
	X(EXIT,      "exit",      "the hypervisor handled an exit of it, in the kernel or its user part") \
	X(HALTED,    "halted",    "its vCPU had nothing to do") \
	X(BLOCKED,   "blocked",   "its vCPU slept for another reason: device emulation, a page fault of the host") \
	X(PREEMPTED, "preempted", "another thread of the host was given its vCPU's processor") \
	X(THROTTLED, "throttled", "its vCPU was not allowed to run: a CPU limit") \
	X(WAIT_CPU,  "wait-cpu",  "its vCPU was woken, and waited for a processor of the host")

typedef enum {
#define KVM_X(id, name, description) KVM_GUEST_##id,
	KVM_GUEST_STATES(KVM_X)
#undef KVM_X
	KVM_GUEST_STATE_COUNT
} KvmGuestState;

#define KVM_GUEST_ROW_KIND "guest-process"

/* The table "guest_processes": a process on one vCPU. */
typedef struct {
	guint64 cr3;          /* masked; KVM_OTHER_PROCESSES */
	guint32 vcpu;         /* item of "vcpus" */
	guint32 row;
	guint32 level;        /* 1: of the VM; 2: of a VM nested in it */
	guint32 zero;
} KvmGuestProcessItem;

#define KVM_GUEST_PROCESSES_TABLE "guest_processes"

/* The table "guest_switches": when a vCPU was first seen with other page tables. */
typedef struct {
	guint64 cr3;          /* masked */
	gint64 told_ns;       /* the last time that the former were seen; G_MININT64: there were none */
	gint64 begin_ns;      /* from then on they are these: the exit before they were told */
	guint32 vcpu;         /* KvmVcpu's index; after the pass the item of "vcpus", KVM_NO_ROW: none */
	guint32 level;
} KvmGuestSwitchItem;

#define KVM_GUEST_SWITCHES_TABLE "guest_switches"

#endif
