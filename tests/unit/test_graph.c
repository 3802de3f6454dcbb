/* SPDX-License-Identifier: MIT */
/*
 * Paths over histories made by hand. Machine 0 has a client (thread 0) that waits for an answer from 100 to 400; machine 1, whose clock is OFFSET ahead, has the server: thread 0 works from 0 to 250, then sends. It
 * was itself blocked from 120 to 180 until thread 1 of its machine woke it. Times in ns.
 */
#include "graph/graph.h"

enum { END = 1000, OFFSET = 50000 };

typedef struct {
	History *history;
	guint kind, threads, latencies;
	guint32 rows[2];
	Graph *graph;
} Machine;

static void add_thread(Machine *m, guint i, gint64 begin, gint64 end)
{
	KernelThreadItem *item = history_table_add(m->history, m->threads);

	m->rows[i] = history_row(m->history, m->kind, i ? "thread/2 helper" : "thread/1 main", begin);
	*item = (KernelThreadItem){.tid = (gint32)i + 1, .pid = 1, .row = m->rows[i], .same_as = i, .begin_ns = begin, .end_ns = end};
}

static void machine_begin(Machine *m, gint64 begin)
{
	static const char *const states[KERNEL_TS_COUNT] = {
#define KERNEL_S(id, name, wait) name,
		KERNEL_THREAD_STATES(KERNEL_S)
#undef KERNEL_S
	};

	m->history = history_new(begin, begin + END, NULL);
	m->kind = history_kind(m->history, KERNEL_THREAD_ROW_KIND, states, KERNEL_TS_COUNT);
	m->threads = history_table(m->history, KERNEL_THREADS_TABLE, sizeof(KernelThreadItem));
	m->latencies = history_table(m->history, KERNEL_LATENCIES_TABLE, sizeof(KernelLatencyItem));
}

static void machine_end(Machine *m)
{
	g_assert_true(history_finish(m->history, NULL));
	m->graph = graph_new(m->history, m->history);
	g_assert_nonnull(m->graph);
}

static void machine_free(Machine *m)
{
	graph_free(m->graph);
	history_free(m->history);
}

static void client(Machine *m)
{
	machine_begin(m, 0);
	add_thread(m, 0, 0, END);
	history_append(m->history, m->rows[0], 100, KERNEL_TS_USER, 0);
	history_append(m->history, m->rows[0], 400, KERNEL_TS_B_NETWORK, 0);
	history_append(m->history, m->rows[0], END, KERNEL_TS_USER, 0);
	machine_end(m);
}

static void server(Machine *m, gint64 born)
{
	machine_begin(m, OFFSET);
	add_thread(m, 0, OFFSET + born, OFFSET + END);
	add_thread(m, 1, OFFSET, OFFSET + END);
	history_append(m->history, m->rows[0], OFFSET + 120, KERNEL_TS_USER, 0);
	history_append(m->history, m->rows[0], OFFSET + 180, KERNEL_TS_B_FUTEX, 0);
	history_append(m->history, m->rows[0], OFFSET + END, KERNEL_TS_USER, 0);
	history_append(m->history, m->rows[1], OFFSET + END, KERNEL_TS_SYSCALL, 0);
	*(KernelLatencyItem *)history_table_add(m->history, m->latencies) =
		(KernelLatencyItem){.thread = 0, .woken_ns = OFFSET + 180, .run_ns = OFFSET + 180, .waker = 1, .from = KERNEL_FROM_THREAD};
	machine_end(m);
}

typedef struct {
	Machine machines[2];
	gint64 sent_ns;  /* in the server's clock, from its begin */
} World;

static gboolean sender(gpointer user, guint machine, guint32 thread, gint64 woken_ns, GraphSender *out)
{
	World *w = user;

	if (machine != 0 || thread != 0 || woken_ns != 400)
		return FALSE;
	*out = (GraphSender){.graph = w->machines[1].graph, .machine = 1, .thread = 0, .sent_ns = OFFSET + w->sent_ns};
	return TRUE;
}

static gint64 convert(gpointer user, guint from, guint to, gint64 time)
{
	return from == to ? time : from ? time - OFFSET : time + OFFSET;
}

typedef struct {
	guint machine;
	guint32 thread;
	guint state, depth;
	gint64 begin_ns, end_ns; /* in the machine's clock, from its begin */
} Expected;

