/* SPDX-License-Identifier: MIT */
/* vectors.c: what a VM's interrupt vectors stand for. */
#include "kvm/vectors.h"

void kvm_vectors_vote(KvmVectors *v, guint vector, KvmWaitReason reason, guint weight)
{
	if (vector > 255)
		return;
	guint32 *votes = &v->votes[vector][reason];
	*votes = *votes > G_MAXUINT32 - weight ? G_MAXUINT32 : *votes + weight;
}

KvmWaitReason kvm_vectors_find(const KvmVectors *v, guint vector, guint *share_out)
{
	KvmWaitReason best = KVM_WAIT_UNKNOWN;
	guint64 all = 0;

	*share_out = 0;
	if (vector > 255)
		return best;
	for (guint r = 0; r < KVM_WAIT_COUNT; r++) {
		all += v->votes[vector][r];
		if (v->votes[vector][r] > v->votes[vector][best])
			best = (KvmWaitReason)r;
	}
	if (!all || !v->votes[vector][best])
		return KVM_WAIT_UNKNOWN;
	*share_out = (guint)(100 * (guint64)v->votes[vector][best] / all);
	return best;
}
