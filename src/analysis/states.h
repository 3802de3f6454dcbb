/* SPDX-License-Identifier: MIT */
/*
 * analysis/states.h: the rows that `strata states` tells of, and their intervals, one by one: nothing of them is kept.
 *
 *	analysis_states_each(store, query, row_found, user);
 *	    row_found():  analysis_states_walk(&walk, row, room);
 *	                  while (analysis_states_next(&walk, &interval)) ...
 */
#ifndef STRATA_ANALYSIS_STATES_H
#define STRATA_ANALYSIS_STATES_H

#include "analysis/query.h"

/* A row that the query wants. */
typedef struct {
	const AnalysisStoreTrace *trace;
	guint32 row;             /* of trace->rows */
	const char *path;        /* with the machine's name before it */
	guint32 serial;          /* the thread whose row it is; G_MAXUINT32: none's */
	gint64 begin_ns, end_ns; /* what of it is wanted, in the trace's own clock */
} AnalysisStatesRow;

/* Trace by trace, in the order of their paths. If it returns FALSE that is the end. */
typedef gboolean (*AnalysisStatesFunc)(gpointer user, const AnalysisStatesRow *row);
void analysis_states_each(const AnalysisStore *s, const AnalysisQuery *q, AnalysisStatesFunc found, gpointer user);

/* Times are in the root's clock, and cut at the range's ends. */
typedef struct {
	gint64 begin_ns, end_ns;
	const char *name;        /* the state's */
	const char *detail;      /* "": there is none. Until the next interval */
} AnalysisStatesInterval;

typedef struct {
	const AnalysisStatesRow *row;
	guint kind;
	gboolean is_thread;
	HistoryWalk walk;
	GString *room;           /* of a detail that is put together */
} AnalysisStatesWalk;

/* `row` and `room` must live as long as it is used; what is in `room` is overwritten. */
void analysis_states_walk(AnalysisStatesWalk *w, const AnalysisStatesRow *row, GString *room);
gboolean analysis_states_next(AnalysisStatesWalk *w, AnalysisStatesInterval *out);

#endif
