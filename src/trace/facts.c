/* SPDX-License-Identifier: MIT */
/* facts.c: what a trace could tell, from its metadata alone. */
#include "trace/private.h"

#include <string.h>

/* Old tracers' one event for all exits is that of each. */
static void declare_syscall(guint8 *sides, guint side, gint syscall)
{
	for (gint i = 0; i < TRACE_SYSCALL_COUNT; i++)
		if (syscall < 0 || i == syscall)
			sides[i] |= (guint8)(1 << side);
}

void trace_facts(const CtfTrace *trace, TraceFacts *facts_out)
{
	const CtfMetadata *m = trace->metadata;
	const char *domain = ctf_metadata_env_text(m, "domain");
	TraceFacts f = {
		.hostname = ctf_metadata_env_text(m, "hostname"),
		.kernel_release = ctf_metadata_env_text(m, "kernel_release"),
		.tracer = ctf_metadata_env_text(m, "tracer_name"),
	};

	guint8 sides[TRACE_SYSCALL_COUNT] = {0};

	for (guint i = 0; i < m->events->len; i++) {
		const CtfEventClass *ec = g_ptr_array_index(m->events, i);
		gint id = trace_event_by_name(ec->name);

		if (id >= 0)
			f.declared[id] = TRUE;
		gint syscall = id == TRACE_SYSCALL_ENTRY || id == TRACE_SYSCALL_EXIT ? trace_syscall_by_event(ec->name) : TRACE_SYSCALL_COUNT;
		if (syscall < TRACE_SYSCALL_COUNT)
			declare_syscall(sides, id == TRACE_SYSCALL_EXIT, syscall);
	}
	trace_counters(m, f.counters, &f.n_counters);
	for (guint i = 0; i < TRACE_SYSCALL_COUNT; i++)
		f.declared_syscalls[i] = sides[i] == 3;
	if (!f.kernel_release)
		f.kernel_release = ctf_metadata_env_text(m, "release"); /* perf's name for it */
	f.is_kernel = f.declared[TRACE_SCHED_SWITCH] || f.declared[TRACE_SCHED_WAKEUP] ||
		      f.declared[TRACE_SCHED_WAKING] || (domain && strcmp(domain, "kernel") == 0);
	*facts_out = f;
}
