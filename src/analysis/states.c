/* SPDX-License-Identifier: MIT */
/*
 * The intervals of rows. There may be many millions of them, so that they are written as they are found: no view is built.
 */
#include <errno.h>
#include <string.h>

#include "analysis/commands.h"
#include "analysis/join.h"
#include "base/format.h"
#include "base/time.h"

#define BUFFER_SIZE (1u << 18)

typedef struct {
	const AnalysisStore *store;
	const AnalysisQuery *query;
	ViewFormat format;
	FILE *out;
	GString *buf;
	gboolean any;        /* something was written */
	gboolean failed;
	/* the trace */
	const AnalysisStoreTrace *trace;
	const AnalysisFilter *filter;
	guint32 *serials;    /* by row: the thread's serial; G_MAXUINT32: it is none's */
	guint thread_kind;   /* G_MAXUINT: there are no threads */
} States;

typedef struct {
	guint32 row;
	char *path;
} Row;

/* ---- Output ------------------------------------------------------------------------------------------------------ */

static void flush(States *s)
{
	if (!s->failed && fwrite(s->buf->str, 1, s->buf->len, s->out) != s->buf->len)
		s->failed = TRUE;
	g_string_truncate(s->buf, 0);
}

static void put_int(GString *buf, gint64 value)
{
	char digits[ST_FORMAT_MAX];

	g_string_append(buf, st_format_int(digits, value));
}

/* Nothing in it has to be escaped or quoted. */
static gboolean is_plain(const char *text)
{
	for (const guchar *c = (const guchar *)text; *c; c++)
		if (*c < ' ' || *c > '~' || *c == '"' || *c == '\\' || *c == ',')
			return FALSE;
	return TRUE;
}

static void put_json(GString *buf, const char *text)
{
	if (is_plain(text)) {
		g_string_append_c(buf, '"');
		g_string_append(buf, text);
		g_string_append_c(buf, '"');
		return;
	}
	g_autoptr(GString) quoted = g_string_new(NULL);
	g_autoptr(StJson) json = st_json_new_string(quoted, ST_JSON_COMPACT);
	st_json_string(json, text);
	st_json_finish(json, NULL);
	g_string_append_len(buf, quoted->str, (gssize)quoted->len - 1); /* without its newline */
}

static void put_csv(GString *buf, const char *text)
{
	if (is_plain(text) || !strpbrk(text, ",\"\r\n")) {
		g_string_append(buf, text);
		return;
	}
	g_string_append_c(buf, '"');
	for (; *text; text++) {
		if (*text == '"')
			g_string_append_c(buf, '"');
		g_string_append_c(buf, *text);
	}
	g_string_append_c(buf, '"');
}

/* For a terminal: nothing can send commands to it. */
static void put_text(GString *buf, const char *text)
{
	if (is_plain(text)) {
		g_string_append(buf, text);
		return;
	}
	g_autofree char *valid = g_utf8_make_valid(text, -1);
	for (const char *c = valid; *c; c = g_utf8_next_char(c))
		g_string_append_unichar(buf, g_unichar_isprint(g_utf8_get_char(c)) ? g_utf8_get_char(c) : 0xfffd);
}

/* ---- Begin and end --------------------------------------------------------------------------------------------------- */

static void put_columns(StJson *json)
{
	static const char *const columns[][3] = {{"row", "text", "ROW"}, {"begin_ns", "time_ns", "BEGIN"}, {"end_ns", "time_ns", "END"},
						 {"state", "text", "STATE"}, {"detail", "text", "DETAIL"}};

	st_json_key(json, "columns");
	st_json_begin_array(json);
	for (guint c = 0; c < G_N_ELEMENTS(columns); c++) {
		st_json_begin_inline_object(json);
		st_json_member_string(json, "name", columns[c][0]);
		st_json_member_string(json, "unit", columns[c][1]);
		st_json_member_string(json, "title", columns[c][2]);
		st_json_end(json);
	}
	st_json_end(json);
}

