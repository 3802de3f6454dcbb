/* SPDX-License-Identifier: MIT */
/*
 * kernel/containers.h: which container every thread is in. A part of the set (kernel/set.h).
 *
 * Linux has no containers, only namespaces. A thread's container here is its innermost pid namespace that is not the machine's own; a thread of the machine's own
 * pid namespace that has a cgroup, mount or network namespace of its own (the first of these that it has) is in a container of that kind. Threads that only share a
 * cgroup, mount or network namespace with one pid namespace's threads belong to that container: they are its runtime, or what it was entered with.
 *
 * Known from lttng_statedump_process_*_ns, sched_process_fork's ns_inum and vtids, the contexts pid_ns, cgroup_ns, mnt_ns, net_ns and uts_ns of sched_switch, and
 * unshare, setns, clone and sethostname while recording. It is what was known of the thread last.
 */
#ifndef STRATA_KERNEL_CONTAINERS_H
#define STRATA_KERNEL_CONTAINERS_H

#include "kernel/set.h"

/* N(ID, NAME, INITIAL): kinds of namespaces, and the inode number of the machine's own (0: it has no fixed one). */
/* clang-format off */
#define KERNEL_NAMESPACES(N) \
	N(PID,    "pid",    0xEFFFFFFCu) \
	N(CGROUP, "cgroup", 0xEFFFFFFBu) \
	N(MNT,    "mnt",    0) \
	N(NET,    "net",    0) \
	N(UTS,    "uts",    0xEFFFFFFEu) \
	N(IPC,    "ipc",    0xEFFFFFFFu) \
	N(USER,   "user",   0xEFFFFFFDu) \
	N(TIME,   "time",   0xEFFFFFFAu)
/* clang-format on */

typedef enum {
#define KERNEL_N(id, name, initial) KERNEL_NS_##id,
	KERNEL_NAMESPACES(KERNEL_N)
#undef KERNEL_N
	KERNEL_NS_COUNT
} KernelNs;

const char *kernel_ns_name(KernelNs ns);

#define KERNEL_CONTAINERS_MAX 16384 /* more are not told apart from the machine itself */
#define KERNEL_NS_SETS_MAX    65536 /* different combinations of namespaces; threads in more have unknown ones */

/* The table "containers". Item 0 is the machine itself: what is in no container. No items: the trace tells nothing of namespaces. */
typedef struct {
	guint32 name;         /* text: its host name if it set one while recording, else its first process's name */
	guint32 hostname;     /* text; 0: not known */
	guint32 init_name;    /* text: name of the process that is 1 in its pid namespace; 0: not known */
	gint32 init_tid;      /* that one's number outside; -1: not known */
	guint32 ns[KERNEL_NS_COUNT]; /* inode numbers; 0: not known. Where its threads have different ones: its first process's */
	guint32 parent;       /* item; of the machine itself: 0 */
	guint8 kind;          /* KernelNs: what makes it one */
	guint8 level;         /* how many containers it is in; 0: the machine itself, 1: a container of it */
	guint32 threads, processes; /* how many were ever seen in it */
	gint64 first_ns, last_ns;   /* from its first thread's begin to its last one's end, as far as the trace tells */
} KernelContainerItem;

#define KERNEL_CONTAINERS_TABLE "containers"

/* The table "thread-containers": item i is of the thread with serial i. */
typedef struct {
	guint32 container;    /* item of "containers"; KERNEL_NO_CONTAINER: not known */
	guint32 pid_ns;       /* inode number of its pid namespace; 0: not known */
	gint32 vtid, vpid;    /* its number and its process's in there, as state dumps and forks tell; -1: not told */
} KernelThreadContainerItem;

#define KERNEL_THREAD_CONTAINERS_TABLE "thread-containers"
#define KERNEL_NO_CONTAINER            G_MAXUINT32

/* What is known of a thread, by its serial, in a finished history; NULL: nothing. */
const KernelThreadContainerItem *kernel_thread_container(const History *h, guint32 thread);

/* The container of a thread, by its serial, in a finished history. KERNEL_NO_CONTAINER: not known. */
guint32 kernel_container_of(const History *h, guint32 thread);

/* An item of "containers"; NULL: there is no such. And how many there are. */
const KernelContainerItem *kernel_container(const History *h, guint32 container);
guint32 kernel_n_containers(const History *h);

/*
 * TRUE if one of the patterns (NULL-terminated; NULL: TRUE) is meant for a container: its name, its host name, its first process's name as globs, or the inode number of
 * one of its pid, cgroup, mount or network namespaces. `match` says whether patterns fit a text or a number.
 */
gboolean kernel_container_matches(const History *h, guint32 container, const char *const *patterns,
				  gboolean (*match)(const char *const *patterns, const char *text, gint64 number));

#endif
