/* SPDX-License-Identifier: MIT */
/* files.c: tables of descriptors of processes: what fork, exec, exit and state dumps make of them. */
#include "kernel/files_private.h"

#include <string.h>

G_STATIC_ASSERT(TRACE_PROCESS_EXIT_TID == 0 && TRACE_PROCESS_FREE_TID == 0);

/* Linux's numbers, the same on all architectures that LTTng runs on unless said. */
enum { SHARES_FILES = 0x400 };
#define CLOEXEC 02000000

static gpointer files_create(KernelSet *set)
{
	KernelFiles *f = g_new0(KernelFiles, 1);

	f->set = set;
	f->table = history_table(set->history, KERNEL_FILES_TABLE, sizeof(KernelFileItem));
	f->by_address = g_hash_table_new(g_int64_hash, g_int64_equal);
	f->by_name = g_hash_table_new_full(g_int64_hash, g_int64_equal, g_free, NULL);
	f->peers = g_hash_table_new_full(g_int64_hash, g_int64_equal, g_free, NULL);
	f->details = g_array_new(FALSE, TRUE, sizeof(guint32));
	f->others = KERNEL_NO_FILE;
	f->restart = trace_syscall_by_event("syscall_entry_restart_syscall");
	return f;
}

/* ---- Processes ------------------------------------------------------------------------------------------------------ */

static FilesProcess **place(KernelFiles *f, gint32 pid, gboolean make)
{
	if (pid < 0 || pid >= KERNEL_TID_MAX)
		return NULL;
	FilesProcess ***page = &f->pages[pid >> 10];
	if (!*page && make)
		*page = g_new0(FilesProcess *, 1024);
	return *page ? &(*page)[pid & 1023] : NULL;
}

/* A table that nobody refers to any more is known by its address no more. */
static void drop_table(KernelFiles *f, FdTable *t)
{
	if (t && t->refs == 1 && t->address && g_hash_table_lookup(f->by_address, &t->address) == t)
		g_hash_table_remove(f->by_address, &t->address);
	fd_table_unref(t);
}

static void process_free(KernelFiles *f, FilesProcess **at)
{
	if (!at || !*at)
		return;
	drop_table(f, (*at)->fds);
	g_free(*at);
	*at = NULL;
	f->n_processes--;
}

static void files_free(gpointer part)
{
	KernelFiles *f = part;

	for (gint32 pid = 0; pid < KERNEL_TID_MAX; pid++) {
		if (!f->pages[pid >> 10])
			pid |= 1023;
		else
			process_free(f, place(f, pid, FALSE));
	}
	for (guint i = 0; i < G_N_ELEMENTS(f->pages); i++)
		g_free(f->pages[i]);
	g_hash_table_unref(f->by_address);
	g_hash_table_unref(f->by_name);
	g_hash_table_unref(f->peers);
	g_array_unref(f->details);
	g_free(f);
}

/* The process's number; as long as that isn't known the thread's own. */
static gint32 pid_of(const KernelThread *t)
{
	return t->pid >= 0 ? t->pid : t->tid >= 0 ? t->tid : t->vpid;
}

static FilesProcess *process_make(KernelFiles *f, gint32 pid)
{
	FilesProcess **at = place(f, pid, TRUE);

	if (!at || *at)
		return at ? *at : NULL;
	if (f->n_processes >= KERNEL_FD_PROCESSES_MAX)
		return NULL;
	f->n_processes++;
	*at = g_new0(FilesProcess, 1);
	(*at)->fds = fd_table_new(&f->fd_bytes, KERNEL_FD_BYTES_MAX);
	(*at)->family = ++f->n_families;
	return *at;
}

FilesProcess *files_process(KernelFiles *f, const KernelThread *t)
{
	return process_make(f, pid_of(t));
}

guint32 files_lookup(KernelFiles *f, const KernelThread *t, gint64 fd)
{
	FilesProcess **at = place(f, pid_of(t), FALSE);
	const FdSlot *slot = at && *at ? fd_table_get((*at)->fds, fd) : NULL;

	return slot && slot->file ? slot->file - 1 : KERNEL_NO_FILE;
}

/* ---- Fork, exec, exit ------------------------------------------------------------------------------------------------- */

/* What clone was told to share; clone3's flags are not recorded: then nothing. */
static guint64 clone_flags(const KernelFiles *f, const KernelThread *parent)
{
	const KernelCall *call = kernel_syscalls_current(f->set, parent);

	return call && call->syscall == TRACE_SYS_CLONE && (call->args_present & 1) ? call->args[0] : 0;
}

