/* SPDX-License-Identifier: MIT */
/* strata events: the events of all traces in order, as babeltrace2 prints them, or as JSON lines. */
#include <string.h>
#include <unistd.h>

#include "cli/cli.h"
#include "cli/events_filter.h"
#include "cli/print.h"

static struct {
	char *format;
	gint jobs;
	char **names, **fields;
	char **events, **cpus, **threads;
	gboolean clock_cycles, clock_seconds, clock_date, clock_gmt, no_delta;
	gboolean no_quirks;
} opt;

static const GOptionEntry options[] = {
        {"format", 0, 0, G_OPTION_ARG_STRING, &opt.format, "text (default), json (a line each), or none: only read",
         "FORMAT"},
        {"event", 0, 0, G_OPTION_ARG_STRING_ARRAY, &opt.events,
         "Only events whose name matches GLOB; may be given several times", "GLOB"},
        {"cpu", 0, 0, G_OPTION_ARG_STRING_ARRAY, &opt.cpus, "Only events of processor N", "N[,N..]"},
        {"thread", 0, 0, G_OPTION_ARG_STRING_ARRAY, &opt.threads, "Only events of thread TID", "TID[,TID..]"},
        CLI_RANGE_OPTIONS,
        {"clock-cycles", 0, 0, G_OPTION_ARG_NONE, &opt.clock_cycles, "Times in cycles of the clock", NULL},
        {"clock-seconds", 0, 0, G_OPTION_ARG_NONE, &opt.clock_seconds, "Times as seconds from the origin", NULL},
        {"clock-date", 0, 0, G_OPTION_ARG_NONE, &opt.clock_date, "Times with their date", NULL},
        {"clock-gmt", 0, 0, G_OPTION_ARG_NONE, &opt.clock_gmt, "Times in UTC, not in the local time zone", NULL},
        {"no-delta", 0, 0, G_OPTION_ARG_NONE, &opt.no_delta, "No time since the event before", NULL},
        {"no-quirks", 0, 0, G_OPTION_ARG_NONE, &opt.no_quirks,
         "Do not repeat errors of babeltrace2 2.0: empty strings that show an older event's text", NULL},
        {"names", 'n', 0, G_OPTION_ARG_STRING_ARRAY, &opt.names,
         "Names of what: payload, context, scope, header, all, none", "NAME[,NAME..]"},
        {"fields", 'f', 0, G_OPTION_ARG_STRING_ARRAY, &opt.fields,
         "Of the trace: trace, trace:hostname, trace:domain, trace:procname, trace:vpid, loglevel, emf, all",
         "FIELD[,FIELD..]"},
        {"jobs", 'j', 0, G_OPTION_ARG_INT, &opt.jobs, "Threads to read with (default: as many as processors)", "N"},
        {NULL},
};

/* ---- Options --------------------------------------------------------------------------------------------------- */

/* A word of --names or --fields, and what it shows. */
typedef struct {
	const char *word;
	gboolean *show;
} Word;

static gboolean usage(GError **error, const char *option, const char *what, const char *word)
{
	g_set_error(error, ST_ERROR, ST_ERROR_USAGE, "--%s: %s%s%s", option, what, word ? ": " : "", word ? word : "");
	return FALSE;
}

static const Word *find_word(const Word *words, const char *text)
{
	for (; words->word; words++)
		if (!strcmp(words->word, text))
			return words;
	return NULL;
}

/* One occurrence of the option. *all_out: what it says of everything that no word names. */
static gboolean parse_words(const char *option, const char *text, const Word *words, gboolean *given, gboolean *all_out,
                            GError **error)
{
	g_auto(GStrv) list = g_strsplit(text, ",", -1);
	gboolean all = FALSE, none = FALSE;
	for (char **w = list; *w; w++) {
		const char *text_word = g_strstrip(*w);
		const Word *word = find_word(words, text_word);
		if (!strcmp(text_word, "all"))
			all = TRUE;
		else if (!strcmp(text_word, "none") && !strcmp(option, "names"))
			none = TRUE;
		else if (word)
			given[word - words] = TRUE;
		else
			return usage(error, option, "not one of its words", text_word);
	}
	*all_out = all;
	return !(all && none) || usage(error, option, "all and none contradict", NULL);
}

/* Without the option the defaults stand; with it, only what it says. The last one tells of what is not named. */
static gboolean apply_words(const char *option, char **texts, const Word *words, GError **error)
{
	gboolean given[16] = {FALSE}, all = FALSE;
	if (!texts)
		return TRUE;
	for (char **t = texts; *t; t++)
		if (!parse_words(option, *t, words, given, &all, error))
			return FALSE;
	for (guint i = 0; words[i].word; i++)
		*words[i].show = all;
	for (guint i = 0; words[i].word; i++)
		*words[i].show |= given[i];
	return TRUE;
}

/* TRUE if not all events are printed. */
static gboolean selects(void)
{
	return opt.events || opt.cpus || opt.threads || cli_range.begin || cli_range.end ||
	       !g_strcmp0(opt.format, "none");
}

