/* SPDX-License-Identifier: MIT */
/* map.c: what the user says of who runs in whom: "VM=TRACE". */
#include "experiment/private.h"

#include <string.h>

#include "kvm/rows.h"

/* ---- TRACE ---------------------------------------------------------------------------------------------------------- */

static gboolean is_path(const char *alias, const char *text)
{
	g_autofree char *a = g_canonicalize_filename(alias, NULL), *b = g_canonicalize_filename(text, NULL);

	return strcmp(a, b) == 0;
}

static gboolean is_called(const ExperimentInput *input, const char *text)
{
	if (strcmp(input->name, text) == 0)
		return TRUE;
	for (const char *const *alias = input->aliases; alias && *alias; alias++) {
		g_autofree char *base = g_path_get_basename(*alias);

		if (strcmp(base, text) == 0 || is_path(*alias, text))
			return TRUE;
	}
	return FALSE;
}

static guint find_member(const Experiment *e, const ExperimentInput *inputs, const char *text, GError **error)
{
	guint found = EXPERIMENT_NONE;

	for (guint i = 0; i < e->members->len; i++) {
		if (!is_called(&inputs[i], text))
			continue;
		if (found != EXPERIMENT_NONE) {
			g_set_error(error, ST_ERROR, ST_ERROR_USAGE, "--map: \"%s\" may be several traces; give its whole path", text);
			return EXPERIMENT_NONE;
		}
		found = i;
	}
	if (found == EXPERIMENT_NONE)
		g_set_error(error, ST_ERROR, ST_ERROR_USAGE, "--map: there is no kernel trace or machine \"%s\"", text);
	return found;
}

/* ---- VM ------------------------------------------------------------------------------------------------------------- */

/* The VM of a member that a text means: its pid, or "NAME/vm/PID". EXPERIMENT_NONE: none. */
static guint32 vm_of(const ExperimentMember *m, const char *text, gint32 *pid_out)
{
	guint table;

	if (!history_find_table(m->history, KVM_VMS_TABLE, sizeof(KvmVmItem), &table))
		return EXPERIMENT_NONE;
	for (guint32 i = 0; i < history_table_len(m->history, table); i++) {
		const KvmVmItem *vm = history_table_get(m->history, table, i);
		g_autofree char *pid = g_strdup_printf("%d", vm->pid), *path = g_strdup_printf("%s/vm/%d", m->name, vm->pid);

		*pid_out = vm->pid;
		if (strcmp(text, pid) == 0 || strcmp(text, path) == 0)
			return i;
	}
	return EXPERIMENT_NONE;
}

static gboolean find_vm(const Experiment *e, const char *text, ExperimentTold *out, GError **error)
{
	*out = (ExperimentTold){EXPERIMENT_NONE, EXPERIMENT_NONE, -1};
	if (strcmp(text, "none") == 0)
		return TRUE;
	for (guint i = 0; i < e->members->len; i++) {
		gint32 pid;
		guint32 vm = vm_of(experiment_member(e, i), text, &pid);

		if (vm == EXPERIMENT_NONE)
			continue;
		if (out->member != EXPERIMENT_NONE) {
			g_set_error(error, ST_ERROR, ST_ERROR_USAGE, "--map: several machines have a VM %s; say which, as in \"%s/vm/%s\"", text,
				    experiment_member(e, i)->name, text);
			return FALSE;
		}
		*out = (ExperimentTold){i, vm, pid};
	}
	if (out->member != EXPERIMENT_NONE)
		return TRUE;
	g_set_error(error, ST_ERROR, ST_ERROR_USAGE, "--map: there is no VM \"%s\"; `strata vms` lists them (or: none)", text);
	return FALSE;
}

static gboolean add_entry(const Experiment *e, const ExperimentInput *inputs, const char *entry, ExperimentTold *told, GError **error)
{
	const char *equals = strchr(entry, '=');

	if (!equals || equals == entry || !equals[1]) {
		g_set_error(error, ST_ERROR, ST_ERROR_USAGE, "--map takes VM=TRACE; got \"%s\"", entry);
		return FALSE;
	}
	g_autofree char *vm = g_strndup(entry, (gsize)(equals - entry));
	guint member = find_member(e, inputs, equals + 1, error);
	if (member == EXPERIMENT_NONE || !find_vm(e, vm, &told[member], error))
		return FALSE;
	if (told[member].member != member)
		return TRUE;
	g_set_error(error, ST_ERROR, ST_ERROR_USAGE, "--map: %s can't run in a VM of its own", experiment_member(e, member)->name);
	return FALSE;
}

ExperimentTold *experiment_map(const Experiment *e, const ExperimentInput *inputs, const ExperimentOptions *options, GError **error)
{
	g_autofree ExperimentTold *told = g_new0(ExperimentTold, e->members->len + 1);

	for (guint i = 0; i < e->members->len; i++)
		told[i] = (ExperimentTold){EXPERIMENT_UNTOLD, EXPERIMENT_NONE, -1};
	for (const char *const *entry = options ? options->map : NULL; entry && *entry; entry++)
		if (!add_entry(e, inputs, *entry, told, error))
			return NULL;
	return g_steal_pointer(&told);
}
