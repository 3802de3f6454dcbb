/* SPDX-License-Identifier: MIT */
/* pass.c: a trace is read once; threads, counts and events are kept here, the rest by who understands it. */
#include "user/private.h"

#include <string.h>

#include "trace/trace.h"

/* Contexts, in the order of a record's values. */
enum { CTX_VTID, CTX_VPID, CTX_TID, CTX_PID, CTX_PID_NS, CTX_PROCNAME, CTX_COUNT };

#define CPU_MAX 8192 /* Linux's own limit */

typedef struct {
	gint32 vtid, vpid, tid, cpu;
	guint32 pid_ns;
} ThreadKey;

typedef struct {
	UserPass base;
	const UserOptions *options;
	UserClass *classes;     /* by CtfEventClass.index */
	GPtrArray *events;      /* CtfEventClass *, by index */
	GHashTable *threads;    /* ThreadKey -> index plus one */
	GHashTable *counts;     /* thread and name -> index plus one */
	gint32 *current;        /* with spans_only: who is on which processor; -1: not known */
	TraceLosses *losses;
	const gboolean *watched; /* by stream: trace_losses_event() wants to see its events */
	gint64 next_loss;
	gint32 vpid;             /* of buffers of one process: its number; else -1 */
	guint32 procname;        /* text: likewise, its name; else 0 */
	guint since_progress;
} Reading;

#define PROGRESS_EVENTS 65536u

/* ---- Texts --------------------------------------------------------------------------------------------------------------- */

guint32 user_free_text(UserPass *p, const char *text, gsize len)
{
	if (p->n_texts >= USER_TEXTS_MAX)
		return history_text(p->history, "...", 3);
	guint32 number = history_text(p->history, text, (gssize)MIN(len, 1024));
	/* A new text has a greater number than all before. */
	if (number > p->highest_text) {
		p->highest_text = number;
		p->n_texts++;
	}
	return number;
}

/* ---- Threads ------------------------------------------------------------------------------------------------------------- */

static guint key_hash(gconstpointer key)
{
	const ThreadKey *k = key;

	return (guint)k->vtid * 0x9e3779b9u ^ (guint)k->vpid * 0x85ebca6bu ^ (guint)k->tid ^ ((guint)k->cpu << 16) ^ k->pid_ns * 0xc2b2ae35u;
}

static gboolean key_equal(gconstpointer a, gconstpointer b)
{
	return memcmp(a, b, sizeof(ThreadKey)) == 0;
}

static gint32 number(const CtfRecord *r, guint ctx)
{
	return (r->present >> ctx) & 1 ? (gint32)CLAMP((gint64)r->v[ctx], -1, G_MAXINT32) : -1;
}

/*
 * Of a kernel's trace it is who the scheduler put on the processor. Every processor has an idle thread of number 0. Where nobody says which thread it was, it is
 * told by the process, and where nobody says that, by the processor.
 */
static ThreadKey key_of(const Reading *rd, const CtfRecord *r, gint32 cpu)
{
	gboolean by_cpu = rd->options->spans_only && cpu >= 0 && cpu < CPU_MAX;
	ThreadKey key = {number(r, CTX_VTID), number(r, CTX_VPID), by_cpu ? rd->current[cpu] : number(r, CTX_TID), -1,
			 !by_cpu && (r->present >> CTX_PID_NS) & 1 ? (guint32)r->v[CTX_PID_NS] : 0};

	if (key.vpid < 0)
		key.vpid = rd->vpid;
	if (by_cpu ? key.tid <= 0 && key.vtid <= 0 : key.tid < 0 && key.vtid < 0 && key.vpid < 0)
		key.cpu = MIN(cpu, CPU_MAX);
	return key;
}

static guint32 idle_name(Reading *rd, const ThreadKey *key)
{
	char name[32];

	if (key->cpu < 0)
		return 0;
	g_snprintf(name, sizeof(name), "swapper/%d", key->cpu);
	return history_text(rd->base.history, name, -1);
}

