/* SPDX-License-Identifier: MIT */
#include "ctf/tsdl.h"

#include <string.h>

/* What the members of packet headers and contexts mean by their names (1.8 §5). */
typedef struct {
	const char *name;
	CtfRole role;
	gboolean strict; /* it is an error if it is no unsigned integer */
} RoleName;

static const RoleName packet_header_roles[] = {
        {"magic", CTF_ROLE_MAGIC, TRUE},
        {"stream_id", CTF_ROLE_STREAM_CLASS_ID, TRUE},
        {"stream_instance_id", CTF_ROLE_STREAM_ID, TRUE},
};

static const RoleName packet_context_roles[] = {
        {"timestamp_begin", CTF_ROLE_PACKET_BEGIN, TRUE},
        {"timestamp_end", CTF_ROLE_PACKET_END, TRUE},
        {"content_size", CTF_ROLE_CONTENT_SIZE, TRUE},
        {"packet_size", CTF_ROLE_PACKET_SIZE, TRUE},
        {"packet_seq_num", CTF_ROLE_PACKET_SEQ_NUM, TRUE},
        {"events_discarded", CTF_ROLE_EVENTS_DISCARDED, TRUE},
        {"cpu_id", CTF_ROLE_CPU_ID, FALSE},
};

static const RoleName event_header_roles[] = {
        {"id", CTF_ROLE_EVENT_CLASS_ID, TRUE},
};

static gboolean is_unsigned(const CtfFc *fc)
{
	return fc->type == CTF_FC_INT && !fc->is_signed;
}

static gboolean set_roles(Tsdl *p, CtfFc *fc, const TsdlType *type, const RoleName *names, guint n)
{
	for (guint i = 0; i < n; i++) {
		CtfFc *member = ctf_fc_member(fc, names[i].name);
		if (!member)
			continue;
		if (is_unsigned(member))
			member->role = names[i].role;
		else if (names[i].strict)
			return ctf_tsdl_error(p, type->at, "member \"%s\" must be an unsigned integer", names[i].name);
	}
	return TRUE;
}

static gboolean set_uuid_role(Tsdl *p, CtfFc *header)
{
	CtfFc *uuid = ctf_fc_member(header, "uuid");
	if (!uuid)
		return TRUE;
	const CtfFc *e = uuid->element;
	gboolean is_bytes = uuid->type == CTF_FC_STATIC_TEXT ||
	                    (uuid->type == CTF_FC_ARRAY && is_unsigned(e) && e->size == 8 && e->align == 8);
	if (!is_bytes || uuid->length != 16)
		return ctf_tsdl_error(p, p->packet_header->at, "member \"uuid\" must be an array of 16 bytes");
	uuid->role = CTF_ROLE_UUID;
	return TRUE;
}

gboolean ctf_tsdl_trace_roles(Tsdl *p)
{
	CtfFc *header = p->m->packet_header;
	if (!header)
		return TRUE;
	if (!set_roles(p, header, p->packet_header, packet_header_roles, G_N_ELEMENTS(packet_header_roles)))
		return FALSE;
	const CtfFc *magic = ctf_fc_member(header, "magic");
	if (magic && (magic != header->members[0].fc || magic->size != 32))
		return ctf_tsdl_error(p, p->packet_header->at, "member \"magic\" must be the first and have 32 bits");
	return set_uuid_role(p, header);
}

/* The members of a structure, the options of a variant: what an event header can have fields in. */
static CtfClock *find_clock(const CtfFc *fc)
{
	CtfClock *clock = fc ? fc->clock : NULL;
	for (guint i = 0; fc && i < fc->n_members && !clock; i++)
		clock = find_clock(fc->members[i].fc);
	return clock;
}

/* Every `id`, and every integer mapped to the clock of the stream class, wherever in the header it is: the last that a packet has counts. */
static void set_header_roles(CtfFc *fc, const CtfClock *clock)
{
	for (guint i = 0; i < fc->n_members; i++) {
		CtfFc *member = fc->members[i].fc;
		if (!is_unsigned(member))
			set_header_roles(member, clock);
		else if (fc->type == CTF_FC_STRUCT && strcmp(fc->members[i].display, "id") == 0)
			member->role = CTF_ROLE_EVENT_CLASS_ID;
		else if (clock && member->clock == clock)
			member->role = CTF_ROLE_TIMESTAMP;
	}
}

/* A packet's times by another clock than its events' are only fields. */
static void drop_foreign_times(CtfFc *context, const CtfClock *clock)
{
	for (guint i = 0; context && i < context->n_members; i++) {
		CtfFc *member = context->members[i].fc;
		gboolean is_time = member->role == CTF_ROLE_PACKET_BEGIN || member->role == CTF_ROLE_PACKET_END;
		if (is_time && member->clock && member->clock != clock)
			member->role = CTF_ROLE_NONE;
	}
}

gboolean ctf_tsdl_stream_roles(Tsdl *p, CtfStreamClass *sc, const TsdlStream *s)
{
	if (!set_roles(p, sc->packet_context, s->packet_context, packet_context_roles,
	               G_N_ELEMENTS(packet_context_roles)) ||
	    !set_roles(p, sc->event_header, s->event_header, event_header_roles, G_N_ELEMENTS(event_header_roles)))
		return FALSE;
	sc->clock = find_clock(sc->event_header);
	if (!sc->clock)
		sc->clock = find_clock(sc->packet_context);
	if (sc->event_header)
		set_header_roles(sc->event_header, sc->clock);
	drop_foreign_times(sc->packet_context, sc->clock);
	return TRUE;
}
