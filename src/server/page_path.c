/* SPDX-License-Identifier: MIT */
/* /api/v1/critical-path: what made a thread's, or a vCPU's thread's, time as long as it was. */
#include "graph/graph.h"
#include "server/page.h"

/* The thread whose row that is, or which is the row's vCPU; G_MAXUINT32: none. */
static guint32 thread_of(const PageRow *row)
{
	const History *h = row->trace->history;
	guint table;

	if (history_find_table(h, KVM_VCPUS_TABLE, sizeof(KvmVcpuItem), &table))
		for (guint64 i = 0; i < history_table_len(h, table); i++) {
			const KvmVcpuItem *v = history_table_get(h, table, i);

			if (v->row == row->row)
				return v->thread;
		}
	if (history_find_table(h, KERNEL_THREADS_TABLE, sizeof(KernelThreadItem), &table))
		for (guint64 i = 0; i < history_table_len(h, table); i++)
			if (((const KernelThreadItem *)history_table_get(h, table, i))->row == row->row)
				return (guint32)i;
	return G_MAXUINT32;
}

static gint64 row_of(const Page *page, const AnalysisStoreTrace *t, guint32 serial)
{
	guint table;

	if (!history_find_table(t->history, KERNEL_THREADS_TABLE, sizeof(KernelThreadItem), &table))
		return -1;
	guint32 row = ((const KernelThreadItem *)history_table_get(t->history, table, serial))->row;
	return row == KERNEL_NO_ROW ? -1 : (gint64)page_first_row(page, t) + row;
}

static void put_segment(const Page *page, StJson *j, const PageRow *row, const GraphSegment *s)
{
	st_json_begin_inline_array(j);
	st_json_int(j, page_time(page, row->trace, s->begin_ns));
	st_json_int(j, page_time(page, row->trace, s->end_ns));
	st_json_int(j, row_of(page, row->trace, s->thread));
	st_json_uint(j, s->state);
	st_json_string(j, history_text_get(row->history, s->detail));
	st_json_uint(j, s->depth);
	st_json_end(j);
}

static void put_path(const Page *page, StJson *j, const PageRow *row, const GArray *path)
{
	st_json_begin_object(j);
	st_json_key(j, "segments");
	st_json_begin_array(j);
	for (guint i = 0; i < MIN(path->len, PAGE_SEGMENTS_MAX); i++)
		put_segment(page, j, row, &g_array_index(path, GraphSegment, i));
	st_json_end(j);
	st_json_member_bool(j, "more", path->len > PAGE_SEGMENTS_MAX);
	st_json_end(j);
}

gboolean page_get_critical_path(ServerRequest *request, ServerReply *reply, GError **error)
{
	g_auto(Page) page = {0};
	gint64 begin_ns, end_ns;
	PageRow row;

	if (!page_open(&page, request, reply) || !page_range(&page, request, &begin_ns, &end_ns, error) || !page_row_argument(&page, request, &row, error))
		return FALSE;
	guint32 thread = thread_of(&row);
	if (thread == G_MAXUINT32)
		return server_refuse(reply, 404, "No thread", "Only threads and vCPUs have critical paths");
	g_autoptr(Graph) graph = graph_new(row.trace->history, row.history);
	g_autoptr(GArray) path = graph_path(graph, thread, analysis_own_time(row.trace, begin_ns), analysis_own_time(row.trace, end_ns));
	put_path(&page, server_reply_json(reply), &row, path);
	return TRUE;
}
