/* SPDX-License-Identifier: MIT */
/*
 * diagnose/diagnose.h: why it is slow: findings, each with who suffers, who causes it, at which level, how much time that cost, and the proof.
 *
 *     store --diagnose_new()--> Diagnose: findings, the weightiest first --> report
 *
 * A rule is a file of its own and a line in DIAGNOSE_RULES: it looks at the histories, decides, and adds findings. Thresholds are in one table. A finding's
 * id is an interface: it is never renamed.
 */
#ifndef STRATA_DIAGNOSE_DIAGNOSE_H
#define STRATA_DIAGNOSE_DIAGNOSE_H

#include "analysis/analysis.h"
#include "analysis/query.h"

/* Hard maxima. */
#define DIAGNOSE_RANGES_MAX   64  /* of a finding; shorter ones are joined with what lies between them */
#define DIAGNOSE_EVIDENCE_MAX 10  /* intervals of a finding: the longest ones */

/* T(ID, NAME, DEFAULT, MEANING): what has to be exceeded for a finding. Shares are of the sufferer's demand: the time for which it wanted to run. */
/* clang-format off */
#define DIAGNOSE_THRESHOLDS(T) \
	T(LOST_SHARE,     "lost.share",     0.01,  "share of the sufferer's demand that must be lost") \
	T(LOST_MS,        "lost.ms",        20,    "milliseconds that must be lost") \
	T(LOST_TIME,      "lost.time",      0.01,  "share of the time that is looked at that must be lost: who wants little loses little") \
	T(HEAVY_SHARE,    "heavy.share",    0.1,   "of weight is what costs that share of the sufferer's demand, by the weight of its cause, ...") \
	T(HEAVY_TIME,     "heavy.time",     0.05,  "... and that share of the time, ...") \
	T(HEAVY_SECOND,   "heavy.second",   0.2,   "... or that share of some second. What is not is a note") \
	T(HEAVY_OWN,      "heavy.own",      0.5,   "share, of the whole or of three seconds, of what is in the nature of the sufferer's own work") \
	T(KERNEL_SHARE,   "kernel.share",   0.05,  "the same share, where the kernel's own threads are the cause") \
	T(WAKING_SHARE,   "waking.share",   0.05,  "the same share, where an idle processor was slow to wake up") \
	T(QUEUE_MS,       "queue.ms",       1,     "milliseconds that a packet must have waited in an interface's queue") \
	T(STORM_RATE,     "storm.rate",     1000,  "exits of one kind a second") \
	T(STORM_SHARE,    "storm.share",    0.1,   "share of a VM's demand that they must cost while they come so often") \
	T(STORM_SECOND,   "storm.second",   0.05,  "share of some second, and of each vCPU that runs, that they must cost to be of weight") \
	T(NESTED_EXITS,   "nested.exits",   10,    "exits of a VM for each one of a VM nested in it that it serves") \
	T(NESTED_SHARE,   "nested.share",   0.1,   "share of the nested VM's demand that handling these must take") \
	T(SATURATED_SHARE, "saturated.share", 0.2, "share of the time for which threads must wait for one another's processors") \
	T(SATURATED_IDLE, "saturated.idle", 0.05,  "share of the processors' time that may be idle in half a second that counts for that") \
	T(NEWCOMER_RISE,  "newcomer.rise",  0.4,   "processors that a process must run more at those times than at others, to be blamed for them") \
	T(IO_BUSY,        "io.busy",        0.9,   "share of half a second for which a VM's I/O thread must run to have more to do than it can") \
	T(POLL_SHARE,     "poll.share",     0.1,   "share of a VM's vCPUs' time that its host must spin for while they are halted") \
	T(FREQUENCY_SHARE, "frequency.share", 0.2, "share of the work that busy processors must not have done, for want of frequency") \
	T(FREQUENCY_BUSY, "frequency.busy", 0.8,   "share of half a second for which a processor must be busy to count for that") \
	T(THEFT_SHARE,    "theft.share",    0.1,   "share of a VM's demand that interrupts of its host must take") \
	T(IRQ_SHARE,      "irq.share",      0.3,   "share of a processor's time that interrupts and softirqs must take") \
	T(IRQ_RATE,       "irq.rate",       500,   "handlers that it must run a second") \
	T(LOCK_SHARE,     "lock.share",     0.2,   "share of the time for which a program's threads must wait for locks, and of what they want to run") \
	T(SERVED_SHARE,   "served.share",   0.5,   "share of the time of a server's requests, or of a program's, that must go into waiting for one kind of thing") \
	T(BLOCKED_SHARE,  "blocked.share",  0.05,  "share of a VM's demand for which its vCPUs must sleep in their hypervisor without having halted") \
	T(LATENCY_MS,     "latency.ms",     5,     "milliseconds that the quickest handshake of a second must take more than the quickest of all") \
	T(LATENCY_TIMES,  "latency.times",  3,     "times as long as that one") \
	T(NETWORK_LOSS,   "network.loss",   0.01,  "share of packets that must be sent again") \
	T(RECLAIM_SHARE,  "reclaim.share",  0.01,  "share of the time for which the kernel must look for memory, unless it writes pages out") \
	T(PINNING_SHARE,  "pinning.share",  0.05,  "share of a VM's demand that must be lost to being tied to a processor") \
	T(PINNING_IDLE,   "pinning.idle",   0.3,   "share of a tied vCPU's waits for which another processor must be idle") \
	T(UNFIT_SHARE,    "unfit.share",    0.05,  "share of the time in which events must have been lost") \
	T(DISK_SHARE,     "disk.share",     0.05,  "share of the time that must be lost to a disk that is slow by itself") \
	T(DISK_MS,        "disk.ms",        25,    "milliseconds in which a disk that has requests should have served one; or ...") \
	T(DISK_TIMES,     "disk.times",     10,    "... so many times its usual time, ...") \
	T(DISK_LEAST_MS,  "disk.least-ms",  5,     "... if that is as many milliseconds")
