/* SPDX-License-Identifier: MIT */
#include <errno.h>

#include "base/error.h"
#include "view/doc.h"
#include "view/html.h"
#include "view/text.h"

#define INDENT         "  "
#define CARD_INDENT    INDENT "   " /* below its number */
#define COMMAND_INDENT "      "

static void free_block(gpointer data)
{
	Block *block = data;
	g_free(block->key);
	g_free(block->text);
	view_free(block->table);
	if (block->ranges)
		g_array_unref(block->ranges);
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

void view_doc_part(ViewDoc *doc, const char *heading)
{
	add(doc, (Block){.type = BLOCK_PART, .text = text_clean(heading, FALSE)});
}

void view_doc_line(ViewDoc *doc, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	add_text(doc, BLOCK_LINE, NULL, format, args);
	va_end(args);
}

void view_doc_card(ViewDoc *doc, double weight, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	add_text(doc, BLOCK_CARD, NULL, format, args);
	va_end(args);
	g_array_index(doc->blocks, Block, doc->blocks->len - 1).weight = weight;
}

void view_doc_card_end(ViewDoc *doc)
{
	add(doc, (Block){.type = BLOCK_CARD_END});
}

void view_doc_when(ViewDoc *doc, const char *what, gint64 begin_ns, gint64 end_ns, const ViewRange *ranges, guint n)
{
	Block block = {.type = BLOCK_WHEN, .text = text_clean(what, FALSE), .begin_ns = begin_ns, .end_ns = end_ns,
		       .ranges = g_array_sized_new(FALSE, FALSE, sizeof(ViewRange), n)};

	g_array_append_vals(block.ranges, ranges, n);
	add(doc, block);
}

void view_doc_more(ViewDoc *doc, const char *title, View *view)
{
	add(doc, (Block){.type = BLOCK_MORE, .text = text_clean(title, FALSE), .table = view});
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

const Block *view_doc_block(const ViewDoc *doc, guint i)
{
	return &g_array_index(doc->blocks, Block, i);
}

/* What only a page shows. */
static gboolean is_in_text(const Block *block)
{
	return block->type != BLOCK_CARD_END && block->type != BLOCK_WHEN && block->type != BLOCK_MORE;
}

static gboolean is_heading(BlockType type)
{
	return type == BLOCK_HEADING || type == BLOCK_PART;
}

static gboolean blank_line_between(BlockType above, BlockType below)
{
	if (is_heading(below) || below == BLOCK_CARD)
		return above != BLOCK_PART || is_heading(below);
	if (is_heading(above) || below == BLOCK_COMMAND || above == BLOCK_CARD)
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
	while (i > 0 && view_doc_block(doc, i - 1)->type == BLOCK_PAIR)
		i--;
	for (; i < doc->blocks->len && view_doc_block(doc, i)->type == BLOCK_PAIR; i++)
		width = MAX(width, text_width(view_doc_block(doc, i)->key));
	return width;
}

static gboolean is_in_card(const ViewDoc *doc, guint i)
{
	while (i > 0 && view_doc_block(doc, i)->type != BLOCK_CARD && view_doc_block(doc, i)->type != BLOCK_CARD_END)
		i--;
	return view_doc_block(doc, i)->type == BLOCK_CARD;
}

static void append_pair(GString *text, const ViewDoc *doc, guint i, const TextStyle *style)
{
	const Block *block = view_doc_block(doc, i);
	const char *indent = is_in_card(doc, i) ? CARD_INDENT : INDENT;
	guint width = key_width(doc, i);
	g_autofree char *gap = g_strnfill(width - text_width(block->key), ' ');
	g_autofree char *first = g_strdup_printf("%s%s%s  ", indent, block->key, gap);
	g_autofree char *rest = g_strnfill(strlen(indent) + width + 2, ' ');
	text_fill(text, block->text, first, rest, style);
}

static void append_line(GString *text, const char *line, const TextStyle *style)
{
	g_autoptr(GString) one = g_string_new(INDENT);

	g_string_append(one, line);
	if (style->width)
		text_cut(one, style->width, style);
	g_string_append_printf(text, "%s\n", one->str);
}

/* What begins a card stands out from what is in it. */
static void append_card(GString *text, const char *title, const TextStyle *style)
{
	g_autoptr(GString) filled = g_string_new(NULL);

	text_fill(filled, title, INDENT, CARD_INDENT, style);
	g_string_truncate(filled, filled->len - 1);
	text_heading(text, filled->str, style);
}

static void append_block(GString *text, const ViewDoc *doc, guint i, const TextStyle *style)
{
	const Block *block = view_doc_block(doc, i);
	switch (block->type) {
	case BLOCK_PART:
	case BLOCK_HEADING:
		text_heading(text, block->text, style);
		break;
	case BLOCK_PARAGRAPH:
		text_fill(text, block->text, INDENT, INDENT, style);
		break;
	case BLOCK_LINE:
		append_line(text, block->text, style);
		break;
	case BLOCK_CARD:
		append_card(text, block->text, style);
		break;
	case BLOCK_ITEM:
		text_fill(text, block->text, INDENT "- ", INDENT "  ", style);
		break;
	case BLOCK_PAIR:
		append_pair(text, doc, i, style);
		break;
	case BLOCK_COMMAND:
		g_string_append_printf(text, COMMAND_INDENT "%s\n", block->text);
		break;
	case BLOCK_TABLE:
		text_table(text, block->table, style, sizeof INDENT - 1);
		break;
	case BLOCK_MORE:
	case BLOCK_WHEN:
	case BLOCK_CARD_END:
		break;
	}
}

void text_doc(GString *text, const ViewDoc *doc, const TextStyle *style)
{
	const Block *above = NULL;

	for (guint i = 0; i < doc->blocks->len; i++) {
		const Block *block = view_doc_block(doc, i);

		if (!is_in_text(block))
			continue;
		if (above && blank_line_between(above->type, block->type))
			g_string_append_c(text, '\n');
		append_block(text, doc, i, style);
		above = block;
	}
}

gboolean view_doc_render(const ViewDoc *doc, ViewFormat format, const char *title, FILE *out, GError **error)
{
	g_autoptr(GString) text = g_string_new(NULL);

	if (format == VIEW_FORMAT_HTML) {
		html_doc(text, doc, title);
	} else {
		TextStyle style = text_style_of(out);
		text_doc(text, doc, &style);
	}
	fwrite(text->str, 1, text->len, out);
	if (fflush(out) == 0 && !ferror(out))
		return TRUE;
	g_set_error(error, ST_ERROR, ST_ERROR_IO, "cannot write the output: %s", g_strerror(errno));
	return FALSE;
}
