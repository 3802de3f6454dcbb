/* SPDX-License-Identifier: MIT */
/*
 * ctf2_from_ctf1 TRACE OUT: a trace in CTF 2 with the same packets, byte for byte, as one in CTF 1.8, its metadata being the
 * same description in CTF 2's words. What is read from both must be the same. TRACE is one trace, in one directory.
 */
#include <stdio.h>
#include <string.h>

#include <glib/gstdio.h>

#include "ctf/ctf.h"

#define RS "\x1e"

/* The trees that a field location may lead into. */
typedef struct {
	const CtfFc *trees[CTF_SCOPE_COUNT];
	GString *out;
} Writer;

static void put_fc(Writer *w, const CtfFc *fc);

static void put_text(GString *out, const char *text)
{
	g_string_append_c(out, '"');
	for (const char *p = text; *p; p++) {
		if ((guchar)*p < 0x20 || *p == '"' || *p == '\\')
			g_string_append_printf(out, "\\u%04x", (guchar)*p);
		else
			g_string_append_c(out, *p);
	}
	g_string_append_c(out, '"');
}

static void put_key(GString *out, const char *key)
{
	g_string_append_printf(out, ",\"%s\":", key);
}

static void put_text_property(GString *out, const char *key, const char *text)
{
	if (!text)
		return;
	put_key(out, key);
	put_text(out, text);
}

static void put_ranges(GString *out, const CtfRange *ranges, guint n)
{
	g_string_append_c(out, '[');
	for (guint i = 0; i < n; i++) {
		const char *comma = i ? "," : "";
		if (ranges[i].is_signed)
			g_string_append_printf(out, "%s[%" G_GINT64_FORMAT ",%" G_GINT64_FORMAT "]", comma, (gint64)ranges[i].lower,
			                       (gint64)ranges[i].upper);
		else
			g_string_append_printf(out, "%s[%" G_GUINT64_FORMAT ",%" G_GUINT64_FORMAT "]", comma, ranges[i].lower,
			                       ranges[i].upper);
	}
	g_string_append_c(out, ']');
}

/* ---- Field classes -------------------------------------------------------------------------------------------- */

/* Put the names that lead from `from` down to `to` into `path`. */
static gboolean find_path(const CtfFc *from, const CtfFc *to, GPtrArray *path)
{
	if (!from || from == to)
		return from != NULL;
	if (from->element && find_path(from->element, to, path))
		return TRUE;
	for (guint i = 0; i < from->n_members; i++) {
		/* An option is chosen by its selector: no path names it. */
		gboolean named = from->type == CTF_FC_STRUCT;
		if (named)
			g_ptr_array_add(path, (gpointer)(guintptr)from->members[i].display);
		if (find_path(from->members[i].fc, to, path))
			return TRUE;
		if (named)
			g_ptr_array_set_size(path, (gint)path->len - 1);
	}
	return FALSE;
}

static void put_location(Writer *w, const char *key, const CtfFc *to)
{
	static const char *const origins[] = {"packet-header",
	                                      "packet-context",
	                                      "event-record-header",
	                                      "event-record-common-context",
	                                      "event-record-specific-context",
	                                      "event-record-payload"};
	g_autoptr(GPtrArray) path = g_ptr_array_new();
	if (!find_path(w->trees[to->scope], to, path))
		g_error("a length or selector that no path leads to");
	put_key(w->out, key);
	g_string_append_printf(w->out, "{\"origin\":\"%s\",\"path\":[", origins[to->scope]);
	for (guint i = 0; i < path->len; i++) {
		g_string_append(w->out, i ? "," : "");
		put_text(w->out, g_ptr_array_index(path, i));
	}
	g_string_append(w->out, "]}");
}

static void put_mappings(Writer *w, const CtfFc *fc)
{
	if (!fc->is_enum)
		return;
	put_key(w->out, "mappings");
	g_string_append_c(w->out, '{');
	for (guint i = 0; i < fc->n_mappings; i++) {
		g_string_append(w->out, i ? "," : "");
		put_text(w->out, fc->mappings[i].label);
		g_string_append_c(w->out, ':');
		put_ranges(w->out, fc->mappings[i].ranges, fc->mappings[i].n_ranges);
	}
	g_string_append_c(w->out, '}');
}

