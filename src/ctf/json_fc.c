/* SPDX-License-Identifier: MIT */
/* CTF 2 field classes (2 §5.3) -> trees of CtfFc. */
#include "ctf/json.h"

#include <string.h>

typedef struct Type Type;
struct Type {
	const char *name;
	CtfFcType type;
	gboolean (*build)(CtfJsonReader *r, const CtfJson *v, CtfFc *fc);
	gboolean is_signed, is_boolean, is_bit_array;
};

static gboolean build_fc(CtfJsonReader *r, const CtfJson *v, CtfFc **fc_out);

/* ---- Ranges and mappings -------------------------------------------------------------------------------------- */

/* Bring a bound into the domain. FALSE: no value of the domain is on the range's side of it. */
static gboolean clamp_bound(gboolean negative, guint64 magnitude, gboolean is_signed, gboolean is_lower, guint64 *out)
{
	guint64 max = is_signed ? G_MAXINT64 : G_MAXUINT64;
	guint64 min_magnitude = is_signed ? (guint64)G_MAXINT64 + 1 : 0;
	if (negative) {
		*out = 0 - MIN(magnitude, min_magnitude);
		return magnitude <= min_magnitude || is_lower;
	}
	*out = MIN(magnitude, max);
	return magnitude <= max || !is_lower;
}

static gboolean range_of(CtfJsonReader *r, const CtfJson *v, gboolean is_signed, CtfRange *range)
{
	gboolean negative[2] = {0};
	guint64 magnitude[2] = {0};
	if (v->type != CTF_JSON_ARRAY || v->n != 2 || !ctf_json_int(r->m, v + 1, &negative[0], &magnitude[0]) ||
	    !ctf_json_int(r->m, v + 2, &negative[1], &magnitude[1]))
		return ctf_json_fail(r, v, "an integer range is an array of two integers of at most 64 bits");
	gboolean ordered = negative[0] ? !negative[1] || magnitude[0] >= magnitude[1] : magnitude[0] <= magnitude[1];
	if (!ordered || (!negative[0] && negative[1] && magnitude[1]))
		return ctf_json_fail(r, v, "an integer range's upper bound must not be less than its lower bound");
	*range = (CtfRange){.is_signed = is_signed};
	/* A range that no value of the type is in stays, as one that holds nothing. */
	if (!clamp_bound(negative[0], magnitude[0], is_signed, TRUE, &range->lower) ||
	    !clamp_bound(negative[1], magnitude[1], is_signed, FALSE, &range->upper)) {
		range->lower = 1;
		range->upper = 0;
	}
	return TRUE;
}

static gboolean range_set(CtfJsonReader *r, const CtfJson *v, gboolean is_signed, CtfRange **ranges_out, guint *n_out)
{
	gpointer key;
	*ranges_out = ctf_json_made(r, v, is_signed ? CTF_JSON_MADE_SIGNED : CTF_JSON_MADE_UNSIGNED, &key);
	*n_out = v->n;
	if (*ranges_out)
		return TRUE;
	if (!ctf_json_expect(r, v, CTF_JSON_ARRAY, "an integer range set"))
		return FALSE;
	if (!v->n)
		return ctf_json_fail(r, v, "an integer range set must not be empty");
	CtfRange *ranges = ctf_arena_new0(r->m->arena, CtfRange, v->n);
	const CtfJson *range = v + 1;
	for (guint i = 0; i < v->n; i++, range = ctf_json_next(range))
		if (!range_of(r, range, is_signed, &ranges[i]))
			return FALSE;
	g_hash_table_insert(r->made, key, ranges);
	*ranges_out = ranges;
	return TRUE;
}

