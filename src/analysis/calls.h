/* SPDX-License-Identifier: MIT */
/* analysis/calls.h: items of system calls, made ready to ask, and as people read them. Private to analysis/. */
#ifndef STRATA_ANALYSIS_CALLS_H
#define STRATA_ANALYSIS_CALLS_H

#include "analysis/query.h"
#include "kernel/files.h"
#include "kernel/flow.h"

/* ---- One trace's calls and files -------------------------------------------------------------------------------- */

typedef struct {
	const AnalysisStoreTrace *trace;
	KernelSyscallTables tables;
	guint files, threads;                    /* tables */
	GHashTable *numbers;                     /* text of a name -> TraceSyscall plus one */
	GHashTable *processes;                   /* pid -> name; made when first asked */
} AnalysisCalls;

/* NULL: the trace's history has none. */
AnalysisCalls *analysis_calls_new(const AnalysisStoreTrace *t);
void analysis_calls_free(AnalysisCalls *c); /* NULL is fine */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(AnalysisCalls, analysis_calls_free)

/* TraceSyscall of an item; TRACE_SYS_UNKNOWN for those that have none. */
gint analysis_calls_number(const AnalysisCalls *c, guint32 name);

/* How many calls there are that count, or of the others; and the i-th one. */
guint64 analysis_calls_len(const AnalysisCalls *c, gboolean partial);
void analysis_calls_get(const AnalysisCalls *c, gboolean partial, guint64 i, KernelSyscall *out);

/* FALSE: no filter lets the i-th complete call through. Only what the filters need is looked at. */
gboolean analysis_calls_wanted(const AnalysisCalls *c, const AnalysisFilter *f, guint64 i);

/* NULL: no such file. */
const KernelFileItem *analysis_calls_file(const AnalysisCalls *c, guint32 file);

/* The process of a thread; -1: not known. */
gint32 analysis_calls_pid(const AnalysisCalls *c, guint32 thread);

/* "read(fd 7 /var/lib/mysql/ibdata1, 16384) = 16384". The caller frees. */
char *analysis_calls_text(const AnalysisCalls *c, const KernelSyscall *call);

/* "ENOENT"; numbers that have no name: "errno 4000". `buffer` of 24 bytes is where that is made. */
const char *analysis_errno_name(gint64 error, char *buffer);

/* "mariadbd 153", of a process's number. The caller frees. */
char *analysis_process_name(AnalysisCalls *c, gint32 pid);

/* ---- The longest ones ------------------------------------------------------------------------------------------------ */

typedef struct {
	gint64 ns;
	guint64 item;
} AnalysisWorstItem;

/* The `limit` greatest of what is added; 0: all. */
typedef struct AnalysisWorst AnalysisWorst;

AnalysisWorst *analysis_worst_new(guint limit);
void analysis_worst_free(AnalysisWorst *w); /* NULL is fine */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(AnalysisWorst, analysis_worst_free)
void analysis_worst_add(AnalysisWorst *w, gint64 ns, guint64 item);

/* Greatest first; of equal ones the first item. Nothing can be added any more. */
const AnalysisWorstItem *analysis_worst_sorted(AnalysisWorst *w, guint *n_out);

#endif
