/* SPDX-License-Identifier: MIT */
/* memory.c: what processes allocate and free. */
#include "user/private.h"

typedef struct {
	gint32 vpid;
	guint64 address;
} Key;

struct UserMemoryModel {
	UserPass *pass;
	guint table;
	GHashTable *by_pid; /* vpid -> index of the table plus one */
	GHashTable *live;   /* Key -> size */
};

static guint key_hash(gconstpointer key)
{
	const Key *k = key;
	guint64 h = (k->address ^ ((guint64)(guint32)k->vpid << 40)) * 0x9e3779b97f4a7c15u;

	return (guint)(h >> 32);
}

static gboolean key_equal(gconstpointer a, gconstpointer b)
{
	const Key *x = a, *y = b;

	return x->vpid == y->vpid && x->address == y->address;
}

/* What is live stays so: a block whose free() was lost gives its address back when that is allocated again. */
void user_memory_loss(UserMemoryModel *m)
{
	for (guint64 i = 0; i < history_table_len(m->pass->history, m->table); i++)
		((UserMemory *)history_table_item(m->pass->history, m->table, i))->uncertain = TRUE;
}

UserMemoryModel *user_memory_new(UserPass *p)
{
	UserMemoryModel *m = g_new0(UserMemoryModel, 1);

	m->pass = p;
	m->table = history_table(p->history, USER_MEMORY_TABLE, sizeof(UserMemory));
	m->by_pid = g_hash_table_new(NULL, NULL);
	m->live = g_hash_table_new_full(key_hash, key_equal, g_free, g_free);
	return m;
}

void user_memory_free(UserMemoryModel *m)
{
	g_hash_table_unref(m->by_pid);
	g_hash_table_unref(m->live);
	g_free(m);
}

static UserMemory *memory_of(UserMemoryModel *m, const UserEv *ev)
{
	gint32 vpid = user_thread(m->pass, ev->thread)->vpid;
	guint index = GPOINTER_TO_UINT(g_hash_table_lookup(m->by_pid, GINT_TO_POINTER(vpid)));

	if (index)
		return history_table_item(m->pass->history, m->table, index - 1);
	UserMemory *made = history_table_add(m->pass->history, m->table);
	made->vpid = vpid;
	made->thread = ev->thread;
	made->first_ns = ev->time;
	made->uncertain = m->pass->lossy > 0;
	g_hash_table_insert(m->by_pid, GINT_TO_POINTER(vpid), GUINT_TO_POINTER((guint)history_table_len(m->pass->history, m->table)));
	return made;
}

static void give_back(UserMemoryModel *m, UserMemory *of, guint64 address)
{
	const Key key = {of->vpid, address};
	const gint64 *size = g_hash_table_lookup(m->live, &key);

	if (!address)
		return;
	of->frees++;
	if (!size) {
		of->unknown_frees++;
		return;
	}
	of->freed += *size;
	of->live -= *size;
	g_hash_table_remove(m->live, &key);
}

static void take(UserMemoryModel *m, UserMemory *of, guint64 address, guint64 size, gint64 time)
{
	const Key key = {of->vpid, address};

	size = MIN(size, (guint64)1 << 48);
	if (!address) {
		of->failures++;
		return;
	}
	/* Its free() was not seen: the address would not be given out again otherwise. */
	if (g_hash_table_contains(m->live, &key))
		give_back(m, of, address);
	of->allocations++;
	of->allocated += (gint64)size;
	if (g_hash_table_size(m->live) >= USER_OPEN_MAX) {
		m->pass->facts->unfollowed_blocks++;
		return;
	}
	gint64 *kept = g_new(gint64, 1);
	*kept = (gint64)size;
	g_hash_table_insert(m->live, g_memdup2(&key, sizeof(key)), kept);
	of->live += (gint64)size;
	if (of->live > of->peak) {
		of->peak = of->live;
		of->peak_ns = time;
	}
}

void user_memory_event(UserMemoryModel *m, const UserEv *ev)
{
	UserMemory *of = memory_of(m, ev);
	guint64 elements = 1, size = ev->v[0], address = ev->v[1];

	of->last_ns = ev->time;
	switch (ev->role) {
	case USER_FREE:
		give_back(m, of, ev->v[0]);
		return;
	case USER_CALLOC:
		elements = user_has(ev, 2) ? ev->v[2] : 1;
		break;
	case USER_REALLOC:
		if (address || !size)
			give_back(m, of, ev->v[2]);
		if (!size)
			return;
		break;
	case USER_POSIX_MEMALIGN:
		if (user_has(ev, 2) && ev->v[2] != 0)
			address = 0;
		break;
	default:
		break;
	}
	if (__builtin_mul_overflow(size, elements, &size))
		size = G_MAXUINT64;
	take(m, of, address, size, ev->time);
}
