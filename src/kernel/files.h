/* SPDX-License-Identifier: MIT */
/*
 * kernel/files.h: what descriptors stand for. A part of the set (kernel/set.h); it hears of system calls from the part before it.
 *
 * Processes have tables of descriptors, which fork copies, clone may share, exec and exit close. They are filled from the state dump that LTTng makes
 * when recording begins, and from the calls that open, duplicate and close. A descriptor that neither tells of is a file of its own, "fd 7": one that was
 * open before the recording (there was no state dump), or one that was opened in a way that no event tells (received over a Unix socket, by io_uring).
 *
 * What is one file: files with a path are one for every path that was given (two containers' /etc/passwd are one; a relative path is
 * made absolute if the directory is known, else it is one for each process family). Sockets, pipes and the like are one for each that was created; both ends of a
 * pipe and of a socketpair are one.
 */
#ifndef STRATA_KERNEL_FILES_H
#define STRATA_KERNEL_FILES_H

#include "kernel/syscalls.h"

#define KERNEL_FILES_TABLE "files"

/* Limits: what is opened beyond them is told as the file "others", or is not known. */
#define KERNEL_FILES_MAX    (1u << 21)  /* files */
#define KERNEL_FD_MAX       (1u << 20)  /* descriptors of a process: Linux's own default limit (nr_open) */
#define KERNEL_FD_BYTES_MAX (256u << 20) /* memory of all processes' tables */
#define KERNEL_FD_PROCESSES_MAX (1u << 19) /* processes at a time */
#define KERNEL_PEERS_MAX    (1u << 16)  /* details of waits that name a peer */

/* K(ID, NAME, MEANING): kinds of files. */
/* clang-format off */
#define KERNEL_FILE_KINDS(K) \
	K(UNKNOWN,   "unknown",   "not known") \
	K(FILE,      "file",      "a regular file, as far as its path tells") \
	K(DIRECTORY, "directory", "a directory") \
	K(DEVICE,    "device",    "below /dev") \
	K(KERNEL,    "kernel",    "below /proc or /sys: what the kernel tells, no storage") \
	K(PIPE,      "pipe",      "a pipe") \
	K(SOCKET,    "socket",    "a socket whose family is not known") \
	K(TCP,       "tcp",       "a TCP socket, IPv4 or IPv6") \
	K(UDP,       "udp",       "a UDP socket") \
	K(INET,      "inet",      "another IPv4 or IPv6 socket") \
	K(UNIX,      "unix",      "a Unix socket") \
	K(NETLINK,   "netlink",   "a netlink socket") \
	K(VSOCK,     "vsock",     "a socket between a VM and its host") \
	K(PACKET,    "packet",    "a packet socket") \
	K(EVENTFD,   "eventfd",   "a counter that threads wake each other with") \
	K(EPOLL,     "epoll",     "a set of descriptors to wait for") \
	K(TIMERFD,   "timerfd",   "a timer") \
	K(SIGNALFD,  "signalfd",  "signals") \
	K(INOTIFY,   "inotify",   "changes of files (inotify, fanotify)") \
	K(IO_URING,  "io_uring",  "a ring of requests") \
	K(MEMFD,     "memfd",     "memory") \
	K(ANON,      "anon",      "another object of the kernel: a KVM machine, a perf event, ...") \
	K(OTHERS,    "others",    "all beyond the limit")
/* clang-format on */

typedef enum {
#define KERNEL_K(id, name, meaning) KERNEL_FILE_##id,
	KERNEL_FILE_KINDS(KERNEL_K)
#undef KERNEL_K
	KERNEL_FILE_KIND_COUNT
} KernelFileKind;

const char *kernel_file_kind_name(guint kind);

static inline gboolean kernel_file_is_socket(guint kind)
{
	return kind >= KERNEL_FILE_SOCKET && kind <= KERNEL_FILE_PACKET;
}

static inline gboolean kernel_file_is_inet(guint kind)
{
	return kind >= KERNEL_FILE_TCP && kind <= KERNEL_FILE_INET;
}

/* TRUE for what may lie on a block device. */
static inline gboolean kernel_file_is_storage(guint kind)
{
	return kind == KERNEL_FILE_FILE || kind == KERNEL_FILE_DIRECTORY || kind == KERNEL_FILE_DEVICE;
}

/* An item of the table: KernelSyscallItem.file is its number. */
typedef struct {
	gint64 opened_ns;      /* the first opening seen; G_MININT64: none, it was open before the recording */
	gint64 closed_ns;      /* the last closing seen; G_MAXINT64: none */
	guint32 name;          /* text: "/var/lib/mysql/ibdata1", "tcp 10.0.0.11:80 <- 10.0.0.12:34568", "pipe 7,8", "fd 7" */
	guint32 thread;        /* serial of who opened it, or used it first; G_MAXUINT32: nobody did, the state dump told */
	gint32 pid;            /* the process; -1: not known */
	gint32 fd;             /* the first descriptor that stood for it */
	guint32 opens;         /* openings seen: open, socket, accept, ...; not dup or fork */
	guint8 kind;           /* KernelFileKind */
	guint8 is_server;      /* accepted here */
	guint8 has_remote, has_local;
	guint8 is_pair;        /* made by pipe or socketpair: it is both ends */
	guint16 remote_port, local_port;
	guint8 remote[16], local[16]; /* IPv6 addresses; those of IPv4 are mapped */
} KernelFileItem;

/* ---- For the part syscalls, which tells it of calls ---------------------------------------------------------------- */

struct KernelFiles;

/* A call begins: find its files. `ev` is its entry. */
void kernel_files_entry(struct KernelFiles *f, KernelThread *t, KernelCall *call, const TraceEvent *ev);

/* A call that is complete ends. */
void kernel_files_exit(struct KernelFiles *f, KernelThread *t, KernelCall *call, gint64 ret, const TraceEvent *ev);

#endif
