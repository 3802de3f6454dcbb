/* SPDX-License-Identifier: MIT */
/*
 * experiment/private.h: the parts of the search for parents and clocks. docs/analyses/sync.md tells how they work together.
 *
 *     beats.c    when a machine's processors recorded events
 *     inside.c   when a VM's vCPUs were not in the guest: its gaps
 *     polygon.c  offsets and drifts that are possible
 *     search.c   offsets at which the events of a window fall into none of the gaps
 *     track.c    from such an offset on outwards, as long as one line fits
 *     fit.c      a machine in a VM: lines for all of its time, and which processor is which vCPU
 *     parents.c  all machines in all VMs: who is whose
 *     map.c      what the user says of it
 *     vmsync.c   hypercalls by which clocks are compared
 *     tsc_file.c what was read of time stamp counters when the traces were recorded
 *     tsc.c      what follows from it
 *     packets.c  clocks of machines that share no VM
 *     between.c  what both of these have in common: what is sent is received later
 */
#ifndef STRATA_EXPERIMENT_PRIVATE_H
#define STRATA_EXPERIMENT_PRIVATE_H

#include "experiment/experiment.h"

/* How far a clock that is called linear may stray from its line: rounding, and the small corrections of a disciplined clock. */
#define EXPERIMENT_WOBBLE_NS 100

/* No two clocks drift further apart: what kernels allow their clocks to be corrected by. */
#define EXPERIMENT_DRIFT_MAX 500e-6

#define EXPERIMENT_SPAN_MAX (1ll << 57) /* the longest trace that is compared with others; see EXPERIMENT_TIME_MAX */

/* Whether a trace from begin to end can be compared with others. */
static inline gboolean experiment_is_span(gint64 begin, gint64 end)
{
	return experiment_is_time(begin) && experiment_is_time(end) && end - begin <= EXPERIMENT_SPAN_MAX;
}

/* ---- Beats ------------------------------------------------------------------------------------------------------- */

#define EXPERIMENT_BEATS_MAX (1u << 25) /* of a machine; of more, those next to the shortest silences are left out */
#define EXPERIMENT_CPUS_MAX  4096       /* of a machine, those with the lowest numbers */

#define EXPERIMENT_CLASSES 252 /* of lengths, see experiment_length_class() */

/* A guest's processor: times at which it recorded an event. */
typedef struct {
	gint32 cpu;
	GArray *times;        /* gint64, ascending */
	guint64 left_out;     /* not in `times` */
	float quiet_bits[EXPERIMENT_CLASSES]; /* by experiment_length_class(): what it says, in bits, that a stretch of such a length had no event */
} ExperimentBeat;

/* ExperimentBeat *, by processor; those without events have none. */
GPtrArray *experiment_beats(const History *h);

/* Four classes to an octave. */
static inline guint experiment_length_class(gint64 ns)
{
	guint64 n = (guint64)MAX(ns, 4);
	guint octave = 63 - (guint)__builtin_clzll(n);

	return octave * 4 + (guint)((n >> (octave - 2)) & 3);
}

/* The least length of a class. */
static inline gint64 experiment_class_length(guint k)
{
	gint64 ns = 4 + (k & 3);

	return k < 8 ? ns >> (2 - k / 4) : ns << (k / 4 - 2);
}

/* The first of `times` from i on that is not below t; their number, if there is none. Quick if it is near. */
guint experiment_beat_from(const GArray *times, guint i, gint64 t);

/* ---- Gaps -------------------------------------------------------------------------------------------------------- */

#define EXPERIMENT_GAPS_MAX (1u << 24) /* of a machine's VMs, in equal shares for vCPUs; of more, the shortest are left out */

/* From begin to end, both exclusive, the guest can't have recorded anything. EXPERIMENT_WOBBLE_NS shorter at both ends than it was. */
typedef struct {
	gint64 begin, end;
} ExperimentGap;

/* A vCPU, or all that is known of a nested VM's. */
typedef struct {
	guint32 item;         /* of the parent's table "vcpus"; EXPERIMENT_NONE: a nested VM's */
	gint32 id;            /* its number in its VM */
	gint64 begin, end;    /* nothing is known outside */
	GArray *gaps;         /* ExperimentGap, ascending */
	GArray *longest;      /* those that are enough to look for offsets */
} ExperimentTrack;

