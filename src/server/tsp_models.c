/* SPDX-License-Identifier: MIT */
/* tsp_models.c: traces and experiments of the Trace Server Protocol. */
#include <string.h>

#include "server/events.h"
#include "server/tsp.h"

#define API "/tsp/api"
#define NAME_MAX_BYTES 1000

gboolean tsp_no_such(ServerReply *reply, const char *what, const char *id)
{
	g_autofree char *title = g_strdup_printf("No such %s", what);

	return server_refuse(reply, MHD_HTTP_NOT_FOUND, title, "There is no %s %s", what, id);
}

/* ---- Traces ---------------------------------------------------------------------------------------------------------------------- */

void tsp_put_trace(StJson *json, const ServerTrace *t)
{
	st_json_begin_object(json);
	st_json_member_string(json, "UUID", t->uuid);
	st_json_member_string(json, "name", t->name);
	st_json_member_string(json, "path", t->path);
	st_json_member_int(json, "start", t->begin_ns);
	st_json_member_int(json, "end", t->end_ns);
	st_json_member_int(json, "nbEvents", g_atomic_int_get(&t->n_events));
	st_json_member_string(json, "indexingStatus", "COMPLETED");
	st_json_key(json, "properties");
	st_json_begin_object(json);
	st_json_end(json);
	st_json_end(json);
}

static gboolean get_traces(ServerRequest *request, ServerReply *reply, GError **error)
{
	g_autoptr(GPtrArray) traces = server_model_traces(server_model(request));
	StJson *json = server_reply_json(reply);

	st_json_begin_array(json);
	for (guint i = 0; i < traces->len; i++)
		tsp_put_trace(json, traces->pdata[i]);
	st_json_end(json);
	return TRUE;
}

static ServerTrace *find_trace(GPtrArray *traces, const char *uuid)
{
	for (guint i = 0; i < traces->len; i++)
		if (strcmp(((ServerTrace *)traces->pdata[i])->uuid, uuid) == 0)
			return traces->pdata[i];
	return NULL;
}

static gboolean get_trace(ServerRequest *request, ServerReply *reply, GError **error)
{
	g_autoptr(GPtrArray) traces = server_model_traces(server_model(request));
	ServerTrace *t = find_trace(traces, server_part(request, 0));

	if (!t)
		return tsp_no_such(reply, "trace", server_part(request, 0));
	tsp_put_trace(server_reply_json(reply), t);
	return TRUE;
}

/* A text among the parameters; NULL, and refused: it isn't there. */
static const char *text_parameter(ServerRequest *request, ServerReply *reply, const char *name)
{
	const json_t *parameters = json_object_get(server_body(request), "parameters");
	const json_t *value = json_object_get(parameters, name);

	if (json_is_string(value) && json_string_length(value) && json_string_length(value) <= NAME_MAX_BYTES)
		return json_string_value(value);
	server_refuse(reply, MHD_HTTP_BAD_REQUEST, "A parameter is missing", "\"parameters\" must have the text \"%s\"", name);
	return NULL;
}

static gboolean post_trace(ServerRequest *request, ServerReply *reply, GError **error)
{
	const char *uri = text_parameter(request, reply, "uri");
	g_autofree char *path = uri && g_str_has_prefix(uri, "file:") ? g_filename_from_uri(uri, NULL, NULL) : g_strdup(uri);

	if (!uri)
		return FALSE;
	ServerTrace *t = server_model_open_trace(server_model(request), path ? path : uri, error);
	if (!t && g_error_matches(*error, ST_ERROR, ST_ERROR_USAGE))
		return server_refuse(reply, MHD_HTTP_FORBIDDEN, "Refused", "%s", (*error)->message);
	if (!t)
		return server_refuse(reply, MHD_HTTP_NOT_FOUND, "No trace", "%s", (*error)->message);
	tsp_put_trace(server_reply_json(reply), t);
	server_trace_unref(t);
	return TRUE;
}

static gboolean delete_trace(ServerRequest *request, ServerReply *reply, GError **error)
{
	g_autoptr(GPtrArray) traces = server_model_traces(server_model(request));
	ServerTrace *t = find_trace(traces, server_part(request, 0));
	gboolean used;

	if (!t)
		return tsp_no_such(reply, "trace", server_part(request, 0));
	if (!server_model_close_trace(server_model(request), t->uuid, &used) && used)
		return server_refuse(reply, MHD_HTTP_CONFLICT, "Still used", "An experiment has the trace %s", t->name);
	tsp_put_trace(server_reply_json(reply), t);
	return TRUE;
}

/* ---- Experiments ------------------------------------------------------------------------------------------------------------------- */

/* Before anything is known of the clocks: what the traces say of themselves. */
static void guess_range(const GPtrArray *traces, gint64 *begin, gint64 *end)
{
	*begin = *end = 0;
	for (guint i = 0; i < traces->len; i++) {
		const ServerTrace *t = traces->pdata[i];

		*begin = i ? MIN(*begin, t->begin_ns) : t->begin_ns;
		*end = i ? MAX(*end, t->end_ns) : t->end_ns;
	}
}

