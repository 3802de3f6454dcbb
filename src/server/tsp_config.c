/* SPDX-License-Identifier: MIT */
/* tsp_config.c: outputs that somebody derives from others by a setting: the critical path of a thread. */
#include <string.h>

#include "server/tsp.h"

#define API      "/tsp/api/experiments/*/outputs/*"
#define DERIVED_MAX 1000
#define TEXT_MAX_BYTES 200

/* Types of configurations: what an output is derived by. */
static const struct {
	const char *id, *name, *description, *parameter;
} types[] = {
	{"strata.thread", "Thread", "A thread, by its number or name, behind its machine: a:1234", "thread"},
};

/* ---- Which there are -------------------------------------------------------------------------------------------------------------- */

void tsp_derived_unref(gpointer data)
{
	TspDerived *d = data;

	if (!d || !g_atomic_int_dec_and_test(&d->references))
		return;
	g_free(d->id);
	g_free(d->name);
	g_free(d->setting);
	g_free(d);
}

static gpointer copy(gconstpointer derived, gpointer unused)
{
	TspDerived *d = (TspDerived *)(gsize)derived;

	g_atomic_int_inc(&d->references);
	return d;
}

GPtrArray *tsp_derived_all(ServerExperiment *e)
{
	GPtrArray *all = g_ptr_array_copy(server_experiment_lock(e, SERVER_DERIVED, tsp_derived_unref, NULL), copy, NULL);

	server_experiment_unlock(e);
	g_ptr_array_set_free_func(all, tsp_derived_unref);
	return all;
}

TspDerived *tsp_derived_find(ServerExperiment *e, const char *id)
{
	GPtrArray *all = server_experiment_lock(e, SERVER_DERIVED, tsp_derived_unref, NULL);
	TspDerived *found = NULL;

	for (guint i = 0; i < all->len && !found; i++)
		if (strcmp(((TspDerived *)all->pdata[i])->id, id) == 0)
			found = copy(all->pdata[i], NULL);
	server_experiment_unlock(e);
	return found;
}

void tsp_put_configuration(StJson *json, const TspDerived *d)
{
	st_json_begin_object(json);
	st_json_member_string(json, "id", d->id);
	st_json_member_string(json, "name", d->name);
	st_json_member_string(json, "description", d->name);
	st_json_member_string(json, "sourceTypeId", d->base->configuration);
	st_json_key(json, "parameters");
	st_json_begin_object(json);
	for (guint i = 0; i < G_N_ELEMENTS(types); i++)
		if (strcmp(types[i].id, d->base->configuration) == 0)
			st_json_member_string(json, types[i].parameter, d->setting);
	st_json_end(json);
	st_json_end(json);
}

/* ---- Types ----------------------------------------------------------------------------------------------------------------------------- */

static void put_type(StJson *json, guint i)
{
	st_json_begin_object(json);
	st_json_member_string(json, "id", types[i].id);
	st_json_member_string(json, "name", types[i].name);
	st_json_member_string(json, "description", types[i].description);
	st_json_key(json, "schema");
	st_json_begin_object(json);
	st_json_member_string(json, "type", "object");
	st_json_key(json, "properties");
	st_json_begin_object(json);
	st_json_key(json, types[i].parameter);
	st_json_begin_object(json);
	st_json_member_string(json, "type", "string");
	st_json_member_string(json, "description", types[i].description);
	st_json_end(json);
	st_json_end(json);
	st_json_key(json, "required");
	st_json_begin_array(json);
	st_json_string(json, types[i].parameter);
	st_json_end(json);
	st_json_end(json);
	st_json_end(json);
}

static const TspOutput *base_of(ServerRequest *request, ServerReply *reply)
{
	const TspOutput *o = tsp_find_output(server_part(request, 1));

	if (!o)
		tsp_no_such(reply, "output", server_part(request, 1));
	return o;
}

static gboolean is_type(const TspOutput *o, guint i)
{
	return g_strcmp0(o->configuration, types[i].id) == 0;
}

static gboolean get_types(ServerRequest *request, ServerReply *reply, GError **error)
{
	g_autoptr(ServerExperiment) e = server_experiment(request, server_part(request, 0), reply);
	const TspOutput *o = e ? base_of(request, reply) : NULL;

	if (!o)
		return FALSE;
	StJson *json = server_reply_json(reply);
	st_json_begin_array(json);
	for (guint i = 0; i < G_N_ELEMENTS(types); i++)
		if (is_type(o, i))
			put_type(json, i);
	st_json_end(json);
	return TRUE;
}

static gboolean get_type(ServerRequest *request, ServerReply *reply, GError **error)
{
	g_autoptr(ServerExperiment) e = server_experiment(request, server_part(request, 0), reply);
	const TspOutput *o = e ? base_of(request, reply) : NULL;

	for (guint i = 0; o && i < G_N_ELEMENTS(types); i++)
		if (is_type(o, i) && strcmp(types[i].id, server_part(request, 2)) == 0) {
			put_type(server_reply_json(reply), i);
			return TRUE;
		}
	return o && tsp_no_such(reply, "type of configurations", server_part(request, 2));
}

