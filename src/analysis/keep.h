/* SPDX-License-Identifier: MIT */
/* analysis/keep.h: the experiment in the cache directory. Private to analysis/. */
#ifndef STRATA_ANALYSIS_KEEP_H
#define STRATA_ANALYSIS_KEEP_H

#include "experiment/experiment.h"

/* What was kept under this fingerprint; NULL: nothing, or it is damaged. */
Experiment *analysis_kept_experiment(const char *fingerprint, const ExperimentInput *inputs, guint n);

/* FALSE: it could not be kept (`error` may stay unset if there is no cache directory). */
gboolean analysis_keep_experiment(const char *fingerprint, const Experiment *e, GError **error);

#endif
