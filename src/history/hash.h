/* SPDX-License-Identifier: MIT */
/* history/hash.h: XXH3, compiled in: short texts are hashed without a call. */
#ifndef STRATA_HISTORY_HASH_H
#define STRATA_HISTORY_HASH_H

#define XXH_INLINE_ALL
#include <xxhash.h>

#include <glib.h>

static inline guint64 history_hash(gconstpointer data, gsize size)
{
	return XXH3_64bits(data, size);
}

#endif
