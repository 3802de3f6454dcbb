/* SPDX-License-Identifier: MIT */
/*
 * requests_wire.c: requests that packets show: to VMs and of VMs, on their network interfaces, which a host sees without any help from its guests; and on connections of
 * the machine's own whose sockets' system calls tell nothing, since they weren't recorded or the server uses io_uring.
 *
 * The data of the client's side and those of the server's take turns, as on a socket. What went before both ends had their say on a new connection is told by its SYN.
 */
#include <string.h>

#include "analysis/requests.h"
#include "kernel/files.h"
#include "kernel/net.h"
#include "kvm/rows.h"

typedef enum { NOTHING, ASKING, ANSWERING } Turn;

#define NO_HANDSHAKE G_MAXUINT8

typedef struct {
	guint8 turn;
	guint8 is_wanted;
	guint8 is_vm;
	guint8 is_known;  /* it began before our eyes, or an answer has ended: what comes is a whole request */
	guint8 greeted;   /* the server spoke first, and was not answered yet */
	guint8 has_requests;
	guint8 handshakes; /* turns that were TLS's; NO_HANDSHAKE: it has begun before, or those are over */
	Request r;
} Flow;

typedef struct {
	const RequestScan *scan;
	RequestFunc found;
	gpointer user;
	guint interfaces, packets, connections;
	GHashTable *sockets; /* Ends, a set: connections whose sockets were followed */
	Flow **flows;        /* by connection; NULL: nothing yet */
} Work;

/* ---- Connections whose sockets tell ---------------------------------------------------------------------------------- */

typedef struct {
	guint8 remote[16];
	guint16 remote_port, local_port;
} Ends;

static guint ends_hash(gconstpointer key)
{
	const Ends *e = key;
	guint32 last;

	memcpy(&last, e->remote + 12, sizeof(last));
	return last ^ (guint)e->remote_port << 16 ^ e->local_port * 40503u;
}

static gboolean ends_equal(gconstpointer a, gconstpointer b)
{
	return memcmp(a, b, sizeof(Ends)) == 0;
}

/* The local port of a socket that was accepted may not be known. */
static void find_sockets(Work *w)
{
	const History *h = w->scan->trace->history;
	guint table;

	w->sockets = g_hash_table_new_full(ends_hash, ends_equal, g_free, NULL);
	if (!history_find_table(h, KERNEL_REQUEST_CONNECTIONS_TABLE, sizeof(KernelRequestConnection), &table))
		return;
	for (guint64 i = 0; i < history_table_len(h, table); i++) {
		const KernelRequestConnection *c = history_table_get(h, table, i);
		Ends e = {.remote_port = c->remote_port, .local_port = c->net != KERNEL_NET_NONE ? c->local_port : 0};

		if (!c->has_remote)
			continue;
		memcpy(e.remote, c->remote, sizeof(e.remote));
		g_hash_table_add(w->sockets, g_memdup2(&e, sizeof(e)));
	}
}

static gboolean has_socket(const Work *w, const KernelConnection *k, guint local)
{
	Ends e = {.remote_port = k->port[!local], .local_port = k->port[local]};

	memcpy(e.remote, k->address[!local], sizeof(e.remote));
	if (g_hash_table_contains(w->sockets, &e))
		return TRUE;
	e.local_port = 0;
	return g_hash_table_contains(w->sockets, &e);
}

/* ---- Whose a connection is ------------------------------------------------------------------------------------------- */

/* The VM that takes packets from an interface: by its process, or by vhost's kernel thread, which is named after that. NULL: it is no VM. */
static const KvmVmItem *vm_of(const RequestScan *s, guint32 reader)
{
	const KernelThreadItem *item = reader != KERNEL_NET_NONE ? requests_thread(s, reader) : NULL;
	const History *h = s->trace->history;
	guint table;

	if (!item || !history_find_table(h, KVM_VMS_TABLE, sizeof(KvmVmItem), &table))
		return NULL;
	const char *name = history_text_get(h, item->name);
	gint64 pid = g_str_has_prefix(name, "vhost-") ? g_ascii_strtoll(name + strlen("vhost-"), NULL, 10) : item->pid;
	for (guint64 i = 0; i < history_table_len(h, table); i++) {
		const KvmVmItem *vm = history_table_get(h, table, i);

		if (vm->pid > 0 && (vm->pid == pid || vm->pid == item->pid))
			return vm;
	}
	return NULL;
}

