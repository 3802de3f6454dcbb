/* SPDX-License-Identifier: MIT */
/* strata diff. */
#include <string.h>

#include "cli/cli.h"
#include "compare/compare.h"

static struct {
	char *format, *before, *after;
	char **map;
	gint jobs, slices;
	gboolean all, no_cache, exit_code;
} opt;

static const GOptionEntry options[] = {
	{"before", 0, 0, G_OPTION_ARG_STRING, &opt.before, "Of the first recording only this range: BEGIN..END, each as --begin takes it", "RANGE"},
	{"after", 0, 0, G_OPTION_ARG_STRING, &opt.after, "Of the second recording, or of the only one, only this range", "RANGE"},
	{"slices", 0, 0, G_OPTION_ARG_INT, &opt.slices, "Into how many slices each is cut (default: 20)", "N"},
	{"all", 0, 0, G_OPTION_ARG_NONE, &opt.all, "Everything that was compared, not only what changed", NULL},
	{"exit-code", 0, 0, G_OPTION_ARG_NONE, &opt.exit_code, "Exit with status 3 if something changed", NULL},
	{"format", 0, 0, G_OPTION_ARG_STRING, &opt.format, "text (default), json, csv or html", "FORMAT"},
	{"map", 0, 0, G_OPTION_ARG_STRING_ARRAY, &opt.map, "Which trace is which VM, where that isn't found: MACHINE/vm/PID=TRACE, or none=TRACE", "VM=TRACE"},
	{"jobs", 'j', 0, G_OPTION_ARG_INT, &opt.jobs, "Threads to read with (default: as many as processors)", "N"},
	{"no-cache", 0, 0, G_OPTION_ARG_NONE, &opt.no_cache, "Neither use nor keep what was found out about these traces", NULL},
	{NULL},
};

/* A recording that is open. */
typedef struct {
	GPtrArray *traces;
	AnalysisStore *store;
	Diagnose *diagnose;
	CompareSide side;
} Recording;

static void recording_close(Recording *r)
{
	diagnose_free(r->diagnose);
	analysis_store_free(r->store);
	if (r->traces)
		g_ptr_array_unref(r->traces);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Recording, recording_close)

/* "BEGIN..END" of a span; NULL: all of it. */
static gboolean parse_range(const char *option, const char *text, const StTimeRange *span, CompareSide *side, GError **error)
{
	side->begin_ns = span->begin_ns;
	side->end_ns = span->end_ns;
	if (!text)
		return TRUE;
	g_auto(GStrv) ends = g_strsplit(text, "..", 2);
	if (!ends[0] || !ends[1]) {
		g_set_error(error, ST_ERROR, ST_ERROR_USAGE, "--%s takes BEGIN..END, such as +1s..+5s; got \"%s\"", option, text);
		return FALSE;
	}
	if ((*ends[0] && !st_time_parse(ends[0], span, FALSE, &side->begin_ns, error)) || (*ends[1] && !st_time_parse(ends[1], span, FALSE, &side->end_ns, error))) {
		g_prefix_error(error, "--%s: ", option);
		return FALSE;
	}
	side->begin_ns = MAX(side->begin_ns, span->begin_ns);
	side->end_ns = MIN(side->end_ns, span->end_ns);
	return TRUE;
}

static gboolean open_recording(Recording *r, StWarnings *warnings, const char *option, const char *range, GError **error)
{
	AnalysisStoreOptions o = {.threads = opt.jobs ? (guint)opt.jobs : MIN(g_get_num_processors(), CLI_JOBS_MAX), .warnings = warnings, .no_cache = opt.no_cache,
				  .map = (const char *const *)opt.map};

	r->store = analysis_store_open(r->traces, &o, error);
	if (!r->store)
		return FALSE;
	StTimeRange span = {r->store->begin_ns, r->store->end_ns};
	if (!parse_range(option, range, &span, &r->side, error))
		return FALSE;
	DiagnoseOptions d = {.begin_ns = r->side.begin_ns, .end_ns = r->side.end_ns};
	r->diagnose = diagnose_new(r->store, &d, error);
	r->side.store = r->store;
	r->side.diagnose = r->diagnose;
	return r->diagnose != NULL;
}

