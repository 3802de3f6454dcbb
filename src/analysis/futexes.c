/* SPDX-License-Identifier: MIT */
/* futexes.c: who waited for which futex, and who woke. */
#include "analysis/calls.h"
#include "analysis/commands.h"
#include "kernel/futex.h"

/* Kinds of waits: the second number of a group's key. */
enum { WAITED, AGAIN, OPEN };

typedef struct {
	const AnalysisStoreTrace *trace;
	AnalysisFilter *filter;
	AnalysisCalls *calls;
	AnalysisGroups *groups;
	GHashTable *waiters, *wakers; /* gint64 *: futex and thread -> gint64 *: time */
	GHashTable *timeouts, *signals; /* futex -> count */
	guint futexes, waits;
} Collector;

typedef struct {
	View *view;
	guint machine, process, address, kind, dist, timeouts, signals, again, open, waiter, waiter_ns, waker, waker_ns;
} Columns;

static gboolean collector_init(Collector *k, const AnalysisQuery *q, const AnalysisStoreTrace *t)
{
	*k = (Collector){.trace = t, .filter = analysis_filter_new(q, t)};
	k->calls = k->filter ? analysis_calls_new(t) : NULL;
	if (!k->calls || !history_find_table(t->history, KERNEL_FUTEXES_TABLE, sizeof(KernelFutexItem), &k->futexes) ||
	    !history_find_table(t->history, KERNEL_FUTEX_WAITS_TABLE, sizeof(KernelFutexWaitItem), &k->waits)) {
		analysis_filter_free(k->filter);
		analysis_calls_free(k->calls);
		return FALSE;
	}
	k->groups = analysis_groups_new(q, k->filter);
	k->waiters = g_hash_table_new_full(g_int64_hash, g_int64_equal, g_free, g_free);
	k->wakers = g_hash_table_new_full(g_int64_hash, g_int64_equal, g_free, g_free);
	k->timeouts = g_hash_table_new(NULL, NULL);
	k->signals = g_hash_table_new(NULL, NULL);
	return TRUE;
}

static void collector_clear(Collector *k)
{
	analysis_filter_free(k->filter);
	analysis_calls_free(k->calls);
	analysis_groups_free(k->groups);
	g_hash_table_unref(k->waiters);
	g_hash_table_unref(k->wakers);
	g_hash_table_unref(k->timeouts);
	g_hash_table_unref(k->signals);
}

static void add_time(GHashTable *t, guint32 futex, guint32 thread, gint64 ns)
{
	gint64 key = (gint64)((guint64)futex << 32 | thread);
	gint64 *sum = g_hash_table_lookup(t, &key);

	if (!sum)
		g_hash_table_insert(t, g_memdup2(&key, sizeof(key)), sum = g_new0(gint64, 1));
	*sum += ns;
}

static void count(GHashTable *t, guint32 futex)
{
	gpointer key = GUINT_TO_POINTER(futex);

	g_hash_table_insert(t, key, GSIZE_TO_POINTER(GPOINTER_TO_SIZE(g_hash_table_lookup(t, key)) + 1));
}

static gboolean is_wanted(const AnalysisFilter *f, const KernelFutexWaitItem *w)
{
	return analysis_in_range(f, w->end_ns) && analysis_filter_thread(f, w->thread) && analysis_filter_cpu(f, w->cpu);
}

static void add_wait(Collector *k, const KernelFutexWaitItem *w)
{
	gint64 ns = w->end_ns - w->begin_ns;
	guint kind = w->result == KERNEL_FUTEX_OPEN ? OPEN : w->result == KERNEL_FUTEX_AGAIN || w->result == KERNEL_FUTEX_FAILED ? AGAIN : WAITED;

	analysis_groups_add(k->groups, w->futex, kind, w->end_ns, ns, 0, FALSE);
	if (kind != WAITED)
		return;
	add_time(k->waiters, w->futex, w->thread, ns);
	if (w->waker != G_MAXUINT32)
		add_time(k->wakers, w->futex, w->waker, ns);
	if (w->result == KERNEL_FUTEX_TIMEOUT)
		count(k->timeouts, w->futex);
	if (w->result == KERNEL_FUTEX_SIGNAL)
		count(k->signals, w->futex);
}

