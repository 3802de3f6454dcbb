/* SPDX-License-Identifier: MIT */
/*
 * saturated.c: a machine's own threads want more than its processors can give: they wait for one another, while the processors really run.
 *
 * Bursts are normal; so only half seconds count in which its processors were hardly idle. The time in them in which some thread waited for a processor is lost, less the part of that for
 * which the machine's processors, being vCPUs, did not run themselves: that is a lower level's doing, and found there. That vCPUs wait is left to the rule "preempted".
 */
#include "diagnose/private.h"
#include "diagnose/spans.h"

#define WINDOW_NS   G_GINT64_CONSTANT(500000000)
#define WINDOWS_MAX 2048
#define ELSE_MIN    0.1 /* of the time must be left to compare with */

typedef struct {
	Diagnose *d;
	const AnalysisStoreTrace *t;
	guint table;
	gint64 begin, end;
	gint64 waited, ran;     /* of all threads */
	GArray *waits;          /* DiagnoseSpan */
	gint32 except;          /* the process whose waits don't count; -1: none */
	guint32 most;           /* the thread that ran most */
	gint64 most_ns;
} Scan;

static gboolean is_waiting(guint state)
{
	return state == KERNEL_TS_PREEMPTED || state == KERNEL_TS_WAIT_CPU;
}

static gboolean is_vcpu(const Scan *s, guint64 i)
{
	return layers_vcpu_of(s->d->layers, s->t->member, (guint32)i) != EXPERIMENT_NONE;
}

/* A thread's item if it counts; NULL. */
static const KernelThreadItem *thread_at(const Scan *s, guint64 i)
{
	const KernelThreadItem *item = history_table_get(s->t->history, s->table, i);

	return item->row == KERNEL_NO_ROW || item->same_as != i || item->is_kthread || item->tid <= 0 ? NULL : item;
}

static void add_sums(Scan *s)
{
	for (guint64 i = 0; i < history_table_len(s->t->history, s->table); i++) {
		const KernelThreadItem *item = thread_at(s, i);
		gint64 ns[HISTORY_STATES_MAX] = {0}, ran = 0;

		if (!item)
			continue;
		history_sums(s->t->history, item->row, s->begin, s->end, ns);
		for (guint k = KERNEL_TS_RUNNING; k <= KERNEL_TS_GUEST; k++)
			ran += ns[k];
		s->ran += ran;
		if (!is_vcpu(s, i))
			s->waited += ns[KERNEL_TS_PREEMPTED] + ns[KERNEL_TS_WAIT_CPU];
		if (ran > s->most_ns) {
			s->most_ns = ran;
			s->most = (guint32)i;
		}
	}
}

static void each_wait(const Scan *s, void (*visit)(const Scan *s, DiagnoseLoss *loss, const HistoryInterval *i, guint32 row), DiagnoseLoss *loss)
{
	for (guint64 i = 0; i < history_table_len(s->t->history, s->table); i++) {
		const KernelThreadItem *item = thread_at(s, i);
		HistoryWalk walk;
		HistoryInterval at;

		if (!item || is_vcpu(s, i) || item->pid == s->except)
			continue;
		history_walk(&walk, s->t->history, item->row, s->begin, s->end);
		while (history_walk_next(&walk, &at))
			if (is_waiting(at.state))
				visit(s, loss, &at, item->row);
	}
}

static void add_wait(const Scan *s, DiagnoseLoss *loss, const HistoryInterval *i, guint32 row)
{
	(void)loss;
	(void)row;
	diagnose_span_add(s->waits, MAX(i->begin_ns, s->begin), MIN(i->end_ns, s->end));
}

/* How long the machine's processors were idle, ran, and had been stolen in a window, as the levels below know it. */
typedef struct {
	gint64 idle, ran, stolen;
} Processors;

static void add_processor(const History *rows, guint32 row, gint64 begin, gint64 end, Processors *p)
{
	gint64 ns[HISTORY_STATES_MAX] = {0};

	history_sums(rows, row, begin, end, ns);
	p->idle += ns[KERNEL_CS_IDLE];
	for (guint c = KERNEL_CS_RUNNING; c <= KERNEL_CS_HYPERVISOR; c++)
		p->ran += ns[c];
	for (guint c = KERNEL_CS_STEAL0; c <= KERNEL_CS_STEAL2; c++)
		p->stolen += ns[c];
	for (guint c = KERNEL_CS_EXIT0; c <= KERNEL_CS_EXIT2; c++)
		p->ran += ns[c];
}

