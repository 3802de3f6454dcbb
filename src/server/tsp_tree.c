/* SPDX-License-Identifier: MIT */
/* tsp_tree.c: the rows of all machines as trees: machine, what they belong to, row. */
#include <string.h>

#include "kernel/flow.h"
#include "kvm/rows.h"
#include "server/tsp.h"

/* A tree in the making. Of a machine: what is known of its rows. */
typedef struct {
	const AnalysisStore *store;
	GArray *entries;
	GHashTable *groups;      /* text -> index + 1 */
	const AnalysisStoreTrace *trace;
	guint index;             /* of the trace */
	gint32 machine;          /* its entry's id; -1: not yet made */
	const KernelThreadItem **threads; /* by row; NULL: none's */
	const KvmVcpuItem **vcpus;        /* by row */
	gint32 next_id;          /* for groups */
} Tree;

/* ---- Ids ----------------------------------------------------------------------------------------------------------------------- */

gint32 tsp_id_of(const AnalysisStore *store, guint trace, guint32 row)
{
	guint64 id = 1 + (guint64)row;

	for (guint i = 0; i < trace; i++)
		id += history_n_rows(tsp_trace(store, i)->history);
	return id < G_MAXINT32 / 2 ? (gint32)id : 0;
}

gboolean tsp_row_of(const AnalysisStore *store, gint64 id, guint *trace_out, guint32 *row_out)
{
	gint64 row = id - 1;

	for (guint i = 0; i < store->traces->len && row >= 0; i++) {
		guint32 n = history_n_rows(tsp_trace(store, i)->history);

		if (row < n) {
			*trace_out = i;
			*row_out = (guint32)row;
			return TRUE;
		}
		row -= n;
	}
	return FALSE;
}

char *tsp_machine_label(const AnalysisStoreTrace *t)
{
	const char *what = t->is_kernel ? "" : " (user space)";

	return t->level >= 0 ? g_strdup_printf("L%d %s%s", t->level, t->name, what) : g_strdup_printf("%s%s", t->name, what);
}

/* ---- What rows are --------------------------------------------------------------------------------------------------------------- */

static void map_threads(Tree *t)
{
	const History *h = t->trace->history;
	guint32 n = history_n_rows(h);
	guint table;

	t->threads = g_new0(const KernelThreadItem *, (gsize)n + 1);
	if (!history_find_table(h, KERNEL_THREADS_TABLE, sizeof(KernelThreadItem), &table))
		return;
	for (guint64 i = 0; i < history_table_len(h, table); i++) {
		const KernelThreadItem *item = history_table_get(h, table, i);

		if (item->row < n)
			t->threads[item->row] = item;
	}
}

static void map_vcpus(Tree *t)
{
	const History *h = t->trace->history;
	guint32 n = history_n_rows(h);
	guint table;

	t->vcpus = g_new0(const KvmVcpuItem *, (gsize)n + 1);
	if (!history_find_table(h, KVM_VCPUS_TABLE, sizeof(KvmVcpuItem), &table))
		return;
	for (guint64 i = 0; i < history_table_len(h, table); i++) {
		const KvmVcpuItem *item = history_table_get(h, table, i);

		if (item->row < n)
			t->vcpus[item->row] = item;
	}
}

/* The machine that a VM is, if it was traced; NULL. */
static const char *guest_name(const Tree *t, const KvmVcpuItem *vcpu)
{
	const Experiment *e = t->store->experiment;

	for (guint i = 0; i < e->members->len; i++) {
		const ExperimentMember *m = experiment_member(e, i);

		if (m->parent == t->trace->member && m->vm == vcpu->vm && m->l2 == EXPERIMENT_NONE)
			return m->name;
	}
	return NULL;
}

/* ---- Entries ------------------------------------------------------------------------------------------------------------------------ */

static TspEntry *add(Tree *t, gint32 id, gint32 parent, guint32 row, char *label)
{
	TspEntry e = {.id = id, .parent = parent, .trace = t->index, .row = row, .label = label, .begin_ns = t->store->begin_ns, .end_ns = t->store->end_ns,
		      .tid = -1, .pid = -1, .vcpu = -1, .cpu = -1};

	g_array_append_val(t->entries, e);
	return &g_array_index(t->entries, TspEntry, t->entries->len - 1);
}

