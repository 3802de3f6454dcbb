/* SPDX-License-Identifier: MIT */
/*
 * Containers, case by case: events are given to the models one by one. The machine's own process 1 and thread 100 are always there; a container's numbers are
 * made up. Times count from 0.
 */
#include "analysis/query.h"
#include "kernel/containers.h"
#include "feed.h"

#include <string.h>

enum { END = 100000, RUNNABLE = 0 };
enum { NEW_MNT = 0x20000, NEW_CGROUP = 0x2000000 };

#define OWN_PID    4026531836u
#define OWN_CGROUP 4026531835u
#define OWN_MNT    4026531840u
#define OWN_UTS    4026531838u

typedef struct {
	Kernel *kernel;
	History *history;
	KernelSet *set;
	TraceModel models[1 + KERNEL_PART_COUNT];
	gint64 now;
} World;

/* Only the Kernel and this part hear of it. */
static void feed(World *w, TraceEventId id, gint syscall, const guint64 *v, guint n, const guint64 *ctx, guint16 ctx_present, const char *text)
{
	guint64 values[TRACE_FIELDS_MAX] = {0};
	TraceEvent ev = {.time = ++w->now, .cpu = 0, .id = (guint16)id, .syscall = (gint16)syscall, .present = (guint16)((1u << n) - 1), .v = values,
			 .ctx = ctx, .ctx_present = ctx_present, .base = (const guint8 *)(text ? text : "")};
	const guint to[] = {0, 1 + KERNEL_PART_CONTAINERS};

	for (guint i = 0; i < n; i++)
		values[i] = v[i];
	for (guint i = 0; i < G_N_ELEMENTS(to); i++)
		feed_model(&w->models[to[i]], &ev);
}

