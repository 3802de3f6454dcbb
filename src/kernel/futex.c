/* SPDX-License-Identifier: MIT */
/* futex.c: waits for futexes, and who ended them. */
#include "kernel/futex.h"

#include <errno.h>

/* Linux's operations; the flags above them. */
enum {
	OP_WAIT = 0, OP_WAKE = 1, OP_REQUEUE = 3, OP_CMP_REQUEUE = 4, OP_WAKE_OP = 5, OP_LOCK_PI = 6, OP_UNLOCK_PI = 7, OP_TRYLOCK_PI = 8,
	OP_WAIT_BITSET = 9, OP_WAKE_BITSET = 10, OP_WAIT_REQUEUE_PI = 11, OP_CMP_REQUEUE_PI = 12, OP_LOCK_PI2 = 13,
	OP_MASK = 127, OP_PRIVATE = 128,
};
enum { RESTART_FIRST = 512, RESTART_LAST = 516 }; /* errors by which the kernel restarts an interrupted call */

/* A thread's wait; `futex` G_MAXUINT32: it isn't in one. */
typedef struct {
	gint64 begin_ns, woken_ns;
	guint64 woken_at;
	guint32 futex;
	guint32 waker;
	guint8 flags;
} Wait;

/* Who woke somebody at a futex last. */
typedef struct {
	gint64 time;
	guint32 waker;
	guint32 detail;        /* text; 0: not yet asked for */
	guint32 detail_waker;  /* whom that names */
} State;

typedef struct KernelFutexes {
	KernelSet *set;
	guint table, waits;
	GHashTable *numbers;   /* Key * -> number of the futex */
	GArray *states;        /* State, by number */
	GPtrArray *threads;    /* Wait *, by serial */
	gboolean has_waking;
	guint32 last_detail;   /* the greatest text of a detail so far */
	guint n_details;
} Futexes;

typedef struct {
	guint64 address;
	guint64 owner;         /* pid, or 2^32 and tid */
} Key;

static guint key_hash(gconstpointer p)
{
	const Key *k = p;
	guint64 h = (k->address ^ k->owner << 17) * G_GUINT64_CONSTANT(0x9e3779b97f4a7c15);

	return (guint)(h >> 32);
}

static gboolean key_equal(gconstpointer a, gconstpointer b)
{
	const Key *x = a, *y = b;

	return x->address == y->address && x->owner == y->owner;
}

const char *kernel_futex_result_name(guint result)
{
	static const char *const names[KERNEL_FUTEX_RESULT_COUNT] = {"woken", "timeout", "again", "signal", "failed", "open"};

	return result < KERNEL_FUTEX_RESULT_COUNT ? names[result] : "unknown";
}

const char *kernel_futex_op_name(guint64 op)
{
	static const char *const names[] = {"wait", "wake", "fd", "requeue", "cmp-requeue", "wake-op", "lock-pi", "unlock-pi", "trylock-pi",
					    "wait-bitset", "wake-bitset", "wait-requeue-pi", "cmp-requeue-pi", "lock-pi2"};

	return (op & OP_MASK) < G_N_ELEMENTS(names) ? names[op & OP_MASK] : "unknown";
}

static gpointer futex_create(KernelSet *set)
{
	Futexes *f = g_new0(Futexes, 1);

	f->set = set;
	f->table = history_table(set->history, KERNEL_FUTEXES_TABLE, sizeof(KernelFutexItem));
	f->waits = history_table(set->history, KERNEL_FUTEX_WAITS_TABLE, sizeof(KernelFutexWaitItem));
	f->numbers = g_hash_table_new_full(key_hash, key_equal, g_free, NULL);
	f->states = g_array_new(FALSE, TRUE, sizeof(State));
	f->threads = g_ptr_array_new_with_free_func(g_free);
	f->has_waking = set->facts->declared[TRACE_SCHED_WAKING] || set->facts->declared[TRACE_SCHED_WAKEUP];
	*(KernelFutexItem *)history_table_add(set->history, f->table) = (KernelFutexItem){.pid = -1, .tid = -1};
	g_array_set_size(f->states, 1);
	g_array_index(f->states, State, 0).waker = G_MAXUINT32;
	return f;
}

