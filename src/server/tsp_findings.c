/* SPDX-License-Identifier: MIT */
/* tsp_findings.c: findings as a time graph: a row each, with the times at which it mattered. */
#include "base/format.h"
#include "server/tsp_table.h"

static const DiagnoseFinding *finding(const TspCall *call, gint64 id)
{
	const GPtrArray *all = server_findings(call->experiment)->findings;

	return id >= 1 && id <= all->len ? all->pdata[id - 1] : NULL;
}

static void put_entry(TspCall *call, gint64 id, const char *title, const char *lost, gboolean has_data)
{
	tsp_begin_entry(call->json, id, -1);
	st_json_string(call->json, title);
	st_json_string(call->json, lost);
	st_json_end(call->json);
	st_json_member_int(call->json, "start", call->store->begin_ns);
	st_json_member_int(call->json, "end", call->store->end_ns);
	st_json_member_bool(call->json, "hasData", has_data);
	st_json_end(call->json);
}

/* Where there is none a row says so: viewers take an empty answer for an analysis that lacked its events. */
static gboolean put_tree(TspCall *call, GError **error)
{
	static const char *const headers[] = {"Finding", "STRING", "Lost", "STRING", NULL};
	const GPtrArray *all = server_findings(call->experiment)->findings;
	char lost[ST_FORMAT_MAX];

	tsp_begin_tree(call->json, headers);
	for (guint i = 0; i < all->len; i++) {
		const DiagnoseFinding *f = all->pdata[i];

		put_entry(call, i + 1, f->title, st_format_duration(lost, f->lost_ns), TRUE);
	}
	if (!all->len)
		put_entry(call, 1, "nothing was found that made it slow", "", FALSE);
	st_json_end(call->json);
	st_json_end(call->json);
	return TRUE;
}

static void put_state(TspCall *call, const DiagnoseFinding *f, gint64 begin, gint64 end, gboolean is_lost)
{
	const TspFact facts[] = {{"name", f->title}, {"culprit", f->culprit.name}, {"sufferer", f->sufferer.name}, {"id", f->cause->id}};
	guint tags = is_lost ? tsp_query_tags(call->query, facts, G_N_ELEMENTS(facts)) : 0;

	if (begin >= end)
		return;
	st_json_begin_object(call->json);
	st_json_member_int(call->json, "start", begin);
	st_json_member_int(call->json, "end", end);
	if (is_lost && !(tags & TSP_EXCLUDED)) {
		st_json_member_string(call->json, "label", f->culprit.name);
		tsp_put_style(call->json, "finding");
	}
	if (tags)
		st_json_member_uint(call->json, "tags", tags);
	st_json_end(call->json);
}

/* Between the times at which it mattered it is known that it didn't. */
static void put_row(TspCall *call, gint64 id, const DiagnoseFinding *f)
{
	gint64 from = call->store->begin_ns;

	st_json_begin_object(call->json);
	st_json_member_int(call->json, "entryId", id);
	st_json_key(call->json, "states");
	st_json_begin_array(call->json);
	for (guint i = 0; f && i < f->ranges->len; i++) {
		const DiagnoseRange *r = &g_array_index(f->ranges, DiagnoseRange, i);

		put_state(call, f, from, r->begin_ns, FALSE);
		put_state(call, f, r->begin_ns, r->end_ns, TRUE);
		from = r->end_ns;
	}
	if (f)
		put_state(call, f, from, call->store->end_ns, FALSE);
	st_json_end(call->json);
	st_json_end(call->json);
}

static gboolean put_states(TspCall *call, GError **error)
{
	st_json_begin_object(call->json);
	st_json_key(call->json, "rows");
	st_json_begin_array(call->json);
	for (guint i = 0; i < call->query->items->len; i++) {
		gint64 id = g_array_index(call->query->items, gint64, i);

		put_row(call, id, finding(call, id));
	}
	st_json_end(call->json);
	st_json_end(call->json);
	return TRUE;
}

static gboolean put_tooltip(TspCall *call, GError **error)
{
	const DiagnoseFinding *f = call->query->items->len ? finding(call, g_array_index(call->query->items, gint64, 0)) : NULL;
	char lost[ST_FORMAT_MAX], share[ST_FORMAT_MAX];

	st_json_begin_object(call->json);
	if (f) {
		st_json_member_string(call->json, "Finding", f->title);
		st_json_member_string(call->json, "Lost", st_format_duration(lost, f->lost_ns));
		st_json_member_string(call->json, "Share", st_format_percent(share, f->share));
		st_json_member_string(call->json, "Sufferer", f->sufferer.name);
		st_json_member_string(call->json, "Culprit", f->culprit.name);
		st_json_member_string(call->json, "Advice", f->advice);
	}
	st_json_end(call->json);
	return TRUE;
}

const TspProvider tsp_findings_provider = {.tree = put_tree, .states = put_states, .tooltip = put_tooltip, .style = tsp_put_styles};
