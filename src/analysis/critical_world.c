/* SPDX-License-Identifier: MIT */
/*
 * critical_world.c: what leads from machine to machine. Who sent the packet that ended a wait: a softirq woke the thread, and in the same run of softirqs that processor had got a packet last; the packet was seen to leave another machine,
 * sent by a thread. Which disk request ended a wait, and what the machine below did for it: critical_disk.h.
 */
#include "analysis/critical_world.h"

#include "analysis/critical_device.h"
#include "analysis/critical_disk.h"
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
	CriticalDisk *disk; /* NULL: not asked yet */
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
		critical_disk_free(w->machines[i].disk);
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

static gboolean is_handler(const HistoryInterval *i)
{
	return i->state == KERNEL_CS_SOFTIRQ || i->state == KERNEL_CS_IRQ;
}

#define RUN_MAX 256 /* handlers that follow one another, or interrupt one */

/* The handlers that ran one after the other on a processor until `time`: from the first one's begin, in the state of the last one. FALSE: none did. */
static gboolean run_at(const History *h, guint32 cpu_row, gint64 time, HistoryInterval *run)
{
	HistoryInterval before;

	if (!history_at(h, cpu_row, time, run) || !is_handler(run))
		return FALSE;
	for (guint n = 0; n < RUN_MAX && history_at(h, cpu_row, run->begin_ns - 1, &before) && is_handler(&before); n++)
		run->begin_ns = before.begin_ns;
	return TRUE;
}

/* The interrupt that woke a thread: on which processor, and its run of handlers. FALSE: it was none. */
static gboolean interrupted_by(const CriticalWorld *w, guint machine, guint32 thread, gint64 woken_ns, guint32 *cpu_row, HistoryInterval *run)
{
	const History *h = critical_world_trace(w, machine)->history;
	const KernelThreadItem *item = kernel_find_thread(h, thread);
	const Wakeup *wakeup = item && item->row != KERNEL_NO_ROW ? wakeup_at(w, machine, item->row, woken_ns) : NULL;

	if (!wakeup || !run_at(h, wakeup->cpu_row, woken_ns, run))
		return FALSE;
	*cpu_row = wakeup->cpu_row;
	return TRUE;
}

/* ---- Disks ------------------------------------------------------------------------------------------------------------------- */

static CriticalDisk *disk_of(const CriticalWorld *w, guint machine)
{
	Machine *m = &w->machines[machine];

	if (!m->disk)
		m->disk = critical_disk_new(w->store, critical_world_trace(w, machine), w->alone);
	return m->disk;
}

/* Who waits for one of many things at once, in a poll, waited for the request that was done in the interrupt that woke him. */
static guint find_requests(gpointer user, guint machine, guint32 thread, const HistoryInterval *wait, GraphRequest out[GRAPH_REQUESTS_MAX])
{
	const CriticalWorld *w = user;
	HistoryInterval run;
	guint32 cpu_row;

	if (wait->state == KERNEL_TS_B_DISK)
		return critical_disk_of_wait(disk_of(w, machine), thread, wait->end_ns, out);
	if ((wait->state != KERNEL_TS_B_POLL && wait->state != KERNEL_TS_B_EVENT) || !interrupted_by(w, machine, thread, wait->end_ns, &cpu_row, &run))
		return 0;
	return critical_disk_done(disk_of(w, machine), thread, run.begin_ns, wait->end_ns, out);
}

/* The machine in which a machine is a VM; G_MAXUINT: it is none, or its clock isn't known there. */
static guint machine_below(const CriticalWorld *w, const AnalysisStoreTrace *t)
{
	const ExperimentMember *m = t->member == EXPERIMENT_NONE ? NULL : experiment_member(w->store->experiment, t->member);
	gboolean is_guest = m && m->parent != EXPERIMENT_NONE && m->l2 == EXPERIMENT_NONE && m->clocks->len;
	const AnalysisStoreTrace *below = is_guest ? analysis_store_member(w->store, m->parent) : NULL;

	return below ? critical_world_index(w, below) : G_MAXUINT;
}

static guint find_below(gpointer user, guint machine, guint64 request, GraphStep steps[GRAPH_STEPS_MAX])
{
	const CriticalWorld *w = user;
	guint below = machine_below(w, critical_world_trace(w, machine));
	const Graph *graph = below == G_MAXUINT ? NULL : critical_world_graph(w, below);
	guint n = graph ? critical_disk_below(disk_of(w, machine), disk_of(w, below), request, steps) : 0;

	for (guint i = 0; i < n; i++) {
		steps[i].graph = graph;
		steps[i].machine = below;
	}
	return n;
}

char *critical_world_detail(const CriticalWorld *w, const GraphSegment *s)
{
	const AnalysisStoreTrace *t = critical_world_trace(w, s->machine);

	return s->device != GRAPH_NONE ? critical_device_text(t, s) : g_strdup(history_text_get(w->alone ? t->history : t->rows, s->detail));
}

