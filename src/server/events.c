/* SPDX-License-Identifier: MIT */
/* events.c: events by number. */
#include "server/events.h"

#include <string.h>

#define KEPT_MAX    (1u << 20) /* events of a trace that are in memory to be ordered among those of others */
#define WINDOW_MAX  1024       /* bins read at once */

/* Bin b is [edge b, edge b + 1). An event belongs to a bin by its machine's own clock, so that rounding between clocks moves none across an edge. */
struct ServerEvents {
	const AnalysisStore *store;
	guint n;               /* traces */
	gint64 **edges;        /* by trace: SERVER_EVENT_BINS + 1 times in its own clock */
	guint64 **before;      /* by trace: SERVER_EVENT_BINS + 1 sums */
};

static const AnalysisStoreTrace *trace_at(const ServerEvents *e, guint i)
{
	return g_ptr_array_index(e->store->traces, i);
}

static gint64 edge(const ServerEvents *e, guint bin)
{
	return server_step(e->store->begin_ns, e->store->end_ns + 1, bin, SERVER_EVENT_BINS);
}

/* ---- Counting ------------------------------------------------------------------------------------------------------------------- */

typedef struct {
	const gint64 *edges;
	guint64 *counts;
	guint bin;
} Count;

static void no_fields(const CtfEventClass *ec, CtfSubscription *sub, gpointer user)
{
	sub->n_wants = 0;
}

static gboolean count_event(const CtfStream *stream, const guint8 *base, const CtfRecord *record, gpointer user)
{
	Count *c = user;

	while (c->bin < SERVER_EVENT_BINS - 1 && record->time >= c->edges[c->bin + 1])
		c->bin++;
	c->counts[c->bin]++;
	return TRUE;
}

/* Counts become sums. */
static void add_up(guint64 *counts)
{
	guint64 sum = 0;

	for (guint i = 0; i <= SERVER_EVENT_BINS; i++) {
		guint64 n = counts[i];

		counts[i] = sum;
		sum += n;
	}
}

static gboolean count_trace(ServerEvents *e, guint i, GError **error)
{
	const AnalysisStoreTrace *t = trace_at(e, i);
	Count c = {e->edges[i], e->before[i], 0};
	CtfReader reader = {.subscribe = no_fields, .event = count_event, .user = &c, .begin_ns = G_MININT64, .end_ns = G_MAXINT64, .threads = 1};
	CtfTrace *trace = t->trace;
	CtfStats stats = {0};

	for (guint b = 0; b <= SERVER_EVENT_BINS; b++)
		e->edges[i][b] = analysis_own_time(t, edge(e, b));
	gboolean done = ctf_read(&trace, 1, &reader, &stats, error);
	ctf_stats_clear(&stats);
	add_up(e->before[i]);
	return done;
}

ServerEvents *server_events_new(const AnalysisStore *store, GError **error)
{
	ServerEvents *e = g_new0(ServerEvents, 1);
	gboolean done = TRUE;

	e->store = store;
	e->n = store->traces->len;
	e->edges = g_new0(gint64 *, e->n);
	e->before = g_new0(guint64 *, e->n);
	for (guint i = 0; i < e->n && done; i++) {
		e->edges[i] = g_new(gint64, SERVER_EVENT_BINS + 1);
		e->before[i] = g_new0(guint64, SERVER_EVENT_BINS + 1);
		done = count_trace(e, i, error);
	}
	if (done)
		return e;
	server_events_free(e);
	return NULL;
}

void server_events_free(ServerEvents *e)
{
	if (!e)
		return;
	for (guint i = 0; i < e->n; i++) {
		g_free(e->edges[i]);
		g_free(e->before[i]);
	}
	g_free(e->edges);
	g_free(e->before);
	g_free(e);
}

guint64 server_events_count_of(const ServerEvents *e, guint trace)
{
	return e->before[trace][SERVER_EVENT_BINS];
}

static guint64 before_bin(const ServerEvents *e, guint trace, guint bin)
{
	guint64 sum = 0;

	if (trace < e->n)
		return e->before[trace][bin];
	for (guint i = 0; i < e->n; i++)
		sum += e->before[i][bin];
	return sum;
}

