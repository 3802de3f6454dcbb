/* SPDX-License-Identifier: MIT */
/*
 * Field locations (2 §5.3.1, §6.4.2), resolved while a tree is being built, in the order in which its fields are decoded: what is not
 * built yet is what is not decoded yet, and what lies on the spine is what is being decoded.
 *
 * A variant on the way makes one name stand for a field in each of its options, of which a packet has one. So the walk goes on
 * with a set of field classes.
 */
#include "ctf/json.h"

#include <string.h>

#define CANDIDATES_MAX 256 /* fields that one location may stand for */

static const struct {
	const char *name;
	CtfScope scope;
} origins[] = {
        {"packet-header", CTF_SCOPE_PACKET_HEADER},
        {"packet-context", CTF_SCOPE_PACKET_CONTEXT},
        {"event-record-header", CTF_SCOPE_EVENT_HEADER},
        {"event-record-common-context", CTF_SCOPE_COMMON_CONTEXT},
        {"event-record-specific-context", CTF_SCOPE_SPECIFIC_CONTEXT},
        {"event-record-payload", CTF_SCOPE_PAYLOAD},
};

static gboolean on_spine(const CtfJsonReader *r, const CtfFc *fc)
{
	for (guint i = 0; i < r->depth; i++)
		if (r->spine[i] == fc)
			return TRUE;
	return FALSE;
}

static gboolean is_int(const CtfFc *fc)
{
	return fc->type == CTF_FC_INT || fc->type == CTF_FC_VARINT;
}

/* What a member's field can be once variants, optionals and the elements being decoded are looked through. */
static gboolean expand(CtfJsonReader *r, CtfFc *fc, guint *budget, GPtrArray *out)
{
	if (!fc)
		return TRUE;
	if (!*budget)
		return FALSE;
	--*budget;
	switch (fc->type) {
	case CTF_FC_OPTIONAL:
		return expand(r, fc->element, budget, out);
	case CTF_FC_ARRAY:
	case CTF_FC_SEQUENCE:
		return !on_spine(r, fc) || expand(r, fc->element, budget, out);
	case CTF_FC_VARIANT:
		if (on_spine(r, fc))
			return !fc->n_members || expand(r, fc->members[fc->n_members - 1].fc, budget, out);
		for (guint i = 0; i < fc->n_members; i++)
			if (!expand(r, fc->members[i].fc, budget, out))
				return FALSE;
		return TRUE;
	default:
		g_ptr_array_add(out, fc);
		return TRUE;
	}
}

static CtfFc *member_of(const CtfFc *fc, const char *name)
{
	for (guint i = 0; fc->type == CTF_FC_STRUCT && i < fc->n_members; i++)
		if (fc->members[i].name == name) /* both interned */
			return fc->members[i].fc;
	return NULL;
}

static gboolean step_down(CtfJsonReader *r, const CtfJson *element, const GPtrArray *from, GPtrArray *to)
{
	guint budget = CANDIDATES_MAX;
	const char *name = ctf_json_text(r, element, "an element of a path");
	if (!name)
		return FALSE;
	for (guint i = 0; i < from->len; i++) {
		const CtfFc *fc = g_ptr_array_index(from, i);
		if (!ctf_json_spend(r, element, fc->n_members))
			return FALSE;
		if (!expand(r, member_of(fc, name), &budget, to))
			return ctf_json_fail(r, element, "\"%s\" stands for more than %d fields", name, CANDIDATES_MAX);
	}
	return to->len || ctf_json_fail(r, element, "no field \"%s\" comes before this one there", name);
}

static gboolean step_up(CtfJsonReader *r, const CtfJson *element, const GPtrArray *from, GPtrArray *to)
{
	if (!ctf_json_spend(r, element, from->len * from->len))
		return FALSE;
	for (guint i = 0; i < from->len; i++) {
		CtfFc *parent = g_hash_table_lookup(r->parents, g_ptr_array_index(from, i));
		if (parent && !g_ptr_array_find(to, parent, NULL))
			g_ptr_array_add(to, parent);
	}
	return to->len || ctf_json_fail(r, element, "no structure is around the one that this null leaves");
}

static gboolean origin_of(CtfJsonReader *r, const CtfJson *location, GPtrArray *set)
{
	const CtfJson *origin = ctf_json_get(r->m, location, "origin");
	CtfFc *fc = NULL;
	if (!origin) {
		for (guint i = r->depth; i-- && !fc;)
			fc = r->spine[i]->type == CTF_FC_STRUCT ? r->spine[i] : NULL;
		g_ptr_array_add(set, fc);
		return fc || ctf_json_fail(r, location, "no structure is around this field");
	}
	for (guint i = 0; i < G_N_ELEMENTS(origins); i++) {
		if (!ctf_json_is(r->m, origin, origins[i].name))
			continue;
		fc = r->trees[origins[i].scope];
		g_ptr_array_add(set, fc);
		return fc || ctf_json_fail(r, origin, "there is no %s before this field", origins[i].name);
	}
	return ctf_json_fail(r, origin, "this is no origin of a field location");
}

static gboolean walk(CtfJsonReader *r, const CtfJson *location, GPtrArray *found)
{
	g_autoptr(GPtrArray) set = g_ptr_array_new();
	const CtfJson *path = ctf_json_need(r, location, "path");
	if (!path || !ctf_json_expect(r, path, CTF_JSON_ARRAY, "a path") || !origin_of(r, location, set))
		return FALSE;
	if (!path->n)
		return ctf_json_fail(r, path, "a path must not be empty");
	if (!ctf_json_spend(r, location, location->n + 16 * path->n))
		return FALSE;
	const CtfJson *element = path + 1;
	for (guint i = 0; i < path->n; i++, element = ctf_json_next(element)) {
		g_ptr_array_set_size(found, 0);
		if (!(element->type == CTF_JSON_NULL ? step_up : step_down)(r, element, set, found))
			return FALSE;
		g_ptr_array_set_size(set, 0);
		g_ptr_array_extend(set, found, NULL, NULL);
	}
	return TRUE;
}

static CtfFc *slot_root(CtfFc *fc)
{
	while (fc->slot_fc)
		fc = fc->slot_fc;
	return fc;
}

gboolean ctf_json_find(CtfJsonReader *r, const CtfJson *location, CtfFc **found_out)
{
	g_autoptr(GPtrArray) found = g_ptr_array_new();
	if (!ctf_json_expect(r, location, CTF_JSON_OBJECT, "a field location") || !walk(r, location, found))
		return FALSE;
	CtfFc *first = g_ptr_array_index(found, 0);
	for (guint i = 0; i < found->len; i++) {
		CtfFc *fc = g_ptr_array_index(found, i);
		if (!is_int(fc) || fc->is_bit_array)
			return ctf_json_fail(r, location, "this must name an integer or a boolean");
		if (fc->is_signed != first->is_signed || fc->is_boolean != first->is_boolean)
			return ctf_json_fail(r, location, "this names fields of different types");
		fc->is_referenced = TRUE;
		CtfFc *root = slot_root(first), *own = slot_root(fc);
		if (own != root)
			own->slot_fc = root;
	}
	*found_out = first;
	return TRUE;
}
