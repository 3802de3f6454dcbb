/* SPDX-License-Identifier: MIT */
/* counters.c: hardware counters by thread, process, processor, VM, container or state, and what they say together. */
#include <string.h>

#include "analysis/commands.h"
#include "kernel/containers.h"
#include "kernel/counters.h"
#include "kvm/rows.h"

#define COLUMNS_MAX 32 /* different counters of all traces together; those beyond are not shown */

typedef enum { BY_THREAD, BY_PROCESS, BY_CPU, BY_VM, BY_CONTAINER, BY_STATE, BY_COUNT } By;

static const char *const by_names[BY_COUNT] = {"thread", "process", "cpu", "vm", "container", "state"};

typedef struct {
	gint64 ns;
	guint64 v[COLUMNS_MAX];
	guint32 present;
} Sum;

typedef struct {
	guint64 key;
	gint64 step;         /* begin of the step; 0 without series */
	Sum all, by_state[KERNEL_CS_COUNT];
} Group;

/* Counters of all traces, and which of them a column has. */
typedef struct {
	const char *names[COLUMNS_MAX];
	gboolean of_thread[COLUMNS_MAX];
	guint n;
} Columns;

typedef struct {
	const AnalysisStoreTrace *trace;
	const AnalysisQuery *query;
	const AnalysisFilter *filter;
	By by;
	const Columns *columns;
	guint map[TRACE_COUNTERS_MAX]; /* counter of the trace -> column */
	guint n_counters, sums, threads;
	gboolean has_threads;
	GHashTable *vms;     /* pid -> item of "vms", plus 1 */
	GHashTable *groups;  /* Group */
	GPtrArray *order;    /* of them */
} Work;

/* ---- What one tells with another ------------------------------------------------------------------------------------ */

static const char *const cycles[] = {"cycles", "cpu-cycles", NULL};
static const char *const instructions[] = {"instructions", NULL};
static const char *const cache_misses[] = {"cache-misses", NULL};
static const char *const cache_references[] = {"cache-references", NULL};
static const char *const branch_misses[] = {"branch-misses", NULL};
static const char *const branches[] = {"branch-instructions", "branches", NULL};

static const struct {
	const char *name, *title;
	const char *const *over, *const *under;
	double factor;
	ViewUnit unit;
} ratios[] = {
	{"ipc", "IPC", instructions, cycles, 1, VIEW_NUMBER},
	{"cache_misses_per_1000", "CACHE/1000", cache_misses, instructions, 1000, VIEW_NUMBER},
	{"cache_miss_share", "CACHE MISSES", cache_misses, cache_references, 1, VIEW_RATIO},
	{"branch_misses_per_1000", "BRANCH/1000", branch_misses, instructions, 1000, VIEW_NUMBER},
	{"branch_miss_share", "BRANCH MISSES", branch_misses, branches, 1, VIEW_RATIO},
};

/* The column of the first of these counters; of two that count the same, the processor's. -1: there is none. */
static gint find_counter(const Columns *c, const char *const *names)
{
	for (guint of_thread = 0; of_thread < 2; of_thread++)
		for (const char *const *name = names; *name; name++)
			for (guint i = 0; i < c->n; i++)
				if ((guint)c->of_thread[i] == of_thread && strcmp(c->names[i], *name) == 0)
					return (gint)i;
	return -1;
}

static gboolean has_ratio(const Columns *c, guint ratio)
{
	return find_counter(c, ratios[ratio].over) >= 0 && find_counter(c, ratios[ratio].under) >= 0;
}

/* ---- Columns -------------------------------------------------------------------------------------------------------- */

static guint column_of(Columns *c, const char *name, gboolean of_thread)
{
	for (guint i = 0; i < c->n; i++)
		if (strcmp(c->names[i], name) == 0 && c->of_thread[i] == of_thread)
			return i;
	if (c->n == COLUMNS_MAX)
		return COLUMNS_MAX;
	c->names[c->n] = name;
	c->of_thread[c->n] = of_thread;
	return c->n++;
}

static gconstpointer item(const History *h, const char *name, gsize size, guint64 i)
{
	guint table;

	if (!history_find_table(h, name, size, &table) || i >= history_table_len(h, table))
		return NULL;
	return history_table_get(h, table, i);
}

static void find_columns(const AnalysisStore *store, Columns *c)
{
	for (guint i = 0; i < store->traces->len; i++) {
		const History *h = ((const AnalysisStoreTrace *)g_ptr_array_index(store->traces, i))->history;
		const KernelCounterItem *counter;

		for (guint k = 0; (counter = item(h, KERNEL_COUNTERS_TABLE, sizeof(*counter), k)); k++)
			column_of(c, history_text_get(h, counter->name), counter->of_thread);
	}
}

