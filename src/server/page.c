/* SPDX-License-Identifier: MIT */
/* What the handlers of the page's requests have in common, and their table. */
#include "server/page.h"

const ServerRoute server_page_routes[] = {
	{"GET", "/api/v1/events", page_get_events},
	{"GET", "/api/v1/experiment", page_get_experiment},
	{"GET", "/api/v1/findings", page_get_findings},
	{"GET", "/api/v1/perfetto", page_get_perfetto},
	{"GET", "/api/v1/rows", page_get_rows},
	{"GET", "/api/v1/sums", page_get_sums},
	{"GET", "/api/v1/picture", page_get_picture},
	{"GET", "/api/v1/intervals", page_get_intervals},
	{"GET", "/api/v1/arrows", page_get_arrows},
	{"GET", "/api/v1/critical-path", page_get_critical_path},
	{"GET", "/api/v1/tables", page_get_tables},
	{"GET", "/api/v1/table/*", page_get_table},
	{NULL, NULL, NULL},
};

/* ---- Classes of states --------------------------------------------------------------------------------------------------- */

const char *page_class_name(PageClass c)
{
	static const char *const names[] = {
#define PAGE_C(id, name) [PAGE_##id] = name,
		PAGE_CLASSES(PAGE_C)
#undef PAGE_C
	};

	return names[c];
}

/* States that are not here are work: so many requests in a disk's queue, a span. */
static const struct {
	const char *state;
	PageClass class;
} classes[] = {
	{"unknown", PAGE_UNKNOWN},  {"off", PAGE_UNKNOWN},       {"idle", PAGE_IDLE},      {"inactive", PAGE_IDLE},   {"halted", PAGE_IDLE},
	{"away", PAGE_WAIT},        {"blocked", PAGE_WAIT},      {"syscall", PAGE_SYSTEM}, {"irq", PAGE_SYSTEM},      {"softirq", PAGE_SYSTEM},
	{"kthread", PAGE_SYSTEM},   {"exit", PAGE_EXIT},         {"emulation", PAGE_EXIT}, {"reflected", PAGE_EXIT},  {"hypervisor", PAGE_EXIT},
	{"halt-poll", PAGE_EXIT},   {"preempted", PAGE_LOST},    {"wait-cpu", PAGE_LOST},  {"throttled", PAGE_LOST},  {"steal", PAGE_LOST},
	{"yielded", PAGE_LOST},
};

PageClass page_class_of(const char *state)
{
	for (guint i = 0; i < G_N_ELEMENTS(classes); i++)
		if (g_str_equal(classes[i].state, state))
			return classes[i].class;
	return g_str_has_prefix(state, "idle-") ? PAGE_IDLE : PAGE_RUN;
}

/* ---- What a request is about --------------------------------------------------------------------------------------------- */

gboolean page_open(Page *page, const ServerRequest *request, ServerReply *reply)
{
	page->experiment = server_experiment(request, server_argument(request, "experiment"), reply);
	page->store = page->experiment ? server_store(page->experiment) : NULL;
	if (!page->experiment || page->store)
		return page->experiment != NULL;
	return server_refuse(reply, 409, "Not analysed yet", "The traces are still being read: ask /api/v1/experiment how far that is");
}

void page_clear(Page *page)
{
	g_clear_pointer(&page->experiment, server_experiment_unref);
	page->store = NULL;
}

gboolean page_range(const Page *page, const ServerRequest *request, gint64 *begin_ns, gint64 *end_ns, GError **error)
{
	gint64 origin = page->store->begin_ns, length = MAX(page->store->end_ns - origin, 1), begin, end;

	if (!server_int_argument(request, "begin", 0, G_MININT64 / 4, G_MAXINT64 / 4, &begin, error) ||
	    !server_int_argument(request, "end", length, G_MININT64 / 4, G_MAXINT64 / 4, &end, error))
		return FALSE;
	if (begin >= end) {
		g_set_error(error, ST_ERROR, ST_ERROR_USAGE, "the range is empty: it ends at %" G_GINT64_FORMAT " and begins at %" G_GINT64_FORMAT, end, begin);
		return FALSE;
	}
	*begin_ns = origin + CLAMP(begin, -length, 2 * length);
	*end_ns = origin + CLAMP(end, -length, 2 * length);
	if (*end_ns <= *begin_ns)
		*end_ns = *begin_ns + 1;
	return TRUE;
}

