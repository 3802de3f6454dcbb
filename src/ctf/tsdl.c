/* SPDX-License-Identifier: MIT */
#include "ctf/tsdl.h"

#include <string.h>

/* ---- Blocks -------------------------------------------------------------------------------------------------- */

/* An entry of a block whose left side has been read. */
typedef gboolean (*EntryFunc)(Tsdl *p, const TsdlValue *left, gpointer user);

/* Entries and declarations up to `}` (or the end, if the text ends there). */
static gboolean read_entries(Tsdl *p, int until, EntryFunc entry, gpointer user)
{
	while (p->tok.kind != until) {
		TsdlValue left;
		if (ctf_tsdl_at_declaration(p)) {
			if (!ctf_tsdl_declaration(p))
				return FALSE;
		} else if (!ctf_tsdl_path(p, &left) || !entry(p, &left, user)) {
			return FALSE;
		}
	}
	return TRUE;
}

/* `{ entries };` */
static gboolean read_block(Tsdl *p, EntryFunc entry, gpointer user)
{
	guint scope = p->scope;
	if (!ctf_tsdl_expect(p, '{', "a {"))
		return FALSE;
	ctf_tsdl_scope_push(p);
	if (!read_entries(p, '}', entry, user))
		return FALSE;
	ctf_tsdl_scope_pop(p, scope);
	ctf_tsdl_next(p);
	return ctf_tsdl_expect(p, ';', "a ;");
}

/* `:= type;` */
static gboolean read_type(Tsdl *p, const TsdlValue *left, TsdlType **type)
{
	if (*type)
		return ctf_tsdl_error(p, left->at, "this type is given twice");
	return ctf_tsdl_expect(p, TSDL_TYPE_ASSIGN, ":=") && (*type = ctf_tsdl_type(p)) &&
	       ctf_tsdl_expect(p, ';', "a ;");
}

/* What follows the name of an attribute that nobody knows. */
static gboolean skip_entry(Tsdl *p)
{
	TsdlValue v;
	gboolean shared;
	return p->tok.kind == TSDL_TYPE_ASSIGN ? ctf_tsdl_skim(p, &shared) : ctf_tsdl_assigned(p, &v);
}

/* ---- trace --------------------------------------------------------------------------------------------------- */

static gboolean read_version(Tsdl *p, guint64 known)
{
	TsdlValue v;
	guint64 n = 0;
	if (!ctf_tsdl_assigned(p, &v) || !ctf_tsdl_value_u64(p, &v, &n))
		return FALSE;
	return n == known || ctf_tsdl_error(p, v.at, "only version 1.8 of this format is known");
}

static gboolean read_byte_order(Tsdl *p)
{
	TsdlValue v;
	if (!ctf_tsdl_assigned(p, &v) || !ctf_tsdl_value_order(p, &v, &p->order))
		return FALSE;
	return p->order != TSDL_ORDER_NATIVE ||
	       ctf_tsdl_error(p, v.at, "the trace's own byte order must be le, be or network");
}

static gboolean trace_entry(Tsdl *p, const TsdlValue *left, gpointer user)
{
	TsdlValue v;
	if (ctf_tsdl_path_is(left, TSDL_W_PACKET, TSDL_W_HEADER, TSDL_W_NONE))
		return read_type(p, left, &p->packet_header);
	if (left->n > 1)
		return skip_entry(p);
	switch (left->names[0]->word) {
	case TSDL_W_MAJOR:
		return read_version(p, 1);
	case TSDL_W_MINOR:
		return read_version(p, 8);
	case TSDL_W_BYTE_ORDER:
		return read_byte_order(p);
	case TSDL_W_UUID:
		p->m->has_uuid = TRUE;
		return ctf_tsdl_assigned(p, &v) && ctf_tsdl_value_uuid(p, &v, p->m->uuid);
	default:
		return skip_entry(p);
	}
}

static gboolean read_trace(Tsdl *p)
{
	const char *at = p->tok.at;
	if (p->has_trace)
		return ctf_tsdl_error(p, at, "a second trace block");
	p->has_trace = TRUE;
	if (!read_block(p, trace_entry, NULL))
		return FALSE;
	if (p->order == TSDL_ORDER_NATIVE)
		return ctf_tsdl_error(p, at, "the trace block has no byte_order");
	p->m->big_endian = p->order == TSDL_ORDER_BIG;
	return TRUE;
}

/* ---- env, clock ---------------------------------------------------------------------------------------------- */

