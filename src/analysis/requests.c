/* SPDX-License-Identifier: MIT */
/* Requests by server and port: how many, how long they took, and what the threads that served them did meanwhile. */
#include "analysis/requests.h"
#include "kernel/flow.h"

#include <string.h>

/* A service, in a series in a step. */
typedef struct {
	guint32 service;
	gint64 step;
	AnalysisGroup all;      /* from begin to end */
	StHist whole;           /* from the first to the last that is known */
	guint64 asked, answered, aborted, unanswered, cut, logins;
	gint64 before_ns;
	gint64 states[KERNEL_TS_COUNT];
	gboolean has_states;
} Sum;

typedef struct {
	const AnalysisQuery *query;
	RequestServices *services;
	GHashTable *sums;       /* Sum, a set of them */
	GPtrArray *list;
	guint64 dropped;
} Work;

static guint sum_hash(gconstpointer key)
{
	const Sum *x = key;

	return x->service * 2654435761u ^ g_int64_hash(&x->step);
}

static gboolean sum_equal(gconstpointer a, gconstpointer b)
{
	const Sum *x = a, *y = b;

	return x->service == y->service && x->step == y->step;
}

static void sum_free(gpointer data)
{
	Sum *x = data;

	st_hist_clear(&x->all.hist);
	st_hist_clear(&x->whole);
	g_free(x);
}

/* NULL: there are too many. */
static Sum *sum_of(Work *w, const RequestScan *s, const Request *r)
{
	gint64 begin = analysis_filter_begin(s->filter), every = MAX(w->query->every_ns, 1);
	Sum key = {.service = request_services_of(w->services, r),
		   .step = w->query->form == ANALYSIS_SERIES ? begin + (r->end_ns - begin) / every * every : 0};
	Sum *known = g_hash_table_lookup(w->sums, &key);

	if (known || w->list->len >= ANALYSIS_GROUPS_MAX) {
		w->dropped += !known;
		return known;
	}
	known = g_memdup2(&key, sizeof(key));
	g_hash_table_add(w->sums, known);
	g_ptr_array_add(w->list, known);
	return known;
}

static void add_length(Sum *x, const Request *r)
{
	AnalysisGroup *g = &x->all;
	gint64 ns = r->end_ns - r->begin_ns;

	if (!g->count || ns > g->max_ns) {
		g->max_ns = ns;
		g->worst_ns = r->end_ns;
	}
	g->min_ns = g->count ? MIN(g->min_ns, ns) : ns;
	g->count++;
	g->total_ns += ns;
	st_hist_add(&g->hist, ns);
	st_hist_add(&x->whole, request_last(r) - request_first(r));
}

static void add_request(const RequestScan *s, const Request *r, gpointer user)
{
	Sum *x = sum_of(user, s, r);

	if (!x)
		return;
	x->logins += (r->flags & KERNEL_REQUEST_LOGIN) != 0;
	if (r->flags & KERNEL_REQUEST_LOGIN)
		return;
	x->aborted += (r->flags & KERNEL_REQUEST_ABORTED) != 0;
	x->unanswered += (r->flags & KERNEL_REQUEST_UNANSWERED) != 0;
	x->cut += (r->flags & KERNEL_REQUEST_CUT) != 0;
	if (r->flags & KERNEL_REQUEST_INCOMPLETE)
		return;
	add_length(x, r);
	x->asked += r->asked;
	x->answered += r->answered;
	x->before_ns += r->begin_ns - request_first(r);
	x->has_states |= request_add_states(s, r, x->states);
}

/* ---- Columns -------------------------------------------------------------------------------------------------------- */

typedef struct {
	View *view;
	guint time, service, rate, dist, whole, bytes, states, mostly;
	guint64 aborted; /* in all rows */
} Columns;

