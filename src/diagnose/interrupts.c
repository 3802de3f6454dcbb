/* SPDX-License-Identifier: MIT */
/*
 * interrupts.c: a processor spends a good part of its time on interrupts and softirqs, and whose they are.
 *
 * Lost is the time of handlers on processors that spend more than `irq.share` on them, and run more than `irq.rate` of them. Of a guest only what its processors really ran counts, as far as the levels
 * below are known: a handler that sets a timer leaves the guest. The one that took most of it, by its own time, is the culprit.
 */
#include "base/format.h"
#include "diagnose/private.h"
#include "kernel/irq.h"

typedef struct {
	Diagnose *d;
	const AnalysisStoreTrace *t;
	const History *rows;   /* as they really were */
	gint64 begin, end;
	gboolean *is_loaded;   /* by processor */
	guint64 *runs;         /* likewise: of handlers */
	guint n;               /* of these */
	GHashTable *handlers;  /* kind and number -> Handler * */
} Scan;

typedef struct {
	gint64 ns;
	guint64 runs;
	const KernelIrqItem *item;
} Handler;

static void add_cpu(const Scan *s, DiagnoseLoss *loss, const KernelCpuItem *cpu)
{
	HistoryWalk walk;
	HistoryInterval i;

	history_walk(&walk, s->rows, cpu->row, s->begin, s->end);
	while (history_walk_next(&walk, &i))
		if (i.state == KERNEL_CS_IRQ || i.state == KERNEL_CS_SOFTIRQ)
			diagnose_loss_add(loss, MAX(i.begin_ns, s->begin), MIN(i.end_ns, s->end), cpu->row, i.state == KERNEL_CS_IRQ ? "irq" : "softirq");
}

/* Which processors are loaded; the time of those. */
static gint64 find_loaded(Scan *s, DiagnoseLoss *loss, guint table)
{
	gint64 demand = 0;

	for (guint64 i = 0; i < history_table_len(s->t->history, table); i++) {
		const KernelCpuItem *cpu = history_table_get(s->t->history, table, i);
		gint64 ns[HISTORY_STATES_MAX] = {0};

		if (cpu->row == KERNEL_NO_ROW || cpu->cpu < 0 || (guint)cpu->cpu >= s->n)
			continue;
		history_sums(s->rows, cpu->row, s->begin, s->end, ns);
		if ((double)s->runs[cpu->cpu] * 1e9 < s->d->thresholds[DIAGNOSE_IRQ_RATE] * (double)(s->end - s->begin) ||
		    (double)(ns[KERNEL_CS_IRQ] + ns[KERNEL_CS_SOFTIRQ]) < s->d->thresholds[DIAGNOSE_IRQ_SHARE] * (double)(s->end - s->begin))
			continue;
		s->is_loaded[cpu->cpu] = TRUE;
		demand += s->end - s->begin;
		add_cpu(s, loss, cpu);
	}
	return demand;
}

static gboolean is_handler(const Scan *s, const KernelIrqItem *item)
{
	return item->kind <= KERNEL_IRQ_SOFTIRQ && item->cpu >= 0 && (guint)item->cpu < s->n && item->end_ns >= s->begin && item->end_ns < s->end;
}

static void count_runs(const Scan *s, guint table)
{
	for (guint64 i = 0; i < history_table_len(s->t->history, table); i++) {
		const KernelIrqItem *item = history_table_get(s->t->history, table, i);

		if (is_handler(s, item))
			s->runs[item->cpu]++;
	}
}

static void add_handlers(const Scan *s, guint table)
{
	for (guint64 i = 0; i < history_table_len(s->t->history, table); i++) {
		const KernelIrqItem *item = history_table_get(s->t->history, table, i);
		gpointer key = GSIZE_TO_POINTER((gsize)item->kind << 32 | item->number);

		if (!is_handler(s, item) || !s->is_loaded[item->cpu])
			continue;
		Handler *h = g_hash_table_lookup(s->handlers, key);
		if (!h) {
			h = g_new0(Handler, 1);
			h->item = item;
			g_hash_table_insert(s->handlers, key, h);
		}
		h->ns += item->self_ns;
		h->runs++;
	}
}

