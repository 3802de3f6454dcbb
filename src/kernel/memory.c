/* SPDX-License-Identifier: MIT */
/* memory.c: page faults; pages, objects and mappings, and who had got what is given back. */
#include "kernel/addrmap.h"
#include "kernel/memory.h"

#define THREADS_MAX (1u << 22) /* threads whose last fault is remembered */
#define ORDER_MAX   20

/* Arguments, as trace/syscalls.h has them. */
enum { BRK_END = 0, MMAP_LEN = 1, MUNMAP_LEN = 1, MREMAP_OLD = 1, MREMAP_NEW = 2 };

typedef struct {
	guint64 bytes;
	guint32 owner;
	guint8 order;
} Owned;

/* A call that a thread is in. */
typedef struct {
	gint32 syscall;
	guint64 old_bytes, new_bytes;
} Mapping;

typedef struct {
	KernelSet *set;
	guint faults, waits, memory;
	GArray *last_faults;    /* by serial: number of the fault + 1; 0: none */
	KernelAddrMap pages, objects; /* Owned */
	KernelAddrMap calls;    /* Mapping, by serial + 1 */
	KernelAddrMap heaps;    /* guint64, by process number + 1: where its heap ends */
} Memory;

/* ---- Faults ------------------------------------------------------------------------------------------------------ */

static void on_fault(Memory *m, const TraceEvent *ev)
{
	enum { ADDRESS = TRACE_FAULT_USER_ADDRESS, IP = TRACE_FAULT_USER_IP, ERROR_CODE = TRACE_FAULT_USER_ERROR_CODE };
	const KernelThread *t = kernel_current(m->set->kernel, ev);
	guint64 number = history_table_len(m->set->history, m->faults);
	KernelFaultItem *item = history_table_add(m->set->history, m->faults);

	G_STATIC_ASSERT((int)TRACE_FAULT_KERNEL_ADDRESS == (int)ADDRESS && (int)TRACE_FAULT_KERNEL_IP == (int)IP &&
			(int)TRACE_FAULT_KERNEL_ERROR_CODE == (int)ERROR_CODE);
	*item = (KernelFaultItem){.time_ns = ev->time, .thread = t ? t->serial : G_MAXUINT32, .cpu = (gint16)CLAMP(ev->cpu, -1, G_MAXINT16),
				  .in_kernel = ev->id == TRACE_FAULT_KERNEL};
	item->address = trace_has(ev, ADDRESS) ? ev->v[ADDRESS] : 0;
	item->ip = trace_has(ev, IP) ? ev->v[IP] : 0;
	item->error = trace_has(ev, ERROR_CODE) ? (guint8)ev->v[ERROR_CODE] : 0;
	if (!t || t->serial >= THREADS_MAX || number >= G_MAXUINT32 || item->in_kernel)
		return;
	if (t->serial >= m->last_faults->len)
		g_array_set_size(m->last_faults, t->serial + 1);
	g_array_index(m->last_faults, guint32, t->serial) = (guint32)number + 1;
}

/* Who sleeps outside of a system call sleeps in his last fault, if he was in one at all. */
static void memory_why(gpointer self, const KernelBlocked *b, KernelWhy *why)
{
	Memory *m = self;

	if (!b->in_fault || b->syscall >= 0 || b->thread->serial >= m->last_faults->len)
		return;
	guint32 number = g_array_index(m->last_faults, guint32, b->thread->serial);
	if (!number)
		return;
	KernelFaultWait *wait = history_table_add(m->set->history, m->waits);
	*wait = (KernelFaultWait){.fault = number - 1, .begin_ns = b->since, .end_ns = b->until, .thread = b->thread->serial};
	*why = (KernelWhy){.reason = KERNEL_WAIT_FOR_FAULT, .weight = 50};
}

/* ---- Pages and objects ------------------------------------------------------------------------------------------ */

static void add(Memory *m, const TraceEvent *ev, KernelMemoryKind kind, const Owned *what)
{
	KernelMemoryItem *item = history_table_add(m->set->history, m->memory);
	const KernelThread *t = kernel_current(m->set->kernel, ev);

	*item = (KernelMemoryItem){.time_ns = ev->time, .bytes = what->bytes, .thread = t ? t->serial : G_MAXUINT32, .owner = what->owner,
				   .kind = (guint8)kind, .order = what->order};
}

