/* SPDX-License-Identifier: MIT */
/* family.c: who started whom. */
#include "diagnose/family.h"
#include "kernel/containers.h"

#define CONTAINER    (G_GUINT64_CONSTANT(1) << 32)
#define INIT_PID     1
#define ANCESTORS_MAX 64 /* that are climbed */

struct DiagnoseFamilies {
	const AnalysisStoreTrace *t;
	GArray *processes; /* guint32: serials of main threads, by number and then by when they began */
	guint table;
};

static const KernelThreadItem *at(const DiagnoseFamilies *f, guint32 serial)
{
	return history_table_get(f->t->history, f->table, serial);
}

static gint by_pid(gconstpointer a, gconstpointer b, gpointer families)
{
	const KernelThreadItem *x = at(families, *(const guint32 *)a), *y = at(families, *(const guint32 *)b);

	return x->pid != y->pid ? (x->pid > y->pid) - (x->pid < y->pid) : (x->begin_ns > y->begin_ns) - (x->begin_ns < y->begin_ns);
}

DiagnoseFamilies *diagnose_families_new(const AnalysisStoreTrace *t)
{
	DiagnoseFamilies *f = g_new0(DiagnoseFamilies, 1);

	f->t = t;
	f->processes = g_array_new(FALSE, FALSE, sizeof(guint32));
	if (!history_find_table(t->history, KERNEL_THREADS_TABLE, sizeof(KernelThreadItem), &f->table))
		return f;
	for (guint32 i = 0; i < history_table_len(t->history, f->table); i++)
		if (at(f, i)->same_as == i && at(f, i)->tid == at(f, i)->pid && at(f, i)->pid > 0)
			g_array_append_val(f->processes, i);
	g_array_sort_with_data(f->processes, by_pid, f);
	return f;
}

void diagnose_families_free(DiagnoseFamilies *f)
{
	if (!f)
		return;
	g_array_unref(f->processes);
	g_free(f);
}

/* The process that had that number at a time; G_MAXUINT32: none that is known. */
static guint32 process_at(const DiagnoseFamilies *f, gint32 pid, gint64 time)
{
	guint low = 0, high = f->processes->len;

	while (low < high) {
		guint middle = low + (high - low) / 2;
		const KernelThreadItem *item = at(f, g_array_index(f->processes, guint32, middle));

		if (item->pid < pid || (item->pid == pid && item->begin_ns <= time))
			low = middle + 1;
		else
			high = middle;
	}
	guint32 serial = low ? g_array_index(f->processes, guint32, low - 1) : G_MAXUINT32;
	return serial != G_MAXUINT32 && at(f, serial)->pid == pid ? serial : G_MAXUINT32;
}

/* The process that stands for it. */
static guint32 leader_of(const DiagnoseFamilies *f, guint32 serial)
{
	guint32 leader = process_at(f, at(f, serial)->pid, at(f, serial)->begin_ns);

	for (guint i = 0; i < ANCESTORS_MAX && leader != G_MAXUINT32 && at(f, leader)->born && at(f, leader)->ppid > INIT_PID; i++) {
		guint32 parent = process_at(f, at(f, leader)->ppid, at(f, leader)->begin_ns);

		if (parent == G_MAXUINT32 || parent == leader)
			break;
		leader = parent;
	}
	return leader == G_MAXUINT32 ? serial : leader;
}

guint64 diagnose_family_of(const DiagnoseFamilies *f, guint32 serial)
{
	guint32 number = kernel_container_of(f->t->history, serial);
	const KernelContainerItem *container = kernel_container(f->t->history, number);

	if (container && container->level > 0)
		return CONTAINER | number;
	return serial < history_table_len(f->t->history, f->table) ? leader_of(f, at(f, serial)->same_as) : serial;
}
