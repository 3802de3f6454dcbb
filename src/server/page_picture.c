/* SPDX-License-Identifier: MIT */
/*
 * /api/v1/picture: what rows did within a range, no finer than `width` columns show it; exact. Little endian, everything aligned to 4 bytes:
 *
 *     u32 "SPI1", u32 rows, then for each row
 *         u32 row, u32 form, u32 n
 *         form 0, columns:   n times { u16 first column, u16 columns, u16 share of them (65535: all), u8 state, u8 0 },
 *                            u32 m, m times { u32 begin, u32 end, u32 text, u32 state }: intervals so long that there is room for their text
 *         form 1, intervals: n times u32 begin, n times u32 text, n times u8 state, zeros up to a multiple of 4
 *     u32 texts, then for each from 1 on: u32 bytes, UTF-8, zeros up to a multiple of 4
 *
 * Intervals are sent where there are few: an interval ends where the next one begins; state 255 is where there is none. A begin is 2^32ths of the range. Text 0 is none.
 */
#include <string.h>

#include "server/page.h"

#define MAGIC       0x31495053u
#define NO_STATE    G_MAXUINT8
#define PART_ROWS   16 /* fewer are not worth a thread */
#define PARTS_MAX   8
#define LABEL_COLUMNS 32 /* a run of so many columns has room for a text */
#define LABEL_SHARE 96 /* an interval shorter than this part of the range has no text in the picture: no room to show it */

/* Texts of all parts. */
typedef struct {
	GMutex lock;
	GHashTable *numbers; /* text -> its number */
	GPtrArray *list;     /* texts by number - 1; those of histories */
} Texts;

/* Some of the rows, which one thread looks at. */
typedef struct {
	GString *out;
	Texts *texts;
	const PageRow *rows;
	guint n;
	guint width;
	gint64 from_ns, to_ns;   /* of the root's clock */
	gint64 *ns;              /* room for one row's columns */
	gint64 begin_ns, end_ns; /* of the row's own clock */
} Picture;

static void put_u32(GString *out, guint32 value)
{
	guint32 le = GUINT32_TO_LE(value);

	g_string_append_len(out, (const char *)&le, sizeof(le));
}

static void set_u32(GString *out, gsize at, guint32 value)
{
	guint32 le = GUINT32_TO_LE(value);

	memcpy(out->str + at, &le, sizeof(le));
}

static void pad(GString *out)
{
	while (out->len % 4)
		g_string_append_c(out, 0);
}

/* ---- Intervals ------------------------------------------------------------------------------------------------------------- */

static guint32 number_of(Picture *p, const char *text)
{
	Texts *t = p->texts;

	if (!*text)
		return 0;
	g_mutex_lock(&t->lock);
	guint32 number = GPOINTER_TO_UINT(g_hash_table_lookup(t->numbers, text));
	if (!number) {
		g_ptr_array_add(t->list, (gpointer)text);
		number = t->list->len;
		g_hash_table_insert(t->numbers, (gpointer)text, GUINT_TO_POINTER(number));
	}
	g_mutex_unlock(&t->lock);
	return number;
}

/* The first ones within the range, `max` at most. FALSE: there are more. */
static gboolean collect(const Picture *p, const PageRow *row, GArray *found, guint max)
{
	HistoryWalk walk;
	HistoryInterval i;

	history_walk(&walk, row->history, row->row, p->begin_ns, p->end_ns);
	while (history_walk_next(&walk, &i)) {
		if (found->len == max)
			return FALSE;
		g_array_append_val(found, i);
	}
	return TRUE;
}

static guint32 place_of(const Picture *p, gint64 time)
{
	double place = (double)(time - p->begin_ns) / (double)(p->end_ns - p->begin_ns) * 4294967296.0;

	return (guint32)CLAMP(place, 0.0, 4294967295.0);
}

