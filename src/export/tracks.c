/* SPDX-License-Identifier: MIT */
/* tracks.c: where rows stand: groups of a machine. */
#include <string.h>

#include "analysis/states.h"
#include "analysis/times.h"
#include "export/trace.h"

/* Groups in the order in which they stand. */
enum { PLACE_VMS, PLACE_REQUESTS, PLACE_CPUS, PLACE_PROCESSES, PLACE_KTHREADS, PLACE_SPANS, PLACE_DISKS, PLACE_IRQS, PLACE_OTHERS, PLACE_COUNT };

static const char *const place_names[PLACE_COUNT] = {"VMs", "Requests", "Processors", "Processes", "Kernel threads", "Spans", "Disks", "Interrupts", "Other rows"};

/* What a row's path within its machine begins with. */
static const struct {
	const char *prefix;
	guint place;
	const char *label; /* stands before the rest of the path */
} places[] = {
	{"cpu/", PLACE_CPUS, "CPU "},         {"disk/", PLACE_DISKS, ""},           {"irq/", PLACE_IRQS, "irq "},
	{"vector/", PLACE_IRQS, "vector "},   {"softirq/", PLACE_IRQS, "softirq "}, {"", PLACE_OTHERS, ""},
};

typedef struct {
	guint8 *made;       /* by row */
	guint32 n_rows;
	GHashTable *names;  /* of processes; NULL: not asked yet */
} Made;

struct ExportTracks {
	ExportTrace *trace;
	const AnalysisStore *store;
	GHashTable *groups; /* "parent/name" -> guint64 */
	Made *made;         /* by the store's traces */
	guint rank;
};

ExportTracks *export_tracks_new(ExportTrace *trace, const AnalysisStore *s)
{
	ExportTracks *t = g_new0(ExportTracks, 1);

	t->trace = trace;
	t->store = s;
	t->groups = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
	t->made = g_new0(Made, s->traces->len + 1);
	for (guint i = 0; i < s->traces->len; i++) {
		t->made[i].n_rows = history_n_rows(((const AnalysisStoreTrace *)g_ptr_array_index(s->traces, i))->rows);
		t->made[i].made = g_new0(guint8, (gsize)t->made[i].n_rows + 1);
	}
	return t;
}

void export_tracks_free(ExportTracks *t)
{
	if (!t)
		return;
	for (guint i = 0; i < t->store->traces->len; i++) {
		g_free(t->made[i].made);
		if (t->made[i].names)
			g_hash_table_unref(t->made[i].names);
	}
	g_free(t->made);
	g_hash_table_unref(t->groups);
	g_free(t);
}

static guint index_of(const ExportTracks *t, const AnalysisStoreTrace *trace)
{
	guint i = 0;

	while (g_ptr_array_index(t->store->traces, i) != trace)
		i++;
	return i;
}

static guint64 number_of(guint trace, guint32 row)
{
	return ((guint64)trace + 1) << 32 | row;
}

/* ---- Groups --------------------------------------------------------------------------------------------------------------- */

static guint64 group(ExportTracks *t, guint64 parent, const char *name, guint rank)
{
	g_autofree char *key = g_strdup_printf("%" G_GUINT64_FORMAT "/%s", parent, name);
	const guint64 *known = g_hash_table_lookup(t->groups, key);

	if (known)
		return *known;
	guint64 made = export_track_new(t->trace, parent, EXPORT_GROUP, name, rank);
	g_hash_table_insert(t->groups, g_steal_pointer(&key), g_memdup2(&made, sizeof(made)));
	return made;
}

/* "L1 db (VM 183 of host)" */
static guint64 machine(ExportTracks *t, const AnalysisStoreTrace *trace)
{
	const Experiment *e = t->store->experiment;
	const ExperimentMember *m = trace->member != EXPERIMENT_NONE ? experiment_member(e, trace->member) : NULL;
	g_autoptr(GString) name = g_string_new(NULL);

	if (trace->level >= 0)
		g_string_append_printf(name, "L%d ", trace->level);
	g_string_append(name, trace->name);
	if (m && m->parent != EXPERIMENT_NONE)
		g_string_append_printf(name, " (VM %d of %s)", m->vm_pid, experiment_member(e, m->parent)->name);
	return group(t, 0, name->str, trace->level >= 0 ? (guint)trace->level + 1 : G_MAXUINT16);
}

static guint64 place(ExportTracks *t, const AnalysisStoreTrace *trace, guint which)
{
	return group(t, machine(t, trace), place_names[which], which);
}

