/* SPDX-License-Identifier: MIT */
/*
 * tsp_rows.c: time graphs of rows.
 *
 * What is sent is what pixels need: where a row has few intervals in the range they are sent as they are; where it has more than two to a pixel, each pixel gets the state that had most of
 * its time (times the style's weight, so that what is short is seen beside what sleeps), from the history's exact sums, and pixels alike become one state.
 */
#include <string.h>

#include "base/format.h"
#include "base/time.h"
#include "kernel/flow.h"
#include "server/tsp.h"

#define LABEL_PIXELS   24   /* a state of fewer has no text */
#define COLUMNS_DEFAULT 1000 /* where a request doesn't say */
#define COLUMNS_MAX     8192 /* no screen is wider */
#define BATCH_ROWS      32   /* rows that are made at a time, ... */
#define PART_ROWS       8    /* ... by another thread for each so many, ... */
#define PARTS_MAX       4u   /* ... but no more threads than these */

/* The states of rows, on their way to the client. */
typedef struct {
	ServerExperiment *experiment;
	const AnalysisStore *store;
	TspQuery *query;
	gboolean alone;
	guint next;              /* item */
	gboolean begun;
	guint room;              /* of `exact` */
	/* while a piece is made */
	HistoryInterval *exact;  /* room for the intervals of a row */
	gint64 *picture;         /* room for its sums */
	HistoryInterval *deep;   /* by column: what matches the filters; length 0: nothing */
	/* the row */
	const AnalysisStoreTrace *trace;
	const History *history;
	guint32 row;
	guint kind, n_states;
	gboolean is_thread;
	const TspStyle *styles[HISTORY_STATES_MAX];
	const char *states[HISTORY_STATES_MAX];
	guint weights[HISTORY_STATES_MAX];
	char *path;              /* for filters; NULL: none is asked about */
	GHashTable *tags;        /* state and detail -> tags + 1 */
	gboolean any;            /* something was written of it */
} States;

/* ---- Which history ------------------------------------------------------------------------------------------------------------- */

static const History *history_of(const AnalysisStoreTrace *t, gboolean alone)
{
	return alone ? t->history : t->rows;
}

static gboolean is_alone(const TspOutput *o)
{
	return o->detail != NULL;
}

/* The time of one of the columns, in the clock of the row's machine. */
static gint64 own(const AnalysisStoreTrace *t, gint64 time)
{
	return analysis_own_time(t, time);
}

/* ---- The tree --------------------------------------------------------------------------------------------------------------------- */

static void put_metadata(StJson *json, const char *key, gint32 value)
{
	if (value < 0)
		return;
	st_json_key(json, key);
	st_json_begin_array(json);
	st_json_int(json, value);
	st_json_end(json);
}

/* Texts, as the cells of the table of events are. */
static void put_place(StJson *json, const char *machine, gint32 cpu)
{
	char number[ST_FORMAT_MAX];

	if (cpu < 0)
		return;
	st_json_key(json, TSP_MACHINE_COLUMN);
	st_json_begin_array(json);
	st_json_string(json, machine);
	st_json_end(json);
	st_json_key(json, TSP_CPU_COLUMN);
	st_json_begin_array(json);
	st_json_string(json, st_format_int(number, cpu));
	st_json_end(json);
}

static void put_entry(StJson *json, const TspEntry *e, const char *machine)
{
	char number[ST_FORMAT_MAX];

	tsp_begin_entry(json, e->id, e->parent);
	st_json_string(json, e->label);
	st_json_string(json, e->tid >= 0 ? st_format_int(number, e->tid) : "");
	st_json_end(json);
	st_json_member_int(json, "start", e->begin_ns);
	st_json_member_int(json, "end", e->end_ns);
	st_json_member_bool(json, "hasData", e->row != HISTORY_NO_ROW);
	st_json_key(json, "metadata");
	st_json_begin_object(json);
	put_metadata(json, "tid", e->tid);
	put_metadata(json, "pid", e->pid);
	put_metadata(json, "vcpu", e->vcpu);
	put_place(json, machine, e->cpu);
	st_json_end(json);
	st_json_end(json);
}

static gboolean put_tree(TspCall *call, GError **error)
{
	static const char *const headers[] = {"Name", "STRING", "TID", "NUMBER", NULL};
	g_autoptr(GArray) entries = tsp_tree_new(call->store, call->output->kinds);

	tsp_begin_tree(call->json, headers);
	for (guint i = 0; i < entries->len; i++) {
		const TspEntry *e = &g_array_index(entries, TspEntry, i);

		put_entry(call->json, e, tsp_trace(call->store, e->trace)->name);
	}
	return tsp_end_tree(call->json, entries->len > 1000 ? 1 : -1);
}

