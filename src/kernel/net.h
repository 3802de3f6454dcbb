/* SPDX-License-Identifier: MIT */
/*
 * kernel/net.h: packets, connections, interfaces. Part "net" of the set (kernel/set.h).
 *
 * A packet goes out of an interface where the kernel queues it for that (net_dev_queue) and comes in where the protocols are given it (net_if_receive_skb; only if that was not
 * recorded, net_if_rx). On its way it may be seen on several interfaces: a VM's tap, a bridge, another VM's tap. So a connection is one as seen on one
 * interface: the same five numbers on another one are another item, and nothing is counted twice within one. Loopback sees every packet go out and come in: of each end of a connection only those
 * in the direction in which its first one was seen count.
 *
 * `len` is the kernel's: of what goes out with the link's header, of what comes in without. A large one is cut into segments later, or was put together of
 * several before (TSO, GRO).
 */
#ifndef STRATA_KERNEL_NET_H
#define STRATA_KERNEL_NET_H

#include "kernel/set.h"

#define KERNEL_NET_INTERFACES_MAX  4096       /* packets of others count to none */
#define KERNEL_NET_CONNECTIONS_MAX (1u << 18) /* items; packets of later ones have no connection */
#define KERNEL_NET_SKBS_MAX        (1u << 16) /* buffers of packets remembered at a time */
#define KERNEL_NET_REASONS_MAX     512        /* kinds of drops with a text of their own */

#define KERNEL_NET_NONE G_MAXUINT32

typedef enum { KERNEL_NET_OUT, KERNEL_NET_IN } KernelNetDirection;

/* The table "net_interfaces". Interfaces of one name in different network namespaces can't be told apart. */
typedef struct {
	guint32 name;         /* text */
	guint32 ipv4;         /* address, most significant byte first; 0: not told */
	guint32 reader;       /* serial of the thread that took packets sent to it from the kernel: a tap's VM. KERNEL_NET_NONE: nobody seen */
	guint32 pad;
	guint64 packets[2], bytes[2]; /* by KernelNetDirection */
	guint64 drops;        /* freed for a reason that the kernel told */
	guint64 freed;        /* freed by kfree_skb() without a reason: perhaps dropped */
	guint64 busy;         /* the driver refused one, which was queued again */
} KernelNetInterface;

#define KERNEL_NET_INTERFACES_TABLE "net_interfaces"

#define KERNEL_TCP_FIN 0x01
#define KERNEL_TCP_SYN 0x02
#define KERNEL_TCP_RST 0x04
#define KERNEL_TCP_ACK 0x10

#define KERNEL_PROTO_ICMP   1
#define KERNEL_PROTO_TCP    6
#define KERNEL_PROTO_UDP    17
#define KERNEL_PROTO_ICMPV6 58

/* Bits of KernelPacket.what. */
#define KERNEL_PACKET_RETRANSMITTED 0x01 /* some of its sequence numbers were seen before from this end */
#define KERNEL_PACKET_LATE          0x02 /* fills a gap: out of order, or sent again after a loss before this place */
#define KERNEL_PACKET_ZERO_WINDOW   0x04
#define KERNEL_PACKET_FORWARDED     0x08 /* the same buffer came in before: bridged or routed */
#define KERNEL_PACKET_AGAIN         0x10 /* seen in its other direction already (loopback): doesn't count to the connection */

/* The table "packets". Sides of a connection are 0 and 1: see KernelConnection. */
typedef struct {
	gint64 time_ns;
	gint64 xmit_ns;       /* OUT: when the driver got it; KERNEL_NET_NO_TIME: not seen */
	gint64 rtt_ns;        /* TCP: from here until its acknowledgement was seen; -1: it wasn't, or another packet was being measured */
	gint64 response_ns;   /* the first data of side 1 after data of side 0: how long after; -1: it is none */
	guint64 skb;
	guint32 len;
	guint32 payload;      /* bytes above TCP, UDP, or IP */
	guint32 seq, ack;
	guint32 connection;   /* KERNEL_NET_NONE: no address or protocol known, or too many */
	guint32 thread;       /* OUT: serial of who sent it from his own code or system call; else KERNEL_NET_NONE */
	gint32 cpu;
	guint16 interface;    /* index in "net_interfaces"; G_MAXUINT16: none */
	guint16 flags, window; /* TCP's */
	guint8 direction, side, protocol, what;
} KernelPacket;

#define KERNEL_NET_NO_TIME   G_MININT64
#define KERNEL_PACKETS_TABLE "packets"

/*
 * The table "connections": two addresses and ports, a protocol, an interface, from the first packet to the last (or to the SYN of another connection of the same numbers). Side 0 is the client: who sent
 * the SYN; where that was before the trace, who has the higher port; of UDP and others who sent first. Arrays are by side: packets[0] are those that the client sent.
 *
 * Retransmissions are seen from sequence numbers alone, so they are those that passed this place; `told` are those that the kernel told (tcp_retransmit_skb).
 * rtt_*[s]: of data of side s, from here until the acknowledgement came back here; only one packet a time is measured, and none that was sent again.
 */
typedef struct {
	guint8 address[2][16]; /* IPv4: mapped into IPv6, ::ffff:a.b.c.d */
	guint16 port[2];       /* 0 where the protocol has none */
	guint16 interface;
	guint8 protocol, version; /* IP's: 4 or 6 */
	guint8 direction[2];   /* KernelNetDirection of each side's packets here */
	guint8 begun, ended;   /* its SYN was seen; a reset, or the FINs of both sides were */
	guint32 thread;        /* serial of the thread that sent or received its data first; KERNEL_NET_NONE: not seen */
	gint64 first_ns, last_ns;
	guint64 packets[2], bytes[2], payload[2];
	guint64 retransmissions[2], late[2], resets[2], zero_windows[2];
	guint64 told;
	gint64 syn_ack_ns;     /* from SYN to SYN and ACK; -1: not seen */
	gint64 handshake_ns;   /* from SYN to the client's ACK */
	guint64 rtts[2];
	gint64 rtt_total_ns[2], rtt_max_ns[2];
	guint64 responses;
	gint64 response_total_ns, response_max_ns;
} KernelConnection;

#define KERNEL_CONNECTIONS_TABLE "connections"

/* A hash of addresses, ports and protocol: the same for all packets of a connection in one direction, wherever they are seen. */
guint64 kernel_packet_flow(const KernelPacket *p, const KernelConnection *c);

/* A hash of a hash and one more number. */
guint64 kernel_packet_mix(guint64 h, guint64 v);

/* The table "net_drops": buffers freed with kfree_skb(), of packets that were seen before. */
typedef struct {
	gint64 time_ns;
	guint64 skb, location; /* address in the kernel's code */
	guint64 packet;        /* index of the last of "packets" that had this buffer */
	guint32 reason;        /* text; 0: none was told */
	guint16 interface;
	guint8 unspecified;    /* no reason, or the one that means none */
} KernelNetDrop;

#define KERNEL_NET_DROPS_TABLE "net_drops"

/* "10.0.0.1", "fe80::1". `buf` has room for KERNEL_ADDRESS_LEN bytes. */
#define KERNEL_ADDRESS_LEN 48
const char *kernel_net_address(char *buf, const guint8 *address, guint8 version);
/* "tcp", "udp", "icmp", ... or the number, which is written to `buf`. */
const char *kernel_net_protocol(char *buf, guint8 protocol);

#endif
