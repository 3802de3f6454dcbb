/* SPDX-License-Identifier: MIT */
#include "randomfc.h"

#include <string.h>

#define DEPTH_MAX 4

/* A length or a tag that later fields may use. */
typedef struct {
	Fc *fc;
	FcRoot root;
	guint depth;  /* of the structure that `path` begins in; 0: the root */
	char *path;
} Known;

/* A structure in the making. */
typedef struct {
	Fc *fc;
	char *name;      /* NULL: an array's element or a variant's option, which has no path of its own */
	guint n_known;   /* when it began */
} Frame;

struct FcMaker {
	Chance *chance;
	int byte_order;
	GPtrArray *all;    /* Fc * */
	GPtrArray *known;  /* Known * */
	GArray *frames;    /* Frame */
	GPtrArray *aliased; /* Fc *, not owned; in the order of their declarations */
	FcRoot root;
	guint n_names;     /* of the tree */
	guint n_types;     /* of the trace */
};

/* ---- Chance ---------------------------------------------------------------------------------------------------- */

/* SplitMix64. */
guint64 chance_bits(Chance *c)
{
	guint64 z = (c->state += 0x9E3779B97F4A7C15ull);
	z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9ull;
	z = (z ^ z >> 27) * 0x94D049BB133111EBull;
	return z ^ z >> 31;
}

guint chance_below(Chance *c, guint n)
{
	return (guint)(chance_bits(c) % n);
}

guint chance_between(Chance *c, guint low, guint high)
{
	return low + chance_below(c, high - low + 1);
}

gboolean chance_percent(Chance *c, guint percent)
{
	return chance_below(c, 100) < percent;
}

/* ---- Making ---------------------------------------------------------------------------------------------------- */

static void fc_free(gpointer data)
{
	Fc *fc = data;
	for (guint i = 0; fc->mappings && i < fc->mappings->len; i++)
		g_free(g_array_index(fc->mappings, FcMapping, i).label);
	g_clear_pointer(&fc->mappings, g_array_unref);
	g_clear_pointer(&fc->names, g_ptr_array_unref);
	g_clear_pointer(&fc->members, g_ptr_array_unref);
	g_free(fc->path);
	g_free(fc->alias);
	g_free(fc);
}

static void known_free(gpointer data)
{
	Known *k = data;
	g_free(k->path);
	g_free(k);
}

FcMaker *fc_maker_new(Chance *chance, int byte_order)
{
	FcMaker *m = g_new0(FcMaker, 1);
	m->chance = chance;
	m->byte_order = byte_order;
	m->all = g_ptr_array_new_with_free_func(fc_free);
	m->known = g_ptr_array_new_with_free_func(known_free);
	m->frames = g_array_new(FALSE, TRUE, sizeof(Frame));
	m->aliased = g_ptr_array_new();
	return m;
}

void fc_maker_free(FcMaker *m)
{
	if (!m)
		return;
	g_ptr_array_unref(m->all);
	g_ptr_array_unref(m->known);
	g_array_unref(m->frames);
	g_ptr_array_unref(m->aliased);
	g_free(m);
}

Fc *fc_new(FcMaker *m, FcKind kind)
{
	Fc *fc = g_new0(Fc, 1);
	fc->kind = kind;
	fc->align = 1;
	fc->base = 10;
	fc->order = m->byte_order;
	if (kind == FC_ENUM)
		fc->mappings = g_array_new(FALSE, TRUE, sizeof(FcMapping));
	if (kind == FC_STRUCT || kind == FC_VARIANT) {
		fc->names = g_ptr_array_new_with_free_func(g_free);
		fc->members = g_ptr_array_new();
	}
	g_ptr_array_add(m->all, fc);
	return fc;
}

void fc_member(Fc *parent, const char *name, Fc *member)
{
	g_ptr_array_add(parent->names, g_strdup(name));
	g_ptr_array_add(parent->members, member);
}

Fc *fc_new_int(FcMaker *m, FcMeaning meaning, guint size, guint align)
{
	Fc *fc = fc_new(m, FC_INT);
	fc->meaning = meaning;
	fc->size = size;
	fc->align = align;
	return fc;
}

void fc_map(Fc *enumeration, const char *label, guint64 low, guint64 high)
{
	FcMapping mapping = {g_strdup(label), low, high};
	g_array_append_val(enumeration->mappings, mapping);
}

