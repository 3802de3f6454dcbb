/* SPDX-License-Identifier: MIT */
/*
 * queues.c: packets wait in the queue of a network interface before its driver gets them: a delay that was configured (netem), a rate limit, or a link that is too slow.
 *
 * Lost is the time for which at least one packet had waited in the queue for longer than a queue that empties at once would let it.
 */
#include "diagnose/private.h"
#include "diagnose/spans.h"
#include "kernel/net.h"

typedef struct {
	Diagnose *d;
	const AnalysisStoreTrace *t;
	guint packets, interfaces;
	guint16 interface;
	gint64 begin, end;
	guint64 waited;
	gint32 cpu;         /* where the first of them was queued */
} Scan;

/* Packets that this interface sends, and when its driver got them. */
static gint64 delay_of(const Scan *s, const KernelPacket *p)
{
	gboolean known = p->interface == s->interface && p->direction == KERNEL_NET_OUT && p->xmit_ns != KERNEL_NET_NO_TIME;

	return known && p->time_ns >= s->begin && p->xmit_ns < s->end ? p->xmit_ns - p->time_ns : -1;
}

static GArray *waits(Scan *s)
{
	GArray *spans = g_array_new(FALSE, FALSE, sizeof(DiagnoseSpan));
	gint64 usual = (gint64)(s->d->thresholds[DIAGNOSE_QUEUE_MS] * 1e6);

	for (guint64 i = 0; i < history_table_len(s->t->history, s->packets); i++) {
		const KernelPacket *p = history_table_get(s->t->history, s->packets, i);

		if (delay_of(s, p) < usual)
			continue;
		diagnose_span_add(spans, p->time_ns, p->xmit_ns);
		s->cpu = s->waited++ ? s->cpu : p->cpu;
	}
	diagnose_spans_merge(spans);
	return spans;
}

/* Who gets these packets: the VM whose tap it is; else the machine itself sends them. The caller frees. */
static char *receiver(const Scan *s, const KernelNetInterface *n, gint32 *pid, guint32 *row)
{
	const KernelThreadItem *item = diagnose_thread(s->t, n->reader);
	guint vms;

	*pid = item ? item->pid : -1;
	*row = item ? item->row : HISTORY_NO_ROW;
	if (item && item->is_kthread) /* vhost-183 */
		*pid = diagnose_vhost_pid(history_text_get(s->t->history, item->name));
	for (guint64 i = 0; *pid >= 0 && history_find_table(s->t->history, KVM_VMS_TABLE, sizeof(KvmVmItem), &vms) && i < history_table_len(s->t->history, vms); i++)
		if (((const KvmVmItem *)history_table_get(s->t->history, vms, i))->pid == *pid)
			return diagnose_vm_name(s->d, s->t, (guint32)i);
	return NULL;
}

static void add_finding(Scan *s, const KernelNetInterface *n, const DiagnoseLoss *loss, const char *vm, gint32 pid)
{
	DiagnoseFinding *f = diagnose_finding_new(s->d, "network-delay", loss, s->end - s->begin);
	const char *name = history_text_get(s->t->history, n->name);
	g_autofree char *queue = g_strdup_printf("queue of %s", name);

	f->title = g_strdup_printf("Packets %s%s wait in the queue of %s on %s: %" G_GUINT64_FORMAT " of them", vm ? "to " : "of ", vm ? vm : s->t->name, name,
				   s->t->name, s->waited);
	f->advice = g_strdup_printf("See what is configured there (tc qdisc show dev %s): a delay, a rate limit; else the link is too slow for what is sent.", name);
	diagnose_who(&f->sufferer, vm ? "vm" : "machine", vm ? vm : s->t->name, s->t->name, pid, -1);
	diagnose_who(&f->culprit, "interface", queue, s->t->name, -1, -1);
	diagnose_add(s->d, f);
}

/* The row of a processor, to show something where the interface has no reader. */
static guint32 cpu_row(const Scan *s)
{
	guint table;

	if (history_find_table(s->t->history, KERNEL_CPUS_TABLE, sizeof(KernelCpuItem), &table))
		for (guint64 i = 0; i < history_table_len(s->t->history, table); i++) {
			const KernelCpuItem *item = history_table_get(s->t->history, table, i);

			if (item->cpu == s->cpu)
				return item->row;
		}
	return HISTORY_NO_ROW;
}

static void scan(Scan *s, const KernelNetInterface *n)
{
	g_autoptr(GArray) spans = waits(s);
	g_autoptr(DiagnoseLoss) loss = diagnose_loss_new(s->t);
	gint32 pid;
	guint32 row;
	g_autofree char *vm = receiver(s, n, &pid, &row);

	for (guint i = 0; i < spans->len; i++) {
		const DiagnoseSpan *w = &g_array_index(spans, DiagnoseSpan, i);

		diagnose_loss_add_in_row(loss, w->begin, w->end, row == HISTORY_NO_ROW ? cpu_row(s) : row);
	}
	if (diagnose_matters(s->d, loss, s->end - s->begin, DIAGNOSE_LOST_SHARE))
		add_finding(s, n, loss, vm, pid);
}

void diagnose_rule_queues(Diagnose *d)
{
	for (guint i = 0; i < d->store->traces->len; i++) {
		const AnalysisStoreTrace *t = g_ptr_array_index(d->store->traces, i);
		Scan s = {.d = d, .t = t, .begin = diagnose_begin(d, t), .end = diagnose_end(d, t)};

		if (!t->is_kernel || !history_find_table(t->history, KERNEL_PACKETS_TABLE, sizeof(KernelPacket), &s.packets) ||
		    !history_find_table(t->history, KERNEL_NET_INTERFACES_TABLE, sizeof(KernelNetInterface), &s.interfaces))
			continue;
		for (guint64 k = 0; k < history_table_len(t->history, s.interfaces) && k < G_MAXUINT16; k++) {
			s.interface = (guint16)k;
			s.waited = 0;
			scan(&s, history_table_get(t->history, s.interfaces, k));
		}
	}
}