/* Names of integer ranges, or of ranges of bits. */
static gboolean mappings(CtfJsonReader *r, const CtfJson *v, CtfFc *fc)
{
	gpointer key;
	fc->mappings = ctf_json_made(r, v, CTF_JSON_MADE_MAPPINGS, &key);
	if (!fc->mappings) {
		if (!ctf_json_expect(r, v, CTF_JSON_OBJECT, "mappings"))
			return FALSE;
		CtfMapping *map = ctf_arena_new0(r->m->arena, CtfMapping, MAX(v->n, 1));
		const CtfJson *name = v + 1;
		for (guint i = 0; i < v->n; i++, name = ctf_json_next(name + 1)) {
			map[i].label = ctf_json_text(r, name, "a mapping's name");
			if (!map[i].label || !range_set(r, name + 1, fc->is_signed, &map[i].ranges, &map[i].n_ranges))
				return FALSE;
		}
		g_hash_table_insert(r->made, key, map);
		fc->mappings = map;
	}
	fc->n_mappings = v->n;
	return TRUE;
}

/* ---- Properties ----------------------------------------------------------------------------------------------- */

static gboolean alignment(CtfJsonReader *r, const CtfJson *v, const char *name, CtfFc *fc)
{
	guint64 align;
	const CtfJson *a = ctf_json_get(r->m, v, name);
	if (!a)
		return TRUE;
	if (!ctf_json_uint(r, a, "an alignment", &align))
		return FALSE;
	if (!align || (align & (align - 1)) || align > 1u << 31)
		return ctf_json_fail(r, a, "an alignment must be a power of two, at most 2^31");
	fc->align = MAX(fc->align, (guint)align);
	return TRUE;
}

static gboolean byte_order(CtfJsonReader *r, const CtfJson *v, CtfFc *fc)
{
	const CtfJson *bytes = ctf_json_need(r, v, "byte-order"), *bits = ctf_json_get(r->m, v, "bit-order");
	if (!bytes)
		return FALSE;
	fc->big_endian = ctf_json_is(r->m, bytes, "big-endian");
	if (!fc->big_endian && !ctf_json_is(r->m, bytes, "little-endian"))
		return ctf_json_fail(r, bytes, "a byte order is \"big-endian\" or \"little-endian\"");
	if (!bits)
		return TRUE;
	gboolean last_to_first = ctf_json_is(r->m, bits, "last-to-first");
	if (!last_to_first && !ctf_json_is(r->m, bits, "first-to-last"))
		return ctf_json_fail(r, bits, "a bit order is \"first-to-last\" or \"last-to-first\"");
	fc->reverse_bits = last_to_first != fc->big_endian;
	return TRUE;
}

static gboolean bit_length(CtfJsonReader *r, const CtfJson *v, CtfFc *fc)
{
	guint64 size;
	const CtfJson *length = ctf_json_need(r, v, "length");
	if (!length || !ctf_json_uint(r, length, "a length", &size))
		return FALSE;
	if (fc->type == CTF_FC_FLOAT && size != 32 && size != 64)
		return ctf_json_fail(r, length, "Strata reads floating point numbers of 32 and of 64 bits only");
	if (!size || size > 64)
		return ctf_json_fail(r, length, "Strata reads bit arrays of 1 to 64 bits only");
	fc->size = (guint)size;
	return TRUE;
}

static gboolean static_length(CtfJsonReader *r, const CtfJson *v, CtfFc *fc)
{
	const CtfJson *length = ctf_json_need(r, v, "length");
	return length && ctf_json_uint(r, length, "a length", &fc->length);
}

static gboolean dynamic_length(CtfJsonReader *r, const CtfJson *v, CtfFc *fc)
{
	const CtfJson *location = ctf_json_need(r, v, "length-field-location");
	if (!location || !ctf_json_find(r, location, &fc->length_fc))
		return FALSE;
	return (!fc->length_fc->is_signed && !fc->length_fc->is_boolean) ||
	       ctf_json_fail(r, location, "a length must be an unsigned integer");
}

static gboolean length_of(CtfJsonReader *r, const CtfJson *v, CtfFc *fc)
{
	gboolean dynamic =
	        fc->type == CTF_FC_DYNAMIC_TEXT || fc->type == CTF_FC_DYNAMIC_BLOB || fc->type == CTF_FC_SEQUENCE;
	return dynamic ? dynamic_length(r, v, fc) : static_length(r, v, fc);
}

