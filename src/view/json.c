/* SPDX-License-Identifier: MIT */
#include "base/json.h"

#include "view/table.h"

static void write_bins(const GArray *bins, StJson *json)
{
	st_json_begin_array(json);
	for (guint i = 0; i < bins->len; i++) {
		const ViewBin *bin = &g_array_index(bins, ViewBin, i);
		st_json_begin_inline_array(json);
		st_json_int(json, bin->from_ns);
		st_json_int(json, bin->to_ns);
		st_json_uint(json, bin->count);
		st_json_end(json);
	}
	st_json_end(json);
}

static void write_series(const GArray *series, StJson *json)
{
	st_json_begin_inline_array(json);
	for (guint i = 0; i < series->len; i++)
		st_json_double(json, g_array_index(series, double, i));
	st_json_end(json);
}

static void write_cell(const Cell *cell, StJson *json)
{
	switch (cell->type) {
	case CELL_UNKNOWN:
		st_json_null(json);
		break;
	case CELL_BOOL:
		st_json_bool(json, cell->b);
		break;
	case CELL_INT:
		st_json_int(json, cell->i);
		break;
	case CELL_UINT:
		st_json_uint(json, cell->u);
		break;
	case CELL_DOUBLE:
		st_json_double(json, cell->d);
		break;
	case CELL_TEXT:
		st_json_string(json, cell->text);
		break;
	case CELL_BINS:
		write_bins(cell->bins, json);
		break;
	case CELL_SERIES:
		write_series(cell->series, json);
		break;
	}
}

static void write_value(const View *view, guint column, const Cell *cell, StJson *json)
{
	if (view_column(view, column)->unit == VIEW_TIME_NS && cell->type == CELL_INT)
		st_json_int(json, cell->i - view->origin_ns);
	else
		write_cell(cell, json);
}

void view_json_rows(const View *view, StJson *json)
{
	g_autoptr(GArray) rows = view_shown_rows(view);
	st_json_begin_array(json);
	for (guint i = 0; i < rows->len; i++) {
		st_json_begin_inline_object(json);
		for (guint c = 0; c < view->columns->len; c++) {
			st_json_key(json, view_column(view, c)->name);
			write_value(view, c, view_cell(view, g_array_index(rows, guint, i), c), json);
		}
		st_json_end(json);
	}
	st_json_end(json);
}

static void write_columns(const View *view, StJson *json)
{
	st_json_begin_array(json);
	for (guint c = 0; c < view->columns->len; c++) {
		const Column *column = view_column(view, c);
		st_json_begin_inline_object(json);
		st_json_member_string(json, "name", column->name);
		st_json_member_string(json, "unit", view_unit_name(column->unit));
		st_json_member_string(json, "title", column->title);
		st_json_end(json);
	}
	st_json_end(json);
}

static void write_notes(const View *view, StJson *json)
{
	st_json_begin_array(json);
	for (guint i = 0; i < view->notes->len; i++)
		st_json_string(json, g_ptr_array_index(view->notes, i));
	st_json_end(json);
}

void view_json(const View *view, StJson *json)
{
	g_autofree char *schema = g_strdup_printf("strata/%s/1", view->schema_name);
	st_json_begin_object(json);
	st_json_member_string(json, "schema", schema);
	st_json_member_string(json, "title", view->title);
	st_json_key(json, "columns");
	write_columns(view, json);
	st_json_key(json, "rows");
	view_json_rows(view, json);
	if (view_left_out(view) > 0)
		st_json_member_uint(json, "rows_left_out", view_left_out(view));
	if (view->notes->len > 0) {
		st_json_key(json, "notes");
		write_notes(view, json);
	}
	st_json_end(json);
}
