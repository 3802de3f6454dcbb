/* SPDX-License-Identifier: MIT */
/* tsc_file.c: reads what was written down of time stamp counters when a trace was recorded. */
#include <stdlib.h>
#include <string.h>

#include "experiment/experiment.h"

#define WORDS_MAX 6

typedef struct {
	ExperimentTsc *tsc;
	const CtfClock *clock;
	StWarnings *warnings;
	const char *path;
	guint line;
} Reader;

void experiment_tsc_free(ExperimentTsc *t)
{
	if (!t)
		return;
	g_array_unref(t->readings);
	g_array_unref(t->vcpus);
	g_free(t);
}

static void complain(const Reader *r, const char *what)
{
	st_warn(r->warnings, "%s:%u: %s; the line is left out", r->path, r->line, what);
}

/* Both signed and unsigned numbers of 64 bits: debugfs and tracepoints write offsets either way. */
static gboolean read_number(const char *word, guint64 *out)
{
	return *word == '-' ? g_ascii_string_to_signed(word, 10, G_MININT64, G_MAXINT64, (gint64 *)out, NULL) :
			      g_ascii_string_to_unsigned(word, 10, 0, G_MAXUINT64, out, NULL);
}

static gboolean read_numbers(char **words, guint n, guint64 *out)
{
	for (guint i = 0; i < n; i++)
		if (!read_number(words[i], &out[i]))
			return FALSE;
	return TRUE;
}

static void read_clock(const Reader *r, char **words, guint n)
{
	guint64 v[3];

	if (n != 4 || !read_numbers(words + 1, 3, v)) {
		complain(r, "a clock is three numbers: the counter, the clock's time, and how many ticks reading both took");
		return;
	}
	ExperimentReading reading = {.tsc = v[0], .width = v[2], .time_ns = ctf_clock_ns(r->clock, v[1])};
	if (experiment_is_time(reading.time_ns))
		g_array_append_val(r->tsc->readings, reading);
	else
		complain(r, "no clock is that far from 1970");
}

static void read_vcpu(const Reader *r, char **words, guint n)
{
	guint64 v[5] = {0};

	if ((n != 4 && n != 6) || !read_numbers(words + 1, n - 1, v) || v[0] > G_MAXINT32 || v[1] > G_MAXINT32 || v[4] > 63 || (n == 6 && !v[3])) {
		complain(r, "a vcpu is numbers: process, number in the VM, offset, and maybe ratio and its bits");
		return;
	}
	ExperimentTscVcpu vcpu = {.pid = (gint32)v[0], .vcpu = (gint32)v[1], .offset = (gint64)v[2], .ratio = v[3], .bits = (guint)v[4]};
	g_array_append_val(r->tsc->vcpus, vcpu);
}

static void read_line(const Reader *r, char *line)
{
	char *words[WORDS_MAX + 1], *rest = line;
	guint n = 0;

	for (char *word; n <= WORDS_MAX && (word = strtok_r(rest, " \t\r", &rest));)
		words[n++] = word;
	if (!n || *words[0] == '#')
		return;
	if (g_str_equal(words[0], "clock"))
		read_clock(r, words, n);
	else if (g_str_equal(words[0], "vcpu"))
		read_vcpu(r, words, n);
	else
		complain(r, "a line begins with clock, vcpu or #");
}

static int by_tsc(const void *a, const void *b)
{
	const ExperimentReading *x = a, *y = b;

	return (x->tsc > y->tsc) - (x->tsc < y->tsc);
}

ExperimentTsc *experiment_tsc_read(const char *directory, const CtfClock *clock, StWarnings *warnings)
{
	g_autofree char *path = g_build_filename(directory, EXPERIMENT_TSC_FILE, NULL), *text = NULL;
	g_autoptr(GError) error = NULL;
	gsize len;

	if (!clock || !g_file_test(path, G_FILE_TEST_IS_REGULAR))
		return NULL;
	if (!g_file_get_contents(path, &text, &len, &error)) {
		st_warn(warnings, "%s; time stamp counters are not used", error->message);
		return NULL;
	}
	if (len > EXPERIMENT_TSC_BYTES_MAX) {
		st_warn(warnings, "%s: what is behind its first %u bytes is not read", path, EXPERIMENT_TSC_BYTES_MAX);
		text[EXPERIMENT_TSC_BYTES_MAX] = '\0';
	}
	ExperimentTsc *tsc = g_new0(ExperimentTsc, 1);
	tsc->readings = g_array_new(FALSE, FALSE, sizeof(ExperimentReading));
	tsc->vcpus = g_array_new(FALSE, FALSE, sizeof(ExperimentTscVcpu));
	Reader r = {tsc, clock, warnings, path, 0};
	char *rest = text;
	for (char *line; (line = strsep(&rest, "\n"));) {
		r.line++;
		read_line(&r, line);
	}
	qsort(tsc->readings->data, tsc->readings->len, sizeof(ExperimentReading), by_tsc);
	return tsc;
}
