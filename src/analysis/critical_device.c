/* SPDX-License-Identifier: MIT */
#include "analysis/critical_device.h"

#include "kernel/block.h"
#include "kernel/net.h"

/* "qemu-system-x86 198 (VM noisy)". The caller frees. */
static char *filler_name(const AnalysisStoreTrace *t, guint32 thread)
{
	const KernelThreadItem *item = kernel_find_thread(t->history, thread);
	const Experiment *e = t->experiment;

	for (guint i = 0; item && e && t->member != EXPERIMENT_NONE && i < e->members->len; i++) {
		const ExperimentMember *m = experiment_member(e, i);

		if (m->parent == t->member && m->vm_pid == item->pid && m->l2 == EXPERIMENT_NONE)
			return g_strdup_printf("%s %d (VM %s)", history_text_get(t->history, item->name), item->pid, m->name);
	}
	return item ? g_strdup_printf("%s %d", history_text_get(t->history, item->name), item->pid) : g_strdup("?");
}

static const char *disk_name(const History *h, guint32 disk)
{
	guint table;

	if (!history_find_table(h, KERNEL_DISKS_TABLE, sizeof(KernelDiskItem), &table) || disk >= history_table_len(h, table))
		return "";
	return history_text_get(h, ((const KernelDiskItem *)history_table_get(h, table, disk))->name);
}

static const char *interface_name(const History *h, guint32 interface)
{
	guint table;

	if (!history_find_table(h, KERNEL_NET_INTERFACES_TABLE, sizeof(KernelNetInterface), &table) || interface >= history_table_len(h, table))
		return "";
	return history_text_get(h, ((const KernelNetInterface *)history_table_get(h, table, interface))->name);
}

char *critical_device_text(const AnalysisStoreTrace *t, const GraphSegment *s)
{
	if (s->state == KERNEL_TS_SYSCALL)
		return g_strdup_printf("KVM exit %s", history_text_get(t->rows, s->device));
	if (s->state == KERNEL_TS_B_NETWORK)
		return g_strdup_printf("queue of %s", interface_name(t->history, s->device));
	if (s->filler == GRAPH_NONE)
		return g_strdup(disk_name(t->history, s->device));
	g_autofree char *filler = filler_name(t, s->filler);
	return g_strdup_printf("%s, which %s keeps busy", disk_name(t->history, s->device), filler);
}