static gboolean encoding(CtfJsonReader *r, const CtfJson *v, CtfFc *fc)
{
	static const char *const names[] = {
	        [CTF_TEXT_UTF8] = "utf-8",       [CTF_TEXT_UTF16BE] = "utf-16be", [CTF_TEXT_UTF16LE] = "utf-16le",
	        [CTF_TEXT_UTF32BE] = "utf-32be", [CTF_TEXT_UTF32LE] = "utf-32le",
	};
	const CtfJson *name = ctf_json_get(r->m, v, "encoding");
	if (!name)
		return TRUE;
	for (guint i = 0; i < G_N_ELEMENTS(names); i++)
		if (ctf_json_is(r->m, name, names[i])) {
			fc->encoding = (CtfTextEncoding)i;
			return TRUE;
		}
	return ctf_json_fail(r, name, "an encoding is one of utf-8, utf-16be, utf-16le, utf-32be, utf-32le");
}

/* ---- Roles (2 §5.6.1, §5.8.1) --------------------------------------------------------------------------------- */

/* A field has one CtfRole: of several, the first here, which is the one that decoding needs most. */
static const struct {
	const char *name;
	CtfScope scope;
	CtfRole role;
	gboolean is_time;
} roles[] = {
        {"packet-magic-number", CTF_SCOPE_PACKET_HEADER, CTF_ROLE_MAGIC, FALSE},
        {"metadata-stream-uuid", CTF_SCOPE_PACKET_HEADER, CTF_ROLE_UUID, FALSE},
        {"data-stream-class-id", CTF_SCOPE_PACKET_HEADER, CTF_ROLE_STREAM_CLASS_ID, FALSE},
        {"data-stream-id", CTF_SCOPE_PACKET_HEADER, CTF_ROLE_STREAM_ID, FALSE},
        {"packet-total-length", CTF_SCOPE_PACKET_CONTEXT, CTF_ROLE_PACKET_SIZE, FALSE},
        {"packet-content-length", CTF_SCOPE_PACKET_CONTEXT, CTF_ROLE_CONTENT_SIZE, FALSE},
        {"default-clock-timestamp", CTF_SCOPE_PACKET_CONTEXT, CTF_ROLE_PACKET_BEGIN, TRUE},
        {"packet-end-default-clock-timestamp", CTF_SCOPE_PACKET_CONTEXT, CTF_ROLE_PACKET_END, TRUE},
        {"discarded-event-record-counter-snapshot", CTF_SCOPE_PACKET_CONTEXT, CTF_ROLE_EVENTS_DISCARDED, FALSE},
        {"packet-sequence-number", CTF_SCOPE_PACKET_CONTEXT, CTF_ROLE_PACKET_SEQ_NUM, FALSE},
        {"event-record-class-id", CTF_SCOPE_EVENT_HEADER, CTF_ROLE_EVENT_CLASS_ID, FALSE},
        {"default-clock-timestamp", CTF_SCOPE_EVENT_HEADER, CTF_ROLE_TIMESTAMP, TRUE},
};

static gboolean has_text(const CtfJsonReader *r, const CtfJson *array, const char *text)
{
	const CtfJson *v = array + 1;
	for (guint i = 0; i < array->n; i++, v = ctf_json_next(v))
		if (ctf_json_is(r->m, v, text))
			return TRUE;
	return FALSE;
}

static gboolean check_role(CtfJsonReader *r, const CtfJson *v, CtfFc *fc)
{
	if ((fc->role == CTF_ROLE_UUID) != (fc->type == CTF_FC_STATIC_BLOB))
		return ctf_json_fail(r, v, "a metadata stream's UUID, and nothing else, is a static-length BLOB");
	if (fc->role == CTF_ROLE_UUID && fc->length != 16)
		return ctf_json_fail(r, v, "a UUID has 16 bytes");
	if (fc->role == CTF_ROLE_MAGIC && fc->size != 32)
		return ctf_json_fail(r, v, "a packet's magic number has 32 bits");
	return !fc->is_signed || ctf_json_fail(r, v, "only an unsigned integer can have a role");
}

