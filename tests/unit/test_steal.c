/* SPDX-License-Identifier: MIT */
/* Who had the processor that vCPUs waited for, over histories made by hand and at random, against a count nanosecond by nanosecond. */
#include <string.h>

#include "analysis/idle.h"
#include "analysis/overlay.h"
#include "analysis/steal.h"

#define CPUS   3
#define END    3000
#define VCPU   0u /* serials: what the table "threads" has in this order */
#define OTHER  1u /* a vCPU of another VM */
#define VHOST  2u
#define PROC   3u
#define KTHR   4u
#define IDLE   5u
#define ALIAS  6u /* turned out to be PROC */
#define N_THREADS 7u

static const char *const vcpu_states[] = {
#define KVM_X(id, name, description) [KVM_STATE_##id] = (name),
	KVM_STATES(KVM_X)
#undef KVM_X
};
static const char *const thread_states[] = {
#define KERNEL_S(id, name, wait) [KERNEL_TS_##id] = (name),
	KERNEL_THREAD_STATES(KERNEL_S)
#undef KERNEL_S
};
static const char *const cpu_states[] = {
#define KERNEL_S(id, name) [KERNEL_CS_##id] = (name),
	KERNEL_CPU_STATES(KERNEL_S)
#undef KERNEL_S
};
static const char *const occupant_states[] = {"unknown", "idle", "thread"};
static const char *const awaited_states[] = {"none", "woken", "queued"};

/* A history, and the same as arrays: what was so in each nanosecond. */
typedef struct {
	History *h;
	guint32 vcpu, awaited, thread, cpu[CPUS], occupant[CPUS];
	guint8 vcpu_at[END], thread_at[END], cpu_at[CPUS][END], occupant_at[CPUS][END];
	gint32 awaited_at[END];
	guint8 woken_at[END];
	guint32 who_at[CPUS][END];
} World;

static void add_thread(World *w, guint table, gint32 tid, gint32 pid, const char *name, gboolean kthread, guint32 row)
{
	guint64 serial = history_table_len(w->h, table);
	KernelThreadItem *t = history_table_add(w->h, table);

	*t = (KernelThreadItem){.tid = tid, .pid = pid, .name = history_text(w->h, name, -1), .is_kthread = (guint8)kthread, .row = row,
				.same_as = serial == ALIAS ? PROC : (guint32)serial};
}

static void add_tables(World *w)
{
	guint threads = history_table(w->h, KERNEL_THREADS_TABLE, sizeof(KernelThreadItem)), vms = history_table(w->h, KVM_VMS_TABLE, sizeof(KvmVmItem)),
	      vcpus = history_table(w->h, KVM_VCPUS_TABLE, sizeof(KvmVcpuItem)), of_vms = history_table(w->h, KVM_VM_THREADS_TABLE, sizeof(KvmVmThreadItem));

	add_thread(w, threads, 11, 10, "CPU 0/KVM", FALSE, w->thread);
	add_thread(w, threads, 21, 20, "CPU 0/KVM", FALSE, KERNEL_NO_ROW);
	add_thread(w, threads, 12, 0, "vhost-10", TRUE, KERNEL_NO_ROW);
	add_thread(w, threads, 30, 30, "sh", FALSE, KERNEL_NO_ROW);
	add_thread(w, threads, 5, 0, "kworker", TRUE, KERNEL_NO_ROW);
	add_thread(w, threads, 0, 0, "swapper", TRUE, KERNEL_NO_ROW);
	add_thread(w, threads, 30, 30, "sh", FALSE, KERNEL_NO_ROW);
	for (guint32 i = 0; i < 2; i++) {
		*(KvmVmItem *)history_table_add(w->h, vms) = (KvmVmItem){.pid = 10 * ((gint32)i + 1), .first_vcpu = i, .n_vcpus = 1};
		*(KvmVcpuItem *)history_table_add(w->h, vcpus) =
		        (KvmVcpuItem){.vm = i, .thread = i == 0 ? VCPU : OTHER, .row = i == 0 ? w->vcpu : KVM_NO_ROW, .awaited = i == 0 ? w->awaited : KVM_NO_ROW};
	}
	*(KvmVmThreadItem *)history_table_add(w->h, of_vms) = (KvmVmThreadItem){VCPU, 0, KVM_ROLE_VCPU};
	*(KvmVmThreadItem *)history_table_add(w->h, of_vms) = (KvmVmThreadItem){OTHER, 1, KVM_ROLE_VCPU};
	*(KvmVmThreadItem *)history_table_add(w->h, of_vms) = (KvmVmThreadItem){VHOST, 0, KVM_ROLE_VHOST};
}

