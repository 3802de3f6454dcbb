/* SPDX-License-Identifier: MIT */
/* times.c: where the time of threads went. */
#include "analysis/times.h"

#include <string.h>

gboolean analysis_threads_open(AnalysisThreads *t, const AnalysisQuery *q, const AnalysisStoreTrace *trace, const AnalysisFilter *f)
{
	*t = (AnalysisThreads){.query = q, .trace = trace, .filter = f};
	if (!f || !history_find_table(trace->history, KERNEL_THREADS_TABLE, sizeof(KernelThreadItem), &t->table))
		return FALSE;
	t->n = history_table_len(trace->history, t->table);
	return TRUE;
}

const KernelThreadItem *analysis_threads_get(const AnalysisThreads *t, guint64 serial)
{
	const KernelThreadItem *item = history_table_get(t->trace->history, t->table, serial);

	return item->row != KERNEL_NO_ROW && item->same_as == serial && analysis_filter_thread(t->filter, (guint32)serial) ? item : NULL;
}

gboolean analysis_threads_life(const AnalysisThreads *t, const KernelThreadItem *item, gint64 *begin_ns, gint64 *end_ns)
{
	*begin_ns = MAX(*begin_ns, history_row_begin(t->trace->history, item->row));
	*end_ns = MIN(*end_ns, history_row_end(t->trace->history, item->row));
	return *begin_ns < *end_ns;
}

gboolean analysis_check_steps(const AnalysisStore *s, const AnalysisQuery *q, GError **error)
{
	double ns = (double)MIN(q->end_ns, s->end_ns) - (double)MAX(q->begin_ns, s->begin_ns);

	if (q->form != ANALYSIS_SERIES || ns / (double)MAX(q->every_ns, 1) <= ANALYSIS_STEPS_MAX)
		return TRUE;
	g_set_error(error, ST_ERROR, ST_ERROR_USAGE, "--every: that would be more than %d steps; take longer ones, or a part of the time with --begin and --end",
		    ANALYSIS_STEPS_MAX);
	return FALSE;
}

gboolean analysis_next_step(const AnalysisThreads *t, gint64 *begin_ns, gint64 *end_ns)
{
	gint64 last = analysis_filter_end(t->filter);

	*begin_ns = *end_ns;
	if (*begin_ns >= last)
		return FALSE;
	*end_ns = t->query->form == ANALYSIS_SERIES && t->query->every_ns < last - *begin_ns ? *begin_ns + MAX(t->query->every_ns, 1) : last;
	return TRUE;
}

/* ---- Times ------------------------------------------------------------------------------------------------------- */

static gboolean is_on_cpu(guint state)
{
	return (state >= KERNEL_TS_RUNNING && state <= KERNEL_TS_GUEST) || state >= KERNEL_TS_STEAL0;
}

static gboolean is_blocked(guint state)
{
	return state >= KERNEL_TS_BLOCKED && state <= KERNEL_TS_B_IDLE;
}

/* What has happened within a part of its life. */
static void count(AnalysisTimes *times, const AnalysisThreads *t, const KernelThreadItem *item, gint64 begin_ns, gint64 end_ns)
{
	HistoryWalk walk;
	HistoryInterval i;
	guint before = KERNEL_TS_COUNT;

	/* One interval earlier, so that what comes before the first one is known. */
	history_walk(&walk, t->trace->rows, item->row, begin_ns > G_MININT64 ? begin_ns - 1 : begin_ns, end_ns);
	while (history_walk_next(&walk, &i)) {
		if (i.begin_ns >= begin_ns && before != KERNEL_TS_COUNT) {
			gboolean ready = i.state == KERNEL_TS_PREEMPTED || i.state == KERNEL_TS_YIELDED || i.state == KERNEL_TS_THROTTLED;

			times->switches += is_on_cpu(i.state) && !is_on_cpu(before);
			times->preemptions += ready && is_on_cpu(before);
			times->wakeups += i.state == KERNEL_TS_WAIT_CPU && (before == KERNEL_TS_UNKNOWN || is_blocked(before));
		}
		before = i.state;
	}
}

