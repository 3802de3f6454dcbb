/* SPDX-License-Identifier: MIT */
/*
 * guess.c: whose runs of level 2 are that don't tell, between two that do.
 *
 * The likeliest sequence of VMs is sought, run by run (Viterbi's algorithm). Where level 1 can't have changed VMs it didn't; where it can, how likely it did is known from runs next to each other
 * that both told. User code that was seen in one VM only speaks for that one.
 */
#include "kvm/private.h"

#include <math.h>

#define CANDIDATES_MAX 8
#define HINT_COST      6.0    /* bits: a page of one VM's program is run by another that rarely */
#define NEVER          1e12

typedef struct {
	const struct KvmVcpuState *s;
	const KvmVm *vm;
	KvmL2 *candidates[CANDIDATES_MAX];
	guint n;
	double stay, change;  /* costs where it may have changed */
	double cost[CANDIDATES_MAX]; /* of the best sequence that ends with it */
	guint8 from[KVM_PENDING_MAX + 1][CANDIDATES_MAX];
} Guess;

static void add_candidate(Guess *g, KvmL2 *l2)
{
	for (guint i = 0; i < g->n; i++)
		if (g->candidates[i] == l2)
			return;
	if (l2 && g->n < CANDIDATES_MAX)
		g->candidates[g->n++] = l2;
}

static void find_candidates(Guess *g, KvmL2 *before, KvmL2 *after)
{
	KvmL2 *all[CANDIDATES_MAX];
	guint n = kvm_l2_all(g->vm, all, CANDIDATES_MAX);

	add_candidate(g, before);
	add_candidate(g, after);
	for (guint i = 0; i < n; i++)
		add_candidate(g, all[i]);
}

static void learn_costs(Guess *g)
{
	double all = (double)g->s->stayed + g->s->changed + 2;

	g->stay = -log2((g->s->stayed + 1) / all);
	g->change = -log2((g->s->changed + 1) / all) + log2(MAX(g->n, 2) - 1.0);
}

static double transition(const Guess *g, gboolean continues, guint from, guint to)
{
	if (from == to)
		return continues ? 0 : g->stay;
	return continues ? NEVER : g->change;
}

/* The i-th pending run comes next; `at` counts from 0. */
static void step(Guess *g, guint i, guint at)
{
	gboolean continues = kvm_nested_continues(g->s, i);
	const KvmRun *run = i < g->s->pending->len ? &g_array_index(g->s->pending, KvmRun, i) : NULL;
	KvmL2 *hint = run && run->has_exit ? kvm_l2_hint(g->vm, run->rip) : NULL;
	double cost[CANDIDATES_MAX];

	for (guint to = 0; to < g->n; to++) {
		guint best = to;

		for (guint from = 0; from < g->n; from++)
			if (g->cost[from] + transition(g, continues, from, to) < g->cost[best] + transition(g, continues, best, to))
				best = from;
		g->from[at][to] = (guint8)best;
		cost[to] = g->cost[best] + transition(g, continues, best, to) + (hint && hint != g->candidates[to] ? HINT_COST : 0);
	}
	for (guint c = 0; c < g->n; c++)
		g->cost[c] = cost[c];
}

void kvm_nested_guess(const KvmVcpu *v, guint begin, guint end, KvmL2 *before, KvmL2 *after, KvmL2 **out)
{
	Guess g = {.s = v->s, .vm = v->vm};
	guint now = 0;

	find_candidates(&g, before, after);
	if (g.n < 2) {
		for (guint i = begin; i < end; i++)
			out[i - begin] = after;
		return;
	}
	learn_costs(&g);
	for (guint c = 0; c < g.n; c++)
		g.cost[c] = !before || g.candidates[c] == before ? 0 : NEVER;
	for (guint i = begin; i <= end; i++)
		step(&g, i, i - begin);
	for (guint c = 0; c < g.n; c++)
		if (g.candidates[c] == after)
			now = c;
	for (guint i = end; i-- > begin;) {
		now = g.from[i + 1 - begin][now];
		out[i - begin] = g.candidates[now];
	}
}
