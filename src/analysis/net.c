/* SPDX-License-Identifier: MIT */
/* net.c: interfaces with the services that talk over them; connections; packets. */
#include <string.h>

#include "analysis/net.h"

/* ---- Scanning -------------------------------------------------------------------------------------------------- */

gboolean analysis_net_scan(AnalysisNetScan *s, const AnalysisQuery *q, const AnalysisStoreTrace *t)
{
	const History *h = t->history;

	*s = (AnalysisNetScan){.q = q, .t = t};
	if (!t->is_kernel ||
	    !history_find_table(h, KERNEL_NET_INTERFACES_TABLE, sizeof(KernelNetInterface), &s->interfaces) ||
	    !history_find_table(h, KERNEL_PACKETS_TABLE, sizeof(KernelPacket), &s->packets) ||
	    !history_find_table(h, KERNEL_CONNECTIONS_TABLE, sizeof(KernelConnection), &s->connections) ||
	    !history_find_table(h, KERNEL_NET_DROPS_TABLE, sizeof(KernelNetDrop), &s->drops))
		return FALSE;
	s->filter = analysis_filter_new(q, t);
	return s->filter != NULL;
}

const KernelConnection *analysis_net_connection(const AnalysisNetScan *s, guint32 i)
{
	return i == KERNEL_NET_NONE ? NULL : history_table_get(s->t->history, s->connections, i);
}

const char *analysis_net_interface(const AnalysisNetScan *s, guint16 i)
{
	const KernelNetInterface *item =
	        i < history_table_len(s->t->history, s->interfaces) ? history_table_get(s->t->history, s->interfaces, i) : NULL;

	return item ? history_text_get(s->t->history, item->name) : "?";
}

gboolean analysis_net_fits(const AnalysisNetScan *s, const KernelPacket *p, gint64 time)
{
	const KernelConnection *k = analysis_net_connection(s, p->connection);
	guint32 thread = p->thread == KERNEL_NET_NONE && k ? k->thread : p->thread;

	return analysis_in_range(s->filter, time) && analysis_filter_cpu(s->filter, p->cpu) &&
	       analysis_filter_thread(s->filter, thread);
}

char *analysis_net_endpoint(const KernelConnection *k, guint side)
{
	char text[KERNEL_ADDRESS_LEN];
	const char *address = kernel_net_address(text, k->address[side], k->version);

	if (k->port[side] == 0)
		return g_strdup(address);
	return g_strdup_printf(k->version == 6 ? "[%s]:%u" : "%s:%u", address, k->port[side]);
}

/* ---- What is added up ------------------------------------------------------------------------------------------ */

/* One interface, or one service on it; in a series of one step of time. */
typedef struct Sum {
	guint16 interface;
	gboolean is_service;
	const KernelConnection *like; /* of a service: one of its connections */
	gint64 step;
	struct Sum *parent;           /* of a service: its interface; else itself */
	guint64 packets[2], bytes[2], retransmissions, late, resets, zero_windows, drops, freed;
	GHashTable *connections;      /* numbers */
	StHist queue, rtt, response;
	gint row;
} Sum;

typedef struct {
	guint machine, name, interface, service, protocol, connections, packets[2], bytes[2], rate, retransmissions, late, resets,
	        zero_windows, drops, freed, queue_mean, queue_p99, queue_max, rtt_mean, rtt_max, response_mean, response_max,
	        process, time;
} Columns;

static void sum_free(gpointer data)
{
	Sum *x = data;

	g_hash_table_unref(x->connections);
	st_hist_clear(&x->queue);
	st_hist_clear(&x->rtt);
	st_hist_clear(&x->response);
	g_free(x);
}

/* A service: the server's end, and who comes to it from where; a client's ports don't matter. */
static guint sum_hash(gconstpointer key)
{
	const Sum *x = key;
	guint h = x->interface * 31u + (guint)x->is_service + g_int64_hash(&x->step) * 7u;

	if (x->is_service)
		for (guint i = 0; i < 32; i++)
			h = h * 33 + x->like->address[i / 16][i % 16];
	return x->is_service ? h * 33 + x->like->port[1] * 257u + x->like->protocol : h;
}

static gboolean sum_equal(gconstpointer a, gconstpointer b)
{
	const Sum *x = a, *y = b;

	if (x->interface != y->interface || x->is_service != y->is_service || x->step != y->step)
		return FALSE;
	return !x->is_service || (memcmp(x->like->address, y->like->address, sizeof(x->like->address)) == 0 &&
	                          x->like->port[1] == y->like->port[1] && x->like->protocol == y->like->protocol);
}

