/* SPDX-License-Identifier: MIT */
/* set.c: the parts of a hypervisor's analysis, as one. */
#include "kvm/set.h"

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

void kvm_set_finish(KvmSet *set)
{
	for (guint i = 0; i < KVM_PART_COUNT; i++)
		if (kvm_parts[i]->finish)
			kvm_parts[i]->finish(set->parts[i]);
}
