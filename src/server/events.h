/* SPDX-License-Identifier: MIT */
/*
 * server/events.h: the events of an experiment by number: all machines' together, in the order of the root's clock.
 *
 * One pass counts how many events there are before each of many times. To read event n, reading begins at the last such time with no more than n before it, so that any line of any number of events
 * costs about the same: packets are found by their index, and only few events are passed over.
 */
#ifndef STRATA_SERVER_EVENTS_H
#define STRATA_SERVER_EVENTS_H

#include "server/private.h"

#define SERVER_EVENT_BINS (1u << 16) /* times at which events are counted */

/* Reads all traces once. The store must outlive it. Errors: those of reading. */
ServerEvents *server_events_new(const AnalysisStore *store, GError **error);
void server_events_free(ServerEvents *e); /* NULL is fine */

guint64 server_events_count(const ServerEvents *e);
guint64 server_events_count_of(const ServerEvents *e, guint trace);

/* How many events of a trace (G_MAXUINT: of all) are before a time. Exact at the times of the count; between them it is as if they were spread evenly. */
guint64 server_events_before(const ServerEvents *e, guint trace, gint64 time);

/* An event, while it is being read. */
typedef struct {
	guint64 index;
	guint trace;           /* of the store */
	gint64 time;           /* root's clock */
	const CtfStream *stream;
	const CtfEventClass *event;
	const guint8 *base;
	const CtfRecord *record;
} ServerEvent;

/* Called for events in order; FALSE: enough. */
typedef gboolean (*ServerEventFunc)(gpointer user, const ServerEvent *event);

/* Events from number `index` on. Errors: those of reading. */
gboolean server_events_read(const ServerEvents *e, guint64 index, ServerEventFunc found, gpointer user, GError **error);

/* The number of the first event at or after a time; the number of events if there is none. */
gboolean server_events_find(const ServerEvents *e, gint64 time, guint64 *index_out, GError **error);

/* What an event holds, as text: "prev_comm = "sh", prev_tid = 12, .."; contexts in braces before it. */
void server_event_text(const ServerEvent *event, GString *out);

#endif
