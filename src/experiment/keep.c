/* SPDX-License-Identifier: MIT */
/* keep.c: an Experiment as bytes, so that what took a search need not be found again. */
#include "experiment/private.h"

#define CLOCK_TYPE  "(xxxddxxtt)"
#define MEMBER_TYPE "(iuuiuuuttxsa" CLOCK_TYPE "au)"
#define KEPT_TYPE   "(ua" MEMBER_TYPE ")"

/* ---- Writing ------------------------------------------------------------------------------------------------------------ */

static GVariant *write_clocks(const ExperimentMember *m)
{
	GVariantBuilder b;

	g_variant_builder_init(&b, G_VARIANT_TYPE("a" CLOCK_TYPE));
	for (guint i = 0; i < m->clocks->len; i++) {
		const ExperimentClock *c = &g_array_index(m->clocks, ExperimentClock, i);

		g_variant_builder_add(&b, CLOCK_TYPE, c->from_ns, c->ref_ns, c->offset_ns, c->drift, c->drift_bound, c->bound_ns, c->begin_up_ns,
				      c->constraints, c->contradictions);
	}
	return g_variant_builder_end(&b);
}

static GVariant *write_member(const ExperimentMember *m)
{
	GVariant *vcpus = g_variant_new_fixed_array(G_VARIANT_TYPE_UINT32, m->vcpus->data, m->vcpus->len, sizeof(guint32));

	return g_variant_new("(iuuiuuuttxs@a" CLOCK_TYPE "@au)", m->level, m->parent, m->vm, m->vm_pid, m->l2, m->clock_of, m->methods, m->constraints,
			     m->contradictions, m->bound_ns, m->problem ? m->problem : "", write_clocks(m), vcpus);
}

GBytes *experiment_to_bytes(const Experiment *e)
{
	GVariantBuilder b;

	g_variant_builder_init(&b, G_VARIANT_TYPE("a" MEMBER_TYPE));
	for (guint i = 0; i < e->members->len; i++)
		g_variant_builder_add_value(&b, write_member(experiment_member(e, i)));
	g_autoptr(GVariant) all = g_variant_ref_sink(g_variant_new("(u@a" MEMBER_TYPE ")", e->root, g_variant_builder_end(&b)));
	return g_variant_get_data_as_bytes(all);
}

/* ---- Reading ------------------------------------------------------------------------------------------------------------ */

static void read_clocks(ExperimentMember *m, GVariantIter *clocks)
{
	ExperimentClock c;

	while (g_variant_iter_next(clocks, CLOCK_TYPE, &c.from_ns, &c.ref_ns, &c.offset_ns, &c.drift, &c.drift_bound, &c.bound_ns, &c.begin_up_ns,
				   &c.constraints, &c.contradictions))
		g_array_append_val(m->clocks, c);
}

static void read_vcpus(ExperimentMember *m, GVariant *vcpus)
{
	gsize n;
	gconstpointer all = g_variant_get_fixed_array(vcpus, &n, sizeof(guint32));

	g_array_append_vals(m->vcpus, all, (guint)n);
}

static gboolean is_member(const Experiment *e, guint i)
{
	return i == EXPERIMENT_NONE || i < e->members->len;
}

static gboolean read_member(const Experiment *e, ExperimentMember *m, GVariant *kept)
{
	g_autoptr(GVariantIter) clocks = NULL;
	g_autoptr(GVariant) vcpus = NULL;

	g_variant_get(kept, "(iuuiuuuttxsa" CLOCK_TYPE "@au)", &m->level, &m->parent, &m->vm, &m->vm_pid, &m->l2, &m->clock_of, &m->methods,
		      &m->constraints, &m->contradictions, &m->bound_ns, &m->problem, &clocks, &vcpus);
	if (m->problem && !*m->problem)
		g_clear_pointer(&m->problem, g_free);
	read_clocks(m, clocks);
	read_vcpus(m, vcpus);
	return is_member(e, m->parent) && is_member(e, m->clock_of) && m->clocks->len <= EXPERIMENT_SEGMENTS_MAX;
}

Experiment *experiment_from_bytes(const ExperimentInput *inputs, guint n, GBytes *bytes)
{
	g_autoptr(GVariant) all = g_variant_ref_sink(g_variant_new_from_bytes(G_VARIANT_TYPE(KEPT_TYPE), bytes, FALSE));
	g_autoptr(GVariant) members = NULL;
	g_autoptr(Experiment) e = experiment_empty(inputs, n);

	g_variant_get(all, "(u@a" MEMBER_TYPE ")", &e->root, &members);
	if (g_variant_n_children(members) != n || e->root >= MAX(n, 1))
		return NULL;
	for (guint i = 0; i < n; i++) {
		g_autoptr(GVariant) kept = g_variant_get_child_value(members, i);

		if (!read_member(e, g_ptr_array_index(e->members, i), kept))
			return NULL;
	}
	return g_steal_pointer(&e);
}
