/* SPDX-License-Identifier: MIT */
/* flow.c: the part of the set: which events it wants, what it does with each, begin and end. */
#include "kernel/flow_private.h"

#include <string.h>

/* ioctl's number of "run the vCPU until something has to be done outside", and where ioctl has it. */
#define KVM_RUN   0xae80u
#define IOCTL_CMD 1

/* ---- System calls and exceptions ----------------------------------------------------------------------------------- */

/* The thread of an event that only a thread can cause, outside of all handlers. */
static FlowThread *own_thread(FlowCpu *c)
{
	if (!c || !c->ft)
		return NULL;
	flow_cpu_unwind(c);
	c->ft->certain = TRUE;
	return c->ft;
}

static void leave_syscall(FlowThread *t)
{
	t->mode = FLOW_MODE_USER;
	t->fault = FLOW_NO_FAULT;
	t->kvm_run = t->in_guest = FALSE;
}

static void on_syscall_entry(Flow *f, const TraceEvent *ev)
{
	FlowCpu *c = flow_cpu(f, ev);
	FlowThread *t = own_thread(c);

	if (!t)
		return;
	if (t->kt->is_kthread == 1)
		t->kt->is_kthread = FALSE; /* a helper that the kernel has started */
	flow_cpu_was_in(f, c, FLOW_MODE_USER, -1);
	leave_syscall(t);
	t->mode = FLOW_MODE_SYSCALL;
	t->syscall = ev->syscall;
	t->args_present = ev->present & ((1u << FLOW_ARGS) - 1);
	for (guint i = 0; t->args_present >> i; i++)
		t->args[i] = ev->v[i];
	t->kvm_run = ev->syscall == TRACE_SYS_IOCTL && trace_has(ev, IOCTL_CMD) && (guint32)ev->v[IOCTL_CMD] == KVM_RUN;
	flow_cpu_update(f, c, ev->time);
}

static void on_syscall_exit(Flow *f, const TraceEvent *ev)
{
	FlowCpu *c = flow_cpu(f, ev);
	FlowThread *t = own_thread(c);

	if (!t)
		return;
	flow_cpu_was_in(f, c, FLOW_MODE_SYSCALL, ev->syscall);
	leave_syscall(t);
	flow_cpu_update(f, c, ev->time);
}

/* A fault in user space is one of a thread in no system call. */
static void on_fault(Flow *f, const TraceEvent *ev)
{
	FlowCpu *c = flow_cpu(f, ev);
	FlowThread *t = c ? c->ft : NULL;

	if (!t || c->depth)
		return;
	if (ev->id == TRACE_FAULT_USER) {
		flow_cpu_was_in(f, c, FLOW_MODE_USER, -1);
		leave_syscall(t);
		t->certain = TRUE;
	}
	t->fault = ev->id == TRACE_FAULT_USER ? FLOW_FAULT_USER : FLOW_FAULT_KERNEL;
	flow_cpu_update(f, c, ev->time);
}

static void on_setprio(Flow *f, const TraceEvent *ev)
{
	gint64 tid = trace_has(ev, TRACE_PI_SETPRIO_TID) ? (gint64)ev->v[TRACE_PI_SETPRIO_TID] : -1;
	KernelThread *kt = tid > 0 && tid < KERNEL_TID_MAX ? kernel_thread(f->kernel, (gint32)tid) : NULL;

	if (kt && trace_has(ev, TRACE_PI_SETPRIO_NEW_PRIO))
		flow_thread(f, kt)->prio = (gint32)ev->v[TRACE_PI_SETPRIO_NEW_PRIO];
}

/* ---- Guests ---------------------------------------------------------------------------------------------------------- */

static FlowCpu *guest_cpu(Flow *f, gint32 cpu, KernelThread *thread)
{
	FlowCpu *c = thread ? flow_cpu_get(f, cpu) : NULL;

	if (!c || c->kt == thread || c->cpu->current != thread)
		return c && c->kt == thread && c->ft ? c : NULL;
	if (c->kt)
		return NULL; /* in the middle of a switch, of which the flow has not heard yet */
	flow_cpu_attach(f, c, thread, thread->since);
	return c->ft ? c : NULL;
}