/* All threads beyond the limit: nobody's events are charged to somebody else. */
static guint32 crowd(Reading *rd, gint64 time)
{
	UserPass *p = &rd->base;

	if (p->crowd == G_MAXUINT32) {
		UserThread *t = history_table_add(p->history, p->threads_table);

		*t = (UserThread){.vtid = -1, .vpid = -1, .tid = -1, .pid = -1, .cpu = G_MAXINT32, .first_ns = time,
				  .name = history_text(p->history, "(further threads)", -1)};
		p->crowd = (guint32)history_table_len(p->history, p->threads_table) - 1;
	}
	p->facts->crowded++;
	return p->crowd;
}

static guint32 thread_of(Reading *rd, const CtfRecord *r, gint32 cpu)
{
	ThreadKey key = key_of(rd, r, cpu);
	guint index = GPOINTER_TO_UINT(g_hash_table_lookup(rd->threads, &key));

	if (index)
		return index - 1;
	if (g_hash_table_size(rd->threads) >= USER_THREADS_MAX)
		return crowd(rd, r->time);
	UserThread *t = history_table_add(rd->base.history, rd->base.threads_table);
	*t = (UserThread){.vtid = key.vtid, .vpid = key.vpid, .tid = key.tid, .pid = number(r, CTX_PID), .pid_ns = key.pid_ns, .name = key.tid == 0 ? idle_name(rd, &key) : rd->procname, .cpu = key.cpu,
			  .first_ns = r->time};
	index = (guint)history_table_len(rd->base.history, rd->base.threads_table);
	g_hash_table_insert(rd->threads, g_memdup2(&key, sizeof(key)), GUINT_TO_POINTER(index));
	return index - 1;
}

static void name_thread(Reading *rd, UserThread *t, const guint8 *base, guint64 text)
{
	const char *name = history_text_get(rd->base.history, t->name);
	gsize len = strnlen((const char *)base + CTF_TEXT_POS(text), CTF_TEXT_LEN(text));

	if (len && (strlen(name) != len || memcmp(name, base + CTF_TEXT_POS(text), len) != 0))
		t->name = user_free_text(&rd->base, (const char *)base + CTF_TEXT_POS(text), len);
}

/* ---- Subscriptions -------------------------------------------------------------------------------------------------------- */

static const char *const ctx_names[CTX_COUNT] = {"vtid", "vpid", "tid", "pid", "pid_ns", "procname"};

static CtfWant ctx_want(const CtfEventClass *ec, const char *name)
{
	if (ctf_fc_member(ec->stream_class->common_context, name))
		return (CtfWant){CTF_SCOPE_COMMON_CONTEXT, name};
	if (ctf_fc_member(ec->spec_context, name))
		return (CtfWant){CTF_SCOPE_SPECIFIC_CONTEXT, name};
	return (CtfWant){CTF_SCOPE_PAYLOAD, ""};
}

/* A field that is a text where a number is expected, or the other way round, is none. */
static CtfWant checked(const CtfEventClass *ec, CtfWant want, gboolean is_text)
{
	const CtfFc *fc = ctf_event_class_field(ec, &want);
	gboolean text = fc && (fc->type == CTF_FC_STRING || fc->type == CTF_FC_STATIC_TEXT || fc->type == CTF_FC_DYNAMIC_TEXT);
	gboolean number = fc && (fc->type == CTF_FC_INT || fc->type == CTF_FC_VARINT);

	return (is_text ? text : number) ? want : (CtfWant){CTF_SCOPE_PAYLOAD, ""};
}

