/* SPDX-License-Identifier: MIT */
/* findings.c: findings for people and programs. */
#include "base/format.h"
#include "base/time.h"
#include "diagnose/private.h"

#define RANGES_SHOWN 4
#define NOTES_SHOWN  8
#define FOLDED_SHOWN 4
#define LIGHT 0.05 /* of the sufferer's demand: below that nobody need worry */

/* ---- JSON ------------------------------------------------------------------------------------------------------------- */

static void json_number(StJson *j, const char *name, gint64 value)
{
	if (value >= 0)
		st_json_member_int(j, name, value);
	else
		st_json_member_null(j, name);
}

static void json_who(StJson *j, const char *key, const DiagnoseWho *who)
{
	st_json_key(j, key);
	st_json_begin_inline_object(j);
	st_json_member_string(j, "kind", who->kind);
	st_json_member_string(j, "name", who->name);
	st_json_member_string(j, "machine", who->machine);
	json_number(j, "pid", who->pid);
	json_number(j, "tid", who->tid);
	st_json_end(j);
}

static void json_ranges(StJson *j, const DiagnoseFinding *f)
{
	st_json_key(j, "ranges");
	st_json_begin_array(j);
	for (guint i = 0; i < f->ranges->len; i++) {
		const DiagnoseRange *r = &g_array_index(f->ranges, DiagnoseRange, i);

		st_json_begin_inline_array(j);
		st_json_int(j, r->begin_ns);
		st_json_int(j, r->end_ns);
		st_json_end(j);
	}
	st_json_end(j);
}

static void json_evidence(StJson *j, const DiagnoseFinding *f)
{
	st_json_key(j, "evidence");
	st_json_begin_array(j);
	for (guint i = 0; i < f->evidence->len; i++) {
		const DiagnoseEvidence *e = &g_array_index(f->evidence, DiagnoseEvidence, i);

		st_json_begin_inline_object(j);
		st_json_member_string(j, "row", e->row);
		st_json_member_int(j, "begin_ns", e->begin_ns);
		st_json_member_int(j, "end_ns", e->end_ns);
		st_json_member_string(j, "state", e->state);
		st_json_end(j);
	}
	st_json_end(j);
}

static void json_folded(StJson *j, const DiagnoseFinding *f)
{
	st_json_key(j, "folded");
	st_json_begin_array(j);
	for (guint i = 0; i < f->folded->len; i++) {
		const DiagnoseFolded *s = &g_array_index(f->folded, DiagnoseFolded, i);

		st_json_begin_inline_object(j);
		st_json_member_string(j, "id", s->id);
		st_json_member_string(j, "title", s->title);
		st_json_member_int(j, "lost_ns", s->lost_ns);
		st_json_member_string(j, "family", s->family);
		st_json_end(j);
	}
	st_json_end(j);
}

static void json_finding(StJson *j, const DiagnoseFinding *f)
{
	st_json_begin_object(j);
	st_json_member_string(j, "id", f->cause->id);
	st_json_member_string(j, "title", f->title);
	json_number(j, "level", f->level);
	json_who(j, "sufferer", &f->sufferer);
	json_who(j, "culprit", &f->culprit);
	st_json_member_int(j, "lost_ns", f->lost_ns);
	st_json_member_double(j, "share", f->share);
	st_json_member_string(j, "share_of", f->cause->share_of);
	st_json_member_double(j, "weight", diagnose_weight(f));
	st_json_member_double(j, "confidence", f->confidence);
	json_ranges(j, f);
	json_evidence(j, f);
	st_json_member_string(j, "advice", f->advice);
	st_json_member_string(j, "ruled_out", f->cause->rules_out);
	json_folded(j, f);
	st_json_end(j);
}

static void json_array(StJson *j, const char *key, const GPtrArray *findings)
{
	st_json_key(j, key);
	st_json_begin_array(j);
	for (guint i = 0; i < findings->len; i++)
		json_finding(j, g_ptr_array_index(findings, i));
	st_json_end(j);
}

void diagnose_json(const Diagnose *d, StJson *j)
{
	json_array(j, "findings", d->findings);
	json_array(j, "notes", d->notes);
}

/* ---- For people --------------------------------------------------------------------------------------------------------- */

