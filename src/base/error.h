/* SPDX-License-Identifier: MIT */
/*
 * base/error.h: the one error domain, and the list of warnings.
 *
 * A function that can fail takes a GError ** as its last argument. Its message names the file, the offset or
 * line, and what is wrong; callers add their own context in front of it with g_prefix_error(), so that a message reads
 * from the general to the particular.
 *
 * What is wrong with a part of the input only is a warning: it goes to an StWarnings list and the work goes on.
 */
#ifndef STRATA_BASE_ERROR_H
#define STRATA_BASE_ERROR_H

#include <glib.h>

#define ST_ERROR (st_error_quark())
GQuark st_error_quark(void);

typedef enum {
	ST_ERROR_IO,          /* the system refused: open, map, read, write */
	ST_ERROR_NOT_A_TRACE, /* nothing there that Strata can read */
	ST_ERROR_METADATA,    /* metadata that breaks its own grammar or rules */
	ST_ERROR_DATA,        /* packets that contradict their metadata */
	ST_ERROR_LIMIT,       /* more than a hard maximum */
	ST_ERROR_USAGE,       /* an argument that makes no sense */
} StError;

/*
 * Warnings, in the order they were given. Thread-safe. Bounded: after ST_WARNINGS_MAX texts only the number is kept, and
 * st_warnings_dropped() tells it.
 */
#define ST_WARNINGS_MAX 1000
typedef struct StWarnings StWarnings;

StWarnings *st_warnings_new(void);
void st_warnings_free(StWarnings *w); /* NULL is fine */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(StWarnings, st_warnings_free)

/* Add a warning. `w` may be NULL, then nothing happens. */
void st_warn(StWarnings *w, const char *format, ...) G_GNUC_PRINTF(2, 3);

/* How many texts are kept, and one of them (valid until the list is freed). */
guint st_warnings_count(StWarnings *w);
const char *st_warnings_get(StWarnings *w, guint i);
guint64 st_warnings_dropped(StWarnings *w);

#endif
