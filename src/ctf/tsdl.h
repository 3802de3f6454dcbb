/* SPDX-License-Identifier: MIT */
/*
 * ctf/tsdl.h: what the files of the TSDL front end share (the Trace Stream Description Language, 1.8 §7 and annex C).
 *
 *     text --tsdl-lex.c--> tokens --tsdl-type.c, tsdl-attr.c--> TsdlType --tsdl-build.c--> CtfFc
 *
 * tsdl.c reads the blocks (trace, env, clock, stream, event) and drives the rest; tsdl-role.c gives header and context fields
 * their meaning.
 *
 * A TsdlType is a type as it was declared: names resolved, shared by all that use it, a graph without cycles. A CtfFc is one
 * place of one tree, so types are instantiated ("built") once per place. What hostile text could blow up is counted: nesting and the size
 * of a tree when a type is made, all objects together in `objects`.
 *
 * The first error is kept in Tsdl.error; every function that can fail then gives FALSE or NULL, up to tsdl.c.
 */
#ifndef STRATA_CTF_TSDL_H
#define STRATA_CTF_TSDL_H

#include "ctf/metadata.h"

#define TSDL_TREE_MAX    (1u << 16) /* field classes of one tree */
#define TSDL_LABELS_MAX  (1u << 16) /* labels with their ranges of an enumeration */
#define TSDL_PATH_MAX    (CTF_DEPTH_MAX + 3)
#define TSDL_OBJECTS_MAX (1u << 21) /* names, types, labels, field classes: less than half a gigabyte */
#define TSDL_ALIGN_MAX   (1u << 20) /* bits */

/* ---- Words and tokens ---------------------------------------------------------------------------------------- */

/*
 * Words with a meaning somewhere: first those of C's own types, then the others that begin a type, then the others that are
 * reserved, then names of attributes.
 */
/* clang-format off */
#define TSDL_WORDS(X) \
	X(BOOL, "_Bool") X(CHAR, "char") X(COMPLEX, "_Complex") X(CONST, "const") X(DOUBLE, "double") \
	X(FLOAT, "float") X(IMAGINARY, "_Imaginary") X(INT, "int") X(LONG, "long") X(SHORT, "short") \
	X(SIGNED, "signed") X(UNSIGNED, "unsigned") X(VOID, "void") \
	X(ENUM, "enum") X(FLOATING_POINT, "floating_point") X(INTEGER, "integer") X(STRING, "string") \
	X(STRUCT, "struct") X(VARIANT, "variant") \
	X(ALIGN, "align") X(CALLSITE, "callsite") X(CLOCK, "clock") X(ENV, "env") X(EVENT, "event") \
	X(STREAM, "stream") X(TRACE, "trace") X(TYPEALIAS, "typealias") X(TYPEDEF, "typedef") \
	X(ABSOLUTE, "absolute") X(BASE, "base") X(BYTE_ORDER, "byte_order") X(CONTEXT, "context") \
	X(DESCRIPTION, "description") X(EMF, "emf") X(ENCODING, "encoding") X(EXP_DIG, "exp_dig") \
	X(FIELDS, "fields") X(FREQ, "freq") X(HEADER, "header") X(ID, "id") X(LOGLEVEL, "loglevel") \
	X(MAJOR, "major") X(MANT_DIG, "mant_dig") X(MAP, "map") X(MINOR, "minor") X(MODEL, "model") \
	X(NAME, "name") X(OFFSET, "offset") X(OFFSET_S, "offset_s") X(PACKET, "packet") \
	X(PRECISION, "precision") X(SIZE, "size") X(STREAM_ID, "stream_id") X(URI, "uri") X(UUID, "uuid") \
	X(VALUE, "value")
/* clang-format on */

#define TSDL_WORD(word, text) TSDL_W_##word,
typedef enum { TSDL_W_NONE, TSDL_WORDS(TSDL_WORD) TSDL_W_COUNT } TsdlWord;
#undef TSDL_WORD

#define TSDL_W_LAST_C_TYPE   TSDL_W_VOID
#define TSDL_W_LAST_TYPE     TSDL_W_VARIANT
#define TSDL_W_LAST_RESERVED TSDL_W_TYPEDEF

