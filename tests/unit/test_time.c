/* SPDX-License-Identifier: MIT */
#include <string.h>
#include <time.h>

#include "base/error.h"
#include "base/time.h"

#define NOON (G_GINT64_CONSTANT(1700000000) * ST_NS_PER_S) /* 2023-11-14 22:13:20 UTC */

static void set_zone(const char *zone)
{
	g_setenv("TZ", zone, TRUE);
	tzset();
}

static gint64 parsed(const char *text, const StTimeRange *trace)
{
	g_autoptr(GError) error = NULL;
	gint64 time_ns = 0;
	st_time_parse(text, trace, FALSE, &time_ns, &error);
	g_assert_no_error(error);
	return time_ns;
}

static void test_absolute(void)
{
	StTimeRange trace = {NOON, NOON + 10 * ST_NS_PER_S};
	g_assert_cmpint(parsed("0", &trace), ==, 0);
	g_assert_cmpint(parsed("1700000000123456789", &trace), ==, NOON + 123456789);
	g_assert_cmpint(parsed("9223372036854775807", &trace), ==, G_MAXINT64);
	g_assert_cmpint(parsed("1700000000.5", &trace), ==, NOON + 500000000);
	g_assert_cmpint(parsed("1700000000.0000000019", &trace), ==, NOON + 1);
	g_assert_cmpint(parsed("-1", &trace), ==, -1);
}

static void test_after_begin(void)
{
	StTimeRange trace = {NOON, NOON + 10 * ST_NS_PER_S};
	g_assert_cmpint(parsed("+1.5s", &trace), ==, NOON + 1500000000);
	g_assert_cmpint(parsed("+200ms", &trace), ==, NOON + 200000000);
	g_assert_cmpint(parsed("+3us", &trace), ==, NOON + 3000);
	g_assert_cmpint(parsed("+7ns", &trace), ==, NOON + 7);
	g_assert_cmpint(parsed("+0.5ns", &trace), ==, NOON);
	g_assert_cmpint(parsed("+1.5", &trace), ==, NOON + 1500000000);
	g_assert_cmpint(parsed("+1.5 min", &trace), ==, NOON + 90 * ST_NS_PER_S);
	g_assert_cmpint(parsed("+0.999999999h", &trace), ==, NOON + G_GINT64_CONSTANT(3599999996400));
}

static void test_time_of_day(void)
{
	StTimeRange trace = {NOON, NOON + 10 * ST_NS_PER_S};
	set_zone("UTC");
	g_assert_cmpint(parsed("22:13:20", &trace), ==, NOON);
	g_assert_cmpint(parsed("22:13:21.25", &trace), ==, NOON + 1250000000);
	g_assert_cmpint(parsed("22:13:20.000000009", &trace), ==, NOON + 9);
	/* Before the trace begins, but on its day. */
	g_assert_cmpint(parsed("22:13:19", &trace), ==, NOON - ST_NS_PER_S);
	g_assert_cmpint(parsed("2023-11-14 22:13:20.1", &trace), ==, NOON + 100000000);
	g_assert_cmpint(parsed("2023-11-14T22:13:20", &trace), ==, NOON);
	g_assert_cmpint(parsed("1970-01-01 00:00:00", &trace), ==, 0);
	set_zone("XYZ-5:30");
	g_assert_cmpint(parsed("03:43:20", &trace), ==, NOON);
	g_assert_cmpint(parsed("2023-11-15 03:43:20", &trace), ==, NOON);
	gint64 time_ns = 0;
	g_assert_true(st_time_parse("22:13:20", &trace, TRUE, &time_ns, NULL));
	g_assert_cmpint(time_ns, ==, NOON);
	set_zone("UTC");
}

static void test_over_midnight(void)
{
	gint64 midnight = (1700000000 / 86400 + 1) * 86400 * ST_NS_PER_S;
	StTimeRange trace = {midnight - 10 * ST_NS_PER_S, midnight + 10 * ST_NS_PER_S};
	g_assert_cmpint(parsed("23:59:55", &trace), ==, midnight - 5 * ST_NS_PER_S);
	g_assert_cmpint(parsed("00:00:05", &trace), ==, midnight + 5 * ST_NS_PER_S);
	/* After the trace's end on the second day, so it is of the first. */
	g_assert_cmpint(parsed("12:00:00", &trace), ==, midnight - 43200 * ST_NS_PER_S);
}

