/* SPDX-License-Identifier: MIT */
/* containers_finish.c: namespaces become containers, which get names, parents and threads. */
#include "kernel/containers_private.h"

#define INITIAL_PID    0xEFFFFFFCu
#define INITIAL_CGROUP 0xEFFFFFFBu
#define MACHINE        0u /* item 0 */
#define SEVERAL        (G_MAXUINT32 - 1)

typedef struct {
	KernelContainers *c;
	History *history;
	const KernelThread **by_serial; /* NULL: it was folded or forgotten */
	guint32 n_serials;
	guint32 own[KERNEL_NS_COUNT];   /* the machine's own namespaces; 0: not known */
	GHashTable *sharers;            /* key of a namespace -> the only pid namespace whose threads have it, or SEVERAL */
	GHashTable *items;              /* key of a namespace -> item + 1 */
	const KernelThread **first;     /* by item: the thread of the smallest number in it that has a name */
	guint32 *of_set;                /* by index of sets: its container */
} Finish;

static gint64 *key_new(KernelNs ns, guint32 inum)
{
	gint64 *key = g_new(gint64, 1);

	*key = ((gint64)ns << 32) | inum;
	return key;
}

static guint32 find(GHashTable *table, KernelNs ns, guint32 inum)
{
	gint64 key = ((gint64)ns << 32) | inum;

	return GPOINTER_TO_UINT(g_hash_table_lookup(table, &key));
}

static KernelContainerItem *item(const Finish *f, guint32 i)
{
	return history_table_item(f->history, f->c->table, i);
}

/* ---- The machine's own ------------------------------------------------------------------------------------------- */

/* Process 1's, and those of kernel threads, are the machine's. */
static void find_own(Finish *f)
{
	f->own[KERNEL_NS_PID] = INITIAL_PID;
	f->own[KERNEL_NS_CGROUP] = INITIAL_CGROUP;
	for (guint32 i = 0; i < f->n_serials; i++) {
		const KernelThread *t = f->by_serial[i];
		const KernelNsSet *s = kernel_ns_set(f->c, i);

		if (!t || (t->tid != 1 && t->is_kthread != 1) || (s->inum[KERNEL_NS_PID] && s->inum[KERNEL_NS_PID] != INITIAL_PID))
			continue;
		for (guint ns = 0; ns < KERNEL_NS_COUNT; ns++)
			if (!f->own[ns] || (t->tid == 1 && s->inum[ns]))
				f->own[ns] = s->inum[ns];
	}
}

/* ---- Which container --------------------------------------------------------------------------------------------- */

static const KernelNs lesser[] = {KERNEL_NS_CGROUP, KERNEL_NS_MNT, KERNEL_NS_NET};

/* A namespace that the machine itself doesn't have. */
static gboolean is_private(const Finish *f, const KernelNsSet *s, KernelNs ns)
{
	return s->inum[ns] && f->own[ns] && s->inum[ns] != f->own[ns];
}

static void find_sharers(Finish *f)
{
	for (guint i = 0; i < f->c->sets->len; i++) {
		const KernelNsSet *s = g_ptr_array_index(f->c->sets, i);
		guint32 pid = s->inum[KERNEL_NS_PID];

		if (!is_private(f, s, KERNEL_NS_PID))
			continue;
		for (guint k = 0; k < G_N_ELEMENTS(lesser); k++) {
			guint32 known = find(f->sharers, lesser[k], s->inum[lesser[k]]);

			if (is_private(f, s, lesser[k]))
				g_hash_table_replace(f->sharers, key_new(lesser[k], s->inum[lesser[k]]),
						     GUINT_TO_POINTER(!known || known == pid ? pid : SEVERAL));
		}
	}
}