typedef struct TsdlType TsdlType;
typedef struct TsdlSymbol TsdlSymbol;

typedef enum { TSDL_NS_ALIAS, TSDL_NS_STRUCT, TSDL_NS_VARIANT, TSDL_NS_ENUM, TSDL_NS_COUNT } TsdlNamespace;

/* An interned identifier or string: equal text, same address. What is declared under it hangs on it. */
typedef struct {
	guint64 hash;
	guint32 len;
	guint32 word;                       /* TsdlWord */
	TsdlSymbol *symbols[TSDL_NS_COUNT]; /* the innermost declaration of each kind; NULL: none */
	guint64 mark;                       /* who has seen it last (Tsdl.marks), and what was noted */
	guint64 note;
	char text[];
} TsdlName;

/* The name whose `text` this is. */
#define TSDL_NAME_OF(text_) ((TsdlName *)((char *)(text_)-offsetof(TsdlName, text)))

struct TsdlSymbol {
	TsdlName *name;
	TsdlNamespace ns;
	guint scope; /* nesting of the braces it was declared in; 0: outermost */
	TsdlType *type;
	TsdlSymbol *shadowed; /* the same name's declaration further out */
	TsdlSymbol *below;    /* declared before, in the same scope or further out */
};

typedef enum {
	TSDL_END, /* of the text */
	TSDL_BAD, /* not a token; Tsdl.error is set */
	TSDL_NAME,
	TSDL_NUMBER,      /* also a character constant */
	TSDL_TEXT,        /* a string */
	TSDL_TYPE_ASSIGN, /* := */
	TSDL_ELLIPSIS,    /* ... */
	TSDL_ARROW,       /* -> */
	                  /* any other: the character itself */
} TsdlTokenKind;

typedef struct {
	int kind;      /* TsdlTokenKind or character */
	TsdlWord word; /* TSDL_NAME */
	const char *at, *end;
	TsdlName *name; /* TSDL_NAME, TSDL_TEXT */
	guint64 value;  /* TSDL_NUMBER */
} TsdlToken;

/* ---- Types --------------------------------------------------------------------------------------------------- */

typedef enum { TSDL_ORDER_NATIVE, TSDL_ORDER_LITTLE, TSDL_ORDER_BIG } TsdlOrder;

/* The field that a length or a tag names. */
typedef struct {
	const char *at;
	int scope; /* CtfScope; -1: relative */
	guint n;
	TsdlName *names[];
} TsdlRef;

struct TsdlType {
	CtfFc fc;       /* what its field classes begin as: copied, then made whole */
	const char *at; /* where it was declared */
	guint depth;    /* of its tree */
	guint nodes;    /* field classes in its tree */
	TsdlOrder order;
	gboolean is_text; /* an integer with a text encoding */
	TsdlName *clock;  /* "map": NULL: none */
	TsdlRef *ref;     /* of a sequence's length or a variant's tag; NULL: none */
	TsdlType *element;
	TsdlType **types; /* of fc.members */
};

/* Members and mappings have an index by name before them in memory, if there are many. */
typedef struct {
	const char *name;
	guint32 i;
} TsdlIndexEntry;

typedef struct {
	const TsdlIndexEntry *index; /* sorted by address; NULL: look at one after the other */
	CtfMember items[];
} TsdlMembers;

typedef struct {
	const TsdlIndexEntry *index;
	CtfMapping items[];
} TsdlMappings;

/* ---- Blocks -------------------------------------------------------------------------------------------------- */

typedef struct {
	const char *at;
	guint64 id;
	TsdlType *packet_context, *event_header, *common_context; /* NULL: none */
} TsdlStream;

/* An event as far as it is read at first. */
typedef struct {
	const char *at;
	const char *name;    /* NULL: none */
	const char *emf_uri; /* NULL: none */
	guint64 id, stream_id;
	gint64 log_level;
	gboolean has_stream_id, has_log_level;
	gboolean is_shared; /* it may name fields of the trace or stream in absolute paths */
	const char *body;   /* what stands between its braces */
	gsize body_len;
} TsdlEvent;

/* ---- The front end's state ----------------------------------------------------------------------------------- */

