/* SPDX-License-Identifier: MIT */
#include "cli/print_plan.h"

/* ---- What is shown --------------------------------------------------------------------------------------------- */

static gboolean is_member_shown(const CtfFc *fc)
{
	for (guint i = 0; i < fc->n_members; i++)
		if (cli_is_shown(fc->members[i].fc))
			return TRUE;
	return FALSE;
}

gboolean cli_is_shown(const CtfFc *fc)
{
	switch (fc->type) {
	case CTF_FC_INT:
	case CTF_FC_VARINT:
		return (!fc->clock && (fc->role == CTF_ROLE_NONE || fc->role == CTF_ROLE_CPU_ID)) || fc->is_referenced;
	case CTF_FC_STRUCT:
		return !fc->n_members || is_member_shown(fc);
	case CTF_FC_VARIANT:
		return is_member_shown(fc);
	case CTF_FC_ARRAY:
	case CTF_FC_SEQUENCE:
	case CTF_FC_OPTIONAL:
		return cli_is_shown(fc->element);
	default:
		return TRUE;
	}
}

/* ---- Operations ------------------------------------------------------------------------------------------------ */

void cli_builder_init(CliBuilder *b, const CliPrintOptions *options, GPtrArray *owned, GPtrArray *enums)
{
	*b = (CliBuilder){.options = options, .owned = owned, .enums = enums, .align = 1};
	b->ops = g_array_new(FALSE, TRUE, sizeof(CliOp));
	b->literal = g_string_new(NULL);
}

/* Literals are copied in whole steps of CLI_LITERAL_PAD. */
static const char *keep_literal(CliBuilder *b)
{
	gsize padded = (b->literal->len + CLI_LITERAL_PAD) / CLI_LITERAL_PAD * CLI_LITERAL_PAD;
	char *literal = g_malloc0(padded);
	memcpy(literal, b->literal->str, b->literal->len);
	g_ptr_array_add(b->owned, literal);
	b->room += b->literal->len;
	g_string_truncate(b->literal, 0);
	return literal;
}

static CliOp *add_op(CliBuilder *b, CliOpKind kind, const CtfFc *fc, gsize room)
{
	CliOp op = {.kind = (guint8)kind, .slot = -1, .fc = fc, .names = (guint8)b->names, .mask = G_MAXUINT64};
	op.align_mask = MAX(b->align, fc ? fc->align : 1) - 1;
	op.literal_len = (guint32)b->literal->len;
	op.literal = keep_literal(b);
	b->align = 1;
	b->room += room;
	g_array_append_val(b->ops, op);
	return &g_array_index(b->ops, CliOp, b->ops->len - 1);
}

CliPlan cli_builder_end(CliBuilder *b)
{
	add_op(b, CLI_OP_END, NULL, 0);
	b->total += b->room;
	CliPlan plan = {.room = b->room, .ops = (CliOp *)(gpointer)g_array_free(b->ops, FALSE)};
	g_ptr_array_add(b->owned, plan.ops);
	g_string_free(b->literal, TRUE);
	b->ops = NULL;
	b->literal = NULL;
	return plan;
}

/* The plan of a field inside of another one. */
static CliPlan sub_plan(CliBuilder *b, const CtfFc *fc)
{
	CliBuilder sub;
	cli_builder_init(&sub, b->options, b->owned, b->enums);
	sub.names = b->names;
	sub.leaves = b->leaves;
	sub.in_array = b->in_array;
	cli_builder_value(&sub, fc);
	CliPlan plan = cli_builder_end(&sub);
	b->total += sub.total;
	return plan;
}

/* ---- Values ---------------------------------------------------------------------------------------------------- */

static CliOpKind kind_of_int(const CliBuilder *b, const CtfFc *fc)
{
	if (fc->is_boolean)
		return CLI_OP_BOOL;
	if (b->options->json)
		return fc->is_signed ? CLI_OP_SIGNED : CLI_OP_DEC;
	if (fc->is_bit_array || fc->base == 16)
		return CLI_OP_HEX;
	if (fc->base == 8)
		return CLI_OP_OCT;
	if (fc->base == 2)
		return CLI_OP_BIN;
	return fc->is_signed ? CLI_OP_SIGNED : CLI_OP_DEC;
}

/*
 * Negative numbers have as many digits as their size needs, rounded up to whole ones. Of hexadecimal ones whose size is rounded up to 64
 * bits babeltrace2 2.0 shows 0 (it shifts by 64).
 */
static guint64 mask_of_int(const CliBuilder *b, CliOpKind kind, const CtfFc *fc, guint size)
{
	guint bits = 64;
	if (kind == CLI_OP_HEX && size > 60 && size < 64 && b->options->quirks)
		return 0;
	if (kind == CLI_OP_HEX)
		bits = (size + 3) & ~3u;
	else if (kind == CLI_OP_OCT && fc->is_signed && size < 64)
		bits = (size + 2) / 3 * 3;
	return bits >= 64 ? G_MAXUINT64 : (1ull << bits) - 1;
}

