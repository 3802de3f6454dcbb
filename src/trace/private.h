/* SPDX-License-Identifier: MIT */
/* trace/private.h: what the files of this folder share. */
#ifndef STRATA_TRACE_PRIVATE_H
#define STRATA_TRACE_PRIVATE_H

#include "trace/trace.h"

/* What this payload calls a field; NULL: it has none of its names. The text lives for ever. */
const char *trace_field_resolve(TraceEventId id, guint field, const CtfFc *payload);

#endif