void kernel_flow_guest_enter(KernelSet *set, gint32 cpu, KernelThread *thread, gint64 time, guint32 detail)
{
	Flow *f = set->parts[KERNEL_PART_FLOW];
	FlowCpu *c = guest_cpu(f, cpu, thread);

	if (!c)
		return;
	flow_cpu_unwind(c);
	flow_cpu_was_in(f, c, FLOW_MODE_SYSCALL, TRACE_SYS_IOCTL);
	if (c->ft->mode != FLOW_MODE_SYSCALL)
		c->ft->syscall = TRACE_SYS_IOCTL;
	c->ft->mode = FLOW_MODE_SYSCALL;
	c->ft->certain = c->ft->kvm_run = c->ft->in_guest = TRUE;
	c->ft->guest = detail;
	flow_cpu_update(f, c, time);
}

void kernel_flow_guest_leave(KernelSet *set, gint32 cpu, KernelThread *thread, gint64 time)
{
	Flow *f = set->parts[KERNEL_PART_FLOW];
	FlowCpu *c = guest_cpu(f, cpu, thread);

	if (!c || !c->ft->in_guest)
		return;
	c->ft->in_guest = FALSE;
	flow_cpu_update(f, c, time);
}

KernelThreadState kernel_flow_blocked_for(KernelSet *set, const KernelThread *thread)
{
	const FlowThread *t = thread->flow;

	return t && t->state == KERNEL_TS_WAIT_CPU ? (KernelThreadState)t->blocked_for : KERNEL_TS_UNKNOWN;
}

guint32 kernel_flow_waker(KernelSet *set, const KernelThread *thread)
{
	const FlowThread *t = thread->flow;

	return t ? t->waker_text : 0;
}

KernelCpuStateId kernel_flow_cpu_state(KernelSet *set, gint32 cpu)
{
	const Flow *f = set->parts[KERNEL_PART_FLOW];
	const FlowCpu *c = cpu >= 0 && (guint)cpu < f->cpus->len ? g_ptr_array_index(f->cpus, cpu) : NULL;

	return c ? (KernelCpuStateId)c->state : KERNEL_CS_UNKNOWN;
}

/* ---- Events ---------------------------------------------------------------------------------------------------------- */

static void flow_event(gpointer self, const TraceEvent *ev)
{
	Flow *f = self;

	switch ((TraceEventId)ev->id) {
	case TRACE_SCHED_SWITCH:
		flow_sched_switch(f, ev);
		break;
	case TRACE_SCHED_WAKING:
	case TRACE_SCHED_WAKEUP:
	case TRACE_SCHED_WAKEUP_NEW:
		flow_sched_wake(f, ev);
		break;
	case TRACE_SCHED_MIGRATE:
		flow_sched_migrate(f, ev);
		break;
	case TRACE_PROCESS_FORK:
		flow_sched_fork(f, ev);
		break;
	case TRACE_PROCESS_EXEC:
		flow_sched_exec(f, ev);
		break;
	case TRACE_STATEDUMP_PROCESS:
		flow_sched_statedump(f, ev);
		break;
	case TRACE_PI_SETPRIO:
		on_setprio(f, ev);
		break;
	case TRACE_SYSCALL_ENTRY:
		on_syscall_entry(f, ev);
		break;
	case TRACE_SYSCALL_EXIT:
		on_syscall_exit(f, ev);
		break;
	case TRACE_FAULT_USER:
	case TRACE_FAULT_KERNEL:
		on_fault(f, ev);
		break;
	default:
		if (f->handlers[ev->id].from != KERNEL_FROM_UNKNOWN) {
			FlowCpu *c = flow_cpu(f, ev);

			if (c)
				flow_cpu_handler(f, c, &f->handlers[ev->id], ev);
		}
		break;
	}
}

/* Of threads without a processor, those that were losing events may have given them one: flow_thread_lost(). */
static void flow_loss(gpointer self, gint32 cpu, gint64 time, TraceLossEdge edge)
{
	Flow *f = self;
	FlowCpu *c = flow_cpu_get(f, cpu);

	time = CLAMP(time, f->kernel->begin_ns, f->kernel->end_ns);
	if (edge == TRACE_LOSS_BEGIN) {
		g_array_append_val(f->losses, time);
		f->lossy++;
	} else if (f->lossy) {
		f->lossy--;
	}
	if (!c)
		return;
	c->depth = 0;
	c->fresh = TRUE;
	flow_cpu_forget(f, c, time);
	c->lossy = edge == TRACE_LOSS_BEGIN;
	c->lost = edge == TRACE_LOSS_END && c->cpu->lost;
}

/* ---- The part -------------------------------------------------------------------------------------------------------- */

