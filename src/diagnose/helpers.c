/* SPDX-License-Identifier: MIT */
/* helpers.c: when a VM's helpers waited for a processor, and who had it. */
#include "diagnose/helpers.h"

typedef struct {
	Diagnose *d;
	const AnalysisStoreTrace *host;
	guint threads;
	guint64 n_threads;
	const GArray *occupants; /* by processor: rows that tell who had it */
	gint64 begin, end;
	void (*found)(gpointer user, const DiagnoseHelperWait *wait);
	gpointer user;
	/* of one helper */
	guint32 serial, row;
	gint32 cpu;          /* where it was found last */
} Scan;

gboolean diagnose_is_helper(const Diagnose *d, const AnalysisStoreTrace *host, const KvmVmItem *vm, guint32 serial)
{
	const KernelThreadItem *item = kernel_find_thread(host->history, serial);

	if (!item || vm->pid < 0 || layers_vcpu_of(d->layers, host->member, serial) != EXPERIMENT_NONE)
		return FALSE;
	return item->pid == vm->pid || diagnose_vhost_pid(history_text_get(host->history, item->name)) == vm->pid;
}

/* The thread that a serial turned out to be. */
static guint32 real(const Scan *s, guint32 serial)
{
	return serial < s->n_threads ? ((const KernelThreadItem *)history_table_get(s->host->history, s->threads, serial))->same_as : serial;
}

static guint32 occupants_of(const Scan *s, gint32 cpu)
{
	return cpu >= 0 && (guint)cpu < s->occupants->len ? g_array_index(s->occupants, guint32, cpu) : HISTORY_NO_ROW;
}

static gboolean has(const Scan *s, gint32 cpu, gint64 time)
{
	guint32 row = occupants_of(s, cpu);
	HistoryInterval i;

	return row != HISTORY_NO_ROW && history_at(s->host->history, row, time, &i) && i.state == KERNEL_OCCUPANT_THREAD &&
	       real(s, i.detail) == s->serial;
}

/* The processor that it has at a time; -1: none that is known. */
static gint32 cpu_at(Scan *s, gint64 time)
{
	if (has(s, s->cpu, time))
		return s->cpu;
	for (guint cpu = 0; cpu < s->occupants->len; cpu++)
		if ((gint32)cpu != s->cpu && has(s, (gint32)cpu, time))
			return s->cpu = (gint32)cpu;
	return -1;
}

/* Who had a processor while it waited for that. */
static void split(Scan *s, gint64 begin, gint64 end, guint state, gint32 cpu)
{
	guint32 row = occupants_of(s, cpu);
	HistoryWalk walk;
	HistoryInterval i;

	begin = MAX(begin, s->begin);
	end = MIN(end, s->end);
	if (row == HISTORY_NO_ROW || begin >= end)
		return;
	history_walk(&walk, s->host->history, row, begin, end);
	while (history_walk_next(&walk, &i)) {
		guint32 occupant = i.state == KERNEL_OCCUPANT_THREAD ? real(s, i.detail) : G_MAXUINT32;
		DiagnoseHelperWait wait = {MAX(i.begin_ns, begin), MIN(i.end_ns, end), s->row, state, cpu, occupant};

		if (occupant != s->serial)
			s->found(s->user, &wait);
	}
}

/* It waits for the processor that was taken from it, ... */
static void scan_preemptions(Scan *s)
{
	HistoryWalk walk;
	HistoryInterval i;

	history_walk(&walk, s->host->history, s->row, s->begin, s->end);
	while (history_walk_next(&walk, &i))
		if (i.state == KERNEL_TS_PREEMPTED)
			split(s, i.begin_ns, i.end_ns, i.state, cpu_at(s, i.begin_ns - 1));
}

/* ... or, once woken, for the one that it gets in the end. `rows`: by serial, of helpers; else HISTORY_NO_ROW. */
static void scan_wakeups(Scan *s, const guint32 *rows)
{
	guint table;
	guint64 n = 0;

	if (!history_find_table(s->host->history, KERNEL_LATENCIES_TABLE, sizeof(KernelLatencyItem), &table))
		return;
	for (guint64 i = 0;; i += n) {
		const KernelLatencyItem *run = history_table_run(s->host->history, table, i, &n);

		if (!run)
			return;
		for (guint64 k = 0; k < n; k++) {
			if (run[k].thread >= s->n_threads || rows[run[k].thread] == HISTORY_NO_ROW)
				continue;
			s->serial = real(s, run[k].thread);
			s->row = rows[run[k].thread];
			split(s, run[k].woken_ns, run[k].run_ns, KERNEL_TS_WAIT_CPU, run[k].cpu);
		}
	}
}

/* By serial, and by all that turned out to be the same thread: rows of the VM's helpers, else HISTORY_NO_ROW; and for how long they wanted to run, and had no processor. The caller frees. */
static guint32 *helpers_of(const Scan *s, const KvmVmItem *vm, gint64 *wanted, gint64 *waited)
{
	guint32 *rows = g_new(guint32, s->n_threads + 1);

	for (guint32 i = 0; i < s->n_threads; i++) {
		const KernelThreadItem *item = kernel_find_thread(s->host->history, i);
		gint64 ns[HISTORY_STATES_MAX] = {0};

		rows[i] = item->row != KERNEL_NO_ROW && diagnose_is_helper(s->d, s->host, vm, item->same_as) ? item->row : HISTORY_NO_ROW;
		if (rows[i] == HISTORY_NO_ROW || item->same_as != i)
			continue;
		history_sums(s->host->history, item->row, s->begin, s->end, ns);
		for (guint k = KERNEL_TS_RUNNING; k <= KERNEL_TS_THROTTLED; k++)
			*wanted += ns[k];
		*waited += ns[KERNEL_TS_PREEMPTED] + ns[KERNEL_TS_WAIT_CPU];
	}
	return rows;
}

gint64 diagnose_helper_waits(Diagnose *d, const AnalysisStoreTrace *host, const KvmVmItem *vm, gint64 least_ns,
			     void (*found)(gpointer user, const DiagnoseHelperWait *wait), gpointer user)
{
	g_autoptr(GArray) occupants = diagnose_rows_of_cpus(host, KERNEL_OCCUPANT_ROW_KIND);
	Scan s = {.d = d, .host = host, .occupants = occupants, .begin = diagnose_begin(d, host), .end = diagnose_end(d, host), .found = found, .user = user, .cpu = -1};
	gint64 wanted = 0, waited = 0;

	if (!history_find_table(host->history, KERNEL_THREADS_TABLE, sizeof(KernelThreadItem), &s.threads))
		return 0;
	s.n_threads = history_table_len(host->history, s.threads);
	g_autofree guint32 *rows = helpers_of(&s, vm, &wanted, &waited);
	if (waited < least_ns)
		return wanted;
	scan_wakeups(&s, rows);
	for (guint32 i = 0; i < s.n_threads; i++) {
		s.serial = i;
		s.row = rows[i];
		if (s.row != HISTORY_NO_ROW && real(&s, i) == i)
			scan_preemptions(&s);
	}
	return wanted;
}
