/* SPDX-License-Identifier: MIT */
#include "ctf/bits.h"
#include "ctf/program.h"

static gboolean overrun(CtfCursor *c)
{
	c->failed = TRUE;
	c->pos = c->end;
	return FALSE;
}

/* TRUE if `bits` more are there. */
static gboolean need(CtfCursor *c, guint64 bits)
{
	return bits <= c->end - c->pos || overrun(c);
}

static void keep(CtfCursor *c, const CtfFc *fc, guint64 value)
{
	if (fc->slot >= 0)
		c->slots[fc->slot] = value;
}

static guint64 kept(const CtfCursor *c, const CtfFc *fc)
{
	return fc && fc->slot >= 0 ? c->slots[fc->slot] : 0;
}

void ctf_cursor_align(CtfCursor *c, guint bits)
{
	guint64 pos = ctf_round_up(c->pos, bits);
	if (pos > c->end)
		overrun(c);
	else
		c->pos = pos;
}

guint64 ctf_cursor_int(CtfCursor *c, const CtfFc *fc)
{
	guint64 value = 0;
	ctf_cursor_align(c, fc->align);
	if (fc->type == CTF_FC_VARINT) {
		if (!ctf_leb128(c->base, &c->pos, c->end, fc->is_signed, &value)) {
			overrun(c);
			value = 0;
		}
	} else if (need(c, fc->size)) {
		value = ctf_bits(c->base, c->pos, fc);
		if (fc->is_signed)
			value = ctf_sign_extend(value, fc->size);
		c->pos += fc->size;
	}
	keep(c, fc, value);
	return value;
}

double ctf_cursor_float(CtfCursor *c, const CtfFc *fc)
{
	ctf_cursor_align(c, fc->align);
	if (!need(c, fc->size))
		return 0;
	guint64 bits = ctf_bits(c->base, c->pos, fc);
	c->pos += fc->size;
	if (fc->size == 32) {
		guint32 low = (guint32)bits;
		float f;
		memcpy(&f, &low, 4);
		return (double)f;
	}
	double d;
	memcpy(&d, &bits, 8);
	return d;
}

static guint text_unit(const CtfFc *fc)
{
	return fc->encoding == CTF_TEXT_UTF8 ? 1 : fc->encoding <= CTF_TEXT_UTF16LE ? 2 : 4;
}

/* Bytes before the first null code unit, at most max. */
static guint64 text_length(const guint8 *p, guint64 max, guint unit)
{
	if (unit == 1) {
		const guint8 *null = max ? memchr(p, 0, max) : NULL;
		return null ? (guint64)(null - p) : max;
	}
	guint64 n = 0;
	for (; n + unit <= max; n += unit)
		if (!p[n] && !p[n + 1] && (unit == 2 || (!p[n + 2] && !p[n + 3])))
			return n;
	return max;
}

static const guint8 *null_terminated(CtfCursor *c, guint unit, guint64 *len_out)
{
	const guint8 *p = c->base + (c->pos >> 3);
	guint64 max = (c->end - c->pos) >> 3;
	*len_out = text_length(p, max, unit);
	if (*len_out + unit > max) {
		overrun(c);
		*len_out = 0;
	} else {
		c->pos += (*len_out + unit) * 8;
	}
	return p;
}

const guint8 *ctf_cursor_bytes(CtfCursor *c, const CtfFc *fc, guint64 *len_out)
{
	ctf_cursor_align(c, MAX(fc->align, 8));
	if (fc->type == CTF_FC_STRING)
		return null_terminated(c, text_unit(fc), len_out);
	guint64 len = fc->length_fc ? kept(c, fc->length_fc) : fc->length;
	const guint8 *p = c->base + (c->pos >> 3);
	if (len > (c->end - c->pos) >> 3) {
		overrun(c);
		len = 0;
	}
	c->pos += len * 8;
	gboolean text = fc->type == CTF_FC_STATIC_TEXT || fc->type == CTF_FC_DYNAMIC_TEXT;
	*len_out = text ? text_length(p, len, text_unit(fc)) : len;
	return p;
}

guint64 ctf_cursor_length(CtfCursor *c, const CtfFc *fc)
{
	ctf_cursor_align(c, fc->align);
	guint64 n = fc->length_fc ? kept(c, fc->length_fc) : fc->length;
	/* Elements of no size must not make a loop as long as a number in the trace says. */
	if (n > c->end - c->pos && n > CTF_ELEMENTS_MAX) {
		overrun(c);
		return 0;
	}
	return c->failed ? 0 : n;
}

