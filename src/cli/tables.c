/* SPDX-License-Identifier: MIT */
/*
 * The commands that ask the traces' histories: one line each in analysis/registry.c. They differ in what they ask and in which options make sense for them; the
 * rest is here.
 */
#include "cli/tables.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/format.h"
#include "cli/cli.h"

#define LOG_LIMIT  50  /* items that --log shows unless told otherwise */
#define TEXT_LIMIT 100 /* rows for people unless told otherwise */

static struct {
	char *format, *sort, *every, *memory, *by;
	char **threads, **processes, **cpus, **containers, **rows, **spans, **levels, **map, **sides, **events;
	gint limit, jobs, slowest;
	gboolean ascending, histogram, log, no_cache, alone, limit_given;
} opt = {.limit = -1};

#define STRINGS(name, field, what, value) {name, 0, 0, G_OPTION_ARG_STRING_ARRAY, &opt.field, what, value}

static const GOptionEntry common_options[] = {
	{"format", 0, 0, G_OPTION_ARG_STRING, &opt.format, "text (default), json, csv or html", "FORMAT"},
	{"jobs", 'j', 0, G_OPTION_ARG_INT, &opt.jobs, "Threads to read with (default: as many as processors)", "N"},
	{"memory", 0, 0, G_OPTION_ARG_STRING, &opt.memory, "Memory for histories before they go to a file (default: a quarter of the machine's)", "SIZE"},
	{"no-cache", 0, 0, G_OPTION_ARG_NONE, &opt.no_cache, "Neither use nor keep what was found out about these traces", NULL},
	CLI_RANGE_OPTIONS,
	STRINGS("level", levels, "Only machines of this level: 0 is the physical host, 1 a VM on it", "N"),
	{"alone", 0, 0, G_OPTION_ARG_NONE, &opt.alone, "What each machine saw itself: what the levels below it did is left out", NULL},
	STRINGS("map", map, "Which trace is which VM, where that isn't found: MACHINE/vm/PID=TRACE, or none=TRACE", "VM=TRACE"),
	{NULL},
};

static const GOptionEntry thread_options[] = {
	STRINGS("thread", threads, "Only threads of these numbers or names; may be given several times", "TID|GLOB"),
	STRINGS("process", processes, "Only processes of these numbers or names", "PID|GLOB"),
	STRINGS("container", containers, "Only containers of these names", "GLOB"),
	{NULL},
};

static const GOptionEntry table_options[] = {
	{"sort", 0, 0, G_OPTION_ARG_STRING, &opt.sort, "Sort by COLUMN, by its name in JSON and CSV; greatest first", "COLUMN"},
	{"ascending", 0, 0, G_OPTION_ARG_NONE, &opt.ascending, "Least first", NULL},
	{"limit", 0, 0, G_OPTION_ARG_INT, &opt.limit, "Show the first N rows only; 0: all (default: 100 as text, all for programs; with --log 50)", "N"},
	{NULL},
};

static const GOptionEntry event_options[] = {STRINGS("event", events, "Only events whose name matches GLOB; may be given several times", "GLOB"), {NULL}};
static const GOptionEntry cpu_options[] = {STRINGS("cpu", cpus, "Only these processors", "N"), {NULL}};
static const GOptionEntry every_options[] = {
	{"every", 0, 0, G_OPTION_ARG_STRING, &opt.every, "A row for each step of this length", "DURATION"}, {NULL}};
static const GOptionEntry histogram_options[] = {
	{"histogram", 0, 0, G_OPTION_ARG_NONE, &opt.histogram, "Show how long how many took", NULL}, {NULL}};
static const GOptionEntry log_options[] = {
	{"log", 0, 0, G_OPTION_ARG_NONE, &opt.log, "The individual items, longest first", NULL}, {NULL}};
static const GOptionEntry row_options[] = {
	STRINGS("row", rows, "Only rows whose path matches", "GLOB"), {NULL}};
static const GOptionEntry span_options[] = {
	STRINGS("span", spans, "From one event to another: NAME=BEGIN_GLOB..END_GLOB [by FIELD]", "SPAN"), {NULL}};

static const GOptionEntry by_options[] = {
	{"by", 0, 0, G_OPTION_ARG_STRING, &opt.by, "What rows are about", "WHAT"}, {NULL}};

static const GOptionEntry side_options[] = {
	STRINGS("side", sides, "Only requests of this side: server, client, vm, vm-client, span", "SIDE"),
	{"slowest", 0, 0, G_OPTION_ARG_INT, &opt.slowest, "The N slowest ones, one by one: --log --limit N", "N"},
	{NULL},
};

