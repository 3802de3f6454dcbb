/* SPDX-License-Identifier: MIT */
/* Documents as pages. */
#include "view/html.h"

typedef struct {
	GString *html;
	const ViewDoc *doc;
	guint part;        /* how many there were */
	BlockType open;    /* the list that is open: BLOCK_LINE, _ITEM or _PAIR; BLOCK_PART: none is */
} Page;

/* Elements that hold neighbouring blocks of a type. */
static const struct {
	const char *begin, *end;
} lists[] = {
	[BLOCK_LINE] = {"<ul class=\"summary\">\n", "</ul>\n"},
	[BLOCK_ITEM] = {"<ul>\n", "</ul>\n"},
	[BLOCK_PAIR] = {"<dl>\n", "</dl>\n"},
};

static void close_list(Page *p)
{
	if (p->open != BLOCK_PART)
		g_string_append(p->html, lists[p->open].end);
	p->open = BLOCK_PART;
}

static void want_list(Page *p, BlockType type)
{
	gboolean in_list = type == BLOCK_LINE || type == BLOCK_ITEM || type == BLOCK_PAIR;

	if (in_list && p->open == type)
		return;
	/* A command belongs to the item above it. */
	if (type == BLOCK_COMMAND && p->open == BLOCK_ITEM)
		return;
	close_list(p);
	if (!in_list)
		return;
	g_string_append(p->html, lists[type].begin);
	p->open = type;
}

static void put_element(GString *html, const char *name, const char *text)
{
	g_string_append_printf(html, "<%s>", name);
	html_text(html, text);
	g_string_append_printf(html, "</%s>\n", name);
}

static void put_part(Page *p, const Block *block)
{
	if (p->part)
		g_string_append(p->html, "</section>\n");
	p->part++;
	g_string_append_printf(p->html, "<section id=\"part-%u\">\n", p->part);
	put_element(p->html, "h2", block->text);
}

static void put_card(GString *html, const Block *block)
{
	g_string_append_printf(html, "<article class=\"card %s\">\n", block->weight >= 0.25 ? "heavy" : block->weight >= 0.05 ? "medium" : "light");
	put_element(html, "h3", block->text);
}

static void put_more(GString *html, const Block *block)
{
	g_string_append(html, "<details>");
	put_element(html, "summary", block->text);
	html_table(html, block->table);
	g_string_append(html, "</details>\n");
}

static void put_pair(GString *html, const Block *block)
{
	g_string_append(html, "<div>");
	put_element(html, "dt", block->key);
	put_element(html, "dd", block->text);
	g_string_append(html, "</div>\n");
}

static void put_command(GString *html, const Block *block)
{
	g_string_append(html, "<pre><code>");
	html_text(html, block->text);
	g_string_append(html, "</code></pre>\n");
}

static void put_block(Page *p, const Block *block)
{
	GString *html = p->html;

	switch (block->type) {
	case BLOCK_PART:
		put_part(p, block);
		break;
	case BLOCK_HEADING:
		put_element(html, "h3", block->text);
		break;
	case BLOCK_LINE:
	case BLOCK_ITEM:
		put_element(html, "li", block->text);
		break;
	case BLOCK_PARAGRAPH:
		put_element(html, "p", block->text);
		break;
	case BLOCK_PAIR:
		put_pair(html, block);
		break;
	case BLOCK_COMMAND:
		put_command(html, block);
		break;
	case BLOCK_TABLE:
		html_table(html, block->table);
		break;
	case BLOCK_MORE:
		put_more(html, block);
		break;
	case BLOCK_CARD:
		put_card(html, block);
		break;
	case BLOCK_CARD_END:
		g_string_append(html, "</article>\n");
		break;
	case BLOCK_WHEN:
		html_when(html, block);
		break;
	}
}

static void put_contents(GString *html, const ViewDoc *doc)
{
	guint part = 0;

	g_string_append(html, "<nav>");
	for (guint i = 0; i < doc->blocks->len; i++) {
		const Block *block = view_doc_block(doc, i);

		if (block->type != BLOCK_PART)
			continue;
		g_string_append_printf(html, "<a href=\"#part-%u\">", ++part);
		html_text(html, block->text);
		g_string_append(html, "</a>");
	}
	g_string_append(html, "</nav>\n");
}

void html_doc(GString *html, const ViewDoc *doc, const char *title)
{
	Page p = {html, doc, 0, BLOCK_PART};

	html_begin(html, title);
	put_contents(html, doc);
	for (guint i = 0; i < doc->blocks->len; i++) {
		want_list(&p, view_doc_block(doc, i)->type);
		put_block(&p, view_doc_block(doc, i));
	}
	close_list(&p);
	if (p.part)
		g_string_append(html, "</section>\n");
	html_end(html);
}
