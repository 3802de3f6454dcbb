/* SPDX-License-Identifier: MIT */
/* block.c: from the block layer's events to requests. What is open is in block_open.c, how it begins and ends in block_make.c. */
#include "kernel/block_private.h"

#define ABSORB_MAX 1024 /* requests found to be part of another one when that is issued */

/* ---- Reading events ---------------------------------------------------------------------------------------------- */

/* These have the same places in all events of bios and requests, and rwbs in those that have it. */
#define DEV       0
#define SECTOR    1
#define NR_SECTOR 2
#define RWBS      3

#define SAME_PLACES(id)                                                                                                \
	G_STATIC_ASSERT(TRACE_BLOCK_##id##_DEV == DEV && TRACE_BLOCK_##id##_SECTOR == SECTOR &&                        \
			TRACE_BLOCK_##id##_NR_SECTOR == NR_SECTOR && TRACE_BLOCK_##id##_RWBS == RWBS)
SAME_PLACES(RQ_INSERT);
SAME_PLACES(RQ_ISSUE);
SAME_PLACES(RQ_COMPLETE);
SAME_PLACES(RQ_REQUEUE);
SAME_PLACES(RQ_MERGE);
SAME_PLACES(RQ_REMAP);
SAME_PLACES(BIO_QUEUE);
SAME_PLACES(BIO_COMPLETE);
SAME_PLACES(BIO_FRONTMERGE);
SAME_PLACES(BIO_BACKMERGE);
SAME_PLACES(BIO_REMAP);
SAME_PLACES(GETRQ);
G_STATIC_ASSERT(TRACE_BLOCK_SPLIT_DEV == DEV && TRACE_BLOCK_SPLIT_SECTOR == SECTOR && TRACE_BLOCK_SPLIT_RWBS == RWBS);

static gboolean is_text_class(const CtfEventClass *class, const char *field)
{
	const CtfWant want = {.scope = CTF_SCOPE_PAYLOAD, .name = field};
	const CtfFc *fc = ctf_event_class_field(class, &want);

	return fc && (fc->type == CTF_FC_STRING || fc->type == CTF_FC_STATIC_TEXT || fc->type == CTF_FC_DYNAMIC_TEXT);
}

/* Whether it is a text is looked up once for each class of events. */
static gboolean rwbs_is_text(Block *b, const TraceEvent *ev)
{
	if (!ev->stream)
		return FALSE;
	const CtfEventClass *class = trace_event_class(ev);
	if (class != b->classes[ev->id]) {
		b->classes[ev->id] = class;
		b->is_text[ev->id] = is_text_class(class, "rwbs");
	}
	return b->is_text[ev->id];
}

static BlockOp read_op(Block *b, const TraceEvent *ev)
{
	guint len;

	if (!trace_has(ev, RWBS))
		return (BlockOp){.op = KERNEL_DISK_OP_OTHER};
	if (!rwbs_is_text(b, ev))
		return block_op_from_bits(ev->v[RWBS]);
	const char *text = trace_text(ev, RWBS, &len);
	return block_op_from_text(text, len);
}

/* FALSE: it speaks of no device. */
static gboolean read_event(Block *b, const TraceEvent *ev, BlockSaid *s)
{
	if (!trace_has(ev, DEV) || !trace_has(ev, SECTOR) || !ev->v[DEV])
		return FALSE;
	*s = (BlockSaid){.time = ev->time, .cpu = ev->cpu, .dev = (guint32)ev->v[DEV], .sector = ev->v[SECTOR], .op = read_op(b, ev)};
	s->disk = block_disk_number(b->disks, s->dev);
	if (s->disk == KERNEL_NO_DEV)
		return FALSE;
	if (s->sector == G_MAXUINT64) /* what has no place on the device */
		s->sector = 0;
	if (trace_has(ev, NR_SECTOR))
		s->nr = (guint32)ev->v[NR_SECTOR];
	s->thread = kernel_current(b->set->kernel, ev);
	s->serial = s->thread ? s->thread->serial : G_MAXUINT32;
	return TRUE;
}

/* ---- Bios -------------------------------------------------------------------------------------------------------- */

typedef enum { OLDEST, NEWEST } Which;

static guint32 find(Block *b, const BlockSaid *s, guint by, guint64 sector, guint states, Which which)
{
	const BlockQuery q = {.by = by, .disk = s->disk, .thread = which == NEWEST ? s->serial : G_MAXUINT32, .sector = sector, .op = s->op.op,
			      .states = states, .newest = which == NEWEST};

	return block_open_find(b->opens, &q);
}

static void on_bio_queue(Block *b, const BlockSaid *s)
{
	BlockDisk *disk = block_disk_get(b->disks, s->disk);

	block_begin(b, s, BLOCK_BIO);
	block_disk_more(b->disks, disk, s->time, disk->stacked ? 1 : 0);
}

/* A bio's first sectors are one thing now, the others another. */
static void split(Block *b, guint32 id, guint64 at)
{
	BlockOpen rest = *block_open_get(b->opens, id);

	rest.start = rest.r.sector = at;
	rest.r.nr_sectors = (guint32)(rest.end - at);
	rest.sequenced = FALSE;
	block_open_move(b->opens, id, block_open_get(b->opens, id)->start, at);
	block_open_add(b->opens, &rest);
}

static void on_split(Block *b, const TraceEvent *ev, const BlockSaid *s)
{
	guint32 id = find(b, s, BLOCK_BY_START, s->sector, BLOCK_BIO, NEWEST);
	guint64 at = trace_has(ev, TRACE_BLOCK_SPLIT_NEW_SECTOR) ? ev->v[TRACE_BLOCK_SPLIT_NEW_SECTOR] : 0;

	if (id && at > s->sector && at < block_open_get(b->opens, id)->end)
		split(b, id, at);
}

static void on_getrq(Block *b, const BlockSaid *s)
{
	guint32 id = find(b, s, BLOCK_BY_START, s->sector, BLOCK_BIO, NEWEST);

	if (!id) {
		block_begin(b, s, BLOCK_QUEUED);
		return;
	}
	if (s->nr && s->sector + s->nr < block_open_get(b->opens, id)->end)
		split(b, id, s->sector + s->nr);
	block_open_get(b->opens, id)->state = BLOCK_QUEUED;
}

/* Who submitted a part of a request waits for it as well. */
static void add_submitter(BlockOpen *to, guint32 thread)
{
	if (thread == to->r.thread || to->n_others == BLOCK_OTHERS)
		return;
	for (guint i = 0; i < to->n_others; i++)
		if (to->others[i] == thread)
			return;
	to->others[to->n_others++] = thread;
}

/* One is part of another one, from now on. */
static void join(Block *b, guint32 to_id, guint32 part_id)
{
	BlockOpen *to = block_open_get(b->opens, to_id), *part = block_open_get(b->opens, part_id);

	add_submitter(to, part->r.thread);
	for (guint i = 0; i < part->n_others; i++)
		add_submitter(to, part->others[i]);
	to->r.merges = (guint16)MIN(to->r.merges + part->r.merges + 1u, G_MAXUINT16);
	if (to->r.queued_ns == KERNEL_NO_TIME || part->r.queued_ns < to->r.queued_ns)
		to->r.queued_ns = part->r.queued_ns;
	block_open_move(b->opens, to_id, MIN(to->start, part->start), MAX(to->end, part->end));
	to->r.sector = to->start;
	block_forget(b, part_id);
}

static void on_bio_merge(Block *b, const BlockSaid *s, guint by)
{
	guint32 bio = find(b, s, BLOCK_BY_START, s->sector, BLOCK_BIO, NEWEST);
	guint32 to = find(b, s, by, by == BLOCK_BY_END ? s->sector : s->sector + s->nr, BLOCK_QUEUED | BLOCK_INSERTED, NEWEST);

	if (!bio) { /* bios are not traced */
		bio = block_begin(b, s, BLOCK_BIO);
	}
	if (to && to != bio)
		join(b, to, bio);
	else
		block_forget(b, bio);
}

/* A request is merged into the one that ends where it starts. */
static void on_rq_merge(Block *b, const BlockSaid *s)
{
	guint32 part = find(b, s, BLOCK_BY_START, s->sector, BLOCK_QUEUED | BLOCK_INSERTED, NEWEST);
	guint32 to = find(b, s, BLOCK_BY_END, s->sector, BLOCK_QUEUED | BLOCK_INSERTED, NEWEST);

	if (part && to && part != to)
		join(b, to, part);
}

/* ---- Devices on top of others ------------------------------------------------------------------------------------ */

/* A disk is found to pass bios on: those that it has are what its driver has. */
static void learn_stacked(Block *b, guint32 number, gint64 time)
{
	BlockDisk *disk = block_disk_get(b->disks, number);
	gint n = 0;

	if (disk->stacked)
		return;
	for (guint32 id = block_opens_oldest(b->opens); id; id = block_open_get(b->opens, id)->links[BLOCK_BY_AGE].next) {
		const BlockOpen *open = block_open_get(b->opens, id);

		n += open->state == BLOCK_BIO && open->r.disk == number;
	}
	disk->stacked = TRUE;
	block_disk_more(b->disks, disk, time, n);
}

/* A bio of the device above, or of a partition, goes on as one of this device. */
static void on_remap(Block *b, const TraceEvent *ev, const BlockSaid *s)
{
	enum { OLD_DEV = TRACE_BLOCK_BIO_REMAP_OLD_DEV, OLD_SECTOR = TRACE_BLOCK_BIO_REMAP_OLD_SECTOR };
	BlockSaid old = *s;
	BlockRemap remap = {.dev = s->dev, .sector = s->sector, .thread = s->serial};

	G_STATIC_ASSERT((int)TRACE_BLOCK_RQ_REMAP_OLD_DEV == (int)OLD_DEV && (int)TRACE_BLOCK_RQ_REMAP_OLD_SECTOR == (int)OLD_SECTOR);
	if (!trace_has(ev, OLD_DEV) || !trace_has(ev, OLD_SECTOR) || (guint32)ev->v[OLD_DEV] == s->dev)
		return;
	remap.old_dev = old.dev = (guint32)ev->v[OLD_DEV];
	remap.old_sector = old.sector = ev->v[OLD_SECTOR];
	if (block_disk_known(b->disks, old.dev, &old.disk)) {
		gboolean is_bio = ev->id == TRACE_BLOCK_BIO_REMAP;
		guint32 id = find(b, &old, BLOCK_BY_START, old.sector, is_bio ? BLOCK_BIO : BLOCK_ISSUED, NEWEST);

		if (id) {
			const KernelDiskRequest *r = &block_open_get(b->opens, id)->r;

			remap.is_known = TRUE;
			remap.thread = r->thread;
			remap.cause = r->cause;
			remap.via = r->via;
			if (is_bio)
				learn_stacked(b, old.disk, s->time);
		}
	}
	block_remapped(b, s->cpu, &remap);
}

static void tell_done(Block *b, const BlockOpen *open, gint64 time, gint32 cpu, guint64 item)
{
	BlockDone done = {.time = time, .request = item, .disk = open->r.disk, .submitters = {open->r.thread}, .n_submitters = 1};

	for (guint i = 0; i < open->n_others; i++)
		done.submitters[done.n_submitters++] = open->others[i];
	block_waits_done(b->waits, cpu, &done);
}

/* All that a device on top of others tells of an end. */
static void on_bio_complete(Block *b, const TraceEvent *ev, const BlockSaid *s)
{
	guint32 id = find(b, s, s->nr ? BLOCK_BY_START : BLOCK_BY_END, s->sector, BLOCK_BIO, OLDEST);

	if (!id && s->nr == 0)
		id = find(b, s, BLOCK_BY_START, s->sector, BLOCK_BIO, OLDEST);
	if (!id) {
		if (block_disk_get(b->disks, s->disk)->stacked)
			block_disk_unmatched(b->disks, block_disk_get(b->disks, s->disk), s->time);
		return;
	}
	learn_stacked(b, s->disk, s->time);
	BlockOpen copy = *block_open_get(b->opens, id);
	copy.r.issued_ns = copy.r.queued_ns;
	copy.r.completed_ns = copy.r.done_ns = s->time;
	copy.r.nr_sectors = (guint32)MIN(copy.end - copy.r.sector, G_MAXUINT32);
	copy.r.bytes = (guint64)copy.r.nr_sectors * BLOCK_SECTOR;
	copy.r.error = trace_has(ev, TRACE_BLOCK_BIO_COMPLETE_ERROR) ? (gint32)ev->v[TRACE_BLOCK_BIO_COMPLETE_ERROR] : 0;
	block_in_driver(b, &copy, s->time, FALSE);
	tell_done(b, &copy, s->time, s->cpu, block_item(b, &copy, KERNEL_DISK_COMPLETED));
	block_forget(b, id);
}

/* ---- Requests ---------------------------------------------------------------------------------------------------- */

/* A flush command is that of the request that asked for one first. */
static void take_flush(Block *b, BlockOpen *flush)
{
	const BlockDisk *disk = block_disk_get(b->disks, flush->r.disk);

	for (guint i = 0; i < disk->n_sequenced; i++) {
		const BlockOpen *asker = block_open_get(b->opens, disk->sequenced[i]);

		if (!(asker->state & (BLOCK_NOT_ISSUED | BLOCK_AFTER)))
			continue;
		flush->r.queued_ns = asker->state == BLOCK_AFTER ? asker->r.completed_ns : asker->r.queued_ns;
		flush->r.thread = asker->r.thread;
		flush->r.cause = asker->r.cause;
		flush->r.via = asker->r.via;
		flush->r.origin = asker->r.origin;
		return;
	}
}

/* The request that an event before its completion speaks of. `queued_ns`: since when, if nothing had been seen of it before. */
static guint32 request_of(Block *b, const BlockSaid *s, gint64 queued_ns)
{
	guint32 id = find(b, s, BLOCK_BY_START, s->sector, BLOCK_NOT_ISSUED, OLDEST);

	if (id)
		return id;
	id = block_begin(b, s, BLOCK_QUEUED);
	BlockOpen *open = block_open_get(b->opens, id);
	open->r.queued_ns = queued_ns;
	if (s->op.op == KERNEL_DISK_OP_FLUSH)
		take_flush(b, open);
	return id;
}

static void on_insert(Block *b, const BlockSaid *s)
{
	guint32 id = request_of(b, s, s->time);
	BlockOpen *open = block_open_get(b->opens, id);

	open->state = BLOCK_INSERTED;
	open->r.inserted_ns = s->time;
	block_open_move(b->opens, id, s->sector, s->sector + s->nr);
}

/* Requests that turn out to be part of one that is issued: their merging was not traced. */
static void absorb(Block *b, guint32 id, const BlockSaid *s)
{
	guint64 end = s->sector + s->nr;

	for (guint i = 0; i < ABSORB_MAX && block_open_get(b->opens, id)->end < end; i++) {
		guint32 part = find(b, s, BLOCK_BY_START, block_open_get(b->opens, id)->end, BLOCK_NOT_ISSUED, OLDEST);

		if (!part || part == id || block_open_get(b->opens, part)->end > end || block_open_get(b->opens, part)->end == block_open_get(b->opens, part)->start)
			break;
		join(b, id, part);
	}
}

static void on_issue(Block *b, const TraceEvent *ev, BlockSaid *s)
{
	if (s->op.op == KERNEL_DISK_OP_WRITE && s->nr == 0 && (s->op.flags & KERNEL_DISK_PREFLUSH))
		s->op.op = KERNEL_DISK_OP_FLUSH; /* as Linux before 4.8 has it */
	guint32 id = request_of(b, s, KERNEL_NO_TIME);
	absorb(b, id, s);
	BlockOpen *open = block_open_get(b->opens, id);
	block_open_move(b->opens, id, s->sector, s->sector + s->nr);
	if (open->r.op == KERNEL_DISK_OP_WRITE && (open->r.flags & KERNEL_DISK_FUA) && !(s->op.flags & KERNEL_DISK_FUA))
		block_sequence(b, id);
	open->state = BLOCK_ISSUED;
	open->r.issued_ns = s->time;
	open->r.sector = s->sector;
	open->r.nr_sectors = s->nr;
	open->r.bytes = trace_has(ev, TRACE_BLOCK_RQ_ISSUE_BYTES) ? (guint32)ev->v[TRACE_BLOCK_RQ_ISSUE_BYTES] : (guint64)s->nr * BLOCK_SECTOR;
	block_in_driver(b, open, s->time, TRUE);
}

static void on_requeue(Block *b, const BlockSaid *s)
{
	guint32 id = find(b, s, BLOCK_BY_START, s->sector, BLOCK_ISSUED, OLDEST);
	gboolean was_issued = id != 0;

	if (!id)
		id = find(b, s, BLOCK_BY_START, s->sector, BLOCK_NOT_ISSUED, OLDEST);
	if (!id)
		return;
	BlockOpen *open = block_open_get(b->opens, id);
	if (was_issued)
		block_in_driver(b, open, s->time, FALSE);
	open->state = BLOCK_INSERTED;
	open->r.issued_ns = KERNEL_NO_TIME;
	open->r.requeues = (guint16)MIN(open->r.requeues + 1u, G_MAXUINT16);
}

/* ---- Completion -------------------------------------------------------------------------------------------------- */

/* What a flush command belonged to is done: a write of some sectors, or an empty one, that only asked for it. */
static void on_sequence_done(Block *b, const BlockSaid *s)
{
	BlockDisk *disk = block_disk_get(b->disks, s->disk);

	for (guint i = 0; i < disk->n_sequenced; i++) {
		guint32 id = disk->sequenced[i];
		BlockOpen *open = block_open_get(b->opens, id);
		gboolean is_empty = open->r.nr_sectors == 0 && open->state != BLOCK_ISSUED;

		if (!is_empty && (open->state != BLOCK_AFTER || (s->sector != open->end && s->sector != open->r.sector)))
			continue;
		if (is_empty && s->sector != open->r.sector)
			continue;
		guint64 item = is_empty ? disk->last_flush : open->item;
		KernelDiskRequest *r = item == KERNEL_NO_REQUEST ? NULL : history_table_item(b->set->history, b->requests, item);
		if (r && is_empty && r->merges < G_MAXUINT16)
			r->merges++;
		else if (r && !is_empty)
			r->done_ns = s->time;
		tell_done(b, open, s->time, s->cpu, item);
		block_forget(b, id);
		return;
	}
}

/* All of it is done, as far as the driver goes. */
static void complete(Block *b, guint32 id, const BlockSaid *s)
{
	BlockOpen *open = block_open_get(b->opens, id);
	BlockDisk *disk = block_disk_get(b->disks, s->disk);

	open->r.completed_ns = open->r.done_ns = s->time;
	if (open->state == BLOCK_ISSUED)
		block_in_driver(b, open, s->time, FALSE);
	open->item = block_item(b, open, KERNEL_DISK_COMPLETED);
	open->state = BLOCK_AFTER;
	if (open->sequenced)
		return;
	if (open->r.op == KERNEL_DISK_OP_FLUSH)
		disk->last_flush = open->item;
	else
		tell_done(b, open, s->time, s->cpu, open->item);
	block_forget(b, id);
}

static void on_complete(Block *b, const TraceEvent *ev, BlockSaid *s)
{
	if (s->op.op == KERNEL_DISK_OP_WRITE && s->nr == 0 && (s->op.flags & KERNEL_DISK_PREFLUSH))
		s->op.op = KERNEL_DISK_OP_FLUSH;
	if (s->op.op == KERNEL_DISK_OP_WRITE && s->nr == 0) {
		on_sequence_done(b, s);
		return;
	}
	guint32 id = find(b, s, BLOCK_BY_START, s->sector, BLOCK_ISSUED, OLDEST);
	if (!id)
		id = find(b, s, BLOCK_BY_START, s->sector, BLOCK_QUEUED | BLOCK_INSERTED, OLDEST);
	if (!id) {
		block_disk_unmatched(b->disks, block_disk_get(b->disks, s->disk), s->time);
		return;
	}
	BlockOpen *open = block_open_get(b->opens, id);
	if (trace_has(ev, TRACE_BLOCK_RQ_COMPLETE_ERROR) && (gint32)ev->v[TRACE_BLOCK_RQ_COMPLETE_ERROR])
		open->r.error = (gint32)ev->v[TRACE_BLOCK_RQ_COMPLETE_ERROR];
	if (open->start + s->nr < open->end)
		block_open_move(b->opens, id, open->start + s->nr, open->end); /* a part of it */
	else
		complete(b, id, s);
}

/* ---- The part ---------------------------------------------------------------------------------------------------- */

static void on_dirty_buffer(Block *b, const TraceEvent *ev)
{
	enum { DIRTY_DEV = TRACE_BLOCK_DIRTY_BUFFER_DEV, BLOCK_NR = TRACE_BLOCK_DIRTY_BUFFER_SECTOR, SIZE = TRACE_BLOCK_DIRTY_BUFFER_SIZE };
	const KernelThread *t = kernel_current(b->set->kernel, ev);

	/* Its "sector" is the buffer's number, in units of its size. That a kernel thread writes into it tells nothing. */
	if (t && t->is_kthread != 1 && trace_has(ev, SIZE) && trace_has(ev, BLOCK_NR) && trace_has(ev, DIRTY_DEV))
		block_dirtied(b, (guint32)ev->v[DIRTY_DEV], ev->v[BLOCK_NR] * (ev->v[SIZE] / BLOCK_SECTOR), t->serial);
}

static void on_name(Block *b, const TraceEvent *ev)
{
	guint len;

	if (!trace_has(ev, TRACE_STATEDUMP_BLOCK_DEV) || !trace_has(ev, TRACE_STATEDUMP_BLOCK_NAME))
		return;
	if (ev->stream && !is_text_class(trace_event_class(ev), "diskname"))
		return;
	const char *name = trace_text(ev, TRACE_STATEDUMP_BLOCK_NAME, &len);
	block_disk_name(b->disks, (guint32)ev->v[TRACE_STATEDUMP_BLOCK_DEV], name, len);
}

static void on_request_event(Block *b, const TraceEvent *ev)
{
	BlockSaid s;

	if (!read_event(b, ev, &s))
		return;
	switch (ev->id) {
	case TRACE_BLOCK_BIO_QUEUE:
		on_bio_queue(b, &s);
		break;
	case TRACE_BLOCK_BIO_COMPLETE:
		on_bio_complete(b, ev, &s);
		break;
	case TRACE_BLOCK_BIO_BACKMERGE:
		on_bio_merge(b, &s, BLOCK_BY_END);
		break;
	case TRACE_BLOCK_BIO_FRONTMERGE:
		on_bio_merge(b, &s, BLOCK_BY_START);
		break;
	case TRACE_BLOCK_BIO_REMAP:
	case TRACE_BLOCK_RQ_REMAP:
		on_remap(b, ev, &s);
		break;
	case TRACE_BLOCK_SPLIT:
		on_split(b, ev, &s);
		break;
	case TRACE_BLOCK_GETRQ:
		on_getrq(b, &s);
		break;
	case TRACE_BLOCK_RQ_MERGE:
		on_rq_merge(b, &s);
		break;
	case TRACE_BLOCK_RQ_INSERT:
		on_insert(b, &s);
		break;
	case TRACE_BLOCK_RQ_ISSUE:
		on_issue(b, ev, &s);
		break;
	case TRACE_BLOCK_RQ_REQUEUE:
		on_requeue(b, &s);
		break;
	default:
		on_complete(b, ev, &s);
		break;
	}
}

static void block_event(gpointer self, const TraceEvent *ev)
{
	if (ev->id == TRACE_BLOCK_DIRTY_BUFFER)
		on_dirty_buffer(self, ev);
	else if (ev->id == TRACE_STATEDUMP_BLOCK)
		on_name(self, ev);
	else
		on_request_event(self, ev);
}

/* What is open when events are lost may have ended among them. */
static void block_loss(gpointer self, gint32 cpu, gint64 time, TraceLossEdge edge)
{
	Block *b = self;

	(void)cpu;
	for (guint32 id; (id = block_opens_oldest(b->opens));)
		block_end(b, id, time, KERNEL_DISK_LOST);
	b->losses += edge == TRACE_LOSS_BEGIN ? 1 : -(guint)(b->losses > 0);
	block_disks_loss(b->disks, time, b->losses > 0);
}

static gpointer block_create(KernelSet *set)
{
	Block *b = g_new0(Block, 1);
	const gboolean *declared = set->facts->declared;

	b->set = set;
	b->opens = block_opens_new();
	b->disks = block_disks_new(set->history, declared[TRACE_BLOCK_RQ_ISSUE] && declared[TRACE_BLOCK_RQ_COMPLETE]);
	b->requests = history_table(set->history, KERNEL_DISK_REQUESTS_TABLE, sizeof(KernelDiskRequest));
	b->waits = block_waits_new(set, b->disks, b->requests);
	b->remaps = g_array_new(FALSE, TRUE, sizeof(BlockRemap));
	return b;
}

static void block_free(gpointer self)
{
	Block *b = self;

	block_waits_free(b->waits);
	block_opens_free(b->opens);
	block_disks_free(b->disks);
	g_array_unref(b->remaps);
	g_free(b->dirty);
	g_free(b);
}

static TraceModel block_model(gpointer self)
{
#define COMMON (TRACE_BIT(DEV) | TRACE_BIT(SECTOR) | TRACE_BIT(NR_SECTOR) | TRACE_BIT(RWBS))
#define REMAP  (COMMON | TRACE_BIT(TRACE_BLOCK_BIO_REMAP_OLD_DEV) | TRACE_BIT(TRACE_BLOCK_BIO_REMAP_OLD_SECTOR))
	static const TraceNeed needs[] = {
		{TRACE_BLOCK_BIO_QUEUE, COMMON, 0, 0},
		{TRACE_BLOCK_BIO_COMPLETE, COMMON | TRACE_BIT(TRACE_BLOCK_BIO_COMPLETE_ERROR), 0, 0},
		{TRACE_BLOCK_BIO_BACKMERGE, COMMON, 0, 0},
		{TRACE_BLOCK_BIO_FRONTMERGE, COMMON, 0, 0},
		{TRACE_BLOCK_BIO_REMAP, REMAP, 0, 0},
		{TRACE_BLOCK_RQ_REMAP, REMAP, 0, 0},
		{TRACE_BLOCK_SPLIT, COMMON, 0, 0},
		{TRACE_BLOCK_GETRQ, COMMON, 0, 0},
		{TRACE_BLOCK_RQ_MERGE, COMMON, 0, 0},
		{TRACE_BLOCK_RQ_INSERT, COMMON, 0, 0},
		{TRACE_BLOCK_RQ_ISSUE, COMMON | TRACE_BIT(TRACE_BLOCK_RQ_ISSUE_BYTES), 0, 0},
		{TRACE_BLOCK_RQ_REQUEUE, COMMON, 0, 0},
		{TRACE_BLOCK_RQ_COMPLETE, COMMON | TRACE_BIT(TRACE_BLOCK_RQ_COMPLETE_ERROR), 0, 0},
		{TRACE_BLOCK_DIRTY_BUFFER, COMMON & ~TRACE_BIT(RWBS), 0, 0},
		{TRACE_STATEDUMP_BLOCK, TRACE_BIT(TRACE_STATEDUMP_BLOCK_DEV) | TRACE_BIT(TRACE_STATEDUMP_BLOCK_NAME), 0, 0},
	};

	return (TraceModel){.needs = needs, .n_needs = G_N_ELEMENTS(needs), .event = block_event, .loss = block_loss, .self = self};
}

static void block_finish(gpointer self)
{
	Block *b = self;

	for (guint32 id; (id = block_opens_oldest(b->opens));)
		block_end(b, id, b->set->kernel->end_ns, KERNEL_DISK_OPEN);
	block_disks_finish(b->disks);
}

static void block_why(gpointer self, const KernelBlocked *blocked, KernelWhy *why)
{
	block_waits_why(((Block *)self)->waits, blocked, why);
}

const KernelPart kernel_part_block = {.create = block_create, .model = block_model, .finish = block_finish, .free = block_free, .why = block_why};