static const struct {
	guint flag;
	const GOptionEntry *options;
} groups[] = {
	{ANALYSIS_TAKES_THREADS, thread_options}, {ANALYSIS_TAKES_SORT, table_options}, {ANALYSIS_TAKES_CPU, cpu_options},   {ANALYSIS_TAKES_EVERY, every_options},
	{ANALYSIS_TAKES_HISTOGRAM, histogram_options}, {ANALYSIS_TAKES_LOG, log_options}, {ANALYSIS_TAKES_ROW, row_options},
	{ANALYSIS_TAKES_EVENT, event_options}, {CLI_TABLE_EXPORT, cli_export_options}, {ANALYSIS_TAKES_SPAN, span_options}, {ANALYSIS_TAKES_BY, by_options}, {ANALYSIS_TAKES_SIDE, side_options},
};

/* ---- Options ------------------------------------------------------------------------------------------------------ */

static guint count_options(const GOptionEntry *options)
{
	guint n = 0;

	while (options[n].long_name)
		n++;
	return n;
}

const GOptionEntry *cli_table_options(guint flags)
{
	static GHashTable *made; /* flags -> options */

	if (!made)
		made = g_hash_table_new_full(NULL, NULL, NULL, g_free);
	GOptionEntry *known = g_hash_table_lookup(made, GUINT_TO_POINTER(flags));
	if (known)
		return known;
	GArray *all = g_array_new(TRUE, TRUE, sizeof(GOptionEntry));
	g_array_append_vals(all, common_options, count_options(common_options));
	for (guint i = 0; i < G_N_ELEMENTS(groups); i++)
		if (flags & groups[i].flag)
			g_array_append_vals(all, groups[i].options, count_options(groups[i].options));
	known = (GOptionEntry *)(gpointer)g_array_free(all, FALSE);
	g_hash_table_insert(made, GUINT_TO_POINTER(flags), known);
	return known;
}

/* "1,2" and two options say the same: `*given` becomes a list of single ones. NULL: nothing was given. */
static const char *const *split_lists(char ***given)
{
	g_autoptr(GStrvBuilder) all = g_strv_builder_new();

	if (!*given)
		return NULL;
	for (char **g = *given; *g; g++) {
		g_auto(GStrv) parts = g_strsplit(*g, ",", -1);
		for (char **part = parts; *part; part++)
			if (**part)
				g_strv_builder_add(all, *part);
	}
	g_strfreev(*given);
	*given = g_strv_builder_end(all);
	return (const char *const *)*given;
}

static gboolean parse_numbers(AnalysisStoreOptions *o, ViewFormat *format, GError **error)
{
	*format = VIEW_FORMAT_TEXT;
	if (opt.format && !view_format_parse(opt.format, format, error))
		return FALSE;
	if (opt.jobs < 0 || opt.jobs > CLI_JOBS_MAX) {
		g_set_error(error, ST_ERROR, ST_ERROR_USAGE, "--jobs takes a number from 1 to %d", CLI_JOBS_MAX);
		return FALSE;
	}
	if (opt.limit < -1) {
		g_set_error_literal(error, ST_ERROR, ST_ERROR_USAGE, "--limit takes a number of rows");
		return FALSE;
	}
	if (opt.slowest < 0) {
		g_set_error_literal(error, ST_ERROR, ST_ERROR_USAGE, "--slowest takes a number of requests");
		return FALSE;
	}
	if (opt.slowest) {
		opt.log = TRUE;
		opt.limit = opt.slowest;
	}
	o->threads = opt.jobs ? (guint)opt.jobs : MIN(g_get_num_processors(), CLI_JOBS_MAX);
	return !opt.memory || cli_parse_size(opt.memory, &o->memory, error);
}

/* Programs get all rows of a table, people what they can look at. */
static guint row_limit(ViewFormat format)
{
	if (opt.limit >= 0)
		return (guint)opt.limit;
	return opt.log ? LOG_LIMIT : view_is_for_people(format) && !opt.every ? TEXT_LIMIT : 0;
}

static gboolean parse_query(AnalysisQuery *q, ViewFormat format, GError **error)
{
	if (opt.log && opt.every) {
		g_set_error_literal(error, ST_ERROR, ST_ERROR_USAGE, "--log and --every exclude each other");
		return FALSE;
	}
	q->form = opt.log ? ANALYSIS_LOG : opt.every ? ANALYSIS_SERIES : ANALYSIS_TABLE;
	if (opt.every && !st_time_parse_duration(opt.every, &q->every_ns, error)) {
		g_prefix_error(error, "--every: ");
		return FALSE;
	}
	if (opt.every && q->every_ns < 1) {
		g_set_error_literal(error, ST_ERROR, ST_ERROR_USAGE, "--every takes a length of time of a nanosecond at least");
		return FALSE;
	}
	q->histogram = opt.histogram;
	q->by = format == VIEW_FORMAT_FOLDED && !opt.by ? "stack" : opt.by;
	q->for_people = view_is_for_people(format);
	q->limit = row_limit(format);
	q->machines = (const char *const *)cli_range.machines;
	q->threads = split_lists(&opt.threads);
	q->processes = split_lists(&opt.processes);
	q->cpus = split_lists(&opt.cpus);
	q->containers = split_lists(&opt.containers);
	q->levels = split_lists(&opt.levels);
	q->rows = (const char *const *)opt.rows;
	q->sides = split_lists(&opt.sides);
	q->events = split_lists(&opt.events);
	return TRUE;
}

