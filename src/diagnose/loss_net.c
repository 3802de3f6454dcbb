/* SPDX-License-Identifier: MIT */
/*
 * loss_net.c: packets are lost on the network, and sent again: connections stand still until they are.
 *
 * Lost is the time between a packet that was sent again and the last one that the connection had before it: for so long nothing moved. Where packets are lost is known if some interface of a traced machine
 * drops them.
 */
#include "diagnose/private.h"
#include "diagnose/spans.h"
#include "kernel/net.h"

/* Of one interface. */
typedef struct {
	GArray *spans;           /* DiagnoseSpan */
	guint64 sent, again;     /* data packets */
	guint32 connection;      /* that lost most */
	gint64 connection_ns;
	gint32 cpu;
} Interface;

typedef struct {
	Diagnose *d;
	const AnalysisStoreTrace *t;
	guint packets, interfaces, connections;
	gint64 begin, end;
	Interface *by;           /* by interface */
	guint n;
	gint64 *last_ns, *lost_ns; /* by connection */
	guint64 n_connections;
} Scan;

static void lose(Scan *s, Interface *n, const KernelPacket *p)
{
	gint64 from = s->last_ns[p->connection];

	n->again++;
	if (from == KERNEL_NET_NO_TIME)
		return;
	diagnose_span_add(n->spans, MAX(from, s->begin), p->time_ns);
	s->lost_ns[p->connection] += p->time_ns - from;
	if (s->lost_ns[p->connection] > n->connection_ns) {
		n->connection_ns = s->lost_ns[p->connection];
		n->connection = p->connection;
		n->cpu = p->cpu;
	}
}

static void read_packets(Scan *s)
{
	for (guint64 i = 0; i < history_table_len(s->t->history, s->packets); i++) {
		const KernelPacket *p = history_table_get(s->t->history, s->packets, i);

		if (p->connection >= s->n_connections || p->interface >= s->n || p->protocol != KERNEL_PROTO_TCP || p->what & KERNEL_PACKET_AGAIN || p->time_ns < s->begin ||
		    p->time_ns >= s->end)
			continue;
		Interface *n = &s->by[p->interface];
		n->sent += p->payload > 0 || p->flags & (KERNEL_TCP_SYN | KERNEL_TCP_FIN);
		if (p->what & KERNEL_PACKET_RETRANSMITTED)
			lose(s, n, p);
		s->last_ns[p->connection] = p->time_ns;
	}
}

/* Retransmissions are seen on all interfaces on the way: the one with most of their time stands for them. */
static Interface *worst(const Scan *s, guint *index_out)
{
	Interface *most = NULL;
	gint64 most_ns = 0;

	for (guint i = 0; i < s->n; i++) {
		diagnose_spans_merge(s->by[i].spans);
		gint64 ns = diagnose_spans_sum(s->by[i].spans);

		if (ns > most_ns) {
			most = &s->by[i];
			most_ns = ns;
			*index_out = i;
		}
	}
	return most;
}

/* The interface that drops most; NULL: none does. */
static const KernelNetInterface *dropper(const Scan *s)
{
	const KernelNetInterface *most = NULL;

	for (guint i = 0; i < s->n; i++) {
		const KernelNetInterface *n = history_table_get(s->t->history, s->interfaces, i);

		if (n->drops && (!most || n->drops > most->drops))
			most = n;
	}
	return most;
}