/* ---- Texts ------------------------------------------------------------------------------------------------------------------------- */

/* Of a blocked thread the reason, with what more is known. */
static const char *detail_of(const History *h, gboolean is_thread, const HistoryInterval *i, char *room, gsize size)
{
	const char *detail = history_text_get(h, i->detail);

	if (!is_thread || i->state < KERNEL_TS_BLOCKED || i->state > KERNEL_TS_B_IDLE)
		return detail;
	const char *reason = kernel_wait_name((KernelWaitReason)(i->state - KERNEL_TS_BLOCKED));
	if (!*detail)
		return reason;
	g_snprintf(room, size, "%s: %s", reason, detail);
	return room;
}

static void put_text(GString *out, const char *text)
{
	for (const guchar *c = (const guchar *)text; *c; c++)
		if (*c < ' ' || *c > '~' || *c == '"' || *c == '\\') {
			g_autoptr(StJson) json = st_json_new_string(out, ST_JSON_COMPACT);

			st_json_string(json, text);
			return;
		}
	g_string_append_c(out, '"');
	g_string_append(out, text);
	g_string_append_c(out, '"');
}

static void put_number(GString *out, gint64 value)
{
	char digits[ST_FORMAT_MAX];

	g_string_append(out, st_format_int(digits, value));
}

/* ---- Filters ------------------------------------------------------------------------------------------------------------------------ */

static guint find_tags(States *s, const HistoryInterval *i, gboolean whole)
{
	char detail[256], duration[ST_FORMAT_MAX];
	TspFact facts[] = {
		{"state", s->states[i->state]},
		{"detail", whole ? detail_of(s->history, s->is_thread, i, detail, sizeof(detail)) : ""},
		{"name", s->path},
		{"machine", s->trace->name},
		{"duration", st_format_int(duration, i->end_ns - i->begin_ns)},
	};

	return tsp_query_tags(s->query, facts, G_N_ELEMENTS(facts));
}

/* `whole`: it is an interval of the row, with its detail; else a sum of several. Most intervals of a row are like others. */
static guint tags_of(States *s, const HistoryInterval *i, gboolean whole)
{
	if (!s->query->filters->len)
		return 0;
	if (s->query->by_duration)
		return find_tags(s, i, whole);
	gpointer key = GSIZE_TO_POINTER((gsize)i->state << 33 | (gsize)(whole ? i->detail : 0) << 1 | (whole != 0));
	gpointer known = g_hash_table_lookup(s->tags, key);
	if (!known) {
		known = GUINT_TO_POINTER(find_tags(s, i, whole) + 1);
		g_hash_table_insert(s->tags, key, known);
	}
	return GPOINTER_TO_UINT(known) - 1;
}

/* ---- A state ------------------------------------------------------------------------------------------------------------------------ */

static void put_state(States *s, GString *out, const HistoryInterval *i, gboolean whole, gint64 label_ns)
{
	guint tags = tags_of(s, i, whole);
	const TspStyle *style = tags & TSP_EXCLUDED ? NULL : s->styles[i->state];
	char room[256];

	g_string_append(out, s->any ? ",{\"start\":" : "{\"start\":");
	put_number(out, analysis_time(s->trace, i->begin_ns));
	g_string_append(out, ",\"end\":");
	put_number(out, analysis_time(s->trace, i->end_ns));
	if (style && i->end_ns - i->begin_ns >= label_ns) {
		const char *detail = whole ? detail_of(s->history, s->is_thread, i, room, sizeof(room)) : "";

		g_string_append(out, ",\"label\":");
		put_text(out, *detail ? detail : s->states[i->state]);
	}
	if (style) {
		g_string_append(out, ",\"style\":{\"parentKey\":\"");
		g_string_append(out, style->key);
		g_string_append(out, "\",\"values\":{}}");
	}
	if (tags) {
		g_string_append(out, ",\"tags\":");
		put_number(out, tags);
	}
	g_string_append_c(out, '}');
	s->any = TRUE;
}

/* ---- Few intervals: as they are ------------------------------------------------------------------------------------------------------ */

