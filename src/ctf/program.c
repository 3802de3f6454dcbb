/* SPDX-License-Identifier: MIT */
#include "ctf/program.h"

#include "ctf/bits.h"

typedef enum {
	OP_SKIP,     /* n bits, the end is checked */
	OP_ALIGN,    /* to n bits */
	OP_INT,      /* aligned already */
	OP_TIME,     /* a timestamp of a header: value and size */
	OP_VARINT,
	OP_FLOAT,
	OP_STRING,   /* null-terminated, code units of n bytes */
	OP_BYTES,    /* n or slots[count] bytes; text ends at the first null */
	OP_ELEMENTS, /* n or slots[count] elements of `size` bits, `stride` apart */
	OP_LOOP,     /* n or slots[count] times the body */
	OP_SELECT,   /* one of the bodies, by fc's members and slots[count] */
	OP_IF,       /* the body, by fc's ranges and slots[count] */
} OpCode;

typedef struct {
	guint8 code;
	gboolean text;
	gint16 out;        /* -1: none */
	gint16 slot;       /* -1: none */
	gint16 count;      /* slot of a length or selector, -1: none */
	guint64 n;
	guint32 size, stride;
	const CtfFc *fc;
	CtfProgram **bodies;
	guint n_bodies;
} Op;

struct CtfProgram {
	GArray *ops;
};

/* ---- Positions known beforehand ------------------------------------------------------------------------------ */

static void known_align(CtfKnown *k, guint align)
{
	if (align > 64)
		align = 64;
	if (k->mod < align)
		*k = (CtfKnown){align, 0};
	else
		k->rem = (guint)ctf_round_up(k->rem, align) & (k->mod - 1);
}

static gboolean known_aligned(const CtfKnown *k, guint align)
{
	return align <= k->mod && k->rem % align == 0;
}

static void known_add(CtfKnown *k, guint64 bits)
{
	k->rem = (guint)((k->rem + bits) & (k->mod - 1));
}

/* After any number of steps of `unit` bits. */
static void known_blur(CtfKnown *k, guint64 unit)
{
	while (k->mod > 1 && unit % k->mod)
		k->mod /= 2;
	k->rem &= k->mod - 1;
}

static void known_join(CtfKnown *k, CtfKnown other)
{
	k->mod = MIN(k->mod, other.mod);
	while (k->mod > 1 && k->rem % k->mod != other.rem % k->mod)
		k->mod /= 2;
	k->rem &= k->mod - 1;
}

/* ---- Compiling ----------------------------------------------------------------------------------------------- */

typedef struct {
	CtfOutputs outputs;
	gboolean header; /* outputs go by roles */
	CtfKnown known;
} Compiler;

static void compile_fc(Compiler *k, CtfProgram *p, const CtfFc *fc);

static CtfProgram *program_alloc(void)
{
	CtfProgram *p = g_new0(CtfProgram, 1);
	p->ops = g_array_new(FALSE, TRUE, sizeof(Op));
	return p;
}

static Op *emit(CtfProgram *p, OpCode code, const CtfFc *fc)
{
	Op op = {.code = (guint8)code, .out = -1, .slot = -1, .count = -1, .fc = fc};
	g_array_append_val(p->ops, op);
	return &g_array_index(p->ops, Op, p->ops->len - 1);
}

static void emit_skip(Compiler *k, CtfProgram *p, guint64 bits)
{
	known_add(&k->known, bits);
	if (!bits)
		return;
	Op *last = p->ops->len ? &g_array_index(p->ops, Op, p->ops->len - 1) : NULL;
	if (last && last->code == OP_SKIP && last->n < G_MAXUINT64 / 2)
		last->n += bits;
	else
		emit(p, OP_SKIP, NULL)->n = bits;
}

static void emit_align(Compiler *k, CtfProgram *p, guint align)
{
	if (known_aligned(&k->known, align))
		return;
	if (k->known.mod >= align) {
		emit_skip(k, p, ctf_round_up(k->known.rem, align) - k->known.rem);
		return;
	}
	emit(p, OP_ALIGN, NULL)->n = align;
	known_align(&k->known, align);
}

static gint16 output_of(const Compiler *k, const CtfFc *fc)
{
	if (k->header)
		return fc->role == CTF_ROLE_EVENT_CLASS_ID ? CTF_OUT_ID : fc->role == CTF_ROLE_TIMESTAMP ? CTF_OUT_TIME : -1;
	for (guint i = 0; i < k->outputs.n; i++)
		if (k->outputs.fcs[i] == fc)
			return (gint16)i;
	return -1;
}

