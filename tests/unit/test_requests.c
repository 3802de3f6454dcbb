/* SPDX-License-Identifier: MIT */
/*
 * Requests, case by case: system calls on sockets are given to the models one by one, and the requests that come of them are compared with what the case was made of. Threads
 * 10 and 11 are of process 10, 20 of process 20; 10 runs on processor 0, the others on 1 and 2. Times count from 0, ten ns an event.
 */
#include "kernel/files.h"
#include "kernel/net.h"
#include "kernel/requests.h"
#include "feed.h"

#include <errno.h>
#include <string.h>

enum { END = 100000, INET = 2, UNIX = 1, STREAM = 1, DATAGRAM = 2, PEEK = 2 };

typedef struct {
	Kernel *kernel;
	History *history;
	KernelSet *set;
	TraceModel models[1 + KERNEL_PART_COUNT];
	TraceFacts facts;
	guint requests, connections;
	gint64 now;
	gint16 syscall;
	gboolean is_finished;
} World;

static void feed_values(World *w, TraceEventId id, gint32 cpu, const guint64 *v, guint n)
{
	guint64 values[TRACE_FIELDS_MAX] = {0}, ctx[TRACE_CTX_COUNT] = {0};
	TraceEvent ev = {.time = w->now, .cpu = cpu, .id = (guint16)id, .v = values, .ctx = ctx, .present = (guint16)((1u << n) - 1),
			 .base = (const guint8 *)"", .syscall = w->syscall};

	memcpy(values, v, n * sizeof(*v));
	feed_models(w->models, G_N_ELEMENTS(w->models), &ev);
}

