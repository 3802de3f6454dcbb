/* SPDX-License-Identifier: MIT */
/* kvm/vectors.h: what interrupt vectors stand for, learned for each VM. Private to kvm/. */
#ifndef STRATA_KVM_VECTORS_H
#define STRATA_KVM_VECTORS_H

#include "kvm/waits.h"

/* How often each vector was seen to stand for what. */
typedef struct {
	guint32 votes[256][KVM_WAIT_COUNT];
} KvmVectors;

/* Seen once more; told by the guest itself (it set its timer's vector): `weight` more than once. */
void kvm_vectors_vote(KvmVectors *v, guint vector, KvmWaitReason reason, guint weight);

/* What it most often stood for, and its share of all in per cent; UNKNOWN: never seen. */
KvmWaitReason kvm_vectors_find(const KvmVectors *v, guint vector, guint *share_out);

#endif
