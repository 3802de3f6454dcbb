/* SPDX-License-Identifier: MIT */
/*
 * flow_thread.c: rows and items of threads.
 *
 * A row is made when something is known of its thread, which for many threads of a statedump is never before the end. Who has a processor since before the
 * trace may turn out to be an idle thread, which has no row: until it is certain that it isn't, its intervals are held back.
 */
#include <string.h>

#include "kernel/flow_private.h"

FlowThread *flow_thread(Flow *f, KernelThread *kt)
{
	if (kt->flow || kernel_is_idle(kt))
		return kt->flow;
	FlowThread *t = g_new0(FlowThread, 1);
	t->kt = kt;
	t->serial = kt->serial;
	t->row = KERNEL_NO_ROW;
	t->state = KERNEL_TS_UNKNOWN;
	t->syscall = t->softirq = t->number = -1;
	t->prio = KERNEL_NO_PRIO;
	t->waker = FLOW_NO_SERIAL;
	t->waker_row = KERNEL_NO_ROW;
	t->since = f->kernel->begin_ns;
	kt->flow = t;
	return t;
}

/* ---- Rows ------------------------------------------------------------------------------------------------------ */

guint32 flow_thread_row(Flow *f, FlowThread *t)
{
	if (t->row != KERNEL_NO_ROW)
		return t->row;
	t->row = history_row(f->history, f->thread_kind, "thread/", t->kt->begin_ns);
	if (t->known)
		history_append(f->history, t->row, t->known_ns, KERNEL_TS_UNKNOWN, 0);
	for (guint i = 0; t->held && i < t->held->len; i++) {
		const FlowHeld *h = &g_array_index(t->held, FlowHeld, i);

		history_append(f->history, t->row, h->end_ns, h->state, h->detail);
	}
	g_clear_pointer(&t->held, g_array_unref);
	return t->row;
}

static void hold(FlowThread *t, gint64 end_ns, guint8 state, guint32 detail)
{
	FlowHeld h = {end_ns, detail, state};

	if (!t->held)
		t->held = g_array_new(FALSE, FALSE, sizeof(FlowHeld));
	g_array_append_val(t->held, h);
}

static inline void append(Flow *f, FlowThread *t, gint64 end_ns, guint8 state, guint32 detail)
{
	if (G_UNLIKELY(t->row == KERNEL_NO_ROW)) {
		if (!flow_thread_certain(t) && (!t->held || t->held->len < FLOW_HELD_MAX)) {
			hold(t, end_ns, state, detail);
			return;
		}
		flow_thread_row(f, t);
	}
	history_append(f->history, t->row, end_ns, state, detail);
}

gint64 flow_thread_lost(const Flow *f, const FlowThread *t)
{
	if (t->unsure)
		return t->since;
	return t->losses < f->losses->len ? g_array_index(f->losses, gint64, t->losses) : G_MAXINT64;
}

/* What it has been doing until `time`; without a processor nobody knows that any more after events were lost: it may have got one. */
static void append_state(Flow *f, FlowThread *t, gint64 time)
{
	gint64 lost = t->on ? G_MAXINT64 : flow_thread_lost(f, t);

	if (G_LIKELY(lost >= time)) {
		append(f, t, time, t->state, t->detail);
		return;
	}
	append(f, t, lost, t->state, t->detail);
	append(f, t, time, KERNEL_TS_UNKNOWN, 0);
}

void flow_thread_state(Flow *f, FlowThread *t, KernelThreadState state, guint32 detail, gint64 time)
{
	if (G_LIKELY(t->known)) {
		append_state(f, t, time);
	} else {
		t->known = TRUE;
		t->known_ns = time;
	}
	t->state = (guint8)state;
	t->detail = detail;
}

void flow_thread_off(Flow *f, FlowThread *t, KernelThreadState state, guint32 detail, gint64 time)
{
	flow_thread_state(f, t, state, detail, time);
	t->on = NULL;
	t->since = time;
	t->losses = f->losses->len;
	t->unsure = f->lossy > 0;
}

/* ---- Texts ------------------------------------------------------------------------------------------------------- */

guint32 flow_thread_text(Flow *f, FlowThread *t)
{
	const KernelThread *kt = t->kt;

	if (G_LIKELY(t->text && t->text_tid == kt->tid && memcmp(t->text_name, kt->name, sizeof(t->text_name)) == 0))
		return t->text;
	g_autofree char *tid = kt->tid >= 0 ? g_strdup_printf("%d", kt->tid) : g_strdup("?");
	g_autofree char *text = g_strdup_printf("%.*s%s%s", KERNEL_NAME_LEN, kt->name, kt->name[0] ? " " : "", tid);
	t->text_tid = kt->tid;
	memcpy(t->text_name, kt->name, sizeof(t->text_name));
	return t->text = history_text(f->history, text, -1);
}