/* Roles of other scopes mean nothing: an alias may be used in several. */
static gboolean role_of(CtfJsonReader *r, const CtfJson *v, CtfFc *fc)
{
	const CtfJson *names = ctf_json_get(r->m, v, "roles");
	if (!names)
		return TRUE;
	if (!ctf_json_expect(r, names, CTF_JSON_ARRAY, "roles") || !ctf_json_spend(r, names, names->n))
		return FALSE;
	for (guint i = 0; i < G_N_ELEMENTS(roles); i++) {
		if (roles[i].scope != r->scope || !has_text(r, names, roles[i].name))
			continue;
		if (roles[i].is_time && !r->sc->clock)
			return ctf_json_fail(r, names, "a timestamp needs a default clock of the data stream class");
		if (roles[i].is_time)
			fc->clock = r->sc->clock;
		fc->role = roles[i].role;
		return check_role(r, names, fc);
	}
	return TRUE;
}

/* ---- Scalars -------------------------------------------------------------------------------------------------- */

static gboolean build_bits(CtfJsonReader *r, const CtfJson *v, CtfFc *fc)
{
	return bit_length(r, v, fc) && byte_order(r, v, fc) && alignment(r, v, "alignment", fc);
}

static gboolean build_bit_map(CtfJsonReader *r, const CtfJson *v, CtfFc *fc)
{
	const CtfJson *flags = ctf_json_need(r, v, "flags");
	if (!flags || !build_bits(r, v, fc) || !mappings(r, flags, fc))
		return FALSE;
	return fc->n_mappings || ctf_json_fail(r, flags, "a bit map must have a flag");
}

static gboolean integer_properties(CtfJsonReader *r, const CtfJson *v, CtfFc *fc)
{
	guint64 base = 10;
	const CtfJson *b = ctf_json_get(r->m, v, "preferred-display-base"), *map = ctf_json_get(r->m, v, "mappings");
	if (b && !ctf_json_uint(r, b, "a base", &base))
		return FALSE;
	if (base != 2 && base != 8 && base != 10 && base != 16)
		return ctf_json_fail(r, b, "a base is 2, 8, 10 or 16");
	fc->base = (guint)base;
	if (map && !mappings(r, map, fc))
		return FALSE;
	fc->is_enum = fc->n_mappings != 0;
	return role_of(r, v, fc);
}

static gboolean build_int(CtfJsonReader *r, const CtfJson *v, CtfFc *fc)
{
	return build_bits(r, v, fc) && integer_properties(r, v, fc);
}

static gboolean build_varint(CtfJsonReader *r, const CtfJson *v, CtfFc *fc)
{
	fc->align = 8;
	return integer_properties(r, v, fc);
}

static gboolean build_string(CtfJsonReader *r, const CtfJson *v, CtfFc *fc)
{
	fc->align = 8;
	return encoding(r, v, fc);
}

static gboolean build_text(CtfJsonReader *r, const CtfJson *v, CtfFc *fc)
{
	return build_string(r, v, fc) && length_of(r, v, fc);
}

static gboolean build_blob(CtfJsonReader *r, const CtfJson *v, CtfFc *fc)
{
	fc->align = 8;
	return length_of(r, v, fc) && (fc->type == CTF_FC_DYNAMIC_BLOB || role_of(r, v, fc));
}

/* ---- Compounds ------------------------------------------------------------------------------------------------ */

static gboolean build_array(CtfJsonReader *r, const CtfJson *v, CtfFc *fc)
{
	const CtfJson *element = ctf_json_need(r, v, "element-field-class");
	if (!element || !length_of(r, v, fc) || !build_fc(r, element, &fc->element))
		return FALSE;
	fc->align = fc->element->align;
	return alignment(r, v, "minimum-alignment", fc);
}

