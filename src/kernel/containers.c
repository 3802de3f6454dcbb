/* SPDX-License-Identifier: MIT */
/* containers.c: what is known of threads' namespaces while events flow. What that makes of them is in containers_finish.c. */
#include "kernel/containers_private.h"

#include <string.h>

static const guint32 initial[KERNEL_NS_COUNT] = {
#define KERNEL_N(id, name, inum) [KERNEL_NS_##id] = (inum),
	KERNEL_NAMESPACES(KERNEL_N)
#undef KERNEL_N
};

const char *kernel_ns_name(KernelNs ns)
{
	static const char *const names[KERNEL_NS_COUNT] = {
#define KERNEL_N(id, name, inum) [KERNEL_NS_##id] = (name),
		KERNEL_NAMESPACES(KERNEL_N)
#undef KERNEL_N
	};

	return names[ns];
}

/* ---- Combinations of namespaces ---------------------------------------------------------------------------------- */

static guint set_hash(gconstpointer key)
{
	const KernelNsSet *s = key;
	guint h = 0;

	for (guint i = 0; i < KERNEL_NS_COUNT; i++)
		h = h * 31 + s->inum[i];
	return h;
}

static gboolean set_equal(gconstpointer a, gconstpointer b)
{
	return memcmp(a, b, sizeof(KernelNsSet)) == 0;
}

const KernelNsSet *kernel_ns_set(const KernelContainers *c, guint32 serial)
{
	guint32 set = serial < c->of_thread->len ? g_array_index(c->of_thread, guint32, serial) : 0;

	return g_ptr_array_index(c->sets, set);
}

/* The number of a combination; 0, of which nothing is known, if there are too many. */
static guint32 set_number(KernelContainers *c, const KernelNsSet *s)
{
	gpointer known = g_hash_table_lookup(c->by_set, s);

	if (known || c->sets->len >= KERNEL_NS_SETS_MAX)
		return GPOINTER_TO_UINT(known);
	KernelNsSet *copy = g_memdup2(s, sizeof(*s));
	g_hash_table_insert(c->by_set, copy, GUINT_TO_POINTER(c->sets->len));
	g_ptr_array_add(c->sets, copy);
	return c->sets->len - 1;
}

static void give_set(KernelContainers *c, guint32 serial, const KernelNsSet *s)
{
	if (serial >= c->of_thread->len)
		g_array_set_size(c->of_thread, MAX(serial + 1, c->of_thread->len * 2));
	g_array_index(c->of_thread, guint32, serial) = set_number(c, s);
}

/* The thread is in that namespace; 0: it is in one that isn't known. */
static void learn(KernelContainers *c, const KernelThread *t, KernelNs ns, guint32 inum)
{
	KernelNsSet s = *kernel_ns_set(c, t->serial);

	if (s.inum[ns] == inum)
		return;
	s.inum[ns] = inum;
	give_set(c, t->serial, &s);
}

static void learn_numbers(KernelContainers *c, const KernelThread *t, gint64 vtid, gint64 vpid)
{
	if (vtid <= 0 || vtid >= KERNEL_TID_MAX || vpid >= KERNEL_TID_MAX)
		return;
	if (t->serial >= c->numbers->len)
		g_array_set_size(c->numbers, MAX(t->serial + 1, c->numbers->len * 2));
	g_array_index(c->numbers, KernelNsNumbers, t->serial) = (KernelNsNumbers){(gint32)vtid, (gint32)MAX(vpid, 0)};
}

/* ---- Pid namespaces ---------------------------------------------------------------------------------------------- */

KernelPidNs *kernel_pid_ns(KernelContainers *c, guint32 inum)
{
	KernelPidNs *p = g_hash_table_lookup(c->pid_ns, GUINT_TO_POINTER(inum));

	if (p || g_hash_table_size(c->pid_ns) >= KERNEL_CONTAINERS_MAX)
		return p;
	p = g_new0(KernelPidNs, 1);
	p->level = inum == initial[KERNEL_NS_PID] ? 0 : -1;
	p->init = G_MAXUINT32;
	g_hash_table_insert(c->pid_ns, GUINT_TO_POINTER(inum), p);
	return p;
}

static void set_parent(KernelContainers *c, guint32 inum, guint32 parent)
{
	KernelPidNs *p = inum != parent ? kernel_pid_ns(c, inum) : NULL;

	if (p && !p->parent && inum != initial[KERNEL_NS_PID])
		p->parent = parent;
}

