/* SPDX-License-Identifier: MIT */
/*
 * flat.c: what a guest's processors did one level down, found once and kept: a thread's, its vCPU's and the processor's own row all ask for the same times.
 */
#include "layers/private.h"

static gboolean same(const LayersLower *a, const LayersLower *b)
{
	return a->kind == b->kind && a->level == b->level && a->halting == b->halting && a->detail == b->detail;
}

static void add_cpu(LayersFlat *f, LayersLowerWalk *w)
{
	LayersLower *last = NULL;
	LayersLower l;

	layers_lower_start(w, history_begin(f->h), history_end(f->h));
	while (layers_lower_next(w, &l)) {
		if (!last || !same(last, &l))
			last = history_table_add(f->h, f->table);
		*last = l;
	}
}

LayersFlat *layers_flat_new(const Layers *l, guint member, guint n_cpus, guint64 memory, History *out, GError **error)
{
	const History *own = experiment_member(l->experiment, member)->history;
	g_autoptr(GHashTable) texts = g_hash_table_new(NULL, NULL);
	g_autoptr(LayersFlat) f = g_new0(LayersFlat, 1);
	LayersLowerWalk walk;

	f->h = history_new(history_begin(own), history_end(own), &(HistoryOptions){.memory = memory});
	f->table = history_table(f->h, "lower", sizeof(LayersLower));
	f->n_cpus = n_cpus;
	f->cpus = g_new0(LayersFlatCpu, n_cpus + 1);
	for (guint c = 0; c < n_cpus; c++) {
		f->cpus[c] = (LayersFlatCpu){.first = history_table_len(f->h, f->table), .at_begin = G_MININT64};
		f->cpus[c].at = f->cpus[c].first;
		if (layers_lower_open(&walk, l, member, (gint32)c, out, texts))
			add_cpu(f, &walk);
		f->cpus[c].end = history_table_len(f->h, f->table);
	}
	return history_finish(f->h, error) ? g_steal_pointer(&f) : NULL;
}

void layers_flat_free(LayersFlat *f)
{
	if (!f)
		return;
	history_free(f->h);
	g_free(f->cpus);
	g_free(f);
}

static const LayersLower *item(const LayersFlat *f, LayersFlatCpu *c, guint64 i)
{
	if (G_UNLIKELY(i - c->run_first >= c->run_len)) {
		c->run = history_table_run(f->h, f->table, i, &c->run_len);
		c->run_first = i;
	}
	return c->run + (i - c->run_first);
}

/* To the first that ends behind `time`; to the processor's end, if there is none. */
static void search(const LayersFlat *f, LayersFlatCpu *c, gint64 time)
{
	guint64 low = c->first, high = c->end;

	c->at_begin = G_MININT64;
	while (low < high) {
		guint64 middle = low + (high - low) / 2;
		gint64 end = item(f, c, middle)->end;

		if (end <= time) {
			low = middle + 1;
			c->at_begin = end;
		} else {
			high = middle;
		}
	}
	c->at = low;
}

const LayersLower *layers_flat_at(LayersFlat *f, gint32 cpu, gint64 time)
{
	LayersFlatCpu *c = &f->cpus[cpu];
	const LayersLower *i = c->at < c->end ? item(f, c, c->at) : NULL;

	if (i && i->end <= time) {
		c->at_begin = i->end;
		i = ++c->at < c->end ? item(f, c, c->at) : NULL;
	}
	if (time < c->at_begin || (i && i->end <= time)) {
		search(f, c, time);
		i = c->at < c->end ? item(f, c, c->at) : NULL;
	}
	return i;
}
