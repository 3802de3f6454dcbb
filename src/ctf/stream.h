/* SPDX-License-Identifier: MIT */
/*
 * ctf/stream.h: files, packets and losses of streams. Private to ctf/.
 */
#ifndef STRATA_CTF_STREAM_H
#define STRATA_CTF_STREAM_H

#include "ctf/ctf.h"

#define CTF_MAGIC 0xC1FC1FC1u

/* Map a file for reading; an empty one has no map. */
gboolean ctf_file_map(const char *path, CtfFile *file_out, GError **error);
void ctf_file_unmap(CtfFile *file);

/* madvise() for the pages that lie wholly before `end` and not wholly before `begin` (bytes of the file). */
void ctf_file_advise(const CtfFile *file, guint64 begin, guint64 end, int advice);

/* What a packet's header and context say. */
typedef struct {
	CtfPacket packet;           /* sizes checked against the file, header_bits set */
	CtfStreamClass *stream_class;
	gboolean has_stream_id;
	guint64 stream_id;
	guint discarded_bits;       /* size of the counter, 0: none */
} CtfPacketInfo;

/* TRUE if a packet says all of the clock at its begin, so that it can be read without those before it. */
static inline gboolean ctf_packet_is_placed(const CtfPacket *p)
{
	return p->has_begin && !(p->is_narrow && p->begin_bits < 64);
}

/*
 * Read the header and context of the packet at `offset` of a file. `slots` has CTF_SLOTS_MAX entries and gets what later
 * fields may refer to. On an error `*size_out` (may be NULL) has the packet's size in bytes if that at least is believable, else 0.
 */
gboolean ctf_packet_read(CtfMetadata *m, const CtfFile *file, guint64 offset, guint64 *slots, CtfPacketInfo *info_out,
                         guint64 *size_out, GError **error);

/*
 * Append all packets of one file to `packets` (CtfPacket; `file_index` is written into them), from LTTng's index file beside it
 * if that is valid, else by reading the packets. `first_out` gets the first packet's facts. Damage: warnings; the number of
 * damaged places is added to *bad. FALSE: no packet at all.
 */
gboolean ctf_packets_scan(CtfMetadata *m, const CtfFile *file, guint file_index, GArray *packets, CtfPacketInfo *first_out,
                          guint64 *bad, StWarnings *warnings);

/* LTTng's index (index/NAME.idx beside NAME). FALSE: none, or not valid for this file; `why` then says so if it exists. */
gboolean ctf_index_read(CtfMetadata *m, const CtfFile *file, guint file_index, GArray *packets, CtfPacketInfo *first_out,
                        char **why_out);

/* Sort a stream's packets by time and find what was lost between them. */
void ctf_stream_finish(CtfStream *stream, guint discarded_bits);

#endif