static gboolean env_entry(Tsdl *p, const TsdlValue *left, gpointer user)
{
	TsdlValue v;
	const char *name;
	if (!ctf_tsdl_assigned(p, &v) || !ctf_tsdl_value_text(p, left, &name))
		return FALSE;
	CtfEnv *env = ctf_metadata_add_env(p->m, name);
	if (!env)
		return ctf_tsdl_error(p, left->at, "an environment of more than %d values", CTF_FIELDS_MAX);
	env->is_int = v.kind == TSDL_VALUE_INT;
	env->i = env->is_int ? (gint64)v.i : 0;
	return env->is_int || ctf_tsdl_value_text(p, &v, &env->s);
}

/* A negative offset is told in seconds before and cycles after. */
static gboolean set_offset(Tsdl *p, const TsdlValue *v, gint64 *cycles_out, guint64 *unsigned_out)
{
	gint64 cycles = 0;
	if (v->kind == TSDL_VALUE_INT && v->is_negative && !ctf_tsdl_value_i64(p, v, &cycles))
		return FALSE;
	*cycles_out = cycles;
	return cycles < 0 || ctf_tsdl_value_u64(p, v, unsigned_out);
}

typedef struct {
	CtfClock *clock;
	TsdlName *name;
	gint64 negative; /* the offset in cycles, if it is below 0 */
} ClockBlock;

static gboolean set_clock_value(Tsdl *p, TsdlWord word, const TsdlValue *v, ClockBlock *b)
{
	CtfClock *clock = b->clock;
	switch (word) {
	case TSDL_W_NAME:
		b->name = v->kind == TSDL_VALUE_INT || v->n > 1 ? NULL : v->names[0];
		return b->name || ctf_tsdl_error(p, v->at, "expected a clock's name");
	case TSDL_W_UUID:
		clock->has_uuid = TRUE;
		return ctf_tsdl_value_uuid(p, v, clock->uuid);
	case TSDL_W_DESCRIPTION:
		return ctf_tsdl_value_text(p, v, &clock->description);
	case TSDL_W_FREQ:
		return ctf_tsdl_value_u64(p, v, &clock->freq) &&
		       (clock->freq || ctf_tsdl_error(p, v->at, "a clock's frequency can't be 0"));
	case TSDL_W_PRECISION:
		return ctf_tsdl_value_u64(p, v, &clock->precision);
	case TSDL_W_OFFSET_S:
		return ctf_tsdl_value_i64(p, v, &clock->offset_s);
	case TSDL_W_OFFSET:
		return set_offset(p, v, &b->negative, &clock->offset_cycles);
	case TSDL_W_ABSOLUTE:
		return ctf_tsdl_value_bool(p, v, &clock->absolute);
	default:
		return TRUE;
	}
}

static gboolean clock_entry(Tsdl *p, const TsdlValue *left, gpointer user)
{
	TsdlValue v;
	return ctf_tsdl_assigned(p, &v) && (left->n > 1 || set_clock_value(p, left->names[0]->word, &v, user));
}

/* Seconds below and cycles above, so that cycles are never negative. */
static gboolean borrow_seconds(CtfClock *clock, gint64 cycles)
{
	guint64 below = 0 - (guint64)cycles;
	guint64 seconds = below / clock->freq + (below % clock->freq != 0);
	clock->offset_cycles = seconds * clock->freq - below;
	return seconds <= G_MAXINT64 && !__builtin_sub_overflow(clock->offset_s, (gint64)seconds, &clock->offset_s);
}

static gboolean read_clock(Tsdl *p)
{
	const char *at = p->tok.at;
	if (p->m->clocks->len == CTF_FIELDS_MAX)
		return ctf_tsdl_error(p, at, "more than %d clocks", CTF_FIELDS_MAX);
	ClockBlock b = {.clock = ctf_metadata_add_clock(p->m)};
	if (!read_block(p, clock_entry, &b))
		return FALSE;
	if (!b.name)
		return ctf_tsdl_error(p, at, "a clock without a name");
	if (!g_hash_table_insert(p->clocks, b.name, b.clock))
		return ctf_tsdl_error(p, at, "two clocks are named \"%s\"", b.name->text);
	b.clock->name = b.clock->id = b.name->text;
	if (b.negative < 0 && !borrow_seconds(b.clock, b.negative))
		return ctf_tsdl_error(p, at, "a clock's offset of more than 64 bits");
	return TRUE;
}

/* ---- stream -------------------------------------------------------------------------------------------------- */

