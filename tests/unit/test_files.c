/* SPDX-License-Identifier: MIT */
/*
 * System calls, descriptors and futexes, case by case: events are given to the models one by one, and the items that come of them are compared with what the case was
 * made of. Threads 10 and 11 are of process 10, 20 of process 20; 10 runs on processor 0, the others on 1 and 2. Times count from 0.
 */
#include "kernel/fdtable.h"
#include "kernel/files.h"
#include "kernel/futex.h"
#include "feed.h"

#include <errno.h>
#include <string.h>

enum { END = 100000 };
enum { CLOEXEC = 02000000, AT_CWD = -100 };
enum { WAIT = 0, WAKE = 1, REQUEUE = 3, LOCK_PI = 6, UNLOCK_PI = 7, PRIVATE = 128 };

typedef struct {
	Kernel *kernel;
	History *history;
	KernelSet *set;
	TraceModel models[1 + KERNEL_PART_COUNT];
	TraceFacts facts;
	KernelSyscallTables tables;
	guint files, futexes, waits;
	gint64 now;
	gint16 syscall;
	guint16 absent;   /* a bit for each field that the tracer doesn't have */
	gint64 context;   /* -1: none; else the threads' number, as a context */
	char text[256];
	guint used;
} World;

static void feed_values(World *w, TraceEventId id, gint32 cpu, const guint64 *v, guint n)
{
	guint64 values[TRACE_FIELDS_MAX] = {0}, ctx[TRACE_CTX_COUNT] = {0};
	TraceEvent ev = {.time = w->now, .cpu = cpu, .id = (guint16)id, .v = values, .ctx = ctx,
			 .present = (guint16)(((1u << n) - 1) & ~(guint)w->absent), .base = (const guint8 *)w->text, .syscall = w->syscall};

	memcpy(values, v, n * sizeof(*v));
	if (w->context >= 0) {
		ctx[TRACE_CTX_TID] = (guint64)w->context;
		ev.ctx_present = TRACE_BIT(TRACE_CTX_TID);
	}
	feed_models(w->models, G_N_ELEMENTS(w->models), &ev);
}

