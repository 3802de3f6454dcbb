/* SPDX-License-Identifier: MIT */
/*
 * What `strata requests` makes of histories made by hand: turns of packets; who served a request, and what slow ones have that typical ones don't. Threads: 0 is of process 10
 * ("httpd"), 1 of the same and born at 500; 2 is vhost's of VM 77. Times in ns.
 */
#include "analysis/requests.h"
#include "kernel/files.h"
#include "kernel/flow.h"
#include "kernel/net.h"
#include "kvm/rows.h"

#include <stdlib.h>
#include <string.h>

enum { END = 1000000 };
enum { ETH, TAP };

typedef struct {
	AnalysisStoreTrace trace;
	AnalysisStore store;
	AnalysisQuery query;
	guint kind, threads, packets, net, requests, connections;
	guint32 rows[3];
} World;

static gpointer add(World *w, const char *table, gsize size)
{
	return history_table_add(w->trace.history, history_table(w->trace.history, table, size));
}

#define ADD(w, table, Type) ((Type *)add(w, table, sizeof(Type)))

static guint32 text(World *w, const char *s)
{
	return history_text(w->trace.history, s, -1);
}

static void add_thread(World *w, guint i, gint32 tid, gint32 pid, const char *name, gint64 begin)
{
	KernelThreadItem *item = ADD(w, KERNEL_THREADS_TABLE, KernelThreadItem);

	w->rows[i] = history_row(w->trace.history, w->kind, name, begin);
	*item = (KernelThreadItem){.tid = tid, .pid = pid, .name = text(w, name), .row = w->rows[i], .same_as = i, .begin_ns = begin, .end_ns = END};
}

static World *begin(void)
{
	static const char *const states[KERNEL_TS_COUNT] = {
#define KERNEL_S(id, name, wait) name,
		KERNEL_THREAD_STATES(KERNEL_S)
#undef KERNEL_S
	};
	World *w = g_new0(World, 1);

	w->trace = (AnalysisStoreTrace){.name = (char *)"m", .is_kernel = TRUE, .begin_ns = 0, .end_ns = END, .history = history_new(0, END, NULL)};
	w->trace.rows = w->trace.history;
	w->store.traces = g_ptr_array_new();
	g_ptr_array_add(w->store.traces, &w->trace);
	w->query = (AnalysisQuery){.begin_ns = G_MININT64, .end_ns = G_MAXINT64};
	w->kind = history_kind(w->trace.history, KERNEL_THREAD_ROW_KIND, states, KERNEL_TS_COUNT);
	add_thread(w, 0, 10, 10, "httpd", 0);
	add_thread(w, 1, 11, 10, "worker", 500);
	add_thread(w, 2, 80, 80, "vhost-77", 0);
	*ADD(w, KERNEL_NET_INTERFACES_TABLE, KernelNetInterface) = (KernelNetInterface){.name = text(w, "eth0"), .reader = KERNEL_NET_NONE};
	*ADD(w, KERNEL_NET_INTERFACES_TABLE, KernelNetInterface) = (KernelNetInterface){.name = text(w, "tap0"), .reader = 2};
	*ADD(w, KVM_VMS_TABLE, KvmVmItem) = (KvmVmItem){.pid = 77, .name = text(w, "qemu")};
	return w;
}

static void end(World *w)
{
	g_ptr_array_unref(w->store.traces);
	history_free(w->trace.history);
	g_free(w);
}

/* From port 40000 of 10.0.0.2 to port 80 of 10.0.0.1; `server` is the direction of the server's packets. */
static void add_connection(World *w, guint interface, gboolean begun, KernelNetDirection server)
{
	KernelConnection *k = ADD(w, KERNEL_CONNECTIONS_TABLE, KernelConnection);

	*k = (KernelConnection){.port = {40000, 80}, .interface = (guint16)interface, .protocol = KERNEL_PROTO_TCP, .version = 4, .begun = (guint8)begun,
				.direction = {(guint8)!server, (guint8)server}};
	k->address[0][15] = 2;
	k->address[1][15] = 1;
}

