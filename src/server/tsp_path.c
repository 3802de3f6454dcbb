/* SPDX-License-Identifier: MIT */
/* tsp_path.c: the critical path of a thread, through all machines: as rows of all threads on it, and added up as a flame graph. */
#include <string.h>

#include "analysis/critical_world.h"
#include "base/format.h"
#include "server/tsp_table.h"

/* Whose path. */
typedef struct {
	const AnalysisStoreTrace *trace;
	guint index;           /* of the trace */
	guint32 serial;
	gint64 cpu_ns;
	gint64 begin, end;     /* in its own clock */
	char *name;
	CriticalWorld *machines; /* without graphs: what segments mean */
	GArray *segments;      /* GraphSegment, in the experiment's time: each begins where the one before it ended */
} Path;

#define PATH_ID     1      /* entries of the flame graph: its rows */
#define FLAME_DEPTH 4

static void path_free(gpointer data)
{
	Path *p = data;

	g_free(p->name);
	critical_world_free(p->machines);
	g_clear_pointer(&p->segments, g_array_unref);
	g_free(p);
}

G_DEFINE_AUTOPTR_CLEANUP_FUNC(Path, path_free)

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

/* Graphs are large: they are not kept. */
static void follow(const AnalysisStore *store, Path *p)
{
	g_autoptr(CriticalWorld) machines = critical_world_new(store, FALSE);
	const Graph *graph = critical_world_graph(machines, p->index);
	const GraphWorld world = critical_world_of(machines);

	p->segments = g_array_new(FALSE, FALSE, sizeof(GraphSegment));
	if (graph)
		graph_append(graph, &world, p->index, p->serial, p->begin, p->end, p->segments, NULL);
	p->machines = critical_world_new(store, FALSE);
}

static const AnalysisStoreTrace *trace_of(const Path *p, const GraphSegment *s)
{
	return critical_world_trace(p->machines, s->machine);
}

static const GraphSegment *segment(const Path *p, guint i)
{
	return &g_array_index(p->segments, GraphSegment, i);
}

static void set_times(Path *p)
{
	for (guint i = 0; i < p->segments->len; i++) {
		GraphSegment *s = &g_array_index(p->segments, GraphSegment, i);
		const AnalysisStoreTrace *t = trace_of(p, s);

		s->begin_ns = i ? s[-1].end_ns : analysis_time(t, s->begin_ns);
		s->end_ns = MAX(analysis_time(t, s->end_ns), s->begin_ns);
	}
}

/* A Path, for all of the outputs that show it. */
static gpointer make_path(gpointer user, gsize *bytes_out, GError **error)
{
	TspCall *call = user;
	const char *setting = call->setting, *colon = setting ? strchr(setting, ':') : NULL;
	const char *thread = colon ? colon + 1 : setting;
	g_autoptr(Path) p = g_new0(Path, 1);

	for (guint i = 0; i < call->store->traces->len; i++) {
		const AnalysisStoreTrace *t = tsp_trace(call->store, i);

		if (!colon || (strlen(t->name) == (gsize)(colon - setting) && g_str_has_prefix(setting, t->name)))
			look_at(p, t, i, thread);
	}
	if (!p->trace) {
		g_set_error(error, ST_ERROR, ST_ERROR_USAGE, "there is no thread %s", setting ? setting : "");
		return NULL;
	}
	follow(call->store, p);
	set_times(p);
	*bytes_out = sizeof(*p) + p->segments->len * sizeof(GraphSegment);
	return g_steal_pointer(&p);
}

/* NULL: there is none. The caller gives it back. */
static ServerKept *find_path(TspCall *call, GError **error)
{
	g_autofree char *key = g_strdup_printf("path\n%s", call->setting ? call->setting : "");

	return server_keep_get(server_experiment_keep(call->experiment), key, make_path, path_free, call, error);
}

/* Its thread's row. 0: it has none. */
static gint32 id_of(const TspCall *call, const Path *p, const GraphSegment *s)
{
	const History *h = trace_of(p, s)->history;
	const KernelThreadItem *item = kernel_find_thread(h, s->thread);

	return item && item->row < history_n_rows(h) ? tsp_id_of(call->store, s->machine, item->row) : 0;
}

static const char *state_of(const Path *p, const GraphSegment *s)
{
	const History *rows = trace_of(p, s)->rows;
	guint kind;

	return history_find_kind(rows, KERNEL_THREAD_ROW_KIND, &kind) ? history_state_name(rows, kind, s->state) : "";
}

/* On another machine than the one that was asked about that is said, too. The caller frees. */
static char *name_of(const Path *p, const GraphSegment *s)
{
	const AnalysisStoreTrace *t = trace_of(p, s);
	g_autofree char *name = analysis_thread_name(t, s->thread);

	return t == p->trace ? g_steal_pointer(&name) : g_strdup_printf("%s: %s", t->name, name);
}

