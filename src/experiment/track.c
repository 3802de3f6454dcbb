/* SPDX-License-Identifier: MIT */
/*
 * track.c: from an offset at which one window fits on outwards, as long as one line does.
 *
 * What is known of the line is a polygon (polygon.c). At an event's time its lines span a range of the other clock's times. Where that range begins or ends
 * in a gap, the lines that lead there are cut off. Where all of it is in one gap, the event contradicts all lines. Events whose range touches no gap
 * say nothing, and are passed over without being looked at: the work goes with the number of gaps.
 *
 * Tracking ends where contradictions come in a row. Single ones count, and change nothing.
 */
#include "experiment/private.h"

#include <math.h>

#define STEP_NS    100000000  /* so far the events of one processor are followed before those of the next */
#define MARGIN_NS  200000000  /* next to where a line ceases to fit */
#define WIDER_NS   100000     /* a candidate's range was cut under the assumption of little drift */
#define STRIKES    6.0        /* gaps with an event in them, in a row, that end a line */
#define FORGIVEN   (1 / 16.0) /* of a strike, by a silence with gaps in it */
#define PASSES_MAX 4
#define EVENTS_MIN 128        /* of a stretch that is less than all; few fit anywhere */

/* What they cost, in steps of search. */
#define STEPS_CALL  20
#define STEPS_EVENT 8

typedef struct {
	const ExperimentPair *pairs;
	guint n;
	ExperimentStretch *s;
	double strikes;
	gint64 first_strike, last_strike; /* events, since there were none */
} Track;

/* ---- One processor, one step ----------------------------------------------------------------------------------------- */

/* The first of the events from i on that some line brings to `up`. */
static guint first_that_reaches(const ExperimentStretch *s, const GArray *times, guint i, gint64 up)
{
	double y = (double)(up - s->base - s->ref), x = G_MAXDOUBLE;

	for (guint k = 0; k < s->lines.n; k++)
		x = MIN(x, (y - s->lines.o[k]) / (1 + s->lines.d[k]));
	return experiment_beat_from(times, i, s->ref + (gint64)floor(x) + 1);
}

static void strike(Track *t, gint64 time)
{
	if (t->strikes <= 0) {
		t->first_strike = time;
		t->last_strike = time;
	}
	t->first_strike = MIN(t->first_strike, time);
	t->last_strike = MAX(t->last_strike, time);
	t->strikes++;
}

static void span(const ExperimentStretch *s, gint64 time, gint64 *min, gint64 *max)
{
	double a, b;

	experiment_polygon_span(&s->lines, (double)(time - s->ref), &a, &b);
	*min = time + s->base + (gint64)floor(a);
	*max = time + s->base + (gint64)ceil(b);
}

/*
 * An event that lines bring to [min, max], of which `gaps[j]` is the first gap that isn't before it. FALSE: all of it is in a gap.
 */
static gboolean hear(ExperimentStretch *s, gint64 time, gint64 min, gint64 max, const GArray *gaps, guint j)
{
	const ExperimentGap *g = (const ExperimentGap *)(gconstpointer)gaps->data;
	double x = (double)(time - s->ref);
	guint k = j;

	if (min > g[j].begin && max < g[j].end)
		return FALSE;
	if (min > g[j].begin && !experiment_polygon_above(&s->lines, x, (double)(g[j].end - time - s->base)))
		return FALSE;
	while (k + 1 < gaps->len && g[k + 1].begin < max)
		k++;
	if (max > g[k].begin && max < g[k].end)
		return experiment_polygon_below(&s->lines, x, (double)(g[k].begin - time - s->base));
	return TRUE;
}

