/* SPDX-License-Identifier: MIT */
/* Tables for people, laid out by libsmartcols. */
#include "view/text.h"

#include <libsmartcols.h>
#include <locale.h>
#include <stdlib.h>
#include <string.h>

#define SEPARATOR "  "

/* A text is not cut to less. */
#define NARROWEST 8

/* How far a row's text stands from its parent's, in a tree. */
#define TREE_STEP 2

typedef struct {
	const View *view;
	const TextStyle *style;
	GArray *rows; /* of guint: the rows to show */
	guint indent;
	guint *widths; /* what each column may take; NULL: as much as it needs */
} Layout;

/* Like GLib, give up when memory ends: libsmartcols fails for no other reason here. */
static void must(gboolean done)
{
	if (!done)
		g_error("out of memory");
}

static gboolean is_tree(const View *view, guint column)
{
	return view->tree_column == (gint)column;
}

static guint depth_of(const View *view, guint row)
{
	guint depth = 0;
	for (gint at = g_array_index(view->parents, gint, row); at >= 0;
	     at = g_array_index(view->parents, gint, (guint)at))
		depth++;
	return depth;
}

static guint needed_width(const Layout *layout, guint column)
{
	const View *view = layout->view;
	const Column *c = view_column(view, column);
	g_autoptr(GString) text = g_string_new(NULL);
	guint width = view->headings ? text_width(c->title) : 0;
	for (guint i = 0; i < layout->rows->len; i++) {
		guint row = g_array_index(layout->rows, guint, i);
		g_string_truncate(text, 0);
		text_cell(text, view_cell(view, row, column), c->unit);
		width = MAX(width,
		            text_width(text->str) + (is_tree(view, column) ? TREE_STEP * depth_of(view, row) : 0));
	}
	return width;
}

/* The widest text that may be cut; -1: none. */
static gint widest(const Layout *layout)
{
	gint best = -1;
	for (guint c = 0; c < layout->view->columns->len; c++) {
		const Column *column = view_column(layout->view, c);
		guint width = layout->widths[c];
		if (column->hidden || column->unit != VIEW_TEXT || is_tree(layout->view, c) ||
		    width <= MAX(NARROWEST, text_width(column->title)))
			continue;
		if (best < 0 || width > layout->widths[best])
			best = (gint)c;
	}
	return best;
}

/* Take from the widest texts what the terminal has no room for. A table that is too wide even so stays too wide. */
static void fit(Layout *layout)
{
	guint columns = layout->view->columns->len;
	guint total = layout->indent;
	layout->widths = g_new(guint, columns);
	for (guint c = 0; c < columns; c++) {
		layout->widths[c] = needed_width(layout, c);
		if (!view_column(layout->view, c)->hidden)
			total += layout->widths[c] + (guint)strlen(SEPARATOR);
	}
	total -= MIN(total, (guint)strlen(SEPARATOR));
	for (gint c = widest(layout); total > layout->style->width && c >= 0; c = widest(layout)) {
		layout->widths[c]--;
		total--;
	}
}

static void add_columns(struct libscols_table *table, const View *view)
{
	for (guint c = 0; c < view->columns->len; c++) {
		const Column *column = view_column(view, c);
		g_autofree char *heading = g_ascii_strup(column->title, -1);
		int flags = (column->align == VIEW_ALIGN_RIGHT ? SCOLS_FL_RIGHT : 0) |
		            (column->hidden ? SCOLS_FL_HIDDEN : 0) | (is_tree(view, c) ? SCOLS_FL_TREE : 0);
		must(scols_table_new_column(table, heading, 0, flags) != NULL);
	}
}

/* Blocks of eighths as what any terminal has. */
static void to_ascii(GString *text)
{
	static const char marks[] = " .:-=+*#@";
	g_autoptr(GString) plain = g_string_new(NULL);

	for (const char *c = text->str; *c; c = g_utf8_next_char(c)) {
		gunichar block = g_utf8_get_char(c);

		g_string_append_c(plain, block >= 0x2581 && block <= 0x2588 ? marks[block - 0x2580] : ' ');
	}
	g_string_assign(text, plain->str);
}

