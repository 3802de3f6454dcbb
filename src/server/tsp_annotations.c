/* SPDX-License-Identifier: MIT */
/* tsp_annotations.c: findings and losses, marked on every time graph. */
#include <string.h>

#include "server/tsp.h"

#define ANNOTATIONS_MAX 10000
#define FINDINGS "Findings"
#define LOSSES   "Lost events"

gboolean tsp_get_marker_sets(ServerRequest *request, ServerReply *reply, GError **error)
{
	g_autoptr(ServerExperiment) e = server_experiment(request, server_part(request, 0), reply);

	if (!e)
		return FALSE;
	g_string_append(server_reply_bytes(reply, "application/json"), "{\"model\":[],\"status\":\"COMPLETED\",\"statusMessage\":\"Completed\"}");
	return TRUE;
}

static gboolean is_time_graph(const TspOutput *o)
{
	return strcmp(o->type, "TIME_GRAPH") == 0;
}

/* The output and its experiment; NULL: refused. Times of a flame graph are no times at which anything happened. */
static ServerExperiment *find(ServerRequest *request, ServerReply *reply, gboolean *marked_out)
{
	g_autoptr(ServerExperiment) e = server_experiment(request, server_part(request, 0), reply);
	g_autoptr(TspDerived) derived = e ? tsp_derived_find(e, server_part(request, 1)) : NULL;
	const TspOutput *o = derived ? derived->base : tsp_find_output(server_part(request, 1));

	if (e && !o)
		tsp_no_such(reply, "output", server_part(request, 1));
	*marked_out = o && is_time_graph(o);
	return o ? g_steal_pointer(&e) : NULL;
}

static void begin(StJson *json)
{
	st_json_begin_object(json);
	st_json_key(json, "model");
	st_json_begin_object(json);
}

static gboolean end(StJson *json)
{
	st_json_end(json);
	st_json_member_string(json, "status", "COMPLETED");
	st_json_member_string(json, "statusMessage", "Completed");
	st_json_end(json);
	return TRUE;
}

gboolean tsp_get_annotations(ServerRequest *request, ServerReply *reply, GError **error)
{
	gboolean marked;
	g_autoptr(ServerExperiment) e = find(request, reply, &marked);

	if (!e)
		return FALSE;
	StJson *json = server_reply_json(reply);
	begin(json);
	st_json_key(json, "annotationCategories");
	st_json_begin_array(json);
	if (marked) {
		st_json_string(json, FINDINGS);
		st_json_string(json, LOSSES);
	}
	st_json_end(json);
	return end(json);
}

static void put_annotation(StJson *json, gint64 from, gint64 to, const char *label, const char *style)
{
	const TspStyle *s = tsp_style_of(style);

	st_json_begin_object(json);
	st_json_member_int(json, "time", from);
	st_json_member_int(json, "duration", to - from);
	st_json_member_int(json, "entryId", -1);
	st_json_member_string(json, "type", "CHART");
	st_json_member_string(json, "label", label);
	st_json_key(json, "style");
	st_json_begin_object(json);
	st_json_member_string(json, "parentKey", s->key);
	st_json_key(json, "values");
	st_json_begin_object(json);
	st_json_member_string(json, "color", s->color);
	st_json_member_double(json, "opacity", 0.25);
	st_json_end(json);
	st_json_end(json);
	st_json_end(json);
}

static void put_findings(StJson *json, const Diagnose *d, const TspQuery *q)
{
	guint n = 0;

	st_json_key(json, FINDINGS);
	st_json_begin_array(json);
	for (guint i = 0; d && i < d->findings->len; i++) {
		const DiagnoseFinding *f = d->findings->pdata[i];

		for (guint r = 0; r < f->ranges->len && n < ANNOTATIONS_MAX; r++) {
			const DiagnoseRange *range = &g_array_index(f->ranges, DiagnoseRange, r);

			if (q->has_range && (range->end_ns < q->begin_ns || range->begin_ns > q->end_ns))
				continue;
			put_annotation(json, range->begin_ns, range->end_ns, f->title, "finding");
			n++;
		}
	}
	st_json_end(json);
}

static void put_stream_losses(StJson *json, const AnalysisStoreTrace *t, const CtfStream *stream, const TspQuery *q, guint *n)
{
	for (guint i = 0; i < stream->losses->len && *n < ANNOTATIONS_MAX; i++) {
		const CtfLoss *l = &g_array_index(stream->losses, CtfLoss, i);
		gint64 from = analysis_time(t, l->begin_ns), to = analysis_time(t, l->end_ns);

		if (q->has_range && (to < q->begin_ns || from > q->end_ns))
			continue;
		g_autofree char *label = l->events ? g_strdup_printf("%s: %" G_GUINT64_FORMAT " events lost", t->name, l->events) : g_strdup_printf("%s: events lost", t->name);
		put_annotation(json, from, to, label, "lost");
		++*n;
	}
}

static void put_losses(StJson *json, const AnalysisStore *s, const TspQuery *q)
{
	guint n = 0;

	st_json_key(json, LOSSES);
	st_json_begin_array(json);
	for (guint i = 0; i < s->traces->len; i++) {
		const AnalysisStoreTrace *t = tsp_trace(s, i);

		for (guint j = 0; j < t->trace->streams->len; j++)
			put_stream_losses(json, t, t->trace->streams->pdata[j], q, &n);
	}
	st_json_end(json);
}

static gboolean wants(const TspQuery *q, const char *category)
{
	const json_t *categories = json_object_get(q->parameters, "requested_marker_categories");

	if (!json_is_array(categories))
		return TRUE;
	for (gsize i = 0; i < json_array_size(categories); i++)
		if (g_strcmp0(json_string_value(json_array_get(categories, i)), category) == 0)
			return TRUE;
	return FALSE;
}

gboolean tsp_post_annotations(ServerRequest *request, ServerReply *reply, GError **error)
{
	gboolean marked;
	g_autoptr(ServerExperiment) e = find(request, reply, &marked);
	g_autoptr(TspQuery) q = e ? tsp_query_new(request, error) : NULL;

	if (!q)
		return FALSE;
	StJson *json = server_reply_json(reply);
	begin(json);
	st_json_key(json, "annotations");
	st_json_begin_object(json);
	if (marked && wants(q, FINDINGS))
		put_findings(json, server_findings(e), q);
	if (marked && server_store(e) && wants(q, LOSSES))
		put_losses(json, server_store(e), q);
	st_json_end(json);
	return end(json);
}
