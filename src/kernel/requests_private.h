/* SPDX-License-Identifier: MIT */
/* kernel/requests_private.h: what the files of the part "requests" share. */
#ifndef STRATA_KERNEL_REQUESTS_PRIVATE_H
#define STRATA_KERNEL_REQUESTS_PRIVATE_H

#include "kernel/files.h"
#include "kernel/net.h"
#include "kernel/requests.h"

/* Where a connection is, seen as one side's. */
typedef enum {
	TURN_UNKNOWN,   /* it was open before the recording, or events were lost: something may be going on */
	TURN_NONE,      /* the last answer is complete, or nothing was asked yet */
	TURN_ASKING,    /* a request goes; no byte of an answer yet */
	TURN_ANSWERING,
} Turn;

typedef struct {
	guint64 item;   /* of the request that goes on, or was the last; G_MAXUINT64: none */
	guint32 losses; /* when it was last used */
	guint8 turn;
} Track;

/* A socket. Its number is that of its item. */
typedef struct {
	Track tracks[KERNEL_REQUEST_SIDES]; /* only its side's, once that is known */
	gint64 connect_ns;                  /* of a client until its first request; KERNEL_REQUEST_NO_TIME */
	guint8 net_tries;                   /* how often its packets were looked for */
	guint8 first;                       /* what was seen first: 1: it read, 2: it wrote */
} Socket;

typedef struct KernelRequests {
	KernelSet *set;
	guint table, connections;
	guint files;            /* tables of other parts */
	guint packets, net_connections;
	GArray *sockets;        /* Socket */
	GArray *by_file;        /* guint32: number of the socket plus one; 0: not one, or not yet */
	guint32 losses;
} KernelRequests;

/* ---- requests_net.c: sockets' packets ----------------------------------------------------------------------------- */

/* A thread has written to a socket: the packets that it sent meanwhile are of that socket's connection. */
void requests_find_packets(KernelRequests *r, guint32 socket, const KernelThread *t, gint64 begin_ns);

/* After the last event: addresses of sockets from their packets, and when requests' data came in. */
void requests_addresses(KernelRequests *r);
void requests_arrivals(KernelRequests *r);

/* ---- requests_tls.c ------------------------------------------------------------------------------------------------- */

/* When ports and sides are known: handshakes of TLS are no requests. */
void requests_handshakes(KernelRequests *r);

#endif
