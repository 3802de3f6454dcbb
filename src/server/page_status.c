/* SPDX-License-Identifier: MIT */
/* page_status.c: how far the analysis has come, for the page; and its table of routes. */
#include "server/http.h"
#include "server/model.h"

#define API "/api/v1"

static const char *const phases[] = {[SERVER_ANALYSING] = "analysing", [SERVER_READY] = "ready", [SERVER_FAILED] = "failed"};

static void put_warnings(StJson *json, const ServerExperiment *e)
{
	g_auto(GStrv) warnings = server_warnings(e);

	st_json_key(json, "warnings");
	st_json_begin_array(json);
	for (char **w = warnings; *w; w++)
		st_json_string(json, *w);
	st_json_end(json);
}

/*
 * {"name", "uuid", "phase": "analysing" | "ready" | "failed", "progress": 0 .. 1, "failure": text or null, "findings": are they there, "begin_ns", "end_ns" (null until it is ready),
 * "warnings"}
 */
static gboolean get_status(ServerRequest *request, ServerReply *reply, GError **error)
{
	g_autoptr(ServerExperiment) e = server_experiment(request, NULL, reply);
	g_autofree char *failure = e ? server_failure(e) : NULL;
	const AnalysisStore *store = e ? server_store(e) : NULL;

	if (!e)
		return FALSE;
	StJson *json = server_reply_json(reply);
	st_json_begin_object(json);
	st_json_member_string(json, "name", server_experiment_name(e));
	st_json_member_string(json, "uuid", server_experiment_uuid(e));
	st_json_member_string(json, "phase", phases[server_phase(e)]);
	st_json_member_double(json, "progress", server_progress(e));
	st_json_member_string(json, "failure", failure);
	st_json_member_bool(json, "findings", server_findings(e) != NULL);
	for (guint i = 0; i < 2; i++) {
		st_json_key(json, i ? "end_ns" : "begin_ns");
		if (store)
			st_json_int(json, i ? store->end_ns : store->begin_ns);
		else
			st_json_null(json);
	}
	put_warnings(json, e);
	st_json_end(json);
	return TRUE;
}

const ServerRoute server_page_routes[] = {
	{"GET", API "/status", get_status},
	{NULL, NULL, NULL},
};