/* Each class is another object: several threads may be here at once, but the texts are one. */
static void subscribe(const CtfEventClass *ec, CtfSubscription *sub, gpointer user)
{
	Reading *rd = user;
	UserClass *class = &rd->classes[ec->index];
	const char *keys[USER_KEYS_MAX];
	guint n_keys = user_spans_class(rd->base.spans, ec, class, keys);
	UserRole role = user_role_of(ec->name);

	if (rd->options->spans_only && !class->begins && !class->ends && !class->lacks && role != USER_SWITCH) {
		sub->skip = TRUE;
		return;
	}
	for (guint i = 0; i < CTX_COUNT; i++)
		sub->wants[sub->n_wants++] = checked(ec, ctx_want(ec, ctx_names[i]), i == CTX_PROCNAME);
	for (guint i = 0; i < USER_FIELDS_MAX; i++) {
		const char *name = user_role_field(role, i, ec->payload);
		sub->wants[sub->n_wants++] = checked(ec, (CtfWant){CTF_SCOPE_PAYLOAD, name ? name : ""}, user_role_is_text(role, i));
	}
	for (guint i = 0; i < n_keys; i++)
		sub->wants[sub->n_wants++] = (CtfWant){CTF_SCOPE_COUNT, keys[i]};
	sub->tag = (guint16)role;
}

/* ---- Lost events ------------------------------------------------------------------------------------------------------------- */

/* A thread may have been on any processor: what one of them lost may be the end of anything. */
static void lose(UserPass *p, gint64 time)
{
	const UserLoss loss = {time, G_MAXINT64};

	g_array_append_val(p->losses, loss);
	user_spans_loss(p->spans, time);
	user_functions_loss(p->functions, time);
	user_locks_loss(p->locks);
	user_memory_loss(p->memory);
}

static void on_loss(gpointer user, gint32 cpu, gint64 time, TraceLossEdge edge)
{
	Reading *rd = user;
	UserPass *p = &rd->base;

	if (cpu >= 0 && cpu < CPU_MAX)
		rd->current[cpu] = -1;
	if (edge == TRACE_LOSS_BEGIN && p->lossy++ == 0)
		lose(p, time);
	else if (edge == TRACE_LOSS_END && --p->lossy == 0)
		g_array_index(p->losses, UserLoss, p->losses->len - 1).end = time;
}

static void pass_losses(Reading *rd, gint64 time)
{
	trace_losses_pass(rd->losses, time);
	rd->next_loss = trace_losses_next(rd->losses);
}

/* ---- Events ---------------------------------------------------------------------------------------------------------------- */

static void count(Reading *rd, const UserEv *ev)
{
	guint64 key = ((guint64)ev->thread << 32) | ev->class->name;
	guint64 *index = g_hash_table_lookup(rd->counts, &key);

	if (!index) {
		UserCount *made = history_table_add(rd->base.history, rd->base.counts_table);
		*made = (UserCount){.thread = ev->thread, .name = ev->class->name, .first_ns = ev->time};
		guint64 pair[2] = {key, history_table_len(rd->base.history, rd->base.counts_table) - 1};
		guint64 *kept = g_memdup2(pair, sizeof(pair));
		g_hash_table_insert(rd->counts, kept, kept + 1);
		index = kept + 1;
	}
	UserCount *c = history_table_item(rd->base.history, rd->base.counts_table, *index);
	c->count++;
	c->last_ns = ev->time;
}

static void keep_event(Reading *rd, const UserEv *ev)
{
	if (history_table_len(rd->base.history, rd->base.events_table) >= USER_EVENTS_MAX) {
		rd->base.facts->dropped++;
		return;
	}
	guint32 message = ev->role == USER_MESSAGE && user_has(ev, 0)
				  ? user_free_text(&rd->base, (const char *)ev->base + CTF_TEXT_POS(ev->v[0]), CTF_TEXT_LEN(ev->v[0]))
				  : 0;
	UserEvent *item = history_table_add(rd->base.history, rd->base.events_table);
	*item = (UserEvent){.time_ns = ev->time, .thread = ev->thread, .name = ev->class->name, .message = message, .cpu = ev->cpu};
}

/* How many of its fields an event must have to be what its role says. */
static gboolean is_whole(const UserEv *ev)
{
	switch (ev->role) {
	case USER_MALLOC:
	case USER_CALLOC:
	case USER_MEMALIGN:
	case USER_POSIX_MEMALIGN:
		return (ev->present & 3) == 3;
	case USER_REALLOC:
		return (ev->present & 7) == 7;
	case USER_FUNC_EXIT:
		return TRUE;
	default:
		return ev->present & 1;
	}
}

