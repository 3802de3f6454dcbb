/* SPDX-License-Identifier: MIT */
/* Packets of a CTF 1.8 trace: LTTng's header and another one, every kind of field. */
#include "packets.h"

static const char METADATA[] =
	"/* CTF 1.8 */\n"
	"typealias integer { size = 8; align = 8; signed = false; } := uint8_t;\n"
	"typealias integer { size = 16; align = 8; signed = false; } := uint16_t;\n"
	"typealias integer { size = 32; align = 8; signed = false; } := uint32_t;\n"
	"typealias integer { size = 64; align = 8; signed = false; } := uint64_t;\n"
	"trace { major = 1; minor = 8; byte_order = le;\n"
	"  packet.header := struct { uint32_t magic; uint32_t stream_id; }; };\n"
	"clock { name = mono; freq = 1000000000; offset = 17; };\n"
	"typealias integer { size = 27; align = 1; signed = false; map = clock.mono.value; } := ts27_t;\n"
	"typealias integer { size = 64; align = 8; signed = false; map = clock.mono.value; } := ts64_t;\n"
	"struct header { enum : integer { size = 5; align = 1; signed = false; } { compact = 0 ... 30, extended = 31 } id;\n"
	"  variant <id> { struct { ts27_t timestamp; } compact; struct { uint32_t id; ts64_t timestamp; } extended; } v; } align(8);\n"
	"stream { id = 0; event.header := struct header;\n"
	"  packet.context := struct { ts64_t timestamp_begin; ts64_t timestamp_end; uint64_t content_size; uint64_t packet_size;\n"
	"    uint64_t events_discarded; uint32_t cpu_id; };\n"
	"  event.context := struct { uint8_t c; }; };\n"
	"stream { id = 1; event.header := struct { uint8_t id; integer { size = 13; align = 1; byte_order = be; map = clock.mono.value; } timestamp; }; };\n"
	"event { name = a; id = 0; stream_id = 0; fields := struct { uint8_t x; string s; }; };\n"
	"event { name = b; id = 1; stream_id = 0; fields := struct { uint16_t n; uint32_t v[n]; }; };\n"
	"event { name = c; id = 2; stream_id = 0; fields := struct { uint8_t n; struct { string s; uint8_t k; } v[n]; }; };\n"
	"event { name = d; id = 3; stream_id = 0; fields := struct { enum : uint8_t { one = 1, two = 2 ... 9 } t;\n"
	"  variant <t> { uint8_t one; struct { uint8_t m; uint64_t q[m]; } two; } v; }; };\n"
	"event { name = e; id = 40; stream_id = 0; fields := struct { integer { size = 3; align = 1; } p; integer { size = 61; align = 1; signed = true; } q;\n"
	"  floating_point { exp_dig = 8; mant_dig = 24; align = 32; } f; integer { size = 8; align = 8; encoding = UTF8; } t[5]; }; };\n"
	"event { name = f; id = 0; stream_id = 1; fields := struct { integer { size = 7; align = 1; byte_order = be; } z; uint8_t y[3]; }; };\n"
	"event { name = g; id = 1; stream_id = 1; };\n";

static void subscribe(const CtfEventClass *ec, CtfSubscription *sub, gpointer user)
{
	(void)user;
	sub->n_wants = 3;
	sub->wants[0] = (CtfWant){CTF_SCOPE_COUNT, "x"};
	sub->wants[1] = (CtfWant){CTF_SCOPE_COUNT, ec->id == 1 ? "v" : "q"};
	sub->wants[2] = (CtfWant){CTF_SCOPE_COUNT, ec->id == 3 ? "v.two.m" : "c"};
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	fuzz_packets(METADATA, strlen(METADATA), subscribe, data, size);
	return 0;
}