/* ---- Senders ----------------------------------------------------------------------------------------------------------------- */

/* They are looked for when the first wait asks for one. */
static const AnalysisPackets *packets_of(CriticalWorld *w)
{
	if (!w->packets)
		w->packets = analysis_packets_new(w->store);
	return w->packets;
}

/* The host's part of a packet's way to a guest: it lay in the queue of the guest's interface; who serves that took it, and told a processor of the guest. */
static guint way_of(const CriticalWorld *w, guint machine, const AnalysisPacket *p, gint64 woken_ns, GraphStep steps[GRAPH_STEPS_MAX])
{
	const AnalysisStoreTrace *t = critical_world_trace(w, machine);
	guint below = w->alone || !w->store->layers ? G_MAXUINT : machine_below(w, t), n = 0, interfaces;
	const AnalysisStoreTrace *host = below == G_MAXUINT ? NULL : critical_world_trace(w, below);
	const KernelPacket *on = host ? analysis_packets_on(w->packets, p, host) : NULL;

	if (!on || !critical_world_graph(w, below) || !history_find_table(host->history, KERNEL_NET_INTERFACES_TABLE, sizeof(KernelNetInterface), &interfaces) ||
	    on->interface >= history_table_len(host->history, interfaces))
		return 0;
	guint32 reader = ((const KernelNetInterface *)history_table_get(host->history, interfaces, on->interface))->reader;
	const KernelThreadItem *item = kernel_find_thread(host->history, reader);
	if (!item)
		return 0;
	const GraphRequest queue = {.state = KERNEL_TS_B_NETWORK, .begin_ns = on->time_ns, .issued_ns = on->time_ns, .end_ns = on->xmit_ns, .device = on->interface, .filler = GRAPH_NONE};
	steps[n++] = (GraphStep){.thread = item->same_as, .until_ns = on->xmit_ns, .is_request = TRUE, .request = queue};
	n += critical_disk_way_back(disk_of(w, machine), disk_of(w, below), item->same_as, on->xmit_ns, critical_world_convert(w, machine, host, woken_ns), &steps[n]);
	for (guint i = 0; i < n; i++) {
		steps[i].graph = critical_world_graph(w, below);
		steps[i].machine = below;
	}
	return n;
}

/* What the kernel of the sender sent by itself, it sent for something that had arrived: a SYN, or what made room. Of that one's way, the queue. */
static guint way_there(const CriticalWorld *w, const AnalysisPacket *p, GraphStep steps[1])
{
	guint32 row = kernel_find_cpu_row(p->from->history, p->sent_cpu);
	gint64 since = p->given_ns;
	GraphStep all[GRAPH_STEPS_MAX];
	HistoryInterval run;

	if (row != KERNEL_NO_ROW && p->thread == G_MAXUINT32 && run_at(p->from->history, row, p->sent_ns, &run))
		since = run.begin_ns;
	const AnalysisPacket *made = since < p->sent_ns ? analysis_packets_last(w->packets, p->from, row, since, p->sent_ns) : NULL;
	if (!made || !way_of(w, critical_world_index(w, p->from), made, p->sent_ns, all))
		return 0;
	steps[0] = all[0];
	return 1;
}

static gboolean find_sender(gpointer user, guint machine, guint32 thread, gint64 woken_ns, GraphSender *out)
{
	CriticalWorld *w = user;
	const AnalysisStoreTrace *t = critical_world_trace(w, machine);
	const AnalysisPackets *packets = packets_of(w);
	HistoryInterval run;
	guint32 cpu_row;

	if (!analysis_packets_len(packets) || !interrupted_by(w, machine, thread, woken_ns, &cpu_row, &run) || run.state != KERNEL_CS_SOFTIRQ)
		return FALSE;
	const AnalysisPacket *p = analysis_packets_last(packets, t, cpu_row, run.begin_ns, woken_ns);
	if (!p)
		return FALSE;
	const KernelThreadItem *sender = kernel_find_thread(p->from->history, p->thread);
	*out = (GraphSender){.machine = critical_world_index(w, p->from), .thread = sender ? sender->same_as : GRAPH_NONE, .sent_ns = p->given_ns};
	out->graph = critical_world_graph(w, out->machine);
	out->n_steps = way_there(w, p, out->steps);
	out->n_steps += way_of(w, machine, p, woken_ns, &out->steps[out->n_steps]);
	return out->graph && (out->thread != GRAPH_NONE || out->n_steps);
}

static gint64 convert(gpointer user, guint from, guint to, gint64 time)
{
	return critical_world_convert(user, from, critical_world_trace(user, to), time);
}

GraphWorld critical_world_of(const CriticalWorld *w)
{
	return (GraphWorld){find_sender, convert, find_requests, find_below, (gpointer)(guintptr)w};
}