guint fc_alignment(const Fc *fc)
{
	guint align = fc->align;
	if (fc->kind == FC_STRING)
		return 8;
	if (fc->kind == FC_ARRAY || fc->kind == FC_SEQUENCE)
		return fc_alignment(fc->element);
	for (guint i = 0; fc->kind == FC_STRUCT && i < fc->members->len; i++)
		align = MAX(align, fc_alignment(g_ptr_array_index(fc->members, i)));
	return align;
}

static guint64 mask_of(guint size)
{
	return size >= 64 ? G_MAXUINT64 : (1ull << size) - 1;
}

static guint64 extend(guint64 value, const Fc *fc)
{
	value &= mask_of(fc->size);
	return fc->is_signed && fc->size < 64 && value >> (fc->size - 1) ? value | ~mask_of(fc->size) : value;
}

guint64 fc_any_value(Chance *c, const Fc *fc)
{
	guint64 any = chance_bits(c);
	switch (chance_below(c, 5)) {
	case 0:
		return extend(fc->is_signed ? mask_of(fc->size) >> 1 : mask_of(fc->size), fc);
	case 1:
		return extend(fc->is_signed ? 1ull << (fc->size - 1) : 0, fc);
	case 2:
		return extend(any % 41 - (fc->is_signed ? 20 : 0), fc);
	default:
		return extend(any, fc);
	}
}

int fc_byte_order(const FcMaker *m)
{
	return m->byte_order;
}

Chance *fc_chance(const FcMaker *m)
{
	return m->chance;
}

const GPtrArray *fc_aliased(const FcMaker *m)
{
	return m->aliased;
}

static char *new_name(FcMaker *m)
{
	return g_strdup_printf("%sf%u", chance_percent(m->chance, 40) ? "_" : "", m->n_names++);
}

/* A field of the other byte order has to take whole bytes. */
static Fc *any_int(FcMaker *m, FcKind kind, guint size_max)
{
	static const guint aligns[] = {1, 1, 1, 2, 4, 8, 8, 16, 32, 64};
	static const guint bases[] = {2, 8, 10, 10, 10, 16};
	static const guint sizes[] = {8, 16, 32, 64};
	Chance *c = m->chance;
	Fc *fc = fc_new(m, kind);
	fc->size = chance_percent(c, 40) ? CHANCE_PICK(c, sizes) : chance_between(c, 1, 64);
	fc->size = MIN(fc->size, size_max);
	fc->align = CHANCE_PICK(c, aligns);
	fc->base = CHANCE_PICK(c, bases);
	fc->is_signed = chance_percent(c, 40);
	if (fc->size % 8 == 0 && fc->align % 8 == 0 && chance_percent(c, 30))
		fc->order = m->byte_order == G_BIG_ENDIAN ? G_LITTLE_ENDIAN : G_BIG_ENDIAN;
	return fc;
}

/* Ranges that overlap, labels that come twice, values without a label. */
static Fc *any_enum(FcMaker *m)
{
	static const char *const labels[] = {"A", "B_2", "a label", "quo\\\"ted\\\\", "C", "_D", "\xc3\xa4"};
	Chance *c = m->chance;
	Fc *fc = any_int(m, FC_ENUM, 64);
	guint n = chance_between(c, 1, 6);
	for (guint i = 0; i < n; i++) {
		guint64 low = fc_any_value(c, fc), high = chance_percent(c, 50) ? low : extend(low + chance_below(c, 20), fc);
		gboolean wraps = fc->is_signed ? (gint64)high < (gint64)low : high < low;
		fc_map(fc, CHANCE_PICK(c, labels), low, wraps ? low : high);
	}
	return fc;
}

static Fc *any_float(FcMaker *m)
{
	Fc *fc = fc_new(m, FC_FLOAT);
	static const guint aligns[] = {1, 8, 8, 32, 64};
	fc->size = chance_percent(m->chance, 50) ? 32 : 64;
	fc->align = CHANCE_PICK(m->chance, aligns);
	if (fc->align >= 8 && chance_percent(m->chance, 30))
		fc->order = m->byte_order == G_BIG_ENDIAN ? G_LITTLE_ENDIAN : G_BIG_ENDIAN;
	return fc;
}

static Fc *text_char(FcMaker *m)
{
	Fc *fc = fc_new_int(m, FCM_NONE, 8, 8);
	fc->is_text = TRUE;
	return fc;
}

