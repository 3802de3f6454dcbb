/* SPDX-License-Identifier: MIT */
/*
 * Page faults of each process, and what memory it got and gave back. What was got is its own until somebody, whoever that is, gives it back: "net" counts it so, "freed" counts
 * what the process itself gave back.
 */
#include "analysis/commands.h"
#include "kernel/block.h"
#include "kernel/flow.h"
#include "kernel/memory.h"

#define UNKNOWN_PROCESS (-1)

typedef struct {
	gint64 pid, step_ns;
	guint32 thread;      /* some thread of it */
	guint64 faults, in_kernel, writes, executes, protection;
	guint64 slept, major; /* faults that slept; that waited for a disk */
	gint64 slept_ns;
	guint64 bytes[KERNEL_MEMORY_COUNT], times[KERNEL_MEMORY_COUNT];
	gint64 net_pages, net_objects;
} Sum;

typedef struct {
	const AnalysisQuery *query;
	const AnalysisStoreTrace *trace;
	const AnalysisFilter *filter;
	const History *history;
	guint threads;
	GPtrArray *sums;     /* Sum */
	GHashTable *by_key;
	GHashTable *disk_waits; /* thread and begin of threads that were blocked for a disk */
	GHashTable *slept;   /* faults -> 1: slept, 2: for a disk */
} Memory;

/* ---- Reading tables ---------------------------------------------------------------------------------------------- */

typedef struct {
	const History *history;
	guint table;
	guint64 n;
} Table;

static Table table_of(const Memory *m, const char *name, gsize size)
{
	Table t = {.history = m->history};

	if (history_find_table(m->history, name, size, &t.table))
		t.n = history_table_len(m->history, t.table);
	return t;
}

static gconstpointer item(const Table *t, guint64 i)
{
	return i < t->n ? history_table_get(t->history, t->table, i) : NULL;
}

static const KernelThreadItem *thread_of(const Memory *m, guint32 serial)
{
	const KernelThreadItem *t = history_table_get(m->history, m->threads, serial);

	return t && t->same_as != serial ? history_table_get(m->history, m->threads, t->same_as) : t;
}

static gint64 pid_of(const Memory *m, guint32 serial)
{
	const KernelThreadItem *t = thread_of(m, serial);

	if (!t)
		return UNKNOWN_PROCESS;
	return t->pid >= 0 ? t->pid : t->tid >= 0 ? t->tid : UNKNOWN_PROCESS;
}

/* ---- Sums -------------------------------------------------------------------------------------------------------- */

static guint sum_hash(gconstpointer key)
{
	const Sum *s = key;

	return (guint)(((guint64)s->pid * 0x9e3779b97f4a7c15ull + (guint64)s->step_ns * 0xc2b2ae3d27d4eb4full) >> 32);
}

static gboolean sum_equal(gconstpointer a, gconstpointer b)
{
	const Sum *x = a, *y = b;

	return x->pid == y->pid && x->step_ns == y->step_ns;
}

/* NULL: it is not asked for, or there are too many. */
static Sum *sum_of(Memory *m, guint32 thread, gint64 time)
{
	gint64 begin = analysis_filter_begin(m->filter), every = m->query->every_ns;
	Sum key = {.pid = pid_of(m, thread), .thread = thread, .step_ns = begin};

	if (!analysis_in_range(m->filter, time) || !analysis_filter_thread(m->filter, thread))
		return NULL;
	if (m->query->form == ANALYSIS_SERIES)
		key.step_ns = begin + (time - begin) / every * every;
	Sum *sum = g_hash_table_lookup(m->by_key, &key);
	if (sum || m->sums->len >= ANALYSIS_GROUPS_MAX)
		return sum;
	sum = g_memdup2(&key, sizeof(key));
	g_ptr_array_add(m->sums, sum);
	g_hash_table_add(m->by_key, sum);
	return sum;
}