static KernelPacket *packet(World *w, gint64 time, guint side, guint payload)
{
	const KernelConnection *k = history_table_get(w->trace.history, history_table(w->trace.history, KERNEL_CONNECTIONS_TABLE, sizeof(*k)), 0);
	KernelPacket *p = ADD(w, KERNEL_PACKETS_TABLE, KernelPacket);

	*p = (KernelPacket){.time_ns = time, .xmit_ns = KERNEL_NET_NO_TIME, .payload = payload, .thread = side == 1 && k->direction[1] == KERNEL_NET_OUT ? 0 : KERNEL_NET_NONE,
			    .side = (guint8)side, .direction = k->direction[side], .protocol = KERNEL_PROTO_TCP};
	return p;
}

static void keep(const RequestScan *s, const Request *r, gpointer all)
{
	(void)s;
	g_array_append_vals(all, r, 1);
}

static GArray *requests(World *w)
{
	GArray *all = g_array_new(FALSE, FALSE, sizeof(Request));
	RequestScan s;

	g_assert_true(requests_open(&s, &w->store, &w->query, &w->trace));
	requests_each(&s, keep, all);
	requests_close(&s);
	return all;
}

#define AT(all, i) g_array_index(all, Request, i)

/* A server of which no system call tells: its packets take turns, and whose thread sent them has answered. */
static void test_packets_take_turns(void)
{
	World *w = begin();

	add_connection(w, ETH, TRUE, KERNEL_NET_OUT);
	packet(w, 1000, 0, 100);
	packet(w, 1100, 0, 50);
	packet(w, 1500, 1, 1000);
	packet(w, 1600, 1, 500);
	packet(w, 1700, 0, 0); /* an acknowledgement */
	packet(w, 1650, 1, 500)->what = KERNEL_PACKET_RETRANSMITTED;
	packet(w, 2000, 0, 100);
	packet(w, 2500, 1, 1000);
	g_autoptr(GArray) all = requests(w);
	g_assert_cmpuint(all->len, ==, 2);
	g_assert_cmpuint(AT(all, 0).side, ==, REQUEST_SERVER);
	g_assert_cmpint(AT(all, 0).begin_ns, ==, 1000);
	g_assert_cmpint(AT(all, 0).turn_ns, ==, 1100);
	g_assert_cmpint(AT(all, 0).end_ns, ==, 1600);
	g_assert_cmpuint(AT(all, 0).asked, ==, 150);
	g_assert_cmpuint(AT(all, 0).answered, ==, 1500);
	g_assert_cmphex(AT(all, 0).flags, ==, 0);
	g_assert_cmpuint(AT(all, 0).answerer, ==, 0);
	g_assert_cmpstr(AT(all, 0).process, ==, "httpd");
	g_assert_cmpint(AT(all, 1).end_ns, ==, 2500);
	end(w);
}

static void test_a_greeting_and_a_late_begin(void)
{
	World *w = begin();

	add_connection(w, ETH, TRUE, KERNEL_NET_OUT);
	packet(w, 1000, 1, 100);
	packet(w, 1100, 0, 50);
	packet(w, 1500, 1, 1000);
	packet(w, 2000, 0, 100);
	packet(w, 2500, 1, 1000);
	g_autoptr(GArray) all = requests(w);
	g_assert_cmpuint(all->len, ==, 2);
	g_assert_cmphex(AT(all, 0).flags, ==, KERNEL_REQUEST_LOGIN);
	g_assert_cmphex(AT(all, 1).flags, ==, 0);
	end(w);
	w = begin();
	add_connection(w, ETH, FALSE, KERNEL_NET_OUT);
	packet(w, 1100, 0, 50);
	packet(w, 1500, 1, 1000);
	packet(w, 2000, 0, 100);
	g_autoptr(GArray) late = requests(w);
	g_assert_cmphex(AT(late, 0).flags, ==, KERNEL_REQUEST_OPEN_BEGIN);
	g_assert_cmphex(AT(late, 1).flags, ==, KERNEL_REQUEST_OPEN_END);
	end(w);
}

