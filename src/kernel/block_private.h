/* SPDX-License-Identifier: MIT */
/* kernel/block_private.h: what the files of kernel/block.h share. */
#ifndef STRATA_KERNEL_BLOCK_PRIVATE_H
#define STRATA_KERNEL_BLOCK_PRIVATE_H

#include "kernel/block.h"

/* ---- Open requests: block_open.c ------------------------------------------------------------------------------ */

/* Where a request is. BLOCK_BIO: submitted, and not yet a request. BLOCK_AFTER: its data are written; a flush command follows. */
typedef enum {
	BLOCK_BIO = 1 << 0,
	BLOCK_QUEUED = 1 << 1,
	BLOCK_INSERTED = 1 << 2,
	BLOCK_ISSUED = 1 << 3,
	BLOCK_AFTER = 1 << 4,
} BlockState;

enum { BLOCK_BY_START, BLOCK_BY_END, BLOCK_BY_AGE, BLOCK_LINKS };

#define BLOCK_OTHERS 3 /* submitters of merged bios that are remembered */
#define BLOCK_STEPS  64 /* requests looked at, at most, to find one */

typedef struct {
	struct {
		guint32 previous, next;
	} links[BLOCK_LINKS];
	guint64 start, end;  /* sectors that are still to be done */
	guint64 item;        /* BLOCK_AFTER: its item */
	KernelDiskRequest r;
	guint32 others[BLOCK_OTHERS];
	guint8 n_others;
	guint8 state;        /* BlockState; 0: free */
	gboolean sequenced;  /* flush commands go before or after it, and a completion of no sectors comes last */
} BlockOpen;

/* Open requests by number, from 1 on; 0: none. */
typedef struct BlockOpens BlockOpens;

BlockOpens *block_opens_new(void);
void block_opens_free(BlockOpens *o);

/* A new one with the contents of `init`; 0: there are too many. */
guint32 block_open_add(BlockOpens *o, const BlockOpen *init);
void block_open_remove(BlockOpens *o, guint32 id);

/* Valid until the next block_open_add(). */
BlockOpen *block_open_get(BlockOpens *o, guint32 id);

/* Other sectors. */
void block_open_move(BlockOpens *o, guint32 id, guint64 start, guint64 end);

guint32 block_opens_oldest(const BlockOpens *o);

/*
 * The request of a disk and operation in one of `states` that starts (`by` BLOCK_BY_START) or ends at a sector: the oldest one, or the newest; preferably one that `thread` submitted, unless
 * that is G_MAXUINT32. 0: none.
 */
typedef struct {
	guint by;
	guint32 disk, thread;
	guint64 sector;
	guint op, states;
	gboolean newest;
} BlockQuery;

guint32 block_open_find(const BlockOpens *o, const BlockQuery *q);

/* ---- Disks: block_disk.c --------------------------------------------------------------------------------------- */

#define BLOCK_SEQUENCED_MAX 256 /* requests of a disk that flush commands belong to */

/*
 * Whether it is known what its driver has. At first nobody has seen it do anything: it is idle until its first request, unless that is one that ends. After
 * lost events it is not known until something is seen of it.
 */
typedef enum { BLOCK_UNSEEN, BLOCK_KNOWN, BLOCK_IN_DOUBT } BlockKnowledge;

typedef struct {
	guint32 dev, name, row;
	gboolean stacked;
	guint8 knowledge;    /* BlockKnowledge */
	guint in_flight;
	guint64 unmatched;
	guint64 last_flush;  /* item of the flush command completed last; KERNEL_NO_REQUEST */
	guint32 sequenced[BLOCK_SEQUENCED_MAX]; /* open requests, the oldest first */
	guint n_sequenced;
} BlockDisk;

typedef struct BlockDisks BlockDisks;

/* `is_told`: when requests are issued and completed is recorded; else it is never known what a driver has. */
BlockDisks *block_disks_new(History *h, gboolean is_told);
void block_disks_free(BlockDisks *d);

/* The disk's number; KERNEL_NO_DEV: there are too many. */
guint32 block_disk_number(BlockDisks *d, guint32 dev);
BlockDisk *block_disk_get(BlockDisks *d, guint32 number);

