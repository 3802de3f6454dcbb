/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "base/format.h"
#include "view/table.h"

/* An empty text is quoted, to differ from what is not known. */
static void write_field(const char *text, FILE *out)
{
	if (*text && !strpbrk(text, ",\"\r\n")) {
		fputs(text, out);
		return;
	}
	fputc('"', out);
	for (const char *c = text; *c; c++) {
		if (*c == '"')
			fputc('"', out);
		fputc(*c, out);
	}
	fputc('"', out);
}

static void write_bins(const GArray *bins, FILE *out)
{
	for (guint i = 0; i < bins->len; i++) {
		const ViewBin *bin = &g_array_index(bins, ViewBin, i);
		fprintf(out, "%s%" G_GINT64_FORMAT "-%" G_GINT64_FORMAT ":%" G_GUINT64_FORMAT, i ? " " : "", bin->from_ns, bin->to_ns,
		        bin->count);
	}
}

static void write_series(const GArray *series, FILE *out)
{
	char buf[ST_FORMAT_MAX];

	for (guint i = 0; i < series->len; i++)
		fprintf(out, "%s%s", i ? " " : "", st_format_double(buf, g_array_index(series, double, i)));
}

static void write_cell(const Cell *cell, FILE *out)
{
	char buf[ST_FORMAT_MAX];
	switch (cell->type) {
	case CELL_UNKNOWN:
		break;
	case CELL_BOOL:
		fputs(cell->b ? "true" : "false", out);
		break;
	case CELL_INT:
		fputs(st_format_int(buf, cell->i), out);
		break;
	case CELL_UINT:
		fputs(st_format_uint(buf, cell->u), out);
		break;
	case CELL_DOUBLE:
		fputs(st_format_double(buf, cell->d), out);
		break;
	case CELL_TEXT:
		write_field(cell->text, out);
		break;
	case CELL_BINS:
		write_bins(cell->bins, out);
		break;
	case CELL_SERIES:
		write_series(cell->series, out);
		break;
	}
}

static void write_headings(const View *view, FILE *out)
{
	for (guint c = 0; c < view->columns->len; c++) {
		if (c > 0)
			fputc(',', out);
		write_field(view_column(view, c)->name, out);
	}
	fputc('\n', out);
}

void view_write_csv(const View *view, FILE *out)
{
	g_autoptr(GArray) rows = view_shown_rows(view);
	if (view->headings)
		write_headings(view, out);
	for (guint i = 0; i < rows->len; i++) {
		for (guint c = 0; c < view->columns->len; c++) {
			if (c > 0)
				fputc(',', out);
			write_cell(view_cell(view, g_array_index(rows, guint, i), c), out);
		}
		fputc('\n', out);
	}
}
