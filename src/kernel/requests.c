/* SPDX-License-Identifier: MIT */
/*
 * requests.c: turns on sockets. A request's item is made when its first bytes go, and written to as more is known; so nothing has to be given out when it ends, which
 * is only known when the next one begins.
 */
#include "kernel/requests_private.h"

#include <errno.h>

enum { PEEK = 0x2, ERROR_QUEUE = 0x2000 }; /* Linux's flags of recv */
enum { SHUT_READ = 0 };

#define NO_ITEM G_MAXUINT64

const char *kernel_request_side_name(guint side)
{
	return side == KERNEL_REQUEST_SERVER ? "server" : side == KERNEL_REQUEST_CLIENT ? "client" : "unknown";
}

guint16 kernel_request_port(const KernelRequestConnection *c)
{
	return c->side == KERNEL_REQUEST_SERVER ? c->local_port : c->remote_port;
}

static gpointer requests_create(KernelSet *set)
{
	KernelRequests *r = g_new0(KernelRequests, 1);
	History *h = set->history;

	r->set = set;
	r->table = history_table(h, KERNEL_REQUESTS_TABLE, sizeof(KernelRequest));
	r->connections = history_table(h, KERNEL_REQUEST_CONNECTIONS_TABLE, sizeof(KernelRequestConnection));
	r->files = history_table(h, KERNEL_FILES_TABLE, sizeof(KernelFileItem));
	r->packets = history_table(h, KERNEL_PACKETS_TABLE, sizeof(KernelPacket));
	r->net_connections = history_table(h, KERNEL_CONNECTIONS_TABLE, sizeof(KernelConnection));
	r->sockets = g_array_new(FALSE, TRUE, sizeof(Socket));
	r->by_file = g_array_new(FALSE, TRUE, sizeof(guint32));
	return r;
}

static void requests_free(gpointer part)
{
	KernelRequests *r = part;

	g_array_unref(r->sockets);
	g_array_unref(r->by_file);
	g_free(r);
}

/* ---- Sockets ------------------------------------------------------------------------------------------------------ */

static Socket *socket_at(const KernelRequests *r, guint32 socket)
{
	return &g_array_index(r->sockets, Socket, socket);
}

static KernelRequestConnection *connection_of(const KernelRequests *r, guint32 socket)
{
	return history_table_item(r->set->history, r->connections, socket);
}

static gboolean is_stream(const KernelFileItem *file)
{
	if (file->is_pair)
		return FALSE;
	return file->kind == KERNEL_FILE_TCP || file->kind == KERNEL_FILE_UNIX || file->kind == KERNEL_FILE_VSOCK || file->kind == KERNEL_FILE_SOCKET;
}

/* Of a socket that was made during the recording, and of which nothing can have been missed, the first bytes are those of the first request. */
static guint32 socket_new(KernelRequests *r, guint32 file, const KernelFileItem *item, gboolean doubtful)
{
	guint32 number = r->sockets->len;
	guint turn = item->opened_ns == G_MININT64 || doubtful ? TURN_UNKNOWN : TURN_NONE;
	Socket s = {.connect_ns = KERNEL_REQUEST_NO_TIME};

	for (guint side = 0; side < KERNEL_REQUEST_SIDES; side++)
		s.tracks[side] = (Track){.item = NO_ITEM, .losses = r->losses, .turn = (guint8)turn};
	g_array_append_val(r->sockets, s);
	KernelRequestConnection *c = history_table_add(r->set->history, r->connections);
	*c = (KernelRequestConnection){.file = file, .net = KERNEL_NET_NONE, .kind = item->kind,
				       .side = item->is_server ? KERNEL_REQUEST_SERVER : KERNEL_REQUEST_SIDE_UNKNOWN,
				       .how = item->is_server ? KERNEL_REQUEST_BY_CALL : KERNEL_REQUEST_BY_DATA};
	return number;
}

