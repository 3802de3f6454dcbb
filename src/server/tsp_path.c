/* SPDX-License-Identifier: MIT */
/* tsp_path.c: the critical path of a thread: as rows of all threads on it, and added up as a flame graph. */
#include <string.h>

#include "graph/graph.h"
#include "server/tsp_table.h"

/* Whose path. */
typedef struct {
	const AnalysisStoreTrace *trace;
	guint index;           /* of the trace */
	guint32 serial;
	gint64 cpu_ns;
	gint64 begin, end;     /* in its own clock */
	char *name;
	GArray *path;          /* GraphSegment */
} Path;

#define PATH_ID     1      /* entries of the flame graph: its rows */
#define FLAME_DEPTH 4

static void path_clear(Path *p)
{
	g_free(p->name);
	if (p->path)
		g_array_unref(p->path);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Path, path_clear)

/* ---- Whose path ------------------------------------------------------------------------------------------------------------------------ */

static gboolean is_meant(const AnalysisStoreTrace *t, const KernelThreadItem *item, const char *thread)
{
	gint64 number;

	if (g_ascii_string_to_signed(thread, 10, 0, G_MAXINT32, &number, NULL))
		return item->tid == number;
	return g_pattern_match_simple(thread, history_text_get(t->history, item->name));
}

/* Of several that fit the busiest is meant; of all, the busiest at the highest level that is no processor of a VM. */
static void consider(Path *best, const AnalysisStoreTrace *t, guint index, guint32 serial, const KernelThreadItem *item, gboolean named)
{
	gint64 ns[HISTORY_STATES_MAX], sum = 0;

	if (item->row == KERNEL_NO_ROW || item->same_as != serial || (!named && (item->tid <= 0 || item->is_kthread || item->vcpu)))
		return;
	history_sums(t->history, item->row, t->begin_ns, t->end_ns, ns);
	for (guint s = KERNEL_TS_RUNNING; s <= KERNEL_TS_GUEST; s++)
		sum += ns[s];
	gboolean higher = best->trace && !named && t->level != best->trace->level;
	if (best->trace && (higher ? t->level < best->trace->level : sum <= best->cpu_ns))
		return;
	best->trace = t;
	best->index = index;
	best->serial = serial;
	best->cpu_ns = sum;
	best->begin = MAX(history_row_begin(t->rows, item->row), t->begin_ns);
	best->end = MIN(history_row_end(t->rows, item->row), t->end_ns);
	g_free(best->name);
	best->name = g_strdup_printf("%s %d on %s", history_text_get(t->history, item->name), item->tid, t->name);
}

static void look_at(Path *best, const AnalysisStoreTrace *t, guint index, const char *thread)
{
	guint table;

	if (!t->is_kernel || !history_find_table(t->history, KERNEL_THREADS_TABLE, sizeof(KernelThreadItem), &table))
		return;
	for (guint64 i = 0; i < history_table_len(t->history, table); i++) {
		const KernelThreadItem *item = history_table_get(t->history, table, i);

		if (!thread || is_meant(t, item, thread))
			consider(best, t, index, (guint32)i, item, thread != NULL);
	}
}

static gboolean find_path(TspCall *call, Path *p, GError **error)
{
	const char *setting = call->setting, *colon = setting ? strchr(setting, ':') : NULL;
	const char *thread = colon ? colon + 1 : setting;

	for (guint i = 0; i < call->store->traces->len; i++) {
		const AnalysisStoreTrace *t = tsp_trace(call->store, i);

		if (!colon || (strlen(t->name) == (gsize)(colon - setting) && g_str_has_prefix(setting, t->name)))
			look_at(p, t, i, thread);
	}
	if (!p->trace) {
		g_set_error(error, ST_ERROR, ST_ERROR_USAGE, "there is no thread %s", setting ? setting : "");
		return FALSE;
	}
	g_autoptr(Graph) graph = graph_new(p->trace->history, p->trace->rows);
	if (graph)
		p->path = graph_path(graph, p->serial, p->begin, p->end);
	else
		p->path = g_array_new(FALSE, FALSE, sizeof(GraphSegment));
	return TRUE;
}

static const GraphSegment *segment(const Path *p, guint i)
{
	return &g_array_index(p->path, GraphSegment, i);
}

static guint32 row_of(const Path *p, guint32 serial)
{
	guint table;

	if (!history_find_table(p->trace->history, KERNEL_THREADS_TABLE, sizeof(KernelThreadItem), &table) || serial >= history_table_len(p->trace->history, table))
		return HISTORY_NO_ROW;
	guint32 row = ((const KernelThreadItem *)history_table_get(p->trace->history, table, serial))->row;
	return row < history_n_rows(p->trace->history) ? row : HISTORY_NO_ROW;
}

/* 0: it has none. */
static gint32 id_of(const TspCall *call, const Path *p, guint32 serial)
{
	guint32 row = row_of(p, serial);

	return row == HISTORY_NO_ROW ? 0 : tsp_id_of(call->store, p->index, row);
}

