/* SPDX-License-Identifier: MIT */
/* group.c: threads that one limit holds together. */
#include "diagnose/group.h"

#include "kernel/containers.h"

static void group_free(gpointer data)
{
	DiagnoseGroup *g = data;

	diagnose_loss_free(g->loss);
	g_free(g->title);
	g_free(g->name);
	g_free(g);
}

GHashTable *diagnose_groups_new(void)
{
	return g_hash_table_new_full(NULL, NULL, NULL, group_free);
}

/* Takes `name`; NULL: to be looked for when somebody wants to know. */
static DiagnoseGroup *group_new(const AnalysisStoreTrace *t, const char *kind, char *name, gint32 pid)
{
	DiagnoseGroup *g = g_new0(DiagnoseGroup, 1);

	*g = (DiagnoseGroup){.kind = kind, .name = name, .pid = pid, .loss = diagnose_loss_new(t)};
	return g;
}

DiagnoseGroup *diagnose_group_of(const Diagnose *d, const AnalysisStoreTrace *t, GHashTable *groups, guint32 serial, const KernelThreadItem *item)
{
	guint32 number = kernel_container_of(t->history, serial), vm = diagnose_vm_of_pid(t, item->pid);
	const KernelContainerItem *container = kernel_container(t->history, number);
	gboolean in_container = container && container->level > 0 && vm == EXPERIMENT_NONE;
	gpointer key = GSIZE_TO_POINTER(in_container ? (gsize)1 << 32 | number : (guint32)item->pid);
	DiagnoseGroup *g = g_hash_table_lookup(groups, key);

	if (g)
		return g;
	if (in_container)
		g = group_new(t, "container", g_strdup(history_text_get(t->history, container->name)), -1);
	else if (vm != EXPERIMENT_NONE)
		g = group_new(t, "vm", diagnose_vm_name(d, t, vm), item->pid);
	else
		g = group_new(t, "process", NULL, item->pid);
	g_hash_table_insert(groups, key, g);
	return g;
}

void diagnose_suffers_group(DiagnoseFinding *f, const AnalysisStoreTrace *t, DiagnoseGroup *g)
{
	if (!g->name)
		g->name = diagnose_process_name(t, g->pid);
	if (!g->title) /* a VM's name says what it is */
		g->title = g_str_equal(g->kind, "vm") ? g_strdup(g->name) : g_strdup_printf("%s %s", g->kind, g->name);
	diagnose_who(&f->sufferer, g->kind, g->name, t->name, g->pid, -1);
}