/* What programs call it: "cache-misses" -> "cache_misses". */
static void add_counter_column(View *v, const char *counter, gboolean of_thread)
{
	g_autofree char *name = g_strconcat(of_thread ? "thread_" : "", counter, NULL);
	g_autofree char *upper = g_ascii_strup(counter, -1);
	g_autofree char *title = g_strconcat(of_thread ? "THREAD-" : "", upper, NULL);

	for (char *at = name; *at; at++)
		*at = g_ascii_isalnum(*at) ? g_ascii_tolower(*at) : '_';
	view_add_column(v, name, title, VIEW_COUNT);
}

enum { MACHINE, NAME, ID, STATE, NS, FIRST_COUNTER };

static View *make_view(const AnalysisStore *s, const AnalysisQuery *q, const Columns *c)
{
	View *v = view_new("counters", "Hardware counters");

	analysis_add_time_column(v, q);
	analysis_add_machine_column(v, s);
	view_set_tree_column(v, view_add_column(v, "name", "NAME", VIEW_TEXT));
	view_hide_from_text(v, view_add_column(v, "id", "ID", VIEW_ID));
	view_hide_from_text(v, view_add_column(v, "state", "STATE", VIEW_TEXT));
	view_add_column(v, "counted_ns", "COUNTED", VIEW_NS);
	for (guint i = 0; i < c->n; i++)
		add_counter_column(v, c->names[i], c->of_thread[i]);
	for (guint r = 0; r < G_N_ELEMENTS(ratios); r++)
		if (has_ratio(c, r))
			view_add_column(v, ratios[r].name, ratios[r].title, ratios[r].unit);
	view_set_empty_text(v, "No hardware counters were recorded in these traces. To record them: lttng add-context -k -t perf:cpu:cycles "
			       "-t perf:cpu:instructions -t perf:cpu:cache-misses");
	return v;
}

/* ---- Groups --------------------------------------------------------------------------------------------------------- */

static const KernelThreadItem *thread_item(const Work *w, guint32 *serial)
{
	if (!w->has_threads || *serial >= history_table_len(w->trace->history, w->threads))
		return NULL;
	const KernelThreadItem *t = history_table_get(w->trace->history, w->threads, *serial);
	if (t->same_as < history_table_len(w->trace->history, w->threads)) {
		*serial = t->same_as;
		t = history_table_get(w->trace->history, w->threads, *serial);
	}
	return t;
}

#define UNKNOWN G_MAXUINT64

static guint64 key_of(const Work *w, const KernelCounterSum *sum)
{
	guint32 serial = sum->thread;
	const KernelThreadItem *t = thread_item(w, &serial);
	gpointer vm;

	switch (w->by) {
	case BY_THREAD:
		return t ? serial : UNKNOWN;
	case BY_PROCESS:
		return t && t->pid >= 0 ? (guint64)t->pid : UNKNOWN;
	case BY_CPU:
		return (guint64)sum->cpu;
	case BY_VM:
		vm = t ? g_hash_table_lookup(w->vms, GINT_TO_POINTER(t->pid)) : NULL;
		return vm ? GPOINTER_TO_UINT(vm) - 1 : UNKNOWN;
	case BY_CONTAINER:
		serial = t ? kernel_container_of(w->trace->history, serial) : KERNEL_NO_CONTAINER;
		return serial == KERNEL_NO_CONTAINER ? UNKNOWN : serial;
	default:
		return 0;
	}
}

static guint group_hash(gconstpointer p)
{
	const Group *g = p;
	guint64 h = g->key * 0x9e3779b97f4a7c15u ^ (guint64)g->step * 0xc2b2ae3d27d4eb4fu;

	return (guint)(h >> 32);
}

static gboolean group_equal(gconstpointer a, gconstpointer b)
{
	const Group *x = a, *y = b;

	return x->key == y->key && x->step == y->step;
}

static Group *group_of(const Work *w, guint64 key, gint64 time)
{
	gint64 begin = analysis_filter_begin(w->filter), every = MAX(w->query->every_ns, 1);
	Group like = {.key = key, .step = w->query->form == ANALYSIS_SERIES ? begin + (time - begin) / every * every : 0};
	Group *g = g_hash_table_lookup(w->groups, &like);

	if (g || g_hash_table_size(w->groups) >= ANALYSIS_GROUPS_MAX)
		return g;
	g = g_new0(Group, 1);
	g->key = key;
	g->step = like.step;
	g_hash_table_add(w->groups, g);
	g_ptr_array_add(w->order, g);
	return g;
}

