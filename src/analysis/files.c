/* SPDX-License-Identifier: MIT */
/* files.c: what was read and written, by file. */
#include "analysis/calls.h"
#include "analysis/commands.h"

#include <string.h>

/*
 * A row is a file; connections that differ in nothing but the number of the other side's port are one. What was done with it is kept in groups whose key is the
 * row and one of these.
 */
enum { ALL, READS, WRITES, SYNCS, OTHERS, OPENS, N_OPS };

typedef struct {
	const KernelFileItem *file; /* the first of them; NULL: the descriptor's file is not known */
	guint32 name;
} Row;

typedef struct {
	AnalysisCalls *calls;
	AnalysisFilter *filter;
	AnalysisGroups *groups;
	GArray *rows;           /* Row */
	GHashTable *by_name;    /* name and kind, and pid of what has no path -> number of the row plus one */
	guint32 *of_file;       /* row plus one, by number of the file */
	GHashTable *processes;  /* gint64 *: row and pid -> gint64 *: time */
	guint64 doubtful;
} Collector;

/* ---- Rows ---------------------------------------------------------------------------------------------------------- */

static char *grouped_name(const History *h, const KernelFileItem *file)
{
	const char *name = history_text_get(h, file->name), *port = file->is_server && file->has_remote ? strrchr(name, ':') : NULL;

	return port ? g_strndup(name, (gsize)(port - name)) : g_strdup(name);
}

static guint row_make(Collector *k, const char *name, const KernelFileItem *file)
{
	gint32 pid = file && name[0] != '/' ? file->pid : -1;
	g_autofree char *key = g_strdup_printf("%d %u %s", pid, file ? file->kind : 0, name);
	gpointer known = g_hash_table_lookup(k->by_name, key);

	if (known)
		return GPOINTER_TO_UINT(known) - 1;
	Row row = {file, file ? file->name : 0};
	g_array_append_val(k->rows, row);
	g_hash_table_insert(k->by_name, g_steal_pointer(&key), GUINT_TO_POINTER(k->rows->len));
	return k->rows->len - 1;
}

static guint row_of(Collector *k, guint32 file)
{
	const KernelFileItem *item = analysis_calls_file(k->calls, file);

	if (!item)
		return row_make(k, "(not known)", NULL);
	if (!k->of_file[file]) {
		g_autofree char *name = grouped_name(k->calls->trace->history, item);

		k->of_file[file] = row_make(k, name, item) + 1;
	}
	return k->of_file[file] - 1;
}

/* ---- Operations ------------------------------------------------------------------------------------------------------ */

static void add_process(Collector *k, guint row, gint32 pid, gint64 ns)
{
	gint64 key = (gint64)((guint64)row << 32 | (guint32)pid);
	gint64 *sum = g_hash_table_lookup(k->processes, &key);

	if (!sum)
		g_hash_table_insert(k->processes, g_memdup2(&key, sizeof(key)), sum = g_new0(gint64, 1));
	*sum += ns;
}

static void add_op(Collector *k, const KernelSyscall *item, guint32 file, guint op, gint64 bytes)
{
	guint row = row_of(k, file);
	gint64 ns = item->end_ns - item->begin_ns;
	gboolean failed = item->flags & KERNEL_CALL_ERROR;

	analysis_groups_add(k->groups, row, op, item->end_ns, ns, failed ? 0 : bytes, failed);
	if (op == READS || op == WRITES || op == SYNCS)
		analysis_groups_add(k->groups, row, ALL, item->end_ns, ns, failed ? 0 : bytes, failed);
	add_process(k, row, analysis_calls_pid(k->calls, item->thread), ns);
	k->doubtful += (item->flags & KERNEL_CALL_FILE_DOUBT) != 0;
}

static gboolean is_open(gint number)
{
	return number == TRACE_SYS_OPEN || number == TRACE_SYS_OPENAT || number == TRACE_SYS_OPENAT2 || number == TRACE_SYS_CREAT;
}

static void add_call(Collector *k, const KernelSyscall *item, gint number, const KernelCallRule *rule)
{
	switch (rule->op) {
	case KERNEL_OP_READ:
		add_op(k, item, item->file, READS, item->ret);
		break;
	case KERNEL_OP_WRITE:
		add_op(k, item, item->file, WRITES, item->ret);
		break;
	case KERNEL_OP_READ_N:
		add_op(k, item, item->file, READS, 0);
		break;
	case KERNEL_OP_WRITE_N:
		add_op(k, item, item->file, WRITES, 0);
		break;
	case KERNEL_OP_COPY:
		add_op(k, item, item->file, READS, item->ret);
		add_op(k, item, item->file2, WRITES, item->ret);
		break;
	case KERNEL_OP_SYNC:
		add_op(k, item, item->file, SYNCS, 0);
		break;
	default:
		if (item->file != KERNEL_NO_FILE)
			add_op(k, item, item->file, is_open(number) ? OPENS : OTHERS, 0);
		break;
	}
}

