/* SPDX-License-Identifier: MIT */
/* find.c: threads and processors of a finished history. */
#include "kernel/flow.h"

const KernelThreadItem *kernel_find_thread(const History *h, guint32 serial)
{
	guint table;

	if (!history_find_table(h, KERNEL_THREADS_TABLE, sizeof(KernelThreadItem), &table) || serial >= history_table_len(h, table))
		return NULL;
	const KernelThreadItem *item = history_table_get(h, table, serial);
	return item->same_as < history_table_len(h, table) ? history_table_get(h, table, item->same_as) : item;
}

guint32 kernel_find_cpu_row(const History *h, gint32 cpu)
{
	guint table;

	if (history_find_table(h, KERNEL_CPUS_TABLE, sizeof(KernelCpuItem), &table))
		for (guint64 i = 0; i < history_table_len(h, table); i++) {
			const KernelCpuItem *item = history_table_get(h, table, i);

			if (item->cpu == cpu)
				return item->row;
		}
	return KERNEL_NO_ROW;
}
