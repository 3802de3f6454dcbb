/* SPDX-License-Identifier: MIT */
/*
 * cli/print_stale.h: what babeltrace2 2.0 shows for empty strings. Private to print*.c.
 *
 * Its library recycles event objects (a stack of them per event class; likewise packets, per stream) and empties a string by its length only, not its text. So
 * an empty string is shown as what the same field of the same object held before. Which object an event gets depends on when others came
 * back to the stack: each stream is read 15 messages ahead, the merged messages are printed, then given back, 15 at a time.
 * Messages are events, and beginnings and ends of streams and packets, and notes of losses. All this is played again here, with numbers
 * for objects.
 */
#ifndef STRATA_CLI_PRINT_STALE_H
#define STRATA_CLI_PRINT_STALE_H

#include "ctf/ctf.h"

/* The text of one field of an object: bytes of a mapped packet. */
typedef struct {
	const guint8 *s;
	guint64 len;
} CliStaleText;

typedef struct CliStaleObject CliStaleObject;
typedef struct CliStale CliStale;

/* Called for a packet without events, whose context nobody else asks for. */
typedef void (*CliStalePacketFunc)(const CtfStream *stream, guint32 packet, CliStaleObject *object, gpointer user);

CliStale *cli_stale_new(GPtrArray *traces, CliStalePacketFunc empty_packet, gpointer user);
void cli_stale_free(CliStale *stale); /* NULL is fine */

/* The object that the next event has. Must be called for every event of the traces, in the order of ctf_read(). */
CliStaleObject *cli_stale_next(CliStale *stale, const CtfStream *stream, const CtfRecord *record);

/* The object of the packet that this event is in, for its context. NULL: not known. */
CliStaleObject *cli_stale_packet(const CliStale *stale, const CtfStream *stream);

/*
 * The text that a string field of the object holds, to be shown or changed. `key` names the field in its event class: below
 * CLI_STALE_PLAIN for those outside of arrays, any other number for the others.
 */
#define CLI_STALE_PLAIN 64
CliStaleText *cli_stale_text(CliStaleObject *object, guint64 key);

#endif
