/* SPDX-License-Identifier: MIT */
/* trace/private.h: what the files of this folder share. */
#ifndef STRATA_TRACE_PRIVATE_H
#define STRATA_TRACE_PRIVATE_H

#include "trace/trace.h"

/* What this payload calls a field; NULL: it has none of its names. The text lives for ever. */
const char *trace_field_resolve(TraceEventId id, guint field, const CtfFc *payload);

/* All names of an event, as in the table. */
const char *trace_event_names(TraceEventId id);

/* ---- syscalls.c ------------------------------------------------------------------------------------------------- */

/* How many fields of it the table has, the result counted; `id` is TRACE_SYSCALL_ENTRY or _EXIT. `syscall` may be -1. */
guint trace_syscall_n_fields(TraceEventId id, gint syscall);

/* As trace_field_resolve(). */
const char *trace_syscall_field_resolve(TraceEventId id, gint syscall, guint field, const CtfFc *payload);

/* The rest of `name` behind the longest of the words of `words` that end in "*" and begin it; NULL: none does. */
const char *trace_wildcard_rest(const char *words, const char *name);

/* ---- counters.c: hardware counters among contexts ---------------------------------------------------------------- */

/* Those that any event has; `counters_out` has TRACE_COUNTERS_MAX places. */
void trace_counters(const CtfMetadata *m, TraceCounter *counters_out, guint *n_out);

#endif
