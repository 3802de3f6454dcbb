/* SPDX-License-Identifier: MIT */
/* Random field classes as metadata has them, and their values as packets have them. */
#include <math.h>
#include <string.h>

#include "randomfc.h"

/* ---- Words ------------------------------------------------------------------------------------------------------ */

/* Words of one tree: what is written in which way is by chance too. */
typedef struct {
	FcMaker *maker;
	Chance chance;
	guint n_types; /* declared within structures */
} Pencil;

static void put_words(Pencil *p, const Fc *fc, GString *out);

static const char *pick(Pencil *p, const char *const *words)
{
	return words[chance_below(&p->chance, g_strv_length((char **)(guintptr)words))];
}

static void put_order(Pencil *p, const Fc *fc, GString *out)
{
	static const char *const big[] = {"be", "network", NULL};
	g_string_append_printf(out, " byte_order = %s;", fc->order == G_BIG_ENDIAN ? pick(p, big) : "le");
}

static void put_number(Pencil *p, guint value, GString *out)
{
	switch (chance_below(&p->chance, 4)) {
	case 0:
		g_string_append_printf(out, "0x%x", value);
		break;
	case 1:
		g_string_append_printf(out, "0%o", value);
		break;
	default:
		g_string_append_printf(out, "%u", value);
	}
}

/* What may be left out is left out at times. */
static void put_int(Pencil *p, const Fc *fc, GString *out)
{
	static const char *const no[] = {"0", "false", "FALSE", NULL}, *const yes[] = {"1", "true", "TRUE", NULL};
	static const char *const bases[17][4] = {[2] = {"2", "b", "binary"}, [8] = {"8", "o", "octal"}, [10] = {"10", "decimal", "u"},
	                                         [16] = {"16", "x", "hexadecimal"}};
	g_string_append(out, "integer { size = ");
	put_number(p, fc->size, out);
	g_string_append_c(out, ';');
	if (fc->align != (fc->size % 8 ? 1 : 8) || chance_percent(&p->chance, 50)) {
		g_string_append(out, " align = ");
		put_number(p, fc->align, out);
		g_string_append_c(out, ';');
	}
	if (fc->is_signed || chance_percent(&p->chance, 50))
		g_string_append_printf(out, " signed = %s;", pick(p, fc->is_signed ? yes : no));
	if (fc->base != 10 || chance_percent(&p->chance, 30))
		g_string_append_printf(out, " base = %s;", pick(p, bases[fc->base]));
	if (fc->is_text)
		g_string_append_printf(out, " encoding = %s;", chance_percent(&p->chance, 50) ? "UTF8" : "ASCII");
	if (fc->alias || chance_percent(&p->chance, 50) || fc->order != fc_byte_order(p->maker))
		put_order(p, fc, out);
	if (fc->clock)
		g_string_append(out, " map = clock.the_clock.value;");
	g_string_append(out, " }");
}

static void put_value(const Fc *fc, guint64 value, GString *out)
{
	if (fc->is_signed)
		g_string_append_printf(out, "%" G_GINT64_FORMAT, (gint64)value);
	else
		g_string_append_printf(out, "%" G_GUINT64_FORMAT, value);
}

