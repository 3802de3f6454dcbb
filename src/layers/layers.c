/* SPDX-License-Identifier: MIT */
/* layers.c: the life of Layers: which machines lie on which, and in which order they are composed. */
#include "layers/private.h"

const char *layers_kind_name(LayersKind kind)
{
	static const char *const names[LAYERS_KIND_COUNT] = {
#define LAYERS_K(id, name, meaning) [LAYERS_##id] = (name),
		LAYERS_KINDS(LAYERS_K)
#undef LAYERS_K
	};

	return names[kind];
}

/* ---- Who is whose processor ----------------------------------------------------------------------------------------------- */

static void find_vcpus(LayersMachine *m, const History *h)
{
	guint table;

	if (!history_find_table(h, KVM_VCPUS_TABLE, sizeof(KvmVcpuItem), &table))
		return;
	m->n_vcpus = (guint32)history_table_len(h, table);
	m->n_vcpu_of = m->pieces->n_serials;
	m->vcpu_of = g_new(guint32, (gsize)m->n_vcpu_of + 1);
	m->guests = g_new(guint32, (gsize)m->n_vcpus + 1);
	m->guest_cpus = g_new0(gint32, (gsize)m->n_vcpus + 1);
	for (guint32 s = 0; s < m->n_vcpu_of; s++)
		m->vcpu_of[s] = EXPERIMENT_NONE;
	for (guint32 v = 0; v < m->n_vcpus; v++) {
		guint32 serial = layers_real_thread(h, ((const KvmVcpuItem *)history_table_get(h, table, v))->thread);

		m->guests[v] = EXPERIMENT_NONE;
		if (serial < m->n_vcpu_of)
			m->vcpu_of[serial] = v;
	}
}

static void note_guest(Layers *l, guint member)
{
	const ExperimentMember *guest = experiment_member(l->experiment, member);
	LayersMachine *parent = guest->parent == EXPERIMENT_NONE ? NULL : &l->machines[guest->parent];

	for (guint c = 0; parent && guest->l2 == EXPERIMENT_NONE && c < guest->vcpus->len; c++) {
		guint32 v = g_array_index(guest->vcpus, guint32, c);

		if (v >= parent->n_vcpus)
			continue;
		parent->guests[v] = member;
		parent->guest_cpus[v] = (gint32)c;
	}
}

/* ---- Composing ---------------------------------------------------------------------------------------------------------------- */

/* How many machines lie below, as far as is known. */
static guint depth_of(const Experiment *e, guint member)
{
	guint depth = 0;

	while (depth < e->members->len && experiment_member(e, member)->parent != EXPERIMENT_NONE) {
		member = experiment_member(e, member)->parent;
		depth++;
	}
	return depth;
}

typedef struct {
	Layers *layers;
	GMutex lock;
	GError *error;
} Work;

static void compose(gpointer data, gpointer user)
{
	guint member = GPOINTER_TO_UINT(data) - 1;
	Work *work = user;
	g_autoptr(GError) error = NULL;
	History *rows = layers_effective(work->layers, member, work->layers->memory, &error);

	work->layers->machines[member].rows = rows;
	g_mutex_lock(&work->lock);
	if (error && !work->error)
		work->error = g_steal_pointer(&error);
	g_mutex_unlock(&work->lock);
}

/* Those of one depth need only what lies below them. */
static void compose_depth(Work *work, guint depth, guint threads)
{
	const Experiment *e = work->layers->experiment;
	GThreadPool *pool = g_thread_pool_new(compose, work, (gint)MAX(threads, 1), TRUE, NULL);

	for (guint i = 0; i < e->members->len; i++)
		if (depth_of(e, i) == depth && experiment_member(e, i)->clocks->len)
			g_thread_pool_push(pool, GUINT_TO_POINTER(i + 1), NULL);
	g_thread_pool_free(pool, FALSE, TRUE);
}

static guint deepest(const Experiment *e)
{
	guint depth = 0;

	for (guint i = 0; i < e->members->len; i++)
		depth = MAX(depth, depth_of(e, i));
	return depth;
}

static gboolean compose_all(Layers *l, guint threads, GError **error)
{
	Work work = {.layers = l};

	g_mutex_init(&work.lock);
	for (guint depth = 1; depth <= deepest(l->experiment) && !work.error; depth++)
		compose_depth(&work, depth, threads);
	g_mutex_clear(&work.lock);
	if (work.error)
		g_propagate_error(error, work.error);
	return !work.error;
}

/* It is physical or runs VMs, or something lies on it, or below it. */
static gboolean is_involved(const Experiment *e, guint member)
{
	const ExperimentMember *m = experiment_member(e, member);
	guint vms;
	gboolean involved = m->parent != EXPERIMENT_NONE || m->level == 0 ||
			    (history_find_table(m->history, KVM_VMS_TABLE, sizeof(KvmVmItem), &vms) && history_table_len(m->history, vms));

	for (guint i = 0; i < e->members->len; i++)
		involved |= experiment_member(e, i)->parent == member;
	return involved;
}

Layers *layers_new(const Experiment *e, const LayersOptions *options, GError **error)
{
	g_autoptr(Layers) l = g_new0(Layers, 1);
	guint64 memory = options && options->memory ? options->memory : history_default_memory();

	l->experiment = e;
	l->rows = options && options->rows ? options->rows : LAYERS_THREAD_ROWS | LAYERS_CPU_ROWS | LAYERS_OTHER_ROWS;
	l->memory = memory / MAX(e->members->len, 1);
	l->machines = g_new0(LayersMachine, e->members->len + 1);
	for (guint i = 0; i < e->members->len; i++) {
		if (!is_involved(e, i))
			continue;
		l->machines[i].pieces = layers_pieces_new(experiment_member(e, i)->history);
		find_vcpus(&l->machines[i], experiment_member(e, i)->history);
	}
	for (guint i = 0; i < e->members->len; i++)
		note_guest(l, i);
	return compose_all(l, options ? options->threads : 1, error) ? g_steal_pointer(&l) : NULL;
}

static void machine_clear(LayersMachine *m)
{
	history_free(m->rows);
	layers_pieces_free(m->pieces);
	g_free(m->vcpu_of);
	g_free(m->guests);
	g_free(m->guest_cpus);
}

void layers_free(Layers *l)
{
	if (!l)
		return;
	for (guint i = 0; i < l->experiment->members->len; i++)
		machine_clear(&l->machines[i]);
	g_free(l->machines);
	g_free(l);
}

const History *layers_rows(const Layers *l, guint member)
{
	const History *rows = l->machines[member].rows;

	return rows ? rows : experiment_member(l->experiment, member)->history;
}
