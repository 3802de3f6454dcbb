/* SPDX-License-Identifier: MIT */
/*
 * kernel/syscalls.h: system calls, one by one. A part of the set (kernel/set.h); the parts files and futex hear of calls from it.
 *
 * A call is complete if its entry and its exit were recorded, and nothing that was lost between them can have held others. Complete ones are items
 * of the table "syscalls", in order of their ends. All others (begun before the recording, open at its end, torn by lost events, or of a thread that
 * ended in it) are items of the table "syscalls_partial": they are told, but no latency is made of them.
 *
 * What is none of both: the return of clone, fork or vfork in the child, and exit() and exit_group(), which don't return.
 */
#ifndef STRATA_KERNEL_SYSCALLS_H
#define STRATA_KERNEL_SYSCALLS_H

#include "kernel/set.h"

#define KERNEL_SYSCALLS_TABLE         "syscalls"
#define KERNEL_SYSCALLS_PARTIAL_TABLE "syscalls_partial"
#define KERNEL_SYSCALLS_WIDE_TABLE    "syscalls_wide"
#define KERNEL_SYSCALL_NAMES_TABLE    "syscall_names"

#define KERNEL_NO_FILE G_MAXUINT32

/* Limits. Beyond them: paths of calls that open nothing are not kept; unknown numbers are "unknown". */
#define KERNEL_PATHS_MAX           (1u << 18)
#define KERNEL_UNKNOWN_NUMBERS_MAX 1024
#define KERNEL_SYSCALL_NAMES_MAX   (1u << 12)

enum {
	KERNEL_CALL_COMPAT = 1 << 0,     /* of a 32 bit program on a 64 bit kernel */
	KERNEL_CALL_TEXT = 1 << 1,       /* args[1] is a text: a path as it was given */
	KERNEL_CALL_FILE_DOUBT = 1 << 2, /* events were lost since its descriptor was last seen opened: it may be another file */
	KERNEL_CALL_NO_BEGIN = 1 << 3,   /* partial: no entry; begin_ns is end_ns */
	KERNEL_CALL_NO_END = 1 << 4,     /* partial: no exit; end_ns is when that was seen */
	KERNEL_CALL_TORN = 1 << 5,       /* partial: events were lost in it */
	KERNEL_CALL_ERROR = 1 << 6,      /* ret is one of -1..-4095, an errno */
};

/* A call, as kernel_syscall_unpack() gives it. */
typedef struct {
	gint64 begin_ns, end_ns;
	gint64 ret;
	guint64 args[2];        /* as KernelCallRule.pick says */
	guint32 thread;         /* serial; G_MAXUINT32: not known */
	guint32 name;           /* text, as the tracer has it; numbers that it has no name for: "unknown 334" */
	guint32 file, file2;    /* of the table "files": what it works on, and what it copies to; KERNEL_NO_FILE: none, or not known */
	gint16 cpu_begin, cpu_end; /* -1: not known */
	guint8 flags;
	guint8 present;         /* a bit for each of args that was recorded */
} KernelSyscall;

/* ---- Tables --------------------------------------------------------------------------------------------------------- */

/*
 * What the tables hold. There are as many calls as there is anything in a trace, so that an item is small; what doesn't fit is in
 * an item of the table "syscalls_wide", and where is in `ret`.
 */
typedef struct {
	gint64 end_ns;
	guint64 ns : 48;        /* three days; longer ones are cut */
	guint64 name : 12;      /* item of the table "syscall_names", which is a text */
	guint64 present : 2;
	guint64 is_long : 1;    /* the upper 16 bits of args[1] are those of an address above 32 bits in args[0] */
	guint64 is_wide : 1;
	guint32 thread, file;
	gint32 ret;
	guint32 args[2];        /* from 0xffff0000 on they are negative */
	guint32 cpu_begin : 13; /* KERNEL_NO_CPU: not known */
	guint32 cpu_end : 13;
	guint32 flags : 6;      /* without KERNEL_CALL_ERROR, which is the result's matter */
} KernelSyscallItem;

#define KERNEL_NO_CPU 0x1fffu

typedef struct {
	gint64 ret;
	guint64 args[2];
	guint32 file2, zero;
} KernelSyscallWideItem;

typedef struct {
	guint calls, partial, wide, names;
} KernelSyscallTables;

/* While it is being made: they are made if they are not there. */
KernelSyscallTables kernel_syscall_tables_make(History *h);

/* FALSE: the history has none. */
gboolean kernel_syscall_tables_find(const History *h, KernelSyscallTables *tables_out);

/* Append a call; `name` is its item of "syscall_names". */
void kernel_syscall_add(History *h, const KernelSyscallTables *tables, gboolean partial, guint name, const KernelSyscall *call);

void kernel_syscall_unpack(const History *h, const KernelSyscallTables *tables, const KernelSyscallItem *item, KernelSyscall *out);

/* ---- Rules: what is known of a system call's arguments -------------------------------------------------------- */

/* What a call does with its file. */
typedef enum {
	KERNEL_OP_NONE,
	KERNEL_OP_OTHER,
	KERNEL_OP_READ,
	KERNEL_OP_WRITE,
	KERNEL_OP_READ_N,  /* the result counts messages, not bytes */
	KERNEL_OP_WRITE_N,
	KERNEL_OP_COPY,    /* reads the one, writes the other */
	KERNEL_OP_SYNC,
} KernelOp;

enum { KERNEL_FOR_FILES = 1, KERNEL_FOR_FUTEX = 2 };

/* Arguments count from 1 (ENTRY[0] of trace/syscalls.h is 1) so that 0 is none. */
typedef struct {
	guint8 fd, fd2;    /* the descriptors that it works on */
	guint8 path;       /* a path */
	guint8 pick[2];    /* what items keep; both 0: the first two */
	guint8 op;         /* KernelOp */
	guint8 kind;       /* KernelFileKind that its descriptor must be of; 0: any */
	guint8 subject;    /* KERNEL_FOR_... */
} KernelCallRule;

/* Never NULL. */
const KernelCallRule *kernel_call_rule(gint syscall);

/* ---- Calls that are going on ------------------------------------------------------------------------------------- */

typedef struct {
	gint64 begin_ns;
	guint64 args[6];        /* as TRACE_SYSCALL_ENTRY has them; texts are not to be used */
	guint64 switches;
	guint32 losses, cpu_losses;
	guint32 name;           /* item of "syscall_names" */
	guint32 path;           /* text; 0: none */
	guint32 file, file2;
	gint32 cpu;
	gint16 syscall;         /* TraceSyscall or a number after those; -1: none is open */
	guint16 args_present;
	guint8 flags;
	gboolean had_any;       /* the thread has made a call before */
	/* An address that the call was given: connect, bind. */
	guint8 family;          /* 0: none */
	guint16 port;
	guint8 addr[16];
} KernelCall;

/* The call in which a thread is; NULL: in none, or it isn't known. */
const KernelCall *kernel_syscalls_current(const KernelSet *set, const KernelThread *t);

#endif
