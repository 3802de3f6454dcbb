/* SPDX-License-Identifier: MIT */
/* net.c: packets on interfaces, from queueing to the driver, from the driver to the protocols, and to the end. */
#include <string.h>

#include "kernel/irq.h"
#include "kernel/net_private.h"

typedef struct {
	char name[16]; /* IFNAMSIZ, with zeros to its end */
	guint64 item;
} Interface;

/* Which of "packets" had this buffer last. */
typedef struct {
	guint64 packet;
} Seen;

/* The packet that a processor gives to the protocols. */
typedef struct {
	gint64 time;
	guint32 connection;
} Handling;

typedef struct {
	KernelSet *set;
	guint interfaces_table, packets_table, drops_table;
	gboolean receive_told; /* net_if_receive_skb was recorded */
	NetLayouts layouts;
	NetConns conns;
	GArray *interfaces; /* Interface */
	guint last_interface;
	KernelAddrMap by_name; /* hash of a name -> guint32, index in `interfaces` */
	KernelAddrMap skbs;    /* address -> Seen */
	KernelAddrMap queued;  /* address and interface -> Seen: waits for its driver */
	KernelAddrMap reasons; /* number of a reason -> guint32, its text */
	GArray *handling;      /* Handling, by processor */
} Net;

/* ---- Interfaces ------------------------------------------------------------------------------------------------ */

static KernelNetInterface *interface_item(const Net *n, guint i)
{
	return history_table_item(n->set->history, n->interfaces_table,
	                          g_array_index(n->interfaces, Interface, i).item);
}

static guint interface_new(Net *n, const char *name, guint64 key)
{
	Interface i = {.item = history_table_len(n->set->history, n->interfaces_table)};
	KernelNetInterface *item = history_table_add(n->set->history, n->interfaces_table);

	memcpy(i.name, name, sizeof(i.name));
	item->name = history_text(n->set->history, name, (gssize)strnlen(name, sizeof(i.name)));
	item->reader = KERNEL_NET_NONE;
	*(guint32 *)kernel_addrmap_put(&n->by_name, key) = n->interfaces->len;
	g_array_append_val(n->interfaces, i);
	return n->interfaces->len - 1;
}

/* The interface that a text field names; G_MAXUINT16: none, or too many. */
static guint16 interface_of(Net *n, const TraceEvent *ev, guint field)
{
	char name[16] = "";
	guint64 words[2];
	guint len;

	if (!trace_has(ev, field))
		return G_MAXUINT16;
	const char *text = trace_text(ev, field, &len);
	memcpy(name, text, MIN(len, sizeof(name) - 1));
	if (n->interfaces->len &&
	    memcmp(g_array_index(n->interfaces, Interface, n->last_interface).name, name, 16) == 0)
		return (guint16)n->last_interface;
	memcpy(words, name, sizeof(words));
	guint64 key = words[0] * G_GUINT64_CONSTANT(0x9e3779b97f4a7c15) ^ words[1];
	for (;; key++) { /* names whose hashes are the same stand at the next */
		const guint32 *i = kernel_addrmap_get(&n->by_name, key);

		if (!i && n->interfaces->len >= KERNEL_NET_INTERFACES_MAX)
			return G_MAXUINT16;
		guint found = i ? *i : interface_new(n, name, key);
		if (memcmp(g_array_index(n->interfaces, Interface, found).name, name, 16) == 0)
			return (guint16)(n->last_interface = found);
	}
}

/* ---- Packets --------------------------------------------------------------------------------------------------- */

static guint64 queued_key(guint64 skb, guint16 interface)
{
	return skb ^ (guint64)interface << 48;
}

static Handling *handling_of(Net *n, gint32 cpu)
{
	if (cpu < 0 || cpu >= KERNEL_CPU_MAX)
		return NULL;
	if ((guint)cpu >= n->handling->len)
		g_array_set_size(n->handling, (guint)cpu + 1);
	return &g_array_index(n->handling, Handling, cpu);
}