/* ---- The table ------------------------------------------------------------------------------------------------------ */

typedef struct {
	gint64 ns;
	guint32 thread;
} Most;

/* Who has most of each futex, by number of the futex. */
static Most *most(const Collector *k, GHashTable *t)
{
	guint64 n = history_table_len(k->trace->history, k->futexes);
	Most *all = g_new(Most, n + 1);
	GHashTableIter iter;
	gpointer key, value;

	for (guint64 i = 0; i < n; i++)
		all[i] = (Most){-1, G_MAXUINT32};
	g_hash_table_iter_init(&iter, t);
	while (g_hash_table_iter_next(&iter, &key, &value)) {
		guint64 both = (guint64) * (gint64 *)key;
		Most *m = &all[both >> 32];
		Most x = {*(gint64 *)value, (guint32)both};

		if (x.ns > m->ns || (x.ns == m->ns && x.thread < m->thread))
			*m = x;
	}
	return all;
}

static void set_most(View *v, guint column, const AnalysisStoreTrace *t, const Most *m)
{
	if (m->thread == G_MAXUINT32)
		return;
	g_autofree char *name = analysis_thread_name(t, m->thread);
	view_set_text(v, column, name);
	view_set_int(v, column + 1, m->ns);
}

static const char *kind_of(const KernelFutexItem *f)
{
	return f->is_pi ? "pi" : f->is_shared ? "shared" : "private";
}

/* The other kinds' group of the same futex and step, or an empty one. */
static const AnalysisGroup *sibling(GHashTable *by_key, const AnalysisGroup *g, guint kind)
{
	static const AnalysisGroup none;
	g_autofree char *key = g_strdup_printf("%u %u %" G_GINT64_FORMAT, (guint)g->key[0], kind, g->step_ns);
	const AnalysisGroup *found = g_hash_table_lookup(by_key, key);

	return found ? found : &none;
}

static void set_group(const Columns *c, const Collector *k, const AnalysisQuery *q, const AnalysisGroup *g, GHashTable *by_key,
		      const Most *waiter, const Most *waker)
{
	const KernelFutexItem *f = history_table_get(k->trace->history, k->futexes, g->key[0]);
	g_autofree char *process = analysis_process_name(k->calls, f->pid);

	view_begin_row(c->view);
	if (q->form == ANALYSIS_SERIES)
		analysis_set_time(c->view, 0, k->trace, g->step_ns);
	view_set_text(c->view, c->machine, k->trace->name);
	view_set_text(c->view, c->process, process);
	view_set_textf(c->view, c->address, "0x%" G_GINT64_MODIFIER "x", f->address);
	view_set_text(c->view, c->kind, kind_of(f));
	analysis_set_dist(c->view, c->dist, q, sibling(by_key, g, WAITED));
	view_set_uint(c->view, c->again, sibling(by_key, g, AGAIN)->count);
	if (q->form == ANALYSIS_SERIES)
		return;
	view_set_uint(c->view, c->timeouts, GPOINTER_TO_SIZE(g_hash_table_lookup(k->timeouts, GSIZE_TO_POINTER(g->key[0]))));
	view_set_uint(c->view, c->signals, GPOINTER_TO_SIZE(g_hash_table_lookup(k->signals, GSIZE_TO_POINTER(g->key[0]))));
	view_set_uint(c->view, c->open, sibling(by_key, g, OPEN)->count);
	set_most(c->view, c->waiter, k->trace, &waiter[g->key[0]]);
	set_most(c->view, c->waker, k->trace, &waker[g->key[0]]);
}