/* How many there are, at most `room` of them kept; more than that: `room` + 1. */
static guint collect(States *s, gint64 begin, gint64 end)
{
	HistoryWalk walk;
	guint n = 0;

	history_walk(&walk, s->history, s->row, begin, end);
	while (n < s->room && history_walk_next(&walk, &s->exact[n]))
		n++;
	HistoryInterval one;
	return n == s->room && history_walk_next(&walk, &one) ? n + 1 : n;
}

/* ---- Many: column by column ------------------------------------------------------------------------------------------------------------ */

/* G_MAXUINT: the row has no time there. */
static guint heaviest(const States *s, const gint64 *ns)
{
	guint best = G_MAXUINT;
	gint64 most = 0;

	for (guint i = 0; i < s->n_states; i++)
		if (ns[i] * s->weights[i] > most) {
			most = ns[i] * s->weights[i];
			best = i;
		}
	return best;
}

/* For each column the first interval in it that matches the filters, cut to the column. */
static void look_deep(States *s, gint64 begin, gint64 end, guint width)
{
	HistoryWalk walk;
	HistoryInterval i;
	guint column = 0;

	memset(s->deep, 0, sizeof(*s->deep) * width);
	history_walk(&walk, s->history, s->row, begin, end);
	while (history_walk_next(&walk, &i)) {
		if (tags_of(s, &i, TRUE) & (TSP_DIMMED | TSP_EXCLUDED))
			continue;
		while (column < width && server_step(begin, end, column + 1, width) <= i.begin_ns)
			column++;
		if (column < width && s->deep[column].end_ns == s->deep[column].begin_ns) {
			s->deep[column] = i;
			s->deep[column].begin_ns = MAX(i.begin_ns, server_step(begin, end, column, width));
			s->deep[column].end_ns = MIN(i.end_ns, server_step(begin, end, column + 1, width));
		}
	}
}

static void put_run(States *s, GString *out, gint64 begin, gint64 end, guint state, gint64 label_ns)
{
	HistoryInterval run = {.begin_ns = begin, .end_ns = end, .state = (guint8)state};

	if (state != G_MAXUINT && end > begin)
		put_state(s, out, &run, FALSE, label_ns);
}

/* In a column that matches nothing stands what does. */
static void put_deep(States *s, GString *out, gint64 begin, gint64 end, guint state, const HistoryInterval *deep)
{
	put_run(s, out, begin, deep->begin_ns, state, G_MAXINT64);
	put_state(s, out, deep, TRUE, G_MAXINT64);
	put_run(s, out, deep->end_ns, end, state, G_MAXINT64);
}

static void put_columns(States *s, GString *out, gint64 begin, gint64 end, guint width)
{
	gint64 label_ns = (end - begin) / width * LABEL_PIXELS, from = begin;
	gboolean deep = s->query->deep && s->query->filters->len;
	guint state = G_MAXUINT;

	history_picture(s->history, s->row, begin, end, width, s->picture);
	if (deep)
		look_deep(s, begin, end, width);
	for (guint i = 0; i < width; i++) {
		guint next = heaviest(s, s->picture + (gsize)i * s->n_states);
		gint64 at = server_step(begin, end, i, width);

		if (deep && s->deep[i].end_ns > s->deep[i].begin_ns && next != G_MAXUINT) {
			put_run(s, out, from, at, state, label_ns);
			from = server_step(begin, end, i + 1, width);
			put_deep(s, out, at, from, next, &s->deep[i]);
			state = G_MAXUINT;
		} else if (next != state) {
			put_run(s, out, from, at, state, label_ns);
			from = at;
			state = next;
		}
	}
	put_run(s, out, from, end, state, label_ns);
}

/* ---- A row ----------------------------------------------------------------------------------------------------------------------------- */

/* States of one name (blocked, for many reasons) look alike. */
static void know_kind(States *s)
{
	s->kind = history_row_kind(s->history, s->row);
	s->n_states = history_n_states(s->history, s->kind);
	s->is_thread = strcmp(history_kind_name(s->history, s->kind), KERNEL_THREAD_ROW_KIND) == 0;
	for (guint i = 0; i < s->n_states; i++) {
		s->states[i] = history_state_name(s->history, s->kind, i);
		s->styles[i] = tsp_style_of(s->states[i]);
		s->weights[i] = tsp_style_weight(s->states[i]);
	}
}