static void futex_free(gpointer part)
{
	Futexes *f = part;

	g_hash_table_unref(f->numbers);
	g_array_unref(f->states);
	g_ptr_array_unref(f->threads);
	g_free(f);
}

/* ---- Futexes ---------------------------------------------------------------------------------------------------- */

static guint32 futex_of(Futexes *f, const KernelThread *t, guint64 address, guint64 op)
{
	Key key = {address, t->pid >= 0 ? (guint64)t->pid : (G_GUINT64_CONSTANT(1) << 32) + (guint32)t->serial};
	gpointer known;

	if (g_hash_table_lookup_extended(f->numbers, &key, NULL, &known))
		return GPOINTER_TO_UINT(known);
	if (f->states->len >= KERNEL_FUTEXES_MAX)
		return 0;
	KernelFutexItem *item = history_table_add(f->set->history, f->table);
	*item = (KernelFutexItem){.address = address, .pid = t->pid, .tid = t->tid, .is_shared = !(op & OP_PRIVATE)};
	State state = {.waker = G_MAXUINT32};
	g_array_append_val(f->states, state);
	g_hash_table_insert(f->numbers, g_memdup2(&key, sizeof(key)), GUINT_TO_POINTER(f->states->len - 1));
	return f->states->len - 1;
}

static Wait *wait_of(const Futexes *f, const KernelThread *t)
{
	return t && t->serial < f->threads->len ? g_ptr_array_index(f->threads, t->serial) : NULL;
}

static Wait *wait_make(Futexes *f, const KernelThread *t)
{
	Wait *w = wait_of(f, t);

	if (w)
		return w;
	if (t->serial >= f->threads->len)
		g_ptr_array_set_size(f->threads, (gint)t->serial + 1);
	w = g_new0(Wait, 1);
	w->futex = G_MAXUINT32;
	g_ptr_array_index(f->threads, t->serial) = w;
	return w;
}

/* ---- Operations ---------------------------------------------------------------------------------------------------- */

static gboolean operation(const KernelCall *call, guint64 *address_out, guint64 *op_out)
{
	*address_out = call->args_present & 1 ? call->args[0] : 0;
	*op_out = call->syscall == TRACE_SYS_FUTEX_WAKE ? OP_WAKE : call->syscall == TRACE_SYS_FUTEX ? call->args[1] : OP_WAIT;
	if (call->syscall == TRACE_SYS_FUTEX_WAITV)
		*address_out = 0; /* of several; which is not recorded as a number */
	return call->syscall != TRACE_SYS_FUTEX || (call->args_present & 3) == 3;
}

static gboolean is_wait(guint64 op)
{
	switch (op & OP_MASK) {
	case OP_WAIT:
	case OP_WAIT_BITSET:
	case OP_LOCK_PI:
	case OP_LOCK_PI2:
	case OP_WAIT_REQUEUE_PI:
		return TRUE;
	default:
		return FALSE;
	}
}

static gboolean is_wake(guint64 op)
{
	switch (op & OP_MASK) {
	case OP_WAKE:
	case OP_WAKE_BITSET:
	case OP_WAKE_OP:
	case OP_UNLOCK_PI:
	case OP_REQUEUE:
	case OP_CMP_REQUEUE:
	case OP_CMP_REQUEUE_PI:
		return TRUE;
	default:
		return FALSE;
	}
}

static gboolean is_pi(guint64 op)
{
	return (op & OP_MASK) == OP_LOCK_PI || (op & OP_MASK) == OP_LOCK_PI2 || (op & OP_MASK) == OP_WAIT_REQUEUE_PI;
}

