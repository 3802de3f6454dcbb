/* SPDX-License-Identifier: MIT */
/* cli/tables.h: the commands that ask the traces' histories (analysis/registry.h). */
#ifndef STRATA_CLI_TABLES_H
#define STRATA_CLI_TABLES_H

#include "analysis/registry.h"

/* Options of tables that are made without histories. */
typedef struct {
	const char *format, *sort;
	gint limit, jobs;
	gboolean ascending;
} CliPlain;

/* Who answers without histories: an exit status. */
typedef int (*CliPlainAnswer)(const char *const *paths, const CliPlain *options);

/* A flag besides those of questions: --to, --output. */
#define CLI_TABLE_EXPORT (1u << 24)

/* strata export: a question whose answer is what it wrote. */
extern const GOptionEntry cli_export_options[];
extern const AnalysisQuestion cli_export;

/* The options of a question with these flags (analysis/registry.h), ended by an empty one; they live for ever. */
const GOptionEntry *cli_table_options(guint flags);

/* `strata exits` without further questions: every vCPU's reasons, with what became of nested ones. */
int cli_exits_plain(const char *const *paths, const CliPlain *options);

/*
 * Open, analyse, answer: an exit status. `plain` (may be NULL) answers where none of --by, --every, --histogram, --log and --level is given.
 */
int cli_run_table(const AnalysisQuestion *question, CliPlainAnswer plain, const char *const *paths);

#endif
