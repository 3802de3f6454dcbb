/* SPDX-License-Identifier: MIT */
/* netlog.c: packets one by one: the longest round trips; the slowest answers. */
#include "analysis/net.h"

typedef struct {
	const AnalysisStoreTrace *t;
	const KernelPacket *p;
	guint64 number;
} Item;

typedef struct {
	guint time, machine, interface, direction, from, to, protocol, len, payload, flags, seq, ack, what, queue, rtt, response, thread,
	        cpu;
} LogColumns;

static gint by_ns(gint64 x, gint64 y, const Item *a, const Item *b)
{
	if (x != y)
		return x > y ? -1 : 1;
	return a->p->time_ns < b->p->time_ns ? -1 : a->p->time_ns > b->p->time_ns;
}

static gint by_rtt(gconstpointer a, gconstpointer b)
{
	const Item *x = a, *y = b;

	return by_ns(x->p->rtt_ns, y->p->rtt_ns, x, y);
}

static gint by_response(gconstpointer a, gconstpointer b)
{
	const Item *x = a, *y = b;

	return by_ns(x->p->response_ns, y->p->response_ns, x, y);
}

static void keep(GArray *items, Item item, guint limit, GCompareFunc order)
{
	g_array_append_val(items, item);
	if (limit && items->len >= 2 * limit + 4096) {
		g_array_sort(items, order);
		g_array_set_size(items, limit);
	}
}

static void collect(GArray *items, const AnalysisNetScan *s, gboolean responses, GCompareFunc order)
{
	const KernelPacket *packets;
	guint64 n;

	for (guint64 at = 0; (packets = history_table_run(s->t->history, s->packets, at, &n)); at += n)
		for (guint64 i = 0; i < n; i++)
			if ((!responses || packets[i].response_ns >= 0) && analysis_net_fits(s, &packets[i], packets[i].time_ns))
				keep(items, (Item){s->t, &packets[i], at + i}, s->q->limit, order);
}

static View *log_new(const AnalysisStore *store, const char *schema, const char *title, LogColumns *c)
{
	View *v = view_new(schema, title);

	c->time = view_add_column(v, "time_ns", "TIME", VIEW_TIME_NS);
	c->machine = analysis_add_machine_column(v, store);
	c->interface = view_add_column(v, "interface", "INTERFACE", VIEW_TEXT);
	c->direction = view_add_column(v, "direction", "DIR", VIEW_TEXT);
	c->from = view_add_column(v, "from", "FROM", VIEW_TEXT);
	c->to = view_add_column(v, "to", "TO", VIEW_TEXT);
	c->protocol = view_add_column(v, "protocol", "PROTOCOL", VIEW_TEXT);
	c->len = view_add_column(v, "len", "LEN", VIEW_COUNT);
	c->payload = view_add_column(v, "payload", "PAYLOAD", VIEW_COUNT);
	c->flags = view_add_column(v, "flags", "FLAGS", VIEW_TEXT);
	c->seq = view_add_column(v, "seq", "SEQ", VIEW_ID);
	c->ack = view_add_column(v, "ack", "ACK", VIEW_ID);
	c->what = view_add_column(v, "what", "WHAT", VIEW_TEXT);
	c->queue = view_add_column(v, "queue_ns", "QUEUE", VIEW_NS);
	c->rtt = view_add_column(v, "rtt_ns", "RTT", VIEW_NS);
	c->response = view_add_column(v, "response_ns", "RESPONSE", VIEW_NS);
	c->thread = view_add_column(v, "thread", "THREAD", VIEW_TEXT);
	c->cpu = view_add_column(v, "cpu", "CPU", VIEW_ID);
	const guint hidden[] = {c->protocol, c->len, c->seq, c->ack, c->thread, c->cpu};
	for (guint i = 0; i < G_N_ELEMENTS(hidden); i++)
		view_hide_from_text(v, hidden[i]);
	view_set_empty_text(v, "No packet was recorded.");
	return v;
}

/* "SA", "PA", as tcpdump writes them. */
static void set_flags(View *v, const LogColumns *c, guint16 flags)
{
	static const char letters[] = "FSRPAUEW";
	char text[sizeof(letters)];
	guint n = 0;

	for (guint i = 0; letters[i]; i++)
		if (flags >> i & 1)
			text[n++] = letters[i];
	text[n] = '\0';
	view_set_text(v, c->flags, text);
}

