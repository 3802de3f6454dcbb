/* SPDX-License-Identifier: MIT */
#include "ctf/tsdl.h"

#include <string.h>

/* ---- Declared names ------------------------------------------------------------------------------------------ */

TsdlType *ctf_tsdl_lookup(Tsdl *p, TsdlNamespace ns, const TsdlName *name)
{
	const TsdlSymbol *s = name->symbols[ns];
	return s ? s->type : NULL;
}

gboolean ctf_tsdl_declare(Tsdl *p, TsdlNamespace ns, TsdlName *name, TsdlType *type, const char *at)
{
	static const char *const what[TSDL_NS_COUNT] = {"type", "struct", "variant", "enum"};
	TsdlSymbol *old = name->symbols[ns];
	if (old && old->scope == p->scope)
		return ctf_tsdl_error(p, at, "%s %s is declared twice", what[ns], name->text);
	if (!ctf_tsdl_count(p, at, 1))
		return FALSE;
	TsdlSymbol *s = ctf_arena_new0(p->m->arena, TsdlSymbol, 1);
	*s = (TsdlSymbol){.name = name, .ns = ns, .scope = p->scope, .type = type, .shadowed = old, .below = p->top};
	name->symbols[ns] = s;
	p->top = s;
	return TRUE;
}

void ctf_tsdl_scope_push(Tsdl *p)
{
	p->scope++;
}

void ctf_tsdl_scope_pop(Tsdl *p, guint scope)
{
	while (p->top && p->top->scope > scope) {
		TsdlSymbol *s = p->top;
		s->name->symbols[s->ns] = s->shadowed;
		p->top = s->below;
	}
	p->scope = scope;
}

/* ---- Types --------------------------------------------------------------------------------------------------- */

TsdlType *ctf_tsdl_type_new(Tsdl *p, CtfFcType type, const char *at)
{
	if (!ctf_tsdl_count(p, at, 1))
		return NULL;
	TsdlType *t = ctf_arena_new0(p->m->arena, TsdlType, 1);
	t->fc = (CtfFc){.type = type, .align = 1, .slot = -1, .base = 10};
	t->at = at;
	t->depth = 1;
	t->nodes = 1;
	return t;
}

TsdlType *ctf_tsdl_type_copy(Tsdl *p, const TsdlType *type)
{
	TsdlType *t = ctf_tsdl_type_new(p, type->fc.type, type->at);
	if (t)
		*t = *type;
	return t;
}

gboolean ctf_tsdl_type_contains(Tsdl *p, TsdlType *t, const TsdlType *child)
{
	t->depth = MAX(t->depth, child->depth + 1);
	t->nodes += child->nodes;
	if (t->depth > CTF_DEPTH_MAX)
		return ctf_tsdl_error(p, t->at, "types nested more than %d deep", CTF_DEPTH_MAX);
	if (t->nodes > TSDL_TREE_MAX)
		return ctf_tsdl_error(p, t->at, "a type with more than %u fields in it", TSDL_TREE_MAX);
	return TRUE;
}

/* ---- Specifiers ---------------------------------------------------------------------------------------------- */

/* What stands before the names: a type, or the name of one that pointers may still change. */
typedef struct {
	const char *at;
	TsdlType *type; /* NULL: see `name` */
	TsdlName *name;
} Specifiers;

/* Append the current token to a type's name, which starts with `*name` (NULL: with nothing). */
static gboolean append_to_name(Tsdl *p, TsdlName **name)
{
	if (!*name) {
		*name = p->tok.name;
	} else {
		gsize len = (gsize)(p->tok.end - p->tok.at);
		if ((*name)->len + len > 1000)
			return ctf_tsdl_error(p, p->tok.at, "a type's name of more than 1000 characters");
		g_autofree char *text = g_strdup_printf("%s %.*s", (*name)->text, (int)len, p->tok.at);
		*name = ctf_tsdl_intern(p, text, strlen(text));
	}
	ctf_tsdl_next(p);
	return *name != NULL && p->tok.kind != TSDL_BAD;
}

static gboolean is_c_word(const Tsdl *p)
{
	return p->tok.kind == TSDL_NAME && p->tok.word != TSDL_W_NONE && p->tok.word <= TSDL_W_LAST_C_TYPE;
}

