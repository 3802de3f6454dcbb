/* SPDX-License-Identifier: MIT */
/*
 * memory_limit.c: programs look for memory themselves because their control group is at its limit, although the machine may have plenty.
 *
 * Lost is the time that their threads spent doing so: by container where there are any, else by process.
 */
#include "diagnose/private.h"
#include "kernel/containers.h"
#include "kernel/reclaim.h"

typedef struct {
	const char *kind;
	char *name;
	gint32 pid;
	DiagnoseLoss *loss;
} Group;

static void group_free(gpointer data)
{
	Group *g = data;

	diagnose_loss_free(g->loss);
	g_free(g->name);
	g_free(g);
}

static Group *group_of(const AnalysisStoreTrace *t, GHashTable *groups, guint32 serial, const KernelThreadItem *item)
{
	guint32 number = kernel_container_of(t->history, serial);
	const KernelContainerItem *container = kernel_container(t->history, number);
	gboolean in_container = container && container->level > 0;
	gpointer key = GSIZE_TO_POINTER(in_container ? (gsize)1 << 32 | number : (guint32)item->pid);
	Group *g = g_hash_table_lookup(groups, key);

	if (g)
		return g;
	g = g_new0(Group, 1);
	*g = in_container ? (Group){"container", g_strdup(history_text_get(t->history, container->name)), -1, diagnose_loss_new(t)} :
			    (Group){"process", diagnose_process_name(t, item->pid), item->pid, diagnose_loss_new(t)};
	g_hash_table_insert(groups, key, g);
	return g;
}

static void add_finding(Diagnose *d, const AnalysisStoreTrace *t, const Group *g)
{
	DiagnoseFinding *f = diagnose_finding_new(d, "memory-limit", g->loss, diagnose_end(d, t) - diagnose_begin(d, t));
	g_autofree char *limit = g_strdup_printf("memory limit of %s", g->name);

	f->victim = f->offender = t->member;
	f->title = g_strdup_printf("%s %s of %s is at its memory limit: its threads look for memory instead of working", g->kind, g->name, t->name);
	f->advice = g_strdup("Raise its limit (memory.max, memory.high), or let it need less: page cache that it fills counts, too.");
	diagnose_who(&f->sufferer, g->kind, g->name, t->name, g->pid, -1);
	diagnose_who(&f->culprit, "limit", limit, t->name, -1, -1);
	diagnose_add(d, f);
}

void diagnose_rule_memory_limit(Diagnose *d, const AnalysisStoreTrace *t)
{
	g_autoptr(GHashTable) groups = g_hash_table_new_full(NULL, NULL, NULL, group_free);
	gint64 begin = diagnose_begin(d, t), end = diagnose_end(d, t);
	GHashTableIter iter;
	gpointer g;
	guint table;

	if (!history_find_table(t->history, KERNEL_RECLAIMS_TABLE, sizeof(KernelReclaimItem), &table))
		return;
	for (guint64 i = 0; i < history_table_len(t->history, table); i++) {
		const KernelReclaimItem *r = history_table_get(t->history, table, i);
		const KernelThreadItem *item = r->in_group && r->end_ns > begin && r->begin_ns < end ? kernel_find_thread(t->history, r->thread) : NULL;

		if (item)
			diagnose_loss_add_in_row(group_of(t, groups, r->thread, item)->loss, MAX(r->begin_ns, begin), MIN(r->end_ns, end), item->row);
	}
	g_hash_table_iter_init(&iter, groups);
	while (g_hash_table_iter_next(&iter, NULL, &g))
		if (diagnose_matters(d, ((Group *)g)->loss, end - begin, DIAGNOSE_LOST_SHARE))
			add_finding(d, t, g);
}
