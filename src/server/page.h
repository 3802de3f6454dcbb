/* SPDX-License-Identifier: MIT */
/*
 * server/page.h: what the handlers of the page's own requests (page_*.c) have in common. docs/page.md tells what they answer.
 *
 * All times in requests and answers are ns from the experiment's begin, so that they are safe in a double. A row has one number: rows of the first trace come first,
 * then those of the second.
 */
#ifndef STRATA_SERVER_PAGE_H
#define STRATA_SERVER_PAGE_H

#include "server/private.h"

/* Hard maxima of one request. */
#define PAGE_ROWS_MAX      1000   /* rows that are asked for by number */
#define PAGE_LIST_MAX      100000 /* rows that are listed */
#define PAGE_COLUMNS_MAX   16384  /* of a picture */
#define PAGE_INTERVALS_MAX 10000
#define PAGE_EVENTS_MAX    1000
#define PAGE_ARROWS_MAX    5000
#define PAGE_SEGMENTS_MAX  20000  /* of a critical path */
#define PAGE_TABLE_MAX     100000 /* rows of a table */

/* Whether what a row does is work, or time that it lost: C(ID, NAME) */
/* clang-format off */
#define PAGE_CLASSES(C) \
	C(UNKNOWN, "unknown") \
	C(IDLE,    "idle")    /* nothing to do */ \
	C(WAIT,    "wait")    /* blocked */ \
	C(RUN,     "run") \
	C(SYSTEM,  "system")  /* the kernel's work */ \
	C(EXIT,    "exit")    /* the hypervisor's work */ \
	C(LOST,    "lost")    /* ready to run, and without a processor */
/* clang-format on */

typedef enum {
#define PAGE_C(id, name) PAGE_##id,
	PAGE_CLASSES(PAGE_C)
#undef PAGE_C
	PAGE_CLASS_COUNT
} PageClass;

const char *page_class_name(PageClass c);
PageClass page_class_of(const char *state);

/* What a request is about. */
typedef struct {
	ServerExperiment *experiment;
	const AnalysisStore *store;
} Page;

/* FALSE: there is no experiment, or it is not analysed yet; it was refused. */
gboolean page_open(Page *page, const ServerRequest *request, ServerReply *reply);
void page_clear(Page *page);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Page, page_clear)

/* A range in the root's clock: the arguments begin and end, of which either may be missing. Never empty. FALSE: they aren't one (ST_ERROR_USAGE). */
gboolean page_range(const Page *page, const ServerRequest *request, gint64 *begin_ns, gint64 *end_ns, GError **error);

/* The same for a query; all, where neither is given. */
gboolean page_query_range(const Page *page, const ServerRequest *request, AnalysisQuery *q, GError **error);

/* A time of a trace's own clock as ns from the experiment's begin. */
gint64 page_time(const Page *page, const AnalysisStoreTrace *t, gint64 time);

/* The number of the kernel's trace of a member of the experiment; -1: none. */
gint page_trace_of(const Page *page, guint member);

/* A row and where it is from. */
typedef struct {
	const AnalysisStoreTrace *trace;
	const History *history; /* the trace's rows as they really were; with the argument alone=1 as the machine saw them itself */
	guint32 row;    /* of its history */
	guint32 number; /* of all rows */
} PageRow;

/* The number of a trace's first row. */
guint32 page_first_row(const Page *page, const AnalysisStoreTrace *t);

/* The argument "row"; and "rows", numbers with commas between, as PageRow. FALSE or NULL: it isn't there or isn't one (ST_ERROR_USAGE). */
gboolean page_row_argument(const Page *page, const ServerRequest *request, PageRow *out, GError **error);
GArray *page_rows_argument(const Page *page, const ServerRequest *request, GError **error);

extern const ServerRoute server_page_routes[];

/* The handlers, by file. */
gboolean page_get_experiment(ServerRequest *request, ServerReply *reply, GError **error);    /* page_experiment.c */
gboolean page_get_findings(ServerRequest *request, ServerReply *reply, GError **error);      /* page_findings.c */
gboolean page_get_events(ServerRequest *request, ServerReply *reply, GError **error);        /* page_events.c */
gboolean page_get_perfetto(ServerRequest *request, ServerReply *reply, GError **error);      /* page_export.c */
gboolean page_get_rows(ServerRequest *request, ServerReply *reply, GError **error);          /* page_rows.c */
gboolean page_get_sums(ServerRequest *request, ServerReply *reply, GError **error);
gboolean page_get_picture(ServerRequest *request, ServerReply *reply, GError **error);       /* page_picture.c */
gboolean page_get_intervals(ServerRequest *request, ServerReply *reply, GError **error);     /* page_intervals.c */
gboolean page_get_arrows(ServerRequest *request, ServerReply *reply, GError **error);        /* page_arrows.c */
gboolean page_get_critical_path(ServerRequest *request, ServerReply *reply, GError **error); /* page_path.c */
gboolean page_get_tables(ServerRequest *request, ServerReply *reply, GError **error);        /* page_tables.c */
gboolean page_get_table(ServerRequest *request, ServerReply *reply, GError **error);

#endif