typedef struct {
	AnalysisNetScan scan;
	GHashTable *sums; /* Sum, a set of them */
	GPtrArray *list;  /* Sum *, in the order in which they were met */
} Work;

static gint64 step_of(const Work *w, gint64 time)
{
	const AnalysisQuery *q = w->scan.q;
	gint64 begin = analysis_filter_begin(w->scan.filter), every = MAX(q->every_ns, 1);

	return q->form == ANALYSIS_SERIES ? begin + (time - begin) / every * every : 0;
}

static Sum *sum_of(Work *w, guint16 interface, const KernelConnection *like, gint64 time)
{
	Sum key = {.interface = interface, .is_service = like != NULL, .like = like, .step = step_of(w, time)};
	Sum *x = g_hash_table_lookup(w->sums, &key);

	if (x)
		return x;
	x = g_new0(Sum, 1);
	*x = key;
	x->parent = like ? sum_of(w, interface, NULL, time) : x;
	x->connections = g_hash_table_new(g_direct_hash, g_direct_equal);
	g_hash_table_add(w->sums, x);
	g_ptr_array_add(w->list, x);
	return x;
}

static void add_packet(Sum *x, const KernelPacket *p)
{
	x->packets[p->direction]++;
	x->bytes[p->direction] += p->len;
	x->retransmissions += (p->what & KERNEL_PACKET_RETRANSMITTED) != 0;
	x->late += (p->what & KERNEL_PACKET_LATE) != 0;
	x->zero_windows += (p->what & KERNEL_PACKET_ZERO_WINDOW) != 0;
	x->resets += p->protocol == KERNEL_PROTO_TCP && (p->flags & KERNEL_TCP_RST) && !(p->what & KERNEL_PACKET_AGAIN);
	if (p->xmit_ns != KERNEL_NET_NO_TIME)
		st_hist_add(&x->queue, p->xmit_ns - p->time_ns);
	if (p->response_ns >= 0)
		st_hist_add(&x->response, p->response_ns);
	if (p->connection != KERNEL_NET_NONE)
		g_hash_table_add(x->connections, GUINT_TO_POINTER(p->connection));
}

/* A packet counts when it passes; a round trip when it ends. */
static void add_packets(Work *w)
{
	const AnalysisNetScan *s = &w->scan;
	const KernelPacket *packets;
	guint64 n;

	for (guint64 at = 0; (packets = history_table_run(s->t->history, s->packets, at, &n)); at += n)
		for (guint64 i = 0; i < n; i++) {
			const KernelPacket *p = &packets[i];
			const KernelConnection *k = analysis_net_connection(s, p->connection);

			if (analysis_net_fits(s, p, p->time_ns)) {
				add_packet(sum_of(w, p->interface, NULL, p->time_ns), p);
				if (k)
					add_packet(sum_of(w, p->interface, k, p->time_ns), p);
			}
			if (p->rtt_ns >= 0 && p->direction == KERNEL_NET_OUT && analysis_net_fits(s, p, p->time_ns + p->rtt_ns)) {
				st_hist_add(&sum_of(w, p->interface, NULL, p->time_ns + p->rtt_ns)->rtt, p->rtt_ns);
				st_hist_add(&sum_of(w, p->interface, k, p->time_ns + p->rtt_ns)->rtt, p->rtt_ns);
			}
		}
}

static void add_drops(Work *w)
{
	const AnalysisNetScan *s = &w->scan;
	guint64 n = history_table_len(s->t->history, s->drops);

	for (guint64 i = 0; i < n; i++) {
		const KernelNetDrop *d = history_table_get(s->t->history, s->drops, i);
		const KernelPacket *p = history_table_get(s->t->history, s->packets, d->packet);
		const KernelConnection *k = analysis_net_connection(s, p->connection);

		if (!analysis_net_fits(s, p, d->time_ns))
			continue;
		for (guint level = 0; level < (k ? 2 : 1); level++) {
			Sum *x = sum_of(w, d->interface, level ? k : NULL, d->time_ns);

			x->drops += !d->unspecified;
			x->freed += d->unspecified;
		}
	}
}

/* ---- The table ------------------------------------------------------------------------------------------------- */

