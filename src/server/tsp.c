/* SPDX-License-Identifier: MIT */
/* tsp.c: the Trace Server Protocol 0.6: its routes, and what concerns the server as a whole. */
#include <sys/utsname.h>

#include "server/http.h"

#define API "/tsp/api"

/* ---- The server -------------------------------------------------------------------------------------------------------------- */

static gboolean get_health(ServerRequest *request, ServerReply *reply, GError **error)
{
	StJson *json = server_reply_json(reply);

	st_json_begin_object(json);
	st_json_member_string(json, "status", "UP");
	st_json_end(json);
	return TRUE;
}

static gboolean get_identifier(ServerRequest *request, ServerReply *reply, GError **error)
{
	StJson *json = server_reply_json(reply);
	struct utsname machine = {0};

	uname(&machine);
	st_json_begin_object(json);
	st_json_member_string(json, "version", STRATA_VERSION);
	st_json_member_string(json, "buildTime", "");
	st_json_member_string(json, "os", machine.sysname);
	st_json_member_string(json, "osArch", machine.machine);
	st_json_member_string(json, "osVersion", machine.release);
	st_json_member_uint(json, "cpuCount", g_get_num_processors());
	st_json_member_uint(json, "maxMemory", history_default_memory());
	st_json_member_string(json, "productId", "strata");
	st_json_member_string(json, "tspVersion", "0.6.0");
	st_json_end(json);
	return TRUE;
}

const ServerRoute server_tsp_routes[] = {
	{"GET", API "/health", get_health},
	{"GET", API "/identifier", get_identifier},
	{NULL, NULL, NULL},
};