typedef struct {
	CtfMetadata *m;
	GError *error;         /* the first */
	const char *pos, *end; /* what the lexer has not seen yet */
	TsdlToken tok;         /* the current token */
	guint64 seed;          /* of the hash of names */
	TsdlName **names;      /* open addressing */
	guint n_names, names_mask;
	guint64 marks;
	TsdlSymbol *top; /* the latest declaration still in force */
	guint scope;
	guint depth; /* of types being parsed */
	guint objects;
	GArray *stack;          /* TsdlMemberDecl of the structures and variants being parsed */
	TsdlType *plain_string; /* `string` without attributes; NULL: none yet */
	GHashTable *clocks;     /* TsdlName * -> CtfClock * */
	TsdlOrder order;        /* native; TSDL_ORDER_NATIVE: not known yet */

	/* tsdl.c: the blocks, until all is read */
	gboolean has_trace;
	TsdlType *packet_header; /* NULL: none */
	GArray *streams;         /* TsdlStream */
	GArray *events;          /* TsdlEvent */

	/* tsdl-build.c: where we are */
	CtfFc *trees[CTF_SCOPE_COUNT]; /* what absolute paths can begin in */
	CtfFc *frames[CTF_DEPTH_MAX];  /* structures around the current field class, outermost first */
	guint n_frames;
	CtfScope tree;
} Tsdl;

/* ---- tsdl-lex.c ---------------------------------------------------------------------------------------------- */

/* Set the first error, at a place in the text. Always gives FALSE. */
gboolean ctf_tsdl_error(Tsdl *p, const char *at, const char *format, ...) G_GNUC_PRINTF(3, 4);

/* "expected `what`, found ..." at the current token. Always gives FALSE. */
gboolean ctf_tsdl_expected(Tsdl *p, const char *what);

void ctf_tsdl_names_init(Tsdl *p);

/* Count `n` more objects. FALSE with an error at TSDL_OBJECTS_MAX. */
gboolean ctf_tsdl_count(Tsdl *p, const char *at, guint n);

/* NULL with an error at TSDL_OBJECTS_MAX. */
TsdlName *ctf_tsdl_intern(Tsdl *p, const char *s, gsize len);

/* Read from `at` to `end`; the first token becomes the current one. */
void ctf_tsdl_seek(Tsdl *p, const char *at, const char *end);

/* Make the next token the current one. At the end or at an error it stays. */
void ctf_tsdl_next(Tsdl *p);

/* Go on if the current token is of that kind. */
gboolean ctf_tsdl_accept(Tsdl *p, int kind);
gboolean ctf_tsdl_accept_word(Tsdl *p, TsdlWord word);

/* The same; FALSE with an error if it is not. `what` says it for people. */
gboolean ctf_tsdl_expect(Tsdl *p, int kind, const char *what);

/*
 * Go on after the `;` that ends the declaration whose first token is the current one, without a look inside. Sets *shared_out if an
 * absolute path to the trace's or a stream's fields may be in it.
 */
gboolean ctf_tsdl_skim(Tsdl *p, gboolean *shared_out);

/* ---- tsdl-attr.c: values, paths, and the attributes in braces of integers, numbers and strings ---------------- */

typedef enum { TSDL_VALUE_INT, TSDL_VALUE_TEXT, TSDL_VALUE_PATH } TsdlValueKind;

typedef struct {
	TsdlValueKind kind;
	const char *at;
	guint64 i;
	gboolean is_negative; /* TSDL_VALUE_INT: `i` is its two's complement */
	guint n;              /* TSDL_VALUE_TEXT: 1 */
	TsdlName *names[TSDL_PATH_MAX];
} TsdlValue;

gboolean ctf_tsdl_value(Tsdl *p, TsdlValue *v);
gboolean ctf_tsdl_path(Tsdl *p, TsdlValue *v); /* a.b.c only */

/* `left = value ;` for which the part before `=` has been read. */
gboolean ctf_tsdl_assigned(Tsdl *p, TsdlValue *v);

/* TRUE if a path consists of these words; the list ends with TSDL_W_NONE. */
gboolean ctf_tsdl_path_is(const TsdlValue *v, ...);

