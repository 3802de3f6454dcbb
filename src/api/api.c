/* SPDX-License-Identifier: MIT */
/* The installed API over what is below: statuses for GErrors, plain C types for GLib's. */
#include "strata/strata.h"

#include <string.h>

#include "analysis/analysis.h"
#include "ctf/ctf.h"
#include "diagnose/diagnose.h"

/* A strata_status is an StError plus one. */
G_STATIC_ASSERT(STRATA_ERROR_IO == ST_ERROR_IO + 1);
G_STATIC_ASSERT(STRATA_ERROR_NOT_A_TRACE == ST_ERROR_NOT_A_TRACE + 1);
G_STATIC_ASSERT(STRATA_ERROR_METADATA == ST_ERROR_METADATA + 1);
G_STATIC_ASSERT(STRATA_ERROR_DATA == ST_ERROR_DATA + 1);
G_STATIC_ASSERT(STRATA_ERROR_LIMIT == ST_ERROR_LIMIT + 1);
G_STATIC_ASSERT(STRATA_ERROR_USAGE == ST_ERROR_USAGE + 1);
G_STATIC_ASSERT(STRATA_FIELDS_MAX <= CTF_WANTS_MAX);

struct strata_experiment {
	GPtrArray *traces; /* CtfTrace * */
	StWarnings *warnings;
};

/* The kinds of values that fields can have. */
typedef enum { KIND_NONE, KIND_INTEGER, KIND_REAL, KIND_TEXT } Kind;

/* A strata_read() that is under way. */
typedef struct {
	const strata_query *query;
	strata_event_function function;
	void *user;
	GPtrArray *traces; /* the experiment's */
	guint8 **kinds;    /* per trace: n_fields Kinds for each event class, by its index */
} Reading;

struct strata_event {
	const Reading *reading;
	const CtfStream *stream;
	const CtfRecord *record;
	const guint8 *base;
};

static const strata_query all = STRATA_QUERY_ALL;

const char *strata_version(void)
{
	return STRATA_VERSION;
}

/* ---- Errors -------------------------------------------------------------------------------------------------- */

static strata_status fail(strata_status status, const char *message, char **error_out)
{
	/* The caller frees it with free(), which g_malloc()'s memory is not promised to suit. */
	if (error_out)
		*error_out = strdup(message);
	return status;
}

static strata_status fail_with(const GError *error, char **error_out)
{
	strata_status status = error->domain == ST_ERROR ? (strata_status)(error->code + 1) : STRATA_ERROR_IO;
	return fail(status, error->message, error_out);
}

/* ---- Traces -------------------------------------------------------------------------------------------------- */

strata_status strata_open(const char *const *paths, size_t n_paths, strata_experiment **experiment_out, char **error_out)
{
	g_autoptr(GError) error = NULL;
	g_autoptr(StWarnings) warnings = st_warnings_new();

	*experiment_out = NULL;
	if (error_out)
		*error_out = NULL;
	if (!n_paths)
		return fail(STRATA_ERROR_USAGE, "no path given", error_out);
	GPtrArray *traces = ctf_traces_open(paths, n_paths, warnings, &error);
	if (!traces)
		return fail_with(error, error_out);
	strata_experiment *e = g_new0(strata_experiment, 1);
	e->traces = traces;
	e->warnings = g_steal_pointer(&warnings);
	*experiment_out = e;
	return STRATA_OK;
}

void strata_close(strata_experiment *experiment)
{
	if (!experiment)
		return;
	g_ptr_array_unref(experiment->traces);
	st_warnings_free(experiment->warnings);
	g_free(experiment);
}

static const CtfTrace *trace_at(const strata_experiment *experiment, size_t i)
{
	return i < experiment->traces->len ? g_ptr_array_index(experiment->traces, i) : NULL;
}

size_t strata_trace_count(const strata_experiment *experiment)
{
	return experiment->traces->len;
}

const char *strata_trace_path(const strata_experiment *experiment, size_t trace)
{
	const CtfTrace *t = trace_at(experiment, trace);
	return t ? t->path : NULL;
}

const char *strata_trace_environment(const strata_experiment *experiment, size_t trace, const char *name)
{
	const CtfTrace *t = trace_at(experiment, trace);
	return t ? ctf_metadata_env_text(t->metadata, name) : NULL;
}

