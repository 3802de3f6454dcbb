/* SPDX-License-Identifier: MIT */
/* kernel/files_private.h: what the files of the part "files" share. */
#ifndef STRATA_KERNEL_FILES_PRIVATE_H
#define STRATA_KERNEL_FILES_PRIVATE_H

#include "kernel/fdtable.h"
#include "kernel/files.h"

/* A process, as far as descriptors and paths go. */
typedef struct {
	FdTable *fds;     /* NULL: nothing is known */
	guint32 cwd;      /* text of its directory; 0: not known */
	guint32 family;   /* those that have the same directory, though it isn't known */
} FilesProcess;

typedef struct KernelFiles {
	KernelSet *set;
	guint table;
	FilesProcess **pages[KERNEL_TID_MAX >> 10]; /* by pid, a thousand to a page */
	GHashTable *by_address;  /* guint64 * of an FdTable -> that table */
	GHashTable *by_name;     /* gint64 *: family and text -> number of the file plus one */
	GHashTable *peers;       /* gint64 *: file and waker -> text of a detail */
	GArray *details;         /* guint32 by file: text of a detail; 0: none yet */
	guint64 fd_bytes;
	guint n_processes;
	guint32 n_families;
	guint32 n_paths;
	guint32 last_path;       /* the greatest text of a path so far */
	guint32 others;          /* number of the file for all beyond the limit; KERNEL_NO_FILE: not yet */
	guint32 losses;
	gint32 dumped_pid;       /* whose state was dumped last: its descriptors follow */
	gint restart;            /* number of the system call restart_syscall */
} KernelFiles;

/* ---- files_names.c: files, their names and kinds ---------------------------------------------------------------- */

/* A new file. `t` may be NULL. */
guint32 files_new(KernelFiles *f, KernelThread *t, gint32 pid, guint kind, const char *name, gint64 fd, gint64 opened_ns);

/* The file of a path, made now if there is none: `path` as it was given, relative to `base` (text of a directory; 0: not known). */
guint32 files_by_path(KernelFiles *f, KernelThread *t, const FilesProcess *p, gint32 pid, guint32 base, gboolean cwd, guint32 path, gint64 fd,
		      gint64 opened_ns);

/* The file of a name that a state dump has: "socket:[123]", "/dev/null". */
guint32 files_by_dump(KernelFiles *f, gint32 pid, const char *name, guint len, gint64 fd);

KernelFileItem *files_item(const KernelFiles *f, guint32 file);

/* What a use of it proves of its kind. */
void files_learn(KernelFiles *f, guint32 file, guint kind);

/* The name of a socket's ends, as they are known now. */
void files_name_socket(KernelFiles *f, guint32 file);

/* The kind of a socket. */
guint files_socket_kind(gint64 family, gint64 type, gint64 protocol);

/* A path's text, if it may be kept; 0: not recorded, or there are too many. */
guint32 files_path_text(KernelFiles *f, const TraceEvent *ev, guint field);

/* ---- files_fields.c: fields that are no plain numbers --------------------------------------------------------------- */

/* Up to `max` elements of an array of integers, or of structures that begin with one. Returns how many. */
guint files_ints(const TraceEvent *ev, const char *field, guint64 *out, guint max);

/* The address that an event has: family, port and address of `call` are set. FALSE: it has none. */
gboolean files_address(const TraceEvent *ev, KernelCall *call);

/* ---- files.c ---------------------------------------------------------------------------------------------------------- */

FilesProcess *files_process(KernelFiles *f, const KernelThread *t);      /* NULL: not known */
guint32 files_lookup(KernelFiles *f, const KernelThread *t, gint64 fd);  /* KERNEL_NO_FILE: not known */

/* ---- files_why.c -------------------------------------------------------------------------------------------------------- */

void files_why(gpointer part, const KernelBlocked *b, KernelWhy *why);

#endif
