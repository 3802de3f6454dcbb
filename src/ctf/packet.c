/* SPDX-License-Identifier: MIT */
/* Packets of one file: header, context, and what to do when one makes no sense. */
#include "ctf/stream.h"

#include <string.h>
#include <sys/mman.h>

#include "ctf/bits.h"

#define SCAN_KEPT (8u << 20) /* bytes of a file that stay mapped while its packets are looked for */
#define SPARSE    (64u << 10) /* headers that are as far apart are read one by one: what lies between them isn't needed yet */

/* The values of a packet's header and context that mean something to the format. */
typedef struct {
	guint64 value[CTF_ROLE_CPU_ID + 1];
	guint size[CTF_ROLE_CPU_ID + 1]; /* bits of the field; 0: not there */
	const guint8 *uuid;
} Roles;

static void collect(CtfCursor *c, const CtfFc *fc, Roles *roles);

static void collect_bytes(CtfCursor *c, const CtfFc *fc, Roles *roles)
{
	guint64 pos = ctf_round_up(c->pos, fc->align);
	ctf_cursor_skip(c, fc);
	if (fc->role == CTF_ROLE_UUID && !c->failed && c->pos - pos == 128)
		roles->uuid = c->base + (pos >> 3);
}

static void collect_int(CtfCursor *c, const CtfFc *fc, Roles *roles)
{
	guint64 value = ctf_cursor_int(c, fc);
	if (fc->role == CTF_ROLE_NONE || c->failed)
		return;
	roles->value[fc->role] = value;
	roles->size[fc->role] = fc->size ? fc->size : 64;
}

static void collect(CtfCursor *c, const CtfFc *fc, Roles *roles)
{
	const CtfMember *option;

	switch (fc->type) {
	case CTF_FC_INT:
	case CTF_FC_VARINT:
		collect_int(c, fc, roles);
		break;
	case CTF_FC_STRUCT:
		ctf_cursor_align(c, fc->align);
		for (guint i = 0; i < fc->n_members && !c->failed; i++)
			collect(c, fc->members[i].fc, roles);
		break;
	case CTF_FC_VARIANT:
		option = ctf_cursor_option(c, fc);
		if (option)
			collect(c, option->fc, roles);
		break;
	case CTF_FC_OPTIONAL:
		if (ctf_cursor_present(c, fc))
			collect(c, fc->element, roles);
		break;
	default:
		collect_bytes(c, fc, roles);
		break;
	}
}

static gboolean bad(const CtfFile *file, guint64 offset, GError **error, const char *what)
{
	g_set_error(error, ST_ERROR, ST_ERROR_DATA, "%s: packet at byte %" G_GUINT64_FORMAT ": %s", file->path, offset, what);
	return FALSE;
}

static gboolean check_header(CtfMetadata *m, const CtfFile *file, guint64 offset, const Roles *roles, GError **error)
{
	if (roles->size[CTF_ROLE_MAGIC] && (guint32)roles->value[CTF_ROLE_MAGIC] != CTF_MAGIC)
		return bad(file, offset, error, "does not begin with a packet's magic number");
	if (roles->uuid && m->has_uuid && memcmp(roles->uuid, m->uuid, 16))
		return bad(file, offset, error, "is of another trace (its UUID is not the metadata's)");
	return TRUE;
}

static CtfStreamClass *find_stream_class(CtfMetadata *m, const Roles *roles)
{
	if (roles->size[CTF_ROLE_STREAM_CLASS_ID])
		return ctf_metadata_stream_class(m, roles->value[CTF_ROLE_STREAM_CLASS_ID]);
	if (m->stream_classes->len == 1)
		return g_ptr_array_index(m->stream_classes, 0);
	return m->version == 2 ? ctf_metadata_stream_class(m, 0) : NULL;
}

