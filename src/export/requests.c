/* SPDX-License-Identifier: MIT */
/* requests.c: requests as slices, on as many lanes of their service as there were at a time. */
#include "analysis/requests.h"

#include "export/trace.h"

typedef struct {
	gint64 begin_ns, end_ns;
	guint32 service, thread;
	guint64 asked, answered;
} Item;

typedef struct {
	ExportTrace *trace;
	ExportTracks *tracks;
	const AnalysisQuery *query;
	RequestServices *services;
	GArray *items;
} Work;

static void keep(const RequestScan *s, const Request *r, gpointer user)
{
	Work *w = user;
	Item item = {analysis_time(s->trace, r->begin_ns), analysis_time(s->trace, r->end_ns), 0, r->answerer, r->asked, r->answered};

	if (r->flags & (KERNEL_REQUEST_INCOMPLETE | KERNEL_REQUEST_LOGIN))
		return;
	if (w->items->len >= EXPORT_REQUESTS_MAX) {
		export_trace_summary(w->trace)->left_out++;
		return;
	}
	item.service = request_services_of(w->services, r);
	g_array_append_val(w->items, item);
}

static gint by_service_and_time(gconstpointer a, gconstpointer b)
{
	const Item *x = a, *y = b;

	if (x->service != y->service)
		return x->service < y->service ? -1 : 1;
	return (x->begin_ns > y->begin_ns) - (x->begin_ns < y->begin_ns);
}

/* "mariadbd :3306 (server)". The caller frees. */
static char *service_name(const RequestService *service)
{
	g_autofree char *port = service->port ? g_strdup_printf(" :%u", service->port) : g_strdup("");

	return g_strdup_printf("%s%s (%s%s%s)", *service->process ? service->process : "?", port, request_side_name(service->side), service->place ? ", " : "",
			       service->place ? service->place : "");
}

typedef struct {
	guint64 track;
	gint64 free_ns; /* when its last request ends */
} Lane;

/* The first lane that is free; NULL: there are too many. */
static Lane *lane_for(Work *w, GArray *lanes, guint64 group, gint64 begin_ns)
{
	for (guint i = 0; i < lanes->len; i++)
		if (g_array_index(lanes, Lane, i).free_ns <= begin_ns)
			return &g_array_index(lanes, Lane, i);
	if (lanes->len >= EXPORT_LANES_MAX)
		return NULL;
	g_autofree char *name = g_strdup_printf("lane %u", lanes->len + 1);
	Lane lane = {export_track_new(w->trace, group, EXPORT_SLICES, name, lanes->len), 0};
	g_array_append_val(lanes, lane);
	return &g_array_index(lanes, Lane, lanes->len - 1);
}

static void put_request(Work *w, const RequestScan *s, const Lane *lane, const Item *item)
{
	g_autofree char *thread = item->thread != G_MAXUINT32 ? analysis_thread_name(s->trace, item->thread) : g_strdup("?");
	g_autofree char *asked = g_strdup_printf("%" G_GUINT64_FORMAT " bytes", item->asked), *answered = g_strdup_printf("%" G_GUINT64_FORMAT " bytes", item->answered);
	const ExportNote notes[] = {{"thread", thread}, {"asked", asked}, {"answered", answered}, {NULL, NULL}};

	export_begin(w->trace, lane->track, item->begin_ns, "request", "request", notes);
	export_end(w->trace, lane->track, item->end_ns);
	export_trace_summary(w->trace)->requests++;
}

/* All of one service, from `first` to `end`. */
static void put_service(Work *w, const RequestScan *s, guint first, guint end)
{
	const Item *items = &g_array_index(w->items, Item, 0);
	g_autofree char *name = service_name(request_services_get(w->services, items[first].service));
	g_autofree char *open = g_strdup_printf("%s: open", name);
	guint64 all = export_tracks_group(w->tracks, s->trace, EXPORT_REQUESTS);
	guint64 group = export_track_new(w->trace, all, EXPORT_GROUP, name, 2 * items[first].service);
	g_autoptr(GArray) lanes = g_array_new(FALSE, FALSE, sizeof(Lane)), changes = g_array_new(FALSE, FALSE, sizeof(ExportChange));

	for (guint i = first; i < end; i++) {
		Lane *lane = lane_for(w, lanes, group, items[i].begin_ns);

		export_add_change(w->trace, changes, items[i].begin_ns, 1);
		export_add_change(w->trace, changes, items[i].end_ns, -1);
		if (lane) {
			put_request(w, s, lane, &items[i]);
			lane->free_ns = items[i].end_ns;
		} else
			export_trace_summary(w->trace)->left_out++;
	}
	export_changes(w->trace, all, open, 2 * items[first].service + 1, changes, w->query->begin_ns, w->query->end_ns);
}

static void put_machine(const RequestScan *s, gpointer user)
{
	Work *w = user;

	g_array_set_size(w->items, 0);
	requests_each(s, keep, w);
	g_array_sort(w->items, by_service_and_time);
	for (guint first = 0, end; first < w->items->len; first = end) {
		for (end = first + 1; end < w->items->len && g_array_index(w->items, Item, end).service == g_array_index(w->items, Item, first).service;)
			end++;
		put_service(w, s, first, end);
	}
}

void export_requests(ExportTrace *t, ExportTracks *tracks, const AnalysisStore *store, const AnalysisQuery *q)
{
	g_autoptr(RequestServices) services = request_services_new(q);
	g_autoptr(GArray) items = g_array_new(FALSE, FALSE, sizeof(Item));
	Work w = {t, tracks, q, services, items};

	requests_each_machine(store, q, put_machine, &w);
}
