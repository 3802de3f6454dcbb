/* SPDX-License-Identifier: MIT */
/* pieces.c: which thread had which processor, turned around: where each thread ran. */
#include <stdlib.h>
#include <string.h>

#include "layers/private.h"

/* ---- Rows of processors ------------------------------------------------------------------------------------------------ */

static void note_row(const History *h, guint32 **rows, guint *n, guint32 row)
{
	const char *path = history_row_path(h, row);
	gint64 cpu = g_str_has_prefix(path, "cpu/") ? g_ascii_strtoll(path + 4, NULL, 10) : -1;

	if (cpu < 0 || cpu >= KERNEL_CPU_MAX)
		return;
	while (*n <= cpu) {
		*rows = g_renew(guint32, *rows, *n + 1);
		(*rows)[(*n)++] = HISTORY_NO_ROW;
	}
	(*rows)[cpu] = row;
}

static void find_rows(LayersPieces *p, const History *h)
{
	guint occupant, cpu, n_occupants = 0, n_cpus = 0;
	gboolean has_occupant = history_find_kind(h, KERNEL_OCCUPANT_ROW_KIND, &occupant), has_cpu = history_find_kind(h, KERNEL_CPU_ROW_KIND, &cpu);

	for (guint32 r = 0; r < history_n_rows(h); r++) {
		guint kind = history_row_kind(h, r);

		if (has_occupant && kind == occupant)
			note_row(h, &p->occupants, &n_occupants, r);
		else if (has_cpu && kind == cpu)
			note_row(h, &p->cpus, &n_cpus, r);
	}
	p->n_cpus = MIN(n_occupants, n_cpus); /* they are made together */
}

/* ---- Pieces -------------------------------------------------------------------------------------------------------------- */

static guint32 n_threads(const History *h)
{
	guint table;

	return history_find_table(h, KERNEL_THREADS_TABLE, sizeof(KernelThreadItem), &table) ? (guint32)history_table_len(h, table) : 0;
}

typedef void (*Visit)(LayersPieces *p, const HistoryInterval *i, guint32 serial, gint32 cpu);

static void each(LayersPieces *p, const History *h, Visit visit)
{
	for (guint c = 0; c < p->n_cpus; c++) {
		HistoryWalk walk;
		HistoryInterval i;

		if (p->occupants[c] == HISTORY_NO_ROW)
			continue;
		history_walk(&walk, h, p->occupants[c], G_MININT64, G_MAXINT64);
		while (history_walk_next(&walk, &i)) {
			guint32 serial = i.state == KERNEL_OCCUPANT_THREAD ? layers_real_thread(h, i.detail) : G_MAXUINT32;

			if (serial < p->n_serials)
				visit(p, &i, serial, (gint32)c);
		}
	}
}

static void count(LayersPieces *p, const HistoryInterval *i, guint32 serial, gint32 cpu)
{
	p->first[serial]++;
}

/* first[serial] goes from the end of its pieces to their begin. */
static void put(LayersPieces *p, const HistoryInterval *i, guint32 serial, gint32 cpu)
{
	p->all[--p->first[serial]] = (LayersPiece){i->begin_ns, i->end_ns, serial, cpu};
}

static int by_time(const void *a, const void *b)
{
	const LayersPiece *x = a, *y = b;

	return x->begin != y->begin ? (x->begin > y->begin) - (x->begin < y->begin) : (x->end > y->end) - (x->end < y->end);
}

static void sort(LayersPieces *p)
{
	for (guint32 s = 0; s < p->n_serials; s++)
		qsort(p->all + p->first[s], p->first[s + 1] - p->first[s], sizeof(LayersPiece), by_time);
}

LayersPieces *layers_pieces_new(const History *h)
{
	LayersPieces *p = g_new0(LayersPieces, 1);

	find_rows(p, h);
	p->n_serials = n_threads(h);
	p->first = g_new0(guint64, (gsize)p->n_serials + 1);
	each(p, h, count);
	for (guint32 s = 0; s < p->n_serials; s++)
		p->first[s] = p->n += p->first[s];
	p->first[p->n_serials] = p->n;
	p->all = g_new(LayersPiece, p->n + 1);
	each(p, h, put);
	sort(p);
	return p;
}

void layers_pieces_free(LayersPieces *p)
{
	if (!p)
		return;
	g_free(p->all);
	g_free(p->first);
	g_free(p->occupants);
	g_free(p->cpus);
	g_free(p);
}

guint64 layers_pieces_end(const LayersPieces *p, guint32 serial)
{
	return serial < p->n_serials ? p->first[serial + 1] : p->n;
}

guint64 layers_pieces_find(const LayersPieces *p, guint32 serial, gint64 time)
{
	guint64 lo = serial < p->n_serials ? p->first[serial] : p->n, hi = layers_pieces_end(p, serial);

	while (lo < hi) {
		guint64 mid = lo + (hi - lo) / 2;

		if (p->all[mid].end <= time)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}
