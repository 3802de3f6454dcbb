/* SPDX-License-Identifier: MIT */
/*
 * strata clock: reads this machine's clock and its time stamp counter, and the counters of its VMs, as .strata-clock has them (experiment/experiment.h). It is the only
 * command without a trace: it is run while one is recorded.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/error.h"
#include "cli/cli.h"

#define DEBUGFS      "/sys/kernel/debug/kvm"
#define READINGS     5
#define READINGS_MAX 1000
#define PAUSE_US     20000
#define TRIES        1000 /* for each reading: the quickest one counts */

static struct {
	gint readings;
	char *debugfs;
} opt = {.readings = READINGS};

static const GOptionEntry options[] = {
	{"readings", 'n', 0, G_OPTION_ARG_INT, &opt.readings, "How often to read, 20 ms apart (default: 5)", "N"},
	{"debugfs", 0, 0, G_OPTION_ARG_FILENAME, &opt.debugfs, "Where KVM tells the counters of its VMs (default: " DEBUGFS ")", "DIRECTORY"},
	{NULL},
};

/* ---- The clock --------------------------------------------------------------------------------------------------------- */

#if defined(__x86_64__) || defined(__i386__)

#include <x86intrin.h>

/* Fences keep the counter's reads on their sides of the clock's. */
static guint64 counter(void)
{
	_mm_lfence();
	guint64 tsc = __rdtsc();
	_mm_lfence();
	return tsc;
}

static gint64 monotonic(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (gint64)t.tv_sec * 1000000000 + t.tv_nsec;
}

static void print_reading(void)
{
	guint64 least = G_MAXUINT64, tsc = 0;
	gint64 time = 0;

	for (guint i = 0; i < TRIES; i++) {
		guint64 before = counter();
		gint64 now = monotonic();
		guint64 width = counter() - before;

		if (width < least) {
			least = width;
			tsc = before + width / 2;
			time = now;
		}
	}
	printf("clock %" G_GUINT64_FORMAT " %" G_GINT64_FORMAT " %" G_GUINT64_FORMAT "\n", tsc, time, least);
}

static gboolean has_counter(void)
{
	return TRUE;
}

#else

static void print_reading(void)
{
}

static gboolean has_counter(void)
{
	return FALSE;
}

#endif

/* ---- VMs ----------------------------------------------------------------------------------------------------------------- */

static char *read_word(const char *directory, const char *name)
{
	g_autofree char *path = g_build_filename(directory, name, NULL);
	char *text = NULL;

	return g_file_get_contents(path, &text, NULL, NULL) ? g_strstrip(text) : NULL;
}

static void print_vcpu(const char *directory, gint64 pid, gint64 id)
{
	g_autofree char *offset = read_word(directory, "tsc-offset"), *ratio = read_word(directory, "tsc-scaling-ratio"),
			*bits = read_word(directory, "tsc-scaling-ratio-frac-bits");

	if (offset && ratio && bits)
		printf("vcpu %" G_GINT64_FORMAT " %" G_GINT64_FORMAT " %s %s %s\n", pid, id, offset, ratio, bits);
	else if (offset)
		printf("vcpu %" G_GINT64_FORMAT " %" G_GINT64_FORMAT " %s\n", pid, id, offset);
}

static gint by_name(gconstpointer a, gconstpointer b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Names in a directory, sorted; NULL: it can't be read. */
static GPtrArray *names_in(const char *directory, GError **error)
{
	g_autoptr(GDir) dir = g_dir_open(directory, 0, error);
	GPtrArray *names = dir ? g_ptr_array_new_with_free_func(g_free) : NULL;
	const char *name;

	while (dir && (name = g_dir_read_name(dir)))
		g_ptr_array_add(names, g_strdup(name));
	if (names)
		g_ptr_array_sort(names, by_name);
	return names;
}

/* "183-11": a VM of process 183. */
static void print_vm(const char *directory, const char *name)
{
	g_autofree char *path = g_build_filename(directory, name, NULL);
	g_autoptr(GPtrArray) vcpus = g_ascii_isdigit(*name) && strchr(name, '-') ? names_in(path, NULL) : NULL;

	for (guint i = 0; vcpus && i < vcpus->len; i++) {
		const char *vcpu = vcpus->pdata[i];
		g_autofree char *below = g_build_filename(path, vcpu, NULL);

		if (g_str_has_prefix(vcpu, "vcpu"))
			print_vcpu(below, g_ascii_strtoll(name, NULL, 10), g_ascii_strtoll(vcpu + strlen("vcpu"), NULL, 10));
	}
}

static void print_vms(void)
{
	const char *directory = opt.debugfs ? opt.debugfs : DEBUGFS;
	g_autoptr(GError) error = NULL;
	g_autoptr(GPtrArray) vms = names_in(directory, &error);

	if (!vms && (opt.debugfs || !g_error_matches(error, G_FILE_ERROR, G_FILE_ERROR_NOENT)))
		cli_complain("counters of VMs are not told: %s", error->message);
	for (guint i = 0; vms && i < vms->len; i++)
		print_vm(directory, vms->pdata[i]);
}

/* ---- The command ------------------------------------------------------------------------------------------------------------ */

static int run(const char *const *arguments)
{
	if (*arguments)
		return cli_usage_error("it takes no argument: it reads this machine's clock");
	if (opt.readings < 1 || opt.readings > READINGS_MAX)
		return cli_usage_error("--readings takes a number from 1 to %d", READINGS_MAX);
	if (!has_counter()) {
		cli_complain("this processor has no time stamp counter as x86 has it");
		return CLI_FAILED;
	}
	for (gint i = 0; i < opt.readings; i++) {
		if (i)
			g_usleep(PAUSE_US);
		print_reading();
	}
	print_vms();
	if (fflush(stdout) != 0 || ferror(stdout)) {
		cli_complain("standard output: %s", g_strerror(errno));
		return CLI_FAILED;
	}
	return CLI_DONE;
}

const CliCommand cli_clock = {
	.name = "clock",
	.arguments = "",
	.summary = "Read this machine's clock and its time stamp counter, to be kept beside a trace",
	.more = "At the begin and at the end of a recording, on host and guests: strata clock >> TRACE/kernel/.strata-clock",
	.options = options,
	.run = run,
};
