/* SPDX-License-Identifier: MIT */
/*
 * analysis/analysis.h: questions about traces, and their answers as views.
 *
 *     traces --analysis_run()--> Analysis (a machine per kernel trace: its Kernel, its Kvm) --analysis_vms()...--> View
 *
 * Every trace is analysed alone, in its own clock. Each question is one file of its own; commands, the report and JSON take
 * the same views.
 */
#ifndef STRATA_ANALYSIS_ANALYSIS_H
#define STRATA_ANALYSIS_ANALYSIS_H

#include "analysis/store.h"
#include "kvm/kvm.h"
#include "view/view.h"

/* One traced kernel. */
typedef struct {
	char *name;         /* its hostname, made unique among the machines; "host" where the trace doesn't say */
	gint level;         /* 0: the physical host, as far as these traces tell; -1: not known */
	CtfTrace *trace;
	const AnalysisStoreTrace *store; /* NULL: no store was given */
	TraceFacts facts;
	Kernel *kernel;
	Kvm *kvm;
	CtfStats stats;
	guint64 lost_events, lost_packets; /* within the range analysed */
} AnalysisMachine;

typedef struct {
	GPtrArray *traces;   /* CtfTrace *, all that were found */
	GPtrArray *machines; /* AnalysisMachine *, those of kernels, in order of their traces */
	GPtrArray *others;   /* CtfTrace *, those that are no kernel's (user space) */
	gint64 begin_ns, end_ns;
} Analysis;

typedef struct {
	gint64 begin_ns, end_ns; /* the part to analyse, in the root's clock; G_MININT64, G_MAXINT64: all */
	const AnalysisStore *store; /* of the same traces: who runs in whom, and whose clock is how far off. NULL: nothing is known of that */
	guint threads;           /* for reading; 0 counts as 1 */
	StWarnings *warnings;
} AnalysisOptions;

/* Analyse each kernel's trace of `traces` (CtfTrace *; a reference is taken). Errors: those of reading; ST_ERROR_USAGE for a range with nothing in it. */
Analysis *analysis_run(GPtrArray *traces, const AnalysisOptions *options, GError **error);
void analysis_free(Analysis *a); /* NULL is fine */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Analysis, analysis_free)

/* Levels, VMs and nested VMs as a tree: who runs in whom, with how many vCPUs, and where their time went. */
View *analysis_vms(const Analysis *a);

/* The time of each VM's vCPUs by level, and what that level did with it. */
View *analysis_levels(const Analysis *a);

/* vCPUs, and their time in each state. */
View *analysis_vcpus(const Analysis *a);

/* Exits by VM, vCPU, level and reason, the most expensive first. */
View *analysis_exits(const Analysis *a);

/* Who had the processor that a vCPU waited for. */
View *analysis_preemption(const Analysis *a);

/* Processors: busy, idle, in a guest. */
View *analysis_report_cpus(const Analysis *a);

/* Threads by their time on a processor. */
View *analysis_report_threads(const Analysis *a);

/* Where and when events were lost. */
View *analysis_losses(const Analysis *a);

/* What the traces can't tell, and the command that would have recorded it. */
View *analysis_unchecked(const Analysis *a);

#endif
