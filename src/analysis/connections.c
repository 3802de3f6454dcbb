/* SPDX-License-Identifier: MIT */
/*
 * connections.c: each connection by itself.
 *
 * The same connection may be seen on several interfaces of a machine. It is one row, with the figures of the interface that saw most of its packets.
 */
#include <string.h>

#include "analysis/net.h"

typedef struct {
	guint64 packets[2], bytes[2], payload[2], retransmissions[2], late[2], resets[2], zero_windows[2];
	StHist rtt[2], response;
	gint64 first_ns, last_ns;
} Side;

/* A connection on one interface within the range, or in a series within a step. */
typedef struct {
	guint32 item;
	const KernelConnection *k;
	gint64 step;
	Side s;
} Sum;

typedef struct {
	AnalysisNetScan scan;
	GHashTable *sums; /* Sum, a set of them */
	GPtrArray *list;
} Work;

typedef struct {
	guint time, machine, client, server, protocol, interface, interfaces, begin, duration, packets[2], bytes[2], retransmissions[2],
	        late[2], resets, zero_windows, handshake, rtt_mean[2], rtt_max[2], responses, response_mean, response_max, told, thread,
	        state;
} Columns;

static void sum_free(gpointer data)
{
	Sum *x = data;

	st_hist_clear(&x->s.rtt[0]);
	st_hist_clear(&x->s.rtt[1]);
	st_hist_clear(&x->s.response);
	g_free(x);
}

static guint sum_hash(gconstpointer key)
{
	const Sum *x = key;

	return x->item * 2654435761u ^ g_int64_hash(&x->step);
}

static gboolean sum_equal(gconstpointer a, gconstpointer b)
{
	const Sum *x = a, *y = b;

	return x->item == y->item && x->step == y->step;
}

static Side *side_of(Work *w, guint32 item, gint64 time)
{
	const AnalysisQuery *q = w->scan.q;
	gint64 begin = analysis_filter_begin(w->scan.filter), every = MAX(q->every_ns, 1);
	Sum key = {.item = item, .step = q->form == ANALYSIS_SERIES ? begin + (time - begin) / every * every : 0};
	Sum *x = g_hash_table_lookup(w->sums, &key);

	if (!x) {
		x = g_new0(Sum, 1);
		*x = key;
		x->k = analysis_net_connection(&w->scan, item);
		x->s.first_ns = G_MAXINT64;
		x->s.last_ns = G_MININT64;
		g_hash_table_add(w->sums, x);
		g_ptr_array_add(w->list, x);
	}
	return &x->s;
}

static void add_packet(Work *w, const KernelPacket *p)
{
	Side *s = side_of(w, p->connection, p->time_ns);
	guint i = p->side;

	s->first_ns = MIN(s->first_ns, p->time_ns);
	s->last_ns = MAX(s->last_ns, p->time_ns);
	s->packets[i]++;
	s->bytes[i] += p->len;
	s->payload[i] += p->payload;
	s->retransmissions[i] += (p->what & KERNEL_PACKET_RETRANSMITTED) != 0;
	s->late[i] += (p->what & KERNEL_PACKET_LATE) != 0;
	s->zero_windows[i] += (p->what & KERNEL_PACKET_ZERO_WINDOW) != 0;
	s->resets[i] += p->protocol == KERNEL_PROTO_TCP && p->flags & KERNEL_TCP_RST;
	if (p->response_ns >= 0)
		st_hist_add(&s->response, p->response_ns);
}

static void add_packets(Work *w)
{
	const AnalysisNetScan *s = &w->scan;
	const KernelPacket *packets;
	guint64 n;

	for (guint64 at = 0; (packets = history_table_run(s->t->history, s->packets, at, &n)); at += n)
		for (guint64 i = 0; i < n; i++) {
			const KernelPacket *p = &packets[i];

			if (p->connection == KERNEL_NET_NONE || p->what & KERNEL_PACKET_AGAIN)
				continue;
			if (analysis_net_fits(s, p, p->time_ns))
				add_packet(w, p);
			if (p->rtt_ns >= 0 && analysis_net_fits(s, p, p->time_ns + p->rtt_ns))
				st_hist_add(&side_of(w, p->connection, p->time_ns + p->rtt_ns)->rtt[p->side], p->rtt_ns);
		}
}

/* ---- One row for what is seen on several interfaces ------------------------------------------------------------- */

static guint64 packets_of(const Sum *x)
{
	return x->s.packets[0] + x->s.packets[1];
}

static gint same_tuple(const Sum *x, const Sum *y)
{
	gint d = memcmp(x->k->address, y->k->address, sizeof(x->k->address));

	if (d == 0)
		d = memcmp(x->k->port, y->k->port, sizeof(x->k->port));
	return d ? d : x->k->protocol - y->k->protocol;
}

static gboolean overlap(const KernelConnection *a, const KernelConnection *b)
{
	return a->first_ns <= b->last_ns && b->first_ns <= a->last_ns;
}

