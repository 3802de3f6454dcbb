/* SPDX-License-Identifier: MIT */
/* Processors: what they did. */
#include "analysis/commands.h"
#include "analysis/times.h"
#include "kernel/irq.h"

/* C(NAME, TITLE, FIRST STATE, LAST STATE) */
/* clang-format off */
#define STATE_COLUMNS(C) \
	C(idle_ns,       "IDLE",       IDLE, IDLE) \
	C(user_ns,       "USER",       USER, USER) \
	C(syscall_ns,    "SYSCALLS",   SYSCALL, SYSCALL) \
	C(kthread_ns,    "KTHREADS",   KTHREAD, KTHREAD) \
	C(running_ns,    "USER/SYSCALL", RUNNING, RUNNING) \
	C(irq_ns,        "IRQ",        IRQ, IRQ) \
	C(softirq_ns,    "SOFTIRQ",    SOFTIRQ, SOFTIRQ) \
	C(guest_ns,      "GUESTS",     GUEST, GUEST) \
	C(hypervisor_ns, "HYPERVISOR", HYPERVISOR, HYPERVISOR) \
	C(steal_ns,      "STEAL",      STEAL0, STEAL2) \
	C(exit_ns,       "EXITS",      EXIT0, EXIT2) \
	C(unknown_ns,    "UNKNOWN",    UNKNOWN, UNKNOWN)
/* clang-format on */

static const struct {
	const char *name, *title;
	KernelCpuStateId first, last;
} state_columns[] = {
#define C(name, title, first, last) {#name, title, KERNEL_CS_##first, KERNEL_CS_##last},
	STATE_COLUMNS(C)
#undef C
};

#define N_STATES G_N_ELEMENTS(state_columns)

/* Before and after those of the states. */
enum { MACHINE, CPU, BUSY, STATES, SWITCHES = STATES + N_STATES, MHZ };

typedef struct {
	const AnalysisQuery *query;
	View *view;
	guint first;            /* column */
	const AnalysisStoreTrace *trace;
	const AnalysisFilter *filter;
	guint32 frequency_row;  /* KERNEL_NO_ROW: not traced */
	const KernelCpuItem *item;
	gint64 *total;          /* of all rows, by state */
} Table;

/* ---- Frequency ---------------------------------------------------------------------------------------------------- */

static guint32 find_row(const History *h, const char *kind_name, const char *path)
{
	guint kind;

	if (history_find_kind(h, kind_name, &kind))
		for (guint32 r = 0; r < history_n_rows(h); r++)
			if (history_row_kind(h, r) == kind && g_str_equal(history_row_path(h, r), path))
				return r;
	return KERNEL_NO_ROW;
}

/* The mean over the time for which it is known, in MHz; negative: not known. Its rows have it as "2400 MHz". */
static double mean_frequency(const Table *t, gint64 begin_ns, gint64 end_ns)
{
	HistoryWalk walk;
	HistoryInterval i;
	double sum = 0, known = 0;

	if (t->frequency_row == KERNEL_NO_ROW)
		return -1;
	history_walk(&walk, t->trace->history, t->frequency_row, begin_ns, end_ns);
	while (history_walk_next(&walk, &i)) {
		double ns = (double)(MIN(i.end_ns, end_ns) - MAX(i.begin_ns, begin_ns));

		if (i.state != KERNEL_FREQUENCY_KNOWN)
			continue;
		sum += g_ascii_strtod(history_text_get(t->trace->history, i.detail), NULL) * ns;
		known += ns;
	}
	return known > 0 ? sum / known : -1;
}

static gint64 column_ns(const gint64 *ns, guint c)
{
	gint64 sum = 0;

	for (guint s = state_columns[c].first; s <= state_columns[c].last; s++)
		sum += ns[s];
	return sum;
}

/* ---- The table ---------------------------------------------------------------------------------------------------- */