const CtfMember *ctf_cursor_option(CtfCursor *c, const CtfFc *fc)
{
	ctf_cursor_align(c, fc->align);
	guint64 selector = kept(c, fc->selector_fc);
	ctf_slots_forget(fc, c->slots);
	for (guint i = 0; i < fc->n_members && !c->failed; i++)
		if (ctf_ranges_hold(fc->members[i].ranges, fc->members[i].n_ranges, selector))
			return &fc->members[i];
	overrun(c);
	return NULL;
}

gboolean ctf_cursor_present(CtfCursor *c, const CtfFc *fc)
{
	ctf_cursor_align(c, fc->align);
	guint64 selector = kept(c, fc->selector_fc);
	ctf_slots_forget(fc, c->slots);
	if (c->failed)
		return FALSE;
	return fc->n_ranges ? ctf_ranges_hold(fc->ranges, fc->n_ranges, selector) : selector != 0;
}

static void skip_struct(CtfCursor *c, const CtfFc *fc)
{
	ctf_cursor_align(c, fc->align);
	for (guint i = 0; i < fc->n_members && !c->failed; i++)
		ctf_cursor_skip(c, fc->members[i].fc);
}

static void skip_elements(CtfCursor *c, const CtfFc *fc)
{
	guint64 n = ctf_cursor_length(c, fc);
	for (guint64 i = 0; i < n && !c->failed; i++)
		ctf_cursor_skip(c, fc->element);
}

void ctf_cursor_skip(CtfCursor *c, const CtfFc *fc)
{
	guint64 len;
	const CtfMember *option;

	switch (fc->type) {
	case CTF_FC_INT:
	case CTF_FC_VARINT:
		ctf_cursor_int(c, fc);
		break;
	case CTF_FC_FLOAT:
		ctf_cursor_float(c, fc);
		break;
	case CTF_FC_STRING:
	case CTF_FC_STATIC_TEXT:
	case CTF_FC_DYNAMIC_TEXT:
	case CTF_FC_STATIC_BLOB:
	case CTF_FC_DYNAMIC_BLOB:
		ctf_cursor_bytes(c, fc, &len);
		break;
	case CTF_FC_ARRAY:
	case CTF_FC_SEQUENCE:
		skip_elements(c, fc);
		break;
	case CTF_FC_STRUCT:
		skip_struct(c, fc);
		break;
	case CTF_FC_VARIANT:
		option = ctf_cursor_option(c, fc);
		if (option)
			ctf_cursor_skip(c, option->fc);
		break;
	case CTF_FC_OPTIONAL:
		if (ctf_cursor_present(c, fc))
			ctf_cursor_skip(c, fc->element);
		break;
	}
}

void ctf_cursor_packet(CtfCursor *c, const CtfStream *stream, const guint8 *base, const CtfPacket *packet, guint64 *slots)
{
	*c = (CtfCursor){.base = base, .end = packet->content_bits, .slots = slots};
}

/* Lengths and selectors of an event rarely name fields of its packet or of its header; those are read again only then. */
static void reread_packet(CtfCursor *c, const CtfStreamClass *sc)
{
	if (sc->metadata->packet_header)
		ctf_cursor_skip(c, sc->metadata->packet_header);
	if (sc->packet_context)
		ctf_cursor_skip(c, sc->packet_context);
	c->failed = FALSE;
}

void ctf_cursor_header(CtfCursor *c, const CtfStream *stream, const guint8 *base, const CtfRecord *record, guint64 *slots)
{
	const CtfPacket *packet = &g_array_index(stream->packets, CtfPacket, record->packet);
	const CtfStreamClass *sc = stream->stream_class;
	const CtfEventClass *ec = g_ptr_array_index(sc->metadata->events, record->event);
	ctf_cursor_packet(c, stream, base, packet, slots);
	if (G_UNLIKELY(ec->needs_packet))
		reread_packet(c, sc);
	c->pos = record->header == CTF_HEADER_LONG ? record->pos : record->pos - record->header;
}

void ctf_cursor_event(CtfCursor *c, const CtfStream *stream, const guint8 *base, const CtfRecord *record, guint64 *slots)
{
	const CtfStreamClass *sc = stream->stream_class;
	const CtfEventClass *ec = g_ptr_array_index(sc->metadata->events, record->event);
	ctf_cursor_header(c, stream, base, record, slots);
	if (G_UNLIKELY(ec->needs_header || record->header == CTF_HEADER_LONG))
		ctf_cursor_skip(c, sc->event_header);
	else
		c->pos = record->pos;
	c->failed = FALSE;
}
