/* SPDX-License-Identifier: MIT */
/* event_text.c: what an event holds, for people and searches. */
#include <string.h>

#include "base/format.h"
#include "server/events.h"

#define TEXT_MAX     4096 /* bytes of an event's text; the rest is cut */
#define ELEMENTS_MAX 64   /* of an array that are shown */

static void put_value(CtfCursor *c, const CtfFc *fc, GString *out);

static gboolean is_full(const CtfCursor *c, const GString *out)
{
	return c->failed || out->len > TEXT_MAX;
}

static void put_text(GString *out, const guint8 *bytes, guint64 len)
{
	g_autofree char *text = g_utf8_make_valid((const char *)bytes, (gssize)MIN(len, TEXT_MAX));

	g_string_append_printf(out, "\"%s\"", text);
}

static const char *label_of(const CtfFc *fc, guint64 value)
{
	for (guint i = 0; i < fc->n_mappings; i++)
		if (ctf_ranges_hold(fc->mappings[i].ranges, fc->mappings[i].n_ranges, value))
			return fc->mappings[i].label;
	return NULL;
}

static void put_int(CtfCursor *c, const CtfFc *fc, GString *out)
{
	guint64 value = ctf_cursor_int(c, fc);
	const char *label = fc->is_enum ? label_of(fc, value) : NULL;
	char digits[ST_FORMAT_MAX];

	if (label)
		g_string_append_printf(out, "%s (", label);
	if (fc->base == 16)
		g_string_append_printf(out, "0x%" G_GINT64_MODIFIER "x", value);
	else
		g_string_append(out, fc->is_signed ? st_format_int(digits, (gint64)value) : st_format_uint(digits, value));
	if (label)
		g_string_append_c(out, ')');
}

static void put_bytes(CtfCursor *c, const CtfFc *fc, GString *out)
{
	guint64 len;
	const guint8 *bytes = ctf_cursor_bytes(c, fc, &len);
	gboolean blob = fc->type == CTF_FC_STATIC_BLOB || fc->type == CTF_FC_DYNAMIC_BLOB;

	if (c->failed)
		return;
	if (!blob) {
		put_text(out, bytes, strnlen((const char *)bytes, len));
		return;
	}
	for (guint64 i = 0; i < MIN(len, ELEMENTS_MAX); i++)
		g_string_append_printf(out, "%02x", bytes[i]);
}

static void put_members(CtfCursor *c, const CtfFc *fc, GString *out)
{
	ctf_cursor_align(c, fc->align);
	for (guint i = 0; i < fc->n_members && !is_full(c, out); i++) {
		g_string_append_printf(out, "%s%s=", i ? ", " : "", fc->members[i].display ? fc->members[i].display : "");
		put_value(c, fc->members[i].fc, out);
	}
}

static void put_elements(CtfCursor *c, const CtfFc *fc, GString *out)
{
	guint64 n = ctf_cursor_length(c, fc);

	g_string_append_c(out, '[');
	for (guint64 i = 0; i < n && !c->failed; i++) {
		if (i >= ELEMENTS_MAX || is_full(c, out)) {
			ctf_cursor_skip(c, fc->element);
			continue;
		}
		g_string_append(out, i ? ", " : "");
		put_value(c, fc->element, out);
	}
	g_string_append(out, n > ELEMENTS_MAX ? ", ..]" : "]");
}

static void put_variant(CtfCursor *c, const CtfFc *fc, GString *out)
{
	const CtfMember *m = ctf_cursor_option(c, fc);

	if (m)
		put_value(c, m->fc, out);
}

static void put_value(CtfCursor *c, const CtfFc *fc, GString *out)
{
	char number[ST_FORMAT_MAX];

	switch (fc->type) {
	case CTF_FC_INT:
	case CTF_FC_VARINT:
		put_int(c, fc, out);
		return;
	case CTF_FC_FLOAT:
		g_string_append(out, st_format_double(number, ctf_cursor_float(c, fc)));
		return;
	case CTF_FC_STRUCT:
		g_string_append_c(out, '{');
		put_members(c, fc, out);
		g_string_append_c(out, '}');
		return;
	case CTF_FC_ARRAY:
	case CTF_FC_SEQUENCE:
		put_elements(c, fc, out);
		return;
	case CTF_FC_VARIANT:
		put_variant(c, fc, out);
		return;
	case CTF_FC_OPTIONAL:
		if (ctf_cursor_present(c, fc))
			put_value(c, fc->element, out);
		return;
	default:
		put_bytes(c, fc, out);
	}
}

/* The event's own fields first: contexts are much the same in all. */
void server_event_text(const ServerEvent *event, GString *out)
{
	const CtfFc *scopes[] = {event->stream->stream_class->common_context, event->event->spec_context, event->event->payload};
	g_autoptr(GString) contexts = g_string_new(NULL), payload = g_string_new(NULL);
	g_autofree guint64 *slots = g_new0(guint64, CTF_SLOTS_MAX);
	CtfCursor c;

	ctf_cursor_event(&c, event->stream, event->base, event->record, slots);
	for (guint i = 0; i < G_N_ELEMENTS(scopes); i++) {
		GString *to = i < 2 ? contexts : payload;

		if (!scopes[i] || c.failed)
			continue;
		if (to->len)
			g_string_append(to, ", ");
		put_members(&c, scopes[i], to);
	}
	g_string_append_len(out, payload->str, (gssize)MIN(payload->len, TEXT_MAX));
	if (contexts->len)
		g_string_append_printf(out, "%s{%s}", payload->len ? "  " : "", contexts->str);
}