static void add_faults(Memory *m)
{
	Table t = table_of(m, KERNEL_FAULTS_TABLE, sizeof(KernelFaultItem));

	for (guint64 i = 0; i < t.n; i++) {
		const KernelFaultItem *f = item(&t, i);
		Sum *s = sum_of(m, f->thread, f->time_ns);

		if (!s)
			continue;
		s->faults++;
		s->in_kernel += f->in_kernel;
		s->writes += (f->error & KERNEL_FAULT_WRITE) != 0;
		s->executes += (f->error & KERNEL_FAULT_EXECUTE) != 0;
		s->protection += (f->error & KERNEL_FAULT_PROTECTION) != 0;
	}
}

static guint64 *wait_key(guint32 thread, gint64 begin)
{
	guint64 key = ((guint64)thread << 40) ^ (guint64)begin * 0x9e3779b97f4a7c15ull;

	return g_memdup2(&key, sizeof(key));
}

static void find_disk_waits(Memory *m)
{
	Table t = table_of(m, KERNEL_DISK_WAITS_TABLE, sizeof(KernelDiskWait));

	for (guint64 i = 0; i < t.n; i++) {
		const KernelDiskWait *w = item(&t, i);

		g_hash_table_add(m->disk_waits, wait_key(w->thread, w->begin_ns));
	}
}

/* Faults in which their threads slept; major is what waited for a disk. */
static void add_sleeps(Memory *m)
{
	Table waits = table_of(m, KERNEL_FAULT_WAITS_TABLE, sizeof(KernelFaultWait)),
	      faults = table_of(m, KERNEL_FAULTS_TABLE, sizeof(KernelFaultItem));

	find_disk_waits(m);
	for (guint64 i = 0; i < waits.n; i++) {
		const KernelFaultWait *w = item(&waits, i);
		const KernelFaultItem *f = item(&faults, w->fault);
		Sum *s = f ? sum_of(m, f->thread, f->time_ns) : NULL;
		g_autofree guint64 *key = wait_key(w->thread, w->begin_ns);
		guint was = GPOINTER_TO_UINT(g_hash_table_lookup(m->slept, GUINT_TO_POINTER((guint)w->fault)));
		guint is = g_hash_table_contains(m->disk_waits, key) ? 2 : 1;

		if (!s)
			continue;
		s->slept_ns += w->end_ns - w->begin_ns;
		s->slept += was == 0;
		s->major += is == 2 && was < 2;
		if (is > was)
			g_hash_table_insert(m->slept, GUINT_TO_POINTER((guint)w->fault), GUINT_TO_POINTER(is));
	}
}

/* What is owned changes with what is got, and with what anybody gives back of it. */
static void add_owned(Memory *m, const KernelMemoryItem *e)
{
	Sum *s = e->owner == G_MAXUINT32 ? NULL : sum_of(m, e->owner, e->time_ns);

	if (!s)
		return;
	if (e->kind == KERNEL_MEMORY_PAGES || e->kind == KERNEL_MEMORY_PAGES_FREE)
		s->net_pages += e->kind == KERNEL_MEMORY_PAGES ? (gint64)e->bytes : -(gint64)e->bytes;
	else if (e->kind == KERNEL_MEMORY_OBJECT || e->kind == KERNEL_MEMORY_OBJECT_FREE)
		s->net_objects += e->kind == KERNEL_MEMORY_OBJECT ? (gint64)e->bytes : -(gint64)e->bytes;
}

static void add_memory(Memory *m)
{
	Table t = table_of(m, KERNEL_MEMORY_TABLE, sizeof(KernelMemoryItem));

	for (guint64 i = 0; i < t.n; i++) {
		const KernelMemoryItem *e = item(&t, i);
		Sum *s = e->kind < KERNEL_MEMORY_COUNT ? sum_of(m, e->thread, e->time_ns) : NULL;

		if (s) {
			s->bytes[e->kind] += e->bytes;
			s->times[e->kind]++;
		}
		add_owned(m, e);
	}
}

