/* SPDX-License-Identifier: MIT */
/* What several commands' options and arguments mean. */
#include <string.h>

#include "cli/cli.h"

#define NS_PER_S 1000000000

CliRange cli_range;

/* ---- Times ----------------------------------------------------------------------------------------------------- */

static gboolean bad_time(const char *text, GError **error)
{
	g_set_error(error, ST_ERROR, ST_ERROR_USAGE,
	            "'%s' is no time: give nanoseconds, [YYYY-MM-DD ]HH:MM:SS[.nnn], or +1.5s from the begin", text);
	return FALSE;
}

/* Up to `max` digits; the number of them. */
static guint digits(const char **text, guint max, guint64 *value_out)
{
	guint n = 0;
	guint64 value = 0;
	for (; n < max && g_ascii_isdigit(**text); n++, (*text)++)
		value = value * 10 + (guint64)(**text - '0');
	*value_out = value;
	return n;
}

/* [.digits]: as nanoseconds of a unit that has `unit` of them; digits beyond are dropped. */
static gboolean fraction(const char **text, guint64 unit, guint64 *ns_out)
{
	*ns_out = 0;
	if (**text != '.')
		return TRUE;
	(*text)++;
	if (!g_ascii_isdigit(**text))
		return FALSE;
	for (guint64 weight = unit / 10; g_ascii_isdigit(**text); (*text)++, weight /= 10)
		*ns_out += (guint64)(**text - '0') * weight;
	return TRUE;
}

static guint64 unit_of(const char *text)
{
	static const struct {
		const char *name;
		guint64 ns;
	} units[] = {{"", NS_PER_S}, {"s", NS_PER_S}, {"ms", 1000000}, {"us", 1000}, {"ns", 1}};
	for (guint i = 0; i < G_N_ELEMENTS(units); i++)
		if (!strcmp(text, units[i].name))
			return units[i].ns;
	return 0;
}

/* What follows the + of a time from the begin. */
static gboolean parse_relative(const char *text, gint64 base, gint64 *ns_out)
{
	guint64 whole, part, unit = unit_of(text + strspn(text, "0123456789."));
	if (!unit || !digits(&text, 18, &whole) || !fraction(&text, unit, &part) || g_ascii_isdigit(*text) ||
	    *text == '.')
		return FALSE;
	if (whole > (guint64)G_MAXINT64 / unit - 1)
		return FALSE;
	return !__builtin_add_overflow(base, (gint64)(whole * unit + part), ns_out);
}

/* "YYYY-MM-DD ": moves *text behind it. Without one, *text and `date` stay as they are. */
static gboolean parse_date(const char **text, guint64 date[3])
{
	const char *t = *text;
	guint64 y, m, d;
	if (digits(&t, 4, &y) != 4 || *t++ != '-' || digits(&t, 2, &m) != 2 || *t++ != '-' || digits(&t, 2, &d) != 2 ||
	    (*t != ' ' && *t != 'T'))
		return FALSE;
	*text = t + 1;
	date[0] = y;
	date[1] = m;
	date[2] = d;
	return TRUE;
}

static gboolean parse_clock(const char *t, guint64 hms[3], guint64 *ns_out)
{
	return digits(&t, 2, &hms[0]) && *t++ == ':' && digits(&t, 2, &hms[1]) == 2 && *t++ == ':' &&
	       digits(&t, 2, &hms[2]) == 2 && fraction(&t, NS_PER_S, ns_out) && !*t;
}

