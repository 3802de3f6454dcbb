/* SPDX-License-Identifier: MIT */
/*
 * analysis/join.h: the threads of a user space trace, and of spans, as threads of the kernel's trace of the same machine.
 *
 * A user space thread is known by its numbers in its own pid namespace, vtid and vpid. The kernel's thread is the one with these numbers (as contexts, the state
 * dump or its fork have them; where none of them was recorded, its tid and pid) that lived when the events happened, and is in the same namespace as far as that was
 * recorded on both sides. If several did, the thread is ambiguous, and none of them.
 */
#ifndef STRATA_ANALYSIS_JOIN_H
#define STRATA_ANALYSIS_JOIN_H

#include "analysis/query.h"
#include "kernel/flow.h"
#include "user/user.h"

#define ANALYSIS_NO_THREAD  G_MAXUINT32
#define ANALYSIS_AMBIGUOUS  (G_MAXUINT32 - 1)

typedef struct {
	const AnalysisStoreTrace *user;
	const AnalysisStoreTrace *kernel; /* NULL: there is none of this machine */
	guint user_table, kernel_table;
	guint32 *serials;                 /* by index of USER_THREADS_TABLE: its serial, or one of the two above */
	guint64 n;
} AnalysisJoin;

/* NULL: the trace has no table of user space threads. */
AnalysisJoin *analysis_join_new(const AnalysisStore *s, const AnalysisStoreTrace *user);
void analysis_join_free(AnalysisJoin *j); /* NULL is fine */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(AnalysisJoin, analysis_join_free)

const UserThread *analysis_join_thread(const AnalysisJoin *j, guint32 thread);
const KernelThreadItem *analysis_join_kernel(const AnalysisJoin *j, guint32 thread); /* NULL: not joined */

/* The thread's name: the kernel's, else the one recorded with its events. */
const char *analysis_join_name(const AnalysisJoin *j, guint32 thread);

/* The kernel's number of it, else vtid; -1: neither is known. */
gint32 analysis_join_tid(const AnalysisJoin *j, guint32 thread);
gint32 analysis_join_pid(const AnalysisJoin *j, guint32 thread);

/* Tell what is missing of a user space trace, or not told apart in it. */
void analysis_join_notes(const AnalysisJoin *j, View *v);

/* TRUE if the query asks for it. `f` is the user trace's filter, `kernel` that of the kernel's trace (NULL if there is none). */
gboolean analysis_join_wanted(const AnalysisJoin *j, const AnalysisQuery *q, const AnalysisFilter *kernel, guint32 thread);

/*
 * A row's path as `strata states` prints it: "MACHINE/..."; with the trace's join (NULL: it isn't asked) spans stand below their kernel's thread. The caller frees.
 */
char *analysis_row_path(const AnalysisStoreTrace *t, const AnalysisJoin *j, guint32 row);

#endif