guint64 server_events_count(const ServerEvents *e)
{
	return before_bin(e, G_MAXUINT, SERVER_EVENT_BINS);
}

/* The bin that a time is in; those outside are in the first and the last. */
static guint bin_of(const ServerEvents *e, gint64 time)
{
	guint low = 0, high = SERVER_EVENT_BINS - 1;

	while (low < high) {
		guint middle = low + (high - low + 1) / 2;

		if (edge(e, middle) <= time)
			low = middle;
		else
			high = middle - 1;
	}
	return low;
}

guint64 server_events_before(const ServerEvents *e, guint trace, gint64 time)
{
	if (time <= e->store->begin_ns)
		return 0;
	if (time > e->store->end_ns)
		return before_bin(e, trace, SERVER_EVENT_BINS);
	guint bin = bin_of(e, time);
	guint64 low = before_bin(e, trace, bin), high = before_bin(e, trace, bin + 1);
	gint64 begin = edge(e, bin), length = MAX(edge(e, bin + 1) - begin, 1);
	return low + (guint64)((double)(high - low) * (double)(time - begin) / (double)length);
}

/* ---- Reading ------------------------------------------------------------------------------------------------------------------------ */

/* An event that waits for its turn among other traces'. */
typedef struct {
	gint64 time; /* root's clock, within its bin */
	const CtfStream *stream;
	const guint8 *base;
	guint64 record[sizeof(CtfRecord) / sizeof(guint64)]; /* a CtfRecord without values */
} Kept;

G_STATIC_ASSERT(sizeof(CtfRecord) % sizeof(guint64) == 0);

typedef struct {
	const ServerEvents *events;
	guint trace;
	guint bin;
	GArray *kept;  /* Kept; NULL: events are handed out at once */
	gboolean full;
	ServerEvent event;
	guint64 from;  /* number of the first that is wanted */
	ServerEventFunc found;
	gpointer user;
	gboolean stopped;
} Read;

static gint64 root_time(Read *r, gint64 time)
{
	const ServerEvents *e = r->events;

	while (r->bin < SERVER_EVENT_BINS - 1 && time >= e->edges[r->trace][r->bin + 1])
		r->bin++;
	gint64 root = analysis_time(trace_at(e, r->trace), time);
	return CLAMP(root, edge(e, r->bin), edge(e, r->bin + 1) - 1);
}

static gboolean hand_out(Read *r, gint64 time, const CtfStream *stream, const guint8 *base, const CtfRecord *record)
{
	ServerEvent *v = &r->event;

	if (v->index >= r->from) {
		v->trace = r->trace;
		v->time = time;
		v->stream = stream;
		v->base = base;
		v->record = record;
		v->event = g_ptr_array_index(stream->trace->metadata->events, record->event);
		r->stopped = !r->found(r->user, v);
	}
	v->index++;
	return !r->stopped;
}

static gboolean on_event(const CtfStream *stream, const guint8 *base, const CtfRecord *record, gpointer user)
{
	Read *r = user;
	gint64 time = root_time(r, record->time);

	if (!r->kept)
		return hand_out(r, time, stream, base, record);
	if (r->kept->len == KEPT_MAX) {
		r->full = TRUE;
		return FALSE;
	}
	Kept kept = {.time = time, .stream = stream, .base = base};
	memcpy(kept.record, record, sizeof(kept.record));
	g_array_append_val(r->kept, kept);
	return TRUE;
}

/* The events of a trace in bins [begin, end). */
static gboolean read_bins(Read *r, guint begin, guint end, GError **error)
{
	const ServerEvents *e = r->events;
	gint64 to = end == SERVER_EVENT_BINS ? G_MAXINT64 : e->edges[r->trace][end] - 1;
	CtfReader reader = {.subscribe = no_fields, .event = on_event, .user = r, .begin_ns = begin ? e->edges[r->trace][begin] : G_MININT64, .end_ns = to, .threads = 1};
	CtfTrace *trace = trace_at(e, r->trace)->trace;
	CtfStats stats = {0};

	r->bin = begin;
	if (e->before[r->trace][begin] == e->before[r->trace][end])
		return TRUE;
	gboolean done = ctf_read(&trace, 1, &reader, &stats, error);
	ctf_stats_clear(&stats);
	if (done && r->full) {
		g_set_error(error, ST_ERROR, ST_ERROR_LIMIT, "more than %u events in one %u-th part of the experiment", KEPT_MAX, SERVER_EVENT_BINS);
		return FALSE;
	}
	return done;
}

