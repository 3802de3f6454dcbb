/* SPDX-License-Identifier: MIT */
/*
 * trace/trace.h: one trace's events under canonical names and fields, handed to models.
 *
 * A model says which canonical events and fields it needs; trace_run() reads the trace once, in order of time, and calls the models for
 * those events only, in the order in which they were given. All names are resolved once per event class: nothing is looked up by string,
 * allocated or interpreted per event.
 *
 *     CtfTrace --ctf_read()--> CtfRecord --table of dialects--> TraceEvent --> model, model, ...
 *
 * Where events were lost, models are told too (TraceModel.loss), in their place in time.
 */
#ifndef STRATA_TRACE_TRACE_H
#define STRATA_TRACE_TRACE_H

#include <glib.h>

#include "ctf/ctf.h"
#include "trace/events.h"
#include "trace/syscalls.h"

/* ---- Canonical events and fields ----------------------------------------------------------------------------- */

typedef enum {
#define TRACE_E(id, system, names) TRACE_##id,
#define TRACE_F(id, field, index, names)
	TRACE_EVENTS(TRACE_E, TRACE_F)
#undef TRACE_E
#undef TRACE_F
	TRACE_EVENT_COUNT
} TraceEventId;

/* Fields of an event: TRACE_SCHED_SWITCH_PREV_TID, ...; they index TraceEvent.v. */
enum {
#define TRACE_E(id, system, names)
#define TRACE_F(id, field, index, names) TRACE_##id##_##field = (index),
	TRACE_EVENTS(TRACE_E, TRACE_F)
#undef TRACE_E
#undef TRACE_F
};

#define TRACE_FIELDS_MAX 8

/*
 * Contexts: what the tracer recorded about the thread that was current when the event happened. They index TraceEvent.ctx.
 * VTID and VPID are numbers in the thread's own pid namespace: in a container not those that sched_switch has.
 */
typedef enum {
	TRACE_CTX_TID,
	TRACE_CTX_PID,
	TRACE_CTX_VTID,
	TRACE_CTX_VPID,
	/* Inode numbers of its namespaces; 0 while it ends. */
	TRACE_CTX_PID_NS,
	TRACE_CTX_CGROUP_NS,
	TRACE_CTX_MNT_NS,
	TRACE_CTX_NET_NS,
	TRACE_CTX_UTS_NS,
	TRACE_CTX_COUNT
} TraceCtx;

/*
 * Hardware counters, which tracers record as contexts: perf:cpu:NAME (of the processor) and perf:thread:NAME (of the thread). A trace has
 * its own: TraceFacts.counters; they index TraceEvent.counters. Those beyond TRACE_COUNTERS_MAX are not read.
 */
#define TRACE_COUNTERS_MAX 8

typedef struct {
	const char *name;      /* "cycles", "cache-misses"; as the tracer has it, with - for _ */
	gboolean of_thread;    /* counts while its thread runs, wherever; else all that its processor does */
	guint8 bits;           /* after so many it wraps around */
	const char *field;     /* the context's field: "perf_cpu_cycles" */
} TraceCounter;

/* The first of the event's LTTng names, "sched_switch"; the perf system it belongs to, "sched". */
const char *trace_event_name(TraceEventId id);
const char *trace_event_system(TraceEventId id);

/* The canonical event that a tracer calls `name`; -1: none. */
gint trace_event_by_name(const char *name);

/* How many fields an event has, and a field's names as in the table. */
guint trace_event_n_fields(TraceEventId id);
const char *trace_field_names(TraceEventId id, guint field);

/* ---- System calls --------------------------------------------------------------------------------------------- */

/*
 * Those of the table have constants: TRACE_SYS_READ, ...; all others that some trace has get the numbers after them, as they are met, and
 * keep them while the program runs. What is beyond TRACE_SYSCALLS_MAX counts as TRACE_SYS_UNKNOWN.
 */