static const char *state_of(const Path *p, const GraphSegment *s)
{
	guint kind;

	return history_find_kind(p->trace->rows, KERNEL_THREAD_ROW_KIND, &kind) ? history_state_name(p->trace->rows, kind, s->state) : "";
}

static char *detail_of(const Path *p, const GraphSegment *s)
{
	const char *detail = history_text_get(p->trace->rows, s->detail);

	if (s->state < KERNEL_TS_BLOCKED || s->state > KERNEL_TS_B_IDLE)
		return g_strdup(detail);
	const char *reason = kernel_wait_name((KernelWaitReason)(s->state - KERNEL_TS_BLOCKED));
	return *detail ? g_strdup_printf("%s: %s", reason, detail) : g_strdup(reason);
}

static const char *const headers[] = {"Name", "STRING", NULL};

/* ---- Pieces of answers ------------------------------------------------------------------------------------------------------------------- */

static void put_entry(StJson *json, gint32 id, gint32 parent, const char *label, gint64 begin, gint64 end, gboolean has_data)
{
	tsp_begin_entry(json, id, parent);
	st_json_string(json, label);
	st_json_end(json);
	st_json_member_int(json, "start", begin);
	st_json_member_int(json, "end", end);
	st_json_member_bool(json, "hasData", has_data);
	st_json_end(json);
}

static void put_state(TspCall *call, gint64 begin, gint64 end, const char *state, const char *label, const char *row)
{
	const TspFact facts[] = {{"state", state}, {"detail", label}, {"name", row}};
	guint tags = tsp_query_tags(call->query, facts, G_N_ELEMENTS(facts));
	const TspStyle *style = tags & TSP_EXCLUDED ? NULL : tsp_style_of(state);

	st_json_begin_object(call->json);
	st_json_member_int(call->json, "start", begin);
	st_json_member_int(call->json, "end", end);
	if (style) {
		st_json_member_string(call->json, "label", *label ? label : state);
		tsp_put_style(call->json, style->key);
	}
	if (tags)
		st_json_member_uint(call->json, "tags", tags);
	st_json_end(call->json);
}

/* ---- Rows ----------------------------------------------------------------------------------------------------------------------------------- */

/* A group that says whose path it is, and below it every thread on it, in the order in which they come in. */
static gboolean put_tree(TspCall *call, GError **error)
{
	g_auto(Path) p = {0};
	g_autoptr(GHashTable) seen = g_hash_table_new(NULL, NULL);

	if (!find_path(call, &p, error))
		return FALSE;
	g_autofree char *label = g_strdup_printf("Critical path of %s", p.name);
	tsp_begin_tree(call->json, headers);
	put_entry(call->json, G_MAXINT32, -1, label, call->store->begin_ns, call->store->end_ns, FALSE);
	for (guint i = 0; i < p.path->len; i++) {
		guint32 serial = segment(&p, i)->thread;
		gint32 id = id_of(call, &p, serial);
		g_autofree char *name = id && g_hash_table_add(seen, GINT_TO_POINTER(id)) ? analysis_thread_name(p.trace, serial) : NULL;

		if (name)
			put_entry(call->json, id, G_MAXINT32, name, call->store->begin_ns, call->store->end_ns, TRUE);
	}
	return tsp_end_tree(call->json, -1);
}

/* What of the path is in the range, but no more pieces than there are pixels: shorter ones are left out. */
static gboolean is_seen(const TspCall *call, gint64 begin, gint64 end, gint64 *last)
{
	gint64 pixel = call->query->n_times ? (call->query->end_ns - call->query->begin_ns) / call->query->n_times : 0;

	if (end <= call->query->begin_ns || begin >= call->query->end_ns || end < *last + pixel)
		return FALSE;
	*last = end;
	return TRUE;
}

static void put_row(TspCall *call, const Path *p, gint64 id)
{
	gint64 last = G_MININT64 / 2;

	st_json_begin_object(call->json);
	st_json_member_int(call->json, "entryId", id);
	st_json_key(call->json, "states");
	st_json_begin_array(call->json);
	for (guint i = 0; i < p->path->len; i++) {
		const GraphSegment *s = segment(p, i);
		gint64 begin = analysis_time(p->trace, s->begin_ns), end = analysis_time(p->trace, s->end_ns);

		if (id_of(call, p, s->thread) != id || !is_seen(call, begin, end, &last))
			continue;
		g_autofree char *detail = detail_of(p, s);
		put_state(call, begin, end, state_of(p, s), detail, p->name);
	}
	st_json_end(call->json);
	st_json_end(call->json);
}

static gboolean put_states(TspCall *call, GError **error)
{
	g_auto(Path) p = {0};

	if (!find_path(call, &p, error))
		return FALSE;
	st_json_begin_object(call->json);
	st_json_key(call->json, "rows");
	st_json_begin_array(call->json);
	for (guint i = 0; i < call->query->items->len; i++)
		put_row(call, &p, g_array_index(call->query->items, gint64, i));
	st_json_end(call->json);
	st_json_end(call->json);
	return TRUE;
}

