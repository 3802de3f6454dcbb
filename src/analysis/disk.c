/* SPDX-License-Identifier: MIT */
/*
 * Block devices: their requests, how long those were in the queue and in the driver, how many there were at a time, whose they were, and who was blocked by them.
 * Below a device stand the processes on whose behalf its requests were made, or that waited for it.
 */
#include "analysis/commands.h"
#include "analysis/disk_sums.h"

/* ---- Columns ------------------------------------------------------------------------------------------------------ */

typedef struct {
	View *view;
	guint time, machine, name, device, process, pid, requests, ops, bytes, merges, queue, dist, depth, blocked;
} Columns;

static const char *const op_columns[KERNEL_DISK_OP_COUNT] = {"reads", "writes", "discards", "flushes", "others"};

static void add_counts(Columns *c)
{
	View *v = c->view;

	c->requests = view_add_column(v, "requests", "REQS", VIEW_COUNT);
	for (guint i = 0; i < KERNEL_DISK_OP_COUNT; i++) {
		guint column = view_add_column(v, op_columns[i], op_columns[i], VIEW_COUNT);

		c->ops = i ? c->ops : column;
		view_hide_from_text(v, column);
	}
	c->bytes = view_add_column(v, "read_bytes", "READ", VIEW_BYTES);
	view_add_column(v, "written_bytes", "WRITTEN", VIEW_BYTES);
	c->merges = view_add_column(v, "merges", "MERGED", VIEW_COUNT);
	view_hide_from_text(v, c->merges);
	view_hide_from_text(v, view_add_column(v, "requeues", "REQUEUED", VIEW_COUNT));
	view_hide_from_text(v, view_add_column(v, "errors", "ERRORS", VIEW_COUNT));
}

static void add_times(Columns *c, const AnalysisQuery *q)
{
	View *v = c->view;

	c->queue = view_add_column(v, "queue_total_ns", "IN QUEUE", VIEW_NS);
	view_hide_from_text(v, c->queue);
	view_add_column(v, "queue_mean_ns", "QUEUE", VIEW_NS);
	view_hide_from_text(v, view_add_column(v, "queue_p50_ns", "Q P50", VIEW_NS));
	view_hide_from_text(v, view_add_column(v, "queue_p90_ns", "Q P90", VIEW_NS));
	view_hide_from_text(v, view_add_column(v, "queue_p99_ns", "Q P99", VIEW_NS));
	view_hide_from_text(v, view_add_column(v, "queue_max_ns", "Q MAX", VIEW_NS));
	c->dist = analysis_add_dist_columns(v, q);
	for (guint i = 0; i < 3; i++) /* count, total, min */
		view_hide_from_text(v, c->dist + i);
	view_hide_from_text(v, c->dist + 4); /* p50 */
	c->depth = view_add_column(v, "in_flight_mean", "DEPTH", VIEW_NUMBER);
	view_add_column(v, "in_flight_max", "MOST", VIEW_COUNT);
	view_add_column(v, "utilization", "BUSY", VIEW_RATIO);
	view_add_column(v, "sequential", "SEQ", VIEW_RATIO);
	c->blocked = view_add_column(v, "blocked_ns", "BLOCKED", VIEW_NS);
}

static void add_columns(Columns *c, const AnalysisStore *s, const AnalysisQuery *q)
{
	View *v = c->view;
	gboolean is_table = q->form == ANALYSIS_TABLE;

	c->time = analysis_add_time_column(v, q);
	c->machine = analysis_add_machine_column(v, s);
	c->name = view_add_column(v, "name", "DEVICE", VIEW_TEXT);
	c->device = view_add_column(v, "device", "DEVICE", VIEW_TEXT);
	c->process = view_add_column(v, "process", "PROCESS", VIEW_TEXT);
	c->pid = view_add_column(v, "pid", "PID", VIEW_ID);
	view_hide_from_text(v, c->device);
	view_hide_from_text(v, c->process);
	view_hide_from_text(v, c->pid);
	if (is_table)
		view_set_tree_column(v, c->name);
	add_counts(c);
	add_times(c, q);
}

/* ---- Rows --------------------------------------------------------------------------------------------------------- */

static void set_queue(const Columns *c, const StHist *queue)
{
	if (!queue->count)
		return;
	view_set_int(c->view, c->queue, queue->total);
	view_set_int(c->view, c->queue + 1, (gint64)st_hist_mean(queue));
	view_set_int(c->view, c->queue + 2, st_hist_percentile(queue, 50));
	view_set_int(c->view, c->queue + 3, st_hist_percentile(queue, 90));
	view_set_int(c->view, c->queue + 4, st_hist_percentile(queue, 99));
	view_set_int(c->view, c->queue + 5, queue->max);
}

