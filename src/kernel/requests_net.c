/* SPDX-License-Identifier: MIT */
/* requests_net.c: sockets' packets: who they are connected to, and when their data came in. */
#include "kernel/requests_private.h"

#include <string.h>

/* A call sends few packets before its own first one; and a socket whose packets aren't found soon sends them from elsewhere. */
enum { PACKETS_MAX = 128, TRIES_MAX = 4 };

static KernelRequestConnection *connection_of(const KernelRequests *r, guint32 socket)
{
	return history_table_item(r->set->history, r->connections, socket);
}

/* Where the socket's addresses are known from calls a packet's must be the same. */
static gboolean is_contradicted(const KernelRequests *r, const KernelRequestConnection *c, const KernelConnection *net, guint side)
{
	const KernelFileItem *file = history_table_get(r->set->history, r->files, c->file);

	if (file->has_remote && file->remote_port && (net->port[!side] != file->remote_port || memcmp(net->address[!side], file->remote, 16) != 0))
		return TRUE;
	if (file->has_local && file->local_port && net->port[side] != file->local_port)
		return TRUE;
	/* Who has asked for the connection has sent its SYN. */
	return c->side != KERNEL_REQUEST_SIDE_UNKNOWN && net->begun && c->side != (side == 0 ? KERNEL_REQUEST_CLIENT : KERNEL_REQUEST_SERVER);
}

static gboolean is_sent_by(const KernelPacket *p, const KernelThread *t)
{
	return p->direction == KERNEL_NET_OUT && p->thread == t->serial && p->protocol == KERNEL_PROTO_TCP && p->payload && p->connection != KERNEL_NET_NONE &&
	       !(p->what & KERNEL_PACKET_FORWARDED);
}

void requests_find_packets(KernelRequests *r, guint32 socket, const KernelThread *t, gint64 begin_ns)
{
	const History *h = r->set->history;
	KernelRequestConnection *c = connection_of(r, socket);
	Socket *s = &g_array_index(r->sockets, Socket, socket);
	guint64 n = history_table_len(h, r->packets);
	const KernelPacket *found = NULL;

	if ((c->kind != KERNEL_FILE_TCP && c->kind != KERNEL_FILE_SOCKET) || s->net_tries >= TRIES_MAX || !n)
		return;
	for (guint64 i = n; i-- > 0 && n - i <= PACKETS_MAX;) {
		const KernelPacket *p = history_table_get(h, r->packets, i);

		if (p->time_ns < begin_ns)
			break;
		if (is_sent_by(p, t) && !is_contradicted(r, c, history_table_get(h, r->net_connections, p->connection), p->side))
			found = p;
	}
	s->net_tries++;
	if (!found)
		return;
	c->net = found->connection;
	c->net_side = found->side;
}

/* ---- After the last event ----------------------------------------------------------------------------------------- */

static void take_file(KernelRequestConnection *c, const KernelFileItem *file)
{
	c->kind = file->kind;
	c->has_local = file->has_local;
	c->has_remote = file->has_remote;
	c->local_port = file->local_port;
	c->remote_port = file->remote_port;
	memcpy(c->local, file->local, sizeof(c->local));
	memcpy(c->remote, file->remote, sizeof(c->remote));
}

static guint8 version_of(const KernelRequestConnection *c)
{
	static const guint8 mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
	const guint8 *address = c->has_remote ? c->remote : c->local;

	if (!c->has_remote && !c->has_local)
		return 0;
	return memcmp(address, mapped, sizeof(mapped)) == 0 ? 4 : 6;
}

static void take_packets(KernelRequestConnection *c, const KernelConnection *net)
{
	guint local = c->net_side;

	c->kind = KERNEL_FILE_TCP;
	c->has_local = c->has_remote = TRUE;
	c->local_port = net->port[local];
	c->remote_port = net->port[!local];
	memcpy(c->local, net->address[local], sizeof(c->local));
	memcpy(c->remote, net->address[!local], sizeof(c->remote));
	if (c->side != KERNEL_REQUEST_SIDE_UNKNOWN)
		return;
	c->side = local == 0 ? KERNEL_REQUEST_CLIENT : KERNEL_REQUEST_SERVER;
	c->how = KERNEL_REQUEST_BY_PACKETS;
}

void requests_addresses(KernelRequests *r)
{
	const History *h = r->set->history;

	for (guint i = 0; i < r->sockets->len; i++) {
		KernelRequestConnection *c = connection_of(r, i);

		take_file(c, history_table_get(h, r->files, c->file));
		if (c->net != KERNEL_NET_NONE)
			take_packets(c, history_table_get(h, r->net_connections, c->net));
		c->version = version_of(c);
	}
}

/* ---- When data came in ---------------------------------------------------------------------------------------------- */

/* The requests of each server's connection that has packets, one behind the other. */
typedef struct {
	guint32 *next;                     /* by request: the next one of its connection, plus one */
	guint32 *first;                    /* by net connection: its next request, plus one */
	gint64 *read_ns;                   /* by net connection: until when requests have been read */
	guint8 *side;                      /* by net connection: whose data are requests */
} Waiting;

static gboolean is_followed(const KernelRequests *r, const KernelRequest *q)
{
	const KernelRequestConnection *c = connection_of(r, q->connection);

	return q->side == KERNEL_REQUEST_SERVER && c->side == q->side && c->net != KERNEL_NET_NONE;
}

/* From the last one on, so that the first one of each connection ends up first. */
static void line_up(const KernelRequests *r, Waiting *w, guint64 n)
{
	for (guint64 i = n; i-- > 0;) {
		const KernelRequest *q = history_table_get(r->set->history, r->table, i);

		if (!is_followed(r, q))
			continue;
		const KernelRequestConnection *c = connection_of(r, q->connection);
		w->next[i] = w->first[c->net];
		w->first[c->net] = (guint32)i + 1;
		w->side[c->net] = !c->net_side;
	}
}

/* A packet with data belongs to the request that is read next, unless one is still being read. */
static void arrive(const KernelRequests *r, Waiting *w, const KernelPacket *p)
{
	guint32 *first = &w->first[p->connection];

	while (*first) {
		KernelRequest *q = history_table_item(r->set->history, r->table, *first - 1);

		if (q->begin_ns >= p->time_ns) {
			if (q->early_ns == KERNEL_REQUEST_NO_TIME && p->time_ns > w->read_ns[p->connection])
				q->early_ns = p->time_ns;
			return;
		}
		w->read_ns[p->connection] = q->turn_ns;
		*first = w->next[*first - 1];
	}
}

void requests_arrivals(KernelRequests *r)
{
	const History *h = r->set->history;
	guint64 n = history_table_len(h, r->table), connections = history_table_len(h, r->net_connections), run;
	const KernelPacket *packets;

	if (!n || !connections || n >= G_MAXUINT32)
		return;
	Waiting w = {g_new0(guint32, n), g_new0(guint32, connections), g_new(gint64, connections), g_new0(guint8, connections)};
	for (guint64 i = 0; i < connections; i++)
		w.read_ns[i] = G_MININT64;
	line_up(r, &w, n);
	for (guint64 at = 0; (packets = history_table_run(h, r->packets, at, &run)); at += run)
		for (guint64 i = 0; i < run; i++) {
			const KernelPacket *p = &packets[i];

			if (p->connection < connections && w.first[p->connection] && p->payload && p->direction == KERNEL_NET_IN &&
			    p->side == w.side[p->connection])
				arrive(r, &w, p);
		}
	g_free(w.next);
	g_free(w.first);
	g_free(w.read_ns);
	g_free(w.side);
}
