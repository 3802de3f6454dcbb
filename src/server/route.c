/* SPDX-License-Identifier: MIT */
/* route.c: from paths to handlers. */
#include <string.h>

#include "server/tsp.h"

static const ServerRoute *const tables[] = {server_tsp_routes, tsp_model_routes, tsp_config_routes, tsp_output_routes, tsp_bookmark_routes, server_page_routes};

static gboolean fits_method(const char *wanted, const char *method)
{
	return strcmp(wanted, method) == 0 || (strcmp(wanted, "GET") == 0 && strcmp(method, "HEAD") == 0);
}

/* The route for it; NULL: none. *known_out: the path is one of another method. */
static const ServerRoute *find(ServerRequest *request, gboolean *known_out)
{
	*known_out = FALSE;
	for (guint i = 0; i < G_N_ELEMENTS(tables); i++)
		for (const ServerRoute *route = tables[i]; route->method; route++) {
			if (!server_path_matches(route->path, request->path, request))
				continue;
			if (fits_method(route->method, request->method))
				return route;
			*known_out = TRUE;
		}
	return NULL;
}

/* An object, or nothing. Duplicate keys would mean different things to different readers. */
static gboolean parse_body(ServerRequest *request, ServerReply *reply)
{
	json_error_t error;

	if (!request->body->len)
		return (request->json = json_object()) != NULL;
	request->json = json_loadb(request->body->str, request->body->len, JSON_REJECT_DUPLICATES, &error);
	if (!request->json)
		return server_refuse(reply, MHD_HTTP_BAD_REQUEST, "The body is no JSON", "line %d, column %d: %s", error.line, error.column, error.text);
	if (!json_is_object(request->json))
		return server_refuse(reply, MHD_HTTP_BAD_REQUEST, "The body is no JSON object", "It must be one: {\"parameters\": {..}}");
	return TRUE;
}

static gboolean is_reading(const ServerRequest *request)
{
	return fits_method("GET", request->method);
}

static gboolean refuse_unknown(const ServerRequest *request, ServerReply *reply, gboolean known)
{
	if (!known)
		return server_refuse(reply, MHD_HTTP_NOT_FOUND, "Not found", "There is nothing at %s", request->path);
	reply->allow = "GET, HEAD, POST, PUT, DELETE, OPTIONS";
	return server_refuse(reply, MHD_HTTP_METHOD_NOT_ALLOWED, "Wrong method", "%s does not answer %s", request->path, request->method);
}

void server_route(ServerRequest *request, ServerReply *reply, const char *web_dir)
{
	g_autoptr(GError) error = NULL;
	gboolean known, done;
	const ServerRoute *route = find(request, &known);

	if (route)
		done = parse_body(request, reply) && route->handler(request, reply, &error);
	else
		done = (!known && is_reading(request) && server_asset(reply, request->path, web_dir)) || refuse_unknown(request, reply, known);
	server_reply_end(reply, done, error);
}