/* ---- The end ----------------------------------------------------------------------------------------------------- */

static KernelThreadItem *item_of(Flow *f, guint32 serial)
{
	while (history_table_len(f->history, f->threads) <= serial) {
		KernelThreadItem *item = history_table_add(f->history, f->threads);

		item->row = KERNEL_NO_ROW;
		item->tid = item->pid = item->ppid = item->vtid = item->vpid = item->cpu = -1;
		item->same_as = (guint32)history_table_len(f->history, f->threads) - 1;
	}
	return history_table_item(f->history, f->threads, serial);
}

/* Damaged events may let a thread run after its end. */
static gint64 end_of(const Flow *f, const KernelThread *kt, const FlowThread *t)
{
	gint64 end_ns = kt->state == KERNEL_ENDED ? kt->end_ns : f->kernel->end_ns;

	return t && t->row != KERNEL_NO_ROW ? MAX(end_ns, history_row_end(f->history, t->row)) : end_ns;
}

static void write_item(Flow *f, const KernelThread *kt, const FlowThread *t, const KernelThread *same_as)
{
	*item_of(f, kt->serial) = (KernelThreadItem){
		.tid = kt->tid, .pid = kt->pid, .ppid = kt->ppid, .vtid = kt->vtid, .vpid = kt->vpid,
		.cpu = kt->cpu, .name = history_text(f->history, kt->name, -1), .row = t ? t->row : KERNEL_NO_ROW,
		.same_as = same_as ? same_as->serial : kt->serial, .is_kthread = kt->is_kthread == 1, .born = kt->born != 0,
		.ended = kt->state == KERNEL_ENDED, .vcpu = kt->vcpu != NULL, .begin_ns = kt->begin_ns,
		.end_ns = end_of(f, kt, t), .switches = kt->switches,
		.preemptions = kt->preemptions, .wakeups = t ? t->wakeups : 0, .prio = t ? t->prio : KERNEL_NO_PRIO};
}

static void close_row(Flow *f, FlowThread *t, gint64 end_ns)
{
	if (t->state == KERNEL_TS_BLOCKED)
		flow_why(f, t, NULL, end_ns);
	flow_thread_row(f, t);
	flow_sched_unwait(f, t, end_ns);
	append_state(f, t, end_ns);
}

void flow_thread_close(Flow *f, KernelThread *kt, const KernelThread *same_as)
{
	FlowThread *t = same_as ? kt->flow : flow_thread(f, kt);

	/* What turned out to be another thread, which has its own row, needs none. */
	if (t && (!same_as || t->row != KERNEL_NO_ROW))
		close_row(f, t, kt->state == KERNEL_ENDED ? kt->end_ns : f->kernel->end_ns);
	write_item(f, kt, t, same_as);
	if (!t)
		return;
	flow_sched_unwait(f, t, t->since);
	if (t->on)
		flow_cpu_detach(t->on);
	if (t->held)
		g_array_unref(t->held);
	g_free(t);
	kt->flow = NULL;
}

/* "thread/1234 sh", and of those that come later with the same number and name: "thread/1234#2 sh". */
static char *path_of(const KernelThreadItem *item, const char *name, guint number)
{
	GString *s = g_string_new("thread/");

	if (item->tid >= 0)
		g_string_append_printf(s, "%d", item->tid);
	else
		g_string_append_c(s, '?');
	if (number > 1)
		g_string_append_printf(s, "#%u", number);
	if (*name)
		g_string_append_printf(s, " %s", name);
	return g_string_free(s, FALSE);
}

static guint32 real_thread(Flow *f, guint32 serial)
{
	guint64 n = history_table_len(f->history, f->threads);

	for (guint64 i = 0; i < n; i++) {
		guint32 next = ((const KernelThreadItem *)history_table_get(f->history, f->threads, serial))->same_as;

		if (next == serial || next >= n)
			break;
		serial = next;
	}
	return serial;
}

void flow_thread_names(Flow *f)
{
	g_autoptr(GHashTable) taken = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);

	if (f->kernel->n_serials)
		item_of(f, f->kernel->n_serials - 1);
	for (guint32 i = 0; i < history_table_len(f->history, f->threads); i++) {
		KernelThreadItem *item = history_table_item(f->history, f->threads, i);

		item->same_as = real_thread(f, i);
		if (item->row == KERNEL_NO_ROW)
			continue;
		const char *name = history_text_get(f->history, item->name);
		char *first = path_of(item, name, 1);
		guint number = GPOINTER_TO_UINT(g_hash_table_lookup(taken, first)) + 1;
		g_autofree char *path = path_of(item, name, number);
		history_row_rename(f->history, item->row, path);
		g_hash_table_insert(taken, first, GUINT_TO_POINTER(number));
	}
}
