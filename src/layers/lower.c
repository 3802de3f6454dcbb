/* SPDX-License-Identifier: MIT */
/* lower.c: whether a guest's processor ran, as the machine below knows: its vCPU's row, in the guest's clock. */
#include <string.h>

#include "layers/private.h"

/* ---- Texts ------------------------------------------------------------------------------------------------------------- */

/* What a detail is made of. */
typedef enum {
	FORM_COPY,      /* it has all that is to be said */
	FORM_EXIT,      /* of these six the number is a text of the parent's */
	FORM_EMULATION,
	FORM_REFLECTED,
	FORM_BLOCKED,
	FORM_INTERRUPT,
	FORM_THROTTLED, /* 0 */
	FORM_PREEMPTED, /* of the following it is a thread's serial, or G_MAXUINT32 */
	FORM_WAITS,
	FORMS,
} Form;

static char *write_text(const LayersLowerWalk *w, Form form, guint32 number)
{
	const History *own = experiment_member(w->layers->experiment, w->parent)->history;
	const History *h = form == FORM_INTERRUPT ? own : layers_rows(w->layers, w->parent); /* of whose row it is */
	const char *text = form <= FORM_INTERRUPT ? history_text_get(h, number) : "";
	g_autofree char *who =
		form >= FORM_PREEMPTED && number != G_MAXUINT32 ? layers_thread_name(w->layers, w->parent, number) : NULL;
	gint level = experiment_member(w->layers->experiment, w->parent)->level;

	switch (form) {
	case FORM_COPY:
		return g_strdup(text);
	case FORM_EXIT:
		return g_strdup_printf("L%d %s", level, *text ? text : "exit");
	case FORM_EMULATION:
		return g_strdup_printf("L%d emulation%s%s", level, *text ? " of " : "", text);
	case FORM_REFLECTED:
		return g_strdup_printf("L%d %s", level + 1, *text ? text : "exit");
	case FORM_BLOCKED:
		return g_strdup_printf("L%d blocked%s%s", level, *text ? ": " : "", text);
	case FORM_INTERRUPT:
		return g_strdup_printf("L%d interrupted%s%s", level, *text ? ": " : "", text);
	case FORM_THROTTLED:
		return g_strdup_printf("L%d throttled", level);
	case FORM_PREEMPTED:
		return who ? g_strdup_printf("L%d preempted by %s", level, who) : g_strdup_printf("L%d preempted", level);
	default:
		return who ? g_strdup_printf("L%d waits behind %s", level, who) : g_strdup_printf("L%d waking up", level);
	}
}

static guint32 text(LayersLowerWalk *w, Form form, guint32 number)
{
	LayersMade *recent = &w->recent[(number * FORMS + form) % G_N_ELEMENTS(w->recent)];
	guint64 key = ((guint64)form + 1) << 32 | number;
	gpointer known;

	if (G_LIKELY(recent->of == key))
		return recent->text;
	if (!g_hash_table_lookup_extended(w->texts, GSIZE_TO_POINTER(key), NULL, &known)) {
		g_autofree char *made = write_text(w, form, number);
		known = GUINT_TO_POINTER(history_text(w->out, made, -1));
		g_hash_table_insert(w->texts, GSIZE_TO_POINTER(key), known);
	}
	*recent = (LayersMade){key, GPOINTER_TO_UINT(known)};
	return recent->text;
}

/* ---- What a state below means --------------------------------------------------------------------------------------------- */

static void set(LayersLower *out, LayersLowerKind kind, guint level, guint32 detail)
{
	out->kind = (guint8)kind;
	out->level = (guint8)MIN(level, KERNEL_LEVELS - 1);
	out->halting = FALSE;
	out->detail = detail;
}

/* The guest asked to be halted: the reason's name is one of those. */
static gboolean is_halt(const char *reason)
{
	for (KvmIsa isa = KVM_ISA_VMX; isa <= KVM_ISA_SVM; isa++) {
		gsize n;
		const KvmReason *all = kvm_reasons(isa, &n);

		for (gsize i = 0; i < n; i++)
			if (all[i].klass == KVM_CLASS_HLT && strcmp(all[i].name, reason) == 0)
				return TRUE;
	}
	return FALSE;
}

/* The same few reasons come over and over again. */
static gboolean is_halt_text(LayersLowerWalk *w, guint32 reason)
{
	guint slot = reason % G_N_ELEMENTS(w->halts);

	if (w->halts[slot] == reason || w->no_halts[slot] == reason)
		return w->halts[slot] == reason;
	gboolean halt = is_halt(history_text_get(layers_rows(w->layers, w->parent), reason));
	(halt ? w->halts : w->no_halts)[slot] = reason;
	return halt;
}

static void set_exit(LayersLowerWalk *w, LayersLower *out, Form form, guint32 reason)
{
	set(out, LAYERS_LOWER_EXIT, w->level, text(w, form, reason));
	out->halting = reason && is_halt_text(w, reason);
}

