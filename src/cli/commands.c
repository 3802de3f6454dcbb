/* SPDX-License-Identifier: MIT */
/* commands.c: all commands, in the order of `strata --help`. */
#include <string.h>

#include "cli/cli.h"
#include "cli/tables.h"

/* Those that are more than a question to the histories (analysis/registry.c): what stands before these, and what behind them. */
static const CliCommand *const first[] = {&cli_report, &cli_vms, &cli_vcpus};
static const CliCommand *const last[] = {
	&cli_info,
	&cli_events,
#ifdef STRATA_SERVER
	&cli_serve,
#endif
};

#define N_FIRST G_N_ELEMENTS(first)
#define N_LAST  G_N_ELEMENTS(last)

static int run_question(const char *const *paths)
{
	const AnalysisQuestion *question = analysis_find_question(cli_command()->name);
	gboolean plain = strcmp(question->name, "exits") == 0;

	return cli_run_table(question, plain ? cli_exits_plain : NULL, paths);
}

static CliCommand question_command(guint i)
{
	const AnalysisQuestion *q = analysis_question(i);

	return (CliCommand){.name = q->name, .arguments = "TRACE..", .summary = q->summary, .options = cli_table_options(q->flags), .run = run_question};
}

guint cli_n_commands(void)
{
	return N_FIRST + analysis_n_questions() + N_LAST;
}

CliCommand cli_command_at(guint i)
{
	guint n = analysis_n_questions();

	if (i < N_FIRST)
		return *first[i];
	return i < N_FIRST + n ? question_command(i - N_FIRST) : *last[i - N_FIRST - n];
}
