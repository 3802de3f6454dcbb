/* SPDX-License-Identifier: MIT */
/* irqs.c: what interrupts threads, how long that takes, and how long it was waited for. */
#include <stdio.h>
#include <string.h>

#include "analysis/irqs.h"
#include "kernel/flow.h"
#include "kernel/irq.h"

/* What else is known of a group of handlers, over all steps of time. */
typedef struct {
	guint64 key[2];
	GHashTable *threads; /* serial + 1 -> how often it was there */
	GHashTable *cpus;    /* numbers */
	guint64 n;
} Extra;

typedef struct {
	const AnalysisQuery *q;
	const AnalysisStoreTrace *t;
	AnalysisFilter *filter;
	guint table, threads;
	gboolean has_threads;
	guint cpus;
} Scan;

typedef struct {
	guint machine, kind, number, name, cpus, dist, self, share, rate, waits, wait_mean, wait_p99, wait_max, errors, thread,
	        thread_share, time;
} Columns;

static void extra_free(gpointer data)
{
	Extra *x = data;

	g_hash_table_unref(x->threads);
	g_hash_table_unref(x->cpus);
	g_free(x);
}

/* The thread that a serial stands for. */
static guint32 resolve(const Scan *s, guint32 serial)
{
	if (!s->has_threads || serial >= history_table_len(s->t->history, s->threads))
		return serial;
	return ((const KernelThreadItem *)history_table_get(s->t->history, s->threads, serial))->same_as;
}

static guint count_cpus(const Scan *s)
{
	guint64 n = s->has_threads ? history_table_len(s->t->history, s->threads) : 0;
	guint cpus = 0;

	for (guint64 i = 0; i < n; i++) {
		const KernelThreadItem *item = history_table_get(s->t->history, s->threads, i);

		cpus += item->tid == 0 && item->same_as == i;
	}
	return MAX(cpus, 1);
}

/* FALSE: nothing is asked of this trace, or it has nothing. */
static gboolean scan_begin(Scan *s, const AnalysisQuery *q, const AnalysisStoreTrace *t)
{
	*s = (Scan){.q = q, .t = t};
	if (!t->is_kernel || !history_find_table(t->history, KERNEL_IRQ_TABLE, sizeof(KernelIrqItem), &s->table))
		return FALSE;
	s->filter = analysis_filter_new(q, t);
	if (!s->filter)
		return FALSE;
	s->has_threads =
	        history_find_table(t->history, KERNEL_THREADS_TABLE, sizeof(KernelThreadItem), &s->threads);
	s->cpus = count_cpus(s);
	return TRUE;
}

static gboolean fits(const Scan *s, const KernelIrqItem *item)
{
	return analysis_in_range(s->filter, item->end_ns) && analysis_filter_cpu(s->filter, item->cpu) &&
	       analysis_filter_thread(s->filter, item->thread);
}

static guint64 key0_of(const KernelIrqItem *item)
{
	return (guint64)item->kind << 32 | item->number;
}

/* Handlers of devices by the device, functions by their address. */
static guint64 key1_of(const KernelIrqItem *item)
{
	return item->kind >= KERNEL_IRQ_HRTIMER ? item->function : item->name;
}

static char *name_of(const Scan *s, guint kind, guint64 key1)
{
	if (kind < KERNEL_IRQ_HRTIMER)
		return g_strdup(history_text_get(s->t->history, (guint32)key1));
	return key1 ? g_strdup_printf("0x%" G_GINT64_MODIFIER "x", key1) : NULL;
}

/* ---- Groups ---------------------------------------------------------------------------------------------------- */

static guint key_hash(gconstpointer key)
{
	const guint64 *k = key;

	return (guint)((k[0] * G_GUINT64_CONSTANT(0x9e3779b97f4a7c15) ^ k[1]) * G_GUINT64_CONSTANT(0xff51afd7ed558ccd) >> 32);
}

static gboolean key_equal(gconstpointer a, gconstpointer b)
{
	return memcmp(a, b, 2 * sizeof(guint64)) == 0;
}

