/* SPDX-License-Identifier: MIT */
/*
 * fit.c: a machine in a VM: lines for all of its time, and which of its processors is which vCPU.
 *
 * The busiest processor leads: it is tried as each of the VM's vCPUs, the one of its own number first. Where it fits, the others are tried at that
 * offset. Then all of them together say what lines are possible. Before and behind what one line fits, it is looked for again: clocks jump (a VM was paused or
 * moved) and change their rate.
 *
 * What a clock is worth is counted over the gaps: how unlikely it is for a stretch of each one's length to have no event (ExperimentBeat.quiet_bits), had it been put there
 * by chance. A wrong clock has gaps with events in them, soon.
 */
#include "experiment/private.h"

#define BITS_MIN  100.0 /* for a clock to be believed; offsets of a day in steps of 10 us are 33 bits */
#define BITS_HIT  10.0  /* what a gap with an event in it says against it */
#define SHARE_MAX 0.02  /* of silences and of events may contradict: states of vCPUs are not always known rightly */
#define LEADERS   2     /* processors that are tried */
#define AGAIN_MIN 64    /* events of a stretch that is worth looking for another line */
#define MEETING_NS 500000000 /* so far from where a line begins to fit it may meet the one before */
#define BUDGET_QUICK 160000ull /* steps of search: for each vCPU ... */
#define BUDGET_USUAL 1000000ull
#define BUDGET_TRACKS 8        /* ... of so many */
#define BUDGET_LONG  16000000ull
#define BUDGET_EACH  64        /* ... and for each event and gap */
#define RIVAL     0.5   /* of the best one's bits: fits as well */

typedef struct {
	const History *guest;
	const GPtrArray *beats;
	const ExperimentTarget *target;
	GArray *pairs;        /* ExperimentPair; the leader's is first */
	GArray *stretches;    /* ExperimentStretch */
	GArray *found;        /* ExperimentCandidate */
	guint64 budget;       /* steps of search */
	gboolean ambiguous;
} Fit;

/* ---- Scores --------------------------------------------------------------------------------------------------------- */

/* The gaps that fall into one silence of a processor: they are one chance, however many they are. */
typedef struct {
	guint next;           /* the event that ends it */
	gint64 begin;         /* of the first of these gaps */
	double bits;          /* what they say together */
} Silence;

static void hear_silence(ExperimentScore *s, const ExperimentPair *p, Silence *last, guint next, gint64 begin, gint64 end)
{
	if (last->next != next)
		*last = (Silence){next, begin, 0};
	s->gaps += last->bits == 0;
	s->bits -= last->bits;
	last->bits = (double)p->beat->quiet_bits[experiment_length_class(end - last->begin)];
	s->bits += last->bits;
}

/* What the gap says, as the clock has it, less how wrong that may be. */
static void score_gap(ExperimentScore *s, const ExperimentPair *p, const ExperimentClock *c, const ExperimentGap *g, Silence *silence, guint *i, gint64 from,
		      gint64 to)
{
	const GArray *times = p->beat->times;
	gint64 begin = experiment_clock_unapply(c, g->begin + c->bound_ns), end = experiment_clock_unapply(c, g->end - c->bound_ns);

	begin = MAX(begin, from);
	end = MIN(end, to);
	if (begin >= end)
		return;
	*i = experiment_beat_from(times, *i, begin + 1);
	if (*i == 0 || *i >= times->len)
		return; /* beyond what the guest recorded: no event is no evidence */
	guint behind = experiment_beat_from(times, *i, end);
	if (behind == *i) {
		hear_silence(s, p, silence, *i, begin, end);
		return;
	}
	s->gaps++;
	s->hits++;
	s->contradictions += behind - *i;
	s->bits -= BITS_HIT;
}

ExperimentScore experiment_score(const ExperimentPair *p, const ExperimentClock *c, gint64 from, gint64 to)
{
	const GArray *gaps = p->track->gaps, *times = p->beat->times;
	ExperimentScore s = {0};
	Silence silence = {0};
	gint64 begin = MAX(from, experiment_clock_unapply(c, p->track->begin)), end = MIN(to, experiment_clock_unapply(c, p->track->end));
	gint64 last = experiment_clock_apply(c, to) + c->bound_ns;
	guint i = 0, first = experiment_beat_from(times, 0, begin);

	s.constraints = experiment_beat_from(times, first, MAX(begin, end)) - first;
	for (guint k = experiment_gap_behind(gaps, 0, experiment_clock_apply(c, from)); k < gaps->len; k++) {
		const ExperimentGap *g = &g_array_index(gaps, ExperimentGap, k);

		if (g->begin > last)
			break;
		if (g->end - g->begin > 2 * c->bound_ns)
			score_gap(&s, p, c, g, &silence, &i, from, to);
	}
	return s;
}

