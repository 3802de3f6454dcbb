/* SPDX-License-Identifier: MIT */
/* The commands that analyse: each prints one view, or all of them as the report. */
#include <string.h>

#include "analysis/analysis.h"
#include "cli/cli.h"
#include "cli/tables.h"
#include "diagnose/diagnose.h"

static struct {
	char *format, *sort;
	char **map, **thresholds;
	gint limit, jobs;
	gboolean ascending, no_cache, explain, exit_code;
} opt;

#define COMMON_OPTIONS                                                                                                 \
	{"format", 0, 0, G_OPTION_ARG_STRING, &opt.format, "text (default), json, csv or html", "FORMAT"},                   \
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

static const GOptionEntry report_options[] = {
	COMMON_OPTIONS,
	CLI_RANGE_OPTIONS,
	{"map", 0, 0, G_OPTION_ARG_STRING_ARRAY, &opt.map, "Which trace is which VM, where that isn't found: MACHINE/vm/PID=TRACE, or none=TRACE", "VM=TRACE"},
	{"no-cache", 0, 0, G_OPTION_ARG_NONE, &opt.no_cache, "Neither use nor keep what was found out about these traces", NULL},
	{"threshold", 0, 0, G_OPTION_ARG_STRING_ARRAY, &opt.thresholds, "What has to be exceeded for a finding; see --explain", "NAME=VALUE"},
	{"explain", 0, 0, G_OPTION_ARG_NONE, &opt.explain, "Show the thresholds, the causes that are looked for and what each needs, and do nothing else", NULL},
	{"exit-code", 0, 0, G_OPTION_ARG_NONE, &opt.exit_code, "Exit with status 3 if something was found", NULL},
	{NULL},
};

static gboolean check_options(ViewFormat *format, guint *jobs, GError **error)
{
	*format = VIEW_FORMAT_TEXT;
	if (opt.format && !view_format_parse(opt.format, format, error))
		return FALSE;
	if (opt.jobs < 0 || opt.jobs > CLI_JOBS_MAX) {
		g_set_error(error, ST_ERROR, ST_ERROR_USAGE, "--jobs takes a number from 1 to %d", CLI_JOBS_MAX);
		return FALSE;
	}
	if (opt.limit < 0) {
		g_set_error_literal(error, ST_ERROR, ST_ERROR_USAGE, "--limit takes a number of rows");
		return FALSE;
	}
	*jobs = opt.jobs ? (guint)opt.jobs : MIN(g_get_num_processors(), CLI_JOBS_MAX);
	return TRUE;
}

typedef struct {
	const Analysis *analysis;
	const AnalysisStore *store; /* NULL: there is only one trace, and nobody asked for it */
	View *(*make)(const Analysis *);
	ViewFormat format;
	gboolean found;
} Job;

typedef gboolean (*Writer)(Job *job, GError **error);

/* Whose clock is how far off, and who is whose VM: of a host alone that need not be known. */
static gboolean open_store(GPtrArray *traces, AnalysisOptions *o, gboolean always, AnalysisStore **store, GError **error)
{
	AnalysisStoreOptions options = {.threads = o->threads, .warnings = o->warnings, .no_cache = opt.no_cache, .map = (const char *const *)opt.map};
	StTimeRange span;

	if (!always && traces->len < 2)
		return cli_parse_range(traces, FALSE, &o->begin_ns, &o->end_ns, error);
	*store = analysis_store_open(traces, &options, error);
	if (!*store)
		return FALSE;
	o->store = *store;
	span = (StTimeRange){(*store)->begin_ns, (*store)->end_ns};
	return cli_parse_range_in(&span, FALSE, &o->begin_ns, &o->end_ns, error);
}

static int answer(GPtrArray *traces, AnalysisOptions *o, gboolean always, Writer write, Job *job, GError **error)
{
	g_autoptr(AnalysisStore) store = NULL;
	g_autoptr(Analysis) a = open_store(traces, o, always, &store, error) ? analysis_run(traces, o, error) : NULL;

	job->analysis = a;
	job->store = store;
	gboolean done = a && write(job, error);
	cli_show_warnings(o->warnings);
	if (done)
		return opt.exit_code && job->found ? CLI_FOUND : CLI_DONE;
	if (g_error_matches(*error, ST_ERROR, ST_ERROR_USAGE))
		return cli_usage_error("%s", (*error)->message);
	cli_complain("%s", (*error)->message);
	return CLI_FAILED;
}

/* Open, analyse, write: what all of them have in common. */
static int analyse(const char *const *paths, gboolean always, Writer write, View *(*make)(const Analysis *))
{
	g_autoptr(GError) error = NULL;
	g_autoptr(StWarnings) warnings = st_warnings_new();
	AnalysisOptions o = {.warnings = warnings};
	Job job = {.make = make};
	int status;

	if (!check_options(&job.format, &o.threads, &error))
		return cli_usage_error("%s", error->message);
	g_autoptr(GPtrArray) traces = cli_open(paths, warnings, &status);
	return traces ? answer(traces, &o, always, write, &job, &error) : status;
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

static gboolean write_table(Job *job, GError **error)
{
	g_autoptr(View) view = job->make(job->analysis);

	if (!sort_view(view, error))
		return FALSE;
	view_limit(view, (guint)opt.limit);
	return view_render(view, job->format, stdout, error);
}

static gboolean write_report(Job *job, GError **error)
{
	DiagnoseOptions options = {.begin_ns = job->analysis->begin_ns, .end_ns = job->analysis->end_ns, .thresholds = (const char *const *)opt.thresholds};
	g_autoptr(Diagnose) d = diagnose_new(job->store, &options, error);

	if (!d)
		return FALSE;
	job->found = d->findings->len > 0;
	return diagnose_report(job->analysis, d, job->format, stdout, error);
}

static int explain(void)
{
	for (guint t = 0; t < DIAGNOSE_THRESHOLD_COUNT; t++)
		printf("%-16s %6g  %s\n", diagnose_threshold_name(t), diagnose_threshold_default(t), diagnose_threshold_meaning(t));
	for (guint i = 0; i < diagnose_n_causes(); i++)
		printf("\n%s: %s\n  needs %s\n  not: %s\n", diagnose_cause(i)->id, diagnose_cause(i)->what, diagnose_cause(i)->needs, diagnose_cause(i)->rules_out);
	return CLI_DONE;
}

static const struct {
	const char *name;
	View *(*make)(const Analysis *);
} views[] = {{"vms", analysis_vms}, {"vcpus", analysis_vcpus}};

static int run_view(const char *const *paths)
{
	guint i = 0;
	while (strcmp(views[i].name, cli_command()->name) != 0)
		i++;
	return analyse(paths, FALSE, write_table, views[i].make);
}

int cli_exits_plain(const char *const *paths, const CliPlain *options)
{
	opt.format = g_strdup(options->format);
	opt.sort = g_strdup(options->sort);
	opt.limit = options->limit;
	opt.jobs = options->jobs;
	opt.ascending = options->ascending;
	return analyse(paths, FALSE, write_table, analysis_exits);
}

static int run_report(const char *const *paths)
{
	return opt.explain ? explain() : analyse(paths, TRUE, write_report, NULL);
}

const CliCommand cli_report = {
        .name = "report",
        .arguments = "TRACE..",
        .summary = "The main job: what is wrong, who runs in whom, and where the time of every level went",
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
