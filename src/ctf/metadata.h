/* SPDX-License-Identifier: MIT */
/*
 * ctf/metadata.h: what the metadata front ends (tsdl*.c, json*.c) share. Private to ctf/.
 *
 * A front end fills a CtfMetadata that metadata.c prepared (arena, path, text, empty arrays). It sets roles, resolves every length and
 * selector to the integer field class that it names (`length_fc`, `selector_fc`; with is_referenced set on it), and adds classes
 * through the functions below, which check the limits.
 */
#ifndef STRATA_CTF_METADATA_H
#define STRATA_CTF_METADATA_H

#include "ctf/arena.h"
#include "ctf/ctf.h"

gboolean ctf_tsdl_parse(CtfMetadata *m, GError **error);
gboolean ctf_json_parse(CtfMetadata *m, GError **error);

/* New objects in the arena, added to `m` (or `sc`). NULL with an error if the id is taken or a limit is reached. */
CtfClock *ctf_metadata_add_clock(CtfMetadata *m); /* 1 Hz..: freq 1e9, precision 1, absolute FALSE until said otherwise */
CtfEnv *ctf_metadata_add_env(CtfMetadata *m, const char *name);
CtfStreamClass *ctf_metadata_add_stream_class(CtfMetadata *m, guint64 id, GError **error);
CtfEventClass *ctf_metadata_add_event_class(CtfStreamClass *sc, guint64 id, const char *name, GError **error);

/* A new field class: zeroed but for type, align 1, slot -1, base 10. */
CtfFc *ctf_fc_new(CtfMetadata *m, CtfFcType type);

/* Set an ST_ERROR_METADATA error "path:line:column: ..." for a place in m->text. Always gives FALSE. */
gboolean ctf_metadata_error(CtfMetadata *m, const char *at, GError **error, const char *format, ...)
	G_GNUC_PRINTF(4, 5);

/* "9a6b...-..." -> 16 bytes. FALSE: not a UUID. */
gboolean ctf_uuid_parse(const char *text, gsize len, guint8 uuid[16]);

#endif