/* ---- A trace ------------------------------------------------------------------------------------------------------- */

static gboolean begin_trace(Memory *m, const AnalysisQuery *q, const AnalysisStoreTrace *t, const AnalysisFilter *f)
{
	*m = (Memory){.query = q, .trace = t, .filter = f, .history = t->history};
	if (!history_find_table(t->history, KERNEL_THREADS_TABLE, sizeof(KernelThreadItem), &m->threads))
		return FALSE;
	m->sums = g_ptr_array_new_with_free_func(g_free);
	m->by_key = g_hash_table_new(sum_hash, sum_equal);
	m->disk_waits = g_hash_table_new_full(g_int64_hash, g_int64_equal, g_free, NULL);
	m->slept = g_hash_table_new(NULL, NULL);
	return TRUE;
}

static void end_trace(Memory *m)
{
	g_hash_table_unref(m->by_key);
	g_hash_table_unref(m->disk_waits);
	g_hash_table_unref(m->slept);
	g_ptr_array_unref(m->sums);
}

/* A process is called as its main thread is. */
static GHashTable *main_threads(const Memory *m)
{
	Table t = table_of(m, KERNEL_THREADS_TABLE, sizeof(KernelThreadItem));
	GHashTable *mains = g_hash_table_new(NULL, NULL);

	for (guint64 i = 0; i < t.n; i++) {
		const KernelThreadItem *thread = item(&t, i);

		if (thread->tid >= 0 && thread->tid == thread->pid && thread->same_as == i)
			g_hash_table_insert(mains, GINT_TO_POINTER(thread->pid), GUINT_TO_POINTER((guint)i + 1));
	}
	return mains;
}

static char *process_name(const Memory *m, GHashTable *mains, const Sum *s)
{
	guint known = GPOINTER_TO_UINT(g_hash_table_lookup(mains, GINT_TO_POINTER((gint)s->pid)));
	const KernelThreadItem *t = thread_of(m, known ? known - 1 : s->thread);

	return g_strdup(t && s->pid != UNKNOWN_PROCESS ? history_text_get(m->history, t->name) : "?");
}

/* ---- The table ----------------------------------------------------------------------------------------------------- */

typedef struct {
	View *view;
	guint time, machine, pid, process, faults, kinds, net;
} Columns;

static const struct {
	const char *bytes, *bytes_title, *times, *times_title;
	gboolean shown;
} kinds[KERNEL_MEMORY_COUNT] = {
	[KERNEL_MEMORY_PAGES] = {"pages_bytes", "PAGES", "pages_allocs", "PAGE ALLOCS", TRUE},
	[KERNEL_MEMORY_PAGES_FREE] = {"pages_freed_bytes", "FREED", "pages_frees", "PAGE FREES", TRUE},
	[KERNEL_MEMORY_OBJECT] = {"objects_bytes", "OBJECTS", "objects_allocs", "OBJECT ALLOCS", TRUE},
	[KERNEL_MEMORY_OBJECT_FREE] = {"objects_freed_bytes", "OBJ FREED", "objects_frees", "OBJECT FREES", FALSE},
	[KERNEL_MEMORY_MAP] = {"mapped_bytes", "MAPPED", "maps", "MAPS", TRUE},
	[KERNEL_MEMORY_UNMAP] = {"unmapped_bytes", "UNMAPPED", "unmaps", "UNMAPS", TRUE},
	[KERNEL_MEMORY_HEAP] = {"heap_bytes", "HEAP", "heap_grows", "HEAP GROWS", TRUE},
	[KERNEL_MEMORY_HEAP_FREE] = {"heap_freed_bytes", "HEAP FREED", "heap_shrinks", "HEAP SHRINKS", FALSE},
};

