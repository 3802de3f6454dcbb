/* SPDX-License-Identifier: MIT */
/* Histograms below a table, for people. */
#include "base/format.h"
#include "view/html.h"
#include "view/text.h"

#define BAR_MAX  50 /* columns of the longest bar */
#define LEFT_MAX 24 /* columns of the range that stands before it */

/* What a row is about: its texts and ids up to its first amount. */
char *view_row_label(const View *view, guint row)
{
	GString *label = g_string_new(NULL);
	for (guint c = 0; c < view->columns->len; c++) {
		const Column *column = view_column(view, c);
		const Cell *cell = view_cell(view, row, c);
		if (column->unit != VIEW_TEXT && column->unit != VIEW_ID && column->unit != VIEW_TIME_NS)
			break;
		if (column->hidden || cell->type == CELL_UNKNOWN)
			continue;
		if (label->len)
			g_string_append(label, "  ");
		text_cell(label, cell, column->unit);
	}
	return g_string_free(label, FALSE);
}

/* Bars of eighths of a column where the terminal has them. */
static void append_bar(GString *text, guint64 count, guint64 most, const TextStyle *style)
{
	static const char *const parts[] = {"", "\xe2\x96\x8f", "\xe2\x96\x8e", "\xe2\x96\x8d", "\xe2\x96\x8c",
	                                    "\xe2\x96\x8b", "\xe2\x96\x8a", "\xe2\x96\x89"};
	guint64 eighths = MAX((guint64)((double)count / (double)most * BAR_MAX * 8), 1);
	if (style->ascii) {
		for (guint64 i = 0; i < MAX(eighths / 8, 1); i++)
			g_string_append_c(text, '#');
		return;
	}
	for (guint64 i = 0; i < eighths / 8; i++)
		g_string_append(text, "\xe2\x96\x88");
	g_string_append(text, parts[eighths % 8]);
}

static void append_bin(GString *text, const ViewBin *bin, guint64 most, const TextStyle *style, const char *margin)
{
	char from[ST_FORMAT_MAX], to[ST_FORMAT_MAX], count[ST_FORMAT_MAX];
	g_autofree char *range = g_strdup_printf("%s .. %s", st_format_duration(from, bin->from_ns), st_format_duration(to, bin->to_ns));
	g_string_append_printf(text, "%s  %*s %12s", margin, LEFT_MAX, range, st_format_count(count, bin->count));
	if (bin->count) {
		g_string_append(text, "  ");
		append_bar(text, bin->count, most, style);
	}
	g_string_append_c(text, '\n');
}

static void append_chart(GString *text, const char *label, const GArray *bins, const TextStyle *style, const char *margin)
{
	guint64 most = 0;
	for (guint i = 0; i < bins->len; i++)
		most = MAX(most, g_array_index(bins, ViewBin, i).count);
	g_string_append_printf(text, "\n%s%s\n", margin, label);
	for (guint i = 0; i < bins->len; i++)
		append_bin(text, &g_array_index(bins, ViewBin, i), most, style, margin);
}

void text_charts(GString *text, const View *view, const GArray *rows, const TextStyle *style, const char *margin)
{
	for (guint i = 0; i < rows->len; i++) {
		guint row = g_array_index(rows, guint, i);
		for (guint c = 0; c < view->columns->len; c++) {
			const Cell *cell = view_cell(view, row, c);
			if (cell->type != CELL_BINS || !cell->bins->len)
				continue;
			g_autofree char *label = view_row_label(view, row);
			append_chart(text, label, cell->bins, style, margin);
		}
	}
}
