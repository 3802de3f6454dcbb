/* SPDX-License-Identifier: MIT */
/* Folded stacks, as Brendan Gregg's flamegraph.pl reads them: frames with ';' between them, a blank, and a number. */
#include <string.h>

#include "view/text.h"

void view_frame(GString *stack, const char *frame)
{
	if (stack->len)
		g_string_append_c(stack, ';');
	/* What ends a frame, or a line, cannot stand in one. */
	for (const char *c = frame; *c; c++)
		g_string_append_c(stack, *c == ';' ? ',' : *c == '\n' || *c == '\r' ? ' ' : *c);
}

void view_write_folded(const View *view, FILE *out)
{
	g_autoptr(GArray) rows = view_shown_rows(view);

	for (guint i = 0; i < rows->len; i++) {
		guint row = g_array_index(rows, guint, i);
		const char *stack = view_get_text(view, row, (guint)view->folded_stack);
		double value;

		if (!stack || !view_get_number(view, row, (guint)view->folded_value, &value) || value < 1)
			continue;
		g_autofree char *clean = text_clean(stack, FALSE);
		fprintf(out, "%s %.0f\n", clean, value);
	}
}