static gboolean same_ends(const KernelConnection *a, const KernelConnection *b)
{
	return memcmp(a->address, b->address, sizeof(a->address)) == 0 &&
	       memcmp(a->port, b->port, sizeof(a->port)) == 0;
}

/* TRUE if the packet that had this buffer before came in, and was this one. */
static gboolean is_forwarded(const Net *n, const KernelPacket *p)
{
	const Seen *before = kernel_addrmap_get(&n->skbs, p->skb);
	const History *h = n->set->history;

	if (!before)
		return FALSE;
	const KernelPacket *b = history_table_get(h, n->packets_table, before->packet);
	return b->direction == KERNEL_NET_IN && b->connection != KERNEL_NET_NONE && p->connection != KERNEL_NET_NONE &&
	       b->side == p->side && b->seq == p->seq && b->ack == p->ack && b->payload == p->payload &&
	       same_ends(history_table_get(h, n->conns.table, b->connection),
	                 history_table_get(h, n->conns.table, p->connection));
}

/* Who sent it, if that was a thread's own doing. */
static void find_sender(Net *n, const TraceEvent *ev, KernelPacket *p)
{
	if (is_forwarded(n, p)) {
		p->what |= KERNEL_PACKET_FORWARDED;
		return;
	}
	if (kernel_irq_is_in(n->set, ev->cpu))
		return;
	const KernelThread *t = kernel_current(n->set->kernel, ev);
	p->thread = t && !kernel_is_idle(t) ? t->serial : KERNEL_NET_NONE;
	if (p->connection == KERNEL_NET_NONE)
		return;
	KernelConnection *k = history_table_item(n->set->history, n->conns.table, p->connection);
	if (k->thread == KERNEL_NET_NONE)
		k->thread = p->thread;
}

/* The three events have their first three fields in common. */
static void packet(Net *n, const TraceEvent *ev, KernelNetDirection direction)
{
	History *h = n->set->history;
	guint32 len = (guint32)ev->v[TRACE_NET_DEV_QUEUE_LEN];
	guint64 number = history_table_len(h, n->packets_table), skb = ev->v[TRACE_NET_DEV_QUEUE_SKB];
	KernelPacket *p = history_table_add(h, n->packets_table);
	NetHeader x;

	*p = (KernelPacket){.time_ns = ev->time,
	                    .xmit_ns = KERNEL_NET_NO_TIME,
	                    .rtt_ns = -1,
	                    .response_ns = -1,
	                    .skb = skb,
	                    .len = len,
	                    .connection = KERNEL_NET_NONE,
	                    .thread = KERNEL_NET_NONE,
	                    .cpu = ev->cpu,
	                    .interface = interface_of(n, ev, TRACE_NET_DEV_QUEUE_NAME),
	                    .direction = (guint8)direction};
	if (p->interface != G_MAXUINT16) {
		KernelNetInterface *i = interface_item(n, p->interface);

		i->packets[direction]++;
		i->bytes[direction] += len;
	}
	if (net_header_read(&n->layouts, ev, TRACE_NET_DEV_QUEUE_NAME, len, &x)) {
		p->protocol = x.protocol;
		p->payload = x.payload;
		p->seq = x.seq;
		p->ack = x.ack;
		p->flags = x.flags;
		p->window = x.window;
		net_conns_packet(&n->conns, &x, number, p);
	}
	if (direction == KERNEL_NET_OUT) {
		find_sender(n, ev, p);
		((Seen *)kernel_addrmap_put(&n->queued, queued_key(skb, p->interface)))->packet = number;
	} else {
		Handling *now = handling_of(n, ev->cpu);

		if (now)
			*now = (Handling){ev->time, p->connection};
	}
	((Seen *)kernel_addrmap_put(&n->skbs, skb))->packet = number;
}