static void add_to(const Work *w, Sum *to, const KernelCounterSum *sum)
{
	to->ns += sum->ns;
	for (guint i = 0; i < w->n_counters; i++) {
		if (!((sum->present >> i) & 1) || w->map[i] == COLUMNS_MAX)
			continue;
		to->v[w->map[i]] += sum->v[i];
		to->present |= 1u << w->map[i];
	}
}

static void add_sums(const Work *w)
{
	guint64 n = history_table_len(w->trace->history, w->sums);

	for (guint64 i = 0; i < n; i++) {
		const KernelCounterSum *sum = history_table_get(w->trace->history, w->sums, i);

		if (!analysis_in_range(w->filter, sum->end_ns) || !analysis_filter_cpu(w->filter, sum->cpu) ||
		    !analysis_filter_thread(w->filter, sum->thread))
			continue;
		Group *g = group_of(w, key_of(w, sum), sum->end_ns);
		if (!g)
			continue;
		add_to(w, &g->all, sum);
		add_to(w, &g->by_state[MIN(sum->state, KERNEL_CS_COUNT - 1)], sum);
	}
}

/* ---- Rows ----------------------------------------------------------------------------------------------------------- */

static char *process_name(const Work *w, guint64 pid)
{
	guint64 n = w->has_threads ? history_table_len(w->trace->history, w->threads) : 0;
	const char *name = NULL;

	for (guint64 i = 0; i < n; i++) {
		const KernelThreadItem *t = history_table_get(w->trace->history, w->threads, i);

		if (t->pid == (gint32)pid && t->same_as == i && (!name || t->tid == t->pid))
			name = history_text_get(w->trace->history, t->name);
	}
	return g_strdup_printf("%s %" G_GUINT64_FORMAT, name && *name ? name : "?", pid);
}

/* What a group is called, and its number; -1: it has none. */
static char *group_name(const Work *w, guint64 key, gint64 *id_out)
{
	const History *h = w->trace->history;
	guint32 serial = (guint32)key;
	const KvmVmItem *vm;
	const KernelContainerItem *container;
	const KernelThreadItem *thread;

	*id_out = -1;
	if (key == UNKNOWN)
		return g_strdup(w->by == BY_VM ? "(no VM)" : "(not known)");
	switch (w->by) {
	case BY_THREAD:
		thread = thread_item(w, &serial);
		*id_out = thread ? thread->tid : -1;
		return analysis_thread_name(w->trace, serial);
	case BY_PROCESS:
		*id_out = (gint64)key;
		return process_name(w, key);
	case BY_CPU:
		*id_out = (gint64)key;
		return g_strdup_printf("cpu %" G_GUINT64_FORMAT, key);
	case BY_VM:
		vm = item(h, KVM_VMS_TABLE, sizeof(*vm), key);
		*id_out = vm ? vm->pid : -1;
		return g_strdup_printf("VM %" G_GINT64_FORMAT " %s", *id_out, vm ? history_text_get(h, vm->name) : "?");
	case BY_CONTAINER:
		container = kernel_container(h, (guint32)key);
		*id_out = container ? (gint64)container->ns[container->kind] : -1;
		return g_strdup(container ? history_text_get(h, container->name) : "?");
	default:
		return g_strdup("(all)");
	}
}

static void set_ratios(View *v, guint column, const Columns *c, const Sum *sum)
{
	for (guint r = 0; r < G_N_ELEMENTS(ratios); r++) {
		if (!has_ratio(c, r))
			continue;
		guint over = (guint)find_counter(c, ratios[r].over), under = (guint)find_counter(c, ratios[r].under);
		if ((sum->present >> over) & (sum->present >> under) & 1 && sum->v[under])
			view_set_double(v, column, ratios[r].factor * (double)sum->v[over] / (double)sum->v[under]);
		column++;
	}
}

static gint add_row(View *v, const Work *w, const Group *g, const Sum *sum, const char *name, const char *state, gint64 id)
{
	guint first = w->query->form == ANALYSIS_SERIES;
	gint row = view_begin_row(v);

	if (first)
		analysis_set_time(v, 0, w->trace, g->step);
	view_set_text(v, first + MACHINE, w->trace->name);
	view_set_text(v, first + NAME, name);
	if (id >= 0)
		view_set_int(v, first + ID, id);
	view_set_text(v, first + STATE, state);
	view_set_int(v, first + NS, sum->ns);
	for (guint i = 0; i < w->columns->n; i++)
		if ((sum->present >> i) & 1)
			view_set_uint(v, first + FIRST_COUNTER + i, sum->v[i]);
	set_ratios(v, first + FIRST_COUNTER + w->columns->n, w->columns, sum);
	return row;
}

