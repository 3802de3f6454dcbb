/* SPDX-License-Identifier: MIT */
/*
 * export/trace.h: a Perfetto trace, written as it comes: tracks, and what is on them. Private to export/.
 *
 * Of https://perfetto.dev/docs/reference/trace-packet-proto it uses TrackDescriptor and TrackEvent, on one sequence, with names that are written once (interned). A track is known by a
 * number that is not 0. Slices of a track must nest, and are to be written in order of time; tracks need no order.
 */
#ifndef STRATA_EXPORT_TRACE_H
#define STRATA_EXPORT_TRACE_H

#include <stdio.h>

#include "analysis/states.h"
#include "export/export.h"

typedef struct ExportTrace ExportTrace;

typedef enum {
	EXPORT_GROUP,   /* nothing is on it but the tracks below */
	EXPORT_SLICES,
	EXPORT_COUNTER, /* how many there are */
} ExportTrackKind;

ExportTrace *export_trace_new(FILE *out);
void export_trace_free(ExportTrace *t); /* NULL is fine */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(ExportTrace, export_trace_free)

/* Everything that was written so far. */
ExportSummary *export_trace_summary(ExportTrace *t);

/* Write what is still buffered. FALSE: something could not be written (errno). */
gboolean export_trace_flush(ExportTrace *t);

/* A track of that number, below another one (0: below none); tracks stand in order of their ranks. */
void export_track(ExportTrace *t, guint64 track, guint64 parent, ExportTrackKind kind, const char *name, guint rank);

/* One of a number of its own. */
guint64 export_track_new(ExportTrace *t, guint64 parent, ExportTrackKind kind, const char *name, guint rank);

/* A text that belongs to a slice or an instant; NULL as the last one's name. */
typedef struct {
	const char *name, *text;
} ExportNote;

/* `category` lives for ever, or as long as the histories do. `notes` may be NULL. */
void export_begin(ExportTrace *t, guint64 track, gint64 time, const char *category, const char *name, const ExportNote *notes);
void export_end(ExportTrace *t, guint64 track, gint64 time);
void export_count(ExportTrace *t, guint64 track, gint64 time, gint64 value);

/* An instant; `notes` may be NULL. */
void export_instant(ExportTrace *t, guint64 track, gint64 time, const char *category, const char *name, const ExportNote *notes);

/* From an instant on a track to one on another. */
void export_flow(ExportTrace *t, const char *name, guint64 from, gint64 from_ns, guint64 to, gint64 to_ns);

/* Take away a file that could not be written whole. */
void export_remove(const char *path);

/* ---- What is written ------------------------------------------------------------------------------------------------------ */

/* The tracks of machines, and the numbers of rows' tracks. */
typedef struct ExportTracks ExportTracks;

ExportTracks *export_tracks_new(ExportTrace *t, const AnalysisStore *s);
void export_tracks_free(ExportTracks *t); /* NULL is fine */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(ExportTracks, export_tracks_free)

/* The track of a row, which is made, with the groups that it stands in. */
guint64 export_tracks_row(ExportTracks *t, const AnalysisStatesRow *row);

/* That of a row that was made; 0: it was not. */
guint64 export_tracks_find(const ExportTracks *t, const AnalysisStoreTrace *trace, guint32 row);

/* Groups of a machine that are not rows'. */
typedef enum { EXPORT_REQUESTS, EXPORT_DISKS } ExportGroup;

guint64 export_tracks_group(ExportTracks *t, const AnalysisStoreTrace *trace, ExportGroup group);

/* A change of what a counter counts. */
typedef struct {
	gint64 time;
	gint64 by;
} ExportChange;

/* A counter's track with its values: changes need no order, those beyond the range's ends count at them. */
void export_changes(ExportTrace *t, guint64 parent, const char *name, guint rank, GArray *changes, gint64 begin_ns, gint64 end_ns);
void export_add_change(ExportTrace *t, GArray *changes, gint64 time, gint64 by);

void export_states(ExportTrace *t, ExportTracks *tracks, const AnalysisStore *s, const AnalysisQuery *q);
void export_edges(ExportTrace *t, const ExportTracks *tracks, const AnalysisStore *s, const AnalysisQuery *q);
void export_requests(ExportTrace *t, ExportTracks *tracks, const AnalysisStore *s, const AnalysisQuery *q);
void export_counters(ExportTrace *t, ExportTracks *tracks, const AnalysisStore *s, const AnalysisQuery *q);
void export_markers(ExportTrace *t, const Diagnose *d);

#endif
