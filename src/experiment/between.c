/* SPDX-License-Identifier: MIT */
/* between.c: two clocks, compared by what went from one machine to the other: it is sent before it is received. */
#include "experiment/private.h"

#include <math.h>

#define SHARE_MAX    0.01     /* of them may contradict: what names them is used again, sometimes */
#define SLACK_NS     1000000000 /* beyond what is possible at first */
#define UNCERTAIN_NS 10000000 /* a wider bound than this is no alignment */

static gint by_time(gconstpointer a, gconstpointer b)
{
	const ExperimentPassed *x = a, *y = b;

	if (x->a != y->a)
		return x->a < y->a ? -1 : 1;
	return x->b < y->b ? -1 : x->b > y->b;
}

/* All lines that can be, around the one without drift that fits best. FALSE: too little in a direction. */
static gboolean start(ExperimentStretch *s, const GArray *passed, guint each_min)
{
	gint64 most = G_MAXINT64, least = G_MININT64;
	guint there = 0, back = 0;

	for (guint i = 0; i < passed->len; i++) {
		const ExperimentPassed *p = &g_array_index(passed, ExperimentPassed, i);

		if (p->to_b)
			most = MIN(most, p->b - p->a);
		else
			least = MAX(least, p->b - p->a);
		there += p->to_b;
		back += !p->to_b;
	}
	if (there < each_min || back < each_min)
		return FALSE;
	*s = (ExperimentStretch){.from = g_array_index(passed, ExperimentPassed, 0).a, .to = g_array_index(passed, ExperimentPassed, passed->len - 1).a};
	s->ref = s->from + (s->to - s->from) / 2;
	s->base = least + (most - least) / 2;
	double reach = fabs((double)(most - least)) / 2 + EXPERIMENT_DRIFT_MAX * (double)(s->to - s->from) + SLACK_NS;
	experiment_polygon_box(&s->lines, -reach, reach, EXPERIMENT_DRIFT_MAX);
	return TRUE;
}

/* What one excludes. FALSE: all lines. */
static gboolean hear(ExperimentStretch *s, const ExperimentPassed *p)
{
	double x = (double)(p->a - s->ref), y = (double)(p->b - p->a - s->base), slack = (double)p->slack, min, max;

	experiment_polygon_span(&s->lines, x, &min, &max);
	if (p->to_b)
		return max <= y + slack || experiment_polygon_below(&s->lines, x, y + slack);
	return min >= y - slack || experiment_polygon_above(&s->lines, x, y - slack);
}

gboolean experiment_line_between(GArray *passed, gint64 from, gint64 to, guint each_min, ExperimentClock *out)
{
	ExperimentStretch s;
	guint64 contradictions = 0;

	g_array_sort(passed, by_time);
	if (!passed->len || !start(&s, passed, each_min))
		return FALSE;
	for (guint i = 0; i < passed->len; i++)
		contradictions += !hear(&s, &g_array_index(passed, ExperimentPassed, i));
	*out = experiment_best_line(&s, from, to);
	out->constraints = passed->len;
	out->contradictions = contradictions;
	return (double)contradictions <= SHARE_MAX * (double)passed->len && out->bound_ns <= UNCERTAIN_NS;
}
