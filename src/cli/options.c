/* SPDX-License-Identifier: MIT */
/* What several commands' options and arguments mean. */
#include <string.h>

#include "cli/cli.h"

CliRange cli_range;

/* ---- Times ----------------------------------------------------------------------------------------------------- */

gboolean cli_time_span(GPtrArray *traces, StTimeRange *span_out)
{
	*span_out = (StTimeRange){G_MAXINT64, G_MININT64};
	for (guint i = 0; i < traces->len; i++) {
		gint64 first, last;
		if (!ctf_trace_span(traces->pdata[i], &first, &last))
			continue;
		span_out->begin_ns = MIN(span_out->begin_ns, first);
		span_out->end_ns = MAX(span_out->end_ns, last);
	}
	if (span_out->begin_ns <= span_out->end_ns)
		return TRUE;
	*span_out = (StTimeRange){0, 0};
	return FALSE;
}

static gboolean parse_one(const char *option, const char *text, const StTimeRange *span, gboolean utc, gint64 *ns_out,
                          GError **error)
{
	if (!text || st_time_parse(text, span, utc, ns_out, error))
		return TRUE;
	g_prefix_error(error, "--%s: ", option);
	return FALSE;
}

gboolean cli_parse_range(GPtrArray *traces, gboolean utc, gint64 *begin_out, gint64 *end_out, GError **error)
{
	StTimeRange span = {0, 0};
	if (cli_range.begin || cli_range.end)
		cli_time_span(traces, &span);
	return cli_parse_range_in(&span, utc, begin_out, end_out, error);
}

gboolean cli_parse_range_in(const StTimeRange *span, gboolean utc, gint64 *begin_out, gint64 *end_out, GError **error)
{
	*begin_out = G_MININT64;
	*end_out = G_MAXINT64;
	if (!parse_one("begin", cli_range.begin, span, utc, begin_out, error) ||
	    !parse_one("end", cli_range.end, span, utc, end_out, error))
		return FALSE;
	if (*begin_out <= *end_out)
		return TRUE;
	g_set_error(error, ST_ERROR, ST_ERROR_USAGE, "--begin is after --end");
	return FALSE;
}

/* ---- Sizes -------------------------------------------------------------------------------------------------------- */

gboolean cli_parse_size(const char *text, guint64 *size_out, GError **error)
{
	static const char units[] = "KMGT";
	char *end;
	guint64 n = g_ascii_strtoull(text, &end, 10);
	const char *unit = *end ? strchr(units, g_ascii_toupper(*end)) : NULL;
	guint shift = unit ? 10 * (guint)(unit - units + 1) : 0;

	if (end == text || *text == '-' || (*end && !unit) || (unit && end[1]) || !n || n > (G_MAXUINT64 >> 1) >> shift) {
		g_set_error(error, ST_ERROR, ST_ERROR_USAGE, "--memory takes a size, such as 500M or 2G; got \"%s\"", text);
		return FALSE;
	}
	*size_out = n << shift;
	return TRUE;
}

/* ---- Traces ---------------------------------------------------------------------------------------------------- */

const char *cli_machine_name(const CtfTrace *trace)
{
	const char *hostname = ctf_metadata_env_text(trace->metadata, "hostname");
	if (hostname && *hostname)
		return hostname;
	const char *slash = strrchr(trace->path, '/');
	return slash ? slash + 1 : trace->path;
}

/* The arguments of the command line that traces were looked for in. */
static const char *const *given;

/* The path of a trace below the argument; NULL: it is the argument itself, or has several directories. */
static const char *path_below_argument(const CtfTrace *trace)
{
	if (trace->chunk_paths->len != 1)
		return NULL;
	for (const char *const *g = given; g && *g; g++) {
		gsize len = strlen(*g);
		while (len && (*g)[len - 1] == '/')
			len--;
		if (strncmp(trace->path, *g, len) || trace->path[len] != '/')
			continue;
		const char *below = trace->path + len + strspn(trace->path + len, "/");
		if (*below)
			return below;
	}
	return NULL;
}

char *cli_trace_name(const CtfTrace *trace)
{
	const char *hostname = ctf_metadata_env_text(trace->metadata, "hostname"), *below = path_below_argument(trace);
	return g_strconcat(hostname ? hostname : "", hostname && below ? "/" : "", below, NULL);
}

gboolean cli_any_glob(char **globs, const char *text)
{
	if (!globs)
		return TRUE;
	for (char **g = globs; *g; g++)
		if (g_pattern_match_simple(*g, text))
			return TRUE;
	return FALSE;
}

static gboolean is_wanted(const CtfTrace *trace)
{
	return cli_any_glob(cli_range.machines, cli_machine_name(trace));
}

/* Without those of other machines; FALSE: there are no others. */
static gboolean keep_machines(GPtrArray *traces, gboolean all)
{
	guint wanted = 0;
	for (guint i = traces->len; i-- > 0;)
		if (is_wanted(traces->pdata[i]))
			wanted++;
		else if (!all)
			g_ptr_array_remove_index(traces, i);
	return wanted != 0;
}

static GPtrArray *find(const char *const *paths, StWarnings *warnings, int *status_out)
{
	g_autoptr(GError) error = NULL;
	gsize n = g_strv_length((GStrv)(gpointer)paths);
	if (!n) {
		*status_out = cli_usage_error("no trace given");
		return NULL;
	}
	given = paths;
	GPtrArray *traces = ctf_traces_open(paths, n, warnings, &error);
	if (traces)
		return traces;
	cli_show_warnings(warnings);
	cli_complain("%s", error->message);
	*status_out = CLI_FAILED;
	return NULL;
}

static GPtrArray *open_some(const char *const *paths, gboolean all, StWarnings *warnings, int *status_out)
{
	g_autoptr(GPtrArray) traces = find(paths, warnings, status_out);
	if (!traces)
		return NULL;
	if (keep_machines(traces, all))
		return g_steal_pointer(&traces);
	cli_complain("no machine of that name is in these traces");
	*status_out = CLI_FAILED;
	return NULL;
}

GPtrArray *cli_open(const char *const *paths, StWarnings *warnings, int *status_out)
{
	return open_some(paths, FALSE, warnings, status_out);
}

GPtrArray *cli_open_all(const char *const *paths, StWarnings *warnings, int *status_out)
{
	return open_some(paths, TRUE, warnings, status_out);
}

void cli_show_losses(const CtfStream *stream, gint64 begin_ns, gint64 end_ns)
{
	guint64 events = 0, packets = 0, ranges = 0;
	gboolean unknown = FALSE;
	for (guint i = 0; i < stream->losses->len; i++) {
		const CtfLoss *loss = &g_array_index(stream->losses, CtfLoss, i);
		if (loss->end_ns < begin_ns || loss->begin_ns > end_ns)
			continue;
		events += loss->events;
		packets += loss->packets;
		unknown |= loss->packets && !loss->events;
		ranges++;
	}
	if (!ranges)
		return;
	const CtfFile *file = stream->files->len ? &g_array_index(stream->files, CtfFile, 0) : NULL;
	g_autofree char *lost = packets ? g_strdup_printf(" and %" G_GUINT64_FORMAT " packets", packets) : g_strdup("");
	cli_complain("warning: %s: the tracer lost %s%" G_GUINT64_FORMAT " events%s, in %" G_GUINT64_FORMAT
	             " ranges of time",
	             file ? file->path : stream->trace->path, unknown ? "at least " : "", events, lost, ranges);
}
