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

typedef struct {
	Diagnose *d;
	const AnalysisStoreTrace *t;
	guint table;
	gint64 begin, end;
	gint64 waited, ran;     /* of all threads */
	GArray *waits;          /* DiagnoseSpan */
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

static void add_waits(Scan *s)
{
	for (guint64 i = 0; i < history_table_len(s->t->history, s->table); i++) {
		const KernelThreadItem *item = thread_at(s, i);
		HistoryWalk walk;
		HistoryInterval at;

		if (!item || is_vcpu(s, i))
			continue;
		history_walk(&walk, s->t->history, item->row, s->begin, s->end);
		while (history_walk_next(&walk, &at))
			if (is_waiting(at.state))
				diagnose_span_add(s->waits, MAX(at.begin_ns, s->begin), MIN(at.end_ns, s->end));
	}
	diagnose_spans_merge(s->waits);
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

/* The waits of the thread that waited longest, to show. */
static void add_proof(const Scan *s, DiagnoseLoss *loss)
{
	for (guint64 i = 0; i < history_table_len(s->t->history, s->table); i++) {
		const KernelThreadItem *item = thread_at(s, i);
		HistoryWalk walk;
		HistoryInterval at;

		if (!item || is_vcpu(s, i))
			continue;
		history_walk(&walk, s->t->history, item->row, s->begin, s->end);
		while (history_walk_next(&walk, &at))
			if (is_waiting(at.state))
				diagnose_loss_show(loss, MAX(at.begin_ns, s->begin), MIN(at.end_ns, s->end), item->row,
						   at.state == KERNEL_TS_PREEMPTED ? "preempted" : "wait-cpu");
	}
}

static void add_finding(const Scan *s, const DiagnoseLoss *loss)
{
	DiagnoseFinding *f = diagnose_finding_new(s->d, "cpu-saturated", loss, s->end - s->begin);
	const KernelThreadItem *most = history_table_get(s->t->history, s->table, s->most);
	const char *name = history_text_get(s->t->history, most->name);

	f->victim = f->offender = s->t->member;
	if (s->t->level <= 0 && layers_rows(s->d->layers, s->t->member) == s->t->history && diagnose_vm_of_pid(s->t, most->pid) == EXPERIMENT_NONE)
		f->confidence = MIN(f->confidence, 0.6); /* it may be a VM whose host's trace is missing */
	f->title = g_strdup_printf("%s has more to run than its processors can do: its threads wait for each other for %.0f %% of the time for which they want to run; %s runs most",
				   s->t->name, (double)s->waited * 100 / (double)MAX(s->waited + s->ran, 1), name);
	f->advice = g_strdup(s->t->level > 0 ? "It is not its host's fault: give it more vCPUs, or less to do." : "Give it more processors, or less to do; if it is a VM, its host may be at fault too: record that.");
	diagnose_who(&f->sufferer, "machine", s->t->name, s->t->name, -1, -1);
	diagnose_who(&f->culprit, "process", name, s->t->name, most->pid, -1);
	diagnose_add(s->d, f);
}

static void judge(const Scan *s)
{
	g_autoptr(DiagnoseLoss) loss = diagnose_loss_new(s->t);
	gint64 width = MAX(WINDOW_NS, (s->end - s->begin) / WINDOWS_MAX + 1);

	for (gint64 at = s->begin; at < s->end; at += width)
		add_window(s, loss, at, MIN(at + width, s->end));
	if (!diagnose_matters(s->d, loss, s->end - s->begin, DIAGNOSE_SATURATED_SHARE))
		return;
	add_proof(s, loss);
	add_finding(s, loss);
}

void diagnose_rule_saturated(Diagnose *d, const AnalysisStoreTrace *t)
{
	g_autoptr(GArray) waits = g_array_new(FALSE, FALSE, sizeof(DiagnoseSpan));
	Scan s = {.d = d, .t = t, .begin = diagnose_begin(d, t), .end = diagnose_end(d, t), .waits = waits};

	if (s.begin >= s.end || !history_find_table(t->history, KERNEL_THREADS_TABLE, sizeof(KernelThreadItem), &s.table))
		return;
	add_sums(&s);
	if ((double)s.waited >= d->thresholds[DIAGNOSE_SATURATED_SHARE] * (double)(s.waited + s.ran) && s.waited > 0) {
		add_waits(&s);
		judge(&s);
	}
}
