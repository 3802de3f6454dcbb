/* SPDX-License-Identifier: MIT */
/* layers/private.h: what the files of this folder share; each section is one file's. */
#ifndef STRATA_LAYERS_PRIVATE_H
#define STRATA_LAYERS_PRIVATE_H

#include "layers/layers.h"

/* ---- pieces.c: where threads had a processor ------------------------------------------------------------------------- */

/* A thread had a processor. */
typedef struct {
	gint64 begin, end;
	guint32 serial;
	gint32 cpu;
} LayersPiece;

/* Of all threads of a machine, by thread and time. */
typedef struct {
	LayersPiece *all;
	guint64 n;
	guint64 *first;     /* by serial: its first piece; n_serials + 1 numbers */
	guint32 n_serials;
	guint32 *occupants; /* row of who had a processor, by its number; HISTORY_NO_ROW: none */
	guint32 *cpus;      /* row of what it did, likewise */
	guint n_cpus;
} LayersPieces;

LayersPieces *layers_pieces_new(const History *h);
void layers_pieces_free(LayersPieces *p); /* NULL is fine */

/* The thread's first piece that ends after `time`; the number of pieces if there is none. */
guint64 layers_pieces_find(const LayersPieces *p, guint32 serial, gint64 time);

/* The number behind its last piece. */
guint64 layers_pieces_end(const LayersPieces *p, guint32 serial);

/* ---- names.c: who is who --------------------------------------------------------------------------------------------- */

/* Who a serial is: the thread that it turned out to be. G_MAXUINT32: there is no such thread. */
guint32 layers_real_thread(const History *h, guint32 serial);

/* ---- inner.c: the processor within an interval of a vCPU ---------------------------------------------------------------- */

/* Who had the processor that a vCPU waits for; or what the processor that it has does. All zero but for the row: not looked at yet. */
typedef struct {
	HistoryWalk walk;      /* of `row`, to its end */
	HistoryInterval ran;
	guint64 piece;         /* found last */
	guint32 row;           /* HISTORY_NO_ROW: none */
	gint32 cpu;
	gboolean is_open;      /* for the interval that is asked about */
	gboolean have_ran;
} LayersInner;

gboolean layers_is_wait(guint state);

/* What is known of `pos`, a time in the interval `at` of the row of the vCPU whose thread `serial` is; `*end`: until when. FALSE: nothing. */
gboolean layers_inner_at(LayersInner *i, const Layers *l, guint member, guint32 serial, const HistoryInterval *at, gint64 pos, gint64 *end);

/* ---- lower.c: what a guest's processor did, one level down ----------------------------------------------------------- */

typedef enum { LAYERS_LOWER_RUNS, LAYERS_LOWER_EXIT, LAYERS_LOWER_STEAL, LAYERS_LOWER_HALTED, LAYERS_LOWER_UNKNOWN } LayersLowerKind;

typedef struct {
	gint64 end;          /* in the guest's own clock: it begins where the one before ends */
	guint8 kind;         /* LayersLowerKind */
	guint8 level;        /* 0 .. KERNEL_LEVELS - 1: of EXIT, STEAL: at which it was decided */
	guint8 halting;      /* EXIT: the guest had asked to be halted */
	guint32 detail;      /* text of the history that is being made */
} LayersLower;

/* A text that was made; `of`: what of, 0 for nothing. */
typedef struct {
	guint64 of;
	guint32 text;
} LayersMade;

/* A guest's processor as the machine below has it. */
typedef struct {
	const Layers *layers;
	const ExperimentMember *guest;
	const ExperimentClock *line; /* the only one of its clock; NULL: it has several */
	guint parent;
	History *out;              /* where texts go */
	GHashTable *texts;         /* what they are made of -> number in `out` */
	LayersMade recent[64];     /* the same few come over and over again */
	guint32 row;               /* of its vCPU, in the parent's rows; HISTORY_NO_ROW: it has none */
	guint32 serial;            /* of its vCPU's thread */
	gboolean is_l2;            /* the row is one of a nested VM */
	guint level;               /* of the parent */
	/* the walk */
	HistoryWalk walk;
	HistoryInterval at;
	gint64 at_begin, at_end;   /* the same in the guest's own clock */
	gint64 begin, end;         /* own clock */
	gboolean have;
	guint32 halts[64], no_halts[64]; /* texts of reasons that are halts, and that aren't, as they were met */
	LayersInner runs, waits;
} LayersLowerWalk;

/* FALSE: nothing is known of that processor below. */
gboolean layers_lower_open(LayersLowerWalk *w, const Layers *l, guint member, gint32 cpu, History *out, GHashTable *texts);

/* From `begin` on, until `end`, once; intervals follow one another without gap. */
void layers_lower_start(LayersLowerWalk *w, gint64 begin, gint64 end);
gboolean layers_lower_next(LayersLowerWalk *w, LayersLower *out);

/* ---- flat.c: the same, found once for all who ask ------------------------------------------------------------------------ */

typedef struct {
	guint64 first, end; /* its items; none: nothing is known of it */
	guint64 at;         /* the one asked for last, */
	gint64 at_begin;    /* and where it begins */
	const LayersLower *run; /* items that lie behind one another */
	guint64 run_first, run_len;
} LayersFlatCpu;

/* What a member's processors did, one level down. */
typedef struct {
	History *h;           /* where the items are: above a budget it goes to a file */
	guint table;
	LayersFlatCpu *cpus;
	guint n_cpus;
} LayersFlat;

/* Texts go to `out`. `memory`: bytes. NULL: neither memory nor disk is left (ST_ERROR_IO). */
LayersFlat *layers_flat_new(const Layers *l, guint member, guint n_cpus, guint64 memory, History *out, GError **error);
void layers_flat_free(LayersFlat *f); /* NULL is fine */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(LayersFlat, layers_flat_free)

static inline gboolean layers_flat_knows(const LayersFlat *f, gint32 cpu)
{
	return cpu >= 0 && (guint)cpu < f->n_cpus && f->cpus[cpu].first < f->cpus[cpu].end;
}

/* What a processor that is known did at `time`, and until when; NULL: that is beyond all that is known. Quick if times go on by little. */
const LayersLower *layers_flat_at(LayersFlat *f, gint32 cpu, gint64 time);

/* ---- effective.c ------------------------------------------------------------------------------------------------------- */

/* The history of what really was, of a member whose parent's is there. */
History *layers_effective(const Layers *l, guint member, guint64 memory, GError **error);

/* ---- layers.c ---------------------------------------------------------------------------------------------------------- */

typedef struct {
	History *rows;          /* NULL: its own history says it */
	LayersPieces *pieces;
	guint32 *vcpu_of;       /* by serial: item of "vcpus", or EXPERIMENT_NONE */
	guint32 n_vcpu_of;
	guint32 *guests;        /* by item of "vcpus": the member that it is a processor of, or EXPERIMENT_NONE */
	gint32 *guest_cpus;     /* likewise: which processor of it */
	guint32 n_vcpus;
	gboolean done;
} LayersMachine;

struct Layers {
	const Experiment *experiment;
	LayersMachine *machines; /* by member */
	guint64 memory;          /* for each */
	guint rows;              /* LAYERS_*_ROWS that are made */
};

#endif