static char *detail_of(const Path *p, const GraphSegment *s)
{
	g_autofree char *detail = critical_world_detail(p->machines, s);

	if (s->state < KERNEL_TS_BLOCKED || s->state > KERNEL_TS_B_IDLE)
		return g_steal_pointer(&detail);
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
	g_autoptr(ServerKept) kept = find_path(call, error);
	const Path *p = kept ? server_kept_value(kept) : NULL;
	g_autoptr(GHashTable) seen = g_hash_table_new(NULL, NULL);

	if (!p)
		return FALSE;
	g_autofree char *label = g_strdup_printf("Critical path of %s", p->name);
	tsp_begin_tree(call->json, headers);
	put_entry(call->json, G_MAXINT32, -1, label, call->store->begin_ns, call->store->end_ns, FALSE);
	for (guint i = 0; i < p->segments->len; i++) {
		gint32 id = id_of(call, p, segment(p, i));
		g_autofree char *name = id && g_hash_table_add(seen, GINT_TO_POINTER(id)) ? name_of(p, segment(p, i)) : NULL;

		if (name)
			put_entry(call->json, id, G_MAXINT32, name, call->store->begin_ns, call->store->end_ns, TRUE);
	}
	return tsp_end_tree(call->json, -1);
}

static gint64 pixel_of(const TspCall *call)
{
	return call->query->n_times ? (call->query->end_ns - call->query->begin_ns) / call->query->n_times : 0;
}

/* Viewers paint what no state is told of. */
static void put_nothing(TspCall *call, gint64 begin, gint64 end)
{
	if (begin >= end)
		return;
	st_json_begin_object(call->json);
	st_json_member_int(call->json, "start", begin);
	st_json_member_int(call->json, "end", end);
	st_json_end(call->json);
}

/* Pieces of a row that are drawn as one, as the longest of them. */
typedef struct {
	const GraphSegment *longest; /* NULL: nothing yet */
	gint64 begin, end;
} Run;

static gint64 length_of(const GraphSegment *s)
{
	return s->end_ns - s->begin_ns;
}

static void put_run(TspCall *call, const Path *p, const Run *run)
{
	g_autofree char *detail = detail_of(p, run->longest);

	put_state(call, run->begin, run->end, state_of(p, run->longest), detail, p->name);
}

/* No more states than there are pixels: what is within one is one. Between them the path was on other rows. */
static void put_pieces(TspCall *call, const Path *p, gint64 id)
{
	gint64 pixel = pixel_of(call);
	Run run = {0};

	for (guint i = 0; i < p->segments->len; i++) {
		const GraphSegment *piece = segment(p, i);

		if (piece->begin_ns >= piece->end_ns || piece->end_ns <= call->query->begin_ns || piece->begin_ns >= call->query->end_ns || id_of(call, p, piece) != id)
			continue;
		if (run.longest && piece->end_ns < run.begin + pixel) {
			run.longest = length_of(piece) > length_of(run.longest) ? piece : run.longest;
			run.end = piece->end_ns;
			continue;
		}
		if (run.longest) {
			put_run(call, p, &run);
			put_nothing(call, run.end, piece->begin_ns);
		}
		run = (Run){piece, piece->begin_ns, piece->end_ns};
	}
	if (run.longest)
		put_run(call, p, &run);
}

static void put_row(TspCall *call, const Path *p, gint64 id)
{
	st_json_begin_object(call->json);
	st_json_member_int(call->json, "entryId", id);
	st_json_key(call->json, "states");
	st_json_begin_array(call->json);
	put_pieces(call, p, id);
	st_json_end(call->json);
	st_json_end(call->json);
}

static gboolean put_states(TspCall *call, GError **error)
{
	g_autoptr(ServerKept) kept = find_path(call, error);
	const Path *p = kept ? server_kept_value(kept) : NULL;

	if (!p)
		return FALSE;
	st_json_begin_object(call->json);
	st_json_key(call->json, "rows");
	st_json_begin_array(call->json);
	for (guint i = 0; i < call->query->items->len; i++)
		put_row(call, p, g_array_index(call->query->items, gint64, i));
	st_json_end(call->json);
	st_json_end(call->json);
	return TRUE;
}

/* From one thread to the next on the path. */
static gboolean put_arrows(TspCall *call, GError **error)
{
	g_autoptr(ServerKept) kept = find_path(call, error);
	const Path *p = kept ? server_kept_value(kept) : NULL;
	gint64 last = G_MININT64 / 2;

	if (!p)
		return FALSE;
	st_json_begin_array(call->json);
	for (guint i = 1; i < p->segments->len; i++) {
		gint32 from = id_of(call, p, segment(p, i - 1)), to = id_of(call, p, segment(p, i));
		gint64 time = segment(p, i)->begin_ns;

		if (!from || !to || from == to || time < call->query->begin_ns || time > call->query->end_ns || time < last + pixel_of(call) * TSP_ARROW_PIXELS)
			continue;
		tsp_put_arrow(call->json, time, time, from, to);
		last = time;
	}
	st_json_end(call->json);
	return TRUE;
}

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

	for (guint i = 0; i < p->segments->len; i++) {
		const GraphSegment *piece = segment(p, i);
		gint64 ns = piece->end_ns - piece->begin_ns;
		g_autofree char *name = name_of(p, piece), *detail = detail_of(p, piece);

		all->ns += ns;
		Box *thread = part(all, name, "running", ns);
		Box *state = part(thread, state_of(p, piece), state_of(p, piece), ns);
		if (*detail)
			part(state, detail, state_of(p, piece), ns);
	}
	return all;
}

