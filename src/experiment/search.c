/* SPDX-License-Identifier: MIT */
/*
 * search.c: offsets at which the events of a window fall into none of a vCPU's gaps.
 *
 * All offsets under which the window is within the other trace are possible at first. Each event then takes away those that would put it into a gap: all gaps,
 * shifted by the event's time. Windows are short enough for drift to be less than what is left of a gap when it is shortened by it; so there are two
 * kinds: long ones for clocks that hardly drift, which is what clocks of one piece of hardware do, and short ones for the others. Of the gaps
 * the longest come first: a few thousand are enough to leave few pieces, which all gaps then look at.
 *
 * What is left is only an opinion of one window. track.c hears the other events.
 */
#include "experiment/private.h"

#define EVENTS_MAX  2048         /* of a window */
#define EVENTS_MIN  256          /* a window is made longer to have so many */
#define PIECES_MAX  (1u << 20)
#define FOUND_MAX   4096
#define APART_NS    100000       /* pieces nearer to each other than this are one candidate */
#define ENOUGH      16           /* pieces: looking further costs more than trying them */

/* A window's length, and the drift it allows for. */
static const struct {
	gint64 length;
	double drift;
} kinds[] = {{16000000000, 5e-6}, {2000000000, EXPERIMENT_DRIFT_MAX}};

/* Where windows are, as a share of the time: halves, then quarters, ... */
static const double places[] = {1 / 2., 1 / 4., 3 / 4., 1 / 8., 7 / 8., 3 / 8., 5 / 8., 1 / 32., 31 / 32.};

typedef struct {
	gint64 min, max;
} Piece;

/* Hot: millions are added. */
typedef struct {
	Piece *all;
	guint len, room;
} Pieces;

typedef struct {
	const gint64 *times;
	guint first, n;       /* events */
	gint64 ref;
	double drift;
	Pieces pieces, next;
	guint64 work, budget; /* steps */
} Search;

/* ---- Windows ------------------------------------------------------------------------------------------------------ */

static void choose_window(Search *s, const GArray *times, gint64 from, gint64 to, guint kind, double place)
{
	guint lo = experiment_beat_from(times, 0, from), hi = experiment_beat_from(times, lo, to);
	gint64 center = from + (gint64)(place * (double)(to - from));

	s->times = (const gint64 *)(gconstpointer)times->data;
	s->n = 0;
	if (hi - lo < 2)
		return;
	guint middle = MIN(experiment_beat_from(times, lo, center), hi - 1);
	guint first = MAX(experiment_beat_from(times, 0, center - kinds[kind].length / 2), lo);
	guint last = MIN(experiment_beat_from(times, first, center + kinds[kind].length / 2), hi);
	guint reach = MIN(EVENTS_MIN, hi - lo) / 2;

	first = MIN(first, middle - MIN(reach, middle - lo));
	last = MAX(last, middle + MIN(reach, hi - middle));
	s->first = first;
	s->n = last - first;
	s->ref = s->times[middle];
	s->drift = kinds[kind].drift;
}

/* ---- Pieces ------------------------------------------------------------------------------------------------------- */

static G_GNUC_NO_INLINE void make_room(Pieces *pieces)
{
	pieces->room = MAX(pieces->room * 2, 64);
	pieces->all = g_renew(Piece, pieces->all, pieces->room);
}

static inline void add_piece(Pieces *pieces, gint64 min, gint64 max)
{
	if (min > max)
		return;
	if (G_UNLIKELY(pieces->len == pieces->room))
		make_room(pieces);
	pieces->all[pieces->len++] = (Piece){min, max};
}

/* Take away from each piece the offsets that would put an event at `time` into a gap. */
static void take_away(Search *s, const GArray *gaps, gint64 time)
{
	gint64 slack = (gint64)(s->drift * (double)ABS(time - s->ref));
	guint k = 0;

	s->next.len = 0;
	for (guint i = 0; i < s->pieces.len; i++) {
		Piece p = s->pieces.all[i];

		for (k = experiment_gap_behind(gaps, k, p.min + time); k < gaps->len && p.min <= p.max; k++, s->work++) {
			ExperimentGap g = g_array_index(gaps, ExperimentGap, k);
			gint64 begin = g.begin - time + slack, end = g.end - time - slack;

			if (g.begin - time >= p.max)
				break;
			if (begin >= end || end <= p.min || begin >= p.max)
				continue;
			add_piece(&s->next, p.min, begin);
			p.min = MAX(p.min, end);
		}
		add_piece(&s->next, p.min, p.max);
		k -= k > 0; /* the next piece may begin in the same gap */
	}
	s->work += s->pieces.len;
	Pieces swap = s->pieces;
	s->pieces = s->next;
	s->next = swap;
}

/* The window's events, in an order in which neighbours come late: each halves what is between those before it. */
static guint shuffled(guint i, guint bits)
{
	guint r = 0;

	for (guint b = 0; b < bits; b++)
		r |= ((i >> b) & 1) << (bits - 1 - b);
	return r;
}

static void take_all_away(Search *s, const GArray *gaps)
{
	guint n = MIN(s->n, EVENTS_MAX), bits = n > 1 ? (guint)g_bit_storage(n - 1) : 1;

	for (guint i = 0; i < 1u << bits && s->pieces.len > 0 && s->pieces.len <= PIECES_MAX && s->work < s->budget; i++) {
		guint k = shuffled(i, bits);

		if (k < n)
			take_away(s, gaps, s->times[s->first + (guint)((guint64)k * s->n / n)]);
	}
}

/* ---- Candidates ---------------------------------------------------------------------------------------------------- */

static void collect(const Search *s, GArray *found)
{
	for (guint i = 0; i < s->pieces.len && found->len < FOUND_MAX; i++) {
		Piece p = s->pieces.all[i];
		ExperimentCandidate *last = found->len ? &g_array_index(found, ExperimentCandidate, found->len - 1) : NULL;
		ExperimentCandidate c = {s->ref, p.min, p.max};

		if (last && p.min - last->max < APART_NS)
			last->max = p.max;
		else
			g_array_append_val(found, c);
	}
}

static void look(Search *s, const ExperimentTrack *track, GArray *found)
{
	add_piece(&s->pieces, track->begin - s->ref, track->end - s->ref);
	take_all_away(s, track->longest);
	if (s->pieces.len > ENOUGH && track->longest->len < track->gaps->len)
		take_all_away(s, track->gaps);
	collect(s, found);
}

gboolean experiment_search(const ExperimentBeat *beat, const ExperimentTrack *track, gint64 from, gint64 to, guint round, guint64 *budget, GArray *found)
{
	Search s = {.budget = *budget};

	g_array_set_size(found, 0);
	if (round >= G_N_ELEMENTS(kinds) * G_N_ELEMENTS(places) || !*budget)
		return FALSE;
	choose_window(&s, beat->times, from, to, round % G_N_ELEMENTS(kinds), places[round / G_N_ELEMENTS(kinds)]);
	if (!s.n || track->begin >= track->end)
		return TRUE;
	look(&s, track, found);
	*budget -= MIN(*budget, s.work);
	g_free(s.pieces.all);
	g_free(s.next.all);
	return TRUE;
}
