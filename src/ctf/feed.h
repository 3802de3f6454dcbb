/* SPDX-License-Identifier: MIT */
/*
 * ctf/feed.h: a stream's chunks in order, decoded when asked for or, with threads, before. Private to ctf/.
 *
 * A unit is one packet being decoded. Packets say when they begin, so that several of a stream can be decoded at once; a stream's chunks
 * still come out in order. The number of chunks ahead is bounded, and so is memory.
 */
#ifndef STRATA_CTF_FEED_H
#define STRATA_CTF_FEED_H

#include "ctf/decode.h"

typedef struct CtfFeed CtfFeed;

/* `traces` and `reader` must outlive it. */
CtfFeed *ctf_feed_new(CtfTrace *const *traces, gsize n, const CtfReader *reader);
void ctf_feed_free(CtfFeed *feed);

/* Streams are numbered in the order that decides between events of equal time. */
guint ctf_feed_streams(const CtfFeed *feed);
CtfStream *ctf_feed_stream(const CtfFeed *feed, guint i);

/* The next chunk of a stream with at least one record, NULL: there is none. The one got before is given back by this. */
CtfChunk *ctf_feed_next(CtfFeed *feed, guint i);

/* What was decoded until now. */
void ctf_feed_stats(const CtfFeed *feed, CtfStats *stats);

#endif