/* What is made by other calls than open: each file once. */
static void add_made(Collector *k)
{
	const History *h = k->calls->trace->history;

	for (guint32 i = 0; i < history_table_len(h, k->calls->files); i++) {
		const KernelFileItem *file = history_table_get(h, k->calls->files, i);

		if (file->opens && history_text_get(h, file->name)[0] != '/' && file->kind != KERNEL_FILE_FILE &&
		    file->kind != KERNEL_FILE_DIRECTORY && analysis_in_range(k->filter, file->opened_ns) &&
		    analysis_filter_thread(k->filter, file->thread))
			analysis_groups_add(k->groups, row_of(k, i), OPENS, file->opened_ns, 0, 0, FALSE);
	}
}

static void collect(Collector *k)
{
	for (guint64 i = 0; i < analysis_calls_len(k->calls, FALSE); i++) {
		KernelSyscall call;

		if (!analysis_calls_wanted(k->calls, k->filter, i))
			continue;
		analysis_calls_get(k->calls, FALSE, i, &call);
		gint number = analysis_calls_number(k->calls, call.name);
		const KernelCallRule *rule = kernel_call_rule(number);
		if (rule->op || call.file != KERNEL_NO_FILE)
			add_call(k, &call, number, rule);
	}
	add_made(k);
}

/* ---- The table --------------------------------------------------------------------------------------------------------- */

typedef struct {
	View *view;
	guint machine, kind, name, process, processes, opens, reads, read_bytes, read_ns, writes, write_bytes, write_ns, syncs, sync_ns, others,
		other_ns, errors, dist;
} Columns;

static void add_columns(Columns *c, const AnalysisStore *s, const AnalysisQuery *q)
{
	View *v = c->view;

	analysis_add_time_column(v, q);
	c->machine = analysis_add_machine_column(v, s);
	c->kind = view_add_column(v, "kind", "KIND", VIEW_TEXT);
	c->name = view_add_column(v, "name", "NAME", VIEW_TEXT);
	c->process = view_add_column(v, "process", "PROCESS", VIEW_TEXT);
	c->processes = view_add_column(v, "processes", "PROCESSES", VIEW_COUNT);
	c->opens = view_add_column(v, "opens", "OPENS", VIEW_COUNT);
	c->reads = view_add_column(v, "reads", "READS", VIEW_COUNT);
	c->read_bytes = view_add_column(v, "read_bytes", "READ", VIEW_BYTES);
	c->read_ns = view_add_column(v, "read_ns", "READ TIME", VIEW_NS);
	c->writes = view_add_column(v, "writes", "WRITES", VIEW_COUNT);
	c->write_bytes = view_add_column(v, "write_bytes", "WRITTEN", VIEW_BYTES);
	c->write_ns = view_add_column(v, "write_ns", "WRITE TIME", VIEW_NS);
	c->syncs = view_add_column(v, "syncs", "SYNCS", VIEW_COUNT);
	c->sync_ns = view_add_column(v, "sync_ns", "SYNC TIME", VIEW_NS);
	c->others = view_add_column(v, "others", "OTHERS", VIEW_COUNT);
	c->other_ns = view_add_column(v, "other_ns", "OTHER TIME", VIEW_NS);
	c->errors = view_add_column(v, "errors", "ERRORS", VIEW_COUNT);
	c->dist = analysis_add_dist_columns(v, q);
	const guint hidden[] = {c->processes, c->read_ns, c->write_ns, c->others, c->other_ns, c->dist, c->dist + 2, c->dist + 3, c->dist + 4,
				c->dist + 5};
	for (guint i = 0; i < G_N_ELEMENTS(hidden); i++)
		view_hide_from_text(v, hidden[i]);
}

typedef struct {
	guint row;
	gint64 step;
	const AnalysisGroup *ops[N_OPS];
} Line;

/* The groups of a row and step, together. */
static GPtrArray *lines(const Collector *k)
{
	GPtrArray *all = g_ptr_array_new_with_free_func(g_free);
	g_autoptr(GHashTable) by_key = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);

	for (guint i = 0; i < analysis_groups_len(k->groups); i++) {
		const AnalysisGroup *g = analysis_groups_get(k->groups, i);
		char *key = g_strdup_printf("%" G_GINT64_FORMAT " %u", g->step_ns, (guint)g->key[0]);
		Line *line = g_hash_table_lookup(by_key, key);

		if (!line) {
			line = g_new0(Line, 1);
			line->row = (guint)g->key[0];
			line->step = g->step_ns;
			g_ptr_array_add(all, line);
			g_hash_table_insert(by_key, key, line);
		} else {
			g_free(key);
		}
		line->ops[g->key[1]] = g;
	}
	return all;
}

