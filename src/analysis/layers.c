/* SPDX-License-Identifier: MIT */
/*
 * Levels: who really ran on the physical processors, and what became of guests' threads.
 *
 * By machine or processor the table is an account of the physical processors: its times add up to their time exactly. By thread, process or container it is one of
 * lives: what each level made of the time for which a thread wanted to run.
 */
#include <string.h>

#include "analysis/commands.h"
#include "analysis/times.h"
#include "kernel/containers.h"

/* ---- Physical processors: by machine or processor -------------------------------------------------------------------------- */

/* What has a row: something of a machine, of one kind. */
typedef struct {
	guint member, kind, level;
	gint32 cpu;     /* -1: all of them together */
	guint root;     /* whose processors */
	gint64 step;
} Key;

typedef struct {
	Key key;
	gint64 ns;
	guint64 count;
} Sum;

typedef struct {
	const AnalysisStore *store;
	const Layers *layers;
	const AnalysisQuery *query;
	const AnalysisStoreTrace *trace; /* of the physical machine */
	const AnalysisFilter *filter;    /* its range and processors */
	GPtrArray *wanted;               /* AnalysisFilter * by member, NULL where nothing of it is: of what ran */
	gboolean by_cpu;
	GHashTable *sums;   /* Sum, by its key */
	GPtrArray *all;     /* the same */
	gint32 cpu;
	gint64 step_begin, step_end;
	gint64 total;
} Physical;

static guint key_hash(gconstpointer data)
{
	const Key *k = data;

	return ((k->member * 31 + k->kind) * 31 + k->level) * 31 + (guint)k->cpu * 7 + k->root + (guint)((guint64)k->step >> 7);
}

static gboolean key_equal(gconstpointer a, gconstpointer b)
{
	const Key *x = a, *y = b;

	return x->member == y->member && x->kind == y->kind && x->level == y->level && x->cpu == y->cpu && x->root == y->root && x->step == y->step;
}

/* Filters are about what ran, not about whose processors it ran on. */
static gboolean is_wanted(const Physical *p, const LayersRun *run)
{
	const AnalysisFilter *f = g_ptr_array_index(p->wanted, run->member);

	return f && analysis_filter_thread(f, run->kind == LAYERS_THREAD || run->kind == LAYERS_HYPERVISOR ? run->serial : G_MAXUINT32);
}

static gboolean add_run(gpointer user, const LayersRun *run)
{
	Physical *p = user;
	Key key = {run->member, run->kind, run->level, p->by_cpu ? p->cpu : -1, p->trace->member, p->query->form == ANALYSIS_SERIES ? p->step_begin : 0};
	Sum *sum = g_hash_table_lookup(p->sums, &key);

	p->total += run->end_ns - run->begin_ns;
	if (!is_wanted(p, run))
		return TRUE;
	if (!sum) {
		sum = g_new0(Sum, 1);
		sum->key = key;
		g_hash_table_add(p->sums, sum);
		g_ptr_array_add(p->all, sum);
	}
	sum->ns += run->end_ns - run->begin_ns;
	sum->count++;
	return TRUE;
}

static void add_processor(Physical *p)
{
	gint64 end = MIN(analysis_filter_end(p->filter), p->trace->end_ns), begin = analysis_filter_begin(p->filter);
	gint64 step = p->query->form == ANALYSIS_SERIES ? MAX(p->query->every_ns, 1) : G_MAXINT64;

	for (gint64 at = begin; at < end; at = p->step_end) {
		p->step_begin = at;
		p->step_end = step < end - at ? at + step : end;
		layers_runs(p->layers, p->trace->member, p->cpu, at, p->step_end, add_run, p);
	}
}

static void add_processors(Physical *p)
{
	const History *h = p->trace->history;
	guint table;

	if (!history_find_table(h, KERNEL_CPUS_TABLE, sizeof(KernelCpuItem), &table))
		return;
	for (guint64 i = 0; i < history_table_len(h, table); i++) {
		p->cpu = ((const KernelCpuItem *)history_table_get(h, table, i))->cpu;
		if (analysis_filter_cpu(p->filter, p->cpu))
			add_processor(p);
	}
}

enum { P_LEVEL, P_MACHINE, P_KIND, P_NS, P_SHARE, P_COUNT, P_COLUMNS };

