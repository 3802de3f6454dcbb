/* SPDX-License-Identifier: MIT */
/*
 * server/server.h: `strata serve`: traces analysed in the background, and looked at over HTTP: by the page in web/, by viewers that speak the Trace Server Protocol
 * (TSP) 0.6, and by scripts.
 *
 *     traces --server_new()--> Server (listens) --server_run()--> until somebody says stop
 *
 *     http.c    connections (libmicrohttpd), limits, compression; handlers run on threads of their own
 *     route.c   which handler answers which path
 *     model.c   what there is to look at: traces, experiments, how far their analysis has come
 *     assets.c  the page's files, which are part of the program
 *     tsp_*.c   handlers of the Trace Server Protocol
 *     page_*.c  handlers of the page's own
 *
 * How to write a handler: server/private.h. docs/server.md tells what is served.
 */
#ifndef STRATA_SERVER_SERVER_H
#define STRATA_SERVER_SERVER_H

#include "analysis/store.h"

/* Hard maxima. */
#define SERVER_BODY_MAX        (256u << 10) /* bytes of a request's body */
#define SERVER_HEAD_MAX        (32u << 10)  /* bytes of a request's line and headers */
#define SERVER_CONNECTIONS_MAX 512          /* at a time; who comes then waits */
#define SERVER_IDLE_S          60           /* seconds without a byte, then a connection is closed */
#define SERVER_EXPERIMENTS_MAX 16           /* open at a time */
#define SERVER_TRACES_MAX      4096         /* known at a time */
#define SERVER_BOOKMARKS_MAX   10000        /* of an experiment */

typedef struct {
	const char *listen;         /* address to bind; NULL: 127.0.0.1 */
	guint port;                 /* 0: any that is free */
	const char *web_dir;        /* the page's files are read from here; NULL: those in the program */
	const char *const *allow;   /* names of hosts by which this server may be called and whose pages may ask it, besides localhost; NULL-terminated, may be NULL */
	const char *const *paths;   /* where traces were looked for: others can be opened only below these. NULL-terminated */
	AnalysisStoreOptions store; /* how traces are analysed; `warnings`, `progress` and `progress_user` are the server's own */
	void (*tell)(const char *line); /* warnings, and what became of the analysis; from any thread */
} ServerOptions;

typedef struct Server Server;

/*
 * Listen, and begin to analyse `traces` (CtfTrace *; a reference is taken) in the background. `options` must outlive it. Errors: ST_ERROR_IO where the address can't be had.
 */
Server *server_new(GPtrArray *traces, const ServerOptions *options, GError **error);

/* "http://127.0.0.1:8080/"; belongs to the server. */
const char *server_url(const Server *server);

/*
 * Serve until SIGINT or SIGTERM. In the middle of an analysis the process ends here and now, with status 0: what was not finished is not kept, and no part of it lies in the
 * cache.
 */
void server_run(Server *server);

void server_free(Server *server); /* NULL is fine */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Server, server_free)

#endif
