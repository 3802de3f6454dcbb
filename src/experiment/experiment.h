/* SPDX-License-Identifier: MIT */
/*
 * experiment/experiment.h: traces that were recorded together: which machine runs in which VM of which other, and how their clocks are related.
 *
 *     finished histories --experiment_new()--> Experiment (an ExperimentMember for each)
 *                                                  time of one machine <-> time of its parent <-> ... <-> time of the root
 *
 * A guest's processor can only record an event while its vCPU is in the guest, one level up. Each event is therefore two inequalities on the difference of the
 * clocks; all together leave a sliver of possible offsets and drifts, which is the bound. The same test finds which guest is which VM: a wrong pair contradicts itself. Nothing
 * is assumed of wall clocks. docs/analyses/sync.md tells how.
 *
 * All times are ns with the clock's origin applied, as histories have them.
 */
#ifndef STRATA_EXPERIMENT_EXPERIMENT_H
#define STRATA_EXPERIMENT_EXPERIMENT_H

#include "ctf/ctf.h"
#include "history/history.h"

#define EXPERIMENT_NONE G_MAXUINT32

#define EXPERIMENT_SEGMENTS_MAX 1024 /* of one pair of clocks: after so many it is said not to fit */

/* What a clock's relation was found from. */
/* clang-format off */
#define EXPERIMENT_METHODS(M) \
	M(CONTAINMENT, "containment") /* events of a guest only while its vCPU is in it */ \
	M(PACKETS,     "packets")     /* a packet is sent before it is received */ \
	M(VMSYNC,      "vmsync")      /* hypercalls that both sides recorded */ \
	M(TSC,         "tsc")         /* both clocks were read together with the time stamp counter, whose offset is known */ \
	M(MAP,         "map")         /* who runs in whom was told by the user */
/* clang-format on */

typedef enum {
#define EXPERIMENT_M(id, name) EXPERIMENT_BY_##id,
	EXPERIMENT_METHODS(EXPERIMENT_M)
#undef EXPERIMENT_M
	EXPERIMENT_METHOD_COUNT
} ExperimentMethod;

const char *experiment_method_name(ExperimentMethod method);

/*
 * From time from_ns of the machine on: the other clock = t + offset_ns + drift * (t - ref_ns), right within bound_ns for every t up to the next one's from_ns.
 */
typedef struct {
	gint64 from_ns;
	gint64 ref_ns, offset_ns;
	double drift;
	gint64 bound_ns;
	double drift_bound;     /* drift is right within this */
	guint64 constraints;    /* events that said something */
	guint64 contradictions; /* of these that don't fit */
	gint64 begin_up_ns;     /* from_ns in the other clock, never less than where the one before ends; set by experiment_new() */
} ExperimentClock;

/* A machine: a kernel's trace. */
typedef struct {
	const char *name;     /* as given */
	const History *history;
	gint level;           /* 0: it runs in none of the others, and VMs run in it or nothing says that it is a guest; -1: not known */
	guint parent;         /* the member in which it is a VM; EXPERIMENT_NONE: none, or not known */
	guint32 vm;           /* item of the parent's table "vms" (kvm/rows.h) that it is, or is nested in; EXPERIMENT_NONE */
	gint32 vm_pid;        /* that one's pid; -1 */
	guint32 l2;           /* its own hypervisor's trace is missing: it is this item of the parent's table "l2s"; else EXPERIMENT_NONE */
	guint clock_of;       /* the member to whose clock `clocks` lead: the parent; or the host that exchanged packets with it; EXPERIMENT_NONE: its clock stands alone */
	GArray *clocks;       /* ExperimentClock, by from_ns; the first is valid from G_MININT64 on. Empty: its clock stands alone */
	GArray *vcpus;        /* guint32 by the machine's own processor number: item of the parent's table "vcpus" that it is; EXPERIMENT_NONE: not known */
	guint methods;        /* bits: 1 << ExperimentMethod */
	guint64 constraints, contradictions;
	gint64 bound_ns;      /* the greatest of `clocks` */
	char *problem;        /* why it could not be placed or aligned, for people; NULL: it was, or it is a root */
} ExperimentMember;

typedef struct {
	GPtrArray *members;   /* ExperimentMember *, in the order given */
	guint root;           /* whose clock is everybody's: of those that run in none of the others, the one that most others are aligned with */
} Experiment;

/* ---- Time stamp counters ------------------------------------------------------------------------------------------ */

