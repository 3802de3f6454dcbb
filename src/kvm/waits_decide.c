/* SPDX-License-Identifier: MIT */
/* waits_decide.c: why a vCPU slept, from the evidence that was collected. */
#include "kvm/waits_decide.h"

static void say(KvmWaitItem *item, KvmWaitReason reason, guint confidence)
{
	item->reason = (guint8)reason;
	item->confidence = (guint8)MIN(confidence, 99);
}

static gboolean say_learned(KvmWaitItem *item, const KvmVectors *vectors)
{
	guint share;
	KvmWaitReason reason = vectors && item->vector != KVM_NO_VECTOR ? kvm_vectors_find(vectors, item->vector, &share) : KVM_WAIT_UNKNOWN;

	if (reason == KVM_WAIT_UNKNOWN)
		return FALSE;
	item->evidence |= KVM_WAIT_LEARNED;
	say(item, reason, MIN(share, 95));
	return TRUE;
}

/* A thread of the VM's process woke it: what for is what the vector stands for, or what that process had been doing. */
static void say_process(KvmWaitItem *item, const KvmWaitFacts *facts)
{
	if ((item->evidence & KVM_WAIT_SIGNALLED) && say_learned(item, facts->vectors))
		return;
	if (facts->io != KVM_WAIT_UNKNOWN) {
		item->evidence |= KVM_WAIT_IO_SEEN;
		say(item, (KvmWaitReason)facts->io, 60);
	} else if (item->evidence & KVM_WAIT_SIGNALLED) {
		say(item, KVM_WAIT_DEVICE, 60);
	} else if (!say_learned(item, facts->vectors)) {
		say(item, KVM_WAIT_PROCESS, 50);
	}
}

/* Another vCPU woke it: by an interrupt of its own, or of a device that it serves itself. */
static void say_vcpu(KvmWaitItem *item, const KvmWaitFacts *facts)
{
	if (!(item->evidence & KVM_WAIT_SIGNALLED) || !say_learned(item, facts->vectors))
		say(item, KVM_WAIT_IPI, 90);
}

/*
 * Interrupts were not recorded, so whoever seems to have woken it may only have been interrupted by what did. Then vectors come first; and without one only those who do little else than wake
 * vCPUs are believed, or those whose signals would not be seen if there were any.
 */
static void say_unsure(KvmWaitItem *item, const KvmWaitFacts *facts)
{
	if (say_learned(item, facts->vectors))
		return;
	if (item->evidence & KVM_WAIT_BY_VHOST)
		say(item, KVM_WAIT_NETWORK, 60);
	else if ((item->evidence & KVM_WAIT_BY_VCPU) && !facts->has_accept)
		say(item, KVM_WAIT_IPI, 50);
	else if (item->evidence & KVM_WAIT_SIGNALLED)
		say(item, facts->io != KVM_WAIT_UNKNOWN ? (KvmWaitReason)facts->io : KVM_WAIT_DEVICE, 50);
}

static void say_blocked(KvmWaitItem *item, const KvmWaitFacts *facts)
{
	if (facts->state_reason != KVM_WAIT_UNKNOWN) {
		item->evidence |= KVM_WAIT_STATE;
		say(item, (KvmWaitReason)facts->state_reason, 90);
	} else if ((item->evidence & (KVM_WAIT_BY_PROCESS | KVM_WAIT_BY_VCPU)) && !(item->evidence & KVM_WAIT_UNSURE)) {
		say(item, KVM_WAIT_PROCESS, 70);
	}
}

void kvm_wait_decide(KvmWaitItem *item, const KvmWaitFacts *facts)
{
	say(item, KVM_WAIT_UNKNOWN, 0);
	if (!item->halted)
		say_blocked(item, facts);
	else if (item->evidence & KVM_WAIT_BY_TIMER)
		say(item, KVM_WAIT_TIMER, 95);
	else if (item->evidence & KVM_WAIT_UNSURE)
		say_unsure(item, facts);
	else if (item->evidence & KVM_WAIT_BY_VHOST)
		say(item, KVM_WAIT_NETWORK, 90);
	else if (item->evidence & KVM_WAIT_BY_VCPU)
		say_vcpu(item, facts);
	else if (item->evidence & KVM_WAIT_BY_PROCESS)
		say_process(item, facts);
	else if (!say_learned(item, facts->vectors) && (item->evidence & KVM_WAIT_BY_IRQ))
		say(item, KVM_WAIT_DEVICE, 50);
}