/* clang-format on */

typedef enum {
#define DIAGNOSE_T(id, name, value, meaning) DIAGNOSE_##id,
	DIAGNOSE_THRESHOLDS(DIAGNOSE_T)
#undef DIAGNOSE_T
	DIAGNOSE_THRESHOLD_COUNT
} DiagnoseThreshold;

/* A kind of cause that rules look for; lives for ever. */
typedef struct {
	const char *id;        /* of its findings */
	const char *what;      /* what it is, in half a sentence */
	const char *needs;     /* events without which it can't be found: "a b|c syscall:d" is a, one of b and c, and the system call d */
	const char *rules_out; /* what else it could have been, and why it isn't */
	const char *share_of;  /* what the share of a finding is a share of: "what it wanted to run" */
	guint weight;          /* in per cent: 100 what others do to somebody, 50 what a VM does to itself, 1 what is in the nature of its own work */
} DiagnoseCause;

guint diagnose_n_causes(void);
const DiagnoseCause *diagnose_cause(guint i);

/* Someone: a VM, a process, a thread, a container, a disk, an interface. All texts are the finding's own; "" where there is none. */
typedef struct {
	const char *kind;       /* "vm", "process", "kernel", "quota", ... */
	char *name;             /* for people: "VM b", "sh" */
	char *machine;          /* where it lives */
	gint32 pid, tid;        /* -1: none, or several */
} DiagnoseWho;

/* Times are in the root's clock. */
typedef struct {
	gint64 begin_ns, end_ns;
} DiagnoseRange;

typedef struct {
	char *row;              /* its path, as `strata states` has it */
	gint64 begin_ns, end_ns;
	const char *state;      /* lives for ever */
} DiagnoseEvidence;

/* A finding that was another one's symptom. */
typedef struct {
	const char *id;
	char *title;
	gint64 lost_ns;
	char *family;           /* it is of the culprit's family (family.h): its name; else NULL */
} DiagnoseFolded;

typedef struct {
	const DiagnoseCause *cause;
	char *title;            /* one sentence */
	gint level;             /* at which it was decided; -1: not known */
	DiagnoseWho sufferer, culprit;
	gint64 lost_ns;
	double share;           /* of cause->share_of: mostly the sufferer's demand */
	double confidence;      /* 0 .. 1 */
	GArray *ranges;         /* DiagnoseRange, in order: when it mattered */
	GArray *evidence;       /* DiagnoseEvidence, longest first */
	char *advice;           /* what to do; one or two sentences */
	GArray *folded;         /* DiagnoseFolded: its symptoms */
	guint member;           /* of the experiment: the machine on which it was seen */
	guint victim, offender; /* the machine that suffers, and that of the culprit, if it has a trace; EXPERIMENT_NONE */
	double of_time;         /* lost_ns as a share of the time that was looked at */
	double of_second;       /* the same, of the second that lost most, and that of each processor that the sufferer wanted */
	double of_while;        /* likewise, of the three seconds that lost most */
	gboolean is_heavy;      /* its rule has found it heavy while it lasted */
} DiagnoseFinding;

/* What it weighs: time lost, times its share, times the weight of its cause. */
double diagnose_weight(const DiagnoseFinding *f);

typedef struct Diagnose {
	const AnalysisStore *store;
	const Layers *layers;
	gint64 begin_ns, end_ns; /* what is looked at, in the root's clock */
	double thresholds[DIAGNOSE_THRESHOLD_COUNT];
	GPtrArray *findings;    /* DiagnoseFinding *, the weightiest first: time lost, and its share of the sufferer's demand */
	GPtrArray *notes;       /* likewise, those of little weight: real, but not why anything is slow */
	Layers *own_layers;     /* private */
	GHashTable *occupants;  /* private: AnalysisStoreTrace -> GArray of guint32: rows */
} Diagnose;

typedef struct {
	gint64 begin_ns, end_ns;       /* in the root's clock; G_MININT64, G_MAXINT64: all */
	const char *const *thresholds; /* "NAME=VALUE", NULL-terminated; may be NULL */
} DiagnoseOptions;

/* The store must outlive it. Errors: ST_ERROR_USAGE for a threshold that there isn't. */
Diagnose *diagnose_new(const AnalysisStore *s, const DiagnoseOptions *options, GError **error);
void diagnose_free(Diagnose *d); /* NULL is fine */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Diagnose, diagnose_free)

/* Causes that could not be looked for on a machine, for want of events, and the command that records those. */
typedef void (*DiagnoseUncheckedFunc)(gpointer user, const AnalysisStoreTrace *machine, const DiagnoseCause *cause, const char *command);
void diagnose_unchecked(const Diagnose *d, DiagnoseUncheckedFunc found, gpointer user);

/* The main job's first part, as tables have it: one row a finding. */
View *diagnose_view(const Diagnose *d);

/*
 * The main job: findings, who runs in whom, where the time of every level went, for a person; or as one JSON object
 * {"schema": "strata/report/1", "begin_ns", "end_ns", "summary", "machines", "findings", "unchecked", "lost_events", and a table per view}. `a` and `d` are of the same traces and range.
 */
gboolean diagnose_report(const Analysis *a, const Diagnose *d, ViewFormat format, FILE *out, GError **error);

/* "lost.share", 0.01, "share of ...": the table of thresholds, for --explain. */
const char *diagnose_threshold_name(DiagnoseThreshold t);
const char *diagnose_threshold_meaning(DiagnoseThreshold t);
double diagnose_threshold_default(DiagnoseThreshold t);

#endif