/* ---- Aliases --------------------------------------------------------------------------------------------------- */

/* TRUE if it means the same in any place: nothing in it has its length or tag elsewhere. */
static gboolean is_closed(const Fc *fc)
{
	if (fc->kind == FC_SEQUENCE || fc->kind == FC_VARIANT)
		return FALSE;
	if (fc->kind == FC_ARRAY)
		return is_closed(fc->element);
	for (guint i = 0; fc->members && i < fc->members->len; i++)
		if (!is_closed(g_ptr_array_index(fc->members, i)))
			return FALSE;
	return TRUE;
}

static Fc *maybe_alias(FcMaker *m, Fc *fc)
{
	if (fc->alias || !is_closed(fc) || !chance_percent(m->chance, 8))
		return fc;
	const char *kind = "";
	if (chance_percent(m->chance, 50))
		kind = fc->kind == FC_STRUCT ? "struct " : fc->kind == FC_ENUM ? "enum " : "";
	fc->alias = g_strdup_printf("%stype%u", kind, m->n_types++);
	g_ptr_array_add(m->aliased, fc);
	return fc;
}

static Fc *copy(FcMaker *m, const Fc *fc)
{
	Fc *new = fc_new(m, fc->kind);
	Fc own = *new;
	*new = *fc;
	new->mappings = own.mappings;
	new->names = own.names;
	new->members = own.members;
	new->alias = g_strdup(fc->alias);
	for (guint i = 0; fc->mappings && i < fc->mappings->len; i++) {
		const FcMapping *mapping = &g_array_index(fc->mappings, FcMapping, i);
		fc_map(new, mapping->label, mapping->low, mapping->high);
	}
	for (guint i = 0; fc->members && i < fc->members->len; i++)
		fc_member(new, g_ptr_array_index(fc->names, i), copy(m, g_ptr_array_index(fc->members, i)));
	if (fc->element)
		new->element = copy(m, fc->element);
	return new;
}

static Fc *any_leaf(FcMaker *m)
{
	guint kind = chance_below(m->chance, 100);
	if (kind < 8 && m->aliased->len)
		return copy(m, g_ptr_array_index(m->aliased, chance_below(m->chance, m->aliased->len)));
	if (kind < 55)
		return maybe_alias(m, any_int(m, FC_INT, 64));
	return maybe_alias(m, kind < 70 ? any_enum(m) : kind < 80 ? any_float(m) : fc_new(m, FC_STRING));
}

/* ---- Lengths and tags ------------------------------------------------------------------------------------------ */

static const char *const root_paths[] = {
        [FC_ROOT_PACKET_HEADER] = "trace.packet.header", [FC_ROOT_PACKET_CONTEXT] = "stream.packet.context",
        [FC_ROOT_EVENT_HEADER] = "stream.event.header",  [FC_ROOT_COMMON] = "stream.event.context",
        [FC_ROOT_SPECIFIC] = "event.context",            [FC_ROOT_PAYLOAD] = "event.fields",
};

static void remember(FcMaker *m, Fc *fc, const char *name)
{
	Known *k = g_new0(Known, 1);
	*k = (Known){fc, m->root, m->frames->len - 1, g_strdup(name)};
	g_ptr_array_add(m->known, k);
}

/* NULL: it is within an array or a variant, from where no path leads. */
static char *absolute_path(const FcMaker *m, const Known *k)
{
	g_autoptr(GString) path = g_string_new(root_paths[k->root]);
	for (guint i = 1; k->root == m->root && i <= k->depth; i++) {
		const char *name = g_array_index(m->frames, Frame, i).name;
		if (!name)
			return NULL;
		g_string_append_printf(path, ".%s", name);
	}
	g_string_append_printf(path, ".%s", k->path);
	return g_string_free(g_steal_pointer(&path), FALSE);
}

/* babeltrace2 2.0 finds tags by a single name only. */
static gboolean is_simple(const FcMaker *m, const Known *k)
{
	return k->fc->kind == FC_INT || (k->root == m->root && !strchr(k->path, '.'));
}

/*
 * Any known length (an integer) or tag (an enumeration), and its path. Rarely something that babeltrace2 2.0 gives up on, which leaves less to
 * compare with.
 */
