/* SPDX-License-Identifier: MIT */
/* history_model.c: histories by scanning. */
#include "history_model.h"

#include <string.h>

static void row_free(gpointer data)
{
	ModelRow *r = data;

	g_free(r->path);
	g_array_unref(r->intervals);
	g_free(r);
}

static void table_free(gpointer data)
{
	g_byte_array_unref(((ModelTable *)data)->items);
	g_free(data);
}

void model_free(Model *m)
{
	g_array_unref(m->kinds);
	g_ptr_array_unref(m->rows);
	g_ptr_array_unref(m->tables);
	g_array_unref(m->edges);
	g_ptr_array_unref(m->texts);
	g_free(m);
}

/* ---- Making ------------------------------------------------------------------------------------------------------- */

static guint64 random64(GRand *rand)
{
	return (guint64)g_rand_int(rand) << 32 | g_rand_int(rand);
}

/* 0 to max, small ones as frequent as large ones. */
static guint64 random_size(GRand *rand, guint64 max)
{
	return (random64(rand) >> g_rand_int_range(rand, 0, 64)) % (max + 1 ? max + 1 : max);
}

ModelShape model_random_shape(GRand *rand)
{
	static const gint64 ends[][2] = {
	        {0, 1000},
	        {-500, 500},
	        {1600000000000000000, 1600000100000000000},
	        {G_MININT64, G_MAXINT64},
	        {G_MININT64, -5},
	        {G_MAXINT64 - 100000, G_MAXINT64},
	        {7, 7},
	};
	guint e = (guint)g_rand_int_range(rand, 0, G_N_ELEMENTS(ends));
	guint64 length = (guint64)ends[e][1] - (guint64)ends[e][0];
	guint appends = (guint)random_size(rand, 4000);

	return (ModelShape){
	        .begin = ends[e][0],
	        .end = ends[e][1],
	        .rows = 1 + (guint)random_size(rand, 30),
	        .appends = appends,
	        .step_max = g_rand_boolean(rand) ? MIN(length, 100) : MIN(length / (appends / 4 + 1) + 1, length),
	        .states_max = g_rand_boolean(rand) ? 64 : 4,
	};
}

static void make_kinds(Model *m, History *h, guint states_max)
{
	for (guint k = 0; k < 3; k++) {
		guint n = (guint)g_rand_int_range(m->rand, 1, (gint)states_max + 1);
		g_autofree const char **names = g_new(const char *, n);
		g_autofree char *name = g_strdup_printf("kind %u", k);

		for (guint i = 0; i < n; i++)
			names[i] = i % 2 ? "odd" : "even";
		g_assert_cmpuint(history_kind(h, name, names, n), ==, k);
		g_assert_cmpuint(history_kind(h, name, names, n), ==, k);
		g_array_append_val(m->kinds, n);
	}
}

static void make_row(Model *m, History *h)
{
	ModelRow *r = g_new0(ModelRow, 1);
	guint64 length = (guint64)m->end - (guint64)m->begin;

	r->path = g_strdup_printf("thread/%u", m->rows->len);
	r->kind = (guint)g_rand_int_range(m->rand, 0, 3);
	r->begin = (gint64)((guint64)m->begin + (g_rand_int_range(m->rand, 0, 4) ? 0 : random_size(m->rand, length)));
	r->end = r->begin;
	r->intervals = g_array_new(FALSE, FALSE, sizeof(HistoryInterval));
	g_assert_cmpuint(history_row(h, r->kind, r->path, r->begin), ==, m->rows->len);
	g_ptr_array_add(m->rows, r);
}

static void append(ModelRow *r, gint64 end, guint8 state, guint32 detail)
{
	HistoryInterval *last =
	        r->intervals->len ? &g_array_index(r->intervals, HistoryInterval, r->intervals->len - 1) : NULL;
	HistoryInterval next = {r->end, end, detail, state};

	if (end <= r->end)
		return;
	if (last && last->state == state && last->detail == detail)
		last->end_ns = end;
	else
		g_array_append_val(r->intervals, next);
	r->end = end;
}

