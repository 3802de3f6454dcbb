/* SPDX-License-Identifier: MIT */
/* files_fields.c: arrays in events: descriptors, addresses. */
#include "kernel/files_private.h"

#include <string.h>

/* A walk to a member of an event's payload; NULL: there is none. The cursor stands at it. */
static const CtfFc *seek(const TraceEvent *ev, const char *name, CtfCursor *c, guint64 *slots)
{
	if (!ev->record)
		return NULL;
	const CtfFc *payload = trace_event_class(ev)->payload;
	if (!payload || payload->type != CTF_FC_STRUCT || !ctf_fc_member(payload, name))
		return NULL;
	trace_event_cursor(ev, c, slots);
	ctf_cursor_align(c, payload->align);
	for (guint i = 0; i < payload->n_members; i++) {
		const CtfMember *m = &payload->members[i];

		if (strcmp(m->display, name) == 0)
			return m->fc;
		ctf_cursor_skip(c, m->fc);
	}
	return NULL;
}

/* One element; of a structure its first member. */
static guint64 element(CtfCursor *c, const CtfFc *fc)
{
	CtfCursor first = *c;
	guint64 value = 0;

	if (fc->type == CTF_FC_STRUCT && fc->n_members) {
		ctf_cursor_align(&first, fc->align);
		if (fc->members[0].fc->type == CTF_FC_INT)
			value = ctf_cursor_int(&first, fc->members[0].fc);
		ctf_cursor_skip(c, fc);
	} else if (fc->type == CTF_FC_INT) {
		value = ctf_cursor_int(c, fc);
	} else {
		c->failed = TRUE;
	}
	return value;
}

static guint bytes(CtfCursor *c, const CtfFc *fc, guint64 *out, guint max)
{
	guint64 len;
	const guint8 *p = ctf_cursor_bytes(c, fc, &len);
	guint n = (guint)MIN(len, max);

	for (guint i = 0; i < n; i++)
		out[i] = p[i];
	return n;
}

guint files_ints(const TraceEvent *ev, const char *field, guint64 *out, guint max)
{
	guint64 slots[CTF_SLOTS_MAX];
	CtfCursor c;
	const CtfFc *fc = seek(ev, field, &c, slots);
	guint n = 0;

	if (!fc)
		return 0;
	if (fc->type == CTF_FC_INT && max) {
		out[0] = ctf_cursor_int(&c, fc);
		return c.failed ? 0 : 1;
	}
	if (fc->type >= CTF_FC_STATIC_TEXT && fc->type <= CTF_FC_DYNAMIC_BLOB)
		return bytes(&c, fc, out, max);
	if (fc->type != CTF_FC_ARRAY && fc->type != CTF_FC_SEQUENCE)
		return 0;
	guint64 len = ctf_cursor_length(&c, fc);
	while (n < len && n < max && !c.failed)
		out[n++] = element(&c, fc->element);
	return c.failed ? 0 : n;
}

/* Linux's address families. */
enum { FAMILY_UNIX = 1, FAMILY_INET = 2, FAMILY_INET6 = 10 };

static gboolean address_v6(const TraceEvent *ev, guint8 *out)
{
	guint64 v[16];
	guint n = files_ints(ev, "v6addr", v, 16);

	for (guint i = 0; i < 8 && n == 8; i++) {
		out[2 * i] = (guint8)(v[i] >> 8);
		out[2 * i + 1] = (guint8)v[i];
	}
	for (guint i = 0; i < 16 && n == 16; i++)
		out[i] = (guint8)v[i];
	return n == 8 || n == 16;
}

static gboolean address_v4(const TraceEvent *ev, guint8 *out)
{
	guint64 v[4];

	if (files_ints(ev, "v4addr", v, 4) != 4)
		return FALSE;
	memset(out, 0, 10);
	out[10] = out[11] = 0xff;
	for (guint i = 0; i < 4; i++)
		out[12 + i] = (guint8)v[i];
	return TRUE;
}

gboolean files_address(const TraceEvent *ev, KernelCall *call)
{
	guint64 family = 0, port = 0;

	if (!files_ints(ev, "family", &family, 1) || family == 0 || family > G_MAXUINT8)
		return FALSE;
	call->family = (guint8)family;
	if (!files_ints(ev, "sport", &port, 1))
		files_ints(ev, "dport", &port, 1);
	call->port = (guint16)port;
	if (family == FAMILY_INET)
		return address_v4(ev, call->addr);
	if (family == FAMILY_INET6)
		return address_v6(ev, call->addr);
	return TRUE;
}
