/* SPDX-License-Identifier: MIT */
/*
 * run.c: from the reader's records to canonical events, and from those to the models that need them.
 *
 * A record's values are laid out so that nothing has to be copied: the canonical fields by their index (up to the last one that is
 * needed), then the contexts by theirs.
 */
#include "trace/private.h"

#include <string.h>

#define TRACE_MODELS_MAX 24
#define PROGRESS_EVENTS  (1u << 16)

/* A record holds all that may be wanted of an event. */
G_STATIC_ASSERT(TRACE_FIELDS_MAX + TRACE_CTX_VPID + 1 + TRACE_COUNTERS_MAX <= CTF_WANTS_MAX);
G_STATIC_ASSERT(TRACE_EVENT_COUNT <= 256);

/* What the models together need of a canonical event, and which of them. */
typedef struct {
	guint16 fields;
	guint16 ctx;
	guint8 width;           /* canonical fields that come before the contexts */
	guint8 ctx_width;       /* contexts that come before the counters */
	gboolean counters;
	guint8 n_models;
	guint8 models[TRACE_MODELS_MAX];
} Route;

/* What is known of an event class once its first event was met. */
typedef struct {
	guint8 width;           /* values that come before the contexts */
	guint8 ctx_width;       /* and those that come before the counters */
	gint16 syscall;
	guint16 not_text;
} ClassRoute;

typedef struct {
	const TraceModel *models;
	gsize n_models;
	Route routes[TRACE_EVENT_COUNT];
	ClassRoute *classes;    /* by CtfEventClass.index */
	guint8 syscalls[2][TRACE_SYSCALL_COUNT]; /* some model needs this one in particular: entry, exit */
	guint8 all_syscalls[2];                  /* some model needs all of them */
	TraceLosses *losses;
	const gboolean *watched; /* by stream: trace_losses_event() wants to see its events */
	const TraceCounter *counters;
	guint n_counters;
	gint64 next_loss;       /* when models have to be told of one next */
	const TraceOptions *options;
	guint64 n_events;       /* so far, that were handed to models */
	guint64 seen[TRACE_EVENT_COUNT];
} Run;

/* ---- Routes -------------------------------------------------------------------------------------------------- */

static void add_needs(Run *run, guint8 index)
{
	const TraceModel *model = &run->models[index];

	for (gsize i = 0; i < model->n_needs; i++) {
		const TraceNeed *need = &model->needs[i];
		Route *route = &run->routes[need->event];

		route->fields |= need->fields;
		route->ctx |= need->ctx;
		if (route->n_models == 0 || route->models[route->n_models - 1] != index)
			route->models[route->n_models++] = index;
		route->width = (guint8)(route->fields ? g_bit_storage(route->fields) : 0);
		route->ctx_width = (guint8)(route->ctx ? g_bit_storage(route->ctx) : 0);
		route->counters |= model->needs_counters;
		if (need->event == TRACE_SYSCALL_ENTRY || need->event == TRACE_SYSCALL_EXIT) {
			guint side = need->event == TRACE_SYSCALL_EXIT;

			if (need->syscall)
				run->syscalls[side][need->syscall - 1] = TRUE;
			else
				run->all_syscalls[side] = TRUE;
		}
	}
}

/* ---- Subscriptions ------------------------------------------------------------------------------------------- */

typedef struct {
	CtfScope scope;
	const char *name;
} CtxName;

/* LTTng's contexts are in the event's contexts; perf's are members of the payload, ftrace's common_pid too. */
static const CtxName ctx_names[TRACE_CTX_COUNT][4] = {
	[TRACE_CTX_TID] = {{CTF_SCOPE_COMMON_CONTEXT, "tid"}, {CTF_SCOPE_SPECIFIC_CONTEXT, "tid"},
			   {CTF_SCOPE_PAYLOAD, "perf_tid"}, {CTF_SCOPE_PAYLOAD, "common_pid"}},
	[TRACE_CTX_PID] = {{CTF_SCOPE_COMMON_CONTEXT, "pid"}, {CTF_SCOPE_SPECIFIC_CONTEXT, "pid"},
			   {CTF_SCOPE_PAYLOAD, "perf_pid"}},
	[TRACE_CTX_VTID] = {{CTF_SCOPE_COMMON_CONTEXT, "vtid"}, {CTF_SCOPE_SPECIFIC_CONTEXT, "vtid"}},
	[TRACE_CTX_VPID] = {{CTF_SCOPE_COMMON_CONTEXT, "vpid"}, {CTF_SCOPE_SPECIFIC_CONTEXT, "vpid"}},
	[TRACE_CTX_PID_NS] = {{CTF_SCOPE_COMMON_CONTEXT, "pid_ns"}, {CTF_SCOPE_SPECIFIC_CONTEXT, "pid_ns"}},
	[TRACE_CTX_CGROUP_NS] = {{CTF_SCOPE_COMMON_CONTEXT, "cgroup_ns"}, {CTF_SCOPE_SPECIFIC_CONTEXT, "cgroup_ns"}},
	[TRACE_CTX_MNT_NS] = {{CTF_SCOPE_COMMON_CONTEXT, "mnt_ns"}, {CTF_SCOPE_SPECIFIC_CONTEXT, "mnt_ns"}},
	[TRACE_CTX_NET_NS] = {{CTF_SCOPE_COMMON_CONTEXT, "net_ns"}, {CTF_SCOPE_SPECIFIC_CONTEXT, "net_ns"}},
	[TRACE_CTX_UTS_NS] = {{CTF_SCOPE_COMMON_CONTEXT, "uts_ns"}, {CTF_SCOPE_SPECIFIC_CONTEXT, "uts_ns"}},
};

