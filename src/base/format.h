/* SPDX-License-Identifier: MIT */
/*
 * base/format.h: numbers as text, the same in every locale.
 *
 * Each function writes to `buf`, which has room for ST_FORMAT_MAX bytes, and returns it. None fails, whatever the value.
 */
#ifndef STRATA_BASE_FORMAT_H
#define STRATA_BASE_FORMAT_H

#include <glib.h>

#define ST_FORMAT_MAX 64

/* For programs: plain digits. */
const char *st_format_int(char *buf, gint64 value);
const char *st_format_uint(char *buf, guint64 value);
/* The shortest decimal that reads back as the same value: "0.1", "1e+20". */
const char *st_format_double(char *buf, double value);

/*
 * For people. What cannot be known ("nan") is "-".
 */

/* A length of time, to three digits, and to a millisecond from a second on: "12 ns", "890 us", "56.7 ms", "1.234 s", "75.120 s",
 * "12 min 34 s", "3 h 25 min". */
const char *st_format_duration(char *buf, gint64 ns);

/* "1,234,567" */
const char *st_format_count(char *buf, guint64 count);
const char *st_format_signed_count(char *buf, gint64 count);

/* A plain number, to about three digits: "0.123", "3.20", "45.6", "1,234". */
const char *st_format_number(char *buf, double value);

/*
 * A share: 0.123 is "12.3%". What is not nothing does not look like nothing ("<0.1%"), and what is not all does not
 * look like all (">99.9%").
 */
const char *st_format_percent(char *buf, double ratio);

/* So many a second: "1,234/s", "45.6/s", "0.123/s". */
const char *st_format_rate(char *buf, double per_second);

/* "512 B", "1.50 KiB", "45.6 GiB". */
const char *st_format_bytes(char *buf, guint64 bytes);

#endif