static void add_score(ExperimentScore *to, const ExperimentScore *more)
{
	to->constraints += more->constraints;
	to->contradictions += more->contradictions;
	to->gaps += more->gaps;
	to->hits += more->hits;
	to->bits += more->bits;
}

gboolean experiment_score_is_good(const ExperimentScore *s)
{
	return s->bits >= BITS_MIN && (double)s->hits <= SHARE_MAX * (double)s->gaps &&
	       (double)s->contradictions <= SHARE_MAX * (double)s->constraints;
}

static ExperimentScore score_stretch(const Fit *f, const ExperimentStretch *s)
{
	ExperimentClock clock = experiment_best_line(s, s->from, s->to);
	ExperimentScore all = {0};

	for (guint i = 0; i < f->pairs->len; i++) {
		ExperimentScore one = experiment_score(&g_array_index(f->pairs, ExperimentPair, i), &clock, s->from, s->to);
		add_score(&all, &one);
	}
	return all;
}

/* ---- Stretches -------------------------------------------------------------------------------------------------------- */

/* The best stretch around one of the candidates; FALSE: none is good. */
static gboolean best_of_round(Fit *f, gint64 from, gint64 to, ExperimentStretch *best)
{
	double best_bits = 0, second_bits = 0;

	for (guint i = 0; i < f->found->len && f->budget; i++) {
		ExperimentStretch s;
		gboolean fits = experiment_track((const ExperimentPair *)(gconstpointer)f->pairs->data, f->pairs->len,
						 &g_array_index(f->found, ExperimentCandidate, i), from, to, &s);

		ExperimentScore score = fits ? score_stretch(f, &s) : (ExperimentScore){0};
		if (!experiment_score_is_good(&score) || score.bits < BITS_MIN * (1 + s.breaks)) {
			f->budget -= MIN(f->budget, s.steps);
			continue;
		}
		second_bits = score.bits > best_bits ? best_bits : MAX(second_bits, score.bits);
		if (score.bits > best_bits) {
			best_bits = score.bits;
			*best = s;
		}
	}
	f->ambiguous = second_bits > RIVAL * best_bits;
	return best_bits > 0;
}

/* Look for a stretch with one line within [from, to), and then before and behind it. */
static void find_stretches(Fit *f, gint64 from, gint64 to)
{
	const ExperimentPair *leader = &g_array_index(f->pairs, ExperimentPair, 0);
	ExperimentStretch best;
	gboolean found = FALSE;
	guint first = experiment_beat_from(leader->beat->times, 0, from);

	if (f->stretches->len >= EXPERIMENT_SEGMENTS_MAX || experiment_beat_from(leader->beat->times, first, to) - first < AGAIN_MIN)
		return;
	for (guint round = 0; !found && experiment_search(leader->beat, leader->track, from, to, round, &f->budget, f->found); round++)
		found = best_of_round(f, from, to, &best);
	if (!found)
		return;
	find_stretches(f, from, best.from);
	g_array_append_val(f->stretches, best);
	find_stretches(f, best.to, to);
}

/* ---- Processors ------------------------------------------------------------------------------------------------------- */

static gint by_events(gconstpointer a, gconstpointer b)
{
	const ExperimentBeat *x = *(ExperimentBeat *const *)a, *y = *(ExperimentBeat *const *)b;

	if (x->times->len != y->times->len)
		return x->times->len > y->times->len ? -1 : 1;
	return x->cpu < y->cpu ? -1 : x->cpu > y->cpu;
}

static void swap_to_front(GPtrArray *tracks, guint from, gint32 id)
{
	for (guint i = from; i < tracks->len; i++)
		if (((ExperimentTrack *)tracks->pdata[i])->id == id) {
			gpointer found = g_ptr_array_steal_index(tracks, i);
			g_ptr_array_insert(tracks, (gint)from, found);
			return;
		}
}

