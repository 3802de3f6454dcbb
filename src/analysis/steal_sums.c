/* SPDX-License-Identifier: MIT */
/* steal_sums.c: waits and thefts, added up. */
#include "analysis/steal_sums.h"

#include "analysis/idle.h"

/* For how long a culprit had the processor. */
typedef struct {
	AnalysisCulprit by;
	gint64 ns, end_ns;
} Length;

struct StealSums {
	const AnalysisSteal *s;
	const AnalysisFilter *filter;
	AnalysisIdle *idle;
	StealBy by;
	GHashTable *found; /* StealSum, by victim, culprit and step */
	GPtrArray *all;    /* the same */
	AnalysisGroups *groups;
	guint64 dropped;
	/* at work */
	guint32 vcpu, victim;
	gint64 begin_ns, end_ns, step_ns;
	GArray *lengths;   /* Length: by culprit, of one wait */
	Length handler;    /* that may go on */
};

/* ---- Sums ------------------------------------------------------------------------------------------------------------ */

/* Of a culprit, or of all together: what a group's second number is. */
static guint64 culprit_key(gboolean is_total, AnalysisCulprit by)
{
	return is_total ? 0 : ((guint64)by.kind + 1) << 32 | by.id;
}

static guint sum_hash(gconstpointer data)
{
	const StealSum *s = data;
	guint64 h = s->victim * 0x9e3779b97f4a7c15u ^ culprit_key(s->is_total, s->by) * 0xc2b2ae3d27d4eb4fu ^ (guint64)s->step_ns * 0x165667b19e3779f9u;

	return (guint)(h >> 32);
}

static gboolean sum_equal(gconstpointer a, gconstpointer b)
{
	const StealSum *x = a, *y = b;

	return x->victim == y->victim && culprit_key(x->is_total, x->by) == culprit_key(y->is_total, y->by) && x->step_ns == y->step_ns;
}

/* NULL: there are too many. */
static StealSum *sum_of(StealSums *t, gboolean is_total, AnalysisCulprit by)
{
	StealSum like = {.victim = t->victim, .is_total = is_total, .by = by, .step_ns = t->step_ns}, *sum;

	if (t->by == STEAL_BY_KIND)
		like.by.id = 0;
	sum = g_hash_table_lookup(t->found, &like);
	if (sum)
		return sum;
	if (t->all->len >= ANALYSIS_GROUPS_MAX) {
		t->dropped++;
		return NULL;
	}
	sum = g_memdup2(&like, sizeof(like));
	g_hash_table_add(t->found, sum);
	g_ptr_array_add(t->all, sum);
	return sum;
}

/* One that took so long has ended within the step. */
static void add_length(StealSums *t, gboolean is_total, AnalysisCulprit by, gint64 end_ns, gint64 ns)
{
	if (t->by == STEAL_BY_KIND)
		by.id = 0;
	analysis_groups_add(t->groups, t->victim, culprit_key(is_total, by), end_ns, ns, 0, FALSE);
}

static gboolean has_culprits(const StealSums *t)
{
	return t->by == STEAL_BY_ALL || t->by == STEAL_BY_PAIR || t->by == STEAL_BY_CULPRIT || t->by == STEAL_BY_KIND;
}

/* ---- Waits ------------------------------------------------------------------------------------------------------------ */

static void add_part(StealSums *t, const AnalysisWaitPart *p)
{
	gint64 begin = MAX(p->begin_ns, t->begin_ns), end = MIN(p->end_ns, t->end_ns);
	StealSum *sums[2] = {sum_of(t, TRUE, (AnalysisCulprit){0}), has_culprits(t) ? sum_of(t, FALSE, p->by) : NULL};

	if (begin >= end)
		return;
	gint64 in_vain = p->by.kind == ANALYSIS_BY_LIMIT ? 0 : analysis_idle_ns(t->idle, p->cpu, begin, end);
	for (guint i = 0; i < G_N_ELEMENTS(sums); i++)
		if (sums[i]) {
			*(p->woken ? &sums[i]->woken_ns : &sums[i]->wait_ns[p->state]) += end - begin;
			sums[i]->in_vain_ns += in_vain;
		}
}

static gboolean same_culprit(const StealSums *t, AnalysisCulprit a, AnalysisCulprit b)
{
	return a.kind == b.kind && (a.id == b.id || t->by == STEAL_BY_KIND);
}

/* Who had the processor several times in one wait made it longer once. */
static void add_to_lengths(StealSums *t, const AnalysisWaitPart *p)
{
	Length made = {.by = p->by, .ns = p->end_ns - p->begin_ns};

	for (guint i = 0; i < t->lengths->len; i++) {
		Length *l = &g_array_index(t->lengths, Length, i);

		if (!same_culprit(t, l->by, p->by))
			continue;
		l->ns += made.ns;
		return;
	}
	g_array_append_val(t->lengths, made);
}