static void add_finding(const Scan *s, const Interface *n, const KernelNetInterface *interface, const DiagnoseLoss *loss)
{
	DiagnoseFinding *f = diagnose_finding_new(s->d, "network-loss", loss, s->end - s->begin);
	const KernelNetInterface *drops = dropper(s);
	const char *name = history_text_get(s->t->history, interface->name);
	const KernelThreadItem *reader = kernel_find_thread(s->t->history, interface->reader);
	gint32 pid = reader && reader->is_kthread ? diagnose_vhost_pid(history_text_get(s->t->history, reader->name)) : reader ? reader->pid : -1;
	guint32 vm = diagnose_vm_of_pid(s->t, pid);
	g_autofree char *culprit = drops ? g_strdup_printf("drops of %s", history_text_get(s->t->history, drops->name)) : g_strdup_printf("the network beyond %s", name);

	if (vm != EXPERIMENT_NONE)
		diagnose_suffers_vm(s->d, f, s->t, vm);
	else
		diagnose_who(&f->sufferer, "machine", s->t->name, s->t->name, -1, -1);
	f->victim = diagnose_member_of_pid(s->d, s->t, pid);
	f->title = g_strdup_printf("%.1f %% of the packets on %s of %s are sent again, because they were lost: %s", (double)n->again * 100 / (double)MAX(n->sent, 1), name, s->t->name,
				   culprit);
	f->advice = g_strdup_printf("See who drops them (strata net; tc -s qdisc; ip -s link show %s): a full queue, a limit, a bad link.", drops ? history_text_get(s->t->history, drops->name) : name);
	diagnose_who(&f->culprit, "interface", culprit, s->t->name, -1, -1);
	diagnose_add(s->d, f);
}

static void judge(const Scan *s)
{
	g_autoptr(DiagnoseLoss) loss = diagnose_loss_new(s->t);
	guint index = 0;
	const Interface *n = worst(s, &index);

	if (!n || (double)n->again < s->d->thresholds[DIAGNOSE_NETWORK_LOSS] * (double)n->sent)
		return;
	const KernelConnection *k = history_table_get(s->t->history, s->connections, n->connection);
	const KernelThreadItem *item = kernel_find_thread(s->t->history, k->thread);
	guint32 row = item && item->row != KERNEL_NO_ROW ? item->row : kernel_find_cpu_row(s->t->history, n->cpu);
	for (guint i = 0; i < n->spans->len; i++) {
		const DiagnoseSpan *w = &g_array_index(n->spans, DiagnoseSpan, i);

		diagnose_loss_add_in_row(loss, w->begin, w->end, row);
	}
	if (diagnose_matters(s->d, loss, s->end - s->begin, DIAGNOSE_LOST_SHARE))
		add_finding(s, n, history_table_get(s->t->history, s->interfaces, index), loss);
}

void diagnose_rule_loss_net(Diagnose *d, const AnalysisStoreTrace *t)
{
	Scan s = {.d = d, .t = t, .begin = diagnose_begin(d, t), .end = diagnose_end(d, t)};

	if (!history_find_table(t->history, KERNEL_PACKETS_TABLE, sizeof(KernelPacket), &s.packets) ||
	    !history_find_table(t->history, KERNEL_NET_INTERFACES_TABLE, sizeof(KernelNetInterface), &s.interfaces) ||
	    !history_find_table(t->history, KERNEL_CONNECTIONS_TABLE, sizeof(KernelConnection), &s.connections))
		return;
	s.n = (guint)MIN(history_table_len(t->history, s.interfaces), KERNEL_NET_INTERFACES_MAX);
	s.n_connections = history_table_len(t->history, s.connections);
	s.by = g_new0(Interface, (gsize)s.n + 1);
	for (guint i = 0; i < s.n; i++)
		s.by[i].spans = g_array_new(FALSE, FALSE, sizeof(DiagnoseSpan));
	g_autofree gint64 *last = g_new(gint64, s.n_connections + 1), *lost = g_new0(gint64, s.n_connections + 1);
	for (guint64 i = 0; i <= s.n_connections; i++)
		last[i] = KERNEL_NET_NO_TIME;
	s.last_ns = last;
	s.lost_ns = lost;
	read_packets(&s);
	judge(&s);
	for (guint i = 0; i < s.n; i++)
		g_array_unref(s.by[i].spans);
	g_free(s.by);
}
