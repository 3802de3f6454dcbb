/* SPDX-License-Identifier: MIT */
/* tests/unit/feed.h: models are given events one by one, each those that it needs, as trace_run() does. */
#ifndef STRATA_TESTS_FEED_H
#define STRATA_TESTS_FEED_H

#include "trace/trace.h"

static inline void feed_model(const TraceModel *model, const TraceEvent *ev)
{
	for (gsize i = 0; i < model->n_needs; i++)
		if (model->needs[i].event == ev->id) {
			model->event(model->self, ev);
			return;
		}
}

static inline void feed_models(const TraceModel *models, gsize n, const TraceEvent *ev)
{
	for (gsize m = 0; m < n; m++)
		feed_model(&models[m], ev);
}

#endif
