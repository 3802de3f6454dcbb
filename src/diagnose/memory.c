/* SPDX-License-Identifier: MIT */
/*
 * memory.c: a machine is short of memory: its kernel takes pages away from programs, and they wait until they have them back.
 *
 * Waiting for pages alone is no pressure: a program that starts waits for its file. It is, if the kernel's reclaim (kswapd) runs or writes pages out meanwhile. A host's vCPU that sleeps in a
 * page fault of its guest's memory counts like a thread, and so does a thread that has to look for memory itself (direct reclaim), where that was recorded. Without page faults in the trace a thread that ran its own code, and then slept for a disk, has slept in one. The process that took most page faults
 * is the one that wants the memory.
 */
#include "diagnose/private.h"
#include "diagnose/spans.h"
#include "kernel/block.h"
#include "kernel/memory.h"
#include "kernel/reclaim.h"
#include "kvm/waits.h"

typedef struct {
	Diagnose *d;
	const AnalysisStoreTrace *t;
	guint threads;
	gint64 begin, end;
	GArray *waits;         /* DiagnoseSpan */
	DiagnoseLoss *loss;
	gint64 reclaim_ns;     /* for which kswapd ran */
	guint64 written;       /* requests that it made */
	guint64 direct;        /* threads that looked for memory themselves: how often */
} Scan;

static gboolean is_reclaim(const Scan *s, guint32 serial)
{
	const KernelThreadItem *item = kernel_find_thread(s->t->history, serial);

	return item && item->is_kthread && g_str_has_prefix(history_text_get(s->t->history, item->name), "kswapd");
}

static void add_faults(const Scan *s, const KernelThreadItem *item)
{
	HistoryWalk walk;
	HistoryInterval i;
	guint before = KERNEL_TS_UNKNOWN;

	history_walk(&walk, s->t->history, item->row, s->begin, s->end);
	for (; history_walk_next(&walk, &i); before = i.state) {
		gint64 begin = MAX(i.begin_ns, s->begin), end = MIN(i.end_ns, s->end);

		if (i.state != KERNEL_TS_B_FAULT && (i.state != KERNEL_TS_B_DISK || before != KERNEL_TS_USER))
			continue;
		diagnose_span_add(s->waits, begin, end);
		diagnose_loss_show(s->loss, begin, end, item->row, "blocked");
	}
}

static void read_faults(const Scan *s)
{
	for (guint64 i = 0; i < history_table_len(s->t->history, s->threads); i++) {
		const KernelThreadItem *item = history_table_get(s->t->history, s->threads, i);

		if (item->row != KERNEL_NO_ROW && item->same_as == i && !item->is_kthread)
			add_faults(s, item);
	}
}

static void read_reclaim(Scan *s)
{
	for (guint64 i = 0; i < history_table_len(s->t->history, s->threads); i++) {
		const KernelThreadItem *item = history_table_get(s->t->history, s->threads, i);
		gint64 ns[HISTORY_STATES_MAX] = {0};

		if (item->row == KERNEL_NO_ROW || item->same_as != i || !is_reclaim(s, (guint32)i))
			continue;
		history_sums(s->t->history, item->row, s->begin, s->end, ns);
		for (guint k = KERNEL_TS_RUNNING; k <= KERNEL_TS_SYSCALL; k++)
			s->reclaim_ns += ns[k];
	}
}

static void read_vcpus(const Scan *s)
{
	guint waits, vcpus;

	if (!history_find_table(s->t->history, KVM_WAITS_TABLE, sizeof(KvmWaitItem), &waits) ||
	    !history_find_table(s->t->history, KVM_VCPUS_TABLE, sizeof(KvmVcpuItem), &vcpus))
		return;
	for (guint64 i = 0; i < history_table_len(s->t->history, waits); i++) {
		const KvmWaitItem *w = history_table_get(s->t->history, waits, i);

		if (!w->halted && (w->reason == KVM_WAIT_FAULT || w->reason == KVM_WAIT_DISK) && w->begin_ns >= s->begin && w->woken_ns < s->end) {
			diagnose_span_add(s->waits, w->begin_ns, w->woken_ns);
			diagnose_loss_show(s->loss, w->begin_ns, w->woken_ns, ((const KvmVcpuItem *)history_table_get(s->t->history, vcpus, w->vcpu))->row, "blocked");
		}
	}
}

static void read_requests(Scan *s)
{
	guint table;

	if (!history_find_table(s->t->history, KERNEL_DISK_REQUESTS_TABLE, sizeof(KernelDiskRequest), &table))
		return;
	for (guint64 i = 0; i < history_table_len(s->t->history, table); i++) {
		const KernelDiskRequest *r = history_table_get(s->t->history, table, i);

		if (r->op == KERNEL_DISK_OP_WRITE && r->completed_ns >= s->begin && r->completed_ns < s->end && is_reclaim(s, r->thread))
			s->written++;
	}
}