/* On 2023-03-26 in Central Europe 02:30 doesn't exist and 12:00 is two hours before UTC's. */
static void test_summer_time(void)
{
	gint64 midnight = G_GINT64_CONSTANT(1679785200) * ST_NS_PER_S;
	StTimeRange trace = {midnight, midnight + 86400 * ST_NS_PER_S};
	set_zone("CET-1CEST,M3.5.0,M10.5.0/3");
	g_assert_cmpint(parsed("01:00:00", &trace), ==, midnight + 3600 * ST_NS_PER_S);
	g_assert_cmpint(parsed("12:00:00", &trace), ==, midnight + 11 * 3600 * ST_NS_PER_S);
	set_zone("UTC");
}

static void test_nonsense(void)
{
	static const char *const texts[] = {
	        "",
	        "x",
	        "1x",
	        "1.",
	        ".5",
	        "1.2.3",
	        "9223372036854775808",
	        "99999999999999999999",
	        "9223372036.9",
	        "+",
	        "+s",
	        "+-1s",
	        "+1 hour",
	        "+1.s",
	        "+9223372037s",
	        "+99999999999h",
	        "12:00",
	        "24:00:00",
	        "12:60:00",
	        "12:00:60",
	        "12:00:00x",
	        "12:00:00.",
	        "1:2:3:4",
	        "2023-02-29 12:00:00",
	        "2023-13-01 12:00:00",
	        "2023-00-01 12:00:00",
	        "2023-01-01",
	        "2023-01-01 12",
	        "1500-01-01 12:00:00",
	        "2300-01-01 12:00:00",
	        " 1",
	        "1 ",
	        "0x10",
	        "1e9",
	        "\xff",
	};
	StTimeRange trace = {NOON, NOON + 10 * ST_NS_PER_S};
	for (gsize i = 0; i < G_N_ELEMENTS(texts); i++) {
		g_autoptr(GError) error = NULL;
		gint64 time_ns = 42;
		g_autofree char *shown = g_strescape(texts[i], NULL);
		g_test_message("'%s'", shown);
		g_assert_false(st_time_parse(texts[i], &trace, FALSE, &time_ns, &error));
		g_assert_error(error, ST_ERROR, ST_ERROR_USAGE);
		g_assert_cmpint(time_ns, ==, 42);
	}
}

/* Traces may claim to begin and end anywhere. */
static void test_extremes(void)
{
	static const gint64 times[] = {G_MININT64, G_MININT64 + 1, -1, 0, 1, G_MAXINT64 - 1, G_MAXINT64};
	char buf[ST_TIME_FORMAT_MAX];
	for (gsize i = 0; i < G_N_ELEMENTS(times); i++) {
		StTimeRange trace = {times[i], times[i]};
		gint64 time_ns;
		st_time_parse("23:59:59.999999999", &trace, FALSE, &time_ns, NULL);
		st_time_parse("+1h", &trace, FALSE, &time_ns, NULL);
		g_assert_cmpuint(strlen(st_time_format(buf, times[i])), ==, 18);
		g_assert_cmpuint(strlen(st_time_format_date(buf, times[i])), ==, 29);
	}
	g_assert_cmpstr(st_time_format_date(buf, G_MAXINT64), ==, "2262-04-11 23:47:16.854775807");
	g_assert_cmpstr(st_time_format_date(buf, G_MININT64), ==, "1677-09-21 00:12:43.145224192");
}

static void test_format(void)
{
	char buf[ST_TIME_FORMAT_MAX];
	set_zone("UTC");
	g_assert_cmpstr(st_time_format(buf, NOON + 1), ==, "22:13:20.000000001");
	g_assert_cmpstr(st_time_format(buf, -1), ==, "23:59:59.999999999");
	g_assert_cmpstr(st_time_format_date(buf, NOON), ==, "2023-11-14 22:13:20.000000000");
	set_zone("XYZ-5:30");
	g_assert_cmpstr(st_time_format(buf, NOON), ==, "03:43:20.000000000");
	set_zone("UTC");
}

static void test_duration(void)
{
	gint64 ns = 0;
	g_assert_true(st_time_parse_duration("1.5ms", &ns, NULL));
	g_assert_cmpint(ns, ==, 1500000);
	g_autoptr(GError) error = NULL;
	g_assert_false(st_time_parse_duration("fast", &ns, &error));
	g_assert_error(error, ST_ERROR, ST_ERROR_USAGE);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	set_zone("UTC");
	g_test_add_func("/time/absolute", test_absolute);
	g_test_add_func("/time/after-begin", test_after_begin);
	g_test_add_func("/time/of-day", test_time_of_day);
	g_test_add_func("/time/over-midnight", test_over_midnight);
	g_test_add_func("/time/summer-time", test_summer_time);
	g_test_add_func("/time/nonsense", test_nonsense);
	g_test_add_func("/time/extremes", test_extremes);
	g_test_add_func("/time/format", test_format);
	g_test_add_func("/time/duration", test_duration);
	return g_test_run();
}