/*
 * A file beside a trace's metadata that tells what its clock and the processor's counter were at the same time, and the counters of its VMs; `strata clock`
 * prints it. A line each, of words; docs/recording.md:
 *
 *     clock TSC TIME WIDTH                 the trace's clock was TIME (as events have it: without the clock's origin) when the counter was TSC, within WIDTH ticks
 *     vcpu PID ID OFFSET [RATIO BITS]      the counter of that vCPU is this machine's * RATIO / 2^BITS + OFFSET
 *     # ...
 */
#define EXPERIMENT_TSC_FILE ".strata-clock"

#define EXPERIMENT_TSC_BYTES_MAX (1u << 20) /* of the file: what is behind is not read */

typedef struct {
	guint64 tsc, width; /* ticks */
	gint64 time_ns;     /* with the clock's origin applied */
} ExperimentReading;

typedef struct {
	gint32 pid, vcpu;
	gint64 offset;
	guint64 ratio; /* 0: 1 */
	guint bits;
} ExperimentTscVcpu;

typedef struct {
	GArray *readings; /* ExperimentReading, by tsc */
	GArray *vcpus;    /* ExperimentTscVcpu */
} ExperimentTsc;

/*
 * Read a trace's file; `clock` is the trace's. NULL: it has none, or it can't be read (a warning tells). Lines that make no sense are left out, with a warning each.
 */
ExperimentTsc *experiment_tsc_read(const char *directory, const CtfClock *clock, StWarnings *warnings);
void experiment_tsc_free(ExperimentTsc *t); /* NULL is fine */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(ExperimentTsc, experiment_tsc_free)

/* ---- All of it ---------------------------------------------------------------------------------------------------- */

typedef struct {
	const char *name;
	const History *history;
	const char *const *aliases; /* other names under which the user may mean it: directories; NULL-terminated, may be NULL */
	const ExperimentTsc *tsc;   /* NULL: not known */
} ExperimentInput;

typedef struct {
	guint threads;
	StWarnings *warnings;             /* may be NULL */
	const char *const *map;           /* "VM=TRACE", NULL-terminated; may be NULL. VM: "MACHINE/vm/PID", a pid, or "none" (it is no guest) */
} ExperimentOptions;

/* The histories must outlive it. Errors: ST_ERROR_USAGE for a map that names what isn't there. */
Experiment *experiment_new(const ExperimentInput *inputs, guint n, const ExperimentOptions *options, GError **error);

/*
 * What was found, as bytes to be kept, and back, for the same inputs in the same order. What comes back is only checked for being an experiment of `n` members:
 * who keeps the bytes must know that they are whole, and still of these traces. NULL: they aren't one.
 */
GBytes *experiment_to_bytes(const Experiment *e);
Experiment *experiment_from_bytes(const ExperimentInput *inputs, guint n, GBytes *bytes);

void experiment_free(Experiment *e); /* NULL is fine */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Experiment, experiment_free)

static inline const ExperimentMember *experiment_member(const Experiment *e, guint i)
{
	return g_ptr_array_index(e->members, i);
}

/* ---- Times ------------------------------------------------------------------------------------------------------- */

/*
 * What a damaged clock may say is no time: those further from 1970 than this (the year 2096), and traces of over four years, are not compared. So no
 * difference of two times overflows, and no sum of such a difference and a time of the same traces.
 */
#define EXPERIMENT_TIME_MAX 4000000000000000000ll

static inline gboolean experiment_is_time(gint64 t)
{
	return t >= -EXPERIMENT_TIME_MAX && t <= EXPERIMENT_TIME_MAX;
}

/* A time, experiment_is_time(), as one line has it, whether it is valid there or not. */
static inline gint64 experiment_clock_apply(const ExperimentClock *c, gint64 t)
{
	double moved = c->drift * (double)(t - c->ref_ns);
	gint64 up;

	if (__builtin_add_overflow(t + (gint64)(moved < 0 ? moved - 0.5 : moved + 0.5), c->offset_ns, &up)) /* llround() is a call */
		return c->offset_ns < 0 ? G_MININT64 : G_MAXINT64;
	return up;
}

/* A time of a member in the clock of m->clock_of, and back. Both are monotonic: where clocks jump back, time stands still. */
gint64 experiment_up(const ExperimentMember *m, gint64 time);
gint64 experiment_down(const ExperimentMember *m, gint64 time);

/* A time of member i in the root's clock, and back. Its own, if its clock stands alone. */
gint64 experiment_to_root(const Experiment *e, guint i, gint64 time);
gint64 experiment_from_root(const Experiment *e, guint i, gint64 time);

/* How far off a time in the root's clock may be: the sum of the bounds on the way. */
gint64 experiment_bound(const Experiment *e, guint i);

/* TRUE if member i's clock is aligned with the root's, or it is the root. */
gboolean experiment_is_aligned(const Experiment *e, guint i);

#endif
