/* SPDX-License-Identifier: MIT */
/* /api/v1/tables: which there are; /api/v1/table/NAME: one of them, as JSON or CSV: what the command of that name prints. */
#include <errno.h>
#include <stdlib.h>

#include "analysis/registry.h"
#include "server/page.h"

static const struct {
	guint flag;
	const char *name;
} options[] = {
	{ANALYSIS_TAKES_SORT, "sort"},         {ANALYSIS_TAKES_CPU, "cpu"}, {ANALYSIS_TAKES_EVERY, "every"}, {ANALYSIS_TAKES_HISTOGRAM, "histogram"},
	{ANALYSIS_TAKES_LOG, "log"},           {ANALYSIS_TAKES_BY, "by"},   {ANALYSIS_TAKES_THREADS, "thread"},
	{ANALYSIS_TAKES_SIDE, "side"},         {ANALYSIS_TAKES_EVENT, "event"},
};

static void put_question(StJson *j, const AnalysisQuestion *q)
{
	st_json_begin_inline_object(j);
	st_json_member_string(j, "name", q->name);
	st_json_member_string(j, "summary", q->summary);
	st_json_key(j, "takes");
	st_json_begin_array(j);
	for (guint i = 0; i < G_N_ELEMENTS(options); i++)
		if (q->flags & options[i].flag)
			st_json_string(j, options[i].name);
	st_json_end(j);
	st_json_end(j);
}

gboolean page_get_tables(ServerRequest *request, ServerReply *reply, GError **error)
{
	StJson *j = server_reply_json(reply);

	(void)request;
	(void)error;
	st_json_begin_object(j);
	st_json_key(j, "tables");
	st_json_begin_array(j);
	for (guint i = 0; i < analysis_n_questions(); i++)
		if (analysis_question(i)->make)
			put_question(j, analysis_question(i));
	st_json_end(j);
	st_json_end(j);
	return TRUE;
}

/* ---- One table -------------------------------------------------------------------------------------------------------------- */

/* A query and what its lists point to. */
typedef struct {
	AnalysisQuery query;
	char **lists[5];
	guint n_lists;
} Question;

static void question_clear(Question *q)
{
	while (q->n_lists)
		g_strfreev(q->lists[--q->n_lists]);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Question, question_clear)

/* "a,b"; NULL: it isn't asked for. */
static const char *const *list(Question *q, const ServerRequest *request, const char *name)
{
	const char *text = server_argument(request, name);

	if (!text || !*text)
		return NULL;
	q->lists[q->n_lists] = g_strsplit(text, ",", 64);
	return (const char *const *)q->lists[q->n_lists++];
}

static gboolean is_on(const ServerRequest *request, const char *name)
{
	return g_strcmp0(server_argument(request, name), "1") == 0;
}

static gboolean parse(Question *q, const Page *page, const ServerRequest *request, GError **error)
{
	gint64 limit;

	if (!page_query_range(page, request, &q->query, error) ||
	    !server_int_argument(request, "every", 0, 1, G_MAXINT64, &q->query.every_ns, error) ||
	    !server_int_argument(request, "limit", 1000, 1, PAGE_TABLE_MAX, &limit, error))
		return FALSE;
	q->query.limit = (guint)limit;
	q->query.form = is_on(request, "log") ? ANALYSIS_LOG : q->query.every_ns ? ANALYSIS_SERIES : ANALYSIS_TABLE;
	q->query.histogram = is_on(request, "histogram");
	q->query.by = server_argument(request, "by");
	q->query.machines = list(q, request, "machine");
	q->query.threads = list(q, request, "thread");
	q->query.processes = list(q, request, "process");
	q->query.cpus = list(q, request, "cpu");
	q->query.sides = list(q, request, "side");
	return TRUE;
}

static gboolean sort(View *view, const ServerRequest *request, GError **error)
{
	const char *name = server_argument(request, "sort");
	guint column;

	if (!name)
		return TRUE;
	if (!view_find_column(view, name, &column)) {
		g_set_error(error, ST_ERROR, ST_ERROR_USAGE, "there is no column \"%.40s\" to sort by", name);
		return FALSE;
	}
	view_sort(view, column, !is_on(request, "ascending"));
	return TRUE;
}

static gboolean put_csv(const View *view, ServerReply *reply, GError **error)
{
	g_autofree char *text = NULL; /* by malloc(), which is GLib's too */
	gsize len = 0;
	FILE *out = open_memstream(&text, &len);

	if (!out) {
		g_set_error(error, ST_ERROR, ST_ERROR_IO, "no memory for the table: %s", g_strerror(errno));
		return FALSE;
	}
	gboolean done = view_render(view, VIEW_FORMAT_CSV, out, error);
	fclose(out);
	if (done)
		g_string_append_len(server_reply_bytes(reply, "text/csv; charset=utf-8"), text, (gssize)len);
	return done;
}

gboolean page_get_table(ServerRequest *request, ServerReply *reply, GError **error)
{
	const AnalysisQuestion *question = analysis_find_question(server_part(request, 0));
	g_auto(Page) page = {0};
	g_auto(Question) q = {0};

	if (!question || !question->make)
		return server_refuse(reply, 404, "No such table", "/api/v1/tables lists them");
	if (!page_open(&page, request, reply) || !parse(&q, &page, request, error))
		return FALSE;
	g_autoptr(View) view = question->make(page.store, &q.query, error);
	if (!view || !sort(view, request, error))
		return FALSE;
	view_limit(view, q.query.limit);
	if (g_strcmp0(server_argument(request, "format"), "csv") == 0)
		return put_csv(view, reply, error);
	view_set_origin(view, page.store->begin_ns);
	view_json(view, server_reply_json(reply));
	return TRUE;
}
