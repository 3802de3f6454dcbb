/* SPDX-License-Identifier: MIT */
/* /api/v1/critical-path: what made a thread's, or a vCPU's thread's, time as long as it was. */
#include "analysis/critical_world.h"
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

/* `*at`: where the last one ended, in ns from the experiment's begin; each begins there, whatever clock that was in. */
static void put_segment(const Page *page, StJson *j, const CriticalWorld *world, const GraphSegment *s, gint64 *at)
{
	const AnalysisStoreTrace *t = critical_world_trace(world, s->machine);
	g_autofree char *detail = critical_world_detail(world, s);
	gint64 begin = *at == G_MININT64 ? page_time(page, t, s->begin_ns) : *at;

	*at = MAX(page_time(page, t, s->end_ns), begin);
	st_json_begin_inline_array(j);
	st_json_int(j, begin);
	st_json_int(j, *at);
	st_json_int(j, row_of(page, t, s->thread));
	st_json_uint(j, s->state);
	st_json_string(j, detail);
	st_json_uint(j, s->depth);
	st_json_end(j);
}

static void put_path(const Page *page, StJson *j, const CriticalWorld *world, const GArray *path)
{
	gint64 at = G_MININT64;

	st_json_begin_object(j);
	st_json_key(j, "segments");
	st_json_begin_array(j);
	for (guint i = 0; i < MIN(path->len, PAGE_SEGMENTS_MAX); i++)
		put_segment(page, j, world, &g_array_index(path, GraphSegment, i), &at);
	st_json_end(j);
	st_json_member_bool(j, "more", path->len > PAGE_SEGMENTS_MAX);
	st_json_end(j);
}

static GArray *path_of(const CriticalWorld *world, const PageRow *row, guint32 thread, gint64 begin_ns, gint64 end_ns)
{
	GArray *path = g_array_new(FALSE, FALSE, sizeof(GraphSegment));
	guint machine = critical_world_index(world, row->trace);
	const Graph *graph = critical_world_graph(world, machine);
	const GraphWorld all = critical_world_of(world);

	if (graph)
		graph_append(graph, &all, machine, thread, analysis_own_time(row->trace, begin_ns), analysis_own_time(row->trace, end_ns), path, NULL);
	return path;
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
	gboolean alone = row.history != row.trace->rows;
	g_autoptr(CriticalWorld) world = critical_world_new(page.store, alone);
	g_autoptr(GArray) path = path_of(world, &row, thread, begin_ns, end_ns);
	put_path(&page, server_reply_json(reply), world, path);
	return TRUE;
}
