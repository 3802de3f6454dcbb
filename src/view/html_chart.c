/* SPDX-License-Identifier: MIT */
/* Charts, as SVG in the page. Lengths are per cent, so that text in them keeps its shape at any width. */
#include <string.h>

#include "base/format.h"
#include "view/html.h"
#include "view/text.h"

#define BARS_MAX   200  /* of a chart: a table with more rows tells it better */
#define PARTS_MAX  64   /* of a chart: names that it tells apart */
#define SHADES     4    /* of a role's colour */
#define LABEL_MIN  0.06 /* shares below that have no room for their number */
#define TICKS_MAX  10
#define TICK_LAST  0.97 /* of the width: behind it a number has no room */

/* ---- Stacked bars --------------------------------------------------------------------------------------------------------- */

static const char *const roles[VIEW_ROLE_COUNT] = {"none", "work", "overhead", "lost", "wait", "idle", "unknown"};

/* A name of parts, with its colour. */
typedef struct {
	char *name;
	ViewRole role;
	guint shade;
	double sum;
} Part;

typedef struct {
	GString *html;
	GArray *parts; /* of Part, in order of their appearance */
} Bars;

static void part_clear(gpointer part)
{
	g_free(((Part *)part)->name);
}

/* NULL: there are too many. */
static Part *part_of(Bars *b, const char *name, ViewRole role)
{
	Part part = {NULL, role, 0, 0};

	for (guint i = 0; i < b->parts->len; i++) {
		Part *known = &g_array_index(b->parts, Part, i);

		if (known->role == role && strcmp(known->name, name) == 0)
			return known;
		part.shade += known->role == role;
	}
	if (b->parts->len >= PARTS_MAX)
		return NULL;
	part.shade = MIN(part.shade, SHADES - 1);
	part.name = g_strdup(name);
	g_array_append_val(b->parts, part);
	return &g_array_index(b->parts, Part, b->parts->len - 1);
}

static void begin_bar(Bars *b, const char *label)
{
	g_string_append(b->html, "<div class=\"bar\"><span class=\"label\">");
	html_text(b->html, label);
	g_string_append(b->html, "</span><svg role=\"img\" aria-hidden=\"true\">");
}

/* Numbers in SVG have a point, whatever the locale. */
static void put_percent(GString *html, const char *attribute, double share)
{
	char text[G_ASCII_DTOSTR_BUF_SIZE];

	g_string_append_printf(html, " %s=\"%s%%\"", attribute, g_ascii_formatd(text, sizeof(text), "%.3f", share * 100));
}

static double put_part(Bars *b, const char *name, ViewRole role, double share, double at)
{
	Part *part = share > 0 ? part_of(b, name, role) : NULL;
	char percent[ST_FORMAT_MAX];

	if (!part)
		return at;
	share = MIN(share, 1 - at);
	part->sum += share;
	st_format_percent(percent, share);
	g_string_append_printf(b->html, "<g class=\"%s s%u\"><rect y=\"0\" height=\"100%%\"", roles[role], part->shade);
	put_percent(b->html, "x", at);
	put_percent(b->html, "width", share);
	g_string_append(b->html, "><title>");
	html_text(b->html, name);
	g_string_append_printf(b->html, ": %s</title></rect>", percent);
	if (share >= LABEL_MIN) {
		g_string_append(b->html, "<text y=\"50%\"");
		put_percent(b->html, "x", at + share / 2);
		g_string_append_printf(b->html, ">%s</text>", percent);
	}
	g_string_append(b->html, "</g>");
	return at + share;
}

static void end_bar(Bars *b)
{
	g_string_append(b->html, "</svg></div>\n");
}

static void put_legend(Bars *b)
{
	g_string_append(b->html, "<ul class=\"legend\">");
	for (guint i = 0; i < b->parts->len; i++) {
		const Part *part = &g_array_index(b->parts, Part, i);

		g_string_append_printf(b->html, "<li><svg class=\"swatch\" aria-hidden=\"true\"><g class=\"%s s%u\"><rect width=\"100%%\" height=\"100%%\"/></g></svg>",
				       roles[part->role], part->shade);
		html_text(b->html, part->name);
		g_string_append(b->html, "</li>");
	}
	g_string_append(b->html, "</ul>\n");
}

