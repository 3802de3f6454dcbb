/* SPDX-License-Identifier: MIT */
/* virtual.c: whether a kernel runs in a VM, by the devices that only VMs have. */
#include "analysis/store.h"

#include <string.h>

#include "kernel/block.h"
#include "kernel/irq.h"

static const char *const drivers[] = {"virtio", "vmxnet", "vmw_pvscsi", "hv_", "Hyper-V", "xen-"};

static const char *known_line(const char *name)
{
	for (guint i = 0; i < G_N_ELEMENTS(drivers); i++)
		if (strstr(name, drivers[i]))
			return name;
	return NULL;
}

/* virtio's disks are vda, vdb, ...; Xen's xvda, ... */
static const char *known_disk(const char *name)
{
	return g_str_has_prefix(name, "vd") || g_str_has_prefix(name, "xvd") ? name : NULL;
}

static const char *by_lines(const History *h)
{
	const char *name = NULL;
	guint table;

	if (!history_find_table(h, KERNEL_IRQ_LINES_TABLE, sizeof(KernelIrqLine), &table))
		return NULL;
	for (guint64 i = 0; !name && i < history_table_len(h, table); i++) {
		const KernelIrqLine *l = history_table_get(h, table, i);

		name = l->kind == KERNEL_IRQ_LINE ? known_line(history_text_get(h, l->name)) : NULL;
	}
	return name;
}

static const char *by_disks(const History *h)
{
	const char *name = NULL;
	guint table;

	if (!history_find_table(h, KERNEL_DISKS_TABLE, sizeof(KernelDiskItem), &table))
		return NULL;
	for (guint64 i = 0; !name && i < history_table_len(h, table); i++)
		name = known_disk(history_text_get(h, ((const KernelDiskItem *)history_table_get(h, table, i))->name));
	return name;
}

const char *analysis_virtual_by(const AnalysisStoreTrace *t)
{
	const char *name = by_lines(t->history);

	return name ? name : by_disks(t->history);
}
