/* SPDX-License-Identifier: MIT */
/*
 * history_model.h: what a History has to answer, by scanning lists. Random histories are written to both; then every question is put to both.
 */
#ifndef STRATA_TESTS_UNIT_HISTORY_MODEL_H
#define STRATA_TESTS_UNIT_HISTORY_MODEL_H

#include "history/history.h"

typedef struct {
	char *path;
	guint kind;
	gint64 begin, end;
	GArray *intervals; /* HistoryInterval */
} ModelRow;

typedef struct {
	guint table;
	gsize size;
	char name[16];
	GByteArray *items;
} ModelTable;

typedef struct {
	gint64 begin, end;
	GRand *rand;
	GArray *kinds;     /* guint: number of states */
	GPtrArray *rows;   /* ModelRow * */
	GPtrArray *tables; /* ModelTable * */
	GArray *edges;     /* HistoryEdge */
	GPtrArray *texts;  /* char *, by number; NULL: a number that is something else's */
} Model;

/* How a random history is to be. */
typedef struct {
	gint64 begin, end;
	guint rows;
	guint appends;    /* in all rows together */
	guint64 step_max; /* the longest interval; short ones are more frequent */
	guint states_max; /* of a kind */
	guint64 memory;   /* HistoryOptions.memory */
	const char *directory;
	gboolean behind;   /* HistoryOptions.behind */
} ModelShape;

/* Write the same things to a new history and to the returned model. Both are finished. */
Model *model_make(GRand *rand, const ModelShape *shape, History **history_out);
void model_free(Model *m);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Model, model_free)

/* A shape that is none of the usual ones. */
ModelShape model_random_shape(GRand *rand);

/* All that a history can be asked, compared; random questions are put `rounds` times to each row. */
void model_check(const Model *m, const History *h, guint rounds);

#endif
