/* SPDX-License-Identifier: MIT */
/*
 * effective.c: the history of a guest, once more, with what its processors really did.
 *
 * Row by row, with the same numbers. Of a processor's row the processor is known; a thread's or vCPU's time is taken apart into the pieces for which it had one.
 */
#include "layers/private.h"

typedef enum { ROW_OTHER, ROW_THREAD, ROW_CPU, ROW_VCPU } RowType;

typedef struct {
	const Layers *layers;
	guint member;
	gboolean is_parent;              /* something lies on it */
	const History *own;
	History *out;
	guint kinds[HISTORY_KINDS_MAX];  /* own -> out */
	guint8 types[HISTORY_KINDS_MAX]; /* own -> RowType */
	guint32 *texts;                  /* own -> out; G_MAXUINT32: not made yet */
	guint32 n_texts;
	LayersFlat *lower;
	guint32 *serials;                /* by row: the thread that it is of */
	const LayersPieces *pieces;
} Build;

/* ---- Texts and kinds ----------------------------------------------------------------------------------------------------------- */

static guint32 copy_text(Build *b, guint32 text)
{
	if (text >= b->n_texts) {
		guint32 n = MAX(text + 1, b->n_texts * 2);

		b->texts = g_renew(guint32, b->texts, n);
		while (b->n_texts < n)
			b->texts[b->n_texts++] = G_MAXUINT32;
	}
	if (b->texts[text] == G_MAXUINT32)
		b->texts[text] = history_text(b->out, history_text_get(b->own, text), -1);
	return b->texts[text];
}

static guint copy_kind(Build *b, guint kind)
{
	const char *names[HISTORY_STATES_MAX];
	guint n = history_n_states(b->own, kind);

	for (guint s = 0; s < n; s++)
		names[s] = history_state_name(b->own, kind, s);
	if (b->types[kind] == ROW_VCPU && n == KVM_STATE_COUNT) {
		for (guint i = 0; i < KERNEL_LEVELS; i++) {
			names[LAYERS_VCPU_STEAL + i] = "steal";
			names[LAYERS_VCPU_EXIT + i] = "exit";
		}
		n = LAYERS_VCPU_STATE_COUNT;
	}
	return history_kind(b->out, history_kind_name(b->own, kind), names, n);
}

static RowType type_of(const char *kind)
{
	return g_str_equal(kind, KERNEL_THREAD_ROW_KIND) ? ROW_THREAD : g_str_equal(kind, KERNEL_CPU_ROW_KIND) ? ROW_CPU : g_str_equal(kind, KVM_ROW_KIND) ? ROW_VCPU : ROW_OTHER;
}

static guint kind_of(Build *b, guint32 row)
{
	guint kind = history_row_kind(b->own, row);

	if (b->kinds[kind] == G_MAXUINT) {
		b->types[kind] = (guint8)type_of(history_kind_name(b->own, kind));
		b->kinds[kind] = copy_kind(b, kind);
	}
	return kind;
}

/* ---- What becomes of an interval -------------------------------------------------------------------------------------------------- */

typedef struct {
	guint steal, exit, unknown;            /* the first state of each level */
} States;

static States states_of(RowType type)
{
	if (type == ROW_CPU)
		return (States){KERNEL_CS_STEAL0, KERNEL_CS_EXIT0, KERNEL_CS_UNKNOWN};
	if (type == ROW_VCPU)
		return (States){LAYERS_VCPU_STEAL, LAYERS_VCPU_EXIT, KVM_STATE_UNKNOWN};
	return (States){KERNEL_TS_STEAL0, KERNEL_TS_EXIT0, KERNEL_TS_UNKNOWN};
}

/* In this state it had a processor. */
static gboolean is_running(RowType type, guint state)
{
	switch (type) {
	case ROW_CPU:
		return state != KERNEL_CS_UNKNOWN;
	case ROW_VCPU:
		return state >= KVM_STATE_GUEST_L1 && state <= KVM_STATE_RUNNING;
	case ROW_THREAD:
		return state >= KERNEL_TS_RUNNING && state <= KERNEL_TS_GUEST;
	default:
		return FALSE;
	}
}