static const CtfFc *scope_of(const CtfEventClass *ec, CtfScope scope)
{
	switch (scope) {
	case CTF_SCOPE_COMMON_CONTEXT:
		return ec->stream_class->common_context;
	case CTF_SCOPE_SPECIFIC_CONTEXT:
		return ec->spec_context;
	default:
		return ec->payload;
	}
}

/* Where a class has a context; a want that is never found if it has none. */
static CtfWant ctx_want(const CtfEventClass *ec, TraceCtx ctx)
{
	for (guint i = 0; i < G_N_ELEMENTS(ctx_names[ctx]) && ctx_names[ctx][i].name; i++) {
		const CtxName *n = &ctx_names[ctx][i];

		if (ctf_fc_member(scope_of(ec, n->scope), n->name))
			return (CtfWant){.scope = n->scope, .name = n->name};
	}
	return (CtfWant){.scope = CTF_SCOPE_PAYLOAD, .name = ""};
}

static CtfWant counter_want(const CtfEventClass *ec, const TraceCounter *counter)
{
	gboolean there = ctf_fc_member(ec->stream_class->common_context, counter->field) != NULL;

	return (CtfWant){.scope = CTF_SCOPE_COMMON_CONTEXT, .name = there ? counter->field : ""};
}

static CtfWant payload_want(const char *name)
{
	return (CtfWant){.scope = CTF_SCOPE_PAYLOAD, .name = name ? name : ""};
}

static gboolean is_syscall(gint id)
{
	return id == TRACE_SYSCALL_ENTRY || id == TRACE_SYSCALL_EXIT;
}

/* Old tracers have one event for the exit of every system call: who needs one of them needs it. */
static gboolean syscall_needed(const Run *run, gint id, gint syscall)
{
	guint side = id == TRACE_SYSCALL_EXIT;

	return syscall < 0 || run->all_syscalls[side] || (syscall < TRACE_SYSCALL_COUNT && run->syscalls[side][syscall]);
}

static guint want_fields(const Run *run, gint id, const CtfEventClass *ec, gint syscall, CtfSubscription *sub)
{
	const Route *route = &run->routes[id];
	guint width = is_syscall(id) ? MIN(route->width, trace_syscall_n_fields((TraceEventId)id, syscall)) : route->width;

	for (guint f = 0; f < width; f++) {
		if (!((route->fields >> f) & 1))
			sub->wants[f] = payload_want(NULL);
		else if (is_syscall(id))
			sub->wants[f] = payload_want(trace_syscall_field_resolve((TraceEventId)id, syscall, f, ec->payload));
		else
			sub->wants[f] = payload_want(trace_field_resolve((TraceEventId)id, f, ec->payload));
	}
	return width;
}

/* What a field is, is up to the trace: a bit for each that is no text, which nobody may take for a place in the packet. */
static guint16 find_not_text(const CtfEventClass *ec, const CtfSubscription *sub, guint width)
{
	guint16 bits = 0;

	for (guint f = 0; f < width; f++) {
		const CtfFc *fc = ctf_event_class_field(ec, &sub->wants[f]);

		if (fc && fc->type != CTF_FC_STRING && fc->type != CTF_FC_STATIC_TEXT && fc->type != CTF_FC_DYNAMIC_TEXT)
			bits |= (guint16)(1u << f);
	}
	return bits;
}

/* Each class's route is another object, so that several threads may be here at once. */
static void subscribe(const CtfEventClass *ec, CtfSubscription *sub, gpointer user)
{
	const Run *run = user;
	gint id = trace_event_by_name(ec->name);
	gint syscall = is_syscall(id) ? trace_syscall_by_event(ec->name) : -1;

	if (id < 0 || run->routes[id].n_models == 0 || (is_syscall(id) && !syscall_needed(run, id, syscall))) {
		sub->skip = TRUE;
		return;
	}
	guint width = want_fields(run, id, ec, syscall, sub);
	const Route *route = &run->routes[id];
	sub->n_wants = (guint16)width;
	for (guint c = 0; c < route->ctx_width && sub->n_wants < CTF_WANTS_MAX; c++)
		sub->wants[sub->n_wants++] = (route->ctx >> c) & 1 ? ctx_want(ec, (TraceCtx)c) : payload_want(NULL);
	for (guint c = 0; c < run->n_counters && route->counters && sub->n_wants < CTF_WANTS_MAX; c++)
		sub->wants[sub->n_wants++] = counter_want(ec, &run->counters[c]);
	sub->tag = (guint8)id;
	run->classes[ec->index] = (ClassRoute){.width = (guint8)width, .ctx_width = (guint8)(width + route->ctx_width), .syscall = (gint16)syscall,
						.not_text = find_not_text(ec, sub, width)};
}

