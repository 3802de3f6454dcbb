/* SPDX-License-Identifier: MIT */
/*
 * locks.c: threads of a program wait for each other's locks; and they do so longer because who held the lock had lost its processor to somebody below.
 *
 * A futex may be a lock, or a queue on which workers wait for work. It counts as a lock if at least two threads both waited for it and woke others there: who takes a lock gives it back. Its holder during
 * a wait is the thread that ended it. The time for which some thread of a process waited for a lock is lost; the part of it for which the holder had its processor, as the guest saw it, but that
 * did not run, is another cause: lock-holder preemption.
 */
#include <string.h>

#include "diagnose/private.h"
#include "diagnose/spans.h"
#include "kernel/futex.h"

#define TRADERS_MIN 2
#define LOCKS_MAX   65536 /* futexes that are looked at; those beyond count for none */

/* A process whose threads wait for its locks. */
typedef struct {
	gint32 pid;
	GArray *waits, *stolen;  /* DiagnoseSpan */
	GArray *items;           /* guint64: of "futex_waits" */
	gint64 wait_ns, stolen_ns;
	GHashTable *threads;     /* serial + 1 of those that waited */
	GHashTable *locks;       /* futex + 1 -> gint64 * */
	GHashTable *thieves;     /* "L0 preempted by sh" -> GArray * of DiagnoseSpan: what was stolen so */
} Process;

typedef struct {
	Diagnose *d;
	const AnalysisStoreTrace *t;
	const History *rows;     /* as they really were */
	guint futexes, waits;
	gint64 begin, end;
	GHashTable *locks;       /* futex + 1 -> GHashTable * of serial + 1 -> 1: waited, 2: woke, 3: both */
	GHashTable *processes;   /* pid + 1 -> Process * */
	GPtrArray *order;
} Scan;

static void spans_free(gpointer spans)
{
	g_array_unref(spans);
}

static void process_free(gpointer data)
{
	Process *p = data;

	g_array_unref(p->waits);
	g_array_unref(p->stolen);
	g_array_unref(p->items);
	g_hash_table_unref(p->threads);
	g_hash_table_unref(p->locks);
	g_hash_table_unref(p->thieves);
	g_free(p);
}

static Process *process_of(Scan *s, gint32 pid)
{
	gpointer key = GINT_TO_POINTER(pid + 1);
	Process *p = g_hash_table_lookup(s->processes, key);

	if (p)
		return p;
	p = g_new0(Process, 1);
	p->pid = pid;
	p->waits = g_array_new(FALSE, FALSE, sizeof(DiagnoseSpan));
	p->stolen = g_array_new(FALSE, FALSE, sizeof(DiagnoseSpan));
	p->items = g_array_new(FALSE, FALSE, sizeof(guint64));
	p->threads = g_hash_table_new(NULL, NULL);
	p->locks = g_hash_table_new_full(NULL, NULL, NULL, g_free);
	p->thieves = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, spans_free);
	g_hash_table_insert(s->processes, key, p);
	g_ptr_array_add(s->order, p);
	return p;
}

static void add_to(GHashTable *sums, guint32 key, gint64 ns)
{
	gint64 *sum = g_hash_table_lookup(sums, GUINT_TO_POINTER(key + 1));

	if (!sum) {
		sum = g_new0(gint64, 1);
		g_hash_table_insert(sums, GUINT_TO_POINTER(key + 1), sum);
	}
	*sum += ns;
}

static guint32 greatest(GHashTable *sums, gint64 *ns_out)
{
	GHashTableIter iter;
	gpointer key, value;
	guint32 most = G_MAXUINT32;

	*ns_out = 0;
	g_hash_table_iter_init(&iter, sums);
	while (g_hash_table_iter_next(&iter, &key, &value))
		if (*(gint64 *)value > *ns_out || (*(gint64 *)value == *ns_out && GPOINTER_TO_UINT(key) - 1 < most)) {
			most = GPOINTER_TO_UINT(key) - 1;
			*ns_out = *(gint64 *)value;
		}
	return most;
}