static guint32 add_row(World *w, const char *kind, const char *const *states, guint n, const char *path)
{
	return history_row(w->h, history_kind(w->h, kind, states, n), path, 0);
}

static void add_rows(World *w)
{
	w->vcpu = add_row(w, KVM_ROW_KIND, vcpu_states, KVM_STATE_COUNT, "vm/10/vcpu/0");
	w->awaited = add_row(w, KVM_AWAITED_ROW_KIND, awaited_states, KVM_AWAITED_STATE_COUNT, "vm/10/vcpu/0/awaited");
	w->thread = add_row(w, KERNEL_THREAD_ROW_KIND, thread_states, KERNEL_TS_COUNT, "thread/11 CPU 0/KVM");
	for (gint i = 0; i < CPUS; i++) {
		g_autofree char *cpu = g_strdup_printf("cpu/%d", i), *occupant = g_strdup_printf("cpu/%d/occupant", i);

		w->cpu[i] = add_row(w, KERNEL_CPU_ROW_KIND, cpu_states, KERNEL_CS_COUNT, cpu);
		w->occupant[i] = add_row(w, KERNEL_OCCUPANT_ROW_KIND, occupant_states, KERNEL_OCCUPANT_STATE_COUNT, occupant);
	}
}

static void fill(World *w, gint at, gint end, guint8 state, guint8 thread, gint32 awaited)
{
	gboolean woken = awaited >= 0 && state == KVM_STATE_WAIT_CPU && g_test_rand_bit();

	memset(w->woken_at + at, woken, (gsize)(end - at));
	memset(w->vcpu_at + at, state, (gsize)(end - at));
	memset(w->thread_at + at, thread, (gsize)(end - at));
	for (gint i = at; i < end; i++)
		w->awaited_at[i] = awaited;
	history_append(w->h, w->vcpu, end, state, 0);
	history_append(w->h, w->thread, end, thread, history_text(w->h, "softirq x", thread == KERNEL_TS_SOFTIRQ ? -1 : 0));
	history_append(w->h, w->awaited, end, awaited < 0 ? KVM_AWAITED_NONE : woken ? KVM_AWAITED_WOKEN : KVM_AWAITED_QUEUED, awaited >= 0 ? (guint32)awaited : 0);
}

static void fill_cpu(World *w, gint cpu, gint at, gint end, guint8 occupant, guint32 who, guint8 state)
{
	memset(w->occupant_at[cpu] + at, occupant, (gsize)(end - at));
	memset(w->cpu_at[cpu] + at, state, (gsize)(end - at));
	for (gint i = at; i < end; i++)
		w->who_at[cpu][i] = who;
	history_append(w->h, w->occupant[cpu], end, occupant, occupant == KERNEL_OCCUPANT_THREAD ? who : 0);
	history_append(w->h, w->cpu[cpu], end, state, 0);
}

static gint some(gint at)
{
	gint end = at + g_test_rand_int_range(1, 60);

	return MIN(end, END);
}

static World *random_world(void)
{
	static const guint8 cpu_kinds[] = {KERNEL_CS_IDLE, KERNEL_CS_IRQ, KERNEL_CS_SOFTIRQ, KERNEL_CS_USER};
	World *w = g_new0(World, 1);

	w->h = history_new(0, END, NULL);
	add_rows(w);
	for (gint at = 0, end; at < END; at = end) {
		guint8 state = (guint8)g_test_rand_int_range(0, KVM_STATE_COUNT);
		gboolean waits = analysis_steal_is_wait(state);
		guint8 thread = waits ? KERNEL_TS_PREEMPTED : g_test_rand_bit() ? KERNEL_TS_SOFTIRQ : KERNEL_TS_SYSCALL;

		end = some(at);
		fill(w, at, end, state, thread, waits ? g_test_rand_int_range(-1, CPUS) : -1);
	}
	for (gint cpu = 0; cpu < CPUS; cpu++)
		for (gint at = 0, end; at < END; at = end) {
			end = some(at);
			fill_cpu(w, cpu, at, end, (guint8)g_test_rand_int_range(0, 3), (guint32)g_test_rand_int_range(0, N_THREADS),
				 cpu_kinds[g_test_rand_int_range(0, G_N_ELEMENTS(cpu_kinds))]);
		}
	add_tables(w);
	g_assert_true(history_finish(w->h, NULL));
	return w;
}