bool strata_trace_range(strata_experiment *experiment, size_t trace, int64_t *begin_ns_out, int64_t *end_ns_out)
{
	gint64 begin = 0, end = 0;
	gboolean found = trace < experiment->traces->len &&
	                 ctf_trace_span(g_ptr_array_index(experiment->traces, trace), &begin, &end);
	*begin_ns_out = found ? begin : 0;
	*end_ns_out = found ? end : 0;
	return found;
}

uint64_t strata_trace_lost_events(const strata_experiment *experiment, size_t trace)
{
	const CtfTrace *t = trace_at(experiment, trace);
	guint64 events = 0;

	for (guint i = 0; t && i < t->streams->len; i++) {
		const CtfStream *stream = g_ptr_array_index(t->streams, i);
		for (guint j = 0; j < stream->losses->len; j++)
			events += g_array_index(stream->losses, CtfLoss, j).events;
	}
	return events;
}

size_t strata_warning_count(const strata_experiment *experiment)
{
	return st_warnings_count(experiment->warnings);
}

const char *strata_warning(const strata_experiment *experiment, size_t i)
{
	return i < st_warnings_count(experiment->warnings) ? st_warnings_get(experiment->warnings, (guint)i) : NULL;
}

/* ---- Events -------------------------------------------------------------------------------------------------- */

static Kind kind_of(const CtfFc *fc)
{
	if (!fc)
		return KIND_NONE;
	switch (fc->type) {
	case CTF_FC_INT:
	case CTF_FC_VARINT:
		return KIND_INTEGER;
	case CTF_FC_FLOAT:
		return KIND_REAL;
	case CTF_FC_STRING:
	case CTF_FC_STATIC_TEXT:
	case CTF_FC_DYNAMIC_TEXT:
	case CTF_FC_STATIC_BLOB:
	case CTF_FC_DYNAMIC_BLOB:
		return KIND_TEXT;
	default:
		return KIND_NONE;
	}
}

static gboolean name_matches(const strata_query *query, const char *name)
{
	for (size_t i = 0; i < query->n_names; i++)
		if (g_pattern_match_simple(query->names[i], name))
			return TRUE;
	return !query->names;
}

static guint8 *kinds_of(const Reading *r, guint trace, guint event)
{
	return r->kinds[trace] + (gsize)event * r->query->n_fields;
}

static guint trace_of(const Reading *r, const CtfEventClass *ec)
{
	guint i = 0;
	while (((const CtfTrace *)g_ptr_array_index(r->traces, i))->metadata != ec->stream_class->metadata)
		i++;
	return i;
}

/* Kinds of different classes are different bytes, so that several threads may be here at once. */
static void subscribe(const CtfEventClass *ec, CtfSubscription *sub, gpointer user)
{
	const Reading *r = user;
	guint8 *kinds = kinds_of(r, trace_of(r, ec), ec->index);

	sub->skip = !name_matches(r->query, ec->name);
	sub->n_wants = (guint16)r->query->n_fields;
	for (gsize i = 0; i < r->query->n_fields; i++) {
		sub->wants[i] = (CtfWant){CTF_SCOPE_COUNT, r->query->fields[i]};
		kinds[i] = kind_of(ctf_event_class_field(ec, &sub->wants[i]));
	}
}

static gboolean hand_out(const CtfStream *stream, const guint8 *base, const CtfRecord *record, gpointer user)
{
	const Reading *r = user;
	const strata_event event = {r, stream, record, base};
	return r->function(&event, r->user);
}

static void reading_begin(Reading *r)
{
	r->kinds = g_new0(guint8 *, r->traces->len);
	for (guint i = 0; i < r->traces->len; i++) {
		const CtfTrace *t = g_ptr_array_index(r->traces, i);
		r->kinds[i] = g_malloc0_n(t->metadata->events->len, MAX(r->query->n_fields, 1));
	}
}

static void reading_end(Reading *r)
{
	for (guint i = 0; i < r->traces->len; i++)
		g_free(r->kinds[i]);
	g_free(r->kinds);
}

