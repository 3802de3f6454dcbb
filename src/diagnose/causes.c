/* SPDX-License-Identifier: MIT */
/* causes.c: the table of causes, and which of them a trace's events can't tell. */
#include <string.h>

#include "diagnose/causes.h"
#include "diagnose/private.h"

enum { SCOPE_ALL, SCOPE_HOST, SCOPE_NESTING };

static const struct {
	DiagnoseCause cause;
	guint scope;
} causes[] = {
#define DIAGNOSE_C(id, scope, weight, share_of, what, needs, rules_out) {{id, what, needs, rules_out, share_of, weight}, SCOPE_##scope},
	DIAGNOSE_CAUSES(DIAGNOSE_C)
#undef DIAGNOSE_C
};

guint diagnose_n_causes(void)
{
	return G_N_ELEMENTS(causes);
}

const DiagnoseCause *diagnose_cause(guint i)
{
	return &causes[i].cause;
}

const DiagnoseCause *diagnose_cause_of(const char *id)
{
	for (guint i = 0; i < G_N_ELEMENTS(causes); i++)
		if (!strcmp(causes[i].cause.id, id))
			return &causes[i].cause;
	g_assert_not_reached();
}

/* ---- What is missing ------------------------------------------------------------------------------------------------------ */

#define SYSCALL "syscall:"

static gboolean is_recorded(const TraceFacts *facts, const char *name)
{
	if (g_str_has_prefix(name, SYSCALL)) {
		g_autofree char *event = g_strconcat("syscall_entry_", name + strlen(SYSCALL), NULL);
		gint number = trace_syscall_by_event(event);

		return number >= 0 && number < TRACE_SYSCALL_COUNT && facts->declared_syscalls[number];
	}
	gint event = trace_event_by_name(name);
	return event >= 0 && facts->declared[event];
}

/* One need, "a|b": NULL if any of them was recorded, else the first. */
static char *missing_of(const TraceFacts *facts, const char *need)
{
	g_auto(GStrv) any = g_strsplit(need, "|", -1);

	for (guint i = 0; any[i]; i++)
		if (is_recorded(facts, any[i]))
			return NULL;
	return g_strdup(any[0]);
}

/* Names of events that a cause needs and the trace hasn't; the caller frees the array. */
static GPtrArray *missing(const TraceFacts *facts, const DiagnoseCause *cause)
{
	g_auto(GStrv) needs = g_strsplit(cause->needs, " ", -1);
	GPtrArray *all = g_ptr_array_new_with_free_func(g_free);

	for (guint i = 0; needs[i]; i++) {
		char *name = missing_of(facts, needs[i]);

		if (name)
			g_ptr_array_add(all, name);
	}
	return all;
}

static gboolean has_items(const AnalysisStoreTrace *t, const char *name, gsize size)
{
	guint table;

	return history_find_table(t->history, name, size, &table) && history_table_len(t->history, table) > 0;
}

static gboolean is_in_scope(const AnalysisStoreTrace *t, guint scope)
{
	return scope == SCOPE_ALL || (scope == SCOPE_HOST ? has_items(t, KVM_VMS_TABLE, sizeof(KvmVmItem)) : has_items(t, KVM_L2S_TABLE, sizeof(KvmL2Item)));
}

/* "lttng enable-event -k a,b; lttng enable-event -k --syscall c" */
static char *command_for(const GPtrArray *names)
{
	g_autoptr(GString) events = g_string_new(NULL), calls = g_string_new(NULL);

	for (guint i = 0; i < names->len; i++) {
		const char *name = g_ptr_array_index(names, i);
		gboolean is_call = g_str_has_prefix(name, SYSCALL);
		GString *list = is_call ? calls : events;

		g_string_append_printf(list, "%s%s", list->len ? "," : is_call ? "lttng enable-event -k --syscall " : "lttng enable-event -k ",
				       is_call ? name + strlen(SYSCALL) : name);
	}
	return g_strconcat(events->str, events->len && calls->len ? "; " : "", calls->str, NULL);
}

static void unchecked(const AnalysisStoreTrace *t, DiagnoseUncheckedFunc found, gpointer user)
{
	g_autofree TraceFacts *facts = g_new0(TraceFacts, 1);

	trace_facts(t->trace, facts);
	for (guint i = 0; i < G_N_ELEMENTS(causes); i++) {
		g_autoptr(GPtrArray) names = is_in_scope(t, causes[i].scope) ? missing(facts, &causes[i].cause) : NULL;

		if (!names || !names->len)
			continue;
		g_autofree char *command = command_for(names);
		found(user, t, &causes[i].cause, command);
	}
}

void diagnose_unchecked(const Diagnose *d, DiagnoseUncheckedFunc found, gpointer user)
{
	for (guint i = 0; i < d->store->traces->len; i++) {
		const AnalysisStoreTrace *t = g_ptr_array_index(d->store->traces, i);

		if (t->is_kernel)
			unchecked(t, found, user);
	}
}
