/* SPDX-License-Identifier: MIT */
/* reclaim.c: direct reclaim: who looked for memory, and for how long. */
#include "kernel/reclaim.h"
#include "kernel/addrmap.h"

typedef struct {
	KernelSet *set;
	guint table;
	KernelAddrMap begun; /* Begun, by serial + 1 */
} Reclaim;

typedef struct {
	gint64 time;
	guint32 in_group;
} Begun;

static void begin(Reclaim *r, const TraceEvent *ev, const KernelThread *t)
{
	if (r->begun.used >= KERNEL_RECLAIM_THREADS_MAX)
		kernel_addrmap_clear(&r->begun);
	Begun *b = kernel_addrmap_put(&r->begun, (guint64)t->serial + 1);
	*b = (Begun){ev->time, ev->id == TRACE_GROUP_RECLAIM_BEGIN};
}

static void end(Reclaim *r, const TraceEvent *ev, const KernelThread *t)
{
	const Begun *b = kernel_addrmap_get(&r->begun, (guint64)t->serial + 1);

	if (!b)
		return;
	if (b->in_group == (ev->id == TRACE_GROUP_RECLAIM_END) && b->time < ev->time) {
		KernelReclaimItem *item = history_table_add(r->set->history, r->table);
		*item = (KernelReclaimItem){b->time, ev->time, t->serial, b->in_group};
	}
	kernel_addrmap_remove(&r->begun, (guint64)t->serial + 1);
}

static void reclaim_event(gpointer self, const TraceEvent *ev)
{
	Reclaim *r = self;
	const KernelThread *t = kernel_current(r->set->kernel, ev);

	if (t && (ev->id == TRACE_RECLAIM_BEGIN || ev->id == TRACE_GROUP_RECLAIM_BEGIN))
		begin(r, ev, t);
	else if (t)
		end(r, ev, t);
}

static void reclaim_loss(gpointer self, gint32 cpu, gint64 time, TraceLossEdge edge)
{
	(void)cpu;
	(void)time;
	(void)edge;
	kernel_addrmap_clear(&((Reclaim *)self)->begun);
}

static gpointer reclaim_create(KernelSet *set)
{
	Reclaim *r = g_new0(Reclaim, 1);

	r->set = set;
	r->table = history_table(set->history, KERNEL_RECLAIMS_TABLE, sizeof(KernelReclaimItem));
	kernel_addrmap_init(&r->begun, sizeof(Begun), KERNEL_RECLAIM_THREADS_MAX + 1);
	return r;
}

static void reclaim_free(gpointer self)
{
	kernel_addrmap_clear(&((Reclaim *)self)->begun);
	g_free(self);
}

static TraceModel reclaim_model(gpointer self)
{
	static const TraceNeed needs[] = {{TRACE_RECLAIM_BEGIN, 0, 0, 0}, {TRACE_RECLAIM_END, 0, 0, 0}, {TRACE_GROUP_RECLAIM_BEGIN, 0, 0, 0}, {TRACE_GROUP_RECLAIM_END, 0, 0, 0}};

	return (TraceModel){.needs = needs, .n_needs = G_N_ELEMENTS(needs), .event = reclaim_event, .loss = reclaim_loss, .self = self};
}

const KernelPart kernel_part_reclaim = {.create = reclaim_create, .model = reclaim_model, .free = reclaim_free};