static const char *state_name(guint state)
{
	static const char *const names[KERNEL_CS_COUNT] = {
#define KERNEL_S(id, name) [KERNEL_CS_##id] = (name),
		KERNEL_CPU_STATES(KERNEL_S)
#undef KERNEL_S
	};

	return names[state];
}

static void add_group(View *v, const Work *w, const Group *g)
{
	gint64 id;
	g_autofree char *name = group_name(w, g->key, &id);
	gint all = add_row(v, w, g, &g->all, name, "all", id);

	for (guint s = 0; s < KERNEL_CS_COUNT; s++) {
		const Sum *sum = &g->by_state[s];

		if (!sum->present || (w->query->form == ANALYSIS_SERIES && w->by != BY_STATE))
			continue;
		add_row(v, w, g, sum, w->query->form == ANALYSIS_SERIES ? name : state_name(s), state_name(s), id);
		if (w->query->form != ANALYSIS_SERIES)
			view_row_parent(v, all);
	}
}

/* ---- All of it ------------------------------------------------------------------------------------------------------ */

static void find_vms(const Work *w)
{
	const KvmVmItem *vm;

	for (guint i = 0; (vm = item(w->trace->history, KVM_VMS_TABLE, sizeof(*vm), i)); i++)
		if (vm->pid >= 0)
			g_hash_table_insert(w->vms, GINT_TO_POINTER(vm->pid), GUINT_TO_POINTER(i + 1));
}

static void note_resets(View *v, const AnalysisStoreTrace *t)
{
	const KernelCounterItem *counter;

	for (guint i = 0; (counter = item(t->history, KERNEL_COUNTERS_TABLE, sizeof(*counter), i)); i++)
		if (counter->resets)
			view_add_note(v, "%s: %s was set back or could not be read %" G_GUINT64_FORMAT " times; what it counted meanwhile is missing.",
				      t->name, history_text_get(t->history, counter->name), counter->resets);
}

static void add_trace(View *v, const AnalysisStoreTrace *t, const AnalysisQuery *q, By by, Columns *columns)
{
	g_autoptr(AnalysisFilter) filter = analysis_filter_new(q, t);
	Work w = {.trace = t, .query = q, .filter = filter, .by = by, .columns = columns};
	const KernelCounterItem *counter;

	if (!filter || !history_find_table(t->history, KERNEL_COUNTER_SUMS_TABLE, sizeof(KernelCounterSum), &w.sums))
		return;
	w.has_threads = history_find_table(t->history, KERNEL_THREADS_TABLE, sizeof(KernelThreadItem), &w.threads);
	while (w.n_counters < TRACE_COUNTERS_MAX && (counter = item(t->history, KERNEL_COUNTERS_TABLE, sizeof(*counter), w.n_counters)))
		w.map[w.n_counters++] = column_of(columns, history_text_get(t->history, counter->name), counter->of_thread);
	w.vms = g_hash_table_new(NULL, NULL);
	w.groups = g_hash_table_new_full(group_hash, group_equal, g_free, NULL);
	w.order = g_ptr_array_new();
	find_vms(&w);
	add_sums(&w);
	for (guint i = 0; i < w.order->len; i++)
		add_group(v, &w, g_ptr_array_index(w.order, i));
	note_resets(v, t);
	g_ptr_array_unref(w.order);
	g_hash_table_unref(w.groups);
	g_hash_table_unref(w.vms);
}

static gboolean parse_by(const char *text, By *by_out, GError **error)
{
	*by_out = BY_THREAD;
	if (!text)
		return TRUE;
	for (guint i = 0; i < BY_COUNT; i++)
		if (strcmp(text, by_names[i]) == 0) {
			*by_out = (By)i;
			return TRUE;
		}
	g_set_error(error, ST_ERROR, ST_ERROR_USAGE, "--by takes thread, process, cpu, vm, container or state; got \"%s\"", text);
	return FALSE;
}

View *analysis_counters(const AnalysisStore *store, const AnalysisQuery *query, GError **error)
{
	Columns columns = {.n = 0};
	By by;

	if (!parse_by(query->by, &by, error))
		return NULL;
	find_columns(store, &columns);
	View *v = make_view(store, query, &columns);
	for (guint i = 0; i < store->traces->len; i++)
		add_trace(v, g_ptr_array_index(store->traces, i), query, by, &columns);
	if (query->form != ANALYSIS_SERIES && columns.n)
		view_sort(v, FIRST_COUNTER, TRUE);
	return v;
}