static char *ranges_text(const Diagnose *d, const DiagnoseFinding *f)
{
	GString *s = g_string_new(NULL);
	char from[ST_FORMAT_MAX], to[ST_FORMAT_MAX];

	for (guint i = 0; i < f->ranges->len && i < RANGES_SHOWN; i++) {
		const DiagnoseRange *r = &g_array_index(f->ranges, DiagnoseRange, i);

		g_string_append_printf(s, "%s+%s to +%s", i ? ", " : "", st_format_duration(from, r->begin_ns - d->store->begin_ns),
				       st_format_duration(to, r->end_ns - d->store->begin_ns));
	}
	if (f->ranges->len > RANGES_SHOWN)
		g_string_append_printf(s, ", and %u more time%s", f->ranges->len - RANGES_SHOWN, f->ranges->len - RANGES_SHOWN > 1 ? "s" : "");
	return g_string_free(s, FALSE);
}

static void say_when(const Diagnose *d, ViewDoc *doc, const DiagnoseFinding *f)
{
	g_autoptr(GArray) ranges = g_array_new(FALSE, FALSE, sizeof(ViewRange));
	gint64 begin = MAX(d->begin_ns, d->store->begin_ns), end = MIN(d->end_ns, d->store->end_ns);

	for (guint i = 0; i < f->ranges->len; i++) {
		const DiagnoseRange *r = &g_array_index(f->ranges, DiagnoseRange, i);
		ViewRange range = {r->begin_ns, r->end_ns};

		g_array_append_val(ranges, range);
	}
	if (ranges->len)
		view_doc_when(doc, "When the time was lost", begin, end, &g_array_index(ranges, ViewRange, 0), ranges->len);
}

static void say_evidence(const Diagnose *d, ViewDoc *doc, const DiagnoseFinding *f)
{
	View *v = view_new("evidence", "Evidence");

	view_add_column(v, "row", "ROW", VIEW_TEXT);
	view_add_column(v, "state", "STATE", VIEW_TEXT);
	view_add_column(v, "begin_ns", "AT", VIEW_TIME_NS);
	view_add_column(v, "after_ns", "AFTER BEGIN", VIEW_NS);
	view_add_column(v, "length_ns", "LENGTH", VIEW_NS);
	for (guint i = 0; i < f->evidence->len; i++) {
		const DiagnoseEvidence *e = &g_array_index(f->evidence, DiagnoseEvidence, i);

		view_begin_row(v);
		view_set_text(v, 0, e->row);
		view_set_text(v, 1, e->state);
		view_set_int(v, 2, e->begin_ns);
		view_set_int(v, 3, e->begin_ns - d->store->begin_ns);
		view_set_int(v, 4, e->end_ns - e->begin_ns);
	}
	view_add_note(v, "strata states --row=ROW --begin=TIME --end=TIME shows what stood around one of them.");
	view_doc_more(doc, "Evidence: the longest intervals", v);
}

/* Who is to blame may be a machine above: the level is where it costs time. */
static void say_level(const Diagnose *d, ViewDoc *doc, const DiagnoseFinding *f)
{
	gint own = f->level;

	if (f->level < 0)
		return;
	for (guint i = 0; i < d->store->traces->len; i++) {
		const AnalysisStoreTrace *t = g_ptr_array_index(d->store->traces, i);

		if (t->is_kernel && g_strcmp0(t->name, f->culprit.machine) == 0)
			own = t->level;
	}
	if (own == f->level)
		view_doc_pair(doc, "Level", "L%d (%s)", f->level, f->culprit.machine);
	else
		view_doc_pair(doc, "Level", "L%d, for %s", f->level, f->culprit.machine);
}

/* The culprit's family in one line: they are names, where other symptoms are sentences. */
static void say_family(ViewDoc *doc, const DiagnoseFinding *f)
{
	g_autoptr(GString) names = g_string_new(NULL);
	char lost[ST_FORMAT_MAX];
	guint n = 0;

	for (guint i = 0; i < f->folded->len; i++) {
		const DiagnoseFolded *s = &g_array_index(f->folded, DiagnoseFolded, i);

		if (s->family && n++ < FOLDED_SHOWN)
			g_string_append_printf(names, "%s%s (%s)", names->len ? ", " : "", s->family, st_format_duration(lost, s->lost_ns));
	}
	if (n > FOLDED_SHOWN)
		g_string_append_printf(names, " and %u more", n - FOLDED_SHOWN);
	if (n)
		view_doc_pair(doc, "Family", "%s", names->str);
}

static void say_folded(ViewDoc *doc, const DiagnoseFinding *f)
{
	char lost[ST_FORMAT_MAX];
	guint n = 0;

	say_family(doc, f);
	for (guint i = 0; i < f->folded->len; i++) {
		const DiagnoseFolded *s = &g_array_index(f->folded, DiagnoseFolded, i);

		if (!s->family && n++ < FOLDED_SHOWN)
			view_doc_pair(doc, "With it", "%s (%s)", s->title, st_format_duration(lost, s->lost_ns));
	}
	if (n > FOLDED_SHOWN)
		view_doc_pair(doc, "With it", "%u more (--format json has them)", n - FOLDED_SHOWN);
}