static void of_l2(LayersLowerWalk *w, const HistoryInterval *i, LayersLower *out)
{
	switch ((KvmL2State)i->state) {
	case KVM_L2_STATE_GUEST:
		set(out, LAYERS_LOWER_RUNS, 0, 0);
		break;
	case KVM_L2_STATE_EXIT:
		set_exit(w, out, FORM_EXIT, i->detail);
		break;
	case KVM_L2_STATE_REFLECTED:
	case KVM_L2_STATE_AWAY:
		set(out, LAYERS_LOWER_EXIT, w->level + 1, text(w, FORM_REFLECTED, i->detail));
		break;
	case KVM_L2_STATE_HALTED:
		set(out, LAYERS_LOWER_HALTED, 0, 0);
		break;
	default:
		set(out, LAYERS_LOWER_UNKNOWN, 0, 0);
		break;
	}
}

static void of_vcpu(LayersLowerWalk *w, const HistoryInterval *i, LayersLower *out)
{
	if (i->state >= LAYERS_VCPU_STATE_COUNT)
		set(out, LAYERS_LOWER_UNKNOWN, 0, 0);
	else if (i->state >= LAYERS_VCPU_EXIT)
		set(out, LAYERS_LOWER_EXIT, i->state - LAYERS_VCPU_EXIT, text(w, FORM_COPY, i->detail));
	else if (i->state >= LAYERS_VCPU_STEAL)
		set(out, LAYERS_LOWER_STEAL, i->state - LAYERS_VCPU_STEAL, text(w, FORM_COPY, i->detail));
	else
		switch ((KvmState)i->state) {
		case KVM_STATE_GUEST_L1:
		case KVM_STATE_GUEST_L2:
		case KVM_STATE_RUNNING:
			set(out, LAYERS_LOWER_RUNS, 0, 0);
			break;
		case KVM_STATE_EXIT:
			set_exit(w, out, FORM_EXIT, i->detail);
			break;
		case KVM_STATE_EMULATION:
			set_exit(w, out, FORM_EMULATION, i->detail);
			break;
		case KVM_STATE_HALT_POLL:
		case KVM_STATE_HALTED:
			set(out, LAYERS_LOWER_HALTED, 0, 0);
			break;
		case KVM_STATE_BLOCKED:
			set(out, LAYERS_LOWER_STEAL, w->level, text(w, FORM_BLOCKED, i->detail));
			break;
		case KVM_STATE_THROTTLED:
			set(out, LAYERS_LOWER_STEAL, w->level, text(w, FORM_THROTTLED, 0));
			break;
		default:
			set(out, LAYERS_LOWER_UNKNOWN, 0, 0);
			break;
		}
}

/* ---- Clocks -------------------------------------------------------------------------------------------------------------------- */

/* Hot: with a single line, as nearly always, it is one multiplication. It need not be the exact inverse, only monotonic: what is asked for is cut to its ends. */
static inline gint64 down(const LayersLowerWalk *w, gint64 time)
{
	if (G_UNLIKELY(!w->line))
		return experiment_down(w->guest, time);
	gint64 t = time - w->line->offset_ns;

	return t - (gint64)(w->line->drift * (double)(t - w->line->ref_ns));
}

/* experiment_up(), likewise. */
static inline gint64 up_of(const LayersLowerWalk *w, gint64 time)
{
	return G_LIKELY(w->line && experiment_is_time(time)) ? MAX(experiment_clock_apply(w->line, time), w->line->begin_up_ns) : experiment_up(w->guest, time);
}

/* ---- Within an interval: the processor ------------------------------------------------------------------------------------------ */

static gboolean is_wait(const LayersLowerWalk *w)
{
	return !w->is_l2 && layers_is_wait(w->at.state);
}

static gboolean is_run(const LayersLowerWalk *w)
{
	return !w->is_l2 && (w->at.state == KVM_STATE_GUEST_L1 || w->at.state == KVM_STATE_GUEST_L2 || w->at.state == KVM_STATE_RUNNING);
}

static gint64 wait_part(LayersLowerWalk *w, gint64 pos, LayersLower *out)
{
	Form form = w->at.state == KVM_STATE_WAIT_CPU ? FORM_WAITS : FORM_PREEMPTED;
	guint32 serial = G_MAXUINT32;
	gint64 end;

	if (layers_inner_at(&w->waits, w->layers, w->parent, w->serial, &w->at, pos, &end) && w->waits.ran.state == KERNEL_OCCUPANT_THREAD && w->waits.ran.detail != w->serial)
		serial = w->waits.ran.detail;
	set(out, LAYERS_LOWER_STEAL, w->level, text(w, form, serial));
	return end;
}

/* What the processor does tells that its guest doesn't run. */
static LayersLowerKind kind_of(const LayersLowerWalk *w, guint state)
{
	if (state == KERNEL_CS_IRQ || state == KERNEL_CS_SOFTIRQ)
		return LAYERS_LOWER_STEAL;
	return state == KERNEL_CS_HYPERVISOR && w->at.state != KVM_STATE_RUNNING ? LAYERS_LOWER_EXIT : LAYERS_LOWER_RUNS;
}

