/* SPDX-License-Identifier: MIT */
/* containers.c: where the time of containers' threads went. */
#include "analysis/commands.h"
#include "kernel/block.h"
#include "kernel/containers.h"
#include "kernel/flow.h"
#include "kernel/memory.h"

#define SUMS_MAX (1u << 22) /* steps times containers; a series that has more is refused */

/* Sums over threads. */
typedef struct {
	guint32 threads, processes;
	gint64 ns[KERNEL_TS_COUNT];
	guint64 throttles;   /* times that a thread was throttled */
	guint64 faults, read, written;
} Sums;

typedef struct {
	const AnalysisStoreTrace *trace;
	const AnalysisQuery *query;
	const AnalysisFilter *filter;
	guint n;             /* containers */
	gint64 begin, end, step;
	guint steps;
	Sums *sums;          /* by step, then by container; the last one: of threads whose container isn't known */
	guint table;         /* of threads */
} Work;

enum {
	MACHINE, CONTAINER, ID, PARENT, LEVEL, KIND, THREADS, PROCESSES, CPU, SHARE, USER, SYSCALL, GUEST, IRQ, STEAL, EXIT, WAIT_CPU, PREEMPTED,
	THROTTLED, THROTTLES, FAULTS, READ, WRITTEN, BLOCKED, BLOCKED_FOR, FIRST_REASON
};

/* ---- Sums ---------------------------------------------------------------------------------------------------------- */

static Sums *sums_of(const Work *w, guint step, guint32 container)
{
	return &w->sums[(gsize)step * (w->n + 1) + MIN(container, w->n)];
}

/* How often the row came into a state that begins in the range. */
static guint64 count_state(const Work *w, guint32 row, guint state, gint64 begin, gint64 end)
{
	HistoryInterval i;
	HistoryWalk walk;
	guint64 n = 0;
	gint64 last = G_MININT64;

	history_walk(&walk, w->trace->rows, row, begin, end);
	while (history_walk_next(&walk, &i)) {
		if (i.state != state)
			continue;
		n += i.begin_ns >= begin && i.begin_ns != last; /* the detail may change meanwhile */
		last = i.end_ns;
	}
	return n;
}

static gint64 step_begin(const Work *w, guint step)
{
	return w->begin + (gint64)step * w->step;
}

static void add_row(const Work *w, Sums *to, guint32 row, gint64 begin, gint64 end)
{
	gint64 ns[HISTORY_STATES_MAX];

	history_sums(w->trace->rows, row, begin, end, ns);
	for (guint s = 0; s < KERNEL_TS_COUNT; s++)
		to->ns[s] += ns[s];
	if (ns[KERNEL_TS_THROTTLED])
		to->throttles += count_state(w, row, KERNEL_TS_THROTTLED, begin, end);
}

static void add_thread(const Work *w, const KernelThreadItem *t, guint32 container)
{
	gint64 begin = MAX(t->begin_ns, history_row_begin(w->trace->history, t->row)), end = history_row_end(w->trace->history, t->row);

	for (guint step = 0; step < w->steps; step++) {
		gint64 from = step_begin(w, step), to = MIN(from + w->step, w->end);
		Sums *sums = sums_of(w, step, container);

		if (end < from || begin >= to)
			continue;
		sums->threads++;
		sums->processes += t->tid == t->pid;
		add_row(w, sums, t->row, from, to);
	}
}

static void add_threads(const Work *w)
{
	const History *h = w->trace->history;
	guint64 n = history_table_len(h, w->table);

	for (guint64 i = 0; i < n; i++) {
		const KernelThreadItem *t = history_table_get(h, w->table, i);

		if (t->row != KERNEL_NO_ROW && t->same_as == i && t->tid != 0 && analysis_filter_thread(w->filter, (guint32)i))
			add_thread(w, t, kernel_container_of(h, (guint32)i));
	}
}

/* ---- Items ----------------------------------------------------------------------------------------------------------- */

/* Where an item of that time and thread is counted; NULL: it isn't asked for. */
static Sums *sums_at(const Work *w, gint64 time, guint32 thread)
{
	if (!analysis_in_range(w->filter, time) || !analysis_filter_thread(w->filter, thread))
		return NULL;
	return sums_of(w, (guint)((time - w->begin) / w->step), kernel_container_of(w->trace->history, thread));
}

