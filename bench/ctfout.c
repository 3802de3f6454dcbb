/* SPDX-License-Identifier: MIT */
#include "ctfout.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define CTF_MAGIC      0xC1FC1FC1u
#define METADATA_MAGIC 0x75D11D57u
#define INDEX_MAGIC    0xC1F1DCC1u

/* As LTTng's session daemon writes it. */
#define METADATA_PACKET 4096
#define PAGE            4096

OutFormat out_format;
uint8_t out_align[OUT_N_EVENTS];

static G_NORETURN void die(const char *what, const char *path)
{
	fprintf(stderr, "%s: %s: %s\n", path, what, g_strerror(errno));
	exit(1);
}

static void write_all(int fd, const void *data, size_t n, const char *what)
{
	for (const char *p = data; n > 0;) {
		ssize_t done = write(fd, p, n);
		if (done < 0 && errno == EINTR)
			continue;
		if (done <= 0)
			die("cannot write", what);
		p += done;
		n -= (size_t)done;
	}
}

static int create(const char *path)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	if (fd < 0)
		die("cannot create", path);
	return fd;
}

/* ---- metadata ---- */

/* One member of an event's payload: how it is declared, and its alignment in bytes in the natural layout. */
typedef struct {
	enum { FIELD_INT, FIELD_COMM, FIELD_STR, FIELD_INSN, FIELD_SEQ, FIELD_NET, FIELD_POLLFDS, FIELD_EPOLLFDS } kind;
	uint8_t bits, is_signed, base, is_be, length_bits;
	const char *name;
} Field;

#define INT(s, ...)  {FIELD_INT, __VA_ARGS__, .name = s},
#define U8(n)        INT(#n, 8, 0, 10)
#define U16(n)       INT(#n, 16, 0, 10)
#define U32(n)       INT(#n, 32, 0, 10)
#define U64(n)       INT(#n, 64, 0, 10)
#define X32(n)       INT(#n, 32, 0, 16)
#define X64(n)       INT(#n, 64, 0, 16)
#define O32(n)       INT(#n, 32, 0, 8)
#define I32(n)       INT(#n, 32, 1, 10)
#define I32_AS(n, s) INT(s, 32, 1, 10)
#define I64(n)       INT(#n, 64, 1, 10)
#define BEX32(n)     INT(#n, 32, 0, 16, 1)
#define COMM(n)      {FIELD_COMM, 8, 1, 10, .name = #n},
#define STR(n)       {FIELD_STR, 8, 0, 10, .name = #n},
#define INSN(n)      {FIELD_INSN, 8, 0, 10, .name = #n},
#define SEQX8(n)     {FIELD_SEQ, 8, 0, 16, .length_bits = 32, .name = #n},
#define SEQI32(n)    {FIELD_SEQ, 32, 1, 10, .length_bits = 8, .name = #n},
#define NET(n)       {FIELD_NET, 8, 0, 10, .name = #n},
#define POLLFDS(n)   {FIELD_POLLFDS, 32, 0, 10, .name = #n},
#define EPOLLFDS(n)  {FIELD_EPOLLFDS, 64, 0, 10, .name = #n},

#define EVENT(event, fields) static const Field event##_fields[] = {fields{.name = NULL}};
#include "events.def"
#undef EVENT

#define EVENT(name, fields) {#name, name##_fields},
static const struct {
	const char *name;
	const Field *fields;
} events[OUT_N_EVENTS] = {
#include "events.def"
};
#undef EVENT

const char *out_event_name(unsigned id)
{
	return events[id].name;
}

/* The headers of packets, in network order; alignments as on the wire. */
#define BE_INT(bits, align, base, name)                                                                                \
	"\t\tinteger { size = " #bits "; align = " #align "; signed = 0; encoding = none; base = " #base               \
	"; byte_order = be; } " name ";\n"
#define PROTOCOL(name)                                                                                                 \
	"\t\tenum : integer { size = 8; align = 8; signed = 0; encoding = none; base = 10; byte_order = be; } {\n"     \
	"\t\t\t\"_unknown\" = 0,\n\t\t\t\"_icmp\" = 1,\n\t\t\t\"_unknown\" = 2 ... 5,\n\t\t\t\"_tcp\" = 6,\n"          \
	"\t\t\t\"_unknown\" = 7 ... 16,\n\t\t\t\"_udp\" = 17,\n\t\t\t\"_unknown\" = 18 ... 255,\n\t\t} " name ";\n"

