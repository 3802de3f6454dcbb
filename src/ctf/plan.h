/* SPDX-License-Identifier: MIT */
/*
 * ctf/plan.h: what one reader does with each event class of a stream class; the decoder's tables. Private to ctf/.
 *
 * Made lazily, class by class, when an event of it is first met, from any thread: found plans are read without a lock.
 */
#ifndef STRATA_CTF_PLAN_H
#define STRATA_CTF_PLAN_H

#include "ctf/program.h"

#define CTF_NOT_FIXED G_MAXUINT32

typedef struct {
	guint32 fixed_bits;   /* of contexts and payload; CTF_NOT_FIXED: run the program */
	guint16 event;        /* CtfEventClass.index */
	guint8 tag;
	gboolean skip;
	gboolean reads_header; /* its fields refer to its header's, which a fast loop does not keep */
	guint8 n;             /* values of a record */
	guint8 n_extracts;    /* of these the first n_plain are little-endian integers */
	guint8 n_plain;
	guint8 n_absent;      /* values that no extract gives */
	guint8 absent[CTF_WANTS_MAX];
	guint32 present;      /* of a record of fixed size */
	CtfProgram *program;
	CtfExtract extracts[CTF_WANTS_MAX];
} CtfClassPlan;

/* LTTng's two event headers have loops of their own: an id of 5 or 16 bits with 27 or 32 bits of time, or both in full. */
typedef enum { CTF_HEADER_GENERIC, CTF_HEADER_COMPACT, CTF_HEADER_LARGE } CtfHeaderKind;

/* How far to the next event, next to the plan: the decoder's longest chain of loads is a link shorter for it. */
typedef struct {
	CtfClassPlan *plan;       /* read atomically */
	guint32 fixed_bits;       /* as in the plan; valid once that is there */
} CtfPlanEntry;

typedef struct {
	CtfStreamClass *stream_class;
	const CtfReader *reader;
	CtfHeaderKind kind;
	CtfProgram *header;       /* NULL: events have none */
	CtfKnown known;           /* after the header */
	CtfPlanEntry *table;      /* by id */
	guint64 table_len;
	GHashTable *others;       /* ids beyond the table; guarded by the metadata's lock */
} CtfStreamPlan;

CtfStreamPlan *ctf_stream_plan_new(CtfStreamClass *sc, const CtfReader *reader);
void ctf_stream_plan_free(CtfStreamPlan *plan);

/*
 * The plan of an id that is not in the table yet; `id` is ignored where events have none. NULL with an error: no such event class, or
 * its metadata is damaged.
 */
const CtfClassPlan *ctf_stream_plan_make(CtfStreamPlan *plan, guint64 id, GError **error);

static inline const CtfClassPlan *ctf_stream_plan_get(const CtfStreamPlan *plan, guint64 id, guint32 *fixed_bits_out)
{
	if (G_UNLIKELY(id >= plan->table_len))
		return NULL;
	const CtfClassPlan *cp = __atomic_load_n(&plan->table[id].plan, __ATOMIC_ACQUIRE);
	*fixed_bits_out = plan->table[id].fixed_bits;
	return cp;
}

#endif
