/* SPDX-License-Identifier: MIT */
/* analysis/critical_world.h: the machines of a store as graphs that packets and disk requests lead between. */
#ifndef STRATA_ANALYSIS_CRITICAL_WORLD_H
#define STRATA_ANALYSIS_CRITICAL_WORLD_H

#include "analysis/query.h"
#include "graph/graph.h"

/* Graphs are made when they are first asked for. Machines are counted as the store's traces are. */
typedef struct CriticalWorld CriticalWorld;

/* `alone`: of rows as each machine saw them itself. The store must outlive it. */
CriticalWorld *critical_world_new(const AnalysisStore *s, gboolean alone);
void critical_world_free(CriticalWorld *w); /* NULL is fine */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(CriticalWorld, critical_world_free)

/* For graph_append(); it refers to `w`. */
GraphWorld critical_world_of(const CriticalWorld *w);

const AnalysisStoreTrace *critical_world_trace(const CriticalWorld *w, guint machine);
guint critical_world_index(const CriticalWorld *w, const AnalysisStoreTrace *t);
const Graph *critical_world_graph(const CriticalWorld *w, guint machine); /* NULL: it has no threads */

/* What a segment was busy with, or waited for: a disk's name, who was given the processor. The caller frees. */
char *critical_world_detail(const CriticalWorld *w, const GraphSegment *s);

/* A time of one machine's clock in another one's. */
gint64 critical_world_convert(const CriticalWorld *w, guint from, const AnalysisStoreTrace *to, gint64 time);

#endif