static View *physical_view(const AnalysisQuery *q, gboolean by_cpu)
{
	View *v = view_new("layers", "Who really ran on the physical processors");

	analysis_add_time_column(v, q);
	view_add_column(v, "host", "HOST", VIEW_TEXT);
	if (by_cpu)
		view_add_column(v, "cpu", "CPU", VIEW_ID);
	view_add_column(v, "level", "LEVEL", VIEW_COUNT);
	view_add_column(v, "machine", "MACHINE", VIEW_TEXT);
	view_add_column(v, "what", "WHAT", VIEW_TEXT);
	view_add_column(v, "ns", "TIME", VIEW_NS);
	view_add_column(v, "share", "SHARE", VIEW_RATIO);
	view_add_column(v, "count", "TIMES", VIEW_COUNT);
	view_set_empty_text(v, "No processor was seen.");
	return v;
}

static void physical_row(View *v, const Physical *p, const Sum *sum)
{
	guint c = p->query->form == ANALYSIS_SERIES;

	view_begin_row(v);
	if (c)
		analysis_set_time(v, 0, p->trace, sum->key.step);
	view_set_text(v, c++, p->trace->name);
	if (p->by_cpu)
		view_set_int(v, c++, sum->key.cpu);
	view_set_uint(v, c + P_LEVEL, sum->key.level);
	view_set_text(v, c + P_MACHINE, experiment_member(p->store->experiment, sum->key.member)->name);
	view_set_text(v, c + P_KIND, layers_kind_name((LayersKind)sum->key.kind));
	view_set_int(v, c + P_NS, sum->ns);
	if (p->total)
		view_set_double(v, c + P_SHARE, (double)sum->ns / (double)p->total);
	view_set_uint(v, c + P_COUNT, sum->count);
}

/* By level, machine and kind: the order in which a person reads it. */
static gint by_place(gconstpointer a, gconstpointer b)
{
	const Key *x = &(*(const Sum *const *)a)->key, *y = &(*(const Sum *const *)b)->key;

	if (x->step != y->step)
		return (x->step > y->step) - (x->step < y->step);
	if (x->cpu != y->cpu)
		return (x->cpu > y->cpu) - (x->cpu < y->cpu);
	if (x->level != y->level)
		return (x->level > y->level) - (x->level < y->level);
	if (x->member != y->member)
		return (x->member > y->member) - (x->member < y->member);
	return (x->kind > y->kind) - (x->kind < y->kind);
}

static void physical_rows(View *v, const Physical *p)
{
	g_ptr_array_sort(p->all, by_place);
	for (guint i = 0; i < p->all->len; i++)
		physical_row(v, p, g_ptr_array_index(p->all, i));
}

static void filter_free(gpointer f)
{
	analysis_filter_free(f);
}

static GPtrArray *wanted_of(const AnalysisStore *s, const AnalysisQuery *q)
{
	GPtrArray *wanted = g_ptr_array_new_with_free_func(filter_free);

	g_ptr_array_set_size(wanted, (gint)s->experiment->members->len);
	for (guint i = 0; i < s->traces->len; i++) {
		const AnalysisStoreTrace *t = g_ptr_array_index(s->traces, i);

		if (t->is_kernel)
			g_ptr_array_index(wanted, t->member) = analysis_filter_new(q, t);
	}
	return wanted;
}

static View *physical(const AnalysisStore *s, const AnalysisQuery *q, gboolean by_cpu, GError **error)
{
	/* Of a host alone, or with --alone, they have not been needed yet. */
	g_autoptr(Layers) own = s->layers ? NULL : layers_new(s->experiment, NULL, error);
	if (!s->layers && !own)
		return NULL;
	View *v = physical_view(q, by_cpu);
	g_autoptr(GPtrArray) wanted = wanted_of(s, q);
	AnalysisQuery hosts = {.begin_ns = q->begin_ns, .end_ns = q->end_ns, .cpus = q->cpus};

	for (guint i = 0; i < s->traces->len; i++) {
		const AnalysisStoreTrace *t = g_ptr_array_index(s->traces, i);
		g_autoptr(AnalysisFilter) f = t->is_kernel && t->level == 0 ? analysis_filter_new(&hosts, t) : NULL;

		if (!f)
			continue;
		g_autoptr(GHashTable) sums = g_hash_table_new_full(key_hash, key_equal, g_free, NULL);
		g_autoptr(GPtrArray) all = g_ptr_array_new();
		Physical p = {.store = s, .layers = s->layers ? s->layers : own, .query = q, .trace = t, .filter = f, .wanted = wanted, .by_cpu = by_cpu, .sums = sums, .all = all};
		add_processors(&p);
		physical_rows(v, &p);
	}
	return v;
}

