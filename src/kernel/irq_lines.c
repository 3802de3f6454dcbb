/* SPDX-License-Identifier: MIT */
/* irq_lines.c: interrupt lines, vectors and softirqs: their names, what is counted of each, and their rows. */
#include <string.h>

#include "base/time.h"
#include "kernel/flow.h"
#include "kernel/irq_private.h"

const char *kernel_irq_kind_name(KernelIrqKind kind)
{
	static const char *const names[KERNEL_IRQ_KIND_COUNT] = {
#define KERNEL_K(id, name, meaning) [KERNEL_IRQ_##id] = (name),
	        KERNEL_IRQ_KINDS(KERNEL_K)
#undef KERNEL_K
	};

	return kind < KERNEL_IRQ_KIND_COUNT ? names[kind] : "unknown";
}

const char *kernel_softirq_name(guint32 vec)
{
	static const char *const names[] = {
#define KERNEL_S(name) name,
	        KERNEL_SOFTIRQS(KERNEL_S)
#undef KERNEL_S
	};

	return vec < G_N_ELEMENTS(names) ? names[vec] : NULL;
}

void irq_lines_init(IrqLines *l, KernelSet *set)
{
	static const char *const states[KERNEL_IRQ_ROW_STATE_COUNT] = {"unknown", "inactive", "active"};

	l->set = set;
	l->table = history_table(set->history, KERNEL_IRQ_LINES_TABLE, sizeof(KernelIrqLine));
	l->kind = history_kind(set->history, KERNEL_IRQ_ROW_KIND, states, G_N_ELEMENTS(states));
	l->list = g_ptr_array_new_with_free_func(g_free);
	l->by_irq = g_hash_table_new(g_direct_hash, g_direct_equal);
	l->holes = g_array_new(FALSE, FALSE, sizeof(StTimeRange));
}

void irq_lines_clear(IrqLines *l)
{
	g_ptr_array_unref(l->list);
	g_hash_table_unref(l->by_irq);
	g_array_unref(l->holes);
}

/* The line's names, as its row has them: "virtio2-req.0,uhci". */
static char *names_of(const IrqLines *l, const IrqLine *line)
{
	GString *s = g_string_new(NULL);

	for (guint i = 0; i < line->n_names; i++)
		g_string_append_printf(s, "%s%s", i ? "," : "", history_text_get(l->set->history, line->names[i]));
	return g_string_free(s, FALSE);
}

static char *path_of(const IrqLines *l, const IrqLine *line)
{
	g_autofree char *names = names_of(l, line);

	if (line->item.kind == KERNEL_IRQ_LINE)
		return g_strdup_printf("irq/%u%s%s", line->item.number, *names ? " " : "", names);
	return g_strdup_printf("%s/%s", kernel_irq_kind_name(line->item.kind), names);
}

/* "x86_irq_vectors_local_timer_entry" -> "local_timer". */
static char *vector_name(guint index)
{
	static const char prefix[] = "x86_irq_vectors_", suffix[] = "_entry";
	const char *name = trace_event_name((TraceEventId)(TRACE_VECTOR_LOCAL_TIMER_ENTRY + 2 * index));

	if (g_str_has_prefix(name, prefix))
		name += strlen(prefix);
	return g_strndup(name, strlen(name) - (g_str_has_suffix(name, suffix) ? strlen(suffix) : 0));
}

static char *own_name(KernelIrqKind kind, guint32 number)
{
	if (kind == KERNEL_IRQ_VECTOR)
		return vector_name(number);
	if (kind == KERNEL_IRQ_SOFTIRQ)
		return kernel_softirq_name(number) ? g_strdup(kernel_softirq_name(number))
		                                   : g_strdup_printf("%u", number);
	return NULL;
}

static IrqLine *line_new(IrqLines *l, KernelIrqKind kind, guint32 number)
{
	if (l->list->len >= KERNEL_IRQ_LINES_MAX) {
		l->other.active = 0;
		return &l->other;
	}
	IrqLine *line = g_new0(IrqLine, 1);
	line->index = l->list->len;
	line->item = (KernelIrqLine){.number = number, .kind = (guint8)kind, .row = KERNEL_NO_ROW};
	g_ptr_array_add(l->list, line);
	history_table_add(l->set->history, l->table);
	g_autofree char *name = own_name(kind, number);
	if (name)
		irq_line_name(l, line, name, (guint)strlen(name));
	return line;
}

IrqLine *irq_line(IrqLines *l, KernelIrqKind kind, guint32 number)
{
	IrqLine **place;

	if (kind == KERNEL_IRQ_LINE) {
		IrqLine *line = g_hash_table_lookup(l->by_irq, GUINT_TO_POINTER(number));
		if (line)
			return line;
		line = line_new(l, kind, number);
		if (line != &l->other)
			g_hash_table_insert(l->by_irq, GUINT_TO_POINTER(number), line);
		return line;
	}
	if (kind == KERNEL_IRQ_SOFTIRQ)
		place = &l->softirqs[number % IRQ_SOFTIRQS];
	else if (kind == KERNEL_IRQ_VECTOR)
		place = &l->vectors[number % IRQ_VECTORS];
	else
		place = &l->whole[kind];
	if (!*place)
		*place = line_new(l, kind, number);
	return *place;
}

