/* SPDX-License-Identifier: MIT */
/* kernel/containers_private.h: what containers.c and containers_finish.c share. */
#ifndef STRATA_KERNEL_CONTAINERS_PRIVATE_H
#define STRATA_KERNEL_CONTAINERS_PRIVATE_H

#include "kernel/containers.h"

#define KERNEL_NS_LEVEL_MAX 33 /* Linux nests pid namespaces 32 deep */

/* The namespaces of a thread; 0: not known. */
typedef struct {
	guint32 inum[KERNEL_NS_COUNT];
} KernelNsSet;

typedef struct {
	guint32 parent; /* its inode number; 0: not known */
	gint level;     /* -1: not known */
	guint32 init;   /* serial of the thread that is 1 in it; G_MAXUINT32: not known */
} KernelPidNs;

/* A thread's number and its process's in their own pid namespace; 0: not known. */
typedef struct {
	gint32 vtid, vpid;
} KernelNsNumbers;

typedef struct {
	KernelSet *set;
	guint table, threads;
	GArray *numbers;       /* KernelNsNumbers by serial */
	GArray *of_thread;     /* guint32 by serial: index of `sets`; 0: nothing is known */
	GPtrArray *sets;       /* KernelNsSet * */
	GHashTable *by_set;    /* KernelNsSet * -> index */
	GHashTable *pid_ns;    /* inode number -> KernelPidNs * */
	GHashTable *dumped;    /* tid -> serial of the thread that state dumps told of */
	GHashTable *flags;     /* serial -> what its system call was called with, until it returns */
	GHashTable *hostnames; /* inode number of a uts namespace, or of a pid namespace whose uts namespace isn't known -> text */
	gint32 dumped_tid, dumped_user_tid; /* the thread of which a state dump spoke last */
	gint dumped_level;
	guint32 dumped_inum;
} KernelContainers;

/* What is known of a thread. */
const KernelNsSet *kernel_ns_set(const KernelContainers *c, guint32 serial);

/* A pid namespace, made known now if it wasn't. NULL: there are too many. */
KernelPidNs *kernel_pid_ns(KernelContainers *c, guint32 inum);

void kernel_containers_finish(gpointer part);

#endif