static const char net_begin[] =
        "\t\tenum : integer { size = 8; align = 8; signed = 0; encoding = none; base = 10; } {\n"
        "\t\t\t\"_unknown\" = 0,\n\t\t\t\"_ipv4\" = 1,\n\t\t\t\"_ipv6\" = 2,\n"
        "\t\t} _network_header_type;\n"
        "\t\tvariant <_network_header_type> {\n\t\tstruct {\n\t\t} _unknown;\n";

/* clang-format off */
static const char net_ipv4[] =
	"\t\tstruct {\n"
	BE_INT(4, 4, 10, "_version") BE_INT(4, 4, 10, "_ihl") BE_INT(8, 8, 10, "_tos") BE_INT(16, 8, 10, "_tot_len")
	BE_INT(16, 8, 16, "_id") BE_INT(16, 8, 10, "_frag_off") BE_INT(8, 8, 10, "_ttl") PROTOCOL("_protocol")
	BE_INT(16, 8, 16, "_checksum")
	"\t\tstruct { } align(8) _saddr_padding;\n" BE_INT(8, 8, 10, "_saddr[4]")
	"\t\tstruct { } align(8) _daddr_padding;\n" BE_INT(8, 8, 10, "_daddr[4]");

static const char net_ipv6[] =
	"\t\tstruct {\n"
	BE_INT(4, 4, 10, "_version") BE_INT(4, 4, 10, "_prio")
	"\t\tstruct { } align(8) _flow_lbl_padding;\n" BE_INT(8, 8, 16, "_flow_lbl[3]")
	BE_INT(16, 8, 10, "_payload_len") PROTOCOL("_nexthdr") BE_INT(8, 8, 10, "_hop_limit")
	"\t\tstruct { } align(8) _saddr_padding;\n" BE_INT(16, 8, 16, "_saddr[8]")
	"\t\tstruct { } align(8) _daddr_padding;\n" BE_INT(16, 8, 16, "_daddr[8]");

static const char net_transport[] =
	"\t\tenum : integer { size = 8; align = 8; signed = 0; encoding = none; base = 10; } {\n"
	"\t\t\t\"_unknown\" = 0,\n\t\t\t\"_tcp\" = 1,\n\t\t\t\"_udp\" = 2,\n\t\t\t\"_icmp\" = 3,\n"
	"\t\t} _transport_header_type;\n"
	"\t\tvariant <_transport_header_type> {\n\t\tstruct {\n\t\t} _unknown;\n\t\tstruct {\n"
	BE_INT(16, 8, 10, "_source_port") BE_INT(16, 8, 10, "_dest_port") BE_INT(32, 8, 10, "_seq")
	BE_INT(32, 8, 10, "_ack_seq") BE_INT(4, 4, 10, "_data_offset") BE_INT(3, 1, 10, "_reserved")
	BE_INT(9, 1, 16, "_flags") BE_INT(16, 8, 10, "_window_size") BE_INT(16, 8, 16, "_checksum")
	BE_INT(16, 8, 10, "_urg_ptr")
	"\t\t} _tcp;\n\t\tstruct {\n"
	BE_INT(16, 8, 10, "_source_port") BE_INT(16, 8, 10, "_dest_port") BE_INT(16, 8, 10, "_len")
	BE_INT(16, 8, 10, "_check")
	"\t\t} _udp;\n\t\tstruct {\n"
	BE_INT(8, 8, 10, "_type") BE_INT(8, 8, 10, "_code") BE_INT(16, 8, 10, "_checksum")
	BE_INT(32, 8, 10, "_gateway")
	"\t\t} _icmp;\n\t\t} _transport_header;\n";
/* clang-format on */

static void put_net(GString *md, const char *name)
{
	g_string_append_printf(md, "%s%s%s\t\t} _ipv4;\n%s%s\t\t} _ipv6;\n\t\t} _%s;\n", net_begin, net_ipv4,
	                       net_transport, net_ipv6, net_transport, name);
}

static unsigned align_of(unsigned bits)
{
	return out_format.natural ? bits : 8;
}

