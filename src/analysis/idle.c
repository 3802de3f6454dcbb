/* SPDX-License-Identifier: MIT */
/*
 * idle.c: for each time whether no processor was idle, exactly one (and which), or several: all that is needed to know whether one other than a given one was.
 *
 * On a machine of many processors it is nearly always several, so this is short. It is made by a merge of all processors' rows in order of time.
 */
#include "analysis/idle.h"

#include <stdio.h>

#include "kernel/flow.h"

#define NONE    (-1)
#define SEVERAL (-2)

/* From a time on. */
typedef struct {
	gint64 time;
	gint32 which; /* the only idle processor; or NONE, SEVERAL */
} Step;

struct AnalysisIdle {
	GArray *steps;
};

/* A processor on its way. */
typedef struct {
	HistoryWalk walk;
	HistoryInterval at;
	gint32 cpu;
	gboolean idle, done;
} Cpu;

typedef struct {
	GPtrArray *heap;  /* Cpu *: the one whose interval begins first is on top */
	guint n_idle;
	gint64 sum;       /* of the numbers of those that are idle: with one, it is that one's */
	GArray *steps;
} Merge;

static gint64 time_of(const Merge *m, guint i)
{
	return ((const Cpu *)g_ptr_array_index(m->heap, i))->at.begin_ns;
}

static void sift_down(Merge *m, guint i)
{
	for (;;) {
		guint least = i;

		for (guint child = 2 * i + 1; child <= 2 * i + 2 && child < m->heap->len; child++)
			if (time_of(m, child) < time_of(m, least))
				least = child;
		if (least == i)
			return;
		gpointer swap = m->heap->pdata[i];
		m->heap->pdata[i] = m->heap->pdata[least];
		m->heap->pdata[least] = swap;
		i = least;
	}
}

static void add_step(Merge *m, gint64 time)
{
	Step step = {time, m->n_idle == 0 ? NONE : m->n_idle == 1 ? (gint32)m->sum : SEVERAL};
	Step *last = m->steps->len ? &g_array_index(m->steps, Step, m->steps->len - 1) : NULL;

	if (last && last->time == time)
		last->which = step.which;
	else if (!last || last->which != step.which)
		g_array_append_val(m->steps, step);
}

static void set_idle(Merge *m, Cpu *c, gboolean idle)
{
	if (c->idle == idle)
		return;
	c->idle = idle;
	m->n_idle += idle ? 1 : (guint)-1;
	m->sum += idle ? c->cpu : -c->cpu;
}

/* The processor's next interval; where its row ends it is idle no more. FALSE: that was it. */
static gboolean advance(Cpu *c)
{
	gint64 end = c->at.end_ns;

	if (c->done)
		return FALSE;
	if (!history_walk_next(&c->walk, &c->at)) {
		c->done = TRUE;
		c->at = (HistoryInterval){.begin_ns = end, .end_ns = end, .state = KERNEL_OCCUPANT_UNKNOWN};
	}
	return TRUE;
}

static void run(Merge *m, gint64 begin_ns)
{
	while (m->heap->len) {
		Cpu *c = g_ptr_array_index(m->heap, 0);

		set_idle(m, c, c->at.state == KERNEL_OCCUPANT_IDLE);
		add_step(m, MAX(c->at.begin_ns, begin_ns));
		if (!advance(c))
			g_ptr_array_remove_index_fast(m->heap, 0);
		sift_down(m, 0);
	}
}

static void add_cpus(Merge *m, const History *h, gint64 begin_ns, gint64 end_ns)
{
	guint kind;
	gint32 cpu;

	if (!history_find_kind(h, KERNEL_OCCUPANT_ROW_KIND, &kind))
		return;
	for (guint32 r = 0; r < history_n_rows(h); r++) {
		if (history_row_kind(h, r) != kind || sscanf(history_row_path(h, r), "cpu/%d/", &cpu) != 1)
			continue;
		Cpu *c = g_new0(Cpu, 1);
		c->cpu = cpu;
		history_walk(&c->walk, h, r, begin_ns, end_ns);
		if (history_walk_next(&c->walk, &c->at))
			g_ptr_array_add(m->heap, c);
		else
			g_free(c);
	}
	for (guint i = m->heap->len; i-- > 0;)
		sift_down(m, i);
}

AnalysisIdle *analysis_idle_new(const History *h, gint64 begin_ns, gint64 end_ns)
{
	AnalysisIdle *idle = g_new0(AnalysisIdle, 1);
	Merge m = {.heap = g_ptr_array_new_with_free_func(g_free)};

	idle->steps = m.steps = g_array_new(FALSE, FALSE, sizeof(Step));
	add_cpus(&m, h, begin_ns, end_ns);
	run(&m, begin_ns);
	g_ptr_array_unref(m.heap);
	return idle;
}

void analysis_idle_free(AnalysisIdle *idle)
{
	if (!idle)
		return;
	g_array_unref(idle->steps);
	g_free(idle);
}

/* The step that a time is in; the first one if it is before that. */
static guint find(const GArray *steps, gint64 time)
{
	guint low = 0, high = steps->len;

	while (high - low > 1) {
		guint middle = low + (high - low) / 2;

		if (g_array_index(steps, Step, middle).time <= time)
			low = middle;
		else
			high = middle;
	}
	return low;
}

gint64 analysis_idle_ns(const AnalysisIdle *idle, gint32 cpu, gint64 begin_ns, gint64 end_ns)
{
	const GArray *steps = idle->steps;
	gint64 ns = 0;

	for (guint i = steps->len ? find(steps, begin_ns) : 0; i < steps->len; i++) {
		const Step *s = &g_array_index(steps, Step, i);
		gint64 end = i + 1 < steps->len ? g_array_index(steps, Step, i + 1).time : end_ns;

		if (s->time >= end_ns)
			break;
		if (s->which != NONE && s->which != cpu)
			ns += MAX(MIN(end, end_ns) - MAX(s->time, begin_ns), 0);
	}
	return ns;
}