static void add_fault_columns(View *v)
{
	view_add_column(v, "rate_hz", "RATE", VIEW_HZ);
	view_add_column(v, "kernel_faults", "KERNEL", VIEW_COUNT);
	view_add_column(v, "write_faults", "WRITE", VIEW_COUNT);
	view_add_column(v, "execute_faults", "EXEC", VIEW_COUNT);
	view_add_column(v, "protection_faults", "PROT", VIEW_COUNT);
	view_add_column(v, "slept_faults", "SLEPT", VIEW_COUNT);
	view_add_column(v, "major_faults", "MAJOR", VIEW_COUNT);
	view_add_column(v, "slept_ns", "ASLEEP", VIEW_NS);
}

/* What the traces don't have is not shown to people. */
static gboolean any_pages(const AnalysisStore *s)
{
	for (guint i = 0; i < s->traces->len; i++) {
		const AnalysisStoreTrace *t = g_ptr_array_index(s->traces, i);
		guint table;

		if (!t->is_kernel || !history_find_table(t->history, KERNEL_MEMORY_TABLE, sizeof(KernelMemoryItem), &table))
			continue;
		for (guint64 n = 0; n < history_table_len(t->history, table); n++)
			if (((const KernelMemoryItem *)history_table_get(t->history, table, n))->kind <= KERNEL_MEMORY_OBJECT_FREE)
				return TRUE;
	}
	return FALSE;
}

static void add_columns(Columns *c, const AnalysisStore *s, const AnalysisQuery *q)
{
	View *v = c->view;
	gboolean has_pages = any_pages(s);

	c->time = analysis_add_time_column(v, q);
	c->machine = analysis_add_machine_column(v, s);
	c->pid = view_add_column(v, "pid", "PID", VIEW_ID);
	c->process = view_add_column(v, "process", "PROCESS", VIEW_TEXT);
	c->faults = view_add_column(v, "faults", "FAULTS", VIEW_COUNT);
	add_fault_columns(v);
	for (guint i = 0; i < KERNEL_MEMORY_COUNT; i++) {
		guint bytes = view_add_column(v, kinds[i].bytes, kinds[i].bytes_title, VIEW_BYTES);

		c->kinds = i ? c->kinds : bytes;
		view_hide_from_text(v, view_add_column(v, kinds[i].times, kinds[i].times_title, VIEW_COUNT));
		if (!kinds[i].shown || (i <= KERNEL_MEMORY_OBJECT_FREE && !has_pages))
			view_hide_from_text(v, bytes);
	}
	c->net = view_add_column(v, "pages_net_bytes", "NET PAGES", VIEW_NUMBER);
	view_hide_from_text(v, view_add_column(v, "objects_net_bytes", "NET OBJECTS", VIEW_NUMBER));
	if (!has_pages)
		view_hide_from_text(v, c->net);
}

static void set_row(const Columns *c, const Memory *m, GHashTable *mains, const Sum *s)
{
	gint64 end = analysis_filter_end(m->filter);
	gint64 length = c->time != G_MAXUINT ? MIN(m->query->every_ns, end - s->step_ns) : end - s->step_ns;
	const guint64 counts[] = {s->in_kernel, s->writes, s->executes, s->protection, s->slept, s->major};
	g_autofree char *name = process_name(m, mains, s);
	View *v = c->view;

	view_begin_row(v);
	if (c->time != G_MAXUINT)
		analysis_set_time(v, c->time, m->trace, s->step_ns);
	view_set_text(v, c->machine, m->trace->name);
	if (s->pid != UNKNOWN_PROCESS)
		view_set_int(v, c->pid, s->pid);
	view_set_text(v, c->process, name);
	view_set_uint(v, c->faults, s->faults);
	if (length > 0)
		view_set_double(v, c->faults + 1, (double)s->faults * 1e9 / (double)length);
	for (guint i = 0; i < G_N_ELEMENTS(counts); i++)
		view_set_uint(v, c->faults + 2 + i, counts[i]);
	view_set_int(v, c->faults + 2 + G_N_ELEMENTS(counts), s->slept_ns);
	for (guint i = 0; i < KERNEL_MEMORY_COUNT; i++) {
		view_set_uint(v, c->kinds + 2 * i, s->bytes[i]);
		view_set_uint(v, c->kinds + 2 * i + 1, s->times[i]);
	}
	view_set_int(v, c->net, s->net_pages);
	view_set_int(v, c->net + 1, s->net_objects);
}