static gint16 count_of(const CtfFc *fc)
{
	return fc ? (gint16)fc->slot : -1;
}

static void compile_int(Compiler *k, CtfProgram *p, const CtfFc *fc)
{
	gint16 out = output_of(k, fc);
	gboolean varint = fc->type == CTF_FC_VARINT;
	if (!varint && out < 0 && fc->slot < 0) {
		emit_skip(k, p, fc->size);
		return;
	}
	Op *op = emit(p, varint ? OP_VARINT : k->header && out == CTF_OUT_TIME ? OP_TIME : OP_INT, fc);
	op->out = out;
	op->slot = (gint16)fc->slot;
	if (varint)
		known_blur(&k->known, 8);
	else
		known_add(&k->known, fc->size);
}

static void compile_float(Compiler *k, CtfProgram *p, const CtfFc *fc)
{
	gint16 out = output_of(k, fc);
	if (out < 0) {
		emit_skip(k, p, fc->size);
		return;
	}
	emit(p, OP_FLOAT, fc)->out = out;
	known_add(&k->known, fc->size);
}

static void compile_bytes(Compiler *k, CtfProgram *p, const CtfFc *fc)
{
	gint16 out = output_of(k, fc);
	gboolean fixed = !fc->length_fc && fc->type != CTF_FC_STRING;
	emit_align(k, p, 8);
	if (fixed && out < 0 && fc->length < G_MAXUINT32) {
		emit_skip(k, p, fc->length * 8);
		return;
	}
	Op *op = emit(p, fc->type == CTF_FC_STRING ? OP_STRING : OP_BYTES, fc);
	op->out = out;
	op->count = count_of(fc->length_fc);
	op->text = fc->type == CTF_FC_STATIC_TEXT || fc->type == CTF_FC_DYNAMIC_TEXT;
	if (fc->type == CTF_FC_STRING)
		op->n = fc->encoding == CTF_TEXT_UTF8 ? 1 : fc->encoding <= CTF_TEXT_UTF16LE ? 2 : 4;
	else
		op->n = fc->length;
	known_blur(&k->known, fixed ? fc->length * 8 : 8);
}

/* TRUE if elements of this class always take the same bits when they are aligned. */
static gboolean element_size(const CtfFc *fc, guint32 *size_out)
{
	if ((fc->type != CTF_FC_INT && fc->type != CTF_FC_FLOAT) || fc->slot >= 0 || !fc->size)
		return FALSE;
	*size_out = fc->size;
	return TRUE;
}

static CtfProgram *compile_body(Compiler *k, const CtfFc *fc)
{
	CtfProgram *body = program_alloc();
	compile_fc(k, body, fc);
	return body;
}

static void compile_array(Compiler *k, CtfProgram *p, const CtfFc *fc)
{
	guint32 size;
	gint16 out = output_of(k, fc);
	if (element_size(fc->element, &size)) {
		guint32 stride = (guint32)ctf_round_up(size, fc->element->align);
		if (!fc->length_fc && fc->length && fc->length < G_MAXUINT32 && out < 0) {
			emit_skip(k, p, (fc->length - 1) * stride + size);
			return;
		}
		Op *op = emit(p, OP_ELEMENTS, fc);
		op->out = out;
		op->count = count_of(fc->length_fc);
		op->n = fc->length;
		op->size = size;
		op->stride = stride;
		known_blur(&k->known, size == stride ? size : 1);
		return;
	}
	Op *op = emit(p, OP_LOOP, fc);
	op->out = out;
	op->count = count_of(fc->length_fc);
	op->n = fc->length;
	guint at = p->ops->len - 1;
	CtfProgram **bodies = g_new0(CtfProgram *, 1);
	CtfKnown before = k->known;
	k->known = (CtfKnown){1, 0}; /* each round begins elsewhere */
	bodies[0] = compile_body(k, fc->element);
	known_join(&k->known, before);
	op = &g_array_index(p->ops, Op, at);
	op->bodies = bodies;
	op->n_bodies = 1;
}

