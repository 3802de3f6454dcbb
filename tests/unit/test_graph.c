/* SPDX-License-Identifier: MIT */
/*
 * Paths over histories made by hand. Machine 0 has a client (thread 0) that waits for an answer from 100 to 400; machine 1, whose clock is OFFSET ahead, has the server: thread 0 works from 0 to 250, then sends. It
 * was itself blocked from 120 to 180 until thread 1 of its machine woke it. In the tests of disks the client waits for a request, and machine 1 is below it. Times in ns.
 */
#include "graph/graph.h"

enum { END = 1000, OFFSET = 50000, ABOVE = 5, BELOW = 7 /* disks */ };

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

static void client(Machine *m, guint wait)
{
	machine_begin(m, 0);
	add_thread(m, 0, 0, END);
	history_append(m->history, m->rows[0], 100, KERNEL_TS_USER, 0);
	history_append(m->history, m->rows[0], 400, wait, 0);
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
	gint64 told_ns;  /* likewise: when the client was told that its request is done */
	gboolean has_way; /* what was sent lay in a queue of machine 1 from 300 to 330, and the helper handed it over until 360 */
} World;

static gboolean sender(gpointer user, guint machine, guint32 thread, gint64 woken_ns, GraphSender *out)
{
	World *w = user;

	if (machine != 0 || thread != 0 || woken_ns != 400)
		return FALSE;
	*out = (GraphSender){.graph = w->machines[1].graph, .machine = 1, .thread = 0, .sent_ns = OFFSET + w->sent_ns};
	if (!w->has_way)
		return TRUE;
	const GraphRequest queue = {.state = KERNEL_TS_B_NETWORK, .begin_ns = OFFSET + 300, .issued_ns = OFFSET + 300, .end_ns = OFFSET + 330, .device = BELOW, .filler = GRAPH_NONE};
	out->steps[0] = (GraphStep){w->machines[1].graph, 1, 1, OFFSET + 330, TRUE, queue};
	out->steps[1] = (GraphStep){w->machines[1].graph, 1, 1, OFFSET + 360, FALSE};
	out->n_steps = 2;
	return TRUE;
}

/* The client's request is known from 110 on, and its driver has it from 150 to 390. */
static guint requests(gpointer user, guint machine, guint32 thread, const HistoryInterval *wait, GraphRequest out[GRAPH_REQUESTS_MAX])
{
	if (machine != 0 || wait->state != KERNEL_TS_B_DISK || wait->end_ns != 400)
		return 0;
	out[0] = (GraphRequest){.state = KERNEL_TS_B_DISK, .item = 3, .begin_ns = 110, .issued_ns = 150, .end_ns = 390, .device = ABOVE, .filler = GRAPH_NONE};
	return 1;
}

/* The server makes its own from 200 to 300; then the helper tells that it is done. */
static guint below(gpointer user, guint machine, guint64 request, GraphStep steps[GRAPH_STEPS_MAX])
{
	World *w = user;
	const GraphRequest own = {.state = KERNEL_TS_B_DISK, .item = 4, .begin_ns = OFFSET + 200, .issued_ns = OFFSET + 210, .end_ns = OFFSET + 300, .device = BELOW, .filler = 1};

	if (machine != 0 || request != 3)
		return 0;
	steps[0] = (GraphStep){w->machines[1].graph, 1, 0, OFFSET + 200, FALSE};
	steps[1] = (GraphStep){w->machines[1].graph, 1, 0, OFFSET + 300, TRUE, own};
	steps[2] = (GraphStep){w->machines[1].graph, 1, 1, OFFSET + w->told_ns, FALSE};
	return 3;
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
	guint32 device, filler;  /* 0: none */
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
	const GraphWorld world = {sender, convert, requests, below, w};
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
		g_assert_cmpuint(s->device, ==, expected[i].device ? expected[i].device : GRAPH_NONE);
		g_assert_cmpuint(s->filler, ==, expected[i].filler ? expected[i].filler : GRAPH_NONE);
		check_stack(stacks, s);
	}
	g_assert_cmpuint(segments->len, ==, n);
}

static void run_world(World *w, gint64 born, gboolean alone, const Expected *expected, guint n)
{
	client(&w->machines[0], w->told_ns ? KERNEL_TS_B_DISK : KERNEL_TS_B_NETWORK);
	server(&w->machines[1], born);
	check(w, alone, expected, n);
	machine_free(&w->machines[0]);
	machine_free(&w->machines[1]);
}

static void run(gint64 born, gint64 sent_ns, gboolean alone, const Expected *expected, guint n)
{
	World w = {.sent_ns = sent_ns};

	run_world(&w, born, alone, expected, n);
}

