/* SPDX-License-Identifier: MIT */
/* helpers.c: when a VM's helpers waited for a processor, and who had it. */
#include "diagnose/helpers.h"

typedef struct {
	Diagnose *d;
	const AnalysisStoreTrace *host;
	gint64 begin, end;
	void (*found)(gpointer user, const DiagnoseHelperWait *wait);
	gpointer user;
	/* of one helper */
	guint32 serial, row;
	gint32 cpu;          /* where it was found last */
} Scan;

/* The thread that a serial turned out to be. */
static guint32 real(const History *h, guint32 serial)
{
	const KernelThreadItem *item = kernel_find_thread(h, serial);

	return item ? item->same_as : serial;
}

gboolean diagnose_is_helper(const Diagnose *d, const AnalysisStoreTrace *host, const KvmVmItem *vm, guint32 serial)
{
	const KernelThreadItem *item = kernel_find_thread(host->history, serial);

	if (!item || vm->pid < 0 || layers_vcpu_of(d->layers, host->member, serial) != EXPERIMENT_NONE)
		return FALSE;
	return item->pid == vm->pid || diagnose_vhost_pid(history_text_get(host->history, item->name)) == vm->pid;
}

static gboolean has(const Scan *s, gint32 cpu, gint64 time)
{
	guint32 row = diagnose_occupant_row(s->d, s->host, cpu);
	HistoryInterval i;

	return row != HISTORY_NO_ROW && history_at(s->host->history, row, time, &i) && i.state == KERNEL_OCCUPANT_THREAD &&
	       real(s->host->history, i.detail) == s->serial;
}

/* The processor that it has at a time; -1: none that is known. */
static gint32 cpu_at(Scan *s, gint64 time)
{
	guint table;

	if (has(s, s->cpu, time))
		return s->cpu;
	if (!history_find_table(s->host->history, KERNEL_CPUS_TABLE, sizeof(KernelCpuItem), &table))
		return -1;
	for (guint64 i = 0; i < history_table_len(s->host->history, table); i++) {
		gint32 cpu = ((const KernelCpuItem *)history_table_get(s->host->history, table, i))->cpu;

		if (has(s, cpu, time))
			return s->cpu = cpu;
	}
	return -1;
}

/* It waits for the processor that was taken from it, or that it gets in the end. */
static void split(Scan *s, const HistoryInterval *at)
{
	gint64 begin = MAX(at->begin_ns, s->begin), end = MIN(at->end_ns, s->end);
	gint32 cpu = cpu_at(s, at->state == KERNEL_TS_PREEMPTED ? at->begin_ns - 1 : at->end_ns);
	guint32 row = diagnose_occupant_row(s->d, s->host, cpu);
	HistoryWalk walk;
	HistoryInterval i;

	if (row == HISTORY_NO_ROW)
		return;
	history_walk(&walk, s->host->history, row, begin, end);
	while (history_walk_next(&walk, &i)) {
		guint32 occupant = i.state == KERNEL_OCCUPANT_THREAD ? real(s->host->history, i.detail) : G_MAXUINT32;
		DiagnoseHelperWait wait = {MAX(i.begin_ns, begin), MIN(i.end_ns, end), s->row, at->state, cpu, occupant};

		if (occupant != s->serial)
			s->found(s->user, &wait);
	}
}

static gint64 scan_thread(Scan *s)
{
	HistoryWalk walk;
	HistoryInterval i;
	gint64 ns[HISTORY_STATES_MAX] = {0}, wanted = 0;

	history_sums(s->host->history, s->row, s->begin, s->end, ns);
	for (guint k = KERNEL_TS_RUNNING; k <= KERNEL_TS_THROTTLED; k++)
		wanted += ns[k];
	if (!ns[KERNEL_TS_PREEMPTED] && !ns[KERNEL_TS_WAIT_CPU])
		return wanted;
	history_walk(&walk, s->host->history, s->row, s->begin, s->end);
	while (history_walk_next(&walk, &i))
		if (i.state == KERNEL_TS_PREEMPTED || i.state == KERNEL_TS_WAIT_CPU)
			split(s, &i);
	return wanted;
}

gint64 diagnose_helper_waits(Diagnose *d, const AnalysisStoreTrace *host, const KvmVmItem *vm, gint64 begin_ns, gint64 end_ns,
			     void (*found)(gpointer user, const DiagnoseHelperWait *wait), gpointer user)
{
	Scan s = {.d = d, .host = host, .begin = begin_ns, .end = end_ns, .found = found, .user = user, .cpu = -1};
	gint64 wanted = 0;
	guint table;

	if (!history_find_table(host->history, KERNEL_THREADS_TABLE, sizeof(KernelThreadItem), &table))
		return 0;
	for (guint32 i = 0; i < history_table_len(host->history, table); i++) {
		const KernelThreadItem *item = history_table_get(host->history, table, i);

		if (item->row == KERNEL_NO_ROW || item->same_as != i || !diagnose_is_helper(d, host, vm, i))
			continue;
		s.serial = i;
		s.row = item->row;
		wanted += scan_thread(&s);
	}
	return wanted;
}