static void add_faults(const Work *w)
{
	const History *h = w->trace->history;
	guint table;

	if (!history_find_table(h, KERNEL_FAULTS_TABLE, sizeof(KernelFaultItem), &table))
		return;
	for (guint64 i = 0; i < history_table_len(h, table); i++) {
		const KernelFaultItem *fault = history_table_get(h, table, i);
		Sums *sums = sums_at(w, fault->time_ns, fault->thread);

		if (sums)
			sums->faults++;
	}
}

/* On whose behalf disks read and wrote. */
static void add_requests(const Work *w)
{
	const History *h = w->trace->history;
	guint table;

	if (!history_find_table(h, KERNEL_DISK_REQUESTS_TABLE, sizeof(KernelDiskRequest), &table))
		return;
	for (guint64 i = 0; i < history_table_len(h, table); i++) {
		const KernelDiskRequest *r = history_table_get(h, table, i);
		Sums *sums = r->end == KERNEL_DISK_COMPLETED ? sums_at(w, r->completed_ns, r->cause) : NULL;

		if (sums && r->op == KERNEL_DISK_OP_READ)
			sums->read += r->bytes;
		else if (sums && r->op == KERNEL_DISK_OP_WRITE)
			sums->written += r->bytes;
	}
}

/* ---- The view -------------------------------------------------------------------------------------------------------- */

static gint64 cpu_ns(const gint64 *ns)
{
	return ns[KERNEL_TS_RUNNING] + ns[KERNEL_TS_USER] + ns[KERNEL_TS_SYSCALL] + ns[KERNEL_TS_IRQ] + ns[KERNEL_TS_SOFTIRQ] + ns[KERNEL_TS_GUEST];
}

static gint64 blocked_ns(const gint64 *ns)
{
	gint64 sum = 0;

	for (guint r = 0; r < KERNEL_WAIT_COUNT; r++)
		sum += ns[KERNEL_TS_BLOCKED_FOR(r)];
	return sum;
}

/* In a series the time comes first. */
static guint column(const AnalysisQuery *q, guint column)
{
	return column + (q->form == ANALYSIS_SERIES);
}

static View *make_view(const AnalysisStore *s, const AnalysisQuery *q)
{
	View *v = view_new("containers", "Containers");

	analysis_add_time_column(v, q);
	analysis_add_machine_column(v, s);
	view_add_column(v, "container", "CONTAINER", VIEW_TEXT);
	view_add_column(v, "ns_inum", "NAMESPACE", VIEW_ID);
	view_add_column(v, "parent", "IN", VIEW_TEXT);
	view_add_column(v, "level", "LEVEL", VIEW_COUNT);
	view_add_column(v, "kind", "KIND", VIEW_TEXT);
	view_add_column(v, "threads", "THREADS", VIEW_COUNT);
	view_add_column(v, "processes", "PROCESSES", VIEW_COUNT);
	view_add_column(v, "cpu_ns", "CPU", VIEW_NS);
	view_add_column(v, "cpu_share", "SHARE", VIEW_RATIO);
	view_add_column(v, "user_ns", "USER", VIEW_NS);
	view_add_column(v, "syscall_ns", "SYSCALL", VIEW_NS);
	view_add_column(v, "guest_ns", "GUEST", VIEW_NS);
	view_add_column(v, "irq_ns", "IRQ", VIEW_NS);
	view_add_column(v, "steal_ns", "STEAL", VIEW_NS);
	view_add_column(v, "exit_ns", "EXITS", VIEW_NS);
	view_add_column(v, "wait_cpu_ns", "WAIT-CPU", VIEW_NS);
	view_add_column(v, "preempted_ns", "PREEMPTED", VIEW_NS);
	view_add_column(v, "throttled_ns", "THROTTLED", VIEW_NS);
	view_add_column(v, "throttles", "TIMES", VIEW_COUNT);
	view_add_column(v, "faults", "FAULTS", VIEW_COUNT);
	view_add_column(v, "disk_read_bytes", "READ", VIEW_BYTES);
	view_add_column(v, "disk_written_bytes", "WRITTEN", VIEW_BYTES);
	view_add_column(v, "blocked_ns", "BLOCKED", VIEW_NS);
	view_add_column(v, "blocked_for", "MOSTLY FOR", VIEW_TEXT);
	for (guint r = 0; r < KERNEL_WAIT_COUNT; r++) {
		g_autofree char *name = g_strdup_printf("blocked_%s_ns", kernel_wait_name((KernelWaitReason)r));
		g_autofree char *title = g_ascii_strup(kernel_wait_name((KernelWaitReason)r), -1);

		view_hide_from_text(v, view_add_column(v, name, title, VIEW_NS));
	}
	view_hide_from_text(v, column(q, PARENT));
	view_hide_from_text(v, column(q, LEVEL));
	view_hide_from_text(v, column(q, KIND));
	view_hide_from_text(v, column(q, PROCESSES));
	view_hide_from_text(v, column(q, FAULTS));
	for (guint c = USER; c <= IRQ; c++)
		view_hide_from_text(v, column(q, c));
	view_set_empty_text(v, "These traces tell nothing of namespaces. To record them: lttng enable-event -k 'lttng_statedump_*'; "
			       "lttng enable-event -k sched_process_fork; lttng add-context -k -t pid_ns -t cgroup_ns -t uts_ns");
	return v;
}

