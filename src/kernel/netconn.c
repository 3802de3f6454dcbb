/* SPDX-License-Identifier: MIT */
/*
 * netconn.c: connections, and what sequence numbers tell of them.
 *
 * All is seen from one place. A segment whose numbers were all seen before from its end was sent again; one that fills a gap is late: out of order, or sent
 * again after it was lost before it came here. Round trips are measured as TCP itself once did: one segment a time, from when it passed here
 * until the acknowledgement of its last byte does, and given up if it is sent again.
 */
#include <string.h>

#include "kernel/net_private.h"

#define PROBES 8 /* connections whose hashes collide */

const char *kernel_net_address(char *buf, const guint8 *a, guint8 version)
{
	guint16 g[8];
	guint best = 8, best_n = 1;
	char *to = buf;

	if (version == 4) {
		g_snprintf(buf, KERNEL_ADDRESS_LEN, "%u.%u.%u.%u", a[12], a[13], a[14], a[15]);
		return buf;
	}
	for (guint i = 0; i < 8; i++)
		g[i] = (guint16)(a[2 * i] << 8 | a[2 * i + 1]);
	for (guint i = 0, n; i < 8; i += MAX(n, 1)) { /* the longest run of zeros, of two or more, is "::" */
		for (n = 0; i + n < 8 && g[i + n] == 0; n++)
			;
		if (n > best_n) {
			best = i;
			best_n = n;
		}
	}
	for (guint i = 0; i < 8; i++) {
		if (i == best) {
			to += g_snprintf(to, KERNEL_ADDRESS_LEN - (gulong)(to - buf), "::");
			i += best_n - 1;
			continue;
		}
		to += g_snprintf(to, KERNEL_ADDRESS_LEN - (gulong)(to - buf), "%s%x",
		                 i && i != best + best_n ? ":" : "", g[i]);
	}
	return buf;
}

const char *kernel_net_protocol(char *buf, guint8 protocol)
{
	switch (protocol) {
	case KERNEL_PROTO_TCP:
		return "tcp";
	case KERNEL_PROTO_UDP:
		return "udp";
	case KERNEL_PROTO_ICMP:
		return "icmp";
	case KERNEL_PROTO_ICMPV6:
		return "icmp6";
	default:
		g_snprintf(buf, KERNEL_ADDRESS_LEN, "%u", protocol);
		return buf;
	}
}

/* ---- Finding --------------------------------------------------------------------------------------------------- */

static guint64 mix(guint64 h, guint64 x)
{
	h = (h ^ x) * G_GUINT64_CONSTANT(0xff51afd7ed558ccd);
	return h ^ h >> 32;
}

static guint64 end_hash(const NetHeader *x, guint i)
{
	guint64 a, b;

	memcpy(&a, x->address[i], 8);
	memcpy(&b, x->address[i] + 8, 8);
	return mix(mix(mix(0, a), b), x->port[i]);
}

/* The same from either end. */
static guint64 tuple_hash(const NetHeader *x, guint16 interface)
{
	return mix(mix(end_hash(x, 0) + end_hash(x, 1), x->protocol), interface);
}

/* Which side of the connection sent this packet; -1: it is of another connection. */
static gint side_of(const KernelConnection *k, const NetHeader *x, guint16 interface)
{
	if (k->protocol != x->protocol || k->interface != interface)
		return -1;
	for (guint s = 0; s < 2; s++)
		if (k->port[s] == x->port[0] && k->port[!s] == x->port[1] &&
		    memcmp(k->address[s], x->address[0], 16) == 0 && memcmp(k->address[!s], x->address[1], 16) == 0)
			return (gint)s;
	return -1;
}

static KernelConnection *item_of(const NetConns *c, const NetConn *n)
{
	return history_table_item(c->history, c->table, n->item);
}

