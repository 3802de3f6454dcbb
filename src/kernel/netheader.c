/* SPDX-License-Identifier: MIT */
/*
 * netheader.c: the headers that LTTng keeps of a packet.
 *
 * The event's payload ends in `network_header_type`, a variant of IP's versions, and in each of these `transport_header_type` and a variant of protocols. All of it is of fixed
 * size and big-endian: bytes are as they were in the packet. Once per event class that is checked against the metadata field by field; then headers are read in place. Where it isn't so
 * they are put together from the fields of the same names.
 */
#include <string.h>

#include "kernel/net_private.h"

#define IPV4_BYTES 20
#define IPV6_BYTES 40
#define TCP_BYTES  20
#define UDP_BYTES  8
#define ICMP_BYTES 8

/* A field of a header: where it is, in bits from its begin. */
typedef struct {
	const char *name;
	guint16 at, bits;
} Wire;

typedef struct {
	const char *name; /* of the variant's option */
	guint type;       /* the selector's value */
	guint bytes;
	const Wire *fields;
	guint n;
} Header;

static const Wire ipv4_fields[] = {{"version", 0, 4},    {"ihl", 4, 4},        {"tos", 8, 8},     {"tot_len", 16, 16},
                                   {"id", 32, 16},       {"frag_off", 48, 16}, {"ttl", 64, 8},    {"protocol", 72, 8},
                                   {"checksum", 80, 16}, {"saddr", 96, 32},    {"daddr", 128, 32}};
static const Wire ipv6_fields[] = {{"version", 0, 4},       {"prio", 4, 4},     {"flow_lbl", 8, 24},
                                   {"payload_len", 32, 16}, {"nexthdr", 48, 8}, {"hop_limit", 56, 8},
                                   {"saddr", 64, 128},      {"daddr", 192, 128}};
static const Wire tcp_fields[] = {{"source_port", 0, 16}, {"dest_port", 16, 16},    {"seq", 32, 32},
                                  {"ack_seq", 64, 32},    {"data_offset", 96, 4},   {"reserved", 100, 3},
                                  {"flags", 103, 9},      {"window_size", 112, 16}, {"checksum", 128, 16},
                                  {"urg_ptr", 144, 16}};
static const Wire udp_fields[] = {{"source_port", 0, 16}, {"dest_port", 16, 16}, {"len", 32, 16}, {"check", 48, 16}};
static const Wire icmp_fields[] = {{"type", 0, 8}, {"code", 8, 8}, {"checksum", 16, 16}, {"gateway", 32, 32}};

static const Header network_headers[] = {{"ipv4", 1, IPV4_BYTES, ipv4_fields, G_N_ELEMENTS(ipv4_fields)},
                                         {"ipv6", 2, IPV6_BYTES, ipv6_fields, G_N_ELEMENTS(ipv6_fields)}};
static const Header transport_headers[] = {{"tcp", 1, TCP_BYTES, tcp_fields, G_N_ELEMENTS(tcp_fields)},
                                           {"udp", 2, UDP_BYTES, udp_fields, G_N_ELEMENTS(udp_fields)},
                                           {"icmp", 3, ICMP_BYTES, icmp_fields, G_N_ELEMENTS(icmp_fields)}};

/* ---- From the wire --------------------------------------------------------------------------------------------- */

static guint32 be16(const guint8 *p)
{
	return (guint32)p[0] << 8 | p[1];
}

static guint32 be32(const guint8 *p)
{
	return be16(p) << 16 | be16(p + 2);
}

static void mapped(guint8 *to, const guint8 *ipv4)
{
	memset(to, 0, 10);
	to[10] = to[11] = 0xff;
	memcpy(to + 12, ipv4, 4);
}

