/* SPDX-License-Identifier: MIT */
/*
 * counters.c: differences of hardware counters.
 *
 * What an event changes it changes after its counters were read. So each processor remembers who had it and what it did after its last event: what is counted until
 * the next one is theirs. An event that comes without counters breaks that: if it changes the thread or the state, the difference is several' together.
 */
#include <string.h>

#include "kernel/counters.h"

#define OPEN_MAX 256 /* sums of one processor's window; a window that needs more ends early */

typedef struct {
	gint32 id;
	gboolean known;          /* `last` is of this processor's last event with counters */
	gint64 since;            /* when that was */
	guint32 thread;          /* who has had it since */
	guint8 state;            /* what it has done since */
	guint32 read;            /* which counters `last` has */
	guint64 last[TRACE_COUNTERS_MAX];
	gint64 window;           /* when the current window ends */
	GArray *open;            /* KernelCounterSum */
} CounterCpu;

/* The last reading of counters that go with a thread. */
typedef struct {
	guint32 epoch;           /* of Counters.epoch when it was; 0: never */
	guint32 read;
	guint64 last[TRACE_COUNTERS_MAX];
} CounterThread;

typedef struct {
	KernelSet *set;
	const TraceFacts *facts;
	guint counters, sums;    /* tables */
	gint64 window_ns;
	guint32 of_thread;       /* a bit for each counter that goes with a thread */
	guint32 epoch;           /* losses so far, plus one */
	guint64 resets[TRACE_COUNTERS_MAX];
	GPtrArray *cpus;         /* CounterCpu *, by number */
	GArray *threads;         /* CounterThread by serial */
} Counters;

/* ---- Sums ---------------------------------------------------------------------------------------------------------- */

static void close_window(Counters *c, CounterCpu *cpu)
{
	for (guint i = 0; i < cpu->open->len; i++) {
		KernelCounterSum *sum = history_table_add(c->set->history, c->sums);

		*sum = g_array_index(cpu->open, KernelCounterSum, i);
	}
	g_array_set_size(cpu->open, 0);
}

static KernelCounterSum *sum_of(Counters *c, CounterCpu *cpu, gint64 time)
{
	if (time >= cpu->window || cpu->open->len >= OPEN_MAX) {
		close_window(c, cpu);
		cpu->window = time - MAX(time - c->set->kernel->begin_ns, 0) % c->window_ns + c->window_ns;
	}
	/* The one that was used last is most often the one. */
	for (guint i = cpu->open->len; i-- > 0;) {
		KernelCounterSum *sum = &g_array_index(cpu->open, KernelCounterSum, i);

		if (sum->thread == cpu->thread && sum->state == cpu->state)
			return sum;
	}
	KernelCounterSum made = {.thread = cpu->thread, .state = cpu->state, .cpu = cpu->id};
	g_array_append_val(cpu->open, made);
	return &g_array_index(cpu->open, KernelCounterSum, cpu->open->len - 1);
}

/* ---- Differences --------------------------------------------------------------------------------------------------- */

/* TRUE if the counter went from one to the other; FALSE: it was set back, or not read. */
static gboolean difference(const TraceCounter *counter, guint64 from, guint64 to, guint64 *out)
{
	guint64 mask = counter->bits >= 64 ? G_MAXUINT64 : (1ull << counter->bits) - 1;

	*out = (to - from) & mask;
	/* 0 is what the kernel has for a counter that has no hardware at the moment. One of 64 bits never wraps around. */
	return to != 0 && (counter->bits < 64 || *out <= G_MAXINT64);
}

static CounterThread *thread_of(Counters *c, guint32 serial)
{
	if (serial >= c->threads->len)
		g_array_set_size(c->threads, MAX(serial + 1, c->threads->len * 2));
	return &g_array_index(c->threads, CounterThread, serial);
}

/* What one counter has counted since its last reading; `last` and `read` are those of its processor or of its thread. */
static void count(Counters *c, KernelCounterSum *sum, guint i, guint64 now, guint64 *last, guint32 *read)
{
	guint64 counted;

	if ((*read >> i) & 1) {
		if (!difference(&c->facts->counters[i], last[i], now, &counted)) {
			c->resets[i]++;
		} else if (sum) {
			sum->v[i] += counted;
			sum->present |= (guint8)(1u << i);
		}
	}
	last[i] = now;
	*read = now || c->facts->counters[i].bits < 64 ? *read | (1u << i) : *read & ~(1u << i);
}

