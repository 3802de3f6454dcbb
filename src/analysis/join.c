/* SPDX-License-Identifier: MIT */
/* join.c: user space's threads are the kernel's. */
#include "analysis/join.h"
#include "kernel/containers.h"

#include <stdlib.h>
#include <string.h>

static const AnalysisStoreTrace *kernel_of(const AnalysisStore *s, const AnalysisStoreTrace *user)
{
	for (guint i = 0; i < s->traces->len; i++) {
		const AnalysisStoreTrace *t = g_ptr_array_index(s->traces, i);

		if (t->is_kernel && strcmp(t->name, user->name) == 0)
			return t;
	}
	return NULL;
}

/* ---- Who is who ----------------------------------------------------------------------------------------------------- */

/* The kernel's threads by their numbers: chains of indices, each ending in NONE. */
typedef struct {
	const AnalysisJoin *join;
	GHashTable *by_tid;  /* tid -> first of its chain plus one */
	GHashTable *by_vtid; /* likewise, of those whose number in their own namespace is known */
	guint32 *next_tid, *next_vtid;
} Numbers;

#define NONE        G_MAXUINT32
#define INITIAL_PID 0xEFFFFFFCu /* the machine's own pid namespace */

static const KernelThreadItem *item_at(const AnalysisJoin *j, guint32 i)
{
	return history_table_get(j->kernel->history, j->kernel_table, i);
}

/* Its numbers in its own namespace, and that, as far as they are known. */
static KernelThreadContainerItem numbers_of(const AnalysisJoin *j, guint32 i)
{
	const KernelThreadItem *item = item_at(j, i);
	const KernelThreadContainerItem *told = kernel_thread_container(j->kernel->history, i);
	KernelThreadContainerItem numbers = told ? *told : (KernelThreadContainerItem){.vtid = -1, .vpid = -1};

	if (item->vtid >= 0) {
		numbers.vtid = item->vtid;
		numbers.vpid = item->vpid;
	}
	return numbers;
}

static void add_to_chain(GHashTable *heads, guint32 *next, gint32 number, guint32 i)
{
	gpointer key = GINT_TO_POINTER(number);

	next[i] = GPOINTER_TO_UINT(g_hash_table_lookup(heads, key)) - 1;
	g_hash_table_insert(heads, key, GUINT_TO_POINTER(i + 1));
}

static void numbers_init(Numbers *n, const AnalysisJoin *j)
{
	guint32 len = (guint32)history_table_len(j->kernel->history, j->kernel_table);

	*n = (Numbers){j, g_hash_table_new(NULL, NULL), g_hash_table_new(NULL, NULL), g_new(guint32, len + 1), g_new(guint32, len + 1)};
	for (guint32 i = 0; i < len; i++) {
		if (item_at(j, i)->same_as != i)
			continue;
		gint32 vtid = numbers_of(j, i).vtid;

		add_to_chain(n->by_tid, n->next_tid, item_at(j, i)->tid, i);
		if (vtid >= 0)
			add_to_chain(n->by_vtid, n->next_vtid, vtid, i);
	}
}

static void numbers_clear(Numbers *n)
{
	g_hash_table_unref(n->by_tid);
	g_hash_table_unref(n->by_vtid);
	g_free(n->next_tid);
	g_free(n->next_vtid);
}

/* What is known of the two does not contradict, and their numbers are the same. */
static gboolean same_numbers(const AnalysisJoin *j, guint32 i, const UserThread *t)
{
	const KernelThreadItem *item = item_at(j, i);
	const KernelThreadContainerItem of = numbers_of(j, i);

	if (t->pid_ns && of.pid_ns && t->pid_ns != of.pid_ns)
		return FALSE;
	if (t->tid >= 0)
		return item->tid == t->tid;
	if (of.vtid >= 0)
		return of.vtid == t->vtid && (t->vpid < 0 || of.vpid < 0 || of.vpid == t->vpid);
	/* In the machine's own namespace they are the same as outside. */
	if ((t->pid_ns && t->pid_ns != INITIAL_PID) || (of.pid_ns && of.pid_ns != INITIAL_PID))
		return FALSE;
	return item->tid == t->vtid && (t->vpid < 0 || item->pid < 0 || item->pid == t->vpid);
}

