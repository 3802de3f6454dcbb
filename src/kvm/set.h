/* SPDX-License-Identifier: MIT */
/*
 * kvm/set.h: what is kept of a kernel as a hypervisor, besides the vCPUs' states (kvm/rows.h): parts like those of kernel/set.h.
 *
 *     Kernel, Kvm           who is current where; vCPUs and their states
 *     parts of KernelSet    files, disks, ..., flow
 *     parts of KvmSet       each a subject: why vCPUs waited, which addresses their exits were for
 *
 * A part is a model (trace/trace.h) that comes behind all of those, so it sees each event when they have dealt with it, and may ask them. It writes rows and
 * tables of the History. A new part is a file of its own and a line in KVM_PARTS.
 */
#ifndef STRATA_KVM_SET_H
#define STRATA_KVM_SET_H

#include "kernel/set.h"
#include "kvm/kvm.h"

/* P(ID, name) */
/* clang-format off */
#define KVM_PARTS(P) \
	P(WAITS, waits) \
	P(VMSYNC, vmsync) \
	P(TSC, tsc) \
	P(SITES, sites) \
	P(GUESTS, guests)
/* clang-format on */

typedef enum {
#define KVM_P(id, name) KVM_PART_##id,
	KVM_PARTS(KVM_P)
#undef KVM_P
	KVM_PART_COUNT
} KvmPartId;

typedef struct KvmSet {
	Kvm *kvm;
	KernelSet *kernel_set;
	History *history;
	const TraceFacts *facts;
	gpointer parts[KVM_PART_COUNT];
} KvmSet;

typedef struct {
	gpointer (*create)(KvmSet *set);
	TraceModel (*model)(gpointer part);
	void (*finish)(gpointer part);   /* after kernel_finish(), kvm_finish() and kernel_set_finish(): all rows and tables of those are there. May be NULL */
	void (*free)(gpointer part);
} KvmPart;

#define KVM_P(id, name) extern const KvmPart kvm_part_##name;
KVM_PARTS(KVM_P)
#undef KVM_P

/* All parts; `kvm` and `kernel_set`, whose history they write to, must outlive it. */
KvmSet *kvm_set_new(Kvm *kvm, KernelSet *kernel_set);
void kvm_set_free(KvmSet *set); /* NULL is fine */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(KvmSet, kvm_set_free)

/* Fills models[0..KVM_PART_COUNT - 1]; to be given to trace_run() behind those of the kernel's set. */
void kvm_set_models(KvmSet *set, TraceModel *models);

/* By index of the vCPU while events flow: its item of the table "vcpus"; KVM_NO_ROW: none. After kvm_finish(); the caller frees. Private to kvm/. */
guint32 *kvm_set_vcpu_items(const KvmSet *set);

/* After kernel_set_finish(). */
void kvm_set_finish(KvmSet *set);

#endif
