/* SPDX-License-Identifier: MIT */
/*
 * flat.c: what a guest's processors did one level down, found once and kept: a thread's, its vCPU's and the processor's own row all ask for the same times.
 */
#include "layers/private.h"

static gboolean same(const LayersFlatItem *a, const LayersLower *l)
{
	return a->kind == l->kind && a->level == l->level && a->halting == l->halting && a->detail == l->detail;
}

static void add_cpu(LayersFlat *f, LayersLowerWalk *w)
{
	LayersFlatItem *last = NULL;
	LayersLower l;

	layers_lower_start(w, history_begin(f->h), history_end(f->h));
	while (layers_lower_next(w, &l)) {
		if (!last || !same(last, &l)) {
			last = history_table_add(f->h, f->table);
			*last = (LayersFlatItem){.kind = l.kind, .level = l.level, .halting = l.halting != FALSE, .detail = l.detail};
		}
		last->end = l.end;
	}
}

LayersFlat *layers_flat_new(const Layers *l, guint member, guint n_cpus, guint64 memory, History *out, GError **error)
{
	const History *own = experiment_member(l->experiment, member)->history;
	g_autoptr(GHashTable) texts = g_hash_table_new(NULL, NULL);
	g_autoptr(LayersFlat) f = g_new0(LayersFlat, 1);
	LayersLowerWalk walk;

	f->h = history_new(history_begin(own), history_end(own), &(HistoryOptions){.memory = memory});
	f->table = history_table(f->h, "lower", sizeof(LayersFlatItem));
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

static const LayersFlatItem *item(const LayersFlat *f, LayersFlatCpu *c, guint64 i)
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

void layers_flat_at(LayersFlat *f, gint32 cpu, gint64 time, LayersLower *out)
{
	LayersFlatCpu *c = &f->cpus[cpu];
	const LayersFlatItem *i = c->at < c->end ? item(f, c, c->at) : NULL;

	if (i && i->end <= time) {
		c->at_begin = i->end;
		i = ++c->at < c->end ? item(f, c, c->at) : NULL;
	}
	if (time < c->at_begin || (i && i->end <= time)) {
		search(f, c, time);
		i = c->at < c->end ? item(f, c, c->at) : NULL;
	}
	*out = i ? (LayersLower){.begin = time, .end = i->end, .kind = i->kind, .level = i->level, .halting = i->halting, .detail = i->detail} :
		   (LayersLower){.begin = time, .end = G_MAXINT64, .kind = LAYERS_LOWER_UNKNOWN};
}
