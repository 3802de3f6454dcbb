/* SPDX-License-Identifier: MIT */
/* Tables for people, laid out by libsmartcols. */
#include "view/text.h"

#include <libsmartcols.h>
#include <locale.h>
#include <stdlib.h>
#include <string.h>

#include "base/format.h"
#include "base/time.h"

#define COLUMN_SEPARATOR "  "
#define UNKNOWN          "-"

G_STATIC_ASSERT(ST_TIME_FORMAT_MAX >= ST_FORMAT_MAX);

/* Like GLib, give up when memory ends: libsmartcols fails for no other reason here. */
static void must(gboolean done)
{
	if (!done)
		g_error("out of memory");
}

static gint64 as_int(const Cell *cell)
{
	switch (cell->type) {
	case CELL_INT:
		return cell->i;
	case CELL_UINT:
		return (gint64)MIN(cell->u, (guint64)G_MAXINT64);
	default:
		return cell->d >= 0x1p63 ? G_MAXINT64 : cell->d <= -0x1p63 ? G_MININT64 : (gint64)cell->d;
	}
}

static double as_double(const Cell *cell)
{
	return cell->type == CELL_INT ? (double)cell->i : cell->type == CELL_UINT ? (double)cell->u : cell->d;
}

static const char *format_id(char *buf, const Cell *cell)
{
	return cell->type == CELL_UINT ? st_format_uint(buf, cell->u) : st_format_int(buf, as_int(cell));
}

static const char *format_count(char *buf, const Cell *cell)
{
	return cell->type == CELL_UINT ? st_format_count(buf, cell->u) : st_format_signed_count(buf, as_int(cell));
}

static const char *format_number(char *buf, const Cell *cell, ViewUnit unit)
{
	switch (unit) {
	case VIEW_COUNT:
		return format_count(buf, cell);
	case VIEW_NS:
		return st_format_duration(buf, as_int(cell));
	case VIEW_TIME_NS:
		return st_time_format(buf, as_int(cell));
	case VIEW_RATIO:
		return st_format_percent(buf, as_double(cell));
	case VIEW_BYTES:
		return st_format_bytes(buf, (guint64)MAX(as_int(cell), 0));
	case VIEW_HZ:
		return st_format_rate(buf, as_double(cell));
	case VIEW_NUMBER:
		return st_format_number(buf, as_double(cell));
	case VIEW_TEXT:
	case VIEW_ID:
	case VIEW_BOOL:
		break;
	}
	return cell->type == CELL_DOUBLE ? st_format_double(buf, cell->d) : format_id(buf, cell);
}

static const char *format_cell(char *buf, const Cell *cell, ViewUnit unit)
{
	switch (cell->type) {
	case CELL_UNKNOWN:
		return UNKNOWN;
	case CELL_BOOL:
		return cell->b ? "yes" : "no";
	case CELL_TEXT:
		return cell->text;
	case CELL_INT:
	case CELL_UINT:
	case CELL_DOUBLE:
		break;
	}
	return format_number(buf, cell, unit);
}

static int column_flags(const View *view, guint column)
{
	const Column *c = view_column(view, column);
	return (c->align == VIEW_ALIGN_RIGHT ? SCOLS_FL_RIGHT : 0) | (c->unit == VIEW_TEXT ? SCOLS_FL_TRUNC : 0) |
	       (view->tree_column == (gint)column ? SCOLS_FL_TREE : 0) | (c->hidden ? SCOLS_FL_HIDDEN : 0);
}

static void add_columns(struct libscols_table *table, const View *view)
{
	for (guint c = 0; c < view->columns->len; c++) {
		g_autofree char *heading = g_ascii_strup(view_column(view, c)->title, -1);
		must(scols_table_new_column(table, heading, 0, column_flags(view, c)) != NULL);
	}
}