static gboolean is_vm_wanted(const AnalysisQuery *q, const char *name, gint32 pid)
{
	return !q->threads && !q->containers && analysis_any_match(q->processes, name, pid);
}

/* What comes in from a tap its VM has sent. */
static void set_vm(const Work *w, const KernelConnection *k, const KvmVmItem *vm, Flow *flow)
{
	const AnalysisQuery *q = w->scan->query;

	flow->is_vm = TRUE;
	flow->r.side = k->direction[1] == KERNEL_NET_IN ? REQUEST_VM : REQUEST_VM_CLIENT;
	flow->r.pid = vm->pid;
	flow->r.process = history_text_get(w->scan->trace->history, vm->name);
	flow->is_wanted = requests_wants(q, flow->r.side) && is_vm_wanted(q, flow->r.process, vm->pid);
}

/* What goes out of another interface the machine has sent, if it has not only passed it on: on_packet() sees to that. */
static void set_own(const Work *w, const KernelConnection *k, Flow *flow)
{
	guint local = k->direction[1] == KERNEL_NET_OUT;

	flow->r.side = local == 1 ? REQUEST_SERVER : REQUEST_CLIENT;
	flow->r.process = "";
	flow->r.pid = -1;
	flow->is_wanted = requests_wants(w->scan->query, flow->r.side) && !has_socket(w, k, local);
}

static Flow *flow_new(const Work *w, guint32 connection)
{
	const History *h = w->scan->trace->history;
	const KernelConnection *k = history_table_get(h, w->connections, connection);
	Flow *flow = g_new0(Flow, 1);

	if (k->protocol != KERNEL_PROTO_TCP || k->interface >= history_table_len(h, w->interfaces) || k->direction[0] == k->direction[1])
		return flow;
	const KernelNetInterface *interface = history_table_get(h, w->interfaces, k->interface);
	const KvmVmItem *vm = vm_of(w->scan, interface->reader);
	*flow = (Flow){.is_known = k->begun, .handshakes = k->begun ? 0 : NO_HANDSHAKE, .r = {.kind = KERNEL_FILE_TCP, .port = k->port[1], .place = history_text_get(h, interface->name),
						   .connection = connection}};
	if (vm)
		set_vm(w, k, vm, flow);
	else
		set_own(w, k, flow);
	return flow;
}

/* ---- Turns ------------------------------------------------------------------------------------------------------------ */

/* The turn is over: was it one of TLS's handshake? */
static void note_handshake(Flow *flow)
{
	if (flow->turn == NOTHING || flow->handshakes == NO_HANDSHAKE)
		return;
	if (kernel_request_is_handshake(flow->r.port, flow->handshakes, flow->r.asked)) {
		flow->r.flags |= KERNEL_REQUEST_LOGIN;
		flow->handshakes++;
	} else {
		flow->handshakes = NO_HANDSHAKE;
	}
}

static void end_request(const Work *w, Flow *flow)
{
	gboolean is_ours = flow->is_vm ? analysis_in_range(w->scan->filter, flow->r.end_ns) : requests_is_wanted(w->scan, &flow->r);

	if (!flow->is_vm)
		requests_set_process(w->scan, &flow->r);
	note_handshake(flow);
	if (flow->turn != NOTHING && is_ours)
		w->found(w->scan, &flow->r, w->user);
	flow->turn = NOTHING;
}

/* To a VM it has gone when the driver had it: before, it may have waited. */
static gint64 gone_ns(const Flow *flow, const KernelPacket *p)
{
	return flow->is_vm && p->direction == KERNEL_NET_OUT && p->xmit_ns != KERNEL_NET_NO_TIME ? MAX(p->xmit_ns, p->time_ns) : p->time_ns;
}