void analysis_times_add(AnalysisTimes *times, const AnalysisThreads *t, const KernelThreadItem *item, gint64 begin_ns, gint64 end_ns)
{
	gint64 ns[HISTORY_STATES_MAX];

	history_sums(t->trace->rows, item->row, begin_ns, end_ns, ns);
	for (guint s = 0; s < KERNEL_TS_COUNT; s++)
		times->ns[s] += ns[s];
	times->threads++;
	if (begin_ns > history_row_begin(t->trace->history, item->row) || end_ns < history_row_end(t->trace->history, item->row)) {
		count(times, t, item, begin_ns, end_ns);
		return;
	}
	times->switches += item->switches;
	times->preemptions += item->preemptions;
	times->wakeups += item->wakeups;
}

void analysis_times_merge(AnalysisTimes *total, const AnalysisTimes *times)
{
	for (guint s = 0; s < KERNEL_TS_COUNT; s++)
		total->ns[s] += times->ns[s];
}

gboolean analysis_times_active(const AnalysisTimes *times)
{
	for (guint s = KERNEL_TS_RUNNING; s < KERNEL_TS_BLOCKED; s++)
		if (times->ns[s])
			return TRUE;
	return FALSE;
}

/* ---- Latencies --------------------------------------------------------------------------------------------------- */

/* By serial: the key of each thread, which has far more latencies than one; those that aren't wanted have none. */
typedef struct {
	guint64 key;
	gboolean wanted;
} LatencyKey;

static LatencyKey *latency_keys(const AnalysisThreads *t, AnalysisThreadKey key)
{
	LatencyKey *keys = g_new0(LatencyKey, MAX(t->n, 1));

	for (guint32 i = 0; i < t->n; i++) {
		guint32 serial = ((const KernelThreadItem *)history_table_get(t->trace->history, t->table, i))->same_as;

		keys[i].wanted = analysis_filter_thread(t->filter, i);
		keys[i].key = key(history_table_get(t->trace->history, t->table, serial), serial);
	}
	return keys;
}

AnalysisGroups *analysis_latencies(const AnalysisThreads *t, AnalysisThreadKey key)
{
	AnalysisGroups *groups = analysis_groups_new(t->query, t->filter);
	const History *h = t->trace->history;
	guint table;
	guint64 n;

	if (!history_find_table(h, KERNEL_LATENCIES_TABLE, sizeof(KernelLatencyItem), &table))
		return groups;
	g_autofree LatencyKey *keys = latency_keys(t, key);
	for (guint64 i = 0; i < history_table_len(h, table); i += n) {
		const KernelLatencyItem *items = history_table_run(h, table, i, &n);

		for (guint64 j = 0; j < n; j++) {
			const KernelLatencyItem *l = &items[j];

			if (l->thread < t->n && keys[l->thread].wanted && analysis_in_range(t->filter, l->run_ns))
				analysis_groups_add(groups, keys[l->thread].key, 0, l->run_ns, l->run_ns - l->woken_ns, 0, FALSE);
		}
	}
	return groups;
}

/* ---- Columns ------------------------------------------------------------------------------------------------------ */

