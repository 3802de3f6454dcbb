/* SPDX-License-Identifier: MIT */
/* files_calls.c: what system calls do to descriptors. */
#include "kernel/files_private.h"

#include <errno.h>
#include <string.h>

/* Linux's numbers. Those of flags differ on few architectures (alpha, mips, parisc, sparc), on which O_CLOEXEC then isn't known. */
enum { AT_CWD = -100, F_DUP = 0, F_SET = 2, F_DUP_CLOEXEC = 1030, RANGE_CLOEXEC = 4, MFD_CLOEXEC_BIT = 1, UNSHARE_FILES = 0x400 };
#define CLOEXEC   02000000
#define DIRECTORY 0200000

static gint64 arg(const KernelCall *call, guint i)
{
	return (call->args_present >> i) & 1 ? (gint64)call->args[i] : 0;
}

/* Descriptors are int: tracers record some as unsigned. */
static gint64 fd_arg(const KernelCall *call, guint i)
{
	return (call->args_present >> i) & 1 ? (gint32)call->args[i] : -1;
}

/* ---- Tables ----------------------------------------------------------------------------------------------------------- */

static void put(KernelFiles *f, const KernelThread *t, gint64 fd, guint32 file, gboolean cloexec)
{
	FilesProcess *p = files_process(f, t);
	FdSlot *slot = p && file != KERNEL_NO_FILE ? fd_table_put(p->fds, fd) : NULL;

	if (slot)
		*slot = (FdSlot){.file = file + 1, .cloexec = cloexec != FALSE, .losses = f->losses & 0x3fffffff};
}

static void open_new(KernelFiles *f, KernelThread *t, gint64 fd, guint kind, const char *name, gint64 time, gboolean cloexec)
{
	guint32 file = files_new(f, t, t->pid, kind, name, fd, time);

	files_item(f, file)->opens++;
	put(f, t, fd, file, cloexec);
}

typedef struct {
	KernelFiles *files;
	gint64 time;
} Closing;

static void close_slot(FdSlot *slot, gpointer user)
{
	const Closing *c = user;

	files_item(c->files, slot->file - 1)->closed_ns = c->time;
	*slot = (FdSlot){.is_closed = 1, .losses = slot->losses};
}

static void mark_cloexec(FdSlot *slot, gpointer user)
{
	(void)user;
	slot->cloexec = 1;
}

/* ---- Descriptors that a call uses ---------------------------------------------------------------------------------- */

/* The file of a descriptor that no event told of. */
static guint32 meet(KernelFiles *f, KernelThread *t, gint64 fd, guint kind)
{
	char name[64];
	FilesProcess *p = files_process(f, t);
	const FdSlot *slot = p ? fd_table_get(p->fds, fd) : NULL;
	gboolean closed = slot && slot->is_closed;

	if (slot && slot->file)
		return slot->file - 1;
	g_snprintf(name, sizeof(name), "fd %" G_GINT64_FORMAT " (%s)", fd, closed ? "opened unseen" : "before recording");
	guint32 file = files_new(f, t, t->pid, kind, name, fd, G_MININT64);
	put(f, t, fd, file, FALSE);
	return file;
}

static guint32 find(KernelFiles *f, const KernelThread *t, gint64 fd, KernelCall *call)
{
	FilesProcess *p = files_process(f, t);
	const FdSlot *slot = p ? fd_table_get(p->fds, fd) : NULL;

	if (!slot || !slot->file)
		return KERNEL_NO_FILE;
	if (slot->losses != (f->losses & 0x3fffffff))
		call->flags |= KERNEL_CALL_FILE_DOUBT;
	return slot->file - 1;
}

/* poll() of a single descriptor waits for that one. */
static void poll_one(KernelFiles *f, const KernelThread *t, KernelCall *call, const TraceEvent *ev)
{
	guint nfds = call->syscall == TRACE_SYS_POLL ? 1 : 0;
	guint64 fd;

	if (arg(call, nfds) == 1 && (call->syscall != TRACE_SYS_POLL || arg(call, 0) != 0) && files_ints(ev, "fds", &fd, 1) == 1)
		call->file = find(f, t, (gint32)fd, call);
}

