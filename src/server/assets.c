/* SPDX-License-Identifier: MIT */
/* assets.c: the page's files: those in the program, or for its development those of a directory. */
#include <string.h>

#include "server/http.h"

#define FILE_MAX (64u << 20) /* bytes */

static const struct {
	const char *ending, *type;
} types[] = {
	{".html", "text/html; charset=utf-8"}, {".js", "text/javascript; charset=utf-8"}, {".mjs", "text/javascript; charset=utf-8"},
	{".css", "text/css; charset=utf-8"},   {".svg", "image/svg+xml"},                 {".png", "image/png"},
	{".ico", "image/x-icon"},              {".json", "application/json"},             {".woff2", "font/woff2"},
	{".txt", "text/plain; charset=utf-8"},
};

/* NULL: no file of the page has such a name. */
static const char *type_of(const char *path)
{
	for (guint i = 0; i < G_N_ELEMENTS(types); i++)
		if (g_str_has_suffix(path, types[i].ending))
			return types[i].type;
	return NULL;
}

static gboolean from_program(ServerReply *reply, const char *path)
{
	const ServerAsset *a = server_assets;

	while (a->path && strcmp(a->path, path) != 0)
		a++;
	if (!a->path)
		return FALSE;
	reply->fixed = g_bytes_new_static(a->data, a->len);
	reply->fixed_gzip = a->gzip ? g_bytes_new_static(a->gzip, a->gzip_len) : NULL;
	return TRUE;
}

/* Not above the directory, and nothing hidden; links are followed, it is the developer's own. */
static gboolean is_plain(const char *path)
{
	return !strstr(path, "..") && !strstr(path, "/.") && *path != '.' && *path != '/' && !strchr(path, '\\');
}

static gboolean from_directory(ServerReply *reply, const char *path, const char *directory)
{
	g_autofree char *full = g_build_filename(directory, path, NULL);
	g_autoptr(GMappedFile) file = is_plain(path) ? g_mapped_file_new(full, FALSE, NULL) : NULL;

	if (!file || g_mapped_file_get_length(file) > FILE_MAX)
		return FALSE;
	/* A copy: the file may be shortened while it is sent. */
	reply->fixed = g_bytes_new(g_mapped_file_get_contents(file), g_mapped_file_get_length(file));
	return TRUE;
}

gboolean server_asset(ServerReply *reply, const char *path, const char *web_dir)
{
	const char *file = *path && path[1] ? path + 1 : "index.html";

	reply->content_type = type_of(file);
	reply->is_page = reply->content_type && (web_dir ? from_directory(reply, file, web_dir) : from_program(reply, file));
	return reply->is_page;
}
