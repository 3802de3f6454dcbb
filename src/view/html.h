/* SPDX-License-Identifier: MIT */
/*
 * view/html.h: pages. Everything that comes from elsewhere goes through html_text(); a page has no script, no inline style, and a policy that allows its one style sheet and
 * nothing else.
 */
#ifndef STRATA_VIEW_HTML_H
#define STRATA_VIEW_HTML_H

#include "view/doc.h"
#include "view/table.h"

/* The style sheet of every page. The caller frees. */
char *html_style(void);

/* Append text, escaped: it can be content or a quoted attribute's value. What is not valid UTF-8, or a control character, is shown as such. */
void html_text(GString *html, const char *text);

/* Begin of a page, up to its body; and the end. */
void html_begin(GString *html, const char *title);
void html_end(GString *html);

/* A table, with what its charts show above it, and its notes. */
void html_table(GString *html, const View *view);

/* html_chart.c: stacked bars, histograms, and when something was. */
void html_bars(GString *html, const View *view, const GArray *rows);
void html_series(GString *html, const GArray *series); /* a cell */
void html_histograms(GString *html, const View *view, const GArray *rows);
void html_when(GString *html, const Block *block);

/* A whole page. */
void html_doc(GString *html, const ViewDoc *doc, const char *title);

/* What a row is about: its texts and ids up to its first amount. The caller frees. (chart.c) */
char *view_row_label(const View *view, guint row);

#endif
