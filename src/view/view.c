/* SPDX-License-Identifier: MIT */
#include "view/view.h"

#include <errno.h>
#include <math.h>
#include <string.h>

#include "base/error.h"
#include "view/table.h"

static const struct {
	const char *name;
	ViewAlign align;
} units[] = {
        [VIEW_TEXT] = {"text", VIEW_ALIGN_LEFT},    [VIEW_ID] = {"id", VIEW_ALIGN_RIGHT},
        [VIEW_BOOL] = {"bool", VIEW_ALIGN_LEFT},    [VIEW_COUNT] = {"count", VIEW_ALIGN_RIGHT},
        [VIEW_NS] = {"ns", VIEW_ALIGN_RIGHT},       [VIEW_TIME_NS] = {"time_ns", VIEW_ALIGN_RIGHT},
        [VIEW_RATIO] = {"ratio", VIEW_ALIGN_RIGHT}, [VIEW_BYTES] = {"bytes", VIEW_ALIGN_RIGHT},
        [VIEW_HZ] = {"hz", VIEW_ALIGN_RIGHT},       [VIEW_NUMBER] = {"number", VIEW_ALIGN_RIGHT},
        [VIEW_BINS] = {"histogram", VIEW_ALIGN_LEFT}, [VIEW_SERIES] = {"series", VIEW_ALIGN_LEFT},
};

const char *view_unit_name(ViewUnit unit)
{
	return units[unit].name;
}

static void free_column(gpointer data)
{
	Column *column = data;
	g_free(column->name);
	g_free(column->title);
}

View *view_new(const char *schema_name, const char *title)
{
	View *view = g_new0(View, 1);
	view->schema_name = g_strdup(schema_name);
	view->title = g_strdup(title);
	view->columns = g_array_new(FALSE, FALSE, sizeof(Column));
	g_array_set_clear_func(view->columns, free_column);
	view->cells = g_array_new(FALSE, TRUE, sizeof(Cell));
	view->parents = g_array_new(FALSE, FALSE, sizeof(gint));
	view->order = g_array_new(FALSE, FALSE, sizeof(guint));
	view->notes = g_ptr_array_new_with_free_func(g_free);
	view->texts = g_string_chunk_new(1024);
	view->bins = g_ptr_array_new_with_free_func((GDestroyNotify)g_array_unref);
	view->roles = g_array_new(FALSE, TRUE, sizeof(guint8));
	view->folded_stack = view->folded_value = -1;
	view->tree_column = view->chart_bar = view->chart_part = view->chart_value = -1;
	view->headings = TRUE;
	return view;
}

void view_free(View *view)
{
	if (!view)
		return;
	g_array_unref(view->columns);
	g_array_unref(view->cells);
	g_array_unref(view->parents);
	g_array_unref(view->order);
	g_array_unref(view->roles);
	g_ptr_array_unref(view->notes);
	g_string_chunk_free(view->texts);
	g_ptr_array_unref(view->bins);
	g_free(view->schema_name);
	g_free(view->title);
	g_free(view->empty_text);
	g_free(view);
}

guint view_add_column(View *view, const char *name, const char *title, ViewUnit unit)
{
	g_return_val_if_fail(view->order->len == 0 && view->dropped == 0, 0);
	Column column = {.name = g_strdup(name), .title = g_strdup(title), .unit = unit, .align = units[unit].align,
	                 .hidden = unit == VIEW_BINS};
	g_array_append_val(view->columns, column);
	return view->columns->len - 1;
}

const Column *view_column(const View *view, guint column)
{
	return &g_array_index(view->columns, Column, column);
}

static Column *column_at(View *view, guint column)
{
	return &g_array_index(view->columns, Column, column);
}

void view_set_align(View *view, guint column, ViewAlign align)
{
	g_return_if_fail(column < view->columns->len);
	column_at(view, column)->align = align;
}

void view_set_origin(View *view, gint64 origin_ns)
{
	view->origin_ns = origin_ns;
}

void view_hide_from_text(View *view, guint column)
{
	g_return_if_fail(column < view->columns->len);
	column_at(view, column)->hidden = TRUE;
}

void view_set_tree_column(View *view, guint column)
{
	g_return_if_fail(column < view->columns->len);
	view->tree_column = (gint)column;
}