static void set_level(KernelContainers *c, guint32 inum, gint level)
{
	KernelPidNs *p = kernel_pid_ns(c, inum);

	if (p && p->level < 0)
		p->level = level;
}

static void set_init(KernelContainers *c, guint32 inum, const KernelThread *t)
{
	KernelPidNs *p = kernel_pid_ns(c, inum);

	if (p)
		p->init = t->serial;
}

/* ---- Events ------------------------------------------------------------------------------------------------------ */

static gint64 value(const TraceEvent *ev, guint field, gint64 otherwise)
{
	return trace_has(ev, field) ? (gint64)ev->v[field] : otherwise;
}

static KernelThread *thread_of(const KernelContainers *c, gint64 tid)
{
	return tid > 0 && tid < KERNEL_TID_MAX ? kernel_thread(c->set->kernel, (gint32)tid) : NULL;
}

/* A state dump tells of a thread's pid namespaces from the innermost one outwards. */
static void on_pid_ns(KernelContainers *c, const TraceEvent *ev)
{
	gint64 tid = value(ev, TRACE_STATEDUMP_PID_NS_TID, -1);
	guint32 inum = (guint32)value(ev, TRACE_STATEDUMP_PID_NS_NS_INUM, 0);
	gint level = (gint)CLAMP(value(ev, TRACE_STATEDUMP_PID_NS_NS_LEVEL, 0), 0, KERNEL_NS_LEVEL_MAX);
	const KernelThread *t = thread_of(c, tid);

	if (!t || !inum)
		return;
	set_level(c, inum, level);
	if (c->dumped_tid == tid && c->dumped_level == level + 1) {
		set_parent(c, c->dumped_inum, inum);
	} else {
		learn(c, t, KERNEL_NS_PID, inum);
		learn_numbers(c, t, value(ev, TRACE_STATEDUMP_PID_NS_VTID, 0), value(ev, TRACE_STATEDUMP_PID_NS_VPID, 0));
		g_hash_table_insert(c->dumped, GINT_TO_POINTER(t->tid), GUINT_TO_POINTER(t->serial));
		if (value(ev, TRACE_STATEDUMP_PID_NS_VTID, -1) == 1)
			set_init(c, inum, t);
	}
	c->dumped_tid = (gint32)tid;
	c->dumped_level = level;
	c->dumped_inum = inum;
}

/* All but that of pid namespaces have the same fields. */
static void on_other_ns(KernelContainers *c, const TraceEvent *ev, KernelNs ns)
{
	const KernelThread *t = thread_of(c, value(ev, TRACE_STATEDUMP_CGROUP_NS_TID, -1));
	guint32 inum = (guint32)value(ev, TRACE_STATEDUMP_CGROUP_NS_NS_INUM, 0);

	if (!t || !inum)
		return;
	/* User namespaces come from the innermost one outwards, too. */
	if (ns == KERNEL_NS_USER && c->dumped_user_tid == t->tid)
		return;
	if (ns == KERNEL_NS_USER)
		c->dumped_user_tid = t->tid;
	learn(c, t, ns, inum);
}

/* What a new thread has a number in: its own namespaces, from the outermost one. Its number in the innermost one; 0: not told. */
static guint64 read_vtids(const TraceEvent *ev, guint64 *n_out)
{
	guint64 slots[CTF_SLOTS_MAX], last = 0;
	const CtfFc *payload = trace_event_class(ev)->payload;
	CtfCursor c;

	*n_out = 0;
	trace_event_cursor(ev, &c, slots);
	for (guint i = 0; payload && i < payload->n_members && !c.failed; i++) {
		const CtfFc *fc = payload->members[i].fc;

		if (strcmp(payload->members[i].name, "vtids") != 0) {
			ctf_cursor_skip(&c, fc);
			continue;
		}
		*n_out = ctf_cursor_length(&c, fc);
		for (guint64 k = 0; k < *n_out && !c.failed; k++)
			last = ctf_cursor_int(&c, fc->element);
		break;
	}
	return c.failed ? 0 : last;
}

/* The first thread of a namespace, or one that came into it from outside. `n` numbers has it, the innermost one being `vtid`. */
static void on_entered(KernelContainers *c, const KernelThread *t, guint32 inum, guint32 parent, guint64 n, guint64 vtid)
{
	const KernelPidNs *outer = kernel_pid_ns(c, parent);

	if (n > 0 && n <= KERNEL_NS_LEVEL_MAX)
		set_level(c, inum, (gint)n - 1);
	if (!n || (outer && outer->level + 1 == (gint)n - 1))
		set_parent(c, inum, parent);
	if (!n || vtid == 1)
		set_init(c, inum, t);
}

