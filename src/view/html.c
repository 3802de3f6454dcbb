/* SPDX-License-Identifier: MIT */
/* Pages: their head, and tables. */
#include "view/html.h"

#include <string.h>

#include "view/text.h"

#define DEPTH_MAX 6 /* of a tree's indentation */

void html_text(GString *html, const char *text)
{
	g_autofree char *clean = text_clean(text, TRUE);

	for (const char *c = clean; *c; c++)
		switch (*c) {
		case '&':
			g_string_append(html, "&amp;");
			break;
		case '<':
			g_string_append(html, "&lt;");
			break;
		case '>':
			g_string_append(html, "&gt;");
			break;
		case '"':
			g_string_append(html, "&quot;");
			break;
		case '\'':
			g_string_append(html, "&#39;");
			break;
		default:
			g_string_append_c(html, *c);
		}
}

/* ---- The page ------------------------------------------------------------------------------------------------------------- */

/* The style sheet's own hash is what the policy allows, so that nothing else can be one. */
static char *style_hash(const char *style)
{
	g_autoptr(GChecksum) sum = g_checksum_new(G_CHECKSUM_SHA256);
	guint8 digest[32];
	gsize len = sizeof(digest);

	g_checksum_update(sum, (const guchar *)style, -1);
	g_checksum_get_digest(sum, digest, &len);
	return g_base64_encode(digest, len);
}

void html_begin(GString *html, const char *title)
{
	g_autofree char *style = html_style(), *hash = style_hash(style);

	g_string_append(html, "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n");
	g_string_append_printf(html, "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'sha256-%s'; base-uri 'none'; form-action 'none'\">\n",
			       hash);
	g_string_append(html, "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<meta name=\"color-scheme\" content=\"light dark\">\n"
			      "<meta name=\"referrer\" content=\"no-referrer\">\n<title>");
	html_text(html, title);
	g_string_append(html, "</title>\n<style>");
	g_string_append(html, style);
	g_string_append(html, "</style>\n</head>\n<body>\n<main>\n<h1>");
	html_text(html, title);
	g_string_append(html, "</h1>\n");
}

void html_end(GString *html)
{
	g_string_append(html, "</main>\n<footer>Made by strata " STRATA_VERSION ". This page needs nothing but itself.</footer>\n</body>\n</html>\n");
}

/* ---- Tables --------------------------------------------------------------------------------------------------------------- */

static guint depth_of(const View *view, guint row)
{
	guint depth = 0;

	for (gint at = g_array_index(view->parents, gint, row); at >= 0; at = g_array_index(view->parents, gint, (guint)at))
		depth++;
	return MIN(depth, DEPTH_MAX);
}

static void put_cell(GString *html, const View *view, guint row, guint c)
{
	const Column *column = view_column(view, c);
	const Cell *cell = view_cell(view, row, c);
	g_autoptr(GString) text = g_string_new(NULL);
	gboolean right = column->align == VIEW_ALIGN_RIGHT;

	text_cell(text, cell, column->unit);
	if (cell->type == CELL_SERIES) {
		html_series(html, cell->series);
		return;
	}
	if (view->tree_column == (gint)c)
		g_string_append_printf(html, "<td class=\"depth-%u\">", depth_of(view, row));
	else
		g_string_append(html, right ? "<td class=\"n\">" : "<td>");
	html_text(html, text->str);
	g_string_append(html, "</td>");
}

static void put_headings(GString *html, const View *view)
{
	g_string_append(html, "<thead><tr>");
	for (guint c = 0; c < view->columns->len; c++) {
		const Column *column = view_column(view, c);
		g_autofree char *title = g_utf8_strdown(column->title, -1);

		if (column->hidden)
			continue;
		g_string_append(html, column->align == VIEW_ALIGN_RIGHT ? "<th scope=\"col\" class=\"n\">" : "<th scope=\"col\">");
		html_text(html, title);
		g_string_append(html, "</th>");
	}
	g_string_append(html, "</tr></thead>\n");
}

static void put_rows(GString *html, const View *view, const GArray *rows)
{
	g_string_append(html, "<div class=\"scroll\"><table>\n");
	if (view->headings)
		put_headings(html, view);
	g_string_append(html, "<tbody>\n");
	for (guint i = 0; i < rows->len; i++) {
		g_string_append(html, "<tr>");
		for (guint c = 0; c < view->columns->len; c++)
			if (!view_column(view, c)->hidden)
				put_cell(html, view, g_array_index(rows, guint, i), c);
		g_string_append(html, "</tr>\n");
	}
	g_string_append(html, "</tbody></table></div>\n");
}

void html_table(GString *html, const View *view)
{
	g_autoptr(GArray) rows = view_shown_rows(view);
	guint64 left_out = view_left_out(view);

	html_bars(html, view, rows);
	if (rows->len) {
		put_rows(html, view, rows);
	} else {
		g_string_append(html, "<p class=\"none\">");
		html_text(html, view->empty_text ? view->empty_text : "None.");
		g_string_append(html, "</p>\n");
	}
	if (left_out)
		g_string_append_printf(html, "<p class=\"note\">and %" G_GUINT64_FORMAT " more</p>\n", left_out);
	html_histograms(html, view, rows);
	for (guint i = 0; i < view->notes->len; i++) {
		g_string_append(html, "<p class=\"note\">");
		html_text(html, g_ptr_array_index(view->notes, i));
		g_string_append(html, "</p>\n");
	}
}

void view_write_html(const View *view, FILE *out)
{
	g_autoptr(GString) html = g_string_new(NULL);

	html_begin(html, view->title);
	html_table(html, view);
	html_end(html);
	fwrite(html->str, 1, html->len, out);
}
