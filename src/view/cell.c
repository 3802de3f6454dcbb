/* SPDX-License-Identifier: MIT */
/* One cell as people read it. */
#include "base/format.h"
#include "base/time.h"
#include "view/text.h"

#define UNKNOWN "-"

G_STATIC_ASSERT(ST_TIME_FORMAT_MAX >= ST_FORMAT_MAX);

static gint64 as_int(const Cell *cell)
{
	switch (cell->type) {
	case CELL_INT:
		return cell->i;
	case CELL_UINT:
		return (gint64)MIN(cell->u, (guint64)G_MAXINT64);
	default:
		return cell->d >= 0x1p63 ? G_MAXINT64 : cell->d <= -0x1p63 ? G_MININT64 : (gint64)cell->d;
	}
}

static double as_double(const Cell *cell)
{
	return cell->type == CELL_INT ? (double)cell->i : cell->type == CELL_UINT ? (double)cell->u : cell->d;
}

static const char *format_id(char *buf, const Cell *cell)
{
	return cell->type == CELL_UINT ? st_format_uint(buf, cell->u) : st_format_int(buf, as_int(cell));
}

static const char *format_count(char *buf, const Cell *cell)
{
	return cell->type == CELL_UINT ? st_format_count(buf, cell->u) : st_format_signed_count(buf, as_int(cell));
}

static const char *format_number(char *buf, const Cell *cell, ViewUnit unit)
{
	switch (unit) {
	case VIEW_COUNT:
		return format_count(buf, cell);
	case VIEW_NS:
		return st_format_duration(buf, as_int(cell));
	case VIEW_TIME_NS:
		return st_time_format(buf, as_int(cell));
	case VIEW_RATIO:
		return st_format_percent(buf, as_double(cell));
	case VIEW_BYTES:
		return st_format_bytes(buf, (guint64)MAX(as_int(cell), 0));
	case VIEW_HZ:
		return st_format_rate(buf, as_double(cell));
	case VIEW_NUMBER:
		return st_format_number(buf, as_double(cell));
	case VIEW_BINS:
	case VIEW_SERIES:
	case VIEW_TEXT:
	case VIEW_ID:
	case VIEW_BOOL:
		break;
	}
	return cell->type == CELL_DOUBLE ? st_format_double(buf, cell->d) : format_id(buf, cell);
}

/* Nothing is a blank; what is not nothing does not look like it. */
static void append_series(GString *text, const GArray *series)
{
	static const char *const parts[] = {" ", "\xe2\x96\x81", "\xe2\x96\x82", "\xe2\x96\x83", "\xe2\x96\x84", "\xe2\x96\x85", "\xe2\x96\x86", "\xe2\x96\x87", "\xe2\x96\x88"};

	for (guint i = 0; i < series->len; i++) {
		double share = g_array_index(series, double, i);

		g_string_append(text, parts[share > 0 ? 1 + (guint)(CLAMP(share, 0, 1) * 7 + 0.5) : 0]);
	}
}

void text_cell(GString *text, const Cell *cell, ViewUnit unit)
{
	char buf[ST_TIME_FORMAT_MAX];
	g_autofree char *clean = NULL;
	switch (cell->type) {
	case CELL_BINS:
	case CELL_UNKNOWN:
		g_string_append(text, UNKNOWN);
		break;
	case CELL_SERIES:
		append_series(text, cell->series);
		break;
	case CELL_BOOL:
		g_string_append(text, cell->b ? "yes" : "no");
		break;
	case CELL_TEXT:
		clean = text_clean(cell->text, FALSE);
		g_string_append(text, clean);
		break;
	case CELL_INT:
	case CELL_UINT:
	case CELL_DOUBLE:
		g_string_append(text, format_number(buf, cell, unit));
		break;
	}
}