static void add_columns(Columns *c, const AnalysisStore *store, const AnalysisQuery *q)
{
	View *v = c->view;

	c->time = analysis_add_time_column(v, q);
	c->service = request_add_service_columns(v, store, q);
	c->rate = view_add_column(v, "rate_hz", "RATE", VIEW_HZ);
	c->dist = analysis_add_dist_columns(v, q);
	for (guint i = 1; i < 4; i++) /* total, min, mean */
		view_hide_from_text(v, c->dist + i);
	view_hide_from_text(v, c->dist + 5); /* p90 */
	c->whole = view_add_column(v, "whole_p50_ns", "WHOLE P50", VIEW_NS);
	view_hide_from_text(v, c->whole);
	view_hide_from_text(v, view_add_column(v, "whole_p90_ns", "WHOLE P90", VIEW_NS));
	view_add_column(v, "whole_p99_ns", "WHOLE P99", VIEW_NS);
	view_hide_from_text(v, view_add_column(v, "whole_max_ns", "WHOLE MAX", VIEW_NS));
	view_hide_from_text(v, view_add_column(v, "before_ns", "BEFORE", VIEW_NS));
	c->bytes = view_add_column(v, "asked_bytes", "ASKED", VIEW_BYTES);
	view_hide_from_text(v, c->bytes);
	view_hide_from_text(v, view_add_column(v, "answered_bytes", "ANSWERED", VIEW_BYTES));
	view_add_column(v, "aborted", "ABORTED", VIEW_COUNT);
	view_hide_from_text(v, view_add_column(v, "unanswered", "UNANSWERED", VIEW_COUNT));
	view_hide_from_text(v, view_add_column(v, "cut", "CUT", VIEW_COUNT));
	view_hide_from_text(v, view_add_column(v, "logins", "LOGINS", VIEW_COUNT));
	c->states = request_add_state_columns(v);
	c->mostly = view_add_column(v, "mostly", "MOSTLY", VIEW_TEXT);
}

static gint64 length_of(const RequestScan *s, const AnalysisQuery *q, const Sum *x)
{
	gint64 end = analysis_filter_end(s->filter);

	return q->form == ANALYSIS_SERIES ? MIN(q->every_ns, end - x->step) : end - analysis_filter_begin(s->filter);
}

static void set_mostly(const Columns *c, const Sum *x)
{
	double share;
	const char *word = request_mostly(x->states, &share);

	if (!x->has_states)
		return;
	request_set_states(c->view, c->states, x->states);
	if (word)
		view_set_textf(c->view, c->mostly, "%s %.0f%%", word, share * 100);
}

static void set_row(const Columns *c, const RequestScan *s, const Work *w, const Sum *x)
{
	View *v = c->view;
	gint64 length = length_of(s, w->query, x);

	view_begin_row(v);
	if (c->time != G_MAXUINT)
		analysis_set_time(v, c->time, s->trace, x->step);
	request_set_service(v, c->service, s, request_services_get(w->services, x->service));
	if (length > 0)
		view_set_double(v, c->rate, (double)x->all.count * 1e9 / (double)length);
	analysis_set_dist(v, c->dist, w->query, &x->all);
	if (x->all.count) {
		view_set_int(v, c->whole, st_hist_percentile(&x->whole, 50));
		view_set_int(v, c->whole + 1, st_hist_percentile(&x->whole, 90));
		view_set_int(v, c->whole + 2, st_hist_percentile(&x->whole, 99));
		view_set_int(v, c->whole + 3, x->whole.max);
		view_set_int(v, c->whole + 4, x->before_ns);
		view_set_uint(v, c->bytes, x->asked);
		view_set_uint(v, c->bytes + 1, x->answered);
	}
	view_set_uint(v, c->bytes + 2, x->aborted);
	view_set_uint(v, c->bytes + 3, x->unanswered);
	view_set_uint(v, c->bytes + 4, x->cut);
	view_set_uint(v, c->bytes + 5, x->logins);
	set_mostly(c, x);
}

/* ---- The command ---------------------------------------------------------------------------------------------------- */

/* Sockets on which nothing was ever answered (a logger's) have no requests. */
static gboolean is_shown(const Sum *x)
{
	return x->all.count || x->aborted;
}

