/* SPDX-License-Identifier: MIT */
/* vmsync.c: hypercalls by which clocks are compared. */
#include "kvm/vmsync.h"

#define FIELDS(event) (TRACE_BIT(TRACE_##event##_COUNT) | TRACE_BIT(TRACE_##event##_UID))
#define NEED(event)   {TRACE_##event, FIELDS(event), KERNEL_ALL_CTX, 0}

static gpointer vmsync_create(KvmSet *set)
{
	return set;
}

static gint kind_of(guint16 id)
{
	switch (id) {
	case TRACE_VMSYNC_GH_GUEST:
		return KVM_VMSYNC_GH_GUEST;
	case TRACE_VMSYNC_GH_HOST:
		return KVM_VMSYNC_GH_HOST;
	case TRACE_VMSYNC_HG_HOST:
		return KVM_VMSYNC_HG_HOST;
	case TRACE_VMSYNC_HG_GUEST:
		return KVM_VMSYNC_HG_GUEST;
	default:
		return -1;
	}
}

/* All four events have the same fields at the same places. */
static void vmsync_event(gpointer self, const TraceEvent *ev)
{
	KvmSet *set = self;
	gint kind = kind_of(ev->id);

	if (kind < 0 || !trace_has(ev, TRACE_VMSYNC_GH_GUEST_COUNT) || !trace_has(ev, TRACE_VMSYNC_GH_GUEST_UID))
		return;
	guint table = history_table(set->history, KVM_VMSYNC_TABLE, sizeof(KvmVmsyncItem));
	const KernelThread *t = kernel_current(set->kernel_set->kernel, ev);
	if (history_table_len(set->history, table) >= KVM_VMSYNC_MAX)
		return;
	*(KvmVmsyncItem *)history_table_add(set->history, table) = (KvmVmsyncItem){
		.time_ns = ev->time, .uid = ev->v[TRACE_VMSYNC_GH_GUEST_UID], .count = ev->v[TRACE_VMSYNC_GH_GUEST_COUNT],
		.thread = t ? t->serial : G_MAXUINT32, .kind = (guint8)kind};
}

static TraceModel vmsync_model(gpointer self)
{
	static const TraceNeed needs[] = {NEED(VMSYNC_GH_GUEST), NEED(VMSYNC_GH_HOST), NEED(VMSYNC_HG_HOST), NEED(VMSYNC_HG_GUEST)};

	return (TraceModel){.needs = needs, .n_needs = G_N_ELEMENTS(needs), .event = vmsync_event, .self = self};
}

static void vmsync_free(gpointer self)
{
}

const KvmPart kvm_part_vmsync = {.create = vmsync_create, .model = vmsync_model, .free = vmsync_free};
