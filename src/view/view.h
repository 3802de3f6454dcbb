/* SPDX-License-Identifier: MIT */
/*
 * view/view.h: the output model, and the forms it is written in.
 *
 * An analysis ends in a View: a table of typed columns. It says what its numbers are (ViewUnit) and not how they look: a
 * time is its nanoseconds, a share a ratio from 0 to 1. Each form makes of it what its readers need:
 *
 *   text  for people: aligned columns, numbers with units, as lsblk and perf report do. On a terminal bold headings, and long
 *         text cut to the width; in a file or pipe nothing is ever cut, and the bytes depend on nothing but the view
 *         (and TZ, for times of day).
 *   json  {"schema": "strata/<name>/1", "title", "columns": [{"name", "unit", "title"}], "rows": [{<column>: value}], "notes": [..]}:
 *         one row a line, exact values, null for what is not known. "notes" where there are any; "rows_left_out" where view_limit() left any.
 *   csv   RFC 4180 with the columns' names as its header, and lines that end in a newline alone. What is not known is an empty field; an empty
 *         text is "".
 *   html  one file for a browser: the table, with charts drawn from it. It asks for nothing else: no script, no other file, and a policy in it that forbids both.
 *
 *   folded  for flame graphs (flamegraph.pl, speedscope, Perfetto): a line for each row, "frame;frame;frame number". Only of views that have it: view_set_folded().
 *
 *	g_autoptr(View) view = view_new("exits", "VM exits");
 *	guint reason = view_add_column(view, "reason", "Reason", VIEW_TEXT);
 *	guint total = view_add_column(view, "total_ns", "Total", VIEW_NS);
 *	view_begin_row(view);
 *	view_set_text(view, reason, "hlt");
 *	view_set_int(view, total, 81000);
 *	view_sort(view, total, TRUE);
 *	view_render(view, VIEW_FORMAT_TEXT, stdout, &error);
 *
 * A ViewDoc is a text for people, or a page, made of headed sections, some of them tables: `strata report`.
 *
 * Texts are copied. They may hold anything: what is not UTF-8 becomes U+FFFD, and no text can send commands to a terminal. A view belongs to one
 * thread.
 */
#ifndef STRATA_VIEW_VIEW_H
#define STRATA_VIEW_VIEW_H

#include <stdio.h>

#include <glib.h>

#include "base/json.h"

typedef enum {
	VIEW_FORMAT_TEXT,
	VIEW_FORMAT_JSON,
	VIEW_FORMAT_CSV,
	VIEW_FORMAT_HTML,
	VIEW_FORMAT_FOLDED,
} ViewFormat;

/* "text", "json", "csv", "html" or "folded"; FALSE: none of them (ST_ERROR_USAGE). */
gboolean view_format_parse(const char *text, ViewFormat *format_out, GError **error);

/* Text and pages; programs read the others. */
gboolean view_is_for_people(ViewFormat format);

/* What a column's values are. In brackets: its name in JSON, how a value is shown to people. Text stands left, numbers right. */
typedef enum {
	VIEW_TEXT,    /* ["text"] */
	VIEW_ID,      /* ["id", 1234] a number that counts nothing: a pid, a vCPU */
	VIEW_BOOL,    /* ["bool", yes] */
	VIEW_COUNT,   /* ["count", 1,234] */
	VIEW_NS,      /* ["ns", 56.7 ms] a length of time */
	VIEW_TIME_NS, /* ["time_ns", 14:03:59.250000000] a point in time, since the clock's origin */
	VIEW_RATIO,   /* ["ratio", 12.3%] a share, 1 being all */
	VIEW_BYTES,   /* ["bytes", 1.50 MiB] */
	VIEW_HZ,      /* ["hz", 1,234/s] */
	VIEW_NUMBER,  /* ["number", 3.20] without a dimension: a factor, a mean count */
	VIEW_SERIES,  /* ["series"] shares, 0 .. 1, one behind the other; see view_set_series() */
	VIEW_BINS,    /* ["histogram"] how many were how long; see view_set_bins() */
} ViewUnit;

