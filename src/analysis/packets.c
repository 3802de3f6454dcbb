/* SPDX-License-Identifier: MIT */
#include "analysis/packets.h"

#include "kernel/flow.h"
#include "kernel/net.h"

struct AnalysisPackets {
	const AnalysisStore *store;
	GArray *all; /* of AnalysisPacket */
};

static const AnalysisStoreTrace *trace_of(const AnalysisStore *s, guint member)
{
	for (guint i = 0; i < s->traces->len; i++) {
		const AnalysisStoreTrace *t = g_ptr_array_index(s->traces, i);

		if (t->is_kernel && t->member == member)
			return t;
	}
	return NULL;
}

static const KernelPacket *packet_of(const AnalysisStoreTrace *t, guint64 i)
{
	guint table;

	return history_find_table(t->history, KERNEL_PACKETS_TABLE, sizeof(KernelPacket), &table) ? history_table_get(t->history, table, i) : NULL;
}

static guint32 cpu_row(const AnalysisStoreTrace *t, gint32 cpu)
{
	guint table;

	if (history_find_table(t->history, KERNEL_CPUS_TABLE, sizeof(KernelCpuItem), &table))
		for (guint64 i = 0; i < history_table_len(t->history, table); i++) {
			const KernelCpuItem *item = history_table_get(t->history, table, i);

			if (item->cpu == cpu)
				return item->row;
		}
	return HISTORY_NO_ROW;
}

static guint32 thread_row(const AnalysisStoreTrace *t, guint32 serial)
{
	guint table;

	if (serial == G_MAXUINT32 || !history_find_table(t->history, KERNEL_THREADS_TABLE, sizeof(KernelThreadItem), &table) ||
	    serial >= history_table_len(t->history, table))
		return HISTORY_NO_ROW;
	const KernelThreadItem *item = history_table_get(t->history, table, serial);
	if (item->same_as < history_table_len(t->history, table))
		item = history_table_get(t->history, table, item->same_as);
	return item->row == KERNEL_NO_ROW ? HISTORY_NO_ROW : item->row;
}

static gboolean add(gpointer user, const ExperimentPacket *packet)
{
	AnalysisPackets *p = user;
	AnalysisPacket a = {.from = trace_of(p->store, packet->from), .to = trace_of(p->store, packet->to)};
	const KernelPacket *sent = a.from ? packet_of(a.from, packet->from_packet) : NULL, *came = a.to ? packet_of(a.to, packet->to_packet) : NULL;

	if (!sent || !came)
		return TRUE;
	a.sent_ns = sent->time_ns;
	a.came_ns = came->time_ns;
	a.thread = sent->thread;
	a.from_row = thread_row(a.from, sent->thread);
	if (a.from_row == HISTORY_NO_ROW)
		a.from_row = cpu_row(a.from, sent->cpu);
	a.to_row = cpu_row(a.to, came->cpu);
	g_array_append_val(p->all, a);
	return TRUE;
}

static gint by_arrival(gconstpointer a, gconstpointer b)
{
	const AnalysisPacket *x = a, *y = b;

	if (x->to->member != y->to->member)
		return x->to->member < y->to->member ? -1 : 1;
	if (x->to_row != y->to_row)
		return x->to_row < y->to_row ? -1 : 1;
	return (x->came_ns > y->came_ns) - (x->came_ns < y->came_ns);
}

AnalysisPackets *analysis_packets_new(const AnalysisStore *s)
{
	AnalysisPackets *p = g_new0(AnalysisPackets, 1);

	p->store = s;
	p->all = g_array_new(FALSE, FALSE, sizeof(AnalysisPacket));
	experiment_packets(s->experiment, add, p);
	g_array_sort(p->all, by_arrival);
	return p;
}

void analysis_packets_free(AnalysisPackets *p)
{
	if (!p)
		return;
	g_array_unref(p->all);
	g_free(p);
}

guint analysis_packets_len(const AnalysisPackets *p)
{
	return p->all->len;
}

const AnalysisPacket *analysis_packets_get(const AnalysisPackets *p, guint i)
{
	return &g_array_index(p->all, AnalysisPacket, i);
}

const AnalysisPacket *analysis_packets_last(const AnalysisPackets *p, const AnalysisStoreTrace *to, guint32 row, gint64 begin_ns, gint64 end_ns)
{
	AnalysisPacket key = {.to = to, .to_row = row, .came_ns = end_ns};
	guint lo = 0, hi = p->all->len;

	while (lo < hi) {
		guint mid = lo + (hi - lo) / 2;

		if (by_arrival(analysis_packets_get(p, mid), &key) <= 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	const AnalysisPacket *last = lo ? analysis_packets_get(p, lo - 1) : NULL;
	return last && last->to == to && last->to_row == row && last->came_ns >= begin_ns ? last : NULL;
}
