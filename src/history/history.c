/* SPDX-License-Identifier: MIT */
/* history.c: in memory, searched by scanning. */
#include "history/history.h"

#include <string.h>

typedef struct { char *name; char **states; guint n; } Kind;
typedef struct { char *path; guint kind; gint64 begin, end; GArray *intervals; } Row;
typedef struct { char *name; gsize size; GPtrArray *items; } Table;

struct History {
	gint64 begin, end;
	GPtrArray *texts;
	GHashTable *by_text, *meta;
	GArray *kinds, *rows, *tables, *edges;
};

History *history_new(gint64 begin_ns, gint64 end_ns, const HistoryOptions *options)
{
	History *h = g_new0(History, 1);
	h->begin = begin_ns;
	h->end = end_ns;
	h->texts = g_ptr_array_new_with_free_func(g_free);
	h->by_text = g_hash_table_new(g_str_hash, g_str_equal);
	h->meta = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
	h->kinds = g_array_new(FALSE, TRUE, sizeof(Kind));
	h->rows = g_array_new(FALSE, TRUE, sizeof(Row));
	h->tables = g_array_new(FALSE, TRUE, sizeof(Table));
	h->edges = g_array_new(FALSE, TRUE, sizeof(HistoryEdge));
	history_text(h, "", 0);
	return h;
}

void history_free(History *h)
{
	if (!h)
		return;
	for (guint i = 0; i < h->kinds->len; i++) {
		g_free(g_array_index(h->kinds, Kind, i).name);
		g_strfreev(g_array_index(h->kinds, Kind, i).states);
	}
	for (guint i = 0; i < h->rows->len; i++) {
		g_free(g_array_index(h->rows, Row, i).path);
		g_array_unref(g_array_index(h->rows, Row, i).intervals);
	}
	for (guint i = 0; i < h->tables->len; i++) {
		g_free(g_array_index(h->tables, Table, i).name);
		g_ptr_array_unref(g_array_index(h->tables, Table, i).items);
	}
	g_array_unref(h->kinds);
	g_array_unref(h->rows);
	g_array_unref(h->tables);
	g_array_unref(h->edges);
	g_hash_table_unref(h->by_text);
	g_hash_table_unref(h->meta);
	g_ptr_array_unref(h->texts);
	g_free(h);
}

gint64 history_begin(const History *h) { return h->begin; }
gint64 history_end(const History *h) { return h->end; }
guint64 history_dropped(const History *h) { return 0; }

guint32 history_text(History *h, const char *text, gssize len)
{
	g_autofree char *copy = len < 0 ? g_strdup(text) : g_strndup(text, (gsize)len);
	gpointer known;
	if (g_hash_table_lookup_extended(h->by_text, copy, NULL, &known))
		return GPOINTER_TO_UINT(known);
	g_hash_table_insert(h->by_text, copy, GUINT_TO_POINTER(h->texts->len));
	g_ptr_array_add(h->texts, g_steal_pointer(&copy));
	return h->texts->len - 1;
}

const char *history_text_get(const History *h, guint32 text)
{
	return text < h->texts->len ? g_ptr_array_index(h->texts, text) : "";
}

void history_set_meta(History *h, const char *key, const char *value)
{
	g_hash_table_replace(h->meta, g_strdup(key), g_strdup(value));
}

const char *history_meta(const History *h, const char *key) { return g_hash_table_lookup(h->meta, key); }

guint history_kind(History *h, const char *name, const char *const *states, guint n)
{
	guint known;
	if (history_find_kind(h, name, &known))
		return known;
	Kind k = {g_strdup(name), g_new0(char *, n + 1), n};
	for (guint i = 0; i < n; i++)
		k.states[i] = g_strdup(states[i]);
	g_array_append_val(h->kinds, k);
	return h->kinds->len - 1;
}

guint32 history_row(History *h, guint kind, const char *path, gint64 begin_ns)
{
	Row r = {g_strdup(path), kind, CLAMP(begin_ns, h->begin, h->end), 0, g_array_new(FALSE, TRUE, sizeof(HistoryInterval))};
	r.end = r.begin;
	g_array_append_val(h->rows, r);
	return h->rows->len - 1;
}

static Row *row_of(const History *h, guint32 row) { return &g_array_index(h->rows, Row, row); }

void history_row_rename(History *h, guint32 row, const char *path)
{
	g_free(row_of(h, row)->path);
	row_of(h, row)->path = g_strdup(path);
}

void history_append(History *h, guint32 row, gint64 end_ns, guint state, guint32 detail)
{
	Row *r = row_of(h, row);
	end_ns = MIN(end_ns, h->end);
	if (end_ns <= r->end)
		return;
	HistoryInterval *last = r->intervals->len ? &g_array_index(r->intervals, HistoryInterval, r->intervals->len - 1) : NULL;
	if (last && last->state == state && last->detail == detail)
		last->end_ns = end_ns;
	else {
		HistoryInterval i = {r->end, end_ns, detail, (guint8)state};
		g_array_append_val(r->intervals, i);
	}
	r->end = end_ns;
}

void history_edge(History *h, guint32 kind, guint32 from_row, gint64 from_ns, guint32 to_row, gint64 to_ns)
{
	HistoryEdge e = {from_ns, to_ns, kind, from_row, to_row};
	g_array_append_val(h->edges, e);
}

