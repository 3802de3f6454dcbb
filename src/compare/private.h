/* SPDX-License-Identifier: MIT */
/* compare/private.h: what is measured, and how it is judged. */
#ifndef STRATA_COMPARE_PRIVATE_H
#define STRATA_COMPARE_PRIVATE_H

#include "compare/compare.h"

/* ---- families.c: what is compared -------------------------------------------------------------------------------------- */

typedef enum {
	COMPARE_PER_SECOND,       /* so many a second */
	COMPARE_PER_GUEST_SECOND, /* ... in which the VM's guest ran */
	COMPARE_SHARE,            /* time, as a share of the time: 1 is one processor's */
	COMPARE_DURATION,         /* how long one takes; a slice without any says nothing */
	COMPARE_RATIO,            /* a share already */
	COMPARE_BYTES,            /* bytes a second */
} CompareKind;

#define COMPARE_KEYS_MAX     5
#define COMPARE_MEASURES_MAX 12

typedef struct {
	const char *column, *title;
	CompareKind kind;
} CompareMeasure;

/* A table whose rows are things, by the columns in `keys`; rows of the same names are one thing. */
typedef struct {
	const char *name;       /* for people: "requests" */
	const char *question;   /* analysis/registry.h */
	const char *by;         /* AnalysisQuery.by; may be NULL */
	const char *only;       /* a column that must be known, or with '!' before it, unknown; NULL: all rows */
	const char *keys[COMPARE_KEYS_MAX];   /* without the machine, which is always one; "vm_pid" is told by the VM's name */
	const char *count;      /* the column that says of how many a duration is; NULL: there are none */
	CompareMeasure measures[COMPARE_MEASURES_MAX];
} CompareFamily;

extern const CompareFamily compare_families[]; /* ended by one without a name */

/* ---- names.c: the same thing in two recordings -------------------------------------------------------------------------- */

/* A VM of a machine, as both recordings call it: by its own machine's name, else by its place among the VMs. The caller frees. */
char *compare_vm_name(const AnalysisStore *s, const char *machine, gint32 pid);

/* A thread's or process's name without numbers that are another's in the next recording: "kworker/0:1H", "vhost-183". The caller frees. */
char *compare_thread_name(const char *name);

/* The machine of `b` that is `machine` of `a`: of the same name, else the only one of its level in each. NULL: none. */
const char *compare_machine(const AnalysisStore *a, const AnalysisStore *b, const char *machine);

/* The family of what diagnose/ finds, besides those in the table. */
#define COMPARE_FINDINGS "findings"

/* ---- series.c: what a recording's slices say ------------------------------------------------------------------------------ */

typedef struct {
	char *key;                /* family, machine, names, measure */
	char *machine, *name;     /* for people */
	const char *family, *measure;
	CompareKind kind;
	double *values;           /* one for each slice, in the kind's unit; NaN: it says nothing */
	guint n;
	double whole;             /* over the whole range; NaN: not known */
	double count;             /* of how many; of a finding that is above the thresholds: the weight of its cause */
} CompareSeries;

/* key -> CompareSeries, of each family in the table, and findings. `names` gives each machine of the side the name that both sides have. */
GHashTable *compare_measure(const CompareSide *side, guint slices, GHashTable *names, guint64 *dropped, GError **error);

/* Slices of the machine that are whole: from its own first event on. */
guint compare_slices_of(const CompareSide *side, const char *machine, guint slices);

/* ---- significance.c ------------------------------------------------------------------------------------------------------ */

typedef struct {
	double p;         /* two-sided, of one comparison */
	double delta;     /* Cliff's: -1 .. 1, above 0: b is greater */
	guint n_a, n_b;   /* values that say something */
} CompareTest;

/* FALSE: there are too few values to tell anything. NaN are left out. */
gboolean compare_test(const double *a, guint n_a, const double *b, guint n_b, CompareTest *out);

/* p values, corrected for their number in place: the share of false ones among those that are as small or smaller (Benjamini and Hochberg). */
void compare_correct(double *p, guint n);

#endif