static Fc *pick_known(FcMaker *m, FcKind kind, char **path_out)
{
	g_autoptr(GPtrArray) fit = g_ptr_array_new();
	gboolean simple = chance_percent(m->chance, 95);
	for (guint i = 0; i < m->known->len; i++) {
		Known *k = g_ptr_array_index(m->known, i);
		if (k->fc->kind == kind && (!simple || is_simple(m, k)))
			g_ptr_array_add(fit, k);
	}
	if (!fit->len || (simple && m->root == FC_ROOT_SPECIFIC))
		return NULL;
	/* The newest ones more often, so that those of the same structure come too. */
	guint from = chance_percent(m->chance, 50) ? fit->len - MIN(fit->len, 2) : 0;
	const Known *k = g_ptr_array_index(fit, chance_between(m->chance, from, fit->len - 1));
	gboolean relative = k->root == m->root && (chance_percent(m->chance, 60) || (simple && kind == FC_ENUM));
	char *path = relative ? NULL : absolute_path(m, k);
	*path_out = path ? path : g_strdup(k->path);
	return k->fc;
}

static void add_length(FcMaker *m, Fc *parent)
{
	g_autofree char *name = new_name(m);
	Fc *fc = any_int(m, FC_INT, 64);
	fc->size = MAX(fc->size, 3);
	fc->is_signed = FALSE;
	fc->most = 5;
	fc_member(parent, name, fc);
	remember(m, fc, name);
}

static void add_tag(FcMaker *m, Fc *parent)
{
	g_autofree char *name = new_name(m);
	Fc *fc = any_int(m, FC_ENUM, 64);
	fc->size = MAX(fc->size, 5);
	fc->n_tags = chance_between(m->chance, 1, 4);
	gint64 next = fc->is_signed ? -(gint64)chance_below(m->chance, 12) : 0;
	for (guint i = 0; i < fc->n_tags; i++) {
		g_autofree char *label = g_strdup_printf("%so%u", chance_percent(m->chance, 20) ? "_" : "", i);
		gint64 last = next + chance_below(m->chance, 2);
		fc_map(fc, label, (guint64)next, (guint64)last);
		next = last + 1 + chance_below(m->chance, 2);
	}
	fc_member(parent, name, fc);
	remember(m, fc, name);
}

/* ---- Structures ------------------------------------------------------------------------------------------------ */

static Fc *any_field(FcMaker *m, const char *name, guint depth);

static void push(FcMaker *m, Fc *fc, const char *name)
{
	Frame frame = {fc, g_strdup(name), m->known->len};
	g_array_append_val(m->frames, frame);
}

/* What was known within a structure that has a name stays known, by a longer path. */
static void pop(FcMaker *m)
{
	Frame *frame = &g_array_index(m->frames, Frame, m->frames->len - 1);
	guint depth = m->frames->len - 1;
	if (!frame->name)
		g_ptr_array_set_size(m->known, (gint)frame->n_known);
	for (guint i = frame->n_known; i < m->known->len; i++) {
		Known *k = g_ptr_array_index(m->known, i);
		g_autofree char *path = g_steal_pointer(&k->path);
		g_assert(k->depth == depth);
		k->path = g_strdup_printf("%s.%s", frame->name, path);
		k->depth--;
	}
	g_free(frame->name);
	g_array_set_size(m->frames, depth);
}

static void add_any(FcMaker *m, Fc *parent, guint depth)
{
	guint kind = chance_below(m->chance, 100);
	if (kind < 12) {
		add_length(m, parent);
	} else if (kind < 22) {
		add_tag(m, parent);
	} else {
		g_autofree char *name = new_name(m);
		fc_member(parent, name, any_field(m, name, depth));
	}
}

/* After a field of the other byte order that ends within a byte, the next one has to begin at a whole one. */
static void add_odd_order(FcMaker *m, Fc *parent)
{
	g_autofree char *odd = new_name(m), *next = new_name(m);
	Fc *fc = fc_new_int(m, FCM_NONE, chance_between(m->chance, 1, 64), 8);
	fc->order = m->byte_order == G_BIG_ENDIAN ? G_LITTLE_ENDIAN : G_BIG_ENDIAN;
	fc->is_signed = chance_percent(m->chance, 50);
	fc_member(parent, odd, fc);
	fc_member(parent, next, fc_new_int(m, FCM_NONE, chance_between(m->chance, 1, 64), 8));
}

