/* SPDX-License-Identifier: MIT */
/*
 * requests_slow.c: what slow requests have that typical ones don't.
 *
 * Slow are the slowest hundredth, but five where there are enough; typical those around the median, from the 40th to the 60th of a hundred. Of both the time is added up by cause, for
 * one request on average; the differences are what each cause adds. They add up to what a slow one takes longer than a typical one.
 */
#include "analysis/requests.h"
#include "kernel/flow.h"

enum { SLOW_MIN = 5, TYPICAL_FROM = 40, TYPICAL_TO = 60 };

#define SHARE_MIN   0.01 /* of what slow ones have more: details below it have no row of their own; for people causes neither */
#define SERVICE_MIN 20   /* requests: of fewer nobody can say which are slow; for people others come instead, if there are any */

/* One service. */
typedef struct {
	StHist all;
	gint64 slow_from, typical_from, typical_to;
	RequestCauses *slow, *typical;
	guint64 n_slow, n_typical;
	gint64 slow_ns, typical_ns;
} Sides;

typedef struct {
	RequestServices *services;
	GPtrArray *list; /* Sides, by service */
} Work;

static void sides_free(gpointer data)
{
	Sides *x = data;

	st_hist_clear(&x->all);
	request_causes_free(x->slow);
	request_causes_free(x->typical);
	g_free(x);
}

static Sides *sides_of(Work *w, const Request *r)
{
	guint i = request_services_of(w->services, r);

	while (w->list->len <= i) {
		Sides *x = g_new0(Sides, 1);

		x->slow = request_causes_new();
		x->typical = request_causes_new();
		g_ptr_array_add(w->list, x);
	}
	return g_ptr_array_index(w->list, i);
}

static gint64 whole_of(const Request *r)
{
	return request_last(r) - request_first(r);
}

static void measure(const RequestScan *s, const Request *r, gpointer user)
{
	(void)s;
	if (!(r->flags & KERNEL_REQUEST_INCOMPLETE))
		st_hist_add(&sides_of(user, r)->all, whole_of(r));
}

static void set_limits(Sides *x)
{
	double n = (double)x->all.count, slow = MAX(n / 100, MIN(SLOW_MIN, n / 4));

	x->slow_from = st_hist_percentile(&x->all, 100 * (1 - slow / MAX(n, 1)));
	x->typical_from = st_hist_percentile(&x->all, TYPICAL_FROM);
	x->typical_to = st_hist_percentile(&x->all, TYPICAL_TO);
	/* Percentiles are those of a histogram's buckets. */
	x->typical_from -= x->typical_from >> ST_HIST_SUB_BITS;
	x->typical_to += x->typical_to >> ST_HIST_SUB_BITS;
	x->slow_from = MAX(x->slow_from, x->typical_to) + 1;
}

static void divide(const RequestScan *s, const Request *r, gpointer user)
{
	Sides *x = sides_of(user, r);
	gint64 ns = whole_of(r);

	if (r->flags & KERNEL_REQUEST_INCOMPLETE)
		return;
	if (ns >= x->slow_from) {
		request_causes_add(x->slow, s, r);
		x->slow_ns += ns;
		x->n_slow++;
	} else if (ns >= x->typical_from && ns <= x->typical_to) {
		request_causes_add(x->typical, s, r);
		x->typical_ns += ns;
		x->n_typical++;
	}
}

/* ---- Rows ----------------------------------------------------------------------------------------------------------- */

typedef struct {
	View *view;
	guint service, what, cause, detail, count, typical, slow, added, share;
	const RequestScan *scan;
	const Sides *sides;
	RequestSide side;
	guint64 least;       /* requests that a service must have */
	guint few;           /* services with fewer */
	gboolean all_causes;
} Rows;

static double mean(gint64 ns, guint64 n)
{
	return n ? (double)ns / (double)n : 0;
}

static double added_of(const Sides *x, gint64 slow_ns, gint64 typical_ns)
{
	return mean(slow_ns, x->n_slow) - mean(typical_ns, x->n_typical);
}

