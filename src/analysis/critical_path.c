/* SPDX-License-Identifier: MIT */
/* The critical path of a thread: what made its time as long as it was, through all that it waited for. */
#include <string.h>

#include "analysis/commands.h"
#include "analysis/critical_target.h"
#include "analysis/critical_world.h"
#include "graph/graph.h"

#define COLUMNS 32 /* of the chart of when a piece was in the path */

typedef CriticalTarget Target;

/* The path, and the machines that it goes over. */
typedef struct {
	const Target *target;
	const CriticalWorld *world;
	GArray *segments, *stacks;
} Path;

/* ---- Names ------------------------------------------------------------------------------------------------------------------- */

static const char *state_name(const AnalysisStoreTrace *t, guint state)
{
	guint kind;

	return history_find_kind(t->rows, KERNEL_THREAD_ROW_KIND, &kind) ? history_state_name(t->rows, kind, state) : "";
}

static char *detail_text(const CriticalWorld *w, const GraphSegment *s)
{
	g_autofree char *detail = critical_world_detail(w, s);

	if (s->state < KERNEL_TS_BLOCKED || s->state > KERNEL_TS_B_IDLE || (s->state == KERNEL_TS_BLOCKED && *detail))
		return g_steal_pointer(&detail);
	const char *reason = kernel_wait_name((KernelWaitReason)(s->state - KERNEL_TS_BLOCKED));
	return *detail ? g_strdup_printf("%s: %s", reason, detail) : g_strdup(reason);
}

/* At which level it was: of what a lower level took, that one's. */
static gint level_of(const AnalysisStoreTrace *t, guint state)
{
	if (state >= KERNEL_TS_EXIT0)
		return (gint)(state - KERNEL_TS_EXIT0);
	return state >= KERNEL_TS_STEAL0 ? (gint)(state - KERNEL_TS_STEAL0) : t->level;
}

/* ---- Segments ------------------------------------------------------------------------------------------------------------------ */

/* In the root's clock; each begins where the last one ended, whatever clock that was in. */
static View *segments_view(const Path *p)
{
	View *v = view_new("critical-path", "The critical path, piece by piece");
	gint64 at = G_MININT64;

	view_add_column(v, "begin_ns", "BEGIN", VIEW_TIME_NS);
	view_add_column(v, "duration_ns", "FOR", VIEW_NS);
	view_add_column(v, "depth", "DEPTH", VIEW_COUNT);
	view_add_column(v, "machine", "MACHINE", VIEW_TEXT);
	view_add_column(v, "level", "LEVEL", VIEW_ID);
	view_add_column(v, "thread", "THREAD", VIEW_TEXT);
	view_add_column(v, "state", "STATE", VIEW_TEXT);
	view_add_column(v, "detail", "DETAIL", VIEW_TEXT);
	for (guint i = 0; i < p->segments->len; i++) {
		const GraphSegment *s = &g_array_index(p->segments, GraphSegment, i);
		const AnalysisStoreTrace *t = critical_world_trace(p->world, s->machine);
		g_autofree char *thread = analysis_thread_name(t, s->thread), *detail = detail_text(p->world, s);
		gint64 begin = at == G_MININT64 ? analysis_time(t, s->begin_ns) : at, end = MAX(analysis_time(t, s->end_ns), begin);

		at = end;
		view_begin_row(v);
		view_set_int(v, 0, begin);
		view_set_int(v, 1, end - begin);
		view_set_uint(v, 2, s->depth);
		view_set_text(v, 3, t->name);
		if (level_of(t, s->state) >= 0)
			view_set_int(v, 4, level_of(t, s->state));
		view_set_text(v, 5, thread);
		view_set_text(v, 6, state_name(t, s->state));
		view_set_text(v, 7, *detail ? detail : NULL);
	}
	return v;
}

/* ---- Sums ---------------------------------------------------------------------------------------------------------------------- */

/* What pieces are added up by: those are one that have all of it in common. */
enum { BY_THREAD = 1 << 0, BY_STATE = 1 << 1, BY_DETAIL = 1 << 2, BY_STACK = 1 << 3 };

