/* SPDX-License-Identifier: MIT */
/* Machines made by chance: whose VM each is and what its clock does is known, and has to be found. */
#include <glib.h>

#include "experiment/experiment.h"
#include "kernel/flow.h"
#include "kernel/net.h"
#include "kvm/rows.h"
#include "kvm/vmsync.h"

#define MS 1000000ll
#define SECOND 1000000000ll
#define YEAR (365 * 86400 * SECOND)

/* ---- A world ------------------------------------------------------------------------------------------------------ */

/* What a vCPU does: times in us, each from half to one and a half of what is said. */
typedef struct {
	gint64 run, exit, idle; /* ns */
	guint idle_every;       /* of so many exits one is a halt; 0: none */
	guint events;           /* in a run, about */
} Habit;

static const Habit usual = {200000, 20000, 5 * MS, 10, 3};
static const Habit busy = {150000, 1500, 3 * MS, 300, 8}; /* real hardware: exits take little, and it is seldom idle */
static const Habit sleepy = {300000, 20000, 80 * MS, 2, 4};

/* A guest's clock: true time to its own. Up to `broken` one line, then another. */
typedef struct {
	gint64 offset, broken, jump;
	double rate, rate_after;
} Clock;

static gint64 read_clock(const Clock *c, gint64 t)
{
	gint64 before = c->broken && t >= c->broken ? c->broken : t;

	t -= before;
	return before + c->offset + (gint64)((double)before * c->rate) + (t ? t + c->jump + (gint64)((double)t * c->rate_after) : 0);
}

typedef struct {
	const Habit *habit;
	guint vcpus;
	Clock clock;
	guint twist;          /* processor i is vCPU (i + twist) % vcpus */
	gint64 from, to;      /* of the guest's trace, in true time */
	gint64 paused_from, paused_to;
	GArray *runs[8];      /* ExperimentRun by vCPU */
	GArray *events[8];    /* gint64, true time */
} Guest;

typedef struct {
	gint64 begin, end;
} Run;

typedef struct {
	gint64 length;        /* the host's trace is from 0 to there */
	gint64 from;          /* or from there */
	Guest *guests;
	guint n;
	gboolean no_exits;    /* only the scheduler was recorded: exits are not seen */
	gint64 lost_from, lost_to;
} World;

static gint64 about(GRand *rand, gint64 ns)
{
	return ns / 2 + (gint64)(g_rand_double(rand) * (double)ns);
}

static void live(GRand *rand, Guest *g, guint v, gint64 length)
{
	gint64 t = about(rand, MS);

	g->runs[v] = g_array_new(FALSE, FALSE, sizeof(Run));
	g->events[v] = g_array_new(FALSE, FALSE, sizeof(gint64));
	while (t < length) {
		Run run = {t, t + about(rand, g->habit->run)};
		guint n = 1 + (guint)g_rand_int_range(rand, 0, (gint32)(2 * g->habit->events));
		gint64 e = run.begin;

		if (run.begin < g->paused_to && run.end > g->paused_from) {
			t = g->paused_to;
			continue;
		}
		g_array_append_val(g->runs[v], run);
		for (guint i = 0; i < n; i++) {
			e += 300 + about(rand, (run.end - run.begin) / (n + 1));
			if (e < run.end && e >= g->from && e < g->to)
				g_array_append_val(g->events[v], e);
		}
		t = run.end + about(rand, g->habit->exit);
		if (g->habit->idle_every && g_rand_int_range(rand, 0, (gint32)g->habit->idle_every) == 0)
			t += about(rand, g->habit->idle);
	}
}

static void guest_clear(Guest *g)
{
	for (guint v = 0; v < g->vcpus; v++) {
		g_array_unref(g->runs[v]);
		g_array_unref(g->events[v]);
	}
}

/* ---- Its traces ---------------------------------------------------------------------------------------------------- */

static guint kind_of_vcpus(History *h)
{
	const char *names[KVM_STATE_COUNT];

	for (guint i = 0; i < KVM_STATE_COUNT; i++)
		names[i] = kvm_state_name((KvmState)i);
	return history_kind(h, KVM_ROW_KIND, names, KVM_STATE_COUNT);
}

