/* SPDX-License-Identifier: MIT */
#include "ctf/plan.h"

#include <string.h>

#define TABLE_MAX 65536u

static void class_plan_free(gpointer data)
{
	CtfClassPlan *cp = data;
	if (!cp)
		return;
	ctf_program_free(cp->program);
	g_free(cp);
}

/* ---- LTTng's headers ------------------------------------------------------------------------------------------ */

static gboolean is_int(const CtfFc *fc, guint size, CtfRole role, guint align_max)
{
	return fc->type == CTF_FC_INT && fc->size == size && fc->role == role && fc->align <= align_max && !fc->is_signed &&
	       !fc->big_endian && !fc->reverse_bits;
}

/* The struct { timestamp } that goes with a short id. */
static gboolean is_short_option(const CtfMember *m, guint time_bits, guint align_max)
{
	return m->fc->type == CTF_FC_STRUCT && m->fc->align <= align_max && m->fc->n_members == 1 &&
	       is_int(m->fc->members[0].fc, time_bits, CTF_ROLE_TIMESTAMP, align_max);
}

/* The struct { 32 bit id; 64 bit timestamp } that follows the escape value. */
static gboolean is_full_option(const CtfMember *m)
{
	return m->fc->type == CTF_FC_STRUCT && m->fc->align <= 8 && m->fc->n_members == 2 &&
	       is_int(m->fc->members[0].fc, 32, CTF_ROLE_EVENT_CLASS_ID, 8) && m->fc->members[0].fc->align == 8 &&
	       is_int(m->fc->members[1].fc, 64, CTF_ROLE_TIMESTAMP, 8);
}

static gboolean holds_only(const CtfMember *m, guint64 lower, guint64 upper)
{
	return m->n_ranges == 1 && m->ranges[0].lower == lower && m->ranges[0].upper == upper;
}

static gboolean is_lttng_header(const CtfFc *h, guint id_bits, guint time_bits, guint align_max)
{
	if (!h || h->type != CTF_FC_STRUCT || h->align != 8 || h->n_members != 2)
		return FALSE;
	const CtfFc *id = h->members[0].fc, *v = h->members[1].fc;
	guint64 escape = (1ull << id_bits) - 1;
	return is_int(id, id_bits, CTF_ROLE_EVENT_CLASS_ID, 8) && v->type == CTF_FC_VARIANT && v->align <= align_max &&
	       v->selector_fc == id && v->n_members == 2 && holds_only(&v->members[0], 0, escape - 1) &&
	       holds_only(&v->members[1], escape, escape) && is_short_option(&v->members[0], time_bits, align_max) &&
	       is_full_option(&v->members[1]);
}

static CtfHeaderKind header_kind(const CtfFc *h)
{
	if (is_lttng_header(h, 5, 27, 1))
		return CTF_HEADER_COMPACT;
	return is_lttng_header(h, 16, 32, 8) ? CTF_HEADER_LARGE : CTF_HEADER_GENERIC;
}

/* ---- Plans ---------------------------------------------------------------------------------------------------- */

CtfStreamPlan *ctf_stream_plan_new(CtfStreamClass *sc, const CtfReader *reader)
{
	CtfStreamPlan *plan = g_new0(CtfStreamPlan, 1);
	guint64 max_id = 0;
	for (guint i = 0; i < sc->event_classes->len; i++) {
		const CtfEventClass *ec = g_ptr_array_index(sc->event_classes, i);
		if (ec->id < TABLE_MAX)
			max_id = MAX(max_id, ec->id);
	}
	plan->stream_class = sc;
	plan->reader = reader;
	plan->known = (CtfKnown){1, 0};
	plan->kind = header_kind(sc->event_header);
	if (sc->event_header)
		plan->header = ctf_program_header(sc->event_header, &plan->known);
	plan->table_len = max_id + 1;
	plan->table = g_new0(CtfPlanEntry, plan->table_len);
	plan->others = g_hash_table_new_full(g_int64_hash, g_int64_equal, g_free, class_plan_free);
	return plan;
}

