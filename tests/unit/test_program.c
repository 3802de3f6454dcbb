/* SPDX-License-Identifier: MIT */
/* Programs against the cursor, on random field classes and random bytes: two ways to read one thing. */
#include <string.h>

#include "ctf/bits.h"
#include "ctf/program.h"

#define BYTES 512

static CtfFc *fc_new(CtfFcType type)
{
	CtfFc *fc = g_new0(CtfFc, 1);
	fc->type = type;
	fc->align = 1u << g_random_int_range(0, 7);
	fc->slot = -1;
	fc->base = 10;
	return fc;
}

static CtfFc *random_int(guint max_bits)
{
	CtfFc *fc = fc_new(CTF_FC_INT);
	fc->size = (guint)g_random_int_range(1, (gint32)max_bits + 1);
	fc->is_signed = g_random_boolean();
	fc->big_endian = g_random_boolean();
	fc->reverse_bits = g_random_int_range(0, 10) == 0;
	return fc;
}

static void add_member(CtfFc *fc, CtfFc *member)
{
	fc->members = g_renew(CtfMember, fc->members, fc->n_members + 1);
	fc->members[fc->n_members++] = (CtfMember){.name = "m", .display = "m", .fc = member};
}

static CtfFc *random_fc(guint depth, CtfFc **lengths, guint *n_lengths);

static CtfFc *length(CtfFc **lengths, guint *n_lengths)
{
	return *n_lengths ? lengths[g_random_int_range(0, (gint32)*n_lengths)] : NULL;
}

static CtfFc *random_variant(guint depth, CtfFc **lengths, guint *n_lengths)
{
	CtfFc *fc = fc_new(CTF_FC_VARIANT);
	fc->align = 1;
	fc->selector_fc = length(lengths, n_lengths);
	for (guint i = 0; i < 3; i++) {
		guint known = *n_lengths; /* what is defined in an option is not there in another */
		add_member(fc, random_fc(depth, lengths, &known));
		fc->members[i].ranges = g_new0(CtfRange, 1);
		fc->members[i].ranges[0] = (CtfRange){i * 3, i * 3 + 2, FALSE};
		fc->members[i].n_ranges = 1;
	}
	return fc;
}

static CtfFc *random_struct(guint depth, CtfFc **lengths, guint *n_lengths)
{
	CtfFc *fc = fc_new(CTF_FC_STRUCT);
	guint n = (guint)g_random_int_range(0, 6);
	for (guint i = 0; i < n; i++) {
		if (g_random_int_range(0, 3) == 0 && *n_lengths < 8) {
			CtfFc *len = random_int(4);
			len->is_signed = FALSE;
			len->is_referenced = TRUE;
			lengths[(*n_lengths)++] = len;
			add_member(fc, len);
		}
		add_member(fc, random_fc(depth, lengths, n_lengths));
	}
	return fc;
}

static CtfFc *random_fc(guint depth, CtfFc **lengths, guint *n_lengths)
{
	static const CtfFcType scalars[] = {CTF_FC_INT, CTF_FC_VARINT, CTF_FC_FLOAT, CTF_FC_STRING, CTF_FC_STATIC_TEXT, CTF_FC_DYNAMIC_TEXT,
	                                    CTF_FC_STATIC_BLOB, CTF_FC_DYNAMIC_BLOB};
	static const CtfFcType nested[] = {CTF_FC_ARRAY, CTF_FC_SEQUENCE, CTF_FC_STRUCT, CTF_FC_VARIANT, CTF_FC_OPTIONAL};
	gboolean leaf = !depth || g_random_boolean();
	CtfFcType type = leaf ? scalars[g_random_int_range(0, G_N_ELEMENTS(scalars))] : nested[g_random_int_range(0, G_N_ELEMENTS(nested))];
	if (type == CTF_FC_INT)
		return random_int(64);
	if (type == CTF_FC_STRUCT)
		return random_struct(depth - 1, lengths, n_lengths);
	if (type == CTF_FC_VARIANT)
		return random_variant(depth - 1, lengths, n_lengths);
	CtfFc *fc = fc_new(type);
	if (type == CTF_FC_FLOAT)
		fc->size = g_random_boolean() ? 32 : 64;
	if (type >= CTF_FC_STRING && type <= CTF_FC_DYNAMIC_BLOB)
		fc->align = MAX(fc->align, 8);
	fc->length = (guint64)g_random_int_range(0, 5);
	if (type == CTF_FC_DYNAMIC_TEXT || type == CTF_FC_DYNAMIC_BLOB || type == CTF_FC_SEQUENCE)
		fc->length_fc = length(lengths, n_lengths);
	if (type == CTF_FC_OPTIONAL)
		fc->selector_fc = length(lengths, n_lengths);
	if (!leaf) {
		guint known = *n_lengths;
		fc->element = random_fc(depth - 1, lengths, &known);
		fc->align = MAX(fc->align, fc->element->align);
	}
	return fc;
}

