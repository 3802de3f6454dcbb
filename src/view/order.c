/* SPDX-License-Identifier: MIT */
/* The order of rows: sorting, the tree, the limit. */
#include <string.h>

#include "view/table.h"

static double as_double(const Cell *cell)
{
	return cell->type == CELL_INT ? (double)cell->i : cell->type == CELL_UINT ? (double)cell->u : cell->d;
}

static int compare_numbers(const Cell *a, const Cell *b)
{
	if (a->type == CELL_DOUBLE || b->type == CELL_DOUBLE) {
		double x = as_double(a), y = as_double(b);
		return (x > y) - (x < y);
	}
	gboolean a_below_zero = a->type == CELL_INT && a->i < 0;
	gboolean b_below_zero = b->type == CELL_INT && b->i < 0;
	if (a_below_zero != b_below_zero)
		return a_below_zero ? -1 : 1;
	/* Two's complement orders numbers of one sign alike, signed or not. */
	return (a->u > b->u) - (a->u < b->u);
}

/* Kinds of values in one column, in this order: truth, numbers, texts, histograms. */
static int kind(const Cell *cell)
{
	return cell->type == CELL_BOOL ? 0 : cell->type == CELL_TEXT ? 2 : cell->type == CELL_BINS || cell->type == CELL_SERIES ? 3 : 1;
}

static int compare_known(const Cell *a, const Cell *b)
{
	if (kind(a) != kind(b))
		return kind(a) - kind(b);
	if (a->type == CELL_BOOL)
		return a->b - b->b;
	if (a->type == CELL_BINS || a->type == CELL_SERIES)
		return 0;
	if (a->type == CELL_TEXT)
		return strverscmp(a->text, b->text);
	return compare_numbers(a, b);
}

typedef struct {
	const View *view;
	guint column;
	gboolean descending;
} Sorting;

static int compare_rows(gconstpointer a, gconstpointer b, gpointer data)
{
	const Sorting *sorting = data;
	const Cell *x = view_cell(sorting->view, *(const guint *)a, sorting->column);
	const Cell *y = view_cell(sorting->view, *(const guint *)b, sorting->column);
	if (x->type == CELL_UNKNOWN || y->type == CELL_UNKNOWN)
		return (x->type == CELL_UNKNOWN) - (y->type == CELL_UNKNOWN);
	int order = compare_known(x, y);
	return sorting->descending ? -order : order;
}

void view_sort(View *view, guint column, gboolean descending)
{
	g_return_if_fail(column < view->columns->len);
	Sorting sorting = {.view = view, .column = column, .descending = descending};
	/* GLib's sort is stable since 2.32. */
	g_array_sort_with_data(view->order, compare_rows, &sorting);
}

#define NONE G_MAXUINT

typedef struct {
	guint first_child;
	guint next_sibling;
} Links;

/* Who stands below and beside whom. The last entry is the root, above the rows without a parent. */
static Links *link_rows(const View *view)
{
	guint n = view->order->len;
	Links *links = g_new(Links, (gsize)n + 1);
	for (guint i = 0; i <= n; i++)
		links[i] = (Links){NONE, NONE};
	for (guint i = n; i-- > 0;) {
		guint row = g_array_index(view->order, guint, i);
		gint parent = g_array_index(view->parents, gint, row);
		Links *above = &links[parent < 0 ? n : (guint)parent];
		links[row].next_sibling = above->first_child;
		above->first_child = row;
	}
	return links;
}

/* The row after `row` that is no descendant of it. */
static guint next_beside(const View *view, const Links *links, guint row)
{
	while (links[row].next_sibling == NONE) {
		gint parent = g_array_index(view->parents, gint, row);
		if (parent < 0)
			return NONE;
		row = (guint)parent;
	}
	return links[row].next_sibling;
}

GArray *view_shown_rows(const View *view)
{
	guint n = view->order->len;
	GArray *rows = g_array_sized_new(FALSE, FALSE, sizeof(guint), n);
	g_autofree Links *links = link_rows(view);
	guint row = links[n].first_child;
	while (row != NONE && (view->limit == 0 || rows->len < view->limit)) {
		g_array_append_val(rows, row);
		row = links[row].first_child != NONE ? links[row].first_child : next_beside(view, links, row);
	}
	return rows;
}

guint64 view_left_out(const View *view)
{
	guint n = view->order->len;
	return view->dropped + (view->limit && view->limit < n ? n - view->limit : 0);
}
