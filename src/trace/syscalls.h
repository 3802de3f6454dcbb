/* SPDX-License-Identifier: MIT */
/*
 * trace/syscalls.h: the table of system calls whose arguments somebody needs.
 *
 * S(ID, NAMES, ENTRY, EXIT). NAMES, separated by spaces, are what tracers and architectures call it. ENTRY and EXIT are the fields of its two
 * events, separated by spaces, as TraceEvent.v has them: the first name of "a|b" that the event class has. ENTRY[i] is v[i] of TRACE_SYSCALL_ENTRY.
 * v[TRACE_SYSCALL_RET] of TRACE_SYSCALL_EXIT is the result of every system call, EXIT[i] is v[i + 1]. Sequences (addresses, poll's descriptors)
 * are no fields: walk the record for those (trace_event_cursor()).
 *
 * System calls that are not here have numbers too, from TRACE_SYSCALL_COUNT on, and names; but no arguments.
 */
#ifndef STRATA_TRACE_SYSCALLS_H
#define STRATA_TRACE_SYSCALLS_H

/* clang-format off */
#define TRACE_SYSCALLS(S) \
	/* files and descriptors */ \
	S(READ, "read", "fd count", "") \
	S(WRITE, "write", "fd count", "") \
	S(PREAD, "pread64 pread", "fd count pos", "") \
	S(PWRITE, "pwrite64 pwrite", "fd count pos", "") \
	S(READV, "readv", "fd vlen", "") \
	S(WRITEV, "writev", "fd vlen", "") \
	S(PREADV, "preadv", "fd vlen pos_l|pos", "") \
	S(PWRITEV, "pwritev", "fd vlen pos_l|pos", "") \
	S(PREADV2, "preadv2", "fd vlen pos_l|pos", "") \
	S(PWRITEV2, "pwritev2", "fd vlen pos_l|pos", "") \
	S(OPEN, "open", "filename flags", "") \
	S(OPENAT, "openat", "dfd filename flags", "") \
	S(OPENAT2, "openat2", "dfd filename", "") \
	S(CREAT, "creat", "pathname", "") \
	S(CLOSE, "close", "fd", "") \
	S(CLOSE_RANGE, "close_range", "fd max_fd flags", "") \
	S(DUP, "dup", "fildes|oldfd", "") \
	S(DUP2, "dup2", "oldfd newfd", "") \
	S(DUP3, "dup3", "oldfd newfd flags", "") \
	S(FCNTL, "fcntl fcntl64", "fd cmd arg", "") \
	S(PIPE, "pipe", "", "") \
	S(PIPE2, "pipe2", "flags", "") \
	S(LSEEK, "lseek llseek", "fd offset whence|origin", "") \
	S(IOCTL, "ioctl", "fd cmd arg", "") \
	S(FLOCK, "flock", "fd cmd", "") \
	S(FSYNC, "fsync", "fd", "") \
	S(FDATASYNC, "fdatasync", "fd", "") \
	S(SYNC, "sync", "", "") \
	S(SYNCFS, "syncfs", "fd", "") \
	S(SYNC_FILE_RANGE, "sync_file_range sync_file_range2", "fd offset nbytes", "") \
	S(MSYNC, "msync", "start len flags", "") \
	S(FTRUNCATE, "ftruncate ftruncate64", "fd length", "") \
	S(TRUNCATE, "truncate truncate64", "path|pathname length", "") \
	S(FALLOCATE, "fallocate", "fd mode offset len", "") \
	S(GETDENTS, "getdents getdents64", "fd count", "") \
	S(FSTAT, "fstat newfstat fstat64", "fd", "") \
	S(STAT, "newfstatat newstat newlstat stat lstat statx fstatat64", "filename", "") \
	S(ACCESS, "access faccessat faccessat2", "filename", "") \
	S(READLINK, "readlink readlinkat", "path|pathname", "") \
	S(UNLINK, "unlink unlinkat", "pathname", "") \
	S(RENAME, "rename renameat renameat2", "oldname newname", "") \
	S(SENDFILE, "sendfile64 sendfile", "out_fd in_fd count", "") \
	S(SPLICE, "splice", "fd_in fd_out len", "") \
	S(TEE, "tee", "fdin fdout len", "") \
	S(VMSPLICE, "vmsplice", "fd nr_segs", "") \
	S(COPY_FILE_RANGE, "copy_file_range", "fd_in fd_out len", "") \
	S(READAHEAD, "readahead", "fd offset count", "") \
	S(EVENTFD, "eventfd eventfd2", "count flags", "") \
	S(SIGNALFD, "signalfd signalfd4", "ufd flags", "") \
	S(TIMERFD_CREATE, "timerfd_create", "clockid flags", "") \
	S(TIMERFD_SETTIME, "timerfd_settime", "ufd", "") \
	S(INOTIFY_INIT, "inotify_init inotify_init1", "flags", "") \
	S(MEMFD_CREATE, "memfd_create", "uname flags", "") \
	S(OPEN_BY_HANDLE, "open_by_handle_at", "mountdirfd", "") \
	S(FANOTIFY_INIT, "fanotify_init", "flags", "") \
	S(PIDFD_OPEN, "pidfd_open", "pid flags", "") \
	S(PIDFD_GETFD, "pidfd_getfd", "pidfd fd", "") \
	S(USERFAULTFD, "userfaultfd", "flags", "") \
	S(PERF_EVENT_OPEN, "perf_event_open", "pid", "") \
	S(FADVISE, "fadvise64", "fd offset len", "") \
	/* sockets */ \
	S(SOCKET, "socket", "family type protocol", "") \
	S(SOCKETPAIR, "socketpair", "family type protocol", "") \
	S(CONNECT, "connect", "fd family dport", "") \
	S(BIND, "bind", "fd", "") \
	S(LISTEN, "listen", "fd backlog", "") \
	S(ACCEPT, "accept accept4", "fd flags", "family sport") \
	S(SENDTO, "sendto", "fd len", "") \
	S(SENDMSG, "sendmsg", "fd", "") \
	S(SENDMMSG, "sendmmsg", "fd vlen", "") \
	S(RECVFROM, "recvfrom", "fd size flags", "") \
	S(RECVMSG, "recvmsg", "fd flags", "") \
	S(RECVMMSG, "recvmmsg", "fd vlen", "") \
	S(SHUTDOWN, "shutdown", "fd how", "") \
	/* waiting for several things */ \
	S(POLL, "poll", "timeout_msecs nfds", "") \
	S(PPOLL, "ppoll", "nfds", "") \
	S(SELECT, "select", "n", "") \
	S(PSELECT, "pselect6", "n", "") \
	S(EPOLL_CREATE, "epoll_create epoll_create1", "flags", "") \
	S(EPOLL_CTL, "epoll_ctl", "epfd op|op_enum fd", "") \
	S(EPOLL_WAIT, "epoll_wait epoll_pwait epoll_pwait2", "epfd maxevents timeout", "") \
	S(IO_URING_SETUP, "io_uring_setup", "entries", "") \
	S(IO_URING_ENTER, "io_uring_enter", "fd to_submit min_complete flags", "") \
	S(IO_SETUP, "io_setup", "nr_events", "") \
	S(IO_SUBMIT, "io_submit", "ctx_id nr", "") \
	S(IO_GETEVENTS, "io_getevents io_pgetevents", "ctx_id min_nr nr", "") \
	/* time */ \
	S(NANOSLEEP, "nanosleep", "", "") \
	S(CLOCK_NANOSLEEP, "clock_nanosleep", "which_clock flags", "") \
	S(PAUSE, "pause", "", "") \
	S(SIGTIMEDWAIT, "rt_sigtimedwait", "", "") \
	S(SIGSUSPEND, "rt_sigsuspend sigsuspend", "", "") \
	S(SCHED_YIELD, "sched_yield", "", "") \
	/* futexes, semaphores, queues */ \
	S(FUTEX, "futex", "uaddr op val uaddr2 val3", "") \
	S(FUTEX_WAITV, "futex_waitv", "nr_futexes", "") \
	S(FUTEX_WAIT, "futex_wait", "uaddr val", "") \
	S(FUTEX_WAKE, "futex_wake", "uaddr", "") \
	S(SEMOP, "semop semtimedop", "semid nsops", "") \
	S(MSGSND, "msgsnd", "msqid msgsz", "") \
	S(MSGRCV, "msgrcv", "msqid msgsz", "") \
	S(MQ_SEND, "mq_timedsend", "mqdes msg_len", "") \
	S(MQ_RECEIVE, "mq_timedreceive", "mqdes msg_len", "") \
	/* processes */ \
	S(CLONE, "clone", "flags|clone_flags", "") \
	S(CLONE3, "clone3", "", "") \
	S(FORK, "fork", "", "") \
	S(VFORK, "vfork", "", "") \
	S(EXECVE, "execve", "filename", "") \
	S(EXECVEAT, "execveat", "fd filename", "") \
	S(EXIT, "exit", "error_code", "") \
	S(EXIT_GROUP, "exit_group", "error_code", "") \
	S(WAIT4, "wait4 waitpid", "upid|pid options", "") \
	S(WAITID, "waitid", "which upid|pid options", "") \
	S(KILL, "kill", "pid sig", "") \
	S(TGKILL, "tgkill", "tgid pid sig", "") \
	S(PRCTL, "prctl", "option arg2", "") \
	S(SETNS, "setns", "fd nstype", "") \
	S(UNSHARE, "unshare", "unshare_flags", "") \
	S(SETHOSTNAME, "sethostname", "name", "") \
	S(CHDIR, "chdir", "filename", "") \
	S(FCHDIR, "fchdir", "fd", "") \
	/* memory */ \
	S(MMAP, "mmap mmap2", "addr len prot flags fd offset|pgoff", "") \
	S(MUNMAP, "munmap", "addr len", "") \
	S(MREMAP, "mremap", "addr old_len new_len", "") \
	S(MPROTECT, "mprotect", "start len", "") \
	S(BRK, "brk", "brk", "") \
	S(MADVISE, "madvise", "start len_in|len behavior", "") \
	/* one whose number LTTng has no name for */ \
	S(UNKNOWN, "unknown", "id", "id")
/* clang-format on */

#endif
