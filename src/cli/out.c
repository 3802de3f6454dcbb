/* SPDX-License-Identifier: MIT */
#include "cli/out.h"

#include <errno.h>
#include <stdarg.h>
#include <unistd.h>

#define D(t) t "0" t "1" t "2" t "3" t "4" t "5" t "6" t "7" t "8" t "9"
#define X(t) D(t) t "A" t "B" t "C" t "D" t "E" t "F"

const char cli_digit_pairs[201] = D("0") D("1") D("2") D("3") D("4") D("5") D("6") D("7") D("8") D("9");
const char cli_hex_pairs[513] =
        X("0") X("1") X("2") X("3") X("4") X("5") X("6") X("7") X("8") X("9") X("A") X("B") X("C") X("D") X("E") X("F");

const guint64 cli_powers[20] = {
        0,
        10,
        100,
        1000,
        10000,
        100000,
        1000000,
        10000000,
        100000000,
        1000000000,
        10000000000,
        100000000000,
        1000000000000,
        10000000000000,
        100000000000000,
        1000000000000000,
        10000000000000000,
        100000000000000000,
        1000000000000000000,
        10000000000000000000ull,
};

static void set_size(CliOut *out, gsize size)
{
	out->size = size;
	out->buf = g_realloc(out->buf, size + CLI_OUT_SLACK);
	out->limit = out->buf + size;
}

void cli_out_init(CliOut *out, int fd)
{
	*out = (CliOut){.fd = fd};
	set_size(out, CLI_OUT_SIZE);
	out->p = out->buf;
}

gboolean cli_out_flush(CliOut *out)
{
	if (out->fd < 0) {
		gsize used = (gsize)(out->p - out->buf);
		set_size(out, 2 * out->size);
		out->p = out->buf + used;
		return TRUE;
	}
	const char *from = out->buf;
	while (from < out->p && !out->error) {
		gssize n = write(out->fd, from, (gsize)(out->p - from));
		if (n >= 0)
			from += n;
		else if (errno != EINTR)
			out->error = errno;
	}
	out->p = out->buf;
	return !out->error;
}

void cli_out_finish(CliOut *out)
{
	g_clear_pointer(&out->buf, g_free);
}

void cli_out_want(CliOut *out, gsize n)
{
	if (n <= out->size)
		return;
	gsize used = (gsize)(out->p - out->buf);
	set_size(out, n);
	out->p = out->buf + used;
}

void cli_out_bytes(CliOut *out, const void *data, gsize n)
{
	const char *from = data;
	while (n) {
		gsize part = MIN(n, out->size);
		cli_out_reserve(out, part);
		memcpy(out->p, from, part);
		out->p += part;
		from += part;
		n -= part;
	}
}

void cli_out_text(CliOut *out, const char *text)
{
	cli_out_bytes(out, text, strlen(text));
}

void cli_out_printf(CliOut *out, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	g_autofree char *text = g_strdup_vprintf(format, args);
	va_end(args);
	cli_out_text(out, text);
}
