/* SPDX-License-Identifier: MIT */
/*
 * tsc.c: clocks by time stamp counters. Guest and host were asked for their clock and their counter at some times each; the guest's counter is the host's plus
 * an offset. So each of the guest's readings has a time on the host's clock, which lies between the host's readings.
 */
#include "kvm/tsc.h"

#include <math.h>
#include <stdlib.h>

#include "experiment/private.h"
#include "kvm/rows.h"

#define READINGS_MIN 2
#define SPAN_MIN_NS  100000000 /* between the first and the last: nearer ones don't tell how fast the counter is */
#define STRAY        1e-6      /* how much faster or slower a clock may have been for a while than between two readings */

/* A guest's counter, from `from` to `to` of the host's clock. */
typedef struct {
	gint64 from, to;
	ExperimentTscVcpu is;
} Offset;

typedef struct {
	const char *guest, *host; /* names */
	const ExperimentTsc *mine, *theirs;
	GArray *offsets;
	StWarnings *warnings;
} Pair;

static const ExperimentReading *reading(const ExperimentTsc *t, guint i)
{
	return &g_array_index(t->readings, ExperimentReading, i);
}

static gboolean is_enough(const ExperimentTsc *t)
{
	guint n = t ? t->readings->len : 0;

	return n >= READINGS_MIN && experiment_is_span(reading(t, 0)->time_ns, reading(t, n - 1)->time_ns) &&
	       reading(t, n - 1)->time_ns - reading(t, 0)->time_ns >= SPAN_MIN_NS;
}

/* ---- Offsets ----------------------------------------------------------------------------------------------------------- */

/* What the hypervisor was seen to write; what was read from it is better, as it has the counter's ratio. */
static void add_written(GArray *offsets, const History *host, gint32 pid)
{
	guint table;

	if (!history_find_table(host, KVM_TSC_TABLE, sizeof(KvmTscItem), &table))
		return;
	for (guint64 i = 0; i < history_table_len(host, table); i++) {
		const KvmTscItem *item = history_table_get(host, table, i);
		Offset o = {.from = item->time_ns, .to = G_MAXINT64, .is = {.pid = pid, .vcpu = item->vcpu, .offset = item->offset}};

		if (item->pid != pid)
			continue;
		for (guint k = 0; k < offsets->len; k++) {
			Offset *before = &g_array_index(offsets, Offset, k);

			if (before->is.vcpu == o.is.vcpu && before->to == G_MAXINT64)
				before->to = o.from;
		}
		g_array_append_val(offsets, o);
	}
}

static void find_offsets(Pair *p, const History *host, gint32 pid)
{
	for (guint i = 0; p->theirs && i < p->theirs->vcpus->len; i++) {
		Offset o = {.from = G_MININT64, .to = G_MAXINT64, .is = g_array_index(p->theirs->vcpus, ExperimentTscVcpu, i)};

		if (o.is.pid == pid)
			g_array_append_val(p->offsets, o);
	}
	if (!p->offsets->len)
		add_written(p->offsets, host, pid);
}

/* ---- Readings ---------------------------------------------------------------------------------------------------------- */

__extension__ typedef unsigned __int128 Wide;

/* The host's counter when the guest's was `tsc`. */
static guint64 to_host(const ExperimentTscVcpu *v, guint64 tsc)
{
	guint64 scaled = tsc - (guint64)v->offset;

	return v->ratio ? (guint64)(((Wide)scaled << v->bits) / v->ratio) : scaled;
}

/* The last of a machine's readings before or at a value of the counter, but for the very last; the one behind it is on the other side. */
static guint before(const ExperimentTsc *t, guint64 tsc)
{
	guint lo = 0, hi = t->readings->len - 1;

	while (hi - lo > 1) {
		guint middle = lo + (hi - lo) / 2;

		if (reading(t, middle)->tsc <= tsc)
			lo = middle;
		else
			hi = middle;
	}
	return lo;
}

/*
 * When the host had it that the guest read its clock: between its readings on either side, or, if those are not apart, its outermost. FALSE: that offset was not yet, or no more, the
 * vCPU's; or it is none.
 */
static gboolean find_time(const Pair *p, const Offset *o, const ExperimentReading *mine, ExperimentPassed *out)
{
	const ExperimentTsc *t = p->theirs;
	guint64 tsc = to_host(&o->is, mine->tsc);
	const ExperimentReading *left = reading(t, before(t, tsc)), *right = left + 1;
	gboolean apart = right->time_ns - left->time_ns >= SPAN_MIN_NS;
	const ExperimentReading *a = apart ? left : reading(t, 0), *b = apart ? right : reading(t, t->readings->len - 1);

	if (b->tsc <= a->tsc)
		return FALSE;
	double tick = (double)(b->time_ns - a->time_ns) / (double)(b->tsc - a->tsc), moved = tick * (double)(gint64)(tsc - a->tsc);
	if (fabs(moved) > (double)EXPERIMENT_SPAN_MAX)
		return FALSE;
	out->a = mine->time_ns;
	out->b = a->time_ns + (gint64)llround(moved);
	gint64 stray = MIN(ABS(left->time_ns - out->b), ABS(right->time_ns - out->b));
	out->slack = EXPERIMENT_WOBBLE_NS + (gint64)ceil(tick * (double)MIN(mine->width / 2 + MAX(a->width, b->width) / 2, 1u << 30) + STRAY * (double)stray);
	return out->b >= o->from && out->b < o->to;
}