/* "child 72 %, timer 28 %": reasons that make up a tenth of it at least. */
static void set_blocked_for(View *v, guint at, const gint64 *ns)
{
	g_autoptr(GString) text = g_string_new(NULL);
	gint64 all = blocked_ns(ns), left[KERNEL_WAIT_COUNT];

	for (guint r = 0; r < KERNEL_WAIT_COUNT; r++)
		left[r] = ns[KERNEL_TS_BLOCKED_FOR(r)];
	for (;;) {
		guint most = 0;

		for (guint r = 1; r < KERNEL_WAIT_COUNT; r++)
			most = left[r] > left[most] ? r : most;
		if (left[most] <= 0 || left[most] < all / 10)
			break;
		g_string_append_printf(text, "%s%s %.0f %%", text->len ? ", " : "", kernel_wait_name((KernelWaitReason)most),
				       100.0 * (double)left[most] / (double)all);
		left[most] = 0;
	}
	view_set_text(v, at, text->str);
}

static void set_times(View *v, const Work *w, const Sums *s, guint step)
{
	const gint64 *ns = s->ns;
	gint64 all = 0;

	for (guint c = 0; c <= w->n; c++)
		all += cpu_ns(sums_of(w, step, c)->ns);
	view_set_uint(v, column(w->query, THREADS), s->threads);
	view_set_uint(v, column(w->query, PROCESSES), s->processes);
	view_set_int(v, column(w->query, CPU), cpu_ns(ns));
	if (all)
		view_set_double(v, column(w->query, SHARE), (double)cpu_ns(ns) / (double)all);
	view_set_int(v, column(w->query, USER), ns[KERNEL_TS_USER]);
	view_set_int(v, column(w->query, SYSCALL), ns[KERNEL_TS_SYSCALL]);
	view_set_int(v, column(w->query, GUEST), ns[KERNEL_TS_GUEST]);
	view_set_int(v, column(w->query, IRQ), ns[KERNEL_TS_IRQ] + ns[KERNEL_TS_SOFTIRQ]);
	view_set_int(v, column(w->query, STEAL), ns[KERNEL_TS_STEAL0] + ns[KERNEL_TS_STEAL1] + ns[KERNEL_TS_STEAL2]);
	view_set_int(v, column(w->query, EXIT), ns[KERNEL_TS_EXIT0] + ns[KERNEL_TS_EXIT1] + ns[KERNEL_TS_EXIT2]);
	view_set_int(v, column(w->query, WAIT_CPU), ns[KERNEL_TS_WAIT_CPU]);
	view_set_int(v, column(w->query, PREEMPTED), ns[KERNEL_TS_PREEMPTED] + ns[KERNEL_TS_YIELDED]);
	view_set_int(v, column(w->query, THROTTLED), ns[KERNEL_TS_THROTTLED]);
	view_set_uint(v, column(w->query, THROTTLES), s->throttles);
	view_set_uint(v, column(w->query, FAULTS), s->faults);
	view_set_uint(v, column(w->query, READ), s->read);
	view_set_uint(v, column(w->query, WRITTEN), s->written);
	view_set_int(v, column(w->query, BLOCKED), blocked_ns(ns));
	set_blocked_for(v, column(w->query, BLOCKED_FOR), ns);
	for (guint r = 0; r < KERNEL_WAIT_COUNT; r++)
		view_set_int(v, column(w->query, FIRST_REASON + r), ns[KERNEL_TS_BLOCKED_FOR(r)]);
}