/* What every architecture and kernel has: who records all of these records all system calls. */
static gboolean has_all_syscalls(const TraceFacts *facts)
{
	static const TraceSyscall common[] = {TRACE_SYS_READ, TRACE_SYS_WRITE, TRACE_SYS_CLOSE, TRACE_SYS_IOCTL, TRACE_SYS_MMAP,
					      TRACE_SYS_MUNMAP, TRACE_SYS_FUTEX, TRACE_SYS_FSYNC, TRACE_SYS_SOCKET, TRACE_SYS_SENDMSG,
					      TRACE_SYS_CLONE, TRACE_SYS_EXECVE, TRACE_SYS_KILL, TRACE_SYS_SCHED_YIELD};

	for (guint i = 0; i < G_N_ELEMENTS(common); i++)
		if (!facts->declared_syscalls[common[i]])
			return FALSE;
	return TRUE;
}

/* A handler is only known of where both its begin and its end are recorded. */
static void init_handler(Flow *f, TraceEventId entry, KernelFrom from)
{
	static const char prefix[] = "x86_irq_vectors_", suffix[] = "_entry";
	const TraceFacts *facts = f->set->facts;
	FlowHandler h = {.from = (guint8)from};

	if (!facts->declared[entry] || !facts->declared[entry + 1])
		return;
	if (from == KERNEL_FROM_VECTOR) {
		const char *name = trace_event_name(entry) + strlen(prefix);
		g_autofree char *text = g_strdup_printf("vector %.*s", (int)(strlen(name) - strlen(suffix)), name);

		h.text = history_text(f->history, text, -1);
	}
	f->handlers[entry] = h;
	h.is_exit = TRUE;
	f->handlers[entry + 1] = h;
}

static void init_handlers(Flow *f)
{
	init_handler(f, TRACE_IRQ_ENTRY, KERNEL_FROM_IRQ);
	init_handler(f, TRACE_SOFTIRQ_ENTRY, KERNEL_FROM_SOFTIRQ);
	for (guint id = TRACE_VECTOR_LOCAL_TIMER_ENTRY; id <= TRACE_VECTOR_PLATFORM_IPI_ENTRY; id += 2)
		init_handler(f, (TraceEventId)id, KERNEL_FROM_VECTOR);
}

static void init_kinds(Flow *f)
{
	static const char *const thread_states[] = {
#define KERNEL_S(id, name, wait) [KERNEL_TS_##id] = (name),
		KERNEL_THREAD_STATES(KERNEL_S)
#undef KERNEL_S
	};
	static const char *const cpu_states[] = {
#define KERNEL_S(id, name) [KERNEL_CS_##id] = (name),
		KERNEL_CPU_STATES(KERNEL_S)
#undef KERNEL_S
	};
	static const char *const occupants[] = {
		[KERNEL_OCCUPANT_UNKNOWN] = "unknown", [KERNEL_OCCUPANT_IDLE] = "idle", [KERNEL_OCCUPANT_THREAD] = "thread"};

	f->thread_kind = history_kind(f->history, KERNEL_THREAD_ROW_KIND, thread_states, KERNEL_TS_COUNT);
	f->cpu_kind = history_kind(f->history, KERNEL_CPU_ROW_KIND, cpu_states, KERNEL_CS_COUNT);
	f->occupant_kind = history_kind(f->history, KERNEL_OCCUPANT_ROW_KIND, occupants, KERNEL_OCCUPANT_STATE_COUNT);
}

static void on_forget(gpointer self, KernelThread *kt, KernelThread *same_as)
{
	flow_thread_close(self, kt, same_as);
}

static gpointer flow_create(KernelSet *set)
{
	Flow *f = g_new0(Flow, 1);

	f->set = set;
	f->kernel = set->kernel;
	f->history = set->history;
	f->cpus = g_ptr_array_new_with_free_func(g_free);
	f->losses = g_array_new(FALSE, FALSE, sizeof(gint64));
	f->line_names = g_malloc0(FLOW_LINES_MAX * sizeof(*f->line_names));
	f->threads = history_table(f->history, KERNEL_THREADS_TABLE, sizeof(KernelThreadItem));
	f->latencies = history_table(f->history, KERNEL_LATENCIES_TABLE, sizeof(KernelLatencyItem));
	f->processors = history_table(f->history, KERNEL_CPUS_TABLE, sizeof(KernelCpuItem));
	f->wakeup_edge = history_text(f->history, KERNEL_WAKEUP_EDGE, -1);
	f->timer_text = history_text(f->history, "timer", -1);
	f->can_throttle = set->facts->declared[TRACE_SCHED_MIGRATE];
	f->all_syscalls = has_all_syscalls(set->facts);
	init_kinds(f);
	init_handlers(f);
	f->kernel->on_forget = on_forget;
	f->kernel->on_forget_user = f;
	return f;
}