static guint32 add_vcpu_row(History *h, const World *w, const GArray *runs, const char *path)
{
	guint32 row = history_row(h, kind_of_vcpus(h), path, w->from);
	gint64 until = w->from;

	for (guint i = 0; i < runs->len; i++) {
		const Run *run = &g_array_index(runs, Run, i);
		gboolean lost = w->lost_to && run->begin < w->lost_to && run->end > w->lost_from;
		gint64 length = run->begin - until;

		if (run->end <= w->from)
			continue;
		history_append(h, row, run->begin, lost ? KVM_STATE_UNKNOWN : w->no_exits && length < MS ? KVM_STATE_RUNNING : KVM_STATE_HALTED, 0);
		history_append(h, row, run->end, lost ? KVM_STATE_UNKNOWN : w->no_exits ? KVM_STATE_RUNNING : KVM_STATE_GUEST_L1, 0);
		until = run->end;
	}
	return row;
}

static History *host_history(const World *w)
{
	History *h = history_new(w->from, w->length, NULL);
	guint vms = history_table(h, KVM_VMS_TABLE, sizeof(KvmVmItem)), vcpus = history_table(h, KVM_VCPUS_TABLE, sizeof(KvmVcpuItem));
	guint32 n = 0;

	for (guint i = 0; i < w->n; i++) {
		KvmVmItem *vm = history_table_add(h, vms);

		*vm = (KvmVmItem){.pid = 100 + (gint32)i, .first_vcpu = n, .n_vcpus = w->guests[i].vcpus};
		for (guint v = 0; v < w->guests[i].vcpus; v++, n++) {
			g_autofree char *path = g_strdup_printf("vm/%u/vcpu/%u", 100 + i, v);
			guint32 row = add_vcpu_row(h, w, w->guests[i].runs[v], path);
			KvmVcpuItem *item = history_table_add(h, vcpus);

			*item = (KvmVcpuItem){.vm = i, .id = (gint32)v, .row = row};
		}
	}
	g_assert_true(history_finish(h, NULL));
	return h;
}

static void add_cpu(History *h, const Guest *g, guint kind, guint table, guint cpu)
{
	const GArray *events = g->events[(cpu + g->twist) % g->vcpus];
	g_autofree char *path = g_strdup_printf("cpu/%u", cpu);
	guint32 row = history_row(h, kind, path, history_begin(h));
	KernelCpuItem *item = history_table_add(h, table);

	*item = (KernelCpuItem){.cpu = (gint32)cpu, .row = row};
	for (guint i = 0; i < events->len; i++)
		history_append(h, row, read_clock(&g->clock, g_array_index(events, gint64, i)), i % 2 ? KERNEL_CS_USER : KERNEL_CS_IDLE, 0);
	history_append(h, row, history_end(h), KERNEL_CS_UNKNOWN, 0);
}

static History *guest_history(const Guest *g)
{
	static const char *const states[] = {
#define S(id, name) name,
		KERNEL_CPU_STATES(S)
#undef S
	};
	History *h = history_new(read_clock(&g->clock, g->from), read_clock(&g->clock, g->to), NULL);
	guint kind = history_kind(h, KERNEL_CPU_ROW_KIND, states, G_N_ELEMENTS(states));
	guint table = history_table(h, KERNEL_CPUS_TABLE, sizeof(KernelCpuItem));

	for (guint cpu = 0; cpu < g->vcpus; cpu++)
		add_cpu(h, g, kind, table, cpu);
	g_assert_true(history_finish(h, NULL));
	return h;
}

/* ---- Trying it ------------------------------------------------------------------------------------------------------ */

typedef struct {
	Experiment *e;        /* the guests, and then the host if it is there */
	History **histories;
	guint n;
} Trial;

static Trial try_world(const World *w, gboolean with_host)
{
	Trial t = {.n = w->n + with_host, .histories = g_new0(History *, w->n + 1)};
	g_autofree ExperimentInput *inputs = g_new0(ExperimentInput, w->n + 1);
	ExperimentOptions options = {.threads = 2};

	for (guint i = 0; i < w->n; i++)
		t.histories[i] = guest_history(&w->guests[i]);
	if (with_host)
		t.histories[w->n] = host_history(w);
	for (guint i = 0; i < t.n; i++)
		inputs[i] = (ExperimentInput){.name = i < w->n ? "guest" : "host", .history = t.histories[i]};
	t.e = experiment_new(inputs, t.n, &options, NULL);
	g_assert_nonnull(t.e);
	return t;
}

