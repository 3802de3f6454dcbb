/* SPDX-License-Identifier: MIT */
/* tsp_bookmarks.c: places that people marked, with a note. They are kept in the cache directory, a file for each experiment. */
#include <string.h>

#include "server/tsp.h"

#define API "/tsp/api/experiments/*/bookmarks"
#define NAME_MAX_BYTES 1000

typedef struct {
	char *uuid, *name;
	gint64 begin_ns, end_ns;
} Bookmark;

static void bookmark_free(gpointer data)
{
	Bookmark *b = data;

	g_free(b->uuid);
	g_free(b->name);
	g_free(b);
}

static void put_bookmark(StJson *json, const Bookmark *b)
{
	st_json_begin_object(json);
	st_json_member_string(json, "uuid", b->uuid);
	st_json_member_string(json, "UUID", b->uuid); /* as one of the clients calls it */
	st_json_member_string(json, "name", b->name);
	st_json_member_int(json, "start", b->begin_ns);
	st_json_member_int(json, "end", b->end_ns);
	st_json_end(json);
}

/* FALSE: `p` is no bookmark. */
static gboolean read_one(const json_t *p, Bookmark *b)
{
	const json_t *name = json_object_get(p, "name"), *begin = json_object_get(p, "start"), *end = json_object_get(p, "end");

	if (!json_is_string(name) || json_string_length(name) > NAME_MAX_BYTES || !json_is_integer(begin) || !json_is_integer(end) ||
	    json_integer_value(begin) > json_integer_value(end))
		return FALSE;
	b->name = g_strdup(json_string_value(name));
	b->begin_ns = json_integer_value(begin);
	b->end_ns = json_integer_value(end);
	return TRUE;
}

static gboolean parse(const ServerRequest *request, Bookmark *b, GError **error)
{
	if (read_one(json_object_get(server_body(request), "parameters"), b))
		return TRUE;
	g_set_error_literal(error, ST_ERROR, ST_ERROR_USAGE, "\"parameters\" must have \"name\", \"start\" and \"end\", which is not before it");
	return FALSE;
}

/* ---- The file ------------------------------------------------------------------------------------------------------------------- */

/* NULL: nothing is kept. The caller frees. */
static char *path_of(const ServerExperiment *e)
{
	g_autofree char *directory = server_experiment_is_cached(e) ? history_cache_dir(NULL) : NULL;
	g_autofree char *name = g_strdup_printf("bookmarks-%s.json", server_experiment_uuid(e));

	return directory ? g_build_filename(directory, name, NULL) : NULL;
}

static void read_element(GPtrArray *all, const json_t *element)
{
	const char *uuid = json_string_value(json_object_get(element, "uuid"));
	Bookmark b = {0};

	if (all->len >= SERVER_BOOKMARKS_MAX || !uuid || !g_uuid_string_is_valid(uuid) || !read_one(element, &b))
		return;
	b.uuid = g_strdup(uuid);
	g_ptr_array_add(all, g_memdup2(&b, sizeof(b)));
}

/* Whatever is no bookmark is left out. */
static void read_all(const ServerExperiment *e, GPtrArray *all)
{
	g_autofree char *path = path_of(e);
	json_t *file = path ? json_load_file(path, 0, NULL) : NULL;

	for (gsize i = 0; i < json_array_size(file); i++)
		read_element(all, json_array_get(file, i));
	json_decref(file);
}

/* All of them, under the lock; the first time as they were when a server last ran. */
static GPtrArray *lock(ServerExperiment *e)
{
	gboolean first;
	GPtrArray *all = server_experiment_lock(e, SERVER_BOOKMARKS, bookmark_free, &first);

	if (first)
		read_all(e, all);
	return all;
}