/* The socket that a file is, followed from now on; KERNEL_NO_FILE: it is none. */
static guint32 socket_of(KernelRequests *r, guint32 file, const KernelCall *call)
{
	if (G_LIKELY(file < r->by_file->len && g_array_index(r->by_file, guint32, file)))
		return g_array_index(r->by_file, guint32, file) - 1;
	const KernelFileItem *item = history_table_get(r->set->history, r->files, file);
	if (!is_stream(item) || r->sockets->len >= KERNEL_REQUEST_CONNECTIONS_MAX)
		return KERNEL_NO_FILE;
	if (file >= r->by_file->len)
		g_array_set_size(r->by_file, file + 1);
	guint32 number = socket_new(r, file, item, (call->flags & KERNEL_CALL_FILE_DOUBT) != 0);
	g_array_index(r->by_file, guint32, file) = number + 1;
	return number;
}

/* ---- Turns -------------------------------------------------------------------------------------------------------- */

/* Bytes that went one way. */
typedef struct {
	gint64 begin_ns, end_ns;
	guint64 bytes;
	guint32 thread;
} Moved;

static KernelRequest *request_at(const KernelRequests *r, const Track *track)
{
	return history_table_item(r->set->history, r->table, track->item);
}

static gboolean is_open(const Track *track)
{
	return track->item != NO_ITEM && (track->turn == TURN_ASKING || track->turn == TURN_ANSWERING);
}

/* What went on over a loss of events is forgotten. */
static void catch_up(KernelRequests *r, Track *track)
{
	if (G_LIKELY(track->losses == r->losses))
		return;
	if (is_open(track))
		request_at(r, track)->flags |= KERNEL_REQUEST_LOST;
	track->turn = TURN_UNKNOWN;
	track->losses = r->losses;
}

static void request_new(KernelRequests *r, guint32 socket, guint side, const Moved *m)
{
	Socket *s = socket_at(r, socket);
	const KernelRequestConnection *c = connection_of(r, socket);
	Track *track = &s->tracks[side];
	guint64 number = history_table_len(r->set->history, r->table);
	gboolean first = track->item == NO_ITEM;
	guint8 flags = KERNEL_REQUEST_OPEN_END;

	if (number >= KERNEL_REQUESTS_MAX) {
		track->turn = TURN_UNKNOWN;
		return;
	}
	if (track->turn == TURN_UNKNOWN)
		flags |= KERNEL_REQUEST_OPEN_BEGIN;
	if (first && c->greeted)
		flags |= KERNEL_REQUEST_LOGIN;
	KernelRequest *q = history_table_add(r->set->history, r->table);
	*q = (KernelRequest){.begin_ns = m->begin_ns, .turn_ns = m->end_ns, .end_ns = m->end_ns, .connection = socket, .side = (guint8)side, .flags = flags,
			     .early_ns = first && side == KERNEL_REQUEST_CLIENT && !c->greeted ? s->connect_ns : KERNEL_REQUEST_NO_TIME,
			     .late_ns = KERNEL_REQUEST_NO_TIME, .asker = m->thread, .answerer = G_MAXUINT32};
	if (!first && side == KERNEL_REQUEST_CLIENT)
		request_at(r, track)->late_ns = KERNEL_REQUEST_NO_TIME;
	track->item = number;
	track->turn = TURN_ASKING;
}

static void on_ask(KernelRequests *r, guint32 socket, guint side, const Moved *m)
{
	Track *track = &socket_at(r, socket)->tracks[side];

	if (track->turn != TURN_ASKING)
		request_new(r, socket, side, m);
	if (track->turn != TURN_ASKING)
		return;
	KernelRequest *q = request_at(r, track);
	q->turn_ns = q->end_ns = m->end_ns;
	q->asked += m->bytes;
	q->asks++;
	q->asker = m->thread;
}

static void on_answer(KernelRequests *r, guint32 socket, guint side, const Moved *m)
{
	Track *track = &socket_at(r, socket)->tracks[side];

	if (track->turn == TURN_UNKNOWN) { /* the end of what isn't known */
		track->turn = TURN_NONE;
		return;
	}
	if (track->turn == TURN_NONE) {
		if (track->item == NO_ITEM && connection_of(r, socket)->how == KERNEL_REQUEST_BY_CALL)
			connection_of(r, socket)->greeted = TRUE;
		return; /* a server may say more than it was asked for */
	}
	KernelRequest *q = request_at(r, track);
	q->flags &= (guint8)~(KERNEL_REQUEST_OPEN_END | KERNEL_REQUEST_UNANSWERED);
	q->end_ns = m->end_ns;
	q->answered += m->bytes;
	q->answers++;
	q->answerer = m->thread;
	track->turn = TURN_ANSWERING;
}