/* Returns the bytes above IP. */
static guint32 read_ipv4(NetHeader *out, const guint8 *p, guint32 len)
{
	guint32 total = be16(p + 2), header = (p[0] & 15u) * 4;

	out->protocol = p[9];
	mapped(out->address[0], p + 12);
	mapped(out->address[1], p + 16);
	if (be16(p + 6) & 0x1fff)
		out->has_transport = FALSE; /* a fragment behind the first: no header is there */
	if (total == 0)
		total = len; /* too long for its field: handed on in one piece between kernel and device */
	return total > header ? total - header : 0;
}

static guint32 read_ipv6(NetHeader *out, const guint8 *p, guint32 len)
{
	guint32 payload = be16(p + 4);

	out->protocol = p[6];
	memcpy(out->address[0], p + 8, 16);
	memcpy(out->address[1], p + 24, 16);
	return payload || len < IPV6_BYTES ? payload : len - IPV6_BYTES;
}

void net_header_wire(NetHeader *out, guint version, const guint8 *network, guint transport, const guint8 *bytes,
                     guint32 len)
{
	*out = (NetHeader){.version = (guint8)version, .has_transport = transport == 1 || transport == 2};
	guint32 above = version == 4 ? read_ipv4(out, network, len) : read_ipv6(out, network, len), header = 0;

	if (out->has_transport) {
		out->protocol = transport == 1 ? KERNEL_PROTO_TCP : KERNEL_PROTO_UDP;
		out->port[0] = (guint16)be16(bytes);
		out->port[1] = (guint16)be16(bytes + 2);
		header = UDP_BYTES;
	}
	if (out->has_transport && transport == 1) {
		out->seq = be32(bytes + 4);
		out->ack = be32(bytes + 8);
		header = (bytes[12] >> 4) * 4u;
		out->flags = (guint16)(be16(bytes + 12) & 0x1ff);
		out->window = (guint16)be16(bytes + 14);
	}
	out->payload = above > header ? above - header : 0;
}

/* ---- The metadata's opinion ------------------------------------------------------------------------------------ */

static const char *plain(const CtfMember *m)
{
	const char *name = m->display ? m->display : "";

	return *name == '_' ? name + 1 : name;
}

static const Wire *wire_of(const Header *h, const char *name)
{
	for (guint i = 0; i < h->n; i++)
		if (strcmp(h->fields[i].name, name) == 0)
			return &h->fields[i];
	return NULL;
}

/* Bits that a field has always, byte after byte, most significant first; 0: it isn't like that. */
static guint64 plain_bits(const CtfFc *fc)
{
	if (fc->type == CTF_FC_INT)
		return !fc->reverse_bits && (fc->big_endian || fc->size == 8) ? fc->size : 0;
	if (fc->type == CTF_FC_ARRAY && !fc->length_fc && fc->element->type == CTF_FC_INT &&
	    fc->element->size % 8 == 0 && fc->length <= 16)
		return plain_bits(fc->element) * fc->length;
	return 0;
}

/* TRUE if the first members of a structure are the whole header, as it is on the wire; *rest_out: the member behind it. */
static gboolean is_wire(const CtfFc *fc, const Header *h, guint *rest_out)
{
	guint64 at = 0;
	guint i = 0;

	if (fc->align > 8)
		return FALSE;
	for (; fc->type == CTF_FC_STRUCT && i < fc->n_members && at < h->bytes * 8; i++) {
		const CtfFc *m = fc->members[i].fc;
		const Wire *w = wire_of(h, plain(&fc->members[i]));

		if (m->type == CTF_FC_STRUCT && m->n_members == 0 && at % 8 == 0)
			continue; /* what LTTng aligns arrays with */
		if (!w || w->at != at || at % MIN(m->align, 8) || m->align > 8 || plain_bits(m) != w->bits)
			return FALSE;
		at += w->bits;
	}
	*rest_out = i;
	return at == h->bytes * 8;
}

static gboolean is_selector(const CtfFc *fc)
{
	return fc->type == CTF_FC_INT && fc->size == 8 && fc->align <= 8 && !fc->is_signed;
}