/* A target's tracks, the one of that number first. The caller frees the array. */
static GPtrArray *tracks_for(const ExperimentTarget *target, const ExperimentBeat *beat)
{
	GPtrArray *tracks = g_ptr_array_new();

	for (guint i = 0; i < target->tracks->len; i++)
		g_ptr_array_add(tracks, target->tracks->pdata[i]);
	swap_to_front(tracks, 0, beat->cpu);
	return tracks;
}

static gboolean is_taken(const Fit *f, const ExperimentTrack *track)
{
	for (guint i = 0; i < f->pairs->len; i++)
		if (g_array_index(f->pairs, ExperimentPair, i).track == track && track->item != EXPERIMENT_NONE)
			return TRUE;
	return FALSE;
}

/* Another processor, at the leader's clock: the vCPU that it fits best. */
static void pair_other(Fit *f, const ExperimentBeat *beat, const ExperimentStretch *s)
{
	g_autoptr(GPtrArray) tracks = tracks_for(f->target, beat);
	ExperimentClock clock = experiment_best_line(s, s->from, s->to);
	ExperimentPair best = {beat, NULL};
	double best_bits = -G_MAXDOUBLE;

	for (guint i = 0; i < tracks->len; i++) {
		ExperimentPair pair = {beat, tracks->pdata[i]};

		if (is_taken(f, pair.track))
			continue;
		ExperimentScore score = experiment_score(&pair, &clock, s->from, s->to);
		if (score.bits > best_bits) {
			best_bits = score.bits;
			best = pair;
		}
	}
	if (best.track)
		g_array_append_val(f->pairs, best);
}

static void pair_others(Fit *f, const ExperimentStretch *s, const GPtrArray *by_size)
{
	const ExperimentBeat *leader = g_array_index(f->pairs, ExperimentPair, 0).beat;

	for (guint i = 0; i < by_size->len; i++)
		if (by_size->pdata[i] != leader)
			pair_other(f, by_size->pdata[i], s);
}

/* A leader's vCPU, and the first stretch that it fits. */
static gboolean pair_leader(Fit *f, const ExperimentBeat *beat, ExperimentStretch *out)
{
	g_autoptr(GPtrArray) tracks = tracks_for(f->target, beat);
	gint64 from = history_begin(f->guest), to = history_end(f->guest) + 1;

	for (guint i = 0; i < tracks->len; i++) {
		ExperimentPair pair = {beat, tracks->pdata[i]};

		g_array_set_size(f->pairs, 0);
		g_array_append_val(f->pairs, pair);
		for (guint round = 0; experiment_search(beat, pair.track, from, to, round, &f->budget, f->found); round++)
			if (best_of_round(f, from, to, out))
				return TRUE;
	}
	return FALSE;
}

/* ---- The whole -------------------------------------------------------------------------------------------------------- */

/* Of a clock that was slewed the lines meet where that began; of one that jumped they don't. Else the later one begins where it is first known to fit. */
static gint64 where_they_meet(const ExperimentStretch *a, const ExperimentStretch *b)
{
	ExperimentClock x = experiment_best_line(a, a->from, a->to), y = experiment_best_line(b, b->from, b->to);
	double apart = (double)(experiment_clock_apply(&y, b->from) - experiment_clock_apply(&x, b->from)), slope = y.drift - x.drift;

	if (ABS(apart) >= ABS(slope) * (double)MEETING_NS)
		return b->from;
	return CLAMP(b->from - (gint64)(apart / slope), a->from + 1, b->to);
}

static void add_clocks(const Fit *f, ExperimentFit *fit)
{
	for (guint i = 0; i < f->stretches->len; i++) {
		const ExperimentStretch *s = &g_array_index(f->stretches, ExperimentStretch, i);
		gint64 from = i ? where_they_meet(s - 1, s) : MIN(history_begin(f->guest), s->from);
		gint64 to = i + 1 < f->stretches->len ? where_they_meet(s, s + 1) : MAX(history_end(f->guest), s->to);
		ExperimentClock c = experiment_best_line(s, from, to);

		for (guint k = 0; k < f->pairs->len; k++) {
			ExperimentScore one = experiment_score(&g_array_index(f->pairs, ExperimentPair, k), &c, from, to + (i + 1 == f->stretches->len));

			c.constraints += one.constraints;
			c.contradictions += one.contradictions;
			add_score(&fit->score, &one);
		}
		if (i == 0)
			fit->begin = experiment_clock_apply(&c, from);
		fit->end = experiment_clock_apply(&c, to);
		if (i == 0)
			c.from_ns = G_MININT64;
		g_array_append_val(fit->clocks, c);
	}
}