static void say_finding(const Diagnose *d, ViewDoc *doc, guint number, const DiagnoseFinding *f)
{
	char lost[ST_FORMAT_MAX], longest[ST_FORMAT_MAX];
	g_autofree char *when = ranges_text(d, f);

	view_doc_card(doc, f->share, "%u. %s", number, f->title);
	say_when(d, doc, f);
	view_doc_pair(doc, "Lost", "%s, %.1f %% of %s%s", st_format_duration(lost, f->lost_ns), f->share * 100, f->cause->share_of,
		      f->share < LIGHT ? " (little)" : "");
	say_level(d, doc, f);
	view_doc_pair(doc, "When", "%s", when);
	if (f->evidence->len) {
		const DiagnoseEvidence *e = &g_array_index(f->evidence, DiagnoseEvidence, 0);

		view_doc_pair(doc, "Longest", "%s of %s, in %s at +%s", st_format_duration(longest, e->end_ns - e->begin_ns), e->state, e->row,
			      st_format_duration(lost, e->begin_ns - d->store->begin_ns));
	}
	say_folded(doc, f);
	view_doc_pair(doc, "Ruled out", "%s", f->cause->rules_out);
	view_doc_pair(doc, "Advice", "%s", f->advice);
	say_evidence(d, doc, f);
	view_doc_card_end(doc);
}

/* One line each: it is where time goes anyway, and nobody has to do anything about it. */
static void say_notes(const Diagnose *d, ViewDoc *doc)
{
	char lost[ST_FORMAT_MAX];

	if (!d->notes->len)
		return;
	view_doc_part(doc, "Of little weight");
	for (guint i = 0; i < d->notes->len && i < NOTES_SHOWN; i++) {
		const DiagnoseFinding *f = g_ptr_array_index(d->notes, i);

		view_doc_item(doc, "%s: %s, %.1f %% of %s", f->title, st_format_duration(lost, f->lost_ns), f->share * 100, f->cause->share_of);
	}
	if (d->notes->len > NOTES_SHOWN)
		view_doc_item(doc, "and %u more (--format json has them)", d->notes->len - NOTES_SHOWN);
}

void diagnose_say(const Diagnose *d, ViewDoc *doc)
{
	view_doc_part(doc, "Findings");
	if (!d->findings->len)
		view_doc_paragraph(doc, "Nothing of weight was found: nobody lost %g %% of the time for which he wanted to run to anything that was checked, or %g %% of some second. "
					"Where the time went is told below.", d->thresholds[DIAGNOSE_HEAVY_SHARE] * 100, d->thresholds[DIAGNOSE_HEAVY_SECOND] * 100);
	for (guint i = 0; i < d->findings->len; i++)
		say_finding(d, doc, i + 1, g_ptr_array_index(d->findings, i));
	say_notes(d, doc);
}

/* ---- A table -------------------------------------------------------------------------------------------------------------- */

static void add_rows(View *v, const GPtrArray *findings, const char *kind)
{
	for (guint i = 0; i < findings->len; i++) {
		const DiagnoseFinding *f = g_ptr_array_index(findings, i);

		view_begin_row(v);
		view_set_text(v, 0, f->cause->id);
		if (f->level >= 0)
			view_set_int(v, 1, f->level);
		view_set_text(v, 2, f->sufferer.name);
		view_set_text(v, 3, f->culprit.name);
		view_set_int(v, 4, f->lost_ns);
		view_set_double(v, 5, f->share);
		view_set_text(v, 6, kind);
		view_set_text(v, 7, f->title);
	}
}

View *diagnose_view(const Diagnose *d)
{
	View *v = view_new("findings", "Findings");

	view_add_column(v, "id", "CAUSE", VIEW_TEXT);
	view_add_column(v, "level", "LEVEL", VIEW_COUNT);
	view_add_column(v, "sufferer", "WHO SUFFERS", VIEW_TEXT);
	view_add_column(v, "culprit", "CULPRIT", VIEW_TEXT);
	view_add_column(v, "lost_ns", "LOST", VIEW_NS);
	view_add_column(v, "share", "SHARE", VIEW_RATIO);
	view_add_column(v, "kind", "KIND", VIEW_TEXT);
	view_add_column(v, "title", "WHAT", VIEW_TEXT);
	add_rows(v, d->findings, "finding");
	add_rows(v, d->notes, "note");
	view_set_empty_text(v, "Nothing of weight was found.");
	return v;
}
