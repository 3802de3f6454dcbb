/* SPDX-License-Identifier: MIT */
/* The commands that analyse: each prints one view, or all of them as the report. */
#include <string.h>

#include "analysis/analysis.h"
#include "cli/cli.h"

#define JOBS_MAX 256

static struct {
	char *format, *sort;
	gint limit, jobs;
	gboolean ascending;
} opt;

#define COMMON_OPTIONS                                                                                                 \
	{"format", 0, 0, G_OPTION_ARG_STRING, &opt.format, "text (default), json or csv", "FORMAT"},                   \
	{                                                                                                              \
		"jobs", 'j', 0, G_OPTION_ARG_INT, &opt.jobs, "Threads to read with (default: as many as processors)",  \
		        "N"                                                                                            \
	}

static const GOptionEntry table_options[] = {
        COMMON_OPTIONS,
        {"sort", 0, 0, G_OPTION_ARG_STRING, &opt.sort, "Sort by COLUMN, by its name in JSON and CSV; greatest first",
         "COLUMN"},
        {"ascending", 0, 0, G_OPTION_ARG_NONE, &opt.ascending, "Least first", NULL},
        {"limit", 0, 0, G_OPTION_ARG_INT, &opt.limit, "Show the first N rows only", "N"},
        CLI_RANGE_OPTIONS,
        {NULL},
};

static const GOptionEntry report_options[] = {COMMON_OPTIONS, CLI_RANGE_OPTIONS, {NULL}};

static gboolean check_options(ViewFormat *format, guint *jobs, GError **error)
{
	*format = VIEW_FORMAT_TEXT;
	if (opt.format && !view_format_parse(opt.format, format, error))
		return FALSE;
	if (opt.jobs < 0 || opt.jobs > JOBS_MAX) {
		g_set_error(error, ST_ERROR, ST_ERROR_USAGE, "--jobs takes a number from 1 to %d", JOBS_MAX);
		return FALSE;
	}
	if (opt.limit < 0) {
		g_set_error_literal(error, ST_ERROR, ST_ERROR_USAGE, "--limit takes a number of rows");
		return FALSE;
	}
	*jobs = opt.jobs ? (guint)opt.jobs : MIN(g_get_num_processors(), JOBS_MAX);
	return TRUE;
}

typedef gboolean (*Writer)(const Analysis *a, ViewFormat format, View *(*make)(const Analysis *), GError **error);

/* Open, analyse, write: what all of them have in common. */
static int analyse(const char *const *paths, Writer write, View *(*make)(const Analysis *))
{
	g_autoptr(GError) error = NULL;
	g_autoptr(StWarnings) warnings = st_warnings_new();
	AnalysisOptions o = {.warnings = warnings};
	ViewFormat format;
	int status;
	if (!check_options(&format, &o.threads, &error))
		return cli_usage_error("%s", error->message);
	g_autoptr(GPtrArray) traces = cli_open(paths, warnings, &status);
	if (!traces)
		return status;
	if (!cli_parse_range(traces, FALSE, &o.begin_ns, &o.end_ns, &error))
		return cli_usage_error("%s", error->message);
	g_autoptr(Analysis) a = analysis_run(traces, &o, &error);
	gboolean done = a && write(a, format, make, &error);
	cli_show_warnings(warnings);
	if (done)
		return CLI_DONE;
	if (g_error_matches(error, ST_ERROR, ST_ERROR_USAGE))
		return cli_usage_error("%s", error->message);
	cli_complain("%s", error->message);
	return CLI_FAILED;
}

static gboolean sort_view(View *view, GError **error)
{
	guint column;
	if (!opt.sort)
		return TRUE;
	if (!view_find_column(view, opt.sort, &column)) {
		g_autofree char *names = view_column_names(view);
		g_set_error(error, ST_ERROR, ST_ERROR_USAGE, "--sort: there is no column \"%s\"; there are %s",
		            opt.sort, names);
		return FALSE;
	}
	view_sort(view, column, !opt.ascending);
	return TRUE;
}

static gboolean write_table(const Analysis *a, ViewFormat format, View *(*make)(const Analysis *), GError **error)
{
	g_autoptr(View) view = make(a);
	if (!sort_view(view, error))
		return FALSE;
	view_limit(view, (guint)opt.limit);
	return view_render(view, format, stdout, error);
}

static gboolean write_report(const Analysis *a, ViewFormat format, View *(*make)(const Analysis *), GError **error)
{
	(void)make;
	return analysis_report(a, format, stdout, error);
}

static const struct {
	const char *name;
	View *(*make)(const Analysis *);
} views[] = {{"vms", analysis_vms}, {"vcpus", analysis_vcpus}, {"exits", analysis_exits}};

static int run_view(const char *const *paths)
{
	guint i = 0;
	while (strcmp(views[i].name, cli_command()->name) != 0)
		i++;
	return analyse(paths, write_table, views[i].make);
}

static int run_report(const char *const *paths)
{
	return analyse(paths, write_report, NULL);
}

const CliCommand cli_report = {
        .name = "report",
        .arguments = "TRACE..",
        .summary = "The main job: who runs in whom, where the time of every level went, and what could not be known",
        .more = "A host's trace is enough: nested VMs are told apart from what it alone has.",
        .options = report_options,
        .run = run_report,
};

const CliCommand cli_vms = {
        .name = "vms",
        .arguments = "TRACE..",
        .summary = "VMs and VMs nested in them, and where their time went",
        .options = table_options,
        .run = run_view,
};

const CliCommand cli_vcpus = {
        .name = "vcpus",
        .arguments = "TRACE..",
        .summary = "Virtual processors, and their time in each state",
        .more = "States exclude each other and add up to the whole time.",
        .options = table_options,
        .run = run_view,
};

const CliCommand cli_exits = {
        .name = "exits",
        .arguments = "TRACE..",
        .summary = "VM exits by vCPU, level and reason: how many, how long, and what that time was",
        .options = table_options,
        .run = run_view,
};
