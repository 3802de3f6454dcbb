/* SPDX-License-Identifier: MIT */
/* set.c: the parts of a kernel's analysis, as one. */
#include "kernel/set.h"

const KernelPart *const kernel_parts[KERNEL_PART_COUNT] = {
#define KERNEL_P(id, name) [KERNEL_PART_##id] = &kernel_part_##name,
	KERNEL_PARTS(KERNEL_P)
#undef KERNEL_P
};

const char *kernel_wait_name(KernelWaitReason reason)
{
	static const char *const names[KERNEL_WAIT_COUNT] = {
#define KERNEL_W(id, name, meaning) [KERNEL_WAIT_FOR_##id] = (name),
		KERNEL_WAITS(KERNEL_W)
#undef KERNEL_W
	};

	return names[reason];
}

KernelSet *kernel_set_new(Kernel *kernel, History *history, const TraceFacts *facts)
{
	KernelSet *set = g_new0(KernelSet, 1);

	set->kernel = kernel;
	set->history = history;
	set->facts = facts;
	for (guint i = 0; i < KERNEL_PART_COUNT; i++)
		set->parts[i] = kernel_parts[i]->create(set);
	return set;
}

void kernel_set_free(KernelSet *set)
{
	if (!set)
		return;
	for (guint i = KERNEL_PART_COUNT; i-- > 0;)
		kernel_parts[i]->free(set->parts[i]);
	g_free(set);
}

void kernel_set_models(KernelSet *set, TraceModel *models)
{
	for (guint i = 0; i < KERNEL_PART_COUNT; i++)
		models[i] = kernel_parts[i]->model(set->parts[i]);
}

void kernel_set_finish(KernelSet *set)
{
	/* Flow, the last one, still asks the others why threads are blocked at the end. */
	for (guint i = KERNEL_PART_COUNT; i-- > 0;)
		if (kernel_parts[i]->finish)
			kernel_parts[i]->finish(set->parts[i]);
}

KernelWhy kernel_set_why(KernelSet *set, const KernelBlocked *b)
{
	KernelWhy best = {0};

	for (guint i = 0; i < KERNEL_PART_COUNT; i++) {
		KernelWhy why = {0};

		if (kernel_parts[i]->why)
			kernel_parts[i]->why(set->parts[i], b, &why);
		if (why.weight > best.weight)
			best = why;
	}
	return best;
}