static void make_interval(Model *m, History *h, guint64 step_max)
{
	guint row = (guint)g_rand_int_range(m->rand, 0, (gint)m->rows->len);
	ModelRow *r = g_ptr_array_index(m->rows, row);
	guint64 step = random_size(m->rand, step_max), left = (guint64)m->end - (guint64)r->end;
	gboolean beyond = step > left && r->end < G_MAXINT64 - 10;
	gint64 end = (gint64)((guint64)r->end + MIN(step, left));
	guint32 detail = g_rand_boolean(m->rand) ? 0 : (guint32)random_size(m->rand, G_MAXUINT32);
	guint n = g_array_index(m->kinds, guint, r->kind);
	guint8 state = (guint8)g_rand_int_range(m->rand, 0, (gint)n);

	if (g_rand_int_range(m->rand, 0, 8) == 0 && r->intervals->len) {
		const HistoryInterval *last = &g_array_index(r->intervals, HistoryInterval, r->intervals->len - 1);

		state = last->state;
		detail = last->detail;
	}
	/* What goes beyond the history's end is cut; what goes back in time does not count. */
	history_append(h, row, beyond && m->end < G_MAXINT64 - 10 ? end + 9 : end, state, detail);
	append(r, end, state, detail);
	if (r->end > m->begin)
		history_append(h, row, r->end - 1, (state + 1) % n, 77);
}

static void make_text(Model *m, History *h)
{
	g_autofree char *text = g_strdup_printf("%u", g_rand_int_range(m->rand, 0, 1000));
	guint32 number;

	if (g_rand_boolean(m->rand))
		text[0] = 0;
	number = g_rand_boolean(m->rand) ? history_text(h, text, -1) : history_text(h, text, (gssize)strlen(text));
	if (number >= m->texts->len)
		g_ptr_array_set_size(m->texts, (gint)number + 1);
	char **known = (char **)&g_ptr_array_index(m->texts, number);
	if (*known)
		g_assert_cmpstr(*known, ==, text);
	else
		*known = g_steal_pointer(&text);
}

static void make_tables(Model *m, History *h)
{
	static const gsize sizes[] = {1, 8, 40, 1000, 1024};

	for (guint i = 0; i < G_N_ELEMENTS(sizes); i++) {
		ModelTable *t = g_new0(ModelTable, 1);

		t->size = sizes[i];
		t->items = g_byte_array_new();
		g_snprintf(t->name, sizeof(t->name), "table %u", i / 2);
		t->table = history_table(h, t->name, t->size);
		g_assert_cmpuint(history_table(h, t->name, t->size), ==, t->table);
		g_ptr_array_add(m->tables, t);
	}
}

static gboolean all_zero(const guint8 *p, gsize n)
{
	return n == 0 || (p[0] == 0 && memcmp(p, p + 1, n - 1) == 0);
}

static void make_item(Model *m, History *h)
{
	ModelTable *t = g_ptr_array_index(m->tables, (guint)g_rand_int_range(m->rand, 0, (gint)m->tables->len));
	guint8 *item = history_table_add(h, t->table);

	g_assert_true(all_zero(item, t->size));
	for (gsize i = 0; i < t->size; i += 1 + t->size / 8)
		item[i] = (guint8)g_rand_int(m->rand);
	g_byte_array_append(t->items, item, (guint)t->size);
	if (g_rand_boolean(m->rand)) { /* it stays what it is, and may be changed */
		guint i = (guint)g_rand_int_range(m->rand, 0, (gint)(t->items->len / t->size));
		guint8 *other = history_table_item(h, t->table, i), *known = t->items->data + i * t->size;

		g_assert_cmpmem(other, t->size, known, t->size);
		*other = ++*known;
	}
}

static void make_edge(Model *m, History *h)
{
	HistoryEdge e = {.from_ns = (gint64)random64(m->rand),
	                 .to_ns = (gint64)random64(m->rand),
	                 .kind = g_rand_int(m->rand),
	                 .from_row = g_rand_int(m->rand),
	                 .to_row = g_rand_int(m->rand)};

	history_edge(h, e.kind, e.from_row, e.from_ns, e.to_row, e.to_ns);
	g_array_append_val(m->edges, e);
}

