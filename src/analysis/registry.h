/* SPDX-License-Identifier: MIT */
/*
 * analysis/registry.h: all questions to a store, by name, with what each of them can be asked. Commands and the server go by this table and know no single
 * analysis.
 */
#ifndef STRATA_ANALYSIS_REGISTRY_H
#define STRATA_ANALYSIS_REGISTRY_H

#include "analysis/query.h"

/* What of a query makes sense for a question, besides its range, machines and levels, which all have; and which rows of layers it looks at. */
enum {
	ANALYSIS_TAKES_SORT = 1 << 0,      /* sorting, and a limit */
	ANALYSIS_TAKES_CPU = 1 << 1,       /* query->cpus */
	ANALYSIS_TAKES_EVERY = 1 << 2,     /* ANALYSIS_SERIES */
	ANALYSIS_TAKES_HISTOGRAM = 1 << 3, /* query->histogram */
	ANALYSIS_TAKES_LOG = 1 << 4,       /* ANALYSIS_LOG */
	ANALYSIS_TAKES_ROW = 1 << 5,       /* query->rows */
	ANALYSIS_TAKES_SPAN = 1 << 6,      /* spans that the store was opened with */
	ANALYSIS_TAKES_BY = 1 << 7,        /* query->by */
	ANALYSIS_TAKES_THREADS = 1 << 8,   /* query->threads, ->processes, ->containers */
	ANALYSIS_TAKES_SIDE = 1 << 9,      /* query->sides */
	ANALYSIS_TAKES_EVENT = 1 << 10,    /* query->events */
	ANALYSIS_TAKES_ALL = ANALYSIS_TAKES_THREADS | ANALYSIS_TAKES_SORT | ANALYSIS_TAKES_CPU | ANALYSIS_TAKES_EVERY | ANALYSIS_TAKES_HISTOGRAM | ANALYSIS_TAKES_LOG,
	ANALYSIS_NO_LAYERS = 1 << 16,      /* it asks for nothing that layers tell */
	ANALYSIS_ONLY_THREAD_ROWS = 1 << 17, /* of what layers tell it asks for threads only */
	ANALYSIS_ONLY_CPU_ROWS = 1 << 18,  /* likewise processors; with both: for these two */
	ANALYSIS_NEEDS_THREAD = 1 << 19,   /* it has no answer unless the query says which thread */
};

typedef struct {
	const char *name, *summary; /* one line for people */
	guint flags;
	/* One of the two: a view, or who writes his answer himself. */
	View *(*make)(const AnalysisStore *store, const AnalysisQuery *query, GError **error);
	gboolean (*write)(const AnalysisStore *store, const AnalysisQuery *query, ViewFormat format, FILE *out, GError **error);
} AnalysisQuestion;

guint analysis_n_questions(void);
const AnalysisQuestion *analysis_question(guint i);

/* NULL: there is none of that name. */
const AnalysisQuestion *analysis_find_question(const char *name);

#endif
