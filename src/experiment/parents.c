/* SPDX-License-Identifier: MIT */
/*
 * parents.c: who runs in whom: all machines are tried in all VMs.
 *
 * A machine may fit in several places: the events of a nested guest are also within what the host saw of nested VMs. The deepest one wins; of equally deep ones that of
 * the hypervisor's own trace. If two are as good as each other, or two machines claim the same place at the same time, that is said.
 */
#include "experiment/private.h"

#include "kvm/rows.h"

#define RIVAL 0.5 /* of the better one's bits: as good */

/* A machine in a place. */
typedef struct {
	guint guest;
	const ExperimentTarget *target;
	ExperimentEffort effort;
	guint share;          /* trials of this guest at a time */
	ExperimentFit *fit;
} Trial;

typedef struct {
	Experiment *e;
	const ExperimentTold *told;
	GPtrArray **beats;    /* by member; NULL: not needed so far */
	gboolean *wanted;     /* by member: its beats are needed */
	GPtrArray **targets;
	GPtrArray **any_targets; /* where levels are not told apart */
	GPtrArray *trials;    /* Trial * */
	guint first;          /* of them that is to be run ... */
	gint *depth;          /* by member; -1: not known yet, -2: being found out */
	Trial **best;
} Search;

/* ---- Many hands ------------------------------------------------------------------------------------------------------ */

typedef struct {
	void (*work)(Search *s, guint i);
	Search *s;
	guint n;
	gint next;            /* atomic */
} Hands;

static gpointer hand(gpointer data)
{
	Hands *h = data;

	for (gint i = g_atomic_int_add(&h->next, 1); (guint)i < h->n; i = g_atomic_int_add(&h->next, 1))
		h->work(h->s, (guint)i);
	return NULL;
}

/* work(s, i) for all i below n, in any order. */
static void for_all(Search *s, guint n, guint threads, void (*work)(Search *s, guint i))
{
	Hands h = {work, s, n, 0};
	g_autoptr(GPtrArray) others = g_ptr_array_new();

	for (guint i = 1; i < MIN(threads, n); i++)
		g_ptr_array_add(others, g_thread_new("align", hand, &h));
	hand(&h);
	for (guint i = 0; i < others->len; i++)
		g_thread_join(others->pdata[i]);
}

static void prepare(Search *s, guint i)
{
	gboolean alone = s->e->members->len == 1; /* it has nobody to be tried with */

	s->targets[i] = alone ? g_ptr_array_new() : experiment_targets(i, experiment_member(s->e, i)->history, FALSE);
}

/* The beats of those that are to be tried and have not been before. */
static void prepare_guest(Search *s, guint i)
{
	if (s->wanted[i] && !s->beats[i])
		s->beats[i] = experiment_beats(experiment_member(s->e, i)->history);
}

static void try(Search *s, guint i)
{
	Trial *t = s->trials->pdata[s->first + i];

	t->fit = experiment_fit(experiment_member(s->e, t->guest)->history, s->beats[t->guest], t->target, t->effort, t->share);
}

/* ---- Trials ---------------------------------------------------------------------------------------------------------- */

static gboolean is_allowed(const Search *s, guint guest, const ExperimentTarget *target)
{
	const ExperimentTold *told = &s->told[guest];

	if (target->member == guest)
		return FALSE;
	return told->member == EXPERIMENT_UNTOLD || (told->member == target->member && told->vm == target->vm);
}

/* A machine in all places of another. */
static void add_trials_in(Search *s, guint guest, const GPtrArray *targets, ExperimentEffort effort)
{
	for (guint i = 0; i < targets->len; i++) {
		if (!is_allowed(s, guest, targets->pdata[i]))
			continue;
		Trial *t = g_new0(Trial, 1);
		t->guest = guest;
		t->target = targets->pdata[i];
		t->effort = effort;
		s->wanted[guest] = TRUE;
		g_ptr_array_add(s->trials, t);
	}
}

/* How many levels of VMs a machine's own trace shows above it: 0, 1 or 2. */
static guint levels_above(const ExperimentMember *m)
{
	guint table, levels = 0;

	if (!history_find_table(m->history, KVM_VMS_TABLE, sizeof(KvmVmItem), &table))
		return 0;
	for (guint64 i = 0; i < history_table_len(m->history, table); i++) {
		const KvmVmItem *vm = history_table_get(m->history, table, i);

		levels = MAX(levels, vm->n_l2s ? 2 : 1);
	}
	return levels;
}

