/* SPDX-License-Identifier: MIT */
/*
 * frequency.c: processors that were busy ran slower than they can: a limit, a governor that is late, or heat.
 *
 * What they can is the greatest frequency that the trace shows of any of them. A processor with little to do may well be slow; so only half seconds count in which it was busy, and of these the part that it
 * did not do: 1 less its frequency's share of the greatest. Frequencies that the hardware chooses by itself are not traced, and not known.
 */
#include <stdlib.h>

#include "diagnose/private.h"
#include "kernel/irq.h"

#define WINDOW_NS   G_GINT64_CONSTANT(500000000)
#define WINDOWS_MAX 2048 /* of a trace: in longer ones they are longer */

typedef struct {
	Diagnose *d;
	const AnalysisStoreTrace *t;
	gint64 begin, end, width;
	guint megahertz;    /* the greatest */
	gint64 ran;         /* by processors that were busy */
	DiagnoseLoss *loss;
} Scan;

/* 0: not known. */
static guint megahertz_of(const Scan *s, const HistoryInterval *i)
{
	return i->state == KERNEL_FREQUENCY_KNOWN ? (guint)strtoul(history_text_get(s->t->history, i->detail), NULL, 10) : 0;
}

static guint greatest(const Scan *s, const GArray *rows)
{
	HistoryWalk walk;
	HistoryInterval i;
	guint most = 0;

	for (guint c = 0; c < rows->len; c++) {
		if (g_array_index(rows, guint32, c) == HISTORY_NO_ROW)
			continue;
		history_walk(&walk, s->t->history, g_array_index(rows, guint32, c), s->t->begin_ns, s->t->end_ns);
		while (history_walk_next(&walk, &i))
			most = MAX(most, megahertz_of(s, &i));
	}
	return most;
}

static gint64 busy_ns(const Scan *s, guint32 cpu_row, gint64 begin, gint64 end)
{
	gint64 ns[HISTORY_STATES_MAX] = {0}, busy = 0;

	history_sums(s->t->history, cpu_row, begin, end, ns);
	for (guint i = KERNEL_CS_RUNNING; i <= KERNEL_CS_HYPERVISOR; i++)
		busy += ns[i];
	return busy;
}

/* A half second in which it was busy. */
static void add_window(Scan *s, guint32 row, guint32 cpu_row, gint64 begin, gint64 end)
{
	HistoryWalk walk;
	HistoryInterval i;

	s->ran += busy_ns(s, cpu_row, begin, end);
	history_walk(&walk, s->t->history, row, begin, end);
	while (history_walk_next(&walk, &i)) {
		gint64 from = MAX(i.begin_ns, begin), to = MIN(i.end_ns, end);
		guint megahertz = megahertz_of(s, &i);

		if (!megahertz || megahertz >= s->megahertz)
			continue;
		diagnose_loss_add_part(s->loss, from, to, (gint64)((double)busy_ns(s, cpu_row, from, to) * (1 - (double)megahertz / (double)s->megahertz)));
		diagnose_loss_show(s->loss, from, to, row, "running");
	}
}

static void add_cpu(Scan *s, guint32 row, guint32 cpu_row)
{
	for (gint64 at = s->begin; at < s->end; at += s->width) {
		gint64 end = MIN(at + s->width, s->end);

		if ((double)busy_ns(s, cpu_row, at, end) >= s->d->thresholds[DIAGNOSE_FREQUENCY_BUSY] * (double)(end - at))
			add_window(s, row, cpu_row, at, end);
	}
}

/* How often processors said that they were too hot. */
static guint64 thermal_interrupts(const AnalysisStoreTrace *t)
{
	guint table;
	guint64 n = 0;

	if (history_find_table(t->history, KERNEL_IRQ_LINES_TABLE, sizeof(KernelIrqLine), &table))
		for (guint64 i = 0; i < history_table_len(t->history, table); i++) {
			const KernelIrqLine *line = history_table_get(t->history, table, i);

			if (line->kind == KERNEL_IRQ_VECTOR && g_str_has_prefix(history_text_get(t->history, line->name), "thermal"))
				n += line->handled;
		}
	return n;
}

static void add_finding(const Scan *s)
{
	DiagnoseFinding *f = diagnose_finding_new(s->d, "slow-processor", s->loss, s->ran);
	guint64 hot = thermal_interrupts(s->t);

	f->victim = f->offender = s->t->member;
	f->title = g_strdup_printf("Busy processors of %s ran at %.0f MHz on average, of %u that they can%s", s->t->name, (1 - f->share) * s->megahertz, s->megahertz,
				   hot ? ": they were too hot" : "");
	f->advice = g_strdup(hot ? "Cool it better, or give it less to do: its processors protect themselves." :
				   "See which limit or governor keeps them slow (cpupower frequency-info, power caps, the firmware's settings); use the governor \"performance\" where time matters.");
	diagnose_who(&f->sufferer, "machine", s->t->name, s->t->name, -1, -1);
	diagnose_who(&f->culprit, "kernel", hot ? "heat" : "frequency", s->t->name, -1, -1);
	diagnose_add(s->d, f);
}

void diagnose_rule_frequency(Diagnose *d, const AnalysisStoreTrace *t)
{
	g_autoptr(GArray) rows = diagnose_rows_of_cpus(t, KERNEL_FREQUENCY_ROW_KIND);
	g_autoptr(DiagnoseLoss) loss = diagnose_loss_new(t);
	Scan s = {.d = d, .t = t, .begin = diagnose_begin(d, t), .end = diagnose_end(d, t), .loss = loss};

	s.width = MAX(WINDOW_NS, (s.end - s.begin) / WINDOWS_MAX + 1);
	s.megahertz = greatest(&s, rows);
	for (guint c = 0; c < rows->len; c++) {
		guint32 row = g_array_index(rows, guint32, c), cpu_row = kernel_find_cpu_row(t->history, (gint32)c);

		if (row != HISTORY_NO_ROW && cpu_row != KERNEL_NO_ROW)
			add_cpu(&s, row, cpu_row);
	}
	if (s.ran && diagnose_matters(d, loss, s.ran, DIAGNOSE_FREQUENCY_SHARE))
		add_finding(&s);
}
