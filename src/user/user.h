/* SPDX-License-Identifier: MIT */
/*
 * user/user.h: one user space trace (LTTng-UST; domains ust, jul, log4j, python), and spans of any trace.
 *
 *     CtfTrace --user_pass()--> tables of its History: threads, events, spans, memory, mutexes
 *
 * Threads are known by the numbers that contexts recorded with each event: vtid and vpid, which are those of the thread's own pid namespace. Which thread of the
 * kernel's trace that is, is asked when a question is answered (analysis/user.h), since the two traces are analysed apart.
 *
 * A span is a piece of work: from an event to another, as a person names them:
 *
 *     NAME=BEGIN_GLOB..END_GLOB            both on one thread; of several that are open the one begun last ends first
 *     NAME=BEGIN_GLOB..END_GLOB by FIELD   both have the same value of a field, on whatever thread
 *
 * Function calls (lttng_ust_cyg_profile) are spans without being asked for. Sources: LTTng-UST's manual pages lttng-ust(3), lttng-ust-cyg-profile(3), liblttng-ust-libc-wrapper.
 */
#ifndef STRATA_USER_USER_H
#define STRATA_USER_USER_H

#include "ctf/ctf.h"
#include "history/history.h"

#define USER_SPANS_MAX     32          /* definitions of spans */
#define USER_OPEN_MAX      (1u << 20)  /* spans, allocations, locks that are open at a time; more are not followed, but counted */
#define USER_OPEN_TEXTS_MAX (256u << 20) /* bytes of the texts that tell spans apart which are open */
#define USER_THREADS_MAX   (1u << 20)
#define USER_EVENTS_MAX    (1u << 26)  /* events that are kept one by one */
#define USER_TEXTS_MAX     (1u << 20)  /* different messages and values of fields that are kept; others are "..." */
#define USER_DEPTH_MAX     1024        /* calls of functions in each other */

/* ---- Definitions of spans --------------------------------------------------------------------------------------------- */

typedef struct {
	char *name, *begin, *end; /* globs of event names */
	char *field;              /* NULL: by thread */
} UserSpanRule;

/* Read "NAME=BEGIN..END [by FIELD]". Errors: ST_ERROR_USAGE. */
gboolean user_span_parse(const char *text, UserSpanRule *rule_out, GError **error);
void user_span_rule_clear(UserSpanRule *rule);

/* All of a NULL-terminated list (may be NULL): UserSpanRule, to be freed with g_array_unref(). NULL: an error. */
GArray *user_span_rules(const char *const *texts, GError **error);

/* ---- The tables ------------------------------------------------------------------------------------------------------- */

#define USER_THREADS_TABLE "user_threads"
typedef struct {
	gint32 vtid, vpid;   /* -1: not recorded; then all threads of a process are one, without vpid all on a processor */
	gint32 tid, pid;     /* -1: not recorded */
	guint32 pid_ns;      /* inode number of the namespace that vtid and vpid are of; 0: not recorded */
	guint32 reserved;
	guint32 name;        /* text: the procname context, or what the state dump said; 0: neither */
	gint32 cpu;          /* of the threads that only this tells apart: a processor's idle one (tid 0), whoever was on it (tid -1); else -1.
			      * G_MAXINT32: all threads beyond USER_THREADS_MAX */
	guint64 events;
	gint64 first_ns, last_ns;
} UserThread;

/* What of the trace is not in the tables, or not told apart. One item. */
#define USER_FACTS_TABLE "user_facts"
typedef struct {
	guint64 events;              /* all that were read */
	guint64 without_vtid, without_vpid; /* of these */
	guint64 crowded;             /* of threads beyond USER_THREADS_MAX, which count as one, in pairs with nothing */
	guint64 dropped;             /* beyond USER_EVENTS_MAX, not kept one by one */
	guint64 deep_calls;          /* of functions, deeper than USER_DEPTH_MAX */
	guint64 unfollowed_locks, unfollowed_blocks; /* beyond USER_OPEN_MAX */
} UserFacts;

