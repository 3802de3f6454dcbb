/* SPDX-License-Identifier: MIT */
/*
 * server/tsp.h: the Trace Server Protocol 0.6, for its own files.
 *
 *     tsp.c           routes, wrappers, the server as a whole
 *     tsp_models.c    traces and experiments
 *     tsp_query.c     what requests ask: ranges, items, filters
 *     tsp_outputs.c   the table of outputs: a new one is a line there
 *     tsp_styles.c    the table of styles
 *     tsp_tree.c      rows of histories as trees of entries
 *     tsp_rows.c      states of these; tsp_*.c: other kinds of outputs
 *
 * Times are in the root's clock. Ids of entries are from 1 to G_MAXINT32: viewers take 0 for none, and combine them bit by bit in 32 bits.
 */
#ifndef STRATA_SERVER_TSP_H
#define STRATA_SERVER_TSP_H

#include "server/experiment.h"
#include "server/http.h"

#define TSP_TIMES_MAX   65536   /* times that a chart may ask for at once */
#define TSP_ITEMS_MAX   200000  /* entries */
#define TSP_LINES_MAX   10000   /* of a table */
#define TSP_ENTRIES_MAX 1000000 /* of a tree */
#define TSP_FILTERS_MAX 64      /* expressions of a request */

/* ---- What is asked: tsp_query.c -------------------------------------------------------------------------------------------- */

/* What an expression is asked about: key and value pairs; a text alone may be in any value. */
typedef struct {
	const char *key, *value;
} TspFact;

typedef struct TspFilter TspFilter;

/*
 * The language of viewers' search boxes: TEXT (a regular expression, found anywhere, case does not matter), KEY == VALUE, !=, <, >, <=, >= (numbers where both are), KEY contains TEXT,
 * KEY matches REGEX, KEY present; && || ! and parentheses. ST_ERROR_USAGE.
 */
TspFilter *tsp_filter_new(const char *text, GError **error);
/* One that looks for a regular expression in all values, whatever else its text could mean. Case matters, as it does to the tables of viewers: they look for it themselves in what matched. */
TspFilter *tsp_filter_pattern(const char *regex, GError **error);
void tsp_filter_free(TspFilter *f); /* NULL is fine */
gboolean tsp_filter_match(const TspFilter *f, const TspFact *facts, guint n);

/* Bits of "tags", and keys of the map of expressions. */
enum { TSP_DIMMED = 1, TSP_BOUND = 2, TSP_EXCLUDED = 4, TSP_HIGHLIGHTED = 8 };

typedef struct {
	guint key;          /* bits from above */
	TspFilter *filter;
} TspKeyedFilter;

typedef struct {
	gint references;    /* atomic */
	gint64 begin_ns, end_ns;
	guint n_times;      /* how many times the chart has between them, both included; 0: not said */
	gboolean has_range, is_filtered, has_items;
	gint64 *times;      /* "requested_times", in order; NULL: a range was given */
	guint n_given;      /* of `times` */
	GArray *items;      /* gint64: ids */
	GArray *filters;    /* TspKeyedFilter */
	gboolean by_duration; /* a filter asks how long states are */
	gboolean deep;      /* look for matching states within pixels too */
	const json_t *parameters; /* an object; NULL: none were sent. It lives as long as the request */
} TspQuery;

/* NULL: it can't be understood (ST_ERROR_USAGE), or is too much (ST_ERROR_LIMIT). */
TspQuery *tsp_query_new(const ServerRequest *request, GError **error);
TspQuery *tsp_query_ref(TspQuery *q);
void tsp_query_unref(TspQuery *q); /* NULL is fine */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(TspQuery, tsp_query_unref)

gboolean tsp_query_has_item(const TspQuery *q, gint64 id); /* nothing was asked for: all have it not */

/* The i-th of the times that a chart has: of n from begin to end, both included. */
gint64 tsp_query_time(const TspQuery *q, guint i);

/* Bits that these facts get by the request's filters: keys 1 and 4 by what does not match, 2 and 8 by what does. */
guint tsp_query_tags(const TspQuery *q, const TspFact *facts, guint n);

/* ---- Outputs: tsp_outputs.c -------------------------------------------------------------------------------------------------- */

typedef struct TspCall TspCall;
typedef struct TspOutput TspOutput;

/*
 * What an output can be asked. Each writes the value of "model"; NULL: it is not asked that. FALSE: it failed, as a handler does. What a stream is good for calls tsp_stream().
 */
typedef gboolean (*TspAnswer)(TspCall *call, GError **error);

typedef struct {
	TspAnswer tree, states, arrows, tooltip, xy, columns, lines, style;
	gboolean keeps;          /* its answers take long enough to be kept; none is a stream, and each depends on nothing but the output, its setting and the parameters */
} TspProvider;

struct TspOutput {
	const char *id;          /* [A-Za-z0-9._:-] only: viewers put it into URLs as it is */
	const char *name, *description, *type;
	const TspProvider *provider;
	const char *const *kinds; /* of rows, for whoever shows these */
	gconstpointer detail;    /* the provider's own */
	gboolean (*is_there)(const ServerExperiment *e, const TspOutput *o); /* NULL: always */
	const char *configuration; /* type of configurations by which others are derived from it; NULL: none */
	gboolean (*ready)(const ServerExperiment *e); /* NULL: as soon as there is a store */
};

guint tsp_n_outputs(void);
const TspOutput *tsp_output(guint i);
const TspOutput *tsp_find_output(const char *id); /* NULL: none */