static void world_free(World *w)
{
	history_free(w->h);
	g_free(w);
}

/* ---- The same, counted ----------------------------------------------------------------------------------------------- */

/* From `at` to the wait's last part in which it was throttled. */
static gboolean is_limited(const World *w, gint at)
{
	for (; at < END && analysis_steal_is_wait(w->vcpu_at[at]); at++)
		if (w->vcpu_at[at] == KVM_STATE_THROTTLED)
			return TRUE;
	return FALSE;
}

static AnalysisCulpritKind kind_at(const World *w, gint at)
{
	static const AnalysisCulpritKind kinds[N_THREADS] = {ANALYSIS_BY_UNKNOWN, ANALYSIS_BY_VCPU_OTHER, ANALYSIS_BY_VM_SAME, ANALYSIS_BY_PROCESS,
							     ANALYSIS_BY_KERNEL,  ANALYSIS_BY_IDLE,       ANALYSIS_BY_PROCESS};
	gint32 cpu = w->awaited_at[at];

	if (is_limited(w, at))
		return ANALYSIS_BY_LIMIT;
	if (cpu < 0 || w->occupant_at[cpu][at] == KERNEL_OCCUPANT_UNKNOWN)
		return ANALYSIS_BY_UNKNOWN;
	AnalysisCulpritKind kind = w->occupant_at[cpu][at] == KERNEL_OCCUPANT_IDLE ? ANALYSIS_BY_IDLE : kinds[w->who_at[cpu][at]];
	if (kind == ANALYSIS_BY_IDLE && (w->cpu_at[cpu][at] == KERNEL_CS_IRQ || w->cpu_at[cpu][at] == KERNEL_CS_SOFTIRQ))
		return ANALYSIS_BY_INTERRUPT;
	return kind;
}

static gint64 idle_at(const World *w, gint32 cpu, gint begin, gint end)
{
	gint64 ns = 0;

	for (gint at = begin; at < end; at++) {
		gboolean idle = FALSE;

		for (gint32 c = 0; c < CPUS; c++)
			idle |= c != cpu && w->occupant_at[c][at] == KERNEL_OCCUPANT_IDLE;
		ns += idle;
	}
	return ns;
}

typedef struct {
	const World *w;
	gint64 last_end;
	guint n;
	gint64 ns;
} Check;

static void check_wait(gpointer user, const AnalysisWait *wait)
{
	Check *c = user;
	gint64 at = wait->begin_ns;

	g_assert_cmpint(wait->begin_ns, >, c->last_end);
	g_assert_true(wait->begin_ns == 0 || !analysis_steal_is_wait(c->w->vcpu_at[wait->begin_ns - 1]));
	g_assert_true(wait->end_ns == END || !analysis_steal_is_wait(c->w->vcpu_at[wait->end_ns]));
	g_assert_cmpint(wait->whole, ==, wait->begin_ns > 0 && c->w->vcpu_at[wait->begin_ns - 1] != KVM_STATE_UNKNOWN && wait->end_ns < END &&
						 c->w->vcpu_at[wait->end_ns] != KVM_STATE_UNKNOWN);
	for (guint i = 0; i < wait->n_parts; i++) {
		const AnalysisWaitPart *p = &wait->parts[i];

		g_assert_cmpint(p->begin_ns, ==, at);
		g_assert_cmpint(p->end_ns, >, at);
		for (at = p->begin_ns; at < p->end_ns; at++) {
			g_assert_cmpint(p->state, ==, c->w->vcpu_at[at]);
			g_assert_cmpint(p->cpu, ==, c->w->awaited_at[at]);
			g_assert_cmpint(p->woken, ==, c->w->woken_at[at]);
			g_assert_cmpint(p->by.kind, ==, kind_at(c->w, (gint)at));
			if (p->by.kind == ANALYSIS_BY_PROCESS)
				g_assert_cmpuint(p->by.id, ==, PROC);
		}
	}
	g_assert_cmpint(at, ==, wait->end_ns);
	c->last_end = wait->end_ns;
	c->ns += wait->end_ns - wait->begin_ns;
	c->n++;
}

