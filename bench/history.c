/* SPDX-License-Identifier: MIT */
/*
 * history.c: what the state history costs: appending, asking, saving, opening. For people; no test runs it.
 *
 *     ninja -C build bench/history && build/bench/history [MILLIONS-OF-INTERVALS]
 */
#include <glib/gstdio.h>
#include <stdio.h>
#include <stdlib.h>

#include "history/history.h"

#define STATES 25

typedef struct {
	guint32 thread, name;
	gint64 begin_ns, end_ns, result;
	guint64 args[2];
} Item;

static double seconds(void)
{
	return (double)g_get_monotonic_time() / 1e6;
}

static void report(const char *what, double since, double n, const char *unit)
{
	printf("%-58s %10.2f ns per %s\n", what, (seconds() - since) / n * 1e9, unit);
}

static guint64 state = 88172645463325252u;

static guint64 next(void)
{
	state ^= state << 13;
	state ^= state >> 7;
	return state ^= state << 17;
}

static guint32 *add_rows(History *h, guint n)
{
	static const char *names[STATES];
	guint32 *rows = g_new(guint32, n);

	for (guint i = 0; i < STATES; i++)
		names[i] = "state";
	guint kind = history_kind(h, "thread", names, STATES);
	for (guint i = 0; i < n; i++) {
		char path[32];

		g_snprintf(path, sizeof(path), "thread/%u", i);
		rows[i] = history_row(h, kind, path, 0);
	}
	return rows;
}

/* Durations of 256 ns to 16 ms, as those of threads: most are of microseconds. */
static void append(History *h, guint n_rows, guint64 n)
{
	g_autofree guint32 *rows = add_rows(h, n_rows);
	g_autofree gint64 *times = g_new0(gint64, n_rows);
	g_autofree char *what = g_strdup_printf("append to %u rows", n_rows);
	double since = seconds();

	for (guint64 i = 0; i < n; i++) {
		guint64 r = next();
		guint row = (guint)((r >> 32) * n_rows >> 32);

		times[row] += (gint64)((r & 0xffff) << (r >> 16 & 7));
		history_append(h, rows[row], times[row], r >> 20 & 7,
		               (guint32)(r >> 25 & 0x3ff) & -(guint32)(r >> 24 & 1));
	}
	report(what, since, (double)n, "interval");
}

static void random_cost(guint64 n)
{
	guint64 sum = 0;
	double since = seconds();

	for (guint64 i = 0; i < n; i++)
		sum += next() >> 20 & 7;
	report(sum ? "(of which the random numbers)" : "", since, (double)n, "interval");
}

static void tables(History *h, guint64 n)
{
	guint t = history_table(h, "items", sizeof(Item));
	guint64 sum = 0, run;
	double since = seconds();

	for (guint64 i = 0; i < n; i++) {
		Item *item = history_table_add(h, t);

		item->begin_ns = (gint64)i;
		item->end_ns = (gint64)i + 5;
	}
	report("add an item of 48 bytes", since, (double)n, "item");
	since = seconds();
	for (guint64 i = 0; i < n; i += run) {
		const Item *items = history_table_run(h, t, i, &run);

		for (guint64 k = 0; k < run; k++)
			sum += (guint64)(items[k].end_ns - items[k].begin_ns);
	}
	report(sum == n * 5 ? "scan items" : "scan items: wrong", since, (double)n, "item");
}

static void texts(History *h, guint64 n)
{
	char text[64];
	double since = seconds();

	for (guint64 i = 0; i < n; i++) {
		g_snprintf(text, sizeof(text), "the %u. text", (guint)(next() & 0xfff));
		history_text(h, text, -1);
	}
	report("look a text up, with printing it", since, (double)n, "text");
}

static void ask(const History *h, guint32 row, const char *what)
{
	enum { QUESTIONS = 20000, WIDTH = 2000, PICTURES = 20 };
	g_autofree gint64 *picture = g_new(gint64, WIDTH * STATES);
	guint64 end = (guint64)history_row_end(h, row), intervals = history_row_intervals(h, row), n = 0;
	HistoryWalk w;
	HistoryInterval i;
	double since = seconds();

	printf("a row of %" G_GUINT64_FORMAT " intervals (%s):\n", intervals, what);
	for (guint q = 0; q < QUESTIONS; q++)
		history_sums(h, row, (gint64)(next() % end), (gint64)(next() % end), picture);
	report("  time in states", since, QUESTIONS, "question");
	since = seconds();
	for (guint q = 0; q < QUESTIONS; q++)
		history_at(h, row, (gint64)(next() % end), &i);
	report("  state at a time", since, QUESTIONS, "question");
	since = seconds();
	for (guint q = 0; q < PICTURES; q++)
		history_picture(h, row, 0, (gint64)end, WIDTH, picture);
	report("  picture of 2000 columns", since, PICTURES, "picture");
	since = seconds();
	for (history_walk(&w, h, row, 0, G_MAXINT64); history_walk_next(&w, &i);)
		n++;
	report(n == intervals ? "  walk" : "  walk: wrong", since, (double)n, "interval");
}

static goffset keep(const History *h, const char *path)
{
	g_autoptr(GError) error = NULL;
	GStatBuf st;
	double since = seconds();

	if (!history_save(h, path, "bench", &error) || g_stat(path, &st))
		g_error("%s", error ? error->message : path);
	printf("save %.0f MiB: %.1f ms\n", (double)st.st_size / 1048576, (seconds() - since) * 1e3);
	for (guint i = 0; i < 3; i++) {
		since = seconds();
		g_autoptr(History) again = history_open(path, "bench", &error);
		printf("open and verify: %.1f ms\n", (seconds() - since) * 1e3);
	}
	g_unlink(path);
	return st.st_size;
}

int main(int argc, char **argv)
{
	guint64 n = (argc > 1 ? g_ascii_strtoull(argv[1], NULL, 10) : 20) * 1000000;
	static const guint rows[] = {1, 100, 10000, 1000000};
	g_autofree char *path = g_build_filename(g_get_tmp_dir(), "strata-bench-history", NULL);

	random_cost(n);
	for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
		g_autoptr(History) h = history_new(0, G_MAXINT64, NULL);

		append(h, rows[i], n);
		history_finish(h, NULL);
		ask(h, 0, rows[i] == 1 ? "dense" : "sparse");
		goffset size = keep(h, path);
		printf("%.2f bytes per interval\n\n", (double)size / (double)n);
	}
	g_autoptr(History) h = history_new(0, G_MAXINT64, NULL);
	tables(h, n / 4);
	texts(h, n / 10);
	history_finish(h, NULL);
	keep(h, path);
	return 0;
}
