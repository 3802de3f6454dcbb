/* SPDX-License-Identifier: MIT */
/* names.c: threads, vCPUs, and what people call them. */
#include "layers/private.h"

guint32 layers_real_thread(const History *h, guint32 serial)
{
	guint table;

	if (!history_find_table(h, KERNEL_THREADS_TABLE, sizeof(KernelThreadItem), &table))
		return G_MAXUINT32;
	guint64 n = history_table_len(h, table);
	for (guint steps = 0; serial < n && steps < 64; steps++) {
		guint32 same_as = ((const KernelThreadItem *)history_table_get(h, table, serial))->same_as;

		if (same_as == serial)
			return serial;
		serial = same_as;
	}
	return G_MAXUINT32;
}

guint32 layers_vcpu_of(const Layers *l, guint member, guint32 serial)
{
	const LayersMachine *m = &l->machines[member];

	return serial < m->n_vcpu_of ? m->vcpu_of[serial] : EXPERIMENT_NONE;
}

guint layers_guest_of(const Layers *l, guint member, guint32 vcpu)
{
	const LayersMachine *m = &l->machines[member];

	return vcpu < m->n_vcpus ? m->guests[vcpu] : EXPERIMENT_NONE;
}

/* "VM b": the machine's name if it has a trace, else the process's number. */
static char *vm_name(const Layers *l, guint member, guint32 vcpu)
{
	const LayersMachine *m = &l->machines[member];
	const History *h = experiment_member(l->experiment, member)->history;
	guint vcpus, vms;

	if (vcpu < m->n_vcpus && m->guests[vcpu] != EXPERIMENT_NONE)
		return g_strdup_printf("VM %s", experiment_member(l->experiment, m->guests[vcpu])->name);
	if (!history_find_table(h, KVM_VCPUS_TABLE, sizeof(KvmVcpuItem), &vcpus) || !history_find_table(h, KVM_VMS_TABLE, sizeof(KvmVmItem), &vms))
		return g_strdup("VM");
	guint32 vm = ((const KvmVcpuItem *)history_table_get(h, vcpus, vcpu))->vm;
	return g_strdup_printf("VM %d", ((const KvmVmItem *)history_table_get(h, vms, vm))->pid);
}

char *layers_thread_name(const Layers *l, guint member, guint32 serial)
{
	const History *h = experiment_member(l->experiment, member)->history;
	guint32 vcpu = layers_vcpu_of(l, member, serial);
	guint table;

	serial = layers_real_thread(h, serial);
	if (serial == G_MAXUINT32 || !history_find_table(h, KERNEL_THREADS_TABLE, sizeof(KernelThreadItem), &table))
		return g_strdup("?");
	const KernelThreadItem *item = history_table_get(h, table, serial);
	const char *name = history_text_get(h, item->name);
	if (vcpu == EXPERIMENT_NONE)
		return g_strdup_printf("%s %d", *name ? name : "?", item->tid);
	g_autofree char *vm = vm_name(l, member, vcpu);
	return g_strdup_printf("%s %d (%s)", *name ? name : "?", item->tid, vm);
}