static void on_wait(gpointer user, const AnalysisWait *wait)
{
	StealSums *t = user;
	gboolean ended = wait->whole && wait->end_ns >= t->begin_ns && wait->end_ns < t->end_ns;

	g_array_set_size(t->lengths, 0);
	for (guint i = 0; i < wait->n_parts; i++) {
		add_part(t, &wait->parts[i]);
		if (ended && has_culprits(t))
			add_to_lengths(t, &wait->parts[i]);
	}
	if (!ended)
		return;
	add_length(t, TRUE, (AnalysisCulprit){0}, wait->end_ns, wait->end_ns - wait->begin_ns);
	for (guint i = 0; i < t->lengths->len; i++) {
		const Length *l = &g_array_index(t->lengths, Length, i);

		add_length(t, FALSE, l->by, wait->end_ns, l->ns);
	}
}

static void end_handler(StealSums *t)
{
	const Length *l = &t->handler;

	if (l->ns && l->end_ns < t->end_ns)
		add_length(t, FALSE, l->by, l->end_ns, l->ns);
	t->handler.ns = 0;
}

/* A handler in the course of which the vCPU's state changes is one. */
static void on_theft(gpointer user, const AnalysisTheft *theft)
{
	StealSums *t = user;
	gint64 ns = theft->end_ns - theft->begin_ns;
	StealSum *sum = sum_of(t, FALSE, theft->by);

	if (sum)
		sum->interrupts_ns += ns;
	if (t->handler.end_ns != theft->begin_ns || !same_culprit(t, t->handler.by, theft->by))
		end_handler(t);
	t->handler = (Length){theft->by, t->handler.ns + ns, theft->end_ns};
}

/* ---- vCPUs and steps ---------------------------------------------------------------------------------------------------- */

static void add_vcpu(StealSums *t)
{
	AnalysisStealAccount account;
	StealSum *total = sum_of(t, TRUE, (AnalysisCulprit){0});

	analysis_steal_account(t->s, t->vcpu, t->begin_ns, t->end_ns, &account);
	if (!total)
		return;
	analysis_steal_account_add(&total->account, &account);
	total->interrupts_ns += account.irq_ns + account.softirq_ns;
	analysis_steal_waits(t->s, t->vcpu, t->begin_ns, t->end_ns, on_wait, t);
	if (!has_culprits(t))
		return;
	analysis_steal_interrupts(t->s, t->vcpu, t->begin_ns, t->end_ns, on_theft, t);
	end_handler(t);
}

static void add_step(StealSums *t)
{
	for (t->vcpu = 0; t->vcpu < analysis_steal_n_vcpus(t->s); t->vcpu++) {
		const KvmVcpuItem *v = analysis_steal_vcpu(t->s, t->vcpu);

		if (!analysis_filter_thread(t->filter, v->thread))
			continue;
		t->victim = t->by == STEAL_BY_VM ? v->vm : t->by == STEAL_BY_CULPRIT || t->by == STEAL_BY_KIND ? STEAL_EVERYBODY : t->vcpu;
		add_vcpu(t);
	}
}

StealSums *steal_sums_new(const AnalysisQuery *q, const AnalysisFilter *f, const AnalysisSteal *s, const History *h, StealBy by)
{
	StealSums *t = g_new0(StealSums, 1);
	gint64 begin = analysis_filter_begin(f), end = MIN(analysis_filter_end(f), history_end(h));
	gint64 step = q->form == ANALYSIS_SERIES ? MAX(q->every_ns, 1) : G_MAXINT64;

	*t = (StealSums){.s = s, .filter = f, .by = by, .found = g_hash_table_new(sum_hash, sum_equal), .all = g_ptr_array_new_with_free_func(g_free),
			 .groups = analysis_groups_new(q, f), .idle = analysis_idle_new(h, begin, end),
			 .lengths = g_array_new(FALSE, FALSE, sizeof(Length))};
	for (gint64 at = begin; at < end; at = t->end_ns) {
		t->begin_ns = at;
		t->end_ns = step < end - at ? at + step : end;
		t->step_ns = q->form == ANALYSIS_SERIES ? at : 0;
		add_step(t);
	}
	for (guint i = 0; i < t->all->len; i++) {
		StealSum *sum = g_ptr_array_index(t->all, i);

		sum->group = analysis_groups_find(t->groups, sum->victim, culprit_key(sum->is_total, sum->by), sum->step_ns);
	}
	return t;
}

void steal_sums_free(StealSums *t)
{
	if (!t)
		return;
	g_hash_table_unref(t->found);
	g_ptr_array_unref(t->all);
	analysis_groups_free(t->groups);
	analysis_idle_free(t->idle);
	g_array_unref(t->lengths);
	g_free(t);
}

guint steal_sums_len(const StealSums *t)
{
	return t->all->len;
}

const StealSum *steal_sums_get(const StealSums *t, guint i)
{
	return g_ptr_array_index(t->all, i);
}

guint64 steal_sums_dropped(const StealSums *t)
{
	return t->dropped;
}
