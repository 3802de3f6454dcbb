/* SPDX-License-Identifier: MIT */
/*
 * tests/ctfwriter.h: writes tiny CTF traces, bit by bit, so that tests can have any trace that the format allows.
 *
 * Independent of src/: what it knows of the format comes from the specification (CTF 1.8.3 and CTF2-SPEC-2.0), not from
 * the reader that it is to test. It is simple and slow: one bit at a time.
 *
 *	g_autoptr(CtfWriter) w = ctfw_new(G_BIG_ENDIAN);
 *	ctfw_packet_begin(w);
 *	ctfw_magic(w);
 *	ctfw_content_size(w, 32);      // filled in by ctfw_packet_end()
 *	ctfw_align(w, 8);
 *	ctfw_sint(w, -3, 5);           // 5 bits
 *	ctfw_string(w, "hello");
 *	ctfw_packet_end(w, 8 * 4096);  // padded to 4096 bytes
 *	ctfw_save(w, dir, "stream0");
 *	ctfw_save_metadata(dir, "...");
 *
 * Positions are bits from the beginning of the stream. Bits are packed as the format says (1.8 § 4.1.5): in little-endian
 * order a field begins at the lowest bit of a byte that is free and its lowest bit comes first; in big-endian order it begins
 * at the highest free bit and its highest bit comes first. As in the format, a field of the other byte order must begin at
 * a whole byte.
 *
 * Misuse and failures to write files end the program (g_error): tests have nothing to do about them.
 */
#ifndef STRATA_TESTS_CTFWRITER_H
#define STRATA_TESTS_CTFWRITER_H

#include <glib.h>

typedef struct CtfWriter CtfWriter;

/* A stream in memory. `byte_order`: G_LITTLE_ENDIAN or G_BIG_ENDIAN, of all fields but those written by ctfw_uint_as(). */
CtfWriter *ctfw_new(int byte_order);
void ctfw_free(CtfWriter *w);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(CtfWriter, ctfw_free)

/* ---- Fields ---- */

/* Pads with zeros to a multiple of `bits` from the beginning of the packet (of the stream, outside of packets). */
void ctfw_align(CtfWriter *w, guint bits);
/* The lowest `bits` (1 to 64) of the value. */
void ctfw_uint(CtfWriter *w, guint64 value, guint bits);
void ctfw_sint(CtfWriter *w, gint64 value, guint bits);
/* In the given byte order. */
void ctfw_uint_as(CtfWriter *w, guint64 value, guint bits, int byte_order);
/* A bit array of CTF 2 whose bit order is not its byte order's natural one. */
void ctfw_uint_reversed(CtfWriter *w, guint64 value, guint bits, int byte_order);
void ctfw_float(CtfWriter *w, float value);
void ctfw_double(CtfWriter *w, double value);
/* These begin at a whole byte: they align to 8 bits. */
void ctfw_string(CtfWriter *w, const char *text);
void ctfw_bytes(CtfWriter *w, const void *data, gsize n);
/* `n` bytes: the text, cut or padded with zeros. */
void ctfw_text(CtfWriter *w, const char *text, gsize n);
/* Variable-length integers of CTF 2 (LEB128). */
void ctfw_uleb128(CtfWriter *w, guint64 value);
void ctfw_sleb128(CtfWriter *w, gint64 value);

/* ---- Packets ---- */

/* Packets follow each other without gap; the one before must have been ended. */
void ctfw_packet_begin(CtfWriter *w);
/* 0xC1FC1FC1, 32 bits. */
void ctfw_magic(CtfWriter *w);
/* Fields whose values are known at the end: the packet's content and total size in bits, `bits` wide. */
void ctfw_content_size(CtfWriter *w, guint bits);
void ctfw_packet_size(CtfWriter *w, guint bits);
/* Bits of the open packet so far. */
guint64 ctfw_packet_position(const CtfWriter *w);
/* Pads the packet to `total_bits` (0: to a whole byte) and fills in the sizes. */
void ctfw_packet_end(CtfWriter *w, guint64 total_bits);

/* ---- Anything else ---- */

/* Bits written so far. */
guint64 ctfw_position(const CtfWriter *w);
/* Overwrites a field, as ctfw_uint() at that position would have written it. */
void ctfw_patch(CtfWriter *w, guint64 position, guint64 value, guint bits);
/* The bytes, for tests that damage them. */
GByteArray *ctfw_data(CtfWriter *w);

/* ---- Files ---- */

/* DIR/NAME; makes the directory. */
void ctfw_save(const CtfWriter *w, const char *dir, const char *name);
/* DIR/metadata as plain text. */
void ctfw_save_metadata(const char *dir, const char *text);

/* Metadata in packets (1.8 § 7.1, 2 § 5.1). */
typedef struct {
	int byte_order;
	guint8 uuid[16];
	guint packet_size;   /* bytes; at least 38. The last packet is as large as the others. */
	guint8 major, minor; /* 1, 8 or 2, 0 */
} CtfwMetadataFormat;

void ctfw_save_metadata_packets(const char *dir, const char *text, const CtfwMetadataFormat *format);

#endif