static void trial_clear(Trial *t)
{
	experiment_free(t->e);
	for (guint i = 0; i < t->n; i++)
		history_free(t->histories[i]);
	g_free(t->histories);
}

static void live_all(World *w, guint32 seed)
{
	GRand *rand = g_rand_new_with_seed(seed);

	for (guint i = 0; i < w->n; i++)
		for (guint v = 0; v < w->guests[i].vcpus; v++)
			live(rand, &w->guests[i], v, w->length);
	g_rand_free(rand);
}

/* A guest is in its VM, and the time of each of its events is right within the bound, but for `near` ns around where its clock breaks. */
static void check_guest(const World *w, const Trial *t, guint i, gint64 near)
{
	const ExperimentMember *m = experiment_member(t->e, i);
	const Guest *g = &w->guests[i];

	g_assert_cmpstr(m->problem, ==, NULL);
	g_assert_cmpuint(m->parent, ==, w->n);
	g_assert_cmpint(m->vm_pid, ==, 100 + (gint)i);
	g_assert_cmpint(m->level, ==, 1);
	g_assert_cmpuint(m->contradictions, ==, 0);
	guint first = 0;
	for (guint k = 0; k < i; k++)
		first += w->guests[k].vcpus;
	for (guint v = 0; v < g->vcpus; v++) {
		const GArray *events = g->events[(v + g->twist) % g->vcpus];

		g_assert_cmpuint(g_array_index(m->vcpus, guint32, v), ==, first + (v + g->twist) % g->vcpus);
		for (guint k = 0; k < events->len; k++) {
			gint64 time = g_array_index(events, gint64, k);

			if (!g->clock.broken || ABS(time - g->clock.broken) > near)
				g_assert_cmpint(ABS(experiment_up(m, read_clock(&g->clock, time)) - time), <=, m->bound_ns);
		}
	}
}

static void check_world(World *w, guint32 seed, gint64 bound)
{
	live_all(w, seed);
	Trial t = try_world(w, TRUE);
	for (guint i = 0; i < w->n; i++) {
		check_guest(w, &t, i, 300 * MS);
		g_assert_cmpint(experiment_member(t.e, i)->bound_ns, <, bound);
	}
	g_assert_cmpuint(t.e->root, ==, w->n);
	trial_clear(&t);
	for (guint i = 0; i < w->n; i++)
		guest_clear(&w->guests[i]);
}

/* ---- The tests ------------------------------------------------------------------------------------------------------- */

static void test_random_guests(void)
{
	for (guint32 seed = 0; seed < 8; seed++) {
		GRand *rand = g_rand_new_with_seed(1000 + seed);
		Guest guests[3] = {0};
		World w = {.length = 12 * SECOND, .guests = guests, .n = 1 + seed % 3};

		for (guint i = 0; i < w.n; i++)
			guests[i] = (Guest){.habit = seed % 4 == 3 ? &sleepy : &usual, .vcpus = 1 + (seed + i) % 4, .twist = seed % 2, .from = SECOND, .to = w.length - SECOND,
					    .clock = {.offset = (gint64)g_rand_double_range(rand, -(double)YEAR, (double)YEAR), .rate = g_rand_double_range(rand, -450e-6, 450e-6)}};
		g_rand_free(rand);
		check_world(&w, seed, 100000);
	}
}

static void test_a_busy_guest_on_real_hardware(void)
{
	Guest g = {.habit = &busy, .vcpus = 2, .from = SECOND, .to = 29 * SECOND, .clock = {.offset = -3 * YEAR / 7, .rate = 2e-6}};
	World w = {.length = 30 * SECOND, .guests = &g, .n = 1};

	check_world(&w, 7, 8000);
}