void view_set_role(View *view, guint column, ViewRole role)
{
	g_return_if_fail(column < view->columns->len && role < VIEW_ROLE_COUNT);
	column_at(view, column)->role = role;
}

void view_chart_rows(View *view, guint bar, guint part, guint value)
{
	g_return_if_fail(bar < view->columns->len && part < view->columns->len && value < view->columns->len);
	view->chart_bar = (gint)bar;
	view->chart_part = (gint)part;
	view->chart_value = (gint)value;
}

void view_set_row_role(View *view, ViewRole role)
{
	g_return_if_fail(role < VIEW_ROLE_COUNT && (view->order->len > 0 || view->dropping));
	if (!view->dropping)
		g_array_index(view->roles, guint8, view->roles->len - 1) = (guint8)role;
}

void view_set_headings(View *view, gboolean headings)
{
	view->headings = headings;
}

void view_set_empty_text(View *view, const char *text)
{
	g_free(view->empty_text);
	view->empty_text = g_utf8_make_valid(text, -1);
}

void view_add_note(View *view, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	g_autofree char *text = g_strdup_vprintf(format, args);
	va_end(args);
	g_ptr_array_add(view->notes, g_utf8_make_valid(text, -1));
}

gint view_begin_row(View *view)
{
	guint row = view->order->len;
	view->dropping = row >= VIEW_ROWS_MAX;
	if (view->dropping) {
		view->dropped++;
		return -1;
	}
	gint parent = -1;
	g_array_append_val(view->order, row);
	g_array_append_val(view->parents, parent);
	g_array_set_size(view->roles, row + 1);
	g_array_set_size(view->cells, view->cells->len + view->columns->len);
	return (gint)row;
}

/* The cell of the row begun last; NULL: that row is left out. */
static Cell *cell_to_set(View *view, guint column)
{
	guint width = view->columns->len;
	g_return_val_if_fail(column < width && (view->order->len > 0 || view->dropping), NULL);
	return view->dropping ? NULL : &g_array_index(view->cells, Cell, view->cells->len - width + column);
}

const Cell *view_cell(const View *view, guint row, guint column)
{
	return &g_array_index(view->cells, Cell, (gsize)row * view->columns->len + column);
}

void view_set_text(View *view, guint column, const char *text)
{
	Cell *cell = cell_to_set(view, column);
	if (!cell)
		return;
	*cell = (Cell){0};
	if (!text)
		return;
	g_autofree char *valid = g_utf8_validate(text, -1, NULL) ? NULL : g_utf8_make_valid(text, -1);
	*cell = (Cell){.type = CELL_TEXT, .text = g_string_chunk_insert_const(view->texts, valid ? valid : text)};
}

void view_set_textf(View *view, guint column, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	g_autofree char *text = g_strdup_vprintf(format, args);
	va_end(args);
	view_set_text(view, column, text);
}

void view_set_int(View *view, guint column, gint64 value)
{
	Cell *cell = cell_to_set(view, column);
	if (cell)
		*cell = (Cell){.type = CELL_INT, .i = value};
}

void view_set_uint(View *view, guint column, guint64 value)
{
	Cell *cell = cell_to_set(view, column);
	if (cell)
		*cell = (Cell){.type = CELL_UINT, .u = value};
}

void view_set_double(View *view, guint column, double value)
{
	Cell *cell = cell_to_set(view, column);
	if (cell)
		*cell = isfinite(value) ? (Cell){.type = CELL_DOUBLE, .d = value} : (Cell){0};
}

void view_set_bool(View *view, guint column, gboolean value)
{
	Cell *cell = cell_to_set(view, column);
	if (cell)
		*cell = (Cell){.type = CELL_BOOL, .b = value != FALSE};
}

void view_set_bins(View *view, guint column, const ViewBin *bins, guint n)
{
	Cell *cell = cell_to_set(view, column);
	if (!cell)
		return;
	GArray *copy = g_array_sized_new(FALSE, FALSE, sizeof(ViewBin), n);
	g_array_append_vals(copy, bins, n);
	g_ptr_array_add(view->bins, copy);
	*cell = (Cell){.type = CELL_BINS, .bins = copy};
}

gboolean view_get_number(const View *view, guint row, guint column, double *number_out)
{
	g_return_val_if_fail(row < view->order->len && column < view->columns->len, FALSE);
	const Cell *cell = view_cell(view, row, column);

	if (cell->type != CELL_INT && cell->type != CELL_UINT && cell->type != CELL_DOUBLE)
		return FALSE;
	*number_out = cell->type == CELL_INT ? (double)cell->i : cell->type == CELL_UINT ? (double)cell->u : cell->d;
	return TRUE;
}