/* Room for the members that an array of the metadata describes. */
static gboolean open_members(CtfJsonReader *r, const CtfJson *v, const char *what, CtfFc *fc)
{
	if (!ctf_json_expect(r, v, CTF_JSON_ARRAY, what))
		return FALSE;
	if (v->n > CTF_FIELDS_MAX)
		return ctf_json_fail(r, v, "more than %d fields", CTF_FIELDS_MAX);
	fc->members = ctf_arena_new0(r->m->arena, CtfMember, v->n);
	return TRUE;
}

/* Begin the next member or option. */
static CtfMember *open_member(CtfJsonReader *r, const CtfJson *v, const char *name, GHashTable *names, CtfFc *fc)
{
	if (name && !g_hash_table_add(names, (gpointer)(guintptr)name)) {
		ctf_json_fail(r, v, "there is a field \"%s\" already", name);
		return NULL;
	}
	if (!ctf_json_no_extensions(r, v))
		return NULL;
	CtfMember *member = &fc->members[fc->n_members++];
	member->name = name;
	member->display = name;
	return member;
}

static gboolean build_member(CtfJsonReader *r, const CtfJson *v, GHashTable *names, CtfFc *fc)
{
	const CtfJson *text = ctf_json_spend(r, v, v->n) ? ctf_json_need(r, v, "name") : NULL;
	const char *name = text ? ctf_json_text(r, text, "a name") : NULL;
	const CtfJson *class = name ? ctf_json_need(r, v, "field-class") : NULL;
	CtfMember *member = class ? open_member(r, v, name, names, fc) : NULL;
	if (!member || !build_fc(r, class, &member->fc))
		return FALSE;
	fc->align = MAX(fc->align, member->fc->align);
	return TRUE;
}

static gboolean build_struct(CtfJsonReader *r, const CtfJson *v, CtfFc *fc)
{
	const CtfJson *members = ctf_json_get(r->m, v, "member-classes");
	g_autoptr(GHashTable) names = g_hash_table_new(NULL, NULL);
	if (!alignment(r, v, "minimum-alignment", fc))
		return FALSE;
	if (!members)
		return TRUE;
	if (!open_members(r, members, "member classes", fc))
		return FALSE;
	const CtfJson *member = members + 1;
	for (guint i = 0; i < members->n; i++, member = ctf_json_next(member))
		if (!build_member(r, member, names, fc))
			return FALSE;
	return TRUE;
}

static gboolean build_optional(CtfJsonReader *r, const CtfJson *v, CtfFc *fc)
{
	const CtfJson *class = ctf_json_need(r, v, "field-class");
	const CtfJson *location = class ? ctf_json_need(r, v, "selector-field-location") : NULL;
	if (!location || !ctf_json_find(r, location, &fc->selector_fc))
		return FALSE;
	if (!fc->selector_fc->is_boolean) {
		const CtfJson *ranges = ctf_json_need(r, v, "selector-field-ranges");
		if (!ranges || !range_set(r, ranges, fc->selector_fc->is_signed, &fc->ranges, &fc->n_ranges))
			return FALSE;
	}
	return build_fc(r, class, &fc->element);
}

static gboolean build_option(CtfJsonReader *r, const CtfJson *v, GHashTable *names, CtfFc *fc)
{
	const char *name;
	const CtfJson *ranges = ctf_json_spend(r, v, v->n) ? ctf_json_need(r, v, "selector-field-ranges") : NULL;
	const CtfJson *class = ranges ? ctf_json_need(r, v, "field-class") : NULL;
	if (!class || !ctf_json_optional_text(r, v, "name", &name))
		return FALSE;
	CtfMember *option = open_member(r, v, name, names, fc);
	return option && range_set(r, ranges, fc->selector_fc->is_signed, &option->ranges, &option->n_ranges) &&
	       build_fc(r, class, &option->fc);
}

typedef struct {
	CtfRange range;
	guint option;
} Claim;

static gint compare_claims(gconstpointer a, gconstpointer b)
{
	const CtfRange *x = &((const Claim *)a)->range, *y = &((const Claim *)b)->range;
	if (x->is_signed)
		return (gint64)x->lower < (gint64)y->lower ? -1 : (gint64)x->lower > (gint64)y->lower;
	return x->lower < y->lower ? -1 : x->lower > y->lower;
}

