/* SPDX-License-Identifier: MIT */
/* requests_log.c: requests one by one, the slowest first. */
#include "analysis/requests.h"
#include "kernel/flow.h"

enum { TIME, SERVICE, LATENCY = SERVICE + 7, BEFORE, AFTER, WHOLE, ASKED, ANSWERED, ASKER, ANSWERER, FLAGS, CAUSES, STATES };

#define CAUSES_SHOWN 3

static gint64 whole_of(const Request *r)
{
	return request_last(r) - request_first(r);
}

static gint slower(gconstpointer a, gconstpointer b)
{
	const Request *x = a, *y = b;
	gint64 p = whole_of(x), q = whole_of(y);

	return p != q ? (p < q) - (p > q) : (x->begin_ns > y->begin_ns) - (x->begin_ns < y->begin_ns);
}

/* The slowest so far, and at most as many again: cut when there are too many. */
typedef struct {
	GArray *kept;
	guint limit; /* 0: none */
} Keep;

static void cut(Keep *k)
{
	g_array_sort(k->kept, slower);
	if (k->limit && k->kept->len > k->limit)
		g_array_set_size(k->kept, k->limit);
}

static void keep(const RequestScan *s, const Request *r, gpointer user)
{
	Keep *k = user;

	(void)s;
	if (r->flags & KERNEL_REQUEST_INCOMPLETE & ~(guint)KERNEL_REQUEST_ABORTED)
		return;
	g_array_append_vals(k->kept, r, 1);
	if (k->limit && k->kept->len >= 2 * (gsize)k->limit + 1000)
		cut(k);
}

static gint longer(gconstpointer a, gconstpointer b)
{
	const RequestCause *x = a, *y = b;

	return (x->ns < y->ns) - (x->ns > y->ns);
}

static void add_cause(GString *text, const RequestScan *s, const Request *r, const RequestCause *cause)
{
	g_autofree char *name = request_cause_name(s, r->side, cause), *detail = request_cause_detail(s, cause);

	g_string_append_printf(text, "%s%s%s%s%s %.0f%%", text->len ? ", " : "", name, *detail ? " (" : "", detail, *detail ? ")" : "",
			       (double)cause->ns * 100 / (double)MAX(whole_of(r), 1));
}

static void set_causes(View *v, const RequestScan *s, const Request *r)
{
	g_autoptr(RequestCauses) causes = request_causes_new();
	g_autoptr(GString) text = g_string_new(NULL);

	request_causes_add(causes, s, r);
	g_autoptr(GArray) list = request_causes_list(causes);
	g_array_sort(list, longer);
	for (guint i = 0; i < MIN(list->len, CAUSES_SHOWN); i++)
		add_cause(text, s, r, &g_array_index(list, RequestCause, i));
	view_set_text(v, CAUSES, text->str);
}

static void set_thread(View *v, guint column, const RequestScan *s, guint32 serial)
{
	g_autofree char *name = serial != G_MAXUINT32 ? analysis_thread_name(s->trace, serial) : NULL;

	view_set_text(v, column, name);
}

static void add_row(View *v, const RequestScan *s, const Request *r)
{
	RequestService service = {.side = r->side, .kind = r->kind, .port = r->port, .process = r->process, .place = r->place, .pid = r->pid,
				  .connection = r->connection};
	gint64 states[KERNEL_TS_COUNT] = {0};

	view_begin_row(v);
	analysis_set_time(v, TIME, s->trace, r->begin_ns);
	request_set_service(v, SERVICE, s, &service);
	view_set_int(v, LATENCY, r->end_ns - r->begin_ns);
	if (r->early_ns != KERNEL_REQUEST_NO_TIME)
		view_set_int(v, BEFORE, r->begin_ns - request_first(r));
	if (r->late_ns != KERNEL_REQUEST_NO_TIME)
		view_set_int(v, AFTER, request_last(r) - r->end_ns);
	view_set_int(v, WHOLE, whole_of(r));
	view_set_uint(v, ASKED, r->asked);
	view_set_uint(v, ANSWERED, r->answered);
	set_thread(v, ASKER, s, r->asker);
	set_thread(v, ANSWERER, s, r->answerer);
	view_set_text(v, FLAGS, r->flags & KERNEL_REQUEST_ABORTED ? "aborted" : "answered");
	set_causes(v, s, r);
	if (request_add_states(s, r, states))
		request_set_states(v, STATES, states);
}

static void add_columns(View *v, const AnalysisStore *store, const AnalysisQuery *q)
{
	AnalysisQuery by_connection = *q;

	by_connection.by = "connection";
	view_add_column(v, "time_ns", "BEGIN", VIEW_TIME_NS);
	request_add_service_columns(v, store, &by_connection);
	view_add_column(v, "latency_ns", "LATENCY", VIEW_NS);
	view_add_column(v, "before_ns", "BEFORE", VIEW_NS);
	view_add_column(v, "after_ns", "AFTER", VIEW_NS);
	view_add_column(v, "whole_ns", "WHOLE", VIEW_NS);
	view_add_column(v, "asked_bytes", "ASKED", VIEW_BYTES);
	view_add_column(v, "answered_bytes", "ANSWERED", VIEW_BYTES);
	view_add_column(v, "asker", "ASKER", VIEW_TEXT);
	view_add_column(v, "answerer", "THREAD", VIEW_TEXT);
	view_add_column(v, "end", "END", VIEW_TEXT);
	view_add_column(v, "causes", "CAUSES", VIEW_TEXT);
	request_add_state_columns(v);
	for (guint i = SERVICE + 3; i < SERVICE + 6; i++) /* pid, port, protocol */
		view_hide_from_text(v, i);
	view_hide_from_text(v, AFTER);
	view_hide_from_text(v, LATENCY);
	view_hide_from_text(v, ASKED);
	view_hide_from_text(v, ANSWERED);
	view_hide_from_text(v, ASKER);
	view_hide_from_text(v, FLAGS);
}

static void add_trace(const RequestScan *s, gpointer view)
{
	g_autoptr(GArray) kept = g_array_new(FALSE, FALSE, sizeof(Request));
	Keep k = {kept, s->query->limit};

	requests_each(s, keep, &k);
	cut(&k);
	for (guint n = 0; n < kept->len; n++)
		add_row(view, s, &g_array_index(kept, Request, n));
}

View *requests_log(const AnalysisStore *store, const AnalysisQuery *q)
{
	View *v = view_new("requests-log", "The slowest requests");

	add_columns(v, store, q);
	requests_each_machine(store, q, add_trace, v);
	view_sort(v, WHOLE, TRUE);
	return v;
}