void kernel_files_entry(KernelFiles *f, KernelThread *t, KernelCall *call, const TraceEvent *ev)
{
	const KernelCallRule *rule = kernel_call_rule(call->syscall);

	if (rule->fd)
		call->file = find(f, t, fd_arg(call, rule->fd - 1u), call);
	if (rule->fd2)
		call->file2 = find(f, t, fd_arg(call, rule->fd2 - 1u), call);
	if (rule->path)
		call->path = files_path_text(f, ev, rule->path - 1u);
	switch (call->syscall) {
	case TRACE_SYS_POLL:
	case TRACE_SYS_PPOLL:
		poll_one(f, t, call, ev);
		break;
	case TRACE_SYS_CONNECT:
	case TRACE_SYS_BIND:
		files_address(ev, call);
		break;
	case TRACE_SYS_CLOSE: {
		/* The number is free before the call returns: another thread's open may get it, and return first. */
		Closing c = {f, call->begin_ns};
		FilesProcess *p = call->file != KERNEL_NO_FILE ? files_process(f, t) : NULL;
		FdSlot *slot = p ? fd_table_put(p->fds, fd_arg(call, 0)) : NULL;

		if (slot)
			close_slot(slot, &c);
		break;
	}
	default:
		break;
	}
}

/* ---- Calls that make descriptors, at their return -------------------------------------------------------------------- */

static void on_open(KernelFiles *f, KernelThread *t, KernelCall *call, gint64 fd, gint64 time)
{
	gboolean at = call->syscall == TRACE_SYS_OPENAT || call->syscall == TRACE_SYS_OPENAT2;
	gint64 dir = at ? fd_arg(call, 0) : AT_CWD, flags = call->syscall == TRACE_SYS_OPENAT ? arg(call, 2) :
							    call->syscall == TRACE_SYS_OPEN   ? arg(call, 1) : 0;
	FilesProcess *p = files_process(f, t);
	guint32 base = p ? p->cwd : 0;

	if (!call->path || !p) {
		char name[64];

		g_snprintf(name, sizeof(name), "fd %" G_GINT64_FORMAT " (path not recorded)", fd);
		open_new(f, t, fd, KERNEL_FILE_UNKNOWN, name, time, (flags & CLOEXEC) != 0);
		return;
	}
	if (dir != AT_CWD) {
		guint32 file = files_lookup(f, t, dir);
		const char *name = file != KERNEL_NO_FILE ? history_text_get(f->set->history, files_item(f, file)->name) : "";

		base = name[0] == '/' ? files_item(f, file)->name : 0;
	}
	guint32 file = files_by_path(f, t, p, t->pid, base, dir == AT_CWD, call->path, fd, time);
	KernelFileItem *item = files_item(f, file);
	item->opens++;
	if (item->thread == G_MAXUINT32)
		item->thread = t->serial;
	if (flags & DIRECTORY)
		files_learn(f, file, KERNEL_FILE_DIRECTORY);
	call->file = file;
	put(f, t, fd, file, (flags & CLOEXEC) != 0);
}

static void on_dup(KernelFiles *f, KernelThread *t, const KernelCall *call, gint64 fd, gboolean cloexec)
{
	if (fd != fd_arg(call, 0))
		put(f, t, fd, call->file, cloexec);
}

static void on_fcntl(KernelFiles *f, KernelThread *t, const KernelCall *call, gint64 ret)
{
	gint64 cmd = arg(call, 1);

	if (cmd == F_DUP || cmd == F_DUP_CLOEXEC)
		on_dup(f, t, call, ret, cmd == F_DUP_CLOEXEC);
	FilesProcess *p = cmd == F_SET && call->file != KERNEL_NO_FILE ? files_process(f, t) : NULL;
	FdSlot *slot = p ? fd_table_put(p->fds, fd_arg(call, 0)) : NULL;
	if (slot)
		slot->cloexec = arg(call, 2) & 1;
}

/* Both ends are one file. */
static void on_pair(KernelFiles *f, KernelThread *t, const TraceEvent *ev, const char *field, guint kind, gboolean cloexec)
{
	guint64 fds[2];
	char name[64];

	if (files_ints(ev, field, fds, 2) != 2)
		return;
	g_snprintf(name, sizeof(name), "%s %d,%d", kernel_file_kind_name(kind), (gint32)fds[0], (gint32)fds[1]);
	guint32 file = files_new(f, t, t->pid, kind, name, (gint32)fds[0], ev->time);
	files_item(f, file)->opens++;
	files_item(f, file)->is_pair = TRUE;
	put(f, t, (gint32)fds[0], file, cloexec);
	put(f, t, (gint32)fds[1], file, cloexec);
}

static void on_connect(KernelFiles *f, const KernelCall *call)
{
	KernelFileItem *item = files_item(f, call->file);
	gboolean local = call->syscall == TRACE_SYS_BIND;

	files_learn(f, call->file, files_socket_kind(call->family, 1, 0));
	if (!kernel_file_is_inet(item->kind))
		return;
	memcpy(local ? item->local : item->remote, call->addr, sizeof(call->addr));
	*(local ? &item->local_port : &item->remote_port) = call->port;
	*(local ? &item->has_local : &item->has_remote) = TRUE;
	files_name_socket(f, call->file);
}