static void check_stack(const GArray *stacks, const GraphSegment *s)
{
	guint depth = 0;

	g_assert_cmpuint(g_array_index(stacks, GraphStack, s->stack).thread, ==, s->thread);
	g_assert_cmpuint(g_array_index(stacks, GraphStack, s->stack).machine, ==, s->machine);
	for (guint32 at = g_array_index(stacks, GraphStack, s->stack).waiter; at != GRAPH_NO_STACK; at = g_array_index(stacks, GraphStack, at).waiter)
		depth++;
	g_assert_cmpuint(depth, ==, s->depth);
}

static void check(World *w, gboolean alone, const Expected *expected, guint n)
{
	const GraphWorld world = {sender, convert, w};
	g_autoptr(GArray) segments = g_array_new(FALSE, FALSE, sizeof(GraphSegment)), stacks = g_array_new(FALSE, FALSE, sizeof(GraphStack));

	graph_append(w->machines[0].graph, alone ? NULL : &world, 0, 0, 0, END, segments, stacks);
	for (guint i = 0; i < MIN(n, segments->len); i++) {
		const GraphSegment *s = &g_array_index(segments, GraphSegment, i);
		gint64 offset = expected[i].machine ? OFFSET : 0;

		g_assert_cmpuint(s->machine, ==, expected[i].machine);
		g_assert_cmpuint(s->thread, ==, expected[i].thread);
		g_assert_cmpuint(s->state, ==, expected[i].state);
		g_assert_cmpuint(s->depth, ==, expected[i].depth);
		g_assert_cmpint(s->begin_ns - offset, ==, expected[i].begin_ns);
		g_assert_cmpint(s->end_ns - offset, ==, expected[i].end_ns);
		check_stack(stacks, s);
	}
	g_assert_cmpuint(segments->len, ==, n);
}

static void run(gint64 born, gint64 sent_ns, gboolean alone, const Expected *expected, guint n)
{
	World w = {.sent_ns = sent_ns};

	client(&w.machines[0]);
	server(&w.machines[1], born);
	check(&w, alone, expected, n);
	machine_free(&w.machines[0]);
	machine_free(&w.machines[1]);
}

#define RUN(born, sent, alone, expected) run(born, sent, alone, expected, G_N_ELEMENTS(expected))

static void test_alone(void)
{
	static const Expected expected[] = {{0, 0, KERNEL_TS_USER, 0, 0, 100}, {0, 0, KERNEL_TS_B_NETWORK, 0, 100, 400}, {0, 0, KERNEL_TS_USER, 0, 400, END}};

	RUN(0, 250, TRUE, expected);
}

/* What the server did until it sent, its own wait replaced as well; the packet's way is what is left of the wait. */
static void test_over_a_packet(void)
{
	static const Expected expected[] = {{0, 0, KERNEL_TS_USER, 0, 0, 100},      {1, 0, KERNEL_TS_USER, 1, 100, 120}, {1, 1, KERNEL_TS_SYSCALL, 2, 120, 180},
					    {1, 0, KERNEL_TS_USER, 1, 180, 250},    {0, 0, KERNEL_TS_B_NETWORK, 0, 250, 400}, {0, 0, KERNEL_TS_USER, 0, 400, END}};

	RUN(0, 250, FALSE, expected);
}

/* What was sent before the wait began, or (clocks are right within a bound) after it had ended, explains nothing of it. */
static void test_sent_at_another_time(void)
{
	static const Expected expected[] = {{0, 0, KERNEL_TS_USER, 0, 0, 100}, {0, 0, KERNEL_TS_B_NETWORK, 0, 100, 400}, {0, 0, KERNEL_TS_USER, 0, 400, END}};

	RUN(0, 90, FALSE, expected);
	RUN(0, 410, FALSE, expected);
}

/* Before the sender was born the wait is the waiter's. */
static void test_sender_was_born_later(void)
{
	static const Expected expected[] = {{0, 0, KERNEL_TS_USER, 0, 0, 100},           {0, 0, KERNEL_TS_B_NETWORK, 0, 100, 200}, {1, 0, KERNEL_TS_USER, 1, 200, 250},
					    {0, 0, KERNEL_TS_B_NETWORK, 0, 250, 400}, {0, 0, KERNEL_TS_USER, 0, 400, END}};

	RUN(200, 250, FALSE, expected);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/graph/alone", test_alone);
	g_test_add_func("/graph/over-a-packet", test_over_a_packet);
	g_test_add_func("/graph/sent-at-another-time", test_sent_at_another_time);
	g_test_add_func("/graph/sender-was-born-later", test_sender_was_born_later);
	return g_test_run();
}
