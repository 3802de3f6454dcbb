/* SPDX-License-Identifier: MIT */
/*
 * memory_limit.c: programs look for memory themselves because their control group is at its limit, although the machine may have plenty.
 *
 * Lost is the time that their threads spent doing so: by container where there are any, else by process.
 */
#include "diagnose/group.h"
#include "kernel/reclaim.h"

static void add_finding(Diagnose *d, const AnalysisStoreTrace *t, DiagnoseGroup *g)
{
	DiagnoseFinding *f = diagnose_finding_new(d, "memory-limit", g->loss, diagnose_end(d, t) - diagnose_begin(d, t));

	f->victim = f->offender = t->member;
	diagnose_suffers_group(f, t, g);
	g_autofree char *limit = g_strdup_printf("memory limit of %s", g->name);
	f->title = g_strdup_printf("%s of %s is at its memory limit: its threads look for memory instead of working", g->title, t->name);
	f->advice = g_strdup("Raise its limit (memory.max, memory.high), or let it need less: page cache that it fills counts, too.");
	diagnose_who(&f->culprit, "limit", limit, t->name, -1, -1);
	diagnose_add(d, f);
}

void diagnose_rule_memory_limit(Diagnose *d, const AnalysisStoreTrace *t)
{
	g_autoptr(GHashTable) groups = diagnose_groups_new();
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
			diagnose_loss_add_in_row(diagnose_group_of(d, t, groups, r->thread, item)->loss, MAX(r->begin_ns, begin), MIN(r->end_ns, end), item->row);
	}
	g_hash_table_iter_init(&iter, groups);
	while (g_hash_table_iter_next(&iter, NULL, &g))
		if (diagnose_matters(d, ((DiagnoseGroup *)g)->loss, end - begin, DIAGNOSE_LOST_SHARE))
			add_finding(d, t, g);
}