/* How often a thread had an event. */
#define USER_COUNTS_TABLE "user_counts"
typedef struct {
	guint32 thread;      /* index of USER_THREADS_TABLE */
	guint32 name;        /* text */
	guint64 count;
	gint64 first_ns, last_ns;
} UserCount;

#define USER_EVENTS_TABLE "user_events"
typedef struct {
	gint64 time_ns;
	guint32 thread, name;
	guint32 message;     /* text: what a logger's, tracef's or tracelog's event says; else 0 */
	gint32 cpu;          /* -1: not known */
} UserEvent;

#define USER_SPANS_TABLE "user_spans"
typedef struct {
	gint64 begin_ns, end_ns;
	guint32 name;              /* text: the span's, or "function" */
	guint32 thread, end_thread;
	guint32 key;               /* text: the field's value; the function's place ("libfoo.so+0x1234") */
	guint8 finished;           /* else it was open at the trace's end, or when events were lost */
	guint8 is_function;
	guint16 depth;             /* how many of the same thread and kind were open around it */
	gint64 unknown_ns;         /* it was open when events were lost, at end_ns: until then it may have been open; else 0 */
} UserSpan;

/*
 * Rows of kind "span", states "none", "active" (detail: the field's value) and "unknown" (events were lost): "thread/VTID NAME/span/SPAN"; of a processor's idle
 * thread "cpu/N/span/SPAN", of one that isn't known "cpu/N/thread/unknown/span/SPAN". Whose row it is, in numbers:
 */
#define USER_SPAN_ROWS_TABLE "user_span_rows"
typedef struct {
	guint32 row, thread, name;
} UserSpanRow;

/* By definition: what had no partner. What begun was and neither finished, lost nor unfollowed, was open at the end. */
#define USER_SPAN_SUMS_TABLE "user_span_sums"
typedef struct {
	guint32 name;
	guint32 begin, end, field;           /* texts, as in UserSpanRule; field 0: by thread */
	guint64 begun, finished, ends_alone; /* ends without a begin */
	guint64 lost;                        /* they were open when events were lost, or began then: their ends may have been among these */
	guint64 unfollowed;                  /* begun beyond a limit: too many were open */
	guint64 without_field;               /* events that are called so, but have no such field */
} UserSpanSum;

/* By process: what malloc() and its like gave and got back. Bytes as asked for. */
#define USER_MEMORY_TABLE "user_memory"
typedef struct {
	gint32 vpid;
	guint32 thread;      /* its first */
	guint64 allocations, frees, failures;
	guint64 unknown_frees;   /* of what was allocated before the trace, or not followed */
	gint64 allocated, freed; /* bytes */
	gint64 live, peak;       /* bytes allocated and not yet freed: at the end, and at most */
	gint64 peak_ns;
	gint64 first_ns, last_ns;
	guint32 uncertain;       /* 1: events were lost meanwhile, so frees and live and peak bytes are about right only */
	guint32 reserved;
} UserMemory;

/* A lock of a mutex by a thread. Until it is given back as often, getting it again is part of it. */
#define USER_LOCKS_TABLE "user_locks"
typedef struct {
	gint64 asked_ns, got_ns, end_ns; /* got: 0 if never; end: when it was given back, 0 if never; see `lost` */
	guint64 mutex;                   /* address */
	guint32 thread;
	guint8 tried;                    /* by trylock */
	guint8 failed;                   /* it was told that it can't have it */
	guint8 lost;                     /* asked for or held when events were lost: nobody knows what became of it */
	guint8 reserved;
} UserLock;

/* ---- The pass --------------------------------------------------------------------------------------------------------- */

typedef struct {
	const GArray *spans;   /* of UserSpanRule; may be NULL */
	gboolean spans_only;   /* nothing but these: a kernel's trace. Threads are then those of sched_switch */
	guint threads;         /* for reading */
	StWarnings *warnings;
	void (*progress)(gpointer user, gint64 time);
	gpointer progress_user;
} UserOptions;

/* Read a trace once and fill a history with what is above. Errors: those of ctf_read(). */
gboolean user_pass(CtfTrace *trace, const UserOptions *options, History *history, GError **error);

#endif
