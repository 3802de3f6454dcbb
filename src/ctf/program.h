/* SPDX-License-Identifier: MIT */
/*
 * ctf/program.h: trees of field classes compiled to short programs that measure an event and pick out wanted fields.
 * Private to ctf/.
 *
 * A program assumes nothing about where it starts but what its CtfKnown says (position modulo a power of two), folds all it can know
 * beforehand into single skips, and checks every bound.
 */
#ifndef STRATA_CTF_PROGRAM_H
#define STRATA_CTF_PROGRAM_H

#include "ctf/ctf.h"

/* What is known of a position before a packet is seen: pos % mod == rem. mod is a power of two, at most 64. */
typedef struct {
	guint mod, rem;
} CtfKnown;

typedef struct CtfProgram CtfProgram;

/* The state of a run. `v` gets the outputs, `present` a bit for each that was met. */
typedef struct {
	const guint8 *base;
	guint64 pos, end; /* bits */
	guint64 *slots;   /* CTF_SLOTS_MAX, or NULL if no program of the trace keeps anything */
	guint64 *v;
	guint32 present;
} CtfExec;

/* The outputs of a program made with ctf_program_header(). */
enum { CTF_OUT_ID, CTF_OUT_TIME, CTF_OUT_TIME_SIZE, CTF_OUT_HEADER_COUNT };

/* Field classes to be put out: fcs[i] goes to v[i]; NULL entries are none. */
typedef struct {
	const CtfFc *const *fcs;
	guint n;
} CtfOutputs;

/*
 * Compile the trees, one after the other (NULL ones are left out). `known`: what is known at the start; on return what is known
 * at the end. Owned by the caller: ctf_program_free().
 */
CtfProgram *ctf_program_new(const CtfFc *const *trees, guint n_trees, CtfOutputs outputs, CtfKnown *known);

/* The program of an event header: outputs are the id and the time by their roles. */
CtfProgram *ctf_program_header(const CtfFc *header, CtfKnown *known);
void ctf_program_free(CtfProgram *p); /* NULL is fine */

/* Run. FALSE: the data ended too early, or a selector fits no option; x->pos is then where. */
gboolean ctf_program_run(const CtfProgram *p, CtfExec *x);

/* One output of a program of fixed size: where from its start, and how to load it. */
typedef enum { CTF_EXTRACT_LE, CTF_EXTRACT_BE, CTF_EXTRACT_TEXT, CTF_EXTRACT_BYTES } CtfExtractKind;

typedef struct {
	guint64 mask;  /* integers: the 8 bytes there, in their order, >> shift & mask; */
	guint64 sign;  /* then, without a branch, the sign bit's extension; 0: it has none */
	guint32 byte;  /* from the program's start */
	guint32 len;   /* texts, bytes: bytes */
	guint8 kind;
	guint8 out;
	guint8 shift;
} CtfExtract;

/*
 * If the program always has the same size and its outputs can be loaded directly: TRUE, its size in bits, and its outputs
 * (a GArray of CtfExtract, the caller's).
 */
gboolean ctf_program_fixed(const CtfProgram *p, guint64 *bits_out, GArray **extracts_out);

/* Give every referenced field class of the tree a slot, from *next on. FALSE: too many. */
gboolean ctf_slots_assign(CtfFc *fc, guint *next);

/* Set the slots of all fields below a variant or optional to 0: those of what is not there would keep older values. */
static inline void ctf_slots_forget(const CtfFc *fc, guint64 *slots)
{
	for (guint i = 0; i < fc->n_slots; i++)
		slots[fc->first_slot + i] = 0;
}

/* TRUE if some length or selector of the tree is a field of a scope in [from, before). */
gboolean ctf_fc_refers_between(const CtfFc *fc, CtfScope from, CtfScope before);

#endif
