/* SPDX-License-Identifier: MIT */
/* locks.c: who waited for a mutex, and who had it for how long. */
#include "user/private.h"

typedef struct {
	guint32 thread;
	guint64 mutex;
} Key;

struct UserLockModel {
	UserPass *pass;
	guint table;
	GHashTable *open; /* Key -> index of the table plus one: asked for, or held */
};

static guint key_hash(gconstpointer key)
{
	const Key *k = key;
	guint64 h = (k->mutex ^ ((guint64)k->thread << 44)) * 0x9e3779b97f4a7c15u;

	return (guint)(h >> 32);
}

static gboolean key_equal(gconstpointer a, gconstpointer b)
{
	const Key *x = a, *y = b;

	return x->thread == y->thread && x->mutex == y->mutex;
}

UserLockModel *user_locks_new(UserPass *p)
{
	UserLockModel *m = g_new0(UserLockModel, 1);

	m->pass = p;
	m->table = history_table(p->history, USER_LOCKS_TABLE, sizeof(UserLock));
	m->open = g_hash_table_new_full(key_hash, key_equal, g_free, NULL);
	return m;
}

void user_locks_loss(UserLockModel *m)
{
	g_hash_table_remove_all(m->open);
}

void user_locks_free(UserLockModel *m)
{
	g_hash_table_unref(m->open);
	g_free(m);
}

static UserLock *begin(UserLockModel *m, const UserEv *ev, gboolean tried)
{
	const Key key = {ev->thread, ev->v[0]};
	UserLock *lock = history_table_add(m->pass->history, m->table);

	lock->asked_ns = ev->time;
	lock->mutex = ev->v[0];
	lock->thread = ev->thread;
	lock->tried = tried;
	if (g_hash_table_size(m->open) < USER_OPEN_MAX)
		g_hash_table_replace(m->open, g_memdup2(&key, sizeof(key)),
				     GUINT_TO_POINTER((guint)history_table_len(m->pass->history, m->table)));
	return lock;
}

static UserLock *find(const UserLockModel *m, const UserEv *ev)
{
	const Key key = {ev->thread, ev->v[0]};
	guint index = GPOINTER_TO_UINT(g_hash_table_lookup(m->open, &key));

	return index ? history_table_item(m->pass->history, m->table, index - 1) : NULL;
}

void user_locks_event(UserLockModel *m, const UserEv *ev)
{
	const Key key = {ev->thread, ev->v[0]};
	gboolean failed = user_has(ev, 1) && ev->v[1] != 0;
	UserLock *lock = find(m, ev);

	if (m->pass->lossy)
		return;
	switch (ev->role) {
	case USER_LOCK_REQ:
		begin(m, ev, FALSE);
		return;
	case USER_TRYLOCK:
		if (!failed)
			begin(m, ev, TRUE)->got_ns = ev->time;
		return;
	case USER_LOCK_ACQ:
		/* A recursive mutex that is taken again has no request of its own left: the first one stands. */
		if (lock && !lock->got_ns && !failed)
			lock->got_ns = ev->time;
		else if (lock && !lock->got_ns)
			g_hash_table_remove(m->open, &key);
		return;
	default:
		if (!lock || !lock->got_ns || failed)
			return;
		lock->end_ns = ev->time;
		g_hash_table_remove(m->open, &key);
	}
}
