/* SPDX-License-Identifier: MIT */
/* kvm/vmsync.h: hypercalls by which a guest's clock is compared with its host's (trace/events/vmsync.h). Part "vmsync" of the set (kvm/set.h), of guest and host alike. */
#ifndef STRATA_KVM_VMSYNC_H
#define STRATA_KVM_VMSYNC_H

#include "kvm/set.h"

#define KVM_VMSYNC_MAX (1u << 20) /* items; later ones are not kept */

typedef enum { KVM_VMSYNC_GH_GUEST, KVM_VMSYNC_GH_HOST, KVM_VMSYNC_HG_HOST, KVM_VMSYNC_HG_GUEST } KvmVmsyncKind;

/* The table "vmsync", in order of time. */
typedef struct {
	gint64 time_ns;
	guint64 uid, count;   /* what names the hypercall, on both sides */
	guint32 thread;       /* KernelThread.serial: of the host's the vCPU; G_MAXUINT32: not known */
	guint8 kind;          /* KvmVmsyncKind */
} KvmVmsyncItem;

#define KVM_VMSYNC_TABLE "vmsync"

#endif