typedef enum {
#define TRACE_S(id, names, entry, exit) TRACE_SYS_##id,
	TRACE_SYSCALLS(TRACE_S)
#undef TRACE_S
	TRACE_SYSCALL_COUNT
} TraceSyscall;

#define TRACE_SYSCALLS_MAX 4096

/* v[TRACE_SYSCALL_RET] of TRACE_SYSCALL_EXIT; its other fields come after it. */
#define TRACE_SYSCALL_RET 0

/* What a tracer calls it: "openat". Of those with several names: the first. Lives for ever. */
const char *trace_syscall_name(guint syscall);

/* How many numbers are in use: all are below it. */
guint trace_syscall_numbers(void);

/*
 * The system call of which an event class of canonical event TRACE_SYSCALL_ENTRY or TRACE_SYSCALL_EXIT speaks, by its name. -1: exit_syscall, which
 * old tracers wrote for every one.
 */
gint trace_syscall_by_event(const char *event_name);

/* The system call's name as that event has it, "accept4" where trace_syscall_name() says "accept"; NULL: no such event, or exit_syscall. */
const char *trace_syscall_event_name(const char *event_name);

/* ---- Events as models see them ------------------------------------------------------------------------------- */

typedef struct {
	gint64 time;          /* ns from the clock's origin; never less than that of the event before */
	gint32 cpu;           /* where it was recorded; -1: not known */
	guint16 id;           /* TraceEventId */
	gint16 syscall;       /* of TRACE_SYSCALL_ENTRY and _EXIT: TraceSyscall, or a number after those; -1: not told */
	guint16 present;      /* a bit for each field of `v` that was there */
	guint16 not_text;     /* a bit for each that is no text in this trace: trace_text() knows */
	guint16 ctx_present;  /* a bit for each TraceCtx of `ctx` that was there */
	const guint64 *v;     /* the fields that were needed, by their index; integers sign-extended */
	const guint64 *ctx;   /* by TraceCtx, up to the last one that any model needed of this event */
	guint32 counters_present; /* a bit for each of TraceFacts.counters that was there; 0 unless some model has needs_counters */
	const guint64 *counters;
	const guint8 *base;   /* what texts are positions in: trace_text() */
	guint64 number;       /* which event of the run it is, from 1 on: the same for all models that see it; 0: not numbered */
	const CtfStream *stream;   /* where it came from, for trace_event_cursor() */
	const CtfRecord *record;
} TraceEvent;

static inline gboolean trace_has(const TraceEvent *ev, guint field)
{
	return (ev->present >> field) & 1;
}

static inline gboolean trace_has_ctx(const TraceEvent *ev, TraceCtx ctx)
{
	return (ev->ctx_present >> ctx) & 1;
}

/* A text field's bytes (not null-terminated) and their number; none if this trace has something else in its place. Only if trace_has(). */
static inline const char *trace_text(const TraceEvent *ev, guint field, guint *len_out)
{
	if ((ev->not_text >> field) & 1) {
		*len_out = 0;
		return "";
	}
	*len_out = CTF_TEXT_LEN(ev->v[field]);
	return (const char *)ev->base + CTF_TEXT_POS(ev->v[field]);
}

/* The event's class. */
const CtfEventClass *trace_event_class(const TraceEvent *ev);

/* A cursor at its payload, for what is no plain field: slow, for rare events. `slots`: as ctf_cursor_event() wants them. */
void trace_event_cursor(const TraceEvent *ev, CtfCursor *c, guint64 *slots);

/* ---- Models -------------------------------------------------------------------------------------------------- */

/*
 * What a model needs of an event: `fields` a bit per field, `ctx` a bit per TraceCtx. Of system calls, `syscall` is TraceSyscall plus one: that one
 * only; 0: all of them (the model may still be shown others that another model needs).
 */
typedef struct {
	TraceEventId event;
	guint16 fields;
	guint16 ctx;
	guint16 syscall;
} TraceNeed;

