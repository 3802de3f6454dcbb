/* SPDX-License-Identifier: MIT */
/* Edges: from a time on one row to a time on another; those between levels, and the wakeups of each machine. */
#include "analysis/commands.h"
#include "analysis/join.h"
#include "analysis/packets.h"

typedef struct {
	const AnalysisStore *store;
	const AnalysisQuery *query;
	View *view;
	guint n;
} Edges;

static gboolean is_wanted(const AnalysisStoreTrace *t, const AnalysisQuery *q)
{
	g_autoptr(AnalysisFilter) f = analysis_filter_new(q, t);

	return f != NULL;
}

/* It counts where it arrives. */
static gboolean add(Edges *e, const char *kind, const AnalysisStoreTrace *from, guint32 from_row, gint64 from_ns, const AnalysisStoreTrace *to, guint32 to_row,
		    gint64 to_ns)
{
	gint64 begin = analysis_time(from, from_ns), end = analysis_time(to, to_ns);

	if (end < e->query->begin_ns || end > e->query->end_ns)
		return TRUE;
	g_autofree char *from_path = analysis_row_path(from, NULL, from_row), *to_path = analysis_row_path(to, NULL, to_row);
	view_begin_row(e->view);
	view_set_text(e->view, 0, kind);
	view_set_text(e->view, 1, from_path);
	view_set_int(e->view, 2, begin);
	view_set_text(e->view, 3, to_path);
	view_set_int(e->view, 4, end);
	view_set_int(e->view, 5, end - begin);
	return ++e->n < VIEW_ROWS_MAX;
}

static gboolean add_layers(gpointer user, const LayersEdge *edge)
{
	Edges *e = user;
	const AnalysisStoreTrace *from = analysis_store_member(e->store, edge->from), *to = analysis_store_member(e->store, edge->to);

	if (!from || !to || (!is_wanted(from, e->query) && !is_wanted(to, e->query)))
		return TRUE;
	return add(e, edge->kind, from, edge->from_row, edge->from_ns, to, edge->to_row, edge->to_ns);
}

static void add_wakeups(Edges *e, const AnalysisStoreTrace *t)
{
	for (guint64 i = 0; i < history_n_edges(t->history); i++) {
		HistoryEdge edge;

		history_edge_get(t->history, i, &edge);
		if (!add(e, history_text_get(t->history, edge.kind), t, edge.from_row, edge.from_ns, t, edge.to_row, edge.to_ns))
			return;
	}
}

static void add_packets(Edges *e)
{
	g_autoptr(AnalysisPackets) packets = analysis_packets_new(e->store);

	for (guint i = 0; i < analysis_packets_len(packets); i++) {
		const AnalysisPacket *p = analysis_packets_get(packets, i);

		if (p->from_row == HISTORY_NO_ROW || p->to_row == HISTORY_NO_ROW || (!is_wanted(p->from, e->query) && !is_wanted(p->to, e->query)))
			continue;
		if (!add(e, "packet", p->from, p->from_row, p->sent_ns, p->to, p->to_row, p->came_ns))
			return;
	}
}

View *analysis_edges(const AnalysisStore *s, const AnalysisQuery *q, GError **error)
{
	const char *by = q->by ? q->by : "level";
	gboolean levels = g_str_equal(by, "level"), wakeups = g_str_equal(by, "wakeup"), packets = g_str_equal(by, "packet");

	if (!levels && !wakeups && !packets) {
		g_set_error(error, ST_ERROR, ST_ERROR_USAGE, "--by: there is no \"%s\"; there are level, wakeup, packet", by);
		return NULL;
	}
	View *v = view_new("edges", "What leads from one row to another");
	Edges e = {s, q, v, 0};
	view_add_column(v, "kind", "KIND", VIEW_TEXT);
	view_add_column(v, "from_row", "FROM", VIEW_TEXT);
	view_add_column(v, "from_ns", "AT", VIEW_TIME_NS);
	view_add_column(v, "to_row", "TO", VIEW_TEXT);
	view_add_column(v, "to_ns", "ARRIVES", VIEW_TIME_NS);
	view_add_column(v, "duration_ns", "TOOK", VIEW_NS);
	view_set_empty_text(v, levels  ? "No edge between levels: that takes a host's trace and a guest's." :
			       wakeups ? "No wakeup was recorded." :
					 "No packet went from one of these machines to another, or packets were not recorded on both.");
	if (packets)
		add_packets(&e);
	for (guint i = 0; i < s->traces->len; i++) {
		const AnalysisStoreTrace *t = g_ptr_array_index(s->traces, i);

		if (wakeups && t->is_kernel && is_wanted(t, q))
			add_wakeups(&e, t);
		else if (levels && t->is_kernel && s->layers)
			layers_edges(s->layers, t->member, add_layers, &e);
	}
	return v;
}