static void put_intervals(Picture *p, const PageRow *row, const GArray *found)
{
	const HistoryInterval *all = (const HistoryInterval *)(gconstpointer)found->data;
	gint64 shortest = (p->end_ns - p->begin_ns) / LABEL_SHARE;

	put_u32(p->out, 1);
	put_u32(p->out, found->len + 1);
	for (guint i = 0; i < found->len; i++)
		put_u32(p->out, place_of(p, all[i].begin_ns));
	put_u32(p->out, found->len ? place_of(p, all[found->len - 1].end_ns) : 0);
	for (guint i = 0; i < found->len; i++)
		put_u32(p->out, MIN(all[i].end_ns, p->end_ns) - MAX(all[i].begin_ns, p->begin_ns) < shortest ? 0 :
				number_of(p, history_text_get(row->history, all[i].detail)));
	put_u32(p->out, 0);
	for (guint i = 0; i < found->len; i++)
		g_string_append_c(p->out, (char)all[i].state);
	g_string_append_c(p->out, (char)NO_STATE);
	pad(p->out);
}

/* ---- Columns --------------------------------------------------------------------------------------------------------------- */

/* The last record goes on for one more column. FALSE: it is another one. */
static gboolean prolong(GString *out, gsize first, guint column, guint state)
{
	guint16 at[3];

	if (out->len < first + 8)
		return FALSE;
	const char *last = out->str + out->len - 8;
	memcpy(at, last, sizeof(at));
	guint begin = GUINT16_FROM_LE(at[0]), n = GUINT16_FROM_LE(at[1]);
	if ((guint8)last[6] != state || begin + n != column || GUINT16_FROM_LE(at[2]) != G_MAXUINT16)
		return FALSE;
	at[1] = GUINT16_TO_LE((guint16)(n + 1));
	memcpy(out->str + out->len - 8, at, sizeof(at));
	return TRUE;
}

/* One piece: there are hundreds of thousands of them. */
static void put_record(GString *out, guint column, guint share, guint state)
{
	const guint16 record[4] = {GUINT16_TO_LE((guint16)column), GUINT16_TO_LE(1), GUINT16_TO_LE((guint16)share), GUINT16_TO_LE((guint16)state)};

	g_string_append_len(out, (const char *)record, sizeof(record));
}

static void put_column(Picture *p, gsize first, guint column, const gint64 *ns, guint n_states, double length)
{
	for (guint s = 0; s < n_states; s++) {
		if (!ns[s])
			continue;
		/* Columns differ by a nanosecond. */
		guint share = (double)ns[s] + 1 >= length ? G_MAXUINT16 : (guint)CLAMP((double)ns[s] / length * G_MAXUINT16 + 0.5, 1.0, (double)G_MAXUINT16 - 1);
		if (share == G_MAXUINT16 && prolong(p->out, first, column, s))
			continue;
		put_record(p->out, column, share, s);
	}
}

/* What a run of columns of one state is, if it is one interval. */
static gboolean put_label(Picture *p, const PageRow *row, guint column, guint n)
{
	const History *h = row->history;
	double length = (double)(p->end_ns - p->begin_ns) / p->width;
	HistoryInterval i;

	if (!history_at(h, row->row, p->begin_ns + (gint64)((column + n / 2.0) * length), &i) || (double)(i.end_ns - i.begin_ns) < (n - 1) * length)
		return FALSE;
	put_u32(p->out, place_of(p, i.begin_ns));
	put_u32(p->out, place_of(p, i.end_ns));
	put_u32(p->out, number_of(p, history_text_get(h, i.detail)));
	put_u32(p->out, i.state);
	return TRUE;
}

/* The records of the row's columns begin at `first`. */
static void put_labels(Picture *p, const PageRow *row, gsize first, gsize end)
{
	guint32 n = 0;

	put_u32(p->out, 0);
	gsize count = p->out->len - 4;
	for (gsize at = first; at < end; at += 8) {
		guint16 run[2];

		memcpy(run, p->out->str + at, sizeof(run));
		if (GUINT16_FROM_LE(run[1]) >= LABEL_COLUMNS)
			n += put_label(p, row, GUINT16_FROM_LE(run[0]), GUINT16_FROM_LE(run[1]));
	}
	set_u32(p->out, count, n);
}