static void set_depth(const Columns *c, const DiskSum *s)
{
	gint64 known = s->length_ns - s->unknown_ns;
	guint64 ordered = s->ops[KERNEL_DISK_OP_READ] + s->ops[KERNEL_DISK_OP_WRITE];

	if (known > 0) {
		view_set_double(c->view, c->depth, s->in_flight_ns / (double)known);
		view_set_double(c->view, c->depth + 2, MIN((double)s->busy_ns / (double)known, 1));
	}
	view_set_uint(c->view, c->depth + 1, s->in_flight_max);
	if (ordered)
		view_set_double(c->view, c->depth + 3, (double)s->sequential / (double)ordered);
	view_set_int(c->view, c->blocked, s->blocked_ns);
}

static void set_row(const Columns *c, const DiskSums *sums, const AnalysisQuery *q, const DiskSum *s)
{
	const char *device = disk_sums_device(sums, s->disk);
	g_autofree char *process = s->who == DISK_ALL ? NULL : disk_sums_who(sums, s);
	View *v = c->view;

	if (c->time != G_MAXUINT)
		analysis_set_time(v, c->time, disk_sums_trace(sums), s->step_ns);
	view_set_text(v, c->machine, disk_sums_machine(sums));
	view_set_text(v, c->device, device);
	view_set_text(v, c->name, process ? process : device);
	view_set_text(v, c->process, process);
	if (s->who >= 0)
		view_set_int(v, c->pid, s->who);
	view_set_uint(v, c->requests, s->requests);
	for (guint i = 0; i < KERNEL_DISK_OP_COUNT; i++)
		view_set_uint(v, c->ops + i, s->ops[i]);
	view_set_uint(v, c->bytes, s->bytes[KERNEL_DISK_OP_READ]);
	view_set_uint(v, c->bytes + 1, s->bytes[KERNEL_DISK_OP_WRITE]);
	view_set_uint(v, c->merges, s->merges);
	view_set_uint(v, c->merges + 1, s->requeues);
	view_set_uint(v, c->merges + 2, s->errors);
	set_queue(c, &s->queue);
	analysis_set_dist(v, c->dist, q, &s->driver);
	set_depth(c, s);
}

/* Devices, and below them processes. */
static void add_rows(const Columns *c, const DiskSums *sums, const AnalysisQuery *q)
{
	GHashTable *devices = g_hash_table_new(NULL, NULL);

	for (guint pass = 0; pass < 2; pass++)
		for (guint i = 0; i < disk_sums_len(sums); i++) {
			const DiskSum *s = disk_sums_get(sums, i);

			if ((s->who == DISK_ALL) != (pass == 0))
				continue;
			gint row = view_begin_row(c->view);
			set_row(c, sums, q, s);
			if (pass == 0)
				g_hash_table_insert(devices, GUINT_TO_POINTER(s->disk), GINT_TO_POINTER(row));
			else
				view_row_parent(c->view, GPOINTER_TO_INT(g_hash_table_lookup(devices, GUINT_TO_POINTER(s->disk))));
		}
	g_hash_table_unref(devices);
}

static void add_notes(View *v, const DiskSums *sums)
{
	guint64 open, lost, unmatched;

	disk_sums_doubts(sums, &open, &lost, &unmatched);
	if (open)
		view_add_note(v, "%s: %" G_GUINT64_FORMAT " requests were not completed when the trace ended.", disk_sums_machine(sums), open);
	if (lost)
		view_add_note(v, "%s: %" G_GUINT64_FORMAT " requests were open when events were lost, and don't count.", disk_sums_machine(sums),
			      lost);
	if (unmatched)
		view_add_note(v, "%s: %" G_GUINT64_FORMAT " completions of requests that began before the trace or over lost events don't count.",
			      disk_sums_machine(sums), unmatched);
}

/* ---- The individual requests ------------------------------------------------------------------------------------- */

enum { LOG_MACHINE, LOG_TIME, LOG_DEVICE, LOG_OP, LOG_FLAGS, LOG_SECTOR, LOG_BYTES, LOG_QUEUE, LOG_DRIVER, LOG_TOTAL, LOG_CAUSE, LOG_VIA,
       LOG_THREAD, LOG_ORIGIN, LOG_MERGES, LOG_REQUEUES, LOG_ERROR, LOG_END };

static void add_log_columns(View *v, const AnalysisStore *s)
{
	analysis_add_machine_column(v, s);
	view_add_column(v, "time_ns", "SUBMITTED", VIEW_TIME_NS);
	view_add_column(v, "device", "DEVICE", VIEW_TEXT);
	view_add_column(v, "op", "OP", VIEW_TEXT);
	view_add_column(v, "flags", "FLAGS", VIEW_TEXT);
	view_add_column(v, "sector", "SECTOR", VIEW_ID);
	view_add_column(v, "bytes", "SIZE", VIEW_BYTES);
	view_add_column(v, "queue_ns", "QUEUE", VIEW_NS);
	view_add_column(v, "driver_ns", "DRIVER", VIEW_NS);
	view_add_column(v, "total_ns", "TOTAL", VIEW_NS);
	view_add_column(v, "cause", "FOR", VIEW_TEXT);
	view_add_column(v, "via", "VIA", VIEW_TEXT);
	view_add_column(v, "submitter", "SUBMITTER", VIEW_TEXT);
	view_add_column(v, "origin", "THROUGH", VIEW_TEXT);
	view_add_column(v, "merges", "MERGED", VIEW_COUNT);
	view_add_column(v, "requeues", "REQUEUED", VIEW_COUNT);
	view_add_column(v, "error", "ERROR", VIEW_ID);
	view_add_column(v, "end", "END", VIEW_TEXT);
	view_hide_from_text(v, LOG_THREAD);
	view_hide_from_text(v, LOG_ORIGIN);
	view_hide_from_text(v, LOG_MERGES);
	view_hide_from_text(v, LOG_REQUEUES);
	view_hide_from_text(v, LOG_ERROR);
}

