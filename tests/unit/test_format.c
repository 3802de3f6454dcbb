/* SPDX-License-Identifier: MIT */
#include <math.h>

#include "base/format.h"

static void test_duration(void)
{
	static const struct {
		gint64 ns;
		const char *text;
	} cases[] = {
	        {0, "0 ns"},
	        {12, "12 ns"},
	        {999, "999 ns"},
	        {1000, "1.00 us"},
	        {1234, "1.23 us"},
	        {9994, "9.99 us"},
	        {9996, "10.0 us"},
	        {56789, "56.8 us"},
	        {99960, "100 us"},
	        {890400, "890 us"},
	        {999499, "999 us"},
	        {999500, "1.00 ms"},
	        {56700000, "56.7 ms"},
	        {999499999, "999 ms"},
	        {999500000, "1.000 s"},
	        {1234000000, "1.234 s"},
	        {75120400000, "75.120 s"},
	        {G_GINT64_CONSTANT(599999999999), "600.000 s"},
	        {G_GINT64_CONSTANT(754000000000), "12 min 34 s"},
	        {G_GINT64_CONSTANT(3599600000000), "1 h 0 min"},
	        {G_GINT64_CONSTANT(12300000000000), "3 h 25 min"},
	        {-1500, "-1.50 us"},
	        {G_MAXINT64, "2562047 h 47 min"},
	        {G_MININT64, "-2562047 h 47 min"},
	};
	char buf[ST_FORMAT_MAX];
	for (gsize i = 0; i < G_N_ELEMENTS(cases); i++)
		g_assert_cmpstr(st_format_duration(buf, cases[i].ns), ==, cases[i].text);
}

static void test_count(void)
{
	char buf[ST_FORMAT_MAX];
	g_assert_cmpstr(st_format_count(buf, 0), ==, "0");
	g_assert_cmpstr(st_format_count(buf, 999), ==, "999");
	g_assert_cmpstr(st_format_count(buf, 1000), ==, "1,000");
	g_assert_cmpstr(st_format_count(buf, 1234567), ==, "1,234,567");
	g_assert_cmpstr(st_format_count(buf, G_MAXUINT64), ==, "18,446,744,073,709,551,615");
	g_assert_cmpstr(st_format_signed_count(buf, -1234), ==, "-1,234");
	g_assert_cmpstr(st_format_signed_count(buf, G_MININT64), ==, "-9,223,372,036,854,775,808");
	g_assert_cmpstr(st_format_int(buf, G_MININT64), ==, "-9223372036854775808");
	g_assert_cmpstr(st_format_uint(buf, G_MAXUINT64), ==, "18446744073709551615");
}

static void test_number(void)
{
	char buf[ST_FORMAT_MAX];
	g_assert_cmpstr(st_format_number(buf, 0), ==, "0.00");
	g_assert_cmpstr(st_format_number(buf, 1e-9), ==, "1.0e-09");
	g_assert_cmpstr(st_format_number(buf, 0.1234), ==, "0.123");
	g_assert_cmpstr(st_format_number(buf, 3.2), ==, "3.20");
	g_assert_cmpstr(st_format_number(buf, 9.996), ==, "10.0");
	g_assert_cmpstr(st_format_number(buf, -45.61), ==, "-45.6");
	g_assert_cmpstr(st_format_number(buf, 99.96), ==, "100");
	g_assert_cmpstr(st_format_number(buf, 1234.5), ==, "1,235");
	g_assert_cmpstr(st_format_number(buf, 1e300), ==, "1e+300");
	g_assert_cmpstr(st_format_number(buf, NAN), ==, "-");
	g_assert_cmpstr(st_format_rate(buf, 1234.4), ==, "1,234/s");
	g_assert_cmpstr(st_format_rate(buf, NAN), ==, "-");
}

static void test_percent(void)
{
	char buf[ST_FORMAT_MAX];
	g_assert_cmpstr(st_format_percent(buf, 0), ==, "0.0%");
	g_assert_cmpstr(st_format_percent(buf, 0.0004), ==, "<0.1%");
	g_assert_cmpstr(st_format_percent(buf, 0.0005), ==, "0.1%");
	g_assert_cmpstr(st_format_percent(buf, 0.12345), ==, "12.3%");
	g_assert_cmpstr(st_format_percent(buf, 0.99949), ==, "99.9%");
	g_assert_cmpstr(st_format_percent(buf, 0.99999), ==, ">99.9%");
	g_assert_cmpstr(st_format_percent(buf, 1), ==, "100.0%");
	g_assert_cmpstr(st_format_percent(buf, 2.5), ==, "250.0%");
	g_assert_cmpstr(st_format_percent(buf, NAN), ==, "-");
	g_assert_cmpstr(st_format_percent(buf, 1e300), ==, "1e+302%");
}

static void test_bytes(void)
{
	char buf[ST_FORMAT_MAX];
	g_assert_cmpstr(st_format_bytes(buf, 0), ==, "0 B");
	g_assert_cmpstr(st_format_bytes(buf, 1023), ==, "1023 B");
	g_assert_cmpstr(st_format_bytes(buf, 1024), ==, "1.00 KiB");
	g_assert_cmpstr(st_format_bytes(buf, 1536 * 1024), ==, "1.50 MiB");
	g_assert_cmpstr(st_format_bytes(buf, 1024 * 1024 - 1), ==, "1.00 MiB");
	g_assert_cmpstr(st_format_bytes(buf, G_MAXUINT64), ==, "16.0 EiB");
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/format/duration", test_duration);
	g_test_add_func("/format/count", test_count);
	g_test_add_func("/format/number", test_number);
	g_test_add_func("/format/percent", test_percent);
	g_test_add_func("/format/bytes", test_bytes);
	return g_test_run();
}
