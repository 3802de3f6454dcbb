/* SPDX-License-Identifier: MIT */
/* csv.c: a directory of tables. */
#include <errno.h>
#include <glib/gstdio.h>
#include <sys/stat.h>

#include "analysis/commands.h"
#include "analysis/registry.h"
#include "export/trace.h"

typedef struct {
	const char *directory;
	ExportWrittenFunc written;
	gpointer user;
} Csv;

/* What writes a file of the directory. */
typedef gboolean (*Writer)(gpointer what, FILE *out, guint64 *rows, GError **error);

static gboolean close_file(FILE *file, const char *path, guint64 *bytes, GError **error)
{
	struct stat info = {0};
	gboolean is_fine = fflush(file) == 0 && fstat(fileno(file), &info) == 0;

	*bytes = (guint64)info.st_size;
	if (fclose(file) == 0 && is_fine)
		return TRUE;
	g_set_error(error, ST_ERROR, ST_ERROR_IO, "%s: cannot write it: %s", path, g_strerror(errno));
	return FALSE;
}

static gboolean write_file(const Csv *c, const char *name, Writer write, gpointer what, GError **error)
{
	g_autofree char *file_name = g_strconcat(name, ".csv", NULL), *path = g_build_filename(c->directory, file_name, NULL);
	FILE *file = g_fopen(path, "wb");
	guint64 bytes = 0, rows = 0;

	if (!file) {
		g_set_error(error, ST_ERROR, ST_ERROR_IO, "%s: cannot write it: %s", path, g_strerror(errno));
		return FALSE;
	}
	gboolean is_written = write(what, file, &rows, error);
	gboolean done = close_file(file, path, &bytes, is_written ? error : NULL) && is_written;
	if (done)
		c->written(c->user, path, bytes, rows);
	else {
		g_prefix_error(error, "%s: ", path);
		export_remove(path);
	}
	return done;
}

static gboolean write_view(gpointer view, FILE *out, guint64 *rows, GError **error)
{
	*rows = view_row_count(view);
	return view_render(view, VIEW_FORMAT_CSV, out, error);
}

static gboolean write_table(const Csv *c, const char *name, View *view, GError **error)
{
	g_autoptr(View) v = view;

	return v && write_file(c, name, write_view, v, error);
}

typedef struct {
	const AnalysisStore *store;
	const AnalysisQuery *query;
} States;

static gboolean write_states(gpointer what, FILE *out, guint64 *rows, GError **error)
{
	const States *s = what;

	*rows = EXPORT_NOT_COUNTED;
	return analysis_states(s->store, s->query, VIEW_FORMAT_CSV, out, error);
}

static gboolean write_reports(const Csv *c, const Analysis *a, const Diagnose *d, GError **error)
{
	return write_table(c, "findings", diagnose_view(d), error) && write_table(c, "vms", analysis_vms(a), error) &&
	       write_table(c, "vcpus", analysis_vcpus(a), error) && write_table(c, "levels", analysis_levels(a), error);
}

gboolean export_csv(const AnalysisStore *s, const AnalysisQuery *q, const Analysis *a, const Diagnose *d, const char *path, ExportWrittenFunc written,
		    gpointer user, GError **error)
{
	Csv c = {path, written, user};
	States states = {s, q};

	if (g_mkdir_with_parents(path, 0777) < 0) {
		g_set_error(error, ST_ERROR, ST_ERROR_IO, "%s: cannot make the directory: %s", path, g_strerror(errno));
		return FALSE;
	}
	if (!write_reports(&c, a, d, error))
		return FALSE;
	for (guint i = 0; i < analysis_n_questions(); i++) {
		const AnalysisQuestion *asked = analysis_question(i);

		if (asked->make && !(asked->flags & ANALYSIS_NEEDS_THREAD) && !write_table(&c, asked->name, asked->make(s, q, error), error))
			return FALSE;
	}
	return write_file(&c, "states", write_states, &states, error);
}