static void test_a_guest_that_was_paused(void)
{
	Guest g = {.habit = &usual, .vcpus = 2, .from = SECOND, .to = 29 * SECOND, .paused_from = 11 * SECOND, .paused_to = 14 * SECOND,
		   .clock = {.offset = YEAR / 3, .broken = 12 * SECOND, .jump = -3 * SECOND + 5 * MS, .rate = 20e-6, .rate_after = 20e-6}};
	World w = {.length = 30 * SECOND, .guests = &g, .n = 1};

	check_world(&w, 8, 100000);
}

static void test_a_clock_that_is_slewed(void)
{
	Guest g = {.habit = &usual, .vcpus = 1, .from = SECOND, .to = 39 * SECOND,
		   .clock = {.offset = YEAR / 5, .broken = 17 * SECOND, .rate = 10e-6, .rate_after = -300e-6}};
	World w = {.length = 40 * SECOND, .guests = &g, .n = 1};

	check_world(&w, 9, 100000);
}

static void test_traces_that_overlap_in_part(void)
{
	Guest g[2] = {{.habit = &usual, .vcpus = 1, .from = SECOND, .to = 30 * SECOND, .clock = {.offset = YEAR / 9}},
		      {.habit = &usual, .vcpus = 2, .from = 24 * SECOND, .to = 28 * SECOND, .clock = {.offset = -YEAR / 9, .rate = 30e-6}}};
	World w = {.length = 30 * SECOND, .from = 22 * SECOND, .guests = g, .n = 2};

	check_world(&w, 10, 200000);
}

static void test_lost_events_contradict_nothing(void)
{
	Guest g = {.habit = &usual, .vcpus = 2, .from = SECOND, .to = 29 * SECOND, .clock = {.offset = YEAR / 2, .rate = -5e-6}};
	World w = {.length = 30 * SECOND, .guests = &g, .n = 1, .lost_from = 12 * SECOND, .lost_to = 13 * SECOND};

	check_world(&w, 11, 100000);
}

static void test_without_entries_and_exits(void)
{
	Guest g = {.habit = &usual, .vcpus = 2, .from = SECOND, .to = 29 * SECOND, .clock = {.offset = YEAR / 2, .rate = -5e-6}};
	World w = {.length = 30 * SECOND, .guests = &g, .n = 1, .no_exits = TRUE};

	check_world(&w, 12, 1 * MS);
}

/* The traces of guests whose VMs are not in the host's: nothing is believed of them. */
static void test_strangers(void)
{
	for (guint32 seed = 0; seed < 8; seed++) {
		Guest here = {.habit = &usual, .vcpus = 2, .to = 20 * SECOND}, other = here;
		World w = {.length = 20 * SECOND, .guests = &here, .n = 1}, w2 = {.length = 20 * SECOND, .guests = &other, .n = 1};

		if (seed % 2)
			other.habit = seed % 4 == 1 ? &busy : &sleepy;
		live_all(&w, 100 + seed);
		live_all(&w2, 200 + seed);
		History *h[2] = {host_history(&w), guest_history(&other)};
		ExperimentInput inputs[2] = {{.name = "host", .history = h[0]}, {.name = "guest", .history = h[1]}};
		g_autoptr(Experiment) e = experiment_new(inputs, 2, NULL, NULL);
		const ExperimentMember *m = experiment_member(e, 1);

		g_assert_cmpuint(m->parent, ==, EXPERIMENT_NONE);
		g_assert_cmpint(m->level, ==, -1);
		g_assert_nonnull(m->problem);
		g_assert_cmpuint(m->clocks->len, ==, 0);
		g_assert_cmpint(experiment_to_root(e, 1, 12345), ==, 12345);
		g_assert_false(experiment_is_aligned(e, 1));
		guest_clear(&here);
		guest_clear(&other);
		history_free(h[0]);
		history_free(h[1]);
	}
}

/* Two VMs that do the same at the same times can't be told apart; that is said, and neither is taken. */
static void test_two_vms_alike(void)
{
	Guest g[2] = {{.habit = &usual, .vcpus = 1, .to = 20 * SECOND}, {.habit = &usual, .vcpus = 1, .to = 20 * SECOND}};
	World w = {.length = 20 * SECOND, .guests = g, .n = 2};

	for (guint i = 0; i < 2; i++) {
		GRand *rand = g_rand_new_with_seed(5);
		live(rand, &g[i], 0, w.length);
		g_rand_free(rand);
	}
	Trial t = try_world(&w, TRUE);
	for (guint i = 0; i < 2; i++) {
		const ExperimentMember *m = experiment_member(t.e, i);
		g_assert_cmpuint(m->parent, ==, EXPERIMENT_NONE);
		g_assert_nonnull(m->problem);
		g_assert_true(g_str_has_prefix(m->problem, "ambiguous"));
	}
	trial_clear(&t);
	guest_clear(&g[0]);
	guest_clear(&g[1]);
}

