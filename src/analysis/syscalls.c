/* SPDX-License-Identifier: MIT */
/* syscalls.c: system calls by name, and the slowest ones. */
#include "analysis/calls.h"
#include "analysis/commands.h"

/* ---- By name ----------------------------------------------------------------------------------------------------- */

typedef struct {
	View *view;
	guint machine, name, dist, errors, errnos, unfinished;
} Columns;

typedef struct {
	GHashTable *errnos;     /* name and errno -> count */
	GHashTable *unfinished; /* name -> count */
} Extras;

static gpointer pair(guint32 name, gint64 error)
{
	return GSIZE_TO_POINTER((gsize)name << 13 | (gsize)error);
}

static void count(GHashTable *t, gpointer key)
{
	g_hash_table_insert(t, key, GSIZE_TO_POINTER(GPOINTER_TO_SIZE(g_hash_table_lookup(t, key)) + 1));
}

typedef struct {
	gint64 error;
	gsize count;
} Errno;

static gint by_count(gconstpointer a, gconstpointer b)
{
	const Errno *x = a, *y = b;

	if (x->count != y->count)
		return x->count > y->count ? -1 : 1;
	return x->error < y->error ? -1 : x->error > y->error;
}

/* "ENOENT 12, EAGAIN 3" */
static char *errno_text(const Extras *x, guint32 name)
{
	g_autoptr(GArray) list = g_array_new(FALSE, FALSE, sizeof(Errno));
	GString *s = g_string_new(NULL);
	GHashTableIter iter;
	gpointer key, value;

	g_hash_table_iter_init(&iter, x->errnos);
	while (g_hash_table_iter_next(&iter, &key, &value)) {
		Errno e = {GPOINTER_TO_SIZE(key) & 0x1fff, GPOINTER_TO_SIZE(value)};

		if (GPOINTER_TO_SIZE(key) >> 13 == name)
			g_array_append_val(list, e);
	}
	g_array_sort(list, by_count);
	for (guint i = 0; i < list->len; i++) {
		const Errno *e = &g_array_index(list, Errno, i);
		char buffer[24];

		g_string_append_printf(s, "%s%s %" G_GSIZE_FORMAT, i ? ", " : "", analysis_errno_name(e->error, buffer), e->count);
	}
	return g_string_free(s, FALSE);
}

static void collect(const AnalysisCalls *c, const AnalysisFilter *f, AnalysisGroups *groups, Extras *x)
{
	KernelSyscall call;

	for (guint64 i = 0; i < analysis_calls_len(c, FALSE); i++) {
		if (!analysis_calls_wanted(c, f, i))
			continue;
		analysis_calls_get(c, FALSE, i, &call);
		gboolean failed = call.flags & KERNEL_CALL_ERROR;
		analysis_groups_add(groups, call.name, 0, call.end_ns, call.end_ns - call.begin_ns, 0, failed);
		if (failed)
			count(x->errnos, pair(call.name, -call.ret));
	}
	for (guint64 i = 0; i < analysis_calls_len(c, TRUE); i++) {
		analysis_calls_get(c, TRUE, i, &call);
		if (analysis_in_range(f, call.end_ns) && analysis_filter_thread(f, call.thread))
			count(x->unfinished, GUINT_TO_POINTER(call.name));
	}
}

static void set_group(const Columns *col, const AnalysisCalls *c, const AnalysisQuery *q, const AnalysisGroup *g, const Extras *x)
{
	view_begin_row(col->view);
	if (q->form == ANALYSIS_SERIES)
		analysis_set_time(col->view, 0, c->trace, g->step_ns);
	view_set_text(col->view, col->machine, c->trace->name);
	view_set_text(col->view, col->name, history_text_get(c->trace->history, (guint32)g->key[0]));
	analysis_set_dist(col->view, col->dist, q, g);
	view_set_uint(col->view, col->errors, g->errors);
	if (q->form == ANALYSIS_SERIES)
		return;
	g_autofree char *errnos = errno_text(x, (guint32)g->key[0]);
	view_set_text(col->view, col->errnos, errnos);
	gpointer n = g_hash_table_lookup(x->unfinished, GSIZE_TO_POINTER(g->key[0]));
	view_set_uint(col->view, col->unfinished, GPOINTER_TO_SIZE(n));
	g_hash_table_remove(x->unfinished, GSIZE_TO_POINTER(g->key[0]));
}

/* Calls of which not a single one was whole. */
static void set_unfinished(const Columns *col, const AnalysisCalls *c, const AnalysisQuery *q, const Extras *x)
{
	g_autoptr(GList) names = g_hash_table_get_keys(x->unfinished);

	for (GList *l = names; l && q->form == ANALYSIS_TABLE; l = l->next) {
		AnalysisGroup none = {.key = {GPOINTER_TO_SIZE(l->data)}};

		set_group(col, c, q, &none, x);
	}
}