static void compile_choice(Compiler *k, CtfProgram *p, const CtfFc *fc)
{
	gboolean optional = fc->type == CTF_FC_OPTIONAL;
	emit(p, optional ? OP_IF : OP_SELECT, fc)->count = count_of(fc->selector_fc);
	guint at = p->ops->len - 1;
	guint n = optional ? 1 : fc->n_members;
	CtfProgram **bodies = g_new0(CtfProgram *, MAX(n, 1));
	CtfKnown before = k->known, after = before;
	for (guint i = 0; i < n; i++) {
		k->known = before;
		bodies[i] = compile_body(k, optional ? fc->element : fc->members[i].fc);
		if (i == 0 && !optional)
			after = k->known;
		else
			known_join(&after, k->known);
	}
	k->known = after;
	Op *op = &g_array_index(p->ops, Op, at);
	op->bodies = bodies;
	op->n_bodies = n;
}

static void compile_fc(Compiler *k, CtfProgram *p, const CtfFc *fc)
{
	emit_align(k, p, fc->align);
	switch (fc->type) {
	case CTF_FC_INT:
	case CTF_FC_VARINT:
		compile_int(k, p, fc);
		break;
	case CTF_FC_FLOAT:
		compile_float(k, p, fc);
		break;
	case CTF_FC_STRING:
	case CTF_FC_STATIC_TEXT:
	case CTF_FC_DYNAMIC_TEXT:
	case CTF_FC_STATIC_BLOB:
	case CTF_FC_DYNAMIC_BLOB:
		compile_bytes(k, p, fc);
		break;
	case CTF_FC_ARRAY:
	case CTF_FC_SEQUENCE:
		compile_array(k, p, fc);
		break;
	case CTF_FC_STRUCT:
		for (guint i = 0; i < fc->n_members; i++)
			compile_fc(k, p, fc->members[i].fc);
		break;
	case CTF_FC_VARIANT:
	case CTF_FC_OPTIONAL:
		compile_choice(k, p, fc);
		break;
	}
}

CtfProgram *ctf_program_new(const CtfFc *const *trees, guint n_trees, CtfOutputs outputs, CtfKnown *known)
{
	Compiler k = {.outputs = outputs, .known = *known};
	CtfProgram *p = program_alloc();
	for (guint i = 0; i < n_trees; i++)
		if (trees[i])
			compile_fc(&k, p, trees[i]);
	*known = k.known;
	return p;
}

CtfProgram *ctf_program_header(const CtfFc *header, CtfKnown *known)
{
	Compiler k = {.header = TRUE, .known = *known};
	CtfProgram *p = program_alloc();
	compile_fc(&k, p, header);
	*known = k.known;
	return p;
}

void ctf_program_free(CtfProgram *p)
{
	if (!p)
		return;
	for (guint i = 0; i < p->ops->len; i++) {
		Op *op = &g_array_index(p->ops, Op, i);
		for (guint j = 0; j < op->n_bodies; j++)
			ctf_program_free(op->bodies[j]);
		g_free(op->bodies);
	}
	g_array_unref(p->ops);
	g_free(p);
}

/* ---- Programs of fixed size ---------------------------------------------------------------------------------- */

/* An integer or text at a known distance as one load. FALSE: it needs the program. */
static gboolean extract_of(const Op *op, guint64 bits, CtfExtract *e)
{
	const CtfFc *fc = op->fc;
	guint bit = bits & 7;
	*e = (CtfExtract){.byte = (guint32)(bits >> 3), .out = (guint8)op->out, .len = (guint32)op->n};
	if (op->code == OP_BYTES) {
		e->kind = op->text ? CTF_EXTRACT_TEXT : CTF_EXTRACT_BYTES;
		return !op->text || fc->encoding == CTF_TEXT_UTF8;
	}
	if (op->code != OP_INT || fc->reverse_bits || fc->size + bit > 64)
		return FALSE;
	e->kind = fc->big_endian ? CTF_EXTRACT_BE : CTF_EXTRACT_LE;
	e->mask = G_MAXUINT64 >> (64 - fc->size);
	e->sign = fc->is_signed ? 1ull << (fc->size - 1) : 0;
	e->shift = (guint8)(fc->big_endian ? 64 - fc->size - bit : bit);
	return TRUE;
}