#define FEED(w, id, ...)                                                                                                       \
	do {                                                                                                                   \
		const guint64 values_[] = {__VA_ARGS__};                                                                       \
		feed(w, TRACE_##id, -1, values_, G_N_ELEMENTS(values_), NULL, 0, NULL);                                        \
	} while (0)

#define PROCESS(w, tid, pid)                     FEED(w, STATEDUMP_PROCESS, tid, pid, 1)
#define PID_NS(w, tid, vtid, level, inum)        FEED(w, STATEDUMP_PID_NS, tid, vtid, vtid, level, inum)
#define OTHER_NS(w, kind, tid, inum)             FEED(w, STATEDUMP_##kind##_NS, tid, inum)
#define FORK(w, parent, child, child_ns, own_ns) FEED(w, PROCESS_FORK, child, child, parent, parent, 0, child_ns, own_ns)

/* The thread gets the processor, and the one before had these namespaces. */
static void switch_to(World *w, gint prev, gint next, guint32 pid_ns, guint32 cgroup_ns)
{
	guint64 v[] = {(guint64)prev, RUNNABLE, (guint64)next}, ctx[TRACE_CTX_COUNT] = {0};
	guint16 present = 0;

	ctx[TRACE_CTX_PID_NS] = pid_ns;
	ctx[TRACE_CTX_CGROUP_NS] = cgroup_ns;
	if (pid_ns)
		present = TRACE_BIT(TRACE_CTX_PID_NS) | TRACE_BIT(TRACE_CTX_CGROUP_NS);
	feed(w, TRACE_SCHED_SWITCH, -1, v, 3, ctx, present, NULL);
}

/* A call of the thread that has the processor, which succeeds. */
static void call(World *w, TraceSyscall syscall, guint64 argument, const char *text)
{
	guint64 v[] = {text ? CTF_TEXT(0, strlen(text)) : argument}, zero[] = {0};

	feed(w, TRACE_SYSCALL_ENTRY, syscall, v, 1, NULL, 0, text);
	feed(w, TRACE_SYSCALL_EXIT, syscall, zero, 1, NULL, 0, NULL);
}

/* Process 1 and thread 100, in the machine's own namespaces. */
static World *begin(void)
{
	static TraceFacts facts = {.is_kernel = TRUE};
	World *w = g_new0(World, 1);

	for (guint i = 0; i < TRACE_EVENT_COUNT; i++)
		facts.declared[i] = TRUE;
	w->kernel = kernel_new(&facts, 0, END);
	w->history = history_new(0, END, NULL);
	w->set = kernel_set_new(w->kernel, w->history, &facts);
	w->models[0] = kernel_model(w->kernel);
	kernel_set_models(w->set, w->models + 1);
	for (guint tid = 1; tid <= 100; tid += 99) {
		PROCESS(w, tid, tid);
		PID_NS(w, tid, tid, 0, OWN_PID);
		OTHER_NS(w, CGROUP, tid, OWN_CGROUP);
		OTHER_NS(w, MNT, tid, OWN_MNT);
		OTHER_NS(w, UTS, tid, OWN_UTS);
	}
	return w;
}

static void finish(World *w)
{
	kernel_finish(w->kernel);
	kernel_set_finish(w->set);
}

static void end(World *w)
{
	kernel_set_free(w->set);
	kernel_free(w->kernel);
	history_free(w->history);
	g_free(w);
}

static guint32 of(World *w, gint tid)
{
	guint32 found = KERNEL_NO_CONTAINER;

	for (guint i = 0; i < w->kernel->threads->len; i++) {
		const KernelThread *t = g_ptr_array_index(w->kernel->threads, i);

		if (t->tid == tid)
			found = kernel_container_of(w->history, t->serial);
	}
	return found;
}

static const KernelContainerItem *item(World *w, gint tid)
{
	const KernelContainerItem *it = kernel_container(w->history, of(w, tid));

	g_assert_nonnull(it);
	return it;
}

static const char *name(World *w, gint tid)
{
	return history_text_get(w->history, item(w, tid)->name);
}

/* ---- Cases ------------------------------------------------------------------------------------------------------ */

static void test_machine(void)
{
	World *w = begin();

	finish(w);
	g_assert_cmpuint(kernel_n_containers(w->history), ==, 1);
	g_assert_cmpuint(of(w, 1), ==, 0);
	g_assert_cmpuint(of(w, 100), ==, 0);
	g_assert_cmpuint(item(w, 1)->threads, ==, 2);
	end(w);
}

/* A state dump tells of a thread's namespaces from the innermost one outwards: that is how a container in a container is known. */
static void test_nested_by_statedump(void)
{
	World *w = begin();

	PROCESS(w, 200, 200);
	PID_NS(w, 200, 1, 1, 500);
	PID_NS(w, 200, 200, 0, OWN_PID);
	PROCESS(w, 300, 300);
	PID_NS(w, 300, 1, 2, 600);
	PID_NS(w, 300, 7, 1, 500);
	PID_NS(w, 300, 300, 0, OWN_PID);
	finish(w);
	g_assert_cmpuint(kernel_n_containers(w->history), ==, 3);
	g_assert_cmpuint(item(w, 200)->ns[KERNEL_NS_PID], ==, 500);
	g_assert_cmpuint(item(w, 200)->level, ==, 1);
	g_assert_cmpuint(item(w, 200)->parent, ==, 0);
	g_assert_cmpint(item(w, 200)->init_tid, ==, 200);
	g_assert_cmpuint(item(w, 300)->level, ==, 2);
	g_assert_cmpuint(item(w, 300)->parent, ==, of(w, 200));
	end(w);
}

static void test_fork_into_a_namespace(void)
{
	World *w = begin();

	switch_to(w, 0, 100, 0, 0);
	FORK(w, 100, 200, 500, OWN_PID);
	FORK(w, 200, 201, 500, 500);
	FORK(w, 201, 202, 600, 500);
	finish(w);
	g_assert_cmpuint(of(w, 100), ==, 0);
	g_assert_cmpuint(of(w, 200), ==, of(w, 201));
	g_assert_cmpuint(item(w, 200)->ns[KERNEL_NS_PID], ==, 500);
	g_assert_cmpuint(item(w, 200)->threads, ==, 2);
	g_assert_cmpuint(item(w, 202)->parent, ==, of(w, 200));
	g_assert_cmpuint(item(w, 202)->level, ==, 2);
	g_assert_cmpint(item(w, 202)->init_tid, ==, 202);
	end(w);
}

/* The container's runtime stays in the machine's pid namespace; that it shares a namespace with one container only shows whose it is. */
static void test_what_shares_a_namespace_belongs_to_it(void)
{
	World *w = begin();

	switch_to(w, 0, 100, 0, 0);
	FORK(w, 100, 150, OWN_PID, OWN_PID);
	switch_to(w, 100, 150, OWN_PID, OWN_CGROUP);
	FORK(w, 150, 200, 500, OWN_PID);
	switch_to(w, 150, 200, OWN_PID, 700);
	switch_to(w, 200, 100, 500, 700);
	finish(w);
	g_assert_cmpuint(of(w, 150), ==, of(w, 200));
	g_assert_cmpuint(of(w, 100), ==, 0);
	g_assert_cmpuint(kernel_n_containers(w->history), ==, 2);
	end(w);
}

/* Two pid namespaces in one cgroup namespace: what has only that is neither's. */
static void test_shared_by_two(void)
{
	World *w = begin();

	for (guint i = 0; i < 2; i++) {
		PROCESS(w, 200 + i, 200 + i);
		PID_NS(w, 200 + i, 1, 1, 500 + i);
		OTHER_NS(w, CGROUP, 200 + i, 700);
	}
	PROCESS(w, 300, 300);
	PID_NS(w, 300, 300, 0, OWN_PID);
	OTHER_NS(w, CGROUP, 300, 700);
	finish(w);
	g_assert_cmpuint(of(w, 200), !=, of(w, 201));
	g_assert_cmpuint(of(w, 300), !=, of(w, 200));
	g_assert_cmpuint(of(w, 300), !=, of(w, 201));
	g_assert_cmpuint(item(w, 300)->kind, ==, KERNEL_NS_CGROUP);
	end(w);
}

static void test_mount_namespace_alone(void)
{
	World *w = begin();

	PROCESS(w, 200, 200);
	PID_NS(w, 200, 200, 0, OWN_PID);
	OTHER_NS(w, MNT, 200, 800);
	finish(w);
	g_assert_cmpuint(item(w, 200)->kind, ==, KERNEL_NS_MNT);
	g_assert_cmpuint(item(w, 200)->ns[KERNEL_NS_MNT], ==, 800);
	end(w);
}

/* A namespace that was left is not the old one any more, though the new one isn't known until a context tells. */
static void test_unshare(void)
{
	World *w = begin();

	PROCESS(w, 200, 200);
	PID_NS(w, 200, 200, 0, OWN_PID);
	OTHER_NS(w, MNT, 200, 800);
	OTHER_NS(w, CGROUP, 200, 700);
	switch_to(w, 0, 200, 0, 0);
	call(w, TRACE_SYS_UNSHARE, NEW_MNT | NEW_CGROUP, NULL);
	finish(w);
	g_assert_cmpuint(of(w, 200), ==, 0);
	end(w);
}

static void test_host_name(void)
{
	World *w = begin();

	switch_to(w, 0, 100, 0, 0);
	FORK(w, 100, 200, 500, OWN_PID);
	OTHER_NS(w, UTS, 200, 900);
	switch_to(w, 100, 200, 0, 0);
	call(w, TRACE_SYS_SETHOSTNAME, 0, "web-1");
	switch_to(w, 200, 100, 0, 0);
	call(w, TRACE_SYS_SETHOSTNAME, 0, "the-machine");
	finish(w);
	g_assert_cmpstr(name(w, 200), ==, "web-1");
	g_assert_cmpstr(name(w, 100), ==, "(machine)");
	end(w);
}

/* A thread of which nothing is known is in no known container; its child is where its fork says. */
static void test_unknown(void)
{
	World *w = begin();

	PROCESS(w, 200, 200);
	FEED(w, PROCESS_FORK, 201, 201, 200, 200);
	finish(w);
	g_assert_cmpuint(of(w, 200), ==, KERNEL_NO_CONTAINER);
	g_assert_cmpuint(of(w, 201), ==, KERNEL_NO_CONTAINER);
	end(w);
}

static void test_no_namespaces(void)
{
	World *w = g_new0(World, 1);
	TraceFacts facts = {.is_kernel = TRUE};

	w->kernel = kernel_new(&facts, 0, END);
	w->history = history_new(0, END, NULL);
	w->set = kernel_set_new(w->kernel, w->history, &facts);
	finish(w);
	g_assert_cmpuint(kernel_n_containers(w->history), ==, 0);
	g_assert_cmpuint(kernel_container_of(w->history, 0), ==, KERNEL_NO_CONTAINER);
	end(w);
}

static void test_patterns(void)
{
	static const struct {
		const char *pattern;
		gboolean fits;
	} cases[] = {{"web-1", TRUE}, {"web*", TRUE}, {"500", TRUE}, {"700", TRUE}, {"501", FALSE}, {"db", FALSE}, {"*", TRUE}};
	World *w = begin();

	switch_to(w, 0, 100, 0, 0);
	FORK(w, 100, 200, 500, OWN_PID);
	OTHER_NS(w, CGROUP, 200, 700);
	OTHER_NS(w, UTS, 200, 900);
	switch_to(w, 100, 200, 0, 0);
	call(w, TRACE_SYS_SETHOSTNAME, 0, "web-1");
	finish(w);
	for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
		const char *const patterns[] = {"nothing", cases[i].pattern, NULL};

		g_assert_cmpint(kernel_container_matches(w->history, of(w, 200), patterns, analysis_any_match), ==, cases[i].fits);
	}
	g_assert_true(kernel_container_matches(w->history, of(w, 200), NULL, analysis_any_match));
	end(w);
}