/* ---- Which futexes are locks ---------------------------------------------------------------------------------------------------- */

/* A wait in which a thread slept until another one woke it. */
static gboolean counts(const Scan *s, const KernelFutexWaitItem *w)
{
	return w->result == KERNEL_FUTEX_WOKEN && w->waker != G_MAXUINT32 && w->waker != w->thread && w->futex && !(w->flags & KERNEL_FUTEX_BY_EXIT) &&
	       w->begin_ns >= s->begin && w->end_ns < s->end;
}

static void note_role(GHashTable *roles, guint32 serial, guint role)
{
	gpointer key = GUINT_TO_POINTER(serial + 1);

	g_hash_table_insert(roles, key, GUINT_TO_POINTER(GPOINTER_TO_UINT(g_hash_table_lookup(roles, key)) | role));
}

static void note_roles(const Scan *s, const KernelFutexWaitItem *w)
{
	gpointer key = GUINT_TO_POINTER(w->futex + 1);
	GHashTable *roles = g_hash_table_lookup(s->locks, key);

	if (!roles && g_hash_table_size(s->locks) >= LOCKS_MAX)
		return;
	if (!roles) {
		roles = g_hash_table_new(NULL, NULL);
		g_hash_table_insert(s->locks, key, roles);
	}
	note_role(roles, w->thread, 1);
	note_role(roles, w->waker, 2);
}

static gboolean is_lock(const Scan *s, const KernelFutexWaitItem *w)
{
	GHashTable *roles = g_hash_table_lookup(s->locks, GUINT_TO_POINTER(w->futex + 1));
	GHashTableIter iter;
	gpointer role;
	guint traders = 0;

	if (w->flags & KERNEL_FUTEX_PI)
		return TRUE;
	if (!roles)
		return FALSE;
	g_hash_table_iter_init(&iter, roles);
	while (g_hash_table_iter_next(&iter, NULL, &role) && traders < TRADERS_MIN)
		traders += GPOINTER_TO_UINT(role) == 3;
	return traders >= TRADERS_MIN;
}

/* ---- Time -------------------------------------------------------------------------------------------------------------------------- */

/* Threads of one name are one: "L0 preempted by sh 369" without the number. The caller frees. */
static char *thief_name(const char *detail)
{
	gsize len = strlen(detail);

	while (len && g_ascii_isdigit(detail[len - 1]))
		len--;
	return detail[len] && len && detail[len - 1] == ' ' ? g_strndup(detail, len - 1) : g_strdup(detail);
}

static GArray *spans_of(Process *p, const char *detail)
{
	g_autofree char *name = thief_name(detail);
	GArray *spans = g_hash_table_lookup(p->thieves, name);

	if (!spans) {
		spans = g_array_new(FALSE, FALSE, sizeof(DiagnoseSpan));
		g_hash_table_insert(p->thieves, g_steal_pointer(&name), spans);
	}
	return spans;
}

/* What was taken from the lock's holder meanwhile. */
static void add_stolen(const Scan *s, Process *p, const KernelFutexWaitItem *w)
{
	const KernelThreadItem *holder = kernel_find_thread(s->t->history, w->waker);
	gint64 until = w->woken_ns > w->begin_ns && w->woken_ns < w->end_ns ? w->woken_ns : w->end_ns;
	HistoryWalk walk;
	HistoryInterval i;

	if (s->rows == s->t->history || !holder || holder->row == KERNEL_NO_ROW)
		return;
	history_walk(&walk, s->rows, holder->row, w->begin_ns, until);
	while (history_walk_next(&walk, &i)) {
		gint64 begin = MAX(i.begin_ns, w->begin_ns), end = MIN(i.end_ns, until);

		if (i.state < KERNEL_TS_STEAL0 || i.state > KERNEL_TS_STEAL2 || begin >= end)
			continue;
		p->stolen_ns += end - begin;
		diagnose_span_add(p->stolen, begin, end);
		diagnose_span_add(spans_of(p, history_text_get(s->rows, i.detail)), begin, end);
	}
}