gboolean ctf_program_fixed(const CtfProgram *p, guint64 *bits_out, GArray **extracts_out)
{
	g_autoptr(GArray) extracts = g_array_new(FALSE, FALSE, sizeof(CtfExtract));
	guint64 bits = 0;
	for (guint i = 0; i < p->ops->len; i++) {
		const Op *op = &g_array_index(p->ops, Op, i);
		CtfExtract e;
		if (bits > G_MAXUINT32 / 2)
			return FALSE;
		if (op->code == OP_SKIP) {
			bits += op->n;
			continue;
		}
		if ((op->code != OP_INT && op->code != OP_BYTES) || op->slot >= 0 || op->count >= 0 || op->n > G_MAXUINT32 / 16)
			return FALSE;
		if (!extract_of(op, bits, &e))
			return FALSE;
		g_array_append_val(extracts, e);
		bits += op->code == OP_INT ? op->fc->size : op->n * 8;
	}
	*bits_out = bits;
	*extracts_out = g_steal_pointer(&extracts);
	return TRUE;
}

/* ---- Running ------------------------------------------------------------------------------------------------- */

static void put(CtfExec *x, const Op *op, guint64 value)
{
	if (op->slot >= 0)
		x->slots[op->slot] = value;
	if (op->out >= 0) {
		x->v[op->out] = value;
		x->present |= 1u << op->out;
	}
}

static gboolean run_int(CtfExec *x, const Op *op)
{
	if (op->fc->size > x->end - x->pos)
		return FALSE;
	guint64 value = ctf_bits(x->base, x->pos, op->fc);
	if (op->fc->is_signed)
		value = ctf_sign_extend(value, op->fc->size);
	x->pos += op->fc->size;
	put(x, op, value);
	if (op->code == OP_TIME)
		x->v[CTF_OUT_TIME_SIZE] = op->fc->size;
	return TRUE;
}

static gboolean run_varint(CtfExec *x, const Op *op)
{
	guint64 value, begin = x->pos;
	if (!ctf_leb128(x->base, &x->pos, x->end, op->fc->is_signed, &value))
		return FALSE;
	put(x, op, value);
	/* A time has as many bits as its bytes hold (2 §6.3). */
	if (op->out == CTF_OUT_TIME && op->fc->role == CTF_ROLE_TIMESTAMP)
		x->v[CTF_OUT_TIME_SIZE] = (x->pos - begin) / 8 * 7;
	return TRUE;
}

/* Texts, floats and elements that are put out: the cursor knows how to read them. */
static void put_bytes(CtfExec *x, const Op *op, guint64 begin, guint64 len)
{
	put(x, op, CTF_TEXT(begin >> 3, len));
}

static gboolean run_float(CtfExec *x, const Op *op)
{
	CtfCursor c = {.base = x->base, .pos = x->pos, .end = x->end};
	double d = ctf_cursor_float(&c, op->fc);
	guint64 bits;
	memcpy(&bits, &d, 8);
	x->pos = c.pos;
	put(x, op, bits);
	return !c.failed;
}

static gboolean run_string(CtfExec *x, const Op *op)
{
	guint64 begin = x->pos, len;
	if (G_LIKELY(op->n == 1)) {
		const guint8 *p = x->base + (begin >> 3);
		const guint8 *null = memchr(p, 0, (x->end - begin) >> 3);
		if (!null)
			return FALSE;
		len = (guint64)(null - p);
		x->pos += (len + 1) * 8;
	} else {
		CtfCursor c = {.base = x->base, .pos = begin, .end = x->end};
		ctf_cursor_bytes(&c, op->fc, &len);
		x->pos = c.pos;
		if (c.failed)
			return FALSE;
	}
	put_bytes(x, op, begin, len);
	return TRUE;
}

static guint64 count(const CtfExec *x, const Op *op)
{
	return op->count >= 0 ? x->slots[op->count] : op->n;
}

static gboolean run_bytes(CtfExec *x, const Op *op)
{
	guint64 n = count(x, op), begin = x->pos;
	if (n > (x->end - x->pos) >> 3)
		return FALSE;
	x->pos += n * 8;
	if (op->out >= 0) {
		const guint8 *p = x->base + (begin >> 3);
		const guint8 *null = op->text && n && op->fc->encoding == CTF_TEXT_UTF8 ? memchr(p, 0, n) : NULL;
		put_bytes(x, op, begin, null ? (guint64)(null - p) : n);
	}
	return TRUE;
}

static gboolean run_elements(CtfExec *x, const Op *op)
{
	guint64 n = count(x, op), begin = x->pos;
	if (!n)
		return put(x, op, CTF_TEXT(begin >> 3, 0)), TRUE;
	if (n > (x->end - x->pos) / op->size)
		return FALSE;
	guint64 bits = (n - 1) * op->stride + op->size;
	if (bits > x->end - x->pos)
		return FALSE;
	x->pos += bits;
	if (!((begin | bits) & 7))
		put_bytes(x, op, begin, bits >> 3);
	return TRUE;
}

