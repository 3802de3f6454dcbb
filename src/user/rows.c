/* SPDX-License-Identifier: MIT */
/* rows.c: spans as rows: whether one of that name was open on a thread. */
#include "user/private.h"

enum { NONE, ACTIVE };

static guint32 row_of(UserPass *p, GHashTable *rows, guint kind, const UserSpan *span)
{
	guint64 key = ((guint64)span->thread << 32) | span->name;
	guint64 *known = g_hash_table_lookup(rows, &key);

	if (known)
		return (guint32)*known;
	const UserThread *t = user_thread(p, span->thread);
	const char *name = history_text_get(p->history, t->name);
	g_autofree char *path = g_strdup_printf("thread/%d%s%s/span/%s", t->tid >= 0 ? t->tid : t->vtid, *name ? " " : "", name,
						history_text_get(p->history, span->name));
	guint64 pair[2] = {key, history_row(p->history, kind, path, history_begin(p->history))};
	guint64 *kept = g_memdup2(pair, sizeof(pair));
	g_hash_table_insert(rows, kept, kept + 1);
	if (pair[1] != HISTORY_NO_ROW)
		((UserSpanRow *)history_table_add(p->history, history_table(p->history, USER_SPAN_ROWS_TABLE, sizeof(UserSpanRow))))[0] =
			(UserSpanRow){.row = (guint32)pair[1], .thread = span->thread, .name = span->name};
	return (guint32)pair[1];
}

/* Spans stand in the table in the order in which they began. One within another of its name is part of it. */
void user_rows_write(UserPass *p)
{
	static const char *const states[] = {[NONE] = "none", [ACTIVE] = "active"};
	guint kind = history_kind(p->history, "span", states, G_N_ELEMENTS(states));
	guint table = history_table(p->history, USER_SPANS_TABLE, sizeof(UserSpan));
	g_autoptr(GHashTable) rows = g_hash_table_new_full(g_int64_hash, g_int64_equal, g_free, NULL);

	for (guint64 i = 0; i < history_table_len(p->history, table); i++) {
		const UserSpan *span = history_table_get(p->history, table, i);

		if (span->is_function)
			continue;
		guint32 row = row_of(p, rows, kind, span);
		history_append(p->history, row, span->begin_ns, NONE, 0);
		history_append(p->history, row, span->end_ns, ACTIVE, span->key);
	}
	GHashTableIter iter;
	gpointer row;
	g_hash_table_iter_init(&iter, rows);
	while (g_hash_table_iter_next(&iter, NULL, &row))
		history_append(p->history, (guint32) * (guint64 *)row, history_end(p->history), NONE, 0);
}
