/* SPDX-License-Identifier: MIT */
/* analysis/containers.h: `strata containers`: processor time, waits for a processor, throttling, and blocked time by reason, of containers. */
#ifndef STRATA_ANALYSIS_CONTAINERS_H
#define STRATA_ANALYSIS_CONTAINERS_H

#include "analysis/query.h"

View *analysis_containers(const AnalysisStore *store, const AnalysisQuery *query, GError **error);

#endif