/* Times are those of the root's clock, which is known only now. */
static gboolean parse_range(const AnalysisStore *s, AnalysisQuery *q, GError **error)
{
	StTimeRange span = {s->begin_ns, s->end_ns};

	return cli_parse_range_in(&span, FALSE, &q->begin_ns, &q->end_ns, error);
}

/* ---- Progress ------------------------------------------------------------------------------------------------------ */

/* One line on the terminal, a few times a second. */
static void show_progress(gpointer user, double done)
{
	static GMutex lock;
	static gint64 next;
	gint64 now = g_get_monotonic_time();

	g_mutex_lock(&lock);
	if (now >= next) {
		next = now + G_USEC_PER_SEC / 5;
		fprintf(stderr, "\rstrata: reading traces: %3.0f %%", done * 100);
		fflush(stderr);
		*(gboolean *)user = TRUE;
	}
	g_mutex_unlock(&lock);
}

static void clear_progress(gboolean shown)
{
	if (shown)
		fprintf(stderr, "\r%*s\r", 40, "");
}

/* ---- Running ------------------------------------------------------------------------------------------------------- */

static gboolean sort_view(View *view, GError **error)
{
	guint column;

	if (!opt.sort)
		return TRUE;
	if (!view_find_column(view, opt.sort, &column)) {
		g_autofree char *names = view_column_names(view);
		g_set_error(error, ST_ERROR, ST_ERROR_USAGE, "--sort: there is no column \"%s\"; there are %s", opt.sort, names);
		return FALSE;
	}
	view_sort(view, column, !opt.ascending);
	return TRUE;
}

static gboolean write_answer(const AnalysisQuestion *question, const AnalysisStore *s, const AnalysisQuery *q, ViewFormat format, GError **error)
{
	if (question->write)
		return question->write(s, q, format, stdout, error);
	g_autoptr(View) view = question->make(s, q, error);
	if (!view || !sort_view(view, error))
		return FALSE;
	view_limit(view, q->limit);
	return view_render(view, format, stdout, error);
}

static gboolean answer(const AnalysisQuestion *question, GPtrArray *traces, StWarnings *warnings, GError **error)
{
	gboolean shown = FALSE;
	AnalysisStoreOptions o = {.warnings = warnings, .no_cache = opt.no_cache, .spans = (const char *const *)opt.spans,
				  .map = (const char *const *)opt.map, .alone = opt.alone || (question->flags & ANALYSIS_NO_LAYERS),
				  .rows = (question->flags & ANALYSIS_ONLY_THREAD_ROWS ? LAYERS_THREAD_ROWS : 0) | (question->flags & ANALYSIS_ONLY_CPU_ROWS ? LAYERS_CPU_ROWS : 0),
				  .progress = isatty(STDERR_FILENO) ? show_progress : NULL, .progress_user = &shown};
	AnalysisQuery q = {0};
	ViewFormat format;

	if (!parse_numbers(&o, &format, error) || !parse_query(&q, format, error))
		return FALSE;
	g_autoptr(AnalysisStore) s = analysis_store_open(traces, &o, error);
	clear_progress(shown);
	return s && parse_range(s, &q, error) && write_answer(question, s, &q, format, error);
}

static gboolean asks_history(void)
{
	return opt.by || opt.every || opt.histogram || opt.log || opt.levels;
}

int cli_run_table(const AnalysisQuestion *question, CliPlainAnswer plain, const char *const *paths)
{
	if (plain && !asks_history())
		return plain(paths, &(CliPlain){.format = opt.format, .sort = opt.sort, .limit = opt.limit == -1 ? 0 : opt.limit, .jobs = opt.jobs, .ascending = opt.ascending});
	g_autoptr(GError) error = NULL;
	g_autoptr(StWarnings) warnings = st_warnings_new();
	int status;
	g_autoptr(GPtrArray) traces = (opt.alone ? cli_open : cli_open_all)(paths, warnings, &status);

	if (!traces)
		return status;
	gboolean done = answer(question, traces, warnings, &error);
	cli_show_warnings(warnings);
	if (done)
		return CLI_DONE;
	if (g_error_matches(error, ST_ERROR, ST_ERROR_USAGE))
		return cli_usage_error("%s", error->message);
	cli_complain("%s", error->message);
	return CLI_FAILED;
}