static gboolean run_loop(CtfExec *x, const Op *op)
{
	guint64 n = count(x, op);
	if (n > x->end - x->pos && n > CTF_ELEMENTS_MAX)
		return FALSE;
	for (guint64 i = 0; i < n; i++)
		if (!ctf_program_run(op->bodies[0], x))
			return FALSE;
	return TRUE;
}

static gboolean run_select(CtfExec *x, const Op *op)
{
	guint64 selector = count(x, op);
	ctf_slots_forget(op->fc, x->slots);
	for (guint i = 0; i < op->n_bodies; i++)
		if (ctf_ranges_hold(op->fc->members[i].ranges, op->fc->members[i].n_ranges, selector))
			return ctf_program_run(op->bodies[i], x);
	return FALSE;
}

static gboolean run_if(CtfExec *x, const Op *op)
{
	guint64 selector = count(x, op);
	ctf_slots_forget(op->fc, x->slots);
	gboolean present = op->fc->n_ranges ? ctf_ranges_hold(op->fc->ranges, op->fc->n_ranges, selector) : selector != 0;
	return !present || ctf_program_run(op->bodies[0], x);
}

static gboolean run_op(CtfExec *x, const Op *op)
{
	guint64 pos;

	switch ((OpCode)op->code) {
	case OP_SKIP:
		if (op->n > x->end - x->pos)
			return FALSE;
		x->pos += op->n;
		return TRUE;
	case OP_ALIGN:
		pos = ctf_round_up(x->pos, op->n);
		if (pos > x->end)
			return FALSE;
		x->pos = pos;
		return TRUE;
	case OP_INT:
	case OP_TIME:
		return run_int(x, op);
	case OP_VARINT:
		return run_varint(x, op);
	case OP_FLOAT:
		return run_float(x, op);
	case OP_STRING:
		return run_string(x, op);
	case OP_BYTES:
		return run_bytes(x, op);
	case OP_ELEMENTS:
		return run_elements(x, op);
	case OP_LOOP:
		return run_loop(x, op);
	case OP_SELECT:
		return run_select(x, op);
	case OP_IF:
		return run_if(x, op);
	}
	return FALSE;
}

gboolean ctf_program_run(const CtfProgram *p, CtfExec *x)
{
	for (guint i = 0; i < p->ops->len; i++)
		if (!run_op(x, &g_array_index(p->ops, Op, i)))
			return FALSE;
	return TRUE;
}

/* ---- Slots --------------------------------------------------------------------------------------------------- */

static gboolean give_slot(CtfFc *fc, guint *next)
{
	CtfFc *first = fc;
	while (first->slot_fc)
		first = first->slot_fc;
	if (first->slot < 0) {
		if (*next >= CTF_SLOTS_MAX)
			return FALSE;
		first->slot = (gint)(*next)++;
	}
	fc->slot = first->slot;
	return TRUE;
}

gboolean ctf_slots_assign(CtfFc *fc, guint *next)
{
	if (!fc)
		return TRUE;
	guint before = *next;
	if (fc->is_referenced && fc->slot < 0 && !give_slot(fc, next))
		return FALSE;
	if (!ctf_slots_assign(fc->element, next))
		return FALSE;
	for (guint i = 0; i < fc->n_members; i++)
		if (!ctf_slots_assign(fc->members[i].fc, next))
			return FALSE;
	if (fc->type == CTF_FC_VARIANT || fc->type == CTF_FC_OPTIONAL) {
		fc->first_slot = before;
		fc->n_slots = *next - before;
	}
	return TRUE;
}

static gboolean within(const CtfFc *fc, CtfScope from, CtfScope before)
{
	return fc && fc->scope >= from && fc->scope < before;
}

gboolean ctf_fc_refers_between(const CtfFc *fc, CtfScope from, CtfScope before)
{
	if (!fc)
		return FALSE;
	if (within(fc->length_fc, from, before) || within(fc->selector_fc, from, before))
		return TRUE;
	if (ctf_fc_refers_between(fc->element, from, before))
		return TRUE;
	for (guint i = 0; i < fc->n_members; i++)
		if (ctf_fc_refers_between(fc->members[i].fc, from, before))
			return TRUE;
	return FALSE;
}
