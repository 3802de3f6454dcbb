/* SPDX-License-Identifier: MIT */
/*
 * kernel/memory.h: page faults, and memory that is got and given back: pages, objects of the kernel's, mappings. A part of the set (kernel/set.h).
 *
 * Tracers tell when a page fault begins, and not when it ends. So a fault has no duration; but if its thread goes to sleep outside of a system call, it sleeps in the
 * last fault that it had taken, for there is nothing else there to sleep in. Faults in system calls may sleep too, but can't be told from the call itself.
 */
#ifndef STRATA_KERNEL_MEMORY_H
#define STRATA_KERNEL_MEMORY_H

#include "kernel/set.h"

/* Pages, objects and threads in system calls that are remembered at a time; when there are more all of that kind are forgotten. */
#define KERNEL_MEMORY_KEYS_MAX (1u << 20)

#define KERNEL_PAGE_SIZE 4096

/* Bits of an x86 error code. */
enum {
	KERNEL_FAULT_PROTECTION = 1 << 0, /* the page was there, but the access not allowed; else there was none */
	KERNEL_FAULT_WRITE = 1 << 1,
	KERNEL_FAULT_USER = 1 << 2,       /* from user space */
	KERNEL_FAULT_RESERVED = 1 << 3,
	KERNEL_FAULT_EXECUTE = 1 << 4,
	KERNEL_FAULT_KEY = 1 << 5,        /* a protection key forbids it */
};

/* Table "page_faults". 32 bytes. */
typedef struct {
	gint64 time_ns;
	guint64 address, ip;  /* ip: 0 if it was not told */
	guint32 thread;       /* serial; G_MAXUINT32: not known */
	gint16 cpu;
	guint8 error;         /* KERNEL_FAULT_ bits */
	guint8 in_kernel;     /* the kernel touched it, for a system call */
} KernelFaultItem;

#define KERNEL_FAULTS_TABLE "page_faults"

/* Table "fault_waits": a thread slept in a fault outside of a system call. It may do so several times in one. */
typedef struct {
	guint64 fault;        /* item of "page_faults" */
	gint64 begin_ns, end_ns;
	guint32 thread;
	guint32 reserved;
} KernelFaultWait;

#define KERNEL_FAULT_WAITS_TABLE "fault_waits"

/* M(ID, NAME, GETS): 1: memory is got; -1: given back. */
/* clang-format off */
#define KERNEL_MEMORY_KINDS(M) \
	M(PAGES, "pages", 1)          /* from the page allocator */ \
	M(PAGES_FREE, "pages-free", -1) \
	M(OBJECT, "object", 1)        /* of the kernel's: kmalloc, kmem_cache */ \
	M(OBJECT_FREE, "object-free", -1) \
	M(MAP, "map", 1)              /* address space: mmap, mremap that grows */ \
	M(UNMAP, "unmap", -1) \
	M(HEAP, "heap", 1)            /* address space: brk */ \
	M(HEAP_FREE, "heap-free", -1)
/* clang-format on */

typedef enum {
#define KERNEL_M(id, name, gets) KERNEL_MEMORY_##id,
	KERNEL_MEMORY_KINDS(KERNEL_M)
#undef KERNEL_M
	KERNEL_MEMORY_COUNT
} KernelMemoryKind;

/* Table "memory_events". 32 bytes. */
typedef struct {
	gint64 time_ns;
	guint64 bytes;        /* of what is given back, 0: not known */
	guint32 thread;       /* who got it or gave it back */
	guint32 owner;        /* who had got it; G_MAXUINT32: not known */
	guint8 kind;          /* KernelMemoryKind */
	guint8 order;         /* of pages: 2^order of them */
} KernelMemoryItem;

#define KERNEL_MEMORY_TABLE "memory_events"

#endif
