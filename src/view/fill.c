/* SPDX-License-Identifier: MIT */
/* Prose and headings, and what terminal they are for. */
#include <langinfo.h>
#include <locale.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "view/text.h"

#define BOLD   "\033[1m"
#define NORMAL "\033[0m"

#define ELLIPSIS "\xe2\x80\xa6"

#define WIDTH_DEFAULT 80

static guint terminal_width(int fd)
{
	struct winsize size;
	if (ioctl(fd, TIOCGWINSZ, &size) == 0 && size.ws_col > 0)
		return size.ws_col;
	const char *columns = g_getenv("COLUMNS");
	guint64 width;
	if (columns && g_ascii_string_to_unsigned(columns, 10, 1, 10000, &width, NULL))
		return (guint)width;
	return WIDTH_DEFAULT;
}

static gboolean locale_is_utf8(void)
{
	locale_t locale = newlocale(LC_CTYPE_MASK, "", (locale_t)0);
	if (!locale)
		return FALSE;
	gboolean utf8 = strcmp(nl_langinfo_l(CODESET, locale), "UTF-8") == 0;
	freelocale(locale);
	return utf8;
}

static gboolean is_set(const char *variable)
{
	const char *value = g_getenv(variable);
	return value && *value;
}

TextStyle text_style_of(FILE *out)
{
	int fd = fileno(out);
	if (fd < 0 || !isatty(fd))
		return (TextStyle){0};
	return (TextStyle){
	        .width = terminal_width(fd),
	        .bold = !is_set("NO_COLOR") && g_strcmp0(g_getenv("TERM"), "dumb") != 0,
	        .ascii = !locale_is_utf8(),
	};
}

static guint character_width(gunichar c)
{
	return g_unichar_iszerowidth(c) ? 0 : g_unichar_iswide(c) ? 2 : 1;
}

guint text_width(const char *text)
{
	guint width = 0;
	for (; *text; text = g_utf8_next_char(text))
		width += character_width(g_utf8_get_char(text));
	return width;
}

void text_cut(GString *text, guint width, const TextStyle *style)
{
	guint used = 0;
	const char *keep = text->str;
	for (const char *at = text->str; *at; at = g_utf8_next_char(at)) {
		used += character_width(g_utf8_get_char(at));
		if (used < width)
			keep = g_utf8_next_char(at);
	}
	if (used <= width)
		return;
	g_string_truncate(text, (gsize)(keep - text->str));
	g_string_append(text, style->ascii ? "~" : ELLIPSIS);
}

char *text_clean(const char *text, gboolean keep_newlines)
{
	g_autofree char *valid = g_utf8_make_valid(text, -1);
	GString *clean = g_string_sized_new(strlen(valid));
	for (const char *at = valid; *at; at = g_utf8_next_char(at)) {
		gunichar c = g_utf8_get_char(at);
		const char *end = g_utf8_next_char(at);
		if ((c == '\n' && keep_newlines) || g_unichar_isprint(c)) {
			g_string_append_len(clean, at, end - at);
			continue;
		}
		for (const char *byte = at; byte < end; byte++)
			g_string_append_printf(clean, "\\x%02x", (guchar)*byte);
	}
	return g_string_free(clean, FALSE);
}

/* The words of one line, as many lines as they need. */
static void fill_line(GString *text, const char *line, const char *first, const char *rest, guint width)
{
	g_auto(GStrv) words = g_strsplit(line, " ", -1);
	guint used = text_width(first);
	g_string_append(text, first);
	gboolean line_begins = TRUE;
	for (char **word = words; *word; word++) {
		guint length = text_width(*word);
		if (length == 0)
			continue;
		if (!line_begins && used + 1 + length > width) {
			g_string_append_printf(text, "\n%s", rest);
			used = text_width(rest);
			line_begins = TRUE;
		}
		g_string_append_printf(text, "%s%s", line_begins ? "" : " ", *word);
		used += length + !line_begins;
		line_begins = FALSE;
	}
	while (text->len > 0 && text->str[text->len - 1] == ' ')
		g_string_truncate(text, text->len - 1);
	g_string_append_c(text, '\n');
}

void text_fill(GString *text, const char *words, const char *first, const char *rest, const TextStyle *style)
{
	guint width = style->width ? MIN(style->width, TEXT_FILL_MAX) : TEXT_FILL_MAX;
	g_autofree char *clean = text_clean(words, TRUE);
	g_auto(GStrv) lines = g_strsplit(clean, "\n", -1);
	for (char **line = lines; *line; line++)
		fill_line(text, *line, line == lines ? first : rest, rest, width);
}

void text_heading(GString *text, const char *heading, const TextStyle *style)
{
	if (style->bold)
		g_string_append_printf(text, BOLD "%s" NORMAL "\n", heading);
	else
		g_string_append_printf(text, "%s\n", heading);
}
