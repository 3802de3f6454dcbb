/* SPDX-License-Identifier: MIT */
/* kvm/waits_decide.h: what the evidence of a vCPU's wait says. Private to kvm/. */
#ifndef STRATA_KVM_WAITS_DECIDE_H
#define STRATA_KVM_WAITS_DECIDE_H

#include "kvm/vectors.h"

/* What is known besides the item's own evidence. */
typedef struct {
	const KvmVectors *vectors;   /* of its VM; NULL: nothing was learned */
	guint8 io;                   /* KvmWaitReason: what its process had dealt with; UNKNOWN: nothing */
	guint8 state_reason;         /* KvmWaitReason: what its thread's own state said */
	gboolean has_accept;         /* the trace has the events of interrupts that are accepted for a vCPU */
} KvmWaitFacts;

/* Sets reason and confidence, and adds to the evidence what they were concluded from. */
void kvm_wait_decide(KvmWaitItem *item, const KvmWaitFacts *facts);

#endif