static void xmit(Net *n, const TraceEvent *ev)
{
	guint16 interface = interface_of(n, ev, TRACE_NET_DEV_XMIT_NAME);
	guint64 key = queued_key(ev->v[TRACE_NET_DEV_XMIT_SKB], interface);
	const Seen *q = kernel_addrmap_get(&n->queued, key);

	if (trace_has(ev, TRACE_NET_DEV_XMIT_RC) && ev->v[TRACE_NET_DEV_XMIT_RC] != 0) {
		if (interface != G_MAXUINT16)
			interface_item(n, interface)->busy++;
		return;
	}
	if (!q)
		return;
	((KernelPacket *)history_table_item(n->set->history, n->packets_table, q->packet))->xmit_ns = ev->time;
	kernel_addrmap_remove(&n->queued, key);
}

/* A thread takes data from a buffer: of a connection that is its own, or of an interface's, as a VM does with its tap. */
static void copied(Net *n, const TraceEvent *ev)
{
	const Seen *s = kernel_addrmap_get(&n->skbs, ev->v[TRACE_SKB_COPY_SKB]);
	const KernelThread *t = s ? kernel_current(n->set->kernel, ev) : NULL;

	if (!t || kernel_is_idle(t))
		return;
	const KernelPacket *p = history_table_get(n->set->history, n->packets_table, s->packet);
	if (p->direction == KERNEL_NET_OUT && p->interface != G_MAXUINT16 &&
	    interface_item(n, p->interface)->reader == KERNEL_NET_NONE)
		interface_item(n, p->interface)->reader = t->serial;
	if (p->connection == KERNEL_NET_NONE)
		return;
	KernelConnection *k = history_table_item(n->set->history, n->conns.table, p->connection);
	if (k->thread == KERNEL_NET_NONE)
		k->thread = t->serial;
}

/* ---- Drops ----------------------------------------------------------------------------------------------------- */

/* The label of an enumeration's value. */
static char *label_of(const CtfFc *fc, guint64 value)
{
	for (guint i = 0; fc && i < fc->n_mappings; i++)
		if (ctf_ranges_hold(fc->mappings[i].ranges, fc->mappings[i].n_ranges, value))
			return g_strdup(fc->mappings[i].label);
	return g_strdup_printf("%" G_GUINT64_FORMAT, value);
}

static guint32 reason_of(Net *n, const TraceEvent *ev, gboolean *unspecified_out)
{
	static const CtfWant want = {CTF_SCOPE_COUNT, "reason"};
	guint64 value = ev->v[TRACE_SKB_KFREE_REASON];
	const guint32 *known = kernel_addrmap_get(&n->reasons, value);
	guint32 text = known ? *known : 0;

	if (!known && n->reasons.used < KERNEL_NET_REASONS_MAX) {
		const CtfFc *fc = ev->stream ? ctf_event_class_field(trace_event_class(ev), &want) : NULL;
		g_autofree char *label = label_of(fc, value);

		text = history_text(n->set->history, label, -1);
		*(guint32 *)kernel_addrmap_put(&n->reasons, value) = text;
	}
	*unspecified_out = g_str_has_suffix(history_text_get(n->set->history, text), "NOT_SPECIFIED");
	return text;
}

static void freed(Net *n, const TraceEvent *ev)
{
	const Seen *s = kernel_addrmap_get(&n->skbs, ev->v[TRACE_SKB_KFREE_SKB]);
	gboolean unspecified = TRUE;

	if (!s)
		return;
	const KernelPacket *p = history_table_get(n->set->history, n->packets_table, s->packet);
	KernelNetDrop *d = history_table_add(n->set->history, n->drops_table);
	*d = (KernelNetDrop){.time_ns = ev->time, .skb = p->skb, .packet = s->packet, .interface = p->interface};
	if (trace_has(ev, TRACE_SKB_KFREE_LOCATION))
		d->location = ev->v[TRACE_SKB_KFREE_LOCATION];
	if (trace_has(ev, TRACE_SKB_KFREE_REASON))
		d->reason = reason_of(n, ev, &unspecified);
	d->unspecified = (guint8)unspecified;
	if (p->interface != G_MAXUINT16) {
		KernelNetInterface *i = interface_item(n, p->interface);

		i->drops += !unspecified;
		i->freed += unspecified != 0;
	}
	kernel_addrmap_remove(&n->skbs, ev->v[TRACE_SKB_KFREE_SKB]);
}

