/* SPDX-License-Identifier: MIT */
/* irq.c: what interrupts threads: a stack of handlers for each processor. */
#include <string.h>

#include "kernel/irq_private.h"

typedef struct {
	IrqLine *line;
	gint64 begin_ns, raise_ns;
	gint64 nested_ns; /* spent in what stood above it, or while its thread was away */
	guint64 key;      /* what its exit must have: the line's number, or the timer */
	guint64 function;
	gint64 jiffies; /* TIMER: how late */
	gint64 by_ns;
	guint32 thread, name, by, number;
	guint8 kind, own_thread;
} Frame;

typedef struct {
	guint depth;
	Frame frames[KERNEL_IRQ_DEPTH];
	/* Softirqs: those raised, and those that the kernel has taken from there to run them. */
	guint32 raised, taken;
	gint64 raised_ns[IRQ_SOFTIRQS], taken_ns[IRQ_SOFTIRQS];
} Cpu;

/* Softirqs that were preempted, with their thread. */
typedef struct {
	guint n;
	gint64 since;
	Frame frames[2];
} Away;

typedef struct {
	KernelSet *set;
	guint table;
	IrqLines lines;
	Timers timers;
	GPtrArray *cpus;    /* Cpu *, by number; NULL where nothing was seen */
	KernelAddrMap away; /* serial of the thread -> Away */
	guint64 sleeper;    /* function of the high resolution timer that ends a sleep; 0: not known yet */
	gint64 now;
} Irq;

/* ---- Processors ------------------------------------------------------------------------------------------------ */

static Cpu *cpu_get(Irq *q, gint32 id)
{
	if (id < 0 || id >= KERNEL_CPU_MAX)
		return NULL;
	if ((guint)id >= q->cpus->len)
		g_ptr_array_set_size(q->cpus, id + 1);
	Cpu **place = (Cpu **)&q->cpus->pdata[id];
	if (!*place)
		*place = g_new0(Cpu, 1);
	return *place;
}

static Cpu *cpu_known(const Irq *q, gint32 id)
{
	return id >= 0 && (guint)id < q->cpus->len ? q->cpus->pdata[id] : NULL;
}

/* ---- The stack ------------------------------------------------------------------------------------------------- */

/* Frames from `depth` on are given up: nobody saw their ends. */
static void drop(Irq *q, Cpu *c, guint depth, gint64 time, gint64 known_until)
{
	while (c->depth > depth)
		irq_line_drop(&q->lines, c->frames[--c->depth].line, time, known_until);
}

/* What can't be open when this begins: the same line or timer; another softirq. */
static void drop_impossible(Irq *q, Cpu *c, KernelIrqKind kind, guint64 key, gint64 time)
{
	for (guint i = 0; i < c->depth; i++) {
		const Frame *f = &c->frames[i];

		if (f->kind == kind && (f->key == key || kind == KERNEL_IRQ_SOFTIRQ)) {
			drop(q, c, i, time, f->begin_ns);
			return;
		}
	}
}

static Frame *push(Irq *q, Cpu *c, KernelIrqKind kind, IrqLine *line, guint64 key, const TraceEvent *ev)
{
	drop_impossible(q, c, kind, key, ev->time);
	if (c->depth == KERNEL_IRQ_DEPTH)
		drop(q, c, 0, ev->time, c->frames[0].begin_ns);
	const KernelThread *t = kernel_current(q->set->kernel, ev);
	Frame *f = &c->frames[c->depth++];

	*f = (Frame){.line = line,
	             .kind = (guint8)kind,
	             .key = key,
	             .begin_ns = ev->time,
	             .raise_ns = KERNEL_NO_TIME,
	             .thread = t ? t->serial : G_MAXUINT32,
	             .by = G_MAXUINT32};
	return f;
}

