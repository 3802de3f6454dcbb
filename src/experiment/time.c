/* SPDX-License-Identifier: MIT */
/* time.c: a member's times in other clocks. */
#include <math.h>

#include "experiment/private.h"

#define DEPTH_MAX 64 /* levels; clocks that lead in a circle end here */

static const ExperimentClock *clock_at(const ExperimentMember *m, guint i)
{
	return &g_array_index(m->clocks, ExperimentClock, i);
}

/* Drifts are small: what the first guess is off by shrinks with each step by as much as the drift is, so that it mostly is right at once. */
gint64 experiment_clock_unapply(const ExperimentClock *c, gint64 up)
{
	gint64 t;

	if (__builtin_sub_overflow(up, c->offset_ns, &t) || !experiment_is_time(t))
		return up < c->offset_ns ? -EXPERIMENT_TIME_MAX : EXPERIMENT_TIME_MAX;
	t -= (gint64)(c->drift * (double)(t - c->ref_ns));
	for (guint i = 0; i < 8; i++) {
		gint64 error = experiment_clock_apply(c, t) - up;

		if (!error)
			break;
		t -= error;
	}
	return t;
}

/* Never before the one ahead of it ends. */
void experiment_clocks_finish(ExperimentMember *m)
{
	gint64 begin = G_MININT64;

	for (guint i = 0; i < m->clocks->len; i++) {
		ExperimentClock *c = &g_array_index(m->clocks, ExperimentClock, i);

		if (i)
			begin = MAX(begin, MAX(experiment_clock_apply(c - 1, c->from_ns), experiment_clock_apply(c, c->from_ns)));
		c->begin_up_ns = begin;
	}
}

/* The last segment that begins at or before `time`: of the machine's own clock, or of the other. */
static guint segment_of(const ExperimentMember *m, gint64 time, gboolean up)
{
	guint lo = 0, hi = m->clocks->len;

	while (hi - lo > 1) {
		guint mid = lo + (hi - lo) / 2;

		if ((up ? clock_at(m, mid)->begin_up_ns : clock_at(m, mid)->from_ns) <= time)
			lo = mid;
		else
			hi = mid;
	}
	return lo;
}

gint64 experiment_up(const ExperimentMember *m, gint64 time)
{
	if (!m->clocks->len || !experiment_is_time(time))
		return time;
	const ExperimentClock *c = clock_at(m, segment_of(m, time, FALSE));

	return MAX(experiment_clock_apply(c, time), c->begin_up_ns);
}

gint64 experiment_down(const ExperimentMember *m, gint64 time)
{
	if (!m->clocks->len || !experiment_is_time(time))
		return time;
	guint i = segment_of(m, time, TRUE);
	gint64 t = MAX(experiment_clock_unapply(clock_at(m, i), time), clock_at(m, i)->from_ns);

	return i + 1 < m->clocks->len ? MIN(t, clock_at(m, i + 1)->from_ns) : t;
}

gint64 experiment_to_root(const Experiment *e, guint i, gint64 time)
{
	for (guint depth = 0; i != EXPERIMENT_NONE && depth < DEPTH_MAX; depth++) {
		time = experiment_up(experiment_member(e, i), time);
		i = experiment_member(e, i)->clock_of;
	}
	return time;
}

gint64 experiment_from_root(const Experiment *e, guint i, gint64 time)
{
	guint path[DEPTH_MAX], n = 0;

	for (; i != EXPERIMENT_NONE && n < DEPTH_MAX; i = experiment_member(e, i)->clock_of)
		path[n++] = i;
	while (n-- > 0)
		time = experiment_down(experiment_member(e, path[n]), time);
	return time;
}

gint64 experiment_bound(const Experiment *e, guint i)
{
	gint64 bound = 0;

	for (guint depth = 0; i != EXPERIMENT_NONE && depth < DEPTH_MAX; depth++) {
		bound += experiment_member(e, i)->bound_ns;
		i = experiment_member(e, i)->clock_of;
	}
	return bound;
}

gboolean experiment_is_aligned(const Experiment *e, guint i)
{
	for (guint depth = 0; depth < DEPTH_MAX; depth++) {
		if (i == e->root)
			return TRUE;
		if (i == EXPERIMENT_NONE)
			return FALSE;
		i = experiment_member(e, i)->clock_of;
	}
	return FALSE;
}