static gint64 expect_waits(const World *w, gint begin, gint end)
{
	gint64 ns = 0;

	while (begin > 0 && analysis_steal_is_wait(w->vcpu_at[begin]) && analysis_steal_is_wait(w->vcpu_at[begin - 1]))
		begin--;
	while (end < END && analysis_steal_is_wait(w->vcpu_at[end]) && analysis_steal_is_wait(w->vcpu_at[end - 1]))
		end++;
	for (gint at = begin; at < end; at++)
		ns += analysis_steal_is_wait(w->vcpu_at[at]);
	return ns;
}

static void test_waits_are_whole_and_their_parts_add_up(void)
{
	for (guint round = 0; round < 200; round++) {
		World *w = random_world();
		g_autoptr(AnalysisSteal) s = analysis_steal_new(w->h);
		gint begin = g_test_rand_int_range(0, END), end = g_test_rand_int_range(begin + 1, END + 1);
		Check all = {w, -1, 0, 0}, part = {w, -1, 0, 0};

		analysis_steal_waits(s, 0, 0, END, check_wait, &all);
		g_assert_cmpint(all.ns, ==, expect_waits(w, 0, END));
		analysis_steal_waits(s, 0, begin, end, check_wait, &part);
		g_assert_cmpint(part.ns, ==, expect_waits(w, begin, end));
		world_free(w);
	}
}

static gboolean can_be_stolen(guint8 state)
{
	return state == KVM_STATE_GUEST_L1 || state == KVM_STATE_GUEST_L2 || state == KVM_STATE_EXIT || state == KVM_STATE_EMULATION ||
	       state == KVM_STATE_RUNNING;
}

static void test_the_account_adds_up_to_the_range(void)
{
	for (guint round = 0; round < 200; round++) {
		World *w = random_world();
		g_autoptr(AnalysisSteal) s = analysis_steal_new(w->h);
		gint begin = g_test_rand_int_range(0, END), end = g_test_rand_int_range(begin + 1, END + 1);
		AnalysisStealAccount a, other;
		gint64 ns[KVM_STATE_COUNT] = {0}, softirq = 0, woken = 0, total = 0;

		for (gint at = begin; at < end; at++) {
			gboolean stolen = w->thread_at[at] == KERNEL_TS_SOFTIRQ && can_be_stolen(w->vcpu_at[at]);

			*(stolen ? &softirq : w->woken_at[at] ? &woken : &ns[w->vcpu_at[at]]) += 1;
		}
		analysis_steal_account(s, 0, begin, end, &a);
		g_assert_cmpint(a.range_ns, ==, end - begin);
		g_assert_cmpint(a.softirq_ns, ==, softirq);
		for (guint i = 0; i < KVM_STATE_COUNT; i++) {
			g_assert_cmpint(a.ns[i], ==, ns[i]);
			total += ns[i];
		}
		g_assert_cmpint(a.woken_ns, ==, woken);
		g_assert_cmpint(total + a.softirq_ns + a.irq_ns + a.woken_ns, ==, a.range_ns);
		g_assert_cmpint(analysis_steal_demand_ns(&a), ==,
				analysis_steal_ns(&a) + analysis_steal_hidden_ns(&a) + ns[KVM_STATE_GUEST_L1] + ns[KVM_STATE_GUEST_L2] + ns[KVM_STATE_RUNNING]);
		analysis_steal_account(s, 1, begin, end, &other);
		g_assert_cmpint(other.range_ns, ==, 0);
		world_free(w);
	}
}

