/* SPDX-License-Identifier: MIT */
/*
 * analysis/query.h: what a person wants to see of a store: which part of it, in which form.
 *
 * Every table command (docs/commands) is a function View *analysis_NAME(const AnalysisStore *, const AnalysisQuery *, GError **). What they have in common is
 * here: filters, and groups of durations with their distribution, over time if asked for.
 */
#ifndef STRATA_ANALYSIS_QUERY_H
#define STRATA_ANALYSIS_QUERY_H

#include "analysis/store.h"
#include "base/hist.h"

typedef enum {
	ANALYSIS_TABLE,  /* one row for each thing, sorted by what costs most */
	ANALYSIS_SERIES, /* --every: one row for each thing and each step of time */
	ANALYSIS_LOG,    /* --log: the individual items, slowest first */
} AnalysisForm;

typedef struct {
	gint64 begin_ns, end_ns;      /* G_MININT64, G_MAXINT64: all */
	AnalysisForm form;
	gint64 every_ns;              /* ANALYSIS_SERIES: the length of a step */
	gboolean histogram;           /* add a log-scale histogram to each group */
	guint limit;                  /* rows that will be shown; 0: all. ANALYSIS_LOG need not find more than these */
	gboolean for_people;          /* the answer is text; programs get the same in every detail, but where a command says otherwise */
	const char *by;               /* what rows are about, where a command can choose; NULL: what it does otherwise */
	/* Filters: NULL-terminated lists, any of which may fit; NULL: everything. Numbers or globs. */
	const char *const *levels; /* likewise, of machines: numbers */
	const char *const *events; /* likewise, of user space traces: names of events */
	const char *const *sides;  /* likewise, of requests: "server", "client", ... */
	const char *const *machines, *const *processes, *const *threads, *const *cpus, *const *containers, *const *rows;
} AnalysisQuery;

/* ---- Filters --------------------------------------------------------------------------------------------------- */

/* A query's filters, made ready for one trace. */
typedef struct AnalysisFilter AnalysisFilter;

/* NULL: the query doesn't want anything of this trace. */
AnalysisFilter *analysis_filter_new(const AnalysisQuery *q, const AnalysisStoreTrace *t);
void analysis_filter_free(AnalysisFilter *f); /* NULL is fine */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(AnalysisFilter, analysis_filter_free)

/* The range asked for, within the trace's: [begin, end). */
gint64 analysis_filter_begin(const AnalysisFilter *f);
gint64 analysis_filter_end(const AnalysisFilter *f);

/* `serial` is an index of the table "threads"; G_MAXUINT32 (not known) fits only where nothing is asked of threads, processes and containers. */
gboolean analysis_filter_thread(const AnalysisFilter *f, guint32 serial);
gboolean analysis_filter_cpu(const AnalysisFilter *f, gint32 cpu);

/* An item that lasted from begin to end counts where it ended: TRUE if that is within the range. */
static inline gboolean analysis_in_range(const AnalysisFilter *f, gint64 end_ns)
{
	return end_ns >= analysis_filter_begin(f) && end_ns < analysis_filter_end(f);
}

/* TRUE if a pattern is the number, or is no number and as a glob matches the text; or there are no patterns (NULL). */
gboolean analysis_any_match(const char *const *patterns, const char *text, gint64 number);

/* ---- Groups of durations -------------------------------------------------------------------------------------- */

/*
 * Durations (and amounts, bytes for instance) by key, and by step of time if the query wants a series. A key is two numbers that the caller
 * makes of what he groups by. Groups are found again in the order in which they were first met.
 */
typedef struct AnalysisGroups AnalysisGroups;

/* More groups than these (keys times steps) are not kept: analysis_groups_dropped() counts what fell away. */
#define ANALYSIS_GROUPS_MAX (1u << 20)

typedef struct {
	guint64 key[2];
	gint64 step_ns;       /* begin of the step; 0 without series */
	guint64 count, errors;
	gint64 total_ns, min_ns, max_ns;
	gint64 amount;        /* sum of what was given as such */
	gint64 worst_ns;      /* when the longest one ended */
	StHist hist;
} AnalysisGroup;

AnalysisGroups *analysis_groups_new(const AnalysisQuery *q, const AnalysisFilter *f);
void analysis_groups_free(AnalysisGroups *g); /* NULL is fine */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(AnalysisGroups, analysis_groups_free)

/* Add one that took `ns` and ended at `end_ns`. */
void analysis_groups_add(AnalysisGroups *g, guint64 key0, guint64 key1, gint64 end_ns, gint64 ns, gint64 amount, gboolean is_error);
guint64 analysis_groups_dropped(const AnalysisGroups *g);

/* The begin of the step that a time is in; 0 without series. */
gint64 analysis_groups_step(const AnalysisGroups *g, gint64 time);

/* The group of that key, and of the step that begins at `step` (0 without series); NULL: there is none. */
const AnalysisGroup *analysis_groups_find(const AnalysisGroups *g, guint64 key0, guint64 key1, gint64 step);
guint analysis_groups_len(const AnalysisGroups *g);
const AnalysisGroup *analysis_groups_get(const AnalysisGroups *g, guint i);

/*
 * Columns of a distribution: count, total_ns, min_ns, mean_ns, p50_ns, p90_ns, p99_ns, max_ns, and with q->histogram a histogram (text: a chart below the
 * table; JSON: "histogram", an array of [from_ns, to_ns, count]; CSV: the same as a text). In a series "time_ns" comes first. Returns the first column's number.
 */
guint analysis_add_time_column(View *v, const AnalysisQuery *q);    /* before any other; nothing without a series */
guint analysis_add_machine_column(View *v, const AnalysisStore *s); /* in text only where there are several traces */
guint analysis_add_dist_columns(View *v, const AnalysisQuery *q);
void analysis_set_bins(View *v, guint column, const StHist *hist); /* of a column of unit VIEW_BINS */
void analysis_set_dist(View *v, guint first, const AnalysisQuery *q, const AnalysisGroup *g);

/* ---- Names ------------------------------------------------------------------------------------------------------- */

/* "mysqld 1234"; "?" if it isn't known. The caller frees. */
char *analysis_thread_name(const AnalysisStoreTrace *t, guint32 serial);

#endif