/* A row for each futex and step: that of the first of its kinds of waits that there is. */
static void set_groups(const Columns *c, const Collector *k, const AnalysisQuery *q)
{
	g_autoptr(GHashTable) by_key = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
	g_autofree Most *waiter = most(k, k->waiters), *waker = most(k, k->wakers);

	for (guint i = 0; i < analysis_groups_len(k->groups); i++) {
		const AnalysisGroup *g = analysis_groups_get(k->groups, i);

		g_hash_table_insert(by_key, g_strdup_printf("%u %u %" G_GINT64_FORMAT, (guint)g->key[0], (guint)g->key[1], g->step_ns),
				    (gpointer)g);
	}
	for (guint i = 0; i < analysis_groups_len(k->groups); i++) {
		const AnalysisGroup *g = analysis_groups_get(k->groups, i);
		guint first = WAITED;

		while (sibling(by_key, g, first)->count == 0)
			first++;
		if (g->key[1] == first && !(q->form == ANALYSIS_SERIES && first == OPEN))
			set_group(c, k, q, g, by_key, waiter, waker);
	}
}

static void add_trace(const Columns *c, const AnalysisQuery *q, const AnalysisStoreTrace *t)
{
	Collector k;
	guint64 n = 0;

	if (!collector_init(&k, q, t))
		return;
	for (guint64 i = 0; i < history_table_len(t->history, k.waits); i += n) {
		const KernelFutexWaitItem *waits = history_table_run(t->history, k.waits, i, &n);

		for (guint64 j = 0; j < n; j++)
			if (is_wanted(k.filter, &waits[j]))
				add_wait(&k, &waits[j]);
	}
	set_groups(c, &k, q);
	collector_clear(&k);
}

static void add_columns(Columns *c, const AnalysisStore *s, const AnalysisQuery *q)
{
	View *v = c->view;

	analysis_add_time_column(v, q);
	c->machine = analysis_add_machine_column(v, s);
	c->process = view_add_column(v, "process", "PROCESS", VIEW_TEXT);
	c->address = view_add_column(v, "address", "ADDRESS", VIEW_TEXT);
	c->kind = view_add_column(v, "kind", "KIND", VIEW_TEXT);
	view_hide_from_text(v, c->kind);
	c->dist = analysis_add_dist_columns(v, q);
	view_hide_from_text(v, c->dist + 2);
	view_hide_from_text(v, c->dist + 5);
	c->again = view_add_column(v, "again", "AGAIN", VIEW_COUNT);
	if (q->form == ANALYSIS_SERIES)
		return;
	c->timeouts = view_add_column(v, "timeouts", "TIMEOUTS", VIEW_COUNT);
	c->signals = view_add_column(v, "signals", "SIGNALS", VIEW_COUNT);
	view_hide_from_text(v, c->signals);
	c->open = view_add_column(v, "open", "OPEN", VIEW_COUNT);
	c->waiter = view_add_column(v, "waiter", "WAITED MOST", VIEW_TEXT);
	c->waiter_ns = view_add_column(v, "waiter_ns", "WAITER TIME", VIEW_NS);
	view_hide_from_text(v, c->waiter_ns);
	c->waker = view_add_column(v, "waker", "WOKE AFTER MOST", VIEW_TEXT);
	c->waker_ns = view_add_column(v, "waker_ns", "WAKER TIME", VIEW_NS);
	view_hide_from_text(v, c->waker_ns);
}

static View *table(const AnalysisStore *s, const AnalysisQuery *q)
{
	View *v = view_new("futexes", "Waits for futexes");
	Columns c = {.view = v};

	add_columns(&c, s, q);
	for (guint i = 0; i < s->traces->len; i++)
		add_trace(&c, q, g_ptr_array_index(s->traces, i));
	view_set_empty_text(v, "No wait for a futex is in these traces. To record them: lttng enable-event -k --syscall futex");
	if (view_row_count(v) && q->form == ANALYSIS_TABLE)
		view_add_note(v, "Who woke a waiter held the lock, if the futex is one (an inference: of a condition it is who signalled). OPEN: still waiting "
				 "at the end, not in COUNT.");
	view_sort(v, c.address, FALSE);
	view_sort(v, q->form == ANALYSIS_SERIES ? 0 : c.dist + 1, q->form != ANALYSIS_SERIES);
	return v;
}

