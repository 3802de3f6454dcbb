/* SPDX-License-Identifier: MIT */
#include <errno.h>

#include "base/error.h"
#include "view/text.h"

#define INDENT         "  "
#define COMMAND_INDENT "      "

typedef enum {
	BLOCK_HEADING,
	BLOCK_PARAGRAPH,
	BLOCK_ITEM,
	BLOCK_PAIR,
	BLOCK_COMMAND,
	BLOCK_TABLE,
} BlockType;

typedef struct {
	BlockType type;
	char *key;  /* of a pair */
	char *text; /* of all but tables */
	View *table;
} Block;

struct ViewDoc {
	GArray *blocks;
};

static void free_block(gpointer data)
{
	Block *block = data;
	g_free(block->key);
	g_free(block->text);
	view_free(block->table);
}

ViewDoc *view_doc_new(void)
{
	ViewDoc *doc = g_new0(ViewDoc, 1);
	doc->blocks = g_array_new(FALSE, FALSE, sizeof(Block));
	g_array_set_clear_func(doc->blocks, free_block);
	return doc;
}

void view_doc_free(ViewDoc *doc)
{
	if (!doc)
		return;
	g_array_unref(doc->blocks);
	g_free(doc);
}

static void add(ViewDoc *doc, Block block)
{
	g_array_append_val(doc->blocks, block);
}

static G_GNUC_PRINTF(4, 0) void add_text(ViewDoc *doc, BlockType type, const char *key, const char *format,
                                         va_list args)
{
	g_autofree char *text = g_strdup_vprintf(format, args);
	add(doc, (Block){.type = type,
	                 .key = key ? text_clean(key, FALSE) : NULL,
	                 .text = text_clean(text, type != BLOCK_COMMAND)});
}

void view_doc_heading(ViewDoc *doc, const char *heading)
{
	add(doc, (Block){.type = BLOCK_HEADING, .text = text_clean(heading, FALSE)});
}

void view_doc_paragraph(ViewDoc *doc, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	add_text(doc, BLOCK_PARAGRAPH, NULL, format, args);
	va_end(args);
}

void view_doc_item(ViewDoc *doc, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	add_text(doc, BLOCK_ITEM, NULL, format, args);
	va_end(args);
}

void view_doc_pair(ViewDoc *doc, const char *key, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	add_text(doc, BLOCK_PAIR, key, format, args);
	va_end(args);
}

void view_doc_command(ViewDoc *doc, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	add_text(doc, BLOCK_COMMAND, NULL, format, args);
	va_end(args);
}

void view_doc_table(ViewDoc *doc, View *view)
{
	add(doc, (Block){.type = BLOCK_TABLE, .table = view});
}

static const Block *block_at(const ViewDoc *doc, guint i)
{
	return &g_array_index(doc->blocks, Block, i);
}

static gboolean blank_line_between(BlockType above, BlockType below)
{
	if (below == BLOCK_HEADING)
		return TRUE;
	if (above == BLOCK_HEADING || below == BLOCK_COMMAND)
		return FALSE;
	/* A command belongs to the item above it, and the next item follows it. */
	if (below == BLOCK_ITEM)
		return above != BLOCK_ITEM && above != BLOCK_COMMAND;
	return above != below || below == BLOCK_PARAGRAPH || below == BLOCK_TABLE;
}

/* The widest key of the pairs around block `i`. */
static guint key_width(const ViewDoc *doc, guint i)
{
	guint width = 0;
	while (i > 0 && block_at(doc, i - 1)->type == BLOCK_PAIR)
		i--;
	for (; i < doc->blocks->len && block_at(doc, i)->type == BLOCK_PAIR; i++)
		width = MAX(width, text_width(block_at(doc, i)->key));
	return width;
}

static void append_pair(GString *text, const Block *block, guint width, const TextStyle *style)
{
	g_autofree char *gap = g_strnfill(width - text_width(block->key), ' ');
	g_autofree char *first = g_strdup_printf(INDENT "%s%s  ", block->key, gap);
	g_autofree char *rest = g_strnfill(sizeof INDENT - 1 + width + 2, ' ');
	text_fill(text, block->text, first, rest, style);
}

static void append_block(GString *text, const ViewDoc *doc, guint i, const TextStyle *style)
{
	const Block *block = block_at(doc, i);
	switch (block->type) {
	case BLOCK_HEADING:
		text_heading(text, block->text, style);
		break;
	case BLOCK_PARAGRAPH:
		text_fill(text, block->text, INDENT, INDENT, style);
		break;
	case BLOCK_ITEM:
		text_fill(text, block->text, INDENT "- ", INDENT "  ", style);
		break;
	case BLOCK_PAIR:
		append_pair(text, block, key_width(doc, i), style);
		break;
	case BLOCK_COMMAND:
		g_string_append_printf(text, COMMAND_INDENT "%s\n", block->text);
		break;
	case BLOCK_TABLE:
		text_table(text, block->table, style, sizeof INDENT - 1);
		break;
	}
}

void text_doc(GString *text, const ViewDoc *doc, const TextStyle *style)
{
	for (guint i = 0; i < doc->blocks->len; i++) {
		if (i > 0 && blank_line_between(block_at(doc, i - 1)->type, block_at(doc, i)->type))
			g_string_append_c(text, '\n');
		append_block(text, doc, i, style);
	}
}

gboolean view_doc_render(const ViewDoc *doc, FILE *out, GError **error)
{
	TextStyle style = text_style_of(out);
	g_autoptr(GString) text = g_string_new(NULL);
	text_doc(text, doc, &style);
	fwrite(text->str, 1, text->len, out);
	if (fflush(out) == 0 && !ferror(out))
		return TRUE;
	g_set_error(error, ST_ERROR, ST_ERROR_IO, "cannot write the output: %s", g_strerror(errno));
	return FALSE;
}