struct TspCall {
	ServerRequest *request;
	ServerReply *reply;
	ServerExperiment *experiment;
	const AnalysisStore *store;
	const TspOutput *output;
	const char *setting;     /* of a derived output: what it was derived by; NULL */
	TspQuery *query;
	StJson *json;            /* where the model goes */
};

/* Instead of writing to call->json: the whole answer, wrapper included, comes from `more`, piece by piece. */
void tsp_stream(TspCall *call, ServerMore more, gpointer state, GDestroyNotify free_state);
#define TSP_STREAM_BEGIN "{\"model\":"
#define TSP_STREAM_END   ",\"status\":\"COMPLETED\",\"statusMessage\":\"Completed\"}"

extern const ServerRoute tsp_model_routes[], tsp_output_routes[], tsp_bookmark_routes[], tsp_config_routes[];

/* ---- Derived outputs: tsp_config.c --------------------------------------------------------------------------------------------- */

/* An output as somebody configured it: whose critical path it is. */
typedef struct {
	gint references;       /* atomic */
	char *id, *name, *setting;
	const TspOutput *base;
} TspDerived;

void tsp_derived_unref(gpointer derived);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(TspDerived, tsp_derived_unref)

GPtrArray *tsp_derived_all(ServerExperiment *e);                      /* references; free with g_ptr_array_unref() */
TspDerived *tsp_derived_find(ServerExperiment *e, const char *id);    /* a reference; NULL: none */
void tsp_put_derived(StJson *json, const TspDerived *d);
void tsp_put_configuration(StJson *json, const TspDerived *d);

/* ---- Markers: tsp_annotations.c ------------------------------------------------------------------------------------------------ */

gboolean tsp_get_marker_sets(ServerRequest *request, ServerReply *reply, GError **error);
gboolean tsp_get_annotations(ServerRequest *request, ServerReply *reply, GError **error);
gboolean tsp_post_annotations(ServerRequest *request, ServerReply *reply, GError **error);

/* An object of errors: 404 with what is not there. */
gboolean tsp_no_such(ServerReply *reply, const char *what, const char *id);

/* Members of an experiment, and of a trace, as objects. */
void tsp_put_experiment(StJson *json, const ServerExperiment *e);
void tsp_put_trace(StJson *json, const ServerTrace *t);

/* ---- Styles: tsp_styles.c ------------------------------------------------------------------------------------------------------ */

typedef struct {
	const char *key;   /* what states have as "parentKey" */
	const char *label; /* for people */
	const char *color; /* "#RRGGBB" */
	double height;     /* of the row's */
	guint weight;      /* of what shares a pixel the state with the greatest time times weight is drawn: what is rare is seen beside idleness */
} TspStyle;

/* The style of a state's name; NULL: it is drawn as nothing (known idleness). */
const TspStyle *tsp_style_of(const char *state);
guint tsp_style_weight(const char *state);

/* "#RRGGBB" of the i-th of several lines. */
const char *tsp_series_color(guint i);

gboolean tsp_put_styles(TspCall *call, GError **error);

/* ---- Trees of rows: tsp_tree.c ---------------------------------------------------------------------------------------------------- */

typedef struct {
	gint32 id, parent;      /* -1: none */
	guint trace;            /* of the store */
	guint32 row;            /* HISTORY_NO_ROW: a group */
	char *label;
	gint64 begin_ns, end_ns; /* in the root's clock */
	gint32 tid, pid, vcpu, cpu; /* -1: it has none */
} TspEntry;

/* Columns of the table of events that rows have in their metadata: by these viewers find the row of an event that is chosen. */
#define TSP_MACHINE_COLUMN "Machine"
#define TSP_CPU_COLUMN     "CPU"

/* The rows of some kinds of all machines, in groups; in the order in which they are shown. Entries of rows have the same id in every tree. The caller frees. */
GArray *tsp_tree_new(const AnalysisStore *store, const char *const *kinds);

/* The row of an id. FALSE: it is a group's, or nobody's. */
gboolean tsp_row_of(const AnalysisStore *store, gint64 id, guint *trace_out, guint32 *row_out);
gint32 tsp_id_of(const AnalysisStore *store, guint trace, guint32 row); /* 0: beyond the numbers that there are */

/* "L1 a": a machine as trees call it. The caller frees. */
char *tsp_machine_label(const AnalysisStoreTrace *t);

static inline const AnalysisStoreTrace *tsp_trace(const AnalysisStore *store, guint i)
{
	return g_ptr_array_index(store->traces, i);
}

/* ---- Pieces of answers: tsp_pieces.c ------------------------------------------------------------------------------------------------- */

void tsp_put_header(StJson *json, const char *name, const char *tooltip, const char *type);

/* A tree up to its entries; `headers`: pairs of name and type ("STRING", "NUMBER", ...), ended by NULL. And what is behind them: so many levels are open at first, -1: all. TRUE. */
void tsp_begin_tree(StJson *json, const char *const *headers);
gboolean tsp_end_tree(StJson *json, gint levels);

/* An entry up to its labels: those follow, then two st_json_end() with other members between. */
void tsp_begin_entry(StJson *json, gint64 id, gint64 parent);

/* The member "style" of something that looks as tsp_put_styles() has it. */
void tsp_put_style(StJson *json, const char *key);

#define TSP_ARROW_PIXELS 8 /* how wide an arrow's head is: viewers draw all that they are given, over the states */
void tsp_put_arrow(StJson *json, gint64 begin, gint64 end, gint32 from, gint32 to);

/* ---- Providers --------------------------------------------------------------------------------------------------------------------- */

extern const TspProvider tsp_rows_provider;

#endif
