/* SPDX-License-Identifier: MIT */
/*
 * files_why.c: why a thread was blocked, from the system call in which it went to sleep and what that worked on.
 *
 * Weights: 60 for what sleeps for one reason only (a pipe's reader), 40 where others are possible but rare, 20 for a guess. The part disk, which
 * has seen a request, outweighs what is said of disks here.
 */
#include "kernel/files_private.h"

#include <string.h>

enum { SURE = 60, LIKELY = 40, GUESS = 20 };
enum { INTERRUPTIBLE = 1, UNINTERRUPTIBLE = 2 };

/* Softirqs' and vectors' numbers. Vectors: x86's local timer, before and since Linux 4.15. */
enum { SOFTIRQ_TIMER = 1, SOFTIRQ_NET_TX = 2, SOFTIRQ_NET_RX = 3, SOFTIRQ_BLOCK = 4, SOFTIRQ_HRTIMER = 8, VECTOR_TIMER = 0xec,
       VECTOR_TIMER_OLD = 0xef };

static gboolean by_timer(const KernelBlocked *b)
{
	if (b->from == KERNEL_FROM_SOFTIRQ)
		return b->number == SOFTIRQ_TIMER || b->number == SOFTIRQ_HRTIMER;
	return b->from == KERNEL_FROM_VECTOR && (b->number == VECTOR_TIMER || b->number == VECTOR_TIMER_OLD);
}

static gboolean by_network(const KernelBlocked *b)
{
	return b->from == KERNEL_FROM_SOFTIRQ && (b->number == SOFTIRQ_NET_RX || b->number == SOFTIRQ_NET_TX);
}

/* ---- Details ---------------------------------------------------------------------------------------------------- */

/* A file's name for waits: of a connection without the number that only it has, so that waits for one peer are one. */
static guint32 file_detail(KernelFiles *f, guint32 file)
{
	KernelFileItem *item = files_item(f, file);

	if (file >= f->details->len)
		g_array_set_size(f->details, file + 1);
	guint32 *detail = &g_array_index(f->details, guint32, file);
	if (*detail)
		return *detail;
	*detail = item->name;
	if (item->is_server && item->has_remote) {
		const char *name = history_text_get(f->set->history, item->name), *port = strrchr(name, ':');

		*detail = history_text(f->set->history, name, port ? port - name : -1);
	}
	return *detail;
}

static guint32 peer_text(KernelFiles *f, guint32 file, const KernelThread *peer)
{
	const char *name = file != KERNEL_NO_FILE ? history_text_get(f->set->history, files_item(f, file)->name) : "";
	g_autofree char *text = g_strdup_printf("%s%swoken by %s %d", name, *name ? ", " : "", peer->name[0] ? peer->name : "thread", peer->tid);

	return history_text(f->set->history, text, -1);
}

/* The same, with who woke; `file` may be KERNEL_NO_FILE. */
static guint32 peer_detail(KernelFiles *f, guint32 file, const KernelBlocked *b)
{
	if (!b->waker || b->waker == b->thread || b->from != KERNEL_FROM_THREAD)
		return file != KERNEL_NO_FILE ? file_detail(f, file) : 0;
	gint64 key = (gint64)((guint64)file << 32 | b->waker->serial);
	gpointer known = g_hash_table_lookup(f->peers, &key);
	if (known)
		return GPOINTER_TO_UINT(known);
	if (g_hash_table_size(f->peers) >= KERNEL_PEERS_MAX)
		return file != KERNEL_NO_FILE ? file_detail(f, file) : 0;
	guint32 text = peer_text(f, file, b->waker);
	g_hash_table_insert(f->peers, g_memdup2(&key, sizeof(key)), GUINT_TO_POINTER(text));
	return text;
}

static guint32 text(KernelFiles *f, const char *s)
{
	return history_text(f->set->history, s, -1);
}

/* ---- By what the call works on ------------------------------------------------------------------------------------ */

static void answer(KernelWhy *why, KernelWaitReason reason, guint weight, guint32 detail)
{
	*why = (KernelWhy){.reason = (guint8)reason, .weight = (guint8)weight, .detail = detail};
}

/* Storage, asleep for a page or a journal: what cannot be interrupted; others wait for a lock of the file at most. */
static void storage(KernelFiles *f, guint32 file, const KernelBlocked *b, KernelWhy *why)
{
	guint32 detail = file != KERNEL_NO_FILE ? file_detail(f, file) : 0;

	if (b->prev_state & UNINTERRUPTIBLE)
		answer(why, KERNEL_WAIT_FOR_DISK, GUESS, detail);
	else
		answer(why, KERNEL_WAIT_FOR_KERNEL, GUESS, detail);
}

