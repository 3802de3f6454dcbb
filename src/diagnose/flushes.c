/* SPDX-License-Identifier: MIT */
/*
 * flushes.c: a program waits, most of the time, for what it wrote to be on the medium: fsync and its like.
 *
 * Lost is the time for which some thread of the process was in such a call. That is in the nature of its work, unless the disk is slow or somebody else's: then this is a symptom of that.
 */
#include "diagnose/private.h"
#include "diagnose/spans.h"
#include "kernel/syscalls.h"

typedef struct {
	gint32 pid;
	guint32 row;           /* of a thread of it */
	guint64 calls;
	GArray *spans;         /* DiagnoseSpan */
} Process;

typedef struct {
	Diagnose *d;
	const AnalysisStoreTrace *t;
	KernelSyscallTables tables;
	gboolean *is_flush;    /* by item of "syscall_names" */
	gint64 begin, end;
	GHashTable *processes; /* pid -> Process * */
} Scan;

static void process_free(gpointer data)
{
	Process *p = data;

	g_array_unref(p->spans);
	g_free(p);
}

static gboolean is_flush(const char *name)
{
	g_autofree char *event = g_strconcat("syscall_entry_", name, NULL);
	gint number = trace_syscall_by_event(event);

	return number >= 0 && kernel_call_rule(number)->op == KERNEL_OP_SYNC;
}

static void find_names(Scan *s)
{
	guint64 n = MIN(history_table_len(s->t->history, s->tables.names), KERNEL_SYSCALL_NAMES_MAX);

	for (guint64 i = 0; i < n; i++)
		s->is_flush[i] = is_flush(history_text_get(s->t->history, *(const guint32 *)history_table_get(s->t->history, s->tables.names, i)));
}

static void add_call(Scan *s, const KernelSyscallItem *call)
{
	const KernelThreadItem *item = kernel_find_thread(s->t->history, call->thread);
	Process *p = item ? g_hash_table_lookup(s->processes, GINT_TO_POINTER(item->pid)) : NULL;

	if (!item || item->pid < 0 || call->end_ns <= s->begin || call->end_ns - (gint64)call->ns >= s->end)
		return;
	if (!p) {
		p = g_new0(Process, 1);
		p->pid = item->pid;
		p->row = item->row;
		p->spans = g_array_new(FALSE, FALSE, sizeof(DiagnoseSpan));
		g_hash_table_insert(s->processes, GINT_TO_POINTER(item->pid), p);
	}
	p->calls++;
	diagnose_span_add(p->spans, MAX(call->end_ns - (gint64)call->ns, s->begin), MIN(call->end_ns, s->end));
}

static void read_calls(Scan *s)
{
	guint64 n = 0;

	for (guint64 i = 0;; i += n) {
		const KernelSyscallItem *run = history_table_run(s->t->history, s->tables.calls, i, &n);

		if (!run)
			return;
		for (guint64 k = 0; k < n; k++)
			if (s->is_flush[run[k].name]) /* 12 bits: below KERNEL_SYSCALL_NAMES_MAX */
				add_call(s, &run[k]);
	}
}

static void judge(const Scan *s, const Process *p)
{
	g_autoptr(DiagnoseLoss) loss = diagnose_loss_new(s->t);

	diagnose_spans_merge(p->spans);
	for (guint i = 0; i < p->spans->len; i++) {
		const DiagnoseSpan *w = &g_array_index(p->spans, DiagnoseSpan, i);

		diagnose_loss_add_in_row(loss, w->begin, w->end, p->row);
	}
	if (!diagnose_matters(s->d, loss, s->end - s->begin, DIAGNOSE_SERVED_SHARE))
		return;
	DiagnoseFinding *f = diagnose_finding_new(s->d, "flush-bound", loss, s->end - s->begin);
	g_autofree char *name = diagnose_process_name(s->t, p->pid);
	f->victim = s->t->member;
	f->title = g_strdup_printf("%s of %s waits for what it wrote to be on the medium for %.0f %% of the time: %" G_GUINT64_FORMAT " calls of fsync and its like", name, s->t->name,
				   f->share * 100, p->calls);
	f->advice = g_strdup("Let it write more at a time before it asks for that (group commit, larger transactions), or ask for less durability; or give it a disk that flushes quicker.");
	diagnose_who(&f->sufferer, "process", name, s->t->name, p->pid, -1);
	diagnose_who(&f->culprit, "process", name, s->t->name, p->pid, -1);
	diagnose_add(s->d, f);
}

void diagnose_rule_flushes(Diagnose *d, const AnalysisStoreTrace *t)
{
	g_autoptr(GHashTable) processes = g_hash_table_new_full(NULL, NULL, NULL, process_free);
	g_autofree gboolean *flush = g_new0(gboolean, KERNEL_SYSCALL_NAMES_MAX);
	Scan s = {.d = d, .t = t, .is_flush = flush, .begin = diagnose_begin(d, t), .end = diagnose_end(d, t), .processes = processes};
	GHashTableIter iter;
	gpointer p;

	if (!kernel_syscall_tables_find(t->history, &s.tables))
		return;
	find_names(&s);
	read_calls(&s);
	g_hash_table_iter_init(&iter, processes);
	while (g_hash_table_iter_next(&iter, NULL, &p))
		judge(&s, p);
}
