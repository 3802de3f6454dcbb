/* SPDX-License-Identifier: MIT */
#include <locale.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "cli/cli.h"

static const CliCommand *running;

const CliCommand *cli_command(void)
{
	return running;
}

static void G_GNUC_PRINTF(1, 0) complain(const char *format, va_list args)
{
	g_autofree char *text = g_strdup_vprintf(format, args);
	fprintf(stderr, "strata%s%s: %s\n", running ? " " : "", running ? running->name : "", text);
}

void cli_complain(const char *format, ...)
{
	va_list args;
	va_start(args, format);
	complain(format, args);
	va_end(args);
}

int cli_usage_error(const char *format, ...)
{
	va_list args;
	va_start(args, format);
	complain(format, args);
	va_end(args);
	fprintf(stderr, "Try 'strata%s%s --help'.\n", running ? " " : "", running ? running->name : "");
	return CLI_USAGE;
}

void cli_show_warnings(StWarnings *warnings)
{
	for (guint i = 0; i < st_warnings_count(warnings); i++)
		cli_complain("warning: %s", st_warnings_get(warnings, i));
	if (st_warnings_dropped(warnings))
		cli_complain("warning: %" G_GUINT64_FORMAT " further warnings are not shown",
		             st_warnings_dropped(warnings));
}

static void print_help(void)
{
	printf("Usage: strata COMMAND [OPTION..] TRACE..\n"
	       "\n"
	       "Sees through the layers of a virtualized machine: reads LTTng traces of a host that runs virtual\n"
	       "machines, and of the machines in it, and says where the time of every layer went.\n"
	       "\n"
	       "Commands:\n");
	for (guint i = 0; i < cli_n_commands(); i++) {
		CliCommand command = cli_command_at(i);
		printf("  %-12s %s\n", command.name, command.summary);
	}
	printf("\n"
	       "Options:\n"
	       "  -h, --help   Show this, or with a command its options\n"
	       "  --version    Show the version\n"
	       "\n"
	       "A TRACE is a directory with a CTF trace in it, or with any number of them below it.\n");
}

static GOptionContext *context_of(const CliCommand *command)
{
	GOptionContext *context = g_option_context_new(command->arguments);
	g_option_context_set_summary(context, command->summary);
	g_option_context_set_description(context, command->more);
	g_option_context_set_help_enabled(context, FALSE);
	if (command->options)
		g_option_context_add_main_entries(context, command->options, NULL);
	return context;
}

static int print_command_help(const CliCommand *command, GOptionContext *context)
{
	g_autofree char *name = g_strdup_printf("strata %s", command->name);
	g_set_prgname(name);
	g_autofree char *help = g_option_context_get_help(context, TRUE, NULL);
	fputs(help, stdout);
	return CLI_DONE;
}

/* TRUE if --help or -h is among the arguments. GLib's own option for that would exit at once. */
static gboolean wants_help(char **arguments)
{
	for (char **a = arguments; *a && strcmp(*a, "--") != 0; a++)
		if (!strcmp(*a, "--help") || !strcmp(*a, "-h"))
			return TRUE;
	return FALSE;
}

/* -j4 is --jobs=4, which GLib doesn't know of numbers. */
static void split_jobs(char **arguments)
{
	for (char **a = arguments; *a && strcmp(*a, "--") != 0; a++) {
		if (!g_str_has_prefix(*a, "-j") || !g_ascii_isdigit((*a)[2]))
			continue;
		char *jobs = g_strconcat("--jobs=", *a + 2, NULL);
		g_free(*a);
		*a = jobs;
	}
}

#define HIDDEN_MARK "\x1f--" /* no path that anybody types */

/* GLib takes a "--" away, or not, depending on what follows: from a command that wants to see it, it is hidden meanwhile. */
static void swap_marks(char **arguments, const char *what, const char *with)
{
	for (char **a = arguments; *a; a++) {
		if (strcmp(*a, what) != 0)
			continue;
		g_free(*a);
		*a = g_strdup(with);
	}
}

static int run(const CliCommand *command, char **argv)
{
	running = command;
	g_autoptr(GOptionContext) context = context_of(command);
	if (wants_help(argv + 1))
		return print_command_help(command, context);
	g_auto(GStrv) arguments = g_strdupv(argv);
	split_jobs(arguments + 1);
	if (command->separates)
		swap_marks(arguments + 1, "--", HIDDEN_MARK);
	g_autoptr(GError) error = NULL;
	if (!g_option_context_parse_strv(context, &arguments, &error))
		return cli_usage_error("%s", error->message);
	char **rest = arguments + 1;
	if (command->separates)
		swap_marks(rest, HIDDEN_MARK, "--");
	else if (*rest && !strcmp(*rest, "--"))
		rest++;
	return command->run((const char *const *)rest);
}

static gboolean find(const char *name, CliCommand *command_out)
{
	for (guint i = 0; name && i < cli_n_commands(); i++) {
		*command_out = cli_command_at(i);
		if (!strcmp(command_out->name, name))
			return TRUE;
	}
	return FALSE;
}

int main(int argc, char **argv)
{
	setlocale(LC_CTYPE, "");
	if (argc < 2) {
		print_help();
		return CLI_USAGE;
	}
	const char *word = argv[1];
	if (!strcmp(word, "--help") || !strcmp(word, "-h") || (!strcmp(word, "help") && argc == 2)) {
		print_help();
		return CLI_DONE;
	}
	if (!strcmp(word, "--version")) {
		printf("strata %s\n", STRATA_VERSION);
		return CLI_DONE;
	}
	if (*word == '-')
		return cli_usage_error("unknown option %s", word);
	gboolean help = !strcmp(word, "help");
	CliCommand command;
	if (!find(help ? argv[2] : word, &command))
		return cli_usage_error("unknown command %s", help ? argv[2] : word);
	char *help_argv[] = {argv[0], (char[]){"--help"}, NULL};
	return run(&command, help ? help_argv : argv + 1);
}