/* The events of a pair within [from, to). */
static void follow(Track *t, const ExperimentPair *p, gint64 from, gint64 to)
{
	const GArray *times = p->beat->times, *gaps = p->track->gaps;
	guint i = experiment_beat_from(times, 0, from), j, struck = G_MAXUINT, forgiven = G_MAXUINT;
	gint64 min, max;

	t->s->steps += STEPS_CALL;
	if (i >= times->len || g_array_index(times, gint64, i) >= to)
		return;
	span(t->s, g_array_index(times, gint64, i), &min, &max);
	for (j = experiment_gap_behind(gaps, 0, min); j < gaps->len && t->strikes < STRIKES;) {
		i = first_that_reaches(t->s, times, i, g_array_index(gaps, ExperimentGap, j).begin);
		if (i >= times->len || g_array_index(times, gint64, i) >= to)
			return;
		gint64 time = g_array_index(times, gint64, i);
		t->s->steps += STEPS_EVENT;
		span(t->s, time, &min, &max);
		guint next = experiment_gap_behind(gaps, j, min);
		if (next > j) {
			if (struck != j && forgiven != i)
				t->strikes = MAX(t->strikes - FORGIVEN, 0);
			forgiven = i; /* all gaps in one silence are one chance */
			j = next;
			continue;
		}
		if (!hear(t->s, time, min, max, gaps, j) && struck != j) {
			strike(t, time);
			struck = j;
		}
		i++;
	}
}

/* ---- All processors -------------------------------------------------------------------------------------------------- */

static gboolean step(Track *t, gint64 from, gint64 to)
{
	for (guint i = 0; i < t->n; i++)
		follow(t, &t->pairs[i], from, to);
	return t->strikes < STRIKES;
}

/* From a time on to `to`; or where it ends. */
static gint64 forward(Track *t, gint64 from, gint64 to)
{
	t->strikes = 0;
	for (gint64 at = from; at < to; at += STEP_NS)
		if (!step(t, at, MIN(at + STEP_NS, to)))
			return t->first_strike;
	return to;
}

static gint64 backward(Track *t, gint64 from, gint64 to)
{
	t->strikes = 0;
	for (gint64 at = to; at > from; at -= STEP_NS)
		if (!step(t, MAX(at - STEP_NS, from), at))
			return t->last_strike + 1;
	return from;
}

/* The first and the last event's time: nothing is known of the lines beyond, and steps would be in vain. */
static void limits(const ExperimentPair *pairs, guint n, gint64 *from, gint64 *to)
{
	gint64 first = *to, last = *from;

	for (guint i = 0; i < n; i++) {
		const GArray *times = pairs[i].beat->times;

		if (times->len) {
			first = MIN(first, g_array_index(times, gint64, 0));
			last = MAX(last, g_array_index(times, gint64, times->len - 1) + 1);
		}
	}
	*from = MAX(*from, first);
	*to = MIN(*to, last);
}

/* Over and over until it changes nothing any more: where a range touched several gaps, it may now touch one. */
static void settle(Track *t)
{
	double before, after, min, max, x = (double)(t->s->to - t->s->ref);

	experiment_polygon_span(&t->s->lines, x, &min, &max);
	after = max - min;
	for (guint pass = 0; pass < PASSES_MAX; pass++) {
		before = after;
		forward(t, t->s->from, t->s->to);
		experiment_polygon_span(&t->s->lines, x, &min, &max);
		after = max - min;
		if (after > 0.9 * before)
			break;
	}
}

static void start(ExperimentStretch *s, const ExperimentCandidate *c)
{
	s->ref = c->ref;
	s->base = c->min;
	experiment_polygon_box(&s->lines, -WIDER_NS, (double)(c->max - c->min) + WIDER_NS, EXPERIMENT_DRIFT_MAX);
}

/* The last event of a pair within [from, to) that the clock puts into a gap; `from` - 1, if there is none. */
static gint64 last_hit(const ExperimentPair *p, const ExperimentClock *c, gint64 from, gint64 to)
{
	const GArray *gaps = p->track->gaps, *times = p->beat->times;
	gint64 up = experiment_clock_apply(c, to), last = from - 1;
	guint i = experiment_beat_from(times, 0, from);

	for (guint k = experiment_gap_behind(gaps, 0, experiment_clock_apply(c, from)); k < gaps->len; k++) {
		const ExperimentGap *g = &g_array_index(gaps, ExperimentGap, k);
		gint64 end = MIN(to, experiment_clock_unapply(c, g->end - c->bound_ns));

		if (g->begin >= up)
			break;
		i = experiment_beat_from(times, i, MAX(from, experiment_clock_unapply(c, g->begin + c->bound_ns) + 1));
		guint behind = experiment_beat_from(times, i, end);
		if (behind > i)
			last = g_array_index(times, gint64, behind - 1);
	}
	return last;
}