static TraceModel flow_model(gpointer self)
{
	static const TraceNeed needs[] = {
		{TRACE_SCHED_SWITCH, 0x62, 0, 0},
		{TRACE_SCHED_WAKING, 0x9, 0, 0},
		{TRACE_SCHED_WAKEUP, 0x9, 0, 0},
		{TRACE_SCHED_WAKEUP_NEW, 0x9, 0, 0},
		{TRACE_SCHED_MIGRATE, 0x1, 0, 0},
		{TRACE_PROCESS_FORK, 0x1, 0, 0},
		{TRACE_PROCESS_EXEC, 0, 0, 0},
		{TRACE_PI_SETPRIO, 0x5, 0, 0},
		{TRACE_STATEDUMP_PROCESS, 0x1, 0, 0},
		{TRACE_SYSCALL_ENTRY, (1u << FLOW_ARGS) - 1, 0, 0},
		{TRACE_SYSCALL_EXIT, 0, 0, 0},
		{TRACE_FAULT_USER, 0, 0, 0},
		{TRACE_FAULT_KERNEL, 0, 0, 0},
		{TRACE_IRQ_ENTRY, 0x3, 0, 0},
		{TRACE_IRQ_EXIT, 0x1, 0, 0},
		{TRACE_SOFTIRQ_ENTRY, 0x1, 0, 0},
		{TRACE_SOFTIRQ_EXIT, 0x1, 0, 0},
#define FLOW_VECTOR(id) {TRACE_VECTOR_##id##_ENTRY, 0x1, 0, 0}, {TRACE_VECTOR_##id##_EXIT, 0x1, 0, 0}
		FLOW_VECTOR(LOCAL_TIMER),
		FLOW_VECTOR(RESCHEDULE),
		FLOW_VECTOR(CALL_FUNCTION),
		FLOW_VECTOR(CALL_FUNCTION_SINGLE),
		FLOW_VECTOR(IRQ_WORK),
		FLOW_VECTOR(SPURIOUS_APIC),
		FLOW_VECTOR(ERROR_APIC),
		FLOW_VECTOR(THERMAL_APIC),
		FLOW_VECTOR(THRESHOLD_APIC),
		FLOW_VECTOR(DEFERRED_ERROR_APIC),
		FLOW_VECTOR(PLATFORM_IPI),
#undef FLOW_VECTOR
	};

	return (TraceModel){.needs = needs, .n_needs = G_N_ELEMENTS(needs), .event = flow_event, .loss = flow_loss, .self = self};
}

static void flow_finish(gpointer self)
{
	Flow *f = self;

	for (guint i = 0; i < f->kernel->cpus->len; i++) {
		FlowCpu *c = flow_cpu_get(f, (gint32)i);

		if (!c)
			continue;
		history_append(f->history, c->row, f->kernel->end_ns, c->state, c->detail);
		flow_cpu_close_occupant(f, c, f->kernel->end_ns);
		KernelCpuItem *item = history_table_add(f->history, f->processors);
		*item = (KernelCpuItem){.switches = c->cpu->switches, .cpu = c->cpu->id, .row = c->row};
	}
	for (guint i = 0; i < f->kernel->threads->len; i++)
		flow_thread_close(f, g_ptr_array_index(f->kernel->threads, i), NULL);
	flow_thread_names(f);
	f->kernel->on_forget = NULL;
}

static void flow_free(gpointer self)
{
	Flow *f = self;

	for (guint i = 0; i < f->kernel->threads->len; i++) {
		KernelThread *kt = g_ptr_array_index(f->kernel->threads, i);
		FlowThread *t = kt->flow;

		if (t && t->held)
			g_array_unref(t->held);
		g_free(t);
		kt->flow = NULL;
	}
	f->kernel->on_forget = NULL;
	g_ptr_array_unref(f->cpus);
	g_array_unref(f->losses);
	g_free(f->line_names);
	g_free(f);
}

const KernelPart kernel_part_flow = {
	.create = flow_create, .model = flow_model, .finish = flow_finish, .free = flow_free};