static void set_identity(View *v, const Work *w, guint32 container)
{
	const History *h = w->trace->history;
	const KernelContainerItem *it = kernel_container(h, container);

	view_set_text(v, column(w->query, MACHINE), w->trace->name);
	if (!it) {
		view_set_text(v, column(w->query, CONTAINER), "(not known)");
		return;
	}
	view_set_text(v, column(w->query, CONTAINER), history_text_get(h, it->name));
	if (it->ns[it->kind])
		view_set_uint(v, column(w->query, ID), it->ns[it->kind]);
	view_set_uint(v, column(w->query, LEVEL), it->level);
	view_set_text(v, column(w->query, KIND), kernel_ns_name((KernelNs)it->kind));
	if (container)
		view_set_text(v, column(w->query, PARENT), history_text_get(h, kernel_container(h, it->parent)->name));
}

static gboolean wanted(const Work *w, guint32 container)
{
	const KernelContainerItem *it = kernel_container(w->trace->history, container);

	return it ? kernel_container_matches(w->trace->history, container, w->query->containers, analysis_any_match) : !w->query->containers;
}

static void add_rows(View *v, const Work *w)
{
	for (guint step = 0; step < w->steps; step++) {
		gint64 from = step_begin(w, step);

		for (guint32 c = 0; c <= w->n; c++) {
			const Sums *s = sums_of(w, step, c);

			if (!(s->threads || s->faults || s->read || s->written) || !wanted(w, c))
				continue;
			view_begin_row(v);
			if (w->query->form == ANALYSIS_SERIES)
				analysis_set_time(v, 0, w->trace, from);
			set_identity(v, w, c);
			set_times(v, w, s, step);
		}
	}
}


static gboolean prepare(Work *w, GError **error)
{
	w->begin = analysis_filter_begin(w->filter);
	w->end = MAX(analysis_filter_end(w->filter), w->begin + 1);
	w->step = w->query->form == ANALYSIS_SERIES ? MAX(w->query->every_ns, 1) : w->end - w->begin;
	guint64 steps = (guint64)(w->end - w->begin - 1) / (guint64)w->step + 1;
	if (steps > SUMS_MAX / (w->n + 1)) {
		g_set_error(error, ST_ERROR, ST_ERROR_USAGE, "--every: these are more than %u rows; take longer steps, or --begin and --end", SUMS_MAX);
		return FALSE;
	}
	w->steps = (guint)steps;
	w->sums = g_new0(Sums, (gsize)w->steps * (w->n + 1));
	return TRUE;
}

static gboolean add_trace(View *v, const AnalysisStoreTrace *t, const AnalysisQuery *q, GError **error)
{
	g_autoptr(AnalysisFilter) filter = analysis_filter_new(q, t);
	Work w = {.trace = t, .query = q, .filter = filter, .n = kernel_n_containers(t->history)};

	if (!filter || !w.n || !history_find_table(t->history, KERNEL_THREADS_TABLE, sizeof(KernelThreadItem), &w.table))
		return TRUE;
	if (!prepare(&w, error))
		return FALSE;
	add_threads(&w);
	add_faults(&w);
	add_requests(&w);
	add_rows(v, &w);
	g_free(w.sums);
	return TRUE;
}

View *analysis_containers(const AnalysisStore *store, const AnalysisQuery *query, GError **error)
{
	g_autoptr(View) v = make_view(store, query);

	for (guint i = 0; i < store->traces->len; i++)
		if (!add_trace(v, g_ptr_array_index(store->traces, i), query, error))
			return NULL;
	if (query->form != ANALYSIS_SERIES)
		view_sort(v, column(query, CPU), TRUE);
	return g_steal_pointer(&v);
}
