/* SPDX-License-Identifier: MIT */
/*
 * beats.c: when a machine's processors recorded events.
 *
 * A processor's row of states changes with an event that was recorded on it, but for the edges of what is unknown, which may be anywhere. Which events does not matter: those that
 * stand next to the gaps of a vCPU say all there is to say, and they are among those that change the state (an interrupt after the entry, the idle thread before
 * the halt).
 */
#include "experiment/private.h"

#include <math.h>

#include "kernel/flow.h"

#define BITS_MAX 20.0 /* that one gap may say: many chances are not independent */

guint experiment_beat_from(const GArray *times, guint i, gint64 t)
{
	const gint64 *v = (const gint64 *)(gconstpointer)times->data;
	guint step = 1, n = times->len;

	if (i >= n || v[i] >= t)
		return i;
	while (step < n - i && v[i + step] < t) {
		i += step;
		step *= 2;
	}
	guint high = i + MIN(step, n - i); /* v[i] is below t; v[high] is not, or there is none */
	while (high - i > 1) {
		guint middle = i + (high - i) / 2;

		if (v[middle] < t)
			i = middle;
		else
			high = middle;
	}
	return high;
}

/* ---- Rows to times ------------------------------------------------------------------------------------------------- */

/* Only events with a silence of `quiet` before or behind them stay. */
static void thin(ExperimentBeat *b, gint64 quiet)
{
	gint64 *v = (gint64 *)(gpointer)b->times->data;
	guint n = b->times->len, kept = 0;
	gint64 before = G_MININT64;

	for (guint i = 0; i < n; i++) {
		gint64 time = v[i];

		if (before == G_MININT64 || time - before >= quiet || i + 1 == n || v[i + 1] - time >= quiet)
			v[kept++] = time;
		before = time;
	}
	b->left_out += n - kept;
	g_array_set_size(b->times, kept);
}

static void add_times(ExperimentBeat *b, const History *h, guint32 row, guint max)
{
	HistoryWalk w;
	HistoryInterval v;
	gboolean known = FALSE;
	gint64 quiet = 1000;

	history_walk(&w, h, row, G_MININT64, G_MAXINT64);
	while (history_walk_next(&w, &v)) {
		gboolean now = v.state != KERNEL_CS_UNKNOWN;

		if (known && now)
			g_array_append_val(b->times, v.begin_ns);
		known = now;
		for (; b->times->len >= max; quiet *= 2)
			thin(b, quiet);
	}
}

/* ---- What silence says ---------------------------------------------------------------------------------------------- */

/*
 * The chance that a stretch of length L somewhere in the trace has no event in it is the sum over its silences s of max(0, s - L), divided by the trace's length.
 */
static void measure_silences(ExperimentBeat *b)
{
	const gint64 *v = (const gint64 *)(gconstpointer)b->times->data;
	double count[EXPERIMENT_CLASSES + 1] = {0}, total[EXPERIMENT_CLASSES + 1] = {0};
	double length = b->times->len > 1 ? (double)(v[b->times->len - 1] - v[0]) : 0;

	for (guint i = 1; i < b->times->len; i++) {
		guint k = experiment_length_class(v[i] - v[i - 1]);

		count[k]++;
		total[k] += (double)(v[i] - v[i - 1]);
	}
	for (guint k = EXPERIMENT_CLASSES; k-- > 0;) {
		double ns = (double)experiment_class_length(k);
		double chance = length > 0 ? (total[k + 1] - count[k + 1] * ns) / length : 1;

		b->quiet_bits[k] = (float)(chance > 0 ? MIN(-log2(MIN(chance, 1)), BITS_MAX) : BITS_MAX);
		count[k] += count[k + 1];
		total[k] += total[k + 1];
	}
}

static void beat_free(gpointer data)
{
	ExperimentBeat *b = data;

	g_array_unref(b->times);
	g_free(b);
}

static ExperimentBeat *beat_new(const History *h, const KernelCpuItem *item, guint max)
{
	ExperimentBeat *b = g_new0(ExperimentBeat, 1);

	b->cpu = item->cpu;
	b->times = g_array_new(FALSE, FALSE, sizeof(gint64));
	add_times(b, h, item->row, max);
	measure_silences(b);
	return b;
}

GPtrArray *experiment_beats(const History *h)
{
	GPtrArray *beats = g_ptr_array_new_with_free_func(beat_free);
	guint table;

	if (!experiment_is_span(history_begin(h), history_end(h)) ||
	    !history_find_table(h, KERNEL_CPUS_TABLE, sizeof(KernelCpuItem), &table))
		return beats;
	guint64 n = MIN(history_table_len(h, table), EXPERIMENT_CPUS_MAX);
	for (guint64 i = 0; i < history_table_len(h, table) && beats->len < EXPERIMENT_CPUS_MAX; i++) {
		const KernelCpuItem *item = history_table_get(h, table, i);

		if (item->row != KERNEL_NO_ROW && item->cpu >= 0)
			g_ptr_array_add(beats, beat_new(h, item, EXPERIMENT_BEATS_MAX / (guint)n));
	}
	return beats;
}