static const struct {
	const char *name;
	guint what;
	const char *schema, *title;
} ways[] = {
	{"summary", BY_THREAD | BY_STATE | BY_DETAIL, "critical-path-summary", "What the critical path is made of"},
	{"culprit", BY_STATE | BY_DETAIL, "critical-path-culprits", "What the critical path is made of, by state and culprit"},
	{"state", BY_STATE, "critical-path-states", "What the critical path is made of, by state"},
	{"level", 0, "critical-path-levels", "What the critical path is made of, by level"},
	{"stack", BY_THREAD | BY_STATE | BY_DETAIL | BY_STACK, "critical-path-stacks", "What the critical path is made of, by who waited for whom"},
};

#define SEGMENTS "segment"

typedef struct {
	GraphSegment example;   /* what is not asked for is 0 */
	gint level;
	gint64 ns, max_ns;
	guint64 count;
	gint64 when[COLUMNS];   /* time of it in each part of the path */
} Sum;

typedef struct {
	const Path *path;
	guint what;             /* BY_... */
	GHashTable *sums;       /* Sum, a set */
	GPtrArray *order;
} Sums;

static guint sum_hash(gconstpointer data)
{
	const Sum *s = data;
	const GraphSegment *e = &s->example;

	return ((((((e->thread * 31 + e->state) * 31 + e->detail) * 31 + e->stack) * 31 + (guint)s->level) * 31 + e->machine) * 31 + e->device) * 31 + e->filler;
}

static gboolean sum_equal(gconstpointer a, gconstpointer b)
{
	const Sum *x = a, *y = b;
	const GraphSegment *p = &x->example, *q = &y->example;

	return p->thread == q->thread && p->state == q->state && p->detail == q->detail && p->stack == q->stack && p->machine == q->machine &&
	       p->device == q->device && p->filler == q->filler && x->level == y->level;
}

static Sum *sum_of(Sums *s, const GraphSegment *g)
{
	Sum key = {.level = level_of(critical_world_trace(s->path->world, g->machine), g->state)};

	key.example = (GraphSegment){.thread = s->what & BY_THREAD ? g->thread : 0, .state = s->what & BY_STATE ? g->state : 0, .detail = s->what & BY_DETAIL ? g->detail : 0,
				     .stack = s->what & BY_STACK ? g->stack : 0, .machine = g->machine, .device = s->what & BY_DETAIL ? g->device : GRAPH_NONE,
				     .filler = s->what & BY_DETAIL ? g->filler : GRAPH_NONE};
	Sum *known = g_hash_table_lookup(s->sums, &key);
	if (!known) {
		known = g_memdup2(&key, sizeof(key));
		g_hash_table_add(s->sums, known);
		g_ptr_array_add(s->order, known);
	}
	return known;
}

/* The piece's time in each part of the path; times are those of the clock of the machine that was asked about. */
static void add_when(const Target *t, Sum *sum, gint64 begin_ns, gint64 end_ns)
{
	double column = (double)MAX(t->end - t->begin, 1) / COLUMNS;
	guint from = (guint)CLAMP((double)(begin_ns - t->begin) / column, 0, COLUMNS - 1), to = (guint)CLAMP((double)(end_ns - t->begin) / column, 0, COLUMNS - 1);

	for (guint c = from; c <= to; c++) {
		gint64 begin = t->begin + (gint64)(c * column), end = t->begin + (gint64)((c + 1) * column);

		sum->when[c] += MAX(MIN(end, end_ns) - MAX(begin, begin_ns), 0);
	}
}

static void add_sums(Sums *s)
{
	gint64 at = s->path->target->begin;

	for (guint i = 0; i < s->path->segments->len; i++) {
		const GraphSegment *g = &g_array_index(s->path->segments, GraphSegment, i);
		gint64 end = MAX(critical_world_convert(s->path->world, g->machine, s->path->target->trace, g->end_ns), at);
		Sum *sum = sum_of(s, g);

		if (!i)
			at = critical_world_convert(s->path->world, g->machine, s->path->target->trace, g->begin_ns);
		sum->ns += end - at;
		sum->max_ns = MAX(sum->max_ns, end - at);
		sum->count++;
		add_when(s->path->target, sum, at, end);
		at = end;
	}
}

/* ---- Stacks ---------------------------------------------------------------------------------------------------------------------- */

