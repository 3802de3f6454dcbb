/* SPDX-License-Identifier: MIT */
/* diagnose/family.h: processes that belong together: those of one script are one culprit, however many there were. */
#ifndef STRATA_DIAGNOSE_FAMILY_H
#define STRATA_DIAGNOSE_FAMILY_H

#include "diagnose/private.h"

typedef struct DiagnoseFamilies DiagnoseFamilies;

/* Of a kernel's trace, which must outlive it. */
DiagnoseFamilies *diagnose_families_new(const AnalysisStoreTrace *t);
void diagnose_families_free(DiagnoseFamilies *f); /* NULL is fine */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(DiagnoseFamilies, diagnose_families_free)

/*
 * The family of a thread, by its serial: a number that those who are not of it don't have. Of processes in a container it is that container; else they are led by the first of their forefathers that was there
 * before the trace began, or whose parent is init, or isn't known.
 */
guint64 diagnose_family_of(const DiagnoseFamilies *f, guint32 serial);

#endif
