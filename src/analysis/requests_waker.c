/* SPDX-License-Identifier: MIT */
/* requests_waker.c: for whom a thread waited. */
#include "analysis/requests.h"

/* Reasons of waits that end when another thread has come so far. Disks, the network and timers are no threads' matter. */
static gboolean is_for_a_thread(guint state)
{
	switch (state) {
	case KERNEL_TS_B_FUTEX:
	case KERNEL_TS_B_SOCKET:
	case KERNEL_TS_B_PIPE:
	case KERNEL_TS_B_EVENT:
	case KERNEL_TS_B_POLL:
	case KERNEL_TS_B_CHILD:
	case KERNEL_TS_B_KERNEL:
		return TRUE;
	default:
		return FALSE;
	}
}

/* When a thread that was woken at a time got a processor. */
static gint64 run_ns(const RequestScan *s, const KernelThreadItem *thread, gint64 woken_ns)
{
	HistoryInterval i;

	if (history_at(s->trace->history, thread->row, woken_ns, &i) && i.state == KERNEL_TS_WAIT_CPU && i.begin_ns == woken_ns)
		return i.end_ns;
	return woken_ns;
}

/* The first of "sched_latencies", which are in order of run_ns, that is not before a time. */
static guint64 first_from(const RequestScan *s, gint64 time)
{
	const History *h = s->trace->history;
	guint64 low = 0, high = history_table_len(h, s->latencies);

	while (low < high) {
		guint64 middle = low + (high - low) / 2;

		if (((const KernelLatencyItem *)history_table_get(h, s->latencies, middle))->run_ns < time)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

guint32 request_waker(const RequestScan *s, guint32 serial, const HistoryInterval *wait)
{
	const KernelThreadItem *thread = requests_thread(s, serial);

	if (s->latencies == G_MAXUINT || !thread || thread->row == KERNEL_NO_ROW || !is_for_a_thread(wait->state))
		return G_MAXUINT32;
	gint64 run = run_ns(s, thread, wait->end_ns);
	for (guint64 i = first_from(s, run); i < history_table_len(s->trace->history, s->latencies); i++) {
		const KernelLatencyItem *l = history_table_get(s->trace->history, s->latencies, i);

		if (l->run_ns != run)
			break;
		if (requests_thread(s, l->thread) == thread && l->woken_ns == wait->end_ns)
			return l->from == KERNEL_FROM_THREAD && requests_thread(s, l->waker) != thread ? l->waker : G_MAXUINT32;
	}
	return G_MAXUINT32;
}
