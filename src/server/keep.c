/* SPDX-License-Identifier: MIT */
/* keep.c: values by key, in the order in which they were used. */
#include <string.h>

#include "server/keep.h"

#define OVERHEAD 256 /* bytes of a value besides itself and its key, at most */

struct ServerKept {
	gint references;       /* atomic */
	char *key;
	gpointer value;        /* NULL: not made yet, or it failed */
	gsize bytes;
	GDestroyNotify free_value;
	gboolean ended;        /* under the lock: it is made, or failed */
	GList link;            /* of `used` */
};

struct ServerKeep {
	GMutex lock;
	GCond made;
	GHashTable *values;    /* ServerKept by its key */
	GQueue used;           /* the same; the last used one first */
	gsize bytes, bytes_max;
	guint n_max;
};

ServerKeep *server_keep_new(gsize bytes_max, guint n_max)
{
	ServerKeep *k = g_new0(ServerKeep, 1);

	g_mutex_init(&k->lock);
	g_cond_init(&k->made);
	k->values = g_hash_table_new(g_str_hash, g_str_equal);
	g_queue_init(&k->used);
	k->bytes_max = bytes_max;
	k->n_max = n_max;
	return k;
}

void server_kept_unref(ServerKept *v)
{
	if (!v || !g_atomic_int_dec_and_test(&v->references))
		return;
	if (v->value)
		v->free_value(v->value);
	g_free(v->key);
	g_free(v);
}

gconstpointer server_kept_value(const ServerKept *kept)
{
	return kept->value;
}

/* With the lock held, as all that follow: whoever still uses it has a reference. */
static void drop(ServerKeep *k, ServerKept *v)
{
	g_hash_table_remove(k->values, v->key);
	g_queue_unlink(&k->used, &v->link);
	k->bytes -= v->bytes;
	server_kept_unref(v);
}

/* The least recently used that are made, until the rest fits. */
static void make_room(ServerKeep *k)
{
	GList *last = k->used.tail;

	while (last && (k->bytes > k->bytes_max || k->used.length > k->n_max)) {
		ServerKept *v = last->data;

		last = last->prev;
		if (v->ended)
			drop(k, v);
	}
}

static ServerKept *add(ServerKeep *k, const char *key, GDestroyNotify free_value)
{
	ServerKept *v = g_new0(ServerKept, 1);

	v->references = 2; /* one is the table's */
	v->key = g_strdup(key);
	v->free_value = free_value;
	v->link.data = v;
	g_hash_table_insert(k->values, v->key, v);
	g_queue_push_head_link(&k->used, &v->link);
	return v;
}

/* Waits until somebody else has made it. NULL: that failed. */
static ServerKept *wait_for(ServerKeep *k, ServerKept *v)
{
	g_atomic_int_inc(&v->references);
	g_queue_unlink(&k->used, &v->link);
	g_queue_push_head_link(&k->used, &v->link);
	while (!v->ended)
		g_cond_wait(&k->made, &k->lock);
	if (v->value)
		return v;
	server_kept_unref(v);
	return NULL;
}

/* Without the lock while it is made. */
static ServerKept *make_value(ServerKeep *k, ServerKept *v, ServerMake make, gpointer user, GError **error)
{
	gsize bytes = 0;

	g_mutex_unlock(&k->lock);
	gpointer value = make(user, &bytes, error);
	g_mutex_lock(&k->lock);
	v->value = value;
	v->ended = TRUE;
	v->bytes = bytes + strlen(v->key) + OVERHEAD;
	k->bytes += v->bytes;
	if (!value || v->bytes > k->bytes_max / 2) /* one that is so large would drive out the others */
		drop(k, v);
	make_room(k);
	g_cond_broadcast(&k->made);
	if (value)
		return v;
	server_kept_unref(v);
	return NULL;
}

ServerKept *server_keep_get(ServerKeep *k, const char *key, ServerMake make, GDestroyNotify free_value, gpointer user, GError **error)
{
	ServerKept *v = NULL, *known;

	g_mutex_lock(&k->lock);
	while (!v && (known = g_hash_table_lookup(k->values, key)))
		v = wait_for(k, known);
	if (!v)
		v = make_value(k, add(k, key, free_value), make, user, error);
	g_mutex_unlock(&k->lock);
	return v;
}

gsize server_keep_bytes(ServerKeep *k)
{
	g_mutex_lock(&k->lock);
	gsize bytes = k->bytes;
	g_mutex_unlock(&k->lock);
	return bytes;
}

/* Nobody asks any more; who uses a value still can. */
void server_keep_free(ServerKeep *k)
{
	if (!k)
		return;
	while (k->used.head)
		drop(k, k->used.head->data);
	g_queue_clear(&k->used);
	g_hash_table_unref(k->values);
	g_cond_clear(&k->made);
	g_mutex_clear(&k->lock);
	g_free(k);
}
