/* SPDX-License-Identifier: MIT */
#include "export/proto.h"

#include <string.h>

enum { WIRE_VARINT = 0, WIRE_FIXED64 = 1, WIRE_BYTES = 2 };

#define VARINT_MAX 10

static void put_varint(GString *message, guint64 value)
{
	char bytes[VARINT_MAX];
	gssize n = 0;

	for (; value >= 0x80; value >>= 7)
		bytes[n++] = (char)(value | 0x80);
	bytes[n++] = (char)value;
	g_string_append_len(message, bytes, n);
}

static void put_tag(GString *message, guint field, guint wire)
{
	put_varint(message, (guint64)field << 3 | wire);
}

void proto_uint(GString *message, guint field, guint64 value)
{
	put_tag(message, field, WIRE_VARINT);
	put_varint(message, value);
}

void proto_fixed64(GString *message, guint field, guint64 value)
{
	guint64 le = GUINT64_TO_LE(value);

	put_tag(message, field, WIRE_FIXED64);
	g_string_append_len(message, (const char *)&le, sizeof(le));
}

void proto_bytes(GString *message, guint field, const char *data, gsize len)
{
	put_tag(message, field, WIRE_BYTES);
	put_varint(message, len);
	g_string_append_len(message, data, (gssize)len);
}

void proto_message(GString *message, guint field, const GString *inner)
{
	proto_bytes(message, field, inner->str, inner->len);
}

void proto_text(GString *message, guint field, const char *text)
{
	g_autofree char *valid = g_utf8_validate(text, -1, NULL) ? NULL : g_utf8_make_valid(text, -1);
	const char *s = valid ? valid : text;

	proto_bytes(message, field, s, strlen(s));
}
