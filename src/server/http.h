/* SPDX-License-Identifier: MIT */
/* server/http.h: what the server's own files know of requests and replies; handlers need only server/private.h. */
#ifndef STRATA_SERVER_HTTP_H
#define STRATA_SERVER_HTTP_H

#include <microhttpd.h>

#include "server/private.h"

#define SERVER_PARTS_MAX 8  /* stars in a path */

/* ---- Replies: reply.c -------------------------------------------------------------------------------------------------- */

struct ServerReply {
	guint status;
	const char *content_type;
	GString *bytes;           /* what is made at once; NULL: a stream, or nothing yet */
	StJson *json;             /* writes to `bytes` */
	ServerMore more;          /* a stream; NULL: none */
	gpointer state;
	GDestroyNotify free_state;
	char *title, *detail;     /* of a refusal; NULL: none */
	gboolean own_refusal;     /* what was written to it is the refusal's own body; else that is forgotten */
	const char *allow;        /* status 405: the methods that there are; lives for ever */
	GBytes *fixed, *fixed_gzip; /* a file of the page; its compressed copy may be NULL */
	gboolean is_page;         /* headers of a page's file */
};

void server_reply_init(ServerReply *reply);
void server_reply_clear(ServerReply *reply);

/* What was made at once, for any number of replies. */
typedef struct {
	const char *content_type;
	GBytes *plain, *gzip;     /* gzip: NULL where it would be no smaller */
} ServerAnswer;

/* Takes what a reply holds; `*bytes_out`: its size. */
ServerAnswer *server_answer_new(ServerReply *reply, gsize *bytes_out);
void server_answer_free(gpointer answer);
void server_reply_answer(ServerReply *reply, const ServerAnswer *answer);

/* End it: what failed becomes a JSON error. `error` may be NULL. */
void server_reply_end(ServerReply *reply, gboolean done, const GError *error);

/*
 * Make the answer of it, which takes over what the reply holds. `gzip`: the client understands that. `if_none_match`: may be NULL.
 */
struct MHD_Response *server_reply_response(ServerReply *reply, gboolean is_get, gboolean gzip, const char *if_none_match);

/* ---- Requests: request.c ----------------------------------------------------------------------------------------------- */

struct ServerRequest {
	ServerModel *model;
	char *method, *path;
	GHashTable *arguments;    /* behind the path's "?": text -> text; of several of a name the first */
	GString *body;
	json_t *json;             /* the body's */
	char *parts[SERVER_PARTS_MAX];
	guint n_parts;
};

GHashTable *server_arguments_new(void);
void server_request_clear(ServerRequest *request);

/* ---- Who may ask: guard.c ---------------------------------------------------------------------------------------------- */

/*
 * Pages of other places must not get at the traces: neither by asking this server (Origin), nor by giving it a name of theirs (Host: DNS rebinding). `allow` is that of
 * ServerOptions; headers may be NULL. FALSE: refused.
 */
gboolean server_guard_host(const char *const *allow, const char *host);
gboolean server_guard_origin(const char *const *allow, const char *origin, const char *host);

/* ---- Routes: route.c --------------------------------------------------------------------------------------------------- */

/* Find the handler and call it. What it said is in the reply. */
void server_route(ServerRequest *request, ServerReply *reply, const char *web_dir);

/* TRUE if the path is one that the pattern means; the parts for its stars are put into the request. */
gboolean server_path_matches(const char *pattern, const char *path, ServerRequest *request);
void server_request_clear_parts(ServerRequest *request);

extern const ServerRoute server_tsp_routes[], server_page_routes[];

/* ---- The page's files: assets.c ---------------------------------------------------------------------------------------- */

typedef struct {
	const char *path;         /* "index.html" */
	const guint8 *data, *gzip; /* gzip: NULL where it would be no smaller */
	gsize len, gzip_len;
} ServerAsset;

extern const ServerAsset server_assets[]; /* made by embed.c; ended by a path of NULL */

/* Put the file of that path into the reply; with `web_dir` it is read from there. FALSE: there is none. */
gboolean server_asset(ServerReply *reply, const char *path, const char *web_dir);

#endif