static Extra *extra_of(GHashTable *extras, const KernelIrqItem *item)
{
	guint64 key[2] = {key0_of(item), key1_of(item)};
	Extra *x = g_hash_table_lookup(extras, key);

	if (x)
		return x;
	x = g_new0(Extra, 1);
	memcpy(x->key, key, sizeof(key));
	x->threads = g_hash_table_new(g_direct_hash, g_direct_equal);
	x->cpus = g_hash_table_new(g_direct_hash, g_direct_equal);
	g_hash_table_insert(extras, x->key, x);
	return x;
}

static void note_place(const Scan *s, GHashTable *extras, const KernelIrqItem *item)
{
	Extra *x = extra_of(extras, item);
	gpointer thread = GUINT_TO_POINTER(resolve(s, item->thread) + 1);
	gsize n = GPOINTER_TO_SIZE(g_hash_table_lookup(x->threads, thread));

	x->n++;
	g_hash_table_insert(x->threads, thread, GSIZE_TO_POINTER(n + 1));
	g_hash_table_add(x->cpus, GINT_TO_POINTER(item->cpu));
}

/* ---- The table ------------------------------------------------------------------------------------------------- */

static void hide(View *v, const char *name)
{
	guint column;

	if (view_find_column(v, name, &column))
		view_hide_from_text(v, column);
}

static View *table_new(const AnalysisStore *store, const AnalysisQuery *q, Columns *c)
{
	View *v = view_new("irqs", "Interrupt handlers, softirqs, timers and work items");

	c->time = analysis_add_time_column(v, q);
	c->machine = analysis_add_machine_column(v, store);
	c->kind = view_add_column(v, "kind", "KIND", VIEW_TEXT);
	c->number = view_add_column(v, "number", "NO.", VIEW_ID);
	c->name = view_add_column(v, "name", "NAME", VIEW_TEXT);
	c->cpus = view_add_column(v, "cpus", "CPUS", VIEW_TEXT);
	c->dist = analysis_add_dist_columns(v, q);
	c->self = view_add_column(v, "self_ns", "SELF", VIEW_NS);
	c->share = view_add_column(v, "cpu_share", "CPU", VIEW_RATIO);
	c->rate = view_add_column(v, "rate_hz", "RATE", VIEW_HZ);
	c->waits = view_add_column(v, "waits", "WAITS", VIEW_COUNT);
	c->wait_mean = view_add_column(v, "wait_mean_ns", "WAIT", VIEW_NS);
	c->wait_p99 = view_add_column(v, "wait_p99_ns", "WAIT P99", VIEW_NS);
	c->wait_max = view_add_column(v, "wait_max_ns", "WAIT MAX", VIEW_NS);
	c->errors = view_add_column(v, "not_mine", "NOT MINE", VIEW_COUNT);
	c->thread = view_add_column(v, "thread", "MOSTLY IN", VIEW_TEXT);
	c->thread_share = view_add_column(v, "thread_share", "THERE", VIEW_RATIO);
	static const char *const hidden[] = {"min_ns",      "p50_ns",   "p90_ns", "waits", "wait_p99_ns",
	                                     "not_mine", "rate_hz",  "cpus"};
	for (guint i = 0; i < G_N_ELEMENTS(hidden); i++)
		hide(v, hidden[i]);
	view_set_empty_text(v, "No interrupt, softirq, timer or work item was recorded.");
	return v;
}

static gint by_number(gconstpointer a, gconstpointer b)
{
	return GPOINTER_TO_INT(a) - GPOINTER_TO_INT(b);
}

/* "0-3,6" */
static char *cpu_list(GHashTable *set)
{
	g_autoptr(GList) list = g_list_sort(g_hash_table_get_keys(set), by_number);
	GString *s = g_string_new(NULL);

	for (GList *l = list; l;) {
		gint first = GPOINTER_TO_INT(l->data), last = first;

		for (l = l->next; l && GPOINTER_TO_INT(l->data) == last + 1; l = l->next)
			last++;
		g_string_append_printf(s, "%s%d", s->len ? "," : "", first);
		if (last > first)
			g_string_append_printf(s, "-%d", last);
	}
	return g_string_free(s, FALSE);
}