/* ---- Lives: by thread, process or container -------------------------------------------------------------------------------------- */

/* C(NAME, TITLE, FIRST STATE, LAST STATE) */
/* clang-format off */
#define LIFE_COLUMNS(C) \
	C(ran_ns,       "REALLY RAN", RUNNING, SYSCALL) \
	C(guest_ns,     "IN GUEST",   GUEST,   GUEST) \
	C(irq_ns,       "IRQS",       IRQ,     SOFTIRQ) \
	C(exit_l0_ns,   "EXITS L0",   EXIT0,   EXIT0) \
	C(exit_l1_ns,   "EXITS L1",   EXIT1,   EXIT1) \
	C(exit_l2_ns,   "EXITS L2+",  EXIT2,   EXIT2) \
	C(steal_l0_ns,  "STEAL L0",   STEAL0,  STEAL0) \
	C(steal_l1_ns,  "STEAL L1",   STEAL1,  STEAL1) \
	C(steal_l2_ns,  "STEAL L2+",  STEAL2,  STEAL2) \
	C(waited_ns,    "OWN WAITS",  PREEMPTED, THROTTLED) \
	C(blocked_ns,   "BLOCKED",    BLOCKED, B_IDLE) \
	C(unknown_ns,   "UNKNOWN",    UNKNOWN, UNKNOWN)
/* clang-format on */

static const struct {
	const char *name, *title;
	guint8 first, last;
} life_columns[] = {
#define C(name, title, first, last) {#name, title, KERNEL_TS_##first, KERNEL_TS_##last},
	LIFE_COLUMNS(C)
#undef C
};

#define N_LIFE G_N_ELEMENTS(life_columns)

typedef enum { BY_THREAD, BY_PROCESS, BY_CONTAINER } LifeBy;

typedef struct {
	const AnalysisQuery *query;
	LifeBy by;
	View *view;
	AnalysisThreads threads;
	GHashTable *sums, *names; /* by id: Life *; by process: its name */
	GPtrArray *all;           /* Life * */
	gint64 seen[N_LIFE];
} Lives;

enum { L_MACHINE, L_LEVEL, L_ID, L_NAME, L_TIMES };

static View *life_view(LifeBy by)
{
	static const char *const titles[] = {"What became of threads, level by level", "What became of processes, level by level",
					     "What became of containers, level by level"};
	static const char *const ids[] = {"tid", "pid", "container"}, *const id_titles[] = {"TID", "PID", "NUMBER"};
	View *v = view_new("layers", titles[by]);

	view_add_column(v, "machine", "MACHINE", VIEW_TEXT);
	view_add_column(v, "level", "LEVEL", VIEW_COUNT);
	view_add_column(v, ids[by], id_titles[by], VIEW_ID);
	view_add_column(v, "name", "NAME", VIEW_TEXT);
	for (guint c = 0; c < N_LIFE; c++)
		view_add_column(v, life_columns[c].name, life_columns[c].title, VIEW_NS);
	view_set_empty_text(v, "No thread fits.");
	return v;
}

static char *life_name(const Lives *l, guint32 serial, const KernelThreadItem *item, guint32 *id)
{
	const History *h = l->threads.trace->history;

	if (l->by == BY_CONTAINER) {
		*id = kernel_container_of(h, serial);
		const KernelContainerItem *c = kernel_container(h, *id);
		return g_strdup(c ? history_text_get(h, c->name) : "(not known)");
	}
	if (l->by == BY_PROCESS)
		*id = (guint32)item->pid;
	else
		*id = serial;
	const char *name = l->by == BY_PROCESS ? g_hash_table_lookup(l->names, GINT_TO_POINTER(item->pid)) : history_text_get(h, item->name);
	return g_strdup(name ? name : "");
}

typedef struct {
	AnalysisTimes times;
	char *name;
	guint32 id;
	gint32 number; /* what people know it by */
} Life;

static void life_free(gpointer data)
{
	Life *life = data;

	g_free(life->name);
	g_free(life);
}

