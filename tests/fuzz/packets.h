/* SPDX-License-Identifier: MIT */
/*
 * tests/fuzz/packets.h: a fuzz target whose input is a stream file of a trace with fixed metadata. Whatever is framed must be
 * walkable to the same end by the cursor.
 */
#ifndef STRATA_TESTS_FUZZ_PACKETS_H
#define STRATA_TESTS_FUZZ_PACKETS_H

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <glib/gstdio.h>

#include "ctf/ctf.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char *dir;

static void clean_up(void)
{
	g_autofree char *metadata = g_build_filename(dir, "metadata", NULL);
	g_autofree char *stream = g_build_filename(dir, "stream", NULL);
	g_unlink(metadata);
	g_unlink(stream);
	g_rmdir(dir);
}

static void make_dir(const char *text, gsize len)
{
	dir = g_dir_make_tmp("strata-fuzz-XXXXXX", NULL);
	g_autofree char *path = g_build_filename(dir, "metadata", NULL);
	g_file_set_contents(path, text, (gssize)len, NULL);
	atexit(clean_up);
}

static gboolean walk(const CtfStream *stream, const guint8 *base, const CtfRecord *record, gpointer user)
{
	static guint64 slots[CTF_SLOTS_MAX];
	const CtfEventClass *ec = g_ptr_array_index(stream->trace->metadata->events, record->event);
	const CtfFc *trees[] = {stream->stream_class->common_context, ec->spec_context, ec->payload};
	CtfCursor c;
	(void)user;
	ctf_cursor_event(&c, stream, base, record, slots);
	for (guint i = 0; i < G_N_ELEMENTS(trees); i++)
		if (trees[i])
			ctf_cursor_skip(&c, trees[i]);
	if (c.failed)
		abort();
	return TRUE;
}

/* Read a trace of this metadata and this one stream file. */
static void fuzz_packets(const char *metadata, gsize len, void (*subscribe)(const CtfEventClass *, CtfSubscription *, gpointer),
                         const uint8_t *data, size_t size)
{
	if (!dir)
		make_dir(metadata, len);
	g_autofree char *path = g_build_filename(dir, "stream", NULL);
	FILE *f = fopen(path, "wb");
	if (!f)
		abort();
	fwrite(data, 1, size, f);
	fclose(f);
	g_autoptr(StWarnings) warnings = st_warnings_new();
	g_autoptr(CtfTrace) trace = ctf_trace_open(dir, warnings, NULL);
	if (!trace)
		return;
	CtfReader reader = {.subscribe = subscribe, .event = walk, .begin_ns = G_MININT64, .end_ns = G_MAXINT64, .threads = 1,
	                    .warnings = warnings};
	CtfStats stats;
	ctf_read(&trace, 1, &reader, &stats, NULL);
}

#endif
