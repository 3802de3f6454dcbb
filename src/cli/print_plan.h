/* SPDX-License-Identifier: MIT */
/*
 * cli/print_plan.h: what the parts of the printer share. A plan is a list of operations: print a literal, then a value. Arrays, variants
 * and optional fields have plans of their own for what is in them. Private to print*.c.
 */
#ifndef STRATA_CLI_PRINT_PLAN_H
#define STRATA_CLI_PRINT_PLAN_H

#include "cli/print.h"
#include "cli/print_stale.h"

typedef enum {
	CLI_OP_END,   /* nothing: the plan's last literal */
	CLI_OP_ALIGN, /* nothing, at the field class's alignment */
	CLI_OP_SKIP,  /* a field that is not shown */
	CLI_OP_DEC,
	CLI_OP_SIGNED,
	CLI_OP_HEX,
	CLI_OP_OCT,
	CLI_OP_BIN,
	CLI_OP_BOOL,
	CLI_OP_ENUM,
	CLI_OP_FLOAT,
	CLI_OP_TEXT,
	CLI_OP_BLOB,
	CLI_OP_ARRAY,
	CLI_OP_VARIANT,
	CLI_OP_OPTIONAL,
} CliOpKind;

typedef struct CliPlan CliPlan;
typedef struct CliEnum CliEnum;

typedef struct {
	guint8 kind; /* CliOpKind */
	guint8 fast; /* an integer that a load and two shifts read */
	guint8 is_signed;
	guint8 names; /* of elements: their indexes are shown */
	guint8 size;  /* bits */
	guint8 shift; /* 64 - size */
	gint16 slot;  /* CtfFc.slot */
	guint32 align_mask;
	guint32 literal_len;
	const char *literal; /* printed before the value */
	guint64 mask;        /* the bits of a value that are shown */
	const CtfFc *fc;
	guint leaf;    /* CLI_OP_TEXT: its number in the event class */
	gboolean many; /* CLI_OP_TEXT: within an array */
	union {
		CliEnum *labels; /* CLI_OP_ENUM */
		const CliPlan
		        *subs; /* elements; a variant's options, in the order of its members; an optional's field */
	};
} CliOp;

struct CliPlan {
	CliOp *ops;
	gsize room; /* bytes that its literals and numbers take at most */
};

/* ---- Making plans (print_plan.c) ------------------------------------------------------------------------------- */

typedef struct {
	const CliPrintOptions *options;
	GPtrArray *owned; /* what plans are made of; freed with the printer */
	GPtrArray *enums; /* CliEnum, likewise */
	guint *leaves;    /* texts of the event class until now; NULL: they are not numbered */
	gboolean in_array;
	GArray *ops;      /* CliOp */
	GString *literal; /* what stands before the next value */
	guint align;      /* of the next value, bits: that of the structures it begins */
	gboolean names;   /* show members' names, elements' indexes */
	gsize room;
	gsize total; /* room of this plan and of all those in it */
} CliBuilder;

void cli_builder_init(CliBuilder *b, const CliPrintOptions *options, GPtrArray *owned, GPtrArray *enums);

/* Add a field; the literal before it, and after what is there already, is `b->literal`. */
void cli_builder_value(CliBuilder *b, const CtfFc *fc);

/* Add a field that is read and not shown. */
void cli_builder_skip(CliBuilder *b, const CtfFc *fc);

/* The plan; the builder has only its `total` left. */
CliPlan cli_builder_end(CliBuilder *b);

/* TRUE if babeltrace2 shows such a field: not the format's own ones, unless a length or a selector depends on them. */
gboolean cli_is_shown(const CtfFc *fc);

/* ---- Running plans (print_value.c) ----------------------------------------------------------------------------- */

typedef struct {
	CtfCursor cursor;
	CliOut *out;
	gboolean json;
	CliStaleObject *stale; /* NULL: strings are shown as they are */
	guint64 path;          /* the indexes of the elements that the cursor is in, mixed */
} CliRun;

/*
 * Print by a plan what is at the cursor. `p` is where out's next byte goes, with room for the plan and `tail` more bytes; returned is where
 * the next one goes then, again with room for `tail`.
 */
char *cli_run_plan(CliRun *run, const CliPlan *plan, char *p, gsize tail);

/* A string in double quotes, escaped for text or JSON, behind what is in `s`. */
void cli_append_quoted(GString *s, const char *text, gboolean json);

/* What an enumeration's values look like; `number` is the operation that would print it as an integer. */
CliEnum *cli_enum_new(const CliOp *number, gboolean json);
void cli_enum_free(gpointer e);

/* Bytes of an integer or a float at most. */
#define CLI_NUMBER_MAX 66

/* ---- The head of a line (print_head.c) ------------------------------------------------------------------------- */

typedef struct {
	guint64 last, delta; /* cycles or ns as babeltrace2 keeps them: all ones are "not known" */
	gint64 second;       /* the one whose text is below */
	char text[64];       /* up to its point */
	gsize text_len;
	gboolean warned; /* of a time before the clock's origin */
} CliClockState;

#define CLI_HEAD_MAX 160 /* bytes of timestamp and delta */

void cli_clock_state_init(CliClockState *state);

/* Timestamp and delta, as far as the options have them. `cycles` is used with clock_cycles only. */
char *cli_put_head(char *p, CliClockState *state, const CliPrintOptions *options, gint64 ns, guint64 cycles);

/* What stands between timestamp and packet context: trace, event class. */
void cli_append_head(GString *s, const CliPrintOptions *options, const CtfTrace *trace, const CtfEventClass *ec);

/* The value of the clock at a record, in cycles. `slots`: CTF_SLOTS_MAX numbers to use. */
guint64 cli_record_cycles(const CtfStream *stream, const guint8 *base, const CtfRecord *record, guint64 *slots);

#endif