static int write_diff(Recording *before, Recording *after, StWarnings *warnings, ViewFormat format, GError **error)
{
	CompareOptions o = {.slices = (guint)opt.slices, .all = opt.all};
	guint significant = 0;

	if (!open_recording(before, warnings, "before", opt.before, error) || !open_recording(after, warnings, "after", opt.after, error))
		return CLI_FAILED;
	g_autoptr(View) v = compare_view(&before->side, &after->side, &o, &significant, error);
	if (!v || !view_render(v, format, stdout, error))
		return CLI_FAILED;
	return opt.exit_code && significant ? CLI_FOUND : CLI_DONE;
}

/* "A.. -- B..", "A B", or one recording of which two ranges are meant. FALSE: none of these. */
static gboolean split(const char *const *paths, char ***before, char ***after)
{
	guint n = g_strv_length((char **)(gpointer)paths), mark = 0;

	while (mark < n && strcmp(paths[mark], "--") != 0)
		mark++;
	guint behind = mark < n ? mark + 1 : n == 1 ? 0 : n - 1;
	if (mark == n && (n < 1 || n > 2 || (n == 1 && !opt.before && !opt.after)))
		return FALSE;
	if (mark == n)
		mark = n == 1 ? 1 : n - 1;
	g_autoptr(GStrvBuilder) a = g_strv_builder_new(), b = g_strv_builder_new();
	for (guint i = 0; i < mark; i++)
		g_strv_builder_add(a, paths[i]);
	for (guint i = behind; i < n; i++)
		g_strv_builder_add(b, paths[i]);
	*before = g_strv_builder_end(a);
	*after = g_strv_builder_end(b);
	return mark > 0 && behind < n;
}

static int run(const char *const *paths)
{
	g_autoptr(GError) error = NULL;
	g_autoptr(StWarnings) warnings = st_warnings_new();
	g_auto(Recording) before = {0}, after = {0};
	g_auto(GStrv) a = NULL, b = NULL;
	ViewFormat format = VIEW_FORMAT_TEXT;
	int status;

	if (opt.format && !view_format_parse(opt.format, &format, &error))
		return cli_usage_error("--format: %s", error->message);
	if (opt.jobs < 0 || opt.jobs > CLI_JOBS_MAX)
		return cli_usage_error("--jobs takes a number from 1 to %d", CLI_JOBS_MAX);
	if (opt.slices && (opt.slices < COMPARE_SLICES_MIN || opt.slices > COMPARE_SLICES_MAX))
		return cli_usage_error("--slices takes a number from %d to %d", COMPARE_SLICES_MIN, COMPARE_SLICES_MAX);
	if (!split(paths, &a, &b))
		return cli_usage_error("two recordings are compared: A B, or A.. -- B.., or A with --before and --after");
	before.traces = cli_open_all((const char *const *)a, warnings, &status);
	after.traces = before.traces ? cli_open_all((const char *const *)b, warnings, &status) : NULL;
	if (!after.traces)
		return status;
	status = write_diff(&before, &after, warnings, format, &error);
	cli_show_warnings(warnings);
	if (!error)
		return status;
	if (g_error_matches(error, ST_ERROR, ST_ERROR_USAGE))
		return cli_usage_error("%s", error->message);
	cli_complain("%s", error->message);
	return CLI_FAILED;
}

const CliCommand cli_diff = {
	.name = "diff",
	.arguments = "A.. [--] B..",
	.summary = "Two recordings, before and after: what changed, told from noise",
	.more = "A and B are folders of traces. With one of them and two ranges, these are compared.",
	.options = options,
	.separates = TRUE,
	.run = run,
};