static View *table_new(const AnalysisStore *store, const AnalysisQuery *q, Columns *c)
{
	View *v = view_new("net", "Network interfaces, and the services that talk over them");

	c->time = analysis_add_time_column(v, q);
	c->machine = analysis_add_machine_column(v, store);
	c->name = view_add_column(v, "name", "NAME", VIEW_TEXT);
	c->interface = view_add_column(v, "interface", "INTERFACE", VIEW_TEXT);
	c->service = view_add_column(v, "service", "SERVICE", VIEW_TEXT);
	c->protocol = view_add_column(v, "protocol", "PROTOCOL", VIEW_TEXT);
	c->connections = view_add_column(v, "connections", "CONNS", VIEW_COUNT);
	c->packets[KERNEL_NET_OUT] = view_add_column(v, "out_packets", "OUT", VIEW_COUNT);
	c->bytes[KERNEL_NET_OUT] = view_add_column(v, "out_bytes", "BYTES OUT", VIEW_BYTES);
	c->packets[KERNEL_NET_IN] = view_add_column(v, "in_packets", "IN", VIEW_COUNT);
	c->bytes[KERNEL_NET_IN] = view_add_column(v, "in_bytes", "BYTES IN", VIEW_BYTES);
	c->rate = view_add_column(v, "bytes_per_s", "BYTES/S", VIEW_NUMBER);
	c->retransmissions = view_add_column(v, "retransmissions", "RETRANS", VIEW_COUNT);
	c->late = view_add_column(v, "late", "LATE", VIEW_COUNT);
	c->resets = view_add_column(v, "resets", "RESETS", VIEW_COUNT);
	c->zero_windows = view_add_column(v, "zero_windows", "ZERO WINDOWS", VIEW_COUNT);
	c->drops = view_add_column(v, "drops", "DROPS", VIEW_COUNT);
	c->freed = view_add_column(v, "freed", "FREED", VIEW_COUNT);
	c->queue_mean = view_add_column(v, "queue_mean_ns", "QUEUE", VIEW_NS);
	c->queue_p99 = view_add_column(v, "queue_p99_ns", "QUEUE P99", VIEW_NS);
	c->queue_max = view_add_column(v, "queue_max_ns", "QUEUE MAX", VIEW_NS);
	c->rtt_mean = view_add_column(v, "rtt_mean_ns", "RTT", VIEW_NS);
	c->rtt_max = view_add_column(v, "rtt_max_ns", "RTT MAX", VIEW_NS);
	c->response_mean = view_add_column(v, "response_mean_ns", "RESPONSE", VIEW_NS);
	c->response_max = view_add_column(v, "response_max_ns", "RESPONSE MAX", VIEW_NS);
	c->process = view_add_column(v, "reader", "READ BY", VIEW_TEXT);
	view_set_tree_column(v, c->name);
	view_set_empty_text(v, "No packet was recorded: record the kernel's events net_dev_queue, net_dev_xmit and net_if_receive_skb.");
	return v;
}

/* The text keeps to what fits: the rest is for programs. */
static void hide_columns(View *v, const Columns *c, const AnalysisQuery *q)
{
	const guint hidden[] = {c->interface, c->service, c->protocol, c->late, c->zero_windows, c->freed, c->queue_p99, c->response_max, c->rate, c->queue_mean};

	for (guint i = 0; i < G_N_ELEMENTS(hidden); i++)
		if (hidden[i] != c->rate || q->form != ANALYSIS_SERIES)
			view_hide_from_text(v, hidden[i]);
}

static void set_hist(View *v, const StHist *h, guint mean, guint max)
{
	if (!h->count)
		return;
	view_set_int(v, mean, (gint64)st_hist_mean(h));
	view_set_int(v, max, h->max);
}

/* "10.0.0.12 - 10.0.0.11:80 tcp" */
static char *service_name(const KernelConnection *k)
{
	char from[KERNEL_ADDRESS_LEN], protocol[KERNEL_ADDRESS_LEN];
	g_autofree char *to = analysis_net_endpoint(k, 1);

	return g_strdup_printf("%s - %s %s", kernel_net_address(from, k->address[0], k->version), to,
	                       kernel_net_protocol(protocol, k->protocol));
}

