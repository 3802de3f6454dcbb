/* SPDX-License-Identifier: MIT */
/*
 * requests_processor.c: what became of the processor that a guest's thread waited for. A thread that is preempted, or waits for its turn, waits longer if the processor itself is
 * stolen meanwhile: then that is the cause.
 */
#include <stdio.h>

#include "analysis/requests.h"
#include "kernel/flow.h"

struct RequestProcessors {
	const AnalysisStoreTrace *trace;
	guint n;
	guint32 *occupants, *cpus; /* rows, by number of the processor; HISTORY_NO_ROW */
};

static void note(guint32 **rows, guint *n, guint cpu, guint32 row)
{
	while (*n <= cpu) {
		*rows = g_renew(guint32, *rows, *n + 1);
		(*rows)[(*n)++] = HISTORY_NO_ROW;
	}
	(*rows)[cpu] = row;
}

RequestProcessors *request_processors_new(const AnalysisStoreTrace *t)
{
	const History *h = t->history;
	guint occupant, cpu, number, n_occupants = 0, n_cpus = 0;

	if (t->rows == h || !history_find_kind(h, KERNEL_OCCUPANT_ROW_KIND, &occupant) || !history_find_kind(h, KERNEL_CPU_ROW_KIND, &cpu))
		return NULL;
	RequestProcessors *p = g_new0(RequestProcessors, 1);
	p->trace = t;
	for (guint32 row = 0; row < history_n_rows(h); row++) {
		guint kind = history_row_kind(h, row);

		if ((kind != occupant && kind != cpu) || sscanf(history_row_path(h, row), "cpu/%u", &number) != 1 || number >= KERNEL_CPU_MAX)
			continue;
		if (kind == occupant)
			note(&p->occupants, &n_occupants, number, row);
		else
			note(&p->cpus, &n_cpus, number, row);
	}
	p->n = MIN(n_occupants, n_cpus);
	return p;
}

void request_processors_free(RequestProcessors *p)
{
	if (!p)
		return;
	g_free(p->occupants);
	g_free(p->cpus);
	g_free(p);
}

/* The row of the processor that a thread has at a time. */
static guint32 processor_of(const RequestScan *s, const KernelThreadItem *thread, gint64 time)
{
	const RequestProcessors *p = s->processors;
	HistoryInterval i;

	for (guint cpu = 0; cpu < p->n; cpu++)
		if (p->occupants[cpu] != HISTORY_NO_ROW && history_at(p->trace->history, p->occupants[cpu], time, &i) &&
		    i.state == KERNEL_OCCUPANT_THREAD && requests_thread(s, i.detail) == thread)
			return p->cpus[cpu];
	return HISTORY_NO_ROW;
}

void request_waits_stolen(const RequestScan *s, guint32 serial, const HistoryInterval *wait, gint64 begin_ns, gint64 end_ns, RequestStolenFunc found,
			  gpointer user)
{
	const KernelThreadItem *thread = requests_thread(s, serial);
	gboolean waits = wait->state == KERNEL_TS_PREEMPTED || wait->state == KERNEL_TS_WAIT_CPU;
	guint32 row = s->processors && thread && waits ? processor_of(s, thread, wait->end_ns) : HISTORY_NO_ROW;
	HistoryWalk walk;
	HistoryInterval i;

	if (row == HISTORY_NO_ROW)
		return;
	history_walk(&walk, s->trace->rows, row, begin_ns, end_ns);
	while (history_walk_next(&walk, &i)) {
		gint64 ns = MIN(i.end_ns, end_ns) - MAX(i.begin_ns, begin_ns);

		if (ns > 0 && i.state >= KERNEL_CS_STEAL0 && i.state <= KERNEL_CS_EXIT2)
			found(user, (KernelThreadState)(KERNEL_TS_STEAL0 + (i.state - KERNEL_CS_STEAL0)), i.detail, ns);
	}
}