static void add_row(const Table *t, gint64 begin_ns, gint64 end_ns)
{
	const History *h = t->trace->rows;
	gint64 ns[HISTORY_STATES_MAX], all = 0;
	double mhz = mean_frequency(t, begin_ns, end_ns);

	history_sums(h, t->item->row, begin_ns, end_ns, ns);
	view_begin_row(t->view);
	if (t->query->form == ANALYSIS_SERIES)
		analysis_set_time(t->view, 0, t->trace, begin_ns);
	view_set_text(t->view, t->first + MACHINE, t->trace->name);
	view_set_int(t->view, t->first + CPU, t->item->cpu);
	for (guint c = 0; c < N_STATES; c++) {
		view_set_int(t->view, t->first + STATES + c, column_ns(ns, c));
		all += column_ns(ns, c);
	}
	for (guint s = 0; s < KERNEL_CS_COUNT; s++)
		t->total[s] += ns[s];
	if (all - ns[KERNEL_CS_UNKNOWN] > 0)
		view_set_double(t->view, t->first + BUSY,
				1 - (double)ns[KERNEL_CS_IDLE] / (double)(all - ns[KERNEL_CS_UNKNOWN]));
	if (begin_ns <= history_row_begin(h, t->item->row) && end_ns >= history_row_end(h, t->item->row))
		view_set_uint(t->view, t->first + SWITCHES, t->item->switches);
	if (mhz >= 0)
		view_set_double(t->view, t->first + MHZ, mhz);
}

/* The last step ends where the row does: the range's end is behind the last event. */
static void add_cpu(const Table *t)
{
	gint64 end = MIN(analysis_filter_end(t->filter), history_row_end(t->trace->history, t->item->row));
	gint64 step = t->query->form == ANALYSIS_SERIES ? MAX(t->query->every_ns, 1) : G_MAXINT64;

	for (gint64 at = analysis_filter_begin(t->filter); at < end; at += MIN(step, end - at))
		add_row(t, at, step < end - at ? at + step : end);
}

static View *make_table(const AnalysisQuery *q)
{
	gboolean series = q->form == ANALYSIS_SERIES;
	View *v = view_new(series ? "cpus-series" : "cpus", series ? "Processors, over time" : "Processors");

	analysis_add_time_column(v, q);
	view_add_column(v, "machine", "MACHINE", VIEW_TEXT);
	view_add_column(v, "cpu", "CPU", VIEW_ID);
	view_add_column(v, "busy", "BUSY", VIEW_RATIO);
	for (guint c = 0; c < N_STATES; c++)
		view_add_column(v, state_columns[c].name, state_columns[c].title, VIEW_NS);
	view_add_column(v, "switches", "SWITCHES", VIEW_COUNT);
	view_hide_from_text(v, view_add_column(v, "mhz", "MHZ", VIEW_NUMBER));
	return v;
}

/* For people: what no processor did, and what is not known to be user space where nearly everything is known. */
static void hide_columns(View *v, const AnalysisQuery *q, const gint64 *total)
{
	for (guint c = 0; c < N_STATES; c++) {
		KernelCpuStateId state = state_columns[c].first;
		gboolean hidden = state == KERNEL_CS_RUNNING ? total[state] <= total[KERNEL_CS_USER]
							     : state >= KERNEL_CS_GUEST && !column_ns(total, c);

		if (hidden)
			view_hide_from_text(v, (q->form == ANALYSIS_SERIES) + STATES + c);
	}
}

/* ---- The longest ---------------------------------------------------------------------------------------------------- */

enum { LOG_TIME, LOG_MACHINE, LOG_CPU, LOG_STATE, LOG_NS, LOG_DETAIL };

typedef struct {
	const AnalysisStoreTrace *trace;
	gint32 cpu;
	HistoryInterval i;
} Kept;

static gint longer(gconstpointer a, gconstpointer b)
{
	const Kept *x = a, *y = b;
	gint64 p = x->i.end_ns - x->i.begin_ns, q = y->i.end_ns - y->i.begin_ns;

	return p != q ? (p < q) - (p > q) : (x->i.begin_ns > y->i.begin_ns) - (x->i.begin_ns < y->i.begin_ns);
}