void ctf_stream_plan_free(CtfStreamPlan *plan)
{
	if (!plan)
		return;
	for (guint64 i = 0; i < plan->table_len; i++)
		class_plan_free(plan->table[i].plan);
	g_free(plan->table);
	g_hash_table_unref(plan->others);
	ctf_program_free(plan->header);
	g_free(plan);
}

/* Follow "a.b.c" down from a tree. */
static const CtfFc *descend(const CtfFc *fc, const char *path)
{
	for (const char *rest = path; fc && *rest;) {
		const char *dot = strchr(rest, '.');
		g_autofree char *name = dot ? g_strndup(rest, (gsize)(dot - rest)) : g_strdup(rest);
		fc = ctf_fc_member(fc, name);
		rest = dot ? dot + 1 : rest + strlen(rest);
	}
	return fc;
}

const CtfFc *ctf_event_class_field(const CtfEventClass *ec, const CtfWant *want)
{
	const CtfStreamClass *sc = ec->stream_class;
	const CtfFc *trees[CTF_SCOPE_COUNT] = {[CTF_SCOPE_COMMON_CONTEXT] = sc->common_context,
	                                       [CTF_SCOPE_SPECIFIC_CONTEXT] = ec->spec_context,
	                                       [CTF_SCOPE_PAYLOAD] = ec->payload};
	if (!*want->name)
		return NULL;
	if (want->scope < CTF_SCOPE_COUNT)
		return descend(trees[want->scope], want->name);
	for (gint scope = CTF_SCOPE_PAYLOAD; scope >= CTF_SCOPE_COMMON_CONTEXT; scope--) {
		const CtfFc *fc = descend(trees[scope], want->name);
		if (fc)
			return fc;
	}
	return NULL;
}

static gboolean refers(const CtfEventClass *ec, CtfScope from, CtfScope before)
{
	const CtfFc *trees[] = {ec->stream_class->common_context, ec->spec_context, ec->payload};
	for (guint i = 0; i < G_N_ELEMENTS(trees); i++)
		if (ctf_fc_refers_between(trees[i], from, before))
			return TRUE;
	return FALSE;
}

static gboolean prepare_class(CtfEventClass *ec, GError **error)
{
	CtfMetadata *m = ec->stream_class->metadata;
	if (!ctf_event_class_load(ec, error))
		return FALSE;
	if (ec->compiled)
		return TRUE;
	guint next = m->shared_slots;
	if (!ctf_slots_assign(ec->spec_context, &next) || !ctf_slots_assign(ec->payload, &next)) {
		g_set_error(error, ST_ERROR, ST_ERROR_LIMIT, "%s: event \"%s\": more than %d lengths and selectors", m->path, ec->name,
		            CTF_SLOTS_MAX);
		return FALSE;
	}
	ec->needs_packet = refers(ec, CTF_SCOPE_PACKET_HEADER, CTF_SCOPE_EVENT_HEADER) ||
	                   ctf_fc_refers_between(ec->stream_class->event_header, CTF_SCOPE_PACKET_HEADER, CTF_SCOPE_EVENT_HEADER);
	ec->needs_header = refers(ec, CTF_SCOPE_EVENT_HEADER, CTF_SCOPE_COMMON_CONTEXT);
	ec->compiled = TRUE;
	return TRUE;
}

/* Those that the decoder has a loop of its own for come first. */
static gint plain_first(gconstpointer a, gconstpointer b)
{
	const CtfExtract *x = a, *y = b;
	return (x->kind != CTF_EXTRACT_LE) - (y->kind != CTF_EXTRACT_LE);
}