/* With the lock held. A file that can't be written is no reason not to have a bookmark. */
static void write_all(const ServerExperiment *e, const GPtrArray *all)
{
	g_autofree char *path = path_of(e);
	g_autoptr(GString) text = g_string_new(NULL);
	g_autoptr(StJson) json = st_json_new_string(text, ST_JSON_COMPACT);

	st_json_begin_array(json);
	for (guint i = 0; i < all->len; i++)
		put_bookmark(json, all->pdata[i]);
	st_json_end(json);
	st_json_finish(json, NULL);
	if (path)
		history_cache_write(path, text->str, text->len, NULL);
}

static gboolean get_all(ServerRequest *request, ServerReply *reply, GError **error)
{
	g_autoptr(ServerExperiment) e = server_experiment(request, server_part(request, 0), reply);

	if (!e)
		return FALSE;
	StJson *json = server_reply_json(reply);
	const GPtrArray *all = lock(e);
	st_json_begin_array(json);
	for (guint i = 0; i < all->len; i++)
		put_bookmark(json, all->pdata[i]);
	st_json_end(json);
	server_experiment_unlock(e);
	return TRUE;
}

static gboolean post_one(ServerRequest *request, ServerReply *reply, GError **error)
{
	g_autoptr(ServerExperiment) e = server_experiment(request, server_part(request, 0), reply);
	Bookmark given = {0};

	if (!e || !parse(request, &given, error))
		return FALSE;
	GPtrArray *all = lock(e);
	gboolean room = all->len < SERVER_BOOKMARKS_MAX;
	if (room) {
		Bookmark *b = g_memdup2(&given, sizeof(given));

		b->uuid = g_uuid_string_random();
		g_ptr_array_add(all, b);
		put_bookmark(server_reply_json(reply), b);
		write_all(e, all);
	}
	server_experiment_unlock(e);
	if (room)
		return TRUE;
	g_free(given.name);
	return server_refuse(reply, MHD_HTTP_BAD_REQUEST, "Too many bookmarks", "There are %d already: delete one", SERVER_BOOKMARKS_MAX);
}

/* With the lock held. */
static Bookmark *find(const GPtrArray *all, const char *uuid)
{
	for (guint i = 0; i < all->len; i++)
		if (strcmp(((Bookmark *)all->pdata[i])->uuid, uuid) == 0)
			return all->pdata[i];
	return NULL;
}

static gboolean one(ServerRequest *request, ServerReply *reply, Bookmark *change, gboolean removes)
{
	g_autoptr(ServerExperiment) e = server_experiment(request, server_part(request, 0), reply);

	if (!e)
		return FALSE;
	GPtrArray *all = lock(e);
	Bookmark *b = find(all, server_part(request, 1));
	if (b && change) {
		g_free(b->name);
		b->name = g_strdup(change->name);
		b->begin_ns = change->begin_ns;
		b->end_ns = change->end_ns;
	}
	if (b)
		put_bookmark(server_reply_json(reply), b);
	if (b && removes)
		g_ptr_array_remove(all, b);
	if (b && (change || removes))
		write_all(e, all);
	server_experiment_unlock(e);
	return b || tsp_no_such(reply, "bookmark", server_part(request, 1));
}

static gboolean get_one(ServerRequest *request, ServerReply *reply, GError **error)
{
	return one(request, reply, NULL, FALSE);
}

static gboolean put_one(ServerRequest *request, ServerReply *reply, GError **error)
{
	Bookmark given = {0};
	gboolean done = parse(request, &given, error) && one(request, reply, &given, FALSE);

	g_free(given.name);
	return done;
}

static gboolean delete_one(ServerRequest *request, ServerReply *reply, GError **error)
{
	return one(request, reply, NULL, TRUE);
}

const ServerRoute tsp_bookmark_routes[] = {
	{"GET", API, get_all},
	{"POST", API, post_one},
	{"GET", API "/*", get_one},
	{"PUT", API "/*", put_one},
	{"DELETE", API "/*", delete_one},
	{NULL, NULL, NULL},
};
