/* SPDX-License-Identifier: MIT */
/* analysis/irqs.h: interrupts, softirqs, timers and work items. */
#ifndef STRATA_ANALYSIS_IRQS_H
#define STRATA_ANALYSIS_IRQS_H

#include "analysis/query.h"

View *analysis_irqs(const AnalysisStore *store, const AnalysisQuery *q, GError **error);

#endif