static void by_kind(KernelFiles *f, guint32 file, const KernelBlocked *b, KernelWhy *why)
{
	const KernelFileItem *item = files_item(f, file);
	guint kind = item->kind;

	if (b->prev_state & UNINTERRUPTIBLE && !kernel_file_is_storage(kind)) {
		answer(why, KERNEL_WAIT_FOR_KERNEL, GUESS, file_detail(f, file));
	} else if (kind == KERNEL_FILE_DEVICE) {
		answer(why, b->prev_state & UNINTERRUPTIBLE ? KERNEL_WAIT_FOR_DISK : KERNEL_WAIT_FOR_EVENT, GUESS, file_detail(f, file));
	} else if (kernel_file_is_storage(kind)) {
		storage(f, file, b, why);
	} else if (kernel_file_is_inet(kind) || kind == KERNEL_FILE_VSOCK || kind == KERNEL_FILE_PACKET) {
		answer(why, KERNEL_WAIT_FOR_NETWORK, SURE, file_detail(f, file));
	} else if (kind == KERNEL_FILE_SOCKET) {
		/* Its family isn't known: who woke tells. */
		if (by_network(b))
			answer(why, KERNEL_WAIT_FOR_NETWORK, LIKELY, file_detail(f, file));
		else
			answer(why, KERNEL_WAIT_FOR_SOCKET, LIKELY, peer_detail(f, file, b));
	} else if (kind == KERNEL_FILE_UNIX || kind == KERNEL_FILE_NETLINK) {
		answer(why, KERNEL_WAIT_FOR_SOCKET, SURE, peer_detail(f, file, b));
	} else if (kind == KERNEL_FILE_PIPE) {
		answer(why, KERNEL_WAIT_FOR_PIPE, SURE, peer_detail(f, file, b));
	} else if (kind == KERNEL_FILE_TIMERFD) {
		answer(why, KERNEL_WAIT_FOR_TIMER, SURE, file_detail(f, file));
	} else if (kind == KERNEL_FILE_EVENTFD || kind == KERNEL_FILE_SIGNALFD || kind == KERNEL_FILE_INOTIFY) {
		answer(why, KERNEL_WAIT_FOR_EVENT, SURE, peer_detail(f, file, b));
	} else if (kind == KERNEL_FILE_KERNEL || kind == KERNEL_FILE_ANON || kind == KERNEL_FILE_MEMFD) {
		answer(why, KERNEL_WAIT_FOR_KERNEL, GUESS, file_detail(f, file));
	}
}

/* A descriptor of which nothing is known: what the waker did tells a little. */
static void by_waker(KernelFiles *f, const KernelBlocked *b, KernelWhy *why)
{
	const KernelCall *waker = b->from == KERNEL_FROM_THREAD ? kernel_syscalls_current(f->set, b->waker) : NULL;

	if (by_network(b))
		answer(why, KERNEL_WAIT_FOR_NETWORK, GUESS, 0);
	else if (waker && waker->file != KERNEL_NO_FILE)
		by_kind(f, waker->file, b, why);
	if (why->weight > GUESS)
		why->weight = GUESS;
}

static void of_file(KernelFiles *f, guint32 file, const KernelBlocked *b, KernelWhy *why)
{
	if (file != KERNEL_NO_FILE)
		by_kind(f, file, b, why);
	if (!why->weight)
		by_waker(f, b, why);
}

/* Copies wait for either side; what cannot be interrupted is the storage's. */
static void of_copy(KernelFiles *f, const KernelCall *call, const KernelBlocked *b, KernelWhy *why)
{
	gboolean first = call->file2 == KERNEL_NO_FILE;

	if (call->file != KERNEL_NO_FILE && call->file2 != KERNEL_NO_FILE)
		first = kernel_file_is_storage(files_item(f, call->file)->kind) == ((b->prev_state & UNINTERRUPTIBLE) != 0);
	of_file(f, first ? call->file : call->file2, b, why);
}

/* ---- Several descriptors --------------------------------------------------------------------------------------------- */

/* What made one of them ready: a timeout, the network, or what the waker worked on. */
static void of_poll(KernelFiles *f, const KernelCall *call, const KernelBlocked *b, KernelWhy *why)
{
	const KernelCall *waker = b->from == KERNEL_FROM_THREAD ? kernel_syscalls_current(f->set, b->waker) : NULL;
	gboolean one = call && call->file != KERNEL_NO_FILE && call->syscall != TRACE_SYS_EPOLL_WAIT;

	if (by_timer(b)) {
		answer(why, KERNEL_WAIT_FOR_TIMER, SURE, text(f, "timeout of poll"));
	} else if (one) {
		by_kind(f, call->file, b, why);
	} else if (by_network(b)) {
		answer(why, KERNEL_WAIT_FOR_POLL, SURE, text(f, "network"));
	} else if (waker && (waker->file != KERNEL_NO_FILE || waker->file2 != KERNEL_NO_FILE)) {
		guint32 file = waker->file2 != KERNEL_NO_FILE ? waker->file2 : waker->file;
		answer(why, KERNEL_WAIT_FOR_POLL, SURE, peer_detail(f, file, b));
	}
	if (!why->weight)
		answer(why, KERNEL_WAIT_FOR_POLL, LIKELY, b->from == KERNEL_FROM_SOFTIRQ && b->number == SOFTIRQ_BLOCK ? text(f, "disk") :
							 peer_detail(f, KERNEL_NO_FILE, b));
}

/* ---- By the call ------------------------------------------------------------------------------------------------------ */