/* An object whose last member is the array of rows, left open. */
static void begin_json(States *s)
{
	g_autoptr(GString) head = g_string_new(NULL);
	g_autoptr(StJson) json = st_json_new_string(head, ST_JSON_INDENT);

	st_json_begin_object(json);
	st_json_member_string(json, "schema", "strata/states/1");
	put_columns(json);
	st_json_key(json, "rows");
	st_json_begin_array(json);
	st_json_end(json);
	st_json_end(json);
	st_json_finish(json, NULL);
	g_string_append_len(s->buf, head->str, strrchr(head->str, '[') + 1 - head->str);
}

static void begin(States *s)
{
	if (s->format == VIEW_FORMAT_JSON)
		begin_json(s);
	else if (s->format == VIEW_FORMAT_CSV)
		g_string_append(s->buf, "row,begin_ns,end_ns,state,detail\n");
}

static gboolean end(States *s, GError **error)
{
	if (s->format == VIEW_FORMAT_JSON)
		g_string_append(s->buf, s->any ? "\n  ]\n}\n" : "]\n}\n");
	else if (s->format == VIEW_FORMAT_TEXT && !s->any)
		g_string_append(s->buf, "No row fits.\n");
	flush(s);
	if (!s->failed && fflush(s->out) == 0)
		return TRUE;
	g_set_error(error, ST_ERROR, ST_ERROR_IO, "cannot write the output: %s", g_strerror(errno));
	return FALSE;
}

/* ---- Intervals --------------------------------------------------------------------------------------------------------- */

/* Of a blocked thread: the reason, and what more is known: "disk", "disk: vda". */
static const char *detail_of(const States *s, guint kind, const HistoryInterval *i, GString *room)
{
	const char *detail = history_text_get(s->trace->rows, i->detail);

	if (kind != s->thread_kind || i->state < KERNEL_TS_BLOCKED || i->state > KERNEL_TS_B_IDLE)
		return detail;
	const char *reason = kernel_wait_name((KernelWaitReason)(i->state - KERNEL_TS_BLOCKED));
	if (!*detail)
		return reason;
	g_string_assign(room, reason);
	g_string_append(room, ": ");
	g_string_append(room, detail);
	return room->str;
}

static void put_json_row(GString *buf, gboolean first, const char *path, const HistoryInterval *i, const char *state, const char *detail)
{
	g_string_append(buf, first ? "\n    {\"row\": " : ",\n    {\"row\": ");
	g_string_append(buf, path);
	g_string_append(buf, ", \"begin_ns\": ");
	put_int(buf, i->begin_ns);
	g_string_append(buf, ", \"end_ns\": ");
	put_int(buf, i->end_ns);
	g_string_append(buf, ", \"state\": ");
	put_json(buf, state);
	g_string_append(buf, ", \"detail\": ");
	if (*detail)
		put_json(buf, detail);
	else
		g_string_append(buf, "null");
	g_string_append_c(buf, '}');
}

static void put_csv_row(GString *buf, const char *path, const HistoryInterval *i, const char *state, const char *detail)
{
	g_string_append(buf, path);
	g_string_append_c(buf, ',');
	put_int(buf, i->begin_ns);
	g_string_append_c(buf, ',');
	put_int(buf, i->end_ns);
	g_string_append_c(buf, ',');
	put_csv(buf, state);
	g_string_append_c(buf, ',');
	put_csv(buf, detail);
	g_string_append_c(buf, '\n');
}

static void put_text_row(GString *buf, const HistoryInterval *i, const char *state, const char *detail)
{
	char time[ST_TIME_FORMAT_MAX], duration[ST_FORMAT_MAX];

	g_string_append_printf(buf, "  %s  %10s  %-*s", st_time_format(time, i->begin_ns), st_format_duration(duration, i->end_ns - i->begin_ns),
			       *detail ? 11 : 0, state);
	if (*detail) {
		g_string_append(buf, " ");
		put_text(buf, detail);
	}
	g_string_append_c(buf, '\n');
}