static Fc *any_struct(FcMaker *m, const char *name, guint depth)
{
	static const guint aligns[] = {1, 1, 1, 8, 32, 64};
	Fc *fc = fc_new(m, FC_STRUCT);
	guint n = chance_percent(m->chance, 10) ? 0 : chance_between(m->chance, 1, 4);
	fc->align = CHANCE_PICK(m->chance, aligns);
	push(m, fc, name);
	for (guint i = 0; i < n; i++)
		add_any(m, fc, depth + 1);
	pop(m);
	return maybe_alias(m, fc);
}

/* Elements and options are without a path; what they know of themselves is forgotten after them. */
static Fc *any_inner(FcMaker *m, guint depth)
{
	if (depth < DEPTH_MAX && chance_percent(m->chance, 35))
		return any_struct(m, NULL, depth);
	return any_leaf(m);
}

static Fc *any_array(FcMaker *m, guint depth)
{
	Fc *fc = fc_new(m, FC_ARRAY);
	gboolean text = chance_percent(m->chance, 30);
	fc->length = text ? chance_between(m->chance, 1, 20) : chance_below(m->chance, 5);
	if (text)
		fc->element = text_char(m);
	else if (depth < DEPTH_MAX && chance_percent(m->chance, 15))
		fc->element = any_array(m, depth + 1);
	else
		fc->element = any_inner(m, depth + 1);
	return fc;
}

static Fc *any_sequence(FcMaker *m, guint depth)
{
	char *path;
	Fc *ref = pick_known(m, FC_INT, &path);
	if (!ref)
		return any_array(m, depth);
	Fc *fc = fc_new(m, FC_SEQUENCE);
	fc->ref = ref;
	fc->path = path;
	fc->element = chance_percent(m->chance, 30) ? text_char(m) : any_inner(m, depth + 1);
	return fc;
}

/* Options in any order. */
static Fc *any_variant(FcMaker *m, guint depth)
{
	char *path;
	Fc *ref = pick_known(m, FC_ENUM, &path);
	if (!ref)
		return any_leaf(m);
	Fc *fc = fc_new(m, FC_VARIANT);
	guint first = chance_below(m->chance, ref->n_tags);
	fc->ref = ref;
	fc->path = path;
	for (guint i = 0; i < ref->n_tags; i++) {
		const FcMapping *mapping = &g_array_index(ref->mappings, FcMapping, (first + i) % ref->n_tags);
		fc_member(fc, mapping->label, chance_percent(m->chance, 20) ? any_array(m, depth + 1) : any_inner(m, depth + 1));
	}
	return fc;
}

static Fc *any_field(FcMaker *m, const char *name, guint depth)
{
	guint kind = chance_below(m->chance, 100);
	if (depth >= DEPTH_MAX || kind < 50)
		return any_leaf(m);
	if (kind < 62)
		return any_struct(m, name, depth);
	if (kind < 74)
		return any_array(m, depth);
	return kind < 87 ? any_sequence(m, depth) : any_variant(m, depth);
}

/* ---- Trees ----------------------------------------------------------------------------------------------------- */

void fc_forget(FcMaker *m, FcRoot root)
{
	for (guint i = m->known->len; i-- > 0;)
		if (((Known *)g_ptr_array_index(m->known, i))->root >= root)
			g_ptr_array_remove_index(m->known, i);
}

Fc *fc_begin(FcMaker *m, FcRoot root)
{
	m->root = root;
	m->n_names = 0;
	Fc *fc = fc_new(m, FC_STRUCT);
	push(m, fc, root_paths[root]);
	return fc;
}

static Fc *tree(FcMaker *m)
{
	return g_array_index(m->frames, Frame, 0).fc;
}

void fc_end(FcMaker *m)
{
	g_assert(m->frames->len == 1);
	g_free(g_array_index(m->frames, Frame, 0).name);
	g_array_set_size(m->frames, 0);
}

Fc *fc_add(FcMaker *m, const char *name, FcMeaning meaning, guint size, guint align)
{
	Fc *fc = fc_new_int(m, meaning, size, align);
	fc_member(tree(m), name, fc);
	return fc;
}

void fc_fill(FcMaker *m, guint n)
{
	for (guint i = 0; i < n; i++) {
		if (chance_percent(m->chance, 5))
			add_odd_order(m, tree(m));
		else
			add_any(m, tree(m), 0);
	}
}