static void add_life(Lives *l, guint32 serial)
{
	const KernelThreadItem *item = analysis_threads_get(&l->threads, serial);
	gint64 begin = analysis_filter_begin(l->threads.filter), end = analysis_filter_end(l->threads.filter);
	guint32 id;

	if (!item || !analysis_threads_life(&l->threads, item, &begin, &end))
		return;
	g_autofree char *name = life_name(l, serial, item, &id);
	Life *life = g_hash_table_lookup(l->sums, GUINT_TO_POINTER(id));
	if (!life) {
		life = g_new0(Life, 1);
		life->name = g_steal_pointer(&name);
		life->id = id;
		life->number = l->by == BY_THREAD ? item->tid : (gint32)id;
		g_hash_table_insert(l->sums, GUINT_TO_POINTER(id), life);
		g_ptr_array_add(l->all, life);
	}
	analysis_times_add(&life->times, &l->threads, item, begin, end);
}

static gint64 column_ns(const AnalysisTimes *t, guint c)
{
	gint64 ns = 0;

	for (guint s = life_columns[c].first; s <= life_columns[c].last; s++)
		ns += t->ns[s];
	return ns;
}

static void life_row(Lives *l, const Life *life)
{
	const AnalysisStoreTrace *t = l->threads.trace;

	view_begin_row(l->view);
	view_set_text(l->view, L_MACHINE, t->name);
	if (t->level >= 0)
		view_set_int(l->view, L_LEVEL, t->level);
	if (life->number >= 0)
		view_set_int(l->view, L_ID, life->number);
	view_set_text(l->view, L_NAME, life->name);
	for (guint c = 0; c < N_LIFE; c++) {
		view_set_int(l->view, L_TIMES + c, column_ns(&life->times, c));
		l->seen[c] += column_ns(&life->times, c);
	}
}

static gint by_id(gconstpointer a, gconstpointer b)
{
	const Life *x = *(const Life *const *)a, *y = *(const Life *const *)b;

	return (x->id > y->id) - (x->id < y->id);
}

static void add_lives(Lives *l)
{
	g_autoptr(GHashTable) sums = g_hash_table_new_full(NULL, NULL, NULL, life_free);
	g_autoptr(GHashTable) names = analysis_process_names(l->threads.trace);
	g_autoptr(GPtrArray) all = g_ptr_array_new();

	l->all = all;
	l->sums = sums;
	l->names = names;
	for (guint64 s = 0; s < l->threads.n; s++)
		add_life(l, (guint32)s);
	g_ptr_array_sort(all, by_id);
	for (guint i = 0; i < all->len; i++)
		life_row(l, g_ptr_array_index(all, i));
}

static View *lives(const AnalysisStore *s, const AnalysisQuery *q, LifeBy by)
{
	Lives l = {.query = q, .by = by, .view = life_view(by)};

	for (guint i = 0; i < s->traces->len; i++) {
		const AnalysisStoreTrace *t = g_ptr_array_index(s->traces, i);
		g_autoptr(AnalysisFilter) f = t->is_kernel ? analysis_filter_new(q, t) : NULL;

		if (f && analysis_threads_open(&l.threads, q, t, f))
			add_lives(&l);
	}
	for (guint c = 1; c < N_LIFE; c++)
		if (!l.seen[c])
			view_hide_from_text(l.view, L_TIMES + c);
	view_sort(l.view, L_TIMES, TRUE);
	return l.view;
}

/* ---- All ------------------------------------------------------------------------------------------------------------------------------ */

View *analysis_layers(const AnalysisStore *s, const AnalysisQuery *q, GError **error)
{
	static const char *const lives_by[] = {"thread", "process", "container"};
	const char *by = q->by ? q->by : "machine";

	if (!analysis_check_steps(s, q, error))
		return NULL;
	if (g_str_equal(by, "machine") || g_str_equal(by, "cpu"))
		return physical(s, q, g_str_equal(by, "cpu"), error);
	if (q->form == ANALYSIS_SERIES) {
		g_set_error(error, ST_ERROR, ST_ERROR_USAGE, "--every goes with --by machine or cpu; for threads see \"strata threads --every\"");
		return NULL;
	}
	for (guint i = 0; i < G_N_ELEMENTS(lives_by); i++)
		if (g_str_equal(by, lives_by[i]))
			return lives(s, q, (LifeBy)i);
	g_set_error(error, ST_ERROR, ST_ERROR_USAGE, "--by: there is no \"%s\"; there are machine, cpu, thread, process, container", by);
	return NULL;
}
