/* SPDX-License-Identifier: MIT */
/*
 * packets.c: what arrived, with who sent it: on the same connection, the last before it that had these bytes. TCP's numbers tell it even where segments were cut up or joined on their way; of other protocols
 * it is the last one of that length.
 */
#include "analysis/packets.h"

#include "kernel/flow.h"

#define LOOK_BACK 1024 /* packets of a connection that are compared with one that came */

struct AnalysisPackets {
	const AnalysisStore *store;
	GArray *all;    /* of AnalysisPacket */
	GArray *queued; /* of Sent, by flow: all that drivers were given, those that were only passed on, too */
};

/* A packet that was seen to leave a machine that sent it. */
typedef struct {
	guint64 flow;      /* a hash of addresses, ports and protocol */
	gint64 time_ns;    /* root's clock */
	const AnalysisStoreTrace *from;
	const KernelPacket *is;
	guint32 thread;    /* whose data it has; G_MAXUINT32: not known */
	gint64 given_ns;   /* when that one gave it to the kernel, in its machine's clock */
	const AnalysisStoreTrace *came_to; /* where it was found to arrive last */
	guint64 came_as;   /* in which buffer */
} Sent;

typedef void (*Visit)(gpointer user, const AnalysisStoreTrace *t, const KernelPacket *p, guint64 flow);

static void each_packet(const AnalysisStoreTrace *t, Visit visit, gpointer user)
{
	guint packets, connections;

	if (!t->is_kernel || !history_find_table(t->history, KERNEL_PACKETS_TABLE, sizeof(KernelPacket), &packets) ||
	    !history_find_table(t->history, KERNEL_CONNECTIONS_TABLE, sizeof(KernelConnection), &connections))
		return;
	for (guint64 i = 0; i < history_table_len(t->history, packets); i++) {
		const KernelPacket *p = history_table_get(t->history, packets, i);

		if (p->connection != KERNEL_NET_NONE)
			visit(user, t, p, kernel_packet_flow(p, history_table_get(t->history, connections, p->connection)));
	}
}

/* ---- Sent ------------------------------------------------------------------------------------------------------------------- */

typedef struct {
	GArray *sent, *queued;
	GHashTable *senders; /* of one machine: flow -> the KernelPacket that a thread sent on it last */
} Reader;

/* Of data that the kernel sent by itself, again or when there was room, the one who sent before is the sender. */
static void set_sender(const Reader *r, Sent *s)
{
	gpointer flow = GSIZE_TO_POINTER(s->flow);
	const KernelPacket *by = s->is;

	if (by->thread != KERNEL_NET_NONE)
		g_hash_table_insert(r->senders, flow, (gpointer)(guintptr)by);
	else if (by->payload && g_hash_table_contains(r->senders, flow))
		by = g_hash_table_lookup(r->senders, flow);
	s->thread = by->thread;
	s->given_ns = by->time_ns;
}

static void add_sent(gpointer user, const AnalysisStoreTrace *t, const KernelPacket *p, guint64 flow)
{
	const Reader *r = user;
	Sent s = {.flow = flow, .time_ns = analysis_time(t, p->time_ns), .from = t, .is = p};

	if (p->direction != KERNEL_NET_OUT || p->what & KERNEL_PACKET_AGAIN)
		return;
	if (p->xmit_ns != KERNEL_NET_NO_TIME)
		g_array_append_val(r->queued, s);
	if (p->what & KERNEL_PACKET_FORWARDED)
		return;
	set_sender(r, &s);
	g_array_append_val(r->sent, s);
}

static gint by_flow(gconstpointer a, gconstpointer b)
{
	const Sent *x = a, *y = b;

	if (x->flow != y->flow)
		return (x->flow > y->flow) - (x->flow < y->flow);
	return (x->time_ns > y->time_ns) - (x->time_ns < y->time_ns);
}

static GArray *read_sent(const AnalysisStore *s, GArray *queued)
{
	GArray *sent = g_array_new(FALSE, FALSE, sizeof(Sent));

	for (guint i = 0; i < s->traces->len; i++) {
		g_autoptr(GHashTable) senders = g_hash_table_new(NULL, NULL);
		Reader r = {sent, queued, senders};

		each_packet(g_ptr_array_index(s->traces, i), add_sent, &r);
	}
	g_array_sort(sent, by_flow);
	g_array_sort(queued, by_flow);
	return sent;
}

/* ---- Arrived ------------------------------------------------------------------------------------------------------------------ */

typedef struct {
	AnalysisPackets *packets;
	const AnalysisStore *store;
	GArray *sent;
} Matcher;

