/* SPDX-License-Identifier: MIT */
/* latencies.c: the longest times that woken threads waited for a processor. */
#include "analysis/times.h"

enum { TIME, MACHINE, TID, NAME, PRIO, CPU, RUN, LATENCY, FROM, WAKER };

typedef struct {
	AnalysisThreads threads;
	const KernelLatencyItem *item;
} Kept;

static gint64 length(const KernelLatencyItem *l)
{
	return l->run_ns - l->woken_ns;
}

static gint longer(gconstpointer a, gconstpointer b)
{
	const KernelLatencyItem *x = ((const Kept *)a)->item, *y = ((const Kept *)b)->item;

	if (length(x) != length(y))
		return length(x) < length(y) ? 1 : -1;
	return (x->woken_ns > y->woken_ns) - (x->woken_ns < y->woken_ns);
}

/* Once there are twice as many as wanted, the shorter half can go. */
static void keep(GArray *kept, const AnalysisThreads *t, const KernelLatencyItem *l)
{
	const guint limit = t->query->limit;
	Kept k = {*t, l};

	g_array_append_val(kept, k);
	if (limit && limit < G_MAXUINT / 4 && kept->len >= 2 * limit + 1024) {
		g_array_sort(kept, longer);
		g_array_set_size(kept, limit);
	}
}

static void find(GArray *kept, const AnalysisThreads *t)
{
	const History *h = t->trace->history;
	guint table;

	if (!history_find_table(h, KERNEL_LATENCIES_TABLE, sizeof(KernelLatencyItem), &table))
		return;
	for (guint64 i = 0; i < history_table_len(h, table); i++) {
		const KernelLatencyItem *l = history_table_get(h, table, i);

		if (analysis_in_range(t->filter, l->run_ns) && analysis_filter_thread(t->filter, l->thread) && analysis_filter_cpu(t->filter, l->cpu))
			keep(kept, t, l);
	}
}

static const char *from_name(guint8 from)
{
	static const char *const names[] = {[KERNEL_FROM_THREAD] = "thread", [KERNEL_FROM_IRQ] = "irq", [KERNEL_FROM_VECTOR] = "vector",
					    [KERNEL_FROM_SOFTIRQ] = "softirq"};

	return from < G_N_ELEMENTS(names) ? names[from] : NULL;
}

static void add_row(View *v, const Kept *k)
{
	const KernelLatencyItem *l = k->item;
	const History *h = k->threads.trace->history;
	const KernelThreadItem *item = history_table_get(h, k->threads.table, l->thread);
	const char *waker = history_text_get(h, l->waker_text);

	item = history_table_get(h, k->threads.table, item->same_as);
	view_begin_row(v);
	analysis_set_time(v, TIME, k->threads.trace, l->woken_ns);
	view_set_text(v, MACHINE, k->threads.trace->name);
	view_set_int(v, TID, item->tid);
	view_set_text(v, NAME, history_text_get(h, item->name));
	if (l->prio != KERNEL_NO_PRIO)
		view_set_int(v, PRIO, l->prio);
	view_set_int(v, CPU, l->cpu);
	analysis_set_time(v, RUN, k->threads.trace, l->run_ns);
	view_set_int(v, LATENCY, length(l));
	view_set_text(v, FROM, from_name(l->from));
	view_set_text(v, WAKER, *waker ? waker : NULL);
}

View *analysis_latency_log(const AnalysisStore *s, const AnalysisQuery *q)
{
	g_autoptr(GArray) kept = g_array_new(FALSE, FALSE, sizeof(Kept));
	g_autoptr(GPtrArray) filters = g_ptr_array_new_with_free_func((GDestroyNotify)analysis_filter_free);
	View *v = view_new("threads-log", "The longest waits of woken threads for a processor");

	view_add_column(v, "time_ns", "WOKEN", VIEW_TIME_NS);
	view_add_column(v, "machine", "MACHINE", VIEW_TEXT);
	view_add_column(v, "tid", "TID", VIEW_ID);
	view_add_column(v, "name", "NAME", VIEW_TEXT);
	view_add_column(v, "prio", "PRIO", VIEW_ID);
	view_add_column(v, "cpu", "CPU", VIEW_ID);
	view_add_column(v, "run_ns", "GOT IT", VIEW_TIME_NS);
	view_add_column(v, "latency_ns", "WAITED", VIEW_NS);
	view_hide_from_text(v, view_add_column(v, "from", "FROM", VIEW_TEXT));
	view_add_column(v, "waker", "WOKEN BY", VIEW_TEXT);
	for (guint i = 0; i < s->traces->len; i++) {
		const AnalysisStoreTrace *trace = g_ptr_array_index(s->traces, i);
		AnalysisFilter *f = analysis_filter_new(q, trace);
		AnalysisThreads t;

		g_ptr_array_add(filters, f);
		if (analysis_threads_open(&t, q, trace, f))
			find(kept, &t);
	}
	g_array_sort(kept, longer);
	for (guint i = 0; i < kept->len && (!q->limit || i < q->limit); i++)
		add_row(v, &g_array_index(kept, Kept, i));
	view_sort(v, LATENCY, TRUE);
	return v;
}