static void hand_to_models(Reading *rd, const UserEv *ev)
{
	if (!is_whole(ev) || ev->thread == rd->base.crowd)
		return;
	switch (ev->role) {
	case USER_MALLOC:
	case USER_CALLOC:
	case USER_REALLOC:
	case USER_MEMALIGN:
	case USER_POSIX_MEMALIGN:
	case USER_FREE:
		user_memory_event(rd->base.memory, ev);
		break;
	case USER_LOCK_REQ:
	case USER_LOCK_ACQ:
	case USER_TRYLOCK:
	case USER_UNLOCK:
		user_locks_event(rd->base.locks, ev);
		break;
	case USER_FUNC_ENTRY:
	case USER_FUNC_EXIT:
	case USER_BINARY:
	case USER_NO_BINARY:
		user_functions_event(rd->base.functions, ev);
		break;
	case USER_PROCNAME:
		name_thread(rd, user_thread(&rd->base, ev->thread), ev->base, ev->v[0]);
		break;
	default:
		break;
	}
}

/* A class's name becomes a text when its first event comes: texts belong to the thread that reads. */
static UserClass *class_of(Reading *rd, const CtfRecord *r)
{
	UserClass *class = &rd->classes[r->event];

	if (!class->met) {
		class->met = TRUE;
		class->name = history_text(rd->base.history, ((const CtfEventClass *)g_ptr_array_index(rd->events, r->event))->name, -1);
	}
	return class;
}

static void lay_out(Reading *rd, const CtfStream *stream, const guint8 *base, const CtfRecord *r, UserEv *ev)
{
	const CtfPacket *packet = r->packet < stream->packets->len ? &g_array_index(stream->packets, CtfPacket, r->packet) : NULL;

	*ev = (UserEv){.time = r->time, .cpu = packet ? packet->cpu : stream->cpu, .role = (UserRole)r->tag, .class = class_of(rd, r),
		       .present = (guint8)((r->present >> CTX_COUNT) & ((1u << USER_FIELDS_MAX) - 1)),
		       .keys_present = (guint8)(r->present >> (CTX_COUNT + USER_FIELDS_MAX)), .base = base};
	for (guint i = 0; i < USER_FIELDS_MAX; i++)
		ev->v[i] = user_has(ev, i) ? r->v[CTX_COUNT + i] : 0;
	for (guint i = 0; i < USER_KEYS_MAX; i++)
		ev->keys[i] = (ev->keys_present >> i) & 1 ? r->v[CTX_COUNT + USER_FIELDS_MAX + i] : 0;
	ev->thread = thread_of(rd, r, ev->cpu);
}

static void tell_progress(Reading *rd, gint64 time)
{
	rd->since_progress = 0;
	if (rd->options->progress)
		rd->options->progress(rd->options->progress_user, time);
}

static gboolean on_event(const CtfStream *stream, const guint8 *base, const CtfRecord *r, gpointer user)
{
	Reading *rd = user;
	UserEv ev;

	if (G_UNLIKELY(r->time >= rd->next_loss))
		pass_losses(rd, r->time);
	if (G_UNLIKELY(rd->watched[stream->index]))
		trace_losses_event(rd->losses, stream, r);
	if (++rd->since_progress == PROGRESS_EVENTS)
		tell_progress(rd, r->time);
	lay_out(rd, stream, base, r, &ev);
	if (ev.class->begins || ev.class->ends || ev.class->lacks)
		user_spans_event(rd->base.spans, &ev);
	if (rd->options->spans_only) {
		if (ev.role == USER_SWITCH && user_has(&ev, 0) && ev.cpu >= 0 && ev.cpu < CPU_MAX)
			rd->current[ev.cpu] = (gint32)ev.v[0];
		return TRUE;
	}
	UserFacts *facts = rd->base.facts;
	facts->events++;
	facts->without_vtid += number(r, CTX_VTID) < 0;
	facts->without_vpid += number(r, CTX_VPID) < 0 && rd->vpid < 0;
	UserThread *t = user_thread(&rd->base, ev.thread);
	t->events++;
	t->last_ns = ev.time;
	if (((r->present >> CTX_PROCNAME) & 1) && ev.thread != rd->base.crowd)
		name_thread(rd, t, base, r->v[CTX_PROCNAME]);
	count(rd, &ev);
	keep_event(rd, &ev);
	hand_to_models(rd, &ev);
	return TRUE;
}

