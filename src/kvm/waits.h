/* SPDX-License-Identifier: MIT */
/*
 * kvm/waits.h: why vCPUs were asleep. A part of the hypervisor's set (kvm/set.h).
 *
 * A vCPU sleeps because its guest halted it, until an interrupt comes for it; or because its thread waits for something in the hypervisor. Who woke the thread and what that one was doing
 * tells what it waited for: a timer's handler, another vCPU (an inter-processor interrupt), a vhost worker (the network), a thread of the VM's own process that had dealt with a
 * disk or the network before. Vectors are learned for each VM from what they were seen to stand for: nothing is assumed of a guest's numbers. docs/analyses/waits.md
 * tells the rules and how often they are right.
 */
#ifndef STRATA_KVM_WAITS_H
#define STRATA_KVM_WAITS_H

#include "kvm/set.h"

#define KVM_WAITS_PROCESSES_MAX 4096 /* VMs whose vectors are learned */

/* W(ID, NAME, MEANING): what a vCPU waited for. */
/* clang-format off */
#define KVM_WAITS(W) \
	W(UNKNOWN, "unknown", "not known") \
	W(TIMER,   "timer",   "its guest's timer") \
	W(DISK,    "disk",    "a disk of the VM") \
	W(NETWORK, "network", "the network") \
	W(IPI,     "ipi",     "another vCPU of the VM") \
	W(DEVICE,  "device",  "an interrupt of another device, or of one that isn't known") \
	W(PROCESS, "process", "another thread of the VM's own process, or of another process: no interrupt was seen") \
	W(FAULT,   "fault",   "memory of the guest that the host had to get") \
	W(KERNEL,  "kernel",  "a lock or another thread of the host's kernel")
/* clang-format on */

typedef enum {
#define KVM_W(id, name, meaning) KVM_WAIT_##id,
	KVM_WAITS(KVM_W)
#undef KVM_W
	KVM_WAIT_COUNT
} KvmWaitReason;

const char *kvm_wait_name(KvmWaitReason reason);

/* Bits of KvmWaitItem.evidence. */
enum {
	KVM_WAIT_BY_TIMER = 1 << 0,    /* a timer's handler woke it */
	KVM_WAIT_BY_VCPU = 1 << 1,     /* another vCPU of its VM did */
	KVM_WAIT_BY_VHOST = 1 << 2,    /* a vhost worker did */
	KVM_WAIT_BY_PROCESS = 1 << 3,  /* another thread of its process did */
	KVM_WAIT_BY_IRQ = 1 << 4,      /* another interrupt's handler did */
	KVM_WAIT_BY_OTHER = 1 << 5,    /* a thread that is none of these did */
	KVM_WAIT_SIGNALLED = 1 << 6,   /* an interrupt was signalled to it before it was woken: `vector` */
	KVM_WAIT_INJECTED = 1 << 7,    /* none was; `vector` is the first that it took itself, on its way into its guest */
	KVM_WAIT_LEARNED = 1 << 8,     /* what the vector stands for was learned from other times */
	KVM_WAIT_IO_SEEN = 1 << 9,     /* its process had just dealt with a disk or the network */
	KVM_WAIT_STATE = 1 << 10,      /* its thread's own state tells: a page fault, a lock, a request */
	KVM_WAIT_UNSURE = 1 << 11,     /* the trace has no interrupts: who seems to have woken it may only have been interrupted by what did */
};

#define KVM_NO_VECTOR G_MAXUINT16

/* The table "vcpu-waits": a vCPU slept from begin_ns until it was woken, and got a processor later. In the order in which they ended. */
typedef struct {
	gint64 begin_ns, woken_ns, run_ns;
	gint64 enter_ns;      /* when it entered its guest; G_MININT64: it didn't, before it slept again */
	guint32 vcpu;         /* item of "vcpus" */
	guint32 waker;        /* serial of the thread that woke it; G_MAXUINT32: an interrupt, or not known */
	guint32 waker_text;   /* text: who that was, as people read it */
	guint16 vector;       /* KVM_NO_VECTOR: none is known */
	guint16 evidence;
	guint8 reason;        /* KvmWaitReason */
	guint8 confidence;    /* per cent; 0: the reason is unknown */
	guint8 halted;        /* its guest had halted it */
} KvmWaitItem;

#define KVM_WAITS_TABLE "vcpu-waits"

#endif