static void add_item(Irq *q, const Frame *f, guint depth, const TraceEvent *ev)
{
	History *h = q->set->history;
	KernelIrqItem *item = history_table_add(h, q->table);
	gboolean is_timer = f->kind == KERNEL_IRQ_HRTIMER || f->kind == KERNEL_IRQ_TIMER;

	*item = (KernelIrqItem){.raise_ns = f->raise_ns,
	                        .begin_ns = f->begin_ns,
	                        .end_ns = ev->time,
	                        .self_ns = MAX(ev->time - f->begin_ns - f->nested_ns, 0),
	                        .function = f->function,
	                        .object = is_timer ? f->key : 0,
	                        .thread = f->thread,
	                        .number = f->number,
	                        .name = f->name,
	                        .by = f->by,
	                        .cpu = ev->cpu,
	                        .kind = f->kind,
	                        .depth = (guint8)depth,
	                        .own_thread = f->own_thread,
	                        .error = ev->id == TRACE_IRQ_EXIT && trace_has(ev, TRACE_IRQ_EXIT_RET) &&
	                                 ev->v[TRACE_IRQ_EXIT_RET] == 0};
	if (f->kind == KERNEL_IRQ_TIMER && f->jiffies >= 0 && f->raise_ns == KERNEL_NO_TIME)
		timers_wait(&q->timers, q->table, history_table_len(h, q->table) - 1, f->jiffies);
}

static void pop(Irq *q, Cpu *c, KernelIrqKind kind, guint32 number, guint64 key, const TraceEvent *ev)
{
	guint i = c->depth;

	while (i > 0 && (c->frames[i - 1].kind != kind || c->frames[i - 1].key != key))
		i--;
	if (i == 0) {
		irq_line_strange(&q->lines, irq_line(&q->lines, kind, number), ev->time);
		return;
	}
	drop(q, c, i, ev->time, c->frames[i - 1].begin_ns);
	const Frame *f = &c->frames[--c->depth];
	f->line->item.handled++;
	irq_line_end(&q->lines, f->line, ev->time);
	add_item(q, f, c->depth, ev);
	if (c->depth)
		c->frames[c->depth - 1].nested_ns += ev->time - f->begin_ns;
}

/* ---- Events ---------------------------------------------------------------------------------------------------- */

static void irq_entry(Irq *q, Cpu *c, const TraceEvent *ev)
{
	guint32 number = (guint32)ev->v[TRACE_IRQ_ENTRY_IRQ];
	IrqLine *line = irq_line(&q->lines, KERNEL_IRQ_LINE, number);
	Frame *f = push(q, c, KERNEL_IRQ_LINE, line, number, ev);

	f->number = number;
	if (trace_has(ev, TRACE_IRQ_ENTRY_NAME)) {
		guint len;
		const char *name = trace_text(ev, TRACE_IRQ_ENTRY_NAME, &len);

		f->name = irq_line_name(&q->lines, line, name, len);
	} else {
		f->name = line->n_names ? line->names[0] : 0;
	}
	irq_line_begin(&q->lines, line, ev->time, f->name);
}

static void vector_event(Irq *q, Cpu *c, const TraceEvent *ev)
{
	guint index = (guint)(ev->id - TRACE_VECTOR_LOCAL_TIMER_ENTRY) / 2;

	if ((ev->id - TRACE_VECTOR_LOCAL_TIMER_ENTRY) % 2) {
		pop(q, c, KERNEL_IRQ_VECTOR, index, index, ev);
		return;
	}
	IrqLine *line = irq_line(&q->lines, KERNEL_IRQ_VECTOR, index);
	Frame *f = push(q, c, KERNEL_IRQ_VECTOR, line, index, ev);
	if (trace_has(ev, TRACE_VECTOR_LOCAL_TIMER_ENTRY_VECTOR))
		line->item.number = f->number = (guint32)ev->v[TRACE_VECTOR_LOCAL_TIMER_ENTRY_VECTOR];
	f->name = line->names[0];
	irq_line_begin(&q->lines, line, ev->time, f->name);
}

static void softirq_raise(Irq *q, Cpu *c, const TraceEvent *ev)
{
	guint64 vec = ev->v[TRACE_SOFTIRQ_RAISE_VEC];

	if (vec >= IRQ_SOFTIRQS)
		return;
	irq_line(&q->lines, KERNEL_IRQ_SOFTIRQ, (guint32)vec)->item.raised++;
	if (c->raised & (1u << vec))
		return;
	c->raised |= 1u << vec;
	c->raised_ns[vec] = ev->time;
}

/*
 * When the softirq that begins now was raised. The kernel takes all that are raised at once, then runs them one after the other: one that is raised again meanwhile runs
 * again in a round of its own.
 */
static gint64 take(Cpu *c, guint vec)
{
	guint32 bit = 1u << vec;

	if (!(c->taken & bit)) {
		for (guint32 new = c->raised & ~c->taken; new; new &= new - 1) {
			guint i = (guint)__builtin_ctz(new);
			c->taken_ns[i] = c->raised_ns[i];
		}
		c->taken |= c->raised;
		c->raised = 0;
	}
	if (!(c->taken & bit))
		return KERNEL_NO_TIME;
	c->taken &= ~bit;
	return c->taken_ns[vec];
}

