/* SPDX-License-Identifier: MIT */
/*
 * analysis/store.h: the histories of a set of traces, from the cache or made now.
 *
 *     traces --analysis_store_open()--> AnalysisStore (a History per machine) --analysis_syscalls(store, query)...--> View
 *
 * A trace is analysed whole, once: ranges, filters and zooms are questions to its history. Traces are analysed side by side; the result does not
 * depend on the number of threads. Then their clocks are aligned (experiment/experiment.h) and guests are put on top of their hosts (layers/layers.h).
 *
 * Items and rows of a trace have times of its own machine's clock; people and programs are told those of the root's clock: analysis_time() and
 * analysis_set_time() make the one from the other.
 */
#ifndef STRATA_ANALYSIS_STORE_H
#define STRATA_ANALYSIS_STORE_H

#include "experiment/experiment.h"
#include "history/history.h"
#include "kernel/set.h"
#include "layers/layers.h"
#include "view/view.h"

/* One trace, analysed. */
typedef struct {
	char *name;           /* the machine's: its hostname, made unique. A user space trace has the name of the machine it was recorded on */
	CtfTrace *trace;
	gboolean is_kernel;   /* else user space */
	gint level;           /* 0: the physical host, as far as these traces tell; -1: not known */
	History *history;     /* finished */
	const History *rows;  /* the same rows, as they really were if there is a layer below (layers/layers.h); else `history`. Tables, edges: only in `history` */
	gint64 begin_ns, end_ns;   /* first and last event, in its own clock */
	const Experiment *experiment;
	guint member;         /* of the experiment: of user space the machine that it was recorded on; EXPERIMENT_NONE: there is no trace of that */
	guint64 lost_events, lost_packets;
} AnalysisStoreTrace;

typedef struct {
	GPtrArray *traces;    /* AnalysisStoreTrace *, in order of the arguments */
	gint64 begin_ns, end_ns;   /* in the root's clock */
	Experiment *experiment;
	Layers *layers;       /* NULL: not asked for, or there is nothing to put on one another */
} AnalysisStore;

typedef struct {
	guint threads;              /* of the machine, for all traces together; 0 counts as 1 */
	guint64 memory;             /* bytes, for all traces together; 0: a quarter of the machine's */
	gboolean no_cache;          /* neither read nor write it */
	StWarnings *warnings;
	void (*progress)(gpointer user, double done); /* 0..1, now and then, from any thread; may be NULL */
	gpointer progress_user;
	const char *const *spans;   /* what --span says, NULL-terminated; may be NULL */
	const char *const *map;     /* what --map says, NULL-terminated; may be NULL */
	gboolean alone;             /* rows stay as each machine saw them itself */
	guint rows;                 /* LAYERS_*_ROWS (layers/layers.h) that will be asked for; 0: all */
} AnalysisStoreOptions;

/* The kernel's trace of a member of the experiment; NULL: none. */
const AnalysisStoreTrace *analysis_store_member(const AnalysisStore *s, guint member);

/* The device that tells that its kernel runs in a VM: "virtio0-req.0", "vda"; NULL: none was heard of, which proves nothing. */
const char *analysis_virtual_by(const AnalysisStoreTrace *t);

AnalysisStore *analysis_store_open(GPtrArray *traces, const AnalysisStoreOptions *options, GError **error);
/* A time of the trace's own clock in the root's, and back. G_MININT64 and G_MAXINT64 stay what they are. */
gint64 analysis_time(const AnalysisStoreTrace *t, gint64 time);
gint64 analysis_own_time(const AnalysisStoreTrace *t, gint64 time);

/* Fill a cell with a time of the trace's own clock. */
void analysis_set_time(View *v, guint column, const AnalysisStoreTrace *t, gint64 time);

void analysis_store_free(AnalysisStore *s); /* NULL is fine */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(AnalysisStore, analysis_store_free)

#endif