static void add_wait(Scan *s, const KernelFutexWaitItem *w, guint64 number)
{
	const KernelThreadItem *waiter = kernel_find_thread(s->t->history, w->thread);
	Process *p;

	if (!waiter || waiter->pid < 0 || !is_lock(s, w))
		return;
	p = process_of(s, waiter->pid);
	p->wait_ns += w->end_ns - w->begin_ns;
	diagnose_span_add(p->waits, w->begin_ns, w->end_ns);
	g_array_append_val(p->items, number);
	g_hash_table_add(p->threads, GUINT_TO_POINTER(w->thread + 1));
	add_to(p->locks, w->futex, w->end_ns - w->begin_ns);
	add_stolen(s, p, w);
}

/* For how long the threads that waited for locks wanted to run: they ran, could have run, or waited for a lock. */
static gint64 wanted(const Scan *s, const Process *p)
{
	GHashTableIter iter;
	gpointer key;
	gint64 sum = p->wait_ns;

	g_hash_table_iter_init(&iter, p->threads);
	while (g_hash_table_iter_next(&iter, &key, NULL)) {
		const KernelThreadItem *item = kernel_find_thread(s->t->history, GPOINTER_TO_UINT(key) - 1);
		gint64 ns[HISTORY_STATES_MAX] = {0};

		if (!item || item->row == KERNEL_NO_ROW)
			continue;
		history_sums(s->t->history, item->row, s->begin, s->end, ns);
		for (guint k = KERNEL_TS_RUNNING; k <= KERNEL_TS_THROTTLED; k++)
			sum += ns[k];
	}
	return sum;
}

/* ---- Findings ------------------------------------------------------------------------------------------------------------------------- */

static void add_proof(const Scan *s, const Process *p, DiagnoseLoss *loss)
{
	for (guint i = 0; i < p->items->len; i++) {
		const KernelFutexWaitItem *w = history_table_get(s->t->history, s->waits, g_array_index(p->items, guint64, i));
		const KernelThreadItem *item = kernel_find_thread(s->t->history, w->thread);
		HistoryInterval at;

		if (item && item->row != KERNEL_NO_ROW && history_at(s->t->history, item->row, w->begin_ns + (w->end_ns - w->begin_ns) / 2, &at) &&
		    at.state == KERNEL_TS_B_FUTEX)
			diagnose_loss_show(loss, MAX(at.begin_ns, w->begin_ns), MIN(at.end_ns, w->end_ns), item->row, "blocked");
	}
}

static void set_sufferer(const Scan *s, DiagnoseFinding *f, const Process *p)
{
	g_autofree char *name = diagnose_process_name(s->t, p->pid);

	diagnose_who(&f->sufferer, "process", name, s->t->name, p->pid, -1);
	f->victim = s->t->member;
}

static void add_contention(const Scan *s, const Process *p, const DiagnoseLoss *loss)
{
	DiagnoseFinding *f = diagnose_finding_new(s->d, "lock-contention", loss, s->end - s->begin);
	gint64 ns;
	const KernelFutexItem *lock = history_table_get(s->t->history, s->futexes, greatest(p->locks, &ns));
	g_autofree char *name = g_strdup_printf("lock 0x%" G_GINT64_MODIFIER "x", lock->address);

	set_sufferer(s, f, p);
	f->offender = s->t->member;
	f->title = g_strdup_printf("Threads of %s on %s wait for each other's locks, most for the %s (%.0f %% of it)", f->sufferer.name, s->t->name, name,
				   (double)ns * 100 / (double)MAX(p->wait_ns, 1));
	f->advice = g_strdup("Hold that lock for shorter, split it, or use fewer threads. strata futexes tells who waited for whom; uprobes or a profiler, which lock it is.");
	diagnose_who(&f->culprit, "lock", name, s->t->name, p->pid, -1);
	diagnose_add(s->d, f);
}

