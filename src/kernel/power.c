/* SPDX-License-Identifier: MIT */
/* power.c: frequency and idle states of processors, as rows. Part "power" of kernel/irq.h. */
#include "kernel/addrmap.h"
#include "kernel/flow.h"
#include "kernel/irq.h"

#define LEFT_IDLE 0xffffffffu /* the state that means: none */

typedef struct {
	guint32 row; /* KERNEL_NO_ROW: not made yet */
	guint8 state;
	guint32 detail;
} Line;

typedef struct {
	Line frequency, idle;
} Cpu;

typedef struct {
	KernelSet *set;
	guint frequency_kind, idle_kind;
	GPtrArray *cpus;         /* Cpu *, by number */
	KernelAddrMap megahertz; /* MHz -> guint32, the text that tells it */
} Power;

static Cpu *cpu_get(Power *p, guint64 id)
{
	if (id >= KERNEL_CPU_MAX)
		return NULL;
	if (id >= p->cpus->len)
		g_ptr_array_set_size(p->cpus, (gint)id + 1);
	Cpu **place = (Cpu **)&p->cpus->pdata[id];
	if (!*place) {
		*place = g_new0(Cpu, 1);
		(*place)->frequency.row = (*place)->idle.row = KERNEL_NO_ROW;
	}
	return *place;
}

/* From `time` on it is in that state. */
static void turn(Power *p, Line *l, guint kind, guint64 cpu, const char *what, gint64 time, guint8 state,
                 guint32 detail)
{
	History *h = p->set->history;

	if (l->row == KERNEL_NO_ROW) {
		g_autofree char *path = g_strdup_printf("cpu/%" G_GUINT64_FORMAT "/%s", cpu, what);
		l->row = history_row(h, kind, path, history_begin(h));
	}
	history_append(h, l->row, time, l->state, l->detail);
	l->state = state;
	l->detail = detail;
}

/* What stood in KERNEL_FREQUENCIES_MAX different ones has a text. */
static guint32 frequency_text(Power *p, guint64 khz)
{
	guint64 mhz = (khz + 500) / 1000;
	guint32 *text = kernel_addrmap_get(&p->megahertz, mhz);

	if (text)
		return *text;
	if (p->megahertz.used >= KERNEL_FREQUENCIES_MAX)
		return 0;
	g_autofree char *name = g_strdup_printf("%" G_GUINT64_FORMAT " MHz", mhz);
	text = kernel_addrmap_put(&p->megahertz, mhz);
	return *text = history_text(p->set->history, name, -1);
}

static void power_event(gpointer self, const TraceEvent *ev)
{
	Power *p = self;
	gboolean is_idle = ev->id == TRACE_CPU_IDLE;
	guint64 cpu = trace_has(ev, TRACE_CPU_IDLE_CPU) ? ev->v[TRACE_CPU_IDLE_CPU] : (guint64)ev->cpu;
	Cpu *c = cpu_get(p, cpu);
	guint64 value = ev->v[TRACE_CPU_IDLE_STATE];

	if (!c)
		return;
	if (!is_idle)
		turn(p, &c->frequency, p->frequency_kind, cpu, "frequency", ev->time, KERNEL_FREQUENCY_KNOWN,
		     frequency_text(p, value));
	else if ((guint32)value == LEFT_IDLE)
		turn(p, &c->idle, p->idle_kind, cpu, "idle", ev->time, KERNEL_IDLE_RUNNING, 0);
	else
		turn(p, &c->idle, p->idle_kind, cpu, "idle", ev->time,
		     (guint8)(KERNEL_IDLE_FIRST + MIN(value, KERNEL_IDLE_STATES - 1)), 0);
}

/* Changes may be among what was lost. */
static void doubt(Power *p, guint cpu, gint64 time)
{
	Cpu *c = p->cpus->pdata[cpu];

	if (c && c->frequency.row != KERNEL_NO_ROW)
		turn(p, &c->frequency, p->frequency_kind, cpu, "frequency", time, KERNEL_FREQUENCY_UNKNOWN, 0);
	if (c && c->idle.row != KERNEL_NO_ROW)
		turn(p, &c->idle, p->idle_kind, cpu, "idle", time, KERNEL_IDLE_UNKNOWN, 0);
}

static void power_loss(gpointer self, gint32 cpu, gint64 time, TraceLossEdge edge)
{
	Power *p = self;

	if (edge != TRACE_LOSS_BEGIN)
		return;
	for (guint i = 0; i < p->cpus->len; i++)
		if (cpu < 0 || (guint)cpu == i)
			doubt(p, i, time);
}

static TraceModel power_model(gpointer self)
{
	static const TraceNeed needs[] = {{TRACE_CPU_IDLE, 0x3, 0, 0}, {TRACE_CPU_FREQUENCY, 0x3, 0, 0}};

	G_STATIC_ASSERT((int)TRACE_CPU_IDLE_CPU == (int)TRACE_CPU_FREQUENCY_CPU);
	G_STATIC_ASSERT((int)TRACE_CPU_IDLE_STATE == (int)TRACE_CPU_FREQUENCY_STATE);
	return (TraceModel){
	        .needs = needs, .n_needs = G_N_ELEMENTS(needs), .event = power_event, .loss = power_loss, .self = self};
}

static gpointer power_create(KernelSet *set)
{
	static const char *const frequency[KERNEL_FREQUENCY_STATE_COUNT] = {"unknown", "running"};
	char names[KERNEL_IDLE_STATES][16];
	const char *idle[KERNEL_IDLE_STATE_COUNT] = {"unknown", "running"};
	Power *p = g_new0(Power, 1);

	for (guint i = 0; i < KERNEL_IDLE_STATES; i++) {
		g_snprintf(names[i], sizeof(names[i]), "idle-%u", i);
		idle[KERNEL_IDLE_FIRST + i] = names[i];
	}
	p->set = set;
	p->frequency_kind = history_kind(set->history, KERNEL_FREQUENCY_ROW_KIND, frequency, G_N_ELEMENTS(frequency));
	p->idle_kind = history_kind(set->history, KERNEL_IDLE_ROW_KIND, idle, G_N_ELEMENTS(idle));
	p->cpus = g_ptr_array_new_with_free_func(g_free);
	kernel_addrmap_init(&p->megahertz, sizeof(guint32), KERNEL_FREQUENCIES_MAX + 1);
	return p;
}

static void power_finish(gpointer self)
{
	Power *p = self;
	History *h = p->set->history;

	for (guint i = 0; i < p->cpus->len; i++) {
		const Cpu *c = p->cpus->pdata[i];

		if (c && c->frequency.row != KERNEL_NO_ROW)
			history_append(h, c->frequency.row, history_end(h), c->frequency.state, c->frequency.detail);
		if (c && c->idle.row != KERNEL_NO_ROW)
			history_append(h, c->idle.row, history_end(h), c->idle.state, c->idle.detail);
	}
}

static void power_free(gpointer self)
{
	Power *p = self;

	kernel_addrmap_clear(&p->megahertz);
	g_ptr_array_unref(p->cpus);
	g_free(p);
}

const KernelPart kernel_part_power = {
        .create = power_create, .model = power_model, .finish = power_finish, .free = power_free};