/* What sleeps for one reason alone, whatever it works on. FALSE: it isn't such a one. */
static gboolean by_call(KernelFiles *f, const KernelBlocked *b, KernelWhy *why)
{
	switch (b->syscall) {
	case TRACE_SYS_NANOSLEEP:
	case TRACE_SYS_CLOCK_NANOSLEEP:
		answer(why, KERNEL_WAIT_FOR_TIMER, SURE, text(f, "sleep"));
		return TRUE;
	case TRACE_SYS_WAIT4:
	case TRACE_SYS_WAITID:
		answer(why, KERNEL_WAIT_FOR_CHILD, SURE, 0);
		return TRUE;
	case TRACE_SYS_VFORK:
	case TRACE_SYS_CLONE:
		answer(why, KERNEL_WAIT_FOR_CHILD, LIKELY, text(f, "vfork"));
		return TRUE;
	case TRACE_SYS_SIGTIMEDWAIT:
		if (by_timer(b))
			answer(why, KERNEL_WAIT_FOR_TIMER, SURE, text(f, "timeout of sigtimedwait"));
		else
			answer(why, KERNEL_WAIT_FOR_SIGNAL, SURE, 0);
		return TRUE;
	case TRACE_SYS_PAUSE:
	case TRACE_SYS_SIGSUSPEND:
		answer(why, KERNEL_WAIT_FOR_SIGNAL, SURE, 0);
		return TRUE;
	case TRACE_SYS_SEMOP:
		answer(why, KERNEL_WAIT_FOR_EVENT, SURE, text(f, "semaphore"));
		return TRUE;
	case TRACE_SYS_MSGSND:
	case TRACE_SYS_MSGRCV:
	case TRACE_SYS_MQ_SEND:
	case TRACE_SYS_MQ_RECEIVE:
		answer(why, KERNEL_WAIT_FOR_EVENT, SURE, text(f, "message queue"));
		return TRUE;
	case TRACE_SYS_IO_GETEVENTS:
		if (by_timer(b))
			answer(why, KERNEL_WAIT_FOR_TIMER, SURE, text(f, "timeout of io_getevents"));
		else
			answer(why, KERNEL_WAIT_FOR_DISK, GUESS, text(f, "asynchronous I/O"));
		return TRUE;
	default:
		break;
	}
	if (b->syscall != f->restart || !by_timer(b))
		return FALSE;
	answer(why, KERNEL_WAIT_FOR_TIMER, SURE, text(f, "sleep"));
	return TRUE;
}

static void by_path(const KernelBlocked *b, const KernelCall *call, KernelWhy *why)
{
	if (b->prev_state & UNINTERRUPTIBLE)
		answer(why, KERNEL_WAIT_FOR_DISK, GUESS, call ? call->path : 0);
}

/* The thread's own call, if it is the one in which it went to sleep. */
static const KernelCall *call_of(const KernelFiles *f, const KernelBlocked *b)
{
	const KernelCall *call = kernel_syscalls_current(f->set, b->thread);

	return call && call->syscall == b->syscall && call->begin_ns <= b->since ? call : NULL;
}

void files_why(gpointer part, const KernelBlocked *b, KernelWhy *why)
{
	KernelFiles *f = part;
	const KernelCallRule *rule = kernel_call_rule(b->syscall);
	const KernelCall *call = call_of(f, b);

	if (b->syscall < 0 || b->in_fault || by_call(f, b, why))
		return;
	switch (b->syscall) {
	case TRACE_SYS_POLL:
	case TRACE_SYS_PPOLL:
	case TRACE_SYS_SELECT:
	case TRACE_SYS_PSELECT:
	case TRACE_SYS_EPOLL_WAIT:
		of_poll(f, call, b, why);
		return;
	case TRACE_SYS_FLOCK:
		answer(why, KERNEL_WAIT_FOR_KERNEL, SURE, text(f, "file lock"));
		return;
	case TRACE_SYS_FCNTL:
		if (b->prev_state & INTERRUPTIBLE)
			answer(why, KERNEL_WAIT_FOR_KERNEL, SURE, text(f, "file lock"));
		return;
	case TRACE_SYS_IO_URING_ENTER:
		if (by_timer(b))
			answer(why, KERNEL_WAIT_FOR_TIMER, SURE, text(f, "timeout of io_uring"));
		else
			answer(why, by_network(b) ? KERNEL_WAIT_FOR_NETWORK : KERNEL_WAIT_FOR_EVENT, LIKELY, text(f, "io_uring"));
		return;
	case TRACE_SYS_SYNC:
		storage(f, KERNEL_NO_FILE, b, why);
		return;
	case TRACE_SYS_MMAP:
	case TRACE_SYS_IOCTL:
		return; /* many reasons, none of which the descriptor tells */
	default:
		break;
	}
	if (rule->op == KERNEL_OP_COPY && call)
		of_copy(f, call, b, why);
	else if (rule->fd)
		of_file(f, call ? call->file : files_lookup(f, b->thread, (gint32)b->args[rule->fd - 1u]), b, why);
	else if (rule->path)
		by_path(b, call, why);
}