/* Once there are twice as many as wanted, the shorter half can go. */
static void find(const Table *t, GArray *kept)
{
	const guint limit = t->query->limit;
	Kept k = {.trace = t->trace, .cpu = t->item->cpu};
	HistoryWalk walk;

	history_walk(&walk, t->trace->rows, t->item->row, analysis_filter_begin(t->filter), analysis_filter_end(t->filter));
	while (history_walk_next(&walk, &k.i)) {
		if (k.i.state == KERNEL_CS_IDLE || k.i.state == KERNEL_CS_UNKNOWN || !analysis_in_range(t->filter, k.i.end_ns))
			continue;
		g_array_append_val(kept, k);
		if (limit && limit < G_MAXUINT / 4 && kept->len >= 2 * limit + 1024) {
			g_array_sort(kept, longer);
			g_array_set_size(kept, limit);
		}
	}
}

static View *make_log(GArray *kept, const AnalysisQuery *q)
{
	View *v = view_new("cpus-log", "The longest times for which processors did one thing");

	view_add_column(v, "time_ns", "BEGIN", VIEW_TIME_NS);
	view_add_column(v, "machine", "MACHINE", VIEW_TEXT);
	view_add_column(v, "cpu", "CPU", VIEW_ID);
	view_add_column(v, "state", "STATE", VIEW_TEXT);
	view_add_column(v, "duration_ns", "FOR", VIEW_NS);
	view_add_column(v, "detail", "DETAIL", VIEW_TEXT);
	g_array_sort(kept, longer);
	for (guint n = 0; n < kept->len && (!q->limit || n < q->limit); n++) {
		const Kept *k = &g_array_index(kept, Kept, n);
		const History *h = k->trace->rows;
		guint kind;

		view_begin_row(v);
		analysis_set_time(v, LOG_TIME, k->trace, k->i.begin_ns);
		view_set_text(v, LOG_MACHINE, k->trace->name);
		view_set_int(v, LOG_CPU, k->cpu);
		if (history_find_kind(h, KERNEL_CPU_ROW_KIND, &kind))
			view_set_text(v, LOG_STATE, history_state_name(h, kind, k->i.state));
		view_set_int(v, LOG_NS, k->i.end_ns - k->i.begin_ns);
		view_set_text(v, LOG_DETAIL, history_text_get(h, k->i.detail));
	}
	view_sort(v, LOG_NS, TRUE);
	return v;
}

/* ---- All processors ------------------------------------------------------------------------------------------------- */

static void each_cpu(Table *t, GArray *kept)
{
	const History *h = t->trace->history;
	guint table;

	if (!history_find_table(h, KERNEL_CPUS_TABLE, sizeof(KernelCpuItem), &table))
		return;
	for (guint64 i = 0; i < history_table_len(h, table); i++) {
		t->item = history_table_get(h, table, i);
		if (!analysis_filter_cpu(t->filter, t->item->cpu))
			continue;
		if (kept) {
			find(t, kept);
			continue;
		}
		g_autofree char *path = g_strdup_printf("cpu/%d/frequency", t->item->cpu);
		t->frequency_row = find_row(h, KERNEL_FREQUENCY_ROW_KIND, path);
		add_cpu(t);
	}
}

View *analysis_cpus(const AnalysisStore *s, const AnalysisQuery *q, GError **error)
{
	if (!analysis_check_steps(s, q, error))
		return NULL;
	g_autoptr(GArray) kept = q->form == ANALYSIS_LOG ? g_array_new(FALSE, FALSE, sizeof(Kept)) : NULL;
	View *v = kept ? NULL : make_table(q);
	gint64 total[KERNEL_CS_COUNT] = {0};

	for (guint i = 0; i < s->traces->len; i++) {
		const AnalysisStoreTrace *trace = g_ptr_array_index(s->traces, i);
		g_autoptr(AnalysisFilter) f = analysis_filter_new(q, trace);
		Table t = {.query = q, .view = v, .first = q->form == ANALYSIS_SERIES, .trace = trace, .filter = f, .total = total};

		if (f)
			each_cpu(&t, kept);
	}
	if (kept)
		v = make_log(kept, q);
	else
		hide_columns(v, q, total);
	if (q->form == ANALYSIS_SERIES)
		view_sort(v, 0, FALSE);
	view_set_empty_text(v, "No processor was seen.");
	return v;
}
