/* SPDX-License-Identifier: MIT */
/* The critical path of a thread: what made its time as long as it was, through all that it waited for. */
#include <string.h>

#include "analysis/commands.h"
#include "analysis/times.h"
#include "graph/graph.h"

/* The thread that is asked about. */
typedef struct {
	const AnalysisStoreTrace *trace;
	guint32 serial;
	gint64 cpu_ns;
	guint found;
	gint64 begin, end; /* own clock */
} Target;

/* ---- Whose path -------------------------------------------------------------------------------------------------------------- */

/* Of threads of one number (it was used again) the busiest is meant. */
static void consider(Target *best, const AnalysisThreads *t, guint32 serial)
{
	const KernelThreadItem *item = analysis_threads_get(t, serial);
	gint64 begin = analysis_filter_begin(t->filter), end = analysis_filter_end(t->filter), ns[HISTORY_STATES_MAX], sum = 0;

	if (!item || !analysis_threads_life(t, item, &begin, &end))
		return;
	history_sums(t->trace->history, item->row, begin, end, ns);
	for (guint s = KERNEL_TS_RUNNING; s <= KERNEL_TS_GUEST; s++)
		sum += ns[s];
	best->found++;
	if (best->found > 1 && sum <= best->cpu_ns)
		return;
	best->trace = t->trace;
	best->serial = serial;
	best->cpu_ns = sum;
	best->begin = begin;
	best->end = MIN(end, t->trace->end_ns);
}

static gboolean find_target(const AnalysisStore *s, const AnalysisQuery *q, Target *best, GError **error)
{
	for (guint i = 0; i < s->traces->len; i++) {
		const AnalysisStoreTrace *trace = g_ptr_array_index(s->traces, i);
		g_autoptr(AnalysisFilter) f = trace->is_kernel ? analysis_filter_new(q, trace) : NULL;
		AnalysisThreads t;

		for (guint64 serial = 0; f && analysis_threads_open(&t, q, trace, f) && serial < t.n; serial++)
			consider(best, &t, (guint32)serial);
	}
	if (best->found)
		return TRUE;
	g_set_error(error, ST_ERROR, ST_ERROR_USAGE, "--thread: no thread of that name or number lived then; \"strata threads\" lists them");
	return FALSE;
}

/* "MACHINE:TID" is a machine and a thread. */
static gboolean split_thread(const AnalysisQuery *q, AnalysisQuery *own, const char *machines[2], const char *threads[2], char **room, GError **error)
{
	*own = *q;
	if (!q->threads && !q->processes) {
		g_set_error(error, ST_ERROR, ST_ERROR_USAGE, "whose path? Give --thread=[MACHINE:]TID, or a name");
		return FALSE;
	}
	const char *colon = q->threads ? strchr(q->threads[0], ':') : NULL;
	if (!colon || q->threads[1] || q->machines)
		return TRUE;
	*room = g_strndup(q->threads[0], (gsize)(colon - q->threads[0]));
	machines[0] = *room;
	threads[0] = colon + 1;
	own->machines = machines;
	own->threads = threads;
	return TRUE;
}

/* ---- Names ------------------------------------------------------------------------------------------------------------------- */

static const char *state_name(const Target *t, guint state)
{
	guint kind;

	return history_find_kind(t->trace->rows, KERNEL_THREAD_ROW_KIND, &kind) ? history_state_name(t->trace->rows, kind, state) : "";
}

static char *detail_text(const Target *t, const GraphSegment *s)
{
	const char *detail = history_text_get(t->trace->rows, s->detail);

	if (s->state < KERNEL_TS_BLOCKED || s->state > KERNEL_TS_B_IDLE)
		return g_strdup(detail);
	const char *reason = kernel_wait_name((KernelWaitReason)(s->state - KERNEL_TS_BLOCKED));
	return *detail ? g_strdup_printf("%s: %s", reason, detail) : g_strdup(reason);
}

/* At which level it was: of what a lower level took, that one's. */
static gint level_of(const Target *t, guint state)
{
	if (state >= KERNEL_TS_EXIT0)
		return (gint)(state - KERNEL_TS_EXIT0);
	return state >= KERNEL_TS_STEAL0 ? (gint)(state - KERNEL_TS_STEAL0) : t->trace->level;
}

/* ---- Segments ------------------------------------------------------------------------------------------------------------------ */

static View *segments_view(const Target *t, const GArray *path)
{
	View *v = view_new("critical-path", "The critical path, piece by piece");

	view_add_column(v, "begin_ns", "BEGIN", VIEW_TIME_NS);
	view_add_column(v, "duration_ns", "FOR", VIEW_NS);
	view_add_column(v, "depth", "DEPTH", VIEW_COUNT);
	view_add_column(v, "machine", "MACHINE", VIEW_TEXT);
	view_add_column(v, "level", "LEVEL", VIEW_ID);
	view_add_column(v, "thread", "THREAD", VIEW_TEXT);
	view_add_column(v, "state", "STATE", VIEW_TEXT);
	view_add_column(v, "detail", "DETAIL", VIEW_TEXT);
	for (guint i = 0; i < path->len; i++) {
		const GraphSegment *s = &g_array_index(path, GraphSegment, i);
		g_autofree char *thread = analysis_thread_name(t->trace, s->thread), *detail = detail_text(t, s);

		gint64 begin = analysis_time(t->trace, s->begin_ns), end = analysis_time(t->trace, s->end_ns);

		/* Both in the root's clock, so that pieces still follow one another exactly. */
		view_begin_row(v);
		view_set_int(v, 0, begin);
		view_set_int(v, 1, end - begin);
		view_set_uint(v, 2, s->depth);
		view_set_text(v, 3, t->trace->name);
		if (level_of(t, s->state) >= 0)
			view_set_int(v, 4, level_of(t, s->state));
		view_set_text(v, 5, thread);
		view_set_text(v, 6, state_name(t, s->state));
		view_set_text(v, 7, *detail ? detail : NULL);
	}
	return v;
}

