/* SPDX-License-Identifier: MIT */
/*
 * ctf/merge.h: sorted runs of 64 bit keys to one. Private to ctf/.
 *
 * Runs are merged in pairs, from both ends at once and without branches: two independent chains of loads and
 * conditional moves a step. Keys of different runs differ, and lie in [1, G_MAXUINT64 - 1].
 */
#ifndef STRATA_CTF_MERGE_H
#define STRATA_CTF_MERGE_H

#include <glib.h>

typedef struct {
	guint64 *a, *b;     /* two buffers, runs go from one to the other and back */
	gsize room;         /* keys in each */
	gsize *ends, n, max; /* runs in a: where each one's end is, its sentinel included */
} CtfMerge;

void ctf_merge_init(CtfMerge *m);
void ctf_merge_finish(CtfMerge *m);

/* Begin anew with room for this many keys in this many runs. */
void ctf_merge_begin(CtfMerge *m, gsize keys, gsize runs);

/* Where the next run's keys go (room for what was asked); then say how many there are. */
guint64 *ctf_merge_run(CtfMerge *m);
void ctf_merge_run_done(CtfMerge *m, gsize n);

/* All keys in order. Valid until the next begin. */
const guint64 *ctf_merge_keys(CtfMerge *m);

#endif