static gboolean parse_print_options(CliPrintOptions *o, GError **error)
{
	gboolean callsite; /* babeltrace2 takes the word and shows nothing for it */
	const Word names[] = {{"payload", &o->name_payload}, {"arg", &o->name_payload},
	                      {"args", &o->name_payload},    {"context", &o->name_context},
	                      {"ctx", &o->name_context},     {"scope", &o->name_scope},
	                      {"header", &o->name_header},   {NULL, NULL}};
	const Word fields[] = {{"trace", &o->field_trace},
	                       {"trace:hostname", &o->field_hostname},
	                       {"trace:domain", &o->field_domain},
	                       {"trace:procname", &o->field_procname},
	                       {"trace:vpid", &o->field_vpid},
	                       {"loglevel", &o->field_loglevel},
	                       {"emf", &o->field_emf},
	                       {"callsite", &callsite},
	                       {NULL, NULL}};
	*o = CLI_PRINT_DEFAULTS;
	o->json = !g_strcmp0(opt.format, "json");
	o->clock_cycles = opt.clock_cycles;
	o->clock_seconds = opt.clock_seconds;
	o->clock_date = opt.clock_date;
	o->clock_gmt = opt.clock_gmt;
	o->no_delta = opt.no_delta;
	o->quirks = !o->json && !opt.no_quirks;
	o->stale_strings = o->quirks && !selects();
	return apply_words("names", opt.names, names, error) && apply_words("fields", opt.fields, fields, error);
}

static gboolean check_options(CliPrintOptions *o, GError **error)
{
	static const char *const formats[] = {"text", "json", "none", NULL};
	if (opt.format && !g_strv_contains(formats, opt.format))
		return usage(error, "format", "text, json or none, not", opt.format);
	if (opt.jobs < 0 || opt.jobs > 256)
		return usage(error, "jobs", "a number from 1 to 256", NULL);
	return parse_print_options(o, error);
}

/* ---- Reading --------------------------------------------------------------------------------------------------- */

typedef struct {
	CliEventFilter *filter;
	CliPrinter *printer;
	CliOut out;
} Events;

static void subscribe(const CtfEventClass *ec, CtfSubscription *sub, gpointer user)
{
	cli_event_filter_subscribe(((Events *)user)->filter, ec, sub);
}

static gboolean print_event(const CtfStream *stream, const guint8 *base, const CtfRecord *record, gpointer user)
{
	Events *e = user;
	cli_printer_event(e->printer, stream, base, record);
	return !e->out.error;
}

static gboolean print_matching(const CtfStream *stream, const guint8 *base, const CtfRecord *record, gpointer user)
{
	Events *e = user;
	return !cli_event_filter_match(e->filter, stream, record) || print_event(stream, base, record, user);
}

static gboolean read_events(Events *e, GPtrArray *traces, gint64 end_ns, StWarnings *warnings, GError **error)
{
	CtfStats stats = {0};
	CtfReader reader = {
	        .subscribe = subscribe,
	        .event = cli_event_filter_looks(e->filter) ? print_matching : print_event,
	        .user = e,
	        .begin_ns = cli_event_filter_begin(e->filter),
	        .end_ns = end_ns,
	        .threads = opt.jobs ? (guint)opt.jobs : g_get_num_processors(),
	        .warnings = warnings,
	};
	if (!g_strcmp0(opt.format, "none"))
		reader.event = NULL;
	gboolean done = ctf_read((CtfTrace *const *)traces->pdata, traces->len, &reader, &stats, error);
	ctf_stats_clear(&stats);
	return done;
}

/* What a tracer lost is told once a stream, as far as it was lost within the time range. */
static void show_losses(GPtrArray *traces, gint64 begin_ns, gint64 end_ns)
{
	for (guint i = 0; i < traces->len; i++) {
		const CtfTrace *trace = traces->pdata[i];
		for (guint j = 0; j < trace->streams->len; j++)
			cli_show_losses(trace->streams->pdata[j], begin_ns, end_ns);
	}
}

static int write_events(GPtrArray *traces, const CliPrintOptions *o, StWarnings *warnings)
{
	g_autoptr(GError) error = NULL;
	CliEventFilterOptions which = {.names = opt.events, .cpus = opt.cpus, .threads = opt.threads};
	if (!cli_parse_range(traces, opt.clock_gmt, &which.begin_ns, &which.end_ns, &error))
		return cli_usage_error("%s", error->message);
	g_autoptr(CliEventFilter) filter = cli_event_filter_new(&which, traces, &error);
	if (!filter)
		return cli_usage_error("%s", error->message);
	Events e = {.filter = filter};
	cli_out_init(&e.out, STDOUT_FILENO);
	g_autoptr(CliPrinter) printer = cli_printer_new(o, traces, &e.out);
	e.printer = printer;
	gboolean done = read_events(&e, traces, which.end_ns, warnings, &error);
	gboolean written = cli_out_flush(&e.out);
	cli_out_finish(&e.out);
	show_losses(traces, which.begin_ns, which.end_ns);
	if (!done)
		cli_complain("%s", error->message);
	else if (!written)
		cli_complain("standard output: %s", g_strerror(e.out.error));
	return done && written ? CLI_DONE : CLI_FAILED;
}

static int run(const char *const *paths)
{
	g_autoptr(GError) error = NULL;
	g_autoptr(StWarnings) warnings = st_warnings_new();
	CliPrintOptions o;
	int status;
	if (!check_options(&o, &error))
		return cli_usage_error("%s", error->message);
	g_autoptr(GPtrArray) traces = cli_open(paths, warnings, &status);
	if (!traces)
		return status;
	status = write_events(traces, &o, warnings);
	cli_show_warnings(warnings);
	return status;
}

const CliCommand cli_events = {
        .name = "events",
        .arguments = "TRACE..",
        .summary = "Print the events of all traces, in order",
        .more = "The text is that of babeltrace2, byte for byte, and so are the options that have a name of "
                "babeltrace2's.\n"
                "\n"
                "TIME is nanoseconds, seconds with a point, [YYYY-MM-DD ]HH:MM:SS[.nnn], or +1.5s from the first "
                "event.\n"
                "The thread of an event is known from its context tid, else from sched_switch, else from its context "
                "vtid.",
        .options = options,
        .run = run,
};