/* An interrupt leaves the guest at once, but kvm_exit may be told only when its handler is done. */
static gint64 run_part(LayersLowerWalk *w, gint64 pos, LayersLower *out)
{
	gint64 end;
	gboolean known = layers_inner_at(&w->runs, w->layers, w->parent, w->serial, &w->at, pos, &end);
	LayersLowerKind kind = known ? kind_of(w, w->runs.ran.state) : LAYERS_LOWER_RUNS;

	if (kind == LAYERS_LOWER_STEAL) {
		set(out, kind, w->level, text(w, FORM_INTERRUPT, w->runs.ran.detail));
		return end;
	}
	if (kind == LAYERS_LOWER_EXIT) {
		set(out, kind, w->level, text(w, FORM_EXIT, 0));
		return end;
	}
	set(out, kind, 0, 0);
	while (end < w->at.end_ns && (!layers_inner_at(&w->runs, w->layers, w->parent, w->serial, &w->at, end, &pos) || kind_of(w, w->runs.ran.state) == kind))
		end = pos;
	return end;
}

/* ---- The walk ------------------------------------------------------------------------------------------------------------------ */

static gboolean find_l2_row(LayersLowerWalk *w, guint32 item)
{
	const History *h = experiment_member(w->layers->experiment, w->parent)->history;
	guint table;

	if (!history_find_table(h, KVM_L2_VCPUS_TABLE, sizeof(KvmL2VcpuItem), &table) || item >= history_table_len(h, table))
		return FALSE;
	w->row = ((const KvmL2VcpuItem *)history_table_get(h, table, item))->row;
	w->is_l2 = TRUE;
	return TRUE;
}

static gboolean find_row(LayersLowerWalk *w, guint32 item)
{
	const History *h = experiment_member(w->layers->experiment, w->parent)->history;
	guint table;

	if (w->guest->l2 != EXPERIMENT_NONE)
		return find_l2_row(w, item);
	if (!history_find_table(h, KVM_VCPUS_TABLE, sizeof(KvmVcpuItem), &table) || item >= history_table_len(h, table))
		return FALSE;
	const KvmVcpuItem *vcpu = history_table_get(h, table, item);
	w->row = vcpu->row;
	w->serial = layers_real_thread(h, vcpu->thread);
	return TRUE;
}

gboolean layers_lower_open(LayersLowerWalk *w, const Layers *l, guint member, gint32 cpu, History *out, GHashTable *texts)
{
	const ExperimentMember *guest = experiment_member(l->experiment, member);

	*w = (LayersLowerWalk){.layers = l, .guest = guest, .parent = guest->parent, .out = out, .texts = texts, .row = HISTORY_NO_ROW, .serial = G_MAXUINT32,
			       .runs = {.row = HISTORY_NO_ROW}, .waits = {.row = HISTORY_NO_ROW}};
	if (guest->parent == EXPERIMENT_NONE || cpu < 0 || (guint)cpu >= guest->vcpus->len)
		return FALSE;
	w->line = guest->clocks->len == 1 ? &g_array_index(guest->clocks, ExperimentClock, 0) : NULL;
	w->level = (guint)MAX(experiment_member(l->experiment, w->parent)->level, 0);
	return find_row(w, g_array_index(guest->vcpus, guint32, cpu));
}

/* What the walk has come to, in the guest's clock. */
static void take(LayersLowerWalk *w, gboolean follows)
{
	w->at_begin = !w->have ? G_MAXINT64 : follows ? w->at_end : down(w, w->at.begin_ns);
	w->at_end = w->have ? down(w, w->at.end_ns) : G_MAXINT64;
}

void layers_lower_start(LayersLowerWalk *w, gint64 begin, gint64 end)
{
	w->begin = begin;
	w->end = end;
	/* A little earlier: what rounding makes of it. */
	history_walk(&w->walk, layers_rows(w->layers, w->parent), w->row, up_of(w, begin) - 2, G_MAXINT64);
	w->have = history_walk_next(&w->walk, &w->at);
	take(w, FALSE);
}

static void advance(LayersLowerWalk *w)
{
	w->have = history_walk_next(&w->walk, &w->at);
	w->runs.is_open = w->waits.is_open = FALSE;
	take(w, TRUE);
}

gboolean layers_lower_next(LayersLowerWalk *w, LayersLower *out)
{
	if (w->begin >= w->end)
		return FALSE;
	while (w->have && w->at_end <= w->begin)
		advance(w);
	if (!w->have || w->at_begin > w->begin) { /* before the row begins, or behind its end */
		set(out, LAYERS_LOWER_UNKNOWN, 0, 0);
		out->end = MIN(w->at_begin, w->end);
	} else if (is_wait(w) || is_run(w)) {
		gint64 pos = CLAMP(up_of(w, w->begin), w->at.begin_ns, w->at.end_ns - 1);
		gint64 end = (is_wait(w) ? wait_part : run_part)(w, pos, out);
		out->end = MIN(MAX(end == w->at.end_ns ? w->at_end : down(w, end), w->begin + 1), w->end);
	} else {
		(w->is_l2 ? of_l2 : of_vcpu)(w, &w->at, out);
		out->end = MIN(w->at_end, w->end);
	}
	w->begin = out->end;
	return TRUE;
}