/* The item of what makes a container, made now if there is none. */
static guint32 container_of(Finish *f, KernelNs ns, guint32 inum)
{
	guint32 known = find(f->items, ns, inum), n = (guint32)history_table_len(f->history, f->c->table);

	if (known)
		return known - 1;
	if (n >= KERNEL_CONTAINERS_MAX)
		return MACHINE;
	KernelContainerItem *it = history_table_add(f->history, f->c->table);
	*it = (KernelContainerItem){.kind = (guint8)ns, .init_tid = -1, .first_ns = G_MAXINT64, .last_ns = G_MININT64};
	it->ns[ns] = inum;
	g_hash_table_insert(f->items, key_new(ns, inum), GUINT_TO_POINTER(n + 1));
	return n;
}

static guint32 resolve(Finish *f, const KernelNsSet *s)
{
	guint known = 0;

	if (is_private(f, s, KERNEL_NS_PID))
		return container_of(f, KERNEL_NS_PID, s->inum[KERNEL_NS_PID]);
	for (guint k = 0; k < G_N_ELEMENTS(lesser); k++) {
		guint32 pid = is_private(f, s, lesser[k]) ? find(f->sharers, lesser[k], s->inum[lesser[k]]) : 0;

		if (pid && pid != SEVERAL)
			return container_of(f, KERNEL_NS_PID, pid);
	}
	for (guint k = 0; k < G_N_ELEMENTS(lesser); k++)
		if (is_private(f, s, lesser[k]))
			return container_of(f, lesser[k], s->inum[lesser[k]]);
	for (guint ns = 0; ns < KERNEL_NS_COUNT; ns++)
		known |= s->inum[ns];
	return known ? MACHINE : KERNEL_NO_CONTAINER;
}

/* ---- Threads ----------------------------------------------------------------------------------------------------- */

/* The thread that a state dump took this one for, whose number became known late; else itself. */
static guint32 dumped_as(const Finish *f, guint32 serial)
{
	const KernelThread *t = f->by_serial[serial];
	gpointer dumped;

	if (!t || t->born || !g_hash_table_lookup_extended(f->c->dumped, GINT_TO_POINTER(t->tid), NULL, &dumped))
		return serial;
	return GPOINTER_TO_UINT(dumped);
}

/* A thread's combination of namespaces. */
static guint32 set_of(const Finish *f, guint32 serial)
{
	const GArray *all = f->c->of_thread;
	guint32 set = serial < all->len ? g_array_index(all, guint32, serial) : 0;
	guint32 dumped = set ? serial : dumped_as(f, serial);

	return dumped < all->len ? g_array_index(all, guint32, dumped) : 0;
}

static KernelNsNumbers numbers_of(const Finish *f, guint32 serial)
{
	const GArray *all = f->c->numbers;
	KernelNsNumbers own = serial < all->len ? g_array_index(all, KernelNsNumbers, serial) : (KernelNsNumbers){0};
	guint32 dumped = dumped_as(f, serial);

	return own.vtid || dumped >= all->len ? own : g_array_index(all, KernelNsNumbers, dumped);
}

static void add_thread(Finish *f, KernelContainerItem *it, const KernelThread *t)
{
	it->threads++;
	it->processes += t->tid == t->pid;
	it->first_ns = MIN(it->first_ns, t->begin_ns);
	it->last_ns = MAX(it->last_ns, t->end_ns);
	if (it->init_tid < 0 && it->kind != KERNEL_NS_PID && t->tid == t->pid)
		it->init_tid = t->tid;
	const KernelNsSet *s = g_ptr_array_index(f->c->sets, set_of(f, t->serial));
	for (guint ns = 0; ns < KERNEL_NS_COUNT; ns++)
		if (!it->ns[ns])
			it->ns[ns] = s->inum[ns];
}