static void on_accept(KernelFiles *f, KernelThread *t, KernelCall *call, gint64 fd, const TraceEvent *ev)
{
	KernelFileItem *listener = call->file != KERNEL_NO_FILE ? files_item(f, call->file) : NULL;
	guint kind = listener && kernel_file_is_socket(listener->kind) ? listener->kind : KERNEL_FILE_SOCKET;
	gboolean known = files_address(ev, call);

	if (known && kind == KERNEL_FILE_SOCKET)
		kind = files_socket_kind(call->family, 1, 0);
	if (listener && known)
		files_learn(f, call->file, kind);
	g_autofree char *name = g_strdup_printf("%s, accepted", kernel_file_kind_name(kind));
	guint32 file = files_new(f, t, t->pid, kind, name, fd, ev->time);
	KernelFileItem *item = files_item(f, file);
	item->opens++;
	item->is_server = TRUE;
	if (kernel_file_is_inet(item->kind) && known) {
		memcpy(item->remote, call->addr, sizeof(call->addr));
		item->remote_port = call->port;
		item->has_remote = TRUE;
		if (listener && listener->has_local) {
			memcpy(item->local, listener->local, sizeof(item->local));
			item->local_port = listener->local_port;
			item->has_local = TRUE;
		}
		files_name_socket(f, file);
	}
	put(f, t, fd, file, (arg(call, 1) & CLOEXEC) != 0);
}

static void on_socket(KernelFiles *f, KernelThread *t, const KernelCall *call, gint64 fd, gint64 time)
{
	guint kind = files_socket_kind(arg(call, 0), arg(call, 1), arg(call, 2));
	char name[64];

	g_snprintf(name, sizeof(name), "%s fd %" G_GINT64_FORMAT, kernel_file_kind_name(kind), fd);
	open_new(f, t, fd, kind, name, time, (arg(call, 1) & CLOEXEC) != 0);
}

static void on_memfd(KernelFiles *f, KernelThread *t, const KernelCall *call, gint64 fd, gint64 time)
{
	const char *given = history_text_get(f->set->history, call->path);
	g_autofree char *name = g_strconcat("/memfd:", given, NULL);

	open_new(f, t, fd, KERNEL_FILE_MEMFD, name, time, arg(call, 1) & MFD_CLOEXEC_BIT);
}

static void on_chdir(KernelFiles *f, const KernelThread *t, const KernelCall *call)
{
	FilesProcess *p = files_process(f, t);
	guint32 text = call->syscall == TRACE_SYS_CHDIR ? call->path :
		       call->file != KERNEL_NO_FILE     ? files_item(f, call->file)->name : 0;

	if (!p)
		return;
	p->cwd = history_text_get(f->set->history, text)[0] == '/' ? text : 0;
	p->family = ++f->n_families;
}

static void on_close_range(KernelFiles *f, const KernelThread *t, const KernelCall *call, gint64 time)
{
	Closing c = {f, time};
	FilesProcess *p = files_process(f, t);
	guint64 first = (guint32)arg(call, 0), last = (guint32)arg(call, 1);

	if (p && (call->args_present & 3) == 3)
		fd_table_each(p->fds, first, last, arg(call, 2) & RANGE_CLOEXEC ? mark_cloexec : close_slot, &c);
}

static void on_unshare(KernelFiles *f, const KernelThread *t, const KernelCall *call)
{
	FilesProcess *p = files_process(f, t);

	if (!p || !(arg(call, 0) & UNSHARE_FILES) || p->fds->refs == 1)
		return;
	FdTable *own = fd_table_copy(p->fds);
	fd_table_unref(p->fds);
	p->fds = own;
}

/* Objects that are nothing but their descriptor: kind, name, and which argument has the flags (from 1 on; 0: always closed on exec). */
typedef struct {
	guint8 kind, flags;
	const char *name;
} Object;

static const Object objects[TRACE_SYSCALL_COUNT] = {
	[TRACE_SYS_EVENTFD] = {KERNEL_FILE_EVENTFD, 2, "eventfd"},
	[TRACE_SYS_SIGNALFD] = {KERNEL_FILE_SIGNALFD, 2, "signalfd"},
	[TRACE_SYS_TIMERFD_CREATE] = {KERNEL_FILE_TIMERFD, 2, "timerfd"},
	[TRACE_SYS_INOTIFY_INIT] = {KERNEL_FILE_INOTIFY, 1, "inotify"},
	[TRACE_SYS_FANOTIFY_INIT] = {KERNEL_FILE_INOTIFY, 0, "fanotify"},
	[TRACE_SYS_EPOLL_CREATE] = {KERNEL_FILE_EPOLL, 1, "epoll"},
	[TRACE_SYS_IO_URING_SETUP] = {KERNEL_FILE_IO_URING, 0, "io_uring"},
	[TRACE_SYS_PIDFD_OPEN] = {KERNEL_FILE_ANON, 0, "pidfd"},
	[TRACE_SYS_PIDFD_GETFD] = {KERNEL_FILE_UNKNOWN, 0, "another process's descriptor"},
	[TRACE_SYS_USERFAULTFD] = {KERNEL_FILE_ANON, 1, "userfaultfd"},
	[TRACE_SYS_PERF_EVENT_OPEN] = {KERNEL_FILE_ANON, 0, "perf event"},
	[TRACE_SYS_OPEN_BY_HANDLE] = {KERNEL_FILE_FILE, 0, "file by handle"},
};