guint32 irq_line_name(IrqLines *l, IrqLine *line, const char *name, guint len)
{
	History *h = l->set->history;

	for (guint n = 0; n < line->n_names; n++) {
		guint i = (line->last_name + n) % line->n_names;
		const char *known = history_text_get(h, line->names[i]);

		if (strncmp(known, name, len) == 0 && known[len] == '\0') {
			line->last_name = i;
			return line->names[i];
		}
	}
	if (line == &l->other || line->n_names == KERNEL_IRQ_NAMES_MAX || len == 0)
		return line->n_names ? line->names[0] : 0;
	line->last_name = line->n_names;
	return line->names[line->n_names++] = history_text(h, name, len);
}

/* ---- Rows ------------------------------------------------------------------------------------------------------ */

/* The row, made now: until `time` it was inactive, as far as that is known. */
static guint32 row_of(IrqLines *l, IrqLine *line)
{
	History *h = l->set->history;

	if (line->has_row)
		return line->item.row;
	line->has_row = TRUE;
	if (line == &l->other || line->item.kind > KERNEL_IRQ_SOFTIRQ)
		return line->item.row = KERNEL_NO_ROW;
	g_autofree char *path = path_of(l, line);
	line->item.row = history_row(h, l->kind, path, history_begin(h));
	for (guint i = 0; i < l->holes->len; i++) {
		const StTimeRange *hole = &g_array_index(l->holes, StTimeRange, i);

		history_append(h, line->item.row, hole->begin_ns, KERNEL_IRQ_ROW_INACTIVE, 0);
		history_append(h, line->item.row, hole->end_ns, KERNEL_IRQ_ROW_UNKNOWN, 0);
	}
	return line->item.row;
}

static void append(IrqLines *l, IrqLine *line, gint64 time, KernelIrqRowState state, guint32 detail)
{
	guint32 row = row_of(l, line);

	if (row != KERNEL_NO_ROW)
		history_append(l->set->history, row, time, state, detail);
}

void irq_line_begin(IrqLines *l, IrqLine *line, gint64 time, guint32 detail)
{
	if (line->active++ == 0) {
		append(l, line, time, l->lossy ? KERNEL_IRQ_ROW_UNKNOWN : KERNEL_IRQ_ROW_INACTIVE, 0);
		line->detail = line->item.kind == KERNEL_IRQ_LINE ? detail : 0;
	}
}

void irq_line_end(IrqLines *l, IrqLine *line, gint64 time)
{
	if (line->active > 0 && --line->active == 0)
		append(l, line, time, KERNEL_IRQ_ROW_ACTIVE, line->detail);
}

void irq_line_drop(IrqLines *l, IrqLine *line, gint64 time, gint64 known_until)
{
	line->item.open_end++;
	if (line->active > 0 && --line->active == 0) {
		append(l, line, known_until, KERNEL_IRQ_ROW_ACTIVE, line->detail);
		append(l, line, time, KERNEL_IRQ_ROW_UNKNOWN, 0);
	}
}

void irq_line_strange(IrqLines *l, IrqLine *line, gint64 time)
{
	line->item.open_begin++;
	if (line->active == 0)
		append(l, line, time, KERNEL_IRQ_ROW_UNKNOWN, 0);
}

static void add_hole(IrqLines *l, gint64 begin_ns)
{
	StTimeRange hole = {begin_ns, begin_ns};

	if (l->holes->len < KERNEL_IRQ_HOLES_MAX)
		g_array_append_val(l->holes, hole);
}

void irq_lines_loss(IrqLines *l, gint64 time, TraceLossEdge edge)
{
	gboolean begins = edge == TRACE_LOSS_BEGIN && l->lossy++ == 0,
	         ends = edge == TRACE_LOSS_END && l->lossy && --l->lossy == 0;

	if (begins)
		add_hole(l, time);
	if (ends && l->holes->len)
		g_array_index(l->holes, StTimeRange, l->holes->len - 1).end_ns = time;
	if (!begins && !ends)
		return;
	for (guint i = 0; i < l->list->len; i++) {
		IrqLine *line = g_ptr_array_index(l->list, i);

		if (line->has_row && line->active == 0)
			append(l, line, time, begins ? KERNEL_IRQ_ROW_INACTIVE : KERNEL_IRQ_ROW_UNKNOWN, 0);
	}
}

void irq_lines_finish(IrqLines *l, gint64 end_ns)
{
	History *h = l->set->history;

	for (guint i = 0; i < l->list->len; i++) {
		IrqLine *line = g_ptr_array_index(l->list, i);
		g_autofree char *names = names_of(l, line), *path = path_of(l, line);

		if (line->has_row && line->item.row != KERNEL_NO_ROW) {
			KernelIrqRowState idle = l->lossy ? KERNEL_IRQ_ROW_UNKNOWN : KERNEL_IRQ_ROW_INACTIVE;

			history_row_rename(h, line->item.row, path);
			append(l, line, end_ns, line->active ? KERNEL_IRQ_ROW_ACTIVE : idle,
			       line->active ? line->detail : 0);
		}
		line->item.name = history_text(h, names, -1);
		*(KernelIrqLine *)history_table_item(h, l->table, line->index) = line->item;
	}
}
