/* SPDX-License-Identifier: MIT */
/*
 * ctf/json.h: the CTF 2 front end's own parts. Private to json*.c.
 *
 *     json.c       the sequence of fragments, and fragments
 *     json_fc.c    field classes
 *     json_find.c  field locations
 *     jsontext.c   JSON
 */
#ifndef STRATA_CTF_JSON_H
#define STRATA_CTF_JSON_H

#include "ctf/jsontext.h"
#include "ctf/metadata.h"

#define CTF_JSON_VALUES_MAX (4u << 20) /* JSON values in memory: of the fragment being read, and of all aliases */
#define CTF_JSON_STEPS_MAX  (1u << 27) /* hours of work can be asked for in few bytes, through aliases */
#define CTF_JSON_STEPS_MAX  (1u << 27) /* properties and members looked at while field classes are built */

/* A field class alias. Its values are kept until the metadata has been read, since every use builds a tree of its own. */
typedef struct {
	GArray *values;
	const CtfJson *fc; /* never a string: an alias of an alias is that one's field class */
	guint32 end;       /* where its fragment ends: only what comes later may use it */
} CtfJsonAlias;

/* The state of reading one metadata stream. */
typedef struct {
	CtfMetadata *m;
	GError *error;       /* the first one; functions that fail set it and give FALSE or NULL */
	GArray *values;      /* CtfJson: the fragment being read */
	guint kept;          /* values of all aliases */
	GHashTable *aliases; /* name -> CtfJsonAlias * */
	GHashTable *strings; /* interned texts, in the metadata's arena */
	GHashTable *made;    /* by place in the text: what uses of an alias share */
	GHashTable *parents; /* structure -> the structure around it */
	guint n_fcs, max_fcs;
	guint steps; /* properties and members looked at while building field classes */
	gboolean has_trace_class;
	GString *scratch;

	/* the tree being built */
	CtfScope scope;
	CtfStreamClass *sc;              /* NULL: a packet header */
	CtfFc *trees[CTF_SCOPE_COUNT];   /* what a field location may name; NULL: not there, or later in the packet */
	CtfFc *spine[CTF_DEPTH_MAX + 1]; /* from the tree's root to what is being built */
	guint depth;
} CtfJsonReader;

/* What can be made of the same place in the text. */
typedef enum {
	CTF_JSON_MADE_TEXT,     /* const char * */
	CTF_JSON_MADE_UNSIGNED, /* CtfRange *, of an integer range set */
	CTF_JSON_MADE_SIGNED,
	CTF_JSON_MADE_MAPPINGS, /* CtfMapping * */
	CTF_JSON_MADE_CHECK,    /* not NULL: the options of a variant were found not to overlap */
	CTF_JSON_MADE_CHECK_SIGNED,
	CTF_JSON_MADE_COUNT
} CtfJsonMade;

/* ---- Values (json.c) ------------------------------------------------------------------------------------------ */

/* Set the error unless there is one, for a place in the text. Always gives FALSE. */
gboolean ctf_json_fail(CtfJsonReader *r, const CtfJson *v, const char *format, ...) G_GNUC_PRINTF(3, 4);

/* Count `n` steps of work for a place in the text. FALSE with an error if all together are too many. */
gboolean ctf_json_spend(CtfJsonReader *r, const CtfJson *v, guint n);

/* What was made of `v` before; NULL: nothing. It is to be stored in r->made under `*key_out`. */
gpointer ctf_json_made(CtfJsonReader *r, const CtfJson *v, CtfJsonMade kind, gpointer *key_out);

/* A property of an object that must be there. NULL: an error. */
const CtfJson *ctf_json_need(CtfJsonReader *r, const CtfJson *v, const char *name);

/* Values of a certain type; `what` names them in messages ("a length"). */
gboolean ctf_json_expect(CtfJsonReader *r, const CtfJson *v, CtfJsonType type, const char *what);
gboolean ctf_json_uint(CtfJsonReader *r, const CtfJson *v, const char *what, guint64 *value_out);
const char *ctf_json_text(CtfJsonReader *r, const CtfJson *v, const char *what); /* NULL: an error */

/* The text of a property that may be missing: NULL if it is. */
gboolean ctf_json_optional_text(CtfJsonReader *r, const CtfJson *v, const char *name, const char **text_out);

/* FALSE with an error if an object has extensions (2 §5.1): Strata knows none, and they may change how data is laid out. */
gboolean ctf_json_no_extensions(CtfJsonReader *r, const CtfJson *v);

/* ---- Field classes (json_fc.c, json_find.c) ------------------------------------------------------------------- */

/* Build the tree of a scope; it must be a structure. The tree is r->trees[scope] as well. */
gboolean ctf_json_tree(CtfJsonReader *r, const CtfJson *v, CtfScope scope, CtfFc **tree_out);

/*
 * Find the field that a field location names, seen from the field class being built (the last of the spine), and mark it
 * as referenced. Where it may be one of several (options of a variant), they share a slot and the first is given.
 */
gboolean ctf_json_find(CtfJsonReader *r, const CtfJson *location, CtfFc **found_out);

#endif