static void put_mapping(Pencil *p, const Fc *fc, const FcMapping *mapping, gint64 *next, GString *out)
{
	gboolean bare = strspn(mapping->label, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_0123456789") == strlen(mapping->label);
	gboolean implied = mapping->low == mapping->high && (gint64)mapping->low == *next && *next >= 0;
	g_string_append_printf(out, bare && chance_percent(&p->chance, 50) ? "%s" : "\"%s\"", mapping->label);
	/* After the last value of either sign there is none. */
	*next = mapping->high == G_MAXINT64 || (!fc->is_signed && mapping->high > G_MAXINT64) ? -1 : (gint64)mapping->high + 1;
	if (implied && chance_percent(&p->chance, 70))
		return;
	g_string_append(out, " = ");
	put_value(fc, mapping->low, out);
	if (mapping->low == mapping->high && chance_percent(&p->chance, 70))
		return;
	g_string_append(out, " ... ");
	put_value(fc, mapping->high, out);
}

static void put_mappings(Pencil *p, const Fc *fc, GString *out)
{
	gint64 next = 0;
	g_string_append(out, " { ");
	for (guint i = 0; i < fc->mappings->len; i++) {
		g_string_append(out, i ? ", " : "");
		put_mapping(p, fc, &g_array_index(fc->mappings, FcMapping, i), &next, out);
	}
	g_string_append(out, chance_percent(&p->chance, 30) ? ", }" : " }");
}

static void put_float(Pencil *p, const Fc *fc, GString *out)
{
	g_string_append_printf(out, "floating_point { exp_dig = %d; mant_dig = %d; align = %u;", fc->size == 32 ? 8 : 11, fc->size == 32 ? 24 : 53,
	                       fc->align);
	if (fc->alias || fc->order != fc_byte_order(p->maker) || chance_percent(&p->chance, 30))
		put_order(p, fc, out);
	g_string_append(out, " }");
}

static void put_string(Pencil *p, GString *out)
{
	static const char *const words[] = {"string", "string", "string { encoding = UTF8; }", "string { encoding = ASCII; }", NULL};
	g_string_append(out, pick(p, words));
}

/* A type as declared: `words name[2][len]`, the outermost length first. */
static void put_declaration(Pencil *p, const Fc *fc, const char *name, GString *out)
{
	g_autoptr(GString) lengths = g_string_new(NULL);
	for (; fc->kind == FC_ARRAY || fc->kind == FC_SEQUENCE; fc = fc->element) {
		if (fc->kind == FC_ARRAY)
			g_string_append_printf(lengths, "[%" G_GUINT64_FORMAT "]", fc->length);
		else
			g_string_append_printf(lengths, "[%s]", fc->path);
	}
	gboolean local = fc->kind != FC_VARIANT && fc->kind != FC_STRUCT && !fc->alias && chance_percent(&p->chance, 6);
	if (!local) {
		put_words(p, fc, out);
		g_string_append_printf(out, " %s%s; ", name, lengths->str);
		return;
	}
	gboolean typedefs = chance_percent(&p->chance, 50);
	g_string_append(out, typedefs ? "typedef " : "typealias ");
	put_words(p, fc, out);
	g_string_append_printf(out, "%s local%u; local%u %s%s; ", typedefs ? "" : " :=", p->n_types, p->n_types, name, lengths->str);
	p->n_types++;
}

static void put_members(Pencil *p, const Fc *fc, GString *out)
{
	g_string_append(out, "{ ");
	for (guint i = 0; i < fc->members->len; i++)
		put_declaration(p, g_ptr_array_index(fc->members, i), g_ptr_array_index(fc->names, i), out);
	g_string_append(out, chance_percent(&p->chance, 10) ? "/* more */ }" : "}");
	if (fc->kind == FC_STRUCT && fc->align > 1)
		g_string_append_printf(out, " align(%u)", fc->align);
}

/* `name`: of a named structure or enumeration, or empty. */
static void put_body(Pencil *p, const Fc *fc, const char *name, GString *out)
{
	switch (fc->kind) {
	case FC_INT:
		put_int(p, fc, out);
		break;
	case FC_ENUM:
		g_string_append_printf(out, "enum %s: ", name);
		put_int(p, fc, out);
		put_mappings(p, fc, out);
		break;
	case FC_FLOAT:
		put_float(p, fc, out);
		break;
	case FC_STRING:
		put_string(p, out);
		break;
	case FC_STRUCT:
		g_string_append_printf(out, "struct %s", name);
		put_members(p, fc, out);
		break;
	case FC_VARIANT:
		g_string_append_printf(out, "variant <%s> ", fc->path);
		put_members(p, fc, out);
		break;
	default:
		g_assert_not_reached();
	}
}

static void put_words(Pencil *p, const Fc *fc, GString *out)
{
	if (fc->alias)
		g_string_append(out, fc->alias);
	else
		put_body(p, fc, "", out);
}

static void put_alias(Pencil *p, const Fc *fc, GString *out)
{
	const char *blank = strchr(fc->alias, ' ');
	if (blank) {
		g_autofree char *name = g_strconcat(blank + 1, " ", NULL);
		put_body(p, fc, name, out);
		g_string_append(out, ";\n");
		return;
	}
	gboolean typedefs = chance_percent(&p->chance, 50);
	g_string_append(out, typedefs ? "typedef " : "typealias ");
	put_body(p, fc, "", out);
	g_string_append_printf(out, "%s %s;\n", typedefs ? "" : " :=", fc->alias);
}

char *fc_aliases(FcMaker *m)
{
	g_autoptr(GString) out = g_string_new(NULL);
	const GPtrArray *aliased = fc_aliased(m);
	Pencil p = {m, {chance_bits(fc_chance(m))}, 0};
	for (guint i = 0; i < aliased->len; i++)
		put_alias(&p, g_ptr_array_index(aliased, i), out);
	return g_string_free(g_steal_pointer(&out), FALSE);
}

char *fc_words(FcMaker *m, const Fc *fc)
{
	g_autoptr(GString) out = g_string_new(NULL);
	Pencil p = {m, {chance_bits(fc_chance(m))}, 0};
	put_words(&p, fc, out);
	return g_string_free(g_steal_pointer(&out), FALSE);
}

/* ---- Values ----------------------------------------------------------------------------------------------------- */

const char *fc_display(const char *name)
{
	return name[0] == '_' ? name + 1 : name;
}

void fc_json_text(GString *json, const char *text, gsize n)
{
	g_string_append_c(json, '"');
	for (gsize i = 0; i < n; i++)
		g_string_append_printf(json, "\\u%04x", (guint8)text[i]);
	g_string_append_c(json, '"');
}

static gboolean holds(const Fc *fc, const FcMapping *mapping, guint64 value)
{
	if (fc->is_signed)
		return (gint64)value >= (gint64)mapping->low && (gint64)value <= (gint64)mapping->high;
	return value >= mapping->low && value <= mapping->high;
}

/* TRUE if some range of that label has the value. */
static gboolean label_holds(const Fc *fc, const char *label)
{
	for (guint i = 0; i < fc->mappings->len; i++) {
		const FcMapping *mapping = &g_array_index(fc->mappings, FcMapping, i);
		if (!strcmp(mapping->label, label) && holds(fc, mapping, fc->value))
			return TRUE;
	}
	return FALSE;
}

/* In the order in which metadata first has them, each once, without backslashes. */
static void tell_labels(FcPen *pen, const Fc *fc)
{
	g_autoptr(GHashTable) seen = g_hash_table_new(g_str_hash, g_str_equal);
	gboolean any = FALSE;
	for (guint i = 0; i < fc->mappings->len; i++) {
		const FcMapping *mapping = &g_array_index(fc->mappings, FcMapping, i);
		if (!g_hash_table_add(seen, mapping->label) || !label_holds(fc, mapping->label))
			continue;
		g_autofree char *label = g_strcompress(mapping->label);
		g_string_append(pen->json, any ? "," : "");
		fc_json_text(pen->json, label, strlen(label));
		any = TRUE;
	}
}

static void tell_int(FcPen *pen, const Fc *fc)
{
	if (fc->kind == FC_ENUM)
		g_string_append(pen->json, "{\"value\":");
	put_value(fc, fc->value, pen->json);
	if (fc->kind != FC_ENUM)
		return;
	g_string_append(pen->json, ",\"labels\":[");
	tell_labels(pen, fc);
	g_string_append(pen->json, "]}");
}

static guint64 mask_of(guint size)
{
	return size >= 64 ? G_MAXUINT64 : (1ull << size) - 1;
}

static guint64 tag_value(Chance *c, const Fc *fc)
{
	const FcMapping *mapping = &g_array_index(fc->mappings, FcMapping, chance_below(c, fc->n_tags));
	return mapping->low + chance_bits(c) % (mapping->high - mapping->low + 1);
}

static guint64 enum_value(Chance *c, const Fc *fc)
{
	const FcMapping *mapping = &g_array_index(fc->mappings, FcMapping, chance_below(c, fc->mappings->len));
	if (chance_percent(c, 30))
		return fc_any_value(c, fc);
	return chance_percent(c, 50) ? mapping->low : mapping->high;
}

static guint64 next_value(FcPen *pen, const Fc *fc)
{
	if (fc->meaning != FCM_NONE)
		return pen->values[fc->meaning] & mask_of(fc->size);
	if (fc->most)
		return chance_below(&pen->chance, fc->most + 1);
	if (fc->n_tags)
		return tag_value(&pen->chance, fc);
	return fc->kind == FC_ENUM ? enum_value(&pen->chance, fc) : fc_any_value(&pen->chance, fc);
}

static void write_int(FcPen *pen, Fc *fc)
{
	fc->value = next_value(pen, fc);
	ctfw_uint_as(pen->out, fc->value, fc->size, fc->order);
	tell_int(pen, fc);
}

static void tell_double(FcPen *pen, double value)
{
	char text[G_ASCII_DTOSTR_BUF_SIZE];
	if (isfinite(value))
		g_string_append(pen->json, g_ascii_formatd(text, sizeof text, "%.17g", value));
	else
		g_string_append(pen->json, "null");
}

static void write_float(FcPen *pen, Fc *fc)
{
	static const double values[] = {0.0, -0.0, 1.5, -1e30, 3.14159265, 1e-20, 65536.25, HUGE_VAL, -HUGE_VAL};
	double value = CHANCE_PICK(&pen->chance, values);
	guint64 bits = 0;
	if (fc->size == 32) {
		float single = (float)value;
		guint32 low;
		memcpy(&low, &single, sizeof low);
		bits = low;
		value = (double)single;
	} else {
		memcpy(&bits, &value, sizeof bits);
	}
	ctfw_uint_as(pen->out, bits, fc->size, fc->order);
	tell_double(pen, value);
}

/* Texts that have to be escaped, are not UTF-8, are empty, are long. */
static const char *const texts[] = {"", "", "a", "comm", "swapper/0", "\"quoted\" 'and' \\", "what??", "\x01\x07\x08\t\n\x0b\x0c\r\x1b\x7f\x1f",
                                    "gr\xc3\xb6\xc3\x9f""e \xe2\x82\xac", "\xff\xfe\x80", "a long text of more than sixty-four bytes, so that it "
                                    "reaches over what may be copied at once, and then some more"};

static void write_string(FcPen *pen)
{
	const char *text = CHANCE_PICK(&pen->chance, texts);
	ctfw_string(pen->out, text);
	fc_json_text(pen->json, text, strlen(text));
}

static void write_text(FcPen *pen, guint64 length)
{
	const char *text = CHANCE_PICK(&pen->chance, texts);
	ctfw_text(pen->out, text, length);
	fc_json_text(pen->json, text, MIN(strlen(text), length));
}

static void write_uuid(FcPen *pen)
{
	ctfw_bytes(pen->out, pen->uuid, sizeof pen->uuid);
}

static void write_elements(FcPen *pen, Fc *fc)
{
	guint64 length = fc->kind == FC_ARRAY ? fc->length : fc->ref->value;
	if (fc->meaning == FCM_UUID) {
		write_uuid(pen);
		return;
	}
	if (fc->element->is_text) {
		write_text(pen, length);
		return;
	}
	g_string_append_c(pen->json, '[');
	for (guint64 i = 0; i < length; i++) {
		g_string_append(pen->json, i ? "," : "");
		fc_write(pen, fc->element);
	}
	g_string_append_c(pen->json, ']');
}

static void write_members(FcPen *pen, Fc *fc)
{
	g_string_append_c(pen->json, '{');
	for (guint i = 0; i < fc->members->len; i++) {
		g_string_append(pen->json, i ? "," : "");
		const char *name = fc_display(g_ptr_array_index(fc->names, i));
		g_string_append_printf(pen->json, "\"%s\":", name);
		fc_write(pen, g_ptr_array_index(fc->members, i));
	}
	g_string_append_c(pen->json, '}');
}

/* The option that is called as the label of the tag's value. */
static Fc *chosen(const Fc *fc)
{
	for (guint i = 0; i < fc->ref->mappings->len; i++) {
		const FcMapping *mapping = &g_array_index(fc->ref->mappings, FcMapping, i);
		for (guint j = 0; holds(fc->ref, mapping, fc->ref->value) && j < fc->members->len; j++)
			if (!strcmp(mapping->label, g_ptr_array_index(fc->names, j)))
				return g_ptr_array_index(fc->members, j);
	}
	g_error("randomfc: a tag that chooses nothing");
}

void fc_write(FcPen *pen, Fc *fc)
{
	ctfw_align(pen->out, fc_alignment(fc));
	switch (fc->kind) {
	case FC_INT:
	case FC_ENUM:
		write_int(pen, fc);
		break;
	case FC_FLOAT:
		write_float(pen, fc);
		break;
	case FC_STRING:
		write_string(pen);
		break;
	case FC_ARRAY:
	case FC_SEQUENCE:
		write_elements(pen, fc);
		break;
	case FC_STRUCT:
		write_members(pen, fc);
		break;
	case FC_VARIANT:
		fc_write(pen, chosen(fc));
		break;
	}
}
