/* SPDX-License-Identifier: MIT */
#include "ctf/tsdl.h"

#include <stdlib.h>
#include <string.h>

/* ---- Indexes by name ----------------------------------------------------------------------------------------- */

#define FEW 8 /* as many are found as quickly without an index */

static int compare_entries(const void *a, const void *b)
{
	const TsdlIndexEntry *x = a, *y = b;
	return x->name < y->name ? -1 : x->name > y->name;
}

static TsdlIndexEntry *index_new(Tsdl *p, guint n)
{
	return n > FEW ? ctf_arena_new0(p->m->arena, TsdlIndexEntry, n) : NULL;
}

static void index_sort(TsdlIndexEntry *index, guint n)
{
	if (index)
		qsort(index, n, sizeof *index, compare_entries);
}

static gint index_find(const TsdlIndexEntry *index, guint n, const char *name)
{
	const TsdlIndexEntry key = {.name = name};
	const TsdlIndexEntry *found = bsearch(&key, index, n, sizeof *index, compare_entries);
	return found ? (gint)found->i : -1;
}

gint ctf_tsdl_member_index(const CtfFc *fc, const char *name)
{
	if (fc->n_members == 0)
		return -1;
	const TsdlMembers *members = (const void *)((const char *)fc->members - offsetof(TsdlMembers, items));
	if (members->index)
		return index_find(members->index, fc->n_members, name);
	for (guint i = 0; i < fc->n_members; i++) {
		if (fc->members[i].name == name)
			return (gint)i;
	}
	return -1;
}

gint ctf_tsdl_mapping_index(const CtfFc *fc, const char *label)
{
	if (fc->n_mappings == 0)
		return -1;
	const TsdlMappings *mappings = (const void *)((const char *)fc->mappings - offsetof(TsdlMappings, items));
	if (mappings->index)
		return index_find(mappings->index, fc->n_mappings, label);
	for (guint i = 0; i < fc->n_mappings; i++) {
		if (fc->mappings[i].label == label)
			return (gint)i;
	}
	return -1;
}

/* ---- Structures and variants --------------------------------------------------------------------------------- */

static gboolean push_member(Tsdl *p, TsdlName *name, TsdlType *type, const char *at)
{
	TsdlMemberDecl decl = {name, type};
	g_array_append_val(p->stack, decl);
	return TRUE;
}

static gboolean check_members(Tsdl *p, const TsdlType *t, const TsdlMemberDecl *decls, guint n)
{
	if (n > CTF_FIELDS_MAX)
		return ctf_tsdl_error(p, t->at, "more than %d members", CTF_FIELDS_MAX);
	guint64 mark = ++p->marks;
	for (guint i = 0; i < n; i++) {
		if (decls[i].name->mark == mark)
			return ctf_tsdl_error(p, t->at, "two members named \"%s\"", decls[i].name->text);
		decls[i].name->mark = mark;
	}
	return TRUE;
}

/* Make what is on the stack above `base` the members of `t`. */
static gboolean take_members(Tsdl *p, TsdlType *t, guint base)
{
	guint n = p->stack->len - base;
	const TsdlMemberDecl *decls = &g_array_index(p->stack, TsdlMemberDecl, base);
	if (!check_members(p, t, decls, n))
		return FALSE;
	TsdlMembers *members = ctf_arena_alloc(p->m->arena, sizeof(TsdlMembers) + n * sizeof(CtfMember));
	TsdlIndexEntry *index = index_new(p, n);
	t->types = ctf_arena_new0(p->m->arena, TsdlType *, n);
	for (guint i = 0; i < n; i++) {
		const char *name = decls[i].name->text;
		members->items[i] = (CtfMember){.name = name, .display = name + (*name == '_')};
		t->types[i] = decls[i].type;
		if (index)
			index[i] = (TsdlIndexEntry){name, i};
		if (!ctf_tsdl_type_contains(p, t, decls[i].type))
			return FALSE;
		if (t->fc.type == CTF_FC_STRUCT)
			t->fc.align = MAX(t->fc.align, decls[i].type->fc.align);
	}
	index_sort(index, n);
	members->index = index;
	t->fc.members = members->items;
	t->fc.n_members = n;
	g_array_set_size(p->stack, base);
	return TRUE;
}

