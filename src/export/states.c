/* SPDX-License-Identifier: MIT */
/* states.c: rows as tracks, their intervals as slices. */
#include "analysis/states.h"
#include "export/trace.h"

typedef struct {
	ExportTrace *trace;
	ExportTracks *tracks;
	GString *name, *room;
} States;

/* "exit: EPT_VIOLATION" */
static const char *name_of(States *s, const AnalysisStatesInterval *i)
{
	if (!*i->detail)
		return i->name;
	g_string_assign(s->name, i->name);
	g_string_append(s->name, ": ");
	g_string_append(s->name, i->detail);
	return s->name->str;
}

static gboolean put_row(gpointer user, const AnalysisStatesRow *row)
{
	States *s = user;
	AnalysisStatesWalk walk;
	AnalysisStatesInterval i;
	guint64 track = 0;

	analysis_states_walk(&walk, row, s->room);
	while (analysis_states_next(&walk, &i)) {
		if (!track)
			track = export_tracks_row(s->tracks, row);
		export_begin(s->trace, track, i.begin_ns, i.name, name_of(s, &i), NULL);
		export_end(s->trace, track, i.end_ns);
		export_trace_summary(s->trace)->slices++;
	}
	return TRUE;
}

void export_states(ExportTrace *t, ExportTracks *tracks, const AnalysisStore *store, const AnalysisQuery *q)
{
	g_autoptr(GString) name = g_string_new(NULL), room = g_string_new(NULL);
	States s = {t, tracks, name, room};

	analysis_states_each(store, q, put_row, &s);
}