static void set_log_times(View *v, const AnalysisStoreTrace *t, const KernelDiskRequest *r)
{
	gint64 begin = kernel_disk_request_begin(r);

	if (begin != KERNEL_NO_TIME)
		analysis_set_time(v, LOG_TIME, t, begin);
	if (r->queued_ns != KERNEL_NO_TIME && r->issued_ns != KERNEL_NO_TIME)
		view_set_int(v, LOG_QUEUE, r->issued_ns - r->queued_ns);
	if (r->issued_ns != KERNEL_NO_TIME && r->completed_ns != KERNEL_NO_TIME)
		view_set_int(v, LOG_DRIVER, r->completed_ns - r->issued_ns);
	view_set_int(v, LOG_TOTAL, disk_request_total(r, t->end_ns));
}

static void set_log_row(View *v, const AnalysisStoreTrace *t, const DiskSums *sums, const KernelDiskRequest *r)
{
	g_autofree char *cause = analysis_thread_name(t, r->cause), *thread = analysis_thread_name(t, r->thread), *flags = disk_request_flags(r);

	view_begin_row(v);
	view_set_text(v, LOG_MACHINE, t->name);
	view_set_text(v, LOG_DEVICE, disk_sums_device(sums, r->disk));
	view_set_text(v, LOG_OP, kernel_disk_op_name(r->op));
	view_set_text(v, LOG_FLAGS, flags);
	view_set_uint(v, LOG_SECTOR, r->sector);
	view_set_uint(v, LOG_BYTES, r->bytes);
	set_log_times(v, t, r);
	view_set_text(v, LOG_CAUSE, cause);
	view_set_text(v, LOG_VIA, kernel_disk_via_name(r->via));
	view_set_text(v, LOG_THREAD, thread);
	if (r->origin != KERNEL_NO_DEV)
		view_set_textf(v, LOG_ORIGIN, "%u:%u", r->origin >> 20, r->origin & 0xfffff);
	view_set_uint(v, LOG_MERGES, r->merges);
	view_set_uint(v, LOG_REQUEUES, r->requeues);
	view_set_int(v, LOG_ERROR, r->error);
	view_set_text(v, LOG_END, r->end == KERNEL_DISK_COMPLETED ? (r->error ? "error" : "completed") : "open");
}

/* ---- The command --------------------------------------------------------------------------------------------------- */

static View *log_view(const AnalysisStore *s, const AnalysisQuery *q)
{
	View *v = view_new("disk-requests", "Disk requests");

	add_log_columns(v, s);
	for (guint i = 0; i < s->traces->len; i++) {
		const AnalysisStoreTrace *t = g_ptr_array_index(s->traces, i);
		g_autoptr(AnalysisFilter) f = t->is_kernel ? analysis_filter_new(q, t) : NULL;
		g_autoptr(DiskSums) sums = f ? disk_sums_new(q, t, f) : NULL;
		g_autoptr(GPtrArray) slowest = sums ? disk_sums_slowest(sums, q->limit) : NULL;

		for (guint n = 0; slowest && n < slowest->len; n++)
			set_log_row(v, t, sums, g_ptr_array_index(slowest, n));
	}
	view_set_empty_text(v, "There were no disk requests, or events of block devices were not recorded (lttng enable-event --kernel 'block_*').");
	view_sort(v, LOG_TOTAL, TRUE);
	return v;
}

View *analysis_disk(const AnalysisStore *s, const AnalysisQuery *q, GError **error)
{
	(void)error;
	if (q->form == ANALYSIS_LOG)
		return log_view(s, q);
	Columns c = {.view = view_new("disk", "Disks")};
	add_columns(&c, s, q);
	for (guint i = 0; i < s->traces->len; i++) {
		const AnalysisStoreTrace *t = g_ptr_array_index(s->traces, i);
		g_autoptr(AnalysisFilter) f = t->is_kernel ? analysis_filter_new(q, t) : NULL;
		g_autoptr(DiskSums) sums = f ? disk_sums_new(q, t, f) : NULL;

		if (!sums)
			continue;
		disk_sums_add(sums);
		add_rows(&c, sums, q);
		add_notes(c.view, sums);
	}
	view_set_empty_text(c.view, "There were no disk requests, or events of block devices were not recorded (lttng enable-event --kernel 'block_*').");
	view_sort(c.view, c.dist + 1, TRUE);
	if (q->form == ANALYSIS_SERIES)
		view_sort(c.view, c.time, FALSE);
	return c.view;
}
