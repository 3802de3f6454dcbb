/* SPDX-License-Identifier: MIT */
/* rows.c: spans as rows: whether one of that name was open on a thread. */
#include "user/private.h"

enum { NONE, ACTIVE, UNKNOWN };

/* A row as far as it is written. */
typedef struct {
	guint64 key;        /* thread and name */
	guint32 row;
	gint64 end;
	gint64 unknown_end; /* until then it isn't known whether one is open */
} Row;

static char *path_of(const UserPass *p, const UserSpan *span)
{
	const UserThread *t = user_thread(p, span->thread);
	const char *name = history_text_get(p->history, t->name), *what = history_text_get(p->history, span->name);

	if (t->cpu == G_MAXINT32)
		return g_strdup_printf("thread/further/span/%s", what);
	if (t->cpu >= 0)
		return g_strdup_printf(t->tid == 0 ? "cpu/%d/span/%s" : "cpu/%d/thread/unknown/span/%s", t->cpu, what);
	if (t->tid < 0 && t->vtid < 0)
		return g_strdup_printf("process/%d%s%s/span/%s", t->vpid, *name ? " " : "", name, what);
	return g_strdup_printf("thread/%d%s%s/span/%s", t->tid >= 0 ? t->tid : t->vtid, *name ? " " : "", name, what);
}

static Row *row_of(UserPass *p, GHashTable *rows, guint kind, const UserSpan *span)
{
	guint64 key = ((guint64)span->thread << 32) | span->name;
	Row *row = g_hash_table_lookup(rows, &key);

	if (row)
		return row;
	g_autofree char *path = path_of(p, span);
	row = g_new(Row, 1);
	*row = (Row){.key = key, .row = history_row(p->history, kind, path, history_begin(p->history)), .end = history_begin(p->history),
		     .unknown_end = G_MININT64};
	g_hash_table_insert(rows, &row->key, row);
	if (row->row != HISTORY_NO_ROW)
		((UserSpanRow *)history_table_add(p->history, history_table(p->history, USER_SPAN_ROWS_TABLE, sizeof(UserSpanRow))))[0] =
			(UserSpanRow){.row = row->row, .thread = span->thread, .name = span->name};
	return row;
}

static void write_until(UserPass *p, Row *row, gint64 end, guint state, guint32 detail)
{
	if (end <= row->end)
		return;
	history_append(p->history, row->row, end, state, detail);
	row->end = end;
}

/* The first loss that ends after a time. */
static guint loss_after(const UserPass *p, gint64 time)
{
	guint low = 0, high = p->losses->len;

	while (low < high) {
		guint middle = low + (high - low) / 2;

		if (g_array_index(p->losses, UserLoss, middle).end <= time)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/* None was seen: none was there, but where events were lost that isn't known. */
static void write_none(UserPass *p, Row *row, gint64 end)
{
	write_until(p, row, MIN(row->unknown_end, end), UNKNOWN, 0);
	for (guint i = loss_after(p, row->end); i < p->losses->len && row->end < end; i++) {
		const UserLoss *loss = &g_array_index(p->losses, UserLoss, i);

		write_until(p, row, MIN(loss->begin, end), NONE, 0);
		write_until(p, row, MIN(loss->end, end), UNKNOWN, 0);
	}
	write_until(p, row, end, NONE, 0);
}

static void write_span(UserPass *p, Row *row, const UserSpan *span)
{
	write_none(p, row, span->begin_ns);
	write_until(p, row, span->end_ns, ACTIVE, span->key);
	row->unknown_end = MAX(row->unknown_end, span->unknown_ns ? span->unknown_ns : G_MININT64);
}

/* Spans stand in the table in the order in which they began. One within another of its name is part of it. */
void user_rows_write(UserPass *p)
{
	static const char *const states[] = {[NONE] = "none", [ACTIVE] = "active", [UNKNOWN] = "unknown"};
	guint kind = history_kind(p->history, "span", states, G_N_ELEMENTS(states));
	guint table = history_table(p->history, USER_SPANS_TABLE, sizeof(UserSpan));
	g_autoptr(GHashTable) rows = g_hash_table_new_full(user_pair_hash, g_int64_equal, NULL, g_free);

	for (guint64 i = 0; i < history_table_len(p->history, table); i++) {
		const UserSpan *span = history_table_get(p->history, table, i);

		if (!span->is_function)
			write_span(p, row_of(p, rows, kind, span), span);
	}
	GHashTableIter iter;
	gpointer row;
	g_hash_table_iter_init(&iter, rows);
	while (g_hash_table_iter_next(&iter, NULL, &row))
		write_none(p, row, history_end(p->history));
}