static gboolean stream_entry(Tsdl *p, const TsdlValue *left, gpointer user)
{
	TsdlStream *s = user;
	TsdlValue v;
	if (ctf_tsdl_path_is(left, TSDL_W_PACKET, TSDL_W_CONTEXT, TSDL_W_NONE))
		return read_type(p, left, &s->packet_context);
	if (ctf_tsdl_path_is(left, TSDL_W_EVENT, TSDL_W_HEADER, TSDL_W_NONE))
		return read_type(p, left, &s->event_header);
	if (ctf_tsdl_path_is(left, TSDL_W_EVENT, TSDL_W_CONTEXT, TSDL_W_NONE))
		return read_type(p, left, &s->common_context);
	if (ctf_tsdl_path_is(left, TSDL_W_ID, TSDL_W_NONE))
		return ctf_tsdl_assigned(p, &v) && ctf_tsdl_value_u64(p, &v, &s->id);
	return skip_entry(p);
}

static gboolean read_stream(Tsdl *p)
{
	TsdlStream s = {.at = p->tok.at};
	if (p->streams->len == CTF_STREAM_CLASSES_MAX)
		return ctf_tsdl_error(p, s.at, "more than %d streams", CTF_STREAM_CLASSES_MAX);
	if (!read_block(p, stream_entry, &s))
		return FALSE;
	g_array_append_val(p->streams, s);
	return TRUE;
}

/* ---- event: what it is called now, its fields when they are needed --------------------------------------------- */

static gboolean set_event_value(Tsdl *p, TsdlEvent *e, const TsdlValue *left, const TsdlValue *v)
{
	if (ctf_tsdl_path_is(left, TSDL_W_MODEL, TSDL_W_EMF, TSDL_W_URI, TSDL_W_NONE))
		return ctf_tsdl_value_text(p, v, &e->emf_uri);
	if (left->n > 1)
		return TRUE;
	switch (left->names[0]->word) {
	case TSDL_W_NAME:
		return ctf_tsdl_value_text(p, v, &e->name);
	case TSDL_W_ID:
		return ctf_tsdl_value_u64(p, v, &e->id);
	case TSDL_W_STREAM_ID:
		e->has_stream_id = TRUE;
		return ctf_tsdl_value_u64(p, v, &e->stream_id);
	case TSDL_W_LOGLEVEL:
		e->has_log_level = v->kind == TSDL_VALUE_INT;
		e->log_level = (gint64)v->i;
		return TRUE;
	default:
		return TRUE;
	}
}

static gboolean scan_event_entry(Tsdl *p, TsdlEvent *e)
{
	TsdlValue left, v;
	if (ctf_tsdl_at_declaration(p))
		return ctf_tsdl_skim(p, &e->is_shared);
	if (!ctf_tsdl_path(p, &left))
		return FALSE;
	if (p->tok.kind == TSDL_TYPE_ASSIGN)
		return ctf_tsdl_skim(p, &e->is_shared);
	return ctf_tsdl_assigned(p, &v) && set_event_value(p, e, &left, &v);
}

static gboolean scan_event(Tsdl *p)
{
	TsdlEvent e = {.at = p->tok.at};
	if (p->events->len == CTF_EVENT_CLASSES_MAX)
		return ctf_tsdl_error(p, e.at, "more than %d events", CTF_EVENT_CLASSES_MAX);
	if (!ctf_tsdl_expect(p, '{', "a {"))
		return FALSE;
	e.body = p->tok.at;
	while (p->tok.kind != '}') {
		if (!scan_event_entry(p, &e))
			return FALSE;
	}
	e.body_len = (gsize)(p->tok.at - e.body);
	g_array_append_val(p->events, e);
	ctf_tsdl_next(p);
	return ctf_tsdl_expect(p, ';', "a ;");
}

typedef struct {
	TsdlType *context, *fields;
} EventTypes;

static gboolean event_entry(Tsdl *p, const TsdlValue *left, gpointer user)
{
	EventTypes *types = user;
	if (ctf_tsdl_path_is(left, TSDL_W_CONTEXT, TSDL_W_NONE))
		return read_type(p, left, &types->context);
	if (ctf_tsdl_path_is(left, TSDL_W_FIELDS, TSDL_W_NONE))
		return read_type(p, left, &types->fields);
	return skip_entry(p);
}

/* Start afresh: an event whose fields made no sense may have left anything behind. */
static void reset(Tsdl *p)
{
	ctf_tsdl_scope_pop(p, 0);
	g_array_set_size(p->stack, 0);
	p->depth = 0;
}