static void make_meta(Model *m, History *h)
{
	history_set_meta(h, "hostname", "first");
	history_set_meta(h, "empty", "");
	history_set_meta(h, "hostname", "last");
}

static void make_rename(Model *m, History *h)
{
	guint row = (guint)g_rand_int_range(m->rand, 0, (gint)m->rows->len);
	ModelRow *r = g_ptr_array_index(m->rows, row);

	g_free(r->path);
	r->path = g_strdup_printf("another name of %u, %u", row, g_rand_int(m->rand));
	history_row_rename(h, row, r->path);
}

Model *model_make(GRand *rand, const ModelShape *shape, History **history_out)
{
	Model *m = g_new0(Model, 1);
	HistoryOptions options = {.memory = shape->memory, .directory = shape->directory, .behind = shape->behind};
	History *h = history_new(shape->begin, shape->end, &options);
	g_autoptr(GError) error = NULL;

	*m = (Model){history_begin(h),
	             history_end(h),
	             rand,
	             g_array_new(FALSE, FALSE, sizeof(guint)),
	             g_ptr_array_new_with_free_func(row_free),
	             g_ptr_array_new_with_free_func(table_free),
	             g_array_new(FALSE, FALSE, sizeof(HistoryEdge)),
	             g_ptr_array_new_with_free_func(g_free)};
	make_kinds(m, h, shape->states_max);
	make_tables(m, h);
	make_meta(m, h);
	make_row(m, h);
	for (guint i = 0; i < shape->appends; i++) {
		guint64 what = g_rand_int(rand);

		if (m->rows->len < shape->rows && what % shape->appends < shape->rows)
			make_row(m, h);
		make_interval(m, h, shape->step_max);
		if (what >> 8 & 1)
			make_text(m, h);
		if ((what >> 9 & 7) == 0)
			make_item(m, h);
		if ((what >> 12 & 7) == 0)
			make_edge(m, h);
		if ((what >> 15 & 63) == 0)
			make_rename(m, h);
	}
	g_assert_true(history_finish(h, &error));
	g_assert_no_error(error);
	g_assert_cmpuint(history_dropped(h), ==, 0);
	*history_out = h;
	return m;
}

/* ---- Checking ----------------------------------------------------------------------------------------------------- */

static void assert_interval(const HistoryInterval *a, const HistoryInterval *b)
{
	g_assert_cmpint(a->begin_ns, ==, b->begin_ns);
	g_assert_cmpint(a->end_ns, ==, b->end_ns);
	g_assert_cmpuint(a->state, ==, b->state);
	g_assert_cmpuint(a->detail, ==, b->detail);
}

static void check_walk(const ModelRow *r, const History *h, guint32 row, gint64 begin, gint64 end)
{
	HistoryWalk w;
	HistoryInterval i;

	history_walk(&w, h, row, begin, end);
	for (guint k = 0; k < r->intervals->len; k++) {
		const HistoryInterval *known = &g_array_index(r->intervals, HistoryInterval, k);

		if (begin >= end || known->end_ns <= begin || known->begin_ns >= end)
			continue;
		g_assert_true(history_walk_next(&w, &i));
		assert_interval(&i, known);
	}
	g_assert_false(history_walk_next(&w, &i));
	g_assert_false(history_walk_next(&w, &i));
}

static void check_at(const ModelRow *r, const History *h, guint32 row, gint64 time)
{
	const HistoryInterval *known = NULL;
	HistoryInterval i;

	for (guint k = 0; k < r->intervals->len && !known; k++) {
		known = &g_array_index(r->intervals, HistoryInterval, k);
		if (time < known->begin_ns || time >= known->end_ns)
			known = NULL;
	}
	g_assert_cmpint(history_at(h, row, time, &i), ==, known != NULL);
	if (known)
		assert_interval(&i, known);
}

