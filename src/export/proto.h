/* SPDX-License-Identifier: MIT */
/* export/proto.h: fields of Protocol Buffers' messages, appended to a buffer (https://protobuf.dev/programming-guides/encoding/). */
#ifndef STRATA_EXPORT_PROTO_H
#define STRATA_EXPORT_PROTO_H

#include <glib.h>

void proto_uint(GString *message, guint field, guint64 value);    /* a varint: (u)int, bool, enum */
void proto_fixed64(GString *message, guint field, guint64 value);
void proto_bytes(GString *message, guint field, const char *data, gsize len);
void proto_message(GString *message, guint field, const GString *inner);

/* What is not UTF-8 in it becomes U+FFFD: strings must be. */
void proto_text(GString *message, guint field, const char *text);

#endif
