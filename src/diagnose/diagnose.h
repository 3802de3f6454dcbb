/* SPDX-License-Identifier: MIT */
/*
 * diagnose/diagnose.h: why it is slow: findings, each with who suffers, who causes it, at which level, how much time that cost, and the proof.
 *
 *     store --diagnose_new()--> Diagnose: findings, the weightiest first --> report
 *
 * A rule is a file of its own and a line in DIAGNOSE_RULES: it looks at the histories, decides, and adds findings. Thresholds are in one table. A finding's
 * id is an interface: it is never renamed.
 */
#ifndef STRATA_DIAGNOSE_DIAGNOSE_H
#define STRATA_DIAGNOSE_DIAGNOSE_H

#include "analysis/analysis.h"
#include "analysis/query.h"

/* Hard maxima. */
#define DIAGNOSE_RANGES_MAX   64  /* of a finding; shorter ones are joined with what lies between them */
#define DIAGNOSE_EVIDENCE_MAX 10  /* intervals of a finding: the longest ones */

/* T(ID, NAME, DEFAULT, MEANING): what has to be exceeded for a finding. Shares are of the sufferer's demand: the time for which it wanted to run. */
/* clang-format off */
#define DIAGNOSE_THRESHOLDS(T) \
	T(LOST_SHARE,     "lost.share",     0.01,  "share of the sufferer's demand that must be lost") \
	T(LOST_MS,        "lost.ms",        20,    "milliseconds that must be lost") \
	T(KERNEL_SHARE,   "kernel.share",   0.05,  "the same share, where the kernel's own threads are the cause") \
	T(WAKING_SHARE,   "waking.share",   0.05,  "the same share, where an idle processor was slow to wake up") \
	T(QUEUE_MS,       "queue.ms",       1,     "milliseconds that a packet must have waited in an interface's queue")
/* clang-format on */

typedef enum {
#define DIAGNOSE_T(id, name, value, meaning) DIAGNOSE_##id,
	DIAGNOSE_THRESHOLDS(DIAGNOSE_T)
#undef DIAGNOSE_T
	DIAGNOSE_THRESHOLD_COUNT
} DiagnoseThreshold;

/* Someone: a VM, a process, a thread, a container, a disk, an interface. All texts are the finding's own; "" where there is none. */
typedef struct {
	const char *kind;       /* "vm", "process", "kernel", "quota", ... */
	char *name;             /* for people: "VM b", "sh" */
	char *machine;          /* where it lives */
	gint32 pid, tid;        /* -1: none, or several */
} DiagnoseWho;

/* Times are in the root's clock. */
typedef struct {
	gint64 begin_ns, end_ns;
} DiagnoseRange;

typedef struct {
	char *row;              /* its path, as `strata states` has it */
	gint64 begin_ns, end_ns;
	const char *state;      /* lives for ever */
} DiagnoseEvidence;

typedef struct {
	const char *id;         /* of the table of causes; lives for ever */
	char *title;            /* one sentence */
	gint level;             /* at which it was decided; -1: not known */
	DiagnoseWho sufferer, culprit;
	gint64 lost_ns;
	double share;           /* of the sufferer's demand */
	double confidence;      /* 0 .. 1 */
	gboolean is_own;        /* the culprit is a part of who suffers */
	GArray *ranges;         /* DiagnoseRange, in order: when it mattered */
	GArray *evidence;       /* DiagnoseEvidence, longest first */
	char *advice;           /* what to do; one or two sentences */
} DiagnoseFinding;

typedef struct Diagnose {
	const AnalysisStore *store;
	const Layers *layers;
	gint64 begin_ns, end_ns; /* what is looked at, in the root's clock */
	double thresholds[DIAGNOSE_THRESHOLD_COUNT];
	GPtrArray *findings;    /* DiagnoseFinding *, the weightiest first: time lost, and its share of the sufferer's demand */
	Layers *own_layers;     /* private */
} Diagnose;

typedef struct {
	gint64 begin_ns, end_ns;       /* in the root's clock; G_MININT64, G_MAXINT64: all */
	const char *const *thresholds; /* "NAME=VALUE", NULL-terminated; may be NULL */
} DiagnoseOptions;

/* The store must outlive it. Errors: ST_ERROR_USAGE for a threshold that there isn't. */
Diagnose *diagnose_new(const AnalysisStore *s, const DiagnoseOptions *options, GError **error);
void diagnose_free(Diagnose *d); /* NULL is fine */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Diagnose, diagnose_free)

/* The main job's first part, as tables have it: one row a finding. */
View *diagnose_view(const Diagnose *d);

/*
 * The main job: findings, who runs in whom, where the time of every level went, for a person; or as one JSON object
 * {"schema": "strata/report/1", "begin_ns", "end_ns", "machines", "findings", "unchecked", "lost_events", and a table per view}. `a` and `d` are of the same traces and range.
 */
gboolean diagnose_report(const Analysis *a, const Diagnose *d, ViewFormat format, FILE *out, GError **error);

/* "lost.share", 0.01, "share of ...": the table of thresholds, for --explain. */
const char *diagnose_threshold_name(DiagnoseThreshold t);
const char *diagnose_threshold_meaning(DiagnoseThreshold t);
double diagnose_threshold_default(DiagnoseThreshold t);

#endif
