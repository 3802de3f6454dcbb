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

#define KERNEL_NO_FILE G_MAXUINT32

/* Limits. Beyond them: paths of calls that open nothing are not kept; unknown numbers are "unknown". */
#define KERNEL_PATHS_MAX           (1u << 18)
#define KERNEL_UNKNOWN_NUMBERS_MAX 1024

enum {
	KERNEL_CALL_ERROR = 1 << 0,      /* ret is one of -1..-4095, an errno */
	KERNEL_CALL_COMPAT = 1 << 1,     /* of a 32 bit program on a 64 bit kernel */
	KERNEL_CALL_TEXT = 1 << 2,       /* args[1] is a text: a path as it was given */
	KERNEL_CALL_FILE_DOUBT = 1 << 3, /* events were lost since its descriptor was last seen opened: it may be another file */
	KERNEL_CALL_NO_BEGIN = 1 << 4,   /* partial: no entry; begin_ns is end_ns */
	KERNEL_CALL_NO_END = 1 << 5,     /* partial: no exit; end_ns is when that was seen */
	KERNEL_CALL_TORN = 1 << 6,       /* partial: events were lost in it */
};

/* An item. 64 bytes. */
typedef struct {
	gint64 begin_ns, end_ns;
	gint64 ret;
	guint64 args[2];        /* as KernelCallRule.pick says; futex: args[1] has the operation below and the value above 32 bits */
	guint32 thread;         /* serial; G_MAXUINT32: not known */
	guint32 name;           /* text, as the tracer has it; numbers that it has no name for: "unknown 334" */
	guint32 file, file2;    /* of the table "files": what it works on, and what it copies to; KERNEL_NO_FILE: none, or not known */
	gint16 cpu_begin, cpu_end; /* -1: not known */
	guint8 flags;
	guint8 present;         /* a bit for each of args that was recorded */
} KernelSyscallItem;

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
	guint32 name;
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