/* Who used each row longest, and how many did: gint64 pid, time, number, by row. */
typedef struct {
	gint32 pid;
	gint64 ns;
	guint n;
} User;

static User *users(const Collector *k)
{
	User *all = g_new0(User, k->rows->len + 1);
	GHashTableIter iter;
	gpointer key, value;

	g_hash_table_iter_init(&iter, k->processes);
	while (g_hash_table_iter_next(&iter, &key, &value)) {
		guint64 both = (guint64) * (gint64 *)key;
		gint64 ns = *(gint64 *)value;
		gint32 pid = (gint32)(guint32)both;
		User *u = &all[both >> 32];

		if (!u->n || ns > u->ns || (ns == u->ns && pid < u->pid)) {
			u->pid = pid;
			u->ns = ns;
		}
		u->n++;
	}
	return all;
}

static void set_op(View *v, const AnalysisGroup *g, guint count, gint64 ns_column, gint64 bytes_column)
{
	view_set_uint(v, count, g ? g->count : 0);
	if (ns_column >= 0)
		view_set_int(v, (guint)ns_column, g ? g->total_ns : 0);
	if (bytes_column >= 0)
		view_set_int(v, (guint)bytes_column, g ? g->amount : 0);
}

static void set_line(const Columns *c, const Collector *k, const AnalysisQuery *q, const Line *line, const User *u)
{
	const History *h = k->calls->trace->history;
	const Row *row = &g_array_index(k->rows, Row, line->row);
	static const AnalysisGroup none;
	guint64 errors = 0;

	view_begin_row(c->view);
	if (q->form == ANALYSIS_SERIES)
		analysis_set_time(c->view, 0, k->calls->trace, line->step);
	view_set_text(c->view, c->machine, k->calls->trace->name);
	view_set_text(c->view, c->kind, kernel_file_kind_name(row->file ? row->file->kind : KERNEL_FILE_UNKNOWN));
	g_autofree char *name = row->file ? grouped_name(h, row->file) : g_strdup("(not known)");
	view_set_text(c->view, c->name, name);
	g_autofree char *process = analysis_process_name(k->calls, u->n ? u->pid : row->file ? row->file->pid : -1);
	view_set_text(c->view, c->process, process);
	view_set_uint(c->view, c->processes, u->n);
	set_op(c->view, line->ops[OPENS], c->opens, -1, -1);
	set_op(c->view, line->ops[READS], c->reads, c->read_ns, c->read_bytes);
	set_op(c->view, line->ops[WRITES], c->writes, c->write_ns, c->write_bytes);
	set_op(c->view, line->ops[SYNCS], c->syncs, c->sync_ns, -1);
	set_op(c->view, line->ops[OTHERS], c->others, c->other_ns, -1);
	for (guint i = READS; i < N_OPS; i++)
		errors += line->ops[i] ? line->ops[i]->errors : 0;
	view_set_uint(c->view, c->errors, errors);
	analysis_set_dist(c->view, c->dist, q, line->ops[ALL] ? line->ops[ALL] : &none);
}

static gboolean collector_init(Collector *k, const AnalysisQuery *q, const AnalysisStoreTrace *t)
{
	*k = (Collector){.filter = analysis_filter_new(q, t)};
	k->calls = k->filter ? analysis_calls_new(t) : NULL;
	if (!k->calls) {
		analysis_filter_free(k->filter);
		return FALSE;
	}
	k->groups = analysis_groups_new(q, k->filter);
	k->rows = g_array_new(FALSE, FALSE, sizeof(Row));
	k->by_name = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
	k->of_file = g_new0(guint32, history_table_len(t->history, k->calls->files) + 1);
	k->processes = g_hash_table_new_full(g_int64_hash, g_int64_equal, g_free, g_free);
	return TRUE;
}

static void collector_clear(Collector *k)
{
	analysis_filter_free(k->filter);
	analysis_calls_free(k->calls);
	analysis_groups_free(k->groups);
	g_array_unref(k->rows);
	g_hash_table_unref(k->by_name);
	g_hash_table_unref(k->processes);
	g_free(k->of_file);
}

