/* SPDX-License-Identifier: MIT */
/* /api/v1/findings: what is wrong, as `strata report --format=json` has it, with times from the experiment's begin. */
#include "server/page.h"

static void put_who(StJson *j, const char *key, const DiagnoseWho *w)
{
	st_json_key(j, key);
	st_json_begin_inline_object(j);
	st_json_member_string(j, "kind", w->kind);
	st_json_member_string(j, "name", w->name);
	st_json_member_string(j, "machine", w->machine);
	st_json_member_int(j, "pid", w->pid);
	st_json_member_int(j, "tid", w->tid);
	st_json_end(j);
}

static void put_ranges(StJson *j, const DiagnoseFinding *f, gint64 origin)
{
	st_json_key(j, "ranges");
	st_json_begin_array(j);
	for (guint i = 0; i < f->ranges->len; i++) {
		const DiagnoseRange *r = &g_array_index(f->ranges, DiagnoseRange, i);

		st_json_begin_inline_array(j);
		st_json_int(j, r->begin_ns - origin);
		st_json_int(j, r->end_ns - origin);
		st_json_end(j);
	}
	st_json_end(j);
}

static void put_evidence(StJson *j, const DiagnoseFinding *f, gint64 origin)
{
	st_json_key(j, "evidence");
	st_json_begin_array(j);
	for (guint i = 0; i < f->evidence->len; i++) {
		const DiagnoseEvidence *e = &g_array_index(f->evidence, DiagnoseEvidence, i);

		st_json_begin_inline_object(j);
		st_json_member_string(j, "row", e->row);
		st_json_member_int(j, "begin", e->begin_ns - origin);
		st_json_member_int(j, "end", e->end_ns - origin);
		st_json_member_string(j, "state", e->state);
		st_json_end(j);
	}
	st_json_end(j);
}

static void put_folded(StJson *j, const DiagnoseFinding *f)
{
	st_json_key(j, "symptoms");
	st_json_begin_array(j);
	for (guint i = 0; i < f->folded->len; i++) {
		const DiagnoseFolded *folded = &g_array_index(f->folded, DiagnoseFolded, i);

		st_json_begin_inline_object(j);
		st_json_member_string(j, "id", folded->id);
		st_json_member_string(j, "title", folded->title);
		st_json_member_int(j, "lost", folded->lost_ns);
		st_json_member_string(j, "family", folded->family);
		st_json_end(j);
	}
	st_json_end(j);
}

static void put_finding(StJson *j, const DiagnoseFinding *f, gint64 origin)
{
	st_json_begin_object(j);
	st_json_member_string(j, "id", f->cause->id);
	st_json_member_string(j, "ruled_out", f->cause->rules_out);
	st_json_member_string(j, "title", f->title);
	st_json_member_int(j, "level", f->level);
	put_who(j, "sufferer", &f->sufferer);
	put_who(j, "culprit", &f->culprit);
	st_json_member_int(j, "lost", f->lost_ns);
	st_json_member_double(j, "share", f->share);
	st_json_member_string(j, "share_of", f->cause->share_of);
	st_json_member_double(j, "confidence", f->confidence);
	put_ranges(j, f, origin);
	put_evidence(j, f, origin);
	put_folded(j, f);
	st_json_member_string(j, "advice", f->advice);
	st_json_end(j);
}

static void put_findings(StJson *j, const char *name, const GPtrArray *findings, gint64 origin)
{
	st_json_key(j, name);
	st_json_begin_array(j);
	for (guint i = 0; i < findings->len; i++)
		put_finding(j, g_ptr_array_index(findings, i), origin);
	st_json_end(j);
}

/* One member a cause and machine. */
static void put_unchecked(gpointer user, const AnalysisStoreTrace *machine, const DiagnoseCause *cause, const char *command)
{
	StJson *j = user;

	st_json_begin_inline_object(j);
	st_json_member_string(j, "id", cause->id);
	st_json_member_string(j, "what", cause->what);
	st_json_member_string(j, "machine", machine->name);
	st_json_member_string(j, "command", command);
	st_json_end(j);
}

gboolean page_get_findings(ServerRequest *request, ServerReply *reply, GError **error)
{
	g_auto(Page) page = {0};

	(void)error;
	if (!page_open(&page, request, reply))
		return FALSE;
	const Diagnose *d = server_findings(page.experiment);
	if (!d)
		return server_refuse(reply, 409, "Not ready yet", "The findings are still being made: ask /api/v1/experiment");
	StJson *j = server_reply_json(reply);
	st_json_begin_object(j);
	put_findings(j, "findings", d->findings, page.store->begin_ns);
	put_findings(j, "notes", d->notes, page.store->begin_ns);
	st_json_key(j, "unchecked");
	st_json_begin_array(j);
	diagnose_unchecked(d, put_unchecked, j);
	st_json_end(j);
	st_json_end(j);
	return TRUE;
}
