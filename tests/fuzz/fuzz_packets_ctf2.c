/* SPDX-License-Identifier: MIT */
/* Packets of a CTF 2 trace: what CTF 1.8 has not, in headers and payloads. Written as unit/ctf2_json.h says. */
#include "packets.h"
#include "unit/ctf2_json.h"

/* clang-format off */

#define TIME "'roles':['default-clock-timestamp']"
#define ORIGIN(origin, name) "{'origin':'" origin "','path':['" name "']}"

/* In pieces: ISO C has no such long strings. */
static const char *const METADATA[] = {
	PREAMBLE CLOCK
	"~{'type':'trace-class','packet-header-field-class':"
	STRUCT(MEMBER("n", UVAR) "," MEMBER("has", BOOL) "," MEMBER("o", OPTIONAL(PATH("'has'"), U8_ROLE("data-stream-class-id")))) "}"
	ALIAS("context", STRUCT(
		MEMBER("content", UINT(16, "little", ",'roles':['packet-content-length']")) ","
		MEMBER("total", UINT(16, "big", ",'alignment':8,'roles':['packet-total-length']")) ","
		MEMBER("begin", "{'type':'variable-length-unsigned-integer'," TIME "}") ","
		MEMBER("lost", "{'type':'variable-length-unsigned-integer','roles':['discarded-event-record-counter-snapshot']}")))
	"~{'type':'data-stream-class','id':0,'default-clock-class-id':'c','packet-context-field-class':'context',"
	"'event-record-header-field-class':"
	STRUCT(MEMBER("id", UINT(3, "little", ",'roles':['event-record-class-id']")) ","
	       MEMBER("t", "{'type':'variable-length-unsigned-integer'," TIME "}")) ","
	"'event-record-common-context-field-class':" STRUCT(MEMBER("c", SEQ(ORIGIN("event-record-header", "id"), SVAR))) "}"
	"~{'type':'data-stream-class','id':1,'default-clock-class-id':'c','packet-context-field-class':'context',"
	"'event-record-header-field-class':"
	STRUCT(MEMBER("id", UINT(5, "big", ",'bit-order':'first-to-last','roles':['event-record-class-id']")) ","
	       MEMBER("t", UINT(11, "big", "," TIME))) "}",
	"~{'type':'event-record-class','name':'texts','payload-field-class':"
	STRUCT(MEMBER("s", STR) ","
	       MEMBER("x", "{'type':'null-terminated-string','encoding':'utf-16le'}") ","
	       MEMBER("q", "{'type':'null-terminated-string','encoding':'utf-32be'}") ","
	       MEMBER("f", "{'type':'static-length-string','length':6,'encoding':'utf-16be'}") ","
	       MEMBER("n", U8) ","
	       MEMBER("v", "{'type':'dynamic-length-string','encoding':'utf-32le','length-field-location':" PATH("'n'") "}") ","
	       MEMBER("b", "{'type':'dynamic-length-blob','length-field-location':" ORIGIN("packet-header", "n") "}")) "}",
	"~{'type':'event-record-class','id':1,'name':'numbers','payload-field-class':"
	STRUCT(MEMBER("x", SVAR) "," MEMBER("q", "{'type':'fixed-length-signed-integer','length':61,'byte-order':'little-endian','bit-order':'last-to-first'}") ","
	       MEMBER("m", BITS("boolean", 3, "little")) "," MEMBER("d", BITS("floating-point-number", 64, "little")) ","
	       MEMBER("v", BITS("bit-array", 64, "little")) "," MEMBER("u", UINT(64, "little", ",'alignment':64"))) "}"
	"~{'type':'event-record-class','id':2,'name':'choices','payload-field-class':"
	STRUCT(MEMBER("x", S8) "," MEMBER("k", BOOL) ","
	       MEMBER("o", OPTIONAL(PATH("'k'"), STRUCT(MEMBER("n", UVAR) "," MEMBER("q", STR)))) ","
	       MEMBER("v", VARIANT(PATH("'x'"),
	           OPTION("[[-128,-1]]", STRUCT(MEMBER("n", U8) "," MEMBER("s", STR))) ","
	           OPTION("[[0,5],[7,9]]", STRUCT(MEMBER("n", UVAR) "," MEMBER("b", SEQ(PAYLOAD_PATH("'v','n'"), UINT(3, "little", ""))))))) ","
	       MEMBER("a", SEQ(PATH("'o','n'"), U8)) "," MEMBER("q", SEQ(PATH("'v','n'"), STRUCT(MEMBER("n", U8) ","
	           MEMBER("s", STRUCT(MEMBER("t", SEQ(PATH("null,'n'"), STRUCT(""))))))))) "}"
	"~{'type':'event-record-class','id':3,'data-stream-class-id':1,'name':'orders','payload-field-class':"
	STRUCT(MEMBER("x", UINT(13, "big", "")) "," MEMBER("q", UINT(3, "big", ",'bit-order':'first-to-last'")) ","
	       MEMBER("v", ARR("3", ARR("2", UINT(5, "big", ""))))) "}"
	"~{'type':'event-record-class','data-stream-class-id':1,'name':'nothing'}",
	NULL,
};

/* clang-format on */

static void subscribe(const CtfEventClass *ec, CtfSubscription *sub, gpointer user)
{
	static const char *const names[] = {"x", "q", "v", "d", "o.n", "f"};
	(void)ec;
	(void)user;
	sub->n_wants = G_N_ELEMENTS(names);
	for (guint i = 0; i < G_N_ELEMENTS(names); i++)
		sub->wants[i] = (CtfWant){CTF_SCOPE_COUNT, names[i]};
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	g_autofree char *text = g_strjoinv("", (char **)(guintptr)METADATA);
	g_autofree char *metadata = ctf2_text(text, strlen(text));
	fuzz_packets(metadata, strlen(text), subscribe, data, size);
	return 0;
}