static void break_off(const KernelRequests *r, const Track *track, guint flag, gint64 time)
{
	KernelRequest *q = request_at(r, track);

	q->flags = (guint8)((q->flags & ~KERNEL_REQUEST_OPEN_END) | flag);
	q->end_ns = time;
}

/* Nothing could be read or written: `asking` says which way it would have gone. */
static void on_failure(KernelRequests *r, guint32 socket, guint side, gboolean asking, gint64 error, gint64 time)
{
	Track *track = &socket_at(r, socket)->tracks[side];

	if (!is_open(track))
		return;
	if (error == EAGAIN) {
		/* A server that looks for the next request has answered the last one; one that waits to write has not. */
		if (asking && side == KERNEL_REQUEST_SERVER && track->turn == TURN_ANSWERING)
			track->turn = TURN_NONE;
	} else if (error == EPIPE || error == ECONNRESET || error == ECONNABORTED || error == ETIMEDOUT || error == EHOSTUNREACH) {
		if (track->turn == TURN_ASKING || !asking)
			break_off(r, track, KERNEL_REQUEST_ABORTED, time);
		track->turn = TURN_NONE;
	}
}

/* The other end writes no more. */
static void on_stream_end(KernelRequests *r, guint32 socket, guint side, gint64 time)
{
	Track *track = &socket_at(r, socket)->tracks[side];

	if (!is_open(track) || (side == KERNEL_REQUEST_SERVER && track->turn == TURN_ASKING))
		return; /* a client may do so when it has asked */
	if (track->turn == TURN_ASKING)
		break_off(r, track, KERNEL_REQUEST_ABORTED, time);
	else if (side == KERNEL_REQUEST_CLIENT && request_at(r, track)->early_ns != KERNEL_REQUEST_NO_TIME)
		request_at(r, track)->late_ns = time;
	track->turn = TURN_NONE;
}

/* ---- Calls -------------------------------------------------------------------------------------------------------- */

typedef struct {
	const KernelThread *thread;
	const KernelCall *call;
	gint64 ret, time;
} Done;

/* For each side that the socket may be. */
#define EACH_SIDE(c, side) \
	for (guint side = 0; side < KERNEL_REQUEST_SIDES; side++) \
		if ((c)->side == side || (c)->side == KERNEL_REQUEST_SIDE_UNKNOWN)

/* Arguments of recv tell what is no reading at all. */
static guint64 receive_flags(const KernelCall *call)
{
	guint i = call->syscall == TRACE_SYS_RECVFROM ? 2 : call->syscall == TRACE_SYS_RECVMSG ? 1 : G_MAXUINT;

	return i != G_MAXUINT && (call->args_present >> i) & 1 ? call->args[i] : 0;
}

/* A reader that had to sleep had nothing to read before. Who only looks at data will read them again. */
static Moved moved(const Done *d, gboolean reads)
{
	gboolean slept = d->call->switches != d->thread->switches;
	guint op = kernel_call_rule(d->call->syscall)->op;
	gboolean bytes = op != KERNEL_OP_READ_N && op != KERNEL_OP_WRITE_N && !(reads && receive_flags(d->call) & PEEK);

	return (Moved){.begin_ns = reads && slept ? d->time : d->call->begin_ns, .end_ns = d->time, .thread = d->thread->serial,
		       .bytes = bytes ? (guint64)d->ret : 0};
}

static void on_moved(KernelRequests *r, guint32 socket, gboolean reads, const Done *d)
{
	const KernelRequestConnection *c = connection_of(r, socket);
	Socket *s = socket_at(r, socket);
	Moved m = moved(d, reads);

	if (!s->first)
		s->first = reads ? 1 : 2;
	EACH_SIDE(c, side) {
		catch_up(r, &s->tracks[side]);
		if (reads == (side == KERNEL_REQUEST_SERVER))
			on_ask(r, socket, side, &m);
		else
			on_answer(r, socket, side, &m);
	}
	if (!reads && c->net == KERNEL_NET_NONE)
		requests_find_packets(r, socket, d->thread, d->call->begin_ns);
}