static double share_of(const View *view, guint row, guint column)
{
	const Cell *cell = view_cell(view, row, column);

	return cell->type == CELL_DOUBLE ? cell->d : cell->type == CELL_INT ? (double)cell->i : 0;
}

/* A row is a bar. */
static void bars_of_columns(Bars *b, const View *view, const GArray *rows)
{
	for (guint i = 0; i < rows->len; i++) {
		guint row = g_array_index(rows, guint, i);
		g_autofree char *label = view_row_label(view, row);
		double at = 0;

		begin_bar(b, label);
		for (guint c = 0; c < view->columns->len; c++) {
			const Column *column = view_column(view, c);
			g_autofree char *name = g_utf8_strdown(column->title, -1);

			if (column->role != VIEW_ROLE_NONE)
				at = put_part(b, name, column->role, share_of(view, row, c), at);
		}
		end_bar(b);
	}
}

static void cell_text(GString *text, const View *view, guint row, gint column)
{
	g_string_truncate(text, 0);
	text_cell(text, view_cell(view, row, (guint)column), view_column(view, (guint)column)->unit);
}

/* Rows are parts of bars. */
static void bars_of_rows(Bars *b, const View *view, const GArray *rows)
{
	g_autoptr(GString) bar = g_string_new(NULL), now = g_string_new(NULL), part = g_string_new(NULL);
	double at = 0;

	for (guint i = 0; i < rows->len; i++) {
		guint row = g_array_index(rows, guint, i);

		cell_text(now, view, row, view->chart_bar);
		if (i == 0 || strcmp(now->str, bar->str) != 0) {
			if (i)
				end_bar(b);
			g_string_assign(bar, now->str);
			begin_bar(b, bar->str);
			at = 0;
		}
		cell_text(part, view, row, view->chart_part);
		at = put_part(b, part->str, g_array_index(view->roles, guint8, row), share_of(view, row, (guint)view->chart_value), at);
	}
	if (rows->len)
		end_bar(b);
}

static gboolean has_roles(const View *view)
{
	for (guint c = 0; c < view->columns->len; c++)
		if (view_column(view, c)->role != VIEW_ROLE_NONE)
			return TRUE;
	return FALSE;
}

void html_bars(GString *html, const View *view, const GArray *rows)
{
	g_autoptr(GArray) parts = g_array_new(FALSE, FALSE, sizeof(Part));
	Bars b = {html, parts};

	if (!rows->len || rows->len > BARS_MAX || (view->chart_bar < 0 && !has_roles(view)))
		return;
	g_array_set_clear_func(parts, part_clear);
	g_string_append(html, "<figure class=\"bars\">\n");
	(view->chart_bar >= 0 ? bars_of_rows : bars_of_columns)(&b, view, rows);
	put_legend(&b);
	g_string_append(html, "</figure>\n");
}

/* ---- Histograms ----------------------------------------------------------------------------------------------------------- */

static void put_histogram(GString *html, const char *label, const GArray *bins)
{
	guint64 most = 1;

	for (guint i = 0; i < bins->len; i++)
		most = MAX(most, g_array_index(bins, ViewBin, i).count);
	g_string_append(html, "<figure class=\"histogram\"><figcaption>");
	html_text(html, label);
	g_string_append(html, "</figcaption>\n");
	for (guint i = 0; i < bins->len; i++) {
		const ViewBin *bin = &g_array_index(bins, ViewBin, i);
		char from[ST_FORMAT_MAX], to[ST_FORMAT_MAX], count[ST_FORMAT_MAX];

		g_string_append_printf(html, "<div class=\"bin\"><span>%s .. %s</span><span>%s</span><svg aria-hidden=\"true\"><g class=\"work s0\"><rect height=\"100%%\"",
				       st_format_duration(from, bin->from_ns), st_format_duration(to, bin->to_ns), st_format_count(count, bin->count));
		put_percent(html, "width", (double)bin->count / (double)most);
		g_string_append(html, "/></g></svg></div>\n");
	}
	g_string_append(html, "</figure>\n");
}