/* `unsigned long`, `const char`, `uint8_t`: words of C, or one other name. */
static gboolean read_type_name(Tsdl *p, TsdlName **name)
{
	gboolean complete = FALSE;
	*name = NULL;
	while (is_c_word(p)) {
		complete |= p->tok.word != TSDL_W_CONST;
		if (!append_to_name(p, name))
			return FALSE;
	}
	if (complete)
		return TRUE;
	if (p->tok.kind != TSDL_NAME || (p->tok.word != TSDL_W_NONE && p->tok.word <= TSDL_W_LAST_RESERVED))
		return ctf_tsdl_expected(p, "a type");
	return append_to_name(p, name);
}

static gboolean read_pointers(Tsdl *p, TsdlName **name)
{
	gboolean first = TRUE;
	for (; p->tok.kind == '*' || (!first && p->tok.kind == TSDL_NAME && p->tok.word == TSDL_W_CONST);
	     first = FALSE) {
		if (!*name)
			return ctf_tsdl_error(p, p->tok.at, "only types with names can have pointers");
		if (!append_to_name(p, name))
			return FALSE;
	}
	return TRUE;
}

static TsdlType *dispatch(Tsdl *p)
{
	switch (p->tok.word) {
	case TSDL_W_INTEGER:
		return ctf_tsdl_integer(p);
	case TSDL_W_FLOATING_POINT:
		return ctf_tsdl_floating_point(p);
	case TSDL_W_STRING:
		return ctf_tsdl_string(p);
	case TSDL_W_STRUCT:
		return ctf_tsdl_struct(p);
	case TSDL_W_VARIANT:
		return ctf_tsdl_variant(p);
	default:
		return ctf_tsdl_enum(p);
	}
}

static gboolean read_specifiers(Tsdl *p, Specifiers *spec)
{
	*spec = (Specifiers){.at = p->tok.at};
	if (p->tok.kind != TSDL_NAME || p->tok.word <= TSDL_W_LAST_C_TYPE || p->tok.word > TSDL_W_LAST_TYPE)
		return read_type_name(p, &spec->name);
	if (p->depth >= CTF_DEPTH_MAX)
		return ctf_tsdl_error(p, spec->at, "types nested more than %d deep", CTF_DEPTH_MAX);
	p->depth++;
	spec->type = dispatch(p);
	p->depth--;
	return spec->type != NULL;
}

static TsdlType *resolve_specifiers(Tsdl *p, const Specifiers *spec, const TsdlName *name)
{
	TsdlType *type = name ? ctf_tsdl_lookup(p, TSDL_NS_ALIAS, name) : spec->type;
	/* A constant type is its type, even where only that has been declared. */
	if (!type && g_str_has_prefix(name->text, "const ")) {
		const TsdlName *plain = ctf_tsdl_intern(p, name->text + 6, name->len - 6);
		type = plain ? ctf_tsdl_lookup(p, TSDL_NS_ALIAS, plain) : NULL;
	}
	if (!type)
		ctf_tsdl_error(p, spec->at, "no type is named \"%s\" here", name->text);
	return type;
}

/* ---- Declarators --------------------------------------------------------------------------------------------- */

static TsdlType *array_new(Tsdl *p, TsdlType *element, const TsdlValue *length)
{
	gboolean is_static = length->kind == TSDL_VALUE_INT;
	gboolean is_text = element->is_text && element->fc.size == 8 && element->fc.align == 8;
	CtfFcType type = is_text ? (is_static ? CTF_FC_STATIC_TEXT : CTF_FC_DYNAMIC_TEXT)
	                         : (is_static ? CTF_FC_ARRAY : CTF_FC_SEQUENCE);
	TsdlType *t = ctf_tsdl_type_new(p, type, length->at);
	if (!t)
		return NULL;
	t->fc.align = element->fc.align;
	if (is_static && !ctf_tsdl_value_u64(p, length, &t->fc.length))
		return NULL;
	if (!is_static && !(t->ref = ctf_tsdl_ref_new(p, length)))
		return NULL;
	if (is_text)
		return t;
	t->element = element;
	return ctf_tsdl_type_contains(p, t, element) ? t : NULL;
}

