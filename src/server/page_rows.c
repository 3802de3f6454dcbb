/* SPDX-License-Identifier: MIT */
/* /api/v1/rows: all rows that people look at; /api/v1/sums: the exact time of some of them in each state. */
#include <string.h>

#include "analysis/join.h"
#include "kernel/containers.h"
#include "kernel/flow.h"
#include "server/page.h"

/* ---- Kinds ---------------------------------------------------------------------------------------------------------------- */

/* At which level it was decided, where the state says that; -1. */
static gint state_level(const char *kind, const char *state, guint i)
{
	gint base = -1;

	if (g_str_equal(kind, KERNEL_THREAD_ROW_KIND))
		base = g_str_equal(state, "steal") ? KERNEL_TS_STEAL0 : g_str_equal(state, "exit") ? KERNEL_TS_EXIT0 : -1;
	else if (g_str_equal(kind, KERNEL_CPU_ROW_KIND))
		base = g_str_equal(state, "steal") ? KERNEL_CS_STEAL0 : g_str_equal(state, "exit") ? KERNEL_CS_EXIT0 : -1;
	else if (g_str_equal(kind, KVM_ROW_KIND) && i >= LAYERS_VCPU_STEAL)
		base = i >= LAYERS_VCPU_EXIT ? LAYERS_VCPU_EXIT : LAYERS_VCPU_STEAL;
	return base < 0 ? -1 : (gint)i - base;
}

static void put_state(StJson *j, const char *kind, const char *state, guint i)
{
	gint level = state_level(kind, state, i);

	st_json_begin_inline_object(j);
	st_json_member_string(j, "name", state);
	st_json_member_string(j, "class", page_class_name(page_class_of(state)));
	if (g_str_equal(kind, KERNEL_THREAD_ROW_KIND) && i >= KERNEL_TS_BLOCKED && i <= KERNEL_TS_B_IDLE)
		st_json_member_string(j, "reason", kernel_wait_name((KernelWaitReason)(i - KERNEL_TS_BLOCKED)));
	if (level >= 0)
		st_json_member_int(j, "level", level);
	st_json_end(j);
}

typedef struct {
	const History *history;
	guint kind;
} Kind;

static void put_kind(StJson *j, const History *h, guint kind)
{
	const char *name = history_kind_name(h, kind);

	st_json_key(j, name);
	st_json_begin_array(j);
	for (guint i = 0; i < history_n_states(h, kind); i++)
		put_state(j, name, history_state_name(h, kind, i), i);
	st_json_end(j);
}

/* ---- Rows ------------------------------------------------------------------------------------------------------------------ */

/* A trace's rows, and what is known of them. */
typedef struct {
	const Page *page;
	const AnalysisStoreTrace *trace;
	guint index;           /* of the trace */
	guint32 first;
	AnalysisJoin *join;    /* of user space; NULL */
	guint32 *serials;      /* by row: its thread; G_MAXUINT32: it is no thread's */
} Rows;

static void map_threads(Rows *r)
{
	const History *h = r->trace->history;
	guint32 n = history_n_rows(h);
	guint table;

	r->serials = g_new(guint32, (gsize)n + 1);
	memset(r->serials, 0xff, ((gsize)n + 1) * sizeof(*r->serials));
	if (!history_find_table(h, KERNEL_THREADS_TABLE, sizeof(KernelThreadItem), &table))
		return;
	for (guint64 i = 0; i < history_table_len(h, table); i++) {
		const KernelThreadItem *item = history_table_get(h, table, i);

		if (item->row < n)
			r->serials[item->row] = (guint32)i;
	}
}

/* How long it worked, and how long it wanted to: what it is worth to be looked at. */
static void put_activity(Rows *r, StJson *j, guint32 row)
{
	const History *h = r->trace->rows;
	guint kind = history_row_kind(h, row);
	gint64 ns[HISTORY_STATES_MAX], busy = 0, lost = 0;

	history_sums(h, row, r->trace->begin_ns, r->trace->end_ns, ns);
	for (guint s = 0; s < history_n_states(h, kind); s++) {
		PageClass class = page_class_of(history_state_name(h, kind, s));

		busy += class == PAGE_RUN || class == PAGE_SYSTEM || class == PAGE_EXIT ? ns[s] : 0;
		lost += class == PAGE_LOST ? ns[s] : 0;
	}
	st_json_member_int(j, "busy", busy);
	st_json_member_int(j, "lost", lost);
}

static void put_thread(Rows *r, StJson *j, guint32 serial)
{
	const History *h = r->trace->history;
	guint table;

	if (!history_find_table(h, KERNEL_THREADS_TABLE, sizeof(KernelThreadItem), &table))
		return;
	const KernelThreadItem *item = history_table_get(h, table, serial);
	const KernelContainerItem *container = kernel_container(h, kernel_container_of(h, serial));
	st_json_member_int(j, "tid", item->tid);
	st_json_member_int(j, "pid", item->pid);
	st_json_member_string(j, "name", history_text_get(h, item->name));
	if (item->is_kthread)
		st_json_member_bool(j, "kernel", TRUE);
	if (container && container->level > 0)
		st_json_member_string(j, "container", history_text_get(h, container->name));
}

static gboolean is_shown(const History *h, guint32 row)
{
	return history_kind_name(h, history_row_kind(h, row))[0] != '.' && history_row_intervals(h, row) > 0;
}