/* A place says what history_at() does, whether it goes on or back. */
static void check_place(HistoryPlace *place, const History *h, guint32 row, gint64 time)
{
	HistoryInterval known, i;
	gboolean reaches = history_at(h, row, time, &known);

	g_assert_cmpint(history_place_at(place, time, &i), ==, reaches);
	if (reaches)
		assert_interval(&i, &known);
}

static void scan_sums(const ModelRow *r, gint64 begin, gint64 end, guint n, gint64 *out)
{
	memset(out, 0, n * sizeof(*out));
	for (guint k = 0; k < r->intervals->len; k++) {
		const HistoryInterval *i = &g_array_index(r->intervals, HistoryInterval, k);

		if (MIN(i->end_ns, end) > MAX(i->begin_ns, begin))
			out[i->state] += MIN(i->end_ns, end) - MAX(i->begin_ns, begin);
	}
}

static void check_sums(const ModelRow *r, const History *h, guint32 row, gint64 begin, gint64 end, guint n)
{
	gint64 known[HISTORY_STATES_MAX], sums[HISTORY_STATES_MAX + 1];

	sums[n] = 4711;
	scan_sums(r, begin, end, n, known);
	history_sums(h, row, begin, end, sums);
	g_assert_cmpmem(sums, n * sizeof(*sums), known, n * sizeof(*sums));
	g_assert_cmpint(sums[n], ==, 4711);
}

static void check_picture(const ModelRow *r, const History *h, guint32 row, gint64 begin, gint64 end, guint n,
                          guint width)
{
	g_autofree gint64 *picture = g_new(gint64, (gsize)width * n + 1);
	__extension__ typedef __int128 Wide;

	picture[(gsize)width * n] = 4711;
	history_picture(h, row, begin, end, width, picture);
	for (guint i = 0; i < width; i++) {
		gint64 known[HISTORY_STATES_MAX];
		gint64 from = (gint64)(begin + ((Wide)end - begin) * i / width);
		gint64 to = (gint64)(begin + ((Wide)end - begin) * (i + 1) / width);

		scan_sums(r, from, to, n, known);
		g_assert_cmpmem(picture + (gsize)i * n, n * sizeof(*known), known, n * sizeof(*known));
	}
	g_assert_cmpint(picture[(gsize)width * n], ==, 4711);
}

/* A time that is of interest: anywhere, at or beside an interval's end. */
static gint64 some_time(const Model *m, const ModelRow *r)
{
	gint64 t;

	if (g_rand_int_range(m->rand, 0, 3) == 0)
		return (gint64)((guint64)m->begin + random64(m->rand) % (((guint64)m->end - (guint64)m->begin) | 1));
	if (g_rand_int_range(m->rand, 0, 10) == 0 || !r->intervals->len)
		return g_rand_boolean(m->rand)   ? (gint64)random64(m->rand)
		       : g_rand_boolean(m->rand) ? G_MININT64
		                                 : G_MAXINT64;
	t = g_array_index(r->intervals, HistoryInterval, (guint)g_rand_int_range(m->rand, 0, (gint)r->intervals->len))
	            .end_ns;
	return t > G_MININT64 + 1 && t < G_MAXINT64 - 1 ? t + g_rand_int_range(m->rand, -1, 2) : t;
}

static void check_row(const Model *m, const History *h, guint32 row, guint rounds)
{
	const ModelRow *r = g_ptr_array_index(m->rows, row);
	guint n = g_array_index(m->kinds, guint, r->kind);
	HistoryPlace place;

	g_assert_cmpstr(history_row_path(h, row), ==, r->path);
	g_assert_cmpuint(history_row_kind(h, row), ==, r->kind);
	g_assert_cmpint(history_row_begin(h, row), ==, r->begin);
	g_assert_cmpint(history_row_end(h, row), ==, r->end);
	g_assert_cmpuint(history_row_intervals(h, row), ==, r->intervals->len);
	history_place(&place, h, row);
	check_walk(r, h, row, G_MININT64, G_MAXINT64);
	check_sums(r, h, row, m->begin, m->end, n);
	for (guint i = 0; i < rounds; i++) {
		gint64 a = some_time(m, r), b = some_time(m, r);

		check_at(r, h, row, a);
		check_place(&place, h, row, a);
		check_place(&place, h, row, b);
		check_walk(r, h, row, a, b);
		if (b >= a && (guint64)b - (guint64)a > G_MAXINT64)
			continue; /* a row's length is within an integer's range, but a scan's arithmetic isn't */
		check_sums(r, h, row, a, b, n);
		check_picture(r, h, row, a, b, n, 1 + (guint)random_size(m->rand, r->intervals->len > 1000 ? 20 : 300));
	}
}

