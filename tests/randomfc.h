/* SPDX-License-Identifier: MIT */
/*
 * tests/randomfc.h: random field classes of CTF 1.8: made, put into words (TSDL), and written with random values, bit by
 * bit, while the values are told as JSON. It knows the format from the specification only, nothing of src/.
 *
 * A field class has one place in one tree. Its last written value is kept in it, so that lengths and tags, which are made
 * before what they rule, are known when that is written.
 */
#ifndef STRATA_TESTS_RANDOMFC_H
#define STRATA_TESTS_RANDOMFC_H

#include "ctfwriter.h"

/* ---- Chance ---- */

/* Numbers that depend on the seed only. A copy of it gives the same numbers again. */
typedef struct {
	guint64 state;
} Chance;

guint64 chance_bits(Chance *c);
guint chance_below(Chance *c, guint n);                /* 0 .. n - 1 */
guint chance_between(Chance *c, guint low, guint high); /* both included */
gboolean chance_percent(Chance *c, guint percent);
#define CHANCE_PICK(c, array) ((array)[chance_below((c), G_N_ELEMENTS(array))])

/* ---- Field classes ---- */

typedef enum { FC_INT, FC_ENUM, FC_FLOAT, FC_STRING, FC_ARRAY, FC_SEQUENCE, FC_STRUCT, FC_VARIANT } FcKind;

/* What a field's value is given by; FCM_NONE: by chance. */
typedef enum {
	FCM_NONE,
	FCM_MAGIC,
	FCM_UUID,
	FCM_STREAM_ID,
	FCM_INSTANCE_ID,
	FCM_BEGIN,
	FCM_END,
	FCM_CONTENT_SIZE,
	FCM_PACKET_SIZE,
	FCM_SEQ_NUM,
	FCM_DISCARDED,
	FCM_CPU,
	FCM_ID,
	FCM_SHORT_ID, /* LTTng's: the id, or what says that the long form follows */
	FCM_TIME,
	FCM_COUNT
} FcMeaning;

typedef struct {
	char *label;
	guint64 low, high;
} FcMapping;

typedef struct Fc Fc;
struct Fc {
	FcKind kind;
	FcMeaning meaning;
	guint size, align; /* bits; of structures: the least alignment that is asked for */
	gboolean is_signed, is_text;
	guint base;
	int order;           /* G_LITTLE_ENDIAN, G_BIG_ENDIAN */
	gboolean clock;      /* mapped to the clock */
	guint most;          /* not 0: no value is larger */
	GArray *mappings;    /* FC_ENUM: FcMapping */
	guint n_tags;        /* FC_ENUM: so many of its mappings choose options, and it has no other values */
	guint64 length;      /* FC_ARRAY */
	Fc *element;         /* FC_ARRAY, FC_SEQUENCE */
	Fc *ref;             /* FC_SEQUENCE, FC_VARIANT: its length or tag ... */
	char *path;          /* ... and how metadata names it */
	GPtrArray *names;    /* FC_STRUCT, FC_VARIANT: char *, as metadata has them */
	GPtrArray *members;  /* Fc * */
	char *alias;         /* not NULL: declared by this name at the metadata's begin */
	guint64 value;       /* last written */
};

/* Where a tree is: FC_ROOT_*, in the order of a packet. */
typedef enum { FC_ROOT_PACKET_HEADER, FC_ROOT_PACKET_CONTEXT, FC_ROOT_EVENT_HEADER, FC_ROOT_COMMON, FC_ROOT_SPECIFIC, FC_ROOT_PAYLOAD } FcRoot;

typedef struct FcMaker FcMaker;

/* Makes trees for a trace of this byte order; owns all that it makes. */
FcMaker *fc_maker_new(Chance *chance, int byte_order);
void fc_maker_free(FcMaker *m);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(FcMaker, fc_maker_free)

/* What was made for this place and for later ones belongs to another stream or event: no field made from now on refers to it. */
void fc_forget(FcMaker *m, FcRoot root);

/* A tree begins; lengths and tags of trees made before may be used in it. Its members are made by fc_add() and fc_fill(); fc_end() ends it. */
Fc *fc_begin(FcMaker *m, FcRoot root);
void fc_end(FcMaker *m);

/* One more member, an unsigned integer with a meaning. */
Fc *fc_add(FcMaker *m, const char *name, FcMeaning meaning, guint size, guint align);
/* `n` more members, of any kind. */
void fc_fill(FcMaker *m, guint n);
Fc *fc_new(FcMaker *m, FcKind kind);
void fc_member(Fc *parent, const char *name, Fc *member);
Fc *fc_new_int(FcMaker *m, FcMeaning meaning, guint size, guint align);
void fc_map(Fc *enumeration, const char *label, guint64 low, guint64 high);

guint fc_alignment(const Fc *fc);

/* The largest and smallest values, small ones, any. */
guint64 fc_any_value(Chance *c, const Fc *fc);

int fc_byte_order(const FcMaker *m);
Chance *fc_chance(const FcMaker *m);
const GPtrArray *fc_aliased(const FcMaker *m); /* Fc *, in the order of their declarations */

/* ---- Words ---- */

/* The declarations of all aliases, to stand before all else. */
char *fc_aliases(FcMaker *m);
/* "struct { .. }". */
char *fc_words(FcMaker *m, const Fc *fc);

/* ---- Values ---- */

typedef struct {
	CtfWriter *out;
	Chance chance;
	guint64 values[FCM_COUNT]; /* by meaning */
	guint8 uuid[16];
	GString *json;             /* values are told at its end */
} FcPen;

void fc_write(FcPen *pen, Fc *fc);
/* A text of bytes, each of which becomes one character (Latin-1). */
void fc_json_text(GString *json, const char *text, gsize n);
/* A name without metadata's leading underscore. */
const char *fc_display(const char *name);

#endif