static void on_fork(KernelFiles *f, const TraceEvent *ev)
{
	gint64 child_tid = trace_has(ev, TRACE_PROCESS_FORK_CHILD_TID) ? (gint64)ev->v[TRACE_PROCESS_FORK_CHILD_TID] : -1;
	gint64 parent_tid = trace_has(ev, TRACE_PROCESS_FORK_PARENT_TID) ? (gint64)ev->v[TRACE_PROCESS_FORK_PARENT_TID] : -1;

	if (child_tid <= 0 || child_tid >= KERNEL_TID_MAX || parent_tid < 0 || parent_tid >= KERNEL_TID_MAX)
		return;
	KernelThread *child = kernel_thread(f->set->kernel, (gint32)child_tid);
	KernelThread *parent = kernel_thread(f->set->kernel, (gint32)parent_tid);
	if (!child || !parent || pid_of(child) == pid_of(parent))
		return; /* a thread shares all that its process has */
	FilesProcess **at = place(f, pid_of(child), TRUE), *from = files_process(f, parent);
	if (!at || !from)
		return;
	process_free(f, at);
	if (f->n_processes >= KERNEL_FD_PROCESSES_MAX)
		return;
	f->n_processes++;
	guint64 flags = clone_flags(f, parent);
	*at = g_new0(FilesProcess, 1);
	(*at)->fds = flags & SHARES_FILES ? fd_table_ref(from->fds) : fd_table_copy(from->fds);
	(*at)->cwd = from->cwd;
	(*at)->family = from->family;
}

static void close_on_exec(FdSlot *slot, gpointer user)
{
	(void)user;
	if (slot->cloexec)
		*slot = (FdSlot){.is_closed = 1, .losses = slot->losses};
}

static void on_exec(KernelFiles *f, const TraceEvent *ev)
{
	gint64 tid = trace_has(ev, TRACE_PROCESS_EXEC_TID) ? (gint64)ev->v[TRACE_PROCESS_EXEC_TID] : -1;
	FilesProcess **at = tid > 0 && tid < KERNEL_TID_MAX ? place(f, (gint32)tid, FALSE) : NULL;

	if (!at || !*at)
		return;
	if ((*at)->fds->refs > 1) {
		FdTable *own = fd_table_copy((*at)->fds);

		drop_table(f, (*at)->fds);
		(*at)->fds = own;
	}
	fd_table_each((*at)->fds, 0, KERNEL_FD_MAX, close_on_exec, NULL);
}

/* A process's main thread is only freed when all of its threads have gone. Where that isn't recorded its end must do. */
static void on_free(KernelFiles *f, const TraceEvent *ev)
{
	gint64 tid = trace_has(ev, TRACE_PROCESS_FREE_TID) ? (gint64)ev->v[TRACE_PROCESS_FREE_TID] : -1;

	if (tid > 0 && tid < KERNEL_TID_MAX)
		process_free(f, place(f, (gint32)tid, FALSE));
}

/* ---- State dump ------------------------------------------------------------------------------------------------------- */

static void set_address(KernelFiles *f, FdTable *t, guint64 address)
{
	FdTable *before = g_hash_table_lookup(f->by_address, &address);

	if (before == t)
		return;
	if (before) {
		g_hash_table_remove(f->by_address, &before->address);
		before->address = 0;
	}
	if (t->address)
		g_hash_table_remove(f->by_address, &t->address);
	t->address = address;
	g_hash_table_insert(f->by_address, &t->address, t);
}

/* A process of the dump has a table: the one of that address, unless events have told of its own already. */
static void on_dumped_process(KernelFiles *f, const TraceEvent *ev)
{
	gint64 tid = trace_has(ev, TRACE_STATEDUMP_PROCESS_TID) ? (gint64)ev->v[TRACE_STATEDUMP_PROCESS_TID] : -1;
	gint64 pid = trace_has(ev, TRACE_STATEDUMP_PROCESS_PID) ? (gint64)ev->v[TRACE_STATEDUMP_PROCESS_PID] : -1;
	guint64 address = trace_has(ev, TRACE_STATEDUMP_PROCESS_FILE_TABLE) ? ev->v[TRACE_STATEDUMP_PROCESS_FILE_TABLE] : 0;

	if (!address || tid != pid || pid <= 0 || pid >= KERNEL_TID_MAX)
		return;
	FilesProcess *p = process_make(f, (gint32)pid);
	if (!p)
		return;
	f->dumped_pid = (gint32)pid;
	FdTable *known = g_hash_table_lookup(f->by_address, &address);
	if (known && known != p->fds && fd_table_is_empty(p->fds)) {
		drop_table(f, p->fds);
		p->fds = fd_table_ref(known);
	} else {
		set_address(f, p->fds, address);
	}
}

