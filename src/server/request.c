/* SPDX-License-Identifier: MIT */
/* request.c: what handlers ask of a request. */
#include <errno.h>
#include <string.h>

#include "server/http.h"

const char *server_part(const ServerRequest *request, guint i)
{
	return i < request->n_parts ? request->parts[i] : "";
}

const char *server_argument(const ServerRequest *request, const char *name)
{
	return g_hash_table_lookup(request->arguments, name);
}

gboolean server_int_argument(const ServerRequest *request, const char *name, gint64 missing, gint64 least, gint64 most, gint64 *out, GError **error)
{
	const char *text = server_argument(request, name);

	*out = missing;
	if (!text || g_ascii_string_to_signed(text, 10, least, most, out, NULL))
		return TRUE;
	g_set_error(error, ST_ERROR, ST_ERROR_USAGE, "\"%s\" takes a number from %" G_GINT64_FORMAT " to %" G_GINT64_FORMAT ", not \"%s\"", name, least, most, text);
	return FALSE;
}

const json_t *server_body(const ServerRequest *request)
{
	return request->json;
}

ServerModel *server_model(const ServerRequest *request)
{
	return request->model;
}

void server_request_clear_parts(ServerRequest *request)
{
	for (guint i = 0; i < request->n_parts; i++)
		g_clear_pointer(&request->parts[i], g_free);
	request->n_parts = 0;
}

GHashTable *server_arguments_new(void)
{
	return g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
}

void server_request_clear(ServerRequest *request)
{
	server_request_clear_parts(request);
	json_decref(request->json);
	g_string_free(request->body, TRUE);
	g_hash_table_unref(request->arguments);
	g_free(request->method);
	g_free(request->path);
}

/* The next part of a path, and where the one behind it begins. */
static const char *next_part(const char *path, gsize *len)
{
	path += *path == '/';
	*len = strcspn(path, "/");
	return path;
}

gboolean server_path_matches(const char *pattern, const char *path, ServerRequest *request)
{
	gsize wanted, len;

	server_request_clear_parts(request);
	for (;;) {
		pattern = next_part(pattern, &wanted);
		path = next_part(path, &len);
		gboolean star = wanted == 1 && *pattern == '*';
		if (star && len && request->n_parts < SERVER_PARTS_MAX)
			request->parts[request->n_parts++] = g_strndup(path, len);
		else if (star || wanted != len || strncmp(pattern, path, len) != 0)
			return FALSE;
		pattern += wanted;
		path += len;
		if (!*pattern || !*path)
			return !*pattern && !*path;
	}
}
