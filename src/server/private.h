/* SPDX-License-Identifier: MIT */
/*
 * server/private.h: how to write a handler.
 *
 * A handler is a function and a line in a table of routes:
 *
 *     static gboolean get_row(ServerRequest *request, ServerReply *reply, GError **error)
 *     {
 *             g_autoptr(ServerExperiment) e = server_experiment(request, NULL, reply);
 *             const AnalysisStore *store = e ? server_store(e) : NULL;
 *             gint64 row;
 *
 *             if (!store)
 *                     return e && server_refuse(reply, 409, "Not analysed yet", "Ask again later");
 *             if (!server_int_argument(request, "row", 0, 0, G_MAXUINT32, &row, error))
 *                     return FALSE;
 *             StJson *json = server_reply_json(reply);
 *             st_json_begin_object(json);
 *             ...
 *             st_json_end(json);
 *             return TRUE;
 *     }
 *
 *     const ServerRoute server_page_routes[] = {
 *             {"GET", "/api/v1/row", get_row},
 *             {NULL, NULL, NULL},
 *     };
 *
 * and the table's name in the list of route.c. Handlers run on several threads at once, and may take their time: nobody else waits for them. Everything that
 * is reached from a store is finished and never changes.
 */
#ifndef STRATA_SERVER_PRIVATE_H
#define STRATA_SERVER_PRIVATE_H

#include <jansson.h>

#include "base/json.h"
#include "diagnose/diagnose.h"
#include "server/server.h"

typedef struct ServerModel ServerModel;
typedef struct ServerRequest ServerRequest;
typedef struct ServerReply ServerReply;

/*
 * FALSE: it failed: `error` says why (ST_ERROR_USAGE is status 400, ST_ERROR_LIMIT 413, anything else 500), or server_refuse() was called. What had been written to the reply
 * is forgotten then.
 */
typedef gboolean (*ServerHandler)(ServerRequest *request, ServerReply *reply, GError **error);

typedef struct {
	const char *method; /* "GET" (HEAD too), "POST", "PUT", "DELETE"; NULL: the table's end */
	const char *path;   /* "*" stands for one part of the path: server_part() */
	ServerHandler handler;
} ServerRoute;

/* ---- The request ------------------------------------------------------------------------------------------------------- */

/* What stood for the i-th "*" of the route's path, from 0 on; never empty. */
const char *server_part(const ServerRequest *request, guint i);

/* An argument behind the path's "?"; NULL: it isn't there. */
const char *server_argument(const ServerRequest *request, const char *name);

/* The same as a number; where it isn't there, it is `missing`. FALSE: it is no number from `least` to `most` (ST_ERROR_USAGE). */
gboolean server_int_argument(const ServerRequest *request, const char *name, gint64 missing, gint64 least, gint64 most, gint64 *out, GError **error);

/* The body's JSON object; an empty one if there was no body. */
const json_t *server_body(const ServerRequest *request);

ServerModel *server_model(const ServerRequest *request);

/* ---- The reply --------------------------------------------------------------------------------------------------------- */

/* A JSON text that is made at once: it is finished and freed for you. For what is small: a few MB at most. */
StJson *server_reply_json(ServerReply *reply);

/* Bytes that are made at once; append to the string. `content_type` must live for ever. */
GString *server_reply_bytes(ServerReply *reply, const char *content_type);

/*
 * What may be large is made piece by piece, as fast as the client reads: `more` appends about SERVER_PIECE bytes to `out`; FALSE: that was the last piece. `state` is freed with
 * `free_state`, also if the client went away. It keeps a reference to the experiment as long as it looks at it.
 */
#define SERVER_PIECE (32u << 10)
typedef gboolean (*ServerMore)(gpointer state, GString *out);
void server_reply_stream(ServerReply *reply, const char *content_type, ServerMore more, gpointer state, GDestroyNotify free_state);

/* The same with JSON: `more` goes on writing where it had stopped. */
typedef gboolean (*ServerJsonMore)(gpointer state, StJson *json, const GString *piece);
void server_reply_json_stream(ServerReply *reply, ServerJsonMore more, gpointer state, GDestroyNotify free_state);

/* Returns FALSE, for a handler to return: {"title", "detail"} with this status (400 .. 501). The texts are copied. */
gboolean server_refuse(ServerReply *reply, guint status, const char *title, const char *format, ...) G_GNUC_PRINTF(4, 5);

/* The time of the i-th of n equal steps from begin to end. */
static inline gint64 server_step(gint64 begin, gint64 end, guint i, guint n)
{
	__extension__ typedef unsigned __int128 Wide;

	return (gint64)((guint64)begin + (guint64)((Wide)((guint64)end - (guint64)begin) * i / n));
}

/* ---- What there is to look at ------------------------------------------------------------------------------------------- */

typedef enum {
	SERVER_ANALYSING, /* server_store() is NULL */
	SERVER_READY,
	SERVER_FAILED,    /* server_failure() says why */
} ServerPhase;

/* Traces that are looked at together. */
typedef struct ServerExperiment ServerExperiment;

/*
 * The experiment of that UUID; `uuid` NULL: the one that the server was started with. Refused with 404, and NULL, where there is none. Give it back with server_experiment_unref().
 */
ServerExperiment *server_experiment(const ServerRequest *request, const char *uuid, ServerReply *reply);
ServerExperiment *server_experiment_ref(ServerExperiment *e);
void server_experiment_unref(ServerExperiment *e); /* NULL is fine */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(ServerExperiment, server_experiment_unref)

ServerPhase server_phase(const ServerExperiment *e);
double server_progress(const ServerExperiment *e);       /* of the analysis: 0 .. 1 */
char *server_failure(const ServerExperiment *e);         /* a copy; NULL: nothing failed */
const char *server_experiment_name(const ServerExperiment *e);
const char *server_experiment_uuid(const ServerExperiment *e);

/* What was analysed; NULL: not yet. It lives as long as the experiment. */
const AnalysisStore *server_store(const ServerExperiment *e);

/* The findings, which are made behind the store; NULL: not yet. */
const Diagnose *server_findings(const ServerExperiment *e);

/* Its events by number (server/events.h), which are made behind the findings; NULL: not yet. */
typedef struct ServerEvents ServerEvents;
const ServerEvents *server_events(const ServerExperiment *e);

/* Its warnings, line by line. The caller frees. */
char **server_warnings(const ServerExperiment *e);

#endif
