/* SPDX-License-Identifier: MIT */
/*
 * runs.c: who really ran on a processor.
 *
 * Where the processor was in a guest, the guest's own history says who had its processor then; and so on upwards. What is found there is put into the
 * clock of the machine below, cut to the time that its vCPU was in the guest, so that nothing is counted twice or lost.
 */
#include "layers/private.h"

#define DEPTH_MAX 16

typedef gboolean (*Found)(gpointer user, const LayersRun *run);

static gboolean walk(const Layers *l, guint member, gint32 cpu, gint64 begin, gint64 end, guint depth, Found found, gpointer user);

/* ---- One level up ------------------------------------------------------------------------------------------------------------ */

/* What comes from a guest, on its way down. */
typedef struct {
	const ExperimentMember *guest;
	gint64 at, end; /* of the machine below: until when it was told, and how far it goes */
	Found found;
	gpointer user;
} Down;

static gboolean pass_down(gpointer user, const LayersRun *run)
{
	Down *d = user;
	LayersRun lower = *run;

	lower.begin_ns = d->at;
	lower.end_ns = MIN(experiment_up(d->guest, run->end_ns), d->end);
	if (lower.end_ns <= lower.begin_ns)
		return TRUE;
	d->at = lower.end_ns;
	return d->found(d->user, &lower);
}

static gboolean part(const LayersRun *run, gint64 begin, gint64 end, Found found, gpointer user)
{
	LayersRun cut = *run;

	cut.begin_ns = begin;
	cut.end_ns = end;
	return begin >= end || found(user, &cut);
}

/* A vCPU was in its guest, and `run` is what is known without looking there: outside of what the guest's trace covers it is all. */
static gboolean in_guest(const Layers *l, guint member, const LayersRun *run, guint depth, Found found, gpointer user)
{
	const LayersMachine *m = &l->machines[member];
	guint guest = run->vcpu < m->n_vcpus ? m->guests[run->vcpu] : EXPERIMENT_NONE;

	if (guest == EXPERIMENT_NONE || depth >= DEPTH_MAX || !experiment_member(l->experiment, guest)->clocks->len)
		return found(user, run);
	const ExperimentMember *g = experiment_member(l->experiment, guest);
	gint64 begin = CLAMP(experiment_up(g, history_begin(g->history)), run->begin_ns, run->end_ns);
	gint64 end = CLAMP(experiment_up(g, history_end(g->history)), begin, run->end_ns);
	Down down = {g, begin, end, found, user};

	if (!part(run, run->begin_ns, begin, found, user))
		return FALSE;
	if (begin < end &&
	    !walk(l, guest, m->guest_cpus[run->vcpu], experiment_down(g, begin), experiment_down(g, end) + 1, depth + 1, pass_down, &down))
		return FALSE;
	return part(run, down.at, run->end_ns, found, user);
}

/* ---- One processor ------------------------------------------------------------------------------------------------------------- */

static LayersKind kind_of(guint state, gboolean is_vcpu)
{
	switch (state) {
	case KERNEL_CS_IDLE:
		return LAYERS_IDLE;
	case KERNEL_CS_IRQ:
	case KERNEL_CS_SOFTIRQ:
		return LAYERS_IRQ;
	case KERNEL_CS_GUEST:
		return LAYERS_GUEST;
	case KERNEL_CS_HYPERVISOR:
		return LAYERS_HYPERVISOR;
	case KERNEL_CS_USER:
	case KERNEL_CS_SYSCALL:
	case KERNEL_CS_KTHREAD:
	case KERNEL_CS_RUNNING:
		return is_vcpu ? LAYERS_HYPERVISOR : LAYERS_THREAD;
	default:
		return LAYERS_UNKNOWN;
	}
}

/* Who had the processor, along a walk over what it did. */
typedef struct {
	HistoryWalk walk;
	HistoryInterval at;
	gboolean have;
} Occupant;

static guint32 occupant(Occupant *o, const History *h, gint64 time)
{
	while (o->have && o->at.end_ns <= time)
		o->have = history_walk_next(&o->walk, &o->at);
	return o->have && o->at.begin_ns <= time && o->at.state == KERNEL_OCCUPANT_THREAD ? layers_real_thread(h, o->at.detail) : G_MAXUINT32;
}

/* The part of an interval for which one thread had the processor. Returns where it ends. */
static gint64 fill(const Layers *l, LayersRun *run, const HistoryInterval *i, Occupant *o, gint64 at, gint64 end)
{
	const History *h = experiment_member(l->experiment, run->member)->history;

	run->serial = occupant(o, h, at);
	run->vcpu = layers_vcpu_of(l, run->member, run->serial);
	run->kind = kind_of(i->state, run->vcpu != EXPERIMENT_NONE);
	run->begin_ns = at;
	run->end_ns = MIN(MIN(i->end_ns, end), o->have && o->at.begin_ns <= at ? o->at.end_ns : end);
	if (run->kind != LAYERS_GUEST)
		return run->end_ns;
	run->level++;
	return run->end_ns;
}

static gboolean walk(const Layers *l, guint member, gint32 cpu, gint64 begin, gint64 end, guint depth, Found found, gpointer user)
{
	const LayersPieces *p = l->machines[member].pieces;
	const History *h = experiment_member(l->experiment, member)->history;
	guint level = (guint)MAX(experiment_member(l->experiment, member)->level, (gint)depth);
	LayersRun unknown = {begin, end, member, level, LAYERS_UNKNOWN, cpu, G_MAXUINT32, EXPERIMENT_NONE};
	HistoryWalk states;
	HistoryInterval i;
	Occupant o = {0};

	if (!p || cpu < 0 || (guint)cpu >= p->n_cpus || p->cpus[cpu] == HISTORY_NO_ROW)
		return begin >= end || found(user, &unknown);
	history_walk(&o.walk, h, p->occupants[cpu], begin, end);
	o.have = history_walk_next(&o.walk, &o.at);
	history_walk(&states, h, p->cpus[cpu], begin, end);
	while (begin < end && history_walk_next(&states, &i)) {
		if (i.begin_ns > begin && !part(&unknown, begin, MIN(i.begin_ns, end), found, user))
			return FALSE;
		begin = MAX(begin, MIN(i.begin_ns, end));
		for (gint64 next; begin < MIN(i.end_ns, end); begin = next) {
			LayersRun run = {.member = member, .level = level, .cpu = cpu};

			next = fill(l, &run, &i, &o, begin, end);
			if (run.kind == LAYERS_GUEST ? !in_guest(l, member, &run, depth, found, user) : !found(user, &run))
				return FALSE;
		}
	}
	return part(&unknown, begin, end, found, user);
}

void layers_runs(const Layers *l, guint member, gint32 cpu, gint64 begin_ns, gint64 end_ns, Found found, gpointer user)
{
	walk(l, member, cpu, begin_ns, end_ns, 0, found, user);
}