static void get_memory(Memory *m, const TraceEvent *ev, KernelAddrMap *map, guint64 key, KernelMemoryKind kind, Owned what)
{
	const KernelThread *t = kernel_current(m->set->kernel, ev);

	what.owner = t ? t->serial : G_MAXUINT32;
	*(Owned *)kernel_addrmap_put(map, key) = what;
	add(m, ev, kind, &what);
}

static void give_back(Memory *m, const TraceEvent *ev, KernelAddrMap *map, guint64 key, KernelMemoryKind kind, Owned what)
{
	const Owned *known = kernel_addrmap_get(map, key);

	what.owner = known ? known->owner : G_MAXUINT32;
	if (known && !what.bytes)
		what.bytes = known->bytes;
	if (known)
		kernel_addrmap_remove(map, key);
	add(m, ev, kind, &what);
}

static Owned pages_of(const TraceEvent *ev)
{
	guint64 order = trace_has(ev, TRACE_PAGE_ALLOC_ORDER) ? MIN(ev->v[TRACE_PAGE_ALLOC_ORDER], ORDER_MAX) : 0;

	return (Owned){.bytes = (guint64)KERNEL_PAGE_SIZE << order, .order = (guint8)order};
}

/* Which page: its number, or if that is not told its description's address. FALSE: none. */
static gboolean page_of(const TraceEvent *ev, guint64 *key_out)
{
	guint field = trace_has(ev, TRACE_PAGE_ALLOC_PFN) ? TRACE_PAGE_ALLOC_PFN : TRACE_PAGE_ALLOC_PAGE;

	*key_out = trace_has(ev, field) ? ev->v[field] : G_MAXUINT64;
	return *key_out != G_MAXUINT64 && (field == TRACE_PAGE_ALLOC_PFN || *key_out);
}

static void on_pages(Memory *m, const TraceEvent *ev)
{
	guint64 key;

	G_STATIC_ASSERT((int)TRACE_PAGE_FREE_ORDER == (int)TRACE_PAGE_ALLOC_ORDER && (int)TRACE_PAGE_FREE_PAGE == (int)TRACE_PAGE_ALLOC_PAGE &&
			(int)TRACE_PAGE_FREE_PFN == (int)TRACE_PAGE_ALLOC_PFN);
	if (!page_of(ev, &key)) /* there were none to be had */
		return;
	if (ev->id == TRACE_PAGE_ALLOC)
		get_memory(m, ev, &m->pages, key, KERNEL_MEMORY_PAGES, pages_of(ev));
	else
		give_back(m, ev, &m->pages, key, KERNEL_MEMORY_PAGES_FREE, pages_of(ev));
}

static void on_object(Memory *m, const TraceEvent *ev)
{
	enum { PTR = TRACE_KMALLOC_PTR, ALLOCATED = TRACE_KMALLOC_ALLOCATED };

	G_STATIC_ASSERT((int)TRACE_CACHE_ALLOC_PTR == (int)PTR && (int)TRACE_CACHE_ALLOC_ALLOCATED == (int)ALLOCATED &&
			(int)TRACE_KFREE_PTR == (int)PTR && (int)TRACE_CACHE_FREE_PTR == (int)PTR);
	if (!trace_has(ev, PTR) || !ev->v[PTR]) /* freeing nothing is nothing */
		return;
	if (ev->id == TRACE_KFREE || ev->id == TRACE_CACHE_FREE)
		give_back(m, ev, &m->objects, ev->v[PTR], KERNEL_MEMORY_OBJECT_FREE, (Owned){0});
	else
		get_memory(m, ev, &m->objects, ev->v[PTR], KERNEL_MEMORY_OBJECT,
			   (Owned){.bytes = trace_has(ev, ALLOCATED) ? ev->v[ALLOCATED] : 0});
}

/* ---- Mappings ------------------------------------------------------------------------------------------------------ */

static guint64 arg(const TraceEvent *ev, guint i)
{
	return trace_has(ev, i) ? ev->v[i] : 0;
}

