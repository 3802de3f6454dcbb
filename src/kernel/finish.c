/* SPDX-License-Identifier: MIT */
/* finish.c: open states are closed, threads become processes. */
#include "kernel/private.h"

#include <stdlib.h>
#include <string.h>

static gint compare_threads(gconstpointer a, gconstpointer b)
{
	const KernelThread *x = *(KernelThread *const *)a, *y = *(KernelThread *const *)b;

	if (x->tid != y->tid)
		return x->tid < y->tid ? -1 : 1;
	if (x->tid == 0)
		return (x->cpu > y->cpu) - (x->cpu < y->cpu);
	return (x->begin_ns > y->begin_ns) - (x->begin_ns < y->begin_ns);
}

static gint compare_processes(gconstpointer a, gconstpointer b)
{
	const KernelProcess *x = *(KernelProcess *const *)a, *y = *(KernelProcess *const *)b;

	return (x->pid > y->pid) - (x->pid < y->pid);
}

/* No switch ever told the number of who was on a processor; its own namespace's is the best there is. */
static void bind_by_context(Kernel *k, KernelThread *t)
{
	if (t->tid < 0 && t->vtid > 0 && !kernel_thread(k, t->vtid))
		kernel_thread_bind(k, t, t->vtid);
}

static KernelProcess *process_of(Kernel *k, GHashTable *by_pid, const KernelThread *t)
{
	KernelProcess *p = g_hash_table_lookup(by_pid, GINT_TO_POINTER(t->pid));

	if (p)
		return p;
	p = g_new0(KernelProcess, 1);
	p->pid = t->pid;
	p->ppid = -1;
	p->threads = g_ptr_array_new();
	g_ptr_array_add(k->processes, p);
	g_hash_table_insert(by_pid, GINT_TO_POINTER(t->pid), p);
	return p;
}

static void add_to_process(KernelProcess *p, KernelThread *t)
{
	g_ptr_array_add(p->threads, t);
	p->cpu_ns += kernel_cpu_time(t);
	if (t->ppid >= 0)
		p->ppid = t->ppid;
	if (t->name[0] && (t->tid == t->pid || !p->name[0]))
		memcpy(p->name, t->name, sizeof(p->name));
}

static void close_states(Kernel *k)
{
	for (guint i = 0; i < k->threads->len; i++) {
		KernelThread *t = g_ptr_array_index(k->threads, i);

		kernel_thread_state(t, t->state, k->end_ns);
	}
	for (guint i = 0; i < k->cpus->len; i++) {
		KernelCpu *c = g_ptr_array_index(k->cpus, i);

		if (c)
			kernel_cpu_state(c, c->state, k->end_ns);
	}
}

void kernel_finish(Kernel *k)
{
	g_autoptr(GHashTable) by_pid = g_hash_table_new(NULL, NULL);

	for (guint i = 0; i < k->threads->len; i++)
		bind_by_context(k, g_ptr_array_index(k->threads, i));
	close_states(k);
	g_ptr_array_sort(k->threads, compare_threads);
	for (guint i = 0; i < k->threads->len; i++) {
		KernelThread *t = g_ptr_array_index(k->threads, i);

		if (t->pid >= 0 && !kernel_is_idle(t))
			add_to_process(process_of(k, by_pid, t), t);
	}
	g_ptr_array_sort(k->processes, compare_processes);
}

static gint compare_pid(gconstpointer pid, gconstpointer process)
{
	const KernelProcess *p = *(KernelProcess *const *)process;

	return *(const gint32 *)pid < p->pid ? -1 : *(const gint32 *)pid > p->pid;
}

const KernelProcess *kernel_process(const Kernel *k, gint32 pid)
{
	KernelProcess *const *found = k->processes->len ? bsearch(&pid, k->processes->pdata, k->processes->len,
								   sizeof(gpointer), compare_pid)
							: NULL;
	return found ? *found : NULL;
}
