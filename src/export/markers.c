/* SPDX-License-Identifier: MIT */
/* markers.c: findings as tracks: when each mattered, and its evidence. */
#include "base/format.h"
#include "export/trace.h"

static void put_ranges(ExportTrace *t, guint64 track, const DiagnoseFinding *f)
{
	char lost[ST_FORMAT_MAX];
	g_autofree char *lost_text = g_strdup_printf("%s, %.1f %% of what it wanted to run", st_format_duration(lost, f->lost_ns), f->share * 100);
	const ExportNote notes[] = {{"what", f->title}, {"who suffers", f->sufferer.name}, {"culprit", f->culprit.name}, {"machine", f->culprit.machine},
				    {"lost", lost_text}, {"advice", f->advice ? f->advice : ""}, {NULL, NULL}};

	for (guint i = 0; i < f->ranges->len; i++) {
		const DiagnoseRange *r = &g_array_index(f->ranges, DiagnoseRange, i);

		export_begin(t, track, r->begin_ns, "finding", f->cause->id, notes);
		export_end(t, track, r->end_ns);
		export_trace_summary(t)->markers++;
	}
}

/* Its intervals may overlap: they are of different rows. */
static void put_evidence(ExportTrace *t, guint64 track, const DiagnoseFinding *f)
{
	for (guint i = 0; i < f->evidence->len; i++) {
		const DiagnoseEvidence *e = &g_array_index(f->evidence, DiagnoseEvidence, i);
		char length[ST_FORMAT_MAX];
		const ExportNote notes[] = {{"row", e->row}, {"state", e->state}, {"length", st_format_duration(length, e->end_ns - e->begin_ns)}, {NULL, NULL}};

		export_instant(t, track, e->begin_ns, "evidence", e->row, notes);
		export_trace_summary(t)->markers++;
	}
}

void export_markers(ExportTrace *t, const Diagnose *d)
{
	guint64 group;

	if (!d->findings->len)
		return;
	group = export_track_new(t, 0, EXPORT_GROUP, "Findings", 0);
	for (guint i = 0; i < d->findings->len; i++) {
		const DiagnoseFinding *f = g_ptr_array_index(d->findings, i);
		g_autofree char *name = g_strdup_printf("%u. %s", i + 1, f->title);
		guint64 track = export_track_new(t, group, EXPORT_SLICES, name, i);

		put_ranges(t, track, f);
		put_evidence(t, export_track_new(t, track, EXPORT_SLICES, "Evidence", 0), f);
	}
}