/* ---- The longest waits ----------------------------------------------------------------------------------------------- */

enum { MACHINE, BEGIN, DURATION, THREAD, ADDRESS, RESULT, WAKER, WOKEN, INFERENCE };

static const char *inference(const KernelFutexWaitItem *w)
{
	if (w->waker == G_MAXUINT32)
		return NULL;
	if (w->flags & KERNEL_FUTEX_BY_EXIT)
		return "ended";
	if (w->flags & KERNEL_FUTEX_PI)
		return "held it";
	if (w->flags & KERNEL_FUTEX_REQUEUED)
		return "requeued, then woken";
	return w->flags & KERNEL_FUTEX_SEEN ? "held it, if a lock" : "woke there last";
}

static void log_wait(View *v, const Collector *k, const KernelFutexWaitItem *w)
{
	const KernelFutexItem *f = history_table_get(k->trace->history, k->futexes, w->futex);
	g_autofree char *thread = analysis_thread_name(k->trace, w->thread);

	view_begin_row(v);
	view_set_text(v, MACHINE, k->trace->name);
	analysis_set_time(v, BEGIN, k->trace, w->begin_ns);
	view_set_int(v, DURATION, w->end_ns - w->begin_ns);
	view_set_text(v, THREAD, thread);
	view_set_textf(v, ADDRESS, "0x%" G_GINT64_MODIFIER "x", f->address);
	view_set_text(v, RESULT, kernel_futex_result_name(w->result));
	if (w->waker != G_MAXUINT32) {
		g_autofree char *waker = analysis_thread_name(k->trace, w->waker);
		view_set_text(v, WAKER, waker);
	}
	if (w->woken_ns)
		view_set_int(v, WOKEN, w->end_ns - w->woken_ns);
	view_set_text(v, INFERENCE, inference(w));
}

static void log_trace(View *v, const AnalysisQuery *q, const AnalysisStoreTrace *t)
{
	g_autoptr(AnalysisWorst) worst = analysis_worst_new(q->limit);
	Collector k;
	guint n;

	if (!collector_init(&k, q, t))
		return;
	for (guint64 i = 0; i < history_table_len(t->history, k.waits); i++) {
		const KernelFutexWaitItem *w = history_table_get(t->history, k.waits, i);

		if (w->result != KERNEL_FUTEX_OPEN && is_wanted(k.filter, w))
			analysis_worst_add(worst, w->end_ns - w->begin_ns, i);
	}
	const AnalysisWorstItem *sorted = analysis_worst_sorted(worst, &n);
	for (guint i = 0; i < n; i++)
		log_wait(v, &k, history_table_get(t->history, k.waits, sorted[i].item));
	collector_clear(&k);
}

static View *log_view(const AnalysisStore *s, const AnalysisQuery *q)
{
	View *v = view_new("futexes-log", "The longest waits for futexes");

	analysis_add_machine_column(v, s);
	view_add_column(v, "begin_ns", "BEGIN", VIEW_TIME_NS);
	view_add_column(v, "duration_ns", "DURATION", VIEW_NS);
	view_add_column(v, "thread", "THREAD", VIEW_TEXT);
	view_add_column(v, "address", "ADDRESS", VIEW_TEXT);
	view_add_column(v, "result", "RESULT", VIEW_TEXT);
	view_add_column(v, "waker", "WAKER", VIEW_TEXT);
	view_add_column(v, "wakeup_ns", "WAKEUP TOOK", VIEW_NS);
	view_add_column(v, "inference", "WAKER'S PART", VIEW_TEXT);
	for (guint i = 0; i < s->traces->len; i++)
		log_trace(v, q, g_ptr_array_index(s->traces, i));
	view_set_empty_text(v, "No wait for a futex is in these traces. To record them: lttng enable-event -k --syscall futex");
	view_sort(v, DURATION, TRUE);
	return v;
}

View *analysis_futexes(const AnalysisStore *s, const AnalysisQuery *q, GError **error)
{
	(void)error;
	return q->form == ANALYSIS_LOG ? log_view(s, q) : table(s, q);
}