static void put_intervals(States *s, GString *out)
{
	const TspQuery *q = s->query;
	guint width = MAX(q->n_times, 2) - 1;
	gint64 begin = MAX(own(s->trace, q->begin_ns), history_row_begin(s->history, s->row)), end = own(s->trace, q->end_ns);

	end = MIN(end, history_row_end(s->history, s->row));
	if (begin >= end)
		return;
	guint n = collect(s, begin, end);
	gint64 pixel = (q->end_ns - q->begin_ns) / width;
	if (n > s->room) {
		put_columns(s, out, begin, end, width);
		return;
	}
	for (guint i = 0; i < n; i++)
		put_state(s, out, &s->exact[i], TRUE, pixel * LABEL_PIXELS);
}

static void put_row(States *s, GString *out, gint64 id)
{
	guint trace;

	g_string_append_printf(out, "%s{\"entryId\":%" G_GINT64_FORMAT ",\"states\":[", s->begun ? "," : "", id);
	s->begun = TRUE;
	s->any = FALSE;
	if (tsp_row_of(s->store, id, &trace, &s->row)) {
		s->trace = tsp_trace(s->store, trace);
		s->history = history_of(s->trace, s->alone);
		know_kind(s);
		if (s->query->filters->len) {
			g_free(s->path);
			s->path = g_strdup_printf("%s/%s", s->trace->name, history_row_path(s->history, s->row));
			g_hash_table_remove_all(s->tags);
		}
		put_intervals(s, out);
	}
	g_string_append(out, "]}");
}

/* ---- The answer -------------------------------------------------------------------------------------------------------------------------- */

static void states_free(gpointer data)
{
	States *s = data;

	tsp_query_unref(s->query);
	server_experiment_unref(s->experiment);
	g_free(s);
}

/* Rows that are made together: whoever has nothing to do takes the next one, since some take a thousand times as long as others. */
typedef struct {
	const States *states;    /* states->next is the first of them */
	guint n, taken;
	GString *rows[BATCH_ROWS];
} Batch;

/* Room is had only while it is needed: a client that reads slowly costs no more than what it has not read. */
static gpointer put_some(gpointer data)
{
	Batch *b = data;
	States own_states = *b->states, *s = &own_states;
	guint width = MAX(s->query->n_times, 2);
	g_autofree HistoryInterval *exact = g_new(HistoryInterval, s->room), *deep = g_new(HistoryInterval, s->query->deep ? width : 1);
	g_autofree gint64 *picture = g_new(gint64, (gsize)width * HISTORY_STATES_MAX);
	g_autoptr(GHashTable) tags = g_hash_table_new(NULL, NULL);

	s->exact = exact;
	s->deep = deep;
	s->picture = picture;
	s->tags = tags;
	s->path = NULL;
	for (guint i; (i = __atomic_fetch_add(&b->taken, 1, __ATOMIC_RELAXED)) < b->n;) {
		s->begun = b->states->begun || i;
		put_row(s, b->rows[i], g_array_index(s->query->items, gint64, b->states->next + i));
	}
	g_free(s->path);
	return NULL;
}

/* The next rows; they are independent of each other, and some processors share them. */
static void put_batch(States *s, GString *out)
{
	Batch b = {.states = s, .n = MIN(s->query->items->len - s->next, BATCH_ROWS)};
	guint n = CLAMP(MIN(g_get_num_processors(), b.n / PART_ROWS), 1, PARTS_MAX);
	GThread *threads[PARTS_MAX] = {NULL};

	for (guint i = 0; i < b.n; i++)
		b.rows[i] = g_string_new(NULL);
	for (guint i = 1; i < n; i++)
		threads[i] = g_thread_try_new("states", put_some, &b, NULL);
	put_some(&b);
	for (guint i = 1; i < n; i++)
		if (threads[i])
			g_thread_join(threads[i]);
	for (guint i = 0; i < b.n; i++) {
		g_string_append_len(out, b.rows[i]->str, (gssize)b.rows[i]->len);
		g_string_free(b.rows[i], TRUE);
	}
	s->next += b.n;
	s->begun = TRUE;
}

static void put_rows(States *s, GString *out)
{
	while (s->next < s->query->items->len && out->len < SERVER_PIECE)
		put_batch(s, out);
}

static gboolean more_states(gpointer data, GString *out)
{
	States *s = data;

	if (!s->next)
		g_string_append(out, TSP_STREAM_BEGIN "{\"rows\":[");
	put_rows(s, out);
	if (s->next < s->query->items->len)
		return TRUE;
	g_string_append(out, "]}" TSP_STREAM_END);
	return FALSE;
}