/* Who is the client: 1 if it is the receiver of this first packet. */
static guint first_side(const NetHeader *x)
{
	if (x->protocol != KERNEL_PROTO_TCP)
		return 0;
	if (x->flags & KERNEL_TCP_SYN)
		return x->flags & KERNEL_TCP_ACK ? 1 : 0;
	return x->port[0] < x->port[1];
}

static NetConn *conn_new(NetConns *c, const NetHeader *x, gint64 time, guint16 interface)
{
	NetConn *n = g_new0(NetConn, 1);
	KernelConnection *k = history_table_add(c->history, c->table);
	guint client = first_side(x);

	n->item = c->conns->len;
	n->losses = c->losses;
	n->syn_ns = KERNEL_NET_NO_TIME;
	g_ptr_array_add(c->conns, n);
	*k = (KernelConnection){.protocol = x->protocol,
	                        .version = x->version,
	                        .interface = interface,
	                        .first_ns = time,
	                        .last_ns = time,
	                        .thread = KERNEL_NET_NONE,
	                        .syn_ack_ns = -1,
	                        .handshake_ns = -1,
	                        .direction = {0, 0}};
	for (guint s = 0; s < 2; s++) {
		memcpy(k->address[s], x->address[s ^ client], 16);
		k->port[s] = x->port[s ^ client];
	}
	return n;
}

static NetConn *conn_of(NetConns *c, const NetHeader *x, const KernelPacket *p, guint *side_out)
{
	guint64 hash = tuple_hash(x, p->interface);
	NetConn *n = NULL;
	gint side = -1;
	guint probe = 0;

	for (; probe < PROBES; probe++) {
		const guint32 *i = kernel_addrmap_get(&c->by_tuple, hash + probe);
		if (!i)
			break;
		n = g_ptr_array_index(c->conns, *i);
		side = side_of(item_of(c, n), x, p->interface);
		if (side >= 0)
			break;
	}
	gboolean opens =
	        x->protocol == KERNEL_PROTO_TCP && (x->flags & (KERNEL_TCP_SYN | KERNEL_TCP_ACK)) == KERNEL_TCP_SYN;
	if (side >= 0 && !(opens && (n->syn_ns == KERNEL_NET_NO_TIME || n->syn_seq != x->seq))) {
		*side_out = (guint)side;
		return n;
	}
	if (probe == PROBES || c->conns->len >= KERNEL_NET_CONNECTIONS_MAX)
		return NULL;
	n = conn_new(c, x, p->time_ns, p->interface);
	*(guint32 *)kernel_addrmap_put(&c->by_tuple, hash + probe) = (guint32)n->item;
	*(guint32 *)kernel_addrmap_put(&c->by_ports, (guint64)x->port[0] << 16 | x->port[1]) = (guint32)n->item;
	*(guint32 *)kernel_addrmap_put(&c->by_ports, (guint64)x->port[1] << 16 | x->port[0]) = (guint32)n->item;
	*side_out = first_side(x);
	return n;
}

/* ---- Sequence numbers ------------------------------------------------------------------------------------------ */

static gint32 after(guint32 a, guint32 b)
{
	return (gint32)(a - b);
}

static void add_gap(NetSide *d, guint32 begin, guint32 end)
{
	if (d->n_gaps == NET_GAPS)
		memmove(d->gaps, d->gaps + 1, --d->n_gaps * sizeof(NetGap));
	d->gaps[d->n_gaps++] = (NetGap){begin, end};
}

/* TRUE if the range lies in a gap, which it closes, or cuts in two. */
static gboolean fill_gap(NetSide *d, guint32 begin, guint32 end)
{
	for (guint i = 0; i < d->n_gaps; i++) {
		NetGap *g = &d->gaps[i], old = *g;

		if (after(begin, old.begin) < 0 || after(old.end, end) < 0)
			continue;
		if (old.begin == begin && old.end == end)
			memmove(g, g + 1, (--d->n_gaps - i) * sizeof(NetGap));
		else if (old.begin == begin)
			g->begin = end;
		else if (old.end == end)
			g->end = begin;
		else {
			g->end = begin;
			add_gap(d, end, old.end);
		}
		return TRUE;
	}
	return FALSE;
}

