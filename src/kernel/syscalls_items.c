/* SPDX-License-Identifier: MIT */
/* syscalls_items.c: calls in little room. */
#include "kernel/syscalls.h"

G_STATIC_ASSERT(sizeof(KernelSyscallItem) == 40);

/* Arguments from here to -1 are kept as their low 32 bits. */
#define NEGATIVE 0xffff0000u

KernelSyscallTables kernel_syscall_tables_make(History *h)
{
	return (KernelSyscallTables){
		.calls = history_table(h, KERNEL_SYSCALLS_TABLE, sizeof(KernelSyscallItem)),
		.partial = history_table(h, KERNEL_SYSCALLS_PARTIAL_TABLE, sizeof(KernelSyscallItem)),
		.wide = history_table(h, KERNEL_SYSCALLS_WIDE_TABLE, sizeof(KernelSyscallWideItem)),
		.names = history_table(h, KERNEL_SYSCALL_NAMES_TABLE, sizeof(guint32)),
	};
}

gboolean kernel_syscall_tables_find(const History *h, KernelSyscallTables *t)
{
	return history_find_table(h, KERNEL_SYSCALLS_TABLE, sizeof(KernelSyscallItem), &t->calls) &&
	       history_find_table(h, KERNEL_SYSCALLS_PARTIAL_TABLE, sizeof(KernelSyscallItem), &t->partial) &&
	       history_find_table(h, KERNEL_SYSCALLS_WIDE_TABLE, sizeof(KernelSyscallWideItem), &t->wide) &&
	       history_find_table(h, KERNEL_SYSCALL_NAMES_TABLE, sizeof(guint32), &t->names);
}

static inline gboolean fits(guint64 arg)
{
	return arg < NEGATIVE || arg >= (guint64)(gint64)(gint32)NEGATIVE;
}

static inline guint64 widen(guint32 arg)
{
	return arg < NEGATIVE ? arg : (guint64)(gint64)(gint32)arg;
}

static guint32 cpu_number(gint16 cpu)
{
	return cpu >= 0 ? MIN((guint32)cpu, KERNEL_NO_CPU) : KERNEL_NO_CPU;
}

void kernel_syscall_add(History *h, const KernelSyscallTables *t, gboolean partial, guint name, const KernelSyscall *call)
{
	KernelSyscallItem *item = history_table_add(h, partial ? t->partial : t->calls);
	gint64 ns = call->end_ns - call->begin_ns;

	item->end_ns = call->end_ns;
	item->ns = (guint64)CLAMP(ns, 0, (1ll << 48) - 1);
	item->name = name & (KERNEL_SYSCALL_NAMES_MAX - 1);
	item->present = call->present & 3;
	item->thread = call->thread;
	item->file = call->file;
	item->cpu_begin = cpu_number(call->cpu_begin);
	item->cpu_end = cpu_number(call->cpu_end);
	item->flags = call->flags & 0x3f;
	item->ret = (gint32)call->ret;
	item->args[0] = (guint32)call->args[0];
	item->args[1] = (guint32)call->args[1];
	item->is_long = !fits(call->args[0]) && call->args[0] >> 48 == 0 && call->args[1] >> 16 == 0;
	if (item->is_long)
		item->args[1] |= (guint32)(call->args[0] >> 32 << 16);
	gboolean args_fit = item->is_long || (fits(call->args[0]) && fits(call->args[1]));
	item->is_wide = item->ret != call->ret || !args_fit || call->file2 != KERNEL_NO_FILE;
	if (!item->is_wide)
		return;
	item->ret = (gint32)(guint32)history_table_len(h, t->wide);
	KernelSyscallWideItem *wide = history_table_add(h, t->wide);
	*wide = (KernelSyscallWideItem){.ret = call->ret, .args = {call->args[0], call->args[1]}, .file2 = call->file2};
}

void kernel_syscall_unpack(const History *h, const KernelSyscallTables *t, const KernelSyscallItem *item, KernelSyscall *out)
{
	const guint32 *name = item->name < history_table_len(h, t->names) ? history_table_get(h, t->names, item->name) : NULL;

	*out = (KernelSyscall){
		.begin_ns = item->end_ns - (gint64)item->ns,
		.end_ns = item->end_ns,
		.ret = item->ret,
		.args = {widen(item->args[0]), widen(item->args[1])},
		.thread = item->thread,
		.name = name ? *name : 0,
		.file = item->file,
		.file2 = KERNEL_NO_FILE,
		.cpu_begin = item->cpu_begin == KERNEL_NO_CPU ? -1 : (gint16)item->cpu_begin,
		.cpu_end = item->cpu_end == KERNEL_NO_CPU ? -1 : (gint16)item->cpu_end,
		.flags = (guint8)item->flags,
		.present = (guint8)item->present,
	};
	if (item->is_long) {
		out->args[0] = item->args[0] | (guint64)(item->args[1] >> 16) << 32;
		out->args[1] = item->args[1] & 0xffff;
	}
	if (item->is_wide && (guint32)item->ret < history_table_len(h, t->wide)) {
		const KernelSyscallWideItem *wide = history_table_get(h, t->wide, (guint32)item->ret);

		out->ret = wide->ret;
		out->args[0] = wide->args[0];
		out->args[1] = wide->args[1];
		out->file2 = wide->file2;
	}
	if (out->ret < 0 && out->ret >= -4095 && !(out->flags & (KERNEL_CALL_NO_END)))
		out->flags |= KERNEL_CALL_ERROR;
}