/* What a part of a whole means: charts have colours for that, not for names. */
typedef enum {
	VIEW_ROLE_NONE,     /* it is no part of a chart */
	VIEW_ROLE_WORK,     /* what somebody wanted to be done */
	VIEW_ROLE_OVERHEAD, /* what doing it in this way costs */
	VIEW_ROLE_LOST,     /* it could have gone on, and was not let */
	VIEW_ROLE_WAIT,     /* for something else to be done */
	VIEW_ROLE_IDLE,     /* there was nothing to do */
	VIEW_ROLE_UNKNOWN,
	VIEW_ROLE_COUNT
} ViewRole;

/* So many were in [from, to) ns. */
typedef struct {
	gint64 from_ns, to_ns;
	guint64 count;
} ViewBin;

typedef enum {
	VIEW_ALIGN_LEFT,
	VIEW_ALIGN_RIGHT,
} ViewAlign;

/* A table holds no more rows than this; those above it are left out, and counted as such. */
#define VIEW_ROWS_MAX 10000000

typedef struct View View;

/* `schema_name` is what stands between "strata/" and "/1". `title` says to people what the rows are ("VM exits"). */
View *view_new(const char *schema_name, const char *title);
void view_free(View *view); /* NULL is fine */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(View, view_free)

/*
 * Add a column before the first row; returns its number, from 0 on. `name` is what programs call it: [a-z0-9_], never changed
 * once released, with its unit where it has one ("total_ns"). `title` is for people, and short.
 */
guint view_add_column(View *view, const char *name, const char *title, ViewUnit unit);

/* The number of the column of that name. FALSE: there is none. */
gboolean view_find_column(const View *view, const char *name, guint *column_out);

/* All their names, for a message: "a, b, c". The caller frees. */
char *view_column_names(const View *view);

/* Stand otherwise than the unit has it. */
void view_set_align(View *view, guint column, ViewAlign align);

/* Times (VIEW_TIME_NS) in JSON are told from here on: ns since the origin do not fit into the numbers that browsers have. */
void view_set_origin(View *view, gint64 origin_ns);

/* Leave the column out of the text: it is for programs only. */
void view_hide_from_text(View *view, guint column);

/* Show rows as a tree whose branches stand before this column's texts; see view_row_parent(). */
void view_set_tree_column(View *view, guint column);

/* Chart: a bar for each row, whose parts are its columns with a role (of unit VIEW_RATIO; 1 is the whole bar). */
void view_set_role(View *view, guint column, ViewRole role);

/*
 * Chart: a bar for each text of `bar`, whose parts are the rows with that text: their name is in `part`, their share in `value` (of unit VIEW_RATIO). What a row's part
 * means is told by view_set_row_role(), of the row begun last.
 */
void view_chart_rows(View *view, guint bar, guint part, guint value);
void view_set_row_role(View *view, ViewRole role);

/* What the form "folded" is made of: a column of texts whose frames are put together with view_frame(), and one of numbers. */
void view_set_folded(View *view, guint stack, guint value);

/* Append a frame to a stack, the outermost one first. */
void view_frame(GString *stack, const char *frame);

/* Leave out the line of headings (text, CSV). */
void view_set_headings(View *view, gboolean headings);

/* What the text says instead of a table without rows: "No VM was found." */
void view_set_empty_text(View *view, const char *text);

/* Something that has to be known to read the numbers right; stands below the table. */
void view_add_note(View *view, const char *format, ...) G_GNUC_PRINTF(2, 3);

/*
 * Begin a row; returns its number, from 0 on, by which view_row_parent() knows it however rows are sorted. Its cells are unknown until they are set. Setting
 * concerns the row begun last.
 */
gint view_begin_row(View *view);

void view_set_text(View *view, guint column, const char *text); /* NULL: unknown */
void view_set_textf(View *view, guint column, const char *format, ...) G_GNUC_PRINTF(3, 4);
void view_set_int(View *view, guint column, gint64 value);
void view_set_uint(View *view, guint column, guint64 value);
void view_set_double(View *view, guint column, double value); /* NaN, infinities: unknown */
void view_set_bool(View *view, guint column, gboolean value);

/*
 * A histogram. Text: not in the table, but a chart for each row below it. JSON: an array of [from, to, count]. CSV: "from-to:count" with blanks
 * between. `bins` are copied.
 */
