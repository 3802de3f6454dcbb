/* SPDX-License-Identifier: MIT */
/*
 * flow_cpu.c: processors, and the handlers on them.
 *
 * Time goes to what is on top of a processor's stack: the handler that began last, or, without any, its thread. A handler whose end is missing can't still
 * run when its thread makes a system call, or a softirq begins: since when it didn't is not known.
 */
#include <string.h>

#include "kernel/flow_private.h"
#include "kernel/irq.h"

FlowCpu *flow_cpu_get(Flow *f, gint32 cpu)
{
	FlowCpu *c = cpu >= 0 && (guint)cpu < f->cpus->len ? g_ptr_array_index(f->cpus, cpu) : NULL;

	if (G_LIKELY(c))
		return c;
	KernelCpu *kc = kernel_cpu(f->kernel, cpu);
	if (!kc)
		return NULL;
	if ((guint)cpu >= f->cpus->len)
		g_ptr_array_set_size(f->cpus, cpu + 1);
	g_autofree char *path = g_strdup_printf("cpu/%d", cpu);
	c = g_new0(FlowCpu, 1);
	c->cpu = kc;
	g_autofree char *occupant = g_strdup_printf("cpu/%d/occupant", cpu);
	c->row = history_row(f->history, f->cpu_kind, path, f->kernel->begin_ns);
	c->occupant_row = history_row(f->history, f->occupant_kind, occupant, f->kernel->begin_ns);
	c->fresh = TRUE;
	c->unknown_since = f->kernel->begin_ns;
	g_ptr_array_index(f->cpus, cpu) = c;
	return c;
}

/* ---- States ------------------------------------------------------------------------------------------------------ */

/* Filled in place: as a result it would be put together from bytes and read as words, which costs more than all else here. */
typedef struct {
	guint32 cpu, thread;
	guint32 cpu_detail, thread_detail;
} Now;

static inline void set_now(Now *n, guint32 cpu, guint32 cpu_detail, guint32 thread, guint32 thread_detail)
{
	n->cpu = cpu;
	n->cpu_detail = cpu_detail;
	n->thread = thread;
	n->thread_detail = thread_detail;
}

static guint32 syscall_text(Flow *f, gint32 syscall)
{
	if (syscall < 0 || syscall >= TRACE_SYSCALLS_MAX)
		return 0;
	if (!f->syscall_texts[syscall])
		f->syscall_texts[syscall] = history_text(f->history, trace_syscall_name((guint)syscall), -1);
	return f->syscall_texts[syscall];
}

static inline void thread_now(Flow *f, const FlowThread *t, Now *n)
{
	if (t->in_guest)
		set_now(n, KERNEL_CS_GUEST, t->guest, KERNEL_TS_GUEST, 0);
	else if (t->mode == FLOW_MODE_SYSCALL)
		set_now(n, t->kvm_run ? KERNEL_CS_HYPERVISOR : KERNEL_CS_SYSCALL, t->text, KERNEL_TS_SYSCALL, syscall_text(f, t->syscall));
	else if (t->kt->is_kthread == 1)
		set_now(n, KERNEL_CS_KTHREAD, t->text, KERNEL_TS_USER, 0);
	else if (t->mode == FLOW_MODE_USER && f->all_syscalls)
		set_now(n, KERNEL_CS_USER, t->text, KERNEL_TS_USER, 0);
	else if (!flow_thread_certain(t))
		set_now(n, KERNEL_CS_UNKNOWN, 0, KERNEL_TS_RUNNING, 0); /* perhaps nobody runs */
	else
		set_now(n, KERNEL_CS_RUNNING, t->text, KERNEL_TS_RUNNING, 0);
}

static inline void now(Flow *f, const FlowCpu *c, Now *n)
{
	if (c->depth) {
		const FlowContext *top = &c->stack[c->depth - 1];
		gboolean soft = top->from == KERNEL_FROM_SOFTIRQ;

		set_now(n, soft ? KERNEL_CS_SOFTIRQ : KERNEL_CS_IRQ, top->text, soft ? KERNEL_TS_SOFTIRQ : KERNEL_TS_IRQ, top->text);
	} else if (c->ft) {
		thread_now(f, c->ft, n);
	} else {
		set_now(n, c->kt ? KERNEL_CS_IDLE : KERNEL_CS_UNKNOWN, 0, KERNEL_TS_UNKNOWN, 0);
	}
}