static void add_trace(const Columns *c, Memory *m)
{
	add_faults(m);
	add_sleeps(m);
	add_memory(m);
	g_autoptr(GHashTable) mains = main_threads(m);
	for (guint i = 0; i < m->sums->len; i++)
		set_row(c, m, mains, g_ptr_array_index(m->sums, i));
}

/* ---- The individual faults --------------------------------------------------------------------------------------- */

enum { LOG_TIME, LOG_MACHINE, LOG_THREAD, LOG_ADDRESS, LOG_IP, LOG_FROM, LOG_ACCESS, LOG_CAUSE, LOG_SLEPT, LOG_LENGTH, LOG_MAJOR };

typedef struct {
	guint64 fault;
	gint64 slept_ns, end_ns; /* end_ns: of its last sleep; 0: it didn't */
	gboolean is_major;
} LogEntry;

static View *log_view_new(const AnalysisStore *s)
{
	View *v = view_new("page-faults", "Page faults");

	view_add_column(v, "time_ns", "TIME", VIEW_TIME_NS);
	analysis_add_machine_column(v, s);
	view_add_column(v, "thread", "THREAD", VIEW_TEXT);
	view_add_column(v, "address", "ADDRESS", VIEW_TEXT);
	view_add_column(v, "ip", "CODE", VIEW_TEXT);
	view_add_column(v, "from", "FROM", VIEW_TEXT);
	view_add_column(v, "access", "ACCESS", VIEW_TEXT);
	view_add_column(v, "cause", "BECAUSE", VIEW_TEXT);
	view_add_column(v, "slept_ns", "ASLEEP", VIEW_NS);
	view_add_column(v, "length_ns", "LENGTH", VIEW_NS);
	view_add_column(v, "major", "MAJOR", VIEW_BOOL);
	return v;
}

static void set_log_row(const Memory *m, View *v, const LogEntry *e, const KernelFaultItem *f)
{
	g_autofree char *thread = analysis_thread_name(m->trace, f->thread);

	view_begin_row(v);
	analysis_set_time(v, LOG_TIME, m->trace, f->time_ns);
	view_set_text(v, LOG_MACHINE, m->trace->name);
	view_set_text(v, LOG_THREAD, thread);
	view_set_textf(v, LOG_ADDRESS, "0x%" G_GINT64_MODIFIER "x", f->address);
	if (f->ip)
		view_set_textf(v, LOG_IP, "0x%" G_GINT64_MODIFIER "x", f->ip);
	view_set_text(v, LOG_FROM, f->in_kernel ? "kernel" : "user");
	view_set_text(v, LOG_ACCESS, f->error & KERNEL_FAULT_EXECUTE ? "execute" : f->error & KERNEL_FAULT_WRITE ? "write" : "read");
	view_set_text(v, LOG_CAUSE, f->error & KERNEL_FAULT_PROTECTION ? "protection" : "no-page");
	view_set_int(v, LOG_SLEPT, e->slept_ns);
	if (e->end_ns)
		view_set_int(v, LOG_LENGTH, e->end_ns - f->time_ns);
	view_set_bool(v, LOG_MAJOR, e->is_major);
}

static gboolean is_wanted(const Memory *m, const KernelFaultItem *f)
{
	return f && analysis_in_range(m->filter, f->time_ns) && analysis_filter_thread(m->filter, f->thread);
}

