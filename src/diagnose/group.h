/* SPDX-License-Identifier: MIT */
/* diagnose/group.h: those whom one limit holds together: the threads of a VM, of a container, of a process. */
#ifndef STRATA_DIAGNOSE_GROUP_H
#define STRATA_DIAGNOSE_GROUP_H

#include "diagnose/private.h"

typedef struct {
	const char *kind; /* "vm", "container", "process" */
	char *name;       /* NULL until it is asked for */
	char *title;      /* for sentences: "VM a", "container c2"; likewise */
	gint32 pid;       /* -1: several */
	DiagnoseLoss *loss;
	gint64 demand;    /* the rule's own */
} DiagnoseGroup;

/* A table of them; it frees them. */
GHashTable *diagnose_groups_new(void);

/* The one that a thread belongs to, made now if need be. A VM is one, also if it runs in a container. */
DiagnoseGroup *diagnose_group_of(const Diagnose *d, const AnalysisStoreTrace *t, GHashTable *groups, guint32 serial, const KernelThreadItem *item);

/* The sufferer is that group, which has its names from now on. */
void diagnose_suffers_group(DiagnoseFinding *f, const AnalysisStoreTrace *t, DiagnoseGroup *g);

#endif