/* From the thread that was asked about to the one that it waited for in the end; the machine is said where it changes. */
static void append_waiters(const Sums *s, GString *text, guint32 stack)
{
	guint32 chain[GRAPH_DEPTH_MAX + 1];
	guint n = 0, machine = critical_world_index(s->path->world, s->path->target->trace);

	for (; stack != GRAPH_NO_STACK && n < G_N_ELEMENTS(chain); n++) {
		chain[n] = stack;
		stack = g_array_index(s->path->stacks, GraphStack, stack).waiter;
	}
	while (n-- > 0) {
		const GraphStack *frame = &g_array_index(s->path->stacks, GraphStack, chain[n]);
		const AnalysisStoreTrace *t = critical_world_trace(s->path->world, frame->machine);
		g_autofree char *thread = analysis_thread_name(t, frame->thread), *named = g_strdup_printf("%s: %s", t->name, thread);

		view_frame(text, frame->machine != machine ? named : thread);
		machine = frame->machine;
	}
}

/* "mariadbd 157;jbd2/vdc-8 161;blocked;disk: vdc": who, what, and why. */
static char *stack_text(const Sums *s, const Sum *sum)
{
	const AnalysisStoreTrace *t = critical_world_trace(s->path->world, sum->example.machine);
	GString *text = g_string_new(NULL);
	g_autofree char *detail = detail_text(s->path->world, &sum->example);
	g_autofree char *state = sum->level >= 0 && sum->level != t->level ? g_strdup_printf("L%d %s", sum->level, state_name(t, sum->example.state)) :
									     g_strdup(state_name(t, sum->example.state));

	append_waiters(s, text, sum->example.stack);
	view_frame(text, state);
	if (*detail)
		view_frame(text, detail);
	return g_string_free(text, FALSE);
}

/* ---- The summary ----------------------------------------------------------------------------------------------------------------- */

enum { MACHINE, LEVEL, THREAD, STATE, DETAIL, STACK, TOTAL, SHARE, WHEN, COUNT, MAX_NS };

static void set_when(View *v, const Target *t, const Sum *sum)
{
	double shares[COLUMNS], column = (double)MAX(t->end - t->begin, 1) / COLUMNS;

	for (guint c = 0; c < COLUMNS; c++)
		shares[c] = (double)sum->when[c] / column;
	view_set_series(v, WHEN, shares, COLUMNS);
}

static void sum_row(View *v, const Sums *s, const Sum *sum)
{
	const Target *target = s->path->target;
	const AnalysisStoreTrace *t = critical_world_trace(s->path->world, sum->example.machine);
	g_autofree char *detail = detail_text(s->path->world, &sum->example);

	view_begin_row(v);
	view_set_text(v, MACHINE, t->name);
	if (sum->level >= 0)
		view_set_int(v, LEVEL, sum->level);
	if (s->what & BY_THREAD) {
		g_autofree char *thread = analysis_thread_name(t, sum->example.thread);
		view_set_text(v, THREAD, thread);
	}
	if (s->what & BY_STATE)
		view_set_text(v, STATE, state_name(t, sum->example.state));
	if (s->what & BY_DETAIL && *detail)
		view_set_text(v, DETAIL, detail);
	if (s->what & BY_STACK) {
		g_autofree char *stack = stack_text(s, sum);
		view_set_text(v, STACK, stack);
	}
	view_set_int(v, TOTAL, sum->ns);
	if (target->end > target->begin)
		view_set_double(v, SHARE, (double)sum->ns / (double)(target->end - target->begin));
	set_when(v, target, sum);
	view_set_uint(v, COUNT, sum->count);
	view_set_int(v, MAX_NS, sum->max_ns);
}

static void hide_columns(View *v, guint what)
{
	gboolean has_stack = what & BY_STACK;
	const gboolean shown[] = {[THREAD] = what & BY_THREAD && !has_stack, [STATE] = what & BY_STATE && !has_stack, [DETAIL] = what & BY_DETAIL && !has_stack, [STACK] = has_stack};

	for (guint c = THREAD; c <= STACK; c++)
		if (!shown[c])
			view_hide_from_text(v, c);
	if (has_stack)
		view_set_folded(v, STACK, TOTAL);
}