/* How many there may be: without exits, VMs in VMs don't show. */
static guint levels_possible(const ExperimentMember *m)
{
	guint table, levels = levels_above(m);

	if (!levels || !history_find_table(m->history, KVM_VCPUS_TABLE, sizeof(KvmVcpuItem), &table))
		return levels;
	for (guint64 i = 0; i < history_table_len(m->history, table); i++)
		if (((const KvmVcpuItem *)history_table_get(m->history, table, i))->exits)
			return levels;
	return 2;
}

/* Machines run in those that show more levels of VMs than they do. */
static gboolean is_likely(const Search *s, guint guest, guint host)
{
	return levels_above(experiment_member(s->e, guest)) < levels_possible(experiment_member(s->e, host));
}

/* All machines in all places where they may be expected: in those that show more levels than they do. */
static void add_trials(Search *s)
{
	guint n = s->e->members->len;

	for (guint g = 0; g < n; g++)
		for (guint m = 0; m < n; m++)
			if (is_likely(s, g, m))
				add_trials_in(s, g, s->targets[m], EXPERIMENT_QUICK);
}

/* ---- Choosing -------------------------------------------------------------------------------------------------------- */

static gint depth_of(Search *s, guint guest);

static gint depth_in(Search *s, const ExperimentTarget *target)
{
	gint depth = depth_of(s, target->member);

	return depth < 0 ? -1 : depth + (target->kind == EXPERIMENT_TARGET_NESTED ? 2 : 1);
}

/* What deeper means; less is better among the equally deep. */
static gboolean is_better(gint depth, const Trial *t, gint best_depth, const Trial *best)
{
	if (!best || depth != best_depth)
		return !best || depth > best_depth;
	if (t->target->kind != best->target->kind)
		return t->target->kind < best->target->kind;
	return t->fit->score.bits > best->fit->score.bits;
}

/* How deep a machine is, and its place; -1 while that is being found out. */
static gint depth_of(Search *s, guint guest)
{
	gint best_depth = 0;
	Trial *best = NULL;

	if (s->depth[guest] != -1)
		return s->depth[guest] == -2 ? -1 : s->depth[guest];
	s->depth[guest] = -2;
	for (guint i = 0; i < s->trials->len; i++) {
		Trial *t = s->trials->pdata[i];

		if (t->guest != guest || !t->fit || !t->fit->accepted)
			continue;
		gint depth = depth_in(s, t->target);
		if (depth > 0 && is_better(depth, t, best_depth, best)) {
			best_depth = depth;
			best = t;
		}
	}
	s->best[guest] = best;
	return s->depth[guest] = best_depth;
}

static void find_depths(Search *s)
{
	for (guint i = 0; i < s->e->members->len; i++)
		s->depth[i] = -1;
	for (guint i = 0; i < s->e->members->len; i++)
		depth_of(s, i);
}

/* ---- Second thoughts -------------------------------------------------------------------------------------------------- */

/* Whether a machine runs in another, or in one that runs in it, as far as is known. */
static gboolean runs_in(const Search *s, guint guest, guint host)
{
	for (guint depth = 0; depth <= s->e->members->len; depth++) {
		if (guest == host)
			return TRUE;
		if (!s->best[guest])
			return FALSE;
		guest = s->best[guest]->target->member;
	}
	return FALSE;
}

static void try_everywhere(Search *s, guint guest, ExperimentEffort effort)
{
	guint before = s->trials->len;

	for (guint m = 0; m < s->e->members->len; m++) {
		gboolean likely = is_likely(s, guest, m);

		if (runs_in(s, m, guest) || (!likely && effort == EXPERIMENT_LONG))
			continue;
		if (!s->any_targets[m])
			s->any_targets[m] = experiment_targets(m, experiment_member(s->e, m)->history, TRUE);
		add_trials_in(s, guest, s->targets[m], likely ? effort : EXPERIMENT_QUICK);
		add_trials_in(s, guest, s->any_targets[m], likely ? effort : EXPERIMENT_QUICK);
	}
	for (guint i = before; i < s->trials->len; i++)
		((Trial *)s->trials->pdata[i])->share = s->trials->len - before;
}

/* A nested guest whose own hypervisor's trace may be there. */
static void try_deeper(Search *s, guint guest)
{
	const ExperimentTarget *t = s->best[guest]->target;

	for (guint m = 0; m < s->e->members->len; m++)
		if (s->best[m] && s->best[m]->target->kind == EXPERIMENT_TARGET_VM && s->best[m]->target->member == t->member &&
		    s->best[m]->target->vm == t->vm)
			add_trials_in(s, guest, s->targets[m], EXPERIMENT_USUAL);
}