/* ---- The pass ---------------------------------------------------------------------------------------------------------------- */

/* Of buffers of one process the metadata says whose they are. */
static void find_process(Reading *rd, const CtfMetadata *m)
{
	const char *scheme = ctf_metadata_env_text(m, "tracer_buffering_scheme"), *name = ctf_metadata_env_text(m, "procname");
	const CtfEnv *vpid = ctf_metadata_env(m, "vpid");

	rd->vpid = -1;
	if (rd->options->spans_only || !scheme || strcmp(scheme, "pid") != 0)
		return;
	if (vpid && vpid->is_int && vpid->i > 0 && vpid->i <= G_MAXINT32)
		rd->vpid = (gint32)vpid->i;
	rd->procname = history_text(rd->base.history, name, -1);
}

static void reading_begin(Reading *rd, CtfTrace *trace, const UserOptions *o, History *h)
{
	rd->options = o;
	rd->events = trace->metadata->events;
	rd->classes = g_new0(UserClass, MAX(rd->events->len, 1));
	rd->threads = g_hash_table_new_full(key_hash, key_equal, g_free, NULL);
	rd->counts = g_hash_table_new_full(user_pair_hash, g_int64_equal, g_free, NULL);
	rd->current = g_new(gint32, CPU_MAX);
	memset(rd->current, 0xff, CPU_MAX * sizeof(gint32));
	rd->base.history = h;
	rd->base.threads_table = history_table(h, USER_THREADS_TABLE, sizeof(UserThread));
	rd->base.counts_table = history_table(h, USER_COUNTS_TABLE, sizeof(UserCount));
	rd->base.events_table = history_table(h, USER_EVENTS_TABLE, sizeof(UserEvent));
	rd->base.facts = history_table_add(h, history_table(h, USER_FACTS_TABLE, sizeof(UserFacts)));
	rd->base.crowd = G_MAXUINT32;
	find_process(rd, trace->metadata);
	rd->base.memory = user_memory_new(&rd->base);
	rd->base.locks = user_locks_new(&rd->base);
	rd->base.functions = user_functions_new(&rd->base);
	rd->base.spans = user_spans_new(&rd->base, o->spans);
	rd->base.losses = g_array_new(FALSE, FALSE, sizeof(UserLoss));
	rd->losses = trace_losses_new(trace, on_loss, rd);
	rd->watched = trace_losses_watched(rd->losses);
	pass_losses(rd, G_MININT64);
}

static void reading_end(Reading *rd, gint64 end_ns)
{
	pass_losses(rd, end_ns);
	user_functions_finish(rd->base.functions, end_ns);
	user_spans_finish(rd->base.spans, end_ns);
	user_rows_write(&rd->base);
	user_memory_free(rd->base.memory);
	user_locks_free(rd->base.locks);
	user_functions_free(rd->base.functions);
	user_spans_free(rd->base.spans);
	trace_losses_free(rd->losses);
	g_array_unref(rd->base.losses);
	g_hash_table_unref(rd->threads);
	g_hash_table_unref(rd->counts);
	g_free(rd->current);
	g_free(rd->classes);
}

gboolean user_pass(CtfTrace *trace, const UserOptions *options, History *history, GError **error)
{
	Reading rd = {0};
	CtfStats stats = {0};
	CtfReader reader = {.subscribe = subscribe, .event = on_event, .user = &rd, .begin_ns = G_MININT64, .end_ns = G_MAXINT64,
			    .threads = MAX(options->threads, 1), .warnings = options->warnings};

	reading_begin(&rd, trace, options, history);
	gboolean ok = ctf_read(&trace, 1, &reader, &stats, error);
	reading_end(&rd, history_end(history));
	ctf_stats_clear(&stats);
	return ok;
}