static void put_row(Rows *r, StJson *j, guint32 row)
{
	const History *h = r->trace->rows;
	g_autofree char *path = analysis_row_path(r->trace, r->join, row);

	st_json_begin_inline_object(j);
	st_json_member_uint(j, "id", r->first + row);
	st_json_member_uint(j, "machine", r->index);
	st_json_member_string(j, "kind", history_kind_name(h, history_row_kind(h, row)));
	st_json_member_string(j, "path", path);
	st_json_member_int(j, "begin", page_time(r->page, r->trace, history_row_begin(h, row)));
	st_json_member_int(j, "end", page_time(r->page, r->trace, history_row_end(h, row)));
	put_activity(r, j, row);
	if (r->serials[row] != G_MAXUINT32)
		put_thread(r, j, r->serials[row]);
	st_json_end(j);
}

static void rows_open(Rows *r, const Page *page, guint index)
{
	*r = (Rows){.page = page, .trace = g_ptr_array_index(page->store->traces, index), .index = index};
	r->first = page_first_row(page, r->trace);
	r->join = analysis_join_new(page->store, r->trace);
	map_threads(r);
}

static void rows_clear(Rows *r)
{
	g_clear_pointer(&r->join, analysis_join_free);
	g_clear_pointer(&r->serials, g_free);
}

/* Kinds of one name may have more states where there is a layer below: those of the one with most of them are everybody's. */
static void find_kinds(const Page *page, GHashTable *best)
{
	for (guint i = 0; i < page->store->traces->len; i++) {
		const History *h = ((const AnalysisStoreTrace *)g_ptr_array_index(page->store->traces, i))->rows;

		for (guint32 row = 0; row < history_n_rows(h); row++) {
			guint kind = history_row_kind(h, row);
			const char *name = history_kind_name(h, kind);
			const Kind *known = g_hash_table_lookup(best, name);

			if (name[0] == '.' || (known && history_n_states(known->history, known->kind) >= history_n_states(h, kind)))
				continue;
			Kind *k = g_new(Kind, 1);
			*k = (Kind){h, kind};
			g_hash_table_insert(best, (gpointer)name, k);
		}
	}
}

static void put_kinds(const Page *page, StJson *j)
{
	g_autoptr(GHashTable) best = g_hash_table_new_full(g_str_hash, g_str_equal, NULL, g_free);

	find_kinds(page, best);
	g_autoptr(GList) names = g_list_sort(g_hash_table_get_keys(best), (GCompareFunc)strcmp);
	st_json_key(j, "kinds");
	st_json_begin_object(j);
	for (GList *n = names; n; n = n->next) {
		const Kind *k = g_hash_table_lookup(best, n->data);

		put_kind(j, k->history, k->kind);
	}
	st_json_end(j);
}

/* Returns how many more there are than a page can list. */
static guint64 put_all(const Page *page, StJson *j)
{
	guint64 n = 0;

	st_json_key(j, "rows");
	st_json_begin_array(j);
	for (guint i = 0; i < page->store->traces->len; i++) {
		Rows r;

		rows_open(&r, page, i);
		for (guint32 row = 0; row < history_n_rows(r.trace->rows); row++)
			if (is_shown(r.trace->rows, row) && n++ < PAGE_LIST_MAX)
				put_row(&r, j, row);
		rows_clear(&r);
	}
	st_json_end(j);
	return n > PAGE_LIST_MAX ? n - PAGE_LIST_MAX : 0;
}

gboolean page_get_rows(ServerRequest *request, ServerReply *reply, GError **error)
{
	g_auto(Page) page = {0};

	(void)error;
	if (!page_open(&page, request, reply))
		return FALSE;
	StJson *j = server_reply_json(reply);
	st_json_begin_object(j);
	put_kinds(&page, j);
	guint64 left_out = put_all(&page, j);
	st_json_member_uint(j, "left_out", left_out);
	st_json_end(j);
	return TRUE;
}

/* ---- Sums ------------------------------------------------------------------------------------------------------------------ */

static void put_sums(StJson *j, const PageRow *row, gint64 begin_ns, gint64 end_ns)
{
	const History *h = row->history;
	gint64 ns[HISTORY_STATES_MAX];

	history_sums(h, row->row, analysis_own_time(row->trace, begin_ns), analysis_own_time(row->trace, end_ns), ns);
	st_json_begin_inline_object(j);
	st_json_member_uint(j, "id", row->number);
	st_json_key(j, "ns");
	st_json_begin_array(j);
	for (guint s = 0; s < history_n_states(h, history_row_kind(h, row->row)); s++)
		st_json_int(j, ns[s]);
	st_json_end(j);
	st_json_end(j);
}

gboolean page_get_sums(ServerRequest *request, ServerReply *reply, GError **error)
{
	g_auto(Page) page = {0};
	gint64 begin_ns, end_ns;

	if (!page_open(&page, request, reply) || !page_range(&page, request, &begin_ns, &end_ns, error))
		return FALSE;
	g_autoptr(GArray) rows = page_rows_argument(&page, request, error);
	if (!rows)
		return FALSE;
	StJson *j = server_reply_json(reply);
	st_json_begin_object(j);
	st_json_key(j, "rows");
	st_json_begin_array(j);
	for (guint i = 0; i < rows->len; i++)
		put_sums(j, &g_array_index(rows, PageRow, i), begin_ns, end_ns);
	st_json_end(j);
	st_json_end(j);
	return TRUE;
}