static gint begin_row(const Rows *c, const RequestService *service, gint64 slow_ns, gint64 typical_ns)
{
	const Sides *x = c->sides;
	double all = added_of(x, x->slow_ns, x->typical_ns), added = added_of(x, slow_ns, typical_ns);
	gint row = view_begin_row(c->view);

	request_set_service(c->view, c->service, c->scan, service);
	view_set_int(c->view, c->typical, (gint64)mean(typical_ns, x->n_typical));
	view_set_int(c->view, c->slow, (gint64)mean(slow_ns, x->n_slow));
	view_set_int(c->view, c->added, (gint64)added);
	if (all > 0)
		view_set_double(c->view, c->share, added / all);
	return row;
}

/* What slow ones and typical ones spent on a cause, in all. */
typedef struct {
	RequestCause cause;
	gint64 slow_ns, typical_ns;
} Pair;

static gint in_order(gconstpointer a, gconstpointer b)
{
	return request_cause_compare(&((const Pair *)a)->cause, &((const Pair *)b)->cause);
}

static void add_pairs(GArray *all, const RequestCauses *causes, gboolean are_slow)
{
	g_autoptr(GArray) list = request_causes_list(causes);

	for (guint i = 0; i < list->len; i++) {
		const RequestCause *c = &g_array_index(list, RequestCause, i);
		Pair pair = {*c, are_slow ? c->ns : 0, are_slow ? 0 : c->ns};

		g_array_append_val(all, pair);
	}
}

/* Each cause of either once, in order. */
static GArray *pairs(const Sides *x)
{
	GArray *all = g_array_new(FALSE, FALSE, sizeof(Pair));
	guint n = 0;

	add_pairs(all, x->slow, TRUE);
	add_pairs(all, x->typical, FALSE);
	g_array_sort(all, in_order);
	for (guint i = 0; i < all->len; i++) {
		const Pair *next = &g_array_index(all, Pair, i);
		Pair *last = n ? &g_array_index(all, Pair, n - 1) : NULL;

		if (last && in_order(last, next) == 0) {
			last->slow_ns += next->slow_ns;
			last->typical_ns += next->typical_ns;
		} else {
			g_array_index(all, Pair, n++) = *next;
		}
	}
	g_array_set_size(all, n);
	return all;
}

static gboolean is_little(const Sides *x, gint64 slow_ns, gint64 typical_ns)
{
	return ABS(added_of(x, slow_ns, typical_ns)) < added_of(x, x->slow_ns, x->typical_ns) * SHARE_MIN;
}

static void add_detail(const Rows *c, const RequestService *service, const Pair *pair, gint parent)
{
	g_autofree char *name = request_cause_name(c->scan, c->side, &pair->cause), *detail = request_cause_detail(c->scan, &pair->cause);

	if (!*detail || is_little(c->sides, pair->slow_ns, pair->typical_ns))
		return;
	begin_row(c, service, pair->slow_ns, pair->typical_ns);
	view_row_parent(c->view, parent);
	view_set_text(c->view, c->what, detail);
	view_set_text(c->view, c->cause, name);
	view_set_text(c->view, c->detail, detail);
}

/* A cause with all of its details: those of the same state and machine, which follow one another. Returns how many they are. */
static guint add_cause(const Rows *c, const RequestService *service, const Pair *first, guint n, gint parent)
{
	g_autofree char *name = request_cause_name(c->scan, c->side, &first->cause);
	gint64 slow_ns = 0, typical_ns = 0;
	guint same = 0;

	for (; same < n && request_cause_same(&first[same].cause, &first->cause); same++) {
		slow_ns += first[same].slow_ns;
		typical_ns += first[same].typical_ns;
	}
	if (!c->all_causes && is_little(c->sides, slow_ns, typical_ns))
		return same;
	gint row = begin_row(c, service, slow_ns, typical_ns);
	view_row_parent(c->view, parent);
	view_set_text(c->view, c->what, name);
	view_set_text(c->view, c->cause, name);
	for (guint i = 0; i < same; i++)
		add_detail(c, service, &first[i], row);
	return same;
}

static void add_causes(const Rows *c, const RequestService *service, gint parent)
{
	g_autoptr(GArray) all = pairs(c->sides);

	for (guint i = 0; i < all->len;)
		i += add_cause(c, service, &g_array_index(all, Pair, i), all->len - i, parent);
}

