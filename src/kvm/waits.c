/* SPDX-License-Identifier: MIT */
/* waits.c: why vCPUs waited: evidence is collected while events flow. */
#include "kvm/set.h"

static gpointer waits_create(KvmSet *set)
{
	return set;
}

static void waits_event(gpointer self, const TraceEvent *ev)
{
}

static TraceModel waits_model(gpointer self)
{
	return (TraceModel){.event = waits_event, .self = self};
}

static void waits_free(gpointer self)
{
}

const KvmPart kvm_part_waits = {.create = waits_create, .model = waits_model, .free = waits_free};