static void on_nothing_moved(KernelRequests *r, guint32 socket, gboolean reads, const Done *d)
{
	const KernelRequestConnection *c = connection_of(r, socket);
	Socket *s = socket_at(r, socket);

	EACH_SIDE(c, side) {
		catch_up(r, &s->tracks[side]);
		if (d->ret < 0)
			on_failure(r, socket, side, reads == (side == KERNEL_REQUEST_SERVER), -d->ret, d->time);
		else if (reads)
			on_stream_end(r, socket, side, d->time);
	}
}

/* TRUE for a call that was to read nothing: its 0 isn't the stream's end. */
static gboolean wants_nothing(const KernelCall *call)
{
	gboolean counts = call->syscall != TRACE_SYS_RECVMSG && call->syscall != TRACE_SYS_SPLICE;

	return counts && call->args_present & 2 && call->args[1] == 0;
}

static void on_io(KernelRequests *r, guint32 file, gboolean reads, const Done *d)
{
	guint64 flags = reads ? receive_flags(d->call) : 0;
	guint32 socket = flags & ERROR_QUEUE ? KERNEL_NO_FILE : socket_of(r, file, d->call);

	if (socket == KERNEL_NO_FILE || (d->ret == 0 && flags & PEEK))
		return;
	if (d->ret > 0)
		on_moved(r, socket, reads, d);
	else if (d->ret < 0 || !wants_nothing(d->call))
		on_nothing_moved(r, socket, reads, d);
}

static void on_connect(KernelRequests *r, const Done *d)
{
	guint32 socket = d->ret == 0 || d->ret == -EINPROGRESS ? socket_of(r, d->call->file, d->call) : KERNEL_NO_FILE;

	if (socket == KERNEL_NO_FILE)
		return;
	KernelRequestConnection *c = connection_of(r, socket);
	if (c->side == KERNEL_REQUEST_CLIENT)
		return; /* the second call only asks what became of the first one */
	c->side = KERNEL_REQUEST_CLIENT;
	c->how = KERNEL_REQUEST_BY_CALL;
	if (socket_at(r, socket)->tracks[KERNEL_REQUEST_CLIENT].item == NO_ITEM)
		socket_at(r, socket)->connect_ns = d->call->begin_ns;
}

/* Where the process no longer writes there will be no more of an answer. Another process may still have the socket, and may go on. */
static void on_close(KernelRequests *r, guint32 socket, gint64 time)
{
	const KernelRequestConnection *c = connection_of(r, socket);
	Socket *s = socket_at(r, socket);

	EACH_SIDE(c, side) {
		Track *track = &s->tracks[side];

		catch_up(r, track);
		if (is_open(track) && track->turn == TURN_ASKING)
			break_off(r, track, KERNEL_REQUEST_UNANSWERED, time);
	}
}

static void on_shutdown(KernelRequests *r, guint32 socket, const KernelCall *call)
{
	Track *track = &socket_at(r, socket)->tracks[KERNEL_REQUEST_SERVER];

	catch_up(r, track);
	if (track->turn == TURN_ANSWERING && call->args_present & 2 && call->args[1] != SHUT_READ)
		track->turn = TURN_NONE;
}

static guint32 known_socket(const KernelRequests *r, guint32 file)
{
	return file < r->by_file->len ? g_array_index(r->by_file, guint32, file) - 1 : KERNEL_NO_FILE;
}

static void on_other(KernelRequests *r, const Done *d)
{
	guint32 socket = known_socket(r, d->call->file);

	if (d->call->syscall == TRACE_SYS_CONNECT)
		on_connect(r, d);
	else if (socket != KERNEL_NO_FILE && d->call->syscall == TRACE_SYS_CLOSE)
		on_close(r, socket, d->time);
	else if (socket != KERNEL_NO_FILE && d->call->syscall == TRACE_SYS_SHUTDOWN)
		on_shutdown(r, socket, d->call);
}