/* The thread that was there most often; of several the one that was first of all. */
static void set_thread(View *v, const Columns *c, const Scan *s, const Extra *x)
{
	GHashTableIter i;
	gpointer key, value;
	guint best = 0;
	gsize n = 0;

	g_hash_table_iter_init(&i, x->threads);
	while (g_hash_table_iter_next(&i, &key, &value)) {
		guint thread = GPOINTER_TO_UINT(key);

		if (GPOINTER_TO_SIZE(value) > n || (GPOINTER_TO_SIZE(value) == n && thread < best)) {
			best = thread;
			n = GPOINTER_TO_SIZE(value);
		}
	}
	g_autofree char *name = analysis_thread_name(s->t, best - 1);
	view_set_text(v, c->thread, name);
	view_set_double(v, c->thread_share, x->n ? (double)n / (double)x->n : 0);
}

static void set_waits(View *v, const Columns *c, const AnalysisGroup *w)
{
	view_set_uint(v, c->waits, w ? w->count : 0);
	if (!w)
		return;
	view_set_int(v, c->wait_mean, (gint64)st_hist_mean(&w->hist));
	view_set_int(v, c->wait_p99, st_hist_percentile(&w->hist, 99));
	view_set_int(v, c->wait_max, w->max_ns);
}

static void add_row(View *v, const Columns *c, const Scan *s, const AnalysisGroup *g, const AnalysisGroup *waits, const Extra *x)
{
	guint kind = (guint)(g->key[0] >> 32);
	gboolean series = s->q->form == ANALYSIS_SERIES;
	double seconds = (double)(series ? s->q->every_ns : analysis_filter_end(s->filter) - analysis_filter_begin(s->filter)) / 1e9;
	g_autofree char *name = name_of(s, kind, g->key[1]), *cpus = cpu_list(x->cpus);

	view_begin_row(v);
	if (series)
		analysis_set_time(v, c->time, s->t, g->step_ns);
	view_set_text(v, c->machine, s->t->name);
	view_set_text(v, c->kind, kernel_irq_kind_name(kind));
	if (kind < KERNEL_IRQ_HRTIMER)
		view_set_int(v, c->number, (guint32)g->key[0]);
	view_set_text(v, c->name, name);
	view_set_text(v, c->cpus, cpus);
	analysis_set_dist(v, c->dist, s->q, g);
	view_set_int(v, c->self, g->amount);
	view_set_double(v, c->share, seconds > 0 ? (double)g->amount / 1e9 / seconds / s->cpus : 0);
	view_set_double(v, c->rate, seconds > 0 ? (double)g->count / seconds : 0);
	set_waits(v, c, waits);
	view_set_uint(v, c->errors, g->errors);
	set_thread(v, c, s, x);
}

/* Groups are found by key and step: a set of themselves. */
static guint group_hash(gconstpointer group)
{
	const AnalysisGroup *g = group;

	return key_hash(g->key) ^ g_int64_hash(&g->step_ns);
}

static gboolean group_equal(gconstpointer a, gconstpointer b)
{
	const AnalysisGroup *x = a, *y = b;

	return key_equal(x->key, y->key) && x->step_ns == y->step_ns;
}

static GHashTable *index_groups(const AnalysisGroups *groups)
{
	GHashTable *index = g_hash_table_new(group_hash, group_equal);

	for (guint i = 0; i < analysis_groups_len(groups); i++)
		g_hash_table_add(index, (gpointer)analysis_groups_get(groups, i));
	return index;
}

static void add_trace(View *v, const Columns *c, const Scan *s)
{
	g_autoptr(AnalysisGroups) groups = analysis_groups_new(s->q, s->filter), waits = analysis_groups_new(s->q, s->filter);
	g_autoptr(GHashTable) extras = g_hash_table_new_full(key_hash, key_equal, NULL, extra_free);
	const KernelIrqItem *items;
	guint64 n;

	for (guint64 at = 0; (items = history_table_run(s->t->history, s->table, at, &n)); at += n)
		for (guint64 i = 0; i < n; i++) {
			const KernelIrqItem *item = &items[i];

			if (!fits(s, item))
				continue;
			analysis_groups_add(groups, key0_of(item), key1_of(item), item->end_ns, item->end_ns - item->begin_ns,
			                    item->self_ns, item->error);
			if (item->raise_ns != KERNEL_NO_TIME)
				analysis_groups_add(waits, key0_of(item), key1_of(item), item->end_ns,
				                    item->begin_ns - item->raise_ns, 0, FALSE);
			note_place(s, extras, item);
		}
	g_autoptr(GHashTable) index = index_groups(waits);
	for (guint i = 0; i < analysis_groups_len(groups); i++) {
		const AnalysisGroup *g = analysis_groups_get(groups, i);

		add_row(v, c, s, g, g_hash_table_lookup(index, g), g_hash_table_lookup(extras, g->key));
	}
}

