/* SPDX-License-Identifier: MIT */
/*
 * server/keep.h: what takes long to find out about an experiment is kept: the least recently used goes first. Whoever asks for what somebody else is making waits for it.
 */
#ifndef STRATA_SERVER_KEEP_H
#define STRATA_SERVER_KEEP_H

#include <glib.h>

/* Hard maxima of one experiment. */
#define SERVER_KEEP_BYTES_MAX (64u << 20)
#define SERVER_KEEP_MAX       512 /* values */

typedef struct ServerKeep ServerKeep;
typedef struct ServerKept ServerKept; /* a value that is kept; it never changes */

ServerKeep *server_keep_new(gsize bytes_max, guint n_max);
void server_keep_free(ServerKeep *keep); /* NULL is fine */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(ServerKeep, server_keep_free)

/* Makes a value; `*bytes_out`: how large it is. NULL: it failed, with `error`. */
typedef gpointer (*ServerMake)(gpointer user, gsize *bytes_out, GError **error);

/*
 * The value of a key, made now if it isn't kept. `free_value` frees it when it is neither kept nor used any more. NULL: it could not be made; the next one who asks tries again. The caller gives
 * the reference back. From any thread.
 */
ServerKept *server_keep_get(ServerKeep *keep, const char *key, ServerMake make, GDestroyNotify free_value, gpointer user, GError **error);

gconstpointer server_kept_value(const ServerKept *kept);
void server_kept_unref(ServerKept *kept); /* NULL is fine */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(ServerKept, server_kept_unref)

/* How much is kept now. */
gsize server_keep_bytes(ServerKeep *keep);

#endif