static void set_what(View *v, const LogColumns *c, guint what)
{
	static const char *const names[] = {"retransmitted", "late", "zero-window", "forwarded", "again"};
	g_autoptr(GString) text = g_string_new(NULL);

	for (guint i = 0; i < G_N_ELEMENTS(names); i++)
		if (what >> i & 1)
			g_string_append_printf(text, "%s%s", text->len ? "," : "", names[i]);
	view_set_text(v, c->what, text->str);
}

static void set_connection(View *v, const LogColumns *c, const KernelConnection *k, const KernelPacket *p)
{
	char protocol[KERNEL_ADDRESS_LEN];
	g_autofree char *from = analysis_net_endpoint(k, p->side), *to = analysis_net_endpoint(k, !p->side);

	view_set_text(v, c->from, from);
	view_set_text(v, c->to, to);
	view_set_text(v, c->protocol, kernel_net_protocol(protocol, p->protocol));
	view_set_int(v, c->payload, p->payload);
	if (p->protocol == KERNEL_PROTO_TCP) {
		set_flags(v, c, p->flags);
		view_set_int(v, c->seq, p->seq);
		view_set_int(v, c->ack, p->ack);
	}
}

static void add_item(View *v, const LogColumns *c, const AnalysisNetScan *s, const KernelPacket *p)
{
	const KernelConnection *k = analysis_net_connection(s, p->connection);
	guint32 thread = p->thread == KERNEL_NET_NONE && k ? k->thread : p->thread;

	view_begin_row(v);
	analysis_set_time(v, c->time, s->t, p->time_ns);
	view_set_text(v, c->machine, s->t->name);
	view_set_text(v, c->interface, analysis_net_interface(s, p->interface));
	view_set_text(v, c->direction, p->direction == KERNEL_NET_OUT ? "out" : "in");
	view_set_int(v, c->len, p->len);
	if (k)
		set_connection(v, c, k, p);
	set_what(v, c, p->what);
	if (p->xmit_ns != KERNEL_NET_NO_TIME)
		view_set_int(v, c->queue, p->xmit_ns - p->time_ns);
	if (p->rtt_ns >= 0)
		view_set_int(v, c->rtt, p->rtt_ns);
	if (p->response_ns >= 0)
		view_set_int(v, c->response, p->response_ns);
	view_set_int(v, c->cpu, p->cpu);
	if (thread != KERNEL_NET_NONE) {
		g_autofree char *name = analysis_thread_name(s->t, thread);
		view_set_text(v, c->thread, name);
	}
}

static View *packet_log(const AnalysisStore *store, const AnalysisQuery *q, View *v, const LogColumns *c, gboolean responses)
{
	g_autoptr(GArray) items = g_array_new(FALSE, FALSE, sizeof(Item));
	g_autofree AnalysisNetScan *scans = g_new0(AnalysisNetScan, store->traces->len);
	GCompareFunc order = responses ? by_response : by_rtt;

	for (guint i = 0; i < store->traces->len; i++)
		if (analysis_net_scan(&scans[i], q, g_ptr_array_index(store->traces, i)))
			collect(items, &scans[i], responses, order);
	g_array_sort(items, order);
	for (guint i = 0; i < items->len && (!q->limit || i < q->limit); i++) {
		const Item *item = &g_array_index(items, Item, i);

		for (guint t = 0; t < store->traces->len; t++)
			if (scans[t].t == item->t)
				add_item(v, c, &scans[t], item->p);
	}
	for (guint i = 0; i < store->traces->len; i++)
		analysis_filter_free(scans[i].filter);
	return v;
}

View *analysis_net_log(const AnalysisStore *store, const AnalysisQuery *q)
{
	LogColumns c;
	View *v = log_new(store, "net-log", "Packets, the longest round trips first", &c);

	return packet_log(store, q, v, &c, FALSE);
}

View *analysis_connections_log(const AnalysisStore *store, const AnalysisQuery *q)
{
	LogColumns c;
	View *v = log_new(store, "connections-log", "Answers, the slowest first", &c);

	return packet_log(store, q, v, &c, TRUE);
}
