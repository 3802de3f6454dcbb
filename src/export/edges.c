/* SPDX-License-Identifier: MIT */
/* edges.c: wakeups, and what goes from one level to another, as flows. */
#include "analysis/packets.h"
#include "export/trace.h"

typedef struct {
	ExportTrace *trace;
	const ExportTracks *tracks;
	const AnalysisStore *store;
	const AnalysisQuery *query;
} Edges;

static void put(const Edges *e, const char *kind, const AnalysisStoreTrace *from, guint32 from_row, gint64 from_ns, const AnalysisStoreTrace *to, guint32 to_row,
		gint64 to_ns)
{
	guint64 a = export_tracks_find(e->tracks, from, from_row), b = export_tracks_find(e->tracks, to, to_row);
	gint64 begin = analysis_time(from, from_ns), end = analysis_time(to, to_ns);

	if (a && b && begin >= e->query->begin_ns && end <= e->query->end_ns)
		export_flow(e->trace, kind, a, begin, b, end);
}

static gboolean put_layers(gpointer user, const LayersEdge *edge)
{
	const Edges *e = user;
	const AnalysisStoreTrace *from = analysis_store_member(e->store, edge->from), *to = analysis_store_member(e->store, edge->to);

	if (from && to)
		put(e, edge->kind, from, edge->from_row, edge->from_ns, to, edge->to_row, edge->to_ns);
	return TRUE;
}

static void put_wakeups(const Edges *e, const AnalysisStoreTrace *t)
{
	for (guint64 i = 0; i < history_n_edges(t->history); i++) {
		HistoryEdge edge;

		history_edge_get(t->history, i, &edge);
		put(e, history_text_get(t->history, edge.kind), t, edge.from_row, edge.from_ns, t, edge.to_row, edge.to_ns);
	}
}

static void put_packets(const Edges *e)
{
	g_autoptr(AnalysisPackets) packets = analysis_packets_new(e->store);

	for (guint i = 0; i < analysis_packets_len(packets); i++) {
		const AnalysisPacket *p = analysis_packets_get(packets, i);

		if (p->from_row != HISTORY_NO_ROW && p->to_row != HISTORY_NO_ROW)
			put(e, "packet", p->from, p->from_row, p->sent_ns, p->to, p->to_row, p->came_ns);
	}
}

void export_edges(ExportTrace *t, const ExportTracks *tracks, const AnalysisStore *s, const AnalysisQuery *q)
{
	Edges e = {t, tracks, s, q};

	put_packets(&e);
	for (guint i = 0; i < s->traces->len; i++) {
		const AnalysisStoreTrace *trace = g_ptr_array_index(s->traces, i);

		if (!trace->is_kernel)
			continue;
		put_wakeups(&e, trace);
		if (s->layers)
			layers_edges(s->layers, trace->member, put_layers, &e);
	}
}