/* The variant's option for the selector's value; NULL: there is none, or nothing is in it. */
static const CtfFc *option(const CtfFc *variant, guint64 value)
{
	for (guint i = 0; i < variant->n_members; i++)
		if (ctf_ranges_hold(variant->members[i].ranges, variant->members[i].n_ranges, value))
			return variant->members[i].fc;
	return NULL;
}

static gboolean transports_are_wire(const CtfFc *variant)
{
	guint rest;

	for (guint i = 0; i < G_N_ELEMENTS(transport_headers); i++) {
		const CtfFc *o = option(variant, transport_headers[i].type);

		/* Older versions know fewer protocols; then their selector never says so. */
		if (o && (!is_wire(o, &transport_headers[i], &rest) || rest != o->n_members))
			return FALSE;
	}
	return TRUE;
}

static gboolean network_is_wire(const CtfFc *fc, const Header *h)
{
	guint rest;

	return fc && is_wire(fc, h, &rest) && rest + 2 == fc->n_members && is_selector(fc->members[rest].fc) &&
	       fc->members[rest + 1].fc->type == CTF_FC_VARIANT &&
	       fc->members[rest + 1].fc->selector_fc == fc->members[rest].fc &&
	       transports_are_wire(fc->members[rest + 1].fc);
}

/* Behind the interface's name: the selector, the variant, nothing else. */
static gboolean class_is_fast(const CtfEventClass *ec)
{
	const CtfFc *p = ec->payload;
	guint n = p && p->type == CTF_FC_STRUCT ? p->n_members : 0;

	if (n < 3 || p->members[n - 3].fc->type != CTF_FC_STRING || strcmp(plain(&p->members[n - 3]), "name") != 0 ||
	    !is_selector(p->members[n - 2].fc) || p->members[n - 1].fc->type != CTF_FC_VARIANT ||
	    p->members[n - 1].fc->selector_fc != p->members[n - 2].fc)
		return FALSE;
	for (guint i = 0; i < G_N_ELEMENTS(network_headers); i++)
		if (!network_is_wire(option(p->members[n - 1].fc, network_headers[i].type), &network_headers[i]))
			return FALSE;
	return TRUE;
}

static gboolean is_fast(NetLayouts *l, const CtfEventClass *ec)
{
	for (guint i = 0; i < l->n; i++)
		if (l->known[i] == ec)
			return l->fast[i];
	if (l->n == G_N_ELEMENTS(l->known))
		return FALSE;
	l->known[l->n] = ec;
	return l->fast[l->n++] = class_is_fast(ec);
}

/* ---- In place -------------------------------------------------------------------------------------------------- */

static gboolean read_fast(const TraceEvent *ev, guint name, guint32 len, NetHeader *out)
{
	const CtfPacket *packet = &g_array_index(ev->stream->packets, CtfPacket, ev->record->packet);
	gsize end = packet->content_bits / 8, at = (gsize)CTF_TEXT_POS(ev->v[name]) + CTF_TEXT_LEN(ev->v[name]) + 1;
	guint type = at < end ? ev->base[at++] : 0;

	if (type != 1 && type != 2)
		return FALSE;
	const guint8 *network = ev->base + at;
	at += network_headers[type - 1].bytes;
	guint transport = at < end ? ev->base[at++] : 0;
	if (transport > G_N_ELEMENTS(transport_headers))
		transport = 0;
	if (at > end || (transport && at + transport_headers[transport - 1].bytes > end))
		return FALSE;
	net_header_wire(out, type == 1 ? 4 : 6, network, transport, ev->base + at, len);
	return TRUE;
}

/* ---- Field by field -------------------------------------------------------------------------------------------- */

static void put_bits(guint8 *to, guint at, guint bits, guint64 value)
{
	for (guint i = 0; i < bits; i++, at++)
		if (value >> (bits - 1 - i) & 1)
			to[at / 8] |= (guint8)(0x80 >> at % 8);
}