static void begin_request(Flow *flow, const KernelPacket *p)
{
	flow->r.begin_ns = flow->r.turn_ns = gone_ns(flow, p);
	flow->r.early_ns = flow->r.begin_ns != p->time_ns ? p->time_ns : KERNEL_REQUEST_NO_TIME;
	flow->r.late_ns = KERNEL_REQUEST_NO_TIME;
	flow->r.asked = flow->r.answered = 0;
	flow->r.asker = flow->r.answerer = G_MAXUINT32;
	flow->r.flags = KERNEL_REQUEST_OPEN_END;
	if (flow->greeted)
		flow->r.flags |= KERNEL_REQUEST_LOGIN;
	if (!flow->is_known)
		flow->r.flags |= KERNEL_REQUEST_OPEN_BEGIN;
	flow->greeted = FALSE;
	flow->has_requests = flow->is_known = TRUE;
	flow->turn = ASKING;
}

static void ask(const Work *w, Flow *flow, const KernelPacket *p)
{
	if (flow->turn == ANSWERING)
		end_request(w, flow);
	if (flow->turn == NOTHING)
		begin_request(flow, p);
	flow->r.turn_ns = flow->r.end_ns = MAX(flow->r.begin_ns, gone_ns(flow, p));
	flow->r.asked += p->payload;
	if (!flow->is_vm && p->thread != KERNEL_NET_NONE)
		flow->r.asker = p->thread;
}

static void answer(Flow *flow, const KernelPacket *p)
{
	if (flow->turn == NOTHING) {
		flow->greeted = flow->is_known && !flow->has_requests;
		flow->is_known = TRUE;
		return;
	}
	flow->turn = ANSWERING;
	flow->r.flags &= (guint8)~KERNEL_REQUEST_OPEN_END;
	flow->r.end_ns = MAX(gone_ns(flow, p), flow->r.begin_ns);
	flow->r.answered += p->payload;
	if (flow->is_vm || p->thread == KERNEL_NET_NONE)
		return;
	flow->r.answerer = p->thread;
	if (flow->r.asker == G_MAXUINT32)
		flow->r.asker = p->thread;
}

static void reset(const Work *w, Flow *flow, const KernelPacket *p)
{
	if (flow->turn == ASKING) {
		flow->r.flags = (guint8)((flow->r.flags & ~KERNEL_REQUEST_OPEN_END) | KERNEL_REQUEST_ABORTED);
		flow->r.end_ns = p->time_ns;
	}
	end_request(w, flow);
}

static void on_packet(const Work *w, const KernelPacket *p)
{
	Flow *flow = w->flows[p->connection];

	if (!flow)
		flow = w->flows[p->connection] = flow_new(w, p->connection);
	if (!flow->is_vm && p->what & KERNEL_PACKET_FORWARDED)
		flow->is_wanted = FALSE;
	if (!flow->is_wanted || p->what & KERNEL_PACKET_RETRANSMITTED)
		return;
	if (p->flags & KERNEL_TCP_RST)
		reset(w, flow, p);
	else if (p->payload && p->side == 0)
		ask(w, flow, p);
	else if (p->payload)
		answer(flow, p);
}

static gboolean open_tables(Work *w)
{
	const History *h = w->scan->trace->history;

	return history_find_table(h, KERNEL_NET_INTERFACES_TABLE, sizeof(KernelNetInterface), &w->interfaces) &&
	       history_find_table(h, KERNEL_PACKETS_TABLE, sizeof(KernelPacket), &w->packets) &&
	       history_find_table(h, KERNEL_CONNECTIONS_TABLE, sizeof(KernelConnection), &w->connections);
}

void requests_each_wire(const RequestScan *s, RequestFunc found, gpointer user)
{
	const History *h = s->trace->history;
	Work w = {.scan = s, .found = found, .user = user};
	const KernelPacket *packets;
	guint64 n;

	if (!open_tables(&w))
		return;
	find_sockets(&w);
	guint64 connections = history_table_len(h, w.connections);
	w.flows = g_new0(Flow *, connections + 1);
	for (guint64 at = 0; (packets = history_table_run(h, w.packets, at, &n)); at += n)
		for (guint64 i = 0; i < n; i++)
			if (packets[i].connection < connections && !(packets[i].what & KERNEL_PACKET_AGAIN))
				on_packet(&w, &packets[i]);
	for (guint64 i = 0; i < connections; i++) {
		if (w.flows[i] && w.flows[i]->is_wanted)
			end_request(&w, w.flows[i]);
		g_free(w.flows[i]);
	}
	g_free(w.flows);
	g_hash_table_unref(w.sockets);
}