static void put_int(GString *md, const Field *field, const char *prefix, const char *suffix)
{
	g_string_append_printf(
	        md, "\t\tinteger { size = %u; align = %u; signed = %u; encoding = %s; base = %u;%s } %s%s%s;\n",
	        field->bits, align_of(field->bits), field->is_signed, field->kind == FIELD_COMM ? "UTF8" : "none",
	        field->base, field->is_be ? " byte_order = be;" : "", prefix, field->name, suffix);
}

static void put_simple_int(GString *md, unsigned bits, bool is_signed, unsigned base, const char *name)
{
	const Field field = {FIELD_INT, (uint8_t)bits, is_signed, (uint8_t)base, .name = name};
	put_int(md, &field, "_", "");
}

static void put_bits(GString *md, const char *const names[], const char *rest, unsigned rest_bits)
{
	g_string_append(md, "\t\tstruct {\n");
	for (unsigned i = 0; names[i]; i++)
		g_string_append_printf(
		        md, "\t\tinteger { size = 1; align = 1; signed = 0; encoding = none; base = 10; } _%s;\n",
		        names[i]);
	g_string_append_printf(md,
	                       "\t\tinteger { size = %u; align = 1; signed = 0; encoding = none; base = 10; } _%s;\n"
	                       "\t\t} _events;\n",
	                       rest_bits, rest);
}

static void put_fds(GString *md, const Field *field)
{
	put_simple_int(md, 32, false, 10, "fds_length");
	put_simple_int(md, 8, false, 10, "overflow");
	g_string_append(md, "\t\tstruct {\n");
	if (field->kind == FIELD_POLLFDS) {
		put_simple_int(md, 32, true, 10, "fd");
		put_simple_int(md, 16, false, 16, "raw_events");
		put_bits(md, (const char *const[]){"POLLIN", "POLLPRI", "POLLOUT", "POLLERR", "POLLHUP", NULL},
		         "padding", 3);
	} else {
		g_string_append(md, "\t\tstruct {\n");
		put_simple_int(md, 64, false, 16, "u64");
		put_simple_int(md, 32, true, 10, "fd");
		g_string_append(md, "\t\t} _data_union;\n");
		put_simple_int(md, 32, false, 16, "raw_events");
		put_bits(md, (const char *const[]){"EPOLLIN", "EPOLLPRI", "EPOLLOUT", "EPOLLERR", NULL}, "padding", 4);
	}
	g_string_append_printf(md, "\t\t} _%s[ _fds_length ];\n", field->name);
}

static void put_sequence(GString *md, const Field *field)
{
	g_autofree char *length = g_strdup_printf("_%s_length", field->name);
	g_autofree char *suffix = g_strdup_printf("[ _%s ]", length);
	put_simple_int(md, field->length_bits, false, 10, length);
	put_int(md, field, "_", suffix);
}

static void put_field(GString *md, const Field *field)
{
	switch (field->kind) {
	case FIELD_INT:
		put_int(md, field, "_", "");
		break;
	case FIELD_COMM:
		put_int(md, field, "_", "[16]");
		break;
	case FIELD_INSN:
		put_int(md, field, "_", "[15]");
		break;
	case FIELD_STR:
		g_string_append_printf(md, "\t\tstring _%s;\n", field->name);
		break;
	case FIELD_SEQ:
		put_sequence(md, field);
		break;
	case FIELD_NET:
		put_net(md, field->name);
		break;
	case FIELD_POLLFDS:
	case FIELD_EPOLLFDS:
		put_fds(md, field);
		break;
	}
}

static void put_event(GString *md, unsigned id)
{
	g_string_append_printf(md, "event {\n\tname = \"%s\";\n\tid = %u;\n\tstream_id = 0;\n\tfields := struct {\n",
	                       events[id].name, id);
	for (const Field *field = events[id].fields; field->name; field++)
		put_field(md, field);
	g_string_append(md, "\t};\n};\n\n");
}

static void put_typealiases(GString *md)
{
	static const struct {
		unsigned bits;
		const char *name;
	} types[] = {{8, "uint8_t"}, {16, "uint16_t"}, {32, "uint32_t"}, {64, "uint64_t"}, {64, "unsigned long"}};
	for (unsigned i = 0; i < G_N_ELEMENTS(types); i++)
		g_string_append_printf(md, "typealias integer { size = %u; align = %u; signed = false; } := %s;\n",
		                       types[i].bits, align_of(types[i].bits), types[i].name);
	g_string_append(md, "typealias integer { size = 5; align = 1; signed = false; } := uint5_t;\n"
	                    "typealias integer { size = 27; align = 1; signed = false; } := uint27_t;\n\n");
}