static void on_object(KernelFiles *f, KernelThread *t, const KernelCall *call, gint64 fd, gint64 time)
{
	const Object *o = call->syscall >= 0 && call->syscall < TRACE_SYSCALL_COUNT ? &objects[call->syscall] : NULL;
	char name[64];

	/* signalfd() of a descriptor changes that one. */
	if (!o || !o->name || (call->syscall == TRACE_SYS_SIGNALFD && fd_arg(call, 0) >= 0))
		return;
	g_snprintf(name, sizeof(name), "%s fd %" G_GINT64_FORMAT, o->name, fd);
	open_new(f, t, fd, o->kind, name, time, o->flags ? (arg(call, o->flags - 1u) & CLOEXEC) != 0 : TRUE);
}

static void on_success(KernelFiles *f, KernelThread *t, KernelCall *call, gint64 ret, const TraceEvent *ev)
{
	switch (call->syscall) {
	case TRACE_SYS_OPEN:
	case TRACE_SYS_OPENAT:
	case TRACE_SYS_OPENAT2:
	case TRACE_SYS_CREAT:
		on_open(f, t, call, ret, ev->time);
		break;
	case TRACE_SYS_DUP:
	case TRACE_SYS_DUP2:
		on_dup(f, t, call, ret, FALSE);
		break;
	case TRACE_SYS_DUP3:
		on_dup(f, t, call, ret, (arg(call, 2) & CLOEXEC) != 0);
		break;
	case TRACE_SYS_FCNTL:
		on_fcntl(f, t, call, ret);
		break;
	case TRACE_SYS_PIPE:
	case TRACE_SYS_PIPE2:
		on_pair(f, t, ev, "fildes", KERNEL_FILE_PIPE, (arg(call, 0) & CLOEXEC) != 0);
		break;
	case TRACE_SYS_SOCKETPAIR:
		on_pair(f, t, ev, "socket", files_socket_kind(arg(call, 0), arg(call, 1), arg(call, 2)), (arg(call, 1) & CLOEXEC) != 0);
		break;
	case TRACE_SYS_SOCKET:
		on_socket(f, t, call, ret, ev->time);
		break;
	case TRACE_SYS_ACCEPT:
		on_accept(f, t, call, ret, ev);
		break;
	case TRACE_SYS_MEMFD_CREATE:
		on_memfd(f, t, call, ret, ev->time);
		break;
	case TRACE_SYS_CHDIR:
	case TRACE_SYS_FCHDIR:
		on_chdir(f, t, call);
		break;
	case TRACE_SYS_CLOSE_RANGE:
		on_close_range(f, t, call, ev->time);
		break;
	case TRACE_SYS_UNSHARE:
		on_unshare(f, t, call);
		break;
	default:
		on_object(f, t, call, ret, ev->time);
		break;
	}
}

void kernel_files_exit(KernelFiles *f, KernelThread *t, KernelCall *call, gint64 ret, const TraceEvent *ev)
{
	const KernelCallRule *rule = kernel_call_rule(call->syscall);
	gboolean failed = ret < 0 && ret >= -4095;

	/* Of descriptors that aren't open nothing is made; of others that weren't known, now that they are seen to be. */
	if (ret != -EBADF && rule->fd) {
		gint64 fd = fd_arg(call, rule->fd - 1u);

		if (call->file == KERNEL_NO_FILE && fd >= 0 && call->syscall != TRACE_SYS_CLOSE)
			call->file = meet(f, t, fd, rule->kind);
		if (rule->kind && call->file != KERNEL_NO_FILE && ret != -ENOTSOCK)
			files_learn(f, call->file, rule->kind);
	}
	if (ret != -EBADF && rule->fd2 && call->file2 == KERNEL_NO_FILE && fd_arg(call, rule->fd2 - 1u) >= 0)
		call->file2 = meet(f, t, fd_arg(call, rule->fd2 - 1u), KERNEL_FILE_UNKNOWN);
	/* A connection that is refused, or still being made, is named as well. */
	if ((call->syscall == TRACE_SYS_CONNECT || call->syscall == TRACE_SYS_BIND) && call->family && call->file != KERNEL_NO_FILE)
		on_connect(f, call);
	else if (!failed)
		on_success(f, t, call, ret, ev);
}
