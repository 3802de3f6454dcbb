/* SPDX-License-Identifier: MIT */
/*
 * kernel/block.h: block devices: requests through the queue and the driver, whose they were, and who waited for them. A part of the set (kernel/set.h).
 *
 * A file system submits bios. The block layer makes a request of one, merges others into it, sorts it in a scheduler (it is inserted, unless it goes straight
 * to the driver), gives it to the driver (it is issued) and is told that it is done (it is completed, possibly piece by piece). A request is known by its device and its
 * first sector; of several that have the same ones, the oldest is meant.
 *
 * Devices that only pass bios on to others (dm, md) have no requests: their bios are their requests, without a queue. What such a device and partitions
 * pass on appears on the device below as requests of its own, which remember where they came from.
 *
 * Caches are made durable by flush commands, which the block layer makes itself: an empty write that asks for one is not issued but waits until a flush command that began
 * after it is done; a write that asks for one before or after itself is preceded or followed by one. Flush commands are requests here (op flush); who asked first is
 * whose they are. The empty writes are not: they are merged into the flush command.
 *
 * It writes rows of kind "disk" (path "disk/NAME": how many requests the driver has), and the tables below.
 */
#ifndef STRATA_KERNEL_BLOCK_H
#define STRATA_KERNEL_BLOCK_H

#include "kernel/set.h"

#define KERNEL_DISKS_MAX          1024  /* devices; requests of more are not kept */
#define KERNEL_DISK_REQUESTS_OPEN 65536 /* requests at a time; beyond that the oldest one counts as lost */

#define KERNEL_NO_TIME G_MININT64       /* a time that is not known, or that never came */
#define KERNEL_NO_DEV  G_MAXUINT32

/* S(ID, NAME): states of a disk's row: idle, or how many requests its driver has. */
/* clang-format off */
#define KERNEL_DISK_STATES(S) \
	S(UNKNOWN, "unknown") \
	S(IDLE, "idle") \
	S(1, "1") S(2, "2") S(4, "3-4") S(8, "5-8") S(16, "9-16") S(32, "17-32") S(64, "33-64") S(MORE, "65+")

/* O(ID, NAME): OTHER is what the tracer has no name for: writing zeroes, commands of the driver's own. */
#define KERNEL_DISK_OPS(O) \
	O(READ, "read") O(WRITE, "write") O(DISCARD, "discard") O(FLUSH, "flush") O(OTHER, "other")

/* V(ID, NAME): how it is known on whose behalf a request was made. */
#define KERNEL_DISK_VIAS(V) \
	V(OWN,    "own")     /* the thread submitted it itself */ \
	V(DIRTY,  "dirty")   /* a kernel thread wrote back a buffer that it had dirtied last */ \
	V(WAITED, "waited")  /* it waited for the kernel thread that submitted it: a journal's commit, a sync */ \
	V(KERNEL, "kernel")  /* a kernel thread submitted it; for whom is not known */
/* clang-format on */

typedef enum {
#define KERNEL_S(id, name) KERNEL_DISK_##id,
	KERNEL_DISK_STATES(KERNEL_S)
#undef KERNEL_S
	KERNEL_DISK_STATE_COUNT
} KernelDiskState;

typedef enum {
#define KERNEL_O(id, name) KERNEL_DISK_OP_##id,
	KERNEL_DISK_OPS(KERNEL_O)
#undef KERNEL_O
	KERNEL_DISK_OP_COUNT
} KernelDiskOp;

typedef enum {
#define KERNEL_V(id, name) KERNEL_DISK_VIA_##id,
	KERNEL_DISK_VIAS(KERNEL_V)
#undef KERNEL_V
	KERNEL_DISK_VIA_COUNT
} KernelDiskVia;

