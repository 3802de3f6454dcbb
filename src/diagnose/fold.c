/* SPDX-License-Identifier: MIT */
/* fold.c: one cause, one finding: what a cause brings about further up, or beside it, is told with it. */
#include <string.h>

#include "diagnose/private.h"

#define MOSTLY 0.5 /* of a symptom's time must be its cause's time too */

/* Which finding can be another one's symptom: of the same sufferer, or of a machine that runs in the one that suffers, or that suffers from itself. */
static const struct {
	const char *symptom, *cause;
} pairs[] = {
	{"preempted-by-task", "preempted-by-task"},
	{"preempted-by-kernel", "preempted-by-kernel"},
	{"slow-disk", "disk-contention"},
	{"slow-disk", "slow-disk"},
	{"slow-disk", "preempted-by-vm"},
	{"slow-disk", "preempted-by-task"},
	{"slow-disk", "preempted-by-own-vmm"},
	{"slow-disk", "cpu-throttle"},
	{"slow-disk", "io-threads-starved"},
	{"network-latency", "io-threads-starved"},
	{"vmm-blocked", "io-threads-starved"},
	{"slow-disk", "io-thread-saturated"},
	{"disk-held-back", "io-thread-saturated"},
	{"network-latency", "io-thread-saturated"},
	{"io-threads-starved", "preempted-by-vm"},
	{"io-threads-starved", "preempted-by-task"},
	{"io-threads-starved", "preempted-by-kernel"},
	{"disk-held-back", "disk-contention"},
	{"disk-held-back", "preempted-by-vm"},
	{"disk-held-back", "preempted-by-task"},
	{"disk-held-back", "preempted-by-kernel"},
	{"disk-held-back", "preempted-by-own-vmm"},
	{"disk-held-back", "io-threads-starved"},
	{"disk-held-back", "cpu-throttle"},
	{"waits-disk", "disk-held-back"},
	{"flush-bound", "disk-held-back"},
	{"disk-contention", "disk-contention"},
	{"vmm-blocked", "memory-pressure"},
	{"vmm-blocked", "disk-contention"},
	{"vmm-blocked", "slow-disk"},
	{"network-latency", "network-delay"},
	{"network-latency", "network-latency"},
	{"network-loss", "network-loss"},
	{"network-loss", "network-delay"},
	{"memory-pressure", "memory-pressure"},
	{"pinning", "preempted-by-vm"},
	{"pinning", "preempted-by-task"},
	{"pinning", "preempted-by-kernel"},
	{"pinning", "preempted-by-own-vmm"},
	{"preempted-by-sibling", "pinning"},
	{"preempted-by-process", "preempted-by-task"},
	{"cpu-saturated", "preempted-by-process"},
	{"cpu-saturated", "interrupt-load"},
	{"waits-downstream", "preempted-by-process"},
	{"flush-bound", "preempted-by-process"},
	{"exit-storm-pause", "preempted-by-vm"},
	{"exit-storm-pause", "preempted-by-task"},
	{"exit-storm-pause", "preempted-by-own-vmm"},
	{"exit-storm-pause", "preempted-by-sibling"},
	{"exit-storm-pause", "preempted-by-kernel"},
	{"exit-storm-msr", "exit-storm-timer"},
	{"exit-storm-msr", "exit-storm-ipi"},
	{"exit-storm-timer", "exit-storm-ipi"},
	{"exit-storm-halt", "exit-storm-timer"},
	{"exit-storm-halt", "exit-storm-ipi"},
	{"waits-disk", "slow-disk"},
	{"waits-disk", "disk-contention"},
	{"waits-disk", "flush-bound"},
	{"flush-bound", "slow-disk"},
	{"flush-bound", "disk-contention"},
	{"waits-downstream", "network-delay"},
	{"waits-downstream", "network-loss"},
	{"lock-holder-preempted", "preempted-by-vm"},
	{"lock-holder-preempted", "preempted-by-task"},
	{"lock-holder-preempted", "preempted-by-own-vmm"},
	{"lock-holder-preempted", "preempted-by-sibling"},
	{"lock-holder-preempted", "preempted-by-kernel"},
	{"lock-holder-preempted", "cpu-throttle"},
};

static gboolean may_be(const DiagnoseFinding *symptom, const DiagnoseFinding *cause)
{
	for (guint i = 0; i < G_N_ELEMENTS(pairs); i++)
		if (!strcmp(pairs[i].symptom, symptom->cause->id) && !strcmp(pairs[i].cause, cause->cause->id))
			return TRUE;
	return FALSE;
}

/* TRUE if the machine is the other one, or runs in it. */
static gboolean is_within(const Diagnose *d, guint member, guint other)
{
	for (guint depth = 0; member != EXPERIMENT_NONE && depth < d->store->experiment->members->len; depth++) {
		if (member == other)
			return TRUE;
		member = experiment_member(d->store->experiment, member)->parent;
	}
	return FALSE;
}