static void add_int(CliBuilder *b, const CtfFc *fc)
{
	guint size = fc->size ? fc->size : 64;
	CliOpKind kind = kind_of_int(b, fc);
	CliOp *op = add_op(b, kind, fc, CLI_NUMBER_MAX);
	op->size = (guint8)size;
	op->shift = (guint8)(64 - size);
	op->is_signed = (guint8)fc->is_signed;
	op->slot = (gint16)fc->slot;
	op->mask = mask_of_int(b, kind, fc, size);
	op->fast = fc->type == CTF_FC_INT && !fc->big_endian && !fc->reverse_bits && (fc->align >= 8 || size <= 57);
	if (fc->is_enum) {
		op->labels = cli_enum_new(op, b->options->json);
		g_ptr_array_add(b->enums, op->labels);
		op->kind = CLI_OP_ENUM;
	}
}

/* A text that can't be long has its room reserved with the plan: escapes make up to 6 bytes of one. */
static void add_text(CliBuilder *b, const CtfFc *fc)
{
	gboolean is_short = fc->type == CTF_FC_STATIC_TEXT && fc->length <= 64;
	CliOp *op = add_op(b, CLI_OP_TEXT, fc, is_short ? 2 + 6 * fc->length : 0);
	op->fast = is_short && fc->encoding == CTF_TEXT_UTF8;
	op->align_mask |= 7;
	op->leaf = b->leaves ? (*b->leaves)++ : 0;
	op->many = b->in_array;
}

static void add_array(CliBuilder *b, const CtfFc *fc)
{
	g_string_append_c(b->literal, '[');
	CliPlan *element = g_new(CliPlan, 1);
	g_ptr_array_add(b->owned, element);
	gboolean in_array = b->in_array;
	b->in_array = TRUE;
	*element = sub_plan(b, fc->element);
	b->in_array = in_array;
	add_op(b, CLI_OP_ARRAY, fc, 0)->subs = element;
	g_string_append(b->literal, b->options->json ? "]" : " ]");
}

static void add_choice(CliBuilder *b, const CtfFc *fc)
{
	gboolean is_variant = fc->type == CTF_FC_VARIANT;
	guint n = is_variant ? fc->n_members : 1;
	CliPlan *subs = g_new0(CliPlan, MAX(n, 1));
	g_ptr_array_add(b->owned, subs);
	for (guint i = 0; i < n; i++)
		subs[i] = sub_plan(b, is_variant ? fc->members[i].fc : fc->element);
	gboolean braces = is_variant && !b->options->json;
	g_string_append(b->literal, braces ? "{ " : "");
	add_op(b, is_variant ? CLI_OP_VARIANT : CLI_OP_OPTIONAL, fc, 0)->subs = subs;
	g_string_append(b->literal, braces ? " }" : "");
}

static void append_name(CliBuilder *b, const char *name)
{
	if (b->options->json) {
		cli_append_quoted(b->literal, name, TRUE);
		g_string_append_c(b->literal, ':');
	} else if (b->names) {
		g_string_append_printf(b->literal, "%s = ", name);
	}
}

static void add_struct(CliBuilder *b, const CtfFc *fc)
{
	gboolean json = b->options->json, first = TRUE;
	g_string_append_c(b->literal, '{');
	b->align = MAX(b->align, fc->align);
	for (guint i = 0; i < fc->n_members; i++) {
		if (!cli_is_shown(fc->members[i].fc)) {
			cli_builder_skip(b, fc->members[i].fc);
			continue;
		}
		g_string_append(b->literal, json ? (first ? "" : ",") : (first ? " " : ", "));
		first = FALSE;
		append_name(b, fc->members[i].display);
		cli_builder_value(b, fc->members[i].fc);
	}
	g_string_append(b->literal, json ? "}" : " }");
	if (b->align > 1)
		add_op(b, CLI_OP_ALIGN, NULL, 0);
}

void cli_builder_skip(CliBuilder *b, const CtfFc *fc)
{
	add_op(b, CLI_OP_SKIP, fc, 0);
}

void cli_builder_value(CliBuilder *b, const CtfFc *fc)
{
	switch (fc->type) {
	case CTF_FC_INT:
	case CTF_FC_VARINT:
		add_int(b, fc);
		break;
	case CTF_FC_FLOAT:
		add_op(b, CLI_OP_FLOAT, fc, CLI_NUMBER_MAX);
		break;
	case CTF_FC_STRING:
	case CTF_FC_STATIC_TEXT:
	case CTF_FC_DYNAMIC_TEXT:
		add_text(b, fc);
		break;
	case CTF_FC_STATIC_BLOB:
	case CTF_FC_DYNAMIC_BLOB:
		add_op(b, CLI_OP_BLOB, fc, 0);
		break;
	case CTF_FC_ARRAY:
	case CTF_FC_SEQUENCE:
		add_array(b, fc);
		break;
	case CTF_FC_STRUCT:
		add_struct(b, fc);
		break;
	case CTF_FC_VARIANT:
	case CTF_FC_OPTIONAL:
		add_choice(b, fc);
		break;
	}
}
