/* SPDX-License-Identifier: MIT */
#include "ctfwriter.h"

#include <string.h>

struct CtfWriter {
	GByteArray *data;
	guint64 bits; /* written */
	int byte_order;
	int last_order; /* of the field before */
	guint64 packet_begin;
	gboolean in_packet;
	/* Where the sizes of the open packet go; width 0: nowhere. */
	guint64 content_at, size_at;
	guint content_width, size_width;
};

CtfWriter *ctfw_new(int byte_order)
{
	CtfWriter *w = g_new0(CtfWriter, 1);
	w->data = g_byte_array_new();
	w->byte_order = byte_order;
	w->last_order = byte_order;
	return w;
}

void ctfw_free(CtfWriter *w)
{
	if (!w)
		return;
	g_byte_array_unref(w->data);
	g_free(w);
}

static void grow(CtfWriter *w, guint64 bits)
{
	const guint before = w->data->len, after = (guint)((bits + 7) / 8);
	if (after <= before)
		return;
	g_byte_array_set_size(w->data, after);
	memset(w->data->data + before, 0, after - before);
}

/* In little-endian order the bits of a byte count from its lowest, in big-endian order from its highest. */
static void put_bit(CtfWriter *w, guint64 position, gboolean bit, int byte_order)
{
	const guint in_byte = (guint)(position % 8);
	const guint8 mask = (guint8)(1u << (byte_order == G_BIG_ENDIAN ? 7 - in_byte : in_byte));
	guint8 *byte = &w->data->data[position / 8];
	*byte = (guint8)(bit ? *byte | mask : *byte & ~mask);
}

static void put_bits(CtfWriter *w, guint64 position, guint64 value, guint bits, int byte_order, gboolean highest_first)
{
	g_assert(bits >= 1 && bits <= 64);
	grow(w, position + bits);
	for (guint i = 0; i < bits; i++) {
		const guint which = highest_first ? bits - 1 - i : i;
		put_bit(w, position + i, value >> which & 1, byte_order);
	}
}

static void append(CtfWriter *w, guint64 value, guint bits, int byte_order, gboolean highest_first)
{
	if (byte_order != w->last_order && (w->bits - w->packet_begin) % 8 != 0)
		g_error("ctfwriter: the byte order changes within a byte");
	put_bits(w, w->bits, value, bits, byte_order, highest_first);
	w->bits += bits;
	w->last_order = byte_order;
}

void ctfw_align(CtfWriter *w, guint bits)
{
	const guint64 over = (w->bits - w->packet_begin) % bits;
	if (over != 0)
		w->bits += bits - over;
	grow(w, w->bits);
}

void ctfw_uint(CtfWriter *w, guint64 value, guint bits)
{
	ctfw_uint_as(w, value, bits, w->byte_order);
}

void ctfw_sint(CtfWriter *w, gint64 value, guint bits)
{
	ctfw_uint(w, (guint64)value, bits);
}

void ctfw_uint_as(CtfWriter *w, guint64 value, guint bits, int byte_order)
{
	append(w, value, bits, byte_order, byte_order == G_BIG_ENDIAN);
}

void ctfw_uint_reversed(CtfWriter *w, guint64 value, guint bits, int byte_order)
{
	append(w, value, bits, byte_order, byte_order != G_BIG_ENDIAN);
}

void ctfw_float(CtfWriter *w, float value)
{
	guint32 bits;
	memcpy(&bits, &value, sizeof bits);
	ctfw_uint(w, bits, 32);
}

void ctfw_double(CtfWriter *w, double value)
{
	guint64 bits;
	memcpy(&bits, &value, sizeof bits);
	ctfw_uint(w, bits, 64);
}

void ctfw_bytes(CtfWriter *w, const void *data, gsize n)
{
	const guint8 *bytes = data;
	ctfw_align(w, 8);
	for (gsize i = 0; i < n; i++)
		ctfw_uint(w, bytes[i], 8);
}

void ctfw_string(CtfWriter *w, const char *text)
{
	ctfw_bytes(w, text, strlen(text) + 1);
}

void ctfw_text(CtfWriter *w, const char *text, gsize n)
{
	const gsize length = MIN(strlen(text), n);
	ctfw_bytes(w, text, length);
	for (gsize i = length; i < n; i++)
		ctfw_uint(w, 0, 8);
}

void ctfw_uleb128(CtfWriter *w, guint64 value)
{
	ctfw_align(w, 8);
	for (; value >= 0x80; value >>= 7)
		ctfw_uint(w, value | 0x80, 8);
	ctfw_uint(w, value, 8);
}

