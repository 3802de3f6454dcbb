/* SPDX-License-Identifier: MIT */
/* view/table.h: what a View is made of, for its renderers. */
#ifndef STRATA_VIEW_TABLE_H
#define STRATA_VIEW_TABLE_H

#include "view/view.h"

typedef enum {
	CELL_UNKNOWN,
	CELL_BOOL,
	CELL_INT,
	CELL_UINT,
	CELL_DOUBLE, /* finite */
	CELL_TEXT,   /* valid UTF-8 */
	CELL_BINS,
	CELL_SERIES,
} CellType;

typedef struct {
	CellType type;
	union {
		gboolean b;
		gint64 i;
		guint64 u;
		double d;
		const char *text; /* in View.texts */
		GArray *bins;     /* of ViewBin; View.bins has it */
		GArray *series;   /* of double; View.bins has it */
	};
} Cell;

typedef struct {
	char *name;
	char *title;
	ViewUnit unit;
	ViewAlign align;
	gboolean hidden; /* from people */
	ViewRole role;
} Column;

struct View {
	char *schema_name;
	char *title;
	char *empty_text;
	GArray *columns;     /* of Column */
	GArray *cells;       /* of Cell, row by row as they were begun */
	GArray *parents;     /* of gint: each row's, -1 for none; a parent is begun before its children */
	GArray *order;       /* of guint: numbers of rows, as they are sorted */
	GPtrArray *notes;    /* of char * */
	GStringChunk *texts; /* each text once */
	GPtrArray *bins;     /* of GArray */
	GArray *roles;       /* of guint8: each row's ViewRole */
	gint tree_column;    /* -1: none */
	gint64 origin_ns;    /* of times in JSON */
	gint folded_stack, folded_value; /* columns; -1: it has no folded form */
	gint chart_bar, chart_part, chart_value; /* columns; -1: rows are no parts of bars */
	gboolean headings;
	guint limit;       /* 0: none */
	guint64 dropped;   /* rows above VIEW_ROWS_MAX */
	gboolean dropping; /* the row begun last is such a one */
};

const Column *view_column(const View *view, guint column);
const Cell *view_cell(const View *view, guint row, guint column);

/* The rows to show, in the order to show them, children below their parents. */
GArray *view_shown_rows(const View *view);

/* How many rows view_shown_rows() does not have, those that were dropped included. */
guint64 view_left_out(const View *view);

/* A unit's name in JSON. */
const char *view_unit_name(ViewUnit unit);

/* Neither flushes; what goes wrong is left in the error indicator of `out`. */
void view_write_csv(const View *view, FILE *out);
void view_write_text(const View *view, FILE *out);
void view_write_folded(const View *view, FILE *out);
void view_write_html(const View *view, FILE *out);

#endif