/* What clone()'s flags make anew; pid namespaces are told by the fork itself. */
static void unshare_by_flags(KernelContainers *c, const KernelThread *t, guint64 flags)
{
	static const struct {
		guint32 flag;
		KernelNs ns;
	} news[] = {
		{0x00020000, KERNEL_NS_MNT}, {0x02000000, KERNEL_NS_CGROUP}, {0x04000000, KERNEL_NS_UTS},
		{0x08000000, KERNEL_NS_IPC}, {0x10000000, KERNEL_NS_USER},   {0x40000000, KERNEL_NS_NET},
	};

	for (guint i = 0; i < G_N_ELEMENTS(news); i++)
		if (flags & news[i].flag)
			learn(c, t, news[i].ns, 0);
}

/* A thread of a process that is known has its number. */
static gint64 vpid_of_child(const KernelContainers *c, const TraceEvent *ev, const KernelThread *parent, gint64 vtid)
{
	gint64 tid = value(ev, TRACE_PROCESS_FORK_CHILD_TID, -1), pid = value(ev, TRACE_PROCESS_FORK_CHILD_PID, -1);

	if (tid == pid)
		return vtid;
	return parent && pid == parent->pid && parent->serial < c->numbers->len ? g_array_index(c->numbers, KernelNsNumbers, parent->serial).vpid : 0;
}

static void on_fork(KernelContainers *c, const TraceEvent *ev)
{
	const KernelThread *t = thread_of(c, value(ev, TRACE_PROCESS_FORK_CHILD_TID, -1));
	const KernelThread *parent = thread_of(c, value(ev, TRACE_PROCESS_FORK_PARENT_TID, -1));
	guint32 inum = (guint32)value(ev, TRACE_PROCESS_FORK_CHILD_NS, 0), outer = (guint32)value(ev, TRACE_PROCESS_FORK_PARENT_NS, 0);

	if (parent && outer)
		learn(c, parent, KERNEL_NS_PID, outer);
	if (!t)
		return;
	if (parent)
		give_set(c, t->serial, kernel_ns_set(c, parent->serial));
	if (inum)
		learn(c, t, KERNEL_NS_PID, inum);
	guint64 n = 0, vtid = inum && inum != initial[KERNEL_NS_PID] && ev->record ? read_vtids(ev, &n) : 0;
	if (n)
		learn_numbers(c, t, (gint64)vtid, vpid_of_child(c, ev, parent, (gint64)vtid));
	if (inum && outer && inum != outer)
		on_entered(c, t, inum, outer, n, vtid);
	gpointer flags = parent ? g_hash_table_lookup(c->flags, GUINT_TO_POINTER(parent->serial)) : NULL;
	if (flags)
		unshare_by_flags(c, t, GPOINTER_TO_SIZE(flags));
}

/* Contexts are of the thread that the switch is away from. */
static void on_switch(KernelContainers *c, const TraceEvent *ev)
{
	static const KernelNs kinds[] = {KERNEL_NS_PID, KERNEL_NS_CGROUP, KERNEL_NS_MNT, KERNEL_NS_NET, KERNEL_NS_UTS};
	const KernelCpu *cpu = kernel_cpu(c->set->kernel, ev->cpu);
	const KernelThread *t = cpu ? cpu->previous : NULL;

	if (!t || !(ev->ctx_present >> TRACE_CTX_PID_NS) || kernel_is_idle(t))
		return;
	for (guint i = 0; i < G_N_ELEMENTS(kinds); i++) {
		TraceCtx ctx = (TraceCtx)(TRACE_CTX_PID_NS + i);

		if (trace_has_ctx(ev, ctx) && ev->ctx[ctx])
			learn(c, t, kinds[i], (guint32)ev->ctx[ctx]);
	}
	if (trace_has_ctx(ev, TRACE_CTX_VTID) && ev->ctx[TRACE_CTX_VTID] == 1 && trace_has_ctx(ev, TRACE_CTX_PID_NS) && ev->ctx[TRACE_CTX_PID_NS])
		set_init(c, (guint32)ev->ctx[TRACE_CTX_PID_NS], t);
}

