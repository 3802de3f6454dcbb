/* SPDX-License-Identifier: MIT */
/* trace/events/block.h: block devices; see trace/events.h for what the columns mean. */
#ifndef STRATA_TRACE_EVENTS_BLOCK_H
#define STRATA_TRACE_EVENTS_BLOCK_H

/* clang-format off */
#define TRACE_EVENTS_BLOCK(E, F) \
	E(BLOCK_RQ_INSERT, "block", "block_rq_insert") \
	F(BLOCK_RQ_INSERT, DEV, 0, "dev") \
	F(BLOCK_RQ_INSERT, SECTOR, 1, "sector") \
	F(BLOCK_RQ_INSERT, NR_SECTOR, 2, "nr_sector") \
	F(BLOCK_RQ_INSERT, RWBS, 3, "rwbs") \
	F(BLOCK_RQ_INSERT, BYTES, 4, "bytes") \
	F(BLOCK_RQ_INSERT, TID, 5, "tid") \
	F(BLOCK_RQ_INSERT, COMM, 6, "comm") \
	E(BLOCK_RQ_ISSUE, "block", "block_rq_issue") \
	F(BLOCK_RQ_ISSUE, DEV, 0, "dev") \
	F(BLOCK_RQ_ISSUE, SECTOR, 1, "sector") \
	F(BLOCK_RQ_ISSUE, NR_SECTOR, 2, "nr_sector") \
	F(BLOCK_RQ_ISSUE, RWBS, 3, "rwbs") \
	F(BLOCK_RQ_ISSUE, BYTES, 4, "bytes") \
	F(BLOCK_RQ_ISSUE, TID, 5, "tid") \
	F(BLOCK_RQ_ISSUE, COMM, 6, "comm") \
	E(BLOCK_RQ_COMPLETE, "block", "block_rq_complete") \
	F(BLOCK_RQ_COMPLETE, DEV, 0, "dev") \
	F(BLOCK_RQ_COMPLETE, SECTOR, 1, "sector") \
	F(BLOCK_RQ_COMPLETE, NR_SECTOR, 2, "nr_sector") \
	F(BLOCK_RQ_COMPLETE, RWBS, 3, "rwbs") \
	F(BLOCK_RQ_COMPLETE, ERROR, 4, "error errors") \
	E(BLOCK_RQ_REQUEUE, "block", "block_rq_requeue") \
	F(BLOCK_RQ_REQUEUE, DEV, 0, "dev") \
	F(BLOCK_RQ_REQUEUE, SECTOR, 1, "sector") \
	F(BLOCK_RQ_REQUEUE, NR_SECTOR, 2, "nr_sector") \
	F(BLOCK_RQ_REQUEUE, RWBS, 3, "rwbs") \
	E(BLOCK_RQ_MERGE, "block", "block_rq_merge") \
	F(BLOCK_RQ_MERGE, DEV, 0, "dev") \
	F(BLOCK_RQ_MERGE, SECTOR, 1, "sector") \
	F(BLOCK_RQ_MERGE, NR_SECTOR, 2, "nr_sector") \
	F(BLOCK_RQ_MERGE, RWBS, 3, "rwbs") \
	F(BLOCK_RQ_MERGE, BYTES, 4, "bytes") \
	F(BLOCK_RQ_MERGE, TID, 5, "tid") \
	E(BLOCK_RQ_REMAP, "block", "block_rq_remap") \
	F(BLOCK_RQ_REMAP, DEV, 0, "dev") \
	F(BLOCK_RQ_REMAP, SECTOR, 1, "sector") \
	F(BLOCK_RQ_REMAP, NR_SECTOR, 2, "nr_sector") \
	F(BLOCK_RQ_REMAP, RWBS, 3, "rwbs") \
	F(BLOCK_RQ_REMAP, OLD_DEV, 4, "old_dev") \
	F(BLOCK_RQ_REMAP, OLD_SECTOR, 5, "old_sector") \
	E(BLOCK_BIO_QUEUE, "block", "block_bio_queue") \
	F(BLOCK_BIO_QUEUE, DEV, 0, "dev") \
	F(BLOCK_BIO_QUEUE, SECTOR, 1, "sector") \
	F(BLOCK_BIO_QUEUE, NR_SECTOR, 2, "nr_sector") \
	F(BLOCK_BIO_QUEUE, RWBS, 3, "rwbs") \
	F(BLOCK_BIO_QUEUE, TID, 4, "tid") \
	F(BLOCK_BIO_QUEUE, COMM, 5, "comm") \
	E(BLOCK_BIO_COMPLETE, "block", "block_bio_complete") \
	F(BLOCK_BIO_COMPLETE, DEV, 0, "dev") \
	F(BLOCK_BIO_COMPLETE, SECTOR, 1, "sector") \
	F(BLOCK_BIO_COMPLETE, NR_SECTOR, 2, "nr_sector") \
	F(BLOCK_BIO_COMPLETE, RWBS, 3, "rwbs") \
	F(BLOCK_BIO_COMPLETE, ERROR, 4, "error") \
	E(BLOCK_BIO_FRONTMERGE, "block", "block_bio_frontmerge") \
	F(BLOCK_BIO_FRONTMERGE, DEV, 0, "dev") \
	F(BLOCK_BIO_FRONTMERGE, SECTOR, 1, "sector") \
	F(BLOCK_BIO_FRONTMERGE, NR_SECTOR, 2, "nr_sector") \
	F(BLOCK_BIO_FRONTMERGE, RWBS, 3, "rwbs") \
	F(BLOCK_BIO_FRONTMERGE, TID, 4, "tid") \
	E(BLOCK_BIO_BACKMERGE, "block", "block_bio_backmerge") \
	F(BLOCK_BIO_BACKMERGE, DEV, 0, "dev") \
	F(BLOCK_BIO_BACKMERGE, SECTOR, 1, "sector") \
	F(BLOCK_BIO_BACKMERGE, NR_SECTOR, 2, "nr_sector") \
	F(BLOCK_BIO_BACKMERGE, RWBS, 3, "rwbs") \
	F(BLOCK_BIO_BACKMERGE, TID, 4, "tid") \
	E(BLOCK_BIO_REMAP, "block", "block_bio_remap") \
	F(BLOCK_BIO_REMAP, DEV, 0, "dev") \
	F(BLOCK_BIO_REMAP, SECTOR, 1, "sector") \
	F(BLOCK_BIO_REMAP, NR_SECTOR, 2, "nr_sector") \
	F(BLOCK_BIO_REMAP, RWBS, 3, "rwbs") \
	F(BLOCK_BIO_REMAP, OLD_DEV, 4, "old_dev") \
	F(BLOCK_BIO_REMAP, OLD_SECTOR, 5, "old_sector") \
	E(BLOCK_SPLIT, "block", "block_split") \
	F(BLOCK_SPLIT, DEV, 0, "dev") \
	F(BLOCK_SPLIT, SECTOR, 1, "sector") \
	F(BLOCK_SPLIT, NEW_SECTOR, 2, "new_sector") \
	F(BLOCK_SPLIT, RWBS, 3, "rwbs") \
	E(BLOCK_GETRQ, "block", "block_getrq") \
	F(BLOCK_GETRQ, DEV, 0, "dev") \
	F(BLOCK_GETRQ, SECTOR, 1, "sector") \
	F(BLOCK_GETRQ, NR_SECTOR, 2, "nr_sector") \
	F(BLOCK_GETRQ, RWBS, 3, "rwbs") \
	F(BLOCK_GETRQ, TID, 4, "tid") \
	E(BLOCK_DIRTY_BUFFER, "block", "block_dirty_buffer") \
	F(BLOCK_DIRTY_BUFFER, DEV, 0, "dev") \
	F(BLOCK_DIRTY_BUFFER, SECTOR, 1, "sector") \
	F(BLOCK_DIRTY_BUFFER, SIZE, 2, "size")
/* clang-format on */

#endif
