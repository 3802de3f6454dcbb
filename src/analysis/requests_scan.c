/* SPDX-License-Identifier: MIT */
/* requests_scan.c: requests of all kinds, one by one; and the services that they are of. */
#include <string.h>

#include "analysis/join.h"
#include "analysis/requests.h"
#include "analysis/times.h"
#include "kernel/files.h"
#include "kernel/net.h"

const char *request_side_name(RequestSide side)
{
	static const char *const names[REQUEST_SIDE_COUNT] = {"server", "client", "vm", "vm-client", "span"};

	return names[side];
}

gboolean requests_wants(const AnalysisQuery *q, RequestSide side)
{
	return analysis_any_match(q->sides, request_side_name(side), -1);
}

/* ---- One machine --------------------------------------------------------------------------------------------------- */

static gboolean scan_open(RequestScan *s, const AnalysisStore *store, const AnalysisQuery *q, const AnalysisStoreTrace *t, RequestMachines *machines)
{
	*s = (RequestScan){.store = store, .query = q, .trace = t, .threads = G_MAXUINT, .machines = machines};
	if (!t->is_kernel || !(s->filter = analysis_filter_new(q, t)))
		return FALSE;
	s->names = analysis_process_names(t);
	if (!history_find_table(t->history, KERNEL_THREADS_TABLE, sizeof(KernelThreadItem), &s->threads))
		s->threads = G_MAXUINT;
	return TRUE;
}

gboolean requests_open(RequestScan *s, const AnalysisStore *store, const AnalysisQuery *q, const AnalysisStoreTrace *t)
{
	if (!scan_open(s, store, q, t, NULL))
		return FALSE;
	s->machines = request_machines_new(store);
	s->owns_machines = TRUE;
	return TRUE;
}

void requests_close(RequestScan *s)
{
	analysis_filter_free(s->filter);
	g_hash_table_unref(s->names);
	if (s->owns_machines)
		request_machines_free(s->machines);
}

void requests_each_machine(const AnalysisStore *store, const AnalysisQuery *q, RequestScanFunc found, gpointer user)
{
	g_autoptr(RequestMachines) machines = request_machines_new(store);

	for (guint i = 0; i < store->traces->len; i++) {
		RequestScan s;

		if (!scan_open(&s, store, q, g_ptr_array_index(store->traces, i), machines))
			continue;
		found(&s, user);
		requests_close(&s);
	}
}

const KernelThreadItem *requests_thread(const RequestScan *s, guint32 serial)
{
	const History *h = s->trace->history;

	if (s->threads == G_MAXUINT || serial >= history_table_len(h, s->threads))
		return NULL;
	const KernelThreadItem *item = history_table_get(h, s->threads, serial);
	return item->same_as < history_table_len(h, s->threads) ? history_table_get(h, s->threads, item->same_as) : item;
}

const char *requests_process_name(const RequestScan *s, gint32 pid)
{
	const char *name = g_hash_table_lookup(s->names, GINT_TO_POINTER(pid));

	return name ? name : "";
}

/* Who it is of: the process of the thread that answered it, or that has read it. */
void requests_set_process(const RequestScan *s, Request *r)
{
	const KernelThreadItem *item = requests_thread(s, r->answerer);

	if (!item)
		item = requests_thread(s, r->asker);
	r->pid = item ? item->pid : -1;
	r->process = requests_process_name(s, r->pid);
}

/* A filter of threads fits if it fits one of the two. */
gboolean requests_is_wanted(const RequestScan *s, const Request *r)
{
	return analysis_in_range(s->filter, r->end_ns) &&
	       (analysis_filter_thread(s->filter, r->asker) || (r->answerer != G_MAXUINT32 && analysis_filter_thread(s->filter, r->answerer)));
}

static void each_socket(const RequestScan *s, RequestFunc found, gpointer user)
{
	const History *h = s->trace->history;
	guint table, connections;

	if (!history_find_table(h, KERNEL_REQUESTS_TABLE, sizeof(KernelRequest), &table) ||
	    !history_find_table(h, KERNEL_REQUEST_CONNECTIONS_TABLE, sizeof(KernelRequestConnection), &connections))
		return;
	for (guint64 i = 0; i < history_table_len(h, table); i++) {
		const KernelRequest *q = history_table_get(h, table, i);
		const KernelRequestConnection *c = history_table_get(h, connections, q->connection);
		Request r = {.side = q->side == KERNEL_REQUEST_SERVER ? REQUEST_SERVER : REQUEST_CLIENT, .flags = q->flags, .kind = c->kind,
			     .port = kernel_request_port(c), .connection = q->connection, .begin_ns = q->begin_ns, .turn_ns = q->turn_ns,
			     .end_ns = q->end_ns, .early_ns = q->early_ns, .late_ns = q->late_ns, .asked = q->asked, .answered = q->answered,
			     .asker = q->asker, .answerer = q->answerer};

		if (q->side != c->side || !requests_wants(s->query, r.side) || !requests_is_wanted(s, &r))
			continue;
		requests_set_process(s, &r);
		found(s, &r, user);
	}
}