static gint compare_entries(gconstpointer a, gconstpointer b)
{
	const LogEntry *x = a, *y = b;

	if (x->slept_ns != y->slept_ns)
		return x->slept_ns > y->slept_ns ? -1 : 1;
	return (x->fault > y->fault) - (x->fault < y->fault);
}

/* Faults that slept, each once. Sleeps of one fault follow one another in the table, among those of other threads. */
static GArray *slept_entries(Memory *m, const Table *faults)
{
	Table waits = table_of(m, KERNEL_FAULT_WAITS_TABLE, sizeof(KernelFaultWait));
	GArray *entries = g_array_new(FALSE, TRUE, sizeof(LogEntry));

	find_disk_waits(m);
	for (guint64 i = 0; i < waits.n; i++) {
		const KernelFaultWait *w = item(&waits, i);
		guint at = GPOINTER_TO_UINT(g_hash_table_lookup(m->slept, GUINT_TO_POINTER((guint)w->fault)));
		g_autofree guint64 *key = wait_key(w->thread, w->begin_ns);

		if (!is_wanted(m, item(faults, w->fault)))
			continue;
		if (!at) {
			g_array_set_size(entries, at = entries->len + 1);
			g_hash_table_insert(m->slept, GUINT_TO_POINTER((guint)w->fault), GUINT_TO_POINTER(at));
		}
		LogEntry *e = &g_array_index(entries, LogEntry, at - 1);
		e->fault = w->fault;
		e->slept_ns += w->end_ns - w->begin_ns;
		e->end_ns = w->end_ns;
		e->is_major |= g_hash_table_contains(m->disk_waits, key);
	}
	g_array_sort(entries, compare_entries);
	return entries;
}

/* Those that slept longest; if there is room, those that didn't. */
static void add_log(Memory *m, View *v)
{
	Table faults = table_of(m, KERNEL_FAULTS_TABLE, sizeof(KernelFaultItem));
	g_autoptr(GArray) entries = slept_entries(m, &faults);
	guint limit = m->query->limit ? m->query->limit : G_MAXUINT, n = 0;

	for (; n < entries->len && n < limit; n++) {
		const LogEntry *e = &g_array_index(entries, LogEntry, n);

		set_log_row(m, v, e, item(&faults, e->fault));
	}
	for (guint64 i = 0; i < faults.n && n < limit; i++) {
		const LogEntry e = {.fault = i};

		if (!is_wanted(m, item(&faults, i)) || g_hash_table_contains(m->slept, GUINT_TO_POINTER((guint)i)))
			continue;
		set_log_row(m, v, &e, item(&faults, i));
		n++;
	}
}

/* ---- The command --------------------------------------------------------------------------------------------------- */

View *analysis_memory(const AnalysisStore *s, const AnalysisQuery *q, GError **error)
{
	gboolean is_log = q->form == ANALYSIS_LOG;
	Columns c = {.view = is_log ? log_view_new(s) : view_new("memory", "Memory")};

	(void)error;
	if (!is_log)
		add_columns(&c, s, q);
	for (guint i = 0; i < s->traces->len; i++) {
		const AnalysisStoreTrace *t = g_ptr_array_index(s->traces, i);
		g_autoptr(AnalysisFilter) f = t->is_kernel ? analysis_filter_new(q, t) : NULL;
		Memory m;

		if (!f || !begin_trace(&m, q, t, f))
			continue;
		if (is_log)
			add_log(&m, c.view);
		else
			add_trace(&c, &m);
		end_trace(&m);
	}
	view_set_empty_text(c.view, "There were no page faults, or they were not recorded (lttng enable-event --kernel 'x86_exceptions_*').");
	view_sort(c.view, is_log ? (guint)LOG_SLEPT : c.faults, TRUE);
	if (q->form == ANALYSIS_SERIES)
		view_sort(c.view, c.time, FALSE);
	return c.view;
}