static void walk_array(CtfCursor *c, const CtfFc *fc, const Wire *w, guint8 *to)
{
	guint64 n = ctf_cursor_length(c, fc);
	guint bits = n ? (guint)(w->bits / n) : 0;

	for (guint64 i = 0; i < n && !c->failed; i++) {
		if (fc->element->type != CTF_FC_INT || bits == 0 || bits > 64 || bits * n != w->bits)
			ctf_cursor_skip(c, fc->element);
		else
			put_bits(to, w->at + (guint)i * bits, bits, ctf_cursor_int(c, fc->element));
	}
}

static guint walk_variant(CtfCursor *c, const CtfFc *fc, const Header *headers, guint n, guint8 *to,
                          guint8 *transport_to, guint *transport_out);

/* Puts the fields that have a header's names to their places. */
static void walk_header(CtfCursor *c, const CtfFc *fc, const Header *h, guint8 *to, guint8 *transport_to,
                        guint *transport_out)
{
	ctf_cursor_align(c, fc->align);
	for (guint i = 0; i < fc->n_members && !c->failed; i++) {
		const CtfFc *m = fc->members[i].fc;
		const Wire *w = wire_of(h, plain(&fc->members[i]));

		if (m->type == CTF_FC_VARIANT && transport_to)
			*transport_out = walk_variant(c, m, transport_headers, G_N_ELEMENTS(transport_headers),
			                              transport_to, NULL, NULL);
		else if (w && m->type == CTF_FC_INT)
			put_bits(to, w->at, w->bits, ctf_cursor_int(c, m));
		else if (w && m->type == CTF_FC_ARRAY)
			walk_array(c, m, w, to);
		else
			ctf_cursor_skip(c, m);
	}
}

/* Returns the type of the header that is there; 0: none of them. */
static guint walk_variant(CtfCursor *c, const CtfFc *fc, const Header *headers, guint n, guint8 *to,
                          guint8 *transport_to, guint *transport_out)
{
	const CtfMember *o = ctf_cursor_option(c, fc);

	for (guint i = 0; o && i < n; i++)
		if (strcmp(plain(o), headers[i].name) == 0 && o->fc->type == CTF_FC_STRUCT) {
			walk_header(c, o->fc, &headers[i], to, transport_to, transport_out);
			return headers[i].type;
		}
	if (o)
		ctf_cursor_skip(c, o->fc);
	return 0;
}

static gboolean read_slowly(const TraceEvent *ev, guint32 len, NetHeader *out)
{
	const CtfFc *fc = trace_event_class(ev)->payload;
	guint64 slots[CTF_SLOTS_MAX];
	guint8 network[IPV6_BYTES] = {0}, transport[TCP_BYTES] = {0};
	guint version = 0, protocol = 0;
	CtfCursor c;

	if (!fc || fc->type != CTF_FC_STRUCT)
		return FALSE;
	trace_event_cursor(ev, &c, slots);
	ctf_cursor_align(&c, fc->align);
	for (guint i = 0; i < fc->n_members && !c.failed; i++) {
		if (fc->members[i].fc->type == CTF_FC_VARIANT && strcmp(plain(&fc->members[i]), "network_header") == 0)
			version = walk_variant(&c, fc->members[i].fc, network_headers, G_N_ELEMENTS(network_headers),
			                       network, transport, &protocol);
		else
			ctf_cursor_skip(&c, fc->members[i].fc);
	}
	if (c.failed || !version)
		return FALSE;
	net_header_wire(out, version == 1 ? 4 : 6, network, protocol, transport, len);
	return TRUE;
}

gboolean net_header_read(NetLayouts *l, const TraceEvent *ev, guint name, guint32 len, NetHeader *out)
{
	if (!ev->stream || !trace_has(ev, name))
		return FALSE;
	if (is_fast(l, trace_event_class(ev)))
		return read_fast(ev, name, len, out);
	return read_slowly(ev, len, out);
}