static void softirq_entry(Irq *q, Cpu *c, const TraceEvent *ev)
{
	guint64 vec = ev->v[TRACE_SOFTIRQ_ENTRY_VEC];

	if (vec >= IRQ_SOFTIRQS)
		return;
	IrqLine *line = irq_line(&q->lines, KERNEL_IRQ_SOFTIRQ, (guint32)vec);
	Frame *f = push(q, c, KERNEL_IRQ_SOFTIRQ, line, vec, ev);
	const KernelThread *t = kernel_current(q->set->kernel, ev);

	f->number = (guint32)vec;
	f->name = line->n_names ? line->names[0] : 0;
	f->raise_ns = take(c, (guint)vec);
	f->own_thread = t && g_str_has_prefix(t->name, "ksoftirqd/");
	irq_line_begin(&q->lines, line, ev->time, f->name);
}

static void timer_expire(Irq *q, Cpu *c, const TraceEvent *ev, gboolean wheel)
{
	KernelIrqKind kind = wheel ? KERNEL_IRQ_TIMER : KERNEL_IRQ_HRTIMER;
	IrqLine *line = irq_line(&q->lines, kind, 0);
	Frame *f = push(q, c, kind, line, ev->v[TRACE_HRTIMER_EXPIRE_ENTRY_TIMER], ev);
	Timer timer;
	gboolean known = timers_expire(&q->timers, wheel, ev, &timer) && trace_has(ev, TRACE_HRTIMER_EXPIRE_ENTRY_NOW);
	gint64 late = known ? timers_lateness(wheel, ev, &timer) : -1;

	f->function = timer.function;
	f->by = timer.by;
	f->by_ns = timer.start_ns;
	f->jiffies = late;
	if (known)
		f->raise_ns = wheel ? timers_due(&q->timers, ev->time, late) : ev->time - MIN(late, G_MAXINT64 / 2);
	irq_line_begin(&q->lines, line, ev->time, 0);
}

static void timer_start(Irq *q, const TraceEvent *ev, gboolean wheel)
{
	const KernelThread *t = kernel_current(q->set->kernel, ev);

	irq_line(&q->lines, wheel ? KERNEL_IRQ_TIMER : KERNEL_IRQ_HRTIMER, 0)->item.raised++;
	timers_start(&q->timers, wheel, ev, t ? t->serial : G_MAXUINT32);
}

static void timer_cancel(Irq *q, const TraceEvent *ev, gboolean wheel)
{
	if (timers_cancel(&q->timers, wheel, ev))
		irq_line(&q->lines, wheel ? KERNEL_IRQ_TIMER : KERNEL_IRQ_HRTIMER, 0)->item.cancelled++;
}

static void statedump_irq(Irq *q, const TraceEvent *ev)
{
	guint len;

	if (!trace_has(ev, TRACE_STATEDUMP_IRQ_IRQ) || !trace_has(ev, TRACE_STATEDUMP_IRQ_ACTION))
		return;
	const char *action = trace_text(ev, TRACE_STATEDUMP_IRQ_ACTION, &len);
	irq_line_name(&q->lines, irq_line(&q->lines, KERNEL_IRQ_LINE, (guint32)ev->v[TRACE_STATEDUMP_IRQ_IRQ]), action,
	              len);
}

/* ---- Threads that switch --------------------------------------------------------------------------------------- */

/* An interrupt ends before its processor switches; so what is open lost its exit, but for the softirqs and timers of a real-time kernel, which go with their thread. */
static void switch_away(Irq *q, Cpu *c, const KernelThread *prev, gint64 time)
{
	guint n = 0;

	while (n < MIN(c->depth, 2) &&
	       (c->frames[n].kind == KERNEL_IRQ_SOFTIRQ || c->frames[n].kind == KERNEL_IRQ_TIMER))
		n++;
	drop(q, c, n, time, n < c->depth ? c->frames[n].begin_ns : time);
	if (prev && n > 0 && q->away.used < KERNEL_IRQ_AWAY_MAX) {
		Away *a = kernel_addrmap_put(&q->away, prev->serial);

		*a = (Away){.n = n, .since = time};
		memcpy(a->frames, c->frames, n * sizeof(Frame));
		for (guint i = 0; i < n; i++)
			irq_line_end(&q->lines, c->frames[i].line, time);
		c->depth = 0;
	}
	drop(q, c, 0, time, time);
}

