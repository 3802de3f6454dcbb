/* SPDX-License-Identifier: MIT */
/* counters.c: which contexts are hardware counters. */
#include <string.h>

#include "trace/private.h"

/* "perf_cpu_" and "perf_thread_" are LTTng's names in CTF; the other spelling is that of its command line. */
static const struct {
	const char *prefix;
	gboolean of_thread;
} spellings[] = {
	{"perf_cpu_", FALSE}, {"perf_thread_", TRUE}, {"perf:cpu:", FALSE}, {"perf:thread:", TRUE},
};

static gboolean is_known(const TraceCounter *all, guint n, const char *field)
{
	for (guint i = 0; i < n; i++)
		if (strcmp(all[i].field, field) == 0)
			return TRUE;
	return FALSE;
}

static void add(const CtfFc *fc, const char *field, TraceCounter *all, guint *n)
{
	for (guint i = 0; i < G_N_ELEMENTS(spellings); i++) {
		const char *name = field + strlen(spellings[i].prefix);

		if (!g_str_has_prefix(field, spellings[i].prefix) || !*name || *n >= TRACE_COUNTERS_MAX || is_known(all, *n, field))
			continue;
		g_autofree char *canonical = g_strdelimit(g_strdup(name), "_", '-');
		all[(*n)++] = (TraceCounter){.name = g_intern_string(canonical), .of_thread = spellings[i].of_thread,
					     .bits = (guint8)CLAMP(fc->size, 1, 64), .field = g_intern_string(field)};
	}
}

static void add_members(const CtfFc *structure, TraceCounter *all, guint *n)
{
	for (guint i = 0; structure && structure->type == CTF_FC_STRUCT && i < structure->n_members; i++) {
		const CtfMember *m = &structure->members[i];

		if (m->fc->type == CTF_FC_INT)
			add(m->fc, m->display, all, n);
	}
}

void trace_counters(const CtfMetadata *m, TraceCounter *counters_out, guint *n_out)
{
	*n_out = 0;
	for (guint i = 0; i < m->stream_classes->len; i++)
		add_members(((const CtfStreamClass *)g_ptr_array_index(m->stream_classes, i))->common_context, counters_out, n_out);
}
