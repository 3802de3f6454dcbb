/* SPDX-License-Identifier: MIT */
/* inner.c: what the processor of a vCPU's thread did, or who had it, within one interval of the vCPU's row. */
#include "layers/private.h"

gboolean layers_is_wait(guint state)
{
	return state == KVM_STATE_PREEMPTED || state == KVM_STATE_WAIT_CPU;
}

/* Walk on until the interval that ends after `time`; FALSE: it is too far away. Along a walk, times mostly go on by little: so many steps are cheaper than looking for a place anew. */
#define STEPS_MAX 48

static gboolean walk_to(HistoryWalk *w, HistoryInterval *at, gboolean *have, gint64 time)
{
	for (guint steps = 0; *have && at->end_ns <= time; steps++) {
		if (steps == STEPS_MAX)
			return FALSE;
		*have = history_walk_next(w, at);
	}
	return TRUE;
}

/* The thread's first piece that ends after `time`: mostly the one found last, or the next. */
static guint64 find_piece(LayersInner *i, const LayersPieces *p, guint32 serial, gint64 time)
{
	guint64 end = layers_pieces_end(p, serial), first = serial < p->n_serials ? p->first[serial] : end;

	for (guint64 k = i->piece; k >= first && k < end && k < i->piece + 4; k++)
		if (p->all[k].end > time && (k == first || p->all[k - 1].end <= time))
			return i->piece = k;
	return i->piece = layers_pieces_find(p, serial, time);
}

/* The processor that it has; that was taken from it; or, if it has been woken, that it gets in the end. -1: not known. */
static gint32 processor(LayersInner *i, const LayersPieces *p, guint32 serial, const HistoryInterval *at)
{
	guint64 next = find_piece(i, p, serial, at->begin_ns);
	guint64 end = layers_pieces_end(p, serial), first = serial < p->n_serials ? p->first[serial] : end;

	if (at->state == KVM_STATE_PREEMPTED && next > first)
		next--;
	return next < end && (guint)p->all[next].cpu < p->n_cpus ? p->all[next].cpu : -1;
}

static void open(LayersInner *i, const Layers *l, guint member, guint32 serial, const HistoryInterval *at)
{
	const LayersPieces *p = l->machines[member].pieces;

	gboolean wait = layers_is_wait(at->state);

	i->is_open = TRUE;
	i->cpu = processor(i, p, serial, at);
	guint32 row = i->cpu < 0 ? HISTORY_NO_ROW : wait ? p->occupants[i->cpu] : p->cpus[i->cpu];
	if (row != HISTORY_NO_ROW && row == i->row && i->have_ran && i->ran.begin_ns <= at->begin_ns &&
	    walk_to(&i->walk, &i->ran, &i->have_ran, at->begin_ns))
		return;
	i->row = row;
	i->have_ran = FALSE;
	if (row == HISTORY_NO_ROW)
		return;
	/* Its own rows: what lower levels took of its processors, the vCPU's row has already. */
	history_walk(&i->walk, experiment_member(l->experiment, member)->history, row, at->begin_ns, G_MAXINT64);
	i->have_ran = history_walk_next(&i->walk, &i->ran);
}

gboolean layers_inner_at(LayersInner *i, const Layers *l, guint member, guint32 serial, const HistoryInterval *at, gint64 pos, gint64 *end)
{
	if (!i->is_open)
		open(i, l, member, serial, at);
	while (i->have_ran && i->ran.end_ns <= pos)
		i->have_ran = history_walk_next(&i->walk, &i->ran);
	*end = at->end_ns;
	if (!i->have_ran)
		return FALSE;
	*end = MIN(*end, i->ran.begin_ns > pos ? i->ran.begin_ns : i->ran.end_ns);
	return i->ran.begin_ns <= pos;
}

/* ---- A vCPU's waits --------------------------------------------------------------------------------------------------------- */

/* The parts of one interval; FALSE: the caller wants no more. `inner` goes on from the interval before. */
static gboolean split(LayersInner *inner, const Layers *l, guint member, guint32 serial, const HistoryInterval *at, gint64 from, gint64 to,
		      gboolean (*found)(gpointer user, const LayersWait *wait), gpointer user)
{
	gboolean known = layers_is_wait(at->state);

	inner->is_open = FALSE;
	for (gint64 pos = from, end; pos < to; pos = end) {
		gboolean have = known && layers_inner_at(inner, l, member, serial, at, pos, &end);
		LayersWait wait = {.begin_ns = pos, .state = at->state, .cpu = known ? inner->cpu : -1, .occupant = G_MAXUINT32};

		end = wait.end_ns = MIN(known ? end : at->end_ns, to);
		wait.idle = have && inner->ran.state == KERNEL_OCCUPANT_IDLE;
		if (have && inner->ran.state == KERNEL_OCCUPANT_THREAD)
			wait.occupant = layers_real_thread(experiment_member(l->experiment, member)->history, inner->ran.detail);
		if (wait.occupant == serial)
			wait.occupant = G_MAXUINT32;
		if (!found(user, &wait))
			return FALSE;
	}
	return TRUE;
}

void layers_waits(const Layers *l, guint member, guint32 vcpu, gint64 begin_ns, gint64 end_ns, gboolean (*found)(gpointer user, const LayersWait *wait),
		  gpointer user)
{
	const History *h = experiment_member(l->experiment, member)->history;
	HistoryWalk walk;
	HistoryInterval at;
	LayersInner inner = {.row = HISTORY_NO_ROW};
	guint table;

	if (!l->machines[member].pieces || !history_find_table(h, KVM_VCPUS_TABLE, sizeof(KvmVcpuItem), &table) || vcpu >= history_table_len(h, table))
		return;
	const KvmVcpuItem *item = history_table_get(h, table, vcpu);
	guint32 serial = layers_real_thread(h, item->thread);
	history_walk(&walk, h, item->row, begin_ns, end_ns);
	while (history_walk_next(&walk, &at))
		if ((layers_is_wait(at.state) || at.state == KVM_STATE_THROTTLED) &&
		    !split(&inner, l, member, serial, &at, MAX(at.begin_ns, begin_ns), MIN(at.end_ns, end_ns), found, user))
			return;
}
