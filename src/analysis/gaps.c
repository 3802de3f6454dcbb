/* SPDX-License-Identifier: MIT */
/* What was lost, and what was never recorded. */
#include "analysis/rows.h"

enum { LOSS_TRACE, LOSS_CPU, LOSS_EVENTS, LOSS_PACKETS, LOSS_BEGIN, LOSS_END };

static void add_loss(View *v, const CtfTrace *trace, const CtfStream *s, const CtfLoss *l)
{
	view_begin_row(v);
	view_set_text(v, LOSS_TRACE, trace->path);
	if (s->cpu >= 0)
		view_set_int(v, LOSS_CPU, s->cpu);
	view_set_uint(v, LOSS_EVENTS, l->events);
	view_set_uint(v, LOSS_PACKETS, l->packets);
	view_set_int(v, LOSS_BEGIN, l->begin_ns);
	view_set_int(v, LOSS_END, l->end_ns);
}

View *analysis_losses(const Analysis *a)
{
	View *v = view_new("lost-events", "Lost events");
	view_add_column(v, "trace", "TRACE", VIEW_TEXT);
	view_add_column(v, "cpu", "CPU", VIEW_ID);
	view_add_column(v, "events", "EVENTS", VIEW_COUNT);
	view_add_column(v, "packets", "PACKETS", VIEW_COUNT);
	view_add_column(v, "begin_ns", "FROM", VIEW_TIME_NS);
	view_add_column(v, "end_ns", "TO", VIEW_TIME_NS);
	for (guint i = 0; i < a->traces->len; i++) {
		const CtfTrace *trace = g_ptr_array_index(a->traces, i);
		for (guint j = 0; j < trace->streams->len; j++) {
			const CtfStream *s = g_ptr_array_index(trace->streams, j);
			for (guint k = 0; k < s->losses->len; k++)
				add_loss(v, trace, s, &g_array_index(s->losses, CtfLoss, k));
		}
	}
	return v;
}

View *analysis_unchecked(const Analysis *a)
{
	View *v = view_new("unchecked", "What could not be known");
	view_add_column(v, "machine", "MACHINE", VIEW_TEXT);
	view_add_column(v, "id", "ID", VIEW_TEXT);
	view_add_column(v, "needs", "NOT KNOWN", VIEW_TEXT);
	view_add_column(v, "command", "RECORDED BY", VIEW_TEXT);
	for (guint i = 0; i < a->machines->len; i++) {
		const AnalysisMachine *m = g_ptr_array_index(a->machines, i);
		g_autoptr(GArray) gaps = kvm_gaps(m->kvm);
		for (guint j = 0; j < gaps->len; j++) {
			const KvmGap *gap = &g_array_index(gaps, KvmGap, j);
			view_begin_row(v);
			view_set_text(v, 0, m->name);
			view_set_text(v, 1, gap->id);
			view_set_text(v, 2, gap->lost);
			view_set_text(v, 3, gap->command);
		}
	}
	return v;
}