/* `[length]`, any number of times; as in C the last is the innermost array's. */
static TsdlType *read_dimensions(Tsdl *p, TsdlType *element, guint depth)
{
	if (p->tok.kind != '[')
		return element;
	if (depth == CTF_DEPTH_MAX) {
		ctf_tsdl_error(p, p->tok.at, "types nested more than %d deep", CTF_DEPTH_MAX);
		return NULL;
	}
	TsdlValue length;
	ctf_tsdl_next(p);
	if (p->tok.kind == TSDL_TEXT)
		ctf_tsdl_expected(p, "a length");
	else if (ctf_tsdl_value(p, &length) && ctf_tsdl_expect(p, ']', "a ]") &&
	         (element = read_dimensions(p, element, depth + 1)))
		return array_new(p, element, &length);
	return NULL;
}

/* Addresses are hexadecimal, whatever their type says. */
static TsdlType *pointer_new(Tsdl *p, const TsdlType *type)
{
	TsdlType *t = ctf_tsdl_type_copy(p, type);
	if (t)
		t->fc.base = 16;
	return t;
}

static gboolean read_declarator(Tsdl *p, const Specifiers *spec,
                                gboolean (*each)(Tsdl *, TsdlName *, TsdlType *, const char *))
{
	TsdlName *type_name = spec->name;
	if (!read_pointers(p, &type_name))
		return FALSE;
	TsdlToken name = p->tok;
	if (name.kind != TSDL_NAME)
		return ctf_tsdl_expected(p, "a name");
	ctf_tsdl_next(p);
	TsdlType *type = resolve_specifiers(p, spec, type_name);
	if (type && type_name != spec->name)
		type = pointer_new(p, type);
	return type && (type = read_dimensions(p, type, 0)) && each(p, name.name, type, name.at);
}

gboolean ctf_tsdl_declarators(Tsdl *p, gboolean (*each)(Tsdl *, TsdlName *, TsdlType *, const char *))
{
	Specifiers spec;
	if (!read_specifiers(p, &spec))
		return FALSE;
	/* `struct name { ... };` alone declares that name only. */
	if (spec.type && ctf_tsdl_accept(p, ';'))
		return TRUE;
	do {
		if (!read_declarator(p, &spec, each))
			return FALSE;
	} while (ctf_tsdl_accept(p, ','));
	return ctf_tsdl_expect(p, ';', "a ;");
}

TsdlType *ctf_tsdl_type(Tsdl *p)
{
	Specifiers spec;
	if (!read_specifiers(p, &spec) || !read_pointers(p, &spec.name))
		return NULL;
	return resolve_specifiers(p, &spec, spec.name);
}

/* ---- Declarations -------------------------------------------------------------------------------------------- */

static gboolean declare_alias(Tsdl *p, TsdlName *name, TsdlType *type, const char *at)
{
	return ctf_tsdl_declare(p, TSDL_NS_ALIAS, name, type, at);
}

/* typealias type := name; */
static gboolean read_typealias(Tsdl *p)
{
	TsdlName *name;
	TsdlType *type = ctf_tsdl_type(p);
	if (!type || !(type = read_dimensions(p, type, 0)) || !ctf_tsdl_expect(p, TSDL_TYPE_ASSIGN, ":="))
		return FALSE;
	const char *at = p->tok.at;
	return read_type_name(p, &name) && read_pointers(p, &name) && declare_alias(p, name, type, at) &&
	       ctf_tsdl_expect(p, ';', "a ;");
}

static gboolean no_declarator(Tsdl *p, TsdlName *name, TsdlType *type, const char *at)
{
	return ctf_tsdl_error(p, at, "a field outside of any structure");
}

gboolean ctf_tsdl_at_declaration(const Tsdl *p)
{
	if (p->tok.kind != TSDL_NAME)
		return FALSE;
	switch (p->tok.word) {
	case TSDL_W_TYPEALIAS:
	case TSDL_W_TYPEDEF:
	case TSDL_W_STRUCT:
	case TSDL_W_VARIANT:
	case TSDL_W_ENUM:
		return TRUE;
	default:
		return FALSE;
	}
}

gboolean ctf_tsdl_declaration(Tsdl *p)
{
	if (ctf_tsdl_accept_word(p, TSDL_W_TYPEALIAS))
		return read_typealias(p);
	if (ctf_tsdl_accept_word(p, TSDL_W_TYPEDEF))
		return ctf_tsdl_declarators(p, declare_alias);
	return ctf_tsdl_declarators(p, no_declarator);
}
