/* SPDX-License-Identifier: MIT */
/* tsp_pieces.c: what many answers are made of. */
#include "server/tsp.h"

void tsp_put_header(StJson *json, const char *name, const char *tooltip, const char *type)
{
	st_json_begin_object(json);
	st_json_member_string(json, "name", name);
	st_json_member_string(json, "tooltip", tooltip);
	st_json_member_string(json, "dataType", type);
	st_json_end(json);
}

void tsp_begin_tree(StJson *json, const char *const *headers)
{
	st_json_begin_object(json);
	st_json_key(json, "headers");
	st_json_begin_array(json);
	for (; *headers; headers += 2)
		tsp_put_header(json, headers[0], "", headers[1]);
	st_json_end(json);
	st_json_key(json, "entries");
	st_json_begin_array(json);
}

gboolean tsp_end_tree(StJson *json, gint levels)
{
	st_json_end(json);
	st_json_member_int(json, "autoExpandLevel", levels);
	st_json_end(json);
	return TRUE;
}

void tsp_begin_entry(StJson *json, gint64 id, gint64 parent)
{
	st_json_begin_object(json);
	st_json_member_int(json, "id", id);
	st_json_member_int(json, "parentId", parent);
	st_json_key(json, "labels");
	st_json_begin_array(json);
}

void tsp_put_style(StJson *json, const char *key)
{
	st_json_key(json, "style");
	st_json_begin_object(json);
	st_json_member_string(json, "parentKey", key);
	st_json_key(json, "values");
	st_json_begin_object(json);
	st_json_end(json);
	st_json_end(json);
}

void tsp_put_arrow(StJson *json, gint64 begin, gint64 end, gint32 from, gint32 to)
{
	st_json_begin_object(json);
	st_json_member_int(json, "start", MIN(begin, end)); /* an edge may be the other way around, within the clocks' bound */
	st_json_member_int(json, "end", end);
	st_json_member_int(json, "sourceId", from);
	st_json_member_int(json, "targetId", to);
	tsp_put_style(json, "wakeup");
	st_json_end(json);
}
