/* SPDX-License-Identifier: MIT */
/* counters.c: how many there were at a time: of the requests that a disk's driver has. */
#include "export/trace.h"
#include "kernel/block.h"

static gint by_time(gconstpointer a, gconstpointer b)
{
	const ExportChange *x = a, *y = b;

	return (x->time > y->time) - (x->time < y->time);
}

void export_add_change(ExportTrace *t, GArray *changes, gint64 time, gint64 by)
{
	ExportChange change = {time, by};

	if (changes->len < EXPORT_CHANGES_MAX)
		g_array_append_val(changes, change);
	else
		export_trace_summary(t)->left_out++;
}

/* Changes at one time are one. */
void export_changes(ExportTrace *t, guint64 parent, const char *name, guint rank, GArray *changes, gint64 begin_ns, gint64 end_ns)
{
	guint64 track = export_track_new(t, parent, EXPORT_COUNTER, name, rank);
	gint64 value = 0;

	g_array_sort(changes, by_time);
	for (guint i = 0; i < changes->len; i++) {
		const ExportChange *c = &g_array_index(changes, ExportChange, i);
		gint64 time = CLAMP(c->time, begin_ns, end_ns);

		value += c->by;
		if (i + 1 == changes->len || CLAMP(c[1].time, begin_ns, end_ns) != time)
			export_count(t, track, time, value);
	}
}

/* From issue to completion. What began before the trace isn't known, and what did not end stays open. */
static GArray *disk_changes(ExportTrace *t, const AnalysisStoreTrace *trace, guint table, guint32 disk)
{
	GArray *changes = g_array_new(FALSE, FALSE, sizeof(ExportChange));

	for (guint64 i = 0; i < history_table_len(trace->history, table); i++) {
		const KernelDiskRequest *r = history_table_get(trace->history, table, i);

		if (r->disk != disk || r->issued_ns == KERNEL_NO_TIME || r->end == KERNEL_DISK_LOST)
			continue;
		export_add_change(t, changes, analysis_time(trace, r->issued_ns), 1);
		if (r->completed_ns != KERNEL_NO_TIME)
			export_add_change(t, changes, analysis_time(trace, r->completed_ns), -1);
	}
	return changes;
}

static void put_disks(ExportTrace *t, ExportTracks *tracks, const AnalysisStoreTrace *trace, gint64 begin_ns, gint64 end_ns)
{
	guint disks, requests;

	if (!history_find_table(trace->history, KERNEL_DISKS_TABLE, sizeof(KernelDiskItem), &disks) ||
	    !history_find_table(trace->history, KERNEL_DISK_REQUESTS_TABLE, sizeof(KernelDiskRequest), &requests))
		return;
	for (guint32 d = 0; d < history_table_len(trace->history, disks); d++) {
		const KernelDiskItem *disk = history_table_get(trace->history, disks, d);

		if (!export_tracks_find(tracks, trace, disk->row))
			continue;
		g_autoptr(GArray) changes = disk_changes(t, trace, requests, d);
		g_autofree char *name = g_strdup_printf("%s: requests in flight", history_text_get(trace->history, disk->name));
		export_changes(t, export_tracks_group(tracks, trace, EXPORT_DISKS), name, d, changes, begin_ns, end_ns);
	}
}

void export_counters(ExportTrace *t, ExportTracks *tracks, const AnalysisStore *s, const AnalysisQuery *q)
{
	for (guint i = 0; i < s->traces->len; i++) {
		const AnalysisStoreTrace *trace = g_ptr_array_index(s->traces, i);
		g_autoptr(AnalysisFilter) f = trace->is_kernel ? analysis_filter_new(q, trace) : NULL;

		if (f)
			put_disks(t, tracks, trace, analysis_time(trace, analysis_filter_begin(f)), analysis_time(trace, analysis_filter_end(f)));
	}
}