static void put_path(const States *s, GString *buf, const char *path)
{
	if (s->format == VIEW_FORMAT_JSON)
		put_json(buf, path);
	else if (s->format == VIEW_FORMAT_CSV)
		put_csv(buf, path);
	else
		put_text(buf, path);
}

static void put_interval(States *s, const char *path, const HistoryInterval *i, const char *state, const char *detail)
{
	if (s->format == VIEW_FORMAT_JSON)
		put_json_row(s->buf, !s->any, path, i, state, detail);
	else if (s->format == VIEW_FORMAT_CSV)
		put_csv_row(s->buf, path, i, state, detail);
	else
		put_text_row(s->buf, i, state, detail);
	s->any = TRUE;
	if (s->buf->len >= BUFFER_SIZE)
		flush(s);
}

static void put_row(States *s, const Row *row)
{
	const History *h = s->trace->rows;
	guint kind = history_row_kind(h, row->row);
	gint64 from = analysis_filter_begin(s->filter), to = analysis_filter_end(s->filter);
	g_autoptr(GString) path = g_string_new(NULL), room = g_string_new(NULL);
	gboolean heading = s->format == VIEW_FORMAT_TEXT;
	HistoryWalk walk;
	HistoryInterval i;

	put_path(s, path, row->path);
	history_walk(&walk, h, row->row, from, to);
	while (!s->failed && history_walk_next(&walk, &i)) {
		if (heading)
			g_string_append_printf(s->buf, "%s%s\n", s->any ? "\n" : "", path->str);
		heading = FALSE;
		i.begin_ns = analysis_time(s->trace, MAX(i.begin_ns, from));
		i.end_ns = analysis_time(s->trace, MIN(i.end_ns, to));
		put_interval(s, path->str, &i, history_state_name(h, kind, i.state), detail_of(s, kind, &i, room));
	}
}

/* ---- Which rows ---------------------------------------------------------------------------------------------------------- */

static gboolean any_glob(const char *const *globs, const char *path)
{
	for (const char *const *g = globs; g && *g; g++)
		if (g_pattern_match_simple(*g, path))
			return TRUE;
	return !globs;
}

/* Whose row it is: a filter of threads or processors leaves only theirs. */
static gboolean is_wanted(const States *s, guint32 row)
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

static GArray *find_rows(const States *s)
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

static void map_threads(States *s)
{
	const History *h = s->trace->history;
	guint32 n = history_n_rows(h);
	guint table;

	s->serials = g_new(guint32, (gsize)n + 1);
	memset(s->serials, 0xff, ((gsize)n + 1) * sizeof(*s->serials));
	if (!history_find_kind(h, KERNEL_THREAD_ROW_KIND, &s->thread_kind))
		s->thread_kind = G_MAXUINT;
	if (!history_find_table(h, KERNEL_THREADS_TABLE, sizeof(KernelThreadItem), &table))
		return;
	for (guint64 i = 0; i < history_table_len(h, table); i++) {
		const KernelThreadItem *item = history_table_get(h, table, i);

		if (item->row < n)
			s->serials[item->row] = (guint32)i;
	}
}

static void put_trace(States *s, const AnalysisStoreTrace *trace)
{
	g_autoptr(AnalysisFilter) f = analysis_filter_new(s->query, trace);

	if (!f)
		return;
	s->trace = trace;
	s->filter = f;
	map_threads(s);
	g_autoptr(GArray) rows = find_rows(s);
	for (guint i = 0; i < rows->len; i++)
		put_row(s, &g_array_index(rows, Row, i));
	g_clear_pointer(&s->serials, g_free);
}

gboolean analysis_states(const AnalysisStore *store, const AnalysisQuery *q, ViewFormat format, FILE *out, GError **error)
{
	g_autoptr(GString) buf = g_string_sized_new(BUFFER_SIZE + 4096);
	States s = {.store = store, .query = q, .format = format, .out = out, .buf = buf};

	begin(&s);
	for (guint i = 0; i < store->traces->len; i++)
		put_trace(&s, g_ptr_array_index(store->traces, i));
	return end(&s, error);
}