typedef enum {
	EXPERIMENT_TARGET_VM,     /* a VM's own code */
	EXPERIMENT_TARGET_NESTED, /* a VM in it, as this kernel sees it */
	EXPERIMENT_TARGET_ANY,    /* a VM's code or that of any VM in it: where levels are not told apart rightly */
} ExperimentTargetKind;

/* A place where a guest may run. */
typedef struct {
	ExperimentTargetKind kind;
	guint member;
	guint32 vm, l2;       /* items of the member's tables; l2: EXPERIMENT_NONE but for NESTED */
	gint32 pid;
	gint64 begin, end;    /* of the member's trace */
	GPtrArray *tracks;    /* ExperimentTrack *, by id */
} ExperimentTarget;

/* ExperimentTarget * of a member: those of kind ANY, or all others. */
GPtrArray *experiment_targets(guint member, const History *h, gboolean any);

/* The first of `gaps` from i on that ends behind t; their number, if there is none. Quick if it is near. */
guint experiment_gap_behind(const GArray *gaps, guint i, gint64 t);

/* ---- Polygon ----------------------------------------------------------------------------------------------------- */

#define EXPERIMENT_CORNERS_MAX 48

/* Possible lines: a convex polygon in (offset, drift). The line at x, ns after a reference time, is o + d * x. */
typedef struct {
	guint n;
	double o[EXPERIMENT_CORNERS_MAX], d[EXPERIMENT_CORNERS_MAX];
} ExperimentPolygon;

void experiment_polygon_box(ExperimentPolygon *p, double o_min, double o_max, double d_max);
/* The least and the greatest that a possible line has at x. */
void experiment_polygon_span(const ExperimentPolygon *p, double x, double *min_out, double *max_out);
/* Only lines that are at least, or at most, `limit` at x. FALSE: there is none, and nothing was done. */
gboolean experiment_polygon_above(ExperimentPolygon *p, double x, double limit);
gboolean experiment_polygon_below(ExperimentPolygon *p, double x, double limit);

/* ---- Search ------------------------------------------------------------------------------------------------------ */

/* A range of offsets at the time `ref` of the guest. */
typedef struct {
	gint64 ref, min, max;
} ExperimentCandidate;

/*
 * Offsets at which the events within [from, to) fit, as far as those of one window say: ExperimentCandidate, by offset. `round` counts from 0 on and
 * chooses the window and how much the clocks may drift in it. FALSE: there are no more rounds, or `*budget`, steps of work, is used up.
 */
gboolean experiment_search(const ExperimentBeat *beat, const ExperimentTrack *track, gint64 from, gint64 to, guint round, guint64 *budget, GArray *found);

/* ---- Track ------------------------------------------------------------------------------------------------------- */

/* A guest's processor and the vCPU that it is. */
typedef struct {
	const ExperimentBeat *beat;
	const ExperimentTrack *track;
} ExperimentPair;

/* Lines that fit a stretch of time. */
typedef struct {
	gint64 ref, base;     /* the polygon's x is from ref on, its offsets are from `base` on */
	gint64 from, to;      /* of the guest: so far one line fits */
	guint breaks;         /* at how many of its ends it does because no line fits any more */
	ExperimentPolygon lines;
	guint64 steps;        /* that it took to find them, as experiment_search() counts */
} ExperimentStretch;

/* Lines for as much as possible of [from, to] around a candidate. FALSE: none fits there; `steps` is told all the same. */
gboolean experiment_track(const ExperimentPair *pairs, guint n, const ExperimentCandidate *c, gint64 from, gint64 to, ExperimentStretch *out);

/* The one of a stretch's lines that is nearest to all others within [from, to], with its bound. */
ExperimentClock experiment_best_line(const ExperimentStretch *s, gint64 from, gint64 to);

/* The time that a clock maps to `up`, within a few ns. */
gint64 experiment_clock_unapply(const ExperimentClock *c, gint64 up);