/* ---- The summary ----------------------------------------------------------------------------------------------------------------- */

typedef struct {
	GraphSegment example;
	gint64 ns, max_ns;
	guint64 count;
} Sum;

static guint sum_hash(gconstpointer data)
{
	const GraphSegment *s = &((const Sum *)data)->example;

	return (s->thread * 31 + s->state) * 31 + s->detail;
}

static gboolean sum_equal(gconstpointer a, gconstpointer b)
{
	const GraphSegment *x = &((const Sum *)a)->example, *y = &((const Sum *)b)->example;

	return x->thread == y->thread && x->state == y->state && x->detail == y->detail;
}

static void add_sums(GHashTable *table, GPtrArray *order, const GArray *path)
{
	for (guint i = 0; i < path->len; i++) {
		const GraphSegment *s = &g_array_index(path, GraphSegment, i);
		Sum key = {.example = *s}, *sum = g_hash_table_lookup(table, &key);

		if (!sum) {
			sum = g_new0(Sum, 1);
			sum->example = *s;
			g_hash_table_add(table, sum);
			g_ptr_array_add(order, sum);
		}
		sum->ns += s->end_ns - s->begin_ns;
		sum->max_ns = MAX(sum->max_ns, s->end_ns - s->begin_ns);
		sum->count++;
	}
}

static void sum_row(View *v, const Target *t, const Sum *sum)
{
	g_autofree char *thread = analysis_thread_name(t->trace, sum->example.thread), *detail = detail_text(t, &sum->example);

	view_begin_row(v);
	view_set_text(v, 0, t->trace->name);
	if (level_of(t, sum->example.state) >= 0)
		view_set_int(v, 1, level_of(t, sum->example.state));
	view_set_text(v, 2, thread);
	view_set_text(v, 3, state_name(t, sum->example.state));
	view_set_text(v, 4, *detail ? detail : NULL);
	view_set_int(v, 5, sum->ns);
	if (t->end > t->begin)
		view_set_double(v, 6, (double)sum->ns / (double)(t->end - t->begin));
	view_set_uint(v, 7, sum->count);
	view_set_int(v, 8, sum->max_ns);
}

static View *summary_view(const Target *t, const GArray *path)
{
	g_autoptr(GHashTable) table = g_hash_table_new_full(sum_hash, sum_equal, g_free, NULL);
	g_autoptr(GPtrArray) order = g_ptr_array_new();
	g_autofree char *name = analysis_thread_name(t->trace, t->serial);
	View *v = view_new("critical-path-summary", "What the critical path is made of");

	view_add_column(v, "machine", "MACHINE", VIEW_TEXT);
	view_add_column(v, "level", "LEVEL", VIEW_ID);
	view_add_column(v, "thread", "THREAD", VIEW_TEXT);
	view_add_column(v, "state", "STATE", VIEW_TEXT);
	view_add_column(v, "detail", "DETAIL", VIEW_TEXT);
	view_add_column(v, "total_ns", "TIME", VIEW_NS);
	view_add_column(v, "share", "SHARE", VIEW_RATIO);
	view_add_column(v, "count", "PIECES", VIEW_COUNT);
	view_add_column(v, "max_ns", "LONGEST", VIEW_NS);
	add_sums(table, order, path);
	for (guint i = 0; i < order->len; i++)
		sum_row(v, t, g_ptr_array_index(order, i));
	view_sort(v, 5, TRUE);
	view_add_note(v, "Of %s on %s.%s", name, t->trace->name, t->found > 1 ? " Several threads fit: this is the busiest one." : "");
	return v;
}

/* Programs get the pieces, people first what they add up to. */
static gboolean wants_summary(const AnalysisQuery *q, gboolean *summary, GError **error)
{
	*summary = q->form != ANALYSIS_LOG && (q->by ? g_str_equal(q->by, "summary") : q->for_people);
	if (!q->by || g_str_equal(q->by, "summary") || g_str_equal(q->by, "segment"))
		return TRUE;
	g_set_error(error, ST_ERROR, ST_ERROR_USAGE, "--by: there is no \"%s\"; there are summary, segment", q->by);
	return FALSE;
}

View *analysis_critical_path(const AnalysisStore *store, const AnalysisQuery *q, GError **error)
{
	const char *machines[2] = {NULL, NULL}, *threads[2] = {NULL, NULL};
	g_autofree char *room = NULL;
	AnalysisQuery own;
	Target t = {0};
	gboolean summary;

	if (!wants_summary(q, &summary, error) || !split_thread(q, &own, machines, threads, &room, error) || !find_target(store, &own, &t, error))
		return NULL;
	g_autoptr(Graph) g = graph_new(t.trace->history, t.trace->rows);
	g_autoptr(GArray) path = graph_path(g, t.serial, t.begin, t.end);
	return summary ? summary_view(&t, path) : segments_view(&t, path);
}
