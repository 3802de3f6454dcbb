/* SPDX-License-Identifier: MIT */
#include "export/export.h"

#include <errno.h>
#include <glib/gstdio.h>
#include <sys/stat.h>

#include "export/trace.h"

void export_remove(const char *path)
{
	struct stat info;

	/* Not a device or a pipe that somebody had us write to. */
	if (g_lstat(path, &info) == 0 && S_ISREG(info.st_mode))
		g_unlink(path);
}

static gboolean write_all(FILE *file, const AnalysisStore *s, const AnalysisQuery *q, const Diagnose *d, ExportSummary *out)
{
	g_autoptr(ExportTrace) t = export_trace_new(file);
	g_autoptr(ExportTracks) tracks = export_tracks_new(t, s);

	export_markers(t, d);
	export_states(t, tracks, s, q);
	export_requests(t, tracks, s, q);
	export_counters(t, tracks, s, q);
	/* Behind the slices: an instant stands in the slice that begins at the same time. */
	export_edges(t, tracks, s, q);
	gboolean written = export_trace_flush(t);
	*out = *export_trace_summary(t);
	return written;
}

gboolean export_perfetto(const AnalysisStore *s, const AnalysisQuery *q, const Diagnose *d, const char *path, ExportSummary *out, GError **error)
{
	FILE *file = g_fopen(path, "wb");

	if (!file) {
		g_set_error(error, ST_ERROR, ST_ERROR_IO, "%s: cannot write it: %s", path, g_strerror(errno));
		return FALSE;
	}
	gboolean written = write_all(file, s, q, d, out);
	int reason = errno;
	if (fclose(file) != 0 && written) {
		reason = errno;
		written = FALSE;
	}
	if (written)
		return TRUE;
	g_set_error(error, ST_ERROR, ST_ERROR_IO, "%s: cannot write it: %s", path, g_strerror(reason));
	export_remove(path);
	return FALSE;
}