void tsp_put_experiment(StJson *json, const ServerExperiment *e)
{
	const GPtrArray *traces = server_experiment_traces(e);
	const AnalysisStore *store = server_store(e);
	const ServerEvents *events = server_events(e);
	gint64 begin, end;

	guess_range(traces, &begin, &end);
	/* A viewer that knows a length keeps to it, though clocks and so begin and end change; it waits for one when there is none. */
	if (server_phase(e) == SERVER_ANALYSING)
		end = begin;
	st_json_begin_object(json);
	st_json_member_string(json, "UUID", server_experiment_uuid(e));
	st_json_member_string(json, "name", server_experiment_name(e));
	st_json_member_int(json, "start", store ? store->begin_ns : begin);
	st_json_member_int(json, "end", store ? store->end_ns : end);
	st_json_member_uint(json, "nbEvents", events ? server_events_count(events) : 0);
	st_json_member_string(json, "indexingStatus", events || server_phase(e) == SERVER_FAILED ? "COMPLETED" : "RUNNING");
	st_json_key(json, "traces");
	st_json_begin_array(json);
	for (guint i = 0; i < traces->len; i++)
		tsp_put_trace(json, traces->pdata[i]);
	st_json_end(json);
	st_json_end(json);
}

static gboolean get_experiments(ServerRequest *request, ServerReply *reply, GError **error)
{
	g_autoptr(GPtrArray) all = server_model_experiments(server_model(request));
	StJson *json = server_reply_json(reply);

	st_json_begin_array(json);
	for (guint i = 0; i < all->len; i++)
		tsp_put_experiment(json, all->pdata[i]);
	st_json_end(json);
	return TRUE;
}

static gboolean get_experiment(ServerRequest *request, ServerReply *reply, GError **error)
{
	g_autoptr(ServerExperiment) e = server_experiment(request, server_part(request, 0), reply);

	if (e)
		tsp_put_experiment(server_reply_json(reply), e);
	return e != NULL;
}

/* The traces that the request names; NULL: refused. */
static GPtrArray *named_traces(ServerRequest *request, ServerReply *reply, GPtrArray *known)
{
	const json_t *uuids = json_object_get(json_object_get(server_body(request), "parameters"), "traces");
	g_autoptr(GPtrArray) found = g_ptr_array_new();

	for (gsize i = 0; i < json_array_size(uuids); i++) {
		const char *uuid = json_string_value(json_array_get(uuids, i));
		ServerTrace *t = uuid ? find_trace(known, uuid) : NULL;

		if (!t) {
			tsp_no_such(reply, "trace", uuid ? uuid : "");
			return NULL;
		}
		if (!g_ptr_array_find(found, t, NULL))
			g_ptr_array_add(found, t);
	}
	if (found->len)
		return g_steal_pointer(&found);
	server_refuse(reply, MHD_HTTP_BAD_REQUEST, "A parameter is missing", "\"parameters\" must have \"traces\": the UUIDs of one at least");
	return NULL;
}

static gboolean post_experiment(ServerRequest *request, ServerReply *reply, GError **error)
{
	g_autoptr(GPtrArray) known = server_model_traces(server_model(request));
	const char *name = text_parameter(request, reply, "name");
	g_autoptr(GPtrArray) traces = name ? named_traces(request, reply, known) : NULL;
	g_autoptr(ServerExperiment) clash = NULL;
	g_autoptr(ServerExperiment) e = traces ? server_model_open_experiment(server_model(request), name, traces, &clash, error) : NULL;

	if (clash) {
		server_refuse(reply, MHD_HTTP_CONFLICT, "The name is taken", "An experiment %s of other traces is open", name);
		StJson *json = server_reply_json(reply);
		reply->own_refusal = TRUE;
		st_json_begin_object(json);
		st_json_member_string(json, "title", reply->title);
		st_json_member_string(json, "detail", reply->detail);
		st_json_member_string(json, "details", reply->detail);
		st_json_key(json, "experiment");
		tsp_put_experiment(json, clash);
		st_json_end(json);
	}
	if (e)
		tsp_put_experiment(server_reply_json(reply), e);
	return e != NULL;
}

static gboolean delete_experiment(ServerRequest *request, ServerReply *reply, GError **error)
{
	g_autoptr(ServerExperiment) e = server_model_close_experiment(server_model(request), server_part(request, 0));

	if (!e)
		return tsp_no_such(reply, "experiment", server_part(request, 0));
	tsp_put_experiment(server_reply_json(reply), e);
	return TRUE;
}

const ServerRoute tsp_model_routes[] = {
	{"GET", API "/traces", get_traces},
	{"POST", API "/traces", post_trace},
	{"GET", API "/traces/*", get_trace},
	{"DELETE", API "/traces/*", delete_trace},
	{"GET", API "/experiments", get_experiments},
	{"POST", API "/experiments", post_experiment},
	{"GET", API "/experiments/*", get_experiment},
	{"DELETE", API "/experiments/*", delete_experiment},
	{NULL, NULL, NULL},
};
