/* SPDX-License-Identifier: MIT */
/*
 * cli/cli.h: the program `strata`: main.c, one file per command, and what the commands have in common.
 *
 * A command is an entry of commands.c. Options are GLib's (GOptionEntry); what is wrong with them is told by
 * cli_usage_error(), which is exit status 2. Errors and warnings go to standard error, each with a prefix that names the command.
 */
#ifndef STRATA_CLI_CLI_H
#define STRATA_CLI_CLI_H

#include "base/time.h"
#include "ctf/ctf.h"

/* Exit statuses. */
enum { CLI_DONE = 0, CLI_FAILED = 1, CLI_USAGE = 2, CLI_FOUND = 3 };

typedef struct {
	const char *name;
	const char *arguments; /* after the options in its usage line */
	const char *summary;   /* one line, for `strata --help` */
	const char *more;      /* further text below its options in `strata NAME --help`; may be NULL */
	const GOptionEntry *options;
	gboolean separates; /* a "--" between its arguments is one of them */
	/* `arguments`: what is left after the options, NULL-terminated. Returns an exit status. */
	int (*run)(const char *const *arguments);
} CliCommand;

extern const CliCommand cli_report, cli_diff, cli_vms, cli_vcpus, cli_info, cli_events, cli_clock, cli_serve;

/* All commands, in the order of `strata --help`; its texts live for ever. */
guint cli_n_commands(void);
CliCommand cli_command_at(guint i);

/* The command that runs. */
const CliCommand *cli_command(void);

/* "strata NAME: message" to standard error; cli_usage_error() adds where to find help, and returns CLI_USAGE. */
void cli_complain(const char *format, ...) G_GNUC_PRINTF(1, 2);
int cli_usage_error(const char *format, ...) G_GNUC_PRINTF(1, 2);

/* The warnings to standard error. */
void cli_show_warnings(StWarnings *warnings);

/* ---- Options that several commands have ------------------------------------------------------------------------ */

/*
 * Which machines, and from when to when (as st_time_parse() reads it). Put CLI_RANGE_OPTIONS into a command's options; what was given
 * stands in cli_range.
 */
typedef struct {
	char *begin, *end;
	char **machines; /* globs; NULL: all */
} CliRange;

extern CliRange cli_range;

#define CLI_RANGE_OPTIONS                                                                                              \
	{"begin", 0, 0, G_OPTION_ARG_STRING, &cli_range.begin, "From TIME on", "TIME"},                                \
	        {"end", 0, 0, G_OPTION_ARG_STRING, &cli_range.end, "Up to TIME, itself included", "TIME"},             \
	{                                                                                                              \
		"machine", 0, 0, G_OPTION_ARG_STRING_ARRAY, &cli_range.machines,                                       \
		        "Only machines whose name matches GLOB; may be given several times", "GLOB"                    \
	}

/*
 * The times of the first and of the last event of all traces, at which few packets have to be looked at. FALSE, and zeros: there are no
 * events, or they have no times.
 */
gboolean cli_time_span(GPtrArray *traces, StTimeRange *span_out);

/* What was given, both ends included; what was not is G_MININT64 and G_MAXINT64. `utc`: times of day are those of UTC. ST_ERROR_USAGE. */
gboolean cli_parse_range(GPtrArray *traces, gboolean utc, gint64 *begin_out, gint64 *end_out, GError **error);

/* The same, of a time span that is known already. */
gboolean cli_parse_range_in(const StTimeRange *span, gboolean utc, gint64 *begin_out, gint64 *end_out, GError **error);

/* What --memory says: a number of bytes, or of units of 1024: "500M", "2G". ST_ERROR_USAGE. */
gboolean cli_parse_size(const char *text, guint64 *size_out, GError **error);

#define CLI_JOBS_MAX 256 /* what --jobs may say */

/* ---- Traces ---------------------------------------------------------------------------------------------------- */

/* What a machine is called: its trace's hostname; without one, the directory's name. */
const char *cli_machine_name(const CtfTrace *trace);

/*
 * What babeltrace2 calls a trace: its hostname, and where it was found below the argument, with a slash between them; one of both
 * may be missing. A newly allocated string.
 */
char *cli_trace_name(const CtfTrace *trace);

/* TRUE if one of the globs matches, or there are none. */
gboolean cli_any_glob(char **globs, const char *text);

/* What the tracer lost of a stream within a time range, as a warning; nothing if there is nothing. */
void cli_show_losses(const CtfStream *stream, gint64 begin_ns, gint64 end_ns);

/*
 * The traces of a command's arguments, those of machines that were not asked for left out. NULL: complained, and the exit status is in
 * *status_out. Free with g_ptr_array_unref().
 */
GPtrArray *cli_open(const char *const *paths, StWarnings *warnings, int *status_out);

/* The same with all machines, as long as one of them was asked for: others may tell what happened to it. */
GPtrArray *cli_open_all(const char *const *paths, StWarnings *warnings, int *status_out);

#endif