/* ---- Lost events --------------------------------------------------------------------------------------------- */

static void on_loss(gpointer user, gint32 cpu, gint64 time, TraceLossEdge edge)
{
	const Run *run = user;

	for (gsize i = 0; i < run->n_models; i++)
		if (run->models[i].loss)
			run->models[i].loss(run->models[i].self, cpu, time, edge);
}

/* Tell models of all that begins or ends up to and with `time`. */
static void pass_losses(Run *run, gint64 time)
{
	trace_losses_pass(run->losses, time);
	run->next_loss = trace_losses_next(run->losses);
}

/* ---- Events -------------------------------------------------------------------------------------------------- */

static inline gint32 event_cpu(const CtfStream *stream, const CtfRecord *r)
{
	if (stream->cpu >= 0)
		return stream->cpu;
	return r->packet < stream->packets->len ? g_array_index(stream->packets, CtfPacket, r->packet).cpu : -1;
}

static void tell_progress(Run *run, gint64 time)
{
	if (run->options->progress)
		run->options->progress(run->options->progress_user, time);
}

static gboolean on_event(const CtfStream *stream, const guint8 *base, const CtfRecord *r, gpointer user)
{
	Run *run = user;
	const Route *route = &run->routes[r->tag];
	const ClassRoute *class = &run->classes[r->event];
	guint width = class->width;
	TraceEvent ev = {
		.time = r->time,
		.cpu = event_cpu(stream, r),
		.id = r->tag,
		.syscall = class->syscall,
		.not_text = class->not_text,
		.present = (guint16)(r->present & ((1u << width) - 1)),
		.ctx_present = (guint16)((r->present & ((1u << class->ctx_width) - 1)) >> width),
		.counters_present = r->present >> class->ctx_width,
		.v = r->v,
		.ctx = r->v + width,
		.counters = r->v + class->ctx_width,
		.base = base,
		.number = ++run->n_events,
		.stream = stream,
		.record = r,
	};

	if (G_UNLIKELY(r->time >= run->next_loss))
		pass_losses(run, r->time);
	if (G_UNLIKELY(run->watched[stream->index]))
		trace_losses_event(run->losses, stream, r);
	run->seen[r->tag]++;
	if (G_UNLIKELY(run->n_events % PROGRESS_EVENTS == 0))
		tell_progress(run, r->time);
	for (guint i = 0; i < route->n_models; i++) {
		const TraceModel *model = &run->models[route->models[i]];

		model->event(model->self, &ev);
	}
	return TRUE;
}

const CtfEventClass *trace_event_class(const TraceEvent *ev)
{
	const CtfMetadata *m = ev->stream->stream_class->metadata;

	return g_ptr_array_index(m->events, ev->record->event);
}

void trace_event_cursor(const TraceEvent *ev, CtfCursor *c, guint64 *slots)
{
	const CtfEventClass *ec = trace_event_class(ev);

	ctf_cursor_event(c, ev->stream, ev->base, ev->record, slots);
	if (ec->stream_class->common_context)
		ctf_cursor_skip(c, ec->stream_class->common_context);
	if (ec->spec_context)
		ctf_cursor_skip(c, ec->spec_context);
}

gboolean trace_run(CtfTrace *trace, const TraceModel *models, gsize n, const TraceOptions *options, TraceFacts *facts,
		   CtfStats *stats, GError **error)
{
	Run run = {.models = models, .n_models = n};
	TraceOptions all = {.begin_ns = G_MININT64, .end_ns = G_MAXINT64, .threads = 1};
	const TraceOptions *o = options ? options : &all;
	CtfReader reader = {.subscribe = subscribe, .event = on_event, .user = &run, .begin_ns = o->begin_ns,
			    .end_ns = o->end_ns, .threads = MAX(o->threads, 1), .warnings = o->warnings};
	CtfStats own = {0};
	TraceCounter counters[TRACE_COUNTERS_MAX];

	g_return_val_if_fail(n <= TRACE_MODELS_MAX, FALSE);
	run.options = o;
	for (gsize i = 0; i < n; i++)
		add_needs(&run, (guint8)i);
	trace_counters(trace->metadata, counters, &run.n_counters);
	run.counters = counters;
	g_autofree ClassRoute *classes = g_new0(ClassRoute, MAX(trace->metadata->events->len, 1));
	run.classes = classes;
	run.losses = trace_losses_new(trace, on_loss, &run);
	run.watched = trace_losses_watched(run.losses);
	pass_losses(&run, o->begin_ns);
	gboolean ok = ctf_read(&trace, 1, &reader, &own, error);
	pass_losses(&run, MIN(o->end_ns, G_MAXINT64 - 1));
	trace_losses_free(run.losses);
	if (!ok)
		return FALSE;
	if (facts)
		memcpy(facts->seen, run.seen, sizeof(run.seen));
	if (stats)
		*stats = own;
	else
		ctf_stats_clear(&own);
	return TRUE;
}