/* By step, then numbers, then begin. */
static gint by_tuple(gconstpointer a, gconstpointer b)
{
	const Sum *x = *(Sum *const *)a, *y = *(Sum *const *)b;
	gint d = same_tuple(x, y);

	if (x->step != y->step)
		return x->step < y->step ? -1 : 1;
	if (d)
		return d;
	if (x->k->first_ns != y->k->first_ns)
		return x->k->first_ns < y->k->first_ns ? -1 : 1;
	return x->item < y->item ? -1 : x->item > y->item;
}

static void add_interface(GString *names, const AnalysisNetScan *s, const Sum *x)
{
	g_string_append_printf(names, "%s%s", names->len ? "," : "", analysis_net_interface(s, x->k->interface));
}

/* ---- The table ------------------------------------------------------------------------------------------------- */

static View *table_new(const AnalysisStore *store, const AnalysisQuery *q, Columns *c)
{
	View *v = view_new("connections", "Connections");

	c->time = analysis_add_time_column(v, q);
	c->machine = analysis_add_machine_column(v, store);
	c->client = view_add_column(v, "client", "CLIENT", VIEW_TEXT);
	c->server = view_add_column(v, "server", "SERVER", VIEW_TEXT);
	c->protocol = view_add_column(v, "protocol", "PROTOCOL", VIEW_TEXT);
	c->interface = view_add_column(v, "interface", "INTERFACE", VIEW_TEXT);
	c->interfaces = view_add_column(v, "interfaces", "INTERFACES", VIEW_TEXT);
	c->state = view_add_column(v, "state", "STATE", VIEW_TEXT);
	c->begin = view_add_column(v, "begin_ns", "BEGIN", VIEW_TIME_NS);
	c->duration = view_add_column(v, "duration_ns", "DURATION", VIEW_NS);
	c->packets[0] = view_add_column(v, "client_packets", "SENT", VIEW_COUNT);
	c->bytes[0] = view_add_column(v, "client_bytes", "BYTES SENT", VIEW_BYTES);
	c->packets[1] = view_add_column(v, "server_packets", "RECEIVED", VIEW_COUNT);
	c->bytes[1] = view_add_column(v, "server_bytes", "BYTES RECEIVED", VIEW_BYTES);
	c->retransmissions[0] = view_add_column(v, "client_retransmissions", "RETRANS", VIEW_COUNT);
	c->retransmissions[1] = view_add_column(v, "server_retransmissions", "BY SERVER", VIEW_COUNT);
	c->late[0] = view_add_column(v, "client_late", "LATE", VIEW_COUNT);
	c->late[1] = view_add_column(v, "server_late", "LATE BY SERVER", VIEW_COUNT);
	c->told = view_add_column(v, "kernel_retransmissions", "TOLD", VIEW_COUNT);
	c->resets = view_add_column(v, "resets", "RESETS", VIEW_COUNT);
	c->zero_windows = view_add_column(v, "zero_windows", "ZERO WINDOWS", VIEW_COUNT);
	c->handshake = view_add_column(v, "handshake_ns", "HANDSHAKE", VIEW_NS);
	c->rtt_mean[0] = view_add_column(v, "server_rtt_mean_ns", "RTT SERVER", VIEW_NS);
	c->rtt_max[0] = view_add_column(v, "server_rtt_max_ns", "MAX", VIEW_NS);
	c->rtt_mean[1] = view_add_column(v, "client_rtt_mean_ns", "RTT CLIENT", VIEW_NS);
	c->rtt_max[1] = view_add_column(v, "client_rtt_max_ns", "MAX", VIEW_NS);
	c->responses = view_add_column(v, "responses", "RESPONSES", VIEW_COUNT);
	c->response_mean = view_add_column(v, "response_mean_ns", "RESPONSE", VIEW_NS);
	c->response_max = view_add_column(v, "response_max_ns", "RESPONSE MAX", VIEW_NS);
	c->thread = view_add_column(v, "thread", "THREAD", VIEW_TEXT);
	const guint hidden[] = {c->interfaces, c->state, c->begin, c->packets[0], c->packets[1], c->late[0], c->late[1],
	                        c->told, c->resets, c->zero_windows, c->rtt_max[0], c->rtt_max[1], c->responses, c->response_max,
	                        c->protocol, c->handshake};
	for (guint i = 0; i < G_N_ELEMENTS(hidden); i++)
		view_hide_from_text(v, hidden[i]);
	view_set_empty_text(v, "No packet of a connection was recorded.");
	return v;
}

static const char *state_of(const KernelConnection *k)
{
	if (k->protocol != KERNEL_PROTO_TCP)
		return NULL;
	if (k->resets[0] + k->resets[1])
		return "reset";
	return k->ended ? "closed" : k->begun ? "open" : "older";
}