/* An event, ten ns after the one before. */
#define FEED(w, id, cpu, ...)                                                    \
	do {                                                                     \
		const guint64 values_[] = {__VA_ARGS__};                         \
		(w)->now += 10;                                                  \
		feed_values(w, TRACE_##id, cpu, values_, G_N_ELEMENTS(values_)); \
	} while (0)

#define ENTER(w, cpu, call, ...)                                \
	do {                                                    \
		(w)->syscall = TRACE_SYS_##call;                \
		FEED(w, SYSCALL_ENTRY, cpu, __VA_ARGS__);       \
	} while (0)

#define LEAVE(w, cpu, call, result)                             \
	do {                                                    \
		(w)->syscall = TRACE_SYS_##call;                \
		FEED(w, SYSCALL_EXIT, cpu, (guint64)(result));  \
	} while (0)

#define CALL(w, cpu, call, result, ...)                         \
	do {                                                    \
		ENTER(w, cpu, call, __VA_ARGS__);               \
		LEAVE(w, cpu, call, result);                    \
	} while (0)

static void loss(World *w, gint32 cpu)
{
	for (guint e = 0; e < 2; e++)
		for (guint m = 0; m < G_N_ELEMENTS(w->models); m++)
			if (w->models[m].loss)
				w->models[m].loss(w->models[m].self, cpu, w->now, e ? TRACE_LOSS_END : TRACE_LOSS_BEGIN);
}

static World *begin(void)
{
	World *w = g_new0(World, 1);

	w->facts.is_kernel = TRUE;
	for (guint i = 0; i < TRACE_EVENT_COUNT; i++)
		w->facts.declared[i] = TRUE;
	w->kernel = kernel_new(&w->facts, 0, END);
	w->history = history_new(0, END, NULL);
	w->set = kernel_set_new(w->kernel, w->history, &w->facts);
	w->models[0] = kernel_model(w->kernel);
	kernel_set_models(w->set, w->models + 1);
	g_assert_true(history_find_table(w->history, KERNEL_REQUESTS_TABLE, sizeof(KernelRequest), &w->requests));
	g_assert_true(history_find_table(w->history, KERNEL_REQUEST_CONNECTIONS_TABLE, sizeof(KernelRequestConnection), &w->connections));
	FEED(w, STATEDUMP_PROCESS, 3, 10, 10, 1);
	FEED(w, STATEDUMP_PROCESS, 3, 11, 10, 1);
	FEED(w, STATEDUMP_PROCESS, 3, 20, 20, 1);
	FEED(w, SCHED_SWITCH, 0, 0, 0, 10);
	FEED(w, SCHED_SWITCH, 1, 0, 0, 11);
	FEED(w, SCHED_SWITCH, 2, 0, 0, 20);
	return w;
}

static void finish(World *w)
{
	if (w->is_finished)
		return;
	w->is_finished = TRUE;
	kernel_finish(w->kernel);
	kernel_set_finish(w->set);
}

static void end(World *w)
{
	finish(w);
	kernel_set_free(w->set);
	kernel_free(w->kernel);
	history_free(w->history);
	g_free(w);
}

static guint32 serial(World *w, gint32 tid)
{
	return kernel_thread(w->kernel, tid)->serial;
}

/* Those that are real: of their connection's side. */
static guint n_requests(World *w)
{
	guint n = 0;

	finish(w);
	for (guint64 i = 0; i < history_table_len(w->history, w->requests); i++) {
		const KernelRequest *q = history_table_get(w->history, w->requests, i);

		n += q->side == ((const KernelRequestConnection *)history_table_get(w->history, w->connections, q->connection))->side;
	}
	return n;
}

static const KernelRequest *request(World *w, guint i)
{
	finish(w);
	for (guint64 at = 0; at < history_table_len(w->history, w->requests); at++) {
		const KernelRequest *q = history_table_get(w->history, w->requests, at);
		const KernelRequestConnection *c = history_table_get(w->history, w->connections, q->connection);

		if (q->side == c->side && i-- == 0)
			return q;
	}
	g_assert_not_reached();
}

static const KernelRequestConnection *connection(const World *w, guint i)
{
	return history_table_get(w->history, w->connections, i);
}

#define REQUEST_IS(w, i, begin, turn, end, in, out, what)            \
	do {                                                         \
		const KernelRequest *q_ = request(w, i);             \
		g_assert_cmpint(q_->begin_ns, ==, begin);            \
		g_assert_cmpint(q_->turn_ns, ==, turn);              \
		g_assert_cmpint(q_->end_ns, ==, end);                \
		g_assert_cmpuint(q_->asked, ==, in);                 \
		g_assert_cmpuint(q_->answered, ==, out);             \
		g_assert_cmphex(q_->flags, ==, what);                \
	} while (0)

/* Process 10 listens with descriptor 3, and accepts `fd`. */
static void serve(World *w, guint family, gint64 fd)
{
	CALL(w, 0, SOCKET, 3, family, STREAM, 0);
	CALL(w, 0, LISTEN, 0, 3, 5);
	CALL(w, 0, ACCEPT, fd, 3, 0);
}

/* ---- A server's connections ----------------------------------------------------------------------------------------- */

static void test_keep_alive(void)
{
	World *w = begin();

	serve(w, INET, 4);
	gint64 t = w->now;
	CALL(w, 0, READ, 80, 4, 8000);
	CALL(w, 0, WRITEV, 500, 4, 2);
	CALL(w, 0, READ, -EAGAIN, 4, 8000);
	CALL(w, 0, READ, 90, 4, 8000);
	CALL(w, 0, WRITE, 600, 4, 600);
	CALL(w, 0, CLOSE, 0, 4);
	g_assert_cmpuint(n_requests(w), ==, 2);
	REQUEST_IS(w, 0, t + 10, t + 20, t + 40, 80, 500, 0);
	REQUEST_IS(w, 1, t + 70, t + 80, t + 100, 90, 600, 0);
	g_assert_cmpuint(connection(w, 0)->requests, ==, 2);
	g_assert_cmpuint(connection(w, 0)->side, ==, KERNEL_REQUEST_SERVER);
	g_assert_cmpuint(connection(w, 0)->how, ==, KERNEL_REQUEST_BY_CALL);
	end(w);
}

static void test_pieces(void)
{
	World *w = begin();

	serve(w, INET, 4);
	gint64 t = w->now;
	CALL(w, 0, RECVFROM, 4, 4, 4, 0);
	CALL(w, 0, RECVFROM, -EAGAIN, 4, 100, 0);
	CALL(w, 0, RECVFROM, 176, 4, 176, 0);
	CALL(w, 0, SENDTO, 1000, 4, 3000);
	CALL(w, 0, SENDTO, -EAGAIN, 4, 2000);
	CALL(w, 0, SENDTO, 2000, 4, 2000);
	g_assert_cmpuint(n_requests(w), ==, 1);
	REQUEST_IS(w, 0, t + 10, t + 60, t + 120, 180, 3000, 0);
	g_assert_cmpuint(request(w, 0)->asks, ==, 2);
	g_assert_cmpuint(request(w, 0)->answers, ==, 2);
	end(w);
}

/* One thread of the process reads, another one answers. */
static void test_handover(void)
{
	World *w = begin();

	serve(w, INET, 4);
	CALL(w, 0, READ, 80, 4, 8000);
	CALL(w, 1, WRITE, 500, 4, 500);
	g_assert_cmpuint(n_requests(w), ==, 1);
	g_assert_cmpuint(request(w, 0)->asker, ==, serial(w, 10));
	g_assert_cmpuint(request(w, 0)->answerer, ==, serial(w, 11));
	g_assert_cmphex(request(w, 0)->flags, ==, 0);
	end(w);
}

/* The next request is there before the first one is answered: by the next read, if the server reads it only then. */
static void test_pipelining(void)
{
	World *w = begin();

	serve(w, INET, 4);
	for (guint i = 0; i < 3; i++) {
		CALL(w, 0, READ, 80, 4, 80);
		CALL(w, 0, WRITE, 500, 4, 500);
	}
	CALL(w, 0, READ, 160, 4, 8000); /* two at once are one */
	CALL(w, 0, WRITE, 500, 4, 500);
	CALL(w, 0, WRITE, 500, 4, 500);
	g_assert_cmpuint(n_requests(w), ==, 4);
	g_assert_cmpuint(request(w, 3)->answered, ==, 1000);
	end(w);
}

static void test_server_speaks_first(void)
{
	World *w = begin();

	serve(w, INET, 4);
	CALL(w, 0, SENDTO, 104, 4, 104);
	CALL(w, 0, RECVFROM, 180, 4, 180, 0);
	CALL(w, 0, SENDTO, 22, 4, 22);
	CALL(w, 0, RECVFROM, 243, 4, 243, 0);
	CALL(w, 0, SENDTO, 13, 4, 13);
	g_assert_cmpuint(n_requests(w), ==, 2);
	g_assert_cmphex(request(w, 0)->flags, ==, KERNEL_REQUEST_LOGIN);
	g_assert_cmphex(request(w, 1)->flags, ==, 0);
	g_assert_cmpuint(request(w, 1)->asked, ==, 243);
	g_assert_cmpuint(connection(w, 0)->requests, ==, 1);
	g_assert_true(connection(w, 0)->greeted);
	end(w);
}

static void test_prefork(void)
{
	World *w = begin();

	CALL(w, 0, SOCKET, 3, INET, STREAM, 0);
	FEED(w, PROCESS_FORK, 0, 30, 30, 10, 10);
	FEED(w, SCHED_SWITCH, 3, 0, 0, 30);
	CALL(w, 3, ACCEPT, 4, 3, 0);
	CALL(w, 3, READ, 80, 4, 8000);
	CALL(w, 3, WRITE, 500, 4, 500);
	g_assert_cmpuint(n_requests(w), ==, 1);
	g_assert_cmpuint(request(w, 0)->asker, ==, serial(w, 30));
	g_assert_cmphex(request(w, 0)->flags, ==, 0);
	end(w);
}

/* The parent reads and forks; it closes its socket, the child answers. */
static void test_child_answers(void)
{
	World *w = begin();

	serve(w, INET, 4);
	CALL(w, 0, READ, 80, 4, 8000);
	FEED(w, PROCESS_FORK, 0, 30, 30, 10, 10);
	FEED(w, SCHED_SWITCH, 3, 0, 0, 30);
	CALL(w, 0, CLOSE, 0, 4);
	CALL(w, 3, WRITE, 500, 4, 500);
	CALL(w, 3, CLOSE, 0, 4);
	g_assert_cmpuint(n_requests(w), ==, 1);
	g_assert_cmphex(request(w, 0)->flags, ==, 0);
	g_assert_cmpuint(request(w, 0)->answerer, ==, serial(w, 30));
	end(w);
}

static void test_number_used_again(void)
{
	World *w = begin();

	serve(w, INET, 4);
	CALL(w, 0, READ, 80, 4, 8000);
	CALL(w, 0, WRITE, 500, 4, 500);
	CALL(w, 0, CLOSE, 0, 4);
	CALL(w, 0, ACCEPT, 4, 3, 0);
	CALL(w, 0, WRITE, 500, 4, 500); /* had it been the same connection this would be more of the answer */
	CALL(w, 0, READ, 80, 4, 8000);
	CALL(w, 0, CLOSE, 0, 4);
	g_assert_cmpuint(n_requests(w), ==, 2);
	g_assert_cmpuint(request(w, 0)->answered, ==, 500);
	g_assert_cmpuint(request(w, 1)->connection, ==, 1);
	end(w);
}

static void test_sendfile(void)
{
	World *w = begin();

	serve(w, INET, 4);
	gint64 t = w->now;
	CALL(w, 0, READ, 80, 4, 8000);
	CALL(w, 0, SENDFILE, 20000, 4, 9, 20000);
	g_assert_cmpuint(n_requests(w), ==, 1);
	REQUEST_IS(w, 0, t + 10, t + 20, t + 40, 80, 20000, 0);
	end(w);
}

static void test_unix_socket(void)
{
	World *w = begin();

	serve(w, UNIX, 4);
	CALL(w, 0, RECVMSG, 80, 4, 0);
	CALL(w, 0, SENDMSG, 500, 4);
	g_assert_cmpuint(n_requests(w), ==, 1);
	g_assert_cmphex(request(w, 0)->flags, ==, 0);
	g_assert_cmpuint(connection(w, 0)->kind, ==, KERNEL_FILE_UNIX);
	g_assert_cmpuint(kernel_request_port(connection(w, 0)), ==, 0);
	end(w);
}

/* What the server says when it has turned to reading again is no part of an answer. */
static void test_push(void)
{
	World *w = begin();

	serve(w, INET, 4);
	gint64 t = w->now;
	CALL(w, 0, READ, 80, 4, 8000);
	CALL(w, 0, WRITE, 500, 4, 500);
	CALL(w, 0, READ, -EAGAIN, 4, 8000);
	CALL(w, 0, WRITE, 500, 4, 500);
	g_assert_cmpuint(n_requests(w), ==, 1);
	REQUEST_IS(w, 0, t + 10, t + 20, t + 40, 80, 500, 0);
	end(w);
}

/* A request begins where its reader was woken, not where it began to wait. */
static void test_reader_that_slept(void)
{
	World *w = begin();

	serve(w, INET, 4);
	ENTER(w, 0, READ, 4, 8000);
	FEED(w, SCHED_SWITCH, 0, 10, 1, 0);
	FEED(w, SCHED_SWITCH, 0, 0, 0, 10);
	gint64 t = w->now;
	LEAVE(w, 0, READ, 80);
	CALL(w, 0, WRITE, 500, 4, 500);
	REQUEST_IS(w, 0, t + 10, t + 10, t + 30, 80, 500, 0);
	end(w);
}

/* Looking at data doesn't take them. */
static void test_peek(void)
{
	World *w = begin();

	serve(w, INET, 4);
	gint64 t = w->now;
	CALL(w, 0, RECVFROM, 5, 4, 5, PEEK);
	CALL(w, 0, RECVFROM, 80, 4, 8000, 0);
	CALL(w, 0, SENDTO, 500, 4, 500);
	g_assert_cmpuint(n_requests(w), ==, 1);
	REQUEST_IS(w, 0, t + 10, t + 40, t + 60, 80, 500, 0);
	end(w);
}

static void test_bad_ends(void)
{
	World *w = begin();

	serve(w, INET, 4);
	CALL(w, 0, READ, 80, 4, 8000);
	CALL(w, 0, CLOSE, 0, 4);
	CALL(w, 0, ACCEPT, 5, 3, 0);
	CALL(w, 0, READ, 80, 5, 8000);
	CALL(w, 0, WRITE, 500, 5, 1000);
	CALL(w, 0, WRITE, -EPIPE, 5, 500);
	CALL(w, 0, CLOSE, 0, 5);
	CALL(w, 0, ACCEPT, 6, 3, 0);
	CALL(w, 0, READ, 80, 6, 8000);
	CALL(w, 0, WRITE, 500, 6, 500);
	CALL(w, 0, READ, -ECONNRESET, 6, 8000); /* the client had its answer */
	CALL(w, 0, ACCEPT, 7, 3, 0);
	CALL(w, 0, READ, 80, 7, 8000);
	g_assert_cmpuint(n_requests(w), ==, 4);
	g_assert_cmphex(request(w, 0)->flags, ==, KERNEL_REQUEST_UNANSWERED);
	g_assert_cmphex(request(w, 1)->flags, ==, KERNEL_REQUEST_ABORTED);
	g_assert_cmphex(request(w, 2)->flags, ==, 0);
	g_assert_cmphex(request(w, 3)->flags, ==, KERNEL_REQUEST_OPEN_END);
	end(w);
}

/* ---- A client's ----------------------------------------------------------------------------------------------------- */

static void test_client(void)
{
	World *w = begin();

	CALL(w, 0, SOCKET, 4, INET, STREAM, 0);
	gint64 t = w->now;
	CALL(w, 0, CONNECT, -EINPROGRESS, 4);
	CALL(w, 0, CONNECT, 0, 4);
	CALL(w, 0, WRITE, 80, 4, 80);
	CALL(w, 0, READ, -EAGAIN, 4, 8192);
	CALL(w, 0, READ, 8192, 4, 8192);
	CALL(w, 0, READ, 100, 4, 8192);
	CALL(w, 0, READ, 0, 4, 8192);
	CALL(w, 0, CLOSE, 0, 4);
	g_assert_cmpuint(n_requests(w), ==, 1);
	REQUEST_IS(w, 0, t + 50, t + 60, t + 120, 80, 8292, 0);
	g_assert_cmpuint(request(w, 0)->side, ==, KERNEL_REQUEST_CLIENT);
	g_assert_cmpint(request(w, 0)->early_ns, ==, t + 10);
	g_assert_cmpint(request(w, 0)->late_ns, ==, t + 140);
	end(w);
}

/* A stream's end after several requests belongs to none. */
static void test_client_keeps_alive(void)
{
	World *w = begin();

	CALL(w, 0, SOCKET, 4, INET, STREAM, 0);
	CALL(w, 0, CONNECT, 0, 4);
	for (guint i = 0; i < 2; i++) {
		CALL(w, 0, SENDTO, 80, 4, 80);
		CALL(w, 0, RECVFROM, 100, 4, 8192, 0);
	}
	CALL(w, 0, RECVFROM, 0, 4, 8192, 0);
	g_assert_cmpuint(n_requests(w), ==, 2);
	for (guint i = 0; i < 2; i++)
		g_assert_cmpint(request(w, i)->late_ns, ==, KERNEL_REQUEST_NO_TIME);
	g_assert_cmpint(request(w, 1)->early_ns, ==, KERNEL_REQUEST_NO_TIME);
	end(w);
}

static void test_client_without_answer(void)
{
	World *w = begin();

	CALL(w, 0, SOCKET, 4, UNIX, STREAM, 0);
	CALL(w, 0, CONNECT, 0, 4);
	CALL(w, 0, WRITE, 80, 4, 80);
	CALL(w, 0, READ, 0, 4, 8192);
	CALL(w, 0, SOCKET, 5, UNIX, STREAM, 0);
	CALL(w, 0, CONNECT, 0, 5);
	CALL(w, 0, WRITE, 5, 5, 5); /* goodbye */
	CALL(w, 0, CLOSE, 0, 5);
	g_assert_cmpuint(n_requests(w), ==, 2);
	g_assert_cmphex(request(w, 0)->flags, ==, KERNEL_REQUEST_ABORTED);
	g_assert_cmphex(request(w, 1)->flags, ==, KERNEL_REQUEST_UNANSWERED);
	end(w);
}

/* ---- What isn't known ------------------------------------------------------------------------------------------------ */

/* Sockets that were open before: which end they are is told by what comes first, or by others of the process. */
static void test_open_before(void)
{
	World *w = begin();

	CALL(w, 0, RECVFROM, 80, 7, 8000, 0);
	CALL(w, 0, SENDTO, 500, 7, 500);
	CALL(w, 0, RECVFROM, 90, 7, 8000, 0);
	CALL(w, 0, SENDTO, 600, 7, 600);
	CALL(w, 2, SENDTO, 80, 7, 80);
	CALL(w, 2, RECVFROM, 500, 7, 8000, 0);
	g_assert_cmpuint(n_requests(w), ==, 3);
	g_assert_cmpuint(connection(w, 0)->side, ==, KERNEL_REQUEST_SERVER);
	g_assert_cmpuint(connection(w, 0)->how, ==, KERNEL_REQUEST_BY_DATA);
	g_assert_cmpuint(connection(w, 1)->side, ==, KERNEL_REQUEST_CLIENT);
	g_assert_cmphex(request(w, 0)->flags, ==, KERNEL_REQUEST_OPEN_BEGIN);
	g_assert_cmphex(request(w, 1)->flags, ==, 0);
	g_assert_cmpuint(request(w, 1)->asked, ==, 90);
	g_assert_cmphex(request(w, 2)->flags, ==, KERNEL_REQUEST_OPEN_BEGIN);
	end(w);
}

static void test_open_before_of_a_server(void)
{
	World *w = begin();

	serve(w, INET, 4);
	CALL(w, 0, READ, 80, 4, 8000);
	CALL(w, 0, WRITE, 500, 4, 500);
	CALL(w, 1, SENDTO, 500, 7, 500); /* the end of an answer */
	CALL(w, 1, RECVFROM, 90, 7, 8000, 0);
	CALL(w, 1, SENDTO, 600, 7, 600);
	g_assert_cmpuint(n_requests(w), ==, 2);
	g_assert_cmpuint(connection(w, 1)->side, ==, KERNEL_REQUEST_SERVER);
	g_assert_cmpuint(connection(w, 1)->how, ==, KERNEL_REQUEST_BY_PROCESS);
	g_assert_cmpuint(request(w, 1)->asked, ==, 90);
	g_assert_cmphex(request(w, 1)->flags, ==, 0);
	end(w);
}

static void test_loss(void)
{
	World *w = begin();

	serve(w, INET, 4);
	CALL(w, 0, ACCEPT, 5, 3, 0);
	CALL(w, 0, READ, 80, 4, 8000);
	CALL(w, 0, READ, 80, 5, 8000);
	loss(w, 1);
	CALL(w, 0, WRITE, 500, 4, 500);
	CALL(w, 0, READ, 90, 4, 8000);
	CALL(w, 0, WRITE, 500, 4, 500);
	g_assert_cmpuint(n_requests(w), ==, 3);
	g_assert_cmphex(request(w, 0)->flags, ==, KERNEL_REQUEST_OPEN_END | KERNEL_REQUEST_LOST);
	g_assert_cmphex(request(w, 1)->flags, ==, KERNEL_REQUEST_OPEN_END | KERNEL_REQUEST_LOST);
	g_assert_cmphex(request(w, 2)->flags, ==, 0);
	g_assert_cmpuint(connection(w, 0)->lost, ==, 1);
	g_assert_cmpuint(connection(w, 0)->requests, ==, 1);
	end(w);
}

/* Of socketpair's both ends, which the part files has as one, nobody asks the other; datagrams have no turns. */
static void test_no_streams(void)
{
	World *w = begin();
	guint files = history_table(w->history, KERNEL_FILES_TABLE, sizeof(KernelFileItem));

	CALL(w, 0, SOCKET, 9, UNIX, STREAM, 0);
	((KernelFileItem *)history_table_item(w->history, files, history_table_len(w->history, files) - 1))->is_pair = TRUE;
	CALL(w, 0, READ, 80, 9, 100);
	CALL(w, 0, WRITE, 80, 9, 100);
	CALL(w, 0, SOCKET, 5, INET, DATAGRAM, 0);
	CALL(w, 0, RECVFROM, 80, 5, 100, 0);
	CALL(w, 0, SENDTO, 80, 5, 100);
	g_assert_cmpuint(n_requests(w), ==, 0);
	end(w);
}

/* ---- Packets ----------------------------------------------------------------------------------------------------------- */

enum { SERVER_PORT = 80, CLIENT_PORT = 40000 };

static void add_net_connection(World *w, gboolean begun)
{
	KernelConnection *k = history_table_add(w->history, history_table(w->history, KERNEL_CONNECTIONS_TABLE, sizeof(KernelConnection)));

	*k = (KernelConnection){.protocol = KERNEL_PROTO_TCP, .version = 4, .begun = (guint8)begun, .port = {CLIENT_PORT, SERVER_PORT}};
	k->address[0][15] = 12;
	k->address[1][15] = 11;
}

static void packet(World *w, guint side, guint direction, guint payload, guint32 thread)
{
	KernelPacket *p = history_table_add(w->history, history_table(w->history, KERNEL_PACKETS_TABLE, sizeof(KernelPacket)));

	*p = (KernelPacket){.time_ns = w->now, .payload = payload, .side = (guint8)side, .direction = (guint8)direction, .thread = thread,
			    .protocol = KERNEL_PROTO_TCP, .response_ns = -1, .rtt_ns = -1};
}

static void answer_with_packet(World *w, gint64 fd)
{
	ENTER(w, 0, WRITE, (guint64)fd, 500);
	packet(w, 1, KERNEL_NET_OUT, 500, serial(w, 10));
	LEAVE(w, 0, WRITE, 500);
}

/* Data came in some time before they were read; ports and addresses are those of the packets that the writer sent. */
static void test_arrivals(void)
{
	World *w = begin();

	serve(w, INET, 4);
	add_net_connection(w, TRUE);
	packet(w, 0, KERNEL_NET_IN, 0, KERNEL_NET_NONE);
	FEED(w, SCHED_SWITCH, 3, 0, 0, 0);
	gint64 t = w->now;
	packet(w, 0, KERNEL_NET_IN, 40, KERNEL_NET_NONE);
	CALL(w, 0, READ, 40, 4, 8000);
	packet(w, 0, KERNEL_NET_IN, 40, KERNEL_NET_NONE); /* the rest of it */
	CALL(w, 0, READ, 40, 4, 8000);
	answer_with_packet(w, 4);
	gint64 u = w->now;
	packet(w, 0, KERNEL_NET_IN, 80, KERNEL_NET_NONE);
	CALL(w, 0, BRK, 0, 0);
	CALL(w, 0, READ, 80, 4, 8000);
	answer_with_packet(w, 4);
	g_assert_cmpuint(n_requests(w), ==, 2);
	g_assert_cmpint(request(w, 0)->early_ns, ==, t);
	g_assert_cmpint(request(w, 1)->early_ns, ==, u);
	g_assert_cmpint(request(w, 1)->begin_ns, ==, u + 30);
	g_assert_cmpuint(connection(w, 0)->local_port, ==, SERVER_PORT);
	g_assert_cmpuint(connection(w, 0)->remote_port, ==, CLIENT_PORT);
	g_assert_cmpuint(kernel_request_port(connection(w, 0)), ==, SERVER_PORT);
	end(w);
}

/* Which end a socket is that was open before is told by its packets, against what came first. */
static void test_side_by_packets(void)
{
	World *w = begin();

	add_net_connection(w, FALSE);
	ENTER(w, 0, SENDTO, 7, 500);
	packet(w, 1, KERNEL_NET_OUT, 500, serial(w, 10));
	LEAVE(w, 0, SENDTO, 500);
	CALL(w, 0, RECVFROM, 80, 7, 8000, 0);
	CALL(w, 0, SENDTO, 500, 7, 500);
	g_assert_cmpuint(n_requests(w), ==, 1);
	g_assert_cmpuint(connection(w, 0)->side, ==, KERNEL_REQUEST_SERVER);
	g_assert_cmpuint(connection(w, 0)->how, ==, KERNEL_REQUEST_BY_PACKETS);
	g_assert_cmphex(request(w, 0)->flags, ==, 0);
	end(w);
}

/* Packets that a thread sends meanwhile for another one, or that came before its call, are not its socket's. */
static void test_packets_of_others(void)
{
	World *w = begin();

	serve(w, INET, 4);
	add_net_connection(w, TRUE);
	CALL(w, 0, READ, 80, 4, 8000);
	packet(w, 1, KERNEL_NET_OUT, 500, serial(w, 10));
	ENTER(w, 0, WRITE, 4, 500);
	packet(w, 1, KERNEL_NET_OUT, 500, serial(w, 20));
	packet(w, 0, KERNEL_NET_OUT, 500, serial(w, 10)); /* who was accepted has not sent the SYN */
	LEAVE(w, 0, WRITE, 500);
	g_assert_cmpuint(n_requests(w), ==, 1);
	g_assert_cmpuint(connection(w, 0)->net, ==, KERNEL_NET_NONE);
	end(w);
}

/* Its packets are between the server's port and another one. */
static void set_port(World *w, guint16 port)
{
	((KernelConnection *)history_table_item(w->history, history_table(w->history, KERNEL_CONNECTIONS_TABLE, sizeof(KernelConnection)), 0))->port[1] = port;
}

static void turn(World *w, guint64 asked)
{
	CALL(w, 0, READ, (gint64)asked, 4, 8000);
	answer_with_packet(w, 4);
}

/* The hello, and a Finished of 74 bytes, are no requests; a request of 100 bytes in its place is one, and so is all of it on another port. */
static void test_tls(void)
{
	static const struct {
		guint16 port;
		guint64 second;
		guint8 first_flags, second_flags;
		guint64 requests;
	} cases[] = {{443, 80, KERNEL_REQUEST_LOGIN, KERNEL_REQUEST_LOGIN, 1}, {443, 126, KERNEL_REQUEST_LOGIN, KERNEL_REQUEST_LOGIN, 1},
		     {443, 100, KERNEL_REQUEST_LOGIN, 0, 2}, {SERVER_PORT, 80, 0, 0, 3}};

	for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
		World *w = begin();

		serve(w, INET, 4);
		add_net_connection(w, TRUE);
		set_port(w, cases[i].port);
		turn(w, 517);
		turn(w, cases[i].second);
		turn(w, 80);
		g_assert_cmpuint(n_requests(w), ==, 3);
		g_assert_cmphex(request(w, 0)->flags, ==, cases[i].first_flags);
		g_assert_cmphex(request(w, 1)->flags, ==, cases[i].second_flags);
		g_assert_cmphex(request(w, 2)->flags, ==, 0);
		g_assert_cmpuint(connection(w, 0)->requests, ==, cases[i].requests);
		end(w);
	}
}