static void put_role(Writer *w, const CtfFc *fc)
{
	static const char *const names[] = {
		[CTF_ROLE_MAGIC] = "packet-magic-number",
		[CTF_ROLE_UUID] = "metadata-stream-uuid",
		[CTF_ROLE_STREAM_CLASS_ID] = "data-stream-class-id",
		[CTF_ROLE_STREAM_ID] = "data-stream-id",
		[CTF_ROLE_TIMESTAMP] = "default-clock-timestamp",
		[CTF_ROLE_PACKET_BEGIN] = "default-clock-timestamp",
		[CTF_ROLE_PACKET_END] = "packet-end-default-clock-timestamp",
		[CTF_ROLE_CONTENT_SIZE] = "packet-content-length",
		[CTF_ROLE_PACKET_SIZE] = "packet-total-length",
		[CTF_ROLE_PACKET_SEQ_NUM] = "packet-sequence-number",
		[CTF_ROLE_EVENTS_DISCARDED] = "discarded-event-record-counter-snapshot",
		[CTF_ROLE_EVENT_CLASS_ID] = "event-record-class-id",
	};
	if (fc->role != CTF_ROLE_NONE && fc->role < G_N_ELEMENTS(names))
		g_string_append_printf(w->out, ",\"roles\":[\"%s\"]", names[fc->role]);
}

static void put_number(Writer *w, const CtfFc *fc, const char *type)
{
	g_string_append_printf(w->out, "{\"type\":\"%s\",\"length\":%u,\"byte-order\":\"%s-endian\",\"alignment\":%u", type, fc->size,
	                       fc->big_endian ? "big" : "little", fc->align);
	if (fc->base != 10)
		g_string_append_printf(w->out, ",\"preferred-display-base\":%u", fc->base);
	put_mappings(w, fc);
	put_role(w, fc);
	g_string_append_c(w->out, '}');
}

static void put_array(Writer *w, const CtfFc *fc)
{
	if (fc->role == CTF_ROLE_UUID) {
		g_string_append(w->out, "{\"type\":\"static-length-blob\",\"length\":16,\"roles\":[\"metadata-stream-uuid\"]}");
		return;
	}
	g_string_append_printf(w->out, "{\"type\":\"%s-length-array\"", fc->length_fc ? "dynamic" : "static");
	if (fc->length_fc)
		put_location(w, "length-field-location", fc->length_fc);
	else
		g_string_append_printf(w->out, ",\"length\":%" G_GUINT64_FORMAT, fc->length);
	g_string_append_printf(w->out, ",\"minimum-alignment\":%u,\"element-field-class\":", fc->align);
	put_fc(w, fc->element);
	g_string_append_c(w->out, '}');
}

static void put_string(Writer *w, const CtfFc *fc)
{
	if (fc->type == CTF_FC_STRING) {
		g_string_append(w->out, "{\"type\":\"null-terminated-string\"}");
	} else if (fc->type == CTF_FC_STATIC_TEXT) {
		g_string_append_printf(w->out, "{\"type\":\"static-length-string\",\"length\":%" G_GUINT64_FORMAT "}", fc->length);
	} else {
		g_string_append(w->out, "{\"type\":\"dynamic-length-string\"");
		put_location(w, "length-field-location", fc->length_fc);
		g_string_append_c(w->out, '}');
	}
}

static void put_members(Writer *w, const CtfFc *fc, gboolean options)
{
	g_string_append_c(w->out, '[');
	for (guint i = 0; i < fc->n_members; i++) {
		g_string_append(w->out, i ? ",{\"name\":" : "{\"name\":");
		put_text(w->out, fc->members[i].display);
		if (options) {
			put_key(w->out, "selector-field-ranges");
			put_ranges(w->out, fc->members[i].ranges, fc->members[i].n_ranges);
		}
		put_key(w->out, "field-class");
		put_fc(w, fc->members[i].fc);
		g_string_append_c(w->out, '}');
	}
	g_string_append_c(w->out, ']');
}

