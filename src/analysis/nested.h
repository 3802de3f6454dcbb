/* SPDX-License-Identifier: MIT */
/*
 * analysis/nested.h: the time of a vCPU and of the VMs nested in its VM, by the level that spent it, and which level kept a nested VM from running. From the host's history alone.
 *
 * Levels are counted from the host whose history it is: its VMs are level 1, VMs in them level 2.
 */
#ifndef STRATA_ANALYSIS_NESTED_H
#define STRATA_ANALYSIS_NESTED_H

#include "analysis/steal.h"

/*
 * P(ID, NAME, LEVEL, LEVEL 1, LEVEL 2): parts of a time, exclusive. NAME: of its column. LEVEL: who spent it, -1: nobody. Then what it means for a vCPU of level 1, and for a nested VM; NULL: it doesn't have that.
 */
/* clang-format off */
#define ANALYSIS_NESTED_PARTS(P) \
	P(OWN,      "own_ns",      1, "its own code, as far as it serves no nested VM", "its own code") \
	P(L2,       "l2_ns",       2, "code of nested VMs", NULL) \
	P(OTHER_L2, "other_l2_ns", 1, NULL, "level 1 ran other nested VMs, or served their exits, having taken the processor from it") \
	P(SERVING,  "l1_ns",       1, "serving exits of nested VMs, and what it ran meanwhile", "level 1 served its exit") \
	P(ELSE,     "l1_else_ns",  1, NULL, "level 1 had left its vCPU alone, and ran something else") \
	P(L0_L1,    "l0_l1_ns",    0, "kernel and device emulation, for its exits", "the same: level 1's exits while it was to be served") \
	P(L0_L2,    "l0_l2_ns",    0, "kernel and device emulation, for exits of nested VMs", "the same: its own exits") \
	P(IRQ,      "irq_ns",      0, "interrupts of the host", "interrupts of the host") \
	P(TAKEN,    "taken_ns",    0, "ready, but without a processor", "level 1's vCPU was ready, but without a processor") \
	P(BLOCKED,  "blocked_ns",  0, "asleep in the host, and not halted", "level 1's vCPU was asleep in the host, and not halted") \
	P(L1_IDLE,  "l1_idle_ns",  1, NULL, "level 1 was halted: it, too, waited for what it was to serve the exit with") \
	P(HALTED,   "halted_ns",   -1, "halted, or about to be", "halted") \
	P(UNKNOWN,  "unknown_ns",  -1, "not known", "not known")
/* clang-format on */

typedef enum {
#define ANALYSIS_P(id, name, level, of_l1, of_l2) ANALYSIS_NESTED_##id,
	ANALYSIS_NESTED_PARTS(ANALYSIS_P)
#undef ANALYSIS_P
	ANALYSIS_NESTED_COUNT
} AnalysisNestedPart;

typedef struct {
	gint64 ns[ANALYSIS_NESTED_COUNT]; /* add up to range_ns, exactly */
	gint64 range_ns;                  /* of what was asked for the part in which its row reaches */
	guint64 exits, reflected, away;   /* nested VMs: exits; those that level 1 was given; of these those after which it did something else */
	guint64 halts;                    /* nested VMs: of those that level 1 was given, the halts */
	guint64 l1_exits;                 /* nested VMs: exits of level 1 from one that it was given, and that is no halt, until it came back: what they multiply to */
} AnalysisNestedAccount;

/* A nested VM as a vCPU runs it: an item of the table "l2-vcpus". */
typedef struct {
	guint32 item;
	AnalysisNestedAccount account;
} AnalysisNestedL2;

/*
 * A vCPU of level 1 (item of "vcpus") and all that it runs, within [begin, end). `l2s_out` gets an AnalysisNestedL2 for each nested VM that has a row on this vCPU, in the order of the table; it is
 * set to that length.
 */
void analysis_nested_account(const History *h, const AnalysisSteal *s, guint32 vcpu, gint64 begin_ns, gint64 end_ns, AnalysisNestedAccount *out,
			     GArray *l2s_out);
void analysis_nested_account_add(AnalysisNestedAccount *to, const AnalysisNestedAccount *from);

/* For how long it wanted to run: all but halted and not known. */
gint64 analysis_nested_wanted_ns(const AnalysisNestedAccount *a);

/* Of that the time for which a level kept it from running for others' sake; what its own exits cost isn't in it. */
gint64 analysis_nested_starved_l0_ns(const AnalysisNestedAccount *a);
gint64 analysis_nested_starved_l1_ns(const AnalysisNestedAccount *a);

#endif