/* A processor without work is idle as long as its vCPU is halted or on its way there; once that has been woken, it is kept from working. */
static gboolean stays_idle(const LayersLower *l)
{
	return l->kind == LAYERS_LOWER_HALTED || (l->kind == LAYERS_LOWER_EXIT && l->halting);
}

static void append_lower(Build *b, guint32 row, RowType type, guint own_state, guint32 own_detail, const LayersLower *l)
{
	States s = states_of(type);
	gboolean idle = type == ROW_CPU && own_state == KERNEL_CS_IDLE;

	if (l->kind == LAYERS_LOWER_RUNS || (idle && stays_idle(l)))
		history_append(b->out, row, l->end, own_state, own_detail);
	else if (l->kind == LAYERS_LOWER_EXIT)
		history_append(b->out, row, l->end, s.exit + l->level, l->detail);
	else if (l->kind == LAYERS_LOWER_STEAL)
		history_append(b->out, row, l->end, s.steal + l->level, l->detail);
	else if (l->kind == LAYERS_LOWER_HALTED) /* it isn't as idle as it looks: both are true within the clocks' bound */
		history_append(b->out, row, l->end, own_state, own_detail);
	else
		history_append(b->out, row, l->end, s.unknown, 0);
}

static void on_processor(Build *b, guint32 row, RowType type, gint32 cpu, gint64 begin, gint64 end, guint state, guint32 detail)
{
	if (!layers_flat_knows(b->lower, cpu)) {
		history_append(b->out, row, end, state, detail);
		return;
	}
	for (gint64 at = begin; at < end;) {
		const LayersLower *known = layers_flat_at(b->lower, cpu, at);
		LayersLower lower = known ? *known : (LayersLower){.end = end, .kind = LAYERS_LOWER_UNKNOWN};

		at = lower.end = MIN(lower.end, end);
		append_lower(b, row, type, state, detail, &lower);
	}
}

/* ---- Rows ------------------------------------------------------------------------------------------------------------------------------ */

static void copy_row(Build *b, guint32 row, gboolean texts)
{
	HistoryWalk walk;
	HistoryInterval i;

	history_walk(&walk, b->own, row, G_MININT64, G_MAXINT64);
	while (history_walk_next(&walk, &i))
		history_append(b->out, row, i.end_ns, i.state, texts ? copy_text(b, i.detail) : i.detail);
}

static void compose_cpu(Build *b, guint32 row, gint32 cpu)
{
	HistoryWalk walk;
	HistoryInterval i;

	history_walk(&walk, b->own, row, G_MININT64, G_MAXINT64);
	while (history_walk_next(&walk, &i))
		if (is_running(ROW_CPU, i.state))
			on_processor(b, row, ROW_CPU, cpu, i.begin_ns, i.end_ns, i.state, copy_text(b, i.detail));
		else
			history_append(b->out, row, i.end_ns, i.state, copy_text(b, i.detail));
}

/* The pieces of an interval for which the thread had a processor, one after the other; between them it is not known which. */
static void split(Build *b, guint32 row, RowType type, const HistoryInterval *i, guint64 *piece, guint64 end)
{
	guint32 detail = copy_text(b, i->detail);
	gint64 at = i->begin_ns;

	while (*piece < end && b->pieces->all[*piece].end <= at)
		(*piece)++;
	for (guint64 p = *piece; at < i->end_ns; p++) {
		const LayersPiece *next = p < end ? &b->pieces->all[p] : NULL;
		gint64 from = next ? MIN(next->begin, i->end_ns) : i->end_ns;

		if (from > at)
			history_append(b->out, row, from, i->state, detail);
		at = MAX(at, from);
		if (!next || at >= i->end_ns)
			return;
		gint64 to = MIN(next->end, i->end_ns);
		if (to > at)
			on_processor(b, row, type, next->cpu, at, to, i->state, detail);
		at = MAX(at, to);
	}
}