static void add_notes(View *v, const RequestScan *s, const Work *w)
{
	guint64 cut = 0, unanswered = 0, logins = 0;

	for (guint i = 0; i < w->list->len; i++) {
		const Sum *x = g_ptr_array_index(w->list, i);

		cut += is_shown(x) ? x->cut : 0;
		unanswered += is_shown(x) ? x->unanswered : 0;
		logins += is_shown(x) ? x->logins : 0;
	}
	if (cut)
		view_add_note(v, "%s: %" G_GUINT64_FORMAT " more were cut off by the recording's begin or end, or by lost events, and don't count.",
			      s->trace->name, cut);
	if (unanswered)
		view_add_note(v, "%s: %" G_GUINT64_FORMAT " were not answered before their connection was closed (goodbyes, or given up), and don't count.",
			      s->trace->name, unanswered);
	if (logins)
		view_add_note(v, "%s: %" G_GUINT64_FORMAT " answers to a server's greeting (logins) and handshakes of TLS don't count.", s->trace->name, logins);
	if (w->dropped)
		view_add_note(v, "%s: %" G_GUINT64_FORMAT " are left out: there are too many rows.", s->trace->name, w->dropped);
}

static void add_trace(const RequestScan *s, gpointer columns)
{
	Columns *c = columns;
	Work w = {.query = s->query, .services = request_services_new(s->query), .sums = g_hash_table_new_full(sum_hash, sum_equal, sum_free, NULL),
		  .list = g_ptr_array_new()};

	requests_each(s, add_request, &w);
	for (guint i = 0; i < w.list->len; i++) {
		const Sum *x = g_ptr_array_index(w.list, i);

		if (is_shown(x))
			set_row(c, s, &w, x);
		c->aborted += x->aborted;
	}
	add_notes(c->view, s, &w);
	g_ptr_array_unref(w.list);
	g_hash_table_unref(w.sums);
	request_services_free(w.services);
}

static gboolean check(const AnalysisQuery *q, GError **error)
{
	static const char *const known[] = {"service", "process", "connection", "cause", NULL};

	if (q->by && !g_strv_contains(known, q->by)) {
		g_set_error(error, ST_ERROR, ST_ERROR_USAGE, "--by takes service, process, connection or cause, not \"%s\"", q->by);
		return FALSE;
	}
	if (g_strcmp0(q->by, "cause") == 0 && (q->form == ANALYSIS_SERIES || q->histogram)) {
		g_set_error_literal(error, ST_ERROR, ST_ERROR_USAGE, "--by cause goes with neither --every nor --histogram: it compares all requests of the range");
		return FALSE;
	}
	for (const char *const *side = q->sides; side && *side; side++) {
		gboolean fits = FALSE;

		for (guint i = 0; i < REQUEST_SIDE_COUNT; i++)
			fits |= g_pattern_match_simple(*side, request_side_name((RequestSide)i));
		if (!fits) {
			g_set_error(error, ST_ERROR, ST_ERROR_USAGE, "--side takes server, client, vm, vm-client or span, not \"%s\"", *side);
			return FALSE;
		}
	}
	return TRUE;
}

static View *make_table(const AnalysisStore *store, const AnalysisQuery *q)
{
	gboolean series = q->form == ANALYSIS_SERIES;
	Columns c = {.view = view_new(series ? "requests-series" : "requests", series ? "Requests, over time" : "Requests")};

	add_columns(&c, store, q);
	requests_each_machine(store, q, add_trace, &c);
	if (!c.aborted)
		view_hide_from_text(c.view, c.bytes + 2);
	view_sort(c.view, c.dist + 1, TRUE);
	if (series)
		view_sort(c.view, c.time, FALSE);
	return c.view;
}

View *analysis_requests(const AnalysisStore *store, const AnalysisQuery *q, GError **error)
{
	if (!check(q, error))
		return NULL;
	View *v = q->form == ANALYSIS_LOG                ? requests_log(store, q) :
		  g_strcmp0(q->by, "cause") == 0 ? requests_by_cause(store, q) : make_table(store, q);
	view_set_empty_text(v, "No request was seen. Sockets' system calls show them (lttng enable-event --kernel --syscall --all), and packets (net_dev_queue, netif_receive_skb) those of VMs.");
	return v;
}