static void write_threads(Finish *f)
{
	for (guint32 i = 0; i < f->n_serials; i++) {
		const KernelThread *t = f->by_serial[i];
		guint32 container = f->of_set[set_of(f, i)];
		KernelThreadContainerItem *it = history_table_add(f->history, f->c->threads);
		KernelNsNumbers numbers = numbers_of(f, i);

		*it = (KernelThreadContainerItem){.container = t && kernel_is_idle(t) ? MACHINE : container,
						  .pid_ns = ((const KernelNsSet *)g_ptr_array_index(f->c->sets, set_of(f, i)))->inum[KERNEL_NS_PID],
						  .vtid = numbers.vtid ? numbers.vtid : -1, .vpid = numbers.vpid ? numbers.vpid : -1};
		if (!t || kernel_is_idle(t) || container == KERNEL_NO_CONTAINER)
			continue;
		add_thread(f, item(f, container), t);
		if (t->name[0] && (!f->first[container] || t->tid < f->first[container]->tid))
			f->first[container] = t;
	}
}

/* ---- Names and parents ------------------------------------------------------------------------------------------- */

static guint32 hostname_of(const Finish *f, const KernelContainerItem *it)
{
	guint32 text = it->ns[KERNEL_NS_UTS] ? GPOINTER_TO_UINT(g_hash_table_lookup(f->c->hostnames, GUINT_TO_POINTER(it->ns[KERNEL_NS_UTS]))) : 0;

	return text ? text : GPOINTER_TO_UINT(g_hash_table_lookup(f->c->hostnames, GUINT_TO_POINTER(it->ns[KERNEL_NS_PID])));
}

/* The first process of a pid namespace: what it runs is what the container is for. */
static void set_init(const Finish *f, KernelContainerItem *it)
{
	const KernelPidNs *p = g_hash_table_lookup(f->c->pid_ns, GUINT_TO_POINTER(it->ns[KERNEL_NS_PID]));
	const KernelThread *t = p && p->init < f->n_serials && it->kind == KERNEL_NS_PID ? f->by_serial[p->init] : NULL;

	if (t) {
		it->init_tid = t->tid;
		it->init_name = history_text(f->history, t->name, -1);
		const KernelNsSet *s = g_ptr_array_index(f->c->sets, set_of(f, t->serial));
		for (guint ns = 0; ns < KERNEL_NS_COUNT; ns++)
			if (s->inum[ns])
				it->ns[ns] = s->inum[ns];
	}
}

static void name(const Finish *f, guint32 container)
{
	KernelContainerItem *it = item(f, container);

	set_init(f, it);
	it->hostname = hostname_of(f, it);
	it->name = it->hostname ? it->hostname : it->init_name;
	if (!it->name && f->first[container])
		it->name = history_text(f->history, f->first[container]->name, -1);
	if (it->first_ns > it->last_ns)
		it->first_ns = it->last_ns = f->c->set->kernel->begin_ns;
}

/* The nearest pid namespace around it that is a container. */
static guint32 parent_of(const Finish *f, const KernelContainerItem *it)
{
	guint32 inum = it->kind == KERNEL_NS_PID ? it->ns[KERNEL_NS_PID] : 0;

	for (guint n = 0; inum && n < KERNEL_NS_LEVEL_MAX; n++) {
		const KernelPidNs *p = g_hash_table_lookup(f->c->pid_ns, GUINT_TO_POINTER(inum));

		inum = p ? p->parent : 0;
		guint32 known = inum ? find(f->items, KERNEL_NS_PID, inum) : 0;
		if (known)
			return known - 1;
	}
	return MACHINE;
}

static void set_levels(const Finish *f, guint32 n)
{
	for (guint32 i = 1; i < n; i++)
		item(f, i)->parent = parent_of(f, item(f, i));
	for (guint32 i = 1; i < n; i++) {
		guint level = 0;

		for (guint32 at = i; at != MACHINE && level < KERNEL_NS_LEVEL_MAX; at = item(f, at)->parent)
			level++;
		item(f, i)->level = (guint8)level;
	}
}

/* ---- All of it --------------------------------------------------------------------------------------------------- */

