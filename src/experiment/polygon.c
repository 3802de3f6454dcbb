/* SPDX-License-Identifier: MIT */
/* polygon.c: lines that are possible: each event cuts off those that it contradicts. */
#include "experiment/private.h"

void experiment_polygon_box(ExperimentPolygon *p, double o_min, double o_max, double d_max)
{
	*p = (ExperimentPolygon){4, {o_min, o_max, o_max, o_min}, {-d_max, -d_max, d_max, d_max}};
}

void experiment_polygon_span(const ExperimentPolygon *p, double x, double *min_out, double *max_out)
{
	double min = p->o[0] + p->d[0] * x, max = min;

	for (guint i = 1; i < p->n; i++) {
		double y = p->o[i] + p->d[i] * x;

		min = MIN(min, y);
		max = MAX(max, y);
	}
	*min_out = min;
	*max_out = max;
}

/*
 * Keep the corners where sign * (o + d * x - limit) >= 0, and cut the two edges that lead out. A polygon of too many corners stays as it is: it then allows more
 * than it need.
 */
static gboolean cut(ExperimentPolygon *p, double x, double limit, double sign)
{
	ExperimentPolygon q = {0};

	for (guint i = 0; i < p->n; i++) {
		guint k = i + 1 < p->n ? i + 1 : 0;
		double a = sign * (p->o[i] + p->d[i] * x - limit), b = sign * (p->o[k] + p->d[k] * x - limit);

		if (q.n + 2 > EXPERIMENT_CORNERS_MAX)
			return TRUE;
		if (a >= 0) {
			q.o[q.n] = p->o[i];
			q.d[q.n++] = p->d[i];
		}
		if ((a > 0 && b < 0) || (a < 0 && b > 0)) {
			double t = a / (a - b);

			q.o[q.n] = p->o[i] + t * (p->o[k] - p->o[i]);
			q.d[q.n++] = p->d[i] + t * (p->d[k] - p->d[i]);
		}
	}
	if (q.n < 3)
		return FALSE;
	*p = q;
	return TRUE;
}

gboolean experiment_polygon_above(ExperimentPolygon *p, double x, double limit)
{
	return cut(p, x, limit, 1);
}

gboolean experiment_polygon_below(ExperimentPolygon *p, double x, double limit)
{
	return cut(p, x, limit, -1);
}
