/* SPDX-License-Identifier: MIT */
/* Whose time it was, level by level: histories made by hand. */
#include "analysis/nested.h"

#define END 10000

static const char *const vcpu_states[] = {
#define KVM_X(id, name, description) [KVM_STATE_##id] = (name),
	KVM_STATES(KVM_X)
#undef KVM_X
};
static const char *const l2_states[] = {
#define KVM_X(id, name, description) [KVM_L2_STATE_##id] = (name),
	KVM_L2_STATES(KVM_X)
#undef KVM_X
};
static const char *const thread_states[] = {
#define KERNEL_S(id, name, wait) [KERNEL_TS_##id] = (name),
	KERNEL_THREAD_STATES(KERNEL_S)
#undef KERNEL_S
};

/* One VM with one vCPU, which runs two nested VMs. */
typedef struct {
	History *h;
	guint32 vcpu, thread, l2[2];
	AnalysisSteal *s;
	AnalysisNestedAccount l1;
	GArray *l2s;
} World;

static World *begin(void)
{
	World *w = g_new0(World, 1);

	w->h = history_new(0, END, NULL);
	w->vcpu = history_row(w->h, history_kind(w->h, KVM_ROW_KIND, vcpu_states, KVM_STATE_COUNT), "vm/10/vcpu/0", 0);
	w->thread = history_row(w->h, history_kind(w->h, KERNEL_THREAD_ROW_KIND, thread_states, KERNEL_TS_COUNT), "thread/11 CPU 0/KVM", 0);
	for (guint k = 0; k < 2; k++) {
		g_autofree char *path = g_strdup_printf("vm/10/l2/%u/vcpu/0", k);

		w->l2[k] = history_row(w->h, history_kind(w->h, KVM_L2_ROW_KIND, l2_states, KVM_L2_STATE_COUNT), path, k * 100);
	}
	w->l2s = g_array_new(FALSE, FALSE, sizeof(AnalysisNestedL2));
	return w;
}

static void add_tables(World *w)
{
	KernelThreadItem *t = history_table_add(w->h, history_table(w->h, KERNEL_THREADS_TABLE, sizeof(KernelThreadItem)));

	*t = (KernelThreadItem){.tid = 11, .pid = 10, .row = w->thread};
	*(KvmVmItem *)history_table_add(w->h, history_table(w->h, KVM_VMS_TABLE, sizeof(KvmVmItem))) = (KvmVmItem){.pid = 10, .n_vcpus = 1, .n_l2s = 2};
	*(KvmVcpuItem *)history_table_add(w->h, history_table(w->h, KVM_VCPUS_TABLE, sizeof(KvmVcpuItem))) =
	        (KvmVcpuItem){.row = w->vcpu, .awaited = KVM_NO_ROW};
	for (guint32 k = 0; k < 2; k++)
		*(KvmL2VcpuItem *)history_table_add(w->h, history_table(w->h, KVM_L2_VCPUS_TABLE, sizeof(KvmL2VcpuItem))) =
		        (KvmL2VcpuItem){.l2 = k, .row = w->l2[k]};
	g_assert_true(history_finish(w->h, NULL));
	w->s = analysis_steal_new(w->h);
}

static void ask(World *w, gint64 begin_ns, gint64 end_ns)
{
	analysis_nested_account(w->h, w->s, 0, begin_ns, end_ns, &w->l1, w->l2s);
	g_assert_cmpuint(w->l2s->len, ==, 2);
}

static const AnalysisNestedAccount *l2_account(const World *w, guint k)
{
	return &g_array_index(w->l2s, AnalysisNestedL2, k).account;
}

static void end(World *w)
{
	analysis_steal_free(w->s);
	history_free(w->h);
	g_array_unref(w->l2s);
	g_free(w);
}

static void vcpu(World *w, gint64 until, KvmState state)
{
	history_append(w->h, w->vcpu, until, state, 0);
}

static void l2(World *w, guint k, gint64 until, KvmL2State state, const char *reason)
{
	history_append(w->h, w->l2[k], until, state, reason ? history_text(w->h, reason, -1) : 0);
}

/*
 * VM 0 runs; its exit is served; it runs; the processor is taken from level 1; an interrupt lets level 1 run VM 1 before it comes back. An interrupt of the host comes within its code. Then it halts, and
 * level 1 does other things.
 */