strata_status strata_read(strata_experiment *experiment, const strata_query *query, strata_event_function function, void *user,
                          char **error_out)
{
	g_autoptr(GError) error = NULL;
	Reading r = {.query = query ? query : &all, .traces = experiment->traces, .function = function, .user = user};
	CtfReader reader = {.subscribe = subscribe, .event = hand_out, .user = &r, .begin_ns = r.query->begin_ns,
	                    .end_ns = r.query->end_ns, .threads = MAX(r.query->threads, 1), .warnings = experiment->warnings};
	CtfStats stats = {0};

	if (error_out)
		*error_out = NULL;
	if (r.query->n_fields > STRATA_FIELDS_MAX)
		return fail(STRATA_ERROR_USAGE, "a query has more than " G_STRINGIFY(STRATA_FIELDS_MAX) " fields", error_out);
	reading_begin(&r);
	gboolean ok = ctf_read((CtfTrace *const *)r.traces->pdata, r.traces->len, &reader, &stats, &error);
	reading_end(&r);
	ctf_stats_clear(&stats);
	return ok ? STRATA_OK : fail_with(error, error_out);
}

int64_t strata_event_time_ns(const strata_event *event)
{
	return event->record->time;
}

const char *strata_event_name(const strata_event *event)
{
	const GPtrArray *classes = event->stream->trace->metadata->events;
	return ((const CtfEventClass *)g_ptr_array_index(classes, event->record->event))->name;
}

size_t strata_event_trace(const strata_event *event)
{
	return event->stream->trace->index;
}

int32_t strata_event_cpu(const strata_event *event)
{
	return g_array_index(event->stream->packets, CtfPacket, event->record->packet).cpu;
}

static gboolean has_kind(const strata_event *event, size_t field, Kind kind)
{
	const Reading *r = event->reading;
	return field < r->query->n_fields && ((event->record->present >> field) & 1) &&
	       kinds_of(r, event->stream->trace->index, event->record->event)[field] == kind;
}

bool strata_event_integer(const strata_event *event, size_t field, int64_t *value_out)
{
	if (!has_kind(event, field, KIND_INTEGER))
		return false;
	*value_out = (int64_t)event->record->v[field];
	return true;
}

bool strata_event_real(const strata_event *event, size_t field, double *value_out)
{
	if (!has_kind(event, field, KIND_REAL))
		return false;
	memcpy(value_out, &event->record->v[field], sizeof(*value_out));
	return true;
}

bool strata_event_text(const strata_event *event, size_t field, const char **text_out, size_t *length_out)
{
	if (!has_kind(event, field, KIND_TEXT))
		return false;
	*text_out = (const char *)event->base + CTF_TEXT_POS(event->record->v[field]);
	*length_out = CTF_TEXT_LEN(event->record->v[field]);
	return true;
}

/* ---- The report ---------------------------------------------------------------------------------------------- */

G_STATIC_ASSERT((int)STRATA_FORMAT_TEXT == (int)VIEW_FORMAT_TEXT);
G_STATIC_ASSERT((int)STRATA_FORMAT_JSON == (int)VIEW_FORMAT_JSON);
G_STATIC_ASSERT((int)STRATA_FORMAT_HTML == (int)VIEW_FORMAT_HTML);

strata_status strata_report(strata_experiment *experiment, strata_format format, FILE *out, char **error_out)
{
	g_autoptr(GError) error = NULL;
	AnalysisOptions options = {.begin_ns = G_MININT64, .end_ns = G_MAXINT64, .threads = 1, .warnings = experiment->warnings};

	if (error_out)
		*error_out = NULL;
	/* A library leaves nothing in its user's files. */
	AnalysisStoreOptions store_options = {.threads = 1, .no_cache = TRUE, .warnings = experiment->warnings};
	DiagnoseOptions whole = {.begin_ns = G_MININT64, .end_ns = G_MAXINT64};
	g_autoptr(AnalysisStore) store = analysis_store_open(experiment->traces, &store_options, &error);
	options.store = store;
	g_autoptr(Analysis) analysis = store ? analysis_run(experiment->traces, &options, &error) : NULL;
	g_autoptr(Diagnose) diagnose = analysis ? diagnose_new(store, &whole, &error) : NULL;
	if (!diagnose || !diagnose_report(analysis, diagnose, (ViewFormat)format, out, &error))
		return fail_with(error, error_out);
	return STRATA_OK;
}
