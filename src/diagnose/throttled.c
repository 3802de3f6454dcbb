/* SPDX-License-Identifier: MIT */
/*
 * throttled.c: threads could have run, but their control group had used up its quota.
 *
 * By container where there are any, else by process. A vCPU's thread that is throttled makes its VM suffer.
 */
#include "diagnose/group.h"

static void add_thread(const Diagnose *d, DiagnoseGroup *g, const AnalysisStoreTrace *t, const KernelThreadItem *item, const gint64 *ns)
{
	gint64 begin = diagnose_begin(d, t), end = diagnose_end(d, t);
	HistoryWalk walk;
	HistoryInterval i;

	for (guint s = KERNEL_TS_RUNNING; s <= KERNEL_TS_THROTTLED; s++)
		g->demand += ns[s];
	if (!ns[KERNEL_TS_THROTTLED])
		return;
	history_walk(&walk, t->history, item->row, begin, end);
	while (history_walk_next(&walk, &i))
		if (i.state == KERNEL_TS_THROTTLED)
			diagnose_loss_add(g->loss, MAX(i.begin_ns, begin), MIN(i.end_ns, end), item->row, "throttled");
}

static void add_finding(Diagnose *d, const AnalysisStoreTrace *t, DiagnoseGroup *g)
{
	DiagnoseFinding *f = diagnose_finding_new(d, "cpu-throttle", g->loss, g->demand);

	diagnose_suffers_group(f, t, g);
	g_autofree char *quota = g_strdup_printf("CPU quota of %s", g->name);
	f->title = g_strdup_printf("%s of %s is throttled: it uses up its CPU quota", g->title, t->name);
	f->advice = g_strdup("Raise its quota (cpu.max, CPU limit), or let it want less at a time; threads that burst together use a quota up early.");
	diagnose_who(&f->culprit, "quota", quota, t->name, -1, -1);
	diagnose_add(d, f);
}

void diagnose_rule_throttled(Diagnose *d, const AnalysisStoreTrace *t)
{
	g_autoptr(GHashTable) groups = diagnose_groups_new();
	GHashTableIter iter;
	gpointer g;
	guint table;

	if (!history_find_table(t->history, KERNEL_THREADS_TABLE, sizeof(KernelThreadItem), &table))
		return;
	for (guint64 i = 0; i < history_table_len(t->history, table); i++) {
		const KernelThreadItem *item = history_table_get(t->history, table, i);
		gint64 ns[HISTORY_STATES_MAX];

		if (item->row == KERNEL_NO_ROW || item->same_as != i || item->is_kthread)
			continue;
		history_sums(t->history, item->row, diagnose_begin(d, t), diagnose_end(d, t), ns);
		add_thread(d, diagnose_group_of(d, t, groups, (guint32)i, item), t, item, ns);
	}
	g_hash_table_iter_init(&iter, groups);
	while (g_hash_table_iter_next(&iter, NULL, &g))
		if (diagnose_matters(d, ((DiagnoseGroup *)g)->loss, ((DiagnoseGroup *)g)->demand, DIAGNOSE_LOST_SHARE))
			add_finding(d, t, g);
}