gboolean page_query_range(const Page *page, const ServerRequest *request, AnalysisQuery *q, GError **error)
{
	if (!page_range(page, request, &q->begin_ns, &q->end_ns, error))
		return FALSE;
	if (!server_argument(request, "begin"))
		q->begin_ns = G_MININT64;
	if (!server_argument(request, "end"))
		q->end_ns = G_MAXINT64;
	return TRUE;
}

gint64 page_time(const Page *page, const AnalysisStoreTrace *t, gint64 time)
{
	return analysis_time(t, time) - page->store->begin_ns;
}

gint page_trace_of(const Page *page, guint member)
{
	for (guint i = 0; i < page->store->traces->len; i++) {
		const AnalysisStoreTrace *t = g_ptr_array_index(page->store->traces, i);

		if (t->is_kernel && t->member == member)
			return (gint)i;
	}
	return -1;
}

/* ---- Rows ------------------------------------------------------------------------------------------------------------------ */

static gboolean find_row(const Page *page, gint64 number, gboolean alone, PageRow *out)
{
	gint64 row = number;

	for (guint i = 0; row >= 0 && i < page->store->traces->len; i++) {
		const AnalysisStoreTrace *t = g_ptr_array_index(page->store->traces, i);
		guint32 n = history_n_rows(t->rows);

		if (row < n) {
			*out = (PageRow){.trace = t, .history = alone ? t->history : t->rows, .row = (guint32)row, .number = (guint32)number};
			return TRUE;
		}
		row -= n;
	}
	return FALSE;
}

guint32 page_first_row(const Page *page, const AnalysisStoreTrace *t)
{
	guint32 first = 0;

	for (guint i = 0; i < page->store->traces->len && g_ptr_array_index(page->store->traces, i) != t; i++)
		first += history_n_rows(((const AnalysisStoreTrace *)g_ptr_array_index(page->store->traces, i))->rows);
	return first;
}

static gboolean parse_row(const Page *page, const ServerRequest *request, const char *text, PageRow *out, GError **error)
{
	gboolean alone = g_strcmp0(server_argument(request, "alone"), "1") == 0;
	guint64 number;

	if (!g_ascii_string_to_unsigned(text, 10, 0, G_MAXUINT32, &number, NULL) || !find_row(page, (gint64)number, alone, out)) {
		g_set_error(error, ST_ERROR, ST_ERROR_USAGE, "there is no row \"%.20s\": /api/v1/rows lists them", text);
		return FALSE;
	}
	return TRUE;
}

gboolean page_row_argument(const Page *page, const ServerRequest *request, PageRow *out, GError **error)
{
	const char *text = server_argument(request, "row");

	return parse_row(page, request, text ? text : "", out, error);
}

GArray *page_rows_argument(const Page *page, const ServerRequest *request, GError **error)
{
	g_autoptr(GArray) rows = g_array_new(FALSE, FALSE, sizeof(PageRow));
	const char *text = server_argument(request, "rows");
	g_auto(GStrv) numbers = g_strsplit(text ? text : "", ",", PAGE_ROWS_MAX + 1);

	if (g_strv_length(numbers) > PAGE_ROWS_MAX) {
		g_set_error(error, ST_ERROR, ST_ERROR_USAGE, "more than %d rows at a time", PAGE_ROWS_MAX);
		return NULL;
	}
	for (char **n = numbers; *n; n++) {
		PageRow row;

		if (!parse_row(page, request, *n, &row, error))
			return NULL;
		g_array_append_val(rows, row);
	}
	return g_steal_pointer(&rows);
}
