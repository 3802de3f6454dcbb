/* SPDX-License-Identifier: MIT */
/* facts.c: what a trace could tell, from its metadata alone. */
#include "trace/private.h"

#include <string.h>

void trace_facts(const CtfTrace *trace, TraceFacts *facts_out)
{
	const CtfMetadata *m = trace->metadata;
	const char *domain = ctf_metadata_env_text(m, "domain");
	TraceFacts f = {
		.hostname = ctf_metadata_env_text(m, "hostname"),
		.kernel_release = ctf_metadata_env_text(m, "kernel_release"),
		.tracer = ctf_metadata_env_text(m, "tracer_name"),
	};

	for (guint i = 0; i < m->events->len; i++) {
		const CtfEventClass *ec = g_ptr_array_index(m->events, i);
		gint id = trace_event_by_name(ec->name);

		if (id >= 0)
			f.declared[id] = TRUE;
	}
	if (!f.kernel_release)
		f.kernel_release = ctf_metadata_env_text(m, "release"); /* perf's name for it */
	f.is_kernel = f.declared[TRACE_SCHED_SWITCH] || f.declared[TRACE_SCHED_WAKEUP] ||
		      f.declared[TRACE_SCHED_WAKING] || (domain && strcmp(domain, "kernel") == 0);
	*facts_out = f;
}