/* What kind of range it is: bits of KernelPacket.what. */
static guint8 note_range(NetSide *d, guint32 begin, guint32 end)
{
	if (!d->seen || after(begin, d->next) >= 0) {
		if (d->seen && begin != d->next)
			add_gap(d, d->next, begin);
		d->seen = TRUE;
		d->next = end;
		return 0;
	}
	if (fill_gap(d, begin, end))
		return KERNEL_PACKET_LATE;
	if (after(end, d->next) > 0)
		d->next = end;
	return KERNEL_PACKET_RETRANSMITTED;
}

static void measure(NetSide *d, guint8 what, guint32 begin, guint32 end, guint64 number, gint64 time)
{
	if (what) {
		if (d->measuring && after(begin, d->measured_end) < 0)
			d->measuring = FALSE;
	} else if (!d->measuring) {
		d->measuring = TRUE;
		d->measured_end = end;
		d->measured_packet = number;
		d->measured_ns = time;
	}
}

static void acknowledge(NetConns *c, KernelConnection *k, NetSide *d, guint s, guint32 ack, gint64 time)
{
	if (!d->measuring || after(ack, d->measured_end) < 0)
		return;
	KernelPacket *p = history_table_item(c->history, c->packets, d->measured_packet);

	d->measuring = FALSE;
	p->rtt_ns = time - d->measured_ns;
	k->rtts[s]++;
	k->rtt_total_ns[s] += p->rtt_ns;
	k->rtt_max_ns[s] = MAX(k->rtt_max_ns[s], p->rtt_ns);
}

/* ---- A packet -------------------------------------------------------------------------------------------------- */

static void handshake(NetConn *n, KernelConnection *k, const NetHeader *x, guint s, gint64 time)
{
	guint kind = x->flags & (KERNEL_TCP_SYN | KERNEL_TCP_ACK);

	if (kind == KERNEL_TCP_SYN && s == 0 && n->syn_ns == KERNEL_NET_NO_TIME) {
		n->syn_ns = time;
		n->syn_seq = x->seq;
		k->begun = TRUE;
	} else if (n->syn_ns == KERNEL_NET_NO_TIME || x->flags & KERNEL_TCP_RST) {
		return;
	} else if (kind == (KERNEL_TCP_SYN | KERNEL_TCP_ACK) && s == 1 && k->syn_ack_ns < 0) {
		k->syn_ack_ns = time - n->syn_ns;
	} else if (kind == KERNEL_TCP_ACK && s == 0 && k->syn_ack_ns >= 0 && k->handshake_ns < 0) {
		k->handshake_ns = time - n->syn_ns;
	}
}

static void tcp(NetConns *c, NetConn *n, KernelConnection *k, const NetHeader *x, guint s, guint64 number,
                KernelPacket *p)
{
	NetSide *own = &n->side[s], *other = &n->side[!s];
	guint32 length = x->payload + ((x->flags & KERNEL_TCP_SYN) != 0) + ((x->flags & KERNEL_TCP_FIN) != 0);

	handshake(n, k, x, s, p->time_ns);
	if (x->flags & KERNEL_TCP_RST) {
		k->resets[s]++;
		k->ended = TRUE;
		return;
	}
	if (x->flags & KERNEL_TCP_ACK)
		acknowledge(c, k, other, !s, x->ack, p->time_ns);
	if (length) {
		guint8 what = note_range(own, x->seq, x->seq + length);

		measure(own, what, x->seq, x->seq + length, number, p->time_ns);
		p->what |= what;
		k->retransmissions[s] += what == KERNEL_PACKET_RETRANSMITTED;
		k->late[s] += what == KERNEL_PACKET_LATE;
	}
	if (x->window == 0 && !(x->flags & KERNEL_TCP_SYN)) {
		p->what |= KERNEL_PACKET_ZERO_WINDOW;
		k->zero_windows[s]++;
	}
	own->fin |= (x->flags & KERNEL_TCP_FIN) != 0;
	k->ended |= own->fin && other->fin;
}