/* A client's first request has waited for the handshake. */
static void test_tls_client(void)
{
	World *w = begin();

	CALL(w, 0, SOCKET, 4, INET, STREAM, 0);
	gint64 t = w->now;
	CALL(w, 0, CONNECT, 0, 4);
	add_net_connection(w, TRUE);
	set_port(w, 443);
	for (guint i = 0; i < 3; i++) {
		ENTER(w, 0, WRITE, 4, 500);
		packet(w, 0, KERNEL_NET_OUT, 500, serial(w, 10));
		LEAVE(w, 0, WRITE, i == 1 ? 58 : 500);
		CALL(w, 0, READ, 2000, 4, 8192);
	}
	g_assert_cmpuint(n_requests(w), ==, 3);
	g_assert_cmphex(request(w, 0)->flags, ==, KERNEL_REQUEST_LOGIN);
	g_assert_cmphex(request(w, 1)->flags, ==, KERNEL_REQUEST_LOGIN);
	g_assert_cmphex(request(w, 2)->flags, ==, 0);
	g_assert_cmpint(request(w, 2)->early_ns, ==, t + 10);
	end(w);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/requests/keep-alive", test_keep_alive);
	g_test_add_func("/requests/pieces", test_pieces);
	g_test_add_func("/requests/handover", test_handover);
	g_test_add_func("/requests/pipelining", test_pipelining);
	g_test_add_func("/requests/server-speaks-first", test_server_speaks_first);
	g_test_add_func("/requests/prefork", test_prefork);
	g_test_add_func("/requests/child-answers", test_child_answers);
	g_test_add_func("/requests/number-used-again", test_number_used_again);
	g_test_add_func("/requests/sendfile", test_sendfile);
	g_test_add_func("/requests/unix-socket", test_unix_socket);
	g_test_add_func("/requests/push", test_push);
	g_test_add_func("/requests/reader-that-slept", test_reader_that_slept);
	g_test_add_func("/requests/peek", test_peek);
	g_test_add_func("/requests/bad-ends", test_bad_ends);
	g_test_add_func("/requests/client", test_client);
	g_test_add_func("/requests/client-keeps-alive", test_client_keeps_alive);
	g_test_add_func("/requests/client-without-answer", test_client_without_answer);
	g_test_add_func("/requests/open-before", test_open_before);
	g_test_add_func("/requests/open-before-of-a-server", test_open_before_of_a_server);
	g_test_add_func("/requests/loss", test_loss);
	g_test_add_func("/requests/no-streams", test_no_streams);
	g_test_add_func("/requests/arrivals", test_arrivals);
	g_test_add_func("/requests/side-by-packets", test_side_by_packets);
	g_test_add_func("/requests/packets-of-others", test_packets_of_others);
	g_test_add_func("/requests/tls", test_tls);
	g_test_add_func("/requests/tls-client", test_tls_client);
	return g_test_run();
}
