/* SPDX-License-Identifier: MIT */
/* experiment.c: the life of an Experiment. */
#include "experiment/experiment.h"

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

Experiment *experiment_new(const ExperimentInput *inputs, guint n, const ExperimentOptions *options, GError **error)
{
	Experiment *e = g_new0(Experiment, 1);

	e->members = g_ptr_array_new_with_free_func(member_free);
	for (guint i = 0; i < n; i++)
		g_ptr_array_add(e->members, member_new(&inputs[i]));
	return e;
}

void experiment_free(Experiment *e)
{
	if (!e)
		return;
	g_ptr_array_unref(e->members);
	g_free(e);
}
