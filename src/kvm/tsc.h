/* SPDX-License-Identifier: MIT */
/* kvm/tsc.h: offsets of vCPUs' time stamp counters, as the hypervisor set them while it was traced. Part "tsc" of the set (kvm/set.h). */
#ifndef STRATA_KVM_TSC_H
#define STRATA_KVM_TSC_H

#include "kvm/set.h"

#define KVM_TSC_MAX (1u << 16) /* items; later ones are not kept */

/* The table "tsc-offsets", in order of time: from then on the vCPU's counter is the host's plus the offset. */
typedef struct {
	gint64 time_ns;
	gint64 offset;
	gint32 pid;   /* of the VM's process */
	gint32 vcpu;  /* its number in the VM */
} KvmTscItem;

#define KVM_TSC_TABLE "tsc-offsets"

#endif