/* ---- The model ------------------------------------------------------------------------------------------------- */

static void statedump(Net *n, const TraceEvent *ev)
{
	guint16 i = interface_of(n, ev, TRACE_STATEDUMP_NET_NAME);

	if (i != G_MAXUINT16 && trace_has(ev, TRACE_STATEDUMP_NET_IPV4))
		interface_item(n, i)->ipv4 = (guint32)ev->v[TRACE_STATEDUMP_NET_IPV4];
}

static void net_event(gpointer self, const TraceEvent *ev)
{
	Net *n = self;

	switch (ev->id) {
	case TRACE_NET_DEV_QUEUE:
		packet(n, ev, KERNEL_NET_OUT);
		break;
	case TRACE_NET_IF_RECEIVE_SKB:
		packet(n, ev, KERNEL_NET_IN);
		break;
	case TRACE_NET_IF_RX:
		if (!n->receive_told)
			packet(n, ev, KERNEL_NET_IN);
		break;
	case TRACE_NET_DEV_XMIT:
		xmit(n, ev);
		break;
	case TRACE_SKB_COPY:
		copied(n, ev);
		break;
	case TRACE_SKB_KFREE:
		freed(n, ev);
		break;
	case TRACE_SKB_CONSUME:
		kernel_addrmap_remove(&n->skbs, ev->v[TRACE_SKB_CONSUME_SKB]);
		break;
	case TRACE_TCP_RETRANSMIT:
		net_conns_told(&n->conns, (guint16)ev->v[TRACE_TCP_RETRANSMIT_SPORT],
		               (guint16)ev->v[TRACE_TCP_RETRANSMIT_DPORT]);
		break;
	case TRACE_STATEDUMP_NET:
		statedump(n, ev);
		break;
	default:
		break;
	}
}

static void net_loss(gpointer self, gint32 cpu, gint64 time, TraceLossEdge edge)
{
	Net *n = self;

	(void)cpu;
	(void)time;
	(void)edge;
	kernel_addrmap_clear(&n->skbs);
	kernel_addrmap_clear(&n->queued);
	n->conns.losses++;
}

static TraceModel net_model(gpointer self)
{
	static const TraceNeed needs[] = {
	        {TRACE_NET_DEV_QUEUE, 0x7, KERNEL_ALL_CTX, 0},
	        {TRACE_NET_IF_RECEIVE_SKB, 0x7, 0, 0},
	        {TRACE_NET_IF_RX, 0x7, 0, 0},
	        {TRACE_NET_DEV_XMIT, 0xf, 0, 0},
	        {TRACE_SKB_COPY, 0x1, KERNEL_ALL_CTX, 0},
	        {TRACE_SKB_KFREE, 0x7, 0, 0},
	        {TRACE_SKB_CONSUME, 0x1, 0, 0},
	        {TRACE_TCP_RETRANSMIT, 0x3, 0, 0},
	        {TRACE_STATEDUMP_NET, 0x3, 0, 0},
	};

	G_STATIC_ASSERT((int)TRACE_NET_DEV_QUEUE_LEN == (int)TRACE_NET_IF_RECEIVE_SKB_LEN);
	G_STATIC_ASSERT((int)TRACE_NET_DEV_QUEUE_NAME == (int)TRACE_NET_IF_RECEIVE_SKB_NAME);
	G_STATIC_ASSERT((int)TRACE_NET_DEV_QUEUE_NAME == (int)TRACE_NET_IF_RX_NAME);
	return (TraceModel){
	        .needs = needs, .n_needs = G_N_ELEMENTS(needs), .event = net_event, .loss = net_loss, .self = self};
}