static void test_idle_processors_are_those_that_are_idle(void)
{
	for (guint round = 0; round < 100; round++) {
		World *w = random_world();
		gint begin = g_test_rand_int_range(0, END), end = g_test_rand_int_range(begin + 1, END + 1);
		g_autoptr(AnalysisIdle) all = analysis_idle_new(w->h, 0, END), part = analysis_idle_new(w->h, begin, end);

		for (gint32 cpu = -1; cpu < CPUS; cpu++) {
			g_assert_cmpint(analysis_idle_ns(all, cpu, begin, end), ==, idle_at(w, cpu, begin, end));
			g_assert_cmpint(analysis_idle_ns(part, cpu, begin, end), ==, idle_at(w, cpu, begin, end));
		}
		world_free(w);
	}
}

static void test_overlays_are_cut_where_any_row_changes(void)
{
	for (guint round = 0; round < 50; round++) {
		World *w = random_world();
		const guint32 rows[] = {w->vcpu, HISTORY_NO_ROW, w->occupant[0]};
		gint begin = g_test_rand_int_range(0, END), end = g_test_rand_int_range(begin, END + 1);
		gint64 last = begin;
		g_auto(AnalysisOverlay) o;

		analysis_overlay_init(&o, w->h, rows, G_N_ELEMENTS(rows), begin, end);
		while (analysis_overlay_next(&o)) {
			g_assert_cmpint(o.begin_ns, ==, last);
			for (last = o.begin_ns; last < o.end_ns; last++) {
				g_assert_cmpint(analysis_overlay_at(&o, 0)->state, ==, w->vcpu_at[last]);
				g_assert_cmpint(analysis_overlay_at(&o, 1)->state, ==, ANALYSIS_NO_STATE);
				g_assert_cmpint(analysis_overlay_at(&o, 2)->state, ==, w->occupant_at[0][last]);
			}
		}
		g_assert_cmpint(last, ==, end);
		world_free(w);
	}
}

static void test_culprits_have_names(void)
{
	World *w = random_world();
	g_autoptr(AnalysisSteal) s = analysis_steal_new(w->h);
	g_autofree char *other = analysis_culprit_name(s, analysis_culprit_of(s, 0, OTHER)), *vhost = analysis_culprit_name(s, analysis_culprit_of(s, 1, VHOST)),
			*process = analysis_culprit_name(s, analysis_culprit_of(s, 0, ALIAS));

	g_assert_cmpstr(other, ==, "vCPU 0 of VM 20");
	g_assert_cmpint(analysis_culprit_of(s, 1, OTHER).kind, ==, ANALYSIS_BY_VCPU_SAME);
	g_assert_cmpstr(vhost, ==, "vhost-10 12 of VM 10");
	g_assert_cmpint(analysis_culprit_of(s, 1, VHOST).kind, ==, ANALYSIS_BY_VM_OTHER);
	g_assert_cmpstr(process, ==, "sh 30");
	g_assert_cmpint(analysis_culprit_of(s, 0, 12345).kind, ==, ANALYSIS_BY_UNKNOWN);
	g_assert_null(analysis_culprit_name(s, (AnalysisCulprit){ANALYSIS_BY_IDLE, 0}));
	world_free(w);
}

static void test_a_kernel_without_vcpus_has_nothing_to_steal_from(void)
{
	g_autoptr(History) h = history_new(0, END, NULL);

	g_assert_true(history_finish(h, NULL));
	g_assert_null(analysis_steal_new(h));
	g_autoptr(AnalysisIdle) idle = analysis_idle_new(h, 0, END);
	g_assert_cmpint(analysis_idle_ns(idle, 0, 0, END), ==, 0);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/steal/waits", test_waits_are_whole_and_their_parts_add_up);
	g_test_add_func("/steal/account", test_the_account_adds_up_to_the_range);
	g_test_add_func("/steal/idle", test_idle_processors_are_those_that_are_idle);
	g_test_add_func("/steal/overlay", test_overlays_are_cut_where_any_row_changes);
	g_test_add_func("/steal/names", test_culprits_have_names);
	g_test_add_func("/steal/none", test_a_kernel_without_vcpus_has_nothing_to_steal_from);
	return g_test_run();
}
