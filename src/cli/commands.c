/* SPDX-License-Identifier: MIT */
/* commands.c: all commands, in the order of `strata --help`. */
#include <string.h>

#include "cli/cli.h"
#include "cli/tables.h"

/* Those that are more than a question to the histories (analysis/registry.c): what stands before these, and what behind them. */
static const CliCommand *const first[] = {&cli_report, &cli_diff, &cli_vms, &cli_vcpus};
static const CliCommand *const last[] = {
	&cli_info,
	&cli_events,
	&cli_clock,
#ifdef STRATA_SERVER
	&cli_serve,
#endif
};

#define N_FIRST G_N_ELEMENTS(first)
#define N_LAST  G_N_ELEMENTS(last)

static int run_question(const char *const *paths)
{
	gboolean is_export = strcmp(cli_command()->name, cli_export.name) == 0;
	const AnalysisQuestion *question = is_export ? &cli_export : analysis_find_question(cli_command()->name);
	gboolean plain = strcmp(question->name, "exits") == 0;

	return cli_run_table(question, plain ? cli_exits_plain : NULL, paths);
}

static CliCommand question_command(const AnalysisQuestion *q)
{
	return (CliCommand){.name = q->name, .arguments = "TRACE..", .summary = q->summary, .options = cli_table_options(q->flags), .run = run_question};
}

guint cli_n_commands(void)
{
	return N_FIRST + analysis_n_questions() + 1 + N_LAST;
}

CliCommand cli_command_at(guint i)
{
	guint n = analysis_n_questions();

	if (i < N_FIRST)
		return *first[i];
	if (i <= N_FIRST + n)
		return question_command(i < N_FIRST + n ? analysis_question(i - N_FIRST) : &cli_export);
	return *last[i - N_FIRST - n - 1];
}