static void put_columns(Picture *p, const PageRow *row)
{
	const History *h = row->history;
	guint n_states = history_n_states(h, history_row_kind(h, row->row));
	double length = (double)(p->end_ns - p->begin_ns) / p->width;

	put_u32(p->out, 0);
	put_u32(p->out, 0);
	gsize first = p->out->len;
	history_picture(h, row->row, p->begin_ns, p->end_ns, p->width, p->ns);
	for (guint c = 0; c < p->width; c++)
		put_column(p, first, c, p->ns + (gsize)c * n_states, n_states, length);
	set_u32(p->out, first - 4, (guint32)((p->out->len - first) / 8));
	put_labels(p, row, first, p->out->len);
}

/* ---- The whole -------------------------------------------------------------------------------------------------------------- */

/* Few intervals are sent as such: they are no more bytes than columns are, and can be zoomed into before the next picture comes. */
static void put_row(Picture *p, const PageRow *row)
{
	g_autoptr(GArray) found = g_array_new(FALSE, FALSE, sizeof(HistoryInterval));

	p->begin_ns = analysis_own_time(row->trace, p->from_ns);
	p->end_ns = MAX(analysis_own_time(row->trace, p->to_ns), p->begin_ns + 1);
	put_u32(p->out, row->number);
	if (collect(p, row, found, p->width / 4))
		put_intervals(p, row, found);
	else
		put_columns(p, row);
}

static gpointer put_part(gpointer user)
{
	Picture *p = user;
	g_autofree gint64 *ns = g_new(gint64, (gsize)p->width * HISTORY_STATES_MAX);

	p->ns = ns;
	for (guint i = 0; i < p->n; i++)
		put_row(p, &p->rows[i]);
	return NULL;
}

/* Rows are independent of each other: some processors share them. */
static void put_rows(const Picture *all, GString *out)
{
	guint n = CLAMP(MIN(g_get_num_processors(), all->n / PART_ROWS), 1, PARTS_MAX), done = 0;
	Picture parts[PARTS_MAX];
	GThread *threads[PARTS_MAX] = {NULL};

	for (guint i = 0; i < n; i++) {
		guint end = (guint)((guint64)all->n * (i + 1) / n);

		parts[i] = *all;
		parts[i].rows = all->n ? all->rows + done : NULL; /* no rows, no array */
		parts[i].n = end - done;
		parts[i].out = g_string_new(NULL);
		done = end;
		if (i + 1 < n)
			threads[i] = g_thread_new("picture", put_part, &parts[i]);
		else
			put_part(&parts[i]);
	}
	for (guint i = 0; i < n; i++) {
		if (threads[i])
			g_thread_join(threads[i]);
		g_string_append_len(out, parts[i].out->str, (gssize)parts[i].out->len);
		g_string_free(parts[i].out, TRUE);
	}
}

static void put_texts(const Texts *t, GString *out)
{
	put_u32(out, t->list->len);
	for (guint i = 0; i < t->list->len; i++) {
		const char *text = g_ptr_array_index(t->list, i);

		put_u32(out, (guint32)strlen(text));
		g_string_append(out, text);
		pad(out);
	}
}

static void put_picture(const Picture *p, GString *out)
{
	put_u32(out, MAGIC);
	put_u32(out, p->n);
	put_rows(p, out);
	put_texts(p->texts, out);
}

gboolean page_get_picture(ServerRequest *request, ServerReply *reply, GError **error)
{
	g_auto(Page) page = {0};
	gint64 width;
	Picture p = {0};

	if (!page_open(&page, request, reply) || !page_range(&page, request, &p.from_ns, &p.to_ns, error) ||
	    !server_int_argument(request, "width", 1024, 1, PAGE_COLUMNS_MAX, &width, error))
		return FALSE;
	g_autoptr(GArray) rows = page_rows_argument(&page, request, error);
	if (!rows)
		return FALSE;
	g_autoptr(GHashTable) numbers = g_hash_table_new(g_str_hash, g_str_equal);
	g_autoptr(GPtrArray) list = g_ptr_array_new();
	Texts texts = {.numbers = numbers, .list = list};
	g_mutex_init(&texts.lock);
	p.texts = &texts;
	p.rows = (const PageRow *)(gconstpointer)rows->data;
	p.n = rows->len;
	p.width = (guint)width;
	put_picture(&p, server_reply_bytes(reply, "application/octet-stream"));
	g_mutex_clear(&texts.lock);
	return TRUE;
}