static gboolean read_event(Tsdl *p, const CtfEventClass *ec)
{
	EventTypes types = {NULL, NULL};
	const CtfStreamClass *sc = ec->stream_class;
	p->trees[CTF_SCOPE_PACKET_HEADER] = p->m->packet_header;
	p->trees[CTF_SCOPE_PACKET_CONTEXT] = sc->packet_context;
	p->trees[CTF_SCOPE_EVENT_HEADER] = sc->event_header;
	p->trees[CTF_SCOPE_COMMON_CONTEXT] = sc->common_context;
	p->trees[CTF_SCOPE_PAYLOAD] = NULL;
	ctf_tsdl_seek(p, ec->body, (const char *)ec->body + ec->body_len);
	ctf_tsdl_scope_push(p);
	return read_entries(p, TSDL_END, event_entry, &types) &&
	       ctf_tsdl_build(p, types.context, CTF_SCOPE_SPECIFIC_CONTEXT) &&
	       ctf_tsdl_build(p, types.fields, CTF_SCOPE_PAYLOAD);
}

static gboolean load_event(CtfMetadata *m, CtfEventClass *ec, GError **error)
{
	Tsdl *p = m->front_end;
	gboolean ok = !ec->body || read_event(p, ec);
	if (ok && ec->body) {
		ec->spec_context = p->trees[CTF_SCOPE_SPECIFIC_CONTEXT];
		ec->payload = p->trees[CTF_SCOPE_PAYLOAD];
	}
	reset(p);
	if (!ok)
		g_propagate_error(error, g_steal_pointer(&p->error));
	return ok;
}

/* ---- After all blocks ---------------------------------------------------------------------------------------- */

static gboolean finish_trace(Tsdl *p)
{
	if (!p->has_trace)
		return ctf_tsdl_error(p, p->m->text, "expected a trace block, found none");
	if (!ctf_tsdl_build(p, p->packet_header, CTF_SCOPE_PACKET_HEADER))
		return FALSE;
	p->m->packet_header = p->trees[CTF_SCOPE_PACKET_HEADER];
	return ctf_tsdl_trace_roles(p);
}

static gboolean finish_stream(Tsdl *p, const TsdlStream *s)
{
	CtfStreamClass *sc = ctf_metadata_add_stream_class(p->m, s->id, &p->error);
	if (!sc)
		return FALSE;
	memset(&p->trees[CTF_SCOPE_PACKET_CONTEXT], 0,
	       (CTF_SCOPE_COUNT - CTF_SCOPE_PACKET_CONTEXT) * sizeof p->trees[0]);
	if (!ctf_tsdl_build(p, s->packet_context, CTF_SCOPE_PACKET_CONTEXT) ||
	    !ctf_tsdl_build(p, s->event_header, CTF_SCOPE_EVENT_HEADER) ||
	    !ctf_tsdl_build(p, s->common_context, CTF_SCOPE_COMMON_CONTEXT))
		return FALSE;
	sc->packet_context = p->trees[CTF_SCOPE_PACKET_CONTEXT];
	sc->event_header = p->trees[CTF_SCOPE_EVENT_HEADER];
	sc->common_context = p->trees[CTF_SCOPE_COMMON_CONTEXT];
	return ctf_tsdl_stream_roles(p, sc, s);
}

static gboolean finish_streams(Tsdl *p)
{
	const TsdlStream implied = {.at = p->m->text};
	for (guint i = 0; i < p->streams->len; i++) {
		if (!finish_stream(p, &g_array_index(p->streams, TsdlStream, i)))
			return FALSE;
	}
	/* Events need no stream block if there is but one stream with nothing to say. */
	if (p->streams->len == 0 && p->events->len && !finish_stream(p, &implied))
		return FALSE;
	const CtfFc *id = ctf_fc_member(p->m->packet_header, "stream_id");
	if (!id && p->streams->len > 1)
		return ctf_tsdl_error(p, g_array_index(p->streams, TsdlStream, 1).at,
		                      "a second stream, but the packet header has no stream_id to tell them apart");
	return TRUE;
}

static CtfStreamClass *stream_of_event(Tsdl *p, const TsdlEvent *e)
{
	CtfMetadata *m = p->m;
	if (!e->has_stream_id && m->stream_classes->len == 1)
		return g_ptr_array_index(m->stream_classes, 0);
	CtfStreamClass *sc = ctf_metadata_stream_class(m, e->stream_id);
	if (!sc)
		ctf_tsdl_error(p, e->at, "event of stream %" G_GUINT64_FORMAT ", which is not declared", e->stream_id);
	return sc;
}

