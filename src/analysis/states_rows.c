/* SPDX-License-Identifier: MIT */
/* states_rows.c: which rows a query wants, and what their intervals are called. */
#include "analysis/states.h"

#include <string.h>

#include "analysis/join.h"

typedef struct {
	const AnalysisStore *store;
	const AnalysisQuery *query;
	/* the trace */
	const AnalysisStoreTrace *trace;
	const AnalysisFilter *filter;
	guint32 *serials;    /* by row: the thread's serial; G_MAXUINT32: it is none's */
} Rows;

typedef struct {
	guint32 row;
	char *path;
} Row;

/* ---- Which rows -------------------------------------------------------------------------------------------------------- */

static gboolean any_glob(const char *const *globs, const char *path)
{
	for (const char *const *g = globs; g && *g; g++)
		if (g_pattern_match_simple(*g, path))
			return TRUE;
	return !globs;
}

/* Whose row it is: a filter of threads or processors leaves only theirs. */
static gboolean is_wanted(const Rows *s, guint32 row)
{
	const AnalysisQuery *q = s->query;
	gboolean by_thread = q->threads || q->processes || q->containers;
	const History *h = s->trace->rows;
	const char *path = history_row_path(h, row);

	if (history_kind_name(h, history_row_kind(h, row))[0] == '.')
		return FALSE;
	if (!by_thread && !q->cpus)
		return TRUE;
	if (by_thread && s->serials[row] != G_MAXUINT32 && analysis_filter_thread(s->filter, s->serials[row]))
		return TRUE;
	return q->cpus && g_str_has_prefix(path, "cpu/") && analysis_filter_cpu(s->filter, (gint32)g_ascii_strtoll(path + 4, NULL, 10));
}

static gint by_path(gconstpointer a, gconstpointer b)
{
	const Row *x = a, *y = b;
	int order = strverscmp(x->path, y->path);

	return order ? order : (x->row > y->row) - (x->row < y->row);
}

static void row_clear(gpointer row)
{
	g_free(((Row *)row)->path);
}

static GArray *find_rows(const Rows *s)
{
	GArray *rows = g_array_new(FALSE, FALSE, sizeof(Row));

	g_autoptr(AnalysisJoin) join = analysis_join_new(s->store, s->trace);

	g_array_set_clear_func(rows, row_clear);
	for (guint32 r = 0; r < history_n_rows(s->trace->rows); r++) {
		if (!is_wanted(s, r))
			continue;
		Row row = {r, analysis_row_path(s->trace, join, r)};
		if (any_glob(s->query->rows, row.path))
			g_array_append_val(rows, row);
		else
			g_free(row.path);
	}
	g_array_sort(rows, by_path);
	return rows;
}

static void map_threads(Rows *s)
{
	const History *h = s->trace->history;
	guint32 n = history_n_rows(h);
	guint table;

	s->serials = g_new(guint32, (gsize)n + 1);
	memset(s->serials, 0xff, ((gsize)n + 1) * sizeof(*s->serials));
	if (!history_find_table(h, KERNEL_THREADS_TABLE, sizeof(KernelThreadItem), &table))
		return;
	for (guint64 i = 0; i < history_table_len(h, table); i++) {
		const KernelThreadItem *item = history_table_get(h, table, i);

		if (item->row < n)
			s->serials[item->row] = (guint32)i;
	}
}

static gboolean each_of_trace(Rows *s, AnalysisStatesFunc found, gpointer user)
{
	gboolean more = TRUE;

	map_threads(s);
	g_autoptr(GArray) rows = find_rows(s);
	for (guint i = 0; more && i < rows->len; i++) {
		const Row *r = &g_array_index(rows, Row, i);
		AnalysisStatesRow row = {s->trace, r->row, r->path, s->serials[r->row], analysis_filter_begin(s->filter), analysis_filter_end(s->filter)};

		more = found(user, &row);
	}
	g_clear_pointer(&s->serials, g_free);
	return more;
}

void analysis_states_each(const AnalysisStore *store, const AnalysisQuery *q, AnalysisStatesFunc found, gpointer user)
{
	gboolean more = TRUE;

	for (guint i = 0; more && i < store->traces->len; i++) {
		const AnalysisStoreTrace *t = g_ptr_array_index(store->traces, i);
		g_autoptr(AnalysisFilter) f = analysis_filter_new(q, t);
		Rows s = {.store = store, .query = q, .trace = t, .filter = f};

		if (f)
			more = each_of_trace(&s, found, user);
	}
}

/* ---- Intervals --------------------------------------------------------------------------------------------------------- */

/* Of a blocked thread: the reason, and what more is known: "disk", "disk: vda". */
static const char *detail_of(AnalysisStatesWalk *w, const HistoryInterval *i)
{
	const char *detail = history_text_get(w->row->trace->rows, i->detail);

	if (!w->is_thread || i->state < KERNEL_TS_BLOCKED || i->state > KERNEL_TS_B_IDLE)
		return detail;
	const char *reason = kernel_wait_name((KernelWaitReason)(i->state - KERNEL_TS_BLOCKED));
	if (!*detail)
		return reason;
	g_string_printf(w->room, "%s: %s", reason, detail);
	return w->room->str;
}

void analysis_states_walk(AnalysisStatesWalk *w, const AnalysisStatesRow *row, GString *room)
{
	const History *h = row->trace->rows;

	w->room = room;
	w->row = row;
	w->kind = history_row_kind(h, row->row);
	w->is_thread = strcmp(history_kind_name(h, w->kind), KERNEL_THREAD_ROW_KIND) == 0;
	history_walk(&w->walk, h, row->row, row->begin_ns, row->end_ns);
}

gboolean analysis_states_next(AnalysisStatesWalk *w, AnalysisStatesInterval *out)
{
	const AnalysisStatesRow *row = w->row;
	HistoryInterval i;

	if (!history_walk_next(&w->walk, &i))
		return FALSE;
	*out = (AnalysisStatesInterval){.begin_ns = analysis_time(row->trace, MAX(i.begin_ns, row->begin_ns)),
					.end_ns = analysis_time(row->trace, MIN(i.end_ns, row->end_ns)),
					.name = history_state_name(row->trace->rows, w->kind, i.state),
					.detail = detail_of(w, &i)};
	return TRUE;
}
