/* SPDX-License-Identifier: MIT */
/*
 * cli/print.h: events as text or as JSON, one line each.
 *
 * The text is that of babeltrace2 2.0's sink.text.pretty to the letter (docs/events-text.md). Every event class is compiled once into a
 * plan: what never changes is rendered in advance, so that an event costs a few copies and its numbers.
 */
#ifndef STRATA_CLI_PRINT_H
#define STRATA_CLI_PRINT_H

#include "cli/out.h"
#include "ctf/ctf.h"

/* All FALSE but the default fields and names: see cli_print_defaults(). */
typedef struct {
	gboolean json;
	/* Show what babeltrace2 2.0.4 gets wrong as it does. */
	gboolean quirks;
	/* Show empty strings as it does, too (see print_stale.h): every event of the traces must be printed then. */
	gboolean stale_strings;

	gboolean clock_cycles, clock_seconds, clock_date, clock_gmt, no_delta;
	/* Names of what. */
	gboolean name_payload, name_context, name_scope, name_header;
	/* What of the trace and the event class stands in front of an event's name. */
	gboolean field_trace, field_hostname, field_domain, field_procname, field_vpid, field_loglevel, field_emf;
} CliPrintOptions;

/* As babeltrace2 prints without any option. */
#define CLI_PRINT_DEFAULTS                                                                                             \
	((CliPrintOptions){.name_payload = TRUE,                                                                       \
	                   .name_context = TRUE,                                                                       \
	                   .field_hostname = TRUE,                                                                     \
	                   .field_procname = TRUE,                                                                     \
	                   .field_vpid = TRUE})

typedef struct CliPrinter CliPrinter;

/* A printer of these traces' events. `traces` (CtfTrace *) and `out` must live as long as it. */
CliPrinter *cli_printer_new(const CliPrintOptions *options, GPtrArray *traces, CliOut *out);
void cli_printer_free(CliPrinter *printer); /* NULL is fine */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(CliPrinter, cli_printer_free)

/* One event, as a CtfReader's `event` gets it. */
void cli_printer_event(CliPrinter *printer, const CtfStream *stream, const guint8 *base, const CtfRecord *record);

#endif
