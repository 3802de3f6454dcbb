/* SPDX-License-Identifier: MIT */
/* flow.c: the threads of a kernel, as a table. */
#include "kernel/flow.h"

typedef struct {
	KernelSet *set;
	guint threads;
} Flow;

static gpointer flow_create(KernelSet *set)
{
	Flow *f = g_new0(Flow, 1);

	f->set = set;
	f->threads = history_table(set->history, KERNEL_THREADS_TABLE, sizeof(KernelThreadItem));
	return f;
}

static void flow_event(gpointer self, const TraceEvent *ev)
{
	const Flow *f = self;

	kernel_current(f->set->kernel, ev);
}

static TraceModel flow_model(gpointer self)
{
	static const TraceNeed needs[] = {{TRACE_SCHED_SWITCH, 0, 0, 0}};

	return (TraceModel){.needs = needs, .n_needs = G_N_ELEMENTS(needs), .event = flow_event, .self = self};
}

static void flow_finish(gpointer self)
{
	Flow *f = self;
	Kernel *k = f->set->kernel;

	while (history_table_len(f->set->history, f->threads) < k->n_serials)
		((KernelThreadItem *)history_table_add(f->set->history, f->threads))->row = KERNEL_NO_ROW;
	for (guint i = 0; i < k->threads->len; i++) {
		const KernelThread *t = g_ptr_array_index(k->threads, i);
		KernelThreadItem *item = history_table_item(f->set->history, f->threads, t->serial);

		*item = (KernelThreadItem){.tid = t->tid, .pid = t->pid, .ppid = t->ppid, .vtid = t->vtid, .vpid = t->vpid,
					   .cpu = t->cpu, .name = history_text(f->set->history, t->name, -1), .row = KERNEL_NO_ROW,
					   .same_as = t->serial, .is_kthread = t->is_kthread == 1, .born = t->born,
					   .begin_ns = t->begin_ns, .end_ns = t->end_ns, .switches = t->switches,
					   .preemptions = t->preemptions};
	}
}

void kernel_flow_guest_enter(KernelSet *set, gint32 cpu, KernelThread *thread, gint64 time, guint32 detail)
{
}

void kernel_flow_guest_leave(KernelSet *set, gint32 cpu, KernelThread *thread, gint64 time)
{
}

const KernelPart kernel_part_flow = {.create = flow_create, .model = flow_model, .finish = flow_finish, .free = g_free};