static Processors processors(const Scan *s, gint64 begin, gint64 end)
{
	const History *rows = layers_rows(s->d->layers, s->t->member);
	Processors p = {0};
	guint table;

	if (!history_find_table(s->t->history, KERNEL_CPUS_TABLE, sizeof(KernelCpuItem), &table))
		return p;
	for (guint64 i = 0; i < history_table_len(s->t->history, table); i++) {
		const KernelCpuItem *cpu = history_table_get(s->t->history, table, i);

		if (cpu->row != KERNEL_NO_ROW)
			add_processor(rows, cpu->row, begin, end, &p);
	}
	return p;
}

/* A window's waits, if its processors were busy. */
static void add_window(const Scan *s, DiagnoseLoss *loss, gint64 begin, gint64 end)
{
	Processors p = processors(s, begin, end);
	gint64 waited = diagnose_spans_within(s->waits, begin, end), all = p.idle + p.ran + p.stolen;

	if (all > 0 && (double)p.idle <= s->d->thresholds[DIAGNOSE_SATURATED_IDLE] * (double)all)
		diagnose_loss_add_part(loss, begin, end, (gint64)((double)waited * (double)p.ran / (double)MAX(p.ran + p.stolen, 1)));
}

static void show_wait(const Scan *s, DiagnoseLoss *loss, const HistoryInterval *i, guint32 row)
{
	diagnose_loss_show(loss, MAX(i->begin_ns, s->begin), MIN(i->end_ns, s->end), row, i->state == KERNEL_TS_PREEMPTED ? "preempted" : "wait-cpu");
}

/* ---- Who came in addition ------------------------------------------------------------------------------------------------- */

/* What the threads of each process ran while it mattered, and else: pid -> Ran *. */
typedef struct {
	gint64 within, all;
	guint32 thread;      /* one of them */
} Ran;

static GHashTable *ran_by_process(const Scan *s, const DiagnoseFinding *f)
{
	GHashTable *by = g_hash_table_new_full(NULL, NULL, NULL, g_free);

	for (guint64 i = 0; i < history_table_len(s->t->history, s->table); i++) {
		const KernelThreadItem *item = thread_at(s, i);
		gpointer key = item ? GINT_TO_POINTER(item->pid) : NULL;
		gint64 all = item ? diagnose_run_ns(s->t, item->row, s->begin, s->end) : 0;

		if (!all)
			continue;
		Ran *r = g_hash_table_lookup(by, key);
		if (!r) {
			r = g_new0(Ran, 1);
			r->thread = (guint32)i;
			g_hash_table_insert(by, key, r);
		}
		r->all += all;
		for (guint k = 0; k < f->ranges->len; k++) {
			const DiagnoseRange *range = &g_array_index(f->ranges, DiagnoseRange, k);

			r->within += diagnose_run_ns(s->t, item->row, analysis_own_time(s->t, range->begin_ns), analysis_own_time(s->t, range->end_ns));
		}
	}
	return by;
}

/* The process that ran more then than at other times, by most; `rise`: by how many processors. NULL: it was so all the time, and there is nothing to compare with. */
static const KernelThreadItem *newcomer(const Scan *s, const DiagnoseFinding *f, double *rise_out)
{
	g_autoptr(GHashTable) by = ran_by_process(s, f);
	GHashTableIter iter;
	gpointer value;
	gint64 within = 0, else_ns;
	const Ran *most = NULL;

	*rise_out = 0;
	for (guint k = 0; k < f->ranges->len; k++)
		within += g_array_index(f->ranges, DiagnoseRange, k).end_ns - g_array_index(f->ranges, DiagnoseRange, k).begin_ns;
	else_ns = s->end - s->begin - within;
	if (within <= 0 || (double)else_ns < ELSE_MIN * (double)(s->end - s->begin))
		return NULL;
	g_hash_table_iter_init(&iter, by);
	while (g_hash_table_iter_next(&iter, NULL, &value)) {
		const Ran *r = value;
		double rise = (double)r->within / (double)within - (double)(r->all - r->within) / (double)else_ns;

		if (rise > *rise_out || (most && rise == *rise_out && r->thread < most->thread)) {
			most = r;
			*rise_out = rise;
		}
	}
	return most ? history_table_get(s->t->history, s->table, most->thread) : NULL;
}

/* ---- The finding ------------------------------------------------------------------------------------------------------------ */

/* TRUE if the levels below are known, or there are none. */
static gboolean is_sure(const Scan *s, gint32 pid)
{
	return s->t->level > 0 || layers_rows(s->d->layers, s->t->member) != s->t->history || diagnose_vm_of_pid(s->t, pid) != EXPERIMENT_NONE;
}

