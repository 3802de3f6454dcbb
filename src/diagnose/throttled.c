/* SPDX-License-Identifier: MIT */
/*
 * throttled.c: threads could have run, but their control group had used up its quota.
 *
 * By container where there are any, else by process. A vCPU's thread that is throttled makes its VM suffer.
 */
#include <string.h>

#include "diagnose/private.h"
#include "kernel/containers.h"

/* Those who are throttled together. */
typedef struct {
	const char *kind;
	char *name;
	gint32 pid;
	DiagnoseLoss *loss;
	gint64 demand;
} Group;

static void group_free(gpointer data)
{
	Group *g = data;

	diagnose_loss_free(g->loss);
	g_free(g->name);
	g_free(g);
}

static Group *group_new(const AnalysisStoreTrace *t, const char *kind, char *name, gint32 pid)
{
	Group *g = g_new0(Group, 1);

	*g = (Group){kind, name, pid, diagnose_loss_new(t), 0};
	return g;
}

/* Whom a thread is throttled with. A VM is one, also if it runs in a container. */
static Group *group_of(Diagnose *d, const AnalysisStoreTrace *t, GHashTable *groups, guint32 serial, const KernelThreadItem *item)
{
	guint32 number = kernel_container_of(t->history, serial), vm = diagnose_vm_of_pid(t, item->pid);
	const KernelContainerItem *container = kernel_container(t->history, number);
	gboolean in_container = container && container->level > 0 && vm == EXPERIMENT_NONE;
	gpointer key = GSIZE_TO_POINTER(in_container ? (gsize)1 << 32 | number : (guint32)item->pid);
	Group *g = g_hash_table_lookup(groups, key);

	if (g)
		return g;
	if (in_container)
		g = group_new(t, "container", g_strdup(history_text_get(t->history, container->name)), -1);
	else if (vm != EXPERIMENT_NONE)
		g = group_new(t, "vm", diagnose_vm_name(d, t, vm), item->pid);
	else
		g = group_new(t, "process", g_strdup(history_text_get(t->history, item->name)), item->pid);
	g_hash_table_insert(groups, key, g);
	return g;
}

static void add_thread(const Diagnose *d, Group *g, const AnalysisStoreTrace *t, const KernelThreadItem *item, const gint64 *ns)
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

static void add_finding(Diagnose *d, const AnalysisStoreTrace *t, const Group *g)
{
	DiagnoseFinding *f = diagnose_finding_new(d, "cpu-throttle", g->loss, g->demand);
	g_autofree char *quota = g_strdup_printf("CPU quota of %s", g->name);

	gboolean is_vm = !strcmp(g->kind, "vm"); /* its name says so */
	f->title = g_strdup_printf("%s%s%s of %s is throttled: it uses up its CPU quota", is_vm ? "" : g->kind, is_vm ? "" : " ", g->name, t->name);
	f->advice = g_strdup("Raise its quota (cpu.max, CPU limit), or let it want less at a time; threads that burst together use a quota up early.");
	diagnose_who(&f->sufferer, g->kind, g->name, t->name, g->pid, -1);
	diagnose_who(&f->culprit, "quota", quota, t->name, -1, -1);
	diagnose_add(d, f);
}

void diagnose_rule_throttled(Diagnose *d, const AnalysisStoreTrace *t)
{
	g_autoptr(GHashTable) groups = g_hash_table_new_full(NULL, NULL, NULL, group_free);
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
		add_thread(d, group_of(d, t, groups, (guint32)i, item), t, item, ns);
	}
	g_hash_table_iter_init(&iter, groups);
	while (g_hash_table_iter_next(&iter, NULL, &g))
		if (diagnose_matters(d, ((Group *)g)->loss, ((Group *)g)->demand, DIAGNOSE_LOST_SHARE))
			add_finding(d, t, g);
}
