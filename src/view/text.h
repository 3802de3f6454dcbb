/* SPDX-License-Identifier: MIT */
/* view/text.h: text for people, the parts that tables and documents share. */
#ifndef STRATA_VIEW_TEXT_H
#define STRATA_VIEW_TEXT_H

#include "view/table.h"

/* Prose is hard to read in longer lines, however wide the terminal. */
#define TEXT_FILL_MAX 100

/* What the text is written to. */
typedef struct {
	guint width;    /* of the terminal; 0: no terminal, nothing is cut */
	gboolean bold;  /* headings may be bold */
	gboolean ascii; /* no line drawing characters */
} TextStyle;

/* The style that fits `out`: NO_COLOR, TERM, COLUMNS and the locale are respected where it is a terminal. */
TextStyle text_style_of(FILE *out);

/* Append a cell's value; nothing in it is a control character. */
void text_cell(GString *text, const Cell *cell, ViewUnit unit);

/* Append a table, each line `indent` blanks in. */
void text_table(GString *text, const View *view, const TextStyle *style, guint indent);

/* Append the histograms of those rows that have one. */
void text_charts(GString *text, const View *view, const GArray *rows, const TextStyle *style, const char *margin);

/*
 * Append lines of words, as many on a line as `style` has room for. `first` stands before the first line, `rest` before those after it. A newline
 * begins a new line, and so does the end.
 */
void text_fill(GString *text, const char *words, const char *first, const char *rest, const TextStyle *style);

/* Append a line that is a heading. */
void text_heading(GString *text, const char *heading, const TextStyle *style);

/* Columns that a valid UTF-8 text takes. */
guint text_width(const char *text);

/*
 * A copy in valid UTF-8 that no terminal obeys: what is not printable is written as \xNN, byte by byte. Newlines remain
 * with `keep_newlines`.
 */
char *text_clean(const char *text, gboolean keep_newlines);

/* Cut a valid UTF-8 text, if it is wider, to `width` columns, the last of which shows that something is missing. */
void text_cut(GString *text, guint width, const TextStyle *style);

/* Append a document. */
void text_doc(GString *text, const ViewDoc *doc, const TextStyle *style);

#endif