static void fc_free(CtfFc *fc)
{
	if (!fc)
		return;
	fc_free(fc->element);
	for (guint i = 0; i < fc->n_members; i++) {
		fc_free(fc->members[i].fc);
		g_free(fc->members[i].ranges);
	}
	g_free(fc->members);
	g_free(fc);
}

static void random_bytes(guint8 *data)
{
	for (guint i = 0; i < BYTES; i++)
		data[i] = g_random_int_range(0, 4) ? (guint8)g_random_int_range(0, 256) : 0;
	memset(data + BYTES, 0, 16);
}

static void same_end(void)
{
	guint fitting = 0, fixed = 0;
	for (guint round = 0; round < 20000; round++) {
		CtfFc *lengths[64];
		guint n_lengths = 0, next = 0;
		guint8 data[BYTES + 16];
		guint64 slots_a[CTF_SLOTS_MAX] = {0}, slots_b[CTF_SLOTS_MAX] = {0}, bits;
		g_autoptr(GArray) extracts = NULL;
		CtfFc *fc = random_struct(3, lengths, &n_lengths);
		g_assert_true(ctf_slots_assign(fc, &next));
		random_bytes(data);
		guint64 start = (guint64)g_random_int_range(0, 64), end = (guint64)g_random_int_range(64, BYTES * 8);
		CtfKnown known = {1u << g_random_int_range(0, 4), 0};
		known.rem = (guint)start % known.mod;
		const CtfFc *trees[] = {fc};
		CtfProgram *p = ctf_program_new(trees, 1, (CtfOutputs){0}, &known);
		CtfExec x = {.base = data, .pos = start, .end = end, .slots = slots_a};
		CtfCursor c = {.base = data, .pos = start, .end = end, .slots = slots_b};
		gboolean ok = ctf_program_run(p, &x);
		ctf_cursor_skip(&c, fc);
		g_assert_cmpint(ok, ==, !c.failed);
		if (ok) {
			g_assert_cmpuint(x.pos, ==, c.pos);
			g_assert_cmpuint(x.pos % known.mod, ==, known.rem);
			fitting++;
			if (ctf_program_fixed(p, &bits, &extracts)) {
				g_assert_cmpuint(x.pos - start, ==, bits);
				fixed++;
			}
		}
		ctf_program_free(p);
		fc_free(fc);
	}
	g_assert_cmpuint(fitting, >, 1000);
	g_assert_cmpuint(fixed, >, 100);
}

/* The plain definition of a field's bits (2 §6.4.3). */
static guint64 slow_bits(const guint8 *data, guint64 pos, const CtfFc *fc)
{
	guint64 v = 0;
	for (guint i = 0; i < fc->size; i++) {
		guint64 at = pos + i;
		gboolean last_to_first = fc->big_endian != fc->reverse_bits;
		guint64 bit = (data[at / 8] >> (fc->big_endian ? 7 - at % 8 : at % 8)) & 1;
		v |= bit << (last_to_first ? fc->size - 1 - i : i);
	}
	return v;
}

static void any_bit(void)
{
	guint8 data[BYTES + 16];
	random_bytes(data);
	for (guint round = 0; round < 100000; round++) {
		CtfFc *fc = random_int(64);
		guint64 pos = (guint64)g_random_int_range(0, BYTES * 8 - 64);
		g_assert_cmphex(ctf_bits(data, pos, fc), ==, slow_bits(data, pos, fc));
		g_free(fc);
	}
}

static void leb128_limits(void)
{
	static const guint8 max[] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01};
	static const guint8 min[] = {0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x7f};
	static const guint8 over[] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x02};
	static const guint8 signed_over[] = {0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x01};
	static const guint8 padded[] = {0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x00};
	static const guint8 minus_two[] = {0x7e};
	guint64 v, pos = 0;
	g_assert_true(ctf_leb128(max, &pos, 80, FALSE, &v));
	g_assert_cmphex(v, ==, G_MAXUINT64);
	pos = 0;
	g_assert_true(ctf_leb128(min, &pos, 80, TRUE, &v));
	g_assert_cmpint((gint64)v, ==, G_MININT64);
	pos = 0;
	g_assert_false(ctf_leb128(over, &pos, 80, FALSE, &v));
	pos = 0;
	g_assert_false(ctf_leb128(max, &pos, 72, FALSE, &v));
	pos = 0;
	g_assert_false(ctf_leb128(signed_over, &pos, 80, TRUE, &v));
	pos = 0;
	g_assert_true(ctf_leb128(padded, &pos, 80, TRUE, &v));
	g_assert_cmpuint(v, ==, 0);
	pos = 0;
	g_assert_true(ctf_leb128(minus_two, &pos, 8, TRUE, &v));
	g_assert_cmpint((gint64)v, ==, -2);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/program/ends-where-the-cursor-ends", same_end);
	g_test_add_func("/bits/any-size-at-any-bit", any_bit);
	g_test_add_func("/bits/leb128-limits", leb128_limits);
	return g_test_run();
}
