/* SPDX-License-Identifier: MIT */
/*
 * strata/strata.h: the C API of libstrata.
 *
 * libstrata reads traces in the Common Trace Format, versions 1.8 and 2, as LTTng writes them, hands out their events, and reports where the time of
 * the machines in them went. This header is its manual; link with `pkg-config --cflags --libs strata`.
 *
 *     strata_experiment *e;
 *     char *error;
 *     if (strata_open(&path, 1, &e, &error) != STRATA_OK) { fprintf(stderr, "%s\n", error); free(error); return 1; }
 *     ... strata_trace_*(e, ...), strata_read(e, ...), strata_report(e, ...)
 *     strata_close(e);
 *
 * Errors. A function that can fail returns a strata_status. Its last argument, which may be NULL, gets a message for people, to be freed with
 * free(), or NULL if all went well. What is wrong with a part of a trace only is a warning: it is kept in the experiment, and the
 * rest is read. Traces are untrusted: no input makes these functions crash or hang.
 *
 * Times are nanoseconds: of the trace's clock, its origin applied (for LTTng: since 1970, as babeltrace2 prints them).
 *
 * Threads. An experiment is used by one thread at a time. Different experiments are independent.
 */
#ifndef STRATA_STRATA_H
#define STRATA_STRATA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#ifdef __cplusplus
extern "C" {
#endif

#define STRATA_API __attribute__((visibility("default")))

/* ---- Version ------------------------------------------------------------------------------------------------- */

/* Of the library that runs, as "0.1.0". */
STRATA_API const char *strata_version(void);

/* ---- Errors -------------------------------------------------------------------------------------------------- */

typedef enum {
	STRATA_OK,
	STRATA_ERROR_IO,          /* the system refused to open, map or read something */
	STRATA_ERROR_NOT_A_TRACE, /* nothing there that can be read */
	STRATA_ERROR_METADATA,    /* metadata that breaks its own grammar or rules */
	STRATA_ERROR_DATA,        /* packets that contradict their metadata */
	STRATA_ERROR_LIMIT,       /* more of something than a hard maximum */
	STRATA_ERROR_USAGE        /* an argument that makes no sense */
} strata_status;

/* ---- Traces -------------------------------------------------------------------------------------------------- */

/* A set of traces that are looked at together. */
typedef struct strata_experiment strata_experiment;

/*
 * Open the traces at and below `n_paths` paths. A trace is a directory with a file `metadata` in it; the chunks of a rotated recording are one
 * trace. No event is decoded by this. On success *experiment_out is the caller's, to be given to strata_close(); else it is NULL.
 */
STRATA_API strata_status strata_open(const char *const *paths, size_t n_paths, strata_experiment **experiment_out, char **error_out);

/* NULL is fine. */
STRATA_API void strata_close(strata_experiment *experiment);

/* How many traces; they are numbered from 0, in order of the paths. In the functions below a number beyond is answered by NULL or 0. */
STRATA_API size_t strata_trace_count(const strata_experiment *experiment);

/* Its directory. Valid until strata_close(), like all texts below that are not said to be the caller's. */
STRATA_API const char *strata_trace_path(const strata_experiment *experiment, size_t trace);

/* A text of its environment, by name: "hostname", "domain", "tracer_name", "kernel_release", ... NULL: none of that name, or no text. */
STRATA_API const char *strata_trace_environment(const strata_experiment *experiment, size_t trace, const char *name);

/* The times of its first and its last event. False, and both 0: it has none. */
STRATA_API bool strata_trace_range(strata_experiment *experiment, size_t trace, int64_t *begin_ns_out, int64_t *end_ns_out);

/* How many events the tracer says it lost, in all streams. */
STRATA_API uint64_t strata_trace_lost_events(const strata_experiment *experiment, size_t trace);

/* What was wrong with parts of the traces until now, in the order in which it was found. */
STRATA_API size_t strata_warning_count(const strata_experiment *experiment);
STRATA_API const char *strata_warning(const strata_experiment *experiment, size_t i);

/* ---- Events -------------------------------------------------------------------------------------------------- */

#define STRATA_FIELDS_MAX 16

/* Which events, and which of their fields. Begin with STRATA_QUERY_ALL, and change what is to differ. */
typedef struct {
	/* Only events whose name matches one of these patterns (* and ?). NULL: all. */
	const char *const *names;
	size_t n_names;
	/*
	 * Fields whose values are wanted, at most STRATA_FIELDS_MAX: looked for in the payload, then in the event's own context, then in the stream's.
	 * A dot goes into structures: "network_header.saddr". Only what is asked for is decoded.
	 */
	const char *const *fields;
	size_t n_fields;
	/* Only events from begin_ns to end_ns, both included. */
	int64_t begin_ns, end_ns;
	/* How many threads decode. The result does not depend on it. */
	unsigned threads;
} strata_query;

/* clang-format off */
#define STRATA_QUERY_ALL {NULL, 0, NULL, 0, INT64_MIN, INT64_MAX, 1}
/* clang-format on */

/* An event. Valid only during the call that it is handed to. */
typedef struct strata_event strata_event;

/* Called for each event, on the thread that called strata_read(). Return false to stop. */
typedef bool (*strata_event_function)(const strata_event *event, void *user);

/*
 * Read the events of all traces in order of time. `query` may be NULL: all events, no fields. Packets that are damaged are skipped, with a warning. An
 * experiment may be read many times.
 */
STRATA_API strata_status strata_read(strata_experiment *experiment, const strata_query *query, strata_event_function function, void *user,
                                     char **error_out);

STRATA_API int64_t strata_event_time_ns(const strata_event *event);
STRATA_API const char *strata_event_name(const strata_event *event); /* valid until strata_close() */
STRATA_API size_t strata_event_trace(const strata_event *event);     /* its trace's number */
STRATA_API int32_t strata_event_cpu(const strata_event *event);      /* the processor it was recorded on; -1: not known */

/*
 * The value of fields[field] of the query. False: this event has no such field, or one of another kind.
 *
 * Integers, enumerations, booleans: 64 bits; an unsigned value above INT64_MAX comes out negative, cast it back. Texts, strings, blobs: bytes
 * in the trace, not null-terminated, valid during the call that the event was handed to.
 */
STRATA_API bool strata_event_integer(const strata_event *event, size_t field, int64_t *value_out);
STRATA_API bool strata_event_real(const strata_event *event, size_t field, double *value_out);
STRATA_API bool strata_event_text(const strata_event *event, size_t field, const char **text_out, size_t *length_out);

/* ---- The report ---------------------------------------------------------------------------------------------- */

typedef enum {
	STRATA_FORMAT_TEXT, /* for people */
	STRATA_FORMAT_JSON, /* for programs: one object, with "schema": "strata/report/1" */
	STRATA_FORMAT_HTML = 3 /* a page that needs nothing but itself */
} strata_format;

/*
 * Write what `strata report` prints: who runs in whom, where the time of every level went, and what could not be known. Each kernel's trace is
 * analysed by itself. Writing to `out` is complete when this returns.
 */
STRATA_API strata_status strata_report(strata_experiment *experiment, strata_format format, FILE *out, char **error_out);

#ifdef __cplusplus
}
#endif

#endif