/* All traces' events, the earliest first; of equal time in the order of traces. */
static void merge(Read *r, GArray **kept)
{
	g_autofree guint *at = g_new0(guint, r->events->n + 1);

	while (!r->stopped) {
		const Kept *best = NULL;

		for (guint i = 0; i < r->events->n; i++) {
			const Kept *k = at[i] < kept[i]->len ? &g_array_index(kept[i], Kept, at[i]) : NULL;

			if (k && (!best || k->time < best->time)) {
				best = k;
				r->trace = i;
			}
		}
		if (!best)
			return;
		at[r->trace]++;
		hand_out(r, best->time, best->stream, best->base, (const CtfRecord *)(gconstpointer)best->record);
	}
}

static gboolean read_window(Read *r, guint begin, guint end, GError **error)
{
	guint n = r->events->n;
	g_autofree GArray **kept = g_new0(GArray *, n + 1);
	gboolean done = TRUE;

	if (n == 1) {
		r->trace = 0;
		return read_bins(r, begin, end, error);
	}
	for (guint i = 0; i < n; i++) {
		kept[i] = r->kept = g_array_new(FALSE, FALSE, sizeof(Kept));
		r->trace = i;
		done = done && read_bins(r, begin, end, error);
	}
	if (done)
		merge(r, kept);
	for (guint i = 0; i < n; i++)
		g_array_unref(kept[i]);
	return done;
}

/* The last bin that begins with no more than `index` events before it. */
static guint bin_with(const ServerEvents *e, guint64 index)
{
	guint low = 0, high = SERVER_EVENT_BINS - 1;

	while (low < high) {
		guint middle = low + (high - low + 1) / 2;

		if (before_bin(e, G_MAXUINT, middle) <= index)
			low = middle;
		else
			high = middle - 1;
	}
	return low;
}

/* More and more at once, but no more than can be kept. */
static guint window_end(const ServerEvents *e, guint bin, guint window)
{
	guint end = MIN(bin + window, SERVER_EVENT_BINS);

	while (end > bin + 1 && before_bin(e, G_MAXUINT, end) - before_bin(e, G_MAXUINT, bin) > KEPT_MAX / 4)
		end = bin + (end - bin) / 2;
	return end;
}

gboolean server_events_read(const ServerEvents *e, guint64 index, ServerEventFunc found, gpointer user, GError **error)
{
	Read r = {.events = e, .from = index, .found = found, .user = user};
	guint bin = bin_with(e, index), window = 1;

	if (index >= server_events_count(e))
		return TRUE;
	r.event.index = before_bin(e, G_MAXUINT, bin);
	while (!r.stopped && bin < SERVER_EVENT_BINS) {
		guint end = window_end(e, bin, window);

		if (!read_window(&r, bin, end, error))
			return FALSE;
		bin = end;
		window = MIN(window * 2, WINDOW_MAX);
	}
	return TRUE;
}

typedef struct {
	gint64 time;
	guint64 index;
} Find;

static gboolean is_from(gpointer user, const ServerEvent *event)
{
	Find *f = user;

	f->index = event->index;
	return event->time < f->time;
}

gboolean server_events_find(const ServerEvents *e, gint64 time, guint64 *index_out, GError **error)
{
	Find f = {time, server_events_count(e)};

	*index_out = f.index;
	if (time > e->store->end_ns)
		return TRUE;
	guint64 begin = before_bin(e, G_MAXUINT, bin_of(e, time));
	if (!server_events_read(e, begin, is_from, &f, error))
		return FALSE;
	*index_out = f.index;
	return TRUE;
}
