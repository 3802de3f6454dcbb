/* SPDX-License-Identifier: MIT */
/* view/doc.h: what a document is made of, for its renderers. */
#ifndef STRATA_VIEW_DOC_H
#define STRATA_VIEW_DOC_H

#include "view/view.h"

typedef enum {
	BLOCK_PART,
	BLOCK_HEADING,
	BLOCK_LINE,
	BLOCK_PARAGRAPH,
	BLOCK_ITEM,
	BLOCK_PAIR,
	BLOCK_COMMAND,
	BLOCK_TABLE,
	BLOCK_MORE,
	BLOCK_CARD,
	BLOCK_CARD_END,
	BLOCK_WHEN,
} BlockType;

typedef struct {
	BlockType type;
	char *key;               /* of a pair */
	char *text;              /* of all but tables and ends; valid UTF-8 */
	View *table;             /* of tables */
	double weight;           /* of a card */
	gint64 begin_ns, end_ns; /* of "when" */
	GArray *ranges;          /* of ViewRange */
} Block;

struct ViewDoc {
	GArray *blocks;
};

const Block *view_doc_block(const ViewDoc *doc, guint i);

#endif