static void check_table(const ModelTable *t, const History *h)
{
	guint64 n = t->items->len / t->size, run;
	guint found;

	g_assert_true(history_find_table(h, t->name, t->size, &found));
	g_assert_cmpuint(found, ==, t->table);
	g_assert_false(history_find_table(h, t->name, t->size + 1, &found));
	g_assert_cmpuint(history_table_len(h, t->table), ==, n);
	for (guint64 i = 0; i < n; i++)
		g_assert_cmpmem(history_table_get(h, t->table, i), t->size, t->items->data + i * t->size, t->size);
	for (guint64 i = 0; i < n; i += run) {
		gconstpointer items = history_table_run(h, t->table, i, &run);

		g_assert_cmpuint(run, >, 0);
		g_assert_cmpmem(items, run * t->size, t->items->data + i * t->size, run * t->size);
	}
	g_assert_null(history_table_run(h, t->table, n, &run));
	g_assert_cmpuint(run, ==, 0);
	g_assert_true(all_zero(history_table_get(h, t->table, n), t->size));
}

static void check_kinds(const Model *m, const History *h)
{
	guint kind;

	for (guint k = 0; k < m->kinds->len; k++) {
		g_autofree char *name = g_strdup_printf("kind %u", k);
		guint n = g_array_index(m->kinds, guint, k);

		g_assert_true(history_find_kind(h, name, &kind));
		g_assert_cmpuint(kind, ==, k);
		g_assert_cmpstr(history_kind_name(h, k), ==, name);
		g_assert_cmpuint(history_n_states(h, k), ==, n);
		for (guint i = 0; i < n; i++)
			g_assert_cmpstr(history_state_name(h, k, i), ==, i % 2 ? "odd" : "even");
	}
	g_assert_false(history_find_kind(h, "no such kind", &kind));
}

static void check_rest(const Model *m, const History *h)
{
	for (guint i = 0; i < m->texts->len; i++)
		if (g_ptr_array_index(m->texts, i))
			g_assert_cmpstr(history_text_get(h, i), ==, g_ptr_array_index(m->texts, i));
	g_assert_cmpstr(history_text_get(h, G_MAXUINT32), ==, "");
	g_assert_cmpuint(history_n_edges(h), ==, m->edges->len);
	for (guint i = 0; i < m->edges->len; i++) {
		HistoryEdge e = {0}, *known = &g_array_index(m->edges, HistoryEdge, i);

		history_edge_get(h, i, &e);
		g_assert_true(e.from_ns == known->from_ns && e.to_ns == known->to_ns && e.kind == known->kind &&
		              e.from_row == known->from_row && e.to_row == known->to_row);
	}
	g_assert_cmpstr(history_meta(h, "hostname"), ==, "last");
	g_assert_cmpstr(history_meta(h, "empty"), ==, "");
	g_assert_null(history_meta(h, "unheard of"));
}

void model_check(const Model *m, const History *h, guint rounds)
{
	g_assert_cmpint(history_begin(h), ==, m->begin);
	g_assert_cmpint(history_end(h), ==, m->end);
	g_assert_cmpuint(history_n_rows(h), ==, m->rows->len);
	check_kinds(m, h);
	for (guint32 row = 0; row < m->rows->len; row++)
		check_row(m, h, row, rounds);
	for (guint i = 0; i < m->tables->len; i++)
		check_table(g_ptr_array_index(m->tables, i), h);
	check_rest(m, h);
}
