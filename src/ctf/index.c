/* SPDX-License-Identifier: MIT */
/*
 * LTTng's packet index, index/NAME.idx beside the stream file NAME (lttng-tools, ctf-index.h): a big-endian header
 * {u32 magic, major, minor, entry length}, then an entry a packet.
 */
#include "ctf/stream.h"

#include <string.h>

#define INDEX_MAGIC   0xC1F1DCC1u
#define ENTRY_V1_0    56 /* seven numbers; 1.1 adds the stream's instance id and the sequence number */
#define ENTRY_V1_1    72
#define ENTRY_MAX     4096
#define CHECKS_MAX    4096 /* packets of a file that an index is compared with */

enum { F_OFFSET, F_PACKET_SIZE, F_CONTENT_SIZE, F_BEGIN, F_END, F_DISCARDED, F_STREAM_ID, F_INSTANCE_ID, F_SEQ_NUM };

static guint32 be32(const guint8 *p)
{
	guint32 v;
	memcpy(&v, p, 4);
	return GUINT32_FROM_BE(v);
}

static guint64 field(const guint8 *entry, guint i)
{
	guint64 v;
	memcpy(&v, entry + 8 * i, 8);
	return GUINT64_FROM_BE(v);
}

static char *index_path(const char *stream_path)
{
	g_autofree char *dir = g_path_get_dirname(stream_path);
	g_autofree char *base = g_path_get_basename(stream_path);
	g_autofree char *name = g_strconcat(base, ".idx", NULL);
	return g_build_filename(dir, "index", name, NULL);
}

static void add_entry(const guint8 *e, guint len, guint file_index, const CtfPacketInfo *first, GArray *packets)
{
	CtfPacket p = first->packet;
	p.file = file_index;
	p.offset = field(e, F_OFFSET);
	p.size_bits = field(e, F_PACKET_SIZE);
	p.content_bits = field(e, F_CONTENT_SIZE);
	p.begin = field(e, F_BEGIN);
	p.end = field(e, F_END);
	p.discarded = field(e, F_DISCARDED);
	if (len >= ENTRY_V1_1)
		p.seq_num = field(e, F_SEQ_NUM);
	else
		p.has_seq_num = FALSE;
	g_array_append_val(packets, p);
}

/* What is said of a packet must be what the packet itself says. */
static gboolean same(const CtfPacket *a, const CtfPacket *b)
{
	return a->size_bits == b->size_bits && a->content_bits == b->content_bits && a->begin == b->begin && a->end == b->end &&
	       a->discarded == b->discarded && (!a->has_seq_num || a->seq_num == b->seq_num);
}

/* All packets of any but a huge file: it takes a page of each, and an index that lies would silently reorder or lose events. */
static const char *compare(CtfMetadata *m, const CtfFile *file, const GArray *packets, guint from, guint64 *slots)
{
	guint n = packets->len - from;
	guint checks = MIN(n, CHECKS_MAX);
	for (guint i = 0; i < checks; i++) {
		guint at = from + (checks == 1 ? 0 : (guint)((guint64)i * (n - 1) / (checks - 1)));
		const CtfPacket *p = &g_array_index(packets, CtfPacket, at);
		CtfPacketInfo info;
		if (!ctf_packet_read(m, file, p->offset, slots, &info, NULL, NULL) || !same(p, &info.packet))
			return "it contradicts the packets";
	}
	return NULL;
}

static const char *read_entries(const guint8 *data, gsize len, const CtfFile *file, guint file_index,
                                const CtfPacketInfo *first, GArray *packets)
{
	if (len < 16 || be32(data) != INDEX_MAGIC || be32(data + 4) != 1)
		return "it is no index of a version that is known";
	guint entry = be32(data + 12);
	if (entry < ENTRY_V1_0 || entry > ENTRY_MAX || (len - 16) % entry)
		return "its entries have a size that makes no sense";
	guint64 expected = 0, last_end = 0;
	for (const guint8 *e = data + 16; e < data + len; e += entry) {
		guint64 size = field(e, F_PACKET_SIZE), content = field(e, F_CONTENT_SIZE);
		guint64 begin = field(e, F_BEGIN), end = field(e, F_END);
		if (field(e, F_OFFSET) != expected || !size || (size & 7) || content > size || size >= CTF_PACKET_BITS_MAX ||
		    size / 8 > file->size - expected)
			return "its entries don't cover the file";
		if (begin < last_end || end < begin)
			return "its times go back";
		expected += size / 8;
		last_end = end;
		add_entry(e, entry, file_index, first, packets);
	}
	return expected == file->size ? NULL : "it does not cover the whole file";
}

gboolean ctf_index_read(CtfMetadata *m, const CtfFile *file, guint file_index, GArray *packets, CtfPacketInfo *first_out,
                        char **why_out)
{
	g_autofree char *path = index_path(file->path);
	g_autofree char *data = NULL;
	gsize len;
	if (!file->size || !g_file_get_contents(path, &data, &len, NULL))
		return FALSE;
	g_autofree guint64 *slots = g_new0(guint64, CTF_SLOTS_MAX);
	guint from = packets->len;
	const char *why = "the first packet can't be read";
	if (ctf_packet_read(m, file, 0, slots, first_out, NULL, NULL) && first_out->packet.has_begin && first_out->packet.has_end)
		why = read_entries((const guint8 *)data, len, file, file_index, first_out, packets);
	if (!why)
		why = compare(m, file, packets, from, slots);
	if (why)
		*why_out = g_strdup(why);
	return !why;
}