static void fill_packet(const Roles *roles, guint version, CtfPacket *p)
{
	p->has_begin = roles->size[CTF_ROLE_PACKET_BEGIN] != 0;
	p->begin = roles->value[CTF_ROLE_PACKET_BEGIN];
	p->has_end = roles->size[CTF_ROLE_PACKET_END] != 0;
	p->end = roles->value[CTF_ROLE_PACKET_END];
	p->begin_bits = (guint8)MIN(roles->size[CTF_ROLE_PACKET_BEGIN], 64);
	p->end_bits = (guint8)MIN(roles->size[CTF_ROLE_PACKET_END], 64);
	/* In CTF 2 each packet's clock counts from 0. */
	p->is_narrow = version == 1 && ((p->has_begin && p->begin_bits < 64) || (p->has_end && p->end_bits < 64));
	p->has_seq_num = roles->size[CTF_ROLE_PACKET_SEQ_NUM] != 0;
	p->seq_num = roles->value[CTF_ROLE_PACKET_SEQ_NUM];
	p->has_discarded = roles->size[CTF_ROLE_EVENTS_DISCARDED] != 0;
	p->discarded = roles->value[CTF_ROLE_EVENTS_DISCARDED];
	p->cpu = roles->size[CTF_ROLE_CPU_ID] && roles->value[CTF_ROLE_CPU_ID] < G_MAXINT32 ?
	                 (gint32)roles->value[CTF_ROLE_CPU_ID] : -1;
}

/* Without sizes a packet takes the rest of its file. */
static gboolean check_sizes(const CtfFile *file, guint64 offset, const Roles *roles, guint64 header_bits, CtfPacket *p,
                            guint64 *size_out, GError **error)
{
	guint64 rest = file->size - offset;
	guint64 size = roles->size[CTF_ROLE_PACKET_SIZE] ? roles->value[CTF_ROLE_PACKET_SIZE] : MIN(rest, G_MAXUINT64 / 8) * 8;
	if (!roles->size[CTF_ROLE_PACKET_SIZE] && roles->size[CTF_ROLE_CONTENT_SIZE])
		size = ctf_round_up(roles->value[CTF_ROLE_CONTENT_SIZE], 8);
	if (size & 7)
		return bad(file, offset, error, "its size is no whole number of bytes");
	if (size < header_bits)
		return bad(file, offset, error, "its size is less than its own header");
	if (size / 8 > rest)
		return bad(file, offset, error, "reaches beyond the end of the file: the file was cut off, or the size is damaged");
	*size_out = size / 8;
	if (size >= CTF_PACKET_BITS_MAX)
		return bad(file, offset, error, "is 512 MiB or larger; no such packet can be read");
	p->size_bits = size;
	p->content_bits = roles->size[CTF_ROLE_CONTENT_SIZE] ? roles->value[CTF_ROLE_CONTENT_SIZE] : size;
	if (p->content_bits > size)
		return bad(file, offset, error, "its content is larger than itself");
	if (p->content_bits < header_bits)
		return bad(file, offset, error, "its content is smaller than its own header");
	p->header_bits = header_bits;
	return TRUE;
}

gboolean ctf_packet_read(CtfMetadata *m, const CtfFile *file, guint64 offset, guint64 *slots, CtfPacketInfo *info_out,
                         guint64 *size_out, GError **error)
{
	guint64 size = 0;
	Roles roles = {0};
	guint64 room = MIN(file->size - offset, CTF_PACKET_BITS_MAX / 8);
	CtfCursor c = {.base = file->map + offset, .end = room * 8, .slots = slots};

	*info_out = (CtfPacketInfo){.packet = {.offset = offset, .cpu = -1}};
	if (size_out)
		*size_out = 0;
	if (m->packet_header)
		collect(&c, m->packet_header, &roles);
	if (!c.failed && !check_header(m, file, offset, &roles, error))
		return FALSE;
	CtfStreamClass *sc = find_stream_class(m, &roles);
	if (!sc)
		return bad(file, offset, error, c.failed ? "its header is cut off" : "its stream's id is not in the metadata");
	if (sc->packet_context)
		collect(&c, sc->packet_context, &roles);
	if (c.failed)
		return bad(file, offset, error, "its header or context is cut off");
	fill_packet(&roles, m->version, &info_out->packet);
	gboolean ok = check_sizes(file, offset, &roles, c.pos, &info_out->packet, &size, error);
	if (size_out)
		*size_out = size;
	info_out->stream_class = sc;
	info_out->has_stream_id = roles.size[CTF_ROLE_STREAM_ID] != 0;
	info_out->stream_id = roles.value[CTF_ROLE_STREAM_ID];
	info_out->discarded_bits = roles.size[CTF_ROLE_EVENTS_DISCARDED];
	return ok;
}

/* ---- After damage: the next place that looks like a packet ---------------------------------------------------- */

