/* SPDX-License-Identifier: MIT */
#include "base/time.h"

#include <string.h>
#include <time.h>

#include "base/error.h"

/* The last second of which all nanoseconds are numbers. */
#define SECONDS_MAX (G_MAXINT64 / ST_NS_PER_S - 1)

#define DURATION_FORMS "a number and its unit: ns, us, ms, s, m or h"

/* Decimal digits, `most` at most, and step over them. FALSE: there is none, or too many. */
static gboolean read_number(const char **at, guint most, gint64 *value_out)
{
	guint n = 0;
	gint64 value = 0;
	for (; g_ascii_isdigit((*at)[n]); n++) {
		if (n == most || __builtin_mul_overflow(value, 10, &value) ||
		    __builtin_add_overflow(value, (*at)[n] - '0', &value))
			return FALSE;
	}
	*at += n;
	*value_out = value;
	return n > 0;
}

static gboolean skip(const char **at, char c)
{
	if (**at != c)
		return FALSE;
	(*at)++;
	return TRUE;
}

/* What may follow a number: a point and digits, of which only the first nine count. */
static gboolean read_fraction(const char **at, gint64 *billionths_out)
{
	*billionths_out = 0;
	if (!skip(at, '.'))
		return TRUE;
	if (!g_ascii_isdigit(**at))
		return FALSE;
	for (gint64 weight = ST_NS_PER_S / 10; g_ascii_isdigit(**at); (*at)++, weight /= 10)
		*billionths_out += (**at - '0') * weight;
	return TRUE;
}

static gboolean read_seconds(const char **at, gint64 *ns_out)
{
	gint64 s, ns;
	if (!read_number(at, 19, &s) || s > SECONDS_MAX || !read_fraction(at, &ns))
		return FALSE;
	*ns_out = s * ST_NS_PER_S + ns;
	return TRUE;
}

static gboolean read_unit(const char *text, gint64 *ns_out)
{
	static const struct {
		const char *name;
		gint64 ns;
	} units[] = {
	        {"", ST_NS_PER_S},         {"ns", 1},
	        {"us", ST_NS_PER_US},      {"ms", ST_NS_PER_MS},
	        {"s", ST_NS_PER_S},        {"m", 60 * ST_NS_PER_S},
	        {"min", 60 * ST_NS_PER_S}, {"h", 3600 * ST_NS_PER_S},
	};
	for (gsize i = 0; i < G_N_ELEMENTS(units); i++) {
		if (strcmp(units[i].name, text) == 0) {
			*ns_out = units[i].ns;
			return TRUE;
		}
	}
	return FALSE;
}

static gboolean read_duration(const char *at, gint64 *ns_out)
{
	gint64 whole, billionths, unit;
	if (!read_number(&at, 19, &whole) || !read_fraction(&at, &billionths))
		return FALSE;
	while (*at == ' ')
		at++;
	if (!read_unit(at, &unit))
		return FALSE;
	/* Units of a second and longer are whole seconds: an hour's nanoseconds times billionths would not fit. */
	gint64 part = unit < ST_NS_PER_S ? billionths * unit / ST_NS_PER_S : billionths * (unit / ST_NS_PER_S);
	if (__builtin_mul_overflow(whole, unit, &whole) || __builtin_add_overflow(whole, part, &whole))
		return FALSE;
	*ns_out = whole;
	return TRUE;
}

gboolean st_time_parse_duration(const char *text, gint64 *ns_out, GError **error)
{
	if (read_duration(text, ns_out))
		return TRUE;
	g_set_error(error, ST_ERROR, ST_ERROR_USAGE, "'%s' is not a length of time; give " DURATION_FORMS, text);
	return FALSE;
}

static gint64 floor_seconds(gint64 time_ns)
{
	return time_ns / ST_NS_PER_S - (time_ns % ST_NS_PER_S < 0);
}

/* HH:MM:SS[.nnnnnnnnn] to the end of the text. */
static gboolean read_time_of_day(const char *at, struct tm *tm, gint64 *ns_out)
{
	gint64 hour, minute, second;
	if (!read_number(&at, 2, &hour) || !skip(&at, ':') || !read_number(&at, 2, &minute) || !skip(&at, ':') ||
	    !read_number(&at, 2, &second) || !read_fraction(&at, ns_out))
		return FALSE;
	if (*at || hour > 23 || minute > 59 || second > 59)
		return FALSE;
	tm->tm_hour = (int)hour;
	tm->tm_min = (int)minute;
	tm->tm_sec = (int)second;
	return TRUE;
}