static void add_finding(const Scan *s, DiagnoseFinding *f)
{
	const KernelThreadItem *most = history_table_get(s->t->history, s->table, s->most);
	const char *name = history_text_get(s->t->history, most->name);

	if (!is_sure(s, most->pid))
		f->confidence = MIN(f->confidence, 0.6); /* it may be a VM whose host's trace is missing */
	f->title = g_strdup_printf("%s has more to run than its processors can do: its threads wait for each other for %.0f %% of the time for which they want to run; %s runs most",
				   s->t->name, (double)s->waited * 100 / (double)MAX(s->waited + s->ran, 1), name);
	f->advice = g_strdup(s->t->level > 0 ? "It is not its host's fault: give it more vCPUs, or less to do." : "Give it more processors, or less to do; if it is a VM, its host may be at fault too: record that.");
	diagnose_who(&f->culprit, "process", name, s->t->name, most->pid, -1);
	diagnose_add(s->d, f);
}

static void add_newcomer(const Scan *s, DiagnoseFinding *f, const KernelThreadItem *came, double rise)
{
	g_autofree char *name = diagnose_process_name(s->t, came->pid);

	f->title = g_strdup_printf("Programs of %s wait for processors that %s has: it runs %.1f processors' worth more in these times than at others", s->t->name, name, rise);
	f->advice = g_strdup("Move it elsewhere, run it at another time, or give it less weight (nice, cpu.weight) or a quota.");
	diagnose_who(&f->culprit, "process", name, s->t->name, came->pid, -1);
	diagnose_add(s->d, f);
}

static DiagnoseLoss *loss_of(const Scan *s)
{
	DiagnoseLoss *loss = diagnose_loss_new(s->t);
	gint64 width = MAX(WINDOW_NS, (s->end - s->begin) / WINDOWS_MAX + 1);

	g_array_set_size(s->waits, 0);
	each_wait(s, add_wait, NULL);
	diagnose_spans_merge(s->waits);
	for (gint64 at = s->begin; at < s->end; at += width)
		add_window(s, loss, at, MIN(at + width, s->end));
	return loss;
}

static DiagnoseFinding *finding_new(const Scan *s, const char *id, DiagnoseLoss *loss)
{
	each_wait(s, show_wait, loss);
	DiagnoseFinding *f = diagnose_finding_new(s->d, id, loss, s->end - s->begin);
	f->victim = f->offender = s->t->member;
	diagnose_who(&f->sufferer, "machine", s->t->name, s->t->name, -1, -1);
	return f;
}

/* What all others lose to the one that came; FALSE: little, or nobody came. */
static gboolean judge_newcomer(Scan *s, const DiagnoseFinding *whole)
{
	double rise;
	const KernelThreadItem *came = newcomer(s, whole, &rise);

	if (!came || rise < s->d->thresholds[DIAGNOSE_NEWCOMER_RISE] || diagnose_vm_of_pid(s->t, came->pid) != EXPERIMENT_NONE)
		return FALSE;
	s->except = came->pid;
	g_autoptr(DiagnoseLoss) loss = loss_of(s);
	gboolean is_one = diagnose_matters(s->d, loss, s->end - s->begin, DIAGNOSE_LOST_SHARE);
	if (is_one)
		add_newcomer(s, finding_new(s, "preempted-by-process", loss), came, rise);
	s->except = -1;
	return is_one;
}

static void judge(Scan *s)
{
	g_autoptr(DiagnoseLoss) loss = loss_of(s);

	if (!diagnose_matters(s->d, loss, s->end - s->begin, DIAGNOSE_SATURATED_SHARE))
		return;
	DiagnoseFinding *whole = finding_new(s, "cpu-saturated", loss);
	if (judge_newcomer(s, whole))
		diagnose_finding_free(whole);
	else
		add_finding(s, whole);
}

void diagnose_rule_saturated(Diagnose *d, const AnalysisStoreTrace *t)
{
	g_autoptr(GArray) waits = g_array_new(FALSE, FALSE, sizeof(DiagnoseSpan));
	Scan s = {.d = d, .t = t, .begin = diagnose_begin(d, t), .end = diagnose_end(d, t), .waits = waits, .except = -1};

	if (s.begin >= s.end || !history_find_table(t->history, KERNEL_THREADS_TABLE, sizeof(KernelThreadItem), &s.table))
		return;
	add_sums(&s);
	if ((double)s.waited >= d->thresholds[DIAGNOSE_SATURATED_SHARE] * (double)(s.waited + s.ran) && s.waited > 0)
		judge(&s);
}