/* An event, ten ns after the one before. */
#define FEED(w, id, cpu, ...)                                                    \
	do {                                                                     \
		const guint64 values_[] = {__VA_ARGS__};                         \
		(w)->now += 10;                                                  \
		feed_values(w, TRACE_##id, cpu, values_, G_N_ELEMENTS(values_)); \
	} while (0)

#define ENTER(w, cpu, call, ...)                                \
	do {                                                    \
		(w)->syscall = TRACE_SYS_##call;                \
		FEED(w, SYSCALL_ENTRY, cpu, __VA_ARGS__);       \
	} while (0)

#define LEAVE(w, cpu, call, result)                             \
	do {                                                    \
		(w)->syscall = TRACE_SYS_##call;                \
		FEED(w, SYSCALL_EXIT, cpu, (guint64)(result));  \
	} while (0)

#define CALL(w, cpu, call, result, ...)                         \
	do {                                                    \
		ENTER(w, cpu, call, __VA_ARGS__);               \
		LEAVE(w, cpu, call, result);                    \
	} while (0)

/* A text's value; it holds for the next event. */
static guint64 text(World *w, const char *s)
{
	gsize len = strlen(s);

	w->used = (w->used + len + 1 > sizeof(w->text)) ? 0 : w->used;
	memcpy(w->text + w->used, s, len);
	guint64 value = CTF_TEXT(w->used, len);
	w->used += (guint)len + 1;
	return value;
}

static void loss(World *w, gint32 cpu)
{
	for (guint e = 0; e < 2; e++)
		for (guint m = 0; m < G_N_ELEMENTS(w->models); m++)
			if (w->models[m].loss)
				w->models[m].loss(w->models[m].self, cpu, w->now, e ? TRACE_LOSS_END : TRACE_LOSS_BEGIN);
}

static World *begin_without(TraceEventId undeclared)
{
	World *w = g_new0(World, 1);

	w->context = -1;
	w->facts.is_kernel = TRUE;
	for (guint i = 0; i < TRACE_EVENT_COUNT; i++)
		w->facts.declared[i] = i != undeclared;
	if (undeclared == TRACE_SCHED_WAKING)
		w->facts.declared[TRACE_SCHED_WAKEUP] = FALSE;
	w->kernel = kernel_new(&w->facts, 0, END);
	w->history = history_new(0, END, NULL);
	w->set = kernel_set_new(w->kernel, w->history, &w->facts);
	w->models[0] = kernel_model(w->kernel);
	kernel_set_models(w->set, w->models + 1);
	g_assert_true(kernel_syscall_tables_find(w->history, &w->tables));
	g_assert_true(history_find_table(w->history, KERNEL_FILES_TABLE, sizeof(KernelFileItem), &w->files));
	g_assert_true(history_find_table(w->history, KERNEL_FUTEXES_TABLE, sizeof(KernelFutexItem), &w->futexes));
	g_assert_true(history_find_table(w->history, KERNEL_FUTEX_WAITS_TABLE, sizeof(KernelFutexWaitItem), &w->waits));
	FEED(w, STATEDUMP_PROCESS, 3, 10, 10, 1);
	FEED(w, STATEDUMP_PROCESS, 3, 11, 10, 1);
	FEED(w, STATEDUMP_PROCESS, 3, 20, 20, 1);
	FEED(w, SCHED_SWITCH, 0, 0, 0, 10);
	FEED(w, SCHED_SWITCH, 1, 0, 0, 11);
	FEED(w, SCHED_SWITCH, 2, 0, 0, 20);
	return w;
}

static World *begin(void)
{
	return begin_without(TRACE_EVENT_COUNT);
}

static void finish(World *w)
{
	kernel_finish(w->kernel);
	kernel_set_finish(w->set);
}

static void end(World *w)
{
	kernel_set_free(w->set);
	kernel_free(w->kernel);
	history_free(w->history);
	g_free(w);
}

static guint64 n_calls(const World *w, gboolean partial)
{
	return history_table_len(w->history, partial ? w->tables.partial : w->tables.calls);
}

static KernelSyscall get_call(const World *w, gboolean partial, guint64 i)
{
	KernelSyscall call;

	g_assert_cmpuint(i, <, n_calls(w, partial));
	kernel_syscall_unpack(w->history, &w->tables, history_table_get(w->history, partial ? w->tables.partial : w->tables.calls, i), &call);
	return call;
}

static KernelSyscall last_call(const World *w)
{
	return get_call(w, FALSE, n_calls(w, FALSE) - 1);
}

/* The name of the file of the last call; NULL: it had none. */
static const char *last_file(const World *w)
{
	guint32 file = last_call(w).file;

	if (file == KERNEL_NO_FILE)
		return NULL;
	return history_text_get(w->history, ((const KernelFileItem *)history_table_get(w->history, w->files, file))->name);
}

#define LAST_FILE_IS(w, name) g_assert_cmpstr(last_file(w), ==, name)

static void open_file(World *w, gint32 cpu, const char *path, gint64 fd, guint64 flags)
{
	guint64 name = text(w, path);

	CALL(w, cpu, OPENAT, fd, (guint64)AT_CWD, name, flags);
}

#define READ_OF(w, cpu, fd) CALL(w, cpu, READ, 5, fd, 100)

/* ---- System calls ------------------------------------------------------------------------------------------------- */

static void test_call(void)
{
	World *w = begin();

	CALL(w, 0, READ, 5, 3, 100);
	KernelSyscall c = last_call(w);
	g_assert_cmpint(c.end_ns - c.begin_ns, ==, 10);
	g_assert_cmpint(c.ret, ==, 5);
	g_assert_cmpuint(c.args[0], ==, 3);
	g_assert_cmpuint(c.args[1], ==, 100);
	g_assert_cmpint(c.cpu_begin, ==, 0);
	g_assert_cmpint(c.cpu_end, ==, 0);
	g_assert_cmpuint(c.thread, ==, kernel_thread(w->kernel, 10)->serial);
	g_assert_cmpstr(history_text_get(w->history, c.name), ==, "read");
	g_assert_false(c.flags & KERNEL_CALL_ERROR);
	CALL(w, 0, READ, -EAGAIN, 3, 100);
	g_assert_true(last_call(w).flags & KERNEL_CALL_ERROR);
	CALL(w, 0, BRK, -4096, 0);
	g_assert_false(last_call(w).flags & KERNEL_CALL_ERROR);
	g_assert_cmpuint(n_calls(w, TRUE), ==, 0);
	end(w);
}

static void test_partial(void)
{
	World *w = begin();

	LEAVE(w, 0, READ, 5);
	g_assert_true(get_call(w, TRUE, 0).flags & KERNEL_CALL_NO_BEGIN);
	ENTER(w, 0, READ, 3, 100);
	ENTER(w, 0, WRITE, 3, 100);
	g_assert_true(get_call(w, TRUE, 1).flags & KERNEL_CALL_NO_END);
	LEAVE(w, 0, READ, 5); /* another one's */
	ENTER(w, 0, EXIT_GROUP, 0);
	FEED(w, PROCESS_EXIT, 0, 10);
	ENTER(w, 1, READ, 3, 100);
	finish(w);
	g_assert_cmpuint(n_calls(w, FALSE), ==, 0);
	g_assert_cmpuint(n_calls(w, TRUE), ==, 5);
	KernelSyscall c = get_call(w, TRUE, 4);
	g_assert_true(c.flags & KERNEL_CALL_NO_END);
	g_assert_cmpint(c.end_ns, ==, END);
	end(w);
}

/* The child of a fork returns from a call that it has not made. */
static void test_childs_return(void)
{
	World *w = begin();

	ENTER(w, 0, CLONE, 0x11);
	FEED(w, PROCESS_FORK, 0, 30, 30, 10, 10);
	LEAVE(w, 0, CLONE, 30);
	FEED(w, SCHED_SWITCH, 0, 10, 1, 30);
	LEAVE(w, 0, CLONE, 0);
	CALL(w, 0, READ, 5, 3, 100);
	g_assert_cmpuint(n_calls(w, FALSE), ==, 2);
	g_assert_cmpuint(n_calls(w, TRUE), ==, 0);
	end(w);
}

/* What might have been two calls is none; what can't have been is one. */
static void test_loss(void)
{
	World *w = begin();

	ENTER(w, 0, READ, 3, 100);
	ENTER(w, 1, READ, 3, 100);
	loss(w, 1);
	LEAVE(w, 0, READ, 5);
	g_assert_cmpuint(n_calls(w, FALSE), ==, 1);
	FEED(w, SCHED_SWITCH, 1, 11, 1, 0);
	FEED(w, SCHED_SWITCH, 1, 0, 0, 11);
	LEAVE(w, 1, READ, 5);
	g_assert_cmpuint(n_calls(w, FALSE), ==, 1);
	g_assert_cmpuint(n_calls(w, TRUE), ==, 2);
	g_assert_true(get_call(w, TRUE, 0).flags & KERNEL_CALL_TORN);
	end(w);
}

/* exit_syscall has no name. */
static void test_old_tracer(void)
{
	World *w = begin();

	ENTER(w, 0, READ, 3, 100);
	w->syscall = -1;
	FEED(w, SYSCALL_EXIT, 0, 7);
	g_assert_cmpstr(history_text_get(w->history, last_call(w).name), ==, "read");
	g_assert_cmpint(last_call(w).ret, ==, 7);
	end(w);
}

/* Without sched_switch contexts tell whose call it is. */
static void test_contexts_alone(void)
{
	World *w = begin_without(TRACE_SCHED_SWITCH);

	w->context = 10;
	ENTER(w, 0, READ, 3, 100);
	w->context = 20;
	CALL(w, 0, WRITE, 5, 3, 100);
	w->context = 10;
	LEAVE(w, 1, READ, 5);
	g_assert_cmpuint(n_calls(w, FALSE), ==, 2);
	g_assert_cmpuint(n_calls(w, TRUE), ==, 0);
	g_assert_cmpuint(last_call(w).thread, ==, kernel_thread(w->kernel, 10)->serial);
	g_assert_cmpint(last_call(w).end_ns - last_call(w).begin_ns, ==, 30);
	end(w);
}

/* Whatever the numbers, what is kept is what was given. */
static void test_items_keep_everything(void)
{
	static const guint64 values[] = {0, 1, 0xfffeffff, 0xffff0000, 0xffffffff, 0x100000000, 0x7f1234567890, 0xffffffffffff, 0x1000000000000,
					 (guint64)-1, (guint64)-100, (guint64)-65536, (guint64)-65537, G_MAXUINT64 / 2};
	World *w = begin();

	for (guint a = 0; a < G_N_ELEMENTS(values); a++)
		for (guint b = 0; b < G_N_ELEMENTS(values); b++)
			for (guint r = 0; r < G_N_ELEMENTS(values); r++) {
				KernelSyscall in = {.begin_ns = 5, .end_ns = 1000 + r, .ret = (gint64)values[r], .args = {values[a], values[b]},
						    .thread = 7, .file = 3, .file2 = r % 3 ? KERNEL_NO_FILE : 9, .cpu_begin = (gint16)((gint)a - 1),
						    .cpu_end = 8190, .present = 3, .flags = KERNEL_CALL_COMPAT};
				kernel_syscall_add(w->history, &w->tables, FALSE, 0, &in);
				KernelSyscall out = last_call(w);
				out.flags &= (guint8)~KERNEL_CALL_ERROR;
				g_assert_cmpint(out.begin_ns, ==, in.begin_ns);
				g_assert_cmpint(out.end_ns, ==, in.end_ns);
				g_assert_cmpint(out.ret, ==, in.ret);
				g_assert_cmpuint(out.args[0], ==, in.args[0]);
				g_assert_cmpuint(out.args[1], ==, in.args[1]);
				g_assert_cmpuint(out.file2, ==, in.file2);
				g_assert_cmpint(out.cpu_begin, ==, in.cpu_begin);
				g_assert_cmpint(out.cpu_end, ==, in.cpu_end);
				g_assert_cmpuint(out.flags, ==, in.flags);
			}
	end(w);
}

/* ---- Descriptors ---------------------------------------------------------------------------------------------------- */

static void test_open_and_close(void)
{
	World *w = begin();

	READ_OF(w, 0, 3);
	LAST_FILE_IS(w, "fd 3 (before recording)");
	open_file(w, 0, "/data/a", 3, 0);
	READ_OF(w, 0, 3);
	LAST_FILE_IS(w, "/data/a");
	READ_OF(w, 1, 3);
	LAST_FILE_IS(w, "/data/a"); /* threads share */
	READ_OF(w, 2, 3);
	LAST_FILE_IS(w, "fd 3 (before recording)"); /* other processes don't */
	CALL(w, 0, CLOSE, 0, 3);
	LAST_FILE_IS(w, "/data/a");
	CALL(w, 0, READ, -EBADF, 3, 100);
	LAST_FILE_IS(w, NULL);
	READ_OF(w, 0, 3);
	LAST_FILE_IS(w, "fd 3 (opened unseen)");
	end(w);
}

/* A number is free before close() returns. */
static void test_number_used_again_during_close(void)
{
	World *w = begin();

	open_file(w, 0, "/data/a", 3, 0);
	ENTER(w, 0, CLOSE, 3);
	open_file(w, 1, "/data/b", 3, 0);
	LEAVE(w, 0, CLOSE, 0);
	LAST_FILE_IS(w, "/data/a");
	READ_OF(w, 0, 3);
	LAST_FILE_IS(w, "/data/b");
	end(w);
}

static void test_duplicates(void)
{
	World *w = begin();

	open_file(w, 0, "/data/a", 3, 0);
	CALL(w, 0, DUP, 4, 3);
	CALL(w, 0, DUP2, 5, 3, 5);
	CALL(w, 0, FCNTL, 6, 3, 0, 0);
	CALL(w, 0, CLOSE, 0, 3);
	for (guint64 fd = 4; fd <= 6; fd++) {
		READ_OF(w, 0, fd);
		LAST_FILE_IS(w, "/data/a");
	}
	CALL(w, 0, CLOSE_RANGE, 0, 4, 0xffffffff, 0);
	READ_OF(w, 0, 6);
	LAST_FILE_IS(w, "fd 6 (opened unseen)");
	end(w);
}

static void test_fork_and_exec(void)
{
	World *w = begin();

	open_file(w, 0, "/data/a", 3, 0);
	open_file(w, 0, "/data/b", 4, CLOEXEC);
	open_file(w, 0, "/data/c", 5, 0);
	ENTER(w, 0, CLONE, 0x11);
	FEED(w, PROCESS_FORK, 0, 30, 30, 10, 10);
	LEAVE(w, 0, CLONE, 30);
	FEED(w, SCHED_SWITCH, 3, 0, 0, 30);
	READ_OF(w, 3, 4);
	LAST_FILE_IS(w, "/data/b");
	CALL(w, 3, CLOSE, 0, 3);
	READ_OF(w, 0, 3);
	LAST_FILE_IS(w, "/data/a");
	FEED(w, PROCESS_EXEC, 3, 30, 30);
	READ_OF(w, 3, 4);
	LAST_FILE_IS(w, "fd 4 (opened unseen)");
	READ_OF(w, 3, 5);
	LAST_FILE_IS(w, "/data/c");
	READ_OF(w, 0, 4);
	LAST_FILE_IS(w, "/data/b");
	end(w);
}

/* clone() with CLONE_FILES: one table for both. */
static void test_shared_table(void)
{
	World *w = begin();

	ENTER(w, 0, CLONE, 0x400 | 0x100);
	FEED(w, PROCESS_FORK, 0, 30, 30, 10, 10);
	LEAVE(w, 0, CLONE, 30);
	FEED(w, SCHED_SWITCH, 3, 0, 0, 30);
	open_file(w, 3, "/data/a", 3, 0);
	READ_OF(w, 0, 3);
	LAST_FILE_IS(w, "/data/a");
	CALL(w, 3, UNSHARE, 0, 0x400);
	CALL(w, 3, CLOSE, 0, 3);
	READ_OF(w, 0, 3);
	LAST_FILE_IS(w, "/data/a");
	end(w);
}

static void test_relative_paths(void)
{
	World *w = begin();
	guint64 name;

	open_file(w, 0, "x", 3, 0);
	LAST_FILE_IS(w, "x");
	guint32 unknown = last_call(w).file;
	open_file(w, 2, "x", 3, 0);
	g_assert_cmpuint(last_call(w).file, !=, unknown); /* of another directory, for all we know */
	name = text(w, "/data");
	CALL(w, 0, CHDIR, 0, name);
	open_file(w, 0, "./x", 4, 0);
	LAST_FILE_IS(w, "/data/x");
	open_file(w, 0, "/etc", 5, 0);
	name = text(w, "hosts");
	CALL(w, 0, OPENAT, 6, 5, name, 0);
	LAST_FILE_IS(w, "/etc/hosts");
	open_file(w, 2, "/etc/hosts", 9, 0);
	guint32 same = last_call(w).file;
	READ_OF(w, 0, 6);
	g_assert_cmpuint(last_call(w).file, ==, same);
	end(w);
}

static void dump_fd(World *w, guint64 fd, const char *name, guint64 table, guint64 flags)
{
	guint64 value = text(w, name);

	FEED(w, STATEDUMP_FD, 3, fd, value, table, 0, flags);
}

static void test_state_dump(void)
{
	World *w = begin();

	open_file(w, 0, "/data/new", 4, 0);
	FEED(w, STATEDUMP_PROCESS, 3, 10, 10, 1, 0, 0, 0, 0, 0xf00);
	dump_fd(w, 3, "/data/old (deleted)", 0xf00, 0);
	dump_fd(w, 4, "/data/wrong", 0xf00, 0);
	dump_fd(w, 5, "socket:[17]", 0xf00, CLOEXEC);
	FEED(w, STATEDUMP_PROCESS, 3, 20, 20, 1, 0, 0, 0, 0, 0xe00);
	dump_fd(w, 8, "socket:[17]", 0xe00, 0);
	READ_OF(w, 0, 3);
	LAST_FILE_IS(w, "/data/old");
	READ_OF(w, 1, 4);
	LAST_FILE_IS(w, "/data/new");
	READ_OF(w, 0, 5);
	guint32 one = last_call(w).file;
	READ_OF(w, 2, 8);
	g_assert_cmpuint(last_call(w).file, ==, one);
	READ_OF(w, 2, 3);
	LAST_FILE_IS(w, "fd 3 (before recording)");
	end(w);
}

/* Old tracers tell the process, not the table's address. A dump that is made twice tells nothing new. */
static void test_old_state_dump(void)
{
	World *w = begin();

	for (guint i = 0; i < 2; i++) {
		guint64 name = text(w, "anon_inode:[eventfd]");
		w->absent = TRACE_BIT(TRACE_STATEDUMP_FD_FILE_TABLE);
		FEED(w, STATEDUMP_FD, 3, 7, name, 0, 20);
		w->absent = 0;
	}
	g_assert_cmpuint(history_table_len(w->history, w->files), ==, 1);
	READ_OF(w, 2, 7);
	LAST_FILE_IS(w, "anon_inode:[eventfd]");
	READ_OF(w, 0, 7);
	LAST_FILE_IS(w, "fd 7 (before recording)");
	end(w);
}

/* The end of a process is the end of what it had open. */
static void test_process_ends(void)
{
	World *w = begin();

	open_file(w, 2, "/data/a", 3, 0);
	FEED(w, PROCESS_EXIT, 2, 20);
	FEED(w, SCHED_SWITCH, 2, 20, 0x20, 0);
	FEED(w, PROCESS_FREE, 2, 20);
	FEED(w, PROCESS_FORK, 0, 20, 20, 10, 10);
	FEED(w, SCHED_SWITCH, 2, 0, 0, 20);
	READ_OF(w, 2, 3);
	LAST_FILE_IS(w, "fd 3 (before recording)");
	end(w);
}

/* After lost events a descriptor may be another file: that is told with each use, until it is opened again. */
static void test_doubt_after_loss(void)
{
	World *w = begin();

	open_file(w, 0, "/data/a", 3, 0);
	loss(w, 2);
	READ_OF(w, 0, 3);
	LAST_FILE_IS(w, "/data/a");
	g_assert_true(last_call(w).flags & KERNEL_CALL_FILE_DOUBT);
	open_file(w, 0, "/data/a", 3, 0);
	READ_OF(w, 0, 3);
	g_assert_false(last_call(w).flags & KERNEL_CALL_FILE_DOUBT);
	end(w);
}

/* Numbers that no process can have make nothing grow. */
static void test_mad_numbers(void)
{
	World *w = begin();
	static const guint64 fds[] = {G_MAXINT32, KERNEL_FD_MAX, KERNEL_FD_MAX - 1, (guint64)-1, G_MAXUINT64 / 2, 0x80000000};

	for (guint i = 0; i < G_N_ELEMENTS(fds); i++) {
		open_file(w, 0, "/data/a", (gint64)fds[i], 0);
		READ_OF(w, 0, fds[i]);
		CALL(w, 0, DUP2, (gint64)fds[i], fds[i], fds[i] / 2);
		CALL(w, 0, CLOSE, 0, fds[i]);
	}
	CALL(w, 0, CLOSE_RANGE, 0, 0, 0xffffffff, 0);
	FEED(w, PROCESS_FORK, 0, 30, 30, 10, 10);
	FEED(w, PROCESS_FREE, 0, 30);
	FEED(w, PROCESS_FREE, 0, G_MAXUINT64);
	finish(w);
	end(w);
}

/* Copies share what they have in common, and writing to one leaves the other as it was. */
static void test_fd_table(void)
{
	guint64 bytes = 0;
	FdTable *a = fd_table_new(&bytes, 1 << 20);

	for (guint fd = 0; fd < 1000; fd++)
		fd_table_put(a, fd)->file = fd + 1;
	guint64 before = bytes;
	FdTable *b = fd_table_copy(a);
	g_assert_cmpuint(bytes - before, <, before / 8);
	fd_table_put(b, 500)->file = 7;
	g_assert_cmpuint(fd_table_get(a, 500)->file, ==, 501);
	g_assert_cmpuint(fd_table_get(b, 501)->file, ==, 502);
	fd_table_unref(a);
	g_assert_cmpuint(fd_table_get(b, 999)->file, ==, 1000);
	for (gint64 fd = 0; fd < KERNEL_FD_MAX; fd += FD_CHUNK)
		fd_table_put(b, fd); /* until the limit, from which on it is NULL */
	g_assert_cmpuint(bytes, <=, 1 << 20);
	g_assert_null(fd_table_put(b, KERNEL_FD_MAX - 1));
	fd_table_unref(b);
	g_assert_cmpuint(bytes, ==, 0);
}

/* ---- Futexes --------------------------------------------------------------------------------------------------------- */

static KernelFutexWaitItem last_wait(const World *w)
{
	guint64 n = history_table_len(w->history, w->waits);

	g_assert_cmpuint(n, >, 0);
	return *(const KernelFutexWaitItem *)history_table_get(w->history, w->waits, n - 1);
}

/* Thread 11 waits at an address, 10 does an operation at another and wakes it, which then runs on. */
static KernelFutexWaitItem one_wait(World *w, guint64 wait_op, guint64 wake_op, guint64 wake_address, gint64 result)
{
	ENTER(w, 1, FUTEX, 0x1000, wait_op, 2);
	FEED(w, SCHED_SWITCH, 1, 11, 1, 0);
	ENTER(w, 0, FUTEX, wake_address, wake_op, 1);
	FEED(w, SCHED_WAKING, 0, 11, 1);
	LEAVE(w, 0, FUTEX, 1);
	FEED(w, SCHED_SWITCH, 1, 0, 0, 11);
	LEAVE(w, 1, FUTEX, result);
	return last_wait(w);
}

static void test_waker(void)
{
	World *w = begin();
	KernelFutexWaitItem x = one_wait(w, WAIT | PRIVATE, WAKE | PRIVATE, 0x1000, 0);

	g_assert_cmpuint(x.result, ==, KERNEL_FUTEX_WOKEN);
	g_assert_cmpuint(x.waker, ==, kernel_thread(w->kernel, 10)->serial);
	g_assert_cmpuint(x.thread, ==, kernel_thread(w->kernel, 11)->serial);
	g_assert_cmpuint(x.flags, ==, KERNEL_FUTEX_SEEN | KERNEL_FUTEX_SLEPT);
	g_assert_cmpint(x.end_ns - x.begin_ns, ==, 60);
	g_assert_cmpint(x.end_ns - x.woken_ns, ==, 30);
	g_assert_cmpuint(((const KernelFutexItem *)history_table_get(w->history, w->futexes, x.futex))->address, ==, 0x1000);
	x = one_wait(w, WAIT | PRIVATE, REQUEUE | PRIVATE, 0x2000, 0);
	g_assert_true(x.flags & KERNEL_FUTEX_REQUEUED);
	g_assert_cmpuint(x.woken_at, ==, 0x2000);
	x = one_wait(w, LOCK_PI | PRIVATE, UNLOCK_PI | PRIVATE, 0x1000, 0);
	g_assert_true(x.flags & KERNEL_FUTEX_PI);
	end(w);
}

/* Somebody who is not in a waking operation has not let go of the lock. */
static void test_no_waker(void)
{
	World *w = begin();

	g_assert_cmpuint(one_wait(w, WAIT, WAIT, 0x1000, -ETIMEDOUT).result, ==, KERNEL_FUTEX_TIMEOUT);
	g_assert_cmpuint(last_wait(w).waker, ==, G_MAXUINT32);
	g_assert_cmpuint(one_wait(w, WAIT, WAIT, 0x1000, 0).result, ==, KERNEL_FUTEX_WOKEN);
	g_assert_cmpuint(last_wait(w).waker, ==, G_MAXUINT32);
	ENTER(w, 1, FUTEX, 0x1000, WAIT, 2);
	CALL(w, 0, FUTEX, 1, 0x1000, WAKE, 1); /* wakeups are recorded: it woke another one */
	LEAVE(w, 1, FUTEX, 0);
	g_assert_cmpuint(last_wait(w).waker, ==, G_MAXUINT32);
	CALL(w, 1, FUTEX, -EAGAIN, 0x1000, WAIT, 2);
	g_assert_cmpuint(last_wait(w).result, ==, KERNEL_FUTEX_AGAIN);
	CALL(w, 1, FUTEX, -512, 0x1000, WAIT, 2);
	g_assert_cmpuint(last_wait(w).result, ==, KERNEL_FUTEX_SIGNAL);
	guint64 n = history_table_len(w->history, w->waits);
	CALL(w, 1, FUTEX, 0, 0x1000, WAKE, 2);
	g_assert_cmpuint(history_table_len(w->history, w->waits), ==, n);
	ENTER(w, 1, FUTEX, 0x1000, WAIT, 2);
	finish(w);
	g_assert_cmpuint(last_wait(w).result, ==, KERNEL_FUTEX_OPEN);
	end(w);
}

/* The same address in two processes is two futexes. */
static void test_futex_is_of_a_process(void)
{
	World *w = begin();

	CALL(w, 0, FUTEX, -EAGAIN, 0x1000, WAIT, 2);
	guint32 one = last_wait(w).futex;
	CALL(w, 1, FUTEX, -EAGAIN, 0x1000, WAIT, 2);
	g_assert_cmpuint(last_wait(w).futex, ==, one);
	CALL(w, 2, FUTEX, -EAGAIN, 0x1000, WAIT, 2);
	g_assert_cmpuint(last_wait(w).futex, !=, one);
	end(w);
}

/* Where wakeups are not recorded: who woke somebody at that address. */
static void test_waker_by_address(void)
{
	World *w = begin_without(TRACE_SCHED_WAKING);

	ENTER(w, 1, FUTEX, 0x1000, WAIT, 2);
	CALL(w, 0, FUTEX, 0, 0x1000, WAKE, 1);
	CALL(w, 2, FUTEX, 1, 0x1000, WAKE, 1);
	CALL(w, 0, FUTEX, 1, 0x2000, WAKE, 1);
	LEAVE(w, 1, FUTEX, 0);
	g_assert_cmpuint(last_wait(w).waker, ==, G_MAXUINT32);
	ENTER(w, 1, FUTEX, 0x1000, WAIT, 2);
	CALL(w, 0, FUTEX, 1, 0x1000, WAKE, 1);
	LEAVE(w, 1, FUTEX, 0);
	g_assert_cmpuint(last_wait(w).waker, ==, kernel_thread(w->kernel, 10)->serial);
	g_assert_false(last_wait(w).flags & KERNEL_FUTEX_SEEN);
	end(w);
}

static void test_join(void)
{
	World *w = begin();

	ENTER(w, 1, FUTEX, 0x1000, WAIT, 2);
	FEED(w, SCHED_SWITCH, 1, 11, 1, 0);
	ENTER(w, 0, EXIT, 0);
	FEED(w, SCHED_WAKING, 0, 11, 1);
	FEED(w, SCHED_SWITCH, 1, 0, 0, 11);
	LEAVE(w, 1, FUTEX, 0);
	g_assert_true(last_wait(w).flags & KERNEL_FUTEX_BY_EXIT);
	g_assert_cmpuint(last_wait(w).waker, ==, kernel_thread(w->kernel, 10)->serial);
	end(w);
}

/* ---- Why ---------------------------------------------------------------------------------------------------------------- */

/* Why thread 10, which is in a call, was blocked. */
static KernelWhy ask(World *w, gint64 prev_state, KernelFrom from, gint32 number, KernelThread *waker)
{
	KernelThread *t = kernel_thread(w->kernel, 10);
	const KernelCall *call = kernel_syscalls_current(w->set, t);
	KernelBlocked b = {.thread = t, .since = w->now, .until = w->now + 5, .prev_state = prev_state, .syscall = call->syscall, .from = from,
			   .number = number, .waker = waker, .args_present = call->args_present};

	memcpy(b.args, call->args, sizeof(b.args));
	return kernel_set_why(w->set, &b);
}

#define WHY_IS(why, wanted, text)                                                                              \
	do {                                                                                                   \
		KernelWhy why_ = (why);                                                                        \
		g_assert_cmpstr(kernel_wait_name(why_.reason), ==, kernel_wait_name(KERNEL_WAIT_FOR_##wanted)); \
		g_assert_cmpstr(history_text_get(w->history, why_.detail), ==, text);                          \
	} while (0)

static void test_why(void)
{
	enum { INTERRUPTIBLE = 1, UNINTERRUPTIBLE = 2, NET_RX = 3, LOCAL_TIMER = 0xec };
	World *w = begin();
	KernelThread *other = kernel_thread(w->kernel, 20);

	g_strlcpy(other->name, "peer", sizeof(other->name));
	CALL(w, 0, SOCKET, 5, 2, 1, 0);
	CALL(w, 0, SOCKET, 6, 1, 1, 0);
	CALL(w, 0, EVENTFD, 7, 0, 0);
	CALL(w, 0, EPOLL_CREATE, 8, 0);
	open_file(w, 0, "/data/a", 9, 0);
	ENTER(w, 0, RECVFROM, 5, 100);
	WHY_IS(ask(w, INTERRUPTIBLE, KERNEL_FROM_SOFTIRQ, NET_RX, NULL), NETWORK, "tcp fd 5");
	LEAVE(w, 0, RECVFROM, 1);
	ENTER(w, 0, READ, 6, 100);
	WHY_IS(ask(w, INTERRUPTIBLE, KERNEL_FROM_THREAD, 0, other), SOCKET, "unix fd 6, woken by peer 20");
	LEAVE(w, 0, READ, 1);
	ENTER(w, 0, READ, 7, 8);
	WHY_IS(ask(w, INTERRUPTIBLE, KERNEL_FROM_THREAD, 0, other), EVENT, "eventfd fd 7, woken by peer 20");
	LEAVE(w, 0, READ, 8);
	ENTER(w, 0, READ, 9, 8);
	WHY_IS(ask(w, UNINTERRUPTIBLE, KERNEL_FROM_UNKNOWN, 0, NULL), DISK, "/data/a");
	LEAVE(w, 0, READ, 8);
	ENTER(w, 0, EPOLL_WAIT, 8, 1, 100);
	WHY_IS(ask(w, INTERRUPTIBLE, KERNEL_FROM_VECTOR, LOCAL_TIMER, NULL), TIMER, "timeout of poll");
	WHY_IS(ask(w, INTERRUPTIBLE, KERNEL_FROM_SOFTIRQ, NET_RX, NULL), POLL, "network");
	ENTER(w, 2, WRITE, 33, 8); /* what the waker wrote to was not known before */
	LEAVE(w, 2, WRITE, 8);
	ENTER(w, 2, WRITE, 33, 8);
	WHY_IS(ask(w, INTERRUPTIBLE, KERNEL_FROM_THREAD, 0, other), POLL, "fd 33 (before recording), woken by peer 20");
	LEAVE(w, 0, EPOLL_WAIT, 1);
	ENTER(w, 0, WAIT4, (guint64)-1, 0);
	WHY_IS(ask(w, INTERRUPTIBLE, KERNEL_FROM_THREAD, 0, other), CHILD, "");
	LEAVE(w, 0, WAIT4, 20);
	ENTER(w, 0, FUTEX, 0x1000, WAIT | PRIVATE, 2);
	WHY_IS(ask(w, INTERRUPTIBLE, KERNEL_FROM_UNKNOWN, 0, NULL), FUTEX, "0x1000");
	WHY_IS(ask(w, INTERRUPTIBLE, KERNEL_FROM_VECTOR, LOCAL_TIMER, NULL), TIMER, "timeout of futex");
	end(w);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/syscalls/call", test_call);
	g_test_add_func("/syscalls/partial", test_partial);
	g_test_add_func("/syscalls/childs-return", test_childs_return);
	g_test_add_func("/syscalls/loss", test_loss);
	g_test_add_func("/syscalls/old-tracer", test_old_tracer);
	g_test_add_func("/syscalls/contexts-alone", test_contexts_alone);
	g_test_add_func("/syscalls/items-keep-everything", test_items_keep_everything);
	g_test_add_func("/files/open-and-close", test_open_and_close);
	g_test_add_func("/files/number-used-again-during-close", test_number_used_again_during_close);
	g_test_add_func("/files/duplicates", test_duplicates);
	g_test_add_func("/files/fork-and-exec", test_fork_and_exec);
	g_test_add_func("/files/shared-table", test_shared_table);
	g_test_add_func("/files/relative-paths", test_relative_paths);
	g_test_add_func("/files/state-dump", test_state_dump);
	g_test_add_func("/files/old-state-dump", test_old_state_dump);
	g_test_add_func("/files/process-ends", test_process_ends);
	g_test_add_func("/files/doubt-after-loss", test_doubt_after_loss);
	g_test_add_func("/files/mad-numbers", test_mad_numbers);
	g_test_add_func("/files/fd-table", test_fd_table);
	g_test_add_func("/futex/waker", test_waker);
	g_test_add_func("/futex/no-waker", test_no_waker);
	g_test_add_func("/futex/is-of-a-process", test_futex_is_of_a_process);
	g_test_add_func("/futex/waker-by-address", test_waker_by_address);
	g_test_add_func("/futex/join", test_join);
	g_test_add_func("/why", test_why);
	return g_test_run();
}