static void put_fc(Writer *w, const CtfFc *fc)
{
	switch (fc->type) {
	case CTF_FC_INT:
		put_number(w, fc, fc->is_signed ? "fixed-length-signed-integer" : "fixed-length-unsigned-integer");
		break;
	case CTF_FC_FLOAT:
		put_number(w, fc, "fixed-length-floating-point-number");
		break;
	case CTF_FC_ARRAY:
	case CTF_FC_SEQUENCE:
		put_array(w, fc);
		break;
	case CTF_FC_STRUCT:
		g_string_append_printf(w->out, "{\"type\":\"structure\",\"minimum-alignment\":%u,\"member-classes\":", fc->align);
		put_members(w, fc, FALSE);
		g_string_append_c(w->out, '}');
		break;
	case CTF_FC_VARIANT:
		g_string_append(w->out, "{\"type\":\"variant\"");
		put_location(w, "selector-field-location", fc->selector_fc);
		put_key(w->out, "options");
		put_members(w, fc, TRUE);
		g_string_append_c(w->out, '}');
		break;
	default:
		put_string(w, fc);
		break;
	}
}

static void put_tree(Writer *w, const char *key, CtfScope scope)
{
	if (!w->trees[scope])
		return;
	put_key(w->out, key);
	put_fc(w, w->trees[scope]);
}

/* ---- Fragments ------------------------------------------------------------------------------------------------ */

static void put_trace_class(Writer *w, const CtfMetadata *m)
{
	g_string_append(w->out, RS "{\"type\":\"preamble\",\"version\":2");
	for (guint i = 0; m->has_uuid && i < 16; i++)
		g_string_append_printf(w->out, "%s%u%s", i ? "," : ",\"uuid\":[", m->uuid[i], i == 15 ? "]" : "");
	g_string_append(w->out, "}\n" RS "{\"type\":\"trace-class\",\"environment\":{");
	for (guint i = 0; i < m->env->len; i++) {
		const CtfEnv *env = g_ptr_array_index(m->env, i);
		g_string_append(w->out, i ? "," : "");
		put_text(w->out, env->name);
		g_string_append_c(w->out, ':');
		if (env->is_int)
			g_string_append_printf(w->out, "%" G_GINT64_FORMAT, env->i);
		else
			put_text(w->out, env->s);
	}
	g_string_append_c(w->out, '}');
	put_tree(w, "packet-header-field-class", CTF_SCOPE_PACKET_HEADER);
	g_string_append(w->out, "}\n");
}

static void put_clock(Writer *w, const CtfClock *clock)
{
	guint64 seconds = clock->offset_cycles / clock->freq;
	g_string_append(w->out, RS "{\"type\":\"clock-class\"");
	put_text_property(w->out, "id", clock->id);
	put_text_property(w->out, "name", clock->name);
	put_text_property(w->out, "description", clock->description);
	put_text_property(w->out, "origin", clock->absolute ? "unix-epoch" : NULL);
	if (clock->has_uuid) {
		g_string_append(w->out, ",\"uid\":\"");
		for (guint i = 0; i < 16; i++)
			g_string_append_printf(w->out, "%02x%s", clock->uuid[i], i == 3 || i == 5 || i == 7 || i == 9 ? "-" : "");
		g_string_append_c(w->out, '"');
	}
	g_string_append_printf(w->out,
	                       ",\"frequency\":%" G_GUINT64_FORMAT ",\"precision\":%" G_GUINT64_FORMAT
	                       ",\"offset-from-origin\":{\"seconds\":%" G_GINT64_FORMAT ",\"cycles\":%" G_GUINT64_FORMAT "}}\n",
	                       clock->freq, clock->precision, clock->offset_s + (gint64)seconds, clock->offset_cycles % clock->freq);
}

static void put_event_class(Writer *w, CtfEventClass *ec)
{
	static const char *const levels[] = {
		"emergency",     "alert",         "critical",     "error",      "warning",        "notice",     "info", "debug:system",
		"debug:program", "debug:process", "debug:module", "debug:unit", "debug:function", "debug:line", "debug",
	};
	g_autoptr(GError) error = NULL;
	if (!ctf_event_class_load(ec, &error))
		g_error("%s", error->message);
	w->trees[CTF_SCOPE_SPECIFIC_CONTEXT] = ec->spec_context;
	w->trees[CTF_SCOPE_PAYLOAD] = ec->payload;
	g_string_append_printf(w->out, RS "{\"type\":\"event-record-class\",\"id\":%" G_GUINT64_FORMAT
	                       ",\"data-stream-class-id\":%" G_GUINT64_FORMAT, ec->id, ec->stream_class->id);
	put_text_property(w->out, "name", ec->name);
	g_string_append(w->out, ",\"attributes\":{\"lttng.org,2009\":{\"own\":null");
	if (ec->has_log_level && ec->log_level >= 0 && ec->log_level < (gint64)G_N_ELEMENTS(levels))
		put_text_property(w->out, "log-level", levels[ec->log_level]);
	put_text_property(w->out, "emf-uri", ec->emf_uri);
	g_string_append(w->out, "}}");
	put_tree(w, "specific-context-field-class", CTF_SCOPE_SPECIFIC_CONTEXT);
	put_tree(w, "payload-field-class", CTF_SCOPE_PAYLOAD);
	g_string_append(w->out, "}\n");
}