/* Threads that handle interrupts: what they do is no handler's run, only time on a processor. */
static void add_irq_threads(View *v, const Columns *c, const Scan *s)
{
	const History *h = s->t->history;
	gint64 begin = analysis_filter_begin(s->filter), end = analysis_filter_end(s->filter);
	guint64 n = s->has_threads && s->q->form == ANALYSIS_TABLE ? history_table_len(h, s->threads) : 0;

	for (guint64 i = 0; i < n; i++) {
		const KernelThreadItem *t = history_table_get(h, s->threads, i);
		const char *name = history_text_get(h, t->name);
		gint64 sums[HISTORY_STATES_MAX] = {0};
		guint number;
		int at = 0;

		if (t->same_as != i || t->row == KERNEL_NO_ROW || !analysis_filter_thread(s->filter, (guint32)i) ||
		    sscanf(name, "irq/%u-%n", &number, &at) != 1 || at == 0)
			continue;
		history_sums(h, t->row, begin, end, sums);
		gint64 ran = sums[KERNEL_TS_USER] + sums[KERNEL_TS_SYSCALL] + sums[KERNEL_TS_RUNNING];
		view_begin_row(v);
		view_set_text(v, c->machine, s->t->name);
		view_set_text(v, c->kind, "irq-thread");
		view_set_int(v, c->number, number);
		view_set_text(v, c->name, name + at);
		view_set_int(v, c->self, ran);
		view_set_double(v, c->share, end > begin ? (double)ran / (double)(end - begin) / s->cpus : 0);
		view_set_textf(v, c->thread, "%s %d", name, t->tid);
	}
}

/* What is known to be missing. */
static void add_note(View *v, const Scan *s)
{
	const History *h = s->t->history;
	guint64 began = 0, open = 0;
	guint lines;

	if (!history_find_table(h, KERNEL_IRQ_LINES_TABLE, sizeof(KernelIrqLine), &lines))
		return;
	for (guint64 i = 0; i < history_table_len(h, lines); i++) {
		const KernelIrqLine *line = history_table_get(h, lines, i);

		began += line->open_begin;
		open += line->open_end;
	}
	if (began + open)
		view_add_note(v,
		              "%s: %" G_GUINT64_FORMAT " handlers began before the trace or where events were lost, %" G_GUINT64_FORMAT
		              " did not end within it: they are not counted.",
		              s->t->name, began, open);
}

static View *table(const AnalysisStore *store, const AnalysisQuery *q)
{
	Columns c;
	View *v = table_new(store, q, &c);
	guint total;

	for (guint i = 0; i < store->traces->len; i++) {
		Scan s;

		if (!scan_begin(&s, q, g_ptr_array_index(store->traces, i)))
			continue;
		add_trace(v, &c, &s);
		add_irq_threads(v, &c, &s);
		add_note(v, &s);
		analysis_filter_free(s.filter);
	}
	if (q->form == ANALYSIS_TABLE && view_find_column(v, "self_ns", &total))
		view_sort(v, total, TRUE);
	view_add_note(v, "Self is the time without what interrupted the handler or ran nested in it. Wait is from a softirq's raise, a work item's "
	                 "queueing, or the time for which a timer was set, until it ran.");
	return v;
}

/* ---- The slowest ----------------------------------------------------------------------------------------------- */

typedef struct {
	const AnalysisStoreTrace *t;
	const KernelIrqItem *item;
} Run;