/* Data of the client asks; the first data of the server after it answers. What was sent again doesn't. */
static void respond(NetConn *n, KernelConnection *k, guint s, KernelPacket *p)
{
	if (p->payload == 0 || p->what & (KERNEL_PACKET_RETRANSMITTED | KERNEL_PACKET_LATE))
		return;
	if (s == 0) {
		n->waiting = TRUE;
		n->request_ns = p->time_ns;
	} else if (n->waiting) {
		n->waiting = FALSE;
		p->response_ns = p->time_ns - n->request_ns;
		k->responses++;
		k->response_total_ns += p->response_ns;
		k->response_max_ns = MAX(k->response_max_ns, p->response_ns);
	}
}

/* What was being watched when events were lost. */
static void forget(NetConn *n)
{
	for (guint s = 0; s < 2; s++) {
		n->side[s].measuring = n->side[s].seen = FALSE;
		n->side[s].n_gaps = 0;
	}
	n->waiting = FALSE;
}

void net_conns_packet(NetConns *c, const NetHeader *x, guint64 number, KernelPacket *p)
{
	guint s;
	NetConn *n = conn_of(c, x, p, &s);

	if (!n)
		return;
	if (n->losses != c->losses)
		forget(n);
	n->losses = c->losses;
	KernelConnection *k = item_of(c, n);
	p->connection = (guint32)n->item;
	p->side = (guint8)s;
	if (!n->side_seen[s]) {
		n->side_seen[s] = TRUE;
		k->direction[s] = p->direction;
	}
	if (k->direction[s] != p->direction) {
		p->what |= KERNEL_PACKET_AGAIN;
		return;
	}
	k->last_ns = p->time_ns;
	k->packets[s]++;
	k->bytes[s] += p->len;
	k->payload[s] += p->payload;
	if (x->has_transport && x->protocol == KERNEL_PROTO_TCP)
		tcp(c, n, k, x, s, number, p);
	respond(n, k, s, p);
}

void net_conns_told(NetConns *c, guint16 sport, guint16 dport)
{
	const guint32 *i = kernel_addrmap_get(&c->by_ports, (guint64)sport << 16 | dport);

	if (i)
		item_of(c, g_ptr_array_index(c->conns, *i))->told++;
}

guint32 net_conns_detail(NetConns *c, guint32 connection)
{
	char from[KERNEL_ADDRESS_LEN], to[KERNEL_ADDRESS_LEN], protocol[KERNEL_ADDRESS_LEN];

	if (connection >= c->conns->len)
		return 0;
	NetConn *n = g_ptr_array_index(c->conns, connection);
	if (!n->detail) {
		const KernelConnection *k = item_of(c, n);
		g_autofree char *text = g_strdup_printf("%s %s:%u - %s:%u", kernel_net_protocol(protocol, k->protocol),
		                                        kernel_net_address(from, k->address[0], k->version), k->port[0],
		                                        kernel_net_address(to, k->address[1], k->version), k->port[1]);

		n->detail = history_text(c->history, text, -1);
	}
	return n->detail;
}

void net_conns_init(NetConns *c, History *h, guint packets_table)
{
	c->history = h;
	c->packets = packets_table;
	c->table = history_table(h, KERNEL_CONNECTIONS_TABLE, sizeof(KernelConnection));
	c->conns = g_ptr_array_new_with_free_func(g_free);
	kernel_addrmap_init(&c->by_tuple, sizeof(guint32), 2 * KERNEL_NET_CONNECTIONS_MAX);
	kernel_addrmap_init(&c->by_ports, sizeof(guint32), 2 * KERNEL_NET_CONNECTIONS_MAX);
}

void net_conns_clear(NetConns *c)
{
	g_ptr_array_unref(c->conns);
	kernel_addrmap_clear(&c->by_tuple);
	kernel_addrmap_clear(&c->by_ports);
}