static void set_service_text(const Rows *c, const RequestService *service)
{
	g_autofree char *port = service->port ? g_strdup_printf(":%u", service->port) : g_strdup("");

	view_set_textf(c->view, c->what, "%s %s%s (%s)", c->scan->trace->name, *service->process ? service->process : "?", port,
		       request_side_name(service->side));
}

static void add_service(Rows *c, const RequestService *service)
{
	const Sides *x = c->sides;
	gint row = begin_row(c, service, x->slow_ns, x->typical_ns);

	set_service_text(c, service);
	view_set_uint(c->view, c->count, x->all.count);
	view_set_uint(c->view, c->count + 1, x->n_typical);
	view_set_uint(c->view, c->count + 2, x->n_slow);
	view_set_int(c->view, c->count + 3, x->slow_from);
	c->side = service->side;
	add_causes(c, service, row);
}

static void add_columns(Rows *c, const AnalysisStore *store, const AnalysisQuery *q)
{
	View *v = c->view;

	c->service = request_add_service_columns(v, store, q);
	for (guint i = 0; i < 7; i++)
		view_hide_from_text(v, c->service + i);
	c->what = view_add_column(v, "what", "REQUESTS, AND WHAT SLOW ONES WAIT FOR", VIEW_TEXT);
	view_set_tree_column(v, c->what);
	c->cause = view_add_column(v, "cause", "CAUSE", VIEW_TEXT);
	c->detail = view_add_column(v, "detail", "DETAIL", VIEW_TEXT);
	view_hide_from_text(v, c->cause);
	view_hide_from_text(v, c->detail);
	c->count = view_add_column(v, "count", "COUNT", VIEW_COUNT);
	view_hide_from_text(v, view_add_column(v, "typical_count", "TYPICAL ONES", VIEW_COUNT));
	view_add_column(v, "slow_count", "SLOW ONES", VIEW_COUNT);
	view_hide_from_text(v, view_add_column(v, "slow_from_ns", "SLOW FROM", VIEW_NS));
	c->typical = view_add_column(v, "typical_ns", "TYPICAL", VIEW_NS);
	c->slow = view_add_column(v, "slow_ns", "SLOW", VIEW_NS);
	c->added = view_add_column(v, "added_ns", "ADDED", VIEW_NS);
	c->share = view_add_column(v, "share", "SHARE", VIEW_RATIO);
}

static void add_trace(const RequestScan *s, gpointer rows)
{
	Rows *c = rows;
	Work w = {.services = request_services_new(s->query), .list = g_ptr_array_new_with_free_func(sides_free)};

	c->scan = s;
	requests_each(s, measure, &w);
	for (guint i = 0; i < w.list->len; i++)
		set_limits(g_ptr_array_index(w.list, i));
	requests_each(s, divide, &w);
	for (guint i = 0; i < w.list->len; i++) {
		c->sides = g_ptr_array_index(w.list, i);
		c->few += c->sides->all.count < c->least;
		if (c->sides->n_slow && c->sides->n_typical && c->sides->all.count >= c->least)
			add_service(c, request_services_get(w.services, i));
	}
	g_ptr_array_unref(w.list);
	request_services_free(w.services);
}

static void add_all(Rows *c, const AnalysisStore *store, const AnalysisQuery *q, guint64 least)
{
	c->least = least;
	c->few = 0;
	requests_each_machine(store, q, add_trace, c);
}

View *requests_by_cause(const AnalysisStore *store, const AnalysisQuery *q)
{
	Rows c = {.view = view_new("requests-causes", "What slow requests have that typical ones don't"), .all_causes = !q->for_people};

	add_columns(&c, store, q);
	add_all(&c, store, q, q->for_people ? SERVICE_MIN : 0);
	if (c.few && !view_row_count(c.view))
		add_all(&c, store, q, 0);
	if (c.few)
		view_add_note(c.view, "%u service%s of fewer than %u requests %s left out: too few to tell slow ones from typical ones. --format csv has them.", c.few, c.few == 1 ? "" : "s",
			      SERVICE_MIN, c.few == 1 ? "is" : "are");
	view_sort(c.view, c.added, TRUE);
	return c.view;
}
