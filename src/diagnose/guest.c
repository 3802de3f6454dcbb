/* SPDX-License-Identifier: MIT */
/* guest.c: what a guest's own trace tells of what its host saw. */
#include <string.h>

#include "diagnose/private.h"

const AnalysisStoreTrace *diagnose_trace_of(const Diagnose *d, guint member)
{
	for (guint i = 0; i < d->store->traces->len; i++) {
		const AnalysisStoreTrace *t = g_ptr_array_index(d->store->traces, i);

		if (t->is_kernel && t->member == member && member != EXPERIMENT_NONE)
			return t;
	}
	return NULL;
}

GArray *diagnose_rows_of_cpus(const AnalysisStoreTrace *t, const char *row_kind)
{
	GArray *rows = g_array_new(FALSE, FALSE, sizeof(guint32));
	guint kind, none = HISTORY_NO_ROW, cpu;

	if (!history_find_kind(t->history, row_kind, &kind))
		return rows;
	for (guint32 r = 0; r < history_n_rows(t->history); r++) {
		if (history_row_kind(t->history, r) != kind || sscanf(history_row_path(t->history, r), "cpu/%u/", &cpu) != 1 || cpu >= KERNEL_CPU_MAX)
			continue;
		while (rows->len <= cpu)
			g_array_append_val(rows, none);
		g_array_index(rows, guint32, cpu) = r;
	}
	return rows;
}

static void occupants_free(gpointer rows)
{
	g_array_unref(rows);
}

guint32 diagnose_occupant_row(Diagnose *d, const AnalysisStoreTrace *t, gint32 cpu)
{
	if (!d->occupants)
		d->occupants = g_hash_table_new_full(NULL, NULL, NULL, occupants_free);
	GArray *rows = g_hash_table_lookup(d->occupants, t);
	if (!rows) {
		rows = diagnose_rows_of_cpus(t, KERNEL_OCCUPANT_ROW_KIND);
		g_hash_table_insert(d->occupants, (gpointer)(guintptr)t, rows);
	}
	return cpu >= 0 && (guint)cpu < rows->len ? g_array_index(rows, guint32, cpu) : HISTORY_NO_ROW;
}

/* The guest's own number of the processor that a vCPU is. */
static gint32 cpu_of(const ExperimentMember *m, guint32 vcpu)
{
	for (guint c = 0; c < m->vcpus->len; c++)
		if (g_array_index(m->vcpus, guint32, c) == vcpu)
			return (gint32)c;
	return -1;
}

guint32 diagnose_guest_thread_at(Diagnose *d, const AnalysisStoreTrace *host, guint32 vcpu, gint64 time)
{
	const AnalysisStoreTrace *guest = diagnose_trace_of(d, layers_guest_of(d->layers, host->member, vcpu));
	HistoryInterval i;

	if (!guest)
		return G_MAXUINT32;
	guint32 row = diagnose_occupant_row(d, guest, cpu_of(experiment_member(d->store->experiment, guest->member), vcpu));
	if (row == HISTORY_NO_ROW || !history_at(guest->history, row, analysis_own_time(guest, analysis_time(host, time)), &i) || i.state != KERNEL_OCCUPANT_THREAD)
		return G_MAXUINT32;
	return i.detail;
}