/* Configurations of the server as a whole: there are none. */
static gboolean get_global_types(ServerRequest *request, ServerReply *reply, GError **error)
{
	g_string_append(server_reply_bytes(reply, "application/json"), "[]");
	return TRUE;
}

static gboolean no_global_type(ServerRequest *request, ServerReply *reply, GError **error)
{
	return tsp_no_such(reply, "type of configurations", server_part(request, 0));
}

/* ---- Making and deleting -------------------------------------------------------------------------------------------------------------- */

/* Clients put the configuration where they like: alone, or below "parameters". */
static const char *setting_of(const json_t *body, const TspOutput *o)
{
	const json_t *outer = json_object_get(body, "parameters"), *inner = json_object_get(outer, "parameters");

	for (guint i = 0; i < G_N_ELEMENTS(types); i++) {
		const json_t *value = is_type(o, i) ? json_object_get(inner ? inner : outer, types[i].parameter) : NULL;

		if (json_is_string(value) && json_string_length(value) && json_string_length(value) <= TEXT_MAX_BYTES)
			return json_string_value(value);
	}
	return NULL;
}

static TspDerived *derived_new(const TspOutput *base, const char *setting)
{
	TspDerived *d = g_new0(TspDerived, 1);
	g_autofree char *key = g_strdup_printf("%s %s", base->id, setting), *uuid = server_uuid_of(key);

	d->references = 1;
	d->base = base;
	d->id = g_strdup_printf("%s:%s", base->id, uuid);
	d->name = g_strdup_printf("%s of %s", base->name, setting);
	d->setting = g_strdup(setting);
	return d;
}

/* FALSE: there are too many. What is there already is not there twice. */
static gboolean keep(ServerExperiment *e, TspDerived *d)
{
	GPtrArray *all = server_experiment_lock(e, SERVER_DERIVED, tsp_derived_unref, NULL);
	gboolean known = FALSE, room = all->len < DERIVED_MAX;

	for (guint i = 0; i < all->len; i++)
		known |= strcmp(((TspDerived *)all->pdata[i])->id, d->id) == 0;
	if (!known && room)
		g_ptr_array_add(all, copy(d, NULL));
	server_experiment_unlock(e);
	return known || room;
}

static gboolean post_derived(ServerRequest *request, ServerReply *reply, GError **error)
{
	g_autoptr(ServerExperiment) e = server_experiment(request, server_part(request, 0), reply);
	const TspOutput *o = e ? base_of(request, reply) : NULL;
	const char *setting = o && o->configuration ? setting_of(server_body(request), o) : NULL;

	if (!o)
		return FALSE;
	if (!o->configuration)
		return server_refuse(reply, MHD_HTTP_BAD_REQUEST, "Not configurable", "Nothing can be derived from %s", o->id);
	if (!setting)
		return server_refuse(reply, MHD_HTTP_BAD_REQUEST, "A parameter is missing", "See configTypes for what %s takes", o->id);
	g_autoptr(TspDerived) d = derived_new(o, setting);
	if (!keep(e, d))
		return server_refuse(reply, MHD_HTTP_BAD_REQUEST, "Too many", "%d outputs were derived already: delete one", DERIVED_MAX);
	tsp_put_derived(server_reply_json(reply), d);
	return TRUE;
}

static gboolean delete_derived(ServerRequest *request, ServerReply *reply, GError **error)
{
	g_autoptr(ServerExperiment) e = server_experiment(request, server_part(request, 0), reply);
	g_autoptr(TspDerived) d = e ? tsp_derived_find(e, server_part(request, 2)) : NULL;

	if (!e)
		return FALSE;
	if (!d || strcmp(d->base->id, server_part(request, 1)) != 0)
		return tsp_no_such(reply, "derived output", server_part(request, 2));
	g_ptr_array_remove(server_experiment_lock(e, SERVER_DERIVED, tsp_derived_unref, NULL), d);
	server_experiment_unlock(e);
	tsp_put_derived(server_reply_json(reply), d);
	return TRUE;
}

const ServerRoute tsp_config_routes[] = {
	{"GET", API "/configTypes", get_types},
	{"GET", API "/configTypes/*", get_type},
	{"POST", API, post_derived},
	{"DELETE", API "/*", delete_derived},
	{"GET", "/tsp/api/config/types", get_global_types},
	{"GET", "/tsp/api/config/types/*", no_global_type},
	{"GET", "/tsp/api/config/types/*/configs", no_global_type},
	{"POST", "/tsp/api/config/types/*", no_global_type},
	{"POST", "/tsp/api/config/types/*/configs", no_global_type},
	{NULL, NULL, NULL},
};
