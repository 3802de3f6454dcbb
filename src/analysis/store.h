/* SPDX-License-Identifier: MIT */
/*
 * analysis/store.h: the histories of a set of traces, from the cache or made now.
 *
 *     traces --analysis_store_open()--> AnalysisStore (a History per machine) --analysis_syscalls(store, query)...--> View
 *
 * A trace is analysed whole, once: ranges, filters and zooms are questions to its history. Traces are analysed side by side; the result does not
 * depend on the number of threads.
 */
#ifndef STRATA_ANALYSIS_STORE_H
#define STRATA_ANALYSIS_STORE_H

#include "history/history.h"
#include "kernel/set.h"
#include "view/view.h"

/* One trace, analysed. */
typedef struct {
	char *name;           /* the machine's: its hostname, made unique. A user space trace has the name of the machine it was recorded on */
	CtfTrace *trace;
	gboolean is_kernel;   /* else user space */
	gint level;           /* 0: the physical host, as far as these traces tell; -1: not known */
	History *history;     /* finished */
	gint64 begin_ns, end_ns;   /* first and last event */
	guint64 lost_events, lost_packets;
} AnalysisStoreTrace;

typedef struct {
	GPtrArray *traces;    /* AnalysisStoreTrace *, in order of the arguments */
	gint64 begin_ns, end_ns;
} AnalysisStore;

typedef struct {
	guint threads;              /* of the machine, for all traces together; 0 counts as 1 */
	guint64 memory;             /* bytes, for all traces together; 0: a quarter of the machine's */
	gboolean no_cache;          /* neither read nor write it */
	StWarnings *warnings;
	void (*progress)(gpointer user, double done); /* 0..1, now and then, from any thread; may be NULL */
	gpointer progress_user;
	const char *const *spans;   /* what --span says, NULL-terminated; may be NULL */
} AnalysisStoreOptions;

AnalysisStore *analysis_store_open(GPtrArray *traces, const AnalysisStoreOptions *options, GError **error);
void analysis_store_free(AnalysisStore *s); /* NULL is fine */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(AnalysisStore, analysis_store_free)

#endif
