/* SPDX-License-Identifier: MIT */
/*
 * ctf/jsontext.h: JSON texts (RFC 8259) inside metadata. Private to ctf/.
 *
 * A strict parser of our own, since metadata needs what JSON libraries don't give: the place of every value for messages,
 * unsigned 64 bit integers without loss, and a bound on depth and memory whatever the text holds (json-glib overflows the stack on
 * deep nesting and reads integers that don't fit as others).
 *
 * A text becomes one array of values in the order of the text, parents before children: the first child of `v` is `v + 1`, what
 * follows `v` is `v + v->span`. An object's children are its keys and values in turn. Values refer to the metadata's text and hold
 * no memory of their own.
 */
#ifndef STRATA_CTF_JSONTEXT_H
#define STRATA_CTF_JSONTEXT_H

#include "ctf/ctf.h"

#define CTF_JSON_DEPTH_MAX (4 * CTF_DEPTH_MAX + 16) /* a field class takes up to three levels */

typedef enum {
	CTF_JSON_NULL,
	CTF_JSON_FALSE,
	CTF_JSON_TRUE,
	CTF_JSON_INT, /* without fraction and exponent, of any size */
	CTF_JSON_REAL,
	CTF_JSON_STRING,
	CTF_JSON_ARRAY,
	CTF_JSON_OBJECT,
} CtfJsonType;

typedef struct {
	guint32 at;     /* where it begins: bytes from the metadata's begin */
	guint32 len;    /* bytes */
	guint32 span;   /* number of values it is made of, itself included */
	guint32 n;      /* elements of an array, members of an object */
	guint8 type;    /* CtfJsonType */
	guint8 escaped; /* a string with backslashes */
} CtfJson;

/*
 * Parse the JSON text between two offsets of m->text; `values` (CtfJson) gets it from index 0 on, at most `max` of them.
 * Errors: ST_ERROR_METADATA.
 */
gboolean ctf_json_parse_text(CtfMetadata *m, gsize begin, gsize end, GArray *values, guint max, GError **error);

/* The value after `v` and all it holds. */
static inline const CtfJson *ctf_json_next(const CtfJson *v)
{
	return v + v->span;
}

/* TRUE if `v` is a string with this text. */
gboolean ctf_json_is(const CtfMetadata *m, const CtfJson *v, const char *text);

/* The value of an object's last member of that name; NULL: none, or null, or `v` is no object. */
const CtfJson *ctf_json_get(const CtfMetadata *m, const CtfJson *v, const char *name);

/* A string's text, which may hold null bytes. */
void ctf_json_string(const CtfMetadata *m, const CtfJson *v, GString *out);

/* An integer as sign and magnitude. FALSE: no integer, or its magnitude has more than 64 bits. */
gboolean ctf_json_int(const CtfMetadata *m, const CtfJson *v, gboolean *negative_out, guint64 *magnitude_out);

#endif