#define TRACE_ONLY(syscall) ((guint16)((syscall) + 1))

#define TRACE_BIT(index) (1u << (index))

typedef enum { TRACE_LOSS_BEGIN, TRACE_LOSS_END } TraceLossEdge;

/*
 * A model. `event` is called for the events that it needs, with `self`. `loss` (may be NULL) is called where a time range begins and ends in which
 * a stream lost events; `cpu` is the stream's processor, -1 where it is not known. Ranges of one processor don't overlap. With `needs_counters` the events that it
 * needs come with hardware counters, where they were recorded.
 */
typedef struct {
	const TraceNeed *needs;
	gsize n_needs;
	void (*event)(gpointer self, const TraceEvent *ev);
	void (*loss)(gpointer self, gint32 cpu, gint64 time, TraceLossEdge edge);
	gpointer self;
	gboolean needs_counters;
} TraceModel;

/* ---- Lost events, for who reads a trace without trace_run() -------------------------------------------------- */

typedef struct TraceLosses TraceLosses;

/* Told where a range of lost events begins and ends, as TraceModel.loss is. */
typedef void (*TraceLossFunc)(gpointer user, gint32 cpu, gint64 time, TraceLossEdge edge);

/* `trace` must outlive it. */
TraceLosses *trace_losses_new(const CtfTrace *trace, TraceLossFunc report, gpointer user);
void trace_losses_free(TraceLosses *l);

/* When a range begins or ends next; G_MAXINT64: never. */
gint64 trace_losses_next(const TraceLosses *l);

/* Report all that begins or ends up to and with `time`. */
void trace_losses_pass(TraceLosses *l, gint64 time);

/* By stream index: TRUE if its events have to be shown to trace_losses_event(), before models see them. */
const gboolean *trace_losses_watched(const TraceLosses *l);
void trace_losses_event(TraceLosses *l, const CtfStream *stream, const CtfRecord *r);

/* ---- What a trace could tell --------------------------------------------------------------------------------- */

/*
 * Known from metadata alone. LTTng's metadata has exactly the events that were enabled, so an event that is not declared was not
 * recorded; one that is may still never have happened.
 */
typedef struct {
	gboolean declared[TRACE_EVENT_COUNT];
	guint64 seen[TRACE_EVENT_COUNT];      /* how many were handed to models; 0 before trace_run() */
	gboolean declared_syscalls[TRACE_SYSCALL_COUNT]; /* both events of it */
	TraceCounter counters[TRACE_COUNTERS_MAX];
	guint n_counters;
	gboolean is_kernel;                   /* some scheduler event is declared, or the environment says domain = "kernel" */
	const char *hostname;                 /* the environment's; NULL: not said. The next two likewise. */
	const char *kernel_release;
	const char *tracer;                   /* "lttng-modules", "perf", ... */
} TraceFacts;

void trace_facts(const CtfTrace *trace, TraceFacts *facts_out);

/* ---- Running ------------------------------------------------------------------------------------------------- */

typedef struct {
	gint64 begin_ns, end_ns;   /* only events within; G_MININT64 and G_MAXINT64: all */
	guint threads;             /* for the reader; 0 counts as 1. The result does not depend on it */
	StWarnings *warnings;      /* may be NULL */
	void (*progress)(gpointer user, gint64 time); /* now and then, with how far it has come; may be NULL */
	gpointer progress_user;
} TraceOptions;

/*
 * Read a trace once and hand its events to the models. `facts` (may be NULL) gets `seen` filled; `stats` (may be NULL) what the reader
 * went through. `options` may be NULL: everything, one thread. Errors: those of ctf_read().
 */
gboolean trace_run(CtfTrace *trace, const TraceModel *models, gsize n, const TraceOptions *options, TraceFacts *facts,
		   CtfStats *stats, GError **error);

#endif