static View *new_summary(guint way)
{
	View *v = view_new(ways[way].schema, ways[way].title);

	view_add_column(v, "machine", "MACHINE", VIEW_TEXT);
	view_add_column(v, "level", "LEVEL", VIEW_ID);
	view_add_column(v, "thread", "THREAD", VIEW_TEXT);
	view_add_column(v, "state", "STATE", VIEW_TEXT);
	view_add_column(v, "detail", "DETAIL", VIEW_TEXT);
	view_add_column(v, "stack", "STACK", VIEW_TEXT);
	view_add_column(v, "total_ns", "TIME", VIEW_NS);
	view_add_column(v, "share", "SHARE", VIEW_RATIO);
	view_add_column(v, "when", "WHEN, FROM BEGIN TO END", VIEW_SERIES);
	view_add_column(v, "count", "PIECES", VIEW_COUNT);
	view_add_column(v, "max_ns", "LONGEST", VIEW_NS);
	hide_columns(v, ways[way].what);
	return v;
}

static View *summary_view(const Path *p, guint way)
{
	const Target *t = p->target;
	g_autoptr(GHashTable) table = g_hash_table_new_full(sum_hash, sum_equal, g_free, NULL);
	g_autoptr(GPtrArray) order = g_ptr_array_new();
	g_autofree char *name = analysis_thread_name(t->trace, t->serial);
	Sums s = {p, ways[way].what, table, order};
	View *v = new_summary(way);

	add_sums(&s);
	for (guint i = 0; i < order->len; i++)
		sum_row(v, &s, g_ptr_array_index(order, i));
	view_sort(v, TOTAL, TRUE);
	view_add_note(v, "Of %s%s on %s.%s", t->is_process ? "the process of " : "", name, t->trace->name,
		      t->found <= 1 ? "" : t->is_process ? " Several processes fit: this is the busiest one." : " Several threads fit: this is the busiest one.");
	return v;
}

/* Programs get the pieces, people first what they add up to. G_N_ELEMENTS(ways): the pieces. */
static gboolean find_way(const AnalysisQuery *q, guint *way, GError **error)
{
	const char *by = q->form == ANALYSIS_LOG ? SEGMENTS : q->by ? q->by : q->for_people ? ways[0].name : SEGMENTS;

	for (*way = 0; *way < G_N_ELEMENTS(ways); (*way)++)
		if (strcmp(by, ways[*way].name) == 0)
			return TRUE;
	if (strcmp(by, SEGMENTS) == 0)
		return TRUE;
	g_set_error(error, ST_ERROR, ST_ERROR_USAGE, "--by: there is no \"%s\"; there are summary, culprit, state, level, stack, segment", by);
	return FALSE;
}

/* A process's path is its main thread's until the one was there that ended last. */
static void find_path(Path *p)
{
	const Target *t = p->target;
	guint machine = critical_world_index(p->world, t->trace);
	const Graph *g = critical_world_graph(p->world, machine);
	const GraphWorld world = critical_world_of(p->world);

	graph_append(g, &world, machine, t->serial, t->begin, t->last_begin, p->segments, p->stacks);
	const GraphSegment *last = p->segments->len ? &g_array_index(p->segments, GraphSegment, p->segments->len - 1) : NULL;
	gint64 told = last ? critical_world_convert(p->world, last->machine, t->trace, last->end_ns) : t->begin;
	if (t->last != t->serial)
		graph_append(g, &world, machine, t->last, told, t->end, p->segments, p->stacks);
}

View *analysis_critical_path(const AnalysisStore *store, const AnalysisQuery *q, GError **error)
{
	Target t;
	guint way;

	if (!find_way(q, &way, error) || !critical_target_find(store, q, &t, error))
		return NULL;
	g_autoptr(CriticalWorld) world = critical_world_new(store, FALSE);
	g_autoptr(GArray) segments = g_array_new(FALSE, FALSE, sizeof(GraphSegment)), stacks = g_array_new(FALSE, FALSE, sizeof(GraphStack));
	Path p = {&t, world, segments, stacks};

	find_path(&p);
	return way < G_N_ELEMENTS(ways) ? summary_view(&p, way) : segments_view(&p);
}
