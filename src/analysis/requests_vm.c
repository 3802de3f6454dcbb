/* SPDX-License-Identifier: MIT */
/*
 * requests_vm.c: requests to VMs and of VMs, from the packets on their network interfaces: what a host sees without any help from its guests.
 *
 * The data of the client's side and those of the server's take turns, as on a socket. What went before both ends had their say on a new connection is told by its SYN.
 */
#include <string.h>

#include "analysis/requests.h"
#include "kernel/files.h"
#include "kernel/net.h"
#include "kvm/rows.h"

typedef enum { NOTHING, ASKING, ANSWERING } Turn;

typedef struct {
	guint8 turn;
	guint8 is_known;  /* it began before our eyes, or an answer has ended: what comes is a whole request */
	guint8 greeted;   /* the server spoke first, and was not answered yet */
	Request r;
} Flow;

typedef struct {
	const RequestScan *scan;
	RequestFunc found;
	gpointer user;
	guint interfaces, packets, connections;
	Flow **flows;     /* by connection; NULL: nothing yet */
} Work;

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

static gboolean is_wanted(const AnalysisQuery *q, const char *name, gint32 pid)
{
	return !q->threads && !q->containers && analysis_any_match(q->processes, name, pid);
}

/* What a VM's connection is to it; FALSE: it isn't a VM's. */
static gboolean begin_flow(const Work *w, guint32 connection, const KernelConnection *k, Flow *flow)
{
	const History *h = w->scan->trace->history;

	if (k->protocol != KERNEL_PROTO_TCP || k->interface >= history_table_len(h, w->interfaces) || k->direction[0] == k->direction[1])
		return FALSE;
	const KernelNetInterface *tap = history_table_get(h, w->interfaces, k->interface);
	const KvmVmItem *vm = vm_of(w->scan, tap->reader);
	const char *name = vm ? history_text_get(h, vm->name) : "";
	if (!vm || !is_wanted(w->scan->query, name, vm->pid))
		return FALSE;
	/* What comes in from a tap its VM has sent. */
	*flow = (Flow){.is_known = k->begun, .r = {.side = k->direction[1] == KERNEL_NET_IN ? REQUEST_VM : REQUEST_VM_CLIENT, .kind = KERNEL_FILE_TCP,
						   .port = k->port[1], .pid = vm->pid, .process = name,
						   .place = history_text_get(h, tap->name), .connection = connection}};
	return requests_wants(w->scan->query, flow->r.side);
}

static void end_request(const Work *w, Flow *flow)
{
	if (flow->turn != NOTHING && analysis_in_range(w->scan->filter, flow->r.end_ns))
		w->found(w->scan, &flow->r, w->user);
	flow->is_known = flow->turn == ANSWERING || flow->is_known;
	flow->turn = NOTHING;
}

/* The moment at which the VM could have it: a packet that goes to it may wait for its driver. */
static void ask(const Work *w, Flow *flow, const KernelPacket *p)
{
	gboolean to_vm = p->direction == KERNEL_NET_OUT && p->xmit_ns != KERNEL_NET_NO_TIME;

	if (flow->turn == ANSWERING)
		end_request(w, flow);
	if (flow->turn == NOTHING) {
		flow->r.begin_ns = to_vm ? p->xmit_ns : p->time_ns;
		flow->r.early_ns = to_vm ? p->time_ns : KERNEL_REQUEST_NO_TIME;
		flow->r.late_ns = KERNEL_REQUEST_NO_TIME;
		flow->r.asked = flow->r.answered = 0;
		flow->r.asker = flow->r.answerer = G_MAXUINT32;
		flow->r.flags = KERNEL_REQUEST_OPEN_END;
		if (flow->greeted)
			flow->r.flags |= KERNEL_REQUEST_LOGIN;
		if (!flow->is_known)
			flow->r.flags |= KERNEL_REQUEST_OPEN_BEGIN;
		flow->greeted = FALSE;
		flow->turn = ASKING;
	}
	flow->r.turn_ns = flow->r.end_ns = MAX(flow->r.begin_ns, p->time_ns);
	flow->r.asked += p->payload;
}

static void answer(Flow *flow, const KernelPacket *p)
{
	gboolean to_vm = p->direction == KERNEL_NET_OUT && p->xmit_ns != KERNEL_NET_NO_TIME;

	if (flow->turn == NOTHING) {
		flow->greeted = flow->is_known && !flow->r.end_ns;
		flow->is_known = TRUE;
		return;
	}
	flow->turn = ANSWERING;
	flow->r.flags &= (guint8)~KERNEL_REQUEST_OPEN_END;
	flow->r.end_ns = MAX(to_vm ? p->xmit_ns : p->time_ns, flow->r.begin_ns);
	flow->r.answered += p->payload;
}

static void on_packet(Work *w, const KernelPacket *p)
{
	Flow *flow = w->flows[p->connection];

	if (!flow) {
		Flow new;
		const KernelConnection *k = history_table_get(w->scan->trace->history, w->connections, p->connection);

		flow = g_new0(Flow, 1);
		if (begin_flow(w, p->connection, k, &new))
			*flow = new;
		w->flows[p->connection] = flow;
	}
	if (!flow->r.process)
		return; /* not a VM's, or not wanted */
	if (p->what & KERNEL_PACKET_RETRANSMITTED)
		return;
	if (p->flags & KERNEL_TCP_RST && flow->turn == ASKING) {
		flow->r.flags = (guint8)((flow->r.flags & ~KERNEL_REQUEST_OPEN_END) | KERNEL_REQUEST_ABORTED);
		flow->r.end_ns = p->time_ns;
		end_request(w, flow);
	} else if (p->payload && p->side == 0) {
		ask(w, flow, p);
	} else if (p->payload) {
		answer(flow, p);
	}
}

void requests_each_vm(const RequestScan *s, RequestFunc found, gpointer user)
{
	const History *h = s->trace->history;
	Work w = {.scan = s, .found = found, .user = user};
	const KernelPacket *packets;
	guint64 n;

	if (!history_find_table(h, KERNEL_NET_INTERFACES_TABLE, sizeof(KernelNetInterface), &w.interfaces) ||
	    !history_find_table(h, KERNEL_PACKETS_TABLE, sizeof(KernelPacket), &w.packets) ||
	    !history_find_table(h, KERNEL_CONNECTIONS_TABLE, sizeof(KernelConnection), &w.connections))
		return;
	guint64 connections = history_table_len(h, w.connections);
	w.flows = g_new0(Flow *, connections + 1);
	for (guint64 at = 0; (packets = history_table_run(h, w.packets, at, &n)); at += n)
		for (guint64 i = 0; i < n; i++)
			if (packets[i].connection < connections && !(packets[i].what & KERNEL_PACKET_AGAIN))
				on_packet(&w, &packets[i]);
	for (guint64 i = 0; i < connections; i++) {
		if (w.flows[i] && w.flows[i]->r.process)
			end_request(&w, w.flows[i]);
		g_free(w.flows[i]);
	}
	g_free(w.flows);
}
