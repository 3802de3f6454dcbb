/* SPDX-License-Identifier: MIT */
/* names.c: numbers are others in the next recording; names are not. */
#include <string.h>

#include "compare/private.h"
#include "kvm/rows.h"

static const AnalysisStoreTrace *trace_of(const AnalysisStore *s, const char *machine)
{
	for (guint i = 0; i < s->traces->len; i++) {
		const AnalysisStoreTrace *t = g_ptr_array_index(s->traces, i);

		if (t->is_kernel && strcmp(t->name, machine) == 0)
			return t;
	}
	return NULL;
}

char *compare_vm_name(const AnalysisStore *s, const char *machine, gint32 pid)
{
	const AnalysisStoreTrace *t = trace_of(s, machine);
	guint table, place = 1;

	for (guint i = 0; t && i < s->experiment->members->len; i++) {
		const ExperimentMember *m = experiment_member(s->experiment, i);

		if (m->parent == t->member && m->vm_pid == pid && m->l2 == EXPERIMENT_NONE)
			return g_strdup_printf("VM %s", m->name);
	}
	if (!t || !history_find_table(t->history, KVM_VMS_TABLE, sizeof(KvmVmItem), &table))
		return g_strdup("VM");
	for (guint64 i = 0; i < history_table_len(t->history, table); i++)
		place += ((const KvmVmItem *)history_table_get(t->history, table, i))->pid < pid;
	return g_strdup_printf("VM no. %u", place);
}

/* The text without a number at its end, with what stands between them. */
static char *without_number(const char *name, char mark)
{
	const char *at = strrchr(name, mark);

	if (!at || !at[1] || at == name || at[1 + strspn(at + 1, "0123456789")])
		return g_strdup(name);
	return g_strndup(name, (gsize)(at - name));
}

char *compare_thread_name(const char *name)
{
	if (g_str_has_prefix(name, "kworker/"))
		return g_strdup("kworker");
	return without_number(name, '-');
}

/* The only machine of a level; NULL: there are several. */
static const char *only_of_level(const AnalysisStore *s, gint level)
{
	const char *found = NULL;

	for (guint i = 0; i < s->traces->len; i++) {
		const AnalysisStoreTrace *t = g_ptr_array_index(s->traces, i);

		if (!t->is_kernel || t->level != level)
			continue;
		if (found)
			return NULL;
		found = t->name;
	}
	return found;
}

const char *compare_machine(const AnalysisStore *a, const AnalysisStore *b, const char *machine)
{
	const AnalysisStoreTrace *same = trace_of(b, machine), *t = trace_of(a, machine);

	if (same || !t || t->level < 0)
		return same ? same->name : NULL;
	const char *only = only_of_level(b, t->level);
	return only && g_strcmp0(only_of_level(a, t->level), machine) == 0 && !trace_of(a, only) ? only : NULL;
}