/* C(NAME, TITLE, FIRST STATE, LAST STATE, IN TEXT): sums of states that follow one another. */
/* clang-format off */
#define TIME_COLUMNS(C) \
	C(cpu_ns,             "ON CPU",     RUNNING,   GUEST,     TRUE) \
	C(user_ns,            "USER",       USER,      USER,      TRUE) \
	C(syscall_ns,         "SYSCALL",    SYSCALL,   SYSCALL,   TRUE) \
	C(running_ns,         "USER/SYSCALL", RUNNING, RUNNING,  TRUE) \
	C(irq_ns,             "IRQ",        IRQ,       IRQ,       FALSE) \
	C(softirq_ns,         "SOFTIRQ",    SOFTIRQ,   SOFTIRQ,   FALSE) \
	C(guest_ns,           "GUEST",      GUEST,     GUEST,     TRUE) \
	C(steal_ns,           "STEAL",      STEAL0,    STEAL2,    TRUE) \
	C(exit_ns,            "EXITS",      EXIT0,     EXIT2,     TRUE) \
	C(preempted_ns,       "PREEMPTED",  PREEMPTED, PREEMPTED, TRUE) \
	C(yielded_ns,         "YIELDED",    YIELDED,   YIELDED,   FALSE) \
	C(wait_cpu_ns,        "WAITED",     WAIT_CPU,  WAIT_CPU,  TRUE) \
	C(throttled_ns,       "THROTTLED",  THROTTLED, THROTTLED, TRUE) \
	C(blocked_ns,         "BLOCKED",    BLOCKED,   B_IDLE,    TRUE) \
	C(blocked_disk_ns,    "DISK",       B_DISK,    B_DISK,    FALSE) \
	C(blocked_network_ns, "NETWORK",    B_NETWORK, B_NETWORK, FALSE) \
	C(blocked_timer_ns,   "TIMER",      B_TIMER,   B_TIMER,   FALSE) \
	C(blocked_futex_ns,   "FUTEX",      B_FUTEX,   B_FUTEX,   FALSE) \
	C(blocked_pipe_ns,    "PIPE",       B_PIPE,    B_PIPE,    FALSE) \
	C(blocked_socket_ns,  "SOCKET",     B_SOCKET,  B_SOCKET,  FALSE) \
	C(blocked_child_ns,   "CHILD",      B_CHILD,   B_CHILD,   FALSE) \
	C(blocked_poll_ns,    "POLL",       B_POLL,    B_POLL,    FALSE) \
	C(blocked_event_ns,   "EVENT",      B_EVENT,   B_EVENT,   FALSE) \
	C(blocked_fault_ns,   "FAULT",      B_FAULT,   B_FAULT,   FALSE) \
	C(blocked_kernel_ns,  "KERNEL",     B_KERNEL,  B_KERNEL,  FALSE) \
	C(blocked_signal_ns,  "SIGNAL",     B_SIGNAL,  B_SIGNAL,  FALSE) \
	C(blocked_idle_ns,    "NO WORK",    B_IDLE,    B_IDLE,    FALSE) \
	C(blocked_unknown_ns, "REASON UNKNOWN", BLOCKED, BLOCKED, FALSE) \
	C(unknown_ns,         "UNKNOWN",    UNKNOWN,   UNKNOWN,   FALSE)
/* clang-format on */

static const struct {
	const char *name, *title;
	guint8 first, last;
	gboolean in_text;
} time_columns[] = {
#define C(name, title, first, last, in_text) {#name, title, KERNEL_TS_##first, KERNEL_TS_##last, in_text},
	TIME_COLUMNS(C)
#undef C
};

#define N_TIMES G_N_ELEMENTS(time_columns)

/* After those of the states. */
enum { MOSTLY = N_TIMES, SWITCHES, PREEMPTIONS, WAKEUPS, LATENCY_P50, LATENCY_P99, LATENCY_MAX, LATENCY_TOTAL, HISTOGRAM };

static void add_hidden(View *v, const char *name, const char *title, ViewUnit unit)
{
	view_hide_from_text(v, view_add_column(v, name, title, unit));
}

guint analysis_times_columns(View *v, const AnalysisQuery *q)
{
	guint first = 0;

	for (guint c = 0; c < N_TIMES; c++) {
		guint column = view_add_column(v, time_columns[c].name, time_columns[c].title, VIEW_NS);

		if (c == 0)
			first = column;
		if (!time_columns[c].in_text)
			view_hide_from_text(v, column);
	}
	view_add_column(v, "blocked_mostly", "MOSTLY FOR", VIEW_TEXT);
	add_hidden(v, "switches", "SWITCHES", VIEW_COUNT);
	add_hidden(v, "preemptions", "PREEMPTIONS", VIEW_COUNT);
	add_hidden(v, "wakeups", "WAKEUPS", VIEW_COUNT);
	add_hidden(v, "latency_p50_ns", "P50 WAIT", VIEW_NS);
	add_hidden(v, "latency_p99_ns", "P99 WAIT", VIEW_NS);
	view_add_column(v, "latency_max_ns", "MAX WAIT", VIEW_NS);
	add_hidden(v, "latency_ns", "WAITS", VIEW_NS);
	if (q->histogram)
		view_add_column(v, "histogram", "WAITS", VIEW_BINS);
	return first;
}