/* `{ declarations }`: a scope of its own. */
static gboolean read_members(Tsdl *p, TsdlType *t)
{
	guint base = p->stack->len, scope = p->scope;
	if (!ctf_tsdl_expect(p, '{', "a {"))
		return FALSE;
	ctf_tsdl_scope_push(p);
	while (!ctf_tsdl_accept(p, '}')) {
		gboolean named = p->tok.word == TSDL_W_TYPEALIAS || p->tok.word == TSDL_W_TYPEDEF;
		if (!(named ? ctf_tsdl_declaration(p) : ctf_tsdl_declarators(p, push_member)))
			return FALSE;
	}
	ctf_tsdl_scope_pop(p, scope);
	return take_members(p, t, base);
}

/* The name after struct, variant or enum; NULL: it has none. */
static TsdlName *read_tag_name(Tsdl *p)
{
	TsdlName *name = NULL;
	if (p->tok.kind == TSDL_NAME && p->tok.word != TSDL_W_ALIGN) {
		name = p->tok.name;
		ctf_tsdl_next(p);
	}
	return name;
}

/* The type declared before under that name, as a copy of its own. */
static TsdlType *find_declared(Tsdl *p, TsdlNamespace ns, const TsdlName *name, const char *at, const char *what)
{
	if (!name) {
		ctf_tsdl_expected(p, "a {");
		return NULL;
	}
	TsdlType *type = ctf_tsdl_lookup(p, ns, name);
	if (!type)
		ctf_tsdl_error(p, at, "no %s is named \"%s\" here", what, name->text);
	return type;
}

static gboolean read_struct_align(Tsdl *p, TsdlType *t)
{
	guint align;
	if (p->tok.kind != TSDL_NAME || p->tok.word != TSDL_W_ALIGN)
		return TRUE;
	if (!ctf_tsdl_align(p, &align))
		return FALSE;
	t->fc.align = MAX(t->fc.align, align);
	return TRUE;
}

TsdlType *ctf_tsdl_struct(Tsdl *p)
{
	const char *at = p->tok.at;
	ctf_tsdl_next(p);
	TsdlName *name = read_tag_name(p);
	if (p->tok.kind != '{') {
		TsdlType *type = find_declared(p, TSDL_NS_STRUCT, name, at, "struct");
		if (!type || p->tok.word != TSDL_W_ALIGN)
			return type;
		type = ctf_tsdl_type_copy(p, type);
		return type && read_struct_align(p, type) ? type : NULL;
	}
	TsdlType *t = ctf_tsdl_type_new(p, CTF_FC_STRUCT, at);
	if (!t || !read_members(p, t) || !read_struct_align(p, t))
		return NULL;
	if (name && !ctf_tsdl_declare(p, TSDL_NS_STRUCT, name, t, at))
		return NULL;
	return t;
}

/* <tag>, if it is there. */
static gboolean read_tag(Tsdl *p, TsdlRef **ref)
{
	TsdlValue path;
	*ref = NULL;
	if (!ctf_tsdl_accept(p, '<'))
		return TRUE;
	return ctf_tsdl_path(p, &path) && ctf_tsdl_expect(p, '>', "a >") && (*ref = ctf_tsdl_ref_new(p, &path));
}

TsdlType *ctf_tsdl_variant(Tsdl *p)
{
	TsdlRef *ref;
	const char *at = p->tok.at;
	ctf_tsdl_next(p);
	TsdlName *name = read_tag_name(p);
	if (!read_tag(p, &ref))
		return NULL;
	if (p->tok.kind != '{') {
		TsdlType *type = find_declared(p, TSDL_NS_VARIANT, name, at, "variant");
		if (!type || !ref || !(type = ctf_tsdl_type_copy(p, type)))
			return type;
		type->ref = ref;
		return type;
	}
	TsdlType *t = ctf_tsdl_type_new(p, CTF_FC_VARIANT, at);
	if (!t || !read_members(p, t))
		return NULL;
	t->ref = ref;
	if (name && !ctf_tsdl_declare(p, TSDL_NS_VARIANT, name, t, at))
		return NULL;
	return t;
}