static void test_without_a_host(void)
{
	Guest g[2] = {{.habit = &usual, .vcpus = 1, .to = 5 * SECOND}, {.habit = &usual, .vcpus = 2, .to = 5 * SECOND}};
	World w = {.length = 5 * SECOND, .guests = g, .n = 2};

	live_all(&w, 3);
	Trial t = try_world(&w, FALSE);
	for (guint i = 0; i < 2; i++) {
		g_assert_cmpuint(experiment_member(t.e, i)->parent, ==, EXPERIMENT_NONE);
		g_assert_cmpint(experiment_member(t.e, i)->level, ==, 0);
		g_assert_cmpstr(experiment_member(t.e, i)->problem, ==, NULL);
	}
	trial_clear(&t);
	guest_clear(&g[0]);
	guest_clear(&g[1]);
}

/* Clocks that no machine has: nothing is compared, and nothing overflows. */
static void test_times_that_are_none(void)
{
	static const gint64 offsets[] = {G_MAXINT64 - 6 * SECOND, G_MININT64 + SECOND, G_MAXINT64 / 2, G_MININT64 / 2 + SECOND, 3900000000 * SECOND, -3900000000 * SECOND};

	for (guint i = 0; i < G_N_ELEMENTS(offsets); i++) {
		Guest g = {.habit = &usual, .vcpus = 1, .to = 5 * SECOND, .clock = {.offset = offsets[i]}};
		World w = {.length = 5 * SECOND, .guests = &g, .n = 1};

		live_all(&w, i);
		Trial t = try_world(&w, TRUE);
		const ExperimentMember *m = experiment_member(t.e, 0);
		g_assert_cmpuint(m->parent, ==, i < 4 ? EXPERIMENT_NONE : 1);
		for (guint k = 0; k < G_N_ELEMENTS(offsets); k++) {
			experiment_to_root(t.e, 0, offsets[k]);
			experiment_from_root(t.e, 0, offsets[k]);
		}
		trial_clear(&t);
		guest_clear(&g);
	}
}

/* ---- Hypercalls ---------------------------------------------------------------------------------------------------------- */

static void add_call(History *h, guint table, gint64 time, guint64 count, guint32 thread, KvmVmsyncKind kind)
{
	*(KvmVmsyncItem *)history_table_add(h, table) =
		(KvmVmsyncItem){.time_ns = time, .uid = 99, .count = count, .thread = thread, .kind = (guint8)kind};
}

