/* SPDX-License-Identifier: MIT */
/* locks.c: who waited for a mutex, and who had it for how long. */
#include "user/private.h"

#include <errno.h>

/* Of a thread (its number), or of a process (its own), and an address. */
typedef struct {
	guint64 mutex;
	gint64 who;
} Key;

/* What a thread has asked for or holds. */
typedef struct {
	guint64 item;  /* index in the table */
	guint32 depth; /* how many times it holds it; 0: it has asked for it */
} Open;

struct UserLockModel {
	UserPass *pass;
	guint table;
	GHashTable *open;    /* Key of a thread -> Open */
	GHashTable *holders; /* Key of a process -> thread plus one that got it last */
};

static guint key_hash(gconstpointer key)
{
	const Key *k = key;
	guint64 h = (k->mutex ^ ((guint64)k->who << 44)) * 0x9e3779b97f4a7c15u;

	return (guint)(h >> 32);
}

static gboolean key_equal(gconstpointer a, gconstpointer b)
{
	const Key *x = a, *y = b;

	return x->who == y->who && x->mutex == y->mutex;
}

UserLockModel *user_locks_new(UserPass *p)
{
	UserLockModel *m = g_new0(UserLockModel, 1);

	m->pass = p;
	m->table = history_table(p->history, USER_LOCKS_TABLE, sizeof(UserLock));
	m->open = g_hash_table_new_full(key_hash, key_equal, g_free, g_free);
	m->holders = g_hash_table_new_full(key_hash, key_equal, g_free, NULL);
	return m;
}

static UserLock *lock_of(const UserLockModel *m, const Open *open)
{
	return history_table_item(m->pass->history, m->table, open->item);
}

void user_locks_loss(UserLockModel *m)
{
	GHashTableIter iter;
	gpointer open;

	g_hash_table_iter_init(&iter, m->open);
	while (g_hash_table_iter_next(&iter, NULL, &open))
		lock_of(m, open)->lost = TRUE;
	g_hash_table_remove_all(m->open);
	g_hash_table_remove_all(m->holders);
}

void user_locks_free(UserLockModel *m)
{
	g_hash_table_unref(m->open);
	g_hash_table_unref(m->holders);
	g_free(m);
}

static Key thread_key(const UserEv *ev)
{
	return (Key){ev->v[0], ev->thread};
}

static Key process_key(const UserLockModel *m, const UserEv *ev)
{
	return (Key){ev->v[0], user_thread(m->pass, ev->thread)->vpid};
}

/* ---- Events ------------------------------------------------------------------------------------------------------------ */

/* Asked for again without an answer, or held without having been given back: what became of it wasn't seen. */
static void forget(UserLockModel *m, const Key *key)
{
	const Open *open = g_hash_table_lookup(m->open, key);

	if (open)
		lock_of(m, open)->lost = TRUE;
}

/* NULL: too many are open. */
static Open *begin(UserLockModel *m, const UserEv *ev, gboolean tried)
{
	const Key key = thread_key(ev);
	UserLock *lock = history_table_add(m->pass->history, m->table);

	*lock = (UserLock){.asked_ns = ev->time, .got_ns = tried ? ev->time : 0, .mutex = ev->v[0], .thread = ev->thread, .tried = tried != FALSE};
	if (g_hash_table_size(m->open) >= USER_OPEN_MAX) {
		lock->lost = TRUE;
		m->pass->facts->unfollowed_locks++;
		return NULL;
	}
	Open *open = g_new0(Open, 1);
	forget(m, &key);
	open->item = history_table_len(m->pass->history, m->table) - 1;
	g_hash_table_replace(m->open, g_memdup2(&key, sizeof(key)), open);
	return open;
}

/* Whether a thread that once got it still has it: nobody got it since, or gave it back in its place. */
static gboolean holds(const UserLockModel *m, const UserEv *ev, const Open *open)
{
	const Key key = process_key(m, ev);

	return open && open->depth && GPOINTER_TO_UINT(g_hash_table_lookup(m->holders, &key)) == ev->thread + 1;
}

static void take(UserLockModel *m, const UserEv *ev, Open *open)
{
	const Key key = process_key(m, ev);

	if (open)
		open->depth++;
	if (g_hash_table_size(m->holders) < USER_OPEN_MAX || g_hash_table_contains(m->holders, &key))
		g_hash_table_replace(m->holders, g_memdup2(&key, sizeof(key)), GUINT_TO_POINTER(ev->thread + 1));
}

static void got(UserLockModel *m, const UserEv *ev, Open *open)
{
	if (open && !open->depth)
		lock_of(m, open)->got_ns = ev->time;
	take(m, ev, open);
}

static void give_back(UserLockModel *m, const UserEv *ev, Open *open)
{
	const Key thread = thread_key(ev), process = process_key(m, ev);

	if (open && open->depth > 1) {
		open->depth--;
		return;
	}
	g_hash_table_remove(m->holders, &process);
	if (!open || !open->depth)
		return;
	lock_of(m, open)->end_ns = ev->time;
	g_hash_table_remove(m->open, &thread);
}

static void fail(UserLockModel *m, const Key *key, const Open *open)
{
	lock_of(m, open)->failed = TRUE;
	g_hash_table_remove(m->open, key);
}

void user_locks_event(UserLockModel *m, const UserEv *ev)
{
	const Key key = thread_key(ev);
	/* Its owner died: the mutex is this thread's all the same. */
	gboolean failed = user_has(ev, 1) && ev->v[1] != 0 && ev->v[1] != EOWNERDEAD;
	Open *open = g_hash_table_lookup(m->open, &key);

	if (m->pass->lossy)
		return;
	switch (ev->role) {
	case USER_LOCK_REQ:
		if (!holds(m, ev, open))
			begin(m, ev, FALSE);
		break;
	case USER_TRYLOCK:
		if (!failed)
			take(m, ev, holds(m, ev, open) ? open : begin(m, ev, TRUE));
		break;
	case USER_LOCK_ACQ:
		if (!failed)
			got(m, ev, open);
		else if (open && !open->depth)
			fail(m, &key, open);
		break;
	default:
		if (!failed)
			give_back(m, ev, open);
		break;
	}
}
