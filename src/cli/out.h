/* SPDX-License-Identifier: MIT */
/*
 * cli/out.h: standard output for commands that write gigabytes: one buffer, write(2), and numbers without printf.
 *
 * What is written without a check of its own (cli_put_*) must have been reserved. Each of them may scribble over up to
 * CLI_OUT_SLACK bytes behind what it writes: the buffer has room for that.
 */
#ifndef STRATA_CLI_OUT_H
#define STRATA_CLI_OUT_H

#include <glib.h>
#include <string.h>

#define CLI_OUT_SIZE  (1u << 20)
#define CLI_OUT_SLACK 64

typedef struct {
	char *buf;
	char *p;     /* where the next byte goes */
	char *limit; /* behind the last byte that may be written; CLI_OUT_SLACK more are there */
	gsize size;
	int fd;
	int error; /* errno of the first write that failed: nothing is written after it */
} CliOut;

/* `fd` < 0: what is written stays in the buffer, which grows. */
void cli_out_init(CliOut *out, int fd);

/* Write what is buffered. FALSE, and `error` set: it can't be written. */
gboolean cli_out_flush(CliOut *out);
void cli_out_finish(CliOut *out); /* frees, without writing */

/* Make sure that a reservation of `n` bytes can ever succeed. */
void cli_out_want(CliOut *out, gsize n);

/* Any number of bytes, and text, reserving what they need. */
void cli_out_bytes(CliOut *out, const void *data, gsize n);
void cli_out_text(CliOut *out, const char *text);
void cli_out_printf(CliOut *out, const char *format, ...) G_GNUC_PRINTF(2, 3);

/* Room for `n` bytes, at most CLI_OUT_SIZE or what cli_out_want() was told. */
static inline void cli_out_reserve(CliOut *out, gsize n)
{
	if (G_UNLIKELY((gsize)(out->limit - out->p) < n))
		cli_out_flush(out);
}

/* ---- Into reserved room: the end of what was written comes back ------------------------------------------------ */

extern const char cli_digit_pairs[201]; /* "00" to "99" */
extern const char cli_hex_pairs[513];   /* "00" to "FF" */

#define CLI_LITERAL_PAD 16

/* Text whose memory is readable up to the next multiple of CLI_LITERAL_PAD. */
static inline char *cli_put_literal(char *p, const char *text, gsize len)
{
	for (gsize i = 0; i < len; i += CLI_LITERAL_PAD)
		memcpy(p + i, text + i, CLI_LITERAL_PAD);
	return p + len;
}

static inline char *cli_put_pair(char *p, guint v)
{
	memcpy(p, cli_digit_pairs + 2 * (gsize)v, 2);
	return p + 2;
}

static inline char *cli_put_4_digits(char *p, guint v)
{
	return cli_put_pair(cli_put_pair(p, v / 100), v % 100);
}

static inline char *cli_put_8_digits(char *p, guint v)
{
	return cli_put_4_digits(cli_put_4_digits(p, v / 10000), v % 10000);
}

static inline char *cli_put_9_digits(char *p, guint v)
{
	*p = (char)('0' + v / 100000000);
	return cli_put_8_digits(p + 1, v % 100000000);
}

extern const guint64 cli_powers[20]; /* of ten, from 1 on; but 0 in place of 1 */

static inline guint cli_digits(guint64 v)
{
	guint about =
	        ((64 - (guint)__builtin_clzll(v | 1)) * 1233) >> 12; /* bits times log10(2): one too few, or right */
	return about + (v >= cli_powers[about]);
}

/* At most 20 digits. */
static inline char *cli_put_u64(char *p, guint64 v)
{
	char *end = p + cli_digits(v), *at = end;
	while (v >= 100) {
		at -= 2;
		cli_put_pair(at, (guint)(v % 100));
		v /= 100;
	}
	if (v >= 10)
		cli_put_pair(p, (guint)v);
	else
		*p = (char)('0' + v);
	return end;
}

static inline char *cli_put_i64(char *p, gint64 v)
{
	guint64 abs = (guint64)v;
	if (v < 0) {
		*p++ = '-';
		abs = 0 - abs;
	}
	return cli_put_u64(p, abs);
}

/* Upper case, no leading zeros: at most 16 digits. */
static inline char *cli_put_hex(char *p, guint64 v)
{
	guint digits = v ? (67 - (guint)__builtin_clzll(v)) / 4 : 1;
	char *end = p + digits, *at = end;
	for (; at - p >= 2; v >>= 8) {
		at -= 2;
		memcpy(at, cli_hex_pairs + 2 * (v & 0xff), 2);
	}
	if (at > p)
		*p = cli_hex_pairs[2 * (v & 0xf) + 1];
	return end;
}

#endif
