/* SPDX-License-Identifier: MIT */
/*
 * queues.c: packets wait in the queue of a network interface before its driver gets them: a delay that was configured (netem), a rate limit, or a link that is too slow.
 *
 * Lost is the time for which at least one packet had waited in the queue for longer than a queue that empties at once would let it.
 */
#include "diagnose/private.h"
#include "diagnose/spans.h"
#include "kernel/flow.h"
#include "kernel/net.h"

/* Packets that an interface was given to send, and that waited. */
typedef struct {
	GArray *spans;      /* DiagnoseSpan; NULL: none */
	guint64 waited;
	gint32 cpu;         /* where the first of them was queued */
} Queue;

typedef struct {
	Diagnose *d;
	const AnalysisStoreTrace *t;
	guint packets, interfaces;
	gint64 begin, end;
	Queue *queues;      /* by interface */
	guint n;
} Scan;

/*
 * The processor that queued it did nothing else before the driver had it, interrupts aside: it was in no queue, but on its way (to notify a hypervisor may take long, and the driver's event
 * comes after that).
 */
static gboolean in_one_go(const Scan *s, const KernelPacket *p)
{
	guint32 row = kernel_find_cpu_row(s->t->history, p->cpu);
	HistoryInterval first, i = {0};
	HistoryWalk walk;

	if (row == HISTORY_NO_ROW || !history_at(s->t->history, row, p->time_ns, &first))
		return FALSE;
	history_walk(&walk, s->t->history, row, p->time_ns, p->xmit_ns);
	while (history_walk_next(&walk, &i)) {
		gboolean same = i.state == first.state && i.detail == first.detail;

		if (!same && i.state != KERNEL_CS_IRQ && i.state != KERNEL_CS_SOFTIRQ)
			return FALSE;
		if (i.end_ns >= p->xmit_ns)
			return same;
	}
	return FALSE;
}

static void read_packets(Scan *s)
{
	gint64 least = (gint64)(s->d->thresholds[DIAGNOSE_QUEUE_MS] * 1e6);

	for (guint64 i = 0; i < history_table_len(s->t->history, s->packets); i++) {
		const KernelPacket *p = history_table_get(s->t->history, s->packets, i);
		Queue *q = p->interface < s->n ? &s->queues[p->interface] : NULL;

		if (!q || p->direction != KERNEL_NET_OUT || p->xmit_ns == KERNEL_NET_NO_TIME || p->xmit_ns - p->time_ns < least || p->time_ns < s->begin ||
		    p->xmit_ns >= s->end || in_one_go(s, p))
			continue;
		if (!q->spans) {
			q->spans = g_array_new(FALSE, FALSE, sizeof(DiagnoseSpan));
			q->cpu = p->cpu;
		}
		diagnose_span_add(q->spans, p->time_ns, p->xmit_ns);
		q->waited++;
	}
}

/* Who gets these packets: the VM whose tap it is; else the machine itself sends them. The caller frees. */
static char *receiver(const Scan *s, const KernelNetInterface *n, gint32 *pid, guint32 *row)
{
	const KernelThreadItem *item = kernel_find_thread(s->t->history, n->reader);
	*pid = item ? item->pid : -1;
	*row = item ? item->row : HISTORY_NO_ROW;
	if (item && item->is_kthread) /* vhost-183 */
		*pid = diagnose_vhost_pid(history_text_get(s->t->history, item->name));
	guint32 vm = diagnose_vm_of_pid(s->t, *pid);
	return vm == EXPERIMENT_NONE ? NULL : diagnose_vm_name(s->d, s->t, vm);
}

static void add_finding(const Scan *s, const Queue *q, const KernelNetInterface *n, const DiagnoseLoss *loss, const char *vm, gint32 pid)
{
	DiagnoseFinding *f = diagnose_finding_new(s->d, "network-delay", loss, s->end - s->begin);
	const char *name = history_text_get(s->t->history, n->name);
	g_autofree char *queue = g_strdup_printf("queue of %s", name);

	f->title = g_strdup_printf("Packets %s%s wait in the queue of %s on %s: %" G_GUINT64_FORMAT " of them", vm ? "to " : "of ", vm ? vm : s->t->name, name,
				   s->t->name, q->waited);
	f->advice = g_strdup_printf("See what is configured there (tc qdisc show dev %s): a delay, a rate limit; else the link is too slow for what is sent.", name);
	f->victim = diagnose_member_of_pid(s->d, s->t, pid);
	diagnose_who(&f->sufferer, vm ? "vm" : "machine", vm ? vm : s->t->name, s->t->name, pid, -1);
	diagnose_who(&f->culprit, "interface", queue, s->t->name, -1, -1);
	diagnose_add(s->d, f);
}

static void judge(const Scan *s, const Queue *q, const KernelNetInterface *n)
{
	g_autoptr(DiagnoseLoss) loss = diagnose_loss_new(s->t);
	gint32 pid;
	guint32 row;
	g_autofree char *vm = receiver(s, n, &pid, &row);

	if (row == HISTORY_NO_ROW)
		row = kernel_find_cpu_row(s->t->history, q->cpu);
	diagnose_spans_merge(q->spans);
	for (guint i = 0; i < q->spans->len; i++) {
		const DiagnoseSpan *w = &g_array_index(q->spans, DiagnoseSpan, i);

		diagnose_loss_add_in_row(loss, w->begin, w->end, row);
	}
	if (diagnose_matters(s->d, loss, s->end - s->begin, DIAGNOSE_LOST_SHARE))
		add_finding(s, q, n, loss, vm, pid);
	g_array_unref(q->spans);
}

static void scan(Scan *s)
{
	s->n = (guint)MIN(history_table_len(s->t->history, s->interfaces), G_MAXUINT16);
	s->queues = g_new0(Queue, (gsize)s->n + 1);
	read_packets(s);
	for (guint i = 0; i < s->n; i++)
		if (s->queues[i].spans)
			judge(s, &s->queues[i], history_table_get(s->t->history, s->interfaces, i));
	g_free(s->queues);
}

void diagnose_rule_queues(Diagnose *d, const AnalysisStoreTrace *t)
{
	Scan s = {.d = d, .t = t, .begin = diagnose_begin(d, t), .end = diagnose_end(d, t)};

	if (history_find_table(t->history, KERNEL_PACKETS_TABLE, sizeof(KernelPacket), &s.packets) &&
	    history_find_table(t->history, KERNEL_NET_INTERFACES_TABLE, sizeof(KernelNetInterface), &s.interfaces))
		scan(&s);
}