/* A group below another one, by a key of its own; takes the label. Returns its id. */
static gint32 group(Tree *t, gint32 parent, char *key, char *label)
{
	gpointer known = g_hash_table_lookup(t->groups, key);

	if (known) {
		g_free(key);
		g_free(label);
		return GPOINTER_TO_INT(known);
	}
	gint32 id = t->next_id++;
	add(t, id, parent, HISTORY_NO_ROW, label);
	g_hash_table_insert(t->groups, key, GINT_TO_POINTER(id));
	return id;
}

static gint32 machine_group(Tree *t)
{
	if (t->machine < 0)
		t->machine = group(t, -1, g_strdup_printf("%u", t->index), tsp_machine_label(t->trace));
	return t->machine;
}

static gint32 process_group(Tree *t, const KernelThreadItem *item)
{
	/* Rows are in order, so that it is the main thread's if that is there. */
	const char *name = history_text_get(t->trace->history, item->name);

	if (item->pid < 0)
		return machine_group(t);
	return group(t, machine_group(t), g_strdup_printf("%u process %d", t->index, item->pid), g_strdup_printf("%s %d", name, item->pid));
}

/* "vm/183/..": its VM's. */
static gint32 vm_group(Tree *t, const char *path, const KvmVcpuItem *vcpu)
{
	const char *pid = path + strlen("vm/");
	gsize len = strcspn(pid, "/");
	const char *name = vcpu ? guest_name(t, vcpu) : NULL;
	g_autofree char *number = g_strndup(pid, len);

	return group(t, machine_group(t), g_strdup_printf("%u vm %s", t->index, number),
		     name ? g_strdup_printf("VM %s (process %s)", name, number) : g_strdup_printf("VM of process %s", number));
}

/* "softirq/timer" is one of the group "softirq". */
static gint32 prefix_group(Tree *t, const char *path)
{
	const char *slash = strchr(path, '/');
	g_autofree char *first = slash ? g_strndup(path, (gsize)(slash - path)) : NULL;

	return first ? group(t, machine_group(t), g_strdup_printf("%u %s", t->index, first), g_strdup(first)) : machine_group(t);
}

static const char *behind(const char *path, guint parts)
{
	for (guint i = 0; i < parts; i++) {
		const char *slash = strchr(path, '/');

		if (!slash)
			return path;
		path = slash + 1;
	}
	return path;
}

static char *label_of(const char *kind, const char *path)
{
	if (strcmp(kind, KERNEL_THREAD_ROW_KIND) == 0) {
		const char *number = behind(path, 1), *name = strchr(number, ' ');

		return name ? g_strdup_printf("%s %.*s", name + 1, (int)(name - number), number) : g_strdup(number);
	}
	if (strcmp(kind, KVM_ROW_KIND) == 0)
		return g_strdup_printf("vCPU %s", behind(path, 3));
	if (strcmp(kind, KVM_L2_ROW_KIND) == 0)
		return g_strdup_printf("nested VM %.*s, on vCPU %s", (int)strcspn(behind(path, 3), "/"), behind(path, 3), behind(path, 5));
	if (strcmp(kind, KERNEL_CPU_ROW_KIND) == 0)
		return g_strdup_printf("CPU %s", behind(path, 1));
	return g_strdup(behind(path, 1));
}

/* `alone`: of its process there is no other row; a group of its own would only say the same once more. */
static gint32 parent_of(Tree *t, const char *kind, const char *path, guint32 row, gboolean alone)
{
	if (t->threads[row])
		return alone ? machine_group(t) : process_group(t, t->threads[row]);
	if (g_str_has_prefix(path, "vm/"))
		return vm_group(t, path, t->vcpus[row]);
	return strcmp(kind, KERNEL_CPU_ROW_KIND) == 0 ? machine_group(t) : prefix_group(t, path);
}