static void add_trace(const Columns *c, const AnalysisQuery *q, const AnalysisStoreTrace *t)
{
	Collector k;

	if (!collector_init(&k, q, t))
		return;
	collect(&k);
	g_autoptr(GPtrArray) all = lines(&k);
	g_autofree User *u = users(&k);
	for (guint i = 0; i < all->len; i++) {
		const Line *line = g_ptr_array_index(all, i);

		set_line(c, &k, q, line, &u[line->row]);
	}
	if (k.doubtful)
		view_add_note(c->view,
			      "%s: %" G_GUINT64_FORMAT " operations were on descriptors that had been opened before events were lost: they may be "
			      "other files by then.",
			      t->name, k.doubtful);
	collector_clear(&k);
}

static View *table(const AnalysisStore *s, const AnalysisQuery *q)
{
	View *v = view_new("files", "Files, sockets and pipes");
	Columns c = {.view = v};

	add_columns(&c, s, q);
	for (guint i = 0; i < s->traces->len; i++)
		add_trace(&c, q, g_ptr_array_index(s->traces, i));
	view_set_empty_text(v, "No system call on a file is in these traces. To record them: lttng enable-event -k --syscall --all");
	view_sort(v, c.name, FALSE);
	view_sort(v, q->form == ANALYSIS_SERIES ? 0 : c.dist + 1, q->form != ANALYSIS_SERIES);
	return v;
}

/* ---- The slowest ------------------------------------------------------------------------------------------------------ */

/* Reading, writing, syncing, connecting: what works on a file, and not what waits for any of several. */
static gboolean is_operation(gint number, const KernelCallRule *rule)
{
	return rule->op >= KERNEL_OP_READ || is_open(number) || number == TRACE_SYS_CONNECT || number == TRACE_SYS_ACCEPT ||
	       number == TRACE_SYS_CLOSE || number == TRACE_SYS_FALLOCATE || number == TRACE_SYS_FTRUNCATE;
}

static void log_trace(View *v, const AnalysisQuery *q, const AnalysisStoreTrace *t)
{
	g_autoptr(AnalysisFilter) f = analysis_filter_new(q, t);
	g_autoptr(AnalysisCalls) c = f ? analysis_calls_new(t) : NULL;
	g_autoptr(AnalysisWorst) worst = analysis_worst_new(q->limit);
	guint n;

	if (!c)
		return;
	for (guint64 i = 0; i < analysis_calls_len(c, FALSE); i++) {
		KernelSyscall call;

		if (!analysis_calls_wanted(c, f, i))
			continue;
		analysis_calls_get(c, FALSE, i, &call);
		gint number = analysis_calls_file(c, call.file) ? analysis_calls_number(c, call.name) : -1;
		if (number >= 0 && is_operation(number, kernel_call_rule(number)))
			analysis_worst_add(worst, call.end_ns - call.begin_ns, i);
	}
	const AnalysisWorstItem *sorted = analysis_worst_sorted(worst, &n);
	for (guint i = 0; i < n; i++) {
		KernelSyscall call;

		analysis_calls_get(c, FALSE, sorted[i].item, &call);
		const KernelFileItem *file = analysis_calls_file(c, call.file);
		g_autofree char *thread = analysis_thread_name(t, call.thread), *text = analysis_calls_text(c, &call);

		view_begin_row(v);
		view_set_text(v, 0, t->name);
		analysis_set_time(v, 1, t, call.begin_ns);
		view_set_int(v, 2, sorted[i].ns);
		view_set_text(v, 3, thread);
		view_set_text(v, 4, kernel_file_kind_name(file->kind));
		view_set_text(v, 5, history_text_get(t->history, file->name));
		view_set_text(v, 6, text);
	}
}

static View *log_view(const AnalysisStore *s, const AnalysisQuery *q)
{
	View *v = view_new("files-log", "The slowest operations on files");

	analysis_add_machine_column(v, s);
	view_add_column(v, "begin_ns", "BEGIN", VIEW_TIME_NS);
	view_add_column(v, "duration_ns", "DURATION", VIEW_NS);
	view_add_column(v, "thread", "THREAD", VIEW_TEXT);
	view_add_column(v, "kind", "KIND", VIEW_TEXT);
	view_hide_from_text(v, view_add_column(v, "name", "NAME", VIEW_TEXT));
	view_add_column(v, "call", "CALL", VIEW_TEXT);
	for (guint i = 0; i < s->traces->len; i++)
		log_trace(v, q, g_ptr_array_index(s->traces, i));
	view_set_empty_text(v, "No system call on a file is in these traces. To record them: lttng enable-event -k --syscall --all");
	view_sort(v, 2, TRUE);
	return v;
}

View *analysis_files(const AnalysisStore *s, const AnalysisQuery *q, GError **error)
{
	(void)error;
	return q->form == ANALYSIS_LOG ? log_view(s, q) : table(s, q);
}