static void add_rows(struct libscols_table *table, const View *view, const GArray *rows)
{
	g_autofree struct libscols_line **lines = g_new0(struct libscols_line *, view->order->len);
	char buf[ST_TIME_FORMAT_MAX];
	for (guint i = 0; i < rows->len; i++) {
		guint row = g_array_index(rows, guint, i);
		gint parent = g_array_index(view->parents, gint, row);
		lines[row] = scols_table_new_line(table, parent < 0 ? NULL : lines[parent]);
		must(lines[row] != NULL);
		for (guint c = 0; c < view->columns->len; c++) {
			const char *text = format_cell(buf, view_cell(view, row, c), view_column(view, c)->unit);
			must(scols_line_set_data(lines[row], c, text) == 0);
		}
	}
}

static void set_style(struct libscols_table *table, const View *view, const TextStyle *style, guint indent)
{
	gboolean terminal = style->width > indent;
	scols_table_enable_noheadings(table, !view->headings);
	scols_table_enable_ascii(table, style->ascii);
	scols_table_set_termforce(table, terminal ? SCOLS_TERMFORCE_ALWAYS : SCOLS_TERMFORCE_NEVER);
	if (terminal)
		scols_table_set_termwidth(table, style->width - indent);
	must(scols_table_set_column_separator(table, COLUMN_SEPARATOR) == 0);
}

/*
 * libsmartcols asks the locale what is printable and how wide it is. To it that is always UTF-8, whatever the user's locale, so that the bytes don't depend on
 * it; NULL where the system has no such locale.
 */
static locale_t utf8_locale(void)
{
	static gsize once;
	static locale_t locale;
	if (g_once_init_enter(&once)) {
		locale = newlocale(LC_CTYPE_MASK, "C.UTF-8", (locale_t)0);
		g_once_init_leave(&once, 1);
	}
	return locale;
}

static char *lay_out(const View *view, const GArray *rows, const TextStyle *style, guint indent)
{
	locale_t previous = uselocale(utf8_locale());
	struct libscols_table *table = scols_new_table();
	must(table != NULL);
	set_style(table, view, style, indent);
	add_columns(table, view);
	add_rows(table, view, rows);
	char *text = NULL;
	must(scols_print_table_to_string(table, &text) == 0);
	scols_unref_table(table);
	uselocale(previous);
	return text;
}

static void append_lines(GString *text, char *lines, const TextStyle *style, guint indent, gboolean headings)
{
	for (char *line = strtok_r(lines, "\n", &lines); line; line = strtok_r(NULL, "\n", &lines)) {
		g_strchomp(line);
		g_string_append_printf(text, "%*s", (int)indent, "");
		if (headings)
			text_heading(text, line, strlen(line), style);
		else
			g_string_append_printf(text, "%s\n", line);
		headings = FALSE;
	}
}

static void append_notes(GString *text, const View *view, const TextStyle *style, guint indent)
{
	g_autofree char *margin = g_strnfill(indent, ' ');
	guint64 left_out = view_left_out(view);
	if (left_out > 0)
		g_string_append_printf(text, "%s(and %" G_GUINT64_FORMAT " more)\n", margin, left_out);
	for (guint i = 0; i < view->notes->len; i++) {
		g_string_append(text, i == 0 ? "\n" : "");
		text_fill(text, g_ptr_array_index(view->notes, i), margin, margin, style);
	}
}

void text_table(GString *text, const View *view, const TextStyle *style, guint indent)
{
	g_autoptr(GArray) rows = view_shown_rows(view);
	if (rows->len == 0) {
		g_autofree char *margin = g_strnfill(indent, ' ');
		text_fill(text, view->empty_text ? view->empty_text : "None.", margin, margin, style);
	} else {
		char *lines = lay_out(view, rows, style, indent);
		append_lines(text, lines, style, indent, view->headings);
		free(lines);
	}
	append_notes(text, view, style, indent);
}

void view_write_text(const View *view, FILE *out)
{
	TextStyle style = text_style_of(out);
	g_autoptr(GString) text = g_string_new(NULL);
	text_table(text, view, &style, 0);
	fwrite(text->str, 1, text->len, out);
}