static void add_vcpus(const Fit *f, ExperimentFit *fit)
{
	for (guint i = 0; i < f->pairs->len; i++) {
		const ExperimentPair *p = &g_array_index(f->pairs, ExperimentPair, i);
		guint cpu = (guint)p->beat->cpu;

		if (cpu >= EXPERIMENT_CPUS_MAX)
			continue;
		while (fit->vcpus->len <= cpu) {
			guint32 none = EXPERIMENT_NONE;
			g_array_append_val(fit->vcpus, none);
		}
		g_array_index(fit->vcpus, guint32, cpu) = p->track->item;
	}
}

/* Steps of search. */
static guint64 budget_of(const GPtrArray *beats, const ExperimentTarget *target, ExperimentEffort effort, guint share)
{
	guint64 n = 0, usual = (effort == EXPERIMENT_QUICK ? BUDGET_QUICK : BUDGET_USUAL) * MIN(target->tracks->len, BUDGET_TRACKS);

	if (effort < EXPERIMENT_LONG)
		return usual;
	for (guint i = 0; i < beats->len; i++)
		n += ((ExperimentBeat *)beats->pdata[i])->times->len;
	for (guint i = 0; i < target->tracks->len; i++)
		n += ((ExperimentTrack *)target->tracks->pdata[i])->gaps->len;
	return MAX((BUDGET_LONG + BUDGET_EACH * n) / MAX(share, 1), 2 * usual);
}

static ExperimentFit *finish(const Fit *f)
{
	ExperimentFit *fit = g_new0(ExperimentFit, 1);

	fit->target = f->target;
	fit->clocks = g_array_new(FALSE, FALSE, sizeof(ExperimentClock));
	fit->vcpus = g_array_new(FALSE, FALSE, sizeof(guint32));
	fit->ambiguous = f->ambiguous;
	add_clocks(f, fit);
	add_vcpus(f, fit);
	fit->accepted = fit->clocks->len > 0 && experiment_score_is_good(&fit->score);
	return fit;
}

/* With all processors: the leader's stretch again, and what is before and behind it. */
static void find_all(Fit *f, const ExperimentStretch *leader)
{
	gint64 from = history_begin(f->guest), to = history_end(f->guest) + 1;
	double min, max;
	ExperimentStretch s;

	experiment_polygon_span(&leader->lines, 0, &min, &max);
	ExperimentCandidate c = {leader->ref, leader->base + (gint64)min, leader->base + (gint64)max};
	if (f->pairs->len == 1)
		s = *leader;
	else if (!experiment_track((const ExperimentPair *)(gconstpointer)f->pairs->data, f->pairs->len, &c, from, to, &s))
		return;
	gboolean ambiguous = f->ambiguous;
	find_stretches(f, from, s.from);
	g_array_append_val(f->stretches, s);
	find_stretches(f, s.to, to);
	f->ambiguous = ambiguous;
}

ExperimentFit *experiment_fit(const History *guest, const GPtrArray *beats, const ExperimentTarget *target, ExperimentEffort effort, guint share)
{
	Fit f = {.guest = guest, .beats = beats, .target = target, .budget = budget_of(beats, target, effort, share)};
	g_autoptr(GPtrArray) by_size = g_ptr_array_new();
	ExperimentStretch first;
	ExperimentFit *fit = NULL;

	f.pairs = g_array_new(FALSE, FALSE, sizeof(ExperimentPair));
	f.stretches = g_array_new(FALSE, FALSE, sizeof(ExperimentStretch));
	f.found = g_array_new(FALSE, FALSE, sizeof(ExperimentCandidate));
	for (guint i = 0; i < beats->len; i++)
		if (((ExperimentBeat *)beats->pdata[i])->times->len)
			g_ptr_array_add(by_size, beats->pdata[i]);
	g_ptr_array_sort(by_size, by_events);
	for (guint i = 0; i < MIN(by_size->len, LEADERS) && !fit; i++)
		if (pair_leader(&f, by_size->pdata[i], &first)) {
			pair_others(&f, &first, by_size);
			find_all(&f, &first);
			fit = finish(&f);
		}
	g_array_unref(f.pairs);
	g_array_unref(f.stretches);
	g_array_unref(f.found);
	return fit;
}

void experiment_fit_free(ExperimentFit *f)
{
	if (!f)
		return;
	g_array_unref(f->clocks);
	g_array_unref(f->vcpus);
	g_free(f);
}