/* ---- System calls ------------------------------------------------------------------------------------------------ */

#define SETNS_TYPE 1

static void on_entry(KernelContainers *c, const TraceEvent *ev, const KernelThread *t)
{
	gpointer serial = GUINT_TO_POINTER(t->serial);
	guint len;

	if (g_hash_table_size(c->flags) >= KERNEL_CONTAINERS_MAX)
		g_hash_table_remove_all(c->flags);
	if (ev->syscall == TRACE_SYS_SETHOSTNAME && trace_has(ev, 0)) {
		const char *name = trace_text(ev, 0, &len);

		g_hash_table_insert(c->flags, serial, GSIZE_TO_POINTER(history_text(c->set->history, name, (gssize)MIN(len, 64))));
	} else if (ev->syscall == TRACE_SYS_SETNS) {
		g_hash_table_insert(c->flags, serial, GSIZE_TO_POINTER((gsize)value(ev, SETNS_TYPE, 0)));
	} else if (ev->syscall == TRACE_SYS_UNSHARE || ev->syscall == TRACE_SYS_CLONE) {
		g_hash_table_insert(c->flags, serial, GSIZE_TO_POINTER((gsize)value(ev, 0, 0)));
	}
}

/* The machine's own name is no container's. */
static void set_hostname(KernelContainers *c, const KernelThread *t, guint32 text)
{
	const KernelNsSet *s = kernel_ns_set(c, t->serial);
	guint32 uts = s->inum[KERNEL_NS_UTS], pid = s->inum[KERNEL_NS_PID];

	if (g_hash_table_size(c->hostnames) >= KERNEL_CONTAINERS_MAX)
		return;
	if (uts && uts != initial[KERNEL_NS_UTS])
		g_hash_table_insert(c->hostnames, GUINT_TO_POINTER(uts), GUINT_TO_POINTER(text));
	else if (!uts && pid && pid != initial[KERNEL_NS_PID])
		g_hash_table_insert(c->hostnames, GUINT_TO_POINTER(pid), GUINT_TO_POINTER(text));
}

static void on_return(KernelContainers *c, const TraceEvent *ev, const KernelThread *t)
{
	gpointer what;

	if (!g_hash_table_steal_extended(c->flags, GUINT_TO_POINTER(t->serial), NULL, &what) || value(ev, TRACE_SYSCALL_RET, -1) != 0)
		return;
	if (ev->syscall == TRACE_SYS_SETHOSTNAME)
		set_hostname(c, t, GPOINTER_TO_UINT(what));
	else if (ev->syscall == TRACE_SYS_UNSHARE || ev->syscall == TRACE_SYS_SETNS)
		unshare_by_flags(c, t, GPOINTER_TO_SIZE(what));
}

static void on_syscall(KernelContainers *c, const TraceEvent *ev)
{
	switch (ev->syscall) {
	case TRACE_SYS_SETHOSTNAME:
	case TRACE_SYS_SETNS:
	case TRACE_SYS_UNSHARE:
	case TRACE_SYS_CLONE:
		break;
	default:
		return;
	}
	const KernelThread *t = kernel_current(c->set->kernel, ev);
	if (t && ev->id == TRACE_SYSCALL_ENTRY)
		on_entry(c, ev, t);
	else if (t)
		on_return(c, ev, t);
}

static void containers_event(gpointer self, const TraceEvent *ev)
{
	KernelContainers *c = self;

	switch ((TraceEventId)ev->id) {
	case TRACE_SCHED_SWITCH:
		on_switch(c, ev);
		break;
	case TRACE_PROCESS_FORK:
		on_fork(c, ev);
		break;
	case TRACE_SYSCALL_ENTRY:
	case TRACE_SYSCALL_EXIT:
		on_syscall(c, ev);
		break;
	case TRACE_STATEDUMP_PID_NS:
		on_pid_ns(c, ev);
		break;
	case TRACE_STATEDUMP_CGROUP_NS:
		on_other_ns(c, ev, KERNEL_NS_CGROUP);
		break;
	case TRACE_STATEDUMP_MNT_NS:
		on_other_ns(c, ev, KERNEL_NS_MNT);
		break;
	case TRACE_STATEDUMP_NET_NS:
		on_other_ns(c, ev, KERNEL_NS_NET);
		break;
	case TRACE_STATEDUMP_UTS_NS:
		on_other_ns(c, ev, KERNEL_NS_UTS);
		break;
	case TRACE_STATEDUMP_IPC_NS:
		on_other_ns(c, ev, KERNEL_NS_IPC);
		break;
	case TRACE_STATEDUMP_USER_NS:
		on_other_ns(c, ev, KERNEL_NS_USER);
		break;
	case TRACE_STATEDUMP_TIME_NS:
		on_other_ns(c, ev, KERNEL_NS_TIME);
		break;
	default:
		break;
	}
}

