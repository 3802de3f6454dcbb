/* SPDX-License-Identifier: MIT */
/* server/tsp_table.h: answers of analyses as outputs have them. */
#ifndef STRATA_SERVER_TSP_TABLE_H
#define STRATA_SERVER_TSP_TABLE_H

#include "analysis/registry.h"
#include "server/tsp.h"

/* TSP_PERCENT_ENDED: a share of time of what counts when it ends, one after the other: what is more than a step was before it. */
typedef enum { TSP_AS_IT_IS, TSP_PER_SECOND, TSP_PERCENT, TSP_PERCENT_ENDED } TspScale;

/* Which of an analysis's rows and columns are lines: whose they are, and what is drawn. */
typedef struct {
	const char *question, *by;
	const char *const *keys, *const *values; /* columns, ended by NULL; several values are added up */
	const char *only_without; /* rows that have something in this column don't count; NULL: all do */
	TspScale scale;
	const char *unit;
} TspSeries;

/*
 * An analysis's answer as it is in JSON: {"columns", "rows"}. The caller drops the reference. NULL: it can't be answered.
 */
json_t *tsp_table_json(const AnalysisStore *store, const char *question, const AnalysisQuery *query, GError **error);

/* A cell as text; "" for nothing. The caller frees. */
char *tsp_cell_text(const json_t *cell);

/* Statistics of a kind that only a pass over the events can tell are ready when their count is. */
gboolean tsp_has_events(const ServerExperiment *e);

extern const TspProvider tsp_histogram_provider, tsp_share_provider, tsp_series_provider, tsp_density_provider, tsp_data_provider, tsp_statistics_provider, tsp_events_provider,
	tsp_path_provider, tsp_flame_provider, tsp_findings_provider;

#endif