static void run_disk(gint64 born, gint64 told_ns, const Expected *expected, guint n)
{
	World w = {.told_ns = told_ns};

	run_world(&w, born, FALSE, expected, n);
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

/* Of its way the host knows more: its queue, and who handed it over; so it does of what was sent before the wait began. */
static void test_the_way_of_a_packet(void)
{
	static const Expected both[] = {{0, 0, KERNEL_TS_USER, 0, 0, 100},        {1, 0, KERNEL_TS_USER, 1, 100, 120},      {1, 1, KERNEL_TS_SYSCALL, 2, 120, 180},
					{1, 0, KERNEL_TS_USER, 1, 180, 250},      {0, 0, KERNEL_TS_B_NETWORK, 0, 250, 300}, {1, 1, KERNEL_TS_B_NETWORK, 1, 300, 330, BELOW},
					{1, 1, KERNEL_TS_SYSCALL, 1, 330, 360},   {0, 0, KERNEL_TS_B_NETWORK, 0, 360, 400}, {0, 0, KERNEL_TS_USER, 0, 400, END}};
	static const Expected way[] = {{0, 0, KERNEL_TS_USER, 0, 0, 100},      {0, 0, KERNEL_TS_B_NETWORK, 0, 100, 300}, {1, 1, KERNEL_TS_B_NETWORK, 1, 300, 330, BELOW},
				       {1, 1, KERNEL_TS_SYSCALL, 1, 330, 360}, {0, 0, KERNEL_TS_B_NETWORK, 0, 360, 400}, {0, 0, KERNEL_TS_USER, 0, 400, END}};
	World w = {.sent_ns = 250, .has_way = TRUE}, before = {.sent_ns = 90, .has_way = TRUE};

	run_world(&w, 0, FALSE, both, G_N_ELEMENTS(both));
	run_world(&before, 0, FALSE, way, G_N_ELEMENTS(way));
}

/* Before the sender was born the wait is the waiter's. */
static void test_sender_was_born_later(void)
{
	static const Expected expected[] = {{0, 0, KERNEL_TS_USER, 0, 0, 100},           {0, 0, KERNEL_TS_B_NETWORK, 0, 100, 200}, {1, 0, KERNEL_TS_USER, 1, 200, 250},
					    {0, 0, KERNEL_TS_B_NETWORK, 0, 250, 400}, {0, 0, KERNEL_TS_USER, 0, 400, END}};

	RUN(200, 250, FALSE, expected);
}

/* From when its driver had it: who serves the guest's disk, the request that he made, who told the guest; around that it is the guest's own wait. */
static void test_down_to_the_disk_below(void)
{
	static const Expected expected[] = {{0, 0, KERNEL_TS_USER, 0, 0, 100},    {0, 0, KERNEL_TS_B_DISK, 0, 100, 150, ABOVE}, {1, 1, KERNEL_TS_SYSCALL, 2, 150, 180},
					    {1, 0, KERNEL_TS_USER, 1, 180, 200},  {1, 0, KERNEL_TS_B_DISK, 1, 200, 300, BELOW, 1}, {1, 1, KERNEL_TS_SYSCALL, 1, 300, 350},
					    {0, 0, KERNEL_TS_B_DISK, 0, 350, 400, ABOVE}, {0, 0, KERNEL_TS_USER, 0, 400, END}};

	run_disk(0, 350, expected, G_N_ELEMENTS(expected));
}

/* Clocks are right within a bound: what is below doesn't go beyond the wait. */
static void test_below_ends_with_the_wait(void)
{
	static const Expected expected[] = {{0, 0, KERNEL_TS_USER, 0, 0, 100},    {0, 0, KERNEL_TS_B_DISK, 0, 100, 150, ABOVE}, {1, 1, KERNEL_TS_SYSCALL, 2, 150, 180},
					    {1, 0, KERNEL_TS_USER, 1, 180, 200},  {1, 0, KERNEL_TS_B_DISK, 1, 200, 300, BELOW, 1}, {1, 1, KERNEL_TS_SYSCALL, 1, 300, 400},
					    {0, 0, KERNEL_TS_USER, 0, 400, END}};

	run_disk(0, 900, expected, G_N_ELEMENTS(expected));
}

/* A thread that wasn't there yet did nothing: the time is the guest's wait. */
static void test_server_was_born_later(void)
{
	static const Expected expected[] = {{0, 0, KERNEL_TS_USER, 0, 0, 100},    {0, 0, KERNEL_TS_B_DISK, 0, 100, 200, ABOVE}, {1, 0, KERNEL_TS_B_DISK, 1, 200, 300, BELOW, 1},
					    {1, 1, KERNEL_TS_SYSCALL, 1, 300, 350}, {0, 0, KERNEL_TS_B_DISK, 0, 350, 400, ABOVE}, {0, 0, KERNEL_TS_USER, 0, 400, END}};

	run_disk(190, 350, expected, G_N_ELEMENTS(expected));
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/graph/alone", test_alone);
	g_test_add_func("/graph/over-a-packet", test_over_a_packet);
	g_test_add_func("/graph/sent-at-another-time", test_sent_at_another_time);
	g_test_add_func("/graph/the-way-of-a-packet", test_the_way_of_a_packet);
	g_test_add_func("/graph/sender-was-born-later", test_sender_was_born_later);
	g_test_add_func("/graph/down-to-the-disk-below", test_down_to_the_disk_below);
	g_test_add_func("/graph/below-ends-with-the-wait", test_below_ends_with_the_wait);
	g_test_add_func("/graph/server-was-born-later", test_server_was_born_later);
	return g_test_run();
}