static void put_trace(GString *md)
{
	const uint8_t *u = out_format.uuid;
	g_string_append(md, "trace {\n\tmajor = 1;\n\tminor = 8;\n\tuuid = \"");
	for (unsigned i = 0; i < 16; i++)
		g_string_append_printf(md, "%s%02x", i == 4 || i == 6 || i == 8 || i == 10 ? "-" : "", u[i]);
	g_string_append(md, "\";\n\tbyte_order = le;\n\tpacket.header := struct {\n"
	                    "\t\tuint32_t magic;\n\t\tuint8_t  uuid[16];\n\t\tuint32_t stream_id;\n"
	                    "\t\tuint64_t stream_instance_id;\n\t};\n};\n\n");
}

static void put_env(GString *md, const char *hostname)
{
	g_string_append_printf(md,
	                       "env {\n\thostname = \"%s\";\n\tdomain = \"kernel\";\n\tsysname = \"Linux\";\n"
	                       "\tkernel_release = \"6.1.0-50-amd64\";\n"
	                       "\tkernel_version = \"#1 SMP PREEMPT_DYNAMIC (simulated by mktrace)\";\n"
	                       "\ttracer_name = \"lttng-modules\";\n\ttracer_major = 2;\n\ttracer_minor = 13;\n"
	                       "\ttracer_patchlevel = 9;\n\ttrace_buffering_scheme = \"global\";\n"
	                       "\ttrace_name = \"mktrace\";\n"
	                       "\ttrace_creation_datetime = \"20260101T000000+0000\";\n};\n\n",
	                       hostname);
}

static void put_clock(GString *md, uint64_t offset)
{
	g_string_append_printf(md,
	                       "clock {\n\tname = \"monotonic\";\n\tuuid = \"c0ffee00-1271-4bb1-acdb-4afbd65b8740\";\n"
	                       "\tdescription = \"Monotonic Clock\";\n\tfreq = 1000000000; /* Frequency, in Hz */\n"
	                       "\t/* clock value offset from Epoch is: offset * (1/freq) */\n"
	                       "\toffset = %" G_GUINT64_FORMAT ";\n};\n\n",
	                       offset);
	static const unsigned sizes[] = {27, 32, 64};
	for (unsigned i = 0; i < G_N_ELEMENTS(sizes); i++)
		g_string_append_printf(md,
		                       "typealias integer {\n\tsize = %u; align = %u; signed = false;\n"
		                       "\tmap = clock.monotonic.value;\n} := uint%u_clock_monotonic_t;\n\n",
		                       sizes[i], sizes[i] == 27 ? 1 : align_of(sizes[i]), sizes[i]);
}

static void put_header(GString *md, const char *name, unsigned bits, unsigned last, unsigned ts_bits, unsigned align)
{
	g_string_append_printf(
	        md,
	        "struct %s {\n\tenum : uint%u_t { compact = 0 ... %u, extended = %u } id;\n"
	        "\tvariant <id> {\n\t\tstruct {\n\t\t\tuint%u_clock_monotonic_t timestamp;\n\t\t} compact;\n"
	        "\t\tstruct {\n\t\t\tuint32_t id;\n\t\t\tuint64_clock_monotonic_t timestamp;\n"
	        "\t\t} extended;\n\t} v;\n} align(%u);\n\n",
	        name, bits, last, last + 1, ts_bits, align);
}