static gpointer net_create(KernelSet *set)
{
	Net *n = g_new0(Net, 1);
	History *h = set->history;

	n->set = set;
	n->interfaces_table = history_table(h, KERNEL_NET_INTERFACES_TABLE, sizeof(KernelNetInterface));
	n->packets_table = history_table(h, KERNEL_PACKETS_TABLE, sizeof(KernelPacket));
	n->drops_table = history_table(h, KERNEL_NET_DROPS_TABLE, sizeof(KernelNetDrop));
	n->receive_told = set->facts->declared[TRACE_NET_IF_RECEIVE_SKB];
	n->interfaces = g_array_new(FALSE, TRUE, sizeof(Interface));
	n->handling = g_array_new(FALSE, TRUE, sizeof(Handling));
	net_conns_init(&n->conns, h, n->packets_table);
	kernel_addrmap_init(&n->by_name, sizeof(guint32), 2 * KERNEL_NET_INTERFACES_MAX);
	kernel_addrmap_init(&n->skbs, sizeof(Seen), KERNEL_NET_SKBS_MAX);
	kernel_addrmap_init(&n->queued, sizeof(Seen), KERNEL_NET_SKBS_MAX);
	kernel_addrmap_init(&n->reasons, sizeof(guint32), 2 * KERNEL_NET_REASONS_MAX);
	return n;
}

static void net_free(gpointer self)
{
	Net *n = self;

	net_conns_clear(&n->conns);
	kernel_addrmap_clear(&n->by_name);
	kernel_addrmap_clear(&n->skbs);
	kernel_addrmap_clear(&n->queued);
	kernel_addrmap_clear(&n->reasons);
	g_array_unref(n->interfaces);
	g_array_unref(n->handling);
	g_free(n);
}

/* ---- Why a thread was blocked ---------------------------------------------------------------------------------- */

/* The packet that the processor's softirq is handling. FALSE: it does something else. */
static gboolean handles_packet(const Net *n, gint32 cpu, guint32 *connection_out)
{
	KernelIrqContext x;

	for (guint i = 0; kernel_irq_context(n->set, cpu, i, &x); i++) {
		if (x.kind != KERNEL_IRQ_SOFTIRQ || x.number != KERNEL_SOFTIRQ_NET_RX)
			continue;
		const Handling *now =
		        cpu >= 0 && (guint)cpu < n->handling->len ? &g_array_index(n->handling, Handling, cpu) : NULL;

		*connection_out = now && now->time >= x.begin_ns ? now->connection : KERNEL_NET_NONE;
		return TRUE;
	}
	return FALSE;
}

/* System calls that may wait for what comes over the network; others are woken from there by accident. */
static guint weight_of(const KernelBlocked *b)
{
	switch (b->syscall) {
	case TRACE_SYS_READ:
	case TRACE_SYS_READV:
	case TRACE_SYS_WRITE:
	case TRACE_SYS_WRITEV:
	case TRACE_SYS_SENDFILE:
	case TRACE_SYS_SPLICE:
	case TRACE_SYS_CONNECT:
	case TRACE_SYS_ACCEPT:
	case TRACE_SYS_SENDTO:
	case TRACE_SYS_SENDMSG:
	case TRACE_SYS_SENDMMSG:
	case TRACE_SYS_RECVFROM:
	case TRACE_SYS_RECVMSG:
	case TRACE_SYS_RECVMMSG:
	case TRACE_SYS_POLL:
	case TRACE_SYS_PPOLL:
	case TRACE_SYS_SELECT:
	case TRACE_SYS_PSELECT:
	case TRACE_SYS_EPOLL_WAIT:
	case TRACE_SYS_IO_URING_ENTER:
		return 80;
	case -1:
		return b->thread->is_kthread == 1 ? 0 : 40;
	default:
		return 0;
	}
}

static void net_why(gpointer self, const KernelBlocked *b, KernelWhy *why)
{
	Net *n = self;
	guint weight = weight_of(b);
	guint32 connection;

	if (weight && handles_packet(n, b->cpu, &connection))
		*why = (KernelWhy){.reason = KERNEL_WAIT_FOR_NETWORK,
		                   .weight = (guint8)weight,
		                   .detail = net_conns_detail(&n->conns, connection)};
}

const KernelPart kernel_part_net = {.create = net_create, .model = net_model, .free = net_free, .why = net_why};