/* The number of a disk that has had requests; FALSE: it has not. */
gboolean block_disk_known(const BlockDisks *d, guint32 dev, guint32 *number_out);
void block_disk_name(BlockDisks *d, guint32 dev, const char *name, guint len);

/* Its driver has so many more requests, from `time` on. */
void block_disk_more(BlockDisks *d, BlockDisk *disk, gint64 time, gint more);

/* Something ended that nobody saw begin. */
void block_disk_unmatched(BlockDisks *d, BlockDisk *disk, gint64 time);
void block_disks_loss(BlockDisks *d, gint64 time, gboolean is_lost);
void block_disks_finish(BlockDisks *d);

/* ---- What the tracer says of an operation: block_rwbs.c --------------------------------------------------------- */

typedef struct {
	guint8 op;
	guint16 flags;
} BlockOp;

BlockOp block_op_from_bits(guint64 rwbs);
BlockOp block_op_from_text(const char *text, guint len);

/* ---- Why threads waited: block_why.c ---------------------------------------------------------------------------- */

/* Completions on a processor, for wakeups that come from them. */
typedef struct {
	gint64 time;
	guint64 request;
	guint64 switches;    /* of the processor, then */
	guint32 disk;
	guint32 submitters[1 + BLOCK_OTHERS];
	guint8 n_submitters;
} BlockDone;

typedef struct BlockWaits BlockWaits;

BlockWaits *block_waits_new(KernelSet *set, BlockDisks *disks, guint requests);
void block_waits_free(BlockWaits *w);

/* A request, or an empty flush, has told its submitter that it is done; on that processor. */
void block_waits_done(BlockWaits *w, gint32 cpu, const BlockDone *done);
void block_waits_why(BlockWaits *w, const KernelBlocked *b, KernelWhy *why);

/* ---- The part: block.c, and what it makes of events: block_make.c --------------------------------------------------- */

#define BLOCK_SECTOR     512 /* bytes: the unit of all sectors, whatever the device's own are */
#define BLOCK_NOT_ISSUED (BLOCK_BIO | BLOCK_QUEUED | BLOCK_INSERTED)

typedef struct {
	guint64 sector;
	guint32 dev, thread;
} BlockDirty;

/* What a processor has just passed on from one device to another. */
typedef struct {
	guint32 dev, old_dev, thread, cause;
	guint64 sector, old_sector;
	guint8 via;
	gboolean is_known;   /* the old device's bio is, and so are thread, cause and via */
} BlockRemap;

typedef struct {
	KernelSet *set;
	BlockOpens *opens;
	BlockDisks *disks;
	BlockWaits *waits;
	guint requests;
	GArray *remaps;      /* BlockRemap, by processor */
	BlockDirty *dirty;   /* who wrote last into buffers */
	const CtfEventClass *classes[TRACE_EVENT_COUNT]; /* whose rwbs has been looked at */
	gboolean is_text[TRACE_EVENT_COUNT];
	guint losses;        /* ranges of lost events that are not over */
} Block;

/* What every event of a bio or request says. */
typedef struct {
	gint64 time;
	gint32 cpu;
	guint32 dev, disk;
	guint64 sector;
	guint32 nr;          /* sectors */
	BlockOp op;
	KernelThread *thread;
	guint32 serial;      /* G_MAXUINT32: the thread is not known */
} BlockSaid;

/* A request that begins with this event, in that state; 0: there can be no more. */
guint32 block_begin(Block *b, const BlockSaid *s, BlockState state);

/* Flush commands belong to it. */
void block_sequence(Block *b, guint32 id);

/* Its driver has it, or has it no more. */
void block_in_driver(Block *b, BlockOpen *open, gint64 time, gboolean is_in);

/* It is over: keep it as an item, whose number is returned, and forget it. */
guint64 block_end(Block *b, guint32 id, gint64 time, KernelDiskEnd end);
guint64 block_item(Block *b, const BlockOpen *open, KernelDiskEnd end);
void block_forget(Block *b, guint32 id);

/* A thread has written into a buffer; a processor passes a bio on. */
void block_dirtied(Block *b, guint32 dev, guint64 sector, guint32 thread);
void block_remapped(Block *b, gint32 cpu, const BlockRemap *remap);

#endif