/* Where each of a member's clocks begins in the other clock: before experiment_up() and experiment_down(). */
void experiment_clocks_finish(ExperimentMember *m);

/* ---- Fit --------------------------------------------------------------------------------------------------------- */

/* Evidence for or against a clock: of gaps without an event, and of those with. */
typedef struct {
	guint64 constraints, contradictions; /* events */
	guint64 gaps, hits;   /* silences of the guest with gaps in them; gaps with an event in them */
	double bits;          /* how much the gaps say for it: what is expected of a wrong one is near 0 or below */
} ExperimentScore;

/* A machine in a place. */
typedef struct {
	const ExperimentTarget *target;
	GArray *clocks;       /* ExperimentClock */
	GArray *vcpus;        /* guint32, as ExperimentMember.vcpus */
	ExperimentScore score;
	gint64 begin, end;    /* of the guest, in the target's time */
	gboolean accepted;    /* else it is the best there was, and poor */
	gboolean ambiguous;   /* it fits as well at another time */
} ExperimentFit;

/* How long a place is looked for. */
typedef enum {
	EXPERIMENT_QUICK,     /* nearly all that fit are found */
	EXPERIMENT_USUAL,
	EXPERIMENT_LONG,      /* by the number of events and gaps */
} ExperimentEffort;

/* NULL: it fits nowhere there. The effort is divided by `share`. */
ExperimentFit *experiment_fit(const History *guest, const GPtrArray *beats, const ExperimentTarget *target, ExperimentEffort effort, guint share);
void experiment_fit_free(ExperimentFit *f); /* NULL is fine */

ExperimentScore experiment_score(const ExperimentPair *pair, const ExperimentClock *clock, gint64 from, gint64 to);
gboolean experiment_score_is_good(const ExperimentScore *s);

/* ---- Parents ----------------------------------------------------------------------------------------------------- */

/* What the user told: by member, of which place it is; EXPERIMENT_UNTOLD: nothing. */
#define EXPERIMENT_UNTOLD (G_MAXUINT32 - 1)
typedef struct {
	guint member;         /* in which it runs; EXPERIMENT_NONE: in none */
	guint32 vm;
	gint32 pid;
} ExperimentTold;

/* One for each member. NULL: ST_ERROR_USAGE. */
ExperimentTold *experiment_map(const Experiment *e, const ExperimentInput *inputs, const ExperimentOptions *options, GError **error);

/* Find parents, levels and clocks. */
void experiment_find_parents(Experiment *e, const ExperimentTold *told, guint threads);

/* ---- experiment.c ------------------------------------------------------------------------------------------------------ */

/* Members of which nothing is known. */
Experiment *experiment_empty(const ExperimentInput *inputs, guint n);

/* ---- What goes between machines --------------------------------------------------------------------------------------- */

/* Something that went from one machine to another, and when: in the one's clock and in the other's. */
typedef struct {
	gint64 a, b;
	gint64 slack;         /* how wrong these times may be */
	gboolean to_b;        /* else from b to a */
} ExperimentPassed;

/*
 * The clock that leads from a's times to b's within [from, to] of a's: each ExperimentPassed came later than it went. `passed` is sorted. FALSE: they
 * are fewer than `each_min` in a direction, contradict one another, or leave too much room.
 */
gboolean experiment_line_between(GArray *passed, gint64 from, gint64 to, guint each_min, ExperimentClock *out);

#define EXPERIMENT_PASSED_MIN 8 /* messages in either direction: fewer are no evidence */

/* Hypercalls by which clocks are compared: guests that containment did not find a place for are placed by them; what it said of the others is checked. */
void experiment_use_vmsync(Experiment *e, const ExperimentTold *told);

/* Time stamp counters: guests whose place is known get the clock that follows from them, if it is better than the one found otherwise and doesn't contradict it. */
void experiment_use_tsc(Experiment *e, const ExperimentInput *inputs, StWarnings *warnings);

/* ---- Packets -------------------------------------------------------------------------------------------------------- */

/* Align groups of machines that share no clock with one another; those within a group are aligned and experiment_clocks_finish() was called. */
void experiment_align_by_packets(Experiment *e);

#endif