static gboolean put_states(TspCall *call, GError **error)
{
	States *s = g_new0(States, 1);
	TspQuery *q = call->query;

	q->n_times = q->n_times ? MIN(q->n_times, COLUMNS_MAX) : COLUMNS_DEFAULT;
	s->experiment = server_experiment_ref(call->experiment);
	s->store = call->store;
	s->query = tsp_query_ref(q);
	s->alone = is_alone(call->output);
	s->room = 2 * MAX(q->n_times, 2);
	tsp_stream(call, more_states, s, states_free);
	return TRUE;
}

/* ---- Tooltips ------------------------------------------------------------------------------------------------------------------------------ */

static void put_duration(StJson *json, const char *key, gint64 ns)
{
	char text[ST_FORMAT_MAX];

	st_json_member_string(json, key, st_format_duration(text, ns));
}

/* What a state that stands for several is made of. */
static void put_shares(StJson *json, const History *h, guint32 row, gint64 begin, gint64 end)
{
	guint kind = history_row_kind(h, row), n = history_n_states(h, kind);
	gint64 ns[HISTORY_STATES_MAX];
	gboolean is_thread = strcmp(history_kind_name(h, kind), KERNEL_THREAD_ROW_KIND) == 0;

	history_sums(h, row, begin, end, ns);
	for (guint i = 0; i < n; i++) {
		gboolean waits = is_thread && i >= KERNEL_TS_BLOCKED && i <= KERNEL_TS_B_IDLE;
		g_autofree char *name = waits ? g_strdup_printf("blocked: %s", kernel_wait_name((KernelWaitReason)(i - KERNEL_TS_BLOCKED))) : NULL;

		if (ns[i])
			put_duration(json, name ? name : history_state_name(h, kind, i), ns[i]);
	}
}

static void put_interval(StJson *json, const AnalysisStoreTrace *t, const History *h, guint32 row, const HistoryInterval *i)
{
	guint kind = history_row_kind(h, row);
	gboolean is_thread = strcmp(history_kind_name(h, kind), KERNEL_THREAD_ROW_KIND) == 0;
	char room[256], time[ST_TIME_FORMAT_MAX];
	const char *detail = detail_of(h, is_thread, i, room, sizeof(room));

	st_json_member_string(json, "State", history_state_name(h, kind, i->state));
	if (*detail)
		st_json_member_string(json, "Detail", detail);
	put_duration(json, "Duration", i->end_ns - i->begin_ns);
	st_json_member_string(json, "From", st_time_format_date(time, analysis_time(t, i->begin_ns)));
	st_json_member_string(json, "To", st_time_format_date(time, analysis_time(t, i->end_ns)));
}

static gboolean put_tooltip(TspCall *call, GError **error)
{
	const json_t *element = json_object_get(call->query->parameters, "requested_element");
	gint64 time = call->query->begin_ns, length = json_integer_value(json_object_get(element, "duration"));
	guint trace;
	guint32 row;
	HistoryInterval i;

	st_json_begin_object(call->json);
	if (call->query->items->len && tsp_row_of(call->store, g_array_index(call->query->items, gint64, 0), &trace, &row)) {
		const AnalysisStoreTrace *t = tsp_trace(call->store, trace);
		const History *h = history_of(t, is_alone(call->output));
		gint64 middle = length > 0 && time < G_MAXINT64 - length ? time + length / 2 : time;

		st_json_member_string(call->json, "Machine", t->name);
		if (history_at(h, row, own(t, middle), &i) && (i.end_ns - i.begin_ns >= length / 2 || length <= 0))
			put_interval(call->json, t, h, row, &i);
		else if (length > 0 && middle > time)
			put_shares(call->json, h, row, own(t, time), own(t, time + length));
	}
	st_json_end(call->json);
	return TRUE;
}

/* ---- Arrows -------------------------------------------------------------------------------------------------------------------------------- */

static gboolean is_shown(const TspCall *call, const History *h, guint32 row)
{
	return row < history_n_rows(h) && g_strv_contains(call->output->kinds, history_kind_name(h, history_row_kind(h, row)));
}