const char *view_get_text(const View *view, guint row, guint column)
{
	g_return_val_if_fail(row < view->order->len && column < view->columns->len, NULL);
	const Cell *cell = view_cell(view, row, column);

	return cell->type == CELL_TEXT ? cell->text : NULL;
}

void view_set_series(View *view, guint column, const double *shares, guint n)
{
	Cell *cell = cell_to_set(view, column);
	if (!cell)
		return;
	GArray *copy = g_array_sized_new(FALSE, FALSE, sizeof(double), n);
	g_array_append_vals(copy, shares, MIN(n, VIEW_SERIES_MAX));
	g_ptr_array_add(view->bins, copy);
	*cell = (Cell){.type = CELL_SERIES, .series = copy};
}

void view_set_folded(View *view, guint stack, guint value)
{
	g_return_if_fail(stack < view->columns->len && value < view->columns->len);
	view->folded_stack = (gint)stack;
	view->folded_value = (gint)value;
}

void view_row_parent(View *view, gint parent_row)
{
	if (view->dropping)
		return;
	g_return_if_fail(view->order->len > 0 && parent_row >= -1 && parent_row < (gint)view->order->len - 1);
	g_array_index(view->parents, gint, view->parents->len - 1) = parent_row;
}

guint view_row_count(const View *view)
{
	return view->order->len;
}

void view_limit(View *view, guint rows)
{
	view->limit = rows;
}

gboolean view_format_parse(const char *text, ViewFormat *format_out, GError **error)
{
	static const char *const names[] = {
	        [VIEW_FORMAT_TEXT] = "text", [VIEW_FORMAT_JSON] = "json", [VIEW_FORMAT_CSV] = "csv", [VIEW_FORMAT_HTML] = "html", [VIEW_FORMAT_FOLDED] = "folded"};
	for (guint i = 0; i < G_N_ELEMENTS(names); i++) {
		if (strcmp(text, names[i]) == 0) {
			*format_out = (ViewFormat)i;
			return TRUE;
		}
	}
	g_set_error(error, ST_ERROR, ST_ERROR_USAGE, "'%s' is not an output format; give text, json, csv or html, or folded where there are stacks", text);
	return FALSE;
}

gboolean view_is_for_people(ViewFormat format)
{
	return format == VIEW_FORMAT_TEXT || format == VIEW_FORMAT_HTML;
}

static gboolean render_json(const View *view, FILE *out, GError **error)
{
	g_autoptr(StJson) json = st_json_new_file(out, ST_JSON_INDENT);
	view_json(view, json);
	return st_json_finish(json, error);
}

gboolean view_render(const View *view, ViewFormat format, FILE *out, GError **error)
{
	switch (format) {
	case VIEW_FORMAT_JSON:
		return render_json(view, out, error);
	case VIEW_FORMAT_CSV:
		view_write_csv(view, out);
		break;
	case VIEW_FORMAT_TEXT:
		view_write_text(view, out);
		break;
	case VIEW_FORMAT_FOLDED:
		if (view->folded_stack < 0) {
			g_set_error(error, ST_ERROR, ST_ERROR_USAGE, "%s: there are no stacks in this table, so it has no folded form", view->title);
			return FALSE;
		}
		view_write_folded(view, out);
		break;
	case VIEW_FORMAT_HTML:
		view_write_html(view, out);
		break;
	}
	if (fflush(out) == 0 && !ferror(out))
		return TRUE;
	g_set_error(error, ST_ERROR, ST_ERROR_IO, "cannot write the output: %s", g_strerror(errno));
	return FALSE;
}

gboolean view_find_column(const View *view, const char *name, guint *column_out)
{
	for (guint i = 0; i < view->columns->len; i++) {
		if (strcmp(view_column(view, i)->name, name) != 0)
			continue;
		*column_out = i;
		return TRUE;
	}
	return FALSE;
}

char *view_column_names(const View *view)
{
	GString *names = g_string_new(NULL);
	for (guint i = 0; i < view->columns->len; i++)
		g_string_append_printf(names, "%s%s", i ? ", " : "", view_column(view, i)->name);
	return g_string_free(names, FALSE);
}