static gboolean read_date(const char **at, struct tm *tm)
{
	gint64 year, month, day;
	if (!read_number(at, 4, &year) || !skip(at, '-') || !read_number(at, 2, &month) || !skip(at, '-') ||
	    !read_number(at, 2, &day))
		return FALSE;
	if (!skip(at, ' ') && !skip(at, 'T'))
		return FALSE;
	/* Nanoseconds of 64 bits last from 1677 to 2262. */
	if (year < 1678 || year > 2261 || month < 1 || month > 12 || day < 1 ||
	    day > g_date_get_days_in_month((GDateMonth)month, (GDateYear)year))
		return FALSE;
	tm->tm_year = (int)year - 1900;
	tm->tm_mon = (int)month - 1;
	tm->tm_mday = (int)day;
	return TRUE;
}

/* A copy, because mktime() changes what it is given. */
static gint64 calendar_time(struct tm tm, gint64 ns, gboolean utc)
{
	tm.tm_isdst = -1;
	gint64 time_ns = utc ? timegm(&tm) : mktime(&tm);
	if (__builtin_mul_overflow(time_ns, ST_NS_PER_S, &time_ns) || __builtin_add_overflow(time_ns, ns, &time_ns))
		return tm.tm_year < 70 ? G_MININT64 : G_MAXINT64;
	return time_ns;
}

static gboolean read_dated(const char *text, gboolean utc, gint64 *time_ns_out)
{
	struct tm tm = {0};
	gint64 ns;
	if (!read_date(&text, &tm) || !read_time_of_day(text, &tm, &ns))
		return FALSE;
	*time_ns_out = calendar_time(tm, ns, utc);
	return TRUE;
}

static gboolean read_undated(const char *text, const StTimeRange *trace, gboolean utc, gint64 *time_ns_out)
{
	time_t begin_s = (time_t)floor_seconds(trace->begin_ns);
	struct tm tm;
	gint64 ns;
	if (!(utc ? gmtime_r(&begin_s, &tm) : localtime_r(&begin_s, &tm)) || !read_time_of_day(text, &tm, &ns))
		return FALSE;
	*time_ns_out = calendar_time(tm, ns, utc);
	if (*time_ns_out >= trace->begin_ns)
		return TRUE;
	tm.tm_mday++;
	gint64 next_day_ns = calendar_time(tm, ns, utc);
	if (next_day_ns < trace->end_ns)
		*time_ns_out = next_day_ns;
	return TRUE;
}

static gboolean read_plain(const char *at, gint64 *time_ns_out)
{
	if (strchr(at, '.'))
		return read_seconds(&at, time_ns_out) && !*at;
	return g_ascii_string_to_signed(at, 10, G_MININT64, G_MAXINT64, time_ns_out, NULL);
}

static gboolean read_time(const char *text, const StTimeRange *trace, gboolean utc, gint64 *time_ns_out)
{
	gint64 after_ns;
	if (*text == '+')
		return read_duration(text + 1, &after_ns) &&
		       !__builtin_add_overflow(trace->begin_ns, after_ns, time_ns_out);
	if (!strchr(text, ':'))
		return read_plain(text, time_ns_out);
	if (strchr(text, '-'))
		return read_dated(text, utc, time_ns_out);
	return read_undated(text, trace, utc, time_ns_out);
}

gboolean st_time_parse(const char *text, const StTimeRange *trace, gboolean utc, gint64 *time_ns_out, GError **error)
{
	gint64 time_ns;
	tzset();
	if (read_time(text, trace, utc, &time_ns)) {
		*time_ns_out = time_ns;
		return TRUE;
	}
	g_set_error(
	        error, ST_ERROR, ST_ERROR_USAGE,
	        "'%s' is not a time; give nanoseconds, seconds with a fraction, [YYYY-MM-DD ]HH:MM:SS[.nnnnnnnnn], or, "
	        "from the begin, + and " DURATION_FORMS,
	        text);
	return FALSE;
}

/* The local time of a day, and its nanoseconds. */
static struct tm local_parts(gint64 time_ns, guint *ns_out)
{
	time_t s = (time_t)floor_seconds(time_ns);
	struct tm tm = {0};
	localtime_r(&s, &tm);
	*ns_out = (guint)((time_ns % ST_NS_PER_S + ST_NS_PER_S) % ST_NS_PER_S);
	return tm;
}

const char *st_time_format(char *buf, gint64 time_ns)
{
	guint ns;
	struct tm tm = local_parts(time_ns, &ns);
	g_snprintf(buf, ST_TIME_FORMAT_MAX, "%02d:%02d:%02d.%09u", tm.tm_hour, tm.tm_min, tm.tm_sec, ns);
	return buf;
}

const char *st_time_format_date(char *buf, gint64 time_ns)
{
	guint ns;
	struct tm tm = local_parts(time_ns, &ns);
	g_snprintf(buf, ST_TIME_FORMAT_MAX, "%04d-%02d-%02d %02d:%02d:%02d.%09u", tm.tm_year + 1900, tm.tm_mon + 1,
	           tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec, ns);
	return buf;
}