static void read_direct(Scan *s)
{
	guint table;

	if (!history_find_table(s->t->history, KERNEL_RECLAIMS_TABLE, sizeof(KernelReclaimItem), &table))
		return;
	for (guint64 i = 0; i < history_table_len(s->t->history, table); i++) {
		const KernelReclaimItem *r = history_table_get(s->t->history, table, i);
		const KernelThreadItem *item = !r->in_group && r->end_ns > s->begin && r->begin_ns < s->end ? kernel_find_thread(s->t->history, r->thread) : NULL;

		if (!item)
			continue;
		s->direct++;
		diagnose_span_add(s->waits, MAX(r->begin_ns, s->begin), MIN(r->end_ns, s->end));
		diagnose_loss_show_in_row(s->loss, MAX(r->begin_ns, s->begin), MIN(r->end_ns, s->end), item->row);
	}
}

/* The process with most page faults; -1: they weren't recorded. */
static gint32 taker(const Scan *s)
{
	g_autoptr(GHashTable) faults = g_hash_table_new(NULL, NULL);
	guint most = 0, table;
	gint32 pid = -1;

	if (!history_find_table(s->t->history, KERNEL_FAULTS_TABLE, sizeof(KernelFaultItem), &table))
		return -1;
	for (guint64 i = 0; i < history_table_len(s->t->history, table); i++) {
		const KernelFaultItem *f = history_table_get(s->t->history, table, i);
		const KernelThreadItem *item = f->time_ns >= s->begin && f->time_ns < s->end ? kernel_find_thread(s->t->history, f->thread) : NULL;
		gpointer key = GINT_TO_POINTER(item ? item->pid : -1);
		guint n = GPOINTER_TO_UINT(g_hash_table_lookup(faults, key)) + 1;

		if (!item || item->pid < 0)
			continue;
		g_hash_table_insert(faults, key, GUINT_TO_POINTER(n));
		if (n > most) {
			most = n;
			pid = item->pid;
		}
	}
	return pid;
}

static void add_finding(const Scan *s)
{
	DiagnoseFinding *f = diagnose_finding_new(s->d, "memory-pressure", s->loss, s->end - s->begin);
	gint32 pid = taker(s);
	g_autofree char *name = pid >= 0 ? diagnose_process_name(s->t, pid) : g_strdup("its programs");

	f->victim = f->offender = s->t->member;
	f->title = g_strdup_printf("%s is short of memory: threads wait for pages that its kernel had taken from them%s%s%s", s->t->name, pid >= 0 ? "; " : "", pid >= 0 ? name : "",
				   pid >= 0 ? " wants most" : "");
	f->advice = g_strdup(s->t->level > 0 ? "Give it more memory (the balloon may have taken it away), or let its programs need less." :
					       "Give it more memory, give its VMs less, or let its programs need less; don't swap VMs' memory.");
	diagnose_who(&f->sufferer, "machine", s->t->name, s->t->name, -1, -1);
	diagnose_who(&f->culprit, "process", name, s->t->name, pid, -1);
	diagnose_add(s->d, f);
}

void diagnose_rule_memory(Diagnose *d, const AnalysisStoreTrace *t)
{
	g_autoptr(GArray) waits = g_array_new(FALSE, FALSE, sizeof(DiagnoseSpan));
	g_autoptr(DiagnoseLoss) loss = diagnose_loss_new(t);
	Scan s = {.d = d, .t = t, .begin = diagnose_begin(d, t), .end = diagnose_end(d, t), .waits = waits, .loss = loss};

	if (!history_find_table(t->history, KERNEL_THREADS_TABLE, sizeof(KernelThreadItem), &s.threads))
		return;
	read_reclaim(&s);
	read_requests(&s);
	read_direct(&s);
	if (!s.written && !s.direct && (double)s.reclaim_ns < d->thresholds[DIAGNOSE_RECLAIM_SHARE] * (double)(s.end - s.begin))
		return;
	read_faults(&s);
	read_vcpus(&s);
	diagnose_spans_merge(waits);
	for (guint i = 0; i < waits->len; i++) {
		const DiagnoseSpan *w = &g_array_index(waits, DiagnoseSpan, i);

		diagnose_loss_add_part(loss, w->begin, w->end, w->end - w->begin);
	}
	if (diagnose_matters(d, loss, s.end - s.begin, DIAGNOSE_LOST_SHARE))
		add_finding(&s);
}