static void on_call(Memory *m, const TraceEvent *ev)
{
	const KernelThread *t;
	Mapping call = {.syscall = ev->syscall};

	switch (ev->syscall) {
	case TRACE_SYS_MMAP:
		call.new_bytes = arg(ev, MMAP_LEN);
		break;
	case TRACE_SYS_MUNMAP:
		call.old_bytes = arg(ev, MUNMAP_LEN);
		break;
	case TRACE_SYS_MREMAP:
		call.old_bytes = arg(ev, MREMAP_OLD);
		call.new_bytes = arg(ev, MREMAP_NEW);
		break;
	case TRACE_SYS_BRK:
		call.new_bytes = arg(ev, BRK_END);
		break;
	default:
		return;
	}
	t = kernel_current(m->set->kernel, ev);
	if (t)
		*(Mapping *)kernel_addrmap_put(&m->calls, (guint64)t->serial + 1) = call;
}

/*
 * A process's heap ends at `end` now: how much it has grown is known from the second time on. Who only asks where it ends (that is what programs begin with) may
 * have got another one by exec, or be another process of the same number.
 */
static void set_heap(Memory *m, const TraceEvent *ev, const KernelThread *t, guint64 end, gboolean only_asked)
{
	if (t->pid < 0)
		return;
	if (only_asked)
		kernel_addrmap_remove(&m->heaps, (guint64)t->pid + 1);
	const guint64 *known = kernel_addrmap_get(&m->heaps, (guint64)t->pid + 1);
	if (known && *known < end)
		add(m, ev, KERNEL_MEMORY_HEAP, &(Owned){.bytes = end - *known, .owner = t->serial});
	else if (known && *known > end)
		add(m, ev, KERNEL_MEMORY_HEAP_FREE, &(Owned){.bytes = *known - end, .owner = t->serial});
	*(guint64 *)kernel_addrmap_put(&m->heaps, (guint64)t->pid + 1) = end;
}

static void on_return(Memory *m, const TraceEvent *ev)
{
	const KernelThread *t;
	gint64 ret = trace_has(ev, TRACE_SYSCALL_RET) ? (gint64)ev->v[TRACE_SYSCALL_RET] : -1;

	if (!m->calls.used || !(t = kernel_current(m->set->kernel, ev)))
		return;
	const Mapping *found = kernel_addrmap_get(&m->calls, (guint64)t->serial + 1);
	if (!found)
		return;
	Mapping call = *found;
	kernel_addrmap_remove(&m->calls, (guint64)t->serial + 1);
	if ((ev->syscall >= 0 && ev->syscall != call.syscall) || (ret < 0 && ret >= -4095))
		return;
	if (call.syscall == TRACE_SYS_BRK)
		set_heap(m, ev, t, (guint64)ret, call.new_bytes == 0);
	else if (call.new_bytes > call.old_bytes)
		add(m, ev, KERNEL_MEMORY_MAP, &(Owned){.bytes = call.new_bytes - call.old_bytes, .owner = t->serial});
	else if (call.new_bytes < call.old_bytes)
		add(m, ev, KERNEL_MEMORY_UNMAP, &(Owned){.bytes = call.old_bytes - call.new_bytes, .owner = t->serial});
}

/* ---- The part ---------------------------------------------------------------------------------------------------- */

static void memory_event(gpointer self, const TraceEvent *ev)
{
	switch (ev->id) {
	case TRACE_SYSCALL_ENTRY:
		on_call(self, ev);
		break;
	case TRACE_SYSCALL_EXIT:
		on_return(self, ev);
		break;
	case TRACE_FAULT_USER:
	case TRACE_FAULT_KERNEL:
		on_fault(self, ev);
		break;
	case TRACE_PAGE_ALLOC:
	case TRACE_PAGE_FREE:
		on_pages(self, ev);
		break;
	default:
		on_object(self, ev);
		break;
	}
}

static void forget(Memory *m)
{
	kernel_addrmap_clear(&m->pages);
	kernel_addrmap_clear(&m->objects);
	kernel_addrmap_clear(&m->calls);
	kernel_addrmap_clear(&m->heaps);
	g_array_set_size(m->last_faults, 0);
}

static void memory_loss(gpointer self, gint32 cpu, gint64 time, TraceLossEdge edge)
{
	(void)cpu;
	(void)time;
	(void)edge;
	forget(self);
}