static void switch_back(Irq *q, Cpu *c, const KernelThread *next, gint64 time)
{
	const Away *a = next ? kernel_addrmap_get(&q->away, next->serial) : NULL;

	if (!a)
		return;
	memcpy(c->frames, a->frames, a->n * sizeof(Frame));
	c->depth = a->n;
	c->frames[a->n - 1].nested_ns += time - a->since;
	for (guint i = 0; i < a->n; i++)
		irq_line_begin(&q->lines, c->frames[i].line, time, c->frames[i].name);
	kernel_addrmap_remove(&q->away, next->serial);
}

static void sched_switch(Irq *q, Cpu *c, const TraceEvent *ev)
{
	const KernelCpu *k = kernel_cpu(q->set->kernel, ev->cpu);

	if (c->depth)
		switch_away(q, c, k ? k->previous : NULL, ev->time);
	if (q->away.used)
		switch_back(q, c, k ? k->current : NULL, ev->time);
}

/* ---- The model ------------------------------------------------------------------------------------------------- */

static void irq_event(gpointer self, const TraceEvent *ev)
{
	Irq *q = self;
	Cpu *c = cpu_get(q, ev->cpu);

	q->now = ev->time;
	if (ev->id == TRACE_STATEDUMP_IRQ)
		statedump_irq(q, ev);
	if (!c)
		return;
	switch (ev->id) {
	case TRACE_SCHED_SWITCH:
		sched_switch(q, c, ev);
		break;
	case TRACE_IRQ_ENTRY:
		irq_entry(q, c, ev);
		break;
	case TRACE_IRQ_EXIT:
		pop(q, c, KERNEL_IRQ_LINE, (guint32)ev->v[TRACE_IRQ_EXIT_IRQ], (guint32)ev->v[TRACE_IRQ_EXIT_IRQ], ev);
		break;
	case TRACE_SOFTIRQ_RAISE:
		softirq_raise(q, c, ev);
		break;
	case TRACE_SOFTIRQ_ENTRY:
		softirq_entry(q, c, ev);
		break;
	case TRACE_SOFTIRQ_EXIT:
		if (ev->v[TRACE_SOFTIRQ_EXIT_VEC] < IRQ_SOFTIRQS)
			pop(q, c, KERNEL_IRQ_SOFTIRQ, (guint32)ev->v[TRACE_SOFTIRQ_EXIT_VEC],
			    ev->v[TRACE_SOFTIRQ_EXIT_VEC], ev);
		break;
	case TRACE_HRTIMER_START:
	case TRACE_TIMER_START:
		timer_start(q, ev, ev->id == TRACE_TIMER_START);
		break;
	case TRACE_HRTIMER_CANCEL:
	case TRACE_TIMER_CANCEL:
		timer_cancel(q, ev, ev->id == TRACE_TIMER_CANCEL);
		break;
	case TRACE_HRTIMER_EXPIRE_ENTRY:
	case TRACE_TIMER_EXPIRE_ENTRY:
		timer_expire(q, c, ev, ev->id == TRACE_TIMER_EXPIRE_ENTRY);
		break;
	case TRACE_HRTIMER_EXPIRE_EXIT:
		pop(q, c, KERNEL_IRQ_HRTIMER, 0, ev->v[TRACE_HRTIMER_EXPIRE_EXIT_TIMER], ev);
		break;
	case TRACE_TIMER_EXPIRE_EXIT:
		pop(q, c, KERNEL_IRQ_TIMER, 0, ev->v[TRACE_TIMER_EXPIRE_EXIT_TIMER], ev);
		break;
	default:
		if (ev->id >= TRACE_VECTOR_LOCAL_TIMER_ENTRY && ev->id <= TRACE_VECTOR_PLATFORM_IPI_EXIT)
			vector_event(q, c, ev);
	}
}

/* What was open on the processor is not known any more; nor which timers and softirqs are still to come. */
static void irq_loss(gpointer self, gint32 cpu, gint64 time, TraceLossEdge edge)
{
	Irq *q = self;

	for (guint i = 0; i < q->cpus->len; i++) {
		Cpu *c = q->cpus->pdata[i];

		if (!c || (cpu >= 0 && (guint)cpu != i))
			continue;
		drop(q, c, 0, time, edge == TRACE_LOSS_BEGIN ? time : (c->depth ? c->frames[0].begin_ns : time));
		c->raised = c->taken = 0;
	}
	timers_forget(&q->timers);
	irq_lines_loss(&q->lines, time, edge);
}