/* The first edge that ends at or after a time: they were appended as they ended. */
static guint64 first_edge(const History *h, gint64 time)
{
	guint64 low = 0, high = history_n_edges(h);
	HistoryEdge e;

	while (low < high) {
		guint64 middle = low + (high - low) / 2;

		history_edge_get(h, middle, &e);
		if (e.to_ns < time)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

typedef struct {
	gint64 begin, end;
	gint32 from, to;
} Arrow;

/* The arrows of an answer, in the making. */
typedef struct {
	const TspCall *call;
	GArray *all;       /* Arrow */
	gint64 pixel_ns;
	gint64 next_ns;    /* when the next one may end */
} Arrows;

static gint64 pixels_of(const TspQuery *q)
{
	return q->n_times ? MIN(q->n_times, COLUMNS_MAX) : COLUMNS_DEFAULT;
}

/* Of those that end within one pixel only the first is kept. */
static void keep_arrow(Arrows *a, gint64 begin, gint64 end, gint32 from, gint32 to)
{
	Arrow arrow = {begin, end, from, to};

	if (!from || !to)
		return;
	g_array_append_val(a->all, arrow);
	a->next_ns = end + a->pixel_ns;
}

static void find_machine_arrows(Arrows *a, guint index)
{
	const AnalysisStoreTrace *t = tsp_trace(a->call->store, index);
	const History *h = t->history;
	gint64 end = own(t, a->call->query->end_ns);
	HistoryEdge e;

	a->next_ns = G_MININT64;
	for (guint64 i = first_edge(h, own(t, a->call->query->begin_ns)); i < history_n_edges(h); i++) {
		history_edge_get(h, i, &e);
		if (e.to_ns > end)
			return;
		gint64 to_ns = analysis_time(t, e.to_ns);
		if (to_ns >= a->next_ns && is_shown(a->call, h, e.from_row) && is_shown(a->call, h, e.to_row))
			keep_arrow(a, analysis_time(t, e.from_ns), to_ns, tsp_id_of(a->call->store, index, e.from_row), tsp_id_of(a->call->store, index, e.to_row));
	}
}

static guint trace_of(const AnalysisStore *store, guint member)
{
	for (guint i = 0; i < store->traces->len; i++)
		if (tsp_trace(store, i)->is_kernel && tsp_trace(store, i)->member == member)
			return i;
	return G_MAXUINT;
}

static gboolean find_level_arrow(gpointer user, const LayersEdge *e)
{
	Arrows *a = user;
	const TspCall *call = a->call;
	guint from = trace_of(call->store, e->from), to = trace_of(call->store, e->to);

	if (from == G_MAXUINT || to == G_MAXUINT)
		return TRUE;
	const AnalysisStoreTrace *source = tsp_trace(call->store, from), *target = tsp_trace(call->store, to);
	gint64 begin = analysis_time(source, e->from_ns), end = analysis_time(target, e->to_ns);
	gboolean again = end < a->next_ns && end >= a->next_ns - a->pixel_ns;
	if (end >= call->query->begin_ns && begin <= call->query->end_ns && !again && is_shown(call, source->history, e->from_row) && is_shown(call, target->history, e->to_row))
		keep_arrow(a, begin, end, tsp_id_of(call->store, from, e->from_row), tsp_id_of(call->store, to, e->to_row));
	return TRUE;
}

static gint by_end(gconstpointer a, gconstpointer b)
{
	const Arrow *x = a, *y = b;

	return (x->end > y->end) - (x->end < y->end);
}

/* Where there are so many that nothing could be seen below them, it is one of several. */
static gboolean put_arrows(TspCall *call, GError **error)
{
	g_autoptr(GArray) all = g_array_new(FALSE, FALSE, sizeof(Arrow));
	const TspQuery *q = call->query;
	const AnalysisStore *s = call->store;
	Arrows a = {call, all, (q->end_ns - q->begin_ns) / pixels_of(q), G_MININT64};

	for (guint i = 0; i < s->traces->len; i++)
		find_machine_arrows(&a, i);
	a.next_ns = G_MININT64;
	for (guint i = 0; s->layers && !is_alone(call->output) && i < s->experiment->members->len; i++)
		layers_edges(s->layers, i, find_level_arrow, &a);
	g_array_sort(all, by_end);
	guint most = (guint)MAX(pixels_of(q) / TSP_ARROW_PIXELS, 1), every = MAX((all->len + most - 1) / most, 1);
	st_json_begin_array(call->json);
	for (guint i = 0; i < all->len; i += every) {
		const Arrow *arrow = &g_array_index(all, Arrow, i);

		tsp_put_arrow(call->json, arrow->begin, arrow->end, arrow->from, arrow->to);
	}
	st_json_end(call->json);
	return TRUE;
}

const TspProvider tsp_rows_provider = {.tree = put_tree, .states = put_states, .tooltip = put_tooltip, .arrows = put_arrows, .style = tsp_put_styles};