gboolean ctf_tsdl_value_u64(Tsdl *p, const TsdlValue *v, guint64 *out);
gboolean ctf_tsdl_value_i64(Tsdl *p, const TsdlValue *v, gint64 *out);
gboolean ctf_tsdl_value_text(Tsdl *p, const TsdlValue *v, const char **out); /* a path too, as it is written */
gboolean ctf_tsdl_value_bool(Tsdl *p, const TsdlValue *v, gboolean *out);
gboolean ctf_tsdl_value_uuid(Tsdl *p, const TsdlValue *v, guint8 uuid[16]);
gboolean ctf_tsdl_value_order(Tsdl *p, const TsdlValue *v, TsdlOrder *out);

/* At the word integer, floating_point or string. */
TsdlType *ctf_tsdl_integer(Tsdl *p);
TsdlType *ctf_tsdl_floating_point(Tsdl *p);
TsdlType *ctf_tsdl_string(Tsdl *p);

/* align(n), at its word. */
gboolean ctf_tsdl_align(Tsdl *p, guint *align_out);

/* ---- tsdl-type.c: type specifiers, declarators, names of types ------------------------------------------------ */

/* A new type. NULL with an error at TSDL_OBJECTS_MAX. */
TsdlType *ctf_tsdl_type_new(Tsdl *p, CtfFcType type, const char *at);

TsdlType *ctf_tsdl_type_copy(Tsdl *p, const TsdlType *type);

/* Count a child into the depth and nodes of `t`. FALSE with an error at a limit. */
gboolean ctf_tsdl_type_contains(Tsdl *p, TsdlType *t, const TsdlType *child);

/* A type as it stands to the right of `:=` in blocks. */
TsdlType *ctf_tsdl_type(Tsdl *p);

/* TRUE if the current token begins a declaration that names a type: typedef, typealias, struct, variant, enum. */
gboolean ctf_tsdl_at_declaration(const Tsdl *p);

/* Such a declaration, with its `;`. */
gboolean ctf_tsdl_declaration(Tsdl *p);

void ctf_tsdl_scope_push(Tsdl *p);
void ctf_tsdl_scope_pop(Tsdl *p, guint scope); /* back to that nesting */

TsdlType *ctf_tsdl_lookup(Tsdl *p, TsdlNamespace ns, const TsdlName *name); /* NULL: none */
gboolean ctf_tsdl_declare(Tsdl *p, TsdlNamespace ns, TsdlName *name, TsdlType *type, const char *at);

/* ---- tsdl-compound.c: structures, variants, enumerations ------------------------------------------------------ */

typedef struct {
	TsdlName *name;
	TsdlType *type;
} TsdlMemberDecl;

/* At the word struct, variant or enum. */
TsdlType *ctf_tsdl_struct(Tsdl *p);
TsdlType *ctf_tsdl_variant(Tsdl *p);
TsdlType *ctf_tsdl_enum(Tsdl *p);

/* A reference to a field, from a path that was read. */
TsdlRef *ctf_tsdl_ref_new(Tsdl *p, const TsdlValue *v);

/* `specifiers declarator, ...;` as a member or typedef has it: calls `each` with every name and type. */
gboolean ctf_tsdl_declarators(Tsdl *p, gboolean (*each)(Tsdl *p, TsdlName *name, TsdlType *type, const char *at));

/* The position of a name in a structure or variant; of a label in an enumeration. -1: none. Only for what this front end made. */
gint ctf_tsdl_member_index(const CtfFc *fc, const char *name);
gint ctf_tsdl_mapping_index(const CtfFc *fc, const char *label);

/* ---- tsdl-build.c -------------------------------------------------------------------------------------------- */

/* Build the tree of a type into p->trees[scope]. `type` NULL: there is none. */
gboolean ctf_tsdl_build(Tsdl *p, const TsdlType *type, CtfScope scope);

/* ---- tsdl-role.c --------------------------------------------------------------------------------------------- */

gboolean ctf_tsdl_trace_roles(Tsdl *p);
gboolean ctf_tsdl_stream_roles(Tsdl *p, CtfStreamClass *sc, const TsdlStream *s);

#endif