/* Flags of a request, where the tracer tells them. */
enum {
	KERNEL_DISK_SYNC = 1 << 0,      /* somebody waits for it */
	KERNEL_DISK_META = 1 << 1,      /* the file system's own data */
	KERNEL_DISK_AHEAD = 1 << 2,     /* read before it was asked for */
	KERNEL_DISK_FUA = 1 << 3,       /* to be on the medium when it completes */
	KERNEL_DISK_PREFLUSH = 1 << 4,  /* after a flush command */
	KERNEL_DISK_SECURE = 1 << 5,    /* discard and erase */
};

typedef enum {
	KERNEL_DISK_COMPLETED,
	KERNEL_DISK_OPEN, /* not completed when the trace ended */
	KERNEL_DISK_LOST, /* events were lost while it was open: nothing is known of its end */
} KernelDiskEnd;

const char *kernel_disk_op_name(guint op);
const char *kernel_disk_via_name(guint via);

/* Table "disks": the block devices that had requests. */
typedef struct {
	guint32 name;        /* text: "vda"; "254:0" if it was not told */
	guint32 dev;         /* major << 20 | minor */
	guint32 row;         /* of its states */
	guint32 stacked;     /* 1: it passes bios on, and has no driver of its own */
	guint64 unmatched;   /* completions of requests that began before the trace or over lost events */
} KernelDiskItem;

#define KERNEL_DISKS_TABLE "disks"

/*
 * Table "disk_requests": in the order in which they ended; those that did not, at the end.
 * Time in the queue is issued - queued, in the driver completed - issued.
 */
typedef struct {
	gint64 queued_ns;    /* its first bio was submitted; with untraced bios: the first that was seen of it before it was issued */
	gint64 inserted_ns;  /* into the scheduler; never, if it went straight to the driver */
	gint64 issued_ns;    /* to the driver; of several times (it was requeued) the last */
	gint64 completed_ns; /* the driver has done it */
	gint64 done_ns;      /* its submitter was told so: later than completed_ns where a flush command had to follow it */
	guint64 sector;
	guint64 bytes;
	guint32 nr_sectors;
	guint32 disk;        /* item of "disks" */
	guint32 thread;      /* who submitted its first bio */
	guint32 cause;       /* on whose behalf, as far as `via` knows */
	guint32 origin;      /* the device that passed it on: a partition, dm, md; KERNEL_NO_DEV: none */
	gint32 error;        /* 0: none; else negative errno */
	guint16 flags;
	guint16 merges;      /* bios and requests that were merged into it */
	guint16 requeues;
	guint8 op;           /* KernelDiskOp */
	guint8 via;          /* KernelDiskVia */
	guint8 end;          /* KernelDiskEnd */
} KernelDiskRequest;

#define KERNEL_DISK_REQUESTS_TABLE "disk_requests"

/* From when it is known. */
static inline gint64 kernel_disk_request_begin(const KernelDiskRequest *r)
{
	return r->queued_ns != KERNEL_NO_TIME ? r->queued_ns : r->issued_ns;
}

/* It was seen from the driver's getting it to its end. */
static inline gboolean kernel_disk_request_is_whole(const KernelDiskRequest *r)
{
	return r->end == KERNEL_DISK_COMPLETED && r->issued_ns != KERNEL_NO_TIME && r->completed_ns != KERNEL_NO_TIME;
}

#define KERNEL_NO_REQUEST G_MAXUINT64

typedef enum {
	KERNEL_DISK_WAIT_OWN,     /* for a request of its own */
	KERNEL_DISK_WAIT_OTHERS,  /* for one that another thread had submitted: a page, a free place in the queue */
	KERNEL_DISK_WAIT_THROUGH, /* for a kernel thread that waited for the disk: `waker` */
} KernelDiskWaitKind;

/* Table "disk_waits": threads blocked for a disk, by the end of that. It is the edge from a request's completion to the thread that it woke. */
typedef struct {
	gint64 begin_ns, end_ns;
	guint64 request;     /* item of "disk_requests"; KERNEL_NO_REQUEST: an empty flush whose command is not known */
	guint32 thread, waker;
	guint32 disk;
	guint32 kind;        /* KernelDiskWaitKind */
} KernelDiskWait;

#define KERNEL_DISK_WAITS_TABLE "disk_waits"

#endif
