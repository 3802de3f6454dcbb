/* SPDX-License-Identifier: MIT */
/*
 * trace/events.h: the table of canonical events, whatever tracer and version wrote them.
 *
 * E(ID, SYSTEM, NAMES): an event. NAMES, separated by spaces, are what LTTng and ftrace call it; perf's name is "SYSTEM:" and any
 * of them. LTTng before 2.8 called its x86 KVM events kvm_*, since then kvm_x86_*.
 *
 * F(ID, FIELD, INDEX, NAMES): a field of it, the first of NAMES that the event class has. "a?b" is a, but only where there is a b too. Fields count from 0
 * without holes; those that most readers want come first, because a reader that wants INDEX pays for all below it.
 *
 * A name that ends in "*" stands for every event class whose name begins so and that no other row names in full; of several such, the longest
 * counts. The syscall events are like that: which system call it is, and so what its fields are, is TraceEvent.syscall.
 */
#ifndef STRATA_TRACE_EVENTS_H
#define STRATA_TRACE_EVENTS_H

#include "trace/events/block.h"
#include "trace/events/irq.h"
#include "trace/events/kvm.h"
#include "trace/events/memory.h"
#include "trace/events/net.h"
#include "trace/events/sched.h"
#include "trace/events/statedump.h"
#include "trace/events/syscall.h"
#include "trace/events/timer.h"
#include "trace/events/vmsync.h"

/* clang-format off */
#define TRACE_EVENTS(E, F) \
	TRACE_EVENTS_SCHED(E, F) \
	TRACE_EVENTS_SYSCALL(E, F) \
	TRACE_EVENTS_KVM(E, F) \
	TRACE_EVENTS_IRQ(E, F) \
	TRACE_EVENTS_TIMER(E, F) \
	TRACE_EVENTS_BLOCK(E, F) \
	TRACE_EVENTS_NET(E, F) \
	TRACE_EVENTS_MEMORY(E, F) \
	TRACE_EVENTS_STATEDUMP(E, F) \
	TRACE_EVENTS_VMSYNC(E, F)
/* clang-format on */

#endif
