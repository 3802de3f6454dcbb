/* SPDX-License-Identifier: MIT */
/* kernel/net_private.h: what the files about the network share. */
#ifndef STRATA_KERNEL_NET_PRIVATE_H
#define STRATA_KERNEL_NET_PRIVATE_H

#include "kernel/addrmap.h"
#include "kernel/net.h"

/* ---- netheader.c: what a packet's headers say ------------------------------------------------------------------ */

typedef struct {
	guint8 version;             /* 4, 6; 0: neither */
	guint8 protocol;
	gboolean has_transport;     /* its ports are known; of TCP all below */
	guint8 address[2][16];      /* from, to; IPv4 mapped into IPv6 */
	guint16 port[2];
	guint32 payload;
	guint32 seq, ack;
	guint16 flags, window;
} NetHeader;

/* From the headers as they are on the wire, as far as tracers keep them: no options, no extensions. `transport`: 0 none, 1 TCP, 2 UDP, 3 ICMP. */
void net_header_wire(NetHeader *out, guint version, const guint8 *network, guint transport, const guint8 *bytes, guint32 len);

typedef struct {
	const CtfEventClass *known[4]; /* event classes looked at */
	gboolean fast[4];              /* their headers lie in the event as they do on the wire */
	guint n;
} NetLayouts;

/* Of a packet's event; `name` is the index of its field that tells the interface, behind which the headers are. FALSE: it has none. */
gboolean net_header_read(NetLayouts *l, const TraceEvent *ev, guint name, guint32 len, NetHeader *out);

/* ---- netconn.c: connections ------------------------------------------------------------------------------------ */

typedef struct {
	guint32 begin, end;
} NetGap;

#define NET_GAPS 8 /* of a side, kept at a time; older ones are forgotten, and what fills them counts as sent again */

typedef struct {
	gboolean seen;              /* `next` is known */
	guint32 next;               /* the sequence number after the highest that was seen */
	guint n_gaps;
	NetGap gaps[NET_GAPS];
	gboolean measuring, fin;
	guint32 measured_end;
	guint64 measured_packet;    /* index in "packets" */
	gint64 measured_ns;
} NetSide;

typedef struct {
	guint64 item;               /* index in "connections" */
	NetSide side[2];
	gint64 syn_ns, request_ns;
	guint32 syn_seq;
	guint32 detail;             /* text; 0: not made yet */
	guint64 losses;             /* what NetConns.losses was at its last packet */
	guint8 side_seen[2];
	gboolean waiting;           /* side 0 sent data, and side 1 hasn't answered */
} NetConn;

typedef struct {
	History *history;
	guint table, packets;
	guint64 losses;             /* to be counted up where events are lost: gaps may be holes of the trace, what was being measured is not known */
	GPtrArray *conns;           /* NetConn *, by item */
	KernelAddrMap by_tuple;     /* hash -> guint32, index in `conns` */
	KernelAddrMap by_ports;     /* both ports -> guint32: the last one of these */
} NetConns;

void net_conns_init(NetConns *c, History *h, guint packets_table);
void net_conns_clear(NetConns *c);

/* A packet, its number in "packets" and its item, of which this fills in what concerns its connection. */
void net_conns_packet(NetConns *c, const NetHeader *x, guint64 number, KernelPacket *p);

/* The kernel told that it sends something again. */
void net_conns_told(NetConns *c, guint16 sport, guint16 dport);

/* "tcp 10.0.0.1:4000 - 10.0.0.2:80" as a text of the history; 0: no such connection. */
guint32 net_conns_detail(NetConns *c, guint32 connection);

#endif