void view_set_bins(View *view, guint column, const ViewBin *bins, guint n);

/* Shares in the order of time or place: a small chart in the table; JSON: an array; CSV: numbers with blanks between. `shares` are copied. */
#define VIEW_SERIES_MAX 256
void view_set_series(View *view, guint column, const double *shares, guint n);

/* Put the row begun last below an earlier one in the tree; -1: below none. */
void view_row_parent(View *view, gint parent_row);

/*
 * Sort by a column. Rows of equal value keep their order, so that sorting by the second criterion first and by the first one second
 * sorts by both. Unknown values come last in either direction. Numbers inside texts count as numbers (cpu2 before cpu10). In a tree, rows are sorted among those of the
 * same parent.
 */
void view_sort(View *view, guint column, gboolean descending);

/* Show the first rows only, as they are sorted when it is shown. 0: all of them. The text and JSON tell how many were left out. */
void view_limit(View *view, guint rows);

/* How many rows were begun. */
guint view_row_count(const View *view);

/*
 * What a cell holds, for those who count on with it: rows as they were begun, from 0 on. FALSE and NULL: unknown, or of another type.
 */
gboolean view_get_number(const View *view, guint row, guint column, double *number_out);
const char *view_get_text(const View *view, guint row, guint column);

/* Write the view, and flush. FALSE: it could not be written (ST_ERROR_IO). */
gboolean view_render(const View *view, ViewFormat format, FILE *out, GError **error);

/* The array of rows, as it stands at "rows": to put a table into other JSON. */
void view_json_rows(const View *view, StJson *json);
/* The whole object. */
void view_json(const View *view, StJson *json);

/*
 * A document. What is added goes to the end of it, below the last heading. Paragraphs and items are filled to the width; a newline in them is kept.
 */
typedef struct ViewDoc ViewDoc;

ViewDoc *view_doc_new(void);
void view_doc_free(ViewDoc *doc); /* NULL is fine */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(ViewDoc, view_doc_free)

void view_doc_heading(ViewDoc *doc, const char *heading);
/* A heading above others: it and what follows, up to the next one, are a part of the document, which a page lists at its head. */
void view_doc_part(ViewDoc *doc, const char *heading);
/* A line that is never filled; on a terminal it is cut at its width. */
void view_doc_line(ViewDoc *doc, const char *format, ...) G_GNUC_PRINTF(2, 3);
void view_doc_paragraph(ViewDoc *doc, const char *format, ...) G_GNUC_PRINTF(2, 3);
/* An item of a list. */
void view_doc_item(ViewDoc *doc, const char *format, ...) G_GNUC_PRINTF(2, 3);
/* A key and its value; those of neighbouring pairs are aligned. */
void view_doc_pair(ViewDoc *doc, const char *key, const char *format, ...) G_GNUC_PRINTF(3, 4);
/* Something to copy into a shell: on its own line, never filled or cut. */
void view_doc_command(ViewDoc *doc, const char *format, ...) G_GNUC_PRINTF(2, 3);
/* A table; the document owns it from now on. */
void view_doc_table(ViewDoc *doc, View *view);
/* A table for those who want to know more: only a page has it, folded. The document owns it from now on. */
void view_doc_more(ViewDoc *doc, const char *title, View *view);
/*
 * What belongs together, from its title on to its end: an item of a list in a text, a card on a page. `weight` is 0 .. 1. Cards do not nest.
 */
void view_doc_card(ViewDoc *doc, double weight, const char *format, ...) G_GNUC_PRINTF(3, 4);
void view_doc_card_end(ViewDoc *doc);

typedef struct {
	gint64 begin_ns, end_ns;
} ViewRange;

/* When something was, of the time from `begin_ns` to `end_ns`: only a page shows it. `ranges` are copied. */
void view_doc_when(ViewDoc *doc, const char *what, gint64 begin_ns, gint64 end_ns, const ViewRange *ranges, guint n);

/* Write the document as text or as a page (`title` is that of the page), and flush. FALSE: it could not be written (ST_ERROR_IO). */
gboolean view_doc_render(const ViewDoc *doc, ViewFormat format, const char *title, FILE *out, GError **error);

#endif
