/* SPDX-License-Identifier: MIT */
/*
 * block_rwbs.c: what a request does, as tracers write it. LTTng: a number of bits. ftrace and perf: letters: "F" for a flush before it, one for the operation, then "F" (FUA),
 * "A", "S", "M".
 */
#include "kernel/block_private.h"

#include <string.h>

enum {
	RWBS_WRITE = 1 << 0,
	RWBS_DISCARD = 1 << 1,
	RWBS_READ = 1 << 2,
	RWBS_AHEAD = 1 << 3,
	RWBS_SYNC = 1 << 5,
	RWBS_META = 1 << 6,
	RWBS_SECURE = 1 << 7,
	RWBS_FLUSH = 1 << 8, /* a flush command; with a write, before Linux 4.8: one that asks for a flush before it */
	RWBS_FUA = 1 << 9,
	RWBS_PREFLUSH = 1 << 10,
};

static KernelDiskOp op_of_bits(guint64 rwbs)
{
	if (rwbs & RWBS_WRITE)
		return KERNEL_DISK_OP_WRITE;
	if (rwbs & RWBS_DISCARD)
		return KERNEL_DISK_OP_DISCARD;
	if (rwbs & RWBS_READ)
		return KERNEL_DISK_OP_READ;
	return rwbs & RWBS_FLUSH ? KERNEL_DISK_OP_FLUSH : KERNEL_DISK_OP_OTHER;
}

BlockOp block_op_from_bits(guint64 rwbs)
{
	static const struct {
		guint16 bit, flag;
	} flags[] = {{RWBS_SYNC, KERNEL_DISK_SYNC}, {RWBS_META, KERNEL_DISK_META},         {RWBS_AHEAD, KERNEL_DISK_AHEAD},
		     {RWBS_FUA, KERNEL_DISK_FUA},   {RWBS_PREFLUSH, KERNEL_DISK_PREFLUSH}, {RWBS_SECURE, KERNEL_DISK_SECURE}};
	BlockOp op = {.op = (guint8)op_of_bits(rwbs)};

	for (guint i = 0; i < G_N_ELEMENTS(flags); i++)
		if (rwbs & flags[i].bit)
			op.flags |= flags[i].flag;
	if (op.op == KERNEL_DISK_OP_WRITE && (rwbs & RWBS_FLUSH))
		op.flags |= KERNEL_DISK_PREFLUSH;
	return op;
}

static KernelDiskOp op_of_letter(char letter)
{
	switch (letter) {
	case 'R':
		return KERNEL_DISK_OP_READ;
	case 'W':
		return KERNEL_DISK_OP_WRITE;
	case 'D':
		return KERNEL_DISK_OP_DISCARD;
	case 'F':
		return KERNEL_DISK_OP_FLUSH;
	default:
		return KERNEL_DISK_OP_OTHER;
	}
}

static guint16 flag_of_letter(char letter)
{
	switch (letter) {
	case 'F':
		return KERNEL_DISK_FUA;
	case 'A':
		return KERNEL_DISK_AHEAD;
	case 'S':
		return KERNEL_DISK_SYNC;
	case 'M':
		return KERNEL_DISK_META;
	case 'E':
		return KERNEL_DISK_SECURE;
	default:
		return 0;
	}
}

BlockOp block_op_from_text(const char *text, guint len)
{
	BlockOp op = {.op = KERNEL_DISK_OP_OTHER};
	guint i = 0;

	if (len > 1 && text[0] == 'F' && text[1] && strchr("RWDFN", text[1])) {
		op.flags = KERNEL_DISK_PREFLUSH;
		i++;
	}
	if (i < len)
		op.op = (guint8)op_of_letter(text[i++]);
	for (; i < len; i++)
		op.flags |= flag_of_letter(text[i]);
	return op;
}

const char *kernel_disk_op_name(guint op)
{
	static const char *const names[KERNEL_DISK_OP_COUNT] = {
#define KERNEL_O(id, name) [KERNEL_DISK_OP_##id] = (name),
		KERNEL_DISK_OPS(KERNEL_O)
#undef KERNEL_O
	};

	return op < KERNEL_DISK_OP_COUNT ? names[op] : "other";
}

const char *kernel_disk_via_name(guint via)
{
	static const char *const names[KERNEL_DISK_VIA_COUNT] = {
#define KERNEL_V(id, name) [KERNEL_DISK_VIA_##id] = (name),
		KERNEL_DISK_VIAS(KERNEL_V)
#undef KERNEL_V
	};

	return via < KERNEL_DISK_VIA_COUNT ? names[via] : "kernel";
}
