/* SPDX-License-Identifier: MIT */
#include "ctf/tsdl.h"

/* ---- Fields that others name --------------------------------------------------------------------------------- */

/* The field at the end of a path that begins among the members of `fc`, if it has been built by now; NULL: none. */
static CtfFc *walk(CtfFc *fc, TsdlName *const *names, guint n)
{
	for (guint i = 0; i < n && fc; i++) {
		gint k = fc->type == CTF_FC_STRUCT || fc->type == CTF_FC_VARIANT
		                 ? ctf_tsdl_member_index(fc, names[i]->text)
		                 : -1;
		fc = k < 0 ? NULL : fc->members[k].fc;
	}
	return fc;
}

static CtfFc *find_field(const Tsdl *p, const TsdlRef *ref)
{
	if (ref->scope >= 0)
		return walk(p->trees[ref->scope], ref->names, ref->n);
	CtfFc *found = NULL;
	for (guint i = p->n_frames; i > 0 && !found; i--)
		found = walk(p->frames[i - 1], ref->names, ref->n);
	return found;
}

static CtfFc *resolve(Tsdl *p, const TsdlRef *ref, gboolean is_tag)
{
	CtfFc *fc = find_field(p, ref);
	if (!fc)
		ctf_tsdl_error(p, ref->at, "no such field before this one (\"%s\")", ref->names[ref->n - 1]->text);
	else if (is_tag && !fc->is_enum)
		ctf_tsdl_error(p, ref->at, "a variant's tag must be an enumeration");
	else if (!is_tag && (fc->type != CTF_FC_INT || fc->is_signed))
		ctf_tsdl_error(p, ref->at, "a length must be an unsigned integer");
	if (p->error)
		return NULL;
	fc->is_referenced = TRUE;
	return fc;
}

/* ---- Field classes ------------------------------------------------------------------------------------------- */

static gboolean build(Tsdl *p, const TsdlType *t, CtfFc **slot);

static gboolean set_clock(Tsdl *p, const TsdlType *t, CtfFc *fc)
{
	fc->clock = g_hash_table_lookup(p->clocks, t->clock);
	return fc->clock || ctf_tsdl_error(p, t->at, "no clock is named \"%s\"", t->clock->text);
}

/* `slot` of each member is set before its own members are built: absolute paths may lead back into it. */
static gboolean build_members(Tsdl *p, const TsdlType *t, CtfFc *fc)
{
	const TsdlMembers *from = (const void *)((const char *)t->fc.members - offsetof(TsdlMembers, items));
	TsdlMembers *members =
	        ctf_arena_memdup(p->m->arena, from, sizeof(TsdlMembers) + fc->n_members * sizeof(CtfMember));
	fc->members = members->items;
	for (guint i = 0; i < fc->n_members; i++) {
		if (!build(p, t->types[i], &fc->members[i].fc))
			return FALSE;
	}
	return TRUE;
}

static gboolean build_struct(Tsdl *p, const TsdlType *t, CtfFc *fc)
{
	p->frames[p->n_frames++] = fc;
	gboolean ok = build_members(p, t, fc);
	p->n_frames--;
	return ok;
}

/* Each option is chosen by the ranges of the label that has its name. */
static gboolean build_variant(Tsdl *p, const TsdlType *t, CtfFc *fc)
{
	if (!t->ref)
		return ctf_tsdl_error(p, t->at, "this variant has no tag");
	fc->selector_fc = resolve(p, t->ref, TRUE);
	if (!fc->selector_fc || !build_members(p, t, fc))
		return FALSE;
	for (guint i = 0; i < fc->n_members; i++) {
		gint k = ctf_tsdl_mapping_index(fc->selector_fc, fc->members[i].name);
		if (k < 0)
			continue;
		fc->members[i].ranges = fc->selector_fc->mappings[k].ranges;
		fc->members[i].n_ranges = fc->selector_fc->mappings[k].n_ranges;
	}
	return TRUE;
}

static gboolean build_array(Tsdl *p, const TsdlType *t, CtfFc *fc)
{
	if (t->ref && !(fc->length_fc = resolve(p, t->ref, FALSE)))
		return FALSE;
	return !t->element || build(p, t->element, &fc->element);
}

static gboolean build(Tsdl *p, const TsdlType *t, CtfFc **slot)
{
	CtfFc *fc = *slot = ctf_arena_memdup(p->m->arena, &t->fc, sizeof(CtfFc));
	fc->scope = (guint8)p->tree;
	switch (fc->type) {
	case CTF_FC_INT:
	case CTF_FC_FLOAT:
		fc->big_endian = (t->order == TSDL_ORDER_NATIVE ? p->order : t->order) == TSDL_ORDER_BIG;
		return !t->clock || set_clock(p, t, fc);
	case CTF_FC_STRUCT:
		return build_struct(p, t, fc);
	case CTF_FC_VARIANT:
		return build_variant(p, t, fc);
	default:
		return build_array(p, t, fc);
	}
}

gboolean ctf_tsdl_build(Tsdl *p, const TsdlType *type, CtfScope scope)
{
	p->trees[scope] = NULL;
	p->tree = scope;
	p->n_frames = 0;
	if (!type)
		return TRUE;
	if (type->fc.type != CTF_FC_STRUCT)
		return ctf_tsdl_error(p, type->at, "headers, contexts and fields must be structures");
	return ctf_tsdl_count(p, type->at, type->nodes) && build(p, type, &p->trees[scope]);
}
