/* SPDX-License-Identifier: MIT */
/* /api/v1/intervals: one row's intervals, exactly. */
#include "server/page.h"

static void put_interval(const Page *page, StJson *j, const PageRow *row, const HistoryInterval *i)
{
	st_json_begin_inline_array(j);
	st_json_int(j, page_time(page, row->trace, i->begin_ns));
	st_json_int(j, page_time(page, row->trace, i->end_ns));
	st_json_int(j, i->state);
	st_json_string(j, history_text_get(row->history, i->detail));
	st_json_end(j);
}

gboolean page_get_intervals(ServerRequest *request, ServerReply *reply, GError **error)
{
	g_auto(Page) page = {0};
	gint64 begin_ns, end_ns, limit;
	PageRow row;
	HistoryWalk walk;
	HistoryInterval i;
	gint64 n = 0;

	if (!page_open(&page, request, reply) || !page_range(&page, request, &begin_ns, &end_ns, error) || !page_row_argument(&page, request, &row, error) ||
	    !server_int_argument(request, "limit", 500, 1, PAGE_INTERVALS_MAX, &limit, error))
		return FALSE;
	StJson *j = server_reply_json(reply);
	st_json_begin_object(j);
	st_json_key(j, "intervals");
	st_json_begin_array(j);
	history_walk(&walk, row.history, row.row, analysis_own_time(row.trace, begin_ns), analysis_own_time(row.trace, end_ns));
	while (history_walk_next(&walk, &i) && n++ < limit)
		put_interval(&page, j, &row, &i);
	st_json_end(j);
	st_json_member_bool(j, "more", n > limit);
	st_json_end(j);
	return TRUE;
}