static void test_a_story(void)
{
	World *w = begin();

	vcpu(w, 1000, KVM_STATE_GUEST_L1); /* its own code */
	vcpu(w, 2000, KVM_STATE_GUEST_L2); /* VM 0; of it 1500..1600 an interrupt */
	vcpu(w, 2100, KVM_STATE_EXIT);     /* reflected */
	vcpu(w, 2500, KVM_STATE_GUEST_L1); /* served */
	vcpu(w, 2550, KVM_STATE_EXIT);     /* for level 1 */
	vcpu(w, 2750, KVM_STATE_PREEMPTED);
	vcpu(w, 2800, KVM_STATE_GUEST_L1);
	vcpu(w, 3800, KVM_STATE_GUEST_L2); /* VM 0 */
	vcpu(w, 3900, KVM_STATE_EXIT);     /* an interrupt of level 1 */
	vcpu(w, 4400, KVM_STATE_GUEST_L1); /* it leaves VM 0 alone */
	vcpu(w, 5400, KVM_STATE_GUEST_L2); /* VM 1 */
	vcpu(w, 5450, KVM_STATE_EXIT);
	vcpu(w, 5650, KVM_STATE_GUEST_L1); /* serves VM 1 */
	vcpu(w, 6000, KVM_STATE_GUEST_L2); /* VM 1 */
	vcpu(w, 6100, KVM_STATE_GUEST_L1); /* VM 1 has halted */
	vcpu(w, 7000, KVM_STATE_GUEST_L2); /* VM 0 */
	vcpu(w, 7100, KVM_STATE_GUEST_L1); /* it has halted too */
	vcpu(w, 7150, KVM_STATE_HALT_POLL);
	vcpu(w, 8150, KVM_STATE_HALTED);
	vcpu(w, END, KVM_STATE_GUEST_L1);
	history_append(w->h, w->thread, 1500, KERNEL_TS_GUEST, 0);
	history_append(w->h, w->thread, 1600, KERNEL_TS_IRQ, 0);
	history_append(w->h, w->thread, END, KERNEL_TS_GUEST, 0);
	l2(w, 0, 1000, KVM_L2_STATE_UNKNOWN, NULL);
	l2(w, 0, 2000, KVM_L2_STATE_GUEST, NULL);
	l2(w, 0, 2800, KVM_L2_STATE_REFLECTED, "CPUID");
	l2(w, 0, 3800, KVM_L2_STATE_GUEST, NULL);
	l2(w, 0, 6100, KVM_L2_STATE_AWAY, "INTR");
	l2(w, 0, 7000, KVM_L2_STATE_GUEST, NULL);
	l2(w, 0, END, KVM_L2_STATE_HALTED, NULL);
	l2(w, 1, 4400, KVM_L2_STATE_UNKNOWN, NULL);
	l2(w, 1, 5400, KVM_L2_STATE_GUEST, NULL);
	l2(w, 1, 5650, KVM_L2_STATE_REFLECTED, "MSR");
	l2(w, 1, 6000, KVM_L2_STATE_GUEST, NULL);
	l2(w, 1, END, KVM_L2_STATE_HALTED, NULL);
	add_tables(w);
	ask(w, 0, END);
	const AnalysisNestedAccount *a = l2_account(w, 0);
	const gint64 usual = 2 * (800 / 3); /* 800 ns of serving in a life of three runs */
#define PART(account, part, wanted) g_assert_cmpint((account)->ns[ANALYSIS_NESTED_##part], ==, wanted)
	PART(&w->l1, OWN, 1000 + 100 + 100 + (END - 8150));
	PART(&w->l1, L2, 900 + 1000 + 1000 + 350 + 900);
	PART(&w->l1, SERVING, 400 + 50 + 500 + 200);
	PART(&w->l1, L0_L1, 50);
	PART(&w->l1, L0_L2, 100 + 100 + 50);
	PART(&w->l1, IRQ, 100);
	PART(&w->l1, TAKEN, 200);
	PART(&w->l1, HALTED, 1050);
	PART(a, OWN, 900 + 1000 + 900);
	PART(a, IRQ, 100);
	PART(a, SERVING, 400 + 50 + (usual - 100)); /* from the second exit on as long as usual */
	PART(a, L0_L1, 50);
	PART(a, L0_L2, 100 + 100);
	PART(a, TAKEN, 200);
	PART(a, OTHER_L2, 1000 + 50 + 200 + 350);
	PART(a, ELSE, 600 - usual + 100);
	PART(a, HALTED, 3000);
	PART(a, UNKNOWN, 1000);
	PART(l2_account(w, 1), OWN, 1350);
	PART(l2_account(w, 1), SERVING, 200);
	PART(l2_account(w, 1), L0_L2, 50);
	g_assert_cmpint(analysis_nested_wanted_ns(a), ==, 6000);
	g_assert_cmpint(analysis_nested_starved_l0_ns(a), ==, 200 + 100);
	g_assert_cmpint(analysis_nested_starved_l1_ns(a), ==, 1600 + 700 - usual);
	g_assert_cmpuint(a->exits, ==, 3);
	g_assert_cmpuint(a->reflected, ==, 3);
	g_assert_cmpuint(a->away, ==, 1);
	g_assert_cmpuint(a->l1_exits, ==, 1);
	end(w);
}

