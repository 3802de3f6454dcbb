/* SPDX-License-Identifier: MIT */
/* diagnose/helpers.h: threads that work for a VM without being vCPUs: its emulator's and I/O threads, vhost workers. What they wait for its guest waits for, and thinks that its devices are slow. */
#ifndef STRATA_DIAGNOSE_HELPERS_H
#define STRATA_DIAGNOSE_HELPERS_H

#include "diagnose/private.h"

/* TRUE if a thread of the host works for the VM. */
gboolean diagnose_is_helper(const Diagnose *d, const AnalysisStoreTrace *host, const KvmVmItem *vm, guint32 serial);

/* A part of a time for which a helper wanted a processor, and something had that one. */
typedef struct {
	gint64 begin_ns, end_ns;
	guint32 row;         /* of the helper */
	guint state;         /* KernelThreadState */
	gint32 cpu;
	guint32 occupant;    /* serial; G_MAXUINT32: nobody */
} DiagnoseHelperWait;

/* All of them, of all helpers, one after the other; none if they waited for less than `least_ns` altogether. Returns for how long they wanted to run. */
gint64 diagnose_helper_waits(Diagnose *d, const AnalysisStoreTrace *host, const KvmVmItem *vm, gint64 least_ns,
			     void (*found)(gpointer user, const DiagnoseHelperWait *wait), gpointer user);

#endif