static void compose_thread(Build *b, guint32 row, RowType type)
{
	guint32 serial = b->serials[row];
	guint64 piece = layers_pieces_find(b->pieces, serial, G_MININT64), end = layers_pieces_end(b->pieces, serial);
	HistoryWalk walk;
	HistoryInterval i;

	history_walk(&walk, b->own, row, G_MININT64, G_MAXINT64);
	while (history_walk_next(&walk, &i))
		if (is_running(type, i.state))
			split(b, row, type, &i, &piece, end);
		else
			history_append(b->out, row, i.end_ns, i.state, copy_text(b, i.detail));
}

static gint32 cpu_of_row(const Build *b, guint32 row)
{
	for (guint c = 0; c < b->pieces->n_cpus; c++)
		if (b->pieces->cpus[c] == row)
			return (gint32)c;
	return -1;
}

/* Guests on top of it are put on a hypervisor's vCPUs. */
static gboolean is_made(const Build *b, RowType type)
{
	guint rows = b->layers->rows;

	if (type == ROW_VCPU && b->is_parent)
		return TRUE;
	return rows & (type == ROW_THREAD ? LAYERS_THREAD_ROWS : type == ROW_CPU ? LAYERS_CPU_ROWS : LAYERS_OTHER_ROWS);
}

static void compose_row(Build *b, guint32 row)
{
	guint kind = kind_of(b, row);
	RowType type = (RowType)b->types[kind];
	guint32 made = history_row(b->out, b->kinds[kind], history_row_path(b->own, row), history_row_begin(b->own, row));

	if (made != row || !is_made(b, type)) /* beyond a limit it is dropped, and counted */
		return;
	if (type == ROW_CPU)
		compose_cpu(b, row, cpu_of_row(b, row));
	else if (type != ROW_OTHER && b->serials[row] != G_MAXUINT32)
		compose_thread(b, row, type);
	else
		copy_row(b, row, history_kind_name(b->own, kind)[0] != '.');
}

/* ---- All of it --------------------------------------------------------------------------------------------------------------------------- */

static void find_serials(Build *b)
{
	guint32 n_rows = history_n_rows(b->own);
	guint table;

	b->serials = g_new(guint32, (gsize)n_rows + 1);
	for (guint32 r = 0; r <= n_rows; r++)
		b->serials[r] = G_MAXUINT32;
	if (history_find_table(b->own, KERNEL_THREADS_TABLE, sizeof(KernelThreadItem), &table))
		for (guint64 i = 0; i < history_table_len(b->own, table); i++) {
			const KernelThreadItem *item = history_table_get(b->own, table, i);

			if (item->row < n_rows && item->same_as == i)
				b->serials[item->row] = (guint32)i;
		}
	if (history_find_table(b->own, KVM_VCPUS_TABLE, sizeof(KvmVcpuItem), &table))
		for (guint64 i = 0; i < history_table_len(b->own, table); i++) {
			const KvmVcpuItem *item = history_table_get(b->own, table, i);

			if (item->row < n_rows)
				b->serials[item->row] = layers_real_thread(b->own, item->thread);
		}
}

static void clear(Build *b)
{
	layers_flat_free(b->lower);
	g_free(b->serials);
	g_free(b->texts);
}

History *layers_effective(const Layers *l, guint member, guint64 memory, GError **error)
{
	const ExperimentMember *m = experiment_member(l->experiment, member);
	HistoryOptions options = {.memory = memory - memory / 4};
	Build b = {.layers = l, .member = member, .own = m->history, .pieces = l->machines[member].pieces};
	g_autoptr(History) out = history_new(history_begin(m->history), history_end(m->history), &options);

	b.out = out;
	for (guint i = 0; i < l->experiment->members->len; i++)
		b.is_parent |= experiment_member(l->experiment, i)->parent == member;
	for (guint k = 0; k < HISTORY_KINDS_MAX; k++)
		b.kinds[k] = G_MAXUINT;
	find_serials(&b);
	b.lower = layers_flat_new(l, member, b.pieces->n_cpus, memory / 4, out, error);
	for (guint32 r = 0; b.lower && r < history_n_rows(m->history); r++)
		compose_row(&b, r);
	gboolean made = b.lower != NULL;
	clear(&b);
	return made && history_finish(out, error) ? g_steal_pointer(&out) : NULL;
}