/* The kernel's trace may have been started after the events. */
static gboolean lived(const KernelThreadItem *item, const UserThread *t)
{
	return (item->begin_ns <= MAX(t->last_ns, t->first_ns) || !item->born) && (item->end_ns >= t->first_ns || !item->ended);
}

static void find_in_chain(const Numbers *n, GHashTable *heads, const guint32 *next, gint32 number, const UserThread *t, guint32 *found)
{
	guint32 i = GPOINTER_TO_UINT(g_hash_table_lookup(heads, GINT_TO_POINTER(number))) - 1;

	for (; i != NONE; i = next[i])
		if (*found != i && same_numbers(n->join, i, t) && lived(item_at(n->join, i), t))
			*found = *found == ANALYSIS_NO_THREAD ? i : ANALYSIS_AMBIGUOUS;
}

static guint32 find_serial(const Numbers *n, const UserThread *t)
{
	guint32 found = ANALYSIS_NO_THREAD;

	if (t->tid > 0) {
		find_in_chain(n, n->by_tid, n->next_tid, t->tid, t, &found);
	} else if (t->tid < 0 && t->vtid > 0) {
		find_in_chain(n, n->by_vtid, n->next_vtid, t->vtid, t, &found);
		find_in_chain(n, n->by_tid, n->next_tid, t->vtid, t, &found);
	}
	return found;
}

static void find_all(AnalysisJoin *j)
{
	Numbers n;

	numbers_init(&n, j);
	for (guint64 i = 0; i < j->n; i++)
		j->serials[i] = find_serial(&n, analysis_join_thread(j, (guint32)i));
	numbers_clear(&n);
}

AnalysisJoin *analysis_join_new(const AnalysisStore *s, const AnalysisStoreTrace *user)
{
	guint table;

	if (!history_find_table(user->history, USER_THREADS_TABLE, sizeof(UserThread), &table))
		return NULL;
	AnalysisJoin *j = g_new0(AnalysisJoin, 1);
	j->user = user;
	j->user_table = table;
	j->n = history_table_len(user->history, table);
	j->serials = g_new(guint32, j->n + 1);
	j->kernel = kernel_of(s, user);
	if (j->kernel && !history_find_table(j->kernel->history, KERNEL_THREADS_TABLE, sizeof(KernelThreadItem), &j->kernel_table))
		j->kernel = NULL;
	memset(j->serials, 0xff, (j->n + 1) * sizeof(*j->serials));
	if (j->kernel)
		find_all(j);
	return j;
}

void analysis_join_free(AnalysisJoin *j)
{
	if (!j)
		return;
	g_free(j->serials);
	g_free(j);
}

/* ---- What they are called --------------------------------------------------------------------------------------------- */

const UserThread *analysis_join_thread(const AnalysisJoin *j, guint32 thread)
{
	return history_table_get(j->user->history, j->user_table, thread);
}

const KernelThreadItem *analysis_join_kernel(const AnalysisJoin *j, guint32 thread)
{
	if (!j->kernel || thread >= j->n || j->serials[thread] >= ANALYSIS_AMBIGUOUS)
		return NULL;
	return history_table_get(j->kernel->history, j->kernel_table, j->serials[thread]);
}

const char *analysis_join_name(const AnalysisJoin *j, guint32 thread)
{
	const KernelThreadItem *item = analysis_join_kernel(j, thread);
	const char *name = item ? history_text_get(j->kernel->history, item->name) : "";

	return *name ? name : history_text_get(j->user->history, analysis_join_thread(j, thread)->name);
}

gint32 analysis_join_tid(const AnalysisJoin *j, guint32 thread)
{
	const KernelThreadItem *item = analysis_join_kernel(j, thread);
	const UserThread *t = analysis_join_thread(j, thread);

	return item ? item->tid : t->tid >= 0 ? t->tid : t->vtid;
}

gint32 analysis_join_pid(const AnalysisJoin *j, guint32 thread)
{
	const KernelThreadItem *item = analysis_join_kernel(j, thread);
	const UserThread *t = analysis_join_thread(j, thread);

	return item && item->pid >= 0 ? item->pid : t->pid >= 0 ? t->pid : t->vpid;
}

