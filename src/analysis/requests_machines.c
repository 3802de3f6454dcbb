/* SPDX-License-Identifier: MIT */
/*
 * requests_machines.c: machines as requests need them. What became of the processor that a guest's thread waited for. A thread that is preempted, or waits for its turn, waits longer if the processor itself is
 * stolen meanwhile: then that is the cause.
 */
#include <stdio.h>
#include <string.h>

#include "analysis/requests.h"
#include "kernel/flow.h"

/* A guest's processors. */
typedef struct {
	gboolean asked;
	guint n;                   /* 0: no level below is known */
	guint32 *occupants, *cpus; /* rows, by number of the processor; HISTORY_NO_ROW */
} Processors;

struct RequestMachines {
	const AnalysisStore *store;
	CriticalWorld *world;
	Processors *processors;    /* by machine */
	GHashTable **connections;  /* by machine: text without the client's port -> the first detail of that text */
};

RequestMachines *request_machines_new(const AnalysisStore *s)
{
	RequestMachines *m = g_new0(RequestMachines, 1);

	m->store = s;
	m->world = critical_world_new(s, FALSE);
	m->processors = g_new0(Processors, s->traces->len + 1);
	m->connections = g_new0(GHashTable *, s->traces->len + 1);
	for (guint i = 0; i < s->traces->len; i++)
		m->connections[i] = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
	return m;
}

void request_machines_free(RequestMachines *m)
{
	if (!m)
		return;
	for (guint i = 0; i < m->store->traces->len; i++) {
		g_free(m->processors[i].occupants);
		g_free(m->processors[i].cpus);
		g_hash_table_unref(m->connections[i]);
	}
	g_free(m->processors);
	g_free(m->connections);
	critical_world_free(m->world);
	g_free(m);
}

const CriticalWorld *request_machines_world(const RequestMachines *m)
{
	return m->world;
}

/* ---- Details ---------------------------------------------------------------------------------------------------------------- */

#define CONNECTIONS_MAX 65536 /* of a machine that are told apart; of more, all have their own */

static gboolean is_connection(const GraphSegment *s)
{
	return s->state == KERNEL_TS_B_NETWORK && s->device == GRAPH_NONE;
}

/* "tcp 10.0.0.2:40000 - 10.0.0.1:80": without the first port. */
static void drop_port(char *text)
{
	char *between = strstr(text, " - "), *port = between;

	while (port && port > text && port[-1] >= '0' && port[-1] <= '9')
		port--;
	if (port && port > text && port < between && port[-1] == ':')
		memmove(port - 1, between, strlen(between) + 1);
}

char *request_machines_text(const RequestMachines *m, const GraphSegment *s)
{
	char *text = critical_world_detail(m->world, s);

	if (is_connection(s))
		drop_port(text);
	return text;
}

guint32 request_machines_detail(RequestMachines *m, const GraphSegment *s)
{
	gpointer known;

	if (!is_connection(s) || !s->detail)
		return s->detail;
	g_autofree char *text = request_machines_text(m, s);
	if (g_hash_table_lookup_extended(m->connections[s->machine], text, NULL, &known))
		return GPOINTER_TO_UINT(known);
	if (g_hash_table_size(m->connections[s->machine]) < CONNECTIONS_MAX)
		g_hash_table_insert(m->connections[s->machine], g_steal_pointer(&text), GUINT_TO_POINTER(s->detail));
	return s->detail;
}

/* ---- Processors ------------------------------------------------------------------------------------------------------------- */

static void note(guint32 **rows, guint *n, guint cpu, guint32 row)
{
	while (*n <= cpu) {
		*rows = g_renew(guint32, *rows, *n + 1);
		(*rows)[(*n)++] = HISTORY_NO_ROW;
	}
	(*rows)[cpu] = row;
}

static void find_processors(Processors *p, const AnalysisStoreTrace *t)
{
	const History *h = t->history;
	guint occupant, cpu, number, n_occupants = 0, n_cpus = 0;

	p->asked = TRUE;
	if (t->rows == h || !history_find_kind(h, KERNEL_OCCUPANT_ROW_KIND, &occupant) || !history_find_kind(h, KERNEL_CPU_ROW_KIND, &cpu))
		return;
	for (guint32 row = 0; row < history_n_rows(h); row++) {
		guint kind = history_row_kind(h, row);

		if ((kind != occupant && kind != cpu) || sscanf(history_row_path(h, row), "cpu/%u", &number) != 1 || number >= KERNEL_CPU_MAX)
			continue;
		if (kind == occupant)
			note(&p->occupants, &n_occupants, number, row);
		else
			note(&p->cpus, &n_cpus, number, row);
	}
	p->n = MIN(n_occupants, n_cpus);
}

/* The row of the processor that a thread has at a time. */
static guint32 processor_of(const Processors *p, const AnalysisStoreTrace *t, const KernelThreadItem *thread, gint64 time)
{
	HistoryInterval i;

	for (guint cpu = 0; cpu < p->n; cpu++)
		if (p->occupants[cpu] != HISTORY_NO_ROW && history_at(t->history, p->occupants[cpu], time, &i) && i.state == KERNEL_OCCUPANT_THREAD &&
		    kernel_find_thread(t->history, i.detail) == thread)
			return p->cpus[cpu];
	return HISTORY_NO_ROW;
}

/* When a wait that goes on at a time is over. */
static gint64 end_of_wait(const AnalysisStoreTrace *t, const KernelThreadItem *thread, gint64 time)
{
	HistoryInterval i;

	return thread->row != KERNEL_NO_ROW && history_at(t->rows, thread->row, time, &i) ? i.end_ns : time;
}

void request_waits_stolen(RequestMachines *m, guint machine, guint32 serial, gint64 begin_ns, gint64 end_ns, RequestStolenFunc found, gpointer user)
{
	const AnalysisStoreTrace *t = critical_world_trace(m->world, machine);
	const KernelThreadItem *thread = kernel_find_thread(t->history, serial);
	Processors *p = &m->processors[machine];
	HistoryWalk walk;
	HistoryInterval i;

	if (!p->asked)
		find_processors(p, t);
	guint32 row = p->n && thread ? processor_of(p, t, thread, end_of_wait(t, thread, begin_ns)) : HISTORY_NO_ROW;
	if (row == HISTORY_NO_ROW)
		return;
	history_walk(&walk, t->rows, row, begin_ns, end_ns);
	while (history_walk_next(&walk, &i)) {
		gint64 ns = MIN(i.end_ns, end_ns) - MAX(i.begin_ns, begin_ns);

		if (ns > 0 && i.state >= KERNEL_CS_STEAL0 && i.state <= KERNEL_CS_EXIT2)
			found(user, (KernelThreadState)(KERNEL_TS_STEAL0 + (i.state - KERNEL_CS_STEAL0)), i.detail, ns);
	}
}