static const Handler *greatest(const Scan *s)
{
	GHashTableIter iter;
	gpointer value;
	const Handler *most = NULL;

	g_hash_table_iter_init(&iter, s->handlers);
	while (g_hash_table_iter_next(&iter, NULL, &value)) {
		const Handler *h = value;

		if (!most || h->ns > most->ns || (h->ns == most->ns && h->item->number < most->item->number))
			most = h;
	}
	return most;
}

/* "irq 24 virtio2-req.0", "softirq net_rx"; the caller frees. */
static char *name_of(const Scan *s, const Handler *h)
{
	const char *kind = kernel_irq_kind_name((KernelIrqKind)h->item->kind), *name = history_text_get(s->t->history, h->item->name);

	if (h->item->kind == KERNEL_IRQ_SOFTIRQ)
		return g_strdup_printf("%s %s", kind, kernel_softirq_name(h->item->number) ? kernel_softirq_name(h->item->number) : "?");
	return g_strdup_printf("%s %u%s%s", kind, h->item->number, *name ? " " : "", name);
}

static char *processors(const Scan *s)
{
	GString *text = g_string_new(NULL);

	for (guint i = 0; i < s->n; i++)
		if (s->is_loaded[i])
			g_string_append_printf(text, "%s%u", text->len ? ", " : "", i);
	return g_string_free(text, FALSE);
}

static void add_finding(const Scan *s, const DiagnoseLoss *loss, gint64 demand)
{
	DiagnoseFinding *f = diagnose_finding_new(s->d, "interrupt-load", loss, demand);
	const Handler *most = greatest(s);
	g_autofree char *name = most ? name_of(s, most) : g_strdup("its interrupts"), *cpus = processors(s);
	double rate = most ? (double)most->runs * 1e9 / (double)(s->end - s->begin) : 0;

	f->victim = f->offender = s->t->member;
	f->title = g_strdup_printf("Processor %s of %s spends %.0f %% of its time on interrupts, most of it on %s (%.0f a second)", cpus, s->t->name,
				   (double)diagnose_loss_ns(loss) * 100 / (double)demand, name, rate);
	f->advice = g_strdup("Spread them over processors (irqbalance, RSS, RPS) or keep them away from those that matter (smp_affinity); raise the device's interrupt coalescing.");
	diagnose_who(&f->sufferer, "machine", s->t->name, s->t->name, -1, -1);
	diagnose_who(&f->culprit, "interrupt", name, s->t->name, -1, -1);
	diagnose_add(s->d, f);
}

void diagnose_rule_interrupts(Diagnose *d, const AnalysisStoreTrace *t)
{
	g_autoptr(GHashTable) handlers = g_hash_table_new_full(NULL, NULL, NULL, g_free);
	g_autoptr(DiagnoseLoss) loss = diagnose_loss_new(t);
	Scan s = {.d = d, .t = t, .rows = layers_rows(d->layers, t->member), .begin = diagnose_begin(d, t), .end = diagnose_end(d, t), .handlers = handlers};
	guint cpus, table;

	if (s.begin >= s.end || !history_find_table(t->history, KERNEL_CPUS_TABLE, sizeof(KernelCpuItem), &cpus) ||
	    !history_find_table(t->history, KERNEL_IRQ_TABLE, sizeof(KernelIrqItem), &table))
		return;
	g_autofree gboolean *is_loaded = g_new0(gboolean, KERNEL_CPU_MAX + 1);
	g_autofree guint64 *runs = g_new0(guint64, KERNEL_CPU_MAX + 1);
	s.is_loaded = is_loaded;
	s.runs = runs;
	s.n = KERNEL_CPU_MAX + 1;
	count_runs(&s, table);
	gint64 demand = find_loaded(&s, loss, cpus);
	if (!diagnose_matters(d, loss, demand, DIAGNOSE_IRQ_SHARE) || !demand)
		return;
	add_handlers(&s, table);
	add_finding(&s, loss, demand);
}