void kernel_futex_entry(Futexes *f, KernelThread *t, const KernelCall *call)
{
	guint64 address, op;

	if (!operation(call, &address, &op) || !is_wait(op))
		return;
	Wait *w = wait_make(f, t);
	*w = (Wait){.begin_ns = call->begin_ns, .futex = futex_of(f, t, address, op), .waker = G_MAXUINT32,
		    .flags = is_pi(op) ? KERNEL_FUTEX_PI : 0};
	if (is_pi(op))
		((KernelFutexItem *)history_table_item(f->set->history, f->table, w->futex))->is_pi = TRUE;
}

/* Where no wakeups are recorded: who woke somebody at the address while it waited. */
static void infer_waker(const Futexes *f, Wait *w)
{
	const State *s = &g_array_index(f->states, State, w->futex);

	if (f->has_waking || w->futex == 0 || s->waker == G_MAXUINT32 || s->time < w->begin_ns)
		return;
	w->waker = s->waker;
	w->woken_ns = s->time;
	w->woken_at = ((const KernelFutexItem *)history_table_get(f->set->history, f->table, w->futex))->address;
}

static KernelFutexResult result_of(gint64 ret)
{
	if (ret >= 0)
		return KERNEL_FUTEX_WOKEN;
	if (ret == -ETIMEDOUT)
		return KERNEL_FUTEX_TIMEOUT;
	if (ret == -EAGAIN)
		return KERNEL_FUTEX_AGAIN;
	return ret == -EINTR || (ret <= -RESTART_FIRST && ret >= -RESTART_LAST) ? KERNEL_FUTEX_SIGNAL : KERNEL_FUTEX_FAILED;
}

static void end_wait(Futexes *f, const KernelThread *t, Wait *w, KernelFutexResult result, gint64 time)
{
	if (result == KERNEL_FUTEX_WOKEN && w->waker == G_MAXUINT32)
		infer_waker(f, w);
	KernelFutexWaitItem *item = history_table_add(f->set->history, f->waits);
	*item = (KernelFutexWaitItem){.begin_ns = w->begin_ns, .end_ns = time, .woken_ns = w->woken_ns, .woken_at = w->woken_at,
				      .futex = w->futex, .thread = t->serial, .cpu = (gint16)t->cpu, .result = (guint8)result,
				      .waker = result == KERNEL_FUTEX_WOKEN ? w->waker : G_MAXUINT32, .flags = w->flags};
	w->futex = G_MAXUINT32;
}

void kernel_futex_exit(Futexes *f, KernelThread *t, const KernelCall *call, gint64 ret, gint64 time, gboolean complete)
{
	guint64 address, op;
	Wait *w = wait_of(f, t);

	if (!operation(call, &address, &op))
		return;
	if (w && w->futex != G_MAXUINT32)
		end_wait(f, t, w, complete ? result_of(ret) : KERNEL_FUTEX_OPEN, time);
	if (f->has_waking || !complete || !is_wake(op) || ret <= 0)
		return;
	guint32 futex = futex_of(f, t, address, op); /* which may make room for more of them */
	State *s = &g_array_index(f->states, State, futex);
	s->waker = t->serial;
	s->time = time;
}

/* ---- Wakeups ------------------------------------------------------------------------------------------------------- */

static void on_wake(Futexes *f, const TraceEvent *ev)
{
	gint64 tid = trace_has(ev, TRACE_SCHED_WAKING_TID) ? (gint64)ev->v[TRACE_SCHED_WAKING_TID] : -1;
	KernelThread *t = tid > 0 && tid < KERNEL_TID_MAX ? kernel_thread(f->set->kernel, (gint32)tid) : NULL;
	Wait *w = wait_of(f, t);
	guint64 address, op;

	if (!w || w->futex == G_MAXUINT32 || w->woken_ns)
		return;
	w->woken_ns = ev->time;
	w->flags |= KERNEL_FUTEX_SLEPT;
	KernelThread *waker = kernel_current(f->set->kernel, ev);
	const KernelCall *call = kernel_syscalls_current(f->set, waker);
	if (call && (call->syscall == TRACE_SYS_EXIT || call->syscall == TRACE_SYS_EXIT_GROUP)) {
		w->waker = waker->serial; /* the kernel wakes who waits for a thread's end */
		w->flags |= KERNEL_FUTEX_SEEN | KERNEL_FUTEX_BY_EXIT;
		return;
	}
	if (!call || !(kernel_call_rule(call->syscall)->subject & KERNEL_FOR_FUTEX) || !operation(call, &address, &op) || !is_wake(op))
		return;
	const KernelFutexItem *item = history_table_get(f->set->history, f->table, w->futex);
	w->waker = waker->serial;
	w->woken_at = address;
	w->flags |= KERNEL_FUTEX_SEEN;
	if (w->futex && item->address && address != item->address && !item->is_shared && waker->pid == t->pid)
		w->flags |= KERNEL_FUTEX_REQUEUED;
	State *s = &g_array_index(f->states, State, w->futex);
	s->waker = waker->serial;
	s->time = ev->time;
}