guint64 export_tracks_group(ExportTracks *t, const AnalysisStoreTrace *trace, ExportGroup which)
{
	return place(t, trace, which == EXPORT_REQUESTS ? PLACE_REQUESTS : PLACE_DISKS);
}

/* ---- Rows ----------------------------------------------------------------------------------------------------------------- */

static guint64 process(ExportTracks *t, const AnalysisStoreTrace *trace, guint32 serial)
{
	Made *made = &t->made[index_of(t, trace)];
	guint table;

	if (!history_find_table(trace->history, KERNEL_THREADS_TABLE, sizeof(KernelThreadItem), &table))
		return place(t, trace, PLACE_PROCESSES);
	const KernelThreadItem *item = history_table_get(trace->history, table, serial);
	if (item->is_kthread == 1 || item->tid == 0)
		return place(t, trace, PLACE_KTHREADS);
	if (item->pid < 0)
		return group(t, place(t, trace, PLACE_PROCESSES), "not known", G_MAXUINT16);
	if (!made->names)
		made->names = analysis_process_names(trace);
	const char *process_name = g_hash_table_lookup(made->names, GINT_TO_POINTER(item->pid));
	g_autofree char *name = g_strdup_printf("%d %s", item->pid, process_name ? process_name : "");
	return group(t, place(t, trace, PLACE_PROCESSES), name, t->rank);
}

/* The machine that a VM is, if it has a trace: "VM 183 (db)". The caller frees. */
static char *vm_name(const ExportTracks *t, const AnalysisStoreTrace *host, const char *pid)
{
	const Experiment *e = t->store->experiment;

	for (guint i = 0; i < e->members->len; i++) {
		const ExperimentMember *m = experiment_member(e, i);

		if (m->parent == host->member && m->l2 == EXPERIMENT_NONE && m->vm_pid == g_ascii_strtoll(pid, NULL, 10))
			return g_strdup_printf("VM %s (%s)", pid, m->name);
	}
	return g_strdup_printf("VM %s", pid);
}

/* vm/PID/vcpu/N and vm/PID/l2/K/vcpu/N. */
static guint64 vm_row(ExportTracks *t, const AnalysisStoreTrace *trace, const char *path, char **name)
{
	g_auto(GStrv) parts = g_strsplit(path, "/", 6);
	gboolean nested = g_strv_length(parts) == 6;
	g_autofree char *vm_label = vm_name(t, trace, parts[1]);
	guint64 vm = group(t, place(t, trace, PLACE_VMS), vm_label, t->rank);

	*name = g_strdup_printf("vCPU %s", strrchr(path, '/') + 1);
	if (!nested)
		return vm;
	g_autofree char *nested_label = g_strdup_printf("nested VM %s", parts[3]);
	return group(t, vm, nested_label, G_MAXUINT16);
}

/* Where a row stands, and what it is called there: the caller frees. */
static guint64 place_of(ExportTracks *t, const AnalysisStatesRow *row, char **name)
{
	const char *path = row->path + strlen(row->trace->name) + 1;
	guint i = 0;

	if (!row->trace->is_kernel) {
		*name = g_strdup(path);
		return place(t, row->trace, PLACE_SPANS);
	}
	if (row->serial != G_MAXUINT32 && g_str_has_prefix(path, "thread/")) {
		*name = g_strdup(path + strlen("thread/"));
		return process(t, row->trace, row->serial);
	}
	if (g_str_has_prefix(path, "vm/"))
		return vm_row(t, row->trace, path, name);
	while (!g_str_has_prefix(path, places[i].prefix))
		i++;
	*name = g_strconcat(places[i].label, path + strlen(places[i].prefix), NULL);
	return place(t, row->trace, places[i].place);
}

static void make_row(ExportTracks *t, const AnalysisStatesRow *row, guint64 track)
{
	g_autofree char *name = NULL;

	t->rank++;
	guint64 parent = place_of(t, row, &name);
	export_track(t->trace, track, parent, EXPORT_SLICES, name, t->rank);
}

guint64 export_tracks_row(ExportTracks *t, const AnalysisStatesRow *row)
{
	guint i = index_of(t, row->trace);

	if (!t->made[i].made[row->row])
		make_row(t, row, number_of(i, row->row));
	t->made[i].made[row->row] = TRUE;
	return number_of(i, row->row);
}

guint64 export_tracks_find(const ExportTracks *t, const AnalysisStoreTrace *trace, guint32 row)
{
	guint i = index_of(t, trace);

	return row < t->made[i].n_rows && t->made[i].made[row] ? number_of(i, row) : 0;
}