static void add_preemption(const Scan *s, const Process *p, const DiagnoseLoss *loss, const char *thief)
{
	DiagnoseFinding *f = diagnose_finding_new(s->d, "lock-holder-preempted", loss, s->end - s->begin);

	set_sufferer(s, f, p);
	f->level = g_str_has_prefix(thief, "L") ? (gint)g_ascii_strtoll(thief + 1, NULL, 10) : s->t->level - 1;
	f->title = g_strdup_printf("Threads of %s on %s wait for locks whose holders have lost their processor: %s", f->sufferer.name, s->t->name, thief);
	f->advice = g_strdup("What takes the processor is the cause. Meanwhile fewer vCPUs, or processors of their own for all of them, keep lock holders running.");
	diagnose_who(&f->culprit, "thread", thief, s->t->name, -1, -1);
	diagnose_add(s->d, f);
}

/* Spans less others, which are merged too, to a loss. */
static void add_spans(DiagnoseLoss *loss, const GArray *spans, const GArray *without)
{
	for (guint i = 0; i < spans->len; i++) {
		const DiagnoseSpan *w = &g_array_index(spans, DiagnoseSpan, i);
		gint64 less = without ? diagnose_spans_within(without, w->begin, w->end) : 0;

		diagnose_loss_add_part(loss, w->begin, w->end, w->end - w->begin - less);
	}
}

static void judge_thief(const Scan *s, const Process *p, const char *thief, GArray *spans)
{
	g_autoptr(DiagnoseLoss) stolen = diagnose_loss_new(s->t);

	diagnose_spans_merge(spans);
	add_spans(stolen, spans, NULL);
	if (!diagnose_matters(s->d, stolen, s->end - s->begin, DIAGNOSE_LOST_SHARE))
		return;
	add_proof(s, p, stolen);
	add_preemption(s, p, stolen, thief);
}

static void judge(const Scan *s, const Process *p)
{
	g_autoptr(DiagnoseLoss) waits = diagnose_loss_new(s->t);
	gint64 demand = wanted(s, p);
	double share = s->d->thresholds[DIAGNOSE_LOCK_SHARE];
	GHashTableIter iter;
	gpointer thief, spans;

	diagnose_spans_merge(p->waits);
	diagnose_spans_merge(p->stolen);
	add_spans(waits, p->waits, p->stolen);
	add_proof(s, p, waits);
	if ((double)(p->wait_ns - p->stolen_ns) >= share * (double)demand && diagnose_matters(s->d, waits, s->end - s->begin, DIAGNOSE_LOCK_SHARE))
		add_contention(s, p, waits);
	g_hash_table_iter_init(&iter, p->thieves);
	while (g_hash_table_iter_next(&iter, &thief, &spans))
		judge_thief(s, p, thief, spans);
}

static void table_free(gpointer table)
{
	g_hash_table_unref(table);
}

static void scan(Scan *s)
{
	guint64 n = history_table_len(s->t->history, s->waits);

	for (guint64 i = 0; i < n; i++) {
		const KernelFutexWaitItem *w = history_table_get(s->t->history, s->waits, i);

		if (counts(s, w))
			note_roles(s, w);
	}
	for (guint64 i = 0; i < n; i++) {
		const KernelFutexWaitItem *w = history_table_get(s->t->history, s->waits, i);

		if (counts(s, w))
			add_wait(s, w, i);
	}
	for (guint i = 0; i < s->order->len; i++)
		judge(s, g_ptr_array_index(s->order, i));
}

void diagnose_rule_locks(Diagnose *d, const AnalysisStoreTrace *t)
{
	g_autoptr(GHashTable) locks = g_hash_table_new_full(NULL, NULL, NULL, table_free), processes = g_hash_table_new_full(NULL, NULL, NULL, process_free);
	g_autoptr(GPtrArray) order = g_ptr_array_new();
	Scan s = {.d = d, .t = t, .rows = layers_rows(d->layers, t->member), .begin = diagnose_begin(d, t), .end = diagnose_end(d, t), .locks = locks,
		  .processes = processes, .order = order};

	if (history_find_table(t->history, KERNEL_FUTEXES_TABLE, sizeof(KernelFutexItem), &s.futexes) &&
	    history_find_table(t->history, KERNEL_FUTEX_WAITS_TABLE, sizeof(KernelFutexWaitItem), &s.waits))
		scan(&s);
}