/* ---- The part ---------------------------------------------------------------------------------------------------- */

static gpointer containers_create(KernelSet *set)
{
	KernelContainers *c = g_new0(KernelContainers, 1);

	c->set = set;
	c->table = history_table(set->history, KERNEL_CONTAINERS_TABLE, sizeof(KernelContainerItem));
	c->threads = history_table(set->history, KERNEL_THREAD_CONTAINERS_TABLE, sizeof(KernelThreadContainerItem));
	c->of_thread = g_array_new(FALSE, TRUE, sizeof(guint32));
	c->numbers = g_array_new(FALSE, TRUE, sizeof(KernelNsNumbers));
	c->sets = g_ptr_array_new_with_free_func(g_free);
	c->by_set = g_hash_table_new(set_hash, set_equal);
	c->pid_ns = g_hash_table_new_full(NULL, NULL, NULL, g_free);
	c->dumped = g_hash_table_new(NULL, NULL);
	c->flags = g_hash_table_new(NULL, NULL);
	c->hostnames = g_hash_table_new(NULL, NULL);
	c->dumped_tid = c->dumped_user_tid = -1;
	g_ptr_array_add(c->sets, g_new0(KernelNsSet, 1));
	return c;
}

static void containers_free(gpointer part)
{
	KernelContainers *c = part;

	g_array_unref(c->of_thread);
	g_array_unref(c->numbers);
	g_hash_table_unref(c->by_set);
	g_ptr_array_unref(c->sets);
	g_hash_table_unref(c->pid_ns);
	g_hash_table_unref(c->dumped);
	g_hash_table_unref(c->flags);
	g_hash_table_unref(c->hostnames);
	g_free(c);
}

#define NS_CTX \
	(TRACE_BIT(TRACE_CTX_VTID) | TRACE_BIT(TRACE_CTX_PID_NS) | TRACE_BIT(TRACE_CTX_CGROUP_NS) | TRACE_BIT(TRACE_CTX_MNT_NS) | \
	 TRACE_BIT(TRACE_CTX_NET_NS) | TRACE_BIT(TRACE_CTX_UTS_NS))
#define ID_CTX \
	(TRACE_BIT(TRACE_CTX_TID) | TRACE_BIT(TRACE_CTX_PID) | TRACE_BIT(TRACE_CTX_VTID) | TRACE_BIT(TRACE_CTX_VPID))
#define SYSCALL(id, fields) \
	{TRACE_SYSCALL_ENTRY, fields, ID_CTX, TRACE_ONLY(TRACE_SYS_##id)}, {TRACE_SYSCALL_EXIT, 0x1, ID_CTX, TRACE_ONLY(TRACE_SYS_##id)}

static TraceModel containers_model(gpointer part)
{
	static const TraceNeed needs[] = {
		{TRACE_SCHED_SWITCH, 0, NS_CTX},
		{TRACE_PROCESS_FORK, 0x67, 0},
		{TRACE_STATEDUMP_PID_NS, 0x1f, 0},
		{TRACE_STATEDUMP_CGROUP_NS, 0x3, 0},
		{TRACE_STATEDUMP_MNT_NS, 0x3, 0},
		{TRACE_STATEDUMP_NET_NS, 0x3, 0},
		{TRACE_STATEDUMP_UTS_NS, 0x3, 0},
		{TRACE_STATEDUMP_IPC_NS, 0x3, 0},
		{TRACE_STATEDUMP_USER_NS, 0x3, 0},
		{TRACE_STATEDUMP_TIME_NS, 0x3, 0},
		SYSCALL(SETHOSTNAME, 0x1),
		SYSCALL(SETNS, 0x2),
		SYSCALL(UNSHARE, 0x1),
		SYSCALL(CLONE, 0x1),
	};

	return (TraceModel){.needs = needs, .n_needs = G_N_ELEMENTS(needs), .event = containers_event, .self = part};
}

const KernelPart kernel_part_containers = {.create = containers_create, .model = containers_model, .finish = kernel_containers_finish,
					   .free = containers_free};