static void fill_line(struct libscols_line *line, const Layout *layout, guint row)
{
	g_autoptr(GString) text = g_string_new(NULL);
	for (guint c = 0; c < layout->view->columns->len; c++) {
		g_string_truncate(text, 0);
		text_cell(text, view_cell(layout->view, row, c), view_column(layout->view, c)->unit);
		if (layout->style->ascii && view_cell(layout->view, row, c)->type == CELL_SERIES)
			to_ascii(text);
		if (layout->widths && !is_tree(layout->view, c))
			text_cut(text, layout->widths[c], layout->style);
		must(scols_line_set_data(line, c, text->str) == 0);
	}
}

static void add_rows(struct libscols_table *table, const Layout *layout)
{
	const View *view = layout->view;
	g_autofree struct libscols_line **lines = g_new0(struct libscols_line *, view->order->len);
	for (guint i = 0; i < layout->rows->len; i++) {
		guint row = g_array_index(layout->rows, guint, i);
		gint parent = g_array_index(view->parents, gint, row);
		lines[row] = scols_table_new_line(table, parent < 0 ? NULL : lines[parent]);
		must(lines[row] != NULL);
		fill_line(lines[row], layout, row);
	}
}

static struct libscols_table *make_table(const Layout *layout)
{
	struct libscols_table *table = scols_new_table();
	must(table != NULL);
	scols_table_enable_noheadings(table, !layout->view->headings);
	scols_table_enable_ascii(table, layout->style->ascii);
	/* Cells are clean, and cut where they have to be. */
	scols_table_enable_noencoding(table, TRUE);
	scols_table_set_termforce(table, SCOLS_TERMFORCE_NEVER);
	must(scols_table_set_column_separator(table, SEPARATOR) == 0);
	add_columns(table, layout->view);
	add_rows(table, layout);
	return table;
}

/*
 * libsmartcols asks the locale how wide characters are. To it that is always UTF-8, whatever the user's locale, so that the bytes
 * don't depend on it. 0 where the system has no such locale, and then nothing changes.
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

static char *lay_out(const Layout *layout)
{
	locale_t previous = uselocale(utf8_locale());
	struct libscols_table *table = make_table(layout);
	char *lines = NULL;
	must(scols_print_table_to_string(table, &lines) == 0);
	scols_unref_table(table);
	uselocale(previous);
	return lines;
}

static void append_lines(GString *text, char *lines, const Layout *layout)
{
	gboolean heading = layout->view->headings;
	char *line;
	while ((line = strsep(&lines, "\n")) && (lines || *line)) {
		g_strchomp(line);
		g_string_append_printf(text, "%*s", (int)layout->indent, "");
		if (heading)
			text_heading(text, line, layout->style);
		else
			g_string_append_printf(text, "%s\n", line);
		heading = FALSE;
	}
}

static void append_left_out(GString *text, const View *view, const char *margin)
{
	guint64 left_out = view_left_out(view);
	if (left_out > 0)
		g_string_append_printf(text, "%s(and %" G_GUINT64_FORMAT " more)\n", margin, left_out);
}

static void append_notes(GString *text, const View *view, const TextStyle *style, const char *margin)
{
	if (view->notes->len > 0)
		g_string_append_c(text, '\n');
	for (guint i = 0; i < view->notes->len; i++)
		text_fill(text, g_ptr_array_index(view->notes, i), margin, margin, style);
}

void text_table(GString *text, const View *view, const TextStyle *style, guint indent)
{
	g_autoptr(GArray) rows = view_shown_rows(view);
	g_autofree char *margin = g_strnfill(indent, ' ');
	Layout layout = {.view = view, .style = style, .rows = rows, .indent = indent};
	if (rows->len == 0) {
		text_fill(text, view->empty_text ? view->empty_text : "None.", margin, margin, style);
	} else {
		if (style->width)
			fit(&layout);
		char *lines = lay_out(&layout);
		append_lines(text, lines, &layout);
		free(lines);
		g_free(layout.widths);
	}
	append_left_out(text, view, margin);
	text_charts(text, view, rows, style, margin);
	append_notes(text, view, style, margin);
}

void view_write_text(const View *view, FILE *out)
{
	TextStyle style = text_style_of(out);
	g_autoptr(GString) text = g_string_new(NULL);
	text_table(text, view, &style, 0);
	fwrite(text->str, 1, text->len, out);
}