/* ---- Spans of the machine's programs ------------------------------------------------------------------------------- */

static guint32 serial_of(const AnalysisJoin *j, guint32 thread)
{
	return j->kernel && thread < j->n && j->serials[thread] < ANALYSIS_AMBIGUOUS ? j->serials[thread] : G_MAXUINT32;
}

static void each_span_of(const RequestScan *s, const AnalysisStoreTrace *user_trace, RequestFunc found, gpointer user)
{
	const History *h = user_trace->history;
	g_autoptr(AnalysisJoin) j = analysis_join_new(s->store, user_trace);
	guint table;

	if (!j || j->kernel != s->trace || !history_find_table(h, USER_SPANS_TABLE, sizeof(UserSpan), &table))
		return;
	for (guint64 i = 0; i < history_table_len(h, table); i++) {
		const UserSpan *span = history_table_get(h, table, i);
		Request r = {.side = REQUEST_SPAN, .pid = analysis_join_pid(j, span->thread), .process = history_text_get(h, span->name),
			     .connection = G_MAXUINT32, .begin_ns = span->begin_ns, .turn_ns = span->begin_ns, .end_ns = span->end_ns,
			     .early_ns = KERNEL_REQUEST_NO_TIME, .late_ns = KERNEL_REQUEST_NO_TIME, .asker = serial_of(j, span->thread),
			     .answerer = serial_of(j, span->end_thread), .flags = span->finished ? 0 : KERNEL_REQUEST_OPEN_END};

		if (!span->is_function && requests_is_wanted(s, &r))
			found(s, &r, user);
	}
}

static void each_span(const RequestScan *s, RequestFunc found, gpointer user)
{
	for (guint i = 0; i < s->store->traces->len; i++)
		each_span_of(s, g_ptr_array_index(s->store->traces, i), found, user);
}

void requests_each(const RequestScan *s, RequestFunc found, gpointer user)
{
	if (requests_wants(s->query, REQUEST_SERVER) || requests_wants(s->query, REQUEST_CLIENT))
		each_socket(s, found, user);
	requests_each_wire(s, found, user);
	if (requests_wants(s->query, REQUEST_SPAN))
		each_span(s, found, user);
}

/* ---- Ends ---------------------------------------------------------------------------------------------------------- */

static char *end_text(const guint8 *address, guint16 port, guint8 version)
{
	char text[KERNEL_ADDRESS_LEN];

	return g_strdup_printf(version == 6 ? "[%s]:%u" : "%s:%u", kernel_net_address(text, address, version), port);
}

static char *wire_ends(const RequestScan *s, const Request *r)
{
	guint table;

	if (!history_find_table(s->trace->history, KERNEL_CONNECTIONS_TABLE, sizeof(KernelConnection), &table))
		return NULL;
	const KernelConnection *k = history_table_get(s->trace->history, table, r->connection);
	g_autofree char *client = end_text(k->address[0], k->port[0], k->version), *server = end_text(k->address[1], k->port[1], k->version);
	return r->side == REQUEST_VM || r->side == REQUEST_SERVER ? g_strdup_printf("%s <- %s", server, client) : g_strdup_printf("%s -> %s", client, server);
}

char *requests_ends(const RequestScan *s, const Request *r)
{
	guint table;

	if (r->connection == G_MAXUINT32)
		return NULL;
	if (r->place)
		return wire_ends(s, r);
	if (!history_find_table(s->trace->history, KERNEL_REQUEST_CONNECTIONS_TABLE, sizeof(KernelRequestConnection), &table))
		return NULL;
	const KernelRequestConnection *c = history_table_get(s->trace->history, table, r->connection);
	if (!c->has_local && !c->has_remote)
		return NULL;
	g_autofree char *local = c->has_local ? end_text(c->local, c->local_port, c->version) : g_strdup("?");
	g_autofree char *remote = c->has_remote ? end_text(c->remote, c->remote_port, c->version) : g_strdup("?");
	return g_strdup_printf("%s %s %s", local, c->side == KERNEL_REQUEST_SERVER ? "<-" : "->", remote);
}