/* ---- What has to be known of them ---------------------------------------------------------------------------------------- */

#define N G_GUINT64_FORMAT

static void note_contexts(const AnalysisJoin *j, const UserFacts *f, View *v)
{
	const char *name = j->user->name;

	if (f->without_vpid)
		view_add_note(v, "%s: %" N " of %" N " events have no contexts vtid and vpid: all threads on a processor count as one, and what is paired by "
			      "thread is doubtful. lttng add-context --userspace --type=vtid --type=vpid records them.", name, f->without_vpid, f->events);
	else if (f->without_vtid)
		view_add_note(v, "%s: %" N " of %" N " events have no context vtid: all threads of a process count as one, and what is paired by thread is "
			      "doubtful. lttng add-context --userspace --type=vtid records it.", name, f->without_vtid, f->events);
}

void analysis_join_notes(const AnalysisJoin *j, View *v)
{
	const char *name = j->user->name;
	guint table;

	if (!history_find_table(j->user->history, USER_FACTS_TABLE, sizeof(UserFacts), &table) || j->user->is_kernel)
		return;
	const UserFacts *f = history_table_get(j->user->history, table, 0);
	note_contexts(j, f, v);
	if (f->crowded)
		view_add_note(v, "%s: %" N " events are of further threads than the %u that are told apart.", name, f->crowded, USER_THREADS_MAX);
	if (f->dropped)
		view_add_note(v, "%s: %" N " events beyond the %u that are kept are not in here.", name, f->dropped, USER_EVENTS_MAX);
	if (f->deep_calls)
		view_add_note(v, "%s: %" N " calls of functions that were deeper than %u are not in here.", name, f->deep_calls, USER_DEPTH_MAX);
	if (f->unfollowed_locks)
		view_add_note(v, "%s: %" N " locks beyond the %u that are followed at a time are not in here.", name, f->unfollowed_locks,
			      USER_OPEN_MAX);
	if (f->unfollowed_blocks)
		view_add_note(v, "%s: %" N " blocks of memory beyond the %u that are followed at a time don't count as live.", name,
			      f->unfollowed_blocks, USER_OPEN_MAX);
}

gboolean analysis_join_wanted(const AnalysisJoin *j, const AnalysisQuery *q, const AnalysisFilter *kernel, guint32 thread)
{
	if (kernel && thread < j->n && j->serials[thread] < ANALYSIS_AMBIGUOUS)
		return analysis_filter_thread(kernel, j->serials[thread]);
	return !q->containers && analysis_any_match(q->threads, analysis_join_name(j, thread), analysis_join_tid(j, thread)) &&
	       analysis_any_match(q->processes, analysis_join_name(j, thread), analysis_join_pid(j, thread));
}

/* ---- Rows --------------------------------------------------------------------------------------------------------------- */

static int compare_rows(gconstpointer row, gconstpointer item)
{
	guint32 x = *(const guint32 *)row, y = ((const UserSpanRow *)item)->row;

	return (x > y) - (x < y);
}

/* Whose span the row is; NULL: it is no span's. Rows stand in the table as they were made, in runs. */
static const UserSpanRow *span_row(const AnalysisStoreTrace *t, guint32 row)
{
	const UserSpanRow *found = NULL;
	guint64 n = 0;
	guint table;

	if (!history_find_table(t->history, USER_SPAN_ROWS_TABLE, sizeof(UserSpanRow), &table))
		return NULL;
	for (guint64 i = 0; !found && i < history_table_len(t->history, table); i += n) {
		const UserSpanRow *run = history_table_run(t->history, table, i, &n);

		found = bsearch(&row, run, n, sizeof(*run), compare_rows);
	}
	return found;
}

char *analysis_row_path(const AnalysisStoreTrace *t, const AnalysisJoin *j, guint32 row)
{
	const UserSpanRow *span = j ? span_row(t, row) : NULL;
	const KernelThreadItem *item = span ? analysis_join_kernel(j, span->thread) : NULL;

	if (item && item->row != KERNEL_NO_ROW)
		return g_strdup_printf("%s/%s/span/%s", t->name, history_row_path(j->kernel->history, item->row), history_text_get(t->history, span->name));
	return g_strdup_printf("%s/%s", t->name, history_row_path(t->history, row));
}