static gboolean less(guint64 a, guint64 b, gboolean is_signed)
{
	return is_signed ? (gint64)a < (gint64)b : a < b;
}

/* No value may choose two options. */
static gboolean check_claims(CtfJsonReader *r, const CtfJson *options, GArray *claims, gboolean is_signed)
{
	g_array_sort(claims, compare_claims);
	for (guint i = 1; i < claims->len; i++) {
		Claim *before = &g_array_index(claims, Claim, i - 1), *now = &g_array_index(claims, Claim, i);
		if (less(before->range.upper, now->range.lower, is_signed))
			continue;
		if (before->option != now->option)
			return ctf_json_fail(r, options,
			                     "options %u and %u of the variant share a value of the selector",
			                     MIN(before->option, now->option), MAX(before->option, now->option));
		/* One option's ranges may overlap: the next is compared with the one that reaches further. */
		if (less(now->range.upper, before->range.upper, is_signed))
			now->range.upper = before->range.upper;
	}
	return TRUE;
}

static gboolean check_options(CtfJsonReader *r, const CtfJson *options, const CtfFc *fc)
{
	gpointer key;
	gboolean is_signed = fc->selector_fc->is_signed;
	if (ctf_json_made(r, options, is_signed ? CTF_JSON_MADE_CHECK_SIGNED : CTF_JSON_MADE_CHECK, &key))
		return TRUE;
	g_autoptr(GArray) claims = g_array_new(FALSE, FALSE, sizeof(Claim));
	for (guint i = 0; i < fc->n_members; i++)
		for (guint j = 0; j < fc->members[i].n_ranges; j++) {
			Claim claim = {fc->members[i].ranges[j], i};
			if (!less(claim.range.upper, claim.range.lower, is_signed))
				g_array_append_val(claims, claim);
		}
	g_hash_table_insert(r->made, key, key);
	return check_claims(r, options, claims, is_signed);
}

static gboolean build_variant(CtfJsonReader *r, const CtfJson *v, CtfFc *fc)
{
	const CtfJson *options = ctf_json_need(r, v, "options");
	const CtfJson *location = options ? ctf_json_need(r, v, "selector-field-location") : NULL;
	g_autoptr(GHashTable) names = g_hash_table_new(NULL, NULL);
	if (!location || !ctf_json_find(r, location, &fc->selector_fc))
		return FALSE;
	if (fc->selector_fc->is_boolean)
		return ctf_json_fail(r, location, "a variant's selector must be an integer");
	if (!open_members(r, options, "options", fc))
		return FALSE;
	if (!options->n)
		return ctf_json_fail(r, options, "a variant must have an option");
	const CtfJson *option = options + 1;
	for (guint i = 0; i < options->n; i++, option = ctf_json_next(option))
		if (!build_option(r, option, names, fc))
			return FALSE;
	return check_options(r, options, fc);
}

/* ---- Any field class ------------------------------------------------------------------------------------------ */

static const Type types[] = {
        {"structure", CTF_FC_STRUCT, build_struct},
        {"fixed-length-unsigned-integer", CTF_FC_INT, build_int},
        {"fixed-length-signed-integer", CTF_FC_INT, build_int, .is_signed = TRUE},
        {"fixed-length-floating-point-number", CTF_FC_FLOAT, build_bits},
        {"fixed-length-boolean", CTF_FC_INT, build_bits, .is_boolean = TRUE},
        {"fixed-length-bit-array", CTF_FC_INT, build_bits, .is_bit_array = TRUE},
        {"fixed-length-bit-map", CTF_FC_INT, build_bit_map, .is_bit_array = TRUE},
        {"variable-length-unsigned-integer", CTF_FC_VARINT, build_varint},
        {"variable-length-signed-integer", CTF_FC_VARINT, build_varint, .is_signed = TRUE},
        {"null-terminated-string", CTF_FC_STRING, build_string},
        {"static-length-string", CTF_FC_STATIC_TEXT, build_text},
        {"dynamic-length-string", CTF_FC_DYNAMIC_TEXT, build_text},
        {"static-length-blob", CTF_FC_STATIC_BLOB, build_blob},
        {"dynamic-length-blob", CTF_FC_DYNAMIC_BLOB, build_blob},
        {"static-length-array", CTF_FC_ARRAY, build_array},
        {"dynamic-length-array", CTF_FC_SEQUENCE, build_array},
        {"optional", CTF_FC_OPTIONAL, build_optional},
        {"variant", CTF_FC_VARIANT, build_variant},
};