/* Rows at random, but for what is always so: level 2 runs where one nested VM does. */
static World *random_world(void)
{
	static const KvmL2State after[] = {KVM_L2_STATE_EXIT, KVM_L2_STATE_REFLECTED, KVM_L2_STATE_AWAY, KVM_L2_STATE_HALTED, KVM_L2_STATE_UNKNOWN};
	World *w = begin();
	KvmL2State state[2] = {KVM_L2_STATE_UNKNOWN, KVM_L2_STATE_UNKNOWN};

	for (gint64 at = 0; at < END;) {
		KvmState does = (KvmState)g_test_rand_int_range(0, KVM_STATE_COUNT);
		gint runs = does == KVM_STATE_GUEST_L2 ? g_test_rand_int_range(0, 2) : -1;

		at += g_test_rand_int_range(1, 100);
		vcpu(w, MIN(at, END), does);
		history_append(w->h, w->thread, MIN(at, END), g_test_rand_bit() ? KERNEL_TS_IRQ : KERNEL_TS_GUEST, 0);
		for (gint k = 0; k < 2; k++) {
			if (runs == k)
				state[k] = KVM_L2_STATE_GUEST;
			else if (state[k] == KVM_L2_STATE_GUEST)
				state[k] = after[g_test_rand_int_range(0, G_N_ELEMENTS(after))];
			l2(w, (guint)k, MIN(at, END), state[k], state[k] == KVM_L2_STATE_AWAY ? "INTR" : NULL);
		}
	}
	add_tables(w);
	return w;
}

static void check_sum(const AnalysisNestedAccount *a)
{
	gint64 ns = 0;

	for (guint p = 0; p < ANALYSIS_NESTED_COUNT; p++) {
		g_assert_cmpint(a->ns[p], >=, 0);
		ns += a->ns[p];
	}
	g_assert_cmpint(ns, ==, a->range_ns);
}

static void subtract(AnalysisNestedAccount *a, const AnalysisNestedAccount *b)
{
	for (guint p = 0; p < ANALYSIS_NESTED_COUNT; p++)
		a->ns[p] -= b->ns[p];
	a->range_ns -= b->range_ns;
	a->exits -= b->exits;
	a->l1_exits -= b->l1_exits;
}

/* Wherever the time is cut, the parts are those of the whole: what was before a range is known. */
static void test_ranges_add_up(void)
{
	for (guint round = 0; round < 300; round++) {
		World *w = random_world();
		gint64 cut = g_test_rand_int_range(1, END);

		ask(w, 0, END);
		AnalysisNestedAccount left[3] = {w->l1, *l2_account(w, 0), *l2_account(w, 1)};
		g_assert_cmpint(w->l1.range_ns, ==, END);
		for (guint i = 0; i < 3; i++)
			check_sum(&left[i]);
		for (guint half = 0; half < 2; half++) {
			ask(w, half ? cut : 0, half ? END : cut);
			subtract(&left[0], &w->l1);
			subtract(&left[1], l2_account(w, 0));
			subtract(&left[2], l2_account(w, 1));
		}
		for (guint i = 0; i < 3; i++) {
			for (guint p = 0; p < ANALYSIS_NESTED_COUNT; p++)
				g_assert_cmpint(left[i].ns[p], ==, 0);
			g_assert_cmpint(left[i].range_ns, ==, 0);
			g_assert_cmpuint(left[i].exits, ==, 0);
			g_assert_cmpuint(left[i].l1_exits, ==, 0);
		}
		end(w);
	}
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/nested/story", test_a_story);
	g_test_add_func("/nested/ranges", test_ranges_add_up);
	return g_test_run();
}