/* A guest of whose processors nothing is known is placed by its hypercalls; in one VM of two. */
static void test_hypercalls_place_a_guest(void)
{
	Clock clock = {.offset = YEAR / 4, .rate = -70e-6};
	GRand *rand = g_rand_new_with_seed(4);
	History *h[2] = {history_new(0, 20 * SECOND, NULL), history_new(read_clock(&clock, 0), read_clock(&clock, 20 * SECOND), NULL)};
	guint table[2];

	for (guint i = 0; i < 2; i++) {
		KvmVmItem *vm = history_table_add(h[0], history_table(h[0], KVM_VMS_TABLE, sizeof *vm));
		KvmVcpuItem *vcpu = history_table_add(h[0], history_table(h[0], KVM_VCPUS_TABLE, sizeof *vcpu));

		*vm = (KvmVmItem){.pid = 100 + (gint32)i, .first_vcpu = i, .n_vcpus = 1};
		*vcpu = (KvmVcpuItem){.vm = i, .thread = 10 + i, .row = KVM_NO_ROW};
		table[i] = history_table(h[i], KVM_VMSYNC_TABLE, sizeof(KvmVmsyncItem));
	}
	for (guint k = 0; k < 500; k++) {
		gint64 t = k * 30 * MS + about(rand, MS);

		add_call(h[1], table[1], read_clock(&clock, t), k, 5, KVM_VMSYNC_GH_GUEST);
		add_call(h[0], table[0], t += about(rand, 3000), k, 11, KVM_VMSYNC_GH_HOST);
		add_call(h[0], table[0], t += about(rand, 9000), k, 11, KVM_VMSYNC_HG_HOST);
		add_call(h[1], table[1], read_clock(&clock, t + about(rand, 2000)), k, 5, KVM_VMSYNC_HG_GUEST);
	}
	g_rand_free(rand);
	for (guint i = 0; i < 2; i++)
		g_assert_true(history_finish(h[i], NULL));
	ExperimentInput inputs[2] = {{.name = "host", .history = h[0]}, {.name = "guest", .history = h[1]}};
	g_autoptr(Experiment) e = experiment_new(inputs, 2, NULL, NULL);
	const ExperimentMember *m = experiment_member(e, 1);
	g_assert_cmpuint(m->parent, ==, 0);
	g_assert_cmpint(m->vm_pid, ==, 101);
	g_assert_cmpint(m->level, ==, 1);
	g_assert_cmpstr(m->problem, ==, NULL);
	g_assert_cmpuint(m->methods, ==, 1u << EXPERIMENT_BY_VMSYNC);
	g_assert_cmpuint(m->constraints, ==, 1000);
	g_assert_cmpuint(m->contradictions, ==, 0);
	g_assert_cmpint(m->bound_ns, <, 3000);
	for (gint64 t = 0; t < 20 * SECOND; t += SECOND)
		g_assert_cmpint(ABS(experiment_up(m, read_clock(&clock, t)) - t), <=, m->bound_ns);
	for (guint i = 0; i < 2; i++)
		history_free(h[i]);
}

/* ---- Hosts that share no VM --------------------------------------------------------------------------------------------- */

/* What one host saw of packets: of every other one that it sent, and of the others that it received. */
static History *packet_history(const Clock *clock, guint host, guint n, guint32 seed)
{
	History *h = history_new(read_clock(clock, 0), read_clock(clock, 20 * SECOND), NULL);
	guint packets = history_table(h, KERNEL_PACKETS_TABLE, sizeof(KernelPacket));
	GRand *rand = g_rand_new_with_seed(seed);
	KernelConnection *c = history_table_add(h, history_table(h, KERNEL_CONNECTIONS_TABLE, sizeof *c));
	KernelNetInterface *i = history_table_add(h, history_table(h, KERNEL_NET_INTERFACES_TABLE, sizeof *i));

	*i = (KernelNetInterface){.reader = KERNEL_NET_NONE};
	*c = (KernelConnection){.address = {{1}, {2}}, .port = {1000, 80}};
	for (guint k = 0; k < n; k++) {
		gint64 sent = (gint64)(g_rand_double(rand) * 20e9), took = 20000 + (gint64)(g_rand_double(rand) * 500000);
		gboolean is_sender = k % 2 == host;
		KernelPacket *p = history_table_add(h, packets);

		*p = (KernelPacket){.time_ns = read_clock(clock, is_sender ? sent : sent + took), .seq = k * 100, .payload = 10, .protocol = KERNEL_PROTO_TCP,
				    .side = (guint8)(k % 2), .direction = is_sender ? KERNEL_NET_OUT : KERNEL_NET_IN};
	}
	g_rand_free(rand);
	g_assert_true(history_finish(h, NULL));
	return h;
}

