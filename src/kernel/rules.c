/* SPDX-License-Identifier: MIT */
/* rules.c: which of a system call's arguments is a descriptor or a path, and what it does with it. */
#include "kernel/files.h"

#define FILES .subject = KERNEL_FOR_FILES
#define IO(syscall, operation) [TRACE_SYS_##syscall] = {.fd = 1, .op = KERNEL_OP_##operation, FILES}
#define ON(syscall) IO(syscall, OTHER)
#define OF(syscall, operation, k) [TRACE_SYS_##syscall] = {.fd = 1, .op = KERNEL_OP_##operation, .kind = KERNEL_FILE_##k, FILES}
#define COPY(syscall, from, to) [TRACE_SYS_##syscall] = {.fd = (from), .fd2 = (to), .pick = {1, 3}, .op = KERNEL_OP_COPY, FILES}
#define PATH(syscall, at) [TRACE_SYS_##syscall] = {.path = (at), FILES}
#define MAKES(syscall) [TRACE_SYS_##syscall] = {FILES}
#define FUTEX(syscall) [TRACE_SYS_##syscall] = {.subject = KERNEL_FOR_FUTEX}

static const KernelCallRule rules[TRACE_SYSCALL_COUNT] = {
	IO(READ, READ), IO(WRITE, WRITE), IO(PREAD, READ), IO(PWRITE, WRITE), IO(READV, READ), IO(WRITEV, WRITE),
	IO(PREADV, READ), IO(PWRITEV, WRITE), IO(PREADV2, READ), IO(PWRITEV2, WRITE), IO(VMSPLICE, WRITE),
	OF(SENDTO, WRITE, SOCKET), OF(SENDMSG, WRITE, SOCKET), OF(SENDMMSG, WRITE_N, SOCKET),
	OF(RECVFROM, READ, SOCKET), OF(RECVMSG, READ, SOCKET), OF(RECVMMSG, READ_N, SOCKET),
	COPY(SENDFILE, 2, 1), COPY(SPLICE, 1, 2), COPY(TEE, 1, 2), COPY(COPY_FILE_RANGE, 1, 2),
	IO(FSYNC, SYNC), IO(FDATASYNC, SYNC), IO(SYNCFS, SYNC), IO(SYNC_FILE_RANGE, SYNC),
	ON(CLOSE), ON(DUP), ON(DUP2), ON(DUP3), ON(FCNTL), ON(LSEEK), ON(IOCTL), ON(FLOCK), ON(FTRUNCATE), ON(FALLOCATE),
	ON(READAHEAD), ON(FADVISE), ON(FSTAT), ON(FCHDIR), OF(GETDENTS, OTHER, DIRECTORY),
	OF(CONNECT, OTHER, SOCKET), OF(BIND, OTHER, SOCKET), OF(LISTEN, OTHER, SOCKET), OF(ACCEPT, OTHER, SOCKET),
	OF(SHUTDOWN, OTHER, SOCKET), OF(TIMERFD_SETTIME, OTHER, TIMERFD), OF(IO_URING_ENTER, OTHER, IO_URING),
	[TRACE_SYS_EPOLL_CTL] = {.fd = 1, .pick = {1, 3}, .op = KERNEL_OP_OTHER, .kind = KERNEL_FILE_EPOLL, FILES},
	[TRACE_SYS_EPOLL_WAIT] = {.fd = 1, .pick = {1, 3}, .op = KERNEL_OP_OTHER, .kind = KERNEL_FILE_EPOLL, FILES},
	[TRACE_SYS_MMAP] = {.fd = 5, .pick = {2, 5}, .op = KERNEL_OP_OTHER, FILES},
	[TRACE_SYS_OPEN] = {.path = 1, .pick = {2}, FILES},
	[TRACE_SYS_OPENAT] = {.path = 2, .pick = {3}, FILES},
	[TRACE_SYS_OPENAT2] = {.path = 2, .pick = {1}, FILES},
	[TRACE_SYS_MEMFD_CREATE] = {.path = 1, .pick = {2}, FILES},
	[TRACE_SYS_EXECVEAT] = {.path = 2, .pick = {1}, FILES},
	[TRACE_SYS_TRUNCATE] = {.path = 1, .pick = {2}, FILES},
	PATH(CREAT, 1), PATH(STAT, 1), PATH(ACCESS, 1), PATH(READLINK, 1), PATH(UNLINK, 1), PATH(RENAME, 1), PATH(CHDIR, 1),
	PATH(EXECVE, 1), MAKES(CLOSE_RANGE), MAKES(PIPE), MAKES(PIPE2), MAKES(EVENTFD), MAKES(SIGNALFD), MAKES(TIMERFD_CREATE),
	MAKES(INOTIFY_INIT), MAKES(OPEN_BY_HANDLE), MAKES(FANOTIFY_INIT), MAKES(PIDFD_OPEN), MAKES(PIDFD_GETFD),
	MAKES(USERFAULTFD), MAKES(PERF_EVENT_OPEN), MAKES(SOCKET), MAKES(SOCKETPAIR), MAKES(EPOLL_CREATE), MAKES(IO_URING_SETUP),
	[TRACE_SYS_POLL] = {.pick = {2, 1}, FILES},
	MAKES(PPOLL), MAKES(UNSHARE),
	FUTEX(FUTEX), FUTEX(FUTEX_WAITV), FUTEX(FUTEX_WAIT), FUTEX(FUTEX_WAKE),
};

const KernelCallRule *kernel_call_rule(gint syscall)
{
	static const KernelCallRule none;

	return syscall >= 0 && syscall < TRACE_SYSCALL_COUNT ? &rules[syscall] : &none;
}
