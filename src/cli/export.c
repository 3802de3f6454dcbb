/* SPDX-License-Identifier: MIT */
/* strata export. */
#include "export/export.h"

#include <string.h>

#include "cli/cli.h"
#include "cli/tables.h"

static struct {
	char *to, *output;
} opt;

const GOptionEntry cli_export_options[] = {
	{"to", 0, 0, G_OPTION_ARG_STRING, &opt.to, "perfetto: one file for ui.perfetto.dev; csv: a directory of tables", "perfetto|csv"},
	{"output", 'o', 0, G_OPTION_ARG_FILENAME, &opt.output, "The file, or the directory, to write", "PATH"},
	{NULL},
};

enum { FILE_PATH, BYTES, ROWS, TRACKS, SLICES, EDGES, REQUESTS, COUNTS, MARKERS };

static View *new_view(gboolean is_csv)
{
	View *v = view_new("export", "What was written");

	view_add_column(v, "file", "FILE", VIEW_TEXT);
	view_add_column(v, "bytes", "SIZE", VIEW_BYTES);
	view_add_column(v, "rows", "ROWS", VIEW_COUNT);
	view_add_column(v, "tracks", "TRACKS", VIEW_COUNT);
	view_add_column(v, "slices", "INTERVALS", VIEW_COUNT);
	view_add_column(v, "edges", "EDGES", VIEW_COUNT);
	view_add_column(v, "requests", "REQUESTS", VIEW_COUNT);
	view_add_column(v, "counts", "COUNTER VALUES", VIEW_COUNT);
	view_add_column(v, "markers", "MARKERS", VIEW_COUNT);
	for (guint c = ROWS; c <= MARKERS; c++)
		if (is_csv != (c == ROWS))
			view_hide_from_text(v, c);
	return v;
}

static gboolean write_perfetto(View *v, const AnalysisStore *s, const AnalysisQuery *q, const Diagnose *d, GError **error)
{
	ExportSummary sum;

	if (!export_perfetto(s, q, d, opt.output, &sum, error))
		return FALSE;
	view_begin_row(v);
	view_set_text(v, FILE_PATH, opt.output);
	view_set_uint(v, BYTES, sum.bytes);
	view_set_uint(v, TRACKS, sum.tracks);
	view_set_uint(v, SLICES, sum.slices);
	view_set_uint(v, EDGES, sum.edges);
	view_set_uint(v, REQUESTS, sum.requests);
	view_set_uint(v, COUNTS, sum.counts);
	view_set_uint(v, MARKERS, sum.markers);
	if (sum.left_out)
		view_add_note(v, "%" G_GUINT64_FORMAT " requests or changes of counters were too many, and are left out: --begin and --end take less.", sum.left_out);
	if (sum.bytes >= EXPORT_LARGE_BYTES)
		view_add_note(v, "The page at ui.perfetto.dev holds all of it in the browser's memory, which takes several times its size: choose less with --begin and --end, "
				 "--machine or --row, or open it with `trace_processor server http`.");
	return TRUE;
}

static void add_file(gpointer view, const char *path, guint64 bytes, guint64 rows)
{
	view_begin_row(view);
	view_set_text(view, FILE_PATH, path);
	view_set_uint(view, BYTES, bytes);
	if (rows != EXPORT_NOT_COUNTED)
		view_set_uint(view, ROWS, rows);
}

static gboolean write_csv(View *v, const AnalysisStore *s, const AnalysisQuery *q, const Diagnose *d, GError **error)
{
	g_autoptr(GPtrArray) traces = g_ptr_array_new();
	AnalysisOptions o = {.begin_ns = q->begin_ns, .end_ns = q->end_ns, .store = s, .threads = 1};

	for (guint i = 0; i < s->traces->len; i++)
		g_ptr_array_add(traces, ((const AnalysisStoreTrace *)g_ptr_array_index(s->traces, i))->trace);
	g_autoptr(Analysis) a = analysis_run(traces, &o, error);
	return a && export_csv(s, q, a, d, opt.output, add_file, v, error);
}

static View *make(const AnalysisStore *store, const AnalysisQuery *query, GError **error)
{
	gboolean is_csv = g_strcmp0(opt.to, "csv") == 0;
	AnalysisQuery q = *query;
	DiagnoseOptions options = {.begin_ns = q.begin_ns, .end_ns = q.end_ns};

	if (!is_csv && g_strcmp0(opt.to, "perfetto") != 0) {
		g_set_error_literal(error, ST_ERROR, ST_ERROR_USAGE, "--to takes perfetto or csv");
		return NULL;
	}
	if (!opt.output) {
		g_set_error(error, ST_ERROR, ST_ERROR_USAGE, "--output says %s", is_csv ? "which directory to write" : "which file to write, such as strata.pftrace");
		return NULL;
	}
	q.limit = 0;
	q.for_people = FALSE;
	g_autoptr(Diagnose) d = diagnose_new(store, &options, error);
	g_autoptr(View) v = new_view(is_csv);
	if (!d || !(is_csv ? write_csv : write_perfetto)(v, store, &q, d, error))
		return NULL;
	return g_steal_pointer(&v);
}

const AnalysisQuestion cli_export = {
	.name = "export",
	.summary = "All of it for other programs: a Perfetto trace, or a directory of CSV files",
	.flags = CLI_TABLE_EXPORT | ANALYSIS_TAKES_THREADS | ANALYSIS_TAKES_CPU | ANALYSIS_TAKES_ROW | ANALYSIS_TAKES_SPAN,
	.make = make,
};