static void fill_fixed(CtfClassPlan *cp)
{
	g_autoptr(GArray) extracts = NULL;
	guint64 bits;
	cp->fixed_bits = CTF_NOT_FIXED;
	if (!ctf_program_fixed(cp->program, &bits, &extracts) || bits >= CTF_NOT_FIXED || extracts->len > CTF_WANTS_MAX)
		return;
	cp->fixed_bits = (guint32)bits;
	cp->n_extracts = (guint8)extracts->len;
	g_array_sort(extracts, plain_first);
	for (guint i = 0; i < extracts->len; i++) {
		cp->extracts[i] = g_array_index(extracts, CtfExtract, i);
		cp->n_plain += cp->extracts[i].kind == CTF_EXTRACT_LE;
		cp->present |= 1u << cp->extracts[i].out;
	}
	for (guint8 i = 0; i < cp->n; i++)
		if (!(cp->present >> i & 1))
			cp->absent[cp->n_absent++] = i;
}

static CtfClassPlan *class_plan_new(const CtfStreamPlan *plan, const CtfEventClass *ec)
{
	CtfSubscription sub = {0};
	const CtfFc *wanted[CTF_WANTS_MAX] = {0};
	const CtfFc *trees[] = {ec->stream_class->common_context, ec->spec_context, ec->payload};
	CtfKnown known = plan->known;
	CtfClassPlan *cp = g_new0(CtfClassPlan, 1);

	if (plan->reader->subscribe)
		plan->reader->subscribe(ec, &sub, plan->reader->user);
	cp->event = (guint16)ec->index;
	cp->tag = sub.tag;
	cp->skip = sub.skip;
	cp->reads_header = ec->needs_header && plan->kind != CTF_HEADER_GENERIC;
	cp->n = sub.skip ? 0 : (guint8)MIN(sub.n_wants, CTF_WANTS_MAX);
	for (guint i = 0; i < cp->n; i++)
		wanted[i] = ctf_event_class_field(ec, &sub.wants[i]);
	cp->program = ctf_program_new(trees, G_N_ELEMENTS(trees), (CtfOutputs){wanted, cp->n}, &known);
	fill_fixed(cp);
	return cp;
}

static CtfEventClass *class_of(const CtfStreamPlan *plan, guint64 id)
{
	const CtfStreamClass *sc = plan->stream_class;
	CtfEventClass *ec = ctf_stream_class_event(sc, id);
	return ec || plan->header || sc->event_classes->len != 1 ? ec : g_ptr_array_index(sc->event_classes, 0);
}

static const CtfClassPlan *make_locked(CtfStreamPlan *plan, guint64 id, GError **error)
{
	guint32 fixed_bits;
	const CtfClassPlan *known = ctf_stream_plan_get(plan, id, &fixed_bits);
	if (!known && id >= plan->table_len)
		known = g_hash_table_lookup(plan->others, &id);
	if (known)
		return known;
	CtfEventClass *ec = class_of(plan, id);
	if (!ec) {
		g_set_error(error, ST_ERROR, ST_ERROR_DATA, "no event class of the metadata has id %" G_GUINT64_FORMAT, id);
		return NULL;
	}
	if (!prepare_class(ec, error))
		return NULL;
	CtfClassPlan *cp = class_plan_new(plan, ec);
	if (id < plan->table_len) {
		plan->table[id].fixed_bits = cp->fixed_bits;
		__atomic_store_n(&plan->table[id].plan, cp, __ATOMIC_RELEASE);
	} else {
		g_hash_table_insert(plan->others, g_memdup2(&id, sizeof(id)), cp);
	}
	return cp;
}

const CtfClassPlan *ctf_stream_plan_make(CtfStreamPlan *plan, guint64 id, GError **error)
{
	CtfMetadata *m = plan->stream_class->metadata;
	g_rec_mutex_lock(&m->lock);
	const CtfClassPlan *cp = make_locked(plan, id, error);
	g_rec_mutex_unlock(&m->lock);
	return cp;
}