/* Of a connection to TLS's port that began before our eyes the hello is no request, nor is what has the length of a handshake's end. */
static void test_packets_of_tls(void)
{
	for (guint begun = 0; begun < 2; begun++) {
		World *w = begin();

		add_connection(w, ETH, (gboolean)begun, KERNEL_NET_OUT);
		((KernelConnection *)history_table_item(w->trace.history, history_table(w->trace.history, KERNEL_CONNECTIONS_TABLE, sizeof(KernelConnection)), 0))->port[1] = 443;
		for (guint i = 0; i < 4; i++) {
			packet(w, 1000 + i * 1000, 0, i == 1 ? 64 : 517);
			packet(w, 1500 + i * 1000, 1, 1000);
		}
		g_autoptr(GArray) all = requests(w);
		g_assert_cmpuint(all->len, ==, 4);
		g_assert_cmphex(AT(all, 0).flags, ==, begun ? KERNEL_REQUEST_LOGIN : KERNEL_REQUEST_OPEN_BEGIN);
		g_assert_cmphex(AT(all, 1).flags, ==, begun ? KERNEL_REQUEST_LOGIN : 0);
		g_assert_cmphex(AT(all, 2).flags, ==, 0);
		end(w);
	}
}

static void test_packets_passed_on_are_nobodys(void)
{
	World *w = begin();

	add_connection(w, ETH, TRUE, KERNEL_NET_OUT);
	packet(w, 1000, 0, 100);
	packet(w, 1500, 1, 1000)->what = KERNEL_PACKET_FORWARDED;
	g_autoptr(GArray) all = requests(w);
	g_assert_cmpuint(all->len, ==, 0);
	end(w);
}

static void test_a_socket_that_tells_is_enough(void)
{
	World *w = begin();
	KernelRequestConnection *c = ADD(w, KERNEL_REQUEST_CONNECTIONS_TABLE, KernelRequestConnection);

	*c = (KernelRequestConnection){.net = KERNEL_NET_NONE, .has_remote = TRUE, .remote_port = 40000, .kind = KERNEL_FILE_TCP};
	c->remote[15] = 2;
	add_connection(w, ETH, TRUE, KERNEL_NET_OUT);
	packet(w, 1000, 0, 100);
	packet(w, 1500, 1, 1000);
	g_autoptr(GArray) all = requests(w);
	g_assert_cmpuint(all->len, ==, 0);
	end(w);
}

/* What goes to a VM may wait for its driver: it has come when the driver had it. */
static void test_a_vms_requests(void)
{
	World *w = begin();

	add_connection(w, TAP, TRUE, KERNEL_NET_IN);
	packet(w, 1000, 0, 100)->xmit_ns = 1400;
	packet(w, 2000, 1, 1000);
	g_autoptr(GArray) all = requests(w);
	g_assert_cmpuint(all->len, ==, 1);
	g_assert_cmpuint(AT(all, 0).side, ==, REQUEST_VM);
	g_assert_cmpint(AT(all, 0).pid, ==, 77);
	g_assert_cmpstr(AT(all, 0).process, ==, "qemu");
	g_assert_cmpint(AT(all, 0).early_ns, ==, 1000);
	g_assert_cmpint(AT(all, 0).begin_ns, ==, 1400);
	g_assert_cmpint(AT(all, 0).end_ns, ==, 2000);
	end(w);
}

/* ---- What its time was ---------------------------------------------------------------------------------------------- */

static void add_request(World *w, gint64 early, gint64 begin_ns, gint64 turn, gint64 end_ns, guint32 asker, guint32 answerer)
{
	*ADD(w, KERNEL_REQUESTS_TABLE, KernelRequest) =
		(KernelRequest){.begin_ns = begin_ns, .turn_ns = turn, .end_ns = end_ns, .early_ns = early, .late_ns = KERNEL_REQUEST_NO_TIME, .asked = 1,
				.answered = 1, .asker = asker, .answerer = answerer, .asks = 1, .answers = 1, .side = KERNEL_REQUEST_SERVER};
}