static void put_stream_class(Writer *w, const CtfStreamClass *sc)
{
	memset(&w->trees[CTF_SCOPE_PACKET_CONTEXT], 0, sizeof(w->trees) - sizeof(w->trees[0]));
	w->trees[CTF_SCOPE_PACKET_CONTEXT] = sc->packet_context;
	w->trees[CTF_SCOPE_EVENT_HEADER] = sc->event_header;
	w->trees[CTF_SCOPE_COMMON_CONTEXT] = sc->common_context;
	g_string_append_printf(w->out, RS "{\"type\":\"data-stream-class\",\"id\":%" G_GUINT64_FORMAT, sc->id);
	put_text_property(w->out, "default-clock-class-id", sc->clock ? sc->clock->id : NULL);
	put_tree(w, "packet-context-field-class", CTF_SCOPE_PACKET_CONTEXT);
	put_tree(w, "event-record-header-field-class", CTF_SCOPE_EVENT_HEADER);
	put_tree(w, "event-record-common-context-field-class", CTF_SCOPE_COMMON_CONTEXT);
	g_string_append(w->out, "}\n");
	for (guint i = 0; i < sc->event_classes->len; i++)
		put_event_class(w, g_ptr_array_index(sc->event_classes, i));
}

static GString *convert(const CtfMetadata *m)
{
	Writer w = {.trees = {[CTF_SCOPE_PACKET_HEADER] = m->packet_header}, .out = g_string_new(NULL)};
	put_trace_class(&w, m);
	for (guint i = 0; i < m->clocks->len; i++)
		put_clock(&w, g_ptr_array_index(m->clocks, i));
	for (guint i = 0; i < m->stream_classes->len; i++)
		put_stream_class(&w, g_ptr_array_index(m->stream_classes, i));
	return w.out;
}

/* ---- Files ---------------------------------------------------------------------------------------------------- */

static gboolean copy_file(const char *from, const char *to, GError **error)
{
	g_autofree char *data = NULL;
	gsize len;
	return g_file_get_contents(from, &data, &len, error) && g_file_set_contents(to, data, (gssize)len, error);
}

/* Files, and those of folders: LTTng's indexes are valid for the same packets. */
static gboolean copy_streams(const char *from, const char *to, GError **error)
{
	g_autoptr(GDir) dir = g_dir_open(from, 0, error);
	if (!dir || g_mkdir_with_parents(to, 0755))
		return FALSE;
	for (const char *name; (name = g_dir_read_name(dir));) {
		g_autofree char *source = g_build_filename(from, name, NULL);
		g_autofree char *target = g_build_filename(to, name, NULL);
		gboolean is_dir = g_file_test(source, G_FILE_TEST_IS_DIR);
		if (strcmp(name, "metadata") && !(is_dir ? copy_streams : copy_file)(source, target, error))
			return FALSE;
	}
	return TRUE;
}

int main(int argc, char **argv)
{
	g_autoptr(GError) error = NULL;
	if (argc != 3) {
		fprintf(stderr, "usage: ctf2_from_ctf1 TRACE OUT\n");
		return 2;
	}
	g_autoptr(CtfMetadata) m = ctf_metadata_open(argv[1], &error);
	g_autofree char *path = g_build_filename(argv[2], "metadata", NULL);
	g_autoptr(GString) text = m ? convert(m) : NULL;
	if (!text || !copy_streams(argv[1], argv[2], &error) || !g_file_set_contents(path, text->str, (gssize)text->len, &error)) {
		fprintf(stderr, "%s\n", error ? error->message : "can't make the directory");
		return 1;
	}
	return 0;
}