TsdlRef *ctf_tsdl_ref_new(Tsdl *p, const TsdlValue *v)
{
	static const TsdlWord scopes[CTF_SCOPE_COUNT][3] = {
	        [CTF_SCOPE_PACKET_HEADER] = {TSDL_W_TRACE, TSDL_W_PACKET, TSDL_W_HEADER},
	        [CTF_SCOPE_PACKET_CONTEXT] = {TSDL_W_STREAM, TSDL_W_PACKET, TSDL_W_CONTEXT},
	        [CTF_SCOPE_EVENT_HEADER] = {TSDL_W_STREAM, TSDL_W_EVENT, TSDL_W_HEADER},
	        [CTF_SCOPE_COMMON_CONTEXT] = {TSDL_W_STREAM, TSDL_W_EVENT, TSDL_W_CONTEXT},
	        [CTF_SCOPE_SPECIFIC_CONTEXT] = {TSDL_W_EVENT, TSDL_W_CONTEXT},
	        [CTF_SCOPE_PAYLOAD] = {TSDL_W_EVENT, TSDL_W_FIELDS},
	};
	int scope = -1;
	guint skip = 0;
	for (int s = 0; s < CTF_SCOPE_COUNT && scope < 0; s++) {
		guint n = scopes[s][2] ? 3 : 2, i = 0;
		while (i < n && v->n > n && v->names[i]->word == scopes[s][i])
			i++;
		if (i == n) {
			scope = s;
			skip = n;
		}
	}
	if (!ctf_tsdl_count(p, v->at, 1))
		return NULL;
	guint n = v->n - skip;
	TsdlRef *ref = ctf_arena_alloc(p->m->arena, sizeof(TsdlRef) + n * sizeof(TsdlName *));
	*ref = (TsdlRef){.at = v->at, .scope = scope, .n = n};
	memcpy(ref->names, v->names + skip, n * sizeof(TsdlName *));
	return ref;
}

/* ---- Enumerations -------------------------------------------------------------------------------------------- */

typedef struct {
	TsdlName *label;
	CtfRange range;
} Enumerator;

/* The value that the next label has if none is written. */
typedef struct {
	gboolean is_signed;
	gboolean overflown;
	guint64 value;
} Counter;

static void count_from(Counter *c, guint64 upper)
{
	c->overflown = upper == (c->is_signed ? (guint64)G_MAXINT64 : G_MAXUINT64);
	c->value = upper + 1;
}

static gboolean read_enum_value(Tsdl *p, const Counter *c, guint64 *out)
{
	TsdlValue v = {.at = p->tok.at};
	if (p->tok.kind == TSDL_NAME || p->tok.kind == TSDL_TEXT)
		return ctf_tsdl_expected(p, "a number");
	if (!ctf_tsdl_value(p, &v))
		return FALSE;
	gint64 i;
	if (!c->is_signed)
		return ctf_tsdl_value_u64(p, &v, out);
	if (!ctf_tsdl_value_i64(p, &v, &i))
		return FALSE;
	*out = (guint64)i;
	return TRUE;
}

static gboolean read_range(Tsdl *p, Counter *c, CtfRange *r)
{
	const char *at = p->tok.at;
	*r = (CtfRange){.lower = c->value, .upper = c->value, .is_signed = c->is_signed};
	if (ctf_tsdl_accept(p, '=')) {
		if (!read_enum_value(p, c, &r->lower))
			return FALSE;
		r->upper = r->lower;
		if (ctf_tsdl_accept(p, TSDL_ELLIPSIS) && !read_enum_value(p, c, &r->upper))
			return FALSE;
	} else if (c->overflown) {
		return ctf_tsdl_error(p, at, "a value of more than 64 bits");
	}
	if (c->is_signed ? (gint64)r->lower > (gint64)r->upper : r->lower > r->upper)
		return ctf_tsdl_error(p, at, "a range that ends before it begins");
	count_from(c, r->upper);
	return TRUE;
}