#define VECTOR(name)                                                                                                   \
	{TRACE_VECTOR_##name##_ENTRY, 0x1, KERNEL_ALL_CTX, 0},                                                         \
	{                                                                                                              \
		TRACE_VECTOR_##name##_EXIT, 0, 0, 0                                                                    \
	}

static TraceModel irq_model(gpointer self)
{
	static const TraceNeed needs[] = {
	        {TRACE_SCHED_SWITCH, 0, 0, 0},
	        {TRACE_IRQ_ENTRY, 0x3, KERNEL_ALL_CTX, 0},
	        {TRACE_IRQ_EXIT, 0x3, 0, 0},
	        {TRACE_SOFTIRQ_RAISE, 0x1, 0, 0},
	        {TRACE_SOFTIRQ_ENTRY, 0x1, KERNEL_ALL_CTX, 0},
	        {TRACE_SOFTIRQ_EXIT, 0x1, 0, 0},
	        {TRACE_HRTIMER_START, 0x7, KERNEL_ALL_CTX, 0},
	        {TRACE_HRTIMER_CANCEL, 0x1, 0, 0},
	        {TRACE_HRTIMER_EXPIRE_ENTRY, 0x7, KERNEL_ALL_CTX, 0},
	        {TRACE_HRTIMER_EXPIRE_EXIT, 0x1, 0, 0},
	        {TRACE_TIMER_START, 0xf, KERNEL_ALL_CTX, 0},
	        {TRACE_TIMER_CANCEL, 0x1, 0, 0},
	        {TRACE_TIMER_EXPIRE_ENTRY, 0x7, KERNEL_ALL_CTX, 0},
	        {TRACE_TIMER_EXPIRE_EXIT, 0x1, 0, 0},
	        {TRACE_STATEDUMP_IRQ, 0x7, 0, 0},
	        VECTOR(LOCAL_TIMER),
	        VECTOR(RESCHEDULE),
	        VECTOR(CALL_FUNCTION),
	        VECTOR(CALL_FUNCTION_SINGLE),
	        VECTOR(IRQ_WORK),
	        VECTOR(SPURIOUS_APIC),
	        VECTOR(ERROR_APIC),
	        VECTOR(THERMAL_APIC),
	        VECTOR(THRESHOLD_APIC),
	        VECTOR(DEFERRED_ERROR_APIC),
	        VECTOR(PLATFORM_IPI),
	};
	G_STATIC_ASSERT(TRACE_VECTOR_PLATFORM_IPI_EXIT - TRACE_VECTOR_LOCAL_TIMER_ENTRY + 1 == 2 * IRQ_VECTORS);
	G_STATIC_ASSERT((int)TRACE_TIMER_START_EXPIRES == (int)TRACE_HRTIMER_START_EXPIRES);
	G_STATIC_ASSERT((int)TRACE_TIMER_EXPIRE_ENTRY_NOW == (int)TRACE_HRTIMER_EXPIRE_ENTRY_NOW);

	return (TraceModel){
	        .needs = needs, .n_needs = G_N_ELEMENTS(needs), .event = irq_event, .loss = irq_loss, .self = self};
}

static gpointer irq_create(KernelSet *set)
{
	Irq *q = g_new0(Irq, 1);

	q->set = set;
	q->table = history_table(set->history, KERNEL_IRQ_TABLE, sizeof(KernelIrqItem));
	q->cpus = g_ptr_array_new_with_free_func(g_free);
	irq_lines_init(&q->lines, set);
	timers_init(&q->timers, set);
	kernel_addrmap_init(&q->away, sizeof(Away), KERNEL_IRQ_AWAY_MAX + 1);
	return q;
}

static void irq_finish(gpointer self)
{
	Irq *q = self;
	gint64 end_ns = history_end(q->set->history);

	for (guint i = 0; i < q->cpus->len; i++) {
		Cpu *c = q->cpus->pdata[i];

		for (; c && c->depth; c->depth--)
			c->frames[c->depth - 1].line->item.open_end++;
	}
	irq_lines_finish(&q->lines, end_ns);
}

static void irq_free(gpointer self)
{
	Irq *q = self;

	irq_lines_clear(&q->lines);
	timers_clear(&q->timers);
	kernel_addrmap_clear(&q->away);
	g_ptr_array_unref(q->cpus);
	g_free(q);
}

/* ---- What others ask ------------------------------------------------------------------------------------------- */

gboolean kernel_irq_context(const KernelSet *set, gint32 cpu, guint i, KernelIrqContext *out)
{
	const Cpu *c = cpu_known(set->parts[KERNEL_PART_IRQ], cpu);

	if (!c || i >= c->depth)
		return FALSE;
	const Frame *f = &c->frames[c->depth - 1 - i];
	*out = (KernelIrqContext){.kind = f->kind,
	                          .number = f->number,
	                          .begin_ns = f->begin_ns,
	                          .function = f->function,
	                          .object = f->key,
	                          .by = f->by,
	                          .by_ns = f->by_ns,
	                          .is_local_timer = f->kind == KERNEL_IRQ_VECTOR && f->key == 0}; /* they are counted from it */
	return TRUE;
}

gboolean kernel_irq_is_in(const KernelSet *set, gint32 cpu)
{
	const Cpu *c = cpu_known(set->parts[KERNEL_PART_IRQ], cpu);

	return c && c->depth > 0;
}

/* ---- Why a thread was blocked: time ---------------------------------------------------------------------------- */

typedef enum { SLEEPS, TIMES_OUT, POLLS, OTHERWISE, NO_ANSWER } Sleep;

static Sleep sleep_of(gint32 syscall)
{
	switch (syscall) {
	case TRACE_SYS_NANOSLEEP:
	case TRACE_SYS_CLOCK_NANOSLEEP:
		return SLEEPS;
	case TRACE_SYS_POLL:
	case TRACE_SYS_PPOLL:
	case TRACE_SYS_SELECT:
	case TRACE_SYS_PSELECT:
	case TRACE_SYS_EPOLL_WAIT:
		return POLLS;
	case TRACE_SYS_FUTEX:
	case TRACE_SYS_FUTEX_WAIT:
	case TRACE_SYS_FUTEX_WAITV:
		return NO_ANSWER; /* that its time ran out doesn't change what it waited for */
	case TRACE_SYS_SIGTIMEDWAIT:
	case TRACE_SYS_IO_GETEVENTS:
	case TRACE_SYS_SEMOP:
	case TRACE_SYS_RECVFROM:
	case TRACE_SYS_RECVMSG:
	case TRACE_SYS_RECVMMSG:
	case TRACE_SYS_MQ_RECEIVE:
	case TRACE_SYS_MQ_SEND:
	case TRACE_SYS_IO_URING_ENTER:
		return TIMES_OUT;
	default:
		return OTHERWISE;
	}
}

static void answer(KernelWhy *why, KernelWaitReason reason, guint weight, guint32 detail)
{
	*why = (KernelWhy){.reason = (guint8)reason, .weight = (guint8)weight, .detail = detail};
}

/*
 * Woken from a timer's function. A thread that sleeps, or whose time ran out, started that timer itself, and its function is the one that ends sleeps; a timerfd, which poll() may wait for, was started
 * by the same thread perhaps, but has another function.
 */
static void irq_why(gpointer self, const KernelBlocked *b, KernelWhy *why)
{
	Irq *q = self;
	KernelIrqContext x;

	if (!kernel_irq_context(q->set, b->cpu, 0, &x) || (x.kind != KERNEL_IRQ_HRTIMER && x.kind != KERNEL_IRQ_TIMER))
		return;
	Sleep sleep = sleep_of(b->syscall);
	if (sleep == SLEEPS && x.kind == KERNEL_IRQ_HRTIMER && x.by == b->thread->serial)
		q->sleeper = x.function;
	gboolean own =
	        x.by == b->thread->serial && (x.kind == KERNEL_IRQ_TIMER || !q->sleeper || x.function == q->sleeper);
	if (sleep == SLEEPS)
		answer(why, KERNEL_WAIT_FOR_TIMER, 90, 0);
	else if (sleep == POLLS)
		answer(why, own ? KERNEL_WAIT_FOR_TIMER : KERNEL_WAIT_FOR_POLL, own ? 70 : 55, 0);
	else if (sleep == TIMES_OUT && own)
		answer(why, KERNEL_WAIT_FOR_TIMER, 70, 0);
	else if (sleep == OTHERWISE)
		answer(why, KERNEL_WAIT_FOR_TIMER, own ? 60 : 40, 0);
}

const KernelPart kernel_part_irq = {
        .create = irq_create, .model = irq_model, .finish = irq_finish, .free = irq_free, .why = irq_why};