void html_histograms(GString *html, const View *view, const GArray *rows)
{
	for (guint i = 0; i < rows->len; i++)
		for (guint c = 0; c < view->columns->len; c++) {
			const Cell *cell = view_cell(view, g_array_index(rows, guint, i), c);

			if (cell->type != CELL_BINS || !cell->bins->len)
				continue;
			g_autofree char *label = view_row_label(view, g_array_index(rows, guint, i));
			put_histogram(html, label, cell->bins);
		}
}

/* ---- Series --------------------------------------------------------------------------------------------------------------- */

void html_series(GString *html, const GArray *series)
{
	g_string_append(html, "<td class=\"series\"><svg aria-hidden=\"true\"><g class=\"work s0\">");
	for (guint i = 0; i < series->len; i++) {
		double share = CLAMP(g_array_index(series, double, i), 0, 1);

		if (share <= 0)
			continue;
		g_string_append(html, "<rect");
		put_percent(html, "x", (double)i / series->len);
		put_percent(html, "width", 1.0 / series->len);
		put_percent(html, "y", 1 - share);
		put_percent(html, "height", share);
		g_string_append(html, "/>");
	}
	g_string_append(html, "</g></svg></td>");
}

/* ---- When ----------------------------------------------------------------------------------------------------------------- */

#define RANGE_MIN 0.003 /* of the width: less can't be seen */

/* The least of 1, 2, 5, 10, .. ns that is not crowded. */
static double tick_step(double length)
{
	static const double steps[] = {1, 2, 5};

	for (double power = 1;; power *= 10)
		for (guint i = 0; i < G_N_ELEMENTS(steps); i++)
			if (length / (steps[i] * power) <= TICKS_MAX)
				return steps[i] * power;
}

static void put_tick(GString *html, double time, double length)
{
	static const struct {
		double ns;
		const char *name;
	} units[] = {{1e9, "s"}, {1e6, "ms"}, {1e3, "us"}, {1, "ns"}};
	char text[G_ASCII_DTOSTR_BUF_SIZE];
	guint unit = 0;

	while (time > 0 && time < units[unit].ns && unit + 1 < G_N_ELEMENTS(units))
		unit++;
	g_string_append_printf(html, "<text class=\"tick\" y=\"38\" text-anchor=\"%s\"", time > 0 ? "middle" : "start");
	put_percent(html, "x", time / length);
	g_string_append_printf(html, ">%s %s</text>", g_ascii_formatd(text, sizeof(text), "%g", time / units[unit].ns), units[unit].name);
}

static void put_ticks(GString *html, double length)
{
	double step = tick_step(length);

	for (double time = 0; time <= length * TICK_LAST; time += step)
		put_tick(html, time, length);
}

void html_when(GString *html, const Block *block)
{
	double length = (double)MAX(block->end_ns - block->begin_ns, 1);

	g_string_append(html, "<figure class=\"when\"><svg role=\"img\" aria-label=\"");
	html_text(html, block->text);
	g_string_append(html, "\"><rect class=\"track\" y=\"0\" width=\"100%\" height=\"22\" rx=\"3\"/>");
	for (guint i = 0; i < block->ranges->len; i++) {
		const ViewRange *r = &g_array_index(block->ranges, ViewRange, i);
		double begin = CLAMP((double)(r->begin_ns - block->begin_ns) / length, 0, 1), end = CLAMP((double)(r->end_ns - block->begin_ns) / length, 0, 1);
		double width = MAX(end - begin, RANGE_MIN);

		g_string_append(html, "<g class=\"lost s0\"><rect y=\"0\" height=\"22\"");
		put_percent(html, "x", MIN(begin, 1 - width));
		put_percent(html, "width", width);
		g_string_append(html, "/></g>");
	}
	put_ticks(html, length);
	g_string_append(html, "</svg></figure>\n");
}
