/* SPDX-License-Identifier: MIT */
/* /api/v1/perfetto: what `strata export --to perfetto` writes, of a range. */
#include <glib/gstdio.h>
#include <unistd.h>

#include "export/export.h"
#include "server/page.h"

/* A file without a name. */
typedef struct {
	GMappedFile *file;
	gsize sent;
} Sending;

static void sending_free(gpointer state)
{
	Sending *s = state;

	g_clear_pointer(&s->file, g_mapped_file_unref);
	g_free(s);
}

static gboolean send_more(gpointer state, GString *out)
{
	Sending *s = state;
	gsize len = g_mapped_file_get_length(s->file), n = MIN(len - s->sent, SERVER_PIECE);

	if (n)
		g_string_append_len(out, g_mapped_file_get_contents(s->file) + s->sent, (gssize)n);
	s->sent += n;
	return s->sent < len;
}

/* NULL: it could not be written. It is gone when nobody maps it any more. */
static GMappedFile *write_file(const Page *page, const AnalysisQuery *q, const Diagnose *d, GError **error)
{
	g_autofree char *path = NULL;
	ExportSummary summary;
	gint fd = g_file_open_tmp("strata-XXXXXX.perfetto", &path, error);

	if (fd < 0)
		return NULL;
	close(fd);
	GMappedFile *file = export_perfetto(page->store, q, d, path, &summary, error) ? g_mapped_file_new(path, FALSE, error) : NULL;
	g_unlink(path);
	return file;
}

gboolean page_get_perfetto(ServerRequest *request, ServerReply *reply, GError **error)
{
	g_auto(Page) page = {0};
	AnalysisQuery q = {0};

	if (!page_open(&page, request, reply) || !page_query_range(&page, request, &q, error))
		return FALSE;
	const Diagnose *d = server_findings(page.experiment);
	if (!d)
		return server_refuse(reply, 409, "Not ready yet", "The findings, which belong to it, are still being made: ask /api/v1/experiment");
	GMappedFile *file = write_file(&page, &q, d, error);
	if (!file)
		return FALSE;
	Sending *s = g_new0(Sending, 1);
	s->file = file;
	server_reply_stream(reply, "application/octet-stream", send_more, s, sending_free);
	return TRUE;
}