static gpointer memory_create(KernelSet *set)
{
	Memory *m = g_new0(Memory, 1);

	m->set = set;
	m->faults = history_table(set->history, KERNEL_FAULTS_TABLE, sizeof(KernelFaultItem));
	m->waits = history_table(set->history, KERNEL_FAULT_WAITS_TABLE, sizeof(KernelFaultWait));
	m->memory = history_table(set->history, KERNEL_MEMORY_TABLE, sizeof(KernelMemoryItem));
	m->last_faults = g_array_new(FALSE, TRUE, sizeof(guint32));
	kernel_addrmap_init(&m->pages, sizeof(Owned), KERNEL_MEMORY_KEYS_MAX);
	kernel_addrmap_init(&m->objects, sizeof(Owned), KERNEL_MEMORY_KEYS_MAX);
	kernel_addrmap_init(&m->calls, sizeof(Mapping), KERNEL_MEMORY_KEYS_MAX);
	kernel_addrmap_init(&m->heaps, sizeof(guint64), KERNEL_MEMORY_KEYS_MAX);
	return m;
}

static void memory_free(gpointer self)
{
	Memory *m = self;

	forget(m);
	g_array_unref(m->last_faults);
	g_free(m);
}

static TraceModel memory_model(gpointer self)
{
#define BIT(field) TRACE_BIT(TRACE_##field)
#define FAULT      (BIT(FAULT_USER_ADDRESS) | BIT(FAULT_USER_IP) | BIT(FAULT_USER_ERROR_CODE))
#define PAGES      (BIT(PAGE_ALLOC_ORDER) | BIT(PAGE_ALLOC_PAGE) | BIT(PAGE_ALLOC_PFN))
#define OBJECT     (BIT(KMALLOC_PTR) | BIT(KMALLOC_ALLOCATED))
	static const TraceNeed needs[] = {
		{TRACE_FAULT_USER, FAULT, 0, 0},
		{TRACE_FAULT_KERNEL, FAULT, 0, 0},
		{TRACE_PAGE_ALLOC, PAGES, 0, 0},
		{TRACE_PAGE_FREE, PAGES, 0, 0},
		{TRACE_KMALLOC, OBJECT, 0, 0},
		{TRACE_CACHE_ALLOC, OBJECT, 0, 0},
		{TRACE_KFREE, BIT(KFREE_PTR), 0, 0},
		{TRACE_CACHE_FREE, BIT(CACHE_FREE_PTR), 0, 0},
		{TRACE_SYSCALL_ENTRY, TRACE_BIT(MMAP_LEN), 0, TRACE_ONLY(TRACE_SYS_MMAP)},
		{TRACE_SYSCALL_ENTRY, TRACE_BIT(MUNMAP_LEN), 0, TRACE_ONLY(TRACE_SYS_MUNMAP)},
		{TRACE_SYSCALL_ENTRY, TRACE_BIT(MREMAP_OLD) | TRACE_BIT(MREMAP_NEW), 0, TRACE_ONLY(TRACE_SYS_MREMAP)},
		{TRACE_SYSCALL_ENTRY, TRACE_BIT(BRK_END), 0, TRACE_ONLY(TRACE_SYS_BRK)},
		{TRACE_SYSCALL_EXIT, TRACE_BIT(TRACE_SYSCALL_RET), 0, TRACE_ONLY(TRACE_SYS_MMAP)},
		{TRACE_SYSCALL_EXIT, TRACE_BIT(TRACE_SYSCALL_RET), 0, TRACE_ONLY(TRACE_SYS_MUNMAP)},
		{TRACE_SYSCALL_EXIT, TRACE_BIT(TRACE_SYSCALL_RET), 0, TRACE_ONLY(TRACE_SYS_MREMAP)},
		{TRACE_SYSCALL_EXIT, TRACE_BIT(TRACE_SYSCALL_RET), 0, TRACE_ONLY(TRACE_SYS_BRK)},
	};

	return (TraceModel){.needs = needs, .n_needs = G_N_ELEMENTS(needs), .event = memory_event, .loss = memory_loss, .self = self};
}

const KernelPart kernel_part_memory = {.create = memory_create, .model = memory_model, .free = memory_free, .why = memory_why};