static void put_stream(GString *md)
{
	g_string_append(md, "struct packet_context {\n\tuint64_clock_monotonic_t timestamp_begin;\n"
	                    "\tuint64_clock_monotonic_t timestamp_end;\n\tuint64_t content_size;\n"
	                    "\tuint64_t packet_size;\n\tuint64_t packet_seq_num;\n\tunsigned long events_discarded;\n"
	                    "\tuint32_t cpu_id;\n};\n\n");
	put_header(md, "event_header_compact", 5, 30, 27, align_of(32));
	put_header(md, "event_header_large", 16, 65534, 32, align_of(16));
	g_string_append_printf(md,
	                       "stream {\n\tid = 0;\n\tevent.header := struct event_header_%s;\n"
	                       "\tpacket.context := struct packet_context;\n",
	                       out_format.compact ? "compact" : "large");
	if (!out_format.no_context) {
		g_string_append(md, "\tevent.context := struct {\n");
		put_simple_int(md, 32, true, 10, "vpid");
		put_simple_int(md, 32, true, 10, "vtid");
		g_string_append(md, "\t};\n");
	}
	g_string_append(md, "};\n\n");
}

/* Packets of fixed size, all of them full but the last: magic, uuid, checksum, content and packet size in bits,
 * compression, encryption and checksum schemes (none), version (CTF 1.8.2, section 7.1). */
static void write_packetized(int fd, const GString *text, const char *path)
{
	enum { HEADER = 37 };
	for (size_t at = 0; at < text->len;) {
		uint8_t packet[METADATA_PACKET] = {0};
		const size_t n = MIN(text->len - at, METADATA_PACKET - HEADER);
		const uint32_t magic = METADATA_MAGIC;
		const uint32_t sizes[2] = {(uint32_t)(HEADER + n) * 8, METADATA_PACKET * 8};
		memcpy(packet, &magic, 4);
		memcpy(packet + 4, out_format.uuid, 16);
		memcpy(packet + 24, sizes, 8);
		packet[35] = 1;
		packet[36] = 8;
		memcpy(packet + HEADER, text->str + at, n);
		write_all(fd, packet, METADATA_PACKET, path);
		at += n;
	}
}

void out_metadata(const char *hostname, uint64_t clock_offset)
{
	g_autoptr(GString) md = g_string_new(NULL);
	put_typealiases(md);
	put_trace(md);
	put_env(md, hostname);
	put_clock(md, clock_offset);
	put_stream(md);
	for (unsigned id = 0; id < OUT_N_EVENTS; id++)
		put_event(md, id);
	g_autofree char *path = g_build_filename(out_format.dir, "metadata", NULL);
	int fd = create(path);
	write_packetized(fd, md, path);
	if (close(fd) != 0)
		die("cannot write", path);
}

static uint8_t natural_align(const Field *fields)
{
	uint8_t align = 1;
	for (const Field *field = fields; field->name; field++)
		align = MAX(align, MAX(field->bits, field->length_bits) / 8);
	return align;
}

/* What an earlier run with other options has left would be read as part of this trace. */
static void remove_streams(const char *path)
{
	g_autoptr(GDir) dir = g_dir_open(path, 0, NULL);
	for (const char *name; dir && (name = g_dir_read_name(dir));) {
		g_autofree char *file = g_build_filename(path, name, NULL);
		if (g_str_has_prefix(name, "ch_") && unlink(file) != 0)
			die("cannot remove", file);
	}
}

void out_begin(void)
{
	g_autofree char *index = g_build_filename(out_format.dir, "index", NULL);
	remove_streams(out_format.dir);
	remove_streams(index);
	rmdir(index);
	const char *dir = out_format.index ? index : out_format.dir;
	if (g_mkdir_with_parents(dir, 0755) != 0)
		die("cannot make this directory", dir);
	for (unsigned id = 0; id < OUT_N_EVENTS; id++)
		out_align[id] = out_format.natural ? natural_align(events[id].fields) : 1;
}

/* ---- streams ---- */

static uint64_t next_random(uint64_t *state)
{
	uint64_t z = *state += 0x9e3779b97f4a7c15u;
	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
	z = (z ^ z >> 27) * 0x94d049bb133111ebu;
	return z ^ z >> 31;
}

/* The index's own header: magic, version 1.1, size of an entry. */
static FILE *open_index(uint32_t cpu)
{
	g_autofree char *name = g_strdup_printf("ch_%u.idx", cpu);
	g_autofree char *path = g_build_filename(out_format.dir, "index", name, NULL);
	FILE *idx = fopen(path, "we");
	const uint32_t header[4] = {GUINT32_TO_BE(INDEX_MAGIC), GUINT32_TO_BE(1), GUINT32_TO_BE(1), GUINT32_TO_BE(72)};
	if (!idx || fwrite(header, sizeof header, 1, idx) != 1)
		die("cannot create", path);
	return idx;
}