static const Type *type_of(CtfJsonReader *r, const CtfJson *v)
{
	const CtfJson *name = ctf_json_need(r, v, "type");
	for (guint i = 0; name && i < G_N_ELEMENTS(types); i++)
		if (ctf_json_is(r->m, name, types[i].name))
			return &types[i];
	if (name)
		ctf_json_fail(r, name, "this is no type of a field class");
	return NULL;
}

/* The field class that a name or an object stands for. */
static const CtfJson *resolve(CtfJsonReader *r, const CtfJson *v)
{
	if (v->type != CTF_JSON_STRING)
		return ctf_json_expect(r, v, CTF_JSON_OBJECT, "a field class") ? v : NULL;
	const char *name = ctf_json_text(r, v, "an alias");
	const CtfJsonAlias *alias = name ? g_hash_table_lookup(r->aliases, name) : NULL;
	if (alias && alias->end <= v->at)
		return alias->fc;
	if (name)
		ctf_json_fail(r, v, "no field class alias \"%s\" comes before this", name);
	return NULL;
}

static CtfFc *new_fc(CtfJsonReader *r, const CtfJson *v, const Type *type)
{
	if (r->depth >= CTF_DEPTH_MAX) {
		ctf_json_fail(r, v, "field classes are nested more than %d deep", CTF_DEPTH_MAX);
		return NULL;
	}
	if (r->n_fcs++ >= r->max_fcs) {
		ctf_json_fail(r, v, "too many field classes: aliases multiply them to more than %u", r->max_fcs);
		return NULL;
	}
	CtfFc *fc = ctf_fc_new(r->m, type->type);
	fc->scope = (guint8)r->scope;
	fc->is_signed = type->is_signed;
	fc->is_boolean = type->is_boolean;
	fc->is_bit_array = type->is_bit_array;
	return fc;
}

static void set_parent(CtfJsonReader *r, CtfFc *fc)
{
	for (guint i = r->depth; i--;) {
		if (r->spine[i]->type != CTF_FC_STRUCT)
			continue;
		g_hash_table_insert(r->parents, fc, r->spine[i]);
		return;
	}
}

/* `*fc_out` is set before the field class is complete, so that field locations within it find it. */
static gboolean build_fc(CtfJsonReader *r, const CtfJson *v, CtfFc **fc_out)
{
	const CtfJson *class = resolve(r, v);
	const Type *type = class && ctf_json_spend(r, class, class->n) ? type_of(r, class) : NULL;
	CtfFc *fc = type && ctf_json_no_extensions(r, class) ? new_fc(r, v, type) : NULL;
	if (!fc)
		return FALSE;
	if (fc->type == CTF_FC_STRUCT)
		set_parent(r, fc);
	*fc_out = fc;
	r->spine[r->depth++] = fc;
	gboolean ok = type->build(r, class, fc);
	r->depth--;
	return ok;
}

gboolean ctf_json_tree(CtfJsonReader *r, const CtfJson *v, CtfScope scope, CtfFc **tree_out)
{
	r->scope = scope;
	r->trees[scope] = NULL;
	if (!build_fc(r, v, &r->trees[scope]))
		return FALSE;
	if (r->trees[scope]->type != CTF_FC_STRUCT)
		return ctf_json_fail(r, v, "this must be a structure");
	*tree_out = r->trees[scope];
	return TRUE;
}