static void listen_at(World *w, guint16 port)
{
	*ADD(w, KERNEL_REQUEST_CONNECTIONS_TABLE, KernelRequestConnection) =
		(KernelRequestConnection){.net = KERNEL_NET_NONE, .kind = KERNEL_FILE_TCP, .side = KERNEL_REQUEST_SERVER, .has_local = TRUE, .local_port = port};
}

/* A thread that was created to answer serves from then on only. */
static void test_who_served(void)
{
	World *w = begin();
	RequestPiece pieces[REQUEST_PIECES_MAX];
	RequestScan s;

	listen_at(w, 80);
	add_request(w, 50, 100, 200, 900, 0, 1);
	g_autoptr(GArray) all = requests(w);
	g_assert_true(requests_open(&s, &w->store, &w->query, &w->trace));
	g_assert_cmpuint(request_pieces(&s, &AT(all, 0), TRUE, pieces), ==, 3);
	g_assert_true(pieces[0].before && pieces[0].begin_ns == 50 && pieces[0].end_ns == 100 && pieces[0].serial == 0);
	g_assert_true(!pieces[1].before && pieces[1].begin_ns == 100 && pieces[1].end_ns == 500 && pieces[1].serial == 0);
	g_assert_true(!pieces[2].before && pieces[2].begin_ns == 500 && pieces[2].end_ns == 900 && pieces[2].serial == 1);
	requests_close(&s);
	end(w);
}

static gint64 ns_of(const RequestCauses *causes, const RequestScan *s, const char *name, const char *detail)
{
	g_autoptr(GArray) list = request_causes_list(causes);
	gint64 ns = 0;

	for (guint i = 0; i < list->len; i++) {
		const RequestCause *c = &g_array_index(list, RequestCause, i);
		g_autofree char *found = request_cause_name(s, REQUEST_SERVER, c), *with = request_cause_detail(s, c);

		if (strcmp(found, name) == 0 && strcmp(with, detail) == 0)
			ns += c->ns;
	}
	return ns;
}

static void test_causes_are_states_cut_at_the_ends(void)
{
	World *w = begin();
	History *h = w->trace.history;
	gint64 states[KERNEL_TS_COUNT] = {0};
	RequestScan s;

	history_append(h, w->rows[0], 80, KERNEL_TS_B_POLL, 0);
	history_append(h, w->rows[0], 150, KERNEL_TS_USER, 0);
	history_append(h, w->rows[0], 400, KERNEL_TS_B_DISK, text(w, "vdc"));
	history_append(h, w->rows[0], END, KERNEL_TS_PREEMPTED, text(w, "tar 9"));
	listen_at(w, 80);
	add_request(w, 50, 100, 110, 1000, 0, 0);
	g_assert_true(history_finish(h, NULL));
	g_autoptr(GArray) all = requests(w);
	g_autoptr(RequestCauses) causes = request_causes_new();
	g_assert_true(requests_open(&s, &w->store, &w->query, &w->trace));
	request_causes_add(causes, &s, &AT(all, 0));
	g_assert_cmpint(ns_of(causes, &s, "not yet read: poll", ""), ==, 30);
	g_assert_cmpint(ns_of(causes, &s, "not yet read: user", ""), ==, 20);
	g_assert_cmpint(ns_of(causes, &s, "user", ""), ==, 50);
	g_assert_cmpint(ns_of(causes, &s, "disk", "vdc"), ==, 250);
	g_assert_cmpint(ns_of(causes, &s, "preempted", "tar 9"), ==, 600);
	g_assert_true(request_add_states(&s, &AT(all, 0), states));
	g_assert_cmpint(states[KERNEL_TS_B_DISK], ==, 250);
	g_assert_cmpint(states[KERNEL_TS_B_POLL], ==, 0);
	requests_close(&s);
	end(w);
}