static void add_row(Tree *t, const char *kind, guint32 row, gboolean alone)
{
	const History *h = t->trace->history;
	const char *path = history_row_path(h, row);
	gint32 id = tsp_id_of(t->store, t->index, row);

	if (!id || t->entries->len >= TSP_ENTRIES_MAX)
		return;
	TspEntry *e = add(t, id, parent_of(t, kind, path, row, alone), row, label_of(kind, path));
	e->begin_ns = analysis_time(t->trace, history_row_begin(h, row));
	e->end_ns = analysis_time(t->trace, history_row_end(h, row));
	if (t->threads[row]) {
		e->tid = t->threads[row]->tid;
		e->pid = t->threads[row]->pid;
	}
	if (t->vcpus[row])
		e->vcpu = t->vcpus[row]->id;
	if (strcmp(kind, KERNEL_CPU_ROW_KIND) == 0)
		e->cpu = (gint32)g_ascii_strtoll(behind(path, 1), NULL, 10);
}

/* ---- Order ----------------------------------------------------------------------------------------------------------------------------- */

typedef struct {
	const char *path;
	const char *kind;
	guint32 row;
	gint32 pid, tid;
} Candidate;

/* Candidates are in order: those of a process stand side by side. */
static gboolean is_alone(const GArray *all, guint i)
{
	gint32 pid = g_array_index(all, Candidate, i).pid;

	return (!i || g_array_index(all, Candidate, i - 1).pid != pid) && (i + 1 == all->len || g_array_index(all, Candidate, i + 1).pid != pid);
}

/* Processes by number, in each the main thread first; all else by path, in which numbers count as such. */
static gint by_order(gconstpointer a, gconstpointer b)
{
	const Candidate *x = a, *y = b;

	if (x->pid != y->pid)
		return x->pid < y->pid ? -1 : 1;
	if (x->pid >= 0 && (x->tid == x->pid) != (y->tid == y->pid))
		return x->tid == x->pid ? -1 : 1;
	int order = strverscmp(x->path, y->path);
	return order ? order : (x->row > y->row) - (x->row < y->row);
}

static const char *wanted_kind(const char *const *kinds, const char *kind)
{
	for (; *kinds; kinds++)
		if (strcmp(*kinds, kind) == 0)
			return *kinds;
	return NULL;
}

static GArray *candidates(const Tree *t, const char *const *kinds)
{
	const History *h = t->trace->history;
	GArray *all = g_array_new(FALSE, FALSE, sizeof(Candidate));

	for (guint32 row = 0; row < history_n_rows(h); row++) {
		const KernelThreadItem *thread = t->threads[row];
		Candidate c = {history_row_path(h, row), wanted_kind(kinds, history_kind_name(h, history_row_kind(h, row))), row, thread ? thread->pid : -1,
			       thread ? thread->tid : -1};

		if (c.kind)
			g_array_append_val(all, c);
	}
	g_array_sort(all, by_order);
	return all;
}

static void entry_clear(gpointer entry)
{
	g_free(((TspEntry *)entry)->label);
}

GArray *tsp_tree_new(const AnalysisStore *store, const char *const *kinds)
{
	Tree t = {.store = store, .entries = g_array_new(FALSE, FALSE, sizeof(TspEntry))};
	guint64 rows = 1;

	t.groups = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
	g_array_set_clear_func(t.entries, entry_clear);
	for (guint i = 0; i < store->traces->len; i++)
		rows += history_n_rows(tsp_trace(store, i)->history);
	t.next_id = (gint32)MIN(rows, G_MAXINT32 / 2);
	for (t.index = 0; t.index < store->traces->len; t.index++) {
		t.trace = tsp_trace(store, t.index);
		t.machine = -1;
		map_threads(&t);
		map_vcpus(&t);
		g_autoptr(GArray) all = candidates(&t, kinds);
		for (guint i = 0; i < all->len; i++)
			add_row(&t, g_array_index(all, Candidate, i).kind, g_array_index(all, Candidate, i).row, is_alone(all, i));
		g_clear_pointer(&t.threads, g_free);
		g_clear_pointer(&t.vcpus, g_free);
	}
	g_hash_table_unref(t.groups);
	return t.entries;
}