/* Threads without end, all in namespaces of their own: what is beyond the limits is not told apart, and nothing breaks. */
static void test_limits(void)
{
	World *w = begin();

	switch_to(w, 0, 100, 0, 0);
	for (guint i = 0; i < 2 * KERNEL_CONTAINERS_MAX; i++)
		FORK(w, 100, 1000 + i, 1000000 + i, OWN_PID);
	finish(w);
	g_assert_cmpuint(kernel_n_containers(w->history), ==, KERNEL_CONTAINERS_MAX);
	g_assert_cmpuint(of(w, 1000), !=, 0);
	g_assert_cmpuint(of(w, 1000 + 2 * KERNEL_CONTAINERS_MAX - 1), ==, 0);
	end(w);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/containers/the machine's own threads are in none", test_machine);
	g_test_add_func("/containers/a state dump's levels nest", test_nested_by_statedump);
	g_test_add_func("/containers/a fork into a new pid namespace begins one", test_fork_into_a_namespace);
	g_test_add_func("/containers/what shares a namespace with one only belongs to it", test_what_shares_a_namespace_belongs_to_it);
	g_test_add_func("/containers/what two share is neither's", test_shared_by_two);
	g_test_add_func("/containers/a mount namespace alone makes one", test_mount_namespace_alone);
	g_test_add_func("/containers/unshare leaves namespaces", test_unshare);
	g_test_add_func("/containers/a host name is the container's name", test_host_name);
	g_test_add_func("/containers/what is not known is not invented", test_unknown);
	g_test_add_func("/containers/a trace without namespaces has none", test_no_namespaces);
	g_test_add_func("/containers/patterns are names and numbers", test_patterns);
	g_test_add_func("/containers/limits hold", test_limits);
	return g_test_run();
}