/* Where the bytes that came begin is among those sent; what has none is told by both its numbers. */
static gboolean is_same(const KernelPacket *sent, const KernelPacket *came)
{
	if (came->protocol != KERNEL_PROTO_TCP)
		return sent->payload == came->payload;
	return came->payload ? came->seq - sent->seq < sent->payload : sent->seq == came->seq && sent->ack == came->ack && !sent->payload;
}

/*
 * Within a machine only loopback's own interface has both ends: others hand on what a VM sent. Clocks that aren't aligned say nothing of which
 * was first.
 */
static gboolean comparable(const AnalysisStore *store, const Sent *s, const AnalysisStoreTrace *to, const KernelPacket *came)
{
	if (s->from == to)
		return s->is->interface == came->interface;
	return s->from->member != to->member && experiment_is_aligned(store->experiment, s->from->member) && experiment_is_aligned(store->experiment, to->member);
}

static gint64 bound_of(const AnalysisStore *s, const AnalysisStoreTrace *t)
{
	return t->member == EXPERIMENT_NONE ? 0 : experiment_bound(s->experiment, t->member);
}

/* The number of those that were sent before or at `time`. */
static guint behind(const GArray *sent, guint64 flow, gint64 time)
{
	Sent key = {.flow = flow, .time_ns = time};
	guint lo = 0, hi = sent->len;

	while (lo < hi) {
		guint mid = lo + (hi - lo) / 2;

		if (by_flow(&g_array_index(sent, Sent, mid), &key) <= 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

static Sent *find_sent(const Matcher *m, const AnalysisStoreTrace *to, const KernelPacket *came, guint64 flow)
{
	gint64 time = analysis_time(to, came->time_ns), doubt = bound_of(m->store, to);
	guint i = behind(m->sent, flow, time + 2 * doubt);

	for (guint looked = 0; i-- > 0 && looked < LOOK_BACK; looked++) {
		Sent *s = &g_array_index(m->sent, Sent, i);

		if (s->flow != flow)
			break;
		if (is_same(s->is, came) && comparable(m->store, s, to, came) && s->time_ns <= time + (s->from == to ? 0 : doubt + bound_of(m->store, s->from)))
			return s;
	}
	return NULL;
}

static void add_arrived(gpointer user, const AnalysisStoreTrace *t, const KernelPacket *p, guint64 flow)
{
	const Matcher *m = user;
	Sent *s = p->direction == KERNEL_NET_IN ? find_sent(m, t, p, flow) : NULL;

	if (!s || (s->came_to == t && s->came_as == p->skb)) /* a tap, then its bridge: it arrived at the first */
		return;
	s->came_to = t;
	s->came_as = p->skb;
	const KernelThreadItem *sender = kernel_find_thread(s->from->history, s->thread);
	AnalysisPacket a = {.from = s->from, .to = t, .thread = s->thread, .sent_ns = s->is->time_ns, .given_ns = s->given_ns, .sent_cpu = s->is->cpu, .came_ns = p->time_ns, .is = p, .flow = flow,
			    .from_row = sender ? sender->row : KERNEL_NO_ROW, .to_row = kernel_find_cpu_row(t->history, p->cpu)};
	if (a.from_row == KERNEL_NO_ROW)
		a.from_row = kernel_find_cpu_row(s->from->history, s->is->cpu);
	g_array_append_val(m->packets->all, a);
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
	p->queued = g_array_new(FALSE, FALSE, sizeof(Sent));
	g_autoptr(GArray) sent = read_sent(s, p->queued);
	Matcher m = {p, s, sent};
	p->all = g_array_new(FALSE, FALSE, sizeof(AnalysisPacket));
	for (guint i = 0; i < s->traces->len; i++)
		each_packet(g_ptr_array_index(s->traces, i), add_arrived, &m);
	g_array_sort(p->all, by_arrival);
	return p;
}

void analysis_packets_free(AnalysisPackets *p)
{
	if (!p)
		return;
	g_array_unref(p->all);
	g_array_unref(p->queued);
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

const KernelPacket *analysis_packets_on(const AnalysisPackets *p, const AnalysisPacket *packet, const AnalysisStoreTrace *machine)
{
	gint64 doubt = bound_of(p->store, packet->to) + bound_of(p->store, machine), time = analysis_time(packet->to, packet->came_ns) + doubt;
	gint64 from = analysis_time(packet->from, packet->sent_ns) - doubt - bound_of(p->store, packet->from);
	guint i = behind(p->queued, packet->flow, time);

	for (guint looked = 0; i-- > 0 && looked < LOOK_BACK; looked++) {
		const Sent *s = &g_array_index(p->queued, Sent, i);

		if (s->flow != packet->flow || s->time_ns < from)
			break;
		if (s->from == machine && is_same(s->is, packet->is))
			return s->is;
	}
	return NULL;
}