static void woken(World *w, guint32 thread, gint64 woken_ns, gint64 run_ns, guint32 waker, KernelFrom from)
{
	*ADD(w, KERNEL_LATENCIES_TABLE, KernelLatencyItem) =
		(KernelLatencyItem){.thread = thread, .woken_ns = woken_ns, .run_ns = run_ns, .waker = waker, .from = (guint8)from};
}

/* While one thread waits for another, what that one does is the cause; who was woken by an interrupt has waited for what it says. */
static void test_waits_for_other_threads(void)
{
	World *w = begin();
	History *h = w->trace.history;
	RequestScan s;

	history_append(h, w->rows[0], 200, KERNEL_TS_USER, 0);
	history_append(h, w->rows[0], 600, KERNEL_TS_B_FUTEX, text(w, "0x10"));
	history_append(h, w->rows[0], 650, KERNEL_TS_WAIT_CPU, 0);
	history_append(h, w->rows[0], 700, KERNEL_TS_USER, 0);
	history_append(h, w->rows[0], 800, KERNEL_TS_B_POLL, text(w, "network"));
	history_append(h, w->rows[0], END, KERNEL_TS_USER, 0);
	history_append(h, w->rows[2], 550, KERNEL_TS_B_DISK, text(w, "vdc"));
	history_append(h, w->rows[2], END, KERNEL_TS_USER, 0);
	woken(w, 1, 600, 640, 0, KERNEL_FROM_THREAD);
	woken(w, 0, 600, 650, 2, KERNEL_FROM_THREAD);
	woken(w, 0, 800, 800, 2, KERNEL_FROM_SOFTIRQ);
	listen_at(w, 80);
	add_request(w, KERNEL_REQUEST_NO_TIME, 100, 110, 900, 0, 0);
	g_assert_true(history_finish(h, NULL));
	g_autoptr(GArray) all = requests(w);
	g_autoptr(RequestCauses) causes = request_causes_new();
	g_assert_true(requests_open(&s, &w->store, &w->query, &w->trace));
	request_causes_add(causes, &s, &AT(all, 0));
	g_assert_cmpint(ns_of(causes, &s, "for another thread: disk", "vdc"), ==, 350);
	g_assert_cmpint(ns_of(causes, &s, "for another thread: user", ""), ==, 50);
	g_assert_cmpint(ns_of(causes, &s, "wait-cpu", ""), ==, 50);
	g_assert_cmpint(ns_of(causes, &s, "poll", "network"), ==, 100);
	g_assert_cmpint(ns_of(causes, &s, "user", ""), ==, 250);
	requests_close(&s);
	end(w);
}

/* Waits for one service are one cause, from whatever port each client came. */
static void test_waits_for_a_service(void)
{
	World *w = begin();
	History *h = w->trace.history;
	RequestScan s;

	history_append(h, w->rows[0], 200, KERNEL_TS_USER, 0);
	history_append(h, w->rows[0], 300, KERNEL_TS_B_NETWORK, text(w, "tcp 10.0.0.2:40000 - 10.0.0.1:3306"));
	history_append(h, w->rows[0], 400, KERNEL_TS_USER, 0);
	history_append(h, w->rows[0], 600, KERNEL_TS_B_NETWORK, text(w, "tcp 10.0.0.2:40001 - 10.0.0.1:3306"));
	history_append(h, w->rows[0], 700, KERNEL_TS_B_NETWORK, text(w, "tcp 10.0.0.2:40001 - 10.0.0.9:3306"));
	history_append(h, w->rows[0], END, KERNEL_TS_USER, 0);
	listen_at(w, 80);
	add_request(w, KERNEL_REQUEST_NO_TIME, 100, 110, 900, 0, 0);
	g_assert_true(history_finish(h, NULL));
	g_autoptr(GArray) all = requests(w);
	g_autoptr(RequestCauses) causes = request_causes_new();
	g_assert_true(requests_open(&s, &w->store, &w->query, &w->trace));
	request_causes_add(causes, &s, &AT(all, 0));
	g_assert_cmpint(ns_of(causes, &s, "network", "tcp 10.0.0.2 - 10.0.0.1:3306"), ==, 300);
	g_assert_cmpint(ns_of(causes, &s, "network", "tcp 10.0.0.2 - 10.0.0.9:3306"), ==, 100);
	g_autoptr(GArray) list = request_causes_list(causes);
	g_assert_cmpuint(list->len, ==, 3);
	requests_close(&s);
	end(w);
}

