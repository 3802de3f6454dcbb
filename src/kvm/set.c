/* SPDX-License-Identifier: MIT */
/* set.c: the parts of a hypervisor's analysis, as one. */
#include "kvm/set.h"

#include "kvm/private.h"
#include "kvm/rows.h"

static const KvmPart *const kvm_parts[KVM_PART_COUNT] = {
#define KVM_P(id, name) [KVM_PART_##id] = &kvm_part_##name,
	KVM_PARTS(KVM_P)
#undef KVM_P
};

KvmSet *kvm_set_new(Kvm *kvm, KernelSet *kernel_set)
{
	KvmSet *set = g_new0(KvmSet, 1);

	set->kvm = kvm;
	set->kernel_set = kernel_set;
	set->history = kernel_set->history;
	set->facts = kernel_set->facts;
	for (guint i = 0; i < KVM_PART_COUNT; i++)
		set->parts[i] = kvm_parts[i]->create(set);
	return set;
}

void kvm_set_free(KvmSet *set)
{
	if (!set)
		return;
	for (guint i = KVM_PART_COUNT; i-- > 0;)
		kvm_parts[i]->free(set->parts[i]);
	g_free(set);
}

void kvm_set_models(KvmSet *set, TraceModel *models)
{
	for (guint i = 0; i < KVM_PART_COUNT; i++)
		models[i] = kvm_parts[i]->model(set->parts[i]);
}

guint32 *kvm_set_vcpu_items(const KvmSet *set)
{
	g_autoptr(GHashTable) by_thread = g_hash_table_new(NULL, NULL); /* serial -> item plus one */
	const GPtrArray *vcpus = set->kvm->s->vcpus;
	guint32 *items = g_new(guint32, vcpus->len + 1);
	guint table;

	if (history_find_table(set->history, KVM_VCPUS_TABLE, sizeof(KvmVcpuItem), &table))
		for (guint64 i = 0; i < history_table_len(set->history, table); i++) {
			const KvmVcpuItem *item = history_table_get(set->history, table, i);

			g_hash_table_insert(by_thread, GUINT_TO_POINTER(item->thread), GSIZE_TO_POINTER(i + 1));
		}
	for (guint i = 0; i < vcpus->len; i++) {
		const KvmVcpu *v = g_ptr_array_index(vcpus, i);
		gsize item = GPOINTER_TO_SIZE(g_hash_table_lookup(by_thread, GUINT_TO_POINTER(v->thread->serial)));

		items[i] = item ? (guint32)(item - 1) : KVM_NO_ROW;
	}
	return items;
}

void kvm_set_finish(KvmSet *set)
{
	for (guint i = 0; i < KVM_PART_COUNT; i++)
		if (kvm_parts[i]->finish)
			kvm_parts[i]->finish(set->parts[i]);
}