/* A time of day without a date is the one nearest to the base's half day before and after it. */
static gboolean parse_wall(const char *text, gint64 base, gboolean gmt, gint64 *ns_out)
{
	g_autoptr(GTimeZone) zone = gmt ? g_time_zone_new_utc() : g_time_zone_new_local();
	g_autoptr(GDateTime) utc = g_date_time_new_from_unix_utc(base / NS_PER_S);
	g_autoptr(GDateTime) day = utc ? g_date_time_to_timezone(utc, zone) : NULL;
	if (!day)
		return FALSE;
	guint64 date[3] = {(guint64)g_date_time_get_year(day), (guint64)g_date_time_get_month(day),
	                   (guint64)g_date_time_get_day_of_month(day)};
	guint64 hms[3], ns;
	gboolean dated = parse_date(&text, date);
	if (!parse_clock(text, hms, &ns))
		return FALSE;
	g_autoptr(GDateTime) time = g_date_time_new(zone, (int)date[0], (int)date[1], (int)date[2], (int)hms[0],
	                                            (int)hms[1], (double)hms[2]);
	if (!time)
		return FALSE;
	gint64 s = g_date_time_to_unix(time);
	if (s > G_MAXINT64 / NS_PER_S - 100000 || s < G_MININT64 / NS_PER_S + 100000)
		return FALSE;
	gint64 half_day = 12 * 3600;
	if (!dated && s < base / NS_PER_S - half_day)
		s += 2 * half_day;
	else if (!dated && s > base / NS_PER_S + half_day)
		s -= 2 * half_day;
	*ns_out = s * NS_PER_S + (gint64)ns;
	return TRUE;
}

gboolean cli_parse_time(const char *text, gint64 base, gboolean gmt, gint64 *ns_out, GError **error)
{
	gboolean good;
	if (*text == '+')
		good = parse_relative(text + 1, base, ns_out);
	else if (strchr(text, ':'))
		good = parse_wall(text, base, gmt, ns_out);
	else
		good = g_ascii_string_to_signed(text, 10, G_MININT64, G_MAXINT64, ns_out, NULL);
	return good || bad_time(text, error);
}

static gint64 begin_of(GPtrArray *traces)
{
	gint64 begin = G_MAXINT64;
	for (guint i = 0; i < traces->len; i++)
		begin = MIN(begin, ((CtfTrace *)traces->pdata[i])->begin_ns);
	return begin == G_MAXINT64 ? 0 : begin;
}

gboolean cli_parse_range(GPtrArray *traces, gboolean gmt, gint64 *begin_out, gint64 *end_out, GError **error)
{
	gint64 base = begin_of(traces);
	*begin_out = G_MININT64;
	*end_out = G_MAXINT64;
	if (cli_range.begin && !cli_parse_time(cli_range.begin, base, gmt, begin_out, error)) {
		g_prefix_error(error, "--begin: ");
		return FALSE;
	}
	if (cli_range.end && !cli_parse_time(cli_range.end, base, gmt, end_out, error)) {
		g_prefix_error(error, "--end: ");
		return FALSE;
	}
	if (*begin_out > *end_out) {
		g_set_error(error, ST_ERROR, ST_ERROR_USAGE, "--begin is after --end");
		return FALSE;
	}
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

static void keep_machines(GPtrArray *traces)
{
	for (guint i = traces->len; i-- > 0;)
		if (!cli_any_glob(cli_range.machines, cli_machine_name(traces->pdata[i])))
			g_ptr_array_remove_index(traces, i);
}

GPtrArray *cli_open(const char *const *paths, StWarnings *warnings, int *status_out)
{
	g_autoptr(GError) error = NULL;
	gsize n = g_strv_length((GStrv)(gpointer)paths);
	if (!n) {
		*status_out = cli_usage_error("no trace given");
		return NULL;
	}
	given = paths;
	GPtrArray *traces = ctf_traces_open(paths, n, warnings, &error);
	if (!traces) {
		cli_show_warnings(warnings);
		cli_complain("%s", error->message);
		*status_out = CLI_FAILED;
		return NULL;
	}
	keep_machines(traces);
	if (traces->len)
		return traces;
	g_ptr_array_unref(traces);
	cli_complain("no machine of that name is in these traces");
	*status_out = CLI_FAILED;
	return NULL;
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
