/* SPDX-License-Identifier: MIT */
/* tsc.c: offsets of vCPUs' time stamp counters. */
#include "kvm/tsc.h"

static gpointer tsc_create(KvmSet *set)
{
	return set;
}

/* It is written by a thread of the VM's process, mostly but not always the vCPU's own. */
static void tsc_event(gpointer self, const TraceEvent *ev)
{
	KvmSet *set = self;
	const KernelThread *t = kernel_current(set->kernel_set->kernel, ev);
	guint table = history_table(set->history, KVM_TSC_TABLE, sizeof(KvmTscItem));

	if (!t || t->pid < 0 || !trace_has(ev, TRACE_KVM_WRITE_TSC_OFFSET_VCPU) || !trace_has(ev, TRACE_KVM_WRITE_TSC_OFFSET_NEXT) ||
	    history_table_len(set->history, table) >= KVM_TSC_MAX)
		return;
	*(KvmTscItem *)history_table_add(set->history, table) = (KvmTscItem){
		.time_ns = ev->time, .offset = (gint64)ev->v[TRACE_KVM_WRITE_TSC_OFFSET_NEXT], .pid = t->pid, .vcpu = (gint32)ev->v[TRACE_KVM_WRITE_TSC_OFFSET_VCPU]};
}

static TraceModel tsc_model(gpointer self)
{
	static const TraceNeed needs[] = {{TRACE_KVM_WRITE_TSC_OFFSET, 0x3, KERNEL_ALL_CTX, 0}};

	return (TraceModel){.needs = needs, .n_needs = G_N_ELEMENTS(needs), .event = tsc_event, .self = self};
}

static void tsc_free(gpointer self)
{
}

const KvmPart kvm_part_tsc = {.create = tsc_create, .model = tsc_model, .free = tsc_free};