/* ---- Services -------------------------------------------------------------------------------------------------------- */

struct RequestServices {
	GArray *list;       /* RequestService */
	GHashTable *index;  /* Key -> number of the service */
	gboolean by_process, by_connection;
};

typedef struct {
	RequestService key;
	guint number;
} Known;

static guint key_hash(gconstpointer data)
{
	const RequestService *k = data;

	return g_str_hash(k->process) ^ (k->side * 31u + k->kind) * 2654435761u ^ (guint)k->pid * 40503u ^ k->connection * 2246822519u ^ k->port;
}

static gboolean key_equal(gconstpointer a, gconstpointer b)
{
	const RequestService *x = a, *y = b;

	return x->side == y->side && x->kind == y->kind && x->port == y->port && x->pid == y->pid && x->connection == y->connection &&
	       strcmp(x->process, y->process) == 0 && g_strcmp0(x->place, y->place) == 0;
}

RequestServices *request_services_new(const AnalysisQuery *q)
{
	RequestServices *s = g_new0(RequestServices, 1);

	s->by_connection = g_strcmp0(q->by, "connection") == 0;
	s->by_process = s->by_connection || g_strcmp0(q->by, "process") == 0;
	s->list = g_array_new(FALSE, FALSE, sizeof(RequestService));
	s->index = g_hash_table_new_full(key_hash, key_equal, g_free, NULL);
	return s;
}

void request_services_free(RequestServices *s)
{
	if (!s)
		return;
	g_array_unref(s->list);
	g_hash_table_unref(s->index);
	g_free(s);
}

guint request_services_of(RequestServices *s, const Request *r)
{
	gboolean is_vm = r->side == REQUEST_VM || r->side == REQUEST_VM_CLIENT;
	RequestService key = {.side = r->side, .kind = r->kind, .port = r->port, .process = r->process, .place = r->place,
			      .pid = s->by_process || is_vm ? r->pid : -1, .connection = s->by_connection ? r->connection : G_MAXUINT32};
	const Known *known = g_hash_table_lookup(s->index, &key);

	if (known) {
		RequestService *service = &g_array_index(s->list, RequestService, known->number);

		if (service->pid != r->pid)
			service->pid = -1;
		return known->number;
	}
	Known *new = g_new(Known, 1);
	*new = (Known){key, s->list->len};
	g_hash_table_insert(s->index, new, new);
	key.pid = r->pid;
	g_array_append_val(s->list, key);
	return new->number;
}

const RequestService *request_services_get(const RequestServices *s, guint i)
{
	return &g_array_index(s->list, RequestService, i);
}

guint request_services_len(const RequestServices *s)
{
	return s->list->len;
}

enum { MACHINE, SIDE, PROCESS, PID, PORT, PROTOCOL, CONNECTION };

guint request_add_service_columns(View *v, const AnalysisStore *s, const AnalysisQuery *q)
{
	gboolean connections = g_strcmp0(q->by, "connection") == 0;
	guint first = analysis_add_machine_column(v, s);

	view_add_column(v, "side", "SIDE", VIEW_TEXT);
	view_add_column(v, "process", "PROCESS", VIEW_TEXT);
	view_add_column(v, "pid", "PID", VIEW_ID);
	view_add_column(v, "port", "PORT", VIEW_ID);
	view_add_column(v, "protocol", "PROTOCOL", VIEW_TEXT);
	view_add_column(v, "connection", "CONNECTION", VIEW_TEXT);
	view_hide_from_text(v, first + (connections ? PORT : CONNECTION));
	if (!connections && g_strcmp0(q->by, "process") != 0)
		view_hide_from_text(v, first + PID);
	return first;
}

void request_set_service(View *v, guint first, const RequestScan *s, const RequestService *service)
{
	Request r = {.side = service->side, .connection = service->connection, .place = service->place};
	g_autofree char *ends = requests_ends(s, &r);

	view_set_text(v, first + MACHINE, s->trace->name);
	view_set_text(v, first + SIDE, request_side_name(service->side));
	view_set_text(v, first + PROCESS, *service->process ? service->process : NULL);
	if (service->pid >= 0)
		view_set_int(v, first + PID, service->pid);
	if (service->port)
		view_set_uint(v, first + PORT, service->port);
	if (service->place)
		view_set_textf(v, first + PROTOCOL, "%s %s", kernel_file_kind_name(service->kind), service->place);
	else if (service->kind != KERNEL_FILE_UNKNOWN)
		view_set_text(v, first + PROTOCOL, kernel_file_kind_name(service->kind));
	view_set_text(v, first + CONNECTION, ends);
}