static gboolean finish_event(Tsdl *p, const TsdlEvent *e)
{
	CtfStreamClass *sc = stream_of_event(p, e);
	CtfEventClass *ec = sc ? ctf_metadata_add_event_class(sc, e->id, e->name, &p->error) : NULL;
	if (!ec)
		return FALSE;
	if (sc->event_classes->len == 2 && !ctf_fc_member(sc->event_header, "id"))
		return ctf_tsdl_error(p, e->at, "a second event, but the event header has no id to tell them apart");
	ec->has_log_level = e->has_log_level;
	ec->log_level = e->log_level;
	ec->emf_uri = e->emf_uri;
	ec->body = e->body;
	ec->body_len = e->body_len;
	/* Headers are decoded before an event is known, so what events name in them must be known before any is. */
	if (e->is_shared)
		ctf_event_class_load(ec, NULL);
	return TRUE;
}

static gboolean finish_events(Tsdl *p)
{
	for (guint i = 0; i < p->events->len; i++) {
		if (!finish_event(p, &g_array_index(p->events, TsdlEvent, i)))
			return FALSE;
	}
	return TRUE;
}

/* LTTng's clocks count from the Unix epoch, whatever they say about it. */
static void fix_lttng_clocks(CtfMetadata *m)
{
	const char *tracer = ctf_metadata_env_text(m, "tracer_name");
	for (guint i = 0; tracer && g_str_has_prefix(tracer, "lttng") && i < m->clocks->len; i++)
		((CtfClock *)g_ptr_array_index(m->clocks, i))->absolute = TRUE;
}

/* ---- The whole ----------------------------------------------------------------------------------------------- */

static gboolean read_top(Tsdl *p)
{
	gboolean shared;
	if (ctf_tsdl_at_declaration(p))
		return ctf_tsdl_declaration(p);
	if (ctf_tsdl_accept_word(p, TSDL_W_EVENT))
		return scan_event(p);
	if (ctf_tsdl_accept_word(p, TSDL_W_STREAM))
		return read_stream(p);
	if (ctf_tsdl_accept_word(p, TSDL_W_CLOCK))
		return read_clock(p);
	if (ctf_tsdl_accept_word(p, TSDL_W_ENV))
		return read_block(p, env_entry, NULL);
	if (ctf_tsdl_accept_word(p, TSDL_W_TRACE))
		return read_trace(p);
	if (ctf_tsdl_accept_word(p, TSDL_W_CALLSITE))
		return ctf_tsdl_skim(p, &shared);
	return ctf_tsdl_accept(p, ';') || ctf_tsdl_expected(p, "a declaration or a block");
}

static gboolean parse(Tsdl *p)
{
	ctf_tsdl_seek(p, p->m->text, p->m->text + p->m->text_len);
	while (p->tok.kind != TSDL_END) {
		if (!read_top(p))
			return FALSE;
	}
	fix_lttng_clocks(p->m);
	return finish_trace(p) && finish_streams(p) && finish_events(p);
}

static void tsdl_free(gpointer data)
{
	Tsdl *p = data;
	g_clear_error(&p->error);
	g_free(p->names);
	g_array_unref(p->stack);
	g_array_unref(p->streams);
	g_array_unref(p->events);
	g_hash_table_unref(p->clocks);
	g_free(p);
}

static Tsdl *tsdl_new(CtfMetadata *m)
{
	Tsdl *p = g_new0(Tsdl, 1);
	p->m = m;
	p->stack = g_array_sized_new(FALSE, FALSE, sizeof(TsdlMemberDecl), 64);
	p->streams = g_array_new(FALSE, FALSE, sizeof(TsdlStream));
	p->events = g_array_new(FALSE, FALSE, sizeof(TsdlEvent));
	p->clocks = g_hash_table_new(NULL, NULL);
	ctf_tsdl_names_init(p);
	return p;
}

gboolean ctf_tsdl_parse(CtfMetadata *m, GError **error)
{
	Tsdl *p = tsdl_new(m);
	m->front_end = p;
	m->front_end_free = tsdl_free;
	m->load = load_event;
	if (parse(p))
		return TRUE;
	g_propagate_error(error, g_steal_pointer(&p->error));
	return FALSE;
}