void out_open(Out *out, uint32_t cpu, uint64_t seed, uint64_t *counts)
{
	g_autofree char *name = g_strdup_printf("ch_%u", cpu);
	g_autofree char *path = g_build_filename(out_format.dir, name, NULL);
	*out = (Out){.cpu = cpu, .rng = seed ^ (cpu + 1) * 0x632be59bd9b4e019u, .counts = counts};
	out->buf = g_malloc(out_format.packet_size);
	out->fd = create(path);
	if (out_format.index)
		out->idx = open_index(cpu);
}

static void put_index_entry(Out *out, uint64_t end_ts, uint64_t content, uint64_t size)
{
	const uint64_t entry[9] = {out->file_off,        size * 8,          content * 8, out->begin_ts,     end_ts,
	                           out->stats.discarded, 0 /* stream id */, out->cpu,    out->stats.packets};
	uint64_t be[9];
	for (unsigned i = 0; i < 9; i++)
		be[i] = GUINT64_TO_BE(entry[i]);
	if (fwrite(be, sizeof be, 1, out->idx) != 1)
		die("cannot write", "index");
}

/* Packet header and context; run again at the end of the packet, when the sizes are known. */
static void put_packet_header(Out *out, uint64_t end_ts, uint64_t content, uint64_t size)
{
	out->off = 0;
	out_u32(out, CTF_MAGIC);
	out_bytes(out, out_format.uuid, 16);
	out_u32(out, 0); /* stream id */
	out_u64(out, out->cpu);
	out_u64(out, out->begin_ts);
	out_u64(out, end_ts);
	out_u64(out, content * 8);
	out_u64(out, size * 8);
	out_u64(out, out->stats.packets);
	out_u64(out, out->stats.discarded);
	out_u32(out, out->cpu);
}

void out_packet_begin(Out *out, uint64_t ts)
{
	out->begin_ts = ts;
	out->last_ts = ts;
	if (out->stats.packets == 0)
		out->stats.first_ts = ts;
	put_packet_header(out, 0, 0, 0);
}

static void write_packet(Out *out, uint64_t end_ts, uint64_t size)
{
	const uint64_t content = out->off;
	put_packet_header(out, end_ts, content, size);
	memset(out->buf + content, 0, size - content);
	write_all(out->fd, out->buf, size, "stream");
	if (out->idx)
		put_index_entry(out, end_ts, content, size);
	out->reported = out->stats.discarded;
	out->stats.packets++;
	out->stats.last_ts = end_ts;
	out->file_off += size;
	out->off = 0;
}

void out_packet_end(Out *out, uint64_t ts)
{
	write_packet(out, ts, out_format.packet_size);
	if (out_format.discard && next_random(&out->rng) % 8 == 0)
		out->to_drop = 1 + next_random(&out->rng) % 2000;
}

static uint64_t page_up(uint64_t n)
{
	return MIN((n + PAGE - 1) & ~(uint64_t)(PAGE - 1), out_format.packet_size);
}

void out_close(Out *out)
{
	if (out->off == 0 && out->reported != out->stats.discarded)
		out_packet_begin(out, out->stats.last_ts);
	if (out->off > 0)
		write_packet(out, out->last_ts, page_up(out->off));
	if (close(out->fd) != 0 || (out->idx && fclose(out->idx) != 0))
		die("cannot write", out_format.dir);
	g_free(out->buf);
}

void out_pollfds(Out *out, OutSpan fds)
{
	const int32_t *fd = fds.data;
	out_u32(out, fds.n);
	out_u8(out, 0);
	out_pad(out, 4);
	for (uint32_t i = 0; i < fds.n; i++) {
		out_u32(out, (uint32_t)fd[i]);
		out_u16(out, 1);
		out_u8(out, 1);
	}
}

void out_epollfds(Out *out, OutSpan fds)
{
	const int32_t *fd = fds.data;
	out_u32(out, fds.n);
	out_u8(out, 0);
	out_pad(out, 8);
	for (uint32_t i = 0; i < fds.n; i++) {
		out_u64(out, (uint64_t)fd[i]);
		out_u32(out, (uint32_t)fd[i]);
		out_u32(out, 1);
		out_u8(out, 1);
	}
}