/* The boxes of one depth, each where the one that it is a part of begins. */
static void put_boxes(TspCall *call, Box *b, gint64 begin, guint depth)
{
	gint64 end = begin + b->ns;

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
	put_nothing(call, MAX(begin, call->query->begin_ns), MIN(end, call->query->end_ns));
}

/* The time base of flame graphs is from 0 to as long as the experiment is. */
static gboolean put_flame_tree(TspCall *call, GError **error)
{
	static const char *const labels[FLAME_DEPTH] = {"Path", "Thread", "State", "Detail"};
	g_autoptr(ServerKept) kept = find_path(call, error);
	const Path *p = kept ? server_kept_value(kept) : NULL;
	gint64 end = call->store->end_ns - call->store->begin_ns;

	if (!p)
		return FALSE;
	tsp_begin_tree(call->json, headers);
	for (guint i = 0; i < FLAME_DEPTH; i++)
		put_entry(call->json, PATH_ID + (gint32)i, i ? PATH_ID : -1, i ? labels[i] : p->name, 0, end, TRUE);
	return tsp_end_tree(call->json, -1);
}

static gboolean put_flame(TspCall *call, GError **error)
{
	g_autoptr(ServerKept) kept = find_path(call, error);
	const Path *p = kept ? server_kept_value(kept) : NULL;

	if (!p)
		return FALSE;
	g_autoptr(Box) all = flame_of(p);
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

/* ---- Tooltips ------------------------------------------------------------------------------------------------------------------------------------- */

static gint64 asked_length(const TspCall *call)
{
	gint64 length = json_integer_value(json_object_get(json_object_get(call->query->parameters, "requested_element"), "duration"));

	return CLAMP(length, 1, G_MAXINT64 / 2);
}

static void put_duration(StJson *json, const char *key, gint64 ns)
{
	char text[ST_FORMAT_MAX];

	st_json_member_string(json, key, st_format_duration(text, ns));
}

/* What of a row's pieces is in the range, by state; and the piece, where it is but one. */
static Box *pieces_in(const TspCall *call, const Path *p, gint64 id, const GraphSegment **one)
{
	gint64 begin = call->query->begin_ns, end = begin < G_MAXINT64 / 2 ? begin + asked_length(call) : begin;
	Box *all = box_new("", "");
	guint n = 0;

	for (guint i = 0; i < p->segments->len; i++) {
		const GraphSegment *piece = segment(p, i);

		if (piece->begin_ns >= end || piece->end_ns <= begin || id_of(call, p, piece) != id)
			continue;
		part(all, state_of(p, piece), "", length_of(piece));
		*one = n++ ? NULL : piece;
	}
	return all;
}

static void put_piece(StJson *json, const Path *p, const GraphSegment *piece)
{
	g_autofree char *name = name_of(p, piece), *detail = detail_of(p, piece);

	st_json_member_string(json, "Thread", name);
	st_json_member_string(json, "State", state_of(p, piece));
	if (*detail)
		st_json_member_string(json, "Detail", detail);
	put_duration(json, "Duration", length_of(piece));
}

static gboolean put_tooltip(TspCall *call, GError **error)
{
	gint64 id = call->query->items->len ? g_array_index(call->query->items, gint64, 0) : 0;
	g_autoptr(ServerKept) kept = find_path(call, error);
	const Path *p = kept ? server_kept_value(kept) : NULL;
	const GraphSegment *one = NULL;

	if (!p)
		return FALSE;
	g_autoptr(Box) all = pieces_in(call, p, id, &one);
	st_json_begin_object(call->json);
	if (one)
		put_piece(call->json, p, one);
	for (guint i = 0; !one && i < all->parts->len; i++)
		put_duration(call->json, ((const Box *)all->parts->pdata[i])->label, ((const Box *)all->parts->pdata[i])->ns);
	st_json_end(call->json);
	return TRUE;
}

static gboolean put_flame_tooltip(TspCall *call, GError **error)
{
	g_autoptr(ServerKept) kept = find_path(call, error);
	const Path *p = kept ? server_kept_value(kept) : NULL;
	char share[ST_FORMAT_MAX];

	if (!p)
		return FALSE;
	g_autoptr(Box) all = flame_of(p);
	st_json_begin_object(call->json);
	put_duration(call->json, "Duration", asked_length(call));
	if (all->ns)
		st_json_member_string(call->json, "Share of the path", st_format_percent(share, (double)asked_length(call) / (double)all->ns));
	st_json_end(call->json);
	return TRUE;
}

const TspProvider tsp_path_provider = {.tree = put_tree, .states = put_states, .tooltip = put_tooltip, .arrows = put_arrows, .style = tsp_put_styles, .keeps = TRUE};
const TspProvider tsp_flame_provider = {.tree = put_flame_tree, .states = put_flame, .tooltip = put_flame_tooltip, .style = tsp_put_styles, .keeps = TRUE};
