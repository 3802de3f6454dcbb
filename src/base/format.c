/* SPDX-License-Identifier: MIT */
#include "base/format.h"

#include <float.h>
#include <math.h>
#include <string.h>

#include "base/time.h"

/* The digits of `value`, a comma before every third if `grouped`, written backwards from `end`; returns where they begin. */
static char *digits_before(char *end, guint64 value, gboolean grouped)
{
	guint n = 0;
	do {
		if (grouped && n > 0 && n % 3 == 0)
			*--end = ',';
		*--end = (char)('0' + value % 10);
		value /= 10;
		n++;
	} while (value > 0);
	return end;
}

static guint64 magnitude(gint64 value)
{
	return value < 0 ? -(guint64)value : (guint64)value;
}

static const char *format_integer(char *buf, guint64 value, gboolean negative, gboolean grouped)
{
	char digits[ST_FORMAT_MAX];
	char *end = digits + sizeof digits - 1;
	*end = '\0';
	char *begin = digits_before(end, value, grouped);
	if (negative)
		*--begin = '-';
	return memcpy(buf, begin, (gsize)(end + 1 - begin));
}

const char *st_format_int(char *buf, gint64 value)
{
	return format_integer(buf, magnitude(value), value < 0, FALSE);
}

const char *st_format_uint(char *buf, guint64 value)
{
	return format_integer(buf, value, FALSE, FALSE);
}

const char *st_format_count(char *buf, guint64 count)
{
	return format_integer(buf, count, FALSE, TRUE);
}

const char *st_format_signed_count(char *buf, gint64 count)
{
	return format_integer(buf, magnitude(count), count < 0, TRUE);
}

const char *st_format_double(char *buf, double value)
{
	/* 15 digits are enough for most, 17 for all; tiny numbers hold fewer than 15. */
	int digits = fabs(value) < DBL_MIN ? 1 : 15;
	char format[8];
	do {
		g_snprintf(format, sizeof format, "%%.%dg", digits);
		g_ascii_formatd(buf, ST_FORMAT_MAX, format, value);
	} while (digits++ < 17 && g_ascii_strtod(buf, NULL) != value);
	return buf;
}

static const guint64 powers_of_ten[] = {1, 10, 100, 1000};

/* Three digits of `value` / `unit`: the number of decimals. */
static guint decimals_of(guint64 value, guint64 unit)
{
	return value >= 100 * unit ? 0 : value >= 10 * unit ? 1 : 2;
}

/* `value` / `unit` rounded to `decimals`, as the number of that decimal's units. */
static guint64 rounded(guint64 value, guint64 unit, guint decimals)
{
	guint64 step = unit / powers_of_ten[decimals];
	return value / step + (value % step >= (step + 1) / 2);
}

static void append_decimal(char *buf, const char *sign, guint64 scaled, guint decimals, const char *unit)
{
	guint64 power = powers_of_ten[decimals];
	if (decimals == 0)
		g_snprintf(buf, ST_FORMAT_MAX, "%s%" G_GUINT64_FORMAT " %s", sign, scaled, unit);
	else
		g_snprintf(buf, ST_FORMAT_MAX, "%s%" G_GUINT64_FORMAT ".%0*" G_GUINT64_FORMAT " %s", sign,
		           scaled / power, (int)decimals, scaled % power, unit);
}

/* `value` in `unit`, unless that rounds to 1000 of them or more. */
static gboolean three_digits(char *buf, const char *sign, guint64 value, guint64 unit, const char *name)
{
	if (value >= 1000 * unit)
		return FALSE;
	guint decimals = decimals_of(value, unit);
	guint64 scaled = rounded(value, unit, decimals);
	/* Rounding may have made one digit more: 9.996 is 10.0. */
	if (decimals > 0 && scaled >= 1000)
		scaled = rounded(value, unit, --decimals);
	if (scaled >= 1000 * powers_of_ten[decimals])
		return FALSE;
	append_decimal(buf, sign, scaled, decimals, name);
	return TRUE;
}

static const char *format_minutes(char *buf, const char *sign, guint64 ns)
{
	guint64 s = rounded(ns, ST_NS_PER_S, 0);
	if (s < 3600)
		g_snprintf(buf, ST_FORMAT_MAX, "%s%" G_GUINT64_FORMAT " min %" G_GUINT64_FORMAT " s", sign, s / 60,
		           s % 60);
	else
		g_snprintf(buf, ST_FORMAT_MAX, "%s%" G_GUINT64_FORMAT " h %" G_GUINT64_FORMAT " min", sign, s / 3600,
		           s % 3600 / 60);
	return buf;
}

const char *st_format_duration(char *buf, gint64 ns)
{
	guint64 length = magnitude(ns);
	const char *sign = ns < 0 ? "-" : "";
	if (length < ST_NS_PER_US) {
		append_decimal(buf, sign, length, 0, "ns");
		return buf;
	}
	if (three_digits(buf, sign, length, ST_NS_PER_US, "us") || three_digits(buf, sign, length, ST_NS_PER_MS, "ms"))
		return buf;
	if (length >= 600 * (guint64)ST_NS_PER_S)
		return format_minutes(buf, sign, length);
	append_decimal(buf, sign, rounded(length, ST_NS_PER_S, 3), 3, "s");
	return buf;
}

const char *st_format_bytes(char *buf, guint64 bytes)
{
	static const char *const names[] = {"B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
	if (bytes < 1024) {
		append_decimal(buf, "", bytes, 0, "B");
		return buf;
	}
	guint unit = 0;
	double value = (double)bytes;
	/* 1023.5 would be shown as 1024. */
	while (value >= 1023.5 && unit + 1 < G_N_ELEMENTS(names)) {
		value /= 1024;
		unit++;
	}
	char number[ST_FORMAT_MAX];
	st_format_number(number, value);
	g_snprintf(buf, ST_FORMAT_MAX, "%s %s", number, names[unit]);
	return buf;
}

const char *st_format_number(char *buf, double value)
{
	double size = fabs(value);
	if (isnan(value))
		return memcpy(buf, "-", 2);
	if (size >= 1e15)
		return g_ascii_formatd(buf, ST_FORMAT_MAX, "%.3g", value);
	if (size >= 99.95)
		return st_format_signed_count(buf, (gint64)llround(value));
	const char *format = size >= 9.995                 ? "%.1f"
	                     : size >= 0.9995 || size == 0 ? "%.2f"
	                     : size >= 0.0005              ? "%.3f"
	                                                   : "%.1e";
	return g_ascii_formatd(buf, ST_FORMAT_MAX, format, value);
}

const char *st_format_percent(char *buf, double ratio)
{
	double percent = ratio * 100;
	if (isnan(percent))
		return memcpy(buf, "-", 2);
	if (percent > 0 && percent < 0.05)
		return memcpy(buf, "<0.1%", 6);
	if (ratio < 1 && percent >= 99.95)
		return memcpy(buf, ">99.9%", 7);
	g_ascii_formatd(buf, ST_FORMAT_MAX - 1, fabs(percent) < 1e15 ? "%.1f" : "%.3g", percent);
	g_strlcat(buf, "%", ST_FORMAT_MAX);
	return buf;
}

const char *st_format_rate(char *buf, double per_second)
{
	st_format_number(buf, per_second);
	if (!isnan(per_second))
		g_strlcat(buf, "/s", ST_FORMAT_MAX);
	return buf;
}