/* Until what is left is but copies of the sign bit, which is bit 6 of the last byte. */
void ctfw_sleb128(CtfWriter *w, gint64 value)
{
	ctfw_align(w, 8);
	for (; value < -64 || value > 63; value >>= 7)
		ctfw_uint(w, (guint64)value | 0x80, 8);
	ctfw_uint(w, (guint64)value & 0x7f, 8);
}

void ctfw_packet_begin(CtfWriter *w)
{
	g_assert(!w->in_packet);
	w->in_packet = TRUE;
	w->packet_begin = w->bits;
	w->content_width = w->size_width = 0;
}

void ctfw_magic(CtfWriter *w)
{
	ctfw_uint(w, 0xC1FC1FC1u, 32);
}

void ctfw_content_size(CtfWriter *w, guint bits)
{
	w->content_at = w->bits;
	w->content_width = bits;
	ctfw_uint(w, 0, bits);
}

void ctfw_packet_size(CtfWriter *w, guint bits)
{
	w->size_at = w->bits;
	w->size_width = bits;
	ctfw_uint(w, 0, bits);
}

guint64 ctfw_packet_position(const CtfWriter *w)
{
	return w->bits - w->packet_begin;
}

void ctfw_packet_end(CtfWriter *w, guint64 total_bits)
{
	g_assert(w->in_packet);
	const guint64 content = ctfw_packet_position(w);
	const guint64 total = total_bits != 0 ? total_bits : (content + 7) / 8 * 8;
	if (total < content || total % 8 != 0)
		g_error("ctfwriter: a packet of %" G_GUINT64_FORMAT " bits does not fit in %" G_GUINT64_FORMAT, content,
		        total);
	if (w->content_width != 0)
		ctfw_patch(w, w->content_at, content, w->content_width);
	if (w->size_width != 0)
		ctfw_patch(w, w->size_at, total, w->size_width);
	w->bits = w->packet_begin + total;
	grow(w, w->bits);
	w->packet_begin = w->bits;
	w->in_packet = FALSE;
}

guint64 ctfw_position(const CtfWriter *w)
{
	return w->bits;
}

void ctfw_patch(CtfWriter *w, guint64 position, guint64 value, guint bits)
{
	put_bits(w, position, value, bits, w->byte_order, w->byte_order == G_BIG_ENDIAN);
}

GByteArray *ctfw_data(CtfWriter *w)
{
	return w->data;
}

static void save(const char *dir, const char *name, const void *data, gsize n)
{
	g_autoptr(GError) error = NULL;
	g_autofree char *path = g_build_filename(dir, name, NULL);
	if (g_mkdir_with_parents(dir, 0755) != 0 || !g_file_set_contents(path, data, (gssize)n, &error))
		g_error("ctfwriter: cannot write %s: %s", path, error ? error->message : "no such directory");
}

void ctfw_save(const CtfWriter *w, const char *dir, const char *name)
{
	g_assert(!w->in_packet);
	save(dir, name, w->data->data, w->data->len);
}

void ctfw_save_metadata(const char *dir, const char *text)
{
	save(dir, "metadata", text, strlen(text));
}

enum { METADATA_HEADER = 37 };

static void metadata_packet(CtfWriter *w, const char *text, gsize n, const CtfwMetadataFormat *format)
{
	ctfw_packet_begin(w);
	ctfw_uint(w, 0x75D11D57u, 32);
	ctfw_bytes(w, format->uuid, sizeof format->uuid);
	ctfw_uint(w, 0, 32); /* checksum: none */
	ctfw_content_size(w, 32);
	ctfw_packet_size(w, 32);
	ctfw_uint(w, 0, 8); /* compression scheme */
	ctfw_uint(w, 0, 8); /* encryption scheme */
	ctfw_uint(w, 0, 8); /* checksum scheme */
	ctfw_uint(w, format->major, 8);
	ctfw_uint(w, format->minor, 8);
	ctfw_bytes(w, text, n);
	ctfw_packet_end(w, (guint64)format->packet_size * 8);
}

void ctfw_save_metadata_packets(const char *dir, const char *text, const CtfwMetadataFormat *format)
{
	g_autoptr(CtfWriter) w = ctfw_new(format->byte_order);
	const gsize room = format->packet_size - METADATA_HEADER;
	g_assert(format->packet_size > METADATA_HEADER);
	for (gsize left = strlen(text); left > 0;) {
		const gsize n = MIN(left, room);
		metadata_packet(w, text, n, format);
		text += n;
		left -= n;
	}
	ctfw_save(w, dir, "metadata");
}