static void set_ends(View *v, const Columns *c, const AnalysisNetScan *s, const Sum *x)
{
	char protocol[KERNEL_ADDRESS_LEN];
	g_autofree char *client = analysis_net_endpoint(x->k, 0), *server = analysis_net_endpoint(x->k, 1);

	view_set_text(v, c->machine, s->t->name);
	view_set_text(v, c->client, client);
	view_set_text(v, c->server, server);
	view_set_text(v, c->protocol, kernel_net_protocol(protocol, x->k->protocol));
	view_set_text(v, c->interface, analysis_net_interface(s, x->k->interface));
	view_set_text(v, c->state, state_of(x->k));
	if (x->k->thread != KERNEL_NET_NONE) {
		g_autofree char *thread = analysis_thread_name(s->t, x->k->thread);
		view_set_text(v, c->thread, thread);
	}
}

static void set_times(View *v, const Columns *c, const AnalysisNetScan *s, const Sum *x)
{
	if (s->q->form == ANALYSIS_SERIES)
		analysis_set_time(v, c->time, s->t, x->step);
	if (x->s.first_ns <= x->s.last_ns) {
		analysis_set_time(v, c->begin, s->t, x->s.first_ns);
		view_set_int(v, c->duration, x->s.last_ns - x->s.first_ns);
	}
	if (x->k->handshake_ns >= 0)
		view_set_int(v, c->handshake, x->k->handshake_ns);
	for (guint i = 0; i < 2; i++)
		if (x->s.rtt[i].count) {
			view_set_int(v, c->rtt_mean[i], (gint64)st_hist_mean(&x->s.rtt[i]));
			view_set_int(v, c->rtt_max[i], x->s.rtt[i].max);
		}
	view_set_uint(v, c->responses, x->s.response.count);
	if (x->s.response.count) {
		view_set_int(v, c->response_mean, (gint64)st_hist_mean(&x->s.response));
		view_set_int(v, c->response_max, x->s.response.max);
	}
}

static void add_row(View *v, const Columns *c, const AnalysisNetScan *s, const Sum *x, const char *interfaces)
{
	view_begin_row(v);
	set_ends(v, c, s, x);
	set_times(v, c, s, x);
	view_set_text(v, c->interfaces, interfaces);
	for (guint i = 0; i < 2; i++) {
		view_set_uint(v, c->packets[i], x->s.packets[i]);
		view_set_uint(v, c->bytes[i], x->s.bytes[i]);
		view_set_uint(v, c->retransmissions[i], x->s.retransmissions[i]);
		view_set_uint(v, c->late[i], x->s.late[i]);
	}
	view_set_uint(v, c->told, x->k->told);
	view_set_uint(v, c->resets, x->s.resets[0] + x->s.resets[1]);
	view_set_uint(v, c->zero_windows, x->s.zero_windows[0] + x->s.zero_windows[1]);
}

/* How many from i on are the same connection, on other interfaces; *best_out: the one that saw most of it. */
static guint same_connection(const GPtrArray *list, guint i, const Sum **best_out)
{
	const Sum *x = g_ptr_array_index(list, i), *best = x;
	guint n = 1;

	for (; i + n < list->len; n++) {
		const Sum *y = g_ptr_array_index(list, i + n);

		if (y->step != x->step || same_tuple(x, y) != 0 || y->k->interface == x->k->interface || !overlap(x->k, y->k))
			break;
		if (packets_of(y) > packets_of(best))
			best = y;
	}
	*best_out = best;
	return n;
}

static void add_trace(View *v, const Columns *c, Work *w)
{
	add_packets(w);
	g_ptr_array_sort(w->list, by_tuple);
	for (guint i = 0, n; i < w->list->len; i += n) {
		g_autoptr(GString) names = g_string_new(NULL);
		const Sum *best;

		n = same_connection(w->list, i, &best);
		for (guint j = 0; j < n; j++)
			add_interface(names, &w->scan, g_ptr_array_index(w->list, i + j));
		add_row(v, c, &w->scan, best, names->str);
	}
}

static void sort(View *v, const Columns *c)
{
	view_sort(v, c->bytes[0], TRUE);
	view_sort(v, c->bytes[1], TRUE);
	view_sort(v, c->retransmissions[0], TRUE);
	view_sort(v, c->retransmissions[1], TRUE);
}

View *analysis_connections(const AnalysisStore *store, const AnalysisQuery *q, GError **error)
{
	Columns c;

	(void)error;
	if (q->form == ANALYSIS_LOG)
		return analysis_connections_log(store, q);
	View *v = table_new(store, q, &c);
	for (guint i = 0; i < store->traces->len; i++) {
		Work w;

		if (!analysis_net_scan(&w.scan, q, g_ptr_array_index(store->traces, i)))
			continue;
		w.sums = g_hash_table_new(sum_hash, sum_equal);
		w.list = g_ptr_array_new_with_free_func(sum_free);
		add_trace(v, &c, &w);
		g_hash_table_unref(w.sums);
		g_ptr_array_unref(w.list);
		analysis_filter_free(w.scan.filter);
	}
	if (q->form == ANALYSIS_TABLE)
		sort(v, &c);
	view_add_note(v, "RTT SERVER is of the client's data, from where this machine saw it until the server's acknowledgement came by; RTT CLIENT the other way. "
	                 "Retransmissions are segments that were seen before; those that were sent again first are above.");
	return v;
}