void kernel_requests_call(KernelRequests *r, const KernelThread *t, const KernelCall *call, gint64 ret, gint64 time)
{
	const KernelCallRule *rule = kernel_call_rule(call->syscall);
	const Done d = {t, call, ret, time};

	switch ((KernelOp)rule->op) {
	case KERNEL_OP_READ:
	case KERNEL_OP_READ_N:
		on_io(r, call->file, TRUE, &d);
		break;
	case KERNEL_OP_WRITE:
	case KERNEL_OP_WRITE_N:
		on_io(r, call->file, FALSE, &d);
		break;
	case KERNEL_OP_COPY:
		on_io(r, call->file, TRUE, &d);
		if (call->file2 != KERNEL_NO_FILE)
			on_io(r, call->file2, FALSE, &d);
		break;
	case KERNEL_OP_OTHER:
		on_other(r, &d);
		break;
	default:
		break;
	}
}

/* ---- The part ----------------------------------------------------------------------------------------------------- */

static void requests_loss(gpointer part, gint32 cpu, gint64 time, TraceLossEdge edge)
{
	(void)cpu;
	(void)time;
	(void)edge;
	((KernelRequests *)part)->losses++;
}

static TraceModel requests_model(gpointer part)
{
	static const TraceNeed none[1];

	return (TraceModel){.needs = none, .n_needs = 0, .loss = requests_loss, .self = part};
}

/* Whose process a socket is, as far as that is told. */
static gint32 pid_of(const KernelRequests *r, const KernelRequestConnection *c)
{
	return ((const KernelFileItem *)history_table_get(r->set->history, r->files, c->file))->pid;
}

/* Which end a socket is that was open before the recording. */
static void choose_sides(KernelRequests *r)
{
	g_autoptr(GHashTable) processes = g_hash_table_new(NULL, NULL); /* pid -> a bit for each side of sockets that is known */

	for (guint pass = 0; pass < 2; pass++)
		for (guint i = 0; i < r->sockets->len; i++) {
			KernelRequestConnection *c = connection_of(r, i);
			gpointer pid = GINT_TO_POINTER(pid_of(r, c));
			guint known = GPOINTER_TO_UINT(g_hash_table_lookup(processes, pid));

			if (pass == 0 && c->side != KERNEL_REQUEST_SIDE_UNKNOWN)
				g_hash_table_insert(processes, pid, GUINT_TO_POINTER(known | 1u << c->side));
			if (pass == 0 || c->side != KERNEL_REQUEST_SIDE_UNKNOWN)
				continue;
			gboolean one = known == 1u << KERNEL_REQUEST_SERVER || known == 1u << KERNEL_REQUEST_CLIENT;
			c->how = one ? KERNEL_REQUEST_BY_PROCESS : KERNEL_REQUEST_BY_DATA;
			c->side = one ? known != 1u << KERNEL_REQUEST_SERVER : socket_at(r, i)->first == 1 ? KERNEL_REQUEST_SERVER : KERNEL_REQUEST_CLIENT;
		}
}

/* What was going on when events were lost, and not heard of again. */
static void give_up(KernelRequests *r)
{
	for (guint i = 0; i < r->sockets->len; i++) {
		const KernelFileItem *file = history_table_get(r->set->history, r->files, connection_of(r, i)->file);

		for (guint side = 0; side < KERNEL_REQUEST_SIDES; side++) {
			Track *track = &socket_at(r, i)->tracks[side];

			if (track->turn != TURN_ANSWERING || file->closed_ns == G_MAXINT64)
				catch_up(r, track);
		}
	}
}

static void count(KernelRequests *r)
{
	guint64 n = history_table_len(r->set->history, r->table);

	for (guint64 i = 0; i < n; i++) {
		const KernelRequest *q = history_table_get(r->set->history, r->table, i);
		KernelRequestConnection *c = connection_of(r, q->connection);

		if (q->side != c->side)
			continue;
		c->requests += !(q->flags & KERNEL_REQUEST_INCOMPLETE);
		c->lost += (q->flags & KERNEL_REQUEST_LOST) != 0;
	}
}

static void requests_finish(gpointer part)
{
	KernelRequests *r = part;

	give_up(r);
	requests_addresses(r);
	choose_sides(r);
	requests_handshakes(r);
	requests_arrivals(r);
	count(r);
}

const KernelPart kernel_part_requests = {.create = requests_create, .model = requests_model, .finish = requests_finish, .free = requests_free};
