/* SPDX-License-Identifier: MIT */
/* /api/v1/arrows: what leads from one of the rows asked for to another, within a range. */
#include "server/page.h"

typedef struct {
	const Page *page;
	StJson *json;
	GHashTable *wanted; /* numbers of rows */
	gint64 begin_ns, end_ns;
	gint64 n;           /* that touch the range */
} Arrows;

static gboolean add(Arrows *a, const char *kind, const AnalysisStoreTrace *from, guint32 from_row, gint64 from_ns, const AnalysisStoreTrace *to, guint32 to_row,
		    gint64 to_ns)
{
	gint64 begin = analysis_time(from, from_ns), end = analysis_time(to, to_ns);
	guint32 from_number = page_first_row(a->page, from) + from_row, to_number = page_first_row(a->page, to) + to_row;

	if (end < a->begin_ns || begin > a->end_ns || !g_hash_table_contains(a->wanted, GUINT_TO_POINTER(from_number)) ||
	    !g_hash_table_contains(a->wanted, GUINT_TO_POINTER(to_number)) || a->n++ >= PAGE_ARROWS_MAX)
		return a->n <= PAGE_ARROWS_MAX;
	st_json_begin_inline_array(a->json);
	st_json_string(a->json, kind);
	st_json_uint(a->json, from_number);
	st_json_int(a->json, begin - a->page->store->begin_ns);
	st_json_uint(a->json, to_number);
	st_json_int(a->json, end - a->page->store->begin_ns);
	st_json_end(a->json);
	return TRUE;
}

/* Within a machine: times are compared in its own clock, since there may be many millions. */
static void add_wakeups(Arrows *a, const AnalysisStoreTrace *t)
{
	gint64 begin = analysis_own_time(t, a->begin_ns), end = analysis_own_time(t, a->end_ns);

	for (guint64 i = 0; i < history_n_edges(t->history); i++) {
		HistoryEdge e;

		history_edge_get(t->history, i, &e);
		if (e.to_ns >= begin && e.from_ns <= end &&
		    !add(a, history_text_get(t->history, e.kind), t, e.from_row, e.from_ns, t, e.to_row, e.to_ns))
			return;
	}
}

static const AnalysisStoreTrace *trace_of(const Page *page, guint member)
{
	gint i = page_trace_of(page, member);

	return i < 0 ? NULL : g_ptr_array_index(page->store->traces, (guint)i);
}

static gboolean add_layers(gpointer user, const LayersEdge *e)
{
	Arrows *a = user;
	const AnalysisStoreTrace *from = trace_of(a->page, e->from), *to = trace_of(a->page, e->to);

	return !from || !to || add(a, e->kind, from, e->from_row, e->from_ns, to, e->to_row, e->to_ns);
}

static void add_all(Arrows *a)
{
	const AnalysisStore *s = a->page->store;

	for (guint i = 0; i < s->traces->len; i++) {
		const AnalysisStoreTrace *t = g_ptr_array_index(s->traces, i);

		if (t->is_kernel && s->layers)
			layers_edges(s->layers, t->member, add_layers, a);
		add_wakeups(a, t);
	}
}

gboolean page_get_arrows(ServerRequest *request, ServerReply *reply, GError **error)
{
	g_auto(Page) page = {0};
	g_autoptr(GHashTable) wanted = g_hash_table_new(NULL, NULL);
	Arrows a = {.page = &page, .wanted = wanted};

	if (!page_open(&page, request, reply) || !page_range(&page, request, &a.begin_ns, &a.end_ns, error))
		return FALSE;
	g_autoptr(GArray) rows = page_rows_argument(&page, request, error);
	if (!rows)
		return FALSE;
	for (guint i = 0; i < rows->len; i++)
		g_hash_table_add(wanted, GUINT_TO_POINTER(g_array_index(rows, PageRow, i).number));
	a.json = server_reply_json(reply);
	st_json_begin_object(a.json);
	st_json_key(a.json, "arrows");
	st_json_begin_array(a.json);
	add_all(&a);
	st_json_end(a.json);
	st_json_member_bool(a.json, "more", a.n > PAGE_ARROWS_MAX);
	st_json_end(a.json);
	return TRUE;
}