/* It is on top of the machine that has the cause on it, or is to blame for it. */
static gboolean is_above(const Diagnose *d, const DiagnoseFinding *symptom, const DiagnoseFinding *cause)
{
	return symptom->victim != EXPERIMENT_NONE && cause->member != symptom->member && cause->level <= symptom->level &&
	       ((cause->victim != EXPERIMENT_NONE && is_within(d, symptom->victim, cause->victim)) ||
		(cause->offender != EXPERIMENT_NONE && is_within(d, symptom->victim, cause->offender)));
}

static gboolean is(const DiagnoseWho *a, const DiagnoseWho *b)
{
	return !strcmp(a->kind, b->kind) && !strcmp(a->name, b->name);
}

/* Both were seen on the same machine: of the same sufferer, or it is the whole machine that suffers from the cause; or he is to blame for the cause, or the same one is for both. A cause costs not much less than its symptom. */
static gboolean is_beside(const DiagnoseFinding *symptom, const DiagnoseFinding *cause)
{
	return symptom->member == cause->member && strcmp(symptom->cause->id, cause->cause->id) != 0 && symptom->lost_ns <= 2 * cause->lost_ns &&
	       (is(&symptom->sufferer, &cause->sufferer) || !strcmp(cause->sufferer.kind, "machine") || is(&symptom->sufferer, &cause->culprit) || is(&symptom->culprit, &cause->culprit));
}

/* One culprit, and another one who suffers from it: it is told of whom it costs most. */
static gboolean is_fellow(const DiagnoseFinding *symptom, const DiagnoseFinding *cause)
{
	return symptom->member == cause->member && symptom->cause == cause->cause && is(&symptom->culprit, &cause->culprit) &&
	       (symptom->lost_ns < cause->lost_ns || (symptom->lost_ns == cause->lost_ns && strcmp(symptom->title, cause->title) > 0));
}

/* Both ends of a connection, and who asks the one that suffers, notice what is in the way, wherever that is. */
static gboolean is_on_the_way(const DiagnoseFinding *symptom, const DiagnoseFinding *cause)
{
	return symptom->member != cause->member && cause->level < symptom->level && !strcmp(symptom->cause->id, "network-latency");
}

static gint64 length(const GArray *ranges)
{
	gint64 sum = 0;

	for (guint i = 0; i < ranges->len; i++) {
		const DiagnoseRange *r = &g_array_index(ranges, DiagnoseRange, i);

		sum += r->end_ns - r->begin_ns;
	}
	return sum;
}

static gint64 overlap(const GArray *a, const GArray *b)
{
	gint64 sum = 0;

	for (guint i = 0; i < a->len; i++)
		for (guint k = 0; k < b->len; k++) {
			const DiagnoseRange *x = &g_array_index(a, DiagnoseRange, i), *y = &g_array_index(b, DiagnoseRange, k);

			sum += MAX(MIN(x->end_ns, y->end_ns) - MAX(x->begin_ns, y->begin_ns), 0);
		}
	return sum;
}

/* The cause with which it has most time in common; NULL: it stands for itself. */
static DiagnoseFinding *cause_of(const Diagnose *d, const DiagnoseFinding *symptom)
{
	DiagnoseFinding *best = NULL;
	gint64 most = (gint64)(MOSTLY * (double)length(symptom->ranges));

	for (guint i = 0; i < d->findings->len; i++) {
		DiagnoseFinding *f = g_ptr_array_index(d->findings, i);

		if (f == symptom || !may_be(symptom, f) || (!is_above(d, symptom, f) && !is_beside(symptom, f) && !is_fellow(symptom, f) && !is_on_the_way(symptom, f)))
			continue;
		gint64 common = overlap(symptom->ranges, f->ranges);
		if (common > most || (common == most && !best && common > 0)) {
			best = f;
			most = common;
		}
	}
	return best;
}

static void fold(DiagnoseFinding *symptom, DiagnoseFinding *cause)
{
	DiagnoseFolded folded = {symptom->cause->id, g_strdup(symptom->title), symptom->lost_ns, NULL};

	g_array_prepend_val(cause->folded, folded); /* before parts that it has of its own */
	for (guint i = 0; i < symptom->folded->len; i++) {
		DiagnoseFolded *further = &g_array_index(symptom->folded, DiagnoseFolded, i);

		if (further->id == symptom->cause->id)
			continue; /* a part of itself */
		g_clear_pointer(&further->family, g_free); /* it isn't the cause's */
		g_array_append_val(cause->folded, *further);
		further->title = NULL;
	}
}

void diagnose_fold(Diagnose *d)
{
	for (guint i = 0; i < d->findings->len;) {
		DiagnoseFinding *f = g_ptr_array_index(d->findings, i), *cause = cause_of(d, f);

		if (cause) {
			fold(f, cause);
			g_ptr_array_remove_index(d->findings, i);
		} else {
			i++;
		}
	}
}
