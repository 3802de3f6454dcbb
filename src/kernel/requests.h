/* SPDX-License-Identifier: MIT */
/*
 * kernel/requests.h: requests and their answers on stream sockets. A part of the set (kernel/set.h); it hears of system calls from the part syscalls.
 *
 * Nothing of the application need be known. On a connection one end asks and the other one answers, in turns: a turn that begins with the first bytes that a
 * server reads after its last answer, and lasts until the last byte that it writes before it reads others, is a request. So is, on a client's connection, what
 * lasts from the first byte that it writes until the last byte of the answer that it reads. State is kept by socket, and so a request may be read by one thread
 * and answered by another, or by another process. docs/analyses/requests.md tells the rules and their limits.
 */
#ifndef STRATA_KERNEL_REQUESTS_H
#define STRATA_KERNEL_REQUESTS_H

#include "kernel/syscalls.h"

#define KERNEL_REQUEST_CONNECTIONS_MAX (1u << 20) /* sockets that are followed; those beyond have no requests */
#define KERNEL_REQUESTS_MAX            (1u << 28) /* items */

#define KERNEL_REQUEST_NO_TIME G_MININT64

/* Which end of its connection a process is. */
typedef enum {
	KERNEL_REQUEST_SERVER, /* it reads requests and writes answers */
	KERNEL_REQUEST_CLIENT, /* it writes requests and reads answers */
	KERNEL_REQUEST_SIDES,
	KERNEL_REQUEST_SIDE_UNKNOWN = KERNEL_REQUEST_SIDES,
} KernelRequestSide;

const char *kernel_request_side_name(guint side);

/* How its side is known, best first. */
typedef enum {
	KERNEL_REQUEST_BY_CALL,    /* accept or connect was seen */
	KERNEL_REQUEST_BY_PACKETS, /* it was open before the recording; who sent the SYN, or has the higher port (kernel/net.h), is the client */
	KERNEL_REQUEST_BY_PROCESS, /* what all other sockets of the process are */
	KERNEL_REQUEST_BY_DATA,    /* who was seen to read first is taken for the server */
} KernelRequestHow;

enum {
	KERNEL_REQUEST_OPEN_BEGIN = 1 << 0, /* its first bytes may have gone before the recording, or while events were lost */
	KERNEL_REQUEST_OPEN_END = 1 << 1,   /* no byte of an answer was seen; end_ns is the last that was seen of it */
	KERNEL_REQUEST_LOST = 1 << 2,       /* events were lost in it: when it ended is not known */
	KERNEL_REQUEST_LOGIN = 1 << 3,      /* the server had spoken first (MySQL, SMTP, ..): it is the client's answer to the greeting, and no request; or a handshake of TLS */
	KERNEL_REQUEST_ABORTED = 1 << 4,    /* the connection broke in it; of a client: or the server closed it before any answer */
	KERNEL_REQUEST_UNANSWERED = 1 << 5, /* this end closed the socket and there had been no answer: it gave up, or it was a goodbye (MySQL's quit) */
};

/* Cut off; with one of the second ones its length is nothing to count with. */
#define KERNEL_REQUEST_CUT (KERNEL_REQUEST_OPEN_BEGIN | KERNEL_REQUEST_OPEN_END | KERNEL_REQUEST_LOST)
#define KERNEL_REQUEST_INCOMPLETE \
	(KERNEL_REQUEST_CUT | KERNEL_REQUEST_LOGIN | KERNEL_REQUEST_ABORTED | KERNEL_REQUEST_UNANSWERED)

/*
 * The table "requests", in order of the calls with which they begin. Only those whose `side` is that of their connection are real: of a socket that was open before the recording
 * both readings are kept until it is known which end it is.
 *
 * Server: asked = read, answered = written. Client: asked = written, answered = read.
 */
typedef struct {
	gint64 begin_ns;      /* server: its first byte was there and read (if the reader had to sleep for it: until the read returned). Client: the first write began */
	gint64 turn_ns;       /* its last byte had been read, or written */
	gint64 end_ns;        /* the answer's last byte had been written, or read */
	/* What the process doesn't see of it, KERNEL_REQUEST_NO_TIME where that is not known or isn't so: */
	gint64 early_ns;      /* server: its first packet with data came in. Client: connect() was called, of the first request on a connection */
	gint64 late_ns;       /* client: the stream's end was read, of a connection with this request alone */
	guint64 asked, answered;   /* bytes; messages by recvmmsg and sendmmsg don't tell theirs */
	guint32 connection;   /* item of "request_connections" */
	guint32 asker, answerer;   /* serial of the thread that read (wrote) last of the request; that wrote (read) last of the answer. G_MAXUINT32: not yet */
	guint32 asks, answers;     /* calls */
	guint8 side, flags;
} KernelRequest;

#define KERNEL_REQUESTS_TABLE "requests"

/* The table "request_connections": stream sockets on which something was read or written, by one end. */
typedef struct {
	guint32 file;         /* of the table "files" */
	guint32 net;          /* of the table "connections", the interface on which its packets went out first; KERNEL_NET_NONE: none was seen */
	guint64 requests;     /* of its side, complete ones */
	guint64 lost;         /* begun, and lost with events */
	guint8 side, how;     /* KernelRequestSide, KernelRequestHow */
	guint8 net_side;      /* which side of `net` is this one */
	guint8 greeted;       /* the server spoke first */
	guint8 kind;          /* KernelFileKind */
	guint8 has_local, has_remote; /* the addresses are known */
	guint8 version;       /* IP's: 4 or 6; 0: neither */
	guint16 local_port, remote_port;
	guint8 local[16], remote[16]; /* IPv6 addresses; those of IPv4 are mapped */
} KernelRequestConnection;

#define KERNEL_REQUEST_CONNECTIONS_TABLE "request_connections"

/* The server's port: the local one or the remote one. 0: not known, or there is none. */
guint16 kernel_request_port(const KernelRequestConnection *c);

/* The turn of a connection's (0: its first one) to that port of the server's is a handshake of TLS, as far as its port and length tell. */
gboolean kernel_request_is_handshake(guint16 port, guint turn, guint64 asked);

/* ---- For the part syscalls ------------------------------------------------------------------------------------------ */

struct KernelRequests;

/* A call is complete; to be told after the part files. */
void kernel_requests_call(struct KernelRequests *r, const KernelThread *t, const KernelCall *call, gint64 ret, gint64 time);

#endif