/*
 * Those that fit nowhere are looked at longer, and everywhere, and where levels may not have been told apart rightly. Machines that show as many levels as others are
 * seldom their guests: they are tried there once, quickly.
 */
static void add_more_trials(Search *s, ExperimentEffort effort)
{
	for (guint g = 0; g < s->e->members->len; g++)
		if (!s->best[g])
			try_everywhere(s, g, effort);
		else if (s->best[g]->target->kind == EXPERIMENT_TARGET_NESTED && effort == EXPERIMENT_USUAL)
			try_deeper(s, g);
}

/* ---- Doubts ---------------------------------------------------------------------------------------------------------- */

static char *place_name(const Search *s, const ExperimentTarget *t)
{
	const char *name = experiment_member(s->e, t->member)->name;

	if (t->kind == EXPERIMENT_TARGET_NESTED)
		return g_strdup_printf("a VM nested in VM %d of %s", t->pid, name);
	return g_strdup_printf("VM %d of %s", t->pid, name);
}

/* Another place that is as deep, of the same kind, and as good. */
static const Trial *rival_place(Search *s, const Trial *best)
{
	for (guint i = 0; i < s->trials->len; i++) {
		const Trial *t = s->trials->pdata[i];

		if (t != best && t->guest == best->guest && t->fit && t->fit->accepted && t->target->kind == best->target->kind &&
		    depth_in(s, t->target) == s->depth[best->guest] && t->fit->score.bits > RIVAL * best->fit->score.bits)
			return t;
	}
	return NULL;
}

static gboolean same_place(const Trial *a, const Trial *b)
{
	return a->target->member == b->target->member && a->target->vm == b->target->vm && a->target->l2 == b->target->l2 &&
	       a->fit->begin < b->fit->end && b->fit->begin < a->fit->end;
}

/* Who has the same place at the same time, and a better or an older claim to it. */
static const Trial *rival_guest(const Search *s, const Trial *best)
{
	for (guint g = 0; g < s->e->members->len; g++) {
		const Trial *t = s->best[g];

		if (!t || g == best->guest || !same_place(t, best))
			continue;
		if (t->fit->score.bits > best->fit->score.bits || (t->fit->score.bits == best->fit->score.bits && g < best->guest))
			return t;
	}
	return NULL;
}

/* Why a machine isn't put where it fits; NULL: it is. */
static char *find_doubt(Search *s, const Trial *best)
{
	const Trial *other = rival_place(s, best);
	g_autofree char *place = place_name(s, best->target);

	if (other) {
		g_autofree char *second = place_name(s, other->target);
		return g_strdup_printf("ambiguous: it fits %s as well as %s; --map tells which", place, second);
	}
	if (best->fit->ambiguous)
		return g_strdup_printf("ambiguous: it fits %s at several times", place);
	other = rival_guest(s, best);
	if (other)
		return g_strdup_printf("ambiguous: it fits %s, but so does %s, at the same time; --map tells which", place,
				       experiment_member(s->e, other->guest)->name);
	return NULL;
}

/* ---- Members ---------------------------------------------------------------------------------------------------------- */

static void take_place(ExperimentMember *m, const Trial *t)
{
	const ExperimentFit *f = t->fit;

	m->parent = m->clock_of = f->target->member;
	m->vm = f->target->vm;
	m->vm_pid = f->target->pid;
	m->l2 = f->target->l2;
	m->methods = 1u << EXPERIMENT_BY_CONTAINMENT;
	m->constraints = f->score.constraints;
	m->contradictions = f->score.contradictions;
	g_array_append_vals(m->clocks, f->clocks->data, f->clocks->len);
	g_array_append_vals(m->vcpus, f->vcpus->data, f->vcpus->len);
}

/* The best of those that are not good enough. */
static const Trial *best_poor(const Search *s, guint guest)
{
	const Trial *best = NULL;

	for (guint i = 0; i < s->trials->len; i++) {
		const Trial *t = s->trials->pdata[i];

		if (t->guest == guest && t->fit && (!best || t->fit->score.bits > best->fit->score.bits))
			best = t;
	}
	return best;
}

static char *describe_misfit(const Search *s, guint guest)
{
	const Trial *poor = best_poor(s, guest);

	if (!poor)
		return g_strdup("its events fit no VM of these traces");
	g_autofree char *place = place_name(s, poor->target);
	const ExperimentScore *score = &poor->fit->score;
	return g_strdup_printf("its events fit no VM of these traces: in %s, the best, %" G_GUINT64_FORMAT " of %" G_GUINT64_FORMAT
			       " events contradict it",
			       place, score->contradictions, score->constraints);
}