/* Counters of the thread that has had the processor until now. */
static void count_thread(Counters *c, const CounterCpu *cpu, KernelCounterSum *sum, const TraceEvent *ev)
{
	if (!(ev->counters_present & c->of_thread) || cpu->thread == G_MAXUINT32)
		return;
	CounterThread *t = thread_of(c, cpu->thread);
	if (t->epoch != c->epoch)
		t->read = 0;
	t->epoch = c->epoch;
	for (guint i = 0; i < c->facts->n_counters; i++)
		if (((ev->counters_present & c->of_thread) >> i) & 1)
			count(c, sum, i, ev->counters[i], t->last, &t->read);
}

static void count_event(Counters *c, CounterCpu *cpu, const TraceEvent *ev)
{
	KernelCounterSum *sum = cpu->known ? sum_of(c, cpu, ev->time) : NULL;

	for (guint i = 0; i < c->facts->n_counters; i++)
		if (((ev->counters_present & ~c->of_thread) >> i) & 1)
			count(c, sum, i, ev->counters[i], cpu->last, &cpu->read);
	count_thread(c, cpu, sum, ev);
	if (sum) {
		sum->ns += ev->time - cpu->since;
		sum->end_ns = ev->time;
	}
	cpu->known = TRUE;
	cpu->since = ev->time;
}

/* ---- Events -------------------------------------------------------------------------------------------------------- */

static CounterCpu *cpu_get(Counters *c, gint32 id)
{
	if (id < 0 || id >= KERNEL_CPU_MAX)
		return NULL;
	if ((guint)id >= c->cpus->len)
		g_ptr_array_set_size(c->cpus, id + 1);
	CounterCpu *cpu = g_ptr_array_index(c->cpus, id);
	if (cpu)
		return cpu;
	cpu = g_new0(CounterCpu, 1);
	cpu->id = id;
	cpu->thread = G_MAXUINT32;
	cpu->window = G_MININT64;
	cpu->open = g_array_new(FALSE, FALSE, sizeof(KernelCounterSum));
	return g_ptr_array_index(c->cpus, id) = cpu;
}

/* Who had the processor until the switch that is going on. */
static guint32 previous(const Counters *c, gint32 id)
{
	const KernelCpu *cpu = kernel_cpu(c->set->kernel, id);

	return cpu && cpu->previous ? cpu->previous->serial : G_MAXUINT32;
}

static void counters_event(gpointer self, const TraceEvent *ev)
{
	Counters *c = self;
	CounterCpu *cpu = cpu_get(c, ev->cpu);

	if (!cpu)
		return;
	const KernelThread *t = kernel_current(c->set->kernel, ev);
	guint32 thread = t ? t->serial : G_MAXUINT32;
	guint8 state = (guint8)kernel_flow_cpu_state(c->set, ev->cpu);
	if (ev->counters_present) {
		/* The first event of a processor tells who has had it before. */
		if (!cpu->known)
			cpu->thread = ev->id == TRACE_SCHED_SWITCH ? previous(c, ev->cpu) : thread;
		count_event(c, cpu, ev);
		cpu->thread = thread;
		cpu->state = state;
		return;
	}
	if (cpu->thread != thread)
		cpu->thread = G_MAXUINT32;
	if (cpu->state != state || cpu->thread == G_MAXUINT32)
		cpu->state = KERNEL_CS_UNKNOWN;
}

/* Who else ran meanwhile isn't known, and may have been any thread that isn't seen to run elsewhere. */
static void counters_loss(gpointer self, gint32 id, gint64 time, TraceLossEdge edge)
{
	Counters *c = self;

	c->epoch++;
	for (guint i = 0; i < c->cpus->len; i++) {
		CounterCpu *cpu = g_ptr_array_index(c->cpus, i);

		if (!cpu || (id >= 0 && cpu->id != id))
			continue;
		cpu->known = FALSE;
		cpu->read = 0;
		cpu->thread = G_MAXUINT32;
	}
}

/* ---- The part ------------------------------------------------------------------------------------------------------ */

static void write_names(const Counters *c)
{
	for (guint i = 0; i < c->facts->n_counters; i++) {
		const TraceCounter *counter = &c->facts->counters[i];
		KernelCounterItem *item = history_table_add(c->set->history, c->counters);

		*item = (KernelCounterItem){.name = history_text(c->set->history, counter->name, -1), .of_thread = counter->of_thread != FALSE,
					    .bits = counter->bits, .resets = c->resets[i]};
	}
}