/* From one thread to the next on the path. */
static gboolean put_arrows(TspCall *call, GError **error)
{
	g_auto(Path) p = {0};
	gint64 last = G_MININT64 / 2;

	if (!find_path(call, &p, error))
		return FALSE;
	st_json_begin_array(call->json);
	for (guint i = 1; i < p.path->len; i++) {
		gint32 from = id_of(call, &p, segment(&p, i - 1)->thread), to = id_of(call, &p, segment(&p, i)->thread);
		gint64 time = analysis_time(p.trace, segment(&p, i)->begin_ns);

		if (from && to && from != to && is_seen(call, time, time + 1, &last))
			tsp_put_arrow(call->json, time, time, from, to);
	}
	st_json_end(call->json);
	return TRUE;
}

const TspProvider tsp_path_provider = {.tree = put_tree, .states = put_states, .arrows = put_arrows, .style = tsp_put_styles};

/* ---- Flame graph ------------------------------------------------------------------------------------------------------------------------------ */

/* A box: its time, and what it is divided into. */
typedef struct Box {
	char *label;
	const char *state;
	gint64 ns;
	GPtrArray *parts;
} Box;

static void box_free(gpointer data)
{
	Box *b = data;

	g_ptr_array_unref(b->parts);
	g_free(b->label);
	g_free(b);
}

static Box *box_new(const char *label, const char *state)
{
	Box *b = g_new0(Box, 1);

	b->label = g_strdup(label);
	b->state = state;
	b->parts = g_ptr_array_new_with_free_func(box_free);
	return b;
}

G_DEFINE_AUTOPTR_CLEANUP_FUNC(Box, box_free)

static Box *part(Box *b, const char *label, const char *state, gint64 ns)
{
	for (guint i = 0; i < b->parts->len; i++) {
		Box *known = b->parts->pdata[i];

		if (strcmp(known->label, label) == 0) {
			known->ns += ns;
			return known;
		}
	}
	Box *made = box_new(label, state);
	made->ns = ns;
	g_ptr_array_add(b->parts, made);
	return made;
}

static gint by_time(gconstpointer a, gconstpointer b)
{
	const Box *x = *(Box *const *)a, *y = *(Box *const *)b;

	return x->ns != y->ns ? (x->ns < y->ns ? 1 : -1) : strcmp(x->label, y->label);
}

static Box *flame_of(const Path *p)
{
	Box *all = box_new(p->name, "work");

	for (guint i = 0; i < p->path->len; i++) {
		const GraphSegment *s = segment(p, i);
		gint64 ns = s->end_ns - s->begin_ns;
		g_autofree char *name = analysis_thread_name(p->trace, s->thread), *detail = detail_of(p, s);

		all->ns += ns;
		Box *thread = part(all, name, "running", ns);
		Box *state = part(thread, state_of(p, s), state_of(p, s), ns);
		if (*detail)
			part(state, detail, state_of(p, s), ns);
	}
	return all;
}

/* The boxes of one depth, each where the one that it is a part of begins. */
static void put_boxes(TspCall *call, Box *b, gint64 begin, guint depth)
{
	if (depth == 0) {
		if (b->ns && begin < call->query->end_ns && begin + b->ns > call->query->begin_ns)
			put_state(call, begin, begin + b->ns, b->state, b->label, b->label);
		return;
	}
	g_ptr_array_sort(b->parts, by_time);
	for (guint i = 0; i < b->parts->len; i++) {
		Box *p = b->parts->pdata[i];

		put_boxes(call, p, begin, depth - 1);
		begin += p->ns;
	}
}

/* The time base of flame graphs is from 0 to as long as the experiment is. */
static gboolean put_flame_tree(TspCall *call, GError **error)
{
	static const char *const labels[FLAME_DEPTH] = {"Path", "Thread", "State", "Detail"};
	g_auto(Path) p = {0};
	gint64 end = call->store->end_ns - call->store->begin_ns;

	if (!find_path(call, &p, error))
		return FALSE;
	tsp_begin_tree(call->json, headers);
	for (guint i = 0; i < FLAME_DEPTH; i++)
		put_entry(call->json, PATH_ID + (gint32)i, i ? PATH_ID : -1, i ? labels[i] : p.name, 0, end, TRUE);
	return tsp_end_tree(call->json, -1);
}

static gboolean put_flame(TspCall *call, GError **error)
{
	g_auto(Path) p = {0};

	if (!find_path(call, &p, error))
		return FALSE;
	g_autoptr(Box) all = flame_of(&p);
	st_json_begin_object(call->json);
	st_json_key(call->json, "rows");
	st_json_begin_array(call->json);
	for (guint i = 0; i < FLAME_DEPTH; i++) {
		if (!tsp_query_has_item(call->query, PATH_ID + (gint64)i))
			continue;
		st_json_begin_object(call->json);
		st_json_member_int(call->json, "entryId", PATH_ID + (gint64)i);
		st_json_key(call->json, "states");
		st_json_begin_array(call->json);
		put_boxes(call, all, 0, i);
		st_json_end(call->json);
		st_json_end(call->json);
	}
	st_json_end(call->json);
	st_json_end(call->json);
	return TRUE;
}

const TspProvider tsp_flame_provider = {.tree = put_flame_tree, .states = put_flame, .style = tsp_put_styles};