/* What every packet begins with: magic, and the UUID where it follows at once. 0: nothing to look for. */
static gsize signature(CtfMetadata *m, guint8 sig[20])
{
	const CtfFc *h = m->packet_header;
	if (!h || h->type != CTF_FC_STRUCT || !h->n_members)
		return 0;
	const CtfFc *magic = h->members[0].fc;
	if (magic->role != CTF_ROLE_MAGIC || magic->type != CTF_FC_INT || magic->size != 32)
		return 0;
	for (guint i = 0; i < 4; i++)
		sig[i] = (guint8)(CTF_MAGIC >> (magic->big_endian ? 24 - 8 * i : 8 * i));
	if (h->n_members < 2 || h->members[1].fc->role != CTF_ROLE_UUID || h->members[1].fc->align > 32 || !m->has_uuid)
		return 4;
	memcpy(sig + 4, m->uuid, 16);
	return 20;
}

static guint64 next_signature(CtfMetadata *m, const CtfFile *file, guint64 from)
{
	guint8 sig[20];
	gsize n = signature(m, sig);
	const guint8 *at = n && from < file->size ? memmem(file->map + from, file->size - from, sig, n) : NULL;
	return at ? (guint64)(at - file->map) : file->size;
}

static gboolean read_all(CtfMetadata *m, const CtfFile *file, guint file_index, GArray *packets, CtfPacketInfo *first_out,
                         guint64 *bad_count, StWarnings *warnings)
{
	g_autofree guint64 *slots = g_new0(guint64, CTF_SLOTS_MAX);
	gboolean any = FALSE;
	guint64 kept = 0;
	for (guint64 offset = 0, size; offset < file->size; offset += size) {
		/* Reading one byte may map a megabyte around it. */
		if (offset - kept >= SCAN_KEPT) {
			ctf_file_advise(file, kept, offset, MADV_DONTNEED);
			kept = offset;
		}
		g_autoptr(GError) error = NULL;
		CtfPacketInfo info;
		if (ctf_packet_read(m, file, offset, slots, &info, &size, &error)) {
			if (any && info.stream_class != first_out->stream_class) {
				st_warn(warnings, "%s: packet at byte %" G_GUINT64_FORMAT ": belongs to another stream than those before; skipped",
				        file->path, offset);
				(*bad_count)++;
				continue;
			}
			info.packet.file = file_index;
			g_array_append_val(packets, info.packet);
			if (!any)
				*first_out = info;
			any = TRUE;
			continue;
		}
		/* A believable size leads to the next packet; so does its magic number. */
		if (!size || (offset + size < file->size && next_signature(m, file, offset + size) != offset + size))
			size = next_signature(m, file, offset + 1) - offset;
		st_warn(warnings, "%s; %" G_GUINT64_FORMAT " bytes are skipped", error->message, size);
		(*bad_count)++;
	}
	ctf_file_advise(file, kept, file->size, MADV_DONTNEED);
	return any;
}

static gboolean is_sparse(CtfMetadata *m, const CtfFile *file)
{
	g_autofree guint64 *slots = g_new0(guint64, CTF_SLOTS_MAX);
	CtfPacketInfo info;
	guint64 size;
	ctf_packet_read(m, file, 0, slots, &info, &size, NULL);
	return size >= SPARSE;
}

static gboolean scan(CtfMetadata *m, const CtfFile *file, guint file_index, GArray *packets, CtfPacketInfo *first_out,
                     guint64 *bad_count, StWarnings *warnings)
{
	g_autofree char *why = NULL;
	guint before = packets->len;
	if (ctf_index_read(m, file, file_index, packets, first_out, &why))
		return TRUE;
	if (why)
		st_warn(warnings, "%s: its index is not used, since %s; the packets were read instead", file->path, why);
	g_array_set_size(packets, before);
	return read_all(m, file, file_index, packets, first_out, bad_count, warnings);
}

gboolean ctf_packets_scan(CtfMetadata *m, const CtfFile *file, guint file_index, GArray *packets, CtfPacketInfo *first_out,
                          guint64 *bad_count, StWarnings *warnings)
{
	ctf_file_advise(file, 0, file->size, MADV_RANDOM);
	if (!is_sparse(m, file))
		ctf_file_advise(file, 0, file->size, MADV_SEQUENTIAL);
	gboolean any = scan(m, file, file_index, packets, first_out, bad_count, warnings);
	ctf_file_advise(file, 0, file->size, MADV_SEQUENTIAL);
	return any;
}
