/* SPDX-License-Identifier: MIT */
/*
 * critical_world.c: who sent the packet that ended a wait: a softirq woke the thread, and in the same run of softirqs that processor had got a packet last; the packet was seen to leave another machine,
 * sent by a thread.
 */
#include "analysis/critical_world.h"

#include "analysis/packets.h"

/* A wakeup by an interrupt. */
typedef struct {
	guint32 row;       /* of the thread */
	guint32 cpu_row;
	gint64 woken_ns;
} Wakeup;

typedef struct {
	Graph *graph;
	gboolean asked;
	GArray *wakeups;   /* of Wakeup, by row and time; NULL: not asked yet */
} Machine;

struct CriticalWorld {
	const AnalysisStore *store;
	gboolean alone;
	Machine *machines; /* by the store's traces */
	AnalysisPackets *packets;
};

CriticalWorld *critical_world_new(const AnalysisStore *s, gboolean alone)
{
	CriticalWorld *w = g_new0(CriticalWorld, 1);

	w->store = s;
	w->alone = alone;
	w->machines = g_new0(Machine, s->traces->len + 1);
	return w;
}

void critical_world_free(CriticalWorld *w)
{
	if (!w)
		return;
	for (guint i = 0; i < w->store->traces->len; i++) {
		graph_free(w->machines[i].graph);
		if (w->machines[i].wakeups)
			g_array_unref(w->machines[i].wakeups);
	}
	g_free(w->machines);
	analysis_packets_free(w->packets);
	g_free(w);
}

const AnalysisStoreTrace *critical_world_trace(const CriticalWorld *w, guint machine)
{
	return g_ptr_array_index(w->store->traces, machine);
}

guint critical_world_index(const CriticalWorld *w, const AnalysisStoreTrace *t)
{
	guint i = 0;

	while (g_ptr_array_index(w->store->traces, i) != t)
		i++;
	return i;
}

const Graph *critical_world_graph(const CriticalWorld *w, guint machine)
{
	Machine *m = &w->machines[machine];
	const AnalysisStoreTrace *t = critical_world_trace(w, machine);

	if (!m->asked)
		m->graph = graph_new(t->history, w->alone ? t->history : t->rows);
	m->asked = TRUE;
	return m->graph;
}

gint64 critical_world_convert(const CriticalWorld *w, guint from, const AnalysisStoreTrace *to, gint64 time)
{
	const AnalysisStoreTrace *t = critical_world_trace(w, from);

	return t == to ? time : analysis_own_time(to, analysis_time(t, time));
}

/* ---- Wakeups --------------------------------------------------------------------------------------------------------------- */

static gint by_row(gconstpointer a, gconstpointer b)
{
	const Wakeup *x = a, *y = b;

	if (x->row != y->row)
		return x->row < y->row ? -1 : 1;
	return (x->woken_ns > y->woken_ns) - (x->woken_ns < y->woken_ns);
}

static GArray *find_wakeups(const AnalysisStoreTrace *t)
{
	GArray *all = g_array_new(FALSE, FALSE, sizeof(Wakeup));
	guint cpus;

	if (!history_find_kind(t->history, KERNEL_CPU_ROW_KIND, &cpus))
		return all;
	for (guint64 i = 0; i < history_n_edges(t->history); i++) {
		HistoryEdge edge;

		history_edge_get(t->history, i, &edge);
		Wakeup wakeup = {edge.to_row, edge.from_row, edge.from_ns};
		if (history_row_kind(t->history, edge.from_row) == cpus)
			g_array_append_val(all, wakeup);
	}
	g_array_sort(all, by_row);
	return all;
}

static const Wakeup *wakeup_at(const CriticalWorld *w, guint machine, guint32 row, gint64 woken_ns)
{
	Machine *m = &w->machines[machine];
	Wakeup key = {row, 0, woken_ns};
	guint at;

	if (!m->wakeups)
		m->wakeups = find_wakeups(critical_world_trace(w, machine));
	return g_array_binary_search(m->wakeups, &key, by_row, &at) ? &g_array_index(m->wakeups, Wakeup, at) : NULL;
}

/* ---- Senders ----------------------------------------------------------------------------------------------------------------- */

/* They are looked for when the first wait asks for one. */
static const AnalysisPackets *packets_of(CriticalWorld *w)
{
	if (!w->packets)
		w->packets = analysis_packets_new(w->store);
	return w->packets;
}

static gboolean find_sender(gpointer user, guint machine, guint32 thread, gint64 woken_ns, GraphSender *out)
{
	CriticalWorld *w = user;
	const AnalysisStoreTrace *t = critical_world_trace(w, machine);
	const KernelThreadItem *item = kernel_find_thread(t->history, thread);
	const AnalysisPackets *packets = packets_of(w);
	const Wakeup *wakeup = item && item->row != KERNEL_NO_ROW && analysis_packets_len(packets) ? wakeup_at(w, machine, item->row, woken_ns) : NULL;
	HistoryInterval run;

	if (!wakeup || !history_at(t->history, wakeup->cpu_row, woken_ns, &run) || run.state != KERNEL_CS_SOFTIRQ)
		return FALSE;
	const AnalysisPacket *p = analysis_packets_last(packets, t, wakeup->cpu_row, run.begin_ns, woken_ns);
	if (!p || p->thread == G_MAXUINT32)
		return FALSE;
	*out = (GraphSender){.machine = critical_world_index(w, p->from), .thread = p->thread, .sent_ns = p->sent_ns};
	out->graph = critical_world_graph(w, out->machine);
	return out->graph != NULL;
}

static gint64 convert(gpointer user, guint from, guint to, gint64 time)
{
	return critical_world_convert(user, from, critical_world_trace(user, to), time);
}

GraphWorld critical_world_of(const CriticalWorld *w)
{
	return (GraphWorld){find_sender, convert, (gpointer)(guintptr)w};
}
