/* SPDX-License-Identifier: MIT */
/* analysis/steal_sums.h: what was taken from vCPUs, added up by victim and culprit, for `strata steal`. Private to analysis/. */
#ifndef STRATA_ANALYSIS_STEAL_SUMS_H
#define STRATA_ANALYSIS_STEAL_SUMS_H

#include "analysis/query.h"
#include "analysis/steal.h"

typedef enum {
	STEAL_BY_ALL,     /* vCPUs, and below each of them its culprits; those of little weight as one */
	STEAL_BY_PAIR,    /* the same, with all culprits */
	STEAL_BY_VCPU,
	STEAL_BY_VM,
	STEAL_BY_CULPRIT, /* of all vCPUs together */
	STEAL_BY_KIND,
	STEAL_BY_COUNT
} StealBy;

#define STEAL_EVERYBODY G_MAXUINT32

typedef struct {
	guint32 victim;            /* vCPU or VM (items); STEAL_EVERYBODY */
	gboolean is_total;         /* of all culprits: only this has an account */
	AnalysisCulprit by;
	gint64 step_ns;            /* begin of the step; 0 without series */
	AnalysisStealAccount account;
	gint64 wait_ns[KVM_STATE_COUNT]; /* by state of waiting */
	gint64 woken_ns;           /* before that */
	gint64 in_vain_ns;         /* of all these: another processor was idle meanwhile */
	gint64 interrupts_ns;
	const AnalysisGroup *group; /* lengths of waits, or of interrupts' handlers, that ended within; NULL: none did */
} StealSum;

typedef struct StealSums StealSums;

StealSums *steal_sums_new(const AnalysisQuery *q, const AnalysisFilter *f, const AnalysisSteal *s, const History *h, StealBy by);
void steal_sums_free(StealSums *sums); /* NULL is fine */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(StealSums, steal_sums_free)

/* In the order in which they were met: by step, victims before their culprits. */
guint steal_sums_len(const StealSums *sums);
const StealSum *steal_sums_get(const StealSums *sums, guint i);
/* How many fell away because there were too many. */
guint64 steal_sums_dropped(const StealSums *sums);

static inline gint64 steal_sum_ns(const StealSum *s)
{
	return s->wait_ns[KVM_STATE_PREEMPTED] + s->wait_ns[KVM_STATE_WAIT_CPU] + s->wait_ns[KVM_STATE_THROTTLED];
}

#endif
