/* SPDX-License-Identifier: MIT */
/*
 * base/time.h: points in time and lengths of time, in nanoseconds.
 *
 * A point in time is a signed number of nanoseconds since the clock's origin, which for LTTng's traces is 1970-01-01 00:00:00 UTC.
 * Times of day are local ones (environment variable TZ), as babeltrace2 prints them.
 *
 * How a length of time is shown to people: base/format.h.
 */
#ifndef STRATA_BASE_TIME_H
#define STRATA_BASE_TIME_H

#include <glib.h>

#define ST_NS_PER_US G_GINT64_CONSTANT(1000)
#define ST_NS_PER_MS G_GINT64_CONSTANT(1000000)
#define ST_NS_PER_S  G_GINT64_CONSTANT(1000000000)

/* From begin_ns on, up to and without end_ns. */
typedef struct {
	gint64 begin_ns;
	gint64 end_ns; /* >= begin_ns */
} StTimeRange;

/*
 * Read a point in time as people write it:
 *
 *   1700000000123456789             nanoseconds
 *   1700000000.123456789            seconds, and a fraction of one
 *   14:03:59, 14:03:59.25           the time of a day of `trace`: of its first day, unless the trace begins later than that
 *                                   and is still going on at that time of the next day
 *   2023-11-14 14:03:59.25          the same with its date (a T may stand for the blank)
 *   +1.5s, +200ms, +3us             from the begin of `trace`, see st_time_parse_duration()
 *
 * `utc`: times of day are those of UTC instead of local ones. Parts of a nanosecond are dropped. FALSE: it is none of these
 * (ST_ERROR_USAGE). The time need not lie in `trace`.
 */
gboolean st_time_parse(const char *text, const StTimeRange *trace, gboolean utc, gint64 *time_ns_out, GError **error);

/* Read a length of time: a decimal and its unit, one of ns, us, ms, s (or none), m (or min), h. */
gboolean st_time_parse_duration(const char *text, gint64 *ns_out, GError **error);

/* Room for what the functions below write, whatever the time. */
#define ST_TIME_FORMAT_MAX 64

/* "14:03:59.250000000" */
const char *st_time_format(char *buf, gint64 time_ns);
/* "2023-11-14 14:03:59.250000000" */
const char *st_time_format_date(char *buf, gint64 time_ns);

#endif