static FdTable *dumped_table(KernelFiles *f, const TraceEvent *ev)
{
	if (trace_has(ev, TRACE_STATEDUMP_FD_FILE_TABLE))
		return g_hash_table_lookup(f->by_address, &ev->v[TRACE_STATEDUMP_FD_FILE_TABLE]);
	gint64 pid = trace_has(ev, TRACE_STATEDUMP_FD_PID) ? (gint64)ev->v[TRACE_STATEDUMP_FD_PID] : -1;
	FilesProcess *p = pid > 0 && pid < KERNEL_TID_MAX ? process_make(f, (gint32)pid) : NULL;
	return p ? p->fds : NULL;
}

static gint32 dumped_pid(const KernelFiles *f, const TraceEvent *ev)
{
	if (trace_has(ev, TRACE_STATEDUMP_FD_PID))
		return (gint32)ev->v[TRACE_STATEDUMP_FD_PID];
	return f->dumped_pid;
}

/* A dump that was made before has told the same. */
static gboolean is_named(const KernelFiles *f, const KernelFileItem *item, const char *name, guint len)
{
	const char *known = history_text_get(f->set->history, item->name);

	return strlen(known) == len && memcmp(known, name, len) == 0;
}

/* Events that told of a descriptor are exact; the dump is of about now. It names what was used before and had no name. */
static void on_dumped_fd(KernelFiles *f, const TraceEvent *ev)
{
	FdTable *t = dumped_table(f, ev);
	gint64 fd = trace_has(ev, TRACE_STATEDUMP_FD_FD) ? (gint64)ev->v[TRACE_STATEDUMP_FD_FD] : -1;
	guint len;

	if (!t || !trace_has(ev, TRACE_STATEDUMP_FD_FILENAME))
		return;
	FdSlot *slot = fd_table_put(t, fd);
	const char *name = trace_text(ev, TRACE_STATEDUMP_FD_FILENAME, &len);
	if (!slot || !len)
		return;
	KernelFileItem *used = slot->file ? files_item(f, slot->file - 1) : NULL;
	if (used && (used->opened_ns != G_MININT64 || is_named(f, used, name, len)))
		return;
	guint64 flags = trace_has(ev, TRACE_STATEDUMP_FD_FLAGS) ? ev->v[TRACE_STATEDUMP_FD_FLAGS] : 0;
	guint32 file = files_by_dump(f, dumped_pid(f, ev), name, len, fd);
	*slot = (FdSlot){.file = file + 1, .cloexec = (flags & CLOEXEC) != 0, .losses = f->losses & 0x3fffffff};
}

/* ---- The part ------------------------------------------------------------------------------------------------------------ */

static void files_event(gpointer part, const TraceEvent *ev)
{
	switch ((TraceEventId)ev->id) {
	case TRACE_PROCESS_FORK:
		on_fork(part, ev);
		break;
	case TRACE_PROCESS_EXEC:
		on_exec(part, ev);
		break;
	case TRACE_PROCESS_EXIT: /* its thread's number is at the same place */
		if (((KernelFiles *)part)->set->facts->declared[TRACE_PROCESS_FREE])
			break;
		G_GNUC_FALLTHROUGH;
	case TRACE_PROCESS_FREE:
		on_free(part, ev);
		break;
	case TRACE_STATEDUMP_PROCESS:
		on_dumped_process(part, ev);
		break;
	case TRACE_STATEDUMP_FD:
		on_dumped_fd(part, ev);
		break;
	default:
		break;
	}
}

static void files_loss(gpointer part, gint32 cpu, gint64 time, TraceLossEdge edge)
{
	(void)cpu;
	(void)time;
	(void)edge;
	((KernelFiles *)part)->losses++;
}

static TraceModel files_model(gpointer part)
{
	static const TraceNeed needs[] = {
		{TRACE_PROCESS_FORK, 0xf, 0, 0},       {TRACE_PROCESS_EXEC, 0x1, 0, 0}, {TRACE_PROCESS_FREE, 0x1, 0, 0},
		{TRACE_STATEDUMP_PROCESS, 0x83, 0, 0}, {TRACE_STATEDUMP_FD, 0x1f, 0, 0}, {TRACE_PROCESS_EXIT, 0x1, 0, 0},
	};

	return (TraceModel){.needs = needs, .n_needs = G_N_ELEMENTS(needs), .event = files_event, .loss = files_loss, .self = part};
}

const KernelPart kernel_part_files = {.create = files_create, .model = files_model, .free = files_free, .why = files_why};