/* Both ways: neither is before the other. FALSE: the vCPUs' counters differ, so it is not known which one the guest read. */
static gboolean compare(const Pair *p, const ExperimentReading *mine, GArray *passed)
{
	ExperimentPassed found = {0}, other;
	gboolean any = FALSE;

	for (guint i = 0; i < p->offsets->len; i++) {
		if (!find_time(p, &g_array_index(p->offsets, Offset, i), mine, &other))
			continue;
		if (any && ABS(other.b - found.b) > EXPERIMENT_WOBBLE_NS)
			return FALSE;
		found = other;
		any = TRUE;
	}
	for (gint to_b = 0; any && to_b <= 1; to_b++) {
		found.to_b = to_b;
		g_array_append_val(passed, found);
	}
	return TRUE;
}

/* ---- Clocks ------------------------------------------------------------------------------------------------------------ */

static gboolean find_clock(const Pair *p, const History *guest, ExperimentClock *out)
{
	g_autoptr(GArray) passed = g_array_new(FALSE, FALSE, sizeof(ExperimentPassed));

	for (guint i = 0; i < p->mine->readings->len; i++)
		if (!compare(p, reading(p->mine, i), passed)) {
			st_warn(p->warnings, "%s: time stamp counters are not used: those of its vCPUs differ in %s", p->guest, p->host);
			return FALSE;
		}
	if (passed->len < 2 * READINGS_MIN)
		return FALSE;
	if (!experiment_line_between(passed, history_begin(guest), history_end(guest), READINGS_MIN, out)) {
		st_warn(p->warnings, "%s: time stamp counters are not used: no line fits what was read of them", p->guest);
		return FALSE;
	}
	out->from_ns = G_MININT64;
	return TRUE;
}

/* The one found otherwise says the same, at both ends. */
static gboolean agree(const ExperimentClock *a, const ExperimentClock *b, gint64 from, gint64 to)
{
	const gint64 ends[] = {from, to};

	for (guint i = 0; i < G_N_ELEMENTS(ends); i++)
		if (ABS(experiment_clock_apply(a, ends[i]) - experiment_clock_apply(b, ends[i])) > a->bound_ns + b->bound_ns)
			return FALSE;
	return TRUE;
}

static void take(const Pair *p, ExperimentMember *m, const ExperimentClock *by_tsc)
{
	ExperimentClock *now = m->clocks->len ? &g_array_index(m->clocks, ExperimentClock, 0) : NULL;

	if (m->clocks->len > 1) /* it was paused or moved, or its clock was set: readings from before and after say nothing of that */
		return;
	if (now && !agree(now, by_tsc, history_begin(m->history), history_end(m->history))) {
		st_warn(p->warnings, "%s: time stamp counters are not used: what was read of them contradicts its events in %s", p->guest, p->host);
		return;
	}
	m->methods |= 1u << EXPERIMENT_BY_TSC;
	if (!now) {
		m->clock_of = m->parent;
		g_array_append_val(m->clocks, *by_tsc);
		m->constraints = by_tsc->constraints;
		g_clear_pointer(&m->problem, g_free);
	} else if (by_tsc->bound_ns < now->bound_ns) {
		ExperimentClock better = *by_tsc;

		better.constraints = now->constraints;
		better.contradictions = now->contradictions;
		*now = better;
	}
}

void experiment_use_tsc(Experiment *e, const ExperimentInput *inputs, StWarnings *warnings)
{
	for (guint i = 0; i < e->members->len; i++) {
		ExperimentMember *m = g_ptr_array_index(e->members, i);
		ExperimentClock clock;

		if (m->parent == EXPERIMENT_NONE || m->l2 != EXPERIMENT_NONE || !is_enough(inputs[i].tsc) || !is_enough(inputs[m->parent].tsc))
			continue;
		g_autoptr(GArray) offsets = g_array_new(FALSE, FALSE, sizeof(Offset));
		Pair p = {m->name, experiment_member(e, m->parent)->name, inputs[i].tsc, inputs[m->parent].tsc, offsets, warnings};
		find_offsets(&p, experiment_member(e, m->parent)->history, m->vm_pid);
		if (find_clock(&p, m->history, &clock))
			take(&p, m, &clock);
	}
}
