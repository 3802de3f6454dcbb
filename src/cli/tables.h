/* SPDX-License-Identifier: MIT */
/* cli/tables.h: the commands that ask the traces' histories (analysis/query.h). */
#ifndef STRATA_CLI_TABLES_H
#define STRATA_CLI_TABLES_H

#include "analysis/query.h"

/* Options that make sense for a command, besides those that all have. */
enum {
	CLI_TABLE_SORTS = 1 << 0,     /* --sort, --ascending, --limit */
	CLI_TABLE_CPU = 1 << 1,       /* --cpu */
	CLI_TABLE_EVERY = 1 << 2,     /* --every */
	CLI_TABLE_HISTOGRAM = 1 << 3, /* --histogram */
	CLI_TABLE_LOG = 1 << 4,       /* --log */
	CLI_TABLE_ROW = 1 << 5,       /* --row */
	CLI_TABLE_SPAN = 1 << 6,      /* --span */
	CLI_TABLE_BY = 1 << 7,        /* --by */
	CLI_TABLE_THREADS = 1 << 8,   /* --thread, --process, --container */
	CLI_TABLE_NO_LAYERS = 1 << 9, /* none; it asks for nothing that layers tell */
	CLI_TABLE_THREAD_ROWS = 1 << 16, /* none; of what layers tell it asks for threads only */
	CLI_TABLE_CPU_ROWS = 1 << 17,    /* none; likewise processors */
	CLI_TABLE_SIDE = 1 << 10,     /* --side, --slowest */
	CLI_TABLE_EVENT = 1 << 11,    /* --event */
	CLI_TABLE_ALL = CLI_TABLE_THREADS | CLI_TABLE_SORTS | CLI_TABLE_CPU | CLI_TABLE_EVERY | CLI_TABLE_HISTOGRAM | CLI_TABLE_LOG,
};

/* Options of tables that are made without histories. */
typedef struct {
	const char *format, *sort;
	gint limit, jobs;
	gboolean ascending;
} CliPlain;

typedef struct {
	const char *name, *summary;
	guint flags;
	/* One of the two: a view, or who writes his answer himself. */
	View *(*make)(const AnalysisStore *store, const AnalysisQuery *query, GError **error);
	gboolean (*write)(const AnalysisStore *store, const AnalysisQuery *query, ViewFormat format, FILE *out, GError **error);
	/* May be NULL: who answers, with an exit status, where none of --by, --every, --histogram, --log and --level is given. */
	int (*plain)(const char *const *paths, const CliPlain *options);
} CliTable;

/* The options of a command with these flags, ended by an empty one; they live for ever. */
const GOptionEntry *cli_table_options(guint flags);

/* `strata exits` without further questions: every vCPU's reasons, with what became of nested ones. */
int cli_exits_plain(const char *const *paths, const CliPlain *options);

/* Open, analyse, answer: an exit status. */
int cli_run_table(const CliTable *table, const char *const *paths);

#endif