static void test_hosts_are_aligned_by_packets(void)
{
	Clock clocks[3] = {{.offset = YEAR / 4, .rate = 30e-6}, {.offset = -YEAR / 5, .rate = -200e-6}, {.offset = 77}};
	/* the third one saw other packets */
	History *h[3] = {packet_history(&clocks[0], 0, 4000, 1), packet_history(&clocks[1], 1, 4000, 1), packet_history(&clocks[2], 1, 3, 2)};
	ExperimentInput inputs[3] = {{.name = "a", .history = h[0]}, {.name = "b", .history = h[1]}, {.name = "c", .history = h[2]}};
	g_autoptr(Experiment) e = experiment_new(inputs, 3, NULL, NULL);
	const ExperimentMember *b = experiment_member(e, 1);

	g_assert_cmpuint(e->root, ==, 0);
	g_assert_true(experiment_is_aligned(e, 1));
	g_assert_false(experiment_is_aligned(e, 2));
	g_assert_cmpuint(b->clock_of, ==, 0);
	g_assert_cmpuint(b->parent, ==, EXPERIMENT_NONE);
	g_assert_cmpint(b->level, ==, 0);
	g_assert_cmpuint(b->methods, ==, 1u << EXPERIMENT_BY_PACKETS);
	g_assert_cmpuint(b->constraints, ==, 4000);
	g_assert_cmpuint(b->contradictions, ==, 0);
	g_assert_cmpint(b->bound_ns, <, 100000);
	for (gint64 t = 0; t < 20 * SECOND; t += SECOND)
		g_assert_cmpint(ABS(experiment_to_root(e, 1, read_clock(&clocks[1], t)) - read_clock(&clocks[0], t)), <=, experiment_bound(e, 1));
	for (guint i = 0; i < 3; i++)
		history_free(h[i]);
}

/* Up and down again is the same time within a few ns, and neither ever runs backwards: over a pause, a slew and beyond the ends. */
static void test_times_are_monotone(void)
{
	Guest g = {.habit = &usual, .vcpus = 1, .from = SECOND, .to = 29 * SECOND, .paused_from = 9 * SECOND, .paused_to = 11 * SECOND,
		   .clock = {.offset = YEAR / 3, .broken = 10 * SECOND, .jump = -2 * SECOND, .rate = 200e-6, .rate_after = -200e-6}};
	World w = {.length = 30 * SECOND, .guests = &g, .n = 1};
	gint64 up = G_MININT64, down = G_MININT64;

	live_all(&w, 21);
	Trial t = try_world(&w, TRUE);
	const ExperimentMember *m = experiment_member(t.e, 0);
	g_assert_cmpuint(m->clocks->len, >=, 2);
	for (gint64 at = -5 * SECOND; at < 35 * SECOND; at += 777777) {
		gint64 u = experiment_up(m, at + g.clock.offset), d = experiment_down(m, at);

		g_assert_cmpint(u, >=, up);
		g_assert_cmpint(d, >=, down);
		gboolean in_jump = FALSE; /* in the pause: no time of the guest leads there */
		for (guint i = 0; i < m->clocks->len; i++)
			in_jump |= g_array_index(m->clocks, ExperimentClock, i).from_ns == d;
		if (!in_jump)
			g_assert_cmpint(ABS(experiment_up(m, d) - at), <=, 2);
		up = u;
		down = d;
	}
	g_assert_cmpint(experiment_up(m, G_MININT64), ==, G_MININT64);
	g_assert_cmpint(experiment_down(m, G_MAXINT64), ==, G_MAXINT64);
	trial_clear(&t);
	guest_clear(&g);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/experiment/random-guests-are-in-their-vms", test_random_guests);
	g_test_add_func("/experiment/busy-guest-on-real-hardware", test_a_busy_guest_on_real_hardware);
	g_test_add_func("/experiment/paused-guest-has-two-lines", test_a_guest_that_was_paused);
	g_test_add_func("/experiment/slewed-clock-has-two-lines", test_a_clock_that_is_slewed);
	g_test_add_func("/experiment/traces-overlap-in-part", test_traces_that_overlap_in_part);
	g_test_add_func("/experiment/lost-events-contradict-nothing", test_lost_events_contradict_nothing);
	g_test_add_func("/experiment/without-entries-and-exits", test_without_entries_and_exits);
	g_test_add_func("/experiment/strangers-fit-nowhere", test_strangers);
	g_test_add_func("/experiment/two-vms-alike-are-ambiguous", test_two_vms_alike);
	g_test_add_func("/experiment/without-a-host-all-are-roots", test_without_a_host);
	g_test_add_func("/experiment/hosts-are-aligned-by-packets", test_hosts_are_aligned_by_packets);
	g_test_add_func("/experiment/hypercalls-place-a-guest", test_hypercalls_place_a_guest);
	g_test_add_func("/experiment/times-that-are-none", test_times_that_are_none);
	g_test_add_func("/experiment/times-are-monotone", test_times_are_monotone);
	return g_test_run();
}
