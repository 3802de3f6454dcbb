/* SPDX-License-Identifier: MIT */
/*
 * tests/unit/ctf2_json.h: CTF 2 metadata in C strings. In them, ' stands for " and ~ for the record separator.
 */
#ifndef STRATA_TESTS_UNIT_CTF2_JSON_H
#define STRATA_TESTS_UNIT_CTF2_JSON_H

#include <glib.h>

/* clang-format off */

/* Fragments. */
#define PREAMBLE           "~{'type':'preamble','version':2}\n"
#define CLOCK              "~{'type':'clock-class','id':'c','frequency':1000000000}\n"
#define STREAM             "~{'type':'data-stream-class'}\n"
#define ALIAS(name, class) "~{'type':'field-class-alias','name':'" name "','field-class':" class "}\n"

/* An event record class whose payload has these members. */
#define EVENT(members) "~{'type':'event-record-class','name':'e','payload-field-class':" STRUCT(members) "}\n"

/* Field classes. */
#define MEMBER(name, class)        "{'name':'" name "','field-class':" class "}"
#define STRUCT(members)            "{'type':'structure','member-classes':[" members "]}"
#define BITS(type, size, order)    "{'type':'fixed-length-" type "','length':" #size ",'byte-order':'" order "-endian'}"
#define UINT(size, order, more)    "{'type':'fixed-length-unsigned-integer','length':" #size ",'byte-order':'" order "-endian'" more "}"
#define U8                         BITS("unsigned-integer", 8, "little")
#define S8                         BITS("signed-integer", 8, "little")
#define BOOL                       BITS("boolean", 8, "little")
#define U8_ROLE(role)              UINT(8, "little", ",'roles':['" role "']")
#define UVAR                       "{'type':'variable-length-unsigned-integer'}"
#define SVAR                       "{'type':'variable-length-signed-integer'}"
#define STR                        "{'type':'null-terminated-string'}"
#define ARR(n, class)              "{'type':'static-length-array','length':" n ",'element-field-class':" class "}"
#define SEQ(location, class)       "{'type':'dynamic-length-array','length-field-location':" location ",'element-field-class':" class "}"
#define OPTIONAL(location, class)  "{'type':'optional','selector-field-location':" location ",'field-class':" class "}"
#define OPTION(ranges, class)      "{'selector-field-ranges':" ranges ",'field-class':" class "}"
#define VARIANT(location, options) "{'type':'variant','selector-field-location':" location ",'options':[" options "]}"

/* Field locations; what follows one within an object may be added behind it. */
#define PATH(elements)         "{'path':[" elements "]}"
#define PAYLOAD_PATH(elements) "{'origin':'event-record-payload','path':[" elements "]}"

/* clang-format on */

/* The metadata that such a text stands for; as many bytes. */
static inline char *ctf2_text(const char *text, gsize len)
{
	char *copy = g_memdup2(text, len);
	for (char *p = copy; p < copy + len; p++)
		*p = *p == '\'' ? '"' : *p == '~' ? '\x1e' : *p;
	return copy;
}

#endif