static void make_machine(Finish *f)
{
	KernelContainerItem *it = history_table_add(f->history, f->c->table);

	*it = (KernelContainerItem){.name = history_text(f->history, "(machine)", -1), .kind = KERNEL_NS_PID, .init_tid = 1,
				    .first_ns = f->c->set->kernel->begin_ns, .last_ns = f->c->set->kernel->end_ns};
	for (guint ns = 0; ns < KERNEL_NS_COUNT; ns++)
		it->ns[ns] = f->own[ns];
}

static void index_threads(Finish *f)
{
	const Kernel *k = f->c->set->kernel;

	f->n_serials = k->n_serials;
	f->by_serial = g_new0(const KernelThread *, MAX(k->n_serials, 1));
	for (guint i = 0; i < k->threads->len; i++) {
		const KernelThread *t = g_ptr_array_index(k->threads, i);

		f->by_serial[t->serial] = t;
	}
}

void kernel_containers_finish(gpointer part)
{
	KernelContainers *c = part;
	Finish f = {.c = c, .history = c->set->history};

	if (c->sets->len == 1)
		return;
	index_threads(&f);
	find_own(&f);
	f.sharers = g_hash_table_new_full(g_int64_hash, g_int64_equal, g_free, NULL);
	f.items = g_hash_table_new_full(g_int64_hash, g_int64_equal, g_free, NULL);
	f.of_set = g_new(guint32, c->sets->len);
	make_machine(&f);
	find_sharers(&f);
	for (guint i = 0; i < c->sets->len; i++)
		f.of_set[i] = resolve(&f, g_ptr_array_index(c->sets, i));
	guint32 n = (guint32)history_table_len(f.history, c->table);
	f.first = g_new0(const KernelThread *, n);
	write_threads(&f);
	for (guint32 i = 1; i < n; i++)
		name(&f, i);
	set_levels(&f, n);
	g_hash_table_unref(f.sharers);
	g_hash_table_unref(f.items);
	g_free(f.of_set);
	g_free(f.first);
	g_free(f.by_serial);
}

/* ---- Asking ------------------------------------------------------------------------------------------------------ */

static gconstpointer get(const History *h, const char *name, gsize size, guint32 i)
{
	guint table;

	if (!history_find_table(h, name, size, &table) || i >= history_table_len(h, table))
		return NULL;
	return history_table_get(h, table, i);
}

const KernelThreadContainerItem *kernel_thread_container(const History *h, guint32 thread)
{
	return get(h, KERNEL_THREAD_CONTAINERS_TABLE, sizeof(KernelThreadContainerItem), thread);
}

guint32 kernel_container_of(const History *h, guint32 thread)
{
	const KernelThreadContainerItem *it = kernel_thread_container(h, thread);

	return it ? it->container : KERNEL_NO_CONTAINER;
}

const KernelContainerItem *kernel_container(const History *h, guint32 container)
{
	return get(h, KERNEL_CONTAINERS_TABLE, sizeof(KernelContainerItem), container);
}

guint32 kernel_n_containers(const History *h)
{
	guint table;

	if (!history_find_table(h, KERNEL_CONTAINERS_TABLE, sizeof(KernelContainerItem), &table))
		return 0;
	return (guint32)history_table_len(h, table);
}

gboolean kernel_container_matches(const History *h, guint32 container, const char *const *patterns,
				  gboolean (*match)(const char *const *patterns, const char *text, gint64 number))
{
	const KernelContainerItem *it = kernel_container(h, container);
	static const KernelNs numbers[] = {KERNEL_NS_PID, KERNEL_NS_CGROUP, KERNEL_NS_MNT, KERNEL_NS_NET};

	if (!it || !patterns)
		return !patterns;
	for (guint i = 0; i < G_N_ELEMENTS(numbers); i++)
		if (it->ns[numbers[i]] && match(patterns, "", it->ns[numbers[i]]))
			return TRUE;
	return match(patterns, history_text_get(h, it->name), -1) || (it->hostname && match(patterns, history_text_get(h, it->hostname), -1)) ||
	       (it->init_name && match(patterns, history_text_get(h, it->init_name), -1));
}