static void cpu_free(gpointer data)
{
	CounterCpu *cpu = data;

	if (cpu)
		g_array_unref(cpu->open);
	g_free(cpu);
}

static gpointer counters_create(KernelSet *set)
{
	Counters *c = g_new0(Counters, 1);

	c->set = set;
	c->facts = set->facts;
	c->counters = history_table(set->history, KERNEL_COUNTERS_TABLE, sizeof(KernelCounterItem));
	c->sums = history_table(set->history, KERNEL_COUNTER_SUMS_TABLE, sizeof(KernelCounterSum));
	c->window_ns = MAX((set->kernel->end_ns - set->kernel->begin_ns) / KERNEL_COUNTER_WINDOWS, KERNEL_COUNTER_WINDOW_MIN_NS);
	c->epoch = 1;
	for (guint i = 0; i < c->facts->n_counters; i++)
		c->of_thread |= c->facts->counters[i].of_thread ? 1u << i : 0;
	c->cpus = g_ptr_array_new_with_free_func(cpu_free);
	c->threads = g_array_new(FALSE, TRUE, sizeof(CounterThread));
	return c;
}

static void counters_finish(gpointer self)
{
	Counters *c = self;

	for (guint i = 0; i < c->cpus->len; i++)
		if (g_ptr_array_index(c->cpus, i))
			close_window(c, g_ptr_array_index(c->cpus, i));
	write_names(c);
}

static void counters_free(gpointer self)
{
	Counters *c = self;

	g_ptr_array_unref(c->cpus);
	g_array_unref(c->threads);
	g_free(c);
}

#define ID_CTX \
	(TRACE_BIT(TRACE_CTX_TID) | TRACE_BIT(TRACE_CTX_PID) | TRACE_BIT(TRACE_CTX_VTID) | TRACE_BIT(TRACE_CTX_VPID))

/* All that changes what a processor does. */
static TraceModel counters_model(gpointer self)
{
	static const TraceNeed needs[] = {
		{TRACE_SCHED_SWITCH, 0, 0},
		{TRACE_SYSCALL_ENTRY, 0, ID_CTX},
		{TRACE_SYSCALL_EXIT, 0, ID_CTX},
		{TRACE_FAULT_USER, 0, ID_CTX},
		{TRACE_FAULT_KERNEL, 0, ID_CTX},
		{TRACE_KVM_ENTRY, 0, ID_CTX},
		{TRACE_KVM_EXIT, 0, ID_CTX},
		{TRACE_KVM_USERSPACE_EXIT, 0, ID_CTX},
		{TRACE_IRQ_ENTRY, 0, 0},
		{TRACE_IRQ_EXIT, 0, 0},
		{TRACE_SOFTIRQ_ENTRY, 0, 0},
		{TRACE_SOFTIRQ_EXIT, 0, 0},
#define COUNTERS_VECTOR(id) {TRACE_VECTOR_##id##_ENTRY, 0, 0}, {TRACE_VECTOR_##id##_EXIT, 0, 0}
		COUNTERS_VECTOR(LOCAL_TIMER),
		COUNTERS_VECTOR(RESCHEDULE),
		COUNTERS_VECTOR(CALL_FUNCTION),
		COUNTERS_VECTOR(CALL_FUNCTION_SINGLE),
		COUNTERS_VECTOR(IRQ_WORK),
		COUNTERS_VECTOR(SPURIOUS_APIC),
		COUNTERS_VECTOR(ERROR_APIC),
		COUNTERS_VECTOR(THERMAL_APIC),
		COUNTERS_VECTOR(THRESHOLD_APIC),
		COUNTERS_VECTOR(DEFERRED_ERROR_APIC),
		COUNTERS_VECTOR(PLATFORM_IPI),
#undef COUNTERS_VECTOR
	};
	const Counters *c = self;
	TraceModel m = {.event = counters_event, .loss = counters_loss, .self = self, .needs_counters = TRUE};

	if (c->facts->n_counters) {
		m.needs = needs;
		m.n_needs = G_N_ELEMENTS(needs);
	}
	return m;
}

const KernelPart kernel_part_counters = {.create = counters_create, .model = counters_model, .finish = counters_finish, .free = counters_free};