static void futex_event(gpointer part, const TraceEvent *ev)
{
	if (ev->id == TRACE_SCHED_WAKING || ev->id == TRACE_SCHED_WAKEUP)
		on_wake(part, ev);
}

/* A wakeup may have been lost: what ends a wait that was going on then isn't known. The part syscalls ends those waits as open. */
static TraceModel futex_model(gpointer part)
{
	static const TraceNeed waking[] = {{TRACE_SCHED_WAKING, 0x1, 0, 0}};
	static const TraceNeed wakeup[] = {{TRACE_SCHED_WAKEUP, 0x1, 0, 0}};
	const Futexes *f = part;

	return (TraceModel){.needs = f->set->facts->declared[TRACE_SCHED_WAKING] ? waking : wakeup, .n_needs = 1, .event = futex_event,
			    .self = part};
}

/* ---- Why ------------------------------------------------------------------------------------------------------------- */

enum { SURE = 70 };

/* Address and waker; the last pair is kept with the futex, others are found among the texts. */
static guint32 detail(Futexes *f, guint32 futex, const KernelThread *waker, gboolean pi)
{
	State *s = &g_array_index(f->states, State, futex);
	const KernelFutexItem *item = history_table_get(f->set->history, f->table, futex);
	guint32 serial = waker ? waker->serial : G_MAXUINT32;
	char name[128];

	if (s->detail && (s->detail_waker == serial || f->n_details >= KERNEL_FUTEX_DETAILS_MAX))
		return s->detail;
	if (waker && f->n_details < KERNEL_FUTEX_DETAILS_MAX)
		g_snprintf(name, sizeof(name), "0x%" G_GINT64_MODIFIER "x %s %s %d", item->address, pi ? "held by" : "woken by",
			   waker->name[0] ? waker->name : "thread", waker->tid);
	else
		g_snprintf(name, sizeof(name), "0x%" G_GINT64_MODIFIER "x", item->address);
	guint32 text = history_text(f->set->history, name, -1);
	if (text > f->last_detail) {
		f->last_detail = text;
		f->n_details++;
	}
	s->detail = text;
	s->detail_waker = serial;
	return text;
}

static void futex_why(gpointer part, const KernelBlocked *b, KernelWhy *why)
{
	Futexes *f = part;
	const Wait *w = wait_of(f, b->thread);

	if (!w || w->futex == G_MAXUINT32 || !(kernel_call_rule(b->syscall)->subject & KERNEL_FOR_FUTEX) || w->begin_ns > b->since)
		return;
	gboolean woken = w->flags & KERNEL_FUTEX_SEEN;
	gboolean timer = !woken && (b->from == KERNEL_FROM_VECTOR || b->from == KERNEL_FROM_IRQ || b->from == KERNEL_FROM_SOFTIRQ);
	*why = (KernelWhy){.reason = timer ? KERNEL_WAIT_FOR_TIMER : KERNEL_WAIT_FOR_FUTEX, .weight = SURE,
			   .detail = timer ? history_text(f->set->history, "timeout of futex", -1) :
					     detail(f, w->futex, woken ? b->waker : NULL, w->flags & KERNEL_FUTEX_PI)};
}

const KernelPart kernel_part_futex = {.create = futex_create, .model = futex_model, .free = futex_free, .why = futex_why};