static gint64 column_ns(const AnalysisTimes *times, guint c)
{
	gint64 ns = 0;

	for (guint s = time_columns[c].first; s <= time_columns[c].last; s++)
		ns += times->ns[s];
	return ns;
}

/* Where all system calls were recorded, hardly any time is not known to be either in one or in user space; else hardly any time is. */
static gboolean is_idle_column(const AnalysisTimes *total, guint c)
{
	if (time_columns[c].last == KERNEL_TS_RUNNING)
		return total->ns[KERNEL_TS_RUNNING] <= total->ns[KERNEL_TS_USER];
	gboolean rare = (time_columns[c].first >= KERNEL_TS_GUEST && time_columns[c].first <= KERNEL_TS_THROTTLED) || time_columns[c].first >= KERNEL_TS_STEAL0;

	return rare && !column_ns(total, c);
}

void analysis_times_end(View *v, guint first, const AnalysisTimes *total)
{
	for (guint c = 0; c < N_TIMES; c++)
		if (is_idle_column(total, c))
			view_hide_from_text(v, first + c);
}

static void set_mostly(View *v, guint column, const AnalysisTimes *times)
{
	guint most = KERNEL_TS_BLOCKED;

	for (guint s = KERNEL_TS_BLOCKED; s <= KERNEL_TS_B_IDLE; s++)
		if (times->ns[s] > times->ns[most])
			most = s;
	if (times->ns[most])
		view_set_text(v, column, kernel_wait_name((KernelWaitReason)(most - KERNEL_TS_BLOCKED)));
}

void analysis_times_set(View *v, guint first, const AnalysisQuery *q, const AnalysisTimes *times, const AnalysisGroup *latencies)
{
	for (guint c = 0; c < N_TIMES; c++)
		view_set_int(v, first + c, column_ns(times, c));
	set_mostly(v, first + MOSTLY, times);
	view_set_uint(v, first + SWITCHES, times->switches);
	view_set_uint(v, first + PREEMPTIONS, times->preemptions);
	view_set_uint(v, first + WAKEUPS, times->wakeups);
	if (!latencies)
		return;
	view_set_int(v, first + LATENCY_P50, st_hist_percentile(&latencies->hist, 50));
	view_set_int(v, first + LATENCY_P99, st_hist_percentile(&latencies->hist, 99));
	view_set_int(v, first + LATENCY_MAX, latencies->max_ns);
	view_set_int(v, first + LATENCY_TOTAL, latencies->total_ns);
	if (q->histogram)
		analysis_set_bins(v, first + HISTOGRAM, &latencies->hist);
}

/* ---- Names -------------------------------------------------------------------------------------------------------- */

GHashTable *analysis_process_names(const AnalysisStoreTrace *t)
{
	GHashTable *names = g_hash_table_new(NULL, NULL);
	guint table;

	if (!history_find_table(t->history, KERNEL_THREADS_TABLE, sizeof(KernelThreadItem), &table))
		return names;
	for (guint64 i = 0; i < history_table_len(t->history, table); i++) {
		const KernelThreadItem *item = history_table_get(t->history, table, i);
		const char *name = history_text_get(t->history, item->name);

		if (item->same_as == i && item->pid >= 0 && *name &&
		    (item->tid == item->pid || !g_hash_table_contains(names, GINT_TO_POINTER(item->pid))))
			g_hash_table_insert(names, GINT_TO_POINTER(item->pid), (gpointer)name);
	}
	return names;
}