void flow_cpu_update(Flow *f, FlowCpu *c, gint64 time)
{
	FlowThread *t = c->ft;
	Now n;

	now(f, c, &n);

	if (c->state != n.cpu || c->detail != n.cpu_detail) {
		history_append(f->history, c->row, time, c->state, c->detail);
		c->state = (guint8)n.cpu;
		c->detail = n.cpu_detail;
		c->mixed = FALSE;
	}
	if (!t || (t->state == n.thread && t->detail == n.thread_detail))
		return;
	if (t->since == time && t->known) { /* it has just got the processor */
		t->state = (guint8)n.thread;
		t->detail = n.thread_detail;
	} else {
		flow_thread_state(f, t, (KernelThreadState)n.thread, n.thread_detail, time);
	}
}

static void relabel(FlowCpu *c, guint8 cpu_state, guint32 cpu_detail, guint8 thread_state, guint32 thread_detail)
{
	c->state = cpu_state;
	c->detail = cpu_detail;
	if (!c->ft)
		return;
	c->ft->state = thread_state;
	c->ft->detail = thread_detail;
}

void flow_cpu_was_in(Flow *f, FlowCpu *c, FlowMode mode, gint32 syscall)
{
	FlowThread *t = c->ft;

	if (t->mode != FLOW_MODE_UNKNOWN || t->state != KERNEL_TS_RUNNING || t->kt->is_kthread == 1 || c->mixed)
		return;
	t->mode = (guint8)mode;
	t->syscall = syscall;
	Now n;
	thread_now(f, t, &n);
	relabel(c, (guint8)n.cpu, n.cpu_detail, (guint8)n.thread, n.thread_detail);
}

/* Something else than was thought, and nobody knows what. */
static void relabel_unknown(FlowCpu *c)
{
	gboolean runs = c->ft && flow_thread_certain(c->ft);

	relabel(c, runs ? KERNEL_CS_RUNNING : KERNEL_CS_UNKNOWN, runs ? c->ft->text : 0, KERNEL_TS_RUNNING, 0);
	c->mixed = TRUE;
}

/* ---- Handlers ---------------------------------------------------------------------------------------------------- */

void flow_cpu_unwind(FlowCpu *c)
{
	c->fresh = FALSE;
	if (!c->depth)
		return;
	relabel_unknown(c);
	c->depth = 0;
}

static gint32 number_of(const TraceEvent *ev)
{
	return trace_has(ev, 0) ? (gint32)ev->v[0] : -1;
}

/* "irq 24 virtio0"; the name may change where several devices share a line. */
static guint32 line_text(Flow *f, gint32 number, const TraceEvent *ev)
{
	guint len = 0;
	const char *name = trace_has(ev, TRACE_IRQ_ENTRY_NAME) ? trace_text(ev, TRACE_IRQ_ENTRY_NAME, &len) : "";
	gboolean keep = number >= 0 && number < FLOW_LINES_MAX && len < KERNEL_NAME_LEN;

	if (keep && f->line_texts[number] && memcmp(f->line_names[number], name, len) == 0 && !f->line_names[number][len])
		return f->line_texts[number];
	g_autofree char *text = g_strdup_printf("irq %d%s%.*s", number, len ? " " : "", (int)MIN(len, 256), name);
	guint32 id = history_text(f->history, text, -1);
	if (keep) {
		f->line_texts[number] = id;
		memcpy(f->line_names[number], name, len);
		f->line_names[number][len] = '\0';
	}
	return id;
}

static guint32 softirq_text(Flow *f, gint32 vec)
{
	if (vec < 0 || (guint)vec >= G_N_ELEMENTS(f->softirq_texts))
		return 0;
	if (!f->softirq_texts[vec]) {
		g_autofree char *number = g_strdup_printf("%d", vec);
		const char *name = kernel_softirq_name((guint32)vec);
		g_autofree char *text = g_strdup_printf("softirq %s", name ? name : number);

		f->softirq_texts[vec] = history_text(f->history, text, -1);
	}
	return f->softirq_texts[vec];
}

static guint find_context(const FlowCpu *c, guint8 from, gint32 number)
{
	guint i = c->depth;

	while (i > 0 && (c->stack[i - 1].from != from || c->stack[i - 1].number != number))
		i--;
	return i;
}