static gint slower(gconstpointer a, gconstpointer b)
{
	const Run *x = a, *y = b;
	gint64 dx = x->item->end_ns - x->item->begin_ns, dy = y->item->end_ns - y->item->begin_ns;

	if (dx != dy)
		return dx > dy ? -1 : 1;
	return x->item->begin_ns < y->item->begin_ns ? -1 : x->item->begin_ns > y->item->begin_ns;
}

/* The slowest `limit` of them, 0: all, and now and then a few more. */
static void keep(GArray *runs, Run run, guint limit)
{
	g_array_append_val(runs, run);
	if (limit && runs->len >= 2 * limit + 4096) {
		g_array_sort(runs, slower);
		g_array_set_size(runs, limit);
	}
}

static void collect(GArray *runs, const Scan *s)
{
	const KernelIrqItem *items;
	guint64 n;

	for (guint64 at = 0; (items = history_table_run(s->t->history, s->table, at, &n)); at += n)
		for (guint64 i = 0; i < n; i++)
			if (fits(s, &items[i]))
				keep(runs, (Run){s->t, &items[i]}, s->q->limit);
}

static View *log_new(const AnalysisStore *store, Columns *c)
{
	View *v = view_new("irqs-log", "Interrupt handlers, the slowest first");

	c->time = view_add_column(v, "time_ns", "BEGIN", VIEW_TIME_NS);
	c->machine = analysis_add_machine_column(v, store);
	c->cpus = view_add_column(v, "cpu", "CPU", VIEW_ID);
	c->kind = view_add_column(v, "kind", "KIND", VIEW_TEXT);
	c->number = view_add_column(v, "number", "NO.", VIEW_ID);
	c->name = view_add_column(v, "name", "NAME", VIEW_TEXT);
	c->dist = view_add_column(v, "duration_ns", "DURATION", VIEW_NS);
	c->self = view_add_column(v, "self_ns", "SELF", VIEW_NS);
	c->wait_mean = view_add_column(v, "wait_ns", "WAIT", VIEW_NS);
	c->thread = view_add_column(v, "thread", "IN THREAD", VIEW_TEXT);
	view_set_empty_text(v, "No interrupt, softirq, timer or work item was recorded.");
	return v;
}

static void add_run(View *v, const Columns *c, const Run *r)
{
	const KernelIrqItem *item = r->item;
	const Scan s = {.t = r->t};
	g_autofree char *name = name_of(&s, item->kind, key1_of(item)), *thread = analysis_thread_name(r->t, item->thread);

	view_begin_row(v);
	analysis_set_time(v, c->time, r->t, item->begin_ns);
	view_set_text(v, c->machine, r->t->name);
	view_set_int(v, c->cpus, item->cpu);
	view_set_text(v, c->kind, kernel_irq_kind_name(item->kind));
	if (item->kind < KERNEL_IRQ_HRTIMER)
		view_set_int(v, c->number, item->number);
	view_set_text(v, c->name, name);
	view_set_int(v, c->dist, item->end_ns - item->begin_ns);
	view_set_int(v, c->self, item->self_ns);
	if (item->raise_ns != KERNEL_NO_TIME)
		view_set_int(v, c->wait_mean, item->begin_ns - item->raise_ns);
	view_set_text(v, c->thread, thread);
}

static View *slowest(const AnalysisStore *store, const AnalysisQuery *q)
{
	g_autoptr(GArray) runs = g_array_new(FALSE, FALSE, sizeof(Run));
	Columns c;
	View *v = log_new(store, &c);

	for (guint i = 0; i < store->traces->len; i++) {
		Scan s;

		if (!scan_begin(&s, q, g_ptr_array_index(store->traces, i)))
			continue;
		collect(runs, &s);
		analysis_filter_free(s.filter);
	}
	g_array_sort(runs, slower);
	for (guint i = 0; i < runs->len && (!q->limit || i < q->limit); i++)
		add_run(v, &c, &g_array_index(runs, Run, i));
	return v;
}

View *analysis_irqs(const AnalysisStore *store, const AnalysisQuery *q, GError **error)
{
	(void)error;
	return q->form == ANALYSIS_LOG ? slowest(store, q) : table(store, q);
}
