/* SPDX-License-Identifier: MIT */
/*
 * io_busy.c: a thread that works for a VM's devices (helpers.h) has more to do than one thread can: it runs all the time, and what the guest asks of its devices waits in line.
 *
 * Lost is the time of half seconds in which it had a processor for nearly all of it.
 */
#include "diagnose/helpers.h"

#define WINDOW_NS   G_GINT64_CONSTANT(500000000)
#define WINDOWS_MAX 2048

typedef struct {
	Diagnose *d;
	const AnalysisStoreTrace *t;
	gint64 begin, end, width;
} Scan;

/* The longest times for which it ran without a break, to show. */
static void add_proof(const Scan *s, guint32 row, DiagnoseLoss *loss)
{
	HistoryWalk walk;
	HistoryInterval i;

	history_walk(&walk, s->t->history, row, s->begin, s->end);
	while (history_walk_next(&walk, &i))
		if (i.state >= KERNEL_TS_RUNNING && i.state <= KERNEL_TS_SYSCALL)
			diagnose_loss_show_in_row(loss, MAX(i.begin_ns, s->begin), MIN(i.end_ns, s->end), row);
}

static void add_finding(const Scan *s, guint32 vm, const KernelThreadItem *item, const DiagnoseLoss *loss)
{
	DiagnoseFinding *f = diagnose_finding_new(s->d, "io-thread-saturated", loss, s->end - s->begin);
	const char *name = history_text_get(s->t->history, item->name);

	diagnose_suffers_vm(s->d, f, s->t, vm);
	f->title = g_strdup_printf("The thread %s %d on %s, which works for the devices of %s, has more to do than one thread can", name, item->tid, s->t->name, f->sufferer.name);
	f->advice = g_strdup("Give the VM more I/O threads or queues (iothread, num-queues, multiqueue), or leave the work to the kernel (vhost, io_uring).");
	diagnose_who(&f->culprit, "thread", name, s->t->name, item->pid, item->tid);
	diagnose_add(s->d, f);
}

static void judge(const Scan *s, guint32 vm, const KernelThreadItem *item)
{
	g_autoptr(DiagnoseLoss) loss = diagnose_loss_new(s->t);
	double busy = s->d->thresholds[DIAGNOSE_IO_BUSY];

	if ((double)diagnose_run_ns(s->t, item->row, s->begin, s->end) < s->d->thresholds[DIAGNOSE_SATURATED_SHARE] * busy * (double)(s->end - s->begin))
		return;
	for (gint64 at = s->begin; at < s->end; at += s->width) {
		gint64 end = MIN(at + s->width, s->end);

		if ((double)diagnose_run_ns(s->t, item->row, at, end) >= busy * (double)(end - at))
			diagnose_loss_add_part(loss, at, end, end - at);
	}
	if (!diagnose_matters(s->d, loss, s->end - s->begin, DIAGNOSE_SATURATED_SHARE))
		return;
	add_proof(s, item->row, loss);
	add_finding(s, vm, item, loss);
}

void diagnose_rule_io_busy(Diagnose *d, const AnalysisStoreTrace *t)
{
	Scan s = {.d = d, .t = t, .begin = diagnose_begin(d, t), .end = diagnose_end(d, t)};
	guint vms, threads;

	if (s.begin >= s.end || !history_find_table(t->history, KVM_VMS_TABLE, sizeof(KvmVmItem), &vms) ||
	    !history_find_table(t->history, KERNEL_THREADS_TABLE, sizeof(KernelThreadItem), &threads))
		return;
	s.width = MAX(WINDOW_NS, (s.end - s.begin) / WINDOWS_MAX + 1);
	for (guint64 v = 0; v < history_table_len(t->history, vms); v++)
		for (guint32 i = 0; i < history_table_len(t->history, threads); i++) {
			const KernelThreadItem *item = history_table_get(t->history, threads, i);

			if (item->row != KERNEL_NO_ROW && item->same_as == i && diagnose_is_helper(d, t, history_table_get(t->history, vms, v), i))
				judge(&s, (guint32)v, item);
		}
}