/* The cell of a CSV line; the caller frees. */
static char *cell(const char *line, guint column)
{
	g_auto(GStrv) cells = g_strsplit(line, ",", -1);

	g_assert_cmpuint(g_strv_length(cells), >, column);
	return g_strdup(cells[column]);
}

/* A hundred requests of 10 ns of work; five of them wait for a disk for 1000 ns besides, and one for 10 ns more. */
static void test_what_slow_ones_have(void)
{
	World *w = begin();
	History *h = w->trace.history;
	gint64 t = 0;
	char *out = NULL;
	gsize size = 0;
	guint found = 0;

	listen_at(w, 80);
	for (guint i = 0; i < 100; i++) {
		gint64 wait = i % 20 == 7 ? 1000 : i == 50 ? 10 : 0;

		history_append(h, w->rows[0], t + 100, KERNEL_TS_B_POLL, 0);
		history_append(h, w->rows[0], t + 110, KERNEL_TS_USER, 0);
		history_append(h, w->rows[0], t + 110 + wait, KERNEL_TS_B_DISK, text(w, "vdc"));
		add_request(w, KERNEL_REQUEST_NO_TIME, t + 100, t + 101, t + 110 + wait, 0, 0);
		t += 110 + wait;
	}
	g_assert_true(history_finish(h, NULL));
	g_autoptr(View) v = requests_by_cause(&w->store, &w->query);
	FILE *file = open_memstream(&out, &size);
	g_assert_true(view_render(v, VIEW_FORMAT_CSV, file, NULL));
	fclose(file);
	g_auto(GStrv) lines = g_strsplit(out, "\n", -1);
	g_auto(GStrv) names = g_strsplit(lines[0], ",", -1);
	for (guint i = 1; lines[i] && *lines[i]; i++)
		for (guint c = 0; names[c]; c++) {
			g_autofree char *value = cell(lines[i], c);
			gboolean is_disk = strstr(lines[i], ",disk,") != NULL;

			if (strcmp(names[c], "added_ns") == 0 && (i == 1 || is_disk)) {
				g_assert_cmpstr(value, ==, "1000");
				found++;
			}
			if (strcmp(names[c], "slow_count") == 0 && i == 1)
				g_assert_cmpstr(value, ==, "5");
		}
	g_assert_cmpuint(found, ==, 3); /* the service, the disk, and which one */
	free(out);
	end(w);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/requests-view/packets-take-turns", test_packets_take_turns);
	g_test_add_func("/requests-view/a-greeting-and-a-late-begin", test_a_greeting_and_a_late_begin);
	g_test_add_func("/requests-view/packets-of-tls", test_packets_of_tls);
	g_test_add_func("/requests-view/packets-passed-on-are-nobodys", test_packets_passed_on_are_nobodys);
	g_test_add_func("/requests-view/a-socket-that-tells-is-enough", test_a_socket_that_tells_is_enough);
	g_test_add_func("/requests-view/a-vms-requests", test_a_vms_requests);
	g_test_add_func("/requests-view/who-served", test_who_served);
	g_test_add_func("/requests-view/causes-are-states-cut-at-the-ends", test_causes_are_states_cut_at_the_ends);
	g_test_add_func("/requests-view/waits-for-other-threads", test_waits_for_other_threads);
	g_test_add_func("/requests-view/waits-for-a-service", test_waits_for_a_service);
	g_test_add_func("/requests-view/what-slow-ones-have", test_what_slow_ones_have);
	return g_test_run();
}