static void enter(Flow *f, FlowCpu *c, const FlowHandler *h, const TraceEvent *ev)
{
	gint32 number = number_of(ev);

	/* Softirqs interrupt threads only, and no handler interrupts itself. */
	if (c->depth && (h->from == KERNEL_FROM_SOFTIRQ || c->depth == FLOW_DEPTH_MAX || find_context(c, h->from, number)))
		flow_cpu_unwind(c);
	FlowContext *top = &c->stack[c->depth++];
	top->from = h->from;
	top->number = number;
	top->text = h->from == KERNEL_FROM_IRQ ? line_text(f, number, ev) : h->from == KERNEL_FROM_VECTOR ? h->text : softirq_text(f, number);
	c->fresh = FALSE;
	if (c->ft)
		c->ft->in_guest = FALSE; /* an interrupt leaves it, though kvm_exit may be told later */
}

/* It was running since before anything was known of this processor; else its begin is missing. */
static void leave_unseen(Flow *f, FlowCpu *c, const FlowHandler *h, const TraceEvent *ev)
{
	gint32 number = number_of(ev);
	gboolean soft = h->from == KERNEL_FROM_SOFTIRQ;
	/* The exit of a line's handler doesn't have its name. */
	guint32 text = soft ? softirq_text(f, number) : h->text;

	if (c->fresh && !c->depth)
		relabel(c, soft ? KERNEL_CS_SOFTIRQ : KERNEL_CS_IRQ, text, soft ? KERNEL_TS_SOFTIRQ : KERNEL_TS_IRQ, text);
	else if (!c->depth)
		relabel_unknown(c);
	c->fresh = FALSE;
}

static void leave(Flow *f, FlowCpu *c, const FlowHandler *h, const TraceEvent *ev)
{
	guint at = find_context(c, h->from, number_of(ev));

	if (!at) {
		leave_unseen(f, c, h, ev);
		return;
	}
	if (at < c->depth)
		relabel_unknown(c);
	c->depth = (guint8)(at - 1);
}

void flow_cpu_handler(Flow *f, FlowCpu *c, const FlowHandler *h, const TraceEvent *ev)
{
	if (h->is_exit)
		leave(f, c, h, ev);
	else
		enter(f, c, h, ev);
	flow_cpu_update(f, c, ev->time);
}

/* ---- Who has it -------------------------------------------------------------------------------------------------- */

void flow_cpu_close_occupant(Flow *f, FlowCpu *c, gint64 time)
{
	history_append(f->history, c->occupant_row, time, c->occupied, c->occupant);
}

/* Who has it has changed. */
static void update_occupant(Flow *f, FlowCpu *c, gint64 time)
{
	flow_cpu_close_occupant(f, c, time);
	c->occupied = c->ft ? KERNEL_OCCUPANT_THREAD : c->kt ? KERNEL_OCCUPANT_IDLE : KERNEL_OCCUPANT_UNKNOWN;
	c->occupant = c->ft ? c->ft->serial : 0;
}

FlowThread *flow_cpu_detach(FlowCpu *c)
{
	FlowThread *t = c->ft;

	c->kt = NULL;
	c->ft = NULL;
	return t;
}

void flow_cpu_forget(Flow *f, FlowCpu *c, gint64 time)
{
	FlowThread *t = flow_cpu_detach(c);

	if (t) {
		flow_thread_off(f, t, KERNEL_TS_UNKNOWN, 0, time);
		t->mode = FLOW_MODE_UNKNOWN;
	}
	c->unknown_since = time;
	update_occupant(f, c, time);
	flow_cpu_update(f, c, time);
}

void flow_cpu_attach(Flow *f, FlowCpu *c, KernelThread *kt, gint64 time)
{
	FlowThread *t = kt ? flow_thread(f, kt) : NULL;

	c->kt = kt;
	if (t && t->on) /* damage: it has another one */
		flow_cpu_forget(f, t->on, time);
	c->ft = t;
	if (t)
		flow_sched_run(f, t, c, time);
	else if (!kt)
		c->unknown_since = time;
	update_occupant(f, c, time);
	flow_cpu_update(f, c, time);
}

FlowCpu *flow_cpu(Flow *f, const TraceEvent *ev)
{
	kernel_current(f->kernel, ev);
	FlowCpu *c = flow_cpu_get(f, ev->cpu);
	if (G_LIKELY(!c || c->cpu->current == c->kt))
		return c;
	if (c->kt)
		flow_cpu_forget(f, c, ev->time);
	if (c->cpu->current)
		flow_cpu_attach(f, c, c->cpu->current, MIN(c->cpu->current->since, ev->time));
	return c;
}