static gboolean read_enumerators(Tsdl *p, gboolean is_signed, GArray *list)
{
	Counter counter = {.is_signed = is_signed};
	if (!ctf_tsdl_expect(p, '{', "a {"))
		return FALSE;
	while (p->tok.kind != '}') {
		Enumerator e = {.label = p->tok.name};
		if (p->tok.kind != TSDL_NAME && p->tok.kind != TSDL_TEXT)
			return ctf_tsdl_expected(p, "a label");
		if (list->len == TSDL_LABELS_MAX)
			return ctf_tsdl_error(p, p->tok.at, "more than %u labels", TSDL_LABELS_MAX);
		ctf_tsdl_next(p);
		if (!read_range(p, &counter, &e.range))
			return FALSE;
		g_array_append_val(list, e);
		if (!ctf_tsdl_accept(p, ','))
			break;
	}
	return ctf_tsdl_expect(p, '}', "a , or }");
}

/* Number the different labels (TsdlName.note), in the order of their first range. Gives how many there are. */
static guint number_labels(Tsdl *p, const Enumerator *list, guint n)
{
	guint64 mark = ++p->marks;
	guint n_labels = 0;
	for (guint i = 0; i < n; i++) {
		if (list[i].label->mark == mark)
			continue;
		list[i].label->mark = mark;
		list[i].label->note = n_labels++;
	}
	return n_labels;
}

/* A label may have several ranges: `a = 1, b = 2, a = 3`. */
static void make_mappings(Tsdl *p, TsdlType *t, const Enumerator *list, guint n)
{
	guint n_labels = number_labels(p, list, n);
	TsdlMappings *mappings = ctf_arena_alloc(p->m->arena, sizeof(TsdlMappings) + n_labels * sizeof(CtfMapping));
	TsdlIndexEntry *index = index_new(p, n_labels);
	CtfRange *ranges = ctf_arena_new0(p->m->arena, CtfRange, n);
	for (guint i = 0; i < n; i++)
		mappings->items[list[i].label->note].n_ranges++;
	for (guint i = 0; i < n; i++) {
		guint k = (guint)list[i].label->note;
		CtfMapping *mapping = &mappings->items[k];
		if (!mapping->label) {
			mapping->label = list[i].label->text;
			mapping->ranges = ranges;
			ranges += mapping->n_ranges;
			mapping->n_ranges = 0;
			if (index)
				index[k] = (TsdlIndexEntry){mapping->label, k};
		}
		mapping->ranges[mapping->n_ranges++] = list[i].range;
	}
	index_sort(index, n_labels);
	mappings->index = index;
	t->fc.mappings = mappings->items;
	t->fc.n_mappings = n_labels;
}

/* `: type`; without it the type `int` must have been declared. */
static TsdlType *read_container(Tsdl *p, const char *at)
{
	TsdlType *type;
	if (ctf_tsdl_accept(p, ':')) {
		type = ctf_tsdl_type(p);
	} else {
		const TsdlName *name = ctf_tsdl_intern(p, "int", 3);
		type = name ? ctf_tsdl_lookup(p, TSDL_NS_ALIAS, name) : NULL;
		if (!type)
			ctf_tsdl_error(p, at,
			               "an enumeration without an integer type, and no type is named \"int\" here");
	}
	if (type && type->fc.type != CTF_FC_INT) {
		ctf_tsdl_error(p, at, "an enumeration's type must be an integer");
		return NULL;
	}
	return type ? ctf_tsdl_type_copy(p, type) : NULL;
}

TsdlType *ctf_tsdl_enum(Tsdl *p)
{
	const char *at = p->tok.at;
	ctf_tsdl_next(p);
	TsdlName *name = read_tag_name(p);
	if (p->tok.kind != '{' && p->tok.kind != ':')
		return find_declared(p, TSDL_NS_ENUM, name, at, "enum");
	TsdlType *t = read_container(p, at);
	if (!t)
		return NULL;
	g_autoptr(GArray) list = g_array_new(FALSE, FALSE, sizeof(Enumerator));
	if (!read_enumerators(p, t->fc.is_signed, list) || !ctf_tsdl_count(p, at, list->len))
		return NULL;
	t->at = at;
	t->fc.is_enum = TRUE;
	make_mappings(p, t, (const Enumerator *)(void *)list->data, list->len);
	if (name && !ctf_tsdl_declare(p, TSDL_NS_ENUM, name, t, at))
		return NULL;
	return t;
}