static void add_trace(const Columns *col, const AnalysisQuery *q, const AnalysisStoreTrace *t)
{
	g_autoptr(AnalysisFilter) f = analysis_filter_new(q, t);
	g_autoptr(AnalysisCalls) c = f ? analysis_calls_new(t) : NULL;

	if (!c)
		return;
	g_autoptr(AnalysisGroups) groups = analysis_groups_new(q, f);
	g_autoptr(GHashTable) errnos = g_hash_table_new(NULL, NULL), unfinished = g_hash_table_new(NULL, NULL);
	Extras x = {errnos, unfinished};
	collect(c, f, groups, &x);
	for (guint i = 0; i < analysis_groups_len(groups); i++)
		set_group(col, c, q, analysis_groups_get(groups, i), &x);
	set_unfinished(col, c, q, &x);
	if (analysis_groups_dropped(groups))
		view_add_note(col->view, "%s: %" G_GUINT64_FORMAT " calls are left out: there are too many steps of time.", t->name,
			      analysis_groups_dropped(groups));
}

static View *table(const AnalysisStore *s, const AnalysisQuery *q)
{
	View *v = view_new("syscalls", "System calls");
	Columns col = {.view = v};

	analysis_add_time_column(v, q);
	col.machine = analysis_add_machine_column(v, s);
	col.name = view_add_column(v, "syscall", "SYSCALL", VIEW_TEXT);
	col.dist = analysis_add_dist_columns(v, q);
	col.errors = view_add_column(v, "errors", "ERRORS", VIEW_COUNT);
	if (q->form == ANALYSIS_TABLE) {
		col.unfinished = view_add_column(v, "unfinished", "UNFINISHED", VIEW_COUNT);
		col.errnos = view_add_column(v, "errnos", "ERRNOS", VIEW_TEXT);
	}
	for (guint i = 0; i < s->traces->len; i++)
		add_trace(&col, q, g_ptr_array_index(s->traces, i));
	view_set_empty_text(v, "No system call is in these traces. To record them: lttng enable-event -k --syscall --all");
	view_sort(v, col.name, FALSE);
	view_sort(v, q->form == ANALYSIS_SERIES ? 0 : col.dist + 1, q->form != ANALYSIS_SERIES);
	return v;
}

/* ---- The slowest --------------------------------------------------------------------------------------------------- */

static void log_trace(View *v, const AnalysisQuery *q, const AnalysisStoreTrace *t)
{
	g_autoptr(AnalysisFilter) f = analysis_filter_new(q, t);
	g_autoptr(AnalysisCalls) c = f ? analysis_calls_new(t) : NULL;
	g_autoptr(AnalysisWorst) worst = analysis_worst_new(q->limit);
	guint n;

	if (!c)
		return;
	for (guint64 i = 0; i < analysis_calls_len(c, FALSE); i++) {
		KernelSyscall call;

		if (!analysis_calls_wanted(c, f, i))
			continue;
		analysis_calls_get(c, FALSE, i, &call);
		analysis_worst_add(worst, call.end_ns - call.begin_ns, i);
	}
	const AnalysisWorstItem *sorted = analysis_worst_sorted(worst, &n);
	for (guint i = 0; i < n; i++) {
		KernelSyscall call;

		analysis_calls_get(c, FALSE, sorted[i].item, &call);
		g_autofree char *thread = analysis_thread_name(t, call.thread), *text = analysis_calls_text(c, &call);

		view_begin_row(v);
		view_set_text(v, 0, t->name);
		analysis_set_time(v, 1, t, call.begin_ns);
		view_set_int(v, 2, sorted[i].ns);
		view_set_text(v, 3, thread);
		if (call.cpu_end >= 0)
			view_set_int(v, 4, call.cpu_end);
		view_set_text(v, 5, text);
	}
}

static View *log_view(const AnalysisStore *s, const AnalysisQuery *q)
{
	View *v = view_new("syscalls-log", "The slowest system calls");

	analysis_add_machine_column(v, s);
	view_add_column(v, "begin_ns", "BEGIN", VIEW_TIME_NS);
	view_add_column(v, "duration_ns", "DURATION", VIEW_NS);
	view_add_column(v, "thread", "THREAD", VIEW_TEXT);
	view_add_column(v, "cpu", "CPU", VIEW_ID);
	view_add_column(v, "call", "CALL", VIEW_TEXT);
	for (guint i = 0; i < s->traces->len; i++)
		log_trace(v, q, g_ptr_array_index(s->traces, i));
	view_set_empty_text(v, "No system call is in these traces. To record them: lttng enable-event -k --syscall --all");
	view_sort(v, 2, TRUE);
	return v;
}

View *analysis_syscalls(const AnalysisStore *s, const AnalysisQuery *q, GError **error)
{
	(void)error;
	return q->form == ANALYSIS_LOG ? log_view(s, q) : table(s, q);
}