/* The first and the last event that fit, going backwards, are known within a few steps only. What is behind that tells the line, and the line tells where it begins. */
static void refine_begin(Track *t, gint64 from, gint64 about)
{
	ExperimentClock c = experiment_best_line(t->s, t->s->from, t->s->to);
	gint64 last;

	from = MAX(from, about - MARGIN_NS);
	last = from - 1;
	for (guint i = 0; i < t->n; i++)
		last = MAX(last, last_hit(&t->pairs[i], &c, from, t->s->from));
	t->s->from = last + 1;
}

/*
 * The lines of [out->from, out->to), where it ends because they don't fit any more. Events next to such an end may belong to the clock as it is beyond: they happen
 * to fit, and would wrongly exclude lines.
 */
static void track_core(Track *t, const ExperimentCandidate *c, gint64 from, gint64 to)
{
	ExperimentStretch *s = t->s;
	gint64 begin = s->from, end = s->to, room = (end - begin) / 4;

	s->from += begin > from ? MIN(MARGIN_NS, room) : 0;
	s->to -= end < to ? MIN(MARGIN_NS, room) : 0;
	start(s, c);
	gint64 middle = CLAMP(c->ref, s->from, s->to);
	forward(t, middle, s->to);
	backward(t, s->from, middle);
	settle(t);
	if (begin > from)
		refine_begin(t, from, begin);
	s->to = end;
}

static guint events_within(const GArray *times, gint64 from, gint64 to)
{
	guint first = experiment_beat_from(times, 0, from);

	return experiment_beat_from(times, first, to) - first;
}

gboolean experiment_track(const ExperimentPair *pairs, guint n, const ExperimentCandidate *c, gint64 from, gint64 to, ExperimentStretch *out)
{
	Track t = {.pairs = pairs, .n = n, .s = out};

	limits(pairs, n, &from, &to);
	start(out, c);
	out->steps = 0;
	out->from = from;
	out->to = forward(&t, c->ref, to);
	if (out->to < to)
		start(out, c);
	out->from = backward(&t, from, out->to);
	if (out->from >= out->to)
		return FALSE;
	out->breaks = (out->to < to) + (out->from > from);
	if (out->breaks && events_within(pairs[0].beat->times, out->from, out->to) < EVENTS_MIN)
		return FALSE;
	if (out->breaks)
		track_core(&t, c, from, to);
	else
		settle(&t);
	return TRUE;
}

/* The line through the middle of what is possible at both ends: what is possible between lies between lines, so nowhere is its distance greater. */
ExperimentClock experiment_best_line(const ExperimentStretch *s, gint64 from, gint64 to)
{
	double x0 = (double)(from - s->ref), x1 = (double)(MAX(to, from + 1) - s->ref), min[2], max[2];

	experiment_polygon_span(&s->lines, x0, &min[0], &max[0]);
	experiment_polygon_span(&s->lines, x1, &min[1], &max[1]);
	double middle = (min[0] + max[0]) / 2, drift = ((min[1] + max[1]) / 2 - middle) / (x1 - x0);
	double bound = MAX(max[0] - min[0], max[1] - min[1]) / 2, drift_bound = 0;
	for (guint i = 0; i < s->lines.n; i++)
		drift_bound = MAX(drift_bound, fabs(s->lines.d[i] - drift));
	return (ExperimentClock){.from_ns = from, .ref_ns = from, .offset_ns = s->base + (gint64)llround(middle), .drift = drift,
				 .drift_bound = drift_bound, .bound_ns = (gint64)ceil(bound) + EXPERIMENT_WOBBLE_NS + 1};
}
