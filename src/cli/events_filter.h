/* SPDX-License-Identifier: MIT */
/*
 * cli/events_filter.h: which events `strata events` prints: by name, processor, thread, time.
 *
 * The thread of an event is what its context `tid` says; without that the thread that runs on its processor, as the scheduler's
 * events of the same trace tell; without those what its context `vtid` says. A switch belongs to both of its threads.
 */
#ifndef STRATA_CLI_EVENTS_FILTER_H
#define STRATA_CLI_EVENTS_FILTER_H

#include "cli/cli.h"

typedef struct {
	char **names; /* globs; NULL: all, so are the next two */
	char **cpus, **threads;
	gint64 begin_ns, end_ns;
} CliEventFilterOptions;

typedef struct CliEventFilter CliEventFilter;

/* The options are copied but for the globs. ST_ERROR_USAGE: no numbers. */
CliEventFilter *cli_event_filter_new(const CliEventFilterOptions *options, GPtrArray *traces, GError **error);
void cli_event_filter_free(CliEventFilter *f); /* NULL is fine */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(CliEventFilter, cli_event_filter_free)

/* TRUE if cli_event_filter_match() has to be asked about events that cli_event_filter_subscribe() didn't skip. */
gboolean cli_event_filter_looks(const CliEventFilter *f);

/* Say what of a class is to be read, and from what time on: for a CtfReader. */
void cli_event_filter_subscribe(CliEventFilter *f, const CtfEventClass *ec, CtfSubscription *sub);
gint64 cli_event_filter_begin(const CliEventFilter *f);

/* TRUE if it is to be printed. Must be called with every event, in order. */
gboolean cli_event_filter_match(CliEventFilter *f, const CtfStream *stream, const CtfRecord *record);

#endif