static void set_names(View *v, const Columns *c, const AnalysisNetScan *s, const Sum *x)
{
	char protocol[KERNEL_ADDRESS_LEN];

	view_set_text(v, c->machine, s->t->name);
	view_set_text(v, c->interface, analysis_net_interface(s, x->interface));
	if (x->like) {
		g_autofree char *name = service_name(x->like);

		view_set_text(v, c->name, name);
		view_set_text(v, c->service, name);
		view_set_text(v, c->protocol, kernel_net_protocol(protocol, x->like->protocol));
		return;
	}
	view_set_text(v, c->name, analysis_net_interface(s, x->interface));
	if (x->interface >= history_table_len(s->t->history, s->interfaces))
		return;
	const KernelNetInterface *i = history_table_get(s->t->history, s->interfaces, x->interface);
	if (i->reader == KERNEL_NET_NONE)
		return;
	g_autofree char *reader = analysis_thread_name(s->t, i->reader);
	view_set_text(v, c->process, reader);
}

static gint add_row(View *v, const Columns *c, const AnalysisNetScan *s, const Sum *x)
{
	double seconds = (double)(s->q->form == ANALYSIS_SERIES ? s->q->every_ns
	                                                        : analysis_filter_end(s->filter) - analysis_filter_begin(s->filter)) /
	                 1e9;

	gint row = view_begin_row(v);
	if (s->q->form == ANALYSIS_SERIES)
		analysis_set_time(v, c->time, s->t, x->step);
	set_names(v, c, s, x);
	view_set_uint(v, c->connections, g_hash_table_size(x->connections));
	for (guint d = 0; d < 2; d++) {
		view_set_uint(v, c->packets[d], x->packets[d]);
		view_set_uint(v, c->bytes[d], x->bytes[d]);
	}
	view_set_double(v, c->rate, seconds > 0 ? (double)(x->bytes[0] + x->bytes[1]) / seconds : 0);
	view_set_uint(v, c->retransmissions, x->retransmissions);
	view_set_uint(v, c->late, x->late);
	view_set_uint(v, c->resets, x->resets);
	view_set_uint(v, c->zero_windows, x->zero_windows);
	view_set_uint(v, c->drops, x->drops);
	view_set_uint(v, c->freed, x->freed);
	set_hist(v, &x->queue, c->queue_mean, c->queue_max);
	if (x->queue.count)
		view_set_int(v, c->queue_p99, st_hist_percentile(&x->queue, 99));
	set_hist(v, &x->rtt, c->rtt_mean, c->rtt_max);
	set_hist(v, &x->response, c->response_mean, c->response_max);
	return row;
}

static guint64 bytes_of(const Sum *x)
{
	return x->bytes[0] + x->bytes[1];
}

/* By time, then interfaces by bytes, each before its services, those by bytes too. */
static gint in_order(gconstpointer a, gconstpointer b)
{
	const Sum *x = *(Sum *const *)a, *y = *(Sum *const *)b;
	guint64 px = bytes_of(x->parent), py = bytes_of(y->parent);

	if (x->step != y->step)
		return x->step < y->step ? -1 : 1;
	if (px != py)
		return px > py ? -1 : 1;
	if (x->interface != y->interface)
		return x->interface < y->interface ? -1 : 1;
	if (x->is_service != y->is_service)
		return x->is_service ? 1 : -1;
	return bytes_of(x) != bytes_of(y) ? (bytes_of(x) > bytes_of(y) ? -1 : 1) : 0;
}

static void add_trace(View *v, const Columns *c, Work *w)
{
	add_packets(w);
	add_drops(w);
	g_ptr_array_sort(w->list, in_order);
	for (guint i = 0; i < w->list->len; i++) {
		Sum *x = g_ptr_array_index(w->list, i);

		x->row = add_row(v, c, &w->scan, x);
		if (x->is_service)
			view_row_parent(v, x->parent->row);
	}
}

static View *table(const AnalysisStore *store, const AnalysisQuery *q)
{
	Columns c;
	View *v = table_new(store, q, &c);

	hide_columns(v, &c, q);
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
	view_add_note(v, "Out and In are the interface's: what the kernel sent there, and what came from there. A tap's Out is what its VM receives. Lengths are the "
	                 "kernel's: out with the link's header, in without.");
	view_add_note(v, "Queue is from the queueing of a packet until the driver had it. RTT is from sending data out there until its acknowledgement came in. "
	                 "Response is from a client's data to the server's first data after it. Drops have a reason told by the kernel.");
	return v;
}

View *analysis_net(const AnalysisStore *store, const AnalysisQuery *q, GError **error)
{
	(void)error;
	return q->form == ANALYSIS_LOG ? analysis_net_log(store, q) : table(store, q);
}