/* What was told holds, whether a clock was found or not. */
static void obey(ExperimentMember *m, const ExperimentTold *told)
{
	m->methods |= 1u << EXPERIMENT_BY_MAP;
	if (m->parent != EXPERIMENT_NONE || told->member == EXPERIMENT_NONE)
		return;
	m->parent = told->member;
	m->vm = told->vm;
	m->vm_pid = told->pid;
	if (!m->problem)
		m->problem = g_strdup("its events don't fit this VM: its clock is not aligned");
}

static void settle(Search *s, guint guest)
{
	ExperimentMember *m = g_ptr_array_index(s->e->members, guest);
	const Trial *best = s->best[guest];
	char *doubt = best ? find_doubt(s, best) : NULL;

	if (best && !doubt)
		take_place(m, best);
	m->problem = doubt;
	if (s->told[guest].member != EXPERIMENT_UNTOLD)
		obey(m, &s->told[guest]);
}

/* ---- Levels ---------------------------------------------------------------------------------------------------------- */

static void set_level(Experiment *e, ExperimentMember *m, guint depth)
{
	if (m->level >= 0 || m->parent == EXPERIMENT_NONE || depth > e->members->len)
		return;
	ExperimentMember *parent = g_ptr_array_index(e->members, m->parent);
	set_level(e, parent, depth + 1);
	if (parent->level >= 0)
		m->level = parent->level + (m->l2 == EXPERIMENT_NONE ? 1 : 2);
}

static void set_levels(Search *s)
{
	Experiment *e = s->e;
	gboolean any_vms = FALSE;

	for (guint i = 0; i < e->members->len; i++)
		any_vms |= levels_above(experiment_member(e, i)) > 0;
	for (guint i = 0; i < e->members->len; i++) {
		ExperimentMember *m = g_ptr_array_index(e->members, i);

		if (m->parent != EXPERIMENT_NONE)
			continue;
		gboolean is_host = (levels_above(m) > 0) || !any_vms || s->told[i].member == EXPERIMENT_NONE;
		m->level = is_host && !m->problem ? 0 : -1;
		if (!is_host && !m->problem)
			m->problem = describe_misfit(s, i);
	}
	for (guint i = 0; i < e->members->len; i++)
		set_level(e, g_ptr_array_index(e->members, i), 0);
}

/* ---- All of it --------------------------------------------------------------------------------------------------------- */

static void trial_free(gpointer data)
{
	Trial *t = data;

	experiment_fit_free(t->fit);
	g_free(t);
}

static void search_free(Search *s)
{
	for (guint i = 0; i < s->e->members->len; i++) {
		g_clear_pointer(&s->beats[i], g_ptr_array_unref);
		g_ptr_array_unref(s->targets[i]);
		g_clear_pointer(&s->any_targets[i], g_ptr_array_unref);
	}
	g_ptr_array_unref(s->trials);
	g_free(s->beats);
	g_free(s->wanted);
	g_free(s->targets);
	g_free(s->any_targets);
	g_free(s->depth);
	g_free(s->best);
}

static void run_trials(Search *s, guint threads)
{
	guint n = s->e->members->len;

	for (guint effort = EXPERIMENT_QUICK; effort <= EXPERIMENT_LONG; effort++) {
		s->first = s->trials->len;
		if (effort == EXPERIMENT_QUICK)
			add_trials(s);
		else
			add_more_trials(s, (ExperimentEffort)effort);
		for_all(s, n, threads, prepare_guest);
		for_all(s, s->trials->len - s->first, threads, try);
		find_depths(s);
	}
}

void experiment_find_parents(Experiment *e, const ExperimentTold *told, guint threads)
{
	guint n = e->members->len;
	Search s = {.e = e, .told = told, .beats = g_new0(GPtrArray *, n + 1), .wanted = g_new0(gboolean, n + 1), .targets = g_new0(GPtrArray *, n + 1),
		    .any_targets = g_new0(GPtrArray *, n + 1), .trials = g_ptr_array_new_with_free_func(trial_free),
		    .depth = g_new(gint, n + 1), .best = g_new0(Trial *, n + 1)};

	for_all(&s, n, threads, prepare);
	run_trials(&s, threads);
	for (guint i = 0; i < n; i++)
		settle(&s, i);
	experiment_use_vmsync(e, told);
	set_levels(&s);
	search_free(&s);
}
