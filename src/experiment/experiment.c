/* SPDX-License-Identifier: MIT */
/* experiment.c: the life of an Experiment. */
#include "experiment/private.h"

const char *experiment_method_name(ExperimentMethod method)
{
	static const char *const names[] = {
#define EXPERIMENT_M(id, name) [EXPERIMENT_BY_##id] = (name),
		EXPERIMENT_METHODS(EXPERIMENT_M)
#undef EXPERIMENT_M
	};

	return names[method];
}

static void member_free(gpointer data)
{
	ExperimentMember *m = data;

	g_array_unref(m->clocks);
	g_array_unref(m->vcpus);
	g_free(m->problem);
	g_free(m);
}

static ExperimentMember *member_new(const ExperimentInput *input)
{
	ExperimentMember *m = g_new0(ExperimentMember, 1);

	m->name = input->name;
	m->history = input->history;
	m->level = -1;
	m->parent = m->clock_of = EXPERIMENT_NONE;
	m->vm = m->l2 = EXPERIMENT_NONE;
	m->vm_pid = -1;
	m->clocks = g_array_new(FALSE, FALSE, sizeof(ExperimentClock));
	m->vcpus = g_array_new(FALSE, FALSE, sizeof(guint32));
	return m;
}

/* How many members' clocks lead to each one's. */
static guint count_aligned(const Experiment *e, guint root)
{
	Experiment seen = {e->members, root};
	guint n = 0;

	for (guint i = 0; i < e->members->len; i++)
		n += experiment_is_aligned(&seen, i);
	return n;
}

static void choose_root(Experiment *e)
{
	guint most = 0;

	for (guint i = 0; i < e->members->len; i++) {
		const ExperimentMember *m = experiment_member(e, i);
		guint n = m->clock_of == EXPERIMENT_NONE ? 2 * count_aligned(e, i) + (m->level == 0) : 0; /* of equal ones, one that is no guest */

		if (n > most) {
			most = n;
			e->root = i;
		}
	}
}

static void finish_clocks(ExperimentMember *m)
{
	for (guint i = 0; i < m->clocks->len; i++)
		m->bound_ns = MAX(m->bound_ns, g_array_index(m->clocks, ExperimentClock, i).bound_ns);
	experiment_clocks_finish(m);
}

Experiment *experiment_empty(const ExperimentInput *inputs, guint n)
{
	Experiment *e = g_new0(Experiment, 1);

	e->members = g_ptr_array_new_with_free_func(member_free);
	for (guint i = 0; i < n; i++)
		g_ptr_array_add(e->members, member_new(&inputs[i]));
	return e;
}

Experiment *experiment_new(const ExperimentInput *inputs, guint n, const ExperimentOptions *options, GError **error)
{
	g_autoptr(Experiment) e = experiment_empty(inputs, n);
	g_autofree ExperimentTold *told = experiment_map(e, inputs, options, error);
	if (!told)
		return NULL;
	experiment_find_parents(e, told, options ? MAX(options->threads, 1) : 1);
	experiment_use_tsc(e, inputs, options ? options->warnings : NULL);
	for (guint i = 0; i < n; i++)
		finish_clocks(g_ptr_array_index(e->members, i));
	experiment_align_by_packets(e);
	for (guint i = 0; i < n; i++)
		finish_clocks(g_ptr_array_index(e->members, i));
	choose_root(e);
	return g_steal_pointer(&e);
}

void experiment_free(Experiment *e)
{
	if (!e)
		return;
	g_ptr_array_unref(e->members);
	g_free(e);
}