guint32 history_n_rows(const History *h) { return h->rows->len; }
const char *history_row_path(const History *h, guint32 row) { return row_of(h, row)->path; }
guint history_row_kind(const History *h, guint32 row) { return row_of(h, row)->kind; }
gint64 history_row_begin(const History *h, guint32 row) { return row_of(h, row)->begin; }
gint64 history_row_end(const History *h, guint32 row) { return row_of(h, row)->end; }
guint64 history_row_intervals(const History *h, guint32 row) { return row_of(h, row)->intervals->len; }

gboolean history_find_kind(const History *h, const char *name, guint *kind_out)
{
	for (guint i = 0; i < h->kinds->len; i++)
		if (!strcmp(g_array_index(h->kinds, Kind, i).name, name)) {
			*kind_out = i;
			return TRUE;
		}
	return FALSE;
}

const char *history_kind_name(const History *h, guint kind) { return g_array_index(h->kinds, Kind, kind).name; }
guint history_n_states(const History *h, guint kind) { return g_array_index(h->kinds, Kind, kind).n; }
const char *history_state_name(const History *h, guint kind, guint state) { return g_array_index(h->kinds, Kind, kind).states[state]; }

gboolean history_at(const History *h, guint32 row, gint64 time, HistoryInterval *out)
{
	HistoryWalk w;
	history_walk(&w, h, row, time, time + 1);
	return history_walk_next(&w, out);
}

void history_sums(const History *h, guint32 row, gint64 begin_ns, gint64 end_ns, gint64 *ns_out)
{
	HistoryWalk w;
	HistoryInterval i;
	memset(ns_out, 0, history_n_states(h, history_row_kind(h, row)) * sizeof(*ns_out));
	history_walk(&w, h, row, begin_ns, end_ns);
	while (history_walk_next(&w, &i))
		ns_out[i.state] += MIN(i.end_ns, end_ns) - MAX(i.begin_ns, begin_ns);
}

void history_picture(const History *h, guint32 row, gint64 begin_ns, gint64 end_ns, guint width, gint64 *ns_out)
{
	guint n = history_n_states(h, history_row_kind(h, row));
	__extension__ typedef __int128 Wide;
	Wide span = (Wide)end_ns - begin_ns;
	for (guint i = 0; i < width; i++)
		history_sums(h, row, begin_ns + (gint64)(span * i / width), begin_ns + (gint64)(span * (i + 1) / width), ns_out + (gsize)i * n);
}

void history_walk(HistoryWalk *w, const History *h, guint32 row, gint64 begin_ns, gint64 end_ns)
{
	const GArray *a = row_of(h, row)->intervals;
	guint i = 0;
	while (i < a->len && g_array_index(a, HistoryInterval, i).end_ns <= begin_ns)
		i++;
	*w = (HistoryWalk){h, row, end_ns, {i}};
}

gboolean history_walk_next(HistoryWalk *w, HistoryInterval *out)
{
	const GArray *a = row_of(w->history, w->row)->intervals;
	if (w->private[0] >= a->len || g_array_index(a, HistoryInterval, w->private[0]).begin_ns >= w->end_ns)
		return FALSE;
	*out = g_array_index(a, HistoryInterval, w->private[0]++);
	return TRUE;
}

guint64 history_n_edges(const History *h) { return h->edges->len; }
void history_edge_get(const History *h, guint64 i, HistoryEdge *out) { *out = g_array_index(h->edges, HistoryEdge, i); }

guint history_table(History *h, const char *name, gsize item_size)
{
	guint known;
	if (history_find_table(h, name, item_size, &known))
		return known;
	Table t = {g_strdup(name), item_size, g_ptr_array_new_with_free_func(g_free)};
	g_array_append_val(h->tables, t);
	return h->tables->len - 1;
}

gboolean history_find_table(const History *h, const char *name, gsize item_size, guint *table_out)
{
	for (guint i = 0; i < h->tables->len; i++)
		if (!strcmp(g_array_index(h->tables, Table, i).name, name) && g_array_index(h->tables, Table, i).size == item_size) {
			*table_out = i;
			return TRUE;
		}
	return FALSE;
}

gpointer history_table_add(History *h, guint table)
{
	Table *t = &g_array_index(h->tables, Table, table);
	g_ptr_array_add(t->items, g_malloc0(t->size));
	return g_ptr_array_index(t->items, t->items->len - 1);
}

guint64 history_table_len(const History *h, guint table) { return g_array_index(h->tables, Table, table).items->len; }
gpointer history_table_item(History *h, guint table, guint64 i) { return g_ptr_array_index(g_array_index(h->tables, Table, table).items, i); }
gconstpointer history_table_get(const History *h, guint table, guint64 i) { return g_ptr_array_index(g_array_index(h->tables, Table, table).items, i); }

gconstpointer history_table_run(const History *h, guint table, guint64 i, guint64 *n_out)
{
	*n_out = i < history_table_len(h, table);
	return *n_out ? history_table_get(h, table, i) : NULL;
}

gboolean history_finish(History *h, GError **error) { return TRUE; }
char *history_cache_dir(GError **error) { return NULL; }
char *history_fingerprint(const char *const *dirs, gsize n, const char *analysis, GError **error) { return g_strdup(analysis); }
gboolean history_save(const History *h, const char *path, const char *fingerprint, GError **error) { return TRUE; }
History *history_open(const char *path, const char *fingerprint, GError **error) { return NULL; }
